// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of address spaces: against a plain array.
 */

#include <linux/slab.h>
#include <linux/string.h>

#include "vring_model.h"

/* Some blocks' worth of pages, with the last page there is among them */
#define PAGES		2048
#define FIRST		(-(u64)PAGES * PAGE_SIZE)
#define PA		0x100000000ULL
/* An address at which no machine has memory */
#define NOWHERE		BIT_ULL(51)

struct shadow {
	struct vdpa_vring_as as;
	u64 page[PAGES];	/* address and permission, 0 for none */
};

static struct shadow *shadow_new(struct kunit *test, bool identity)
{
	struct shadow *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	vdpa_vring_as_init(&s->as, identity);
	test->priv = s;
	return s;
}

static void space_exit(struct kunit *test)
{
	struct shadow *s = test->priv;

	if (s)
		vdpa_vring_as_destroy(&s->as);
}

static u64 looked_up(struct shadow *s, u64 iova)
{
	unsigned long page = vring_as_lookup(&s->as, iova);

	return page ? virt_to_phys((void *)(page & PAGE_MASK)) | (page & ~PAGE_MASK) : 0;
}

static void compare(struct kunit *test, struct shadow *s)
{
	unsigned int i, wrong = 0;

	for (i = 0; i < PAGES; i++)
		wrong += looked_up(s, FIRST + i * PAGE_SIZE) != s->page[i];
	KUNIT_ASSERT_EQ(test, 0u, wrong);
}

static bool shadow_has(const struct shadow *s, unsigned int from, unsigned int n)
{
	while (n--) {
		if (s->page[from + n])
			return true;
	}
	return false;
}

static void shadow_map(struct kunit *test, struct shadow *s, unsigned int from,
		       unsigned int n, u64 pa, u32 perm)
{
	bool taken = shadow_has(s, from, n);
	unsigned int i;
	int err;

	err = vdpa_vring_as_map(&s->as, FIRST + from * PAGE_SIZE, n * PAGE_SIZE, pa, perm);
	KUNIT_ASSERT_EQ(test, taken ? -EEXIST : 0, err);
	for (i = 0; !taken && i < n; i++)
		s->page[from + i] = (pa + i * PAGE_SIZE) | perm;
}

static void shadow_unmap(struct kunit *test, struct shadow *s, unsigned int from,
			 unsigned int n)
{
	bool taken = shadow_has(s, from, n);
	u64 gen = s->as.gen;

	vdpa_vring_as_unmap(&s->as, FIRST + from * PAGE_SIZE, n * PAGE_SIZE);
	memset(s->page + from, 0, n * sizeof(*s->page));
	/* rings look again when something went, and only then */
	KUNIT_EXPECT_EQ(test, taken, s->as.gen != gen);
}

static void maps_and_unmaps(struct kunit *test)
{
	struct shadow *s = shadow_new(test, false);
	u64 random = 1;
	unsigned int turn;

	for (turn = 0; turn < 1000; turn++) {
		unsigned int from, n;

		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		from = (random >> 33) % PAGES;
		n = 1 + (random >> 45) % (turn % 3 ? 16 : PAGES);
		n = min(n, PAGES - from);
		if (turn % 3 == 0) {
			/* along the edges of blocks, as huge pages are */
			from &= ~511U;
			n = min(ALIGN(n, 512), PAGES - from);
		}
		if (random >> 62)
			shadow_map(test, s, from, n, PA + (random >> 50) * PAGE_SIZE,
				   1 + (random >> 40) % 3);
		else
			shadow_unmap(test, s, from, n);
		if (turn % 10 == 0)
			compare(test, s);
	}
	compare(test, s);
	vdpa_vring_as_unmap(&s->as, 0, U64_MAX);
	vdpa_vring_as_unmap(&s->as, U64_MAX & PAGE_MASK, 2 * PAGE_SIZE);
	memset(s->page, 0, sizeof(s->page));
	compare(test, s);
}

static void refuses_ranges(struct kunit *test)
{
	struct shadow *s = shadow_new(test, false);
	struct vdpa_vring_as *as = &s->as;

	KUNIT_EXPECT_EQ(test, -EINVAL, vdpa_vring_as_map(as, 0, 0, PA, 3));
	KUNIT_EXPECT_EQ(test, -EINVAL, vdpa_vring_as_map(as, 1, PAGE_SIZE, PA, 3));
	KUNIT_EXPECT_EQ(test, -EINVAL, vdpa_vring_as_map(as, 0, 100, PA, 3));
	KUNIT_EXPECT_EQ(test, -EINVAL, vdpa_vring_as_map(as, 0, PAGE_SIZE, PA + 8, 3));
	KUNIT_EXPECT_EQ(test, -EINVAL, vdpa_vring_as_map(as, 0, PAGE_SIZE, PA, 0));
	KUNIT_EXPECT_EQ(test, -EINVAL, vdpa_vring_as_map(as, 0, PAGE_SIZE, PA, 4));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vdpa_vring_as_map(as, -PAGE_SIZE, 2 * PAGE_SIZE, PA, 3));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vdpa_vring_as_map(as, 0, 2 * PAGE_SIZE, -PAGE_SIZE, 3));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			vdpa_vring_as_map(as, 0, PAGE_SIZE, 1ULL << 63, 3));
	vdpa_vring_as_unmap(as, 0, 0);
	KUNIT_EXPECT_EQ(test, (u64)0, as->gen);
	compare(test, s);
}

/* A kernel driver's addresses are physical, until somebody maps */
static void identity_ends(struct kunit *test)
{
	struct shadow *s = shadow_new(test, true);
	u64 iova = virt_to_phys(s) & PAGE_MASK;

	KUNIT_EXPECT_EQ(test, iova | VHOST_MAP_RW, looked_up(s, iova));
	KUNIT_EXPECT_EQ(test, (u64)0, looked_up(s, NOWHERE));

	KUNIT_EXPECT_EQ(test, 0, vdpa_vring_as_map(&s->as, 0, PAGE_SIZE, PA, 1));
	KUNIT_EXPECT_EQ(test, (u64)0, looked_up(s, iova));
	KUNIT_EXPECT_EQ(test, PA | 1, looked_up(s, 0));
	KUNIT_EXPECT_EQ(test, (u64)1, s->as.gen);

	vdpa_vring_as_reset(&s->as, true);
	KUNIT_EXPECT_EQ(test, iova | VHOST_MAP_RW, looked_up(s, iova));
	vdpa_vring_as_unmap(&s->as, 0, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, (u64)0, looked_up(s, iova));
	KUNIT_EXPECT_EQ(test, (u64)3, s->as.gen);
}

/* Mappings side by side, grown from a page to more than a block and cut again */
static void leaves_and_runs(struct kunit *test)
{
	struct shadow *s = shadow_new(test, false);
	unsigned int i;

	for (i = 0; i < 600; i++)
		shadow_map(test, s, i, 1, PA + i * PAGE_SIZE, VHOST_MAP_RO);
	compare(test, s);
	shadow_map(test, s, 512, 512, PA, VHOST_MAP_RW);
	shadow_map(test, s, 1024, 1024, PA, VHOST_MAP_RW);
	shadow_map(test, s, 1024, 1, PA, VHOST_MAP_RW);
	/* undone as far as it got */
	shadow_map(test, s, 600, 512, PA, VHOST_MAP_RW);
	compare(test, s);
	shadow_unmap(test, s, 1030, 1);
	shadow_unmap(test, s, 1534, 4);
	shadow_unmap(test, s, 1030, 1);
	shadow_unmap(test, s, 1024, 512);
	shadow_unmap(test, s, 0, 599);
	shadow_unmap(test, s, 599, 1);
	compare(test, s);
}

static struct kunit_case space_cases[] = {
	KUNIT_CASE(maps_and_unmaps),
	KUNIT_CASE(refuses_ranges),
	KUNIT_CASE(identity_ends),
	KUNIT_CASE(leaves_and_runs),
	{}
};

struct kunit_suite vring_space_suite = {
	.name = "vdpa_vring_space",
	.exit = space_exit,
	.test_cases = space_cases,
};
