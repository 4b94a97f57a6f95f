/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection lists of the old runtime, rebuilt with their fault: what
 * `mapiary repro --policy legacy` runs, and what the test explores.  Never part
 * of libmapiary, which does none of this.
 *
 *   connect   finds the list by the CRC of the user's SID, or makes it; who
 *             makes it starts a polling thread, which nobody gives the user's
 *             identity
 *   poller    looks for its list: when there is one, it must be its own; else
 *             by the CRC of whoever the thread runs as.  None fits: it ends.
 *             Asked to stop: it signals that it is done, and ends.
 *   release   the last one asks the poller to stop and waits for that signal,
 *             for ever
 *
 * With two lists no poller finds its own, none signals, no release returns.
 *
 * All state is in one shared mapping.  Accesses go through connlist/put.h, so
 * that the scheduler of src/repro/explore.h can stand before each of them.
 */
#ifndef MX_REPRO_LEGACY_H
#define MX_REPRO_LEGACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef LEGACY_LISTS /* the exploration has as many as users */
#define LEGACY_LISTS 64
#endif

struct legacy_list {
	uint32_t used;
	uint32_t crc;  /* the index is the identity */
	uint32_t refs; /* connected stores */
	uint32_t stop; /* futex: the poller shall end */
	uint32_t done; /* futex: it has */
};

struct legacy_seg {
	uint32_t lock; /* 0, 1, 2: somebody sleeps */
	uint32_t n_lists;
	struct legacy_list list[LEGACY_LISTS];
};

/* A shared mapping of zeros; NULL with errno. */
struct legacy_seg *legacy_map(void);
void legacy_unmap(struct legacy_seg *seg);

/* The list's index, or -1 when all are in use.  *ret_made: it is new, and the
 * caller has to start its poller. */
int legacy_connect(const struct legacy_seg *seg, uint32_t crc, bool *ret_made);

enum legacy_end {
	LEGACY_SIGNALLED, /* was asked to stop, said that it is done */
	LEGACY_SILENT,    /* found no list of its own: signalled nobody */
};

/* The body of the polling thread; own_crc: of the SID the thread finds itself
 * to have.  work is called at each look that finds a list; period_ms between
 * looks, 0: only when it is woken.  *ret_lists: how many there were at the last
 * look. */
enum legacy_end legacy_poll(const struct legacy_seg *seg, uint32_t own_crc,
			    void (*work)(void *arg, int list), void *arg,
			    unsigned period_ms, uint32_t *ret_lists);

/* Waits without a deadline, and without asking whether anybody is left who
 * could signal. */
void legacy_release(const struct legacy_seg *seg, int list);

#endif
