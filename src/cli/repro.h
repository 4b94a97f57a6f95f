/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mapiary repro`: the hang of the old runtime, and the same scenario without
 * it.
 *
 *   repro.c         options, users and server as the demo makes them
 *   repro-report.c  JSON, last line, exit status
 *   repro-held.c    our lists: cycles of many users on many threads
 *   repro-legacy.c  the old lists (src/repro/legacy.c) around real logons
 *   repro-watch.c   the watchdog over the old lists: who waits for what, and why
 *                   it can never come
 */
#ifndef MX_CLI_REPRO_H
#define MX_CLI_REPRO_H

#include "cli/demo.h"
#include "repro/legacy.h"

enum repro_policy {
	REPRO_HELD,
	REPRO_LEGACY,
};

#define REPRO_HUNG 3 /* exit status: a release hangs, as it has to */

struct repro {
	struct demo d; /* users, server, threads, counters */
	enum repro_policy policy;
	unsigned n_users; /* those that are acted for */
	unsigned threads, cycles;
	bool same_user, json;
	FILE *talk; /* lines for people: stdout, or stderr beside JSON */
	struct legacy *legacy;
	struct ear *ears; /* repro-held.c */
};

/* Every cycle of every user, on our lists.  0, or -1 when it did not run. */
int repro_held(struct repro *r);
/* After MAPIUninitialize. */
void repro_held_end(struct repro *r);

/* Prints the last line, with --json the document; returns the exit status: of
 * MX_EXIT_OK and MX_EXIT_FAILED, or REPRO_HUNG where the old lists hung. */
int repro_report(struct repro *r);

/* --- the old lists --- */

enum poller_state {
	POLLER_NONE,
	POLLER_RUNS,
	POLLER_SIGNALLED,
	POLLER_SILENT,
};

/* What a polling thread did, for the watchdog; the old runtime kept no such
 * record. */
struct legacy_poller {
	struct legacy *lg;
	struct legacy_worker *creator;
	LPMAPIFOLDER inbox; /* the creator's, with a reference of its own */
	pthread_t thread;
	bool started;
	int list;
	atomic_int tid;
	atomic_uint looks; /* that found a list, and did its work */
	atomic_uint state; /* enum poller_state */
	uint32_t lists;    /* at its last look */
	uint32_t own_crc;  /* of the SID it found itself to have */
	char own_sid[184];
};

enum legacy_order {
	ORDER_CONNECT,
	ORDER_RELEASE,
	ORDER_END,
};

/* A worker thread: impersonates one user, does as it is told. */
struct legacy_worker {
	struct legacy *lg;
	struct demo_user *user;
	struct demo_worker w;
	struct demo_side side;
	pthread_t thread;
	bool started;
	atomic_int tid;
	int list; /* of the old lists; -1: none */
	bool connected;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned orders, obeyed; /* under lock */
	enum legacy_order order;
	_Atomic int64_t releasing_ns; /* since when; 0: not */
};

struct legacy {
	struct repro *r;
	struct legacy_seg *seg;
	unsigned n; /* workers */
	struct legacy_worker *workers;
	struct legacy_poller pollers[LEGACY_LISTS]; /* by list */
	atomic_uint failed;
	atomic_bool releasing;
};

int repro_legacy(struct repro *r);

/* Prints what is known about every worker that has been in its release for
 * longer than it may, and returns how many those are. */
unsigned repro_watch(struct legacy *lg, int64_t patience_ns);

/* The same as JSON, an array "waits". */
struct mx_json;
void repro_watch_json(struct legacy *lg, struct mx_json *j);

#endif
