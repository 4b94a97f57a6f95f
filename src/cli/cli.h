/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The `mapiary` command: one function a subcommand.  stdout is data, stderr is
 * talk.  argv[0] of a subcommand is its own name.
 */
#ifndef MX_CLI_CLI_H
#define MX_CLI_CLI_H

#include <stdint.h>

enum mx_exit {
	MX_EXIT_OK = 0,
	MX_EXIT_FAILED = 1,
	MX_EXIT_USAGE = 2,
};

int mx_cmd_bench(int argc, char **argv);
int mx_cmd_demo(int argc, char **argv);
int mx_cmd_doctor(int argc, char **argv);
int mx_cmd_lists(int argc, char **argv);
int mx_cmd_repro(int argc, char **argv);
int mx_cmd_serve(int argc, char **argv);
int mx_cmd_top(int argc, char **argv);
int mx_cmd_user(int argc, char **argv);

/* "mapiary NAME: …" on stderr; returns MX_EXIT_FAILED. */
int mx_cli_fail(const char *cmd, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

/* A whole number between min and max.  0, or -EINVAL with a message. */
int mx_cli_number(const char *cmd, const char *option, const char *text,
		  uint64_t min, uint64_t max, uint64_t *ret);

/* 24 characters from 62, about 142 bits.  0 or -errno. */
int mx_cli_random_password(char buf[32]);

#endif
