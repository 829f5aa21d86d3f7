// SPDX-License-Identifier: GPL-2.0
/*
 * What a simulated network device receives, as the driver chose by the control
 * queue (virtio 1.2, 5.1.6.5.1 to 5.1.6.5.3).
 *
 * A filter is never changed: each command makes another one, so that those who
 * send see the one or the other. Until the first command there is none.
 */

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/slab.h>

#include "net.h"

/* Addresses a table holds; a longer one lets all addresses of its kind pass */
#define SIMNET_TABLE	64

/* Modes, by the commands of class VIRTIO_NET_CTRL_RX */
#define SIMNET_RX(mode)	BIT(VIRTIO_NET_CTRL_RX_##mode)

/**
 * struct simnet_macs - a table of addresses
 * @n: how many; more than there is room for mean all
 * @mac: the addresses, as in &struct simnet
 */
struct simnet_macs {
	u32 n;
	u64 mac[SIMNET_TABLE];
};

/**
 * struct simnet_filter - what passes
 * @modes: SIMNET_RX() of what is on
 * @has_table: the tables below count; without them every group passes
 * @unicast: addresses besides the device's own
 * @multicast: groups
 * @vlans: networks whose frames pass; none at first, with VIRTIO_NET_F_CTRL_VLAN
 * @rcu: to free it
 */
struct simnet_filter {
	unsigned int modes;
	bool has_table;
	struct simnet_macs unicast;
	struct simnet_macs multicast;
	DECLARE_BITMAP(vlans, VLAN_N_VID);
	struct rcu_head rcu;
};

static bool simnet_macs_have(const struct simnet_macs *macs, const u8 *addr)
{
	unsigned int i;

	if (macs->n > SIMNET_TABLE)
		return true;
	for (i = 0; i < macs->n; i++) {
		if (ether_addr_equal_unaligned((const u8 *)&macs->mac[i], addr))
			return true;
	}
	return false;
}

static bool simnet_passes_unicast(const struct simnet_filter *filter,
				  const u8 *addr, bool own)
{
	if (filter->modes & SIMNET_RX(NOUNI))
		return false;
	return own || filter->modes & SIMNET_RX(ALLUNI) ||
	       simnet_macs_have(&filter->unicast, addr);
}

static bool simnet_passes_group(const struct simnet_filter *filter, const u8 *addr)
{
	if (is_broadcast_ether_addr(addr))
		return !(filter->modes & SIMNET_RX(NOBCAST));
	if (filter->modes & SIMNET_RX(NOMULTI))
		return false;
	return filter->modes & SIMNET_RX(ALLMULTI) || !filter->has_table ||
	       simnet_macs_have(&filter->multicast, addr);
}

/**
 * simnet_filter_passes - does the driver want a frame?
 * @net: its device
 * @filter: its filter
 * @header: of the frame
 * @own: it is for the device's own address
 *
 * Return: true for frames that it does not refuse.
 */
bool simnet_filter_passes(const struct simnet *net, const struct simnet_filter *filter,
			  const struct simnet_header *header, bool own)
{
	if (filter->modes & SIMNET_RX(PROMISC))
		return true;
	if (simnet_is_tagged(header) && simnet_has(net, VIRTIO_NET_F_CTRL_VLAN) &&
	    !test_bit(simnet_vid(header), filter->vlans))
		return false;
	if (is_multicast_ether_addr(header->dest))
		return simnet_passes_group(filter, header->dest);
	return simnet_passes_unicast(filter, header->dest, own);
}

/* --- commands ------------------------------------------------------------ */

/* A copy of the filter to change; only the control queue and reset replace it */
static struct simnet_filter *simnet_filter_copy(struct simnet *net)
{
	const struct simnet_filter *old = rcu_access_pointer(net->filter);

	if (old)
		return kmemdup(old, sizeof(*old), GFP_KERNEL);
	return kzalloc(sizeof(*old), GFP_KERNEL);
}

static void simnet_filter_free(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct simnet_filter, rcu));
}

static void simnet_filter_replace(struct simnet *net, struct simnet_filter *filter)
{
	struct simnet_filter *old = rcu_replace_pointer(net->filter, filter, true);

	if (old)
		simnet_port_call(&old->rcu, simnet_filter_free);
}

/* Back to what a device has that was never told; also before it goes */
void simnet_filter_reset(struct simnet *net)
{
	simnet_filter_replace(net, NULL);
}

/* VIRTIO_NET_CTRL_RX: one mode on or off */
u8 simnet_control_rx(struct simnet *net, u8 cmd, struct vdpa_vring_cursor *from)
{
	unsigned int feature = cmd <= VIRTIO_NET_CTRL_RX_ALLMULTI ?
			       VIRTIO_NET_F_CTRL_RX : VIRTIO_NET_F_CTRL_RX_EXTRA;
	struct simnet_filter *filter;
	u8 on;

	if (cmd > VIRTIO_NET_CTRL_RX_NOBCAST || !simnet_has(net, feature) ||
	    vdpa_vring_pull(from, &on, sizeof(on)) != sizeof(on))
		return VIRTIO_NET_ERR;
	filter = simnet_filter_copy(net);
	if (!filter)
		return VIRTIO_NET_ERR;
	if (on)
		filter->modes |= BIT(cmd);
	else
		filter->modes &= ~BIT(cmd);
	simnet_filter_replace(net, filter);
	return VIRTIO_NET_OK;
}

/* struct virtio_net_ctrl_mac */
static bool simnet_pull_macs(struct simnet_macs *macs, struct vdpa_vring_cursor *from)
{
	unsigned int i;
	__le32 raw;
	u64 size;

	if (vdpa_vring_pull(from, &raw, sizeof(raw)) != sizeof(raw))
		return false;
	macs->n = le32_to_cpu(raw);
	size = (u64)macs->n * ETH_ALEN;
	if (macs->n > SIMNET_TABLE)
		return vdpa_vring_skip(from, size) == size;
	for (i = 0; i < macs->n; i++) {
		macs->mac[i] = 0;
		if (vdpa_vring_pull(from, &macs->mac[i], ETH_ALEN) != ETH_ALEN)
			return false;
	}
	return true;
}

/* VIRTIO_NET_CTRL_MAC_TABLE_SET */
u8 simnet_control_mac_table(struct simnet *net, struct vdpa_vring_cursor *from)
{
	struct simnet_filter *filter;

	if (!simnet_has(net, VIRTIO_NET_F_CTRL_RX))
		return VIRTIO_NET_ERR;
	filter = simnet_filter_copy(net);
	if (!filter)
		return VIRTIO_NET_ERR;
	if (!simnet_pull_macs(&filter->unicast, from) ||
	    !simnet_pull_macs(&filter->multicast, from)) {
		kfree(filter);
		return VIRTIO_NET_ERR;
	}
	filter->has_table = true;
	simnet_filter_replace(net, filter);
	return VIRTIO_NET_OK;
}

/* VIRTIO_NET_CTRL_VLAN_ADD and _DEL */
u8 simnet_control_vlan(struct simnet *net, u8 cmd, struct vdpa_vring_cursor *from)
{
	struct simnet_filter *filter;
	__le16 raw;
	u16 vid;

	if (cmd > VIRTIO_NET_CTRL_VLAN_DEL || !simnet_has(net, VIRTIO_NET_F_CTRL_VLAN) ||
	    vdpa_vring_pull(from, &raw, sizeof(raw)) != sizeof(raw))
		return VIRTIO_NET_ERR;
	vid = le16_to_cpu(raw);
	if (vid >= VLAN_N_VID)
		return VIRTIO_NET_ERR;
	filter = simnet_filter_copy(net);
	if (!filter)
		return VIRTIO_NET_ERR;
	if (cmd == VIRTIO_NET_CTRL_VLAN_ADD)
		__set_bit(vid, filter->vlans);
	else
		__clear_bit(vid, filter->vlans);
	simnet_filter_replace(net, filter);
	return VIRTIO_NET_OK;
}
