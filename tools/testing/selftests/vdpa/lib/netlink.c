// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
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

static void each_attr(const struct nlmsghdr *nlh, nl_attr_fn fn, void *arg)
{
	const char *at = (const char *)NLMSG_DATA(nlh) + GENL_HDRLEN;
	const char *end = (const char *)nlh + nlh->nlmsg_len;

	while (end - at >= NLA_HDRLEN) {
		const struct nlattr *attr = (const void *)at;

		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > end - at)
			return;
		fn(arg, attr->nla_type & NLA_TYPE_MASK, at + NLA_HDRLEN,
		   attr->nla_len - NLA_HDRLEN);
		at += NLA_ALIGN(attr->nla_len);
	}
}

/* True when the answer is complete, with its error */
static bool read_answers(char *buf, ssize_t len, nl_attr_fn fn, void *arg, int *err)
{
	struct nlmsghdr *nlh = (void *)buf;

	for (; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			*err = ((struct nlmsgerr *)NLMSG_DATA(nlh))->error;
			return true;
		}
		if (nlh->nlmsg_type == NLMSG_DONE)
			return true;
		if (fn)
			each_attr(nlh, fn, arg);
	}
	return false;
}

int nl_do(struct nl_request *req, nl_attr_fn fn, void *arg)
{
	_Alignas(4) char buf[16384];
	struct nlmsghdr *nlh = (void *)req->buf;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	bool complete = false;
	int err = 0;

	if (fd < 0)
		return -errno;
	nlh->nlmsg_len = req->len;
	if (!(nlh->nlmsg_flags & NLM_F_DUMP))
		nlh->nlmsg_flags |= NLM_F_ACK;
	if (send(fd, req->buf, req->len, 0) < 0)
		err = -errno;
	while (!err && !complete) {
		ssize_t len = recv(fd, buf, sizeof(buf), 0);

		if (len < 0)
			err = -errno;
		else
			complete = read_answers(buf, len, fn, arg, &err);
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
