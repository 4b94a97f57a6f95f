/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The views of `mapiary top` as tables: a file each (columns-*.c) says what is in
 * a cell, what order it gives, and how a row looks.  All are pure: rows come from
 * the model's picture.
 */
#ifndef MX_TUI_COLUMNS_H
#define MX_TUI_COLUMNS_H

#include "tui/model.h"

/* In a picture: refers to nothing. */
#define MX_TOP_NONE UINT32_MAX

struct mx_top_view_def {
	const struct mx_top_column *columns;
	size_t n;
	enum mx_look (*look)(const struct mx_top *t, uint32_t i);
};

extern const struct mx_top_view_def mx_top_view_lists;
extern const struct mx_top_view_def mx_top_view_conns;
extern const struct mx_top_view_def mx_top_view_procs;
extern const struct mx_top_view_def mx_top_view_findings;

/* "1.2 s", "3 min", "5 h", "2 d"; returns buf. */
char *mx_cell_duration(uint64_t ns, char *buf, size_t n);
/* "999", "1.2k", "34M" */
void mx_cell_bytes(uint64_t v, char *buf, size_t n);
void mx_cell_number(uint64_t v, char *buf, size_t n);
/* Orders by age: 0 for what did not begin. */
uint64_t mx_cell_age_key(const struct mx_top *t, uint64_t since);
/* What a connection is doing: its call, else its parked wait, else NULL; and
 * what it waits for, in words. */
const struct mx_snap_op *mx_cell_op_of(const struct mx_snap_conn *k);
void mx_cell_op(const struct mx_snap_conn *k, char *buf, size_t n);

#endif
