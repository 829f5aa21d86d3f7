#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# DPDK's virtio-user on /dev/vhost-vdpa-N: testpmd sends a burst to the device's
# own address and forwards what comes back, again and again.

cd "$(dirname "$0")" || exit 1
. ./lib.sh

mac=02:00:00:00:0d:0d
pid=''
pages=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages

# The figure of the last statistics that it printed: RX-packets, TX-errors ...
figure() { # NAME
	awk -v name="$1:" '{
		for (i = 1; i < NF; i++)
			if ($i == name)
				n = $(i + 1)
	} END { print n + 0 }' "$scratch/testpmd"
}

more_than() { # NAME NUMBER
	[ "$(figure "$1")" -gt "$2" ]
}

start() { # OPTION...
	local node
	node=$(basename "$(echo /sys/bus/vdpa/devices/pmd0/vhost-vdpa-*)")
	dpdk-testpmd -l 0,1 -n 1 -m 64 --in-memory --iova-mode=va --no-pci --no-telemetry \
		--vdev="net_virtio_user0,path=/dev/$node,mac=$mac$1" -- \
		--forward-mode=io --tx-first --eth-peer="0,$mac" --no-mlockall \
		--total-num-mbufs=4096 --stats-period=1 >"$scratch/testpmd" 2>&1 &
	pid=$!
}

# It stops the device and closes the file
stop() {
	kill -INT "$pid" 2>/dev/null
	wait_for 20 not kill -0 "$pid" || { kill -KILL "$pid"; return 1; }
	grep -q 'Bye' "$scratch/testpmd"
}

forwards() { # OPTION
	start "$1"
	wait_for 60 more_than RX-packets 1000 || { stop; cat "$scratch/testpmd"; return 1; }
	stop || { cat "$scratch/testpmd"; return 1; }
}

goes_with_the_device() {
	start ''
	wait_for 60 more_than RX-packets 1000 || { cat "$scratch/testpmd"; stop; return 1; }
	del pmd0 && [ ! -e /sys/bus/vdpa/devices/pmd0 ]
	local status=$?
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null
	return "$status"
}

plan 4
need dpdk-testpmd
echo 64 >$pages
[ "$(cat $pages)" -ge 64 ] || skip_all "no memory for huge pages"

check "a device for it" eval "add pmd0 net mac $mac && bind pmd0 vhost_vdpa"
check "split rings" forwards ''
check "again, after it has left" forwards ',queue_size=64'
check "the device is taken away meanwhile" goes_with_the_device
finish
