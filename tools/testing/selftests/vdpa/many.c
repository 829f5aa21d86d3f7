// SPDX-License-Identifier: GPL-2.0
/*
 * A thousand devices at once: added, seen, some of them with a client that moves
 * data, deleted, and nothing left of them. What an idle one takes of memory.
 */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <linux/vdpa.h>

#include "../kselftest_harness.h"
#include "lib/device.h"
#include "lib/netlink.h"
#include "lib/subject.h"

#define DEVICES		1000
#define ONE_IN		50	/* has a client */
#define CLIENTS		(DEVICES / ONE_IN)
#define MOST		64	/* KiB of memory a device */
#define PATIENCE	20	/* s until freed memory is given back */

FIXTURE(many) {
};

FIXTURE_VARIANT(many) {
	const char *mgmtdev;
	const char *module;
};

FIXTURE_VARIANT_ADD(many, net) {
	.mgmtdev = "vdpasim_net", .module = "vdpa_sim_net",
};

FIXTURE_VARIANT_ADD(many, blk) {
	.mgmtdev = "vdpasim_blk", .module = "vdpa_sim_blk",
};

static const char *name_of(unsigned int i)
{
	static char name[16];

	snprintf(name, sizeof(name), "many%u", i);
	return name;
}

static int add_all(const char *mgmtdev, unsigned int n)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < n; i++)
		err = vdpa_add(name_of(i), mgmtdev, 0);
	return err;
}

static int del_all(unsigned int n)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < n; i++)
		err = vdpa_del(name_of(i));
	return err;
}

FIXTURE_SETUP(many)
{
	ASSERT_EQ(0, module_load(variant->module));
	ASSERT_EQ(0, module_load("vhost_vdpa"));
}

FIXTURE_TEARDOWN(many)
{
	unsigned int i;

	for (i = 0; i < DEVICES; i++)
		vdpa_del(name_of(i));
}

static void count_name(void *arg, uint16_t type, const void *data, size_t len)
{
	if (type == VDPA_ATTR_DEV_NAME && !strncmp(data, "many", 4))
		++*(unsigned int *)arg;
}

/* How many a dump by @command knows */
static unsigned int listed(uint8_t command)
{
	struct nl_request req;
	unsigned int n = 0;

	if (nl_begin(&req, command, NLM_F_DUMP) || nl_do(&req, count_name, &n))
		return 0;
	return n;
}

TEST_F_TIMEOUT(many, live_at_once, 300)
{
	static struct subject clients[CLIENTS];
	long long before, after;
	unsigned int i;

	before = proc_field("/proc/meminfo", "MemAvailable");
	ASSERT_EQ(0, add_all(variant->mgmtdev, DEVICES));
	after = proc_field("/proc/meminfo", "MemAvailable");
	TH_LOG("%lld KiB a device", (before - after) / DEVICES);
	/* kernels with checks have notes of their own for each object */
	if (access("/sys/kernel/debug/kmemleak", F_OK))
		EXPECT_LE(before - after, MOST * DEVICES);

	EXPECT_EQ(DEVICES, listed(VDPA_CMD_DEV_GET));
	EXPECT_EQ(DEVICES, listed(VDPA_CMD_DEV_CONFIG_GET));

	for (i = 0; i < CLIENTS; i++) {
		/* the name has to last */
		char *name = strdup(name_of(i * ONE_IN));

		ASSERT_EQ(0, subject_find(&clients[i], name));
		ASSERT_EQ(0, subject_start(&clients[i], 0));
		ASSERT_EQ(0, subject_once(&clients[i]));
	}
	/* again, now that all of them are there */
	for (i = 0; i < CLIENTS; i++)
		EXPECT_EQ(0, subject_once(&clients[i]));
	for (i = 0; i < CLIENTS; i++) {
		subject_stop(&clients[i]);
		free((char *)clients[i].name);
	}

	EXPECT_EQ(0, del_all(DEVICES));
	EXPECT_EQ(0, listed(VDPA_CMD_DEV_GET));
}

/* KASAN keeps what was freed until somebody wants a cache to be small */
static void shrink_slabs(void)
{
	glob_t caches;
	size_t i;

	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &caches))
		return;
	for (i = 0; i < caches.gl_pathc; i++)
		write_file(caches.gl_pathv[i], "1");
	globfree(&caches);
}

static long long slab_in_use(void)
{
	shrink_slabs();
	return proc_field("/proc/meminfo", "SUnreclaim");
}

static bool slab_at_most(long long kib)
{
	unsigned int tries = PATIENCE * 10;

	/* what is freed waits for grace periods */
	while (slab_in_use() > kib && --tries)
		usleep(100000);
	return tries;
}

TEST_F_TIMEOUT(many, leave_nothing_behind, 300)
{
	const unsigned int n = DEVICES / 5;
	char path[64];
	long long before;

	/* the first ones fill caches */
	ASSERT_EQ(0, add_all(variant->mgmtdev, n));
	ASSERT_EQ(0, del_all(n));
	before = slab_in_use();
	ASSERT_EQ(0, add_all(variant->mgmtdev, n));
	ASSERT_EQ(0, del_all(n));
	/* 1 KiB a device would be a leak */
	EXPECT_TRUE(slab_at_most(before + n));

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", variant->module);
	EXPECT_EQ(0, proc_field(path, ""));
}

TEST_HARNESS_MAIN
