/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/screen.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tui/plain.h"

void mx_screen_fini(struct mx_screen *s)
{
	free(s->text);
	free(s->look);
	*s = MX_SCREEN_INIT;
}

int mx_screen_begin(struct mx_screen *s, unsigned rows, unsigned cols)
{
	enum mx_look *look;
	char *text;
	size_t stride;

	rows = rows < MX_SCREEN_MAX ? rows : MX_SCREEN_MAX;
	cols = cols < MX_SCREEN_MAX ? cols : MX_SCREEN_MAX;
	stride = (size_t)cols * MX_PLAIN_BYTES + 8;
	if (rows != s->rows || stride != s->stride) {
		text = realloc(s->text, rows * stride + 1);
		if (text)
			s->text = text;
		look = realloc(s->look, (rows + 1) * sizeof(*look));
		if (look)
			s->look = look;
		if (!text || !look) {
			mx_screen_fini(s);
			return -ENOMEM;
		}
	}
	s->rows = rows;
	s->cols = cols;
	s->stride = stride;
	s->n_lines = 0;
	s->cursor_row = s->cursor_col = -1;
	return 0;
}

void mx_screen_add(struct mx_screen *s, enum mx_look look, const char *text)
{
	if (s->n_lines == s->rows)
		return;
	mx_plain_fit(s->text + s->n_lines * s->stride, s->stride, text,
		     s->cols);
	s->look[s->n_lines++] = look;
}

void mx_screen_addf(struct mx_screen *s, enum mx_look look, const char *fmt,
		    ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	mx_screen_add(s, look, text);
}
