// SPDX-License-Identifier: GPL-2.0
/*
 * Registry of management devices: what makes vDPA devices on request.
 */

#include <linux/slab.h>

#include "internal.h"

LIST_HEAD(vdpa_mgmt_list);

/* Protects vdpa_mgmt_list; never held while a device is made or removed */
DECLARE_RWSEM(vdpa_mgmt_list_lock);

/* Protected by vdpa_mgmt_list_lock */
static u64 vdpa_mgmt_last_serial;

/**
 * vdpa_mgmtdev_register - offer a management device to users
 * @mdev: the management device, with device, ops and id_table set
 *
 * Context: may sleep.
 * Return: 0, or -EINVAL when it can't both add and remove devices.
 */
int vdpa_mgmtdev_register(struct vdpa_mgmt_dev *mdev)
{
	if (!mdev->device || !mdev->id_table || !mdev->ops ||
	    !mdev->ops->dev_add || !mdev->ops->dev_del)
		return -EINVAL;

	down_write(&vdpa_mgmt_list_lock);
	mdev->serial = ++vdpa_mgmt_last_serial;
	list_add_tail(&mdev->list, &vdpa_mgmt_list);
	up_write(&vdpa_mgmt_list_lock);
	return 0;
}
EXPORT_SYMBOL_GPL(vdpa_mgmtdev_register);

/*
 * Takes a device away that the caller holds a reference to. The caller holds
 * vdpa_admin_lock too, so that its management device is still there.
 */
void vdpa_mgmtdev_del(struct vdpa_device *vdev)
{
	lockdep_assert_held(&vdpa_admin_lock);

	vdev->leaving = true;
	vdev->mdev->ops->dev_del(vdev->mdev, vdev);
	if (!WARN_ON_ONCE(vdev->live))
		vdpa_device_retire(vdev);
}

static int vdpa_mgmtdev_del_its_own(struct device *dev, void *mdev)
{
	if (dev_to_vdpa(dev)->mdev == mdev)
		vdpa_mgmtdev_del(dev_to_vdpa(dev));
	return 0;
}

/**
 * vdpa_mgmtdev_unregister - withdraw a management device
 * @mdev: the management device
 *
 * Its devices are removed first. On return none of its operations is running,
 * and none will, nor any of its devices'.
 *
 * Context: may sleep.
 */
void vdpa_mgmtdev_unregister(struct vdpa_mgmt_dev *mdev)
{
	mutex_lock(&vdpa_admin_lock);

	down_write(&vdpa_mgmt_list_lock);
	list_del(&mdev->list);
	up_write(&vdpa_mgmt_list_lock);

	bus_for_each_dev(&vdpa_bus, NULL, mdev, vdpa_mgmtdev_del_its_own);

	mutex_unlock(&vdpa_admin_lock);
}
EXPORT_SYMBOL_GPL(vdpa_mgmtdev_unregister);

/*
 * The management device of this name; bus is NULL for one without a bus. It
 * stays while the caller holds vdpa_mgmt_list_lock or vdpa_admin_lock.
 */
struct vdpa_mgmt_dev *vdpa_mgmtdev_find(const char *bus, const char *name)
{
	struct vdpa_mgmt_dev *mdev;

	lockdep_assert_held(&vdpa_mgmt_list_lock);

	list_for_each_entry(mdev, &vdpa_mgmt_list, list) {
		const char *its_bus = mdev->device->bus ?
				      mdev->device->bus->name : NULL;

		if (!bus != !its_bus || (bus && strcmp(bus, its_bus)))
			continue;
		if (!strcmp(name, dev_name(mdev->device)))
			return mdev;
	}
	return NULL;
}

/* One bit a virtio device id; ids above 63 exist but have no bit to go by */
u64 vdpa_mgmtdev_classes(const struct vdpa_mgmt_dev *mdev)
{
	const struct virtio_device_id *id;
	u64 classes = 0;

	for (id = mdev->id_table; id->device; id++) {
		if (id->device < 64)
			classes |= BIT_ULL(id->device);
	}
	return classes;
}
