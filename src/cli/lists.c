/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mapiary lists`: the connection lists in shared memory, looked at from
 * outside.  Disturbs nobody and needs nobody alive.
 */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "cli/json.h"
#include "connlist/snapshot.h"
#include "tui/plain.h"

static int usage(FILE *to, int status)
{
	fputs("usage: mapiary lists [--json] [--segment FILE]\n"
	      "\n"
	      "Shows every user's connection list and its connections: who, "
	      "where, doing what,\nsince when, waiting on what.\n"
	      "\n"
	      "  --json          a document (doc/formats/lists-json.md)\n"
	      "  --segment FILE  default: MAPIARY_SEGMENT, else "
	      "/dev/shm/mapiary-UID\n",
	      to);
	return status;
}

enum { OPT_JSON = 256, OPT_SEGMENT, OPT_HELP };

static const struct option options[] = {
	{"json", no_argument, NULL, OPT_JSON},
	{"segment", required_argument, NULL, OPT_SEGMENT},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static const char *state_name(enum mx_snap_state s)
{
	static const char *const names[] = {"waiting", "open", "orphan",
					    "closing"};

	return (size_t)s < MX_ARRAY_SIZE(names) ? names[s] : "?";
}

static const char *kind_name(enum mx_conn_kind k)
{
	return k == MX_CONN_MAILBOX ? "mailbox" : "address book";
}

static int64_t age_ns(const struct mx_snap *s, uint64_t since)
{
	return since && s->taken_ns > since ? (int64_t)(s->taken_ns - since)
					    : 0;
}

static const char *server_of(const struct mx_snap *s,
			     const struct mx_snap_conn *c)
{
	return c->peer < s->n_peers ? s->peers[c->peer].server : "-";
}

static uint32_t pid_of(const struct mx_snap *s, const struct mx_snap_conn *c)
{
	return c->proc < s->n_procs ? s->procs[c->proc].pid : 0;
}

/* One line.  Names in it are others': see tui/plain.h. */
static void say(const char *fmt, ...) MX_PRINTF(1, 2);

static void say(const char *fmt, ...)
{
	char text[1024], safe[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	puts(mx_plain(safe, sizeof(safe), text));
}

static void print_conn(const struct mx_snap *s, const struct mx_snap_conn *c)
{
	say("    %s  %s  %s  pid %u  %u logons  %" PRIu64 " round trips",
	    server_of(s, c), kind_name(c->kind), state_name(c->state),
	    pid_of(s, c), c->n_logons, c->round_trips);
	for (size_t i = 0; i < MX_OPS; i++) {
		const struct mx_snap_op *op = &c->op[i];

		if (op->active)
			say("        %s for %.1f s, waiting on %s", op->name,
			    (double)age_ns(s, op->since_ns) / 1e9,
			    op->waiting_on[0] ? op->waiting_on : "nothing");
	}
	if (c->last_err)
		say("        last error %.1f s ago: %s, code %u",
		    (double)age_ns(s, c->last_err_ns) / 1e9,
		    strerror(-c->last_err), c->last_code);
}

static double held_back_s(const struct mx_snap *s, const struct mx_snap_peer *p)
{
	return p->until_ns > s->taken_ns
		       ? (double)(p->until_ns - s->taken_ns) / 1e9
		       : 0;
}

static void print_peer(const struct mx_snap *s, const struct mx_snap_peer *p)
{
	say("  at %s: %s, code %u; %u of %u sessions, %u waiting", p->server,
	    mx_health_name(p->health), p->code, p->used[MX_CONN_MAILBOX],
	    p->limit[MX_CONN_MAILBOX], p->waiting[MX_CONN_MAILBOX]);
	if (p->until_ns)
		say("    held back for another %.1f s", held_back_s(s, p));
}

/* How full a table is; its end is an error that names it. */
struct table {
	const char *name;
	uint32_t used, max;
};

#define N_TABLES 4

static void fill_tables(const struct mx_snap *s, struct table t[N_TABLES])
{
	t[0] = (struct table){"lists", s->max_lists - s->n_free_lists,
			      s->max_lists};
	t[1] = (struct table){"connections", s->max_conns - s->n_free_conns,
			      s->max_conns};
	t[2] = (struct table){"servers", s->max_peers - s->n_free_peers,
			      s->max_peers};
	t[3] = (struct table){"processes", (uint32_t)s->n_procs, s->max_procs};
}

static void print_list(const struct mx_snap *s, const struct mx_snap_list *l)
{
	char sid[MX_SID_MAX_STR];

	putchar('\n');
	say("%s  %s", l->name, mx_sid_format(&l->sid, sid));
	say("  list %u, generation %" PRIu64
	    ", CRC %08x, %u processes, %u connections, %u waiting, %u "
	    "orphans%s",
	    l->slot, l->gen, l->crc, l->n_procs, l->n_conns, l->n_waiting,
	    l->n_orphans, l->torn ? ", changing" : "");
	for (uint32_t i = l->first_peer; i < s->n_peers; i = s->peers[i].next)
		print_peer(s, &s->peers[i]);
	for (uint32_t i = l->first_conn; i < s->n_conns; i = s->conns[i].next)
		print_conn(s, &s->conns[i]);
}

static void print_text(const struct mx_snap *s)
{
	struct table t[N_TABLES];

	say("%s: %zu processes, %zu lists, %zu connections", s->path,
	    s->n_procs, s->n_lists, s->n_conns);
	fill_tables(s, t);
	printf("capacity:");
	for (int i = 0; i < N_TABLES; i++)
		printf("%s %u of %u %s", i ? "," : "", t[i].used, t[i].max,
		       t[i].name);
	printf("; %" PRIu64 " bytes\n", s->bytes);
	for (size_t i = 0; i < s->n_lists; i++)
		print_list(s, &s->lists[i]);
}

static void json_conn(struct mx_json *j, const struct mx_snap *s,
		      const struct mx_snap_conn *c)
{
	mx_json_open(j, NULL, '{');
	mx_json_uint(j, "slot", c->slot);
	mx_json_text(j, "server", server_of(s, c));
	mx_json_text(j, "kind", kind_name(c->kind));
	mx_json_text(j, "state", state_name(c->state));
	mx_json_text(j, "poller", mx_poller_name(c->poller));
	mx_json_uint(j, "pid", pid_of(s, c));
	mx_json_uint(j, "logons", c->n_logons);
	mx_json_uint(j, "round_trips", c->round_trips);
	mx_json_uint(j, "bytes_out", c->bytes_out);
	mx_json_uint(j, "bytes_in", c->bytes_in);
	mx_json_open(j, "in_flight", '[');
	for (size_t i = 0; i < MX_OPS; i++) {
		const struct mx_snap_op *op = &c->op[i];

		if (!op->active)
			continue;
		mx_json_open(j, NULL, '{');
		mx_json_text(j, "operation", op->name);
		mx_json_text(j, "waiting_on", op->waiting_on);
		mx_json_seconds(j, "for_seconds", age_ns(s, op->since_ns));
		mx_json_close(j, '}');
	}
	mx_json_close(j, ']');
	if (c->last_err) {
		mx_json_open(j, "last_error", '{');
		mx_json_text(j, "text", strerror(-c->last_err));
		mx_json_uint(j, "code", c->last_code);
		mx_json_seconds(j, "seconds_ago", age_ns(s, c->last_err_ns));
		mx_json_close(j, '}');
	}
	mx_json_close(j, '}');
}

/* One server as this user sees it: its health and his budget. */
static void json_peer(struct mx_json *j, const struct mx_snap *s,
		      const struct mx_snap_peer *p)
{
	mx_json_open(j, NULL, '{');
	mx_json_text(j, "server", p->server);
	mx_json_text(j, "health", mx_health_name(p->health));
	mx_json_uint(j, "code", p->code);
	mx_json_seconds(j, "held_back_seconds",
			p->until_ns > s->taken_ns
				? (int64_t)(p->until_ns - s->taken_ns)
				: 0);
	mx_json_open(j, "sessions", '[');
	for (int k = 0; k < MX_CONN_KINDS; k++) {
		mx_json_open(j, NULL, '{');
		mx_json_text(j, "kind", kind_name((enum mx_conn_kind)k));
		mx_json_uint(j, "used", p->used[k]);
		mx_json_uint(j, "limit", p->limit[k]);
		mx_json_uint(j, "waiting", p->waiting[k]);
		mx_json_close(j, '}');
	}
	mx_json_close(j, ']');
	mx_json_close(j, '}');
}

static void json_capacity(struct mx_json *j, const struct mx_snap *s)
{
	struct table t[N_TABLES];

	fill_tables(s, t);
	mx_json_uint(j, "bytes", s->bytes);
	mx_json_open(j, "capacity", '{');
	for (int i = 0; i < N_TABLES; i++) {
		mx_json_open(j, t[i].name, '{');
		mx_json_uint(j, "used", t[i].used);
		mx_json_uint(j, "max", t[i].max);
		mx_json_close(j, '}');
	}
	mx_json_close(j, '}');
}

static void print_json(const struct mx_snap *s)
{
	struct mx_json j = {.to = stdout};
	char sid[MX_SID_MAX_STR];

	mx_json_open(&j, NULL, '{');
	mx_json_text(&j, "format", "mapiary-lists");
	mx_json_uint(&j, "version", 1);
	mx_json_text(&j, "segment", s->path);
	mx_json_uint(&j, "processes", s->n_procs);
	json_capacity(&j, s);
	mx_json_open(&j, "lists", '[');
	for (size_t i = 0; i < s->n_lists; i++) {
		const struct mx_snap_list *l = &s->lists[i];

		mx_json_open(&j, NULL, '{');
		mx_json_uint(&j, "slot", l->slot);
		mx_json_uint(&j, "generation", l->gen);
		mx_json_text(&j, "name", l->name);
		mx_json_text(&j, "sid", mx_sid_format(&l->sid, sid));
		mx_json_uint(&j, "sid_crc", l->crc);
		mx_json_uint(&j, "processes", l->n_procs);
		mx_json_uint(&j, "waiting", l->n_waiting);
		mx_json_uint(&j, "orphans", l->n_orphans);
		mx_json_open(&j, "servers", '[');
		for (uint32_t k = l->first_peer; k < s->n_peers;
		     k = s->peers[k].next)
			json_peer(&j, s, &s->peers[k]);
		mx_json_close(&j, ']');
		mx_json_open(&j, "connections", '[');
		for (uint32_t k = l->first_conn; k < s->n_conns;
		     k = s->conns[k].next)
			json_conn(&j, s, &s->conns[k]);
		mx_json_close(&j, ']');
		mx_json_close(&j, '}');
	}
	mx_json_close(&j, ']');
	mx_json_close(&j, '}');
}

int mx_cmd_lists(int argc, char **argv)
{
	struct mx_fault fault = MX_FAULT_INIT;
	struct mx_snap snap = MX_SNAP_INIT;
	struct mx_snap_src *src = NULL;
	const char *segment = NULL;
	bool json = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == OPT_HELP)
			return usage(stdout, MX_EXIT_OK);
		if (c == OPT_JSON)
			json = true;
		else if (c == OPT_SEGMENT)
			segment = optarg;
		else
			return usage(stderr, MX_EXIT_USAGE);
	}
	if (optind < argc)
		return usage(stderr, MX_EXIT_USAGE);
	mx_plain_setup(STDOUT_FILENO);
	r = mx_snap_open(segment, &src, &fault);
	if (!r)
		r = mx_snap_take(src, &snap);
	if (!r && json)
		print_json(&snap);
	else if (!r)
		print_text(&snap);
	mx_snap_fini(&snap);
	mx_snap_close(src);
	if (r)
		return mx_cli_fail("lists", "%s%s",
				   r == -ENOENT ? "there is no segment: " : "",
				   fault.text[0] ? fault.text : strerror(-r));
	return MX_EXIT_OK;
}
