#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Functions as management devices, and what can be asked of the devices made of
# them.
. ./lib.sh

# config NAME WORD...: what the configuration shows
config() {
	local name=$1 word
	shift
	for word; do
		vdpa dev config show "$name" | grep -qF -- "$word" ||
			{ vdpa dev config show "$name"; return 1; }
	done
}

mgmtdev() { # FUNCTION WORD...
	local function=$1 word
	shift
	for word; do
		vdpa mgmtdev show "pci/$function" | grep -qE -- "$word" ||
			{ vdpa mgmtdev show "pci/$function"; return 1; }
	done
}

# The control queue works: a change of address is a command to the device
commands() {
	local nic
	nic=$(netdev_of "$1") &&
		timeout 5 ip link set "$nic" address 02:00:00:00:00:77 &&
		timeout 5 ip link set "$nic" up
}

two_pairs() {
	[ "$(find "/sys/class/net/$(netdev_of "$1")/queues" -name 'tx-*' | wc -l)" -eq 2 ]
}

bind_by_new_id() {
	give "$net" '' && echo "$net" >"$pci/devices/$net/driver/unbind" &&
		echo 1af4 1041 >"$pci/drivers/vp_vdpa/new_id" &&
		wait_for 5 test "$(pci_driver_of "$net")" = vp_vdpa &&
		echo 1af4 1041 >"$pci/drivers/vp_vdpa/remove_id"
}

plan 33
need_functions net blk rng
net=$(functions net | head -n 1)
blk=$(functions blk)
rng=$(functions rng)

check "vp_vdpa loads" modprobe vp_vdpa
check "it takes no function by itself" not ls "$pci"/drivers/vp_vdpa/0*
check "functions go to it by override" take "$net" "$blk" "$rng"
check "function by new_id" bind_by_new_id
check "network function" mgmtdev "$net" 'classes net$' 'VERSION_1 ACCESS_PLATFORM'
check "block function" mgmtdev "$blk" 'classes block$' 'max_supported_vqs 2$'
check "another class of function" mgmtdev "$rng" 'supported_classes 0x10$|bit_4|unknown'

# One that is not behind the IOMMU: the VM's own
bare=''
for dev in "$pci"/devices/*; do
	[ "$(cat "$dev/device")" != 0x1005 ] || bare=${dev##*/}
done
check "function without ACCESS_PLATFORM" take "$bare"
refuse "makes no device" ACCESS_PLATFORM \
	vdpa dev add name bare mgmtdev "pci/$bare"
check "it goes back" give "$bare" ''

mac=52:54:00:12:34:56
check "device with all of the function" add_function net "$net"
check "its configuration" config net "mac $mac" "link up" "mtu 1500" "max_vq_pairs 1"
refuse "a function makes one device" 'in use as net' \
	vdpa dev add name net2 mgmtdev "pci/$net"
check "dev del" del net

refuse "other MAC address" "can't be changed from $mac" \
	vdpa dev add name net mgmtdev "pci/$net" mac 02:00:00:00:00:01
refuse "larger MTU" 'MTU of the function is 1500' \
	vdpa dev add name net mgmtdev "pci/$net" mtu 1501
refuse "more queue pairs" 'has 1 queue pairs' \
	vdpa dev add name net mgmtdev "pci/$net" max_vqp 2
check "its own MAC address, pairs, and a smaller MTU" \
	add_function net "$net" mac $mac mtu 1400 max_vqp 1
check "which is shown" config net "mac $mac" "mtu 1400" "max_vq_pairs 1"
check "dev del of it" del net

refuse "network attributes on a disk" 'not supported' \
	vdpa dev add name blk mgmtdev "pci/$blk" mtu 1400

# Fewer pairs than the function has: the control queue gets another number
pairs=$(functions net | sed -n 3p)
if [ -n "$pairs" ]; then
	virtio_drivers
	check "device with all queue pairs" add_function all "$pairs"
	check "which are shown" config all "max_vq_pairs 2"
	check "it takes commands" wait_for 5 commands all
	check "two pairs are used" two_pairs all
	vdpa dev del all
	check "device with fewer" add_function one "$pairs" max_vqp 1
	check "which is what it shows" config one "max_vq_pairs 1"
	check "three queues" grep -q 'max_vqs 3 ' <(vdpa dev show one)
	check "it takes commands as well" wait_for 5 commands one
	vdpa dev del one
	give "$pairs" ''
else
	for name in all shown commands pairs fewer less three commands; do
		skip "queue pairs: $name" "QEMU's back end for them needs root and /dev/net/tun"
	done
fi

# Past the IOMMU it is for this kernel only
exposed=$(functions bare)
check "device of a function that no IOMMU translates for" add_function exposed "$exposed"
check "it is given to vhost_vdpa" bind exposed vhost_vdpa
refuse "which does not open it" 'not supported' open_node exposed
check "and says what is missing" logged 'no IOMMU translates for it: turn the IOMMU on'
vdpa dev del exposed

give "$net" ''; give "$blk" ''; give "$rng" ''; give "$exposed" ''
finish
