# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests that run the conformance suite on a device.

# conforms NAME PASSED SKIPPED: on a device that vhost_vdpa has. What fails is shown as
# diagnostics, and what is skipped when that is more or less than it should be: what a
# parent has lost would be skipped otherwise.
conforms() {
	local name=$1 expected="$2 passed, $3 skipped" got
	./conformance "$name" >"$scratch/tap" || { grep -v '^ok' "$scratch/tap"; return 1; }
	got=$(awk '/^ok .*# SKIP/ { skipped++; next } /^ok / { passed++ }
		END { print passed + 0 " passed, " skipped + 0 " skipped" }' "$scratch/tap")
	[ "$got" != "$expected" ] || return 0
	echo "$got, not $expected"
	grep '# SKIP' "$scratch/tap"
	return 1
}

# calls_as_asked: in what the last run said; a device may call for more (2.7.7.2)
calls_as_asked() {
	! grep 'not asked for' "$scratch/tap"
}
