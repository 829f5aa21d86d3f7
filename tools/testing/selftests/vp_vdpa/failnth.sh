#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Functions whose driver, and whose clients, run out of memory.
. ./lib.sh

VPF_NET=$(functions net | sed -n 2p)
VPF_RNG=$(functions rng)
export VPF_NET VPF_RNG
[ -n "$VPF_NET" ] || skip_program "no virtio functions: run by tools/testing/test vp_vdpa"
[ -e /proc/self/fail-nth ] || skip_program "a kernel without fault injection"

# of an earlier program: it would take the devices that are made
modprobe -qr virtio_net
take "$VPF_NET" "$VPF_RNG" || exit 1
./failnth
status=$?
give "$VPF_NET" ''; give "$VPF_RNG" ''
exit $status
