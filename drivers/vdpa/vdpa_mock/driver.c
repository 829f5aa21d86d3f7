// SPDX-License-Identifier: GPL-2.0
/*
 * A bus driver that calls no operation, for tests of the bus alone.
 */

#include <linux/delay.h>
#include <linux/module.h>

#include "mock.h"

static bool driver;
module_param(driver, bool, 0444);
MODULE_PARM_DESC(driver, "also makes the bus driver \"vdpa_mock\", which takes any device [N]");

static int probe_error;
module_param(probe_error, int, 0644);
MODULE_PARM_DESC(probe_error, "error of the bus driver's probe [0]");

static unsigned int remove_ms;
module_param(remove_ms, uint, 0644);
MODULE_PARM_DESC(remove_ms, "time that the bus driver takes to let a device go [0]");

static int mock_probe(struct vdpa_device *vdpa)
{
	if (!vdpa->nvqs)
		return -EINVAL;
	return probe_error;
}

static void mock_remove(struct vdpa_device *vdpa)
{
	msleep(remove_ms);
}

static struct vdpa_driver mock_driver = {
	.driver.name = "vdpa_mock",
	.probe = mock_probe,
	.remove = mock_remove,
};

int mock_driver_init(void)
{
	return driver ? vdpa_register_driver(&mock_driver) : 0;
}

void mock_driver_exit(void)
{
	if (driver)
		vdpa_unregister_driver(&mock_driver);
}
