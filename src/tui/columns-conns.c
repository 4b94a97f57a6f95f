/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of the view of connections. */
#include "tui/columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"

#define CONN(t, i) (&(t)->snap->conns[i])

static const char *c_user(const struct mx_top *t, uint32_t i)
{
	uint32_t l = CONN(t, i)->list;

	return l == MX_TOP_NONE ? "" : t->snap->lists[l].name;
}

static void c_user_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	const char *s = c_user(t, i);

	snprintf(b, n, "%s", *s ? s : "-");
}

static const char *c_server(const struct mx_top *t, uint32_t i)
{
	uint32_t p = CONN(t, i)->peer;

	return p == MX_TOP_NONE ? "-" : t->snap->peers[p].server;
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

	return p == MX_TOP_NONE ? 0 : t->snap->procs[p].pid;
}

static void c_pid_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	if (CONN(t, i)->proc == MX_TOP_NONE)
		snprintf(b, n, "-");
	else
		mx_cell_number(c_pid(t, i), b, n);
}

static uint64_t c_logons(const struct mx_top *t, uint32_t i)
{
	return CONN(t, i)->n_logons;
}

static const char *c_doing(const struct mx_top *t, uint32_t i)
{
	const struct mx_snap_op *op = mx_cell_op_of(CONN(t, i));

	return op ? op->name : "";
}

static void c_doing_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	mx_cell_op(CONN(t, i), b, n);
}

static uint64_t op_since(const struct mx_snap_conn *k)
{
	const struct mx_snap_op *op = mx_cell_op_of(k);

	if (k->state == MX_SNAP_WAITING)
		return k->opened_ns;
	return op ? op->since_ns : 0;
}

/* Parked waits behind what somebody waits for. */
static uint64_t c_age(const struct mx_top *t, uint32_t i)
{
	const struct mx_snap_conn *k = CONN(t, i);
	uint64_t key = mx_cell_age_key(t, op_since(k));
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

static uint64_t c_out(const struct mx_top *t, uint32_t i)
{
	return CONN(t, i)->bytes_out;
}

static void c_out_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	mx_cell_bytes(CONN(t, i)->bytes_out, b, n);
}

static uint64_t c_in(const struct mx_top *t, uint32_t i)
{
	return CONN(t, i)->bytes_in;
}

static void c_in_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	mx_cell_bytes(CONN(t, i)->bytes_in, b, n);
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

static const struct mx_top_column columns[] = {
	{"USER", 14, 0, .flex = true, .text = c_user, .cell = c_user_cell},
	{"SERVER", 16, 5, .flex = true, .text = c_server},
	{"KIND", 4, 9, .key = c_kind, .cell = c_kind_cell},
	{"STATE", 7, 3, .key = c_state, .cell = c_state_cell},
	{"POLLER", 8, 4, .key = c_poller, .cell = c_poller_cell},
	{"PID", 7, 6, .right = true, .key = c_pid, .cell = c_pid_cell},
	{"LOGON", 5, 7, .right = true, .down = true, .key = c_logons},
	{"DOING", 20, 2, .flex = true, .text = c_doing, .cell = c_doing_cell},
	{"AGE", 7, 1, .right = true, .down = true, .key = c_age,
	 .cell = c_age_cell},
	{"TRIPS", 6, 6, .right = true, .down = true, .key = c_trips},
	{"OUT", 5, 8, .right = true, .down = true, .key = c_out,
	 .cell = c_out_cell},
	{"IN", 5, 8, .right = true, .down = true, .key = c_in,
	 .cell = c_in_cell},
	{"LAST ERROR", 20, 7, .flex = true, .down = true, .key = c_error,
	 .cell = c_error_cell},
};

static enum mx_look look(const struct mx_top *t, uint32_t i)
{
	return CONN(t, i)->state == MX_SNAP_OPEN      ? MX_LOOK_PLAIN
	       : CONN(t, i)->state == MX_SNAP_WAITING ? MX_LOOK_WARNING
						      : MX_LOOK_DIM;
}

const struct mx_top_view_def mx_top_view_conns = {
	.columns = columns,
	.n = MX_ARRAY_SIZE(columns),
	.look = look,
};
