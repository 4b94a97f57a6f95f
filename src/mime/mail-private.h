/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the MIME reader share. */
#ifndef MX_MIME_MAIL_PRIVATE_H
#define MX_MIME_MAIL_PRIVATE_H

#include <gmime/gmime.h>

#include "mime/mail.h"

/* Headers and body of one parsed message; depth counts nesting from 0.
 * 0, -ENOMEM. */
int mx_mail_from_message(GMimeMessage *msg, unsigned depth, struct mx_arena *a,
			 struct mx_mail **ret);

/* Fills in the bodies and attachments of m.  0, -ENOMEM. */
int mx_mail_walk(GMimeObject *top, unsigned depth, struct mx_arena *a,
		 struct mx_mail *m);

/* The Windows code page of a MIME charset name, 0 when there is none. */
uint32_t mx_mail_cpid(const char *charset);

/*
 * Text in a MIME charset as UTF-8 with CRLF line ends, in the arena.  Bytes
 * that the charset does not know, an unknown charset and NUL characters are
 * replaced and noted.  NULL charset is us-ascii.  NULL when out of memory.
 */
char *mx_mail_text(const char *bytes, size_t len, const char *charset,
		   struct mx_arena *a, struct mx_mail *m);

/* A copy as valid UTF-8; NULL gives NULL.  *oom is set when memory ran out. */
const char *mx_mail_utf8(struct mx_arena *a, const char *s, bool *oom);

#endif
