#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The conformance suite on each of our parents that needs no hardware. One
# case a device here; what fails of the suite is shown as diagnostics.

cd "$(dirname "$0")" || exit 1
. ./lib.sh

version_1=32 platform=33 packed=34 event_idx=29

features() { # BIT...
	local bit sum=0
	for bit; do
		sum=$((sum | 1 << bit))
	done
	printf '0x%x' "$sum"
}

# NAME net|blk [OPTION...]
conforms() {
	local name=$1 class=$2
	shift 2
	add "$name" "$class" "$@" && bind "$name" vhost_vdpa || return
	wait_for 5 compgen -G "/sys/bus/vdpa/devices/$name/vhost-vdpa-*" || return
	# ours call for nothing that was not asked for, which a device may
	if ! ./conformance "$name" >"$scratch/tap" || grep 'not asked for' "$scratch/tap"; then
		grep -v '^ok' "$scratch/tap"
		return 1
	fi
	del "$name"
}

plan 4
check "network device, as it is by default" conforms conf0 net
check "network device with packed rings" conforms conf1 net \
	device_features "$(features 3 5 16 $version_1 $platform $packed $event_idx)"
check "disk, as it is by default" conforms conf2 blk
check "disk with packed rings" conforms conf3 blk \
	device_features "$(features 1 2 6 9 $version_1 $platform $packed $event_idx)"
finish
