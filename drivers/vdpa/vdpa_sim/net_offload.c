// SPDX-License-Identifier: GPL-2.0
/*
 * What the driver's header of a frame asks of a simulated network device, and
 * which receivers can take the frame as it is (virtio 1.2, 5.1.6.2 and 5.1.6.4).
 */

#include <linux/tcp.h>
#include <linux/udp.h>

#include "net.h"

/**
 * struct simnet_kind - a kind of packet that is larger than the wire permits
 * @send: feature of a driver that sends it
 * @receive: features of one that takes it as it is
 * @check: where its transport header has the checksum
 * @header: length of its transport header, at least
 */
struct simnet_kind {
	u64 send;
	u64 receive;
	u16 check;
	u16 header;
};

/* By VIRTIO_NET_HDR_GSO_xx; no driver has the features of the gaps */
static const struct simnet_kind simnet_kinds[] = {
	[VIRTIO_NET_HDR_GSO_TCPV4] = {
		.send = BIT_ULL(VIRTIO_NET_F_HOST_TSO4),
		.receive = BIT_ULL(VIRTIO_NET_F_GUEST_TSO4),
		.check = offsetof(struct tcphdr, check),
		.header = sizeof(struct tcphdr),
	},
	[VIRTIO_NET_HDR_GSO_TCPV6] = {
		.send = BIT_ULL(VIRTIO_NET_F_HOST_TSO6),
		.receive = BIT_ULL(VIRTIO_NET_F_GUEST_TSO6),
		.check = offsetof(struct tcphdr, check),
		.header = sizeof(struct tcphdr),
	},
	[VIRTIO_NET_HDR_GSO_UDP] = {
		.send = BIT_ULL(VIRTIO_NET_F_HOST_UFO),
		.receive = BIT_ULL(VIRTIO_NET_F_GUEST_UFO),
		.check = offsetof(struct udphdr, check),
		.header = sizeof(struct udphdr),
	},
	/* one feature to send it; a driver takes both versions of IP or none */
	[VIRTIO_NET_HDR_GSO_UDP_L4] = {
		.send = BIT_ULL(VIRTIO_NET_F_HOST_USO),
		.receive = BIT_ULL(VIRTIO_NET_F_GUEST_USO4) |
			   BIT_ULL(VIRTIO_NET_F_GUEST_USO6),
		.check = offsetof(struct udphdr, check),
		.header = sizeof(struct udphdr),
	},
};

static unsigned int simnet_field(__virtio16 raw)
{
	return __virtio16_to_cpu(true, raw);
}

static bool simnet_parse_gso(const struct simnet *net, struct simnet_frame *frame)
{
	struct virtio_net_hdr *hdr = &frame->hdr.hdr;
	unsigned int hdr_len = simnet_field(hdr->hdr_len), least;
	u8 type = hdr->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	const struct simnet_kind *kind;

	if (type >= ARRAY_SIZE(simnet_kinds))
		return false;
	kind = &simnet_kinds[type];
	least = simnet_field(hdr->csum_start) + kind->header;
	if (!(net->sim.features & kind->send) || !hdr->gso_size ||
	    simnet_field(hdr->csum_offset) != kind->check ||
	    least > frame->len)
		return false;
	frame->needs |= kind->receive;

	if (hdr->gso_type & VIRTIO_NET_HDR_GSO_ECN) {
		if (!simnet_has(net, VIRTIO_NET_F_HOST_ECN) ||
		    kind->header != sizeof(struct tcphdr))
			return false;
		frame->needs |= BIT_ULL(VIRTIO_NET_F_GUEST_ECN);
	}

	/* a hint, that nothing depends on unless the driver promised more (5.1.6.2.2) */
	if (hdr_len < least || hdr_len > frame->len) {
		if (simnet_has(net, VIRTIO_NET_F_GUEST_HDRLEN))
			return false;
		hdr->hdr_len = __cpu_to_virtio16(true, least);
	}
	return true;
}

/**
 * simnet_offload_parse - check the header of a frame
 * @net: the device that sends it
 * @frame: the frame, with a private copy of the driver's header
 *
 * What no offload needs is taken out of the header, so that a receiver is told
 * nothing that was not checked.
 *
 * Return: false when the header makes no sense, or asks for what the driver did
 * not negotiate.
 */
bool simnet_offload_parse(const struct simnet *net, struct simnet_frame *frame)
{
	struct virtio_net_hdr *hdr = &frame->hdr.hdr;
	unsigned int start, check;

	/* flags that are not known don't matter (5.1.6.2.2) */
	hdr->flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
	frame->hdr.num_buffers = __cpu_to_virtio16(true, 1);
	frame->needs = 0;

	if (!hdr->flags) {
		/* each segment would need a checksum */
		if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
			return false;
		memset(hdr, 0, sizeof(*hdr));
		return true;
	}
	start = simnet_field(hdr->csum_start);
	check = start + simnet_field(hdr->csum_offset);
	if (!simnet_has(net, VIRTIO_NET_F_CSUM) || start < ETH_HLEN ||
	    check + sizeof(__sum16) > frame->len)
		return false;
	frame->needs = BIT_ULL(VIRTIO_NET_F_GUEST_CSUM);

	if (hdr->gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return simnet_parse_gso(net, frame);
	hdr->hdr_len = 0;
	hdr->gso_size = 0;
	return true;
}
