/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mail's headers: addresses, dates, ids.  GMime does the reading; what it
 * complains about becomes a note.
 */
#include "mime/mail.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/limits.h"
#include "mime/mail-private.h"

void mx_mail_note(struct mx_arena *a, struct mx_mail *m, const char *fmt, ...)
{
	struct mx_mail_note **at = &m->notes, *n;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (; *at; at = &(*at)->next)
		if (!strcmp((*at)->text, text))
			return; /* once is enough */
	m->n_notes++;
	n = mx_arena_new(a, struct mx_mail_note);
	if (!n || !(n->text = mx_arena_strdup(a, text)))
		return;
	*at = n;
}

void mx_mail_each_note(const struct mx_mail *m,
		       void (*fn)(void *arg, const char *text), void *arg)
{
	for (const struct mx_mail_note *n = m->notes; n; n = n->next)
		fn(arg, n->text);
	/* Nesting is bounded by the walk that built it. */
	for (const struct mx_mail_attach *t = m->attachments; t; t = t->next)
		if (t->nested)
			mx_mail_each_note(t->nested, fn, arg);
}

struct headers {
	struct mx_arena *a;
	struct mx_mail *m;
	bool oom;
};

/* Appends every mailbox of the list, groups opened up, behind *at. */
static void add_addrs(struct headers *h, InternetAddressList *list,
		      enum mx_mail_kind kind, struct mx_mail_addr **at,
		      unsigned depth)
{
	int n = list ? internet_address_list_length(list) : 0;

	while (*at)
		at = &(*at)->next;
	for (int i = 0; i < n && !h->oom; i++) {
		InternetAddress *ia =
			internet_address_list_get_address(list, i);
		const char *name = internet_address_get_name(ia);
		const char *addr = "";
		struct mx_mail_addr *to;

		if (INTERNET_ADDRESS_IS_GROUP(ia)) {
			if (depth < 8)
				add_addrs(h,
					  internet_address_group_get_members(
						  INTERNET_ADDRESS_GROUP(ia)),
					  kind, at, depth + 1);
			while (*at)
				at = &(*at)->next;
			continue;
		}
		if (INTERNET_ADDRESS_IS_MAILBOX(ia))
			addr = internet_address_mailbox_get_addr(
				INTERNET_ADDRESS_MAILBOX(ia));
		to = mx_arena_new(h->a, struct mx_mail_addr);
		if (!to) {
			h->oom = true;
			return;
		}
		to->kind = kind;
		to->addr = mx_mail_utf8(h->a, addr ? addr : "", &h->oom);
		to->name = name && *name ? mx_mail_utf8(h->a, name, &h->oom)
					 : to->addr;
		if (h->oom || !*to->name)
			continue; /* an empty address says nothing */
		*at = to;
		at = &to->next;
	}
}

/* A header that has text but gave no address is worth a note. */
static void check_addrs(struct headers *h, GMimeMessage *msg, const char *name,
			const void *found)
{
	const char *v = g_mime_object_get_header(GMIME_OBJECT(msg), name);

	while (v && isspace((unsigned char)*v))
		v++;
	if (v && *v && !found)
		mx_mail_note(h->a, h->m, "%s: no address in \"%.100s\"", name,
			     v);
}

static void take_recipients(struct headers *h, GMimeMessage *msg)
{
	static const struct {
		const char *header;
		GMimeAddressType type;
		enum mx_mail_kind kind;
	} kinds[] = {
		{"To", GMIME_ADDRESS_TYPE_TO, MX_MAIL_TO},
		{"Cc", GMIME_ADDRESS_TYPE_CC, MX_MAIL_CC},
		{"Bcc", GMIME_ADDRESS_TYPE_BCC, MX_MAIL_BCC},
	};
	struct mx_mail_addr *all = NULL;

	for (size_t i = 0; i < MX_ARRAY_SIZE(kinds); i++) {
		InternetAddressList *l =
			g_mime_message_get_addresses(msg, kinds[i].type);
		struct mx_mail_addr *some = NULL, **at = &all;

		add_addrs(h, l, kinds[i].kind, &some, 0);
		check_addrs(h, msg, kinds[i].header,
			    l && internet_address_list_length(l) ? l : NULL);
		while (*at)
			at = &(*at)->next;
		*at = some;
	}
	h->m->recips = all;
	for (; all; all = all->next)
		h->m->n_recips++;
}

/* "MAILER DAEMON <>": no address, yet somebody's name. */
static struct mx_mail_addr *name_only(struct headers *h, GMimeMessage *msg,
				      const char *header)
{
	const char *v = g_mime_object_get_header(GMIME_OBJECT(msg), header);
	struct mx_mail_addr *who = mx_arena_new(h->a, struct mx_mail_addr);
	char *text = v ? g_strdup(v) : NULL, *lt;

	lt = text ? strchr(text, '<') : NULL;
	if (lt)
		*lt = '\0';
	if (who && text && *g_strstrip(text)) {
		who->name = mx_mail_utf8(h->a, text, &h->oom);
		who->addr = "";
	} else {
		h->oom = h->oom || !who;
		who = NULL;
	}
	g_free(text);
	return h->oom ? NULL : who;
}

static void take_originators(struct headers *h, GMimeMessage *msg)
{
	struct mx_mail_addr *from = NULL, *sender = NULL;

	add_addrs(h, g_mime_message_get_from(msg), 0, &from, 0);
	add_addrs(h, g_mime_message_get_sender(msg), 0, &sender, 0);
	add_addrs(h, g_mime_message_get_reply_to(msg), 0, &h->m->reply_to, 0);
	check_addrs(h, msg, "From", from);
	check_addrs(h, msg, "Sender", sender);
	check_addrs(h, msg, "Reply-To", h->m->reply_to);
	if (!from)
		from = name_only(h, msg, "From");
	if (from && from->next)
		mx_mail_note(h->a, h->m, "From: only the first author is kept");
	h->m->from = from ? from : sender;
	h->m->sender = sender ? sender : from;
}

static bool take_time(GDateTime *when, mx_filetime *ret)
{
	if (!when)
		return false;
	*ret = mx_filetime_from_unix(
		g_date_time_to_unix(when),
		(uint32_t)g_date_time_get_microsecond(when) * 1000u);
	return true;
}

static void take_dates(struct headers *h, GMimeMessage *msg)
{
	GMimeObject *o = GMIME_OBJECT(msg);
	const char *v = g_mime_object_get_header(o, "Date");
	GDateTime *received = NULL;

	h->m->has_date = take_time(g_mime_message_get_date(msg), &h->m->date);
	if (v && *v && !h->m->has_date)
		mx_mail_note(h->a, h->m, "Date: cannot read \"%.100s\"", v);
	v = g_mime_object_get_header(o, "Received");
	v = v ? strrchr(v, ';') : NULL;
	if (v)
		received = g_mime_utils_header_decode_date(v + 1);
	h->m->has_received = take_time(received, &h->m->received);
	if (received)
		g_date_time_unref(received);
}

/* [MS-OXCMAIL] 2.2.3.2.5 and .6: Importance, else X-Priority, X-MSMail-… */
static int importance_of(GMimeObject *o)
{
	const char *v = g_mime_object_get_header(o, "Importance");

	if (!v)
		v = g_mime_object_get_header(o, "X-MSMail-Priority");
	if (v && !strcasecmp(v, "high"))
		return 2;
	if (v && !strcasecmp(v, "low"))
		return 0;
	v = g_mime_object_get_header(o, "X-Priority");
	if (v && *v >= '1' && *v <= '5')
		return *v < '3' ? 2 : *v > '3' ? 0 : 1;
	return 1;
}

static int sensitivity_of(GMimeObject *o)
{
	static const char *const names[] = {"", "personal", "private",
					    "company-confidential"};
	const char *v = g_mime_object_get_header(o, "Sensitivity");

	for (int i = 1; v && i < (int)MX_ARRAY_SIZE(names); i++)
		if (!strcasecmp(v, names[i]))
			return i;
	return 0;
}

/* The header block in CRLF. */
static void take_headers(struct headers *h, GMimeMessage *msg)
{
	char *raw = g_mime_object_get_headers(GMIME_OBJECT(msg), NULL);

	if (!raw) {
		h->oom = true;
		return;
	}
	/* 8-bit headers are nobody's charset; the guess is not worth a note. */
	struct mx_mail dummy = {0};

	h->m->headers = mx_mail_text(raw, strlen(raw), "utf-8", h->a, &dummy);
	h->oom = h->oom || !h->m->headers;
	g_free(raw);
}

static const char *header(struct headers *h, GMimeMessage *msg,
			  const char *name)
{
	const char *v = g_mime_object_get_header(GMIME_OBJECT(msg), name);

	return mx_mail_utf8(h->a, v, &h->oom);
}

int mx_mail_from_message(GMimeMessage *msg, unsigned depth, struct mx_arena *a,
			 struct mx_mail **ret)
{
	struct headers h = {.a = a, .m = mx_arena_new(a, struct mx_mail)};
	GMimeObject *top;
	const char *id;

	if (!h.m)
		return -ENOMEM;
	h.m->cpid = 65001;
	h.m->subject = mx_mail_utf8(a, g_mime_message_get_subject(msg), &h.oom);
	id = g_mime_message_get_message_id(msg);
	if (id && !(h.m->message_id = mx_arena_printf(a, "<%s>", id)))
		h.oom = true;
	h.m->in_reply_to = header(&h, msg, "In-Reply-To");
	h.m->references = header(&h, msg, "References");
	take_originators(&h, msg);
	take_recipients(&h, msg);
	take_dates(&h, msg);
	h.m->importance = importance_of(GMIME_OBJECT(msg));
	h.m->sensitivity = sensitivity_of(GMIME_OBJECT(msg));
	take_headers(&h, msg);
	top = g_mime_message_get_mime_part(msg);
	if (top && mx_mail_walk(top, depth, a, h.m) < 0)
		h.oom = true;
	if (h.oom)
		return -ENOMEM;
	*ret = h.m;
	return 0;
}

static void start_gmime(void)
{
	g_mime_init();
}

/* What GMime says about the whole text; kept until the message exists. */
struct complaints {
	char text[16][120];
	size_t n;
};

static void on_warning(gint64 offset, GMimeParserWarning code,
		       const gchar *item, gpointer arg)
{
	static const char *const words[] = {
		[GMIME_WARN_DUPLICATED_HEADER] = "header stands twice",
		[GMIME_WARN_DUPLICATED_PARAMETER] = "parameter stands twice",
		[GMIME_WARN_UNENCODED_8BIT_HEADER] = "bare 8-bit header",
		[GMIME_WARN_INVALID_CONTENT_TYPE] = "invalid content type",
		[GMIME_WARN_INVALID_RFC2047_HEADER_VALUE] =
			"invalid encoded word",
		[GMIME_WARN_MALFORMED_MULTIPART] = "multipart without parts",
		[GMIME_WARN_TRUNCATED_MESSAGE] = "message is cut short",
		[GMIME_WARN_MALFORMED_MESSAGE] = "message is malformed",
		[GMIME_CRIT_INVALID_HEADER_NAME] = "invalid header name",
		[GMIME_CRIT_CONFLICTING_HEADER] = "headers contradict",
		[GMIME_CRIT_CONFLICTING_PARAMETER] = "parameters contradict",
		[GMIME_CRIT_MULTIPART_WITHOUT_BOUNDARY] =
			"multipart without boundary",
		[GMIME_WARN_INVALID_PARAMETER] = "invalid parameter",
		[GMIME_WARN_INVALID_ADDRESS_LIST] = "invalid address list",
		[GMIME_CRIT_NESTING_OVERFLOW] = "nested too deeply",
		[GMIME_WARN_PART_WITHOUT_CONTENT] = "part without content",
		[GMIME_CRIT_PART_WITHOUT_HEADERS_OR_CONTENT] =
			"part without headers or content",
	};
	struct complaints *c = arg;
	const char *w = (size_t)code < MX_ARRAY_SIZE(words) ? words[code]
							    : NULL;

	if (c->n < MX_ARRAY_SIZE(c->text))
		snprintf(c->text[c->n], sizeof(c->text[0]), "%s%s%.60s%s",
			 w ? w : "broken", item ? ": \"" : "", item ? item : "",
			 item ? "\"" : "");
	c->n++;
	(void)offset;
}

/* Length of the header line at p (with its newline) when it is one: a name of
 * printable characters and a colon [RFC 5322 3.6.8], or a continuation. */
static size_t header_line(const char *p, size_t len, bool first)
{
	const char *nl = memchr(p, '\n', len);
	size_t n = nl ? (size_t)(nl + 1 - p) : len, i = 0;

	if (!first && n && (*p == ' ' || *p == '\t'))
		return n;
	while (i < n && p[i] > ' ' && p[i] < 127 && p[i] != ':')
		i++;
	while (i && i < n && (p[i] == ' ' || p[i] == '\t'))
		i++; /* obsolete: white space before the colon */
	return i && i < n && p[i] == ':' ? n : 0;
}

/*
 * Some mail has no empty line between header and body.  Finds where the header
 * ends: *ret_gap is set when what follows is neither a header nor an empty
 * line.  Returns the header's length, 0 when there is none.
 */
static size_t header_end(const char *p, size_t len, bool *ret_gap)
{
	size_t at = 0, n;

	while (at < len && (n = header_line(p + at, len - at, at == 0)))
		at += n;
	*ret_gap = at < len && p[at] != '\n' &&
		   !(p[at] == '\r' && at + 1 < len && p[at + 1] == '\n');
	return at;
}

/* The bytes with an empty line behind the header, where that is missing. */
static char *close_gap(const char *p, size_t len, size_t at, struct mx_arena *a)
{
	char *copy = mx_arena_alloc(a, len + 1);

	if (copy) {
		memcpy(copy, p, at);
		copy[at] = '\n';
		memcpy(copy + at + 1, p + at, len - at);
	}
	return copy;
}

static void skip_mbox_line(const char **p, size_t *len)
{
	const char *nl;

	if (*len <= 5 || memcmp(*p, "From ", 5))
		return;
	nl = memchr(*p, '\n', *len);
	*len = nl ? *len - (size_t)(nl + 1 - *p) : 0;
	*p = nl ? nl + 1 : *p;
}

/* Feeds the bytes to GMime.  NULL when it sees no message. */
static GMimeMessage *read_message(const char *p, size_t len,
				  struct complaints *said)
{
	static const char *charsets[] = {"utf-8", "windows-1252", NULL};
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(p, len);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeParserOptions *options = g_mime_parser_options_new();
	GMimeMessage *msg;

	g_mime_parser_set_format(parser, GMIME_FORMAT_MESSAGE);
	g_mime_parser_options_set_fallback_charsets(options, charsets);
	g_mime_parser_options_set_warning_callback(options, on_warning, said);
	msg = g_mime_parser_construct_message(parser, options);
	g_mime_parser_options_free(options);
	g_object_unref(parser);
	g_object_unref(stream);
	return msg;
}

int mx_mail_parse(const void *data, size_t len, struct mx_arena *a,
		  struct mx_mail **ret)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct complaints said = {.n = 0};
	struct mx_mail *m = NULL;
	const char *p = data;
	GMimeMessage *msg;
	size_t at, i;
	bool gap;
	int r;

	pthread_once(&once, start_gmime);
	skip_mbox_line(&p, &len);
	at = header_end(p, len, &gap);
	if (at == 0)
		return -EBADMSG;
	if (gap && !(p = close_gap(p, len++, at, a)))
		return -ENOMEM;
	msg = read_message(p, len, &said);
	if (!msg)
		return -EBADMSG;
	r = mx_mail_from_message(msg, 0, a, &m);
	g_object_unref(msg);
	if (r)
		return r;
	if (gap)
		mx_mail_note(a, m, "no empty line between header and body");
	for (i = 0; i < said.n && i < MX_ARRAY_SIZE(said.text); i++)
		mx_mail_note(a, m, "%s", said.text[i]);
	*ret = m;
	return 0;
}
