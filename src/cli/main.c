/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The `mapiary` command: finds the subcommand. */
#include "cli/cli.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"

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
