// SPDX-License-Identifier: GPL-2.0
/*
 * The smallest driver that does something: writes a sector of a virtio disk
 * behind /dev/vhost-vdpa-N and reads it back.
 */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/vhost.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>

#define RING_SIZE	4
#define IOVA		0x10000ULL	/* where the device finds our memory */

/* All that the device may touch: the three areas of a queue, and a request */
struct memory {
	struct vring_desc desc[RING_SIZE];
	struct {
		struct vring_avail header;
		uint16_t ring[RING_SIZE];
	} avail;
	_Alignas(4) struct {
		struct vring_used header;
		struct vring_used_elem ring[RING_SIZE];
	} used;
	struct virtio_blk_outhdr request;
	char sector[512];
	uint8_t status;
};

static struct memory *mem;
static int dev, kick, call;

#define IOVA_OF(field)	(IOVA + offsetof(struct memory, field))

static void must(const char *what, int result)
{
	if (result < 0)
		err(1, "%s", what);
}

static void set_status(uint8_t status)
{
	must("SET_STATUS", ioctl(dev, VHOST_VDPA_SET_STATUS, &status));
}

static void negotiate(void)
{
	uint64_t offered, wanted = 1ULL << VIRTIO_F_VERSION_1 |
				   1ULL << VIRTIO_F_ACCESS_PLATFORM;
	uint8_t status;

	set_status(0);
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE);
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	must("GET_FEATURES", ioctl(dev, VHOST_GET_FEATURES, &offered));
	wanted &= offered;
	must("SET_FEATURES", ioctl(dev, VHOST_SET_FEATURES, &wanted));
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		   VIRTIO_CONFIG_S_FEATURES_OK);
	must("GET_STATUS", ioctl(dev, VHOST_VDPA_GET_STATUS, &status));
	if (!(status & VIRTIO_CONFIG_S_FEATURES_OK))
		errx(1, "the device does not accept the features");
}

static void map_memory(void)
{
	struct vhost_msg_v2 msg = {
		.type = VHOST_IOTLB_MSG_V2,
		.iotlb = {
			.type = VHOST_IOTLB_UPDATE,
			.iova = IOVA,
			.size = sizeof(*mem),
			.uaddr = (uintptr_t)mem,
			.perm = VHOST_ACCESS_RW,
		},
	};

	must("IOTLB_UPDATE", write(dev, &msg, sizeof(msg)));
}

static void set_up_queue(void)
{
	struct vhost_vring_state num = { .num = RING_SIZE }, base = { 0 }, on = { .num = 1 };
	struct vhost_vring_addr addr = {
		.desc_user_addr = IOVA_OF(desc),
		.avail_user_addr = IOVA_OF(avail),
		.used_user_addr = IOVA_OF(used),
	};
	struct vhost_vring_file file = { 0 };

	must("SET_VRING_NUM", ioctl(dev, VHOST_SET_VRING_NUM, &num));
	must("SET_VRING_BASE", ioctl(dev, VHOST_SET_VRING_BASE, &base));
	must("SET_VRING_ADDR", ioctl(dev, VHOST_SET_VRING_ADDR, &addr));
	file.fd = kick;
	must("SET_VRING_KICK", ioctl(dev, VHOST_SET_VRING_KICK, &file));
	file.fd = call;
	must("SET_VRING_CALL", ioctl(dev, VHOST_SET_VRING_CALL, &file));
	must("SET_VRING_ENABLE", ioctl(dev, VHOST_VDPA_SET_VRING_ENABLE, &on));
}

/* One request: header and data for the device to read, status for it to write */
static void request(uint32_t type)
{
	uint16_t reads = type == VIRTIO_BLK_T_IN ? VRING_DESC_F_WRITE : 0;
	uint16_t next = mem->avail.header.idx;
	uint64_t one = 1;

	mem->request = (struct virtio_blk_outhdr) { .type = type };
	mem->status = 0xff;
	mem->desc[0] = (struct vring_desc) {
		IOVA_OF(request), sizeof(mem->request), VRING_DESC_F_NEXT, 1
	};
	mem->desc[1] = (struct vring_desc) {
		IOVA_OF(sector), sizeof(mem->sector), VRING_DESC_F_NEXT | reads, 2
	};
	mem->desc[2] = (struct vring_desc) {
		IOVA_OF(status), sizeof(mem->status), VRING_DESC_F_WRITE, 0
	};
	mem->avail.ring[next % RING_SIZE] = 0;
	/* the device sees the index only after all of the above */
	__atomic_store_n(&mem->avail.header.idx, next + 1, __ATOMIC_RELEASE);
	must("kick", write(kick, &one, sizeof(one)));

	while (__atomic_load_n(&mem->used.header.idx, __ATOMIC_ACQUIRE) != (uint16_t)(next + 1)) {
		struct pollfd pfd[] = {
			{ .fd = call, .events = POLLIN },
			{ .fd = dev },
		};

		must("poll", poll(pfd, 2, -1));
		if (pfd[1].revents)
			errx(1, "the device was unplugged");
		must("call", read(call, &one, sizeof(one)));
	}
	if (mem->status != VIRTIO_BLK_S_OK)
		errx(1, "request failed with status %u", mem->status);
}

int main(int argc, char **argv)
{
	static const char text[] = "Hello, disk";
	uint32_t id;

	if (argc != 2)
		errx(1, "usage: %s /dev/vhost-vdpa-N", argv[0]);
	dev = open(argv[1], O_RDWR | O_CLOEXEC);
	must(argv[1], dev);
	must("GET_DEVICE_ID", ioctl(dev, VHOST_VDPA_GET_DEVICE_ID, &id));
	if (id != VIRTIO_ID_BLOCK)
		errx(1, "%s is not a disk", argv[1]);
	must("SET_OWNER", ioctl(dev, VHOST_SET_OWNER));

	kick = eventfd(0, EFD_CLOEXEC);
	call = eventfd(0, EFD_CLOEXEC);
	mem = mmap(NULL, sizeof(*mem), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		err(1, "mmap");

	negotiate();
	map_memory();
	set_up_queue();
	set_status(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
		   VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);

	strcpy(mem->sector, text);
	request(VIRTIO_BLK_T_OUT);
	memset(mem->sector, 0, sizeof(mem->sector));
	request(VIRTIO_BLK_T_IN);
	puts(mem->sector);

	set_status(0);
	close(dev);
	return strcmp(mem->sector, text) != 0;
}
