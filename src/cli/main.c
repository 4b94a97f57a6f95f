/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The `mapiary` command: finds the subcommand. */
#include "cli/cli.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/rand.h"

static const struct {
	const char *name, *what;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"demo", "run the main job: many users in one process, real mail",
	 mx_cmd_demo},
	{"repro", "show the old runtime's hang, and that it is gone",
	 mx_cmd_repro},
	{"serve", "run the embedded server", mx_cmd_serve},
	{"user", "add, list, change and remove the server's users",
	 mx_cmd_user},
	{"top", "show lists, connections and operations as they change",
	 mx_cmd_top},
	{"doctor", "say what is stuck, on what, and what to do", mx_cmd_doctor},
	{"bench", "measure against floors in the same run", mx_cmd_bench},
	{"lists", "show the connection lists of this account", mx_cmd_lists},
};

int mx_cli_fail(const char *cmd, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "mapiary %s: ", cmd);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return MX_EXIT_FAILED;
}

int mx_cli_number(const char *cmd, const char *option, const char *text,
		  uint64_t min, uint64_t max, uint64_t *ret)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text || *end || *text == '-' || n < min ||
	    n > max) {
		mx_cli_fail(cmd, "%s takes a number from %llu to %llu, not %s",
			    option, (unsigned long long)min,
			    (unsigned long long)max, text);
		return -EINVAL;
	}
	*ret = n;
	return 0;
}

int mx_cli_random_password(char buf[32])
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	uint8_t raw[64];
	size_t n = 0;
	int r = mx_random(raw, sizeof(raw));

	if (r)
		return r;
	/* 248 = 4 · 62: every character as likely as the others. */
	for (size_t i = 0; i < sizeof(raw) && n < 24; i++)
		if (raw[i] < 248)
			buf[n++] = set[raw[i] % 62];
	buf[n] = '\0';
	return n < 24 ? mx_cli_random_password(buf) : 0;
}

static int usage(FILE *to, int status)
{
	fputs("usage: mapiary COMMAND [OPTION...]\n\n", to);
	for (size_t i = 0; i < MX_ARRAY_SIZE(commands); i++)
		fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].what);
	fputs("\n`mapiary COMMAND --help` tells more.\n", to);
	return status;
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2)
		return usage(stderr, MX_EXIT_USAGE);
	if (!strcmp(argv[1], "--version")) {
		puts("mapiary " MX_VERSION);
		return MX_EXIT_OK;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))
		return usage(stdout, MX_EXIT_OK);
	for (size_t i = 0; i < MX_ARRAY_SIZE(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "mapiary: there is no command \"%s\"\n\n", argv[1]);
	return usage(stderr, MX_EXIT_USAGE);
}
