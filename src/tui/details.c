/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of text: everything about the selected row, and help. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tui/model.h"
#include "tui/plain.h"

#define NONE UINT32_MAX

static const char help_text[] =
	"Keys\n"
	"  arrows, j k, PgUp PgDn, Home End   select, scroll\n"
	"  Tab, 1 2 3                         lists, connections, processes\n"
	"  d                                  what the doctor found\n"
	"  Enter                              everything about the selected row\n"
	"  s or >, <                          order by the next column, the one "
	"before\n"
	"  r                                  the other way round\n"
	"  /                                  show rows whose user, server or "
	"SID contain a text; Esc: all\n"
	"  space                              pause\n"
	"  + -                                look less often, more often\n"
	"  q                                  quit\n"
	"\n"
	"A list is a user's: his connections in all processes of the account.\n"
	"BUSY  operations in flight; AGE since when the oldest of them; DOING "
	"what, and on what it waits\n"
	"USED  sessions in use of those the server lets the user have; WAIT "
	"who waits for one\n"
	"HEALTH  what the server last said to this user; a time is how long "
	"opens are held back\n"
	"\n"
	"The segment is only read: nobody is disturbed, stopped processes "
	"are shown as they stopped.\n";

struct page {
	FILE *to;
};

static void say(struct page *p, const char *fmt, ...) MX_PRINTF(2, 3);

static void say(struct page *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(p->to, fmt, ap);
	va_end(ap);
}

/* A newline in a name must not begin a line of ours. */
#define SAFE(text)                                                             \
	__extension__({                                                        \
		char *b_ = __builtin_alloca(1024);                             \
		mx_plain(b_, 1024, text);                                      \
	})

static void say_conn(const struct mx_top *t, struct page *p,
		     const struct mx_snap_conn *k)
{
	const struct mx_snap *s = t->snap;
	char age[24], poll[24];

	say(p, "  %s  %s  %s", mx_top_kind_name(k->kind),
	    mx_top_state_name(k->state),
	    k->peer == NONE ? "-" : SAFE(s->peers[k->peer].server));
	if (k->proc != NONE)
		say(p, "  process %" PRIu32 " %s", s->procs[k->proc].pid,
		    SAFE(s->procs[k->proc].name));
	say(p, "%s\n", k->torn ? "  half written" : "");
	say(p, "    record %" PRIu32 ", generation %" PRIu64 ", open for %s\n",
	    k->slot, k->gen,
	    mx_top_age_text(t, k->opened_ns, age, sizeof(age)));
	say(p,
	    "    %" PRIu32 " logons, %" PRIu64 " round trips, %" PRIu64
	    " bytes out, %" PRIu64 " in; poller %s for %s\n",
	    k->n_logons, k->round_trips, k->bytes_out, k->bytes_in,
	    mx_poller_name(k->poller),
	    mx_top_age_text(t, k->poller_since_ns, poll, sizeof(poll)));
	for (int i = 0; i < MX_OPS; i++) {
		const struct mx_snap_op *op = &k->op[i];

		if (op->active)
			say(p,
			    "    %s for %s, waiting on %s, thread %" PRIu32
			    "%s\n",
			    SAFE(op->name),
			    mx_top_age_text(t, op->since_ns, age, sizeof(age)),
			    op->waiting_on[0] ? SAFE(op->waiting_on) : "-",
			    op->tid,
			    op->deadline_ns && op->deadline_ns < s->taken_ns
				    ? ", past its deadline"
				    : "");
	}
	if (k->last_err)
		say(p, "    last error %s ago: %s, code %" PRIu32 "\n",
		    mx_top_age_text(t, k->last_err_ns, age, sizeof(age)),
		    strerror(-k->last_err), k->last_code);
}

static void say_peer(const struct mx_top *t, struct page *p,
		     const struct mx_snap_peer *q)
{
	say(p, "  %s  %s, code %" PRIu32, SAFE(q->server),
	    mx_health_name(q->health), q->code);
	if (q->until_ns)
		say(p, ", held back for another %.1f s",
		    (double)(q->until_ns - t->snap->taken_ns) / 1e9);
	say(p, "\n");
	for (int d = 0; d < MX_CONN_KINDS; d++)
		if (q->used[d] || q->waiting[d])
			say(p,
			    "    %s: %" PRIu32 " of %" PRIu32
			    " sessions, %" PRIu32 " waiting\n",
			    mx_top_kind_name((enum mx_conn_kind)d), q->used[d],
			    q->limit[d], q->waiting[d]);
}

static void say_list(const struct mx_top *t, struct page *p, uint32_t i)
{
	const struct mx_snap *s = t->snap;
	const struct mx_snap_list *l = &s->lists[i];
	char sid[MX_SID_MAX_STR], age[24];

	say(p, "%s\n%s, CRC %08" PRIx32 "\n", SAFE(l->name),
	    mx_sid_format(&l->sid, sid), l->crc);
	say(p,
	    "list %" PRIu32 ", generation %" PRIu64 ", made %s ago, held by "
	    "%" PRIu32 " processes\n",
	    l->slot, l->gen,
	    mx_top_age_text(t, l->created_ns, age, sizeof(age)), l->n_procs);
	say(p, "\nServers\n");
	for (uint32_t k = l->first_peer; k != NONE; k = s->peers[k].next)
		say_peer(t, p, &s->peers[k]);
	say(p, "\nConnections\n");
	for (uint32_t k = l->first_conn; k != NONE; k = s->conns[k].next)
		say_conn(t, p, &s->conns[k]);
}

static void say_user(const struct mx_top *t, struct page *p, uint32_t list)
{
	if (list != NONE)
		say(p, "%s\n", SAFE(t->snap->lists[list].name));
}

static void say_proc(const struct mx_top *t, struct page *p, uint32_t i)
{
	const struct mx_snap *s = t->snap;
	const struct mx_snap_proc *o = &s->procs[i];
	char age[24], beat[24];

	say(p,
	    "process %" PRIu32 " %s, slot %" PRIu32 ", generation %" PRIu64
	    "\n",
	    o->pid, SAFE(o->name), o->slot, o->gen);
	say(p, "%s, attached for %s, last beat %s ago, user id %" PRIu32 "\n",
	    !o->alive              ? "dead"
	    : mx_top_stopped(t, o) ? "stopped"
				   : "alive",
	    mx_top_age_text(t, o->attached_ns, age, sizeof(age)),
	    mx_top_age_text(t, o->beat_ns, beat, sizeof(beat)), o->uid);
	say(p,
	    "PID namespace %" PRIu64 ", sessions a user and server: %" PRIu32
	    "\n\nOperations in flight\n",
	    o->pidns, o->max_sessions);
	for (size_t k = 0; k < s->n_conns; k++)
		if (s->conns[k].proc == i && s->conns[k].op[0].active) {
			say_user(t, p, s->conns[k].list);
			say_conn(t, p, &s->conns[k]);
		}
}

static void say_finding(const struct mx_top *t, struct page *p, uint32_t i)
{
	const struct mx_diag *d = &t->findings[i];

	say(p, "%s: %s\n\n%s\n\nwhose: %s\ndo: %s\n",
	    mx_diag_severity_name(d->severity), mx_diag_kind_name(d->kind),
	    SAFE(d->text), SAFE(d->blame), SAFE(d->advice));
}

static void say_selected(const struct mx_top *t, struct page *p)
{
	const struct mx_top_pane *pane = &t->pane[t->view];
	uint32_t i;

	if (pane->at >= t->n_rows) {
		say(p, "It is gone.\n");
		return;
	}
	i = t->rows[pane->at].index;
	switch (t->view) {
	case MX_TOP_LISTS:
		say_list(t, p, i);
		break;
	case MX_TOP_CONNS:
		if (t->snap->conns[i].list != NONE)
			say_list(t, p, t->snap->conns[i].list);
		else
			say_conn(t, p, &t->snap->conns[i]);
		break;
	case MX_TOP_PROCS:
		say_proc(t, p, i);
		break;
	default:
		say_finding(t, p, i);
	}
}

char *mx_top_page_text(const struct mx_top *t)
{
	struct page p;
	char *text = NULL;
	size_t n = 0;

	p.to = open_memstream(&text, &n);
	if (!p.to)
		return NULL;
	if (t->page == MX_PAGE_HELP)
		say(&p, "%s", help_text);
	else
		say_selected(t, &p);
	if (fclose(p.to)) {
		free(text);
		return NULL;
	}
	return text;
}
