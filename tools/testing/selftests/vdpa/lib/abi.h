/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_ABI_H
#define SELFTEST_ABI_H

/*
 * What a uAPI header means to the compiler: numbers, sizes and offsets. The same
 * source, lib/abi_values.c, is compiled against two sets of headers.
 */

struct abi_value {
	const char *name;
	unsigned long long value;
};

extern const struct abi_value abi_ours[], abi_installed[];
extern const unsigned int abi_ours_count, abi_installed_count;

#endif /* SELFTEST_ABI_H */
