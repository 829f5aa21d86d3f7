// SPDX-License-Identifier: GPL-2.0
/*
 * Contents of simulated disks: pages that come with the first write and go with
 * a discard. Queues find them without a lock.
 */

#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/srcu.h>

#include "blk.h"

/* Readers may sleep on a page that somebody else discards meanwhile */
DEFINE_STATIC_SRCU(simblk_store_srcu);

/* The contents that disks share, if they do; protected by simblk_shared_lock */
static struct simblk_store *simblk_shared;
static DEFINE_MUTEX(simblk_shared_lock);

struct simblk_store *simblk_store_create(u64 size)
{
	struct simblk_store *store = kzalloc(sizeof(*store), GFP_KERNEL);

	if (!store)
		return NULL;
	kref_init(&store->ref);
	xa_init(&store->pages);
	store->size = size;
	return store;
}

/* The contents of all disks that share; NULL without memory */
struct simblk_store *simblk_store_share(u64 size)
{
	struct simblk_store *store;

	mutex_lock(&simblk_shared_lock);
	store = simblk_shared;
	if (store) {
		kref_get(&store->ref);
		/* a larger disk sees zeroes behind what a smaller one has */
		store->size = max(store->size, size);
	} else {
		store = simblk_store_create(size);
		simblk_shared = store;
	}
	mutex_unlock(&simblk_shared_lock);
	return store;
}

static void simblk_store_release(struct kref *ref)
{
	struct simblk_store *store = container_of(ref, struct simblk_store, ref);
	struct page *page;
	unsigned long i;

	if (store == simblk_shared)
		simblk_shared = NULL;

	xa_for_each(&store->pages, i, page) {
		__free_page(page);
		cond_resched();
	}
	xa_destroy(&store->pages);
	kfree(store);
}

void simblk_store_put(struct simblk_store *store)
{
	mutex_lock(&simblk_shared_lock);
	kref_put(&store->ref, simblk_store_release);
	mutex_unlock(&simblk_shared_lock);
}

/* Pages that are found from here to simblk_store_leave() stay that long */
int simblk_store_enter(void)
{
	return srcu_read_lock(&simblk_store_srcu);
}

void simblk_store_leave(int idx)
{
	srcu_read_unlock(&simblk_store_srcu, idx);
}

/* On return no page waits to be freed */
void simblk_store_exit(void)
{
	srcu_barrier(&simblk_store_srcu);
}

static void simblk_page_free(struct rcu_head *head)
{
	__free_page(container_of(head, struct page, rcu_head));
}

/* The page to write to, made if it is missing; NULL without memory */
static struct page *simblk_store_page(struct simblk_store *store,
				      unsigned long index)
{
	/* writing back dirty pages must not wait for more of them to be written */
	const gfp_t gfp = GFP_NOIO | __GFP_NOWARN;
	struct page *page = xa_load(&store->pages, index), *other;

	if (likely(page))
		return page;

	/* zeroed, as the driver's memory may turn out to be missing half-way */
	page = alloc_page(gfp | __GFP_ZERO);
	if (!page)
		return NULL;
	other = xa_cmpxchg(&store->pages, index, NULL, page, gfp);
	if (likely(!other))
		return page;

	/* another queue was faster, or there is no memory for the array */
	__free_page(page);
	return xa_is_err(other) ? NULL : other;
}

static size_t simblk_piece(u64 pos, u64 len)
{
	return min_t(u64, len, PAGE_SIZE - offset_in_page(pos));
}

/**
 * simblk_store_read - copy from the disk to a chain
 * @store: the disk
 * @pos: first byte
 * @len: bytes, all of them inside of the disk
 * @to: where to, with room for @len bytes
 *
 * Context: after simblk_store_enter(); may sleep.
 * Return: @len, or -EFAULT when the ring is broken.
 */
ssize_t simblk_store_read(struct simblk_store *store, u64 pos, size_t len,
			  struct vdpa_vring_cursor *to)
{
	size_t done = 0;

	while (done < len) {
		size_t piece = simblk_piece(pos, len - done);
		struct page *page = xa_load(&store->pages, pos >> PAGE_SHIFT);
		ssize_t put;

		put = vdpa_vring_push(to, page_address(page ?: ZERO_PAGE(0)) +
				      offset_in_page(pos), piece);
		if (put < 0)
			return put;
		done += piece;
		pos += piece;
		cond_resched();
	}
	return done;
}

/**
 * simblk_store_write - copy from a chain to the disk
 * @store: the disk
 * @pos: first byte
 * @len: bytes, all of them inside of the disk
 * @from: where from, with @len bytes
 *
 * Context: after simblk_store_enter(); may sleep.
 * Return: @len, -ENOMEM, or -EFAULT when the ring is broken. A part of it may
 * have been written then.
 */
ssize_t simblk_store_write(struct simblk_store *store, u64 pos, size_t len,
			   struct vdpa_vring_cursor *from)
{
	size_t done = 0;

	while (done < len) {
		size_t piece = simblk_piece(pos, len - done);
		struct page *page = simblk_store_page(store, pos >> PAGE_SHIFT);
		ssize_t got;

		if (!page)
			return -ENOMEM;
		got = vdpa_vring_pull(from, page_address(page) + offset_in_page(pos),
				      piece);
		if (got < 0)
			return got;
		done += piece;
		pos += piece;
		cond_resched();
	}
	return done;
}

/**
 * simblk_store_zero - make a part of the disk read as zeroes
 * @store: the disk
 * @pos: first byte
 * @len: bytes, all of them inside of the disk
 * @free: give whole pages back
 *
 * Takes as long as there are pages, whatever @len is.
 *
 * Context: after simblk_store_enter(); may sleep.
 * Return: the size of those pages together.
 */
u64 simblk_store_zero(struct simblk_store *store, u64 pos, u64 len, bool free)
{
	u64 end = pos + len, found = 0;
	unsigned long index;
	struct page *page;

	if (!len)
		return 0;

	xa_for_each_range(&store->pages, index, page, pos >> PAGE_SHIFT,
			  (end - 1) >> PAGE_SHIFT) {
		u64 first = (u64)index << PAGE_SHIFT;
		u64 from = max(first, pos), to = min(first + PAGE_SIZE, end);

		/* a page that somebody else erased is not ours to free */
		if (!free || to - from < PAGE_SIZE)
			memset(page_address(page) + (from - first), 0, to - from);
		else if (xa_cmpxchg(&store->pages, index, page, NULL, 0) == page)
			call_srcu(&simblk_store_srcu, &page->rcu_head,
				  simblk_page_free);
		found += PAGE_SIZE;
		cond_resched();
	}
	return found;
}
