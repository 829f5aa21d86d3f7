// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile driver under libFuzzer. Inputs are mutated record by record, as
 * one that is cut in the middle of a record means something else from there on.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define RECORD	sizeof(struct fuzz_record)

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,
				 size_t b_size, uint8_t *out, size_t max_size,
				 unsigned int seed);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_one((const struct fuzz_record *)data, size / RECORD);
	return 0;
}

static size_t insert(struct fuzz_record *r, size_t n, size_t at, unsigned int *seed)
{
	memmove(r + at + 1, r + at, (n - at) * RECORD);
	if (n && rand_r(seed) % 2)
		r[at] = r[rand_r(seed) % (n + 1)];
	else
		r[at] = (struct fuzz_record) {
			.i = rand_r(seed) % 20, .page = rand_r(seed) % 16,
			.flags = rand_r(seed), .off = rand_r(seed) % 4096,
			.next = rand_r(seed) % 20, .len = rand_r(seed) % 5000,
		};
	r[at].op = rand_r(seed) % FUZZ_NR_OPS;
	return n + 1;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size,
			       unsigned int seed)
{
	size_t n = size / RECORD, max = max_size / RECORD, at;
	struct fuzz_record *r = (struct fuzz_record *)data;
	unsigned int times = 1 + rand_r(&seed) % 4;

	if (max > FUZZ_MAX_RECORDS)
		max = FUZZ_MAX_RECORDS;
	if (n > max)
		n = max;
	while (times--) {
		at = n ? rand_r(&seed) % n : 0;
		switch (rand_r(&seed) % 8) {
		case 0:
		case 1:
			if (n < max)
				n = insert(r, n, at, &seed);
			break;
		case 2:
			if (n > 1) {
				memmove(r + at, r + at + 1, (n - at - 1) * RECORD);
				n--;
			}
			break;
		case 3:
			if (n > 2) {
				struct fuzz_record other = r[at];
				size_t to = rand_r(&seed) % n;

				r[at] = r[to];
				r[to] = other;
			}
			break;
		default:
			/* no longer, no shorter */
			if (n) {
				struct fuzz_record new = r[at];

				LLVMFuzzerMutate((uint8_t *)&new, RECORD, RECORD);
				new.op = at && rand_r(&seed) % 8 ? r[at].op :
					 new.op % FUZZ_NR_OPS;
				r[at] = new;
			}
			break;
		}
	}
	return n * RECORD;
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,
				 size_t b_size, uint8_t *out, size_t max_size,
				 unsigned int seed)
{
	size_t head = a_size / RECORD, tail = b_size / RECORD, skip;

	if (!head || !tail)
		return 0;
	head = 1 + rand_r(&seed) % head;
	skip = rand_r(&seed) % tail;
	tail -= skip;
	if (head > max_size / RECORD)
		head = max_size / RECORD;
	if (tail > max_size / RECORD - head)
		tail = max_size / RECORD - head;
	memmove(out, a, head * RECORD);
	memmove(out + head * RECORD, b + skip * RECORD, tail * RECORD);
	return (head + tail) * RECORD;
}
