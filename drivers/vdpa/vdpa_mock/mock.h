/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VDPA_MOCK_H
#define _VDPA_MOCK_H

/*
 * A parent for tests. What is tested is its callers: the core, bus drivers and
 * the tools and processes behind these. So it does nothing but what it is told
 * by module parameters (mgmt.c) and by debugfs (debugfs.c), records who calls
 * what (record.c) and holds it against the rules of <linux/vdpa.h>.
 */

#include <linux/irq_work.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/vdpa.h>

#define MOCK_CONFIG_MAX		256
#define MOCK_QUEUES_MAX		256
#define MOCK_SPACES_MAX		64

/*
 * Who keeps calls of an operation apart: MOCK_BUS: the bus driver, from all
 * others of this kind; MOCK_ANY: nobody. MOCK_CF: cf_lock is held for writing
 * as well. MOCK_ATOMIC: may be called where nothing sleeps. MOCK_OPTIONAL:
 * "off" can take it away. MOCK_SURE: has no way to fail.
 */
#define MOCK_BUS	0
#define MOCK_CF		BIT(0)
#define MOCK_ANY	BIT(1)
#define MOCK_ATOMIC	BIT(2)
#define MOCK_OPTIONAL	BIT(3)
#define MOCK_SURE	BIT(4)

/* Operations go by their place in the table of them */
#define MOCK_OP(name)	(offsetof(struct vdpa_config_ops, name) / sizeof(void *))
#define MOCK_NOPS	(sizeof(struct vdpa_config_ops) / sizeof(void *))

/**
 * struct mock_queue - a virtqueue that is never served
 * @num: its size
 * @ready: set_vq_ready said so
 * @state: last set
 * @cb: protected by &mock.cb_lock
 * @affinity: last set
 */
struct mock_queue {
	u32 num;
	bool ready;
	struct vdpa_vq_state state;
	struct vdpa_callback cb;
	struct cpumask affinity;
};

/**
 * struct mock - a device
 * @vdpa: what the bus sees
 * @ops: its operations, without those that are off
 * @class: what get_device_id tells
 * @offered: features
 * @accepted: features
 * @status: as the driver set it
 * @imposed: bits that debugfs adds to @status
 * @settled: jiffies from when on a reset shows in the status
 * @generation: of @config
 * @config: the configuration space, under cf_lock
 * @config_size: bytes of @config that the device has
 * @num_min: smallest virtqueue
 * @num_max: largest virtqueue
 * @align: what get_vq_align tells
 * @irq: interrupt of the first queue
 * @range: what get_iova_range tells
 * @suspended: between suspend and resume or reset
 * @removed: unregistered: nobody may call any more
 * @busy: operations that the bus driver keeps apart and that are running
 * @map_lock: protects @maps
 * @maps: what each address space holds
 * @doorbell: page of all doorbells, or 0
 * @cb_lock: protects the callbacks; held while one runs
 * @config_cb: where configuration changes are told
 * @interrupt: calls back in interrupt context
 * @interrupt_lock: serialises uses of @interrupt
 * @which: queue that @interrupt is for, negative for the configuration;
 *	protected by @interrupt_lock
 * @dir: in debugfs
 * @nqueues: how many virtqueues it has
 * @queues: and these are they
 */
struct mock {
	struct vdpa_device vdpa;
	struct vdpa_config_ops ops;
	u32 class;
	u64 offered;
	u64 accepted;
	u8 status;
	u8 imposed;
	unsigned long settled;
	u32 generation;
	u8 config[MOCK_CONFIG_MAX];
	unsigned int config_size;
	u16 num_min;
	u16 num_max;
	u32 align;
	int irq;
	struct vdpa_iova_range range;
	bool suspended;
	bool removed;
	atomic_t busy;
	struct mutex map_lock; /* maps */
	struct vhost_iotlb *maps[MOCK_SPACES_MAX];
	unsigned long doorbell;
	spinlock_t cb_lock; /* callbacks */
	struct vdpa_callback config_cb;
	struct irq_work interrupt;
	struct mutex interrupt_lock; /* interrupt, which */
	int which;
	struct dentry *dir;
	unsigned int nqueues;
	struct mock_queue *queues;
};

static inline struct mock *to_mock(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct mock, vdpa);
}

/* mgmt.c */
extern unsigned int mock_settle_ms;

void mock_release(struct mock *mock);

/* ops.c */
extern const struct vdpa_config_ops mock_ops;
int mock_ops_without(struct vdpa_config_ops *ops, const char *off);
void mock_interrupt(struct mock *mock, int which);
void mock_interrupt_work(struct irq_work *work);

/* bypass.c */
void mock_bypass_init(struct dentry *dir);
void mock_bypass_exit(void);

/* maps.c */
int mock_set_map(struct vdpa_device *vdpa, unsigned int asid,
		 struct vhost_iotlb *iotlb);
int mock_dma_map(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
		 u64 size, u64 pa, u32 perm, void *opaque);
int mock_dma_unmap_range(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
			 u64 size);
int mock_dma_unmap(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
		   u64 size);
int mock_reset_map(struct vdpa_device *vdpa, unsigned int asid);
int mock_set_group_asid(struct vdpa_device *vdpa, unsigned int group,
			unsigned int asid);
void mock_drop_maps(struct mock *mock);

/* record.c */
/**
 * struct mock_rule - an operation, for those who look from outside
 * @name: its name
 * @flags: MOCK_xx
 */
struct mock_rule {
	const char *name;
	u8 flags;
};

extern const struct mock_rule mock_rules[MOCK_NOPS];

int mock_record_init(void);
void mock_record_exit(void);
int mock_record_show(struct seq_file *file, void *unused);
void mock_record_clear(void);
int mock_op_find(const char *name);
int mock_fault_set(unsigned int op, int err, unsigned int skip);
int mock_delay_set(unsigned int op, unsigned int ms);

void mock_expect(struct mock *mock, bool kept, const char *promise);
bool mock_holds_cf_lock(struct mock *mock);
int mock_record(struct mock *mock, unsigned int op, const u64 *args,
		unsigned int nargs);

/*
 * First statement of each operation: records it, takes its time, and gives the
 * error that it shall fail with. One that can't return an error does nothing
 * instead, or answers 0; those for which that makes no sense are MOCK_SURE.
 */
#define MOCK_CALLED(mock, op, ...)					\
	mock_record(mock, MOCK_OP(op), (const u64[]){ 0, ##__VA_ARGS__ } + 1, \
		    sizeof((const u64[]){ 0, ##__VA_ARGS__ }) / sizeof(u64) - 1)

/* debugfs.c */
void mock_debugfs_init(void);
void mock_debugfs_exit(void);
void mock_debugfs_add(struct mock *mock);
void mock_debugfs_del(struct mock *mock);

/* driver.c */
int mock_driver_init(void);
void mock_driver_exit(void);

#endif /* _VDPA_MOCK_H */
