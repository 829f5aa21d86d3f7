// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/virtio_config.h>

#include "vring.h"

#define AREA_ALIGN	64	/* more than any of the three areas asks for */

#define load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
/* Orders our store of an index before the load of the other side's wishes */
#define full_barrier()		__atomic_thread_fence(__ATOMIC_SEQ_CST)

#define PACKED_AVAIL	(1 << VRING_PACKED_DESC_F_AVAIL)
#define PACKED_USED	(1 << VRING_PACKED_DESC_F_USED)
#define PACKED_WRAP	(1 << VRING_PACKED_EVENT_F_WRAP_CTR)

static size_t area(size_t size)
{
	return (size + AREA_ALIGN - 1) & ~(size_t)(AREA_ALIGN - 1);
}

static size_t desc_bytes(unsigned int num)
{
	return area(num * sizeof(struct vring_desc));
}

/* The packed event structures are smaller and fit in the same places */
static size_t driver_bytes(unsigned int num)
{
	return area(sizeof(struct vring_avail) + (num + 1) * sizeof(__u16));
}

static size_t device_bytes(unsigned int num)
{
	return area(sizeof(struct vring_used) +
		    num * sizeof(struct vring_used_elem) + sizeof(__u16));
}

size_t vq_bytes(unsigned int num)
{
	return desc_bytes(num) + driver_bytes(num) + device_bytes(num);
}

static uint16_t *used_event(struct vq *vq)
{
	return &vq->avail->ring[vq->num];
}

static uint16_t *avail_event(const struct vq *vq)
{
	return (uint16_t *)&vq->used->ring[vq->num];
}

int vq_init(struct vq *vq, unsigned int num, uint64_t features, void *mem,
	    uint64_t iova)
{
	char *at = mem;

	memset(vq, 0, sizeof(*vq));
	vq->slot = calloc(num, sizeof(*vq->slot));
	vq->order = calloc(num, sizeof(*vq->order));
	if (!vq->slot || !vq->order) {
		vq_free(vq);
		return -ENOMEM;
	}

	vq->packed = features & (1ULL << VIRTIO_F_RING_PACKED);
	vq->event_idx = features & (1ULL << VIRTIO_RING_F_EVENT_IDX);
	vq->in_order = features & (1ULL << VIRTIO_F_IN_ORDER);
	vq->num = num;
	vq->mem = mem;

	vq->desc_iova = iova;
	vq->desc = mem;
	vq->pdesc = mem;
	at += desc_bytes(num);
	vq->driver_iova = iova + (at - (char *)mem);
	vq->avail = (void *)at;
	vq->driver_event = (void *)at;
	at += driver_bytes(num);
	vq->device_iova = iova + (at - (char *)mem);
	vq->used = (void *)at;
	vq->device_event = (void *)at;

	vq_rewind(vq, vq->packed ? PACKED_WRAP * 0x10001u : 0);
	return 0;
}

void vq_free(struct vq *vq)
{
	free(vq->slot);
	free(vq->order);
	vq->slot = NULL;
	vq->order = NULL;
}

void vq_rewind(struct vq *vq, uint32_t base)
{
	unsigned int i;

	memset(vq->mem, 0, vq_bytes(vq->num));
	for (i = 0; i < vq->num; i++)
		vq->slot[i] = (struct vq_slot){ .next = i + 1 };
	vq->free = vq->num;
	vq->free_head = 0;
	vq->order_first = 0;
	vq->order_end = 0;
	vq->order_skips = false;
	vq->held = false;

	if (vq->packed) {
		vq->next_avail = base & ~PACKED_WRAP;
		vq->avail_wrap = base & PACKED_WRAP;
		vq->next_used = base >> 16 & ~PACKED_WRAP;
		vq->used_wrap = base >> 16 & PACKED_WRAP;
		/* Zeroed descriptors must look neither available nor used */
		for (i = 0; i < vq->num; i++) {
			bool wrap = vq->avail_wrap ^ (i < vq->next_avail);

			vq->pdesc[i].flags = wrap ? 0 : PACKED_AVAIL | PACKED_USED;
		}
	} else {
		vq->next_avail = base;
		vq->next_used = base;
		vq->avail->idx = base;
		vq->used->idx = base;
		*avail_event(vq) = base;
	}
	vq->kicked = vq->next_avail;
	vq->kicked_wrap = vq->avail_wrap;
}

uint32_t vq_base(const struct vq *vq)
{
	if (!vq->packed)
		return vq->next_used;
	return (vq->next_used | (vq->used_wrap ? PACKED_WRAP : 0)) * 0x10001u;
}

static uint32_t writable_bytes(const struct vq_seg *seg, unsigned int nout,
			       unsigned int nin)
{
	uint32_t sum = 0;
	unsigned int i;

	for (i = nout; i < nout + nin; i++)
		sum += seg[i].len;
	return sum;
}

static void remember(struct vq *vq, uint16_t id, uint16_t ndesc, uint32_t token,
		     uint32_t in_len)
{
	vq->slot[id].token = token;
	vq->slot[id].ndesc = ndesc;
	vq->slot[id].in_len = in_len;
	vq->free -= ndesc;
	if (vq->in_order)
		vq->order[vq->order_end++ % vq->num] = id;
}

/* Split: the free descriptors are chained by their slots */
static uint16_t split_fill(struct vq *vq, const struct vq_seg *seg,
			   unsigned int nout, unsigned int n, uint16_t flags)
{
	uint16_t head = vq->free_head, at = head;
	unsigned int i;

	for (i = 0; i < n; i++) {
		struct vring_desc *desc = &vq->desc[at];

		desc->addr = seg[i].iova;
		desc->len = seg[i].len;
		desc->flags = flags | (i >= nout ? VRING_DESC_F_WRITE : 0) |
			      (i + 1 < n ? VRING_DESC_F_NEXT : 0);
		desc->next = vq->slot[at].next;
		at = vq->slot[at].next;
	}
	vq->free_head = at;
	return head;
}

static void split_add(struct vq *vq, const struct vq_seg *seg,
		      unsigned int nout, unsigned int n, uint16_t flags,
		      uint32_t token, uint32_t in_len)
{
	uint16_t head = split_fill(vq, seg, nout, n, flags);

	remember(vq, head, n, token, in_len);
	vq->avail->ring[vq->next_avail++ & (vq->num - 1)] = head;
}

static uint16_t packed_flags(const struct vq *vq)
{
	return vq->avail_wrap ? PACKED_AVAIL : PACKED_USED;
}

static void packed_step(struct vq *vq)
{
	if (++vq->next_avail == vq->num) {
		vq->next_avail = 0;
		vq->avail_wrap = !vq->avail_wrap;
	}
}

static void packed_add(struct vq *vq, const struct vq_seg *seg,
		       unsigned int nout, unsigned int n, uint16_t more,
		       uint32_t token, uint32_t in_len)
{
	uint16_t id = vq->free_head, head = vq->next_avail, head_flags = 0;
	unsigned int i;

	vq->free_head = vq->slot[id].next;
	for (i = 0; i < n; i++) {
		struct vring_packed_desc *desc = &vq->pdesc[vq->next_avail];
		uint16_t flags = more | packed_flags(vq) |
				 (i >= nout ? VRING_DESC_F_WRITE : 0) |
				 (i + 1 < n ? VRING_DESC_F_NEXT : 0);

		desc->addr = seg[i].iova;
		desc->len = seg[i].len;
		desc->id = id;
		if (i == 0)
			head_flags = flags;
		else
			desc->flags = flags;
		packed_step(vq);
	}
	remember(vq, id, n, token, in_len);

	/*
	 * The device reads in order and stops at the batch's first head, so
	 * that one alone waits for the publication.
	 */
	if (vq->held) {
		store_release(&vq->pdesc[head].flags, head_flags);
	} else {
		vq->held = true;
		vq->held_at = head;
		vq->held_flags = head_flags;
	}
}

int vq_add(struct vq *vq, const struct vq_seg *seg, unsigned int nout,
	   unsigned int nin, uint32_t token)
{
	uint32_t in_len = writable_bytes(seg, nout, nin);

	if (vq->free < nout + nin)
		return -ENOSPC;
	if (vq->packed)
		packed_add(vq, seg, nout, nout + nin, 0, token, in_len);
	else
		split_add(vq, seg, nout, nout + nin, 0, token, in_len);
	return 0;
}

static void split_table(struct vring_desc *table, const struct vq_seg *seg,
			unsigned int nout, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		table[i].addr = seg[i].iova;
		table[i].len = seg[i].len;
		table[i].flags = (i >= nout ? VRING_DESC_F_WRITE : 0) |
				 (i + 1 < n ? VRING_DESC_F_NEXT : 0);
		table[i].next = i + 1;
	}
}

static void packed_table(struct vring_packed_desc *table,
			 const struct vq_seg *seg, unsigned int nout,
			 unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		table[i].addr = seg[i].iova;
		table[i].len = seg[i].len;
		table[i].id = 0;
		table[i].flags = i >= nout ? VRING_DESC_F_WRITE : 0;
	}
}

int vq_add_indirect(struct vq *vq, const struct vq_seg *seg, unsigned int nout,
		    unsigned int nin, uint32_t token, void *table,
		    uint64_t table_iova)
{
	struct vq_seg direct = {
		.iova = table_iova,
		.len = (nout + nin) * sizeof(struct vring_desc),
	};
	uint32_t in_len = writable_bytes(seg, nout, nin);

	if (!vq->free)
		return -ENOSPC;
	if (vq->packed) {
		packed_table(table, seg, nout, nout + nin);
		packed_add(vq, &direct, 1, 1, VRING_DESC_F_INDIRECT, token, in_len);
	} else {
		split_table(table, seg, nout, nout + nin);
		split_add(vq, &direct, 1, 1, VRING_DESC_F_INDIRECT, token, in_len);
	}
	return 0;
}

static bool split_publish(struct vq *vq)
{
	uint16_t old = vq->kicked;

	store_release(&vq->avail->idx, vq->next_avail);
	full_barrier();
	vq->kicked = vq->next_avail;
	if (vq->event_idx)
		return vring_need_event(load_acquire(avail_event(vq)),
					vq->next_avail, old);
	return !(load_acquire(&vq->used->flags) & VRING_USED_F_NO_NOTIFY);
}

static bool packed_publish(struct vq *vq)
{
	uint16_t old = vq->kicked, new = vq->next_avail, event, flags;
	bool wrap;

	if (vq->held) {
		store_release(&vq->pdesc[vq->held_at].flags, vq->held_flags);
		vq->held = false;
	}
	full_barrier();
	/* Counted from the current lap, positions of the lap before are negative */
	if (vq->kicked_wrap != vq->avail_wrap)
		old -= vq->num;
	vq->kicked = vq->next_avail;
	vq->kicked_wrap = vq->avail_wrap;

	flags = load_acquire(&vq->device_event->flags);
	if (flags != VRING_PACKED_EVENT_FLAG_DESC)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;
	event = vq->device_event->off_wrap;
	wrap = event & PACKED_WRAP;
	event &= ~PACKED_WRAP;
	if (wrap != vq->avail_wrap)
		event -= vq->num;
	return vring_need_event(event, new, old);
}

bool vq_publish(struct vq *vq)
{
	return vq->packed ? packed_publish(vq) : split_publish(vq);
}

/* A device that gives back what it does not have makes all else pointless */
static void check_id(const struct vq *vq, uint16_t id)
{
	if (id < vq->num && vq->slot[id].ndesc)
		return;
	fprintf(stderr, "vring: the device used buffer %u, which it does not have\n", id);
	abort();
}

/* Gives the descriptors of buffer @id back and says what it was */
static void forget(struct vq *vq, uint16_t id, uint32_t *token)
{
	struct vq_slot *slot = &vq->slot[id];
	uint16_t last = id;
	unsigned int i;

	*token = slot->token;
	vq->free += slot->ndesc;
	if (!vq->packed)
		for (i = 1; i < slot->ndesc; i++)
			last = vq->slot[last].next;
	slot->ndesc = 0;
	vq->slot[last].next = vq->free_head;
	vq->free_head = id;
}

static bool split_pending(const struct vq *vq)
{
	return load_acquire(&vq->used->idx) != vq->next_used;
}

static bool packed_pending(const struct vq *vq)
{
	uint16_t flags = load_acquire(&vq->pdesc[vq->next_used].flags);
	bool avail = flags & PACKED_AVAIL, used = flags & PACKED_USED;

	return avail == used && used == vq->used_wrap;
}

bool vq_pending(const struct vq *vq)
{
	if (vq->order_skips)
		return true;
	return vq->packed ? packed_pending(vq) : split_pending(vq);
}

static void skip_used(struct vq *vq, unsigned int ndesc)
{
	vq->next_used += ndesc;
	if (vq->packed && vq->next_used >= vq->num) {
		vq->next_used -= vq->num;
		vq->used_wrap = !vq->used_wrap;
	}
}

/* In order the device may name only the last buffer of those it has used */
static bool get_in_order(struct vq *vq, uint32_t *token, uint32_t *len)
{
	uint16_t id = vq->order[vq->order_first++ % vq->num];

	skip_used(vq, vq->packed ? vq->slot[id].ndesc : 1);
	*len = vq->slot[id].in_len;
	if (id == vq->order_until) {
		vq->order_skips = false;
		*len = vq->order_len;
	}
	forget(vq, id, token);
	return true;
}

bool vq_get(struct vq *vq, uint32_t *token, uint32_t *len)
{
	uint16_t id;

	if (vq->order_skips)
		return get_in_order(vq, token, len);
	if (!vq_pending(vq))
		return false;

	if (vq->packed) {
		id = vq->pdesc[vq->next_used].id;
		*len = vq->pdesc[vq->next_used].len;
	} else {
		struct vring_used_elem *elem =
			&vq->used->ring[vq->next_used & (vq->num - 1)];

		id = elem->id;
		*len = elem->len;
	}
	check_id(vq, id);
	if (vq->in_order) {
		vq->order_skips = true;
		vq->order_until = id;
		vq->order_len = *len;
		return get_in_order(vq, token, len);
	}
	skip_used(vq, vq->packed ? vq->slot[id].ndesc : 1);
	forget(vq, id, token);
	return true;
}

static void packed_call_after(struct vq *vq, unsigned int n)
{
	uint16_t event = vq->next_used + n - 1;
	bool wrap = vq->used_wrap;

	if (!n) {
		vq->driver_event->flags = VRING_PACKED_EVENT_FLAG_DISABLE;
		return;
	}
	if (!vq->event_idx) {
		vq->driver_event->flags = VRING_PACKED_EVENT_FLAG_ENABLE;
		return;
	}
	if (event >= vq->num) {
		event -= vq->num;
		wrap = !wrap;
	}
	vq->driver_event->off_wrap = event | (wrap ? PACKED_WRAP : 0);
	store_release(&vq->driver_event->flags, VRING_PACKED_EVENT_FLAG_DESC);
}

void vq_call_after(struct vq *vq, unsigned int n)
{
	if (vq->packed)
		packed_call_after(vq, n);
	else if (vq->event_idx)
		/* the position just passed comes again only after 65536 */
		*used_event(vq) = vq->next_used + n - 1;
	else
		vq->avail->flags = n ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
	full_barrier();
}
