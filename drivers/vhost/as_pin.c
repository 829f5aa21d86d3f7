// SPDX-License-Identifier: GPL-2.0
/*
 * Pinning of user memory, in runs of page frames that lie side by side.
 */

#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "as_internal.h"

/* Pages given back between two looks at the scheduler */
#define UNPIN_CHUNK	BIT(15)
/* Pages brought in at once, or more */
#define POPULATE_MIN	1024ULL

/* Small, and dirty already */
static bool is_plain(const struct page *page)
{
	const unsigned long flags = BIT(PG_head) | BIT(PG_dirty);

	return !PageTail(page) && (READ_ONCE(page->flags) & flags) == BIT(PG_dirty);
}

/* Nearly all the time of unmapping small pages is spent here */
static void unpin_pages(struct page *page, unsigned long left, bool dirty)
{
	struct folio *folio;
	unsigned long n;

	for (; left; page = nth_page(page, n), left -= n) {
		/* a page that is neither head nor tail is a folio by itself */
		for (; left && is_plain(page); page = nth_page(page, 1), left--)
			unpin_user_folio((struct folio *)page, 1);
		if (!left)
			break;
		folio = page_folio(page);
		n = folio_nr_pages(folio) - folio_page_idx(folio, page);
		n = min(n, left);
		if (dirty && !folio_test_dirty(folio))
			set_page_dirty_lock(page);
		unpin_user_folio(folio, n);
	}
}

/**
 * vhost_vdpa_unpin - undo pinning, not accounting
 * @runs: the memory. The parent must have dropped it.
 * @nruns: number of runs
 * @dirty: the device may have written to it
 */
void vhost_vdpa_unpin(const struct vhost_vdpa_run *runs, unsigned int nruns, bool dirty)
{
	const struct vhost_vdpa_run *end = runs + nruns;

	for (; runs < end; runs++) {
		struct page *page = pfn_to_page(runs->pfn);
		unsigned long left = runs->npages;

		for (; left > UNPIN_CHUNK; left -= UNPIN_CHUNK) {
			unpin_pages(page, UNPIN_CHUNK, dirty);
			page = nth_page(page, UNPIN_CHUNK);
			cond_resched();
		}
		unpin_pages(page, left, dirty);
		cond_resched();
	}
}

/* How many of the pages lie side by side, from the first one on */
static unsigned int run_length(struct page **pages, unsigned int n)
{
	struct page **pos = pages, **end = pages + n, *page = pages[0];

	/* several at a time: for huge pages this is half of what mapping takes */
	while (end - pos >= 4 && pos[0] == page && pos[1] == nth_page(page, 1) &&
	       pos[2] == nth_page(page, 2) && pos[3] == nth_page(page, 3)) {
		pos += 4;
		page = nth_page(page, 4);
	}
	for (; pos < end && *pos == page; pos++)
		page = nth_page(page, 1);
	return pos - pages;
}

static void append_run(struct vhost_vdpa_as_set *set, u64 pfn, u64 npages)
{
	struct vhost_vdpa_run *run = set->runs + set->nruns;

	if (set->nruns && run[-1].pfn + run[-1].npages == pfn &&
	    run[-1].npages + npages <= VHOST_VDPA_RUN_MAX) {
		run[-1].npages += npages;
		return;
	}
	*run = (struct vhost_vdpa_run) { .pfn = pfn, .npages = npages };
	set->nruns++;
}

/* Puts pinned pages into the set's runs and charges them; those that don't get
 * there are unpinned, the others are the caller's to undo.
 */
static int take_pages(struct vhost_vdpa_as_set *set, unsigned int npages)
{
	struct page **pages = set->pages;
	unsigned int done, n;
	long fresh = 0, got;

	vhost_vdpa_account_lock(set->account);
	for (done = 0; done < npages; done += n) {
		n = run_length(pages + done, npages - done);
		got = vhost_vdpa_account_use(set->account, page_to_pfn(pages[done]), n);
		if (got < 0)
			break;
		fresh += got;
		append_run(set, page_to_pfn(pages[done]), n);
	}
	vhost_vdpa_account_unlock(set->account);

	got = vhost_vdpa_account_charge(set->account, fresh);
	if (done == npages)
		return got;
	unpin_user_pages(pages + done, npages - done);
	return -ENOMEM;
}

static unsigned int pin_flags(u8 perm)
{
	return perm & VHOST_MAP_WO ? FOLL_LONGTERM | FOLL_WRITE : FOLL_LONGTERM;
}

/* Pins at most @npages; returns how many */
static int pin_chunk(struct vhost_vdpa_as_set *set, u64 uaddr, u64 npages, u8 perm)
{
	int n, err;

	/* the fast path does not look at these */
	if (fatal_signal_pending(current))
		return -EINTR;
	if (READ_ONCE(set->stopped))
		return -ENODEV;

	n = pin_user_pages_fast(uaddr, min_t(u64, npages, VHOST_VDPA_CHUNK),
				pin_flags(perm) | FOLL_NOFAULT, set->pages);
	/* with locks held nobody waits for memory, see vhost_vdpa_as_populate() */
	if (n == -EFAULT || !n)
		return VHOST_VDPA_ABSENT;
	if (n < 0)
		return n;

	err = take_pages(set, n);
	return err ?: n;
}

/* The first @kept of the runs stay pinned: the parent was asked to drop them again
 * after an error, and has refused.
 */
static void give_away_runs(struct vhost_vdpa_as *as, struct vhost_vdpa_extent *e,
			   unsigned int kept)
{
	struct vhost_vdpa_as_set *set = as->set;
	u64 npages = 0;
	unsigned int i;

	if (!kept) {
		vhost_vdpa_extent_free(e);
		return;
	}
	for (i = 0; i < kept; i++)
		npages += set->runs[i].npages;
	vhost_vdpa_extent_keep(e, e->iova, e->iova + (npages << PAGE_SHIFT) - 1);
	list_add_tail(&e->gone, &as->gone);
	set->nruns -= kept;
	memmove(set->runs, set->runs + kept, set->nruns * sizeof(*set->runs));
}

/* Makes an extent of the runs pinned so far; returns how many bytes it has */
static s64 flush_runs(struct vhost_vdpa_as *as, u64 iova, u8 perm)
{
	struct vhost_vdpa_as_set *set = as->set;
	struct vhost_vdpa_extent *e;
	unsigned int kept;
	int err;

	e = vhost_vdpa_extent_pinned(set, iova, perm, set->runs, set->nruns,
				     GFP_KERNEL_ACCOUNT);
	if (!e)
		return -ENOMEM;
	err = vhost_vdpa_extent_map(as, e, &kept);
	if (err) {
		give_away_runs(as, e, kept);
		return err;
	}
	vhost_vdpa_extent_insert(as, e);
	set->nruns = 0;
	return e->last - e->iova + 1;
}

/* Undoes what is not in an extent; no device sees it */
static void give_up_runs(struct vhost_vdpa_as_set *set)
{
	struct vhost_vdpa_account *account = set->account;
	long idle;

	vhost_vdpa_unpin(set->runs, set->nruns, false);
	vhost_vdpa_account_lock(account);
	idle = vhost_vdpa_account_unuse_runs(account, set->runs, set->nruns);
	vhost_vdpa_account_unlock(account);
	vhost_vdpa_account_uncharge(account, idle);
	set->nruns = 0;
}

/**
 * vhost_vdpa_pin - pin user memory and map it
 * @as: the address space, its set locked
 * @iova: where to, start of a page
 * @last: end of a page, nothing is mapped between the two
 * @uaddr: the memory, start of a page
 * @perm: VHOST_MAP_xx
 * @present: set to how many pages from the first one on were present, if not all
 *
 * Context: the owner's, mmap lock not held.
 * Return: 0 or an error; then part of it may be mapped.
 */
int vhost_vdpa_pin(struct vhost_vdpa_as *as, u64 iova, u64 last, u64 uaddr, u8 perm,
		   u64 *present)
{
	struct vhost_vdpa_as_set *set = as->set;
	u64 npages = ((last - iova) >> PAGE_SHIFT) + 1;
	u64 left = npages;
	s64 done = 0;

	lockdep_assert_held(&set->lock);

	while (left) {
		done = pin_chunk(set, uaddr, left, perm);
		if (done < 0)
			break;
		left -= done;
		uaddr += done << PAGE_SHIFT;

		if (!left || set->nruns > VHOST_VDPA_RUNS_MAX - VHOST_VDPA_CHUNK) {
			done = flush_runs(as, iova, perm);
			if (done < 0)
				break;
			iova += done;
		}
		cond_resched();
	}
	if (set->nruns)
		give_up_runs(set);
	*present = npages - left;
	return done < 0 ? done : 0;
}

/**
 * vhost_vdpa_as_populate - bring memory in, for vhost_vdpa_as_update()
 * @iova: I/O address it will be mapped at
 * @size: bytes
 * @uaddr: the memory
 * @perm: VHOST_MAP_xx
 * @present: how many of its pages the update found
 * @stop: ends the work when it becomes true
 *
 * Faults some of what an update with these arguments is going to pin, from the
 * first page on that it missed. Somebody else may provide the memory, in his own
 * time (a disk, a file system in user space, userfaultfd), which is why this is
 * done without any lock.
 *
 * As much is brought in as was there already: what RLIMIT_MEMLOCK forbids is then
 * not brought in first, and an update that begins anew each time pins no page more
 * than twice on average.
 *
 * Context: the owner's, without a lock.
 * Return: 0; -EFAULT for what is not memory of the process's or not writable,
 * -EINTR, -ENODEV when stopped, -ENOMEM.
 */
int vhost_vdpa_as_populate(u64 iova, u64 size, u64 uaddr, u8 perm, u64 present,
			   const bool *stop)
{
	u64 left = ((iova + size - 1) >> PAGE_SHIFT) - (iova >> PAGE_SHIFT) + 1 - present;
	struct page **pages;
	int n = 0;

	left = min(left, max(present, POPULATE_MIN));

	pages = kmalloc_array(VHOST_VDPA_CHUNK, sizeof(*pages), GFP_KERNEL_ACCOUNT);
	if (!pages)
		return -ENOMEM;

	uaddr = (uaddr & PAGE_MASK) + (present << PAGE_SHIFT);
	for (; left; uaddr += (u64)n << PAGE_SHIFT) {
		n = fatal_signal_pending(current) ? -EINTR :
		    READ_ONCE(*stop) ? -ENODEV :
		    pin_user_pages_fast(uaddr, min_t(u64, left, VHOST_VDPA_CHUNK),
					pin_flags(perm), pages);
		if (n <= 0)
			break;
		unpin_user_pages(pages, n);
		left -= n;
		cond_resched();
	}
	kfree(pages);
	return left ? n ?: -EFAULT : 0;
}
