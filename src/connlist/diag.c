/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "connlist/diag.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	d->proc = d->list = d->peer = d->conn = NONE;
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
#define BLAME(d, ...) say((d)->blame, sizeof((d)->blame), __VA_ARGS__)
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

/* "alive", "stopped", "dead": what a wait in that process is worth. */
static enum proc_state {
	ALIVE,
	STOPPED,
	DEAD
} state_of(const struct run *r, uint32_t proc)
{
	if (proc == NONE || !r->s->procs[proc].alive)
		return DEAD;
	return stopped(r, &r->s->procs[proc]) ? STOPPED : ALIVE;
}

/* A finding about a connection: where it belongs. */
static struct mx_diag *add_conn(struct run *r, enum mx_diag_kind kind,
				enum mx_diag_severity severity, uint64_t age_ns,
				uint32_t i)
{
	const struct mx_snap_conn *k = &r->s->conns[i];
	struct mx_diag *d = add(r, kind, severity, age_ns);

	if (!d)
		return NULL;
	d->proc = k->proc;
	d->list = k->list;
	d->peer = k->peer;
	d->conn = i;
	return d;
}

static void blame_proc(const struct run *r, struct mx_diag *d, uint32_t proc)
{
	static const char *const how[] = {"", ", which is stopped",
					  ", which is dead"};
	char who[96];

	BLAME(d, "%s%s", proc_text(r, proc, who, sizeof(who)),
	      how[state_of(r, proc)]);
}

static void look_at_procs(struct run *r)
{
	for (uint32_t i = 0; i < r->s->n_procs; i++) {
		const struct mx_snap_proc *p = &r->s->procs[i];
		enum proc_state state = state_of(r, i);
		struct mx_diag *d;
		char who[96];

		if (state == ALIVE)
			continue;
		d = add(r,
			state == DEAD ? MX_DIAG_DEAD_PROCESS
				      : MX_DIAG_STOPPED_PROCESS,
			state == DEAD ? MX_DIAG_INFO : MX_DIAG_ERROR,
			p->beat_ns ? since(r, p->beat_ns) : 0);
		if (!d)
			return;
		d->proc = i;
		proc_text(r, i, who, sizeof(who));
		if (state == DEAD) {
			TEXT(d, "%s died and nobody has cleaned up after it",
			     who);
			BLAME(d, "whoever ended it, or its own crash");
			ADVICE(d, "the next process that attaches does it, and "
				  "every one that runs within a second");
		} else {
			TEXT(d, "%s has not moved for %.1f s", who,
			     seconds(d->age_ns));
			BLAME(d, "whoever stopped it: a signal, a debugger, a "
				 "starved machine");
			ADVICE(d,
			       "continue it (kill -CONT %" PRIu32 ") or end it",
			       p->pid);
		}
	}
}

/* Then nothing at all goes on, whatever else is found. */
static void look_at_all(struct run *r)
{
	size_t n[3] = {0};
	uint64_t last = 0; /* beat of any */
	struct mx_diag *d;

	for (uint32_t i = 0; i < r->s->n_procs; i++) {
		n[state_of(r, i)]++;
		if (r->s->procs[i].beat_ns > last)
			last = r->s->procs[i].beat_ns;
	}
	if (!r->s->n_procs || n[ALIVE])
		return;
	d = add(r, MX_DIAG_NOBODY, n[STOPPED] ? MX_DIAG_ERROR : MX_DIAG_INFO,
		last ? since(r, last) : 0);
	if (!d)
		return;
	if (!n[DEAD])
		TEXT(d, "all %zu processes are stopped", n[STOPPED]);
	else if (!n[STOPPED])
		TEXT(d, "all %zu processes are dead", n[DEAD]);
	else
		TEXT(d, "no process runs: %zu are stopped, %zu are dead",
		     n[STOPPED], n[DEAD]);
	BLAME(d, "%s",
	      n[STOPPED] ? "whoever stopped them"
			 : "whoever ended them, or their own crashes");
	ADVICE(d, "%s",
	       n[STOPPED]
		       ? "continue them or end them"
		       : "nothing: the next process that attaches cleans up");
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
			stuck ? since(r, r->s->procs[l->proc].beat_ns) : 0);
		if (!d)
			return;
		d->proc = l->proc;
		TEXT(d,
		     "the lock of bucket %" PRIu32 " is held by %s, which %s",
		     l->bucket, proc_text(r, l->proc, who, sizeof(who)),
		     stuck ? "is stopped" : "is dead");
		blame_proc(r, d, l->proc);
		ADVICE(d, "%s",
		       stuck ? "continue or end that process"
			     : "whoever needs it next takes it over "
			       "and repairs what is behind it");
	}
}

/* Slow first; when it has taken six times as long, it counts as stuck. */
static void look_at_callback(struct run *r, uint32_t proc,
			     const struct mx_snap_callback *cb)
{
	uint64_t age = cb->since_ns ? since(r, cb->since_ns) : 0;
	char who[96], user[300];
	struct mx_diag *d;

	if (age < r->slow_ns)
		return;
	d = add(r, MX_DIAG_CALLBACK,
		age < 6 * r->slow_ns ? MX_DIAG_WARNING : MX_DIAG_ERROR, age);
	if (!d)
		return;
	d->proc = proc;
	d->list = cb->list;
	say(d->op, sizeof(d->op), "callback");
	TEXT(d,
	     "a callback for %s has not returned for %.1f s: %s, thread "
	     "%" PRIu32,
	     user_text(r, cb->list, user, sizeof(user)), seconds(age),
	     proc_text(r, proc, who, sizeof(who)), cb->tid);
	if (state_of(r, proc) == ALIVE)
		BLAME(d, "the program: its advise sink in %s", who);
	else
		blame_proc(r, d, proc);
	ADVICE(d, "look what that thread does; until it returns this user's "
		  "notifications wait, and callbacks have a thread less");
}

static void look_at_callbacks(struct run *r)
{
	for (uint32_t i = 0; i < r->s->n_procs; i++)
		for (unsigned k = 0; k < MX_SNAP_CALLBACKS; k++)
			look_at_callback(r, i, &r->s->procs[i].callbacks[k]);
}

static const char *op_words(enum mx_diag_kind kind)
{
	return kind == MX_DIAG_OVERDUE ? "is past its deadline" : "is slow";
}

/* Phases of an exchange (net/xfer.h) that come before the network, and waits
 * for others of the same process; all else is the server's. */
static bool waits_for_server(const struct mx_snap_op *op)
{
	static const char *const own[] = {"queued", "send",     "turn",
					  "place",  "callback", "lock"};

	for (size_t i = 0; i < MX_ARRAY_SIZE(own); i++)
		if (strstr(op->waiting_on, own[i]))
			return false;
	return op->waiting_on[0] != '\0';
}

static void explain_op(struct run *r, struct mx_diag *d,
		       const struct mx_snap_conn *k,
		       const struct mx_snap_op *op)
{
	enum proc_state state = state_of(r, k->proc);

	if (state != ALIVE) {
		blame_proc(r, d, k->proc);
		ADVICE(d, "%s",
		       state == STOPPED
			       ? "continue that process or end it; the server "
				 "may have answered long ago"
			       : "nothing: what it held is given back when it "
				 "is cleaned up after");
	} else if (d->kind == MX_DIAG_OVERDUE) {
		BLAME(d, "this runtime: a wait must not outlive its deadline");
		ADVICE(d, "keep this report and file a bug; end that process "
			  "to go on");
	} else if (!strcmp(op->waiting_on, "resolve")) {
		BLAME(d, "the name servers: they have not found %.80s",
		      server_text(r, k->peer));
		ADVICE(d, "look at DNS; the call ends at its deadline");
	} else if (waits_for_server(op)) {
		BLAME(d, "the server %s, or the way to it",
		      server_text(r, k->peer));
		ADVICE(d, "the server has not answered; look at its side, the "
			  "call ends at its deadline");
	} else {
		blame_proc(r, d, k->proc);
		ADVICE(d, "it has not come to the network: look at other calls "
			  "of that session and at where the user's credentials "
			  "come from");
	}
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
	d = add_conn(r, kind,
		     !overdue                       ? MX_DIAG_WARNING
		     : state_of(r, k->proc) == DEAD ? MX_DIAG_INFO
						    : MX_DIAG_ERROR,
		     age, i);
	if (!d)
		return;
	say(d->op, sizeof(d->op), "%s", op->name);
	TEXT(d,
	     "%s for %s at %s %s: %s has waited for %.1f s on %s, thread "
	     "%" PRIu32,
	     op->name, user_text(r, k->list, user, sizeof(user)),
	     server_text(r, k->peer), op_words(kind),
	     proc_text(r, k->proc, who, sizeof(who)), seconds(age),
	     op->waiting_on[0] ? op->waiting_on : "nothing it named", op->tid);
	explain_op(r, d, k, op);
}

static void look_at_waiting(struct run *r, uint32_t i)
{
	const struct mx_snap_conn *k = &r->s->conns[i];
	const struct mx_snap_peer *p = k->peer == NONE ? NULL
						       : &r->s->peers[k->peer];
	uint64_t age = since(r, k->opened_ns);
	char who[96], user[300];
	struct mx_diag *d = add_conn(
		r, MX_DIAG_BUDGET,
		age < r->slow_ns ? MX_DIAG_INFO : MX_DIAG_WARNING, age, i);

	if (!d)
		return;
	say(d->op, sizeof(d->op), "open a session");
	TEXT(d,
	     "%s has waited %.1f s for a session of %s at %s: %" PRIu32
	     " of %" PRIu32 " in use, %" PRIu32 " waiting",
	     proc_text(r, k->proc, who, sizeof(who)), seconds(age),
	     user_text(r, k->list, user, sizeof(user)), server_text(r, k->peer),
	     p ? p->used[k->kind] : 0, p ? p->limit[k->kind] : 0,
	     p ? p->waiting[k->kind] : 0);
	if (state_of(r, k->proc) != ALIVE)
		blame_proc(r, d, k->proc);
	else
		BLAME(d, "who holds this user's sessions: %s",
		      "see them with mapiary lists or top");
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
	d = add_conn(r, MX_DIAG_POLLER,
		     state_of(r, k->proc) == DEAD ? MX_DIAG_INFO
						  : MX_DIAG_ERROR,
		     age, i);
	if (!d)
		return;
	say(d->op, sizeof(d->op), "NotificationWait");
	TEXT(d, "the poller of %s at %s in %s has been %s for %.1f s",
	     user_text(r, k->list, user, sizeof(user)), server_text(r, k->peer),
	     proc_text(r, k->proc, who, sizeof(who)), mx_poller_name(k->poller),
	     seconds(age));
	blame_proc(r, d, k->proc);
	ADVICE(d, "its engine does not run: see that process");
}

static void look_at_orphan(struct run *r, uint32_t i)
{
	const struct mx_snap_conn *k = &r->s->conns[i];
	uint64_t age = k->orphan_ns ? since(r, k->orphan_ns) : 0;
	char user[300];
	struct mx_diag *d = add_conn(r, MX_DIAG_ORPHAN, MX_DIAG_INFO, age, i);

	if (!d)
		return;
	TEXT(d,
	     "a session of %s at %s was left %.1f s ago by a process that died "
	     "or could not end it, and takes a place",
	     user_text(r, k->list, user, sizeof(user)), server_text(r, k->peer),
	     seconds(age));
	BLAME(d, "the process that is gone");
	ADVICE(d, "the user's next connect to that server ends it");
}

static void look_at_torn(struct run *r, uint32_t i)
{
	const struct mx_snap_conn *k = &r->s->conns[i];
	bool alive = k->proc != NONE && r->s->procs[k->proc].alive;
	char who[96];
	struct mx_diag *d = add_conn(
		r, MX_DIAG_TORN, alive ? MX_DIAG_WARNING : MX_DIAG_INFO, 0, i);

	if (!d)
		return;
	TEXT(d, "connection record %" PRIu32 " of %s is half written", k->slot,
	     proc_text(r, k->proc, who, sizeof(who)));
	blame_proc(r, d, k->proc);
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
		d->peer = i;
		TEXT(d,
		     "%s is held back from %s for another %.1f s: %s, code "
		     "%" PRIu32,
		     user_text(r, p->list, user, sizeof(user)), p->server,
		     seconds(p->until_ns - r->s->taken_ns),
		     mx_health_name(p->health), p->code);
		BLAME(d,
		      p->health == MX_HEALTH_DOWN
			      ? "the server %.80s, or the way to it"
			      : "the server %.80s: it asked for it",
		      p->server);
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
	BLAME(d, "the capacity that the segment was made with");
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
	/* It explains the others. */
	if ((a->kind == MX_DIAG_NOBODY) != (b->kind == MX_DIAG_NOBODY))
		return a->kind == MX_DIAG_NOBODY ? -1 : 1;
	return (a->age_ns < b->age_ns) - (a->age_ns > b->age_ns);
}

int mx_diag_run(const struct mx_snap *snap, const struct mx_diag_params *p,
		struct mx_diag **ret, size_t *ret_n)
{
	struct run r = {.s = snap,
			.slow_ns = p && p->slow_ns ? p->slow_ns : DEF_SLOW_NS,
			.stopped_ns = p && p->stopped_ns ? p->stopped_ns
							 : DEF_STOPPED_NS};

	look_at_all(&r);
	look_at_procs(&r);
	look_at_locks(&r);
	look_at_callbacks(&r);
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
