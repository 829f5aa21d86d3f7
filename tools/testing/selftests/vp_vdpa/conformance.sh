#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The conformance suite on the device of a function, a disk that has packed rings.
# What fails of the suite is shown as diagnostics.
. ./lib.sh

conforms() { # NAME FUNCTION
	add_function "$1" "$2" && bind "$1" vhost_vdpa && open_node "$1" || return
	if ! ./conformance "$1" >"$scratch/tap"; then
		grep -v '^ok' "$scratch/tap"
		return 1
	fi
	del "$1"
}

plan 1
need_functions blk
blk=$(functions blk)
check "disk" conforms blk "$blk"
grep -o 'Totals.*' "$scratch/tap" | note

give "$blk" ''
finish
