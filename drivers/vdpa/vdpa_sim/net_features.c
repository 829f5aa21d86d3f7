// SPDX-License-Identifier: GPL-2.0
/*
 * Features of a simulated network device that depend on others (virtio 1.2,
 * 5.1.3.1): a device that offers the ones without the others makes no sense.
 * Drivers are not held to it, they just don't get what they can't use.
 */

#include <linux/netlink.h>

#include "net.h"

/**
 * struct simnet_dependency - what a feature needs
 * @feature: its number
 * @name: its name
 * @needs: any of these features
 * @needs_names: the same in words
 */
struct simnet_dependency {
	unsigned int feature;
	const char *name;
	u64 needs;
	const char *needs_names;
};

#define NEEDS(_name, _needs) {						\
	.feature = VIRTIO_NET_F_##_name, .name = #_name,		\
	.needs = BIT_ULL(VIRTIO_NET_F_##_needs), .needs_names = #_needs }

#define NEEDS_ANY(_name, _one, _other) {				\
	.feature = VIRTIO_NET_F_##_name, .name = #_name,		\
	.needs = BIT_ULL(VIRTIO_NET_F_##_one) | BIT_ULL(VIRTIO_NET_F_##_other), \
	.needs_names = #_one " or " #_other }

/* Not all with commands are in the specification's list */
static const struct simnet_dependency simnet_dependencies[] = {
	NEEDS(HOST_TSO4, CSUM),
	NEEDS(HOST_TSO6, CSUM),
	NEEDS_ANY(HOST_ECN, HOST_TSO4, HOST_TSO6),
	NEEDS(HOST_UFO, CSUM),
	NEEDS(HOST_USO, CSUM),
	NEEDS(GUEST_TSO4, GUEST_CSUM),
	NEEDS(GUEST_TSO6, GUEST_CSUM),
	NEEDS_ANY(GUEST_ECN, GUEST_TSO4, GUEST_TSO6),
	NEEDS(GUEST_UFO, GUEST_CSUM),
	NEEDS(GUEST_USO4, GUEST_CSUM),
	NEEDS(GUEST_USO6, GUEST_CSUM),
	NEEDS(CTRL_RX, CTRL_VQ),
	NEEDS(CTRL_RX_EXTRA, CTRL_VQ),
	NEEDS(CTRL_VLAN, CTRL_VQ),
	NEEDS(CTRL_MAC_ADDR, CTRL_VQ),
	NEEDS(CTRL_GUEST_OFFLOADS, CTRL_VQ),
	NEEDS(GUEST_ANNOUNCE, CTRL_VQ),
	NEEDS(MQ, CTRL_VQ),
	NEEDS(RSS, CTRL_VQ),
	NEEDS(HASH_REPORT, CTRL_VQ),
	NEEDS(NOTF_COAL, CTRL_VQ),
	NEEDS(VQ_NOTF_COAL, CTRL_VQ),
};

/**
 * simnet_check_features - can a device offer these?
 * @features: as wanted
 * @extack: is told what is missing
 *
 * Return: 0 or -EINVAL.
 */
int simnet_check_features(u64 features, struct netlink_ext_ack *extack)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(simnet_dependencies); i++) {
		const struct simnet_dependency *dep = &simnet_dependencies[i];

		if (features & BIT_ULL(dep->feature) && !(features & dep->needs)) {
			NL_SET_ERR_MSG_FMT(extack, "feature %s needs %s", dep->name,
					   dep->needs_names);
			return -EINVAL;
		}
	}
	return 0;
}
