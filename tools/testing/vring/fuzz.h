/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VRING_FUZZ_H
#define VRING_FUZZ_H

#include <stddef.h>
#include <stdint.h>

enum fuzz_op {
	/* the driver */
	FUZZ_DESC,	/* an entry of the ring */
	FUZZ_TABLE,	/* an entry of an indirect table */
	FUZZ_CHAIN,	/* a chain as a good driver makes it */
	FUZZ_AVAIL,	/* an entry of the available ring, and the index */
	FUZZ_EVENT,	/* whether it wants to be told */
	FUZZ_POKE,	/* anything anywhere */
	FUZZ_MAP,
	FUZZ_UNMAP,
	/* the next record happens between two reads of the device */
	FUZZ_ARM,
	/* the device */
	FUZZ_TAKE,	/* a batch, to its end */
	FUZZ_KICKS,
	FUZZ_FLUSH,
	FUZZ_START,	/* stops it before */
	FUZZ_NR_OPS
};

/**
 * struct fuzz_record - one step
 * @op: enum fuzz_op; the first record of an input says what kind of ring instead
 * @i: which entry, or how many
 * @page: of an address; other uses with some ops, like the rest
 * @flags: of a descriptor
 * @off: of an address
 * @next: of a descriptor
 * @len: of a descriptor
 */
struct fuzz_record {
	uint8_t op;
	uint8_t i;
	uint8_t page;
	uint8_t flags;
	uint16_t off;
	uint16_t next;
	uint32_t len;
};

#define FUZZ_MAX_RECORDS	200

void fuzz_one(const struct fuzz_record *r, size_t n);

#endif /* VRING_FUZZ_H */
