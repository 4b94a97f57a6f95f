/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of each view: what is in a cell, and what order it gives. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/clock.h"
#include "tui/model.h"

#define NONE UINT32_MAX

const char *mx_top_state_name(enum mx_snap_state s)
{
	static const char *const names[] = {"waiting", "open", "orphan",
					    "closing"};

	return (size_t)s < MX_ARRAY_SIZE(names) ? names[s] : "?";
}

const char *mx_top_kind_name(enum mx_conn_kind k)
{
	return k == MX_CONN_MAILBOX ? "mailbox" : "address book";
}

/* --- Numbers as people read them ---------------------------------------- */

static char *duration(uint64_t ns, char *buf, size_t n)
{
	uint64_t s = ns / (uint64_t)MX_NS_PER_S;

	if (s < 60)
		snprintf(buf, n, "%.1f s", (double)ns / 1e9);
	else if (s < 3600)
		snprintf(buf, n, "%" PRIu64 " min", s / 60);
	else if (s < 86400)
		snprintf(buf, n, "%" PRIu64 " h", s / 3600);
	else
		snprintf(buf, n, "%" PRIu64 " d", s / 86400);
	return buf;
}

char *mx_top_age_text(const struct mx_top *t, uint64_t since_ns, char *buf,
		      size_t n)
{
	if (!since_ns) {
		snprintf(buf, n, "-");
		return buf;
	}
	return duration(mx_top_age(t, since_ns), buf, n);
}

static void bytes_cell(uint64_t v, char *buf, size_t n)
{
	static const char units[] = "kMGTPE";
	double d = (double)v / 1000;
	int u = 0;

	if (v < 1000) {
		snprintf(buf, n, "%" PRIu64, v);
		return;
	}
	for (; d >= 999.5 && u < 5; u++)
		d /= 1000;
	snprintf(buf, n, d < 9.95 ? "%.1f%c" : "%.0f%c", d, units[u]);
}

static void number_cell(uint64_t v, char *buf, size_t n)
{
	snprintf(buf, n, "%" PRIu64, v);
}

/* Short enough for a column and still told apart: how it begins, how it ends. */
static void sid_cell(const struct mx_sid *sid, char *buf, size_t n)
{
	char text[MX_SID_MAX_STR];
	const char *last;

	mx_sid_format(sid, text);
	last = strrchr(text, '-');
	if (sid->n_subs < 3 || !last)
		snprintf(buf, n, "%s", text);
	else
		snprintf(buf, n, "S-1-%" PRIu64 "-%" PRIu32 "..%s",
			 sid->authority, sid->sub[0], last);
}

static uint64_t age_key(const struct mx_top *t, uint64_t since)
{
	return since ? mx_top_age(t, since) + 1 : 0;
}

/* --- What a connection is doing ----------------------------------------- */

static const struct mx_snap_op *op_of(const struct mx_snap_conn *k)
{
	return k->op[MX_OP_CALL].active     ? &k->op[MX_OP_CALL]
	       : k->op[MX_OP_PARKED].active ? &k->op[MX_OP_PARKED]
					    : NULL;
}

static uint64_t op_since(const struct mx_snap_conn *k)
{
	const struct mx_snap_op *op = op_of(k);

	if (k->state == MX_SNAP_WAITING)
		return k->opened_ns;
	return op ? op->since_ns : 0;
}

static void op_cell(const struct mx_snap_conn *k, char *buf, size_t n)
{
	const struct mx_snap_op *op = op_of(k);

	if (op)
		snprintf(buf, n, "%s: %s", op->name,
			 op->waiting_on[0] ? op->waiting_on : "-");
	else
		snprintf(buf, n, "%s",
			 k->state == MX_SNAP_WAITING ? "open: a place" : "-");
}

/* --- Lists -------------------------------------------------------------- */

#define LIST(t, i) (&(t)->snap->lists[i])
#define SUM(t, i) (&(t)->lists[i])

static const char *l_user(const struct mx_top *t, uint32_t i)
{
	return LIST(t, i)->name;
}

static void l_user_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	snprintf(b, n, "%s", LIST(t, i)->name[0] ? LIST(t, i)->name : "-");
}

static uint64_t l_crc(const struct mx_top *t, uint32_t i)
{
	return LIST(t, i)->crc;
}

static void l_crc_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	snprintf(b, n, "%08" PRIx32, LIST(t, i)->crc);
}

/* In the order of the last part: mostly the user's number. */
static uint64_t l_sid(const struct mx_top *t, uint32_t i)
{
	const struct mx_sid *s = &LIST(t, i)->sid;

	return s->n_subs ? s->sub[s->n_subs - 1] : 0;
}

static void l_sid_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	sid_cell(&LIST(t, i)->sid, b, n);
}

static const char *l_server(const struct mx_top *t, uint32_t i)
{
	uint32_t p = SUM(t, i)->peer;

	return p == NONE ? "" : t->snap->peers[p].server;
}

static void l_server_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	const char *s = l_server(t, i);

	if (SUM(t, i)->n_peers > 1)
		snprintf(b, n, "%s +%" PRIu32, s, SUM(t, i)->n_peers - 1);
	else
		snprintf(b, n, "%s", *s ? s : "-");
}

static uint64_t l_conns(const struct mx_top *t, uint32_t i)
{
	return LIST(t, i)->n_conns;
}

static void l_conns_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	number_cell(l_conns(t, i), b, n);
}

static uint64_t l_logons(const struct mx_top *t, uint32_t i)
{
	return SUM(t, i)->logons;
}

static void l_logons_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	number_cell(l_logons(t, i), b, n);
}

static uint64_t l_busy(const struct mx_top *t, uint32_t i)
{
	return SUM(t, i)->busy;
}

static void l_busy_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	number_cell(l_busy(t, i), b, n);
}

static uint64_t l_age(const struct mx_top *t, uint32_t i)
{
	return age_key(t, SUM(t, i)->oldest_ns);
}

static void l_age_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	mx_top_age_text(t, SUM(t, i)->oldest_ns, b, n);
}

static void l_doing_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	uint32_t k = SUM(t, i)->oldest_conn;

	if (k == NONE)
		snprintf(b, n, "-");
	else
		op_cell(&t->snap->conns[k], b, n);
}

static const char *l_doing(const struct mx_top *t, uint32_t i)
{
	uint32_t k = SUM(t, i)->oldest_conn;

	return k == NONE ? "" : t->snap->conns[k].op[MX_OP_CALL].name;
}

/* By how full, not by how many. */
static uint64_t l_used(const struct mx_top *t, uint32_t i)
{
	const struct mx_top_list *l = SUM(t, i);

	return l->limit ? (uint64_t)l->used * 1000 / l->limit : 0;
}

static void l_used_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	snprintf(b, n, "%" PRIu32 "/%" PRIu32, SUM(t, i)->used,
		 SUM(t, i)->limit);
}

static uint64_t l_wait(const struct mx_top *t, uint32_t i)
{
	return SUM(t, i)->waiting;
}

static void l_wait_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	number_cell(l_wait(t, i), b, n);
}

static uint64_t l_health(const struct mx_top *t, uint32_t i)
{
	uint32_t p = SUM(t, i)->peer;

	return p == NONE ? 0 : t->snap->peers[p].until_ns;
}

static void l_health_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	uint32_t p = SUM(t, i)->peer;
	const struct mx_snap_peer *peer;
	char left[24];

	if (p == NONE) {
		snprintf(b, n, "-");
		return;
	}
	peer = &t->snap->peers[p];
	if (peer->until_ns)
		snprintf(b, n, "%s %s", mx_health_name(peer->health),
			 duration(peer->until_ns - t->snap->taken_ns, left,
				  sizeof(left)));
	else
		snprintf(b, n, "%s", mx_health_name(peer->health));
}

static const struct mx_top_column list_columns[] = {
	{"USER", 14, 0, .flex = true, .text = l_user, .cell = l_user_cell},
	{"SID", 16, 9, .key = l_sid, .cell = l_sid_cell},
	{"CRC", 8, 8, .key = l_crc, .cell = l_crc_cell},
	{"SERVER", 16, 4, .flex = true, .text = l_server,
	 .cell = l_server_cell},
	{"CONN", 4, 3, .right = true, .down = true, .key = l_conns,
	 .cell = l_conns_cell},
	{"LOGON", 5, 6, .right = true, .down = true, .key = l_logons,
	 .cell = l_logons_cell},
	{"BUSY", 4, 2, .right = true, .down = true, .key = l_busy,
	 .cell = l_busy_cell},
	{"AGE", 7, 1, .right = true, .down = true, .key = l_age,
	 .cell = l_age_cell},
	{"DOING", 20, 7, .flex = true, .text = l_doing, .cell = l_doing_cell},
	{"USED", 7, 5, .right = true, .down = true, .key = l_used,
	 .cell = l_used_cell},
	{"WAIT", 4, 5, .right = true, .down = true, .key = l_wait,
	 .cell = l_wait_cell},
	{"HEALTH", 14, 4, .down = true, .key = l_health, .cell = l_health_cell},
};

/* --- Connections -------------------------------------------------------- */

#define CONN(t, i) (&(t)->snap->conns[i])

static const char *c_user(const struct mx_top *t, uint32_t i)
{
	uint32_t l = CONN(t, i)->list;

	return l == NONE ? "" : t->snap->lists[l].name;
}

static void c_user_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	const char *s = c_user(t, i);

	snprintf(b, n, "%s", *s ? s : "-");
}

static const char *c_server(const struct mx_top *t, uint32_t i)
{
	uint32_t p = CONN(t, i)->peer;

	return p == NONE ? "-" : t->snap->peers[p].server;
}

static void c_server_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	snprintf(b, n, "%s", c_server(t, i));
}

static uint64_t c_state(const struct mx_top *t, uint32_t i)
{
	return CONN(t, i)->state;
}

static void c_state_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	snprintf(b, n, "%s", mx_top_state_name(CONN(t, i)->state));
}

static uint64_t c_kind(const struct mx_top *t, uint32_t i)
{
	return CONN(t, i)->kind;
}

static void c_kind_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	snprintf(b, n, "%s",
		 CONN(t, i)->kind == MX_CONN_MAILBOX ? "mbox" : "book");
}

static uint64_t c_poller(const struct mx_top *t, uint32_t i)
{
	return CONN(t, i)->poller;
}

static void c_poller_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	snprintf(b, n, "%s", mx_poller_name(CONN(t, i)->poller));
}

static uint64_t c_pid(const struct mx_top *t, uint32_t i)
{
	uint32_t p = CONN(t, i)->proc;

	return p == NONE ? 0 : t->snap->procs[p].pid;
}

static void c_pid_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	if (CONN(t, i)->proc == NONE)
		snprintf(b, n, "-");
	else
		number_cell(c_pid(t, i), b, n);
}

static uint64_t c_logons(const struct mx_top *t, uint32_t i)
{
	return CONN(t, i)->n_logons;
}

static void c_logons_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	number_cell(CONN(t, i)->n_logons, b, n);
}

static const char *c_doing(const struct mx_top *t, uint32_t i)
{
	const struct mx_snap_op *op = op_of(CONN(t, i));

	return op ? op->name : "";
}

static void c_doing_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	op_cell(CONN(t, i), b, n);
}

/* Parked waits behind what somebody waits for. */
static uint64_t c_age(const struct mx_top *t, uint32_t i)
{
	const struct mx_snap_conn *k = CONN(t, i);
	uint64_t key = age_key(t, op_since(k));
	bool front = k->op[MX_OP_CALL].active || k->state == MX_SNAP_WAITING;

	return front ? key | UINT64_C(1) << 63 : key;
}

static void c_age_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	mx_top_age_text(t, op_since(CONN(t, i)), b, n);
}

static uint64_t c_trips(const struct mx_top *t, uint32_t i)
{
	return CONN(t, i)->round_trips;
}

static void c_trips_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	number_cell(CONN(t, i)->round_trips, b, n);
}

static uint64_t c_out(const struct mx_top *t, uint32_t i)
{
	return CONN(t, i)->bytes_out;
}

static void c_out_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	bytes_cell(CONN(t, i)->bytes_out, b, n);
}

static uint64_t c_in(const struct mx_top *t, uint32_t i)
{
	return CONN(t, i)->bytes_in;
}

static void c_in_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	bytes_cell(CONN(t, i)->bytes_in, b, n);
}

static uint64_t c_error(const struct mx_top *t, uint32_t i)
{
	return CONN(t, i)->last_err ? CONN(t, i)->last_err_ns : 0;
}

static void c_error_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	const struct mx_snap_conn *k = CONN(t, i);
	char age[24];

	if (!k->last_err)
		snprintf(b, n, "-");
	else
		snprintf(b, n, "%s %" PRIu32 ", %s ago", strerror(-k->last_err),
			 k->last_code,
			 mx_top_age_text(t, k->last_err_ns, age, sizeof(age)));
}

static const struct mx_top_column conn_columns[] = {
	{"USER", 14, 0, .flex = true, .text = c_user, .cell = c_user_cell},
	{"SERVER", 16, 5, .flex = true, .text = c_server,
	 .cell = c_server_cell},
	{"KIND", 4, 9, .key = c_kind, .cell = c_kind_cell},
	{"STATE", 7, 3, .key = c_state, .cell = c_state_cell},
	{"POLLER", 8, 4, .key = c_poller, .cell = c_poller_cell},
	{"PID", 7, 6, .right = true, .key = c_pid, .cell = c_pid_cell},
	{"LOGON", 5, 7, .right = true, .down = true, .key = c_logons,
	 .cell = c_logons_cell},
	{"DOING", 20, 2, .flex = true, .text = c_doing, .cell = c_doing_cell},
	{"AGE", 7, 1, .right = true, .down = true, .key = c_age,
	 .cell = c_age_cell},
	{"TRIPS", 6, 6, .right = true, .down = true, .key = c_trips,
	 .cell = c_trips_cell},
	{"OUT", 5, 8, .right = true, .down = true, .key = c_out,
	 .cell = c_out_cell},
	{"IN", 5, 8, .right = true, .down = true, .key = c_in,
	 .cell = c_in_cell},
	{"LAST ERROR", 20, 7, .flex = true, .down = true, .key = c_error,
	 .cell = c_error_cell},
};

/* --- Processes ---------------------------------------------------------- */

#define PROC(t, i) (&(t)->snap->procs[i])

static uint64_t p_pid(const struct mx_top *t, uint32_t i)
{
	return PROC(t, i)->pid;
}

static void p_pid_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	number_cell(PROC(t, i)->pid, b, n);
}

static const char *p_name(const struct mx_top *t, uint32_t i)
{
	return PROC(t, i)->name;
}

static void p_name_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	snprintf(b, n, "%s", PROC(t, i)->name);
}

static uint64_t p_slot(const struct mx_top *t, uint32_t i)
{
	return PROC(t, i)->slot;
}

static void p_slot_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	number_cell(PROC(t, i)->slot, b, n);
}

static const char *p_state(const struct mx_top *t, uint32_t i)
{
	const struct mx_snap_proc *p = PROC(t, i);

	return !p->alive ? "dead" : mx_top_stopped(t, p) ? "stopped" : "alive";
}

static void p_state_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	snprintf(b, n, "%s", p_state(t, i));
}

static uint64_t p_beat(const struct mx_top *t, uint32_t i)
{
	return age_key(t, PROC(t, i)->beat_ns);
}

static void p_beat_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	mx_top_age_text(t, PROC(t, i)->beat_ns, b, n);
}

static uint64_t p_up(const struct mx_top *t, uint32_t i)
{
	return age_key(t, PROC(t, i)->attached_ns);
}

static void p_up_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	mx_top_age_text(t, PROC(t, i)->attached_ns, b, n);
}

static uint64_t p_uid(const struct mx_top *t, uint32_t i)
{
	return PROC(t, i)->uid;
}

static void p_uid_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	number_cell(PROC(t, i)->uid, b, n);
}

static uint64_t p_conns(const struct mx_top *t, uint32_t i)
{
	return t->procs[i].conns;
}

static void p_conns_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	number_cell(t->procs[i].conns, b, n);
}

static uint64_t p_busy(const struct mx_top *t, uint32_t i)
{
	return t->procs[i].busy;
}

static void p_busy_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	number_cell(t->procs[i].busy, b, n);
}

static uint64_t p_limit(const struct mx_top *t, uint32_t i)
{
	return PROC(t, i)->max_sessions;
}

static void p_limit_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	number_cell(PROC(t, i)->max_sessions, b, n);
}

static const struct mx_top_column proc_columns[] = {
	{"PID", 8, 0, .right = true, .key = p_pid, .cell = p_pid_cell},
	{"NAME", 12, 1, .flex = true, .text = p_name, .cell = p_name_cell},
	{"SLOT", 4, 5, .right = true, .key = p_slot, .cell = p_slot_cell},
	{"STATE", 7, 1, .text = p_state, .cell = p_state_cell},
	{"BEAT", 7, 2, .right = true, .down = true, .key = p_beat,
	 .cell = p_beat_cell},
	{"UP", 7, 5, .right = true, .down = true, .key = p_up,
	 .cell = p_up_cell},
	{"UID", 6, 6, .right = true, .key = p_uid, .cell = p_uid_cell},
	{"CONN", 5, 3, .right = true, .down = true, .key = p_conns,
	 .cell = p_conns_cell},
	{"BUSY", 5, 2, .right = true, .down = true, .key = p_busy,
	 .cell = p_busy_cell},
	{"BUDGET", 6, 7, .right = true, .down = true, .key = p_limit,
	 .cell = p_limit_cell},
};

/* --- Findings ----------------------------------------------------------- */

#define FOUND(t, i) (&(t)->findings[i])

/* The diagnosis has put them in order: worst first. */
static uint64_t f_rank(const struct mx_top *t, uint32_t i)
{
	(void)t;
	return i;
}

static void f_severity_cell(const struct mx_top *t, uint32_t i, char *b,
			    size_t n)
{
	snprintf(b, n, "%s", mx_diag_severity_name(FOUND(t, i)->severity));
}

static const char *f_kind(const struct mx_top *t, uint32_t i)
{
	return mx_diag_kind_name(FOUND(t, i)->kind);
}

static void f_kind_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	snprintf(b, n, "%s", f_kind(t, i));
}

static uint64_t f_age(const struct mx_top *t, uint32_t i)
{
	return FOUND(t, i)->age_ns;
}

static void f_age_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	if (FOUND(t, i)->age_ns)
		duration(FOUND(t, i)->age_ns, b, n);
	else
		snprintf(b, n, "-");
}

static const char *f_text(const struct mx_top *t, uint32_t i)
{
	return FOUND(t, i)->text;
}

static void f_text_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	snprintf(b, n, "%s", FOUND(t, i)->text);
}

static const struct mx_top_column finding_columns[] = {
	{"SEVERITY", 8, 0, .key = f_rank, .cell = f_severity_cell},
	{"KIND", 15, 3, .text = f_kind, .cell = f_kind_cell},
	{"AGE", 7, 2, .right = true, .down = true, .key = f_age,
	 .cell = f_age_cell},
	{"WHAT", 20, 1, .flex = true, .text = f_text, .cell = f_text_cell},
};

const struct mx_top_column *mx_top_columns(enum mx_top_view v, size_t *ret_n)
{
	static const struct {
		const struct mx_top_column *c;
		size_t n;
	} all[MX_TOP_VIEWS] = {
		{list_columns, MX_ARRAY_SIZE(list_columns)},
		{conn_columns, MX_ARRAY_SIZE(conn_columns)},
		{proc_columns, MX_ARRAY_SIZE(proc_columns)},
		{finding_columns, MX_ARRAY_SIZE(finding_columns)},
	};

	*ret_n = all[v].n;
	return all[v].c;
}

/* --- How a row looks ---------------------------------------------------- */

static enum mx_look list_look(const struct mx_top *t, uint32_t i)
{
	const struct mx_top_list *l = SUM(t, i);

	if (l->overdue)
		return MX_LOOK_ALARM;
	if (l->waiting || (l->peer != NONE && t->snap->peers[l->peer].until_ns))
		return MX_LOOK_WARNING;
	return MX_LOOK_PLAIN;
}

enum mx_look mx_top_look(const struct mx_top *t, uint32_t i)
{
	switch (t->view) {
	case MX_TOP_LISTS:
		return list_look(t, i);
	case MX_TOP_CONNS:
		return CONN(t, i)->state == MX_SNAP_OPEN      ? MX_LOOK_PLAIN
		       : CONN(t, i)->state == MX_SNAP_WAITING ? MX_LOOK_WARNING
							      : MX_LOOK_DIM;
	case MX_TOP_PROCS:
		return !PROC(t, i)->alive              ? MX_LOOK_DIM
		       : mx_top_stopped(t, PROC(t, i)) ? MX_LOOK_ALARM
						       : MX_LOOK_PLAIN;
	default:
		return FOUND(t, i)->severity == MX_DIAG_ERROR ? MX_LOOK_ALARM
		       : FOUND(t, i)->severity == MX_DIAG_WARNING
			       ? MX_LOOK_WARNING
			       : MX_LOOK_PLAIN;
	}
}
