/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cookies of a session context: name and opaque value, the latest value
 * counts, sent back as "a=1; b=2".  [MS-OXCMAPIHTTP] 2.2.3.2.3, 2.2.3.2.4.
 * Plain data of its owner; not thread safe (the session holds its lock).
 * Attributes (path, expires, secure) are not kept: the jar serves one endpoint
 * URL; a cookie with Max-Age=0 or an empty value is removed.
 */
#ifndef MX_NET_COOKIES_H
#define MX_NET_COOKIES_H

#include <stddef.h>

#define MX_MAX_COOKIES 32
#define MX_MAX_COOKIE_BYTES 4096 /* name and value of one */

/* Bytes that need no memory besides: a context's and a sequence's with room. */
#define MX_COOKIES_NEAR 112

/* One after the other as "name=value" and a NUL; a value that is empty: to be
 * removed (in a merge).  All in one place: a session's are read and changed by
 * every call, and have left the caches since the last one. */
struct mx_cookies {
	unsigned n;
	unsigned len, cap; /* bytes in use; room in far */
	char *far;         /* owned; NULL: near */
	char near[MX_COOKIES_NEAR];
};

#define MX_COOKIES_INIT ((struct mx_cookies){0})

void mx_cookies_fini(struct mx_cookies *c);
static inline void mx_cookies_auto(struct mx_cookies *c)
{
	mx_cookies_fini(c);
}

/* Forgets them all. */
void mx_cookies_clear(struct mx_cookies *c);

/* Takes the value of one Set-Cookie header (n bytes, no NUL needed).  0;
 * -EBADMSG (no name, control bytes), -E2BIG (too many or too long), -ENOMEM;
 * c unchanged then. */
int mx_cookies_set_header(struct mx_cookies *c, const char *p, size_t n);

/* Takes "a=1; b=2", as mx_cookies_text writes it; same errors. */
int mx_cookies_parse(struct mx_cookies *c, const char *text);

/* What an answer set, onto the session's.  0, -E2BIG, -ENOMEM. */
int mx_cookies_merge(struct mx_cookies *into, const struct mx_cookies *from);

/* "a=1; b=2", "" for none; heap, the caller frees; NULL: out of memory. */
char *mx_cookies_text(const struct mx_cookies *c);

/* Borrowed until the next change; NULL if there is none of that name. */
const char *mx_cookies_get(const struct mx_cookies *c, const char *name);

#endif
