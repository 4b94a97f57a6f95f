/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A password or token while somebody needs it: its memory is wiped when it is
 * freed.  Never put one into a log, a fault or shared memory.  Not thread safe.
 */
#ifndef MX_IDENTITY_SECRET_H
#define MX_IDENTITY_SECRET_H

#include <stddef.h>

struct mx_secret {
	char *p; /* owned, NUL-terminated; NULL when empty */
	size_t len;
};

#define MX_SECRET_INIT ((struct mx_secret){0})

/* Wipes and frees; the secret is empty after that. */
void mx_secret_fini(struct mx_secret *s);

/* Cleanup hook. */
static inline void mx_secret_auto(struct mx_secret *s)
{
	mx_secret_fini(s);
}

/* Wipes the old contents and copies text.  0 or -ENOMEM (then it is empty). */
int mx_secret_set(struct mx_secret *s, const char *text);
int mx_secret_set_n(struct mx_secret *s, const char *text, size_t n);

#endif
