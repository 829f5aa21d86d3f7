// SPDX-License-Identifier: GPL-2.0
/*
 * Virtual address mode: the parent gets addresses of the owner's, nothing is
 * pinned. A parent that was bound to the owner's memory (bind_mm) takes all of
 * it; others find it through the file behind it, which must be mapped shared.
 */

#include <linux/mm.h>
#include <linux/sched/signal.h>

#include "as_internal.h"

static int check_vma(struct vhost_vdpa_as_set *set, struct vm_area_struct *vma, u8 perm)
{
	if ((perm & VHOST_MAP_WO) && !(vma->vm_flags & VM_WRITE))
		return -EFAULT;
	if ((perm & VHOST_MAP_RO) && !(vma->vm_flags & VM_READ))
		return -EFAULT;
	if (vma->vm_flags & (VM_IO | VM_PFNMAP))
		return -EFAULT;
	if (!set->bound && !(vma->vm_file && (vma->vm_flags & VM_SHARED))) {
		dev_warn_ratelimited(&set->vdev->dev,
				     "can only map memory shared from a file (memfd, hugetlbfs), not anonymous memory\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Maps what lies in one VMA; returns how many bytes */
static s64 map_vma(struct vhost_vdpa_as *as, u64 iova, u64 size, u64 uaddr, u8 perm)
{
	struct vm_area_struct *vma;
	struct vhost_vdpa_extent *e;
	struct file *file = NULL;
	u64 offset = 0;
	int err;

	if (mmap_read_lock_killable(current->mm))
		return -EINTR;
	vma = vma_lookup(current->mm, uaddr);
	err = vma ? check_vma(as->set, vma, perm) : -EFAULT;
	if (!err) {
		size = min_t(u64, size, vma->vm_end - uaddr);
		if (vma->vm_file && (vma->vm_flags & VM_SHARED)) {
			file = vma->vm_file;
			offset = ((u64)vma->vm_pgoff << PAGE_SHIFT) +
				 (uaddr - vma->vm_start);
		}
		e = vhost_vdpa_extent_va(iova, iova + size - 1, perm, uaddr, file,
					 offset, GFP_KERNEL_ACCOUNT);
		err = e ? 0 : -ENOMEM;
	}
	mmap_read_unlock(current->mm);
	if (err)
		return err;

	err = vhost_vdpa_extent_map(as, e, NULL);
	if (err) {
		vhost_vdpa_extent_free(e);
		return err;
	}
	vhost_vdpa_extent_insert(as, e);
	return size;
}

/**
 * vhost_vdpa_map_va - map user memory by its address
 * @as: the address space, its set locked
 * @iova: where to, start of a page
 * @last: end of a page, nothing is mapped between the two
 * @uaddr: the memory, start of a page
 * @perm: VHOST_MAP_xx
 *
 * Context: the owner's, mmap lock not held.
 * Return: 0 or an error; then part of it may be mapped.
 */
int vhost_vdpa_map_va(struct vhost_vdpa_as *as, u64 iova, u64 last, u64 uaddr, u8 perm)
{
	for (;;) {
		s64 done;

		if (fatal_signal_pending(current))
			return -EINTR;
		if (READ_ONCE(as->set->stopped))
			return -ENODEV;
		/* a size of all 64 bits fails at the end of user space */
		done = map_vma(as, iova, last - iova + 1 ?: U64_MAX, uaddr, perm);
		if (done < 0)
			return done;
		if (done - 1 == last - iova)
			return 0;
		iova += done;
		uaddr += done;
		cond_resched();
	}
}
