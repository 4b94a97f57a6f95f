/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the streams (memory, file, property) have in common.
 */
#ifndef MX_API_STREAM_H
#define MX_API_STREAM_H

#include "api/api.h"

/* IStream::QueryInterface for objects that are nothing but a stream. */
HRESULT mx_stream_query(IStream *s, REFIID iid, void **ret);

/* IStream::CopyTo by Read and Write in pieces of 64 KiB. */
HRESULT mx_stream_copy_to(IStream *src, IStream *dst, ULARGE_INTEGER n,
			  ULARGE_INTEGER *ret_read,
			  ULARGE_INTEGER *ret_written);

/* The new position from where, move and the size; STG_E_INVALIDFUNCTION
 * before the start, STG_E_INVALIDPARAMETER for an unknown origin. */
HRESULT mx_stream_target(uint64_t pos, uint64_t size, LARGE_INTEGER move,
			 DWORD origin, uint64_t *ret);

/* LockRegion and UnlockRegion of streams without locks. */
HRESULT mx_stream_no_lock(IStream *s, ULARGE_INTEGER at, ULARGE_INTEGER n,
			  DWORD type);

/* Reads all of it from the beginning into a MAPI buffer, one NUL WCHAR more
 * at the end; at most max bytes, else MAPI_E_TOO_BIG. */
HRESULT mx_stream_slurp(IStream *s, size_t max, void **ret, ULONG *ret_n);

#endif
