/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two documents of POX Autodiscover.  Elements are found by local name:
 * the answer's namespaces vary between servers, its names do not.  A document
 * with a DTD is refused, so there are no entities to expand; libxml2 bounds the
 * depth (256) and the caller the size.
 */
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "net/autodiscover.h"

#define NS_REQ                                                                 \
	"http://schemas.microsoft.com/exchange/autodiscover/outlook/"          \
	"requestschema/2006"
#define NS_RESP                                                                \
	"http://schemas.microsoft.com/exchange/autodiscover/outlook/"          \
	"responseschema/2006a"

void mx_autodiscover_fini(struct mx_autodiscover *a)
{
	free(a->emsmdb_url);
	free(a->nspi_url);
	free(a->user_dn);
	free(a->display);
	free(a->smtp);
	*a = MX_AUTODISCOVER_INIT;
}

static void put_escaped(struct mx_buf *b, const char *s)
{
	for (; *s; s++)
		if (*s == '&')
			mx_buf_puts(b, "&amp;");
		else if (*s == '<')
			mx_buf_puts(b, "&lt;");
		else if (*s == '>')
			mx_buf_puts(b, "&gt;");
		else
			mx_buf_put(b, s, 1);
}

char *mx_autodiscover_request(const char *address)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = MX_BUF_INIT;
	size_t n;

	mx_buf_puts(&b, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
			"<Autodiscover xmlns=\"" NS_REQ "\"><Request>"
			"<EMailAddress>");
	put_escaped(&b, address);
	mx_buf_puts(&b, "</EMailAddress><AcceptableResponseSchema>" NS_RESP
			"</AcceptableResponseSchema></Request></Autodiscover>"
			"\n");
	mx_buf_put(&b, "", 1);
	return b.err ? NULL : (char *)mx_buf_steal(&b, &n);
}

static bool is(const xmlNode *n, const char *name)
{
	return n->type == XML_ELEMENT_NODE &&
	       !strcmp((const char *)n->name, name);
}

static xmlNode *child(const xmlNode *n, const char *name)
{
	for (xmlNode *c = n ? n->children : NULL; c; c = c->next)
		if (is(c, name))
			return c;
	return NULL;
}

/* The text of a child, without blanks around it: heap, or NULL when there is no
 * such child or nothing in it. */
static int text_of(const xmlNode *n, const char *name, char **ret)
{
	xmlNode *c = child(n, name);
	xmlChar *all = c ? xmlNodeGetContent(c) : NULL;
	const char *s = (const char *)all, *end;
	char *copy = NULL;

	if (!s)
		return c ? -ENOMEM : 0;
	s += strspn(s, " \t\r\n");
	end = s + strlen(s);
	while (end > s && strchr(" \t\r\n", end[-1]))
		end--;
	if (end > s)
		copy = strndup(s, (size_t)(end - s));
	xmlFree(all);
	if (end > s && !copy)
		return -ENOMEM;
	free(*ret);
	*ret = copy;
	return 0;
}

static int url_of(const xmlNode *protocol, const char *which, char **ret)
{
	xmlNode *n = child(protocol, which);
	int err = text_of(n, "ExternalUrl", ret);

	if (!err && !*ret)
		err = text_of(n, "InternalUrl", ret);
	return err;
}

static bool is_mapi_http(const xmlNode *n)
{
	xmlChar *type;
	bool yes;

	if (!is(n, "Protocol"))
		return false;
	type = xmlGetNoNsProp(n, (const xmlChar *)"Type");
	yes = type && !strcasecmp((const char *)type, "mapiHttp");
	xmlFree(type);
	return yes;
}

static int not_found(struct mx_fault *fault, const char *text)
{
	return mx_fault_set(fault, MX_LAYER_LOCAL, ENOENT, -ENOENT, "%s", text);
}

static int on_error(const xmlNode *e, struct mx_fault *fault)
{
	MX_AUTO(mx_free_auto) char *message = NULL;
	MX_AUTO(mx_free_auto) char *code = NULL;

	if (text_of(e, "Message", &message) || text_of(e, "ErrorCode", &code))
		return -ENOMEM;
	return mx_fault_set(fault, MX_LAYER_LOCAL, ENOENT, -ENOENT,
			    "the server does not know this address: error %s, "
			    "%.150s",
			    code ? code : "?",
			    message ? message : "no message");
}

static int on_settings(const xmlNode *response, const xmlNode *account,
		       struct mx_autodiscover *a, struct mx_fault *fault)
{
	const xmlNode *user = child(response, "User"), *p;
	int err = text_of(user, "DisplayName", &a->display);

	if (!err)
		err = text_of(user, "LegacyDN", &a->user_dn);
	if (!err)
		err = text_of(user, "AutoDiscoverSMTPAddress", &a->smtp);
	for (p = account->children; p && !is_mapi_http(p); p = p->next)
		;
	if (!err && p)
		err = url_of(p, "MailStore", &a->emsmdb_url);
	if (!err && p)
		err = url_of(p, "AddressBook", &a->nspi_url);
	if (err)
		return err;
	if (!a->emsmdb_url)
		return not_found(fault, "the server offers no MAPI over HTTP "
					"to this user");
	if (!a->user_dn)
		return not_found(fault, "the server does not tell the user's "
					"DN (LegacyDN)");
	return MX_AUTODISCOVER_FOUND;
}

static int on_response(const xmlNode *response, struct mx_autodiscover *a,
		       char **redirect, struct mx_fault *fault)
{
	const xmlNode *account = child(response, "Account");
	const xmlNode *error = child(response, "Error");
	char *to = NULL;
	int err;

	if (error)
		return on_error(error, fault);
	if (!account)
		return -EBADMSG;
	err = text_of(account, "RedirectAddr", &to);
	if (!err && to) {
		*redirect = to;
		return MX_AUTODISCOVER_REDIRECT_ADDR;
	}
	if (!err)
		err = text_of(account, "RedirectUrl", &to);
	if (!err && to) {
		*redirect = to;
		return MX_AUTODISCOVER_REDIRECT_URL;
	}
	return err ? err : on_settings(response, account, a, fault);
}

static int on_document(const xmlDoc *doc, struct mx_autodiscover *a,
		       char **redirect, struct mx_fault *fault)
{
	const xmlNode *root = xmlDocGetRootElement(doc), *response;

	if (doc->intSubset || !root || !is(root, "Autodiscover"))
		return -EBADMSG;
	response = child(root, "Response");
	return response ? on_response(response, a, redirect, fault) : -EBADMSG;
}

int mx_autodiscover_parse(const void *p, size_t n, struct mx_autodiscover *ret,
			  char **redirect, struct mx_fault *fault)
{
	MX_AUTO(mx_autodiscover_auto)
	struct mx_autodiscover a = MX_AUTODISCOVER_INIT;
	const int options = XML_PARSE_NONET | XML_PARSE_NOERROR |
			    XML_PARSE_NOWARNING | XML_PARSE_NOCDATA;
	xmlDoc *doc;
	int got = -EBADMSG;

	if (n > MX_MAX_AUTODISCOVER)
		return -EMSGSIZE;
	doc = xmlReadMemory(p, (int)n, NULL, NULL, options);
	if (doc) {
		got = on_document(doc, &a, redirect, fault);
		xmlFreeDoc(doc);
	}
	if (got == -EBADMSG)
		mx_fault_set(fault, MX_LAYER_LOCAL, EBADMSG, got,
			     "the answer is not an Autodiscover document");
	if (got == MX_AUTODISCOVER_FOUND) {
		mx_autodiscover_fini(ret);
		*ret = a;
		a = MX_AUTODISCOVER_INIT;
	}
	return got;
}
