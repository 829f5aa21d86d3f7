/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VDPA_SUBJECT_H
#define SELFTEST_VDPA_SUBJECT_H

/*
 * A device of any parent and of whatever class we have a driver for: one kind
 * of buffer that harms nobody goes through one of its queues. That is a frame
 * to the device's own address, or a read of the first sector.
 */

#include "blk.h"
#include "net.h"

#define SUBJECT_NUM	16	/* ring size, and buffers */
#define SUBJECT_ROOM	4096
#define SUBJECT_PATIENCE 5000	/* ms */

struct subject {
	const char *name;
	char path[64];
	uint32_t id;		/* VIRTIO_ID_xx */
	bool started;
	struct net n;
	struct blk b;
};

/* Finds the device and what it is; 0 or a negative errno */
int subject_find(struct subject *s, const char *name);
/* True when there is a driver for it here */
bool subject_has_driver(const struct subject *s);

/* Up to DRIVER_OK with what is offered of @ring */
int subject_start(struct subject *s, uint64_t ring);
/* Does nothing for one that did not start */
void subject_stop(struct subject *s);

struct client *subject_client(struct subject *s);
unsigned int subject_queue(const struct subject *s);
/* Descriptors that a buffer of ours takes */
unsigned int subject_descs(const struct subject *s);

/* Gives the device buffer @slot of SUBJECT_NUM, and kicks if it wants that */
int subject_give(struct subject *s, unsigned int slot);
/* The next buffer back, polled, and whether the device did what it should */
int subject_take(struct subject *s, unsigned int *slot);
/* The same, waiting for the call eventfd */
int subject_take_called(struct subject *s, unsigned int *slot);
/*
 * What the device writes to for the buffers given: data read, frames received.
 * All of it is @size bytes, in whole pages.
 */
char *subject_target(struct subject *s, size_t *size);
/*
 * In place of subject_take(): whether the device says within @ms that it has
 * written what it should. After a frame, that is for who receives to say, and the
 * buffer is given back for another.
 */
bool subject_has_written(struct subject *s, unsigned int ms);
/* Whether an IOMMU of the machine translates what the device accesses */
bool subject_is_behind_iommu(const struct subject *s);
/* One buffer there and back */
int subject_once(struct subject *s);

#endif /* SELFTEST_VDPA_SUBJECT_H */
