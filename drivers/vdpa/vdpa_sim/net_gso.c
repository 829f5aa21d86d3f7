// SPDX-License-Identifier: GPL-2.0
/*
 * What a receiver of a simulated network device can't take as it is: checksums
 * are completed, large packets cut into segments (TCP, UDP) or fragments (UFO).
 *
 * It is done on a copy in the sender's scratch memory, where each segment is
 * made in the place of what was sent before: its headers end where its part of
 * the payload begins. All that decides is read from the copy and checked there.
 * An skb and the kernel's own segmentation would do the same with allocations
 * for each packet, and warn in the log where a driver's header is a lie.
 */

#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/unaligned.h>
#include <net/checksum.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>

#include "net.h"

/* The smallest MSS of Linux, 48, makes fewer */
#define SIMNET_MAX_SEGMENTS	2048

/* The fragment header of IPv6 comes on top of those that were sent */
#define SIMNET_HEADROOM		sizeof(struct frag_hdr)

/* A copy of the frame that nobody else can write to */
static bool simnet_gso_copy(struct simnet_gso *gso, struct simnet_queue *from,
			    const struct simnet_frame *frame)
{
	struct vdpa_vring_cursor cursor = frame->from;

	if (!from->scratch)
		from->scratch = kvmalloc(SIMNET_HEADROOM + SIMNET_MAX_FRAME,
					 GFP_KERNEL_ACCOUNT);
	if (!from->scratch)
		return false;
	gso->frame = from->scratch + SIMNET_HEADROOM;
	gso->len = frame->len;
	if (!frame->data)
		return vdpa_vring_pull(&cursor, gso->frame, gso->len) == gso->len;
	memcpy(gso->frame, frame->data, gso->len);
	return true;
}

/* --- is the packet what its type says? ----------------------------------- */

static u8 simnet_gso_transport(const struct simnet_gso *gso)
{
	switch (gso->type) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return IPPROTO_TCP;
	default:
		return IPPROTO_UDP;
	}
}

/* Finds the IP header behind up to two tags, and tells what it should be */
static __be16 simnet_gso_find_ip(struct simnet_gso *gso)
{
	const struct ethhdr *eth = (void *)gso->frame;
	__be16 proto = eth->h_proto;

	gso->ip = ETH_HLEN;
	while (eth_type_vlan(proto) && gso->ip < ETH_HLEN + 2 * VLAN_HLEN) {
		const struct vlan_hdr *tag = (void *)gso->frame + gso->ip;

		if (gso->ip + VLAN_HLEN > gso->transport)
			return 0;
		proto = tag->h_vlan_encapsulated_proto;
		gso->ip += VLAN_HLEN;
	}
	return proto;
}

static bool simnet_gso_is_ipv4(const struct simnet_gso *gso)
{
	const struct iphdr *ip = (void *)gso->frame + gso->ip;
	unsigned int len = gso->transport - gso->ip;

	return len >= sizeof(*ip) && ip->version == 4 && ip->ihl * 4 == len &&
	       ip->protocol == simnet_gso_transport(gso);
}

/* Extension headers are not looked at: the driver says where they end */
static bool simnet_gso_is_ipv6(const struct simnet_gso *gso)
{
	const struct ipv6hdr *ip = (void *)gso->frame + gso->ip;
	unsigned int len = gso->transport - gso->ip;
	bool alone = ip->nexthdr == simnet_gso_transport(gso);
	bool extended = len > sizeof(*ip);

	if (len < sizeof(*ip) || len % 8 || ip->version != 6 || alone == extended)
		return false;
	/* where a fragment header goes would depend on which they are */
	return !extended || gso->type != VIRTIO_NET_HDR_GSO_UDP;
}

static bool simnet_gso_check_ip(struct simnet_gso *gso)
{
	__be16 proto = simnet_gso_find_ip(gso);

	if (gso->ip > gso->transport || gso->len - gso->ip > U16_MAX)
		return false;
	gso->ipv6 = proto == htons(ETH_P_IPV6);
	if (gso->ipv6)
		return gso->type != VIRTIO_NET_HDR_GSO_TCPV4 && simnet_gso_is_ipv6(gso);
	return proto == htons(ETH_P_IP) && gso->type != VIRTIO_NET_HDR_GSO_TCPV6 &&
	       simnet_gso_is_ipv4(gso);
}

/* The length of what each segment begins with; 0 when it can't be */
static unsigned int simnet_gso_head(const struct simnet_gso *gso)
{
	const struct tcphdr *tcp = (void *)gso->frame + gso->transport;

	/* only the first fragment has the UDP header: it is payload here */
	if (gso->type == VIRTIO_NET_HDR_GSO_UDP)
		return gso->transport;
	if (gso->type == VIRTIO_NET_HDR_GSO_UDP_L4)
		return gso->transport + sizeof(struct udphdr);
	if (tcp->doff * 4 < sizeof(*tcp))
		return 0;
	return gso->transport + tcp->doff * 4;
}

/* --- checksums ----------------------------------------------------------- */

/* 0 would mean none to UDP; all others take the one for the other */
static __sum16 simnet_not_zero(__sum16 sum)
{
	return sum ?: CSUM_MANGLED_0;
}

/* Of the @len bytes at @transport, where there is no checksum yet */
static __sum16 simnet_gso_sum(const struct simnet_gso *gso, const void *ip,
			      const void *transport, unsigned int len)
{
	__wsum sum = csum_partial(transport, len, 0);
	u8 proto = simnet_gso_transport(gso);
	const struct ipv6hdr *ip6 = ip;
	const struct iphdr *ip4 = ip;

	if (gso->ipv6)
		return simnet_not_zero(csum_ipv6_magic(&ip6->saddr, &ip6->daddr,
						       len, proto, sum));
	return simnet_not_zero(csum_tcpudp_magic(ip4->saddr, ip4->daddr, len, proto,
						 sum));
}

/* One checksum, of whatever protocol: the addresses' part is there already */
static void simnet_gso_complete(struct simnet_gso *gso,
				const struct virtio_net_hdr *hdr)
{
	unsigned int start = __virtio16_to_cpu(true, hdr->csum_start);
	unsigned int check = start + __virtio16_to_cpu(true, hdr->csum_offset);
	__wsum sum = csum_partial(gso->frame + start, gso->len - start, 0);

	put_unaligned(simnet_not_zero(csum_fold(sum)), (__sum16 *)(gso->frame + check));
	gso->head_len = 0;
	gso->size = gso->len;
}

/* A packet that becomes fragments has one checksum, over all of it */
static void simnet_gso_complete_udp(struct simnet_gso *gso)
{
	struct udphdr *udp = (void *)gso->frame + gso->transport;
	unsigned int len = gso->len - gso->transport;

	udp->len = htons(len);
	udp->check = 0;
	udp->check = simnet_gso_sum(gso, gso->frame + gso->ip, udp, len);
	gso->ident = (__force __be32)get_random_u32();
}

/* --- cutting ------------------------------------------------------------- */

static bool simnet_gso_cut(struct simnet_gso *gso, const struct virtio_net_hdr *hdr)
{
	gso->transport = __virtio16_to_cpu(true, hdr->csum_start);
	gso->size = __virtio16_to_cpu(true, hdr->gso_size);
	if (!simnet_gso_check_ip(gso))
		return false;

	gso->head_len = simnet_gso_head(gso);
	if (!gso->head_len || gso->head_len > SIMNET_MAX_HEAD ||
	    gso->head_len >= gso->len)
		return false;

	/* fragments but for the last are in units of 8 bytes */
	if (gso->type == VIRTIO_NET_HDR_GSO_UDP)
		gso->size = round_down(gso->size, 8);
	if (!gso->size ||
	    DIV_ROUND_UP(gso->len - gso->head_len, gso->size) > SIMNET_MAX_SEGMENTS)
		return false;

	if (gso->type == VIRTIO_NET_HDR_GSO_UDP)
		simnet_gso_complete_udp(gso);
	memcpy(gso->head, gso->frame, gso->head_len);
	return true;
}

/**
 * simnet_gso_begin - begin to make a frame ready for the wire
 * @gso: the work; @gso->flags is set, all else is filled in
 * @from: queue that sends it
 * @frame: the frame, of which simnet_offload_parse() approved
 *
 * Context: with the lock of the queue; may sleep.
 * Return: false when the packet is not what its header says.
 */
bool simnet_gso_begin(struct simnet_gso *gso, struct simnet_queue *from,
		      const struct simnet_frame *frame)
{
	const struct virtio_net_hdr *hdr = &frame->hdr.hdr;

	gso->type = hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	if (!simnet_gso_copy(gso, from, frame))
		return false;
	if (gso->type == VIRTIO_NET_HDR_GSO_NONE)
		simnet_gso_complete(gso, hdr);
	else if (!simnet_gso_cut(gso, hdr))
		return false;
	gso->at = gso->head_len;
	gso->segments = DIV_ROUND_UP(gso->len - gso->head_len, gso->size);
	gso->index = 0;
	return true;
}

static void simnet_segment_ipv4(const struct simnet_gso *gso, struct iphdr *ip,
				unsigned int len)
{
	bool last = gso->index + 1 == gso->segments;

	ip->tot_len = htons(len);
	if (gso->type == VIRTIO_NET_HDR_GSO_UDP)
		ip->frag_off = htons((gso->at - gso->head_len) / 8 | (last ? 0 : IP_MF));
	else
		ip->id = htons(ntohs(ip->id) + gso->index);
	ip->check = 0;
	ip->check = ip_fast_csum(ip, ip->ihl);
}

static void simnet_segment_tcp(const struct simnet_gso *gso, struct tcphdr *tcp)
{
	tcp->seq = htonl(ntohl(tcp->seq) + gso->at - gso->head_len);
	/* the answer to congestion is given once, and the end is at the end */
	if (gso->index)
		tcp->cwr = 0;
	if (gso->index + 1 < gso->segments) {
		tcp->fin = 0;
		tcp->psh = 0;
	}
}

/* The headers at @head, which @len bytes of payload follow */
static void simnet_segment(struct simnet_gso *gso, void *head, unsigned int len)
{
	void *ip = head + gso->ip, *transport = head + gso->transport;
	unsigned int end = gso->head_len + len;
	struct udphdr *udp = transport;
	struct tcphdr *tcp = transport;
	struct ipv6hdr *ip6 = ip;
	__sum16 *check = NULL;

	memcpy(head, gso->head, gso->head_len);
	if (gso->ipv6)
		ip6->payload_len = htons(end - gso->ip - sizeof(*ip6));
	else
		simnet_segment_ipv4(gso, ip, end - gso->ip);

	if (simnet_gso_transport(gso) == IPPROTO_TCP) {
		simnet_segment_tcp(gso, tcp);
		check = &tcp->check;
	} else if (gso->type == VIRTIO_NET_HDR_GSO_UDP_L4) {
		udp->len = htons(end - gso->transport);
		check = &udp->check;
	}
	if (check) {
		*check = 0;
		*check = simnet_gso_sum(gso, ip, transport, end - gso->transport);
	}
}

/* Likewise of a fragment of an IPv6 packet, where a fragment header follows */
static void simnet_fragment_ipv6(struct simnet_gso *gso, void *head, unsigned int len)
{
	struct frag_hdr *frag = head + gso->head_len;
	bool last = gso->index + 1 == gso->segments;
	struct ipv6hdr *ip6 = head + gso->ip;

	memcpy(head, gso->head, gso->head_len);
	ip6->payload_len = htons(sizeof(*frag) + len);
	ip6->nexthdr = NEXTHDR_FRAGMENT;
	frag->nexthdr = NEXTHDR_UDP;
	frag->reserved = 0;
	frag->frag_off = htons((gso->at - gso->head_len) | (last ? 0 : IP6_MF));
	frag->identification = gso->ident;
}

/**
 * simnet_gso_next - make the next frame
 * @gso: begun with simnet_gso_begin()
 * @segment: set to it; good until the next call
 *
 * Return: false when there is none.
 */
bool simnet_gso_next(struct simnet_gso *gso, struct simnet_frame *segment)
{
	unsigned int len = min(gso->size, gso->len - gso->at);
	u8 *head = gso->frame + gso->at - gso->head_len;

	if (gso->index == gso->segments)
		return false;
	if (gso->type == VIRTIO_NET_HDR_GSO_UDP && gso->ipv6) {
		head -= sizeof(struct frag_hdr);
		simnet_fragment_ipv6(gso, head, len);
	} else if (gso->type != VIRTIO_NET_HDR_GSO_NONE) {
		simnet_segment(gso, head, len);
	}

	*segment = (struct simnet_frame) {
		.data = head,
		.len = gso->frame + gso->at + len - head,
		.hdr.hdr.flags = gso->flags,
		.hdr.num_buffers = __cpu_to_virtio16(true, 1),
	};
	gso->at += len;
	gso->index++;
	return true;
}
