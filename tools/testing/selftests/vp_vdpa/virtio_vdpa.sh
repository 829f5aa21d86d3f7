#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's own virtio drivers on functions through vp_vdpa.
. ./lib.sh

interrupts_of() { # FUNCTION WHICH: how many there were
	awk -v name="vp_vdpa-$1-$2" '$NF == name {
		for (i = 2; $i ~ /^[0-9]+$/; i++) n += $i
		found = 1
	} END { if (!found) exit 1; print n + 0 }' /proc/interrupts
}

vstat() { # NAME QUEUE COUNTER
	vdpa dev vstats show "$1" qidx "$2" | sed -n "s/.* $3 \([0-9]*\).*/\1/p"
}

interrupted() { # FUNCTION WHICH
	[ "$(interrupts_of "$@")" -gt 0 ]
}

counted() {
	[ "$(vstat "$@")" -gt 0 ]
}

file_system() { # DISK
	local at=$scratch/mnt
	mkdir -p "$at" &&
		mkfs.ext4 -q "/dev/$1" &&
		mount "/dev/$1" "$at" &&
		for i in 1 2 3 4; do
			head -c 4M /dev/urandom >"$at/$i" || return
		done &&
		(cd "$at" && sha256sum 1 2 3 4 >"$scratch/sums") &&
		umount "$at" &&
		e2fsck -fn "/dev/$1" &&
		mount "/dev/$1" "$at" &&
		(cd "$at" && sha256sum -c "$scratch/sums") &&
		umount "$at"
}

on_cpu() { # FUNCTION WHICH: hint for its interrupt
	local irq
	irq=$(awk -v name="vp_vdpa-$1-$2" '$NF == name { print $1 + 0 }' /proc/interrupts)
	[ -n "$irq" ] && grep -q '[^0,]' "/proc/irq/$irq/affinity_hint"
}

packed() { # NAME: negotiated
	local bits
	bits=$(cat /sys/bus/vdpa/devices/"$1"/virtio*/features) && [ "${bits:34:1}" = 1 ]
}

random_bytes() {
	grep -q '^virtio_rng' /sys/class/misc/hw_random/rng_available &&
		grep . /sys/class/misc/hw_random/rng_available | tr ' ' '\n' |
			grep '^virtio_rng' | tail -n 1 >/sys/class/misc/hw_random/rng_current &&
		[ "$(head -c 64 /dev/hwrng | wc -c)" -eq 64 ]
}

plan 23
need busybox mkfs.ext4 ping
need_functions net blk rng
net=$(functions net | head -n 1)
blk=$(functions blk)
rng=$(functions rng)
check "drivers load" virtio_drivers

check "network function" add_function net "$net"
check "has an interface" wait_for 5 netdev_of net
nic=$(netdev_of net)
check "DHCP" dhcp "$nic"
check "ping" ping -c 3 -W 5 -i 0.2 10.0.2.2
check "20 MB through HTTP" fetch 2900000
check "receive interrupts" interrupted "$net" vq0
check "transmit interrupts" interrupted "$net" vq1
check "an interrupt for the configuration" interrupts_of "$net" config
check "kicks are counted" counted net 1 kicks
check "interrupts are counted" counted net 0 interrupts
check "link down" sh -c "$(declare -f monitor)"'; monitor "set_link nic0 off"'
check "reaches the driver" wait_for 10 grep -q 0 "/sys/class/net/$nic/carrier"
monitor "set_link nic0 on"
check "and up again" wait_for 10 grep -q 1 "/sys/class/net/$nic/carrier"

check "block function" add_function blk "$blk"
check "has a disk" wait_for 5 disk_of blk
check "packed rings" packed blk
check "a file system on it" file_system "$(disk_of blk)"
check "one queue a CPU, with its interrupt there" on_cpu "$blk" vq1

check "random number function" add_function rng "$rng"
check "gives random numbers" random_bytes
check "by the only interrupt that it has" interrupted "$rng" shared0

del net blk rng
check "no interrupt is left behind" not grep -q vp_vdpa- /proc/interrupts

give "$net" ''; give "$blk" ''; give "$rng" ''
finish
