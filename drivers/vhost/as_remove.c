// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapping: the parent drops memory first, then it is given back.
 *
 * A parent, and an IOMMU with large pages, can be told to drop only what it was
 * given as a unit: a run. A range that begins or ends within a run takes the
 * whole run away, and the rest of it is mapped again at once. For a parent with
 * set_map nobody sees that: it gets the new table when it is complete. Then the
 * memory waits in &vhost_vdpa_as.gone until the parent has taken it.
 *
 * In a batch the memory of extents that go as a whole waits there with any other
 * parent, too, so that it is told of many neighbours in one call.
 */

#include <linux/sched.h>

#include "as_internal.h"

/* Extents that a parent drops in one call, so that others get the CPU in between */
#define REGION_EXTENTS	64
/* More than anybody has, and sizes don't overflow below */
#define REGION_MAX	BIT_ULL(62)

/**
 * struct removal - a range on its way out
 * @first: begin
 * @last: end, both on the border of pages
 * @begin: first extent that has a part in the range
 * @head: extent that reaches into the range from before it, or NULL
 * @tail: extent that reaches out of it, or NULL; may be the same
 * @head_cut: what is taken from @head
 * @tail_cut: what is taken from @tail, when it is another one
 * @rest: what remains of @head behind the range
 * @head_from: begin of the run that @first cuts
 * @tail_to: end of the run that @last cuts
 * @refused: the parent dropped none of it
 */
struct removal {
	u64 first;
	u64 last;
	struct vhost_vdpa_extent *begin;
	struct vhost_vdpa_extent *head;
	struct vhost_vdpa_extent *tail;
	struct vhost_vdpa_extent *head_cut;
	struct vhost_vdpa_extent *tail_cut;
	struct vhost_vdpa_extent *rest;
	u64 head_from;
	u64 tail_to;
	bool refused;
};

/**
 * vhost_vdpa_release - give the memory of extents back
 * @set: the set, locked
 * @gone: the extents, which the parent has dropped; empty on return
 */
void vhost_vdpa_release(struct vhost_vdpa_as_set *set, struct list_head *gone)
{
	struct vhost_vdpa_account *account = set->account;
	struct vhost_vdpa_extent *e, *next;
	long idle = 0;

	lockdep_assert_held(&set->lock);

	if (list_empty(gone))
		return;

	list_for_each_entry(e, gone, gone)
		vhost_vdpa_unpin(vhost_vdpa_extent_runs(e), e->nruns,
				 e->perm & VHOST_MAP_WO);

	vhost_vdpa_account_lock(account);
	list_for_each_entry_safe(e, next, gone, gone) {
		idle += vhost_vdpa_account_unuse_runs(account, vhost_vdpa_extent_runs(e),
						      e->nruns);
		vhost_vdpa_extent_recycle(set, e);
		cond_resched();
	}
	vhost_vdpa_account_unlock(account);
	vhost_vdpa_account_uncharge(account, idle);
	INIT_LIST_HEAD(gone);
}

static bool follows(const struct vhost_vdpa_extent *e, const struct vhost_vdpa_extent *next)
{
	return e->last < next->iova && e->last + 1 == next->iova;
}

/* Tells the parent of all that is gone; what it refuses stays in the list */
static int drop_gone(struct vhost_vdpa_as *as)
{
	struct vhost_vdpa_extent *e, *first = NULL;
	struct list_head *pos, *next;
	unsigned int extents = 0;
	LIST_HEAD(dropped);
	int ret = 0;

	list_for_each_safe(pos, next, &as->gone) {
		int err;

		e = list_entry(pos, struct vhost_vdpa_extent, gone);
		first = first ?: e;
		if (!as->set->exact && next != &as->gone && ++extents < REGION_EXTENTS &&
		    e->last - first->iova < REGION_MAX &&
		    follows(e, list_entry(next, struct vhost_vdpa_extent, gone)))
			continue;

		extents = 0;
		err = vhost_vdpa_extent_unmap(as, first, first->iova, e->last);
		if (!err)
			list_bulk_move_tail(&dropped, &first->gone, &e->gone);
		ret = ret ?: err;
		first = NULL;
		cond_resched();
	}
	vhost_vdpa_release(as->set, &dropped);
	return ret;
}

/**
 * vhost_vdpa_sync - hand changes over to the parent
 * @as: the address space, its set locked
 *
 * Return: 0; or the parent's error, and then what was unmapped stays pinned
 * until a later call succeeds.
 */
int vhost_vdpa_sync(struct vhost_vdpa_as *as)
{
	int err;

	lockdep_assert_held(&as->set->lock);

	if (!as->set->way->sync)
		return list_empty(&as->gone) ? 0 : drop_gone(as);
	if (!as->dirty)
		return 0;
	err = as->set->way->sync(as);
	if (err)
		return err;
	as->dirty = false;
	vhost_vdpa_release(as->set, &as->gone);
	return 0;
}

/* False when nothing is mapped in the range */
static bool find_edges(struct vhost_vdpa_as *as, struct removal *r)
{
	struct vhost_vdpa_extent *e = vhost_vdpa_extent_find(as, r->first);
	u64 run_from, run_to, mem;

	if (!e || e->iova > r->last)
		return false;
	r->begin = e;
	if (e->iova < r->first) {
		r->head = e;
		vhost_vdpa_extent_run_at(e, r->first, &r->head_from, &run_to, &mem);
	}
	if (e->last < r->last)
		e = vhost_vdpa_extent_find(as, r->last);
	if (e && e->iova <= r->last && e->last > r->last) {
		r->tail = e;
		vhost_vdpa_extent_run_at(e, r->last, &run_from, &r->tail_to, &mem);
	}
	return true;
}

static void free_cuts(struct removal *r)
{
	vhost_vdpa_extent_free(r->head_cut);
	vhost_vdpa_extent_free(r->tail_cut);
	vhost_vdpa_extent_free(r->rest);
}

/* All the memory that cutting needs, before anything has changed */
static int prepare_cuts(struct removal *r, gfp_t gfp)
{
	if (r->head) {
		r->head_cut = vhost_vdpa_extent_slice(r->head, r->first,
						      min(r->last, r->head->last), gfp);
		if (!r->head_cut)
			return -ENOMEM;
	}
	if (r->tail && r->tail == r->head) {
		r->rest = vhost_vdpa_extent_slice(r->tail, r->last + 1,
						  r->tail->last, gfp);
		return r->rest ? 0 : -ENOMEM;
	}
	if (r->tail) {
		r->tail_cut = vhost_vdpa_extent_slice(r->tail, r->tail->iova, r->last, gfp);
		return r->tail_cut ? 0 : -ENOMEM;
	}
	return 0;
}

/* When the parent refuses a region, the range ends where that begins */
static void refuse(struct removal *r, struct vhost_vdpa_extent *region)
{
	if (region->iova <= r->first)
		r->refused = true;
	else
		r->last = region->iova - 1;
	r->tail = NULL;
}

/* Tells the parent, in one call for each region without a gap if it can take that */
static int unmap_regions(struct vhost_vdpa_as *as, struct removal *r,
			 enum vhost_vdpa_remove why)
{
	struct vhost_vdpa_extent *e = r->begin;

	while (e && e->iova <= r->last) {
		u64 begin = e == r->head ? r->head_from : e->iova, end;
		struct vhost_vdpa_extent *region = e;
		unsigned int extents = 0;
		int err;

		do {
			end = e == r->tail ? r->tail_to : e->last;
			e = vhost_vdpa_extent_next(e);
		} while (!as->set->exact && ++extents < REGION_EXTENTS && e &&
			 e->iova <= r->last && e->iova == end + 1 &&
			 end - begin < REGION_MAX);

		err = vhost_vdpa_extent_unmap(as, region, begin, end);
		if (err && why != VHOST_VDPA_REMOVE_FORCE) {
			refuse(r, region);
			return err;
		}
		cond_resched();
	}
	return 0;
}

/* Takes the range out of the tree, into a list */
static void cut_out(struct vhost_vdpa_as *as, struct removal *r, struct list_head *gone)
{
	struct vhost_vdpa_extent *e = r->begin, *next;

	if (r->head) {
		e = vhost_vdpa_extent_next(r->head);
		list_add_tail(&r->head_cut->gone, gone);
		vhost_vdpa_extent_keep(r->head, r->head->iova, r->first - 1);
		r->head_cut = NULL;
	}
	if (r->tail && r->tail == r->head) {
		vhost_vdpa_extent_insert(as, r->rest);
		r->rest = NULL;
	} else if (r->tail) {
		list_add_tail(&r->tail_cut->gone, gone);
		vhost_vdpa_extent_keep(r->tail, r->last + 1, r->tail->last);
		r->tail_cut = NULL;
	}

	for (; e && e->iova <= r->last; e = next) {
		next = e->last < r->last ? vhost_vdpa_extent_next(e) : NULL;
		vhost_vdpa_extent_erase(as, e);
		list_add_tail(&e->gone, gone);
		cond_resched();
	}
}

/* The parent has lost this range: so does the tree */
static void forget(struct vhost_vdpa_as *as, u64 first, u64 last, struct list_head *gone)
{
	struct removal r = { .first = first, .last = last };

	if (!find_edges(as, &r))
		return;
	prepare_cuts(&r, GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	cut_out(as, &r, gone);
}

/* Maps again what went with the cut runs and was not asked to go */
static int map_rests(struct vhost_vdpa_as *as, struct removal *r, struct list_head *gone)
{
	struct vhost_vdpa_extent *e;
	int err = 0, ret = 0;

	if (r->head && r->head_from < r->first) {
		err = vhost_vdpa_extent_map_part(as, r->head, r->head_from, r->first - 1);
		if (err)
			forget(as, r->head_from, r->first - 1, gone);
		ret = err;
	}
	if (r->tail && r->tail_to > r->last) {
		e = vhost_vdpa_extent_find(as, r->last + 1);
		err = vhost_vdpa_extent_map_part(as, e, r->last + 1, r->tail_to);
		if (err)
			forget(as, r->last + 1, r->tail_to, gone);
		ret = ret ?: err;
	}
	return ret;
}

/* Whether the parent is told at the end of the batch, of all at once */
static bool may_wait(const struct vhost_vdpa_as *as, enum vhost_vdpa_remove why)
{
	return as->batch && !as->set->way->sync && why == VHOST_VDPA_REMOVE;
}

static int remove_range(struct vhost_vdpa_as *as, u64 first, u64 last,
			enum vhost_vdpa_remove why)
{
	struct removal r = { .first = first, .last = last };
	struct vhost_vdpa_as_set *set = as->set;
	LIST_HEAD(gone);
	int err, rest_err;

	if (!find_edges(as, &r))
		return 0;
	if (may_wait(as, why) && !r.head && !r.tail) {
		cut_out(as, &r, &as->gone);
		return 0;
	}

	err = prepare_cuts(&r, GFP_KERNEL_ACCOUNT);
	if (err)
		goto free_cuts;

	err = unmap_regions(as, &r, why);
	if (r.refused)
		goto free_cuts;

	cut_out(as, &r, &gone);
	rest_err = map_rests(as, &r, &gone);
	err = err ?: rest_err;

	if (!set->way->sync || why == VHOST_VDPA_REMOVE_UNDO) {
		vhost_vdpa_release(set, &gone);
	} else if (!list_empty(&gone)) {
		list_splice_tail(&gone, &as->gone);
		as->dirty = true;
	}
free_cuts:
	free_cuts(&r);
	return err;
}

/* What one UPDATE has mapped mostly goes as it came, with nothing to be cut */
static int remove_extent(struct vhost_vdpa_as *as, struct vhost_vdpa_extent *e,
			 enum vhost_vdpa_remove why)
{
	struct vhost_vdpa_as_set *set = as->set;
	LIST_HEAD(gone);
	int err;

	if (may_wait(as, why)) {
		vhost_vdpa_extent_erase(as, e);
		list_add_tail(&e->gone, &as->gone);
		return 0;
	}

	err = vhost_vdpa_extent_unmap(as, e, e->iova, e->last);
	if (err && why != VHOST_VDPA_REMOVE_FORCE)
		return err;
	vhost_vdpa_extent_erase(as, e);
	if (!set->way->sync || why == VHOST_VDPA_REMOVE_UNDO) {
		list_add(&e->gone, &gone);
		vhost_vdpa_release(set, &gone);
	} else {
		list_add_tail(&e->gone, &as->gone);
		as->dirty = true;
	}
	return 0;
}

/**
 * vhost_vdpa_remove - unmap all that is mapped in a range
 * @as: the address space, its set locked
 * @first: begin of the range, start of a page
 * @last: end of it, end of a page
 * @why: what for
 *
 * Return: 0; -ENOMEM, and then nothing has changed; an error of the parent's,
 * and then a part of the range may still be mapped, or a run that reaches out
 * of it may be gone as a whole.
 */
int vhost_vdpa_remove(struct vhost_vdpa_as *as, u64 first, u64 last,
		      enum vhost_vdpa_remove why)
{
	struct vhost_vdpa_extent *e = vhost_vdpa_extent_find(as, first);

	lockdep_assert_held(&as->set->lock);

	if (!e || e->iova > last)
		return 0;
	if (e->iova == first && e->last == last)
		return remove_extent(as, e, why);
	return remove_range(as, first, last, why);
}
