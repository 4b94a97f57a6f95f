/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"

#define NONE UINT32_MAX
/* As the diagnosis sees it. */
#define STOPPED_NS (5 * MX_NS_PER_S)
#define GRACE_NS MX_NS_PER_S

int mx_top_init(struct mx_top *t)
{
	*t = (struct mx_top){.interval_ms = 1000, .body = 1};
	for (int v = 0; v < MX_TOP_VIEWS; v++) {
		size_t n;
		const struct mx_top_column *c =
			mx_top_columns((enum mx_top_view)v, &n);

		while (t->pane[v].sort + 1 < n &&
		       strcmp(c[t->pane[v].sort].name,
			      v == MX_TOP_PROCS ? "PID" : "AGE"))
			t->pane[v].sort++;
	}
	t->pane[MX_TOP_FINDINGS].sort = 0;
	return 0;
}

void mx_top_fini(struct mx_top *t)
{
	free(t->lists);
	free(t->procs);
	free(t->counts);
	free(t->findings);
	free(t->rows);
	memset(t, 0, sizeof(*t));
}

/* --- A new picture ------------------------------------------------------ */

static int room(void **p, size_t *cap, size_t n, size_t size)
{
	void *more;

	if (n <= *cap)
		return 0;
	more = realloc(*p, (n + n / 4) * size);
	if (!more)
		return -ENOMEM;
	*p = more;
	*cap = n + n / 4;
	return 0;
}

#define ROOM(t, what, n)                                                       \
	__extension__({                                                        \
		void *p_ = (t)->what;                                          \
		int e_ = room(&p_, &(t)->cap_##what, (n), sizeof(*(t)->what)); \
		(t)->what = p_;                                                \
		e_;                                                            \
	})

uint64_t mx_top_age(const struct mx_top *t, uint64_t since_ns)
{
	return since_ns && t->snap->taken_ns > since_ns
		       ? t->snap->taken_ns - since_ns
		       : 0;
}

bool mx_top_stopped(const struct mx_top *t, const struct mx_snap_proc *p)
{
	return p->alive && p->beat_ns &&
	       mx_top_age(t, p->beat_ns) > (uint64_t)STOPPED_NS;
}

static void count_op(struct mx_top *t, const struct mx_snap_conn *k,
		     uint32_t conn, struct mx_top_list *l)
{
	const struct mx_snap_op *op = &k->op[MX_OP_CALL];
	uint64_t since = op->active ? op->since_ns : 0;

	if (k->state == MX_SNAP_WAITING)
		since = k->opened_ns;
	else if (k->state != MX_SNAP_OPEN || !since)
		return;
	if (k->proc != NONE)
		t->procs[k->proc].busy++;
	t->busy++;
	if (!t->oldest_ns || since < t->oldest_ns)
		t->oldest_ns = since;
	if (!l)
		return;
	l->busy++;
	if (!l->oldest_ns || since < l->oldest_ns) {
		l->oldest_ns = since;
		l->oldest_conn = conn;
	}
	if (op->active && op->deadline_ns &&
	    mx_top_age(t, op->deadline_ns) > (uint64_t)GRACE_NS)
		l->overdue = true;
}

struct sums {
	uint64_t trips, out, in;
};

/* What the connection did since the last picture; all of it when it is new. */
static void count_rate(struct mx_top *t, const struct mx_snap_conn *k,
		       struct sums *sum)
{
	struct mx_top_count *c = &t->counts[k->slot];
	struct mx_top_count now = {k->gen, k->round_trips, k->bytes_out,
				   k->bytes_in};

	if (c->gen == k->gen && now.trips >= c->trips) {
		sum->trips += now.trips - c->trips;
		sum->out += now.bytes_out - c->bytes_out;
		sum->in += now.bytes_in - c->bytes_in;
	} else {
		sum->trips += now.trips;
		sum->out += now.bytes_out;
		sum->in += now.bytes_in;
	}
	*c = now;
}

static void set_rates(struct mx_top *t, const struct sums *sum)
{
	uint64_t now = t->snap->taken_ns;
	double s = t->rates_ns && now > t->rates_ns
			   ? (double)(now - t->rates_ns) / 1e9
			   : 0;

	t->trips_s = s > 0 ? (double)sum->trips / s : 0;
	t->out_s = s > 0 ? (double)sum->out / s : 0;
	t->in_s = s > 0 ? (double)sum->in / s : 0;
	t->rates_ns = now;
}

static void count_conns(struct mx_top *t)
{
	const struct mx_snap *s = t->snap;
	struct sums sum = {0};

	t->busy = t->waiting = t->orphans = 0;
	t->oldest_ns = 0;
	for (uint32_t i = 0; i < s->n_conns; i++) {
		const struct mx_snap_conn *k = &s->conns[i];
		struct mx_top_list *l = k->list == NONE ? NULL
							: &t->lists[k->list];

		if (k->proc != NONE)
			t->procs[k->proc].conns++;
		t->waiting += k->state == MX_SNAP_WAITING;
		t->orphans += k->state == MX_SNAP_ORPHAN;
		if (l)
			l->logons += k->n_logons;
		count_op(t, k, i, l);
		count_rate(t, k, &sum);
	}
	set_rates(t, &sum);
}

/* The worse off: held back, then the one more of whose budget is used. */
static bool worse(const struct mx_snap_peer *a, const struct mx_snap_peer *b)
{
	if (!a->until_ns != !b->until_ns)
		return a->until_ns != 0;
	if (a->waiting[0] != b->waiting[0])
		return a->waiting[0] > b->waiting[0];
	return a->used[0] > b->used[0];
}

static void count_peers(struct mx_top *t)
{
	const struct mx_snap *s = t->snap;

	for (uint32_t i = 0; i < s->n_peers; i++) {
		const struct mx_snap_peer *p = &s->peers[i];
		struct mx_top_list *l;

		if (p->list == NONE)
			continue;
		l = &t->lists[p->list];
		l->n_peers++;
		for (int k = 0; k < MX_CONN_KINDS; k++)
			l->waiting += p->waiting[k];
		if (l->peer == NONE || worse(p, &s->peers[l->peer]))
			l->peer = i;
	}
	for (size_t i = 0; i < s->n_lists; i++) {
		struct mx_top_list *l = &t->lists[i];

		if (l->peer == NONE)
			continue;
		l->used = s->peers[l->peer].used[MX_CONN_MAILBOX];
		l->limit = s->peers[l->peer].limit[MX_CONN_MAILBOX];
	}
}

static void count_procs(struct mx_top *t)
{
	t->n_stopped = t->n_dead = 0;
	for (size_t i = 0; i < t->snap->n_procs; i++) {
		t->n_dead += !t->snap->procs[i].alive;
		t->n_stopped += mx_top_stopped(t, &t->snap->procs[i]);
	}
}

static int diagnose(struct mx_top *t)
{
	struct mx_diag *v = NULL;
	size_t n = 0;
	int err = mx_diag_run(t->snap, NULL, &v, &n);

	if (err)
		return err;
	free(t->findings);
	t->findings = v;
	t->n_findings = n;
	t->n_errors = t->n_warnings = 0;
	for (size_t i = 0; i < n; i++) {
		t->n_errors += v[i].severity == MX_DIAG_ERROR;
		t->n_warnings += v[i].severity == MX_DIAG_WARNING;
	}
	return 0;
}

int mx_top_take(struct mx_top *t, const struct mx_snap *snap)
{
	size_t had = t->cap_counts;

	t->snap = NULL;
	if (ROOM(t, lists, snap->n_lists + 1) ||
	    ROOM(t, procs, snap->n_procs + 1) ||
	    ROOM(t, counts, snap->max_conns))
		return -ENOMEM;
	memset(t->counts + had, 0, (t->cap_counts - had) * sizeof(*t->counts));
	t->snap = snap;
	t->trouble[0] = '\0';
	for (size_t i = 0; i < snap->n_lists; i++)
		t->lists[i] =
			(struct mx_top_list){.peer = NONE, .oldest_conn = NONE};
	memset(t->procs, 0, snap->n_procs * sizeof(*t->procs));
	count_conns(t);
	count_peers(t);
	count_procs(t);
	t->fresh = true;
	return diagnose(t);
}

void mx_top_lost(struct mx_top *t, const char *why)
{
	t->snap = NULL;
	t->n_rows = 0;
	t->rates_ns = 0;
	if (t->counts)
		memset(t->counts, 0, t->cap_counts * sizeof(*t->counts));
	snprintf(t->trouble, sizeof(t->trouble), "%s", why);
}

/* --- Rows --------------------------------------------------------------- */

static uint64_t id_of(uint32_t slot, uint64_t gen)
{
	return (uint64_t)slot | gen << 24;
}

uint64_t mx_top_id(const struct mx_top *t, uint32_t i)
{
	const struct mx_snap *s = t->snap;

	switch (t->view) {
	case MX_TOP_LISTS:
		return id_of(s->lists[i].slot, s->lists[i].gen);
	case MX_TOP_CONNS:
		return id_of(s->conns[i].slot, s->conns[i].gen);
	case MX_TOP_PROCS:
		return id_of(s->procs[i].slot, s->procs[i].gen);
	default:
		return i;
	}
}

static size_t view_size(const struct mx_top *t)
{
	switch (t->view) {
	case MX_TOP_LISTS:
		return t->snap->n_lists;
	case MX_TOP_CONNS:
		return t->snap->n_conns;
	case MX_TOP_PROCS:
		return t->snap->n_procs;
	default:
		return t->n_findings;
	}
}

/* Making text of 16,384 SIDs takes time: only when it could be one. */
static bool sid_matches(const struct mx_top *t, uint32_t list)
{
	char sid[MX_SID_MAX_STR];

	return t->filter[strspn(t->filter, "Ss-0123456789xabcdefABCDEF")] ==
		       '\0' &&
	       strcasestr(mx_sid_format(&t->snap->lists[list].sid, sid),
			  t->filter);
}

static bool list_matches(const struct mx_top *t, uint32_t list)
{
	const struct mx_snap *s = t->snap;

	if (list == NONE)
		return false;
	if (strcasestr(s->lists[list].name, t->filter))
		return true;
	return sid_matches(t, list);
}

static bool list_row_matches(const struct mx_top *t, uint32_t i)
{
	const struct mx_snap *s = t->snap;

	if (list_matches(t, i))
		return true;
	for (uint32_t p = s->lists[i].first_peer; p != NONE;
	     p = s->peers[p].next)
		if (strcasestr(s->peers[p].server, t->filter))
			return true;
	return false;
}

static bool matches(const struct mx_top *t, uint32_t i)
{
	const struct mx_snap *s = t->snap;

	if (!t->filter[0])
		return true;
	switch (t->view) {
	case MX_TOP_LISTS:
		return list_row_matches(t, i);
	case MX_TOP_CONNS:
		return list_matches(t, s->conns[i].list) ||
		       (s->conns[i].peer != NONE &&
			strcasestr(s->peers[s->conns[i].peer].server,
				   t->filter));
	case MX_TOP_PROCS:
		return strcasestr(s->procs[i].name, t->filter) != NULL;
	default:
		return strcasestr(t->findings[i].text, t->filter) != NULL;
	}
}

/* The first eight bytes, in the order of strcmp. */
static uint64_t text_key(const char *s)
{
	uint64_t key = 0;

	for (int i = 0; i < 8; i++) {
		key = key << 8 | (unsigned char)*s;
		s += *s != '\0';
	}
	return key;
}

struct order {
	const struct mx_top *t;
	const struct mx_top_column *c;
	bool down;
};

static int in_order(const void *pa, const void *pb, void *arg)
{
	const struct mx_top_row *a = pa, *b = pb;
	const struct order *o = arg;
	int r = (a->key > b->key) - (a->key < b->key);

	if (!r && o->c->text)
		r = strcmp(o->c->text(o->t, a->index),
			   o->c->text(o->t, b->index));
	if (o->down)
		r = -r;
	return r ? r : (a->index > b->index) - (a->index < b->index);
}

static bool sorted(const struct mx_top *t, struct order *o)
{
	for (size_t i = 1; i < t->n_rows; i++)
		if (in_order(&t->rows[i - 1], &t->rows[i], o) > 0)
			return false;
	return true;
}

/* The selected one may have moved, or be gone: then who stands there now.
 * Before anybody was chosen it is who comes first. */
static void find_selected(struct mx_top *t, struct mx_top_pane *p)
{
	if (!p->chosen)
		p->at = 0;
	else if (p->at < t->n_rows &&
		 mx_top_id(t, t->rows[p->at].index) == p->selected)
		return;
	for (size_t i = 0; p->chosen && i < t->n_rows; i++)
		if (mx_top_id(t, t->rows[i].index) == p->selected) {
			p->at = i;
			return;
		}
	if (p->at >= t->n_rows)
		p->at = t->n_rows ? t->n_rows - 1 : 0;
	if (t->n_rows)
		p->selected = mx_top_id(t, t->rows[p->at].index);
}

int mx_top_order(struct mx_top *t)
{
	struct mx_top_pane *p = &t->pane[t->view];
	struct order o = {.t = t};
	size_t n, n_columns;

	t->fresh = false;
	if (!t->snap)
		return 0;
	o.c = &mx_top_columns(t->view, &n_columns)[p->sort];
	o.down = o.c->down != p->reverse;
	n = view_size(t);
	if (ROOM(t, rows, n + 1))
		return -ENOMEM;
	t->n_rows = 0;
	for (uint32_t i = 0; i < n; i++)
		if (matches(t, i))
			t->rows[t->n_rows++] = (struct mx_top_row){
				.index = i,
				.key = o.c->text ? text_key(o.c->text(t, i))
						 : o.c->key(t, i)};
	if (!sorted(t, &o))
		qsort_r(t->rows, t->n_rows, sizeof(*t->rows), in_order, &o);
	find_selected(t, p);
	return 0;
}
