// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "packet.h"

#define ETH		14
#define FIRST_SEQ	0xfffff000u	/* wraps within the packet */

static long wrong(const char *what)
{
	printf("# packet: %s\n", what);
	return -1;
}

/* --- checksums ------------------------------------------------------------- */

static uint32_t add_up(const void *mem, size_t len, uint32_t sum)
{
	const uint8_t *byte = mem;
	size_t i;

	for (i = 0; i < len; i++) {
		sum += i & 1 ? byte[i] : byte[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

/* The sum of the addresses, the protocol and the length */
static uint32_t pseudo_sum(bool ipv6, const void *ip, uint8_t proto, size_t len)
{
	const struct ip6_hdr *ip6 = ip;
	const struct iphdr *ip4 = ip;
	uint32_t sum = proto + (len & 0xffff) + (len >> 16);

	if (ipv6)
		return add_up(&ip6->ip6_src, 32, sum);
	return add_up(&ip4->saddr, 8, sum);
}

static bool checksum_right(bool ipv6, const void *ip, uint8_t proto,
			   const void *transport, size_t len)
{
	return add_up(transport, len, pseudo_sum(ipv6, ip, proto, len)) == 0xffff;
}

/* --- as sent --------------------------------------------------------------- */

static uint8_t protocol(const struct packet *p)
{
	return p->tcp ? IPPROTO_TCP : IPPROTO_UDP;
}

static void build_ip(const struct packet *p, uint8_t *at, size_t len)
{
	struct ip6_hdr *ip6 = (void *)at;
	struct iphdr *ip4 = (void *)at;

	if (p->ipv6) {
		ip6->ip6_flow = htonl(6 << 28);
		ip6->ip6_plen = htons(len);
		ip6->ip6_nxt = protocol(p);
		ip6->ip6_hlim = 64;
		ip6->ip6_src.s6_addr[0] = 0xfd;
		ip6->ip6_src.s6_addr[15] = 1;
		ip6->ip6_dst.s6_addr[0] = 0xfd;
		ip6->ip6_dst.s6_addr[15] = 2;
		return;
	}
	ip4->version = 4;
	ip4->ihl = 5;
	ip4->tot_len = htons(sizeof(*ip4) + len);
	ip4->id = htons(PACKET_ID);
	ip4->ttl = 64;
	ip4->protocol = protocol(p);
	ip4->saddr = htonl(0x0a090001);
	ip4->daddr = htonl(0x0a090002);
	ip4->check = htons(~add_up(ip4, sizeof(*ip4), 0));
}

void packet_build(struct packet *p, const uint8_t mac[6], void *frame)
{
	uint8_t *at = frame;
	struct tcphdr *tcp;
	struct udphdr *udp;
	size_t len;
	uint16_t sum;

	p->frame = frame;
	p->ip = ETH + (p->tagged ? 4 : 0);
	p->transport = p->ip + (p->ipv6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr));
	p->data = p->transport + (p->tcp ? sizeof(*tcp) : sizeof(*udp));
	p->len = p->data + p->payload;
	memset(frame, 0, p->data);
	memcpy(at, mac, 6);
	memcpy(at + 6, mac, 6);
	if (p->tagged)
		memcpy(at + 12, "\x81\x00\x00\x05", 4);
	memcpy(at + p->ip - 2, p->ipv6 ? "\x86\xdd" : "\x08\x00", 2);

	len = p->len - p->transport;
	build_ip(p, at + p->ip, len);
	sum = htons(pseudo_sum(p->ipv6, at + p->ip, protocol(p), len));
	tcp = (void *)(at + p->transport);
	udp = (void *)(at + p->transport);
	if (p->tcp) {
		tcp->source = htons(p->sport);
		tcp->dest = htons(p->dport);
		tcp->seq = htonl(FIRST_SEQ);
		tcp->doff = 5;
		((uint8_t *)tcp)[13] = p->flags;
		tcp->check = sum;
	} else {
		udp->source = htons(p->sport);
		udp->dest = htons(p->dport);
		udp->len = htons(len);
		udp->check = sum;
	}
	fill_pattern(at + p->data, p->payload, p->seed);
}

void packet_header(const struct packet *p, uint8_t type, uint16_t size,
		   struct virtio_net_hdr_v1 *hdr)
{
	memset(hdr, 0, sizeof(*hdr));
	hdr->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	hdr->csum_start = p->transport;
	hdr->csum_offset = p->tcp ? offsetof(struct tcphdr, check) :
				    offsetof(struct udphdr, check);
	if (size) {
		hdr->gso_type = type;
		hdr->gso_size = size;
		hdr->hdr_len = p->data;
	}
}

/* --- as received ----------------------------------------------------------- */

static long check_ip(const struct packet *p, const uint8_t *frame, size_t len)
{
	const struct ip6_hdr *ip6 = (void *)(frame + p->ip);
	const struct iphdr *ip4 = (void *)(frame + p->ip);

	if (len < p->transport || memcmp(frame, p->frame, p->ip))
		return wrong("Ethernet header");
	len -= p->ip;
	if (p->ipv6) {
		if (ntohs(ip6->ip6_plen) != len - sizeof(*ip6))
			return wrong("length of IPv6");
		return memcmp(&ip6->ip6_src, p->frame + p->ip + 8, 32) ? wrong("addresses") : 0;
	}
	if (ntohs(ip4->tot_len) != len || ip4->version != 4 || ip4->ihl != 5)
		return wrong("header of IPv4");
	if (add_up(ip4, sizeof(*ip4), 0) != 0xffff)
		return wrong("checksum of IPv4");
	return memcmp(&ip4->saddr, p->frame + p->ip + 12, 8) ? wrong("addresses") : 0;
}

static long check_tcp(const struct packet *p, const struct tcphdr *tcp, size_t done,
		      bool last)
{
	uint8_t want = p->flags;

	if (done)
		want &= ~TCP_CWR;
	if (!last)
		want &= ~(TCP_FIN | TCP_PSH);
	if (ntohl(tcp->seq) != (uint32_t)(FIRST_SEQ + done))
		return wrong("sequence number");
	if (((const uint8_t *)tcp)[13] != want)
		return wrong("flags of TCP");
	return ntohs(tcp->source) == p->sport && ntohs(tcp->dest) == p->dport ? 0 :
	       wrong("ports");
}

static long check_udp(const struct packet *p, const struct udphdr *udp, size_t len)
{
	if (ntohs(udp->len) != len || !udp->check)
		return wrong("header of UDP");
	return ntohs(udp->source) == p->sport && ntohs(udp->dest) == p->dport ? 0 :
	       wrong("ports");
}

long packet_segment(const struct packet *p, const void *frame, size_t len, size_t done)
{
	const uint8_t *at = frame;
	const void *transport = at + p->transport;
	size_t payload = len - p->data;

	if (len <= p->data || done + payload > p->payload)
		return wrong("length");
	if (check_ip(p, frame, len))
		return -1;
	if (p->tcp ? check_tcp(p, transport, done, done + payload == p->payload) :
		     check_udp(p, transport, len - p->transport))
		return -1;
	if (!checksum_right(p->ipv6, at + p->ip, protocol(p), transport, len - p->transport))
		return wrong("checksum");
	if (memcmp(at + p->data, p->frame + p->data + done, payload))
		return wrong("payload");
	return payload;
}

/* Offset in bytes, and whether there are more */
static size_t fragment_place(const struct packet *p, const uint8_t *frame, bool *more)
{
	const struct ip6_frag *frag = (void *)(frame + p->transport);
	const struct iphdr *ip4 = (void *)(frame + p->ip);

	if (p->ipv6) {
		*more = ntohs(frag->ip6f_offlg) & 1;
		return ntohs(frag->ip6f_offlg) & ~7;
	}
	*more = ntohs(ip4->frag_off) & IP_MF;
	return (ntohs(ip4->frag_off) & IP_OFFMASK) * 8;
}

/* The first fragment has the checksum of the whole */
static long check_whole_udp(const struct packet *p, const struct udphdr *udp)
{
	uint32_t sum = pseudo_sum(p->ipv6, p->frame + p->ip, IPPROTO_UDP,
				  p->len - p->transport);

	if (check_udp(p, udp, p->len - p->transport))
		return -1;
	sum = add_up(udp, sizeof(*udp), sum);
	return add_up(p->frame + p->data, p->payload, sum) == 0xffff ? 0 :
	       wrong("checksum of UDP");
}

long packet_fragment(const struct packet *p, const void *frame, size_t len, size_t done)
{
	size_t head = p->transport + (p->ipv6 ? sizeof(struct ip6_frag) : 0);
	size_t total = p->len - p->transport, skip = done ? 0 : sizeof(struct udphdr);
	const uint8_t *at = frame;
	size_t payload = len - head;
	bool more;

	if (len <= head + skip || done + payload > total)
		return wrong("length");
	if (check_ip(p, frame, len))
		return -1;
	if (fragment_place(p, frame, &more) != done || more != (done + payload < total))
		return wrong("place of the fragment");
	if (!done && check_whole_udp(p, (void *)(at + head)))
		return -1;
	if (memcmp(at + head + skip, p->frame + p->transport + done + skip, payload - skip))
		return wrong("payload");
	return payload;
}
