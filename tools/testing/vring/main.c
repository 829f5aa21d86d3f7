// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the KUnit suites of the ring library in a process, one test for each
 * case and parameter, and prints TAP.
 */
#include <setjmp.h>
#include <stdarg.h>

#include "kunit.h"

#define MAX_ALLOCS	256

static jmp_buf out_of_test;
static unsigned int failures, seen;
static void *allocs[MAX_ALLOCS];
static unsigned int nallocs;

void *kunit_kzalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	void *p = kernel_alloc(size, gfp);

	if (nallocs == MAX_ALLOCS)
		abort();
	allocs[nallocs++] = p;
	return p;
}

void kunit_failed(struct kunit *test, bool fatal, const char *file, int line,
		  const char *format, ...)
{
	va_list args;

	/* enough to know where to look */
	if (failures++ < 10 || fatal) {
		va_start(args, format);
		printf("# %s:%d: ", strrchr(file, '/') ? strrchr(file, '/') + 1 : file, line);
		vprintf(format, args);
		printf("\n");
		va_end(args);
	}
	if (fatal)
		longjmp(out_of_test, 1);
}

static bool run(const struct kunit_suite *suite, const struct kunit_case *c,
		const void *param, const char *desc)
{
	struct kunit test = { .param_value = param };

	failures = 0;
	if (!setjmp(out_of_test))
		c->run_case(&test);
	if (suite->exit)
		suite->exit(&test);
	while (nallocs)
		free(allocs[--nallocs]);

	printf("%sok %u %s.%s%s%s\n", failures ? "not " : "", ++seen, suite->name,
	       c->name, *desc ? "." : "", desc);
	return !failures;
}

static unsigned int count_params(const struct kunit_case *c)
{
	char desc[KUNIT_PARAM_DESC_SIZE];
	const void *param = NULL;
	unsigned int n = 0;

	if (!c->generate_params)
		return 1;
	while ((param = c->generate_params(param, desc)))
		n++;
	return n;
}

static unsigned int for_all(bool dry)
{
	char desc[KUNIT_PARAM_DESC_SIZE] = "";
	const struct kunit_case *c;
	unsigned int i, n = 0;

	for (i = 0; kunit_suites[i]; i++) {
		for (c = kunit_suites[i]->test_cases; c->run_case; c++) {
			const void *param = NULL;

			if (dry) {
				n += count_params(c);
			} else if (!c->generate_params) {
				n += !run(kunit_suites[i], c, NULL, "");
			} else {
				while ((param = c->generate_params(param, desc)))
					n += !run(kunit_suites[i], c, param, desc);
			}
		}
	}
	return n;
}

int main(void)
{
	unsigned int failed;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (kernel_module_init())
		return 1;
	printf("TAP version 13\n1..%u\n", for_all(true));
	failed = for_all(false);
	kernel_module_exit();
	return failed ? 1 : 0;
}
