/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VDPA_SIM_NET_H
#define _VDPA_SIM_NET_H

#include <linux/hrtimer.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/srcu.h>
#include <linux/virtio_net.h>

#include "vdpa_sim.h"

/* Header of each frame, but for what VIRTIO_NET_F_HASH_REPORT appends (5.1.6) */
#define SIMNET_HDR	sizeof(struct virtio_net_hdr_mrg_rxbuf)

/* Entries of a table for RSS, as many as each device must have; bytes of a key */
#define SIMNET_RSS_TABLE	128
#define SIMNET_RSS_KEY		40

/* Addresses of IPv6, and ports */
#define SIMNET_TUPLE_MAX	36
#define SIMNET_TUPLE_NIBBLES	(2 * SIMNET_TUPLE_MAX)

/* All but those that look into extension headers of IPv6 for addresses */
#define SIMNET_HASH_TYPES	(VIRTIO_NET_RSS_HASH_TYPE_IPv4 |	\
				 VIRTIO_NET_RSS_HASH_TYPE_TCPv4 |	\
				 VIRTIO_NET_RSS_HASH_TYPE_UDPv4 |	\
				 VIRTIO_NET_RSS_HASH_TYPE_IPv6 |	\
				 VIRTIO_NET_RSS_HASH_TYPE_TCPv6 |	\
				 VIRTIO_NET_RSS_HASH_TYPE_UDPv6)

/* The largest frame: an IPv6 packet, whose header is not part of its length, and a tag */
#define SIMNET_MAX_FRAME	(65535 + 40 + ETH_HLEN + 4)

/* Headers of a packet to be cut: two tags, the longest IP and TCP headers */
#define SIMNET_MAX_HEAD		256

/* Flows that are told apart by where the driver sends them */
#define SIMNET_FLOW_BITS	8

/* What a driver may leave to the device when it sends */
#define SIMNET_SEND_OFFLOADS	(BIT_ULL(VIRTIO_NET_F_CSUM) |		\
				 BIT_ULL(VIRTIO_NET_F_HOST_TSO4) |	\
				 BIT_ULL(VIRTIO_NET_F_HOST_TSO6) |	\
				 BIT_ULL(VIRTIO_NET_F_HOST_ECN) |	\
				 BIT_ULL(VIRTIO_NET_F_HOST_UFO) |	\
				 BIT_ULL(VIRTIO_NET_F_HOST_USO))

/* What a driver may take that isn't ready for the wire */
#define SIMNET_RECEIVE_OFFLOADS	(BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |	\
				 BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |	\
				 BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |	\
				 BIT_ULL(VIRTIO_NET_F_GUEST_ECN) |	\
				 BIT_ULL(VIRTIO_NET_F_GUEST_UFO) |	\
				 BIT_ULL(VIRTIO_NET_F_GUEST_USO4) |	\
				 BIT_ULL(VIRTIO_NET_F_GUEST_USO6))

/**
 * struct simnet_stats - counters of one queue, with its lock
 * @packets: frames, or commands
 * @bytes: of frames
 * @errors: frames or commands that made no sense
 * @overruns: frames for which the driver had no buffer
 * @oversized: frames that did not fit into the driver's buffers, or its MTU
 * @filtered: frames that were for nobody
 * @segmented: frames that the device cut or completed for the receiver
 */
struct simnet_stats {
	u64 packets;
	u64 bytes;
	u64 errors;
	u64 overruns;
	u64 oversized;
	u64 filtered;
	u64 segmented;
};

struct simnet;

/**
 * struct simnet_coal - when a queue's used buffers are told of; with its lock
 * @net: the device
 * @index: of the queue
 * @max_usecs: time from the first frame on
 * @max_frames: frames after which it need not be over; 0 of either: at once
 * @frames: since the last notification
 * @wanted: the driver waits for a notification
 * @armed: @timer runs, or @work is on its way; then @wanted as well
 * @timer: the time
 * @work: what happens then
 */
struct simnet_coal {
	struct simnet *net;
	u16 index;
	u32 max_usecs;
	u32 max_frames;
	u32 frames;
	bool wanted;
	bool armed;
	struct hrtimer timer;
	struct work_struct work;
};

/**
 * struct simnet_queue - what a queue has beyond the engine's part
 * @stats: its counters
 * @coal: its notifications
 * @scratch: where the device works on frames that are sent, with the queue's
 *	lock; made when it is needed for the first time
 */
struct simnet_queue {
	struct simnet_stats stats;
	struct simnet_coal coal;
	void *scratch;
};

struct simnet_filter;

/**
 * struct simnet_tuple - what tells the flow of a packet
 * @version: of IP; 0: there is no flow, and nothing below counts
 * @proto: IPPROTO_TCP or IPPROTO_UDP when there are ports, otherwise 0
 * @ports: where they begin
 * @len: bytes of all
 * @bytes: addresses of source and destination, and their ports, as in the packet
 */
struct simnet_tuple {
	u8 version;
	u8 proto;
	u8 ports;
	u8 len;
	u8 bytes[SIMNET_TUPLE_MAX] __aligned(sizeof(u32));
};

/**
 * struct simnet_hash - what a driver is told of a frame's hash
 * @value: the hash
 * @report: VIRTIO_NET_HASH_REPORT_xx
 * @padding: zero
 */
struct simnet_hash {
	__le32 value;
	__le16 report;
	__le16 padding;
};

/**
 * struct simnet_toeplitz - a key, ready to hash with
 * @adds: to the hash, by place of 4 bits of the input and what they are
 */
struct simnet_toeplitz {
	u32 adds[SIMNET_TUPLE_NIBBLES][16];
};

/**
 * struct simnet_rss - how to hash received packets, and which queue gets them
 * @types: VIRTIO_NET_RSS_HASH_TYPE_xx
 * @mask: of the hash, to get the place in @table
 * @unclassified: pair that receives what is of none of @types
 * @table: pairs that receive the others
 * @toeplitz: the key
 * @rcu: to free it
 */
struct simnet_rss {
	u32 types;
	u16 mask;
	u16 unclassified;
	u16 table[SIMNET_RSS_TABLE];
	struct simnet_toeplitz toeplitz;
	struct rcu_head rcu;
};

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

static inline u16 simnet_vid(const struct simnet_header *header)
{
	return ntohs(header->tci) & VLAN_VID_MASK;
}

/* Is it in a VLAN? With a priority alone it is in none. */
static inline bool simnet_is_tagged(const struct simnet_header *header)
{
	return header->proto == htons(ETH_P_8021Q) && simnet_vid(header);
}

/**
 * struct simnet - a simulated network device
 * @sim: the engine's part; must come first
 * @mac: its address, read and written in one piece: senders don't wait for who
 *	changes it
 * @permanent_mac: what @mac is after a reset
 * @filter: what it receives besides, NULL while nobody chose; looked at by
 *	those who send
 * @rss: hash and table, NULL while there are none; looked at likewise
 * @mtu: its MTU
 * @pairs: number of data queue pairs
 * @active: how many of them the driver uses
 * @by_table: the table of @rss says which queue receives
 * @steers: there is something to find out of each frame that it receives
 * @flows: by number of a flow: the pair it was last sent on, plus 1; 0 for none
 * @refused: receive offloads that the driver switched off
 * @link_down: the cable is unplugged
 * @announce: the driver shall announce itself, and has not said yet that it did
 * @debugfs: its directory
 * @queues: as many as the engine's
 * @port: place on the segment
 */
struct simnet {
	struct vdpasim sim;
	u64 mac;
	u8 permanent_mac[ETH_ALEN];
	struct simnet_filter __rcu *filter;
	struct simnet_rss __rcu *rss;
	u16 mtu;
	u16 pairs;
	u16 active;
	bool by_table;
	bool steers;
	u8 flows[1 << SIMNET_FLOW_BITS];
	u64 refused;
	bool link_down;
	bool announce;
	struct dentry *debugfs;
	struct simnet_queue *queues;
	struct list_head port;
};

static inline struct simnet *sim_to_net(struct vdpasim *sim)
{
	return container_of(sim, struct simnet, sim);
}

/*
 * Receive and send queues take turns, the control queue is last: for a driver that
 * knows of one pair only, behind the first one (5.1.2).
 */
static inline u16 simnet_control_index(const struct simnet *net)
{
	u64 features = net->sim.features ?: net->sim.offered;

	if (features & (BIT_ULL(VIRTIO_NET_F_MQ) | BIT_ULL(VIRTIO_NET_F_RSS)))
		return net->pairs * 2;
	return 2;
}

static inline bool simnet_is_control(const struct simnet *net, u16 index)
{
	return index == simnet_control_index(net);
}

static inline struct simnet_queue *simnet_queue(struct vdpasim_vq *vq)
{
	return &sim_to_net(vq->sim)->queues[vq->index];
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

static inline size_t simnet_hdr_len(const struct simnet *net)
{
	return simnet_has(net, VIRTIO_NET_F_HASH_REPORT) ?
	       sizeof(struct virtio_net_hdr_v1_hash) : SIMNET_HDR;
}

/* What may be sent to the driver as it is */
static inline u64 simnet_accepts(const struct simnet *net)
{
	u64 features = net->sim.features & SIMNET_RECEIVE_OFFLOADS &
		       ~READ_ONCE(net->refused);

	/* all others depend on it (5.1.3.1) */
	if (!(features & BIT_ULL(VIRTIO_NET_F_GUEST_CSUM)))
		return 0;
	return features;
}

/**
 * struct simnet_frame - a frame on its way
 * @data: the whole frame, when it is in one piece
 * @from: otherwise, where it begins
 * @header: otherwise, the Ethernet header and what may be a tag
 * @len: bytes
 * @needs: features without which a driver can't take it as it is
 * @hdr: what the receiver is told of it
 */
struct simnet_frame {
	const void *data;
	struct vdpa_vring_cursor from;
	struct simnet_header header;
	size_t len;
	u64 needs;
	struct virtio_net_hdr_mrg_rxbuf hdr;
};

/**
 * struct simnet_receiver - a receive queue that is locked, with a batch
 * @vq: the queue, NULL for none
 * @stats: its counters
 * @accepts: receive offloads of its driver
 * @hdr_len: bytes of a header
 * @max_len: bytes of a frame that surely is in keeping with the MTU
 * @hash: of the frame at hand, when they are more than SIMNET_HDR
 * @mergeable: a frame may be in several chains
 * @frames: that may still come
 * @used: chains with a frame in them
 * @taken: chains of the batch
 * @before: what @stats had of frames when it was locked
 */
struct simnet_receiver {
	struct vdpasim_vq *vq;
	struct simnet_stats *stats;
	u64 accepts;
	size_t hdr_len;
	size_t max_len;
	struct simnet_hash hash;
	bool mergeable;
	unsigned int frames;
	unsigned int used;
	unsigned int taken;
	u64 before;
};

bool simnet_receiver_take(struct simnet_receiver *rx, unsigned int n);
bool simnet_exceeds_mtu(const struct simnet_receiver *rx,
			const struct simnet_frame *frame);
void simnet_receive_pieces(struct simnet_receiver *rx,
			   const struct simnet_frame *frame);

bool simnet_offload_parse(const struct simnet *net, struct simnet_frame *frame);

/**
 * struct simnet_gso - a frame that the device makes ready for the wire
 * @frame: all of it, in the sender's scratch memory
 * @type: VIRTIO_NET_HDR_GSO_xx
 * @flags: VIRTIO_NET_HDR_F_xx of what comes out
 * @ipv6: it is an IPv6 packet
 * @ip: offset of the IP header
 * @transport: of the transport header
 * @head_len: bytes that each segment begins with
 * @len: bytes of the frame
 * @size: bytes of the payload in a segment but for the last
 * @at: first byte that is not in a segment yet
 * @segments: how many there will be
 * @index: those that were made
 * @ident: identifies the fragments of an IPv6 packet
 * @head: the first bytes as they came
 */
struct simnet_gso {
	u8 *frame;
	u8 type;
	u8 flags;
	bool ipv6;
	unsigned int ip;
	unsigned int transport;
	unsigned int head_len;
	unsigned int len;
	unsigned int size;
	unsigned int at;
	unsigned int segments;
	unsigned int index;
	__be32 ident;
	u8 head[SIMNET_MAX_HEAD];
};

bool simnet_gso_begin(struct simnet_gso *gso, struct simnet_queue *from,
		      const struct simnet_frame *frame);
bool simnet_gso_next(struct simnet_gso *gso, struct simnet_frame *segment);

void simnet_steer_update(struct simnet *net);
void simnet_steer_learn(struct simnet *net, u16 pair, const struct simnet_frame *frame);
u16 simnet_steer(const struct simnet *net, const struct simnet_rss *rss, u16 pair,
		 const struct simnet_frame *frame, struct simnet_hash *hash);

void simnet_toeplitz_init(struct simnet_toeplitz *toeplitz,
			  const u8 key[SIMNET_RSS_KEY]);
u32 simnet_toeplitz(const struct simnet_toeplitz *toeplitz, const u8 *bytes, size_t len);
struct simnet_hash simnet_hash(const struct simnet_toeplitz *toeplitz, u32 types,
			       const struct simnet_tuple *tuple);

void simnet_rss_reset(struct simnet *net);
u8 simnet_control_rss(struct simnet *net, struct vdpa_vring_cursor *from);
u8 simnet_control_hash(struct simnet *net, struct vdpa_vring_cursor *from);

bool simnet_send(struct vdpasim_vq *vq);
void simnet_port_call(struct rcu_head *rcu, rcu_callback_t func);
void simnet_port_wait(void);
void simnet_port_barrier(void);
void simnet_port_add(struct simnet *net);
void simnet_port_del(struct simnet *net);

bool simnet_control(struct vdpasim_vq *vq);

/**
 * struct simnet_answer - what a driver gets for a command, beyond its status
 * @len: bytes of it
 * @coal: of VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET
 */
struct simnet_answer {
	size_t len;
	struct virtio_net_ctrl_coal coal;
};

void simnet_coal_init(struct simnet_coal *coal, struct simnet *net, u16 index);
void simnet_coal_destroy(struct simnet_coal *coal);
void simnet_coal_suspend(struct simnet *net);
void simnet_coal_reset(struct simnet *net);
void simnet_coal_flush(struct vdpasim_vq *vq, unsigned int frames);
u8 simnet_control_coal(struct simnet *net, u8 cmd, struct vdpa_vring_cursor *from,
		       struct simnet_answer *answer);

/* Publishes completed chains with @frames frames, and notifies as agreed */
static inline void simnet_flush(struct vdpasim_vq *vq, unsigned int frames)
{
	const struct simnet_coal *coal = &simnet_queue(vq)->coal;

	if (likely(!coal->max_usecs || !coal->max_frames))
		vdpasim_vq_flush(vq);
	else
		simnet_coal_flush(vq, frames);
}

int simnet_check_features(u64 features, struct netlink_ext_ack *extack);

void simnet_debugfs_add(struct simnet *net);
void simnet_debugfs_del(struct simnet *net);
void simnet_debugfs_init(void);
void simnet_debugfs_exit(void);

bool simnet_filter_passes(const struct simnet *net, const struct simnet_filter *filter,
			  const struct simnet_header *header, bool own);
void simnet_filter_reset(struct simnet *net);
u8 simnet_control_rx(struct simnet *net, u8 cmd, struct vdpa_vring_cursor *from);
u8 simnet_control_mac_table(struct simnet *net, struct vdpa_vring_cursor *from);
u8 simnet_control_vlan(struct simnet *net, u8 cmd, struct vdpa_vring_cursor *from);

#endif /* _VDPA_SIM_NET_H */
