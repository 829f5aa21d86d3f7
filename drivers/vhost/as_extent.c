// SPDX-License-Identifier: GPL-2.0
/*
 * Extents: mapped pieces of an address space, and how they are cut.
 *
 * An address space keeps its extents in a tree. They don't overlap; a large
 * UPDATE may make several. The pins that an extent's runs stand for belong to
 * whoever holds the extent: cutting one up moves them, it does not make any.
 */

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/slab.h>

#include "as_internal.h"

static struct kmem_cache *extent_cache;

/* Written whole when it is used: nothing has to clear it before each time */
static void extent_init(void *e)
{
	memset(e, 0, sizeof(struct vhost_vdpa_extent));
}

int vhost_vdpa_extent_init(void)
{
	extent_cache = kmem_cache_create("vhost_vdpa_extent",
					 sizeof(struct vhost_vdpa_extent), 0,
					 SLAB_ACCOUNT, extent_init);
	return extent_cache ? 0 : -ENOMEM;
}

void vhost_vdpa_extent_exit(void)
{
	kmem_cache_destroy(extent_cache);
}

/* From the spare ones of @set, if there is one */
static struct vhost_vdpa_extent *extent_alloc(struct vhost_vdpa_as_set *set, gfp_t gfp)
{
	if (!set)
		return kmem_cache_alloc(extent_cache, gfp);

	lockdep_assert_held(&set->lock);
	if (!set->nspare)
		set->nspare = kmem_cache_alloc_bulk(extent_cache, gfp,
						    ARRAY_SIZE(set->spare) / 2,
						    (void **)set->spare);
	return set->nspare ? set->spare[--set->nspare] : NULL;
}

/**
 * vhost_vdpa_extent_pinned - an extent of pinned memory
 * @set: the set that it is for, locked; or NULL
 * @iova: where it is mapped
 * @perm: VHOST_MAP_xx
 * @runs: the memory, copied
 * @nruns: number of runs, not 0
 * @gfp: how to allocate
 *
 * Return: the extent, or NULL without memory.
 */
struct vhost_vdpa_extent *vhost_vdpa_extent_pinned(struct vhost_vdpa_as_set *set,
						   u64 iova, u8 perm,
						   const struct vhost_vdpa_run *runs,
						   unsigned int nruns, gfp_t gfp)
{
	struct vhost_vdpa_extent *e = extent_alloc(set, gfp);
	unsigned int i;
	u64 npages = 0;

	if (!e)
		return NULL;
	if (nruns == 1) {
		e->run = runs[0];
	} else {
		e->runs = kmalloc_array(nruns, sizeof(*runs), gfp);
		if (!e->runs) {
			kmem_cache_free(extent_cache, e);
			return NULL;
		}
		memcpy(e->runs, runs, array_size(nruns, sizeof(*runs)));
	}
	for (i = 0; i < nruns; i++)
		npages += runs[i].npages;
	e->array = nruns > 1;
	e->first = 0;
	e->nruns = nruns;
	e->iova = iova;
	e->last = iova + (npages << PAGE_SHIFT) - 1;
	e->perm = perm;
	return e;
}

/**
 * vhost_vdpa_extent_va - an extent of memory that is not pinned
 * @iova: where it is mapped
 * @last: end of it
 * @perm: VHOST_MAP_xx
 * @uaddr: the memory
 * @file: the file behind it, or NULL; the extent takes a reference
 * @offset: offset in @file
 * @gfp: how to allocate
 *
 * Return: the extent, or NULL without memory.
 */
struct vhost_vdpa_extent *vhost_vdpa_extent_va(u64 iova, u64 last, u8 perm,
					       u64 uaddr, struct file *file,
					       u64 offset, gfp_t gfp)
{
	struct vhost_vdpa_extent *e = kmem_cache_alloc(extent_cache, gfp);

	if (!e)
		return NULL;
	e->va = kmalloc(sizeof(*e->va), gfp);
	if (!e->va) {
		kmem_cache_free(extent_cache, e);
		return NULL;
	}
	e->va->uaddr = uaddr;
	e->va->map_file.file = file ? get_file(file) : NULL;
	e->va->map_file.offset = offset;
	e->array = false;
	e->nruns = 0;
	e->iova = iova;
	e->last = last;
	e->perm = perm;
	return e;
}

static void free_memory(struct vhost_vdpa_extent *e)
{
	if (!e->nruns) {
		if (e->va->map_file.file)
			fput(e->va->map_file.file);
		kfree(e->va);
	} else if (e->array) {
		kfree(e->runs);
	}
}

/**
 * vhost_vdpa_extent_free - free an extent, not the pins it stands for
 * @e: the extent, in no tree and no list; or NULL
 */
void vhost_vdpa_extent_free(struct vhost_vdpa_extent *e)
{
	if (!e)
		return;
	free_memory(e);
	kmem_cache_free(extent_cache, e);
}

/**
 * vhost_vdpa_extent_recycle - the same, and the set may use it again
 * @set: the set, locked
 * @e: the extent, in no tree and no list
 */
void vhost_vdpa_extent_recycle(struct vhost_vdpa_as_set *set, struct vhost_vdpa_extent *e)
{
	const unsigned int half = ARRAY_SIZE(set->spare) / 2;

	lockdep_assert_held(&set->lock);

	free_memory(e);
	if (set->nspare == ARRAY_SIZE(set->spare)) {
		set->nspare = half;
		kmem_cache_free_bulk(extent_cache, half, (void **)set->spare + half);
	}
	set->spare[set->nspare++] = e;
}

/* Frees the spare ones of a set that goes */
void vhost_vdpa_extent_free_spare(struct vhost_vdpa_as_set *set)
{
	if (set->nspare)
		kmem_cache_free_bulk(extent_cache, set->nspare, (void **)set->spare);
	set->nspare = 0;
}

/* The run that @addr lies in: its number, and how many pages of it come before */
static unsigned int find_run(struct vhost_vdpa_extent *e, u64 addr, u64 *before)
{
	const struct vhost_vdpa_run *runs = vhost_vdpa_extent_runs(e);
	u64 pages = (addr - e->iova) >> PAGE_SHIFT;
	unsigned int i;

	for (i = 0; pages >= runs[i].npages; i++)
		pages -= runs[i].npages;
	*before = pages;
	return i;
}

/**
 * vhost_vdpa_extent_run_at - what the parent got as a unit
 * @e: the extent
 * @addr: an I/O address in it
 * @from: first address of the run that @addr lies in
 * @to: last address of it
 * @mem: physical address, or virtual one, of @from
 */
void vhost_vdpa_extent_run_at(struct vhost_vdpa_extent *e, u64 addr, u64 *from,
			      u64 *to, u64 *mem)
{
	const struct vhost_vdpa_run *run;
	u64 before;

	if (!e->nruns) {
		*from = e->iova;
		*to = e->last;
		*mem = e->va->uaddr;
		return;
	}
	run = vhost_vdpa_extent_runs(e) + find_run(e, addr, &before);
	*from = (addr & PAGE_MASK) - (before << PAGE_SHIFT);
	*to = *from + ((u64)run->npages << PAGE_SHIFT) - 1;
	*mem = (u64)run->pfn << PAGE_SHIFT;
}

/**
 * vhost_vdpa_extent_slice - an extent for a part of another
 * @e: the other one, left as it is
 * @from: begin of the part
 * @to: end of the part
 * @gfp: how to allocate
 *
 * Both stand for the same pins until vhost_vdpa_extent_keep() takes them from
 * @e, or the slice is freed.
 *
 * Return: the slice, or NULL without memory.
 */
struct vhost_vdpa_extent *vhost_vdpa_extent_slice(struct vhost_vdpa_extent *e,
						  u64 from, u64 to, gfp_t gfp)
{
	const struct vhost_vdpa_run *runs;
	unsigned int begin, end;
	struct vhost_vdpa_extent *slice;
	u64 before_begin, before_end;
	struct vhost_vdpa_run *cut;

	if (!e->nruns)
		return vhost_vdpa_extent_va(from, to, e->perm,
					    e->va->uaddr + (from - e->iova),
					    e->va->map_file.file,
					    e->va->map_file.offset + (from - e->iova),
					    gfp);

	runs = vhost_vdpa_extent_runs(e);
	begin = find_run(e, from, &before_begin);
	end = find_run(e, to, &before_end);
	slice = vhost_vdpa_extent_pinned(NULL, from, e->perm, runs + begin,
					 end - begin + 1, gfp);
	if (!slice)
		return NULL;
	slice->last = to;
	cut = vhost_vdpa_extent_runs(slice);
	cut[end - begin].npages = before_end + 1;
	cut[0].pfn += before_begin;
	cut[0].npages -= before_begin;
	return slice;
}

/**
 * vhost_vdpa_extent_keep - make an extent smaller
 * @e: the extent
 * @from: new begin
 * @to: new end
 *
 * It may stay in its tree: the order does not change.
 */
void vhost_vdpa_extent_keep(struct vhost_vdpa_extent *e, u64 from, u64 to)
{
	unsigned int begin, end;
	u64 before_begin, before_end;
	struct vhost_vdpa_run *runs;

	if (!e->nruns) {
		e->va->uaddr += from - e->iova;
		e->va->map_file.offset += from - e->iova;
	} else {
		runs = vhost_vdpa_extent_runs(e);
		begin = find_run(e, from, &before_begin);
		end = find_run(e, to, &before_end);
		runs[end].npages = before_end + 1;
		runs[begin].pfn += before_begin;
		runs[begin].npages -= before_begin;
		e->nruns = end - begin + 1;
		e->first += begin;
	}
	e->iova = from;
	e->last = to;
}

/**
 * vhost_vdpa_extent_find - the first extent that ends at an address or after it
 * @as: the address space, its set locked
 * @addr: the address
 *
 * Return: the extent, or NULL.
 */
struct vhost_vdpa_extent *vhost_vdpa_extent_find(struct vhost_vdpa_as *as, u64 addr)
{
	struct rb_node *node = as->extents.rb_root.rb_node;
	struct vhost_vdpa_extent *e, *found = NULL;

	lockdep_assert_held(&as->set->lock);

	/* most clients map in ascending order, and unmap so too */
	if (!as->rightmost || as->rightmost->last < addr)
		return NULL;
	e = rb_entry(rb_first_cached(&as->extents), struct vhost_vdpa_extent, node);
	if (e->last >= addr)
		return e;

	while (node) {
		e = rb_entry(node, struct vhost_vdpa_extent, node);
		if (e->last < addr) {
			node = node->rb_right;
		} else {
			found = e;
			node = node->rb_left;
		}
	}
	return found;
}

struct vhost_vdpa_extent *vhost_vdpa_extent_next(struct vhost_vdpa_extent *e)
{
	return rb_entry_safe(rb_next(&e->node), struct vhost_vdpa_extent, node);
}

/**
 * vhost_vdpa_extent_insert - put an extent into its place
 * @as: the address space, its set locked; nothing is mapped there
 * @e: the extent
 */
void vhost_vdpa_extent_insert(struct vhost_vdpa_as *as, struct vhost_vdpa_extent *e)
{
	struct rb_node **link = &as->extents.rb_root.rb_node, *parent = NULL;
	bool leftmost = true;

	lockdep_assert_held(&as->set->lock);

	if (as->rightmost && as->rightmost->last < e->iova) {
		parent = &as->rightmost->node;
		link = &parent->rb_right;
		leftmost = false;
	}
	while (*link) {
		parent = *link;
		if (e->iova < rb_entry(parent, struct vhost_vdpa_extent, node)->iova) {
			link = &parent->rb_left;
		} else {
			link = &parent->rb_right;
			leftmost = false;
		}
	}
	rb_link_node(&e->node, parent, link);
	rb_insert_color_cached(&e->node, &as->extents, leftmost);
	if (!as->rightmost || as->rightmost->last < e->iova)
		as->rightmost = e;
}

/**
 * vhost_vdpa_extent_erase - take an extent out of its tree
 * @as: the address space, its set locked
 * @e: the extent
 */
void vhost_vdpa_extent_erase(struct vhost_vdpa_as *as, struct vhost_vdpa_extent *e)
{
	lockdep_assert_held(&as->set->lock);

	if (e == as->rightmost)
		as->rightmost = rb_entry_safe(rb_prev(&e->node),
					      struct vhost_vdpa_extent, node);
	rb_erase_cached(&e->node, &as->extents);
}
