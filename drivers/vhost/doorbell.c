// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells of virtqueues, mapped by the client: page N of the file is the one
 * of queue N.
 */

#include <linux/mm.h>

#include "vhost_vdpa.h"

/* The doorbell of a queue, if it is one that can be given away */
static int find_doorbell(struct vhost_vdpa *v, unsigned long index, phys_addr_t *addr)
{
	struct vdpa_notification_area area;

	lockdep_assert_held(&v->doorbell_lock);

	if (v->gone)
		return -ENODEV;
	if (index >= v->nvqs)
		return -EINVAL;
	if (!v->vdev->config->get_vq_notification)
		return -EOPNOTSUPP;

	area = v->vdev->config->get_vq_notification(v->vdev, index);
	if (!PAGE_ALIGNED(area.addr))
		return -EINVAL;
	/* what else is in the page is not the client's business */
	if (area.size != PAGE_SIZE)
		return -EOPNOTSUPP;
	*addr = area.addr;
	return 0;
}

static vm_fault_t doorbell_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct vhost_vdpa *v = vma->vm_file->private_data;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	phys_addr_t addr;

	mutex_lock(&v->doorbell_lock);
	if (!find_doorbell(v, vma->vm_pgoff, &addr))
		ret = vmf_insert_pfn(vma, vmf->address & PAGE_MASK, PHYS_PFN(addr));
	mutex_unlock(&v->doorbell_lock);
	return ret;
}

static const struct vm_operations_struct doorbell_vm_ops = {
	.fault = doorbell_fault,
};

int vhost_vdpa_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct vhost_vdpa *v = file->private_data;
	phys_addr_t addr;
	int err;

	mutex_lock(&v->doorbell_lock);
	err = find_doorbell(v, vma->vm_pgoff, &addr);
	mutex_unlock(&v->doorbell_lock);
	if (err)
		return err;
	if (vma_pages(vma) != 1 || !(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_READ)
		return -EINVAL;

	/* the page comes with the first access */
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_ops = &doorbell_vm_ops;
	return 0;
}

/**
 * vhost_vdpa_doorbells_off - take doorbells away from the client, on unplug
 * @v: the device, locked
 *
 * Later accesses are answered by SIGBUS.
 */
void vhost_vdpa_doorbells_off(struct vhost_vdpa *v)
{
	lockdep_assert_held(&v->lock);

	mutex_lock(&v->doorbell_lock);
	WRITE_ONCE(v->gone, true);
	if (v->mapping)
		unmap_mapping_range(v->mapping, 0, 0, 1);
	mutex_unlock(&v->doorbell_lock);
}
