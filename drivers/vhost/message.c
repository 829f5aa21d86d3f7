// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that the client writes: what is mapped where.
 */

#include <linux/sched/signal.h>
#include <linux/uio.h>

#include "vhost_vdpa.h"

/* How often memory may vanish between being brought in and being pinned */
#define POPULATE_TRIES	8
/* Messages taken at once */
#define MESSAGES	8UL

/* Both versions of the message differ in one field */
static_assert(offsetof(struct vhost_msg, iotlb) == offsetof(struct vhost_msg_v2, iotlb));
static_assert(sizeof(struct vhost_msg) == sizeof(struct vhost_msg_v2));

/*
 * Reads a message, and whole ones that follow it, as many as there is room for.
 * Of one alone, a client need not write the padding at its end. Returns how many
 * messages these are, with the bytes of each one in @len.
 */
static int read_messages(struct iov_iter *from, struct vhost_msg_v2 *msgs, size_t *len)
{
	size_t size = iov_iter_count(from);
	int n = 1;
	bool copied;

	if (size < offsetofend(struct vhost_msg_v2, iotlb))
		return -EINVAL;
	*len = min(size, sizeof(*msgs));
	if (size >= 2 * sizeof(*msgs)) {
		n = min(size / sizeof(*msgs), MESSAGES);
		copied = copy_from_iter_full(msgs, n * sizeof(*msgs), from);
	} else if (size >= sizeof(*msgs)) {
		/* a constant size needs no check of its own */
		copied = copy_from_iter_full(msgs, sizeof(*msgs), from);
	} else {
		copied = copy_from_iter_full(msgs, size, from);
	}
	return copied ? n : -EFAULT;
}

static int apply(struct vhost_vdpa *v, const struct vhost_msg_v2 *msg, u64 *present)
{
	const struct vhost_iotlb_msg *m = &msg->iotlb;
	u32 asid = 0;

	/* a client that knows nothing of address spaces leaves garbage there */
	if (msg->type == VHOST_IOTLB_MSG_V2 &&
	    vhost_vdpa_acked(v, VHOST_BACKEND_F_IOTLB_ASID))
		asid = msg->asid;
	else if (msg->type != VHOST_IOTLB_MSG && msg->type != VHOST_IOTLB_MSG_V2)
		return -EINVAL;

	switch (m->type) {
	case VHOST_IOTLB_UPDATE:
		return vhost_vdpa_as_update(v->as, asid, m->iova, m->size, m->uaddr,
					    m->perm, present);
	case VHOST_IOTLB_INVALIDATE:
		return vhost_vdpa_as_invalidate(v->as, asid, m->iova, m->size);
	case VHOST_IOTLB_BATCH_BEGIN:
		return vhost_vdpa_as_batch_begin(v->as, asid);
	case VHOST_IOTLB_BATCH_END:
		return vhost_vdpa_as_batch_end(v->as, asid);
	default:
		return -EINVAL;
	}
}

/* Returns how many of the messages were applied, if not all with the reason in @err */
static int apply_locked(struct vhost_vdpa *v, const struct vhost_msg_v2 *msgs, int n,
			int *err, u64 *present)
{
	int i = 0;

	*err = vhost_vdpa_enter(v);
	if (*err)
		return 0;
	*err = vhost_vdpa_check_owner(v);
	while (!*err && i < n) {
		*err = apply(v, &msgs[i], present);
		i += !*err;
	}
	vhost_vdpa_exit(v);
	return i;
}

/* The same, and brings memory that is missing */
static int apply_messages(struct vhost_vdpa *v, const struct vhost_msg_v2 *msgs, int n,
			  int *err)
{
	u64 present, before = 0;
	unsigned int tries = 0;
	int done = 0;

	for (;;) {
		const struct vhost_iotlb_msg *m;
		int applied = apply_locked(v, msgs + done, n - done, err, &present);

		done += applied;
		if (*err != VHOST_VDPA_ABSENT)
			return done;

		m = &msgs[done].iotlb;
		tries = applied || present > before ? 0 : tries + 1;
		before = present;
		/* it doesn't stay until it is pinned: there is too much of it */
		*err = -ENOMEM;
		if (tries > POPULATE_TRIES)
			return done;
		*err = vhost_vdpa_as_populate(m->iova, m->size, m->uaddr, m->perm,
					      present, &v->gone);
		if (*err)
			return done;
	}
}

/*
 * One message, and as many whole ones as follow it. The kernel's own driver takes
 * one and returns its size: a client that writes on from where a call ended gets
 * along with both.
 */
ssize_t vhost_vdpa_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct vhost_vdpa *v = iocb->ki_filp->private_data;
	struct vhost_msg_v2 msgs[MESSAGES] __uninitialized;
	ssize_t done = 0;
	size_t len;
	int n, err;

	if (READ_ONCE(v->gone))
		return -ENODEV;
	do {
		n = read_messages(from, msgs, &len);
		if (n < 0)
			return done ?: n;
		done += len * apply_messages(v, msgs, n, &err);
	} while (!err && iov_iter_count(from) >= sizeof(*msgs) && !signal_pending(current));
	return done ?: err;
}
