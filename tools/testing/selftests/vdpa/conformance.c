// SPDX-License-Identifier: GPL-2.0
/*
 * conformance DEVICE: does a parent keep what the interface promises? For any
 * vDPA device that vhost_vdpa has, by its name on the vdpa bus; nobody else may
 * use it meanwhile. Nothing is written to a disk, and a network device sends
 * frames to itself.
 *
 * Each case opens the device anew, so that one that fails does not harm the
 * next. What a device does not offer is a skip that says so.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest.h"
#include "lib/device.h"
#include "lib/subject.h"

enum outcome { PASS, FAIL, SKIP };

#define SETTLED	20000	/* us after which nothing more comes of what was done */
#define SILENCE	100	/* ms without what must not come */
#define ONE_WAY	1000	/* ms for a frame that may not come back at all */

#define REQUIRE(cond) do {						\
	if (!(cond)) {							\
		ksft_print_msg("line %d: not so: %s\n", __LINE__, #cond);	\
		goto fail;						\
	}								\
} while (0)

#define CASE_LIMIT 60	/* s */

static const char **reason;	/* why the last case was skipped; shared with its process */

static enum outcome skip(const char *why)
{
	*reason = why;
	return SKIP;
}

/* --- the device without data ------------------------------------------------ */

static int negotiate(int fd, uint64_t features)
{
	int err = vv_set_status(fd, VV_S_ACK);

	if (!err)
		err = vv_set_status(fd, VV_S_DRIVER);
	if (!err)
		err = vv_set_features(fd, features);
	if (!err)
		err = vv_set_status(fd, VV_S_FEATURES);
	return err;
}

static enum outcome identity(struct subject *s, int fd)
{
	uint32_t id, again, nvqs, groups, spaces;

	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_DEVICE_ID, &id) && id);
	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_DEVICE_ID, &again) && again == id);
	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_VQS_COUNT, &nvqs) && nvqs);
	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_GROUP_NUM, &groups) && groups);
	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_AS_NUM, &spaces) && spaces);
	return PASS;
fail:
	return FAIL;
}

static enum outcome one_client(struct subject *s, int fd)
{
	int other = open(s->path, O_RDWR | O_CLOEXEC);

	if (other >= 0)
		close(other);
	REQUIRE(other < 0);
	return PASS;
fail:
	return FAIL;
}

static enum outcome status_from_zero(struct subject *s, int fd)
{
	static const uint8_t way[] = { VV_S_ACK, VV_S_DRIVER };
	uint8_t status;
	unsigned int i;

	REQUIRE(!vv_get_status(fd, &status) && !status);
	for (i = 0; i < sizeof(way); i++) {
		REQUIRE(!vv_set_status(fd, way[i]));
		REQUIRE(!vv_get_status(fd, &status) && status == way[i]);
	}
	/* bits are taken back by reset alone */
	REQUIRE(vv_set_status(fd, VV_S_ACK));
	return PASS;
fail:
	return FAIL;
}

static enum outcome features_needed_are_offered(struct subject *s, int fd)
{
	uint64_t offered;

	REQUIRE(!vv_get_features(fd, &offered));
	REQUIRE(offered & VV_BIT(VIRTIO_F_VERSION_1));
	REQUIRE(offered & VV_BIT(VIRTIO_F_ACCESS_PLATFORM));
	return PASS;
fail:
	return FAIL;
}

static enum outcome features_are_accepted(struct subject *s, int fd)
{
	uint64_t offered;
	uint8_t status;

	REQUIRE(!vv_get_features(fd, &offered));
	REQUIRE(!negotiate(fd, offered & (VV_BIT(VIRTIO_F_VERSION_1) |
					  VV_BIT(VIRTIO_F_ACCESS_PLATFORM))));
	REQUIRE(!vv_get_status(fd, &status) && status == VV_S_FEATURES);
	REQUIRE(vv_set_features(fd, offered) == -EBUSY);
	return PASS;
fail:
	return FAIL;
}

/* Refused at once, or by a FEATURES_OK that does not stay */
static bool is_refused(int fd, uint64_t features)
{
	uint8_t status = 0;

	return negotiate(fd, features) || vv_get_status(fd, &status) ||
	       !(status & VIRTIO_CONFIG_S_FEATURES_OK);
}

static enum outcome features_not_offered_are_refused(struct subject *s, int fd)
{
	uint64_t offered;
	unsigned int bit;

	REQUIRE(!vv_get_features(fd, &offered));
	for (bit = 0; bit < 64; bit++) {
		if (offered & VV_BIT(bit))
			continue;
		if (!is_refused(fd, offered | VV_BIT(bit))) {
			ksft_print_msg("feature %u is not offered, but accepted\n", bit);
			return FAIL;
		}
		REQUIRE(!vv_set_status(fd, 0));
	}
	return PASS;
fail:
	return FAIL;
}

static enum outcome no_way_around_the_iommu(struct subject *s, int fd)
{
	uint64_t offered;

	REQUIRE(!vv_get_features(fd, &offered));
	REQUIRE(is_refused(fd, offered & ~VV_BIT(VIRTIO_F_ACCESS_PLATFORM)));
	return PASS;
fail:
	return FAIL;
}

static enum outcome reset_without_data(struct subject *s, int fd)
{
	uint64_t offered;
	unsigned int i;
	uint8_t status;

	REQUIRE(!vv_get_features(fd, &offered));
	for (i = 0; i < 10; i++) {
		REQUIRE(!negotiate(fd, offered));
		REQUIRE(!vv_set_status(fd, 0));
		REQUIRE(!vv_get_status(fd, &status) && !status);
	}
	return PASS;
fail:
	return FAIL;
}

static enum outcome reset_ends_queue_state(struct subject *s, int fd)
{
	unsigned int base, i;
	uint64_t offered;
	int err;

	REQUIRE(!vv_get_features(fd, &offered));
	offered &= ~VV_BIT(VIRTIO_F_RING_PACKED);
	for (i = 0; i < 10; i++) {
		REQUIRE(!negotiate(fd, offered));
		err = vv_set_vring(fd, VHOST_SET_VRING_BASE, 0, 5 + i);
		if (err == -EOPNOTSUPP)
			return skip("the device takes no queue state");
		REQUIRE(!err);
		REQUIRE(!vv_get_vring(fd, VHOST_GET_VRING_BASE, 0, &base));
		REQUIRE(base == 5 + i);
		REQUIRE(!vv_set_status(fd, 0));
		REQUIRE(!vv_get_vring(fd, VHOST_GET_VRING_BASE, 0, &base));
		REQUIRE(!base);
	}
	return PASS;
fail:
	return FAIL;
}

/* --- its configuration space ------------------------------------------------- */

#define CONFIG_MAX	4096	/* a function without one may have a page */

static enum outcome config_is_read_in_any_pieces(struct subject *s, int fd)
{
	unsigned char whole[CONFIG_MAX], piece[8];
	uint32_t size, len, at;

	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_CONFIG_SIZE, &size));
	if (!size)
		return skip("no configuration space");
	REQUIRE(size <= sizeof(whole));
	REQUIRE(!vv_get_config(fd, 0, whole, size));
	for (len = 1; len <= 8; len *= 2)
		for (at = 0; at + len <= size; at += len) {
			REQUIRE(!vv_get_config(fd, at, piece, len));
			REQUIRE(!memcmp(piece, whole + at, len));
		}
	return PASS;
fail:
	return FAIL;
}

/* Refused to read and to write; what is refused writes nothing */
static bool is_outside(int fd, uint32_t off, uint32_t len)
{
	unsigned char buf[CONFIG_MAX + 1];

	if (len > sizeof(buf) || !vv_get_config(fd, off, buf, len))
		return false;
	memset(buf, 0, sizeof(buf));
	return vv_set_config(fd, off, buf, len);
}

static enum outcome config_has_an_end(struct subject *s, int fd)
{
	uint32_t size;

	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_CONFIG_SIZE, &size));
	REQUIRE(is_outside(fd, size, 1));
	REQUIRE(is_outside(fd, size + 4096, 4));
	REQUIRE(!size || is_outside(fd, size - 1, 2));
	REQUIRE(is_outside(fd, 0, size + 1));
	/* the sum is less than either */
	REQUIRE(is_outside(fd, ~0U, 2));
	REQUIRE(is_outside(fd, 0x80000000, 4));
	REQUIRE(is_outside(fd, 0, 0));
	return PASS;
fail:
	return FAIL;
}

static enum outcome config_survives_reset(struct subject *s, int fd)
{
	unsigned char before[CONFIG_MAX], after[CONFIG_MAX];
	uint64_t offered;
	uint32_t size;

	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_CONFIG_SIZE, &size));
	if (!size)
		return skip("no configuration space");
	REQUIRE(size <= sizeof(before) && !vv_get_config(fd, 0, before, size));
	REQUIRE(!vv_get_features(fd, &offered) && !negotiate(fd, offered));
	REQUIRE(!vv_set_status(fd, 0));
	REQUIRE(!vv_get_config(fd, 0, after, size));
	REQUIRE(!memcmp(before, after, size));
	return PASS;
fail:
	return FAIL;
}

/* --- its virtqueues ----------------------------------------------------------- */

static enum outcome queue_sizes(struct subject *s, int fd)
{
	unsigned int size;
	uint32_t nvqs, i;
	uint16_t max;

	REQUIRE(!vv_get_vring_num(fd, &max) && max && !(max & (max - 1)));
	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_VQS_COUNT, &nvqs));
	for (i = 0; i < nvqs; i++) {
		if (vv_get_vring(fd, VHOST_VDPA_GET_VRING_SIZE, i, &size))
			size = max;
		REQUIRE(size && size <= 32768);
		REQUIRE(!vv_set_vring(fd, VHOST_SET_VRING_NUM, i, size));
		REQUIRE(vv_set_vring(fd, VHOST_SET_VRING_NUM, i, 0));
		REQUIRE(vv_set_vring(fd, VHOST_SET_VRING_NUM, i, 65536));
	}
	return PASS;
fail:
	return FAIL;
}

static enum outcome queues_have_an_end(struct subject *s, int fd)
{
	unsigned int value;
	uint32_t nvqs;

	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_VQS_COUNT, &nvqs));
	REQUIRE(vv_set_vring(fd, VHOST_SET_VRING_NUM, nvqs, 16));
	REQUIRE(vv_set_vring(fd, VHOST_VDPA_SET_VRING_ENABLE, nvqs, 1));
	REQUIRE(vv_get_vring(fd, VHOST_GET_VRING_BASE, nvqs, &value));
	REQUIRE(vv_get_vring(fd, VHOST_VDPA_GET_VRING_GROUP, ~0U, &value));
	return PASS;
fail:
	return FAIL;
}

static enum outcome state_round_trip(int fd, uint64_t without, const uint32_t *bases,
				     unsigned int n)
{
	unsigned int i, base;
	uint64_t offered;

	REQUIRE(!vv_get_features(fd, &offered));
	REQUIRE(!negotiate(fd, offered & ~without));
	for (i = 0; i < n; i++) {
		int err = vv_set_vring(fd, VHOST_SET_VRING_BASE, 0, bases[i]);

		if (err == -EOPNOTSUPP)
			return skip("the device takes no queue state");
		REQUIRE(!err);
		REQUIRE(!vv_get_vring(fd, VHOST_GET_VRING_BASE, 0, &base));
		REQUIRE(base == bases[i]);
	}
	return PASS;
fail:
	return FAIL;
}

static enum outcome split_state(struct subject *s, int fd)
{
	static const uint32_t bases[] = { 0, 1, 255, 256, 32767, 32768, 65535 };

	return state_round_trip(fd, VV_BIT(VIRTIO_F_RING_PACKED), bases,
				ARRAY_SIZE(bases));
}

static enum outcome packed_state(struct subject *s, int fd)
{
	/* used slot and wrap counter above those of available */
	static const uint32_t bases[] = { 0x80008000, 0, 0x80038005, 0x00078002 };
	uint64_t offered;

	if (vv_get_features(fd, &offered) || !(offered & VV_BIT(VIRTIO_F_RING_PACKED)))
		return skip("no packed rings");
	return state_round_trip(fd, 0, bases, ARRAY_SIZE(bases));
}

/* --- its address spaces -------------------------------------------------------- */

static enum outcome groups(struct subject *s, int fd)
{
	uint32_t nvqs, ngroups, nas, i;
	unsigned int group;

	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_VQS_COUNT, &nvqs));
	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_GROUP_NUM, &ngroups));
	REQUIRE(!vv_get_u32(fd, VHOST_VDPA_GET_AS_NUM, &nas));
	for (i = 0; i < nvqs; i++)
		if (!vv_get_vring(fd, VHOST_VDPA_GET_VRING_GROUP, i, &group))
			REQUIRE(group < ngroups);
	REQUIRE(vv_set_vring(fd, VHOST_VDPA_SET_GROUP_ASID, ngroups, 0));
	REQUIRE(vv_set_vring(fd, VHOST_VDPA_SET_GROUP_ASID, 0, nas));
	if (nas > 1) {
		REQUIRE(!vv_set_vring(fd, VHOST_VDPA_SET_GROUP_ASID, ngroups - 1, nas - 1));
		REQUIRE(!vv_set_vring(fd, VHOST_VDPA_SET_GROUP_ASID, ngroups - 1, 0));
	}
	return PASS;
fail:
	return FAIL;
}

static enum outcome maps(struct subject *s, int fd)
{
	const size_t page = 4096;
	uint64_t first, last, iova;
	char *mem = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	REQUIRE(mem != MAP_FAILED);
	REQUIRE(!vv_get_iova_range(fd, &first, &last) && first < last);
	iova = (first + page - 1) & ~(page - 1);
	if (!iova)
		iova = page;
	REQUIRE(!vv_map(fd, 0, iova, mem, 4 * page, VHOST_ACCESS_RW));
	REQUIRE(vv_map(fd, 0, iova + page, mem, page, VHOST_ACCESS_RW));
	REQUIRE(!vv_unmap(fd, 0, iova + page, page));
	REQUIRE(!vv_map(fd, 0, iova + page, mem, page, VHOST_ACCESS_RO));
	REQUIRE(!vv_unmap(fd, 0, iova, 4 * page));
	REQUIRE(!vv_map(fd, 0, iova, mem, 4 * page, VHOST_ACCESS_WO));
	REQUIRE(!vv_unmap(fd, 0, iova, 4 * page));
	munmap(mem, 4 * page);
	return PASS;
fail:
	if (mem != MAP_FAILED)
		munmap(mem, 4 * page);
	return FAIL;
}

static enum outcome maps_out_of_range(struct subject *s, int fd)
{
	static char page[4096] __attribute__((aligned(4096)));
	uint64_t first, last;

	REQUIRE(!vv_get_iova_range(fd, &first, &last));
	REQUIRE(vv_map(fd, 0, -4096ULL, page, 8192, VHOST_ACCESS_RW));
	if (last < -4096ULL)
		REQUIRE(vv_map(fd, 0, (last + 1) & -4096ULL, page, 4096, VHOST_ACCESS_RW));
	if (first >= 4096)
		REQUIRE(vv_map(fd, 0, (first - 1) & -4096ULL, page, 4096, VHOST_ACCESS_RW));
	return PASS;
fail:
	return FAIL;
}

/* --- data ------------------------------------------------------------------------ */

static enum outcome rounds(struct subject *s, uint64_t ring, bool called)
{
	unsigned int i, slot;

	REQUIRE(!subject_start(s, ring));
	if ((subject_client(s)->features & ring) != ring)
		return skip("not offered");
	/* indexes pass the end of the ring, and wrap counters turn */
	for (i = 0; i < 10 * SUBJECT_NUM; i++) {
		if (subject_give(s, i % SUBJECT_NUM) ||
		    (called ? subject_take_called(s, &slot) : subject_take(s, &slot)) ||
		    slot != i % SUBJECT_NUM) {
			ksft_print_msg("buffer %u did not come back right\n", i);
			return FAIL;
		}
	}
	return PASS;
fail:
	return FAIL;
}

static enum outcome data_split(struct subject *s, int fd)
{
	return rounds(s, 0, false);
}

static enum outcome data_split_called(struct subject *s, int fd)
{
	return rounds(s, 0, true);
}

static enum outcome data_event_idx(struct subject *s, int fd)
{
	return rounds(s, VV_BIT(VIRTIO_RING_F_EVENT_IDX), true);
}

static enum outcome data_packed(struct subject *s, int fd)
{
	return rounds(s, VV_BIT(VIRTIO_F_RING_PACKED), false);
}

static enum outcome data_packed_called(struct subject *s, int fd)
{
	return rounds(s, VV_BIT(VIRTIO_F_RING_PACKED), true);
}

static enum outcome data_packed_event_idx(struct subject *s, int fd)
{
	return rounds(s, VV_BIT(VIRTIO_F_RING_PACKED) | VV_BIT(VIRTIO_RING_F_EVENT_IDX),
		      true);
}

static struct vq *subject_vq(struct subject *s)
{
	return &subject_client(s)->queue[subject_queue(s)].vq;
}

/* Those that come late are counted as well */
static uint64_t calls_so_far(struct subject *s)
{
	usleep(SETTLED);
	return client_calls(subject_client(s), subject_queue(s));
}

/*
 * Each is asked for, and at most one comes of a buffer. The driver has to live with
 * more (2.7.7.1), but they are not of this queue's buffers then.
 */
static enum outcome calls_are_bounded(struct subject *s, int fd)
{
	unsigned int i, slot;
	uint64_t calls;

	REQUIRE(!subject_start(s, 0));
	vq_call_after(subject_vq(s), 1);
	for (i = 0; i < SUBJECT_NUM; i++)
		REQUIRE(!subject_give(s, i));
	for (i = 0; i < SUBJECT_NUM; i++)
		REQUIRE(!subject_take_called(s, &slot));
	for (i = 0; i < SUBJECT_NUM; i++) {
		REQUIRE(!subject_give(s, i));
		REQUIRE(!subject_take_called(s, &slot));
	}
	calls = calls_so_far(s);
	REQUIRE(calls);
	REQUIRE(calls <= 2 * SUBJECT_NUM);
	return PASS;
fail:
	return FAIL;
}

/*
 * The driver wants none. The device should heed that and need not (2.7.7.2, 2.8.10):
 * calls are told of, and more than one of a buffer are wrong.
 */
static enum outcome suppressed(struct subject *s, uint64_t ring)
{
	unsigned int i, slot, n = 4 * SUBJECT_NUM;
	uint64_t calls;

	REQUIRE(!subject_start(s, ring));
	if ((subject_client(s)->features & ring) != ring)
		return skip("not offered");
	vq_call_after(subject_vq(s), 0);
	for (i = 0; i < n; i++) {
		REQUIRE(!subject_give(s, i % SUBJECT_NUM));
		REQUIRE(!subject_take(s, &slot));
	}
	calls = calls_so_far(s);
	if (calls)
		ksft_print_msg("%llu calls of %u buffers that were not asked for\n",
			       (unsigned long long)calls, n);
	REQUIRE(calls <= n);

	/* and heard again when it changes its mind */
	REQUIRE(!subject_give(s, 0));
	REQUIRE(!subject_take_called(s, &slot));
	return PASS;
fail:
	return FAIL;
}

static enum outcome suppressed_split(struct subject *s, int fd)
{
	return suppressed(s, 0);
}

static enum outcome suppressed_event_idx(struct subject *s, int fd)
{
	return suppressed(s, VV_BIT(VIRTIO_RING_F_EVENT_IDX));
}

static enum outcome suppressed_packed(struct subject *s, int fd)
{
	return suppressed(s, VV_BIT(VIRTIO_F_RING_PACKED));
}

static bool is_called_within(struct subject *s, uint64_t before, unsigned int ms)
{
	uint64_t end = now_ns() + ms * 1000000ULL;

	while (client_calls(subject_client(s), subject_queue(s)) == before) {
		if (now_ns() > end)
			return false;
		usleep(1000);
	}
	return true;
}

/* Of packed rings, the event index counts descriptors */
static void call_after_buffers(struct subject *s, unsigned int n)
{
	struct vq *vq = subject_vq(s);

	vq_call_after(vq, vq->packed ? (n - 1) * subject_descs(s) + 1 : n);
}

/* The buffer that the event index names is called for, whether or not others are */
static enum outcome called_at(struct subject *s, uint64_t ring)
{
	unsigned int i, lap, slot, n = SUBJECT_NUM / 2 + 1;
	uint64_t calls, before;

	ring |= VV_BIT(VIRTIO_RING_F_EVENT_IDX);
	REQUIRE(!subject_start(s, ring));
	if ((subject_client(s)->features & ring) != ring)
		return skip("not offered");
	for (lap = 0; lap < 4; lap++) {
		before = calls_so_far(s);
		call_after_buffers(s, n);
		for (i = 1; i < n; i++) {
			REQUIRE(!subject_give(s, i));
			REQUIRE(!subject_take(s, &slot));
		}
		calls = calls_so_far(s);
		if (calls != before)
			ksft_print_msg("%llu calls of %u buffers that were not asked for\n",
				       (unsigned long long)(calls - before), n - 1);
		REQUIRE(calls - before < n);
		REQUIRE(!subject_give(s, 0));
		REQUIRE(!subject_take(s, &slot));
		REQUIRE(is_called_within(s, calls, SUBJECT_PATIENCE));
	}
	return PASS;
fail:
	return FAIL;
}

static enum outcome called_at_split(struct subject *s, int fd)
{
	return called_at(s, 0);
}

static enum outcome called_at_packed(struct subject *s, int fd)
{
	return called_at(s, VV_BIT(VIRTIO_F_RING_PACKED));
}

/* Reset in the middle of things, and up again */
static int start_over(struct client *c, bool rewind)
{
	int err = vv_set_status(c->fd, 0);

	vv_unmap(c->fd, 0, CLIENT_IOVA, c->size);
	return err ? err : client_restart(c, rewind);
}

/* A kick that comes before DRIVER_OK, and before the queue is enabled */
static enum outcome early_kick(struct subject *s, int fd)
{
	struct client *c;
	unsigned int slot;

	REQUIRE(!subject_start(s, 0));
	c = subject_client(s);
	/* its queues can't be told where they stopped by every device */
	REQUIRE(!vv_set_status(c->fd, 0));
	vq_rewind(&c->queue[subject_queue(s)].vq, 0);
	REQUIRE(!subject_give(s, 3));
	REQUIRE(!client_kick(c, subject_queue(s)));
	REQUIRE(!start_over(c, false));
	REQUIRE(!subject_take(s, &slot) && slot == 3);
	return PASS;
fail:
	return FAIL;
}

static enum outcome reset_with_data(struct subject *s, int fd)
{
	unsigned int i;

	REQUIRE(!subject_start(s, 0));
	for (i = 0; i < 10; i++) {
		REQUIRE(!subject_once(s));
		REQUIRE(!subject_give(s, 1));	/* in flight */
		REQUIRE(!start_over(subject_client(s), true));
	}
	REQUIRE(!subject_once(s));
	return PASS;
fail:
	return FAIL;
}

/* What the queue was told and what it has done is over; its driver enables it anew */
static enum outcome reset_ends_readiness(struct subject *s, int fd)
{
	struct client *c;
	unsigned int queue, slot;

	REQUIRE(!subject_start(s, 0));
	c = subject_client(s);
	queue = subject_queue(s);
	REQUIRE(!subject_once(s));
	REQUIRE(!vv_set_status(c->fd, 0));
	vv_unmap(c->fd, 0, CLIENT_IOVA, c->size);
	REQUIRE(!client_program(c, true));
	REQUIRE(!vv_set_status(c->fd, VV_S_RUNNING));
	REQUIRE(!subject_give(s, 3));
	REQUIRE(!client_kick(c, queue));
	usleep(SILENCE * 1000);
	REQUIRE(!vq_pending(subject_vq(s)));
	/* all of them, as one that sends may rest until there is one to receive */
	REQUIRE(!client_start(c));
	REQUIRE(!client_kick(c, queue));
	REQUIRE(!subject_take(s, &slot) && slot == 3);
	return PASS;
fail:
	return FAIL;
}

static enum outcome reset_ends_state_of_data(struct subject *s, int fd)
{
	unsigned int i, base;
	int err;

	REQUIRE(!subject_start(s, 0));
	for (i = 0; i < 7; i++)
		REQUIRE(!subject_once(s));
	REQUIRE(!vv_set_status(subject_client(s)->fd, 0));
	err = vv_get_vring(subject_client(s)->fd, VHOST_GET_VRING_BASE,
			   subject_queue(s), &base);
	if (err == -EOPNOTSUPP)
		return skip("the device tells no queue state");
	REQUIRE(!err);
	REQUIRE(!base);
	return PASS;
fail:
	return FAIL;
}

/* A client that just leaves must not harm the next */
static enum outcome clients_come_and_go(struct subject *s, int fd)
{
	unsigned int i;

	for (i = 0; i < 5; i++) {
		if (subject_start(s, 0))
			return FAIL;
		REQUIRE(!subject_once(s));
		REQUIRE(!subject_give(s, 1));
		subject_stop(s);
	}
	return PASS;
fail:
	return FAIL;
}

/* Stopped as for migration; a new session goes on at the descriptor it stopped */
static enum outcome moved_to_another_session(struct subject *s, int fd)
{
	struct client *c;
	unsigned int base, i;

	REQUIRE(!subject_start(s, 0));
	c = subject_client(s);
	for (i = 0; i < 7; i++)
		REQUIRE(!subject_once(s));
	REQUIRE(!vv_set_vring(c->fd, VHOST_VDPA_SET_VRING_ENABLE, subject_queue(s), 0));
	if (vv_get_vring(c->fd, VHOST_GET_VRING_BASE, subject_queue(s), &base))
		return skip("the device tells no queue state");
	REQUIRE(base == 7);
	REQUIRE(!client_stop(c));
	REQUIRE(!client_restart(c, false));
	REQUIRE(!subject_once(s));
	return PASS;
fail:
	return FAIL;
}

static bool comes_back_within(struct subject *s, unsigned int ms)
{
	uint32_t token, len;

	return !client_poll(subject_client(s), subject_queue(s), &token, &len, ms);
}

static enum outcome suspend_and_resume(struct subject *s, int fd)
{
	uint64_t backend = 0;
	unsigned int base;

	REQUIRE(!subject_start(s, 0));
	REQUIRE(!vv_get_backend_features(subject_client(s)->fd, &backend));
	if (!(backend & VV_BIT(VHOST_BACKEND_F_SUSPEND)))
		return skip("the device can't be suspended");
	REQUIRE(!subject_once(s));
	REQUIRE(!vv_suspend(subject_client(s)->fd));
	REQUIRE(!vv_get_vring(subject_client(s)->fd, VHOST_GET_VRING_BASE,
			      subject_queue(s), &base));
	REQUIRE(base == 1);
	REQUIRE(!subject_give(s, 2));
	REQUIRE(!client_kick(subject_client(s), subject_queue(s)));
	REQUIRE(!comes_back_within(s, 100));
	if (backend & VV_BIT(VHOST_BACKEND_F_RESUME)) {
		REQUIRE(!vv_resume(subject_client(s)->fd));
		REQUIRE(comes_back_within(s, SUBJECT_PATIENCE));
		REQUIRE(!subject_once(s));
	}
	return PASS;
fail:
	return FAIL;
}

static enum outcome disabled_queue_rests(struct subject *s, int fd)
{
	struct client *c;

	REQUIRE(!subject_start(s, 0));
	c = subject_client(s);
	REQUIRE(!subject_once(s));
	if (vv_set_vring(c->fd, VHOST_VDPA_SET_VRING_ENABLE, subject_queue(s), 0))
		return skip("the device can't disable a queue");
	REQUIRE(!subject_give(s, 2));
	REQUIRE(!client_kick(c, subject_queue(s)));
	REQUIRE(!comes_back_within(s, 100));
	return PASS;
fail:
	return FAIL;
}

/*
 * It goes on where it was. A device may know of no such thing: a queue of virtio over
 * PCI is disabled by reset alone, and what such a parent does is to hear no kicks.
 */
static enum outcome enabled_again(struct subject *s, int fd)
{
	unsigned int i, queue, slot;
	struct client *c;

	REQUIRE(!subject_start(s, 0));
	c = subject_client(s);
	queue = subject_queue(s);
	/* one that begins anew finds more than the ring holds */
	for (i = 0; i < subject_vq(s)->num + 3U; i++)
		REQUIRE(!subject_once(s));
	if (vv_set_vring(c->fd, VHOST_VDPA_SET_VRING_ENABLE, queue, 0))
		return skip("the device can't disable a queue");
	REQUIRE(!subject_give(s, 2));
	if (vv_set_vring(c->fd, VHOST_VDPA_SET_VRING_ENABLE, queue, 1))
		return skip("the device can't enable a queue again");
	REQUIRE(!client_kick(c, queue));
	REQUIRE(!subject_take(s, &slot) && slot == 2);
	for (i = 0; i < SUBJECT_NUM; i++)
		REQUIRE(!subject_once(s));
	return PASS;
fail:
	return FAIL;
}

/* What is there before is not what the device writes */
#define UNTOUCHED	0x5a

static void paint(struct subject *s)
{
	size_t size;
	char *target = subject_target(s, &size);

	memset(target, UNTOUCHED, size);
}

static bool is_untouched(struct subject *s)
{
	size_t size, i;
	char *target = subject_target(s, &size);

	for (i = 0; i < size; i++)
		if (target[i] != UNTOUCHED)
			return false;
	return true;
}

/* All of what the device writes to, so that it may remember where that is */
static bool is_written(struct subject *s)
{
	unsigned int i;

	paint(s);
	for (i = 0; i < SUBJECT_NUM; i++)
		if (subject_give(s, i) || !subject_has_written(s, ONE_WAY))
			return false;
	return !is_untouched(s);
}

/*
 * Nobody tells a device that what it wrote never came through the IOMMU. One that
 * translates by itself knows, and must not say that all is well.
 */
static bool may_claim(struct subject *s)
{
	if (!subject_is_behind_iommu(s))
		return false;
	ksft_print_msg("writes that the IOMMU refused are said to be done\n");
	return true;
}

/* Takes the memory away that the device writes to, when it has seen it already */
static enum outcome isolated(struct subject *s, int (*withdraw)(struct subject *s))
{
	bool claimed;

	REQUIRE(!subject_start(s, 0));
	if (!is_written(s))
		return skip("frames to the device itself do not come back");
	paint(s);
	REQUIRE(!withdraw(s));
	REQUIRE(!subject_give(s, 0));
	claimed = subject_has_written(s, SILENCE);
	REQUIRE(is_untouched(s));
	REQUIRE(!claimed || may_claim(s));

	/* whatever the device made of it, it works after a reset */
	REQUIRE(!start_over(subject_client(s), true));
	REQUIRE(!subject_once(s));
	return PASS;
fail:
	return FAIL;
}

static int unmap_target(struct subject *s)
{
	struct client *c = subject_client(s);
	size_t size;
	char *target = subject_target(s, &size);

	return vv_unmap(c->fd, 0, client_iova(c, target), size);
}

static enum outcome memory_not_mapped_is_not_touched(struct subject *s, int fd)
{
	return isolated(s, unmap_target);
}

static int map_target(struct subject *s, uint32_t asid, uint8_t perm)
{
	struct client *c = subject_client(s);
	size_t size;
	char *target = subject_target(s, &size);

	return vv_map(c->fd, asid, client_iova(c, target), target, size, perm);
}

static int make_target_read_only(struct subject *s)
{
	int err = unmap_target(s);

	return err ? err : map_target(s, 0, VHOST_ACCESS_RO);
}

static enum outcome memory_to_read_is_not_written(struct subject *s, int fd)
{
	return isolated(s, make_target_read_only);
}

/* The messages name the space only where that was agreed upon */
static int move_target_to_other_space(struct subject *s)
{
	struct client *c = subject_client(s);
	int err = vv_set_backend_features(c->fd, VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) |
						 VV_BIT(VHOST_BACKEND_F_IOTLB_ASID));

	if (!err)
		err = unmap_target(s);
	return err ? err : map_target(s, 1, VHOST_ACCESS_RW);
}

static enum outcome other_spaces_do_not_count(struct subject *s, int fd)
{
	uint32_t spaces;

	REQUIRE(!subject_start(s, 0));
	REQUIRE(!vv_get_u32(subject_client(s)->fd, VHOST_VDPA_GET_AS_NUM, &spaces));
	subject_stop(s);
	if (spaces < 2)
		return skip("one address space");
	return isolated(s, move_target_to_other_space);
fail:
	return FAIL;
}

/* Other memory in the same place: what the device has seen before is of no use */
static enum outcome memory_mapped_anew_is_seen(struct subject *s, int fd)
{
	struct client *c;
	char *target, *other = MAP_FAILED;
	size_t size;
	bool came;

	REQUIRE(!subject_start(s, 0));
	if (!is_written(s))
		return skip("frames to the device itself do not come back");
	c = subject_client(s);
	target = subject_target(s, &size);
	other = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(other != MAP_FAILED);
	paint(s);
	memset(other, UNTOUCHED, size);
	REQUIRE(!unmap_target(s));
	REQUIRE(!vv_map(c->fd, 0, client_iova(c, target), other, size, VHOST_ACCESS_RW));
	REQUIRE(!subject_give(s, 0));
	came = subject_has_written(s, SUBJECT_PATIENCE);
	REQUIRE(is_untouched(s));
	REQUIRE(came && memcmp(other, target, size));
	munmap(other, size);
	return PASS;
fail:
	if (other != MAP_FAILED)
		munmap(other, size);
	return FAIL;
}

/*
 * Neither what was in flight nor what comes is touched, with the memory mapped, and
 * whoever was called is called no more.
 */
static enum outcome reset_is_the_end(struct subject *s)
{
	uint64_t backend = 0, calls;
	struct client *c;
	unsigned int i;
	uint16_t used;

	REQUIRE(!subject_start(s, 0));
	c = subject_client(s);
	REQUIRE(!vv_get_backend_features(c->fd, &backend));
	backend &= VV_BIT(VHOST_BACKEND_F_IOTLB_MSG_V2) | VV_BIT(VHOST_BACKEND_F_IOTLB_PERSIST);
	REQUIRE(!vv_set_backend_features(c->fd, backend));
	vq_call_after(subject_vq(s), 1);
	for (i = 0; i < SUBJECT_NUM / 2; i++)
		REQUIRE(!subject_give(s, i));

	REQUIRE(!vv_set_status(c->fd, 0));
	paint(s);
	used = subject_vq(s)->used->idx;
	calls = client_calls(c, subject_queue(s));
	if (!(backend & VV_BIT(VHOST_BACKEND_F_IOTLB_PERSIST)))
		REQUIRE(!vv_map(c->fd, 0, CLIENT_IOVA, c->mem, c->size, VHOST_ACCESS_RW));
	REQUIRE(!subject_give(s, SUBJECT_NUM / 2));
	REQUIRE(!client_kick(c, subject_queue(s)));
	usleep(SILENCE * 1000);
	REQUIRE(is_untouched(s));
	REQUIRE(used == subject_vq(s)->used->idx);
	REQUIRE(calls == client_calls(c, subject_queue(s)));

	REQUIRE(!start_over(c, true));
	REQUIRE(!subject_once(s));
	return PASS;
fail:
	return FAIL;
}

static enum outcome nothing_after_reset(struct subject *s, int fd)
{
	enum outcome outcome = PASS;
	unsigned int i;

	/* in flight is what was not yet done, which is a matter of luck */
	for (i = 0; i < 5 && outcome == PASS; i++) {
		outcome = reset_is_the_end(s);
		subject_stop(s);
	}
	return outcome;
}

/* An index that no driver writes: the device is lost until reset, no more */
static enum outcome broken_ring(struct subject *s, int fd)
{
	struct client *c;
	struct vq *vq;

	REQUIRE(!subject_start(s, 0));
	c = subject_client(s);
	vq = &c->queue[subject_queue(s)].vq;
	REQUIRE(!subject_once(s));
	vq->avail->idx += vq->num + 1;
	__sync_synchronize();
	REQUIRE(!client_kick(c, subject_queue(s)));
	/* it may use what it does not have */
	usleep(SILENCE * 1000);
	REQUIRE(!start_over(c, true));
	REQUIRE(!subject_once(s));
	return PASS;
fail:
	return FAIL;
}

static bool asks_for_reset(int fd)
{
	uint64_t end = now_ns() + SUBJECT_PATIENCE * 1000000ULL / 5;
	uint8_t status;

	while (now_ns() < end) {
		if (!vv_get_status(fd, &status) && status & VIRTIO_CONFIG_S_NEEDS_RESET)
			return true;
		usleep(1000);
	}
	return false;
}

static uint64_t config_calls(int config)
{
	uint64_t count;

	usleep(SETTLED);
	return read(config, &count, sizeof(count)) < 0 ? 0 : count;
}

/* The one change of configuration that every driver can bring about (2.1.2) */
static enum outcome need_of_reset_is_told(struct subject *s, int fd)
{
	int config = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct client *c;

	REQUIRE(config >= 0);
	REQUIRE(!subject_start(s, 0));
	c = subject_client(s);
	REQUIRE(!vv_set_config_call(c->fd, config));
	REQUIRE(!subject_once(s));
	REQUIRE(!config_calls(config));
	subject_vq(s)->avail->idx += subject_vq(s)->num + 1;
	__sync_synchronize();
	REQUIRE(!client_kick(c, subject_queue(s)));
	if (!asks_for_reset(c->fd))
		return skip("the device does not say that it needs a reset");
	REQUIRE(config_calls(config));

	REQUIRE(!start_over(c, true));
	REQUIRE(!subject_once(s));
	REQUIRE(!config_calls(config));
	close(config);
	return PASS;
fail:
	close(config);
	return FAIL;
}

/* --- all of them -------------------------------------------------------------------- */

/**
 * struct conformance - a case
 * @name: what holds
 * @control: run with the device open and owned
 * @data: run with a device that has a driver here; starts it itself, and it is
 *	stopped afterwards
 */
static const struct conformance {
	const char *name;
	enum outcome (*control)(struct subject *s, int fd);
	enum outcome (*data)(struct subject *s, int fd);
} cases[] = {
	{ "identity", identity },
	{ "one client at a time", one_client },
	{ "status from zero, bit by bit", status_from_zero },
	{ "VERSION_1 and ACCESS_PLATFORM are offered", features_needed_are_offered },
	{ "FEATURES_OK stays, and then features do", features_are_accepted },
	{ "features not offered are refused", features_not_offered_are_refused },
	{ "ACCESS_PLATFORM can't be left out", no_way_around_the_iommu },
	{ "reset ends the status", reset_without_data },
	{ "reset ends queue state", reset_ends_queue_state },
	{ "configuration in any pieces", config_is_read_in_any_pieces },
	{ "configuration has an end", config_has_an_end },
	{ "configuration after a reset", config_survives_reset },
	{ "queue sizes", queue_sizes },
	{ "queues have an end", queues_have_an_end },
	{ "queue state, split", split_state },
	{ "queue state, packed", packed_state },
	{ "groups and address spaces", groups },
	{ "maps, and splitting them", maps },
	{ "maps out of range are refused", maps_out_of_range },
	{ "data, split rings, polled", .data = data_split },
	{ "data, split rings, called", .data = data_split_called },
	{ "data, split rings, event index", .data = data_event_idx },
	{ "data, packed rings, polled", .data = data_packed },
	{ "data, packed rings, called", .data = data_packed_called },
	{ "data, packed rings, event index", .data = data_packed_event_idx },
	{ "no more calls than buffers", .data = calls_are_bounded },
	{ "calls switched off, split rings", .data = suppressed_split },
	{ "calls switched off, event index", .data = suppressed_event_idx },
	{ "calls switched off, packed rings", .data = suppressed_packed },
	{ "called at the event index, split rings", .data = called_at_split },
	{ "called at the event index, packed rings", .data = called_at_packed },
	{ "a kick before DRIVER_OK is not lost", .data = early_kick },
	{ "reset with buffers in flight", .data = reset_with_data },
	{ "reset ends readiness", .data = reset_ends_readiness },
	{ "reset ends queue state after data", .data = reset_ends_state_of_data },
	{ "clients come and go", .data = clients_come_and_go },
	{ "queue state in another session", .data = moved_to_another_session },
	{ "suspend and resume", .data = suspend_and_resume },
	{ "a disabled queue rests", .data = disabled_queue_rests },
	{ "a queue goes on when it is enabled again", .data = enabled_again },
	{ "memory not mapped any more is not touched",
	  .data = memory_not_mapped_is_not_touched },
	{ "memory mapped to be read is not written", .data = memory_to_read_is_not_written },
	{ "memory mapped in another space is not touched", .data = other_spaces_do_not_count },
	{ "memory mapped in place of other is seen", .data = memory_mapped_anew_is_seen },
	{ "reset ends writes and calls", .data = nothing_after_reset },
	{ "a broken ring is over with a reset", .data = broken_ring },
	{ "a driver is told that the device needs a reset", .data = need_of_reset_is_told },
};

static enum outcome run(struct subject *s, const struct conformance *test)
{
	enum outcome outcome;
	int fd;

	if (test->data) {
		if (!subject_has_driver(s))
			return skip("no driver for this class here");
		outcome = test->data(s, -1);
		subject_stop(s);
		return outcome;
	}
	fd = open(s->path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || vv_set_owner(fd)) {
		ksft_print_msg("cannot open %s\n", s->path);
		return FAIL;
	}
	outcome = test->control(s, fd);
	close(fd);
	return outcome;
}

/* A device may do what the driver here does not survive */
static enum outcome run_apart(struct subject *s, const struct conformance *test)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(CASE_LIMIT);
		status = run(s, test);
		fflush(stdout);
		_exit(status);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return FAIL;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	ksft_print_msg("ended by signal %d\n", WTERMSIG(status));
	return FAIL;
}

int main(int argc, char **argv)
{
	struct subject subject;
	unsigned int i;
	int err;

	if (argc != 2) {
		fprintf(stderr, "Usage: %s DEVICE\n", argv[0]);
		return 2;
	}
	reason = mmap(NULL, sizeof(*reason), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ksft_print_header();
	ksft_set_plan(ARRAY_SIZE(cases));
	err = subject_find(&subject, argv[1]);
	if (err)
		ksft_exit_fail_msg("%s: not a device of vhost_vdpa's: %s\n", argv[1],
				   strerror(-err));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		switch (run_apart(&subject, &cases[i])) {
		case PASS:
			ksft_test_result_pass("%s\n", cases[i].name);
			break;
		case FAIL:
			ksft_test_result_fail("%s\n", cases[i].name);
			break;
		case SKIP:
			ksft_test_result_skip("%s: %s\n", cases[i].name, *reason);
			break;
		}
	}
	ksft_finished();
}
