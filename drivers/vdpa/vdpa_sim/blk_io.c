// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of the simulated block device (virtio 1.2, 5.2.6).
 */

#include "blk.h"

/* Data that is moved or zeroed before the driver is told, and others get the CPU */
#define SIMBLK_TURN	(4UL << 20)

/**
 * struct simblk_request - a request being carried out
 * @blk: the disk
 * @stats: counters of the queue
 * @from: behind the header, in the readable part of the chain
 * @to: in the writable part
 * @out_len: bytes of data from the driver
 * @in_len: bytes of data that the driver has room for
 * @sector: of the disk that it begins at, if the type has such a thing
 * @written: bytes of data that the driver got, from the beginning
 * @zeroed: bytes of memory that was overwritten or given back
 */
struct simblk_request {
	struct simblk *blk;
	struct simblk_stats *stats;
	struct vdpa_vring_cursor from;
	struct vdpa_vring_cursor to;
	u64 out_len;
	u64 in_len;
	u64 sector;
	u64 written;
	u64 zeroed;
};

static bool simblk_has(const struct simblk_request *rq, unsigned int feature)
{
	return rq->blk->sim.features & BIT_ULL(feature);
}

/* For every driver, whether it cares to know or not (5.2.6.2) */
static bool simblk_is_read_only(const struct simblk_request *rq)
{
	return rq->blk->sim.offered & BIT_ULL(VIRTIO_BLK_F_RO);
}

/* Whole blocks, all of them on the disk */
static bool simblk_range_ok(const struct simblk *blk, u64 sector, u64 len)
{
	const struct simblk_limits *limits = &blk->limits;
	u64 pos = sector << SIMBLK_SECTOR_SHIFT;

	return sector <= limits->size >> SIMBLK_SECTOR_SHIFT &&
	       len <= limits->size - pos &&
	       IS_ALIGNED(pos | len, limits->block);
}

static u8 simblk_read(struct simblk_request *rq)
{
	if (rq->in_len > SIMBLK_MAX_DATA ||
	    !simblk_range_ok(rq->blk, rq->sector, rq->in_len) ||
	    simblk_store_read(rq->blk->store, rq->sector << SIMBLK_SECTOR_SHIFT,
			      rq->in_len, &rq->to) < 0)
		return VIRTIO_BLK_S_IOERR;
	rq->written = rq->in_len;
	rq->stats->reads++;
	rq->stats->read_bytes += rq->in_len;
	return VIRTIO_BLK_S_OK;
}

static u8 simblk_write(struct simblk_request *rq)
{
	if (simblk_is_read_only(rq) || rq->out_len > SIMBLK_MAX_DATA ||
	    !simblk_range_ok(rq->blk, rq->sector, rq->out_len) ||
	    simblk_store_write(rq->blk->store, rq->sector << SIMBLK_SECTOR_SHIFT,
			       rq->out_len, &rq->from) < 0)
		return VIRTIO_BLK_S_IOERR;
	rq->stats->writes++;
	rq->stats->write_bytes += rq->out_len;
	return VIRTIO_BLK_S_OK;
}

/* What was written is in memory, and no cache is in front of it */
static u8 simblk_flush(struct simblk_request *rq)
{
	if (!simblk_has(rq, VIRTIO_BLK_F_FLUSH))
		return VIRTIO_BLK_S_UNSUPP;
	rq->stats->flushes++;
	return VIRTIO_BLK_S_OK;
}

static u8 simblk_get_id(struct simblk_request *rq)
{
	char id[VIRTIO_BLK_ID_BYTES] = {};
	ssize_t len;

	/* ended by a zero byte only where there is room for it (5.2.6.4) */
	strtomem_pad(id, dev_name(&rq->blk->sim.vdpa.dev), 0);
	len = vdpa_vring_push(&rq->to, id, min_t(u64, sizeof(id), rq->in_len));
	if (len < 0)
		return VIRTIO_BLK_S_IOERR;
	rq->written = len;
	return VIRTIO_BLK_S_OK;
}

static u8 simblk_get_lifetime(struct simblk_request *rq)
{
	static const struct virtio_blk_lifetime life = {
		.pre_eol_info = cpu_to_le16(VIRTIO_BLK_PRE_EOL_INFO_NORMAL),
	};

	if (!simblk_has(rq, VIRTIO_BLK_F_LIFETIME))
		return VIRTIO_BLK_S_UNSUPP;
	if (rq->in_len < sizeof(life) ||
	    vdpa_vring_push(&rq->to, &life, sizeof(life)) < 0)
		return VIRTIO_BLK_S_IOERR;
	rq->written = sizeof(life);
	return VIRTIO_BLK_S_OK;
}

/**
 * struct simblk_zeroing - a kind of request that leaves zeroes
 * @feature: that allows it
 * @ranges: of a request
 * @flags: that a range may have
 * @free: gives the pages back, whatever the flags say
 */
struct simblk_zeroing {
	unsigned int feature;
	unsigned int ranges;
	u32 flags;
	bool free;
};

static const struct simblk_zeroing simblk_discard = {
	.feature = VIRTIO_BLK_F_DISCARD,
	.ranges = SIMBLK_DISCARD_RANGES,
	.free = true,
};

/* The one with a flag that has a meaning (5.2.6.2) */
static const struct simblk_zeroing simblk_write_zeroes = {
	.feature = VIRTIO_BLK_F_WRITE_ZEROES,
	.ranges = SIMBLK_ZERO_RANGES,
	.flags = VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
};

/* Nothing must be left in memory that somebody else will get */
static const struct simblk_zeroing simblk_secure_erase = {
	.feature = VIRTIO_BLK_F_SECURE_ERASE,
	.ranges = SIMBLK_ZERO_RANGES,
};

static u8 simblk_zero_range(struct simblk_request *rq,
			    const struct simblk_zeroing *kind)
{
	struct virtio_blk_discard_write_zeroes range;
	u32 flags, sectors;
	u64 sector, len;

	if (vdpa_vring_pull(&rq->from, &range, sizeof(range)) != sizeof(range))
		return VIRTIO_BLK_S_IOERR;

	flags = le32_to_cpu(range.flags);
	sectors = le32_to_cpu(range.num_sectors);
	sector = le64_to_cpu(range.sector);
	len = (u64)sectors << SIMBLK_SECTOR_SHIFT;

	if (flags & ~kind->flags)
		return VIRTIO_BLK_S_UNSUPP;
	if (sectors > rq->blk->limits.range_max ||
	    !simblk_range_ok(rq->blk, sector, len))
		return VIRTIO_BLK_S_IOERR;

	rq->zeroed += simblk_store_zero(rq->blk->store, sector << SIMBLK_SECTOR_SHIFT,
					len, kind->free || flags);
	return VIRTIO_BLK_S_OK;
}

static u8 simblk_zero(struct simblk_request *rq,
		      const struct simblk_zeroing *kind, u64 *counter)
{
	const unsigned int size = sizeof(struct virtio_blk_discard_write_zeroes);
	u8 status = VIRTIO_BLK_S_OK;
	unsigned int i, n;

	if (!simblk_has(rq, kind->feature))
		return VIRTIO_BLK_S_UNSUPP;
	if (simblk_is_read_only(rq) || !rq->out_len ||
	    rq->out_len > kind->ranges * size || rq->out_len % size)
		return VIRTIO_BLK_S_IOERR;

	n = rq->out_len / size;
	for (i = 0; i < n && status == VIRTIO_BLK_S_OK; i++)
		status = simblk_zero_range(rq, kind);
	if (status == VIRTIO_BLK_S_OK)
		++*counter;
	return status;
}

/* Reads the header and does what it says */
static u8 simblk_execute(struct simblk_request *rq)
{
	struct virtio_blk_outhdr hdr;

	if (rq->out_len < sizeof(hdr) ||
	    vdpa_vring_pull(&rq->from, &hdr, sizeof(hdr)) != sizeof(hdr))
		return VIRTIO_BLK_S_IOERR;
	rq->out_len -= sizeof(hdr);
	rq->sector = __virtio64_to_cpu(true, hdr.sector);

	switch (__virtio32_to_cpu(true, hdr.type)) {
	case VIRTIO_BLK_T_IN:
		return simblk_read(rq);
	case VIRTIO_BLK_T_OUT:
		return simblk_write(rq);
	case VIRTIO_BLK_T_FLUSH:
		return simblk_flush(rq);
	case VIRTIO_BLK_T_GET_ID:
		return simblk_get_id(rq);
	case VIRTIO_BLK_T_GET_LIFETIME:
		return simblk_get_lifetime(rq);
	case VIRTIO_BLK_T_DISCARD:
		return simblk_zero(rq, &simblk_discard, &rq->stats->discards);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return simblk_zero(rq, &simblk_write_zeroes, &rq->stats->zeroes);
	case VIRTIO_BLK_T_SECURE_ERASE:
		return simblk_zero(rq, &simblk_secure_erase, &rq->stats->erases);
	default:
		return VIRTIO_BLK_S_UNSUPP;
	}
}

/*
 * Carries one chain out: a header, data, and at the very end of the writable
 * part a byte for the status, in descriptors cut anyhow. Returns the bytes of
 * data that it moved, or zeroed.
 */
static u64 simblk_handle(struct vdpasim_vq *vq, struct vdpa_vring_chain *chain)
{
	struct simblk *blk = sim_to_blk(vq->sim);
	struct simblk_request rq = {
		.blk = blk,
		.stats = &blk->stats[vq->index],
		.out_len = chain->out_len,
	};
	struct vdpa_vring_cursor end;
	u64 written = 0;
	u8 status;

	if (unlikely(!chain->in_len)) {
		rq.stats->malformed++;
		goto complete;
	}

	vdpa_vring_cursor_out(&rq.from, &vq->vring, chain);
	vdpa_vring_cursor_in(&rq.to, &vq->vring, chain);
	rq.in_len = chain->in_len - 1;
	end = rq.to;

	status = simblk_execute(&rq);
	if (status == VIRTIO_BLK_S_IOERR)
		rq.stats->errors++;
	else if (status == VIRTIO_BLK_S_UNSUPP)
		rq.stats->unsupported++;

	/* after a read the cursor is there already; otherwise no data was read */
	if (rq.written == rq.in_len)
		end = rq.to;
	else
		vdpa_vring_skip(&end, rq.in_len);
	if (vdpa_vring_push(&end, &status, sizeof(status)) < 0)
		return 0;
	/* as far as there is no gap */
	written = rq.written + (rq.written == rq.in_len);
complete:
	vdpa_vring_complete(&vq->vring, chain, min_t(u64, written, U32_MAX));
	return chain->in_len + chain->out_len + rq.zeroed;
}

/* A batch of a queue, or as much of it as is enough for a turn */
bool simblk_process(struct vdpasim_vq *vq)
{
	u64 moved = 0;
	int i, n, idx;

	n = vdpa_vring_take(&vq->vring, vq->batch, VDPASIM_BATCH);
	if (n <= 0)
		return false;

	idx = simblk_store_enter();
	for (i = 0; i < n && moved < SIMBLK_TURN; i++) {
		moved += simblk_handle(vq, &vq->batch[i]);
		if (unlikely(vdpa_vring_broken(&vq->vring)))
			break;
	}
	simblk_store_leave(idx);

	if (unlikely(vdpa_vring_broken(&vq->vring)))
		return false;
	vdpa_vring_untake(&vq->vring, vq->batch + i, n - i);
	vdpasim_vq_flush(vq);
	return i < n || n == VDPASIM_BATCH;
}
