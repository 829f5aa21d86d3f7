/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VHOST_VDPA_H
#define _VHOST_VDPA_H

/*
 * What the files of the char device share. The address spaces (as*.c) are a
 * subject of their own, seen through vdpa_as.h.
 */

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/eventfd.h>
#include <linux/irqbypass.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/vdpa.h>
#include <linux/wait.h>
#include <uapi/linux/vhost.h>

#include "vdpa_as.h"

struct vhost_vdpa;

/**
 * struct vhost_vdpa_call - an eventfd that the parent raises
 * @lock: protects @ctx against vhost_vdpa_call_raise(), which comes in any
 *	context
 * @ctx: the eventfd, NULL for none
 */
struct vhost_vdpa_call {
	spinlock_t lock; /* protects ctx */
	struct eventfd_ctx *ctx;
};

/**
 * struct vhost_vdpa_vq - a virtqueue, as far as the client's file knows of it
 * @v: its device
 * @index: its number
 * @call: raised when buffers were used
 * @bypass: offers the queue's interrupt to a hypervisor that waits for @call;
 *	registered while it has a token
 * @kick: eventfd by which the client makes buffers available; NULL for none
 * @kick_wait: place among those who wait for @kick
 * @kick_head: where @kick_wait stands
 * @err: eventfd for errors. No parent reports any.
 * @busyloop: what was set last. A device doesn't poll on the host's CPU.
 *
 * All but the inside of @call is protected by &vhost_vdpa.lock.
 */
struct vhost_vdpa_vq {
	struct vhost_vdpa *v;
	u16 index;
	struct vhost_vdpa_call call;
	struct irq_bypass_producer bypass;
	struct file *kick;
	wait_queue_entry_t kick_wait;
	wait_queue_head_t *kick_head;
	struct eventfd_ctx *err;
	unsigned int busyloop;
};

/**
 * struct vhost_vdpa - a char device
 * @dev: its place in the device model, below the vDPA device
 * @cdev: its file operations. Each open file holds it, and thereby @dev.
 * @hangup: who polls, woken on unplug
 * @lock: serialises the parent's operations and protects all that follows, but
 *	where it says otherwise. Not taken with the mmap lock held, for it is
 *	held while user memory is pinned.
 * @doorbell_lock: serialises page faults on doorbells with unplug; inside @lock
 * @as_lock: protects the pointer @as where @lock can't be waited for; inside
 *	@lock
 * @leaving: about to be unplugged: a session that begins now maps nothing. Protected
 *	by @as_lock.
 * @gone: unplugged: the vDPA device must not be touched any more. Changes with
 *	@lock and @doorbell_lock held, can be read with either.
 * @vdev: the vDPA device
 * @config_size: size of its configuration space
 * @id: minor number
 * @open: the one client is here, and then there is the following, too
 * @suspended: the device was suspended, and not resumed or reset since
 * @mapping: of the node that the client opened, for unmapping doorbells
 * @owner: memory of the process that became the owner; NULL for none
 * @features: what the device accepted last, to know the layout of its rings
 * @backend_features: VHOST_BACKEND_F_xx that the client has acknowledged
 * @as: the address spaces; written with @as_lock held, too
 * @config_call: raised when the configuration has changed
 * @nvqs: number of virtqueues
 * @vqs: virtqueues
 */
struct vhost_vdpa {
	struct device dev;
	struct cdev cdev;
	wait_queue_head_t hangup;
	struct mutex lock; /* see above */
	struct mutex doorbell_lock; /* page faults against unplug */
	spinlock_t as_lock; /* the pointer as */
	bool leaving;
	bool gone;
	struct vdpa_device *vdev;
	u32 config_size;
	int id;
	bool open;
	bool suspended;
	struct address_space *mapping;
	struct mm_struct *owner;
	u64 features;
	u64 backend_features;
	struct vhost_vdpa_as_set *as;
	struct vhost_vdpa_call config_call;
	u32 nvqs;
	struct vhost_vdpa_vq vqs[] __counted_by(nvqs);
};

static inline bool vhost_vdpa_acked(const struct vhost_vdpa *v, unsigned int bit)
{
	return v->backend_features & BIT_ULL(bit);
}

static inline bool vhost_vdpa_running(struct vhost_vdpa *v)
{
	return v->vdev->config->get_status(v->vdev) & VIRTIO_CONFIG_S_DRIVER_OK;
}

/* chrdev.c */
int vhost_vdpa_enter(struct vhost_vdpa *v);
void vhost_vdpa_exit(struct vhost_vdpa *v);

/* session.c */
int vhost_vdpa_session_begin(struct vhost_vdpa *v);
void vhost_vdpa_session_end(struct vhost_vdpa *v);
void vhost_vdpa_session_stop(struct vhost_vdpa *v);
int vhost_vdpa_reset(struct vhost_vdpa *v);
int vhost_vdpa_set_owner(struct vhost_vdpa *v);
int vhost_vdpa_check_owner(struct vhost_vdpa *v);

/* vring.c */
void vhost_vdpa_call_init(struct vhost_vdpa_call *call);
int vhost_vdpa_call_get(int fd, struct eventfd_ctx **ctx);
struct eventfd_ctx *vhost_vdpa_call_swap(struct vhost_vdpa_call *call,
					 struct eventfd_ctx *ctx);
struct vdpa_callback vhost_vdpa_callback(struct vhost_vdpa_call *call);

void vhost_vdpa_vq_init(struct vhost_vdpa *v, u16 index);
void vhost_vdpa_vq_started(struct vhost_vdpa_vq *vq);
void vhost_vdpa_vq_stopping(struct vhost_vdpa_vq *vq);
void vhost_vdpa_vq_restore(struct vhost_vdpa_vq *vq);
void vhost_vdpa_vq_detach(struct vhost_vdpa_vq *vq);
void vhost_vdpa_vq_release(struct vhost_vdpa_vq *vq);

int vhost_vdpa_vq_set_num(struct vhost_vdpa_vq *vq, unsigned int num);
int vhost_vdpa_vq_set_addr(struct vhost_vdpa_vq *vq, const struct vhost_vring_addr *addr);
int vhost_vdpa_vq_set_base(struct vhost_vdpa_vq *vq, unsigned int base);
int vhost_vdpa_vq_get_base(struct vhost_vdpa_vq *vq, unsigned int *base);
int vhost_vdpa_vq_set_kick(struct vhost_vdpa_vq *vq, int fd);
int vhost_vdpa_vq_set_call(struct vhost_vdpa_vq *vq, int fd);
int vhost_vdpa_vq_set_err(struct vhost_vdpa_vq *vq, int fd);
int vhost_vdpa_vq_enable(struct vhost_vdpa_vq *vq, bool enable);

/* ioctl.c */
long vhost_vdpa_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

/* message.c */
ssize_t vhost_vdpa_write_iter(struct kiocb *iocb, struct iov_iter *from);

/* doorbell.c */
int vhost_vdpa_mmap(struct file *file, struct vm_area_struct *vma);
void vhost_vdpa_doorbells_off(struct vhost_vdpa *v);

#endif /* _VHOST_VDPA_H */
