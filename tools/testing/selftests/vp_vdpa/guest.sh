#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A guest of QEMU on functions behind the IOMMU: the network function by -netdev
# vhost-vdpa, the disk by vhost-vdpa-device-pci where QEMU has it. It is reset and
# sleeps meanwhile, and its function is pulled in the end. In the guest vp_vdpa
# sleeps, too: this VM can't, as its root file system would not wake up again.
. ./lib.sh
# shellcheck source=../vdpa/lib/guest.sh
. ../vdpa/lib/guest.sh
[ "$guest_version" = "$(uname -r)" ] || skip_program "vp_vdpa of this tree is built for another kernel than the guest's"

NUMBERS=100000
PATIENCE=120	# s

make_guest() {
	guest_kernel && guest_program vdpa &&
		guest_initramfs virtio_pci virtio_net virtio_blk virtio_rng vp_vdpa \
			virtio_vdpa <<-EOT
		fetch() {
			echo "guest: \$1 \$(wget -q -O - http://10.0.2.100/$NUMBERS | md5sum)"
		}
		function=\$(basename \$(dirname \$(grep -l 0x1044 /sys/bus/pci/devices/*/device)))
		random() {
			head -c 64 /dev/hwrng | wc -c | grep -qx 64 && echo "guest: \$1"
		}

		ip link set eth0 up
		ip addr add 10.0.2.15/24 dev eth0
		fetch fetched
		if [ -b /dev/vda ]; then
			dd if=/dev/urandom of=/data bs=1M count=1
			dd if=/data of=/dev/vda bs=1M oflag=direct
			echo "guest: wrote \$(md5sum </data)"
		fi

		cd /sys/bus/pci/devices/\$function
		echo vp_vdpa >driver_override
		echo \$function >driver/unbind
		echo \$function >/sys/bus/pci/drivers_probe
		vdpa dev add name rng mgmtdev pci/\$function
		random "random numbers"
		echo 0 >/sys/module/suspend/parameters/pm_test_delay
		echo devices >/sys/power/pm_test
		echo freeze >/sys/power/state && echo "guest: slept"
		random "random numbers after sleep"
		fetch awake

		while :; do ping -c 1 -W 5 10.0.2.2 >/dev/null; done
	EOT
}

set_up() {
	add_function net "$net" && bind net vhost_vdpa || return
	[ -z "$with_disk" ] || { add_function blk "$blk" && bind blk vhost_vdpa; }
}

hash_said() { # VERB
	tr -d '\r' <"$guest_console" | sed -n "s/^guest: $1 \([0-9a-f]*\).*/\1/p" | tail -n 1
}

right() { # VERB TIMES
	[ "$(grep -c "guest: $1 $numbers" "$guest_console")" -ge "$2" ]
}

# fetches SECONDS VERB TIMES: what it should be
fetches() {
	wait_for "$1" right "$2" "$3" || { tail -n 20 "$guest_console"; return 1; }
}

on_disk() {
	bind blk virtio_vdpa && wait_for 5 disk_of blk &&
		wait_for 5 test -b "/dev/$(disk_of blk)" || return
	dd if="/dev/$(disk_of blk)" bs=1M count=1 iflag=direct status=none | md5_of
}

gone() {
	[ ! -e "$pci/devices/$net" ] && [ ! -e /sys/bus/vdpa/devices/net ]
}

plan 15
need busybox cpio xz qemu-system-x86_64
need_functions net blk
net=$(functions net | head -n 1)
blk=$(functions blk)
virtio_drivers
numbers=$(seq 1 $NUMBERS | md5_of)
with_disk=''
if qemu=$(qemu_with_vdpa_device); then
	with_disk=1
else
	qemu='qemu-system-x86_64'
fi
"$qemu" --version | head -n 1 | note

check "kernel and initramfs for the guest" make_guest
check "devices of functions" set_up
before=$(pinned)
args=(-device "virtio-rng-pci,disable-legacy=on,iommu_platform=on"
	-netdev "vhost-vdpa,id=net,vhostdev=$(node_of net)"
	-device "virtio-net-pci,netdev=net,romfile=,page-per-vq=on,mac=52:54:00:12:34:56")
[ -z "$with_disk" ] || args+=(-device "vhost-vdpa-device-pci,vhostdev=$(node_of blk)")
guest_start "$qemu" "${args[@]}"

check "the guest boots" guest_says "$GUEST_PATIENCE" 'guest: fetched'
check "what it fetched is right" right fetched 1
check "its memory is pinned" wait_for 20 guest_memory_is_pinned "$before"
guest_monitor system_reset
check "reset by its owner, it boots and fetches again" fetches "$GUEST_PATIENCE" fetched 2
check "a function of its own under vp_vdpa" guest_says "$PATIENCE" 'guest: random numbers'
check "it goes to sleep and wakes up" guest_says "$PATIENCE" 'guest: slept'
check "vp_vdpa's device works after that" guest_says "$PATIENCE" 'numbers after sleep'
check "its network, too" fetches "$PATIENCE" awake 1

check "function unplugged under it" monitor "device_del nic0"
check "it goes" wait_for 30 gone
guest_kill
check "killed, it leaves nothing behind" wait_for 5 nothing_is_pinned "$before"
if [ -n "$with_disk" ]; then
	check "the disk has what it wrote" test "$(on_disk)" = "$(hash_said wrote)"
else
	skip "the disk has what it wrote" "no QEMU with vhost-vdpa-device-pci: bookworm-backports could not be reached"
fi
monitor "device_add virtio-net-pci,id=nic0,bus=port1,netdev=net0,page-per-vq=on,mq=on,host_mtu=1500,aer=on,disable-legacy=on,iommu_platform=on,ats=on"
check "the function comes back" wait_for 20 test -e "$pci/devices/$net"

give "$blk" ''; give "$net" ''
finish
