// SPDX-License-Identifier: GPL-2.0
/*
 * Address spaces: from I/O addresses to pages of the host.
 *
 * An entry holds the distance from the page number of the I/O address to the
 * page frame number. It is the same for each page of a run that is contiguous
 * on both sides, so a run needs only as many entries as it has aligned powers of
 * two, and a part of an entry keeps its value when the rest goes.
 */

#include <linux/export.h>
#include <linux/mm.h>

#include "internal.h"

#define PERM_BITS	2
#define PERM_MASK	((1UL << PERM_BITS) - 1)

/* Page numbers and their distances; wraps around at this many bits */
#define PAGE_NR_BITS	(64 - PAGE_SHIFT)
#define PAGE_NR_MASK	((1UL << PAGE_NR_BITS) - 1)

/* An entry's value must fit into 63 bits beside the mark of a value */
static_assert(PAGE_NR_BITS + PERM_BITS <= 63);

static void *space_entry(u64 page, u64 pfn, u32 perm)
{
	return xa_mk_value(((pfn - page) & PAGE_NR_MASK) << PERM_BITS | perm);
}

static u64 space_pfn(const void *entry, u64 page)
{
	return ((xa_to_value(entry) >> PERM_BITS) + page) & PAGE_NR_MASK;
}

/**
 * vdpa_vring_as_init - make an address space
 * @as: the address space
 * @identity: I/O addresses are physical ones; otherwise nothing is mapped
 */
void vdpa_vring_as_init(struct vdpa_vring_as *as, bool identity)
{
	mutex_init(&as->lock);
	xa_init(&as->pages);
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
	xa_destroy(&as->pages);
	mutex_destroy(&as->lock);
}
EXPORT_SYMBOL_GPL(vdpa_vring_as_destroy);

/* Each lookup that starts from now on, in any ring, misses what has gone */
static void space_changed(struct vdpa_vring_as *as)
{
	lockdep_assert_held(&as->lock);
	/* read by vring_revalidate() under a queue's lock */
	WRITE_ONCE(as->gen, as->gen + 1);
}

/* Stores the run in as few entries as its alignment permits */
static int space_store(struct vdpa_vring_as *as, u64 page, u64 last, u64 pfn,
		       u32 perm, gfp_t gfp)
{
	void *entry = space_entry(page, pfn, perm);

	lockdep_assert_held(&as->lock);

	while (page <= last) {
		unsigned int order = min_t(unsigned int, ilog2(last - page + 1),
					   page ? __ffs64(page) : 63);
		XA_STATE_ORDER(xas, &as->pages, page, order);

		do {
			xas_lock(&xas);
			xas_store(&xas, entry);
			xas_unlock(&xas);
		} while (xas_nomem(&xas, gfp));
		if (xas_error(&xas))
			return xas_error(&xas);
		page += 1ULL << order;
	}
	return 0;
}

/* An entry on the edge goes as a whole; what was outside comes back */
static void space_restore(struct vdpa_vring_as *as, u64 page, u64 last,
			  const void *entry)
{
	u32 perm = xa_to_value(entry) & PERM_MASK;

	/* It was mapped before and nobody asked to unmap it: must not fail */
	space_store(as, page, last, space_pfn(entry, page), perm,
		    GFP_KERNEL | __GFP_NOFAIL);
}

static void space_erase(struct vdpa_vring_as *as, u64 first, u64 last)
{
	u64 head = first, tail = last;
	void *head_entry = NULL, *tail_entry = NULL, *entry;
	XA_STATE(xas, &as->pages, first);

	lockdep_assert_held(&as->lock);

	xas_lock(&xas);
	xas_for_each(&xas, entry, last) {
		u64 size = 1ULL << xas_get_order(&xas);
		u64 begin = xas.xa_index & ~(size - 1);

		if (begin < first) {
			head = begin;
			head_entry = entry;
		}
		if (begin + size - 1 > last) {
			tail = begin + size - 1;
			tail_entry = entry;
		}
		xas_store(&xas, NULL);
		if (need_resched()) {
			xas_pause(&xas);
			xas_unlock(&xas);
			cond_resched();
			xas_lock(&xas);
		}
	}
	xas_unlock(&xas);

	if (head_entry)
		space_restore(as, head, first - 1, head_entry);
	if (tail_entry)
		space_restore(as, last + 1, tail, tail_entry);
}

/**
 * vdpa_vring_as_map - map a range
 * @as: the address space
 * @iova: I/O address, a multiple of PAGE_SIZE
 * @size: bytes, a multiple of PAGE_SIZE; the range ends at the last byte of the
 *	address space at most
 * @pa: physical address of memory in the kernel's direct map
 * @perm: VHOST_MAP_xx
 *
 * Ends the identity of an address space, as vdpa_vring_as_unmap() does.
 *
 * Context: may sleep; takes the lock of @as.
 * Return: 0; -EINVAL for a range that isn't one; -ENOMEM, and then nothing of
 * the range is mapped.
 */
int vdpa_vring_as_map(struct vdpa_vring_as *as, u64 iova, u64 size, u64 pa,
		      u32 perm)
{
	u64 first = iova >> PAGE_SHIFT, last = (iova + size - 1) >> PAGE_SHIFT;
	int err;

	if (!size || (iova | size | pa) & ~PAGE_MASK || last < first ||
	    !perm || perm & ~PERM_MASK)
		return -EINVAL;

	mutex_lock(&as->lock);
	if (as->identity) {
		WRITE_ONCE(as->identity, false);
		space_changed(as);
	}
	err = space_store(as, first, last, pa >> PAGE_SHIFT, perm,
			  GFP_KERNEL_ACCOUNT);
	if (err) {
		space_erase(as, first, last);
		space_changed(as);
	}
	mutex_unlock(&as->lock);
	return err;
}
EXPORT_SYMBOL_GPL(vdpa_vring_as_map);

/**
 * vdpa_vring_as_unmap - unmap all that is mapped in a range
 * @as: the address space
 * @iova: I/O address, a multiple of PAGE_SIZE
 * @size: bytes; 0 for none
 *
 * What is mapped outside stays; an identity ends as a whole. The caller then
 * waits for the rings, see above.
 *
 * Context: may sleep; takes the lock of @as.
 */
void vdpa_vring_as_unmap(struct vdpa_vring_as *as, u64 iova, u64 size)
{
	u64 last = iova + size - 1;

	if (!size)
		return;
	if (last < iova)
		last = U64_MAX;

	mutex_lock(&as->lock);
	WRITE_ONCE(as->identity, false);
	space_erase(as, iova >> PAGE_SHIFT, last >> PAGE_SHIFT);
	space_changed(as);
	mutex_unlock(&as->lock);
}
EXPORT_SYMBOL_GPL(vdpa_vring_as_unmap);

/**
 * vdpa_vring_as_reset - drop all mappings
 * @as: the address space
 * @identity: as for vdpa_vring_as_init()
 *
 * Context: may sleep; takes the lock of @as.
 */
void vdpa_vring_as_reset(struct vdpa_vring_as *as, bool identity)
{
	mutex_lock(&as->lock);
	WRITE_ONCE(as->identity, identity);
	xa_destroy(&as->pages);
	space_changed(as);
	mutex_unlock(&as->lock);
}
EXPORT_SYMBOL_GPL(vdpa_vring_as_reset);

static void *space_lookup(struct vdpa_vring_as *as, u64 page, u32 *perm)
{
	const void *entry;

	if (READ_ONCE(as->identity)) {
		*perm = VHOST_MAP_RW;
		return pfn_valid(page) ? page_address(pfn_to_page(page)) : NULL;
	}
	entry = xa_load(&as->pages, page);
	if (!entry)
		return NULL;
	*perm = xa_to_value(entry) & PERM_MASK;
	return page_address(pfn_to_page(space_pfn(entry, page)));
}

void *vring_as_lookup(struct vdpa_vring_as *as, u64 page, u32 *perm)
{
	void *addr = space_lookup(as, page, perm);

	if (!addr) {
		/* perhaps an entry is away for a moment only, to be cut */
		mutex_lock(&as->lock);
		addr = space_lookup(as, page, perm);
		mutex_unlock(&as->lock);
	}
	return addr;
}
