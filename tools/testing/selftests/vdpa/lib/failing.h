/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VDPA_FAILING_H
#define SELFTEST_VDPA_FAILING_H

/*
 * A call with the first allocation failing, the second, and so on until none is
 * left to fail. Copies from and to user memory count as allocations. A call that
 * fails says ENOMEM, ENOBUFS or EFAULT, leaves what can be observed as it was, and
 * things so that the same call, undisturbed, succeeds. One that succeeds has had its
 * effect, also when it did so in spite of a fault. In the end the modules have not one
 * object more in the kernel's slabs than before, also none that something still points
 * to.
 */

#include <stdbool.h>

#include "snapshot.h"

struct failing_call {
	const char *name;
	int (*prepare)(void);	/* undisturbed, before each attempt */
	int (*run)(void);	/* what is disturbed */
	void (*undo)(void);	/* after each attempt */
	/* adds what a call that fails leaves as it was */
	void (*state)(struct snapshot *s);
	/* 0 when what a call that succeeds is for is there, or an error */
	int (*effect)(void);
	/* so many attempts, at least, fail for want of memory and not of a copy */
	unsigned int least;
	bool none;		/* it has nothing that could fail; others have */
	bool unsure;		/* the answer may get lost, with the thing done */
	int also[2];		/* errors that it has for want of memory, too */
	/* a function of the kernel in which, and below which, nothing fails */
	const char *spare;
};

struct failing_count {
	unsigned int faults;
	unsigned int refused;	/* attempts that failed for want of memory */
};

/*
 * False on a kernel without fault injection; the program ends as failed where faults
 * can't be told to hit everything.
 */
bool failing_set_up(void);
/* False when something was not as it should be */
bool failing_torture(const struct failing_call *call, struct failing_count *count);

/*
 * What the modules have in caches that note who allocates, as the kernel's parameter
 * slub_debug=U,kmalloc-* tells them to; 0 where none does
 */
long long failing_objects(void);

/* Allocations of other tasks: why they can't be made to fail, or NULL */
const char *failing_why_not(void);
/*
 * All allocations fail that have @function in their stack, whichever task it is, until
 * failing_stop(); those of whole pages only if @pages. 0, or an error.
 */
int failing_below(const char *function, bool pages);
void failing_stop(void);

#endif /* SELFTEST_VDPA_FAILING_H */
