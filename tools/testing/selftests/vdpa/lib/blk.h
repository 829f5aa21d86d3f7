/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VDPA_BLK_H
#define SELFTEST_VDPA_BLK_H

/* A block driver on a client: one queue, requests by slots */

#include "client.h"

#define BLK_SECTOR	512

/* virtio 1.2, 5.2.6; not in the kernel's uAPI headers */
#define BLK_F_LIFETIME		15
#define BLK_T_GET_LIFETIME	10

struct blk {
	struct client c;
	struct virtio_blk_config config;
	unsigned int depth;	/* slots, each with a header, data and a status */
	size_t room;		/* bytes of data of a slot */
	struct virtio_blk_outhdr *header;
	char *data;
	uint8_t *status;
};

#define BLK_WANTED (VV_BIT(VIRTIO_BLK_F_SEG_MAX) | VV_BIT(VIRTIO_BLK_F_SIZE_MAX) | \
		    VV_BIT(VIRTIO_BLK_F_BLK_SIZE) | VV_BIT(VIRTIO_BLK_F_FLUSH) | \
		    VV_BIT(VIRTIO_BLK_F_DISCARD) | VV_BIT(VIRTIO_BLK_F_WRITE_ZEROES))

int blk_open(struct blk *b, const char *path, uint64_t wanted, unsigned int num,
	     unsigned int depth, size_t room);
void blk_close(struct blk *b);

char *blk_data(struct blk *b, unsigned int slot);

/* Adds a request; VIRTIO_BLK_T_IN, GET_ID, GET_LIFETIME have writable data, others readable */
int blk_add(struct blk *b, unsigned int slot, uint32_t type, uint64_t sector,
	    size_t len);
int blk_flush(struct blk *b);	/* publishes, and kicks when the device wants it */

/* One request alone, polled: the status (VIRTIO_BLK_S_OK), or an errno */
int blk_do(struct blk *b, unsigned int slot, uint32_t type, uint64_t sector,
	   size_t len);
/* The same, waiting for the call eventfd */
int blk_do_wait(struct blk *b, unsigned int slot, uint32_t type, uint64_t sector,
		size_t len);

#endif /* SELFTEST_VDPA_BLK_H */
