// SPDX-License-Identifier: GPL-2.0
/*
 * A ring's view of its address spaces: the areas, translated when the ring
 * starts, and the buffers, translated page by page through a small cache.
 */

#include <linux/err.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

/* virtio 1.2, 2.7.6, 2.7.8 (split) and 2.8.14 (packed) */
static u64 driver_area_size(const struct vdpa_vring *vr)
{
	if (vr->packed)
		return sizeof(struct vring_packed_desc_event);
	return sizeof(struct vring_avail) + sizeof(__le16) * (vr->num + vr->event_idx);
}

static u64 device_area_size(const struct vdpa_vring *vr)
{
	if (vr->packed)
		return sizeof(struct vring_packed_desc_event);
	return sizeof(struct vring_used) + sizeof(struct vring_used_elem) * vr->num +
	       sizeof(__le16) * vr->event_idx;
}

static int area_init(struct vdpa_vring_area *area, u64 iova, u64 size, u32 perm)
{
	if (iova + (size - 1) < iova)
		return -EFAULT;

	*area = (struct vdpa_vring_area) {
		.iova = iova, .perm = perm, .offset = offset_in_page(iova),
		.npages = PAGE_ALIGN(offset_in_page(iova) + size) >> PAGE_SHIFT,
	};
	area->pages = kcalloc(area->npages, sizeof(*area->pages), GFP_KERNEL_ACCOUNT);
	return area->pages ? 0 : -ENOMEM;
}

/* Looks up the pages of an area. False when one is not mapped as it must be. */
static bool area_find(struct vdpa_vring_area *area, struct vdpa_vring_as *as)
{
	bool contiguous = true;
	unsigned int i;

	for (i = 0; i < area->npages; i++) {
		unsigned long page = vring_as_lookup(as, area->iova +
							 i * PAGE_SIZE);

		if ((page & area->perm) != area->perm)
			return false;
		area->pages[i] = (void *)(page & PAGE_MASK);
		contiguous &= area->pages[i] == area->pages[0] + i * PAGE_SIZE;
	}
	area->base = contiguous ? area->pages[0] + area->offset : NULL;
	return true;
}

/* All areas; remembers what generation they are of */
static bool find_areas(struct vdpa_vring *vr)
{
	/* before the lookups: a change after it is noticed by the next batch */
	u64 gen = smp_load_acquire(&vr->ring_as->gen);

	if (!area_find(&vr->desc, vr->ring_as) ||
	    !area_find(&vr->driver, vr->ring_as) ||
	    !area_find(&vr->device, vr->ring_as))
		return false;
	vr->ring_gen = gen;
	return true;
}

void vring_free_areas(struct vdpa_vring *vr)
{
	kfree(vr->device.pages);
	kfree(vr->driver.pages);
	kfree(vr->desc.pages);
	vr->device.pages = NULL;
	vr->driver.pages = NULL;
	vr->desc.pages = NULL;
}

/* Translates all areas. 0, -EFAULT or -ENOMEM with nothing allocated. */
int vring_map_areas(struct vdpa_vring *vr, const struct vdpa_vring_config *cfg)
{
	int err;

	err = area_init(&vr->desc, cfg->desc_addr,
			sizeof(struct vring_raw) * vr->num,
			vr->packed ? VHOST_MAP_RW : VHOST_MAP_RO);
	if (!err)
		err = area_init(&vr->driver, cfg->driver_addr,
				driver_area_size(vr), VHOST_MAP_RO);
	if (!err)
		err = area_init(&vr->device, cfg->device_addr,
				device_area_size(vr), VHOST_MAP_WO);
	if (!err && !find_areas(vr))
		err = -EFAULT;
	if (err)
		vring_free_areas(vr);
	return err;
}

/*
 * Something was removed: perhaps the areas, or they came back elsewhere. When
 * one is not there, the generation stays behind and no later call gets further.
 */
bool vring_find_areas(struct vdpa_vring *vr)
{
	if (vr->broken)
		return false;
	if (find_areas(vr))
		return true;
	vring_break(vr, VDPA_VRING_ERR_TRANSLATE);
	return false;
}

/**
 * vdpa_vring_forget - forget translations of buffers
 * @vr: the ring
 *
 * For vdpa_vring_refresh(); no need to call it otherwise.
 */
void vdpa_vring_forget(struct vdpa_vring *vr)
{
	unsigned int i;

	/* before the next lookup; pairs with the release in space_changed() */
	vr->data_gen = smp_load_acquire(&vr->data_as->gen);
	for (i = 0; i <= vr->tlb_mask; i++)
		vr->tlb[i].iova = VDPA_VRING_TLB_NONE;
}
EXPORT_SYMBOL_GPL(vdpa_vring_forget);

static noinline unsigned long tlb_fill(struct vdpa_vring *vr,
				       struct vdpa_vring_tlb *tlb, u64 iova)
{
	unsigned long page = vring_as_lookup(vr->data_as, iova);

	if (page) {
		tlb->iova = iova & PAGE_MASK;
		tlb->page = page;
	}
	return page;
}

/* The kernel's address of one byte of a buffer, or NULL */
static __always_inline void *translate(struct vdpa_vring *vr, u64 iova, u32 perm)
{
	struct vdpa_vring_tlb *tlb = &vr->tlb[(iova >> PAGE_SHIFT) & vr->tlb_mask];
	unsigned long page = tlb->page;

	if (unlikely(tlb->iova != (iova & PAGE_MASK)))
		page = tlb_fill(vr, tlb, iova);
	if (unlikely(!(page & perm)))
		return NULL;
	return (void *)(page & PAGE_MASK) + offset_in_page(iova);
}

/* A descriptor of an indirect table at any address */
bool vring_read_raw(struct vdpa_vring *vr, u64 iova, struct vring_raw *copy)
{
	const struct vring_raw *raw = translate(vr, iova, VHOST_MAP_RO);
	size_t part = PAGE_SIZE - offset_in_page(iova);

	if (unlikely(!raw))
		return false;
	if (likely(IS_ALIGNED(iova, sizeof(u64)) && part >= sizeof(*raw))) {
		copy->addr = READ_ONCE(raw->addr);
		copy->word = READ_ONCE(raw->word);
		return true;
	}

	/* all looks are at the copy, so it need not be read at once */
	part = min(part, sizeof(*raw));
	memcpy(copy, raw, part);
	if (part == sizeof(*raw))
		return true;
	raw = translate(vr, iova + part, VHOST_MAP_RO);
	if (!raw)
		return false;
	memcpy((void *)copy + part, raw, sizeof(*raw) - part);
	return true;
}

/*
 * The contiguous piece at a cursor that is not at the end; shortens @len to it.
 * NULL, with the ring broken, when it is not mapped.
 */
static __always_inline void *cursor_piece(const struct vdpa_vring_cursor *cur,
					  size_t *len)
{
	u64 iova = cur->desc->addr + cur->off;
	void *addr = translate(cur->vr, iova, cur->perm);

	*len = min3(*len, (size_t)(cur->desc->len - cur->off),
		    (size_t)(PAGE_SIZE - offset_in_page(iova)));
	if (unlikely(!addr))
		vring_break(cur->vr, VDPA_VRING_ERR_TRANSLATE);
	return addr;
}

/* @len: not beyond the descriptor's end */
static __always_inline void cursor_move(struct vdpa_vring_cursor *cur, size_t len)
{
	cur->off += len;
	if (cur->off == cur->desc->len) {
		cur->desc++;
		cur->left--;
		cur->off = 0;
	}
}

/**
 * vdpa_vring_cursor_next - get the next contiguous piece and move past it
 * @cur: the cursor
 * @max: bytes at most
 * @len: set to the bytes of the piece, 0 at the end
 *
 * A piece never crosses a page. Its address is good until the lock is dropped.
 *
 * Context: with the queue's lock.
 * Return: its address; NULL at the end; ERR_PTR(-EFAULT) when it is not mapped,
 * and the ring is broken.
 */
void *vdpa_vring_cursor_next(struct vdpa_vring_cursor *cur, size_t max,
			     size_t *len)
{
	void *addr;

	*len = 0;
	if (!cur->left || !max)
		return NULL;
	addr = cursor_piece(cur, &max);
	if (unlikely(!addr))
		return ERR_PTR(-EFAULT);
	cursor_move(cur, max);
	*len = max;
	return addr;
}
EXPORT_SYMBOL_GPL(vdpa_vring_cursor_next);

/**
 * vdpa_vring_pull - copy out of a chain
 * @cur: in the readable part
 * @dst: where to
 * @len: bytes
 *
 * Context: with the queue's lock.
 * Return: bytes copied, less than @len only at the end of the part; -EFAULT when
 * something is not mapped, and the ring is broken.
 */
ssize_t vdpa_vring_pull(struct vdpa_vring_cursor *cur, void *dst, size_t len)
{
	size_t left = len, part;

	while (left && cur->left) {
		const void *src;

		part = left;
		src = cursor_piece(cur, &part);
		if (unlikely(!src))
			return -EFAULT;
		memcpy(dst, src, part);
		cursor_move(cur, part);
		dst += part;
		left -= part;
	}
	return len - left;
}
EXPORT_SYMBOL_GPL(vdpa_vring_pull);

/**
 * vdpa_vring_push - copy into a chain
 * @cur: in the writable part
 * @src: where from
 * @len: bytes
 *
 * Context: with the queue's lock.
 * Return: bytes copied, less than @len only at the end of the part; -EFAULT when
 * something is not mapped, and the ring is broken.
 */
ssize_t vdpa_vring_push(struct vdpa_vring_cursor *cur, const void *src,
			size_t len)
{
	size_t left = len, part;

	while (left && cur->left) {
		void *dst;

		part = left;
		dst = cursor_piece(cur, &part);
		if (unlikely(!dst))
			return -EFAULT;
		memcpy(dst, src, part);
		cursor_move(cur, part);
		src += part;
		left -= part;
	}
	return len - left;
}
EXPORT_SYMBOL_GPL(vdpa_vring_push);

/**
 * vdpa_vring_skip - move a cursor without looking at the memory
 * @cur: the cursor
 * @len: bytes
 *
 * Return: bytes passed, less than @len only at the end of the part.
 */
size_t vdpa_vring_skip(struct vdpa_vring_cursor *cur, size_t len)
{
	size_t left = len, part;

	while (left && cur->left) {
		part = min(left, (size_t)(cur->desc->len - cur->off));
		cursor_move(cur, part);
		left -= part;
	}
	return len - left;
}
EXPORT_SYMBOL_GPL(vdpa_vring_skip);

/**
 * vdpa_vring_copy - copy from one chain into another, of the same ring or not
 * @dst: in a writable part
 * @src: in a readable part
 * @len: bytes
 *
 * Context: with the locks of both queues.
 * Return: bytes copied, less than @len only at the end of either part; -EFAULT
 * when something is not mapped, and the ring that it was for is broken.
 */
ssize_t vdpa_vring_copy(struct vdpa_vring_cursor *dst,
			struct vdpa_vring_cursor *src, size_t len)
{
	size_t left = len, part;

	while (left && src->left && dst->left) {
		const void *from;
		void *to;

		part = left;
		from = cursor_piece(src, &part);
		if (unlikely(!from))
			return -EFAULT;
		to = cursor_piece(dst, &part);
		if (unlikely(!to))
			return -EFAULT;
		memcpy(to, from, part);
		cursor_move(src, part);
		cursor_move(dst, part);
		left -= part;
	}
	return len - left;
}
EXPORT_SYMBOL_GPL(vdpa_vring_copy);
