// SPDX-License-Identifier: GPL-2.0
/*
 * Virtqueues: their place and state, and the eventfds on both of their ends.
 */

#include <linux/file.h>
#include <linux/log2.h>
#include <linux/poll.h>
#include <linux/virtio_ring.h>

#include "vhost_vdpa.h"

/* --- calls: from the parent to the client --------------------------------- */

void vhost_vdpa_call_init(struct vhost_vdpa_call *call)
{
	spin_lock_init(&call->lock);
}

/* Finds the eventfd @fd, or NULL for VHOST_FILE_UNBIND */
int vhost_vdpa_call_get(int fd, struct eventfd_ctx **ctx)
{
	*ctx = fd == VHOST_FILE_UNBIND ? NULL : eventfd_ctx_fdget(fd);
	return PTR_ERR_OR_ZERO(*ctx);
}

/*
 * Puts another eventfd in the place of one, which is no longer raised on return
 * but by a parent that does so itself. The caller tells the parent next, and
 * puts the former one only then.
 */
struct eventfd_ctx *vhost_vdpa_call_swap(struct vhost_vdpa_call *call,
					 struct eventfd_ctx *ctx)
{
	unsigned long flags;

	spin_lock_irqsave(&call->lock, flags);
	swap(call->ctx, ctx);
	spin_unlock_irqrestore(&call->lock, flags);
	return ctx;
}

/* From the parent, in any context, at any time */
static irqreturn_t vhost_vdpa_call_raise(void *data)
{
	struct vhost_vdpa_call *call = data;
	unsigned long flags;

	spin_lock_irqsave(&call->lock, flags);
	if (call->ctx)
		eventfd_signal(call->ctx);
	spin_unlock_irqrestore(&call->lock, flags);
	return IRQ_HANDLED;
}

/* What to tell the parent of it; with vhost_vdpa.lock held */
struct vdpa_callback vhost_vdpa_callback(struct vhost_vdpa_call *call)
{
	struct vdpa_callback cb = {};

	if (call->ctx) {
		cb.callback = vhost_vdpa_call_raise;
		cb.private = call;
		cb.trigger = call->ctx;
	}
	return cb;
}

static void vq_set_cb(struct vhost_vdpa_vq *vq)
{
	struct vdpa_device *vdev = vq->v->vdev;
	struct vdpa_callback cb = vhost_vdpa_callback(&vq->call);

	vdev->config->set_vq_cb(vdev, vq->index, &cb);
}

static void bypass_off(struct vhost_vdpa_vq *vq)
{
	if (vq->bypass.token)
		irq_bypass_unregister_producer(&vq->bypass);
	vq->bypass.token = NULL;
}

/*
 * Where the parent tells the queue's interrupt, a hypervisor that has the call
 * eventfd as an irqfd may have it delivered to its guest without the host.
 */
static void bypass_on(struct vhost_vdpa_vq *vq)
{
	struct vdpa_device *vdev = vq->v->vdev;
	int irq;

	/* a device may have lost DRIVER_OK by itself, and with it its interrupt */
	bypass_off(vq);
	if (!vdev->config->get_vq_irq || !vq->call.ctx)
		return;
	irq = vdev->config->get_vq_irq(vdev, vq->index);
	if (irq < 0)
		return;
	vq->bypass.token = vq->call.ctx;
	vq->bypass.irq = irq;
	/* refused for an eventfd that two queues share: the slow way works */
	if (irq_bypass_register_producer(&vq->bypass))
		vq->bypass.token = NULL;
}

/* Of -1, the queue has no eventfd for this */
int vhost_vdpa_vq_set_call(struct vhost_vdpa_vq *vq, int fd)
{
	struct eventfd_ctx *ctx, *former;
	int err;

	lockdep_assert_held(&vq->v->lock);

	err = vhost_vdpa_call_get(fd, &ctx);
	if (err)
		return err;

	bypass_off(vq);
	former = vhost_vdpa_call_swap(&vq->call, ctx);
	vq_set_cb(vq);
	if (former)
		eventfd_ctx_put(former);
	if (vhost_vdpa_running(vq->v))
		bypass_on(vq);
	return 0;
}

int vhost_vdpa_vq_set_err(struct vhost_vdpa_vq *vq, int fd)
{
	struct eventfd_ctx *ctx;
	int err;

	lockdep_assert_held(&vq->v->lock);

	err = vhost_vdpa_call_get(fd, &ctx);
	if (err)
		return err;
	if (vq->err)
		eventfd_ctx_put(vq->err);
	vq->err = ctx;
	return 0;
}

/* --- kicks: from the client to the parent --------------------------------- */

static void vq_kick(struct vhost_vdpa_vq *vq)
{
	struct vdpa_device *vdev = vq->v->vdev;

	vdev->config->kick_vq(vdev, vq->index);
}

/* The client writes to the eventfd; with the lock of its wait queue */
static int kick_woken(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	if (key_to_poll(key) & EPOLLIN)
		vq_kick(container_of(wait, struct vhost_vdpa_vq, kick_wait));
	return 0;
}

struct kick_poll {
	poll_table table;
	struct vhost_vdpa_vq *vq;
};

static void kick_queue(struct file *file, wait_queue_head_t *head, poll_table *table)
{
	struct vhost_vdpa_vq *vq = container_of(table, struct kick_poll, table)->vq;

	vq->kick_head = head;
	add_wait_queue(head, &vq->kick_wait);
}

/* On return no kick is in progress, and none will come */
static void kick_off(struct vhost_vdpa_vq *vq)
{
	if (!vq->kick)
		return;
	remove_wait_queue(vq->kick_head, &vq->kick_wait);
	fput(vq->kick);
	vq->kick = NULL;
}

/* Nobody reads the eventfd, so that it tells of kicks that came too early */
static void kick_again(struct vhost_vdpa_vq *vq)
{
	if (vq->kick && vfs_poll(vq->kick, NULL) & EPOLLIN)
		vq_kick(vq);
}

int vhost_vdpa_vq_set_kick(struct vhost_vdpa_vq *vq, int fd)
{
	struct kick_poll poll = { .vq = vq };
	struct file *file = NULL;
	__poll_t events;

	lockdep_assert_held(&vq->v->lock);

	if (fd != VHOST_FILE_UNBIND) {
		file = eventfd_fget(fd);
		if (IS_ERR(file))
			return PTR_ERR(file);
	}
	kick_off(vq);
	if (!file)
		return 0;

	vq->kick = file;
	init_poll_funcptr(&poll.table, kick_queue);
	events = vfs_poll(file, &poll.table);
	if (events & EPOLLERR) {
		/* its counter is at its end and can't tell of kicks */
		kick_off(vq);
		return -EINVAL;
	}
	/* what was written before we began to wait is a kick, too */
	if (events & EPOLLIN)
		vq_kick(vq);
	return 0;
}

/* --- place and state ------------------------------------------------------- */

/* Where the device works is not to be changed under its feet */
static bool vq_is_frozen(struct vhost_vdpa_vq *vq)
{
	return vhost_vdpa_running(vq->v) && !vq->v->suspended;
}

static u32 vq_num_max(struct vhost_vdpa_vq *vq)
{
	struct vdpa_device *vdev = vq->v->vdev;
	const struct vdpa_config_ops *ops = vdev->config;

	return ops->get_vq_size ? ops->get_vq_size(vdev, vq->index) :
				  ops->get_vq_num_max(vdev);
}

int vhost_vdpa_vq_set_num(struct vhost_vdpa_vq *vq, unsigned int num)
{
	struct vdpa_device *vdev = vq->v->vdev;
	const struct vdpa_config_ops *ops = vdev->config;
	u32 min = ops->get_vq_num_min ? ops->get_vq_num_min(vdev) : 1;

	lockdep_assert_held(&vq->v->lock);

	if (!is_power_of_2(num) || num < min || num > vq_num_max(vq))
		return -EINVAL;
	if (vq_is_frozen(vq) && ops->get_vq_ready(vdev, vq->index))
		return -EBUSY;
	ops->set_vq_num(vdev, vq->index, num);
	return 0;
}

int vhost_vdpa_vq_set_addr(struct vhost_vdpa_vq *vq, const struct vhost_vring_addr *addr)
{
	struct vdpa_device *vdev = vq->v->vdev;

	lockdep_assert_held(&vq->v->lock);

	if (addr->flags & ~BIT(VHOST_VRING_F_LOG))
		return -EOPNOTSUPP;
	if (!IS_ALIGNED(addr->avail_user_addr, VRING_AVAIL_ALIGN_SIZE) ||
	    !IS_ALIGNED(addr->used_user_addr, VRING_USED_ALIGN_SIZE) ||
	    !IS_ALIGNED(addr->log_guest_addr, VRING_USED_ALIGN_SIZE))
		return -EINVAL;
	if (vq_is_frozen(vq))
		return -EINVAL;
	if (vdev->config->set_vq_address(vdev, vq->index, addr->desc_user_addr,
					 addr->avail_user_addr, addr->used_user_addr))
		return -EINVAL;
	return 0;
}

/*
 * A base is the next available index of a split ring. Of a packed one it is
 * the next available slot in the lower half and the next used one in the upper,
 * each with its wrap counter on top.
 */
#define BASE_SLOT	GENMASK(14, 0)
#define BASE_WRAP	BIT(15)

static bool vq_is_packed(const struct vhost_vdpa_vq *vq)
{
	return vq->v->features & BIT_ULL(VIRTIO_F_RING_PACKED);
}

int vhost_vdpa_vq_set_base(struct vhost_vdpa_vq *vq, unsigned int base)
{
	struct vdpa_device *vdev = vq->v->vdev;
	struct vdpa_vq_state state = {};
	u32 used = base >> 16;

	lockdep_assert_held(&vq->v->lock);

	if (vq_is_frozen(vq))
		return -EINVAL;
	if (vq_is_packed(vq)) {
		/* DPDK names one half of a ring at its beginning, and means both */
		if (base == BASE_WRAP)
			used = BASE_WRAP;
		state.packed.last_avail_idx = base & BASE_SLOT;
		state.packed.last_avail_counter = !!(base & BASE_WRAP);
		state.packed.last_used_idx = used & BASE_SLOT;
		state.packed.last_used_counter = !!(used & BASE_WRAP);
	} else {
		if (base > U16_MAX)
			return -EINVAL;
		state.split.avail_index = base;
	}
	return vdev->config->set_vq_state(vdev, vq->index, &state);
}

int vhost_vdpa_vq_get_base(struct vhost_vdpa_vq *vq, unsigned int *base)
{
	struct vdpa_device *vdev = vq->v->vdev;
	struct vdpa_vq_state state = {};
	int err;

	lockdep_assert_held(&vq->v->lock);

	err = vdev->config->get_vq_state(vdev, vq->index, &state);
	if (err)
		return err;
	if (vq_is_packed(vq)) {
		u32 avail = state.packed.last_avail_idx, used = state.packed.last_used_idx;

		if (state.packed.last_avail_counter)
			avail |= BASE_WRAP;
		if (state.packed.last_used_counter)
			used |= BASE_WRAP;
		*base = used << 16 | avail;
	} else {
		*base = state.split.avail_index;
	}
	return 0;
}

int vhost_vdpa_vq_enable(struct vhost_vdpa_vq *vq, bool enable)
{
	struct vdpa_device *vdev = vq->v->vdev;

	lockdep_assert_held(&vq->v->lock);

	vdev->config->set_vq_ready(vdev, vq->index, enable);
	if (enable)
		kick_again(vq);
	return 0;
}

/* --- from session to session ----------------------------------------------- */

void vhost_vdpa_vq_init(struct vhost_vdpa *v, u16 index)
{
	struct vhost_vdpa_vq *vq = &v->vqs[index];

	vq->v = v;
	vq->index = index;
	vhost_vdpa_call_init(&vq->call);
	init_waitqueue_func_entry(&vq->kick_wait, kick_woken);
}

/* DRIVER_OK was set */
void vhost_vdpa_vq_started(struct vhost_vdpa_vq *vq)
{
	bypass_on(vq);
	kick_again(vq);
}

/* DRIVER_OK is about to go */
void vhost_vdpa_vq_stopping(struct vhost_vdpa_vq *vq)
{
	bypass_off(vq);
}

/* The device was reset and has forgotten whom to call */
void vhost_vdpa_vq_restore(struct vhost_vdpa_vq *vq)
{
	if (vq->call.ctx)
		vq_set_cb(vq);
}

/* Neither calls nor kicks any more. The device may still hold the eventfd. */
void vhost_vdpa_vq_detach(struct vhost_vdpa_vq *vq)
{
	kick_off(vq);
	bypass_off(vq);
}

/* After that and a reset */
void vhost_vdpa_vq_release(struct vhost_vdpa_vq *vq)
{
	struct eventfd_ctx *call = vhost_vdpa_call_swap(&vq->call, NULL);

	if (call) {
		vq_set_cb(vq);
		eventfd_ctx_put(call);
	}
	if (vq->err)
		eventfd_ctx_put(vq->err);
	vq->err = NULL;
	vq->busyloop = 0;
}
