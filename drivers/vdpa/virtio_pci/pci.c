// SPDX-License-Identifier: GPL-2.0
/*
 * Life of a function on the PCI bus: it comes by driver_override or new_id, may
 * bring virtual functions, may be reset, fail, be pulled, or sleep.
 *
 * Whatever takes the function away from its driver leaves the device in the
 * state "needs reset" (virtio 1.2, 2.1.1), with a configuration change to say
 * so. Its bus driver resets it when it is ready to begin again.
 */

#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/slab.h>

#include "vpf.h"

/* --- away and back ------------------------------------------------------- */

static void vpf_go_offline(struct vpf *vpf, bool accessible)
{
	int err = 0;

	mutex_lock(&vpf->lock);
	/* nobody's device has nothing to lose */
	if (vpf->status)
		WRITE_ONCE(vpf->broken, true);
	vpf_halt(vpf);
	if (accessible)
		err = vpf_hw_reset(vpf);
	WRITE_ONCE(vpf->offline, true);
	mutex_unlock(&vpf->lock);
	if (err)
		pci_err(vpf->mdev.pci_dev, "does not reset: %pe\n", ERR_PTR(err));
}

static void vpf_go_online(struct vpf *vpf)
{
	mutex_lock(&vpf->lock);
	if (vpf->offline) {
		WRITE_ONCE(vpf->offline, false);
		WRITE_ONCE(vpf->lost, false);
		wake_up_all(&vpf->online);
		vpf_call(&vpf->config_cb);
	}
	mutex_unlock(&vpf->lock);
}

/* From now on nobody brings it back: whoever waits for that needn't */
static void vpf_lose(struct vpf *vpf)
{
	mutex_lock(&vpf->lock);
	WRITE_ONCE(vpf->lost, true);
	mutex_unlock(&vpf->lock);
	wake_up_all(&vpf->online);
}

/* Around a reset of the function, also by the user through sysfs */
static void vpf_reset_prepare(struct pci_dev *pdev)
{
	vpf_go_offline(pci_get_drvdata(pdev), true);
}

static void vpf_reset_done(struct pci_dev *pdev)
{
	vpf_go_online(pci_get_drvdata(pdev));
}

static pci_ers_result_t vpf_error_detected(struct pci_dev *pdev,
					   pci_channel_state_t state)
{
	struct vpf *vpf = pci_get_drvdata(pdev);

	switch (state) {
	case pci_channel_io_normal:
		/* one access failed, and with it at most one buffer */
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		vpf_go_offline(vpf, false);
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		vpf_go_offline(vpf, false);
		vpf_lose(vpf);
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

static pci_ers_result_t vpf_slot_reset(struct pci_dev *pdev)
{
	struct vpf *vpf = pci_get_drvdata(pdev);

	/* as it was when the function was new, or the kernel last saved it to reset it */
	pci_restore_state(pdev);
	if (!vpf_hw_answers(vpf)) {
		pci_err(pdev, "does not answer after the reset of its slot\n");
		vpf_lose(vpf);
		return PCI_ERS_RESULT_DISCONNECT;
	}
	return PCI_ERS_RESULT_RECOVERED;
}

static void vpf_error_resume(struct pci_dev *pdev)
{
	vpf_go_online(pci_get_drvdata(pdev));
}

static const struct pci_error_handlers vpf_error_handlers = {
	.error_detected = vpf_error_detected,
	.slot_reset = vpf_slot_reset,
	.resume = vpf_error_resume,
	.reset_prepare = vpf_reset_prepare,
	.reset_done = vpf_reset_done,
};

static int vpf_suspend(struct device *dev)
{
	vpf_go_offline(dev_get_drvdata(dev), true);
	return 0;
}

static int vpf_resume(struct device *dev)
{
	vpf_go_online(dev_get_drvdata(dev));
	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(vpf_pm_ops, vpf_suspend, vpf_resume);

/* Also before another kernel takes over, whose memory this may be */
static void vpf_shutdown(struct pci_dev *pdev)
{
	struct vpf *vpf = pci_get_drvdata(pdev);

	vpf_go_offline(vpf, true);
	vpf_lose(vpf);
}

/* --- virtual functions --------------------------------------------------- */

#ifdef CONFIG_PCI_IOV
static int vpf_sriov_configure(struct pci_dev *pdev, int n)
{
	struct vpf *vpf = pci_get_drvdata(pdev);

	if (n && !vpf->sriov) {
		pci_err(pdev, "does not agree to VIRTIO_F_SR_IOV\n");
		return -EOPNOTSUPP;
	}
	return pci_sriov_configure_simple(pdev, n);
}
#else
#define vpf_sriov_configure	NULL
#endif

/* --- coming and going ---------------------------------------------------- */

/* What the function offers, and accepts when a driver wants all of it */
static int vpf_learn_features(struct vpf *vpf)
{
	struct virtio_pci_modern_device *mdev = &vpf->mdev;
	struct device *dev = &mdev->pci_dev->dev;
	u64 offered = vp_modern_get_features(mdev), sriov = 0;

	if (!(offered & BIT_ULL(VIRTIO_F_VERSION_1)))
		return dev_err_probe(dev, -EOPNOTSUPP,
				     "does not offer VIRTIO_F_VERSION_1\n");
	vpf->features = offered & ~VPF_TRANSPORT_FEATURES;

	/*
	 * A driver has to accept VIRTIO_F_SR_IOV before it enables virtual
	 * functions; once is enough, resets don't matter (6.1).
	 */
	if (mdev->pci_dev->is_physfn)
		sriov = offered & BIT_ULL(VIRTIO_F_SR_IOV);
	if (!vpf_accept(vpf, vpf->features | sriov))
		return dev_err_probe(dev, -EOPNOTSUPP,
				     "does not take the features that it offers\n");
	vpf->sriov = sriov;
	return 0;
}

/* What the function is and has; it is reset afterwards */
static int vpf_learn(struct vpf *vpf)
{
	struct virtio_pci_modern_device *mdev = &vpf->mdev;
	struct device *dev = &mdev->pci_dev->dev;
	int err;

	err = vpf_hw_reset(vpf);
	if (err)
		return dev_err_probe(dev, err, "does not reset\n");
	if (pci_msix_vec_count(mdev->pci_dev) < 0)
		return dev_err_probe(dev, -EOPNOTSUPP, "has no MSI-X\n");

	err = vpf_learn_features(vpf);
	if (err)
		goto reset;
	/* as many as there are with all features, for instance multiqueue */
	vpf->nqueues = vp_modern_get_num_queues(mdev);
	if (!vpf->nqueues) {
		err = dev_err_probe(dev, -EINVAL, "has no queues\n");
		goto reset;
	}
	err = vpf_map_doorbells(vpf);
	if (err)
		goto reset;

	err = vpf_hw_reset(vpf);
	if (err)
		vpf_unmap_doorbells(vpf);
	return err;

reset:
	vpf_hw_reset(vpf);
	return err;
}

static int vpf_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vpf *vpf;
	int err;

	vpf = kzalloc(sizeof(*vpf), GFP_KERNEL);
	if (!vpf)
		return -ENOMEM;
	mutex_init(&vpf->lock);
	init_waitqueue_head(&vpf->online);
	vpf->mdev.pci_dev = pdev;
	pci_set_drvdata(pdev, vpf);

	err = pci_enable_device(pdev);
	if (err)
		goto free_vpf;
	err = vp_modern_probe(&vpf->mdev);
	if (err) {
		dev_err_probe(&pdev->dev, err, "is not a modern virtio function\n");
		goto disable_device;
	}
	err = vpf_learn(vpf);
	if (err)
		goto remove_modern;

	pci_save_state(pdev);
	err = vpf_mgmt_register(vpf);
	if (err)
		goto unmap_doorbells;
	return 0;

unmap_doorbells:
	vpf_unmap_doorbells(vpf);
remove_modern:
	vp_modern_remove(&vpf->mdev);
disable_device:
	pci_disable_device(pdev);
free_vpf:
	kfree(vpf);
	return err;
}

static void vpf_remove(struct pci_dev *pdev)
{
	struct vpf *vpf = pci_get_drvdata(pdev);

	pci_disable_sriov(pdev);
	/* all who could would have to hold the lock that our caller holds */
	vpf_lose(vpf);
	vdpa_mgmtdev_unregister(&vpf->mgmt);
	vpf_unmap_doorbells(vpf);
	vp_modern_remove(&vpf->mdev);
	pci_disable_device(pdev);
	mutex_destroy(&vpf->lock);
	kfree(vpf);
}

/* Without a table of ids: no function is ours unless the user says so */
static struct pci_driver vpf_driver = {
	.name = VPF_NAME,
	.probe = vpf_probe,
	.remove = vpf_remove,
	.shutdown = vpf_shutdown,
	.sriov_configure = vpf_sriov_configure,
	.err_handler = &vpf_error_handlers,
	.driver.pm = pm_sleep_ptr(&vpf_pm_ops),
};
module_pci_driver(vpf_driver);

MODULE_AUTHOR("vDPA maintainers");
MODULE_DESCRIPTION("vDPA devices of virtio PCI functions");
MODULE_LICENSE("GPL");
