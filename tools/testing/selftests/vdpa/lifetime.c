// SPDX-License-Identifier: GPL-2.0
/*
 * The device goes while a client has it, and clients go in every way there is:
 * nobody waits for the other, and nothing stays behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

#include "../kselftest_harness.h"
#include "lib/device.h"
#include "lib/net.h"

#define NUM		64
#define ROOM		2048
#define PATIENCE	5000	/* ms */

/* Pages of user memory that anybody in the kernel holds pinned */
static long long pins(void)
{
	return proc_field("/proc/vmstat", "nr_foll_pin_acquired") -
	       proc_field("/proc/vmstat", "nr_foll_pin_released");
}

static bool pins_return_to(long long before)
{
	uint64_t end = now_ns() + PATIENCE * 1000000ULL;

	while (pins() != before)
		if (now_ns() > end)
			return false;
	return true;
}

/* The last close of a killed process may come a moment after its end */
static int open_when_free(const char *path)
{
	uint64_t end = now_ns() + PATIENCE * 1000000ULL;
	int fd;

	do
		fd = open(path, O_RDWR | O_CLOEXEC);
	while (fd < 0 && errno == EBUSY && now_ns() < end);
	return fd < 0 ? -errno : fd;
}

static int open_error(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static bool sleeps(pid_t tid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	fclose(file);
	return state == 'S';
}

FIXTURE(life) {
	char name[32];
	char path[64];
	long long pins;
};

FIXTURE_SETUP(life)
{
	ASSERT_EQ(0, vdpa_create("vdpasim_net", 0, self->name, self->path));
	self->pins = pins();
}

FIXTURE_TEARDOWN(life)
{
	vdpa_del(self->name);
}

/* --- the device goes --------------------------------------------------------- */

static const unsigned long requests[] = {
	VHOST_GET_FEATURES, VHOST_SET_FEATURES, VHOST_SET_OWNER, VHOST_SET_MEM_TABLE,
	VHOST_GET_BACKEND_FEATURES, VHOST_SET_BACKEND_FEATURES,
	VHOST_SET_VRING_NUM, VHOST_SET_VRING_ADDR, VHOST_SET_VRING_BASE,
	VHOST_GET_VRING_BASE, VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL,
	VHOST_SET_VRING_ERR, VHOST_VDPA_GET_DEVICE_ID, VHOST_VDPA_GET_STATUS,
	VHOST_VDPA_SET_STATUS, VHOST_VDPA_GET_CONFIG, VHOST_VDPA_SET_CONFIG,
	VHOST_VDPA_SET_VRING_ENABLE, VHOST_VDPA_GET_VRING_NUM,
	VHOST_VDPA_SET_CONFIG_CALL, VHOST_VDPA_GET_IOVA_RANGE,
	VHOST_VDPA_GET_CONFIG_SIZE, VHOST_VDPA_GET_AS_NUM,
	VHOST_VDPA_GET_VRING_GROUP, VHOST_VDPA_SET_GROUP_ASID, VHOST_VDPA_SUSPEND,
	VHOST_VDPA_RESUME, VHOST_VDPA_GET_VRING_DESC_GROUP,
	VHOST_VDPA_GET_VQS_COUNT, VHOST_VDPA_GET_GROUP_NUM,
	VHOST_VDPA_GET_VRING_SIZE,
};

TEST_F(life, unplugged_while_running)
{
	char arg[256] = { 0 };
	struct pollfd pfd;
	struct net n;
	unsigned int i;
	int fd;

	ASSERT_EQ(0, net_open(&n, self->path, NET_WANTED, NUM, ROOM));
	fd = n.c.fd;
	EXPECT_LT(self->pins, pins());
	ASSERT_EQ(0, vdpa_del(self->name));

	/* at once, and not when the file is closed */
	EXPECT_TRUE(pins_return_to(self->pins));
	EXPECT_EQ(0, proc_field("/proc/self/status", "VmPin"));

	for (i = 0; i < ARRAY_SIZE(requests); i++)
		EXPECT_EQ(-ENODEV, vv_ioctl(fd, requests[i], arg)) {
			TH_LOG("ioctl %#lx", requests[i]);
		}
	EXPECT_EQ(-ENODEV, vv_map(fd, 0, CLIENT_IOVA, n.c.mem, 4096, VHOST_ACCESS_RW));
	EXPECT_EQ(-ENODEV, vv_unmap(fd, 0, 0, ~0ULL));
	EXPECT_EQ(-1, read(fd, arg, sizeof(arg)));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0));
	EXPECT_EQ(ENODEV, errno);

	pfd = (struct pollfd) { .fd = fd, .events = POLLIN };
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_EQ(POLLHUP | POLLERR, pfd.revents);

	/* eventfds are the client's, and lead nowhere now */
	EXPECT_EQ(0, client_kick(&n.c, NET_TX));
	EXPECT_NE(0, open_error(self->path));
	net_close(&n);
}

struct poller {
	struct pollfd pfd;
	_Atomic pid_t tid;
};

static void *poll_forever(void *arg)
{
	struct poller *p = arg;

	p->tid = gettid();
	poll(&p->pfd, 1, -1);
	return NULL;
}

TEST_F(life, unplug_wakes_who_polls)
{
	struct poller p = { .pfd.events = POLLIN };
	uint64_t end = now_ns() + PATIENCE * 1000000ULL;
	pthread_t thread;

	p.pfd.fd = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(p.pfd.fd, 0);
	ASSERT_EQ(0, pthread_create(&thread, NULL, poll_forever, &p));
	while (!p.tid || !sleeps(p.tid))
		ASSERT_LT(now_ns(), end);
	ASSERT_EQ(0, vdpa_del(self->name));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(POLLHUP | POLLERR, p.pfd.revents);
	close(p.pfd.fd);
}

/* One of those who use the device when it goes */
struct user {
	struct net *net;
	int (*call)(struct user *u);
	_Atomic unsigned long calls;
	_Atomic int last;
	_Atomic bool stop;
	pthread_t thread;
};

static int use_status(struct user *u)
{
	uint8_t status;

	return vv_get_status(u->net->c.fd, &status);
}

static int use_config(struct user *u)
{
	uint8_t config[24];

	return vv_get_config(u->net->c.fd, 0, config, sizeof(config));
}

static int use_call(struct user *u)
{
	int event = eventfd(0, EFD_CLOEXEC), err;

	err = vv_set_vring_fd(u->net->c.fd, VHOST_SET_VRING_CALL, NET_RX, event);
	close(event);
	if (!err)
		err = vv_set_vring_fd(u->net->c.fd, VHOST_SET_VRING_CALL, NET_RX, -1);
	return err;
}

static int use_kick(struct user *u)
{
	struct client *c = &u->net->c;
	int err = vv_set_vring_fd(c->fd, VHOST_SET_VRING_KICK, NET_TX, -1);

	return err ? err : vv_set_vring_fd(c->fd, VHOST_SET_VRING_KICK, NET_TX,
					   c->queue[NET_TX].kick);
}

static int use_iotlb(struct user *u)
{
	enum { SIZE = 16 << 20 };
	struct client *c = &u->net->c;
	char *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err;

	if (mem == MAP_FAILED)
		return -errno;
	err = vv_map(c->fd, 0, 0x100000000ULL, mem, SIZE, VHOST_ACCESS_RW);
	if (!err)
		err = vv_unmap(c->fd, 0, 0x100000000ULL, SIZE);
	munmap(mem, SIZE);
	return err;
}

static int use_reset(struct user *u)
{
	int fd = u->net->c.fd;
	int err = vv_set_status(fd, 0);

	if (!err)
		err = vv_set_status(fd, VV_S_ACK);
	if (!err)
		err = vv_set_status(fd, VV_S_DRIVER);
	return err;
}

/* Goes on when the device is gone: nobody tells an eventfd */
static int use_eventfd(struct user *u)
{
	return client_kick(&u->net->c, NET_TX);
}

static void *use(void *arg)
{
	struct user *u = arg;

	do {
		u->last = u->call(u);
		u->calls++;
	} while (!u->last && !u->stop);
	return NULL;
}

TEST_F_TIMEOUT(life, unplugged_with_a_thread_in_each_call, 120)
{
	static int (* const calls[])(struct user *u) = {
		use_eventfd, use_status, use_config, use_call, use_kick, use_iotlb,
		use_reset,
	};
	struct user user[ARRAY_SIZE(calls)];
	unsigned int round, i;
	struct net n;
	uint64_t begin;

	for (round = 0; round < 5; round++) {
		if (round)
			ASSERT_EQ(0, vdpa_create("vdpasim_net", 0, self->name, self->path));
		ASSERT_EQ(0, net_open(&n, self->path, NET_WANTED, NUM, ROOM));
		for (i = 0; i < ARRAY_SIZE(calls); i++) {
			user[i] = (struct user) { .net = &n, .call = calls[i] };
			ASSERT_EQ(0, pthread_create(&user[i].thread, NULL, use, &user[i]));
		}
		begin = now_ns();
		for (i = 0; i < ARRAY_SIZE(calls); i++)
			while (user[i].calls < 3 + round && !user[i].last &&
			       now_ns() - begin < PATIENCE * 1000000ULL)
				usleep(1000);

		begin = now_ns();
		EXPECT_EQ(0, vdpa_del(self->name));
		EXPECT_GT(PATIENCE, (now_ns() - begin) / 1000000);
		user[0].stop = true;
		for (i = 0; i < ARRAY_SIZE(calls); i++) {
			ASSERT_EQ(0, pthread_join(user[i].thread, NULL));
			EXPECT_EQ(i ? -ENODEV : 0, user[i].last) {
				TH_LOG("user %u after %lu calls", i, user[i].calls);
			}
		}
		EXPECT_TRUE(pins_return_to(self->pins));
		net_close(&n);
	}
}

/* A client that is stopped can't close anything */
TEST_F(life, unplug_does_not_wait_for_a_client)
{
	uint64_t begin;
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		struct net n;
		uint8_t s;

		if (net_open(&n, self->path, NET_WANTED, NUM, ROOM))
			_exit(1);
		raise(SIGSTOP);
		_exit(vv_get_status(n.c.fd, &s) == -ENODEV ? 0 : 2);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	begin = now_ns();
	EXPECT_EQ(0, vdpa_del(self->name));
	EXPECT_GT(PATIENCE, (now_ns() - begin) / 1000000);
	EXPECT_TRUE(pins_return_to(self->pins));
	kill(pid, SIGCONT);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

struct mapper {
	int fd;
	char *mem;
	int err;
};

static void *map_slowly(void *arg)
{
	struct mapper *m = arg;

	m->err = vv_map(m->fd, 0, 0x10000, m->mem, 8192, VHOST_ACCESS_RW);
	return NULL;
}

/* Memory that is there only when we say so, as that of a lazy file system */
static int lazy_memory(char **mem)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	*mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)*mem;
	reg.range.len = 8192;
	if (uffd < 0 || *mem == MAP_FAILED || ioctl(uffd, UFFDIO_API, &api) ||
	    ioctl(uffd, UFFDIO_REGISTER, &reg))
		return -errno;
	return uffd;
}

/* Somebody waits for memory; neither other calls nor unplug wait for him */
TEST_F(life, mapping_memory_that_does_not_come)
{
	struct uffdio_zeropage zero = { .range.len = 8192 };
	struct pollfd pfd = { .events = POLLIN };
	struct mapper m = { .err = 1 };
	pthread_t thread;
	uint8_t status;

	pfd.fd = lazy_memory(&m.mem);
	if (pfd.fd == -EPERM)
		SKIP(return, "no userfaultfd");
	ASSERT_GE(pfd.fd, 0);
	m.fd = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_EQ(0, vv_set_owner(m.fd));
	ASSERT_EQ(0, pthread_create(&thread, NULL, map_slowly, &m));
	/* the kernel asks for it */
	ASSERT_EQ(1, poll(&pfd, 1, PATIENCE));
	EXPECT_EQ(0, vv_get_status(m.fd, &status));
	EXPECT_EQ(0, vdpa_del(self->name));
	EXPECT_EQ(-ENODEV, vv_get_status(m.fd, &status));
	EXPECT_EQ(1, m.err);

	zero.range.start = (uintptr_t)m.mem;
	ASSERT_EQ(0, ioctl(pfd.fd, UFFDIO_ZEROPAGE, &zero));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-ENODEV, m.err);
	EXPECT_TRUE(pins_return_to(self->pins));
	close(m.fd);
	close(pfd.fd);
}

/* The name and the number are free for the next one */
TEST_F(life, another_device_while_the_file_of_the_first_is_open)
{
	int first, second;
	uint8_t status = 99;

	first = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(first, 0);
	ASSERT_EQ(0, vdpa_del(self->name));
	ASSERT_EQ(0, vdpa_create("vdpasim_net", 0, self->name, self->path));
	second = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(second, 0);
	EXPECT_EQ(-ENODEV, vv_get_status(first, &status));
	EXPECT_EQ(0, vv_get_status(second, &status));
	EXPECT_EQ(0, status);
	close(first);
	/* which was not the session of the second */
	EXPECT_EQ(0, vv_set_owner(second));
	close(second);
}

/* --- the client goes --------------------------------------------------------- */

TEST_F(life, dup_is_the_same_session)
{
	uint8_t status;
	int fd, copy;

	fd = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	copy = dup(fd);
	close(fd);
	EXPECT_EQ(EBUSY, open_error(self->path));
	EXPECT_EQ(0, vv_get_status(copy, &status));
	close(copy);
	EXPECT_EQ(0, open_error(self->path));
}

/* What the child of an owner may do: look, but not touch */
static int try_as_child(struct client *c)
{
	unsigned int num;
	uint8_t status;

	if (vv_get_status(c->fd, &status) || status != VV_S_RUNNING)
		return 1;
	if (vv_set_owner(c->fd) != -EBUSY)
		return 2;
	if (vv_get_vring(c->fd, VHOST_GET_VRING_BASE, 0, &num) != -EPERM)
		return 3;
	if (vv_map(c->fd, 0, 0x1000, c->mem, 4096, VHOST_ACCESS_RW) != -EPERM)
		return 4;
	if (vv_unmap(c->fd, 0, 0, ~0ULL) != -EPERM)
		return 5;
	return 0;
}

TEST_F(life, a_child_keeps_the_session_but_is_not_its_owner)
{
	int gate[2], status;
	struct net n;
	char byte;
	pid_t pid;

	ASSERT_EQ(0, net_open(&n, self->path, NET_WANTED, NUM, ROOM));
	ASSERT_EQ(0, pipe(gate));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		close(gate[1]);
		/* until the parent has closed its end */
		if (read(gate[0], &byte, 1))
			_exit(9);
		_exit(try_as_child(&n.c));
	}
	close(gate[0]);
	net_close(&n);
	EXPECT_EQ(EBUSY, open_error(self->path));
	close(gate[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(pins_return_to(self->pins));
	EXPECT_EQ(0, open_error(self->path));
}

static int send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return sendmsg(socket, &msg, 0) == 1 ? 0 : -errno;
}

TEST_F(life, a_file_on_its_way_to_another_process)
{
	int pair[2], fd;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	fd = open(self->path, O_RDWR | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, vv_set_owner(fd));
	ASSERT_EQ(0, send_fd(pair[0], fd));
	close(fd);
	EXPECT_EQ(EBUSY, open_error(self->path));
	/* nobody received it */
	close(pair[0]);
	close(pair[1]);
	fd = open_when_free(self->path);
	EXPECT_GE(fd, 0);
	close(fd);
}

/* Maps, moves frames and resets for as long as it lives */
static void work_until_killed(const char *path)
{
	uint32_t slot, used;
	struct net n;

	for (;;) {
		unsigned int i;

		if (net_open(&n, path, NET_WANTED, NUM, ROOM))
			_exit(1);
		for (i = 0; i < 8; i++) {
			net_fill(&n, 0, 64, i);
			if (net_send(&n, 0, 64) || net_flush(&n, NET_TX) ||
			    client_wait(&n.c, NET_RX, &slot, &used, PATIENCE) ||
			    client_poll(&n.c, NET_TX, &slot, &used, PATIENCE))
				_exit(2);
		}
		if (client_stop(&n.c))
			_exit(3);
		net_close(&n);
	}
}

TEST_F_TIMEOUT(life, killed_at_any_point, 120)
{
	unsigned int i;
	uint8_t state;
	int status, fd;
	pid_t pid;

	for (i = 0; i < 25; i++) {
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			work_until_killed(self->path);
		/* anywhere in its work, which is why nothing is awaited */
		usleep(i * 4000);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFSIGNALED(status)) {
			TH_LOG("round %u: exit status %d", i, WEXITSTATUS(status));
		}
		fd = open_when_free(self->path);
		ASSERT_GE(fd, 0);
		EXPECT_EQ(0, vv_get_status(fd, &state));
		EXPECT_EQ(0, state);
		close(fd);
		ASSERT_TRUE(pins_return_to(self->pins));
	}
}

TEST_F(life, two_race_for_the_device)
{
	/* in memory that the processes share */
	_Atomic int *holders = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[2];
	int i, status;

	ASSERT_NE(MAP_FAILED, holders);
	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		ASSERT_GE(pid[i], 0);
		if (!pid[i]) {
			int got = 0, fd;

			while (got < 50) {
				fd = open(self->path, O_RDWR | O_CLOEXEC);
				if (fd < 0 && errno == EBUSY)
					continue;
				if (fd < 0)
					_exit(1);
				if (++*holders != 1)
					_exit(2);
				if (vv_set_owner(fd))
					_exit(3);
				--*holders;
				close(fd);
				got++;
			}
			_exit(0);
		}
	}
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(pid[i], waitpid(pid[i], &status, 0));
		EXPECT_EQ(0, status);
	}
}

TEST_HARNESS_MAIN
