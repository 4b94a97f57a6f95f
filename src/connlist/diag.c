/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "connlist/diag.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/clock.h"

#define NONE UINT32_MAX
#define DEF_SLOW_NS (10 * MX_NS_PER_S)
#define DEF_STOPPED_NS (5 * MX_NS_PER_S)
/* A deadline may be met a moment late on a busy machine. */
#define GRACE_NS MX_NS_PER_S

struct run {
	const struct mx_snap *s;
	uint64_t slow_ns, stopped_ns;
	struct mx_diag *v;
	size_t n;
	bool full; /* out of memory */
};

static struct mx_diag *add(struct run *r, enum mx_diag_kind kind,
			   enum mx_diag_severity severity, uint64_t age_ns)
{
	struct mx_diag *d;

	if (!(r->n & (r->n - 1))) {
		d = realloc(r->v, (r->n ? 2 * r->n : 1) * sizeof(*d));
		if (!d) {
			r->full = true;
			return NULL;
		}
		r->v = d;
	}
	d = &r->v[r->n++];
	memset(d, 0, sizeof(*d));
	d->kind = kind;
	d->severity = severity;
	d->age_ns = age_ns;
	d->proc = d->list = d->conn = NONE;
	return d;
}

static void say(char *buf, size_t n, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

static void say(char *buf, size_t n, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf, n, fmt, ap);
	va_end(ap);
}

#define TEXT(d, ...) say((d)->text, sizeof((d)->text), __VA_ARGS__)
#define ADVICE(d, ...) say((d)->advice, sizeof((d)->advice), __VA_ARGS__)

static uint64_t since(const struct run *r, uint64_t then)
{
	return r->s->taken_ns > then ? r->s->taken_ns - then : 0;
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

/* --- Words for things --------------------------------------------------- */

static const char *proc_text(const struct run *r, uint32_t i, char *buf,
			     size_t n)
{
	if (i == NONE)
		snprintf(buf, n, "a process that is gone");
	else
		snprintf(buf, n, "process %" PRIu32 " (%s)", r->s->procs[i].pid,
			 r->s->procs[i].name);
	return buf;
}

static const char *user_text(const struct run *r, uint32_t i, char *buf,
			     size_t n)
{
	char sid[MX_SID_MAX_STR];

	if (i == NONE)
		snprintf(buf, n, "an unknown user");
	else
		snprintf(buf, n, "%s (%s)", r->s->lists[i].name,
			 mx_sid_format(&r->s->lists[i].sid, sid));
	return buf;
}

static const char *server_text(const struct run *r, uint32_t i)
{
	return i == NONE ? "an unknown server" : r->s->peers[i].server;
}

/* --- Findings ----------------------------------------------------------- */

static bool stopped(const struct run *r, const struct mx_snap_proc *p)
{
	return p->alive && p->beat_ns && since(r, p->beat_ns) > r->stopped_ns;
}

static void look_at_procs(struct run *r)
{
	for (uint32_t i = 0; i < r->s->n_procs; i++) {
		const struct mx_snap_proc *p = &r->s->procs[i];
		struct mx_diag *d = NULL;
		char who[96];

		if (!p->alive) {
			d = add(r, MX_DIAG_DEAD_PROCESS, MX_DIAG_INFO, 0);
			if (!d)
				return;
			TEXT(d, "%s died and nobody has cleaned up after it",
			     proc_text(r, i, who, sizeof(who)));
			ADVICE(d, "the next process that attaches does it");
		} else if (stopped(r, p)) {
			d = add(r, MX_DIAG_STOPPED_PROCESS, MX_DIAG_ERROR,
				since(r, p->beat_ns));
			if (!d)
				return;
			TEXT(d, "%s has not moved for %.1f s",
			     proc_text(r, i, who, sizeof(who)),
			     seconds(d->age_ns));
			ADVICE(d, "it is stopped, in a debugger, or starved: "
				  "continue or end it");
		}
		if (d)
			d->proc = i;
	}
}

static void look_at_locks(struct run *r)
{
	for (size_t i = 0; i < r->s->n_locks; i++) {
		const struct mx_snap_lock *l = &r->s->locks[i];
		bool stuck = l->alive && stopped(r, &r->s->procs[l->proc]);
		struct mx_diag *d;
		char who[96];

		if (l->alive && !stuck)
			continue; /* held for a moment */
		d = add(r, MX_DIAG_LOCK, stuck ? MX_DIAG_ERROR : MX_DIAG_INFO,
			0);
		if (!d)
			return;
		d->proc = l->proc;
		TEXT(d,
		     "the lock of bucket %" PRIu32 " is held by %s, which %s",
		     l->bucket, proc_text(r, l->proc, who, sizeof(who)),
		     stuck ? "is stopped" : "is dead");
		ADVICE(d, "%s",
		       stuck ? "continue or end that process"
			     : "whoever needs it next takes it over "
			       "and repairs what is behind it");
	}
}

static const char *op_words(enum mx_diag_kind kind)
{
	return kind == MX_DIAG_OVERDUE ? "is past its deadline" : "is slow";
}

static void look_at_op(struct run *r, uint32_t i, int which)
{
	const struct mx_snap_conn *k = &r->s->conns[i];
	const struct mx_snap_op *op = &k->op[which];
	uint64_t age = since(r, op->since_ns);
	bool overdue = op->deadline_ns &&
		       since(r, op->deadline_ns) > (uint64_t)GRACE_NS;
	enum mx_diag_kind kind = overdue ? MX_DIAG_OVERDUE : MX_DIAG_SLOW;
	char who[96], user[300];
	struct mx_diag *d;

	/* A parked wait is meant to be long. */
	if (!op->active ||
	    (!overdue && (which == MX_OP_PARKED || age < r->slow_ns)))
		return;
	d = add(r, kind, overdue ? MX_DIAG_ERROR : MX_DIAG_WARNING, age);
	if (!d)
		return;
	d->proc = k->proc;
	d->list = k->list;
	d->conn = i;
	TEXT(d,
	     "%s for %s at %s %s: %s has waited for %.1f s on %s, thread "
	     "%" PRIu32,
	     op->name, user_text(r, k->list, user, sizeof(user)),
	     server_text(r, k->peer), op_words(kind),
	     proc_text(r, k->proc, who, sizeof(who)), seconds(age),
	     op->waiting_on[0] ? op->waiting_on : "nothing it named", op->tid);
	ADVICE(d, "%s",
	       overdue ? "a wait outlived its deadline: that is a bug of this "
			 "runtime, keep this report"
		       : "the server has not answered; look at its side, the "
			 "call ends at its deadline");
}

static void look_at_waiting(struct run *r, uint32_t i)
{
	const struct mx_snap_conn *k = &r->s->conns[i];
	const struct mx_snap_peer *p = k->peer == NONE ? NULL
						       : &r->s->peers[k->peer];
	uint64_t age = since(r, k->opened_ns);
	char who[96], user[300];
	struct mx_diag *d =
		add(r, MX_DIAG_BUDGET,
		    age < r->slow_ns ? MX_DIAG_INFO : MX_DIAG_WARNING, age);

	if (!d)
		return;
	d->proc = k->proc;
	d->list = k->list;
	d->conn = i;
	TEXT(d,
	     "%s has waited %.1f s for a session of %s at %s: %" PRIu32
	     " of %" PRIu32 " in use, %" PRIu32 " waiting",
	     proc_text(r, k->proc, who, sizeof(who)), seconds(age),
	     user_text(r, k->list, user, sizeof(user)), server_text(r, k->peer),
	     p ? p->used[k->kind] : 0, p ? p->limit[k->kind] : 0,
	     p ? p->waiting[k->kind] : 0);
	ADVICE(d, "log off sessions of this user, or raise the limit here and "
		  "at the server");
}

static void look_at_poller(struct run *r, uint32_t i)
{
	const struct mx_snap_conn *k = &r->s->conns[i];
	uint64_t age = since(r, k->poller_since_ns);
	char who[96], user[300];
	struct mx_diag *d;

	if ((k->poller != MX_POLLER_STOPPING &&
	     k->poller != MX_POLLER_STARTING) ||
	    age < r->slow_ns)
		return;
	d = add(r, MX_DIAG_POLLER, MX_DIAG_ERROR, age);
	if (!d)
		return;
	d->proc = k->proc;
	d->list = k->list;
	d->conn = i;
	TEXT(d, "the poller of %s at %s in %s has been %s for %.1f s",
	     user_text(r, k->list, user, sizeof(user)), server_text(r, k->peer),
	     proc_text(r, k->proc, who, sizeof(who)), mx_poller_name(k->poller),
	     seconds(age));
	ADVICE(d, "its engine does not run: see that process");
}

static void look_at_orphan(struct run *r, uint32_t i)
{
	const struct mx_snap_conn *k = &r->s->conns[i];
	char user[300];
	struct mx_diag *d = add(r, MX_DIAG_ORPHAN, MX_DIAG_INFO, 0);

	if (!d)
		return;
	d->list = k->list;
	d->conn = i;
	TEXT(d, "a session of %s at %s was left by a process that died",
	     user_text(r, k->list, user, sizeof(user)),
	     server_text(r, k->peer));
	ADVICE(d, "the user's next connect to that server ends it");
}

static void look_at_torn(struct run *r, uint32_t i)
{
	const struct mx_snap_conn *k = &r->s->conns[i];
	bool alive = k->proc != NONE && r->s->procs[k->proc].alive;
	char who[96];
	struct mx_diag *d;

	d = add(r, MX_DIAG_TORN, alive ? MX_DIAG_WARNING : MX_DIAG_INFO, 0);
	if (!d)
		return;
	d->proc = k->proc;
	d->conn = i;
	TEXT(d, "connection record %" PRIu32 " of %s is half written", k->slot,
	     proc_text(r, k->proc, who, sizeof(who)));
	ADVICE(d, "%s",
	       alive ? "its process was stopped in the middle of it"
		     : "it is finished when the dead process is "
		       "cleaned up after");
}

static void look_at_conns(struct run *r)
{
	for (uint32_t i = 0; i < r->s->n_conns; i++) {
		const struct mx_snap_conn *k = &r->s->conns[i];

		if (k->torn)
			look_at_torn(r, i);
		if (k->state == MX_SNAP_WAITING)
			look_at_waiting(r, i);
		if (k->state == MX_SNAP_ORPHAN)
			look_at_orphan(r, i);
		if (k->state != MX_SNAP_OPEN)
			continue;
		for (int op = 0; op < MX_OPS; op++)
			look_at_op(r, i, op);
		look_at_poller(r, i);
	}
}

static void look_at_peers(struct run *r)
{
	for (uint32_t i = 0; i < r->s->n_peers; i++) {
		const struct mx_snap_peer *p = &r->s->peers[i];
		struct mx_diag *d;
		char user[300];

		if (!p->until_ns)
			continue;
		d = add(r, MX_DIAG_BACKOFF, MX_DIAG_WARNING, 0);
		if (!d)
			return;
		d->list = p->list;
		TEXT(d,
		     "%s is held back from %s for another %.1f s: %s, code "
		     "%" PRIu32,
		     user_text(r, p->list, user, sizeof(user)), p->server,
		     seconds(p->until_ns - r->s->taken_ns),
		     mx_health_name(p->health), p->code);
		ADVICE(d,
		       "the server asked for it, or cannot be reached; other "
		       "users go on");
	}
}

static void look_at_table(struct run *r, const char *what, uint32_t n_free,
			  uint32_t max)
{
	uint32_t used = max - n_free;
	struct mx_diag *d;

	if ((uint64_t)used * 10 < (uint64_t)max * 9)
		return;
	d = add(r, MX_DIAG_CAPACITY, n_free ? MX_DIAG_WARNING : MX_DIAG_ERROR,
		0);
	if (!d)
		return;
	TEXT(d, "%" PRIu32 " of %" PRIu32 " %s are in use", used, max, what);
	ADVICE(d,
	       "capacity is set when the segment is created: stop its "
	       "processes, remove %s, start with more",
	       r->s->path);
}

/* --- Order -------------------------------------------------------------- */

static int worse_first(const void *pa, const void *pb)
{
	const struct mx_diag *a = pa, *b = pb;

	if (a->severity != b->severity)
		return a->severity > b->severity ? -1 : 1;
	return (a->age_ns < b->age_ns) - (a->age_ns > b->age_ns);
}

int mx_diag_run(const struct mx_snap *snap, const struct mx_diag_params *p,
		struct mx_diag **ret, size_t *ret_n)
{
	struct run r = {.s = snap,
			.slow_ns = p && p->slow_ns ? p->slow_ns : DEF_SLOW_NS,
			.stopped_ns = p && p->stopped_ns ? p->stopped_ns
							 : DEF_STOPPED_NS};

	look_at_procs(&r);
	look_at_locks(&r);
	look_at_conns(&r);
	look_at_peers(&r);
	look_at_table(&r, "lists", snap->n_free_lists, snap->max_lists);
	look_at_table(&r, "connection records", snap->n_free_conns,
		      snap->max_conns);
	look_at_table(&r, "server records", snap->n_free_peers,
		      snap->max_peers);
	look_at_table(&r, "process slots",
		      snap->max_procs - (uint32_t)snap->n_procs,
		      snap->max_procs);
	if (r.full) {
		free(r.v);
		return -ENOMEM;
	}
	if (r.n)
		qsort(r.v, r.n, sizeof(*r.v), worse_first);
	*ret = r.v;
	*ret_n = r.n;
	return 0;
}

const char *mx_diag_kind_name(enum mx_diag_kind kind)
{
	static const char *const names[] = {
		"dead-process", "stopped-process", "lock",     "overdue",
		"slow",         "budget",          "back-off", "poller",
		"orphan",       "capacity",        "torn",
	};

	return (unsigned)kind < MX_ARRAY_SIZE(names) ? names[kind] : "?";
}

const char *mx_diag_severity_name(enum mx_diag_severity s)
{
	static const char *const names[] = {"info", "warning", "error"};

	return (unsigned)s < MX_ARRAY_SIZE(names) ? names[s] : "?";
}

/* --- For watchdogs ------------------------------------------------------ */

static void print_ops(int fd, const struct mx_snap *s)
{
	struct run r = {.s = s};
	char who[96], user[300];

	for (size_t i = 0; i < s->n_conns; i++)
		for (int op = 0; op < MX_OPS; op++) {
			const struct mx_snap_conn *k = &s->conns[i];

			if (!k->op[op].active)
				continue;
			dprintf(fd,
				"in flight: %s, %.1f s, on %s, for %s at %s, "
				"%s thread %" PRIu32 "\n",
				k->op[op].name,
				seconds(since(&r, k->op[op].since_ns)),
				k->op[op].waiting_on,
				user_text(&r, k->list, user, sizeof(user)),
				server_text(&r, k->peer),
				proc_text(&r, k->proc, who, sizeof(who)),
				k->op[op].tid);
		}
}

void mx_diag_print(int fd, const char *path)
{
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_snap_src *src = NULL;
	struct mx_snap s = MX_SNAP_INIT;
	struct mx_diag *v = NULL;
	size_t n = 0;

	if (mx_snap_open(path, &src, &f)) {
		dprintf(fd, "no diagnosis: %s\n", f.text);
		return;
	}
	if (!mx_snap_take(src, &s) && !mx_diag_run(&s, NULL, &v, &n)) {
		dprintf(fd, "%zu processes, %zu lists, %zu connections in %s\n",
			s.n_procs, s.n_lists, s.n_conns, s.path);
		for (size_t i = 0; i < n; i++)
			dprintf(fd, "%s: %s: %s; %s\n",
				mx_diag_severity_name(v[i].severity),
				mx_diag_kind_name(v[i].kind), v[i].text,
				v[i].advice);
		print_ops(fd, &s);
	}
	free(v);
	mx_snap_fini(&s);
	mx_snap_close(src);
}
