/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_VDPA_H
#define _LINUX_VDPA_H

#include <linux/kernel.h>
#include <linux/device.h>
#include <linux/interrupt.h>
#include <linux/vhost_iotlb.h>
#include <linux/virtio_net.h>
#include <linux/virtio_blk.h>
#include <linux/if_ether.h>

/**
 * DOC: life of a vDPA device
 *
 * A parent driver makes a device and owns it until it is registered::
 *
 *	vdpa_alloc_device()          refcount 1, not visible
 *	   |  error: ERR_PTR, nothing to undo
 *	fill in the parent's part, vdev->dma_dev, vdev->mdev
 *	   |  error: put_device(&vdev->dev), which calls ops->free
 *	_vdpa_register_device()      visible on the bus, bus drivers may bind
 *	   |  error: put_device(&vdev->dev), as before
 *	   ...
 *	_vdpa_unregister_device()    bus driver unbound, invisible; drops the
 *	                             parent's reference
 *	   |
 *	ops->free                    when dev_del returned
 *	   |
 *	memory of the device         when nobody else holds the device
 *
 * The forms with an underscore are for &struct vdpa_mgmtdev_ops callbacks; the
 * forms without are for parents that have no management device. With those,
 * ops->free runs before vdpa_unregister_device() returns.
 *
 * Whoever holds a reference to an unregistered device holds its memory and
 * nothing else, so that the parent's module can go.
 */

/**
 * struct vdpa_callback - how a parent tells a bus driver of an event
 * @callback: called by the parent on a used buffer notification or on a
 *	change of the configuration. Any context, also hard interrupt; does not
 *	sleep. NULL: nobody wants to know.
 * @private: argument of @callback
 * @trigger: eventfd, may be NULL. When set, signalling it does all that
 *	@callback would do, so that a parent may signal it without a detour.
 */
struct vdpa_callback {
	irqreturn_t (*callback)(void *data);
	void *private;
	struct eventfd_ctx *trigger;
};

/**
 * struct vdpa_notification_area - where a doorbell lies
 * @addr: physical address
 * @size: bytes from @addr that belong to this doorbell alone
 */
struct vdpa_notification_area {
	resource_size_t addr;
	resource_size_t size;
};

/**
 * struct vdpa_vq_state_split - what a split virtqueue needs to go on
 * @avail_index: next entry of the available ring the device will read; runs
 *	freely over 16 bits
 */
struct vdpa_vq_state_split {
	u16	avail_index;
};

/**
 * struct vdpa_vq_state_packed - what a packed virtqueue needs to go on
 * @last_avail_counter: driver's wrap counter at @last_avail_idx
 * @last_avail_idx: next descriptor slot the device will read
 * @last_used_counter: device's wrap counter at @last_used_idx
 * @last_used_idx: next descriptor slot the device will write
 */
struct vdpa_vq_state_packed {
	u16	last_avail_counter:1;
	u16	last_avail_idx:15;
	u16	last_used_counter:1;
	u16	last_used_idx:15;
};

/**
 * struct vdpa_vq_state - state of a virtqueue, by the negotiated layout
 * @split: without VIRTIO_F_RING_PACKED
 * @packed: with it
 */
struct vdpa_vq_state {
	union {
		struct vdpa_vq_state_split split;
		struct vdpa_vq_state_packed packed;
	};
};

struct netlink_ext_ack;
struct vdpa_mgmt_dev;

/**
 * struct vdpa_device - a vDPA device
 * @dev: its place in the device model, below the parent
 * @dma_dev: device that does the DMA. The parent sets it before registration;
 *	NULL when the parent translates and has no such device
 * @config: operations of the parent
 * @cf_lock: held for writing around a change of the configuration space, of the
 *	status and of the features, for reading while several of these are read
 *	together. Bus drivers get it by vdpa_get_config() and its relatives.
 * @index: number that was drawn for the device
 * @features_valid: the driver has set features since the last reset; protected
 *	by @cf_lock
 * @use_va: mappings carry virtual addresses of the process, not physical ones
 * @nvqs: number of virtqueues, from registration on
 * @mdev: management device, set by dev_add before registration
 * @ngroups: number of virtqueue groups
 * @nas: number of address spaces
 */
struct vdpa_device {
	struct device dev;
	struct device *dma_dev;
	const struct vdpa_config_ops *config;
	struct rw_semaphore cf_lock; /* configuration, status, features */
	unsigned int index;
	bool features_valid;
	bool use_va;
	u32 nvqs;
	struct vdpa_mgmt_dev *mdev;
	unsigned int ngroups;
	unsigned int nas;
	/* private: the core's own */
	/*
	 * Held for reading by whoever calls operations without being the bus
	 * driver (netlink), so that unregistration waits for them.
	 */
	struct rw_semaphore live_lock;
	bool live;	/* registered, and not on its way out; with live_lock */
	bool leaving;	/* dev_del was called; with the lock that serialises it */
	bool retired;	/* ops->free gave the parent's part back */
	u64 serial;	/* place in the order of registration, never used twice */
};

/**
 * struct vdpa_iova_range - I/O addresses a device can reach
 * @first: lowest
 * @last: highest, inclusive
 */
struct vdpa_iova_range {
	u64 first;
	u64 last;
};

/**
 * struct vdpa_dev_set_config - what the user asked of a device
 * @device_features: virtio features to offer, and no others
 * @net: for a network device
 * @net.mac: its address
 * @net.mtu: its MTU
 * @net.max_vq_pairs: number of data queue pairs
 * @mask: which of the above were given: bits numbered by &enum vdpa_attr
 * @extack: where a parent may say what is wrong with them
 */
struct vdpa_dev_set_config {
	u64 device_features;
	struct {
		u8 mac[ETH_ALEN];
		u16 mtu;
		u16 max_vq_pairs;
	} net;
	u64 mask;
	struct netlink_ext_ack *extack;
};

/**
 * struct vdpa_map_file - file behind a mapping, in virtual address mode
 * @file: the file; the map holds a reference
 * @offset: bytes from its beginning
 */
struct vdpa_map_file {
	struct file *file;
	u64 offset;
};

/**
 * struct vdpa_config_ops - what a parent can do
 *
 * Operations may sleep unless said otherwise, and are mandatory unless marked
 * *optional*. @idx is below &vdpa_device.nvqs. Bus drivers serialise the
 * operations of one device, but for those marked *any time*, which can come
 * while another one runs. After the device was unregistered none is called,
 * except @free.
 *
 * Virtqueues (virtio 1.2, 2.6 to 2.8):
 *
 * @set_vq_address: addresses (IOVA) of the descriptor, driver and device areas.
 *	Called while the queue is not ready or the device suspended. 0, or -EINVAL
 *	for an address that the device can't use.
 * @set_vq_num: size of the queue in descriptors, likewise. The bus driver keeps
 *	it within @get_vq_num_min and @get_vq_num_max. A parent that gets a wrong
 *	one all the same refuses in @set_vq_ready by staying not ready.
 * @kick_vq: available buffer notification. Any time, atomic context; for a
 *	queue that is not ready yet it is remembered or harmless.
 * @kick_vq_with_data: *optional*, the same with VIRTIO_F_NOTIFICATION_DATA
 *	negotiated. @data holds the index of the queue in the lower half, above
 *	it the next available index (split) or 15 bits of the slot and the wrap
 *	counter (packed). Any time, atomic context.
 * @set_vq_cb: where used buffer notifications go; a NULL callback in it for
 *	nowhere. On return the former callback is not running and won't run.
 * @set_vq_ready: starts (true) or stops (false) the queue. On return from false
 *	the device touches neither the ring nor buffers.
 * @get_vq_ready: whether the queue is ready
 * @set_vq_state: where the queue begins, while it is not ready. -EOPNOTSUPP for
 *	a state that the device can't begin at.
 * @get_vq_state: where the queue stopped; meaningful while it is suspended or
 *	not ready. -EOPNOTSUPP when the device doesn't tell.
 * @get_vendor_vq_stats: *optional*, appends pairs of
 *	VDPA_ATTR_DEV_VENDOR_ATTR_NAME and VDPA_ATTR_DEV_VENDOR_ATTR_VALUE to
 *	@msg. Any time. -EMSGSIZE when they don't fit.
 * @get_vq_notification: *optional*, the doorbell of a queue, for user space to
 *	map. Usable when address and size are one whole page. Any time: page
 *	faults ask as well.
 * @get_vq_irq: *optional*, Linux interrupt number of the queue, to bypass the
 *	host on delivery to a guest; negative when there is none. Does not change
 *	while DRIVER_OK is set.
 * @get_vq_size: *optional*, largest size of this one queue; 0 when the queue is
 *	not there. Without it, @get_vq_num_max holds for each queue.
 *
 * The device (virtio 1.2, 2.1 to 2.5):
 *
 * @get_vq_align: alignment of the areas of a virtqueue, in bytes
 * @get_vq_group: *optional*, group that the queue's memory accesses belong to;
 *	one address space is chosen a group. Without it, all are in group 0.
 *	Constant while features don't change.
 * @get_vq_desc_group: *optional*, group for the descriptor, driver and device
 *	areas alone, where it is not the one of the buffers
 * @get_device_features: features that the device offers. Any time.
 * @get_backend_features: *optional*, VHOST_BACKEND_F_xx bits that only the
 *	parent can know, as a mask. Any time.
 * @set_driver_features: features that the driver accepted, others not once
 *	FEATURES_OK is set. -EINVAL when they can't work, for instance without
 *	VIRTIO_F_ACCESS_PLATFORM.
 * @get_driver_features: the ones last set, 0 after a reset. Any time.
 * @set_config_cb: where configuration change notifications go; otherwise like
 *	@set_vq_cb
 * @get_vq_num_max: largest size of a virtqueue. Any time.
 * @get_vq_num_min: *optional*, smallest one. Any time.
 * @get_device_id: virtio device id. Any time.
 * @get_vendor_id: vendor of the device. Any time.
 * @get_status: device status as the device sees it; may have
 *	DEVICE_NEEDS_RESET set. Any time.
 * @set_status: sets bits of the status; none that is set is missing, and it is
 *	never 0, for that is @reset. A device that can't go where
 *	it is told (FEATURES_OK with features that don't work together) leaves
 *	the bit out of @get_status. Called with cf_lock held for writing.
 * @reset: back to the state after creation: status 0, queues stopped, callbacks
 *	forgotten, state forgotten. On return the device touches no memory. What
 *	was mapped stays when there is @reset_map, and goes when there is not.
 *	Called with cf_lock held for writing. Idempotent.
 * @compat_reset: *optional*, @reset for clients that rely on former behaviour:
 *	with VDPA_RESET_F_CLEAN_MAP the mappings go as well. Only for parents
 *	that have such clients.
 * @suspend: *optional*, stops all queues with their state kept, for
 *	@get_vq_state. On return no buffer is in flight. Bounded in time. Called
 *	with DRIVER_OK set.
 * @resume: *optional*, goes on after @suspend
 * @get_config_size: size of the configuration space with all fields that the
 *	device class knows, in bytes. Any time.
 * @get_config: reads @len bytes from @offset; the range was checked against
 *	@get_config_size. Called with cf_lock held for writing, otherwise any
 *	time.
 * @set_config: writes likewise; read-only fields don't change. Same lock.
 * @get_generation: *optional*, changes whenever the configuration space may
 *	have changed by itself. Any time.
 * @get_iova_range: *optional*, addresses that can be mapped. Any time.
 * @set_vq_affinity: *optional*, CPUs that shall work for this queue
 * @get_vq_affinity: *optional*, the mask last set, or NULL
 *
 * Memory: a parent has @set_map, or @dma_map and @dma_unmap, or none of them.
 * With none, the platform's IOMMU translates for &vdpa_device.dma_dev.
 *
 * @set_map: *optional*, replaces the whole table of address space @asid by
 *	@iotlb, which is valid for the time of the call only. On return the
 *	device uses nothing that is not in it. On error the former table holds.
 * @dma_map: *optional*, adds one range. @pa is a physical address, or a virtual
 *	one with &vdpa_device.use_va, and then @opaque may be a
 *	&struct vdpa_map_file. @perm is VHOST_MAP_RO, _WO or _RW.
 * @dma_unmap: *optional*, goes with @dma_map: removes a range that one call of it
 *	has added. On return the device does not access it: the memory is given back
 *	next. Before anything is added it is called for all addresses, so that
 *	nothing is left of an identity; an error does no harm then.
 * @reset_map: *optional*, address space @asid as after creation. Its presence
 *	says that mappings outlive @reset.
 * @set_group_asid: *optional*, binds a group to an address space. -EINVAL when
 *	either is out of range. Drivers do it before DRIVER_OK, but clients of
 *	vhost_vdpa at any time: what a parent can't do then, it refuses.
 * @get_vq_dma_dev: *optional*, device that does DMA for this queue, where it is
 *	not &vdpa_device.dma_dev
 * @bind_mm: *optional*, in virtual address mode: addresses in maps belong to
 *	@mm from now on
 * @unbind_mm: *optional*, undoes @bind_mm; on return @mm is not used any more
 *
 * @free: *optional*, called once, after the last of the other operations; frees
 *	what the parent attached, not @vdev itself. For a device that was never
 *	registered, when its last reference goes.
 *
 * Not in Linux 6.12:
 *
 * @dma_unmap_range: *optional*, in place of @dma_unmap: removes all that lies in the
 *	range, which can hold any number of ranges that were added; each of them lies
 *	in it as a whole
 */
struct vdpa_config_ops {
	/* virtqueues */
	int (*set_vq_address)(struct vdpa_device *vdev,
			      u16 idx, u64 desc_area, u64 driver_area,
			      u64 device_area);
	void (*set_vq_num)(struct vdpa_device *vdev, u16 idx, u32 num);
	void (*kick_vq)(struct vdpa_device *vdev, u16 idx);
	void (*kick_vq_with_data)(struct vdpa_device *vdev, u32 data);
	void (*set_vq_cb)(struct vdpa_device *vdev, u16 idx,
			  struct vdpa_callback *cb);
	void (*set_vq_ready)(struct vdpa_device *vdev, u16 idx, bool ready);
	bool (*get_vq_ready)(struct vdpa_device *vdev, u16 idx);
	int (*set_vq_state)(struct vdpa_device *vdev, u16 idx,
			    const struct vdpa_vq_state *state);
	int (*get_vq_state)(struct vdpa_device *vdev, u16 idx,
			    struct vdpa_vq_state *state);
	int (*get_vendor_vq_stats)(struct vdpa_device *vdev, u16 idx,
				   struct sk_buff *msg,
				   struct netlink_ext_ack *extack);
	struct vdpa_notification_area
	(*get_vq_notification)(struct vdpa_device *vdev, u16 idx);
	int (*get_vq_irq)(struct vdpa_device *vdev, u16 idx);
	u16 (*get_vq_size)(struct vdpa_device *vdev, u16 idx);

	/* the device */
	u32 (*get_vq_align)(struct vdpa_device *vdev);
	u32 (*get_vq_group)(struct vdpa_device *vdev, u16 idx);
	u32 (*get_vq_desc_group)(struct vdpa_device *vdev, u16 idx);
	u64 (*get_device_features)(struct vdpa_device *vdev);
	u64 (*get_backend_features)(const struct vdpa_device *vdev);
	int (*set_driver_features)(struct vdpa_device *vdev, u64 features);
	u64 (*get_driver_features)(struct vdpa_device *vdev);
	void (*set_config_cb)(struct vdpa_device *vdev,
			      struct vdpa_callback *cb);
	u16 (*get_vq_num_max)(struct vdpa_device *vdev);
	u16 (*get_vq_num_min)(struct vdpa_device *vdev);
	u32 (*get_device_id)(struct vdpa_device *vdev);
	u32 (*get_vendor_id)(struct vdpa_device *vdev);
	u8 (*get_status)(struct vdpa_device *vdev);
	void (*set_status)(struct vdpa_device *vdev, u8 status);
	int (*reset)(struct vdpa_device *vdev);
	int (*compat_reset)(struct vdpa_device *vdev, u32 flags);
#define VDPA_RESET_F_CLEAN_MAP 1
	int (*suspend)(struct vdpa_device *vdev);
	int (*resume)(struct vdpa_device *vdev);
	size_t (*get_config_size)(struct vdpa_device *vdev);
	void (*get_config)(struct vdpa_device *vdev, unsigned int offset,
			   void *buf, unsigned int len);
	void (*set_config)(struct vdpa_device *vdev, unsigned int offset,
			   const void *buf, unsigned int len);
	u32 (*get_generation)(struct vdpa_device *vdev);
	struct vdpa_iova_range (*get_iova_range)(struct vdpa_device *vdev);
	int (*set_vq_affinity)(struct vdpa_device *vdev, u16 idx,
			       const struct cpumask *cpu_mask);
	const struct cpumask *(*get_vq_affinity)(struct vdpa_device *vdev,
						 u16 idx);

	/* memory */
	int (*set_map)(struct vdpa_device *vdev, unsigned int asid,
		       struct vhost_iotlb *iotlb);
	int (*dma_map)(struct vdpa_device *vdev, unsigned int asid,
		       u64 iova, u64 size, u64 pa, u32 perm, void *opaque);
	int (*dma_unmap)(struct vdpa_device *vdev, unsigned int asid,
			 u64 iova, u64 size);
	int (*reset_map)(struct vdpa_device *vdev, unsigned int asid);
	int (*set_group_asid)(struct vdpa_device *vdev, unsigned int group,
			      unsigned int asid);
	struct device *(*get_vq_dma_dev)(struct vdpa_device *vdev, u16 idx);
	int (*bind_mm)(struct vdpa_device *vdev, struct mm_struct *mm);
	void (*unbind_mm)(struct vdpa_device *vdev);

	void (*free)(struct vdpa_device *vdev);

	/* what Linux 6.12 does not have */
	int (*dma_unmap_range)(struct vdpa_device *vdev, unsigned int asid,
			       u64 iova, u64 size);
};

struct vdpa_device *__vdpa_alloc_device(struct device *parent,
					const struct vdpa_config_ops *config,
					unsigned int ngroups, unsigned int nas,
					size_t size, const char *name,
					bool use_va);

/**
 * vdpa_alloc_device - allocate a device inside the parent's own structure
 * @dev_struct: type of the parent's structure
 * @member: name of the &struct vdpa_device in it, which must come first
 * @parent: parent in the device model
 * @config: operations
 * @ngroups: number of virtqueue groups
 * @nas: number of address spaces
 * @name: name of the device, or NULL for vdpaN
 * @use_va: mappings shall carry virtual addresses
 *
 * See __vdpa_alloc_device().
 *
 * Return: the parent's structure, zeroed but for @member; an ERR_PTR on error.
 */
#define vdpa_alloc_device(dev_struct, member, parent, config, ngroups, nas, \
			  name, use_va) \
			  container_of((__vdpa_alloc_device( \
				       parent, config, ngroups, nas, \
				       (sizeof(dev_struct) + \
				       BUILD_BUG_ON_ZERO(offsetof( \
				       dev_struct, member))), name, use_va)), \
				       dev_struct, member)

int vdpa_register_device(struct vdpa_device *vdev, u32 nvqs);
void vdpa_unregister_device(struct vdpa_device *vdev);

int _vdpa_register_device(struct vdpa_device *vdev, u32 nvqs);
void _vdpa_unregister_device(struct vdpa_device *vdev);

/**
 * struct vdpa_driver - a bus driver, such as virtio_vdpa
 * @driver: its place in the device model
 * @probe: takes a device over. 0, or an error: the device stays free.
 * @remove: gives it back; afterwards no operation of the device may be called.
 *	Must not wait for user space.
 */
struct vdpa_driver {
	struct device_driver driver;
	int (*probe)(struct vdpa_device *vdev);
	void (*remove)(struct vdpa_device *vdev);
};

#define vdpa_register_driver(drv) \
	__vdpa_register_driver(drv, THIS_MODULE)
int __vdpa_register_driver(struct vdpa_driver *drv, struct module *owner);
void vdpa_unregister_driver(struct vdpa_driver *drv);

/**
 * module_vdpa_driver - a module that is one bus driver and nothing else
 * @__vdpa_driver: the &struct vdpa_driver
 */
#define module_vdpa_driver(__vdpa_driver) \
	module_driver(__vdpa_driver, vdpa_register_driver,	\
		      vdpa_unregister_driver)

static inline struct vdpa_driver *drv_to_vdpa(struct device_driver *driver)
{
	return container_of(driver, struct vdpa_driver, driver);
}

static inline struct vdpa_device *dev_to_vdpa(struct device *_dev)
{
	return container_of(_dev, struct vdpa_device, dev);
}

static inline void *vdpa_get_drvdata(const struct vdpa_device *vdev)
{
	return dev_get_drvdata(&vdev->dev);
}

static inline void vdpa_set_drvdata(struct vdpa_device *vdev, void *data)
{
	dev_set_drvdata(&vdev->dev, data);
}

static inline struct device *vdpa_get_dma_dev(struct vdpa_device *vdev)
{
	return vdev->dma_dev;
}

/**
 * vdpa_reset - reset a device and forget the driver's features
 * @vdev: the device
 * @flags: VDPA_RESET_F_xx for a parent that has compat_reset, else ignored
 *
 * Context: may sleep; takes cf_lock.
 * Return: 0 or the parent's error.
 */
static inline int vdpa_reset(struct vdpa_device *vdev, u32 flags)
{
	const struct vdpa_config_ops *ops = vdev->config;
	int err;

	down_write(&vdev->cf_lock);
	vdev->features_valid = false;
	err = flags && ops->compat_reset ? ops->compat_reset(vdev, flags) :
					   ops->reset(vdev);
	up_write(&vdev->cf_lock);
	return err;
}

/**
 * vdpa_set_features_unlocked - vdpa_set_features() with cf_lock already held
 * @vdev: the device
 * @features: what the driver accepts
 *
 * Return: 0 or the parent's error.
 */
static inline int vdpa_set_features_unlocked(struct vdpa_device *vdev, u64 features)
{
	vdev->features_valid = true;
	return vdev->config->set_driver_features(vdev, features);
}

/**
 * vdpa_set_features - tell the device which features the driver accepts
 * @vdev: the device
 * @features: a subset of what the device offers
 *
 * Context: may sleep; takes cf_lock.
 * Return: 0 or the parent's error.
 */
static inline int vdpa_set_features(struct vdpa_device *vdev, u64 features)
{
	int err;

	down_write(&vdev->cf_lock);
	err = vdpa_set_features_unlocked(vdev, features);
	up_write(&vdev->cf_lock);
	return err;
}

void vdpa_get_config(struct vdpa_device *vdev, unsigned int offset,
		     void *buf, unsigned int len);
void vdpa_set_config(struct vdpa_device *dev, unsigned int offset,
		     const void *buf, unsigned int length);
void vdpa_set_status(struct vdpa_device *vdev, u8 status);

/**
 * struct vdpa_mgmtdev_ops - what a management device can do
 * @dev_add: makes a device: allocates it, sets &vdpa_device.mdev and registers
 *	it by _vdpa_register_device(). What @config asks has been checked against
 *	&vdpa_mgmt_dev.config_attr_mask and &vdpa_mgmt_dev.supported_features.
 *	0 or an error, with nothing left behind.
 * @dev_del: takes a device away by _vdpa_unregister_device(); its memory stays
 *	until this has returned
 * @dev_set_attr: *optional*, changes what @config names on a living device.
 *	Called with cf_lock held for writing.
 *
 * Calls for all management devices are serialised; they may sleep.
 */
struct vdpa_mgmtdev_ops {
	int (*dev_add)(struct vdpa_mgmt_dev *mdev, const char *name,
		       const struct vdpa_dev_set_config *config);
	void (*dev_del)(struct vdpa_mgmt_dev *mdev, struct vdpa_device *dev);
	int (*dev_set_attr)(struct vdpa_mgmt_dev *mdev, struct vdpa_device *dev,
			    const struct vdpa_dev_set_config *config);
};

/**
 * struct vdpa_mgmt_dev - something that makes vDPA devices on request
 * @device: its device; bus and device name are how users name it
 * @ops: operations
 * @id_table: device classes it can make, ended by an entry of zeroes
 * @config_attr_mask: attributes that dev_add takes: bits numbered by
 *	&enum vdpa_attr
 * @list: place in the registry
 * @supported_features: virtio features that its devices can offer; 0 leaves the
 *	check to dev_add
 * @max_supported_vqs: most virtqueues of one device
 */
struct vdpa_mgmt_dev {
	struct device *device;
	const struct vdpa_mgmtdev_ops *ops;
	struct virtio_device_id *id_table;
	u64 config_attr_mask;
	struct list_head list;
	u64 supported_features;
	u32 max_supported_vqs;
	/* private: the core's own */
	u64 serial;	/* place in the order of registration, never used twice */
};

int vdpa_mgmtdev_register(struct vdpa_mgmt_dev *mdev);
void vdpa_mgmtdev_unregister(struct vdpa_mgmt_dev *mdev);

#endif /* _LINUX_VDPA_H */
