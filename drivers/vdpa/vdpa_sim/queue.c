// SPDX-License-Identifier: GPL-2.0
/*
 * Life of a simulated virtqueue, and what it tells the driver.
 */

#include <linux/eventfd.h>
#include <linux/export.h>

#include "vdpa_sim.h"

static void vdpasim_call(const struct vdpa_callback *cb)
{
	if (cb->trigger) {
		eventfd_signal(cb->trigger);
	} else if (cb->callback) {
		/* drivers raise softirqs in it, which then run at the enabling */
		local_bh_disable();
		cb->callback(cb->private);
		local_bh_enable();
	}
}

/**
 * vdpasim_config_changed - tell the driver that the configuration changed
 * @sim: the device
 *
 * Context: may sleep; takes config_cb_lock.
 */
void vdpasim_config_changed(struct vdpasim *sim)
{
	mutex_lock(&sim->config_cb_lock);
	WRITE_ONCE(sim->generation, sim->generation + 1);
	vdpasim_call(&sim->config_cb);
	mutex_unlock(&sim->config_cb_lock);
}
EXPORT_SYMBOL_GPL(vdpasim_config_changed);

static void vdpasim_needs_reset(struct vdpasim *sim)
{
	/* only the first ring that breaks is news */
	if (cmpxchg(&sim->needs_reset, false, true))
		return;
	dev_dbg(&sim->vdpa.dev, "driver broke the rules, needs reset\n");
	if (READ_ONCE(sim->status) & VIRTIO_CONFIG_S_DRIVER_OK)
		vdpasim_config_changed(sim);
}

/**
 * vdpasim_vq_check - see whether the driver broke the ring
 * @vq: the queue, with its lock held
 *
 * If so, the device needs a reset, and its driver is told.
 */
void vdpasim_vq_check(struct vdpasim_vq *vq)
{
	/* one that was stopped says so until it is started anew, perhaps by another driver */
	if (unlikely(vdpa_vring_broken(&vq->vring)) && vq->vring.running)
		vdpasim_needs_reset(vq->sim);
}
EXPORT_SYMBOL_GPL(vdpasim_vq_check);

/**
 * vdpasim_vq_flush - publish completed chains and notify as the driver wants
 * @vq: the queue, with its lock held
 */
void vdpasim_vq_flush(struct vdpasim_vq *vq)
{
	if (vdpa_vring_flush(&vq->vring))
		vdpasim_call(&vq->cb);
}
EXPORT_SYMBOL_GPL(vdpasim_vq_flush);

/**
 * vdpasim_vq_notify - tell the driver of used buffers, whatever it wishes
 * @vq: the queue, with its lock held
 */
void vdpasim_vq_notify(struct vdpasim_vq *vq)
{
	vdpasim_call(&vq->cb);
}
EXPORT_SYMBOL_GPL(vdpasim_vq_notify);

/* The group of a queue, by the features as they are now */
u32 vdpasim_vq_group(const struct vdpasim_vq *vq)
{
	const struct vdpasim_class *class = vq->sim->class;

	return class->group ? class->group(vq->sim, vq->index) : 0;
}

/* Where a stopped queue will go on: in a packed ring, all wrap counters begin at 1 (2.8.1) */
struct vdpa_vq_state vdpasim_vq_state(const struct vdpasim_vq *vq)
{
	struct vdpa_vq_state state = vq->state;

	if (!vq->has_state && vq->sim->features & BIT_ULL(VIRTIO_F_RING_PACKED)) {
		state.packed.last_avail_counter = 1;
		state.packed.last_used_counter = 1;
	}
	return state;
}

static int vdpasim_vq_start_ring(struct vdpasim_vq *vq)
{
	struct vdpasim *sim = vq->sim;
	unsigned int asid = sim->group_space[vdpasim_vq_group(vq)];
	struct vdpa_vring_config cfg = {
		.ring_as = &sim->spaces[asid],
		.data_as = &sim->spaces[asid],
		.desc_addr = vq->desc_addr,
		.driver_addr = vq->driver_addr,
		.device_addr = vq->device_addr,
		.features = sim->features,
		.num = vq->num,
		.state = vdpasim_vq_state(vq),
	};
	int err;

	if (vq->num > VDPASIM_QUEUE_MAX)
		return -EINVAL;
	/* what a queue is for may depend on features; and it is kicked below */
	WRITE_ONCE(vq->passive, sim->class->passive && sim->class->passive(sim, vq->index));
	err = vdpasim_worker_start(vq);
	if (err)
		return err;
	err = vdpa_vring_start(&vq->vring, &cfg);
	if (err)
		return err;
	if (vq->passive)
		vdpa_vring_want_kick(&vq->vring, false);
	return 0;
}

/* Starts the ring when all that it takes is there. With the queue's lock. */
void vdpasim_vq_start(struct vdpasim_vq *vq)
{
	struct vdpasim *sim = vq->sim;
	int err;

	lockdep_assert_held(&vq->lock);

	if (!vq->ready || !READ_ONCE(sim->running))
		return;
	err = vq->vring.running ? 0 : vdpasim_vq_start_ring(vq);
	if (err) {
		dev_dbg(&sim->vdpa.dev, "queue %u can't start: %d\n", vq->index,
			err);
		vq->start_errors++;
		vq->ready = false;
		vdpasim_needs_reset(sim);
		return;
	}
	vdpasim_vq_kick(vq);
}

/* Stops the ring and keeps its state. With the queue's lock. */
void vdpasim_vq_stop(struct vdpasim_vq *vq)
{
	lockdep_assert_held(&vq->lock);

	if (!vq->vring.running)
		return;
	vdpa_vring_get_state(&vq->vring, &vq->state);
	vq->has_state = true;
	vdpa_vring_stop(&vq->vring);
}

void vdpasim_vq_reset(struct vdpasim_vq *vq)
{
	vdpasim_worker_stop(vq);
	mutex_lock(&vq->lock);
	vdpasim_vq_stop(vq);
	vq->ready = false;
	vq->num = VDPASIM_QUEUE_MAX;
	vq->desc_addr = 0;
	vq->driver_addr = 0;
	vq->device_addr = 0;
	memset(&vq->state, 0, sizeof(vq->state));
	vq->has_state = false;
	memset(&vq->cb, 0, sizeof(vq->cb));
	cpumask_copy(&vq->affinity, cpu_possible_mask);
	mutex_unlock(&vq->lock);
}

void vdpasim_vq_init(struct vdpasim_vq *vq, struct vdpasim *sim, u16 index)
{
	vq->sim = sim;
	vq->index = index;
	vq->num = VDPASIM_QUEUE_MAX;
	cpumask_copy(&vq->affinity, cpu_possible_mask);
	mutex_init(&vq->lock);
	rcuwait_init(&vq->wait);
}

void vdpasim_vq_destroy(struct vdpasim_vq *vq)
{
	vdpasim_vq_reset(vq);
	mutex_destroy(&vq->lock);
}

/* Waits until no queue is in the middle of a batch */
void vdpasim_quiesce(struct vdpasim *sim)
{
	unsigned int i;

	for (i = 0; i < sim->nvqs; i++) {
		mutex_lock(&sim->vqs[i].lock);
		mutex_unlock(&sim->vqs[i].lock);
	}
}
