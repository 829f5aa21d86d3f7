#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's virtio_blk on simulated disks: what an operator sees, and blocks
# that are read as they were written.
cd "$(dirname "$0")" || exit 1
. ./lib.sh

# SIZE_MAX, SEG_MAX, BLK_SIZE, TOPOLOGY, MQ, FLUSH, DISCARD, WRITE_ZEROES,
# EVENT_IDX, VERSION_1, ACCESS_PLATFORM; and for packed rings RING_PACKED and
# RING_INDIRECT_DESC
split=0x320007646 packed=0x730007646 read_only=0x320007666

has_feature() { # NAME BIT: negotiated
	local bits
	bits=$(cat /sys/bus/vdpa/devices/"$1"/virtio*/features) && [ "${bits:$2:1}" = 1 ]
}

queue_says() { # ATTRIBUTE VALUE
	[ "$(cat "/sys/block/$disk/queue/$1")" = "$2" ]
}

counted() { # NAME WORDS: more than none
	[ "$(./devtool counter "$1" 0 "$2")" -gt 0 ]
}

# make_disk NAME [OPTION...]: sets disk
make_disk() {
	add "$1" blk "${@:2}" && wait_for 5 disk_of "$1" && disk=$(disk_of "$1") &&
		wait_for 5 test -b "/dev/$disk"
}

comes_back() { # NAME; sets disk
	wait_for 5 disk_of "$1" && disk=$(disk_of "$1") && wait_for 5 test -b "/dev/$disk"
}

sectors_are() {
	[ "$(blockdev --getsz "/dev/$disk")" = "$1" ]
}

# io [OPTION...]
io() {
	fio --name=io --filename="/dev/$disk" --ioengine=libaio --direct=1 --iodepth=32 \
		--rw=randrw --size=4M --verify=crc32c --verify_fatal=1 --output=/dev/null "$@"
}

# round_trip SMALLEST: at the beginning and at the end, read again
round_trip() {
	io --bsrange="$1-64k" --blockalign="$1" &&
		io --bsrange="$1-64k" --blockalign="$1" --offset=124M
}

files() {
	(cd "$1" && find . -name 'data*' -exec sha256sum {} + | sort)
}

mount_disk() {
	mount "/dev/$disk" "$scratch/mnt"
}

fill_files() {
	local i
	for i in 1 2 3 4; do
		head -c $((i * 1000003)) /dev/urandom >"$scratch/mnt/data$i" || return
	done
	files "$scratch/mnt" >"$scratch/sums"
}

same_files() {
	files "$scratch/mnt" | diff "$scratch/sums" -
}

is_zero() { # OFFSET BYTES
	cmp -n "$2" -i "$1:0" "/dev/$disk" /dev/zero
}

rebind() { # NAME: away from virtio_vdpa and back
	echo "$1" >/sys/bus/vdpa/drivers/virtio_vdpa/unbind &&
		echo "$1" >/sys/bus/vdpa/drivers/virtio_vdpa/bind
}

# Load that goes on until it is stopped by an error; begun when this returns
begin_load() {
	local stat="/sys/block/$disk/stat" before
	before=$(cat "$stat")
	io --bsrange=4k-64k --verify=0 --time_based --runtime=300 >"$scratch/load" 2>&1 &
	load=$!
	wait_for 60 not grep -qxF -- "$before" "$stat"
}

load_fails() {
	wait_for 10 not kill -0 "$load" || { kill "$load"; return 1; }
	not wait "$load"
}

usual() { # KIND FEATURES
	mkdir -p "$scratch/mnt"
	check "$1: a disk" make_disk disk0 device_features "$2"
	if [ "$1" = packed ]; then
		check "$1: ring as asked for" has_feature disk0 34
	else
		check "$1: ring as asked for" not has_feature disk0 34
	fi
	check "$1: capacity" sectors_are 262144
	check "$1: block size" queue_says logical_block_size 512
	check "$1: a page is efficient" queue_says physical_block_size 4096
	check "$1: segments" queue_says max_segments 254
	check "$1: bytes a segment" queue_says max_segment_size 65536
	check "$1: has a cache to flush" queue_says write_cache "write back"
	check "$1: name is the serial number" grep -x disk0 "/sys/block/$disk/serial"
	check "$1: new disk reads as zeroes" is_zero 0 1M
	check "$1: blocks, verified" round_trip 512
	check "$1: discard" blkdiscard -o 4096 -l 8M "/dev/$disk"
	check "$1: reads as zeroes" is_zero 4096 8M
	check "$1: is counted" counted disk0 discards
	check "$1: more blocks, verified" round_trip 4k
	check "$1: write zeroes" blkdiscard -z -o 512 -l 1M "/dev/$disk"
	check "$1: reads as zeroes" is_zero 512 1M
	check "$1: is counted" counted disk0 "write zeroes"
	refuse "$1: no write behind the end" 'No space left' \
		dd if=/dev/zero of="/dev/$disk" bs=512 seek=262144 count=1
	check "$1: file system" mkfs.ext4 -q "/dev/$disk"
	check "$1: mount" mount_disk
	check "$1: files" fill_files
	check "$1: umount" umount "$scratch/mnt"
	check "$1: flushes are counted" counted disk0 flushes
	check "$1: unbind and bind" rebind disk0
	check "$1: the disk is back" comes_back disk0
	check "$1: file system is whole" e2fsck -fn "/dev/$disk"
	check "$1: mount again" mount_disk
	check "$1: files are the same" same_files
	check "$1: umount again" umount "$scratch/mnt"
	check "$1: load" begin_load
	check "$1: unbind and bind under it" rebind disk0
	check "$1: load ends with an error" load_fails
	check "$1: the disk is back" comes_back disk0
	check "$1: and works" round_trip 512
	check "$1: load again" begin_load
	check "$1: dev del under it" del disk0
	check "$1: load ends with an error" load_fails
	check "$1: the disk is gone" not test -e "/sys/block/$disk"
}

special() {
	check "read-only: a disk" make_disk ro device_features $read_only
	check "read-only: says so" grep -x 1 "/sys/block/$disk/ro"
	check "read-only: can be read" is_zero 0 64k
	refuse "read-only: not written" 'not permitted|Read-only' \
		dd if=/dev/zero of="/dev/$disk" bs=4096 count=1 oflag=direct
	check "read-only: dev del" del ro

	parameters capacity=4096 blk_size=4096 num_queues=2 size_max=8192 seg_max=16
	check "4 KiB blocks: a disk" make_disk big
	check "4 KiB blocks: capacity" sectors_are 4096
	check "4 KiB blocks: block size" queue_says logical_block_size 4096
	check "4 KiB blocks: segments" queue_says max_segments 16
	check "4 KiB blocks: bytes a segment" queue_says max_segment_size 8192
	check "4 KiB blocks: two queues" test -d "/sys/block/$disk/mq/1"
	check "4 KiB blocks: verified" io --bsrange=4k-64k --size=2M --numjobs=2 \
		--offset_increment=4M --group_reporting
	refuse "4 KiB blocks: no less" 'Invalid argument' \
		dd if="/dev/$disk" of=/dev/null bs=512 count=1 iflag=direct
	check "4 KiB blocks: dev del" del big

	parameters capacity=7 blk_size=4096
	refuse "a capacity that is no whole block" 'Invalid argument' \
		vdpa dev add name bad mgmtdev vdpasim_blk
	parameters capacity=262144 blk_size=513
	refuse "a block size that is none" 'Invalid argument' \
		vdpa dev add name bad mgmtdev vdpasim_blk
}

# parameters NAME=VALUE...: for the disks that come, the others as they are
parameters() {
	local setting
	modprobe -r vdpa_sim_blk && modprobe vdpa_sim_blk || return
	for setting; do
		echo "${setting#*=}" >"/sys/module/vdpa_sim_blk/parameters/${setting%%=*}"
	done
}

plan 94
need vdpa fio blockdev blkdiscard mkfs.ext4 e2fsck

modprobe virtio_vdpa && modprobe virtio_blk || exit 1
usual split $split
usual packed $packed
special

finish
