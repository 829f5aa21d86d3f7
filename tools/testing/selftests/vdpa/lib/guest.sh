# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# For tests with a guest of QEMU inside the VM: Debian's kernel, mostly this one again,
# on a root file system of busybox and a script that the test writes. An emulated VM has
# AMD's virtualization, so that the guest is emulated once and not twice.

GUEST_PATIENCE=240	# s, for a guest to boot
GUEST_APPEND="console=ttyS0 quiet panic=-1 net.ifnames=0 mitigations=off nokaslr \
tsc=reliable no_timer_check cryptomgr.notests apparmor=0 audit=0"
GUEST_MEMORY=192	# MiB

# What test gives us: where the VM's own has no image in /boot, because it was only
# unpacked or is one of those with checks
guest_image=${VDPA_GUEST_KERNEL:-/boot/vmlinuz-$(uname -r)}
[ -r "$guest_image" ] || skip_all "no image of a kernel to start a guest with"
guest_root=${guest_image%/boot/*}
guest_version=${guest_image##*/vmlinuz-}

guest_console=$scratch/console
guest=''

# The QEMU that has vhost-vdpa devices of any class, 8 or later: what test gives
# us, or the installed one
qemu_with_vdpa_device() {
	local qemu
	for qemu in ${VDPA_QEMU:+"$VDPA_QEMU"} qemu-system-x86_64; do
		# its status is 0 also when it knows no such device
		"$qemu" -device vhost-vdpa-device-pci,help 2>/dev/null |
			grep -q vhostdev && echo "$qemu" && return
	done
	return 1
}

# The kernel as QEMU starts it without firmware (PVH): what the image's header
# says is the payload, unpacked. Emulated, the image takes a minute to do so.
guest_kernel() {
	local image=$guest_image setup payload magic
	vmlinux=$scratch/vmlinux
	setup=$(od -An -tu1 -j $((0x1f1)) -N1 "$image")
	payload=$(od -An -tu4 -j $((0x248)) -N4 "$image")
	tail -c +$(((setup + 1) * 512 + payload + 1)) "$image" >"$scratch/payload"
	magic=$(od -An -tx4 -N4 "$scratch/payload" | tr -d ' ')
	# each complains of what follows its data
	case $magic in
	587a37fd)	xz -dc --single-stream ;;
	fd2fb528)	zstd -dc ;;
	*8b1f)		gzip -dc ;;
	esac <"$scratch/payload" >"$vmlinux" 2>/dev/null
	[ -s "$vmlinux" ]
}

# guest_program NAME...: and the libraries that it needs
guest_program() {
	local file
	for file in $(for name; do
		command -v "$name" && ldd "$(command -v "$name")" | grep -o '/[^ ]*'
	done); do
		mkdir -p "$scratch/guest/$(dirname "$file")" &&
			cp -L "$file" "$scratch/guest/$file" || return
	done
}

# guest_initramfs MODULE... <SCRIPT: of a guest that has these, and runs that
guest_initramfs() {
	local dir=$scratch/guest module name
	mkdir -p "$dir/bin" "$dir/modules"
	cp "$(command -v busybox)" "$dir/bin/busybox" || return
	for module; do
		modprobe -d "$guest_root/" -S "$guest_version" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
	done | awk '!seen[$0]++' >"$scratch/modules"
	while read -r module; do
		name=${module##*/}
		case $name in
		*.xz)	xz -dc "$module" >"$dir/modules/${name%.xz}" ;;
		*.zst)	zstd -qdc "$module" >"$dir/modules/${name%.zst}" ;;
		*)	cp "$module" "$dir/modules/" ;;
		esac || return
		echo "${name%.[xz]*}" >>"$dir/modules/order"
	done <"$scratch/modules"
	cat >"$dir/init" <<-'EOT'
		#!/bin/busybox sh
		PATH=/bin:/sbin:/usr/sbin:/usr/bin
		/bin/busybox mkdir -p /proc /sys /dev
		/bin/busybox mount -t devtmpfs devtmpfs /dev
		/bin/busybox mount -t proc proc /proc
		/bin/busybox --install -s /bin
		mount -t sysfs sysfs /sys
		for module in $(cat /modules/order); do
			insmod /modules/$module
		done
		# nic MAC: the interface that has it
		nic() {
			dirname "$(grep -l "$1" /sys/class/net/*/address)" | xargs basename
		}
		. /script
		while :; do sleep 1000; done
	EOT
	cat >"$dir/script"
	chmod +x "$dir/init"
	(cd "$dir" && find . | cpio -o -H newc --quiet) >"$scratch/initramfs"
}

# guest_start QEMU [ARGUMENT...]
guest_start() {
	local qemu=$1
	shift
	! grep -qw svm /proc/cpuinfo || modprobe kvm_amd
	! grep -qw vmx /proc/cpuinfo || modprobe kvm_intel
	: >"$guest_console"
	[ -p "$scratch/monitor" ] || mkfifo "$scratch/monitor" || return
	exec {guest_monitor}<>"$scratch/monitor"
	"$qemu" -nodefaults -no-user-config -display none \
		-machine q35 -accel kvm -accel tcg -cpu max -m "$GUEST_MEMORY" \
		-kernel "$vmlinux" -initrd "$scratch/initramfs" \
		-append "$GUEST_APPEND" -serial "file:$guest_console" \
		-monitor stdio "$@" <&"$guest_monitor" >"$scratch/qemu" 2>&1 &
	guest=$!
}

# guest_monitor COMMAND: of the guest's QEMU, which does not answer
guest_monitor() {
	echo "$*" >&"$guest_monitor"
}

guest_said() { # PATTERN
	grep -qE -- "$1" "$guest_console"
}

# guest_says SECONDS PATTERN: waits for it, but not for a guest that has died
guest_says() {
	wait_for "$1" eval "guest_said '$2' || ! kill -0 $guest"
	guest_said "$2" || { cat "$scratch/qemu"; tail -n 20 "$guest_console"; return 1; }
}

guest_kill() {
	{ kill -KILL "$guest" && wait "$guest"; } 2>/dev/null
	guest=''
}

guest_cleanup() {
	[ "$BASHPID" = $$ ] || return
	[ -z "$guest" ] || guest_kill
	cleanup
}
trap guest_cleanup EXIT

node_of() {
	echo "/dev/$(basename /sys/bus/vdpa/devices/"$1"/vhost-vdpa-*)"
}

can_be_opened() { # NAME...: the char devices
	local name
	for name; do
		: <>"$(node_of "$name")" || return
	done
}

# Pages that are pinned now
pinned() {
	# each CPU keeps a part of these to itself for a while
	echo 1 >/proc/sys/vm/stat_refresh
	awk '$1 ~ /^nr_foll_pin/ { n[$1] = $2 }
		END { print n["nr_foll_pin_acquired"] - n["nr_foll_pin_released"] }' /proc/vmstat
}

# guest_memory_is_pinned BEFORE
guest_memory_is_pinned() {
	[ "$(pinned)" -ge $(($1 + GUEST_MEMORY * 256)) ]
}

nothing_is_pinned() { # BEFORE
	[ "$(pinned)" -eq "$1" ]
}

md5_of() { # reads stdin
	md5sum | cut -d' ' -f1
}
