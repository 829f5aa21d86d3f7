#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A function whose driver, and whose clients, run out of memory.
. ./lib.sh

VPF_NET=$(functions net | sed -n 2p)
export VPF_NET
[ -n "$VPF_NET" ] || skip_program "no virtio functions: run by tools/testing/test vp_vdpa"
[ -e /proc/self/fail-nth ] || skip_program "a kernel without fault injection"

modprobe vp_vdpa && take "$VPF_NET" || exit 1
./failnth
status=$?
give "$VPF_NET" ''
exit $status
