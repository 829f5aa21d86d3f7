// SPDX-License-Identifier: GPL-2.0
/*
 * Where frames of simulated network devices go: back to the sender, or to the
 * other devices on the segment.
 */

#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/rculist.h>

#include "net.h"

static bool segment;
module_param(segment, bool, 0444);
MODULE_PARM_DESC(segment, "Join all devices to one Ethernet segment; otherwise each loops back what is sent to its own or to a group address [N]");

/* Ports of the segment; changed with the lock, looked at with SRCU */
static LIST_HEAD(simnet_ports);
static DEFINE_MUTEX(simnet_ports_lock);
DEFINE_STATIC_SRCU(simnet_ports_srcu);

/* The largest frame: an IPv4 or IPv6 packet of the largest size, and a tag */
#define SIMNET_MAX_FRAME	(65535 + ETH_HLEN + 4)

/* Header of each frame, without VIRTIO_NET_F_HASH_REPORT (5.1.6) */
#define SIMNET_HDR	sizeof(struct virtio_net_hdr_mrg_rxbuf)

void simnet_port_add(struct simnet *net)
{
	if (!segment)
		return;
	mutex_lock(&simnet_ports_lock);
	list_add_tail_rcu(&net->port, &simnet_ports);
	mutex_unlock(&simnet_ports_lock);
}

/* On return nobody sends to the device any more. Idempotent. */
void simnet_port_del(struct simnet *net)
{
	mutex_lock(&simnet_ports_lock);
	if (!list_empty(&net->port)) {
		list_del_rcu(&net->port);
		synchronize_srcu(&simnet_ports_srcu);
		INIT_LIST_HEAD(&net->port);
	}
	mutex_unlock(&simnet_ports_lock);
}

/* Frees what those who send look at, when they don't any more */
void simnet_port_call(struct rcu_head *rcu, rcu_callback_t func)
{
	call_srcu(&simnet_ports_srcu, rcu, func);
}

void simnet_port_barrier(void)
{
	srcu_barrier(&simnet_ports_srcu);
}

/* A receive queue that is locked, with a batch of its chains */
struct simnet_receiver {
	struct vdpasim_vq *vq;
	struct simnet_stats *stats;
	unsigned int frames;	/* that may still come */
	unsigned int used;	/* chains with a frame in them */
	unsigned int taken;
};

/* What was received is completed, and what was not needed goes back */
static void simnet_receiver_drop_batch(struct simnet_receiver *rx)
{
	struct vdpa_vring *vring = &rx->vq->vring;

	vdpa_vring_complete_batch(vring, rx->vq->batch, rx->used);
	vdpa_vring_untake(vring, rx->vq->batch + rx->used, rx->taken - rx->used);
	rx->used = 0;
	rx->taken = 0;
}

static void simnet_receiver_close(struct simnet_receiver *rx)
{
	struct vdpasim_vq *vq = rx->vq;

	if (!vq)
		return;
	/* the device may be one that no driver has started yet */
	if (vq->vring.running && !vdpa_vring_broken(&vq->vring)) {
		simnet_receiver_drop_batch(rx);
		vdpasim_vq_flush(vq);
	}
	vdpasim_vq_check(vq);
	mutex_unlock(&vq->lock);
	rx->vq = NULL;
}

/* Only senders hold a lock when they come here, and receivers never send */
static void simnet_receiver_open(struct simnet_receiver *rx,
				 struct vdpasim_vq *vq)
{
	simnet_receiver_close(rx);
	mutex_lock_nested(&vq->lock, SINGLE_DEPTH_NESTING);
	rx->vq = vq;
	rx->stats = simnet_stats(vq);
	rx->used = 0;
	rx->taken = 0;
}

static bool simnet_receiver_take(struct simnet_receiver *rx)
{
	struct vdpasim_vq *vq = rx->vq;
	int n;

	if (!vq->vring.running || !READ_ONCE(vq->sim->running))
		return false;
	simnet_receiver_drop_batch(rx);
	n = vdpa_vring_take(&vq->vring, vq->batch, rx->frames);
	rx->taken = max(n, 0);
	return n > 0;
}

/**
 * struct simnet_frame - a frame on its way
 * @data: the whole frame, when it is in one piece
 * @rest: otherwise, what is behind the Ethernet header
 * @header: otherwise, the Ethernet header and what may be a tag
 * @len: bytes
 */
struct simnet_frame {
	const void *data;
	struct vdpa_vring_cursor rest;
	struct simnet_header header;
	size_t len;
};

/* A frame or a buffer for it that is not in one piece */
static noinline bool simnet_scatter(struct vdpa_vring *vring,
				    const struct vdpa_vring_chain *chain,
				    const struct virtio_net_hdr_mrg_rxbuf *hdr,
				    const struct simnet_frame *frame)
{
	struct vdpa_vring_cursor rest = frame->rest, to;

	vdpa_vring_cursor_in(&to, vring, chain);
	if (vdpa_vring_push(&to, hdr, SIMNET_HDR) < 0)
		return false;
	if (frame->data)
		return vdpa_vring_push(&to, frame->data, frame->len) >= 0;
	return vdpa_vring_push(&to, &frame->header, ETH_HLEN) >= 0 &&
	       vdpa_vring_copy(&to, &rest, frame->len - ETH_HLEN) >= 0;
}

static void simnet_receive(struct simnet_receiver *rx,
			   const struct simnet_frame *frame)
{
	struct virtio_net_hdr_mrg_rxbuf hdr = {
		.num_buffers = __cpu_to_virtio16(true, 1),
	};
	size_t data_len = frame->len, len = SIMNET_HDR + data_len;
	struct vdpa_vring_chain *chain;
	struct vdpa_vring *vring = &rx->vq->vring;
	void *to;

	if (rx->used == rx->taken && !simnet_receiver_take(rx)) {
		rx->stats->overruns++;
		return;
	}
	chain = &rx->vq->batch[rx->used];
	if (unlikely(chain->in_len < len)) {
		rx->stats->errors++;
		return;
	}

	to = vdpa_vring_direct(vring, chain->desc + chain->nout, len, VHOST_MAP_WO);
	if (likely(to && frame->data)) {
		memcpy(to, &hdr, SIMNET_HDR);
		/* a compiler that knows the bound need not call memcpy() */
		memcpy(to + SIMNET_HDR, frame->data, min(data_len, PAGE_SIZE));
	} else if (!simnet_scatter(vring, chain, &hdr, frame)) {
		rx->stats->errors++;
		return;
	}
	chain->written = len;
	rx->used++;
	rx->stats->packets++;
	rx->stats->bytes += data_len;
}

/* The receive queue that goes with the sender's, of those in use */
static struct vdpasim_vq *simnet_receive_queue(struct simnet *net, u16 pair)
{
	u16 active = READ_ONCE(net->active);

	if (pair >= active)
		pair %= active;
	return &net->sim.vqs[pair * 2];
}

static bool simnet_is_for(struct simnet *net, const struct simnet_header *header)
{
	struct simnet_filter *filter;
	u64 mac = READ_ONCE(net->mac);
	/* reads two bytes behind each address */
	bool own = ether_addr_equal_64bits(header->dest, (u8 *)&mac);

	filter = srcu_dereference(net->filter, &simnet_ports_srcu);
	if (unlikely(filter))
		return simnet_filter_passes(filter, header, own);
	return own || is_multicast_ether_addr(header->dest);
}

static void simnet_deliver_to(struct simnet *net, u16 pair,
			      struct simnet_receiver *rx,
			      const struct simnet_frame *frame)
{
	struct vdpasim_vq *vq = simnet_receive_queue(net, pair);

	if (rx->vq != vq)
		simnet_receiver_open(rx, vq);
	simnet_receive(rx, frame);
}

/* To all others on the segment that it concerns; false when that is nobody */
static bool simnet_deliver_segment(struct simnet *from, u16 pair,
				   struct simnet_receiver *rx,
				   const struct simnet_frame *frame,
				   const struct simnet_header *header)
{
	struct simnet *net;
	bool found = false;

	list_for_each_entry_srcu(net, &simnet_ports, port,
				 srcu_read_lock_held(&simnet_ports_srcu)) {
		if (net == from || !simnet_is_for(net, header))
			continue;
		simnet_deliver_to(net, pair, rx, frame);
		found = true;
	}
	return found;
}

/* To whom it may concern; false when that is nobody */
static bool simnet_deliver(struct simnet *from, u16 pair,
			   struct simnet_receiver *rx,
			   const struct simnet_frame *frame)
{
	const struct simnet_header *header = frame->data ?: &frame->header;

	if (segment)
		return simnet_deliver_segment(from, pair, rx, frame, header);
	if (!simnet_is_for(from, header))
		return false;
	simnet_deliver_to(from, pair, rx, frame);
	return true;
}

static noinline bool simnet_parse_scattered(struct vdpasim_vq *vq,
					    const struct vdpa_vring_chain *chain,
					    struct simnet_frame *frame)
{
	struct vdpa_vring_cursor *rest = &frame->rest, header;

	vdpa_vring_cursor_out(rest, &vq->vring, chain);
	vdpa_vring_skip(rest, SIMNET_HDR);
	header = *rest;
	vdpa_vring_skip(rest, ETH_HLEN);
	frame->header.tci = 0;
	return vdpa_vring_pull(&header, &frame->header, sizeof(frame->header)) >= 0;
}

/* Finds what the driver sends. False for what is no frame. */
static bool simnet_parse(struct vdpasim_vq *vq,
			 const struct vdpa_vring_chain *chain,
			 struct simnet_frame *frame)
{
	/* no offload was offered, so nothing in the driver's header matters */
	if (chain->out_len < SIMNET_HDR + ETH_HLEN ||
	    chain->out_len > SIMNET_HDR + SIMNET_MAX_FRAME)
		return false;
	frame->len = chain->out_len - SIMNET_HDR;
	frame->data = vdpa_vring_direct(&vq->vring, chain->desc, chain->out_len,
					VHOST_MAP_RO);
	if (likely(frame->data && frame->len >= sizeof(frame->header))) {
		frame->data += SIMNET_HDR;
		return true;
	}
	frame->data = NULL;
	return simnet_parse_scattered(vq, chain, frame);
}

/* A batch of the send queue */
bool simnet_send(struct vdpasim_vq *vq)
{
	struct simnet *net = sim_to_net(vq->sim);
	struct simnet_stats *stats = simnet_stats(vq);
	struct simnet_receiver rx = {};
	struct simnet_frame frame;
	int i, n, idx;

	n = vdpa_vring_take(&vq->vring, vq->batch, VDPASIM_BATCH);
	if (n <= 0)
		return false;

	idx = srcu_read_lock(&simnet_ports_srcu);
	for (i = 0; i < n; i++) {
		rx.frames = n - i;
		if (!simnet_parse(vq, &vq->batch[i], &frame)) {
			stats->errors++;
		} else {
			stats->packets++;
			stats->bytes += frame.len;
			if (!simnet_deliver(net, vq->index / 2, &rx, &frame))
				stats->filtered++;
		}
		if (unlikely(vdpa_vring_broken(&vq->vring)))
			break;
	}
	simnet_receiver_close(&rx);
	srcu_read_unlock(&simnet_ports_srcu, idx);

	if (likely(!vdpa_vring_broken(&vq->vring))) {
		vdpa_vring_complete_batch(&vq->vring, vq->batch, n);
		vdpasim_vq_flush(vq);
	}
	return n == VDPASIM_BATCH;
}
