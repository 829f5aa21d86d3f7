// SPDX-License-Identifier: GPL-2.0
/*
 * Operations of the mock parent, but for those on memory.
 */

#include <linux/io.h>
#include <linux/jiffies.h>
#include <net/netlink.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_config.h>

#include "mock.h"

#define MOCK_VENDOR	0x6d6f636b	/* "mock" */

/* The queue, or NULL when the caller is out of its mind */
static struct mock_queue *mock_queue(struct mock *mock, u16 idx)
{
	mock_expect(mock, idx < mock->nqueues, "the device has this queue");
	return idx < mock->nqueues ? &mock->queues[idx] : NULL;
}

static struct mock_queue *mock_queue_at_rest(struct mock *mock, u16 idx)
{
	struct mock_queue *queue = mock_queue(mock, idx);

	if (queue)
		mock_expect(mock, !queue->ready || mock->suspended,
			    "a queue is set up while it is not ready");
	return queue;
}

static int mock_set_vq_address(struct vdpa_device *vdpa, u16 idx, u64 desc_area,
			       u64 driver_area, u64 device_area)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, set_vq_address, idx, desc_area, driver_area,
			      device_area);

	mock_queue_at_rest(mock, idx);
	return err;
}

static void mock_set_vq_num(struct vdpa_device *vdpa, u16 idx, u32 num)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, set_vq_num, idx, num);
	struct mock_queue *queue = mock_queue_at_rest(mock, idx);

	mock_expect(mock, num >= mock->num_min && num <= mock->num_max,
		    "a queue's size is within its limits");
	if (queue && !err)
		queue->num = num;
}

static void mock_kick_vq(struct vdpa_device *vdpa, u16 idx)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, kick_vq, idx);
	mock_queue(mock, idx);
}

static void mock_kick_vq_with_data(struct vdpa_device *vdpa, u32 data)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, kick_vq_with_data, data);
	mock_queue(mock, data & 0xffff);
}

static void mock_set_vq_cb(struct vdpa_device *vdpa, u16 idx,
			   struct vdpa_callback *cb)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, set_vq_cb, idx, !!cb->callback);
	struct mock_queue *queue = mock_queue(mock, idx);

	guard(spinlock_irqsave)(&mock->cb_lock);
	if (queue && !err)
		queue->cb = *cb;
}

static void mock_set_vq_ready(struct vdpa_device *vdpa, u16 idx, bool ready)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, set_vq_ready, idx, ready);
	struct mock_queue *queue = mock_queue(mock, idx);

	if (queue && !err)
		queue->ready = ready;
}

static bool mock_get_vq_ready(struct vdpa_device *vdpa, u16 idx)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, get_vq_ready, idx);
	struct mock_queue *queue = mock_queue(mock, idx);

	return queue && !err && queue->ready;
}

static int mock_set_vq_state(struct vdpa_device *vdpa, u16 idx,
			     const struct vdpa_vq_state *state)
{
	struct mock *mock = to_mock(vdpa);
	bool packed = mock->accepted & BIT_ULL(VIRTIO_F_RING_PACKED);
	int err = packed ?
		MOCK_CALLED(mock, set_vq_state, idx, state->packed.last_avail_idx,
			    state->packed.last_avail_counter,
			    state->packed.last_used_idx,
			    state->packed.last_used_counter) :
		MOCK_CALLED(mock, set_vq_state, idx, state->split.avail_index);
	struct mock_queue *queue = mock_queue_at_rest(mock, idx);

	if (queue && !err)
		queue->state = *state;
	return err;
}

static int mock_get_vq_state(struct vdpa_device *vdpa, u16 idx,
			     struct vdpa_vq_state *state)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, get_vq_state, idx);
	struct mock_queue *queue = mock_queue(mock, idx);

	if (queue && !err)
		*state = queue->state;
	return err;
}

/* One pair, which tells the queue */
static int mock_get_vendor_vq_stats(struct vdpa_device *vdpa, u16 idx,
				    struct sk_buff *msg,
				    struct netlink_ext_ack *extack)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, get_vendor_vq_stats, idx);

	if (!mock_queue(mock, idx) || err)
		return err;
	if (nla_put_string(msg, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, "queue") ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, idx,
			      VDPA_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}

static struct vdpa_notification_area
mock_get_vq_notification(struct vdpa_device *vdpa, u16 idx)
{
	struct vdpa_notification_area area = {};
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, get_vq_notification, idx);

	if (mock_queue(mock, idx) && !err && mock->doorbell) {
		area.addr = virt_to_phys((void *)mock->doorbell);
		area.size = PAGE_SIZE;
	}
	return area;
}

static int mock_get_vq_irq(struct vdpa_device *vdpa, u16 idx)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, get_vq_irq, idx);

	if (err || !mock_queue(mock, idx))
		return err ?: -EINVAL;
	return mock->irq ? mock->irq + idx : -ENOENT;
}

static u16 mock_get_vq_size(struct vdpa_device *vdpa, u16 idx)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, get_vq_size, idx);

	return mock_queue(mock, idx) && !err ? mock->num_max : 0;
}

static u32 mock_get_vq_align(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, get_vq_align);
	return mock->align;
}

/* There is no error, but groups that the device does not have */
static u32 mock_get_vq_group(struct vdpa_device *vdpa, u16 idx)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, get_vq_group, idx);

	mock_queue(mock, idx);
	return err ? vdpa->ngroups : idx % vdpa->ngroups;
}

static u32 mock_get_vq_desc_group(struct vdpa_device *vdpa, u16 idx)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, get_vq_desc_group, idx);

	mock_queue(mock, idx);
	return err ? vdpa->ngroups : (idx + 1) % vdpa->ngroups;
}

static u64 mock_get_device_features(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, get_device_features);
	return mock->offered;
}

static u64 mock_get_backend_features(const struct vdpa_device *vdpa)
{
	MOCK_CALLED(to_mock((struct vdpa_device *)vdpa), get_backend_features);
	return 0;
}

static int mock_set_driver_features(struct vdpa_device *vdpa, u64 features)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, set_driver_features, features);
	bool settled = mock->status & VIRTIO_CONFIG_S_FEATURES_OK;

	mock_expect(mock, !(features & ~mock->offered),
		    "a driver accepts what is offered");
	mock_expect(mock, !settled || features == mock->accepted,
		    "features don't change after FEATURES_OK");
	if (!err)
		mock->accepted = features;
	return err;
}

static u64 mock_get_driver_features(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, get_driver_features);
	return mock->accepted;
}

static void mock_set_config_cb(struct vdpa_device *vdpa, struct vdpa_callback *cb)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, set_config_cb, !!cb->callback);
	guard(spinlock_irqsave)(&mock->cb_lock);
	mock->config_cb = *cb;
}

static u16 mock_get_vq_num_max(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, get_vq_num_max);

	return err ? 0 : mock->num_max;
}

static u16 mock_get_vq_num_min(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, get_vq_num_min);
	return mock->num_min;
}

static u32 mock_get_device_id(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, get_device_id);
	return mock->class;
}

static u32 mock_get_vendor_id(struct vdpa_device *vdpa)
{
	MOCK_CALLED(to_mock(vdpa), get_vendor_id);
	return MOCK_VENDOR;
}

static u8 mock_get_status(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, get_status);
	if (time_before(jiffies, mock->settled))
		return VIRTIO_CONFIG_S_ACKNOWLEDGE;
	return mock->status | mock->imposed;
}

static void mock_set_status(struct vdpa_device *vdpa, u8 status)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, set_status, status);

	mock_expect(mock, status, "status 0 is set by reset");
	mock_expect(mock, !(mock->status & ~status & ~VIRTIO_CONFIG_S_NEEDS_RESET),
		    "bits of the status go by a reset only");
	mock_expect(mock, !time_before(jiffies, mock->settled),
		    "nobody goes on before a reset is complete");
	if (!err)
		mock->status = status;
}

static int mock_do_reset(struct mock *mock, bool clean_map)
{
	unsigned int i;

	mock->status = 0;
	mock->accepted = 0;
	mock->suspended = false;
	if (mock_settle_ms)
		mock->settled = jiffies + msecs_to_jiffies(mock_settle_ms);
	for (i = 0; i < mock->nqueues; i++) {
		mock->queues[i].ready = false;
		mock->queues[i].num = 0;
		memset(&mock->queues[i].state, 0, sizeof(mock->queues[i].state));
	}
	scoped_guard(spinlock_irqsave, &mock->cb_lock) {
		for (i = 0; i < mock->nqueues; i++)
			memset(&mock->queues[i].cb, 0, sizeof(mock->queues[i].cb));
		memset(&mock->config_cb, 0, sizeof(mock->config_cb));
	}
	if (clean_map)
		mock_drop_maps(mock);
	return 0;
}

static int mock_reset(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, reset);

	return err ?: mock_do_reset(mock, !mock->ops.reset_map);
}

static int mock_compat_reset(struct vdpa_device *vdpa, u32 flags)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, compat_reset, flags);

	return err ?: mock_do_reset(mock, flags & VDPA_RESET_F_CLEAN_MAP);
}

static int mock_suspend(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, suspend);

	mock_expect(mock, (mock->status | mock->imposed) & VIRTIO_CONFIG_S_DRIVER_OK,
		    "a device that runs is suspended");
	if (!err)
		mock->suspended = true;
	return err;
}

static int mock_resume(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, resume);

	if (!err)
		mock->suspended = false;
	return err;
}

static size_t mock_get_config_size(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, get_config_size);
	return mock->config_size;
}

static bool mock_in_config(struct mock *mock, unsigned int offset,
			   unsigned int len)
{
	bool inside = offset <= mock->config_size &&
		      len <= mock->config_size - offset;

	mock_expect(mock, inside, "an access stays in the configuration space");
	return inside;
}

static void mock_get_config(struct vdpa_device *vdpa, unsigned int offset,
			    void *buf, unsigned int len)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, get_config, offset, len);

	if (mock_in_config(mock, offset, len) && !err)
		memcpy(buf, mock->config + offset, len);
}

static void mock_set_config(struct vdpa_device *vdpa, unsigned int offset,
			    const void *buf, unsigned int len)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, set_config, offset, len);

	if (mock_in_config(mock, offset, len) && !err)
		memcpy(mock->config + offset, buf, len);
}

static u32 mock_get_generation(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, get_generation);
	return mock->generation;
}

static struct vdpa_iova_range mock_get_iova_range(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, get_iova_range);
	return mock->range;
}

static int mock_set_vq_affinity(struct vdpa_device *vdpa, u16 idx,
				const struct cpumask *cpu_mask)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, set_vq_affinity, idx, cpumask_weight(cpu_mask),
			      cpumask_first(cpu_mask));
	struct mock_queue *queue = mock_queue(mock, idx);

	if (queue && !err)
		cpumask_copy(&queue->affinity, cpu_mask);
	return err;
}

static const struct cpumask *mock_get_vq_affinity(struct vdpa_device *vdpa,
						  u16 idx)
{
	struct mock *mock = to_mock(vdpa);
	int err = MOCK_CALLED(mock, get_vq_affinity, idx);
	struct mock_queue *queue = mock_queue(mock, idx);

	return queue && !err ? &queue->affinity : NULL;
}

static struct device *mock_get_vq_dma_dev(struct vdpa_device *vdpa, u16 idx)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, get_vq_dma_dev, idx);
	mock_queue(mock, idx);
	return vdpa->dma_dev;
}

static int mock_bind_mm(struct vdpa_device *vdpa, struct mm_struct *mm)
{
	return MOCK_CALLED(to_mock(vdpa), bind_mm, mm == current->mm);
}

static void mock_unbind_mm(struct vdpa_device *vdpa)
{
	MOCK_CALLED(to_mock(vdpa), unbind_mm);
}

static void mock_free(struct vdpa_device *vdpa)
{
	struct mock *mock = to_mock(vdpa);

	MOCK_CALLED(mock, free);
	mock_release(mock);
}

void mock_interrupt_work(struct irq_work *work)
{
	struct mock *mock = container_of(work, struct mock, interrupt);
	struct vdpa_callback *cb;

	guard(spinlock_irqsave)(&mock->cb_lock);
	cb = mock->which < 0 ? &mock->config_cb : &mock->queues[mock->which].cb;
	if (cb->callback)
		cb->callback(cb->private);
}

/*
 * Calls a queue's callback, or the configuration's when @which is negative, in
 * the context that real interrupts come in. On return it has run.
 */
void mock_interrupt(struct mock *mock, int which)
{
	guard(mutex)(&mock->interrupt_lock);
	mock->which = which;
	irq_work_queue(&mock->interrupt);
	irq_work_sync(&mock->interrupt);
}

const struct vdpa_config_ops mock_ops = {
	.set_vq_address = mock_set_vq_address,
	.set_vq_num = mock_set_vq_num,
	.kick_vq = mock_kick_vq,
	.kick_vq_with_data = mock_kick_vq_with_data,
	.set_vq_cb = mock_set_vq_cb,
	.set_vq_ready = mock_set_vq_ready,
	.get_vq_ready = mock_get_vq_ready,
	.set_vq_state = mock_set_vq_state,
	.get_vq_state = mock_get_vq_state,
	.get_vendor_vq_stats = mock_get_vendor_vq_stats,
	.get_vq_notification = mock_get_vq_notification,
	.get_vq_irq = mock_get_vq_irq,
	.get_vq_size = mock_get_vq_size,
	.get_vq_align = mock_get_vq_align,
	.get_vq_group = mock_get_vq_group,
	.get_vq_desc_group = mock_get_vq_desc_group,
	.get_device_features = mock_get_device_features,
	.get_backend_features = mock_get_backend_features,
	.set_driver_features = mock_set_driver_features,
	.get_driver_features = mock_get_driver_features,
	.set_config_cb = mock_set_config_cb,
	.get_vq_num_max = mock_get_vq_num_max,
	.get_vq_num_min = mock_get_vq_num_min,
	.get_device_id = mock_get_device_id,
	.get_vendor_id = mock_get_vendor_id,
	.get_status = mock_get_status,
	.set_status = mock_set_status,
	.reset = mock_reset,
	.compat_reset = mock_compat_reset,
	.suspend = mock_suspend,
	.resume = mock_resume,
	.get_config_size = mock_get_config_size,
	.get_config = mock_get_config,
	.set_config = mock_set_config,
	.get_generation = mock_get_generation,
	.get_iova_range = mock_get_iova_range,
	.set_vq_affinity = mock_set_vq_affinity,
	.get_vq_affinity = mock_get_vq_affinity,
	.set_map = mock_set_map,
	.dma_map = mock_dma_map,
	.dma_unmap = mock_dma_unmap,
	.reset_map = mock_reset_map,
	.set_group_asid = mock_set_group_asid,
	.get_vq_dma_dev = mock_get_vq_dma_dev,
	.bind_mm = mock_bind_mm,
	.unbind_mm = mock_unbind_mm,
	.free = mock_free,
	.dma_unmap_range = mock_dma_unmap_range,
};

/* Takes away the operations that a list names, separated by commas */
int mock_ops_without(struct vdpa_config_ops *ops, const char *off)
{
	char *list __free(kfree) = kstrdup(off, GFP_KERNEL);
	char *at = list, *name;

	if (!list)
		return -ENOMEM;
	while ((name = strsep(&at, ",\n"))) {
		int op;

		if (!*name)
			continue;
		op = mock_op_find(name);
		if (op < 0 || !(mock_rules[op].flags & MOCK_OPTIONAL))
			return -EINVAL;
		((void **)ops)[op] = NULL;
	}
	return 0;
}
