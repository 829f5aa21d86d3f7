// SPDX-License-Identifier: GPL-2.0
/*
 * Which receive queue a frame goes to when a driver uses several: what its table
 * says, if it gave one (see net_rss.c); otherwise the one of the pair on which it
 * last sent a frame of the same flow (virtio 1.2, 5.1.6.5.5), or else the one
 * that goes with the sender's.
 */

#include <linux/hash.h>
#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <net/ipv6.h>

#include "net.h"

/* Extension headers that are skipped; who sends more sends no ports */
#define SIMNET_MAX_EXTENSIONS	8

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

static void simnet_tuple_ports(struct simnet_tuple *tuple,
			       const struct simnet_frame *frame, size_t at, u8 proto)
{
	size_t size = 2 * sizeof(__be16);

	if ((proto != IPPROTO_TCP && proto != IPPROTO_UDP) ||
	    !simnet_peek(frame, at, tuple->bytes + tuple->ports, size))
		return;
	tuple->proto = proto;
	tuple->len = tuple->ports + size;
}

static void simnet_tuple_ipv4(struct simnet_tuple *tuple,
			      const struct simnet_frame *frame, size_t at)
{
	struct iphdr ip;

	if (!simnet_peek(frame, at, &ip, sizeof(ip)))
		return;
	tuple->version = 4;
	tuple->ports = sizeof(ip.saddr) + sizeof(ip.daddr);
	tuple->len = tuple->ports;
	memcpy(tuple->bytes, &ip.addrs, tuple->len);
	/* only the first fragment has ports, and all shall go to the same place */
	if (!(ip.frag_off & htons(IP_MF | IP_OFFSET)))
		simnet_tuple_ports(tuple, frame, at + ip.ihl * 4, ip.protocol);
}

/* Skips an extension header; false for what is none, or the part of a packet */
static bool simnet_skip_extension(const struct simnet_frame *frame, size_t *at, u8 *proto)
{
	struct frag_hdr frag;	/* as long as the least of the others */
	struct ipv6_opt_hdr *option = (void *)&frag;

	switch (*proto) {
	case NEXTHDR_HOP:
	case NEXTHDR_ROUTING:
	case NEXTHDR_DEST:
		if (!simnet_peek(frame, *at, &frag, sizeof(frag)))
			return false;
		*at += ipv6_optlen(option);
		break;
	case NEXTHDR_FRAGMENT:
		if (!simnet_peek(frame, *at, &frag, sizeof(frag)) ||
		    frag.frag_off & htons(IP6_MF | IP6_OFFSET))
			return false;
		*at += sizeof(frag);
		break;
	default:
		return false;
	}
	*proto = frag.nexthdr;
	return true;
}

static void simnet_tuple_ipv6(struct simnet_tuple *tuple,
			      const struct simnet_frame *frame, size_t at)
{
	unsigned int i = 0;
	struct ipv6hdr ip;
	u8 proto;

	if (!simnet_peek(frame, at, &ip, sizeof(ip)))
		return;
	tuple->version = 6;
	tuple->ports = sizeof(ip.saddr) + sizeof(ip.daddr);
	tuple->len = tuple->ports;
	memcpy(tuple->bytes, &ip.addrs, tuple->len);
	at += sizeof(ip);
	proto = ip.nexthdr;
	while (i++ < SIMNET_MAX_EXTENSIONS && simnet_skip_extension(frame, &at, &proto))
		;
	simnet_tuple_ports(tuple, frame, at, proto);
}

/* What tells the flow of a frame, behind up to two tags */
static void simnet_tuple(struct simnet_tuple *tuple, const struct simnet_frame *frame)
{
	size_t at = ETH_HLEN;
	struct vlan_hdr tag;
	__be16 proto;

	tuple->version = 0;
	tuple->proto = 0;
	if (!simnet_peek(frame, ETH_HLEN - sizeof(proto), &proto, sizeof(proto)))
		return;
	while (eth_type_vlan(proto) && at < ETH_HLEN + 2 * VLAN_HLEN) {
		if (!simnet_peek(frame, at, &tag, sizeof(tag)))
			return;
		proto = tag.h_vlan_encapsulated_proto;
		at += sizeof(tag);
	}
	if (proto == htons(ETH_P_IP))
		simnet_tuple_ipv4(tuple, frame, at);
	else if (proto == htons(ETH_P_IPV6))
		simnet_tuple_ipv6(tuple, frame, at);
}

/* Both directions of a flow have the same number, or 0 for what is no flow */
static u32 simnet_flow(const struct simnet_tuple *tuple)
{
	u32 sum = 0;
	size_t i;

	if (!tuple->version)
		return 0;
	for (i = 0; i < tuple->ports; i += sizeof(u32))
		sum ^= *(const u32 *)(tuple->bytes + i);
	if (tuple->proto) {
		const u16 *port = (const u16 *)(tuple->bytes + tuple->ports);

		sum ^= (port[0] ^ port[1]) << 8 | tuple->proto;
	}
	return hash_32(sum, SIMNET_FLOW_BITS) + 1;
}

/**
 * simnet_steer_update - find out whether frames need to be looked at
 * @net: the device, of which something changed that decides on it
 */
void simnet_steer_update(struct simnet *net)
{
	WRITE_ONCE(net->steers, net->active > 1 || rcu_access_pointer(net->rss));
}

/**
 * simnet_steer_learn - remember where a driver sends a flow
 * @net: the device, whose driver uses several pairs
 * @pair: the pair
 * @frame: what it sends
 */
void simnet_steer_learn(struct simnet *net, u16 pair, const struct simnet_frame *frame)
{
	struct simnet_tuple tuple;
	u32 flow;

	if (READ_ONCE(net->by_table))
		return;
	simnet_tuple(&tuple, frame);
	flow = simnet_flow(&tuple);
	/* others may write as well: the last one counts */
	if (flow && READ_ONCE(net->flows[flow - 1]) != pair + 1)
		WRITE_ONCE(net->flows[flow - 1], pair + 1);
}

static u16 simnet_steer_flow(const struct simnet *net, u16 pair,
			     const struct simnet_tuple *tuple)
{
	u16 active = READ_ONCE(net->active);
	u32 flow = simnet_flow(tuple);
	u8 learnt = flow ? READ_ONCE(net->flows[flow - 1]) : 0;

	if (learnt && learnt <= active)
		return learnt - 1;
	return pair % active;
}

/**
 * simnet_steer - the pair that receives a frame
 * @net: the device
 * @rss: its hash and table, or NULL
 * @pair: that of the sender
 * @frame: the frame
 * @hash: set to what its driver is told of the hash
 */
u16 simnet_steer(const struct simnet *net, const struct simnet_rss *rss, u16 pair,
		 const struct simnet_frame *frame, struct simnet_hash *hash)
{
	struct simnet_tuple tuple;

	simnet_tuple(&tuple, frame);
	if (!rss)
		return simnet_steer_flow(net, pair, &tuple);

	/* the driver receives fragments, and they have no ports */
	if (frame->hdr.hdr.gso_type == VIRTIO_NET_HDR_GSO_UDP &&
	    frame->needs & ~simnet_accepts(net)) {
		tuple.proto = 0;
		tuple.len = tuple.ports;
	}
	*hash = simnet_hash(&rss->toeplitz, rss->types, &tuple);
	if (!READ_ONCE(net->by_table))
		return simnet_steer_flow(net, pair, &tuple);
	if (!hash->report)
		return rss->unclassified;
	return rss->table[le32_to_cpu(hash->value) & rss->mask];
}
