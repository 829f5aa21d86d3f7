// SPDX-License-Identifier: GPL-2.0
/*
 * The management device, and the shape of the devices it makes. It is on a bus,
 * as those of real hardware are and those of the simulator are not:
 * "platform/vdpa_mock".
 */

#include <linux/dma-mapping.h>
#include <linux/hex.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/vhost_iotlb.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>

#include "mock.h"

#define MOCK_CLASSES_MAX	2

static unsigned short classes[MOCK_CLASSES_MAX] = { 63 };
static int nclasses = 1;
module_param_array(classes, ushort, &nclasses, 0444);
MODULE_PARM_DESC(classes, "virtio device ids; devices are of the first one [63]");

static unsigned long long attrs = ~0ULL;
module_param(attrs, ullong, 0444);
MODULE_PARM_DESC(attrs, "attributes that dev_add takes, as a mask [all]");

static unsigned long long supported = ~0ULL;
module_param(supported, ullong, 0444);
MODULE_PARM_DESC(supported, "features that can be asked for, as a mask [all]");

static bool bare;
module_param(bare, bool, 0444);
MODULE_PARM_DESC(bare, "also makes \"mock_bare\", a device without management device [N]");

static int add_error;
module_param(add_error, int, 0644);
MODULE_PARM_DESC(add_error, "error of dev_add after it registered the device [0]");

static int set_error;
module_param(set_error, int, 0644);
MODULE_PARM_DESC(set_error, "error of dev_set_attr [0]");

static unsigned long long features = BIT_ULL(VIRTIO_F_VERSION_1) |
				     BIT_ULL(VIRTIO_F_ACCESS_PLATFORM);
module_param(features, ullong, 0644);
MODULE_PARM_DESC(features, "features of new devices that are not asked for any [VERSION_1, ACCESS_PLATFORM]");

static unsigned int queues = 4;
module_param(queues, uint, 0644);
MODULE_PARM_DESC(queues, "virtqueues of new devices [4]");

static unsigned short num_min = 1;
module_param(num_min, ushort, 0644);
MODULE_PARM_DESC(num_min, "smallest virtqueue of new devices [1]");

static unsigned short num_max = 256;
module_param(num_max, ushort, 0644);
MODULE_PARM_DESC(num_max, "largest virtqueue of new devices [256]");

static unsigned int align = PAGE_SIZE;
module_param(align, uint, 0644);
MODULE_PARM_DESC(align, "alignment of virtqueues of new devices, in bytes [a page]");

static unsigned int groups = 1;
module_param(groups, uint, 0644);
MODULE_PARM_DESC(groups, "virtqueue groups of new devices, given to the queues in turns [1]");

static unsigned int spaces = 1;
module_param(spaces, uint, 0644);
MODULE_PARM_DESC(spaces, "address spaces of new devices [1]");

static unsigned long long iova_first;
module_param(iova_first, ullong, 0644);
MODULE_PARM_DESC(iova_first, "lowest address that new devices reach [0]");

static unsigned long long iova_last = ~0ULL;
module_param(iova_last, ullong, 0644);
MODULE_PARM_DESC(iova_last, "highest one [~0]");

static char off[512] = "compat_reset,dma_map,dma_unmap,dma_unmap_range";
module_param_string(off, off, sizeof(off), 0644);
MODULE_PARM_DESC(off, "operations that new devices lack [compat_reset,dma_map,dma_unmap,dma_unmap_range]");

static bool use_va;
module_param(use_va, bool, 0644);
MODULE_PARM_DESC(use_va, "mappings of new devices carry virtual addresses [N]");

static char dma_dev[32];
module_param_string(dma_dev, dma_dev, sizeof(dma_dev), 0644);
MODULE_PARM_DESC(dma_dev, "PCI function that does DMA for new devices, or \"none\" [the vDPA device itself]");

static bool doorbell;
module_param(doorbell, bool, 0644);
MODULE_PARM_DESC(doorbell, "new devices have a doorbell page [N]");

static int irq;
module_param(irq, int, 0644);
MODULE_PARM_DESC(irq, "interrupt of the first queue of new devices; the next one has the next [0: none]");

static unsigned int config_size = 128;
module_param(config_size, uint, 0644);
MODULE_PARM_DESC(config_size, "bytes of the configuration space of new devices, of which byte n is n + 1 [128]");

static char config[2 * MOCK_CONFIG_MAX + 1];
module_param_string(config, config, sizeof(config), 0644);
MODULE_PARM_DESC(config, "what it begins with instead, in hexadecimal []");

unsigned int mock_settle_ms;
module_param_named(settle_ms, mock_settle_ms, uint, 0644);
MODULE_PARM_DESC(settle_ms, "time after a reset until the status is 0 [0]");

/* Changed where the core serialises it */
static int allocated;
module_param(allocated, int, 0444);
MODULE_PARM_DESC(allocated, "read it: devices whose free was not called yet");

static struct platform_device *mock_parent;
static struct mock *mock_bare;

/* --- devices ------------------------------------------------------------- */

/* Called by ops->free: also for a device that is half made */
void mock_release(struct mock *mock)
{
	unsigned int asid;

	mock_debugfs_del(mock);
	for (asid = 0; asid < mock->vdpa.nas; asid++)
		vhost_iotlb_free(mock->maps[asid]);
	if (mock->vdpa.dma_dev != &mock->vdpa.dev)
		put_device(mock->vdpa.dma_dev);
	free_page(mock->doorbell);
	kvfree(mock->queues);
	allocated--;
}

static int mock_find_dma_dev(struct mock *mock)
{
	if (sysfs_streq(dma_dev, ""))
		mock->vdpa.dma_dev = &mock->vdpa.dev;
	else if (!sysfs_streq(dma_dev, "none"))
		mock->vdpa.dma_dev = bus_find_device_by_name(&pci_bus_type, NULL,
							     dma_dev);
	else
		return 0;
	return mock->vdpa.dma_dev ? 0 : -ENODEV;
}

static int mock_allocate(struct mock *mock)
{
	unsigned int asid;

	mock->queues = kvcalloc(mock->nqueues, sizeof(*mock->queues), GFP_KERNEL);
	if (!mock->queues)
		return -ENOMEM;
	for (asid = 0; asid < mock->vdpa.nas; asid++) {
		mock->maps[asid] = vhost_iotlb_alloc(UINT_MAX, 0);
		if (!mock->maps[asid])
			return -ENOMEM;
	}
	if (doorbell) {
		mock->doorbell = get_zeroed_page(GFP_KERNEL);
		if (!mock->doorbell)
			return -ENOMEM;
	}
	return mock_find_dma_dev(mock);
}

static int mock_fill_config(struct mock *mock)
{
	size_t len = strcspn(config, "\n") / 2;
	unsigned int i;

	for (i = 0; i < MOCK_CONFIG_MAX; i++)
		mock->config[i] = i + 1;
	return hex2bin(mock->config, config, len);
}

static void mock_shape(struct mock *mock)
{
	mock->class = classes[0];
	mock->offered = features;
	mock->config_size = min(config_size, MOCK_CONFIG_MAX);
	mock->nqueues = queues;
	mock->num_min = num_min;
	mock->num_max = num_max;
	mock->align = align;
	mock->irq = irq;
	mock->range.first = iova_first;
	mock->range.last = iova_last;
	mock->settled = jiffies;
	mutex_init(&mock->map_lock);
	mutex_init(&mock->interrupt_lock);
	spin_lock_init(&mock->cb_lock);
	init_irq_work(&mock->interrupt, mock_interrupt_work);
}

static struct mock *mock_create(const char *name)
{
	struct vdpa_config_ops ops = mock_ops;
	struct mock *mock;
	int err;

	if (!groups || !spaces || spaces > MOCK_SPACES_MAX ||
	    queues > MOCK_QUEUES_MAX)
		return ERR_PTR(-EINVAL);
	err = mock_ops_without(&ops, off);
	if (err)
		return ERR_PTR(err);

	mock = vdpa_alloc_device(struct mock, vdpa, &mock_parent->dev, &ops,
				 groups, spaces, name, use_va);
	if (IS_ERR(mock))
		return mock;
	allocated++;
	mock->ops = ops;
	mock->vdpa.config = &mock->ops;
	mock_shape(mock);
	mock_expect(mock, dma_get_mask(&mock->vdpa.dev) == DMA_BIT_MASK(64),
		    "a device reaches 64 bits of addresses");

	err = mock_allocate(mock) ?: mock_fill_config(mock);
	if (err) {
		put_device(&mock->vdpa.dev);
		return ERR_PTR(err);
	}
	mock_debugfs_add(mock);
	return mock;
}

/* --- management ---------------------------------------------------------- */

static void mock_dev_del(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);

	_vdpa_unregister_device(vdpa);
	/* parents of Linux 6.12 touch it here, too */
	mock->removed = true;
}

static void mock_take_config(struct mock *mock,
			     const struct vdpa_dev_set_config *asked)
{
	struct virtio_net_config *net = (void *)mock->config;

	if (asked->mask & BIT_ULL(VDPA_ATTR_DEV_FEATURES))
		mock->offered = asked->device_features;
	if (asked->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR))
		memcpy(net->mac, asked->net.mac, ETH_ALEN);
	if (asked->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU))
		net->mtu = __cpu_to_virtio16(true, asked->net.mtu);
	if (asked->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP))
		net->max_virtqueue_pairs = __cpu_to_virtio16(true, asked->net.max_vq_pairs);
}

static int mock_dev_add(struct vdpa_mgmt_dev *mdev, const char *name,
			const struct vdpa_dev_set_config *asked)
{
	struct mock *mock = mock_create(name);
	int err;

	if (IS_ERR(mock))
		return PTR_ERR(mock);
	mock_take_config(mock, asked);
	mock->vdpa.mdev = mdev;

	err = _vdpa_register_device(&mock->vdpa, mock->nqueues);
	if (err) {
		put_device(&mock->vdpa.dev);
		return err;
	}
	if (add_error)
		_vdpa_unregister_device(&mock->vdpa);
	return add_error;
}

static int mock_dev_set_attr(struct vdpa_mgmt_dev *mdev, struct vdpa_device *vdpa,
			     const struct vdpa_dev_set_config *asked)
{
	struct mock *mock = to_mock(vdpa);

	mock_expect(mock, mock_holds_cf_lock(mock),
		    "dev_set_attr is called with cf_lock held for writing");
	mock_expect(mock, asked->mask == BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR),
		    "dev_set_attr gets the MAC address alone");
	if (set_error)
		return set_error;
	mock_take_config(mock, asked);
	mock->generation++;
	return 0;
}

static const struct vdpa_mgmtdev_ops mock_mgmt_ops = {
	.dev_add = mock_dev_add,
	.dev_del = mock_dev_del,
	.dev_set_attr = mock_dev_set_attr,
};

static struct virtio_device_id mock_ids[MOCK_CLASSES_MAX + 1];

static struct vdpa_mgmt_dev mock_mgmt = {
	.ops = &mock_mgmt_ops,
	.id_table = mock_ids,
	.max_supported_vqs = MOCK_QUEUES_MAX,
};

/* --- the module ---------------------------------------------------------- */

static int mock_add_bare(void)
{
	int err;

	if (!bare)
		return 0;
	mock_bare = mock_create("mock_bare");
	if (IS_ERR(mock_bare))
		return PTR_ERR(mock_bare);
	err = vdpa_register_device(&mock_bare->vdpa, mock_bare->nqueues);
	if (err)
		put_device(&mock_bare->vdpa.dev);
	return err;
}

static int mock_register_mgmt(void)
{
	int i;

	for (i = 0; i < nclasses; i++) {
		mock_ids[i].device = classes[i];
		mock_ids[i].vendor = VIRTIO_DEV_ANY_ID;
	}
	mock_mgmt.device = &mock_parent->dev;
	mock_mgmt.config_attr_mask = attrs;
	mock_mgmt.supported_features = supported;
	return vdpa_mgmtdev_register(&mock_mgmt);
}

static int __init mock_init(void)
{
	int err = mock_record_init();

	if (err)
		return err;
	mock_debugfs_init();

	mock_parent = platform_device_register_simple("vdpa_mock",
						      PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(mock_parent)) {
		err = PTR_ERR(mock_parent);
		goto exit_debugfs;
	}
	err = mock_driver_init();
	if (err)
		goto del_parent;
	err = mock_add_bare();
	if (err)
		goto exit_driver;
	err = mock_register_mgmt();
	if (err)
		goto del_bare;
	return 0;

del_bare:
	if (bare)
		vdpa_unregister_device(&mock_bare->vdpa);
exit_driver:
	mock_driver_exit();
del_parent:
	platform_device_unregister(mock_parent);
exit_debugfs:
	mock_debugfs_exit();
	mock_record_exit();
	return err;
}
module_init(mock_init);

static void __exit mock_exit(void)
{
	vdpa_mgmtdev_unregister(&mock_mgmt);
	if (bare)
		vdpa_unregister_device(&mock_bare->vdpa);
	if (allocated)
		pr_err("vdpa_mock: %d devices were not freed\n", allocated);
	mock_driver_exit();
	platform_device_unregister(mock_parent);
	mock_debugfs_exit();
	mock_record_exit();
}
module_exit(mock_exit);

MODULE_AUTHOR("vDPA maintainers");
MODULE_DESCRIPTION("vDPA parent and bus driver for tests");
MODULE_LICENSE("GPL");
