// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/vdpa.h>

#include "netlink.h"

static void begin(struct nl_request *req, uint16_t family, uint8_t command,
		  uint8_t version, uint16_t flags)
{
	struct nlmsghdr *nlh = (void *)req->buf;
	struct genlmsghdr *genl = NLMSG_DATA(nlh);

	memset(req, 0, sizeof(*req));
	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl->cmd = command;
	genl->version = version;
	req->len = NLMSG_HDRLEN + GENL_HDRLEN;
}

void nl_put(struct nl_request *req, uint16_t type, const void *data, size_t len)
{
	struct nlattr *attr = (void *)(req->buf + req->len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	memcpy((char *)attr + NLA_HDRLEN, data, len);
	req->len += NLA_ALIGN(attr->nla_len);
}

void nl_put_string(struct nl_request *req, uint16_t type, const char *text)
{
	nl_put(req, type, text, strlen(text) + 1);
}

static void each_attr(const char *at, const char *end, nl_attr_fn fn, void *arg)
{
	while (end - at >= NLA_HDRLEN) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > end - at)
			return;
		fn(arg, attr->nla_type & NLA_TYPE_MASK, at + NLA_HDRLEN,
		   attr->nla_len - NLA_HDRLEN);
		at += NLA_ALIGN(attr->nla_len);
	}
}

static void read_reason(void *arg, uint16_t type, const void *data, size_t len)
{
	struct nl_request *req = arg;
	uint32_t value;

	if (type == NLMSGERR_ATTR_MSG) {
		snprintf(req->said, sizeof(req->said), "%.*s", (int)len,
			 (const char *)data);
		return;
	}
	if (len != sizeof(value))
		return;
	memcpy(&value, data, sizeof(value));
	if (type == NLMSGERR_ATTR_MISS_TYPE)
		req->blamed = value;
	if (type == NLMSGERR_ATTR_OFFS && value + NLA_HDRLEN <= req->len)
		req->blamed = ((struct nlattr *)(req->buf + value))->nla_type;
}

/* What follows an error: the request, or its header alone, and attributes */
static void read_reasons(struct nl_request *req, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *answer = NLMSG_DATA(nlh);
	size_t skip = sizeof(*answer);

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += answer->msg.nlmsg_len - sizeof(answer->msg);
	each_attr((const char *)answer + NLMSG_ALIGN(skip),
		  (const char *)nlh + nlh->nlmsg_len, read_reason, req);
}

/* True when the answer is complete, with its error */
static bool read_answers(struct nl_request *req, char *buf, ssize_t len,
			 nl_attr_fn fn, void *arg, int *err)
{
	struct nlmsghdr *nlh = (void *)buf;

	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			*err = ((struct nlmsgerr *)NLMSG_DATA(nlh))->error;
			read_reasons(req, nlh);
			return true;
		}
		if (nlh->nlmsg_type == NLMSG_DONE)
			return true;
		req->messages++;
		if (!fn)
			continue;
		fn(arg, 0, NULL, 0);
		each_attr((const char *)NLMSG_DATA(nlh) + GENL_HDRLEN,
			  (const char *)nlh + nlh->nlmsg_len, fn, arg);
	}
	return false;
}

int nl_do(struct nl_request *req, nl_attr_fn fn, void *arg)
{
	_Alignas(4) char buf[16384];
	struct nlmsghdr *nlh = (void *)req->buf;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	bool complete = false;
	int err = 0, on = 1;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	nlh->nlmsg_len = req->len;
	if (!(nlh->nlmsg_flags & NLM_F_DUMP))
		nlh->nlmsg_flags |= NLM_F_ACK;
	if (send(fd, req->buf, req->len, 0) < 0)
		err = -errno;
	while (!err && !complete) {
		ssize_t len = recv(fd, buf, sizeof(buf), 0);

		req->reads++;
		if (len < 0)
			err = -errno;
		else
			complete = read_answers(req, buf, len, fn, arg, &err);
	}
	close(fd);
	return err;
}

static void find_family(void *arg, uint16_t type, const void *data, size_t len)
{
	if (type == CTRL_ATTR_FAMILY_ID && len == sizeof(uint16_t))
		memcpy(arg, data, len);
}

int nl_begin(struct nl_request *req, uint8_t command, uint16_t flags)
{
	uint16_t family = 0;
	int err;

	begin(req, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 2, 0);
	nl_put_string(req, CTRL_ATTR_FAMILY_NAME, VDPA_GENL_NAME);
	err = nl_do(req, find_family, &family);
	if (err)
		return err;
	begin(req, family, command, VDPA_GENL_VERSION, flags);
	return 0;
}
