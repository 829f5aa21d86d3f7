// SPDX-License-Identifier: GPL-2.0
/*
 * Split virtqueues, device side (virtio 1.2, 2.7).
 */

#include "internal.h"

static const struct vring_avail *split_avail(const struct vdpa_vring *vr)
{
	return vr->driver.addr;
}

static struct vring_used *split_used(const struct vdpa_vring *vr)
{
	return vr->device.addr;
}

void split_start(struct vdpa_vring *vr)
{
	/*
	 * Nothing is in flight on a ring that stops, here or elsewhere, so the
	 * used index is where the available index is.
	 */
	vr->next_avail = vr->cfg.state.split.avail_index;
	vr->next_used = vr->next_avail;
}

void split_get_state(const struct vdpa_vring *vr, struct vdpa_vq_state *state)
{
	state->split.avail_index = vr->next_avail;
}

/* A private copy of a descriptor that the driver may be writing to */
static void split_copy_desc(struct vring_desc *copy, const struct vring_desc *desc)
{
	copy->addr = READ_ONCE(desc->addr);
	copy->len = READ_ONCE(desc->len);
	copy->flags = READ_ONCE(desc->flags);
	copy->next = READ_ONCE(desc->next);
}

/* Follows a chain through an indirect table (2.7.5.3) */
static int split_indirect(struct vring_builder *b, u64 table, u32 len)
{
	struct vdpa_vring *vr = b->vr;
	unsigned int n = len / sizeof(struct vring_desc), index = 0, steps;
	struct vring_desc desc;
	u16 flags;
	int err;

	if (!vr->indirect || !n || n > VDPA_VRING_MAX_CHAIN ||
	    len % sizeof(struct vring_desc) || table + len - 1 < table)
		return vring_break(vr, VDPA_VRING_ERR_INDIRECT);

	for (steps = 0; steps < n; steps++) {
		err = vring_read(vr, table + index * sizeof(desc), &desc, sizeof(desc));
		if (err)
			return err;
		flags = vr16(desc.flags);
		if (flags & VRING_DESC_F_INDIRECT)
			return vring_break(vr, VDPA_VRING_ERR_INDIRECT);
		err = vring_add(b, vr64(desc.addr), vr32(desc.len),
				flags & VRING_DESC_F_WRITE);
		if (err || !(flags & VRING_DESC_F_NEXT))
			return err;
		index = vr16(desc.next);
		if (index >= n)
			break;
	}
	/* more steps than entries is a loop */
	return vring_break(vr, VDPA_VRING_ERR_CHAIN);
}

static int split_read_chain(struct vdpa_vring *vr, struct vdpa_vring_chain *chain,
			    unsigned int head)
{
	const struct vring_desc *table = vr->desc.addr;
	unsigned int index = head, steps;
	struct vring_builder b;
	struct vring_desc desc;
	u16 flags;
	int err;

	vring_begin(&b, vr, chain);
	chain->id = head;
	chain->slots = 1;

	for (steps = 0; steps < vr->cfg.num && index < vr->cfg.num; steps++) {
		split_copy_desc(&desc, &table[index]);
		flags = vr16(desc.flags);
		if (flags & VRING_DESC_F_INDIRECT) {
			/* only at the end of a chain (2.7.5.3.2) */
			if (flags & VRING_DESC_F_NEXT)
				return vring_break(vr, VDPA_VRING_ERR_INDIRECT);
			return split_indirect(&b, vr64(desc.addr), vr32(desc.len));
		}
		err = vring_add(&b, vr64(desc.addr), vr32(desc.len),
				flags & VRING_DESC_F_WRITE);
		if (err || !(flags & VRING_DESC_F_NEXT))
			return err;
		index = vr16(desc.next);
	}
	return vring_break(vr, VDPA_VRING_ERR_CHAIN);
}

int split_take(struct vdpa_vring *vr, struct vdpa_vring_chain *chains,
	       unsigned int n)
{
	const struct vring_avail *avail = split_avail(vr);
	unsigned int mask = vr->cfg.num - 1, taken, head;
	u16 ready = vr16(READ_ONCE(avail->idx)) - vr->next_avail;
	int err;

	if (!ready)
		return 0;
	if (ready > vr->cfg.num)
		return vring_break(vr, VDPA_VRING_ERR_INDEX);

	/* the index before what it covers; pairs with the driver's barrier
	 * before it writes the index (2.7.13.2)
	 */
	virt_rmb();

	for (taken = 0; taken < min_t(unsigned int, n, ready); taken++) {
		/* a long chain may need all the room that is left */
		if (vr->room - vr->ndescs < VDPA_VRING_MAX_CHAIN)
			break;
		head = vr16(READ_ONCE(avail->ring[vr->next_avail & mask]));
		if (head >= vr->cfg.num)
			return vring_break(vr, VDPA_VRING_ERR_INDEX);
		err = split_read_chain(vr, &chains[taken], head);
		if (err)
			return err;
		vr->next_avail++;
	}
	return taken;
}

void split_complete(struct vdpa_vring *vr, const struct vdpa_vring_chain *chain,
		    u32 written)
{
	u16 index = (vr->next_used + vr->unflushed) & (vr->cfg.num - 1);
	struct vring_used_elem *elem = &split_used(vr)->ring[index];

	elem->id = to_vr32(chain->id);
	elem->len = to_vr32(written);
	vr->unflushed++;
}

static bool split_wants_notification(struct vdpa_vring *vr, u16 before)
{
	const struct vring_avail *avail = split_avail(vr);

	if (vr->event_idx)
		return vring_need_event(vr16(READ_ONCE(avail->ring[vr->cfg.num])),
					vr->next_used, before);
	return !(vr16(READ_ONCE(avail->flags)) & VRING_AVAIL_F_NO_INTERRUPT);
}

bool split_flush(struct vdpa_vring *vr)
{
	struct vring_used *used = split_used(vr);
	u16 before = vr->next_used;

	vr->next_used += vr->unflushed;

	/* elements and data before the index; pairs with the driver's barrier
	 * after it reads the index (2.7.14)
	 */
	virt_wmb();
	WRITE_ONCE(used->idx, to_vr16(vr->next_used));

	/* the index before the look at whether the driver wants to know; pairs
	 * with the driver's barrier between asking and its last look
	 */
	virt_mb();
	return split_wants_notification(vr, before);
}

bool split_want_kick(struct vdpa_vring *vr, bool want)
{
	struct vring_used *used = split_used(vr);

	if (vr->event_idx) {
		/* an event index that stays behind asks for nothing */
		if (!want)
			return false;
		/* avail_event lies behind the used ring */
		WRITE_ONCE(*(__virtio16 *)&used->ring[vr->cfg.num],
			   to_vr16(vr->next_avail));
	} else {
		WRITE_ONCE(used->flags,
			   to_vr16(want ? 0 : VRING_USED_F_NO_NOTIFY));
		if (!want)
			return false;
	}

	/* the request before the look; pairs with the driver's barrier between
	 * its index and its look at whether to kick
	 */
	virt_mb();
	return vr16(READ_ONCE(split_avail(vr)->idx)) != vr->next_avail;
}
