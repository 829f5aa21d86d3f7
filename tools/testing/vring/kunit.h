/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VRING_KUNIT_H
#define VRING_KUNIT_H

/* As much of KUnit as the tests of the ring library use, printing KTAP */

#include "kernel.h"

#define KUNIT_PARAM_DESC_SIZE	128

struct kunit {
	void *priv;
	const void *param_value;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

#define KUNIT_CASE(test) { .run_case = test, .name = #test }
#define KUNIT_CASE_PARAM(test, gen) \
	{ .run_case = test, .name = #test, .generate_params = gen }

#define KUNIT_ARRAY_PARAM_DESC(name, array, member)			\
static const void *name##_gen_params(const void *prev, char *desc)	\
{									\
	typeof(&(array)[0]) next = prev ? (typeof(next))prev + 1 : (array); \
									\
	if (next == (array) + ARRAY_SIZE(array))			\
		return NULL;						\
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", next->member);	\
	return next;							\
}

#define kunit_test_suites(...)						\
	struct kunit_suite *const kunit_suites[] = { __VA_ARGS__, NULL }
extern struct kunit_suite *const kunit_suites[];

/* Freed after the test */
void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp);

void kunit_failed(struct kunit *test, bool fatal, const char *file, int line,
		  const char *format, ...);

#define KUNIT_CHECK(test, fatal, left, op, right, format, ...) do {		\
	typeof(left) __left = (left);						\
	typeof(right) __right = (right);					\
	if (!(__left op __right))						\
		kunit_failed(test, fatal, __FILE__, __LINE__,			\
			     "%s " #op " %s, but %lld and %lld" format,		\
			     #left, #right, (long long)(intptr_t)__left,	\
			     (long long)(intptr_t)__right, ##__VA_ARGS__);	\
} while (0)

#define KUNIT_EXPECT_EQ(test, l, r)	KUNIT_CHECK(test, false, l, ==, r, "")
#define KUNIT_ASSERT_EQ(test, l, r)	KUNIT_CHECK(test, true, l, ==, r, "")
#define KUNIT_EXPECT_NE(test, l, r)	KUNIT_CHECK(test, false, l, !=, r, "")
#define KUNIT_ASSERT_GE(test, l, r)	KUNIT_CHECK(test, true, l, >=, r, "")
#define KUNIT_ASSERT_LE(test, l, r)	KUNIT_CHECK(test, true, l, <=, r, "")
#define KUNIT_EXPECT_GT(test, l, r)	KUNIT_CHECK(test, false, l, >, r, "")
#define KUNIT_EXPECT_TRUE(test, c)	KUNIT_CHECK(test, false, !!(c), ==, true, "")
#define KUNIT_EXPECT_FALSE(test, c)	KUNIT_CHECK(test, false, !!(c), ==, false, "")
#define KUNIT_ASSERT_TRUE(test, c)	KUNIT_CHECK(test, true, !!(c), ==, true, "")
#define KUNIT_ASSERT_FALSE(test, c)	KUNIT_CHECK(test, true, !!(c), ==, false, "")
#define KUNIT_ASSERT_NOT_NULL(test, p)	KUNIT_CHECK(test, true, !!(p), ==, true, "")
#define KUNIT_EXPECT_PTR_EQ(test, l, r)	KUNIT_CHECK(test, false, l, ==, r, "")

#endif /* VRING_KUNIT_H */
