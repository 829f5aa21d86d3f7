// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of virtqueues: what no driver may do. The ring stops and says why.
 */

#include <linux/slab.h>
#include <linux/string.h>

#include "vring_model.h"

#define PACKED		BIT_ULL(VIRTIO_F_RING_PACKED)
#define EVENT_IDX	BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT	BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)

#define NUM		16
#define F_NEXT		VRING_DESC_F_NEXT
#define F_WRITE		VRING_DESC_F_WRITE
#define F_INDIRECT	VRING_DESC_F_INDIRECT
#define F_AVAIL		BIT(VRING_PACKED_DESC_F_AVAIL)

#define NOT_MAPPED	0x10000000ULL

static void bad_exit(struct kunit *test)
{
	if (test->priv)
		model_free(test->priv);
}

static struct model *start_shape(struct kunit *test, const struct model_shape *shape)
{
	struct model *m = model_new(test, shape);

	KUNIT_ASSERT_EQ(test, 0, vdpa_vring_start(&m->vr, &m->cfg));
	return m;
}

/**
 * struct bad_chain - a chain that breaks a rule
 * @name: of the test
 * @why: which rule
 * @features: of the ring
 * @put: writes it, its head at entry 0
 */
struct bad_chain {
	const char *name;
	enum vdpa_vring_error why;
	u64 features;
	void (*put)(struct model *m);
};

static void put(struct model *m, unsigned int i, u64 addr, u32 len, u16 flags, u16 next)
{
	if (m->packed) {
		flags |= F_AVAIL;
		next = 0;
	}
	model_put_desc(m, m->cfg.desc_addr, i, addr, len, flags, next);
}

static void put_head(struct model *m, u64 addr, u32 len, u16 flags, u16 next)
{
	put(m, 0, addr, len, flags, next);
	if (!m->packed)
		model_put_avail(m, 0);
}

static void put_table(struct model *m, u64 table, u32 len)
{
	put_head(m, table, len, F_INDIRECT, 0);
}

static void order(struct model *m)
{
	u64 buffer = model_buffer(m, 0);

	put(m, 1, buffer, 16, 0, 0);
	put_head(m, buffer, 16, F_NEXT | F_WRITE, 1);
}

static void wraps_around(struct model *m)
{
	put_head(m, -256ULL, 257, 0, 0);
}

static void not_negotiated(struct model *m)
{
	put_table(m, model_table(m, 0), 16);
}

static void table_empty(struct model *m)
{
	put_table(m, model_table(m, 0), 0);
}

static void table_odd(struct model *m)
{
	put_table(m, model_table(m, 0), 24);
}

static void table_huge(struct model *m)
{
	put_table(m, model_table(m, 0), -16U);
}

static void table_wraps_around(struct model *m)
{
	put_table(m, -16ULL, 32);
}

static void table_not_mapped(struct model *m)
{
	put_table(m, NOT_MAPPED, 16);
}

/* where the memory ends, in the middle of a descriptor */
static void table_ends(struct model *m)
{
	u64 end = MODEL_IOVA + m->mem.npages * PAGE_SIZE;

	put_table(m, end - 8, 16);
}

static void table_not_readable(struct model *m)
{
	u64 table = model_table(m, 0);

	put_table(m, table, 16);
	model_protect(m, table, VHOST_MAP_WO);
}

static void table_in_table(struct model *m)
{
	u64 table = model_table(m, 0);

	model_put_desc(m, table, 0, table, 16, F_INDIRECT, 0);
	put_table(m, table, 16);
}

static void table_order(struct model *m)
{
	u64 table = model_table(m, 0), buffer = model_buffer(m, 0);

	model_put_desc(m, table, 0, buffer, 16, F_WRITE | F_NEXT, 1);
	model_put_desc(m, table, 1, buffer, 16, 0, 0);
	put_table(m, table, 32);
}

static void table_goes_on(struct model *m)
{
	put_head(m, model_table(m, 0), 16, F_INDIRECT | F_NEXT, 1);
}

static void too_long(struct model *m)
{
	u64 table = model_table(m, 0);
	unsigned int i;

	/* one descriptor more than this parent allows */
	for (i = 0; i < NUM + 1; i++)
		model_put_desc(m, table, i, model_buffer(m, 0), 1, F_NEXT, i + 1);
	put_table(m, table, (NUM + 1) * 16);
}

/* split: links that lead anywhere */
static void next_outside(struct model *m)
{
	put_head(m, model_buffer(m, 0), 16, F_NEXT, NUM);
}

static void next_far_outside(struct model *m)
{
	put_head(m, model_buffer(m, 0), 16, F_NEXT, 0xffff);
}

static void loop_of_one(struct model *m)
{
	put_head(m, model_buffer(m, 0), 16, F_NEXT, 0);
}

static void loop_of_two(struct model *m)
{
	put(m, 1, model_buffer(m, 0), 16, F_NEXT, 0);
	put_head(m, model_buffer(m, 0), 16, F_NEXT, 1);
}

/* nothing that fills up meanwhile */
static void loop_of_nothing(struct model *m)
{
	put_head(m, model_buffer(m, 0), 0, F_NEXT, 0);
}

static void table_loop(struct model *m)
{
	u64 table = model_table(m, 0);

	model_put_desc(m, table, 0, 0, 0, F_NEXT, 0);
	put_table(m, table, 32);
}

static void table_next_outside(struct model *m)
{
	u64 table = model_table(m, 0);

	model_put_desc(m, table, 0, model_buffer(m, 0), 16, F_NEXT, 2);
	put_table(m, table, 32);
}

static void head_outside(struct model *m)
{
	model_put_avail(m, NUM);
}

static void index_ahead(struct model *m)
{
	m->avail += NUM + 1;
}

static void index_behind(struct model *m)
{
	m->avail--;
}

/* packed: all entries, and then the first one again */
static void longer_than_ring(struct model *m)
{
	unsigned int i;

	for (i = 0; i < NUM; i++)
		put(m, i, model_buffer(m, 0), 16, F_NEXT, 0);
}

static void table_after_direct(struct model *m)
{
	put(m, 1, model_table(m, 0), 16, F_INDIRECT, 0);
	put_head(m, model_buffer(m, 0), 16, F_NEXT, 0);
}

#define BOTH(func, err, features) \
	{ "split_" #func, VDPA_VRING_ERR_##err, features, func }, \
	{ "packed_" #func, VDPA_VRING_ERR_##err, (features) | PACKED, func }
#define SPLIT(func, err, features) \
	{ "split_" #func, VDPA_VRING_ERR_##err, features, func }

static const struct bad_chain bad_chains[] = {
	BOTH(order, ORDER, 0),
	BOTH(wraps_around, TRANSLATE, 0),
	BOTH(not_negotiated, INDIRECT, 0),
	BOTH(table_empty, INDIRECT, INDIRECT),
	BOTH(table_odd, INDIRECT, INDIRECT),
	BOTH(table_huge, INDIRECT, INDIRECT),
	BOTH(table_wraps_around, INDIRECT, INDIRECT),
	BOTH(table_not_mapped, TRANSLATE, INDIRECT),
	BOTH(table_ends, TRANSLATE, INDIRECT),
	BOTH(table_not_readable, TRANSLATE, INDIRECT),
	BOTH(table_in_table, INDIRECT, INDIRECT),
	BOTH(table_order, ORDER, INDIRECT),
	BOTH(table_goes_on, INDIRECT, INDIRECT),
	BOTH(too_long, CHAIN, INDIRECT),
	SPLIT(next_outside, CHAIN, 0),
	SPLIT(next_far_outside, CHAIN, 0),
	SPLIT(loop_of_one, CHAIN, 0),
	SPLIT(loop_of_two, CHAIN, EVENT_IDX),
	SPLIT(loop_of_nothing, CHAIN, 0),
	SPLIT(table_loop, CHAIN, INDIRECT),
	SPLIT(table_next_outside, CHAIN, INDIRECT),
	SPLIT(head_outside, INDEX, 0),
	SPLIT(index_ahead, INDEX, 0),
	SPLIT(index_behind, INDEX, 0),
	{ "packed_longer_than_ring", VDPA_VRING_ERR_CHAIN, PACKED, longer_than_ring },
	{ "packed_table_after_direct", VDPA_VRING_ERR_INDIRECT, PACKED | INDIRECT,
	  table_after_direct },
};

KUNIT_ARRAY_PARAM_DESC(bad_chain, bad_chains, name);

/* Stopped for that reason alone, and for good */
static void expect_broken(struct model *m, enum vdpa_vring_error why)
{
	struct vdpa_vring_chain chain[4];
	unsigned int i;

	KUNIT_EXPECT_TRUE(m->test, vdpa_vring_broken(&m->vr));
	KUNIT_EXPECT_EQ(m->test, -EBADMSG, vdpa_vring_take(&m->vr, chain, 4));
	KUNIT_EXPECT_FALSE(m->test, vdpa_vring_flush(&m->vr));
	KUNIT_EXPECT_FALSE(m->test, vdpa_vring_want_kick(&m->vr, true));
	for (i = 0; i < VDPA_VRING_NR_ERRORS; i++)
		KUNIT_EXPECT_EQ(m->test, (u64)(i == why), m->vr.stats.errors[i]);
}

static void stops_at(struct kunit *test)
{
	const struct bad_chain *bad = test->param_value;
	const struct model_shape shape = { "", bad->features, NUM };
	struct model *m = model_new(test, &shape);
	struct vdpa_vring_chain chain[4];

	m->cfg.max_chain = NUM;
	KUNIT_ASSERT_EQ(test, 0, vdpa_vring_start(&m->vr, &m->cfg));
	bad->put(m);
	if (!m->packed)
		model_put_avail_idx(m, m->avail);
	KUNIT_EXPECT_EQ(test, -EBADMSG, vdpa_vring_take(&m->vr, chain, 4));
	expect_broken(m, bad->why);
}

/* Good ones in front of it are taken, and a new start mends the ring */
static void takes_what_is_in_front(struct kunit *test)
{
	struct model *m = start_shape(test, test->param_value);
	struct vdpa_vring_chain chain[4];
	u64 buffer = model_buffer(m, 0);

	put_head(m, buffer, 8, 0, 0);
	put(m, 1, buffer, 8, F_INDIRECT, 0);
	if (!m->packed) {
		model_put_avail(m, 1);
		model_put_avail_idx(m, m->avail);
	}
	KUNIT_EXPECT_EQ(test, 1, vdpa_vring_take(&m->vr, chain, 4));
	KUNIT_EXPECT_FALSE(test, vdpa_vring_broken(&m->vr));
	vdpa_vring_complete(&m->vr, chain, 0);
	vdpa_vring_flush(&m->vr);
	KUNIT_EXPECT_EQ(test, -EBADMSG, vdpa_vring_take(&m->vr, chain, 4));
	expect_broken(m, VDPA_VRING_ERR_INDIRECT);

	vdpa_vring_stop(&m->vr);
	vdpa_vring_get_state(&m->vr, &m->cfg.state);
	KUNIT_EXPECT_EQ(test, 0, vdpa_vring_start(&m->vr, &m->cfg));
	KUNIT_EXPECT_FALSE(test, vdpa_vring_broken(&m->vr));
	put(m, 1, buffer, 8, 0, 0);
	KUNIT_EXPECT_EQ(test, 1, vdpa_vring_take(&m->vr, chain, 4));
	KUNIT_EXPECT_EQ(test, (u64)1, m->vr.stats.errors[VDPA_VRING_ERR_INDIRECT]);
}

/* An entry that the device still has can't be offered again */
static void offers_twice(struct kunit *test)
{
	static const struct model_shape packed = { "", PACKED, NUM };
	struct model *m = start_shape(test, &packed);
	struct vdpa_vring_chain chain[2 * NUM];
	unsigned int i;

	for (i = 0; i < NUM; i++)
		put(m, i, model_buffer(m, 0), 8, 0, 0);
	KUNIT_ASSERT_EQ(test, NUM, vdpa_vring_take(&m->vr, chain, 2 * NUM));
	for (i = 0; i < NUM; i++)
		model_put_desc(m, m->cfg.desc_addr, i, model_buffer(m, 0), 8,
			       BIT(VRING_PACKED_DESC_F_USED), 0);
	KUNIT_EXPECT_EQ(test, 0, vdpa_vring_take(&m->vr, chain + NUM, NUM));
	vdpa_vring_untake(&m->vr, chain, NUM);
	KUNIT_EXPECT_EQ(test, 0, (int)m->vr.avail);
}

/* Nor can a chain go on into the one that was taken before it */
static void overlaps(struct kunit *test)
{
	static const struct model_shape packed = { "", PACKED, NUM };
	struct model *m = start_shape(test, &packed);
	struct vdpa_vring_chain chain[2];
	unsigned int i;

	for (i = 0; i < NUM; i++)
		put(m, i, model_buffer(m, 0), 8, i == 9 ? 0 : F_NEXT, 0);
	KUNIT_EXPECT_EQ(test, 1, vdpa_vring_take(&m->vr, chain, 2));
	KUNIT_EXPECT_EQ(test, -EBADMSG, vdpa_vring_take(&m->vr, chain + 1, 1));
	expect_broken(m, VDPA_VRING_ERR_CHAIN);
}

/* Buffers are translated when they are used, by the access that it takes */
static void buffers_not_mapped(struct kunit *test)
{
	struct model *m = start_shape(test, test->param_value);
	u64 buffer = ALIGN(model_buffer(m, 0), PAGE_SIZE);
	struct vdpa_vring_cursor cur, to;
	struct vdpa_vring_chain chain;
	unsigned int way;
	size_t len;
	u8 data[64];

	for (way = 0; way < 6; way++) {
		vdpa_vring_stop(&m->vr);
		memset(&m->vr.stats, 0, sizeof(m->vr.stats));
		KUNIT_ASSERT_EQ(test, 0, vdpa_vring_start(&m->vr, &m->cfg));
		m->avail = 0;
		/* the second page is not as the device needs it */
		put(m, 1, buffer + PAGE_SIZE - 32, 64, F_WRITE, 0);
		put_head(m, buffer + PAGE_SIZE - 32, 64, F_NEXT, 1);
		if (!m->packed)
			model_put_avail_idx(m, m->avail);
		model_protect(m, buffer + PAGE_SIZE,
			      way < 3 ? 0 : way < 5 ? VHOST_MAP_WO : VHOST_MAP_RO);
		KUNIT_ASSERT_EQ(test, 1, vdpa_vring_take(&m->vr, &chain, 1));
		vdpa_vring_cursor_out(&cur, &m->vr, &chain);
		vdpa_vring_cursor_in(&to, &m->vr, &chain);
		switch (way) {
		case 0:
		case 3:
			KUNIT_EXPECT_EQ(test, (ssize_t)-EFAULT,
					vdpa_vring_pull(&cur, data, 64));
			break;
		case 1:
			KUNIT_EXPECT_EQ(test, (ssize_t)-EFAULT,
					vdpa_vring_push(&to, data, 64));
			break;
		case 2:
			KUNIT_EXPECT_FALSE(test,
					   IS_ERR(vdpa_vring_cursor_next(&cur, 64, &len)));
			KUNIT_EXPECT_EQ(test, (size_t)32, len);
			KUNIT_EXPECT_EQ(test, -EFAULT,
					(int)PTR_ERR(vdpa_vring_cursor_next(&cur, 64, &len)));
			break;
		case 4:
		case 5:
			KUNIT_EXPECT_EQ(test, (ssize_t)-EFAULT,
					vdpa_vring_copy(&to, &cur, 64));
			break;
		}
		expect_broken(m, VDPA_VRING_ERR_TRANSLATE);
	}
}

/* The ring's own pages go while it runs */
static void ring_unmapped(struct kunit *test)
{
	struct model *m = start_shape(test, test->param_value);
	struct vdpa_vring_chain chain;

	KUNIT_ASSERT_TRUE(test, model_add(m));
	model_publish(m);
	KUNIT_ASSERT_EQ(test, 1, vdpa_vring_take(&m->vr, &chain, 1));
	vdpa_vring_complete(&m->vr, &chain, 0);
	model_protect(m, m->cfg.device_addr, 0);
	KUNIT_EXPECT_FALSE(test, vdpa_vring_flush(&m->vr));
	vdpa_vring_complete(&m->vr, &chain, 0);
	expect_broken(m, VDPA_VRING_ERR_TRANSLATE);
}

/* Anything at all in the rings: the device stays inside and comes to an end */
static void survives_garbage(struct kunit *test)
{
	struct model *m = model_new(test, test->param_value);
	struct vdpa_vring_chain chain[8];
	struct vdpa_vring_cursor cur;
	unsigned int turn, i, taken = 0;
	u8 data[256];
	int n, c;

	for (turn = 0; turn < 2000; turn++) {
		if (!m->vr.running || vdpa_vring_broken(&m->vr)) {
			vdpa_vring_stop(&m->vr);
			KUNIT_ASSERT_EQ(test, 0, vdpa_vring_start(&m->vr, &m->cfg));
		}
		for (i = 0; i < 4; i++)
			put(m, model_random(m, m->num),
			    model_random(m, 8) ? model_buffer(m, 0) + model_random(m, 5000) :
			    (u64)model_random(m, ~0U) << model_random(m, 33),
			    model_random(m, 8) ? model_random(m, 64) * 16 :
						 model_random(m, ~0U),
			    /* few tables, so that chains get long */
			    model_random(m, 8) & (model_random(m, 4) ? 3 : 7),
			    model_random(m, m->num + 1));
		for (i = 0; i < 64; i++)
			*(u8 *)model_at(m, model_buffer(m, 0) + model_random(m, 5000)) =
				model_random(m, 256);
		if (!m->packed) {
			model_put_avail(m, model_random(m, m->num + (turn % 32 == 0)));
			model_put_avail_idx(m, m->vr.avail + model_random(m, 4));
		}
		n = vdpa_vring_take(&m->vr, chain, 8);
		for (c = 0; c < n; c++) {
			vdpa_vring_cursor_out(&cur, &m->vr, &chain[c]);
			vdpa_vring_pull(&cur, data, sizeof(data));
			vdpa_vring_cursor_in(&cur, &m->vr, &chain[c]);
			vdpa_vring_push(&cur, data, sizeof(data));
			vdpa_vring_complete(&m->vr, &chain[c], sizeof(data));
			taken++;
		}
		vdpa_vring_flush(&m->vr);
		vdpa_vring_want_kick(&m->vr, turn & 1);
	}
	/* it got through now and then, and it did not */
	KUNIT_EXPECT_GT(test, taken, 20u);
	KUNIT_EXPECT_GT(test, m->vr.stats.errors[VDPA_VRING_ERR_INDIRECT], (u64)0);
	KUNIT_EXPECT_GT(test, m->vr.stats.errors[VDPA_VRING_ERR_ORDER], (u64)0);
	KUNIT_EXPECT_GT(test, m->vr.stats.errors[VDPA_VRING_ERR_TRANSLATE], (u64)0);
}

static const struct model_shape plain[] = {
	{ "split", 0, NUM },
	{ "packed", PACKED, NUM },
};

static const struct model_shape garbage[] = {
	{ "split", INDIRECT | EVENT_IDX, NUM },
	{ "packed", PACKED | INDIRECT | EVENT_IDX, NUM },
};

KUNIT_ARRAY_PARAM_DESC(plain, plain, name);
KUNIT_ARRAY_PARAM_DESC(garbage, garbage, name);

static struct kunit_case bad_cases[] = {
	KUNIT_CASE_PARAM(stops_at, bad_chain_gen_params),
	KUNIT_CASE_PARAM(takes_what_is_in_front, plain_gen_params),
	KUNIT_CASE(offers_twice),
	KUNIT_CASE(overlaps),
	KUNIT_CASE_PARAM(buffers_not_mapped, plain_gen_params),
	KUNIT_CASE_PARAM(ring_unmapped, plain_gen_params),
	KUNIT_CASE_PARAM(survives_garbage, garbage_gen_params),
	{}
};

struct kunit_suite vring_bad_suite = {
	.name = "vdpa_vring_bad",
	.exit = bad_exit,
	.test_cases = bad_cases,
};
