// SPDX-License-Identifier: GPL-2.0
/*
 * Frames for receive buffers of a simulated network device that are not in one
 * piece, or too small for a frame alone (virtio 1.2, 5.1.6.3 and 5.1.6.4).
 */

#include "net.h"

/* A frame is in one batch of chains, so a merged one has no more than this */
#define SIMNET_MAX_MERGED	VDPASIM_BATCH

/**
 * simnet_exceeds_mtu - is a frame too large for a driver that was told its MTU?
 * @rx: where to
 * @frame: a frame of more than its @max_len bytes
 *
 * A tag comes on top, and a large packet is no matter of the MTU.
 */
bool simnet_exceeds_mtu(const struct simnet_receiver *rx,
			const struct simnet_frame *frame)
{
	const struct simnet_header *header = frame->data ?: &frame->header;
	u8 type = frame->hdr.hdr.gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
	unsigned int tag = eth_type_vlan(header->proto) ? VLAN_HLEN : 0;

	return type == VIRTIO_NET_HDR_GSO_NONE && frame->len > rx->max_len + tag;
}

/* How many of the chains at hand hold @len bytes; 0 when all of them don't */
static unsigned int simnet_count_chains(const struct simnet_receiver *rx, size_t len)
{
	unsigned int n = 0;
	size_t room = 0;

	while (room < len) {
		if (rx->used + n == rx->taken)
			return 0;
		room += rx->vq->batch[rx->used + n++].in_len;
	}
	return n;
}

/* The same, with others if need be; counts why the frame can't be received */
static unsigned int simnet_find_chains(struct simnet_receiver *rx, size_t len)
{
	unsigned int n;

	if (!rx->mergeable) {
		if (rx->vq->batch[rx->used].in_len >= len)
			return 1;
		rx->stats->oversized++;
		return 0;
	}
	n = simnet_count_chains(rx, len);
	if (!n && simnet_receiver_take(rx, SIMNET_MAX_MERGED))
		n = simnet_count_chains(rx, len);
	if (!n && rx->taken == SIMNET_MAX_MERGED)
		rx->stats->oversized++;
	else if (!n)
		rx->stats->overruns++;
	return n;
}

/* Header and data into the next @n chains. False when something isn't there. */
static bool simnet_fill_chains(struct simnet_receiver *rx, unsigned int n,
			       const struct simnet_frame *frame)
{
	struct vdpa_vring_chain *chain = &rx->vq->batch[rx->used];
	struct {
		struct virtio_net_hdr_mrg_rxbuf hdr;
		struct simnet_hash hash;
	} head = { frame->hdr, rx->hash };
	struct vdpa_vring_cursor from = frame->from, to;
	const void *data = frame->data;
	size_t left = frame->len;

	BUILD_BUG_ON(sizeof(head) != sizeof(struct virtio_net_hdr_v1_hash));
	head.hdr.num_buffers = __cpu_to_virtio16(true, n);
	vdpa_vring_cursor_in(&to, &rx->vq->vring, chain);
	if (vdpa_vring_push(&to, &head, rx->hdr_len) != rx->hdr_len)
		return false;
	chain->written = rx->hdr_len;

	for (;;) {
		ssize_t part = min_t(u64, left, chain->in_len - chain->written);

		if ((data ? vdpa_vring_push(&to, data, part) :
			    vdpa_vring_copy(&to, &from, part)) != part)
			return false;
		chain->written += part;
		if (!--n)
			return true;
		left -= part;
		if (data)
			data += part;
		chain++;
		vdpa_vring_cursor_in(&to, &rx->vq->vring, chain);
	}
}

/**
 * simnet_receive_pieces - receive a frame in the general way
 * @rx: where to, with a chain at hand
 * @frame: the frame, which the driver can take as it is
 */
void simnet_receive_pieces(struct simnet_receiver *rx,
			   const struct simnet_frame *frame)
{
	unsigned int n = simnet_find_chains(rx, rx->hdr_len + frame->len);

	if (!n)
		return;
	if (!simnet_fill_chains(rx, n, frame)) {
		rx->stats->errors++;
		return;
	}
	rx->used += n;
	rx->stats->packets++;
	rx->stats->bytes += frame->len;
}
