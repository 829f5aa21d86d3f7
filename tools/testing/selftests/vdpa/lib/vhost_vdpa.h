/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VHOST_VDPA_H
#define SELFTEST_VHOST_VDPA_H

/*
 * The calls of /dev/vhost-vdpa-N, one function each. All return 0 or a
 * negative errno, so that a test can name the refusal it expects.
 */

#include <stdbool.h>
#include <stdint.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>

#define VV_BIT(nr) (1ULL << (nr))

/* The status values that a driver goes through, in order */
#define VV_S_ACK	VIRTIO_CONFIG_S_ACKNOWLEDGE
#define VV_S_DRIVER	(VV_S_ACK | VIRTIO_CONFIG_S_DRIVER)
#define VV_S_FEATURES	(VV_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)
#define VV_S_RUNNING	(VV_S_FEATURES | VIRTIO_CONFIG_S_DRIVER_OK)

int vv_ioctl(int fd, unsigned long request, void *arg);

int vv_set_owner(int fd);
int vv_get_features(int fd, uint64_t *features);
int vv_set_features(int fd, uint64_t features);
int vv_get_backend_features(int fd, uint64_t *features);
int vv_set_backend_features(int fd, uint64_t features);

int vv_get_status(int fd, uint8_t *status);
int vv_set_status(int fd, uint8_t status);
int vv_suspend(int fd);
int vv_resume(int fd);

/* Calls whose answer is one number: GET_DEVICE_ID, GET_VQS_COUNT ... */
int vv_get_u32(int fd, unsigned long request, uint32_t *value);
int vv_get_vring_num(int fd, uint16_t *num);
int vv_get_iova_range(int fd, uint64_t *first, uint64_t *last);

int vv_get_config(int fd, uint32_t off, void *buf, uint32_t len);
int vv_set_config(int fd, uint32_t off, const void *buf, uint32_t len);
int vv_set_config_call(int fd, int eventfd);

/* Calls that take or give a struct vhost_vring_state */
int vv_set_vring(int fd, unsigned long request, unsigned int index,
		 unsigned int num);
int vv_get_vring(int fd, unsigned long request, unsigned int index,
		 unsigned int *num);
/* SET_VRING_KICK, CALL, ERR */
int vv_set_vring_fd(int fd, unsigned long request, unsigned int index,
		    int eventfd);
int vv_set_vring_addr(int fd, unsigned int index, uint64_t desc,
		      uint64_t avail, uint64_t used);

/* IOTLB messages; what write() did not take whole is -EMSGSIZE */
struct vv_range {
	uint64_t iova;
	uint64_t size;
	uint64_t uaddr;
	uint8_t perm;
};

int vv_iotlb_v1(int fd, uint8_t type, const struct vv_range *range);
int vv_iotlb_v2(int fd, uint32_t asid, uint8_t type,
		const struct vv_range *range);
/*
 * Several messages, with as many calls as it takes: the kernel's own driver takes
 * one message a call, ours all.
 */
int vv_iotlb_array(int fd, const struct vhost_msg_v2 *msgs, unsigned int n);
/* The two that everybody needs, as version 2 messages */
int vv_map(int fd, uint32_t asid, uint64_t iova, const void *mem, uint64_t size,
	   uint8_t perm);
int vv_unmap(int fd, uint32_t asid, uint64_t iova, uint64_t size);

#endif /* SELFTEST_VHOST_VDPA_H */
