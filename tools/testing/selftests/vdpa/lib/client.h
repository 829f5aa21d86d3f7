/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VDPA_CLIENT_H
#define SELFTEST_VDPA_CLIENT_H

/*
 * A small virtio driver on /dev/vhost-vdpa-N: memory that the device sees,
 * queues with their eventfds, and the way from open to DRIVER_OK and back.
 * All return 0 or a negative errno unless they say otherwise.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_net.h>

#include "vhost_vdpa.h"
#include "vring.h"

#define CLIENT_QUEUES	16
/* Where the client's memory lies for the device: nowhere near its address here */
#define CLIENT_IOVA	0x1200000000ULL

struct client_queue {
	struct vq vq;
	int kick;
	int call;
	uint64_t calls;		/* taken from the eventfd so far */
};

struct client {
	int fd;
	uint64_t features;	/* as negotiated */
	char *mem;		/* all that the device may touch */
	size_t size;
	size_t taken;
	unsigned int nqueues;
	struct client_queue queue[CLIENT_QUEUES];
};

/* Opens, becomes owner, and maps @size bytes of new memory at CLIENT_IOVA */
int client_open(struct client *c, const char *path, size_t size);
/* Takes those of @wanted and VERSION_1, ACCESS_PLATFORM that are offered */
int client_negotiate(struct client *c, uint64_t wanted);
/* Sets queue @index == c->nqueues up; it is not enabled */
int client_add_queue(struct client *c, unsigned int num);
/* DRIVER_OK, then all queues are enabled */
int client_start(struct client *c);
/* As a process that stops: queues off, bases read, reset, memory unmapped */
int client_stop(struct client *c);
/* After a reset of the device or a stop: the way back with the same queues */
int client_restart(struct client *c, bool rewind);
/* The same up to FEATURES_OK: client_start() is what is left */
int client_program(struct client *c, bool rewind);
/* First steps of that: memory, features */
int client_map_memory(struct client *c);
int client_announce(struct client *c);
void client_close(struct client *c);

/* Memory that the device sees; never given back. NULL when it is used up */
void *client_alloc(struct client *c, size_t size, size_t align);
uint64_t client_iova(const struct client *c, const void *mem);

int client_kick(struct client *c, unsigned int index);
/*
 * The next used buffer of a queue, polled (the caller's time on the CPU is
 * given up meanwhile) or by its call eventfd. -ETIMEDOUT after @ms.
 */
int client_poll(struct client *c, unsigned int index, uint32_t *token,
		uint32_t *len, unsigned int ms);
int client_wait(struct client *c, unsigned int index, uint32_t *token,
		uint32_t *len, unsigned int ms);

/* How often the device has called for a queue, since the queue was made */
uint64_t client_calls(struct client *c, unsigned int index);

uint64_t now_ns(void);
/* Bytes that are different for each seed and place */
void fill_pattern(void *mem, size_t len, uint64_t seed);

#endif /* SELFTEST_VDPA_CLIENT_H */
