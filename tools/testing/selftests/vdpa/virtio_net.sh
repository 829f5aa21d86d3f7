#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's virtio_net on simulated devices: what an operator sees, and
# frames that arrive as they were sent.
cd "$(dirname "$0")" || exit 1
. ./lib.sh

mac_a=02:00:5e:00:00:0a mac_b=02:00:5e:00:00:0b mac_new=02:00:00:00:00:00

# MAC, MTU, STATUS, CTRL_VQ, CTRL_MAC_ADDR, EVENT_IDX, VERSION_1,
# ACCESS_PLATFORM; and for packed rings RING_PACKED and RING_INDIRECT_DESC
split=0x320830028 packed=0x730830028

has_feature() { # NAME BIT: negotiated
	local bits
	bits=$(cat /sys/bus/vdpa/devices/"$1"/virtio*/features) && [ "${bits:$2:1}" = 1 ]
}

net_attribute() { # NAME ATTRIBUTE VALUE
	[ "$(cat "/sys/class/net/$(netdev_of "$1")/$2")" = "$3" ]
}

config_says() { # NAME TEXT
	vdpa dev config show "$1" | grep -F -- "$2"
}

counted() { # NAME QUEUE WORD: more than none
	vdpa dev vstats show "$1" qidx "$2" | grep -E " $3 [1-9]"
}

up() { # NAME: without the frames that IPv6 sends of its own
	local netdev
	netdev=$(netdev_of "$1") &&
		echo 1 >"/proc/sys/net/ipv6/conf/$netdev/disable_ipv6" &&
		ip link set "$netdev" up &&
		wait_for 5 net_attribute "$1" carrier 1
}

# background COMMAND...: one that says when it is ready
background() {
	"$@" >"$scratch/background" 2>"$scratch/background.err" &
	wait_for 10 grep -q ready "$scratch/background"
}

ends_well() { # the command in the background, by itself
	wait_for 10 not kill -0 $! && wait $!
}

alone() { # KIND FEATURES: a device that loops back
	local netdev
	check "$1: add" add net0 net mac $mac_a mtu 2000 device_features "$2"
	check "$1: an interface" wait_for 5 netdev_of net0
	netdev=$(netdev_of net0)
	if [ "$1" = packed ]; then
		check "$1: ring as asked for" has_feature net0 34
	else
		check "$1: ring as asked for" not has_feature net0 34
	fi
	check "$1: address" net_attribute net0 address $mac_a
	check "$1: MTU" net_attribute net0 mtu 2000
	refuse "$1: no larger MTU" 'MTU|mtu' ip link set "$netdev" mtu 2001
	check "$1: link" up net0
	check "$1: frames of all sizes" ./traffic frames "$netdev"
	check "$1: broadcast" ./traffic frames "$netdev" ff:ff:ff:ff:ff:ff
	check "$1: multicast" ./traffic frames "$netdev" 33:33:00:00:00:01
	check "$1: counters" counted net0 1 packets
	check "$1: address set by the driver" ip link set "$netdev" address $mac_new
	check "$1: which the device knows" config_says net0 $mac_new
	check "$1: frames to it" ./traffic frames "$netdev"
	check "$1: a flood" background ./traffic flood "$netdev"
	check "$1: dev del under it" del net0
	check "$1: ends the flood" ends_well
}

in_a() { ip netns exec vdpa_a "$@"; }
in_b() { ip netns exec vdpa_b "$@"; }

# place NAME NAMESPACE ADDRESS; sets netdev
place() {
	netdev=$(netdev_of "$1") && ip link set "$netdev" netns "$2" || return
	ip -n "$2" address add "$3/24" broadcast + dev "$netdev" &&
		ip -n "$2" link set "$netdev" up &&
		ip -n "$2" route add 224.0.0.0/4 dev "$netdev"
}

ping_b() {
	in_a ping -q -c 1 -W 5 10.9.0.2
}

appears() { # NAME NAMESPACE ADDRESS
	wait_for 5 netdev_of "$1" && place "$@"
}

rebind() { # NAME: away from virtio_vdpa and back
	echo "$1" >/sys/bus/vdpa/drivers/virtio_vdpa/unbind &&
		echo "$1" >/sys/bus/vdpa/drivers/virtio_vdpa/bind
}

segment() { # KIND FEATURES: two devices that see each other
	local netdev source
	ip netns add vdpa_a
	ip netns add vdpa_b
	check "$1 segment: add" add a net mac $mac_a device_features "$2"
	check "$1 segment: and another" add b net mac $mac_b device_features "$2"
	check "$1 segment: one interface here" appears a vdpa_a 10.9.0.1
	source=$netdev
	check "$1 segment: one there" appears b vdpa_b 10.9.0.2
	check "$1 segment: ping" wait_for 5 ping_b
	check "$1 segment: echo" background ip netns exec vdpa_b ./traffic echo 239.1.2.3
	check "$1 segment: TCP, 1 byte to 64 KiB" in_a ./traffic tcp 10.9.0.2
	check "$1 segment: UDP, 1 byte to 64 KiB" in_a ./traffic udp 10.9.0.2
	check "$1 segment: broadcast" in_a ./traffic udp 10.9.0.255 1400
	check "$1 segment: multicast" in_a ./traffic udp 239.1.2.3 1400
	kill $!
	check "$1 segment: a flood" background ip netns exec vdpa_a ./traffic flood "$source"
	check "$1 segment: unbind and bind the other end" rebind b
	check "$1 segment: ping it again" appears b vdpa_b 10.9.0.2
	check "$1 segment: in spite of the flood" wait_for 5 ping_b
	check "$1 segment: delete the other end" del b
	check "$1 segment: delete the source" del a
	check "$1 segment: ends the flood" ends_well
	ip netns del vdpa_a
	ip netns del vdpa_b
}

multiqueue() {
	local cpu netdev
	check "4 pairs: add" add mq net mac $mac_a max_vqp 4
	check "4 pairs: an interface" wait_for 5 netdev_of mq
	netdev=$(netdev_of mq)
	check "4 pairs: in the configuration" config_says mq "max_vq_pairs 4"
	check "4 pairs: link" up mq
	check "4 pairs: all used" ethtool -L "$netdev" combined 4
	refuse "4 pairs: no 5th" . ethtool -L "$netdev" combined 5
	# as many as CPUs: then each CPU has its own
	check "4 pairs: 2 of them used" ethtool -L "$netdev" combined 2
	for cpu in 0 1; do
		check "4 pairs: frames from CPU $cpu" \
			taskset -c $cpu ./traffic frames "$netdev"
	done
	check "4 pairs: went by queue 1" counted mq 1 packets
	check "4 pairs: and by queue 3" counted mq 3 packets
	check "4 pairs: and came by queue 2" counted mq 2 packets
	check "4 pairs: dev del" del mq
}

plan 81
need vdpa ip ping ethtool taskset

modprobe virtio_vdpa && modprobe virtio_net || exit 1
alone split $split
alone packed $packed
multiqueue

modprobe -r vdpa_sim_net
modprobe vdpa_sim_net segment=1
segment split $split
segment packed $packed
modprobe -r vdpa_sim_net

finish
