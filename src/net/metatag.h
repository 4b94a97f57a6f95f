/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a MAPI/HTTP answer: meta-tag lines, additional headers, an empty
 * line, then the response body.  [MS-OXCMAPIHTTP] 2.2.7, 3.2.5.2.
 *
 *	PROCESSING CRLF (PENDING CRLF)* DONE CRLF (Header: value CRLF)* CRLF body
 *
 * Taken too, as servers do it: PENDING without CRLF, PROCESSING again.
 *
 *	TAGS ──DONE──► HEADERS ──empty line──► BODY
 *	  └──────────────┴── other ──► BAD
 *
 * Pure: bytes in, events out; any split of the input gives the same events.
 * Lines are bounded; the body is handed on as it comes.
 */
#ifndef MX_NET_METATAG_H
#define MX_NET_METATAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One line: a tag or an additional header.  Ours. */
#define MX_METATAG_LINE_MAX 1024
/* Additional headers together.  Ours. */
#define MX_METATAG_HEADERS_MAX 16384

enum mx_metatag_state {
	MX_METATAG_TAGS,
	MX_METATAG_HEADERS,
	MX_METATAG_BODY,
	MX_METATAG_BAD,
};

/* What may still come of the line end of a PENDING. */
enum mx_metatag_eol {
	MX_METATAG_EOL_NONE,
	MX_METATAG_EOL_CRLF, /* CRLF, LF or nothing */
	MX_METATAG_EOL_LF,   /* LF, after CR */
};

enum mx_metatag_event {
	MX_METATAG_EV_PROCESSING,
	MX_METATAG_EV_PENDING,
	MX_METATAG_EV_DONE,
	MX_METATAG_EV_HEADER, /* name, value: NUL-terminated, trimmed */
	MX_METATAG_EV_BODY,   /* data, n: n > 0 */
};

struct mx_metatag_ops {
	/* Returns 0 to go on, else a negative errno that feed returns. */
	int (*event)(void *arg, enum mx_metatag_event ev, const char *name,
		     const char *value, const uint8_t *data, size_t n);
	void *arg;
};

struct mx_metatag {
	enum mx_metatag_state state;
	int err;
	enum mx_metatag_eol eol;
	size_t n_headers; /* bytes of additional headers so far */
	size_t n_line;
	char line[MX_METATAG_LINE_MAX + 1];
};

void mx_metatag_init(struct mx_metatag *m);

/* Takes the next bytes.  0; -EBADMSG what cannot be; -EMSGSIZE a line or the
 * headers too long; or what event returned.  Errors stick. */
int mx_metatag_feed(struct mx_metatag *m, const void *p, size_t n,
		    const struct mx_metatag_ops *ops);

/* True when the empty line after DONE has come: the answer may end here, as far
 * as this format can tell (the body has its own lengths). */
bool mx_metatag_complete(const struct mx_metatag *m);

#endif
