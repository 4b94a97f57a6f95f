/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mx_buf_init(struct mx_buf *b)
{
	*b = MX_BUF_INIT;
}

void mx_buf_fini(struct mx_buf *b)
{
	free(b->p);
	*b = (struct mx_buf){.max = b->max};
}

void mx_buf_reset(struct mx_buf *b)
{
	b->len = 0;
	b->err = 0;
}

uint8_t *mx_buf_room(struct mx_buf *b, size_t n)
{
	size_t cap = b->cap ? b->cap : 256;
	uint8_t *p;

	if (b->err)
		return NULL;
	if (n > SIZE_MAX / 4 - b->len || (b->max && n > b->max - b->len)) {
		b->err = -EMSGSIZE;
		return NULL;
	}
	if (b->len + n <= b->cap)
		return b->p + b->len;
	while (cap < b->len + n)
		cap *= 2;
	p = realloc(b->p, cap);
	if (!p) {
		b->err = -ENOMEM;
		return NULL;
	}
	b->p = p;
	b->cap = cap;
	return p + b->len;
}

int mx_buf_put(struct mx_buf *b, const void *src, size_t n)
{
	uint8_t *p = mx_buf_room(b, n);

	if (!p)
		return b->err;
	if (n)
		memcpy(p, src, n);
	b->len += n;
	return 0;
}

int mx_buf_puts(struct mx_buf *b, const char *s)
{
	return mx_buf_put(b, s, strlen(s));
}

int mx_buf_vprintf(struct mx_buf *b, const char *fmt, va_list ap)
{
	size_t left = b->cap - b->len;
	va_list again;
	uint8_t *p;
	int n;

	if (b->err)
		return b->err;
	/* Mostly it fits into what is there. */
	va_copy(again, ap);
	n = vsnprintf(left ? (char *)b->p + b->len : NULL, left, fmt, again);
	va_end(again);
	if (n < 0)
		return b->err = -EINVAL;
	if ((size_t)n < left && (!b->max || b->len + (size_t)n < b->max)) {
		b->len += (size_t)n;
		return 0;
	}
	p = mx_buf_room(b, (size_t)n + 1);
	if (!p)
		return b->err;
	vsnprintf((char *)p, (size_t)n + 1, fmt, ap);
	b->len += (size_t)n;
	return 0;
}

int mx_buf_printf(struct mx_buf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = mx_buf_vprintf(b, fmt, ap);
	va_end(ap);
	return r;
}

const char *mx_buf_str(struct mx_buf *b)
{
	uint8_t *p = mx_buf_room(b, 1);

	if (!p)
		return "";
	*p = 0;
	return (const char *)b->p;
}

uint8_t *mx_buf_steal(struct mx_buf *b, size_t *ret_len)
{
	uint8_t *p = b->p;

	if (b->err || !p)
		return NULL;
	*ret_len = b->len;
	b->p = NULL;
	b->len = b->cap = 0;
	return p;
}
