// SPDX-License-Identifier: GPL-2.0
/*
 * Accounting of pinned memory: a page is charged to its owner once.
 *
 * An account belongs to the memory (mm) of an owner and is shared by all the
 * devices that the owner has open. It counts for each page frame how often it
 * is pinned; the first use charges the page to mm->pinned_vm, the last one
 * gives it back. Counting frames, not user addresses, is what makes the charge
 * true: a client that puts other memory at an address which is already mapped
 * pins more pages, and pays for them.
 *
 * Counters stand together in spans of page frames, in an xarray. A span that is
 * used evenly (huge pages, large folios) is no more than a number in it.
 */

#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <linux/xarray.h>

#include "as_internal.h"

#define SPAN_SHIFT	8
#define SPAN_SIZE	BIT(SPAN_SHIFT)
#define SPANS_RECENT	16

/*
 * How often a page frame may be in use. Each pin is up to 1,024 references of 2^31
 * that its folio can have, of a huge page of 1 GiB one for each of its frames; and
 * what is pinned once already is not charged again.
 */
#define USES_MAX	BIT(12)

struct account_span {
	unsigned int live;	/* how many of @uses are not 0 */
	u32 uses[SPAN_SIZE];
};

struct vhost_vdpa_account {
	struct list_head link;
	unsigned int holders;	/* protected by accounts_lock */
	struct mm_struct *mm;
	struct mutex lock;	/* protects what follows */
	struct xarray spans;	/* frame >> SPAN_SHIFT to span, or to an even count */
	struct {
		unsigned long index;
		struct account_span *span; /* only these may be empty; or NULL */
	} recent[SPANS_RECENT];	/* by index modulo their number */
};

static LIST_HEAD(accounts);
static DEFINE_MUTEX(accounts_lock); /* protects @accounts and their holders */
static struct kmem_cache *span_cache;

/* Spans are freed when all counters are back to 0, and so never cleared again */
static void span_init(void *span)
{
	memset(span, 0, sizeof(struct account_span));
}

int vhost_vdpa_account_init(void)
{
	span_cache = kmem_cache_create("vhost_vdpa_span", sizeof(struct account_span),
				       0, SLAB_ACCOUNT, span_init);
	return span_cache ? 0 : -ENOMEM;
}

void vhost_vdpa_account_exit(void)
{
	kmem_cache_destroy(span_cache);
}

/*
 * The spans that were used last stay, empty or not, and are found at once: memory
 * is mapped range by range, and a lone range comes and goes at the same place.
 */
static void span_set_recent(struct vhost_vdpa_account *account, unsigned long index,
			    struct account_span *span)
{
	unsigned int i = index % SPANS_RECENT;
	struct account_span *old = account->recent[i].span;

	if (old && !old->live) {
		xa_erase(&account->spans, account->recent[i].index);
		kmem_cache_free(span_cache, old);
	}
	account->recent[i].span = span;
	account->recent[i].index = index;
}

static struct account_span *span_recent(struct vhost_vdpa_account *account,
					unsigned long index)
{
	unsigned int i = index % SPANS_RECENT;

	return account->recent[i].index == index ? account->recent[i].span : NULL;
}

static void *span_entry(struct vhost_vdpa_account *account, unsigned long index)
{
	return span_recent(account, index) ?: xa_load(&account->spans, index);
}

/**
 * vhost_vdpa_account_get - the account of an owner
 * @mm: memory of the owner; the account keeps the structure, not the memory
 *
 * Return: the account, for vhost_vdpa_account_put(), or an ERR_PTR.
 */
struct vhost_vdpa_account *vhost_vdpa_account_get(struct mm_struct *mm)
{
	struct vhost_vdpa_account *account;

	mutex_lock(&accounts_lock);
	list_for_each_entry(account, &accounts, link)
		if (account->mm == mm)
			goto found;

	account = kzalloc(sizeof(*account), GFP_KERNEL_ACCOUNT);
	if (!account) {
		mutex_unlock(&accounts_lock);
		return ERR_PTR(-ENOMEM);
	}
	mmgrab(mm);
	account->mm = mm;
	mutex_init(&account->lock);
	xa_init(&account->spans);
	list_add(&account->link, &accounts);
found:
	account->holders++;
	mutex_unlock(&accounts_lock);
	return account;
}

void vhost_vdpa_account_put(struct vhost_vdpa_account *account)
{
	unsigned int i;
	bool last;

	mutex_lock(&accounts_lock);
	last = !--account->holders;
	if (last)
		list_del(&account->link);
	mutex_unlock(&accounts_lock);
	if (!last)
		return;

	for (i = 0; i < SPANS_RECENT; i++)
		span_set_recent(account, i, NULL);
	WARN_ON(!xa_empty(&account->spans));
	xa_destroy(&account->spans);
	mutex_destroy(&account->lock);
	mmdrop(account->mm);
	kfree(account);
}

struct mm_struct *vhost_vdpa_account_mm(struct vhost_vdpa_account *account)
{
	return account->mm;
}

/* Held around a series of _use() and _unuse() */
void vhost_vdpa_account_lock(struct vhost_vdpa_account *account)
{
	mutex_lock(&account->lock);
}

void vhost_vdpa_account_unlock(struct vhost_vdpa_account *account)
{
	mutex_unlock(&account->lock);
}

/* The span in place of @entry, which is empty or an even count */
static struct account_span *span_open(struct vhost_vdpa_account *account,
				      unsigned long index, void *entry, gfp_t gfp)
{
	struct account_span *span = kmem_cache_alloc(span_cache, gfp);
	unsigned int i;

	if (!span)
		return NULL;
	/* does not need memory where there was an entry before */
	if (xa_err(xa_store(&account->spans, index, span, gfp))) {
		kmem_cache_free(span_cache, span);
		return NULL;
	}
	if (entry) {
		span->live = SPAN_SIZE;
		for (i = 0; i < SPAN_SIZE; i++)
			span->uses[i] = xa_to_value(entry);
	}
	return span;
}

/* Most pages are mapped once. Then this handles four at a time. */
static bool are_four(const u32 *uses, const u32 *end, u32 value)
{
	const u64 two = (u64)value << 32 | value;

	return end - uses >= 4 && get_unaligned((const u64 *)uses) == two &&
	       get_unaligned((const u64 *)(uses + 2)) == two;
}

static void set_four(u32 *uses, u32 value)
{
	const u64 two = (u64)value << 32 | value;

	put_unaligned(two, (u64 *)uses);
	put_unaligned(two, (u64 *)(uses + 2));
}

static long count_in(u32 *uses, unsigned int n, u32 *most)
{
	u32 *end = uses + n;
	long fresh = 0;

	while (uses < end) {
		for (; are_four(uses, end, 0); uses += 4, fresh += 4)
			set_four(uses, 1);
		if (uses < end) {
			*most = max(*most, ++*uses);
			fresh += *uses++ == 1;
		}
	}
	return fresh;
}

/* The same the other way */
static long count_out(u32 *uses, unsigned int n)
{
	u32 *end = uses + n;
	long idle = 0;

	while (uses < end) {
		for (; are_four(uses, end, 1); uses += 4, idle += 4)
			set_four(uses, 0);
		if (uses < end)
			idle += !--*uses++;
	}
	return idle;
}

static long span_use(struct vhost_vdpa_account *account, unsigned long index,
		     unsigned int first, unsigned int n)
{
	void *entry = span_entry(account, index);
	struct account_span *span = entry;
	u32 most = 0;
	long fresh;
	bool even;

	if (n == SPAN_SIZE && entry && !xa_is_value(entry) && !span->live) {
		/* an even count takes no memory */
		span_set_recent(account, index, NULL);
		entry = NULL;
	}
	even = !entry || xa_is_value(entry);

	if (even && n == SPAN_SIZE) {
		unsigned long count = entry ? xa_to_value(entry) : 0;
		int err;

		if (count == USES_MAX)
			return -ENOMEM;
		err = xa_err(xa_store(&account->spans, index, xa_mk_value(count + 1),
				      GFP_KERNEL_ACCOUNT));
		return err ?: count ? 0 : n;
	}
	if (even) {
		span = span_open(account, index, entry, GFP_KERNEL_ACCOUNT);
		if (!span)
			return -ENOMEM;
	}
	if (!span_recent(account, index))
		span_set_recent(account, index, span);
	fresh = count_in(span->uses + first, n, &most);
	if (unlikely(most > USES_MAX)) {
		count_out(span->uses + first, n);
		return -ENOMEM;
	}
	span->live += fresh;
	return fresh;
}

static long span_unuse(struct vhost_vdpa_account *account, unsigned long index,
		       unsigned int first, unsigned int n)
{
	void *entry = span_entry(account, index);
	struct account_span *span = entry;
	long idle;

	if (xa_is_value(entry) && n == SPAN_SIZE) {
		unsigned long count = xa_to_value(entry) - 1;

		/* in place of an entry, and therefore without memory */
		xa_store(&account->spans, index, count ? xa_mk_value(count) : NULL, 0);
		return count ? 0 : n;
	}
	if (xa_is_value(entry))
		/* on the way out there is nobody to tell of an error */
		span = span_open(account, index, entry,
				 GFP_KERNEL_ACCOUNT | __GFP_NOFAIL);
	if (!span_recent(account, index))
		span_set_recent(account, index, span);
	idle = count_out(span->uses + first, n);
	span->live -= idle;
	return idle;
}

/* Counts out; returns how many are not in use any more */
static long unuse_run(struct vhost_vdpa_account *account, u64 pfn, u64 npages)
{
	struct account_span *span = span_recent(account, pfn >> SPAN_SHIFT);
	long idle = 0;

	if (npages == 1 && span) {
		idle = !--span->uses[pfn & (SPAN_SIZE - 1)];
		span->live -= idle;
		return idle;
	}
	while (npages) {
		unsigned int first = pfn & (SPAN_SIZE - 1);
		unsigned int n = min_t(u64, npages, SPAN_SIZE - first);

		idle += span_unuse(account, pfn >> SPAN_SHIFT, first, n);
		pfn += n;
		npages -= n;
	}
	return idle;
}

/**
 * vhost_vdpa_account_unuse_runs - count page frames out
 * @account: the account, locked
 * @runs: the page frames
 * @nruns: number of runs
 *
 * Return: how many are now not in use any more, for
 * vhost_vdpa_account_uncharge().
 */
long vhost_vdpa_account_unuse_runs(struct vhost_vdpa_account *account,
				   const struct vhost_vdpa_run *runs, unsigned int nruns)
{
	unsigned int i;
	long idle = 0;

	lockdep_assert_held(&account->lock);

	for (i = 0; i < nruns; i++)
		idle += unuse_run(account, runs[i].pfn, runs[i].npages);
	return idle;
}

/**
 * vhost_vdpa_account_use - count page frames in
 * @account: the account, locked
 * @pfn: first of them
 * @npages: how many
 *
 * Return: how many were not in use before, for vhost_vdpa_account_charge();
 * -ENOMEM, also for one that is in use too often, and then none is counted.
 */
long vhost_vdpa_account_use(struct vhost_vdpa_account *account, u64 pfn, u64 npages)
{
	struct account_span *span = span_recent(account, pfn >> SPAN_SHIFT);
	u64 done = 0;
	long fresh = 0;

	lockdep_assert_held(&account->lock);

	/* what scattered memory consists of */
	if (npages == 1 && span) {
		u32 *uses = &span->uses[pfn & (SPAN_SIZE - 1)];

		if (unlikely(*uses == USES_MAX))
			return -ENOMEM;
		fresh = !(*uses)++;
		span->live += fresh;
		return fresh;
	}
	while (done < npages) {
		unsigned int first = (pfn + done) & (SPAN_SIZE - 1);
		unsigned int n = min_t(u64, npages - done, SPAN_SIZE - first);
		long got = span_use(account, (pfn + done) >> SPAN_SHIFT, first, n);

		if (got < 0) {
			unuse_run(account, pfn, done);
			return got;
		}
		fresh += got;
		done += n;
	}
	return fresh;
}

/**
 * vhost_vdpa_account_charge - charge pages to the owner
 * @account: the account
 * @npages: number of pages
 *
 * The charge is made in any case, so that undoing the pins gives it back.
 *
 * Context: the owner's.
 * Return: 0; -ENOMEM when it is above RLIMIT_MEMLOCK and the owner may not go
 * there.
 */
int vhost_vdpa_account_charge(struct vhost_vdpa_account *account, long npages)
{
	u64 limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (!npages)
		return 0;
	if (atomic64_add_return(npages, &account->mm->pinned_vm) <= limit)
		return 0;
	return capable(CAP_IPC_LOCK) ? 0 : -ENOMEM;
}

void vhost_vdpa_account_uncharge(struct vhost_vdpa_account *account, long npages)
{
	if (npages)
		atomic64_sub(npages, &account->mm->pinned_vm);
}
