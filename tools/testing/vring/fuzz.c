// SPDX-License-Identifier: GPL-2.0
/*
 * A hostile driver for the ring library. An input is a list of records: what the
 * driver writes into its memory and maps, what the device does meanwhile, and
 * what the driver writes between two reads of the device.
 *
 * The memory is watched: the device touches no page that was not mapped, and
 * mapped for that, when it took the queue's lock. Chains keep what the library
 * promises to parents, and no batch needs more reads than it may.
 */
#include <linux/vdpa_vring.h>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

#include "fuzz.h"
#include "kernel.h"
#include "main.h"

#define GUEST_PAGES	512u		/* a block of the address space's table */
#define SMALL_PAGES	64u		/* that the input maps one by one */
/* small pages lie across two blocks, the large one behind them */
#define SMALL_IOVA	(7 * GUEST_PAGES * PAGE_SIZE - 8 * PAGE_SIZE)
#define LARGE_IOVA	(9 * GUEST_PAGES * PAGE_SIZE)
#define TABLE_PAGE	10u		/* of indirect tables */

#define MAX_BATCH	16u
#define MAX_ARMED	16u

#define F_AVAIL		BIT(VRING_PACKED_DESC_F_AVAIL)
#define F_USED		BIT(VRING_PACKED_DESC_F_USED)

#define always(condition) do {						\
	if (!(condition)) {						\
		fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
			#condition);					\
		abort();						\
	}								\
} while (0)

struct space {
	struct vdpa_vring_as as;
	struct {
		u16 page;
		u8 perm;
	} small[SMALL_PAGES];
	/* mapped as a whole; ends with the first thing that is taken away */
	bool large;
	bool large_page[GUEST_PAGES];
};

struct armed {
	unsigned int reads;		/* until it happens */
	struct fuzz_record record;
};

static u8 *guest;			/* the driver's memory */
static bool dirty[GUEST_PAGES];
static u8 allowed[GUEST_PAGES];		/* what the device may do, VHOST_MAP_xx */
static bool poisoned[GUEST_PAGES];
static bool spaces_changed;
static struct space space[2];		/* of the ring; of the buffers where apart */
static struct space *data;		/* of the buffers */
static struct vdpa_vring ring;
static struct vdpa_vring_config config;
static struct armed armed[MAX_ARMED];
static unsigned int narmed;
static bool in_order;			/* the ring is to be used in order */
static bool locked;			/* the device has the queue's lock */
static bool alone;			/* and the driver does nothing meanwhile */
static unsigned int reads;		/* of the guest's memory in this batch */

/* the driver's own indices */
static u16 avail, avail_idx;
static bool wrap;

static void driver_does(const struct fuzz_record *r);

/* --- memory -------------------------------------------------------------- */

static bool is_guest(const void *p)
{
	return (const u8 *)p >= guest && (const u8 *)p < guest + GUEST_PAGES * PAGE_SIZE;
}

static unsigned int page_of(const void *p)
{
	return ((const u8 *)p - guest) / PAGE_SIZE;
}

/* What is taken away goes when the device has the lock no longer */
static void set_allowed(void)
{
	unsigned int s, i;

	if (!spaces_changed)
		return;
	spaces_changed = locked;
	for (i = 0; i < GUEST_PAGES; i++) {
		if (!locked)
			allowed[i] = 0;
		for (s = 0; s < 2; s++)
			if (space[s].large_page[i])
				allowed[i] = VHOST_MAP_RW;
	}
	for (s = 0; s < 2; s++)
		for (i = 0; i < SMALL_PAGES; i++)
			if (space[s].small[i].perm)
				allowed[space[s].small[i].page] |= space[s].small[i].perm;

	/* for what is accessed without the hooks */
	for (i = 0; i < GUEST_PAGES; i++) {
		if (poisoned[i] == !allowed[i])
			continue;
		poisoned[i] = !allowed[i];
		if (poisoned[i])
			ASAN_POISON_MEMORY_REGION(guest + i * PAGE_SIZE, PAGE_SIZE);
		else
			ASAN_UNPOISON_MEMORY_REGION(guest + i * PAGE_SIZE, PAGE_SIZE);
	}
}

static void check_access(const void *p, size_t size, u32 perm)
{
	const u8 *last = (const u8 *)p + (size - 1);
	unsigned int i;

	always(is_guest(last));
	always(locked);
	for (i = page_of(p); i <= page_of(last); i++)
		always(allowed[i] & perm);
}

static void run_armed(void)
{
	unsigned int i, fails = kernel_alloc_fails;
	struct fuzz_record now;

	for (i = 0; i < narmed; i++) {
		if (armed[i].reads--)
			continue;
		now = armed[i].record;
		armed[i] = armed[--narmed];
		/* not the allocation that shall fail */
		kernel_alloc_fails = 0;
		driver_does(&now);
		kernel_alloc_fails = fails;
		return;
	}
}

const void *kernel_reads(const void *p, size_t size)
{
	if (locked)
		run_armed();
	if (is_guest(p) && size) {
		reads++;
		check_access(p, size, VHOST_MAP_RO);
	}
	return p;
}

void *kernel_writes(void *p, size_t size)
{
	if (is_guest(p) && size) {
		check_access(p, size, VHOST_MAP_WO);
		dirty[page_of(p)] = true;
	}
	return p;
}

/* Where the driver finds a byte of its memory; NULL for none */
__attribute__((__no_sanitize__("address")))
static void driver_writes(struct space *s, u64 iova, u64 value, unsigned int size)
{
	unsigned int i, page;

	for (i = 0; i < size; i++, iova++, value >>= 8) {
		u64 small = (iova - SMALL_IOVA) / PAGE_SIZE;
		u64 large = (iova - LARGE_IOVA) / PAGE_SIZE;

		if (small < SMALL_PAGES)
			page = s->small[small].page;
		else if (large < GUEST_PAGES)
			page = large;
		else
			return;
		dirty[page] = true;
		guest[page * PAGE_SIZE + offset_in_page(iova)] = value;
	}
}

/* Two bytes of the driver's memory, as long as they are mapped */
__attribute__((__no_sanitize__("address")))
static u16 driver_reads(u64 iova)
{
	u64 small = (iova - SMALL_IOVA) / PAGE_SIZE;
	unsigned int page = small < SMALL_PAGES ? space[0].small[small].page :
						  (iova - LARGE_IOVA) / PAGE_SIZE;

	return *(u16 *)(guest + page * PAGE_SIZE + offset_in_page(iova));
}

__attribute__((__no_sanitize__("address")))
static void clean_page(unsigned int page)
{
	/* or the compiler makes a call of it, which the sanitizer checks */
	volatile u64 *word = (u64 *)(guest + page * PAGE_SIZE);
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / sizeof(*word); i++)
		word[i] = 0;
	dirty[page] = false;
}

/* An address of the driver's: mostly one that exists */
static u64 iova_of(u8 page, u16 offset)
{
	if (page == 0xff)
		return -PAGE_SIZE + offset;
	if (page >= 0x80)
		return LARGE_IOVA + (page & 0x7f) * 5 * PAGE_SIZE + offset;
	return SMALL_IOVA + (page % SMALL_PAGES) * PAGE_SIZE + offset;
}

static void map_small(struct space *s, unsigned int i, unsigned int page, u32 perm)
{
	int err = vdpa_vring_as_map(&s->as, SMALL_IOVA + i * PAGE_SIZE, PAGE_SIZE,
				    virt_to_phys(guest + page * PAGE_SIZE), perm);

	always(err == (!perm ? -EINVAL : s->small[i].perm ? -EEXIST : 0));
	if (err)
		return;
	s->small[i].page = page;
	s->small[i].perm = perm;
}

static void map_large(struct space *s)
{
	unsigned int i;
	int err = vdpa_vring_as_map(&s->as, LARGE_IOVA, GUEST_PAGES * PAGE_SIZE,
				    virt_to_phys(guest), VHOST_MAP_RW);

	always(err == (s->large ? -EEXIST : 0));
	s->large = true;
	for (i = 0; i < GUEST_PAGES && !err; i++)
		s->large_page[i] = true;
}

/* From a small page, or one of the large block, on */
static void unmap(struct space *s, u8 page, u32 len)
{
	u64 iova = iova_of(page, 0) & PAGE_MASK, small, large;
	unsigned int i, n = 1 + len % 600;

	if (page == 0xff)
		n = 1;
	vdpa_vring_as_unmap(&s->as, iova, n * PAGE_SIZE - len % 3);
	for (i = 0; i < n; i++, iova += PAGE_SIZE) {
		small = (iova - SMALL_IOVA) / PAGE_SIZE;
		large = (iova - LARGE_IOVA) / PAGE_SIZE;
		if (small < SMALL_PAGES)
			s->small[small].perm = 0;
		else if (large < GUEST_PAGES)
			s->large_page[large] = false;
	}
	s->large = false;
	for (i = 0; i < GUEST_PAGES; i++)
		s->large |= s->large_page[i];
}

/* --- driver -------------------------------------------------------------- */

static void write_desc(struct space *s, u64 table, unsigned int i,
		       const struct fuzz_record *r)
{
	u64 at = table + i * sizeof(struct vring_desc), word = r->len;

	if (ring.packed)
		word |= (u64)r->next << 32 |
			(u64)((r->flags & 0x0f) | (r->flags & 0x10 ? F_AVAIL : 0) |
			      (r->flags & 0x20 ? F_USED : 0)) << 48;
	else
		word |= (u64)(r->flags & 0x0f) << 32 | (u64)r->next << 48;
	driver_writes(s, at, iova_of(r->page, r->off), sizeof(at));
	driver_writes(s, at + 8, word, sizeof(word));
}

/* A chain that is right, so that the device comes to what follows */
static void write_chain(const struct fuzz_record *r)
{
	unsigned int i, n = 1 + (r->flags & 7), nout = r->next & 7;
	unsigned int num = config.num, head = avail % num;
	bool indirect = r->flags & 8, first_wrap = wrap;
	u16 table = 16 * r->i + (r->flags >> 4);
	u64 desc = config.desc_addr, at;
	struct fuzz_record d = *r;
	u16 flags = 0;

	n = min(n, num);
	for (i = 0; i < n; i++) {
		unsigned int slot = indirect ? i : (head + i) % num;

		d.flags = (i + 1 < n ? VRING_DESC_F_NEXT : 0) |
			  (i >= nout ? VRING_DESC_F_WRITE : 0);
		d.next = indirect ? i + 1 : ring.packed ? head : (head + i + 1) % num;
		if (ring.packed && !indirect)
			/* not there before all the others are */
			d.flags |= wrap == !!i ? 0x10 : 0x20;
		write_desc(indirect ? data : &space[0],
			   indirect ? iova_of(TABLE_PAGE, table) : desc, slot, &d);
		d.off += r->len;
		if (!indirect && slot == num - 1u)
			wrap = !wrap;
	}
	if (indirect) {
		d = (struct fuzz_record) {
			.page = TABLE_PAGE, .off = table, .len = 16 * n,
			.flags = VRING_DESC_F_INDIRECT, .next = ring.packed ? head : 0,
		};
		write_desc(&space[0], desc, head, &d);
		n = 1;
		if (head == num - 1u)
			wrap = !wrap;
	}
	avail = (head + n) % num;
	if (!ring.packed) {
		driver_writes(&space[0], config.driver_addr + 4 + avail_idx % num * 2,
			      head, 2);
		driver_writes(&space[0], config.driver_addr + 2, ++avail_idx, 2);
		return;
	}
	at = desc + head * 16 + 14;
	if (indirect)
		flags = VRING_DESC_F_INDIRECT;
	else
		flags = (n > 1 ? VRING_DESC_F_NEXT : 0) | (nout ? 0 : VRING_DESC_F_WRITE);
	driver_writes(&space[0], at, flags | (first_wrap ? F_AVAIL : F_USED), 2);
}

static void write_avail(const struct fuzz_record *r)
{
	if (r->flags & 1)
		avail_idx = r->off;
	driver_writes(&space[0], config.driver_addr + 4 + r->i % config.num * 2,
		      r->next, 2);
	driver_writes(&space[0], config.driver_addr + 2,
		      r->flags & 2 ? r->off : ++avail_idx, 2);
}

static void write_event(const struct fuzz_record *r)
{
	if (ring.packed)
		driver_writes(&space[0], config.driver_addr, r->len, 4);
	else if (r->flags & 1)
		driver_writes(&space[0], config.driver_addr, r->next, 2);
	else
		driver_writes(&space[0], config.driver_addr + 4 + config.num * 2,
			      r->next, 2);
}

static void driver_does(const struct fuzz_record *r)
{
	struct space *s = r->i & 0x80 ? data : &space[0];

	switch (r->op) {
	case FUZZ_DESC:
		write_desc(&space[0], config.desc_addr, r->i % config.num, r);
		return;
	case FUZZ_TABLE:
		write_desc(data, iova_of(TABLE_PAGE, 0), r->i & 0x7f, r);
		return;
	case FUZZ_CHAIN:
		write_chain(r);
		return;
	case FUZZ_AVAIL:
		write_avail(r);
		return;
	case FUZZ_EVENT:
		write_event(r);
		return;
	case FUZZ_POKE:
		driver_writes(s, iova_of(r->page, r->off), r->len | (u64)r->next << 32,
			      1u << (r->flags & 3));
		return;
	case FUZZ_MAP:
		if (r->page & 0x80)
			map_large(s);
		else
			map_small(s, r->page % SMALL_PAGES, r->next % GUEST_PAGES,
				  r->flags & 3);
		break;
	case FUZZ_UNMAP:
		unmap(s, r->page, r->len);
		break;
	default:
		return;
	}
	spaces_changed = true;
	set_allowed();
}

/* --- device -------------------------------------------------------------- */

static void lock(void)
{
	locked = true;
	alone = !narmed;
	reads = 0;
}

static void unlock(void)
{
	locked = false;
	set_allowed();
}

static void check_chain(const struct vdpa_vring_chain *chain,
			const struct vdpa_vring_desc *from)
{
	unsigned int i, n = chain->nout + chain->nin;
	u64 sum[2] = {};

	always(chain->desc >= from && chain->desc + n <= ring.descs_end);
	always(chain->slots && chain->slots <= config.num);
	always(ring.packed || chain->id < config.num);
	always(!chain->written);
	for (i = 0; i < n; i++) {
		const struct vdpa_vring_desc *desc = &chain->desc[i];

		always(desc->len);
		always(desc->addr + (desc->len - 1) >= desc->addr);
		sum[i >= chain->nout] += desc->len;
	}
	always(sum[0] == chain->out_len && sum[1] == chain->in_len);
}

/* Moves what a parent would; enough of a long chain */
static u32 move_data(struct vdpa_vring_chain *chain, unsigned int how, size_t most)
{
	static u8 bounce[3 * PAGE_SIZE];
	struct vdpa_vring_cursor out, in;
	size_t len;
	ssize_t n;
	void *p;

	most = min(most, sizeof(bounce));
	vdpa_vring_cursor_out(&out, &ring, chain);
	vdpa_vring_cursor_in(&in, &ring, chain);
	if (how & 1)
		vdpa_vring_skip(&out, most / 2);
	switch (how >> 1 & 7) {
	case 0:
		n = vdpa_vring_pull(&out, bounce, most);
		always(n <= (ssize_t)most);
		n = vdpa_vring_push(&in, bounce, most);
		break;
	case 1:
		n = vdpa_vring_copy(&in, &out, most);
		break;
	case 2:
		n = 0;
		while (n < (ssize_t)most) {
			p = vdpa_vring_cursor_next(&in, most - n, &len);
			if (IS_ERR(p))
				return 0;
			if (!p)
				break;
			memset(kernel_writes(p, len), 0x5a, len);
			n += len;
		}
		break;
	case 3:
		if (!chain->nin)
			return 0;
		p = vdpa_vring_direct(&ring, chain->desc + chain->nout, most,
				      VHOST_MAP_WO);
		if (p && most)
			memset(kernel_writes(p, most), 0xa5, most);
		return p ? most : 0;
	default:
		return chain->in_len;
	}
	always(n <= (ssize_t)most && n >= -EFAULT);
	always(n >= 0 || ring.broken);
	return n < 0 ? 0 : n;
}

/* What a driver that relies on the order finds from entry @slot on */
static void check_order(const struct vdpa_vring_chain *chain, unsigned int n, u16 slot)
{
	for (; n; n--, chain++) {
		u64 id = ring.packed ? config.desc_addr + slot * 16 + 12 :
				       config.device_addr + 4 + slot % config.num * 8;

		always(driver_reads(id) == chain->id);
		slot += chain->slots;
		if (ring.packed)
			slot %= config.num;
	}
	always(slot == ring.used);
}

static void complete(struct vdpa_vring_chain *chains, unsigned int n, u8 how)
{
	unsigned int i;
	u16 first = ring.used;

	if (how & 1)
		vdpa_vring_complete_batch(&ring, chains, n);
	for (i = 0; i < n && !(how & 1); i++) {
		bool last_first = how & 2 && !in_order;
		struct vdpa_vring_chain *chain = &chains[last_first ? n - 1 - i : i];

		vdpa_vring_complete(&ring, chain, chain->written);
	}
	if (in_order && alone && !ring.broken)
		check_order(chains, n, first);
}

static void take(const struct fuzz_record *r)
{
	unsigned int i, n = 1 + r->i % MAX_BATCH, untake;
	struct vdpa_vring_chain chains[MAX_BATCH] = {};
	const struct vdpa_vring_desc *from = ring.descs;
	int taken;

	lock();
	taken = vdpa_vring_take(&ring, chains, n);
	always(taken == -EBADMSG || (taken >= 0 && taken <= (int)n));
	always(taken >= 0 || !ring.running || ring.broken);
	/* two for each descriptor, which may lie across pages, and its chain */
	always(reads <= n * (2 * VDPA_VRING_MAX_CHAIN + 8) + 8);
	if (taken > 0) {
		for (i = 0; i < (unsigned int)taken; i++) {
			check_chain(&chains[i], from);
			from = chains[i].desc + chains[i].nout + chains[i].nin;
		}
		untake = r->page % (taken + 1);
		vdpa_vring_untake(&ring, chains + taken - untake, untake);
		taken -= untake;
		for (i = 0; i < (unsigned int)taken; i++)
			chains[i].written = move_data(&chains[i], r->next >> i, r->off);
		complete(chains, taken, r->flags);
	}
	if (!(r->flags & 4))
		vdpa_vring_flush(&ring);
	if (r->flags & 8)
		vdpa_vring_want_kick(&ring, r->flags & 0x10);
	unlock();
}

static void stop(void)
{
	vdpa_vring_stop(&ring);
	if (ring.num)
		vdpa_vring_get_state(&ring, &config.state);
}

static void start(const struct fuzz_record *r)
{
	int err;

	stop();
	if (r->flags & 1)
		memcpy(&config.state, &r->len, sizeof(u32));
	kernel_alloc_fails = r->flags & 2 ? 1 + r->page % 8 : 0;
	lock();
	err = vdpa_vring_start(&ring, &config);
	unlock();
	kernel_alloc_fails = 0;
	always(ring.running == !err);
	always(!err || err == -EINVAL || err == -EFAULT || err == -ENOMEM);
	/* a driver that does as it should goes on from there */
	if (!ring.packed) {
		avail_idx = config.state.split.avail_index;
	} else {
		avail = config.state.packed.last_avail_idx % config.num;
		wrap = config.state.packed.last_avail_counter;
	}
}

static void device_does(const struct fuzz_record *r)
{
	switch (r->op) {
	case FUZZ_TAKE:
		take(r);
		break;
	case FUZZ_KICKS:
		lock();
		vdpa_vring_want_kick(&ring, r->flags & 1);
		unlock();
		break;
	case FUZZ_FLUSH:
		lock();
		vdpa_vring_flush(&ring);
		unlock();
		break;
	case FUZZ_START:
		start(r);
		break;
	}
}

/* --- one input ----------------------------------------------------------- */

static void init(const struct fuzz_record *r)
{
	static const u16 sizes[] = { 1, 2, 4, 8, 16, 64, 256, 3, 7, 100 };
	bool packed = r->flags & 1;
	unsigned int i, s;

	in_order = r->flags & 0x20;
	data = &space[r->flags & 8 ? 1 : 0];
	memset(&ring, 0, sizeof(ring));
	config = (struct vdpa_vring_config) {
		.num = sizes[r->i % (packed ? ARRAY_SIZE(sizes) : 7)],
		.features = BIT_ULL(VIRTIO_F_VERSION_1) |
			    (packed ? BIT_ULL(VIRTIO_F_RING_PACKED) : 0) |
			    (r->flags & 2 ? BIT_ULL(VIRTIO_RING_F_EVENT_IDX) : 0) |
			    (r->flags & 4 ? BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) : 0) |
			    (in_order ? BIT_ULL(VIRTIO_F_IN_ORDER) : 0),
		.desc_addr = iova_of(0, (r->off & 0xff) * 16),
		.driver_addr = iova_of(4, (r->off >> 8) * 16),
		.device_addr = iova_of(8, (r->next & 0xff) * 16 + 4),
		.max_chain = r->len >> 16 & 0x7ff,
		.ring_as = &space[0].as,
		.data_as = &data->as,
	};
	if (packed) {
		config.state.packed.last_avail_counter = 1;
		config.state.packed.last_used_counter = 1;
	}
	wrap = true;
	for (s = 0; s < 2; s++) {
		memset(&space[s], 0, sizeof(space[s]));
		vdpa_vring_as_init(&space[s].as, false);
		/* one run, or scattered */
		for (i = 0; i < 16 && &space[s] <= data; i++)
			map_small(&space[s], i, s * 64 +
				  (r->flags & 0x10 ? i : (i * 37 + 5) % 64),
				  VHOST_MAP_RW);
	}
	spaces_changed = true;
	set_allowed();
	narmed = 0;
	avail = 0;
	avail_idx = 0;
	ring.packed = packed;
	lock();
	vdpa_vring_start(&ring, &config);
	unlock();
}

static void finish(void)
{
	unsigned int i;

	stop();
	for (i = 0; i < 2; i++)
		vdpa_vring_as_destroy(&space[i].as);
	for (i = 0; i < GUEST_PAGES; i++)
		if (dirty[i])
			clean_page(i);
}

void fuzz_one(const struct fuzz_record *r, size_t n)
{
	size_t i;

	if (!guest) {
		guest = mmap(NULL, GUEST_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		always(guest != MAP_FAILED);
		always(!kernel_module_init());
	}
	if (!n)
		return;
	init(r);
	for (i = 1; i < n; i++) {
		if (r[i].op == FUZZ_ARM && i + 1 < n && narmed < MAX_ARMED) {
			armed[narmed].reads = r[i].off % 600;
			armed[narmed++].record = r[++i];
		} else if (r[i].op >= FUZZ_TAKE) {
			device_does(&r[i]);
		} else {
			driver_does(&r[i]);
		}
	}
	finish();
}
