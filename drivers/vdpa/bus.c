// SPDX-License-Identifier: GPL-2.0
/*
 * The vDPA bus: devices of parents on one side, bus drivers on the other.
 */

#include <linux/dma-mapping.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <uapi/linux/vdpa.h>

#include "internal.h"

/* Numbers of devices; also their names, where the parent gives none */
static DEFINE_IDA(vdpa_index_ida);

/* Serialises what changes the set of devices; see internal.h for the order */
DEFINE_MUTEX(vdpa_admin_lock);

/* Protected by vdpa_admin_lock */
static u64 vdpa_last_serial;

static int vdpa_bus_match(struct device *dev, const struct device_driver *drv)
{
	int wanted = device_match_driver_override(dev, drv);

	/* Any driver can drive any device, so only the user's word counts */
	return wanted < 0 ? 1 : wanted;
}

static int vdpa_bus_probe(struct device *dev)
{
	struct vdpa_driver *drv = drv_to_vdpa(dev->driver);
	struct vdpa_device *vdev = dev_to_vdpa(dev);
	const struct vdpa_config_ops *ops = vdev->config;
	u16 max = ops->get_vq_num_max(vdev);
	u16 min = ops->get_vq_num_min ? ops->get_vq_num_min(vdev) : 1;

	if (!max || max < min) {
		dev_err(dev, "virtqueue sizes %u to %u make no sense\n", min, max);
		return -EINVAL;
	}
	return drv->probe ? drv->probe(vdev) : 0;
}

static void vdpa_bus_remove(struct device *dev)
{
	struct vdpa_driver *drv = drv_to_vdpa(dev->driver);

	if (drv->remove)
		drv->remove(dev_to_vdpa(dev));
}

const struct bus_type vdpa_bus = {
	.name = "vdpa",
	.match = vdpa_bus_match,
	.probe = vdpa_bus_probe,
	.remove = vdpa_bus_remove,
	.driver_override = true,
};

/*
 * Gives the parent's part back when nobody will call the device any more.
 * References can outlive the parent's module: what the last one to put finds
 * must be ours alone.
 */
void vdpa_device_retire(struct vdpa_device *vdev)
{
	if (vdev->retired)
		return;
	vdev->retired = true;
	if (vdev->config->free)
		vdev->config->free(vdev);
}

static void vdpa_device_release(struct device *dev)
{
	struct vdpa_device *vdev = dev_to_vdpa(dev);

	vdpa_device_retire(vdev);
	ida_free(&vdpa_index_ida, vdev->index);
	kfree(vdev);
}

static bool vdpa_ops_consistent(const struct vdpa_config_ops *ops, bool use_va)
{
	if (!ops || !ops->dma_map != !ops->dma_unmap)
		return false;
	/* The platform's IOMMU can't look up addresses of a process for us */
	return !use_va || ops->dma_map || ops->set_map;
}

/**
 * __vdpa_alloc_device - allocate a vDPA device
 * @parent: parent in the device model
 * @config: operations; must outlive the device
 * @ngroups: number of virtqueue groups
 * @nas: number of address spaces
 * @size: size of the parent's structure, which begins with the device
 * @name: name of the device, or NULL for vdpaN
 * @use_va: mappings shall carry virtual addresses; needs set_map or dma_map
 *
 * Drivers call it through vdpa_alloc_device(). The caller holds the only
 * reference and drops it by put_device() when it doesn't get to register.
 *
 * Context: may sleep.
 * Return: the device, or an ERR_PTR: -EINVAL when the operations contradict each
 * other or @use_va, -ENOMEM, -ENOSPC.
 */
struct vdpa_device *__vdpa_alloc_device(struct device *parent,
					const struct vdpa_config_ops *config,
					unsigned int ngroups, unsigned int nas,
					size_t size, const char *name,
					bool use_va)
{
	struct vdpa_device *vdev;
	int err;

	if (size < sizeof(*vdev) || !vdpa_ops_consistent(config, use_va))
		return ERR_PTR(-EINVAL);

	vdev = kzalloc(size, GFP_KERNEL);
	if (!vdev)
		return ERR_PTR(-ENOMEM);

	err = ida_alloc(&vdpa_index_ida, GFP_KERNEL);
	if (err < 0)
		goto free_vdev;

	vdev->index = err;
	vdev->config = config;
	vdev->ngroups = ngroups;
	vdev->nas = nas;
	vdev->use_va = use_va;
	init_rwsem(&vdev->cf_lock);
	init_rwsem(&vdev->live_lock);

	err = name ? dev_set_name(&vdev->dev, "%s", name) :
		     dev_set_name(&vdev->dev, "vdpa%u", vdev->index);
	if (err)
		goto free_index;

	vdev->dev.bus = &vdpa_bus;
	vdev->dev.parent = parent;
	vdev->dev.release = vdpa_device_release;
	/* reaches all addresses, if it does DMA at all and the parent is silent */
	vdev->dev.dma_mask = &vdev->dev.coherent_dma_mask;
	vdev->dev.coherent_dma_mask = DMA_BIT_MASK(64);
	device_initialize(&vdev->dev);
	return vdev;

free_index:
	ida_free(&vdpa_index_ida, vdev->index);
free_vdev:
	kfree(vdev);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_GPL(__vdpa_alloc_device);

/* To the letter, where the driver core would overlook a newline at the end */
static int vdpa_device_has_name(struct device *dev, const void *name)
{
	return !strcmp(dev_name(dev), name);
}

/* A reference to the registered device of this name, or NULL */
struct vdpa_device *vdpa_find_device(const char *name)
{
	struct device *dev = bus_find_device(&vdpa_bus, NULL, name,
					     vdpa_device_has_name);

	return dev ? dev_to_vdpa(dev) : NULL;
}

/*
 * Holds the unregistration of a device off until vdpa_device_exit(). False when
 * it has begun already: then no operation may be called any more.
 */
bool vdpa_device_enter(struct vdpa_device *vdev)
{
	down_read(&vdev->live_lock);
	if (vdev->live)
		return true;
	up_read(&vdev->live_lock);
	return false;
}

void vdpa_device_exit(struct vdpa_device *vdev)
{
	up_read(&vdev->live_lock);
}

static void vdpa_device_set_live(struct vdpa_device *vdev, bool live)
{
	down_write(&vdev->live_lock);
	vdev->live = live;
	up_write(&vdev->live_lock);
}

static int vdpa_device_add(struct vdpa_device *vdev, u32 nvqs)
{
	struct vdpa_device *other;
	int err;

	lockdep_assert_held(&vdpa_admin_lock);

	/* device_add() notices too, but with a stack trace */
	other = vdpa_find_device(dev_name(&vdev->dev));
	if (other) {
		put_device(&other->dev);
		return -EEXIST;
	}

	vdev->nvqs = nvqs;
	vdev->serial = ++vdpa_last_serial;
	vdpa_device_set_live(vdev, true);
	err = device_add(&vdev->dev);
	if (err)
		vdpa_device_set_live(vdev, false);
	return err;
}

static void vdpa_device_del(struct vdpa_device *vdev)
{
	lockdep_assert_held(&vdpa_admin_lock);

	vdpa_device_set_live(vdev, false);
	device_unregister(&vdev->dev);
}

/**
 * _vdpa_register_device - register a device from within dev_add
 * @vdev: the device, with mdev set
 * @nvqs: number of its virtqueues
 *
 * Bus drivers may use the device before this returns. On error the caller still
 * has its reference.
 *
 * Context: only from &vdpa_mgmtdev_ops.dev_add. May sleep.
 * Return: 0; -EINVAL without a management device; -EEXIST when the name is
 * taken; errors of device_add().
 */
int _vdpa_register_device(struct vdpa_device *vdev, u32 nvqs)
{
	if (!vdev->mdev)
		return -EINVAL;
	return vdpa_device_add(vdev, nvqs);
}
EXPORT_SYMBOL_GPL(_vdpa_register_device);

/**
 * vdpa_register_device - register a device that has no management device
 * @vdev: the device
 * @nvqs: number of its virtqueues
 *
 * Context: not from management callbacks. May sleep.
 * Return: as _vdpa_register_device().
 */
int vdpa_register_device(struct vdpa_device *vdev, u32 nvqs)
{
	int err;

	mutex_lock(&vdpa_admin_lock);
	err = vdpa_device_add(vdev, nvqs);
	mutex_unlock(&vdpa_admin_lock);
	return err;
}
EXPORT_SYMBOL_GPL(vdpa_register_device);

/**
 * _vdpa_unregister_device - unregister a device from within dev_del or dev_add
 * @vdev: the device
 *
 * Unbinds the bus driver; on return no operation but free will be called, and
 * the caller's reference is gone. In dev_del, free comes and the memory goes
 * when that has returned; in a dev_add that failed late, both at once.
 *
 * Context: only from callbacks of &struct vdpa_mgmtdev_ops. May sleep.
 */
void _vdpa_unregister_device(struct vdpa_device *vdev)
{
	WARN_ON_ONCE(!vdev->mdev);
	get_device(&vdev->dev);
	vdpa_device_del(vdev);
	/* dev_del has the parent's part until it returns, dev_add gives it up */
	if (!vdev->leaving)
		vdpa_device_retire(vdev);
	put_device(&vdev->dev);
}
EXPORT_SYMBOL_GPL(_vdpa_unregister_device);

/**
 * vdpa_unregister_device - unregister a device that has no management device
 * @vdev: the device
 *
 * Unbinds the bus driver and calls free; on return no operation will be called,
 * and the caller's reference is gone, with which the device may be too.
 *
 * Context: not from management callbacks. May sleep.
 */
void vdpa_unregister_device(struct vdpa_device *vdev)
{
	get_device(&vdev->dev);
	mutex_lock(&vdpa_admin_lock);
	vdpa_device_del(vdev);
	vdpa_device_retire(vdev);
	mutex_unlock(&vdpa_admin_lock);
	put_device(&vdev->dev);
}
EXPORT_SYMBOL_GPL(vdpa_unregister_device);

/**
 * vdpa_unregister_driver - unregister a bus driver; its devices are unbound
 * @drv: the driver
 *
 * Context: may sleep.
 */
void vdpa_unregister_driver(struct vdpa_driver *drv)
{
	driver_unregister(&drv->driver);
}
EXPORT_SYMBOL_GPL(vdpa_unregister_driver);

/**
 * __vdpa_register_driver - register a bus driver
 * @drv: the driver
 * @owner: its module
 *
 * Drivers call it through vdpa_register_driver().
 *
 * Context: may sleep.
 * Return: 0 or the error of driver_register().
 */
int __vdpa_register_driver(struct vdpa_driver *drv, struct module *owner)
{
	drv->driver.bus = &vdpa_bus;
	drv->driver.owner = owner;
	return driver_register(&drv->driver);
}
EXPORT_SYMBOL_GPL(__vdpa_register_driver);

/*
 * A range of the configuration space that the device has. What a driver reads
 * beyond its end is zero, what it writes there is lost.
 */
static bool vdpa_config_range_ok(struct vdpa_device *vdev, unsigned int offset,
				 unsigned int len)
{
	size_t size = vdev->config->get_config_size(vdev);

	return offset <= size && len <= size - offset;
}

/**
 * vdpa_get_config - read the configuration space
 * @vdev: the device
 * @offset: first byte
 * @buf: where to
 * @len: bytes; a range that isn't in the space reads as zeroes
 *
 * A driver that reads before it set features is a legacy one and gets what it
 * would see after accepting none (virtio 1.2, 2.5.3).
 *
 * Context: may sleep; takes cf_lock.
 */
void vdpa_get_config(struct vdpa_device *vdev, unsigned int offset,
		     void *buf, unsigned int len)
{
	down_write(&vdev->cf_lock);
	if (!vdev->features_valid)
		vdpa_set_features_unlocked(vdev, 0);
	if (vdpa_config_range_ok(vdev, offset, len))
		vdev->config->get_config(vdev, offset, buf, len);
	else
		memset(buf, 0, len);
	up_write(&vdev->cf_lock);
}
EXPORT_SYMBOL_GPL(vdpa_get_config);

/**
 * vdpa_set_config - write the configuration space
 * @vdev: the device
 * @offset: first byte
 * @buf: where from
 * @length: bytes; a range that isn't in the space is ignored
 *
 * Context: may sleep; takes cf_lock.
 */
void vdpa_set_config(struct vdpa_device *vdev, unsigned int offset,
		     const void *buf, unsigned int length)
{
	down_write(&vdev->cf_lock);
	if (vdpa_config_range_ok(vdev, offset, length))
		vdev->config->set_config(vdev, offset, buf, length);
	up_write(&vdev->cf_lock);
}
EXPORT_SYMBOL_GPL(vdpa_set_config);

/**
 * vdpa_set_status - set the device status
 * @vdev: the device
 * @status: new status, not 0 (that is vdpa_reset())
 *
 * Context: may sleep; takes cf_lock.
 */
void vdpa_set_status(struct vdpa_device *vdev, u8 status)
{
	down_write(&vdev->cf_lock);
	vdev->config->set_status(vdev, status);
	up_write(&vdev->cf_lock);
}
EXPORT_SYMBOL(vdpa_set_status);

static int __init vdpa_init(void)
{
	int err = bus_register(&vdpa_bus);

	if (err)
		return err;
	err = vdpa_netlink_init();
	if (err)
		bus_unregister(&vdpa_bus);
	return err;
}
core_initcall(vdpa_init);

static void __exit vdpa_exit(void)
{
	vdpa_netlink_exit();
	bus_unregister(&vdpa_bus);
	ida_destroy(&vdpa_index_ida);
}
module_exit(vdpa_exit);

MODULE_AUTHOR("vDPA maintainers");
MODULE_DESCRIPTION("vDPA bus and device management");
MODULE_LICENSE("GPL");
