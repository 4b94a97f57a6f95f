/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal of `mapiary top`: ncurses, signals, and that whatever ends the
 * program leaves the terminal as it was.  One at a time; one thread.
 */
#ifndef MX_TUI_TERMINAL_H
#define MX_TUI_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/screen.h"

/* Whether TERM can move a cursor; else top prints one screen after another. */
bool mx_term_usable(void);

/* Takes the terminal on stdin and stdout.  0; -ENOTTY, -EINVAL (TERM). */
int mx_term_open(bool colours);
/* Gives it back; again does nothing. */
void mx_term_close(void);

enum mx_term_event {
	MX_TERM_KEY,     /* *ret_key, as mx_top_key takes it */
	MX_TERM_TIMEOUT, /* nothing for that long */
	MX_TERM_RESIZED, /* or the program was continued: draw all of it */
	MX_TERM_END,     /* SIGINT, SIGTERM, SIGHUP, or the terminal went */
};

/* Waits for what comes first.  timeout_ms < 0: no limit. */
enum mx_term_event mx_term_wait(int64_t timeout_ms, uint32_t *ret_key);

/* The signal that MX_TERM_END was for; 0: the terminal went. */
int mx_term_signal(void);

/* How large it is now; at least 1 by 1. */
void mx_term_size(unsigned *ret_rows, unsigned *ret_cols);

void mx_term_draw(const struct mx_screen *s, bool all);

/* Handlers for the end of a program that prints on a terminal it did not take;
 * then mx_term_wait may be called too. */
void mx_term_signals(void);

#endif
