/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VHOST_VDPA_AS_INTERNAL_H
#define _VHOST_VDPA_AS_INTERNAL_H

/* What the files of the address spaces share; the outside is vdpa_as.h. */

#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/vhost_iotlb.h>

#include "vdpa_as.h"

struct vhost_vdpa_account;

/* Pinned pages that lie side by side */
struct vhost_vdpa_run {
	u64 pfn : 40;
	u64 npages : 24;
};

/* 32 GiB with pages of 4 KiB: a power of two keeps what follows aligned */
#define VHOST_VDPA_RUN_MAX	BIT(23)
/* An extent has no more runs than this, so that it is cut in bounded time */
#define VHOST_VDPA_RUNS_MAX	1024
/* Pages pinned at once; twice as many runs must fit into an extent */
#define VHOST_VDPA_CHUNK	(VHOST_VDPA_RUNS_MAX / 2)
/* Extents are allocated and freed by half of this */
#define VHOST_VDPA_SPARE	32

/* User memory by its address, in virtual address mode */
struct vhost_vdpa_va {
	u64 uaddr;
	struct vdpa_map_file map_file;	/* file is NULL for anonymous memory */
};

/**
 * struct vhost_vdpa_extent - a mapped piece of an address space
 * @node: place in &vhost_vdpa_as.extents, by address
 * @gone: place in a list of extents on their way out
 * @iova: first I/O address, start of a page
 * @last: last I/O address, end of a page
 * @first: first of @runs that is still in use
 * @nruns: number of runs; 0 in virtual address mode
 * @perm: VHOST_MAP_xx
 * @array: @runs is an array, otherwise @run is the only one
 * @run: the memory
 * @runs: the memory
 * @va: the memory, in virtual address mode
 */
struct vhost_vdpa_extent {
	union {
		struct rb_node node;
		struct list_head gone;
	};
	u64 iova;
	u64 last;
	u16 first;
	u16 nruns;
	u8 perm;
	bool array;
	union {
		struct vhost_vdpa_run run;
		struct vhost_vdpa_run *runs;
		struct vhost_vdpa_va *va;
	};
};

/**
 * struct vhost_vdpa_as - one address space
 * @set: the set it belongs to, whose lock protects all of the following
 * @asid: its number
 * @batch: between BATCH_BEGIN and BATCH_END
 * @dirty: @table differs from the one that the parent has
 * @extents: what is mapped
 * @rightmost: the last of @extents; NULL when there is none
 * @table: the same for a parent with set_map, run by run
 * @gone: extents no longer mapped, but the parent has not dropped them yet
 */
struct vhost_vdpa_as {
	struct vhost_vdpa_as_set *set;
	u32 asid;
	bool batch;
	bool dirty;
	struct rb_root_cached extents;
	struct vhost_vdpa_extent *rightmost;
	struct vhost_iotlb *table;
	struct list_head gone;
};

/**
 * struct vhost_vdpa_way - a way to tell the parent what is mapped
 * @init: prepares the set; optional
 * @exit: undoes @init; optional
 * @reaches: whether the device can be given memory at all these addresses; optional,
 *	then it can
 * @map: adds a run. @addr is a physical address, or in virtual address mode a
 *	virtual one, with its file in @opaque.
 * @unmap: removes runs, each as a whole, without a gap between them: those of
 *	several calls of @map too, unless the set is exact
 * @clear: leaves an address space that is empty here without anything that the
 *	parent may have mapped there; optional
 * @sync: hands over what @map and @unmap collected. On error the parent still
 *	has what it had. Without it, they act at once.
 *
 * All are called with the set's lock held.
 */
struct vhost_vdpa_way {
	int (*init)(struct vhost_vdpa_as_set *set);
	void (*exit)(struct vhost_vdpa_as_set *set);
	bool (*reaches)(struct vhost_vdpa_as_set *set, u64 first, u64 last);
	int (*map)(struct vhost_vdpa_as *as, u64 iova, u64 size, u64 addr,
		   u32 perm, void *opaque);
	int (*unmap)(struct vhost_vdpa_as *as, u64 iova, u64 size);
	int (*clear)(struct vhost_vdpa_as_set *set, u32 asid);
	int (*sync)(struct vhost_vdpa_as *as);
};

extern const struct vhost_vdpa_way vhost_vdpa_way_table;
extern const struct vhost_vdpa_way vhost_vdpa_way_direct;
extern const struct vhost_vdpa_way vhost_vdpa_way_iommu;

/**
 * struct vhost_vdpa_as_set - the address spaces of an opened device
 * @vdev: the device
 * @way: how its parent wants to be told
 * @exact: the parent is told to unmap what it was told to map, call by call
 * @range: I/O addresses that may be mapped
 * @domain: the IOMMU domain, where the platform translates
 * @reserved: I/O addresses that are not translated, where the platform does
 * @stopped: nothing more is mapped; set without the lock
 * @lock: serialises calls; protects all below and the parent's mappings
 * @account: who pays for pinned memory; NULL before there is an owner
 * @bound: the parent has been bound to the owner's memory
 * @pages: pages of the chunk that is being pinned
 * @runs: runs that are pinned and not in an extent yet
 * @nruns: number of @runs
 * @spare: extents that are allocated and not in use
 * @nspare: number of @spare
 * @nas: number of address spaces
 * @as: address spaces, NULL where not used yet
 */
struct vhost_vdpa_as_set {
	struct vdpa_device *vdev;
	const struct vhost_vdpa_way *way;
	bool exact;
	struct vdpa_iova_range range;
	struct iommu_domain *domain;
	struct list_head reserved;
	bool stopped;
	struct mutex lock; /* serialises calls, see above */
	struct vhost_vdpa_account *account;
	bool bound;
	struct page **pages;
	struct vhost_vdpa_run *runs;
	unsigned int nruns;
	struct vhost_vdpa_extent *spare[VHOST_VDPA_SPARE];
	unsigned int nspare;
	u32 nas;
	struct vhost_vdpa_as *as[] __counted_by(nas);
};

/* as_extent.c */
int vhost_vdpa_extent_init(void);
void vhost_vdpa_extent_exit(void);
struct vhost_vdpa_extent *vhost_vdpa_extent_pinned(struct vhost_vdpa_as_set *set,
						   u64 iova, u8 perm,
						   const struct vhost_vdpa_run *runs,
						   unsigned int nruns, gfp_t gfp);
struct vhost_vdpa_extent *vhost_vdpa_extent_va(u64 iova, u64 last, u8 perm,
					       u64 uaddr, struct file *file,
					       u64 offset, gfp_t gfp);
struct vhost_vdpa_extent *vhost_vdpa_extent_slice(struct vhost_vdpa_extent *e,
						  u64 from, u64 to, gfp_t gfp);
void vhost_vdpa_extent_keep(struct vhost_vdpa_extent *e, u64 from, u64 to);
void vhost_vdpa_extent_free(struct vhost_vdpa_extent *e);
void vhost_vdpa_extent_recycle(struct vhost_vdpa_as_set *set, struct vhost_vdpa_extent *e);
void vhost_vdpa_extent_free_spare(struct vhost_vdpa_as_set *set);
void vhost_vdpa_extent_run_at(struct vhost_vdpa_extent *e, u64 addr, u64 *from,
			      u64 *to, u64 *mem);
struct vhost_vdpa_extent *vhost_vdpa_extent_find(struct vhost_vdpa_as *as, u64 addr);
struct vhost_vdpa_extent *vhost_vdpa_extent_next(struct vhost_vdpa_extent *e);
void vhost_vdpa_extent_insert(struct vhost_vdpa_as *as, struct vhost_vdpa_extent *e);
void vhost_vdpa_extent_erase(struct vhost_vdpa_as *as, struct vhost_vdpa_extent *e);

static inline struct vhost_vdpa_run *vhost_vdpa_extent_runs(struct vhost_vdpa_extent *e)
{
	return e->array ? e->runs + e->first : &e->run;
}

/* as_map.c */
int vhost_vdpa_extent_map(struct vhost_vdpa_as *as, struct vhost_vdpa_extent *e,
			  unsigned int *kept);
int vhost_vdpa_extent_unmap(struct vhost_vdpa_as *as, struct vhost_vdpa_extent *e,
			    u64 from, u64 to);
int vhost_vdpa_extent_map_part(struct vhost_vdpa_as *as, struct vhost_vdpa_extent *e,
			       u64 from, u64 to);

/* as_remove.c */
enum vhost_vdpa_remove {
	VHOST_VDPA_REMOVE,	/* a client asks: gives back what the parent has dropped */
	VHOST_VDPA_REMOVE_UNDO,	/* the parent has not been handed over the range yet */
	VHOST_VDPA_REMOVE_FORCE,/* the device has been reset and uses no memory */
};

int vhost_vdpa_remove(struct vhost_vdpa_as *as, u64 first, u64 last,
		      enum vhost_vdpa_remove why);
int vhost_vdpa_sync(struct vhost_vdpa_as *as);
void vhost_vdpa_release(struct vhost_vdpa_as_set *set, struct list_head *gone);

/* as_pin.c */
int vhost_vdpa_pin(struct vhost_vdpa_as *as, u64 iova, u64 last, u64 uaddr, u8 perm,
		   u64 *present);
void vhost_vdpa_unpin(const struct vhost_vdpa_run *runs, unsigned int nruns, bool dirty);

/* as_va.c */
int vhost_vdpa_map_va(struct vhost_vdpa_as *as, u64 iova, u64 last, u64 uaddr, u8 perm);

/* as_account.c */
int vhost_vdpa_account_init(void);
void vhost_vdpa_account_exit(void);
struct vhost_vdpa_account *vhost_vdpa_account_get(struct mm_struct *mm);
void vhost_vdpa_account_put(struct vhost_vdpa_account *account);
struct mm_struct *vhost_vdpa_account_mm(struct vhost_vdpa_account *account);
void vhost_vdpa_account_lock(struct vhost_vdpa_account *account);
void vhost_vdpa_account_unlock(struct vhost_vdpa_account *account);
long vhost_vdpa_account_use(struct vhost_vdpa_account *account, u64 pfn, u64 npages);
long vhost_vdpa_account_unuse_runs(struct vhost_vdpa_account *account,
				   const struct vhost_vdpa_run *runs, unsigned int nruns);
int vhost_vdpa_account_charge(struct vhost_vdpa_account *account, long npages);
void vhost_vdpa_account_uncharge(struct vhost_vdpa_account *account, long npages);

#endif /* _VHOST_VDPA_AS_INTERNAL_H */
