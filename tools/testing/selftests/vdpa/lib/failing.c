// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../kselftest.h"
#include "failing.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define DEBUGFS		"/sys/kernel/debug/"
#define MOST		1000	/* faults of one call */

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		ksft_print_msg("%s: %s\n", path, strerror(errno));
	close(fd);
}

bool failing_set_up(void)
{
	write_text(DEBUGFS "failslab/ignore-gfp-wait", "N");
	write_text(DEBUGFS "failslab/verbose", "0");
	write_text(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N");
	write_text(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N");
	write_text(DEBUGFS "fail_page_alloc/min-order", "0");
	write_text(DEBUGFS "fail_page_alloc/verbose", "0");
	write_text(DEBUGFS "fail_usercopy/verbose", "0");
	return !access(FAIL_NTH, W_OK);
}

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

/* EBUSY is what the PCI core says when it can't note a region as taken */
static bool allowed(int err)
{
	return !err || err == -ENOMEM || err == -ENOBUFS || err == -EFAULT ||
	       err == -ENFILE || err == -EBUSY;
}

/* ENOMEM comes from the command itself, the others may do so */
static bool answer_lost(int err)
{
	return err == -ENOBUFS || err == -EFAULT;
}

/* An attempt with fault @n, and the same call again; true when it is as it should be */
static bool attempt(const struct failing_call *call, unsigned int n, bool *injected)
{
	long long before = call->state ? call->state() : 0, after = before;
	int err, again = 0;

	*injected = run_failing(call, n, &err);
	if (err && !(call->unsure && answer_lost(err))) {
		after = call->state ? call->state() : 0;
		again = call->run();
	}
	if (call->undo)
		call->undo();
	if (!*injected && !err)
		return true;
	if (!*injected || !allowed(err))
		ksft_print_msg("%s: fault %u: %s\n", call->name, n, strerror(-err));
	else if (after != before)
		ksft_print_msg("%s: fault %u (%s): not as before, %lld after %lld\n",
			       call->name, n, strerror(-err), after, before);
	else if (again)
		ksft_print_msg("%s: after fault %u (%s): %s\n", call->name, n,
			       strerror(-err), strerror(-again));
	else
		return true;
	return false;
}

int failing_torture(const struct failing_call *call)
{
	bool injected = true;
	unsigned int n;

	for (n = 1; n <= MOST; n++) {
		int err = call->prepare ? call->prepare() : 0;

		if (err) {
			ksft_print_msg("%s: preparing for fault %u: %s\n", call->name, n,
				       strerror(-err));
			return -1;
		}
		if (!attempt(call, n, &injected))
			return -1;
		if (!injected)
			return n - 1;
	}
	ksft_print_msg("%s: more than %u faults\n", call->name, MOST);
	return -1;
}
