/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream on a property, for its parts: strm.c has the calls and the model,
 * strm-hold.c what is held back and sent, strm-text.c text.  Calls have the
 * stream's turn.
 */
#ifndef MX_API_STRM_PRIVATE_H
#define MX_API_STRM_PRIVATE_H

#include "api/strm.h"
#include "base/buf.h"

#define MX_STRM_HOLD_MAX 120000 /* held back at most */
#define MX_STRM_READ_ONE 30000  /* in one buffer */
#define MX_STRM_READ_MAX 240000 /* in one chained answer */

struct mx_strm {
	struct mx_obj obj; /* so: the stream; parent: its owner */
	bool writable;
	ULONG text; /* PT_UNICODE, PT_STRING8; 0: bytes */
	uint64_t pos, size;
	uint64_t wire; /* where the server's stream stands */
	uint64_t ahead_at;
	struct mx_buf ahead; /* read, at ahead_at */
	uint64_t held_at;
	struct mx_buf held; /* written, not sent */
	struct mx_buf all;  /* text: the whole of it */
	bool loaded, changed;
	/* Under the owner's lock. */
	struct mx_list unsent;
	bool linked, orphan;
};

static inline struct mx_strm *mx_strm_of(IStream *s)
{
	return (struct mx_strm *)(void *)s;
}

/* ---- strm-hold.c ---- */

/* The owner sends what this one holds back, if nobody does before. */
void mx_strm_hold(struct mx_strm *s);

/* The last reference: with bytes held back the owner keeps the stream, which
 * from then on does not keep the owner. */
ULONG mx_strm_release(IStream *p);

/* Sends what is held back; with commit a CommitStream behind it. */
int mx_strm_flush(struct mx_do *d, struct mx_strm *s, bool commit);

/* A SeekStream, unless the server's stream stands there. */
void mx_strm_add_seek(struct mx_batch *b, struct mx_strm *s, uint64_t at);

/* Runs the batch: 0 when every ROP succeeded. */
int mx_strm_run(struct mx_do *d, struct mx_batch *b);

/* ---- strm.c ---- */

/* Reads from the server at `at` into out; fewer bytes only at the end. */
int mx_strm_fetch(struct mx_do *d, struct mx_strm *s, uint64_t at, size_t want,
		  struct mx_buf *out);

/* ---- strm-text.c: streams with s->text ---- */

/* Holds the whole of it from then on. */
int mx_strm_text_load(struct mx_do *d, struct mx_strm *s);
/* At the position; *n becomes what was there. */
int mx_strm_text_read(struct mx_do *d, struct mx_strm *s, char *out, ULONG *n);
int mx_strm_text_write(struct mx_do *d, struct mx_strm *s, const char *p,
		       ULONG n);
/* When it is loaded; zeros are added. */
int mx_strm_text_resize(struct mx_strm *s, uint64_t size);
/* The whole as the server has it, UTF-16LE without a terminator; NULL: no memory. */
uint8_t *mx_strm_text_wire(struct mx_arena *a, struct mx_strm *s,
			   size_t *ret_n);

#endif
