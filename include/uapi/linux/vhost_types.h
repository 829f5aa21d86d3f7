/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
#ifndef _LINUX_VHOST_TYPES_H
#define _LINUX_VHOST_TYPES_H

/* Structures and flags of <linux/vhost.h>, and the messages that are written */

#include <linux/types.h>
#include <linux/compiler.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

/* --- arguments of ioctls on a virtqueue ------------------------------------- */

struct vhost_vring_state {
	unsigned int index;	/* which one; of SET_GROUP_ASID, which group */
	unsigned int num;	/* what it is about */
};

struct vhost_vring_file {
	unsigned int index;
	int fd;			/* VHOST_FILE_UNBIND for none */
};

struct vhost_vring_addr {
	unsigned int index;
	unsigned int flags;	/* bits of the following numbers */
/* @log_guest_addr is valid, and changes of the used ring are logged */
#define VHOST_VRING_F_LOG 0

	__u64 desc_user_addr;	/* split: descriptors. Packed: the ring. */
	__u64 used_user_addr;	/* used ring; event structure of the device */
	__u64 avail_user_addr;	/* available ring; event structure of the driver */
	__u64 log_guest_addr;	/* where the used ring is in the log */
};

struct vhost_worker_state {
	unsigned int worker_id;	/* given by VHOST_NEW_WORKER */
};

struct vhost_vring_worker {
	unsigned int index;
	unsigned int worker_id;
};

/* --- IOTLB messages --------------------------------------------------------- */

/* Addresses and sizes need not be aligned: the pages that they touch count */
struct vhost_iotlb_msg {
	__u64 iova;		/* where the device sees it */
	__u64 size;		/* bytes */
	__u64 uaddr;		/* where the client has it */
#define VHOST_ACCESS_RO      0x1
#define VHOST_ACCESS_WO      0x2
#define VHOST_ACCESS_RW      0x3
	__u8 perm;		/* what the device may do with it */
#define VHOST_IOTLB_MISS           1	/* from the device; not from vDPA */
#define VHOST_IOTLB_UPDATE         2	/* map */
#define VHOST_IOTLB_INVALIDATE     3	/* unmap */
#define VHOST_IOTLB_ACCESS_FAIL    4	/* from the device; not from vDPA */
/*
 * Around many of the two above: the device may hear of them at the end. Both have
 * no range, and are for the address space that they name.
 */
#define VHOST_IOTLB_BATCH_BEGIN    5
#define VHOST_IOTLB_BATCH_END      6
	__u8 type;
};

/* First word of what is written: a struct vhost_msg, or a struct vhost_msg_v2 */
#define VHOST_IOTLB_MSG 0x1
#define VHOST_IOTLB_MSG_V2 0x2

struct vhost_msg {
	int type;
	union {
		struct vhost_iotlb_msg iotlb;
		__u8 padding[64];
	};
};

struct vhost_msg_v2 {
	__u32 type;
	__u32 asid;		/* used once VHOST_BACKEND_F_IOTLB_ASID is accepted */
	union {
		struct vhost_iotlb_msg iotlb;
		__u8 padding[64];
	};
};

/* --- VHOST_SET_MEM_TABLE ---------------------------------------------------- */

struct vhost_memory_region {
	__u64 guest_phys_addr;
	__u64 memory_size;	/* bytes */
	__u64 userspace_addr;
	__u64 flags_padding;	/* 0 */
};

/* What a region begins and ends at is a multiple of this */
#define VHOST_PAGE_SIZE 0x1000

struct vhost_memory {
	__u32 nregions;
	__u32 padding;
	struct vhost_memory_region regions[];
};

/* --- vhost-scsi ------------------------------------------------------------- */

/* 1: vhost_tpgt does not matter, all of the port's groups are seen */
#define VHOST_SCSI_ABI_VERSION	1

struct vhost_scsi_target {
	int abi_version;
	char vhost_wwpn[224];
	unsigned short vhost_tpgt;
	unsigned short reserved;
};

/* --- vhost-vdpa ------------------------------------------------------------- */

struct vhost_vdpa_config {
	__u32 off;
	__u32 len;
	__u8 buf[];
};

struct vhost_vdpa_iova_range {
	__u64 first;		/* lowest address that can be mapped */
	__u64 last;		/* highest one, inclusive */
};

/* --- bits of VHOST_GET_FEATURES that virtio does not know ------------------- */

/* All that the device writes is logged; may change while it runs */
#define VHOST_F_LOG_ALL 26
/* vhost-net: the socket's packets come without virtio-net header */
#define VHOST_NET_F_VIRTIO_NET_HDR 27

/* --- bits of VHOST_GET_BACKEND_FEATURES ------------------------------------- */

/* Messages may be struct vhost_msg_v2 */
#define VHOST_BACKEND_F_IOTLB_MSG_V2 0x1
/* VHOST_IOTLB_BATCH_BEGIN and _END */
#define VHOST_BACKEND_F_IOTLB_BATCH  0x2
/* Messages name an address space */
#define VHOST_BACKEND_F_IOTLB_ASID  0x3
/* VHOST_VDPA_SUSPEND */
#define VHOST_BACKEND_F_SUSPEND  0x4
/* VHOST_VDPA_RESUME */
#define VHOST_BACKEND_F_RESUME  0x5
/* Virtqueues may be enabled after DRIVER_OK too, not only before */
#define VHOST_BACKEND_F_ENABLE_AFTER_DRIVER_OK  0x6
/*
 * The rings of a virtqueue can be in another group, and so in another address
 * space, than its buffers. Goes with VHOST_BACKEND_F_IOTLB_ASID.
 */
#define VHOST_BACKEND_F_DESC_ASID    0x7
/* Mappings stay when the device is reset */
#define VHOST_BACKEND_F_IOTLB_PERSIST  0x8

#endif /* _LINUX_VHOST_TYPES_H */
