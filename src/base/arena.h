/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arena: many small allocations, one free.  What a decoder makes lives in the
 * caller's arena and dies with it.  Not thread safe; one owner.
 *
 * An arena can carry a budget, so that no input makes a decoder allocate more
 * than a small multiple of its own size.
 */
#ifndef MX_BASE_ARENA_H
#define MX_BASE_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct mx_arena_block;

struct mx_arena {
	struct mx_arena_block *head;
	size_t left;   /* bytes left in head */
	size_t total;  /* bytes given out so far */
	size_t budget; /* most that `total` may become; 0 means no limit */
};

#define MX_ARENA_INIT ((struct mx_arena){0})

/* Caller's memory, empty; nothing is allocated until the first use. */
void mx_arena_init(struct mx_arena *a);

/* Frees everything and leaves it empty and usable; the budget stays. */
void mx_arena_fini(struct mx_arena *a);

/* Cleanup hook. */
static inline void mx_arena_auto(struct mx_arena *a)
{
	mx_arena_fini(a);
}

/* As fini, but keeps the first block, for loops that decode again and again. */
void mx_arena_reset(struct mx_arena *a);

/* n bytes aligned for any type, not zeroed; n == 0 gives a unique pointer.
 * NULL when out of memory or over budget. */
void *mx_arena_alloc(struct mx_arena *a, size_t n);

/* n items of size bytes, zeroed; NULL also when the product overflows. */
void *mx_arena_calloc(struct mx_arena *a, size_t n, size_t size);

/* Copies; NULL as above. */
void *mx_arena_dup(struct mx_arena *a, const void *p, size_t n);
char *mx_arena_strdup(struct mx_arena *a, const char *s);
char *mx_arena_strndup(struct mx_arena *a, const char *s, size_t n);

/* printf into the arena. */
char *mx_arena_printf(struct mx_arena *a, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

#define mx_arena_new(a, type) ((type *)mx_arena_calloc((a), 1, sizeof(type)))
#define mx_arena_newv(a, type, n)                                              \
	((type *)mx_arena_calloc((a), (n), sizeof(type)))

#endif
