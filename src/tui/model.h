/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `mapiary top` shows, without a terminal: pictures of the segment go in,
 * keys go in, screens come out.  Clock and size are arguments.
 *
 *   mx_top_take   a new picture: sums, rates, what is stuck
 *   mx_top_key    a key: selection, order, filter, view
 *   mx_top_draw   the screen of that size (draw.c)
 *
 * Only the view that is shown is filtered and put in order, and only rows on the
 * screen are made into text.
 */
#ifndef MX_TUI_MODEL_H
#define MX_TUI_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connlist/diag.h"
#include "connlist/snapshot.h"
#include "tui/screen.h"

enum mx_top_view {
	MX_TOP_LISTS,
	MX_TOP_CONNS,
	MX_TOP_PROCS,
	MX_TOP_FINDINGS,
};
#define MX_TOP_VIEWS 4

/* Keys that are no characters. */
enum {
	MX_KEY_UP = 0x200000,
	MX_KEY_DOWN,
	MX_KEY_PAGE_UP,
	MX_KEY_PAGE_DOWN,
	MX_KEY_HOME,
	MX_KEY_END,
	MX_KEY_ENTER,
	MX_KEY_ESCAPE,
	MX_KEY_BACKSPACE,
	MX_KEY_BACKTAB,
};

enum mx_top_page { MX_PAGE_TABLE, MX_PAGE_DETAILS, MX_PAGE_HELP };

/* What a user's connections come to. */
struct mx_top_list {
	uint32_t logons, busy; /* busy: foreground operations in flight */
	uint32_t used, limit, waiting;
	uint64_t oldest_ns; /* begin of the oldest of them, 0: none */
	uint32_t oldest_conn;
	uint32_t peer; /* the server that is worst off; UINT32_MAX: none */
	uint32_t n_peers;
	bool overdue;
};

struct mx_top_proc {
	uint32_t conns, busy;
};

struct mx_top_count {
	uint64_t gen, trips, bytes_out, bytes_in;
};

struct mx_top_row {
	uint64_t key;
	uint32_t index; /* in the picture */
};

/* How a view is looked at; stays when another is. */
struct mx_top_pane {
	unsigned sort;
	bool reverse, chosen;
	uint64_t selected; /* slot and generation, so that it stays put */
	size_t at, first;  /* rows: selected, first on the screen */
};

struct mx_top {
	const struct mx_snap *snap; /* borrowed; NULL: no segment */
	char trouble[300];          /* why there is none */
	bool fresh;                 /* picture taken, rows not in order yet */

	struct mx_top_list *lists;
	struct mx_top_proc *procs;
	struct mx_top_count *counts; /* a connection slot */
	size_t cap_lists, cap_procs, cap_counts;
	struct mx_diag *findings;
	size_t n_findings, n_errors, n_warnings;
	uint32_t busy, waiting, orphans, n_stopped, n_dead;
	uint64_t oldest_ns;
	double trips_s, out_s, in_s;
	uint64_t rates_ns; /* when counts were taken; 0: never */

	enum mx_top_view view, back;
	enum mx_top_page page;
	struct mx_top_pane pane[MX_TOP_VIEWS];
	struct mx_top_row *rows;
	size_t n_rows, cap_rows;
	size_t body;           /* rows of the table on the last screen */
	size_t scroll, n_text; /* of a page of text */

	char filter[64];
	bool typing; /* the filter */
	bool paused;
	unsigned interval_ms;
};

/* 0, -ENOMEM. */
int mx_top_init(struct mx_top *t);
void mx_top_fini(struct mx_top *t);

/* A new picture, borrowed until the next or until mx_top_lost.  0, -ENOMEM. */
int mx_top_take(struct mx_top *t, const struct mx_snap *snap);
/* There is no segment, or it cannot be read: why. */
void mx_top_lost(struct mx_top *t, const char *why);

/* A character or MX_KEY_….  False: quit. */
bool mx_top_key(struct mx_top *t, uint32_t key);

/* Puts the rows of the view in order; draw does it. 0, -ENOMEM. */
int mx_top_order(struct mx_top *t);

/* `wall` is the time of day, or "".  one_shot: no help line, no selection. */
int mx_top_draw(struct mx_top *t, struct mx_screen *s, unsigned rows,
		unsigned cols, const char *wall, bool one_shot);

/* --- For columns, drawing, tests ---------------------------------------- */

/* A column: names, order, text of a cell.  `text` orders by text, else `key`;
 * without `cell` that is also what is shown.
 * Columns with the highest `rank` go first when there is no room. */
struct mx_top_column {
	const char *name;
	unsigned width, rank;
	bool right, flex, down; /* down: largest first */
	uint64_t (*key)(const struct mx_top *t, uint32_t i);
	const char *(*text)(const struct mx_top *t, uint32_t i);
	void (*cell)(const struct mx_top *t, uint32_t i, char *buf, size_t n);
};

const struct mx_top_column *mx_top_columns(enum mx_top_view v, size_t *ret_n);
/* What is shown of row i in column c. */
void mx_top_cell(const struct mx_top *t, const struct mx_top_column *c,
		 uint32_t i, char *buf, size_t n);
enum mx_look mx_top_look(const struct mx_top *t, uint32_t i);
/* Slot and generation of row i of the view. */
uint64_t mx_top_id(const struct mx_top *t, uint32_t i);
/* The text of the page that is shown, lines ended by '\n', not wrapped; free()
 * it.  NULL when out of memory. */
char *mx_top_page_text(const struct mx_top *t);

bool mx_top_stopped(const struct mx_top *t, const struct mx_snap_proc *p);
const char *mx_top_state_name(enum mx_snap_state s);
const char *mx_top_kind_name(enum mx_conn_kind k);
uint64_t mx_top_age(const struct mx_top *t, uint64_t since_ns);
/* "1.2 s", "3 min", "5 h", "2 d"; "-" for 0 since. */
char *mx_top_age_text(const struct mx_top *t, uint64_t since_ns, char *buf,
		      size_t n);

#endif
