#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Many devices at once, and nothing left of them.

cd "$(dirname "$0")" || exit 1
. ./lib.sh

count=200

devices_there() {
	find /sys/bus/vdpa/devices/ -name 'many*' | wc -l
}

add_all() { # net|blk
	local i
	for ((i = 0; i < count; i++)); do
		vdpa dev add name "many$i" mgmtdev "vdpasim_$1" || return
	done
	[ "$(devices_there)" = "$count" ]
}

del_all() {
	local i
	for ((i = 0; i < count; i++)); do
		vdpa dev del "many$i" || return
	done
	[ "$(devices_there)" = 0 ]
}

shown() {
	[ "$(vdpa dev show | grep -c '^many')" = "$count" ] &&
		vdpa dev config show | grep -c '^many' | grep -qx "$count"
}

round() { # net|blk
	add_all "$1" && del_all
}

slab() { # in KiB
	awk '/^SUnreclaim/{ print $2 }' /proc/meminfo
}

# Freed objects wait for grace periods; 1 KiB a device would be a leak
no_more_slab_than() { # KIB
	[ "$(slab)" -le $(($1 + count)) ]
}

unused() { # MODULE
	[ "$(cat "/sys/module/$1/refcnt")" = 0 ]
}

plan 12
for class in net blk; do
	modprobe "vdpa_sim_$class"
	check "$class: $count devices" add_all $class
	check "$class: all are shown" shown
	check "$class: all are deleted" del_all
	before=$(slab)
	check "$class: and again" round $class
	check "$class: no memory stays behind" wait_for 20 no_more_slab_than "$before"
	check "$class: no reference stays behind" unused "vdpa_sim_$class"
done
finish
