/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The search: candidates in turn, redirects within each.
 */
#include "net/autodiscover.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/clock.h"
#include "net/opts.h"
#include "net/xfer-run.h"

#define PATH "/autodiscover/autodiscover.xml"

struct search {
	struct mx_userctx *user;
	struct mx_net_opts opts;
	struct mx_cancel *cancel;
	mx_mono deadline;
	const char *base;
	char *address; /* owned; changes with RedirectAddr */
	unsigned hops;
	struct mx_autodiscover *ret;
	/* The best failure so far. */
	int err, rank;
	struct mx_fault fault;
};

static int ours(struct mx_fault *f, int err, const char *text)
{
	return mx_fault_set(f, MX_LAYER_LOCAL, (unsigned)-err, err, "%s", text);
}

static bool is_address(const char *s)
{
	const char *at = strchr(s, '@');

	if (!at || at == s || !at[1] || strchr(at + 1, '@'))
		return false;
	for (const char *p = at + 1; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr(".-_", *p) &&
		    (unsigned char)*p < 0x80)
			return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

/* --- One question ------------------------------------------------------- */

struct answer {
	struct mx_xresp resp;
	char *location;
	int rank; /* how far it got: name, connection, TLS, an answer */
};

static void answer_auto(struct answer *a)
{
	mx_xresp_fini(&a->resp);
	free(a->location);
}

static int rank_of(enum mx_xwhy why)
{
	switch (why) {
	case MX_XWHY_RESOLVE:
		return 1;
	case MX_XWHY_CONNECT:
		return 2;
	case MX_XWHY_IDLE:
	case MX_XWHY_OVERALL:
	case MX_XWHY_TLS:
		return 3;
	default:
		return 4;
	}
}

/* As mx_xreq has it: 0 would mean the channel's own, below 0 is never. */
static int64_t left_ms(mx_mono deadline)
{
	return deadline.ns == INT64_MAX ? -1 : mx_mono_left_ms(deadline) + 1;
}

static int post(struct search *s, const char *url, const char *body,
		struct answer *a, struct mx_fault *fault)
{
	MX_AUTO(mx_channel_auto) struct mx_channel *ch = NULL;
	MX_AUTO(mx_free_auto) char *anchor = NULL;
	const char *headers[] = {"X-MapiHttpCapability: 1", NULL, NULL};
	struct mx_xfer_plain plain = {
		.url = url,
		.content_type = "text/xml; charset=utf-8",
		.headers = headers,
		.max_body = MX_MAX_AUTODISCOVER,
	};
	const struct mx_xreq req = {
		.type = "Autodiscover",
		.body = body,
		.body_len = strlen(body),
		.cancel = s->cancel,
		.overall_ms = left_ms(s->deadline),
	};
	struct mx_xfer x;
	int err = mx_channel_new(url, s->user, &s->opts, &ch, fault);

	if (err)
		return err;
	if (asprintf(&anchor, "X-AnchorMailbox: %s", s->address) < 0) {
		anchor = NULL;
		return ours(fault, -ENOMEM, "out of memory");
	}
	headers[1] = anchor;
	mx_xfer_init(&x, ch, &req, &plain, &a->resp, fault);
	err = mx_channel_take(ch);
	if (err)
		return mx_xfer_take_failed(&x, err);
	err = mx_xfer_run(&x);
	mx_xfer_fini(&x);
	mx_channel_give(ch);
	a->location = plain.location;
	a->rank = err ? rank_of(a->resp.why) : 4;
	return err;
}

static int on_status(const struct answer *a, struct mx_fault *fault)
{
	int status = a->resp.http_status;

	if (status == 401 || status == 403)
		return mx_fault_set(fault, MX_LAYER_HTTP, (unsigned)status,
				    -EACCES,
				    "the server does not accept this "
				    "user's credentials");
	return mx_fault_set(fault, MX_LAYER_HTTP, (unsigned)status,
			    status == 404 ? -ENOENT : -EREMOTEIO,
			    "no Autodiscover answer at this URL");
}

/* An outcome of enum mx_autodiscover_answer, or an error. */
static int ask(struct search *s, const char *url, char **redirect, int *rank,
	       struct mx_fault *fault)
{
	MX_AUTO(answer_auto) struct answer a = {.resp = MX_XRESP_INIT};
	MX_AUTO(mx_free_auto) char *body = mx_autodiscover_request(s->address);
	int err, status;

	if (!body)
		return ours(fault, -ENOMEM, "out of memory");
	err = post(s, url, body, &a, fault);
	*rank = a.rank;
	if (err)
		return err;
	status = a.resp.http_status;
	if (status == 200)
		return mx_autodiscover_parse(a.resp.body.p, a.resp.body.len,
					     s->ret, redirect, fault);
	if (status < 300 || status >= 400 || !a.location)
		return on_status(&a, fault);
	*redirect = MX_STEAL(a.location);
	return MX_AUTODISCOVER_REDIRECT_URL;
}

/* --- Following ---------------------------------------------------------- */

/* "/path" is relative to the server that said it. */
static int absolute(const char *url, char **to)
{
	CURLU *u = curl_url();
	char *whole = NULL, *copy = NULL;
	int err = -EINVAL;

	if (!u)
		return -ENOMEM;
	if (!curl_url_set(u, CURLUPART_URL, url, 0) &&
	    !curl_url_set(u, CURLUPART_URL, *to, 0) &&
	    !curl_url_get(u, CURLUPART_URL, &whole, 0)) {
		copy = strdup(whole);
		err = copy ? 0 : -ENOMEM;
	}
	curl_free(whole);
	curl_url_cleanup(u);
	if (err)
		return err;
	free(*to);
	*to = copy;
	return 0;
}

static bool is_https(const char *url)
{
	return !strncasecmp(url, "https://", 8);
}

static int may_follow(struct search *s, const char *from, char **to,
		      struct mx_fault *fault)
{
	int err;

	if (++s->hops > MX_AUTODISCOVER_REDIRECTS)
		return ours(fault, -ELOOP, "too many redirects");
	err = absolute(from, to);
	if (err)
		return ours(fault, err,
			    "a redirect to something that is no "
			    "URL");
	if (is_https(from) && !is_https(*to))
		return ours(fault, -EPERM,
			    "a redirect from https to http is "
			    "not followed");
	return 0;
}

/* Keeps the failure that got furthest. */
static int failed(struct search *s, int err, int rank,
		  const struct mx_fault *fault)
{
	if (s->err && rank <= s->rank)
		return err;
	s->err = err;
	s->rank = rank;
	s->fault = *fault;
	return err;
}

/* One candidate with its redirects: FOUND, REDIRECT_ADDR with s->address
 * changed, or an error. */
static int try_url(struct search *s, const char *start)
{
	MX_AUTO(mx_free_auto) char *url = strdup(start);
	struct mx_fault fault = MX_FAULT_INIT;
	char *to = NULL;
	int got, rank = 4;

	mx_fault_op(&fault, "Autodiscover");
	if (!url)
		return failed(s, -ENOMEM, 5, &fault);
	for (;;) {
		got = ask(s, url, &to, &rank, &fault);
		if (got == MX_AUTODISCOVER_FOUND)
			return got;
		if (got == MX_AUTODISCOVER_REDIRECT_ADDR)
			break;
		if (got == MX_AUTODISCOVER_REDIRECT_URL)
			got = may_follow(s, url, &to, &fault);
		if (got < 0) {
			free(to);
			return failed(s, got, rank, &fault);
		}
		free(url);
		url = MX_STEAL(to);
	}
	free(s->address);
	s->address = to;
	if (++s->hops > MX_AUTODISCOVER_REDIRECTS)
		return failed(s, ours(&fault, -ELOOP, "too many redirects"), 5,
			      &fault);
	if (!is_address(to))
		return failed(s,
			      ours(&fault, -EBADMSG,
				   "a redirect to "
				   "something that is no mail address"),
			      5, &fault);
	return got;
}

/* --- Candidates --------------------------------------------------------- */

static char *base_url(const char *base)
{
	size_t n = strlen(base);
	char *url;

	if (n >= 4 && !strcasecmp(base + n - 4, ".xml"))
		return strdup(base);
	while (n && base[n - 1] == '/')
		n--;
	return asprintf(&url, "%.*s" PATH, (int)n, base) < 0 ? NULL : url;
}

static char *domain_url(const char *prefix, const char *address)
{
	const char *domain = strchr(address, '@') + 1;
	char *url;

	return asprintf(&url, "https://%s%s" PATH, prefix, domain) < 0 ? NULL
								       : url;
}

static char *candidate(const struct search *s, unsigned i)
{
	if (s->base)
		return base_url(s->base);
	return domain_url(i ? "autodiscover." : "", s->address);
}

/* All candidates for the present address. */
static int try_all(struct search *s)
{
	unsigned n = s->base ? 1 : 2;
	int got = -ENOMEM;

	for (unsigned i = 0; i < n; i++) {
		MX_AUTO(mx_free_auto) char *url = candidate(s, i);

		got = url ? try_url(s, url) : -ENOMEM;
		if (got > 0 || got == -ECANCELED || got == -ENOMEM ||
		    mx_mono_passed(s->deadline))
			return got;
	}
	return got;
}

int mx_autodiscover(const char *address, const char *base,
		    struct mx_userctx *user, const struct mx_net_opts *opts,
		    struct mx_cancel *cancel, struct mx_autodiscover *ret,
		    struct mx_fault *fault)
{
	struct search s = {
		.user = user,
		.opts = opts ? *opts : MX_NET_OPTS_INIT,
		.cancel = cancel,
		.base = base,
		.ret = ret,
		.fault = MX_FAULT_INIT,
	};
	int got;

	mx_fault_op(fault, "Autodiscover");
	mx_fault_who(fault, mx_userctx_display(user), NULL);
	if (!is_address(address))
		return ours(fault, -EINVAL, "not a mail address");
	s.deadline = mx_mono_in_ms(s.opts.overall_ms ? s.opts.overall_ms
						     : MX_NET_OVERALL_MS);
	s.address = strdup(address);
	if (!s.address)
		return ours(fault, -ENOMEM, "out of memory");
	do
		got = try_all(&s);
	while (got == MX_AUTODISCOVER_REDIRECT_ADDR);
	free(s.address);
	if (got == MX_AUTODISCOVER_FOUND)
		return 0;
	if (!s.err)
		return ours(fault, -ENOMEM, "out of memory");
	if (fault)
		*fault = s.fault;
	return s.err;
}
