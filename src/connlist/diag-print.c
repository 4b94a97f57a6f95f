/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Findings as words; all of a diagnosis for test watchdogs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/auto.h"
#include "connlist/diag.h"

const char *mx_diag_kind_name(enum mx_diag_kind kind)
{
	static const char *const names[] = {
		"dead-process", "stopped-process", "lock",     "overdue",
		"slow",         "budget",          "back-off", "poller",
		"orphan",       "capacity",        "torn",     "nobody-runs",
		"callback",
	};

	return (unsigned)kind < MX_ARRAY_SIZE(names) ? names[kind] : "?";
}

const char *mx_diag_severity_name(enum mx_diag_severity s)
{
	static const char *const names[] = {"info", "warning", "error"};

	return (unsigned)s < MX_ARRAY_SIZE(names) ? names[s] : "?";
}

/* --- For watchdogs ------------------------------------------------------ */

static void print_op(int fd, const struct mx_snap *s,
		     const struct mx_snap_conn *k, const struct mx_snap_op *op)
{
	const struct mx_snap_list *l = k->list < s->n_lists ? &s->lists[k->list]
							    : NULL;
	char sid[MX_SID_MAX_STR];

	dprintf(fd, "in flight: %s, %.1f s, on %s, for %s (%s) at %s, ",
		op->name,
		s->taken_ns > op->since_ns
			? (double)(s->taken_ns - op->since_ns) / 1e9
			: 0.0,
		op->waiting_on, l ? l->name : "an unknown user",
		l ? mx_sid_format(&l->sid, sid) : "-",
		k->peer < s->n_peers ? s->peers[k->peer].server
				     : "an unknown server");
	if (k->proc < s->n_procs)
		dprintf(fd, "process %" PRIu32 " (%s)", s->procs[k->proc].pid,
			s->procs[k->proc].name);
	else
		dprintf(fd, "a process that is gone");
	dprintf(fd, " thread %" PRIu32 "\n", op->tid);
}

static void print_ops(int fd, const struct mx_snap *s)
{
	for (size_t i = 0; i < s->n_conns; i++)
		for (int op = 0; op < MX_OPS; op++)
			if (s->conns[i].op[op].active)
				print_op(fd, s, &s->conns[i],
					 &s->conns[i].op[op]);
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
