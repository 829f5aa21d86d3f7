/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VDPA_VRING_INTERNAL_H
#define _VDPA_VRING_INTERNAL_H

#include <linux/vdpa_vring.h>

/*
 * Only modern drivers get as far as here (VIRTIO_F_VERSION_1), so all that is
 * in memory is little-endian, whatever the uAPI's types leave open.
 */
static inline u16 vr16(__virtio16 v)
{
	return le16_to_cpu((__force __le16)v);
}

static inline u32 vr32(__virtio32 v)
{
	return le32_to_cpu((__force __le32)v);
}

static inline u64 vr64(__virtio64 v)
{
	return le64_to_cpu((__force __le64)v);
}

static inline __virtio16 to_vr16(u16 v)
{
	return (__force __virtio16)cpu_to_le16(v);
}

static inline __virtio32 to_vr32(u32 v)
{
	return (__force __virtio32)cpu_to_le32(v);
}

/* A chain in the making */
struct vring_builder {
	struct vdpa_vring *vr;
	struct vdpa_vring_chain *chain;
	unsigned int seen;	/* descriptors, those of no length included */
};

/* Stops the ring; -EBADMSG, for callers to hand on */
int vring_break(struct vdpa_vring *vr, enum vdpa_vring_error why);

void vring_begin(struct vring_builder *b, struct vdpa_vring *vr,
		 struct vdpa_vring_chain *chain);
int vring_add(struct vring_builder *b, u64 addr, u32 len, bool write);

/* The kernel's address of one byte in data_as, or NULL */
void *vring_translate(struct vdpa_vring *vr, u64 iova, u32 perm);
int vring_read(struct vdpa_vring *vr, u64 iova, void *dst, size_t len);
int vring_map_areas(struct vdpa_vring *vr);
void vring_unmap_areas(struct vdpa_vring *vr);
int vring_revalidate(struct vdpa_vring *vr);

/* Lookup in an address space: the page's address, with permission in @perm */
void *vring_as_lookup(struct vdpa_vring_as *as, u64 page, u32 *perm);

void split_start(struct vdpa_vring *vr);
void split_get_state(const struct vdpa_vring *vr, struct vdpa_vq_state *state);
int split_take(struct vdpa_vring *vr, struct vdpa_vring_chain *chains,
	       unsigned int n);
void split_complete(struct vdpa_vring *vr, const struct vdpa_vring_chain *chain,
		    u32 written);
bool split_flush(struct vdpa_vring *vr);
bool split_want_kick(struct vdpa_vring *vr, bool want);

int packed_start(struct vdpa_vring *vr);
void packed_get_state(const struct vdpa_vring *vr, struct vdpa_vq_state *state);
int packed_take(struct vdpa_vring *vr, struct vdpa_vring_chain *chains,
		unsigned int n);
void packed_untake(struct vdpa_vring *vr, unsigned int slots);
void packed_complete(struct vdpa_vring *vr, const struct vdpa_vring_chain *chain,
		     u32 written);
bool packed_flush(struct vdpa_vring *vr);
bool packed_want_kick(struct vdpa_vring *vr, bool want);

#endif /* _VDPA_VRING_INTERNAL_H */
