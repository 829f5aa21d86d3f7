#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# virtio_vdpa on the mock parent: names in sysfs, what it calls from binding to
# unbinding and in which order, rings of odd sizes, interrupts, affinity, and
# parents that are slow, refuse or break.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
. ./lib/mock.sh

BUS=/sys/bus/vdpa
# VERSION_1, ACCESS_PLATFORM, MAC, STATUS; and RING_PACKED; or NOTIFICATION_DATA
NET=0x300010020
PACKED=0x700010020 WITH_DATA=0x4300010020
CHANGES='set_.*|reset|free|suspend|resume'

# 02:00:00:00:00:01, link is up, one queue pair
NET_CONFIG=02000000000101000100dc05

virtio_of() { # NAME: virtioN
	basename "$(echo "$BUS/devices/$1"/virtio*)" | grep -v '\*'
}

attribute() { # NAME FILE VALUE: of the virtio device
	[ "$(cat "$BUS/devices/$1"/virtio*/"$2")" = "$3" ]
}

feature() { # NAME BIT VALUE
	local bits
	bits=$(cat "$BUS/devices/$1"/virtio*/features) && [ "${bits:$2:1}" = "$3" ]
}

link_of() { # NAME FILE VALUE
	[ "$(cat "/sys/class/net/$(netdev_of "$1")/$2")" = "$3" ]
}

# As called, where addresses can be any
called_like() { # NAME PATTERN CALLS
	local got
	got=$(calls "$1" "$2" | sed 's/0x[0-9a-f]*/X/g')
	[ "$got" = "$3" ] || { printf 'got   %s\nnot   %s\n' "$got" "$3"; return 1; }
}

unbind() {
	echo "$1" >$BUS/drivers/virtio_vdpa/unbind
}

rebind() {
	echo "$1" >"$BUS/drivers/virtio_vdpa/bind"
}

config() { # NAME OFFSET BYTES: changes the configuration space and says so
	printf %b "$3" | dd of="$MOCK/$1/config" bs=1 seek="$2" conv=notrunc status=none &&
		echo config >"$MOCK/$1/interrupt"
}

ring_is() { # NAME WORD: in what ethtool says of the rings
	ethtool -g "$(netdev_of "$1")" | tr -s '\t ' ' ' | grep -qx "$2"
}

# Without the frames that IPv6, where the kernel has it, sends of its own
up() {
	local netdev sysctl
	netdev=$(netdev_of "$1") || return
	sysctl=/proc/sys/net/ipv6/conf/$netdev/disable_ipv6
	{ [ ! -e "$sysctl" ] || echo 1 >"$sysctl"; } && ip link set "$netdev" up
}

has_called() { # NAME CALL
	calls "$1" | grep -qF -- "$2;"
}

within() { # MILLISECONDS COMMAND...
	local limit=$1 begin
	shift
	begin=$(date +%s%3N)
	"$@" || return
	[ $(($(date +%s%3N) - begin)) -lt "$limit" ]
}

queue_up() { # INDEX SIZE STATE INTERRUPTS
	echo "set_vq_cb $1 $4;set_vq_num $1 $2;set_vq_address $1 X X X;set_vq_state $1 $3;set_vq_ready $1 1;"
}

CPUS=$(nproc)
AFFINE="set_vq_affinity 0 $CPUS 0;set_vq_affinity 1 $CPUS 0;"
START="reset;set_status 1;set_status 3;set_driver_features X;set_status 11;"
# which the virtio core ends by setting the status that a device without driver has
STOP="reset;${AFFINE}set_config_cb 0;set_vq_cb 0 0;set_vq_cb 1 0;set_status 1;"

# --- a network device -------------------------------------------------------

net() {
	check "net: a device" mock_add n0 queues=2 features=$NET config=$NET_CONFIG
	check "net: an interface" wait_for 5 netdev_of n0
	check "net: called in order" called_like n0 "$CHANGES" \
		"$START$(queue_up 0 256 0 1)$(queue_up 1 256 0 1)set_config_cb 1;${AFFINE}set_status 15;"
	check "net: virtioN is below the vDPA device" \
		test -d "/sys/devices/platform/vdpa_mock/n0/$(virtio_of n0)"
	check "net: and on the virtio bus" \
		test /sys/bus/virtio/devices/"$(virtio_of n0)" -ef "$BUS/devices/n0/$(virtio_of n0)"
	check "net: device" attribute n0 device 0x0001
	check "net: vendor" attribute n0 vendor 0x6d6f636b
	check "net: status" attribute n0 status 0x0000000f
	local bit
	for bit in 5 16 32 33; do
		check "net: feature $bit" feature n0 "$bit" 1
	done
	check "net: no feature that is not offered" feature n0 15 0
	check "net: address" link_of n0 address 02:00:00:00:00:01
	check "net: shown by the tool" vdpa dev show n0
	check "net: bus in ethtool" eval "ethtool -i \$(netdev_of n0) | grep -qx 'bus-info: n0'"
	check "net: rings in ethtool" ring_is n0 'RX: 256'
	check "net: channels in ethtool" \
		eval "ethtool -l \$(netdev_of n0) | tr -s '\t ' ' ' | grep -qx 'Combined: 1'"

	forget
	check "net: up" up n0
	check "net: kicks its queue" has_called n0 'kick_vq 0'
	check "net: link is up" link_of n0 carrier 1
	check "net: link goes" config n0 6 '\0'
	check "net: which the interrupt tells" wait_for 5 link_of n0 carrier 0
	check "net: link comes" config n0 6 '\1'
	check "net: likewise" wait_for 5 link_of n0 carrier 1
	check "net: an interrupt without a cause" eval "echo 0 >$MOCK/n0/interrupt"
	check "net: and of the other queue" eval "echo 1 >$MOCK/n0/interrupt"

	forget
	check "net: unbind" unbind n0
	check "net: no virtio device" not virtio_of n0
	check "net: called in order to stop" called_like n0 "$CHANGES" "$STOP"
	check "net: late interrupts are harmless" \
		eval "echo 0 >$MOCK/n0/interrupt; echo config >$MOCK/n0/interrupt"
	forget
	check "net: bind again" rebind n0
	check "net: an interface again" wait_for 5 netdev_of n0
	check "net: up again" up n0
	forget
	check "net: dev del" del n0
	check "net: reset, then free" called_like n0 'reset|free' 'reset;free;'
}

# --- rings ------------------------------------------------------------------

# NAME SETTINGS -> SIZE STATE of both queues
rings() {
	local name features max min size state
	while read -r name features max min size state; do
		forget
		check "ring $name: a device" \
			mock_add n0 features="$features" num_max="$max" num_min="$min"
		check "ring $name: an interface" wait_for 5 netdev_of n0
		check "ring $name: $size" called_like n0 'set_vq_(num|state)' \
			"set_vq_num 0 $size;set_vq_state 0 $state;set_vq_num 1 $size;set_vq_state 1 $state;"
		check "ring $name: dev del" del n0
	done <<-EOT
		split $NET 256 1 256 0
		small $NET 16 1 16 0
		odd $NET 100 1 64 0
		fixed $NET 128 128 128 0
		packed $PACKED 256 1 256 0 1 0 1
		packed-odd $PACKED 100 1 100 0 1 0 1
	EOT

	check "ring too small: a device" mock_add n0 features=$NET num_max=100 num_min=80
	check "ring too small: no interface" not netdev_of n0
	check "ring too small: dev del" del n0
	shape num_max=256 num_min=1
}

# Where the device writes lies as the parent wants it, and as any device needs it
aligned() { # NAME BYTES
	local desc driver device n=0
	while read -r _ _ desc driver device; do
		if ((desc % 16 || driver % 2 || device % 4 || device % $2)); then
			echo "descriptors at $desc, driver at $driver, device at $device"
			return 1
		fi
		n=$((n + 1))
	done < <(calls "$1" set_vq_address | tr ';' '\n' | grep .)
	[ "$n" -gt 0 ]
}

alignment() {
	local bytes
	for bytes in 1 64 65536; do
		forget
		check "aligned to $bytes: a device" mock_add n0 align=$bytes
		check "aligned to $bytes: an interface" wait_for 5 netdev_of n0
		check "aligned to $bytes: rings" aligned n0 $bytes
		check "aligned to $bytes: dev del" del n0
	done
	shape align=4096
}

kicks() {
	check "data: a device" mock_add n0 features=$WITH_DATA
	check "data: an interface" wait_for 5 netdev_of n0
	check "data: negotiated" feature n0 38 1
	forget
	check "data: up" up n0
	check "data: kicks tell where" eval "calls n0 kick_vq_with_data | grep -q ."
	check "data: and in no other way" called n0 kick_vq ''
	check "data: dev del" del n0
	check "no data: a parent without" mock_add n0 \
		off=compat_reset,dma_map,dma_unmap,kick_vq_with_data
	check "no data: an interface" wait_for 5 netdev_of n0
	check "no data: not negotiated" feature n0 38 0
	forget
	check "no data: up" up n0
	check "no data: kicks" has_called n0 'kick_vq 0'
	check "no data: dev del" del n0
	shape features=$NET off=compat_reset,dma_map,dma_unmap
}

# --- parents that refuse, break, or take their time --------------------------

trouble() {
	local op err skip
	while read -r op err skip; do
		fails "$op" "$err" "$skip"
		check "$op fails: a device" mock_add n0
		check "$op fails: no interface" not netdev_of n0
		fails "$op" 0
		unbind n0
		check "$op works: bind" rebind n0
		check "$op works: an interface" wait_for 5 netdev_of n0
		check "$op works: dev del" del n0
	done <<-EOT
		set_driver_features -22 0
		set_vq_address -22 0
		set_vq_address -5 1
		set_vq_state -95 0
		get_vq_size -1 1
		set_status -1 2
	EOT

	fails set_vq_affinity -5
	check "set_vq_affinity fails: a device" mock_add n0
	check "set_vq_affinity fails: an interface all the same" wait_for 5 netdev_of n0
	fails set_vq_affinity 0
	check "set_vq_affinity fails: dev del" del n0

	shape dma_dev=none
	check "no DMA: a device" mock_add n0
	check "no DMA: no interface" not netdev_of n0
	check "no DMA: dev del" del n0
	shape dma_dev=

	shape settle_ms=700
	check "slow reset: a device" mock_add n0
	check "slow reset: an interface" wait_for 10 netdev_of n0
	forget
	check "slow reset: is waited for" not within 600 unbind n0
	check "slow reset: then bound again" rebind n0
	check "slow reset: an interface again" wait_for 10 netdev_of n0
	shape settle_ms=0
	check "slow reset: dev del" del n0

	check "broken: a device" mock_add n0
	check "broken: an interface" wait_for 5 netdev_of n0
	check "broken: up" up n0
	check "broken: needs a reset" eval "echo 0x40 >$MOCK/n0/status"
	fails reset -5
	check "broken: and does not: dev del" within 9000 del n0
	fails reset 0
	check "broken: said so" eval "dmesg | grep -q 'n0: device does not reset'"
}

# Each bit is without the operation that would help
sparse() {
	check "sparse: a parent with the least" mock_add n0 \
		off=compat_reset,dma_map,dma_unmap,kick_vq_with_data,get_vq_size,get_vq_num_min,get_generation,set_vq_affinity,get_vq_affinity,get_vq_dma_dev,suspend,resume,get_vq_irq,get_vq_notification,set_map,reset_map,set_group_asid,get_vq_group,get_vq_desc_group,get_vendor_vq_stats
	check "sparse: an interface" wait_for 5 netdev_of n0
	check "sparse: up" up n0
	check "sparse: kicks" has_called n0 'kick_vq 0'
	check "sparse: link goes" config n0 6 '\0'
	check "sparse: link went" wait_for 5 link_of n0 carrier 0
	check "sparse: dev del" del n0
	shape off=compat_reset,dma_map,dma_unmap
}

# The MTU is the last of what this one's driver reads, and only its first byte is there
short() {
	check "short: a configuration space that ends too early" mock_add n0 \
		features=0x300010028 config_size=11
	check "short: an interface" wait_for 5 netdev_of n0
	check "short: what is not there is 0, which is no MTU" feature n0 3 0
	check "short: dev del" del n0
	shape features=$NET config_size=128
}

power() { # NAME sleep|wake
	echo "$2" >"$MOCK/$1/power"
}

sleeping() {
	local what
	check "sleep: a device" mock_add n0
	check "sleep: an interface" wait_for 5 netdev_of n0
	if [ ! -e /sys/power/state ]; then
		for what in sleeps order wakes again up kicks; do
			skip "sleep: $what" "a kernel that never sleeps"
		done
	else
		forget
		check "sleep: sleeps" power n0 sleep
		check "sleep: called in order" called_like n0 "$CHANGES" "${STOP%set_status 1;}"
		forget
		check "sleep: wakes" power n0 wake
		check "sleep: set up from the beginning" called_like n0 "$CHANGES" \
			"$START$(queue_up 0 256 0 1)$(queue_up 1 256 0 1)set_config_cb 1;${AFFINE}set_status 15;"
		forget
		check "sleep: up" up n0
		check "sleep: kicks its queue" has_called n0 'kick_vq 0'
	fi
	check "sleep: dev del" del n0
}

# --- a disk with a queue for each CPU -----------------------------------------

disk() {
	modprobe -r vdpa_mock
	check "disk: a parent of disks" modprobe vdpa_mock classes=2
	modprobe virtio_blk
	# no capacity, 4 queues; MQ
	local config
	config=$(printf '%068d' 0)0400
	check "disk: a device" mock_add b0 queues=4 features=0x300001000 config="$config"
	check "disk: a disk" wait_for 5 disk_of b0
	check "disk: status" attribute b0 status 0x0000000f
	check "disk: a CPU for each queue" eval "calls b0 set_vq_affinity | grep -q 'set_vq_affinity 0 1 0;set_vq_affinity 1 1 1;'"
	check "disk: which blk-mq follows" eval "[ \$(ls -d /sys/block/\$(disk_of b0)/mq/* | wc -l) = 2 ]"
	forget
	check "disk: unbind" unbind b0
	check "disk: in order" called_like b0 'reset|set_config_cb' 'reset;set_config_cb 0;'
	check "disk: bind" rebind b0
	check "disk: a disk again" wait_for 5 disk_of b0
	check "disk: module goes" modprobe -r virtio_vdpa
	check "disk: device is free" test ! -e $BUS/devices/b0/driver
	check "disk: module comes" modprobe virtio_vdpa
	check "disk: and takes it" wait_for 5 disk_of b0
	check "disk: dev del" del b0
}

# --- a file system, whose first queue is not for a CPU ------------------------

files() {
	modprobe -r vdpa_mock
	check "files: a parent of file systems" modprobe vdpa_mock classes=26
	modprobe virtiofs
	# a name of 36 bytes, 2 queues for requests
	check "files: a device" mock_add f0 queues=3 features=0x300000000 \
		config="$(printf '66%070d' 0)02000000"
	check "files: is in use" wait_for 5 attribute f0 status 0x0000000f
	check "files: CPUs for its queues but the first" called f0 set_vq_affinity \
		'set_vq_affinity 1 1 0;set_vq_affinity 2 1 1;'
	check "files: dev del" del f0
}

plan 183
need ethtool
check "modules" modprobe -a vdpa_mock virtio_vdpa virtio_net
modprobe -r vdpa_mock
check "a parent of network devices" modprobe vdpa_mock classes=1
net
rings
alignment
kicks
trouble
sparse
short
sleeping
check "rules are kept by net" rules_kept
check "nothing is left of net" none_left
disk
check "rules are kept by disks" rules_kept
files
check "rules are kept" rules_kept
check "nothing is left" none_left
finish
