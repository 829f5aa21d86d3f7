// SPDX-License-Identifier: GPL-2.0
/*
 * As much of the kernel as the ring library and its tests use, in a process.
 */
#include "kernel.h"
#include "main.h"

unsigned int kernel_alloc_fails;

/* Whether this one is the allocation that shall fail */
static bool fails(gfp_t gfp)
{
	if (gfp & __GFP_NOFAIL || !kernel_alloc_fails)
		return false;
	return !--kernel_alloc_fails;
}

void *kernel_alloc(size_t size, gfp_t gfp)
{
	/* a page is on its own, and what is behind it is not ours */
	size_t align = size == PAGE_SIZE ? PAGE_SIZE : sizeof(u64);
	void *p;

	if (fails(gfp) || posix_memalign(&p, align, size ? size : 1))
		return NULL;
	return memset(p, 0, size);
}

struct kmem_cache *kmem_cache_new(size_t size)
{
	struct kmem_cache *cache = kernel_alloc(sizeof(*cache), 0);

	if (cache)
		cache->size = size;
	return cache;
}

void mutex_lock(struct mutex *lock)
{
	if (lock->held)
		abort();
	lock->held = true;
}

void mutex_unlock(struct mutex *lock)
{
	if (!lock->held)
		abort();
	lock->held = false;
}

static bool rcu_reader;
static struct rcu_head *rcu_heads;

void rcu_read_lock(void)
{
	if (rcu_reader)
		abort();
	rcu_reader = true;
}

void rcu_read_unlock(void)
{
	rcu_reader = false;
	while (rcu_heads) {
		struct rcu_head *head = rcu_heads;

		rcu_heads = head->next;
		head->func(head);
	}
}

void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	if (!rcu_reader) {
		func(head);
		return;
	}
	*head = (struct rcu_head) { .next = rcu_heads, .func = func };
	rcu_heads = head;
}

/* --- xarray -------------------------------------------------------------- */

/* The first slot whose index is not below @index */
static size_t xa_pos(const struct xarray *xa, unsigned long index)
{
	size_t from = 0, to = xa->n;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (xa->slot[mid].index < index)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	size_t pos = xa_pos(xa, index);

	return pos < xa->n && xa->slot[pos].index == index ? xa->slot[pos].entry : NULL;
}

void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	size_t pos = xa_pos(xa, index);
	struct xarray_slot *slot;
	void *old;

	if (pos < xa->n && xa->slot[pos].index == index) {
		old = xa->slot[pos].entry;
		xa->slot[pos].entry = entry;
		return old;
	}
	if (fails(gfp))
		return ERR_PTR(-ENOMEM);
	slot = realloc(xa->slot, (xa->n + 1) * sizeof(*slot));
	if (!slot)
		abort();
	memmove(slot + pos + 1, slot + pos, (xa->n - pos) * sizeof(*slot));
	slot[pos] = (struct xarray_slot) { .index = index, .entry = entry };
	xa->slot = slot;
	xa->n++;
	return NULL;
}

int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	if (xa_load(xa, index))
		return -EBUSY;
	return xa_err(xa_store(xa, index, entry, gfp));
}

void xa_erase(struct xarray *xa, unsigned long index)
{
	size_t pos = xa_pos(xa, index);

	if (pos == xa->n || xa->slot[pos].index != index)
		return;
	memmove(xa->slot + pos, xa->slot + pos + 1,
		(--xa->n - pos) * sizeof(*xa->slot));
	if (!xa->n) {
		free(xa->slot);
		xa->slot = NULL;
	}
}

void *xa_find(struct xarray *xa, unsigned long *index, unsigned long last)
{
	size_t pos = xa_pos(xa, *index);

	if (pos == xa->n || xa->slot[pos].index > last)
		return NULL;
	*index = xa->slot[pos].index;
	return xa->slot[pos].entry;
}

void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long last)
{
	if (*index == last)
		return NULL;
	(*index)++;
	return xa_find(xa, index, last);
}
