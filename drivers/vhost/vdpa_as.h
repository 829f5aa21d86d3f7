/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VHOST_VDPA_AS_H
#define _VHOST_VDPA_AS_H

/*
 * Address spaces of one opened vDPA device: which user memory is pinned where,
 * and how the parent gets to know of it. Knows nothing of files and ioctls.
 *
 * Calls may come from several threads at once: a lock of the set's own puts
 * them in a row. They sleep, and take the mmap lock of the owner, so the caller
 * must not hold it. Only vhost_vdpa_as_destroy() must be alone.
 */

#include <linux/err.h>
#include <linux/types.h>
#include <linux/vdpa.h>

struct vhost_vdpa_as_set;

/* What vhost_vdpa_as_update() says of memory that is absent; no parent's errno */
#define VHOST_VDPA_ABSENT	(-MAX_ERRNO)

struct vhost_vdpa_as_set *vhost_vdpa_as_create(struct vdpa_device *vdev);
void vhost_vdpa_as_stop(struct vhost_vdpa_as_set *set);
void vhost_vdpa_as_destroy(struct vhost_vdpa_as_set *set);
void vhost_vdpa_as_range(struct vhost_vdpa_as_set *set, struct vdpa_iova_range *range);
int vhost_vdpa_as_set_mm(struct vhost_vdpa_as_set *set, struct mm_struct *mm);

int vhost_vdpa_as_update(struct vhost_vdpa_as_set *set, u32 asid, u64 iova, u64 size,
			 u64 uaddr, u8 perm, u64 *present);
int vhost_vdpa_as_populate(u64 iova, u64 size, u64 uaddr, u8 perm, u64 present,
			   const bool *stop);
int vhost_vdpa_as_invalidate(struct vhost_vdpa_as_set *set, u32 asid, u64 iova, u64 size);
int vhost_vdpa_as_batch_begin(struct vhost_vdpa_as_set *set, u32 asid);
int vhost_vdpa_as_batch_end(struct vhost_vdpa_as_set *set, u32 asid);
int vhost_vdpa_as_reset(struct vhost_vdpa_as_set *set, bool keep);

/* When the module comes and goes: caches for what the above allocate */
int vhost_vdpa_as_init(void);
void vhost_vdpa_as_exit(void);

#endif /* _VHOST_VDPA_AS_H */
