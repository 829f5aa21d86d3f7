// SPDX-License-Identifier: GPL-2.0
/*
 * The two ways to a parent that translates by itself: a whole table at once
 * (set_map), or range by range (dma_map, dma_unmap). as_iommu.c has the third.
 */

#include <linux/slab.h>

#include "as_internal.h"

static int table_map(struct vhost_vdpa_as *as, u64 iova, u64 size, u64 addr,
		     u32 perm, void *opaque)
{
	if (!as->table) {
		/* a limit of 0 would let nothing in */
		as->table = vhost_iotlb_alloc(UINT_MAX, 0);
		if (!as->table)
			return -ENOMEM;
	}
	return vhost_iotlb_add_range_ctx(as->table, iova, iova + size - 1, addr,
					 perm, opaque);
}

static int table_unmap(struct vhost_vdpa_as *as, u64 iova, u64 size)
{
	if (as->table)
		vhost_iotlb_del_range(as->table, iova, iova + size - 1);
	return 0;
}

static int table_sync(struct vhost_vdpa_as *as)
{
	struct vdpa_device *vdev = as->set->vdev;

	return as->table ? vdev->config->set_map(vdev, as->asid, as->table) : 0;
}

/* The same as direct_clear() for a parent with tables */
static int table_clear(struct vhost_vdpa_as_set *set, u32 asid)
{
	struct vdpa_device *vdev = set->vdev;
	struct vhost_iotlb empty;

	vhost_iotlb_init(&empty, 0, 0);
	return vdev->config->set_map(vdev, asid, &empty);
}

const struct vhost_vdpa_way vhost_vdpa_way_table = {
	.map = table_map,
	.unmap = table_unmap,
	.clear = table_clear,
	.sync = table_sync,
};

static int direct_init(struct vhost_vdpa_as_set *set)
{
	/* parents of Linux 6.12 hear of each range as they have heard of it before */
	set->exact = !set->vdev->config->dma_unmap_range;
	return 0;
}

static int direct_map(struct vhost_vdpa_as *as, u64 iova, u64 size, u64 addr,
		      u32 perm, void *opaque)
{
	struct vdpa_device *vdev = as->set->vdev;

	return vdev->config->dma_map(vdev, as->asid, iova, size, addr, perm, opaque);
}

static int direct_unmap(struct vhost_vdpa_as *as, u64 iova, u64 size)
{
	struct vdpa_device *vdev = as->set->vdev;
	const struct vdpa_config_ops *ops = vdev->config;

	return ops->dma_unmap_range ? ops->dma_unmap_range(vdev, as->asid, iova, size) :
				      ops->dma_unmap(vdev, as->asid, iova, size);
}

/* A parent may give a kernel driver all memory until something is said: after
 * this it has been told that there is nothing.
 */
static int direct_clear(struct vhost_vdpa_as_set *set, u32 asid)
{
	struct vdpa_device *vdev = set->vdev;
	u64 first = set->range.first & PAGE_MASK;
	u64 last = set->range.last | ~PAGE_MASK;

	/* there is no size for all 64 bits, it is one page short of them */
	vdev->config->dma_unmap(vdev, asid, first, last - first + 1 ?: -PAGE_SIZE);
	/* parents of Linux 6.12 may say that nothing was mapped: see @dma_unmap */
	return 0;
}

const struct vhost_vdpa_way vhost_vdpa_way_direct = {
	.init = direct_init,
	.map = direct_map,
	.unmap = direct_unmap,
	.clear = direct_clear,
};

/**
 * vhost_vdpa_extent_unmap - tell the parent that runs of an extent go
 * @as: the address space, its set locked
 * @e: the extent
 * @from: begin of the first run
 * @to: end of the last one; unless the set is exact, this may be in another
 *	extent, when there is no gap before it
 *
 * Return: 0; or the first error, and then some of it may be gone.
 */
int vhost_vdpa_extent_unmap(struct vhost_vdpa_as *as, struct vhost_vdpa_extent *e,
			    u64 from, u64 to)
{
	const struct vhost_vdpa_way *way = as->set->way;
	const struct vhost_vdpa_run *runs;
	u64 iova = e->iova;
	unsigned int i;
	int ret = 0;

	lockdep_assert_held(&as->set->lock);

	if (!as->set->exact || !e->nruns)
		return way->unmap(as, from, to - from + 1);

	runs = vhost_vdpa_extent_runs(e);
	for (i = 0; i < e->nruns && iova <= to; i++) {
		u64 size = (u64)runs[i].npages << PAGE_SHIFT;
		int err = iova < from ? 0 : way->unmap(as, iova, size);

		ret = ret ?: err;
		iova += size;
	}
	return ret;
}

/**
 * vhost_vdpa_extent_map - tell the parent of an extent
 * @as: the address space, its set locked
 * @e: the extent
 * @kept: set to the number of its runs, from the first one on, that the parent may
 *	still have after an error: it refused to drop them. NULL in virtual address
 *	mode, where there are no runs.
 *
 * Return: 0; or an error, and then nothing of it is mapped but for @kept.
 */
int vhost_vdpa_extent_map(struct vhost_vdpa_as *as, struct vhost_vdpa_extent *e,
			  unsigned int *kept)
{
	const struct vhost_vdpa_way *way = as->set->way;
	const struct vhost_vdpa_run *runs;
	u64 iova = e->iova;
	unsigned int i;
	int err;

	lockdep_assert_held(&as->set->lock);

	if (!e->nruns)
		return way->map(as, iova, e->last - iova + 1, e->va->uaddr, e->perm,
				e->va->map_file.file ? &e->va->map_file : NULL);

	runs = vhost_vdpa_extent_runs(e);
	for (i = 0; i < e->nruns; i++) {
		u64 size = (u64)runs[i].npages << PAGE_SHIFT;

		err = way->map(as, iova, size, (u64)runs[i].pfn << PAGE_SHIFT,
			       e->perm, NULL);
		if (err) {
			*kept = i && vhost_vdpa_extent_unmap(as, e, e->iova, iova - 1) ? i : 0;
			return err;
		}
		iova += size;
	}
	return 0;
}

/**
 * vhost_vdpa_extent_map_part - tell the parent of a part of one run
 * @as: the address space, its set locked
 * @e: the extent with that run
 * @from: begin of the part
 * @to: end of it
 *
 * Return: 0 or an error.
 */
int vhost_vdpa_extent_map_part(struct vhost_vdpa_as *as, struct vhost_vdpa_extent *e,
			       u64 from, u64 to)
{
	u64 begin, end, mem;
	void *opaque = NULL;

	if (!e->nruns && e->va->map_file.file)
		opaque = &e->va->map_file;
	vhost_vdpa_extent_run_at(e, from, &begin, &end, &mem);
	return as->set->way->map(as, from, to - from + 1, mem + (from - begin),
				 e->perm, opaque);
}
