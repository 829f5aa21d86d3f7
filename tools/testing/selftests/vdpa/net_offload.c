// SPDX-License-Identifier: GPL-2.0
/*
 * Offloads of a simulated network device by a driver in user space: what it
 * sends unfinished comes back as it is when it takes that, and finished when it
 * doesn't; headers that lie are refused.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "lib/device.h"
#include "lib/net.h"
#include "lib/packet.h"

#define NUM		64
#define ROOM		69632	/* the largest frame, in whole pages */
#define SMALL		1600
#define PATIENCE	5000
#define MSS		1400

#define SEND	(VV_BIT(VIRTIO_NET_F_CSUM) | VV_BIT(VIRTIO_NET_F_HOST_TSO4) |	\
		 VV_BIT(VIRTIO_NET_F_HOST_TSO6) | VV_BIT(VIRTIO_NET_F_HOST_ECN) |	\
		 VV_BIT(VIRTIO_NET_F_HOST_UFO) | VV_BIT(VIRTIO_NET_F_HOST_USO))
#define RECEIVE	(VV_BIT(VIRTIO_NET_F_GUEST_CSUM) | VV_BIT(VIRTIO_NET_F_GUEST_TSO4) |	\
		 VV_BIT(VIRTIO_NET_F_GUEST_TSO6) | VV_BIT(VIRTIO_NET_F_GUEST_ECN) |	\
		 VV_BIT(VIRTIO_NET_F_GUEST_UFO) | VV_BIT(VIRTIO_NET_F_GUEST_USO4) |	\
		 VV_BIT(VIRTIO_NET_F_GUEST_USO6))
#define CSUM	VV_BIT(VIRTIO_NET_F_GUEST_CSUM)
#define MRG	VV_BIT(VIRTIO_NET_F_MRG_RXBUF)
#define PACKED	VV_BIT(VIRTIO_F_RING_PACKED)
#define CONTROL	VV_BIT(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS)
#define HDRLEN	VV_BIT(VIRTIO_NET_F_GUEST_HDRLEN)
#define OFFERED	(NET_WANTED | SEND | RECEIVE | MRG | HDRLEN | PACKED |	\
		 VV_BIT(VIRTIO_F_VERSION_1) | VV_BIT(VIRTIO_F_ACCESS_PLATFORM))

static const struct kind {
	const char *name;
	uint8_t type;
	bool ipv6, tcp, fragments;
} kinds[] = {
	{ "TCP/IPv4", VIRTIO_NET_HDR_GSO_TCPV4, .tcp = true },
	{ "TCP/IPv6", VIRTIO_NET_HDR_GSO_TCPV6, .ipv6 = true, .tcp = true },
	{ "TCP/IPv4, ECN", VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN, .tcp = true },
	{ "TCP/IPv6, ECN", VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN,
	  .ipv6 = true, .tcp = true },
	{ "UDP/IPv4", VIRTIO_NET_HDR_GSO_UDP_L4 },
	{ "UDP/IPv6", VIRTIO_NET_HDR_GSO_UDP_L4, .ipv6 = true },
	{ "UFO/IPv4", VIRTIO_NET_HDR_GSO_UDP, .fragments = true },
	{ "UFO/IPv6", VIRTIO_NET_HDR_GSO_UDP, .ipv6 = true, .fragments = true },
};

#define KINDS_END	(kinds + ARRAY_SIZE(kinds))

FIXTURE(offload) {
	char name[32];
	char path[64];
	struct net n;
};

FIXTURE_VARIANT(offload) {
	uint64_t features;
	size_t rx_room;
};

/* Takes everything as it is */
FIXTURE_VARIANT_ADD(offload, whole) {
	.features = RECEIVE,
	.rx_room = ROOM,
};

FIXTURE_VARIANT_ADD(offload, whole_merged) {
	.features = RECEIVE | MRG,
	.rx_room = SMALL,
};

FIXTURE_VARIANT_ADD(offload, whole_merged_packed) {
	.features = RECEIVE | MRG | PACKED,
	.rx_room = SMALL,
};

/* Takes checksums that are not there yet, but no large packets */
FIXTURE_VARIANT_ADD(offload, checksum) {
	.features = CSUM,
	.rx_room = SMALL,
};

/* Takes nothing but what is ready for the wire */
FIXTURE_VARIANT_ADD(offload, nothing) {
	.rx_room = SMALL,
};

FIXTURE_VARIANT_ADD(offload, nothing_merged) {
	.features = MRG,
	.rx_room = 500,
};

FIXTURE_VARIANT_ADD(offload, nothing_packed) {
	.features = PACKED,
	.rx_room = SMALL,
};

FIXTURE_SETUP(offload)
{
	uint64_t wanted = NET_WANTED | SEND | variant->features;
	int err;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", OFFERED, self->name, self->path));
	err = net_open_small(&self->n, self->path, wanted, NUM, ROOM, variant->rx_room);
	if (!err && (self->n.c.features & wanted) != wanted)
		err = -EOPNOTSUPP;
	if (err)
		vdpa_del(self->name);
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(offload)
{
	net_close(&self->n);
	vdpa_del(self->name);
}

/* The same for drivers that take some kinds, by their number above */
FIXTURE(some) {
	char name[32];
	char path[64];
	struct net n;
};

FIXTURE_VARIANT(some) {
	uint64_t features;
	unsigned int whole;
};

FIXTURE_VARIANT_ADD(some, tso4) {
	.features = CSUM | VV_BIT(VIRTIO_NET_F_GUEST_TSO4), .whole = 0x01,
};

FIXTURE_VARIANT_ADD(some, tso4_ecn) {
	.features = CSUM | VV_BIT(VIRTIO_NET_F_GUEST_TSO4) | VV_BIT(VIRTIO_NET_F_GUEST_ECN),
	.whole = 0x05,
};

FIXTURE_VARIANT_ADD(some, tso6) {
	.features = CSUM | VV_BIT(VIRTIO_NET_F_GUEST_TSO6), .whole = 0x02,
};

FIXTURE_VARIANT_ADD(some, uso4) {
	.features = CSUM | VV_BIT(VIRTIO_NET_F_GUEST_USO4),
};

FIXTURE_VARIANT_ADD(some, uso) {
	.features = CSUM | VV_BIT(VIRTIO_NET_F_GUEST_USO4) | VV_BIT(VIRTIO_NET_F_GUEST_USO6),
	.whole = 0x30,
};

FIXTURE_VARIANT_ADD(some, ufo) {
	.features = CSUM | VV_BIT(VIRTIO_NET_F_GUEST_UFO), .whole = 0xc0,
};

FIXTURE_SETUP(some)
{
	uint64_t wanted = NET_WANTED | SEND | variant->features;
	int err;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", OFFERED, self->name, self->path));
	err = net_open(&self->n, self->path, wanted, NUM, ROOM);
	if (err)
		vdpa_del(self->name);
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(some)
{
	net_close(&self->n);
	vdpa_del(self->name);
}

static struct virtio_net_hdr_v1 *tx_header(struct net *n)
{
	return (void *)(net_tx_frame(n, 0) - NET_HEADER);
}

static int send_frame(struct net *n, size_t len)
{
	uint32_t slot, used;
	int err = net_send(n, 0, len);

	if (!err)
		err = net_flush(n, NET_TX);
	return err ? err : client_poll(&n->c, NET_TX, &slot, &used, PATIENCE);
}

static void make(struct net *n, const struct kind *kind, size_t payload, struct packet *p)
{
	*p = (struct packet) {
		.ipv6 = kind->ipv6, .tcp = kind->tcp, .payload = payload,
		.sport = 4000, .dport = 5000, .seed = payload,
		.flags = TCP_ACK | TCP_PSH | TCP_FIN |
			 (kind->type & VIRTIO_NET_HDR_GSO_ECN ? TCP_CWR : 0),
	};
	packet_build(p, n->mac, net_tx_frame(n, 0));
}

/* The next frame, put together where it was merged; its length or an errno */
static long receive(struct net *n, struct virtio_net_hdr_v1 *hdr, char frame[ROOM])
{
	size_t len = 0, head = NET_HEADER;
	unsigned int i, count = 1;
	uint32_t slot, used;
	int err;

	for (i = 0; i < count; i++, head = 0) {
		/* all of a frame becomes visible at once */
		err = client_poll(&n->c, NET_RX, &slot, &used, i ? 0 : PATIENCE);
		if (err)
			return err;
		if (!i) {
			memcpy(hdr, n->rx + slot * n->room, NET_HEADER);
			count = hdr->num_buffers;
		}
		/* only the last one may have room left */
		if (i + 1 < count && used != n->rx_room)
			return -EBADMSG;
		memcpy(frame + len, n->rx + slot * n->room + head, used - head);
		len += used - head;
		err = net_post_rx(n, slot);
		if (err)
			return err;
	}
	err = net_flush(n, NET_RX);
	return err ? err : (long)len;
}

/* Sends what is in the buffer and expects it back with the same header */
static bool comes_back(struct net *n, const struct packet *p, size_t rx_room)
{
	static char frame[ROOM];
	struct virtio_net_hdr_v1 want = *tx_header(n), hdr;
	size_t buffers = (NET_HEADER + p->len + rx_room - 1) / rx_room;

	want.num_buffers = n->c.features & MRG ? buffers : 1;
	return !send_frame(n, p->len) && receive(n, &hdr, frame) == (long)p->len &&
	       !memcmp(&hdr, &want, NET_HEADER) && !memcmp(frame, p->frame, p->len);
}

/* Sends it and expects it in pieces of @size that are ready for the wire */
static bool comes_in_pieces(struct net *n, const struct packet *p, bool fragments,
			    size_t size, uint8_t flags)
{
	long (*check)(const struct packet *p, const void *frame, size_t len, size_t done) =
		fragments ? packet_fragment : packet_segment;
	size_t done = 0, total = fragments ? p->len - p->transport : p->payload;
	static char frame[ROOM];
	struct virtio_net_hdr_v1 hdr;
	long len, part;
	uint16_t id;

	if (send_frame(n, p->len))
		return false;
	for (; done < total; done += part) {
		len = receive(n, &hdr, frame);
		if (len < 0 || hdr.flags != flags || hdr.gso_type || hdr.gso_size || hdr.hdr_len)
			return false;
		/* fragments share the number of the packet, segments have their own */
		memcpy(&id, frame + p->ip + 4, sizeof(id));
		if (!p->ipv6 && id != htons(PACKET_ID + (fragments ? 0 : done / size)))
			return false;
		part = check(p, frame, len, done);
		if (part != (long)(total - done < size ? total - done : size))
			return false;
	}
	return !vq_pending(&n->c.queue[NET_RX].vq);
}

TEST_F(offload, checksums)
{
	static const size_t lengths[] = { 1, 2, 3, 63, 64, 65, 999, 1400 };
	struct net *n = &self->n;
	const struct kind *kind;
	struct packet p;
	unsigned int i;

	for (kind = kinds; kind < KINDS_END; kind++) {
		for (i = 0; i < ARRAY_SIZE(lengths); i++) {
			make(n, kind, lengths[i], &p);
			packet_header(&p, 0, 0, tx_header(n));
			EXPECT_TRUE(variant->features & CSUM ?
				    comes_back(n, &p, variant->rx_room) :
				    comes_in_pieces(n, &p, false, MSS, 0)) {
				TH_LOG("%s, %zu bytes", kind->name, lengths[i]);
			}
		}
	}
}

TEST_F_TIMEOUT(offload, large_packets, 120)
{
	/* one segment, two, a last one of one byte, as many as there are, all even */
	static const size_t lengths[] = { 100, MSS, MSS + 1, 5000, 20000, 40 * MSS, 60001 };
	uint8_t flags = variant->features & CSUM ? VIRTIO_NET_HDR_F_DATA_VALID : 0;
	struct net *n = &self->n;
	const struct kind *kind;
	struct packet p;
	unsigned int i;

	for (kind = kinds; kind < KINDS_END; kind++) {
		for (i = 0; i < ARRAY_SIZE(lengths); i++) {
			/* merged ones take more buffers than segments */
			if (variant->rx_room < MSS && lengths[i] > 20000)
				continue;
			make(n, kind, lengths[i], &p);
			packet_header(&p, kind->type, MSS, tx_header(n));
			EXPECT_TRUE(variant->features & ~MRG & ~PACKED & ~CSUM ?
				    comes_back(n, &p, variant->rx_room) :
				    comes_in_pieces(n, &p, kind->fragments, MSS, flags)) {
				TH_LOG("%s, %zu bytes", kind->name, lengths[i]);
			}
		}
	}
}

/* Tags, sizes of segments that are odd, small, or no multiple of 8 */
TEST_F(offload, tags_and_sizes)
{
	uint8_t flags = variant->features & CSUM ? VIRTIO_NET_HDR_F_DATA_VALID : 0;
	static const uint16_t sizes[] = { 48, 100, 777, 1403 };
	struct net *n = &self->n;
	const struct kind *kind;
	struct packet p;
	unsigned int i;

	for (kind = kinds; kind < KINDS_END; kind++) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			make(n, kind, 0, &p);
			p.tagged = true;
			p.payload = sizes[i] * 7 + 13;
			packet_build(&p, n->mac, net_tx_frame(n, 0));
			packet_header(&p, kind->type, sizes[i], tx_header(n));
			EXPECT_TRUE(variant->features & ~MRG & ~PACKED & ~CSUM ?
				    comes_back(n, &p, variant->rx_room) :
				    comes_in_pieces(n, &p, kind->fragments,
						    kind->fragments ? sizes[i] & ~7 : sizes[i],
						    flags)) {
				TH_LOG("%s, segments of %u", kind->name, sizes[i]);
			}
		}
	}
}

/* A checksum of UDP that comes to 0 is sent as 0xffff: 0 means that there is none */
TEST_F(offload, checksum_of_zero)
{
	static char frame[ROOM];
	struct net *n = &self->n;
	struct virtio_net_hdr_v1 hdr;
	const struct kind *kind;
	struct packet p;

	if (variant->features & CSUM)
		SKIP(return, "the device makes no checksum");
	for (kind = kinds; kind < KINDS_END; kind++) {
		uint16_t check, word;
		uint32_t sum;

		if (kind->type != VIRTIO_NET_HDR_GSO_UDP_L4)
			continue;
		make(n, kind, 100, &p);
		packet_header(&p, 0, 0, tx_header(n));
		ASSERT_EQ(0, send_frame(n, p.len));
		ASSERT_EQ((long)p.len, receive(n, &hdr, frame));
		/* what the sum lacks to all ones goes into the payload */
		memcpy(&check, frame + p.transport + 6, 2);
		memcpy(&word, frame + p.data, 2);
		sum = check + word;
		word = (sum & 0xffff) + (sum >> 16);
		memcpy(net_tx_frame(n, 0) + p.data, &word, 2);
		packet_header(&p, 0, 0, tx_header(n));
		EXPECT_TRUE(comes_in_pieces(n, &p, false, MSS, 0));
	}
}

/* Fragments of an IPv6 packet are known by a number, which the next one hasn't */
TEST_F(offload, fragments_belong_together)
{
	const struct kind *kind = KINDS_END - 1;
	uint32_t first[2] = { 0 }, ident;
	static char frame[ROOM];
	struct net *n = &self->n;
	struct virtio_net_hdr_v1 hdr;
	struct packet p;
	unsigned int i, j;

	if (variant->features & ~MRG & ~PACKED & ~CSUM)
		SKIP(return, "nothing is cut");
	for (i = 0; i < 2; i++) {
		make(n, kind, 3000, &p);
		packet_header(&p, kind->type, MSS, tx_header(n));
		ASSERT_EQ(0, send_frame(n, p.len));
		for (j = 0; j < 3; j++) {
			ASSERT_LT(0, receive(n, &hdr, frame));
			memcpy(&ident, frame + p.transport + 4, 4);
			if (!j)
				first[i] = ident;
			EXPECT_EQ(first[i], ident);
		}
	}
	EXPECT_NE(first[0], first[1]);
}

/* What is not fit to be sent: dropped, counted, and nothing else happens */
static bool is_refused(struct net *n, const char *name, size_t len)
{
	uint64_t before, after;
	struct packet p;

	if (vdpa_counter(name, NET_TX, "errors", &before) || send_frame(n, len) ||
	    vdpa_counter(name, NET_TX, "errors", &after))
		return false;
	if (after != before + 1 || vq_pending(&n->c.queue[NET_RX].vq))
		return false;
	make(n, &kinds[0], 64, &p);
	memset(tx_header(n), 0, NET_HEADER);
	return comes_back(n, &p, n->rx_room);
}

#define REFUSED(what) do {							\
	struct packet p;							\
	struct virtio_net_hdr_v1 *hdr = tx_header(&self->n);			\
										\
	make(&self->n, kind, 5000, &p);						\
	packet_header(&p, kind->type, MSS, hdr);				\
	what;									\
	EXPECT_TRUE(is_refused(&self->n, self->name, p.len)) {			\
		TH_LOG("%s: %s", kind->name, #what);				\
	}									\
} while (0)

TEST_F_TIMEOUT(offload, headers_that_lie, 120)
{
	const struct kind *kind;

	if (variant->features & ~PACKED)
		SKIP(return, "whoever receives, the sender is checked");
	for (kind = kinds; kind < KINDS_END; kind++) {
		REFUSED(hdr->csum_start = 0);
		REFUSED(hdr->csum_start = p.len - 1);
		REFUSED(hdr->csum_start = 0xffff);
		REFUSED(hdr->csum_offset = 0xffff);
		REFUSED(hdr->csum_offset++);
		REFUSED(hdr->gso_size = 0);
		REFUSED(hdr->gso_type = 2);
		REFUSED(hdr->gso_type = 6);
		REFUSED(hdr->gso_type = 0x7f);
		REFUSED(hdr->gso_type = 0xff);
		REFUSED(hdr->gso_type = VIRTIO_NET_HDR_GSO_ECN);
		REFUSED(hdr->flags = 0);
		if (!kind->tcp)
			REFUSED(hdr->gso_type |= VIRTIO_NET_HDR_GSO_ECN);
	}
	/* the same without segments */
	kind = &kinds[0];
	REFUSED(hdr->gso_type = 0; hdr->csum_start = p.len - 1; hdr->csum_offset = 0);
	REFUSED(hdr->gso_type = 0; hdr->csum_start = 13);
	REFUSED(hdr->gso_type = 0; hdr->csum_offset = p.len);
}

/* What only who cuts the packet comes to see: it says so itself */
TEST_F_TIMEOUT(offload, packets_that_lie, 120)
{
	const struct kind *kind;

	if (variant->features & ~MRG & ~PACKED & ~CSUM)
		SKIP(return, "nothing is cut");
	for (kind = kinds; kind < KINDS_END; kind++) {
		uint8_t *ip = (uint8_t *)net_tx_frame(&self->n, 0) + 14;

		REFUSED(hdr->csum_start++);
		REFUSED(hdr->csum_start -= 8);
		REFUSED(ip[0] ^= 0x20);
		REFUSED(ip[kind->ipv6 ? 6 : 9] = 1);
		REFUSED(ip[-1] ^= 1);
		REFUSED(ip[-2] = 0x81; ip[-1] = 0);
		if (!kind->ipv6)
			REFUSED(ip[0] = 0x4f);
		if (kind->tcp)
			REFUSED(ip[kind->ipv6 ? 52 : 32] = 0x40);
		if (kind->tcp)
			REFUSED(hdr->gso_type ^= VIRTIO_NET_HDR_GSO_TCPV4 ^
						 VIRTIO_NET_HDR_GSO_TCPV6);
		/* thousands of segments, or none */
		REFUSED(hdr->gso_size = 1);
		if (!kind->fragments)
			REFUSED(p.len = p.data);
	}
}

/* Frames that the driver has no room for are counted; smaller ones still come */
TEST_F(offload, too_large)
{
	static char frame[ROOM];
	struct net *n = &self->n;
	bool merged = n->c.features & MRG;
	size_t room = merged ? NUM * n->rx_room : n->rx_room;
	uint64_t oversized, overruns;
	struct packet p;

	if (room > 65536)
		SKIP(return, "there is room for all");
	/* no matter of offloads, so without a header */
	make(n, &kinds[0], 0, &p);
	p.payload = room + 1 - NET_HEADER - p.data;
	packet_build(&p, n->mac, net_tx_frame(n, 0));
	memset(tx_header(n), 0, NET_HEADER);
	ASSERT_EQ(0, send_frame(n, p.len));
	EXPECT_FALSE(vq_pending(&n->c.queue[NET_RX].vq));
	ASSERT_EQ(0, vdpa_counter(self->name, NET_RX, "oversized", &oversized));
	ASSERT_EQ(0, vdpa_counter(self->name, NET_RX, "overruns", &overruns));
	/* all buffers that there are, as many as a frame may have */
	EXPECT_EQ(1, oversized);
	EXPECT_EQ(0, overruns);

	p.payload--;
	packet_build(&p, n->mac, net_tx_frame(n, 0));
	memset(tx_header(n), 0, NET_HEADER);
	EXPECT_TRUE(comes_back(n, &p, n->rx_room));
	if (!merged)
		return;

	/* one buffer less: it is a matter of there being none */
	ASSERT_EQ(0, send_frame(n, 60));
	ASSERT_EQ(0, client_poll(&n->c, NET_RX, &(uint32_t){ 0 }, &(uint32_t){ 0 }, PATIENCE));
	ASSERT_EQ(0, send_frame(n, p.len));
	EXPECT_FALSE(vq_pending(&n->c.queue[NET_RX].vq));
	ASSERT_EQ(0, vdpa_counter(self->name, NET_RX, "overruns", &overruns));
	EXPECT_EQ(1, overruns);
	ASSERT_EQ(0, send_frame(n, 100));
	EXPECT_EQ(100, receive(n, &(struct virtio_net_hdr_v1){ 0 }, frame));
}

/* A driver that says it is exact has to be */
TEST(exact_header_length)
{
	const struct kind *kind = &kinds[0];
	char name[32], path[64];
	struct packet p;
	struct net n;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", OFFERED, name, path));
	ASSERT_EQ(0, net_open(&n, path, NET_WANTED | SEND | RECEIVE | HDRLEN, NUM, ROOM));
	make(&n, kind, 5000, &p);
	packet_header(&p, kind->type, MSS, tx_header(&n));
	EXPECT_TRUE(comes_back(&n, &p, ROOM));
	make(&n, kind, 5000, &p);
	packet_header(&p, kind->type, MSS, tx_header(&n));
	tx_header(&n)->hdr_len--;
	EXPECT_TRUE(is_refused(&n, name, p.len));
	make(&n, kind, 5000, &p);
	packet_header(&p, kind->type, MSS, tx_header(&n));
	tx_header(&n)->hdr_len = p.len + 1;
	EXPECT_TRUE(is_refused(&n, name, p.len));
	net_close(&n);
	vdpa_del(name);
}

/* VIRTIO_NET_CTRL_GUEST_OFFLOADS: all that shall be on from now on */
static int accept_offloads(struct net *n, uint64_t offloads)
{
	return net_command(n, VIRTIO_NET_CTRL_GUEST_OFFLOADS,
			   VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET, &offloads, sizeof(offloads));
}

static bool tso(struct net *n, bool whole)
{
	struct packet p;

	make(n, kinds, 5000, &p);
	packet_header(&p, kinds[0].type, MSS, tx_header(n));
	return whole ? comes_back(n, &p, ROOM) : comes_in_pieces(n, &p, false, MSS, 0);
}

TEST(switched_off_and_on)
{
	uint64_t have = SEND | CSUM | VV_BIT(VIRTIO_NET_F_GUEST_TSO4);
	char name[32], path[64];
	struct net n;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", OFFERED | CONTROL, name, path));
	ASSERT_EQ(0, net_open(&n, path, NET_WANTED | have | CONTROL, NUM, ROOM));
	EXPECT_TRUE(tso(&n, true));
	EXPECT_EQ(VIRTIO_NET_OK, accept_offloads(&n, 0));
	EXPECT_TRUE(tso(&n, false));
	EXPECT_EQ(VIRTIO_NET_OK, accept_offloads(&n, have & RECEIVE));
	EXPECT_TRUE(tso(&n, true));
	/* what was not negotiated, or is no matter of this command */
	EXPECT_EQ(VIRTIO_NET_ERR, accept_offloads(&n, RECEIVE));
	EXPECT_EQ(VIRTIO_NET_ERR, accept_offloads(&n, VV_BIT(VIRTIO_NET_F_CSUM)));
	EXPECT_EQ(VIRTIO_NET_ERR, net_command(&n, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 1, &have, 8));
	EXPECT_EQ(VIRTIO_NET_ERR, net_command(&n, VIRTIO_NET_CTRL_GUEST_OFFLOADS, 0, &have, 7));
	EXPECT_TRUE(tso(&n, true));
	EXPECT_EQ(VIRTIO_NET_OK, accept_offloads(&n, 0));
	net_close(&n);

	/* a reset forgets it, and without the feature there is no such command */
	ASSERT_EQ(0, net_open(&n, path, NET_WANTED | have, NUM, ROOM));
	EXPECT_TRUE(tso(&n, true));
	EXPECT_EQ(VIRTIO_NET_ERR, accept_offloads(&n, 0));
	EXPECT_TRUE(tso(&n, true));
	net_close(&n);
	vdpa_del(name);
}

/* What comes as it was sent to a driver that takes some kinds only */
TEST_F_TIMEOUT(some, kinds, 120)
{
	struct net *n = &self->n;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct packet p;

		make(n, &kinds[i], 5000, &p);
		packet_header(&p, kinds[i].type, MSS, tx_header(n));
		EXPECT_TRUE(variant->whole & 1 << i ? comes_back(n, &p, ROOM) :
			    comes_in_pieces(n, &p, kinds[i].fragments, MSS,
					    VIRTIO_NET_HDR_F_DATA_VALID)) {
			TH_LOG("%s", kinds[i].name);
		}
	}
}

/* A length of headers that can't be is no use to receivers, but no mistake either */
TEST(hint)
{
	static const uint16_t lengths[] = { 0, 5100, 0xffff };
	static char frame[ROOM];
	struct virtio_net_hdr_v1 hdr;
	char name[32], path[64];
	struct packet p;
	unsigned int i;
	struct net n;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", OFFERED, name, path));
	ASSERT_EQ(0, net_open(&n, path, NET_WANTED | SEND | RECEIVE, NUM, ROOM));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		make(&n, kinds, 5000, &p);
		packet_header(&p, kinds[0].type, MSS, tx_header(&n));
		tx_header(&n)->hdr_len = lengths[i];
		ASSERT_EQ(0, send_frame(&n, p.len));
		ASSERT_EQ((long)p.len, receive(&n, &hdr, frame));
		EXPECT_EQ(p.data, hdr.hdr_len);
	}
	net_close(&n);
	vdpa_del(name);
}

/* A packet of the largest size that IPv6 knows, and a tag */
TEST(largest_frame)
{
	static char frame[ROOM];
	const size_t len = 14 + 4 + 40 + 65535;
	struct virtio_net_hdr_v1 hdr;
	char name[32], path[64];
	struct net n;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", OFFERED, name, path));
	ASSERT_EQ(0, net_open(&n, path, NET_WANTED, NUM, ROOM));
	net_fill(&n, 0, len, 1);
	ASSERT_EQ(0, send_frame(&n, len));
	EXPECT_EQ((long)len, receive(&n, &hdr, frame));
	EXPECT_EQ(0, memcmp(net_tx_frame(&n, 0), frame, len));
	net_fill(&n, 0, len + 1, 1);
	EXPECT_TRUE(is_refused(&n, name, len + 1));
	net_close(&n);
	vdpa_del(name);
}

/* A driver that breaks the rules is let in, and gets nothing that it can't take */
TEST(large_without_checksums)
{
	uint64_t have = SEND | (RECEIVE & ~CSUM);
	char name[32], path[64];
	struct net n;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", OFFERED, name, path));
	ASSERT_EQ(0, net_open(&n, path, NET_WANTED | have, NUM, ROOM));
	EXPECT_EQ(have, n.c.features & (SEND | RECEIVE));
	EXPECT_TRUE(tso(&n, false));
	net_close(&n);
	vdpa_del(name);
}

/* Without the feature the packet is refused, or the header no matter at all */
TEST(not_negotiated)
{
	const struct kind *kind;
	char name[32], path[64];
	struct packet p;
	struct net n;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", OFFERED, name, path));
	ASSERT_EQ(0, net_open(&n, path, NET_WANTED | VV_BIT(VIRTIO_NET_F_CSUM), NUM, ROOM));
	for (kind = kinds; kind < KINDS_END; kind++) {
		make(&n, kind, 5000, &p);
		packet_header(&p, kind->type, MSS, tx_header(&n));
		EXPECT_TRUE(is_refused(&n, name, p.len)) {
			TH_LOG("%s", kind->name);
		}
	}
	net_close(&n);

	ASSERT_EQ(0, net_open(&n, path, NET_WANTED, NUM, ROOM));
	make(&n, kinds, 5000, &p);
	memset(tx_header(&n), 0xff, NET_HEADER);
	ASSERT_EQ(0, send_frame(&n, p.len));
	ASSERT_EQ(0, client_poll(&n.c, NET_RX, &(uint32_t){ 0 }, &(uint32_t){ 0 }, PATIENCE));
	EXPECT_EQ(0, memcmp(p.frame, net_rx_frame(&n, 0), p.len));
	EXPECT_EQ(0, net_rx_frame(&n, 0)[-(int)NET_HEADER]);
	net_close(&n);
	vdpa_del(name);
}

TEST_HARNESS_MAIN
