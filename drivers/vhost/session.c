// SPDX-License-Identifier: GPL-2.0
/*
 * A client's time with the device: from open to close or unplug.
 */

#include <linux/sched/mm.h>

#include "vhost_vdpa.h"

static void set_config_cb(struct vhost_vdpa *v)
{
	struct vdpa_callback cb = vhost_vdpa_callback(&v->config_call);

	v->vdev->config->set_config_cb(v->vdev, &cb);
}

/* Resets the device; what is mapped goes, unless the client asked to keep it */
static int reset_device(struct vhost_vdpa *v)
{
	bool keep = vhost_vdpa_acked(v, VHOST_BACKEND_F_IOTLB_PERSIST);

	return vdpa_reset(v->vdev, keep ? 0 : VDPA_RESET_F_CLEAN_MAP);
}

/**
 * vhost_vdpa_reset - the client resets the device
 * @v: the device, locked
 *
 * Eventfds belong to the session, not to the device: they go on to work.
 *
 * Return: 0 or the parent's error.
 */
int vhost_vdpa_reset(struct vhost_vdpa *v)
{
	u32 i;
	int err;

	lockdep_assert_held(&v->lock);

	for (i = 0; i < v->nvqs; i++)
		vhost_vdpa_vq_stopping(&v->vqs[i]);
	err = reset_device(v);
	if (err)
		return err;

	v->features = 0;
	v->suspended = false;
	err = vhost_vdpa_as_reset(v->as, vhost_vdpa_acked(v, VHOST_BACKEND_F_IOTLB_PERSIST));
	for (i = 0; i < v->nvqs; i++)
		vhost_vdpa_vq_restore(&v->vqs[i]);
	if (v->config_call.ctx)
		set_config_cb(v);
	return err;
}

static void set_as(struct vhost_vdpa *v, struct vhost_vdpa_as_set *as)
{
	spin_lock(&v->as_lock);
	v->as = as;
	/* a client that came while the device goes */
	if (as && v->leaving)
		vhost_vdpa_as_stop(as);
	spin_unlock(&v->as_lock);
}

/**
 * vhost_vdpa_session_begin - a client has come
 * @v: the device, locked
 *
 * Return: 0, or an error and no session.
 */
int vhost_vdpa_session_begin(struct vhost_vdpa *v)
{
	struct vhost_vdpa_as_set *as;
	int err;

	lockdep_assert_held(&v->lock);

	err = reset_device(v);
	if (err)
		return err;
	as = vhost_vdpa_as_create(v->vdev);
	if (IS_ERR(as))
		return PTR_ERR(as);
	set_as(v, as);
	return 0;
}

/**
 * vhost_vdpa_session_stop - bring calls of the client's to an end, before unplug
 * @v: the device, not locked
 */
void vhost_vdpa_session_stop(struct vhost_vdpa *v)
{
	/* whoever pins memory has the lock; the spinlock keeps the set meanwhile */
	spin_lock(&v->as_lock);
	v->leaving = true;
	if (v->as)
		vhost_vdpa_as_stop(v->as);
	spin_unlock(&v->as_lock);
}

/**
 * vhost_vdpa_session_end - the client has left, or the device leaves
 * @v: the device, locked
 *
 * Leaves a device that is reset and calls nobody.
 */
void vhost_vdpa_session_end(struct vhost_vdpa *v)
{
	struct vhost_vdpa_as_set *as = v->as;
	struct eventfd_ctx *config;
	u32 i;

	lockdep_assert_held(&v->lock);

	v->backend_features = 0;
	for (i = 0; i < v->nvqs; i++)
		vhost_vdpa_vq_detach(&v->vqs[i]);
	config = vhost_vdpa_call_swap(&v->config_call, NULL);
	if (config)
		set_config_cb(v);
	if (reset_device(v))
		dev_warn(&v->dev, "the device failed to reset\n");

	set_as(v, NULL);
	vhost_vdpa_as_destroy(as);
	for (i = 0; i < v->nvqs; i++)
		vhost_vdpa_vq_release(&v->vqs[i]);
	if (config)
		eventfd_ctx_put(config);
	if (v->owner)
		mmdrop(v->owner);
	v->owner = NULL;
	v->features = 0;
	v->suspended = false;
}

/**
 * vhost_vdpa_set_owner - the calling process becomes the owner
 * @v: the device, locked
 *
 * Return: 0; -EBUSY when there is one; errors of vhost_vdpa_as_set_mm().
 */
int vhost_vdpa_set_owner(struct vhost_vdpa *v)
{
	int err;

	lockdep_assert_held(&v->lock);

	if (v->owner)
		return -EBUSY;
	err = vhost_vdpa_as_set_mm(v->as, current->mm);
	if (err)
		return err;
	/* the structure alone, so that no other process gets its address */
	mmgrab(current->mm);
	v->owner = current->mm;
	return 0;
}

/* -EPERM for a process that is not the owner */
int vhost_vdpa_check_owner(struct vhost_vdpa *v)
{
	lockdep_assert_held(&v->lock);

	return v->owner && v->owner == current->mm ? 0 : -EPERM;
}
