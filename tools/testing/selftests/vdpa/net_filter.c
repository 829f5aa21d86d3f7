// SPDX-License-Identifier: GPL-2.0
/*
 * What a simulated network device receives, chosen by commands: each frame is
 * sent to the device's own loopback and compared, or must not come.
 */
#include <errno.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "lib/device.h"
#include "lib/net.h"

#define NUM	32
#define ROOM	2048
#define LEN	100
#define PATIENCE 5000

#define PACKED	VV_BIT(VIRTIO_F_RING_PACKED)
#define COMMANDS (VV_BIT(VIRTIO_NET_F_CTRL_RX) | VV_BIT(VIRTIO_NET_F_CTRL_RX_EXTRA) | \
		  VV_BIT(VIRTIO_NET_F_CTRL_VLAN))
#define OFFERED	(NET_WANTED | COMMANDS | VV_BIT(VIRTIO_F_VERSION_1) | \
		 VV_BIT(VIRTIO_F_ACCESS_PLATFORM))

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t other[6] = { 0x02, 0, 0, 0, 0x77, 0x01 };
static const uint8_t stranger[6] = { 0x02, 0, 0, 0, 0x77, 0x02 };
static const uint8_t group[6] = { 0x01, 0, 0x5e, 0, 0, 0x01 };
static const uint8_t other_group[6] = { 0x01, 0, 0x5e, 0, 0, 0x02 };

FIXTURE(filter) {
	char name[32];
	char path[64];
	struct net n;
	uint64_t seed;
};

FIXTURE_VARIANT(filter) {
	uint64_t features;
};

FIXTURE_VARIANT_ADD(filter, split) {};

FIXTURE_VARIANT_ADD(filter, packed) {
	.features = PACKED,
};

FIXTURE_SETUP(filter)
{
	uint64_t features = OFFERED | variant->features;
	int err;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", features, self->name, self->path));
	err = net_open(&self->n, self->path, features, NUM, ROOM);
	if (!err && (self->n.c.features & (COMMANDS | PACKED)) !=
		    (COMMANDS | variant->features))
		err = -EOPNOTSUPP;
	if (err)
		vdpa_del(self->name);
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(filter)
{
	net_close(&self->n);
	vdpa_del(self->name);
}

static int send_one(struct net *n)
{
	uint32_t slot, len;
	int err = net_send(n, 0, LEN);

	if (!err)
		err = net_flush(n, NET_TX);
	return err ? err : client_poll(&n->c, NET_TX, &slot, &len, PATIENCE);
}

static int receive_one(struct net *n, const char *want)
{
	uint32_t slot, len;
	int err = client_poll(&n->c, NET_RX, &slot, &len, PATIENCE);

	if (!err && (len != NET_HEADER + LEN || memcmp(net_rx_frame(n, slot), want, LEN)))
		err = -EBADMSG;
	if (!err)
		err = net_post_rx(n, slot);
	return err ? err : net_flush(n, NET_RX);
}

/*
 * Sends a frame to @dest in @vlan (-1: none). 1 when it comes back, 0 when the
 * one behind it, to the device itself, comes in its place, or an error.
 */
static int passes(struct net *n, const uint8_t *dest, int vlan)
{
	char frame[LEN], own[LEN];
	char *tx = net_tx_frame(n, 0);
	uint32_t slot, len;
	int err;

	net_fill(n, 0, LEN, 1);
	memcpy(tx, dest, 6);
	if (vlan >= 0) {
		tx[12] = 0x81;
		tx[13] = 0x00;
		tx[14] = vlan >> 8;
		tx[15] = vlan;
	}
	memcpy(frame, tx, LEN);
	err = send_one(n);
	/* the device is through with both queues by then */
	if (err)
		return err;
	if (vq_pending(&n->c.queue[NET_RX].vq)) {
		err = receive_one(n, frame);
		return err ? err : 1;
	}
	net_fill(n, 0, LEN, 2);
	memcpy(own, net_tx_frame(n, 0), LEN);
	err = send_one(n);
	if (err)
		return err;
	/* which a filter may refuse, too */
	err = client_poll(&n->c, NET_RX, &slot, &len, 100);
	if (err == -ETIMEDOUT)
		return 0;
	if (!err && memcmp(net_rx_frame(n, slot), own, LEN))
		err = -EBADMSG;
	if (!err)
		err = net_post_rx(n, slot);
	if (!err)
		err = net_flush(n, NET_RX);
	return err;
}

static int mode(struct net *n, uint8_t command, uint8_t on)
{
	return net_command(n, VIRTIO_NET_CTRL_RX, command, &on, 1);
}

/* Both tables; counts may be more than there are */
static int table(struct net *n, uint32_t nuni, const uint8_t *uni, uint32_t nmulti,
		 const uint8_t *multi)
{
	uint8_t data[20];

	memcpy(data, &nuni, 4);
	memcpy(data + 4, uni, 6);
	memcpy(data + 10, &nmulti, 4);
	memcpy(data + 14, multi, 6);
	return net_command(n, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET,
			   data, sizeof(data));
}

static int vlan(struct net *n, uint8_t command, uint16_t vid)
{
	return net_command(n, VIRTIO_NET_CTRL_VLAN, command, &vid, sizeof(vid));
}

TEST_F(filter, nothing_chosen)
{
	struct net *n = &self->n;

	EXPECT_EQ(1, passes(n, n->mac, -1));
	/* it is in no VLAN yet, and a priority alone is none */
	EXPECT_EQ(0, passes(n, n->mac, 5));
	EXPECT_EQ(0, passes(n, broadcast, 5));
	EXPECT_EQ(1, passes(n, n->mac, 0));
	EXPECT_EQ(1, passes(n, broadcast, -1));
	EXPECT_EQ(1, passes(n, group, -1));
	EXPECT_EQ(0, passes(n, other, -1));
}

TEST_F(filter, modes)
{
	struct net *n = &self->n;

	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_PROMISC, 1));
	EXPECT_EQ(1, passes(n, other, -1));
	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_PROMISC, 0));
	EXPECT_EQ(0, passes(n, other, -1));

	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_ALLUNI, 1));
	EXPECT_EQ(1, passes(n, other, -1));
	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_ALLUNI, 0));
	EXPECT_EQ(0, passes(n, other, -1));

	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_NOMULTI, 1));
	EXPECT_EQ(0, passes(n, group, -1));
	EXPECT_EQ(1, passes(n, broadcast, -1));
	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_NOMULTI, 0));
	EXPECT_EQ(1, passes(n, group, -1));

	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_NOBCAST, 1));
	EXPECT_EQ(0, passes(n, broadcast, -1));
	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_NOBCAST, 0));
	EXPECT_EQ(1, passes(n, broadcast, -1));

	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_NOUNI, 1));
	EXPECT_EQ(0, passes(n, n->mac, -1));
	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_NOUNI, 0));
	EXPECT_EQ(1, passes(n, n->mac, -1));
}

TEST_F(filter, tables)
{
	struct net *n = &self->n;

	ASSERT_EQ(VIRTIO_NET_OK, table(n, 1, other, 1, group));
	EXPECT_EQ(1, passes(n, n->mac, -1));
	EXPECT_EQ(1, passes(n, other, -1));
	EXPECT_EQ(0, passes(n, stranger, -1));
	EXPECT_EQ(1, passes(n, group, -1));
	EXPECT_EQ(0, passes(n, other_group, -1));
	EXPECT_EQ(1, passes(n, broadcast, -1));

	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_ALLMULTI, 1));
	EXPECT_EQ(1, passes(n, other_group, -1));
	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_ALLMULTI, 0));
	EXPECT_EQ(0, passes(n, other_group, -1));

	/* a table takes the place of the one before */
	ASSERT_EQ(VIRTIO_NET_OK, table(n, 1, stranger, 1, other_group));
	EXPECT_EQ(0, passes(n, other, -1));
	EXPECT_EQ(1, passes(n, stranger, -1));
	EXPECT_EQ(0, passes(n, group, -1));
	EXPECT_EQ(1, passes(n, other_group, -1));
}

/* A table that is longer than the device's lets all addresses of its kind pass */
TEST_F(filter, long_tables)
{
	uint32_t counts[][2] = { { 64, 64 }, { 65, 64 }, { 64, 65 } };
	struct net *n = &self->n;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		uint8_t data[1024] = { 0 }, *at = data;

		for (j = 0; j < 2; j++) {
			memcpy(at, &counts[i][j], 4);
			at += 4 + counts[i][j] * 6;
			/* the last one is one that is asked for below */
			memcpy(at - 6, j ? group : other, 6);
		}
		ASSERT_EQ(VIRTIO_NET_OK, net_command(n, VIRTIO_NET_CTRL_MAC,
						     VIRTIO_NET_CTRL_MAC_TABLE_SET,
						     data, at - data));
		EXPECT_EQ(1, passes(n, other, -1));
		EXPECT_EQ(1, passes(n, group, -1));
		EXPECT_EQ(counts[i][0] > 64, passes(n, stranger, -1));
		EXPECT_EQ(counts[i][1] > 64, passes(n, other_group, -1));
	}
}

TEST_F(filter, vlans)
{
	struct net *n = &self->n;

	ASSERT_EQ(VIRTIO_NET_OK, vlan(n, VIRTIO_NET_CTRL_VLAN_ADD, 5));
	ASSERT_EQ(VIRTIO_NET_OK, vlan(n, VIRTIO_NET_CTRL_VLAN_ADD, 4095));
	EXPECT_EQ(1, passes(n, n->mac, 5));
	EXPECT_EQ(1, passes(n, n->mac, 4095));
	EXPECT_EQ(0, passes(n, n->mac, 6));
	EXPECT_EQ(0, passes(n, broadcast, 6));
	EXPECT_EQ(1, passes(n, n->mac, 0));
	EXPECT_EQ(1, passes(n, n->mac, -1));
	ASSERT_EQ(VIRTIO_NET_OK, vlan(n, VIRTIO_NET_CTRL_VLAN_DEL, 5));
	EXPECT_EQ(0, passes(n, n->mac, 5));
}

TEST_F(filter, bad_commands)
{
	struct net *n = &self->n;
	uint8_t byte = 1;

	EXPECT_EQ(VIRTIO_NET_ERR, mode(n, VIRTIO_NET_CTRL_RX_NOBCAST + 1, 1));
	EXPECT_EQ(VIRTIO_NET_ERR, net_command(n, VIRTIO_NET_CTRL_RX, 0, NULL, 0));
	EXPECT_EQ(VIRTIO_NET_ERR, vlan(n, VIRTIO_NET_CTRL_VLAN_ADD, 4096));
	EXPECT_EQ(VIRTIO_NET_ERR, vlan(n, VIRTIO_NET_CTRL_VLAN_DEL + 1, 5));
	EXPECT_EQ(VIRTIO_NET_ERR, net_command(n, VIRTIO_NET_CTRL_VLAN, 0, &byte, 1));
	/* more addresses than there are bytes */
	EXPECT_EQ(VIRTIO_NET_ERR, table(n, 3, other, 1, group));
	EXPECT_EQ(VIRTIO_NET_ERR, table(n, 0xffffffff, other, 1, group));
	EXPECT_EQ(VIRTIO_NET_ERR, table(n, 1, other, 2, group));
	/* nothing of it counts */
	EXPECT_EQ(0, passes(n, other, -1));
	EXPECT_EQ(1, passes(n, group, -1));
	EXPECT_EQ(0, passes(n, n->mac, 5));
}

/* A reset forgets all that was chosen */
TEST_F(filter, reset)
{
	struct net *n = &self->n;
	unsigned int slot;

	ASSERT_EQ(VIRTIO_NET_OK, mode(n, VIRTIO_NET_CTRL_RX_PROMISC, 1));
	ASSERT_EQ(0, client_stop(&n->c));
	ASSERT_EQ(0, client_restart(&n->c, true));
	for (slot = 0; slot < NUM; slot++)
		ASSERT_EQ(0, net_post_rx(n, slot));
	ASSERT_EQ(0, net_flush(n, NET_RX));
	EXPECT_EQ(0, passes(n, other, -1));
	EXPECT_EQ(1, passes(n, group, -1));
}

/* Without the feature there is no such command */
TEST(not_negotiated)
{
	char name[32], path[64];
	struct net n;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", OFFERED, name, path));
	ASSERT_EQ(0, net_open(&n, path, NET_WANTED, NUM, ROOM));
	EXPECT_EQ(VIRTIO_NET_ERR, mode(&n, VIRTIO_NET_CTRL_RX_PROMISC, 1));
	EXPECT_EQ(VIRTIO_NET_ERR, mode(&n, VIRTIO_NET_CTRL_RX_NOUNI, 1));
	EXPECT_EQ(VIRTIO_NET_ERR, table(&n, 1, other, 1, group));
	EXPECT_EQ(VIRTIO_NET_ERR, vlan(&n, VIRTIO_NET_CTRL_VLAN_ADD, 1));
	EXPECT_EQ(1, passes(&n, n.mac, 5));
	EXPECT_EQ(0, passes(&n, other, -1));
	net_close(&n);
	vdpa_del(name);
}

TEST_HARNESS_MAIN
