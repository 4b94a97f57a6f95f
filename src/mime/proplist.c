/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "mime/proplist.h"

#include <ctype.h>
#include <string.h>

#include "base/utf.h"

static SPropValue *add(struct mx_props *p, ULONG tag)
{
	SPropValue *v;

	if (p->n == MX_PROPS_MAX) {
		p->oom = true;
		return NULL;
	}
	v = &p->v[p->n++];
	*v = (SPropValue){.ulPropTag = tag};
	return v;
}

wchar_t *mx_props_wide(struct mx_arena *a, const char *utf8, size_t *ret_n)
{
	size_t len = strlen(utf8);
	size_t n = mx_wchar_from_utf8(utf8, len, NULL, 0);
	wchar_t *w = mx_arena_newv(a, wchar_t, n + 1);

	if (!w)
		return NULL;
	mx_wchar_from_utf8(utf8, len, w, n);
	if (ret_n)
		*ret_n = n;
	return w;
}

void mx_props_text(struct mx_props *p, ULONG tag, const char *utf8)
{
	SPropValue *v;
	wchar_t *w;

	if (!utf8)
		return;
	w = mx_props_wide(p->a, utf8, NULL);
	v = w ? add(p, tag) : NULL;
	if (v)
		v->Value.lpszW = w;
	else
		p->oom = true;
}

void mx_props_long(struct mx_props *p, ULONG tag, LONG value)
{
	SPropValue *v = add(p, tag);

	if (v)
		v->Value.l = value;
}

void mx_props_bool(struct mx_props *p, ULONG tag, bool value)
{
	SPropValue *v = add(p, tag);

	if (v)
		v->Value.b = value;
}

void mx_props_time(struct mx_props *p, ULONG tag, mx_filetime t)
{
	SPropValue *v = add(p, tag);

	if (v) {
		v->Value.ft.dwLowDateTime = (DWORD)t.t;
		v->Value.ft.dwHighDateTime = (DWORD)(t.t >> 32);
	}
}

void mx_props_bin(struct mx_props *p, ULONG tag, const void *data, size_t len)
{
	SPropValue *v = add(p, tag);

	if (v) {
		/* MAPI's structures are not const; it only reads them. */
		memcpy(&v->Value.bin.lpb, &data, sizeof(data));
		v->Value.bin.cb = (ULONG)len;
	}
}

void mx_props_search_key(struct mx_props *p, ULONG tag, const char *type,
			 const char *addr)
{
	char *key = mx_arena_printf(p->a, "%s:%s", type, addr);

	if (!key) {
		p->oom = true;
		return;
	}
	for (char *c = key; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	mx_props_bin(p, tag, key, strlen(key) + 1);
}

void mx_props_one_off(struct mx_props *p, ULONG tag, const char *name,
		      const char *type, const char *addr)
{
	/* Flags, provider, version, MAPI_ONE_OFF_UNICODE and no rich text. */
	static const uint8_t head[24] = {
		0,    0,    0,    0,    0x81, 0x2b, 0x1f, 0xa4,
		0xbe, 0xa3, 0x10, 0x19, 0x9d, 0x6e, 0x00, 0xdd,
		0x01, 0x0f, 0x54, 0x02, 0x00, 0x00, 0x01, 0x90,
	};
	const char *const parts[] = {name, type, addr};
	size_t len = sizeof(head);
	uint8_t *id;

	for (size_t i = 0; i < 3; i++)
		len += mx_utf16le_from_utf8(parts[i], strlen(parts[i]), NULL,
					    0) +
		       2;
	id = mx_arena_calloc(p->a, 1, len);
	if (!id) {
		p->oom = true;
		return;
	}
	memcpy(id, head, sizeof(head));
	for (size_t i = 0, at = sizeof(head); i < 3; i++)
		at += mx_utf16le_from_utf8(parts[i], strlen(parts[i]), id + at,
					   len - at) +
		      2;
	mx_props_bin(p, tag, id, len);
}

void mx_props_directory_id(struct mx_props *p, ULONG tag, const char *dn)
{
	/* Flags, provider, version 1, type 0: a mail user. */
	static const uint8_t head[28] = {
		0,    0,    0,    0,    0xdc, 0xa7, 0x40, 0xc8, 0xc0, 0x42,
		0x10, 0x1a, 0xb4, 0xb9, 0x08, 0x00, 0x2b, 0x2f, 0xe1, 0x82,
		1,    0,    0,    0,    0,    0,    0,    0,
	};
	size_t len = sizeof(head) + strlen(dn) + 1;
	uint8_t *id = mx_arena_alloc(p->a, len);

	if (!id) {
		p->oom = true;
		return;
	}
	memcpy(id, head, sizeof(head));
	memcpy(id + sizeof(head), dn, strlen(dn) + 1);
	mx_props_bin(p, tag, id, len);
}
