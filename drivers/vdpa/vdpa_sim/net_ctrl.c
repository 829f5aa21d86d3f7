// SPDX-License-Identifier: GPL-2.0
/*
 * Control queue of the simulated network device (virtio 1.2, 5.1.6.5).
 */

#include <linux/etherdevice.h>

#include "net.h"

/* VIRTIO_NET_CTRL_MAC_ADDR_SET (5.1.6.5.2) */
static u8 simnet_control_mac(struct simnet *net, struct vdpa_vring_cursor *from)
{
	u8 mac[ETH_ALEN];

	if (!simnet_has(net, VIRTIO_NET_F_CTRL_MAC_ADDR) ||
	    vdpa_vring_pull(from, mac, ETH_ALEN) != ETH_ALEN ||
	    !is_valid_ether_addr(mac))
		return VIRTIO_NET_ERR;
	simnet_set_mac(net, mac);
	return VIRTIO_NET_OK;
}

/* VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET (5.1.6.5.5) */
static u8 simnet_control_mq(struct simnet *net, struct vdpa_vring_cursor *from)
{
	__virtio16 raw;
	u16 pairs;

	if (!simnet_has(net, VIRTIO_NET_F_MQ) ||
	    vdpa_vring_pull(from, &raw, sizeof(raw)) != sizeof(raw))
		return VIRTIO_NET_ERR;
	pairs = __virtio16_to_cpu(true, raw);
	if (!pairs || pairs > net->pairs)
		return VIRTIO_NET_ERR;
	WRITE_ONCE(net->active, pairs);
	/* the last command that says where frames go is the one that counts */
	WRITE_ONCE(net->by_table, false);
	simnet_steer_update(net);
	/* a frame on its way to a queue beyond must not come when this is done */
	simnet_port_wait();
	return VIRTIO_NET_OK;
}

/* VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET: all that shall be on (5.1.6.5.6) */
static u8 simnet_control_offloads(struct simnet *net, struct vdpa_vring_cursor *from)
{
	u64 may = net->sim.features & (SIMNET_RECEIVE_OFFLOADS |
				       BIT_ULL(VIRTIO_NET_F_GUEST_HDRLEN));
	__le64 raw;

	if (!simnet_has(net, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) ||
	    vdpa_vring_pull(from, &raw, sizeof(raw)) != sizeof(raw) ||
	    le64_to_cpu(raw) & ~may)
		return VIRTIO_NET_ERR;
	WRITE_ONCE(net->refused, ~le64_to_cpu(raw));
	return VIRTIO_NET_OK;
}

/* VIRTIO_NET_CTRL_ANNOUNCE_ACK (5.1.6.5.4) */
static u8 simnet_control_announce(struct simnet *net)
{
	if (!simnet_has(net, VIRTIO_NET_F_GUEST_ANNOUNCE))
		return VIRTIO_NET_ERR;
	WRITE_ONCE(net->announce, false);
	return VIRTIO_NET_OK;
}

static u8 simnet_command(struct simnet *net, struct vdpasim_vq *vq,
			 const struct vdpa_vring_chain *chain,
			 struct simnet_answer *answer)
{
	struct virtio_net_ctrl_hdr hdr;
	struct vdpa_vring_cursor from;

	vdpa_vring_cursor_out(&from, &vq->vring, chain);
	if (vdpa_vring_pull(&from, &hdr, sizeof(hdr)) != sizeof(hdr))
		return VIRTIO_NET_ERR;

	switch (hdr.class) {
	case VIRTIO_NET_CTRL_RX:
		return simnet_control_rx(net, hdr.cmd, &from);
	case VIRTIO_NET_CTRL_MAC:
		if (hdr.cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET)
			return simnet_control_mac(net, &from);
		if (hdr.cmd == VIRTIO_NET_CTRL_MAC_TABLE_SET)
			return simnet_control_mac_table(net, &from);
		return VIRTIO_NET_ERR;
	case VIRTIO_NET_CTRL_VLAN:
		return simnet_control_vlan(net, hdr.cmd, &from);
	case VIRTIO_NET_CTRL_MQ:
		if (hdr.cmd == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET)
			return simnet_control_mq(net, &from);
		if (hdr.cmd == VIRTIO_NET_CTRL_MQ_RSS_CONFIG)
			return simnet_control_rss(net, &from);
		if (hdr.cmd == VIRTIO_NET_CTRL_MQ_HASH_CONFIG)
			return simnet_control_hash(net, &from);
		return VIRTIO_NET_ERR;
	case VIRTIO_NET_CTRL_ANNOUNCE:
		if (hdr.cmd == VIRTIO_NET_CTRL_ANNOUNCE_ACK)
			return simnet_control_announce(net);
		return VIRTIO_NET_ERR;
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		if (hdr.cmd == VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET)
			return simnet_control_offloads(net, &from);
		return VIRTIO_NET_ERR;
	case VIRTIO_NET_CTRL_NOTF_COAL:
		return simnet_control_coal(net, hdr.cmd, &from, answer);
	default:
		return VIRTIO_NET_ERR;
	}
}

/* A batch of the control queue */
bool simnet_control(struct vdpasim_vq *vq)
{
	struct simnet *net = sim_to_net(vq->sim);
	struct simnet_stats *stats = &simnet_queue(vq)->stats;
	struct vdpa_vring_cursor to;
	struct simnet_answer answer;
	ssize_t written;
	u8 status;
	int i, n;

	n = vdpa_vring_take(&vq->vring, vq->batch, VDPASIM_BATCH);
	if (n <= 0)
		return false;

	for (i = 0; i < n; i++) {
		answer.len = 0;
		status = simnet_command(net, vq, &vq->batch[i], &answer);
		stats->packets++;
		if (status != VIRTIO_NET_OK)
			stats->errors++;
		vdpa_vring_cursor_in(&to, &vq->vring, &vq->batch[i]);
		written = vdpa_vring_push(&to, &status, sizeof(status));
		if (answer.len)
			written += vdpa_vring_push(&to, &answer.coal, answer.len);
		if (unlikely(vdpa_vring_broken(&vq->vring)))
			return false;
		vdpa_vring_complete(&vq->vring, &vq->batch[i], written);
	}
	vdpasim_vq_flush(vq);
	return n == VDPASIM_BATCH;
}
