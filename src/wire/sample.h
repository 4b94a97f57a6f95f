/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random but valid instances of every layout, for round trips, truncations and
 * the fuzzers' first corpus.  Tests only.  gen.py makes one mx_sample_… for
 * each struct of a schema out of these.
 */
#ifndef MX_WIRE_SAMPLE_H
#define MX_WIRE_SAMPLE_H

#include "base/rand.h"
#include "wire/restrict.h"

struct mx_sampler {
	struct mx_prng rng;
	struct mx_arena *arena;
	const uint32_t *cols; /* of the rows to make */
	size_t n_cols;
	unsigned depth;
};

uint32_t mx_sample_below(struct mx_sampler *s, uint32_t n);

/* Mostly few bits, so that flags and conditions are hit. */
uint64_t mx_sample_bits(struct mx_sampler *s);

/* Non-NULL strings in the arena: ASCII, or UTF-8 with lone surrogates. */
const char *mx_sample_ascii(struct mx_sampler *s);
const char *mx_sample_utf8(struct mx_sampler *s);
struct mx_bin mx_sample_bin(struct mx_sampler *s, uint32_t max);

/* A tag with a type that rows can carry. */
uint32_t mx_sample_tag(struct mx_sampler *s);
void mx_sample_guid(struct mx_sampler *s, struct mx_guid *ret);
void mx_sample_ltid(struct mx_sampler *s, struct mx_ltid *ret);
void mx_sample_propname(struct mx_sampler *s, struct mx_propname *ret);
void mx_sample_propproblem(struct mx_sampler *s, struct mx_propproblem *ret);
void mx_sample_sortorder(struct mx_sampler *s, struct mx_sortorder *ret);
void mx_sample_typedstr(struct mx_sampler *s, struct mx_typedstr *ret);
void mx_sample_propval(struct mx_sampler *s, struct mx_propval *ret);
void mx_sample_restrict(struct mx_sampler *s, struct mx_restrict *ret);

/* A row over the sampler's columns. */
void mx_sample_proprow(struct mx_sampler *s, struct mx_proprow *ret);

#endif
