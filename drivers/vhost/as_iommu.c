// SPDX-License-Identifier: GPL-2.0
/*
 * The way to a parent that leaves translation to the platform: an IOMMU domain
 * of our own, attached to the device that does DMA.
 */

#include <linux/iommu.h>
#include <linux/module.h>

#include "as_internal.h"

static bool allow_unsafe_interrupts;
module_param(allow_unsafe_interrupts, bool, 0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "Open devices although the platform can't keep a client from raising any interrupt by DMA (default: false)");

static int check_interrupts(struct vhost_vdpa_as_set *set, struct device *dma_dev)
{
	struct iommu_group *group = iommu_group_get(dma_dev);
	bool isolated;

	if (!group)
		return -EOPNOTSUPP;
	isolated = iommu_group_has_isolated_msi(group);
	iommu_group_put(group);
	if (isolated)
		return 0;
	if (!allow_unsafe_interrupts) {
		dev_warn(&set->vdev->dev,
			 "no interrupt remapping: turn it on in the firmware, or load vhost_vdpa with allow_unsafe_interrupts=1 if you trust all clients\n");
		return -EPERM;
	}
	dev_warn_once(&set->vdev->dev,
		      "no interrupt remapping, and allow_unsafe_interrupts is on: a client can raise any interrupt\n");
	return 0;
}

static int check_domain(struct vhost_vdpa_as_set *set, struct iommu_domain *domain)
{
	if (1UL << __ffs(domain->pgsize_bitmap) > PAGE_SIZE) {
		dev_warn(&set->vdev->dev, "the IOMMU's pages are larger than the CPU's\n");
		return -EOPNOTSUPP;
	}
	return 0;
}

/*
 * Where a doorbell for interrupts is memory like any other, the IOMMU driver maps it
 * into the domain, at addresses that it has to be told of: without, a device has no
 * interrupts. A window of the hardware's own makes that unnecessary.
 */
static int map_interrupts(struct vhost_vdpa_as_set *set, struct iommu_domain *domain)
{
	struct iommu_resv_region *region, *window = NULL;
	int err;

	list_for_each_entry(region, &set->reserved, list) {
		if (region->type == IOMMU_RESV_MSI)
			return 0;
		if (region->type == IOMMU_RESV_SW_MSI)
			window = region;
	}
	if (!window)
		return 0;
	err = iommu_get_msi_cookie(domain, window->start);
	/* a kernel in which nothing is mapped for anybody */
	return err == -ENODEV ? 0 : err;
}

static int iommu_way_init(struct vhost_vdpa_as_set *set)
{
	struct device *dma_dev = vdpa_get_dma_dev(set->vdev);
	struct iommu_domain *domain;
	int err;

	if (!dma_dev || !device_iommu_mapped(dma_dev)) {
		dev_warn(&set->vdev->dev,
			 "no IOMMU translates for it: turn the IOMMU on (intel_iommu=on, or in the firmware)\n");
		return -EOPNOTSUPP;
	}
	if (!device_iommu_capable(dma_dev, IOMMU_CAP_CACHE_COHERENCY)) {
		dev_warn(&set->vdev->dev, "its DMA is not cache coherent\n");
		return -EOPNOTSUPP;
	}
	if (set->nas > 1)
		dev_warn_once(&set->vdev->dev,
			      "the platform's IOMMU gives it one address space, not %u\n",
			      set->nas);

	err = check_interrupts(set, dma_dev);
	if (err)
		return err;

	domain = iommu_paging_domain_alloc(dma_dev);
	if (IS_ERR(domain))
		return PTR_ERR(domain);

	INIT_LIST_HEAD(&set->reserved);
	iommu_get_resv_regions(dma_dev, &set->reserved);
	err = check_domain(set, domain);
	if (err)
		goto free_domain;
	err = map_interrupts(set, domain);
	if (err)
		goto free_domain;
	err = iommu_attach_device(domain, dma_dev);
	if (err)
		goto free_domain;

	set->domain = domain;
	if (!set->vdev->config->get_iova_range && domain->geometry.force_aperture) {
		set->range.first = domain->geometry.aperture_start;
		set->range.last = domain->geometry.aperture_end;
	}
	return 0;

free_domain:
	iommu_put_resv_regions(dma_dev, &set->reserved);
	iommu_domain_free(domain);
	return err;
}

static void iommu_way_exit(struct vhost_vdpa_as_set *set)
{
	struct device *dma_dev = vdpa_get_dma_dev(set->vdev);

	iommu_detach_device(set->domain, dma_dev);
	iommu_domain_free(set->domain);
	iommu_put_resv_regions(dma_dev, &set->reserved);
}

/*
 * What the device does at some addresses, such as raising interrupts on x86, never
 * gets as far as the domain. Memory that the firmware uses only until there is a
 * driver (relaxable) is no obstacle.
 */
static bool iommu_way_reaches(struct vhost_vdpa_as_set *set, u64 first, u64 last)
{
	struct iommu_resv_region *region;

	list_for_each_entry(region, &set->reserved, list) {
		if (region->type != IOMMU_RESV_DIRECT_RELAXABLE && region->length &&
		    first <= region->start + (region->length - 1) && last >= region->start)
			return false;
	}
	return true;
}

static int iommu_way_map(struct vhost_vdpa_as *as, u64 iova, u64 size, u64 addr,
			 u32 perm, void *opaque)
{
	int prot = IOMMU_CACHE;

	/* there is no interface by which a device learns of more */
	if (as->asid)
		return -EOPNOTSUPP;
	if (perm & VHOST_MAP_RO)
		prot |= IOMMU_READ;
	if (perm & VHOST_MAP_WO)
		prot |= IOMMU_WRITE;
	return iommu_map(as->set->domain, iova, addr, size, prot, GFP_KERNEL_ACCOUNT);
}

/* On return the IOMMU has forgotten the range, its caches included */
static int iommu_way_unmap(struct vhost_vdpa_as *as, u64 iova, u64 size)
{
	return iommu_unmap(as->set->domain, iova, size) < size ? -EIO : 0;
}

const struct vhost_vdpa_way vhost_vdpa_way_iommu = {
	.init = iommu_way_init,
	.exit = iommu_way_exit,
	.reaches = iommu_way_reaches,
	.map = iommu_way_map,
	.unmap = iommu_way_unmap,
};
