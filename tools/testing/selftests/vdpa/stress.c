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
#include "lib/device.h"
#include "lib/net.h"

#define PROGRAMS	2	/* at a time, of the same kind */
#define ROUNDS		2	/* disturbances of each kind */
#define STEPS		4	/* that a program makes between two of them */
#define PATIENCE	10000	/* ms until something counts as hanging */
#define SUSPENDS	20	/* attempts of a disturbance; some device may be idle */
#define NUM		64
#define MEMORY		(1 << 20)

static char name[32];

/* Between the programs and who disturbs them */
struct shared {
	unsigned long steps;	/* that the programs made, successful or not */
	unsigned long corrupt;	/* frames that came, and not as they were sent */
	char path[64];		/* of the char device; may be read while it changes */
};

static volatile struct shared *shared;
static char *path;

/* --- what programs do; each returns when the device is no longer there ------- */

static unsigned int random_state;

static unsigned int pick(unsigned int below)
{
	random_state = random_state * 1103515245 + 12345;
	return (random_state >> 8) % below;
}

static void step(void)
{
	__atomic_add_fetch(&shared->steps, 1, __ATOMIC_RELAXED);
}

static void open_close(void)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	vv_set_owner(fd);
	vv_set_status(fd, VV_S_DRIVER);
	close(fd);
	step();
}

static int random_call(int fd)
{
	static const unsigned long vring[] = {
		VHOST_SET_VRING_NUM, VHOST_SET_VRING_BASE, VHOST_VDPA_SET_VRING_ENABLE,
		VHOST_VDPA_SET_GROUP_ASID, VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL,
	};
	static const uint8_t status[] = { 0, VV_S_ACK, VV_S_DRIVER, VV_S_FEATURES, VV_S_RUNNING };
	uint64_t features;
	unsigned int num;

	switch (pick(8)) {
	case 0:
		return vv_set_status(fd, status[pick(ARRAY_SIZE(status))]);
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
	default:
		return vv_set_vring(fd, vring[pick(ARRAY_SIZE(vring))], pick(4), pick(256));
	}
}

static void ioctl_mix(void)
{
	struct client c;
	unsigned int i;

	if (client_open(&c, path, MEMORY))
		return;
	for (i = 0; i < 1000 && random_call(c.fd) != -ENODEV; i++)
		if (!(i % 100))
			step();
	client_close(&c);
}

static void map_unmap(void)
{
	struct client c;
	unsigned int i;
	int err = 0;

	if (client_open(&c, path, MEMORY))
		return;
	for (i = 0; i < 1000 && err != -ENODEV; i++) {
		uint64_t from = pick(256) * 4096ULL, size = (pick(16) + 1) * 4096ULL;

		if (from + size > MEMORY)
			continue;
		err = pick(2) ? vv_unmap(c.fd, 0, CLIENT_IOVA + from, size) :
				vv_map(c.fd, 0, CLIENT_IOVA + from, c.mem + from, size,
				       VHOST_ACCESS_RW);
		if (!(i % 100))
			step();
	}
	client_close(&c);
}

/* @ms: for a frame to come; somebody may have reset the device */
static int burst(struct net *n, unsigned int count, int ms)
{
	uint32_t slot, len;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < count; i++) {
		net_fill(n, i, 200, i);
		err = net_send(n, i, 200);
	}
	if (!err)
		err = net_flush(n, NET_TX);
	for (i = 0; !err && i < count; i++) {
		err = client_poll(&n->c, NET_RX, &slot, &len, ms);
		if (!err && !net_check(n, slot, 200, i))
			err = -EBADMSG;
		if (!err)
			err = net_post_rx(n, slot);
	}
	for (i = 0; !err && i < count; i++)
		err = client_poll(&n->c, NET_TX, &slot, &len, ms);
	return err ? err : net_flush(n, NET_RX);
}

/* The device may go at any moment, but what it gave until then has to be right */
static void frames(void)
{
	struct net n;
	int err = net_open(&n, path, NET_WANTED, NUM, 2048);

	if (err)
		return;
	while (!err) {
		err = burst(&n, 32, 300);
		if (!err)
			step();
	}
	if (err == -EBADMSG)
		__atomic_add_fetch(&shared->corrupt, 1, __ATOMIC_RELAXED);
	net_close(&n);
}

static void kick_storm(void)
{
	struct net n;
	uint8_t status;
	unsigned int i;

	if (net_open(&n, path, NET_WANTED, NUM, 2048))
		return;
	for (i = 0; vv_get_status(n.c.fd, &status) == 0 && status; i++) {
		unsigned int k;

		for (k = 0; k < 500; k++)
			client_kick(&n.c, k % 3);
		step();
	}
	net_close(&n);
}

static sigjmp_buf no_doorbell;

static void on_bus_error(int signal)
{
	siglongjmp(no_doorbell, 1);
}

/* Maps the doorbell of any queue and rings it; where it is gone, that's a SIGBUS */
static int ring_doorbell(int fd, unsigned int rings)
{
	uint32_t *volatile bell;
	unsigned int i;

	bell = mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, pick(2) * 4096);
	if (bell == MAP_FAILED)
		return -errno;
	if (!sigsetjmp(no_doorbell, 1))
		for (i = 0; i < rings; i++)
			*(volatile uint32_t *)bell = i;
	munmap(bell, 4096);
	return 0;
}

static void doorbells(void)
{
	unsigned int i;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	signal(SIGBUS, on_bus_error);
	for (i = 0; i < 1000 && !ring_doorbell(fd, 100); i++)
		if (!(i % 100))
			step();
	close(fd);
}

/* --- whether a device that was disturbed can be used again --------------------- */

static int frames_work(void)
{
	struct net n;
	int err = net_open(&n, path, NET_WANTED, NUM, 2048);

	if (err)
		return err;
	err = burst(&n, 32, PATIENCE);
	net_close(&n);
	return err;
}

static int doorbell_works(void)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = ring_doorbell(fd, 1);
	close(fd);
	return err;
}

static const struct program {
	const char *name;
	void (*run)(void);
	int (*works)(void);
	const char *parent;		/* module, */
	const char *mgmtdev;		/* and what it makes devices of */
	bool running;			/* it lets the device run */
} programs[] = {
	{ "open and close", open_close, frames_work, "vdpa_sim_net", "vdpasim_net" },
	{ "ioctls at random", ioctl_mix, frames_work, "vdpa_sim_net", "vdpasim_net" },
	{ "map and unmap", map_unmap, frames_work, "vdpa_sim_net", "vdpasim_net" },
	{ "frames", frames, frames_work, "vdpa_sim_net", "vdpasim_net", true },
	{ "kicks", kick_storm, frames_work, "vdpa_sim_net", "vdpasim_net", true },
	{ "doorbells", doorbells, doorbell_works, "vdpa_mock", VDPA_MOCK },
};

/* --- what happens to the device ------------------------------------------- */

static pid_t pids[PROGRAMS];

static pid_t start(const struct program *program, unsigned int seed)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	random_state = seed;
	for (;;) {
		program->run();
		usleep(500);	/* no device, or somebody else has it */
	}
}

/* 0, or -ETIMEDOUT when it does not die */
static int stop(pid_t pid)
{
	unsigned int ms;

	kill(pid, SIGKILL);
	for (ms = 0; ms < PATIENCE; ms++) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return 0;
		usleep(1000);
	}
	return -ETIMEDOUT;
}

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
	unsigned int i = round % PROGRAMS;
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

/* True when the device was suspended. It goes on, unless its user has reset it. */
static bool suspend_once(int fd)
{
	if (vv_suspend(fd))
		return false;
	vv_resume(fd);
	return true;
}

static int suspend_resume(const struct program *program, unsigned int round)
{
	unsigned int i, suspended = 0, ms;

	for (ms = 0; ms < PATIENCE; ms++) {
		for (i = 0; i < SUSPENDS; i++) {
			int fd = borrow(pids[i % PROGRAMS]);

			if (fd < 0)
				continue;
			suspended += suspend_once(fd);
			close(fd);
		}
		if (suspended || !program->running)
			return 0;
		usleep(1000);	/* nobody had come as far as that */
	}
	return -ETIMEDOUT;
}

static const struct disturbance {
	const char *name;
	int (*happen)(const struct program *program, unsigned int round);
} disturbances[] = {
	{ "dev del", delete },
	{ "unbind", unbind },
	{ "another driver", change_driver },
	{ "module unload", unload },
	{ "SIGKILL", kill_one },
	{ "suspend and resume", suspend_resume },
};

/* --- one of each ------------------------------------------------------------ */

static int wait_for_steps(void)
{
	unsigned long until = shared->steps + STEPS;
	unsigned int ms;

	for (ms = 0; shared->steps < until; ms++) {
		if (ms == PATIENCE)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return 0;
}

/* Returns what went wrong, NULL when nothing did */
static const char *stress(const struct program *program,
			  const struct disturbance *disturbance)
{
	unsigned long corrupt = shared->corrupt;
	const char *wrong = NULL;
	unsigned int i;
	int err;

	/* the one before may have been left in any state */
	vdpa_del(name);
	err = create(program);
	if (err) {
		ksft_print_msg("no device: %s\n", strerror(-err));
		return "no device";
	}
	for (i = 0; i < PROGRAMS; i++)
		pids[i] = start(program, i);
	for (i = 0; !wrong && i < ROUNDS; i++) {
		err = wait_for_steps();
		if (err) {
			wrong = "no program gets on";
			break;
		}
		err = disturbance->happen(program, i);
		if (err)
			wrong = "disturbing it";
	}
	for (i = 0; i < PROGRAMS; i++)
		if (stop(pids[i])) {
			err = -ETIMEDOUT;
			wrong = "a killed program does not go";
		}
	if (!wrong && shared->corrupt != corrupt) {
		err = -EBADMSG;
		wrong = "frames";
	}
	if (!wrong) {
		err = program->works();
		if (err)
			wrong = "the device afterwards";
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
	ksft_print_msg("%lu steps\n", shared->steps);
	vdpa_del(name);
	ksft_finished();
}
