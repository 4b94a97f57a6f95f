/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of the view of lists: one user each. */
#include "tui/columns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"

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

	return p == MX_TOP_NONE ? "" : t->snap->peers[p].server;
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

static uint64_t l_logons(const struct mx_top *t, uint32_t i)
{
	return SUM(t, i)->logons;
}

static uint64_t l_busy(const struct mx_top *t, uint32_t i)
{
	return SUM(t, i)->busy;
}

static uint64_t l_age(const struct mx_top *t, uint32_t i)
{
	return mx_cell_age_key(t, SUM(t, i)->oldest_ns);
}

static void l_age_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	mx_top_age_text(t, SUM(t, i)->oldest_ns, b, n);
}

static void l_doing_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	uint32_t k = SUM(t, i)->oldest_conn;

	if (k == MX_TOP_NONE)
		snprintf(b, n, "-");
	else
		mx_cell_op(&t->snap->conns[k], b, n);
}

static const char *l_doing(const struct mx_top *t, uint32_t i)
{
	uint32_t k = SUM(t, i)->oldest_conn;

	return k == MX_TOP_NONE ? "" : t->snap->conns[k].op[MX_OP_CALL].name;
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

static uint64_t l_health(const struct mx_top *t, uint32_t i)
{
	uint32_t p = SUM(t, i)->peer;

	return p == MX_TOP_NONE ? 0 : t->snap->peers[p].until_ns;
}

static void l_health_cell(const struct mx_top *t, uint32_t i, char *b, size_t n)
{
	uint32_t p = SUM(t, i)->peer;
	const struct mx_snap_peer *peer;
	char left[24];

	if (p == MX_TOP_NONE) {
		snprintf(b, n, "-");
		return;
	}
	peer = &t->snap->peers[p];
	if (peer->until_ns)
		snprintf(b, n, "%s %s", mx_health_name(peer->health),
			 mx_cell_duration(peer->until_ns - t->snap->taken_ns,
					  left, sizeof(left)));
	else
		snprintf(b, n, "%s", mx_health_name(peer->health));
}

static const struct mx_top_column columns[] = {
	{"USER", 14, 0, .flex = true, .text = l_user, .cell = l_user_cell},
	{"SID", 16, 9, .key = l_sid, .cell = l_sid_cell},
	{"CRC", 8, 8, .key = l_crc, .cell = l_crc_cell},
	{"SERVER", 16, 4, .flex = true, .text = l_server,
	 .cell = l_server_cell},
	{"CONN", 4, 3, .right = true, .down = true, .key = l_conns},
	{"LOGON", 5, 6, .right = true, .down = true, .key = l_logons},
	{"BUSY", 4, 2, .right = true, .down = true, .key = l_busy},
	{"AGE", 7, 1, .right = true, .down = true, .key = l_age,
	 .cell = l_age_cell},
	{"DOING", 20, 7, .flex = true, .text = l_doing, .cell = l_doing_cell},
	{"USED", 7, 5, .right = true, .down = true, .key = l_used,
	 .cell = l_used_cell},
	{"WAIT", 4, 5, .right = true, .down = true, .key = l_wait},
	{"HEALTH", 14, 4, .down = true, .key = l_health, .cell = l_health_cell},
};

static enum mx_look look(const struct mx_top *t, uint32_t i)
{
	const struct mx_top_list *l = SUM(t, i);

	if (l->overdue)
		return MX_LOOK_ALARM;
	if (l->waiting ||
	    (l->peer != MX_TOP_NONE && t->snap->peers[l->peer].until_ns))
		return MX_LOOK_WARNING;
	return MX_LOOK_PLAIN;
}

const struct mx_top_view_def mx_top_view_lists = {
	.columns = columns,
	.n = MX_ARRAY_SIZE(columns),
	.look = look,
};
