/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One body from another, where only one was set: plain text out of HTML, HTML
 * out of plain text.  A reader's help, not a renderer: tags go, paragraphs
 * become lines, the common entities become their characters.  RTF is left to
 * clients.  [MS-OXBBODY].
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf.h"
#include "store/obj-private.h"
#include "store/tags.h"
#include "store/text.h"

static void put_entity(const char *s, size_t n, struct mx_buf *out)
{
	static const struct {
		const char *name, *text;
	} known[] = {
		{"amp", "&"},         {"lt", "<"},
		{"gt", ">"},          {"quot", "\""},
		{"apos", "'"},        {"nbsp", "\xc2\xa0"},
		{"copy", "\xc2\xa9"}, {"euro", "\xe2\x82\xac"},
	};
	char num[12], utf8[4];
	unsigned long cp;

	if (n > 1 && s[0] == '#' && n < sizeof(num)) {
		memcpy(num, s + 1, n - 1);
		num[n - 1] = '\0';
		cp = num[0] == 'x' || num[0] == 'X' ? strtoul(num + 1, NULL, 16)
						    : strtoul(num, NULL, 10);
		if (cp && cp <= 0x10ffff) {
			mx_buf_put(out, utf8, mx_utf8_put((uint32_t)cp, utf8));
			return;
		}
	}
	for (size_t i = 0; i < MX_ARRAY_SIZE(known); i++)
		if (strlen(known[i].name) == n &&
		    !memcmp(known[i].name, s, n)) {
			mx_buf_puts(out, known[i].text);
			return;
		}
	mx_buf_put(out, "&", 1);
	mx_buf_put(out, s, n);
	mx_buf_put(out, ";", 1);
}

static bool is_tag(const char *s, size_t n, const char *name)
{
	size_t len = strlen(name);

	return n >= len && !strncasecmp(s, name, len) &&
	       (n == len || !isalnum((unsigned char)s[len]));
}

static bool breaks_line(const char *s, size_t n)
{
	static const char *const tags[] = {"br",  "/p",  "/div", "/tr", "/li",
					   "/h1", "/h2", "/h3",  "/h4", "hr"};

	for (size_t i = 0; i < MX_ARRAY_SIZE(tags); i++)
		if (is_tag(s, n, tags[i]))
			return true;
	return false;
}

/* From p, a '<', to behind its tag; also over what style and script hold. */
static const char *skip_tag(const char *p, const char *end, struct mx_buf *out)
{
	static const char *const hidden[] = {"style", "script", "title"};
	const char *s = p + 1, *close;
	size_t n;

	if (end - s >= 3 && !memcmp(s, "!--", 3)) {
		close = memmem(s, (size_t)(end - s), "-->", 3);
		return close ? close + 3 : end;
	}
	close = memchr(s, '>', (size_t)(end - s));
	if (!close)
		return end;
	n = (size_t)(close - s);
	if (breaks_line(s, n))
		mx_buf_puts(out, "\r\n");
	for (size_t i = 0; i < MX_ARRAY_SIZE(hidden); i++) {
		if (!is_tag(s, n, hidden[i]))
			continue;
		for (p = close + 1; p + 2 < end; p++)
			if (p[0] == '<' && p[1] == '/' &&
			    is_tag(p + 2, (size_t)(end - p - 2), hidden[i]))
				return p;
		return end;
	}
	return close + 1;
}

static void html_to_text(const char *p, size_t n, struct mx_buf *out)
{
	const char *end = p + n, *semi;

	while (p < end) {
		size_t left = (size_t)(end - p);

		if (*p == '<') {
			p = skip_tag(p, end, out);
			continue;
		}
		semi = *p == '&' ? memchr(p, ';', left < 12 ? left : 12) : NULL;
		if (semi) {
			put_entity(p + 1, (size_t)(semi - p - 1), out);
			p = semi + 1;
		} else if (isspace((unsigned char)*p)) {
			if (out->len && !isspace(out->p[out->len - 1]))
				mx_buf_put(out, " ", 1);
			p++;
		} else {
			mx_buf_put(out, p++, 1);
		}
	}
}

static void text_to_html(const char *p, size_t n, struct mx_buf *out)
{
	mx_buf_puts(out, "<html><head><meta http-equiv=\"Content-Type\" "
			 "content=\"text/html; charset=utf-8\"></head><body>"
			 "<pre style=\"white-space: pre-wrap\">");
	for (size_t i = 0; i < n; i++) {
		switch (p[i]) {
		case '<':
			mx_buf_puts(out, "&lt;");
			break;
		case '>':
			mx_buf_puts(out, "&gt;");
			break;
		case '&':
			mx_buf_puts(out, "&amp;");
			break;
		default:
			mx_buf_put(out, &p[i], 1);
		}
	}
	mx_buf_puts(out, "</pre></body></html>");
}

static int finish(struct mx_buf *out, uint32_t tag, struct mx_arena *a,
		  struct mx_propval *ret)
{
	const char *s = mx_buf_str(out);
	size_t n = out->len;

	if (out->err)
		return out->err;
	s = mx_arena_strndup(a, s, n);
	if (!s)
		return -ENOMEM;
	ret->tag = tag;
	if (MX_PROP_TYPE(tag) == MX_PT_BINARY)
		ret->v.bin = (struct mx_bin){(uint32_t)n, (const uint8_t *)s};
	else
		ret->v.str = s;
	return 1;
}

int mx_body_convert(const struct mx_bag *bag, uint32_t tag, struct mx_arena *a,
		    struct mx_propval *ret)
{
	bool plain = MX_PROP_ID(tag) == MX_PROP_ID(T_BODY);
	uint32_t from = plain ? T_HTML : T_BODY;
	const struct mx_ent *e = mx_bag_find(bag, MX_PROP_ID(from));
	MX_AUTO(mx_arena_auto) struct mx_arena tmp = {0};
	MX_AUTO(mx_buf_auto) struct mx_buf out = {0};
	struct mx_propval v;
	const char *s;
	size_t n;
	int r;

	if (!e)
		return 0;
	r = mx_ent_value(e, from, 0, 65001, true, &tmp, &v);
	if (r)
		return r;
	if (v.tag != from)
		return 0;
	if (!plain) {
		text_to_html(v.v.str, strlen(v.v.str), &out);
		return finish(&out, T_HTML, a, ret);
	}
	s = mx_text_from_cp((uint32_t)mx_bag_i4(bag, T_INTERNET_CPID, 65001),
			    (const char *)v.v.bin.p, v.v.bin.n, &tmp, &n);
	if (!s)
		return -ENOMEM;
	html_to_text(s, n, &out);
	return finish(&out, T_BODY, a, ret);
}
