// SPDX-License-Identifier: GPL-2.0
/*
 * Frames through the simulated network device's loopback, verified byte by
 * byte, by a driver in user space.
 */
#include <errno.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "lib/device.h"
#include "lib/net.h"

#define NUM	128
#define ROOM	2048
#define PATIENCE 5000

FIXTURE(frames) {
	char name[32];
	char path[64];
	struct net n;
};

FIXTURE_VARIANT(frames) {
	bool wait;
	uint64_t features;	/* of the ring, beyond the plain split one */
};

FIXTURE_VARIANT_ADD(frames, split_polled) {};

FIXTURE_VARIANT_ADD(frames, split_eventfd) {
	.wait = true,
};

FIXTURE_VARIANT_ADD(frames, split_event_idx) {
	.wait = true,
	.features = VV_BIT(VIRTIO_RING_F_EVENT_IDX),
};

FIXTURE_VARIANT_ADD(frames, packed_polled) {
	.features = VV_BIT(VIRTIO_F_RING_PACKED),
};

FIXTURE_VARIANT_ADD(frames, packed_event_idx) {
	.wait = true,
	.features = VV_BIT(VIRTIO_F_RING_PACKED) | VV_BIT(VIRTIO_RING_F_EVENT_IDX),
};

FIXTURE_VARIANT_ADD(frames, split_in_order) {
	.features = VV_BIT(VIRTIO_F_IN_ORDER),
};

FIXTURE_VARIANT_ADD(frames, packed_in_order) {
	.features = VV_BIT(VIRTIO_F_RING_PACKED) | VV_BIT(VIRTIO_F_IN_ORDER),
};

#define RING_FEATURES (VV_BIT(VIRTIO_RING_F_EVENT_IDX) | VV_BIT(VIRTIO_F_RING_PACKED) | \
		       VV_BIT(VIRTIO_F_IN_ORDER))

/* Ring features beyond the default are offered when asked for at creation */
static uint64_t features_to_ask(uint64_t ring)
{
	if (!ring)
		return 0;
	return ring | NET_WANTED | VV_BIT(VIRTIO_F_VERSION_1) |
	       VV_BIT(VIRTIO_F_ACCESS_PLATFORM);
}

FIXTURE_SETUP(frames)
{
	int err;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", features_to_ask(variant->features),
				 self->name, self->path));
	err = net_open(&self->n, self->path, NET_WANTED | variant->features, NUM, ROOM);
	if (!err && (self->n.c.features & RING_FEATURES) != variant->features)
		err = -EOPNOTSUPP;
	if (err)
		vdpa_del(self->name);
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(frames)
{
	net_close(&self->n);
	vdpa_del(self->name);
}

static int next_used(struct net *n, unsigned int queue, uint32_t *slot, uint32_t *len,
		     bool wait)
{
	return wait ? client_wait(&n->c, queue, slot, len, PATIENCE) :
		      client_poll(&n->c, queue, slot, len, PATIENCE);
}

/* Sends @count frames of @len at once and expects them back, in order */
static int round_trip(struct net *n, unsigned int count, size_t len, uint64_t seed,
		      bool wait)
{
	uint32_t slot, used;
	unsigned int i;
	int err;

	for (i = 0; i < count; i++) {
		net_fill(n, i, len, seed + i);
		err = net_send(n, i, len);
		if (err)
			return err;
	}
	err = net_flush(n, NET_TX);
	for (i = 0; !err && i < count; i++) {
		err = next_used(n, NET_RX, &slot, &used, wait);
		if (!err && (used != NET_HEADER + len || !net_check(n, slot, len, seed + i)))
			err = -EBADMSG;
		if (!err)
			err = net_post_rx(n, slot);
	}
	for (i = 0; !err && i < count; i++)
		err = next_used(n, NET_TX, &slot, &used, wait);
	return err ? err : net_flush(n, NET_RX);
}

TEST_F(frames, one_frame)
{
	EXPECT_EQ(0, round_trip(&self->n, 1, 64, 1, variant->wait));
}

TEST_F(frames, all_lengths)
{
	size_t len;

	for (len = NET_ETH + 1; len <= 1514; len += 37)
		ASSERT_EQ(0, round_trip(&self->n, 1, len, len, variant->wait)) {
			TH_LOG("length %zu", len);
		}
}

/* Far enough that the 16 bit indexes wrap, with bursts that never fit evenly */
TEST_F_TIMEOUT(frames, indexes_wrap, 120)
{
	unsigned int sent = 0, burst = 1;

	while (sent < 66000) {
		ASSERT_EQ(0, round_trip(&self->n, burst, 60, sent, variant->wait)) {
			TH_LOG("after %u frames", sent);
		}
		sent += burst;
		burst = burst % 97 + 24;
	}
}

TEST_F(frames, frames_for_others_are_dropped)
{
	uint32_t slot, used;

	net_fill(&self->n, 0, 64, 1);
	net_tx_frame(&self->n, 0)[5] ^= 1;
	ASSERT_EQ(0, net_send(&self->n, 0, 64));
	ASSERT_EQ(0, net_flush(&self->n, NET_TX));
	ASSERT_EQ(0, next_used(&self->n, NET_TX, &slot, &used, variant->wait));
	EXPECT_EQ(-ETIMEDOUT, client_poll(&self->n.c, NET_RX, &slot, &used, 100));
	EXPECT_EQ(0, round_trip(&self->n, 1, 64, 2, variant->wait));
}

TEST_F(frames, broadcast_comes_back)
{
	uint32_t slot, used;

	net_fill(&self->n, 0, 64, 1);
	memset(net_tx_frame(&self->n, 0), 0xff, 6);
	ASSERT_EQ(0, net_send(&self->n, 0, 64));
	ASSERT_EQ(0, net_flush(&self->n, NET_TX));
	ASSERT_EQ(0, next_used(&self->n, NET_RX, &slot, &used, variant->wait));
	EXPECT_EQ(NET_HEADER + 64, used);
	EXPECT_EQ(0, memcmp(net_tx_frame(&self->n, 0), net_rx_frame(&self->n, slot), 64));
}

TEST_F(frames, set_mac_by_command)
{
	/* a zero byte within is an address like any other */
	static const uint8_t mac[6] = { 0x02, 0x00, 0x5e, 0x00, 0x11, 0x00 };
	uint8_t config[6];
	uint32_t slot, used;

	ASSERT_EQ(VIRTIO_NET_OK, net_command(&self->n, VIRTIO_NET_CTRL_MAC,
					     VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, 6));
	ASSERT_EQ(0, vv_get_config(self->n.c.fd, 0, config, 6));
	EXPECT_EQ(0, memcmp(mac, config, 6));
	memcpy(self->n.mac, mac, 6);
	EXPECT_EQ(0, round_trip(&self->n, 8, 100, 1, variant->wait));

	/* the whole address counts, also behind the zero */
	self->n.mac[5] = 1;
	net_fill(&self->n, 0, 64, 1);
	ASSERT_EQ(0, net_send(&self->n, 0, 64));
	ASSERT_EQ(0, net_flush(&self->n, NET_TX));
	EXPECT_EQ(-ETIMEDOUT, client_poll(&self->n.c, NET_RX, &slot, &used, 100));
}

TEST_F(frames, unknown_commands)
{
	uint8_t data[6] = { 0 };

	EXPECT_EQ(VIRTIO_NET_ERR, net_command(&self->n, 200, 0, data, 6));
	EXPECT_EQ(VIRTIO_NET_ERR, net_command(&self->n, VIRTIO_NET_CTRL_MAC, 200, data, 6));
	/* too short for an address */
	EXPECT_EQ(VIRTIO_NET_ERR, net_command(&self->n, VIRTIO_NET_CTRL_MAC,
					      VIRTIO_NET_CTRL_MAC_ADDR_SET, data, 3));
	EXPECT_EQ(0, round_trip(&self->n, 1, 64, 1, variant->wait));
}

TEST_F(frames, stop_and_start_again)
{
	unsigned int i, slot;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, round_trip(&self->n, 40, 200, i, variant->wait));
		ASSERT_EQ(0, client_stop(&self->n.c));
		ASSERT_EQ(0, client_restart(&self->n.c, true));
		for (slot = 0; slot < NUM; slot++)
			ASSERT_EQ(0, net_post_rx(&self->n, slot));
		ASSERT_EQ(0, net_flush(&self->n, NET_RX));
	}
	EXPECT_EQ(0, round_trip(&self->n, 40, 200, i, variant->wait));
}

TEST_HARNESS_MAIN
