#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Receive-side scaling by the kernel's virtio_net: the table, the key and what is
# hashed, by ethtool, decide by which queue flows come.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
. ./lib/net.sh

# The queues of b by which frames came meanwhile, of 4 pairs
queues_of() { # COMMAND...
	local pair before=() after used=''
	for pair in 0 1 2 3; do
		before[pair]=$(./devtool counter b $((pair * 2)) packets) || return
	done
	"$@" >&2 || return
	for pair in 0 1 2 3; do
		after=$(./devtool counter b $((pair * 2)) packets) || return
		[ "$after" -eq "${before[pair]}" ] || used+=" $pair"
	done
	echo "came by$used"
}

flows() {
	in_a ./traffic flows 10.9.0.2
}

# In which nobody sends frames of its own
namespace() {
	ip netns add "$1" || return
	[ ! -e /proc/sys/net/ipv6 ] ||
		ip netns exec "$1" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
}

neighbours() { # so that nobody asks for an address, which has no hash
	ip -n vdpa_a neighbour replace 10.9.0.2 lladdr "$mac_b" nud permanent dev "$netdev_a" &&
		ip -n vdpa_b neighbour replace 10.9.0.1 lladdr "$mac_a" nud permanent \
			dev "$netdev_b"
}

plan 28
need vdpa ip ethtool

modprobe virtio_vdpa && modprobe virtio_net || exit 1
modprobe vdpa_sim_net segment=1

key=$(printf '%02x:' {11..50})
key=${key%:}
namespace vdpa_a
namespace vdpa_b
check "add" add a net mac $mac_a
check "and another" add b net mac $mac_b max_vqp 4 \
	device_features "$(features $mq $rss $report)"
check "one interface here" appears a vdpa_a 10.9.0.1
netdev_a=$netdev
check "one there" appears b vdpa_b 10.9.0.2
netdev_b=$netdev
check "neighbours" neighbours
check "echo" background ip netns exec vdpa_b ./traffic echo
check "all pairs" in_b ethtool -L "$netdev_b" combined 4
check "the table is shown" shows '^  120: +0 +1 +2 +3 +0 +1 +2 +3$' \
	in_b ethtool -x "$netdev_b"
check "flows spread" shows 'by .* .' queues_of flows
check "table with one queue" in_b ethtool -X "$netdev_b" weight 0 0 1 0
check "by which all come" shows 'by 2$' queues_of flows
check "TCP too" shows 'by 2$' queues_of in_a ./traffic tcp 10.9.0.2
check "another one" in_b ethtool -X "$netdev_b" weight 0 1 0 0
check "which it is then" shows 'by 1$' queues_of flows
check "a key" in_b ethtool -X "$netdev_b" equal 4 hkey "$key"
check "is shown" shows "^$key$" in_b ethtool -x "$netdev_b"
check "flows spread again" shows 'by .* .' queues_of flows
# which the driver has off, though it sent all types to the device
check "a hash" in_b ethtool -K "$netdev_b" rxhash on
check "ports of UDP count" shows 'L4 bytes 0 & 1' \
	in_b ethtool -n "$netdev_b" rx-flow-hash udp4
check "addresses alone" in_b ethtool -N "$netdev_b" rx-flow-hash udp4 sd
check "as shown" not shows 'L4 bytes' in_b ethtool -n "$netdev_b" rx-flow-hash udp4
check "all flows are one" shows 'by .$' queues_of flows
check "ports again" in_b ethtool -N "$netdev_b" rx-flow-hash udp4 sdfn
check "and flows spread" shows 'by .* .' queues_of flows
check "no hash" in_b ethtool -K "$netdev_b" rxhash off
check "all is unclassified" shows 'by 0$' queues_of flows
check "a hash again" in_b ethtool -K "$netdev_b" rxhash on
check "flows spread as before" shows 'by .* .' queues_of flows
no_more
modprobe -r vdpa_sim_net

finish
