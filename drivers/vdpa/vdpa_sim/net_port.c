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

/* A receive queue that is locked, with some of its chains at hand */
struct simnet_receiver {
	struct vdpasim_vq *vq;
	unsigned int used;
	unsigned int taken;
};

static void simnet_receiver_close(struct simnet_receiver *rx)
{
	struct vdpasim_vq *vq = rx->vq;

	if (!vq)
		return;
	if (!vdpa_vring_broken(&vq->vring)) {
		vdpa_vring_untake(&vq->vring, vq->batch + rx->used,
				  rx->taken - rx->used);
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
	if (rx->vq == vq)
		return;
	simnet_receiver_close(rx);
	mutex_lock_nested(&vq->lock, SINGLE_DEPTH_NESTING);
	rx->vq = vq;
	rx->used = 0;
	rx->taken = 0;
}

static struct vdpa_vring_chain *simnet_receiver_chain(struct simnet_receiver *rx)
{
	struct vdpasim_vq *vq = rx->vq;
	int n;

	if (rx->used == rx->taken) {
		if (!vq->vring.running || !READ_ONCE(vq->sim->running))
			return NULL;
		n = vdpa_vring_take(&vq->vring, vq->batch, VDPASIM_BATCH);
		rx->used = 0;
		rx->taken = max(n, 0);
	}
	return rx->used < rx->taken ? &vq->batch[rx->used] : NULL;
}

/* A frame on its way */
struct simnet_frame {
	struct vdpa_vring_cursor rest;	/* behind the Ethernet header */
	struct ethhdr eth;
	size_t len;
};

static void simnet_receive(struct simnet_receiver *rx,
			   const struct simnet_frame *frame)
{
	struct virtio_net_hdr_mrg_rxbuf hdr = {
		.num_buffers = __cpu_to_virtio16(true, 1),
	};
	struct simnet_stats *stats = simnet_stats(rx->vq);
	struct vdpa_vring_chain *chain = simnet_receiver_chain(rx);
	struct vdpa_vring_cursor rest = frame->rest, to;
	struct vdpa_vring *vring = &rx->vq->vring;

	if (!chain) {
		stats->overruns++;
		return;
	}
	if (chain->in_len < SIMNET_HDR + frame->len) {
		stats->errors++;
		return;
	}

	vdpa_vring_cursor_in(&to, vring, chain);
	if (vdpa_vring_push(&to, &hdr, SIMNET_HDR) < 0 ||
	    vdpa_vring_push(&to, &frame->eth, ETH_HLEN) < 0 ||
	    vdpa_vring_copy(&to, &rest, frame->len - ETH_HLEN) < 0) {
		stats->errors++;
		return;
	}
	vdpa_vring_complete(vring, chain, SIMNET_HDR + frame->len);
	rx->used++;
	stats->packets++;
	stats->bytes += frame->len;
}

/* The receive queue that goes with the sender's, of those in use */
static struct vdpasim_vq *simnet_receive_queue(struct simnet *net, u16 pair)
{
	u16 active = READ_ONCE(net->active);

	return &net->sim.vqs[pair % active * 2];
}

static bool simnet_is_for(struct simnet *net, const struct ethhdr *eth)
{
	u8 mac[ETH_ALEN];

	if (is_multicast_ether_addr(eth->h_dest))
		return true;
	simnet_get_mac(net, mac);
	return ether_addr_equal_unaligned(mac, eth->h_dest);
}

/* To whom it may concern; false when that is nobody */
static bool simnet_deliver(struct simnet *from, u16 pair,
			   struct simnet_receiver *rx,
			   const struct simnet_frame *frame)
{
	struct simnet *net;
	bool found = false;

	if (!segment) {
		if (!simnet_is_for(from, &frame->eth))
			return false;
		simnet_receiver_open(rx, simnet_receive_queue(from, pair));
		simnet_receive(rx, frame);
		return true;
	}

	list_for_each_entry_srcu(net, &simnet_ports, port,
				 srcu_read_lock_held(&simnet_ports_srcu)) {
		if (net == from || !simnet_is_for(net, &frame->eth))
			continue;
		simnet_receiver_open(rx, simnet_receive_queue(net, pair));
		simnet_receive(rx, frame);
		found = true;
	}
	return found;
}

/* Reads the headers of what the driver sends. False for what is no frame. */
static bool simnet_parse(struct vdpasim_vq *vq,
			 const struct vdpa_vring_chain *chain,
			 struct simnet_frame *frame)
{
	/* no offload was offered, so nothing in the driver's header matters */
	if (chain->out_len < SIMNET_HDR + ETH_HLEN ||
	    chain->out_len > SIMNET_HDR + SIMNET_MAX_FRAME)
		return false;
	frame->len = chain->out_len - SIMNET_HDR;
	vdpa_vring_cursor_out(&frame->rest, &vq->vring, chain);
	vdpa_vring_skip(&frame->rest, SIMNET_HDR);
	return vdpa_vring_pull(&frame->rest, &frame->eth, ETH_HLEN) == ETH_HLEN;
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
		vdpa_vring_complete(&vq->vring, &vq->batch[i], 0);
	}
	simnet_receiver_close(&rx);
	srcu_read_unlock(&simnet_ports_srcu, idx);

	if (likely(!vdpa_vring_broken(&vq->vring)))
		vdpasim_vq_flush(vq);
	return n == VDPASIM_BATCH;
}
