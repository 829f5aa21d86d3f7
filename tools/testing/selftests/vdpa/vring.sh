#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The KUnit suites of the ring library as a program, for kernels without KUnit,
# and how many of the library's lines they run through; then what fuzzers of the
# ring came across.
set -u

dir=../../vring
least=95

[ -x "$dir/vring_test" ] || { echo "1..0 # SKIP not built"; exit 4; }

rm -f "$dir"/*.gcda
said=$("$dir/vring_test" 2>&1)
status=$?
last=$(($(sed -n 's/^1\.\.//p' <<<"$said") + 2))
# shellcheck disable=SC2001 # no variable for a pattern of lines
sed "s/^1\.\..*/1..$last/" <<<"$said"

# Each source with its numbers, also headers: "Lines executed:98.0% of 50"
read -r covered branches < <(cd "$dir" && gcov -bn vring.o split.o packed.o translate.o space.o |
	awk -F"[:'% ]+" '
	/^File / { ours = /drivers\/vdpa\/vring\// }
	/^Lines executed/ && ours { run += $3 * $5; all += $5 }
	/^Taken at least once/ && ours { taken += $5 * $7; ways += $7 }
	/^$/ { ours = 0 }
	END { printf "%.1f %.1f\n", all ? run / all : 0, ways ? taken / ways : 0 }')
echo "# $covered % of the lines of the library, $branches % of the branches"
if awk "BEGIN { exit !($covered > $least) }"; then
	echo "ok $((last - 1)) line coverage above $least %"
else
	echo "not ok $((last - 1)) line coverage above $least %"
	status=1
fi

# A hostile driver's inputs, of which each once led somewhere new
if said=$("$dir/vring_fuzz" "$dir/corpus" 2>&1); then
	echo "ok $last $(grep -c '^# input' <<<"$said") inputs of a hostile driver"
else
	tail -n 40 <<<"$said" | sed 's/^/# /'
	echo "not ok $last inputs of a hostile driver"
	status=1
fi
exit $status
