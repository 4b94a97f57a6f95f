/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf.h"

#include <endian.h>
#include <string.h>

#define REPLACEMENT 0xfffdu

static bool is_cont(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Length of a well-formed sequence at s, 0 when there is none.  Surrogates
 * count as well-formed (WTF-8). */
static size_t decode(const char *s, size_t n, uint32_t *cp)
{
	unsigned char c = (unsigned char)s[0];

	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	if (c >= 0xc2 && c <= 0xdf && n >= 2 && is_cont(s[1])) {
		*cp = (c & 0x1fu) << 6 | ((unsigned char)s[1] & 0x3fu);
		return 2;
	}
	if ((c & 0xf0) == 0xe0 && n >= 3 && is_cont(s[1]) && is_cont(s[2])) {
		*cp = (c & 0x0fu) << 12 | ((unsigned char)s[1] & 0x3fu) << 6 |
		      ((unsigned char)s[2] & 0x3fu);
		return *cp >= 0x800 ? 3 : 0;
	}
	if (c >= 0xf0 && c <= 0xf4 && n >= 4 && is_cont(s[1]) &&
	    is_cont(s[2]) && is_cont(s[3])) {
		*cp = (c & 0x07u) << 18 | ((unsigned char)s[1] & 0x3fu) << 12 |
		      ((unsigned char)s[2] & 0x3fu) << 6 |
		      ((unsigned char)s[3] & 0x3fu);
		return *cp >= 0x10000 && *cp <= 0x10ffff ? 4 : 0;
	}
	return 0;
}

size_t mx_utf8_next(const char *s, size_t n, uint32_t *ret_cp)
{
	uint32_t cp;
	size_t used = decode(s, n, &cp);

	*ret_cp = used ? cp : REPLACEMENT;
	return used ? used : 1;
}

size_t mx_utf8_put(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

bool mx_utf8_valid(const char *s, size_t n)
{
	uint32_t cp;

	while (n) {
		size_t used = decode(s, n, &cp);

		if (!used || (cp >= 0xd800 && cp <= 0xdfff))
			return false;
		s += used;
		n -= used;
	}
	return true;
}

/* A bounded output that counts what it would have written. */
struct sink {
	unsigned char *p;
	size_t cap, len;
};

static void put(struct sink *o, const void *p, size_t n)
{
	if (o->len + n <= o->cap)
		memcpy(o->p + o->len, p, n);
	else
		o->cap = 0; /* never a later, shorter piece after a gap */
	o->len += n;
}

/* What most text is made of, without the way through decode. */
static bool is_ascii(char c)
{
	return ((unsigned char)c & 0x80) == 0;
}

static inline void put_ascii(struct sink *o, char c, size_t width)
{
	if (o->len + width <= o->cap) {
		o->p[o->len] = (unsigned char)c;
		if (width == 2)
			o->p[o->len + 1] = 0;
	} else {
		o->cap = 0;
	}
	o->len += width;
}

/* Eight characters at once, when all are ASCII. */
#define RUN 8u

static inline bool ascii_run(const char *s, size_t n)
{
	uint64_t v;

	if (n < RUN)
		return false;
	memcpy(&v, s, RUN);
	return !(v & UINT64_C(0x8080808080808080));
}

/* Four code units of UTF-16LE and four bytes, as numbers; all ASCII. */
#define NOT_ASCII16 UINT64_C(0xff80ff80ff80ff80)

static inline uint64_t load64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline void narrow4(uint64_t v, unsigned char *out)
{
	uint32_t x;

	v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
	x = htole32((uint32_t)(v | v >> 16));
	memcpy(out, &x, sizeof(x));
}

static inline void widen4(const char *p, unsigned char *out)
{
	uint32_t x;
	uint64_t v;

	memcpy(&x, p, sizeof(x));
	v = le32toh(x);
	v = (v | v << 16) & UINT64_C(0x0000ffff0000ffff);
	v = htole64((v | v << 8) & UINT64_C(0x00ff00ff00ff00ff));
	memcpy(out, &v, sizeof(v));
}

static inline bool ascii_run16(const unsigned char *p, size_t n_bytes)
{
	return n_bytes >= 2 * RUN &&
	       !((load64(p) | load64(p + RUN)) & NOT_ASCII16);
}

/* Or nothing is written any more. */
static inline bool fits(const struct sink *o, size_t n)
{
	return !o->cap || o->len + n <= o->cap;
}

static uint32_t unit(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8;
}

size_t mx_utf8_from_utf16le(const void *src, size_t n_bytes, char *dst,
			    size_t cap)
{
	struct sink o = {(unsigned char *)dst, cap, 0};
	const unsigned char *p = src;
	char out[4];

	for (; n_bytes >= 2; p += 2, n_bytes -= 2) {
		uint32_t cp;

		while (ascii_run16(p, n_bytes) && fits(&o, RUN)) {
			if (o.cap) {
				narrow4(load64(p), o.p + o.len);
				narrow4(load64(p + RUN), o.p + o.len + 4);
			}
			o.len += RUN;
			p += 2 * RUN;
			n_bytes -= 2 * RUN;
		}
		if (n_bytes < 2)
			break;
		cp = unit(p);
		if (cp < 0x80) {
			put_ascii(&o, (char)cp, 1);
			continue;
		}
		if (cp >= 0xd800 && cp < 0xdc00 && n_bytes >= 4) {
			uint32_t lo = unit(p + 2);

			if (lo >= 0xdc00 && lo < 0xe000) {
				cp = 0x10000 + ((cp & 0x3ff) << 10) +
				     (lo & 0x3ff);
				p += 2;
				n_bytes -= 2;
			}
		}
		put(&o, out, mx_utf8_put(cp, out));
	}
	return o.len;
}

size_t mx_utf16le_from_utf8(const char *src, size_t n, void *dst, size_t cap)
{
	struct sink o = {dst, cap, 0};

	while (n) {
		unsigned char u[4];
		size_t n_u = 2, used;
		uint32_t cp;

		if (ascii_run(src, n) && fits(&o, 2 * RUN)) {
			if (o.cap) {
				widen4(src, o.p + o.len);
				widen4(src + 4, o.p + o.len + RUN);
			}
			o.len += 2 * RUN;
			src += RUN;
			n -= RUN;
			continue;
		}
		if (is_ascii(*src)) {
			put_ascii(&o, *src, 2);
			src++;
			n--;
			continue;
		}
		used = mx_utf8_next(src, n, &cp);
		if (cp >= 0x10000) {
			uint32_t lo = 0xdc00 | (cp & 0x3ff);

			cp = 0xd800 | (cp - 0x10000) >> 10;
			u[2] = (unsigned char)lo;
			u[3] = (unsigned char)(lo >> 8);
			n_u = 4;
		}
		u[0] = (unsigned char)cp;
		u[1] = (unsigned char)(cp >> 8);
		put(&o, u, n_u);
		src += used;
		n -= used;
	}
	return o.len;
}

size_t mx_wchar_from_utf8(const char *src, size_t n, wchar_t *dst, size_t cap)
{
	size_t len = 0;

	while (n) {
		uint32_t cp = (unsigned char)*src;
		size_t used = 1;

		if (ascii_run(src, n) && (!cap || len + RUN <= cap)) {
			for (size_t i = 0; cap && i < RUN; i++)
				dst[len + i] = (unsigned char)src[i];
			len += RUN;
			src += RUN;
			n -= RUN;
			continue;
		}
		if (!is_ascii(*src))
			used = mx_utf8_next(src, n, &cp);
		if (len < cap)
			dst[len] = (wchar_t)cp;
		len++;
		src += used;
		n -= used;
	}
	return len;
}

size_t mx_utf8_from_wchar(const wchar_t *src, size_t n, char *dst, size_t cap)
{
	struct sink o = {(unsigned char *)dst, cap, 0};
	char out[4];

	for (; n; src++, n--) {
		uint32_t cp = (uint32_t)*src;

		if (cp > 0x10ffff)
			cp = REPLACEMENT;
		put(&o, out, mx_utf8_put(cp, out));
	}
	return o.len;
}
