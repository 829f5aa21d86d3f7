#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A guest of QEMU on a device by vhost_vdpa, and this kernel on another one of
# the same segment by virtio_vdpa, talk to each other.
cd "$(dirname "$0")" || exit 1
. ./lib.sh

HOST=10.9.0.1
GUEST=10.9.0.2
PORT=99
BOOT_PATIENCE=240	# s, for emulation within emulation
PATIENCE=60		# s

image=/boot/vmlinuz-$(uname -r)
console=$scratch/console
qemu=''

# The kernel as QEMU starts it without firmware (PVH): what the image's header
# says is the payload, unpacked. Emulated, the image takes a minute to do so.
unpack_kernel() {
	local setup payload magic
	setup=$(od -An -tu1 -j $((0x1f1)) -N1 "$image")
	payload=$(od -An -tu4 -j $((0x248)) -N4 "$image")
	tail -c +$(((setup + 1) * 512 + payload + 1)) "$image" >"$scratch/payload"
	magic=$(od -An -tx4 -N4 "$scratch/payload" | tr -d ' ')
	# each complains of what follows its data
	case $magic in
	587a37fd)	xz -dc --single-stream ;;
	fd2fb528)	zstd -dc ;;
	*8b1f)		gzip -dc ;;
	esac <"$scratch/payload" >"$scratch/vmlinux" 2>/dev/null
	[ -s "$scratch/vmlinux" ]
}

modules_for_guest() {
	local module
	for module in virtio_pci virtio_net; do
		modprobe --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
	done | awk '!seen[$0]++'
}

make_initramfs() {
	local dir=$scratch/guest module name
	mkdir -p "$dir/bin" "$dir/modules"
	cp "$(command -v busybox)" "$dir/bin/busybox" || return
	for module in $(modules_for_guest); do
		name=${module##*/}
		case $name in
		*.xz)	xz -dc "$module" >"$dir/modules/${name%.xz}" ;;
		*.zst)	zstd -qdc "$module" >"$dir/modules/${name%.zst}" ;;
		*)	cp "$module" "$dir/modules/" ;;
		esac || return
		echo "${name%.[xz]*}" >>"$dir/modules/order"
	done
	cat >"$dir/init" <<-EOT
		#!/bin/busybox sh
		PATH=/bin
		busybox mkdir /proc /sys
		busybox mount -t proc proc /proc
		busybox --install -s /bin
		mount -t sysfs sysfs /sys
		for module in \$(cat /modules/order); do
			insmod /modules/\$module
		done
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
		while :; do sleep 1000; done
	EOT
	chmod +x "$dir/init"
	(cd "$dir" && find . | cpio -o -H newc --quiet) >"$scratch/initramfs"
}

node_of() {
	echo "/dev/$(basename /sys/bus/vdpa/devices/"$1"/vhost-vdpa-*)"
}

start_guest() {
	qemu-system-x86_64 -nodefaults -no-user-config -display none \
		-machine q35 -accel tcg -cpu max -m 192 \
		-kernel "$scratch/vmlinux" -initrd "$scratch/initramfs" \
		-append "console=ttyS0 quiet panic=-1 net.ifnames=0 mitigations=off nokaslr tsc=reliable no_timer_check" \
		-serial "file:$console" \
		-netdev "vhost-vdpa,id=net,vhostdev=$(node_of guest)" \
		-device virtio-net-pci,netdev=net,romfile= >"$scratch/qemu" 2>&1 &
	qemu=$!
}

guest_said() {
	grep -q "$1" "$console"
}

# wait_for, but not for a guest that has died
await() { # SECONDS TEXT
	wait_for "$1" eval "guest_said '$2' || ! kill -0 $qemu"
	guest_said "$2" || { cat "$scratch/qemu" "$console"; return 1; }
}

set_up_host() {
	local dev
	wait_for 5 netdev_of host && dev=$(netdev_of host) &&
		ip addr add "$HOST/24" dev "$dev" && ip link set "$dev" up
}

pinned() {
	awk '$1 ~ /^nr_foll_pin/ { n[$1] = $2 }
		END { print n["nr_foll_pin_acquired"] - n["nr_foll_pin_released"] }' /proc/vmstat
}

memory_is_pinned() {
	[ "$(pinned)" -ge $((192 * 256)) ]
}

transfer() {
	head -c 300000 /dev/urandom >"$scratch/data"
	timeout "$PATIENCE" busybox nc "$GUEST" "$PORT" <"$scratch/data"
	await "$PATIENCE" "$(md5sum <"$scratch/data" | cut -d' ' -f1)"
}

take() { # FILE: opens and closes it
	: <>"$1"
}

nothing_is_pinned() {
	[ "$(pinned)" -eq "$before" ]
}

plan 11
need qemu-system-x86_64 busybox cpio xz vdpa ping ip
[ -r "$image" ] || skip_all "no $image for the guest"
before=$(pinned)

check "kernel and initramfs for the guest" eval "unpack_kernel && make_initramfs"
check "all devices on one segment" eval "modprobe virtio_net && modprobe vdpa_sim_net segment=1"
check "device for this kernel" eval "add host net && bind host virtio_vdpa && set_up_host"
check "device for the guest" eval "add guest net && bind guest vhost_vdpa"

start_guest
check "the guest boots and reaches us" await "$BOOT_PATIENCE" 'guest: up'
check "we reach it" ping -q -c 5 -W 10 "$GUEST"
check "its memory is pinned" memory_is_pinned
refuse "nobody else has the device" 'busy' take "$(node_of guest)"
check "data arrives" transfer
check "the guest resets its device and goes on" await "$PATIENCE" 'guest: again'

kill -KILL "$qemu"
wait "$qemu" 2>/dev/null
check "killed, it leaves nothing behind" \
	eval "wait_for 5 nothing_is_pinned && take '$(node_of guest)'"
finish
