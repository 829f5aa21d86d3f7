// SPDX-License-Identifier: GPL-2.0
/*
 * What tests read and write, below /sys/kernel/debug/vdpa_mock:
 *
 *	calls			operations called, one a line with its arguments;
 *				writing forgets them
 *	fail			"OPERATION -ERRNO [SKIP]": fails from the call after
 *				SKIP others on, with 0 no more; -EINVAL for one
 *				that has no way to fail
 *	slow			"OPERATION MILLISECONDS"
 *	bypass			interrupt producers of an eventfd: how many came, how
 *				many left, interrupt of the one there; write its number
 *	DEVICE/config		configuration space; writing changes its generation
 *	DEVICE/status		as the driver set it; writing adds bits to it
 *	DEVICE/interrupt	write the index of a queue, or "config"
 *	DEVICE/queues		index, size, ready, CPUs
 *	DEVICE/maps		address space, first and last address, permission,
 *				physical address or virtual one
 *	DEVICE/doorbell		first word of the doorbell page
 *	DEVICE/power		write "sleep" or "wake" and the bus driver is asked to,
 *				as when the machine goes to sleep
 */

#include <linux/debugfs.h>
#include <linux/pm.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>
#include <linux/vhost_iotlb.h>

#include "mock.h"

#define MOCK_LINE_MAX	80

static struct dentry *mock_root;

static ssize_t mock_get_line(char line[MOCK_LINE_MAX], const char __user *from,
			     size_t len)
{
	if (len >= MOCK_LINE_MAX)
		return -EINVAL;
	if (copy_from_user(line, from, len))
		return -EFAULT;
	line[len] = '\0';
	return len;
}

/* --- for all devices ----------------------------------------------------- */

static ssize_t mock_record_write(struct file *file, const char __user *from,
				 size_t len, loff_t *pos)
{
	mock_record_clear();
	return len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(mock_record);

static ssize_t mock_fail_write(struct file *file, const char __user *from,
			       size_t len, loff_t *pos)
{
	char line[MOCK_LINE_MAX], name[MOCK_LINE_MAX];
	unsigned int skip = 0;
	int op, value, err;

	if (mock_get_line(line, from, len) < 0 ||
	    sscanf(line, "%79s %d %u", name, &value, &skip) < 2)
		return -EINVAL;
	op = mock_op_find(name);
	err = op < 0 ? op : mock_fault_set(op, value, skip);
	return err ?: len;
}

static const struct file_operations mock_fail_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = mock_fail_write,
};

static ssize_t mock_slow_write(struct file *file, const char __user *from,
			       size_t len, loff_t *pos)
{
	char line[MOCK_LINE_MAX], name[MOCK_LINE_MAX];
	unsigned int ms;
	int op, err;

	if (mock_get_line(line, from, len) < 0 ||
	    sscanf(line, "%79s %u", name, &ms) < 2)
		return -EINVAL;
	op = mock_op_find(name);
	err = op < 0 ? op : mock_delay_set(op, ms);
	return err ?: len;
}

static const struct file_operations mock_slow_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = mock_slow_write,
};

/* --- for one device ------------------------------------------------------ */

static ssize_t mock_config_read(struct file *file, char __user *to, size_t len,
				loff_t *pos)
{
	struct mock *mock = file->private_data;
	u8 config[MOCK_CONFIG_MAX];

	scoped_guard(rwsem_read, &mock->vdpa.cf_lock)
		memcpy(config, mock->config, sizeof(config));
	return simple_read_from_buffer(to, len, pos, config, mock->config_size);
}

static ssize_t mock_config_write(struct file *file, const char __user *from,
				 size_t len, loff_t *pos)
{
	struct mock *mock = file->private_data;

	guard(rwsem_write)(&mock->vdpa.cf_lock);
	mock->generation++;
	return simple_write_to_buffer(mock->config, mock->config_size, pos, from,
				      len);
}

static const struct file_operations mock_config_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = mock_config_read,
	.write = mock_config_write,
	.llseek = default_llseek,
};

static int mock_status_show(struct seq_file *file, void *unused)
{
	struct mock *mock = file->private;

	seq_printf(file, "%u\n", mock->status | mock->imposed);
	return 0;
}

static ssize_t mock_status_write(struct file *file, const char __user *from,
				 size_t len, loff_t *pos)
{
	struct mock *mock = ((struct seq_file *)file->private_data)->private;
	int err = kstrtou8_from_user(from, len, 0, &mock->imposed);

	return err ?: len;
}
DEFINE_SHOW_STORE_ATTRIBUTE(mock_status);

static ssize_t mock_interrupt_write(struct file *file, const char __user *from,
				    size_t len, loff_t *pos)
{
	struct mock *mock = file->private_data;
	char line[MOCK_LINE_MAX];
	unsigned int which;

	if (mock_get_line(line, from, len) < 0)
		return -EINVAL;
	if (!sysfs_streq(line, "config")) {
		if (kstrtouint(line, 0, &which) || which >= mock->nqueues)
			return -EINVAL;
		mock_interrupt(mock, which);
	} else {
		mock_interrupt(mock, -1);
	}
	return len;
}

static const struct file_operations mock_interrupt_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = mock_interrupt_write,
};

static int mock_queues_show(struct seq_file *file, void *unused)
{
	struct mock *mock = file->private;
	unsigned int i;

	for (i = 0; i < mock->nqueues; i++) {
		const struct mock_queue *queue = &mock->queues[i];

		seq_printf(file, "%u %u %s %*pbl\n", i, queue->num,
			   queue->ready ? "ready" : "stopped",
			   cpumask_pr_args(&queue->affinity));
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mock_queues);

static int mock_maps_show(struct seq_file *file, void *unused)
{
	struct mock *mock = file->private;
	struct vhost_iotlb_map *map;
	unsigned int asid;

	guard(mutex)(&mock->map_lock);
	for (asid = 0; asid < mock->vdpa.nas; asid++) {
		for (map = vhost_iotlb_itree_first(mock->maps[asid], 0, U64_MAX);
		     map; map = vhost_iotlb_itree_next(map, 0, U64_MAX))
			seq_printf(file, "%u 0x%llx 0x%llx %u 0x%llx\n", asid,
				   map->start, map->last, map->perm, map->addr);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mock_maps);

static int mock_doorbell_show(struct seq_file *file, void *unused)
{
	struct mock *mock = file->private;

	seq_printf(file, "0x%x\n",
		   mock->doorbell ? READ_ONCE(*(u32 *)mock->doorbell) : 0);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mock_doorbell);

/* The callbacks of a suspend to RAM, which the machine of a test may not survive */
static int mock_sleep(struct device *dev, bool wake)
{
	const struct dev_pm_ops *pm;
	int (*call)(struct device *dev);

	guard(device)(dev);
	pm = dev->driver ? dev->driver->pm : NULL;
	if (!pm)
		return -EOPNOTSUPP;
	call = wake ? pm->resume : pm->suspend;
	return call ? call(dev) : 0;
}

static ssize_t mock_power_write(struct file *file, const char __user *from,
				size_t len, loff_t *pos)
{
	struct mock *mock = file->private_data;
	char line[MOCK_LINE_MAX];
	int err;

	if (mock_get_line(line, from, len) < 0)
		return -EINVAL;
	if (sysfs_streq(line, "sleep"))
		err = mock_sleep(&mock->vdpa.dev, false);
	else if (sysfs_streq(line, "wake"))
		err = mock_sleep(&mock->vdpa.dev, true);
	else
		err = -EINVAL;
	return err ?: len;
}

static const struct file_operations mock_power_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = mock_power_write,
};

void mock_debugfs_add(struct mock *mock)
{
	mock->dir = debugfs_create_dir(dev_name(&mock->vdpa.dev), mock_root);
	debugfs_create_file("config", 0600, mock->dir, mock, &mock_config_fops);
	debugfs_create_file("status", 0600, mock->dir, mock, &mock_status_fops);
	debugfs_create_file("interrupt", 0200, mock->dir, mock,
			    &mock_interrupt_fops);
	debugfs_create_file("queues", 0400, mock->dir, mock, &mock_queues_fops);
	debugfs_create_file("maps", 0400, mock->dir, mock, &mock_maps_fops);
	debugfs_create_file("doorbell", 0400, mock->dir, mock,
			    &mock_doorbell_fops);
	debugfs_create_file("power", 0200, mock->dir, mock, &mock_power_fops);
}

/* Waits for those who are reading or writing */
void mock_debugfs_del(struct mock *mock)
{
	debugfs_remove(mock->dir);
}

void mock_debugfs_init(void)
{
	mock_root = debugfs_create_dir("vdpa_mock", NULL);
	debugfs_create_file("calls", 0600, mock_root, NULL, &mock_record_fops);
	debugfs_create_file("fail", 0200, mock_root, NULL, &mock_fail_fops);
	debugfs_create_file("slow", 0200, mock_root, NULL, &mock_slow_fops);
	mock_bypass_init(mock_root);
}

void mock_debugfs_exit(void)
{
	debugfs_remove(mock_root);
	mock_bypass_exit();
}
