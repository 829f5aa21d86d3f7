// SPDX-License-Identifier: GPL-2.0
/*
 * A function's management device: makes the one vDPA device that can be made of
 * it, as far as what the user asks is in the function's power.
 */

#include <linux/pci.h>
#include <linux/slab.h>
#include <net/netlink.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ids.h>

#include "vpf.h"

static struct vpf *mgmt_to_vpf(struct vdpa_mgmt_dev *mgmt)
{
	return container_of(mgmt, struct vpf, mgmt);
}

static bool vpf_is_net(const struct vpf *vpf)
{
	return vpf->mdev.id.device == VIRTIO_ID_NET;
}

/* A field of 16 bits; 0 when the configuration is too short for it */
static u16 vpf_read_field(struct vpf *vpf, unsigned int offset)
{
	__virtio16 field = 0;

	if (offset + sizeof(field) <= vpf->mdev.device_len)
		vpf_read_config(vpf, offset, &field, sizeof(field));
	return __virtio16_to_cpu(true, field);
}

/* --- what the user asks -------------------------------------------------- */

static int vpf_check_features(const struct vpf *vpf, u64 features,
			      struct netlink_ext_ack *extack)
{
	if (!(vpf->features & BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))) {
		NL_SET_ERR_MSG(extack,
			       "function does not offer VIRTIO_F_ACCESS_PLATFORM: it would go past the IOMMU");
		return -EOPNOTSUPP;
	}
	if ((features & VPF_NEEDED_FEATURES) != VPF_NEEDED_FEATURES) {
		NL_SET_ERR_MSG(extack,
			       "VIRTIO_F_VERSION_1 and VIRTIO_F_ACCESS_PLATFORM can't be left out");
		return -EINVAL;
	}
	return 0;
}

/* The address is the function's: drivers set it, but those that create don't */
static int vpf_check_mac(struct vpf *vpf, const u8 *mac,
			 struct netlink_ext_ack *extack)
{
	u8 own[ETH_ALEN];

	vpf_read_config(vpf, offsetof(struct virtio_net_config, mac), own, ETH_ALEN);
	if (memcmp(own, mac, ETH_ALEN)) {
		NL_SET_ERR_MSG_FMT(extack, "MAC address of the function can't be changed from %pM",
				   own);
		return -EOPNOTSUPP;
	}
	return 0;
}

static int vpf_check_mtu(struct vpf *vpf, u16 mtu, struct netlink_ext_ack *extack)
{
	u16 own = vpf_read_field(vpf, offsetof(struct virtio_net_config, mtu));

	if (mtu > own) {
		NL_SET_ERR_MSG_FMT(extack, "MTU of the function is %u", own);
		return -EINVAL;
	}
	return 0;
}

static int vpf_check_pairs(struct vpf *vpf, u16 pairs,
			   struct netlink_ext_ack *extack)
{
	if (pairs > vpf->pairs) {
		NL_SET_ERR_MSG_FMT(extack, "function has %u queue pairs", vpf->pairs);
		return -EINVAL;
	}
	return 0;
}

/* Of a function that is away all ones would be learned */
static int vpf_check_presence(struct vpf *vpf, struct netlink_ext_ack *extack)
{
	lockdep_assert_held(&vpf->lock);

	if (!vpf->offline && vpf_hw_answers(vpf))
		return 0;
	NL_SET_ERR_MSG(extack, "function does not answer");
	return -ENODEV;
}

/* The core let nothing pass that is not in the mask of the management device */
static int vpf_parse_wish(struct vpf *vpf, const struct vdpa_dev_set_config *config,
			  struct vpf_wish *wish)
{
	struct netlink_ext_ack *extack = config->extack;
	int err;

	wish->features = vpf->features;
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_FEATURES))
		wish->features = config->device_features;
	err = vpf_check_features(vpf, wish->features, extack);
	if (err)
		return err;

	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR)) {
		err = vpf_check_mac(vpf, config->net.mac, extack);
		if (err)
			return err;
	}
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU)) {
		err = vpf_check_mtu(vpf, config->net.mtu, extack);
		if (err)
			return err;
		wish->mtu = config->net.mtu;
	}
	if (config->mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP)) {
		err = vpf_check_pairs(vpf, config->net.max_vq_pairs, extack);
		if (err)
			return err;
		if (config->net.max_vq_pairs < vpf->pairs)
			wish->pairs = config->net.max_vq_pairs;
	}
	return 0;
}

/* --- the device ---------------------------------------------------------- */

/* As many as a driver can find with the features that it is offered */
static u32 vpf_count_queues(const struct vpf *vpf, const struct vpf_wish *wish)
{
	u32 n = vpf->nqueues;

	if (vpf_is_net(vpf)) {
		n = 2;
		if (wish->features & VPF_PAIRS_FEATURES)
			n = 2 * (wish->pairs ?: vpf->pairs);
		if (wish->features & BIT_ULL(VIRTIO_NET_F_CTRL_VQ))
			n++;
	} else if (vpf->mdev.id.device == VIRTIO_ID_BLOCK &&
		   !(wish->features & BIT_ULL(VIRTIO_BLK_F_MQ))) {
		n = 1;
	}
	return min(n, vpf->nqueues);
}

/* Asks the function for what it has for the device that the user wishes */
static int vpf_set_up(struct vpf *vpf, const struct vdpa_dev_set_config *config)
{
	struct vpf_wish wish = {};
	struct vpf_vq *vqs;
	unsigned int i;
	u32 nvqs;
	int err;

	lockdep_assert_held(&vpf->lock);

	err = vpf_check_presence(vpf, config->extack);
	if (!err)
		err = vpf_parse_wish(vpf, config, &wish);
	if (err)
		return err;

	nvqs = vpf_count_queues(vpf, &wish);
	vqs = kvcalloc(nvqs, sizeof(*vqs), GFP_KERNEL_ACCOUNT);
	if (!vqs)
		return -ENOMEM;

	vpf->wish = wish;
	vpf->vq_num_max = 0;
	for (i = 0; i < nvqs; i++) {
		vqs[i].vector = -1;
		vpf_vq_learn_size(vpf, &vqs[i], i);
		vpf->vq_num_max = max(vpf->vq_num_max, vqs[i].num_max);
	}
	vpf->vqs = vqs;
	vpf->nvqs = nvqs;
	return 0;
}

static void vpf_tear_down(struct vpf *vpf)
{
	struct vpf_vq *vqs;

	mutex_lock(&vpf->lock);
	vqs = vpf->vqs;
	vpf->vqs = NULL;
	vpf->nvqs = 0;
	vpf->wish = (struct vpf_wish) {};
	mutex_unlock(&vpf->lock);
	kvfree(vqs);
}

static int vpf_dev_add(struct vdpa_mgmt_dev *mgmt, const char *name,
		       const struct vdpa_dev_set_config *config)
{
	struct vpf *vpf = mgmt_to_vpf(mgmt);
	struct device *dev = mgmt->device;
	struct vpf_vdpa *device;
	int err;

	if (vpf->vdpa) {
		NL_SET_ERR_MSG_FMT(config->extack, "function is in use as %s",
				   dev_name(&vpf->vdpa->dev));
		return -EBUSY;
	}
	mutex_lock(&vpf->lock);
	err = vpf_set_up(vpf, config);
	mutex_unlock(&vpf->lock);
	if (err)
		return err;

	device = vdpa_alloc_device(struct vpf_vdpa, vdpa, dev, &vpf_ops, 1, 1,
				   name, false);
	if (IS_ERR(device)) {
		err = PTR_ERR(device);
		goto tear_down;
	}
	device->vpf = vpf;
	device->vdpa.dma_dev = dev;
	device->vdpa.mdev = mgmt;

	err = _vdpa_register_device(&device->vdpa, vpf->nvqs);
	if (err)
		goto put_device;
	vpf->vdpa = &device->vdpa;
	return 0;

put_device:
	put_device(&device->vdpa.dev);
tear_down:
	vpf_tear_down(vpf);
	return err;
}

/* The bus driver is gone then, and may have left the function as it was */
static void vpf_dev_del(struct vdpa_mgmt_dev *mgmt, struct vdpa_device *vdpa)
{
	struct vpf *vpf = mgmt_to_vpf(mgmt);

	_vdpa_unregister_device(vdpa);
	vpf->vdpa = NULL;

	mutex_lock(&vpf->lock);
	vpf_reset(vpf);
	mutex_unlock(&vpf->lock);
	vpf_tear_down(vpf);
}

static const struct vdpa_mgmtdev_ops vpf_mgmt_ops = {
	.dev_add = vpf_dev_add,
	.dev_del = vpf_dev_del,
};

static void vpf_learn_net(struct vpf *vpf)
{
	struct vdpa_mgmt_dev *mgmt = &vpf->mgmt;
	u16 pairs;

	vpf->pairs = 1;
	if (vpf->features & BIT_ULL(VIRTIO_NET_F_MAC) &&
	    vpf->mdev.device_len >= ETH_ALEN)
		mgmt->config_attr_mask |= BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR);
	if (vpf->features & BIT_ULL(VIRTIO_NET_F_MTU))
		mgmt->config_attr_mask |= BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU);
	if (vpf->features & VPF_PAIRS_FEATURES) {
		mgmt->config_attr_mask |= BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP);
		pairs = vpf_read_field(vpf, offsetof(struct virtio_net_config,
						     max_virtqueue_pairs));
		vpf->pairs = clamp(pairs, 1, max(vpf->nqueues / 2, 1));
	}
}

/* Offers the function to users; afterwards devices may be made of it */
int vpf_mgmt_register(struct vpf *vpf)
{
	struct vdpa_mgmt_dev *mgmt = &vpf->mgmt;

	vpf->ids[0] = vpf->mdev.id;
	mgmt->device = &vpf->mdev.pci_dev->dev;
	mgmt->ops = &vpf_mgmt_ops;
	mgmt->id_table = vpf->ids;
	mgmt->config_attr_mask = BIT_ULL(VDPA_ATTR_DEV_FEATURES);
	mgmt->supported_features = vpf->features;
	mgmt->max_supported_vqs = vpf->nqueues;
	if (vpf_is_net(vpf))
		vpf_learn_net(vpf);
	return vdpa_mgmtdev_register(mgmt);
}
