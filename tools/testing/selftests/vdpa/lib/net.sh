# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# shellcheck disable=SC2034 # for those who include it
#
# The kernel's virtio_net on simulated devices: their features, and two of them in
# a namespace each.

mac_a=02:00:5e:00:00:0a mac_b=02:00:5e:00:00:0b

# MAC, MTU, STATUS, CTRL_VQ, CTRL_MAC_ADDR, EVENT_IDX, VERSION_1,
# ACCESS_PLATFORM; and for packed rings RING_PACKED and RING_INDIRECT_DESC
split=0x320830028 packed=0x730830028

# CSUM, HOST_TSO4, HOST_TSO6, HOST_ECN, HOST_USO; the same of the receiver with
# CTRL_GUEST_OFFLOADS; MRG_RXBUF; GUEST_ANNOUNCE, NOTF_COAL, VQ_NOTF_COAL
send=0x100000000003801 receive=0xc0000000000386 merge=0x8000 more=0x30000000200000
# CTRL_RX, CTRL_VLAN, CTRL_RX_EXTRA; MQ, RSS, HASH_REPORT
filters=0x1c0000
mq=0x400000 rss=0x1000000000000000 report=0x200000000000000

features() { # BITS...: with those that all have
	local sum=$((split)) bits
	for bits; do
		sum=$((sum | bits))
	done
	printf '0x%x' $sum
}

# background COMMAND...: one that says when it is ready
background() {
	"$@" >"$scratch/background" 2>"$scratch/background.err" &
	wait_for 10 grep -q ready "$scratch/background"
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

no_more() {
	kill $!
	ip netns del vdpa_a
	ip netns del vdpa_b
	del a b
}

shows() { # TEXT COMMAND...
	"${@:2}" | grep -E -- "$1"
}
