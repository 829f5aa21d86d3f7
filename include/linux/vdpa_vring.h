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
 * All calls on one ring are serialised by the parent, with one lock a queue. An
 * address space has a lock of its own for changes; lookups don't take it unless
 * they fail. After a range was removed from an address space, the parent takes
 * and drops the lock of each queue before the memory is given back: whoever held
 * it has finished with the old translation by then, and whoever takes it later
 * sees the new generation.
 *
 * Everything that the driver writes is read once into private memory and
 * checked there. A ring that breaks the rules stops and says why in
 * &vdpa_vring_stats.errors; nothing but a new start gets it going again.
 */

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/vdpa.h>
#include <linux/xarray.h>
#include <uapi/linux/virtio_ring.h>

/* Longest descriptor chain that is accepted, indirect ones included */
#define VDPA_VRING_MAX_CHAIN	1024

/* Translations of buffers that a ring remembers; a power of two */
#define VDPA_VRING_TLB		16

/**
 * struct vdpa_vring_as - an address space of a software parent
 * @lock: serialises changes; a lookup that fails takes it to try again when no
 *	change is half done. Taken inside the parent's queue locks.
 * @pages: by page number of the I/O address: how far the page frame number is
 *	from it, and the permission
 * @gen: counts changes that take something away
 * @identity: I/O addresses are physical ones, as a kernel driver uses them
 */
struct vdpa_vring_as {
	struct mutex lock;	/* serialises changes of the members below */
	struct xarray pages;
	unsigned int gen;
	bool identity;
};

void vdpa_vring_as_init(struct vdpa_vring_as *as, bool identity);
void vdpa_vring_as_destroy(struct vdpa_vring_as *as);
int vdpa_vring_as_map(struct vdpa_vring_as *as, u64 iova, u64 size, u64 pa,
		      u32 perm);
void vdpa_vring_as_unmap(struct vdpa_vring_as *as, u64 iova, u64 size);
void vdpa_vring_as_reset(struct vdpa_vring_as *as, bool identity);

/**
 * struct vdpa_vring_desc - a checked, private copy of a descriptor
 * @addr: I/O address
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
 */
struct vdpa_vring_chain {
	struct vdpa_vring_desc *desc;
	u16 nout;
	u16 nin;
	u16 id;
	u16 slots;
	u64 out_len;
	u64 in_len;
};

/**
 * enum vdpa_vring_error - why a ring stopped
 * @VDPA_VRING_ERR_INDEX: available index ran ahead by more than the ring has,
 *	or a head is outside the ring
 * @VDPA_VRING_ERR_CHAIN: chain with a loop, too long, or leading outside
 * @VDPA_VRING_ERR_INDIRECT: indirect table of a bad size, inside another one,
 *	in the middle of a chain, or not negotiated
 * @VDPA_VRING_ERR_ORDER: readable descriptor behind a writable one
 * @VDPA_VRING_ERR_TRANSLATE: address not mapped, or not for this access
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
 * @completed: chains given back
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
};

/**
 * struct vdpa_vring_area - one of the three areas of a ring
 * @addr: address in the kernel, NULL while it is not translated
 * @mapping: what to vunmap(), for an area that is scattered physically
 */
struct vdpa_vring_area {
	void *addr;
	void *mapping;
};

/**
 * struct vdpa_vring_tlb_entry - a remembered translation
 * @page: page number of the I/O address, plus one; 0 for none
 * @addr: address of the page in the kernel
 * @perm: VHOST_MAP_xx
 */
struct vdpa_vring_tlb_entry {
	u64 page;
	void *addr;
	u32 perm;
};

/**
 * struct vdpa_vring - device side of a virtqueue
 * @stats: counters; those who read them without the queue's lock may see them
 *	in the middle of a batch
 *
 * All else is private to the library.
 */
struct vdpa_vring {
	/* private: */
	struct vdpa_vring_config cfg;
	bool running;
	bool broken;
	bool packed;
	bool event_idx;
	bool indirect;
	bool avail_wrap;	/* packed only */
	bool used_wrap;		/* packed only */
	u16 next_avail;		/* next entry to take */
	u16 next_used;		/* next entry to write */
	u16 unflushed;		/* chains (split) or slots (packed) completed */
	u16 first_flags;	/* packed: of the first one unflushed */
	unsigned int ndescs;	/* of @descs in use by the current batch */
	unsigned int room;	/* size of @descs */
	struct vdpa_vring_desc *descs;
	struct vdpa_vring_area desc;
	struct vdpa_vring_area driver;
	struct vdpa_vring_area device;
	unsigned int ring_gen;	/* generation of ring_as the areas are of */
	unsigned int data_gen;	/* generation of data_as the tlb is of */
	struct vdpa_vring_tlb_entry tlb[VDPA_VRING_TLB];
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
void vdpa_vring_complete(struct vdpa_vring *vr,
			 const struct vdpa_vring_chain *chain, u32 written);
bool vdpa_vring_flush(struct vdpa_vring *vr);
bool vdpa_vring_want_kick(struct vdpa_vring *vr, bool want);

/**
 * struct vdpa_vring_cursor - a position in one part of a chain
 * @vr: the ring
 * @desc: descriptor it is in
 * @left: descriptors from @desc on
 * @off: bytes of @desc that it has passed
 * @perm: VHOST_MAP_RO in the readable part, VHOST_MAP_WO in the writable one
 */
struct vdpa_vring_cursor {
	struct vdpa_vring *vr;
	const struct vdpa_vring_desc *desc;
	unsigned int left;
	u32 off;
	u32 perm;
};

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
	*cur = (struct vdpa_vring_cursor) {
		.vr = vr, .desc = chain->desc + chain->nout, .left = chain->nin,
		.perm = VHOST_MAP_WO,
	};
}

void *vdpa_vring_cursor_next(struct vdpa_vring_cursor *cur, size_t max,
			     size_t *len);
ssize_t vdpa_vring_pull(struct vdpa_vring_cursor *cur, void *dst, size_t len);
ssize_t vdpa_vring_push(struct vdpa_vring_cursor *cur, const void *src,
			size_t len);
ssize_t vdpa_vring_skip(struct vdpa_vring_cursor *cur, size_t len);
ssize_t vdpa_vring_copy(struct vdpa_vring_cursor *dst,
			struct vdpa_vring_cursor *src, size_t len);

#endif /* _LINUX_VDPA_VRING_H */
