// SPDX-License-Identifier: GPL-2.0
/*
 * A simulated network device and what changes while it runs: its cable, and
 * when the driver is told of frames. What the commands do is seen by data.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/vdpa.h>

#include "../kselftest_harness.h"
#include "lib/device.h"
#include "lib/net.h"
#include "lib/netlink.h"
#include "lib/packet.h"

/* What the installed headers may be too old for */
#ifndef VIRTIO_NET_F_VQ_NOTF_COAL
#define VIRTIO_NET_F_VQ_NOTF_COAL		52
#define VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET	2
#define VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET	3
#endif
#ifndef VIRTIO_NET_F_NOTF_COAL
#define VIRTIO_NET_F_NOTF_COAL			53
#define VIRTIO_NET_CTRL_NOTF_COAL		6
#define VIRTIO_NET_CTRL_NOTF_COAL_TX_SET	0
#define VIRTIO_NET_CTRL_NOTF_COAL_RX_SET	1
#endif

#define NUM		32
#define ROOM		2048
#define LEN		100
#define PATIENCE	5000
#define LONG_US		(100 * 1000000)	/* longer than any test */

#define ANNOUNCE	VV_BIT(VIRTIO_NET_F_GUEST_ANNOUNCE)
#define COALESCE	(VV_BIT(VIRTIO_NET_F_NOTF_COAL) | VV_BIT(VIRTIO_NET_F_VQ_NOTF_COAL))
#define OFFERED		(NET_WANTED | ANNOUNCE | COALESCE | VV_BIT(VIRTIO_F_RING_PACKED) | \
			 VV_BIT(VIRTIO_NET_F_MTU) | VV_BIT(VIRTIO_F_VERSION_1) |	\
			 VV_BIT(VIRTIO_F_ACCESS_PLATFORM))

FIXTURE(control) {
	char name[32];
	char path[64];
	struct net n;
};

FIXTURE_VARIANT(control) {
	uint64_t features;
};

FIXTURE_VARIANT_ADD(control, split) {
	.features = ANNOUNCE | COALESCE,
};

FIXTURE_VARIANT_ADD(control, packed) {
	.features = ANNOUNCE | COALESCE | VV_BIT(VIRTIO_F_RING_PACKED),
};

FIXTURE_VARIANT_ADD(control, without) {};

FIXTURE_SETUP(control)
{
	uint64_t wanted = NET_WANTED | variant->features;
	int err;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", OFFERED, self->name, self->path));
	err = net_open(&self->n, self->path, wanted, NUM, ROOM);
	if (!err && (self->n.c.features & wanted) != wanted)
		err = -EOPNOTSUPP;
	if (err)
		vdpa_del(self->name);
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(control)
{
	net_close(&self->n);
	vdpa_del(self->name);
}

/* --- the cable ------------------------------------------------------------- */

static int operate(const char *name, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/debug/vdpa_sim_net/%s/%s", name, file);
	return write_file(path, text);
}

static int status(struct net *n)
{
	uint16_t value;
	int err = vv_get_config(n->c.fd, offsetof(struct virtio_net_config, status), &value,
				sizeof(value));

	return err ? err : value;
}

/* Signalled within @ms; forgets it */
static bool signalled(int eventfd, int ms)
{
	struct pollfd pfd = { .fd = eventfd, .events = POLLIN };
	eventfd_t value;

	return poll(&pfd, 1, ms) == 1 && !eventfd_read(eventfd, &value);
}

static int send_frames(struct net *n, unsigned int count)
{
	uint32_t slot, used;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < count; i++) {
		net_fill(n, i, LEN, i);
		err = net_send(n, i, LEN);
		if (!err)
			err = net_flush(n, NET_TX);
		if (!err)
			err = client_poll(&n->c, NET_TX, &slot, &used, PATIENCE);
	}
	return err;
}

static int receive_frames(struct net *n, unsigned int count)
{
	uint32_t slot, used;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < count; i++) {
		err = client_poll(&n->c, NET_RX, &slot, &used, PATIENCE);
		if (!err && (used != NET_HEADER + LEN || !net_check(n, slot, LEN, i)))
			err = -EBADMSG;
		if (!err)
			err = net_post_rx(n, slot);
	}
	return err ? err : net_flush(n, NET_RX);
}

TEST_F_TIMEOUT(control, link, 120)
{
	int config = eventfd(0, EFD_CLOEXEC);
	struct net *n = &self->n;
	uint64_t filtered;

	ASSERT_EQ(0, vv_set_config_call(n->c.fd, config));
	EXPECT_EQ(VIRTIO_NET_S_LINK_UP, status(n));
	ASSERT_EQ(0, operate(self->name, "link", "0"));
	EXPECT_TRUE(signalled(config, PATIENCE));
	EXPECT_EQ(0, status(n));
	ASSERT_EQ(0, send_frames(n, 3));
	EXPECT_FALSE(vq_pending(&n->c.queue[NET_RX].vq));
	ASSERT_EQ(0, vdpa_counter(self->name, NET_TX, "filtered", &filtered));
	EXPECT_EQ(3, filtered);

	ASSERT_EQ(0, operate(self->name, "link", "1"));
	EXPECT_TRUE(signalled(config, PATIENCE));
	EXPECT_EQ(VIRTIO_NET_S_LINK_UP, status(n));
	ASSERT_EQ(0, send_frames(n, 3));
	EXPECT_EQ(0, receive_frames(n, 3));
	close(config);
}

TEST_F(control, announce)
{
	int config = eventfd(0, EFD_CLOEXEC);
	struct net *n = &self->n;

	ASSERT_EQ(0, vv_set_config_call(n->c.fd, config));
	ASSERT_EQ(0, operate(self->name, "announce", "1"));
	EXPECT_TRUE(signalled(config, PATIENCE));
	if (!(variant->features & ANNOUNCE)) {
		/* not for this driver */
		EXPECT_EQ(VIRTIO_NET_S_LINK_UP, status(n));
		EXPECT_EQ(VIRTIO_NET_ERR, net_command(n, VIRTIO_NET_CTRL_ANNOUNCE,
						      VIRTIO_NET_CTRL_ANNOUNCE_ACK, NULL, 0));
		return;
	}
	EXPECT_EQ(VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE, status(n));
	EXPECT_EQ(VIRTIO_NET_ERR, net_command(n, VIRTIO_NET_CTRL_ANNOUNCE, 1, NULL, 0));
	EXPECT_EQ(VIRTIO_NET_S_LINK_UP | VIRTIO_NET_S_ANNOUNCE, status(n));
	EXPECT_EQ(VIRTIO_NET_OK, net_command(n, VIRTIO_NET_CTRL_ANNOUNCE,
					     VIRTIO_NET_CTRL_ANNOUNCE_ACK, NULL, 0));
	EXPECT_EQ(VIRTIO_NET_S_LINK_UP, status(n));
	close(config);
}

/* --- notifications --------------------------------------------------------- */

static int coalesce(struct net *n, uint8_t command, uint32_t frames, uint32_t usecs)
{
	uint32_t data[2] = { frames, usecs };

	return net_command(n, VIRTIO_NET_CTRL_NOTF_COAL, command, data, sizeof(data));
}

static int coalesce_queue(struct net *n, uint16_t queue, uint32_t frames, uint32_t usecs)
{
	uint32_t data[3] = { queue, frames, usecs };

	return net_command(n, VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET,
			   data, sizeof(data));
}

/*
 * What the device has of a queue, behind the acknowledgment. Of what is asked by, the
 * number of the queue comes first, and drivers may leave out some of the rest.
 */
static int ask_coalesce(struct net *n, uint16_t queue, size_t len, uint32_t answer[2])
{
	struct {
		uint8_t class, command;
		uint16_t queue, reserved;
		uint32_t unused[2];
	} __attribute__((packed)) ask = {
		VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET, queue,
	};
	char *get = n->ctrl + 64;
	struct vq_seg seg[2] = {
		{ client_iova(&n->c, n->ctrl), offsetof(typeof(ask), queue) + len },
		{ client_iova(&n->c, get), 9 },
	};
	uint32_t token, used;
	int err;

	memcpy(n->ctrl, &ask, sizeof(ask));
	err = vq_add(&n->c.queue[NET_CTRL].vq, seg, 1, 1, 0);
	if (!err)
		err = net_flush(n, NET_CTRL);
	if (!err)
		err = client_poll(&n->c, NET_CTRL, &token, &used, PATIENCE);
	if (err)
		return err;
	if (!get[0] && used != 9)
		return -EBADMSG;
	memcpy(answer, get + 1, 8);
	return get[0];
}

static int get_coalesce(struct net *n, uint16_t queue, uint32_t answer[2])
{
	return ask_coalesce(n, queue, 2 * sizeof(queue), answer);
}

/* Frames until a queue's notification comes, as set by commands before */
static bool comes_with_frame(struct net *n, unsigned int queue, unsigned int frames)
{
	int call = n->c.queue[queue].call;
	bool right;

	signalled(call, 0);
	right = !send_frames(n, frames - 1) && !receive_frames(n, frames - 1) &&
		!signalled(call, 0);
	return right && !send_frames(n, 1) && !receive_frames(n, 1) &&
	       signalled(call, PATIENCE);
}

static bool comes_after_usecs(struct net *n, unsigned int queue, unsigned int usecs)
{
	int call = n->c.queue[queue].call;
	uint64_t begin;

	signalled(call, 0);
	begin = now_ns();
	return !send_frames(n, 1) && signalled(call, PATIENCE) &&
	       now_ns() - begin >= usecs * 1000ull && !receive_frames(n, 1);
}

TEST_F(control, coalescing)
{
	static const struct {
		unsigned int queue;
		uint8_t command;
	} sides[] = {
		{ NET_RX, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET },
		{ NET_TX, VIRTIO_NET_CTRL_NOTF_COAL_TX_SET },
	};
	struct net *n = &self->n;
	unsigned int i;

	if (!variant->features) {
		EXPECT_EQ(VIRTIO_NET_ERR, coalesce(n, sides[0].command, 4, LONG_US));
		EXPECT_EQ(VIRTIO_NET_ERR, coalesce_queue(n, NET_RX, 4, LONG_US));
		EXPECT_TRUE(comes_with_frame(n, NET_RX, 1));
		return;
	}
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(comes_with_frame(n, sides[i].queue, 1));
		ASSERT_EQ(VIRTIO_NET_OK, coalesce(n, sides[i].command, 4, LONG_US));
		EXPECT_TRUE(comes_with_frame(n, sides[i].queue, 4));
		EXPECT_TRUE(comes_with_frame(n, sides[i].queue, 4));
		/* only this direction */
		EXPECT_TRUE(comes_with_frame(n, sides[!i].queue, 1));
		ASSERT_EQ(VIRTIO_NET_OK, coalesce(n, sides[i].command, 9, 50000));
		EXPECT_TRUE(comes_after_usecs(n, sides[i].queue, 50000));
		/* either of them switches it off */
		ASSERT_EQ(VIRTIO_NET_OK, coalesce(n, sides[i].command, 9, 0));
		EXPECT_TRUE(comes_with_frame(n, sides[i].queue, 1));
		ASSERT_EQ(VIRTIO_NET_OK, coalesce(n, sides[i].command, 0, LONG_US));
		EXPECT_TRUE(comes_with_frame(n, sides[i].queue, 1));
	}
}

/* What is held back comes when it is switched off */
TEST_F(control, coalescing_changes)
{
	struct net *n = &self->n;
	int call = n->c.queue[NET_RX].call;

	if (!variant->features)
		SKIP(return, "not negotiated");
	ASSERT_EQ(VIRTIO_NET_OK, coalesce(n, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, 9, LONG_US));
	signalled(call, 0);
	ASSERT_EQ(0, send_frames(n, 2));
	ASSERT_EQ(0, receive_frames(n, 2));
	EXPECT_FALSE(signalled(call, 0));
	ASSERT_EQ(VIRTIO_NET_OK, coalesce(n, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, 0, 0));
	EXPECT_TRUE(signalled(call, PATIENCE));

	/* a reset forgets it */
	ASSERT_EQ(VIRTIO_NET_OK, coalesce(n, VIRTIO_NET_CTRL_NOTF_COAL_RX_SET, 9, LONG_US));
	net_close(n);
	ASSERT_EQ(0, net_open(n, self->path, NET_WANTED | variant->features, NUM, ROOM));
	EXPECT_TRUE(comes_with_frame(n, NET_RX, 1));
}

/* What is held back comes before suspend returns, and nothing after it */
TEST_F(control, coalescing_and_suspend)
{
	struct net *n = &self->n;
	int call[2] = { n->c.queue[NET_RX].call, n->c.queue[NET_TX].call };
	unsigned int i;

	if (!variant->features)
		SKIP(return, "not negotiated");
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(VIRTIO_NET_OK, coalesce_queue(n, i, 9, 300000));
		signalled(call[i], 0);
	}
	ASSERT_EQ(0, send_frames(n, 1));
	ASSERT_EQ(0, vv_suspend(n->c.fd));
	for (i = 0; i < 2; i++)
		EXPECT_TRUE(signalled(call[i], 0));
	EXPECT_FALSE(signalled(call[0], 400));
	EXPECT_FALSE(signalled(call[1], 0));
	ASSERT_EQ(0, vv_resume(n->c.fd));
	ASSERT_EQ(0, receive_frames(n, 1));
	for (i = 0; i < 2; i++) {
		EXPECT_TRUE(comes_after_usecs(n, i, 300000));
		/* the other queue has one of that frame, which is not for the next */
		EXPECT_TRUE(signalled(call[!i], PATIENCE));
	}
}

TEST_F(control, coalescing_of_one_queue)
{
	struct net *n = &self->n;
	uint32_t answer[2];

	if (!variant->features)
		SKIP(return, "not negotiated");
	ASSERT_EQ(VIRTIO_NET_OK, coalesce_queue(n, NET_TX, 3, LONG_US));
	EXPECT_TRUE(comes_with_frame(n, NET_TX, 3));
	EXPECT_TRUE(comes_with_frame(n, NET_RX, 1));
	ASSERT_EQ(VIRTIO_NET_OK, get_coalesce(n, NET_TX, answer));
	EXPECT_EQ(3, answer[0]);
	EXPECT_EQ(LONG_US, answer[1]);
	ASSERT_EQ(VIRTIO_NET_OK, get_coalesce(n, NET_RX, answer));
	EXPECT_EQ(0, answer[0]);
	EXPECT_EQ(0, answer[1]);
	/* no queue for frames */
	EXPECT_EQ(VIRTIO_NET_ERR, coalesce_queue(n, NET_CTRL, 3, LONG_US));
	EXPECT_EQ(VIRTIO_NET_ERR, coalesce_queue(n, 0xffff, 3, LONG_US));
	EXPECT_EQ(VIRTIO_NET_ERR, get_coalesce(n, NET_CTRL, answer));
	EXPECT_EQ(VIRTIO_NET_ERR, coalesce(n, 4, 1, 1));
	EXPECT_EQ(VIRTIO_NET_ERR, net_command(n, VIRTIO_NET_CTRL_NOTF_COAL, 0, "1234567", 7));
}

/* All lengths by which one can ask, from the number of the queue alone */
TEST_F(control, coalescing_is_asked_for)
{
	static const size_t lengths[] = { 2, 4, 12 };
	struct net *n = &self->n;
	uint32_t answer[2];
	unsigned int i;

	if (!variant->features)
		SKIP(return, "not negotiated");
	ASSERT_EQ(VIRTIO_NET_OK, coalesce_queue(n, NET_TX, 3, LONG_US));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		memset(answer, 0xff, sizeof(answer));
		EXPECT_EQ(VIRTIO_NET_OK, ask_coalesce(n, NET_TX, lengths[i], answer));
		EXPECT_EQ(3, answer[0]);
		EXPECT_EQ(LONG_US, answer[1]);
	}
	EXPECT_EQ(VIRTIO_NET_ERR, ask_coalesce(n, NET_TX, 1, answer));
}

/* virtio 1.3, 5.1.6.5.8.2: only of queues that are enabled */
TEST_F(control, coalescing_of_a_queue_that_is_off)
{
	struct net *n = &self->n;
	uint32_t answer[2];

	if (!variant->features)
		SKIP(return, "not negotiated");
	ASSERT_EQ(0, vv_set_vring(n->c.fd, VHOST_VDPA_SET_VRING_ENABLE, NET_TX, 0));
	EXPECT_EQ(VIRTIO_NET_ERR, coalesce_queue(n, NET_TX, 3, LONG_US));
	EXPECT_EQ(VIRTIO_NET_ERR, get_coalesce(n, NET_TX, answer));
	EXPECT_EQ(VIRTIO_NET_OK, coalesce_queue(n, NET_RX, 3, LONG_US));
	ASSERT_EQ(0, vv_set_vring(n->c.fd, VHOST_VDPA_SET_VRING_ENABLE, NET_TX, 1));
	EXPECT_EQ(VIRTIO_NET_OK, get_coalesce(n, NET_TX, answer));
	EXPECT_EQ(0, answer[0]);
	EXPECT_EQ(0, answer[1]);
}

/* --- what is received -------------------------------------------------------- */

/* Sends a frame of @len bytes; true when it comes back whole */
static bool returns(struct net *n, size_t len, bool tagged)
{
	static const char tag[4] = { (char)0x81, 0, 0, 5 };
	char *frame = net_tx_frame(n, 0);
	uint32_t slot, used;
	bool same;

	net_fill(n, 0, len, 1);
	if (tagged)
		memcpy(frame + 12, tag, sizeof(tag));
	/* the device is through with both queues when the frame was sent */
	if (net_send(n, 0, len) || net_flush(n, NET_TX) ||
	    client_poll(&n->c, NET_TX, &slot, &used, PATIENCE) ||
	    !vq_pending(&n->c.queue[NET_RX].vq) ||
	    client_poll(&n->c, NET_RX, &slot, &used, PATIENCE))
		return false;
	same = used == NET_HEADER + len && !memcmp(net_rx_frame(n, slot), frame, len);
	return same && !net_post_rx(n, slot) && !net_flush(n, NET_RX);
}

/* virtio 1.2, 5.1.4.1: nothing that is larger than the MTU that a driver was told */
TEST_F(control, mtu)
{
	struct net *n = &self->n;
	uint64_t oversized;

	/* a driver that was told nothing gets what it has room for */
	EXPECT_TRUE(returns(n, 1515, false));
	EXPECT_TRUE(returns(n, 1519, true));
	net_close(n);

	ASSERT_EQ(0, net_open(n, self->path, NET_WANTED | variant->features |
			      VV_BIT(VIRTIO_NET_F_MTU), NUM, ROOM));
	ASSERT_TRUE(n->c.features & VV_BIT(VIRTIO_NET_F_MTU));
	EXPECT_TRUE(returns(n, 1514, false));
	EXPECT_FALSE(returns(n, 1515, false));
	EXPECT_TRUE(returns(n, 1518, true));
	EXPECT_FALSE(returns(n, 1519, true));
	ASSERT_EQ(0, vdpa_counter(self->name, NET_RX, "oversized", &oversized));
	EXPECT_EQ(2, oversized);
}

/* --- queues ------------------------------------------------------------------ */

static uint8_t device_status(struct net *n)
{
	uint8_t status = 0;

	vv_get_status(n->c.fd, &status);
	return status;
}

/*
 * A device that was reset is as good as new, whatever its driver did before: what
 * somebody sends to a queue that is not in use yet harms nobody.
 */
TEST_F(control, broken_before_a_reset)
{
	struct vq_seg unmapped = { 0x1000, ROOM };
	struct net *n = &self->n;
	struct client *c = &n->c;
	uint32_t slot, used;
	unsigned int i;

	/* the next buffer to receive into, when those from the start are used up */
	ASSERT_EQ(0, send_frames(n, NUM));
	for (i = 0; i < NUM; i++)
		ASSERT_EQ(0, client_poll(c, NET_RX, &slot, &used, PATIENCE));
	ASSERT_EQ(0, vq_add(&c->queue[NET_RX].vq, &unmapped, 0, 1, 0));
	ASSERT_EQ(0, net_flush(n, NET_RX));
	ASSERT_EQ(0, send_frames(n, 1));
	ASSERT_TRUE(device_status(n) & VIRTIO_CONFIG_S_NEEDS_RESET);

	ASSERT_EQ(0, client_stop(c));
	ASSERT_EQ(0, client_program(c, true));
	ASSERT_EQ(0, vv_set_status(c->fd, VV_S_RUNNING));
	ASSERT_EQ(0, vv_set_vring(c->fd, VHOST_VDPA_SET_VRING_ENABLE, NET_TX, 1));
	ASSERT_EQ(0, send_frames(n, 1));
	EXPECT_EQ(VV_S_RUNNING, device_status(n));
}

/* A driver need not say where a queue begins: both formats know (2.7, 2.8.1) */
TEST_F(control, base_that_was_never_set)
{
	bool packed = variant->features & VV_BIT(VIRTIO_F_RING_PACKED);
	struct net *n = &self->n;
	struct client *c = &n->c;
	unsigned int i, base;

	ASSERT_EQ(0, client_stop(c));
	ASSERT_EQ(0, client_map_memory(c));
	ASSERT_EQ(0, client_announce(c));
	for (i = 0; i < c->nqueues; i++) {
		struct vq *vq = &c->queue[i].vq;

		vq_rewind(vq, packed ? 0x80008000 : 0);
		ASSERT_EQ(0, vv_get_vring(c->fd, VHOST_GET_VRING_BASE, i, &base));
		EXPECT_EQ(packed ? 0x80008000 : 0, base);
		ASSERT_EQ(0, vv_set_vring(c->fd, VHOST_SET_VRING_NUM, i, vq->num));
		ASSERT_EQ(0, vv_set_vring_addr(c->fd, i, vq->desc_iova, vq->driver_iova,
					       vq->device_iova));
		ASSERT_EQ(0, vv_set_vring_fd(c->fd, VHOST_SET_VRING_KICK, i, c->queue[i].kick));
	}
	for (i = 0; i < NUM; i++)
		ASSERT_EQ(0, net_post_rx(n, i));
	ASSERT_EQ(0, client_start(c));
	ASSERT_EQ(0, net_flush(n, NET_RX));
	ASSERT_EQ(0, send_frames(n, 3));
	EXPECT_EQ(0, receive_frames(n, 3));
	EXPECT_EQ(VV_S_RUNNING, device_status(n));
}

/* A group that can't get another address space keeps the one it has, as a whole */
TEST_F(control, address_space_of_a_group_that_runs)
{
	struct net *n = &self->n;
	struct client *c = &n->c;

	ASSERT_EQ(0, vv_set_vring(c->fd, VHOST_VDPA_SET_VRING_ENABLE, NET_RX, 0));
	EXPECT_EQ(-EBUSY, vv_set_vring(c->fd, VHOST_VDPA_SET_GROUP_ASID, 0, 1));
	ASSERT_EQ(0, vv_set_vring(c->fd, VHOST_VDPA_SET_VRING_ENABLE, NET_RX, 1));
	ASSERT_EQ(0, send_frames(n, 3));
	EXPECT_EQ(0, receive_frames(n, 3));
	EXPECT_EQ(VV_S_RUNNING, device_status(n));
}

/*
 * The commands' queue is in a group of its own, whichever number it turns out to
 * have: a driver says where the group's memory is before it takes any feature.
 */
TEST(address_space_before_features)
{
	uint64_t mq = VV_BIT(VIRTIO_NET_F_MQ);
	char name[32], path[64];
	struct net n = { .num = NUM };
	struct client *c = &n.c;
	unsigned int i;

	ASSERT_EQ(0, vdpa_create_pairs(2, OFFERED | mq, name, path));
	ASSERT_EQ(0, client_open(c, path, 1 << 20));
	ASSERT_EQ(0, vv_set_backend_features(c->fd, VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) |
						    VV_BIT(VHOST_BACKEND_F_IOTLB_ASID)));
	ASSERT_EQ(0, vv_set_vring(c->fd, VHOST_VDPA_SET_GROUP_ASID, 1, 1));
	ASSERT_EQ(0, vv_unmap(c->fd, 0, CLIENT_IOVA, c->size));
	ASSERT_EQ(0, vv_map(c->fd, 1, CLIENT_IOVA, c->mem, c->size, VHOST_ACCESS_RW));
	ASSERT_EQ(0, client_negotiate(c, NET_WANTED));
	for (i = 0; i <= NET_CTRL; i++)
		ASSERT_EQ(0, client_add_queue(c, NUM));
	n.ctrl = client_alloc(c, 4096, 4096);
	ASSERT_EQ(0, vv_set_status(c->fd, VV_S_RUNNING));
	ASSERT_EQ(0, vv_set_vring(c->fd, VHOST_VDPA_SET_VRING_ENABLE, NET_CTRL, 1));
	EXPECT_EQ(VV_S_RUNNING, device_status(&n));
	EXPECT_EQ(VIRTIO_NET_ERR, net_command(&n, 0xff, 0, NULL, 0));
	net_close(&n);
	vdpa_del(name);
}

/* --- features ---------------------------------------------------------------- */

#define F(name)	VV_BIT(VIRTIO_NET_F_##name)

static const struct dependency {
	uint64_t feature, needs;
	const char *said;
} dependencies[] = {
	{ F(HOST_TSO4), F(CSUM), "feature HOST_TSO4 needs CSUM" },
	{ F(HOST_TSO6), F(CSUM), "feature HOST_TSO6 needs CSUM" },
	{ F(HOST_UFO), F(CSUM), "feature HOST_UFO needs CSUM" },
	{ F(HOST_USO), F(CSUM), "feature HOST_USO needs CSUM" },
	{ F(HOST_ECN) | F(CSUM), F(HOST_TSO6), "feature HOST_ECN needs HOST_TSO4 or HOST_TSO6" },
	{ F(GUEST_TSO4), F(GUEST_CSUM), "feature GUEST_TSO4 needs GUEST_CSUM" },
	{ F(GUEST_TSO6), F(GUEST_CSUM), "feature GUEST_TSO6 needs GUEST_CSUM" },
	{ F(GUEST_UFO), F(GUEST_CSUM), "feature GUEST_UFO needs GUEST_CSUM" },
	{ F(GUEST_USO4), F(GUEST_CSUM), "feature GUEST_USO4 needs GUEST_CSUM" },
	{ F(GUEST_USO6), F(GUEST_CSUM), "feature GUEST_USO6 needs GUEST_CSUM" },
	{ F(GUEST_ECN) | F(GUEST_CSUM), F(GUEST_TSO4),
	  "feature GUEST_ECN needs GUEST_TSO4 or GUEST_TSO6" },
	{ F(CTRL_RX), F(CTRL_VQ), "feature CTRL_RX needs CTRL_VQ" },
	{ F(CTRL_RX_EXTRA), F(CTRL_VQ), "feature CTRL_RX_EXTRA needs CTRL_VQ" },
	{ F(CTRL_VLAN), F(CTRL_VQ), "feature CTRL_VLAN needs CTRL_VQ" },
	{ F(CTRL_MAC_ADDR), F(CTRL_VQ), "feature CTRL_MAC_ADDR needs CTRL_VQ" },
	{ F(CTRL_GUEST_OFFLOADS), F(CTRL_VQ), "feature CTRL_GUEST_OFFLOADS needs CTRL_VQ" },
	{ F(GUEST_ANNOUNCE), F(CTRL_VQ), "feature GUEST_ANNOUNCE needs CTRL_VQ" },
	{ F(MQ), F(CTRL_VQ), "feature MQ needs CTRL_VQ" },
	{ F(RSS), F(CTRL_VQ), "feature RSS needs CTRL_VQ" },
	{ F(HASH_REPORT), F(CTRL_VQ), "feature HASH_REPORT needs CTRL_VQ" },
	{ F(NOTF_COAL), F(CTRL_VQ), "feature NOTF_COAL needs CTRL_VQ" },
	{ F(VQ_NOTF_COAL), F(CTRL_VQ), "feature VQ_NOTF_COAL needs CTRL_VQ" },
};

/* Makes a device that offers them; what the kernel said is in @req */
static int add(struct nl_request *req, const char *name, uint64_t features)
{
	int err = module_load("vdpa_sim_net");

	features |= VV_BIT(VIRTIO_F_VERSION_1) | VV_BIT(VIRTIO_F_ACCESS_PLATFORM);
	if (!err)
		err = nl_begin(req, VDPA_CMD_DEV_NEW, 0);
	if (err)
		return err;
	nl_put_string(req, VDPA_ATTR_DEV_NAME, name);
	nl_put_string(req, VDPA_ATTR_MGMTDEV_DEV_NAME, "vdpasim_net");
	nl_put(req, VDPA_ATTR_DEV_FEATURES, &features, sizeof(features));
	return nl_do(req, NULL, NULL);
}

TEST(features_that_need_others)
{
	const struct dependency *dep;
	struct nl_request req;

	for (dep = dependencies; dep < dependencies + ARRAY_SIZE(dependencies); dep++) {
		EXPECT_EQ(-EINVAL, add(&req, "depends", dep->feature));
		EXPECT_STREQ(dep->said, req.said);
		EXPECT_EQ(0, add(&req, "depends", dep->feature | dep->needs)) {
			TH_LOG("%s: %s", dep->said, req.said);
		}
		vdpa_del("depends");
	}
}

/* A driver that takes no more than one pair finds the commands' queue behind it */
TEST(one_pair_of_four)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0x77, 1 };
	uint64_t mq = VV_BIT(VIRTIO_NET_F_MQ);
	char name[32], path[64];
	unsigned int group;
	struct net n;

	ASSERT_EQ(0, vdpa_create_pairs(4, OFFERED | mq, name, path));
	ASSERT_EQ(0, net_open(&n, path, NET_WANTED, NUM, ROOM));
	EXPECT_EQ(0, vv_get_vring(n.c.fd, VHOST_VDPA_GET_VRING_GROUP, NET_CTRL, &group));
	EXPECT_EQ(1, group);
	EXPECT_EQ(VIRTIO_NET_OK, net_command(&n, VIRTIO_NET_CTRL_MAC,
					     VIRTIO_NET_CTRL_MAC_ADDR_SET, mac, sizeof(mac)));
	memcpy(n.mac, mac, sizeof(mac));
	EXPECT_EQ(0, send_frames(&n, 3));
	EXPECT_EQ(0, receive_frames(&n, 3));
	net_close(&n);
	vdpa_del(name);
}

TEST_HARNESS_MAIN
