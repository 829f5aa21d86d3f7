// SPDX-License-Identifier: GPL-2.0
/*
 * The KUnit suites of the ring library as a module.
 */

#include <linux/module.h>

#include "vring_model.h"

kunit_test_suites(&vring_suite, &vring_bad_suite, &vring_space_suite);

MODULE_AUTHOR("vDPA maintainers");
MODULE_DESCRIPTION("KUnit tests of the device side of virtqueues");
MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);
MODULE_LICENSE("GPL");
