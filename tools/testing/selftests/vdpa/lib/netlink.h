/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VDPA_NETLINK_H
#define SELFTEST_VDPA_NETLINK_H

/*
 * One request to a generic-netlink family and its answer: for what an installed
 * iproute2 may be too old to ask. All return 0 or a negative errno, the
 * kernel's own where it refused.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_request {
	size_t len;
	_Alignas(4) char buf[1024];
	/* of the answer: what the kernel said in words, or "" */
	char said[160];
	/* the attribute that it blamed or missed, or 0 */
	uint16_t blamed;
	/* messages, and how many times it took to read them */
	unsigned int messages, reads;
};

/* Begins a request to family "vdpa" */
int nl_begin(struct nl_request *req, uint8_t command, uint16_t flags);
void nl_put(struct nl_request *req, uint16_t type, const void *data, size_t len);
void nl_put_string(struct nl_request *req, uint16_t type, const char *text);

/* Called for each attribute of the answer, before each message with type 0 */
typedef void (*nl_attr_fn)(void *arg, uint16_t type, const void *data, size_t len);
/* Sends and reads until the kernel's acknowledgment; @fn may be NULL */
int nl_do(struct nl_request *req, nl_attr_fn fn, void *arg);

#endif /* SELFTEST_VDPA_NETLINK_H */
