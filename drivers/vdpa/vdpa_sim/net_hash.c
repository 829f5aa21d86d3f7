// SPDX-License-Identifier: GPL-2.0
/*
 * Hash of received packets (virtio 1.2, 5.1.6.4.3): Toeplitz, over the addresses
 * and perhaps the ports.
 *
 * Each bit of the input that is set adds 32 bits of the key, from its own place
 * on. What 4 bits add is kept in a table, for each of their places.
 */

#include <kunit/visibility.h>
#include <linux/export.h>
#include <linux/unaligned.h>

#include "net.h"

/**
 * simnet_toeplitz_init - prepare for a key
 * @toeplitz: the tables
 * @key: the key
 */
void simnet_toeplitz_init(struct simnet_toeplitz *toeplitz,
			  const u8 key[SIMNET_RSS_KEY])
{
	/* the window of the last 4 bits of the input ends within it */
	u8 padded[SIMNET_RSS_KEY + sizeof(u32)] = {};
	unsigned int place, nibble, bit;

	memcpy(padded, key, SIMNET_RSS_KEY);
	memset(toeplitz, 0, sizeof(*toeplitz));
	for (place = 0; place < ARRAY_SIZE(toeplitz->adds); place++) {
		u64 window = get_unaligned_be64(padded + place / 2) << place % 2 * 4;

		for (nibble = 0; nibble < 16; nibble++) {
			for (bit = 0; bit < 4; bit++) {
				if (nibble & 8 >> bit)
					toeplitz->adds[place][nibble] ^=
						upper_32_bits(window << bit);
			}
		}
	}
}
EXPORT_SYMBOL_IF_KUNIT(simnet_toeplitz_init);

/**
 * simnet_toeplitz - the hash of some bytes
 * @toeplitz: the tables
 * @bytes: the bytes
 * @len: how many, SIMNET_TUPLE_MAX at most
 */
u32 simnet_toeplitz(const struct simnet_toeplitz *toeplitz, const u8 *bytes, size_t len)
{
	u32 hash = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		hash ^= toeplitz->adds[i * 2][bytes[i] >> 4];
		hash ^= toeplitz->adds[i * 2 + 1][bytes[i] & 15];
	}
	return hash;
}
EXPORT_SYMBOL_IF_KUNIT(simnet_toeplitz);

/**
 * simnet_hash - the hash of a packet and how it came about
 * @toeplitz: of the receiver's key
 * @types: VIRTIO_NET_RSS_HASH_TYPE_xx that the receiver wants
 * @tuple: of the packet
 *
 * Return: the hash; its report is VIRTIO_NET_HASH_REPORT_NONE for a packet of
 * none of the types.
 */
struct simnet_hash simnet_hash(const struct simnet_toeplitz *toeplitz, u32 types,
			       const struct simnet_tuple *tuple)
{
	unsigned int ip = tuple->version == 4 ? VIRTIO_NET_HASH_REPORT_IPv4 :
						VIRTIO_NET_HASH_REPORT_IPv6;
	struct simnet_hash hash = {};
	unsigned int report = ip;
	size_t len = tuple->len;

	/* reports are numbered from 1 in the order of the types' bits */
	BUILD_BUG_ON(VIRTIO_NET_RSS_HASH_TYPE_IPv4 != BIT(VIRTIO_NET_HASH_REPORT_IPv4 - 1) ||
		     VIRTIO_NET_RSS_HASH_TYPE_UDPv6 != BIT(VIRTIO_NET_HASH_REPORT_UDPv6 - 1));

	if (!tuple->version)
		return hash;
	if (tuple->proto == IPPROTO_TCP)
		report = ip + VIRTIO_NET_HASH_REPORT_TCPv4 - VIRTIO_NET_HASH_REPORT_IPv4;
	else if (tuple->proto == IPPROTO_UDP)
		report = ip + VIRTIO_NET_HASH_REPORT_UDPv4 - VIRTIO_NET_HASH_REPORT_IPv4;
	if (!(types & BIT(report - 1))) {
		report = ip;
		len = tuple->ports;
	}
	if (!(types & BIT(report - 1)))
		return hash;
	hash.value = cpu_to_le32(simnet_toeplitz(toeplitz, tuple->bytes, len));
	hash.report = cpu_to_le16(report);
	return hash;
}
