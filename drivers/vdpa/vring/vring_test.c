// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of virtqueues: what a driver may do, with data that is compared.
 */

#include <linux/slab.h>
#include <linux/string.h>

#include "vring_model.h"

#define PACKED		BIT_ULL(VIRTIO_F_RING_PACKED)
#define EVENT_IDX	BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT	BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)
#define IN_ORDER	BIT_ULL(VIRTIO_F_IN_ORDER)

#define BATCH		8

static const struct model_shape shapes[] = {
	{ "split", 0, 256, true },
	{ "split_scattered", 0, 256 },
	{ "split_small", INDIRECT, 2 },
	{ "split_one", INDIRECT | EVENT_IDX, 1 },
	{ "split_event", EVENT_IDX, 64 },
	{ "split_indirect", INDIRECT, 64 },
	{ "split_in_order", IN_ORDER, 32 },
	{ "split_all", EVENT_IDX | INDIRECT | IN_ORDER, 128 },
	{ "packed", PACKED, 256, true },
	{ "packed_scattered", PACKED, 256 },
	{ "packed_one", PACKED | INDIRECT, 1 },
	{ "packed_odd", PACKED | EVENT_IDX, 7 },
	{ "packed_event", PACKED | EVENT_IDX, 64 },
	{ "packed_indirect", PACKED | INDIRECT, 64 },
	{ "packed_in_order", PACKED | IN_ORDER, 33 },
	{ "packed_all", PACKED | EVENT_IDX | INDIRECT | IN_ORDER, 100 },
};

KUNIT_ARRAY_PARAM_DESC(shape, shapes, name);

static void vring_test_exit(struct kunit *test)
{
	if (test->priv)
		model_free(test->priv);
}

static struct model *started(struct kunit *test)
{
	struct model *m = model_new(test, test->param_value);

	KUNIT_ASSERT_EQ(test, 0, vdpa_vring_start(&m->vr, &m->cfg));
	return m;
}

/* Takes a chain's readable part by a way of random choice, and compares */
static void check_out(struct model *m, const struct vdpa_vring_chain *chain,
		      const struct model_chain *mine)
{
	unsigned int wrong = 0, skip;
	struct vdpa_vring_cursor cur;
	size_t pos = 0, part, i;
	u8 copy[64], *piece;

	vdpa_vring_cursor_out(&cur, &m->vr, chain);
	if (model_random(m, 2)) {
		skip = model_random(m, 3000);
		pos = vdpa_vring_skip(&cur, skip);
		KUNIT_EXPECT_EQ(m->test, min_t(size_t, skip, mine->out_len), pos);
	}
	while (pos < mine->out_len) {
		part = 1 + model_random(m, sizeof(copy));
		if (model_random(m, 2)) {
			piece = vdpa_vring_cursor_next(&cur, part, &part);
			KUNIT_ASSERT_FALSE(m->test, !piece || IS_ERR(piece));
		} else {
			piece = copy;
			part = vdpa_vring_pull(&cur, copy, part);
			KUNIT_ASSERT_TRUE(m->test, part - 1 < sizeof(copy));
		}
		for (i = 0; i < part; i++)
			wrong += piece[i] != model_byte(mine->seed, pos++);
	}
	KUNIT_EXPECT_EQ(m->test, 0u, wrong);
	KUNIT_EXPECT_EQ(m->test, (size_t)mine->out_len, pos);
	KUNIT_EXPECT_EQ(m->test, (ssize_t)0, vdpa_vring_pull(&cur, copy, 1));
	KUNIT_EXPECT_TRUE(m->test, !vdpa_vring_cursor_next(&cur, 1, &part));
	KUNIT_EXPECT_EQ(m->test, (size_t)0, part);
}

/* Writes the first @len bytes of the other part */
static void write_in(struct model *m, const struct vdpa_vring_chain *chain,
		     struct model_chain *mine, u32 len)
{
	struct vdpa_vring_cursor cur;
	u32 pos = 0, i, part;
	u8 data[300];

	mine->written = len;
	vdpa_vring_cursor_in(&cur, &m->vr, chain);
	while (pos < len) {
		part = min_t(u32, len - pos, 1 + model_random(m, sizeof(data)));
		for (i = 0; i < part; i++)
			data[i] = model_byte(~mine->seed, pos + i);
		KUNIT_ASSERT_EQ(m->test, (ssize_t)part,
				vdpa_vring_push(&cur, data, part));
		pos += part;
	}
	if (pos == mine->in_len)
		KUNIT_EXPECT_EQ(m->test, (ssize_t)0, vdpa_vring_push(&cur, data, 1));
}

/* One batch of the device, completed in an order it may choose */
static int device_batch(struct model *m)
{
	struct vdpa_vring_chain chain[BATCH];
	struct model_chain *mine[BATCH];
	int i, n, keep;
	u32 len;

	n = vdpa_vring_take(&m->vr, chain, 1 + model_random(m, BATCH));
	KUNIT_ASSERT_GE(m->test, n, 0);
	for (i = 0; i < n; i++) {
		mine[i] = model_taken(m, &chain[i]);
		check_out(m, &chain[i], mine[i]);
	}

	keep = n && !model_random(m, 4) ? model_random(m, n + 1) : n;
	vdpa_vring_untake(&m->vr, chain + keep, n - keep);
	model_untaken(m, n - keep);

	for (i = 0; i < keep; i++) {
		/* a later one first, now and then */
		if (!(m->cfg.features & IN_ORDER) && keep > 1 && model_random(m, 2)) {
			int other = i + model_random(m, keep - i);

			swap(chain[i], chain[other]);
			swap(mine[i], mine[other]);
		}
		len = mine[i]->in_len;
		write_in(m, &chain[i], mine[i],
			 model_random(m, 3) ? len : model_random(m, len + 1));
		vdpa_vring_complete(&m->vr, &chain[i], mine[i]->written);
	}
	return n;
}

/* Elsewhere, perhaps; the driver sees nothing of it */
static void migrate(struct model *m)
{
	struct vdpa_vring_stats stats = m->vr.stats;

	vdpa_vring_stop(&m->vr);
	vdpa_vring_get_state(&m->vr, &m->cfg.state);
	KUNIT_ASSERT_EQ(m->test, 0, vdpa_vring_start(&m->vr, &m->cfg));
	KUNIT_EXPECT_EQ(m->test, stats.chains, m->vr.stats.chains);
}

/*
 * Both sides sleep until they are told, so what waits at the end was not told to
 * anyone: a notification that was lost.
 */
struct awake {
	bool driver;
	bool device;
};

static void driver_adds(struct model *m, struct awake *awake)
{
	unsigned int n = 1 + model_random(m, 20);

	while (n-- && model_add(m))
		;
	if (model_publish(m))
		awake->device = true;
}

static void driver_reaps(struct model *m, struct awake *awake)
{
	unsigned int n = 1 + model_random(m, 40);

	if (model_random(m, 2))
		model_want_call(m, false);
	while (n--) {
		if (model_reap(m))
			continue;
		/* ask, then look once more */
		model_want_call(m, true);
		awake->driver = model_has_used(m);
		return;
	}
}

static void device_works(struct model *m, struct awake *awake)
{
	unsigned int n = 1 + model_random(m, 4);
	bool again = true;

	vdpa_vring_want_kick(&m->vr, false);
	while (n-- && again) {
		again = device_batch(m) > 0;
		if (model_random(m, 2) && vdpa_vring_flush(&m->vr))
			awake->driver = true;
	}
	if (vdpa_vring_flush(&m->vr))
		awake->driver = true;
	if (!model_random(m, 50))
		migrate(m);
	awake->device = vdpa_vring_want_kick(&m->vr, true) || again;
}

static void moves_data(struct kunit *test)
{
	struct model *m = started(test);
	struct awake awake = { .driver = true, .device = true };
	unsigned int turns;

	for (turns = 0; turns < 600; turns++) {
		switch (model_random(m, 3)) {
		case 0:
			driver_adds(m, &awake);
			break;
		case 1:
			if (awake.driver)
				driver_reaps(m, &awake);
			break;
		case 2:
			if (awake.device)
				device_works(m, &awake);
			break;
		}
		if (!model_random(m, 20))
			model_move_page(m, model_random(m, m->mem.npages));
	}
	for (turns = 0; (awake.driver || awake.device) && turns < 10000; turns++) {
		if (awake.device)
			device_works(m, &awake);
		if (awake.driver)
			driver_reaps(m, &awake);
	}

	KUNIT_EXPECT_EQ(test, m->made, m->back);
	KUNIT_EXPECT_EQ(test, (u64)m->made, m->vr.stats.chains);
	KUNIT_EXPECT_EQ(test, (u64)m->made, m->vr.stats.completed);
	KUNIT_EXPECT_GT(test, m->made, 50u);
	KUNIT_EXPECT_FALSE(test, vdpa_vring_broken(&m->vr));
}

/* Indexes of 16 bits wrap once, wrap counters often */
static void indexes_wrap(struct kunit *test)
{
	struct model *m = model_new(test, test->param_value);
	struct vdpa_vring_chain chain[BATCH];
	int i, n;

	if (!m->packed)
		model_begin_at(m, 65000);
	KUNIT_ASSERT_EQ(test, 0, vdpa_vring_start(&m->vr, &m->cfg));
	m->terse = true;
	while (m->made < 2000) {
		for (i = 0; i < BATCH && model_add(m); i++)
			;
		model_publish(m);
		while ((n = vdpa_vring_take(&m->vr, chain, BATCH)) > 0) {
			for (i = 0; i < n; i++) {
				model_taken(m, &chain[i]);
				vdpa_vring_complete(&m->vr, &chain[i], 0);
			}
		}
		KUNIT_ASSERT_EQ(test, 0, n);
		vdpa_vring_flush(&m->vr);
		while (model_reap(m))
			;
		KUNIT_ASSERT_EQ(test, m->made, m->back);
	}
}

static const struct model_shape wrapping[] = {
	{ "split", 0, 8, true },
	{ "packed", PACKED, 8, true },
};

KUNIT_ARRAY_PARAM_DESC(wrapping, wrapping, name);

/* From one chain right into another, of another ring */
static void copies_between_chains(struct kunit *test)
{
	struct model *m = started(test);
	struct vdpa_vring_cursor from, to;
	struct vdpa_vring_chain chain[2];
	struct model_chain *mine[2];
	u32 len, i, n;
	u8 byte;

	for (n = 0; n < 50; n++) {
		while (m->made - m->back < 2)
			KUNIT_ASSERT_TRUE(test, model_add(m));
		model_publish(m);
		KUNIT_ASSERT_EQ(test, 2, vdpa_vring_take(&m->vr, chain, 2));
		mine[0] = model_taken(m, &chain[0]);
		mine[1] = model_taken(m, &chain[1]);

		vdpa_vring_cursor_out(&from, &m->vr, &chain[0]);
		vdpa_vring_cursor_in(&to, &m->vr, &chain[1]);
		len = min(mine[0]->out_len, mine[1]->in_len);
		KUNIT_EXPECT_EQ(test, (ssize_t)len, vdpa_vring_copy(&to, &from, 100000));
		vdpa_vring_cursor_in(&to, &m->vr, &chain[1]);
		to.perm = VHOST_MAP_RO;
		for (i = 0; i < len; i++) {
			KUNIT_ASSERT_EQ(test, (ssize_t)1, vdpa_vring_pull(&to, &byte, 1));
			KUNIT_ASSERT_EQ(test, model_byte(mine[0]->seed, i), byte);
		}
		write_in(m, &chain[1], mine[1], mine[1]->in_len);
		write_in(m, &chain[0], mine[0], mine[0]->in_len);
		vdpa_vring_complete(&m->vr, &chain[0], mine[0]->written);
		vdpa_vring_complete(&m->vr, &chain[1], mine[1]->written);
		vdpa_vring_flush(&m->vr);
		while (model_reap(m))
			;
	}
}

static const struct model_shape copying[] = {
	{ "split", INDIRECT, 64 },
	{ "packed", PACKED | INDIRECT, 64 },
};

KUNIT_ARRAY_PARAM_DESC(copying, copying, name);

/* A driver that wants none gets none, and one that asks gets each */
static void notifies_as_asked(struct kunit *test)
{
	struct model *m = started(test);
	struct vdpa_vring_chain chain;
	bool want;
	int i;

	KUNIT_EXPECT_FALSE(test, vdpa_vring_flush(&m->vr));
	for (i = 0; i < 100; i++) {
		want = model_random(m, 2);
		model_want_call(m, want);
		KUNIT_ASSERT_TRUE(test, model_add(m));
		/* the device has not looked yet, so it wants a kick each time */
		KUNIT_EXPECT_TRUE(test, model_publish(m));
		KUNIT_ASSERT_EQ(test, 1, vdpa_vring_take(&m->vr, &chain, 1));
		model_taken(m, &chain)->written = 0;
		vdpa_vring_complete(&m->vr, &chain, 0);
		KUNIT_EXPECT_EQ(test, want, vdpa_vring_flush(&m->vr));
		KUNIT_EXPECT_FALSE(test, vdpa_vring_flush(&m->vr));
		KUNIT_EXPECT_TRUE(test, model_reap(m));
		KUNIT_EXPECT_FALSE(test, vdpa_vring_want_kick(&m->vr, true));
	}
	KUNIT_EXPECT_EQ(test, (u64)i, m->vr.stats.notified + m->vr.stats.suppressed);
}

/* What comes while the device does not want kicks is found when it asks again */
static void asks_for_kicks(struct kunit *test)
{
	struct model *m = started(test);
	struct vdpa_vring_chain chain;

	KUNIT_EXPECT_FALSE(test, vdpa_vring_want_kick(&m->vr, false));
	KUNIT_ASSERT_TRUE(test, model_add(m));
	model_publish(m);
	KUNIT_ASSERT_EQ(test, 1, vdpa_vring_take(&m->vr, &chain, 1));
	model_taken(m, &chain)->written = 0;
	vdpa_vring_complete(&m->vr, &chain, 0);
	vdpa_vring_flush(&m->vr);
	KUNIT_ASSERT_TRUE(test, model_reap(m));

	KUNIT_ASSERT_TRUE(test, model_add(m));
	KUNIT_EXPECT_FALSE(test, model_publish(m));
	KUNIT_EXPECT_TRUE(test, vdpa_vring_want_kick(&m->vr, true));
	KUNIT_ASSERT_EQ(test, 1, vdpa_vring_take(&m->vr, &chain, 1));
	KUNIT_EXPECT_FALSE(test, vdpa_vring_want_kick(&m->vr, true));
}

static const struct model_shape notifying[] = {
	{ "split", 0, 64 },
	{ "split_event", EVENT_IDX, 64 },
	{ "packed", PACKED, 64 },
	{ "packed_event", PACKED | EVENT_IDX, 64 },
	{ "packed_event_odd", PACKED | EVENT_IDX, 7 },
};

KUNIT_ARRAY_PARAM_DESC(notifying, notifying, name);

/* Rings that begin somewhere else than at 0 */
static void starts_at_state(struct kunit *test)
{
	struct model *m = model_new(test, test->param_value);
	struct vdpa_vq_state state;

	if (m->packed) {
		m->cfg.state.packed = (struct vdpa_vq_state_packed) {
			.last_avail_idx = 5, .last_used_idx = 3,
			.last_used_counter = 1, .last_avail_counter = 1,
		};
	} else {
		m->cfg.state.split.avail_index = 65530;
	}
	KUNIT_ASSERT_EQ(test, 0, vdpa_vring_start(&m->vr, &m->cfg));
	vdpa_vring_get_state(&m->vr, &state);
	KUNIT_EXPECT_EQ(test, 0, memcmp(&state, &m->cfg.state, sizeof(state)));
}

/* Some drivers know one half of it only, 0x8000: nothing is in flight then */
static void starts_at_half_a_state(struct kunit *test)
{
	static const struct model_shape packed = { "", PACKED, 64 };
	struct model *m = model_new(test, &packed);
	struct vdpa_vq_state state;

	m->cfg.state.packed = (struct vdpa_vq_state_packed) {
		.last_avail_counter = 1, .last_avail_idx = 9,
	};
	KUNIT_ASSERT_EQ(test, 0, vdpa_vring_start(&m->vr, &m->cfg));
	vdpa_vring_get_state(&m->vr, &state);
	KUNIT_EXPECT_EQ(test, 9, (int)state.packed.last_used_idx);
	KUNIT_EXPECT_EQ(test, 1, (int)state.packed.last_used_counter);
}

static void refuses_to_start(struct kunit *test)
{
	struct model *m = model_new(test, test->param_value);
	const struct vdpa_vring_config good = m->cfg;

#define REFUSED(error, field, value) do {					\
		m->cfg = good;							\
		m->cfg.field = value;						\
		KUNIT_EXPECT_EQ(test, error, vdpa_vring_start(&m->vr, &m->cfg));	\
		KUNIT_EXPECT_FALSE(test, m->vr.running);			\
	} while (0)

	REFUSED(-EOPNOTSUPP, features, good.features & ~BIT_ULL(VIRTIO_F_VERSION_1));
	REFUSED(-EINVAL, num, 0);
	REFUSED(-EINVAL, num, 32769);
	REFUSED(-EINVAL, num, 65536);
	REFUSED(-EINVAL, desc_addr, good.desc_addr + 8);
	REFUSED(-EINVAL, driver_addr, good.driver_addr + 1);
	REFUSED(-EINVAL, device_addr, good.device_addr + 2);
	REFUSED(-EINVAL, max_chain, VDPA_VRING_MAX_CHAIN + 1);
	REFUSED(-EFAULT, desc_addr, 0x1000);
	REFUSED(-EFAULT, driver_addr, 0x1000);
	REFUSED(-EFAULT, device_addr, 0x1000);
	REFUSED(-EFAULT, desc_addr, -16ULL);
	if (m->packed) {
		REFUSED(-EINVAL, state.packed.last_avail_idx, 64);
		REFUSED(-EINVAL, state.packed.last_used_idx, 64);
		/* more in flight than there can be */
		REFUSED(-EINVAL, state.packed.last_used_idx, 1);
	} else {
		REFUSED(-EINVAL, num, 48);
	}

	/* the device writes here, so it has to be allowed to */
	m->cfg = good;
	model_protect(m, good.device_addr, VHOST_MAP_RO);
	KUNIT_EXPECT_EQ(test, -EFAULT, vdpa_vring_start(&m->vr, &m->cfg));
	model_protect(m, good.device_addr, VHOST_MAP_WO);
	model_protect(m, good.driver_addr, VHOST_MAP_RO);
	KUNIT_EXPECT_EQ(test, 0, vdpa_vring_start(&m->vr, &m->cfg));
	KUNIT_EXPECT_EQ(test, -EBUSY, vdpa_vring_start(&m->vr, &m->cfg));
}

static const struct model_shape plain[] = {
	{ "split", 0, 64 },
	{ "packed", PACKED, 64 },
};

KUNIT_ARRAY_PARAM_DESC(plain, plain, name);

/* A ring that is not there does nothing */
static void stopped(struct kunit *test)
{
	struct model *m = started(test);
	struct vdpa_vring_chain chain;

	KUNIT_ASSERT_TRUE(test, model_add(m));
	model_publish(m);
	vdpa_vring_stop(&m->vr);
	vdpa_vring_stop(&m->vr);
	KUNIT_EXPECT_EQ(test, -EBADMSG, vdpa_vring_take(&m->vr, &chain, 1));
	KUNIT_EXPECT_FALSE(test, vdpa_vring_want_kick(&m->vr, true));
	KUNIT_EXPECT_FALSE(test, vdpa_vring_flush(&m->vr));
	KUNIT_EXPECT_FALSE(test, vdpa_vring_broken(&m->vr));
}

static struct kunit_case vring_cases[] = {
	KUNIT_CASE_PARAM(moves_data, shape_gen_params),
	KUNIT_CASE_PARAM(indexes_wrap, wrapping_gen_params),
	KUNIT_CASE_PARAM(copies_between_chains, copying_gen_params),
	KUNIT_CASE_PARAM(notifies_as_asked, notifying_gen_params),
	KUNIT_CASE_PARAM(asks_for_kicks, notifying_gen_params),
	KUNIT_CASE_PARAM(starts_at_state, plain_gen_params),
	KUNIT_CASE(starts_at_half_a_state),
	KUNIT_CASE_PARAM(refuses_to_start, plain_gen_params),
	KUNIT_CASE_PARAM(stopped, plain_gen_params),
	{}
};

struct kunit_suite vring_suite = {
	.name = "vdpa_vring",
	.exit = vring_test_exit,
	.test_cases = vring_cases,
};
