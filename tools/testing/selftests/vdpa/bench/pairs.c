// SPDX-License-Identifier: GPL-2.0
/*
 * Whether more queue pairs than CPUs do harm: frames looped back through 2 and
 * through 4 pairs of one device, in turn, each pair driven by a thread of its
 * own. Prints the medians of frames a second in sum, and their ratio.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/vdpa.h>

#include "../lib/device.h"
#include "../lib/net.h"
#include "../lib/netlink.h"

#define PAIRS		4
#define NUM		128
#define BURST		64
#define LEN		64
#define ROOM		128
#define TURNS		512
#define ROUNDS		7
#define PATIENCE	30000
#define SIZE		(1 << 20)

struct pair {
	struct client *c;
	unsigned int index;
	char *rx, *tx;
	int err;
	pthread_t thread;
};

static struct client client;
static struct pair pairs[PAIRS];

static int give(struct pair *p, unsigned int queue, char *buffers, unsigned int slot,
		size_t len, bool in)
{
	struct vq_seg seg = {
		.iova = client_iova(p->c, buffers + slot * ROOM), .len = len,
	};

	return vq_add(&p->c->queue[p->index * 2 + queue].vq, &seg, !in, in, slot);
}

static int publish(struct pair *p, unsigned int queue)
{
	unsigned int index = p->index * 2 + queue;

	return vq_publish(&p->c->queue[index].vq) ? client_kick(p->c, index) : 0;
}

static int turn(struct pair *p)
{
	uint32_t slot, len;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < BURST; i++)
		err = give(p, NET_TX, p->tx, i, NET_HEADER + LEN, false);
	if (!err)
		err = publish(p, NET_TX);
	for (i = 0; !err && i < BURST; i++) {
		err = client_poll(p->c, p->index * 2 + NET_RX, &slot, &len, PATIENCE);
		if (!err)
			err = give(p, NET_RX, p->rx, slot, ROOM, true);
	}
	for (i = 0; !err && i < BURST; i++)
		err = client_poll(p->c, p->index * 2 + NET_TX, &slot, &len, PATIENCE);
	return err ? err : publish(p, NET_RX);
}

static void *drive(void *arg)
{
	struct pair *p = arg;
	unsigned int i;

	for (i = 0; !p->err && i < TURNS; i++)
		p->err = turn(p);
	return NULL;
}

/* Frames a second through the first @n pairs, or a negative errno */
static double run(unsigned int n)
{
	uint64_t start = now_ns();
	unsigned int i;
	int err = 0;

	for (i = 0; i < n; i++)
		pthread_create(&pairs[i].thread, NULL, drive, &pairs[i]);
	for (i = 0; i < n; i++) {
		pthread_join(pairs[i].thread, NULL);
		err = err ? err : pairs[i].err;
	}
	return err ? err : 1e9 * n * TURNS * BURST / (now_ns() - start);
}

static int prepare(struct pair *p, unsigned int index, const uint8_t *mac)
{
	unsigned int i;
	int err = 0;

	p->c = &client;
	p->index = index;
	p->rx = client_alloc(p->c, NUM * ROOM, 4096);
	p->tx = client_alloc(p->c, NUM * ROOM, 4096);
	if (!p->rx || !p->tx)
		return -ENOMEM;
	for (i = 0; !err && i < NUM; i++) {
		memcpy(p->tx + i * ROOM + NET_HEADER, mac, 6);
		err = give(p, NET_RX, p->rx, i, ROOM, true);
	}
	return err;
}

/* All pairs in use, by the control queue behind them */
static int set_pairs(void)
{
	unsigned int ctrl = 2 * PAIRS;
	uint8_t *mem = client_alloc(&client, 64, 64);
	uint64_t iova = client_iova(&client, mem);
	struct vq_seg seg[] = {
		{ iova, 2 }, { iova + 2, 2 }, { iova + 4, 1 },
	};
	uint32_t slot, len;
	int err;

	mem[0] = VIRTIO_NET_CTRL_MQ;
	mem[1] = VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET;
	mem[2] = PAIRS;
	mem[4] = VIRTIO_NET_ERR;
	err = vq_add(&client.queue[ctrl].vq, seg, 2, 1, 0);
	if (!err && vq_publish(&client.queue[ctrl].vq))
		err = client_kick(&client, ctrl);
	if (!err)
		err = client_poll(&client, ctrl, &slot, &len, PATIENCE);
	return err ? err : mem[4] == VIRTIO_NET_OK ? 0 : -EPROTO;
}

static int add_device(const char *name)
{
	struct nl_request req;
	uint16_t n = PAIRS;
	int err = module_load("vdpa_sim_net");

	if (!err)
		err = nl_begin(&req, VDPA_CMD_DEV_NEW, 0);
	if (err)
		return err;
	nl_put_string(&req, VDPA_ATTR_DEV_NAME, name);
	nl_put_string(&req, VDPA_ATTR_MGMTDEV_DEV_NAME, "vdpasim_net");
	nl_put(&req, VDPA_ATTR_DEV_NET_CFG_MAX_VQP, &n, sizeof(n));
	return nl_do(&req, NULL, NULL);
}

static int start(const char *path)
{
	uint8_t mac[6];
	unsigned int i;
	int err = client_open(&client, path, SIZE);

	if (err)
		return err;
	err = client_negotiate(&client, NET_WANTED | VV_BIT(VIRTIO_NET_F_MQ));
	if (!err)
		err = vv_get_config(client.fd, 0, mac, sizeof(mac));
	for (i = 0; !err && i < 2 * PAIRS + 1; i++)
		err = client_add_queue(&client, NUM);
	for (i = 0; !err && i < PAIRS; i++)
		err = prepare(&pairs[i], i, mac);
	if (!err)
		err = client_start(&client);
	if (!err)
		err = set_pairs();
	for (i = 0; !err && i < PAIRS; i++)
		err = publish(&pairs[i], NET_RX);
	for (i = 0; !err && i < 2 * PAIRS; i++)
		vq_call_after(&client.queue[i].vq, 0);
	return err;
}

static int order(const void *a, const void *b)
{
	double diff = *(const double *)a - *(const double *)b;

	return (diff > 0) - (diff < 0);
}

static int compare(void)
{
	double rate[2][ROUNDS];
	unsigned int i, side;

	run(PAIRS);	/* memory is populated, workers have learned */
	for (i = 0; i < ROUNDS; i++)
		for (side = 0; side < 2; side++) {
			rate[side][i] = run(side ? PAIRS : PAIRS / 2);
			if (rate[side][i] < 0)
				return rate[side][i];
		}
	for (side = 0; side < 2; side++)
		qsort(rate[side], ROUNDS, sizeof(double), order);
	printf("pairs_%u %.0f frames/s\npairs_%u %.0f frames/s\nratio %.2f\n",
	       PAIRS / 2, rate[0][ROUNDS / 2], PAIRS, rate[1][ROUNDS / 2],
	       rate[1][ROUNDS / 2] / rate[0][ROUNDS / 2]);
	return 0;
}

int main(void)
{
	char path[64];
	int err = add_device("pairs");

	if (!err)
		err = vdpa_bind("pairs", "vhost_vdpa");
	if (!err)
		err = vdpa_chardev("pairs", path, sizeof(path));
	if (!err)
		err = start(path);
	if (!err)
		err = compare();
	if (err)
		fprintf(stderr, "pairs: %s\n", strerror(-err));
	vdpa_del("pairs");
	return !!err;
}
