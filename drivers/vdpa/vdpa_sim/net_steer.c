// SPDX-License-Identifier: GPL-2.0
/*
 * Which receive queue a frame goes to when a driver uses several: the one of the
 * pair on which the driver last sent a frame of the same flow (virtio 1.2,
 * 5.1.6.5.5), or else the one that goes with the sender's.
 */

#include <linux/hash.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "net.h"

/* Copies what is at @at of a frame; false when it isn't that long */
static bool simnet_peek(const struct simnet_frame *frame, size_t at, void *to,
			size_t len)
{
	struct vdpa_vring_cursor from = frame->from;

	if (at + len > frame->len)
		return false;
	if (frame->data) {
		memcpy(to, frame->data + at, len);
		return true;
	}
	return vdpa_vring_skip(&from, at) == at && vdpa_vring_pull(&from, to, len) == len;
}

/* Both directions of a flow have the same number, or 0 for what is no flow */
static u32 simnet_flow_number(const struct simnet_frame *frame, size_t at, u8 proto,
			      u32 addresses)
{
	__be16 port[2];

	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP) {
		if (!simnet_peek(frame, at, port, sizeof(port)))
			return 0;
		addresses ^= (__force u16)(port[0] ^ port[1]) << 8 | proto;
	}
	return hash_32(addresses, SIMNET_FLOW_BITS) + 1;
}

static u32 simnet_flow_ipv4(const struct simnet_frame *frame, size_t at)
{
	struct iphdr ip;

	if (!simnet_peek(frame, at, &ip, sizeof(ip)))
		return 0;
	/* only the first fragment has ports */
	if (ip.frag_off & htons(IP_MF | IP_OFFSET))
		ip.protocol = 0;
	return simnet_flow_number(frame, at + ip.ihl * 4, ip.protocol,
				  (__force u32)(ip.saddr ^ ip.daddr));
}

static u32 simnet_flow_ipv6(const struct simnet_frame *frame, size_t at)
{
	struct ipv6hdr ip;
	u32 addresses = 0;
	unsigned int i;

	if (!simnet_peek(frame, at, &ip, sizeof(ip)))
		return 0;
	for (i = 0; i < 4; i++)
		addresses ^= (__force u32)(ip.saddr.s6_addr32[i] ^ ip.daddr.s6_addr32[i]);
	return simnet_flow_number(frame, at + sizeof(ip), ip.nexthdr, addresses);
}

static u32 simnet_flow(const struct simnet_frame *frame)
{
	size_t at = ETH_HLEN;
	struct vlan_hdr tag;
	__be16 proto;

	if (!simnet_peek(frame, ETH_HLEN - sizeof(proto), &proto, sizeof(proto)))
		return 0;
	if (eth_type_vlan(proto)) {
		if (!simnet_peek(frame, at, &tag, sizeof(tag)))
			return 0;
		proto = tag.h_vlan_encapsulated_proto;
		at += sizeof(tag);
	}
	if (proto == htons(ETH_P_IP))
		return simnet_flow_ipv4(frame, at);
	if (proto == htons(ETH_P_IPV6))
		return simnet_flow_ipv6(frame, at);
	return 0;
}

/**
 * simnet_steer_learn - remember where a driver sends a flow
 * @net: the device, whose driver uses several pairs
 * @pair: the pair
 * @frame: what it sends
 */
void simnet_steer_learn(struct simnet *net, u16 pair, const struct simnet_frame *frame)
{
	u32 flow = simnet_flow(frame);

	/* others may write as well: the last one counts */
	if (flow && READ_ONCE(net->flows[flow - 1]) != pair + 1)
		WRITE_ONCE(net->flows[flow - 1], pair + 1);
}

/**
 * simnet_steer - the pair that receives a frame
 * @net: the device, whose driver uses several pairs
 * @pair: that of the sender
 * @frame: the frame
 */
u16 simnet_steer(const struct simnet *net, u16 pair, const struct simnet_frame *frame)
{
	u16 active = READ_ONCE(net->active);
	u32 flow = simnet_flow(frame);
	u8 learnt = flow ? READ_ONCE(net->flows[flow - 1]) : 0;

	if (learnt && learnt <= active)
		return learnt - 1;
	return pair % active;
}
