// SPDX-License-Identifier: GPL-2.0
/*
 * Creation of simulated devices, for the modules that bring a class.
 */

#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <net/netlink.h>
#include <uapi/linux/vdpa.h>

#include "vdpa_sim.h"

/**
 * vdpasim_create - make a device that is not registered yet
 * @shape: how
 *
 * On error later on, put_device(&sim->vdpa.dev) takes it away again, and calls
 * &vdpasim_class.free.
 *
 * Context: may sleep.
 * Return: the device, the class's part zeroed; or an ERR_PTR.
 */
struct vdpasim *vdpasim_create(const struct vdpasim_shape *shape)
{
	struct vdpa_device *vdpa;
	struct vdpasim *sim;
	unsigned int i;
	int err;

	vdpa = __vdpa_alloc_device(shape->mdev->device, &vdpasim_ops,
				   shape->ngroups, shape->nas, shape->class->size,
				   shape->name, false);
	if (IS_ERR(vdpa))
		return ERR_CAST(vdpa);

	sim = vdpa_to_sim(vdpa);
	sim->class = shape->class;
	sim->nvqs = shape->nvqs;
	sim->config_size = shape->class->config_size;
	sim->offered = shape->features;
	mutex_init(&sim->config_cb_lock);
	vdpa->mdev = shape->mdev;

	/* a kernel driver's I/O addresses are physical ones, see below */
	vdpa->dma_dev = &vdpa->dev;
	err = dma_coerce_mask_and_coherent(&vdpa->dev, DMA_BIT_MASK(64));
	if (err)
		goto put_dev;

	err = shape->init ? shape->init(sim, shape) : 0;
	if (err)
		goto put_dev;

	err = -EINVAL;
	if (sim->config_size > VDPASIM_CONFIG_MAX || shape->ngroups > VDPASIM_GROUPS_MAX)
		goto put_dev;

	err = -ENOMEM;
	sim->spaces = kcalloc(shape->nas, sizeof(*sim->spaces), GFP_KERNEL);
	if (!sim->spaces)
		goto put_dev;
	for (i = 0; i < shape->nas; i++)
		vdpa_vring_as_init(&sim->spaces[i], true);

	sim->vqs = kvcalloc(shape->nvqs, sizeof(*sim->vqs), GFP_KERNEL);
	if (!sim->vqs)
		goto put_dev;
	for (i = 0; i < shape->nvqs; i++)
		vdpasim_vq_init(&sim->vqs[i], sim, i);
	return sim;

put_dev:
	put_device(&vdpa->dev);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_GPL(vdpasim_create);

/**
 * vdpasim_register - put a device onto the bus
 * @sim: the device
 *
 * Context: from dev_add; may sleep.
 * Return: 0, or an error: the caller still has to put the device.
 */
int vdpasim_register(struct vdpasim *sim)
{
	return _vdpa_register_device(&sim->vdpa, sim->nvqs);
}
EXPORT_SYMBOL_GPL(vdpasim_register);

/**
 * vdpasim_put_stat - append a vendor counter to a netlink message
 * @msg: the message
 * @name: what is counted
 * @value: how much
 *
 * Return: 0 or -EMSGSIZE.
 */
int vdpasim_put_stat(struct sk_buff *msg, const char *name, u64 value)
{
	if (nla_put_string(msg, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, name) ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, value,
			      VDPA_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}
EXPORT_SYMBOL_GPL(vdpasim_put_stat);

MODULE_AUTHOR("vDPA maintainers");
MODULE_DESCRIPTION("vDPA device simulator: engine");
MODULE_LICENSE("GPL");
