/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VRING_MAIN_H
#define VRING_MAIN_H

/* The allocation from now on that fails, counted from 1; 0 for none */
extern unsigned int kernel_alloc_fails;

#endif /* VRING_MAIN_H */
