/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Internet mail as MAPI sees it: one parsed message in plain structs, on its
 * way from MIME (parse.c, body.c) to properties of an IMessage (write.c).
 *
 *   bytes ── mx_mail_parse ──> struct mx_mail ── mx_mail_write ──> IMessage
 *
 * Mail is written by strangers.  Whatever cannot be taken over as it stands
 * leaves a sentence in `notes`: a part is never dropped silently.  The mapping
 * follows [MS-OXCMAIL] 2.2 where that says something.
 */
#ifndef MX_MIME_MAIL_H
#define MX_MIME_MAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"

enum mx_mail_kind {
	MX_MAIL_TO = 1, /* as MAPI_TO, MAPI_CC, MAPI_BCC */
	MX_MAIL_CC,
	MX_MAIL_BCC,
};

struct mx_mail_addr {
	enum mx_mail_kind kind; /* of a recipient */
	const char *name; /* never empty: the address when there is none */
	const char *addr; /* may be "" when the header had only a name */
	struct mx_mail_addr *next;
};

struct mx_mail_attach {
	const char *name;     /* file name, NULL when it has none */
	const char *type;     /* "image/png" */
	const char *cid;      /* Content-ID without brackets, or NULL */
	const char *location; /* Content-Location, or NULL */
	bool related;         /* part of multipart/related: shown in the HTML */
	const void *data;     /* decoded */
	size_t len;
	struct mx_mail *nested; /* message/rfc822; then data is NULL */
	struct mx_mail_attach *next;
};

struct mx_mail_note {
	const char *text;
	struct mx_mail_note *next;
};

/* Strings are UTF-8; NULL is absent.  Everything lives in the arena. */
struct mx_mail {
	const char *subject;
	const struct mx_mail_addr *from;
	const struct mx_mail_addr *sender; /* `from` when not said */
	struct mx_mail_addr *reply_to;
	struct mx_mail_addr *recips;
	size_t n_recips;
	const char *message_id; /* with brackets */
	const char *in_reply_to, *references;
	bool has_date, has_received;
	mx_filetime date;     /* Date: */
	mx_filetime received; /* of the topmost Received: */
	int importance;       /* 0 low, 1 normal, 2 high */
	int sensitivity;      /* 0 none … 3 confidential */
	const char *headers;  /* the header block, CRLF */
	const char *text;     /* plain body, CRLF */
	const void *html;     /* HTML body in its own character set */
	size_t html_len;
	uint32_t cpid; /* code page of the bodies: Windows number */
	struct mx_mail_attach *attachments;
	size_t n_attachments;
	struct mx_mail_note *notes; /* of this message, not of nested ones */
	size_t n_notes;
};

/*
 * Parses one message; a leading mbox "From " line is skipped.  Call from any
 * thread; GMime is initialized by the first call and stays so.
 * Returns 0; -EBADMSG when there is no message in it (no header at all, or
 * only white space); -ENOMEM when the arena's budget is used up.
 */
int mx_mail_parse(const void *data, size_t len, struct mx_arena *a,
		  struct mx_mail **ret);

/* Adds a note.  Out of memory loses the sentence but not its count. */
void mx_mail_note(struct mx_arena *a, struct mx_mail *m, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* Calls fn for each note of the message and of those nested in it. */
void mx_mail_each_note(const struct mx_mail *m,
		       void (*fn)(void *arg, const char *text), void *arg);

#endif
