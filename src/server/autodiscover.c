/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POX Autodiscover: where a user's mailbox is, and his LegacyDN.
 * [MS-OXDSCLI] 2.2.4, 3.2.5.
 *
 * One answers for oneself, and for mailboxes one has a grant on; for others as
 * if they did not exist, so that nobody lists users.
 */
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlwriter.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/limits.h"
#include "server/http.h"
#include "store/dir.h"
#include "store/store.h"

#define OUTLOOK "http://schemas.microsoft.com/exchange/autodiscover/outlook/"
#define RESPONSE_NS                                                            \
	"http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
#define ANSWER_NS OUTLOOK "responseschema/2006a"

/* ErrorCode of an Error element. */
#define BAD_REQUEST 600
#define UNKNOWN_MAILBOX 500
#define BAD_SCHEMA 601

struct question {
	char *email, *dn, *schema; /* xmlFree; NULL when not there */
};

static void question_fini(struct question *q)
{
	xmlFree(q->email);
	xmlFree(q->dn);
	xmlFree(q->schema);
}

static xmlNode *child(xmlNode *n, const char *name)
{
	for (n = n ? n->children : NULL; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE &&
		    !strcmp((const char *)n->name, name))
			return n;
	return NULL;
}

static char *text(xmlNode *request, const char *name)
{
	xmlNode *n = child(request, name);

	return n ? (char *)xmlNodeGetContent(n) : NULL;
}

/* False when it is not an Autodiscover request at all. */
static bool parse(struct mx_req *req, struct question *q)
{
	xmlDoc *doc;
	xmlNode *root, *request = NULL;

	if (req->too_large || req->body.len > MX_MAX_AUTODISCOVER)
		return false;
	doc = xmlReadMemory(
		(const char *)req->body.p, (int)req->body.len, "request", NULL,
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	if (!doc)
		return false;
	/* No document type: no entities to expand. */
	root = doc->intSubset ? NULL : xmlDocGetRootElement(doc);
	if (root && !strcmp((const char *)root->name, "Autodiscover"))
		request = child(root, "Request");
	if (request) {
		q->email = text(request, "EMailAddress");
		q->dn = text(request, "LegacyDN");
		q->schema = text(request, "AcceptableResponseSchema");
	}
	xmlFreeDoc(doc);
	return request && (q->email || q->dn);
}

static bool may_see(struct mx_req *req, const struct mx_user *u)
{
	unsigned rights = 0;

	if (u->disabled)
		return false;
	return u->id == req->who->id ||
	       (mx_dir_rights(req->srv->store, u->mailbox, req->who->id,
			      &rights) == 0 &&
		rights);
}

static bool find(struct mx_req *req, const struct question *q,
		 struct mx_user *ret)
{
	int r;

	if (q->email)
		r = mx_dir_by_smtp(req->srv->store, q->email, &req->arena, ret);
	else
		r = mx_dir_by_dn(req->srv->store, q->dn, &req->arena, ret);
	return r == 0 && may_see(req, ret);
}

static void element(xmlTextWriter *w, const char *name, const char *value)
{
	xmlTextWriterWriteElement(w, (const xmlChar *)name,
				  (const xmlChar *)value);
}

static void begin(xmlTextWriter *w, const char *name)
{
	xmlTextWriterStartElement(w, (const xmlChar *)name);
}

static void begin_ns(xmlTextWriter *w, const char *name, const char *ns)
{
	xmlTextWriterStartElementNS(w, NULL, (const xmlChar *)name,
				    (const xmlChar *)ns);
}

static void end(xmlTextWriter *w)
{
	xmlTextWriterEndElement(w);
}

static void write_error(xmlTextWriter *w, const struct mx_req *req, int code,
			const char *message)
{
	char buf[64];
	time_t t = (time_t)req->start_unix;
	struct tm tm;

	begin_ns(w, "Response", NULL);
	begin(w, "Error");
	gmtime_r(&t, &tm);
	strftime(buf, sizeof(buf), "%H:%M:%S.0000000", &tm);
	xmlTextWriterWriteAttribute(w, (const xmlChar *)"Time",
				    (const xmlChar *)buf);
	xmlTextWriterWriteAttribute(w, (const xmlChar *)"Id",
				    (const xmlChar *)"0");
	snprintf(buf, sizeof(buf), "%d", code);
	element(w, "ErrorCode", buf);
	element(w, "Message", message);
	element(w, "DebugData", "");
	end(w);
	end(w);
}

/* The root of our URLs as the client can use it. */
static const char *base_url(struct mx_req *req)
{
	const struct mx_server *srv = req->srv;

	if (srv->p.public_url)
		return srv->p.public_url;
	if (!req->host || strpbrk(req->host, "<>&\"'/ "))
		return srv->url;
	return mx_arena_printf(&req->arena, "%s://%s",
			       srv->cert ? "https" : "http", req->host);
}

static void write_protocol(xmlTextWriter *w, struct mx_req *req,
			   const struct mx_user *u)
{
	const char *base = base_url(req);
	char *url = mx_arena_printf(&req->arena, "%s/mapi/emsmdb/?MailboxId=%s",
				    base ? base : "", u->smtp);

	begin(w, "Protocol");
	xmlTextWriterWriteAttribute(w, (const xmlChar *)"Type",
				    (const xmlChar *)"mapiHttp");
	xmlTextWriterWriteAttribute(w, (const xmlChar *)"Version",
				    (const xmlChar *)"1");
	begin(w, "MailStore");
	element(w, "InternalUrl", url);
	element(w, "ExternalUrl", url);
	end(w);
	end(w);
}

static void write_answer(xmlTextWriter *w, struct mx_req *req,
			 const struct mx_user *u)
{
	begin_ns(w, "Response", ANSWER_NS);
	begin(w, "User");
	element(w, "DisplayName", u->display);
	element(w, "LegacyDN", u->dn);
	element(w, "AutoDiscoverSMTPAddress", u->smtp);
	end(w);
	begin(w, "Account");
	element(w, "AccountType", "email");
	element(w, "Action", "settings");
	write_protocol(w, req, u);
	end(w);
	end(w);
}

static void answer(struct mx_req *req, xmlTextWriter *w)
{
	struct question q = {0};
	struct mx_user u;

	if (!req->is_post || !parse(req, &q))
		write_error(w, req, BAD_REQUEST, "Invalid Request");
	else if (q.schema && strcmp(q.schema, ANSWER_NS))
		write_error(w, req, BAD_SCHEMA, "Provider is not available");
	else if (!find(req, &q, &u))
		write_error(w, req, UNKNOWN_MAILBOX,
			    "The e-mail address cannot be found");
	else
		write_answer(w, req, &u);
	question_fini(&q);
}

void mx_autodiscover_run(struct mx_req *req)
{
	xmlBuffer *buf = xmlBufferCreate();
	xmlTextWriter *w = buf ? xmlNewTextWriterMemory(buf, 0) : NULL;

	req->reply.code = -1;
	req->reply.mime = "text/xml; charset=utf-8";
	if (w) {
		xmlTextWriterStartDocument(w, NULL, "utf-8", NULL);
		begin_ns(w, "Autodiscover", RESPONSE_NS);
		answer(req, w);
		xmlTextWriterEndDocument(w);
		xmlFreeTextWriter(w);
		mx_buf_put(&req->reply.body, xmlBufferContent(buf),
			   (size_t)xmlBufferLength(buf));
	}
	if (!w || req->reply.body.err) {
		req->reply.status = 500;
		req->reply.mime = "text/plain";
		mx_buf_reset(&req->reply.body);
		mx_buf_puts(&req->reply.body, "Out of memory\n");
	}
	if (buf)
		xmlBufferFree(buf);
	mx_req_finish(req);
}
