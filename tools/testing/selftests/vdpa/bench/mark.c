// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a command between two marks, for counter.c.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mark.h"

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "Usage: %s COMMAND [ARGUMENT...]\n", argv[0]);
		return 2;
	}
	mark();
	pid = fork();
	if (!pid) {
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror(argv[0]);
		return 1;
	}
	mark();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
