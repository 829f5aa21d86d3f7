#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's virtio_net on simulated devices: what an operator sees, and
# frames that arrive as they were sent.
cd "$(dirname "$0")" || exit 1
. ./lib.sh
. ./lib/net.sh

mac_new=02:00:00:00:00:00

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

up() { # NAME: without the frames that IPv6, where the kernel has it, sends of its own
	local netdev sysctl
	netdev=$(netdev_of "$1") || return
	sysctl=/proc/sys/net/ipv6/conf/$netdev/disable_ipv6
	{ [ ! -e "$sysctl" ] || echo 1 >"$sysctl"; } &&
		ip link set "$netdev" up &&
		wait_for 5 net_attribute "$1" carrier 1
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

both() { # NAME FEATURES FEATURES: two devices in two namespaces; sets netdev_a, netdev_b
	ip netns add vdpa_a
	ip netns add vdpa_b
	check "$1: add" add a net mac $mac_a device_features "$2"
	check "$1: and another" add b net mac $mac_b device_features "$3"
	check "$1: one interface here" appears a vdpa_a 10.9.0.1
	netdev_a=$netdev
	check "$1: one there" appears b vdpa_b 10.9.0.2
	netdev_b=$netdev
	check "$1: ping" wait_for 5 ping_b
	check "$1: echo" background ip netns exec vdpa_b ./traffic echo
}

# cuts NAME yes|no COMMAND...: whether the device cuts what NAME sends
cuts() {
	local before after
	before=$(./devtool counter "$1" 1 segmented) && "${@:3}" &&
		after=$(./devtool counter "$1" 1 segmented) || return
	if [ "$2" = yes ]; then
		[ "$after" -gt "$before" ]
	else
		[ "$after" -eq "$before" ]
	fi
}

offloads() {
	local netdev netdev_a netdev_b tso gro cut
	both "offloads" "$(features $send $receive $merge)" "$(features $send $receive)"
	check "offloads: TSO is on" shows 'tcp-segmentation-offload: on$' \
		in_a ethtool -k "$netdev_a"
	check "offloads: GRO by the device is on" shows 'rx-gro-hw: on$' \
		in_b ethtool -k "$netdev_b"
	for tso in on off; do
		for gro in on off; do
			in_a ethtool -K "$netdev_a" tso $tso
			in_b ethtool -K "$netdev_b" rx-gro-hw $gro
			[ $tso$gro = onoff ] && cut=yes || cut=no
			check "offloads: TCP, sent large: $tso, received large: $gro" \
				cuts a $cut in_a ./traffic tcp 10.9.0.2
		done
	done
	# buffers for large packets are few: no more fragments at once
	check "offloads: UDP" in_a ./traffic udp 10.9.0.2 8000
	no_more

	both "one side" "$(features $send $receive $merge)" "$split"
	check "one side: TCP that the device cuts" cuts a yes in_a ./traffic tcp 10.9.0.2
	check "one side: UDP" in_a ./traffic udp 10.9.0.2
	no_more
	both "other side" "$split" "$(features $send $receive $merge)"
	check "other side: TCP into merged buffers" in_a ./traffic tcp 10.9.0.2
	check "other side: TCP from there is cut" cuts b yes in_a ./traffic tcp 10.9.0.2
	no_more
}

operate() { # FILE VALUE: by the operator of device net0
	echo "$2" >"/sys/kernel/debug/vdpa_sim_net/net0/$1"
}

running() {
	local netdev
	check "operator: add" add net0 net mac $mac_a mtu 65535 \
		device_features "$(features $more)"
	check "operator: an interface" wait_for 5 netdev_of net0
	netdev=$(netdev_of net0)
	check "operator: the largest MTU" ip link set "$netdev" mtu 65535
	check "operator: link" up net0
	check "operator: frames of all sizes" ./traffic frames "$netdev"
	check "operator: unplug" operate link 0
	check "operator: no carrier" wait_for 5 net_attribute net0 carrier 0
	check "operator: plug in" operate link 1
	check "operator: carrier" wait_for 5 net_attribute net0 carrier 1
	ip address add 10.9.0.1/24 dev "$netdev"
	check "operator: announce" operate announce 1
	check "operator: the driver said it did" wait_for 5 config_says net0 "link_announce false"
	check "coalescing: set" ethtool -C "$netdev" rx-usecs 200 rx-frames 8 tx-usecs 300
	check "coalescing: shown" shows 'rx-usecs:[[:space:]]*200$' ethtool -c "$netdev"
	check "coalescing: of frames, too" shows 'rx-frames:[[:space:]]*8$' ethtool -c "$netdev"
	check "coalescing: frames" ./traffic frames "$netdev"
	check "operator: dev del" del net0
}

# Frames come back, or don't; soon, as the driver tells the device in the background
come() { # NETDEV DESTINATION
	wait_for 10 timeout 3 ./traffic frames "$1" "$2"
}

gone_by() { # NETDEV DESTINATION
	wait_for 10 not timeout 1 ./traffic frames "$1" "$2"
}

# What the driver chooses to receive
receiving() {
	local netdev stranger=02:00:5e:00:00:0c group=01:00:5e:01:02:03
	check "receive: add" add net0 net mac $mac_a mtu 200 \
		device_features "$(features $filters)"
	check "receive: an interface" wait_for 5 netdev_of net0
	netdev=$(netdev_of net0)
	check "receive: link" up net0
	check "receive: not what is for others" gone_by "$netdev" $stranger
	check "receive: promiscuous" ip link set "$netdev" promisc on
	check "receive: all" come "$netdev" $stranger
	check "receive: no more" ip link set "$netdev" promisc off
	check "receive: not what is for others" gone_by "$netdev" $stranger
	check "receive: another address" bridge fdb add $stranger dev "$netdev"
	check "receive: what is for it" come "$netdev" $stranger
	check "receive: not of other groups" gone_by "$netdev" $group
	check "receive: of one group" ip maddress add $group dev "$netdev"
	check "receive: what is for it" come "$netdev" $group
	check "receive: dev del" del net0
}

tag() { # NAMESPACE NETDEV ADDRESS: in VLAN 5
	ip -n "$1" link add link "$2" name vlan5 type vlan id 5 &&
		ip -n "$1" address add "$3/24" dev vlan5 &&
		ip -n "$1" link set vlan5 up
}

ping_vlan() {
	in_a ping -q -c 1 -W 5 10.8.0.2
}

# Two ends that see each other in a VLAN, until one leaves it
vlans() {
	local netdev netdev_a netdev_b filtering
	filtering=$(features $filters)
	both VLAN "$filtering" "$filtering"
	check "VLAN: tagged" tag vdpa_a "$netdev_a" 10.8.0.1
	refuse "VLAN: no ping with a tag" '100% packet loss' ping_vlan
	check "VLAN: which the device saw to" counted a 1 filtered
	check "VLAN: tagged as well" tag vdpa_b "$netdev_b" 10.8.0.2
	check "VLAN: ping with a tag" wait_for 5 ping_vlan
	check "VLAN: left" ip -n vdpa_b link del vlan5
	refuse "VLAN: no ping any more" '100% packet loss' ping_vlan
	no_more
}

# A driver that uses two pairs gets a flow where it sends it
steering() {
	local netdev netdev_a netdev_b
	ip netns add vdpa_a
	ip netns add vdpa_b
	check "steering: add" add a net mac $mac_a
	check "steering: and another" add b net mac $mac_b max_vqp 2
	check "steering: one interface here" appears a vdpa_a 10.9.0.1
	check "steering: one there" appears b vdpa_b 10.9.0.2
	check "steering: two pairs there" in_b ethtool -L "$netdev" combined 2
	check "steering: ping" wait_for 5 ping_b
	check "steering: echo on CPU 1" background ip netns exec vdpa_b \
		taskset -c 1 ./traffic echo
	check "steering: TCP" in_a ./traffic tcp 10.9.0.2
	check "steering: came by the second pair" counted b 2 packets
	no_more
}

plan 162
need vdpa ip bridge ping ethtool taskset

modprobe virtio_vdpa && modprobe virtio_net || exit 1
alone split $split
alone packed $packed
multiqueue

running
receiving

modprobe -r vdpa_sim_net
modprobe vdpa_sim_net segment=1
segment split $split
segment packed $packed
offloads
vlans
steering
modprobe -r vdpa_sim_net

finish
