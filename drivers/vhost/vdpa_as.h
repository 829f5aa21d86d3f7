/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VHOST_VDPA_AS_H
#define _VHOST_VDPA_AS_H

/*
 * Address spaces of one opened vDPA device: which user memory is pinned where,
 * and how the parent gets to know of it. Knows nothing of files and ioctls.
 */

#include <linux/types.h>
#include <linux/vdpa.h>

struct vhost_vdpa_as_set;

/* On open of the char device. Chooses set_map, dma_map or an IOMMU domain. */
struct vhost_vdpa_as_set *vhost_vdpa_as_create(struct vdpa_device *vdev);
/* On release or unplug: unmaps and unpins everything, puts the domain. */
void vhost_vdpa_as_destroy(struct vhost_vdpa_as_set *set);
/* The range a client may map (GET_IOVA_RANGE) */
void vhost_vdpa_as_range(struct vhost_vdpa_as_set *set, struct vdpa_iova_range *range);
/* On SET_OWNER: current->mm pays for pins from now on. On release or unplug: NULL. */
int vhost_vdpa_as_set_mm(struct vhost_vdpa_as_set *set, struct mm_struct *mm);

/* IOTLB messages; any alignment, checks all arguments itself */
int vhost_vdpa_as_update(struct vhost_vdpa_as_set *set, u32 asid, u64 iova, u64 size,
			 u64 uaddr, u8 perm);
int vhost_vdpa_as_invalidate(struct vhost_vdpa_as_set *set, u32 asid, u64 iova, u64 size);
int vhost_vdpa_as_batch_begin(struct vhost_vdpa_as_set *set, u32 asid);
int vhost_vdpa_as_batch_end(struct vhost_vdpa_as_set *set, u32 asid);

/* On SET_STATUS 0: mappings go (keep == false) or stay (IOTLB_PERSIST acknowledged) */
void vhost_vdpa_as_reset(struct vhost_vdpa_as_set *set, bool keep);

#endif /* _VHOST_VDPA_AS_H */
