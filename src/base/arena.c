/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 16u
#define FIRST_BLOCK 2048u
#define MAX_BLOCK (256u << 10)

struct mx_arena_block {
	struct mx_arena_block *next;
	size_t size; /* of data */
	_Alignas(ALIGN) unsigned char data[];
};

void mx_arena_init(struct mx_arena *a)
{
	*a = MX_ARENA_INIT;
}

static void free_blocks(struct mx_arena_block *b)
{
	while (b) {
		struct mx_arena_block *next = b->next;

		free(b);
		b = next;
	}
}

void mx_arena_fini(struct mx_arena *a)
{
	free_blocks(a->head);
	a->head = NULL;
	a->left = 0;
	a->total = 0;
}

void mx_arena_reset(struct mx_arena *a)
{
	struct mx_arena_block *keep = a->head;

	if (!keep)
		return;
	free_blocks(keep->next);
	keep->next = NULL;
	a->left = keep->size;
	a->total = 0;
}

static int grow(struct mx_arena *a, size_t n)
{
	size_t size = a->head ? a->head->size * 2 : FIRST_BLOCK;
	struct mx_arena_block *b;

	if (size > MAX_BLOCK)
		size = MAX_BLOCK;
	if (size < n)
		size = n;
	b = malloc(sizeof(*b) + size);
	if (!b)
		return -1;
	b->next = a->head;
	b->size = size;
	a->head = b;
	a->left = size;
	return 0;
}

void *mx_arena_alloc(struct mx_arena *a, size_t n)
{
	unsigned char *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	n = n ? (n + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
	if (a->budget && n > a->budget - a->total)
		return NULL;
	if (n > a->left && grow(a, n) < 0)
		return NULL;
	p = a->head->data + (a->head->size - a->left);
	a->left -= n;
	a->total += n;
	return p;
}

void *mx_arena_calloc(struct mx_arena *a, size_t n, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	p = mx_arena_alloc(a, bytes);
	return p ? memset(p, 0, bytes) : NULL;
}

void *mx_arena_dup(struct mx_arena *a, const void *src, size_t n)
{
	void *p = mx_arena_alloc(a, n);

	if (p && n)
		memcpy(p, src, n);
	return p;
}

char *mx_arena_strndup(struct mx_arena *a, const char *s, size_t n)
{
	size_t len = strnlen(s, n);
	char *p = mx_arena_alloc(a, len + 1);

	if (!p)
		return NULL;
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *mx_arena_strdup(struct mx_arena *a, const char *s)
{
	return mx_arena_dup(a, s, strlen(s) + 1);
}

char *mx_arena_printf(struct mx_arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !(p = mx_arena_alloc(a, (size_t)n + 1)))
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}
