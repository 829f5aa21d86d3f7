#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A physical function under vp_vdpa, and its virtual functions: two at once, each
# for another kind of driver.
. ./lib.sh

enable() { # HOW MANY
	echo "$1" >"$pci/devices/$pf/sriov_numvfs"
}

virtual_functions() {
	local link
	for link in "$pci/devices/$pf"/virtfn*; do
		[ ! -e "$link" ] || basename "$(readlink "$link")"
	done
}

how_many() {
	[ "$(virtual_functions | wc -l)" -eq "$1" ]
}

pf=$(physical_function)
[ -n "$pf" ] ||
	skip_program "no virtio function with SR-IOV: QEMU has them since 10.1, bookworm-backports has 10.0"
plan 20
need busybox ping
virtio_drivers

check "physical function" take "$pf"
echo 0 >"$pci/devices/$pf/sriov_drivers_autoprobe"
refuse "more virtual functions than there are" 'out of range' enable 3
check "two of them" enable 2
check "are there" how_many 2
read -rd '' one two < <(virtual_functions)
check "without a driver" not pci_driver_of "$one"
refuse "another number meanwhile" 'busy' enable 1

check "first one" add_function one "$one"
check "has an interface" wait_for 5 netdev_of one
check "DHCP" dhcp "$(netdev_of one)"
check "ping" ping -c 3 -W 5 -i 0.2 10.0.2.2
check "second one" take "$two"
check "is driven from user space at the same time" \
	env VPF_NET="$two" ./vhost_vdpa -t frames_both_ways
check "the first one has kept its network" ping -c 3 -W 5 -i 0.2 10.0.2.2
check "the physical function is a device too" add_function pf "$pf"
check "with an interface" wait_for 5 netdev_of pf

nic=$(netdev_of one)
ping -q -i 0.002 -I "$nic" 10.0.2.2 &>/dev/null &
load=$!
check "virtual functions off, with traffic" timeout 20 sh -c "echo 0 >$pci/devices/$pf/sriov_numvfs"
kill $load
wait $load 2>/dev/null
check "takes their devices along" not test -e /sys/bus/vdpa/devices/one
check "and not the physical one's" netdev_of pf

enable 2
check "the physical function goes" timeout 20 sh -c "echo $pf >$pci/drivers/vp_vdpa/unbind"
check "and the virtual ones with it" how_many 0

echo 1 >"$pci/devices/$pf/sriov_drivers_autoprobe"
give "$pf" ''
finish
