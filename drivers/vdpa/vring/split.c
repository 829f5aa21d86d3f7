// SPDX-License-Identifier: GPL-2.0
/*
 * Split virtqueues, device side (virtio 1.2, 2.7).
 */

#include "internal.h"

#define AVAIL_FLAGS		offsetof(struct vring_avail, flags)
#define AVAIL_IDX		offsetof(struct vring_avail, idx)
#define AVAIL_RING(i)		(offsetof(struct vring_avail, ring) + \
				 (i) * sizeof(__le16))
#define USED_FLAGS		offsetof(struct vring_used, flags)
#define USED_IDX		offsetof(struct vring_used, idx)
#define USED_RING(i)		(offsetof(struct vring_used, ring) + \
				 (i) * sizeof(struct vring_used_elem))
#define USED_ELEM_LEN(i)	(USED_RING(i) + offsetof(struct vring_used_elem, len))

void split_start(struct vdpa_vring *vr, const struct vdpa_vq_state_split *state)
{
	/*
	 * Nothing is in flight on a ring that stopped, here or elsewhere, so
	 * the used index is where the available index is.
	 */
	vr->avail = state->avail_index;
	vr->avail_seen = vr->avail;
	vr->used = vr->avail;
	vr->used_seen = vr->avail;
}

/* The chain that begins with what was read from its head */
static bool split_walk(struct vdpa_vring *vr, struct vring_walk *walk, u64 addr,
		       u64 word)
{
	for (;;) {
		unsigned int flags = word >> 32, i;
		const struct vring_raw *raw;

		if (flags & VRING_DESC_F_INDIRECT) {
			/* only at the end of a chain (2.7.5.3.2) */
			if (unlikely(flags & VRING_DESC_F_NEXT))
				return walk_fail(walk, VDPA_VRING_ERR_INDIRECT);
			*walk = vring_walk_table(vr, *walk, addr, word);
			return walk->err < 0;
		}
		if (unlikely(!walk_add(walk, addr, word, flags)))
			return false;
		if (!(flags & VRING_DESC_F_NEXT))
			return true;
		i = word >> 48;
		if (unlikely(i >= vr->num))
			return walk_fail(walk, VDPA_VRING_ERR_CHAIN);
		raw = area_at(&vr->desc, i * sizeof(*raw));
		addr = raw_addr(raw);
		word = raw_word(raw);
	}
}

/* How many chains there are, up to @n; looks into the ring only when it must */
static __always_inline int split_available(struct vdpa_vring *vr, unsigned int n)
{
	u16 ready = vr->avail_seen - vr->avail;

	if (ready < n) {
		vr->avail_seen = read_le16(area_at(&vr->driver, AVAIL_IDX));
		ready = vr->avail_seen - vr->avail;
		if (unlikely(ready > vr->num)) {
			vr->avail_seen = vr->avail;
			return vring_break(vr, VDPA_VRING_ERR_INDEX);
		}
		/*
		 * The index before what it covers. Pairs with the driver's
		 * barrier before it writes the index (2.7.13.2).
		 */
		virt_rmb();
	}
	return min_t(unsigned int, ready, n);
}

int split_take(struct vdpa_vring *vr, struct vdpa_vring_chain *chains,
	       unsigned int n)
{
	struct vdpa_vring_desc *desc = vr->descs;
	unsigned int mask = vr->num - 1;
	struct vring_walk walk;
	int i, ready;

	ready = split_available(vr, n);
	for (i = 0; i < ready; i++, vr->avail++) {
		unsigned int head = read_le16(area_at(&vr->driver,
						      AVAIL_RING(vr->avail & mask)));
		const struct vring_raw *raw;
		u64 addr, word;

		/* what came before is taken; this is met again next */
		if (unlikely(head >= vr->num))
			return i ?: vring_break(vr, VDPA_VRING_ERR_INDEX);
		raw = area_at(&vr->desc, head * sizeof(*raw));
		addr = raw_addr(raw);
		word = raw_word(raw);
		if (likely(chain_of_one(&chains[i], desc, vr->descs_end, addr,
					word, word >> 32, head))) {
			desc++;
			continue;
		}

		walk_begin(&walk, vr, desc);
		if (unlikely(!split_walk(vr, &walk, addr, word)))
			return i ?: vring_break(vr, walk.err);
		walk_end(&walk, &chains[i], head, 1);
		desc = walk.desc;
	}
	return ready;
}

void split_untake(struct vdpa_vring *vr, unsigned int slots)
{
	vr->avail -= slots;
}

void split_complete(struct vdpa_vring *vr, const struct vdpa_vring_chain *chain,
		    unsigned int n)
{
	unsigned int mask = vr->num - 1;

	for (; n; n--, chain++) {
		unsigned int i = vr->used++ & mask;

		/* an element is only aligned to 4 bytes and may cross pages */
		*(__le32 *)area_at(&vr->device, USED_RING(i)) =
			cpu_to_le32(chain->id);
		*(__le32 *)area_at(&vr->device, USED_ELEM_LEN(i)) =
			cpu_to_le32(chain->written);
	}
}

bool split_flush(struct vdpa_vring *vr)
{
	u16 before = vr->used_seen, event;

	/*
	 * Elements and data before the index. Pairs with the driver's barrier
	 * after it has read the index (2.7.14).
	 */
	virt_wmb();
	WRITE_ONCE(*(__le16 *)area_at(&vr->device, USED_IDX), cpu_to_le16(vr->used));
	vr->used_seen = vr->used;

	/*
	 * The index before the look whether the driver wants to know. Pairs
	 * with the driver's barrier between asking and its last look.
	 */
	virt_mb();
	if (!vr->event_idx)
		return !(read_le16(area_at(&vr->driver, AVAIL_FLAGS)) &
			 VRING_AVAIL_F_NO_INTERRUPT);

	/* used_event stands behind the available ring */
	event = read_le16(area_at(&vr->driver, AVAIL_RING(vr->num)));
	return vring_need_event(event, vr->used, before);
}

void split_set_kicks(struct vdpa_vring *vr, bool want)
{
	if (!vr->event_idx) {
		WRITE_ONCE(*(__le16 *)area_at(&vr->device, USED_FLAGS),
			   cpu_to_le16(want ? 0 : VRING_USED_F_NO_NOTIFY));
	} else if (want) {
		/*
		 * avail_event stands behind the used ring. One that stays
		 * behind asks for nothing.
		 */
		WRITE_ONCE(*(__le16 *)area_at(&vr->device, USED_RING(vr->num)),
			   cpu_to_le16(vr->avail));
	}
}

bool split_has_more(const struct vdpa_vring *vr)
{
	return read_le16(area_at(&vr->driver, AVAIL_IDX)) != vr->avail;
}
