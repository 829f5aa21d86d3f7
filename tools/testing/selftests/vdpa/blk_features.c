// SPDX-License-Identifier: GPL-2.0
/*
 * Features of the simulated disk that are offered when asked for: what each
 * does, and that nothing of it happens without.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "lib/blk.h"
#include "lib/device.h"

#define NUM	16
#define DEPTH	2
#define ROOM	8192

#define WCE_OFFSET	offsetof(struct virtio_blk_config, wce)
#define ERASE_OFFSET	offsetof(struct virtio_blk_config, max_secure_erase_sectors)
#define ERASE_SIZE	(3 * sizeof(uint32_t))

FIXTURE(optional) {
	char name[32];
	char path[64];
	struct blk b;
};

FIXTURE_VARIANT(optional) {
	unsigned int feature;
	bool accepted;
};

FIXTURE_VARIANT_ADD(optional, ro) {
	.feature = VIRTIO_BLK_F_RO, .accepted = true,
};

/* The disk is no less read-only for a driver that does not want to know */
FIXTURE_VARIANT_ADD(optional, ro_not_accepted) {
	.feature = VIRTIO_BLK_F_RO,
};

FIXTURE_VARIANT_ADD(optional, config_wce) {
	.feature = VIRTIO_BLK_F_CONFIG_WCE, .accepted = true,
};

FIXTURE_VARIANT_ADD(optional, lifetime) {
	.feature = BLK_F_LIFETIME, .accepted = true,
};

FIXTURE_VARIANT_ADD(optional, secure_erase) {
	.feature = VIRTIO_BLK_F_SECURE_ERASE, .accepted = true,
};

FIXTURE_VARIANT_ADD(optional, offered_but_not_accepted) {
	.feature = VIRTIO_BLK_F_CONFIG_WCE,
};

FIXTURE_SETUP(optional)
{
	uint64_t feature = VV_BIT(variant->feature);

	ASSERT_EQ(0, vdpa_create("vdpasim_blk",
				 BLK_WANTED | VV_BIT(VIRTIO_F_VERSION_1) |
				 VV_BIT(VIRTIO_F_ACCESS_PLATFORM) | feature,
				 self->name, self->path));
	ASSERT_EQ(0, blk_open(&self->b, self->path,
			      BLK_WANTED | (variant->accepted ? feature : 0),
			      NUM, DEPTH, ROOM));
	ASSERT_EQ(variant->accepted, !!(self->b.c.features & feature));
}

FIXTURE_TEARDOWN(optional)
{
	blk_close(&self->b);
	vdpa_del(self->name);
}

static bool has(const struct blk *b, unsigned int feature)
{
	return b->c.features & VV_BIT(feature);
}

static int zero_range(struct blk *b, uint32_t type, uint64_t sector, uint32_t n,
		      uint32_t flags)
{
	struct virtio_blk_discard_write_zeroes range = {
		.sector = sector, .num_sectors = n, .flags = flags,
	};

	memcpy(blk_data(b, 0), &range, sizeof(range));
	return blk_do(b, 0, type, 0, sizeof(range));
}

TEST_F(optional, what_changes_contents_fails_on_a_read_only_disk)
{
	int expected = variant->feature == VIRTIO_BLK_F_RO ? VIRTIO_BLK_S_IOERR :
							     VIRTIO_BLK_S_OK;

	memset(blk_data(&self->b, 0), 7, 512);
	EXPECT_EQ(expected, blk_do(&self->b, 0, VIRTIO_BLK_T_OUT, 0, 512));
	EXPECT_EQ(expected, zero_range(&self->b, VIRTIO_BLK_T_DISCARD, 8, 8, 0));
	EXPECT_EQ(expected, zero_range(&self->b, VIRTIO_BLK_T_WRITE_ZEROES, 8, 8, 0));
	ASSERT_EQ(VIRTIO_BLK_S_OK, blk_do(&self->b, 1, VIRTIO_BLK_T_IN, 0, 512));
	EXPECT_EQ(variant->feature == VIRTIO_BLK_F_RO ? 0 : 7, blk_data(&self->b, 1)[0]);
}

TEST_F(optional, only_who_may_choose_the_cache_mode_can)
{
	uint8_t mode = 0;

	ASSERT_EQ(0, vv_set_config(self->b.c.fd, WCE_OFFSET, &mode, 1));
	ASSERT_EQ(0, vv_get_config(self->b.c.fd, WCE_OFFSET, &mode, 1));
	EXPECT_EQ(!has(&self->b, VIRTIO_BLK_F_CONFIG_WCE), mode);

	ASSERT_EQ(0, client_stop(&self->b.c));
	ASSERT_EQ(0, vv_get_config(self->b.c.fd, WCE_OFFSET, &mode, 1));
	EXPECT_EQ(1, mode);
}

TEST_F(optional, no_other_field_can_be_written)
{
	uint64_t capacity = 1, before;

	ASSERT_EQ(0, vv_get_config(self->b.c.fd, 0, &before, sizeof(before)));
	vv_set_config(self->b.c.fd, 0, &capacity, sizeof(capacity));
	ASSERT_EQ(0, vv_get_config(self->b.c.fd, 0, &capacity, sizeof(capacity)));
	EXPECT_EQ(before, capacity);
}

TEST_F(optional, how_worn_it_is)
{
	uint16_t life[3];
	int status = blk_do(&self->b, 0, BLK_T_GET_LIFETIME, 0, sizeof(life));

	if (!has(&self->b, BLK_F_LIFETIME)) {
		EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, status);
		return;
	}
	ASSERT_EQ(VIRTIO_BLK_S_OK, status);
	memcpy(life, blk_data(&self->b, 0), sizeof(life));
	EXPECT_EQ(1, life[0]);	/* normal */
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  blk_do(&self->b, 0, BLK_T_GET_LIFETIME, 0, sizeof(life) - 1));
}

TEST_F(optional, erased_for_good)
{
	bool erases = has(&self->b, VIRTIO_BLK_F_SECURE_ERASE);
	int done = erases ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_UNSUPP;
	uint32_t limits[3], size;

	ASSERT_EQ(0, vv_get_u32(self->b.c.fd, VHOST_VDPA_GET_CONFIG_SIZE, &size));
	EXPECT_EQ(ERASE_OFFSET + (erases ? ERASE_SIZE : 0), size);
	if (erases) {
		ASSERT_EQ(0, vv_get_config(self->b.c.fd, ERASE_OFFSET, limits,
					   sizeof(limits)));
		EXPECT_LT(0, limits[0]);
		EXPECT_LT(0, limits[1]);
		EXPECT_EQ(1, limits[2]);
	}
	if (variant->feature == VIRTIO_BLK_F_RO)
		return;

	memset(blk_data(&self->b, 0), 5, ROOM);
	ASSERT_EQ(VIRTIO_BLK_S_OK, blk_do(&self->b, 0, VIRTIO_BLK_T_OUT, 0, ROOM));
	EXPECT_EQ(done, zero_range(&self->b, VIRTIO_BLK_T_SECURE_ERASE, 1, 13, 0));
	ASSERT_EQ(VIRTIO_BLK_S_OK, blk_do(&self->b, 1, VIRTIO_BLK_T_IN, 0, ROOM));
	EXPECT_EQ(5, blk_data(&self->b, 1)[511]);
	EXPECT_EQ(erases ? 0 : 5, blk_data(&self->b, 1)[512]);
	EXPECT_EQ(erases ? 0 : 5, blk_data(&self->b, 1)[14 * 512 - 1]);
	EXPECT_EQ(5, blk_data(&self->b, 1)[14 * 512]);

	/* it has no flags, and an end */
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP,
		  zero_range(&self->b, VIRTIO_BLK_T_SECURE_ERASE, 1, 1, 1));
	EXPECT_EQ(erases ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_UNSUPP,
		  zero_range(&self->b, VIRTIO_BLK_T_SECURE_ERASE,
			     self->b.config.capacity, 1, 0));
}

TEST_F(optional, flags_of_ranges)
{
	bool ro = variant->feature == VIRTIO_BLK_F_RO;
	int done = ro ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
	int odd = ro ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_UNSUPP;

	EXPECT_EQ(done, zero_range(&self->b, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8,
				   VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP));
	EXPECT_EQ(odd, zero_range(&self->b, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 2));
	EXPECT_EQ(odd, zero_range(&self->b, VIRTIO_BLK_T_DISCARD, 0, 8, 1));
}

/* What a disk offers by itself is there only for a driver that accepts it */
TEST(not_accepted)
{
	uint64_t some = VV_BIT(VIRTIO_BLK_F_DISCARD) | VV_BIT(VIRTIO_BLK_F_WRITE_ZEROES) |
			VV_BIT(VIRTIO_BLK_F_FLUSH);
	char name[32], path[64];
	struct blk b;

	ASSERT_EQ(0, vdpa_create("vdpasim_blk", 0, name, path));
	ASSERT_EQ(0, blk_open(&b, path, BLK_WANTED & ~some, NUM, DEPTH, ROOM));
	ASSERT_EQ(0, b.c.features & some);
	memset(blk_data(&b, 0), 5, ROOM);
	ASSERT_EQ(VIRTIO_BLK_S_OK, blk_do(&b, 0, VIRTIO_BLK_T_OUT, 0, ROOM));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, zero_range(&b, VIRTIO_BLK_T_DISCARD, 0, 8, 0));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, zero_range(&b, VIRTIO_BLK_T_WRITE_ZEROES, 0, 8, 0));
	EXPECT_EQ(VIRTIO_BLK_S_UNSUPP, blk_do(&b, 0, VIRTIO_BLK_T_FLUSH, 0, 0));
	ASSERT_EQ(VIRTIO_BLK_S_OK, blk_do(&b, 1, VIRTIO_BLK_T_IN, 0, ROOM));
	EXPECT_EQ(5, blk_data(&b, 1)[0]);
	EXPECT_EQ(5, blk_data(&b, 1)[4095]);
	blk_close(&b);
	vdpa_del(name);
}

/* --- how much a request may zero ------------------------------------------- */

#define MIB		(1UL << 20)
#define LARGE		(4 * MIB)	/* data after which a batch ends */

FIXTURE(zeroing) {
	char name[32];
	char path[64];
	struct blk b;
};

FIXTURE_SETUP(zeroing)
{
	uint64_t wanted = BLK_WANTED | VV_BIT(VIRTIO_BLK_F_SECURE_ERASE);

	ASSERT_EQ(0, vdpa_create("vdpasim_blk",
				 wanted | VV_BIT(VIRTIO_F_VERSION_1) |
				 VV_BIT(VIRTIO_F_ACCESS_PLATFORM), self->name, self->path));
	ASSERT_EQ(0, blk_open(&self->b, self->path, wanted, NUM, DEPTH, LARGE));
}

FIXTURE_TEARDOWN(zeroing)
{
	blk_close(&self->b);
	vdpa_del(self->name);
}

/* The two that overwrite do so with no more than a write may */
TEST_F(zeroing, limits_of_a_request)
{
	struct virtio_blk_discard_write_zeroes ranges[2] = {
		{ .num_sectors = 8 }, { .num_sectors = 8 },
	};
	struct virtio_blk_config *config = &self->b.config;
	uint32_t erase[3], n;

	ASSERT_EQ(0, vv_get_config(self->b.c.fd, ERASE_OFFSET, erase, sizeof(erase)));
	EXPECT_EQ(1, config->max_write_zeroes_seg);
	EXPECT_EQ(1, erase[1]);
	EXPECT_GE(64 * MIB / BLK_SECTOR, config->max_write_zeroes_sectors);
	EXPECT_GE(64 * MIB / BLK_SECTOR, erase[0]);
	EXPECT_GE(64 * MIB / BLK_SECTOR, config->max_discard_sectors);

	n = config->max_write_zeroes_sectors;
	EXPECT_EQ(VIRTIO_BLK_S_OK, zero_range(&self->b, VIRTIO_BLK_T_WRITE_ZEROES, 0, n, 0));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  zero_range(&self->b, VIRTIO_BLK_T_WRITE_ZEROES, 0, n + 1, 0));
	memcpy(blk_data(&self->b, 0), ranges, sizeof(ranges));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  blk_do(&self->b, 0, VIRTIO_BLK_T_WRITE_ZEROES, 0, sizeof(ranges)));
	EXPECT_EQ(VIRTIO_BLK_S_IOERR,
		  blk_do(&self->b, 0, VIRTIO_BLK_T_SECURE_ERASE, 0, sizeof(ranges)));
	EXPECT_EQ(VIRTIO_BLK_S_OK,
		  blk_do(&self->b, 0, VIRTIO_BLK_T_DISCARD, 0, sizeof(ranges)));
}

/* In how many batches two ranges were zeroed that the driver asked for at once */
static long batches(struct blk *b, const char *name, uint32_t type)
{
	struct virtio_blk_discard_write_zeroes range = { .num_sectors = LARGE / BLK_SECTOR };
	uint64_t before, after;
	uint32_t token, used;
	unsigned int i;
	int err = vdpa_counter(name, 0, "notifications", &before);

	for (i = 0; !err && i < 2; i++) {
		range.sector = i * range.num_sectors;
		memcpy(blk_data(b, i), &range, sizeof(range));
		err = blk_add(b, i, type, 0, sizeof(range));
	}
	if (!err)
		err = blk_flush(b);
	for (i = 0; !err && i < 2; i++) {
		err = client_poll(&b->c, 0, &token, &used, 5000);
		if (!err && b->status[token])
			err = -EIO;
	}
	/* waits for the batch to be over */
	if (!err)
		err = vdpa_counter(name, 0, "notifications", &after);
	return err ? err : (long)(after - before);
}

static int write_large(struct blk *b)
{
	unsigned int i;
	int status = 0;

	for (i = 0; !status && i < 2; i++) {
		memset(blk_data(b, i), 5, LARGE);
		status = blk_do(b, i, VIRTIO_BLK_T_OUT, i * LARGE / BLK_SECTOR, LARGE);
	}
	return status;
}

/* What takes time ends a batch, as a write of that size does */
TEST_F_TIMEOUT(zeroing, ends_a_batch, 120)
{
	EXPECT_EQ(1, batches(&self->b, self->name, VIRTIO_BLK_T_WRITE_ZEROES));
	ASSERT_EQ(VIRTIO_BLK_S_OK, write_large(&self->b));
	EXPECT_EQ(2, batches(&self->b, self->name, VIRTIO_BLK_T_WRITE_ZEROES));
	EXPECT_EQ(2, batches(&self->b, self->name, VIRTIO_BLK_T_SECURE_ERASE));
	EXPECT_EQ(2, batches(&self->b, self->name, VIRTIO_BLK_T_DISCARD));
	/* nothing is left that could take time */
	EXPECT_EQ(1, batches(&self->b, self->name, VIRTIO_BLK_T_DISCARD));
	EXPECT_EQ(1, batches(&self->b, self->name, VIRTIO_BLK_T_WRITE_ZEROES));
}

/* --- the cache mode needs a cache (5.2.5.1, 5.2.5.2) ------------------------- */

TEST(cache_mode_without_flush)
{
	uint64_t wce = VV_BIT(VIRTIO_BLK_F_CONFIG_WCE), flush = VV_BIT(VIRTIO_BLK_F_FLUSH);
	uint64_t common = VV_BIT(VIRTIO_F_VERSION_1) | VV_BIT(VIRTIO_F_ACCESS_PLATFORM);
	uint64_t accepted[] = { 0, wce, flush, wce | flush };
	char name[32], path[64];
	uint8_t mode;
	unsigned int i;
	struct blk b;

	EXPECT_EQ(-EINVAL, vdpa_create("vdpasim_blk", common | wce, name, path));
	ASSERT_EQ(0, vdpa_create("vdpasim_blk", common | wce | flush, name, path));
	for (i = 0; i < ARRAY_SIZE(accepted); i++) {
		ASSERT_EQ(0, blk_open(&b, path, accepted[i], NUM, DEPTH, ROOM));
		ASSERT_EQ(0, vv_get_config(b.c.fd, WCE_OFFSET, &mode, 1));
		EXPECT_EQ(accepted[i] != wce, mode);
		mode = 1;
		ASSERT_EQ(0, vv_set_config(b.c.fd, WCE_OFFSET, &mode, 1));
		ASSERT_EQ(0, vv_get_config(b.c.fd, WCE_OFFSET, &mode, 1));
		EXPECT_EQ(1, mode);
		blk_close(&b);
	}
	vdpa_del(name);
}

/* --- refusals ---------------------------------------------------------------- */

/* What other drivers than modern ones would need is refused, not tried */
FIXTURE(refusal) {
	char name[32];
	char path[64];
	int fd;
};

FIXTURE_SETUP(refusal)
{
	ASSERT_EQ(0, vdpa_create("vdpasim_blk", 0, self->name, self->path));
	self->fd = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, vv_set_owner(self->fd));
	ASSERT_EQ(0, vv_set_status(self->fd, VV_S_DRIVER));
}

FIXTURE_TEARDOWN(refusal)
{
	close(self->fd);
	vdpa_del(self->name);
}

TEST_F(refusal, legacy_driver)
{
	uint64_t offered;
	uint8_t status;

	ASSERT_EQ(0, vv_get_features(self->fd, &offered));
	EXPECT_EQ(-EINVAL, vv_set_features(self->fd, offered & ~VV_BIT(VIRTIO_F_VERSION_1)));
	EXPECT_EQ(-EINVAL, vv_set_features(self->fd, 0));
	/* nor does it get any further */
	vv_set_status(self->fd, VV_S_FEATURES);
	ASSERT_EQ(0, vv_get_status(self->fd, &status));
	EXPECT_FALSE(status & VIRTIO_CONFIG_S_FEATURES_OK);

	EXPECT_EQ(0, vv_set_features(self->fd, offered));
	EXPECT_EQ(0, vv_set_status(self->fd, VV_S_FEATURES));
	ASSERT_EQ(0, vv_get_status(self->fd, &status));
	EXPECT_TRUE(status & VIRTIO_CONFIG_S_FEATURES_OK);
}

/* Queues work by them, also where a driver leaves out to confirm them */
TEST_F(refusal, features_of_a_device_that_runs)
{
	uint64_t offered;

	ASSERT_EQ(0, vv_get_features(self->fd, &offered));
	ASSERT_EQ(0, vv_set_features(self->fd, offered));
	ASSERT_EQ(0, vv_set_status(self->fd, VV_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK));
	EXPECT_EQ(-EINVAL, vv_set_features(self->fd, offered & ~VV_BIT(VIRTIO_BLK_F_FLUSH)));
	EXPECT_EQ(-EINVAL, vv_set_features(self->fd, offered));
}

TEST_F(refusal, big_endian_rings)
{
	struct vhost_vring_state big = { .num = VHOST_VRING_BIG_ENDIAN };

	EXPECT_EQ(-ENOTTY, vv_ioctl(self->fd, VHOST_SET_VRING_ENDIAN, &big));
}

/* There is no call to reset one queue by, see Documentation/vdpa/simulator.rst */
TEST_F(refusal, reset_of_one_queue)
{
	uint64_t offered;
	char name[40];

	ASSERT_EQ(0, vv_get_features(self->fd, &offered));
	EXPECT_FALSE(offered & VV_BIT(VIRTIO_F_RING_RESET));
	EXPECT_EQ(-EINVAL, vv_set_features(self->fd,
					   offered | VV_BIT(VIRTIO_F_RING_RESET)));
	snprintf(name, sizeof(name), "%s.r", self->name);
	EXPECT_EQ(-EINVAL, vdpa_add(name, "vdpasim_blk",
				    offered | VV_BIT(VIRTIO_F_RING_RESET)));
}

TEST_HARNESS_MAIN
