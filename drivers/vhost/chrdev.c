// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/vhost-vdpa-N: how the node comes and goes, and its files.
 */

#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uio.h>

#include "vhost_vdpa.h"

/**
 * DOC: life of a vhost-vdpa file
 *
 * A node exists while the driver is bound to a vDPA device, and not before it
 * can be used. It has one client at a time: opening it begins a session, which
 * resets the device, and the last close of the file ends it, which resets the
 * device again and unmaps all memory. Copies of the file descriptor, made by
 * fork(), dup() or by passing it on, are the same session.
 *
 * When the device is unplugged the session ends at once and whether or not the
 * client closes the file: its calls return ENODEV from then on, poll() says
 * EPOLLHUP and EPOLLERR, and its doorbells are unmapped. Unplugging waits for a
 * call that is in progress, but makes it return early if it is one that can
 * take long.
 */

#define VHOST_VDPA_MINORS BIT(MINORBITS)

static dev_t vhost_vdpa_first;
static DEFINE_IDA(vhost_vdpa_minors);

/*
 * Begins a call of the client's: from here to vhost_vdpa_exit() the device
 * stays. -ENODEV when it is gone, -EINTR for a client that was killed.
 */
int vhost_vdpa_enter(struct vhost_vdpa *v)
{
	if (mutex_lock_killable(&v->lock))
		return -EINTR;
	if (!v->gone)
		return 0;
	mutex_unlock(&v->lock);
	return -ENODEV;
}

void vhost_vdpa_exit(struct vhost_vdpa *v)
{
	mutex_unlock(&v->lock);
}

static int vhost_vdpa_open(struct inode *inode, struct file *file)
{
	struct vhost_vdpa *v = container_of(inode->i_cdev, struct vhost_vdpa, cdev);
	int err = vhost_vdpa_enter(v);

	if (err)
		return err;
	err = v->open ? -EBUSY : vhost_vdpa_session_begin(v);
	if (!err) {
		v->open = true;
		v->mapping = file->f_mapping;
		file->private_data = v;
		stream_open(inode, file);
	}
	vhost_vdpa_exit(v);
	return err;
}

static int vhost_vdpa_release(struct inode *inode, struct file *file)
{
	struct vhost_vdpa *v = file->private_data;

	/* the device may be gone, or go now: whoever has the lock first ends it */
	mutex_lock(&v->lock);
	if (!v->gone)
		vhost_vdpa_session_end(v);
	v->open = false;
	v->mapping = NULL;
	mutex_unlock(&v->lock);
	return 0;
}

static __poll_t vhost_vdpa_poll(struct file *file, poll_table *wait)
{
	struct vhost_vdpa *v = file->private_data;

	poll_wait(file, &v->hangup, wait);
	/* paired with wake_up_poll() after the change */
	return READ_ONCE(v->gone) ? EPOLLHUP | EPOLLERR : EPOLLOUT | EPOLLWRNORM;
}

/* A device that translates has nothing to ask of its client */
static ssize_t vhost_vdpa_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct vhost_vdpa *v = iocb->ki_filp->private_data;

	return READ_ONCE(v->gone) ? -ENODEV : -EINVAL;
}

static const struct file_operations vhost_vdpa_fops = {
	.owner = THIS_MODULE,
	.open = vhost_vdpa_open,
	.release = vhost_vdpa_release,
	.read_iter = vhost_vdpa_read_iter,
	.write_iter = vhost_vdpa_write_iter,
	.poll = vhost_vdpa_poll,
	.unlocked_ioctl = vhost_vdpa_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = vhost_vdpa_mmap,
};

static void vhost_vdpa_free(struct device *dev)
{
	struct vhost_vdpa *v = container_of(dev, struct vhost_vdpa, dev);

	mutex_destroy(&v->doorbell_lock);
	mutex_destroy(&v->lock);
	kfree(v);
}

static struct vhost_vdpa *vhost_vdpa_alloc(struct vdpa_device *vdev)
{
	struct vhost_vdpa *v;
	u32 i;

	/* queues are numbered by 16 bits */
	if (vdev->nvqs > U16_MAX + 1)
		return ERR_PTR(-EINVAL);
	v = kzalloc(struct_size(v, vqs, vdev->nvqs), GFP_KERNEL);
	if (!v)
		return ERR_PTR(-ENOMEM);

	v->vdev = vdev;
	v->config_size = vdev->config->get_config_size(vdev);
	v->nvqs = vdev->nvqs;
	mutex_init(&v->lock);
	mutex_init(&v->doorbell_lock);
	spin_lock_init(&v->as_lock);
	init_waitqueue_head(&v->hangup);
	vhost_vdpa_call_init(&v->config_call);
	for (i = 0; i < v->nvqs; i++)
		vhost_vdpa_vq_init(v, i);

	device_initialize(&v->dev);
	v->dev.parent = &vdev->dev;
	v->dev.release = vhost_vdpa_free;
	cdev_init(&v->cdev, &vhost_vdpa_fops);
	v->cdev.owner = THIS_MODULE;
	return v;
}

/* Whoever has the file is left with it; on return nothing refers to the device */
static void vhost_vdpa_retire(struct vhost_vdpa *v)
{
	/* nobody begins to wait for memory any more, and those who do come back */
	vhost_vdpa_session_stop(v);
	mutex_lock(&v->lock);
	vhost_vdpa_doorbells_off(v);
	if (v->open)
		vhost_vdpa_session_end(v);
	v->vdev = NULL;
	mutex_unlock(&v->lock);
	wake_up_poll(&v->hangup, EPOLLHUP | EPOLLERR);
}

static int vhost_vdpa_probe(struct vdpa_device *vdev)
{
	struct vhost_vdpa *v = vhost_vdpa_alloc(vdev);
	int err;

	if (IS_ERR(v))
		return PTR_ERR(v);

	v->id = ida_alloc_max(&vhost_vdpa_minors, VHOST_VDPA_MINORS - 1, GFP_KERNEL);
	if (v->id < 0) {
		err = v->id;
		goto put_dev;
	}
	v->dev.devt = MKDEV(MAJOR(vhost_vdpa_first), v->id);
	err = dev_set_name(&v->dev, "vhost-vdpa-%d", v->id);
	if (err)
		goto free_id;

	vdpa_set_drvdata(vdev, v);
	/* from here on there are clients */
	err = cdev_device_add(&v->cdev, &v->dev);
	if (err)
		goto retire;
	return 0;

retire:
	/* who has a node of his own (mknod) may have been quicker */
	vhost_vdpa_retire(v);
free_id:
	ida_free(&vhost_vdpa_minors, v->id);
put_dev:
	put_device(&v->dev);
	return err;
}

static void vhost_vdpa_remove(struct vdpa_device *vdev)
{
	struct vhost_vdpa *v = vdpa_get_drvdata(vdev);

	cdev_device_del(&v->cdev, &v->dev);
	vhost_vdpa_retire(v);
	ida_free(&vhost_vdpa_minors, v->id);
	put_device(&v->dev);
}

static struct vdpa_driver vhost_vdpa_driver = {
	.driver.name = "vhost_vdpa",
	.probe = vhost_vdpa_probe,
	.remove = vhost_vdpa_remove,
};

static int __init vhost_vdpa_init(void)
{
	int err = vhost_vdpa_as_init();

	if (err)
		return err;
	err = alloc_chrdev_region(&vhost_vdpa_first, 0, VHOST_VDPA_MINORS, "vhost-vdpa");
	if (err)
		goto exit_as;
	err = vdpa_register_driver(&vhost_vdpa_driver);
	if (err)
		goto free_region;
	return 0;

free_region:
	unregister_chrdev_region(vhost_vdpa_first, VHOST_VDPA_MINORS);
exit_as:
	vhost_vdpa_as_exit();
	return err;
}
module_init(vhost_vdpa_init);

static void __exit vhost_vdpa_cleanup(void)
{
	vdpa_unregister_driver(&vhost_vdpa_driver);
	unregister_chrdev_region(vhost_vdpa_first, VHOST_VDPA_MINORS);
	ida_destroy(&vhost_vdpa_minors);
	vhost_vdpa_as_exit();
}
module_exit(vhost_vdpa_cleanup);

MODULE_AUTHOR("vDPA maintainers");
MODULE_DESCRIPTION("vDPA devices for user space");
MODULE_LICENSE("GPL");
