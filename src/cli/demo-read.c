/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a message in full (properties, recipients, both bodies, attachments,
 * nested messages) and compares each with the mail that went in.
 */
#include "cli/demo.h"

#include <edkmdb.h>
#include <mapiutil.h>
#include <string.h>
#include <wchar.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/utf.h"

/* More than any mail's; the stream's size is the server's word. */
#define MAX_VALUE (256u << 20)

static void release_auto(void *p)
{
	UlRelease(*(void **)p);
}

static HRESULT to_utf8(struct mx_arena *a, const void *wide, size_t n_units,
		       const void **ret, size_t *ret_len)
{
	size_t len = mx_utf8_from_wchar(wide, n_units, NULL, 0);
	char *text = mx_arena_alloc(a, len + 1);

	if (!text)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	mx_utf8_from_wchar(wide, n_units, text, len);
	text[len] = '\0';
	*ret = text;
	*ret_len = len;
	return S_OK;
}

static HRESULT read_stream(LPMAPIPROP obj, ULONG tag, struct mx_buf *b)
{
	MX_AUTO(release_auto) LPSTREAM stream = NULL;
	HRESULT hr;

	hr = IMAPIProp_OpenProperty(obj, tag, &IID_IStream, STGM_READ, 0,
				    (LPUNKNOWN *)&stream);
	while (!FAILED(hr)) {
		ULONG got = 0;
		uint8_t *room = mx_buf_room(b, 32768);

		if (!room)
			return MAPI_E_NOT_ENOUGH_MEMORY;
		hr = IStream_Read(stream, room, 32768, &got);
		if (FAILED(hr) || !got)
			break;
		b->len += got;
	}
	return hr;
}

HRESULT demo_get_bytes(LPMAPIPROP obj, ULONG tag, struct mx_arena *a,
		       const void **ret, size_t *ret_len)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = {.max = MAX_VALUE};
	SPropTagArray tags = {.cValues = 1, .aulPropTag = {tag}};
	const bool text = PROP_TYPE(tag) == PT_UNICODE;
	LPSPropValue v = NULL;
	ULONG n = 0;
	HRESULT hr = IMAPIProp_GetProps(obj, &tags, 0, &n, &v);

	if (!FAILED(hr) && v->ulPropTag == tag) {
		if (text)
			mx_buf_put(&b, v->Value.lpszW,
				   wcslen(v->Value.lpszW) * sizeof(wchar_t));
		else
			mx_buf_put(&b, v->Value.bin.lpb, v->Value.bin.cb);
	} else if (!FAILED(hr)) {
		hr = PROP_TYPE(v->ulPropTag) == PT_ERROR ? v->Value.err
							 : MAPI_E_NOT_FOUND;
		/* Too large for an answer: by stream. */
		if (hr == MAPI_E_NOT_ENOUGH_MEMORY)
			hr = read_stream(obj, tag, &b);
	}
	MAPIFreeBuffer(v);
	if (FAILED(hr))
		return hr;
	if (b.err)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	if (text)
		return to_utf8(a, b.p ? (const void *)b.p : L"",
			       b.len / sizeof(wchar_t), ret, ret_len);
	*ret = mx_arena_dup(a, b.p ? (const void *)b.p : "", b.len);
	*ret_len = b.len;
	return *ret ? S_OK : MAPI_E_NOT_ENOUGH_MEMORY;
}

struct reading {
	struct demo_side *s;
	struct mx_arena a;
	const char *file;
};

/* One property against what it should be; NULL: it should not be there, or
 * (the server's choice) be anything. */
static bool same(struct reading *r, LPMAPIPROP obj, ULONG tag, const char *what,
		 const void *want, size_t len)
{
	const void *got;
	size_t n;
	HRESULT hr;

	if (!want)
		return true;
	hr = demo_get_bytes(obj, tag, &r->a, &got, &n);
	if (hr == MAPI_E_NOT_FOUND && !len)
		return true; /* nothing, said by leaving it out */
	if (!demo_ok(r->s->w, r->s->u, hr))
		return false;
	if (n == len && !memcmp(got, want, len))
		return true;
	demo_error(r->s->w->d, r->s->u,
		   "%s: %s differs: %zu bytes came back for %zu", r->file, what,
		   n, len);
	return false;
}

static bool same_text(struct reading *r, LPMAPIPROP obj, ULONG tag,
		      const char *what, const char *want)
{
	return same(r, obj, tag, what, want, want ? strlen(want) : 0);
}

static bool count_rows(struct reading *r, LPMAPITABLE table, const char *what,
		       size_t want)
{
	ULONG n = 0;
	HRESULT hr = IMAPITable_GetRowCount(table, 0, &n);

	if (!demo_ok(r->s->w, r->s->u, hr))
		return false;
	if (n == want)
		return true;
	demo_error(r->s->w->d, r->s->u, "%s: %u %s instead of %zu", r->file, n,
		   what, want);
	return false;
}

static bool read_recipients(struct reading *r, LPMESSAGE msg,
			    const struct mx_mail *m)
{
	static SizedSPropTagArray(4, columns) = {
		4,
		{PR_DISPLAY_NAME_W, PR_EMAIL_ADDRESS_W, PR_ADDRTYPE_W,
		 PR_RECIPIENT_TYPE}};
	MX_AUTO(release_auto) LPMAPITABLE table = NULL;
	const struct mx_mail_addr *to = m->recips;
	LPSRowSet rows = NULL;
	bool ok = true;
	HRESULT hr;

	demo_step(r->s->w, "read recipients");
	hr = IMessage_GetRecipientTable(msg, 0, &table);
	if (!FAILED(hr))
		hr = HrQueryAllRows(table, (LPSPropTagArray)&columns, NULL,
				    NULL, 0, &rows);
	if (!demo_ok(r->s->w, r->s->u, hr))
		return false;
	if (rows->cRows != m->n_recips) {
		demo_error(r->s->w->d, r->s->u,
			   "%s: %u recipients instead of %zu", r->file,
			   rows->cRows, m->n_recips);
		ok = false;
	}
	for (ULONG i = 0; ok && i < rows->cRows; i++, to = to->next) {
		const SPropValue *v = rows->aRow[i].lpProps;
		const void *addr = "";
		size_t n = 0;

		if (v[1].ulPropTag == PR_EMAIL_ADDRESS_W)
			hr = to_utf8(&r->a, v[1].Value.lpszW,
				     wcslen(v[1].Value.lpszW), &addr, &n);
		ok = demo_ok(r->s->w, r->s->u, hr);
		if (ok && (strcmp(addr, to->addr) ||
			   v[3].Value.l != (LONG)to->kind)) {
			demo_error(r->s->w->d, r->s->u,
				   "%s: recipient %u is \"%s\" instead of "
				   "\"%s\"",
				   r->file, i, (const char *)addr, to->addr);
			ok = false;
		}
	}
	FreeProws(rows);
	return ok;
}

static bool read_message(struct reading *r, LPMESSAGE msg,
			 const struct mx_mail *m);

static bool read_attachment(struct reading *r, LPMESSAGE msg, ULONG num,
			    const struct mx_mail_attach *t)
{
	MX_AUTO(release_auto) LPATTACH att = NULL;
	MX_AUTO(release_auto) LPMESSAGE inner = NULL;
	HRESULT hr;

	demo_step(r->s->w, "open an attachment");
	hr = IMessage_OpenAttach(msg, num, NULL, 0, &att);
	if (!demo_ok(r->s->w, r->s->u, hr))
		return false;
	demo_step(r->s->w, "read an attachment");
	if (!t->nested)
		return same_text(r, (LPMAPIPROP)att, PR_ATTACH_LONG_FILENAME_W,
				 "an attachment's name", t->name) &&
		       same_text(r, (LPMAPIPROP)att, PR_ATTACH_MIME_TAG_W,
				 "an attachment's type", t->type) &&
		       same(r, (LPMAPIPROP)att, PR_ATTACH_DATA_BIN,
			    "an attachment", t->data, t->len);
	demo_step(r->s->w, "open a nested message");
	hr = IAttach_OpenProperty(att, PR_ATTACH_DATA_OBJ, &IID_IMessage, 0, 0,
				  (LPUNKNOWN *)&inner);
	return demo_ok(r->s->w, r->s->u, hr) &&
	       read_message(r, inner, t->nested);
}

static bool read_attachments(struct reading *r, LPMESSAGE msg,
			     const struct mx_mail *m)
{
	static SizedSPropTagArray(2, columns) = {
		2, {PR_ATTACH_NUM, PR_ATTACH_METHOD}};
	MX_AUTO(release_auto) LPMAPITABLE table = NULL;
	const struct mx_mail_attach *t = m->attachments;
	LPSRowSet rows = NULL;
	bool ok;
	HRESULT hr;

	demo_step(r->s->w, "list attachments");
	hr = IMessage_GetAttachmentTable(msg, 0, &table);
	if (!demo_ok(r->s->w, r->s->u, hr))
		return false;
	if (!count_rows(r, table, "attachments", m->n_attachments))
		return false;
	if (!t)
		return true;
	hr = HrQueryAllRows(table, (LPSPropTagArray)&columns, NULL, NULL, 0,
			    &rows);
	ok = demo_ok(r->s->w, r->s->u, hr);
	for (ULONG i = 0; ok && t && i < rows->cRows; i++, t = t->next)
		ok = read_attachment(r, msg, rows->aRow[i].lpProps[0].Value.ul,
				     t);
	FreeProws(rows);
	return ok;
}

static bool read_message(struct reading *r, LPMESSAGE msg,
			 const struct mx_mail *m)
{
	LPMAPIPROP p = (LPMAPIPROP)msg;

	demo_step(r->s->w, "read a message");
	return same_text(r, p, PR_SUBJECT_W, "the subject",
			 m->subject ? m->subject : "") &&
	       same_text(r, p, PR_SENT_REPRESENTING_NAME_W, "the author",
			 m->from ? m->from->name : NULL) &&
	       same_text(r, p, PR_SENDER_EMAIL_ADDRESS_W, "the sender",
			 m->sender && *m->sender->addr ? m->sender->addr
						       : NULL) &&
	       same_text(r, p, PR_INTERNET_MESSAGE_ID_W, "the message id",
			 m->message_id) &&
	       same_text(r, p, PR_TRANSPORT_MESSAGE_HEADERS_W, "the headers",
			 m->headers) &&
	       same_text(r, p, PR_BODY_W, "the body", m->text) &&
	       same(r, p, PR_HTML, "the HTML body", m->html, m->html_len) &&
	       read_recipients(r, msg, m) && read_attachments(r, msg, m);
}

bool demo_read_loaded(struct demo_side *s, const struct demo_loaded *l)
{
	struct reading r = {.s = s, .file = l->mail->file};
	LPMESSAGE msg = NULL;
	ULONG type = 0;
	HRESULT hr;
	bool ok;

	demo_step(s->w, "open a message");
	hr = IMsgStore_OpenEntry(s->store, l->cb, (LPENTRYID)l->id, NULL, 0,
				 &type, (LPUNKNOWN *)&msg);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	demo_hold(s, msg);
	ok = read_message(&r, msg, l->mail->mail);
	if (ok)
		atomic_fetch_add(&s->u->read, 1);
	mx_arena_fini(&r.a);
	return ok;
}
