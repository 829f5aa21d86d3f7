// SPDX-License-Identifier: GPL-2.0
/*
 * Receive-side scaling of a simulated network device: the driver gives a key for
 * the hash of received packets, and a table that says by the hash which queue
 * receives them (virtio 1.2, 5.1.6.5.6 and 5.1.6.5.7).
 *
 * As with filters, a command makes another configuration than the one that those
 * who send look at.
 */

#include <linux/log2.h>
#include <linux/slab.h>

#include "net.h"

static void simnet_rss_free(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct simnet_rss, rcu));
}

static void simnet_rss_replace(struct simnet *net, struct simnet_rss *rss)
{
	/* only the control queue and reset replace it */
	struct simnet_rss *old = rcu_replace_pointer(net->rss, rss, true);

	if (old)
		simnet_port_call(&old->rcu, simnet_rss_free);
	simnet_steer_update(net);
}

/* Back to what a device has that was never told; also before it goes */
void simnet_rss_reset(struct simnet *net)
{
	net->by_table = false;
	simnet_rss_replace(net, NULL);
}

/* What both commands end with: the length of the key, and the key */
static bool simnet_rss_pull_key(struct simnet_rss *rss, struct vdpa_vring_cursor *from)
{
	u8 key[SIMNET_RSS_KEY] = {}, len;

	if (vdpa_vring_pull(from, &len, sizeof(len)) != sizeof(len) ||
	    len > SIMNET_RSS_KEY || (rss->types && !len) ||
	    vdpa_vring_pull(from, key, len) != len)
		return false;
	simnet_toeplitz_init(&rss->toeplitz, key);
	return true;
}

/* The table, of which the head of the command told the size */
static bool simnet_rss_pull_table(struct simnet_rss *rss, u16 pairs,
				  struct vdpa_vring_cursor *from)
{
	__le16 table[SIMNET_RSS_TABLE];
	unsigned int i, n = rss->mask + 1;
	size_t size = n * sizeof(*table);

	if (n > SIMNET_RSS_TABLE || !is_power_of_2(n) ||
	    vdpa_vring_pull(from, table, size) != size)
		return false;
	for (i = 0; i < n; i++) {
		rss->table[i] = le16_to_cpu(table[i]);
		if (rss->table[i] >= pairs)
			return false;
	}
	return true;
}

static bool simnet_rss_pull(struct simnet_rss *rss, u16 pairs, u16 *senders,
			    struct vdpa_vring_cursor *from)
{
	struct virtio_net_rss_config head;
	size_t size = offsetof(struct virtio_net_rss_config, indirection_table);
	__le16 raw;

	if (vdpa_vring_pull(from, &head, size) != size)
		return false;
	rss->types = le32_to_cpu(head.hash_types);
	rss->mask = le16_to_cpu(head.indirection_table_mask);
	rss->unclassified = le16_to_cpu(head.unclassified_queue);
	if (rss->types & ~SIMNET_HASH_TYPES || rss->unclassified >= pairs ||
	    !simnet_rss_pull_table(rss, pairs, from) ||
	    vdpa_vring_pull(from, &raw, sizeof(raw)) != sizeof(raw))
		return false;
	*senders = le16_to_cpu(raw);
	return *senders && *senders <= pairs && simnet_rss_pull_key(rss, from);
}

/* VIRTIO_NET_CTRL_MQ_RSS_CONFIG */
u8 simnet_control_rss(struct simnet *net, struct vdpa_vring_cursor *from)
{
	struct simnet_rss *rss;
	u16 senders;

	if (!simnet_has(net, VIRTIO_NET_F_RSS))
		return VIRTIO_NET_ERR;
	rss = kzalloc(sizeof(*rss), GFP_KERNEL);
	if (!rss)
		return VIRTIO_NET_ERR;
	if (!simnet_rss_pull(rss, net->pairs, &senders, from)) {
		kfree(rss);
		return VIRTIO_NET_ERR;
	}
	WRITE_ONCE(net->active, senders);
	simnet_rss_replace(net, rss);
	WRITE_ONCE(net->by_table, true);
	/* no frame comes by what counted before when this is done */
	simnet_port_wait();
	return VIRTIO_NET_OK;
}

static bool simnet_hash_pull(struct simnet_rss *rss, struct vdpa_vring_cursor *from)
{
	struct virtio_net_hash_config head;
	size_t size = offsetof(struct virtio_net_hash_config, hash_key_length);

	/* what is reserved is not zero when Linux sends it */
	if (vdpa_vring_pull(from, &head, size) != size)
		return false;
	rss->types = le32_to_cpu(head.hash_types);
	return !(rss->types & ~SIMNET_HASH_TYPES) && simnet_rss_pull_key(rss, from);
}

/* VIRTIO_NET_CTRL_MQ_HASH_CONFIG: a hash to report, but no table */
u8 simnet_control_hash(struct simnet *net, struct vdpa_vring_cursor *from)
{
	struct simnet_rss *rss;

	if (!simnet_has(net, VIRTIO_NET_F_HASH_REPORT))
		return VIRTIO_NET_ERR;
	rss = kzalloc(sizeof(*rss), GFP_KERNEL);
	if (!rss)
		return VIRTIO_NET_ERR;
	if (!simnet_hash_pull(rss, from)) {
		kfree(rss);
		return VIRTIO_NET_ERR;
	}
	WRITE_ONCE(net->by_table, false);
	simnet_rss_replace(net, rss);
	simnet_port_wait();
	return VIRTIO_NET_OK;
}
