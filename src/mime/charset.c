/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character sets of mail: names to Windows code pages, text to UTF-8.
 *
 * Mail lies about its charset.  What does not fit is tried as UTF-8, then as
 * windows-1252, then as ISO-8859-1, which takes every byte.
 */
#include "mime/mail-private.h"

#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/utf.h"

/* [MS-OXCMAIL] and the registry of code pages; only what mail uses. */
static const struct {
	const char *name;
	uint32_t cpid;
} pages[] = {
	{"utf-8", 65001},       {"us-ascii", 20127},     {"ascii", 20127},
	{"iso-8859-1", 28591},  {"iso-8859-2", 28592},   {"iso-8859-3", 28593},
	{"iso-8859-4", 28594},  {"iso-8859-5", 28595},   {"iso-8859-6", 28596},
	{"iso-8859-7", 28597},  {"iso-8859-8", 28598},   {"iso-8859-9", 28599},
	{"iso-8859-13", 28603}, {"iso-8859-15", 28605},  {"windows-1250", 1250},
	{"windows-1251", 1251}, {"windows-1252", 1252},  {"windows-1253", 1253},
	{"windows-1254", 1254}, {"windows-1255", 1255},  {"windows-1256", 1256},
	{"windows-1257", 1257}, {"windows-1258", 1258},  {"koi8-r", 20866},
	{"koi8-u", 21866},      {"gb2312", 936},         {"gbk", 936},
	{"gb18030", 54936},     {"hz-gb-2312", 52936},   {"big5", 950},
	{"shift_jis", 932},     {"iso-2022-jp", 50220},  {"euc-jp", 51932},
	{"euc-kr", 51949},      {"ks_c_5601-1987", 949}, {"iso-2022-kr", 50225},
	{"tis-620", 874},       {"windows-874", 874},    {"utf-7", 65000},
	{"utf-16le", 1200},
};

uint32_t mx_mail_cpid(const char *charset)
{
	if (!charset)
		return 20127;
	for (size_t i = 0; i < MX_ARRAY_SIZE(pages); i++)
		if (!strcasecmp(charset, pages[i].name))
			return pages[i].cpid;
	return 0;
}

/* g_convert to UTF-8, or NULL; NUL characters in the result are allowed. */
static char *convert(const char *s, size_t len, const char *from, size_t *ret)
{
	gsize n = 0;
	char *out = g_convert(s, (gssize)len, "UTF-8", from, NULL, &n, NULL);

	if (out)
		*ret = n;
	return out;
}

/* Any bytes to UTF-8, noting what had to be guessed.  g_free() the result. */
static char *to_utf8(const char *s, size_t len, const char *charset,
		     struct mx_arena *a, struct mx_mail *m, size_t *ret)
{
	const char *name = charset ? g_mime_charset_iconv_name(charset) : NULL;
	char *out = NULL;

	if (!name || !strcasecmp(name, "us-ascii") ||
	    !strcasecmp(name, "utf-8"))
		name = "UTF-8";
	if (!strcmp(name, "UTF-8") ? mx_utf8_valid(s, len) : false)
		out = g_memdup2(len ? s : "", len ? len : 1), *ret = len;
	else if (strcmp(name, "UTF-8"))
		out = convert(s, len, name, ret);
	if (out)
		return out;
	mx_mail_note(a, m, "text is not in its charset %s",
		     charset ? charset : "us-ascii");
	if (mx_utf8_valid(s, len)) {
		*ret = len;
		return g_memdup2(len ? s : "", len ? len : 1);
	}
	out = convert(s, len, "WINDOWS-1252", ret);
	return out ? out : convert(s, len, "ISO-8859-1", ret);
}

char *mx_mail_text(const char *bytes, size_t len, const char *charset,
		   struct mx_arena *a, struct mx_mail *m)
{
	size_t n = 0, extra = 0, nuls = 0, o = 0;
	char *utf8, *out;

	utf8 = to_utf8(bytes, len, charset, a, m, &n);
	if (!utf8)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		extra += utf8[i] == '\n' && (!i || utf8[i - 1] != '\r');
		nuls += !utf8[i];
	}
	if (nuls)
		mx_mail_note(a, m, "%zu NUL characters in text replaced", nuls);
	out = mx_arena_alloc(a, n + extra + 2 * nuls + 1);
	for (size_t i = 0; out && i < n; i++) {
		if (!utf8[i]) {
			memcpy(out + o, "\xef\xbf\xbd", 3);
			o += 3;
			continue;
		}
		if (utf8[i] == '\n' && (!i || utf8[i - 1] != '\r'))
			out[o++] = '\r';
		out[o++] = utf8[i];
	}
	if (out)
		out[o] = '\0';
	g_free(utf8);
	return out;
}

const char *mx_mail_utf8(struct mx_arena *a, const char *s, bool *oom)
{
	MX_AUTO(mx_free_auto) char *valid = NULL;
	char *copy;

	if (!s)
		return NULL;
	if (!g_utf8_validate(s, -1, NULL)) {
		valid = g_utf8_make_valid(s, -1);
		s = valid;
	}
	copy = mx_arena_strdup(a, s);
	*oom = *oom || !copy;
	return copy;
}
