// SPDX-License-Identifier: GPL-2.0
/*
 * Receive-side scaling of a simulated network device by a driver in user space:
 * each frame must come by the queue that the driver's table says, with the hash
 * that the driver itself makes of it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "lib/device.h"
#include "lib/net.h"
#include "lib/packet.h"

#define PAIRS		4
#define CTRL		(2 * PAIRS)
#define NUM		16
#define ROOM		2048
#define SMALL		100	/* less than any frame */
#define PATIENCE	5000
#define TABLE		128
#define KEY		40
#define LONG_HEADER	sizeof(struct virtio_net_hdr_v1_hash)

#define MQ		VV_BIT(VIRTIO_NET_F_MQ)
#define RSS		VV_BIT(VIRTIO_NET_F_RSS)
#define REPORT		VV_BIT(VIRTIO_NET_F_HASH_REPORT)
#define MRG		VV_BIT(VIRTIO_NET_F_MRG_RXBUF)
#define PACKED		VV_BIT(VIRTIO_F_RING_PACKED)
#define UFO		(VV_BIT(VIRTIO_NET_F_CSUM) | VV_BIT(VIRTIO_NET_F_HOST_UFO))
#define OFFERED		(NET_WANTED | MQ | RSS | REPORT | MRG | PACKED | UFO |		\
			 VV_BIT(VIRTIO_F_VERSION_1) | VV_BIT(VIRTIO_F_ACCESS_PLATFORM))

/* Types are numbered from 0, and reports from 1, in this order */
enum { IPV4, TCPV4, UDPV4, IPV6, TCPV6, UDPV6, TYPES };
#define ALL		((1 << TYPES) - 1)

/* The key and the vectors that Microsoft publishes to verify implementations */
static const uint8_t microsoft_key[KEY] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct vector {
	const char *source, *dest;
	uint16_t sport, dport;
	uint32_t ip, ports;	/* the hashes */
} vectors[] = {
	{ "66.9.149.187", "161.142.100.80", 2794, 1766, 0x323e8fc2, 0x51ccc178 },
	{ "199.92.111.2", "65.69.140.83", 14230, 4739, 0xd718262a, 0xc626b0ea },
	{ "24.19.198.95", "12.22.207.184", 12898, 38024, 0xd2d0a5de, 0x5c2b394a },
	{ "38.27.205.30", "209.142.163.6", 48228, 2217, 0x82989176, 0xafc7327f },
	{ "153.39.163.191", "202.188.127.2", 44251, 1303, 0x5d1809c5, 0x10e828a2 },
	{ "3ffe:2501:200:1fff::7", "3ffe:2501:200:3::1", 2794, 1766,
	  0x2cc18cd5, 0x40207d3d },
	{ "3ffe:501:8::260:97ff:fe40:efab", "ff02::1", 14230, 4739,
	  0x0f0c461c, 0xdde51bbf },
	{ "3ffe:1900:4545:3:200:f8ff:fe21:67cf", "fe80::200:f8ff:fe21:67cf", 44251, 38024,
	  0x4b61e985, 0x02d1feef },
};

/* --- the hash, bit by bit --------------------------------------------------- */

static uint32_t toeplitz(const uint8_t key[KEY], const uint8_t *data, size_t len)
{
	uint32_t window = key[0] << 24 | key[1] << 16 | key[2] << 8 | key[3], hash = 0;
	size_t bit;

	for (bit = 0; bit < len * 8; bit++) {
		size_t next = bit + 32;

		if (data[bit / 8] & 0x80 >> bit % 8)
			hash ^= window;
		window <<= 1;
		if (next < KEY * 8)
			window |= key[next / 8] >> (7 - next % 8) & 1;
	}
	return hash;
}

/* What a frame has that is hashed, as the test made it */
struct flow {
	bool ipv6, tcp;
	bool no_ports;
	uint8_t addresses[32];
	uint16_t sport, dport;
};

struct hash {
	uint32_t value;
	uint16_t report;
};

static struct hash expected(const struct flow *flow, uint32_t types, const uint8_t key[KEY])
{
	size_t len = flow->ipv6 ? 32 : 8;
	unsigned int ip = flow->ipv6 ? IPV6 : IPV4, type = ip + (flow->tcp ? 1 : 2);
	uint16_t ports[2] = { htons(flow->sport), htons(flow->dport) };
	uint8_t input[36];

	memcpy(input, flow->addresses, len);
	memcpy(input + len, ports, 4);
	if (!flow->no_ports && types & 1 << type)
		return (struct hash) { toeplitz(key, input, len + 4), type + 1 };
	if (types & 1 << ip)
		return (struct hash) { toeplitz(key, input, len), ip + 1 };
	return (struct hash) { 0 };
}

/* --- a driver of several pairs ---------------------------------------------- */

struct driver {
	struct client c;
	uint8_t mac[6];
	size_t head;		/* of a frame */
	size_t rx_room;
	char *rx[PAIRS];
	char *tx;
	char *ctrl;
};

struct received {
	int pair;
	size_t len;
	struct hash hash;
	uint16_t buffers;
	char frame[ROOM];
};

static int give(struct driver *d, unsigned int queue, void *mem, size_t len, bool in,
		uint32_t token)
{
	struct vq_seg seg = { client_iova(&d->c, mem), len };

	return vq_add(&d->c.queue[queue].vq, &seg, !in, in, token);
}

static int publish(struct driver *d, unsigned int queue)
{
	return vq_publish(&d->c.queue[queue].vq) ? client_kick(&d->c, queue) : 0;
}

static int driver_start(struct driver *d)
{
	unsigned int pair, i;
	int err = 0;

	for (pair = 0; !err && pair < PAIRS; pair++) {
		for (i = 0; !err && i < NUM; i++)
			err = give(d, pair * 2, d->rx[pair] + i * ROOM, d->rx_room, true, i);
	}
	if (!err)
		err = client_start(&d->c);
	for (pair = 0; !err && pair < PAIRS; pair++)
		err = publish(d, pair * 2);
	return err;
}

static int driver_open(struct driver *d, const char *path, uint64_t features, size_t rx_room)
{
	unsigned int i;
	int err;

	memset(d, 0, sizeof(*d));
	d->rx_room = rx_room;
	d->head = features & REPORT ? LONG_HEADER : NET_HEADER;
	err = client_open(&d->c, path, 1 << 20);
	if (err)
		return err;
	err = client_negotiate(&d->c, NET_WANTED | features);
	if (!err && (d->c.features & features) != features)
		err = -EOPNOTSUPP;
	if (!err)
		err = vv_get_config(d->c.fd, 0, d->mac, sizeof(d->mac));
	for (i = 0; !err && i < 2 * PAIRS + 1; i++)
		err = client_add_queue(&d->c, NUM);
	for (i = 0; !err && i < PAIRS; i++)
		d->rx[i] = client_alloc(&d->c, NUM * ROOM, 4096);
	d->tx = client_alloc(&d->c, 8192, 4096);
	d->ctrl = client_alloc(&d->c, 4096, 4096);
	if (!err)
		err = d->ctrl ? driver_start(d) : -ENOMEM;
	if (err)
		client_close(&d->c);
	return err;
}

static char *tx_frame(struct driver *d)
{
	return d->tx + d->head;
}

/* Of frame @len in the buffer, by pair @pair */
static int send_on(struct driver *d, unsigned int pair, size_t len)
{
	uint32_t token, used;
	int err = give(d, pair * 2 + 1, d->tx, d->head + len, false, 0);

	if (!err)
		err = publish(d, pair * 2 + 1);
	return err ? err : client_poll(&d->c, pair * 2 + 1, &token, &used, PATIENCE);
}

static int receive_on(struct driver *d, unsigned int pair, struct received *r)
{
	struct virtio_net_hdr_v1_hash hdr = { 0 };
	size_t head = d->head;
	uint32_t slot, used;
	unsigned int i;
	int err;

	r->pair = pair;
	r->len = 0;
	r->buffers = 1;
	for (i = 0; i < r->buffers; i++, head = 0) {
		char *buffer;

		err = client_poll(&d->c, pair * 2, &slot, &used, i ? 0 : PATIENCE);
		if (err)
			return err;
		buffer = d->rx[pair] + slot * ROOM;
		if (!i) {
			memcpy(&hdr, buffer, head);
			r->buffers = hdr.hdr.num_buffers;
		}
		memcpy(r->frame + r->len, buffer + head, used - head);
		r->len += used - head;
		memset(buffer, 0xee, used);
		err = give(d, pair * 2, buffer, d->rx_room, true, slot);
		if (err)
			return err;
	}
	if (hdr.padding)
		return -EBADMSG;
	r->hash = (struct hash) { hdr.hash_value, hdr.hash_report };
	return publish(d, pair * 2);
}

/* Sends it and says by which pair it came back, if it did */
static int there_and_back(struct driver *d, size_t len, struct received *r)
{
	unsigned int pair;
	int err = send_on(d, 0, len);

	if (err)
		return err;
	/* the device is through with all queues by then */
	for (pair = 0; pair < PAIRS; pair++) {
		if (vq_pending(&d->c.queue[pair * 2].vq)) {
			err = receive_on(d, pair, r);
			if (!err && (r->len != len || memcmp(r->frame, tx_frame(d), len)))
				err = -EBADMSG;
			return err;
		}
	}
	return -ENOMSG;
}

/* --- commands ---------------------------------------------------------------- */

static int command(struct driver *d, uint8_t number, const void *data, size_t len)
{
	char *ack = d->ctrl + 4095;
	struct vq_seg seg[] = {
		{ client_iova(&d->c, d->ctrl), 2 },
		{ client_iova(&d->c, d->ctrl + 2), len },
		{ client_iova(&d->c, ack), 1 },
	};
	uint32_t token, used;
	int err;

	d->ctrl[0] = VIRTIO_NET_CTRL_MQ;
	d->ctrl[1] = number;
	memcpy(d->ctrl + 2, data, len);
	*ack = (char)0xff;
	err = vq_add(&d->c.queue[CTRL].vq, seg, 2, 1, 0);
	if (!err)
		err = publish(d, CTRL);
	if (!err)
		err = client_poll(&d->c, CTRL, &token, &used, PATIENCE);
	return err ? err : (unsigned char)*ack;
}

struct config {
	uint32_t types;
	uint32_t entries;
	uint16_t table[TABLE];
	uint16_t unclassified;
	uint16_t senders;
	uint8_t key_len;
	uint8_t key[KEY + 1];
	size_t cut;		/* bytes that are left out */
};

static size_t put(uint8_t *to, size_t at, uint32_t value, size_t size)
{
	memcpy(to + at, &value, size);
	return at + size;
}

/* With the table where there is one, and only the hash otherwise */
static int configure(struct driver *d, const struct config *config)
{
	bool table = d->c.features & RSS;
	uint8_t data[1024];
	size_t at, i;

	at = put(data, 0, config->types, 4);
	if (table) {
		at = put(data, at, config->entries - 1, 2);
		at = put(data, at, config->unclassified, 2);
		for (i = 0; i < config->entries && i < 2 * TABLE; i++)
			at = put(data, at, config->table[i % TABLE], 2);
		at = put(data, at, config->senders, 2);
	} else {
		memset(data + at, 0xff, 8);
		at += 8;
	}
	at = put(data, at, config->key_len, 1);
	memcpy(data + at, config->key, config->key_len < KEY ? config->key_len : KEY + 1);
	at += config->key_len;
	return command(d, table ? VIRTIO_NET_CTRL_MQ_RSS_CONFIG : VIRTIO_NET_CTRL_MQ_HASH_CONFIG,
		       data, at - config->cut);
}

/* A table in which neighbours differ and queue 0 is rare */
static struct config some_config(void)
{
	struct config config = {
		.types = ALL, .entries = TABLE, .unclassified = 2, .senders = PAIRS,
		.key_len = KEY,
	};
	unsigned int i;

	for (i = 0; i < TABLE; i++)
		config.table[i] = i % 17 ? 1 + i % (PAIRS - 1) : 0;
	memcpy(config.key, microsoft_key, KEY);
	return config;
}

static int set_pairs(struct driver *d, uint16_t pairs)
{
	return command(d, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, &pairs, sizeof(pairs));
}

/* --- frames ------------------------------------------------------------------ */

static size_t make_frame(struct driver *d, const struct flow *flow)
{
	struct packet p = {
		.ipv6 = flow->ipv6, .tcp = flow->tcp, .payload = 100, .seed = flow->sport,
		.sport = flow->sport, .dport = flow->dport,
	};

	memset(d->tx, 0, d->head);
	packet_build(&p, d->mac, tx_frame(d));
	memcpy(tx_frame(d) + p.ip + (flow->ipv6 ? 8 : 12), flow->addresses,
	       flow->ipv6 ? 32 : 8);
	return p.len;
}

static struct flow vector_flow(const struct vector *v, bool tcp)
{
	struct flow flow = { .tcp = tcp, .sport = v->sport, .dport = v->dport };
	int family;

	flow.ipv6 = strchr(v->source, ':');
	family = flow.ipv6 ? AF_INET6 : AF_INET;
	inet_pton(family, v->source, flow.addresses);
	inet_pton(family, v->dest, flow.addresses + (flow.ipv6 ? 16 : 4));
	return flow;
}

static struct flow some_flow(unsigned int i)
{
	struct flow flow = { .ipv6 = i & 1, .tcp = i & 2, .sport = 1000 + i, .dport = i * 77 };

	fill_pattern(flow.addresses, sizeof(flow.addresses), i);
	return flow;
}

/* Does what is in the buffer come by the right pair, with the right hash? */
static bool comes_as(struct driver *d, size_t len, const struct config *config,
		     struct hash want)
{
	static struct received r;
	int pair = want.report ? config->table[want.value & (config->entries - 1)] :
				 config->unclassified;
	int err = there_and_back(d, len, &r);

	if (!(d->c.features & RSS))
		pair = 0;
	if (!(d->c.features & REPORT))
		want = (struct hash) { 0 };
	if (!err && r.pair == pair && r.hash.value == want.value && r.hash.report == want.report)
		return true;
	printf("# %d: pair %d, hash %#x of %u; want pair %d, hash %#x of %u\n", err, r.pair,
	       r.hash.value, r.hash.report, pair, want.value, want.report);
	return false;
}

static bool flow_comes(struct driver *d, const struct flow *flow, const struct config *config)
{
	return comes_as(d, make_frame(d, flow), config,
			expected(flow, config->types, config->key));
}

static bool flows_come(struct driver *d, const struct config *config)
{
	bool right = true;
	unsigned int i;

	for (i = 0; right && i < 64; i++) {
		struct flow flow = some_flow(i);

		right = flow_comes(d, &flow, config);
	}
	return right;
}

/* --- cases ------------------------------------------------------------------- */

FIXTURE(rss) {
	char name[32];
	char path[64];
	struct driver d;
	struct config config;
};

FIXTURE_VARIANT(rss) {
	uint64_t features;
	size_t rx_room;
};

FIXTURE_VARIANT_ADD(rss, table) {
	.features = RSS,
	.rx_room = ROOM,
};

FIXTURE_VARIANT_ADD(rss, table_and_report) {
	.features = RSS | REPORT,
	.rx_room = ROOM,
};

FIXTURE_VARIANT_ADD(rss, table_and_report_merged) {
	.features = RSS | REPORT | MRG,
	.rx_room = SMALL,
};

FIXTURE_VARIANT_ADD(rss, table_and_report_packed) {
	.features = RSS | REPORT | PACKED,
	.rx_room = ROOM,
};

FIXTURE_VARIANT_ADD(rss, report) {
	.features = REPORT,
	.rx_room = ROOM,
};

FIXTURE_VARIANT_ADD(rss, report_merged) {
	.features = REPORT | MRG,
	.rx_room = SMALL,
};

FIXTURE_SETUP(rss)
{
	int err;

	ASSERT_EQ(0, vdpa_create_pairs(PAIRS, OFFERED, self->name, self->path));
	err = driver_open(&self->d, self->path, MQ | variant->features, variant->rx_room);
	self->config = some_config();
	if (!err)
		err = configure(&self->d, &self->config);
	if (err)
		vdpa_del(self->name);
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(rss)
{
	client_close(&self->d.c);
	vdpa_del(self->name);
}

TEST_F(rss, microsoft)
{
	struct driver *d = &self->d;
	struct config *config = &self->config;
	const struct vector *v;
	unsigned int i;

	for (v = vectors; v < vectors + ARRAY_SIZE(vectors); v++) {
		for (i = 0; i < 4; i++) {
			struct flow flow = vector_flow(v, i & 1);
			struct hash want = expected(&flow, ALL, config->key);

			/* the test itself is right */
			ASSERT_EQ(v->ports, want.value);
			config->types = i & 2 ? 1 << IPV4 | 1 << IPV6 : ALL;
			ASSERT_EQ(VIRTIO_NET_OK, configure(d, config));
			if (i & 2)
				want = (struct hash) { v->ip, 1 + (flow.ipv6 ? IPV6 : IPV4) };
			EXPECT_TRUE(comes_as(d, make_frame(d, &flow), config, want)) {
				TH_LOG("%s", v->source);
			}
		}
	}
}

TEST_F(rss, each_type_alone)
{
	unsigned int type;

	for (type = 0; type < TYPES; type++) {
		self->config.types = 1 << type;
		ASSERT_EQ(VIRTIO_NET_OK, configure(&self->d, &self->config));
		EXPECT_TRUE(flows_come(&self->d, &self->config)) {
			TH_LOG("type %u", type);
		}
	}
	self->config.types = 0;
	ASSERT_EQ(VIRTIO_NET_OK, configure(&self->d, &self->config));
	EXPECT_TRUE(flows_come(&self->d, &self->config));
}

TEST_F(rss, tables_and_keys)
{
	struct config *config = &self->config;
	struct driver *d = &self->d;

	for (config->entries = 1; config->entries <= TABLE; config->entries *= 2) {
		fill_pattern(config->key, KEY, config->entries);
		ASSERT_EQ(VIRTIO_NET_OK, configure(d, config));
		EXPECT_TRUE(flows_come(d, config)) {
			TH_LOG("%u entries", config->entries);
		}
	}
	config->entries = TABLE;
	/* what a key lacks is zero */
	config->key_len = 7;
	memset(config->key + 7, 0, KEY - 7);
	ASSERT_EQ(VIRTIO_NET_OK, configure(d, config));
	EXPECT_TRUE(flows_come(d, config));
	/* nothing to hash needs no key */
	config->key_len = 0;
	config->types = 0;
	ASSERT_EQ(VIRTIO_NET_OK, configure(d, config));
	EXPECT_TRUE(flows_come(d, config));
}

/* The counters of queues say the same */
TEST_F(rss, counters)
{
	uint64_t packets[PAIRS] = { 0 }, counted;
	struct config *config = &self->config;
	struct driver *d = &self->d;
	unsigned int i;

	if (!(variant->features & RSS))
		SKIP(return, "one queue gets all");
	for (i = 0; i < 64; i++) {
		struct flow flow = some_flow(i);
		struct hash want = expected(&flow, ALL, config->key);

		ASSERT_TRUE(comes_as(d, make_frame(d, &flow), config, want));
		packets[config->table[want.value % TABLE]]++;
	}
	for (i = 0; i < PAIRS; i++) {
		ASSERT_EQ(0, vdpa_counter(self->name, i * 2, "packets", &counted));
		EXPECT_EQ(packets[i], counted);
		EXPECT_LT(0, counted);
	}
}

static size_t insert(struct driver *d, size_t at, size_t size, size_t len)
{
	char *frame = tx_frame(d);

	memmove(frame + at + size, frame + at, len - at);
	memset(frame + at, 0, size);
	return len + size;
}

TEST_F(rss, what_is_hashed)
{
	struct flow flow4 = some_flow(2), flow6 = some_flow(3);
	struct config *config = &self->config;
	struct driver *d = &self->d;
	char *frame = tx_frame(d);
	struct hash none = { 0 };
	unsigned int i;
	size_t len;

	/* no IP at all */
	len = make_frame(d, &flow4);
	frame[12] = 0x12;
	EXPECT_TRUE(comes_as(d, len, config, none));
	/* too short for what it says */
	len = make_frame(d, &flow4);
	EXPECT_TRUE(comes_as(d, 14 + 19, config, none));
	make_frame(d, &flow6);
	EXPECT_TRUE(comes_as(d, 14 + 39, config, none));

	/* one tag, and two */
	len = insert(d, 12, 4, make_frame(d, &flow4));
	frame[12] = (char)0x81;
	EXPECT_TRUE(comes_as(d, len, config, expected(&flow4, ALL, config->key)));
	len = insert(d, 12, 4, len);
	frame[12] = (char)0x88;
	frame[13] = (char)0xa8;
	EXPECT_TRUE(comes_as(d, len, config, expected(&flow4, ALL, config->key)));

	/* options of IPv4, which the ports come behind */
	len = insert(d, 14 + 20, 8, make_frame(d, &flow4));
	frame[14] = 0x47;
	EXPECT_TRUE(comes_as(d, len, config, expected(&flow4, ALL, config->key)));

	/* extension headers: hop-by-hop, routing of 16 bytes, atomic fragment */
	len = insert(d, 14 + 40, 32, make_frame(d, &flow6));
	frame[14 + 6] = 0;
	frame[54] = 43;
	frame[62] = 44;
	frame[63] = 1;
	frame[78] = 6;
	EXPECT_TRUE(comes_as(d, len, config, expected(&flow6, ALL, config->key)));

	/* no ports: neither protocol, a fragment of each kind, too short, too far */
	flow4.no_ports = true;
	flow6.no_ports = true;
	len = make_frame(d, &flow4);
	frame[14 + 9] = 47;
	EXPECT_TRUE(comes_as(d, len, config, expected(&flow4, ALL, config->key)));
	for (i = 0; i < 2; i++) {
		len = make_frame(d, &flow4);
		frame[14 + 6 + i] |= i ? 1 : 0x20;
		EXPECT_TRUE(comes_as(d, len, config, expected(&flow4, ALL, config->key)));
		len = insert(d, 14 + 40, 8, make_frame(d, &flow6));
		frame[14 + 6] = 44;
		frame[54] = 6;
		frame[57] = i ? 8 : 1;
		EXPECT_TRUE(comes_as(d, len, config, expected(&flow6, ALL, config->key)));
	}
	make_frame(d, &flow4);
	EXPECT_TRUE(comes_as(d, 14 + 20 + 3, config, expected(&flow4, ALL, config->key)));
	len = insert(d, 14 + 40, 80, make_frame(d, &flow6));
	frame[14 + 6] = 60;
	for (i = 0; i < 10; i++)
		frame[54 + i * 8] = i == 9 ? 6 : 60;
	EXPECT_TRUE(comes_as(d, len, config, expected(&flow6, ALL, config->key)));
	frame[55] = (char)0xff;	/* ends behind the frame */
	EXPECT_TRUE(comes_as(d, len, config, expected(&flow6, ALL, config->key)));
}

#define REFUSED(what) do {						\
	struct config config = self->config;				\
									\
	what;								\
	EXPECT_EQ(VIRTIO_NET_ERR, configure(&self->d, &config)) {	\
		TH_LOG("%s", #what);					\
	}								\
} while (0)

TEST_F(rss, bad_commands)
{
	REFUSED(config.types |= 1 << TYPES);
	REFUSED(config.types |= 1u << 31);
	REFUSED(config.key_len = KEY + 1);
	REFUSED(config.key_len = 0xff);
	REFUSED(config.key_len = 0);
	REFUSED(config.cut = 1);
	REFUSED(config.cut = KEY + 1);
	REFUSED(config.cut = KEY + 3);
	if (variant->features & RSS) {
		REFUSED(config.entries = 3);
		REFUSED(config.entries = TABLE - 1);
		REFUSED(config.entries = TABLE * 2);
		REFUSED(config.entries = 65536);
		REFUSED(config.table[0] = PAIRS);
		REFUSED(config.table[TABLE - 1] = 0xffff);
		REFUSED(config.unclassified = PAIRS);
		REFUSED(config.senders = 0);
		REFUSED(config.senders = PAIRS + 1);
		REFUSED(config.cut = KEY + 100);
	}
	EXPECT_EQ(VIRTIO_NET_ERR, command(&self->d, 3, "", 1));
	EXPECT_EQ(VIRTIO_NET_ERR, set_pairs(&self->d, 0));
	EXPECT_EQ(VIRTIO_NET_ERR, set_pairs(&self->d, PAIRS + 1));
	/* nothing of it counts */
	EXPECT_TRUE(flows_come(&self->d, &self->config));
}

/* The last command says who steers; a reset forgets them all */
TEST_F(rss, automatic_again)
{
	struct driver *d = &self->d;
	struct received r;
	struct flow flow = some_flow(6);
	struct hash want = expected(&flow, ALL, self->config.key);
	unsigned int i;

	ASSERT_EQ(VIRTIO_NET_OK, set_pairs(d, PAIRS));
	/* the flow is received where it is sent */
	for (i = 1; i < PAIRS; i++) {
		ASSERT_EQ(0, send_on(d, i, make_frame(d, &flow)));
		ASSERT_EQ(0, receive_on(d, i, &r));
		if (variant->features & REPORT) {
			EXPECT_EQ(want.value, r.hash.value);
			EXPECT_EQ(want.report, r.hash.report);
		}
	}
	ASSERT_EQ(VIRTIO_NET_OK, configure(d, &self->config));
	if (variant->features & RSS)
		EXPECT_TRUE(flows_come(d, &self->config));

	client_close(&d->c);
	ASSERT_EQ(0, driver_open(d, self->path, MQ | variant->features, variant->rx_room));
	ASSERT_EQ(0, there_and_back(d, make_frame(d, &flow), &r));
	EXPECT_EQ(0, r.pair);
	EXPECT_EQ(0, r.hash.report);
	EXPECT_EQ(0, r.hash.value);
}

/* Sends a packet, by the last pair, that the device has to cut into 800 fragments */
static int send_long(struct driver *d)
{
	unsigned int queue = PAIRS * 2 - 1;
	struct packet p = { .payload = 6400 };
	int err;

	packet_build(&p, d->mac, tx_frame(d));
	memset(d->tx, 0, d->head);
	packet_header(&p, VIRTIO_NET_HDR_GSO_UDP, 8, (void *)d->tx);
	err = give(d, queue, d->tx, d->head + p.len, false, 0);
	return err ? err : publish(d, queue);
}

/* Waits until it was sent, and makes room for the next in both pairs */
static int recycle(struct driver *d)
{
	static const unsigned int pairs[] = { 0, PAIRS - 1 };
	uint32_t slot, used;
	unsigned int i;
	int err = client_poll(&d->c, PAIRS * 2 - 1, &slot, &used, PATIENCE);

	for (i = 0; !err && i < ARRAY_SIZE(pairs); i++) {
		while (!err && vq_get(&d->c.queue[pairs[i] * 2].vq, &slot, &used))
			err = give(d, pairs[i] * 2, d->rx[pairs[i]] + slot * ROOM, d->rx_room,
				   true, slot);
		if (!err)
			err = publish(d, pairs[i] * 2);
	}
	return err;
}

static void wait_us(unsigned int us)
{
	uint64_t end = now_ns() + us * 1000ull;

	while (now_ns() < end)
		;
}

/*
 * What is on its way when the driver stops using a queue comes before it is told
 * that the device did: whatever says so, the number of pairs or the table.
 */
TEST(none_comes_late)
{
	struct config config = some_config();
	unsigned int i, late = 0, there = 0;
	volatile uint16_t *used;
	char name[32], path[64];
	struct driver d;
	uint16_t before, seen;
	uint64_t end;

	memset(config.table, 0, sizeof(config.table));
	config.unclassified = 0;
	ASSERT_EQ(0, vdpa_create_pairs(PAIRS, OFFERED, name, path));
	ASSERT_EQ(0, driver_open(&d, path, MQ | RSS | UFO, ROOM));
	used = &d.c.queue[(PAIRS - 1) * 2].vq.used->idx;
	end = now_ns() + 10 * 1000000000ull;
	for (i = 0; i < 200 && now_ns() < end; i++) {
		ASSERT_EQ(VIRTIO_NET_OK, set_pairs(&d, PAIRS));
		before = *used;
		ASSERT_EQ(0, send_long(&d));
		wait_us(i % 100 * 20);
		ASSERT_EQ(VIRTIO_NET_OK, i & 1 ? configure(&d, &config) : set_pairs(&d, 1));
		seen = *used;
		ASSERT_EQ(0, recycle(&d));
		late += *used != seen;
		there += seen != before;
	}
	EXPECT_EQ(0, late);
	/* or nothing was tried */
	EXPECT_LT(0, there);
	client_close(&d.c);
	vdpa_del(name);
}

/* Fragments that the device makes have no ports */
TEST(fragments)
{
	struct config config = some_config();
	struct flow flow = some_flow(0);
	static struct received r;
	char name[32], path[64];
	struct packet p = { .payload = 3000 };
	struct driver d;
	struct hash want;
	unsigned int i;

	ASSERT_EQ(0, vdpa_create_pairs(PAIRS, OFFERED, name, path));
	ASSERT_EQ(0, driver_open(&d, path, RSS | REPORT | UFO, ROOM));
	ASSERT_EQ(VIRTIO_NET_OK, configure(&d, &config));
	packet_build(&p, d.mac, tx_frame(&d));
	memset(d.tx, 0, d.head);
	packet_header(&p, VIRTIO_NET_HDR_GSO_UDP, 1400, (void *)d.tx);
	memcpy(flow.addresses, tx_frame(&d) + 26, 8);
	flow.no_ports = true;
	want = expected(&flow, ALL, config.key);
	ASSERT_EQ(0, send_on(&d, 0, p.len));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, receive_on(&d, config.table[want.value % TABLE], &r));
		EXPECT_EQ(want.value, r.hash.value);
		EXPECT_EQ(want.report, r.hash.report);
	}
	client_close(&d.c);
	vdpa_del(name);
}

static int read_config(struct driver *d, uint8_t *key, uint16_t *table, uint32_t *types)
{
	struct virtio_net_config config;
	int err = vv_get_config(d->c.fd, 0, &config, sizeof(config));

	*key = config.rss_max_key_size;
	*table = config.rss_max_indirection_table_length;
	*types = config.supported_hash_types;
	return err;
}

/* Without the feature there are no such command and fields */
TEST(not_negotiated)
{
	struct config config = some_config();
	uint64_t both = RSS | REPORT;
	char name[32], path[64];
	struct driver d;
	uint32_t types;
	uint16_t table;
	uint8_t key;

	ASSERT_EQ(0, vdpa_create_pairs(PAIRS, OFFERED, name, path));
	ASSERT_EQ(0, driver_open(&d, path, MQ, ROOM));
	EXPECT_EQ(0, read_config(&d, &key, &table, &types));
	EXPECT_EQ(KEY, key);
	EXPECT_EQ(TABLE, table);
	EXPECT_EQ(ALL, types);
	d.c.features |= RSS;
	EXPECT_EQ(VIRTIO_NET_ERR, configure(&d, &config));
	d.c.features &= ~RSS;
	EXPECT_EQ(VIRTIO_NET_ERR, configure(&d, &config));
	config.unclassified = 0;
	memset(config.table, 0, sizeof(config.table));
	EXPECT_TRUE(flows_come(&d, &config));
	client_close(&d.c);
	vdpa_del(name);

	ASSERT_EQ(0, vdpa_create_pairs(PAIRS, OFFERED & ~both, name, path));
	ASSERT_EQ(-EOPNOTSUPP, driver_open(&d, path, RSS, ROOM));
	ASSERT_EQ(-EOPNOTSUPP, driver_open(&d, path, REPORT, ROOM));
	ASSERT_EQ(0, driver_open(&d, path, MQ, ROOM));
	EXPECT_EQ(0, read_config(&d, &key, &table, &types));
	EXPECT_EQ(0, key);
	EXPECT_EQ(0, table);
	EXPECT_EQ(0, types);
	client_close(&d.c);
	vdpa_del(name);
}

TEST_HARNESS_MAIN
