#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Functions that go away, fail or change hands while somebody uses them.
. ./lib.sh

# up: the first network function under virtio_vdpa, with an address
up() {
	add_function net "$net" && wait_for 5 netdev_of net &&
		dhcp "$(netdev_of net)"
}

works() {
	ping -c 1 -W 5 10.0.2.2
}

load=''

# flood: traffic until settle; pings that get no answer any more do no harm
flood() {
	local nic
	nic=$(netdev_of net)
	ping -q -i 0.002 -I "$nic" 10.0.2.2 &>/dev/null &
	load=$!
}

read_disk() {
	(while dd if="/dev/$1" of=/dev/null bs=256k iflag=direct; do :; done) &>/dev/null &
	load=$!
}

settle() {
	kill "$load"
	wait "$load"
} 2>/dev/null

# recovery SUCCESS TIMES: how often the kernel has come to that end
recovery() {
	[ "$(dmesg | awk -v end="device recovery $1" '/vdpa-test: /{ n = 0 } $0 ~ end { n++ }
		END { print n + 0 }')" -eq "$2" ]
}

gone() { # FUNCTION
	[ ! -e "$pci/devices/$1" ]
}

rescan() { # FUNCTION
	echo 1 >"$pci/rescan"
	wait_for 10 test -e "$pci/devices/$1"
}

# Has the function answer no access to its registers, as one that was pulled; it can
# still report errors (SERR#)
pull() {
	printf '\0\1' | dd of="$pci/devices/$1/config" bs=1 seek=4 conv=notrunc status=none
}

change_hands() {
	local i
	for i in $(seq 10); do
		give "$net" virtio-pci && give "$net" vp_vdpa &&
			vdpa dev add name net mgmtdev "pci/$net" &&
			wait_for 5 netdev_of net &&
			{ [ $((i % 2)) -eq 0 ] || vdpa dev del net; } || return
	done
}

change_drivers() {
	local i
	for i in $(seq 5); do
		echo net >/sys/bus/vdpa/drivers/virtio_vdpa/unbind &&
			echo net >/sys/bus/vdpa/drivers/virtio_vdpa/bind || return
	done
	wait_for 5 netdev_of net && dhcp "$(netdev_of net)"
}

unbind_under_load() { # FUNCTION DRIVER
	timeout 20 sh -c "echo $1 >$pci/drivers/vp_vdpa/unbind"
}

remove_function() {
	timeout 20 sh -c "echo 1 >$pci/devices/$1/remove"
}

reset_function() {
	timeout 20 sh -c "echo 1 >$pci/devices/$1/reset"
}

plan 66
need busybox ping
need_functions net blk
net=$(functions net | head -n 1)
other=$(functions net | sed -n 2p)
blk=$(functions blk)
virtio_drivers && modprobe vp_vdpa
# which gives each interface VLAN 0 and takes it away, by commands for whose end the
# driver waits, also for that of a device that is gone
modprobe -q 8021q

check "10 times between virtio-pci and vp_vdpa" change_hands
del net 2>/dev/null
check "network is up" up
flood
check "5 times between bus drivers, with traffic" change_drivers
settle
check "it works" works

# A reset of the function takes all it knew away
flood
check "function-level reset under load" reset_function "$net"
settle
check "the device needs a reset" needs_reset net
check "a driver that begins again" change_drivers
check "finds it in order" works

monitor "pcie_aer_inject_error nic0 POISON_TLP"
check "error that is not fatal" wait_for 10 logged 'device recovery successful'
check "does no harm" works

# The function's slot is reset, and with it all that the function was told
flood
monitor "pcie_aer_inject_error nic0 DLP"
check "after a fatal one under load" wait_for 10 logged 'link has been reset (0)'
check "the function recovers" wait_for 10 recovery successful 2
settle
check "the device needs a reset once more" needs_reset net
check "which gives it back" change_drivers
check "all that it was" works

# The port of the other one can't have its link reset, so the kernel gives up
check "other function" add_function other "$other"
check "is in order" wait_for 5 netdev_of other
monitor "pcie_aer_inject_error nic1 DLP"
check "after its fatal error it needs a reset" wait_for 10 needs_reset other
check "the kernel gives up" wait_for 10 recovery failed 1
check "dev del of what does not answer" timeout 60 vdpa dev del other
refuse "it makes no device meanwhile" 'does not answer' \
	vdpa dev add name other mgmtdev "pci/$other"
check "other function out" remove_function "$other"
check "and in again" rescan "$other"
check "is what it was" add_function other "$other"
check "in order, too" wait_for 5 netdev_of other
monitor "pcie_aer_inject_error nic1 DLP"
check "once more in need of a reset" wait_for 10 needs_reset other
check "and given up" wait_for 10 recovery failed 2
check "nobody waits for it when it goes" timeout 9 sh -c "echo 1 >$pci/devices/$other/remove"
check "it comes back" rescan "$other"
check "and is used" add_function other "$other"
vdpa dev del other

flood
check "dev del under load" timeout 20 vdpa dev del net
settle
check "network is up again" up
flood
check "unbinding the function under load" unbind_under_load "$net"
settle
check "takes the device along" not test -e /sys/bus/vdpa/devices/net
check "once more" up

flood
check "removal under load" remove_function "$net"
settle
check "takes the function along" gone "$net"
check "which comes back" rescan "$net"
check "and works" up

# What is saved for its reset is that it answers nothing
pull "$net"
check "reset of one that does not answer" reset_function "$net"
monitor "pcie_aer_inject_error nic0 DLP"
check "after the next fatal error" wait_for 10 logged 'does not answer after the reset'
check "the kernel gives it up" wait_for 10 recovery failed 3
# whose reset waits 10 s for a function that may come back
check "dev del of it does not wait" timeout 9 vdpa dev del net
check "one that was given up" remove_function "$net"
check "comes back" rescan "$net"
check "and works" up

flood
pull "$net"
check "function that was pulled" remove_function "$net"
settle
check "is gone" gone "$net"
check "comes back" rescan "$net"
check "and works as before" up
vdpa dev del net

# By the hand of the machine's owner, with the attention button's 5 seconds
check "other function" add_function other "$other"
check "has an interface" wait_for 5 netdev_of other
nic=$(netdev_of other)
ip link set "$nic" up
ping -q -i 0.002 -I "$nic" 10.0.2.2 &>/dev/null &
load=$!
check "unplugged under load" monitor "device_del nic1"
check "it goes" wait_for 20 gone "$other"
settle
check "and its device" not test -e /sys/bus/vdpa/devices/other
monitor "device_add virtio-net-pci,id=nic1,bus=port4,netdev=net1,aer=on,vectors=2,disable-legacy=on,iommu_platform=on,ats=off"
check "plugged in again" wait_for 20 test -e "$pci/devices/$other"
check "it is used again" add_function other "$other"
vdpa dev del other

check "disk" add_function blk "$blk"
check "has a node" wait_for 5 disk_of blk
read_disk "$(disk_of blk)"
check "dev del while it is read" timeout 20 vdpa dev del blk
settle
check "disk again" add_function blk "$blk"
wait_for 5 disk_of blk
read_disk "$(disk_of blk)"
check "unplugged while it is read" remove_function "$blk"
settle
check "comes back too" rescan "$blk"
check "and is read" bash -c ". ./lib.sh; add_function blk2 $blk && wait_for 5 disk_of blk2 &&
	dd if=/dev/\$(disk_of blk2) of=/dev/null bs=1M count=4 iflag=direct; s=\$?; del blk2; exit \$s"

check "disk once more" add_function blk "$blk"
check "module unloads with a device in use" timeout 20 rmmod vp_vdpa

for function in "$net" "$other" "$blk"; do
	give "$function" ''
done
finish
