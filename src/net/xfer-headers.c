/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The headers of a request: one block of memory, the nodes of libcurl's list
 * first, their lines behind.  It is filled in two passes, of which the first
 * counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/xfer.h"

#define DEFAULT_APP "Mapiary/" MX_VERSION
/* From here on libcurl waits for "100 Continue" before it sends a body (in fact
 * from 1 MiB on); it must not. */
#define EXPECT_FROM 65536u

struct head {
	struct curl_slist *nodes; /* NULL: count */
	char *text;
	size_t n, bytes;
	int err;
};

static void put(struct head *h, const char *s, size_t n)
{
	if (h->nodes)
		memcpy(h->text + h->bytes, s, n);
	h->bytes += n;
}

/* Appends one header line; a value may not smuggle in another one.  Without a
 * value, name is the whole line. */
static void add(struct head *h, const char *name, const char *value)
{
	if (value && strpbrk(value, "\r\n"))
		h->err = -EINVAL;
	if (h->nodes) {
		h->nodes[h->n].data = h->text + h->bytes;
		h->nodes[h->n].next = NULL;
		if (h->n)
			h->nodes[h->n - 1].next = &h->nodes[h->n];
	}
	h->n++;
	put(h, name, strlen(name));
	if (value) {
		put(h, ": ", 2);
		put(h, value, strlen(value));
	}
	put(h, "", 1);
}

static void add_mapi(struct head *h, const struct mx_xfer *x)
{
	const struct mx_xreq *q = x->req;
	const char *app = x->ch->to->opts.app;

	add(h, "Content-Type", "application/mapi-http");
	add(h, "X-RequestType", q->type);
	add(h, "X-RequestId", q->request_id);
	if (q->client_info)
		add(h, "X-ClientInfo", q->client_info);
	add(h, "X-ClientApplication", app ? app : DEFAULT_APP);
	if (q->cookies && *q->cookies)
		add(h, "Cookie", q->cookies);
}

static void add_plain(struct head *h, const struct mx_xfer *x)
{
	add(h, "Content-Type", x->plain->content_type);
	for (const char *const *p = x->plain->headers; p && *p; p++)
		add(h, *p, NULL);
}

static void add_all(struct head *h, const struct mx_xfer *x, const char *auth)
{
	if (x->plain)
		add_plain(h, x);
	else
		add_mapi(h, x);
	if (x->req->body_len >= EXPECT_FROM)
		add(h, "Expect:", NULL);
	/* No default Accept. */
	add(h, "Accept:", NULL);
	if (auth)
		add(h, auth, NULL);
}

int mx_xfer_headers(struct mx_xfer *x, const char *auth)
{
	struct head h = {.nodes = NULL};
	size_t room;

	add_all(&h, x, auth);
	if (h.err)
		return h.err;
	room = h.n * sizeof(*h.nodes);
	h.nodes = malloc(room + h.bytes);
	if (!h.nodes)
		return -ENOMEM;
	h.text = (char *)h.nodes + room;
	h.n = h.bytes = 0;
	add_all(&h, x, auth);
	x->headers = h.nodes;
	return 0;
}

void mx_xfer_headers_fini(struct mx_xfer *x)
{
	for (struct curl_slist *l = x->headers; l; l = l->next)
		explicit_bzero(l->data, strlen(l->data));
	free(x->headers);
	x->headers = NULL;
}
