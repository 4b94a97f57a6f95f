/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From MIME's tree to MAPI's two bodies and a flat list of attachments.
 *
 * The first thing that is text is the body.  In multipart/alternative the
 * plain and the HTML text are the same body twice; what is text but comes
 * later, has a file name or is marked as an attachment becomes one.  Anything
 * else is an attachment, message/rfc822 a nested message.
 */
#include "mime/mail-private.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"

/* Multiparts within multiparts of one message. */
#define MAX_TREE_DEPTH 64
/* Messages within messages: what mail stores take, ours and others'. */
#define MAX_NESTED 15

struct walk {
	struct mx_arena *a;
	struct mx_mail *m;
	struct mx_mail_attach **tail;
	unsigned msg_depth, tree_depth;
	bool body_done;   /* what comes now is not the body any more */
	bool alternative; /* inside multipart/alternative: body twice */
	bool related;
};

static int visit(struct walk *w, GMimeObject *o);

/* The decoded content of a leaf, or the text of anything else, in the arena. */
static int content_of(struct walk *w, GMimeObject *o, const char **ret,
		      size_t *ret_len)
{
	GMimeStream *mem = g_mime_stream_mem_new();
	GMimeDataWrapper *content = NULL;
	GByteArray *bytes;
	char *copy;

	if (GMIME_IS_PART(o)) {
		content = g_mime_part_get_content(GMIME_PART(o));
		if (content)
			g_mime_data_wrapper_write_to_stream(content, mem);
	} else {
		g_mime_object_write_content_to_stream(o, NULL, mem);
	}
	bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(mem));
	copy = mx_arena_dup(w->a, bytes->len ? (const void *)bytes->data : "",
			    bytes->len);
	if (copy) {
		*ret = copy;
		*ret_len = bytes->len;
	}
	g_object_unref(mem);
	return copy ? 0 : -ENOMEM;
}

static int add_attachment(struct walk *w, GMimeObject *o,
			  struct mx_mail_attach **ret)
{
	struct mx_mail_attach *t = mx_arena_new(w->a, struct mx_mail_attach);
	GMimeContentType *ct = g_mime_object_get_content_type(o);
	char *type = ct ? g_mime_content_type_get_mime_type(ct) : NULL;
	bool oom = !t;

	if (!oom) {
		t->type = mx_mail_utf8(
			w->a, type ? type : "application/octet-stream", &oom);
		t->cid = mx_mail_utf8(w->a, g_mime_object_get_content_id(o),
				      &oom);
		t->related = w->related;
	}
	if (!oom && GMIME_IS_PART(o)) {
		GMimePart *p = GMIME_PART(o);

		t->name = mx_mail_utf8(w->a, g_mime_part_get_filename(p), &oom);
		t->location = mx_mail_utf8(
			w->a, g_mime_part_get_content_location(p), &oom);
	}
	g_free(type);
	if (oom)
		return -ENOMEM;
	*w->tail = t;
	w->tail = &t->next;
	w->m->n_attachments++;
	*ret = t;
	return 0;
}

static int attach_content(struct walk *w, GMimeObject *o)
{
	struct mx_mail_attach *t;
	const char *data;
	size_t len;
	int r = add_attachment(w, o, &t);

	if (!r)
		r = content_of(w, o, &data, &len);
	if (!r) {
		t->data = data;
		t->len = len;
	}
	return r;
}

static int visit_message(struct walk *w, GMimeObject *o)
{
	GMimeMessage *inner =
		g_mime_message_part_get_message(GMIME_MESSAGE_PART(o));
	struct mx_mail_attach *t;
	int r;

	if (!inner) {
		mx_mail_note(w->a, w->m, "message part without a message");
		return attach_content(w, o);
	}
	if (w->msg_depth + 1 >= MAX_NESTED) {
		mx_mail_note(w->a, w->m,
			     "message nested too deeply: kept as a file");
		return attach_content(w, o);
	}
	r = add_attachment(w, o, &t);
	return r ? r
		 : mx_mail_from_message(inner, w->msg_depth + 1, w->a,
					&t->nested);
}

static int take_plain(struct walk *w, GMimeObject *o)
{
	const char *charset =
		g_mime_object_get_content_type_parameter(o, "charset");
	const char *data;
	size_t len;
	int r = content_of(w, o, &data, &len);

	if (r)
		return r;
	w->m->text = mx_mail_text(data, len, charset, w->a, w->m);
	if (!w->m->html && mx_mail_cpid(charset))
		w->m->cpid = mx_mail_cpid(charset);
	return w->m->text ? 0 : -ENOMEM;
}

/* HTML keeps its own charset: its <meta> may name it. */
static int take_html(struct walk *w, GMimeObject *o)
{
	const char *charset =
		g_mime_object_get_content_type_parameter(o, "charset");
	const char *data;
	size_t len;
	int r = content_of(w, o, &data, &len);

	if (r)
		return r;
	w->m->cpid = mx_mail_cpid(charset);
	if (!w->m->cpid) {
		data = mx_mail_text(data, len, charset, w->a, w->m);
		if (!data)
			return -ENOMEM;
		len = strlen(data);
		w->m->cpid = 65001;
	}
	w->m->html = data;
	w->m->html_len = len;
	return 0;
}

static bool is_file(GMimeObject *o)
{
	const char *d = g_mime_object_get_disposition(o);

	return (d && !strcasecmp(d, GMIME_DISPOSITION_ATTACHMENT)) ||
	       (GMIME_IS_PART(o) && g_mime_part_get_filename(GMIME_PART(o)));
}

static int visit_leaf(struct walk *w, GMimeObject *o)
{
	GMimeContentType *ct = g_mime_object_get_content_type(o);
	bool plain = !ct || g_mime_content_type_is_type(ct, "text", "plain");
	bool html = ct && g_mime_content_type_is_type(ct, "text", "html");
	bool body = !w->body_done && !is_file(o);

	if (!w->alternative)
		w->body_done = true;
	if (body && plain && !w->m->text)
		return take_plain(w, o);
	if (body && html && !w->m->html)
		return take_html(w, o);
	return attach_content(w, o);
}

/* A multipart that has no parts is somebody's text all the same. */
static int visit_childless(struct walk *w, GMimeObject *o)
{
	const char *data;
	size_t len;
	int r = content_of(w, o, &data, &len);

	if (r || !len)
		return r;
	if (w->m->text || w->body_done)
		return attach_content(w, o);
	mx_mail_note(w->a, w->m, "multipart without parts: kept as text");
	w->m->text = mx_mail_text(data, len, NULL, w->a, w->m);
	w->body_done = true;
	return w->m->text ? 0 : -ENOMEM;
}

static bool blank(const char *s)
{
	return !s || !s[strspn(s, " \t\r\n")];
}

static int visit_multipart(struct walk *w, GMimeObject *o)
{
	GMimeMultipart *mp = GMIME_MULTIPART(o);
	GMimeContentType *ct = g_mime_object_get_content_type(o);
	bool was_alternative = w->alternative, was_related = w->related;
	int n = g_mime_multipart_get_count(mp), r = 0;

	if (n == 0)
		return visit_childless(w, o);
	if (w->tree_depth >= MAX_TREE_DEPTH) {
		mx_mail_note(w->a, w->m,
			     "parts nested too deeply: kept as a file");
		return attach_content(w, o);
	}
	if (!blank(g_mime_multipart_get_epilogue(mp)))
		mx_mail_note(
			w->a, w->m,
			"text behind the last part is only noise: left out");
	w->tree_depth++;
	w->alternative =
		w->alternative ||
		g_mime_content_type_is_type(ct, "multipart", "alternative");
	w->related = w->related ||
		     g_mime_content_type_is_type(ct, "multipart", "related");
	for (int i = 0; i < n && !r; i++)
		r = visit(w, g_mime_multipart_get_part(mp, i));
	w->tree_depth--;
	w->related = was_related;
	w->alternative = was_alternative;
	if (!w->alternative)
		w->body_done = true;
	return r;
}

static int visit(struct walk *w, GMimeObject *o)
{
	if (GMIME_IS_MESSAGE_PART(o)) {
		if (!w->alternative)
			w->body_done = true;
		return visit_message(w, o);
	}
	if (GMIME_IS_MULTIPART(o))
		return visit_multipart(w, o);
	return visit_leaf(w, o);
}

int mx_mail_walk(GMimeObject *top, unsigned depth, struct mx_arena *a,
		 struct mx_mail *m)
{
	struct walk w = {
		.a = a, .m = m, .tail = &m->attachments, .msg_depth = depth};

	return visit(&w, top);
}
