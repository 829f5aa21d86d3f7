/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VDPA_SIM_H
#define _VDPA_SIM_H

/*
 * Engine of simulated devices. A device class (net, blk) brings a struct
 * vdpasim_class; the engine does the rest.
 *
 * Lock order, outermost first:
 *
 *	vdpa_device.cf_lock	held by callers of status, features, config
 *	vdpasim_vq.lock		of a queue that sends
 *	vdpasim_vq.lock		of a queue that receives (a class may nest these
 *				two, never the other way round)
 *	vdpa_vring_as.lock
 *	vdpasim.config_cb_lock
 *
 * There is no lock that two queues share while data moves.
 */

#include <linux/mutex.h>
#include <linux/rcuwait.h>
#include <linux/vdpa.h>
#include <linux/vdpa_vring.h>

#define VDPASIM_VENDOR_ID	0
#define VDPASIM_QUEUE_MAX	256	/* entries of a ring */
#define VDPASIM_CONFIG_MAX	128	/* bytes of configuration space */
#define VDPASIM_GROUPS_MAX	2	/* groups of queues */
#define VDPASIM_BATCH		64	/* chains that are handled together */
#define VDPASIM_BUDGET		4	/* batches a turn of a queue's work */

/* What the engine does for every device, and what only on request */
#define VDPASIM_FEATURES	(BIT_ULL(VIRTIO_F_VERSION_1) |		\
				 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) |	\
				 BIT_ULL(VIRTIO_F_ANY_LAYOUT) |		\
				 BIT_ULL(VIRTIO_RING_F_EVENT_IDX))
/* QEMU's shadow virtqueues, and with them migration, can't do these */
#define VDPASIM_MORE_FEATURES	(BIT_ULL(VIRTIO_F_RING_PACKED) |	\
				 BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |	\
				 BIT_ULL(VIRTIO_F_IN_ORDER) |		\
				 BIT_ULL(VIRTIO_F_NOTIFICATION_DATA))

struct vdpasim;
struct vdpasim_vq;

/**
 * struct vdpasim_class - a class of simulated devices
 * @owner: module, which stays while a driver uses a device
 * @device_id: virtio device id
 * @config_size: size of the configuration space, VDPASIM_CONFIG_MAX at most
 * @size: size of the class's device structure, which begins with the engine's
 * @process: handles up to VDPASIM_BATCH chains of a queue and flushes it. With
 *	the queue's lock; true when there may be more. *optional* for a queue
 *	that only receives: see @passive.
 * @passive: *optional*, kicks of this queue need no work; asked when it starts
 * @get_config: fills in the whole configuration space, with cf_lock
 * @set_config: *optional*, the driver writes to the configuration space, inside
 *	of it and with cf_lock
 * @group: *optional*, group of a queue
 * @stats: *optional*, appends counters of a queue by vdpasim_put_stat(), with
 *	the queue's lock
 * @suspend: *optional*, the queues stopped: tells the driver now what it would
 *	have been told of later
 * @reset: *optional*, back to what the device was like after creation
 * @free: *optional*, frees what the class attached
 */
struct vdpasim_class {
	struct module *owner;
	u32 device_id;
	size_t config_size;
	size_t size;
	bool (*process)(struct vdpasim_vq *vq);
	bool (*passive)(struct vdpasim *sim, u16 idx);
	void (*get_config)(struct vdpasim *sim, void *config);
	void (*set_config)(struct vdpasim *sim, unsigned int offset,
			   const void *buf, unsigned int len);
	u32 (*group)(struct vdpasim *sim, u16 idx);
	int (*stats)(struct vdpasim_vq *vq, struct sk_buff *msg);
	void (*suspend)(struct vdpasim *sim);
	void (*reset)(struct vdpasim *sim);
	void (*free)(struct vdpasim *sim);
};

/**
 * struct vdpasim_vq - a virtqueue
 * @sim: its device
 * @index: its number
 * @passive: kicks need no work
 * @lock: protects all below; held while a batch is handled
 * @vring: the ring, started while the queue is ready and the device runs
 * @ready: the driver enabled it
 * @num: size asked for
 * @desc_addr: I/O address of the descriptor area
 * @driver_addr: of the driver area
 * @device_addr: of the device area
 * @state: where to begin, or where it stopped, once @has_state
 * @has_state: without, it begins where its format does
 * @cb: who gets used buffer notifications
 * @start_errors: times that the ring could not be started
 * @batch: chains being handled
 * @affinity: where the worker may run
 * @worker: handles the ring, from the first start to the reset
 * @kcov_handle: who gets what it covers: whoever started it
 * @poll_ns: how long the worker looks for more before it sleeps; its own, as
 *	are the next three
 * @poll_after: when it may look like that again
 * @polled: times that it found something
 * @sleeps: times that it slept
 * @wait: where the worker sleeps; needs no lock
 * @kicked: the worker shall look at the ring; needs no lock
 */
struct vdpasim_vq {
	struct vdpasim *sim;
	u16 index;
	bool passive;
	struct mutex lock; /* see above */
	struct vdpa_vring vring;
	bool ready;
	u32 num;
	u64 desc_addr;
	u64 driver_addr;
	u64 device_addr;
	struct vdpa_vq_state state;
	bool has_state;
	struct vdpa_callback cb;
	u64 start_errors;
	struct vdpa_vring_chain batch[VDPASIM_BATCH];
	struct cpumask affinity;
	struct task_struct *worker;
	u64 kcov_handle;
	u64 poll_ns;
	u64 poll_after;
	u64 polled;
	u64 sleeps;
	struct rcuwait wait;
	bool kicked;
};

/**
 * struct vdpasim - a simulated device
 * @vdpa: the vDPA device; must come first
 * @class: its class
 * @vqs: its virtqueues, &vdpa_device.nvqs of them
 * @nvqs: how many, before registration too
 * @config_size: of the configuration space: the class's, unless
 *	&vdpasim_shape.init knows better
 * @spaces: its address spaces
 * @group_space: which of them each group of queues has. Set by who starts queues,
 *	while none of the group runs; which those are may depend on features.
 * @offered: features it offers
 * @features: features the driver accepted; with cf_lock
 * @status: device status but for DEVICE_NEEDS_RESET; with cf_lock
 * @running: DRIVER_OK, and neither suspended nor broken: queues may work. Set
 *	with cf_lock; read with a queue's lock. Who clears it then takes and
 *	drops each queue's lock.
 * @needs_reset: a ring broke
 * @generation: of the configuration space
 * @config_cb_lock: protects @config_cb; held while it is called
 * @config_cb: who gets configuration change notifications
 */
struct vdpasim {
	struct vdpa_device vdpa;
	const struct vdpasim_class *class;
	struct vdpasim_vq *vqs;
	unsigned int nvqs;
	size_t config_size;
	struct vdpa_vring_as *spaces;
	unsigned int group_space[VDPASIM_GROUPS_MAX];
	u64 offered;
	u64 features;
	u8 status;
	bool running;
	bool needs_reset;
	u32 generation;
	struct mutex config_cb_lock; /* see above */
	struct vdpa_callback config_cb;
};

/**
 * struct vdpasim_shape - how a device shall be made
 * @class: its class
 * @init: *optional*, sets the class's part up before the queues are made
 * @mdev: its management device
 * @name: its name
 * @features: what it offers
 * @nvqs: number of virtqueues
 * @ngroups: number of virtqueue groups
 * @nas: number of address spaces
 */
struct vdpasim_shape {
	const struct vdpasim_class *class;
	int (*init)(struct vdpasim *sim, const struct vdpasim_shape *shape);
	struct vdpa_mgmt_dev *mdev;
	const char *name;
	u64 features;
	unsigned int nvqs;
	unsigned int ngroups;
	unsigned int nas;
};

static inline struct vdpasim *vdpa_to_sim(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct vdpasim, vdpa);
}

extern const struct vdpa_config_ops vdpasim_ops;

struct vdpasim *vdpasim_create(const struct vdpasim_shape *shape);
int vdpasim_register(struct vdpasim *sim);
void vdpasim_config_changed(struct vdpasim *sim);
int vdpasim_put_stat(struct sk_buff *msg, const char *name, u64 value);

void vdpasim_vq_init(struct vdpasim_vq *vq, struct vdpasim *sim, u16 index);
void vdpasim_vq_destroy(struct vdpasim_vq *vq);
void vdpasim_vq_start(struct vdpasim_vq *vq);
void vdpasim_vq_stop(struct vdpasim_vq *vq);
void vdpasim_vq_reset(struct vdpasim_vq *vq);
void vdpasim_vq_kick(struct vdpasim_vq *vq);
void vdpasim_vq_flush(struct vdpasim_vq *vq);
void vdpasim_vq_notify(struct vdpasim_vq *vq);
void vdpasim_vq_check(struct vdpasim_vq *vq);
void vdpasim_quiesce(struct vdpasim *sim);
u32 vdpasim_vq_group(const struct vdpasim_vq *vq);
struct vdpa_vq_state vdpasim_vq_state(const struct vdpasim_vq *vq);

int vdpasim_worker_start(struct vdpasim_vq *vq);
void vdpasim_worker_stop(struct vdpasim_vq *vq);

#endif /* _VDPA_SIM_H */
