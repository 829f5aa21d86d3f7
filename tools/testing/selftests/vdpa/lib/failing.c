// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../kselftest.h"
#include "device.h"
#include "failing.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug/"
#define SLAB		"/sys/kernel/slab/"
#define MOST		1000	/* faults of one call */
#define ADDRESS		16	/* digits, in /proc/kallsyms */
#define PATIENCE	5000	/* ms until what RCU and workers free is free */

/* Kernels have some of these files only */
static void tune(const char *path, const char *text)
{
	int err = write_file(path, text);

	if (err && err != -ENOENT)
		ksft_print_msg("%s: %s\n", path, strerror(-err));
}

/* Without these almost nothing fails, and all would seem to be well */
static void must_tune(const char *path, const char *text)
{
	int err = write_file(path, text);

	if (err)
		ksft_exit_fail_msg("faults can't be injected: %s: %s\n", path, strerror(-err));
}

bool failing_set_up(void)
{
	if (access(FAIL_NTH, W_OK))
		return false;
	must_tune(DEBUGFS "failslab/ignore-gfp-wait", "N");
	must_tune(DEBUGFS "failslab/verbose", "0");
	must_tune(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N");
	must_tune(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N");
	must_tune(DEBUGFS "fail_page_alloc/min-order", "0");
	must_tune(DEBUGFS "fail_page_alloc/verbose", "0");
	must_tune(DEBUGFS "fail_usercopy/verbose", "0");
	return true;
}

/* Lines of /proc/kallsyms are "ffffffff810a0000 t name\t[module]"; false at the end */
static bool next_symbol(FILE *symbols, char line[512], char **name)
{
	while (fgets(line, 512, symbols)) {
		if (strlen(line) < ADDRESS + 4)
			continue;
		line[ADDRESS] = 0;
		*name = strtok(line + ADDRESS + 3, "\t\n");
		if (*name)
			return true;
	}
	return false;
}

/*
 * The function's first address and that of the symbol behind it; false without. Those
 * of modules are in no order.
 */
static bool find_function(const char *function, char from[], char to[])
{
	FILE *symbols = fopen("/proc/kallsyms", "re");
	char line[512], *name;
	bool found = false, ends = false;

	if (!symbols)
		return false;
	while (!found && next_symbol(symbols, line, &name)) {
		found = !strcmp(name, function);
		if (found)
			memcpy(from, line, ADDRESS + 1);
	}
	rewind(symbols);
	while (found && next_symbol(symbols, line, &name)) {
		if (strcmp(line, from) <= 0 || (ends && strcmp(line, to) >= 0))
			continue;
		memcpy(to, line, ADDRESS + 1);
		ends = true;
	}
	fclose(symbols);
	return ends;
}

/* NULL: faults are everywhere */
static bool spare(const char *function)
{
	static const char *const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	char from[ADDRESS + 3] = "0x0", to[ADDRESS + 3] = "0x0", path[128];
	unsigned int i;

	if (function && !find_function(function, from + 2, to + 2))
		return false;
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s/reject-start", kinds[i]);
		if (access(path, W_OK))
			return !function;
		tune(path, from);
		snprintf(path, sizeof(path), DEBUGFS "%s/reject-end", kinds[i]);
		tune(path, to);
	}
	return true;
}

/* --- faults of other tasks ------------------------------------------------------ */

const char *failing_why_not(void)
{
	if (!failing_set_up())
		return "a kernel without fault injection";
	if (access(DEBUGFS "failslab/require-start", W_OK))
		return "a kernel whose faults can't be chosen by who allocates";
	return NULL;
}

/* All allocations of a kind that have an address between these two in their stack */
static void fail_between(const char *kind, const char *from, const char *to,
			 const char *percent)
{
	const char *const files[][2] = {
		{ "probability", "0" },
		{ "task-filter", "N" },
		{ "interval", "1" },
		{ "times", "-1" },
		{ "space", "0" },
		{ "stacktrace-depth", "32" },
		{ "require-start", from },
		{ "require-end", to },
		{ "probability", percent },
	};
	char path[128];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s/%s", kind, files[i][0]);
		must_tune(path, files[i][1]);
	}
}

int failing_below(const char *function, bool pages)
{
	char from[ADDRESS + 3] = "0x0", to[ADDRESS + 3] = "0x0";

	if (!find_function(function, from + 2, to + 2))
		return -ENOENT;
	if (!spare(NULL))
		return -EINVAL;
	fail_between("failslab", from, to, "100");
	if (pages)
		fail_between("fail_page_alloc", from, to, "100");
	return 0;
}

void failing_stop(void)
{
	fail_between("failslab", "0", "0xffffffffffffffff", "0");
	fail_between("fail_page_alloc", "0", "0xffffffffffffffff", "0");
}

/* --- faults of this task -------------------------------------------------------- */

/* Runs with fault @n; true when there was one */
static bool run_failing(const struct failing_call *call, unsigned int n, int *err)
{
	int fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	char text[16] = { 0 };
	bool injected;

	snprintf(text, sizeof(text), "%u", n);
	if (fd < 0 || pwrite(fd, text, strlen(text), 0) < 0)
		ksft_exit_fail_msg("%s: %s\n", FAIL_NTH, strerror(errno));
	*err = call->run();
	memset(text, 0, sizeof(text));
	/* a fault that is left hits this copy to user memory, or shows */
	injected = pread(fd, text, sizeof(text) - 1, 0) > 0 && strtoul(text, NULL, 0) == 0;
	while (pwrite(fd, "0", 1, 0) < 0)
		;
	close(fd);
	return injected;
}

static bool allowed(const struct failing_call *call, int err)
{
	return !err || err == call->also[0] || err == call->also[1] || err == -ENOMEM ||
	       err == -ENOBUFS || err == -EFAULT || err == -ENFILE;
}

/* ENOMEM comes from the command itself, the others may do so */
static bool answer_lost(int err)
{
	return err == -ENOBUFS || err == -EFAULT;
}

static void take(const struct failing_call *call, struct snapshot *s)
{
	snapshot_clear(s);
	if (call->state)
		call->state(s);
}

/* What came of an attempt */
struct outcome {
	int err;
	int again;	/* the same, undisturbed */
	int missing;	/* the effect */
	bool changed;	/* by a call that failed */
	char line[512];	/* what was */
};

static struct outcome outcome_of(const struct failing_call *call, unsigned int n, bool *injected)
{
	static struct snapshot before, after;
	struct outcome o = { 0 };

	take(call, &before);
	*injected = run_failing(call, n, &o.err);
	if (o.err && call->unsure && answer_lost(o.err))
		return o;
	if (o.err) {
		take(call, &after);
		o.changed = snapshot_differs(&before, &after, o.line, sizeof(o.line));
		o.again = call->run();
	}
	if (!o.again && call->effect)
		o.missing = call->effect();
	return o;
}

/* An attempt with fault @n, and the same call again; true when it is as it should be */
static bool attempt(const struct failing_call *call, unsigned int n, bool *injected,
		    unsigned int *refused)
{
	struct outcome o = outcome_of(call, n, injected);

	if (call->undo)
		call->undo();
	*refused += o.err && o.err != -EFAULT;
	if ((o.err && !*injected) || !allowed(call, o.err))
		ksft_print_msg("%s: fault %u: %s\n", call->name, n, strerror(-o.err));
	else if (o.changed)
		ksft_print_msg("%s: fault %u (%s): not as before, %s\n", call->name, n,
			       strerror(-o.err), o.line);
	else if (o.again)
		ksft_print_msg("%s: after fault %u (%s): %s\n", call->name, n,
			       strerror(-o.err), strerror(-o.again));
	else if (o.missing)
		ksft_print_msg("%s: fault %u (%s): without effect: %s\n", call->name, n,
			       strerror(-o.err), strerror(-o.missing));
	else
		return true;
	return false;
}

/* --- what the modules have allocated ------------------------------------------- */

/* Notes that allocators make for themselves, and keep for whoever comes next */
static bool allocator(const char *place)
{
	return strstr(place, "obj_exts") || strstr(place, " pcpu_");
}

/* A line of alloc_traces that begins with a number is a place, its stack follows */
static long long objects_of(const char *cache)
{
	char path[PATH_MAX], line[512];
	long long n, sum = 0, here = 0;
	FILE *traces;
	char *end;

	/* KASAN keeps what was freed until somebody wants the cache to be small */
	snprintf(path, sizeof(path), SLAB "%s/shrink", cache);
	tune(path, "1");
	snprintf(path, sizeof(path), DEBUGFS "slab/%s/alloc_traces", cache);
	traces = fopen(path, "re");
	if (!traces)
		return 0;
	while (fgets(line, sizeof(line), traces)) {
		n = strtoll(line, &end, 10);
		if (end != line)
			here = allocator(line) ? 0 : n;
		if (strstr(line, "[vdpa") || strstr(line, "_vdpa]")) {
			sum += here;
			here = 0;	/* other lines of the stack may say so, too */
		}
	}
	fclose(traces);
	return sum;
}

long long failing_objects(void)
{
	struct dirent *entry;
	long long sum = 0;
	DIR *caches = opendir(DEBUGFS "slab");

	if (!caches)
		return 0;
	while ((entry = readdir(caches)))
		if (entry->d_name[0] != '.')
			sum += objects_of(entry->d_name);
	closedir(caches);
	return sum;
}

/* How many objects are left that were not there @before */
static long long left_over(long long before)
{
	long long left = failing_objects() - before;
	unsigned int ms;

	for (ms = 0; left > 0 && ms < PATIENCE; ms += 100) {
		usleep(100000);
		left = failing_objects() - before;
	}
	return left;
}

/* Prepares and has attempt @n; true when it was as it should be */
static bool whole_attempt(const struct failing_call *call, unsigned int n, bool *injected,
			  unsigned int *refused)
{
	int err = call->prepare ? call->prepare() : 0;

	if (err) {
		ksft_print_msg("%s: preparing for fault %u: %s\n", call->name, n,
			       strerror(-err));
		return false;
	}
	return attempt(call, n, injected, refused);
}

/* Did it have the faults that it must have had? */
static bool enough(const struct failing_call *call, const struct failing_count *count)
{
	if (count->faults == MOST - 1)
		ksft_print_msg("%s: more than %u faults\n", call->name, MOST);
	else if (!count->faults != call->none)
		ksft_print_msg("%s: %u faults\n", call->name, count->faults);
	else if (count->refused < call->least)
		ksft_print_msg("%s: only %u attempts fail for want of memory, not %u\n",
			       call->name, count->refused, call->least);
	else
		return true;
	return false;
}

bool failing_torture(const struct failing_call *call, struct failing_count *count)
{
	bool injected = true;
	long long live, left;

	*count = (struct failing_count){ 0 };
	if (!spare(call->spare)) {
		ksft_print_msg("%s: faults can't be kept from %s()\n", call->name, call->spare);
		return false;
	}
	/* whatever is allocated only once, is then */
	if (!whole_attempt(call, MOST, &injected, &count->refused))
		return false;
	live = failing_objects();
	for (; count->faults < MOST - 1; count->faults++) {
		if (!whole_attempt(call, count->faults + 1, &injected, &count->refused))
			return false;
		if (!injected)
			break;
	}
	if (!enough(call, count))
		return false;
	left = left_over(live);
	if (left > 0)
		ksft_print_msg("%s: %u faults leave %lld objects\n", call->name,
			       count->faults, left);
	return left <= 0;
}
