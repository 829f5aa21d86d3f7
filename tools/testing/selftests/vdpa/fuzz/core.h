/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VDPA_FUZZ_CORE_H
#define SELFTEST_VDPA_FUZZ_CORE_H

/*
 * A small coverage-guided fuzzer. An input is a list of steps; which interface
 * they go to and what they mean there is the surface's. On a kernel with KCOV
 * inputs that come to new edges of our modules are kept and mutated; without it
 * they are mutations of the corpus, at random.
 */

#include <stddef.h>
#include <stdint.h>

#define FUZZ_MAX_STEPS	64

struct fuzz_step {
	uint8_t op;
	uint8_t a;
	uint16_t b;
	uint32_t c;
	uint64_t d;
};

/**
 * struct fuzz_surface - an interface to attack
 * @name: of the program, and of the corpus beside it
 * @nops: steps have an op below that
 * @numbers: that mean something there, for c and d of steps; ends with 0
 * @modules: that it can't do without; ends with NULL
 * @setup: before all else; returns 0 or a negative errno
 * @run: one input, and everything as before again
 * @check: now and then, and at the end: does a good client still get its due? 0
 *	or a negative errno. May be NULL.
 */
struct fuzz_surface {
	const char *name;
	unsigned int nops;
	const uint64_t *numbers;
	const char *const *modules;
	int (*setup)(void);
	void (*run)(const struct fuzz_step *step, size_t n);
	int (*check)(void);
};

/* Behaviour that tells inputs apart, besides the coverage of this thread */
void fuzz_feature(uint32_t feature);

int fuzz_main(const struct fuzz_surface *surface, int argc, char *argv[]);

#endif /* SELFTEST_VDPA_FUZZ_CORE_H */
