/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A screen as text: lines that fit its columns, each with one way of being
 * shown.  What draws it (terminal.c, --once) has nothing left to decide, and tests
 * compare screens as text.
 */
#ifndef MX_TUI_SCREEN_H
#define MX_TUI_SCREEN_H

#include <stddef.h>

#include "base/auto.h"

enum mx_look {
	MX_LOOK_PLAIN,
	MX_LOOK_TITLE,    /* bold */
	MX_LOOK_HEAD,     /* of a table: reversed */
	MX_LOOK_SELECTED, /* reversed */
	MX_LOOK_WARNING,
	MX_LOOK_ALARM, /* bold; red where there are colours */
	MX_LOOK_DIM,
};

/* Larger terminals are shown in a part of them. */
#define MX_SCREEN_MAX 2000u

struct mx_screen {
	unsigned rows, cols;
	unsigned n_lines; /* at most rows */
	char *text;       /* a line each `stride` bytes */
	size_t stride;
	enum mx_look *look;
	int cursor_row, cursor_col; /* where the user types; -1: nowhere */
};

#define MX_SCREEN_INIT ((struct mx_screen){0})

/* An empty screen of that size; memory is used again.  0, -ENOMEM. */
int mx_screen_begin(struct mx_screen *s, unsigned rows, unsigned cols);
void mx_screen_fini(struct mx_screen *s);

/* One more line, made harmless and cut to fit; dropped when the screen is
 * full. */
void mx_screen_add(struct mx_screen *s, enum mx_look look, const char *text);
void mx_screen_addf(struct mx_screen *s, enum mx_look look, const char *fmt,
		    ...) MX_PRINTF(3, 4);

static inline const char *mx_screen_line(const struct mx_screen *s, unsigned i)
{
	return s->text + i * s->stride;
}

#endif
