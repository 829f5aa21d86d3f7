# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests of vp_vdpa, with what ../vdpa/lib.sh has: virtio functions of the VM
# that "settings" describes.

# shellcheck source=../vdpa/lib.sh
. ../vdpa/lib.sh

pci=/sys/bus/pci

# functions net|blk|rng|bare: those behind the IOMMU that root ports lead to, but
# for those with SR-IOV; the one that is not behind it
functions() {
	local id dev device port behind=1 group
	case $1 in
	net) id=0x1041 ;;
	blk) id=0x1042 ;;
	rng) id=0x1044 ;;
	bare) id=0x1044 behind='' ;;
	esac
	for dev in "$pci"/devices/*; do
		# kernels with checks are slow to start a program for each
		read -r device <"$dev/device"
		[ "$device" = "$id" ] && [ ! -e "$dev/sriov_totalvfs" ] || continue
		port=$(readlink -f "$dev")
		[ -e "${port%/*}/class" ] || continue
		[ -e "$dev/iommu_group" ] && group=1 || group=''
		[ "$group" != "$behind" ] || echo "${dev##*/}"
	done
}

# The network function with SR-IOV, if there is one
physical_function() {
	local dev
	for dev in "$pci"/devices/*/sriov_totalvfs; do
		dev=${dev%/*}
		[ ! -e "$dev" ] || [ "$(cat "$dev/device")" != 0x1041 ] || echo "${dev##*/}"
	done
}

# For a program that has nothing to try
skip_program() { # REASON
	echo "1..0 # SKIP $1"
	exit $KSFT_SKIP
}

# need_functions CLASS...: skips all when there are not those
need_functions() {
	local class
	for class; do
		[ -n "$(functions "$class")" ] ||
			skip_all "no virtio $class function: run by tools/testing/test vp_vdpa"
	done
	[ -e "$pci/devices/$(functions "$1" | head -n 1)/iommu_group" ] ||
		skip_all "no IOMMU"
}

pci_driver_of() {
	local link
	link=$(readlink "$pci/devices/$1/driver") && echo "${link##*/}"
}

# give FUNCTION DRIVER: from whatever driver has it; "" for the kernel's choice
give() {
	local dev=$pci/devices/$1
	[ "$(pci_driver_of "$1")" != "$2" ] || return 0
	echo "$2" >"$dev/driver_override" &&
		{ [ ! -e "$dev/driver" ] || echo "$1" >"$dev/driver/unbind"; } &&
		echo "$1" >"$pci/drivers_probe" && [ -e "$dev/driver" ]
}

# take FUNCTION...: for vp_vdpa
take() {
	local function
	modprobe vp_vdpa || return
	for function; do
		give "$function" vp_vdpa || return
	done
}

# add_function NAME FUNCTION [OPTION...]: a device of it, gone when the test ends
add_function() {
	local name=$1 function=$2
	shift 2
	take "$function" &&
		vdpa dev add name "$name" mgmtdev "pci/$function" "$@" || return
	devices+=("$name")
}

# open_node NAME: its char device, for a moment
open_node() {
	wait_for 5 compgen -G "/sys/bus/vdpa/devices/$1/vhost-vdpa-*" &&
		: <>"/dev/$(basename /sys/bus/vdpa/devices/"$1"/vhost-vdpa-*)"
}

# Drivers of virtio devices, which udev would load otherwise
virtio_drivers() {
	modprobe -a virtio_net virtio_blk virtio_rng virtio_vdpa
}

# monitor COMMAND: of QEMU; it does not wait
monitor() {
	local port
	for port in /sys/class/virtio-ports/*; do
		[ "$(cat "$port/name")" = monitor ] || continue
		echo "$1" >"/dev/${port##*/}"
		return
	done
	return 1
}

# status NAME: whether the device is in need of a reset, by a driver's eyes
needs_reset() {
	local status
	status=$(cat /sys/bus/vdpa/devices/"$1"/virtio*/status)
	[ $((status & 0x40)) -ne 0 ]
}

# logged PATTERN: by the kernel, since this program runs
logged() {
	dmesg | awk '/vdpa-test: /{ n = 0 } { line[n++] = $0 }
		END { for (i = 0; i < n; i++) print line[i] }' | grep -q "$1"
}

# dhcp INTERFACE: an address on QEMU's user network
dhcp() {
	cat >"$scratch/udhcpc" <<-'EOT'
	#!/bin/sh
	[ "$1" != bound ] || ip addr replace "$ip/$mask" dev "$interface"
	EOT
	chmod +x "$scratch/udhcpc"
	ip link set "$1" up &&
		busybox udhcpc -i "$1" -n -q -f -t 5 -T 2 -s "$scratch/udhcpc"
}

# fetch N: the numbers up to N through HTTP, as they should be
fetch() {
	busybox wget -q -O "$scratch/fetched" "http://10.0.2.100/$1" &&
		seq 1 "$1" | cmp - "$scratch/fetched"
}
