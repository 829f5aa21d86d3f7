// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit test of the hash of received packets: the vectors that Microsoft
 * publishes to verify implementations of receive-side scaling.
 */

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "net.h"

static const u8 hash_key[SIMNET_RSS_KEY] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/**
 * struct hash_vector - a packet and its hashes
 * @bytes: addresses of source and destination, and ports
 * @len: how many
 * @ip: hash of the addresses
 * @all: hash with the ports
 */
struct hash_vector {
	u8 bytes[SIMNET_TUPLE_MAX];
	size_t len;
	u32 ip;
	u32 all;
};

static const struct hash_vector hash_vectors[] = {
	{ { 66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6 }, 12,
	  0x323e8fc2, 0x51ccc178 },
	{ { 199, 92, 111, 2, 65, 69, 140, 83, 0x37, 0x96, 0x12, 0x83 }, 12,
	  0xd718262a, 0xc626b0ea },
	{ { 24, 19, 198, 95, 12, 22, 207, 184, 0x32, 0x62, 0x94, 0x88 }, 12,
	  0xd2d0a5de, 0x5c2b394a },
	{ { 38, 27, 205, 30, 209, 142, 163, 6, 0xbc, 0x64, 0x08, 0xa9 }, 12,
	  0x82989176, 0xafc7327f },
	{ { 153, 39, 163, 191, 202, 188, 127, 2, 0xac, 0xdb, 0x05, 0x17 }, 12,
	  0x5d1809c5, 0x10e828a2 },
	{ { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7,
	    0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0, 0, 1,
	    0x0a, 0xea, 0x06, 0xe6 }, 36,
	  0x2cc18cd5, 0x40207d3d },
	{ { 0x3f, 0xfe, 0x05, 0x01, 0x00, 0x08, 0, 0, 0x02, 0x60, 0x97, 0xff, 0xfe, 0x40,
	    0xef, 0xab, 0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	    0x37, 0x96, 0x12, 0x83 }, 36,
	  0x0f0c461c, 0xdde51bbf },
	{ { 0x3f, 0xfe, 0x19, 0x00, 0x45, 0x45, 0x00, 0x03, 0x02, 0x00, 0xf8, 0xff, 0xfe, 0x21,
	    0x67, 0xcf, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x02, 0x00, 0xf8, 0xff, 0xfe, 0x21,
	    0x67, 0xcf, 0xac, 0xdb, 0x94, 0x88 }, 36,
	  0x4b61e985, 0x02d1feef },
};

static struct simnet_toeplitz *hash_tables(struct kunit *test, const u8 *key)
{
	struct simnet_toeplitz *toeplitz = kunit_kzalloc(test, sizeof(*toeplitz), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, toeplitz);
	simnet_toeplitz_init(toeplitz, key);
	return toeplitz;
}

static void hash_vectors_test(struct kunit *test)
{
	const struct simnet_toeplitz *toeplitz = hash_tables(test, hash_key);
	const struct hash_vector *v;

	for (v = hash_vectors; v < hash_vectors + ARRAY_SIZE(hash_vectors); v++) {
		KUNIT_EXPECT_EQ(test, v->ip, simnet_toeplitz(toeplitz, v->bytes, v->len - 4));
		KUNIT_EXPECT_EQ(test, v->all, simnet_toeplitz(toeplitz, v->bytes, v->len));
	}
}

/* Each bit alone adds the 32 bits of the key that begin at its place */
static void hash_bits_test(struct kunit *test)
{
	const struct simnet_toeplitz *toeplitz = hash_tables(test, hash_key);
	u8 bytes[SIMNET_TUPLE_MAX] = {};
	unsigned int bit, i;

	KUNIT_EXPECT_EQ(test, 0u, simnet_toeplitz(toeplitz, bytes, sizeof(bytes)));
	for (bit = 0; bit < SIMNET_TUPLE_MAX * 8; bit++) {
		u32 window = 0;

		for (i = bit; i < bit + 32; i++)
			window = window << 1 | (hash_key[i / 8] >> (7 - i % 8) & 1);
		bytes[bit / 8] = 0x80 >> bit % 8;
		KUNIT_EXPECT_EQ(test, window, simnet_toeplitz(toeplitz, bytes, sizeof(bytes)));
		bytes[bit / 8] = 0;
	}
}

static struct kunit_case hash_cases[] = {
	KUNIT_CASE(hash_vectors_test),
	KUNIT_CASE(hash_bits_test),
	{}
};

static struct kunit_suite hash_suite = {
	.name = "vdpa_sim_net_hash",
	.test_cases = hash_cases,
};

kunit_test_suites(&hash_suite);

MODULE_AUTHOR("vDPA maintainers");
MODULE_DESCRIPTION("KUnit test of the simulated network device's hash");
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_LICENSE("GPL");
