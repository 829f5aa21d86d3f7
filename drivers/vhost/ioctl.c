// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of the uAPI: what each needs, and what it does.
 */

#include <linux/fs.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vhost_vdpa.h"

/**
 * DOC: ioctls of a vhost-vdpa file
 *
 * All calls stand in one table. What a call reads is copied in before the
 * device's lock is taken, and what it answers is copied out after it was
 * released, for a client can make either take forever.
 *
 * To extend the interface, add a call with a number of its own, and a backend
 * feature by which a client can tell that it is there. No call changes its
 * size: an argument is what it was on the day the call came.
 */

/* The argument of any call with one of fixed size */
union call_arg {
	u64 features;
	u32 count;
	u16 num;
	u8 status;
	int fd;
	struct vhost_vdpa_iova_range range;
	struct vhost_memory memory;
	/* those of a virtqueue all begin with its index */
	u32 index;
	struct vhost_vring_state state;
	struct vhost_vring_file file;
	struct vhost_vring_addr addr;
};

/* --- features -------------------------------------------------------------- */

/*
 * What the parent can do but its clients can't: a kick by an eventfd has no room for
 * the data that a device waits for with this feature.
 */
#define WITHHELD_FEATURES	BIT_ULL(VIRTIO_F_NOTIFICATION_DATA)

static int get_features(struct vhost_vdpa *v, union call_arg *arg)
{
	arg->features = v->vdev->config->get_device_features(v->vdev) & ~WITHHELD_FEATURES;
	return 0;
}

static int set_features(struct vhost_vdpa *v, union call_arg *arg)
{
	const struct vdpa_config_ops *ops = v->vdev->config;

	if (ops->get_status(v->vdev) & VIRTIO_CONFIG_S_FEATURES_OK)
		return -EBUSY;
	if (arg->features & WITHHELD_FEATURES || vdpa_set_features(v->vdev, arg->features))
		return -EINVAL;
	v->features = ops->get_driver_features(v->vdev);
	return 0;
}

/* Mappings that outlive a reset: the parent's, or those of our own domain */
static bool maps_persist(const struct vdpa_config_ops *ops)
{
	return ops->reset_map || (!ops->set_map && !ops->dma_map);
}

static u64 offered_backend_features(struct vhost_vdpa *v)
{
	const struct vdpa_config_ops *ops = v->vdev->config;
	u64 offered = BIT_ULL(VHOST_BACKEND_F_IOTLB_MSG_V2) |
		      BIT_ULL(VHOST_BACKEND_F_IOTLB_BATCH) |
		      BIT_ULL(VHOST_BACKEND_F_IOTLB_ASID);

	if (ops->suspend)
		offered |= BIT_ULL(VHOST_BACKEND_F_SUSPEND);
	if (ops->resume)
		offered |= BIT_ULL(VHOST_BACKEND_F_RESUME);
	if (ops->get_vq_desc_group)
		offered |= BIT_ULL(VHOST_BACKEND_F_DESC_ASID);
	if (maps_persist(ops))
		offered |= BIT_ULL(VHOST_BACKEND_F_IOTLB_PERSIST);
	/* such as ENABLE_AFTER_DRIVER_OK, about which operations say nothing */
	if (ops->get_backend_features)
		offered |= ops->get_backend_features(v->vdev);
	return offered;
}

static int get_backend_features(struct vhost_vdpa *v, union call_arg *arg)
{
	arg->features = offered_backend_features(v);
	return 0;
}

static int set_backend_features(struct vhost_vdpa *v, union call_arg *arg)
{
	u64 features = arg->features;

	if (features & ~offered_backend_features(v))
		return -EOPNOTSUPP;
	if (features & BIT_ULL(VHOST_BACKEND_F_DESC_ASID) &&
	    !(features & BIT_ULL(VHOST_BACKEND_F_IOTLB_ASID)))
		return -EINVAL;
	v->backend_features = features;
	return 0;
}

/* --- the device ------------------------------------------------------------ */

static int set_owner(struct vhost_vdpa *v, union call_arg *arg)
{
	return vhost_vdpa_set_owner(v);
}

/* The table of other vhost devices. Here, IOTLB messages say what is mapped. */
static int set_mem_table(struct vhost_vdpa *v, union call_arg *arg)
{
	return arg->memory.padding ? -EOPNOTSUPP : 0;
}

static int get_device_id(struct vhost_vdpa *v, union call_arg *arg)
{
	arg->count = v->vdev->config->get_device_id(v->vdev);
	return 0;
}

static int get_status(struct vhost_vdpa *v, union call_arg *arg)
{
	arg->status = v->vdev->config->get_status(v->vdev);
	return 0;
}

static int set_status(struct vhost_vdpa *v, union call_arg *arg)
{
	u8 status = arg->status;
	u8 former = v->vdev->config->get_status(v->vdev);
	u32 i;

	if (!status)
		return vhost_vdpa_reset(v);
	/* a driver adds bits; this one is not the driver's */
	if (former & ~status & ~VIRTIO_CONFIG_S_NEEDS_RESET)
		return -EINVAL;

	vdpa_set_status(v->vdev, status);
	if (status & ~former & VIRTIO_CONFIG_S_DRIVER_OK) {
		for (i = 0; i < v->nvqs; i++)
			vhost_vdpa_vq_started(&v->vqs[i]);
	}
	return 0;
}

static int get_vring_num(struct vhost_vdpa *v, union call_arg *arg)
{
	arg->num = v->vdev->config->get_vq_num_max(v->vdev);
	return 0;
}

static int get_vqs_count(struct vhost_vdpa *v, union call_arg *arg)
{
	arg->count = v->nvqs;
	return 0;
}

static int get_group_num(struct vhost_vdpa *v, union call_arg *arg)
{
	arg->count = v->vdev->ngroups;
	return 0;
}

static int get_as_num(struct vhost_vdpa *v, union call_arg *arg)
{
	arg->count = v->vdev->nas;
	return 0;
}

static int get_config_size(struct vhost_vdpa *v, union call_arg *arg)
{
	arg->count = v->config_size;
	return 0;
}

static int get_iova_range(struct vhost_vdpa *v, union call_arg *arg)
{
	struct vdpa_iova_range range;

	vhost_vdpa_as_range(v->as, &range);
	arg->range.first = range.first;
	arg->range.last = range.last;
	return 0;
}

static int set_config_call(struct vhost_vdpa *v, union call_arg *arg)
{
	struct eventfd_ctx *ctx;
	struct vdpa_callback cb;
	int err;

	err = vhost_vdpa_call_get(arg->fd, &ctx);
	if (err)
		return err;
	ctx = vhost_vdpa_call_swap(&v->config_call, ctx);
	cb = vhost_vdpa_callback(&v->config_call);
	v->vdev->config->set_config_cb(v->vdev, &cb);
	if (ctx)
		eventfd_ctx_put(ctx);
	return 0;
}

/* A device that doesn't run is at rest already */
static int suspend(struct vhost_vdpa *v, union call_arg *arg)
{
	int err;

	if (!vhost_vdpa_running(v))
		return 0;
	if (!v->vdev->config->suspend)
		return -EOPNOTSUPP;
	err = v->vdev->config->suspend(v->vdev);
	if (!err)
		v->suspended = true;
	return err;
}

static int resume(struct vhost_vdpa *v, union call_arg *arg)
{
	int err;

	if (!vhost_vdpa_running(v))
		return 0;
	if (!v->vdev->config->resume)
		return -EOPNOTSUPP;
	err = v->vdev->config->resume(v->vdev);
	if (!err)
		v->suspended = false;
	return err;
}

/* The index is that of a group */
static int set_group_asid(struct vhost_vdpa *v, union call_arg *arg)
{
	const struct vdpa_config_ops *ops = v->vdev->config;

	if (arg->state.index >= v->vdev->ngroups || arg->state.num >= v->vdev->nas)
		return -EINVAL;
	if (!ops->set_group_asid)
		return -EOPNOTSUPP;
	return ops->set_group_asid(v->vdev, arg->state.index, arg->state.num);
}

/* --- virtqueues ------------------------------------------------------------ */

static int set_vring_num(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	return vhost_vdpa_vq_set_num(vq, arg->state.num);
}

static int set_vring_addr(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	return vhost_vdpa_vq_set_addr(vq, &arg->addr);
}

static int set_vring_base(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	return vhost_vdpa_vq_set_base(vq, arg->state.num);
}

static int get_vring_base(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	return vhost_vdpa_vq_get_base(vq, &arg->state.num);
}

static int set_vring_kick(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	return vhost_vdpa_vq_set_kick(vq, arg->file.fd);
}

static int set_vring_call(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	return vhost_vdpa_vq_set_call(vq, arg->file.fd);
}

static int set_vring_err(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	return vhost_vdpa_vq_set_err(vq, arg->file.fd);
}

static int set_vring_enable(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	return vhost_vdpa_vq_enable(vq, arg->state.num);
}

static int set_busyloop(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	vq->busyloop = arg->state.num;
	return 0;
}

static int get_busyloop(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	arg->state.num = vq->busyloop;
	return 0;
}

static int answer_group(struct vdpa_device *vdev, u32 group, union call_arg *arg)
{
	/* the client would choose an address space by it */
	if (group >= vdev->ngroups)
		return -EIO;
	arg->state.num = group;
	return 0;
}

static int get_vring_group(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	struct vdpa_device *vdev = vq->v->vdev;

	if (!vdev->config->get_vq_group)
		return -EOPNOTSUPP;
	return answer_group(vdev, vdev->config->get_vq_group(vdev, vq->index), arg);
}

static int get_vring_desc_group(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	struct vdpa_device *vdev = vq->v->vdev;

	if (!vdev->config->get_vq_desc_group)
		return -EOPNOTSUPP;
	return answer_group(vdev, vdev->config->get_vq_desc_group(vdev, vq->index), arg);
}

static int get_vring_size(struct vhost_vdpa_vq *vq, union call_arg *arg)
{
	struct vdpa_device *vdev = vq->v->vdev;

	if (!vdev->config->get_vq_size)
		return -EOPNOTSUPP;
	arg->state.num = vdev->config->get_vq_size(vdev, vq->index);
	return 0;
}

/* --- the configuration space, whose calls are as long as the client likes --- */

static int read_config_header(struct vhost_vdpa *v, struct vhost_vdpa_config __user *user,
			      struct vhost_vdpa_config *header)
{
	if (copy_from_user(header, user, sizeof(*header)))
		return -EFAULT;
	if (!header->len || header->off > v->config_size ||
	    header->len > v->config_size - header->off)
		return -EINVAL;
	return 0;
}

static int get_config(struct vhost_vdpa *v, void __user *argp)
{
	struct vhost_vdpa_config __user *user = argp;
	struct vhost_vdpa_config header;
	void *buf;
	int err;

	err = read_config_header(v, user, &header);
	if (err)
		return err;
	buf = kvzalloc(header.len, GFP_KERNEL_ACCOUNT);
	if (!buf)
		return -ENOMEM;

	err = vhost_vdpa_enter(v);
	if (!err) {
		vdpa_get_config(v->vdev, header.off, buf, header.len);
		vhost_vdpa_exit(v);
		if (copy_to_user(user->buf, buf, header.len))
			err = -EFAULT;
	}
	kvfree(buf);
	return err;
}

static int set_config(struct vhost_vdpa *v, void __user *argp)
{
	struct vhost_vdpa_config __user *user = argp;
	struct vhost_vdpa_config header;
	void *buf;
	int err;

	err = read_config_header(v, user, &header);
	if (err)
		return err;
	buf = vmemdup_user(user->buf, header.len);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	err = vhost_vdpa_enter(v);
	if (!err) {
		vdpa_set_config(v->vdev, header.off, buf, header.len);
		vhost_vdpa_exit(v);
	}
	kvfree(buf);
	return err;
}

/* --- the table -------------------------------------------------------------- */

/**
 * struct call - a call of the uAPI
 * @cmd: its number
 * @owner: it needs to come from the owner
 * @answers: it answers, although its number says that it does not
 * @device: what it does, for one of the device
 * @vring: what it does, for one of a virtqueue
 * @user: what it does, for one with an argument of any size
 */
struct call {
	unsigned int cmd;
	bool owner;
	bool answers;
	int (*device)(struct vhost_vdpa *v, union call_arg *arg);
	int (*vring)(struct vhost_vdpa_vq *vq, union call_arg *arg);
	int (*user)(struct vhost_vdpa *v, void __user *argp);
};

#define DEVICE(_cmd, _fn)	{ .cmd = (_cmd), .device = (_fn) }
#define OWNER(_cmd, _fn)	{ .cmd = (_cmd), .device = (_fn), .owner = true }
#define VRING(_cmd, _fn)	{ .cmd = (_cmd), .vring = (_fn), .owner = true }
#define USER(_cmd, _fn)		{ .cmd = (_cmd), .user = (_fn) }

static const struct call calls[] = {
	DEVICE(VHOST_GET_FEATURES, get_features),
	DEVICE(VHOST_SET_FEATURES, set_features),
	DEVICE(VHOST_SET_OWNER, set_owner),
	OWNER(VHOST_SET_MEM_TABLE, set_mem_table),
	DEVICE(VHOST_GET_BACKEND_FEATURES, get_backend_features),
	DEVICE(VHOST_SET_BACKEND_FEATURES, set_backend_features),

	VRING(VHOST_SET_VRING_NUM, set_vring_num),
	VRING(VHOST_SET_VRING_ADDR, set_vring_addr),
	VRING(VHOST_SET_VRING_BASE, set_vring_base),
	VRING(VHOST_GET_VRING_BASE, get_vring_base),
	VRING(VHOST_SET_VRING_KICK, set_vring_kick),
	VRING(VHOST_SET_VRING_CALL, set_vring_call),
	VRING(VHOST_SET_VRING_ERR, set_vring_err),
	VRING(VHOST_SET_VRING_BUSYLOOP_TIMEOUT, set_busyloop),
	{
		.cmd = VHOST_GET_VRING_BUSYLOOP_TIMEOUT,
		.vring = get_busyloop,
		.owner = true,
		.answers = true,
	},

	DEVICE(VHOST_VDPA_GET_DEVICE_ID, get_device_id),
	DEVICE(VHOST_VDPA_GET_STATUS, get_status),
	DEVICE(VHOST_VDPA_SET_STATUS, set_status),
	USER(VHOST_VDPA_GET_CONFIG, get_config),
	USER(VHOST_VDPA_SET_CONFIG, set_config),
	VRING(VHOST_VDPA_SET_VRING_ENABLE, set_vring_enable),
	DEVICE(VHOST_VDPA_GET_VRING_NUM, get_vring_num),
	DEVICE(VHOST_VDPA_SET_CONFIG_CALL, set_config_call),
	DEVICE(VHOST_VDPA_GET_IOVA_RANGE, get_iova_range),
	DEVICE(VHOST_VDPA_GET_CONFIG_SIZE, get_config_size),
	DEVICE(VHOST_VDPA_GET_AS_NUM, get_as_num),
	VRING(VHOST_VDPA_GET_VRING_GROUP, get_vring_group),
	OWNER(VHOST_VDPA_SET_GROUP_ASID, set_group_asid),
	DEVICE(VHOST_VDPA_SUSPEND, suspend),
	DEVICE(VHOST_VDPA_RESUME, resume),
	VRING(VHOST_VDPA_GET_VRING_DESC_GROUP, get_vring_desc_group),
	DEVICE(VHOST_VDPA_GET_VQS_COUNT, get_vqs_count),
	DEVICE(VHOST_VDPA_GET_GROUP_NUM, get_group_num),
	VRING(VHOST_VDPA_GET_VRING_SIZE, get_vring_size),
};

static const struct call *find_call(unsigned int cmd)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].cmd == cmd)
			return &calls[i];
	return NULL;
}

static int do_call(struct vhost_vdpa *v, const struct call *call, union call_arg *arg)
{
	u32 index;
	int err;

	lockdep_assert_held(&v->lock);

	err = call->owner ? vhost_vdpa_check_owner(v) : 0;
	if (err)
		return err;
	if (call->device)
		return call->device(v, arg);
	if (arg->index >= v->nvqs)
		return -ENOBUFS;
	index = array_index_nospec(arg->index, v->nvqs);
	return call->vring(&v->vqs[index], arg);
}

long vhost_vdpa_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct vhost_vdpa *v = file->private_data;
	const struct call *call = find_call(cmd);
	void __user *argp = (void __user *)arg;
	size_t size = _IOC_SIZE(cmd);
	union call_arg buf = {};
	int err;

	if (READ_ONCE(v->gone))
		return -ENODEV;
	if (!call)
		return -ENOIOCTLCMD;
	if (call->user)
		return call->user(v, argp);

	if (_IOC_DIR(cmd) & _IOC_WRITE && copy_from_user(&buf, argp, size))
		return -EFAULT;
	err = vhost_vdpa_enter(v);
	if (err)
		return err;
	err = do_call(v, call, &buf);
	vhost_vdpa_exit(v);
	if (!err && (_IOC_DIR(cmd) & _IOC_READ || call->answers) &&
	    copy_to_user(argp, &buf, size))
		err = -EFAULT;
	return err;
}
