/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "api/text.h"
#include "base/utf.h"

char *mx_text_narrow(struct mx_arena *a, const WCHAR *s)
{
	size_t len = wcslen(s);
	size_t n = mx_utf8_from_wchar(s, len, NULL, 0);
	char *p = mx_arena_alloc(a, n + 1);

	if (!p)
		return NULL;
	mx_utf8_from_wchar(s, len, p, n);
	p[n] = '\0';
	return p;
}

WCHAR *mx_text_widen(struct mx_arena *a, const char *s)
{
	size_t len = strlen(s);
	size_t n = mx_wchar_from_utf8(s, len, NULL, 0);
	WCHAR *p = mx_arena_alloc(a, (n + 1) * sizeof(*p));

	if (!p)
		return NULL;
	mx_wchar_from_utf8(s, len, p, n);
	p[n] = 0;
	return p;
}

const char *mx_text_in(struct mx_arena *a, const void *s, ULONG flags,
		       int *ret_err)
{
	const char *p;

	if (!s)
		return NULL;
	p = flags & MAPI_UNICODE ? mx_text_narrow(a, s) : mx_arena_strdup(a, s);
	if (!p)
		*ret_err = -ENOMEM;
	return p;
}

HRESULT mx_text_out(const char *s, ULONG flags, void *root, LPTSTR *ret)
{
	size_t len = s ? strlen(s) : 0;
	size_t n = flags & MAPI_UNICODE ? (mx_wchar_from_utf8(s, len, NULL, 0) +
					   1) * sizeof(WCHAR)
					: len + 1;
	void *p;

	if (!s) {
		*ret = NULL;
		return S_OK;
	}
	p = root ? mx_api_more(root, n) : mx_api_alloc(n);
	if (!p)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	if (flags & MAPI_UNICODE)
		mx_wchar_from_utf8(s, len, p, n / sizeof(WCHAR) - 1);
	else
		memcpy(p, s, len);
	*ret = p;
	return S_OK;
}
