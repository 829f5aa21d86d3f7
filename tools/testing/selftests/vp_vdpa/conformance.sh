#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The conformance suite on the devices of functions: a disk that has packed rings, a
# network device, and one without a configuration space and without a driver here.
# What fails of the suite is shown as diagnostics.
. ./lib.sh
. ../vdpa/lib/conformance.sh

function_conforms() { # PASSED SKIPPED NAME FUNCTION
	local passed=$1 skipped=$2 name=$3
	shift 2
	add_function "$@" && bind "$name" vhost_vdpa && open_node "$name" &&
		conforms "$name" "$passed" "$skipped" && del "$name"
}

plan 3
need_functions blk net rng
blk=$(functions blk) net=$(functions net | head -n 1) rng=$(functions rng)

# A function tells no queue state, can't be suspended, and has one address space
check "disk" function_conforms 41 6 blk "$blk"
grep -o '^# [0-9w].*' "$scratch/tap"
check "network" function_conforms 32 15 net "$net"
check "random numbers" function_conforms 16 31 rng "$rng"

give "$blk" ''
give "$net" ''
give "$rng" ''
finish
