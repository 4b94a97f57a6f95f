/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MAPI's buffers.  A block is a header and the caller's bytes:
 *
 *	AllocateBuffer  root ──chain──> more ──> more ──> NULL
 *	AllocateMore    pushes onto the root's chain; any block of the family
 *	                may be given, the root is found through it
 *	FreeBuffer      frees the root and its chain
 *
 * Any thread may do any of it; two threads may add to one root at once.  The
 * magic catches a pointer that is not ours or was freed: it is left alone.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include <mapiutil.h>

#define ROOT_MAGIC UINT64_C(0x6d61706961727952)
#define MORE_MAGIC UINT64_C(0x6d6170696172794d)
#define DEAD_MAGIC UINT64_C(0x6d61706961727958)

struct block {
	uint64_t magic;
	struct block *root;          /* itself for a root */
	struct block *_Atomic chain; /* root: newest block of its family */
	struct block *next;          /* more: the one before it */
};

_Static_assert(sizeof(struct block) % _Alignof(max_align_t) == 0,
	       "what follows the header is aligned for every type");

static struct block *block_of(void *p)
{
	struct block *b = (struct block *)p - 1;

	return b->magic == ROOT_MAGIC || b->magic == MORE_MAGIC ? b : NULL;
}

static struct block *block_new(ULONG size, uint64_t magic)
{
	struct block *b = malloc(sizeof(*b) + size);

	if (!b)
		return NULL;
	b->magic = magic;
	b->root = b;
	b->next = NULL;
	atomic_init(&b->chain, NULL);
	return b;
}

SCODE MAPIAllocateBuffer(ULONG size, LPVOID *ret)
{
	struct block *b;

	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	b = block_new(size, ROOT_MAGIC);
	if (!b)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	*ret = b + 1;
	return S_OK;
}

SCODE MAPIAllocateMore(ULONG size, LPVOID object, LPVOID *ret)
{
	struct block *b, *root;

	if (!ret || !object)
		return MAPI_E_INVALID_PARAMETER;
	root = block_of(object);
	if (!root)
		return MAPI_E_INVALID_PARAMETER;
	root = root->root;
	b = block_new(size, MORE_MAGIC);
	if (!b)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	b->root = root;
	b->next = atomic_load_explicit(&root->chain, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&root->chain, &b->next, b,
						      memory_order_release,
						      memory_order_relaxed))
		;
	*ret = b + 1;
	return S_OK;
}

ULONG MAPIFreeBuffer(LPVOID p)
{
	struct block *b, *next;

	if (!p)
		return S_OK;
	b = block_of(p);
	if (!b || b->root != b)
		return (ULONG)MAPI_E_INVALID_PARAMETER;
	b->magic = DEAD_MAGIC;
	next = atomic_load_explicit(&b->chain, memory_order_acquire);
	free(b);
	while (next) {
		b = next;
		next = b->next;
		b->magic = DEAD_MAGIC;
		free(b);
	}
	return S_OK;
}

/* ---- IMalloc over the C library's heap ---- */

static HRESULT malloc_query(IMalloc *m, REFIID iid, void **ret)
{
	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	if (!IsEqualGUID(iid, &IID_IUnknown) && !IsEqualGUID(iid, &IID_IMalloc))
		return MAPI_E_INTERFACE_NOT_SUPPORTED;
	*ret = m;
	return S_OK;
}

/* One object for the process, never freed. */
static ULONG malloc_count(IMalloc *m)
{
	return 1;
}

static void *malloc_alloc(IMalloc *m, SIZE_T n)
{
	size_t *p = malloc(sizeof(max_align_t) + n);

	if (!p)
		return NULL;
	*p = n;
	return (char *)p + sizeof(max_align_t);
}

static SIZE_T malloc_size(IMalloc *m, void *p)
{
	return p ? *(size_t *)(void *)((char *)p - sizeof(max_align_t)) : 0;
}

static void malloc_free(IMalloc *m, void *p)
{
	if (p)
		free((char *)p - sizeof(max_align_t));
}

static void *malloc_realloc(IMalloc *m, void *p, SIZE_T n)
{
	size_t *q;

	if (!p)
		return malloc_alloc(m, n);
	q = realloc((char *)p - sizeof(max_align_t), sizeof(max_align_t) + n);
	if (!q)
		return NULL;
	*q = n;
	return (char *)q + sizeof(max_align_t);
}

static int malloc_did(IMalloc *m, void *p)
{
	return -1; /* it cannot tell */
}

static void malloc_minimize(IMalloc *m)
{
}

LPMALLOC MAPIGetDefaultMalloc(void)
{
	static struct IMallocVtbl vtbl = {
		malloc_query, malloc_count,   malloc_count,
		malloc_alloc, malloc_realloc, malloc_free,
		malloc_size,  malloc_did,     malloc_minimize,
	};
	static IMalloc the_one = {&vtbl};

	return &the_one;
}
