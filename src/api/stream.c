/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "api/stream.h"

#define PIECE 65536

HRESULT mx_stream_query(IStream *s, REFIID iid, void **ret)
{
	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	if (!IsEqualGUID(iid, &IID_IUnknown) &&
	    !IsEqualGUID(iid, &IID_ISequentialStream) &&
	    !IsEqualGUID(iid, &IID_IStream))
		return MAPI_E_INTERFACE_NOT_SUPPORTED;
	IStream_AddRef(s);
	*ret = s;
	return S_OK;
}

/* Write until everything is taken. */
static HRESULT write_all(IStream *dst, const char *p, ULONG n, uint64_t *done)
{
	while (n) {
		ULONG k = 0;
		HRESULT hr = IStream_Write(dst, p, n, &k);

		if (FAILED(hr))
			return hr;
		if (!k || k > n)
			return STG_E_MEDIUMFULL;
		*done += k;
		p += k;
		n -= k;
	}
	return S_OK;
}

HRESULT mx_stream_copy_to(IStream *src, IStream *dst, ULARGE_INTEGER n,
			  ULARGE_INTEGER *ret_read, ULARGE_INTEGER *ret_written)
{
	MX_AUTO(mx_free_auto) char *buf = malloc(PIECE);
	uint64_t left = n.QuadPart, rd = 0, wr = 0;
	HRESULT hr = S_OK;

	if (!dst)
		return STG_E_INVALIDPOINTER;
	if (!buf)
		return E_OUTOFMEMORY;
	while (left && SUCCEEDED(hr)) {
		ULONG got = 0;

		hr = IStream_Read(src, buf, left < PIECE ? (ULONG)left : PIECE,
				  &got);
		if (FAILED(hr) || !got)
			break;
		rd += got;
		left -= got;
		hr = write_all(dst, buf, got, &wr);
	}
	if (ret_read)
		ret_read->QuadPart = rd;
	if (ret_written)
		ret_written->QuadPart = wr;
	return FAILED(hr) ? hr : S_OK;
}

HRESULT mx_stream_target(uint64_t pos, uint64_t size, LARGE_INTEGER move,
			 DWORD origin, uint64_t *ret)
{
	uint64_t base;

	switch (origin) {
	case STREAM_SEEK_SET:
		/* MAPI's offsets from the start are unsigned in COM; none
		 * this large is meant. */
		base = 0;
		break;
	case STREAM_SEEK_CUR:
		base = pos;
		break;
	case STREAM_SEEK_END:
		base = size;
		break;
	default:
		return STG_E_INVALIDFUNCTION;
	}
	if (move.QuadPart < 0 && 0 - (uint64_t)move.QuadPart > base)
		return STG_E_INVALIDFUNCTION;
	if (move.QuadPart > 0 && base > INT64_MAX - (uint64_t)move.QuadPart)
		return STG_E_INVALIDFUNCTION;
	*ret = base + (uint64_t)move.QuadPart;
	return S_OK;
}

HRESULT mx_stream_no_lock(IStream *s, ULARGE_INTEGER at, ULARGE_INTEGER n,
			  DWORD type)
{
	return STG_E_INVALIDFUNCTION;
}

static HRESULT slurp(IStream *s, char **buf, size_t max, size_t *ret_n)
{
	size_t cap = 0, n = 0;

	for (;;) {
		ULONG got = 0;
		HRESULT hr;

		if (n + PIECE > cap) {
			char *p;

			cap = cap ? cap * 2 : 2 * PIECE;
			p = realloc(*buf, cap);
			if (!p)
				return MAPI_E_NOT_ENOUGH_MEMORY;
			*buf = p;
		}
		hr = IStream_Read(s, *buf + n, PIECE, &got);
		if (FAILED(hr))
			return hr;
		n += got;
		if (n > max)
			return MAPI_E_TOO_BIG;
		if (!got)
			break;
	}
	*ret_n = n;
	return S_OK;
}

HRESULT mx_stream_slurp(IStream *s, size_t max, void **ret, ULONG *ret_n)
{
	MX_AUTO(mx_free_auto) char *buf = NULL;
	LARGE_INTEGER zero = {.QuadPart = 0};
	HRESULT hr = IStream_Seek(s, zero, STREAM_SEEK_SET, NULL);
	size_t n = 0;
	void *out;

	if (SUCCEEDED(hr))
		hr = slurp(s, &buf, max, &n);
	if (FAILED(hr))
		return hr;
	out = mx_api_alloc(n + sizeof(WCHAR));
	if (!out)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	memcpy(out, buf, n);
	*ret = out;
	*ret_n = (ULONG)n;
	return S_OK;
}
