/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream in memory.  Clones share the bytes, not the position.  Bytes and
 * positions are under the lock of the shared part.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "api/stream.h"
#include "base/lock.h"

struct bytes {
	atomic_uint refs;
	struct mx_mutex lock;
	char *p;
	size_t n, cap;
};

struct mem {
	IStream s;
	atomic_uint refs;
	struct bytes *b;
	uint64_t pos;
};

static struct mem *mem_of(IStream *s)
{
	return (struct mem *)(void *)s;
}

static ULONG mem_add(IStream *s)
{
	return atomic_fetch_add(&mem_of(s)->refs, 1) + 1;
}

static ULONG mem_release(IStream *s)
{
	struct mem *m = mem_of(s);
	ULONG n = atomic_fetch_sub(&m->refs, 1) - 1;

	if (n)
		return n;
	if (atomic_fetch_sub(&m->b->refs, 1) == 1) {
		mx_mutex_fini(&m->b->lock);
		free(m->b->p);
		free(m->b);
	}
	free(m);
	return 0;
}

static HRESULT mem_read(IStream *s, void *out, ULONG n, ULONG *ret)
{
	struct mem *m = mem_of(s);
	size_t left;

	if (!out && n)
		return STG_E_INVALIDPOINTER;
	mx_mutex_lock(&m->b->lock);
	left = m->pos < m->b->n ? m->b->n - (size_t)m->pos : 0;
	if (n > left)
		n = (ULONG)left;
	if (n)
		memcpy(out, m->b->p + m->pos, n);
	m->pos += n;
	mx_mutex_unlock(&m->b->lock);
	if (ret)
		*ret = n;
	return S_OK;
}

/* Makes it size bytes long, zeros in what is new. */
static HRESULT resize_locked(struct bytes *b, uint64_t size) MX_LOCKED
{
	if (size > INT64_MAX / 4)
		return STG_E_MEDIUMFULL;
	if (size > b->cap) {
		size_t cap = b->cap ? b->cap : 4096;
		char *p;

		while (cap < size)
			cap *= 2;
		p = realloc(b->p, cap);
		if (!p)
			return E_OUTOFMEMORY;
		b->p = p;
		b->cap = cap;
	}
	if (size > b->n)
		memset(b->p + b->n, 0, (size_t)size - b->n);
	b->n = (size_t)size;
	return S_OK;
}

static HRESULT mem_write(IStream *s, const void *p, ULONG n, ULONG *ret)
{
	struct mem *m = mem_of(s);
	HRESULT hr = S_OK;

	if (!p && n)
		return STG_E_INVALIDPOINTER;
	mx_mutex_lock(&m->b->lock);
	if (n && m->pos + n > m->b->n)
		hr = resize_locked(m->b, m->pos + n);
	if (SUCCEEDED(hr) && n) {
		memcpy(m->b->p + m->pos, p, n);
		m->pos += n;
	}
	mx_mutex_unlock(&m->b->lock);
	if (ret)
		*ret = SUCCEEDED(hr) ? n : 0;
	return hr;
}

static HRESULT mem_seek(IStream *s, LARGE_INTEGER move, DWORD origin,
			ULARGE_INTEGER *ret)
{
	struct mem *m = mem_of(s);
	HRESULT hr;

	mx_mutex_lock(&m->b->lock);
	hr = mx_stream_target(m->pos, m->b->n, move, origin, &m->pos);
	if (ret && SUCCEEDED(hr))
		ret->QuadPart = m->pos;
	mx_mutex_unlock(&m->b->lock);
	return hr;
}

static HRESULT mem_size(IStream *s, ULARGE_INTEGER size)
{
	struct mem *m = mem_of(s);
	HRESULT hr;

	mx_mutex_lock(&m->b->lock);
	hr = resize_locked(m->b, size.QuadPart);
	mx_mutex_unlock(&m->b->lock);
	return hr;
}

static HRESULT mem_commit(IStream *s, DWORD flags)
{
	return S_OK;
}

static HRESULT mem_revert(IStream *s)
{
	return S_OK;
}

static HRESULT mem_stat(IStream *s, STATSTG *st, DWORD flag)
{
	struct mem *m = mem_of(s);

	if (!st)
		return STG_E_INVALIDPOINTER;
	*st = (STATSTG){.type = STGTY_STREAM, .grfMode = STGM_READWRITE};
	mx_mutex_lock(&m->b->lock);
	st->cbSize.QuadPart = m->b->n;
	mx_mutex_unlock(&m->b->lock);
	return S_OK;
}

static HRESULT mem_clone(IStream *s, IStream **ret);

static const IStreamVtbl mem_vtbl = {
	mx_stream_query, mem_add,    mem_release,       mem_read,
	mem_write,       mem_seek,   mem_size,          mx_stream_copy_to,
	mem_commit,      mem_revert, mx_stream_no_lock, mx_stream_no_lock,
	mem_stat,        mem_clone,
};

static HRESULT mem_new(struct bytes *b, uint64_t pos, IStream **ret)
{
	struct mem *m = calloc(1, sizeof(*m));

	if (!m)
		return E_OUTOFMEMORY;
	m->s.lpVtbl = &mem_vtbl;
	m->refs = 1;
	m->b = b;
	m->pos = pos;
	*ret = &m->s;
	return S_OK;
}

static HRESULT mem_clone(IStream *s, IStream **ret)
{
	struct mem *m = mem_of(s);
	uint64_t pos;
	HRESULT hr;

	if (!ret)
		return STG_E_INVALIDPOINTER;
	mx_mutex_lock(&m->b->lock);
	pos = m->pos;
	mx_mutex_unlock(&m->b->lock);
	hr = mem_new(m->b, pos, ret);
	if (SUCCEEDED(hr))
		atomic_fetch_add(&m->b->refs, 1);
	return hr;
}

HRESULT CreateStreamOnHGlobal(HANDLE mem, BOOL free_it, LPSTREAM *ret)
{
	struct bytes *b;
	HRESULT hr;

	if (mem || !ret)
		return E_INVALIDARG;
	b = calloc(1, sizeof(*b));
	if (!b)
		return E_OUTOFMEMORY;
	b->refs = 1;
	mx_mutex_init(&b->lock);
	hr = mem_new(b, 0, ret);
	if (FAILED(hr)) {
		mx_mutex_fini(&b->lock);
		free(b);
	}
	return hr;
}
