// SPDX-License-Identifier: GPL-2.0
/*
 * What an operator does to the cable of a simulated network device, below
 * /sys/kernel/debug/vdpa_sim_net/NAME:
 *
 *	link		1 or 0: plugged in or not, as the driver is told
 *	announce	writing asks the driver to announce itself on the network
 */

#include <linux/debugfs.h>

#include "net.h"

static struct dentry *simnet_root;

static int simnet_link_get(void *data, u64 *value)
{
	struct simnet *net = data;

	*value = !READ_ONCE(net->link_down);
	return 0;
}

static int simnet_link_set(void *data, u64 value)
{
	struct simnet *net = data;

	WRITE_ONCE(net->link_down, !value);
	vdpasim_config_changed(&net->sim);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(simnet_link_fops, simnet_link_get, simnet_link_set,
			 "%llu\n");

static int simnet_announce_set(void *data, u64 value)
{
	struct simnet *net = data;

	if (!(net->sim.offered & BIT_ULL(VIRTIO_NET_F_GUEST_ANNOUNCE)))
		return -EOPNOTSUPP;
	WRITE_ONCE(net->announce, true);
	vdpasim_config_changed(&net->sim);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(simnet_announce_fops, NULL, simnet_announce_set, "%llu\n");

void simnet_debugfs_add(struct simnet *net)
{
	net->debugfs = debugfs_create_dir(dev_name(&net->sim.vdpa.dev), simnet_root);
	debugfs_create_file_unsafe("link", 0600, net->debugfs, net, &simnet_link_fops);
	debugfs_create_file_unsafe("announce", 0200, net->debugfs, net,
				   &simnet_announce_fops);
}

/* On return nobody is in one of the files */
void simnet_debugfs_del(struct simnet *net)
{
	debugfs_remove_recursive(net->debugfs);
}

void simnet_debugfs_init(void)
{
	simnet_root = debugfs_create_dir("vdpa_sim_net", NULL);
}

void simnet_debugfs_exit(void)
{
	debugfs_remove_recursive(simnet_root);
}
