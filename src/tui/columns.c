/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of all views, and what several of them have in their cells. */
#include "tui/columns.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/auto.h"
#include "base/clock.h"

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

char *mx_cell_duration(uint64_t ns, char *buf, size_t n)
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
	return mx_cell_duration(mx_top_age(t, since_ns), buf, n);
}

void mx_cell_bytes(uint64_t v, char *buf, size_t n)
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

void mx_cell_number(uint64_t v, char *buf, size_t n)
{
	snprintf(buf, n, "%" PRIu64, v);
}

uint64_t mx_cell_age_key(const struct mx_top *t, uint64_t since)
{
	return since ? mx_top_age(t, since) + 1 : 0;
}

const struct mx_snap_op *mx_cell_op_of(const struct mx_snap_conn *k)
{
	return k->op[MX_OP_CALL].active     ? &k->op[MX_OP_CALL]
	       : k->op[MX_OP_PARKED].active ? &k->op[MX_OP_PARKED]
					    : NULL;
}

void mx_cell_op(const struct mx_snap_conn *k, char *buf, size_t n)
{
	const struct mx_snap_op *op = mx_cell_op_of(k);

	if (op)
		snprintf(buf, n, "%s: %s", op->name,
			 op->waiting_on[0] ? op->waiting_on : "-");
	else
		snprintf(buf, n, "%s",
			 k->state == MX_SNAP_WAITING ? "open: a place" : "-");
}

static const struct mx_top_view_def *def_of(enum mx_top_view v)
{
	static const struct mx_top_view_def *const all[MX_TOP_VIEWS] = {
		&mx_top_view_lists,
		&mx_top_view_conns,
		&mx_top_view_procs,
		&mx_top_view_findings,
	};

	return all[v];
}

const struct mx_top_column *mx_top_columns(enum mx_top_view v, size_t *ret_n)
{
	*ret_n = def_of(v)->n;
	return def_of(v)->columns;
}

void mx_top_cell(const struct mx_top *t, const struct mx_top_column *c,
		 uint32_t i, char *buf, size_t n)
{
	if (c->cell)
		c->cell(t, i, buf, n);
	else if (c->text)
		snprintf(buf, n, "%s", c->text(t, i));
	else
		mx_cell_number(c->key(t, i), buf, n);
}

enum mx_look mx_top_look(const struct mx_top *t, uint32_t i)
{
	return def_of(t->view)->look(t, i);
}
