// SPDX-License-Identifier: GPL-2.0
/*
 * A TCG plugin for QEMU that counts the guest's instructions by address while a
 * program measures: from one "xchg %bx,%bx" to the next, which does nothing
 * else. At the end it writes to the file named by out=FILE a line for each block
 * of code that ran, its first address and the instructions run in it.
 *
 * Distributions ship QEMU without the plugins' header, hence what is used of it
 * here (version 1 of the interface, QEMU 4.2 to 9.0).
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counter.h"

EXPORT int qemu_plugin_version = 1;

struct block {
	struct block *next;
	uint64_t addr;
	uint64_t insns;
	uint64_t runs;
};

static struct block *blocks;
static bool counting;
static const char *out;

static void block_runs(unsigned int cpu, void *data)
{
	struct block *block = data;

	if (counting)
		block->runs++;
}

static void mark_runs(unsigned int cpu, void *data)
{
	counting = !counting;
}

/* A block that is translated anew is another one; the sum is the same */
static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	static const unsigned char mark[] = { 0x66, 0x87, 0xdb };
	struct block *block = calloc(1, sizeof(*block));
	struct qemu_plugin_insn *insn;
	size_t i;

	if (!block)
		abort();
	block->addr = qemu_plugin_tb_vaddr(tb);
	block->insns = qemu_plugin_tb_n_insns(tb);
	block->next = blocks;
	blocks = block;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, block_runs, 0, block);

	for (i = 0; i < block->insns; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		if (qemu_plugin_insn_size(insn) == sizeof(mark) &&
		    !memcmp(qemu_plugin_insn_data(insn), mark, sizeof(mark)))
			qemu_plugin_register_vcpu_insn_exec_cb(insn, mark_runs, 0, NULL);
	}
}

static void finish(qemu_plugin_id_t id, void *data)
{
	FILE *file = fopen(out, "w");
	struct block *block;

	if (!file) {
		perror(out);
		return;
	}
	for (block = blocks; block; block = block->next)
		if (block->runs)
			fprintf(file, "%016llx %llu\n", (unsigned long long)block->addr,
				(unsigned long long)(block->runs * block->insns));
	fclose(file);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
			       char **argv)
{
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return -1;
	out = argv[0] + 4;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, finish, NULL);
	return 0;
}
