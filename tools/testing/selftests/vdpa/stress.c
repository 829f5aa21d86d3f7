// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that use a device in every way, while it is deleted, taken from its
 * driver, given to another one, suspended and resumed by somebody else, its modules
 * are unloaded, or its user is killed.
 * Whatever a program then gets for an answer: nothing hangs, no page stays pinned,
 * and the device that comes next works.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"
#include "lib/blk.h"
#include "lib/device.h"
#include "lib/net.h"

#define PROCESSES	2	/* at most, at a time: one has the file, one waits for it */
#define PARTS		2	/* at a time, with the same file */
#define STEPS		4	/* that a program makes between two of them */
#define PATIENCE	10000	/* ms until something counts as hanging */
#define SUSPENDS	10	/* of a device that ran, in a disturbance */
#define NUM		64
#define FRAME		200	/* bytes */
#define BURST		32	/* frames */
#define BLOCK		1024
#define BLOCKS		8
#define MEMORY		(1 << 20)

static char name[32];

/* Between the programs and who disturbs them */
struct shared {
	unsigned long steps[PARTS];	/* that each part of a program made */
	unsigned long moved;	/* buffers that came back from the device */
	unsigned long corrupt;	/* data that came, and not as it was sent */
	char path[64];		/* of the char device; may be read while it changes */
};

static volatile struct shared *shared;
static char *path;

struct program;

/* A file, from open to close, and the threads that have it */
struct session {
	const struct program *program;
	struct client *c;
	struct net n;
	struct blk b;
	char *extra;		/* memory to be mapped and unmapped */
	unsigned int patience;	/* ms until a buffer counts as lost */
	volatile bool over;	/* one of the threads can't go on */
};

/* The first two threads of each process; one runs in the process itself */
struct part {
	int (*run)(struct session *s);	/* a moment's work, again and again */
	bool forked;		/* by a child, which has the file and does not own it */
};

struct program {
	const char *name;
	int (*begin)(struct session *s);
	struct part part[PARTS];
	int (*works)(struct session *s);	/* what a good device lets one do */
	const char *parent;		/* module, */
	const char *mgmtdev;		/* and what it makes devices of */
	uint64_t ring;			/* features of it */
	unsigned int processes;		/* that take turns with the file */
	bool orderly;			/* no part stops or resets the device */
};

/* --- what programs do until somebody takes the device away ------------------- */

static __thread unsigned int random_state;

static unsigned int pick(unsigned int below)
{
	random_state = random_state * 1103515245 + 12345;
	return (random_state >> 8) % below;
}

static void count(volatile unsigned long *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static int begin_net(struct session *s)
{
	s->c = &s->n.c;
	return net_open(&s->n, path, NET_WANTED | s->program->ring, NUM, 2048);
}

static int begin_blk(struct session *s)
{
	s->c = &s->b.c;
	return blk_open(&s->b, path, BLK_WANTED | s->program->ring, NUM, BLOCKS, BLOCK);
}

/* The mock parent serves no queue, but takes what makes it start */
static int begin_mock(struct session *s)
{
	unsigned int i;
	int err;

	s->c = &s->n.c;
	memset(s->c, 0, sizeof(*s->c));
	err = client_open(s->c, path, MEMORY);
	if (err)
		return err;
	err = client_negotiate(s->c, 0);
	for (i = 0; !err && i < 2; i++)
		err = client_add_queue(s->c, NUM);
	if (!err)
		err = client_start(s->c);
	if (err)
		client_close(s->c);
	return err;
}

/* Closes a file whose device runs, and opens one that is not taken that far */
static int open_again(struct session *s)
{
	usleep(pick(3) * 1000);
	close(s->c->fd);
	s->c->fd = open(path, O_RDWR | O_CLOEXEC);
	if (s->c->fd >= 0) {
		vv_set_owner(s->c->fd);
		vv_set_status(s->c->fd, VV_S_DRIVER);
	}
	count(&shared->steps[0]);
	return -ECANCELED;
}

static int random_call(int fd)
{
	static const unsigned long vring[] = {
		VHOST_SET_VRING_NUM, VHOST_SET_VRING_BASE, VHOST_VDPA_SET_VRING_ENABLE,
		VHOST_VDPA_SET_GROUP_ASID, VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL,
	};
	static const uint8_t status[] = { 0, VV_S_ACK, VV_S_DRIVER, VV_S_FEATURES, VV_S_RUNNING };
	uint64_t features;
	uint8_t config[8];
	unsigned int num;

	switch (pick(9)) {
	case 0:
		return vv_set_status(fd, pick(8) ? VV_S_RUNNING :
						   status[pick(ARRAY_SIZE(status))]);
	case 1:
		vv_get_features(fd, &features);
		return vv_set_features(fd, features & ~VV_BIT(pick(64)));
	case 2:
		return vv_get_vring(fd, VHOST_GET_VRING_BASE, pick(4), &num);
	case 3:
		return vv_set_vring_addr(fd, pick(4), CLIENT_IOVA + pick(16) * 4096,
					 CLIENT_IOVA + pick(16) * 4096,
					 CLIENT_IOVA + pick(16) * 4096);
	case 4:
		return pick(2) ? vv_suspend(fd) : vv_resume(fd);
	case 5:
		return vv_set_config_call(fd, -1);
	case 6:
		return vv_get_config(fd, 0, config, sizeof(config));
	default:
		return vv_set_vring(fd, vring[pick(ARRAY_SIZE(vring))], pick(4), pick(256));
	}
}

static int random_calls(struct session *s, unsigned int n)
{
	int err = 0;

	while (n-- && err != -ENODEV)
		err = random_call(s->c->fd);
	return err == -ENODEV ? err : 0;
}

/* From time to time from the beginning, with a device that runs */
static int ioctls(struct session *s)
{
	int err = random_calls(s, 100);

	return err || pick(10) ? err : -ECANCELED;
}

/* So seldom that others get on, until one of them was too much for the device */
static int some_ioctls(struct session *s)
{
	uint8_t status;
	int err;

	usleep(2000);
	err = random_calls(s, 20);
	if (!err)
		err = vv_get_status(s->c->fd, &status);
	return err ? err : status == VV_S_RUNNING ? 0 : -ECONNRESET;
}

/* Nowhere near what the device works with */
static int maps(struct session *s)
{
	uint64_t iova = CLIENT_IOVA + (1ULL << 32);
	unsigned int i;
	int err = 0;

	for (i = 0; i < 100 && err != -ENODEV; i++) {
		uint64_t from = pick(256) * 4096ULL, size = (pick(16) + 1) * 4096ULL;

		if (from + size > MEMORY)
			continue;
		err = pick(2) ? vv_unmap(s->c->fd, 0, iova + from, size) :
				vv_map(s->c->fd, 0, iova + from, s->extra + from, size,
				       VHOST_ACCESS_RW);
	}
	return err == -ENODEV ? err : 0;
}

/* The next buffer back; somebody may have reset the device */
static int take(struct session *s, unsigned int queue, uint32_t *slot)
{
	int err = -ETIMEDOUT;
	unsigned int ms;
	uint32_t len;

	for (ms = 0; err == -ETIMEDOUT && !s->over && ms < s->patience; ms += 20)
		err = client_poll(s->c, queue, slot, &len, 20);
	if (!err)
		count(&shared->moved);
	return err;
}

static int receive(struct session *s, unsigned int i)
{
	uint32_t slot;
	int err = take(s, NET_RX, &slot);

	if (err)
		return err;
	if (slot >= NUM || !net_check(&s->n, slot, FRAME, i))
		return -EBADMSG;
	return net_post_rx(&s->n, slot);
}

static int frames(struct session *s)
{
	unsigned int i;
	uint32_t slot;
	int err = 0;

	for (i = 0; !err && i < BURST; i++) {
		net_fill(&s->n, i, FRAME, i);
		err = net_send(&s->n, i, FRAME);
	}
	if (!err)
		err = net_flush(&s->n, NET_TX);
	for (i = 0; !err && i < BURST; i++)
		err = receive(s, i);
	for (i = 0; !err && i < BURST; i++)
		err = take(s, NET_TX, &slot);
	return err ? err : net_flush(&s->n, NET_RX);
}

/* All blocks written, or all read */
static int request(struct session *s, uint32_t type)
{
	unsigned int i;
	uint32_t slot;
	int err = 0;

	for (i = 0; !err && i < BLOCKS; i++)
		err = blk_add(&s->b, i, type, i * (BLOCK / BLK_SECTOR), BLOCK);
	if (!err)
		err = blk_flush(&s->b);
	for (i = 0; !err && i < BLOCKS; i++) {
		err = take(s, 0, &slot);
		if (!err && (slot >= BLOCKS || s->b.status[slot] != VIRTIO_BLK_S_OK))
			err = -EBADMSG;
	}
	return err;
}

static int blocks(struct session *s)
{
	unsigned int seed = pick(1 << 16), i;
	char block[BLOCK];
	int err;

	for (i = 0; i < BLOCKS; i++)
		fill_pattern(blk_data(&s->b, i), BLOCK, seed + i);
	err = request(s, VIRTIO_BLK_T_OUT);
	if (err)
		return err;
	memset(blk_data(&s->b, 0), 0, BLOCKS * BLOCK);
	err = request(s, VIRTIO_BLK_T_IN);
	for (i = 0; !err && i < BLOCKS; i++) {
		fill_pattern(block, BLOCK, seed + i);
		if (memcmp(block, blk_data(&s->b, i), BLOCK))
			err = -EBADMSG;
	}
	return err;
}

static int kicks(struct session *s)
{
	uint8_t status;
	unsigned int i;
	int err;

	for (i = 0; i < 500; i++)
		client_kick(s->c, i % s->c->nqueues);
	err = vv_get_status(s->c->fd, &status);
	return err ? err : status ? 0 : -ECONNRESET;
}

static __thread sigjmp_buf no_doorbell;

static void on_bus_error(int signal)
{
	siglongjmp(no_doorbell, 1);
}

/* Maps the doorbell of any queue and rings it; where it is gone, that's a SIGBUS */
static int ring_doorbell(int fd)
{
	uint32_t *volatile bell;
	unsigned int i;

	bell = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, pick(2) * 4096);
	if (bell == MAP_FAILED)
		return -errno;
	if (!sigsetjmp(no_doorbell, 1))
		for (i = 0; i < 100; i++)
			*(volatile uint32_t *)bell = i;
	munmap(bell, 4096);
	return 0;
}

static int doorbells(struct session *s)
{
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < 100; i++)
		err = ring_doorbell(s->c->fd);
	return err;
}

#define ON_NET	.parent = "vdpa_sim_net", .mgmtdev = "vdpasim_net", .begin = begin_net, \
		.works = frames, .processes = 1
#define ON_BLK	.parent = "vdpa_sim_blk", .mgmtdev = "vdpasim_blk", .begin = begin_blk, \
		.works = blocks, .processes = 1
#define ON_MOCK	.parent = "vdpa_mock", .mgmtdev = VDPA_MOCK, .begin = begin_mock, \
		.works = doorbells, .processes = 1
#define PACKED	VV_BIT(VIRTIO_F_RING_PACKED)

static const struct program programs[] = {
	{
		.name = "open and close", .part = { { open_again } },
		.parent = "vdpa_sim_net", .mgmtdev = "vdpasim_net",
		.begin = begin_net, .works = frames, .processes = PROCESSES,
	},
	{ "ioctls at random", ON_NET, .part = { { ioctls }, { ioctls } } },
	{ "map and unmap", ON_NET, .part = { { maps }, { maps } }, .orderly = true },
	{ "frames, map and unmap", ON_NET, .part = { { frames }, { maps } }, .orderly = true },
	{
		"packed frames, map and unmap", ON_NET, .part = { { frames }, { maps } },
		.orderly = true, .ring = PACKED,
	},
	{ "frames, some ioctls", ON_NET, .part = { { frames }, { some_ioctls } } },
	{ "blocks, map and unmap", ON_BLK, .part = { { blocks }, { maps } }, .orderly = true },
	{
		"packed blocks, map and unmap", ON_BLK, .part = { { blocks }, { maps } },
		.orderly = true, .ring = PACKED,
	},
	{ "kicks", ON_NET, .part = { { kicks }, { kicks } }, .orderly = true },
	{
		"kicks, doorbells", ON_MOCK, .part = { { kicks }, { doorbells, true } },
		.orderly = true,
	},
};

/* --- processes, and the threads that share a file ---------------------------- */

struct worker {
	struct session *s;
	unsigned int index;
	unsigned int seed;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct session *s = w->s;
	int err = 0;

	random_state = w->seed + w->index;
	while (!err && !s->over) {
		err = s->program->part[w->index].run(s);
		if (!err)
			count(&shared->steps[w->index]);
	}
	s->over = true;
	/* it may go at any moment, but what it gave until then has to be right */
	if (err == -EBADMSG && s->program->orderly)
		count(&shared->corrupt);
	return NULL;
}

static pid_t fork_work(struct worker *w)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	work(w);
	_exit(0);
}

/* The second part in a thread or a process of its own, the first one here */
static void share(struct session *s, unsigned int seed)
{
	struct worker first = { s, 0, seed }, second = { s, 1, seed };
	const struct part *part = &s->program->part[1];
	pthread_t thread;
	pid_t child = 0;

	if (part->run && part->forked)
		child = fork_work(&second);
	else if (part->run && pthread_create(&thread, NULL, work, &second))
		exit(1);
	work(&first);
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	} else if (part->run) {
		pthread_join(thread, NULL);
	}
}

static int begin(struct session *s, const struct program *program, unsigned int patience)
{
	s->program = program;
	s->patience = patience;
	s->over = false;
	return program->begin(s);
}

static pid_t pids[PROCESSES];

/* A process and those that it makes form a group */
static pid_t start(const struct program *program, unsigned int seed)
{
	struct session s = {};
	pid_t pid = fork();

	if (pid) {
		setpgid(pid, pid);
		return pid;
	}
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGBUS, on_bus_error);
	random_state = seed;
	s.extra = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	for (;; seed += PARTS) {
		if (!begin(&s, program, 300)) {
			share(&s, seed);
			client_close(s.c);
		}
		usleep(500);	/* no device, or somebody else has it */
	}
}

/* 0, or -ETIMEDOUT when they don't die. We are the parent of their orphans. */
static int stop(pid_t pid)
{
	unsigned int ms = 0;

	kill(-pid, SIGKILL);
	while (ms < PATIENCE) {
		pid_t dead = waitpid(-pid, NULL, WNOHANG);

		if (dead < 0)
			return 0;
		if (dead)
			continue;
		usleep(1000);
		ms++;
	}
	return -ETIMEDOUT;
}

/* --- whether a device that was disturbed can be used again --------------------- */

static int works(const struct program *program)
{
	struct session s = {};
	int err = begin(&s, program, PATIENCE);

	if (err)
		return err;
	err = program->works(&s);
	client_close(s.c);
	return err;
}

/* --- what happens to the device ------------------------------------------- */

static int create(const struct program *program)
{
	int err = module_load(program->parent);

	if (!err && !strcmp(program->mgmtdev, VDPA_MOCK))
		err = vdpa_mock_shape("doorbell", "Y");
	return err ? err : vdpa_create(program->mgmtdev, 0, name, path);
}

static int delete(const struct program *program, unsigned int round)
{
	int err = vdpa_del(name);

	return err ? err : create(program);
}

static int back_to_vhost(void)
{
	int err = vdpa_bind(name, "vhost_vdpa");

	return err ? err : vdpa_chardev(name, path, sizeof(shared->path));
}

static int unbind(const struct program *program, unsigned int round)
{
	int err = write_file("/sys/bus/vdpa/drivers/vhost_vdpa/unbind", name);

	return err ? err : back_to_vhost();
}

static int change_driver(const struct program *program, unsigned int round)
{
	int err = vdpa_bind(name, "virtio_vdpa");

	return err ? err : back_to_vhost();
}

/* The bus driver stays while a program has the char device open, or goes */
static int unload(const struct program *program, unsigned int round)
{
	char command[64];
	bool gone;
	int err;

	if (!system("rmmod vdpa vdpa_sim 2>/dev/null"))
		return -EPROTO;
	gone = !system("rmmod vhost_vdpa 2>/dev/null");
	err = gone ? module_load("vhost_vdpa") : 0;
	if (!err)
		err = vdpa_del(name);
	if (err)
		return err;
	snprintf(command, sizeof(command), "modprobe -r %s", program->parent);
	return system(command) ? -EBUSY : create(program);
}

static int kill_one(const struct program *program, unsigned int round)
{
	unsigned int i = round % program->processes;
	int err = stop(pids[i]);

	pids[i] = start(program, round);
	return err;
}

/* The char device as program @pid has it open, or a negative errno */
static int borrow(pid_t pid)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0), fd, found = -ENODEV;

	if (pidfd < 0)
		return -errno;
	for (fd = 3; found < 0 && fd < 32; fd++) {
		char link[64], file[64];
		ssize_t len;

		snprintf(link, sizeof(link), "/proc/%d/fd/%d", pid, fd);
		len = readlink(link, file, sizeof(file) - 1);
		file[len < 0 ? 0 : len] = '\0';
		if (!strcmp(file, path))
			found = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
	}
	close(pidfd);
	return found;
}

static bool running(int fd)
{
	uint8_t status;

	return !vv_get_status(fd, &status) && status & VIRTIO_CONFIG_S_DRIVER_OK;
}

/* Nothing moves but what was on its way back already */
static bool stands_still(void)
{
	unsigned long moved = shared->moved;

	usleep(20000);
	return shared->moved - moved <= 2 * BURST;
}

/*
 * Whether the device was suspended, for what is not running a suspend means nothing;
 * or -EPROTO when it went on nevertheless
 */
static int suspend_once(const struct program *program, int fd, bool look)
{
	int suspended;

	if (!running(fd) || vv_suspend(fd))
		return 0;
	suspended = running(fd);
	if (suspended && look && program->orderly && !stands_still())
		suspended = -EPROTO;
	vv_resume(fd);
	return suspended;
}

static int suspend_resume(const struct program *program, unsigned int round)
{
	unsigned int i, suspended = 0;
	uint64_t end = now_ns() + PATIENCE * 1000000ULL;

	for (i = 0; suspended < SUSPENDS; i++) {
		int fd = borrow(pids[i % program->processes]), err = 0;

		if (fd >= 0) {
			err = suspend_once(program, fd, !suspended);
			close(fd);
		}
		if (err < 0)
			return err;
		suspended += err;
		if (now_ns() > end)
			return -ETIMEDOUT;
		if (!err)
			usleep(200);	/* nobody has come as far as that */
	}
	return 0;
}

static const struct disturbance {
	const char *name;
	int (*happen)(const struct program *program, unsigned int round);
	unsigned int rounds;
} disturbances[] = {
	{ "dev del", delete, 2 },
	{ "unbind", unbind, 2 },
	{ "another driver", change_driver, 2 },
	/* which takes seconds */
	{ "module unload", unload, 1 },
	{ "SIGKILL", kill_one, 2 },
	{ "suspend and resume", suspend_resume, 2 },
};

/* --- one of each ------------------------------------------------------------ */

static int wait_for_steps(const struct program *program)
{
	unsigned long until[PARTS];
	unsigned int ms = 0, i;

	for (i = 0; i < PARTS; i++)
		until[i] = shared->steps[i] + (program->part[i].run ? STEPS : 0);
	for (i = 0; i < PARTS; i++)
		while (shared->steps[i] < until[i]) {
			if (ms++ == PATIENCE)
				return -ETIMEDOUT;
			usleep(1000);
		}
	return 0;
}

static long long violations(void)
{
	return proc_field("/sys/module/vdpa_mock/parameters/violations", "");
}

/* Returns what went wrong, NULL when nothing did */
static const char *disturb(const struct program *program,
			   const struct disturbance *disturbance, int *err)
{
	unsigned int i;

	for (i = 0; i < disturbance->rounds; i++) {
		*err = wait_for_steps(program);
		if (*err)
			return "no program gets on";
		*err = disturbance->happen(program, i);
		if (*err)
			return "disturbing it";
	}
	return NULL;
}

static const char *judge(const struct program *program, int *err)
{
	if (shared->corrupt) {
		*err = -EBADMSG;
		return "data that came back";
	}
	*err = works(program);
	return *err ? "the device afterwards" : NULL;
}

static const char *stress(const struct program *program,
			  const struct disturbance *disturbance)
{
	const char *wrong;
	unsigned int i;
	int err;

	/* the one before may have been left in any state */
	vdpa_del(name);
	err = create(program);
	if (err) {
		ksft_print_msg("no device: %s\n", strerror(-err));
		return "no device";
	}
	shared->corrupt = 0;
	for (i = 0; i < program->processes; i++)
		pids[i] = start(program, i << 16);
	wrong = disturb(program, disturbance, &err);
	for (i = 0; i < program->processes; i++)
		if (stop(pids[i])) {
			err = -ETIMEDOUT;
			wrong = "a killed program does not go";
		}
	if (!wrong)
		wrong = judge(program, &err);
	/* the module, and with it the number, may have come anew since then */
	if (!wrong && violations() > 0) {
		err = -EPROTO;
		wrong = "a rule of the interface";
	}
	if (wrong)
		ksft_print_msg("%s: %s\n", wrong, strerror(-err));
	return wrong;
}

static long long pinned(void)
{
	/* CPUs keep some of the count to themselves until somebody asks */
	proc_field("/proc/sys/vm/stat_refresh", "");
	return proc_field("/proc/vmstat", "nr_foll_pin_acquired") -
	       proc_field("/proc/vmstat", "nr_foll_pin_released");
}

int main(void)
{
	unsigned int p, d;
	long long pins;
	int err;

	ksft_print_header();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	path = (char *)shared->path;
	err = create(&programs[0]);
	if (!err)
		err = module_load("virtio_vdpa");
	if (err)
		ksft_exit_fail_msg("no device: %s\n", strerror(-err));
	pins = pinned();

	ksft_set_plan(ARRAY_SIZE(programs) * ARRAY_SIZE(disturbances) + 1);
	for (p = 0; p < ARRAY_SIZE(programs); p++)
		for (d = 0; d < ARRAY_SIZE(disturbances); d++)
			ksft_test_result(!stress(&programs[p], &disturbances[d]), "%s, %s\n",
					 programs[p].name, disturbances[d].name);
	ksft_test_result(pinned() == pins, "no page stays pinned\n");
	ksft_print_msg("%lu and %lu steps, %lu buffers\n", shared->steps[0], shared->steps[1],
		       shared->moved);
	vdpa_del(name);
	ksft_finished();
}
