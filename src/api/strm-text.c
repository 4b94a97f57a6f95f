/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text streams: held whole and converted whole, so that no character ever meets a
 * border (B69).
 */
#include <errno.h>
#include <stdlib.h>

#include "api/strm-private.h"
#include "base/utf.h"

#define TEXT_MAX (UINT32_C(1) << 30)

uint8_t *mx_strm_utf16(struct mx_arena *a, const char *s, size_t *ret_n)
{
	size_t len = strlen(s);
	size_t n = mx_utf16le_from_utf8(s, len, NULL, 0);
	uint8_t *p = mx_arena_alloc(a, n);

	if (!p)
		return NULL;
	mx_utf16le_from_utf8(s, len, p, n);
	*ret_n = n;
	return p;
}

size_t mx_strm_text_len(const uint8_t *p, size_t n)
{
	while (n >= 2 && !p[n - 1] && !p[n - 2])
		n -= 2;
	return n;
}

uint8_t *mx_strm_text_wire(struct mx_arena *a, struct mx_strm *s, size_t *ret_n)
{
	const char *u8 = (const char *)s->all.p;
	size_t n = s->all.len, n16;
	uint8_t *p;

	if (s->text == PT_UNICODE) {
		const WCHAR *w = (const WCHAR *)(void *)s->all.p;
		size_t len = n / sizeof(WCHAR);
		char *narrow;

		/* A terminator is not part of the value. */
		while (len && !w[len - 1])
			len--;
		n = mx_utf8_from_wchar(w, len, NULL, 0);
		narrow = mx_arena_alloc(a, n);
		if (!narrow)
			return NULL;
		mx_utf8_from_wchar(w, len, narrow, n);
		u8 = narrow;
	} else {
		while (n && !u8[n - 1])
			n--;
	}
	n16 = mx_utf16le_from_utf8(u8, n, NULL, 0);
	p = mx_arena_alloc(a, n16);
	if (p)
		mx_utf16le_from_utf8(u8, n, p, n16);
	*ret_n = n16;
	return p;
}

int mx_strm_text_load(struct mx_do *d, struct mx_strm *s)
{
	MX_AUTO(mx_buf_auto) struct mx_buf raw = MX_BUF_INIT;
	MX_AUTO(mx_free_auto) char *u8 = NULL;
	size_t n, had, nw;
	WCHAR *w;
	int err;

	if (s->loaded)
		return 0;
	raw.max = TEXT_MAX;
	do {
		had = raw.len;
		err = mx_strm_fetch(d, s, had, MX_STRM_READ_MAX, &raw);
		if (err)
			return err;
	} while (raw.len > had);
	raw.len = mx_strm_text_len(raw.p, raw.len);
	n = mx_utf8_from_utf16le(raw.p, raw.len, NULL, 0);
	u8 = malloc(n + 1);
	if (!u8)
		return -ENOMEM;
	mx_utf8_from_utf16le(raw.p, raw.len, u8, n);
	if (s->text == PT_STRING8) {
		mx_buf_put(&s->all, u8, n);
	} else {
		nw = mx_wchar_from_utf8(u8, n, NULL, 0);
		w = (WCHAR *)(void *)mx_buf_room(&s->all, nw * sizeof(*w) + 1);
		if (w) {
			mx_wchar_from_utf8(u8, n, w, nw);
			s->all.len += nw * sizeof(*w);
		}
	}
	s->size = s->all.len;
	s->loaded = !s->all.err;
	return s->all.err;
}

int mx_strm_text_read(struct mx_do *d, struct mx_strm *s, char *out, ULONG *n)
{
	int err = mx_strm_text_load(d, s);
	size_t left;

	if (err)
		return err;
	left = s->pos < s->all.len ? s->all.len - (size_t)s->pos : 0;
	if (*n > left)
		*n = (ULONG)left;
	if (*n)
		memcpy(out, s->all.p + s->pos, *n);
	return 0;
}

int mx_strm_text_resize(struct mx_strm *s, uint64_t size)
{
	size_t had = s->all.len;
	uint8_t *p;

	if (size > TEXT_MAX)
		return -EFBIG;
	if (size > had) {
		p = mx_buf_room(&s->all, (size_t)size - had);
		if (!p)
			return s->all.err;
		memset(p, 0, (size_t)size - had);
	}
	s->all.len = (size_t)size;
	s->size = size;
	return 0;
}

int mx_strm_text_write(struct mx_do *d, struct mx_strm *s, const char *p,
		       ULONG n)
{
	int err = mx_strm_text_load(d, s);

	if (!err && s->pos + n > s->all.len)
		err = mx_strm_text_resize(s, s->pos + n);
	if (err)
		return err;
	if (n)
		memcpy(s->all.p + s->pos, p, n);
	s->changed = true;
	return 0;
}
