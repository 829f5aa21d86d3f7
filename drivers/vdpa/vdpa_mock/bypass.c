// SPDX-License-Identifier: GPL-2.0
/*
 * In place of a hypervisor that takes interrupts past the host: a consumer of
 * interrupt bypass for one eventfd, which counts who comes and goes.
 */

#include <linux/debugfs.h>
#include <linux/err.h>
#include <linux/eventfd.h>
#include <linux/irqbypass.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include "mock.h"

static DEFINE_MUTEX(mock_consumer_lock); /* which eventfd it is for */
static struct irq_bypass_consumer mock_consumer;
/* Changed with the lock of the bypass manager */
static unsigned int mock_producers;
static unsigned int mock_producers_gone;
static int mock_producer_irq;

static int mock_add_producer(struct irq_bypass_consumer *consumer,
			     struct irq_bypass_producer *producer)
{
	mock_producers++;
	WRITE_ONCE(mock_producer_irq, producer->irq);
	return 0;
}

static void mock_del_producer(struct irq_bypass_consumer *consumer,
			      struct irq_bypass_producer *producer)
{
	mock_producers_gone++;
	WRITE_ONCE(mock_producer_irq, 0);
}

static void mock_consumer_stop(void)
{
	lockdep_assert_held(&mock_consumer_lock);

	if (!mock_consumer.token)
		return;
	irq_bypass_unregister_consumer(&mock_consumer);
	eventfd_ctx_put(mock_consumer.token);
	mock_consumer.token = NULL;
}

/* An eventfd of the caller's, -1 for none; the numbers begin again */
static ssize_t mock_bypass_write(struct file *file, const char __user *from,
				 size_t len, loff_t *pos)
{
	struct eventfd_ctx *ctx;
	int fd, err;

	err = kstrtoint_from_user(from, len, 0, &fd);
	if (err)
		return err;

	guard(mutex)(&mock_consumer_lock);
	mock_consumer_stop();
	mock_producers = 0;
	mock_producers_gone = 0;
	mock_producer_irq = 0;
	if (fd < 0)
		return len;

	ctx = eventfd_ctx_fdget(fd);
	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	mock_consumer.token = ctx;
	mock_consumer.add_producer = mock_add_producer;
	mock_consumer.del_producer = mock_del_producer;
	err = irq_bypass_register_consumer(&mock_consumer);
	if (err) {
		eventfd_ctx_put(ctx);
		mock_consumer.token = NULL;
	}
	return err ?: len;
}

static int mock_bypass_show(struct seq_file *file, void *unused)
{
	seq_printf(file, "%u %u %d\n", READ_ONCE(mock_producers),
		   READ_ONCE(mock_producers_gone), READ_ONCE(mock_producer_irq));
	return 0;
}
DEFINE_SHOW_STORE_ATTRIBUTE(mock_bypass);

void mock_bypass_init(struct dentry *dir)
{
	debugfs_create_file("bypass", 0600, dir, NULL, &mock_bypass_fops);
}

/* With the file gone */
void mock_bypass_exit(void)
{
	guard(mutex)(&mock_consumer_lock);
	mock_consumer_stop();
}
