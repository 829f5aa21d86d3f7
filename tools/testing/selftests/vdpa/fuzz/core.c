// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/kcov.h>

#include "core.h"
#include "../../kselftest.h"
#include "../lib/device.h"

#define COVER_WORDS	(1 << 18)	/* PCs of one input, at most */
#define MAP_BITS	16		/* of the sets of edges and PCs */
#define MAX_CORPUS	4096
#define MAX_LINE	(2 * FUZZ_MAX_STEPS * sizeof(struct fuzz_step) + 2)

#define DEFAULT_SECONDS	3		/* as one of the selftests */
#define PATIENCE	180		/* seconds that one input may take */
#define CHECK_EVERY	256		/* executions */
#define RECENT		8		/* inputs that are shown with the one to blame */

struct input {
	size_t n;
	struct fuzz_step step[FUZZ_MAX_STEPS];
};

/* What the fuzzing process shows the one that watches it */
struct shared {
	unsigned long executions;
	unsigned int edges;
	unsigned int pcs;
	unsigned int corpus;
	bool coverage;
	const char *phase;
	unsigned int last;		/* of recent: what runs, or ran last */
	char recent[RECENT][MAX_LINE];
};

static const struct fuzz_surface *surface;
static volatile struct shared *shared;
static struct input *corpus;
static const char *out_dir;
static int current_fd = -1;
static bool need_coverage;

static uint64_t random_state;

/* --- coverage ------------------------------------------------------------ */

static unsigned long *cover;			/* of the calls */
static unsigned long *remote;			/* of threads of the kernel, for them */
static uint8_t edge_seen[1 << MAP_BITS];
static unsigned long pc_seen[1 << MAP_BITS];	/* a hash table */
static unsigned int new_features;

/* The file stays open for as long as the process lives */
static unsigned long *kcov_open(unsigned long request, void *arg)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);
	unsigned long *area;

	if (fd < 0 || ioctl(fd, KCOV_INIT_TRACE, COVER_WORDS))
		return NULL;
	area = mmap(NULL, COVER_WORDS * sizeof(*area), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	return area == MAP_FAILED || ioctl(fd, request, arg) ? NULL : area;
}

/*
 * The process that asks for this can't have its own calls traced, but those that
 * it starts inherit the handle.
 */
static void remote_open(void)
{
	struct kcov_remote_arg arg = {
		.trace_mode = KCOV_TRACE_PC,
		.area_size = COVER_WORDS / 8,
		.common_handle = kcov_remote_handle(KCOV_SUBSYSTEM_COMMON, getpid()),
	};

	remote = kcov_open(KCOV_REMOTE_ENABLE, &arg);
}

static void cover_begin(void)
{
	new_features = 0;
	if (cover)
		__atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
	if (remote)
		__atomic_store_n(&remote[0], 0, __ATOMIC_RELAXED);
}

static uint32_t hash(uint64_t value)
{
	return value * 0x9e3779b97f4a7c15ULL >> (64 - MAP_BITS);
}

void fuzz_feature(uint32_t feature)
{
	uint8_t *seen = &edge_seen[hash(feature)];

	new_features += !*seen;
	*seen = 1;
}

static void see_pc(unsigned long pc)
{
	uint32_t i = hash(pc);

	while (pc_seen[i] && pc_seen[i] != pc)
		i = (i + 1) % (1 << MAP_BITS);
	if (pc_seen[i])
		return;
	pc_seen[i] = pc;
	shared->pcs++;
}

static void see_area(const unsigned long *area)
{
	unsigned long i, n, before = 0;

	if (!area)
		return;
	n = __atomic_load_n(&area[0], __ATOMIC_RELAXED);
	if (n > COVER_WORDS - 1)
		n = COVER_WORDS - 1;
	for (i = 1; i <= n; i++) {
		fuzz_feature(hash(before) ^ hash(area[i]) << 1 ^ area[i]);
		see_pc(area[i]);
		before = area[i];
	}
}

static void cover_end(void)
{
	see_area(cover);
	see_area(remote);
	shared->edges += new_features;
}

/* --- inputs -------------------------------------------------------------- */

static unsigned int pick(unsigned int below)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (random_state >> 33) % below;
}

static uint64_t pick_number(void)
{
	unsigned int n = 0;
	uint64_t value;

	switch (pick(6)) {
	case 0:
		return 0;
	case 1:
		return -1ULL >> pick(64);
	case 2:
		return 1ULL << pick(64);
	case 3:
		return pick(16);
	case 4:
		value = random_state;
		pick(1);
		return value ^ random_state >> 29;
	}
	while (surface->numbers[n])
		n++;
	return n ? surface->numbers[pick(n)] : pick(4096);
}

static struct fuzz_step new_step(void)
{
	return (struct fuzz_step) {
		.op = pick(surface->nops), .a = pick(pick(2) ? 8 : 256),
		.b = pick(pick(2) ? 16 : 65536), .c = pick_number(), .d = pick_number(),
	};
}

static void mutate_step(struct fuzz_step *step)
{
	switch (pick(8)) {
	case 0:
		step->op = pick(surface->nops);
		break;
	case 1:
		step->a = pick(pick(2) ? 8 : 256);
		break;
	case 2:
		step->b = pick(pick(2) ? 16 : 65536);
		break;
	case 3:
		step->c = pick_number();
		break;
	case 4:
		step->c += pick(17) - 8;
		break;
	case 5:
		step->d = pick_number();
		break;
	case 6:
		step->d += pick(17) - 8;
		break;
	case 7:
		((uint8_t *)step)[1 + pick(sizeof(*step) - 1)] ^= 1 << pick(8);
		break;
	}
}

static void insert_step(struct input *in, struct fuzz_step step)
{
	size_t at = pick(in->n + 1);

	if (in->n == FUZZ_MAX_STEPS)
		return;
	memmove(in->step + at + 1, in->step + at, (in->n - at) * sizeof(step));
	in->step[at] = step;
	in->n++;
}

static void mutate(struct input *in)
{
	unsigned int times = 1 + pick(5);
	const struct input *other;
	size_t at, skip, n;

	while (times--) {
		at = in->n ? pick(in->n) : 0;
		switch (in->n ? pick(8) : 0) {
		case 0:
			insert_step(in, new_step());
			break;
		case 1:
			insert_step(in, in->step[at]);
			break;
		case 2:
			in->n--;
			memmove(in->step + at, in->step + at + 1,
				(in->n - at) * sizeof(*in->step));
			break;
		case 3:
			/* goes on like another one */
			if (!shared->corpus)
				break;
			other = &corpus[pick(shared->corpus)];
			if (!other->n)
				break;
			skip = pick(other->n);
			n = other->n - skip;
			if (n > FUZZ_MAX_STEPS - at)
				n = FUZZ_MAX_STEPS - at;
			memcpy(in->step + at, other->step + skip, n * sizeof(*in->step));
			in->n = at + n;
			break;
		default:
			mutate_step(&in->step[at]);
			break;
		}
	}
}

static void print_input(FILE *to, const struct input *in)
{
	const uint8_t *byte = (const uint8_t *)in->step;
	size_t i;

	for (i = 0; i < in->n * sizeof(*in->step); i++)
		fprintf(to, "%02x", byte[i]);
	fputc('\n', to);
}

/* The next input of a file, of one a line; a line with a # is a comment */
static bool read_input(FILE *from, struct input *in)
{
	static char line[MAX_LINE];
	uint8_t *to = (uint8_t *)in->step;
	size_t size = 0;

	do {
		if (!fgets(line, sizeof(line), from))
			return false;
	} while (*line == '#');
	while (size < sizeof(in->step) && sscanf(line + 2 * size, "%2hhx", to + size) == 1)
		size++;
	in->n = size / sizeof(*in->step);
	return true;
}

static void keep(const struct input *in)
{
	if (shared->corpus < MAX_CORPUS)
		corpus[shared->corpus++] = *in;
}

static FILE *open_out(const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", out_dir, name);
	return fopen(path, "we");
}

/* Where the modules lie, for those who look up what was reached */
static void save_modules(void)
{
	FILE *from = fopen("/proc/modules", "re"), *to = open_out("modules");
	char line[512];

	while (from && to && fgets(line, sizeof(line), from))
		fputs(line, to);
	if (from)
		fclose(from);
	if (to)
		fclose(to);
}

static void save_corpus(void)
{
	unsigned int i;
	FILE *file;

	file = out_dir ? open_out("corpus") : NULL;
	if (!file)
		return;
	for (i = 0; i < shared->corpus; i++)
		print_input(file, &corpus[i]);
	fclose(file);
	file = open_out("pcs");
	if (!file)
		return;
	for (i = 0; i < ARRAY_SIZE(pc_seen); i++)
		if (pc_seen[i])
			fprintf(file, "%016lx\n", pc_seen[i]);
	fclose(file);
	save_modules();
}

/* --- running ------------------------------------------------------------- */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/* Oldest first; those after it in the file are of longer ones before */
static int recent_lines(struct iovec *line)
{
	unsigned int i;
	int n = 0;

	for (i = 1; i <= RECENT; i++) {
		char *text = (char *)shared->recent[(shared->last + i) % RECENT];

		if (*text)
			line[n++] = (struct iovec) { text, strlen(text) };
	}
	return n;
}

/* The kernel may not come back: what it was given has to be outside before */
static void write_current(void)
{
	struct iovec line[RECENT + 1];
	int n;

	if (current_fd < 0)
		return;
	n = recent_lines(line);
	line[n++] = (struct iovec) { "#", 1 };
	if (pwritev(current_fd, line, n, 0) < 0)
		current_fd = -1;
}

static void remember(const struct input *in)
{
	static const char digit[] = "0123456789abcdef";
	unsigned int slot = (shared->last + 1) % RECENT;
	const uint8_t *byte = (const uint8_t *)in->step;
	char *to = (char *)shared->recent[slot];
	size_t i;

	for (i = 0; i < in->n * sizeof(*in->step); i++) {
		*to++ = digit[byte[i] >> 4];
		*to++ = digit[byte[i] & 15];
	}
	memcpy(to, "\n", 2);
	shared->last = slot;
	write_current();
}

/* Whether the kernel has said something bad since the last look */
static bool kernel_complains(int kmsg)
{
	static const char *const bad[] = {
		"WARNING:", "BUG:", "Oops", "KASAN", "UBSAN", "KCSAN", "possible circular",
		"inconsistent lock", "held lock freed", "suspicious RCU", "blocked for more",
		"refcount_t", "sleeping function", "ODEBUG", "list_add", "list_del",
	};
	char record[8192];
	bool found = false;
	unsigned int i;
	ssize_t len;

	for (;;) {
		len = read(kmsg, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return found;
		record[len] = '\0';
		for (i = 0; i < ARRAY_SIZE(bad); i++)
			found |= strstr(record, bad[i]) != NULL;
	}
}

static int open_kmsg(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		ksft_exit_fail_msg("/dev/kmsg: %s\n", strerror(errno));
	lseek(fd, 0, SEEK_END);
	return fd;
}

/*
 * The one that watches looks at the log ten times a second, by when another input
 * may run; so does this one after each, and leaves the blame to the other.
 */
static void execute(const struct input *in)
{
	static int kmsg = -1;

	if (kmsg < 0)
		kmsg = open_kmsg();
	remember(in);
	cover_begin();
	surface->run(in->step, in->n);
	cover_end();
	shared->executions++;
	if (kernel_complains(kmsg))
		exit(1);
}

static void fuzzer_fails(const char *why, int err)
{
	printf("# %s: %s\n", why, strerror(-err));
	exit(1);
}

static void check(void)
{
	int err = surface->check ? surface->check() : 0;

	if (err)
		fuzzer_fails("a good client did not get its due", err);
}

/* Those that are to be mutated are the ones that get further than all before */
static void replay(const char *path, bool all)
{
	static struct input in;
	FILE *file = fopen(path, "re");

	if (!file)
		fuzzer_fails(path, -errno);
	shared->phase = "the corpus";
	while (read_input(file, &in)) {
		execute(&in);
		if (all || !cover || new_features)
			keep(&in);
	}
	fclose(file);
	check();
}

static int by_size(const void *a, const void *b)
{
	return ((const struct input *)a)->n - ((const struct input *)b)->n;
}

/* Of a corpus that was run: only what gets further than all that is shorter */
static void reduce(void)
{
	unsigned int i, n = shared->corpus;

	shared->phase = "the smallest inputs";
	qsort(corpus, n, sizeof(*corpus), by_size);
	memset(edge_seen, 0, sizeof(edge_seen));
	shared->edges = 0;
	shared->corpus = 0;
	for (i = 0; i < n; i++) {
		execute(&corpus[i]);
		if (new_features)
			keep(&corpus[i]);
	}
	check();
	save_corpus();
}

static void fuzz(unsigned int seconds)
{
	uint64_t end = now_ms() + seconds * 1000ULL, save = now_ms() + 30000;
	static struct input in;

	shared->phase = "mutations";
	while (now_ms() < end) {
		in.n = 0;
		/* the latest ones more often */
		if (shared->corpus && pick(16))
			in = corpus[pick(2) ? pick(shared->corpus) :
				    shared->corpus - 1 - pick(shared->corpus) / 8];
		mutate(&in);
		execute(&in);
		if (new_features)
			keep(&in);
		if (shared->executions % CHECK_EVERY == 0)
			check();
		if (now_ms() > save) {
			save_corpus();
			save = now_ms() + 30000;
		}
	}
	check();
	save_corpus();
}

/* --- the process that watches -------------------------------------------- */

static void progress(unsigned int seconds)
{
	unsigned long n = shared->executions;

	printf("# %u s: %lu executions, %lu/s, %u inputs", seconds, n,
	       n / (seconds ? seconds : 1), shared->corpus);
	if (shared->coverage)
		printf(", %u edges, %u PCs\n", shared->edges, shared->pcs);
	else
		printf(", no KCOV: at random\n");
	fflush(stdout);
}

/* The last one is to blame, the ones before if it is not enough */
static void save_blamed(void)
{
	struct iovec line[RECENT];
	FILE *crash = open_out("crash"), *recent = open_out("recent");
	int n = recent_lines(line), i;

	for (i = 0; recent && i < n; i++)
		fputs(line[i].iov_base, recent);
	if (crash && n)
		fputs(line[n - 1].iov_base, crash);
	if (recent)
		fclose(recent);
	if (crash)
		fclose(crash);
}

static void blame(pid_t pid, const char *what)
{
	const char *last = (const char *)shared->recent[shared->last];
	char command[128];

	if (!*last) {
		printf("# %s before the first input\n", what);
		return;
	}
	printf("# %s; the input, a line for -c:\n# %s", what, last);
	fflush(stdout);
	if (out_dir)
		save_blamed();
	snprintf(command, sizeof(command), "cat /proc/%d/task/*/stack 2>/dev/null", pid);
	if (!strcmp(what, "it hangs") && system(command))
		printf("# no stack\n");
}

/* 0, or what is wrong has been printed */
static int watch(pid_t pid, unsigned int every)
{
	uint64_t begin = now_ms(), last = begin, shown = begin, now;
	unsigned long executions = 0;
	int status = 0, kmsg = open_kmsg();
	pid_t ended;

	do {
		usleep(100000);
		ended = waitpid(pid, &status, WNOHANG);
		now = now_ms();
		if (kernel_complains(kmsg)) {
			blame(pid, "the kernel complains");
			kill(pid, SIGKILL);
			return 1;
		}
		if (executions != shared->executions) {
			executions = shared->executions;
			last = now;
		}
		if (!ended && now - last > PATIENCE * 1000) {
			blame(pid, "it hangs");
			kill(pid, SIGKILL);
			return 1;
		}
		if (now - shown > every * 1000) {
			progress((now - begin) / 1000);
			shown = now;
		}
	} while (!ended);
	progress((now - begin) / 1000);
	if (!status)
		return 0;
	blame(pid, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "it ended");
	return 1;
}

static pid_t start(const char *inputs, unsigned int seconds, bool smallest)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	corpus = calloc(MAX_CORPUS, sizeof(*corpus));
	if (!corpus)
		exit(1);
	cover = kcov_open(KCOV_ENABLE, (void *)KCOV_TRACE_PC);
	shared->coverage = cover;
	if (need_coverage && (!cover || !remote))
		fuzzer_fails("KCOV", -ENODEV);
	replay(inputs, smallest);
	if (seconds)
		fuzz(seconds);
	if (smallest)
		reduce();
	exit(0);
}

/* Only what is missing altogether is no failure */
static void load_modules(void)
{
	const char *const *name;
	char command[64];

	for (name = surface->modules; *name; name++) {
		if (!module_load(*name))
			continue;
		snprintf(command, sizeof(command), "modprobe -q -n %s", *name);
		if (system(command))
			ksft_exit_skip("there is no module %s\n", *name);
		ksft_exit_fail_msg("module %s can't be loaded\n", *name);
	}
}

static int usage(const char *name)
{
	fprintf(stderr, "Usage: %s [-t SECONDS] [-s SEED] [-c CORPUS] [-o DIR] [-k] [-m]\n"
		"Runs the inputs of a corpus [the one in the tree], then mutations of them\n"
		"for a while [%u s], then with -m looks for the smallest ones that get as far.\n"
		"What is found, and what broke something, is left in DIR. With -k there has\n"
		"to be KCOV.\n",
		name, DEFAULT_SECONDS);
	return 2;
}

int fuzz_main(const struct fuzz_surface *what, int argc, char *argv[])
{
	unsigned int seconds = DEFAULT_SECONDS;
	char inputs[4096], path[4096];
	bool smallest = false;
	int option, err;

	surface = what;
	random_state = 1;
	snprintf(inputs, sizeof(inputs), "corpus.%s", surface->name);
	while ((option = getopt(argc, argv, "t:s:c:o:km")) != -1) {
		switch (option) {
		case 't':
			seconds = atoi(optarg);
			break;
		case 's':
			random_state = strtoull(optarg, NULL, 0);
			break;
		case 'o':
			out_dir = optarg;
			break;
		case 'c':
			snprintf(inputs, sizeof(inputs), "%s", optarg);
			break;
		case 'k':
			need_coverage = true;
			break;
		case 'm':
			smallest = true;
			break;
		default:
			return usage(argv[0]);
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	ksft_set_plan(1);
	load_modules();
	err = surface->setup();
	if (err)
		ksft_exit_fail_msg("setup: %s\n", strerror(-err));

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		ksft_exit_fail_msg("shared memory: %s\n", strerror(errno));
	shared->phase = "the beginning";
	if (out_dir) {
		snprintf(path, sizeof(path), "%s/current", out_dir);
		current_fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	}
	ksft_print_msg("seed %llu\n", (unsigned long long)random_state);
	remote_open();
	err = watch(start(inputs, seconds, smallest), seconds < 120 ? 10 : seconds / 12);
	ksft_test_result(!err, "%s: %s\n", surface->name, shared->phase);
	ksft_finished();
}
