/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VP_VDPA_VPF_H
#define _VP_VDPA_VPF_H

/*
 * A virtio PCI function (PF or VF) that is offered as a vDPA device.
 *
 *	pci.c	how functions come, go, fail and sleep
 *	mgmt.c	the management device: making and removing the vDPA device
 *	ops.c	what bus drivers ask of the device
 *	hw.c	registers of the function: queues, reset, configuration
 *	irq.c	its interrupts
 *
 * The driver's wishes are only noted until it sets DRIVER_OK. Then the function
 * gets its interrupts, the right to access memory, and all that was noted; a
 * reset takes all of this back. So there is one state to unwind, and a function
 * that nobody drives is quiet whatever it believes.
 */

#include <linux/mutex.h>
#include <linux/vdpa.h>
#include <linux/virtio_pci_modern.h>
#include <linux/wait.h>
#include <uapi/linux/virtio_net.h>

#define VPF_NAME	"vp_vdpa"

/* What the PCI transport agrees on with its own driver, and vDPA can't pass on */
#define VPF_TRANSPORT_FEATURES	(BIT_ULL(VIRTIO_F_SR_IOV) |		\
				 BIT_ULL(VPF_F_NOTIF_CONFIG_DATA) |	\
				 BIT_ULL(VIRTIO_F_RING_RESET) |		\
				 BIT_ULL(VIRTIO_F_ADMIN_VQ))
#define VPF_F_NOTIF_CONFIG_DATA	39

/* What no driver can do without: addresses are always the IOMMU's to translate */
#define VPF_NEEDED_FEATURES	(BIT_ULL(VIRTIO_F_VERSION_1) |		\
				 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))

#define VPF_PAIRS_FEATURES	(BIT_ULL(VIRTIO_NET_F_MQ) |		\
				 BIT_ULL(VIRTIO_NET_F_RSS))

/**
 * struct vpf_callback - a callback that interrupts read while others change it
 * @now: the one in force; published with release, read by handlers
 * @slots: @now points to one; the other is free once no handler runs that began
 *	before @now changed
 */
struct vpf_callback {
	const struct vdpa_callback *now;
	struct vdpa_callback slots[2];
};

/**
 * struct vpf_vq - a virtqueue of the vDPA device
 * @cb: where used buffer notifications go
 * @ready: kicks go to @doorbell. Read by kicks without the lock.
 * @doorbell: set before @ready is
 * @queue: its number in the function; set before @ready is
 * @wanted: the driver made it ready. Read without the lock.
 * @started: the function knows it, which only a reset of the function ends.
 *	Read without the lock.
 * @addressed: the driver set addresses since the last reset
 * @vector: interrupt, -1 for none
 * @next: another queue of the same vector
 * @num: size
 * @num_max: largest size, from when the function was last asked
 * @desc: address of the descriptor area
 * @driver: address of the driver area
 * @device: address of the device area
 * @affinity: CPUs that shall get its interrupts
 * @kicks: counter, written by whoever kicks
 * @interrupts: counter, written by the interrupt handler
 * @failed_starts: counter: times the driver wanted what the function can't do
 *
 * All but the counters is written under &vpf.lock. Interrupts read @cb, and
 * @next, which doesn't change while they are on.
 */
struct vpf_vq {
	struct vpf_callback cb;
	bool ready;
	u16 queue;
	void __iomem *doorbell;
	bool wanted;
	bool started;
	bool addressed;
	int vector;
	struct vpf_vq *next;
	u32 num;
	u16 num_max;
	u64 desc;
	u64 driver;
	u64 device;
	struct cpumask affinity;
	u64 kicks;
	u64 interrupts;
	u64 failed_starts;
};

/**
 * struct vpf_vector - one MSI-X vector
 * @vpf: the function, when configuration changes arrive here; else NULL
 * @vqs: queues that it serves
 * @shared: more than one
 * @name: in /proc/interrupts
 */
struct vpf_vector {
	struct vpf *vpf;
	struct vpf_vq *vqs;
	bool shared;
	char name[48];
};

/**
 * struct vpf_doorbell - where a queue of the function is kicked
 * @addr: mapped
 * @page: physical address of a page that can be given to user space, or 0
 */
struct vpf_doorbell {
	void __iomem *addr;
	resource_size_t page;
};

/**
 * struct vpf_wish - what the user asked of the vDPA device
 * @features: that it offers
 * @mtu: shown in the configuration; 0: the function's own
 * @pairs: shown in the configuration; 0: the function's own
 */
struct vpf_wish {
	u64 features;
	u16 mtu;
	u16 pairs;
};

/**
 * struct vpf - a function, and the vDPA device made of it
 * @mdev: its registers
 * @mgmt: its management device
 * @ids: device class, for @mgmt
 * @features: what it offers, without VPF_TRANSPORT_FEATURES
 * @doorbells: one for each of its queues
 * @nqueues: number of its queues
 * @pairs: pairs of data queues of a network function
 * @sriov: it has agreed to VIRTIO_F_SR_IOV
 * @online: woken when @offline ends, and when @lost begins
 * @lock: protects what follows, and the order of accesses to registers that
 *	select others. The management lock of the core is outside of it.
 * @vdpa: the vDPA device, or NULL. Also protected by the core: dev_add and
 *	dev_del are serialised.
 * @wish: its provisioning; constant while there is @vdpa
 * @vqs: its queues; there while there is @vdpa
 * @nvqs: how many
 * @vq_num_max: largest size of any of them
 * @driver_features: accepted by the driver
 * @config_cb: where configuration changes go
 * @vectors: interrupts, from DRIVER_OK to reset
 * @nvectors: how many
 * @status: as the driver last set it. Read without the lock.
 * @running: from DRIVER_OK to reset
 * @offline: registers can't be accessed. Read without the lock.
 * @lost: nobody is about to bring it back when it is offline. Read without the lock.
 * @broken: it has lost what the driver set, and works again only after a reset.
 *	Read without the lock.
 */
struct vpf {
	struct virtio_pci_modern_device mdev;
	struct vdpa_mgmt_dev mgmt;
	struct virtio_device_id ids[2];
	u64 features;
	struct vpf_doorbell *doorbells;
	u16 nqueues;
	u16 pairs;
	bool sriov;
	wait_queue_head_t online;

	struct mutex lock; /* see above */
	struct vdpa_device *vdpa;
	struct vpf_wish wish;
	struct vpf_vq *vqs;
	u32 nvqs;
	u16 vq_num_max;
	u64 driver_features;
	struct vpf_callback config_cb;
	struct vpf_vector *vectors;
	unsigned int nvectors;
	u8 status;
	bool running;
	bool offline;
	bool lost;
	bool broken;
};

/**
 * struct vpf_vdpa - the vDPA device, which may outlive the function
 * @vdpa: what the core knows
 * @vpf: the function; valid until the device is unregistered
 */
struct vpf_vdpa {
	struct vdpa_device vdpa;
	struct vpf *vpf;
};

static inline struct vpf *vdpa_to_vpf(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct vpf_vdpa, vdpa)->vpf;
}

/* mgmt.c */
int vpf_mgmt_register(struct vpf *vpf);

/* ops.c */
extern const struct vdpa_config_ops vpf_ops;

/* hw.c */
int vpf_hw_reset(struct vpf *vpf);
bool vpf_hw_answers(struct vpf *vpf);
bool vpf_accept(struct vpf *vpf, u64 features);
int vpf_map_doorbells(struct vpf *vpf);
void vpf_unmap_doorbells(struct vpf *vpf);
size_t vpf_config_size(struct vpf *vpf);
void vpf_read_config(struct vpf *vpf, unsigned int offset, void *buf,
		     unsigned int len);
void vpf_write_config(struct vpf *vpf, unsigned int offset, const void *buf,
		      unsigned int len);
u16 vpf_hw_queue(struct vpf *vpf, u16 idx);
void vpf_vq_learn_size(struct vpf *vpf, struct vpf_vq *vq, u16 queue);
void vpf_vq_run(struct vpf *vpf, u16 idx);
int vpf_prepare(struct vpf *vpf);
void vpf_run(struct vpf *vpf);
void vpf_halt(struct vpf *vpf);
int vpf_reset(struct vpf *vpf);

/* irq.c */
int vpf_irqs_request(struct vpf *vpf);
void vpf_irqs_free(struct vpf *vpf);
void vpf_apply_affinity(struct vpf *vpf, struct vpf_vq *vq);
int vpf_vector_irq(struct vpf *vpf, int vector);
void vpf_set_callback(struct vpf *vpf, struct vpf_callback *cb, int vector,
		      const struct vdpa_callback *to);
void vpf_call(const struct vpf_callback *cb);

#endif /* _VP_VDPA_VPF_H */
