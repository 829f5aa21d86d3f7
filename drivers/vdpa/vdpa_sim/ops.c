// SPDX-License-Identifier: GPL-2.0
/*
 * What a simulated device does as a vDPA parent.
 */

#include <linux/module.h>
#include <net/netlink.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/vhost_types.h>

#include "vdpa_sim.h"

static struct vdpasim_vq *vdpasim_vq(struct vdpa_device *vdpa, u16 idx)
{
	return &vdpa_to_sim(vdpa)->vqs[idx];
}

/* --- virtqueues ---------------------------------------------------------- */

static int vdpasim_set_vq_address(struct vdpa_device *vdpa, u16 idx,
				  u64 desc_area, u64 driver_area,
				  u64 device_area)
{
	struct vdpasim_vq *vq = vdpasim_vq(vdpa, idx);

	mutex_lock(&vq->lock);
	vdpasim_vq_stop(vq);
	vq->desc_addr = desc_area;
	vq->driver_addr = driver_area;
	vq->device_addr = device_area;
	mutex_unlock(&vq->lock);
	return 0;
}

static void vdpasim_set_vq_num(struct vdpa_device *vdpa, u16 idx, u32 num)
{
	struct vdpasim_vq *vq = vdpasim_vq(vdpa, idx);

	mutex_lock(&vq->lock);
	vq->num = num;
	mutex_unlock(&vq->lock);
}

static void vdpasim_kick_vq(struct vdpa_device *vdpa, u16 idx)
{
	vdpasim_vq_kick(vdpasim_vq(vdpa, idx));
}

static void vdpasim_kick_vq_with_data(struct vdpa_device *vdpa, u32 data)
{
	u16 idx = data;

	/* the ring says where to look; the number comes from the driver */
	if (idx < vdpa->nvqs)
		vdpasim_vq_kick(vdpasim_vq(vdpa, idx));
}

static void vdpasim_set_vq_cb(struct vdpa_device *vdpa, u16 idx,
			      struct vdpa_callback *cb)
{
	struct vdpasim_vq *vq = vdpasim_vq(vdpa, idx);

	/* callbacks run with the lock, so the former one is through by now */
	mutex_lock(&vq->lock);
	vq->cb = *cb;
	mutex_unlock(&vq->lock);
}

static void vdpasim_set_vq_ready(struct vdpa_device *vdpa, u16 idx, bool ready)
{
	struct vdpasim_vq *vq = vdpasim_vq(vdpa, idx);

	mutex_lock(&vq->lock);
	vq->ready = ready;
	if (ready)
		vdpasim_vq_start(vq);
	else
		vdpasim_vq_stop(vq);
	mutex_unlock(&vq->lock);
}

static bool vdpasim_get_vq_ready(struct vdpa_device *vdpa, u16 idx)
{
	return READ_ONCE(vdpasim_vq(vdpa, idx)->ready);
}

static int vdpasim_set_vq_state(struct vdpa_device *vdpa, u16 idx,
				const struct vdpa_vq_state *state)
{
	struct vdpasim_vq *vq = vdpasim_vq(vdpa, idx);
	int err = 0;

	mutex_lock(&vq->lock);
	if (vq->vring.running && READ_ONCE(vq->sim->running)) {
		err = -EBUSY;
	} else {
		/* suspended: it starts anew on resume */
		vdpasim_vq_stop(vq);
		vq->state = *state;
		vq->has_state = true;
	}
	mutex_unlock(&vq->lock);
	return err;
}

static int vdpasim_get_vq_state(struct vdpa_device *vdpa, u16 idx,
				struct vdpa_vq_state *state)
{
	struct vdpasim_vq *vq = vdpasim_vq(vdpa, idx);

	mutex_lock(&vq->lock);
	if (vq->vring.running)
		vdpa_vring_get_state(&vq->vring, state);
	else
		*state = vdpasim_vq_state(vq);
	mutex_unlock(&vq->lock);
	return 0;
}

static int vdpasim_put_vring_stats(struct sk_buff *msg, const struct vdpasim_vq *vq)
{
	static const char * const errors[VDPA_VRING_NR_ERRORS] = {
		[VDPA_VRING_ERR_INDEX] = "bad indices",
		[VDPA_VRING_ERR_CHAIN] = "bad chains",
		[VDPA_VRING_ERR_INDIRECT] = "bad indirect tables",
		[VDPA_VRING_ERR_ORDER] = "bad descriptor order",
		[VDPA_VRING_ERR_TRANSLATE] = "bad addresses",
	};
	const struct vdpa_vring_stats *stats = &vq->vring.stats;
	unsigned int i;

	if (vdpasim_put_stat(msg, "received_desc", stats->chains) ||
	    vdpasim_put_stat(msg, "completed_desc", stats->completed) ||
	    vdpasim_put_stat(msg, "notifications", stats->notified) ||
	    vdpasim_put_stat(msg, "notifications suppressed", stats->suppressed) ||
	    vdpasim_put_stat(msg, "polls that paid", READ_ONCE(vq->polled)) ||
	    vdpasim_put_stat(msg, "sleeps", READ_ONCE(vq->sleeps)) ||
	    vdpasim_put_stat(msg, "failed starts", vq->start_errors))
		return -EMSGSIZE;
	for (i = 0; i < VDPA_VRING_NR_ERRORS; i++) {
		if (vdpasim_put_stat(msg, errors[i], stats->errors[i]))
			return -EMSGSIZE;
	}
	return 0;
}

static int vdpasim_get_vendor_vq_stats(struct vdpa_device *vdpa, u16 idx,
				       struct sk_buff *msg,
				       struct netlink_ext_ack *extack)
{
	struct vdpasim_vq *vq = vdpasim_vq(vdpa, idx);
	int err;

	mutex_lock(&vq->lock);
	err = vdpasim_put_vring_stats(msg, vq);
	if (!err && vq->sim->class->stats)
		err = vq->sim->class->stats(vq, msg);
	mutex_unlock(&vq->lock);
	return err;
}

static u16 vdpasim_get_vq_size(struct vdpa_device *vdpa, u16 idx)
{
	return VDPASIM_QUEUE_MAX;
}

static int vdpasim_set_vq_affinity(struct vdpa_device *vdpa, u16 idx,
				   const struct cpumask *cpu_mask)
{
	struct vdpasim_vq *vq = vdpasim_vq(vdpa, idx);
	int err = 0;

	if (!cpu_mask)
		cpu_mask = cpu_possible_mask;
	if (!cpumask_intersects(cpu_mask, cpu_online_mask))
		return -EINVAL;

	mutex_lock(&vq->lock);
	if (vq->worker)
		err = set_cpus_allowed_ptr(vq->worker, cpu_mask);
	if (!err)
		cpumask_copy(&vq->affinity, cpu_mask);
	mutex_unlock(&vq->lock);
	return err;
}

static const struct cpumask *vdpasim_get_vq_affinity(struct vdpa_device *vdpa,
						     u16 idx)
{
	return &vdpasim_vq(vdpa, idx)->affinity;
}

/* --- the device ---------------------------------------------------------- */

static u32 vdpasim_get_vq_align(struct vdpa_device *vdpa)
{
	return PAGE_SIZE;
}

static u32 vdpasim_get_vq_group(struct vdpa_device *vdpa, u16 idx)
{
	return vdpasim_vq_group(vdpasim_vq(vdpa, idx));
}

static u64 vdpasim_get_device_features(struct vdpa_device *vdpa)
{
	return vdpa_to_sim(vdpa)->offered;
}

static u64 vdpasim_get_backend_features(const struct vdpa_device *vdpa)
{
	return BIT_ULL(VHOST_BACKEND_F_ENABLE_AFTER_DRIVER_OK);
}

static int vdpasim_set_driver_features(struct vdpa_device *vdpa, u64 features)
{
	struct vdpasim *sim = vdpa_to_sim(vdpa);

	/* queues go by them; a driver may have left FEATURES_OK out */
	if (sim->status & (VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK))
		return -EBUSY;
	if (features & ~sim->offered)
		return -EINVAL;
	/* legacy rings have another layout and the byte order of the driver's CPU */
	if (!(features & BIT_ULL(VIRTIO_F_VERSION_1))) {
		dev_info_ratelimited(&vdpa->dev, "legacy drivers are not supported\n");
		return -EINVAL;
	}
	/* addresses always go through us */
	if (!(features & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM)))
		return -EINVAL;
	sim->features = features;
	return 0;
}

static u64 vdpasim_get_driver_features(struct vdpa_device *vdpa)
{
	return vdpa_to_sim(vdpa)->features;
}

static void vdpasim_set_config_cb(struct vdpa_device *vdpa,
				  struct vdpa_callback *cb)
{
	struct vdpasim *sim = vdpa_to_sim(vdpa);

	mutex_lock(&sim->config_cb_lock);
	sim->config_cb = *cb;
	mutex_unlock(&sim->config_cb_lock);
}

static u16 vdpasim_get_vq_num_max(struct vdpa_device *vdpa)
{
	return VDPASIM_QUEUE_MAX;
}

static u32 vdpasim_get_device_id(struct vdpa_device *vdpa)
{
	return vdpa_to_sim(vdpa)->class->device_id;
}

static u32 vdpasim_get_vendor_id(struct vdpa_device *vdpa)
{
	return VDPASIM_VENDOR_ID;
}

static u8 vdpasim_get_status(struct vdpa_device *vdpa)
{
	struct vdpasim *sim = vdpa_to_sim(vdpa);
	u8 status = READ_ONCE(sim->status);

	if (READ_ONCE(sim->needs_reset))
		status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	return status;
}

static void vdpasim_run(struct vdpasim *sim)
{
	unsigned int i;

	WRITE_ONCE(sim->running, true);
	for (i = 0; i < sim->nvqs; i++) {
		mutex_lock(&sim->vqs[i].lock);
		vdpasim_vq_start(&sim->vqs[i]);
		mutex_unlock(&sim->vqs[i].lock);
	}
}

static void vdpasim_halt(struct vdpasim *sim)
{
	WRITE_ONCE(sim->running, false);
	vdpasim_quiesce(sim);
}

/* From DRIVER until reset the device is in use, and its module has to stay */
static void vdpasim_store_status(struct vdpasim *sim, u8 status)
{
	bool was_used = sim->status & VIRTIO_CONFIG_S_DRIVER;
	bool used = status & VIRTIO_CONFIG_S_DRIVER;

	if (used && !was_used)
		__module_get(sim->class->owner);
	WRITE_ONCE(sim->status, status);
	if (was_used && !used)
		module_put(sim->class->owner);
}

static void vdpasim_set_status(struct vdpa_device *vdpa, u8 status)
{
	struct vdpasim *sim = vdpa_to_sim(vdpa);
	bool was_ok = sim->status & VIRTIO_CONFIG_S_DRIVER_OK;

	/* features that were never accepted can't be confirmed (2.2.2) */
	if (status & VIRTIO_CONFIG_S_FEATURES_OK && !sim->features)
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	status &= ~VIRTIO_CONFIG_S_NEEDS_RESET;
	vdpasim_store_status(sim, status);

	if (!was_ok && status & VIRTIO_CONFIG_S_DRIVER_OK)
		vdpasim_run(sim);
}

static void vdpasim_do_reset(struct vdpasim *sim)
{
	static struct vdpa_callback none;
	unsigned int i;

	WRITE_ONCE(sim->running, false);
	for (i = 0; i < sim->nvqs; i++)
		vdpasim_vq_reset(&sim->vqs[i]);
	vdpasim_set_config_cb(&sim->vdpa, &none);
	if (sim->class->reset)
		sim->class->reset(sim);
	sim->features = 0;
	memset(sim->group_space, 0, sizeof(sim->group_space));
	vdpasim_store_status(sim, 0);
	WRITE_ONCE(sim->needs_reset, false);
}

static int vdpasim_reset(struct vdpa_device *vdpa)
{
	vdpasim_do_reset(vdpa_to_sim(vdpa));
	return 0;
}

static int vdpasim_reset_map(struct vdpa_device *vdpa, unsigned int asid)
{
	struct vdpasim *sim = vdpa_to_sim(vdpa);

	if (asid >= vdpa->nas)
		return -EINVAL;
	vdpa_vring_as_reset(&sim->spaces[asid], true);
	vdpasim_quiesce(sim);
	return 0;
}

static int vdpasim_compat_reset(struct vdpa_device *vdpa, u32 flags)
{
	unsigned int asid;

	vdpasim_do_reset(vdpa_to_sim(vdpa));
	if (flags & VDPA_RESET_F_CLEAN_MAP) {
		for (asid = 0; asid < vdpa->nas; asid++)
			vdpasim_reset_map(vdpa, asid);
	}
	return 0;
}

static int vdpasim_suspend(struct vdpa_device *vdpa)
{
	struct vdpasim *sim = vdpa_to_sim(vdpa);

	/* a batch is finished once it was begun, so nothing is in flight then */
	vdpasim_halt(sim);
	if (sim->class->suspend)
		sim->class->suspend(sim);
	return 0;
}

static int vdpasim_resume(struct vdpa_device *vdpa)
{
	struct vdpasim *sim = vdpa_to_sim(vdpa);

	if (READ_ONCE(sim->status) & VIRTIO_CONFIG_S_DRIVER_OK)
		vdpasim_run(sim);
	return 0;
}

static size_t vdpasim_get_config_size(struct vdpa_device *vdpa)
{
	return vdpa_to_sim(vdpa)->config_size;
}

static void vdpasim_get_config(struct vdpa_device *vdpa, unsigned int offset,
			       void *buf, unsigned int len)
{
	struct vdpasim *sim = vdpa_to_sim(vdpa);
	u8 config[VDPASIM_CONFIG_MAX] = {};

	sim->class->get_config(sim, config);
	memcpy(buf, config + offset, len);
}

static void vdpasim_set_config(struct vdpa_device *vdpa, unsigned int offset,
			       const void *buf, unsigned int len)
{
	struct vdpasim *sim = vdpa_to_sim(vdpa);

	if (sim->class->set_config)
		sim->class->set_config(sim, offset, buf, len);
}

static u32 vdpasim_get_generation(struct vdpa_device *vdpa)
{
	return READ_ONCE(vdpa_to_sim(vdpa)->generation);
}

static struct vdpa_iova_range vdpasim_get_iova_range(struct vdpa_device *vdpa)
{
	return (struct vdpa_iova_range) { .first = 0, .last = U64_MAX };
}

/* --- memory -------------------------------------------------------------- */

static int vdpasim_dma_map(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
			   u64 size, u64 pa, u32 perm, void *opaque)
{
	if (asid >= vdpa->nas)
		return -EINVAL;
	return vdpa_vring_as_map(&vdpa_to_sim(vdpa)->spaces[asid], iova, size,
				 pa, perm);
}

static int vdpasim_dma_unmap(struct vdpa_device *vdpa, unsigned int asid,
			     u64 iova, u64 size)
{
	struct vdpasim *sim = vdpa_to_sim(vdpa);

	if (asid >= vdpa->nas)
		return -EINVAL;
	vdpa_vring_as_unmap(&sim->spaces[asid], iova, size);
	vdpasim_quiesce(sim);
	return 0;
}

static bool vdpasim_group_runs(struct vdpasim *sim, unsigned int group)
{
	bool runs = false;
	unsigned int i;

	for (i = 0; i < sim->nvqs && !runs; i++) {
		struct vdpasim_vq *vq = &sim->vqs[i];

		mutex_lock(&vq->lock);
		runs = vq->vring.running && vdpasim_vq_group(vq) == group;
		mutex_unlock(&vq->lock);
	}
	return runs;
}

static int vdpasim_set_group_asid(struct vdpa_device *vdpa, unsigned int group,
				  unsigned int asid)
{
	struct vdpasim *sim = vdpa_to_sim(vdpa);

	if (group >= vdpa->ngroups || asid >= vdpa->nas)
		return -EINVAL;
	if (vdpasim_group_runs(sim, group))
		return -EBUSY;
	sim->group_space[group] = asid;
	return 0;
}

static void vdpasim_free(struct vdpa_device *vdpa)
{
	struct vdpasim *sim = vdpa_to_sim(vdpa);
	unsigned int i;

	if (sim->class->free)
		sim->class->free(sim);
	for (i = 0; sim->vqs && i < sim->nvqs; i++)
		vdpasim_vq_destroy(&sim->vqs[i]);
	kvfree(sim->vqs);
	for (i = 0; sim->spaces && i < vdpa->nas; i++)
		vdpa_vring_as_destroy(&sim->spaces[i]);
	kfree(sim->spaces);
	mutex_destroy(&sim->config_cb_lock);
	/* a virtio driver that failed to start leaves without a reset */
	vdpasim_store_status(sim, 0);
}

const struct vdpa_config_ops vdpasim_ops = {
	/* the device */
	.get_device_id = vdpasim_get_device_id,
	.get_vendor_id = vdpasim_get_vendor_id,
	.get_device_features = vdpasim_get_device_features,
	.get_backend_features = vdpasim_get_backend_features,
	.set_driver_features = vdpasim_set_driver_features,
	.get_driver_features = vdpasim_get_driver_features,
	.get_status = vdpasim_get_status,
	.set_status = vdpasim_set_status,
	.reset = vdpasim_reset,
	.compat_reset = vdpasim_compat_reset,
	.suspend = vdpasim_suspend,
	.resume = vdpasim_resume,
	.free = vdpasim_free,

	/* its configuration space */
	.get_config_size = vdpasim_get_config_size,
	.get_config = vdpasim_get_config,
	.set_config = vdpasim_set_config,
	.set_config_cb = vdpasim_set_config_cb,
	.get_generation = vdpasim_get_generation,

	/* its virtqueues */
	.get_vq_num_max = vdpasim_get_vq_num_max,
	.get_vq_size = vdpasim_get_vq_size,
	.get_vq_align = vdpasim_get_vq_align,
	.set_vq_num = vdpasim_set_vq_num,
	.set_vq_address = vdpasim_set_vq_address,
	.set_vq_state = vdpasim_set_vq_state,
	.get_vq_state = vdpasim_get_vq_state,
	.set_vq_ready = vdpasim_set_vq_ready,
	.get_vq_ready = vdpasim_get_vq_ready,
	.set_vq_cb = vdpasim_set_vq_cb,
	.kick_vq = vdpasim_kick_vq,
	.kick_vq_with_data = vdpasim_kick_vq_with_data,
	.set_vq_affinity = vdpasim_set_vq_affinity,
	.get_vq_affinity = vdpasim_get_vq_affinity,
	.get_vendor_vq_stats = vdpasim_get_vendor_vq_stats,

	/* its address spaces */
	.get_vq_group = vdpasim_get_vq_group,
	.set_group_asid = vdpasim_set_group_asid,
	.get_iova_range = vdpasim_get_iova_range,
	.dma_map = vdpasim_dma_map,
	.dma_unmap_range = vdpasim_dma_unmap,
	.dma_unmap = vdpasim_dma_unmap,
	.reset_map = vdpasim_reset_map,
};
