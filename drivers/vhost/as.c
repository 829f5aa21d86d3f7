// SPDX-License-Identifier: GPL-2.0
/*
 * Sets of address spaces: what the char device calls.
 */

#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "as_internal.h"

/**
 * DOC: address spaces of a vhost-vdpa device
 *
 * A client maps pieces of its memory at I/O addresses of its choice, in one of
 * the address spaces (ASID) that the device has. An address space comes into
 * being when it is first used. It is a tree of extents; an extent is a number
 * of runs, a run is pinned memory that is contiguous on both sides.
 *
 * The parent is told in one of three ways, found once when the device is
 * opened: by whole tables (set_map), run by run (dma_map, dma_unmap), or through
 * an IOMMU domain that the set owns.
 *
 * Two rules hold on each path, those of errors included. Memory is pinned
 * before the parent hears of it, and given back only after the parent has
 * dropped it. And an INVALIDATE removes exactly the pages that it names.
 *
 * Pinned memory is charged to the process that owns the device, once for each
 * page: a page that is mapped again, in another address space or on another
 * device of the same owner, costs nothing. What is charged is seen as VmPin in
 * /proc/PID/status. The limit is RLIMIT_MEMLOCK, above which an UPDATE fails
 * with ENOMEM, unless the client has CAP_IPC_LOCK.
 *
 * In virtual address mode nothing is pinned or charged: the parent gets
 * addresses of the client's.
 *
 * Locks: the set's lock puts all calls of a set in a row, those of the parent's
 * included; within it come the mmap lock of the owner, and the lock of the
 * account that the sets of an owner share.
 */

/* Nothing is mapped, whatever the parent offers to a kernel driver */
static int clear_all(struct vhost_vdpa_as_set *set)
{
	int err = 0;
	u32 asid;

	for (asid = 0; !err && set->way->clear && asid < set->nas; asid++)
		err = set->way->clear(set, asid);
	return err;
}

/* The parent has again what it offers to a kernel driver */
static void restore_all(struct vhost_vdpa_as_set *set)
{
	const struct vdpa_config_ops *ops = set->vdev->config;
	u32 asid;

	for (asid = 0; ops->reset_map && asid < set->nas; asid++) {
		if (set->as[asid] || set->way->clear)
			ops->reset_map(set->vdev, asid);
	}
}

/**
 * vhost_vdpa_as_create - the address spaces of a device, on open
 * @vdev: the device, reset
 *
 * Nothing is mapped at first, whatever the parent offers to a kernel driver.
 *
 * Context: may sleep.
 * Return: the set, for vhost_vdpa_as_destroy(); or an ERR_PTR: -ENOMEM; where
 * the platform has to translate also -EOPNOTSUPP (there is no IOMMU, or not a
 * coherent one), -EPERM (interrupts are not isolated), or what attaching to
 * the IOMMU says; otherwise what the parent says when it has to drop all mappings.
 */
struct vhost_vdpa_as_set *vhost_vdpa_as_create(struct vdpa_device *vdev)
{
	const struct vdpa_config_ops *ops = vdev->config;
	struct vhost_vdpa_as_set *set;
	int err = -ENOMEM;

	set = kvzalloc(struct_size(set, as, vdev->nas), GFP_KERNEL_ACCOUNT);
	if (!set)
		return ERR_PTR(-ENOMEM);
	set->vdev = vdev;
	set->nas = vdev->nas;
	mutex_init(&set->lock);
	set->range.last = U64_MAX;
	if (ops->get_iova_range)
		set->range = ops->get_iova_range(vdev);

	set->pages = kmalloc_array(VHOST_VDPA_CHUNK, sizeof(*set->pages),
				   GFP_KERNEL_ACCOUNT);
	set->runs = kmalloc_array(VHOST_VDPA_RUNS_MAX, sizeof(*set->runs),
				  GFP_KERNEL_ACCOUNT);
	if (!set->pages || !set->runs)
		goto free_set;

	set->way = ops->set_map ? &vhost_vdpa_way_table :
		   ops->dma_map ? &vhost_vdpa_way_direct : &vhost_vdpa_way_iommu;
	err = set->way->init ? set->way->init(set) : 0;
	if (err)
		goto free_set;

	err = clear_all(set);
	if (err)
		goto exit_way;
	return set;

exit_way:
	restore_all(set);
	if (set->way->exit)
		set->way->exit(set);
free_set:
	kfree(set->runs);
	kfree(set->pages);
	mutex_destroy(&set->lock);
	kvfree(set);
	return ERR_PTR(err);
}

/* With the device reset: the parent can't refuse, it has no use for memory */
static void drop_all(struct vhost_vdpa_as_set *set)
{
	u32 asid;

	lockdep_assert_held(&set->lock);

	for (asid = 0; asid < set->nas; asid++) {
		struct vhost_vdpa_as *as = set->as[asid];

		if (!as)
			continue;
		as->batch = false;
		vhost_vdpa_remove(as, 0, U64_MAX, VHOST_VDPA_REMOVE_FORCE);
		vhost_vdpa_sync(as);
		/* what the parent has refused */
		vhost_vdpa_release(set, &as->gone);
	}
}

static void unset_mm(struct vhost_vdpa_as_set *set)
{
	struct vdpa_device *vdev = set->vdev;

	lockdep_assert_held(&set->lock);

	drop_all(set);
	if (set->bound && vdev->config->unbind_mm)
		vdev->config->unbind_mm(vdev);
	set->bound = false;
	if (set->account)
		vhost_vdpa_account_put(set->account);
	set->account = NULL;
}

static int bind_mm(struct vhost_vdpa_as_set *set, struct mm_struct *mm)
{
	struct vdpa_device *vdev = set->vdev;
	int err;

	if (!vdev->use_va || !vdev->config->bind_mm)
		return 0;
	err = vdev->config->bind_mm(vdev, mm);
	set->bound = !err;
	return err;
}

/**
 * vhost_vdpa_as_set_mm - who maps memory and pays for it
 * @set: the set
 * @mm: memory of the new owner; NULL for none, and then all is unmapped. The
 *	device must have been reset before.
 *
 * Context: may sleep.
 * Return: 0; -EBUSY when there is an owner already, -ENOMEM, or what the parent
 * says to bind_mm.
 */
int vhost_vdpa_as_set_mm(struct vhost_vdpa_as_set *set, struct mm_struct *mm)
{
	struct vhost_vdpa_account *account;
	int err = 0;

	mutex_lock(&set->lock);
	if (!mm) {
		unset_mm(set);
		goto unlock;
	}
	err = -EBUSY;
	if (set->account)
		goto unlock;
	account = vhost_vdpa_account_get(mm);
	err = PTR_ERR_OR_ZERO(account);
	if (err)
		goto unlock;
	err = bind_mm(set, mm);
	if (err)
		vhost_vdpa_account_put(account);
	else
		set->account = account;
unlock:
	mutex_unlock(&set->lock);
	return err;
}

/**
 * vhost_vdpa_as_stop - end what is going on, before unplug
 * @set: the set
 *
 * A vhost_vdpa_as_update() that is on its way undoes what it did and returns
 * -ENODEV, as all later ones do. Does not wait for it.
 */
void vhost_vdpa_as_stop(struct vhost_vdpa_as_set *set)
{
	/* read by those who map, chunk by chunk */
	WRITE_ONCE(set->stopped, true);
}

/**
 * vhost_vdpa_as_destroy - unmap and unpin everything, on release or unplug
 * @set: the set; no other call is in progress, and none may follow
 *
 * The device must have been reset, and must still take calls: on unplug this
 * belongs into the bus driver's remove. Leaves the parent's address spaces as
 * they were after its creation, if it has reset_map.
 *
 * Context: may sleep; in any process.
 */
void vhost_vdpa_as_destroy(struct vhost_vdpa_as_set *set)
{
	u32 asid;

	mutex_lock(&set->lock);
	unset_mm(set);
	restore_all(set);
	for (asid = 0; asid < set->nas; asid++) {
		struct vhost_vdpa_as *as = set->as[asid];

		if (!as)
			continue;
		if (as->table)
			vhost_iotlb_free(as->table);
		kfree(as);
	}
	if (set->way->exit)
		set->way->exit(set);
	vhost_vdpa_extent_free_spare(set);
	mutex_unlock(&set->lock);

	kfree(set->runs);
	kfree(set->pages);
	mutex_destroy(&set->lock);
	kvfree(set);
}

/**
 * vhost_vdpa_as_range - what may be mapped
 * @set: the set
 * @range: for first and last I/O address
 */
void vhost_vdpa_as_range(struct vhost_vdpa_as_set *set, struct vdpa_iova_range *range)
{
	*range = set->range;
}

/* The address space @asid, which this may be the first to use */
static struct vhost_vdpa_as *get_as(struct vhost_vdpa_as_set *set, u32 asid)
{
	struct vhost_vdpa_as *as;

	lockdep_assert_held(&set->lock);

	if (asid >= set->nas)
		return ERR_PTR(-EINVAL);
	as = set->as[asid];
	if (as)
		return as;

	as = kzalloc(sizeof(*as), GFP_KERNEL_ACCOUNT);
	if (!as)
		return ERR_PTR(-ENOMEM);
	as->set = set;
	as->asid = asid;
	as->extents = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&as->gone);
	set->as[asid] = as;
	return as;
}

static int add_mapping(struct vhost_vdpa_as *as, u64 first, u64 last, u64 uaddr, u8 perm,
		       u64 *present)
{
	struct vhost_vdpa_extent *e = vhost_vdpa_extent_find(as, first);
	int err;

	if (as->set->way->reaches && !as->set->way->reaches(as->set, first, last))
		return -EINVAL;
	if (e && e->iova <= last)
		return -EEXIST;

	/* a parent without tables must not be told of it before it drops these */
	if (!as->set->way->sync && !list_empty(&as->gone)) {
		err = vhost_vdpa_sync(as);
		if (err)
			return err;
	}
	err = as->set->vdev->use_va ? vhost_vdpa_map_va(as, first, last, uaddr, perm) :
				      vhost_vdpa_pin(as, first, last, uaddr, perm, present);
	if (!err && as->set->way->sync) {
		as->dirty = true;
		err = as->batch ? 0 : vhost_vdpa_sync(as);
	}
	if (err)
		vhost_vdpa_remove(as, first, last, VHOST_VDPA_REMOVE_UNDO);
	return err;
}

/**
 * vhost_vdpa_as_update - map user memory
 * @set: the set
 * @asid: address space
 * @iova: I/O address
 * @size: bytes
 * @uaddr: the memory
 * @perm: VHOST_MAP_RO for memory that the device may read, VHOST_MAP_WO, or both
 * @present: with VHOST_VDPA_ABSENT, set to how many pages were there
 *
 * Maps the pages that @iova and @size touch, to as many pages from the one on
 * that @uaddr lies in. Mapped is all of it or, on error, nothing. In a batch, a
 * parent with set_map hears of it at the end.
 *
 * Context: in the process that owns the set; may sleep, but not for memory.
 * Return: 0, or
 *
 * * VHOST_VDPA_ABSENT: memory is not present; vhost_vdpa_as_populate() brings
 *   some, or says why it can't, and then the caller tries again
 * * -EINVAL: no such address space; nothing, or more than the IOVA range has
 *   room for; addresses that the platform keeps for itself; a wrong @perm
 * * -EEXIST: something is mapped there already
 * * -EPERM: there is no owner, or it is another process
 * * -EFAULT: not memory of the process's, or not writable and @perm needs it
 * * -ENOMEM: RLIMIT_MEMLOCK, or the machine's memory
 * * -EOPNOTSUPP: memory that the parent can't use, see vhost_vdpa_map_va()
 * * -EINTR, -ENODEV: killed, stopped
 * * what the parent says
 */
int vhost_vdpa_as_update(struct vhost_vdpa_as_set *set, u32 asid, u64 iova, u64 size,
			 u64 uaddr, u8 perm, u64 *present)
{
	struct vhost_vdpa_as *as;
	u64 end, uend;
	int err;

	if (!size || check_add_overflow(iova, size - 1, &end) ||
	    iova < set->range.first || end > set->range.last ||
	    !perm || perm & ~VHOST_MAP_RW)
		return -EINVAL;
	if (check_add_overflow(uaddr, size - 1, &uend))
		return -EFAULT;

	if (mutex_lock_killable(&set->lock))
		return -EINTR;
	as = get_as(set, asid);
	if (IS_ERR(as))
		err = PTR_ERR(as);
	else if (READ_ONCE(set->stopped))
		err = -ENODEV;
	else if (!set->account || vhost_vdpa_account_mm(set->account) != current->mm)
		err = -EPERM;
	else
		err = add_mapping(as, iova & PAGE_MASK, end | ~PAGE_MASK,
				  uaddr & PAGE_MASK, perm, present);
	mutex_unlock(&set->lock);
	return err;
}

/**
 * vhost_vdpa_as_invalidate - unmap
 * @set: the set
 * @asid: address space
 * @iova: I/O address
 * @size: bytes; with @iova 0 and all bits set, everything
 *
 * Unmaps the pages that the range touches, and no others; there can be many
 * mappings in it, parts of them, or none. On return the memory is given back; in
 * a batch that may come later, with the next UPDATE or the end.
 *
 * A device that is running may find a mapping absent for a moment when a part
 * of it is unmapped, unless the parent has set_map.
 *
 * Context: may sleep.
 * Return: 0; -EINVAL for no such address space, an empty range, or one that
 * wraps around; -ENOMEM, with nothing changed; or an error of the parent's, see
 * vhost_vdpa_remove() and vhost_vdpa_sync().
 */
int vhost_vdpa_as_invalidate(struct vhost_vdpa_as_set *set, u32 asid, u64 iova, u64 size)
{
	struct vhost_vdpa_as *as;
	u64 end;
	int err;

	if (!size || check_add_overflow(iova, size - 1, &end))
		return -EINVAL;

	mutex_lock(&set->lock);
	as = get_as(set, asid);
	err = PTR_ERR_OR_ZERO(as);
	if (!err) {
		int sync_err;

		err = vhost_vdpa_remove(as, iova & PAGE_MASK, end | ~PAGE_MASK,
					VHOST_VDPA_REMOVE);
		sync_err = as->batch ? 0 : vhost_vdpa_sync(as);
		err = err ?: sync_err;
	}
	mutex_unlock(&set->lock);
	return err;
}

/**
 * vhost_vdpa_as_batch_begin - many messages are about to come
 * @set: the set
 * @asid: address space they are for
 *
 * A second one without an end between them changes nothing.
 *
 * Return: 0, -EINVAL for no such address space, -ENOMEM.
 */
int vhost_vdpa_as_batch_begin(struct vhost_vdpa_as_set *set, u32 asid)
{
	struct vhost_vdpa_as *as;

	mutex_lock(&set->lock);
	as = get_as(set, asid);
	if (!IS_ERR(as))
		as->batch = true;
	mutex_unlock(&set->lock);
	return PTR_ERR_OR_ZERO(as);
}

/**
 * vhost_vdpa_as_batch_end - the messages were all
 * @set: the set
 * @asid: address space they were for
 *
 * Return: 0; -EINVAL for no such address space, -ENOMEM; or the parent's error.
 * After one of set_map's it still has the table from before the batch, and gets
 * all changes with the next one.
 */
int vhost_vdpa_as_batch_end(struct vhost_vdpa_as_set *set, u32 asid)
{
	struct vhost_vdpa_as *as;
	int err;

	mutex_lock(&set->lock);
	as = get_as(set, asid);
	err = PTR_ERR_OR_ZERO(as);
	if (!err) {
		as->batch = false;
		err = vhost_vdpa_sync(as);
	}
	mutex_unlock(&set->lock);
	return err;
}

/**
 * vhost_vdpa_as_reset - after the device was reset
 * @set: the set
 * @keep: mappings stay (the client has acknowledged IOTLB_PERSIST), otherwise
 *	they go, and batches end
 *
 * Context: may sleep.
 * Return: 0, or what the parent says for which memory may be mapped that should not.
 */
int vhost_vdpa_as_reset(struct vhost_vdpa_as_set *set, bool keep)
{
	int err;

	if (keep)
		return 0;
	mutex_lock(&set->lock);
	drop_all(set);
	/* the reset may have brought back what a kernel driver may see */
	err = clear_all(set);
	mutex_unlock(&set->lock);
	return err;
}

/* Called when the module comes */
int vhost_vdpa_as_init(void)
{
	int err = vhost_vdpa_extent_init();

	if (err)
		return err;
	err = vhost_vdpa_account_init();
	if (err)
		vhost_vdpa_extent_exit();
	return err;
}

/* Called when it goes */
void vhost_vdpa_as_exit(void)
{
	vhost_vdpa_account_exit();
	vhost_vdpa_extent_exit();
}
