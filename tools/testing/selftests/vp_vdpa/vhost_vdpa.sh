#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Functions under vhost_vdpa, while another one is busy under virtio_vdpa.
. ./lib.sh

net=$(functions net | head -n 1)
VPF_NET=$(functions net | sed -n 2p)
VPF_BLK=$(functions blk)
export VPF_NET VPF_BLK
[ -n "$VPF_BLK" ] || skip_program "no virtio functions: run by tools/testing/test vp_vdpa"
[ -e "$pci/devices/$net/iommu_group" ] || skip_program "no IOMMU"

virtio_drivers && add_function busy "$net" && wait_for 5 netdev_of busy &&
	dhcp "$(netdev_of busy)" >/dev/null 2>&1 && take "$VPF_NET" "$VPF_BLK" || exit 1
nic=$(netdev_of busy)
ping -q -i 0.01 -I "$nic" 10.0.2.2 &>/dev/null &
load=$!

./vhost_vdpa
status=$?

kill $load
wait $load 2>/dev/null
ping -c 1 -W 5 10.0.2.2 >/dev/null || { echo "# the other function lost its network"; status=1; }
echo 1 >"$pci/rescan"
for function in "$net" "$VPF_NET" "$VPF_BLK"; do
	give "$function" ''
done
exit $status
