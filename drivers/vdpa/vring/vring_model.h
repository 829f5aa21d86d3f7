/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VDPA_VRING_MODEL_H
#define _VDPA_VRING_MODEL_H

/*
 * A driver for tests of the ring library: its memory, of pages that lie anywhere,
 * and its side of one virtqueue. It keeps what it made available and compares.
 */

#include <kunit/test.h>

#include "internal.h"

#define MODEL_IOVA	0x7654321000ULL
#define MODEL_SEGS	6		/* descriptors of a chain, at most */
#define MODEL_ROOM	(2 * PAGE_SIZE)	/* bytes of each chain's buffers */
#define MODEL_TABLE	256		/* bytes of each chain's indirect table */

/**
 * struct model_mem - memory of the driver as the device sees it
 * @as: what the device is given
 * @page: the pages, each allocated by itself
 * @npages: how many, from %MODEL_IOVA on
 */
struct model_mem {
	struct vdpa_vring_as as;
	void **page;
	unsigned int npages;
};

/**
 * struct model_shape - a kind of ring
 * @name: of the test
 * @features: besides VIRTIO_F_VERSION_1
 * @num: entries
 * @contiguous: ring areas within one page each, where that is possible
 */
struct model_shape {
	const char *name;
	u64 features;
	u32 num;
	bool contiguous;
};

/**
 * struct model_chain - a chain as it was made available
 * @busy: the device has it
 * @desc: its descriptors with a length, readable ones first
 * @nout: readable ones
 * @nin: writable ones
 * @slots: entries of the ring that it takes
 * @out_len: bytes of the readable part
 * @in_len: bytes of the writable part
 * @written: bytes that the device says it wrote
 * @seed: of the pattern in the readable part; its inverse fills the other one
 */
struct model_chain {
	bool busy;
	struct vdpa_vring_desc desc[MODEL_SEGS];
	unsigned int nout;
	unsigned int nin;
	unsigned int slots;
	u32 out_len;
	u32 in_len;
	u32 written;
	u8 seed;
};

/**
 * struct model - a driver with one virtqueue
 * @test: the test it is for
 * @mem: its memory
 * @vr: the device's side, the one under test
 * @cfg: how that was started
 * @packed: by the features
 * @event_idx: by the features
 * @indirect: by the features
 * @num: entries of the ring
 * @chain: by id
 * @order: ids in the order they were made available
 * @made: how many were made available ever; index of @order
 * @seen: how many of them the device has taken; index of @order
 * @back: how many came back ever
 * @free: entries that are not in use; split: numbers of descriptors
 * @nfree: how many
 * @avail: next entry to fill; split: runs freely
 * @avail_wrap: packed
 * @used: next entry to look at; split: runs freely
 * @used_wrap: packed
 * @added: entries filled since the device was last shown some
 * @terse: chains of a few bytes, for many of them
 * @random: state of the generator
 */
struct model {
	struct kunit *test;
	struct model_mem mem;
	struct vdpa_vring vr;
	struct vdpa_vring_config cfg;
	bool packed;
	bool event_idx;
	bool indirect;
	u32 num;
	struct model_chain *chain;
	u16 *order;
	u32 made;
	u32 seen;
	u32 back;
	u16 *free;
	u32 nfree;
	u16 avail;
	bool avail_wrap;
	u16 used;
	bool used_wrap;
	u16 added;
	bool terse;
	u64 random;
};

/* Numbers below @n, the same ones each time the test runs */
u32 model_random(struct model *m, u32 n);

/* All of it but the start. Ends the test when it can't. */
struct model *model_new(struct kunit *test, const struct model_shape *shape);
void model_free(struct model *m);
/* Split, before the start: as if so many chains had come and gone */
void model_begin_at(struct model *m, u16 index);

/* The byte at an I/O address; must be mapped */
void *model_at(struct model *m, u64 iova);
void model_write(struct model *m, u64 iova, const void *from, size_t len);
/* Moves a page elsewhere under the device's feet, as a driver's memory manager */
void model_move_page(struct model *m, unsigned int i);
/* Takes a page away, or gives it another permission */
void model_protect(struct model *m, u64 iova, u32 perm);

/* I/O addresses of each chain's own memory */
u64 model_buffer(struct model *m, u16 id);
u64 model_table(struct model *m, u16 id);

/* One chain of random shape; false when the ring has no room for it */
bool model_add(struct model *m);
/* Shows the device what was added; true when it is to be kicked */
bool model_publish(struct model *m);
/* Raw entries, for what no driver would do */
void model_put_desc(struct model *m, u64 table, unsigned int i, u64 addr, u32 len,
		    u16 flags, u16 next_or_id);
void model_put_avail(struct model *m, u16 head);
void model_put_avail_idx(struct model *m, u16 idx);

/* Compares a chain that was taken with what was made available */
struct model_chain *model_taken(struct model *m, const struct vdpa_vring_chain *chain);
void model_untaken(struct model *m, unsigned int n);

/* One chain that came back, checked; false when there is none */
bool model_reap(struct model *m);
bool model_has_used(struct model *m);
/* Asks for a notification after the next chain, or for none */
void model_want_call(struct model *m, bool want);

/* The suites */
extern struct kunit_suite vring_suite;
extern struct kunit_suite vring_bad_suite;
extern struct kunit_suite vring_space_suite;

/* What the device is to find in a readable part, and to write into the other */
static inline u8 model_byte(u8 seed, u32 pos)
{
	return seed + pos * 7 + (pos >> 8);
}

#endif /* _VDPA_VRING_MODEL_H */
