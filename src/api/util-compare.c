/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparing and searching values.  Comparison is exact and ordered by code
 * point; FPropContainsProp alone folds, by its fuzzy level, in the C.UTF-8
 * locale whatever the program's locale is.
 */
#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <wctype.h>

#include "api/api.h"
#include "base/utf.h"

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

static LONG cmp_bytes(const void *a, size_t na, const void *b, size_t nb)
{
	int r = na && nb ? memcmp(a, b, na < nb ? na : nb) : 0;

	return r ? CMP(r, 0) : CMP(na, nb);
}

static uint64_t ft64(FILETIME ft)
{
	return (uint64_t)ft.dwHighDateTime << 32 | ft.dwLowDateTime;
}

static LONG cmp_wide(LPCWSTR a, LPCWSTR b)
{
	int r = wcscmp(a ? a : L"", b ? b : L"");

	return CMP(r, 0);
}

static LONG cmp_one(ULONG type, const union _PV *a, const union _PV *b)
{
	int r;

	switch (type) {
	case PT_I2:
		return CMP(a->i, b->i);
	case PT_LONG:
	case PT_ERROR:
		return CMP(a->l, b->l);
	case PT_R4:
		return CMP(a->flt, b->flt);
	case PT_DOUBLE:
	case PT_APPTIME:
		return CMP(a->dbl, b->dbl);
	case PT_CURRENCY:
		return CMP(a->cur.int64, b->cur.int64);
	case PT_I8:
		return CMP(a->li.QuadPart, b->li.QuadPart);
	case PT_BOOLEAN:
		return CMP(!!a->b, !!b->b);
	case PT_SYSTIME:
		return CMP(ft64(a->ft), ft64(b->ft));
	case PT_STRING8:
		r = strcmp(a->lpszA ? a->lpszA : "", b->lpszA ? b->lpszA : "");
		return CMP(r, 0);
	case PT_UNICODE:
		return cmp_wide(a->lpszW, b->lpszW);
	case PT_BINARY:
	case PT_SVREID:
		return cmp_bytes(a->bin.lpb, a->bin.cb, b->bin.lpb, b->bin.cb);
	case PT_CLSID:
		return cmp_bytes(a->lpguid, sizeof(GUID), b->lpguid,
				 sizeof(GUID));
	default:
		return 0;
	}
}

LONG LPropCompareProp(LPSPropValue a, LPSPropValue b)
{
	ULONG type;
	LONG r = 0;

	if (!a || !b)
		return CMP(!!a, !!b);
	type = mx_api_type(a->ulPropTag);
	if (type != mx_api_type(b->ulPropTag))
		return CMP(type, mx_api_type(b->ulPropTag));
	if (!(type & MV_FLAG))
		return cmp_one(type, &a->Value, &b->Value);
	for (ULONG i = 0;
	     !r && i < a->Value.MVl.cValues && i < b->Value.MVl.cValues; i++) {
		SPropValue x = {0}, y = {0};

		GetInstance(a, &x, i);
		GetInstance(b, &y, i);
		r = cmp_one(PROP_TYPE(x.ulPropTag), &x.Value, &y.Value);
	}
	return r ? r : CMP(a->Value.MVl.cValues, b->Value.MVl.cValues);
}

BOOL FPropCompareProp(LPSPropValue a, ULONG relop, LPSPropValue b)
{
	LONG r;

	if (!a || !b || mx_api_type(a->ulPropTag) != mx_api_type(b->ulPropTag))
		return FALSE;
	r = LPropCompareProp(a, b);
	switch (relop) {
	case RELOP_LT:
		return r < 0;
	case RELOP_LE:
		return r <= 0;
	case RELOP_GT:
		return r > 0;
	case RELOP_GE:
		return r >= 0;
	case RELOP_EQ:
		return r == 0;
	case RELOP_NE:
		return r != 0;
	default:
		return FALSE;
	}
}

/* ---- content ---- */

static pthread_once_t fold_once = PTHREAD_ONCE_INIT;
static locale_t fold_locale;

static void fold_init(void)
{
	fold_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static bool is_mark(wchar_t c)
{
	return (c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) ||
	       (c >= 0x20d0 && c <= 0x20ff);
}

/* The string folded by the fuzzy bits; malloc'd, NULL out of memory. */
static wchar_t *folded(const SPropValue *v, ULONG fuzzy, size_t *ret_n)
{
	bool nocase = fuzzy & (FL_IGNORECASE | FL_LOOSE);
	bool nomark = fuzzy & (FL_IGNORENONSPACE | FL_LOOSE);
	const wchar_t *w = NULL;
	const char *s = NULL;
	size_t n, k = 0;
	wchar_t *out;

	if (PROP_TYPE(v->ulPropTag) == PT_STRING8) {
		s = v->Value.lpszA ? v->Value.lpszA : "";
		n = mx_wchar_from_utf8(s, strlen(s), NULL, 0);
	} else {
		w = v->Value.lpszW ? v->Value.lpszW : L"";
		n = wcslen(w);
	}
	out = calloc(n + 1, sizeof(*out));
	if (!out)
		return NULL;
	if (s)
		mx_wchar_from_utf8(s, strlen(s), out, n);
	else
		wmemcpy(out, w, n);
	pthread_once(&fold_once, fold_init);
	for (size_t i = 0; i < n; i++) {
		if (nomark && is_mark(out[i]))
			continue;
		out[k++] = !nocase       ? out[i]
			   : fold_locale ? (wchar_t)towlower_l((wint_t)out[i],
							       fold_locale)
					 : (wchar_t)towlower((wint_t)out[i]);
	}
	*ret_n = k;
	return out;
}

/* Whether the n bytes of what are in the m bytes at where, by units. */
static bool contains(const void *where, size_t m, const void *what, size_t n,
		     size_t unit, ULONG how)
{
	const char *p = where;

	if (how == FL_FULLSTRING)
		return m == n && (!n || !memcmp(where, what, n));
	if (n > m)
		return false;
	if (!n || !memcmp(p, what, n))
		return true;
	for (size_t i = unit; how == FL_SUBSTRING && i + n <= m; i += unit)
		if (!memcmp(p + i, what, n))
			return true;
	return false;
}

BOOL FPropContainsProp(LPSPropValue dst, LPSPropValue src, ULONG fuzzy)
{
	MX_AUTO(mx_free_auto) wchar_t *a = NULL;
	MX_AUTO(mx_free_auto) wchar_t *b = NULL;
	ULONG how = fuzzy & 0xffff;
	ULONG type;
	size_t na, nb;

	if (!dst || !src || how > FL_PREFIX)
		return FALSE;
	type = mx_api_type(dst->ulPropTag);
	if (type & MV_FLAG) { /* any of its values */
		for (ULONG i = 0; i < dst->Value.MVl.cValues; i++) {
			SPropValue one = {0};

			GetInstance(dst, &one, i);
			if (FPropContainsProp(&one, src, fuzzy))
				return TRUE;
		}
		return FALSE;
	}
	if (type == PT_BINARY && PROP_TYPE(src->ulPropTag) == PT_BINARY)
		return contains(dst->Value.bin.lpb, dst->Value.bin.cb,
				src->Value.bin.lpb, src->Value.bin.cb, 1, how);
	if ((type != PT_STRING8 && type != PT_UNICODE) ||
	    (PROP_TYPE(src->ulPropTag) != PT_STRING8 &&
	     PROP_TYPE(src->ulPropTag) != PT_UNICODE))
		return FALSE;
	a = folded(dst, fuzzy, &na);
	b = folded(src, fuzzy, &nb);
	return a && b &&
	       contains(a, na * sizeof(*a), b, nb * sizeof(*b), sizeof(*a),
			how);
}
