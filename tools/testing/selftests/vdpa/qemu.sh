#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A guest of QEMU on a device by vhost_vdpa, and this kernel on another one of
# the same segment by virtio_vdpa, talk to each other.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
. ./lib/guest.sh

HOST=10.9.0.1
GUEST=10.9.0.2
PORT=99
PATIENCE=60		# s

make_guest() {
	guest_kernel && guest_initramfs virtio_pci virtio_net <<-EOT
		start() {
			ip link set eth0 up
			ip addr add $GUEST/24 dev eth0
			ping -c 3 $HOST && echo "guest: \$1"
		}
		start up
		nc -l -p $PORT | md5sum
		# as a reboot does: the device is reset and set up again
		device=\$(basename /sys/bus/virtio/drivers/virtio_net/virtio*)
		echo \$device >/sys/bus/virtio/drivers/virtio_net/unbind
		echo \$device >/sys/bus/virtio/drivers/virtio_net/bind
		start again
	EOT
}

set_up_host() {
	local dev
	wait_for 5 netdev_of host && dev=$(netdev_of host) &&
		ip addr add "$HOST/24" dev "$dev" && ip link set "$dev" up
}

transfer() {
	head -c 300000 /dev/urandom >"$scratch/data"
	timeout "$PATIENCE" busybox nc "$GUEST" "$PORT" <"$scratch/data"
	guest_says "$PATIENCE" "$(md5_of <"$scratch/data")"
}

plan 11
need qemu-system-x86_64 busybox cpio xz vdpa ping ip
before=$(pinned)

check "kernel and initramfs for the guest" make_guest
check "all devices on one segment" eval "modprobe virtio_net && modprobe vdpa_sim_net segment=1"
check "device for this kernel" eval "add host net && bind host virtio_vdpa && set_up_host"
check "device for the guest" eval "add guest net && bind guest vhost_vdpa"

guest_start qemu-system-x86_64 \
	-netdev "vhost-vdpa,id=net,vhostdev=$(node_of guest)" \
	-device virtio-net-pci,netdev=net,romfile=
check "the guest boots and reaches us" guest_says "$GUEST_PATIENCE" 'guest: up'
check "we reach it" ping -q -c 5 -W 10 "$GUEST"
check "its memory is pinned" wait_for 20 guest_memory_is_pinned "$before"
refuse "nobody else has the device" 'busy' can_be_opened guest
check "data arrives" transfer
check "the guest resets its device and goes on" guest_says "$PATIENCE" 'guest: again'

guest_kill
check "killed, it leaves nothing behind" \
	eval "wait_for 5 nothing_is_pinned $before && can_be_opened guest"
finish
