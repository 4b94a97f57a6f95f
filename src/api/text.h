/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings across the API: UTF-8 inside, UTF-8 or wchar_t outside, as
 * MAPI_UNICODE in a call's flags says.
 */
#ifndef MX_API_TEXT_H
#define MX_API_TEXT_H

#include "api/api.h"
#include "base/arena.h"

/* A caller's LPTSTR as UTF-8 in the arena; NULL for NULL, and out of memory
 * with *ret_err set to -ENOMEM. */
const char *mx_text_in(struct mx_arena *a, const void *s, ULONG flags,
		       int *ret_err);

/* UTF-8 to a caller's string, allocated on root, or as a buffer of its own when
 * root is NULL.  NULL gives NULL. */
HRESULT mx_text_out(const char *s, ULONG flags, void *root, LPTSTR *ret);

/* Wide and narrow, in the arena; NULL out of memory. */
char *mx_text_narrow(struct mx_arena *a, const WCHAR *s);
WCHAR *mx_text_widen(struct mx_arena *a, const char *s);

#endif
