/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VRING_H
#define SELFTEST_VRING_H

/*
 * The driver's side of a virtqueue in user space, split or packed.
 *
 * Buffers are added, published together, and come back with the token they
 * were added with. The fields of struct vq are open on purpose: the tests for
 * hostile drivers write nonsense into the ring's memory.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_ring.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "rings are little endian and this library does not convert");

/* A piece of a buffer, as the device sees it */
struct vq_seg {
	uint64_t iova;
	uint32_t len;
};

/* What is remembered of a buffer that the device has, by its id */
struct vq_slot {
	uint32_t token;
	uint32_t in_len;	/* bytes the device may write */
	uint16_t ndesc;		/* descriptors it takes of the ring */
	uint16_t next;		/* next free id; split: of the same chain too */
};

struct vq {
	bool packed;
	bool event_idx;
	bool in_order;
	uint16_t num;
	uint16_t free;		/* descriptors not in use */
	uint16_t free_head;	/* first free id */
	struct vq_slot *slot;

	void *mem;
	uint64_t desc_iova;	/* descriptor area */
	uint64_t driver_iova;	/* driver area, the available ring */
	uint64_t device_iova;	/* device area, the used ring */

	/* Both formats: where the driver writes, and reads, next */
	uint16_t next_avail;
	uint16_t next_used;
	uint16_t kicked;	/* next_avail at the last publication */

	/* In order: ids as given to the device, and how far it has come */
	uint16_t *order;
	uint16_t order_first;
	uint16_t order_end;
	bool order_skips;	/* one entry named a later id: give those before */
	uint16_t order_until;
	uint32_t order_len;

	/* Split format */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;

	/* Packed format */
	struct vring_packed_desc *pdesc;
	struct vring_packed_desc_event *driver_event;
	struct vring_packed_desc_event *device_event;
	bool avail_wrap;
	bool used_wrap;
	bool kicked_wrap;
	bool held;		/* head of the batch, written when published */
	uint16_t held_at;
	uint16_t held_flags;
};

/* Bytes that a ring of this size needs, in either format */
size_t vq_bytes(unsigned int num);

/* @features decides the format; @mem is zeroed and aligned to a page */
int vq_init(struct vq *vq, unsigned int num, uint64_t features, void *mem,
	    uint64_t iova);
void vq_free(struct vq *vq);

/* Both begin at @base as SET_VRING_BASE knows it, with nothing in flight */
void vq_rewind(struct vq *vq, uint32_t base);
/* What SET_VRING_BASE takes so that the device goes on where it stopped */
uint32_t vq_base(const struct vq *vq);

/* @nout readable segments, then @nin writable ones. 0 or -ENOSPC */
int vq_add(struct vq *vq, const struct vq_seg *seg, unsigned int nout,
	   unsigned int nin, uint32_t token);
/* The same by a table at @table, which has room for all of them */
int vq_add_indirect(struct vq *vq, const struct vq_seg *seg, unsigned int nout,
		    unsigned int nin, uint32_t token, void *table,
		    uint64_t table_iova);
/* Shows the device what was added; true when it wants to be kicked */
bool vq_publish(struct vq *vq);

/* The next buffer that the device has used */
bool vq_get(struct vq *vq, uint32_t *token, uint32_t *len);
bool vq_pending(const struct vq *vq);

/*
 * Asks for a call when @n more buffers are used, of one descriptor each;
 * 0: for none. Without event index every n but 0 means each buffer.
 */
void vq_call_after(struct vq *vq, unsigned int n);

#endif /* SELFTEST_VRING_H */
