// SPDX-License-Identifier: GPL-2.0
/*
 * The memory side of the mock parent: it remembers what is mapped, so that
 * tests can look, and checks that the caller does not contradict itself.
 */

#include <linux/fs.h>
#include <linux/vhost_iotlb.h>
#include <uapi/linux/vhost_types.h>

#include "mock.h"

static bool mock_space_ok(struct mock *mock, unsigned int asid)
{
	mock_expect(mock, asid < mock->vdpa.nas, "the device has this address space");
	return asid < mock->vdpa.nas;
}

static void mock_check_range(struct mock *mock, u64 first, u64 last)
{
	mock_expect(mock, first <= last, "a mapping has a size");
	mock_expect(mock, first >= mock->range.first && last <= mock->range.last,
		    "a mapping is in the range of the device");
	mock_expect(mock, PAGE_ALIGNED(first) && PAGE_ALIGNED(last + 1),
		    "a mapping is of whole pages");
}

static int mock_copy_maps(struct mock *mock, struct vhost_iotlb *to,
			  struct vhost_iotlb *from)
{
	struct vhost_iotlb_map *map;
	int err;

	for (map = vhost_iotlb_itree_first(from, 0, U64_MAX); map;
	     map = vhost_iotlb_itree_next(map, 0, U64_MAX)) {
		mock_check_range(mock, map->start, map->last);
		mock_expect(mock, !vhost_iotlb_itree_first(to, map->start, map->last),
			    "mappings don't overlap");
		err = vhost_iotlb_add_range(to, map->start, map->last, map->addr,
					    map->perm);
		if (err)
			return err;
	}
	return 0;
}

int mock_set_map(struct vdpa_device *vdpa, unsigned int asid,
		 struct vhost_iotlb *iotlb)
{
	struct mock *mock = to_mock(vdpa);
	struct vhost_iotlb *table;
	int err = MOCK_CALLED(mock, set_map, asid, iotlb->nmaps);

	if (err || !mock_space_ok(mock, asid))
		return err ?: -EINVAL;
	table = vhost_iotlb_alloc(UINT_MAX, 0);
	if (!table)
		return -ENOMEM;
	err = mock_copy_maps(mock, table, iotlb);

	guard(mutex)(&mock->map_lock);
	/* the former table holds on error */
	if (!err)
		swap(mock->maps[asid], table);
	vhost_iotlb_free(table);
	return err;
}

int mock_dma_map(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
		 u64 size, u64 pa, u32 perm, void *opaque)
{
	struct mock *mock = to_mock(vdpa);
	u64 last = iova + size - 1;
	struct vdpa_map_file *file = opaque;
	int err = !vdpa->use_va ? MOCK_CALLED(mock, dma_map, asid, iova, size, perm) :
		MOCK_CALLED(mock, dma_map, asid, iova, size, perm, pa,
			    file ? file_inode(file->file)->i_ino : 0,
			    file ? file->offset : 0);

	if (err || !mock_space_ok(mock, asid))
		return err ?: -EINVAL;
	mock_check_range(mock, iova, last);

	guard(mutex)(&mock->map_lock);
	mock_expect(mock, !vhost_iotlb_itree_first(mock->maps[asid], iova, last),
		    "mappings don't overlap");
	return vhost_iotlb_add_range(mock->maps[asid], iova, last, pa, perm);
}

static int mock_unmap(struct mock *mock, unsigned int asid, u64 iova, u64 last)
{
	if (!mock_space_ok(mock, asid))
		return -EINVAL;

	guard(mutex)(&mock->map_lock);
	vhost_iotlb_del_range(mock->maps[asid], iova, last);
	return 0;
}

/* Nothing, or what one dma_map has mapped */
static void mock_check_exact(struct mock *mock, unsigned int asid, u64 iova, u64 last)
{
	struct vhost_iotlb_map *map;

	if (asid >= mock->vdpa.nas)
		return;
	guard(mutex)(&mock->map_lock);
	map = vhost_iotlb_itree_first(mock->maps[asid], iova, last);
	mock_expect(mock, !map || (map->start == iova && map->last == last),
		    "what is unmapped was mapped by one call");
}

int mock_dma_unmap(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
		   u64 size)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, dma_unmap, asid, iova, size);

	mock_check_exact(mock, asid, iova, iova + size - 1);
	return err ?: mock_unmap(mock, asid, iova, iova + size - 1);
}

int mock_dma_unmap_range(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
			 u64 size)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, dma_unmap_range, asid, iova, size);

	return err ?: mock_unmap(mock, asid, iova, iova + size - 1);
}

int mock_reset_map(struct vdpa_device *vdpa, unsigned int asid)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, reset_map, asid);

	if (err || !mock_space_ok(mock, asid))
		return err ?: -EINVAL;

	guard(mutex)(&mock->map_lock);
	vhost_iotlb_reset(mock->maps[asid]);
	return 0;
}

int mock_set_group_asid(struct vdpa_device *vdpa, unsigned int group,
			unsigned int asid)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, set_group_asid, group, asid);

	if (err)
		return err;
	if (group >= vdpa->ngroups || asid >= vdpa->nas)
		return -EINVAL;
	return 0;
}

void mock_drop_maps(struct mock *mock)
{
	unsigned int asid;

	guard(mutex)(&mock->map_lock);
	for (asid = 0; asid < mock->vdpa.nas; asid++)
		vhost_iotlb_reset(mock->maps[asid]);
}
