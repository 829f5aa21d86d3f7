// SPDX-License-Identifier: GPL-2.0
/*
 * Device side of a virtqueue: what split and packed rings have in common.
 */

#include <linux/export.h>
#include <linux/log2.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "internal.h"

#define VRING_MAX_NUM	32768

/* Translations to remember: a page for each entry of the ring, within reason */
#define VRING_TLB_MIN	16
#define VRING_TLB_MAX	512

int vring_break(struct vdpa_vring *vr, enum vdpa_vring_error why)
{
	vr->broken = true;
	vr->stats.errors[why]++;
	return -EBADMSG;
}

/*
 * Goes through an indirect table: a chain in a split ring (2.7.5.3), all entries
 * one after the other in a packed one (2.8.7).
 */
struct vring_walk vring_walk_table(struct vdpa_vring *vr, struct vring_walk walk,
				   u64 table, u32 len)
{
	unsigned int n = len / sizeof(struct vring_raw), i = 0, flags;
	struct vring_raw raw;
	u64 word;

	if (!vr->indirect || !n || len % sizeof(raw) || n > VDPA_VRING_MAX_CHAIN ||
	    table + (len - 1) < table) {
		walk.err = VDPA_VRING_ERR_INDIRECT;
		return walk;
	}

	do {
		if (!vring_read_raw(vr, table + i * sizeof(raw), &raw)) {
			walk.err = VDPA_VRING_ERR_TRANSLATE;
			break;
		}
		word = raw_word(&raw);
		flags = vr->packed ? word >> 48 : word >> 32;
		if (unlikely(flags & VRING_DESC_F_INDIRECT)) {
			walk.err = VDPA_VRING_ERR_INDIRECT;
			break;
		}
		if (!walk_add(&walk, raw_addr(&raw), word, flags))
			break;
		if (vr->packed) {
			i++;
			continue;
		}
		if (!(flags & VRING_DESC_F_NEXT))
			break;
		i = word >> 48;
		if (unlikely(i >= n))
			walk.err = VDPA_VRING_ERR_CHAIN;
	} while (i < n);
	return walk;
}

static bool has(const struct vdpa_vring_config *cfg, unsigned int feature)
{
	return cfg->features & BIT_ULL(feature);
}

/* virtio 1.2, 2.7: a power of two up to 32768; 2.8: any number up to that */
static bool vring_config_ok(const struct vdpa_vring_config *cfg)
{
	bool packed = has(cfg, VIRTIO_F_RING_PACKED);

	if (!cfg->num || cfg->num > VRING_MAX_NUM ||
	    (!packed && !is_power_of_2(cfg->num)) ||
	    cfg->max_chain > VDPA_VRING_MAX_CHAIN)
		return false;
	return IS_ALIGNED(cfg->desc_addr, VRING_DESC_ALIGN_SIZE) &&
	       IS_ALIGNED(cfg->driver_addr, packed ? 4 : VRING_AVAIL_ALIGN_SIZE) &&
	       IS_ALIGNED(cfg->device_addr, VRING_USED_ALIGN_SIZE);
}

static int vring_alloc(struct vdpa_vring *vr, unsigned int max_chain)
{
	unsigned int n = clamp_t(unsigned int, roundup_pow_of_two(vr->num),
				 VRING_TLB_MIN, VRING_TLB_MAX);

	vr->tlb = kvmalloc_array(n, sizeof(*vr->tlb), GFP_KERNEL_ACCOUNT);
	if (!vr->tlb)
		return -ENOMEM;
	vr->tlb_mask = n - 1;
	vdpa_vring_forget(vr);

	vr->descs = kvmalloc_array(max_chain, sizeof(*vr->descs), GFP_KERNEL_ACCOUNT);
	if (!vr->descs) {
		kvfree(vr->tlb);
		return -ENOMEM;
	}
	vr->descs_end = vr->descs + max_chain;
	return 0;
}

static void vring_free(struct vdpa_vring *vr)
{
	kvfree(vr->descs);
	kvfree(vr->tlb);
	vr->descs = NULL;
	vr->tlb = NULL;
}

static void vring_set_kicks(struct vdpa_vring *vr, bool want)
{
	vr->no_kicks = !want;
	if (vr->packed)
		packed_set_kicks(vr, want);
	else
		split_set_kicks(vr, want);
}

/**
 * vdpa_vring_start - get a ring going
 * @vr: the ring, stopped; zeroed before its first start
 * @cfg: how
 *
 * Allocates all that the data path needs, translates the ring's areas and asks
 * the driver for kicks. Buffers that the driver made available before are not
 * kicked for again: the caller looks once by itself.
 *
 * Context: with the queue's lock; may sleep.
 * Return: 0; -EINVAL for a size, alignment or state that can't be; -EOPNOTSUPP
 * without VIRTIO_F_VERSION_1, as legacy rings have another layout and may be
 * big-endian; -EFAULT when an area is not mapped; -ENOMEM.
 */
int vdpa_vring_start(struct vdpa_vring *vr, const struct vdpa_vring_config *cfg)
{
	int err;

	if (vr->running)
		return -EBUSY;
	if (!has(cfg, VIRTIO_F_VERSION_1))
		return -EOPNOTSUPP;
	if (!vring_config_ok(cfg))
		return -EINVAL;

	vr->num = cfg->num;
	vr->ring_as = cfg->ring_as;
	vr->data_as = cfg->data_as;
	vr->packed = has(cfg, VIRTIO_F_RING_PACKED);
	vr->event_idx = has(cfg, VIRTIO_RING_F_EVENT_IDX);
	vr->indirect = has(cfg, VIRTIO_RING_F_INDIRECT_DESC);
	vr->unflushed = 0;
	vr->completed = 0;
	vr->broken = false;

	if (vr->packed) {
		err = packed_start(vr, &cfg->state.packed);
		if (err)
			return err;
	} else {
		split_start(vr, &cfg->state.split);
	}

	err = vring_alloc(vr, cfg->max_chain ?: VDPA_VRING_MAX_CHAIN);
	if (err)
		return err;
	err = vring_map_areas(vr, cfg);
	if (err)
		goto free_vring;

	vring_set_kicks(vr, true);
	vr->running = true;
	return 0;

free_vring:
	vring_free(vr);
	return err;
}
EXPORT_SYMBOL_GPL(vdpa_vring_start);

/**
 * vdpa_vring_stop - stop a ring
 * @vr: the ring; stopped already is all right
 *
 * What was taken is completed and flushed, or given back, before. State and
 * counters can be read until the next start.
 *
 * Context: with the queue's lock; may sleep.
 */
void vdpa_vring_stop(struct vdpa_vring *vr)
{
	if (!vr->running)
		return;
	vr->running = false;
	vring_free_areas(vr);
	vring_free(vr);
}
EXPORT_SYMBOL_GPL(vdpa_vring_stop);

/**
 * vdpa_vring_get_state - where a ring goes on
 * @vr: the ring, started once
 * @state: filled in, split or packed
 *
 * Exact when nothing is taken that is neither completed and flushed, nor given
 * back.
 */
void vdpa_vring_get_state(const struct vdpa_vring *vr, struct vdpa_vq_state *state)
{
	memset(state, 0, sizeof(*state));
	if (vr->packed)
		packed_get_state(vr, &state->packed);
	else
		state->split.avail_index = vr->avail;
}
EXPORT_SYMBOL_GPL(vdpa_vring_get_state);

/**
 * vdpa_vring_take - take a batch of descriptor chains
 * @vr: the ring
 * @chains: filled in
 * @n: how many at most
 *
 * All chains of the former batch have been completed or given back. Chains in
 * front of one that breaks the rules are taken, and the next call fails.
 *
 * Context: with the queue's lock.
 * Return: number of chains, 0 when there is none; -EBADMSG when the ring is
 * broken or stopped.
 */
int vdpa_vring_take(struct vdpa_vring *vr, struct vdpa_vring_chain *chains,
		    unsigned int n)
{
	int taken;

	if (unlikely(!vr->running || vr->broken || !vring_usable(vr)))
		return -EBADMSG;
	vdpa_vring_refresh(vr);		/* for indirect tables */

	taken = vr->packed ? packed_take(vr, chains, n) : split_take(vr, chains, n);
	if (taken > 0)
		vr->stats.chains += taken;
	return taken;
}
EXPORT_SYMBOL_GPL(vdpa_vring_take);

/**
 * vdpa_vring_untake - give chains back as if they had never been taken
 * @vr: the ring
 * @chains: the last @n chains of the batch, of which none is completed
 * @n: how many
 *
 * Context: with the queue's lock.
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
		split_untake(vr, slots);
	vr->stats.chains -= n;
}
EXPORT_SYMBOL_GPL(vdpa_vring_untake);

/**
 * vdpa_vring_complete_batch - give chains back used
 * @vr: the ring
 * @chains: the chains, with what was written to them
 * @n: how many
 *
 * The driver sees them after the next flush. With VIRTIO_F_IN_ORDER negotiated,
 * it is for the parent to complete chains in the order it took them.
 *
 * Context: with the queue's lock.
 */
void vdpa_vring_complete_batch(struct vdpa_vring *vr,
			       const struct vdpa_vring_chain *chains,
			       unsigned int n)
{
	if (unlikely(!vring_usable(vr)))
		return;
	if (vr->packed)
		packed_complete(vr, chains, n);
	else
		split_complete(vr, chains, n);
	vr->completed += n;
}
EXPORT_SYMBOL_GPL(vdpa_vring_complete_batch);

/**
 * vdpa_vring_flush - show the driver what was completed
 * @vr: the ring
 *
 * Context: with the queue's lock.
 * Return: true when the driver wants a notification.
 */
bool vdpa_vring_flush(struct vdpa_vring *vr)
{
	bool notify;

	if (!vr->completed || unlikely(!vring_usable(vr)))
		return false;
	notify = vr->packed ? packed_flush(vr) : split_flush(vr);
	vr->stats.completed += vr->completed;
	vr->completed = 0;
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
 * Context: with the queue's lock.
 * Return: true when kicks were asked for, but chains came in meanwhile that the
 * driver may not kick for: look again.
 */
bool vdpa_vring_want_kick(struct vdpa_vring *vr, bool want)
{
	if (unlikely(!vr->running || vr->broken || !vring_usable(vr)))
		return false;

	/* an event index is news each time */
	if (want ? vr->no_kicks || vr->event_idx : !vr->no_kicks)
		vring_set_kicks(vr, want);
	if (!want)
		return false;

	/*
	 * The request before the look. Pairs with the driver's barrier between
	 * making a chain available and its look whether to kick.
	 */
	virt_mb();
	return vr->packed ? packed_has_more(vr) : split_has_more(vr);
}
EXPORT_SYMBOL_GPL(vdpa_vring_want_kick);

static int __init vdpa_vring_init(void)
{
	return vring_as_cache_create();
}
module_init(vdpa_vring_init);

static void __exit vdpa_vring_exit(void)
{
	vring_as_cache_destroy();
}
module_exit(vdpa_vring_exit);

MODULE_AUTHOR("vDPA maintainers");
MODULE_DESCRIPTION("Device side of virtqueues for vDPA parents that are software");
MODULE_LICENSE("GPL");
