// SPDX-License-Identifier: GPL-2.0
/*
 * Life of a simulated virtqueue, and the work that handles it.
 */

#include <linux/eventfd.h>
#include <linux/export.h>

#include "vdpa_sim.h"

/* For queues with an affinity, and for those without */
static struct workqueue_struct *vdpasim_bound_wq;
static struct workqueue_struct *vdpasim_unbound_wq;

int vdpasim_queue_init(void)
{
	vdpasim_bound_wq = alloc_workqueue("vdpa_sim_bound", WQ_CPU_INTENSIVE, 0);
	if (!vdpasim_bound_wq)
		return -ENOMEM;
	vdpasim_unbound_wq = alloc_workqueue("vdpa_sim", WQ_UNBOUND, 0);
	if (!vdpasim_unbound_wq) {
		destroy_workqueue(vdpasim_bound_wq);
		return -ENOMEM;
	}
	return 0;
}

void vdpasim_queue_exit(void)
{
	destroy_workqueue(vdpasim_unbound_wq);
	destroy_workqueue(vdpasim_bound_wq);
}

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
	if (unlikely(vdpa_vring_broken(&vq->vring)))
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

static bool vdpasim_vq_can_run(struct vdpasim_vq *vq)
{
	return vq->vring.running && !vdpa_vring_broken(&vq->vring) &&
	       READ_ONCE(vq->sim->running);
}

/* One turn: some batches, then others get the CPU */
static bool vdpasim_vq_turn(struct vdpasim_vq *vq)
{
	unsigned int i;

	lockdep_assert_held(&vq->lock);

	vdpa_vring_want_kick(&vq->vring, false);
	for (i = 0; i < VDPASIM_BUDGET; i++) {
		if (!vq->sim->class->process(vq))
			break;
	}
	vdpasim_vq_check(vq);
	return i == VDPASIM_BUDGET || vdpa_vring_want_kick(&vq->vring, true);
}

static void vdpasim_vq_work(struct work_struct *work)
{
	struct vdpasim_vq *vq = container_of(work, struct vdpasim_vq, work);
	bool again;

	mutex_lock(&vq->lock);
	again = vdpasim_vq_can_run(vq) && vdpasim_vq_turn(vq);
	mutex_unlock(&vq->lock);
	if (again)
		vdpasim_vq_kick(vq);
}

/**
 * vdpasim_vq_kick - have a queue looked at
 * @vq: the queue
 *
 * A kick that comes too early is not lost: vdpasim_vq_start() kicks as well.
 *
 * Context: any.
 */
void vdpasim_vq_kick(struct vdpasim_vq *vq)
{
	int cpu = READ_ONCE(vq->cpu);

	if (vq->passive)
		return;
	if (cpu == WORK_CPU_UNBOUND)
		queue_work(vdpasim_unbound_wq, &vq->work);
	else
		queue_work_on(cpu, vdpasim_bound_wq, &vq->work);
}

/* Starts the ring when all that it takes is there. With the queue's lock. */
void vdpasim_vq_start(struct vdpasim_vq *vq)
{
	struct vdpasim *sim = vq->sim;
	struct vdpa_vring_config cfg = {
		.ring_as = &sim->spaces[vq->asid],
		.data_as = &sim->spaces[vq->asid],
		.desc_addr = vq->desc_addr,
		.driver_addr = vq->driver_addr,
		.device_addr = vq->device_addr,
		.features = sim->features,
		.num = vq->num,
		.state = vq->state,
	};
	int err;

	lockdep_assert_held(&vq->lock);

	if (!vq->ready || !READ_ONCE(sim->running))
		return;
	if (!vq->vring.running) {
		err = vq->num > VDPASIM_QUEUE_MAX ? -EINVAL :
		      vdpa_vring_start(&vq->vring, &cfg);
		if (err) {
			dev_dbg(&sim->vdpa.dev, "queue %u can't start: %d\n",
				vq->index, err);
			vq->start_errors++;
			vq->ready = false;
			vdpasim_needs_reset(sim);
			return;
		}
		if (vq->passive)
			vdpa_vring_want_kick(&vq->vring, false);
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
	vdpa_vring_stop(&vq->vring);
}

void vdpasim_vq_reset(struct vdpasim_vq *vq)
{
	mutex_lock(&vq->lock);
	vdpasim_vq_stop(vq);
	vq->ready = false;
	vq->num = VDPASIM_QUEUE_MAX;
	vq->desc_addr = 0;
	vq->driver_addr = 0;
	vq->device_addr = 0;
	vq->asid = 0;
	memset(&vq->state, 0, sizeof(vq->state));
	memset(&vq->cb, 0, sizeof(vq->cb));
	mutex_unlock(&vq->lock);
}

void vdpasim_vq_init(struct vdpasim_vq *vq, struct vdpasim *sim, u16 index)
{
	vq->sim = sim;
	vq->index = index;
	vq->passive = sim->class->passive && sim->class->passive(sim, index);
	vq->num = VDPASIM_QUEUE_MAX;
	vq->cpu = WORK_CPU_UNBOUND;
	cpumask_copy(&vq->affinity, cpu_possible_mask);
	mutex_init(&vq->lock);
	INIT_WORK(&vq->work, vdpasim_vq_work);
}

void vdpasim_vq_destroy(struct vdpasim_vq *vq)
{
	vdpasim_vq_reset(vq);
	cancel_work_sync(&vq->work);
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
