// SPDX-License-Identifier: GPL-2.0
/*
 * What was called, whether it was right to, and what comes of it: one record
 * for all devices, which outlives them, and one table of faults and delays.
 */

#include <linux/delay.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/vmalloc.h>

#include "mock.h"

#define MOCK_CALLS_MAX	16384
#define MOCK_ARGS_MAX	7

static int violations;
module_param(violations, int, 0444);
MODULE_PARM_DESC(violations, "read it: times that a caller broke a rule");

const struct mock_rule mock_rules[MOCK_NOPS] = {
	[MOCK_OP(set_vq_address)] = { "set_vq_address", MOCK_BUS },
	[MOCK_OP(set_vq_num)] = { "set_vq_num", MOCK_BUS },
	[MOCK_OP(kick_vq)] = { "kick_vq", MOCK_ANY | MOCK_ATOMIC | MOCK_SURE },
	[MOCK_OP(kick_vq_with_data)] = {
		"kick_vq_with_data", MOCK_ANY | MOCK_ATOMIC | MOCK_OPTIONAL | MOCK_SURE
	},
	[MOCK_OP(set_vq_cb)] = { "set_vq_cb", MOCK_BUS },
	[MOCK_OP(set_vq_ready)] = { "set_vq_ready", MOCK_BUS },
	[MOCK_OP(get_vq_ready)] = { "get_vq_ready", MOCK_BUS },
	[MOCK_OP(set_vq_state)] = { "set_vq_state", MOCK_BUS },
	[MOCK_OP(get_vq_state)] = { "get_vq_state", MOCK_BUS },
	[MOCK_OP(get_vendor_vq_stats)] = { "get_vendor_vq_stats", MOCK_ANY | MOCK_OPTIONAL },
	[MOCK_OP(get_vq_notification)] = { "get_vq_notification", MOCK_ANY | MOCK_OPTIONAL },
	[MOCK_OP(get_vq_irq)] = { "get_vq_irq", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(get_vq_size)] = { "get_vq_size", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(get_vq_align)] = { "get_vq_align", MOCK_BUS | MOCK_SURE },
	[MOCK_OP(get_vq_group)] = { "get_vq_group", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(get_vq_desc_group)] = { "get_vq_desc_group", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(get_device_features)] = { "get_device_features", MOCK_ANY | MOCK_SURE },
	[MOCK_OP(get_backend_features)] = {
		"get_backend_features", MOCK_ANY | MOCK_OPTIONAL | MOCK_SURE
	},
	[MOCK_OP(set_driver_features)] = { "set_driver_features", MOCK_CF },
	[MOCK_OP(get_driver_features)] = { "get_driver_features", MOCK_ANY | MOCK_SURE },
	[MOCK_OP(set_config_cb)] = { "set_config_cb", MOCK_BUS | MOCK_SURE },
	[MOCK_OP(get_vq_num_max)] = { "get_vq_num_max", MOCK_ANY },
	[MOCK_OP(get_vq_num_min)] = { "get_vq_num_min", MOCK_ANY | MOCK_OPTIONAL | MOCK_SURE },
	[MOCK_OP(get_device_id)] = { "get_device_id", MOCK_ANY | MOCK_SURE },
	[MOCK_OP(get_vendor_id)] = { "get_vendor_id", MOCK_ANY | MOCK_SURE },
	[MOCK_OP(get_status)] = { "get_status", MOCK_ANY | MOCK_SURE },
	[MOCK_OP(set_status)] = { "set_status", MOCK_CF },
	[MOCK_OP(reset)] = { "reset", MOCK_CF },
	[MOCK_OP(compat_reset)] = { "compat_reset", MOCK_CF | MOCK_OPTIONAL },
	[MOCK_OP(suspend)] = { "suspend", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(resume)] = { "resume", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(get_config_size)] = { "get_config_size", MOCK_ANY | MOCK_SURE },
	[MOCK_OP(get_config)] = { "get_config", MOCK_ANY | MOCK_CF },
	[MOCK_OP(set_config)] = { "set_config", MOCK_ANY | MOCK_CF },
	[MOCK_OP(get_generation)] = { "get_generation", MOCK_ANY | MOCK_OPTIONAL | MOCK_SURE },
	[MOCK_OP(get_iova_range)] = { "get_iova_range", MOCK_ANY | MOCK_OPTIONAL | MOCK_SURE },
	[MOCK_OP(set_vq_affinity)] = { "set_vq_affinity", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(get_vq_affinity)] = { "get_vq_affinity", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(set_map)] = { "set_map", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(dma_map)] = { "dma_map", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(dma_unmap)] = { "dma_unmap", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(reset_map)] = { "reset_map", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(set_group_asid)] = { "set_group_asid", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(get_vq_dma_dev)] = { "get_vq_dma_dev", MOCK_BUS | MOCK_OPTIONAL | MOCK_SURE },
	[MOCK_OP(bind_mm)] = { "bind_mm", MOCK_BUS | MOCK_OPTIONAL },
	[MOCK_OP(unbind_mm)] = { "unbind_mm", MOCK_BUS | MOCK_OPTIONAL | MOCK_SURE },
	[MOCK_OP(free)] = { "free", MOCK_ANY | MOCK_SURE },
	[MOCK_OP(dma_unmap_range)] = { "dma_unmap_range", MOCK_BUS | MOCK_OPTIONAL },
};

struct mock_call {
	char device[16];
	u8 op;
	u8 nargs;
	u64 args[MOCK_ARGS_MAX];
};

struct mock_fault {
	int err;
	unsigned int skip;
	unsigned int ms;
};

/* Protects all below, and violations; taken in any context */
static DEFINE_SPINLOCK(mock_lock);
static struct mock_call *mock_calls;
static unsigned int mock_ncalls;
static unsigned int mock_lost;
static struct mock_fault mock_faults[MOCK_NOPS];

int mock_record_init(void)
{
	mock_calls = vcalloc(MOCK_CALLS_MAX, sizeof(*mock_calls));
	return mock_calls ? 0 : -ENOMEM;
}

void mock_record_exit(void)
{
	vfree(mock_calls);
}

void mock_expect(struct mock *mock, bool kept, const char *promise)
{
	if (kept)
		return;
	scoped_guard(spinlock_irqsave, &mock_lock)
		violations++;
	pr_err("vdpa_mock: %s: not so: %s\n", dev_name(&mock->vdpa.dev), promise);
}

static void mock_record_append(struct mock *mock, unsigned int op,
			       const u64 *args, unsigned int nargs)
{
	struct mock_call *call;

	lockdep_assert_held(&mock_lock);

	if (mock_ncalls == MOCK_CALLS_MAX) {
		mock_lost++;
		return;
	}
	call = &mock_calls[mock_ncalls++];
	strscpy(call->device, dev_name(&mock->vdpa.dev), sizeof(call->device));
	call->op = op;
	call->nargs = min(nargs, MOCK_ARGS_MAX);
	memcpy(call->args, args, call->nargs * sizeof(*args));
}

/* Whether cf_lock is held for writing, by the caller where lockdep knows that */
bool mock_holds_cf_lock(struct mock *mock)
{
#ifdef CONFIG_LOCKDEP
	return lockdep_is_held_type(&mock->vdpa.cf_lock, 0);
#else
	/* with a reader, and with nobody, there is room for another one */
	if (!down_read_trylock(&mock->vdpa.cf_lock))
		return true;
	up_read(&mock->vdpa.cf_lock);
	return false;
#endif
}

static void mock_check_caller(struct mock *mock, unsigned int op)
{
	u8 flags = mock_rules[op].flags;

	mock_expect(mock, !mock->removed || op == MOCK_OP(free),
		    "no operation after unregistration");
	if (flags & MOCK_CF)
		mock_expect(mock, mock_holds_cf_lock(mock),
			    "the caller holds cf_lock for writing");
	if (!(flags & MOCK_ATOMIC))
		might_sleep();
}

/* Long enough to be noticed by whoever does not wait for it */
static void mock_take_time(unsigned int op, unsigned int ms)
{
	if (mock_rules[op].flags & MOCK_ATOMIC)
		mdelay(ms);
	else
		msleep(ms);
}

int mock_record(struct mock *mock, unsigned int op, const u64 *args,
		unsigned int nargs)
{
	bool alone = !(mock_rules[op].flags & MOCK_ANY);
	unsigned int ms;
	int err = 0;

	mock_check_caller(mock, op);
	scoped_guard(spinlock_irqsave, &mock_lock) {
		struct mock_fault *fault = &mock_faults[op];

		mock_record_append(mock, op, args, nargs);
		ms = fault->ms;
		if (!fault->skip)
			err = fault->err;
		else
			fault->skip--;
	}

	if (alone)
		mock_expect(mock, atomic_inc_return(&mock->busy) == 1,
			    "bus drivers call one operation at a time");
	if (ms)
		mock_take_time(op, ms);
	if (alone)
		atomic_dec(&mock->busy);
	return err;
}

int mock_op_find(const char *name)
{
	unsigned int op;

	for (op = 0; op < MOCK_NOPS; op++) {
		if (!strcmp(mock_rules[op].name, name))
			return op;
	}
	return -EINVAL;
}

int mock_fault_set(unsigned int op, int err, unsigned int skip)
{
	if (err > 0 || err < -MAX_ERRNO || mock_rules[op].flags & MOCK_SURE)
		return -EINVAL;

	guard(spinlock_irqsave)(&mock_lock);
	mock_faults[op].err = err;
	mock_faults[op].skip = skip;
	return 0;
}

int mock_delay_set(unsigned int op, unsigned int ms)
{
	if (ms > 60000 || (mock_rules[op].flags & MOCK_ATOMIC && ms > 100))
		return -EINVAL;

	guard(spinlock_irqsave)(&mock_lock);
	mock_faults[op].ms = ms;
	return 0;
}

void mock_record_clear(void)
{
	guard(spinlock_irqsave)(&mock_lock);
	mock_ncalls = 0;
	mock_lost = 0;
}

/* The buffer only grows at its end, so entries below the number hold still */
int mock_record_show(struct seq_file *file, void *unused)
{
	unsigned int ncalls, lost, i, arg;

	scoped_guard(spinlock_irqsave, &mock_lock) {
		ncalls = mock_ncalls;
		lost = mock_lost;
	}
	for (i = 0; i < ncalls; i++) {
		const struct mock_call *call = &mock_calls[i];

		seq_printf(file, "%s %s", call->device, mock_rules[call->op].name);
		for (arg = 0; arg < call->nargs; arg++)
			seq_printf(file, call->args[arg] < 0x10000 ? " %llu" : " 0x%llx",
				   call->args[arg]);
		seq_putc(file, '\n');
	}
	if (lost)
		seq_printf(file, "and %u more\n", lost);
	return 0;
}
