/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VDPA_SIM_BLK_H
#define _VDPA_SIM_BLK_H

#include <linux/kref.h>
#include <linux/virtio_blk.h>
#include <linux/xarray.h>

#include "vdpa_sim.h"

/* What capacities and sectors are counted in, whatever the block size (5.2.4) */
#define SIMBLK_SECTOR_SHIFT	9
#define SIMBLK_SECTOR		BIT(SIMBLK_SECTOR_SHIFT)

/*
 * How worn a disk is (5.2.6), which the kernel's uAPI headers leave out. Memory
 * doesn't wear.
 */
#define VIRTIO_BLK_F_LIFETIME		15
#define VIRTIO_BLK_T_GET_LIFETIME	10

struct virtio_blk_lifetime {
	__le16 pre_eol_info;
	__le16 device_lifetime_est_typ_a;
	__le16 device_lifetime_est_typ_b;
};

#define VIRTIO_BLK_PRE_EOL_INFO_NORMAL	1

/* Data of one request, or of a range to be zeroed: none holds its queue up for long */
#define SIMBLK_MAX_DATA		(64UL << 20)

/* Ranges of a request: a page is given back in less time than it is overwritten in */
#define SIMBLK_DISCARD_RANGES	16
#define SIMBLK_ZERO_RANGES	1

/**
 * struct simblk_store - the contents of a disk
 * @ref: devices that use it
 * @pages: by page of the disk; a page that is missing is full of zeroes
 * @size: bytes
 */
struct simblk_store {
	struct kref ref;
	struct xarray pages;
	u64 size;
};

struct simblk_store *simblk_store_create(u64 size);
struct simblk_store *simblk_store_share(u64 size);
void simblk_store_put(struct simblk_store *store);
int simblk_store_enter(void);
void simblk_store_leave(int idx);
ssize_t simblk_store_read(struct simblk_store *store, u64 pos, size_t len,
			  struct vdpa_vring_cursor *to);
ssize_t simblk_store_write(struct simblk_store *store, u64 pos, size_t len,
			   struct vdpa_vring_cursor *from);
u64 simblk_store_zero(struct simblk_store *store, u64 pos, u64 len, bool free);
void simblk_store_exit(void);

/**
 * struct simblk_limits - what a disk is like; doesn't change
 * @size: bytes of the disk
 * @block: bytes of a block, the unit of all requests
 * @seg_max: data segments of a request
 * @size_max: bytes of a segment
 * @range_max: sectors of one range to discard, to write zeroes to or to erase
 */
struct simblk_limits {
	u64 size;
	u32 block;
	u32 seg_max;
	u32 size_max;
	u32 range_max;
};

/**
 * struct simblk_stats - counters of one queue, with its lock
 * @reads: requests to read that were carried out
 * @writes: ... to write
 * @flushes: ... to flush
 * @discards: ... to discard
 * @zeroes: ... to write zeroes
 * @erases: ... to erase
 * @read_bytes: bytes read
 * @write_bytes: bytes written
 * @errors: requests that were refused as wrong
 * @unsupported: requests of a kind that was not negotiated
 * @malformed: chains without room for a status, which can't even be refused
 */
struct simblk_stats {
	u64 reads;
	u64 writes;
	u64 flushes;
	u64 discards;
	u64 zeroes;
	u64 erases;
	u64 read_bytes;
	u64 write_bytes;
	u64 errors;
	u64 unsupported;
	u64 malformed;
};

/**
 * struct simblk - a simulated disk
 * @sim: the engine's part; must come first
 * @limits: what it is like
 * @store: its contents
 * @stats: a queue's counters, as many as queues
 * @chose: the driver did so where it may choose (VIRTIO_BLK_F_CONFIG_WCE)
 * @writeback: what it chose then
 */
struct simblk {
	struct vdpasim sim;
	struct simblk_limits limits;
	struct simblk_store *store;
	struct simblk_stats *stats;
	bool chose;
	bool writeback;
};

static inline struct simblk *sim_to_blk(struct vdpasim *sim)
{
	return container_of(sim, struct simblk, sim);
}

bool simblk_process(struct vdpasim_vq *vq);

#endif /* _VDPA_SIM_BLK_H */
