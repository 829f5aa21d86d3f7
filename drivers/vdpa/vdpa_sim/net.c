// SPDX-License-Identifier: GPL-2.0
/*
 * Simulated network device (virtio 1.2, 5.1): creation and configuration.
 */

#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>

#include "net.h"

#define SIMNET_MAX_PAIRS	16

#define SIMNET_FEATURES	(VDPASIM_FEATURES |				\
			 BIT_ULL(VIRTIO_NET_F_MAC) |			\
			 BIT_ULL(VIRTIO_NET_F_STATUS) |			\
			 BIT_ULL(VIRTIO_NET_F_MTU) |			\
			 BIT_ULL(VIRTIO_NET_F_CTRL_VQ) |		\
			 BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR))

#define SIMNET_HASH_FEATURES	(BIT_ULL(VIRTIO_NET_F_RSS) |		\
				 BIT_ULL(VIRTIO_NET_F_HASH_REPORT))

#define SIMNET_MORE_FEATURES	(VDPASIM_MORE_FEATURES |		\
				 SIMNET_SEND_OFFLOADS |			\
				 SIMNET_RECEIVE_OFFLOADS |		\
				 BIT_ULL(VIRTIO_NET_F_GUEST_HDRLEN) |	\
				 BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) |	\
				 BIT_ULL(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) | \
				 BIT_ULL(VIRTIO_NET_F_GUEST_ANNOUNCE) |	\
				 BIT_ULL(VIRTIO_NET_F_NOTF_COAL) |	\
				 BIT_ULL(VIRTIO_NET_F_VQ_NOTF_COAL) |	\
				 BIT_ULL(VIRTIO_NET_F_MQ) |		\
				 SIMNET_HASH_FEATURES |			\
				 BIT_ULL(VIRTIO_NET_F_CTRL_RX) |	\
				 BIT_ULL(VIRTIO_NET_F_CTRL_RX_EXTRA) |	\
				 BIT_ULL(VIRTIO_NET_F_CTRL_VLAN))

static bool simnet_process(struct vdpasim_vq *vq)
{
	if (simnet_is_control(sim_to_net(vq->sim), vq->index))
		return simnet_control(vq);
	return simnet_send(vq);
}

/* Senders look for buffers in receive queues when they need one */
static bool simnet_passive(struct vdpasim *sim, u16 idx)
{
	return !simnet_is_control(sim_to_net(sim), idx) && !(idx & 1);
}

static void simnet_get_config(struct vdpasim *sim, void *space)
{
	struct simnet *net = sim_to_net(sim);
	struct virtio_net_config *config = space;
	u16 status = 0;

	if (!READ_ONCE(net->link_down))
		status |= VIRTIO_NET_S_LINK_UP;
	if (READ_ONCE(net->announce) && simnet_has(net, VIRTIO_NET_F_GUEST_ANNOUNCE))
		status |= VIRTIO_NET_S_ANNOUNCE;
	simnet_get_mac(net, config->mac);
	config->status = __cpu_to_virtio16(true, status);
	config->max_virtqueue_pairs = __cpu_to_virtio16(true, net->pairs);
	config->mtu = __cpu_to_virtio16(true, net->mtu);
	if (sim->offered & BIT_ULL(VIRTIO_NET_F_RSS))
		config->rss_max_indirection_table_length = cpu_to_le16(SIMNET_RSS_TABLE);
	if (sim->offered & SIMNET_HASH_FEATURES) {
		config->rss_max_key_size = SIMNET_RSS_KEY;
		config->supported_hash_types = cpu_to_le32(SIMNET_HASH_TYPES);
	}
}

/* QEMU wants the control queue apart, to see its commands go by */
static u32 simnet_group(struct vdpasim *sim, u16 idx)
{
	return simnet_is_control(sim_to_net(sim), idx) ? 1 : 0;
}

static int simnet_put_stats(struct vdpasim_vq *vq, struct sk_buff *msg)
{
	const struct simnet_stats *stats = &simnet_queue(vq)->stats;

	if (vdpasim_put_stat(msg, "packets", stats->packets) ||
	    vdpasim_put_stat(msg, "bytes", stats->bytes) ||
	    vdpasim_put_stat(msg, "errors", stats->errors) ||
	    vdpasim_put_stat(msg, "overruns", stats->overruns) ||
	    vdpasim_put_stat(msg, "oversized", stats->oversized) ||
	    vdpasim_put_stat(msg, "filtered", stats->filtered) ||
	    vdpasim_put_stat(msg, "segmented", stats->segmented))
		return -EMSGSIZE;
	return 0;
}

static void simnet_suspend(struct vdpasim *sim)
{
	simnet_coal_suspend(sim_to_net(sim));
}

static void simnet_reset(struct vdpasim *sim)
{
	struct simnet *net = sim_to_net(sim);

	net->active = 1;
	net->refused = 0;
	memset(net->flows, 0, sizeof(net->flows));
	net->announce = false;
	simnet_set_mac(net, net->permanent_mac);
	simnet_rss_reset(net);
	simnet_filter_reset(net);
	simnet_coal_reset(net);
}

static void simnet_free(struct vdpasim *sim)
{
	struct simnet *net = sim_to_net(sim);
	unsigned int i;

	simnet_rss_reset(net);
	simnet_filter_reset(net);
	for (i = 0; net->queues && i < sim->nvqs; i++) {
		simnet_coal_destroy(&net->queues[i].coal);
		kvfree(net->queues[i].scratch);
	}
	kfree(net->queues);
}

static const struct vdpasim_class simnet_class = {
	.owner = THIS_MODULE,
	.device_id = VIRTIO_ID_NET,
	.config_size = sizeof(struct virtio_net_config),
	.size = sizeof(struct simnet),
	.process = simnet_process,
	.passive = simnet_passive,
	.get_config = simnet_get_config,
	.group = simnet_group,
	.stats = simnet_put_stats,
	.suspend = simnet_suspend,
	.reset = simnet_reset,
	.free = simnet_free,
};

/* --- management ---------------------------------------------------------- */

static void simnet_mgmt_release(struct device *dev)
{
}

static struct device simnet_mgmt_device = {
	.init_name = "vdpasim_net",
	.release = simnet_mgmt_release,
};

static u16 simnet_wanted_pairs(const struct vdpa_dev_set_config *config)
{
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP))
		return config->net.max_vq_pairs;
	return 1;
}

static u64 simnet_wanted_features(const struct vdpa_dev_set_config *config)
{
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_FEATURES))
		return config->device_features;
	if (simnet_wanted_pairs(config) > 1)
		return SIMNET_FEATURES | BIT_ULL(VIRTIO_NET_F_MQ);
	return SIMNET_FEATURES;
}

static void simnet_configure(struct simnet *net,
			     const struct vdpa_dev_set_config *config)
{
	net->active = 1;
	net->mtu = ETH_DATA_LEN;
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU))
		net->mtu = config->net.mtu;
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR))
		memcpy(net->permanent_mac, config->net.mac, ETH_ALEN);
	else
		eth_random_addr(net->permanent_mac);
	simnet_set_mac(net, net->permanent_mac);
}

/* The engine asks about queues while it makes them, so pairs come first */
static int simnet_init(struct vdpasim *sim, const struct vdpasim_shape *shape)
{
	struct simnet *net = sim_to_net(sim);
	unsigned int i;

	INIT_LIST_HEAD(&net->port);
	net->pairs = shape->nvqs / 2;
	net->queues = kcalloc(shape->nvqs, sizeof(*net->queues), GFP_KERNEL);
	if (!net->queues)
		return -ENOMEM;
	for (i = 0; i < shape->nvqs; i++)
		simnet_coal_init(&net->queues[i].coal, net, i);
	return 0;
}

static int simnet_dev_add(struct vdpa_mgmt_dev *mdev, const char *name,
			  const struct vdpa_dev_set_config *config)
{
	struct vdpasim_shape shape = {
		.class = &simnet_class,
		.init = simnet_init,
		.mdev = mdev,
		.name = name,
		.features = simnet_wanted_features(config),
		.nvqs = simnet_wanted_pairs(config) * 2 + 1,
		.ngroups = 2,
		.nas = 2,
	};
	struct vdpasim *sim;
	struct simnet *net;
	int err;

	if (simnet_wanted_pairs(config) > SIMNET_MAX_PAIRS)
		return -EINVAL;
	err = simnet_check_features(shape.features, config->extack);
	if (err)
		return err;

	sim = vdpasim_create(&shape);
	if (IS_ERR(sim))
		return PTR_ERR(sim);
	net = sim_to_net(sim);
	simnet_configure(net, config);

	simnet_port_add(net);
	err = vdpasim_register(sim);
	if (err) {
		simnet_port_del(net);
		put_device(&sim->vdpa.dev);
		return err;
	}
	/* debugfs complains in the log about a name that is taken */
	simnet_debugfs_add(net);
	return 0;
}

static void simnet_dev_del(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa)
{
	struct simnet *net = sim_to_net(vdpa_to_sim(vdpa));

	simnet_debugfs_del(net);
	/* nobody sends to it any more, before it goes */
	simnet_port_del(net);
	_vdpa_unregister_device(vdpa);
}

static int simnet_dev_set_attr(struct vdpa_mgmt_dev *mdev,
			       struct vdpa_device *vdpa,
			       const struct vdpa_dev_set_config *config)
{
	struct simnet *net = sim_to_net(vdpa_to_sim(vdpa));

	if (config->mask != BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR))
		return -EOPNOTSUPP;

	memcpy(net->permanent_mac, config->net.mac, ETH_ALEN);
	simnet_set_mac(net, config->net.mac);
	vdpasim_config_changed(&net->sim);
	return 0;
}

static const struct vdpa_mgmtdev_ops simnet_mgmt_ops = {
	.dev_add = simnet_dev_add,
	.dev_del = simnet_dev_del,
	.dev_set_attr = simnet_dev_set_attr,
};

static struct virtio_device_id simnet_ids[] = {
	{ VIRTIO_ID_NET, VIRTIO_DEV_ANY_ID },
	{ }
};

static struct vdpa_mgmt_dev simnet_mgmt = {
	.device = &simnet_mgmt_device,
	.ops = &simnet_mgmt_ops,
	.id_table = simnet_ids,
	.config_attr_mask = BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR) |
			    BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU) |
			    BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP) |
			    BIT_ULL(VDPA_ATTR_DEV_FEATURES),
	.supported_features = SIMNET_FEATURES | SIMNET_MORE_FEATURES,
	.max_supported_vqs = SIMNET_MAX_PAIRS * 2 + 1,
};

static int __init simnet_module_init(void)
{
	int err = device_register(&simnet_mgmt_device);

	if (err) {
		put_device(&simnet_mgmt_device);
		return err;
	}
	simnet_debugfs_init();
	err = vdpa_mgmtdev_register(&simnet_mgmt);
	if (err) {
		simnet_debugfs_exit();
		device_unregister(&simnet_mgmt_device);
	}
	return err;
}
module_init(simnet_module_init);

static void __exit simnet_module_exit(void)
{
	vdpa_mgmtdev_unregister(&simnet_mgmt);
	simnet_debugfs_exit();
	device_unregister(&simnet_mgmt_device);
	/* filters and tables on their way */
	simnet_port_barrier();
}
module_exit(simnet_module_exit);

MODULE_AUTHOR("vDPA maintainers");
MODULE_DESCRIPTION("vDPA device simulator: network");
MODULE_LICENSE("GPL");
