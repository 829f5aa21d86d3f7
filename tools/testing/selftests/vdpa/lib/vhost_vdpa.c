// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vhost_vdpa.h"

int vv_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

int vv_set_owner(int fd)
{
	return vv_ioctl(fd, VHOST_SET_OWNER, NULL);
}

int vv_get_features(int fd, uint64_t *features)
{
	return vv_ioctl(fd, VHOST_GET_FEATURES, features);
}

int vv_set_features(int fd, uint64_t features)
{
	return vv_ioctl(fd, VHOST_SET_FEATURES, &features);
}

int vv_get_backend_features(int fd, uint64_t *features)
{
	return vv_ioctl(fd, VHOST_GET_BACKEND_FEATURES, features);
}

int vv_set_backend_features(int fd, uint64_t features)
{
	return vv_ioctl(fd, VHOST_SET_BACKEND_FEATURES, &features);
}

int vv_get_status(int fd, uint8_t *status)
{
	return vv_ioctl(fd, VHOST_VDPA_GET_STATUS, status);
}

int vv_set_status(int fd, uint8_t status)
{
	return vv_ioctl(fd, VHOST_VDPA_SET_STATUS, &status);
}

int vv_suspend(int fd)
{
	return vv_ioctl(fd, VHOST_VDPA_SUSPEND, NULL);
}

int vv_resume(int fd)
{
	return vv_ioctl(fd, VHOST_VDPA_RESUME, NULL);
}

int vv_get_u32(int fd, unsigned long request, uint32_t *value)
{
	return vv_ioctl(fd, request, value);
}

int vv_get_vring_num(int fd, uint16_t *num)
{
	return vv_ioctl(fd, VHOST_VDPA_GET_VRING_NUM, num);
}

int vv_get_iova_range(int fd, uint64_t *first, uint64_t *last)
{
	struct vhost_vdpa_iova_range range;
	int err = vv_ioctl(fd, VHOST_VDPA_GET_IOVA_RANGE, &range);

	if (!err) {
		*first = range.first;
		*last = range.last;
	}
	return err;
}

int vv_get_config(int fd, uint32_t off, void *buf, uint32_t len)
{
	struct vhost_vdpa_config *config = calloc(1, sizeof(*config) + len);
	int err;

	if (!config)
		return -ENOMEM;
	config->off = off;
	config->len = len;
	err = vv_ioctl(fd, VHOST_VDPA_GET_CONFIG, config);
	if (!err)
		memcpy(buf, config->buf, len);
	free(config);
	return err;
}

int vv_set_config(int fd, uint32_t off, const void *buf, uint32_t len)
{
	struct vhost_vdpa_config *config = calloc(1, sizeof(*config) + len);
	int err;

	if (!config)
		return -ENOMEM;
	config->off = off;
	config->len = len;
	memcpy(config->buf, buf, len);
	err = vv_ioctl(fd, VHOST_VDPA_SET_CONFIG, config);
	free(config);
	return err;
}

int vv_set_config_call(int fd, int eventfd)
{
	return vv_ioctl(fd, VHOST_VDPA_SET_CONFIG_CALL, &eventfd);
}

int vv_set_vring(int fd, unsigned long request, unsigned int index,
		 unsigned int num)
{
	struct vhost_vring_state state = { .index = index, .num = num };

	return vv_ioctl(fd, request, &state);
}

int vv_get_vring(int fd, unsigned long request, unsigned int index,
		 unsigned int *num)
{
	struct vhost_vring_state state = { .index = index };
	int err = vv_ioctl(fd, request, &state);

	if (!err)
		*num = state.num;
	return err;
}

int vv_set_vring_fd(int fd, unsigned long request, unsigned int index,
		    int eventfd)
{
	struct vhost_vring_file file = { .index = index, .fd = eventfd };

	return vv_ioctl(fd, request, &file);
}

int vv_set_vring_addr(int fd, unsigned int index, uint64_t desc,
		      uint64_t avail, uint64_t used)
{
	struct vhost_vring_addr addr = {
		.index = index,
		.desc_user_addr = desc,
		.avail_user_addr = avail,
		.used_user_addr = used,
	};

	return vv_ioctl(fd, VHOST_SET_VRING_ADDR, &addr);
}

static int write_message(int fd, const void *msg, size_t size)
{
	ssize_t done = write(fd, msg, size);

	if (done < 0)
		return -errno;
	return (size_t)done == size ? 0 : -EMSGSIZE;
}

static struct vhost_iotlb_msg iotlb_message(uint8_t type,
					    const struct vv_range *range)
{
	struct vhost_iotlb_msg msg = { .type = type };

	if (range) {
		msg.iova = range->iova;
		msg.size = range->size;
		msg.uaddr = range->uaddr;
		msg.perm = range->perm;
	}
	return msg;
}

int vv_iotlb_v1(int fd, uint8_t type, const struct vv_range *range)
{
	struct vhost_msg msg = {
		.type = VHOST_IOTLB_MSG,
		.iotlb = iotlb_message(type, range),
	};

	return write_message(fd, &msg, sizeof(msg));
}

int vv_iotlb_v2(int fd, uint32_t asid, uint8_t type,
		const struct vv_range *range)
{
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.asid = asid,
		.iotlb = iotlb_message(type, range),
	};

	return write_message(fd, &msg, sizeof(msg));
}

int vv_iotlb_array(int fd, const struct vhost_msg_v2 *msgs, unsigned int n)
{
	const char *pos = (const char *)msgs, *end = (const char *)(msgs + n);

	while (pos < end) {
		ssize_t done = write(fd, pos, end - pos);

		if (done < 0)
			return -errno;
		pos += done;
	}
	return 0;
}

int vv_map(int fd, uint32_t asid, uint64_t iova, const void *mem, uint64_t size,
	   uint8_t perm)
{
	struct vv_range range = {
		.iova = iova,
		.size = size,
		.uaddr = (uintptr_t)mem,
		.perm = perm,
	};

	return vv_iotlb_v2(fd, asid, VHOST_IOTLB_UPDATE, &range);
}

int vv_unmap(int fd, uint32_t asid, uint64_t iova, uint64_t size)
{
	struct vv_range range = { .iova = iova, .size = size };

	return vv_iotlb_v2(fd, asid, VHOST_IOTLB_INVALIDATE, &range);
}
