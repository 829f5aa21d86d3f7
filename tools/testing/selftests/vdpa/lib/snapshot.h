/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VDPA_SNAPSHOT_H
#define SELFTEST_VDPA_SNAPSHOT_H

/*
 * All that can be observed of a device, its driver and its client, as text with a
 * line for each thing, to be compared with what it is later.
 */

#include <stddef.h>

#include "client.h"
#include "netlink.h"

struct snapshot {
	size_t len;
	char text[16384];
};

void snapshot_clear(struct snapshot *s);
__attribute__((format(printf, 2, 3)))
void snapshot_add(struct snapshot *s, const char *format, ...);

/* What each call of the char device answers; the rings' numbers if there are any */
void snapshot_client(struct snapshot *s, const struct client *c);
/* What netlink says of device @name, and sysfs of its driver */
void snapshot_device(struct snapshot *s, const char *name);
/* An answer of nl_do(), for which @arg is the snapshot */
void snapshot_attr(void *arg, uint16_t type, const void *data, size_t len);
/* Pages that the calling process has pinned */
void snapshot_pins(struct snapshot *s);

/* The first line of @a that is another one in @b, in @line; false for none */
bool snapshot_differs(const struct snapshot *a, const struct snapshot *b, char *line,
		      size_t size);

#endif /* SELFTEST_VDPA_SNAPSHOT_H */
