// SPDX-License-Identifier: GPL-2.0
/*
 * Generic netlink family "vdpa": what iproute2's vdpa command speaks.
 *
 * Commands that make a change hold vdpa_admin_lock. The others go without it,
 * and the family runs its commands in parallel, so that a bus driver that is
 * slow to let go of its device delays nobody who only looks.
 */

#include <linux/etherdevice.h>
#include <linux/module.h>
#include <net/genetlink.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>

#include "internal.h"

#define VDPA_NAME_MAX	127

/* Attributes of a device that make sense for network devices only */
#define VDPA_NET_ATTRS	(BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR) |	\
			 BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU) |		\
			 BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP))

static struct genl_family vdpa_nl_family;

static const struct nla_policy vdpa_nl_policy[VDPA_ATTR_MAX] = {
	[VDPA_ATTR_MGMTDEV_BUS_NAME] = { .type = NLA_NUL_STRING, .len = VDPA_NAME_MAX },
	[VDPA_ATTR_MGMTDEV_DEV_NAME] = { .type = NLA_NUL_STRING, .len = VDPA_NAME_MAX },
	[VDPA_ATTR_DEV_NAME] = { .type = NLA_NUL_STRING, .len = VDPA_NAME_MAX },
	[VDPA_ATTR_DEV_NET_CFG_MACADDR] = NLA_POLICY_ETH_ADDR,
	[VDPA_ATTR_DEV_NET_CFG_MAX_VQP] = { .type = NLA_U16 },
	/* what IPv4 needs at least (RFC 791) */
	[VDPA_ATTR_DEV_NET_CFG_MTU] = NLA_POLICY_MIN(NLA_U16, 68),
	[VDPA_ATTR_DEV_FEATURES] = { .type = NLA_U64 },
	[VDPA_ATTR_DEV_QUEUE_INDEX] = { .type = NLA_U32 },
};

/* Who asked, in the form that both replies and parts of a dump need */
struct vdpa_nl_reply {
	struct sk_buff *msg;
	u32 portid;
	u32 seq;
	int flags;
};

static const char *vdpa_nl_string(struct nlattr *attr)
{
	return attr ? nla_data(attr) : NULL;
}

static int vdpa_fill_mgmt_handle(struct sk_buff *msg,
				 const struct vdpa_mgmt_dev *mdev)
{
	if (mdev->device->bus &&
	    nla_put_string(msg, VDPA_ATTR_MGMTDEV_BUS_NAME,
			   mdev->device->bus->name))
		return -EMSGSIZE;
	return nla_put_string(msg, VDPA_ATTR_MGMTDEV_DEV_NAME,
			      dev_name(mdev->device));
}

static int vdpa_fill_mgmtdev_attrs(struct sk_buff *msg,
				   const struct vdpa_mgmt_dev *mdev)
{
	if (vdpa_fill_mgmt_handle(msg, mdev) ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_MGMTDEV_SUPPORTED_CLASSES,
			      vdpa_mgmtdev_classes(mdev), VDPA_ATTR_PAD) ||
	    nla_put_u32(msg, VDPA_ATTR_DEV_MGMTDEV_MAX_VQS,
			mdev->max_supported_vqs) ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_SUPPORTED_FEATURES,
			      mdev->supported_features, VDPA_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}

static int vdpa_fill_dev_attrs(struct sk_buff *msg, struct vdpa_device *vdev)
{
	const struct vdpa_config_ops *ops = vdev->config;
	u16 min = ops->get_vq_num_min ? ops->get_vq_num_min(vdev) : 1;

	if (vdpa_fill_mgmt_handle(msg, vdev->mdev) ||
	    nla_put_string(msg, VDPA_ATTR_DEV_NAME, dev_name(&vdev->dev)) ||
	    nla_put_u32(msg, VDPA_ATTR_DEV_ID, ops->get_device_id(vdev)) ||
	    nla_put_u32(msg, VDPA_ATTR_DEV_VENDOR_ID, ops->get_vendor_id(vdev)) ||
	    nla_put_u32(msg, VDPA_ATTR_DEV_MAX_VQS, vdev->nvqs) ||
	    nla_put_u16(msg, VDPA_ATTR_DEV_MAX_VQ_SIZE, ops->get_vq_num_max(vdev)) ||
	    nla_put_u16(msg, VDPA_ATTR_DEV_MIN_VQ_SIZE, min))
		return -EMSGSIZE;
	return 0;
}

/* One whole message: header, attributes by @fill, end; or nothing at all */
static int vdpa_fill_message(const struct vdpa_nl_reply *to, u8 cmd,
			     int (*fill)(struct sk_buff *msg, const void *what),
			     const void *what)
{
	void *hdr;
	int err;

	hdr = genlmsg_put(to->msg, to->portid, to->seq, &vdpa_nl_family,
			  to->flags, cmd);
	if (!hdr)
		return -EMSGSIZE;

	err = fill(to->msg, what);
	if (err) {
		genlmsg_cancel(to->msg, hdr);
		return err;
	}
	genlmsg_end(to->msg, hdr);
	return 0;
}

static int vdpa_fill_mgmtdev(struct sk_buff *msg, const void *mdev)
{
	return vdpa_fill_mgmtdev_attrs(msg, mdev);
}

static int vdpa_fill_dev(struct sk_buff *msg, const void *vdev)
{
	return vdpa_fill_dev_attrs(msg, (struct vdpa_device *)vdev);
}

static int vdpa_fill_dev_config(struct sk_buff *msg, const void *vdev)
{
	return vdpa_fill_config((struct vdpa_device *)vdev, msg);
}

/* Makes the reply to a "do" command by @fill and sends it */
static int vdpa_nl_send(struct genl_info *info, u8 cmd,
			int (*fill)(struct sk_buff *msg, const void *what),
			const void *what)
{
	struct vdpa_nl_reply to = {
		.portid = info->snd_portid,
		.seq = info->snd_seq,
	};
	int err;

	to.msg = nlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!to.msg)
		return -ENOMEM;

	err = vdpa_fill_message(&to, cmd, fill, what);
	if (err) {
		nlmsg_free(to.msg);
		return err;
	}
	return genlmsg_reply(to.msg, info);
}

/* --- finding what a message names ---------------------------------------- */

static struct vdpa_mgmt_dev *vdpa_nl_mgmtdev(struct genl_info *info)
{
	struct nlattr *name = info->attrs[VDPA_ATTR_MGMTDEV_DEV_NAME];
	struct vdpa_mgmt_dev *mdev;

	if (GENL_REQ_ATTR_CHECK(info, VDPA_ATTR_MGMTDEV_DEV_NAME))
		return ERR_PTR(-EINVAL);

	mdev = vdpa_mgmtdev_find(vdpa_nl_string(info->attrs[VDPA_ATTR_MGMTDEV_BUS_NAME]),
				 nla_data(name));
	if (!mdev) {
		NL_SET_ERR_MSG_ATTR(info->extack, name,
				    "no management device of this name");
		return ERR_PTR(-ENODEV);
	}
	return mdev;
}

/* A reference to the managed device that the message names */
static struct vdpa_device *vdpa_nl_device(struct genl_info *info)
{
	struct nlattr *name = info->attrs[VDPA_ATTR_DEV_NAME];
	struct vdpa_device *vdev;

	if (GENL_REQ_ATTR_CHECK(info, VDPA_ATTR_DEV_NAME))
		return ERR_PTR(-EINVAL);

	vdev = vdpa_find_device(nla_data(name));
	if (!vdev) {
		NL_SET_ERR_MSG_ATTR(info->extack, name, "no device of this name");
		return ERR_PTR(-ENODEV);
	}
	if (!vdev->mdev) {
		NL_SET_ERR_MSG_ATTR(info->extack, name,
				    "device has no management device");
		put_device(&vdev->dev);
		return ERR_PTR(-EINVAL);
	}
	return vdev;
}

/* The same, held against unregistration until vdpa_nl_device_put() */
static struct vdpa_device *vdpa_nl_device_get(struct genl_info *info)
{
	struct vdpa_device *vdev = vdpa_nl_device(info);

	if (!IS_ERR(vdev) && !vdpa_device_enter(vdev)) {
		NL_SET_ERR_MSG(info->extack, "device is being removed");
		put_device(&vdev->dev);
		return ERR_PTR(-ENODEV);
	}
	return vdev;
}

static void vdpa_nl_device_put(struct vdpa_device *vdev)
{
	vdpa_device_exit(vdev);
	put_device(&vdev->dev);
}

/* --- management devices -------------------------------------------------- */

static int vdpa_nl_mgmtdev_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vdpa_mgmt_dev *mdev;
	int err;

	down_read(&vdpa_mgmt_list_lock);
	mdev = vdpa_nl_mgmtdev(info);
	err = IS_ERR(mdev) ? PTR_ERR(mdev) :
	      vdpa_nl_send(info, VDPA_CMD_MGMTDEV_NEW, vdpa_fill_mgmtdev, mdev);
	up_read(&vdpa_mgmt_list_lock);
	return err;
}

static int vdpa_nl_mgmtdev_get_dumpit(struct sk_buff *msg,
				      struct netlink_callback *cb)
{
	struct vdpa_nl_reply to = {
		.msg = msg,
		.portid = NETLINK_CB(cb->skb).portid,
		.seq = cb->nlh->nlmsg_seq,
		.flags = NLM_F_MULTI,
	};
	struct vdpa_mgmt_dev *mdev;
	int err = 0;

	down_read(&vdpa_mgmt_list_lock);
	list_for_each_entry(mdev, &vdpa_mgmt_list, list) {
		if (mdev->serial <= cb->args[0])
			continue;
		err = vdpa_fill_message(&to, VDPA_CMD_MGMTDEV_NEW,
					vdpa_fill_mgmtdev, mdev);
		if (err)
			break;
		cb->args[0] = mdev->serial;
	}
	up_read(&vdpa_mgmt_list_lock);

	/* what didn't fit goes into the next message, if this one has anything */
	return msg->len ? msg->len : err;
}

/* --- devices: new, delete, set ------------------------------------------- */

static bool vdpa_name_ok(const char *name)
{
	/* it becomes the name of a directory in sysfs */
	return *name && strcmp(name, ".") && strcmp(name, "..") &&
	       !strchr(name, '/');
}

/* Copies what the message says of the device to be into @config */
static int vdpa_nl_parse_config(struct genl_info *info,
				struct vdpa_dev_set_config *config)
{
	struct nlattr **attrs = info->attrs;

	if (attrs[VDPA_ATTR_DEV_NET_CFG_MACADDR]) {
		nla_memcpy(config->net.mac, attrs[VDPA_ATTR_DEV_NET_CFG_MACADDR],
			   ETH_ALEN);
		config->mask |= BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR);
	}
	if (attrs[VDPA_ATTR_DEV_NET_CFG_MTU]) {
		config->net.mtu = nla_get_u16(attrs[VDPA_ATTR_DEV_NET_CFG_MTU]);
		config->mask |= BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU);
	}
	if (attrs[VDPA_ATTR_DEV_NET_CFG_MAX_VQP]) {
		config->net.max_vq_pairs =
			nla_get_u16(attrs[VDPA_ATTR_DEV_NET_CFG_MAX_VQP]);
		if (!config->net.max_vq_pairs) {
			NL_SET_ERR_MSG_ATTR(info->extack,
					    attrs[VDPA_ATTR_DEV_NET_CFG_MAX_VQP],
					    "at least one queue pair is needed");
			return -EINVAL;
		}
		config->mask |= BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP);
	}
	if (attrs[VDPA_ATTR_DEV_FEATURES]) {
		config->device_features = nla_get_u64(attrs[VDPA_ATTR_DEV_FEATURES]);
		config->mask |= BIT_ULL(VDPA_ATTR_DEV_FEATURES);
	}
	return 0;
}

/* Which features the attributes given are meaningless without */
static u64 vdpa_features_for(u64 mask)
{
	u64 features = 0;

	if (mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR))
		features |= BIT_ULL(VIRTIO_NET_F_MAC);
	if (mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU))
		features |= BIT_ULL(VIRTIO_NET_F_MTU);
	if (mask & BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP))
		features |= BIT_ULL(VIRTIO_NET_F_MQ);
	return features;
}

/*
 * The number of a feature of a class says what it means only within that class,
 * which is known when there is but one, or from other attributes.
 */
static bool vdpa_features_ambiguous(const struct vdpa_mgmt_dev *mdev,
				    const struct vdpa_dev_set_config *config)
{
	u64 transport = GENMASK_ULL(VIRTIO_TRANSPORT_F_END,
				    VIRTIO_TRANSPORT_F_START);

	return hweight64(vdpa_mgmtdev_classes(mdev)) > 1 &&
	       !(config->mask & VDPA_NET_ATTRS) &&
	       config->device_features & ~transport;
}

static int vdpa_check_features(const struct vdpa_mgmt_dev *mdev,
			       const struct vdpa_dev_set_config *config,
			       struct genl_info *info)
{
	struct nlattr *attr = info->attrs[VDPA_ATTR_DEV_FEATURES];
	u64 missing, unknown;

	if (!attr)
		return 0;

	if (vdpa_features_ambiguous(mdev, config)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "management device makes several classes of devices: features are ambiguous");
		return -EINVAL;
	}
	unknown = config->device_features & ~mdev->supported_features;
	if (unknown && mdev->supported_features) {
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, attr,
					"features 0x%llx are not supported by the management device",
					unknown);
		return -EINVAL;
	}
	missing = vdpa_features_for(config->mask) & ~config->device_features;
	if (missing) {
		NL_SET_ERR_MSG_ATTR_FMT(info->extack, attr,
					"features 0x%llx are missing for the attributes given",
					missing);
		return -EINVAL;
	}
	return 0;
}

/* As iproute2 calls it */
static const char *vdpa_attr_name(unsigned int attr)
{
	switch (attr) {
	case VDPA_ATTR_DEV_NET_CFG_MACADDR:
		return "mac";
	case VDPA_ATTR_DEV_NET_CFG_MTU:
		return "mtu";
	case VDPA_ATTR_DEV_NET_CFG_MAX_VQP:
		return "max_vqp";
	default:
		return "device_features";
	}
}

static int vdpa_check_config(const struct vdpa_mgmt_dev *mdev,
			     const struct vdpa_dev_set_config *config,
			     struct genl_info *info)
{
	u64 unsupported = config->mask & ~mdev->config_attr_mask;

	if (unsupported) {
		NL_SET_ERR_MSG_ATTR_FMT(info->extack,
					info->attrs[__ffs64(unsupported)],
					"attribute %s is not supported by the management device",
					vdpa_attr_name(__ffs64(unsupported)));
		return -EOPNOTSUPP;
	}
	if (config->mask & VDPA_NET_ATTRS &&
	    !(vdpa_mgmtdev_classes(mdev) & BIT_ULL(VIRTIO_ID_NET))) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[__ffs64(config->mask & VDPA_NET_ATTRS)],
				    "network attribute for a management device that makes no network devices");
		return -EINVAL;
	}
	return vdpa_check_features(mdev, config, info);
}

static int vdpa_nl_dev_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *name = info->attrs[VDPA_ATTR_DEV_NAME];
	struct vdpa_dev_set_config config = { .extack = info->extack };
	struct vdpa_mgmt_dev *mdev;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, VDPA_ATTR_DEV_NAME))
		return -EINVAL;
	if (!vdpa_name_ok(nla_data(name))) {
		NL_SET_ERR_MSG_ATTR(info->extack, name,
				    "name can't be that of a directory");
		return -EINVAL;
	}
	err = vdpa_nl_parse_config(info, &config);
	if (err)
		return err;

	mutex_lock(&vdpa_admin_lock);
	down_read(&vdpa_mgmt_list_lock);
	mdev = vdpa_nl_mgmtdev(info);
	up_read(&vdpa_mgmt_list_lock);
	if (IS_ERR(mdev)) {
		err = PTR_ERR(mdev);
		goto unlock;
	}
	err = vdpa_check_config(mdev, &config, info);
	if (err)
		goto unlock;

	err = mdev->ops->dev_add(mdev, nla_data(name), &config);
	if (err == -EEXIST)
		NL_SET_ERR_MSG_ATTR(info->extack, name, "name is taken");
	else if (err)
		NL_SET_ERR_MSG_WEAK(info->extack,
				    "management device failed to make the device");
unlock:
	mutex_unlock(&vdpa_admin_lock);
	return err;
}

static int vdpa_nl_dev_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vdpa_device *vdev;
	int err = 0;

	mutex_lock(&vdpa_admin_lock);
	vdev = vdpa_nl_device(info);
	if (IS_ERR(vdev)) {
		err = PTR_ERR(vdev);
		goto unlock;
	}
	vdpa_mgmtdev_del(vdev);
	put_device(&vdev->dev);
unlock:
	mutex_unlock(&vdpa_admin_lock);
	return err;
}

static int vdpa_set_attr(struct vdpa_device *vdev, struct genl_info *info)
{
	struct nlattr *mac = info->attrs[VDPA_ATTR_DEV_NET_CFG_MACADDR];
	const struct vdpa_config_ops *ops = vdev->config;
	struct vdpa_mgmt_dev *mdev = vdev->mdev;
	struct vdpa_dev_set_config config = { .extack = info->extack };
	int err;

	if (GENL_REQ_ATTR_CHECK(info, VDPA_ATTR_DEV_NET_CFG_MACADDR))
		return -EINVAL;
	if (ops->get_device_id(vdev) != VIRTIO_ID_NET ||
	    !(ops->get_device_features(vdev) & BIT_ULL(VIRTIO_NET_F_MAC))) {
		NL_SET_ERR_MSG_ATTR(info->extack, mac, "device has no MAC address");
		return -EINVAL;
	}
	if (!mdev->ops->dev_set_attr) {
		NL_SET_ERR_MSG_ATTR(info->extack, mac,
				    "management device can't change attributes");
		return -EOPNOTSUPP;
	}
	nla_memcpy(config.net.mac, mac, ETH_ALEN);
	if (!is_valid_ether_addr(config.net.mac)) {
		NL_SET_ERR_MSG_ATTR(info->extack, mac,
				    "not the address of one interface");
		return -EINVAL;
	}
	config.mask = BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR);

	down_write(&vdev->cf_lock);
	err = mdev->ops->dev_set_attr(mdev, vdev, &config);
	up_write(&vdev->cf_lock);
	return err;
}

static int vdpa_nl_dev_attr_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct vdpa_device *vdev;
	int err = 0;

	mutex_lock(&vdpa_admin_lock);
	vdev = vdpa_nl_device(info);
	if (IS_ERR(vdev)) {
		err = PTR_ERR(vdev);
		goto unlock;
	}
	err = vdpa_set_attr(vdev, info);
	put_device(&vdev->dev);
unlock:
	mutex_unlock(&vdpa_admin_lock);
	return err;
}

/* --- devices: looking ---------------------------------------------------- */

static int vdpa_nl_dev_reply(struct genl_info *info, u8 cmd,
			     int (*fill)(struct sk_buff *msg, const void *what))
{
	struct vdpa_device *vdev = vdpa_nl_device_get(info);
	int err;

	if (IS_ERR(vdev))
		return PTR_ERR(vdev);
	err = vdpa_nl_send(info, cmd, fill, vdev);
	vdpa_nl_device_put(vdev);
	return err;
}

static int vdpa_nl_dev_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return vdpa_nl_dev_reply(info, VDPA_CMD_DEV_NEW, vdpa_fill_dev);
}

static int vdpa_nl_dev_config_get_doit(struct sk_buff *skb,
				       struct genl_info *info)
{
	return vdpa_nl_dev_reply(info, VDPA_CMD_DEV_CONFIG_GET,
				 vdpa_fill_dev_config);
}

struct vdpa_dump {
	struct vdpa_nl_reply to;
	struct netlink_callback *cb;
	int (*fill)(struct sk_buff *msg, const void *what);
	u8 cmd;
};

static int vdpa_dump_one(struct device *dev, void *data)
{
	struct vdpa_device *vdev = dev_to_vdpa(dev);
	struct vdpa_dump *dump = data;
	int err;

	/* the bus keeps the order of registration, and so do serial numbers */
	if (!vdev->mdev || vdev->serial <= dump->cb->args[0])
		return 0;
	if (!vdpa_device_enter(vdev))
		return 0;
	err = vdpa_fill_message(&dump->to, dump->cmd, dump->fill, vdev);
	vdpa_device_exit(vdev);
	if (!err)
		dump->cb->args[0] = vdev->serial;
	return err;
}

static int vdpa_nl_dump(struct sk_buff *msg, struct netlink_callback *cb, u8 cmd,
			int (*fill)(struct sk_buff *msg, const void *what))
{
	struct vdpa_dump dump = {
		.to = {
			.msg = msg,
			.portid = NETLINK_CB(cb->skb).portid,
			.seq = cb->nlh->nlmsg_seq,
			.flags = NLM_F_MULTI,
		},
		.cb = cb,
		.fill = fill,
		.cmd = cmd,
	};
	int err;

	err = bus_for_each_dev(&vdpa_bus, NULL, &dump, vdpa_dump_one);
	return msg->len ? msg->len : err;
}

static int vdpa_nl_dev_get_dumpit(struct sk_buff *msg,
				  struct netlink_callback *cb)
{
	return vdpa_nl_dump(msg, cb, VDPA_CMD_DEV_NEW, vdpa_fill_dev);
}

static int vdpa_nl_dev_config_get_dumpit(struct sk_buff *msg,
					 struct netlink_callback *cb)
{
	return vdpa_nl_dump(msg, cb, VDPA_CMD_DEV_CONFIG_GET,
			    vdpa_fill_dev_config);
}

/* --- vendor statistics --------------------------------------------------- */

struct vdpa_vstats {
	struct vdpa_device *vdev;
	struct genl_info *info;
	u32 index;
};

/* Tools tell data queues from the control queue by the number of pairs */
static u16 vdpa_max_queue_pairs(struct vdpa_device *vdev, u64 features)
{
	__virtio16 pairs = 0;

	if (!(features & (BIT_ULL(VIRTIO_NET_F_MQ) | BIT_ULL(VIRTIO_NET_F_RSS))))
		return 1;
	vdev->config->get_config(vdev,
				 offsetof(struct virtio_net_config,
					  max_virtqueue_pairs),
				 &pairs, sizeof(pairs));
	return __virtio16_to_cpu(true, pairs);
}

static int vdpa_fill_vstats(struct sk_buff *msg, const void *what)
{
	const struct vdpa_vstats *stats = what;
	struct vdpa_device *vdev = stats->vdev;
	const struct vdpa_config_ops *ops = vdev->config;
	u32 device_id = ops->get_device_id(vdev);
	u64 features = ops->get_driver_features(vdev);

	if (nla_put_string(msg, VDPA_ATTR_DEV_NAME, dev_name(&vdev->dev)) ||
	    nla_put_u32(msg, VDPA_ATTR_DEV_ID, device_id))
		return -EMSGSIZE;
	if (device_id == VIRTIO_ID_NET &&
	    nla_put_u16(msg, VDPA_ATTR_DEV_NET_CFG_MAX_VQP,
			vdpa_max_queue_pairs(vdev, features)))
		return -EMSGSIZE;
	if (nla_put_u64_64bit(msg, VDPA_ATTR_DEV_NEGOTIATED_FEATURES, features,
			      VDPA_ATTR_PAD) ||
	    nla_put_u32(msg, VDPA_ATTR_DEV_QUEUE_INDEX, stats->index))
		return -EMSGSIZE;
	return ops->get_vendor_vq_stats(vdev, stats->index, msg,
					stats->info->extack);
}

static int vdpa_reply_vstats(struct vdpa_vstats *stats)
{
	struct vdpa_device *vdev = stats->vdev;
	struct genl_info *info = stats->info;
	struct nlattr *index = info->attrs[VDPA_ATTR_DEV_QUEUE_INDEX];
	int err;

	if (!vdev->config->get_vendor_vq_stats) {
		NL_SET_ERR_MSG(info->extack, "device keeps no vendor statistics");
		return -EOPNOTSUPP;
	}
	stats->index = nla_get_u32(index);
	if (stats->index >= vdev->nvqs) {
		NL_SET_ERR_MSG_ATTR(info->extack, index,
				    "device has no virtqueue of this index");
		return -ERANGE;
	}

	down_write(&vdev->cf_lock);
	if (vdev->config->get_status(vdev) & VIRTIO_CONFIG_S_FEATURES_OK) {
		err = vdpa_nl_send(info, VDPA_CMD_DEV_VSTATS_GET,
				   vdpa_fill_vstats, stats);
	} else {
		NL_SET_ERR_MSG(info->extack, "driver has not negotiated features");
		err = -EAGAIN;
	}
	up_write(&vdev->cf_lock);
	return err;
}

static int vdpa_nl_dev_vstats_get_doit(struct sk_buff *skb,
				       struct genl_info *info)
{
	struct vdpa_vstats stats = { .info = info };
	int err;

	if (GENL_REQ_ATTR_CHECK(info, VDPA_ATTR_DEV_QUEUE_INDEX))
		return -EINVAL;

	stats.vdev = vdpa_nl_device_get(info);
	if (IS_ERR(stats.vdev))
		return PTR_ERR(stats.vdev);
	err = vdpa_reply_vstats(&stats);
	vdpa_nl_device_put(stats.vdev);
	return err;
}

/* --- the family ---------------------------------------------------------- */

static const struct genl_small_ops vdpa_nl_ops[] = {
	{
		.cmd = VDPA_CMD_MGMTDEV_GET,
		.doit = vdpa_nl_mgmtdev_get_doit,
		.dumpit = vdpa_nl_mgmtdev_get_dumpit,
	}, {
		.cmd = VDPA_CMD_DEV_NEW,
		.doit = vdpa_nl_dev_new_doit,
		.flags = GENL_ADMIN_PERM,
	}, {
		.cmd = VDPA_CMD_DEV_DEL,
		.doit = vdpa_nl_dev_del_doit,
		.flags = GENL_ADMIN_PERM,
	}, {
		.cmd = VDPA_CMD_DEV_GET,
		.doit = vdpa_nl_dev_get_doit,
		.dumpit = vdpa_nl_dev_get_dumpit,
	}, {
		.cmd = VDPA_CMD_DEV_CONFIG_GET,
		.doit = vdpa_nl_dev_config_get_doit,
		.dumpit = vdpa_nl_dev_config_get_dumpit,
	}, {
		.cmd = VDPA_CMD_DEV_VSTATS_GET,
		.doit = vdpa_nl_dev_vstats_get_doit,
		.flags = GENL_ADMIN_PERM,
	}, {
		.cmd = VDPA_CMD_DEV_ATTR_SET,
		.doit = vdpa_nl_dev_attr_set_doit,
		.flags = GENL_ADMIN_PERM,
	},
};

static struct genl_family vdpa_nl_family __ro_after_init = {
	.name = VDPA_GENL_NAME,
	.version = VDPA_GENL_VERSION,
	.maxattr = VDPA_ATTR_MAX - 1,
	.policy = vdpa_nl_policy,
	.netnsok = false,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.small_ops = vdpa_nl_ops,
	.n_small_ops = ARRAY_SIZE(vdpa_nl_ops),
	.resv_start_op = VDPA_CMD_DEV_VSTATS_GET + 1,
};

int __init vdpa_netlink_init(void)
{
	return genl_register_family(&vdpa_nl_family);
}

void vdpa_netlink_exit(void)
{
	genl_unregister_family(&vdpa_nl_family);
}
