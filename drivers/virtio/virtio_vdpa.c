// SPDX-License-Identifier: GPL-2.0
/*
 * Transport for the kernel's own virtio drivers on the vDPA bus: each device
 * that binds here gets a virtio device below it, whose configuration operations
 * end in those of the parent.
 */

#include <linux/group_cpus.h>
#include <linux/iopoll.h>
#include <linux/module.h>
#include <linux/pm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/vdpa.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

/* A device may take its time to let go of memory, but not for ever */
#define VVDPA_RESET_POLL_US	1000
#define VVDPA_RESET_TIMEOUT_US	(10 * USEC_PER_SEC)

/* Largest split ring (virtio 1.2, 2.7) and packed ring (2.8.10.1) */
#define VVDPA_QUEUE_SIZE_MAX	32768

/**
 * struct vvdpa_queue - what a parent's callback leads to
 * @vq: the virtqueue, NULL when there is none. Callbacks read it under RCU, so
 *	that a parent whose callback was already on its way does no harm.
 *	Written by find_vqs and del_vqs, which the virtio core serialises.
 */
struct vvdpa_queue {
	struct virtqueue __rcu *vq;
};

/**
 * struct vvdpa_device - a virtio device on the vDPA bus
 * @vdev: the virtio device; its release frees all of this
 * @vdpa: the device below; valid until @vdev is unregistered
 * @dead: the last reset failed; written by reset, read by get_status,
 *	set_status and finalize_features, which the virtio core serialises
 * @queues: one for each virtqueue of @vdpa
 */
struct vvdpa_device {
	struct virtio_device vdev;
	struct vdpa_device *vdpa;
	bool dead;
	struct vvdpa_queue queues[];
};

static struct vvdpa_device *to_vvdpa(struct virtio_device *vdev)
{
	return container_of(vdev, struct vvdpa_device, vdev);
}

static struct vdpa_device *to_vdpa(struct virtio_device *vdev)
{
	return to_vvdpa(vdev)->vdpa;
}

/* Configuration space */

static void vvdpa_get(struct virtio_device *vdev, unsigned int offset,
		      void *buf, unsigned int len)
{
	vdpa_get_config(to_vdpa(vdev), offset, buf, len);
}

static void vvdpa_set(struct virtio_device *vdev, unsigned int offset,
		      const void *buf, unsigned int len)
{
	vdpa_set_config(to_vdpa(vdev), offset, buf, len);
}

static u32 vvdpa_generation(struct virtio_device *vdev)
{
	struct vdpa_device *vdpa = to_vdpa(vdev);

	return vdpa->config->get_generation ?
	       vdpa->config->get_generation(vdpa) : 0;
}

static irqreturn_t vvdpa_config_changed(void *data)
{
	struct vvdpa_device *vvdpa = data;

	/* the section is what synchronize_rcu() in del_vqs waits for */
	rcu_read_lock();
	virtio_config_changed(&vvdpa->vdev);
	rcu_read_unlock();
	return IRQ_HANDLED;
}

/* Status and features */

static u8 vvdpa_get_status(struct virtio_device *vdev)
{
	struct vdpa_device *vdpa = to_vdpa(vdev);

	/* out of use for good, which the virtio core knows by 0 only */
	if (to_vvdpa(vdev)->dead)
		return 0;
	return vdpa->config->get_status(vdpa);
}

/* One that did not reset still has its former status, which only grows */
static void vvdpa_set_status(struct virtio_device *vdev, u8 status)
{
	if (!to_vvdpa(vdev)->dead)
		vdpa_set_status(to_vdpa(vdev), status);
}

/*
 * Whoever resets goes on to free the memory that the device knows of, so this
 * waits until the device says that it is done, whatever its parent says. One
 * that never does is of no use any more: then no driver waits for it.
 */
static void vvdpa_reset(struct virtio_device *vdev)
{
	struct vvdpa_device *vvdpa = to_vvdpa(vdev);
	struct vdpa_device *vdpa = vvdpa->vdpa;
	u8 status;
	int err;

	err = vdpa_reset(vdpa, 0);
	if (!err)
		err = read_poll_timeout(vdpa->config->get_status, status,
					!status, VVDPA_RESET_POLL_US,
					VVDPA_RESET_TIMEOUT_US, false, vdpa);
	vvdpa->dead = err;
	if (err) {
		dev_err(&vdpa->dev, "device does not reset: %pe\n", ERR_PTR(err));
		virtio_break_device(vdev);
	}
}

static u64 vvdpa_get_features(struct virtio_device *vdev)
{
	struct vdpa_device *vdpa = to_vdpa(vdev);
	u64 features = vdpa->config->get_device_features(vdpa);

	/* don't offer what the parent gives us no means for */
	if (!vdpa->config->kick_vq_with_data)
		features &= ~BIT_ULL(VIRTIO_F_NOTIFICATION_DATA);
	return features;
}

static int vvdpa_finalize_features(struct virtio_device *vdev)
{
	if (to_vvdpa(vdev)->dead)
		return -ENODEV;

	/* drops the bits of the transport that the rings don't implement */
	vring_transport_features(vdev);
	return vdpa_set_features(to_vdpa(vdev), vdev->features);
}

static const char *vvdpa_bus_name(struct virtio_device *vdev)
{
	return dev_name(&to_vdpa(vdev)->dev);
}

/* Virtqueues */

static bool vvdpa_notify(struct virtqueue *vq)
{
	struct vdpa_device *vdpa = to_vdpa(vq->vdev);

	vdpa->config->kick_vq(vdpa, vq->index);
	return true;
}

static bool vvdpa_notify_with_data(struct virtqueue *vq)
{
	struct vdpa_device *vdpa = to_vdpa(vq->vdev);

	vdpa->config->kick_vq_with_data(vdpa, vring_notification_data(vq));
	return true;
}

static irqreturn_t vvdpa_vq_interrupt(void *data)
{
	struct vvdpa_queue *queue = data;
	irqreturn_t handled = IRQ_NONE;
	struct virtqueue *vq;

	rcu_read_lock();
	vq = rcu_dereference(queue->vq);
	if (vq)
		handled = vring_interrupt(0, vq);
	rcu_read_unlock();
	return handled;
}

/* All callbacks run in an RCU section, see above */
static void vvdpa_synchronize_cbs(struct virtio_device *vdev)
{
	synchronize_rcu();
}

/* The largest ring that queue, parent and layout permit; 0: no such queue */
static u32 vvdpa_queue_size(struct virtio_device *vdev, u16 idx)
{
	struct vdpa_device *vdpa = to_vdpa(vdev);
	const struct vdpa_config_ops *ops = vdpa->config;
	u32 num;

	if (idx >= vdpa->nvqs)
		return 0;

	num = min_t(u32, ops->get_vq_num_max(vdpa), VVDPA_QUEUE_SIZE_MAX);
	if (ops->get_vq_size)
		num = min_t(u32, num, ops->get_vq_size(vdpa, idx));
	if (num && !virtio_has_feature(vdev, VIRTIO_F_RING_PACKED))
		num = rounddown_pow_of_two(num);
	return num;
}

static struct virtqueue *vvdpa_create_ring(struct virtio_device *vdev, u16 idx,
					   const struct virtqueue_info *info)
{
	struct vdpa_device *vdpa = to_vdpa(vdev);
	const struct vdpa_config_ops *ops = vdpa->config;
	u32 num_min = ops->get_vq_num_min ? ops->get_vq_num_min(vdpa) : 1;
	u32 num = vvdpa_queue_size(vdev, idx);
	bool with_data = virtio_has_feature(vdev, VIRTIO_F_NOTIFICATION_DATA);
	/* a parent may not care, but any used ring is made of words */
	u32 align = max_t(u32, ops->get_vq_align(vdpa), VRING_USED_ALIGN_SIZE);
	struct device *dma_dev;
	struct virtqueue *vq;

	if (!num)
		return ERR_PTR(-ENOENT);
	if (num < num_min)
		return ERR_PTR(-EINVAL);

	dma_dev = ops->get_vq_dma_dev ? ops->get_vq_dma_dev(vdpa, idx) :
					vdpa_get_dma_dev(vdpa);
	if (!dma_dev)
		return ERR_PTR(-EOPNOTSUPP);

	vq = vring_create_virtqueue_dma(idx, num, align, vdev,
					true, num > num_min, info->ctx,
					with_data ? vvdpa_notify_with_data :
						    vvdpa_notify,
					info->callback, info->name, dma_dev);
	if (!vq)
		return ERR_PTR(-ENOMEM);

	vq->num_max = num;
	/* memory was short, and what there was is too little for the device */
	if (virtqueue_get_vring_size(vq) < num_min) {
		vring_del_virtqueue(vq);
		return ERR_PTR(-ENOMEM);
	}
	return vq;
}

/* A ring starts at its first entry; in a packed one the wrap counters are 1 */
static int vvdpa_set_first_state(struct virtio_device *vdev, u16 idx)
{
	struct vdpa_device *vdpa = to_vdpa(vdev);
	struct vdpa_vq_state state = {};

	if (virtio_has_feature(vdev, VIRTIO_F_RING_PACKED)) {
		state.packed.last_avail_counter = 1;
		state.packed.last_used_counter = 1;
	}
	return vdpa->config->set_vq_state(vdpa, idx, &state);
}

/* On error the queue may be in vdev->vqs: then del_vqs undoes the rest */
static struct virtqueue *vvdpa_setup_vq(struct virtio_device *vdev, u16 idx,
					const struct virtqueue_info *info)
{
	struct vvdpa_device *vvdpa = to_vvdpa(vdev);
	struct vdpa_device *vdpa = vvdpa->vdpa;
	const struct vdpa_config_ops *ops = vdpa->config;
	struct vdpa_callback cb = {};
	struct virtqueue *vq;
	int err;

	vq = vvdpa_create_ring(vdev, idx, info);
	if (IS_ERR(vq))
		return vq;

	rcu_assign_pointer(vvdpa->queues[idx].vq, vq);
	if (info->callback) {
		cb.callback = vvdpa_vq_interrupt;
		cb.private = &vvdpa->queues[idx];
	}
	ops->set_vq_cb(vdpa, idx, &cb);
	ops->set_vq_num(vdpa, idx, virtqueue_get_vring_size(vq));

	err = ops->set_vq_address(vdpa, idx, virtqueue_get_desc_addr(vq),
				  virtqueue_get_avail_addr(vq),
				  virtqueue_get_used_addr(vq));
	if (err)
		return ERR_PTR(err);

	err = vvdpa_set_first_state(vdev, idx);
	if (err)
		return ERR_PTR(err);

	ops->set_vq_ready(vdpa, idx, true);
	return vq;
}

/* The device was reset before, but not when find_vqs calls */
static void vvdpa_del_vqs(struct virtio_device *vdev)
{
	struct vvdpa_device *vvdpa = to_vvdpa(vdev);
	struct vdpa_device *vdpa = vvdpa->vdpa;
	const struct vdpa_config_ops *ops = vdpa->config;
	struct vdpa_callback nowhere = {};
	struct virtqueue *vq, *next;

	ops->set_config_cb(vdpa, &nowhere);
	list_for_each_entry(vq, &vdev->vqs, list) {
		if (ops->get_vq_ready(vdpa, vq->index))
			ops->set_vq_ready(vdpa, vq->index, false);
		ops->set_vq_cb(vdpa, vq->index, &nowhere);
		rcu_assign_pointer(vvdpa->queues[vq->index].vq, NULL);
	}

	/* pairs with the sections of the callbacks: none is inside a ring now */
	synchronize_rcu();

	list_for_each_entry_safe(vq, next, &vdev->vqs, list)
		vring_del_virtqueue(vq);
}

/*
 * Spreads the CPUs over those queues that interrupt, but for as many at both
 * ends as @desc reserves. Only a wish: the device works without it.
 */
static void vvdpa_spread_affinity(struct virtio_device *vdev, unsigned int nvqs,
				  struct virtqueue *vqs[],
				  const struct virtqueue_info vqs_info[],
				  const struct irq_affinity *desc)
{
	struct vdpa_device *vdpa = to_vdpa(vdev);
	unsigned int i, nirqs = 0, nth = 0;
	struct cpumask *masks;

	for (i = 0; i < nvqs; i++)
		nirqs += vqs[i] && vqs_info[i].callback;
	if (nirqs <= desc->pre_vectors + desc->post_vectors)
		return;
	nirqs -= desc->pre_vectors + desc->post_vectors;

	masks = group_cpus_evenly(nirqs);
	if (!masks)
		return;

	for (i = 0; i < nvqs && nth < desc->pre_vectors + nirqs; i++) {
		if (!vqs[i] || !vqs_info[i].callback || nth++ < desc->pre_vectors)
			continue;
		vdpa->config->set_vq_affinity(vdpa, vqs[i]->index,
					      &masks[nth - 1 - desc->pre_vectors]);
	}
	kfree(masks);
}

static int vvdpa_find_vqs(struct virtio_device *vdev, unsigned int nvqs,
			  struct virtqueue *vqs[],
			  struct virtqueue_info vqs_info[],
			  struct irq_affinity *desc)
{
	struct vvdpa_device *vvdpa = to_vvdpa(vdev);
	struct vdpa_device *vdpa = vvdpa->vdpa;
	struct vdpa_callback cb = {
		.callback = vvdpa_config_changed,
		.private = vvdpa,
	};
	unsigned int i;
	u16 idx = 0;
	int err;

	for (i = 0; i < nvqs; i++) {
		/* a queue that the driver has no use for takes no number */
		if (!vqs_info[i].name) {
			vqs[i] = NULL;
			continue;
		}

		vqs[i] = vvdpa_setup_vq(vdev, idx, &vqs_info[i]);
		if (IS_ERR(vqs[i])) {
			err = PTR_ERR(vqs[i]);
			dev_err(&vdev->dev, "virtqueue %u (%s): %pe\n", idx,
				vqs_info[i].name, vqs[i]);
			goto del_vqs;
		}
		idx++;
	}

	if (desc && vdpa->config->set_vq_affinity)
		vvdpa_spread_affinity(vdev, nvqs, vqs, vqs_info, desc);

	/* each reset makes the parent forget it, so that it belongs here */
	vdpa->config->set_config_cb(vdpa, &cb);
	return 0;

del_vqs:
	vvdpa_del_vqs(vdev);
	return err;
}

static int vvdpa_set_vq_affinity(struct virtqueue *vq,
				 const struct cpumask *cpu_mask)
{
	struct vdpa_device *vdpa = to_vdpa(vq->vdev);

	if (!vdpa->config->set_vq_affinity)
		return 0;
	return vdpa->config->set_vq_affinity(vdpa, vq->index,
					     cpu_mask ?: cpu_possible_mask);
}

static const struct cpumask *
vvdpa_get_vq_affinity(struct virtio_device *vdev, int index)
{
	struct vdpa_device *vdpa = to_vdpa(vdev);

	if (!vdpa->config->get_vq_affinity || index >= vdpa->nvqs)
		return NULL;
	return vdpa->config->get_vq_affinity(vdpa, index);
}

/*
 * Not here: a parent can't reset one queue for good (disable_vq_and_reset) and
 * has no shared memory regions.
 */
static const struct virtio_config_ops vvdpa_config_ops = {
	.get = vvdpa_get,
	.set = vvdpa_set,
	.generation = vvdpa_generation,
	.get_status = vvdpa_get_status,
	.set_status = vvdpa_set_status,
	.reset = vvdpa_reset,
	.find_vqs = vvdpa_find_vqs,
	.del_vqs = vvdpa_del_vqs,
	.synchronize_cbs = vvdpa_synchronize_cbs,
	.get_features = vvdpa_get_features,
	.finalize_features = vvdpa_finalize_features,
	.bus_name = vvdpa_bus_name,
	.set_vq_affinity = vvdpa_set_vq_affinity,
	.get_vq_affinity = vvdpa_get_vq_affinity,
};

/* Life of the device */

static void vvdpa_release(struct device *dev)
{
	kfree(to_vvdpa(dev_to_virtio(dev)));
}

static int vvdpa_probe(struct vdpa_device *vdpa)
{
	const struct vdpa_config_ops *ops = vdpa->config;
	struct vvdpa_device *vvdpa;
	int err;

	vvdpa = kzalloc(struct_size(vvdpa, queues, vdpa->nvqs), GFP_KERNEL);
	if (!vvdpa)
		return -ENOMEM;

	vvdpa->vdpa = vdpa;
	vvdpa->vdev.dev.parent = &vdpa->dev;
	vvdpa->vdev.dev.release = vvdpa_release;
	vvdpa->vdev.config = &vvdpa_config_ops;
	vvdpa->vdev.id.device = ops->get_device_id(vdpa);
	vvdpa->vdev.id.vendor = ops->get_vendor_id(vdpa);

	/* unbinding may come before a virtio driver is there: set it first */
	vdpa_set_drvdata(vdpa, vvdpa);
	err = register_virtio_device(&vvdpa->vdev);
	if (err) {
		vdpa_set_drvdata(vdpa, NULL);
		put_device(&vvdpa->vdev.dev);
	}
	return err;
}

static void vvdpa_remove(struct vdpa_device *vdpa)
{
	struct vvdpa_device *vvdpa = vdpa_get_drvdata(vdpa);
	u8 status = vdpa->config->get_status(vdpa);

	/*
	 * Hardware that was pulled reads as all ones or, as one that lost its
	 * state, as zeroes; and one that needs a reset completes nothing either:
	 * let requests fail instead of having the virtio driver's remove wait
	 * for them. Nobody waits for a device that was not started.
	 */
	if (status & VIRTIO_CONFIG_S_NEEDS_RESET ||
	    !(status & VIRTIO_CONFIG_S_DRIVER_OK))
		virtio_break_device(&vvdpa->vdev);
	unregister_virtio_device(&vvdpa->vdev);
}

/*
 * The virtio device has no power management of its own. Its driver must be
 * quiet before the parent's device goes to sleep, and what the parent's device
 * forgets while asleep is set up again from the beginning.
 */
#ifdef CONFIG_PM_SLEEP /* without it the virtio core has neither of the two */
static int vvdpa_freeze(struct device *dev)
{
	struct vvdpa_device *vvdpa = dev_get_drvdata(dev);

	return virtio_device_freeze(&vvdpa->vdev);
}

static int vvdpa_restore(struct device *dev)
{
	struct vvdpa_device *vvdpa = dev_get_drvdata(dev);

	return virtio_device_restore(&vvdpa->vdev);
}
#endif

static const struct dev_pm_ops vvdpa_pm_ops = {
	SET_SYSTEM_SLEEP_PM_OPS(vvdpa_freeze, vvdpa_restore)
};

static struct vdpa_driver virtio_vdpa_driver = {
	.driver = {
		.name = "virtio_vdpa",
		.pm = pm_sleep_ptr(&vvdpa_pm_ops),
	},
	.probe = vvdpa_probe,
	.remove = vvdpa_remove,
};

module_vdpa_driver(virtio_vdpa_driver);

MODULE_AUTHOR("vDPA maintainers");
MODULE_DESCRIPTION("Kernel virtio drivers on vDPA devices");
MODULE_LICENSE("GPL");
