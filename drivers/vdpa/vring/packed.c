// SPDX-License-Identifier: GPL-2.0
/*
 * Packed virtqueues, device side (virtio 1.2, 2.8).
 */

#include "internal.h"

#define F_AVAIL	BIT(VRING_PACKED_DESC_F_AVAIL)
#define F_USED	BIT(VRING_PACKED_DESC_F_USED)

static struct vring_packed_desc *packed_ring(const struct vdpa_vring *vr)
{
	return vr->desc.addr;
}

int packed_start(struct vdpa_vring *vr)
{
	const struct vdpa_vq_state_packed *state = &vr->cfg.state.packed;

	if (state->last_avail_idx >= vr->cfg.num ||
	    state->last_used_idx >= vr->cfg.num)
		return -EINVAL;

	vr->next_avail = state->last_avail_idx;
	vr->avail_wrap = state->last_avail_counter;
	vr->next_used = state->last_used_idx;
	vr->used_wrap = state->last_used_counter;

	/*
	 * Some drivers leave the used half at 0 on a fresh ring, its wrap
	 * counter lost; nothing is in flight there.
	 */
	if (!vr->next_avail && vr->avail_wrap && !vr->next_used)
		vr->used_wrap = true;
	return 0;
}

void packed_get_state(const struct vdpa_vring *vr, struct vdpa_vq_state *state)
{
	state->packed = (struct vdpa_vq_state_packed) {
		.last_avail_idx = vr->next_avail,
		.last_avail_counter = vr->avail_wrap,
		.last_used_idx = vr->next_used,
		.last_used_counter = vr->used_wrap,
	};
}

/* Available: marked with the driver's wrap counter, and not used yet (2.8.1) */
static bool packed_is_avail(const struct vdpa_vring *vr, u16 flags)
{
	return !!(flags & F_AVAIL) == vr->avail_wrap &&
	       !!(flags & F_USED) != vr->avail_wrap;
}

static void packed_advance(const struct vdpa_vring *vr, u16 *index, bool *wrap,
			   unsigned int slots)
{
	unsigned int next = *index + slots;

	if (next >= vr->cfg.num) {
		next -= vr->cfg.num;
		*wrap = !*wrap;
	}
	*index = next;
}

/* All entries of an indirect table, one after the other (2.8.7) */
static int packed_indirect(struct vring_builder *b, u64 table, u32 len)
{
	struct vdpa_vring *vr = b->vr;
	unsigned int i, n = len / sizeof(struct vring_packed_desc);
	struct vring_packed_desc desc;
	u16 flags;
	int err;

	if (!vr->indirect || !n || n > VDPA_VRING_MAX_CHAIN ||
	    len % sizeof(struct vring_packed_desc) || table + len - 1 < table)
		return vring_break(vr, VDPA_VRING_ERR_INDIRECT);

	for (i = 0; i < n; i++) {
		err = vring_read(vr, table + i * sizeof(desc), &desc, sizeof(desc));
		if (err)
			return err;
		flags = le16_to_cpu(desc.flags);
		if (flags & VRING_DESC_F_INDIRECT)
			return vring_break(vr, VDPA_VRING_ERR_INDIRECT);
		err = vring_add(b, le64_to_cpu(desc.addr), le32_to_cpu(desc.len),
				flags & VRING_DESC_F_WRITE);
		if (err)
			return err;
	}
	return 0;
}

/* The chain at next_avail; the flags of its first descriptor were read before */
static int packed_read_chain(struct vdpa_vring *vr,
			     struct vdpa_vring_chain *chain, u16 flags)
{
	const struct vring_packed_desc *desc;
	unsigned int index = vr->next_avail;
	struct vring_builder b;
	int err;

	vring_begin(&b, vr, chain);
	for (chain->slots = 1; chain->slots <= vr->cfg.num; chain->slots++) {
		u64 addr;
		u32 len;

		desc = &packed_ring(vr)[index];
		addr = le64_to_cpu(READ_ONCE(desc->addr));
		len = le32_to_cpu(READ_ONCE(desc->len));
		/* that of the last one counts (2.8.6) */
		chain->id = le16_to_cpu(READ_ONCE(desc->id));

		if (flags & VRING_DESC_F_INDIRECT) {
			if (flags & VRING_DESC_F_NEXT)
				return vring_break(vr, VDPA_VRING_ERR_INDIRECT);
			return packed_indirect(&b, addr, len);
		}
		err = vring_add(&b, addr, len, flags & VRING_DESC_F_WRITE);
		if (err || !(flags & VRING_DESC_F_NEXT))
			return err;
		if (++index == vr->cfg.num)
			index = 0;
		flags = le16_to_cpu(READ_ONCE(packed_ring(vr)[index].flags));
	}
	return vring_break(vr, VDPA_VRING_ERR_CHAIN);
}

int packed_take(struct vdpa_vring *vr, struct vdpa_vring_chain *chains,
		unsigned int n)
{
	unsigned int taken;
	u16 flags;
	int err;

	for (taken = 0; taken < n; taken++) {
		if (vr->room - vr->ndescs < VDPA_VRING_MAX_CHAIN)
			break;
		flags = le16_to_cpu(READ_ONCE(packed_ring(vr)[vr->next_avail].flags));
		if (!packed_is_avail(vr, flags))
			break;
		/* the flags before the rest; pairs with the driver's barrier
		 * before it writes the flags of a chain's head (2.8.21)
		 */
		virt_rmb();
		err = packed_read_chain(vr, &chains[taken], flags);
		if (err)
			return err;
		packed_advance(vr, &vr->next_avail, &vr->avail_wrap,
			       chains[taken].slots);
	}
	return taken;
}

void packed_untake(struct vdpa_vring *vr, unsigned int slots)
{
	if (vr->next_avail < slots) {
		vr->next_avail += vr->cfg.num;
		vr->avail_wrap = !vr->avail_wrap;
	}
	vr->next_avail -= slots;
}

void packed_complete(struct vdpa_vring *vr, const struct vdpa_vring_chain *chain,
		     u32 written)
{
	u16 index = vr->next_used, flags = written ? VRING_DESC_F_WRITE : 0;
	bool wrap = vr->used_wrap;
	struct vring_packed_desc *desc;

	packed_advance(vr, &index, &wrap, vr->unflushed);
	if (wrap)
		flags |= F_AVAIL | F_USED;

	desc = &packed_ring(vr)[index];
	desc->id = cpu_to_le16(chain->id);
	desc->len = cpu_to_le32(written);
	/* The driver reads in order: it sees none before it sees the first */
	if (vr->unflushed)
		WRITE_ONCE(desc->flags, cpu_to_le16(flags));
	else
		vr->first_flags = flags;
	vr->unflushed += chain->slots;
}

static bool packed_wants_notification(struct vdpa_vring *vr, u16 published)
{
	const struct vring_packed_desc_event *event = vr->driver.addr;
	u16 flags = le16_to_cpu(READ_ONCE(event->flags)), off_wrap, at;

	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !vr->event_idx)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;

	/* flags before the offset that they announce (2.8.10) */
	virt_rmb();
	off_wrap = le16_to_cpu(READ_ONCE(event->off_wrap));
	at = off_wrap & ~BIT(VRING_PACKED_EVENT_F_WRAP_CTR);
	/* an offset of the former round lies behind the ring's beginning */
	if (!!(off_wrap & BIT(VRING_PACKED_EVENT_F_WRAP_CTR)) != vr->used_wrap)
		at -= vr->cfg.num;
	return vring_need_event(at, vr->next_used, vr->next_used - published);
}

bool packed_flush(struct vdpa_vring *vr)
{
	struct vring_packed_desc *first = &packed_ring(vr)[vr->next_used];
	u16 published = vr->unflushed;

	/* all that was written before the flags that show it; pairs with the
	 * driver's barrier after it reads the flags
	 */
	virt_wmb();
	WRITE_ONCE(first->flags, cpu_to_le16(vr->first_flags));
	packed_advance(vr, &vr->next_used, &vr->used_wrap, published);

	/* ... and before the look at whether the driver wants to know */
	virt_mb();
	return packed_wants_notification(vr, published);
}

bool packed_want_kick(struct vdpa_vring *vr, bool want)
{
	struct vring_packed_desc_event *event = vr->device.addr;
	u16 flags = want ? VRING_PACKED_EVENT_FLAG_ENABLE :
			   VRING_PACKED_EVENT_FLAG_DISABLE;

	if (want && vr->event_idx) {
		u16 wrap = vr->avail_wrap << VRING_PACKED_EVENT_F_WRAP_CTR;

		WRITE_ONCE(event->off_wrap, cpu_to_le16(vr->next_avail | wrap));
		/* the offset before the flags that announce it */
		virt_wmb();
		flags = VRING_PACKED_EVENT_FLAG_DESC;
	}
	WRITE_ONCE(event->flags, cpu_to_le16(flags));
	if (!want)
		return false;

	/* the request before the look, as the driver does it in reverse */
	virt_mb();
	flags = le16_to_cpu(READ_ONCE(packed_ring(vr)[vr->next_avail].flags));
	return packed_is_avail(vr, flags);
}
