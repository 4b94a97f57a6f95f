/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/text.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/ucnv.h>
#include <unicode/ucol.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>

#include "base/arena.h"
#include "base/auto.h"
#include "wire/restrict.h"

/* Text up to this many UTF-16 units is handled on the stack. */
#define SMALL 256
/* Sort keys look at this many UTF-16 units; longer texts that agree so far
 * count as equal.  An index entry must not become a page. */
#define KEY_UNITS 255

static pthread_once_t once = PTHREAD_ONCE_INIT;
static UCollator *collator;
static const UNormalizer2 *nfd;
static char key_version[40];

static void set_up(void)
{
	UErrorCode err = U_ZERO_ERROR;
	UVersionInfo v = {0};

	collator = ucol_open("", &err);
	if (collator) {
		ucol_setStrength(collator, UCOL_SECONDARY);
		ucol_getVersion(collator, v);
	}
	snprintf(key_version, sizeof(key_version), "icu-%d.%d.%d.%d-%d", v[0],
		 v[1], v[2], v[3], KEY_UNITS);
	err = U_ZERO_ERROR;
	nfd = unorm2_getNFDInstance(&err);
}

const char *mx_text_key_version(void)
{
	pthread_once(&once, set_up);
	return key_version;
}

/* UTF-16 of s in small[] or on the heap; free(*heap) either way.  NULL without
 * memory. */
static UChar *to_utf16(const char *s, size_t n, UChar *small, UChar **heap,
		       int32_t *ret_n)
{
	UErrorCode err = U_ZERO_ERROR;
	UChar *u = small;

	*heap = NULL;
	if (n > INT32_MAX / 4)
		return NULL;
	if (n > SMALL) {
		u = *heap = malloc(n * sizeof(UChar));
		if (!u)
			return NULL;
	}
	u_strFromUTF8WithSub(u, n > SMALL ? (int32_t)n : SMALL, ret_n, s,
			     (int32_t)n, 0xfffd, NULL, &err);
	return U_FAILURE(err) ? NULL : u;
}

size_t mx_text_key(const char *s, size_t n, uint8_t *buf, size_t cap)
{
	UChar u[KEY_UNITS];
	UErrorCode err = U_ZERO_ERROR;
	int32_t nu = 0;

	pthread_once(&once, set_up);
	if (n > INT32_MAX / 4)
		n = INT32_MAX / 4;
	/* A text that is too long fills u and reports an overflow: fine. */
	u_strFromUTF8WithSub(u, KEY_UNITS, &nu, s, (int32_t)n, 0xfffd, NULL,
			     &err);
	if (nu > KEY_UNITS)
		nu = KEY_UNITS;
	n = (size_t)ucol_getSortKey(collator, u, nu, buf,
				    cap > INT32_MAX ? INT32_MAX : (int32_t)cap);
	return n ? n - 1 : 0; /* ICU ends keys with a zero byte */
}

int mx_text_compare(const char *a, size_t na, const char *b, size_t nb)
{
	uint8_t ka[1024], kb[1024];
	size_t la, lb;
	int r;

	la = mx_text_key(a, na, ka, sizeof(ka));
	lb = mx_text_key(b, nb, kb, sizeof(kb));
	la = la < sizeof(ka) ? la : sizeof(ka);
	lb = lb < sizeof(kb) ? lb : sizeof(kb);
	r = memcmp(ka, kb, la < lb ? la : lb);
	if (r)
		return r;
	return la < lb ? -1 : la > lb;
}

static void strip_marks(UChar *u, int32_t *n)
{
	int32_t i = 0, o = 0;

	while (i < *n) {
		int32_t at = i;
		UChar32 c;

		U16_NEXT(u, i, *n, c);
		if (u_charType(c) == U_NON_SPACING_MARK)
			continue;
		memmove(u + o, u + at, (size_t)(i - at) * sizeof(*u));
		o += i - at;
	}
	*n = o;
}

/* s folded as `high` says, on the heap. */
static UChar *fold(const char *s, size_t n, unsigned high, int32_t *ret_n)
{
	MX_AUTO(mx_free_auto) UChar *heap = NULL;
	MX_AUTO(mx_free_auto) UChar *out = NULL;
	UErrorCode err = U_ZERO_ERROR;
	UChar small[SMALL];
	int32_t nu, cap;
	UChar *u = to_utf16(s, n, small, &heap, &nu);

	if (!u)
		return NULL;
	/* Folding gives at most 3 units for one, decomposing 4 (18 by letter,
	 * 4 in the longest texts); what does not fit is an error below. */
	cap = nu * 4 + 32;
	out = malloc((size_t)cap * sizeof(UChar));
	if (!out)
		return NULL;
	if (high & (MX_FL_IGNORENONSPACE | MX_FL_LOOSE)) {
		MX_AUTO(mx_free_auto) UChar *mid = out;

		out = NULL;
		nu = unorm2_normalize(nfd, u, nu, mid, cap, &err);
		if (U_FAILURE(err))
			return NULL;
		strip_marks(mid, &nu);
		cap = nu * 3 + 32;
		out = malloc((size_t)cap * sizeof(UChar));
		if (!out)
			return NULL;
		if (high & (MX_FL_IGNORECASE | MX_FL_LOOSE))
			nu = u_strFoldCase(out, cap, mid, nu,
					   U_FOLD_CASE_DEFAULT, &err);
		else
			memcpy(out, mid, (size_t)nu * sizeof(UChar));
	} else {
		nu = u_strFoldCase(out, cap, u, nu, U_FOLD_CASE_DEFAULT, &err);
	}
	if (U_FAILURE(err))
		return NULL;
	*ret_n = nu;
	return MX_STEAL(out);
}

static bool match_bytes(const char *hay, size_t nh, const char *needle,
			size_t nn, unsigned low)
{
	if (nn > nh)
		return false;
	switch (low) {
	case MX_FL_SUBSTRING:
		return memmem(hay, nh, needle, nn) != NULL;
	case MX_FL_PREFIX:
		return memcmp(hay, needle, nn) == 0;
	default:
		return nn == nh && memcmp(hay, needle, nn) == 0;
	}
}

bool mx_text_match(const char *hay, size_t n_hay, const char *needle,
		   size_t n_needle, unsigned low, unsigned high)
{
	MX_AUTO(mx_free_auto) UChar *h = NULL;
	MX_AUTO(mx_free_auto) UChar *n = NULL;
	int32_t nh, nn;

	pthread_once(&once, set_up);
	high &= MX_FL_IGNORECASE | MX_FL_IGNORENONSPACE | MX_FL_LOOSE;
	if (!high)
		return match_bytes(hay, n_hay, needle, n_needle, low);
	h = fold(hay, n_hay, high, &nh);
	n = fold(needle, n_needle, high, &nn);
	if (!h || !n || nn > nh)
		return false;
	switch (low) {
	case MX_FL_SUBSTRING:
		return nn == 0 || u_strFindFirst(h, nh, n, nn) != NULL;
	case MX_FL_PREFIX:
		return u_memcmp(h, n, nn) == 0;
	default:
		return nn == nh && u_memcmp(h, n, nn) == 0;
	}
}

/* ---- Code pages ---- */

static UConverter *open_cp(uint32_t cp)
{

	static const struct {
		uint32_t cp;
		const char *name;
	} named[] = {
		{20127, "US-ASCII"},    {20866, "KOI8-R"},
		{21866, "KOI8-U"},      {28591, "ISO-8859-1"},
		{28592, "ISO-8859-2"},  {28593, "ISO-8859-3"},
		{28594, "ISO-8859-4"},  {28595, "ISO-8859-5"},
		{28596, "ISO-8859-6"},  {28597, "ISO-8859-7"},
		{28598, "ISO-8859-8"},  {28599, "ISO-8859-9"},
		{28603, "ISO-8859-13"}, {28605, "ISO-8859-15"},
		{50220, "ISO-2022-JP"}, {51932, "EUC-JP"},
		{51949, "EUC-KR"},      {54936, "GB18030"},
	};
	char name[32];
	UConverter *c;

	for (size_t i = 0; i < MX_ARRAY_SIZE(named); i++)
		if (named[i].cp == cp) {
			UErrorCode err = U_ZERO_ERROR;

			return ucnv_open(named[i].name, &err);
		}
	for (size_t i = 0; i < 3; i++) {
		UErrorCode err = U_ZERO_ERROR;

		snprintf(name, sizeof(name),
			 i == 0   ? "windows-%u"
			 : i == 1 ? "cp%u"
				  : "ibm-%u",
			 cp);
		c = ucnv_open(name, &err);
		if (U_SUCCESS(err))
			return c;
		ucnv_close(c);
	}
	return NULL;
}

bool mx_text_codepage_known(uint32_t cp)
{
	UConverter *c;

	if (cp == 65001)
		return true;
	if (cp == 1200 || cp == 1201 || cp > 65535)
		return false; /* UTF-16 is no code page of bytes */
	c = open_cp(cp);
	ucnv_close(c);
	return c != NULL;
}

char *mx_text_from_cp(uint32_t cp, const char *s, size_t n, struct mx_arena *a,
		      size_t *ret_n)
{
	MX_AUTO(mx_free_auto) UChar *u = NULL;
	UErrorCode err = U_ZERO_ERROR;
	UConverter *c;
	int32_t nu, nb;
	char *out;

	if (cp == 65001 || n > INT32_MAX / 8) {
		*ret_n = n;
		return mx_arena_strndup(a, s, n);
	}
	c = open_cp(cp);
	if (!c) {
		*ret_n = n;
		return mx_arena_strndup(a, s, n);
	}
	u = malloc((n + 1) * 2 * sizeof(UChar));
	if (!u) {
		ucnv_close(c);
		return NULL;
	}
	nu = ucnv_toUChars(c, u, (int32_t)(n + 1) * 2, s, (int32_t)n, &err);
	ucnv_close(c);
	if (U_FAILURE(err))
		nu = 0;
	out = mx_arena_alloc(a, (size_t)nu * 3 + 1);
	if (!out)
		return NULL;
	err = U_ZERO_ERROR;
	u_strToUTF8WithSub(out, nu * 3, &nb, u, nu, 0xfffd, NULL, &err);
	out[nb] = '\0';
	*ret_n = (size_t)nb;
	return out;
}

char *mx_text_to_cp(uint32_t cp, const char *s, size_t n, struct mx_arena *a,
		    size_t *ret_n)
{
	MX_AUTO(mx_free_auto) UChar *heap = NULL;
	UErrorCode err = U_ZERO_ERROR;
	UChar small[SMALL];
	UConverter *c;
	int32_t nu, nb;
	size_t cap;
	UChar *u;
	char *out;

	c = cp == 65001 || n > INT32_MAX / 8 ? NULL : open_cp(cp);
	if (!c) {
		*ret_n = n;
		return mx_arena_strndup(a, s, n);
	}
	ucnv_setSubstChars(c, "?", 1, &err);
	err = U_ZERO_ERROR;
	u = to_utf16(s, n, small, &heap, &nu);
	cap = u ? (size_t)nu * (size_t)ucnv_getMaxCharSize(c) + 16 : 0;
	out = u ? mx_arena_alloc(a, cap) : NULL;
	if (out) {
		nb = ucnv_fromUChars(c, out, (int32_t)cap - 1, u, nu, &err);
		*ret_n = U_FAILURE(err) ? 0 : (size_t)nb;
		out[*ret_n] = '\0';
	}
	ucnv_close(c);
	return out;
}

/* ---- SQL functions ---- */

static void sql_key(sqlite3_context *ctx, const char *s, size_t n)
{
	uint8_t buf[1024];
	size_t len = mx_text_key(s, n, buf, sizeof(buf));

	if (len > sizeof(buf))
		len = sizeof(buf);
	sqlite3_result_blob(ctx, buf, (int)len, SQLITE_TRANSIENT);
}

static void fn_key(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const char *s = (const char *)sqlite3_value_text(v[0]);

	if (s)
		sql_key(ctx, s, (size_t)sqlite3_value_bytes(v[0]));
}

static void fn_nkey(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const char *s = (const char *)sqlite3_value_text(v[0]);
	size_t len = s ? (size_t)sqlite3_value_bytes(v[0]) : 0;
	size_t skip = (size_t)sqlite3_value_int64(v[1]);

	if (s && skip <= len)
		sql_key(ctx, s + skip, len - skip);
}

/* mx_match(text, needle, low | high << 16) */
static void fn_match(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const char *hay = (const char *)sqlite3_value_text(v[0]);
	const char *needle = (const char *)sqlite3_value_text(v[1]);
	unsigned fuzzy = (unsigned)sqlite3_value_int64(v[2]);

	if (hay && needle)
		sqlite3_result_int(
			ctx,
			mx_text_match(hay, (size_t)sqlite3_value_bytes(v[0]),
				      needle, (size_t)sqlite3_value_bytes(v[1]),
				      fuzzy & 0xffff, fuzzy >> 16));
}

int mx_text_register(struct sqlite3 *db)
{
	int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
	int rc = sqlite3_create_function_v2(db, "mx_key", 1, flags, NULL,
					    fn_key, NULL, NULL, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(db, "mx_nkey", 2, flags, NULL,
						fn_nkey, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(db, "mx_match", 3, flags, NULL,
						fn_match, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : -ENOMEM;
}
