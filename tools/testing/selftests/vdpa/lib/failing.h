/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VDPA_FAILING_H
#define SELFTEST_VDPA_FAILING_H

/*
 * A call with the first allocation failing, the second, and so on until none is
 * left to fail. Copies from and to user memory count as allocations. A call that
 * fails says ENOMEM, ENOBUFS or EFAULT and leaves things so that the same call,
 * undisturbed, succeeds. In the end the modules have not one object more in the
 * kernel's slabs than before, also none that something still points to.
 */

#include <stdbool.h>

struct failing_call {
	const char *name;
	int (*prepare)(void);	/* undisturbed, before each attempt */
	int (*run)(void);	/* what is disturbed */
	void (*undo)(void);	/* after each attempt */
	/* something to count that a call which fails leaves as it was */
	long long (*state)(void);
	bool unsure;		/* the answer may get lost, with the thing done */
	int also;		/* an error that it has for want of memory, too */
	/* a function of the kernel in which, and below which, nothing fails */
	const char *spare;
};

/* False on a kernel without fault injection */
bool failing_set_up(void);
/* Number of faults, or -1 when something was not as it should be */
int failing_torture(const struct failing_call *call);

/*
 * What the modules have in caches that note who allocates, as the kernel's parameter
 * slub_debug=U,kmalloc-* tells them to; 0 where none does
 */
long long failing_objects(void);

#endif /* SELFTEST_VDPA_FAILING_H */
