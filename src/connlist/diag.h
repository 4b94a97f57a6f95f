/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The diagnosis: what is stuck, since when, on what, for whom, whose fault, what
 * to do.  A pure function of a snapshot, so that it also works on a segment
 * whose processes are all dead.  `mapiary doctor` prints it; tests print it
 * instead of hanging.
 */
#ifndef MX_CONNLIST_DIAG_H
#define MX_CONNLIST_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connlist/snapshot.h"

enum mx_diag_kind {
	MX_DIAG_DEAD_PROCESS,    /* died, nobody cleaned up after it yet */
	MX_DIAG_STOPPED_PROCESS, /* alive, its heart does not beat */
	MX_DIAG_LOCK,     /* a bucket held by a dead or stopped process */
	MX_DIAG_OVERDUE,  /* an operation past its own deadline */
	MX_DIAG_SLOW,     /* an operation in flight for long */
	MX_DIAG_BUDGET,   /* waiting for a session place */
	MX_DIAG_BACKOFF,  /* the server asked to wait */
	MX_DIAG_POLLER,   /* a poller that should have ended */
	MX_DIAG_ORPHAN,   /* a session left by a dead process */
	MX_DIAG_CAPACITY, /* 90 % or more of a table in use */
	MX_DIAG_TORN,     /* a record nobody can read whole */
	MX_DIAG_NOBODY,   /* every process is dead or stopped */
	MX_DIAG_CALLBACK, /* the program's code has not returned from one */
};

enum mx_diag_severity {
	MX_DIAG_INFO,    /* normal, shown because somebody may ask */
	MX_DIAG_WARNING, /* slow, not stuck */
	MX_DIAG_ERROR,   /* stuck: will not end by itself */
};

struct mx_diag {
	enum mx_diag_kind kind;
	enum mx_diag_severity severity;
	uint64_t age_ns;  /* 0 when it has none */
	uint32_t proc;    /* index into snap->procs, or UINT32_MAX */
	uint32_t list;    /* index into snap->lists, or UINT32_MAX */
	uint32_t peer;    /* index into snap->peers, or UINT32_MAX */
	uint32_t conn;    /* index into snap->conns, or UINT32_MAX */
	char op[32];      /* the operation; "" for none */
	char text[384];   /* what, for whom, since when, on what */
	char blame[128];  /* whose fault it is */
	char advice[192]; /* what to do */
};

struct mx_diag_params {
	uint64_t slow_ns;    /* 0: 10 s */
	uint64_t stopped_ns; /* no beat for so long: stopped; 0: 5 s */
};

/* Fills *ret (free() it) with findings, worst first, oldest first within a
 * severity.  params may be NULL.  0 or -ENOMEM. */
int mx_diag_run(const struct mx_snap *snap, const struct mx_diag_params *params,
		struct mx_diag **ret, size_t *ret_n);

const char *mx_diag_kind_name(enum mx_diag_kind kind);
const char *mx_diag_severity_name(enum mx_diag_severity s);

/* Everything in one call, for test watchdogs: opens the segment (path as
 * mx_reg_path), and writes the findings and all operations in flight as lines
 * to fd.  Never waits. */
void mx_diag_print(int fd, const char *path);

#endif
