#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A guest of a newer QEMU (8 to 10): its devices of any class, a disk and a network
# interface of ours among them, its network back end as it starts now, and that
# one with the queues in QEMU's own hands (shadow virtqueues). The guest reboots
# in the middle; a mark on the disk tells it so.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
. ./lib/guest.sh

PORT=99
PATIENCE=90	# s
nets=(backend shadow device)

mac() { # NUMBER
	echo "02:00:00:00:09:0$1"
}

# Numbers 0 to 2 of $nets are 10.9.NUMBER.2, of which we are .1
make_guest() {
	guest_kernel && guest_initramfs virtio_pci virtio_net virtio_blk <<-EOT
		direct() { # dd OPERAND...: past the cache, in MiB
			dd bs=1M count=1 "\$@" 2>/dev/null
		}
		for i in 0 1 2; do
			dev=\$(nic $(mac '')\$i)
			ip link set \$dev up
			ip addr add 10.9.\$i.2/24 dev \$dev
			ping -c 3 10.9.\$i.1 && echo "guest: net \$i"
		done
		echo "guest: read \$(direct if=/dev/vda iflag=direct | md5sum)"
		if [ "\$(dd if=/dev/vda bs=8 skip=262144 count=1 2>/dev/null)" != "was here" ]; then
			direct if=/dev/urandom of=/data
			direct if=/data of=/dev/vda seek=1 oflag=direct
			echo "guest: wrote \$(md5sum </data)"
			printf 'was here' | direct of=/dev/vda seek=2 conv=fsync
			echo "guest: reboots"
			reboot -f
		fi
		echo "guest: kept \$(direct if=/dev/vda skip=1 iflag=direct | md5sum)"
		for i in 0 1 2; do
			nc -l -p $PORT | md5sum
		done
	EOT
}

set_up_host() {
	local dev i
	wait_for 5 netdev_of host && dev=$(netdev_of host) && ip link set "$dev" up || return
	for i in 0 1 2; do
		ip addr add "10.9.$i.1/24" dev "$dev" || return
	done
}

set_up_guest() {
	local i
	for i in 0 1 2; do
		add "${nets[i]}" net mac "$(mac "$i")" && bind "${nets[i]}" vhost_vdpa || return
	done
}

on_disk() { # MIB: hash of that much
	wait_for 5 disk_of disk && wait_for 5 test -b "/dev/$(disk_of disk)" || return
	dd if="/dev/$(disk_of disk)" bs=1M skip="$1" count=1 iflag=direct status=none | md5_of
}

set_up_disk() {
	add disk blk && bind disk virtio_vdpa && wait_for 5 disk_of disk &&
		wait_for 5 test -b "/dev/$(disk_of disk)" &&
		dd if=/dev/urandom of="/dev/$(disk_of disk)" bs=1M count=1 oflag=direct &&
		written=$(on_disk 0) && bind disk vhost_vdpa
}

# What the guest said last of the disk
guest_hash() { # VERB
	tr -d '\r' <"$guest_console" | sed -n "s/^guest: $1 \([0-9a-f]*\).*/\1/p" | tail -n 1
}

how_often() { # PATTERN TIMES
	[ "$(grep -c "$1" "$guest_console")" -eq "$2" ]
}

transfer() { # NUMBER
	head -c 300000 /dev/urandom >"$scratch/data"
	wait_for "$PATIENCE" eval "timeout $PATIENCE busybox nc 10.9.$1.2 $PORT <'$scratch/data'"
	guest_says "$PATIENCE" "$(md5_of <"$scratch/data")"
}

shows_what_guest_wrote() {
	bind disk virtio_vdpa && [ "$(on_disk 1)" = "$(guest_hash wrote)" ]
}

plan 19
need busybox cpio xz vdpa ping ip
qemu=$(qemu_with_vdpa_device) ||
	skip_all "no QEMU with vhost-vdpa-device-pci: bookworm-backports could not be reached"
before=$(pinned)
"$qemu" --version | head -n 1 | note

check "kernel and initramfs for the guest" make_guest
check "all devices on one segment" \
	eval "modprobe -a virtio_net virtio_blk && modprobe vdpa_sim_net segment=1"
check "device for this kernel" eval "add host net && bind host virtio_vdpa && set_up_host"
check "network devices for the guest" set_up_guest
check "disk for the guest, with something on it" set_up_disk

# The network back end tells the device the address that QEMU knows
guest_start "$qemu" \
	-netdev "vhost-vdpa,id=net0,vhostdev=$(node_of backend)" \
	-device "virtio-net-pci,netdev=net0,romfile=,mac=$(mac 0)" \
	-netdev "vhost-vdpa,id=net1,vhostdev=$(node_of shadow),x-svq=on" \
	-device "virtio-net-pci,netdev=net1,romfile=,mac=$(mac 1)" \
	-device "vhost-vdpa-device-pci,vhostdev=$(node_of device)" \
	-device "vhost-vdpa-device-pci,vhostdev=$(node_of disk)"
check "the guest boots and has written to its disk" \
	guest_says "$GUEST_PATIENCE" 'guest: reboots'
check "it read what was there" test "$(guest_hash read)" = "$written"
check "it reboots" guest_says "$GUEST_PATIENCE" 'guest: kept'
check "it reads what it wrote before" test "$(guest_hash kept)" = "$(guest_hash wrote)"
for i in 0 1 2; do
	check "network by ${nets[i]}, before and after" how_often "guest: net $i" 2
done
check "its memory is pinned" wait_for 20 guest_memory_is_pinned "$before"
for i in 0 1 2; do
	check "data arrives by ${nets[i]}" transfer $i
done

guest_kill
check "killed, it leaves nothing behind" wait_for 5 nothing_is_pinned "$before"
check "its devices are free" can_be_opened "${nets[@]}" disk
check "the disk has what the guest wrote" shows_what_guest_wrote
finish
