/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer as a server once sent it, from the status line to the last chunk,
 * sent again over loopback and taken by the real client code.  The files are in
 * tests/recorded/SERVER/NAME.http; README.md there says what was changed.
 */
#ifndef MX_RECORDED_RECORDING_H
#define MX_RECORDED_RECORDING_H

#include "base/arena.h"
#include "net/exchange.h"
#include "wire/bodies.h"
#include "wire/rops.h"
#include "wire/rpcext.h"

#define MX_RECORDED_MAX 96

/* A response that should come: RopId, its handle index, the columns its rows
 * have.  hindex 0xff: any. */
struct want {
	uint8_t rop, hindex;
	const uint32_t *cols;
	uint32_t n_cols;
};

struct recording {
	struct mx_arena arena;
	struct mx_xresp resp;
	struct mx_fault fault;
	int err; /* of the exchange */
	/* After recording_rops: */
	struct mx_execute_res exec;
	unsigned n_buffers, n_res;
	struct mx_rop_res res[MX_RECORDED_MAX];
	uint32_t n_handles;
	const uint32_t *handles; /* of the last buffer */
};

/* Plays tests/recorded/gromox/NAME.http to one exchange of this type. */
void recording_play(struct recording *rec, const char *name, const char *type);
void recording_fini(struct recording *rec);
static inline void recording_auto(struct recording *rec)
{
	recording_fini(rec);
}

/* Plays an Execute and decodes its body, its buffers and all responses in
 * them; fails the test unless they are these, to the last byte. */
void recording_rops(struct recording *rec, const char *name,
		    const struct want *want, size_t n);

/* The body of a file without its headers, unchanged; not chunked ones. */
void recording_plain(struct recording *rec, const char *name,
		     struct mx_bin *ret);

#endif
