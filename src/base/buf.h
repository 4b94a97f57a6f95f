/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growable byte buffer.  A failed append sticks (`err`), so a writer checks
 * once at the end.  Not thread safe.
 */
#ifndef MX_BASE_BUF_H
#define MX_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct mx_buf {
	uint8_t *p; /* owned; NUL-terminated by mx_buf_str */
	size_t len, cap;
	size_t max; /* most bytes it may hold; 0: no limit */
	int err;    /* 0, -ENOMEM, -EMSGSIZE over max */
};

#define MX_BUF_INIT ((struct mx_buf){0})

void mx_buf_init(struct mx_buf *b);
void mx_buf_fini(struct mx_buf *b);
static inline void mx_buf_auto(struct mx_buf *b)
{
	mx_buf_fini(b);
}

/* Empties it, keeps the memory, clears err. */
void mx_buf_reset(struct mx_buf *b);

/* Room for n more bytes at the end; the caller fills them and adds to len.
 * NULL on failure. */
uint8_t *mx_buf_room(struct mx_buf *b, size_t n);

/* Append; 0 or the sticking error. */
int mx_buf_put(struct mx_buf *b, const void *p, size_t n);
int mx_buf_puts(struct mx_buf *b, const char *s);
int mx_buf_printf(struct mx_buf *b, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));
int mx_buf_vprintf(struct mx_buf *b, const char *fmt, va_list ap)
	__attribute__((__format__(__printf__, 2, 0)));

/* The contents as a C string, borrowed until the next change; "" on error. */
const char *mx_buf_str(struct mx_buf *b);

/* Moves the bytes out (free() them); *ret_len unchanged when NULL. */
uint8_t *mx_buf_steal(struct mx_buf *b, size_t *ret_len);

#endif
