/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _LINUX_VDPA_VRING_H
#define _LINUX_VDPA_VRING_H

/*
 * Device side of a virtqueue, for vDPA parents that are software.
 *
 * A parent embeds a struct vdpa_vring in each of its queues and a struct
 * vdpa_vring_as in each of its address spaces. It takes batches of descriptor
 * chains, moves data with a cursor, completes the chains and publishes them
 * with one flush. Split and packed rings look the same from outside.
 *
 * Locking: all calls on one ring are serialised by the parent (one lock a
 * queue). An address space has a lock of its own for changes; lookups are
 * lockless. After a range was removed from an address space, the parent takes
 * and drops the lock of each ring bound to it before the memory is given back:
 * whoever held the lock has finished with the old translation by then, and
 * whoever takes it later sees the new generation.
 */

#include <linux/types.h>
#include <linux/xarray.h>
#include <linux/mutex.h>
#include <linux/vdpa.h>

/* The longest descriptor chain that is accepted, indirect ones included */
#define VDPA_VRING_MAX_CHAIN	1024

struct vdpa_vring_as {
	struct mutex lock;	/* serialises changes of @pages and @identity */
	struct xarray pages;	/* IOVA page number to page frame and permission */
	unsigned int gen;	/* counts the changes that take something away */
	bool identity;		/* IOVA is physical address: a kernel driver's view */
};

void vdpa_vring_as_init(struct vdpa_vring_as *as);
void vdpa_vring_as_destroy(struct vdpa_vring_as *as);
/* iova, size, pa are multiples of PAGE_SIZE; perm is VHOST_MAP_xx */
int vdpa_vring_as_map(struct vdpa_vring_as *as, u64 iova, u64 size, u64 pa,
		      u32 perm);
void vdpa_vring_as_unmap(struct vdpa_vring_as *as, u64 iova, u64 size);
/* Drops all mappings; @identity says what an empty table means */
void vdpa_vring_as_reset(struct vdpa_vring_as *as, bool identity);

/* One descriptor, a validated private copy; addr is an IOVA */
struct vdpa_vring_desc {
	u64 addr;
	u32 len;
};

struct vdpa_vring_chain {
	struct vdpa_vring_desc *desc;	/* @nout readable, then @nin writable */
	u16 nout;
	u16 nin;
	u16 id;		/* head descriptor (split) or buffer id (packed) */
	u16 slots;	/* ring slots the chain occupies */
	u64 out_len;	/* bytes of the readable part */
	u64 in_len;	/* bytes of the writable part */
};

/* Why a ring stopped; index into vdpa_vring.errors */
enum vdpa_vring_error {
	VDPA_VRING_ERR_INDEX,	/* avail index ran further than the ring's size, or a head out of range */
	VDPA_VRING_ERR_CHAIN,	/* loops, too long, next out of range */
	VDPA_VRING_ERR_INDIRECT,/* indirect table of a bad size, nested, or not negotiated */
	VDPA_VRING_ERR_ORDER,	/* readable descriptor after a writable one */
	VDPA_VRING_ERR_TRANSLATE,/* address not mapped, or not with this permission */
	VDPA_VRING_NR_ERRORS
};

struct vdpa_vring_stats {
	u64 chains;		/* descriptor chains taken */
	u64 completed;		/* descriptor chains given back used */
	u64 notified;		/* used-buffer notifications the driver wanted */
	u64 suppressed;		/* ... and did not want */
	u64 errors[VDPA_VRING_NR_ERRORS];
};

struct vdpa_vring_config {
	struct vdpa_vring_as *ring_as;	/* where descriptor, driver, device areas live */
	struct vdpa_vring_as *data_as;	/* where the buffers live */
	u64 desc_addr;			/* IOVA of the descriptor area */
	u64 driver_addr;		/* IOVA of the driver area (avail ring) */
	u64 device_addr;		/* IOVA of the device area (used ring) */
	u64 features;			/* as negotiated */
	u32 num;			/* ring size */
	struct vdpa_vq_state state;	/* where to begin */
};

struct vdpa_vring;	/* defined below this contract by the implementation */

/*
 * Sets a ring up: checks size and alignment, translates the ring's areas,
 * allocates everything the data path needs. May sleep.
 * 0, -EINVAL (size, alignment, features), -EFAULT (area not mapped), -ENOMEM,
 * -EOPNOTSUPP (legacy or big-endian guest: no VIRTIO_F_VERSION_1).
 */
int vdpa_vring_start(struct vdpa_vring *vr, const struct vdpa_vring_config *cfg);
/* Frees what start allocated; the state stays readable. Idempotent. */
void vdpa_vring_stop(struct vdpa_vring *vr);
/* Next descriptor to take (split and packed form), for get_vq_state */
void vdpa_vring_get_state(const struct vdpa_vring *vr, struct vdpa_vq_state *state);
/* True once the driver broke the rules; only a stop and start mends it */
bool vdpa_vring_broken(const struct vdpa_vring *vr);

/*
 * Takes up to @n chains. Returns how many (0: none available), or -EBADMSG
 * when the ring is broken. The chains stay valid until they are completed or
 * put back; at most one batch is out at a time.
 */
int vdpa_vring_take(struct vdpa_vring *vr, struct vdpa_vring_chain *chains,
		    unsigned int n);
/* Gives the last @n chains taken back to the ring, as if never taken */
void vdpa_vring_untake(struct vdpa_vring *vr, const struct vdpa_vring_chain *chains,
		       unsigned int n);
/* Marks a chain used with @written bytes; seen by the driver after the flush */
void vdpa_vring_complete(struct vdpa_vring *vr, const struct vdpa_vring_chain *chain,
			 u32 written);
/* Publishes the completed chains; true when the driver wants a notification */
bool vdpa_vring_flush(struct vdpa_vring *vr);

/* Asks the driver not to kick (false), or to kick (true). After true, returns
 * true when chains came in meanwhile: the caller then looks again.
 */
bool vdpa_vring_want_kick(struct vdpa_vring *vr, bool want);

/* A position in the readable or the writable part of a chain */
struct vdpa_vring_cursor {
	struct vdpa_vring *vr;
	const struct vdpa_vring_desc *desc;
	unsigned int left;	/* descriptors from @desc on */
	u32 off;		/* bytes of @desc already passed */
	bool write;
};

void vdpa_vring_cursor_out(struct vdpa_vring_cursor *cur, struct vdpa_vring *vr,
			   const struct vdpa_vring_chain *chain);
void vdpa_vring_cursor_in(struct vdpa_vring_cursor *cur, struct vdpa_vring *vr,
			  const struct vdpa_vring_chain *chain);
/*
 * The next contiguous piece of at most @max bytes: its kernel address, with
 * its length in @len, and the cursor moves past it. NULL with *len == 0 at
 * the end; ERR_PTR(-EFAULT) when the address is not mapped (ring breaks).
 */
void *vdpa_vring_cursor_next(struct vdpa_vring_cursor *cur, size_t max, size_t *len);
/* Copies; returns bytes moved (short only at the end of the chain) or -EFAULT */
ssize_t vdpa_vring_pull(struct vdpa_vring_cursor *cur, void *dst, size_t len);
ssize_t vdpa_vring_push(struct vdpa_vring_cursor *cur, const void *src, size_t len);
/* From one chain's readable part to another's writable part */
ssize_t vdpa_vring_copy(struct vdpa_vring_cursor *dst, struct vdpa_vring_cursor *src,
			size_t len);

#endif /* _LINUX_VDPA_VRING_H */
