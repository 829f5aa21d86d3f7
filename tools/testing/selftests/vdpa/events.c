// SPDX-License-Identifier: GPL-2.0
/*
 * Kicks and calls by eventfd: none is lost, none goes to the wrong place, and
 * eventfds can be replaced at any time.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "lib/device.h"
#include "lib/net.h"

#define NUM		64
#define ROOM		2048
#define PATIENCE	5000	/* ms */
#define WHILE		500	/* ms in which nothing should happen */

FIXTURE(events) {
	char name[32];
	char path[64];
	struct net n;
};

FIXTURE_SETUP(events)
{
	int err;

	ASSERT_EQ(0, vdpa_create("vdpasim_net", 0, self->name, self->path));
	err = net_open(&self->n, self->path, NET_WANTED, NUM, ROOM);
	if (err)
		vdpa_del(self->name);
	ASSERT_EQ(0, err);
}

FIXTURE_TEARDOWN(events)
{
	net_close(&self->n);
	vdpa_del(self->name);
}

static int set_kick(struct net *n, int fd)
{
	return vv_set_vring_fd(n->c.fd, VHOST_SET_VRING_KICK, NET_TX, fd);
}

static int set_call(struct net *n, int fd)
{
	return vv_set_vring_fd(n->c.fd, VHOST_SET_VRING_CALL, NET_RX, fd);
}

static int enable(struct net *n, bool on)
{
	return vv_set_vring(n->c.fd, VHOST_VDPA_SET_VRING_ENABLE, NET_TX, on);
}

static bool signalled(int event, int ms)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

/* A frame in the ring that the device has not been told of */
static int put_frame(struct net *n)
{
	int err;

	net_fill(n, 0, 64, 1);
	err = net_send(n, 0, 64);
	vq_publish(&n->c.queue[NET_TX].vq);
	return err;
}

/* It comes back, and both buffers are ready for the next one */
static int frame_comes(struct net *n, int ms)
{
	uint32_t slot, used;
	int err = client_poll(&n->c, NET_RX, &slot, &used, ms);

	if (err)
		return err;
	if (!net_check(n, slot, 64, 1))
		return -EBADMSG;
	err = net_post_rx(n, slot);
	if (!err)
		err = net_flush(n, NET_RX);
	return err ? err : client_poll(&n->c, NET_TX, &slot, &used, PATIENCE);
}

/* A frame that stays in the ring, once the device has stopped looking there */
static int park_frame(struct net *n)
{
	unsigned int tries;
	int err = 0;

	for (tries = 0; !err && tries < 10; tries++) {
		err = put_frame(n);
		if (!err)
			err = frame_comes(n, WHILE);
	}
	return err == -ETIMEDOUT ? 0 : err ? err : -EBUSY;
}

TEST_F(events, kick_written_before_it_is_handed_over)
{
	int event = eventfd(1, EFD_CLOEXEC);

	ASSERT_GE(event, 0);
	ASSERT_EQ(0, set_kick(&self->n, -1));
	ASSERT_EQ(0, park_frame(&self->n));
	ASSERT_EQ(0, set_kick(&self->n, event));
	EXPECT_EQ(0, frame_comes(&self->n, PATIENCE));
	close(event);
}

TEST_F(events, kick_written_before_the_queue_is_enabled)
{
	ASSERT_EQ(0, enable(&self->n, false));
	ASSERT_EQ(0, put_frame(&self->n));
	ASSERT_EQ(0, client_kick(&self->n.c, NET_TX));
	EXPECT_EQ(-ETIMEDOUT, frame_comes(&self->n, WHILE));
	ASSERT_EQ(0, enable(&self->n, true));
	EXPECT_EQ(0, frame_comes(&self->n, PATIENCE));
}

/* The client can close its end: the file is the device's as well */
TEST_F(events, kick_by_a_file_that_only_a_copy_names)
{
	int event = eventfd(0, EFD_CLOEXEC), copy = dup(event);
	uint64_t one = 1;

	ASSERT_EQ(0, set_kick(&self->n, event));
	close(event);
	ASSERT_EQ(0, put_frame(&self->n));
	ASSERT_EQ(sizeof(one), write(copy, &one, sizeof(one)));
	EXPECT_EQ(0, frame_comes(&self->n, PATIENCE));
	close(copy);
	/* no name is left, and nothing happens to the device */
	EXPECT_EQ(0, park_frame(&self->n));
}

TEST_F(events, former_kick_leads_nowhere)
{
	int event = eventfd(0, EFD_CLOEXEC);
	uint64_t one = 1;

	ASSERT_EQ(0, set_kick(&self->n, event));
	ASSERT_EQ(0, park_frame(&self->n));
	ASSERT_EQ(0, client_kick(&self->n.c, NET_TX));
	EXPECT_EQ(-ETIMEDOUT, frame_comes(&self->n, WHILE));
	ASSERT_EQ(sizeof(one), write(event, &one, sizeof(one)));
	EXPECT_EQ(0, frame_comes(&self->n, PATIENCE));
	close(event);
}

TEST_F(events, call_goes_to_the_new_eventfd_only)
{
	int first = eventfd(0, EFD_CLOEXEC), second = eventfd(0, EFD_CLOEXEC);
	uint64_t count;

	ASSERT_EQ(0, set_call(&self->n, first));
	vq_call_after(&self->n.c.queue[NET_RX].vq, 1);
	ASSERT_EQ(0, put_frame(&self->n));
	ASSERT_EQ(0, client_kick(&self->n.c, NET_TX));
	ASSERT_TRUE(signalled(first, PATIENCE));
	ASSERT_EQ(0, frame_comes(&self->n, PATIENCE));

	ASSERT_EQ(0, set_call(&self->n, second));
	ASSERT_EQ(sizeof(count), read(first, &count, sizeof(count)));
	vq_call_after(&self->n.c.queue[NET_RX].vq, 1);
	ASSERT_EQ(0, put_frame(&self->n));
	ASSERT_EQ(0, client_kick(&self->n.c, NET_TX));
	EXPECT_TRUE(signalled(second, PATIENCE));
	EXPECT_FALSE(signalled(first, 0));
	close(first);
	close(second);
}

struct replacer {
	struct net *net;
	_Atomic bool stop;
	_Atomic unsigned long turns;
	_Atomic int err;
};

static void *replace_call(void *arg)
{
	struct replacer *r = arg;

	while (!r->stop && !r->err) {
		int event = eventfd(0, EFD_CLOEXEC);

		r->err = set_call(r->net, event);
		close(event);
		if (!r->err && r->turns % 3 == 0)
			r->err = set_call(r->net, -1);
		r->turns++;
	}
	return NULL;
}

TEST_F_TIMEOUT(events, call_replaced_under_traffic, 60)
{
	struct replacer r = { .net = &self->n };
	uint32_t slot, used;
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, replace_call, &r));
	for (i = 0; i < 2000 || r.turns < 200; i++) {
		vq_call_after(&self->n.c.queue[NET_RX].vq, 1);
		ASSERT_EQ(0, put_frame(&self->n));
		ASSERT_EQ(0, client_kick(&self->n.c, NET_TX));
		ASSERT_EQ(0, frame_comes(&self->n, PATIENCE));
	}
	r.stop = true;
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, r.err);

	/* and afterwards it works as ever */
	ASSERT_EQ(0, set_call(&self->n, self->n.c.queue[NET_RX].call));
	ASSERT_EQ(0, put_frame(&self->n));
	ASSERT_EQ(0, client_kick(&self->n.c, NET_TX));
	EXPECT_EQ(0, client_wait(&self->n.c, NET_RX, &slot, &used, PATIENCE));
}

/* The device calls, which is a kick, which it answers ... */
TEST_F(events, one_eventfd_for_both)
{
	int event = eventfd(0, EFD_CLOEXEC);
	uint64_t one = 1;
	unsigned int i;

	ASSERT_EQ(0, set_kick(&self->n, event));
	ASSERT_EQ(0, set_call(&self->n, event));
	ASSERT_EQ(0, vv_set_vring_fd(self->n.c.fd, VHOST_SET_VRING_CALL, NET_TX, event));
	for (i = 0; i < 100; i++) {
		vq_call_after(&self->n.c.queue[NET_RX].vq, 1);
		vq_call_after(&self->n.c.queue[NET_TX].vq, 1);
		ASSERT_EQ(0, put_frame(&self->n));
		ASSERT_EQ(sizeof(one), write(event, &one, sizeof(one)));
		ASSERT_EQ(0, frame_comes(&self->n, PATIENCE));
	}
	close(event);
}

TEST_HARNESS_MAIN
