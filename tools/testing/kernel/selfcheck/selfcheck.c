// SPDX-License-Identifier: GPL-2.0
/*
 * Faults put in on purpose, one each time the module is loaded: for ./run, which
 * sees that a VM in which they happen does not pass for one in which all is well.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static char *fault = "";
module_param(fault, charp, 0);
MODULE_PARM_DESC(fault, "Which one");

/* What the compiler must not see through */
static volatile unsigned int forty = 40;
static volatile unsigned long sink;

static void nothing(void)
{
}

static void use_after_free(void)
{
	volatile char *p = kzalloc(64, GFP_KERNEL);

	kfree((void *)p);
	sink = p[8];
}

static void out_of_bounds(void)
{
	volatile char *p = kzalloc(forty, GFP_KERNEL);

	sink = p[forty];
	kfree((void *)p);
}

static void free_twice(void)
{
	void *p = kzalloc(forty, GFP_KERNEL);

	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	kfree(p);
}

static void leak(void)
{
	/* several, as a stale register or stack may still point to one */
	for (unsigned int i = 0; i < 8; i++)
		sink = !kzalloc(512 + i, GFP_KERNEL);
	sink = 0;
}

static void lock_order(void)
{
	static DEFINE_MUTEX(first);
	static DEFINE_MUTEX(second);

	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void sleep_in_atomic(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	might_sleep();
	spin_unlock(&lock);
}

static void rcu_without_lock(void)
{
	static int __rcu *pointer;

	sink = (unsigned long)rcu_dereference(pointer);
}

static void shift(void)
{
	sink = 1U << forty;
}

static void array_bounds(void)
{
	static int array[8];

	sink = array[forty];
}

static void list_corruption(void)
{
	struct list_head stray = LIST_HEAD_INIT(stray);
	LIST_HEAD(list);

	list_add(&stray, &list);
	stray.prev = &stray;
	list_del(&stray);
}

static void expired(struct timer_list *timer)
{
}

static void freed_timer(void)
{
	struct timer_list *timer = kzalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, expired, 0);
	mod_timer(timer, jiffies + HZ * 3600);
	kfree(timer);
}

static void refcount(void)
{
	refcount_t count = REFCOUNT_INIT(0);

	refcount_inc(&count);
}

static void warning(void)
{
	WARN_ON(forty);
}

static void oops(void)
{
	*(volatile int *)NULL = 0;
}

/* With a limit for hung tasks that is shorter than this */
static void hang(void)
{
	DECLARE_COMPLETION_ONSTACK(never);

	wait_for_completion_timeout(&never, 20 * HZ);
}

static unsigned long raced;

static void race_once(void)
{
	raced++;
	barrier();	/* or the compiler adds all up in a register */
	cond_resched();
}

static int racer(void *unused)
{
	while (!kthread_should_stop())
		race_once();
	return 0;
}

/* On two CPUs, whatever the scheduler makes of it */
static void race(void)
{
	struct task_struct *other = kthread_create(racer, NULL, "selfcheck");
	unsigned long until = jiffies + 60 * HZ;

	if (IS_ERR(other))
		return;
	migrate_disable();
	kthread_bind(other, cpumask_any_but(cpu_online_mask, smp_processor_id()));
	wake_up_process(other);
	while (time_before(jiffies, until))
		race_once();
	migrate_enable();
	kthread_stop(other);
}

#define FAULT(name) { #name, name }

static const struct {
	const char *name;
	void (*happen)(void);
} faults[] = {
	FAULT(nothing),
	FAULT(use_after_free),
	FAULT(out_of_bounds),
	FAULT(free_twice),
	FAULT(leak),
	FAULT(lock_order),
	FAULT(sleep_in_atomic),
	FAULT(rcu_without_lock),
	FAULT(shift),
	FAULT(array_bounds),
	FAULT(list_corruption),
	FAULT(freed_timer),
	FAULT(refcount),
	FAULT(warning),
	FAULT(oops),
	FAULT(hang),
	FAULT(race),
};

static int __init selfcheck_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(faults); i++)
		if (!strcmp(fault, faults[i].name)) {
			faults[i].happen();
			return 0;
		}
	return -EINVAL;
}
module_init(selfcheck_init);

static void __exit selfcheck_exit(void)
{
}
module_exit(selfcheck_exit);

MODULE_DESCRIPTION("Faults on purpose, for tests of the tests");
MODULE_LICENSE("GPL");
