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

/* Those who send see from now on what was changed before, and nothing else */
void simnet_port_wait(void)
{
	/* a driver waits for it; the other kind takes some ticks */
	synchronize_srcu_expedited(&simnet_ports_srcu);
}

void simnet_port_barrier(void)
{
	srcu_barrier(&simnet_ports_srcu);
}

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
		simnet_flush(vq, rx->stats->packets - rx->before);
	}
	vdpasim_vq_check(vq);
	mutex_unlock(&vq->lock);
	rx->vq = NULL;
}

/* What was not cut is no larger than the MTU that the driver was told (5.1.4.1) */
static size_t simnet_max_len(const struct simnet *net)
{
	return simnet_has(net, VIRTIO_NET_F_MTU) ? ETH_HLEN + net->mtu : SIMNET_MAX_FRAME;
}

/* Only senders hold a lock when they come here, and receivers never send */
static void simnet_receiver_open(struct simnet_receiver *rx,
				 struct vdpasim_vq *vq)
{
	simnet_receiver_close(rx);
	mutex_lock_nested(&vq->lock, SINGLE_DEPTH_NESTING);
	rx->vq = vq;
	rx->stats = &simnet_queue(vq)->stats;
	rx->before = rx->stats->packets;
	rx->accepts = simnet_accepts(sim_to_net(vq->sim));
	rx->hdr_len = simnet_hdr_len(sim_to_net(vq->sim));
	rx->max_len = simnet_max_len(sim_to_net(vq->sim));
	rx->mergeable = simnet_has(sim_to_net(vq->sim), VIRTIO_NET_F_MRG_RXBUF);
	rx->used = 0;
	rx->taken = 0;
}

/* The next chains, up to @n; those that hold nothing yet may come again */
bool simnet_receiver_take(struct simnet_receiver *rx, unsigned int n)
{
	struct vdpasim_vq *vq = rx->vq;
	int taken;

	if (!vq->vring.running || !READ_ONCE(vq->sim->running))
		return false;
	simnet_receiver_drop_batch(rx);
	taken = vdpa_vring_take(&vq->vring, vq->batch, n);
	rx->taken = max(taken, 0);
	return taken > 0;
}

static __always_inline void simnet_receive(struct simnet_receiver *rx,
					   const struct simnet_frame *frame)
{
	size_t data_len = frame->len, len = rx->hdr_len + data_len;
	struct vdpa_vring_chain *chain;
	void *to = NULL;

	if (unlikely(data_len > rx->max_len) && simnet_exceeds_mtu(rx, frame)) {
		rx->stats->oversized++;
		return;
	}
	if (rx->used == rx->taken && !simnet_receiver_take(rx, rx->frames)) {
		rx->stats->overruns++;
		return;
	}
	chain = &rx->vq->batch[rx->used];
	if (likely(frame->data && chain->in_len >= len))
		to = vdpa_vring_direct(&rx->vq->vring, chain->desc + chain->nout,
				       len, VHOST_MAP_WO);
	if (unlikely(!to)) {
		simnet_receive_pieces(rx, frame);
		return;
	}
	memcpy(to, &frame->hdr, SIMNET_HDR);
	if (unlikely(rx->hdr_len > SIMNET_HDR))
		memcpy(to + SIMNET_HDR, &rx->hash, sizeof(rx->hash));
	/* a compiler that knows the bound need not call memcpy() */
	memcpy(to + rx->hdr_len, frame->data, min(data_len, PAGE_SIZE));
	chain->written = len;
	rx->used++;
	rx->stats->packets++;
	rx->stats->bytes += data_len;
}

/* A frame that the driver can't take as it is: the device does the work */
static noinline void simnet_receive_gso(struct simnet_receiver *rx,
					struct simnet_queue *from,
					const struct simnet_frame *frame)
{
	unsigned int frames = rx->frames;
	struct simnet_frame segment;
	struct simnet_gso gso;

	gso.flags = rx->accepts ? VIRTIO_NET_HDR_F_DATA_VALID : 0;
	if (!simnet_gso_begin(&gso, from, frame)) {
		from->stats.errors++;
		return;
	}
	from->stats.segmented++;
	rx->frames = min(frames + gso.segments - 1, VDPASIM_BATCH);
	while (simnet_gso_next(&gso, &segment))
		simnet_receive(rx, &segment);
	rx->frames = frames;
}

static bool simnet_is_for(struct simnet *net, const struct simnet_header *header)
{
	struct simnet_filter *filter;
	u64 mac = READ_ONCE(net->mac);
	/* reads two bytes behind each address */
	bool own = ether_addr_equal_64bits(header->dest, (u8 *)&mac);

	filter = srcu_dereference(net->filter, &simnet_ports_srcu);
	if (unlikely(filter))
		return simnet_filter_passes(net, filter, header, own);
	if (unlikely(simnet_is_tagged(header)) && simnet_has(net, VIRTIO_NET_F_CTRL_VLAN))
		return false;
	return own || is_multicast_ether_addr(header->dest);
}

static void simnet_deliver_to(struct simnet *net, struct vdpasim_vq *from,
			      struct simnet_receiver *rx,
			      const struct simnet_frame *frame)
{
	struct vdpasim_vq *vq = net->sim.vqs;

	rx->hash = (struct simnet_hash) {};
	if (unlikely(READ_ONCE(net->steers))) {
		const struct simnet_rss *rss =
			srcu_dereference(net->rss, &simnet_ports_srcu);

		vq += simnet_steer(net, rss, from->index / 2, frame, &rx->hash) * 2;
	}
	if (rx->vq != vq)
		simnet_receiver_open(rx, vq);
	if (likely(!(frame->needs & ~rx->accepts)))
		simnet_receive(rx, frame);
	else
		simnet_receive_gso(rx, simnet_queue(from), frame);
}

/* To all others on the segment that it concerns; false when that is nobody */
static bool simnet_deliver_segment(struct vdpasim_vq *from,
				   struct simnet_receiver *rx,
				   const struct simnet_frame *frame,
				   const struct simnet_header *header)
{
	struct simnet *net;
	bool found = false;

	list_for_each_entry_srcu(net, &simnet_ports, port,
				 srcu_read_lock_held(&simnet_ports_srcu)) {
		if (&net->sim == from->sim || READ_ONCE(net->link_down) ||
		    !simnet_is_for(net, header))
			continue;
		simnet_deliver_to(net, from, rx, frame);
		found = true;
	}
	return found;
}

/* To whom it may concern; false when that is nobody */
static bool simnet_deliver(struct vdpasim_vq *from, struct simnet_receiver *rx,
			   const struct simnet_frame *frame)
{
	const struct simnet_header *header = frame->data ?: &frame->header;
	struct simnet *net = sim_to_net(from->sim);

	if (unlikely(READ_ONCE(net->link_down)))
		return false;
	if (READ_ONCE(net->active) > 1)
		simnet_steer_learn(net, from->index / 2, frame);
	if (segment)
		return simnet_deliver_segment(from, rx, frame, header);
	if (!simnet_is_for(net, header))
		return false;
	simnet_deliver_to(net, from, rx, frame);
	return true;
}

static noinline bool simnet_parse_scattered(struct vdpasim_vq *vq,
					    const struct vdpa_vring_chain *chain,
					    struct simnet_frame *frame, bool offloads)
{
	struct vdpa_vring_cursor *from = &frame->from, header;

	vdpa_vring_cursor_out(from, &vq->vring, chain);
	header = *from;
	vdpa_vring_skip(from, chain->out_len - frame->len);
	if (offloads && vdpa_vring_pull(&header, &frame->hdr, SIMNET_HDR) < 0)
		return false;
	header = *from;
	frame->header.tci = 0;
	return vdpa_vring_pull(&header, &frame->header, sizeof(frame->header)) >= 0;
}

/* Finds what the driver sends. False for what is no frame. */
static bool simnet_parse(struct vdpasim_vq *vq,
			 const struct vdpa_vring_chain *chain,
			 struct simnet_frame *frame, size_t hdr_len, bool offloads)
{
	if (chain->out_len < hdr_len + ETH_HLEN ||
	    chain->out_len > hdr_len + SIMNET_MAX_FRAME)
		return false;
	frame->len = chain->out_len - hdr_len;
	frame->data = vdpa_vring_direct(&vq->vring, chain->desc, chain->out_len,
					VHOST_MAP_RO);
	if (likely(frame->data && frame->len >= sizeof(frame->header))) {
		if (offloads)
			memcpy(&frame->hdr, frame->data, SIMNET_HDR);
		frame->data += hdr_len;
	} else {
		frame->data = NULL;
		if (!simnet_parse_scattered(vq, chain, frame, offloads))
			return false;
	}
	return !offloads || simnet_offload_parse(sim_to_net(vq->sim), frame);
}

/* A batch of the send queue */
bool simnet_send(struct vdpasim_vq *vq)
{
	struct simnet *net = sim_to_net(vq->sim);
	struct simnet_stats *stats = &simnet_queue(vq)->stats;
	/* without an offload, nothing in the driver's headers matters */
	bool offloads = net->sim.features & SIMNET_SEND_OFFLOADS;
	size_t hdr_len = simnet_hdr_len(net);
	struct simnet_receiver rx;
	struct simnet_frame frame;
	int i, n, idx;

	n = vdpa_vring_take(&vq->vring, vq->batch, VDPASIM_BATCH);
	if (n <= 0)
		return false;

	rx.vq = NULL;
	frame.needs = 0;
	frame.hdr = (struct virtio_net_hdr_mrg_rxbuf) {
		.num_buffers = __cpu_to_virtio16(true, 1),
	};
	idx = srcu_read_lock(&simnet_ports_srcu);
	for (i = 0; i < n; i++) {
		rx.frames = n - i;
		if (!simnet_parse(vq, &vq->batch[i], &frame, hdr_len, offloads)) {
			stats->errors++;
		} else {
			stats->packets++;
			stats->bytes += frame.len;
			if (!simnet_deliver(vq, &rx, &frame))
				stats->filtered++;
		}
		if (unlikely(vdpa_vring_broken(&vq->vring)))
			break;
	}
	simnet_receiver_close(&rx);
	srcu_read_unlock(&simnet_ports_srcu, idx);

	if (likely(!vdpa_vring_broken(&vq->vring))) {
		vdpa_vring_complete_batch(&vq->vring, vq->batch, n);
		simnet_flush(vq, n);
	}
	return n == VDPASIM_BATCH;
}
