#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The vdpa bus: which driver gets which device, what sysfs and uevents say of
# it, and what is called in which order when devices, drivers and modules go.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
. ./lib/mock.sh

BUS=/sys/bus/vdpa

# --- small words ----------------------------------------------------------

drives() { # DRIVER NAME
	[ "$(driver_of "$2")" = "$1" ]
}

is_free() { # NAME: there, without a driver
	[ -e "$BUS/devices/$1" ] && [ ! -e "$BUS/devices/$1/driver" ]
}

is_gone() {
	[ ! -e "$BUS/devices/$1" ]
}

sysfs() { # FILE VALUE: writes below the bus
	printf '%s\n' "$2" >"$BUS/$1"
}

reads() { # FILE VALUE
	[ "$(cat "$BUS/$1")" = "$2" ]
}

has_uevent() { # LINE: in one that was seen since uevents began
	grep -qxF -- "$1" "$scratch/uevents"
}

# --- who gets a device ----------------------------------------------------

binding() {
	check "two drivers" modprobe virtio_vdpa
	check "drivers are listed" test -d $BUS/drivers/vdpa_mock -a -d $BUS/drivers/virtio_vdpa

	check "a device is taken by the first driver" mock_add m0
	check "which is the one that was first" drives vdpa_mock m0
	check "link from the driver" test -L $BUS/drivers/vdpa_mock/m0
	check "below its parent" test -d /sys/devices/platform/vdpa_mock/m0

	refuse "not bound twice" 'busy' sysfs drivers/virtio_vdpa/bind m0
	refuse "not unbound from another" 'No such device' sysfs drivers/virtio_vdpa/unbind m0
	check "unbound" sysfs drivers/vdpa_mock/unbind m0
	check "is free" is_free m0
	refuse "not unbound twice" 'No such device' sysfs drivers/vdpa_mock/unbind m0
	check "taken by the other" sysfs drivers/virtio_vdpa/bind m0
	check "drives" drives virtio_vdpa m0
	check "back" sysfs drivers/virtio_vdpa/unbind m0
	check "asks the drivers in turn" sysfs drivers_probe m0
	check "again the first" drives vdpa_mock m0
	refuse "no such device to probe" 'No such device|Invalid' sysfs drivers_probe nobody

	check "no probing by itself" sysfs drivers_autoprobe 0
	check "a device stays free" mock_add m1
	check "indeed" is_free m1
	check "until asked" sysfs drivers_probe m1
	check "then it is taken" drives vdpa_mock m1
	check "probing by itself" sysfs drivers_autoprobe 1
	check "dev del" del m0 m1
}

override() {
	check "override: a device" mock_add m0
	check "override: none at first" reads devices/m0/driver_override '(null)'
	check "override: while it is bound" sysfs devices/m0/driver_override virtio_vdpa
	check "override: reads back" reads devices/m0/driver_override virtio_vdpa
	check "override: changes no binding" drives vdpa_mock m0
	check "override: unbind" sysfs drivers/vdpa_mock/unbind m0
	refuse "override: any other is refused" 'No such device' sysfs drivers/vdpa_mock/bind m0
	check "override: probe" sysfs drivers_probe m0
	check "override: the one named gets it" drives virtio_vdpa m0
	check "override: unbind that" sysfs drivers/virtio_vdpa/unbind m0
	check "override: one that is not there" sysfs devices/m0/driver_override nobody
	sysfs drivers_probe m0
	check "override: keeps the device free" is_free m0
	check "override: is taken back" sysfs devices/m0/driver_override ''
	check "override: reads as none" reads devices/m0/driver_override '(null)'
	check "override: any driver again" sysfs drivers_probe m0
	check "override: the first one" drives vdpa_mock m0
	refuse "override: too long a name" 'Invalid' \
		sysfs devices/m0/driver_override "$(printf '%5000s' x)"
	check "override: dev del" del m0
}

uevents() {
	busybox uevent env >"$scratch/uevents" 2>/dev/null &
	local listener=$!
	# it listens when it hears what is repeated
	wait_for 10 eval "sysfs devices/mock_bare/uevent change; has_uevent ACTION=change"
	mock_add m0
	sysfs drivers/vdpa_mock/unbind m0
	del m0
	wait_for 10 has_uevent ACTION=remove
	kill $listener
	wait $listener 2>/dev/null

	local line
	for line in ACTION={add,bind,unbind,remove} SUBSYSTEM=vdpa DRIVER=vdpa_mock \
		DEVPATH=/devices/platform/vdpa_mock/m0; do
		check "uevent: $line" has_uevent "$line"
	done
}

# --- probing --------------------------------------------------------------

probing() {
	check "probe: one driver alone" modprobe -r virtio_vdpa
	check "probe: fails" shape probe_error=-5
	check "probe: the device is made" mock_add m0
	check "probe: and is free" is_free m0
	refuse "probe: says its error" 'Input/output' sysfs drivers/vdpa_mock/bind m0
	check "probe: is seen by tools all the same" vdpa dev show m0
	check "probe: succeeds" shape probe_error=0
	check "probe: later" sysfs drivers/vdpa_mock/bind m0
	check "probe: drives" drives vdpa_mock m0
	check "probe: dev del" del m0

	# NAME SHAPE, where no driver is asked
	local name settings
	while read -r name settings; do
		# shellcheck disable=SC2086 # several settings
		check "size: $name is made" mock_add m0 $settings
		check "size: $name is free" is_free m0
		refuse "size: $name is refused" 'Invalid' sysfs drivers/vdpa_mock/bind m0
		check "size: $name goes" del m0
	done <<-EOT
		nothing num_max=0
		contradiction num_max=64 num_min=128
	EOT
	check "size: one and no other" mock_add m0 num_max=256 num_min=256
	check "size: will do" drives vdpa_mock m0
	check "size: dev del" del m0
	shape num_min=1
}

# --- leaving --------------------------------------------------------------

leaving() {
	check "del: a device" mock_add m0
	forget
	check "del: dev del" del m0
	check "del: is gone" is_gone m0
	check "del: free is all that was called" called m0 '.*' 'free;'

	check "failed add: fails" shape add_error=-12
	forget
	refuse "failed add: says so" 'memory' mock_add m0
	check "failed add: is gone" is_gone m0
	check "failed add: free was called" called m0 free 'free;'
	check "failed add: no more" shape add_error=0

	check "twice: a device" mock_add m0
	refuse "twice: the name is taken" 'exists' mock_add m0
	check "twice: the first is there" drives vdpa_mock m0
	check "twice: dev del" del m0
	check "twice: a new one of that name" mock_add m0
	check "twice: dev del again" del m0

	check "slow: a device and another" mock_add m0
	check "slow: another" mock_add m1
	shape remove_ms=8000
	vdpa dev del m0 &
	check "slow: dev del has begun" wait_for 5 not vdpa dev show m0
	check "slow: dev show" vdpa dev show m1
	check "slow: a dump" vdpa dev config show
	check "slow: neither waits for it" kill -0 $!
	check "slow: it ends" wait_for 20 is_gone m0
	wait
	shape remove_ms=0
	check "slow: dev del" del m1
	check "all were freed" none_but_bare
}

# A file in sysfs that is open holds a reference, for longer than its parent
references() {
	check "held: a device" mock_add m0
	exec 9<$BUS/devices/m0/uevent
	forget
	check "held: dev del" del m0
	check "held: free does not wait for it" called m0 free 'free;'
	check "held: the parent goes" modprobe -r vdpa_mock
	refuse "held: the file says that there is nothing" 'No such device' cat <&9
	exec 9<&-
	check "held: the parent comes back" modprobe vdpa_mock driver=1 bare=1
}

modules() {
	check "modules: a second driver" modprobe virtio_vdpa
	check "modules: a device" mock_add m0
	sysfs drivers/vdpa_mock/unbind m0
	check "modules: of that driver" sysfs drivers/virtio_vdpa/bind m0
	check "modules: the driver goes" modprobe -r virtio_vdpa
	check "modules: the device stays, free" is_free m0
	check "modules: the driver comes" modprobe virtio_vdpa
	check "modules: and takes it" drives virtio_vdpa m0
	check "modules: a device of another parent" add s0 net
	forget
	refuse "modules: the core is needed" 'in use' rmmod vdpa
	check "modules: the parent goes" rmmod vdpa_mock
	check "modules: with all devices" is_gone m0
	check "modules: and the one without management" is_gone mock_bare
	check "modules: but not the other parent's" vdpa dev show s0
	check "modules: dev del of that" del s0
	check "modules: the parent comes back" modprobe vdpa_mock driver=1 bare=1
}

# One that was registered without a management device
bare() {
	check "bare: is on the bus" drives vdpa_mock mock_bare
	check "bare: not in a dump" not grep -q mock_bare <(vdpa dev show)
	refuse "bare: cannot be deleted" 'Invalid' vdpa dev del mock_bare
	refuse "bare: nor shown" 'Invalid' vdpa dev show mock_bare
	refuse "bare: nor its configuration" 'Invalid' vdpa dev config show mock_bare
	check "bare: unbind" sysfs drivers/vdpa_mock/unbind mock_bare
	check "bare: bind" sysfs drivers/vdpa_mock/bind mock_bare
}

none_but_bare() {
	[ "$(param allocated)" = 1 ]
}

# Bind, unbind, look and delete at the same time, for a while
race() {
	local until=$((SECONDS + 5)) job pids=()
	(while [ "$SECONDS" -lt "$until" ]; do
		mock_add r0; del r0
	done) &
	pids+=($!)
	for job in 'sysfs drivers/vdpa_mock/unbind r0' 'sysfs drivers/virtio_vdpa/bind r0' \
		'sysfs drivers/virtio_vdpa/unbind r0' 'vdpa dev show' 'vdpa dev config show r0'; do
		(while [ "$SECONDS" -lt "$until" ]; do $job; done) &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ -e "$BUS/devices/r0" ] && del r0
	is_gone r0
}

plan 126
need busybox
check "the parent and a bus driver" modprobe vdpa_mock driver=1 bare=1
binding
override
uevents
probing
bare
leaving
references
modules
check "all at once" race
check "rules are kept" rules_kept
check "free was called for each" none_but_bare
finish
