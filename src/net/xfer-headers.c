/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of a request. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "net/xfer.h"

#define DEFAULT_APP "Mapiary/" MX_VERSION

/* Appends one header line; a value may not smuggle in another one. */
static int add_header(struct mx_xfer *x, const char *name, const char *value)
{
	MX_AUTO(mx_free_auto) char *line = NULL;
	struct curl_slist *l;

	if (value && strpbrk(value, "\r\n"))
		return -EINVAL;
	if (asprintf(&line, "%s%s%s", name, value ? ": " : "",
		     value ? value : "") < 0) {
		line = NULL;
		return -ENOMEM;
	}
	l = curl_slist_append(x->headers, line);
	explicit_bzero(line, strlen(line));
	if (!l)
		return -ENOMEM;
	x->headers = l;
	return 0;
}

static int add_mapi_headers(struct mx_xfer *x)
{
	const struct mx_xreq *q = x->req;
	const char *app = x->ch->opts.app ? x->ch->opts.app : DEFAULT_APP;
	int err = add_header(x, "Content-Type", "application/mapi-http");

	if (!err)
		err = add_header(x, "X-RequestType", q->type);
	if (!err)
		err = add_header(x, "X-RequestId", q->request_id);
	if (!err && q->client_info)
		err = add_header(x, "X-ClientInfo", q->client_info);
	if (!err)
		err = add_header(x, "X-ClientApplication", app);
	if (!err && q->cookies && *q->cookies)
		err = add_header(x, "Cookie", q->cookies);
	return err;
}

static int add_plain_headers(struct mx_xfer *x)
{
	int err = add_header(x, "Content-Type", x->plain->content_type);

	for (const char *const *h = x->plain->headers; !err && h && *h; h++)
		err = add_header(x, *h, NULL);
	return err;
}

int mx_xfer_headers(struct mx_xfer *x, const char *auth)
{
	int err = x->plain ? add_plain_headers(x) : add_mapi_headers(x);

	/* No waiting for "100 Continue", no default Accept. */
	if (!err)
		err = add_header(x, "Expect:", NULL);
	if (!err)
		err = add_header(x, "Accept:", NULL);
	if (!err && auth)
		err = add_header(x, auth, NULL);
	return err;
}
