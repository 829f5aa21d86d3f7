// SPDX-License-Identifier: GPL-2.0
/*
 * The worker of a simulated virtqueue: a thread that handles the ring, and that
 * looks for more for a while before it sleeps.
 *
 * From the first look until it sleeps the driver is asked not to kick: what it
 * adds is found without. To sleep, the worker asks for kicks, and only then has
 * its last look at the ring (vdpa_vring_want_kick()); what comes after that look
 * is kicked for. A kick sets @kicked before it looks whether the worker sleeps,
 * and the worker says that it does before it looks at @kicked.
 */

#include <linux/export.h>
#include <linux/kcov.h>
#include <linux/kthread.h>
#include <linux/moduleparam.h>
#include <linux/sched/clock.h>
#include <linux/sched/stat.h>

#include "vdpa_sim.h"

/* The shortest time for which looking around is worth the trouble */
#define VDPASIM_POLL_MIN	(4 * NSEC_PER_USEC)
/* For how long nobody looks around on a CPU that others keep busy */
#define VDPASIM_POLL_PAUSE	(10 * NSEC_PER_MSEC)

static unsigned int poll_us = 50;
module_param(poll_us, uint, 0644);
MODULE_PARM_DESC(poll_us, "Longest time in microseconds that a queue's worker looks for more work before it sleeps; 0: never [50]");

static u64 vdpasim_poll_max(void)
{
	return (u64)READ_ONCE(poll_us) * NSEC_PER_USEC;
}

static bool vdpasim_vq_can_run(struct vdpasim_vq *vq)
{
	return vq->vring.running && !vdpa_vring_broken(&vq->vring) &&
	       READ_ONCE(vq->sim->running);
}

/*
 * Some batches, then whoever waits for the lock or the CPU gets it. The driver
 * need not kick from here on until the worker goes to sleep. Says whether there
 * was anything to do.
 */
static bool vdpasim_worker_turn(struct vdpasim_vq *vq)
{
	u64 before;
	unsigned int i;

	guard(mutex)(&vq->lock);
	if (!vdpasim_vq_can_run(vq))
		return false;

	before = vq->vring.stats.chains;
	vdpa_vring_want_kick(&vq->vring, false);
	for (i = 0; i < VDPASIM_BUDGET; i++) {
		if (!vq->sim->class->process(vq) || !vdpasim_vq_can_run(vq))
			break;
	}
	vdpasim_vq_check(vq);
	return vq->vring.stats.chains != before;
}

/* Lets others run. False when they ran for so long that the CPU must be loaded. */
static bool vdpasim_worker_relax(u64 *now)
{
	u64 before = *now;

	/*
	 * There is no event to wait for, or there would be no poll; and the
	 * driver, which has no need to kick and so wakes nobody up, may be what
	 * waits for this CPU.
	 */
	if (single_task_running()) {
		cpu_relax();
		cond_resched();
	} else {
		yield();
	}
	*now = local_clock();
	return *now - before <= vdpasim_poll_max();
}

/* Looks again and again, as long as that paid off lately and harms nobody */
static bool vdpasim_worker_poll(struct vdpasim_vq *vq)
{
	u64 start = local_clock(), now = start;
	bool found;

	if (!vq->poll_ns || now < vq->poll_after)
		return false;
	do {
		if (!vdpasim_worker_relax(&now))
			vq->poll_after = now + VDPASIM_POLL_PAUSE;
		found = vdpasim_worker_turn(vq);
	} while (!found && now - start < vq->poll_ns && !kthread_should_stop());
	vq->polled += found;
	return found;
}

/* Asks for kicks. False when there is work that nobody will kick for. */
static bool vdpasim_worker_may_sleep(struct vdpasim_vq *vq)
{
	guard(mutex)(&vq->lock);
	/* a kick that is forgotten here was for something that is seen below */
	xchg(&vq->kicked, false);
	return !vdpasim_vq_can_run(vq) || !vdpa_vring_want_kick(&vq->vring, true);
}

/*
 * A kick that comes soon would have been found by looking longer; one that
 * comes late was not worth any look.
 */
static void vdpasim_worker_adapt(struct vdpasim_vq *vq, u64 idle)
{
	u64 max = vdpasim_poll_max();

	if (idle > max)
		vq->poll_ns = 0;
	else
		vq->poll_ns = clamp(vq->poll_ns * 2, VDPASIM_POLL_MIN, max);
}

static void vdpasim_worker_sleep(struct vdpasim_vq *vq)
{
	u64 start = local_clock();

	if (!vdpasim_worker_may_sleep(vq))
		return;
	vq->sleeps++;
	rcuwait_wait_event(&vq->wait, READ_ONCE(vq->kicked) || kthread_should_stop(),
			   TASK_IDLE);
	vdpasim_worker_adapt(vq, local_clock() - start);
}

static int vdpasim_worker(void *data)
{
	struct vdpasim_vq *vq = data;

	while (!kthread_should_stop()) {
		kcov_remote_start_common(vq->kcov_handle);
		vdpasim_worker_turn(vq);
		while (!kthread_should_stop() && vdpasim_worker_poll(vq))
			;
		kcov_remote_stop();
		/* without polling, this is where others get the CPU */
		cond_resched();
		vdpasim_worker_sleep(vq);
	}
	return 0;
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
	if (READ_ONCE(vq->passive))
		return;
	/* pairs with the xchg(): who forgets this kick sees what it was for */
	smp_store_release(&vq->kicked, true);
	/* begins with a barrier, and is no more than that when nobody sleeps */
	rcuwait_wake_up(&vq->wait);
}

/* Gives the queue a worker, if it has none. With its lock. */
int vdpasim_worker_start(struct vdpasim_vq *vq)
{
	struct task_struct *task;

	lockdep_assert_held(&vq->lock);

	if (vq->passive || vq->worker)
		return 0;
	task = kthread_create(vdpasim_worker, vq, "vdpa-%s/%u",
			      dev_name(&vq->sim->vdpa.dev), vq->index);
	if (IS_ERR(task))
		return PTR_ERR(task);
	if (!cpumask_equal(&vq->affinity, cpu_possible_mask))
		set_cpus_allowed_ptr(task, &vq->affinity);
	vq->poll_ns = 0;
	vq->kcov_handle = kcov_common_handle();
	vq->worker = task;
	wake_up_process(task);
	return 0;
}

/* Ends a worker; without the queue's lock, which it may be waiting for */
void vdpasim_worker_stop(struct vdpasim_vq *vq)
{
	struct task_struct *task;

	mutex_lock(&vq->lock);
	task = vq->worker;
	vq->worker = NULL;
	mutex_unlock(&vq->lock);
	if (task)
		kthread_stop(task);
}
