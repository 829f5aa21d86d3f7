// SPDX-License-Identifier: GPL-2.0
/*
 * Our uAPI headers mean what those of the kernel that we build against mean:
 * each number, and each structure's size and fields.
 */
#include <stdlib.h>
#include <string.h>

#include "../kselftest_harness.h"
#include "lib/abi.h"

TEST(the_values_are_the_same)
{
	unsigned int i;

	ASSERT_EQ(abi_installed_count, abi_ours_count);
	for (i = 0; i < abi_ours_count; i++) {
		EXPECT_EQ(abi_installed[i].value, abi_ours[i].value) {
			TH_LOG("%s", abi_ours[i].name);
		}
	}
}

/* Were the list of names empty, the above would say little */
TEST(all_kinds_of_names_are_there)
{
	static const char * const names[] = {
		"VHOST_SET_OWNER", "VHOST_VDPA_GET_VRING_SIZE", "VHOST_VRING_F_LOG",
		"VHOST_BACKEND_F_IOTLB_PERSIST", "VHOST_ACCESS_RW", "VHOST_IOTLB_BATCH_END",
		"VDPA_CMD_DEV_VSTATS_GET", "VDPA_ATTR_DEV_FEATURES",
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		for (j = 0; j < abi_ours_count; j++)
			if (!strcmp(names[i], abi_ours[j].name))
				break;
		EXPECT_NE(abi_ours_count, j) {
			TH_LOG("%s", names[i]);
		}
	}
}

TEST_HARNESS_MAIN
