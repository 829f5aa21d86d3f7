#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The example of Documentation/userspace-api/vhost-vdpa.rst does what it says.
cd "$(dirname "$0")" || exit 1
. ./lib.sh

node_of() {
	echo "/dev/$(basename /sys/bus/vdpa/devices/"$1"/vhost-vdpa-*)"
}

says_hello() {
	[ "$(./example "$(node_of disk)")" = "Hello, disk" ]
}

plan 5
need vdpa modprobe

check "a disk" add disk blk
check "for user space" bind disk vhost_vdpa
check "written and read back" says_hello
check "and again" says_hello
refuse "no disk" 'No such file|usage' ./example /dev/vhost-vdpa-999
finish
