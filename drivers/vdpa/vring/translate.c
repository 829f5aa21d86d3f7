// SPDX-License-Identifier: GPL-2.0
/*
 * A ring's view of its address spaces: its areas, translated once, and its
 * buffers, page by page through a small cache; and cursors on top.
 */

#include <linux/export.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "internal.h"

static void *vring_translate_slow(struct vdpa_vring *vr, u64 page, u32 perm,
				  struct vdpa_vring_tlb_entry *entry)
{
	u32 has;
	void *addr = vring_as_lookup(vr->cfg.data_as, page, &has);

	if (!addr || !(has & perm))
		return NULL;
	*entry = (struct vdpa_vring_tlb_entry) {
		.page = page + 1, .addr = addr, .perm = has,
	};
	return addr;
}

void *vring_translate(struct vdpa_vring *vr, u64 iova, u32 perm)
{
	u64 page = iova >> PAGE_SHIFT;
	struct vdpa_vring_tlb_entry *entry = &vr->tlb[page % VDPA_VRING_TLB];
	void *addr = entry->addr;

	if (entry->page != page + 1 || !(entry->perm & perm))
		addr = vring_translate_slow(vr, page, perm, entry);
	return addr ? addr + offset_in_page(iova) : NULL;
}

/* Reads memory that may cross pages, for indirect tables */
int vring_read(struct vdpa_vring *vr, u64 iova, void *dst, size_t len)
{
	while (len) {
		size_t part = min(len, PAGE_SIZE - offset_in_page(iova));
		const void *src = vring_translate(vr, iova, VHOST_MAP_RO);

		if (!src)
			return vring_break(vr, VDPA_VRING_ERR_TRANSLATE);
		memcpy(dst, src, part);
		dst += part;
		iova += part;
		len -= part;
	}
	return 0;
}

/* One area of @len bytes; scattered pages are brought together by vmap() */
static int vring_map_area(struct vdpa_vring_as *as, struct vdpa_vring_area *area,
			  u64 iova, size_t len, u32 perm)
{
	unsigned long i, n = (offset_in_page(iova) + len + PAGE_SIZE - 1) >> PAGE_SHIFT;
	bool contiguous = true;
	struct page **pages;
	int err = -EFAULT;
	void *first;
	u32 has;

	if (iova + len - 1 < iova)
		return -EFAULT;
	pages = kvmalloc_array(n, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;

	for (i = 0; i < n; i++) {
		void *addr = vring_as_lookup(as, (iova >> PAGE_SHIFT) + i, &has);

		if (!addr || (has & perm) != perm)
			goto free_pages;
		pages[i] = virt_to_page(addr);
		if (addr != page_address(pages[0]) + i * PAGE_SIZE)
			contiguous = false;
	}

	if (contiguous) {
		first = page_address(pages[0]);
	} else {
		area->mapping = vmap(pages, n, VM_MAP, PAGE_KERNEL);
		first = area->mapping;
	}
	err = first ? 0 : -ENOMEM;
	if (!err)
		area->addr = first + offset_in_page(iova);
free_pages:
	kvfree(pages);
	return err;
}

static void vring_unmap_area(struct vdpa_vring_area *area)
{
	if (area->mapping)
		vunmap(area->mapping);
	area->mapping = NULL;
	area->addr = NULL;
}

void vring_unmap_areas(struct vdpa_vring *vr)
{
	vring_unmap_area(&vr->desc);
	vring_unmap_area(&vr->driver);
	vring_unmap_area(&vr->device);
}

/* virtio 1.2, 2.7.5, 2.7.6, 2.7.8 (split) and 2.8.13, 2.8.14 (packed) */
static size_t vring_driver_area_size(const struct vdpa_vring *vr)
{
	if (vr->packed)
		return sizeof(struct vring_packed_desc_event);
	return offsetof(struct vring_avail, ring) +
	       sizeof(__virtio16) * (vr->cfg.num + vr->event_idx);
}

static size_t vring_device_area_size(const struct vdpa_vring *vr)
{
	if (vr->packed)
		return sizeof(struct vring_packed_desc_event);
	return offsetof(struct vring_used, ring) +
	       sizeof(struct vring_used_elem) * vr->cfg.num +
	       sizeof(__virtio16) * vr->event_idx;
}

/* Translates all areas. 0, -EFAULT or -ENOMEM with none translated. */
int vring_map_areas(struct vdpa_vring *vr)
{
	const struct vdpa_vring_config *cfg = &vr->cfg;
	struct vdpa_vring_as *as = cfg->ring_as;
	int err;

	/* before the lookups: a change after it is noticed by the next batch */
	vr->ring_gen = READ_ONCE(as->gen);

	err = vring_map_area(as, &vr->desc, cfg->desc_addr,
			     cfg->num * sizeof(struct vring_desc),
			     vr->packed ? VHOST_MAP_RW : VHOST_MAP_RO);
	if (!err)
		err = vring_map_area(as, &vr->driver, cfg->driver_addr,
				     vring_driver_area_size(vr), VHOST_MAP_RO);
	if (!err)
		err = vring_map_area(as, &vr->device, cfg->device_addr,
				     vring_device_area_size(vr), VHOST_MAP_WO);
	if (err)
		vring_unmap_areas(vr);
	return err;
}

/*
 * At the beginning of a batch: forgets translations that are older than the
 * last removal. The parent holds the queue's lock, and whoever removed something
 * takes it before the memory is given back, so the generation read here is good
 * until the end of the batch.
 */
int vring_revalidate(struct vdpa_vring *vr)
{
	if (unlikely(READ_ONCE(vr->cfg.data_as->gen) != vr->data_gen)) {
		vr->data_gen = READ_ONCE(vr->cfg.data_as->gen);
		memset(vr->tlb, 0, sizeof(vr->tlb));
	}
	if (unlikely(READ_ONCE(vr->cfg.ring_as->gen) != vr->ring_gen)) {
		vring_unmap_areas(vr);
		if (vring_map_areas(vr))
			return vring_break(vr, VDPA_VRING_ERR_TRANSLATE);
	}
	return 0;
}

/**
 * vdpa_vring_cursor_next - get the next contiguous piece and move past it
 * @cur: the cursor
 * @max: bytes at most
 * @len: set to the bytes of the piece, 0 at the end
 *
 * A piece never crosses a page.
 *
 * Context: with the queue's lock; may sleep.
 * Return: its address; NULL at the end; ERR_PTR(-EFAULT) when it is not mapped,
 * and the ring is broken.
 */
void *vdpa_vring_cursor_next(struct vdpa_vring_cursor *cur, size_t max,
			     size_t *len)
{
	const struct vdpa_vring_desc *desc = cur->desc;
	void *addr;
	u64 iova;

	if (!cur->left || !max) {
		*len = 0;
		return NULL;
	}

	iova = desc->addr + cur->off;
	*len = min3(max, (size_t)(desc->len - cur->off),
		    (size_t)(PAGE_SIZE - offset_in_page(iova)));
	addr = vring_translate(cur->vr, iova, cur->perm);
	if (!addr) {
		vring_break(cur->vr, VDPA_VRING_ERR_TRANSLATE);
		return ERR_PTR(-EFAULT);
	}

	cur->off += *len;
	if (cur->off == desc->len) {
		cur->desc++;
		cur->left--;
		cur->off = 0;
	}
	return addr;
}
EXPORT_SYMBOL_GPL(vdpa_vring_cursor_next);

/**
 * vdpa_vring_pull - copy out of a chain
 * @cur: in the readable part
 * @dst: where to
 * @len: bytes
 *
 * Return: bytes copied, less than @len only at the end of the part; -EFAULT.
 */
ssize_t vdpa_vring_pull(struct vdpa_vring_cursor *cur, void *dst, size_t len)
{
	size_t done = 0, part;

	while (done < len) {
		const void *src = vdpa_vring_cursor_next(cur, len - done, &part);

		if (IS_ERR_OR_NULL(src))
			return src ? PTR_ERR(src) : done;
		memcpy(dst + done, src, part);
		done += part;
	}
	return done;
}
EXPORT_SYMBOL_GPL(vdpa_vring_pull);

/**
 * vdpa_vring_push - copy into a chain
 * @cur: in the writable part
 * @src: where from
 * @len: bytes
 *
 * Return: bytes copied, less than @len only at the end of the part; -EFAULT.
 */
ssize_t vdpa_vring_push(struct vdpa_vring_cursor *cur, const void *src,
			size_t len)
{
	size_t done = 0, part;

	while (done < len) {
		void *dst = vdpa_vring_cursor_next(cur, len - done, &part);

		if (IS_ERR_OR_NULL(dst))
			return dst ? PTR_ERR(dst) : done;
		memcpy(dst, src + done, part);
		done += part;
	}
	return done;
}
EXPORT_SYMBOL_GPL(vdpa_vring_push);

/**
 * vdpa_vring_skip - move a cursor without looking at the memory
 * @cur: the cursor
 * @len: bytes
 *
 * Return: bytes passed, less than @len only at the end of the part.
 */
ssize_t vdpa_vring_skip(struct vdpa_vring_cursor *cur, size_t len)
{
	size_t done = 0;

	while (cur->left && done < len) {
		size_t part = min(len - done, (size_t)(cur->desc->len - cur->off));

		done += part;
		cur->off += part;
		if (cur->off == cur->desc->len) {
			cur->desc++;
			cur->left--;
			cur->off = 0;
		}
	}
	return done;
}
EXPORT_SYMBOL_GPL(vdpa_vring_skip);

/**
 * vdpa_vring_copy - copy from one chain into another, of the same ring or not
 * @dst: in a writable part
 * @src: in a readable part
 * @len: bytes
 *
 * Return: bytes copied, less than @len only at the end of either part; -EFAULT,
 * and the ring that it was for is broken.
 */
ssize_t vdpa_vring_copy(struct vdpa_vring_cursor *dst,
			struct vdpa_vring_cursor *src, size_t len)
{
	size_t done = 0, part;

	while (done < len) {
		const void *from = vdpa_vring_cursor_next(src, len - done, &part);
		ssize_t put;

		if (IS_ERR_OR_NULL(from))
			return from ? PTR_ERR(from) : done;
		put = vdpa_vring_push(dst, from, part);
		if (put < 0)
			return put;
		done += put;
		if (put < part)
			break;
	}
	return done;
}
EXPORT_SYMBOL_GPL(vdpa_vring_copy);
