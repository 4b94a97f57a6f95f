/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mapiary doctor`: what is stuck, since when, on what, whose fault, what to do.
 * Reads the segment from outside: needs no debugger, disturbs nobody, and works
 * when every process in it is dead or stopped.
 */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/json.h"
#include "connlist/diag.h"
#include "connlist/registry.h"
#include "tui/plain.h"

static int usage(FILE *to, int status)
{
	fputs("usage: mapiary doctor [--json] [--segment FILE] "
	      "[--slow SECONDS]\n"
	      "\n"
	      "Says what is stuck or slow, for whom, since when and on what, "
	      "whose fault it\nis, and what to do.\n"
	      "\n"
	      "  --json          a document (doc/formats/doctor-json.md)\n"
	      "  --segment FILE  default: MAPIARY_SEGMENT, else "
	      "/dev/shm/mapiary-UID\n"
	      "  --slow SECONDS  an operation that takes longer is slow (10)\n"
	      "\n"
	      "Exit status: 0 healthy, 1 something is stuck, 2 wrong usage, "
	      "3 there is nothing\nto look at.\n",
	      to);
	return status;
}

enum { OPT_JSON = 256, OPT_SEGMENT, OPT_SLOW, OPT_HELP };

#define EXIT_NOTHING 3

static const struct option options[] = {
	{"json", no_argument, NULL, OPT_JSON},
	{"segment", required_argument, NULL, OPT_SEGMENT},
	{"slow", required_argument, NULL, OPT_SLOW},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

/* Names in a finding are others': see tui/plain.h. */
static void print_line(const char *before, const char *text)
{
	char safe[1024];

	printf("%s%s\n", before, mx_plain(safe, sizeof(safe), text));
}

static void print_text(const struct mx_snap *s, const struct mx_diag *d,
		       size_t n)
{
	char safe[1024], before[32];

	printf("%s: %zu processes, %zu lists, %zu connections\n",
	       mx_plain(safe, sizeof(safe), s->path), s->n_procs, s->n_lists,
	       s->n_conns);
	for (size_t i = 0; i < n; i++) {
		snprintf(before, sizeof(before),
			 "%s: ", mx_diag_severity_name(d[i].severity));
		print_line(before, d[i].text);
		if (d[i].blame[0])
			print_line("    whose: ", d[i].blame);
		if (d[i].advice[0])
			print_line("    do: ", d[i].advice);
	}
	if (!n)
		puts("healthy");
}

/* The parts of a finding on their own, null where it has none. */
static void json_parts(struct mx_json *j, const struct mx_snap *s,
		       const struct mx_diag *d)
{
	char sid[MX_SID_MAX_STR];
	const struct mx_snap_list *l = d->list < s->n_lists ? &s->lists[d->list]
							    : NULL;

	mx_json_text(j, "user", l ? l->name : NULL);
	mx_json_text(j, "sid", l ? mx_sid_format(&l->sid, sid) : NULL);
	mx_json_text(j, "server",
		     d->peer < s->n_peers ? s->peers[d->peer].server : NULL);
	mx_json_text(j, "operation", d->op[0] ? d->op : NULL);
	if (d->proc < s->n_procs)
		mx_json_uint(j, "pid", s->procs[d->proc].pid);
	else
		mx_json_text(j, "pid", NULL);
}

static void print_json(const struct mx_snap *s, const struct mx_diag *d,
		       size_t n)
{
	struct mx_json j = {.to = stdout};

	mx_json_open(&j, NULL, '{');
	mx_json_text(&j, "format", "mapiary-doctor");
	mx_json_uint(&j, "version", 1);
	mx_json_text(&j, "segment", s->path);
	mx_json_uint(&j, "processes", s->n_procs);
	mx_json_uint(&j, "lists", s->n_lists);
	mx_json_uint(&j, "connections", s->n_conns);
	mx_json_open(&j, "findings", '[');
	for (size_t i = 0; i < n; i++) {
		mx_json_open(&j, NULL, '{');
		mx_json_text(&j, "severity",
			     mx_diag_severity_name(d[i].severity));
		mx_json_text(&j, "kind", mx_diag_kind_name(d[i].kind));
		json_parts(&j, s, &d[i]);
		mx_json_seconds(&j, "age_seconds", (int64_t)d[i].age_ns);
		mx_json_text(&j, "text", d[i].text);
		mx_json_text(&j, "fault", d[i].blame);
		mx_json_text(&j, "advice", d[i].advice);
		mx_json_close(&j, '}');
	}
	mx_json_close(&j, ']');
	mx_json_close(&j, '}');
}

static int examine(const char *path, const struct mx_diag_params *p, bool json)
{
	MX_AUTO(mx_free_auto) struct mx_diag *found = NULL;
	struct mx_fault fault = MX_FAULT_INIT;
	struct mx_snap snap = MX_SNAP_INIT;
	struct mx_snap_src *src = NULL;
	int status = MX_EXIT_OK, r = mx_snap_open(path, &src, &fault);
	size_t n = 0;

	mx_plain_setup(STDOUT_FILENO);
	if (!r)
		r = mx_snap_take(src, &snap);
	if (!r)
		r = mx_diag_run(&snap, p, &found, &n);
	if (r) {
		mx_cli_fail("doctor", "%s",
			    fault.text[0] ? fault.text : strerror(-r));
		status = EXIT_NOTHING;
	} else if (json) {
		print_json(&snap, found, n);
	} else {
		print_text(&snap, found, n);
	}
	for (size_t i = 0; i < n; i++)
		if (found[i].severity == MX_DIAG_ERROR)
			status = MX_EXIT_FAILED;
	mx_snap_fini(&snap);
	mx_snap_close(src);
	return status;
}

int mx_cmd_doctor(int argc, char **argv)
{
	struct mx_diag_params p = {0};
	const char *path = NULL;
	bool json = false;
	uint64_t n;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case OPT_JSON:
			json = true;
			break;
		case OPT_SEGMENT:
			path = optarg;
			break;
		case OPT_SLOW:
			if (mx_cli_number("doctor", "--slow", optarg, 1, 86400,
					  &n))
				return MX_EXIT_USAGE;
			p.slow_ns = n * MX_NS_PER_S;
			break;
		case OPT_HELP:
			return usage(stdout, MX_EXIT_OK);
		default:
			return usage(stderr, MX_EXIT_USAGE);
		}
	}
	if (optind < argc)
		return usage(stderr, MX_EXIT_USAGE);
	return examine(path, &p, json);
}
