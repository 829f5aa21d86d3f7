/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VDPA_VRING_INTERNAL_H
#define _VDPA_VRING_INTERNAL_H

#include <linux/vdpa_vring.h>

/*
 * Only modern drivers get as far as here (VIRTIO_F_VERSION_1), so all that is
 * in memory is little-endian.
 */

/*
 * Any descriptor, as two words that are read once each. The second one holds,
 * from the lowest bit on,
 *	split:	len (32 bits), flags (16), next (16)
 *	packed:	len (32 bits), id (16), flags (16)
 */
struct vring_raw {
	__le64 addr;
	__le64 word;
};

static_assert(sizeof(struct vring_raw) == sizeof(struct vring_desc));
static_assert(sizeof(struct vring_raw) == sizeof(struct vring_packed_desc));

static inline u64 raw_addr(const struct vring_raw *raw)
{
	return le64_to_cpu(READ_ONCE(raw->addr));
}

static inline u64 raw_word(const struct vring_raw *raw)
{
	return le64_to_cpu(READ_ONCE(raw->word));
}

static inline u16 read_le16(const __le16 *p)
{
	return le16_to_cpu(READ_ONCE(*p));
}

/* Where the byte at @off of an area is in the kernel */
static __always_inline void *area_at(const struct vdpa_vring_area *area,
				     unsigned int off)
{
	if (likely(area->base))
		return area->base + off;
	off += area->offset;
	return area->pages[off >> PAGE_SHIFT] + offset_in_page(off);
}

/*
 * A chain that is one direct descriptor, as most are; @desc is where its copy
 * goes. False when it is not that simple, or not even right: it has to be walked.
 */
static __always_inline bool chain_of_one(struct vdpa_vring_chain *chain,
					 struct vdpa_vring_desc *desc,
					 const struct vdpa_vring_desc *end,
					 u64 addr, u32 len, unsigned int flags,
					 u16 id)
{
	bool write = flags & VRING_DESC_F_WRITE;

	if (unlikely(flags & (VRING_DESC_F_NEXT | VRING_DESC_F_INDIRECT) ||
		     !len || addr + (len - 1) < addr || desc == end))
		return false;
	desc->addr = addr;
	desc->len = len;
	chain->desc = desc;
	chain->nout = !write;
	chain->nin = write;
	chain->id = id;
	chain->slots = 1;
	chain->out_len = write ? 0 : len;
	chain->in_len = write ? len : 0;
	chain->written = 0;
	return true;
}

/* A chain in the making */
struct vring_walk {
	struct vdpa_vring_desc *desc;	/* where the next copy goes */
	unsigned int left;		/* descriptors that it may still have */
	unsigned int nout;
	unsigned int nin;
	u64 out_len;
	u64 in_len;
	int err;			/* enum vdpa_vring_error, or -1 */
};

static __always_inline void walk_begin(struct vring_walk *walk,
				       const struct vdpa_vring *vr,
				       struct vdpa_vring_desc *desc)
{
	*walk = (struct vring_walk) {
		.desc = desc, .left = vr->descs_end - desc, .err = -1,
	};
}

/* Remembers why the chain is none. Always false, for callers to hand on. */
static __always_inline bool walk_fail(struct vring_walk *walk,
				      enum vdpa_vring_error why)
{
	walk->err = why;
	return false;
}

/* Adds a descriptor; @flags may have bits that have no meaning here */
static __always_inline bool walk_add(struct vring_walk *walk, u64 addr, u32 len,
				     unsigned int flags)
{
	bool write = flags & VRING_DESC_F_WRITE;

	/* also ends each loop */
	if (unlikely(!walk->left--))
		return walk_fail(walk, VDPA_VRING_ERR_CHAIN);
	/* readable ones come first (2.7.4.2, 2.8.4.1) */
	if (unlikely(!write && walk->nin))
		return walk_fail(walk, VDPA_VRING_ERR_ORDER);
	if (unlikely(!len))
		return true;
	if (unlikely(addr + (len - 1) < addr))
		return walk_fail(walk, VDPA_VRING_ERR_TRANSLATE);

	walk->desc->addr = addr;
	walk->desc->len = len;
	walk->desc++;
	if (write) {
		walk->nin++;
		walk->in_len += len;
	} else {
		walk->nout++;
		walk->out_len += len;
	}
	return true;
}

static __always_inline void walk_end(const struct vring_walk *walk,
				     struct vdpa_vring_chain *chain, u16 id,
				     u16 slots)
{
	*chain = (struct vdpa_vring_chain) {
		.desc = walk->desc - walk->nout - walk->nin,
		.nout = walk->nout, .nin = walk->nin,
		.id = id, .slots = slots,
		.out_len = walk->out_len, .in_len = walk->in_len,
	};
}

/* vring.c */
int vring_break(struct vdpa_vring *vr, enum vdpa_vring_error why);
struct vring_walk vring_walk_table(struct vdpa_vring *vr, struct vring_walk walk,
				   u64 table, u32 len);

/* translate.c */
int vring_map_areas(struct vdpa_vring *vr, const struct vdpa_vring_config *cfg);
void vring_free_areas(struct vdpa_vring *vr);
bool vring_find_areas(struct vdpa_vring *vr);
bool vring_read_raw(struct vdpa_vring *vr, u64 iova, struct vring_raw *copy);

/*
 * To be called before the areas are used. False when they are not there any
 * more: the ring is broken then.
 */
static __always_inline bool vring_usable(struct vdpa_vring *vr)
{
	/* pairs with the release in space_changed() */
	if (likely(smp_load_acquire(&vr->ring_as->gen) == vr->ring_gen))
		return true;
	return vring_find_areas(vr);
}

/* space.c: the page's address with VHOST_MAP_xx in its low bits, 0 for none */
unsigned long vring_as_lookup(struct vdpa_vring_as *as, u64 iova);
int vring_as_cache_create(void);
void vring_as_cache_destroy(void);

/* split.c */
void split_start(struct vdpa_vring *vr, const struct vdpa_vq_state_split *state);
int split_take(struct vdpa_vring *vr, struct vdpa_vring_chain *chains,
	       unsigned int n);
void split_untake(struct vdpa_vring *vr, unsigned int slots);
void split_complete(struct vdpa_vring *vr, const struct vdpa_vring_chain *chain,
		    unsigned int n);
bool split_flush(struct vdpa_vring *vr);
void split_set_kicks(struct vdpa_vring *vr, bool want);
bool split_has_more(const struct vdpa_vring *vr);

/* packed.c */
int packed_start(struct vdpa_vring *vr, const struct vdpa_vq_state_packed *state);
void packed_get_state(const struct vdpa_vring *vr,
		      struct vdpa_vq_state_packed *state);
int packed_take(struct vdpa_vring *vr, struct vdpa_vring_chain *chains,
		unsigned int n);
void packed_untake(struct vdpa_vring *vr, unsigned int slots);
void packed_complete(struct vdpa_vring *vr, const struct vdpa_vring_chain *chain,
		     unsigned int n);
bool packed_flush(struct vdpa_vring *vr);
void packed_set_kicks(struct vdpa_vring *vr, bool want);
bool packed_has_more(const struct vdpa_vring *vr);

#endif /* _VDPA_VRING_INTERNAL_H */
