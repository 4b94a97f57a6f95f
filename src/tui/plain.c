/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/plain.h"

#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "base/auto.h"
#include "base/utf.h"

/* More marks than that on one letter are no language but a nuisance; with a
 * letter of four bytes they make MX_PLAIN_BYTES. */
#define MARKS_MAX 2

static bool utf8_out = true;

void mx_plain_set_utf8(bool utf8)
{
	utf8_out = utf8;
	if (utf8)
		setlocale(LC_CTYPE, "C.UTF-8");
}

void mx_plain_setup(int fd)
{
	setlocale(LC_CTYPE, "");
	utf8_out = !strcmp(nl_langinfo(CODESET), "UTF-8");
	if (!utf8_out && !isatty(fd))
		mx_plain_set_utf8(true);
}

/* Characters that a terminal may obey or that nobody sees: C0, DEL, C1, soft
 * hyphen, Arabic and other invisible marks, zero width and direction, line and
 * paragraph separators, fillers, variation selectors, tags, surrogates,
 * annotations, specials. */
static const struct {
	uint32_t first, last;
} unsafe[] = {
	{0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},
	{0x034f, 0x034f},   {0x0600, 0x0605},   {0x061c, 0x061c},
	{0x06dd, 0x06dd},   {0x070f, 0x070f},   {0x08e2, 0x08e2},
	{0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},
	{0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},
	{0x3164, 0x3164},   {0xd800, 0xdfff},   {0xfe00, 0xfe0f},
	{0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
	{0xfffe, 0xffff},   {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
	{0xe0000, 0xe0fff},
};

bool mx_plain_safe(uint32_t cp)
{
	if (cp >= 0x20 && cp < 0x7f)
		return true;
	for (size_t i = 0; i < MX_ARRAY_SIZE(unsafe); i++)
		if (cp >= unsafe[i].first && cp <= unsafe[i].last)
			return false;
	return cp <= 0x10ffff;
}

/* The next character as it is shown: what to show, and its columns. */
static size_t next_shown(const char *s, size_t n, uint32_t *ret_cp,
			 unsigned *ret_cols)
{
	size_t took = mx_utf8_next(s, n, ret_cp);
	int w = 1;

	if (*ret_cp >= 0x20 && *ret_cp < 0x7f) {
		*ret_cols = 1;
		return took;
	}
	if (!utf8_out || !mx_plain_safe(*ret_cp) ||
	    (w = wcwidth((wchar_t)*ret_cp)) < 0) {
		*ret_cp = utf8_out ? 0xfffd : '?';
		w = 1;
	}
	*ret_cols = (unsigned)w;
	return took;
}

/* Characters of src as long as `cols` columns and cap bytes hold them.  Returns
 * the bytes of src that were shown. */
static size_t show(char *dst, size_t cap, const char *src, unsigned cols,
		   unsigned *ret_used)
{
	size_t left = strlen(src), at = 0, out = 0;
	unsigned used = 0, marks = 0;

	while (left) {
		char enc[4];
		uint32_t cp;
		unsigned w;
		size_t took = next_shown(src + at, left, &cp, &w);
		size_t n = mx_utf8_put(cp, enc);

		if (w > cols - used || n >= cap - out)
			break;
		at += took;
		left -= took;
		marks = w ? 0 : marks + 1;
		if (marks > MARKS_MAX || (!w && !used))
			continue;
		memcpy(dst + out, enc, n);
		out += n;
		used += w;
	}
	dst[out] = '\0';
	*ret_used = used;
	return at;
}

char *mx_plain(char *dst, size_t cap, const char *src)
{
	unsigned used;

	show(dst, cap, src, UINT_MAX, &used);
	return dst;
}

unsigned mx_plain_width(const char *src)
{
	size_t left = strlen(src);
	unsigned used = 0;

	while (left) {
		uint32_t cp;
		unsigned w;
		size_t took = next_shown(src, left, &cp, &w);

		src += took;
		left -= took;
		used += w;
	}
	return used;
}

unsigned mx_plain_fit(char *dst, size_t cap, const char *src, unsigned cols)
{
	unsigned used;

	if (show(dst, cap, src, cols, &used) == strlen(src) || !cols)
		return used;
	/* Once more, with room for the sign that something is missing. */
	show(dst, cap, src, cols - 1, &used);
	if (strlen(dst) + 4 <= cap) {
		strcat(dst, utf8_out ? "\xe2\x80\xa6" : "~");
		used++;
	}
	return used;
}
