// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations of the simulator's own threads that fail: what a driver asked for
 * then is refused, nothing else has changed, and the next try works.
 *
 * These threads can't be told to fail by /proc/PID/fail-nth, which counts what the
 * task that writes to it does. All allocations fail instead that have one function of
 * the module's in their stack, for as long as a test wants.
 *
 * Needs a kernel with fault injection, see tools/testing/kernel.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "lib/blk.h"
#include "lib/device.h"
#include "lib/failing.h"
#include "lib/net.h"
#include "lib/packet.h"

#define NUM		64
#define PATIENCE	5000	/* ms */
#define LIMIT		300	/* s; symbols are looked for in all of a kernel with checks */

/* --- the disk: a page of the store ------------------------------------------------ */

#define PAGE		4096
#define DEPTH		2

FIXTURE(disk) {
	char name[32];
	char path[64];
	struct blk b;
};

FIXTURE_SETUP(disk)
{
	const char *why = failing_why_not();

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, vdpa_create("vdpasim_blk", 0, self->name, self->path));
	ASSERT_EQ(0, blk_open(&self->b, self->path, BLK_WANTED, NUM, DEPTH, 2 * PAGE));
}

FIXTURE_TEARDOWN(disk)
{
	failing_stop();
	blk_close(&self->b);
	vdpa_del(self->name);
}

static int write_pattern(struct blk *b, uint64_t sector, size_t len, uint64_t seed)
{
	fill_pattern(blk_data(b, 0), len, seed);
	return blk_do(b, 0, VIRTIO_BLK_T_OUT, sector, len);
}

/* True when the disk has there what write_pattern() wrote, or zeroes for seed 0 */
static bool reads(struct blk *b, uint64_t sector, size_t len, uint64_t seed)
{
	static char want[2 * PAGE];

	memset(want, 0, sizeof(want));
	if (seed)
		fill_pattern(want, len, seed);
	memset(blk_data(b, 1), 0x55, len);
	return blk_do(b, 1, VIRTIO_BLK_T_IN, sector, len) == VIRTIO_BLK_S_OK &&
	       !memcmp(blk_data(b, 1), want, len);
}

TEST_F_TIMEOUT(disk, write, LIMIT)
{
	struct blk *b = &self->b;

	ASSERT_EQ(0, failing_below("simblk_store_write", true));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, write_pattern(b, 0, PAGE, 1));
	EXPECT_TRUE(reads(b, 0, PAGE, 0));
	failing_stop();
	EXPECT_EQ(VIRTIO_BLK_S_OK, write_pattern(b, 0, PAGE, 1));
	EXPECT_TRUE(reads(b, 0, PAGE, 1));
}

/* Where a page is already, none is needed */
TEST_F_TIMEOUT(disk, write_again, LIMIT)
{
	struct blk *b = &self->b;

	ASSERT_EQ(VIRTIO_BLK_S_OK, write_pattern(b, 0, PAGE, 1));
	ASSERT_EQ(0, failing_below("simblk_store_write", true));
	EXPECT_EQ(VIRTIO_BLK_S_OK, write_pattern(b, 0, PAGE, 2));
	EXPECT_TRUE(reads(b, 0, PAGE, 2));
	/* what fails half-way has written the first half */
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, write_pattern(b, 0, 2 * PAGE, 3));
	EXPECT_TRUE(reads(b, 0, PAGE, 3));
	EXPECT_TRUE(reads(b, PAGE / BLK_SECTOR, PAGE, 0));
	failing_stop();
	EXPECT_EQ(VIRTIO_BLK_S_OK, write_pattern(b, 0, 2 * PAGE, 4));
	EXPECT_TRUE(reads(b, 0, 2 * PAGE, 4));
}

/* Without a node of the array of pages, the page goes again */
TEST_F_TIMEOUT(disk, place_of_a_page, LIMIT)
{
	const uint64_t far = 64 * 64 * (PAGE / BLK_SECTOR);
	struct blk *b = &self->b;

	ASSERT_EQ(VIRTIO_BLK_S_OK, write_pattern(b, 0, PAGE, 1));
	ASSERT_EQ(0, failing_below("simblk_store_write", false));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, write_pattern(b, far, PAGE, 2));
	EXPECT_TRUE(reads(b, far, PAGE, 0));
	EXPECT_TRUE(reads(b, 0, PAGE, 1));
	failing_stop();
	EXPECT_EQ(VIRTIO_BLK_S_OK, write_pattern(b, far, PAGE, 2));
	EXPECT_TRUE(reads(b, far, PAGE, 2));
	EXPECT_TRUE(reads(b, 0, PAGE, 1));
}

/* Both need no memory, and give some back */
TEST_F_TIMEOUT(disk, read_and_discard, LIMIT)
{
	struct blk *b = &self->b;
	struct virtio_blk_discard_write_zeroes *range = (void *)blk_data(b, 0);

	ASSERT_EQ(VIRTIO_BLK_S_OK, write_pattern(b, 0, 2 * PAGE, 1));
	ASSERT_EQ(0, failing_below("vdpasim_worker", true));
	EXPECT_TRUE(reads(b, 0, 2 * PAGE, 1));
	memset(range, 0, sizeof(*range));
	range->num_sectors = PAGE / BLK_SECTOR;
	EXPECT_EQ(VIRTIO_BLK_S_OK,
		  blk_do(b, 0, VIRTIO_BLK_T_DISCARD, 0, sizeof(*range)));
	EXPECT_TRUE(reads(b, 0, PAGE, 0));
	failing_stop();
}

/* --- network: commands ------------------------------------------------------------- */

#define ROOM		69632	/* the largest frame, in whole pages */
#define SMALL		2048	/* of a receive buffer */
#define LEN		100
#define MSS		1400

#define OFFLOADS	(VV_BIT(VIRTIO_NET_F_CSUM) | VV_BIT(VIRTIO_NET_F_HOST_TSO4))
#define COMMANDS	(VV_BIT(VIRTIO_NET_F_CTRL_RX) | VV_BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) | \
			 VV_BIT(VIRTIO_NET_F_CTRL_VLAN))
#define OFFERED		(NET_WANTED | OFFLOADS | COMMANDS | VV_BIT(VIRTIO_F_VERSION_1) | \
			 VV_BIT(VIRTIO_F_ACCESS_PLATFORM))

static const uint8_t other[6] = { 0x02, 0, 0, 0, 0x77, 0x01 };

FIXTURE(network) {
	char name[32];
	char path[64];
	struct net n;
};

FIXTURE_SETUP(network)
{
	const char *why = failing_why_not();

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, vdpa_create("vdpasim_net", OFFERED, self->name, self->path));
	ASSERT_EQ(0, net_open_small(&self->n, self->path, OFFERED, NUM, ROOM, SMALL));
	ASSERT_EQ(COMMANDS | OFFLOADS, self->n.c.features & (COMMANDS | OFFLOADS));
}

FIXTURE_TEARDOWN(network)
{
	failing_stop();
	net_close(&self->n);
	vdpa_del(self->name);
}

static int send_frame(struct net *n, size_t len)
{
	uint32_t slot, used;
	int err = net_send(n, 0, len);

	if (!err)
		err = net_flush(n, NET_TX);
	return err ? err : client_poll(&n->c, NET_TX, &slot, &used, PATIENCE);
}

/* Gives the buffer back; the length of the frame, 0 for none, or an error */
static int receive(struct net *n)
{
	uint32_t slot, len;
	int err;

	/* the device is through with both queues when it has sent */
	if (!vq_pending(&n->c.queue[NET_RX].vq))
		return 0;
	err = client_poll(&n->c, NET_RX, &slot, &len, PATIENCE);
	if (!err)
		err = net_post_rx(n, slot);
	if (!err)
		err = net_flush(n, NET_RX);
	return err ? err : (int)(len - NET_HEADER);
}

/* A frame to @dest, in VLAN @vlan if that is not 0: does it come? */
static bool arrives(struct net *n, const uint8_t *dest, uint8_t vlan)
{
	char *tx = net_tx_frame(n, 0);

	net_fill(n, 0, LEN, 1);
	memcpy(tx, dest, 6);
	if (vlan)
		memcpy(tx + 12, (char[]){ (char)0x81, 0, 0, (char)vlan }, 4);
	return !send_frame(n, LEN) && receive(n) == LEN;
}

static int mode(struct net *n, uint8_t command, uint8_t on)
{
	return net_command(n, VIRTIO_NET_CTRL_RX, command, &on, 1);
}

static int set_vlan(struct net *n, uint8_t command, uint8_t vlan)
{
	const uint8_t id[2] = { vlan, 0 };

	return net_command(n, VIRTIO_NET_CTRL_VLAN, command, id, sizeof(id));
}

static int set_table(struct net *n, const uint8_t *mac)
{
	struct {
		uint32_t n;
		uint8_t mac[6];
		uint32_t none;
	} __attribute__((packed)) tables = { .n = 1 };

	memcpy(tables.mac, mac, 6);
	return net_command(n, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, &tables,
			   sizeof(tables));
}

/* The first one has no filter before it, the next ones replace another */
TEST_F_TIMEOUT(network, modes, LIMIT)
{
	struct net *n = &self->n;

	ASSERT_EQ(0, failing_below("simnet_control_rx", true));
	EXPECT_EQ(VIRTIO_NET_ERR, mode(n, VIRTIO_NET_CTRL_RX_NOUNI, 1));
	EXPECT_TRUE(arrives(n, n->mac, 0));
	failing_stop();
	EXPECT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_NOUNI, 1));
	EXPECT_FALSE(arrives(n, n->mac, 0));

	ASSERT_EQ(0, failing_below("simnet_control_rx", true));
	EXPECT_EQ(VIRTIO_NET_ERR, mode(n, VIRTIO_NET_CTRL_RX_NOUNI, 0));
	EXPECT_FALSE(arrives(n, n->mac, 0));
	failing_stop();
	EXPECT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_NOUNI, 0));
	EXPECT_TRUE(arrives(n, n->mac, 0));
}

TEST_F_TIMEOUT(network, table, LIMIT)
{
	struct net *n = &self->n;

	ASSERT_FALSE(arrives(n, other, 0));
	ASSERT_EQ(0, failing_below("simnet_control_mac_table", true));
	EXPECT_EQ(VIRTIO_NET_ERR, set_table(n, other));
	EXPECT_FALSE(arrives(n, other, 0));
	EXPECT_TRUE(arrives(n, n->mac, 0));
	failing_stop();
	EXPECT_EQ(VIRTIO_NET_OK, set_table(n, other));
	EXPECT_TRUE(arrives(n, other, 0));
}

TEST_F_TIMEOUT(network, vlans, LIMIT)
{
	struct net *n = &self->n;

	ASSERT_EQ(VIRTIO_NET_OK, set_vlan(n, VIRTIO_NET_CTRL_VLAN_ADD, 5));
	ASSERT_FALSE(arrives(n, n->mac, 6));
	ASSERT_EQ(0, failing_below("simnet_control_vlan", true));
	EXPECT_EQ(VIRTIO_NET_ERR, set_vlan(n, VIRTIO_NET_CTRL_VLAN_ADD, 6));
	EXPECT_EQ(VIRTIO_NET_ERR, set_vlan(n, VIRTIO_NET_CTRL_VLAN_DEL, 5));
	EXPECT_TRUE(arrives(n, n->mac, 5));
	EXPECT_FALSE(arrives(n, n->mac, 6));
	failing_stop();
	EXPECT_EQ(VIRTIO_NET_OK, set_vlan(n, VIRTIO_NET_CTRL_VLAN_ADD, 6));
	EXPECT_EQ(VIRTIO_NET_OK, set_vlan(n, VIRTIO_NET_CTRL_VLAN_DEL, 5));
	EXPECT_FALSE(arrives(n, n->mac, 5));
	EXPECT_TRUE(arrives(n, n->mac, 6));
}

/* --- network: commands of receive-side scaling ---------------------------------------- */

#define KEY		40
#define RSS		(VV_BIT(VIRTIO_NET_F_RSS) | VV_BIT(VIRTIO_NET_F_HASH_REPORT))

FIXTURE(scaling) {
	char name[32];
	char path[64];
	struct net n;
};

FIXTURE_SETUP(scaling)
{
	const uint64_t offered = NET_WANTED | RSS | VV_BIT(VIRTIO_F_VERSION_1) |
				 VV_BIT(VIRTIO_F_ACCESS_PLATFORM);
	const char *why = failing_why_not();

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, vdpa_create("vdpasim_net", offered, self->name, self->path));
	ASSERT_EQ(0, net_open(&self->n, self->path, offered, NUM, SMALL));
	ASSERT_EQ(RSS, self->n.c.features & RSS);
}

FIXTURE_TEARDOWN(scaling)
{
	failing_stop();
	net_close(&self->n);
	vdpa_del(self->name);
}

TEST_F_TIMEOUT(scaling, table, LIMIT)
{
	struct {
		uint32_t types;
		uint16_t mask, unclassified, table, senders;
		uint8_t len, key[KEY];
	} __attribute__((packed)) config = { .types = 1, .senders = 1, .len = KEY };
	struct net *n = &self->n;

	ASSERT_EQ(0, failing_below("simnet_control_rss", true));
	EXPECT_EQ(VIRTIO_NET_ERR, net_command(n, VIRTIO_NET_CTRL_MQ,
					      VIRTIO_NET_CTRL_MQ_RSS_CONFIG, &config,
					      sizeof(config)));
	failing_stop();
	EXPECT_EQ(VIRTIO_NET_OK, net_command(n, VIRTIO_NET_CTRL_MQ,
					     VIRTIO_NET_CTRL_MQ_RSS_CONFIG, &config,
					     sizeof(config)));
}

TEST_F_TIMEOUT(scaling, hash, LIMIT)
{
	struct {
		uint32_t types;
		uint16_t reserved[4];
		uint8_t len, key[KEY];
	} __attribute__((packed)) config = { .types = 1, .len = KEY };
	struct net *n = &self->n;

	ASSERT_EQ(0, failing_below("simnet_control_hash", true));
	EXPECT_EQ(VIRTIO_NET_ERR, net_command(n, VIRTIO_NET_CTRL_MQ,
					      VIRTIO_NET_CTRL_MQ_HASH_CONFIG, &config,
					      sizeof(config)));
	failing_stop();
	EXPECT_EQ(VIRTIO_NET_OK, net_command(n, VIRTIO_NET_CTRL_MQ,
					     VIRTIO_NET_CTRL_MQ_HASH_CONFIG, &config,
					     sizeof(config)));
}

/* --- network: packets to be cut ------------------------------------------------------ */

/* Sends a packet of @pieces segments; how many come */
static int pieces_of(struct net *n, unsigned int pieces)
{
	struct packet p = {
		.tcp = true, .sport = 4000, .dport = 5000, .payload = pieces * MSS,
		.flags = TCP_ACK, .seed = pieces,
	};
	size_t done = 0;
	uint32_t slot, len;
	int count = 0;

	packet_build(&p, n->mac, net_tx_frame(n, 0));
	packet_header(&p, VIRTIO_NET_HDR_GSO_TCPV4, MSS,
		      (void *)(net_tx_frame(n, 0) - NET_HEADER));
	if (send_frame(n, p.len))
		return -EIO;
	for (; vq_pending(&n->c.queue[NET_RX].vq); count++) {
		if (client_poll(&n->c, NET_RX, &slot, &len, PATIENCE) ||
		    packet_segment(&p, net_rx_frame(n, slot), len - NET_HEADER, done) != MSS ||
		    net_post_rx(n, slot))
			return -EBADMSG;
		done += MSS;
	}
	return net_flush(n, NET_RX) ? -EIO : count;
}

TEST_F_TIMEOUT(network, segments, LIMIT)
{
	struct net *n = &self->n;
	uint64_t before, after;

	ASSERT_EQ(0, vdpa_counter(self->name, NET_TX, "errors", &before));
	ASSERT_EQ(0, failing_below("simnet_gso_begin", true));
	EXPECT_EQ(0, pieces_of(n, 3));
	ASSERT_EQ(0, vdpa_counter(self->name, NET_TX, "errors", &after));
	EXPECT_EQ(before + 1, after);
	/* what is ready for the wire needs no memory */
	EXPECT_TRUE(arrives(n, n->mac, 0));
	failing_stop();
	EXPECT_EQ(3, pieces_of(n, 3));
	ASSERT_EQ(0, vdpa_counter(self->name, NET_TX, "errors", &after));
	EXPECT_EQ(before + 1, after);

	/* the memory is kept for the next one */
	ASSERT_EQ(0, failing_below("simnet_gso_begin", true));
	EXPECT_EQ(4, pieces_of(n, 4));
}

TEST_HARNESS_MAIN
