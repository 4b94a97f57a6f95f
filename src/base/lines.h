/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory on cache lines of its own, for what each user's calls touch: among
 * many users it has left the caches when he calls again, so what counts is how
 * many lines it takes, and whether they can be fetched at once.  A struct for it
 * is aligned to MX_LINE and says which of its lines are for what.
 */
#ifndef MX_BASE_LINES_H
#define MX_BASE_LINES_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MX_LINE 64

/* Zeroed; free() it.  NULL: no memory. */
static inline void *mx_lines_calloc(size_t n)
{
	size_t all = (n + MX_LINE - 1) / MX_LINE * MX_LINE;
	void *p = aligned_alloc(MX_LINE, all);

	return p ? memset(p, 0, all) : NULL;
}

/* n bytes from p on will be needed soon: has their lines fetched meanwhile, all
 * at once.  p need not point to anything any more. */
static inline void mx_lines_prefetch(const void *p, size_t n)
{
	for (size_t at = 0; at < n; at += MX_LINE)
		__builtin_prefetch((const char *)p + at);
}

#endif
