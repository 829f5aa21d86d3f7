// SPDX-License-Identifier: GPL-2.0
/*
 * Packed virtqueues, device side (virtio 1.2, 2.8).
 *
 * The wrap counters are kept as the flags that go with them: what a descriptor
 * must have to be available, and what it gets to be used. A wrap flips both bits.
 */

#include "internal.h"

#define F_AVAIL		BIT(VRING_PACKED_DESC_F_AVAIL)
#define F_USED		BIT(VRING_PACKED_DESC_F_USED)
#define F_WRAP		(F_AVAIL | F_USED)

#define EVENT_WRAP	BIT(VRING_PACKED_EVENT_F_WRAP_CTR)

/* Both event areas, as one word: where (16 bits), then flags (16) */
#define EVENT_WORD(where, flags)	((where) | (u32)(flags) << 16)

static u16 avail_flags(bool wrap)
{
	return wrap ? F_AVAIL : F_USED;
}

static u16 used_flags(bool wrap)
{
	return wrap ? F_WRAP : 0;
}

static bool avail_wrap(const struct vdpa_vring *vr)
{
	return vr->avail_flags & F_AVAIL;
}

static bool used_wrap(const struct vdpa_vring *vr)
{
	return vr->used_flags & F_USED;
}

static __always_inline struct vring_raw *packed_raw(const struct vdpa_vring *vr,
						    unsigned int i)
{
	return area_at(&vr->desc, i * sizeof(struct vring_raw));
}

/* Moves an index, and with it what the flags have to be */
static __always_inline void packed_move(const struct vdpa_vring *vr, u16 *index,
					u16 *flags, unsigned int slots)
{
	unsigned int next = *index + slots;

	if (next >= vr->num) {
		next -= vr->num;
		*flags ^= F_WRAP;
	}
	*index = next;
}

/* How far @index is in two rounds of the ring, of which one has wrap set */
static unsigned int packed_pos(const struct vdpa_vring *vr, unsigned int index,
			       bool wrap)
{
	return wrap ? index : index + vr->num;
}

/* Entries that were taken and not completed */
static unsigned int packed_in_flight(const struct vdpa_vring *vr)
{
	unsigned int avail = packed_pos(vr, vr->avail, avail_wrap(vr));
	unsigned int used = packed_pos(vr, vr->used, used_wrap(vr));

	return avail < used ? avail + 2 * vr->num - used : avail - used;
}

int packed_start(struct vdpa_vring *vr, const struct vdpa_vq_state_packed *state)
{
	if (state->last_avail_idx >= vr->num || state->last_used_idx >= vr->num)
		return -EINVAL;

	vr->avail = state->last_avail_idx;
	vr->avail_flags = avail_flags(state->last_avail_counter);
	vr->used = state->last_used_idx;
	vr->used_flags = used_flags(state->last_used_counter);

	if (packed_in_flight(vr) < vr->num)
		return 0;
	/*
	 * More than fits. Some drivers hand in the available half alone and
	 * leave the used half 0, wrap counter too: nothing is in flight then.
	 */
	if (state->last_used_idx || state->last_used_counter)
		return -EINVAL;
	vr->used = vr->avail;
	vr->used_flags = used_flags(avail_wrap(vr));
	return 0;
}

void packed_get_state(const struct vdpa_vring *vr,
		      struct vdpa_vq_state_packed *state)
{
	*state = (struct vdpa_vq_state_packed) {
		.last_avail_idx = vr->avail,
		.last_avail_counter = avail_wrap(vr),
		.last_used_idx = vr->used,
		.last_used_counter = used_wrap(vr),
	};
}

/*
 * The chain whose first descriptor is at @i and has the second word @word; it
 * has @room entries at most. Returns how many it has, and its id in @id; 0 when
 * it is none.
 */
static unsigned int packed_walk(struct vdpa_vring *vr, struct vring_walk *walk,
				unsigned int i, u64 word, unsigned int room,
				u16 *id)
{
	unsigned int slots = 1;

	for (;;) {
		u64 addr = raw_addr(packed_raw(vr, i));
		unsigned int flags = word >> 48;

		*id = word >> 32;
		if (flags & VRING_DESC_F_INDIRECT) {
			/* not together with others (2.8.19) */
			if (unlikely(flags & VRING_DESC_F_NEXT || slots > 1)) {
				walk_fail(walk, VDPA_VRING_ERR_INDIRECT);
				return 0;
			}
			*walk = vring_walk_table(vr, *walk, addr, word);
			return walk->err < 0 ? slots : 0;
		}
		if (unlikely(!walk_add(walk, addr, word, flags)))
			return 0;
		if (!(flags & VRING_DESC_F_NEXT))
			return slots;
		if (unlikely(slots == room)) {
			walk_fail(walk, VDPA_VRING_ERR_CHAIN);
			return 0;
		}
		/*
		 * The driver has marked the first one last (2.8.21), so this
		 * one is there, too.
		 */
		slots++;
		if (++i == vr->num)
			i = 0;
		word = raw_word(packed_raw(vr, i));
	}
}

int packed_take(struct vdpa_vring *vr, struct vdpa_vring_chain *chains,
		unsigned int n)
{
	struct vdpa_vring_desc *desc = vr->descs;
	unsigned int i, room;
	struct vring_walk walk;

	/* a driver has no more entries to offer than those it was given back */
	room = vr->num - packed_in_flight(vr) - vr->unflushed;
	for (i = 0; i < n && room; i++) {
		struct vring_raw *raw = packed_raw(vr, vr->avail);
		u64 word = raw_word(raw);
		unsigned int slots = 1;
		u16 id;

		if (((word >> 48) & F_WRAP) != vr->avail_flags)
			break;
		/*
		 * The flags before all else. Pairs with the driver's barrier
		 * before it writes the flags of a chain's first descriptor.
		 */
		virt_rmb();

		if (likely(chain_of_one(&chains[i], desc, vr->descs_end,
					raw_addr(raw), word, word >> 48, word >> 32))) {
			desc++;
		} else {
			walk_begin(&walk, vr, desc);
			slots = packed_walk(vr, &walk, vr->avail, word, room, &id);
			if (unlikely(!slots))
				/* what came before is taken; this is met again next */
				return i ?: vring_break(vr, walk.err);
			walk_end(&walk, &chains[i], id, slots);
			desc = walk.desc;
		}
		room -= slots;
		packed_move(vr, &vr->avail, &vr->avail_flags, slots);
	}
	return i;
}

void packed_untake(struct vdpa_vring *vr, unsigned int slots)
{
	if (vr->avail < slots) {
		vr->avail += vr->num;
		vr->avail_flags ^= F_WRAP;
	}
	vr->avail -= slots;
}

static __always_inline void packed_complete_one(struct vdpa_vring *vr,
						const struct vdpa_vring_chain *chain)
{
	u16 flags = vr->used_flags | (chain->nin ? VRING_DESC_F_WRITE : 0);
	u64 word = (u64)chain->id << 32 | chain->written;

	/*
	 * Once the driver sees the first one of a batch, it sees all of them,
	 * so that one stays available until the flush.
	 */
	if (unlikely(!vr->unflushed)) {
		vr->first = vr->used;
		vr->first_flags = flags;
		flags = vr->used_flags ^ F_USED;
	}
	WRITE_ONCE(packed_raw(vr, vr->used)->word,
		   cpu_to_le64(word | (u64)flags << 48));

	packed_move(vr, &vr->used, &vr->used_flags, chain->slots);
	vr->unflushed += chain->slots;
}

void packed_complete(struct vdpa_vring *vr, const struct vdpa_vring_chain *chain,
		     unsigned int n)
{
	for (; n; n--, chain++)
		packed_complete_one(vr, chain);
}

/* Whether the driver wants to know that @advanced entries up to @used are used */
static bool packed_event(const struct vdpa_vring *vr, unsigned int advanced)
{
	const __le32 *event = area_at(&vr->driver, 0);
	u32 word = le32_to_cpu(READ_ONCE(*event));
	unsigned int flags = word >> 16, pos, rest;

	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !vr->event_idx)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;

	/* was the entry it asks for among them? */
	pos = packed_pos(vr, word & (EVENT_WRAP - 1), word & EVENT_WRAP);
	rest = packed_pos(vr, vr->used, used_wrap(vr)) + 2 * vr->num - 1 - pos;
	return rest % (2 * vr->num) < advanced;
}

bool packed_flush(struct vdpa_vring *vr)
{
	struct vring_packed_desc *first = area_at(&vr->desc,
						  vr->first * sizeof(*first));
	unsigned int advanced = vr->unflushed;

	vr->unflushed = 0;

	/*
	 * All else before the flags that make it visible. Pairs with the
	 * driver's barrier after it has read them.
	 */
	virt_wmb();
	WRITE_ONCE(first->flags, cpu_to_le16(vr->first_flags));

	/*
	 * The flags before the look whether the driver wants to know. Pairs
	 * with the driver's barrier between asking and its last look.
	 */
	virt_mb();
	return packed_event(vr, advanced);
}

void packed_set_kicks(struct vdpa_vring *vr, bool want)
{
	__le32 *event = area_at(&vr->device, 0);
	u32 word;

	if (!want)
		word = EVENT_WORD(0, VRING_PACKED_EVENT_FLAG_DISABLE);
	else if (!vr->event_idx)
		word = EVENT_WORD(0, VRING_PACKED_EVENT_FLAG_ENABLE);
	else
		word = EVENT_WORD(vr->avail | (avail_wrap(vr) ? EVENT_WRAP : 0),
				  VRING_PACKED_EVENT_FLAG_DESC);
	WRITE_ONCE(*event, cpu_to_le32(word));
}

bool packed_has_more(const struct vdpa_vring *vr)
{
	u64 word = raw_word(packed_raw(vr, vr->avail));

	return ((word >> 48) & F_WRAP) == vr->avail_flags;
}
