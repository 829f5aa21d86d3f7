/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VDPA_PACKET_H
#define SELFTEST_VDPA_PACKET_H

/*
 * Packets as a driver with offloads sends them, and what a receiver without
 * them must get: each segment or fragment is looked at for itself, with all of
 * its checksums, and the payload compared with what was sent.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/virtio_net.h>

/* What the installed headers may be too old for */
#ifndef VIRTIO_NET_F_GUEST_USO4
#define VIRTIO_NET_F_GUEST_USO4		54
#define VIRTIO_NET_F_GUEST_USO6		55
#define VIRTIO_NET_F_HOST_USO		56
#define VIRTIO_NET_HDR_GSO_UDP_L4	5
#endif
#ifndef VIRTIO_NET_F_GUEST_HDRLEN
#define VIRTIO_NET_F_GUEST_HDRLEN	59
#endif

#define PACKET_ID	0xfff0	/* of IPv4; wraps within the packet */

#define TCP_FIN	0x01
#define TCP_PSH	0x08
#define TCP_ACK	0x10
#define TCP_CWR	0x80

struct packet {
	bool ipv6;
	bool tcp;		/* or UDP */
	bool tagged;		/* in a VLAN */
	uint8_t flags;		/* TCP_xx */
	uint16_t sport;
	uint16_t dport;
	size_t payload;		/* bytes */
	uint64_t seed;		/* of the payload */

	/* filled in by packet_build() */
	const uint8_t *frame;
	size_t ip;		/* offsets of the headers and the payload */
	size_t transport;
	size_t data;
	size_t len;		/* of all */
};

/*
 * Makes a packet from @mac to itself; the place of the checksum has what a
 * driver puts there that leaves it to the device.
 */
void packet_build(struct packet *p, const uint8_t mac[6], void *frame);
/* A header that asks for the checksum, and to cut the packet for @size not 0 */
void packet_header(const struct packet *p, uint8_t type, uint16_t size,
		   struct virtio_net_hdr_v1 *hdr);

/*
 * Is @frame the part of the packet that begins at @done bytes of its payload,
 * ready for the wire? Its bytes of payload, or -1 with a word about it. For
 * fragments, the UDP header counts as payload.
 */
long packet_segment(const struct packet *p, const void *frame, size_t len, size_t done);
long packet_fragment(const struct packet *p, const void *frame, size_t len, size_t done);

#endif /* SELFTEST_VDPA_PACKET_H */
