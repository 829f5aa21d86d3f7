/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_VDPA_VRING_H
#define _LINUX_VDPA_VRING_H

/**
 * DOC: device side of a virtqueue
 *
 * For vDPA parents that are software. A parent embeds a &struct vdpa_vring in
 * each of its queues and a &struct vdpa_vring_as in each of its address spaces.
 * It takes batches of descriptor chains, moves data with cursors, completes the
 * chains and publishes them with one flush. Split and packed rings (virtio 1.2,
 * 2.7 and 2.8) look the same from outside.
 *
 * All calls on one ring are serialised by the parent, with one lock a queue.
 * Only vdpa_vring_start() and vdpa_vring_stop() may sleep, so that it can be
 * any kind of lock around the others.
 *
 * An address space has a lock of its own for changes; lookups take none. After
 * a range was removed from an address space, the parent takes and drops the lock
 * of each queue before the memory is given back: whoever held it has finished
 * with the old translation by then, and whoever takes it later sees the new
 * generation. What was translated is good while the lock is held, no longer.
 *
 * Everything that the driver writes is read once into private memory and
 * checked there. A ring that breaks the rules stops and says why in
 * &vdpa_vring_stats.errors; nothing but a new start gets it going again.
 */

#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/vdpa.h>
#include <linux/xarray.h>
#include <uapi/linux/virtio_ring.h>

/* Longest descriptor chain that is accepted, indirect ones included */
#define VDPA_VRING_MAX_CHAIN	1024

struct vdpa_vring_leaf;

/**
 * struct vdpa_vring_as - an address space of a software parent
 *
 * All of it is private to the library.
 */
struct vdpa_vring_as {
	/* private: */
	struct mutex lock;	/* serialises changes of the members below */
	struct xarray blocks;	/* by I/O address: a leaf, or a run of pages */
	struct vdpa_vring_leaf *recent;	/* leaf of the last change ... */
	u64 recent_block;	/* ... and its index in @blocks */
	u64 gen;		/* counts changes that take something away */
	bool identity;		/* I/O addresses are physical addresses */
};

void vdpa_vring_as_init(struct vdpa_vring_as *as, bool identity);
void vdpa_vring_as_destroy(struct vdpa_vring_as *as);
int vdpa_vring_as_map(struct vdpa_vring_as *as, u64 iova, u64 size, u64 pa,
		      u32 perm);
void vdpa_vring_as_unmap(struct vdpa_vring_as *as, u64 iova, u64 size);
void vdpa_vring_as_reset(struct vdpa_vring_as *as, bool identity);

/**
 * struct vdpa_vring_desc - a checked, private copy of a descriptor
 * @addr: I/O address; @addr + @len does not wrap around
 * @len: bytes, not 0
 */
struct vdpa_vring_desc {
	u64 addr;
	u32 len;
};

/**
 * struct vdpa_vring_chain - a descriptor chain that was taken
 * @desc: @nout descriptors to read from, then @nin to write to
 * @nout: number of readable descriptors
 * @nin: number of writable descriptors
 * @id: head of the chain (split) or buffer id (packed)
 * @slots: entries of the ring that it occupies
 * @out_len: bytes of the readable part
 * @in_len: bytes of the writable part
 * @written: bytes that were written to it; 0 when it is taken
 */
struct vdpa_vring_chain {
	struct vdpa_vring_desc *desc;
	u16 nout;
	u16 nin;
	u16 id;
	u16 slots;
	u64 out_len;
	u64 in_len;
	u32 written;
};

/**
 * enum vdpa_vring_error - why a ring stopped
 * @VDPA_VRING_ERR_INDEX: available index ran ahead by more than the ring has,
 *	or a head is outside the ring
 * @VDPA_VRING_ERR_CHAIN: chain with a loop, too long, or leading outside
 * @VDPA_VRING_ERR_INDIRECT: indirect table of a bad size, inside another one,
 *	in the middle of a chain, or not negotiated
 * @VDPA_VRING_ERR_ORDER: readable descriptor behind a writable one
 * @VDPA_VRING_ERR_TRANSLATE: address not mapped, or not for this access, or a
 *	descriptor that goes beyond the last address
 * @VDPA_VRING_NR_ERRORS: number of the above
 */
enum vdpa_vring_error {
	VDPA_VRING_ERR_INDEX,
	VDPA_VRING_ERR_CHAIN,
	VDPA_VRING_ERR_INDIRECT,
	VDPA_VRING_ERR_ORDER,
	VDPA_VRING_ERR_TRANSLATE,
	VDPA_VRING_NR_ERRORS
};

/**
 * struct vdpa_vring_stats - what happened on a ring since it was first started
 * @chains: chains taken
 * @completed: chains given back and flushed
 * @notified: flushes after which the driver wanted a notification
 * @suppressed: flushes after which it did not
 * @errors: why the ring stopped, and how often, by &enum vdpa_vring_error
 */
struct vdpa_vring_stats {
	u64 chains;
	u64 completed;
	u64 notified;
	u64 suppressed;
	u64 errors[VDPA_VRING_NR_ERRORS];
};

/**
 * struct vdpa_vring_config - how to start a ring
 * @ring_as: address space of the descriptor, driver and device areas
 * @data_as: address space of buffers and indirect tables
 * @desc_addr: I/O address of the descriptor area
 * @driver_addr: of the driver area (available ring, or event suppression)
 * @device_addr: of the device area (used ring, or event suppression)
 * @features: as negotiated
 * @num: entries of the ring
 * @state: where to begin, split or packed by @features
 * @max_chain: the longest descriptor chain this parent lets a driver make, up
 *	to %VDPA_VRING_MAX_CHAIN, which 0 stands for. A batch has this many
 *	descriptors at most, so a smaller one saves memory, 16 bytes each.
 */
struct vdpa_vring_config {
	struct vdpa_vring_as *ring_as;
	struct vdpa_vring_as *data_as;
	u64 desc_addr;
	u64 driver_addr;
	u64 device_addr;
	u64 features;
	u32 num;
	struct vdpa_vq_state state;
	u16 max_chain;
};

/**
 * struct vdpa_vring_area - one of the three areas of a ring
 * @base: address in the kernel; NULL when the pages are scattered
 * @pages: addresses of the pages, then
 * @offset: of the area in its first page
 * @npages: entries of @pages
 * @iova: I/O address of the area
 * @perm: access that the ring needs, VHOST_MAP_xx
 */
struct vdpa_vring_area {
	void *base;
	void **pages;
	unsigned int offset;
	unsigned int npages;
	u64 iova;
	u32 perm;
};

/**
 * struct vdpa_vring_tlb - a remembered translation
 * @iova: I/O address of the page; %VDPA_VRING_TLB_NONE for none
 * @page: address of the page in the kernel, with VHOST_MAP_xx in the low bits
 */
struct vdpa_vring_tlb {
	u64 iova;
	unsigned long page;
};

#define VDPA_VRING_TLB_NONE	1

/**
 * struct vdpa_vring - device side of a virtqueue
 * @running: started and not stopped since
 * @stats: counters; those who read them without the queue's lock may see them
 *	in the middle of a batch
 *
 * All else is private to the library. To be zeroed before the first start.
 */
struct vdpa_vring {
	bool running;
	/* private: */
	bool broken;
	bool packed;
	bool event_idx;
	bool indirect;
	bool no_kicks;		/* the driver was asked not to kick */
	u16 num;

	u16 avail;		/* next entry to take */
	u16 avail_seen;		/* split: the available index, as last read */
	u16 avail_flags;	/* packed: of a descriptor that is available */
	u16 used;		/* next entry to write */
	u16 used_seen;		/* split: the used index, as last published */
	u16 used_flags;		/* packed: of a descriptor that is used */
	u16 first;		/* packed: first entry to be published ... */
	u16 first_flags;	/* ... and its flags, which make all visible */
	u16 unflushed;		/* packed: entries completed, not published */
	u16 completed;		/* chains completed, not published */

	u32 tlb_mask;
	struct vdpa_vring_tlb *tlb;
	struct vdpa_vring_desc *descs;	/* copies for the current batch */
	struct vdpa_vring_desc *descs_end;
	struct vdpa_vring_as *ring_as;
	struct vdpa_vring_as *data_as;
	u64 ring_gen;		/* generation of @ring_as the areas are of */
	u64 data_gen;		/* generation of @data_as the tlb is of */
	struct vdpa_vring_area desc;
	struct vdpa_vring_area driver;
	struct vdpa_vring_area device;
	/* public: */
	struct vdpa_vring_stats stats;
};

int vdpa_vring_start(struct vdpa_vring *vr, const struct vdpa_vring_config *cfg);
void vdpa_vring_stop(struct vdpa_vring *vr);
void vdpa_vring_get_state(const struct vdpa_vring *vr, struct vdpa_vq_state *state);

/**
 * vdpa_vring_broken - has the driver broken the rules?
 * @vr: the ring
 *
 * Return: true from then on until the next start.
 */
static inline bool vdpa_vring_broken(const struct vdpa_vring *vr)
{
	return vr->broken;
}

int vdpa_vring_take(struct vdpa_vring *vr, struct vdpa_vring_chain *chains,
		    unsigned int n);
void vdpa_vring_untake(struct vdpa_vring *vr,
		       const struct vdpa_vring_chain *chains, unsigned int n);
void vdpa_vring_complete_batch(struct vdpa_vring *vr,
			       const struct vdpa_vring_chain *chains,
			       unsigned int n);

/**
 * vdpa_vring_complete - give one chain back used
 * @vr: the ring
 * @chain: the chain
 * @written: bytes written to its writable part
 *
 * See vdpa_vring_complete_batch().
 */
static inline void vdpa_vring_complete(struct vdpa_vring *vr,
				       struct vdpa_vring_chain *chain, u32 written)
{
	chain->written = written;
	vdpa_vring_complete_batch(vr, chain, 1);
}

bool vdpa_vring_flush(struct vdpa_vring *vr);
bool vdpa_vring_want_kick(struct vdpa_vring *vr, bool want);

/**
 * struct vdpa_vring_cursor - a position in one part of a chain
 * @vr: the ring
 * @desc: descriptor it is in
 * @left: descriptors from @desc on
 * @off: bytes of @desc that it has passed, fewer than there are
 * @perm: VHOST_MAP_RO in the readable part, VHOST_MAP_WO in the writable one
 */
struct vdpa_vring_cursor {
	struct vdpa_vring *vr;
	const struct vdpa_vring_desc *desc;
	unsigned int left;
	u32 off;
	u32 perm;
};

void vdpa_vring_forget(struct vdpa_vring *vr);

/* A cursor's work begins: no translation is older than the last removal */
static inline void vdpa_vring_refresh(struct vdpa_vring *vr)
{
	/* pairs with the release of whoever removed something */
	if (unlikely(smp_load_acquire(&vr->data_as->gen) != vr->data_gen))
		vdpa_vring_forget(vr);
}

/**
 * vdpa_vring_cursor_out - begin at the readable part of a chain
 * @cur: the cursor
 * @vr: the ring
 * @chain: taken from it and not yet completed
 */
static inline void vdpa_vring_cursor_out(struct vdpa_vring_cursor *cur,
					 struct vdpa_vring *vr,
					 const struct vdpa_vring_chain *chain)
{
	vdpa_vring_refresh(vr);
	*cur = (struct vdpa_vring_cursor) {
		.vr = vr, .desc = chain->desc, .left = chain->nout,
		.perm = VHOST_MAP_RO,
	};
}

/**
 * vdpa_vring_cursor_in - begin at the writable part of a chain
 * @cur: the cursor
 * @vr: the ring
 * @chain: taken from it and not yet completed
 */
static inline void vdpa_vring_cursor_in(struct vdpa_vring_cursor *cur,
					struct vdpa_vring *vr,
					const struct vdpa_vring_chain *chain)
{
	vdpa_vring_refresh(vr);
	*cur = (struct vdpa_vring_cursor) {
		.vr = vr, .desc = chain->desc + chain->nout, .left = chain->nin,
		.perm = VHOST_MAP_WO,
	};
}

/**
 * vdpa_vring_direct - where the beginning of a descriptor is in the kernel
 * @vr: the ring
 * @desc: a descriptor of a chain of the current batch
 * @len: bytes that are needed
 * @perm: VHOST_MAP_xx
 *
 * A short way to most of what is shorter than a page.
 *
 * Context: with the queue's lock, held since the batch was taken. The address
 * is good until the lock is dropped.
 * Return: the address; NULL when that many bytes don't lie in one piece, or
 * this page was not used lately, or is not mapped: a cursor can tell.
 */
static inline void *vdpa_vring_direct(const struct vdpa_vring *vr,
				      const struct vdpa_vring_desc *desc,
				      size_t len, u32 perm)
{
	const struct vdpa_vring_tlb *tlb =
		&vr->tlb[(desc->addr >> PAGE_SHIFT) & vr->tlb_mask];
	unsigned long offset = offset_in_page(desc->addr);

	if (unlikely(tlb->iova != (desc->addr & PAGE_MASK) || !(tlb->page & perm) ||
		     len > desc->len || len > PAGE_SIZE - offset))
		return NULL;
	return (void *)(tlb->page & PAGE_MASK) + offset;
}

void *vdpa_vring_cursor_next(struct vdpa_vring_cursor *cur, size_t max,
			     size_t *len);
ssize_t vdpa_vring_pull(struct vdpa_vring_cursor *cur, void *dst, size_t len);
ssize_t vdpa_vring_push(struct vdpa_vring_cursor *cur, const void *src,
			size_t len);
size_t vdpa_vring_skip(struct vdpa_vring_cursor *cur, size_t len);
ssize_t vdpa_vring_copy(struct vdpa_vring_cursor *dst,
			struct vdpa_vring_cursor *src, size_t len);

#endif /* _LINUX_VDPA_VRING_H */
