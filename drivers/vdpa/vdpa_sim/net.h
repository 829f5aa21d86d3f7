/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VDPA_SIM_NET_H
#define _VDPA_SIM_NET_H

#include <linux/if_ether.h>
#include <linux/srcu.h>
#include <linux/virtio_net.h>

#include "vdpa_sim.h"

/**
 * struct simnet_stats - counters of one queue, with its lock
 * @packets: frames, or commands
 * @bytes: of frames
 * @errors: frames or commands that made no sense
 * @overruns: frames for which the driver had no buffer
 * @filtered: frames that were for nobody
 */
struct simnet_stats {
	u64 packets;
	u64 bytes;
	u64 errors;
	u64 overruns;
	u64 filtered;
};

struct simnet_filter;

/**
 * struct simnet_header - beginning of a frame
 * @dest: address of the receiver
 * @source: address of the sender
 * @proto: what follows
 * @tci: which VLAN, when that is ETH_P_8021Q; otherwise anything
 */
struct simnet_header {
	u8 dest[ETH_ALEN];
	u8 source[ETH_ALEN];
	__be16 proto;
	__be16 tci;
};

/**
 * struct simnet - a simulated network device
 * @sim: the engine's part; must come first
 * @mac: its address, read and written in one piece: senders don't wait for who
 *	changes it
 * @permanent_mac: what @mac is after a reset
 * @filter: what it receives besides, NULL while nobody chose; looked at by
 *	those who send
 * @mtu: its MTU
 * @pairs: number of data queue pairs
 * @active: how many of them the driver uses
 * @stats: a queue's counters, as many as queues
 * @port: place on the segment
 */
struct simnet {
	struct vdpasim sim;
	u64 mac;
	u8 permanent_mac[ETH_ALEN];
	struct simnet_filter __rcu *filter;
	u16 mtu;
	u16 pairs;
	u16 active;
	struct simnet_stats *stats;
	struct list_head port;
};

static inline struct simnet *sim_to_net(struct vdpasim *sim)
{
	return container_of(sim, struct simnet, sim);
}

/* Receive and send queues take turns, the control queue is last (5.1.2) */
static inline bool simnet_is_control(const struct simnet *net, u16 index)
{
	return index == net->pairs * 2;
}

static inline struct simnet_stats *simnet_stats(struct vdpasim_vq *vq)
{
	return &sim_to_net(vq->sim)->stats[vq->index];
}

/* The bytes of an address, in their order, and two that are zero */
static inline void simnet_get_mac(struct simnet *net, u8 *addr)
{
	u64 mac = READ_ONCE(net->mac);

	memcpy(addr, &mac, ETH_ALEN);
}

static inline void simnet_set_mac(struct simnet *net, const u8 *addr)
{
	u64 mac = 0;

	memcpy(&mac, addr, ETH_ALEN);
	WRITE_ONCE(net->mac, mac);
}

static inline bool simnet_has(const struct simnet *net, unsigned int feature)
{
	return net->sim.features & BIT_ULL(feature);
}

bool simnet_send(struct vdpasim_vq *vq);
void simnet_port_call(struct rcu_head *rcu, rcu_callback_t func);
void simnet_port_barrier(void);
void simnet_port_add(struct simnet *net);
void simnet_port_del(struct simnet *net);

bool simnet_control(struct vdpasim_vq *vq);

bool simnet_filter_passes(const struct simnet_filter *filter,
			  const struct simnet_header *header, bool own);
void simnet_filter_reset(struct simnet *net);
u8 simnet_control_rx(struct simnet *net, u8 cmd, struct vdpa_vring_cursor *from);
u8 simnet_control_mac_table(struct simnet *net, struct vdpa_vring_cursor *from);
u8 simnet_control_vlan(struct simnet *net, u8 cmd, struct vdpa_vring_cursor *from);

#endif /* _VDPA_SIM_NET_H */
