// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks through the simulated disk, verified byte by byte, by a driver in
 * user space.
 */
#include <errno.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "lib/blk.h"
#include "lib/device.h"

#define NUM	128
#define DEPTH	32
#define ROOM	65536
#define PATIENCE 5000

FIXTURE(disk) {
	char name[32];
	char path[64];
	struct blk b;
	char expected[ROOM];
};

FIXTURE_VARIANT(disk) {
	uint64_t features;
	int (*request)(struct blk *b, unsigned int slot, uint32_t type,
		       uint64_t sector, size_t len);
};

FIXTURE_VARIANT_ADD(disk, split_polled) {
	.request = blk_do,
};

FIXTURE_VARIANT_ADD(disk, split_eventfd) {
	.request = blk_do_wait,
};

FIXTURE_VARIANT_ADD(disk, split_event_idx) {
	.request = blk_do_wait,
	.features = VV_BIT(VIRTIO_RING_F_EVENT_IDX),
};

FIXTURE_VARIANT_ADD(disk, packed_event_idx) {
	.request = blk_do_wait,
	.features = VV_BIT(VIRTIO_F_RING_PACKED) | VV_BIT(VIRTIO_RING_F_EVENT_IDX),
};

#define RING_FEATURES (VV_BIT(VIRTIO_RING_F_EVENT_IDX) | VV_BIT(VIRTIO_F_RING_PACKED))

/* Ring features beyond the default are offered when asked for at creation */
static uint64_t features_to_ask(uint64_t ring)
{
	if (!ring)
		return 0;
	return ring | BLK_WANTED | VV_BIT(VIRTIO_F_VERSION_1) |
	       VV_BIT(VIRTIO_F_ACCESS_PLATFORM);
}

FIXTURE_SETUP(disk)
{
	int err;

	ASSERT_EQ(0, vdpa_create("vdpasim_blk", features_to_ask(variant->features),
				 self->name, self->path));
	err = blk_open(&self->b, self->path, BLK_WANTED | variant->features, NUM, DEPTH,
		       ROOM);
	if (!err && (self->b.c.features & RING_FEATURES) != variant->features)
		err = -EOPNOTSUPP;
	if (err)
		vdpa_del(self->name);
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(disk)
{
	blk_close(&self->b);
	vdpa_del(self->name);
}

TEST_F(disk, write_and_read_back)
{
	size_t len;

	for (len = 512; len <= ROOM; len *= 2) {
		fill_pattern(self->expected, len, len);
		memcpy(blk_data(&self->b, 0), self->expected, len);
		ASSERT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 0, VIRTIO_BLK_T_OUT,
							    len / 512 + 3, len));
		ASSERT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 1, VIRTIO_BLK_T_IN,
							    len / 512 + 3, len));
		ASSERT_EQ(0, memcmp(self->expected, blk_data(&self->b, 1), len));
	}
}

TEST_F(disk, neighbours_stay)
{
	fill_pattern(self->expected, 3 * 512, 1);
	memcpy(blk_data(&self->b, 0), self->expected, 3 * 512);
	ASSERT_EQ(VIRTIO_BLK_S_OK,
		  variant->request(&self->b, 0, VIRTIO_BLK_T_OUT, 10, 3 * 512));
	fill_pattern(self->expected + 512, 512, 2);
	memcpy(blk_data(&self->b, 0), self->expected + 512, 512);
	ASSERT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 0, VIRTIO_BLK_T_OUT, 11, 512));
	ASSERT_EQ(VIRTIO_BLK_S_OK,
		  variant->request(&self->b, 1, VIRTIO_BLK_T_IN, 10, 3 * 512));
	EXPECT_EQ(0, memcmp(self->expected, blk_data(&self->b, 1), 3 * 512));
}

/* All slots at once, round after round, every block with its own bytes */
TEST_F_TIMEOUT(disk, deep_queue, 120)
{
	uint32_t token, used;
	unsigned int round, i;

	for (round = 0; round < 100; round++) {
		uint32_t type = round & 1 ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT;

		for (i = 0; i < DEPTH; i++) {
			fill_pattern(self->expected, 4096, (round / 2) * 1000 + i);
			memset(blk_data(&self->b, i), 0, 4096);
			if (type == VIRTIO_BLK_T_OUT)
				memcpy(blk_data(&self->b, i), self->expected, 4096);
			ASSERT_EQ(0, blk_add(&self->b, i, type, i * 8, 4096));
		}
		ASSERT_EQ(0, blk_flush(&self->b));
		for (i = 0; i < DEPTH; i++) {
			ASSERT_EQ(0, variant->request == blk_do ?
				     client_poll(&self->b.c, 0, &token, &used, PATIENCE) :
				     client_wait(&self->b.c, 0, &token, &used, PATIENCE));
			ASSERT_EQ(VIRTIO_BLK_S_OK, self->b.status[token]);
			EXPECT_EQ(type == VIRTIO_BLK_T_IN ? 4097 : 1, used);
			fill_pattern(self->expected, 4096, (round / 2) * 1000 + token);
			ASSERT_EQ(0, memcmp(self->expected, blk_data(&self->b, token), 4096));
		}
	}
}

TEST_F(disk, get_id)
{
	ASSERT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 0, VIRTIO_BLK_T_GET_ID, 0,
						    VIRTIO_BLK_ID_BYTES));
	EXPECT_NE(0, blk_data(&self->b, 0)[0]);
}

TEST_F(disk, flush)
{
	EXPECT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 0, VIRTIO_BLK_T_FLUSH, 0, 0));
}

TEST_F(disk, write_zeroes_and_discard)
{
	struct virtio_blk_discard_write_zeroes range = { .sector = 4, .num_sectors = 2 };

	fill_pattern(self->expected, 8 * 512, 9);
	memcpy(blk_data(&self->b, 0), self->expected, 8 * 512);
	ASSERT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 0, VIRTIO_BLK_T_OUT, 0, 8 * 512));
	memcpy(blk_data(&self->b, 0), &range, sizeof(range));
	ASSERT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 0, VIRTIO_BLK_T_WRITE_ZEROES, 0,
						    sizeof(range)));
	memset(self->expected + 4 * 512, 0, 2 * 512);
	ASSERT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 1, VIRTIO_BLK_T_IN, 0, 8 * 512));
	EXPECT_EQ(0, memcmp(self->expected, blk_data(&self->b, 1), 8 * 512));

	memcpy(blk_data(&self->b, 0), &range, sizeof(range));
	EXPECT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 0, VIRTIO_BLK_T_DISCARD, 0,
						    sizeof(range)));
	range.sector = self->b.config.capacity;
	memcpy(blk_data(&self->b, 0), &range, sizeof(range));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, variant->request(&self->b, 0, VIRTIO_BLK_T_WRITE_ZEROES,
						       0, sizeof(range)));
}

TEST_F(disk, past_the_end)
{
	uint64_t end = self->b.config.capacity;

	EXPECT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 0, VIRTIO_BLK_T_IN, end - 1, 512));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, variant->request(&self->b, 0, VIRTIO_BLK_T_IN, end, 512));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  variant->request(&self->b, 0, VIRTIO_BLK_T_IN, end - 1, 1024));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  variant->request(&self->b, 0, VIRTIO_BLK_T_OUT, ~0ULL, 512));
	/* byte offset that wraps in 64 bits */
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  variant->request(&self->b, 0, VIRTIO_BLK_T_OUT, 1ULL << 55, 512));
}

/* Writes a sector from an I/O address that nobody mapped; true when that works */
static bool can_write_from(struct blk *b, uint64_t iova)
{
	struct vq_seg seg[3] = {
		{ client_iova(&b->c, &b->header[0]), sizeof(b->header[0]) },
		{ iova, 512 },
		{ client_iova(&b->c, &b->status[0]), 1 },
	};
	uint32_t token, used;

	b->header[0] = (struct virtio_blk_outhdr){ .type = VIRTIO_BLK_T_OUT };
	b->status[0] = 0xff;
	return !vq_add(&b->c.queue[0].vq, seg, 2, 1, 0) && !blk_flush(b) &&
	       !client_poll(&b->c, 0, &token, &used, 200) &&
	       b->status[0] == VIRTIO_BLK_S_OK;
}

/*
 * To a kernel driver a simulated device's I/O addresses are physical ones. A
 * client must not inherit that, nor get it by a reset.
 */
TEST_F(disk, physical_memory_is_out_of_reach)
{
	static const uint64_t iova[] = { 0, 0x1000, 0x1000000, 1ULL << 32 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(iova); i++) {
		EXPECT_FALSE(can_write_from(&self->b, iova[i]));
		ASSERT_EQ(0, client_stop(&self->b.c));
		ASSERT_EQ(0, client_restart(&self->b.c, true));
	}
	EXPECT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 0, VIRTIO_BLK_T_IN, 0, 512));
}

/* No whole number of sectors: refused, and nothing past the buffer is read */
TEST_F(disk, odd_length)
{
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, variant->request(&self->b, 0, VIRTIO_BLK_T_IN, 0, 700));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR, variant->request(&self->b, 0, VIRTIO_BLK_T_OUT, 0, 511));
	EXPECT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 0, VIRTIO_BLK_T_IN, 0, 512));
}

TEST_F(disk, unknown_type)
{
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, variant->request(&self->b, 0, 77, 0, 0));
	EXPECT_EQ(VIRTIO_BLK_S_OK, variant->request(&self->b, 0, VIRTIO_BLK_T_IN, 0, 512));
}

TEST_HARNESS_MAIN
