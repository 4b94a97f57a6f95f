/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text of others on a terminal.  Names in shared memory come from other
 * processes and servers: what would move a cursor, change a colour, turn the
 * direction of writing or hide itself is shown as a replacement, whatever the
 * encoding.  Everything that `lists`, `top` and `doctor` print of such text goes
 * through here.
 */
#ifndef MX_TUI_PLAIN_H
#define MX_TUI_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decides once for the program how text is written: as the locale says when fd
 * is a terminal; as UTF-8 into files and pipes.  Sets LC_CTYPE. */
void mx_plain_setup(int fd);

/* For tests: UTF-8, or ASCII with '?' for the rest. */
void mx_plain_set_utf8(bool utf8);

/* Whether a code point can be shown as it is. */
bool mx_plain_safe(uint32_t cp);

/* Copies src to dst (cap > 0, NUL included) in as many whole characters as fit.
 * Malformed and unsafe characters become U+FFFD or '?'.  Returns dst. */
char *mx_plain(char *dst, size_t cap, const char *src);

/* As above, in at most `cols` columns of a terminal; what is cut off shows as
 * one character.  Never more than MX_PLAIN_BYTES a column.  Returns the columns
 * used. */
unsigned mx_plain_fit(char *dst, size_t cap, const char *src, unsigned cols);
#define MX_PLAIN_BYTES 12

/* Columns that src takes. */
unsigned mx_plain_width(const char *src);

#endif
