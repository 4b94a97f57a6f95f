/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* `mapiary repro`: options and set-up. */
#include "cli/repro.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/cli.h"

#define CYCLES_A_USER 3
#define SHUTDOWN_MS 30000

static int usage(FILE *to, int status)
{
	fputs("usage: mapiary repro [OPTION...]\n"
	      "\n"
	      "The scenario in which the old runtime hung for ever: threads "
	      "that impersonate\ndifferent users log on, open their message "
	      "stores, work, and release them.\n"
	      "\n"
	      "  --policy held     our connection lists (default): nothing "
	      "hangs\n"
	      "  --policy legacy   the old runtime's, rebuilt: with two users "
	      "the release hangs\n"
	      "  --users N         users (held: 200, legacy: 2)\n"
	      "  --threads N       worker threads (held: 16, legacy: one a "
	      "user)\n"
	      "  --same-user       all threads act for one user\n"
	      "  --cycles N        of logon, open, notify, release (held: "
	      "three a user,\n"
	      "                    legacy: 1)\n"
	      "  --json            a JSON document on stdout\n"
	      "\n"
	      "Exit status: 0 nothing hung; 3 a release hangs (legacy), and "
	      "the watchdog has\nsaid why; 1 something else failed, or our "
	      "lists hung; 2 for wrong usage.\n",
	      to);
	return status;
}

enum {
	OPT_POLICY = 256,
	OPT_USERS,
	OPT_THREADS,
	OPT_CYCLES,
	OPT_SAME,
	OPT_JSON,
	OPT_HELP,
};

static const struct option options[] = {
	{"policy", required_argument, NULL, OPT_POLICY},
	{"users", required_argument, NULL, OPT_USERS},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"cycles", required_argument, NULL, OPT_CYCLES},
	{"same-user", no_argument, NULL, OPT_SAME},
	{"json", no_argument, NULL, OPT_JSON},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static int number(const char *name, uint64_t max, unsigned *ret)
{
	uint64_t n;

	if (mx_cli_number("repro", name, optarg, 1, max, &n))
		return -1;
	*ret = (unsigned)n;
	return 0;
}

static int take_policy(struct repro *r)
{
	if (!strcmp(optarg, "held"))
		r->policy = REPRO_HELD;
	else if (!strcmp(optarg, "legacy"))
		r->policy = REPRO_LEGACY;
	else
		return mx_cli_fail("repro",
				   "--policy is held or legacy, not "
				   "%s",
				   optarg) *
		       -1;
	return 0;
}

/* 0, or -1 with *ret_status when the program shall end here. */
static int take_option(struct repro *r, int c, int *ret_status)
{
	switch (c) {
	case OPT_POLICY:
		return take_policy(r);
	case OPT_USERS:
		return number("--users", 10000, &r->n_users);
	case OPT_THREADS:
		return number("--threads", 512, &r->threads);
	case OPT_CYCLES:
		return number("--cycles", 10000000, &r->cycles);
	case OPT_SAME:
		r->same_user = true;
		return 0;
	case OPT_JSON:
		r->json = true;
		return 0;
	case OPT_HELP:
		*ret_status = usage(stdout, MX_EXIT_OK);
		return -1;
	default:
		usage(stderr, MX_EXIT_USAGE);
		return -1;
	}
}

static unsigned or_else(unsigned v, unsigned other)
{
	return v ? v : other;
}

static int parse(struct repro *r, int argc, char **argv, int *ret_status)
{
	int c;

	*ret_status = MX_EXIT_USAGE;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (take_option(r, c, ret_status))
			return -1;
	if (optind < argc) {
		mx_cli_fail("repro", "what is \"%s\"?", argv[optind]);
		return -1;
	}
	if (r->policy == REPRO_HELD) {
		r->n_users = r->same_user ? 1 : or_else(r->n_users, 200);
		r->threads = or_else(r->threads, 16);
		r->cycles = or_else(
			r->cycles, CYCLES_A_USER * (r->same_user ? r->threads
								 : r->n_users));
		return 0;
	}
	r->threads = or_else(r->threads, or_else(r->n_users, 2));
	r->n_users = r->same_user ? 1 : or_else(r->n_users, 2);
	r->cycles = or_else(r->cycles, 1);
	if (r->n_users <= LEGACY_LISTS && r->n_users <= r->threads)
		return 0;
	mx_cli_fail("repro",
		    "the old lists take %d users, and a thread for each",
		    LEGACY_LISTS);
	return -1;
}

/* A thread is in a wait that nothing can end.  It cannot be joined, and what
 * the library's own end and exit()'s handlers would free it still holds: so
 * the server is ended, everything is flushed, and the process goes. */
static void end_hung(struct repro *r)
{
	int status;

	demo_server_stop(&r->d);
	demo_server_clean(&r->d);
	status = repro_report(r);
	_exit(status);
}

/* The library's own end has a deadline, too. */
static void uninitialize(struct repro *r)
{
	mx_mono begin = mx_mono_now();

	MAPIUninitialize();
	if (mx_mono_now().ns - begin.ns < SHUTDOWN_MS * MX_NS_PER_MS)
		return;
	atomic_fetch_add(&r->d.hung, 1);
	demo_say(&r->d, "hung: MAPIUninitialize");
}

static int run(struct repro *r)
{
	MAPIINIT_0 init = {0, MAPI_MULTITHREAD_NOTIFICATIONS | MAPI_NT_SERVICE};
	HRESULT hr = MAPIInitialize(&init);
	int err;

	if (FAILED(hr))
		return mx_cli_fail("repro", "MAPIInitialize: %s (0x%08x)",
				   demo_code_name(hr), (unsigned)hr);
	MapiarySetShutdownDeadline(SHUTDOWN_MS);
	err = demo_users_open(&r->d);
	if (!err && r->policy == REPRO_HELD)
		err = repro_held(r);
	else if (!err)
		err = repro_legacy(r);
	if (!err && r->policy == REPRO_LEGACY && atomic_load(&r->d.hung))
		end_hung(r);
	demo_users_close(&r->d);
	uninitialize(r);
	repro_held_end(r);
	return err;
}

int mx_cmd_repro(int argc, char **argv)
{
	static struct repro r;
	int status, err = -1;

	if (parse(&r, argc, argv, &status))
		return status;
	r.talk = r.json ? stderr : stdout;
	/* One more: whom the process is. */
	r.d.opt = (struct demo_opt){.users = r.n_users + 1,
				    .threads = r.threads,
				    .rounds = r.cycles,
				    .wait_s = 60,
				    .hang_s = 60};
	mx_arena_init(&r.d.arena);
	r.d.workers = mx_arena_newv(&r.d.arena, struct demo_worker, r.threads);
	if (r.d.workers && !demo_users_make(&r.d) &&
	    !demo_server_prepare(&r.d) && !demo_server_start(&r.d))
		err = run(&r);
	demo_server_stop(&r.d);
	demo_server_clean(&r.d);
	status = err ? MX_EXIT_FAILED : repro_report(&r);
	mx_arena_fini(&r.d.arena);
	return status;
}
