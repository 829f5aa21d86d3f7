// SPDX-License-Identifier: GPL-2.0
/*
 * A driver for tests of the ring library.
 */

#include <linux/slab.h>
#include <linux/string.h>

#include "vring_model.h"

#define F_AVAIL		BIT(VRING_PACKED_DESC_F_AVAIL)
#define F_USED		BIT(VRING_PACKED_DESC_F_USED)
#define EVENT_WRAP	BIT(VRING_PACKED_EVENT_F_WRAP_CTR)

/* what is behind the bytes that the device wrote */
#define UNTOUCHED	0xee

u32 model_random(struct model *m, u32 n)
{
	m->random = m->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(m->random >> 33) % n;
}

/* --- memory -------------------------------------------------------------- */

static unsigned int page_index(struct model *m, u64 iova)
{
	unsigned int i = (iova - MODEL_IOVA) >> PAGE_SHIFT;

	KUNIT_ASSERT_TRUE(m->test, iova >= MODEL_IOVA && i < m->mem.npages);
	return i;
}

static void map_page(struct model *m, unsigned int i, u32 perm)
{
	KUNIT_ASSERT_EQ(m->test, 0,
			vdpa_vring_as_map(&m->mem.as, MODEL_IOVA + i * PAGE_SIZE,
					  PAGE_SIZE, virt_to_phys(m->mem.page[i]),
					  perm));
}

static void *new_page(struct model *m)
{
	void *page = kzalloc(PAGE_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(m->test, page);
	return page;
}

void *model_at(struct model *m, u64 iova)
{
	return m->mem.page[page_index(m, iova)] + offset_in_page(iova);
}

void model_write(struct model *m, u64 iova, const void *from, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		*(u8 *)model_at(m, iova + i) = ((const u8 *)from)[i];
}

void model_move_page(struct model *m, unsigned int i)
{
	void *page = new_page(m);

	memcpy(page, m->mem.page[i], PAGE_SIZE);
	vdpa_vring_as_unmap(&m->mem.as, MODEL_IOVA + i * PAGE_SIZE, PAGE_SIZE);
	memset(m->mem.page[i], 0xdd, PAGE_SIZE);
	kfree(m->mem.page[i]);
	m->mem.page[i] = page;
	map_page(m, i, VHOST_MAP_RW);
}

void model_protect(struct model *m, u64 iova, u32 perm)
{
	vdpa_vring_as_unmap(&m->mem.as, iova & PAGE_MASK, PAGE_SIZE);
	if (perm)
		map_page(m, page_index(m, iova), perm);
}

static u16 get16(struct model *m, u64 iova)
{
	return le16_to_cpu(*(__le16 *)model_at(m, iova));
}

static void put16(struct model *m, u64 iova, u16 value)
{
	*(__le16 *)model_at(m, iova) = cpu_to_le16(value);
}

static u32 get32(struct model *m, u64 iova)
{
	return le32_to_cpu(*(__le32 *)model_at(m, iova));
}

/* --- life ---------------------------------------------------------------- */

static u64 area_bytes(u32 num)
{
	return ALIGN(sizeof(struct vring_desc) * num + PAGE_SIZE, PAGE_SIZE);
}

u64 model_buffer(struct model *m, u16 id)
{
	return MODEL_IOVA + 3 * area_bytes(m->num) + id * MODEL_ROOM;
}

u64 model_table(struct model *m, u16 id)
{
	/* off the grid of descriptors, so that some lie across two pages */
	return model_buffer(m, m->num) + 8 + id * MODEL_TABLE;
}

static void lay_out(struct model *m, const struct model_shape *shape)
{
	/* each area ends in the middle of a page, or begins with one */
	u64 shift = shape->contiguous ? 0 : PAGE_SIZE / 2 - 16 * (shape->num & 63);

	m->cfg.desc_addr = MODEL_IOVA + shift;
	m->cfg.driver_addr = m->cfg.desc_addr + area_bytes(m->num);
	m->cfg.device_addr = m->cfg.driver_addr + area_bytes(m->num);
	if (!shape->contiguous)
		/* entries of the used ring across pages */
		m->cfg.device_addr += 4;
}

static void model_init_ring(struct model *m)
{
	unsigned int i;

	for (i = 0; i < m->num; i++)
		m->free[i] = i;
	m->nfree = m->num;
	m->avail_wrap = true;
	m->used_wrap = true;
	m->cfg.state = (struct vdpa_vq_state) {};
	if (m->packed) {
		m->cfg.state.packed.last_avail_counter = 1;
		m->cfg.state.packed.last_used_counter = 1;
	}
}

struct model *model_new(struct kunit *test, const struct model_shape *shape)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	m->num = shape->num;
	m->packed = shape->features & BIT_ULL(VIRTIO_F_RING_PACKED);
	m->event_idx = shape->features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	m->indirect = shape->features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC);
	m->random = 0x5eed + shape->num;

	m->chain = kunit_kzalloc(test, m->num * sizeof(*m->chain), GFP_KERNEL);
	m->order = kunit_kzalloc(test, m->num * sizeof(*m->order), GFP_KERNEL);
	m->free = kunit_kzalloc(test, m->num * sizeof(*m->free), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, m->chain && m->order && m->free);

	m->mem.npages = (PAGE_ALIGN(model_table(m, m->num)) - MODEL_IOVA) >> PAGE_SHIFT;
	m->mem.page = kunit_kzalloc(test, m->mem.npages * sizeof(void *), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->mem.page);
	vdpa_vring_as_init(&m->mem.as, false);
	test->priv = m;
	for (i = 0; i < m->mem.npages; i++) {
		m->mem.page[i] = new_page(m);
		map_page(m, i, VHOST_MAP_RW);
	}

	lay_out(m, shape);
	m->cfg.ring_as = &m->mem.as;
	m->cfg.data_as = &m->mem.as;
	m->cfg.num = m->num;
	m->cfg.features = shape->features | BIT_ULL(VIRTIO_F_VERSION_1);
	model_init_ring(m);
	return m;
}

void model_free(struct model *m)
{
	unsigned int i;

	vdpa_vring_stop(&m->vr);
	vdpa_vring_as_destroy(&m->mem.as);
	for (i = 0; i < m->mem.npages; i++)
		kfree(m->mem.page[i]);
}

void model_begin_at(struct model *m, u16 index)
{
	m->avail = index;
	m->used = index;
	m->cfg.state.split.avail_index = index;
	put16(m, m->cfg.driver_addr + 2, index);
	put16(m, m->cfg.device_addr + 2, index);
}

/* --- making chains available --------------------------------------------- */

void model_put_desc(struct model *m, u64 table, unsigned int i, u64 addr, u32 len,
		    u16 flags, u16 next_or_id)
{
	u64 at = table + i * sizeof(struct vring_desc);
	struct vring_packed_desc packed = {
		.addr = cpu_to_le64(addr), .len = cpu_to_le32(len),
		.id = cpu_to_le16(next_or_id), .flags = cpu_to_le16(flags),
	};
	struct vring_desc split = {
		.addr = (__force __virtio64)cpu_to_le64(addr),
		.len = (__force __virtio32)cpu_to_le32(len),
		.flags = (__force __virtio16)cpu_to_le16(flags),
		.next = (__force __virtio16)cpu_to_le16(next_or_id),
	};

	if (m->packed)
		model_write(m, at, &packed, sizeof(packed));
	else
		model_write(m, at, &split, sizeof(split));
}

void model_put_avail(struct model *m, u16 head)
{
	put16(m, m->cfg.driver_addr + 4 + (m->avail++ % m->num) * 2, head);
	m->added++;
}

void model_put_avail_idx(struct model *m, u16 idx)
{
	put16(m, m->cfg.driver_addr + 2, idx);
}

static u16 avail_flags(const struct model *m)
{
	return m->avail_wrap ? F_AVAIL : F_USED;
}

/* What a chain is made of, before it is written down */
struct model_seg {
	u64 addr;
	u32 len;
	u16 flags;
};

/* Random pieces of the chain's own memory, some of them empty */
static unsigned int cut_chain(struct model *m, u16 id, struct model_seg *seg)
{
	unsigned int nout = model_random(m, 4), nin = model_random(m, 4), i;
	struct model_chain *chain = &m->chain[id];
	u64 at = model_buffer(m, id);

	if (!m->indirect) {
		nout = min(nout, m->num);
		nin = min(nin, m->num - nout);
	}
	if (!nout && !nin)
		nin = 1;
	*chain = (struct model_chain) { .busy = true, .seed = model_random(m, 256) };
	for (i = 0; i < nout + nin; i++) {
		bool write = i >= nout;
		u32 len = model_random(m, 16) ?
			  1 + model_random(m, m->terse ? 2 : 1200) : 0;

		at += model_random(m, 100);
		seg[i] = (struct model_seg) {
			.addr = at, .len = len, .flags = write ? VRING_DESC_F_WRITE : 0,
		};
		at += len;
		if (!len)
			continue;
		chain->desc[chain->nout + chain->nin].addr = seg[i].addr;
		chain->desc[chain->nout + chain->nin].len = len;
		if (write) {
			chain->nin++;
			chain->in_len += len;
		} else {
			chain->nout++;
			chain->out_len += len;
		}
	}
	return nout + nin;
}

static void fill_chain(struct model *m, u16 id)
{
	struct model_chain *chain = &m->chain[id];
	unsigned int i;
	u32 pos = 0, j;

	for (i = 0; i < chain->nout + chain->nin; i++) {
		for (j = 0; j < chain->desc[i].len; j++) {
			u8 *byte = model_at(m, chain->desc[i].addr + j);

			*byte = i < chain->nout ? model_byte(chain->seed, pos++) :
						  UNTOUCHED;
		}
	}
}

/* A chain, or the end of one, as an indirect table */
static void put_table(struct model *m, u16 id, const struct model_seg *seg,
		      unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		u16 flags = seg[i].flags;

		if (!m->packed && i + 1 < n)
			flags |= VRING_DESC_F_NEXT;
		model_put_desc(m, model_table(m, id), i, seg[i].addr, seg[i].len,
			       flags, i + 1);
	}
}

static u16 take_free(struct model *m)
{
	u32 i = model_random(m, m->nfree);
	u16 desc = m->free[i];

	m->free[i] = m->free[--m->nfree];
	return desc;
}

static void put_split(struct model *m, u16 head, const struct model_seg *seg,
		      unsigned int n)
{
	u64 table = m->cfg.desc_addr;
	unsigned int i;
	u16 desc = head;

	for (i = 0; i < n; i++) {
		u16 next = i + 1 < n ? take_free(m) : 0;
		u16 flags = seg[i].flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0);

		model_put_desc(m, table, desc, seg[i].addr, seg[i].len, flags, next);
		desc = next;
	}
	model_put_avail(m, head);
}

static void put_packed(struct model *m, u16 id, const struct model_seg *seg,
		       unsigned int n)
{
	u16 first = m->avail, first_flags = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		u16 flags = seg[i].flags | (i + 1 < n ? VRING_DESC_F_NEXT : 0) |
			    avail_flags(m);

		/* not there before all the others are */
		if (!i) {
			first_flags = flags;
			flags ^= F_AVAIL | F_USED;
		}
		/* only the last one's id counts */
		model_put_desc(m, m->cfg.desc_addr, m->avail, seg[i].addr,
			       seg[i].len, flags, i + 1 < n ? 0xbad : id);
		if (++m->avail == m->num) {
			m->avail = 0;
			m->avail_wrap = !m->avail_wrap;
		}
		m->added++;
	}
	put16(m, m->cfg.desc_addr + first * 16 + 14, first_flags);
}

static u16 free_id(struct model *m)
{
	u16 id = model_random(m, m->num);

	while (m->chain[id].busy)
		id = (id + 1) % m->num;
	return id;
}

bool model_add(struct model *m)
{
	struct model_seg seg[MODEL_SEGS + 1];
	struct model_chain *chain;
	unsigned int n, direct;
	u16 id;

	if (m->nfree < MODEL_SEGS && m->nfree < m->num)
		return false;
	id = m->packed ? free_id(m) : take_free(m);
	n = cut_chain(m, id, seg);
	fill_chain(m, id);
	chain = &m->chain[id];

	/* a ring without room for the whole chain has room for its table */
	if (m->indirect && (n > m->num || model_random(m, 2))) {
		direct = m->packed || n > m->num ? 0 : model_random(m, n);
		put_table(m, id, seg + direct, n - direct);
		seg[direct] = (struct model_seg) {
			.addr = model_table(m, id),
			.len = (n - direct) * sizeof(struct vring_desc),
			.flags = VRING_DESC_F_INDIRECT,
		};
		n = direct + 1;
	}
	KUNIT_ASSERT_LE(m->test, n, m->num);

	chain->slots = n;
	m->order[m->made++ % m->num] = id;
	if (m->packed) {
		m->nfree -= n;
		put_packed(m, id, seg, n);
	} else {
		put_split(m, id, seg, n);
	}
	return true;
}

/* Whether the packed entry that an event names is among the last @n up to @idx */
static bool packed_passed(const struct model *m, u16 off_wrap, unsigned int idx,
			  bool wrap, unsigned int n)
{
	unsigned int event = off_wrap & (EVENT_WRAP - 1);
	unsigned int round = 2 * m->num;

	event += off_wrap & EVENT_WRAP ? 0 : m->num;
	idx += wrap ? 0 : m->num;
	return (idx + round - 1 - event) % round < n;
}

bool model_publish(struct model *m)
{
	u64 device = m->cfg.device_addr;
	u16 added = m->added, event, flags;

	m->added = 0;
	if (m->packed) {
		event = get32(m, device);
		flags = get32(m, device) >> 16;
		if (flags != VRING_PACKED_EVENT_FLAG_DESC)
			return added && flags == VRING_PACKED_EVENT_FLAG_ENABLE;
		KUNIT_EXPECT_TRUE(m->test, m->event_idx);
		return packed_passed(m, event, m->avail, m->avail_wrap, added);
	}
	model_put_avail_idx(m, m->avail);
	if (!m->event_idx)
		return added && !(get16(m, device) & VRING_USED_F_NO_NOTIFY);
	event = get16(m, device + 4 + m->num * 8);
	return vring_need_event(event, m->avail, m->avail - added);
}

/* --- what the device did ------------------------------------------------- */

struct model_chain *model_taken(struct model *m, const struct vdpa_vring_chain *chain)
{
	struct model_chain *mine;
	unsigned int i;

	KUNIT_ASSERT_TRUE(m->test, m->seen != m->made);
	KUNIT_ASSERT_EQ(m->test, m->order[m->seen % m->num], chain->id);
	m->seen++;
	mine = &m->chain[chain->id];

	KUNIT_EXPECT_EQ(m->test, m->packed ? mine->slots : 1u,
			(unsigned int)chain->slots);
	KUNIT_ASSERT_EQ(m->test, mine->nout, (unsigned int)chain->nout);
	KUNIT_ASSERT_EQ(m->test, mine->nin, (unsigned int)chain->nin);
	KUNIT_EXPECT_EQ(m->test, (u64)mine->out_len, chain->out_len);
	KUNIT_EXPECT_EQ(m->test, (u64)mine->in_len, chain->in_len);
	for (i = 0; i < mine->nout + mine->nin; i++) {
		KUNIT_EXPECT_EQ(m->test, mine->desc[i].addr, chain->desc[i].addr);
		KUNIT_EXPECT_EQ(m->test, mine->desc[i].len, chain->desc[i].len);
	}
	return mine;
}

void model_untaken(struct model *m, unsigned int n)
{
	m->seen -= n;
}

bool model_has_used(struct model *m)
{
	u16 flags;

	if (!m->packed)
		return get16(m, m->cfg.device_addr + 2) != m->used;
	flags = get16(m, m->cfg.desc_addr + m->used * 16 + 14);
	return (flags & (F_AVAIL | F_USED)) == (m->used_wrap ? F_AVAIL | F_USED : 0);
}

/* The bytes that the device says it wrote, and none behind them */
static void check_written(struct model *m, const struct model_chain *chain)
{
	unsigned int i, wrong = 0;
	u32 pos = 0, j;

	for (i = chain->nout; i < chain->nout + chain->nin; i++) {
		for (j = 0; j < chain->desc[i].len; j++, pos++) {
			u8 *byte = model_at(m, chain->desc[i].addr + j);
			u8 want = pos < chain->written ?
				  model_byte(~chain->seed, pos) : UNTOUCHED;

			wrong += *byte != want;
		}
	}
	KUNIT_EXPECT_EQ(m->test, 0u, wrong);
}

static void free_split(struct model *m, u16 desc)
{
	struct vring_desc *entry;
	u16 flags;

	do {
		entry = model_at(m, m->cfg.desc_addr + desc * 16);
		m->free[m->nfree++] = desc;
		flags = le16_to_cpu((__force __le16)entry->flags);
		desc = le16_to_cpu((__force __le16)entry->next);
	} while (flags & VRING_DESC_F_NEXT);
}

bool model_reap(struct model *m)
{
	struct model_chain *chain;
	u64 at;
	u16 id;

	if (!model_has_used(m))
		return false;
	at = m->packed ? m->cfg.desc_addr + m->used * 16 + 8 :
			 m->cfg.device_addr + 4 + (m->used % m->num) * 8;
	id = m->packed ? get16(m, at + 4) : get32(m, at);
	KUNIT_ASSERT_TRUE(m->test, id < m->num && m->chain[id].busy);
	chain = &m->chain[id];
	KUNIT_EXPECT_EQ(m->test, chain->written, get32(m, m->packed ? at : at + 4));
	check_written(m, chain);

	if (m->packed) {
		m->used += chain->slots;
		if (m->used >= m->num) {
			m->used -= m->num;
			m->used_wrap = !m->used_wrap;
		}
		m->nfree += chain->slots;
	} else {
		m->used++;
		free_split(m, id);
	}
	chain->busy = false;
	m->back++;
	return true;
}

void model_want_call(struct model *m, bool want)
{
	u64 driver = m->cfg.driver_addr;

	if (!m->packed && !m->event_idx) {
		put16(m, driver, want ? 0 : VRING_AVAIL_F_NO_INTERRUPT);
	} else if (!m->packed) {
		/* an entry that was passed is not passed again soon */
		put16(m, driver + 4 + m->num * 2, want ? m->used : m->used - 1);
	} else if (!want) {
		put16(m, driver + 2, VRING_PACKED_EVENT_FLAG_DISABLE);
	} else if (!m->event_idx) {
		put16(m, driver + 2, VRING_PACKED_EVENT_FLAG_ENABLE);
	} else {
		put16(m, driver, m->used | (m->used_wrap ? EVENT_WRAP : 0));
		put16(m, driver + 2, VRING_PACKED_EVENT_FLAG_DESC);
	}
}
