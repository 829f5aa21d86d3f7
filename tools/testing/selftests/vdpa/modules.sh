#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Modules come and go in any order, but not while a device needs them.
cd "$(dirname "$0")" || exit 1
. ./lib.sh

is_loaded() {
	[ -d "/sys/module/$1" ]
}

# What others need is last: modprobe looks once at what else became unused
unload() {
	modprobe -r vhost_vdpa virtio_vdpa vdpa_sim_net vdpa_sim_blk &&
		modprobe -r vdpa_sim vdpa_vring vdpa && not is_loaded vdpa
}

in_use() { # MODULE
	refuse "$1 stays while a device needs it" 'in use|busy' rmmod "$1"
}

# VIRTIO_CONFIG_S_FAILED, of the status in hexadecimal
driver_failed() { # NAME
	(($(cat "/sys/bus/vdpa/devices/$1"/virtio*/status) & 0x80))
}

plan 19

for module in vdpa vdpa_sim_net vdpa_sim_blk virtio_vdpa vhost_vdpa; do
	check "$module loads" modprobe $module
done
check "all unload" unload

# A driver that comes later takes the devices that are there
check "net device without a driver" add late net
check "which has no interface" not netdev_of late
check "virtio_vdpa loads after the device" modprobe virtio_vdpa
modprobe virtio_net	# there may be no udev to do it
check "and takes it" wait_for 5 netdev_of late

in_use vdpa
in_use vdpa_sim
check "dev del" del late
check "all unload again" unload

# Without ACCESS_PLATFORM the device accepts no features, and the driver leaves its status
check "virtio_vdpa is there first" modprobe virtio_vdpa
check "device that its driver refuses" add bad net device_features 0x100000000
check "it did" wait_for 5 driver_failed bad
check "dev del of it" del bad
check "it holds no module" unload

finish
