/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail to properties.  Short values go in one SetProps; bodies, attachments
 * and whatever might not fit a request go by stream.
 */
#include "mime/write.h"

#include <edkmdb.h>
#include <mapiutil.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "mime/proplist.h"

/* Values longer than this go by stream. */
#define STREAM_FROM 8000
#define STREAM_PIECE (64u << 10)

static void release_auto(void *p)
{
	UlRelease(*(void **)p);
}

HRESULT mx_mapi_stream_out(LPMAPIPROP obj, ULONG tag, const void *data,
			   size_t len)
{
	MX_AUTO(release_auto) LPSTREAM stream = NULL;
	ULARGE_INTEGER size = {.QuadPart = len};
	const char *p = data;
	HRESULT hr;

	hr = IMAPIProp_OpenProperty(obj, tag, &IID_IStream,
				    STGM_READWRITE | STGM_TRANSACTED,
				    MAPI_CREATE | MAPI_MODIFY,
				    (LPUNKNOWN *)&stream);
	if (FAILED(hr))
		return hr;
	hr = IStream_SetSize(stream, size);
	while (!FAILED(hr) && len) {
		ULONG n = len < STREAM_PIECE ? (ULONG)len : STREAM_PIECE;
		ULONG done = 0;

		hr = IStream_Write(stream, p, n, &done);
		if (!FAILED(hr) && done == 0)
			return STG_E_WRITEFAULT;
		p += done;
		len -= done;
	}
	return FAILED(hr) ? hr : IStream_Commit(stream, 0);
}

/* Text by SetProps or by stream, whatever its length asks for. */
static HRESULT put_text(LPMAPIPROP obj, struct mx_props *props, ULONG tag,
			const char *utf8)
{
	size_t n;
	wchar_t *w;

	if (!utf8)
		return S_OK;
	if (strlen(utf8) < STREAM_FROM) {
		mx_props_text(props, tag, utf8);
		return S_OK;
	}
	w = mx_props_wide(props->a, utf8, &n);
	if (!w)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	return mx_mapi_stream_out(obj, tag, w, n * sizeof(*w));
}

static HRESULT put_bytes(LPMAPIPROP obj, struct mx_props *props, ULONG tag,
			 const void *data, size_t len)
{
	if (len < STREAM_FROM) {
		mx_props_bin(props, tag, data, len);
		return S_OK;
	}
	return mx_mapi_stream_out(obj, tag, data, len);
}

static HRESULT set_props(LPMAPIPROP obj, struct mx_props *p)
{
	if (p->oom)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	return p->n ? IMAPIProp_SetProps(obj, p->n, p->v, NULL) : S_OK;
}

static void put_originator(struct mx_props *p, const struct mx_mail_addr *who,
			   bool sender)
{
	if (!who)
		return;
	mx_props_text(p,
		      sender ? PR_SENDER_NAME_W : PR_SENT_REPRESENTING_NAME_W,
		      who->name);
	if (!*who->addr)
		return;
	mx_props_text(p,
		      sender ? PR_SENDER_ADDRTYPE_W
			     : PR_SENT_REPRESENTING_ADDRTYPE_W,
		      "SMTP");
	mx_props_text(p,
		      sender ? PR_SENDER_EMAIL_ADDRESS_W
			     : PR_SENT_REPRESENTING_EMAIL_ADDRESS_W,
		      who->addr);
	mx_props_one_off(
		p, sender ? PR_SENDER_ENTRYID : PR_SENT_REPRESENTING_ENTRYID,
		who->name, "SMTP", who->addr);
	mx_props_search_key(p,
			    sender ? PR_SENDER_SEARCH_KEY
				   : PR_SENT_REPRESENTING_SEARCH_KEY,
			    "SMTP", who->addr);
}

/* PR_REPLY_RECIPIENT_ENTRIES: u32 count, u32 bytes, then for each u32 length
 * and the entry id, padded to four.  [MS-OXCDATA] 2.3.3. */
static void put_reply_to(struct mx_props *p, const struct mx_mail_addr *list)
{
	struct mx_props ids = {.a = p->a};
	char *names = NULL;
	uint32_t n = 0, at = 8;
	size_t len = 8;
	uint8_t *out;

	for (const struct mx_mail_addr *i = list; i && n < 40;
	     i = i->next, n++) {
		mx_props_one_off(&ids, PR_ENTRYID, i->name, "SMTP", i->addr);
		names = names ? mx_arena_printf(p->a, "%s;%s", names, i->name)
			      : mx_arena_strdup(p->a, i->name);
		if (ids.oom || !names) {
			p->oom = true;
			return;
		}
		len += 4 + ((ids.v[n].Value.bin.cb + 3u) & ~3u);
	}
	if (!n)
		return;
	out = mx_arena_calloc(p->a, 1, len);
	if (!out) {
		p->oom = true;
		return;
	}
	memcpy(out, &n, 4);
	memcpy(out + 4, &(uint32_t){(uint32_t)len - 8}, 4);
	for (uint32_t i = 0; i < n; i++) {
		ULONG cb = ids.v[i].Value.bin.cb;

		memcpy(out + at, &cb, 4);
		memcpy(out + at + 4, ids.v[i].Value.bin.lpb, cb);
		at += 4 + ((cb + 3u) & ~3u);
	}
	mx_props_text(p, PR_REPLY_RECIPIENT_NAMES_W, names);
	mx_props_bin(p, PR_REPLY_RECIPIENT_ENTRIES, out, len);
}

/* One recipient's columns, in memory that MAPI would free; ours is borrowed. */
static void recipient(struct mx_props *p, const struct mx_mail_addr *to)
{
	mx_props_long(p, PR_RECIPIENT_TYPE, (LONG)to->kind);
	mx_props_long(p, PR_OBJECT_TYPE, MAPI_MAILUSER);
	mx_props_long(p, PR_DISPLAY_TYPE, DT_MAILUSER);
	mx_props_text(p, PR_DISPLAY_NAME_W, to->name);
	mx_props_text(p, PR_ADDRTYPE_W, "SMTP");
	mx_props_text(p, PR_EMAIL_ADDRESS_W, to->addr);
	mx_props_text(p, PR_SMTP_ADDRESS_W, to->addr);
	mx_props_one_off(p, PR_ENTRYID, to->name, "SMTP", to->addr);
	mx_props_search_key(p, PR_SEARCH_KEY, "SMTP", to->addr);
}

static HRESULT put_recipients(LPMESSAGE msg, const struct mx_mail *m,
			      struct mx_arena *a)
{
	const size_t n = m->n_recips;
	struct mx_props *rows = mx_arena_newv(a, struct mx_props, n);
	LPADRLIST list = mx_arena_calloc(a, 1, CbNewADRLIST((ULONG)n));
	const struct mx_mail_addr *to = m->recips;

	if (!n)
		return S_OK;
	if (!rows || !list)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	for (size_t i = 0; i < n; i++, to = to->next) {
		rows[i].a = a;
		recipient(&rows[i], to);
		if (rows[i].oom)
			return MAPI_E_NOT_ENOUGH_MEMORY;
		list->aEntries[i].cValues = rows[i].n;
		list->aEntries[i].rgPropVals = rows[i].v;
	}
	list->cEntries = (ULONG)n;
	return IMessage_ModifyRecipients(msg, MODRECIP_ADD, list);
}

static HRESULT write_message(LPMESSAGE msg, const struct mx_mail *m,
			     struct mx_arena *a, const char **ret_what);

static const char *extension_of(const char *name)
{
	const char *dot = name ? strrchr(name, '.') : NULL;

	return dot && dot[1] ? dot : NULL;
}

static void attachment_props(struct mx_props *p, const struct mx_mail_attach *t)
{
	const char *name = t->name;

	if (!name && t->nested)
		name = t->nested->subject;
	mx_props_long(p, PR_ATTACH_METHOD,
		      t->nested ? ATTACH_EMBEDDED_MSG : ATTACH_BY_VALUE);
	mx_props_long(p, PR_RENDERING_POSITION, -1);
	mx_props_text(p, PR_DISPLAY_NAME_W, name);
	if (!t->nested) {
		mx_props_text(p, PR_ATTACH_FILENAME_W, t->name);
		mx_props_text(p, PR_ATTACH_LONG_FILENAME_W, t->name);
		mx_props_text(p, PR_ATTACH_EXTENSION_W, extension_of(t->name));
	}
	mx_props_text(p, PR_ATTACH_MIME_TAG_W, t->type);
	mx_props_text(p, PR_ATTACH_CONTENT_ID_W, t->cid);
	mx_props_text(p, PR_ATTACH_CONTENT_LOCATION_W, t->location);
	if (t->related) {
		mx_props_long(p, PR_ATTACH_FLAGS, 4); /* shown in the HTML */
		mx_props_bool(p, PR_ATTACHMENT_HIDDEN, true);
	}
}

static HRESULT write_nested(LPATTACH att, const struct mx_mail *m,
			    struct mx_arena *a, const char **ret_what)
{
	MX_AUTO(release_auto) LPMESSAGE inner = NULL;
	HRESULT hr;

	*ret_what = "open the nested message";
	hr = IAttach_OpenProperty(att, PR_ATTACH_DATA_OBJ, &IID_IMessage, 0,
				  MAPI_CREATE | MAPI_MODIFY,
				  (LPUNKNOWN *)&inner);
	if (!FAILED(hr))
		hr = write_message(inner, m, a, ret_what);
	if (FAILED(hr))
		return hr;
	*ret_what = "save the nested message";
	return IMessage_SaveChanges(inner, 0);
}

static HRESULT write_attachment(LPMESSAGE msg, const struct mx_mail_attach *t,
				struct mx_arena *a, const char **ret_what)
{
	MX_AUTO(release_auto) LPATTACH att = NULL;
	struct mx_props *p = mx_arena_new(a, struct mx_props);
	ULONG num;
	HRESULT hr;

	if (!p)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	p->a = a;
	*ret_what = "create an attachment";
	hr = IMessage_CreateAttach(msg, NULL, 0, &num, &att);
	if (FAILED(hr))
		return hr;
	*ret_what = "set an attachment's properties";
	attachment_props(p, t);
	hr = set_props((LPMAPIPROP)att, p);
	if (FAILED(hr))
		return hr;
	if (t->nested) {
		hr = write_nested(att, t->nested, a, ret_what);
	} else {
		*ret_what = "write an attachment's data";
		hr = mx_mapi_stream_out((LPMAPIPROP)att, PR_ATTACH_DATA_BIN,
					t->data, t->len);
	}
	if (FAILED(hr))
		return hr;
	*ret_what = "save an attachment";
	return IAttach_SaveChanges(att, 0);
}

static HRESULT put_bodies(LPMESSAGE msg, struct mx_props *p,
			  const struct mx_mail *m)
{
	HRESULT hr = put_text((LPMAPIPROP)msg, p, PR_BODY_W, m->text);

	if (!FAILED(hr) && m->html)
		hr = put_bytes((LPMAPIPROP)msg, p, PR_HTML, m->html,
			       m->html_len);
	if (!FAILED(hr) && (m->html || m->text))
		mx_props_long(p, PR_INTERNET_CPID, (LONG)m->cpid);
	return hr;
}

static void header_props(struct mx_props *p, const struct mx_mail *m)
{
	mx_filetime now = mx_filetime_now();
	mx_filetime sent = m->has_date ? m->date : now;

	mx_props_text(p, PR_MESSAGE_CLASS_W, "IPM.Note");
	mx_props_long(p, PR_MESSAGE_FLAGS, 0); /* received, not yet read */
	mx_props_text(p, PR_SUBJECT_W, m->subject ? m->subject : "");
	put_originator(p, m->from, false);
	put_originator(p, m->sender, true);
	put_reply_to(p, m->reply_to);
	mx_props_text(p, PR_INTERNET_MESSAGE_ID_W, m->message_id);
	mx_props_text(p, PR_IN_REPLY_TO_ID_W, m->in_reply_to);
	mx_props_text(p, PR_INTERNET_REFERENCES_W, m->references);
	if (m->has_date)
		mx_props_time(p, PR_CLIENT_SUBMIT_TIME, sent);
	mx_props_time(p, PR_MESSAGE_DELIVERY_TIME,
		      m->has_received ? m->received : sent);
	mx_props_long(p, PR_IMPORTANCE, m->importance);
	mx_props_long(p, PR_PRIORITY, m->importance - 1);
	mx_props_long(p, PR_SENSITIVITY, m->sensitivity);
}

static HRESULT write_message(LPMESSAGE msg, const struct mx_mail *m,
			     struct mx_arena *a, const char **ret_what)
{
	struct mx_props *p = mx_arena_new(a, struct mx_props);
	HRESULT hr;

	if (!p)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	p->a = a;
	header_props(p, m);
	*ret_what = "write the transport headers";
	hr = put_text((LPMAPIPROP)msg, p, PR_TRANSPORT_MESSAGE_HEADERS_W,
		      m->headers);
	if (FAILED(hr))
		return hr;
	*ret_what = "write the bodies";
	hr = put_bodies(msg, p, m);
	if (FAILED(hr))
		return hr;
	*ret_what = "set the message's properties";
	hr = set_props((LPMAPIPROP)msg, p);
	if (FAILED(hr))
		return hr;
	*ret_what = "add the recipients";
	hr = put_recipients(msg, m, a);
	for (const struct mx_mail_attach *t = m->attachments; t && !FAILED(hr);
	     t = t->next)
		hr = write_attachment(msg, t, a, ret_what);
	return hr;
}

HRESULT mx_mail_write(LPMESSAGE msg, const struct mx_mail *m,
		      const char **ret_what)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;

	return write_message(msg, m, &a, ret_what);
}
