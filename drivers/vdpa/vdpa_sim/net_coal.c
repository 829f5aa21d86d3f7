// SPDX-License-Identifier: GPL-2.0
/*
 * Notification coalescing of the simulated network device (virtio 1.3,
 * 5.1.6.5.8): used buffers of a queue are told of together, after a number of
 * frames or a time, whichever comes first.
 */

#include "net.h"

static struct vdpasim_vq *simnet_coal_vq(struct simnet_coal *coal)
{
	return &coal->net->sim.vqs[coal->index];
}

static void simnet_coal_notify(struct simnet_coal *coal)
{
	/* its function takes no lock; work that is on its way may come early */
	hrtimer_cancel(&coal->timer);
	coal->armed = false;
	coal->wanted = false;
	coal->frames = 0;
	vdpasim_vq_notify(simnet_coal_vq(coal));
}

/* The time is over; what the driver gave as a callback is called with the lock */
static void simnet_coal_work(struct work_struct *work)
{
	struct simnet_coal *coal = container_of(work, struct simnet_coal, work);
	struct vdpasim_vq *vq = simnet_coal_vq(coal);

	mutex_lock(&vq->lock);
	if (coal->wanted)
		simnet_coal_notify(coal);
	mutex_unlock(&vq->lock);
}

static enum hrtimer_restart simnet_coal_timer(struct hrtimer *timer)
{
	struct simnet_coal *coal = container_of(timer, struct simnet_coal, timer);

	queue_work(system_highpri_wq, &coal->work);
	return HRTIMER_NORESTART;
}

void simnet_coal_init(struct simnet_coal *coal, struct simnet *net, u16 index)
{
	coal->net = net;
	coal->index = index;
	INIT_WORK(&coal->work, simnet_coal_work);
	hrtimer_init(&coal->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	coal->timer.function = simnet_coal_timer;
}

/* Before the queue goes, which is not in use any more */
void simnet_coal_destroy(struct simnet_coal *coal)
{
	hrtimer_cancel(&coal->timer);
	cancel_work_sync(&coal->work);
}

/**
 * simnet_coal_flush - publish completed chains, and perhaps notify
 * @vq: the queue, with its lock held
 * @frames: that are in them
 */
void simnet_coal_flush(struct vdpasim_vq *vq, unsigned int frames)
{
	struct simnet_coal *coal = &simnet_queue(vq)->coal;

	coal->wanted |= vdpa_vring_flush(&vq->vring);
	coal->frames += frames;
	if (!coal->wanted)
		return;
	if (coal->frames >= coal->max_frames) {
		simnet_coal_notify(coal);
	} else if (!coal->armed) {
		coal->armed = true;
		hrtimer_start(&coal->timer,
			      ns_to_ktime((u64)coal->max_usecs * NSEC_PER_USEC),
			      HRTIMER_MODE_REL);
	}
}

/* What is being held back is told at once, so that no change can lose it */
static void simnet_coal_set(struct simnet_coal *coal, u32 usecs, u32 frames)
{
	struct vdpasim_vq *vq = simnet_coal_vq(coal);

	mutex_lock_nested(&vq->lock, SINGLE_DEPTH_NESTING);
	if (coal->wanted)
		simnet_coal_notify(coal);
	coal->max_usecs = usecs;
	coal->max_frames = frames;
	mutex_unlock(&vq->lock);
}

/**
 * simnet_coal_suspend - notify now instead of later
 * @net: the device, whose queues stopped
 *
 * Nothing is held back any more on return, and no timer runs that could do
 * anything.
 */
void simnet_coal_suspend(struct simnet *net)
{
	unsigned int i;

	for (i = 0; i < net->pairs * 2; i++) {
		struct simnet_coal *coal = &net->queues[i].coal;
		struct vdpasim_vq *vq = simnet_coal_vq(coal);

		mutex_lock(&vq->lock);
		if (coal->wanted)
			simnet_coal_notify(coal);
		mutex_unlock(&vq->lock);
	}
}

void simnet_coal_reset(struct simnet *net)
{
	unsigned int i;

	for (i = 0; i < net->pairs * 2; i++)
		simnet_coal_set(&net->queues[i].coal, 0, 0);
}

/* --- commands ------------------------------------------------------------ */

/* For all queues of a direction: @first is 0 for those that receive, or 1 */
static u8 simnet_coal_set_all(struct simnet *net, unsigned int first,
			      struct vdpa_vring_cursor *from)
{
	struct virtio_net_ctrl_coal raw;
	unsigned int i;

	if (!simnet_has(net, VIRTIO_NET_F_NOTF_COAL) ||
	    vdpa_vring_pull(from, &raw, sizeof(raw)) != sizeof(raw))
		return VIRTIO_NET_ERR;
	for (i = first; i < net->pairs * 2; i += 2)
		simnet_coal_set(&net->queues[i].coal, le32_to_cpu(raw.max_usecs),
				le32_to_cpu(raw.max_packets));
	return VIRTIO_NET_OK;
}

/* The queue that a command names; NULL unless it is one for frames, and enabled */
static struct simnet_coal *simnet_coal_find(struct simnet *net, __le16 raw)
{
	u16 index = le16_to_cpu(raw);

	if (!simnet_has(net, VIRTIO_NET_F_VQ_NOTF_COAL) ||
	    index >= simnet_control_index(net) ||
	    !READ_ONCE(net->sim.vqs[index].ready))
		return NULL;
	return &net->queues[index].coal;
}

static u8 simnet_coal_set_one(struct simnet *net, struct vdpa_vring_cursor *from)
{
	struct virtio_net_ctrl_coal_vq raw;
	struct simnet_coal *coal;

	if (vdpa_vring_pull(from, &raw, sizeof(raw)) != sizeof(raw))
		return VIRTIO_NET_ERR;
	coal = simnet_coal_find(net, raw.vqn);
	if (!coal)
		return VIRTIO_NET_ERR;
	simnet_coal_set(coal, le32_to_cpu(raw.coal.max_usecs),
			le32_to_cpu(raw.coal.max_packets));
	return VIRTIO_NET_OK;
}

/* The number of the queue is all that a driver has to give: the rest is the answer */
static u8 simnet_coal_get_one(struct simnet *net, struct vdpa_vring_cursor *from,
			      struct simnet_answer *answer)
{
	struct simnet_coal *coal;
	__le16 raw;

	if (vdpa_vring_pull(from, &raw, sizeof(raw)) != sizeof(raw))
		return VIRTIO_NET_ERR;
	coal = simnet_coal_find(net, raw);
	if (!coal)
		return VIRTIO_NET_ERR;
	/* only commands change them */
	answer->coal.max_packets = cpu_to_le32(coal->max_frames);
	answer->coal.max_usecs = cpu_to_le32(coal->max_usecs);
	answer->len = sizeof(answer->coal);
	return VIRTIO_NET_OK;
}

/**
 * simnet_control_coal - a command of class VIRTIO_NET_CTRL_NOTF_COAL
 * @net: the device
 * @cmd: the command
 * @from: its data
 * @answer: filled in by VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET
 *
 * Return: VIRTIO_NET_OK or VIRTIO_NET_ERR.
 */
u8 simnet_control_coal(struct simnet *net, u8 cmd, struct vdpa_vring_cursor *from,
		       struct simnet_answer *answer)
{
	switch (cmd) {
	case VIRTIO_NET_CTRL_NOTF_COAL_RX_SET:
		return simnet_coal_set_all(net, 0, from);
	case VIRTIO_NET_CTRL_NOTF_COAL_TX_SET:
		return simnet_coal_set_all(net, 1, from);
	case VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET:
		return simnet_coal_set_one(net, from);
	case VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET:
		return simnet_coal_get_one(net, from, answer);
	default:
		return VIRTIO_NET_ERR;
	}
}
