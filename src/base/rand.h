/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Random bytes from the kernel.  Any thread. */
#ifndef MX_BASE_RAND_H
#define MX_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

/* Fills p; 0 or -errno (a kernel without getrandom). */
int mx_random(void *p, size_t n);

/* A repeatable stream for tests and demos (xorshift64*); never for secrets. */
struct mx_prng {
	uint64_t s;
};

static inline uint64_t mx_prng_next(struct mx_prng *r)
{
	r->s = r->s ? r->s : UINT64_C(0x9e3779b97f4a7c15);
	r->s ^= r->s >> 12;
	r->s ^= r->s << 25;
	r->s ^= r->s >> 27;
	return r->s * UINT64_C(2685821657736338717);
}

/* 0 ≤ result < n. */
static inline uint32_t mx_prng_below(struct mx_prng *r, uint32_t n)
{
	return (uint32_t)((mx_prng_next(r) >> 32) * n >> 32);
}

#endif
