#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The conformance suite on each of our parents that needs no hardware. One
# case a device here; what fails of the suite is shown as diagnostics.

cd "$(dirname "$0")" || exit 1
. ./lib.sh
. lib/conformance.sh

version_1=32 platform=33 packed=34 event_idx=29

features() { # BIT...
	local bit sum=0
	for bit; do
		sum=$((sum | 1 << bit))
	done
	printf '0x%x' "$sum"
}

has_node() { # NAME
	bind "$1" vhost_vdpa &&
		wait_for 5 compgen -G "/sys/bus/vdpa/devices/$1/vhost-vdpa-*"
}

# simulated PASSED SKIPPED NAME net|blk [OPTION...]
simulated() {
	local passed=$1 skipped=$2 name=$3
	shift 2
	add "$@" && has_node "$name" && conforms "$name" "$passed" "$skipped" &&
		calls_as_asked && del "$name"
}

# Skipped are packed rings, by default, and a disk's second address space
plan 4
check "network device, as it is by default" simulated 41 6 conf0 net
check "network device with packed rings" simulated 47 0 conf1 net \
	device_features "$(features 3 5 16 $version_1 $platform $packed $event_idx)"
check "disk, as it is by default" simulated 40 7 conf2 blk
check "disk with packed rings" simulated 46 1 conf3 blk \
	device_features "$(features 1 2 6 9 $version_1 $platform $packed $event_idx)"
finish
