// SPDX-License-Identifier: GPL-2.0
/*
 * Compiled twice, with ABI(x) as abi_ours ## x and abi_installed ## x. A name
 * that one of the headers lacks is an error of the compiler's.
 */
#include <stddef.h>
#include <linux/vhost.h>
#include <linux/vdpa.h>

#include "abi.h"

#define NUMBER(name)		{ #name, (unsigned long long)(name) },
#define SIZE(type)		{ #type, sizeof(struct type) },
#define FIELD(type, field)	{ #type "." #field, offsetof(struct type, field) }, \
				{ "sizeof " #type "." #field, \
				  sizeof(((struct type *)0)->field) },
#define ARRAY(type, field)	{ #type "." #field, offsetof(struct type, field) }, \
				{ "sizeof " #type "." #field "[]", \
				  sizeof(((struct type *)0)->field[0]) },

const struct abi_value ABI()[] = {
	/* each constant that either header defines */
#include "abi_names.h"

	SIZE(vhost_vring_state)
	FIELD(vhost_vring_state, index)
	FIELD(vhost_vring_state, num)

	SIZE(vhost_vring_file)
	FIELD(vhost_vring_file, index)
	FIELD(vhost_vring_file, fd)

	SIZE(vhost_vring_addr)
	FIELD(vhost_vring_addr, index)
	FIELD(vhost_vring_addr, flags)
	FIELD(vhost_vring_addr, desc_user_addr)
	FIELD(vhost_vring_addr, used_user_addr)
	FIELD(vhost_vring_addr, avail_user_addr)
	FIELD(vhost_vring_addr, log_guest_addr)

	SIZE(vhost_worker_state)
	FIELD(vhost_worker_state, worker_id)

	SIZE(vhost_vring_worker)
	FIELD(vhost_vring_worker, index)
	FIELD(vhost_vring_worker, worker_id)

	SIZE(vhost_iotlb_msg)
	FIELD(vhost_iotlb_msg, iova)
	FIELD(vhost_iotlb_msg, size)
	FIELD(vhost_iotlb_msg, uaddr)
	FIELD(vhost_iotlb_msg, perm)
	FIELD(vhost_iotlb_msg, type)

	SIZE(vhost_msg)
	FIELD(vhost_msg, type)
	FIELD(vhost_msg, iotlb)
	FIELD(vhost_msg, padding)

	SIZE(vhost_msg_v2)
	FIELD(vhost_msg_v2, type)
	FIELD(vhost_msg_v2, asid)
	FIELD(vhost_msg_v2, iotlb)
	FIELD(vhost_msg_v2, padding)

	SIZE(vhost_memory_region)
	FIELD(vhost_memory_region, guest_phys_addr)
	FIELD(vhost_memory_region, memory_size)
	FIELD(vhost_memory_region, userspace_addr)
	FIELD(vhost_memory_region, flags_padding)

	SIZE(vhost_memory)
	FIELD(vhost_memory, nregions)
	FIELD(vhost_memory, padding)
	ARRAY(vhost_memory, regions)

	SIZE(vhost_scsi_target)
	FIELD(vhost_scsi_target, abi_version)
	FIELD(vhost_scsi_target, vhost_wwpn)
	FIELD(vhost_scsi_target, vhost_tpgt)
	FIELD(vhost_scsi_target, reserved)

	SIZE(vhost_vdpa_config)
	FIELD(vhost_vdpa_config, off)
	FIELD(vhost_vdpa_config, len)
	ARRAY(vhost_vdpa_config, buf)

	SIZE(vhost_vdpa_iova_range)
	FIELD(vhost_vdpa_iova_range, first)
	FIELD(vhost_vdpa_iova_range, last)
};

const unsigned int ABI(_count) = sizeof(ABI()) / sizeof(ABI()[0]);
