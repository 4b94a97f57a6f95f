/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clocks and their units.  Monotonic time, Unix time and FILETIME are three
 * types, so that one is never taken for another.
 */
#ifndef MX_BASE_CLOCK_H
#define MX_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC (the same in every process of a host), nanoseconds. */
typedef struct {
	int64_t ns;
} mx_mono;

/* 100 ns units since 1601-01-01 UTC: PtypTime.  [MS-OXCDATA] 2.11.1. */
typedef struct {
	uint64_t t;
} mx_filetime;

#define MX_NS_PER_MS INT64_C(1000000)
#define MX_NS_PER_S INT64_C(1000000000)
/* A deadline that never comes. */
#define MX_MONO_NEVER ((mx_mono){INT64_MAX})

mx_mono mx_mono_now(void);
mx_filetime mx_filetime_now(void);

/* now + ms, saturating at MX_MONO_NEVER; ms < 0 means never. */
mx_mono mx_mono_in_ms(int64_t ms);

/* Milliseconds until t, rounded up, never negative; INT64_MAX for never. */
int64_t mx_mono_left_ms(mx_mono t);

static inline bool mx_mono_passed(mx_mono t)
{
	return t.ns != INT64_MAX && mx_mono_now().ns >= t.ns;
}

/* The earlier of the two. */
static inline mx_mono mx_mono_min(mx_mono a, mx_mono b)
{
	return a.ns < b.ns ? a : b;
}

/* CLOCK_MONOTONIC as the absolute timespec that pthread waits take. */
struct timespec mx_mono_timespec(mx_mono t);

mx_filetime mx_filetime_from_unix(int64_t sec, uint32_t nsec);

/* Seconds since 1970, rounded down; may be negative. */
int64_t mx_filetime_to_unix(mx_filetime ft);

#endif
