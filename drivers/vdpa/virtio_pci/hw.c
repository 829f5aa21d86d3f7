// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of the function (virtio 1.2, 4.1): queues, doorbells, device
 * configuration, start and reset.
 */

#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ids.h>

#include "vpf.h"

#define VPF_RESET_POLL_US	1000
#define VPF_RESET_TIMEOUT_US	(10 * USEC_PER_SEC)

/* Largest virtqueue of either layout (2.7 and 2.8.10.1) */
#define VPF_QUEUE_SIZE_MAX	32768

/* A configuration that changes more often than this while it is read */
#define VPF_CONFIG_TRIES	16

/* What every register reads as when nobody answers */
#define VPF_STATUS_GONE		0xff

/* --- status -------------------------------------------------------------- */

/*
 * Resets the function and waits until it says that it is done. It can't access
 * memory any more, whether it is done or not.
 */
int vpf_hw_reset(struct vpf *vpf)
{
	struct virtio_pci_modern_device *mdev = &vpf->mdev;
	int err;
	u8 status;

	vp_modern_set_status(mdev, 0);
	err = read_poll_timeout(vp_modern_get_status, status,
				!status || status == VPF_STATUS_GONE,
				VPF_RESET_POLL_US, VPF_RESET_TIMEOUT_US, false,
				mdev);
	pci_clear_master(mdev->pci_dev);
	if (!err && status)
		err = -ENODEV;
	return err;
}

/*
 * Whether its registers answer. They may not when the configuration space does: one
 * that came back from a reset without what it had been told decodes no address. On
 * virtual functions that is up to the physical one.
 */
bool vpf_hw_answers(struct vpf *vpf)
{
	struct pci_dev *pdev = vpf->mdev.pci_dev;
	u16 command = 0;

	if (!pci_device_is_present(pdev))
		return false;
	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (!pdev->is_virtfn && !(command & (PCI_COMMAND_MEMORY | PCI_COMMAND_IO)))
		return false;
	return vp_modern_get_status(&vpf->mdev) != VPF_STATUS_GONE;
}

/*
 * Accepts features as a driver does, which brings to light what the function
 * has for them. False when it doesn't take all of them together.
 */
bool vpf_accept(struct vpf *vpf, u64 features)
{
	struct virtio_pci_modern_device *mdev = &vpf->mdev;
	u8 status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	vp_modern_set_status(mdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vp_modern_set_status(mdev, status);
	vp_modern_set_features(mdev, features);
	vp_modern_set_status(mdev, status | VIRTIO_CONFIG_S_FEATURES_OK);
	return vp_modern_get_status(mdev) & VIRTIO_CONFIG_S_FEATURES_OK;
}

/* --- device configuration ------------------------------------------------ */

/* How much of it has a meaning: functions tend to have a whole page */
size_t vpf_config_size(struct vpf *vpf)
{
	switch (vpf->mdev.id.device) {
	case VIRTIO_ID_NET:
		return min(vpf->mdev.device_len, sizeof(struct virtio_net_config));
	case VIRTIO_ID_BLOCK:
		return min(vpf->mdev.device_len, sizeof(struct virtio_blk_config));
	default:
		return vpf->mdev.device_len;
	}
}

static void vpf_copy_bytes_in(const u8 __iomem *from, u8 *to, unsigned int len)
{
	while (len--)
		*to++ = ioread8(from++);
}

/*
 * A function answers all ones to an access that goes beyond the end of what it
 * has, which may be before the end of the last 2 or 4 bytes.
 */
static void vpf_copy_le16_in(const u8 __iomem *from, u8 *to)
{
	u16 value = ioread16(from);

	if (value == U16_MAX)
		vpf_copy_bytes_in(from, to, sizeof(value));
	else
		put_unaligned_le16(value, to);
}

static void vpf_copy_le32_in(const u8 __iomem *from, u8 *to)
{
	u32 value = ioread32(from);

	if (value == U32_MAX)
		vpf_copy_bytes_in(from, to, sizeof(value));
	else
		put_unaligned_le32(value, to);
}

/*
 * Fields are to be accessed by their own width (4.1.3.1), which a read of just
 * one field tells; what takes in several goes by bytes.
 */
static void vpf_copy_config_in(const u8 __iomem *from, u8 *to, unsigned int len)
{
	bool aligned = IS_ALIGNED((unsigned long)from, min(len, 4u));

	if (len == 2 && aligned) {
		vpf_copy_le16_in(from, to);
	} else if (len == 4 && aligned) {
		vpf_copy_le32_in(from, to);
	} else if (len == 8 && aligned) {
		vpf_copy_le32_in(from, to);
		vpf_copy_le32_in(from + 4, to + 4);
	} else {
		vpf_copy_bytes_in(from, to, len);
	}
}

static void vpf_copy_config_out(u8 __iomem *to, const u8 *from, unsigned int len)
{
	bool aligned = IS_ALIGNED((unsigned long)to, min(len, 4u));

	if (len == 2 && aligned) {
		iowrite16(get_unaligned_le16(from), to);
	} else if (len == 4 && aligned) {
		iowrite32(get_unaligned_le32(from), to);
	} else if (len == 8 && aligned) {
		iowrite32(get_unaligned_le32(from), to);
		iowrite32(get_unaligned_le32(from + 4), to + 4);
	} else {
		while (len--)
			iowrite8(*from++, to++);
	}
}

/* Shows @value for the 16 bits at @at, as far as they were read */
static void vpf_show_instead(u16 value, unsigned int at, unsigned int offset,
			     u8 *buf, unsigned int len)
{
	u8 bytes[2];
	unsigned int i;

	put_unaligned_le16(value, bytes);
	for (i = 0; i < sizeof(bytes); i++) {
		if (at + i >= offset && at + i - offset < len)
			buf[at + i - offset] = bytes[i];
	}
}

/* The range lies in the configuration */
void vpf_read_config(struct vpf *vpf, unsigned int offset, void *buf,
		     unsigned int len)
{
	struct virtio_pci_modern_device *mdev = &vpf->mdev;
	unsigned int tries = VPF_CONFIG_TRIES;
	u32 before;

	do {
		before = vp_modern_generation(mdev);
		vpf_copy_config_in(mdev->device + offset, buf, len);
	} while (before != vp_modern_generation(mdev) && --tries);

	if (vpf->wish.mtu)
		vpf_show_instead(vpf->wish.mtu,
				 offsetof(struct virtio_net_config, mtu),
				 offset, buf, len);
	if (vpf->wish.pairs)
		vpf_show_instead(vpf->wish.pairs,
				 offsetof(struct virtio_net_config, max_virtqueue_pairs),
				 offset, buf, len);
}

/* The range lies in the configuration */
void vpf_write_config(struct vpf *vpf, unsigned int offset, const void *buf,
		      unsigned int len)
{
	vpf_copy_config_out(vpf->mdev.device + offset, buf, len);
}

/* --- doorbells ----------------------------------------------------------- */

/* Bytes of the region that the function keeps for doorbells */
static u32 vpf_notify_length(struct virtio_pci_modern_device *mdev)
{
	u32 length = 0;

	if (mdev->notify_base)
		return mdev->notify_len;
	pci_read_config_dword(mdev->pci_dev, mdev->notify_map_cap +
			      offsetof(struct virtio_pci_cap, length), &length);
	return length;
}

/*
 * Whether user space may have the page of this doorbell: it has to be at the
 * beginning of the page, and there must be nothing else on it, but for those of
 * all queues on the same address, where the number written tells which.
 */
static bool vpf_doorbell_has_page(struct virtio_pci_modern_device *mdev,
				  u16 queue, resource_size_t pa)
{
	u32 multiplier = mdev->notify_offset_multiplier;
	u64 offset;

	vp_iowrite16(queue, &mdev->common->queue_select);
	offset = (u64)vp_ioread16(&mdev->common->queue_notify_off) * multiplier;

	return PAGE_ALIGNED(pa) && (!multiplier || multiplier >= PAGE_SIZE) &&
	       offset + PAGE_SIZE <= vpf_notify_length(mdev);
}

int vpf_map_doorbells(struct vpf *vpf)
{
	struct virtio_pci_modern_device *mdev = &vpf->mdev;
	resource_size_t pa;
	unsigned int i;

	vpf->doorbells = kvcalloc(vpf->nqueues, sizeof(*vpf->doorbells), GFP_KERNEL);
	if (!vpf->doorbells)
		return -ENOMEM;

	for (i = 0; i < vpf->nqueues; i++) {
		struct vpf_doorbell *bell = &vpf->doorbells[i];

		bell->addr = vp_modern_map_vq_notify(mdev, i, &pa);
		if (!bell->addr) {
			pci_err(mdev->pci_dev, "queue %u has no doorbell\n", i);
			vpf_unmap_doorbells(vpf);
			return -EINVAL;
		}
		if (vpf_doorbell_has_page(mdev, i, pa))
			bell->page = pa;
	}
	return 0;
}

void vpf_unmap_doorbells(struct vpf *vpf)
{
	unsigned int i;

	/* otherwise they are part of one mapping, which is the library's */
	if (!vpf->mdev.notify_base) {
		for (i = 0; i < vpf->nqueues && vpf->doorbells[i].addr; i++)
			pci_iounmap(vpf->mdev.pci_dev, vpf->doorbells[i].addr);
	}
	kvfree(vpf->doorbells);
}

/* --- queues -------------------------------------------------------------- */

/*
 * Which queue of the function is queue @idx of the device. The control queue of
 * a network device comes after all data queues that there can be, and the
 * function has more of them than a device that was given fewer shows. Without
 * multiqueue it is the third one in both.
 */
u16 vpf_hw_queue(struct vpf *vpf, u16 idx)
{
	if (vpf->wish.pairs && idx == 2 * vpf->wish.pairs &&
	    vpf->driver_features & VPF_PAIRS_FEATURES)
		return 2 * vpf->pairs;
	return idx;
}

/* Asks the function for the largest size of a queue */
void vpf_vq_learn_size(struct vpf *vpf, struct vpf_vq *vq, u16 queue)
{
	u16 max;

	lockdep_assert_held(&vpf->lock);

	max = vp_modern_get_queue_size(&vpf->mdev, queue);
	/* what is not there reads as all ones */
	if (max <= VPF_QUEUE_SIZE_MAX)
		vq->num_max = max;
}

/* Makes a queue known to the function; its wishes have been checked */
static void vpf_vq_tell(struct vpf *vpf, u16 idx)
{
	struct virtio_pci_modern_device *mdev = &vpf->mdev;
	struct vpf_vq *vq = &vpf->vqs[idx];

	vq->queue = vpf_hw_queue(vpf, idx);
	vq->doorbell = vpf->doorbells[vq->queue].addr;
	vp_modern_set_queue_size(mdev, vq->queue, vq->num);
	vp_modern_queue_address(mdev, vq->queue, vq->desc, vq->driver, vq->device);
	/* a function that ran out of something; a driver that polls can go on */
	if (vp_modern_queue_vector(mdev, vq->queue, vq->vector) != vq->vector)
		pci_warn(mdev->pci_dev, "queue %u gets no interrupts\n", vq->queue);
	vp_modern_set_queue_enable(mdev, vq->queue, true);
	WRITE_ONCE(vq->started, true);
}

/*
 * Lets kicks through. Those that came too early are made up for by one; with
 * data in them that is not ours to do.
 */
void vpf_vq_run(struct vpf *vpf, u16 idx)
{
	struct vpf_vq *vq = &vpf->vqs[idx];

	lockdep_assert_held(&vpf->lock);

	if (!vq->started)
		vpf_vq_tell(vpf, idx);
	/* pairs with the acquire in vpf_kick_vq() */
	smp_store_release(&vq->ready, true);
	/* whoever saw it not ready before had made its entry available */
	smp_mb();
	if (!(vpf->driver_features & BIT_ULL(VIRTIO_F_NOTIFICATION_DATA)))
		iowrite16(vq->queue, vq->doorbell);
}

/* --- the whole function -------------------------------------------------- */

/* All that has to be done before the function sees DRIVER_OK */
int vpf_prepare(struct vpf *vpf)
{
	struct virtio_pci_modern_device *mdev = &vpf->mdev;
	unsigned int i;
	int err;

	lockdep_assert_held(&vpf->lock);

	err = vpf_irqs_request(vpf);
	if (err)
		return err;
	if (vp_modern_config_vector(mdev, 0) != 0) {
		vpf_irqs_free(vpf);
		return -EBUSY;
	}

	pci_set_master(mdev->pci_dev);
	for (i = 0; i < vpf->nvqs; i++) {
		if (vpf->vqs[i].wanted)
			vpf_vq_tell(vpf, i);
	}
	return 0;
}

/* All that comes after it */
void vpf_run(struct vpf *vpf)
{
	unsigned int i;

	lockdep_assert_held(&vpf->lock);

	vpf->running = true;
	for (i = 0; i < vpf->nvqs; i++) {
		if (vpf->vqs[i].wanted)
			vpf_vq_run(vpf, i);
	}
}

/* The function is about to stop, or has: no kick reaches it any more */
void vpf_halt(struct vpf *vpf)
{
	unsigned int i;

	lockdep_assert_held(&vpf->lock);

	vpf->running = false;
	for (i = 0; i < vpf->nvqs; i++) {
		WRITE_ONCE(vpf->vqs[i].wanted, false);
		WRITE_ONCE(vpf->vqs[i].ready, false);
	}
}

static void vpf_forget_vq(struct vpf *vpf, struct vpf_vq *vq)
{
	static const struct vdpa_callback nowhere;

	vpf_set_callback(vpf, &vq->cb, -1, &nowhere);
	vq->next = NULL;
	vq->started = false;
	vq->addressed = false;
	vq->num = 0;
}

/*
 * As after creation. When the function does not follow, it can do no harm, but
 * stays out of use.
 */
int vpf_reset(struct vpf *vpf)
{
	static const struct vdpa_callback nowhere;
	unsigned int i;
	int err;

	lockdep_assert_held(&vpf->lock);

	vpf_halt(vpf);
	err = vpf->offline ? -ENODEV : vpf_hw_reset(vpf);
	vpf_irqs_free(vpf);
	for (i = 0; i < vpf->nvqs; i++)
		vpf_forget_vq(vpf, &vpf->vqs[i]);
	vpf_set_callback(vpf, &vpf->config_cb, -1, &nowhere);
	vpf->driver_features = 0;
	WRITE_ONCE(vpf->status, 0);
	WRITE_ONCE(vpf->broken, err);
	return err;
}
