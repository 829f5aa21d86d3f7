// SPDX-License-Identifier: GPL-2.0
/*
 * Address spaces: from I/O addresses to pages of the host.
 *
 * A table of two levels. The upper one is an xarray with an entry for each block
 * of I/O addresses (2 MiB with 4 KiB pages): a block whose pages are contiguous
 * and of one permission is a value, any other one has a leaf with an entry for
 * each page. So huge pages cost an entry each, a run of small ones is a walk
 * along an array, and whatever is unmapped, at most the first and the last block
 * have to be cut.
 *
 * Changes are serialised by the lock; lookups are lockless: entries are read and
 * written whole, and what is taken out is freed after a grace period.
 */

#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "internal.h"

#define LEAF_SHIFT	(PAGE_SHIFT - 3)
#define LEAF_PAGES	BIT(LEAF_SHIFT)
#define LEAF_MASK	(LEAF_PAGES - 1)
#define LEAF_SIZE	(PAGE_SIZE << LEAF_SHIFT)

/**
 * struct vdpa_vring_leaf - the pages of a block
 * @page: physical address with VHOST_MAP_xx in the low bits, 0 for none
 * @used: number of pages that are mapped; a leaf without any is freed, unless it
 *	is &vdpa_vring_as.recent
 * @rcu: to free it
 */
struct vdpa_vring_leaf {
	u64 page[LEAF_PAGES];
	unsigned int used;
	struct rcu_head rcu;
};

static struct kmem_cache *leaf_cache;

int vring_as_cache_create(void)
{
	leaf_cache = KMEM_CACHE(vdpa_vring_leaf, SLAB_ACCOUNT);
	return leaf_cache ? 0 : -ENOMEM;
}

void vring_as_cache_destroy(void)
{
	/* leaves on their way */
	rcu_barrier();
	kmem_cache_destroy(leaf_cache);
}

static void leaf_free_rcu(struct rcu_head *rcu)
{
	kmem_cache_free(leaf_cache, container_of(rcu, struct vdpa_vring_leaf, rcu));
}

/* A block as a value; an address has no use for its highest bit */
static void *run_entry(u64 page)
{
	return xa_mk_value(page);
}

static u64 run_page(const void *entry, unsigned long index)
{
	return xa_to_value(entry) + index * PAGE_SIZE;
}

/* Each batch that starts from now on, in any ring, misses what has gone */
static void space_changed(struct vdpa_vring_as *as)
{
	lockdep_assert_held(&as->lock);
	/*
	 * Whoever sees the new generation does not see the former entries.
	 * Pairs with vring_usable() and vdpa_vring_refresh().
	 */
	smp_store_release(&as->gen, as->gen + 1);
}

static void space_end_identity(struct vdpa_vring_as *as)
{
	if (!as->identity)
		return;
	WRITE_ONCE(as->identity, false);
	space_changed(as);
}

static void space_drop_entry(struct vdpa_vring_as *as, u64 block, void *entry)
{
	struct vdpa_vring_leaf *leaf = entry;

	xa_erase(&as->blocks, block);
	if (xa_is_value(entry))
		return;
	if (as->recent == leaf)
		as->recent = NULL;
	call_rcu(&leaf->rcu, leaf_free_rcu);
}

/*
 * The leaf that was changed last stays while it is, empty or not: a lone range
 * comes and goes at the same place.
 */
static void space_set_recent(struct vdpa_vring_as *as, u64 block,
			     struct vdpa_vring_leaf *leaf)
{
	if (as->recent && !as->recent->used)
		space_drop_entry(as, as->recent_block, as->recent);
	as->recent = leaf;
	as->recent_block = block;
}

static void space_drop_all(struct vdpa_vring_as *as)
{
	unsigned long block;
	void *entry;

	xa_for_each(&as->blocks, block, entry) {
		space_drop_entry(as, block, entry);
		cond_resched();
	}
}

static void *space_entry(struct vdpa_vring_as *as, u64 block)
{
	if (as->recent && as->recent_block == block)
		return as->recent;
	return xa_load(&as->blocks, block);
}

/* The leaf for pages that are added to a block; an error pointer */
static struct vdpa_vring_leaf *space_add_leaf(struct vdpa_vring_as *as, u64 block)
{
	struct vdpa_vring_leaf *leaf = space_entry(as, block);
	int err;

	if (xa_is_value(leaf))
		return ERR_PTR(-EEXIST);
	if (!leaf) {
		leaf = kmem_cache_zalloc(leaf_cache, GFP_KERNEL);
		if (!leaf)
			return ERR_PTR(-ENOMEM);
		err = xa_err(xa_store(&as->blocks, block, leaf, GFP_KERNEL));
		if (err) {
			kmem_cache_free(leaf_cache, leaf);
			return ERR_PTR(err);
		}
	}
	if (as->recent != leaf)
		space_set_recent(as, block, leaf);
	return leaf;
}

/* Maps @n pages from @i on. How many it did: fewer when one is mapped already. */
static unsigned int leaf_fill(struct vdpa_vring_leaf *leaf, unsigned int i,
			      unsigned int n, u64 page)
{
	u64 *pos = leaf->page + i, *end = pos + n;

	for (; pos < end && !*pos; pos++, page += PAGE_SIZE)
		WRITE_ONCE(*pos, page);
	n -= end - pos;
	leaf->used += n;
	return n;
}

static void leaf_clear(struct vdpa_vring_leaf *leaf, unsigned int i, unsigned int n)
{
	u64 *pos = leaf->page + i, *end = pos + n;
	unsigned int gone = 0;

	for (; pos < end; pos++) {
		gone += !!*pos;
		WRITE_ONCE(*pos, 0);
	}
	leaf->used -= gone;
}

/*
 * Maps @n pages of one block. Returns how many it did; fewer with the reason in
 * @err.
 */
static unsigned int space_map_block(struct vdpa_vring_as *as, u64 first,
				    unsigned int n, u64 page, int *err)
{
	struct vdpa_vring_leaf *leaf;
	u64 block = first >> LEAF_SHIFT;
	unsigned int done = 0;

	if (n == LEAF_PAGES) {
		if (as->recent_block == block)
			space_set_recent(as, 0, NULL);
		*err = xa_insert(&as->blocks, block, run_entry(page), GFP_KERNEL);
		if (*err == -EBUSY)
			*err = -EEXIST;
		return *err ? 0 : n;
	}

	leaf = space_add_leaf(as, block);
	if (IS_ERR(leaf)) {
		*err = PTR_ERR(leaf);
		return 0;
	}
	done = leaf_fill(leaf, first & LEAF_MASK, n, page);
	if (done < n)
		*err = -EEXIST;
	return done;
}

/*
 * A part of a contiguous block goes: makes it a leaf of what stays. It must not
 * fail, what stays was not asked to go and what goes must go.
 */
static void space_cut_run(struct vdpa_vring_as *as, u64 block, const void *run,
			  unsigned int from, unsigned int n)
{
	struct vdpa_vring_leaf *leaf;
	unsigned int i;

	leaf = kmem_cache_alloc(leaf_cache, GFP_KERNEL | __GFP_NOFAIL);
	for (i = 0; i < LEAF_PAGES; i++)
		leaf->page[i] = i - from < n ? 0 : run_page(run, i);
	leaf->used = LEAF_PAGES - n;

	/* takes the place of the value and so needs no memory */
	xa_store(&as->blocks, block, leaf, GFP_KERNEL | __GFP_NOFAIL);
}

static bool space_unmap_block(struct vdpa_vring_as *as, u64 block, void *entry,
			      unsigned int from, unsigned int n)
{
	struct vdpa_vring_leaf *leaf = entry;
	unsigned int before;

	if (n == LEAF_PAGES) {
		space_drop_entry(as, block, entry);
		return true;
	}
	if (xa_is_value(entry)) {
		space_cut_run(as, block, entry, from, n);
		return true;
	}

	before = leaf->used;
	leaf_clear(leaf, from, n);
	if (leaf->used == before)
		return false;
	if (as->recent != leaf)
		space_set_recent(as, block, leaf);
	return true;
}

/* Unmaps pages @first to @last */
static void space_unmap(struct vdpa_vring_as *as, u64 first, u64 last)
{
	unsigned long block = first >> LEAF_SHIFT, end = last >> LEAF_SHIFT;
	bool gone = false;
	void *entry;

	lockdep_assert_held(&as->lock);

	if (block == end) {
		entry = space_entry(as, block);
		if (entry)
			gone = space_unmap_block(as, block, entry,
						 first & LEAF_MASK,
						 last - first + 1);
	} else {
		xa_for_each_range(&as->blocks, block, entry, block, end) {
			u64 start = (u64)block << LEAF_SHIFT;
			u64 from = max(first, start);
			u64 to = min(last, start + LEAF_MASK);

			gone |= space_unmap_block(as, block, entry,
						  from & LEAF_MASK, to - from + 1);
			cond_resched();
		}
	}
	if (gone)
		space_changed(as);
}

/**
 * vdpa_vring_as_init - make an address space
 * @as: the address space
 * @identity: I/O addresses are physical ones, as a kernel driver uses them;
 *	otherwise nothing is mapped
 */
void vdpa_vring_as_init(struct vdpa_vring_as *as, bool identity)
{
	mutex_init(&as->lock);
	xa_init_flags(&as->blocks, XA_FLAGS_ACCOUNT);
	as->recent = NULL;
	as->gen = 0;
	as->identity = identity;
}
EXPORT_SYMBOL_GPL(vdpa_vring_as_init);

/**
 * vdpa_vring_as_destroy - free what an address space holds
 * @as: the address space; no ring uses it any more
 *
 * Context: may sleep.
 */
void vdpa_vring_as_destroy(struct vdpa_vring_as *as)
{
	mutex_lock(&as->lock);
	space_drop_all(as);
	mutex_unlock(&as->lock);
	mutex_destroy(&as->lock);
}
EXPORT_SYMBOL_GPL(vdpa_vring_as_destroy);

/**
 * vdpa_vring_as_map - map a range
 * @as: the address space
 * @iova: I/O address, a multiple of PAGE_SIZE
 * @size: bytes, a multiple of PAGE_SIZE; the range ends at the last byte of the
 *	address space at most
 * @pa: physical address of memory in the kernel's direct map
 * @perm: VHOST_MAP_xx
 *
 * Ends the identity of an address space, which takes something away like
 * vdpa_vring_as_unmap() does. Cheapest in ascending order.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for a range that isn't one; -EEXIST when a part of it is
 * mapped; -ENOMEM. Nothing new is mapped after an error.
 */
int vdpa_vring_as_map(struct vdpa_vring_as *as, u64 iova, u64 size, u64 pa,
		      u32 perm)
{
	u64 first = iova >> PAGE_SHIFT, n = size >> PAGE_SHIFT, done = 0;
	int err = 0;

	if (!size || (iova | size | pa) & ~PAGE_MASK ||
	    iova + (size - 1) < iova || pa + (size - 1) < pa ||
	    pa + (size - 1) > S64_MAX || !perm || perm & ~VHOST_MAP_RW)
		return -EINVAL;

	mutex_lock(&as->lock);
	space_end_identity(as);
	while (done < n) {
		u64 page = first + done;
		unsigned int part = min(n - done, LEAF_PAGES - (page & LEAF_MASK));

		done += space_map_block(as, page, part,
					pa + (done << PAGE_SHIFT) + perm, &err);
		if (unlikely(err)) {
			if (done)
				space_unmap(as, first, first + done - 1);
			break;
		}
		if (part == LEAF_PAGES)
			cond_resched();
	}
	mutex_unlock(&as->lock);
	return err;
}
EXPORT_SYMBOL_GPL(vdpa_vring_as_map);

/**
 * vdpa_vring_as_unmap - unmap all that is mapped in a range
 * @as: the address space
 * @iova: I/O address, a multiple of PAGE_SIZE
 * @size: bytes; 0 for none. Rounded up to pages; a range that would wrap around
 *	ends with the address space.
 *
 * What is mapped outside stays; an identity ends as a whole. The caller then
 * waits for the rings, see above. Never fails; cutting a huge page needs a little
 * memory, for which it waits.
 *
 * Context: may sleep.
 */
void vdpa_vring_as_unmap(struct vdpa_vring_as *as, u64 iova, u64 size)
{
	u64 last = iova + (size - 1);

	if (!size)
		return;
	if (last < iova)
		last = U64_MAX;

	mutex_lock(&as->lock);
	space_end_identity(as);
	space_unmap(as, iova >> PAGE_SHIFT, last >> PAGE_SHIFT);
	mutex_unlock(&as->lock);
}
EXPORT_SYMBOL_GPL(vdpa_vring_as_unmap);

/**
 * vdpa_vring_as_reset - drop all mappings
 * @as: the address space
 * @identity: as for vdpa_vring_as_init()
 *
 * Context: may sleep.
 */
void vdpa_vring_as_reset(struct vdpa_vring_as *as, bool identity)
{
	mutex_lock(&as->lock);
	WRITE_ONCE(as->identity, identity);
	space_drop_all(as);
	space_changed(as);
	mutex_unlock(&as->lock);
}
EXPORT_SYMBOL_GPL(vdpa_vring_as_reset);

static u64 space_lookup(struct vdpa_vring_as *as, u64 iova)
{
	unsigned long index = (iova >> PAGE_SHIFT) & LEAF_MASK;
	struct vdpa_vring_leaf *leaf;

	if (READ_ONCE(as->identity))
		return pfn_valid(iova >> PAGE_SHIFT) ?
		       (iova & PAGE_MASK) | VHOST_MAP_RW : 0;

	leaf = xa_load(&as->blocks, iova / LEAF_SIZE);
	if (!leaf)
		return 0;
	if (xa_is_value(leaf))
		return run_page(leaf, index);
	return READ_ONCE(leaf->page[index]);
}

unsigned long vring_as_lookup(struct vdpa_vring_as *as, u64 iova)
{
	u64 page;

	rcu_read_lock();	/* keeps the leaf */
	page = space_lookup(as, iova);
	rcu_read_unlock();

	if (!page)
		return 0;
	return (unsigned long)phys_to_virt(page & PAGE_MASK) | (page & ~PAGE_MASK);
}
EXPORT_SYMBOL_IF_KUNIT(vring_as_lookup);
