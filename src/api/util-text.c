/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hexadecimal text, small string calls, times as 64-bit numbers.  The library
 * is built without UNICODE: LPTSTR is char here.
 */
#include <stdlib.h>

#include "api/api.h"

/* ---- hexadecimal ---- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

SCODE ScBinFromHexBounded(LPTSTR s, LPBYTE out, ULONG cap)
{
	size_t n;

	if (!s || !out)
		return MAPI_E_INVALID_PARAMETER;
	n = strlen(s);
	if (n % 2 || n / 2 > cap)
		return MAPI_E_CALL_FAILED;
	for (size_t i = 0; i < n / 2; i++) {
		int hi = hex_digit(s[2 * i]), lo = hex_digit(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return MAPI_E_CALL_FAILED;
		out[i] = (BYTE)(hi << 4 | lo);
	}
	return S_OK;
}

BOOL FBinFromHex(LPTSTR s, LPBYTE out)
{
	return SUCCEEDED(ScBinFromHexBounded(s, out, UINT32_MAX));
}

void HexFromBin(LPBYTE p, int n, LPTSTR out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (int i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

ULONG UlFromSzHex(LPCTSTR s)
{
	ULONG v = 0;

	for (int d; s && (d = hex_digit(*s)) >= 0; s++)
		v = v << 4 | (ULONG)d;
	return v;
}

HRESULT HrEntryIDFromSz(LPTSTR s, ULONG *ret_n, LPENTRYID *ret)
{
	void *p;

	if (!s || !ret_n || !ret)
		return MAPI_E_INVALID_PARAMETER;
	p = mx_api_alloc(strlen(s) / 2 + 1);
	if (!p)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	if (!FBinFromHex(s, p)) {
		MAPIFreeBuffer(p);
		return MAPI_E_INVALID_PARAMETER;
	}
	*ret_n = (ULONG)(strlen(s) / 2);
	*ret = p;
	return S_OK;
}

HRESULT HrSzFromEntryID(ULONG n, LPENTRYID eid, LPTSTR *ret)
{
	char *s;

	if (!eid || !ret || n > INT32_MAX / 4)
		return MAPI_E_INVALID_PARAMETER;
	s = mx_api_alloc((size_t)n * 2 + 1);
	if (!s)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	HexFromBin((LPBYTE)eid, (int)n, s);
	*ret = s;
	return S_OK;
}

/* ---- strings ---- */

LPTSTR SzFindCh(LPCTSTR s, USHORT ch)
{
	return s ? strchr(s, (char)ch) : NULL;
}

LPTSTR SzFindLastCh(LPCTSTR s, USHORT ch)
{
	return s ? strrchr(s, (char)ch) : NULL;
}

LPTSTR SzFindSz(LPCTSTR s, LPCTSTR key)
{
	return s && key ? strstr(s, key) : NULL;
}

unsigned int UFromSz(LPCTSTR s)
{
	unsigned int v = 0;

	for (; s && *s >= '0' && *s <= '9'; s++)
		v = v * 10 + (unsigned int)(*s - '0');
	return v;
}

/* ---- times ---- */

static uint64_t to64(FILETIME ft)
{
	return (uint64_t)ft.dwHighDateTime << 32 | ft.dwLowDateTime;
}

static FILETIME from64(uint64_t t)
{
	return (FILETIME){(DWORD)t, (DWORD)(t >> 32)};
}

FILETIME FtAddFt(FILETIME a, FILETIME b)
{
	return from64(to64(a) + to64(b));
}

FILETIME FtMulDwDw(DWORD a, DWORD b)
{
	return from64((uint64_t)a * b);
}

FILETIME FtMulDw(DWORD a, FILETIME b)
{
	return from64(a * to64(b));
}

FILETIME FtSubFt(FILETIME a, FILETIME b)
{
	return from64(to64(a) - to64(b));
}

FILETIME FtNegFt(FILETIME a)
{
	return from64(0 - to64(a));
}
