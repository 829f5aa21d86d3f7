/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VRING_KERNEL_H
#define VRING_KERNEL_H

/*
 * As much of the kernel as the ring library and its tests use, in a process.
 * "Physical" addresses are those of the process, so that the address sanitizer
 * sees each access beyond a page that was not given to the device.
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <linux/types.h>
#include <linux/virtio_config.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define U64_MAX			UINT64_MAX
#define S64_MAX			INT64_MAX

/* compiler */
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define __force
#undef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))
#define noinline		__attribute__((__noinline__))
#define static_assert(expr)	_Static_assert(expr, #expr)
#define READ_ONCE(x) \
	(*(const volatile typeof(x) *)kernel_reads(&(x), sizeof(x)))
#define WRITE_ONCE(x, v) \
	(*(volatile typeof(x) *)kernel_writes(&(x), sizeof(x)) = (v))
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))

/*
 * What the library looks at while a driver may change it: a fuzzer is told
 * before each access.
 */
#ifdef KERNEL_HOOKS
const void *kernel_reads(const void *p, size_t size);
void *kernel_writes(void *p, size_t size);
static inline void *kernel_copy(void *to, const void *from, size_t size)
{
	/* a driver may well name the same bytes twice */
	return memmove(kernel_writes(to, size), kernel_reads(from, size), size);
}

#define memcpy(to, from, size)	kernel_copy(to, from, size)
#else
#define kernel_reads(p, size)	(p)
#define kernel_writes(p, size)	(p)
#endif

/* barriers */
#define virt_mb()		__atomic_thread_fence(__ATOMIC_SEQ_CST)
#define virt_rmb()		__atomic_thread_fence(__ATOMIC_ACQUIRE)
#define virt_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_load_acquire(p)	__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)

/* byte order, of the machines this is built for */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
#define cpu_to_le16(x)		((__le16)(u16)(x))
#define cpu_to_le32(x)		((__le32)(u32)(x))
#define cpu_to_le64(x)		((__le64)(u64)(x))
#define le16_to_cpu(x)		((u16)(x))
#define le32_to_cpu(x)		((u32)(x))
#define le64_to_cpu(x)		((u64)(x))

/* numbers */
#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define __cmp(a, op, b) ({					\
	typeof(a) __a = (a);					\
	typeof(b) __b = (b);					\
	__a op __b ? __a : __b;					\
})
#define min(a, b)		__cmp(a, <, b)
#define max(a, b)		__cmp(a, >, b)
#define min3(a, b, c)		min(min(a, b), c)
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define clamp_t(type, x, lo, hi) max(min((type)(x), (type)(hi)), (type)(lo))
#define swap(a, b) do {						\
	typeof(a) __tmp = (a);					\
	(a) = (b);						\
	(b) = __tmp;						\
} while (0)
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define ALIGN(x, a)		(((x) + (a) - 1) & ~((typeof(x))(a) - 1))
#define IS_ALIGNED(x, a)	(((x) & ((typeof(x))(a) - 1)) == 0)
#define is_power_of_2(n)	((n) && !((n) & ((n) - 1)))
#define roundup_pow_of_two(n)	((n) < 2 ? 1UL : 2UL << (63 - __builtin_clzl((n) - 1UL)))

/* pages */
#define PAGE_SHIFT		12
#define PAGE_SIZE		BIT(PAGE_SHIFT)
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x)		ALIGN(x, PAGE_SIZE)
#define offset_in_page(x)	((unsigned long)(x) & ~PAGE_MASK)
#define phys_to_virt(pa)	((void *)(unsigned long)(pa))
#define virt_to_phys(p)		((u64)(unsigned long)(p))
/* the first pages are nobody's, nor is what lies behind all memory */
#define pfn_valid(pfn)		((pfn) >= 16 && (pfn) < 1UL << (47 - PAGE_SHIFT))

/* memory; each allocation can be made to fail, see main.c */
typedef unsigned int gfp_t;
#define GFP_KERNEL		0u
#define GFP_KERNEL_ACCOUNT	0u
#define __GFP_NOFAIL		1u
void *kernel_alloc(size_t size, gfp_t gfp);
#define kzalloc(size, gfp)	kernel_alloc(size, gfp)
#define kcalloc(n, size, gfp)	kernel_alloc((n) * (size), gfp)
#define kvmalloc_array(n, size, gfp) kernel_alloc((n) * (size), gfp)
#define kfree(p)		free(p)
#define kvfree(p)		free(p)

struct kmem_cache {
	size_t size;
};

#define SLAB_ACCOUNT		0
struct kmem_cache *kmem_cache_new(size_t size);
#define KMEM_CACHE(type, flags)	kmem_cache_new(sizeof(struct type))
#define kmem_cache_destroy(cache) free(cache)
#define kmem_cache_alloc(cache, gfp) kernel_alloc((cache)->size, gfp)
#define kmem_cache_zalloc(cache, gfp) kernel_alloc((cache)->size, gfp)
#define kmem_cache_free(cache, p) free(p)

/* errors in pointers */
#define ERR_PTR(err)		((void *)(long)(err))
#define PTR_ERR(p)		((int)(long)(p))
#define IS_ERR(p)		((unsigned long)(p) >= -4095UL)

/* locks: one thread */
struct mutex {
	bool held;
};

#define mutex_init(m)		((void)((m)->held = false))
#define mutex_destroy(m)	((void)(m))
void mutex_lock(struct mutex *lock);
void mutex_unlock(struct mutex *lock);
#define lockdep_assert_held(m)	((m)->held ? (void)0 : abort())
#define cond_resched()		((void)0)

struct rcu_head {
	struct rcu_head *next;
	void (*func)(struct rcu_head *head);
};

/* a hook may drop what the library is looking at */
void rcu_read_lock(void);
void rcu_read_unlock(void);
void call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head));
#define rcu_barrier()		((void)0)

/* xarray: an array sorted by index, with the real one's interface */
struct xarray_slot {
	unsigned long index;
	void *entry;
};

struct xarray {
	struct xarray_slot *slot;
	size_t n;
};

#define XA_FLAGS_ACCOUNT	0
#define xa_init_flags(xa, flags) ((void)(*(xa) = (struct xarray) {}))
#define xa_mk_value(v)		((void *)((unsigned long)(v) << 1 | 1))
#define xa_to_value(entry)	((unsigned long)(entry) >> 1)
#define xa_is_value(entry)	((unsigned long)(entry) & 1)
#define xa_err(entry) ({					\
	void *__entry = (entry);				\
	IS_ERR(__entry) ? PTR_ERR(__entry) : 0;			\
})
void *xa_load(struct xarray *xa, unsigned long index);
void *xa_store(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp);
void xa_erase(struct xarray *xa, unsigned long index);
void *xa_find(struct xarray *xa, unsigned long *index, unsigned long last);
void *xa_find_after(struct xarray *xa, unsigned long *index, unsigned long last);
#define xa_for_each_range(xa, index, entry, first, last)		\
	for (index = first, entry = xa_find(xa, &index, last); entry;	\
	     entry = xa_find_after(xa, &index, last))
#define xa_for_each(xa, index, entry) \
	xa_for_each_range(xa, index, entry, 0, ULONG_MAX)
#ifndef ULONG_MAX
#define ULONG_MAX		(~0UL)
#endif

/* modules */
#define __init
#define __exit
#define EXPORT_SYMBOL_GPL(symbol)
#define EXPORT_SYMBOL_IF_KUNIT(symbol)
#define MODULE_AUTHOR(text)
#define MODULE_DESCRIPTION(text)
#define MODULE_LICENSE(text)
#define MODULE_IMPORT_NS(ns)
#define module_init(func) int kernel_module_init(void) { return func(); }
#define module_exit(func) void kernel_module_exit(void) { func(); }
int kernel_module_init(void);
void kernel_module_exit(void);

/* what <linux/vdpa.h> mentions and a ring has no use for */
#define VHOST_MAP_RO		1
#define VHOST_MAP_WO		2
#define VHOST_MAP_RW		3

struct cpumask;
struct mm_struct;
struct module;
struct sk_buff;
struct vhost_iotlb;
typedef int irqreturn_t;
typedef u64 resource_size_t;

struct rw_semaphore {
	bool held;
};

struct list_head {
	struct list_head *next, *prev;
};

struct device {
	void *driver_data;
};

struct device_driver {
	const char *name;
};

#define dev_get_drvdata(dev)		((dev)->driver_data)
#define dev_set_drvdata(dev, data)	((void)((dev)->driver_data = (data)))
#define down_write(sem)			((void)((sem)->held = true))
#define up_write(sem)			((void)((sem)->held = false))

#endif /* VRING_KERNEL_H */
