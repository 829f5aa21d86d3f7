// SPDX-License-Identifier: GPL-2.0
/*
 * The hostile driver without a fuzzer: runs the inputs of a corpus, a text file
 * with one input a line, in hexadecimal; a first line that begins with # is a
 * comment. Also brings it into the form that libFuzzer wants, and back.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define RECORD	sizeof(struct fuzz_record)

static struct fuzz_record records[FUZZ_MAX_RECORDS];

/* The next input of a corpus; its size in bytes, 0 at the end */
static size_t next_input(FILE *corpus)
{
	static char line[2 * sizeof(records) + 2];
	unsigned char *to = (unsigned char *)records;
	size_t size;

	do {
		if (!fgets(line, sizeof(line), corpus))
			return 0;
	} while (*line == '#');
	for (size = 0; sscanf(line + 2 * size, "%2hhx", to + size) == 1; size++)
		if (size == sizeof(records) - 1)
			return sizeof(records);
	return size;
}

static int unpack(FILE *corpus, const char *dir)
{
	char path[4096];
	size_t size;
	int n;

	for (n = 0; (size = next_input(corpus)); n++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s/%04d", dir, n);
		file = fopen(path, "w");
		if (!file || fwrite(records, 1, size, file) != size || fclose(file))
			return 1;
	}
	return 0;
}

static int pack(const char *dir)
{
	struct dirent **entries;
	int i, n = scandir(dir, &entries, NULL, alphasort), c;
	char path[4096];

	for (i = 0; i < n; i++) {
		FILE *file;

		if (*entries[i]->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		file = fopen(path, "r");
		if (!file)
			return 1;
		while ((c = fgetc(file)) != EOF)
			printf("%02x", c);
		putchar('\n');
		fclose(file);
	}
	for (i = 0; i < n; i++)
		free(entries[i]);
	if (n >= 0)
		free(entries);
	return n < 0;
}

int main(int argc, char *argv[])
{
	unsigned int n = 0;
	FILE *corpus;
	size_t size;

	if (argc == 3 && !strcmp(argv[1], "--pack"))
		return pack(argv[2]);
	corpus = argc > 1 ? fopen(argv[1], "r") : NULL;
	if (!corpus) {
		fprintf(stderr, "Usage: %s CORPUS [DIR] | --pack DIR\n", argv[0]);
		return 2;
	}
	if (argc > 2)
		return unpack(corpus, argv[2]);
	/* the last line names the input that it was */
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((size = next_input(corpus))) {
		printf("# input %u\n", ++n);
		fuzz_one(records, size / RECORD);
	}
	return !n;
}
