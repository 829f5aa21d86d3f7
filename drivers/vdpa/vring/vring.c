// SPDX-License-Identifier: GPL-2.0
/*
 * Device side of a virtqueue: what split and packed rings have in common.
 */

#include <linux/export.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "internal.h"

/* Descriptors of one batch: many short chains, or one as long as it gets */
#define VRING_ROOM	(VDPA_VRING_MAX_CHAIN + 256)

int vring_break(struct vdpa_vring *vr, enum vdpa_vring_error why)
{
	vr->broken = true;
	vr->stats.errors[why]++;
	return -EBADMSG;
}

void vring_begin(struct vring_builder *b, struct vdpa_vring *vr,
		 struct vdpa_vring_chain *chain)
{
	*chain = (struct vdpa_vring_chain) { .desc = &vr->descs[vr->ndescs] };
	*b = (struct vring_builder) { .vr = vr, .chain = chain };
}

/* Adds a descriptor to the chain. 0, or -EBADMSG for one that can't be. */
int vring_add(struct vring_builder *b, u64 addr, u32 len, bool write)
{
	struct vdpa_vring_chain *chain = b->chain;
	struct vdpa_vring *vr = b->vr;

	if (unlikely(b->seen++ >= VDPA_VRING_MAX_CHAIN))
		return vring_break(vr, VDPA_VRING_ERR_CHAIN);
	/* readable ones come first (2.7.4.2, 2.8.4.1) */
	if (unlikely(chain->nin && !write))
		return vring_break(vr, VDPA_VRING_ERR_ORDER);
	if (unlikely(!len))
		return 0;
	if (unlikely(addr + len - 1 < addr))
		return vring_break(vr, VDPA_VRING_ERR_TRANSLATE);

	vr->descs[vr->ndescs++] = (struct vdpa_vring_desc) {
		.addr = addr, .len = len,
	};
	if (write) {
		chain->nin++;
		chain->in_len += len;
	} else {
		chain->nout++;
		chain->out_len += len;
	}
	return 0;
}

/* virtio 1.2, 2.7: a power of two up to 32768; 2.8: any number up to that */
static bool vring_config_ok(const struct vdpa_vring_config *cfg)
{
	bool packed = cfg->features & BIT_ULL(VIRTIO_F_RING_PACKED);

	if (!cfg->num || cfg->num > 32768 || (!packed && !is_power_of_2(cfg->num)))
		return false;
	return IS_ALIGNED(cfg->desc_addr, VRING_DESC_ALIGN_SIZE) &&
	       IS_ALIGNED(cfg->driver_addr, packed ? 4 : VRING_AVAIL_ALIGN_SIZE) &&
	       IS_ALIGNED(cfg->device_addr, VRING_USED_ALIGN_SIZE);
}

/**
 * vdpa_vring_start - get a ring going
 * @vr: the ring, stopped; zeroed before its first start
 * @cfg: how
 *
 * Allocates all that the data path needs and translates the ring's areas.
 *
 * Context: with the queue's lock; may sleep.
 * Return: 0; -EINVAL for a size, alignment or state that can't be; -EOPNOTSUPP
 * without VIRTIO_F_VERSION_1, as legacy rings have another layout and may be
 * big-endian; -EFAULT when an area is not mapped; -ENOMEM.
 */
int vdpa_vring_start(struct vdpa_vring *vr, const struct vdpa_vring_config *cfg)
{
	int err;

	if (!(cfg->features & BIT_ULL(VIRTIO_F_VERSION_1)))
		return -EOPNOTSUPP;
	if (!vring_config_ok(cfg))
		return -EINVAL;

	vr->cfg = *cfg;
	vr->packed = cfg->features & BIT_ULL(VIRTIO_F_RING_PACKED);
	vr->event_idx = cfg->features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	vr->indirect = cfg->features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	vr->broken = false;
	vr->unflushed = 0;
	vr->ndescs = 0;
	memset(vr->tlb, 0, sizeof(vr->tlb));
	vr->data_gen = READ_ONCE(cfg->data_as->gen);

	if (vr->packed) {
		err = packed_start(vr);
		if (err)
			return err;
	} else {
		split_start(vr);
	}

	vr->room = VRING_ROOM;
	vr->descs = kvmalloc_array(vr->room, sizeof(*vr->descs), GFP_KERNEL_ACCOUNT);
	if (!vr->descs)
		return -ENOMEM;

	err = vring_map_areas(vr);
	if (err)
		goto free_descs;
	vr->running = true;
	return 0;

free_descs:
	kvfree(vr->descs);
	vr->descs = NULL;
	return err;
}
EXPORT_SYMBOL_GPL(vdpa_vring_start);

/**
 * vdpa_vring_stop - stop a ring
 * @vr: the ring; stopped already is all right
 *
 * Its state and counters can be read until the next start.
 *
 * Context: with the queue's lock; may sleep.
 */
void vdpa_vring_stop(struct vdpa_vring *vr)
{
	if (!vr->running)
		return;
	vr->running = false;
	vring_unmap_areas(vr);
	kvfree(vr->descs);
	vr->descs = NULL;
}
EXPORT_SYMBOL_GPL(vdpa_vring_stop);

/**
 * vdpa_vring_get_state - where a ring goes on
 * @vr: the ring, started once
 * @state: filled in, split or packed
 */
void vdpa_vring_get_state(const struct vdpa_vring *vr, struct vdpa_vq_state *state)
{
	memset(state, 0, sizeof(*state));
	if (vr->packed)
		packed_get_state(vr, state);
	else
		split_get_state(vr, state);
}
EXPORT_SYMBOL_GPL(vdpa_vring_get_state);

/**
 * vdpa_vring_take - take a batch of descriptor chains
 * @vr: the ring
 * @chains: filled in
 * @n: how many at most
 *
 * All chains of the former batch have been completed or given back. When the
 * driver breaks the rules, the chains before that one are not taken either.
 *
 * Context: with the queue's lock; may sleep.
 * Return: number of chains, 0 when there is none; -EBADMSG when the ring is
 * broken or stopped.
 */
int vdpa_vring_take(struct vdpa_vring *vr, struct vdpa_vring_chain *chains,
		    unsigned int n)
{
	int taken;

	if (unlikely(vr->broken || !vr->running || vring_revalidate(vr)))
		return -EBADMSG;

	vr->ndescs = 0;
	taken = vr->packed ? packed_take(vr, chains, n) : split_take(vr, chains, n);
	if (taken > 0)
		vr->stats.chains += taken;
	return taken;
}
EXPORT_SYMBOL_GPL(vdpa_vring_take);

/**
 * vdpa_vring_untake - give chains back as if they had never been taken
 * @vr: the ring
 * @chains: the last @n chains of the batch
 * @n: how many
 */
void vdpa_vring_untake(struct vdpa_vring *vr,
		       const struct vdpa_vring_chain *chains, unsigned int n)
{
	unsigned int i, slots = 0;

	for (i = 0; i < n; i++)
		slots += chains[i].slots;
	if (vr->packed)
		packed_untake(vr, slots);
	else
		vr->next_avail -= slots;
	vr->stats.chains -= n;
}
EXPORT_SYMBOL_GPL(vdpa_vring_untake);

/**
 * vdpa_vring_complete - give a chain back used
 * @vr: the ring
 * @chain: the chain
 * @written: bytes written to its writable part
 *
 * The driver sees it after the next flush.
 */
void vdpa_vring_complete(struct vdpa_vring *vr,
			 const struct vdpa_vring_chain *chain, u32 written)
{
	if (vr->packed)
		packed_complete(vr, chain, written);
	else
		split_complete(vr, chain, written);
	vr->stats.completed++;
}
EXPORT_SYMBOL_GPL(vdpa_vring_complete);

/**
 * vdpa_vring_flush - show the driver what was completed
 * @vr: the ring
 *
 * Return: true when the driver wants a notification.
 */
bool vdpa_vring_flush(struct vdpa_vring *vr)
{
	bool notify;

	if (!vr->unflushed)
		return false;
	notify = vr->packed ? packed_flush(vr) : split_flush(vr);
	vr->unflushed = 0;
	if (notify)
		vr->stats.notified++;
	else
		vr->stats.suppressed++;
	return notify;
}
EXPORT_SYMBOL_GPL(vdpa_vring_flush);

/**
 * vdpa_vring_want_kick - ask the driver for kicks, or not to bother
 * @vr: the ring
 * @want: true for kicks. A hint: they may come all the same.
 *
 * Return: true when kicks were asked for, but chains came in meanwhile that the
 * driver may not kick for: look again.
 */
bool vdpa_vring_want_kick(struct vdpa_vring *vr, bool want)
{
	if (unlikely(vr->broken || !vr->running || vring_revalidate(vr)))
		return false;
	return vr->packed ? packed_want_kick(vr, want) : split_want_kick(vr, want);
}
EXPORT_SYMBOL_GPL(vdpa_vring_want_kick);

MODULE_AUTHOR("vDPA maintainers");
MODULE_DESCRIPTION("Device side of virtqueues for vDPA parents that are software");
MODULE_LICENSE("GPL");
