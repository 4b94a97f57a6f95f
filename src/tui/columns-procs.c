/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of the view of processes. */
#include "tui/columns.h"

#include "base/auto.h"

#define PROC(t, i) (&(t)->snap->procs[i])

static uint64_t p_pid(const struct mx_top *t, uint32_t i)
{
	return PROC(t, i)->pid;
}

static const char *p_name(const struct mx_top *t, uint32_t i)
{
	return PROC(t, i)->name;
}

static uint64_t p_slot(const struct mx_top *t, uint32_t i)
{
	return PROC(t, i)->slot;
}

static const char *p_state(const struct mx_top *t, uint32_t i)
{
	const struct mx_snap_proc *p = PROC(t, i);

	return !p->alive ? "dead" : mx_top_stopped(t, p) ? "stopped" : "alive";
}

static uint64_t p_beat(const struct mx_top *t, uint32_t i)
{
	return mx_cell_age_key(t, PROC(t, i)->beat_ns);
}

static void p_beat_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	mx_top_age_text(t, PROC(t, i)->beat_ns, b, n);
}

static uint64_t p_up(const struct mx_top *t, uint32_t i)
{
	return mx_cell_age_key(t, PROC(t, i)->attached_ns);
}

static void p_up_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	mx_top_age_text(t, PROC(t, i)->attached_ns, b, n);
}

static uint64_t p_uid(const struct mx_top *t, uint32_t i)
{
	return PROC(t, i)->uid;
}

static uint64_t p_conns(const struct mx_top *t, uint32_t i)
{
	return t->procs[i].conns;
}

static uint64_t p_busy(const struct mx_top *t, uint32_t i)
{
	return t->procs[i].busy;
}

static uint64_t p_limit(const struct mx_top *t, uint32_t i)
{
	return PROC(t, i)->max_sessions;
}

static const struct mx_top_column columns[] = {
	{"PID", 8, 0, .right = true, .key = p_pid},
	{"NAME", 12, 1, .flex = true, .text = p_name},
	{"SLOT", 4, 5, .right = true, .key = p_slot},
	{"STATE", 7, 1, .text = p_state},
	{"BEAT", 7, 2, .right = true, .down = true, .key = p_beat,
	 .cell = p_beat_cell},
	{"UP", 7, 5, .right = true, .down = true, .key = p_up,
	 .cell = p_up_cell},
	{"UID", 6, 6, .right = true, .key = p_uid},
	{"CONN", 5, 3, .right = true, .down = true, .key = p_conns},
	{"BUSY", 5, 2, .right = true, .down = true, .key = p_busy},
	{"BUDGET", 6, 7, .right = true, .down = true, .key = p_limit},
};

static enum mx_look look(const struct mx_top *t, uint32_t i)
{
	return !PROC(t, i)->alive              ? MX_LOOK_DIM
	       : mx_top_stopped(t, PROC(t, i)) ? MX_LOOK_ALARM
					       : MX_LOOK_PLAIN;
}

const struct mx_top_view_def mx_top_view_procs = {
	.columns = columns,
	.n = MX_ARRAY_SIZE(columns),
	.look = look,
};
