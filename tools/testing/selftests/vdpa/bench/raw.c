// SPDX-License-Identifier: GPL-2.0
/*
 * What a packet or a block costs through a simulated device, driven over
 * /dev/vhost-vdpa-N by a poll-mode driver: one line a case, its name, the
 * nanoseconds an operation takes, "-" when the device cannot do it, and how many
 * operations were timed. On a VM's clock that counts instructions at 2 ns each,
 * half of it is instructions.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../lib/blk.h"
#include "../lib/device.h"
#include "../lib/net.h"
#include "mark.h"

#define NUM		256	/* ring size */
#define PATIENCE	10000
#define PACKED		VV_BIT(VIRTIO_F_RING_PACKED)

struct bench {
	const char *name;
	const char *mgmtdev;
	uint64_t features;	/* beyond the default ones */
	size_t size;		/* bytes of a frame, or a block */
	unsigned int batch;	/* in flight at once */
	unsigned int ops;	/* operations that are counted */
};

static const struct bench benches[] = {
	{ "net_split_64_burst", "vdpasim_net", 0, 64, 64, 64000 },
	{ "net_split_64_single", "vdpasim_net", 0, 64, 1, 8000 },
	{ "net_split_1500_burst", "vdpasim_net", 0, 1500, 64, 64000 },
	{ "net_packed_64_burst", "vdpasim_net", PACKED, 64, 64, 64000 },
	{ "net_packed_64_single", "vdpasim_net", PACKED, 64, 1, 8000 },
	{ "net_packed_1500_burst", "vdpasim_net", PACKED, 1500, 64, 64000 },
	{ "blk_split_4k_depth32", "vdpasim_blk", 0, 4096, 32, 32000 },
	{ "blk_split_4k_depth1", "vdpasim_blk", 0, 4096, 1, 8000 },
	{ "blk_packed_4k_depth32", "vdpasim_blk", PACKED, 4096, 32, 32000 },
	{ "blk_packed_4k_depth1", "vdpasim_blk", PACKED, 4096, 1, 8000 },
	/* the floor: a copy alone, by no device */
	{ "copy_64", NULL, 0, 64, 1, 64000 },
	{ "copy_1500", NULL, 0, 1500, 1, 64000 },
	{ "copy_4k", NULL, 0, 4096, 1, 32000 },
	{ NULL }
};

/* All @batch frames out, and the same number in again */
static int net_turn(struct net *n, const struct bench *b)
{
	uint32_t slot, len;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < b->batch; i++)
		err = net_send(n, i, b->size);
	if (!err)
		err = net_flush(n, NET_TX);
	for (i = 0; !err && i < b->batch; i++) {
		err = client_poll(&n->c, NET_RX, &slot, &len, PATIENCE);
		if (!err && len != NET_HEADER + b->size)
			err = -EBADMSG;
		if (!err)
			err = net_post_rx(n, slot);
	}
	for (i = 0; !err && i < b->batch; i++)
		err = client_poll(&n->c, NET_TX, &slot, &len, PATIENCE);
	return err ? err : net_flush(n, NET_RX);
}

static int blk_turn(struct blk *d, const struct bench *b, uint64_t block)
{
	uint32_t slot, len;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < b->batch; i++)
		err = blk_add(d, i, VIRTIO_BLK_T_IN, (block + i) % 4096 * 8, b->size);
	if (!err)
		err = blk_flush(d);
	for (i = 0; !err && i < b->batch; i++) {
		err = client_poll(&d->c, 0, &slot, &len, PATIENCE);
		if (!err && d->status[slot])
			err = -EIO;
	}
	return err;
}

static int run_net(const struct bench *b, const char *path, double *ns)
{
	unsigned int done, i;
	struct net n;
	uint64_t start;
	int err = net_open(&n, path, NET_WANTED | b->features, NUM, 2048);

	if (err)
		return err;
	vq_call_after(&n.c.queue[NET_RX].vq, 0);
	vq_call_after(&n.c.queue[NET_TX].vq, 0);
	for (i = 0; i < b->batch; i++)
		net_fill(&n, i, b->size, i);
	for (i = 0; !err && i < 8; i++)		/* warm caches, populate memory */
		err = net_turn(&n, b);
	start = now_ns();
	mark();
	for (done = 0; !err && done < b->ops; done += b->batch)
		err = net_turn(&n, b);
	mark();
	*ns = (double)(now_ns() - start) / done;
	net_close(&n);
	return err;
}

static int run_blk(const struct bench *b, const char *path, double *ns)
{
	unsigned int done, i;
	struct blk d;
	uint64_t start;
	int err = blk_open(&d, path, BLK_WANTED | b->features, NUM, b->batch, b->size);

	if (err)
		return err;
	vq_call_after(&d.c.queue[0].vq, 0);
	for (i = 0; !err && i < 8; i++)
		err = blk_turn(&d, b, i);
	start = now_ns();
	mark();
	for (done = 0; !err && done < b->ops; done += b->batch)
		err = blk_turn(&d, b, done);
	mark();
	*ns = (double)(now_ns() - start) / done;
	blk_close(&d);
	return err;
}

/* As the kernel does on a processor without fast strings */
static void copy(void *to, const void *from, size_t size)
{
	size_t words = size / 8, rest = size % 8;

	asm volatile("rep movsq\n\t"
		     "mov %3, %2\n\t"
		     "rep movsb"
		     : "+D" (to), "+S" (from), "+c" (words)
		     : "r" (rest)
		     : "memory");
}

static void run_copy(const struct bench *b, double *ns)
{
	static char to[4096], from[4096];
	unsigned int done;
	uint64_t start;

	copy(to, from, b->size);
	start = now_ns();
	for (done = 0; done < b->ops; done++)
		copy(to, from, b->size);
	*ns = (double)(now_ns() - start) / done;
}

static uint64_t features_to_ask(const struct bench *b, bool net)
{
	if (!b->features)
		return 0;
	return b->features | (net ? NET_WANTED : BLK_WANTED) |
	       VV_BIT(VIRTIO_F_VERSION_1) | VV_BIT(VIRTIO_F_ACCESS_PLATFORM);
}

static int run_bench(const struct bench *b)
{
	char name[32], path[64];
	double ns = 0;
	int err;
	bool net;

	if (!b->mgmtdev) {
		run_copy(b, &ns);
		printf("%s %.1f %u\n", b->name, ns, b->ops);
		return 0;
	}
	net = !strcmp(b->mgmtdev, "vdpasim_net");
	err = vdpa_create(b->mgmtdev, features_to_ask(b, net), name, path);
	if (err && b->features) {
		printf("%s -\n", b->name);
		return 0;
	}
	if (!err) {
		err = net ? run_net(b, path, &ns) : run_blk(b, path, &ns);
		vdpa_del(name);
	}
	if (err)
		fprintf(stderr, "%s: %s\n", b->name, strerror(-err));
	else
		printf("%s %.1f %u\n", b->name, ns, b->ops);
	return err;
}

/* Without arguments all cases, else those whose names begin with one of them */
int main(int argc, char **argv)
{
	const struct bench *b;
	int failed = 0, arg;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (b = benches; b->name; b++) {
		bool wanted = argc == 1;

		for (arg = 1; arg < argc; arg++)
			if (!strncmp(b->name, argv[arg], strlen(argv[arg])))
				wanted = true;
		if (wanted && run_bench(b))
			failed = 1;
	}
	return failed;
}
