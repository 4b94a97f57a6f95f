/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rounds send each other, and the proof that it arrived.
 *
 * The text and the attachment of a round follow from the run's seed and the
 * round's number, so whoever reads the message can make them again and compare
 * byte for byte.  Every sixth text and every eighth attachment is larger than
 * an answer can hold and has to go by stream, both ways.
 */
#include "cli/demo.h"

#include <edkmdb.h>
#include <mapiutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/auto.h"
#include "base/buf.h"
#include "mime/proplist.h"
#include "mime/write.h"

#define SUBJECT_START "Mapiary demo "
/* Larger values go by stream. */
#define STREAM_FROM 8000

struct content {
	char subject[96], file[64];
	struct mx_buf text; /* UTF-8, CRLF */
	struct mx_buf data;
};

static void release_auto(void *p)
{
	UlRelease(*(void **)p);
}

static void content_auto(struct content *c)
{
	mx_buf_fini(&c->text);
	mx_buf_fini(&c->data);
}

void demo_subject(const struct demo *d, unsigned no, char buf[96])
{
	snprintf(buf, 96, SUBJECT_START "%s round %u: Grüße, привет 🐝",
		 d->run_id, no);
}

static void make_content(const struct demo *d, unsigned no, struct content *c)
{
	static const char *const words[] = {
		"archive", "Bücher", "candle", "déjà",    "empty",  "ñandú",
		"garden",  "日本",   "ключ",   "lantern", "öffnen", "🐝",
		"quiet",   "river",  "straße", "thing",   "under",  "¿qué?",
	};
	struct mx_prng r = {.s = d->opt.seed * 1000003u + no + 1};
	size_t text_len = no % 6 == 5 ? 60000 + mx_prng_below(&r, 60000)
				      : 100 + mx_prng_below(&r, 2000);
	size_t data_len = no % 8 == 7 ? 200000 + mx_prng_below(&r, 300000)
				      : 1 + mx_prng_below(&r, 20000);

	demo_subject(d, no, c->subject);
	snprintf(c->file, sizeof(c->file), "Anhang-%u-ü.bin", no);
	while (c->text.len < text_len && !c->text.err)
		mx_buf_printf(&c->text, "%s%s",
			      words[mx_prng_below(&r, MX_ARRAY_SIZE(words))],
			      mx_prng_below(&r, 9) ? " " : ".\r\n");
	/* A server that delivers by internet mail cannot tell whether the last
	 * line had an end (gromox takes it for the part's own). */
	if (d->opt.url && c->text.len && c->text.p[c->text.len - 1] == '\n')
		mx_buf_puts(&c->text, "end");
	while (c->data.len < data_len && !c->data.err) {
		uint64_t x = mx_prng_next(&r);

		mx_buf_put(&c->data, &x,
			   data_len - c->data.len < 8 ? data_len - c->data.len
						      : 8);
	}
}

static bool enough(struct demo_side *s, const struct content *c)
{
	if (!c->text.err && !c->data.err)
		return true;
	demo_error(s->w->d, s->u, "out of memory");
	return false;
}

/* ---- sending ---- */

static HRESULT add_recipient(LPMESSAGE msg, struct mx_arena *a, unsigned no,
			     const struct demo_user *to)
{
	struct mx_props *p = mx_arena_new(a, struct mx_props);
	LPADRLIST list = mx_arena_calloc(a, 1, CbNewADRLIST(1));
	const bool ex = to->dn && no % 2;

	if (!p || !list)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	p->a = a;
	mx_props_long(p, PR_RECIPIENT_TYPE, MAPI_TO);
	mx_props_long(p, PR_OBJECT_TYPE, MAPI_MAILUSER);
	mx_props_long(p, PR_DISPLAY_TYPE, DT_MAILUSER);
	mx_props_text(p, PR_DISPLAY_NAME_W, to->display);
	mx_props_text(p, PR_ADDRTYPE_W, ex ? "EX" : "SMTP");
	mx_props_text(p, PR_EMAIL_ADDRESS_W, ex ? to->dn : to->smtp);
	mx_props_text(p, PR_SMTP_ADDRESS_W, to->smtp);
	mx_props_search_key(p, PR_SEARCH_KEY, ex ? "EX" : "SMTP",
			    ex ? to->dn : to->smtp);
	if (ex)
		mx_props_directory_id(p, PR_ENTRYID, to->dn);
	else
		mx_props_one_off(p, PR_ENTRYID, to->display, "SMTP", to->smtp);
	if (p->oom)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	list->cEntries = 1;
	list->aEntries[0].cValues = p->n;
	list->aEntries[0].rgPropVals = p->v;
	return IMessage_ModifyRecipients(msg, MODRECIP_ADD, list);
}

static HRESULT add_attachment(LPMESSAGE msg, struct mx_arena *a,
			      const struct content *c)
{
	MX_AUTO(release_auto) LPATTACH att = NULL;
	struct mx_props *p = mx_arena_new(a, struct mx_props);
	ULONG num;
	HRESULT hr;

	if (!p)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	p->a = a;
	hr = IMessage_CreateAttach(msg, NULL, 0, &num, &att);
	if (FAILED(hr))
		return hr;
	mx_props_long(p, PR_ATTACH_METHOD, ATTACH_BY_VALUE);
	mx_props_long(p, PR_RENDERING_POSITION, -1);
	mx_props_text(p, PR_ATTACH_FILENAME_W, c->file);
	mx_props_text(p, PR_ATTACH_LONG_FILENAME_W, c->file);
	mx_props_text(p, PR_DISPLAY_NAME_W, c->file);
	if (p->oom)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	hr = IAttach_SetProps(att, p->n, p->v, NULL);
	if (!FAILED(hr))
		hr = mx_mapi_stream_out((LPMAPIPROP)att, PR_ATTACH_DATA_BIN,
					c->data.p, c->data.len);
	return FAILED(hr) ? hr : IAttach_SaveChanges(att, 0);
}

static HRESULT set_text(LPMESSAGE msg, struct mx_arena *a, struct content *c,
			const SBinary *sent_mail)
{
	struct mx_props *p = mx_arena_new(a, struct mx_props);
	const char *text = mx_buf_str(&c->text);
	HRESULT hr = S_OK;
	wchar_t *wide;
	size_t n;

	if (!p)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	p->a = a;
	mx_props_text(p, PR_MESSAGE_CLASS_W, "IPM.Note");
	mx_props_text(p, PR_SUBJECT_W, c->subject);
	mx_props_bin(p, PR_SENTMAIL_ENTRYID, sent_mail->lpb, sent_mail->cb);
	mx_props_time(p, PR_CLIENT_SUBMIT_TIME, mx_filetime_now());
	if (c->text.len < STREAM_FROM) {
		mx_props_text(p, PR_BODY_W, text);
	} else {
		wide = mx_props_wide(a, text, &n);
		if (!wide)
			return MAPI_E_NOT_ENOUGH_MEMORY;
		hr = mx_mapi_stream_out((LPMAPIPROP)msg, PR_BODY_W, wide,
					n * sizeof(*wide));
	}
	if (p->oom)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	return FAILED(hr) ? hr : IMessage_SetProps(msg, p->n, p->v, NULL);
}

bool demo_send(struct demo_side *s, unsigned no, struct demo_user *to)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(content_auto) struct content c = {.subject = ""};
	MX_AUTO(release_auto) LPMESSAGE msg = NULL;
	struct demo_sent *sent = &s->w->d->sent[no];
	LPSPropValue sent_mail = NULL;
	LPMAPIFOLDER outbox;
	HRESULT hr;

	make_content(s->w->d, no, &c);
	if (!enough(s, &c) ||
	    !demo_open_folder(s, PR_IPM_OUTBOX_ENTRYID, &outbox))
		return false;
	demo_step(s->w, "write a message");
	hr = HrGetOneProp((LPMAPIPROP)s->store, PR_IPM_SENTMAIL_ENTRYID,
			  &sent_mail);
	if (!FAILED(hr))
		hr = IMAPIFolder_CreateMessage(outbox, NULL, 0, &msg);
	if (!FAILED(hr))
		hr = set_text(msg, &a, &c, &sent_mail->Value.bin);
	MAPIFreeBuffer(sent_mail);
	if (!FAILED(hr))
		hr = add_recipient(msg, &a, no, to);
	if (!FAILED(hr))
		hr = add_attachment(msg, &a, &c);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	demo_step(s->w, "submit");
	if (!demo_ok(s->w, s->u, IMessage_SubmitMessage(msg, 0)))
		return false;
	sent->from = (unsigned)(s->u - s->w->d->users);
	sent->to = (unsigned)(to - s->w->d->users);
	sent->sent = true;
	atomic_fetch_add(&s->u->sent, 1);
	return true;
}

/* ---- the proof ---- */

static bool same(struct demo_side *s, unsigned no, LPMAPIPROP obj, ULONG tag,
		 const char *what, const void *want, size_t len)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	const void *got = NULL;
	size_t n = 0;
	HRESULT hr = demo_get_bytes(obj, tag, &a, &got, &n);

	if (!demo_ok(s->w, s->u, hr))
		return false;
	if (n == len && !memcmp(got, want, len))
		return true;
	demo_error(s->w->d, s->u,
		   "round %u: %s differs: %zu bytes arrived of %zu", no, what,
		   n, len);
	return false;
}

static bool verify_attachment(struct demo_side *s, unsigned no, LPMESSAGE msg,
			      const struct content *c)
{
	MX_AUTO(release_auto) LPMAPITABLE table = NULL;
	MX_AUTO(release_auto) LPATTACH att = NULL;
	ULONG n = 0;
	HRESULT hr = IMessage_GetAttachmentTable(msg, 0, &table);

	if (!FAILED(hr))
		hr = IMAPITable_GetRowCount(table, 0, &n);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	if (n != 1) {
		demo_error(s->w->d, s->u, "round %u: %u attachments, not one",
			   no, n);
		return false;
	}
	hr = IMessage_OpenAttach(msg, 0, NULL, 0, &att);
	return demo_ok(s->w, s->u, hr) &&
	       same(s, no, (LPMAPIPROP)att, PR_ATTACH_LONG_FILENAME_W,
		    "the attachment's name", c->file, strlen(c->file)) &&
	       same(s, no, (LPMAPIPROP)att, PR_ATTACH_DATA_BIN,
		    "the attachment", c->data.p, c->data.len);
}

bool demo_verify(struct demo_side *s, unsigned no, LPMESSAGE msg)
{
	MX_AUTO(content_auto) struct content c = {.subject = ""};
	LPMAPIPROP p = (LPMAPIPROP)msg;

	make_content(s->w->d, no, &c);
	if (!enough(s, &c))
		return false;
	demo_step(s->w, "read what was sent");
	if (!same(s, no, p, PR_SUBJECT_W, "the subject", c.subject,
		  strlen(c.subject)) ||
	    !same(s, no, p, PR_BODY_W, "the body", c.text.p, c.text.len) ||
	    !verify_attachment(s, no, msg, &c))
		return false;
	atomic_fetch_add(&s->u->read, 1);
	return true;
}

/* ---- the sweep after all rounds ---- */

/* The round that sent this subject in this run; UINT_MAX when none did. */
static unsigned round_of(const struct demo *d, const wchar_t *subject)
{
	char start[64];
	wchar_t wide[64];
	unsigned no = 0;
	size_t n;

	snprintf(start, sizeof(start), SUBJECT_START "%s round ", d->run_id);
	n = strlen(start);
	for (size_t i = 0; i <= n; i++)
		wide[i] = (wchar_t)start[i];
	if (wcsncmp(subject, wide, n))
		return d->opt.rounds;
	for (subject += n; *subject >= L'0' && *subject <= L'9'; subject++)
		no = no * 10 + (unsigned)(*subject - L'0');
	return no < d->opt.rounds ? no : d->opt.rounds;
}

static bool sweep_row(struct demo_side *s, const SRow *row)
{
	struct demo *d = s->w->d;
	const unsigned me = (unsigned)(s->u - d->users);
	const SPropValue *v = row->lpProps;
	LPMESSAGE msg = NULL;
	ULONG type = 0;
	unsigned no;
	bool ok;

	if (v[1].ulPropTag != PR_SUBJECT_W)
		return true;
	no = round_of(d, v[1].Value.lpszW);
	if (no == d->opt.rounds || !d->sent[no].sent || d->sent[no].to != me)
		return true;
	if (d->sent[no].swept) {
		demo_error(d, s->u, "round %u arrived twice", no);
		return false;
	}
	demo_step(s->w, "open a message");
	if (!demo_ok(s->w, s->u,
		     IMsgStore_OpenEntry(s->store, v[0].Value.bin.cb,
					 (LPENTRYID)v[0].Value.bin.lpb, NULL, 0,
					 &type, (LPUNKNOWN *)&msg)))
		return false;
	ok = demo_verify(s, no, msg);
	d->sent[no].swept = ok;
	IMessage_Release(msg);
	return ok;
}

static bool sweep_inbox(struct demo_side *s)
{
	static SizedSPropTagArray(2, columns) = {2, {PR_ENTRYID, PR_SUBJECT_W}};
	wchar_t start[] = L"" SUBJECT_START;
	SPropValue prefix = {.ulPropTag = PR_SUBJECT_W, .Value.lpszW = start};
	SRestriction ours = {
		.rt = RES_CONTENT,
		.res.resContent = {.ulFuzzyLevel = FL_PREFIX,
				   .ulPropTag = PR_SUBJECT_W,
				   .lpProp = &prefix},
	};
	MX_AUTO(release_auto) LPMAPITABLE table = NULL;
	LPSRowSet rows = NULL;
	bool ok;
	HRESULT hr;

	demo_step(s->w, "list what arrived");
	hr = IMAPIFolder_GetContentsTable(s->inbox, 0, &table);
	if (!FAILED(hr))
		hr = HrQueryAllRows(table, (LPSPropTagArray)&columns, &ours,
				    NULL, 0, &rows);
	if (!demo_ok(s->w, s->u, hr))
		return false;
	ok = true;
	for (ULONG i = 0; i < rows->cRows; i++)
		ok = sweep_row(s, &rows->aRow[i]) && ok;
	FreeProws(rows);
	return ok;
}

static void check_count(struct demo_side *s, LPMAPIFOLDER f, const char *name,
			size_t want)
{
	LPSPropValue n = NULL;

	if (!demo_ok(s->w, s->u,
		     HrGetOneProp((LPMAPIPROP)f, PR_CONTENT_COUNT, &n)))
		return;
	if (n->Value.ul != want)
		demo_error(s->w->d, s->u, "%u messages in %s, not %zu",
			   n->Value.ul, name, want);
	MAPIFreeBuffer(n);
}

/* The embedded server is ours alone: what went in and out must add up. */
static void check_counts(struct demo_side *s)
{
	const struct demo_user *u = s->u;
	size_t inbox = u->had_inbox, waste = u->had_waste;
	LPMAPIFOLDER folder;

	for (size_t i = 0; i < u->n_loaded; i++) {
		inbox += !u->loaded[i].moved && !u->loaded[i].deleted;
		waste += u->loaded[i].moved;
	}
	for (unsigned i = 0; i < s->w->d->opt.rounds; i++)
		inbox += s->w->d->sent[i].sent &&
			 &s->w->d->users[s->w->d->sent[i].to] == u;
	demo_step(s->w, "count messages");
	check_count(s, s->inbox, "the inbox", inbox);
	if (demo_open_folder(s, PR_IPM_WASTEBASKET_ENTRYID, &folder))
		check_count(s, folder, "Deleted Items", waste);
}

void demo_sweep(struct demo_worker *w, unsigned no)
{
	struct demo *d = w->d;
	struct mx_prng rnd = {.s = d->opt.seed + 99991 + no};
	struct demo_side s;

	if (demo_side_open(&s, w, &d->users[no]) && demo_open_inbox(&s)) {
		sweep_inbox(&s);
		if (!d->opt.url)
			check_counts(&s);
		for (unsigned i = 0; i < d->opt.rounds; i++)
			if (d->sent[i].sent && d->sent[i].to == no &&
			    !d->sent[i].swept)
				demo_error(d, s.u,
					   "round %u's message is not in the "
					   "inbox, or not as it was sent",
					   i);
	}
	demo_side_close(&s, &rnd);
}
