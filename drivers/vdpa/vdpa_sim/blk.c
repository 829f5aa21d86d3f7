// SPDX-License-Identifier: GPL-2.0
/*
 * Simulated block device (virtio 1.2, 5.2): creation and configuration.
 */

#include <linux/log2.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>

#include "blk.h"

#define SIMBLK_MAX_QUEUES	16

/*
 * The space ends before what belongs to VIRTIO_BLK_F_SECURE_ERASE, as clients
 * know it, unless that is offered.
 */
#define SIMBLK_CONFIG_SIZE	offsetof(struct virtio_blk_config,	\
					 max_secure_erase_sectors)
#define SIMBLK_CONFIG_SIZE_MAX	offsetof(struct virtio_blk_config, zoned)

#define SIMBLK_FEATURES	(VDPASIM_FEATURES |				\
			 BIT_ULL(VIRTIO_BLK_F_SIZE_MAX) |		\
			 BIT_ULL(VIRTIO_BLK_F_SEG_MAX) |		\
			 BIT_ULL(VIRTIO_BLK_F_BLK_SIZE) |		\
			 BIT_ULL(VIRTIO_BLK_F_TOPOLOGY) |		\
			 BIT_ULL(VIRTIO_BLK_F_MQ) |			\
			 BIT_ULL(VIRTIO_BLK_F_FLUSH) |			\
			 BIT_ULL(VIRTIO_BLK_F_DISCARD) |		\
			 BIT_ULL(VIRTIO_BLK_F_WRITE_ZEROES))

#define SIMBLK_MORE_FEATURES	(VDPASIM_MORE_FEATURES |		\
			 BIT_ULL(VIRTIO_BLK_F_RO) |			\
			 BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE) |		\
			 BIT_ULL(VIRTIO_BLK_F_LIFETIME) |		\
			 BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE))

/*
 * Netlink has no attributes for these. Each device takes the values that hold
 * when it is made.
 */
static unsigned long capacity = 0x40000;
module_param(capacity, ulong, 0644);
MODULE_PARM_DESC(capacity, "Size of new disks in sectors of 512 bytes, a multiple of the block size [262144: 128 MiB]");

static unsigned int blk_size = SIMBLK_SECTOR;
module_param(blk_size, uint, 0644);
MODULE_PARM_DESC(blk_size, "Block size of new disks in bytes: 512, 1024, 2048 or 4096 [512]");

static unsigned int seg_max = VDPASIM_QUEUE_MAX - 2;
module_param(seg_max, uint, 0644);
MODULE_PARM_DESC(seg_max, "Data segments of a request, at most 254 [254]");

static unsigned int size_max = 65536;
module_param(size_max, uint, 0644);
MODULE_PARM_DESC(size_max, "Bytes of a data segment, a multiple of the block size; with seg_max, 64 MiB a request at most [65536]");

static unsigned int num_queues = 1;
module_param(num_queues, uint, 0644);
MODULE_PARM_DESC(num_queues, "Virtqueues of new disks, at most 16 [1]");

static bool shared_backend;
module_param(shared_backend, bool, 0644);
MODULE_PARM_DESC(shared_backend, "New disks share their contents with others made like that [N]");

/*
 * What is written is in memory at once; a driver that may flush takes that for a
 * cache until it chooses otherwise, as the other way round (5.2.5.2).
 */
static bool simblk_is_writeback(const struct simblk *blk)
{
	u64 features = blk->sim.features;

	if (blk->chose)
		return blk->writeback;
	return !(features & BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE)) ||
	       features & BIT_ULL(VIRTIO_BLK_F_FLUSH);
}

static void simblk_get_config(struct vdpasim *sim, void *space)
{
	const struct simblk *blk = sim_to_blk(sim);
	const struct simblk_limits *limits = &blk->limits;
	u32 blocks_a_page = PAGE_SIZE / limits->block;
	struct virtio_blk_config config = {
		.capacity = __cpu_to_virtio64(true, limits->size >> SIMBLK_SECTOR_SHIFT),
		.size_max = __cpu_to_virtio32(true, limits->size_max),
		.seg_max = __cpu_to_virtio32(true, limits->seg_max),
		.blk_size = __cpu_to_virtio32(true, limits->block),
		/* a page is what is taken and given back as a whole */
		.physical_block_exp = ilog2(blocks_a_page),
		.min_io_size = __cpu_to_virtio16(true, blocks_a_page),
		.opt_io_size = __cpu_to_virtio32(true, blocks_a_page),
		.wce = simblk_is_writeback(blk),
		.num_queues = __cpu_to_virtio16(true, sim->nvqs),
		.max_discard_sectors = __cpu_to_virtio32(true, limits->range_max),
		.max_discard_seg = __cpu_to_virtio32(true, SIMBLK_DISCARD_RANGES),
		.discard_sector_alignment =
			__cpu_to_virtio32(true, limits->block >> SIMBLK_SECTOR_SHIFT),
		.max_write_zeroes_sectors = __cpu_to_virtio32(true, limits->range_max),
		.max_write_zeroes_seg = __cpu_to_virtio32(true, SIMBLK_ZERO_RANGES),
		.write_zeroes_may_unmap = 1,
		.max_secure_erase_sectors = __cpu_to_virtio32(true, limits->range_max),
		.max_secure_erase_seg = __cpu_to_virtio32(true, SIMBLK_ZERO_RANGES),
		.secure_erase_sector_alignment =
			__cpu_to_virtio32(true, limits->block >> SIMBLK_SECTOR_SHIFT),
	};

	memcpy(space, &config, sim->config_size);
}

/* The cache mode is all that a driver may write, if it accepted that (5.2.5) */
static void simblk_set_config(struct vdpasim *sim, unsigned int offset,
			      const void *buf, unsigned int len)
{
	const unsigned int wce = offsetof(struct virtio_blk_config, wce);
	struct simblk *blk = sim_to_blk(sim);

	if (!(sim->features & BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE)) ||
	    offset > wce || wce - offset >= len)
		return;
	blk->writeback = ((const u8 *)buf)[wce - offset];
	blk->chose = true;
}

static void simblk_reset(struct vdpasim *sim)
{
	sim_to_blk(sim)->chose = false;
}

static int simblk_put_stats(struct vdpasim_vq *vq, struct sk_buff *msg)
{
	const struct simblk_stats *stats = &sim_to_blk(vq->sim)->stats[vq->index];

	if (vdpasim_put_stat(msg, "reads", stats->reads) ||
	    vdpasim_put_stat(msg, "read bytes", stats->read_bytes) ||
	    vdpasim_put_stat(msg, "writes", stats->writes) ||
	    vdpasim_put_stat(msg, "written bytes", stats->write_bytes) ||
	    vdpasim_put_stat(msg, "flushes", stats->flushes) ||
	    vdpasim_put_stat(msg, "discards", stats->discards) ||
	    vdpasim_put_stat(msg, "write zeroes", stats->zeroes) ||
	    vdpasim_put_stat(msg, "secure erases", stats->erases) ||
	    vdpasim_put_stat(msg, "errors", stats->errors) ||
	    vdpasim_put_stat(msg, "unsupported", stats->unsupported) ||
	    vdpasim_put_stat(msg, "malformed", stats->malformed))
		return -EMSGSIZE;
	return 0;
}

static void simblk_free(struct vdpasim *sim)
{
	struct simblk *blk = sim_to_blk(sim);

	if (blk->store)
		simblk_store_put(blk->store);
	kfree(blk->stats);
}

static const struct vdpasim_class simblk_class = {
	.owner = THIS_MODULE,
	.device_id = VIRTIO_ID_BLOCK,
	.config_size = SIMBLK_CONFIG_SIZE,
	.size = sizeof(struct simblk),
	.process = simblk_process,
	.get_config = simblk_get_config,
	.set_config = simblk_set_config,
	.stats = simblk_put_stats,
	.reset = simblk_reset,
	.free = simblk_free,
};

/* --- management ---------------------------------------------------------- */

static void simblk_mgmt_release(struct device *dev)
{
}

static struct device simblk_mgmt_device = {
	.init_name = "vdpasim_blk",
	.release = simblk_mgmt_release,
};

/* Reads the module parameters once. 0, or -EINVAL with a word in the log. */
static int simblk_read_limits(struct simblk_limits *limits)
{
	u64 sectors = READ_ONCE(capacity);
	const char *wrong;

	limits->block = READ_ONCE(blk_size);
	limits->seg_max = READ_ONCE(seg_max);
	limits->size_max = READ_ONCE(size_max);
	limits->range_max = min_t(u64, sectors, SIMBLK_MAX_DATA >> SIMBLK_SECTOR_SHIFT);
	limits->size = sectors << SIMBLK_SECTOR_SHIFT;

	if (!is_power_of_2(limits->block) || limits->block < SIMBLK_SECTOR ||
	    limits->block > PAGE_SIZE)
		wrong = "blk_size";
	else if (!sectors || sectors > MAX_LFS_FILESIZE >> SIMBLK_SECTOR_SHIFT ||
		 limits->size % limits->block)
		wrong = "capacity";
	else if (!limits->seg_max || limits->seg_max > VDPASIM_QUEUE_MAX - 2)
		wrong = "seg_max";
	else if (!limits->size_max || limits->size_max % limits->block ||
		 limits->size_max > SIMBLK_MAX_DATA / limits->seg_max)
		wrong = "size_max";
	else
		return 0;

	dev_err(&simblk_mgmt_device, "bad value of module parameter %s\n", wrong);
	return -EINVAL;
}

static int simblk_init(struct vdpasim *sim, const struct vdpasim_shape *shape)
{
	struct simblk *blk = sim_to_blk(sim);
	int err;

	err = simblk_read_limits(&blk->limits);
	if (err)
		return err;
	if (shape->features & BIT_ULL(VIRTIO_BLK_F_SECURE_ERASE))
		sim->config_size = SIMBLK_CONFIG_SIZE_MAX;
	blk->stats = kcalloc(shape->nvqs, sizeof(*blk->stats), GFP_KERNEL);
	if (!blk->stats)
		return -ENOMEM;
	blk->store = READ_ONCE(shared_backend) ?
		     simblk_store_share(blk->limits.size) :
		     simblk_store_create(blk->limits.size);
	return blk->store ? 0 : -ENOMEM;
}

/* A disk whose cache mode can be chosen can be flushed as well (5.2.5.2) */
static int simblk_check_features(u64 features, struct netlink_ext_ack *extack)
{
	if (features & BIT_ULL(VIRTIO_BLK_F_CONFIG_WCE) &&
	    !(features & BIT_ULL(VIRTIO_BLK_F_FLUSH))) {
		NL_SET_ERR_MSG(extack, "feature CONFIG_WCE needs FLUSH");
		return -EINVAL;
	}
	return 0;
}

static int simblk_dev_add(struct vdpa_mgmt_dev *mdev, const char *name,
			  const struct vdpa_dev_set_config *config)
{
	struct vdpasim_shape shape = {
		.class = &simblk_class,
		.init = simblk_init,
		.mdev = mdev,
		.name = name,
		.features = SIMBLK_FEATURES,
		.nvqs = READ_ONCE(num_queues),
		.ngroups = 1,
		.nas = 1,
	};
	struct vdpasim *sim;
	int err;

	if (!shape.nvqs || shape.nvqs > SIMBLK_MAX_QUEUES) {
		dev_err(mdev->device, "bad value of module parameter num_queues\n");
		return -EINVAL;
	}
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_FEATURES))
		shape.features = config->device_features;
	err = simblk_check_features(shape.features, config->extack);
	if (err)
		return err;

	sim = vdpasim_create(&shape);
	if (IS_ERR(sim))
		return PTR_ERR(sim);

	err = vdpasim_register(sim);
	if (err)
		put_device(&sim->vdpa.dev);
	return err;
}

static void simblk_dev_del(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa)
{
	_vdpa_unregister_device(vdpa);
}

static const struct vdpa_mgmtdev_ops simblk_mgmt_ops = {
	.dev_add = simblk_dev_add,
	.dev_del = simblk_dev_del,
};

static struct virtio_device_id simblk_ids[] = {
	{ VIRTIO_ID_BLOCK, VIRTIO_DEV_ANY_ID },
	{ }
};

static struct vdpa_mgmt_dev simblk_mgmt = {
	.device = &simblk_mgmt_device,
	.ops = &simblk_mgmt_ops,
	.id_table = simblk_ids,
	.config_attr_mask = BIT_ULL(VDPA_ATTR_DEV_FEATURES),
	.supported_features = SIMBLK_FEATURES | SIMBLK_MORE_FEATURES,
	.max_supported_vqs = SIMBLK_MAX_QUEUES,
};

static int __init simblk_module_init(void)
{
	int err = device_register(&simblk_mgmt_device);

	if (err) {
		put_device(&simblk_mgmt_device);
		return err;
	}
	err = vdpa_mgmtdev_register(&simblk_mgmt);
	if (err)
		device_unregister(&simblk_mgmt_device);
	return err;
}
module_init(simblk_module_init);

static void __exit simblk_module_exit(void)
{
	vdpa_mgmtdev_unregister(&simblk_mgmt);
	device_unregister(&simblk_mgmt_device);
	simblk_store_exit();
}
module_exit(simblk_module_exit);

MODULE_AUTHOR("vDPA maintainers");
MODULE_DESCRIPTION("vDPA device simulator: block");
MODULE_LICENSE("GPL");
