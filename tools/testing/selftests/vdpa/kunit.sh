#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The KUnit suites of our modules, where the kernel has KUnit.
set -u

results=/sys/kernel/debug/kunit

modprobe -q -a vdpa_vring_test vdpa_sim_net_test || { echo "1..0 # SKIP a kernel without KUnit"; exit 4; }

# The cases of all suites, numbered through
cat "$results"/vdpa*/results | awk '
	/^ +(not )?ok [0-9]+ / {
		sub(/^ +/, "")
		sub(/ok [0-9]+/, "ok " ++n)
		if (/^not/)
			failed++
		print
		next
	}
	/^ *#/ { print }
	END { print "1.." n + 0; exit !n || failed }'
