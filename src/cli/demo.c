/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mapiary demo`: the main job, end to end.
 *
 *   set up   users, server, profiles
 *   load     real mail into every mailbox, as its owner
 *   rounds   see demo-round.c
 *   sweep    everything sent is at its addressee, byte for byte
 *   report   table or JSON, last line, exit status
 */
#include "cli/demo.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/cli.h"

#define MAIL_DIR "/usr/lib/python3.11/test/test_email/data"
#define ROUNDS_A_USER 10

static struct demo the_demo;

static void on_signal(int sig)
{
	(void)sig;
	atomic_store(&the_demo.stop, true);
}

static int usage(FILE *to, int status)
{
	fputs("usage: mapiary demo [OPTION...]\n"
	      "\n"
	      "Many users in one process, each impersonated by worker threads: "
	      "real mail is\nloaded, listed, read, sent, waited for, moved, "
	      "deleted, through every layer.\n"
	      "\n"
	      "  --users N         users (24)\n"
	      "  --threads N       worker threads (8)\n"
	      "  --rounds N        rounds altogether (10 a user)\n"
	      "  --seed N          repeat a run's random choices (random)\n"
	      "  --json            a JSON document on stdout instead of the "
	      "table\n"
	      "  --keep            keep the data directory\n"
	      "  --data DIR        where the embedded server keeps it; must "
	      "not exist\n"
	      "  --mail DIR        folder of mail files (" MAIL_DIR ")\n"
	      "  --wait SECONDS    longest wait for a notification (60)\n"
	      "  --hang SECONDS    a call that takes longer has hung (120)\n"
	      "  --idle SECONDS    how long a server may be silent (60)\n"
	      "\n"
	      "Against another server:\n"
	      "  --url URL         http(s)://HOST[:PORT][/PATH] of its MAPI "
	      "endpoint\n"
	      "  --credentials F   one user a line, by tabs: login, password, "
	      "SMTP address,\n"
	      "                    and if known legacyExchangeDN and SID\n"
	      "  --autodiscover U  where to ask for DNs (the well-known "
	      "places)\n"
	      "  --ca-file FILE    certificates to trust, PEM (the system's)\n"
	      "\n"
	      "Exit status: 0 when nothing hung, nothing failed and everything "
	      "sent was notified\nand is readable by its addressee; 1 "
	      "otherwise; 2 for wrong usage.\n",
	      to);
	return status;
}

enum {
	OPT_USERS = 256,
	OPT_THREADS,
	OPT_ROUNDS,
	OPT_SEED,
	OPT_JSON,
	OPT_KEEP,
	OPT_DATA,
	OPT_MAIL,
	OPT_WAIT,
	OPT_HANG,
	OPT_IDLE,
	OPT_URL,
	OPT_CREDENTIALS,
	OPT_AUTODISCOVER,
	OPT_CA_FILE,
	OPT_HELP,
};

static const struct option options[] = {
	{"users", required_argument, NULL, OPT_USERS},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"rounds", required_argument, NULL, OPT_ROUNDS},
	{"seed", required_argument, NULL, OPT_SEED},
	{"json", no_argument, NULL, OPT_JSON},
	{"keep", no_argument, NULL, OPT_KEEP},
	{"data", required_argument, NULL, OPT_DATA},
	{"mail", required_argument, NULL, OPT_MAIL},
	{"wait", required_argument, NULL, OPT_WAIT},
	{"hang", required_argument, NULL, OPT_HANG},
	{"idle", required_argument, NULL, OPT_IDLE},
	{"url", required_argument, NULL, OPT_URL},
	{"credentials", required_argument, NULL, OPT_CREDENTIALS},
	{"autodiscover", required_argument, NULL, OPT_AUTODISCOVER},
	{"ca-file", required_argument, NULL, OPT_CA_FILE},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

/* One option that takes a number; -EINVAL for a wrong one or another option. */
static int take_number(struct demo_opt *o, int c)
{
	const struct {
		int c;
		const char *name;
		uint64_t min, max;
		unsigned *to;
	} numbers[] = {
		{OPT_USERS, "--users", 1, 10000, &o->users},
		{OPT_THREADS, "--threads", 1, 512, &o->threads},
		{OPT_ROUNDS, "--rounds", 1, 10000000, &o->rounds},
		{OPT_WAIT, "--wait", 1, 3600, &o->wait_s},
		{OPT_HANG, "--hang", 1, 3600, &o->hang_s},
		{OPT_IDLE, "--idle", 1, 3600, &o->idle_s},
	};
	uint64_t n;

	for (size_t i = 0; i < MX_ARRAY_SIZE(numbers); i++) {
		if (numbers[i].c != c)
			continue;
		if (mx_cli_number("demo", numbers[i].name, optarg,
				  numbers[i].min, numbers[i].max, &n))
			return -EINVAL;
		*numbers[i].to = (unsigned)n;
		return 0;
	}
	usage(stderr, MX_EXIT_USAGE);
	return -EINVAL;
}

/* 0, or -1 with *ret_status set when the program shall end here. */
static int take_option(struct demo_opt *o, int c, int *ret_status)
{
	switch (c) {
	case OPT_SEED:
		return mx_cli_number("demo", "--seed", optarg, 0, UINT64_MAX,
				     &o->seed)
			       ? -1
			       : 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_KEEP:
		o->keep = true;
		return 0;
	case OPT_DATA:
		o->data_dir = optarg;
		return 0;
	case OPT_MAIL:
		o->mail_dir = optarg;
		return 0;
	case OPT_URL:
		o->url = optarg;
		return 0;
	case OPT_CREDENTIALS:
		o->credentials = optarg;
		return 0;
	case OPT_AUTODISCOVER:
		o->autodiscover = optarg;
		return 0;
	case OPT_CA_FILE:
		o->ca_file = optarg;
		return 0;
	case OPT_HELP:
		*ret_status = usage(stdout, MX_EXIT_OK);
		return -1;
	default:
		return take_number(o, c) ? -1 : 0;
	}
}

static int parse(struct demo_opt *o, int argc, char **argv, int *ret_status)
{
	int c;

	*ret_status = MX_EXIT_USAGE;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (take_option(o, c, ret_status))
			return -1;
	if (optind < argc) {
		mx_cli_fail("demo", "what is \"%s\"?", argv[optind]);
		return -1;
	}
	if (!o->url != !o->credentials) {
		mx_cli_fail("demo", "--url and --credentials go together");
		return -1;
	}
	return 0;
}

static int set_up(struct demo *d)
{
	if (!d->opt.seed && mx_random(&d->opt.seed, sizeof(d->opt.seed)))
		return -1;
	snprintf(d->run_id, sizeof(d->run_id), "%08lx%08x",
		 (unsigned long)time(NULL), (unsigned)d->opt.seed);
	if (demo_users_make(d) || demo_mail_read(d))
		return -1;
	if (!d->opt.rounds)
		d->opt.rounds = ROUNDS_A_USER * d->opt.users;
	d->sent = mx_arena_newv(&d->arena, struct demo_sent, d->opt.rounds);
	d->workers =
		mx_arena_newv(&d->arena, struct demo_worker, d->opt.threads);
	if (!d->sent || !d->workers)
		return mx_cli_fail("demo", "out of memory") * -1;
	d->url = d->opt.url;
	if (!d->url && (demo_server_prepare(d) || demo_server_start(d)))
		return -1;
	return 0;
}

/* What needs MAPI: between MAPIInitialize and MAPIUninitialize. */
static void run(struct demo *d)
{
	HRESULT hr = S_OK;

	if (d->opt.idle_s)
		hr = MapiarySetDeadlines(NULL, d->opt.idle_s * 1000, 0);
	if (!FAILED(hr))
		hr = MAPIInitialize(NULL);
	if (FAILED(hr)) {
		demo_error(d, NULL, "MAPIInitialize: %s (0x%08x): %s",
			   demo_code_name(hr), (unsigned)hr,
			   MapiaryLastErrorText());
		return;
	}
	demo_run(d, DEMO_LOAD, d->opt.users, demo_mail_load);
	if (atomic_load(&d->errors))
		demo_say(d, "no rounds without mail");
	else
		demo_run(d, DEMO_ROUNDS, d->opt.rounds, demo_round);
	if (d->phase == DEMO_ROUNDS)
		demo_run(d, DEMO_SWEEP, d->opt.users, demo_sweep);
	MAPIUninitialize();
}

int mx_cmd_demo(int argc, char **argv)
{
	struct demo *d = &the_demo;
	/* The second interrupt is the system's. */
	const struct sigaction stop = {.sa_handler = on_signal,
				       .sa_flags = SA_RESETHAND};
	int status;

	d->opt = (struct demo_opt){
		.users = 24,
		.threads = 8,
		.mail_dir = MAIL_DIR,
		.wait_s = 60,
		.hang_s = 120,
	};
	d->started = mx_mono_now();
	if (parse(&d->opt, argc, argv, &status))
		return status;
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	status = MX_EXIT_FAILED;
	if (!set_up(d) && !demo_users_open(d)) {
		run(d);
		demo_server_stop(d);
		if (atomic_load(&d->stop))
			demo_error(d, NULL, "interrupted");
		status = demo_report(d);
	} else {
		demo_server_stop(d);
	}
	demo_users_close(d);
	demo_server_clean(d);
	mx_arena_fini(&d->arena);
	return status;
}
