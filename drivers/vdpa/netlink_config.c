// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration space of a device as netlink attributes: one attribute a field,
 * there if the device offers the feature that gives the field its meaning
 * (virtio 1.2, 5.1.4 and 5.2.4).
 */

#include <net/netlink.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>

#include "internal.h"

/* What a field looks like in the configuration space and in the message */
enum vdpa_field_kind { FIELD_8, FIELD_16, FIELD_32, FIELD_64, FIELD_MAC };

struct vdpa_field {
	u64 features;		/* any of them; 0: always there */
	enum vdpa_field_kind kind;
	u16 attr;
	u16 offset;
};

#define NET_FIELD(_features, _kind, _attr, _member) {			\
	.features = _features, .kind = FIELD_##_kind,			\
	.attr = VDPA_ATTR_DEV_NET_##_attr,				\
	.offset = offsetof(struct virtio_net_config, _member) }

#define BLK_FIELD(_features, _kind, _attr, _member) {			\
	.features = _features, .kind = FIELD_##_kind,			\
	.attr = VDPA_ATTR_DEV_BLK_CFG_##_attr,				\
	.offset = offsetof(struct virtio_blk_config, _member) }

#define F(name)	BIT_ULL(VIRTIO_##name)

static const struct vdpa_field vdpa_net_fields[] = {
	NET_FIELD(F(NET_F_MAC), MAC, CFG_MACADDR, mac),
	NET_FIELD(F(NET_F_STATUS), 16, STATUS, status),
	NET_FIELD(F(NET_F_MQ) | F(NET_F_RSS), 16, CFG_MAX_VQP,
		  max_virtqueue_pairs),
	NET_FIELD(F(NET_F_MTU), 16, CFG_MTU, mtu),
};

static const struct vdpa_field vdpa_blk_fields[] = {
	BLK_FIELD(0, 64, CAPACITY, capacity),
	BLK_FIELD(F(BLK_F_SIZE_MAX), 32, SIZE_MAX, size_max),
	BLK_FIELD(F(BLK_F_BLK_SIZE), 32, BLK_SIZE, blk_size),
	BLK_FIELD(F(BLK_F_SEG_MAX), 32, SEG_MAX, seg_max),
	BLK_FIELD(F(BLK_F_MQ), 16, NUM_QUEUES, num_queues),
	BLK_FIELD(F(BLK_F_TOPOLOGY), 8, PHY_BLK_EXP, physical_block_exp),
	BLK_FIELD(F(BLK_F_TOPOLOGY), 8, ALIGN_OFFSET, alignment_offset),
	BLK_FIELD(F(BLK_F_TOPOLOGY), 16, MIN_IO_SIZE, min_io_size),
	BLK_FIELD(F(BLK_F_TOPOLOGY), 32, OPT_IO_SIZE, opt_io_size),
	BLK_FIELD(F(BLK_F_DISCARD), 32, MAX_DISCARD_SEC, max_discard_sectors),
	BLK_FIELD(F(BLK_F_DISCARD), 32, MAX_DISCARD_SEG, max_discard_seg),
	BLK_FIELD(F(BLK_F_DISCARD), 32, DISCARD_SEC_ALIGN,
		  discard_sector_alignment),
	BLK_FIELD(F(BLK_F_WRITE_ZEROES), 32, MAX_WRITE_ZEROES_SEC,
		  max_write_zeroes_sectors),
	BLK_FIELD(F(BLK_F_WRITE_ZEROES), 32, MAX_WRITE_ZEROES_SEG,
		  max_write_zeroes_seg),
};

/* The configuration space, and how to read numbers in it */
struct vdpa_config_view {
	u8 space[sizeof(struct virtio_blk_config) +
		 sizeof(struct virtio_net_config)];
	size_t size;
	bool little_endian;
};

static u64 vdpa_view_number(const struct vdpa_config_view *view,
			    const struct vdpa_field *field)
{
	const void *at = view->space + field->offset;
	bool le = view->little_endian;

	switch (field->kind) {
	case FIELD_8:
		return *(u8 *)at;
	case FIELD_16:
		return __virtio16_to_cpu(le, *(__virtio16 *)at);
	case FIELD_32:
		return __virtio32_to_cpu(le, *(__virtio32 *)at);
	default:
		return __virtio64_to_cpu(le, *(__virtio64 *)at);
	}
}

static int vdpa_fill_field(const struct vdpa_config_view *view,
			   const struct vdpa_field *field, struct sk_buff *msg)
{
	static const u8 sizes[] = {
		[FIELD_8] = 1, [FIELD_16] = 2, [FIELD_32] = 4, [FIELD_64] = 8,
		[FIELD_MAC] = ETH_ALEN,
	};

	/* A parent may have a shorter space than the specification of today */
	if (field->offset + sizes[field->kind] > view->size)
		return 0;

	switch (field->kind) {
	case FIELD_8:
		return nla_put_u8(msg, field->attr, vdpa_view_number(view, field));
	case FIELD_16:
		return nla_put_u16(msg, field->attr, vdpa_view_number(view, field));
	case FIELD_32:
		return nla_put_u32(msg, field->attr, vdpa_view_number(view, field));
	case FIELD_64:
		return nla_put_u64_64bit(msg, field->attr,
					 vdpa_view_number(view, field),
					 VDPA_ATTR_PAD);
	case FIELD_MAC:
		return nla_put(msg, field->attr, ETH_ALEN,
			       view->space + field->offset);
	}
	return 0;
}

static int vdpa_fill_fields(struct vdpa_device *vdev, struct sk_buff *msg,
			    const struct vdpa_field *fields, unsigned int n,
			    u64 features)
{
	struct vdpa_config_view view = {
		.little_endian = features & F(F_VERSION_1) ||
				 virtio_legacy_is_little_endian(),
	};
	unsigned int i;
	int err;

	view.size = min(vdev->config->get_config_size(vdev), sizeof(view.space));
	vdev->config->get_config(vdev, 0, view.space, view.size);

	for (i = 0; i < n; i++) {
		if (fields[i].features && !(fields[i].features & features))
			continue;
		err = vdpa_fill_field(&view, &fields[i], msg);
		if (err)
			return err;
	}
	return 0;
}

static int vdpa_fill_blk_flags(struct sk_buff *msg, u64 features)
{
	if (nla_put_u8(msg, VDPA_ATTR_DEV_BLK_READ_ONLY,
		       !!(features & F(BLK_F_RO))) ||
	    nla_put_u8(msg, VDPA_ATTR_DEV_BLK_FLUSH,
		       !!(features & F(BLK_F_FLUSH))))
		return -EMSGSIZE;
	return 0;
}

static int vdpa_fill_class(struct vdpa_device *vdev, struct sk_buff *msg,
			   u32 device_id, u64 features)
{
	int err;

	switch (device_id) {
	case VIRTIO_ID_NET:
		return vdpa_fill_fields(vdev, msg, vdpa_net_fields,
					ARRAY_SIZE(vdpa_net_fields), features);
	case VIRTIO_ID_BLOCK:
		err = vdpa_fill_fields(vdev, msg, vdpa_blk_fields,
				       ARRAY_SIZE(vdpa_blk_fields), features);
		return err ?: vdpa_fill_blk_flags(msg, features);
	default:
		/* a class without attributes of its own */
		return 0;
	}
}

/*
 * Name, id, features and configuration of a device that vdpa_device_enter()
 * holds. 0 or -EMSGSIZE.
 */
int vdpa_fill_config(struct vdpa_device *vdev, struct sk_buff *msg)
{
	const struct vdpa_config_ops *ops = vdev->config;
	u32 device_id = ops->get_device_id(vdev);
	u64 features = ops->get_device_features(vdev);
	int err = -EMSGSIZE;

	/* for writing: get_config asks it, and nothing changes between fields */
	down_write(&vdev->cf_lock);

	if (nla_put_string(msg, VDPA_ATTR_DEV_NAME, dev_name(&vdev->dev)) ||
	    nla_put_u32(msg, VDPA_ATTR_DEV_ID, device_id))
		goto unlock;

	/* before FEATURES_OK the driver's choice is not final */
	if (ops->get_status(vdev) & VIRTIO_CONFIG_S_FEATURES_OK &&
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_NEGOTIATED_FEATURES,
			      ops->get_driver_features(vdev), VDPA_ATTR_PAD))
		goto unlock;

	if (nla_put_u64_64bit(msg, VDPA_ATTR_DEV_FEATURES, features,
			      VDPA_ATTR_PAD))
		goto unlock;

	err = vdpa_fill_class(vdev, msg, device_id, features);
unlock:
	up_write(&vdev->cf_lock);
	return err;
}
