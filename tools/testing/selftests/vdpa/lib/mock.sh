# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests with vdpa_mock, the parent that records who calls it; its debugfs.c
# says what the files are.

MOCK=/sys/kernel/debug/vdpa_mock
MOCK_PARAM=/sys/module/vdpa_mock/parameters

param() { # NAME: its value
	cat "$MOCK_PARAM/$1"
}

shape() { # NAME=VALUE...: of the devices to come
	local setting
	for setting; do
		printf '%s\n' "${setting#*=}" >"$MOCK_PARAM/${setting%%=*}" || return
	done
}

mock_add() { # NAME [NAME=VALUE...]: gone when the test ends
	local name=$1
	shift
	shape "$@" && vdpa dev add name "$name" mgmtdev platform/vdpa_mock || return
	devices+=("$name")
}

forget() { # the calls so far
	echo >$MOCK/calls
}

# calls NAME [PATTERN]: what of the device was called, in one line; the pattern
# is of whole names of operations
calls() {
	awk -v name="$1" -v pattern="^(${2:-.*})\$" '
		$1 == name && $2 ~ pattern { $1 = ""; printf "%s;", substr($0, 2) }
		END { print "" }' $MOCK/calls
}

# called NAME PATTERN CALLS: these and no others, "a 1;b 2;"
called() {
	local got
	got=$(calls "$1" "$2")
	[ "$got" = "$3" ] || { printf 'got   %s\nnot   %s\n' "$got" "$3"; return 1; }
}

fails() { # OPERATION ERROR [SKIP]
	echo "$*" >$MOCK/fail
}

slow() { # OPERATION MILLISECONDS
	echo "$*" >$MOCK/slow
}

rules_kept() {
	[ "$(param violations)" = 0 ] || { dmesg | grep 'not so'; return 1; }
}

none_left() { # no device of which free was not called
	[ "$(param allocated)" = 0 ]
}
