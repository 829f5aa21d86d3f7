/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VDPA_INTERNAL_H
#define _VDPA_INTERNAL_H

/*
 * What the files of vdpa.ko share. Lock order, outermost first:
 *
 *	vdpa_admin_lock		devices come, go and change their attributes
 *	vdpa_mgmt_list_lock	which management devices there are
 *	vdpa_device.live_lock	this device is registered
 *	vdpa_device.cf_lock	its configuration, status and features
 *
 * Only vdpa_admin_lock is held while a bus driver probes or removes. Commands
 * that merely read do without it, so that none of them waits for a driver.
 */

#include <linux/vdpa.h>

extern struct mutex vdpa_admin_lock;
extern const struct bus_type vdpa_bus;

/* Management devices, in the order of registration */
extern struct list_head vdpa_mgmt_list;
extern struct rw_semaphore vdpa_mgmt_list_lock;

struct vdpa_device *vdpa_find_device(const char *name);
bool vdpa_device_enter(struct vdpa_device *vdev);
void vdpa_device_exit(struct vdpa_device *vdev);
void vdpa_device_retire(struct vdpa_device *vdev);

struct vdpa_mgmt_dev *vdpa_mgmtdev_find(const char *bus, const char *name);
u64 vdpa_mgmtdev_classes(const struct vdpa_mgmt_dev *mdev);
void vdpa_mgmtdev_del(struct vdpa_device *vdev);

int vdpa_fill_config(struct vdpa_device *vdev, struct sk_buff *msg);

int vdpa_netlink_init(void);
void vdpa_netlink_exit(void);

#endif /* _VDPA_INTERNAL_H */
