// SPDX-License-Identifier: GPL-2.0
/*
 * Parents that take their time. While one operation of the mock parent is
 * running, others ask for the configuration, kick, map doorbells, and call
 * ioctls; and then the device is deleted. Those that the interface allows at any
 * time don't wait, no two of the others overlap, and all of them come to an end.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vdpa.h>

#include "../kselftest.h"
#include "lib/client.h"
#include "lib/device.h"
#include "lib/netlink.h"

#define LONG		1000	/* ms that an operation takes while others are looked at, */
#define SHORT		300	/* and while the device goes */
#define NO_WAIT		(LONG * 6 / 10)
#define PATIENCE	10000	/* ms until something counts as hanging */
#define NUM		64
#define MEMORY		(1 << 20)
#define FREE_IOVA	(CLIENT_IOVA + (1ULL << 32))

static char name[32], path[64];
static struct client client;

/* --- what makes a parent work -------------------------------------------------- */

static int to_driver_ok(void)
{
	return vv_set_status(client.fd, VV_S_RUNNING);
}

static int to_reset(void)
{
	return vv_set_status(client.fd, 0);
}

static int enable(void)
{
	return vv_set_vring(client.fd, VHOST_VDPA_SET_VRING_ENABLE, 0, 1);
}

static int set_base(void)
{
	return vv_set_vring(client.fd, VHOST_SET_VRING_BASE, 0, 1);
}

static int set_call(void)
{
	return vv_set_vring_fd(client.fd, VHOST_SET_VRING_CALL, 0, client.queue[0].call);
}

static int suspend(void)
{
	return vv_suspend(client.fd);
}

static int resume(void)
{
	return vv_resume(client.fd);
}

static int map(void)
{
	return vv_map(client.fd, 0, FREE_IOVA, client.mem, 4096, VHOST_ACCESS_RW);
}

static int unmap(void)
{
	return vv_unmap(client.fd, 0, FREE_IOVA, 4096);
}

static int group(void)
{
	return vv_set_vring(client.fd, VHOST_VDPA_SET_GROUP_ASID, 0, 0);
}

static int read_config(void)
{
	uint8_t config[8];

	return vv_get_config(client.fd, 0, config, sizeof(config));
}

static const struct slow {
	const char *op;
	int (*call)(void);
	bool started;		/* the device runs before */
	bool cf_lock;		/* of which netlink waits */
	const char *off;	/* what the parent lacks */
} slows[] = {
	{ "set_status", to_driver_ok, false, true },
	{ "reset", to_reset, true, true },
	{ "set_vq_ready", enable, true },
	{ "set_vq_state", set_base },
	{ "set_vq_cb", set_call, true },
	{ "suspend", suspend, true },
	{ "resume", resume, true },
	{ "set_group_asid", group },
	{ "get_config", read_config, true, true },
	{ "set_map", map, true },
	{ "dma_map", map, true, false, "compat_reset,set_map,dma_unmap_range" },
	{ "dma_unmap", unmap, true, false, "compat_reset,set_map,dma_unmap_range" },
	{ "dma_unmap_range", unmap, true, false, "compat_reset,set_map" },
};

/* --- who does something meanwhile ---------------------------------------------- */

static int get_config_by_netlink(void)
{
	struct nl_request req;
	int err = nl_begin(&req, VDPA_CMD_DEV_CONFIG_GET, 0);

	if (err)
		return err;
	nl_put_string(&req, VDPA_ATTR_DEV_NAME, name);
	return nl_do(&req, NULL, NULL);
}

static int kick(void)
{
	return client_kick(&client, 0);
}

static __thread sigjmp_buf no_doorbell;

static void on_bus_error(int signal)
{
	siglongjmp(no_doorbell, 1);
}

/* It may go between mmap and write, of which the next mmap tells */
static int ring(void)
{
	uint32_t *volatile bell;

	bell = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, client.fd, 0);
	if (bell == MAP_FAILED)
		return -errno;
	if (!sigsetjmp(no_doorbell, 1))
		*(volatile uint32_t *)bell = 1;
	return munmap(bell, 4096);
}

static int get_status(void)
{
	uint8_t status;

	return vv_get_status(client.fd, &status);
}

/* A call in a thread of its own */
struct caller {
	int (*call)(void);
	pthread_t thread;
	bool again;		/* until the device is gone */
	int err;
	unsigned int ms;	/* that it took, or the longest one */
};

static void *run(void *arg)
{
	struct caller *c = arg;

	do {
		uint64_t begin = now_ns();
		unsigned int ms;

		c->err = c->call();
		ms = (now_ns() - begin) / 1000000;
		if (ms > c->ms)
			c->ms = ms;
	} while (c->again && !c->err);
	return NULL;
}

static void start(struct caller *c, int (*call)(void), bool again)
{
	*c = (struct caller){ .call = call, .again = again };
	if (pthread_create(&c->thread, NULL, run, c))
		ksft_exit_fail_msg("no thread\n");
}

/* What it said at last, or that it does not return, which is the end */
static int finish(struct caller *c)
{
	uint64_t end = now_ns() + PATIENCE * 1000000ULL;

	while (pthread_tryjoin_np(c->thread, NULL)) {
		if (now_ns() > end)
			ksft_exit_fail_msg("a call hangs\n");
		usleep(1000);
	}
	return c->err;
}

/* --- cases ------------------------------------------------------------------------ */

static long long violations(void)
{
	return proc_field("/sys/module/vdpa_mock/parameters/violations", "");
}

static bool was_called(const char *op)
{
	char line[64];

	snprintf(line, sizeof(line), "%s %s", name, op);
	return proc_field("/sys/kernel/debug/vdpa_mock/calls", line) != -1;
}

static int make_slow(const char *op, unsigned int ms)
{
	char order[64];

	snprintf(order, sizeof(order), "%s %u", op, ms);
	return vdpa_mock_order("slow", order);
}

static int prepare(const struct slow *slow)
{
	int err = vdpa_mock_shape("off", slow->off ?: "compat_reset,dma_map,dma_unmap");
	unsigned int i;

	if (!err)
		err = vdpa_create(VDPA_MOCK, 0, name, path);
	if (!err)
		err = client_open(&client, path, MEMORY);
	if (!err)
		err = client_negotiate(&client, 0);
	for (i = 0; !err && i < 2; i++)
		err = client_add_queue(&client, NUM);
	if (!err && slow->started)
		err = client_start(&client);
	if (!err && slow->call == unmap)
		err = map();
	return err;
}

/* The call of the operation, on return in the middle of it; later ones are quick */
static int begin(const struct slow *slow, struct caller *c, unsigned int ms)
{
	uint64_t end = now_ns() + PATIENCE * 1000000ULL;
	int err = prepare(slow);

	if (!err)
		err = vdpa_mock_order("calls", "");
	if (!err)
		err = make_slow(slow->op, ms);
	if (err)
		return err;
	start(c, slow->call, false);
	while (!was_called(slow->op)) {
		if (now_ns() > end)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return make_slow(slow->op, 0);
}

static void end(void)
{
	client_close(&client);
	vdpa_del(name);
}

static bool in_time(const char *what, const struct caller *c, unsigned int ms)
{
	if (c->err || c->ms > ms)
		ksft_print_msg("%s: %s, %u ms\n", what, strerror(-c->err), c->ms);
	return !c->err && c->ms <= ms;
}

/* Each caller by itself, so that none waits for another one */
static bool others_go_on(const struct slow *slow)
{
	struct caller op, netlink, kicker, ringer, asker;
	long long broken = violations();
	bool ok = true;
	int err = begin(slow, &op, LONG);

	if (err) {
		ksft_print_msg("%s\n", strerror(-err));
		return false;
	}
	start(&kicker, kick, false);
	start(&ringer, ring, false);
	start(&netlink, get_config_by_netlink, false);
	start(&asker, get_status, false);
	finish(&kicker);
	finish(&ringer);
	finish(&netlink);
	finish(&asker);
	finish(&op);
	ok = in_time("kick", &kicker, NO_WAIT) && ok;
	ok = in_time("doorbell", &ringer, NO_WAIT) && ok;
	ok = in_time("netlink", &netlink, slow->cf_lock ? PATIENCE : NO_WAIT) && ok;
	ok = in_time("ioctl", &asker, PATIENCE) && ok;
	ok = in_time(slow->op, &op, PATIENCE) && ok;
	if (!was_called("kick_vq")) {
		ksft_print_msg("no kick\n");
		ok = false;
	}
	if (violations() != broken) {
		ksft_print_msg("a rule of the interface is broken\n");
		ok = false;
	}
	end();
	return ok;
}

/* With callers that don't stop before it is gone */
static bool goes(const struct slow *slow)
{
	struct caller op, netlink, kicker, ringer, asker;
	long long broken = violations();
	bool ok = true;
	int err = begin(slow, &op, SHORT);

	if (!err) {
		start(&netlink, get_config_by_netlink, true);
		start(&ringer, ring, true);
		start(&asker, get_status, true);
		start(&kicker, kick, false);
		err = vdpa_del(name);
		finish(&op);
		finish(&kicker);
		ok = finish(&netlink) == -ENODEV && ok;
		ok = finish(&ringer) == -ENODEV && ok;
		ok = finish(&asker) == -ENODEV && ok;
		if (!ok)
			ksft_print_msg("netlink %d, doorbell %d, ioctl %d\n", netlink.err,
				       ringer.err, asker.err);
	}
	if (err)
		ksft_print_msg("%s\n", strerror(-err));
	if (violations() != broken) {
		ksft_print_msg("a rule of the interface is broken\n");
		ok = false;
	}
	end();
	return ok && !err;
}

int main(void)
{
	unsigned int i;

	ksft_print_header();
	if (geteuid())
		ksft_exit_skip("needs root\n");
	if (module_load("vdpa_mock") || module_load("vhost_vdpa"))
		ksft_exit_skip("no module vdpa_mock or vhost_vdpa\n");
	signal(SIGBUS, on_bus_error);
	ksft_set_plan(2 * ARRAY_SIZE(slows) + 1);
	if (vdpa_mock_shape("doorbell", "Y"))
		ksft_exit_fail_msg("no doorbells\n");
	for (i = 0; i < ARRAY_SIZE(slows); i++) {
		ksft_test_result(others_go_on(&slows[i]), "%s takes long: others go on\n",
				 slows[i].op);
		ksft_test_result(goes(&slows[i]), "%s takes long: dev del\n", slows[i].op);
	}
	ksft_test_result(proc_field("/sys/module/vdpa_mock/parameters/allocated", "") == 0,
			 "all devices were freed\n");
	ksft_finished();
}
