/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SELFTEST_VDPA_DEVICE_H
#define SELFTEST_VDPA_DEVICE_H

/*
 * vDPA devices as an operator makes them: netlink, modprobe and sysfs.
 * All return 0 or a negative errno unless they say otherwise.
 */

#include <stddef.h>
#include <stdint.h>

#define VDPA_MOCK	"platform/vdpa_mock"

int module_load(const char *name);

/*
 * Device @name of "vdpasim_net", "vdpasim_blk" or VDPA_MOCK, loading what it needs.
 * @features beyond the default ones have to be asked for; 0: the default.
 */
int vdpa_add(const char *name, const char *mgmtdev, uint64_t features);
int vdpa_del(const char *name);
/* Gives the device to "vhost_vdpa" or "virtio_vdpa", whoever has it now */
int vdpa_bind(const char *name, const char *driver);
/* Path of the char device, once it can be opened */
int vdpa_chardev(const char *name, char *path, size_t size);
/*
 * All of it for a test: a new device, bound to vhost_vdpa, with its name and
 * the path of its char device. The name is free also when an earlier test was
 * killed and left its device behind.
 */
int vdpa_create(const char *mgmtdev, uint64_t features, char name[32], char path[64]);
/* The same of a network device with @pairs queue pairs */
int vdpa_create_pairs(uint16_t pairs, uint64_t features, char name[32], char path[64]);
/* Sum of the vendor's counters of queue @index whose names contain @word */
int vdpa_counter(const char *name, uint32_t index, const char *word, uint64_t *sum);

/* The mock parent: a setting of devices to come; an order by "fail" or "slow" */
int vdpa_mock_shape(const char *parameter, const char *value);
int vdpa_mock_order(const char *file, const char *order);

/* Writes @text, to a file below /sys for example */
int write_file(const char *path, const char *text);
/* Number @key of a file such as /proc/self/status; -1 when it is not there */
long long proc_field(const char *path, const char *key);

#endif /* SELFTEST_VDPA_DEVICE_H */
