// SPDX-License-Identifier: GPL-2.0
/*
 * What happens without memory: each allocation fails once. A leak is found by
 * the address sanitizer at the end of the process.
 */
#include "main.h"
#include "vring_model.h"

static const struct model_shape shapes[] = {
	{ "split", 0, 256 },
	{ "packed", BIT_ULL(VIRTIO_F_RING_PACKED), 256 },
};

KUNIT_ARRAY_PARAM_DESC(shape, shapes, name);

static void alloc_exit(struct kunit *test)
{
	kernel_alloc_fails = 0;
	if (test->priv)
		model_free(test->priv);
}

static void start_fails(struct kunit *test)
{
	struct model *m = model_new(test, test->param_value);
	unsigned int nth;

	for (nth = 1; nth <= 5; nth++) {
		kernel_alloc_fails = nth;
		KUNIT_EXPECT_EQ(test, -ENOMEM, vdpa_vring_start(&m->vr, &m->cfg));
		KUNIT_EXPECT_FALSE(test, m->vr.running);
	}
	kernel_alloc_fails = nth;
	KUNIT_EXPECT_EQ(test, 0, vdpa_vring_start(&m->vr, &m->cfg));
}

/* A range of three blocks: half of one, a whole one, half of one */
static void map_fails(struct kunit *test)
{
	const u64 block = 512 * PAGE_SIZE, at = 16 * block + block / 2;
	struct vdpa_vring_as as;
	unsigned int nth;
	int err = 0;

	for (nth = 1; nth < 10; nth++) {
		vdpa_vring_as_init(&as, false);
		kernel_alloc_fails = nth;
		err = vdpa_vring_as_map(&as, at, 2 * block, block, VHOST_MAP_RW);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, -ENOMEM, err);
		/* nothing of it stays */
		KUNIT_EXPECT_EQ(test, 0ul, vring_as_lookup(&as, at));
		KUNIT_EXPECT_EQ(test, 0ul, vring_as_lookup(&as, at + block));
		/* a leaf that is empty may stay for the next try */
		vdpa_vring_as_destroy(&as);
	}
	/* a leaf and its place, a place, a leaf and its place */
	KUNIT_EXPECT_EQ(test, 6u, nth);
	/* to take something away never fails */
	kernel_alloc_fails = 1;
	vdpa_vring_as_unmap(&as, at + block, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, 0ul, vring_as_lookup(&as, at + block));
	KUNIT_EXPECT_NE(test, 0ul, vring_as_lookup(&as, at + block + PAGE_SIZE));
	vdpa_vring_as_destroy(&as);
}

static struct kunit_case alloc_cases[] = {
	KUNIT_CASE_PARAM(start_fails, shape_gen_params),
	KUNIT_CASE(map_fails),
	{}
};

static struct kunit_suite alloc_suite = {
	.name = "vdpa_vring_alloc",
	.exit = alloc_exit,
	.test_cases = alloc_cases,
};

kunit_test_suites(&vring_suite, &vring_bad_suite, &vring_space_suite, &alloc_suite);
