// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that the client writes: what is mapped where.
 */

#include <linux/uio.h>

#include "vhost_vdpa.h"

/* How often memory may vanish between being brought in and being pinned */
#define POPULATE_TRIES	8

/* Both versions of the message differ in one field */
static_assert(offsetof(struct vhost_msg, iotlb) == offsetof(struct vhost_msg_v2, iotlb));
static_assert(sizeof(struct vhost_msg) == sizeof(struct vhost_msg_v2));

/* A client need not write the padding at the end */
static int read_message(struct iov_iter *from, struct vhost_msg_v2 *msg)
{
	size_t len = min(iov_iter_count(from), sizeof(*msg));

	if (len < offsetofend(struct vhost_msg_v2, iotlb))
		return -EINVAL;
	if (!copy_from_iter_full(msg, len, from))
		return -EFAULT;
	if (msg->type == VHOST_IOTLB_MSG)
		msg->asid = 0;
	else if (msg->type != VHOST_IOTLB_MSG_V2)
		return -EINVAL;
	return len;
}

static int apply(struct vhost_vdpa *v, u32 asid, const struct vhost_iotlb_msg *m)
{
	switch (m->type) {
	case VHOST_IOTLB_UPDATE:
		return vhost_vdpa_as_update(v->as, asid, m->iova, m->size, m->uaddr,
					    m->perm);
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

static int apply_locked(struct vhost_vdpa *v, const struct vhost_msg_v2 *msg)
{
	bool knows;
	int err;

	err = vhost_vdpa_enter(v);
	if (err)
		return err;
	err = vhost_vdpa_check_owner(v);
	if (!err) {
		/* a client that knows nothing of address spaces leaves garbage there */
		knows = vhost_vdpa_acked(v, VHOST_BACKEND_F_IOTLB_ASID);
		err = apply(v, knows ? msg->asid : 0, &msg->iotlb);
	}
	vhost_vdpa_exit(v);
	return err;
}

/* One message a call */
ssize_t vhost_vdpa_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct vhost_vdpa *v = iocb->ki_filp->private_data;
	const struct vhost_iotlb_msg *m;
	unsigned int tries = 0;
	struct vhost_msg_v2 msg;
	int len, err;

	if (READ_ONCE(v->gone))
		return -ENODEV;
	len = read_message(from, &msg);
	if (len < 0)
		return len;

	m = &msg.iotlb;
	while ((err = apply_locked(v, &msg)) == -EAGAIN) {
		/* it doesn't stay until it is pinned: there is too much of it */
		if (m->type != VHOST_IOTLB_UPDATE || tries++ == POPULATE_TRIES)
			return -ENOMEM;
		err = vhost_vdpa_as_populate(m->iova, m->size, m->uaddr, m->perm, &v->gone);
		if (err)
			return err;
	}
	return err ?: len;
}
