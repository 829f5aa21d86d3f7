// SPDX-License-Identifier: GPL-2.0
/*
 * What bus drivers ask of the device.
 */

#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <net/netlink.h>
#include <uapi/linux/vdpa.h>

#include "vpf.h"

/* How long a reset of the device waits for one of the PCI function to end */
#define VPF_ONLINE_TIMEOUT	(10 * HZ)

static struct vpf_vq *vpf_vq(struct vdpa_device *vdpa, u16 idx)
{
	return &vdpa_to_vpf(vdpa)->vqs[idx];
}

static bool vpf_is_packed(const struct vpf *vpf)
{
	return vpf->driver_features & BIT_ULL(VIRTIO_F_RING_PACKED);
}

/* Whether the function listens; without the lock, only whether it did */
static bool vpf_usable(const struct vpf *vpf)
{
	return !READ_ONCE(vpf->offline) && !READ_ONCE(vpf->broken);
}

/* --- virtqueues ---------------------------------------------------------- */

static int vpf_set_vq_address(struct vdpa_device *vdpa, u16 idx, u64 desc_area,
			      u64 driver_area, u64 device_area)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);
	struct vpf_vq *vq = &vpf->vqs[idx];
	int err = 0;

	/* 2.7 and 2.8.10.1 */
	if (!IS_ALIGNED(desc_area, 16) || !IS_ALIGNED(device_area, 4) ||
	    !IS_ALIGNED(driver_area, vpf_is_packed(vpf) ? 4 : 2))
		return -EINVAL;

	mutex_lock(&vpf->lock);
	if (vq->started) {
		err = -EBUSY;
	} else {
		vq->desc = desc_area;
		vq->driver = driver_area;
		vq->device = device_area;
		vq->addressed = true;
	}
	mutex_unlock(&vpf->lock);
	return err;
}

static void vpf_set_vq_num(struct vdpa_device *vdpa, u16 idx, u32 num)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);

	mutex_lock(&vpf->lock);
	if (!vpf->vqs[idx].started)
		vpf->vqs[idx].num = num;
	mutex_unlock(&vpf->lock);
}

static void vpf_kick_vq(struct vdpa_device *vdpa, u16 idx)
{
	struct vpf_vq *vq = vpf_vq(vdpa, idx);

	/* pairs with the release in vpf_vq_run(), which makes up for us */
	if (!smp_load_acquire(&vq->ready))
		return;
	vq->kicks++;
	iowrite16(vq->queue, vq->doorbell);
}

static void vpf_kick_vq_with_data(struct vdpa_device *vdpa, u32 data)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);
	u16 idx = data;
	struct vpf_vq *vq;

	if (idx >= vpf->nvqs)
		return;
	vq = &vpf->vqs[idx];
	/* pairs with the release in vpf_vq_run() */
	if (!smp_load_acquire(&vq->ready))
		return;
	vq->kicks++;
	iowrite32((data & GENMASK(31, 16)) | vq->queue, vq->doorbell);
}

static void vpf_set_vq_cb(struct vdpa_device *vdpa, u16 idx,
			  struct vdpa_callback *cb)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);
	struct vpf_vq *vq = &vpf->vqs[idx];

	mutex_lock(&vpf->lock);
	vpf_set_callback(vpf, &vq->cb, vq->vector, cb);
	mutex_unlock(&vpf->lock);
}

/* Asks the function as long as it hasn't been told a size itself */
static u16 vpf_vq_size_max(struct vpf *vpf, u16 idx)
{
	struct vpf_vq *vq = &vpf->vqs[idx];

	lockdep_assert_held(&vpf->lock);

	if (!vq->started && vpf_usable(vpf))
		vpf_vq_learn_size(vpf, vq, vpf_hw_queue(vpf, idx));
	return vq->num_max;
}

static bool vpf_vq_can_start(struct vpf *vpf, u16 idx)
{
	struct vpf_vq *vq = &vpf->vqs[idx];

	/* addresses that come after DRIVER_OK come too late for an interrupt */
	if (!vq->addressed || (vpf->running && vq->vector < 0))
		return false;
	return vq->num && vq->num <= vpf_vq_size_max(vpf, idx) &&
	       (vpf_is_packed(vpf) || is_power_of_2(vq->num));
}

static void vpf_set_vq_ready(struct vdpa_device *vdpa, u16 idx, bool ready)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);
	struct vpf_vq *vq = &vpf->vqs[idx];

	mutex_lock(&vpf->lock);
	if (!ready || !vpf_usable(vpf)) {
		vq->wanted = false;
		/* the function goes on with what it was told of until reset */
		WRITE_ONCE(vq->ready, false);
	} else if (vq->started || vpf_vq_can_start(vpf, idx)) {
		vq->wanted = true;
		if (vpf->running)
			vpf_vq_run(vpf, idx);
	} else {
		vq->failed_starts++;
	}
	mutex_unlock(&vpf->lock);
}

static bool vpf_get_vq_ready(struct vdpa_device *vdpa, u16 idx)
{
	return READ_ONCE(vpf_vq(vdpa, idx)->wanted);
}

/* PCI has no register for it, so every queue begins at its beginning */
static void vpf_first_state(const struct vpf *vpf, struct vdpa_vq_state *state)
{
	*state = (struct vdpa_vq_state) {};
	if (vpf_is_packed(vpf)) {
		state->packed.last_avail_counter = 1;
		state->packed.last_used_counter = 1;
	}
}

static int vpf_set_vq_state(struct vdpa_device *vdpa, u16 idx,
			    const struct vdpa_vq_state *state)
{
	if (READ_ONCE(vpf_vq(vdpa, idx)->started))
		return -EOPNOTSUPP;
	if (!vpf_is_packed(vdpa_to_vpf(vdpa)))
		return state->split.avail_index ? -EOPNOTSUPP : 0;

	/* DPDK leaves out the half that says what was used */
	if (state->packed.last_avail_counter != 1 ||
	    state->packed.last_avail_idx || state->packed.last_used_idx)
		return -EOPNOTSUPP;
	return 0;
}

static int vpf_get_vq_state(struct vdpa_device *vdpa, u16 idx,
			    struct vdpa_vq_state *state)
{
	if (READ_ONCE(vpf_vq(vdpa, idx)->started))
		return -EOPNOTSUPP;
	vpf_first_state(vdpa_to_vpf(vdpa), state);
	return 0;
}

static int vpf_put_stat(struct sk_buff *msg, const char *name, u64 value)
{
	if (nla_put_string(msg, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, name) ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, value,
			      VDPA_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}

static int vpf_get_vendor_vq_stats(struct vdpa_device *vdpa, u16 idx,
				   struct sk_buff *msg,
				   struct netlink_ext_ack *extack)
{
	const struct vpf_vq *vq = vpf_vq(vdpa, idx);

	if (vpf_put_stat(msg, "kicks", READ_ONCE(vq->kicks)) ||
	    vpf_put_stat(msg, "interrupts", READ_ONCE(vq->interrupts)) ||
	    vpf_put_stat(msg, "failed starts", READ_ONCE(vq->failed_starts)))
		return -EMSGSIZE;
	return 0;
}

static struct vdpa_notification_area
vpf_get_vq_notification(struct vdpa_device *vdpa, u16 idx)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);
	u16 queue = vpf_hw_queue(vpf, idx);
	struct vdpa_notification_area area = {};

	/* user space writes the number that it knows the queue by */
	if (queue == idx && vpf->doorbells[queue].page) {
		area.addr = vpf->doorbells[queue].page;
		area.size = PAGE_SIZE;
	}
	return area;
}

static int vpf_get_vq_irq(struct vdpa_device *vdpa, u16 idx)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);
	int vector, irq = -EINVAL;

	mutex_lock(&vpf->lock);
	vector = vpf->vqs[idx].vector;
	if (vector >= 0 && !vpf->vectors[vector].shared)
		irq = vpf_vector_irq(vpf, vector);
	mutex_unlock(&vpf->lock);
	return irq;
}

static u16 vpf_get_vq_size(struct vdpa_device *vdpa, u16 idx)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);
	u16 max;

	mutex_lock(&vpf->lock);
	max = vpf_vq_size_max(vpf, idx);
	mutex_unlock(&vpf->lock);
	return max;
}

/* Remembered for interrupts that are yet to come */
static int vpf_set_vq_affinity(struct vdpa_device *vdpa, u16 idx,
			       const struct cpumask *cpu_mask)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);
	struct vpf_vq *vq = &vpf->vqs[idx];

	if (cpu_mask && !cpumask_intersects(cpu_mask, cpu_online_mask))
		return -EINVAL;

	mutex_lock(&vpf->lock);
	cpumask_copy(&vq->affinity, cpu_mask ?: cpu_possible_mask);
	vpf_apply_affinity(vpf, vq);
	mutex_unlock(&vpf->lock);
	return 0;
}

static const struct cpumask *vpf_get_vq_affinity(struct vdpa_device *vdpa, u16 idx)
{
	const struct vpf_vq *vq = vpf_vq(vdpa, idx);

	return cpumask_empty(&vq->affinity) ? NULL : &vq->affinity;
}

/* --- the device ---------------------------------------------------------- */

/* Any will do for the function; the driver's rings shall not share cache lines */
static u32 vpf_get_vq_align(struct vdpa_device *vdpa)
{
	return SMP_CACHE_BYTES;
}

static u64 vpf_get_device_features(struct vdpa_device *vdpa)
{
	return vdpa_to_vpf(vdpa)->wish.features;
}

static int vpf_set_driver_features(struct vdpa_device *vdpa, u64 features)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);
	int err = 0;

	if (features & ~vpf->wish.features ||
	    (features & VPF_NEEDED_FEATURES) != VPF_NEEDED_FEATURES)
		return -EINVAL;

	mutex_lock(&vpf->lock);
	if (!vpf_usable(vpf)) {
		err = -EIO;
	} else if (vpf->running) {
		err = -EBUSY;
	} else {
		vp_modern_set_features(&vpf->mdev, features);
		vpf->driver_features = features;
	}
	mutex_unlock(&vpf->lock);
	return err;
}

static u64 vpf_get_driver_features(struct vdpa_device *vdpa)
{
	return vdpa_to_vpf(vdpa)->driver_features;
}

static void vpf_set_config_cb(struct vdpa_device *vdpa, struct vdpa_callback *cb)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);

	mutex_lock(&vpf->lock);
	vpf_set_callback(vpf, &vpf->config_cb, 0, cb);
	mutex_unlock(&vpf->lock);
}

static u16 vpf_get_vq_num_max(struct vdpa_device *vdpa)
{
	return vdpa_to_vpf(vdpa)->vq_num_max;
}

static u32 vpf_get_device_id(struct vdpa_device *vdpa)
{
	return vdpa_to_vpf(vdpa)->mdev.id.device;
}

static u32 vpf_get_vendor_id(struct vdpa_device *vdpa)
{
	return vdpa_to_vpf(vdpa)->mdev.id.vendor;
}

static u8 vpf_get_status(struct vdpa_device *vdpa)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);

	/* what the driver knows stays true until it resets the device */
	if (READ_ONCE(vpf->broken))
		return READ_ONCE(vpf->status) | VIRTIO_CONFIG_S_NEEDS_RESET;
	if (READ_ONCE(vpf->offline))
		return READ_ONCE(vpf->status);
	return vp_modern_get_status(&vpf->mdev);
}

/* What can be taken on of it: a driver that accepts no features gets no further */
static u8 vpf_status_allowed(const struct vpf *vpf, u8 status)
{
	if ((vpf->driver_features & VPF_NEEDED_FEATURES) != VPF_NEEDED_FEATURES)
		status &= ~(VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
	return status & ~VIRTIO_CONFIG_S_NEEDS_RESET;
}

static void vpf_set_status(struct vdpa_device *vdpa, u8 status)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);
	bool starts;
	int err;

	mutex_lock(&vpf->lock);
	/* then only a reset helps, and the status says so */
	if (!vpf_usable(vpf))
		goto unlock;

	status = vpf_status_allowed(vpf, status);
	starts = status & VIRTIO_CONFIG_S_DRIVER_OK && !vpf->running;
	if (starts) {
		err = vpf_prepare(vpf);
		if (err) {
			dev_err(&vdpa->dev, "can't start: %pe\n", ERR_PTR(err));
			status &= ~VIRTIO_CONFIG_S_DRIVER_OK;
			starts = false;
		}
	}
	vp_modern_set_status(&vpf->mdev, status);
	WRITE_ONCE(vpf->status, status);
	if (starts)
		vpf_run(vpf);
unlock:
	mutex_unlock(&vpf->lock);
}

/* Whether there is no use in waiting for what is offline */
static bool vpf_is_lost(const struct vpf *vpf)
{
	return READ_ONCE(vpf->lost) || pci_dev_is_disconnected(vpf->mdev.pci_dev);
}

static int vpf_reset_op(struct vdpa_device *vdpa)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);
	int err;

	wait_event_timeout(vpf->online, !READ_ONCE(vpf->offline) || vpf_is_lost(vpf),
			   VPF_ONLINE_TIMEOUT);
	mutex_lock(&vpf->lock);
	err = vpf_reset(vpf);
	mutex_unlock(&vpf->lock);
	if (err)
		dev_err(&vdpa->dev, "function does not reset: %pe\n", ERR_PTR(err));
	return err;
}

static size_t vpf_get_config_size(struct vdpa_device *vdpa)
{
	return vpf_config_size(vdpa_to_vpf(vdpa));
}

static void vpf_get_config(struct vdpa_device *vdpa, unsigned int offset,
			   void *buf, unsigned int len)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);

	if (READ_ONCE(vpf->offline))
		memset(buf, 0, len);
	else
		vpf_read_config(vpf, offset, buf, len);
}

static void vpf_set_config(struct vdpa_device *vdpa, unsigned int offset,
			   const void *buf, unsigned int len)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);

	if (vpf_usable(vpf))
		vpf_write_config(vpf, offset, buf, len);
}

static u32 vpf_get_generation(struct vdpa_device *vdpa)
{
	struct vpf *vpf = vdpa_to_vpf(vdpa);

	return READ_ONCE(vpf->offline) ? 0 : vp_modern_generation(&vpf->mdev);
}

/*
 * Not here: the platform's IOMMU translates, all queues are in one group, and
 * virtio over PCI can't suspend.
 */
const struct vdpa_config_ops vpf_ops = {
	.set_vq_address = vpf_set_vq_address,
	.set_vq_num = vpf_set_vq_num,
	.kick_vq = vpf_kick_vq,
	.kick_vq_with_data = vpf_kick_vq_with_data,
	.set_vq_cb = vpf_set_vq_cb,
	.set_vq_ready = vpf_set_vq_ready,
	.get_vq_ready = vpf_get_vq_ready,
	.set_vq_state = vpf_set_vq_state,
	.get_vq_state = vpf_get_vq_state,
	.get_vendor_vq_stats = vpf_get_vendor_vq_stats,
	.get_vq_notification = vpf_get_vq_notification,
	.get_vq_irq = vpf_get_vq_irq,
	.get_vq_size = vpf_get_vq_size,
	.get_vq_align = vpf_get_vq_align,
	.get_device_features = vpf_get_device_features,
	.set_driver_features = vpf_set_driver_features,
	.get_driver_features = vpf_get_driver_features,
	.set_config_cb = vpf_set_config_cb,
	.get_vq_num_max = vpf_get_vq_num_max,
	.get_device_id = vpf_get_device_id,
	.get_vendor_id = vpf_get_vendor_id,
	.get_status = vpf_get_status,
	.set_status = vpf_set_status,
	.reset = vpf_reset_op,
	.get_config_size = vpf_get_config_size,
	.get_config = vpf_get_config,
	.set_config = vpf_set_config,
	.get_generation = vpf_get_generation,
	.set_vq_affinity = vpf_set_vq_affinity,
	.get_vq_affinity = vpf_get_vq_affinity,
};
