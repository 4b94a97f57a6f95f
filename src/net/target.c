/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URLs, and the table of targets.
 */
#include "net/target.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/lock.h"
#include "net/channel.h"
#include "net/fork.h"

#define N_BUCKETS 1024u

static struct {
	struct mx_mutex lock;
	struct mx_target *buckets[N_BUCKETS];
} table = {.lock = MX_MUTEX_INIT};

/* The parent's are leaked with the channels that hold them. */
static void after_fork(void)
{
	mx_mutex_init(&table.lock);
	memset(table.buckets, 0, sizeof(table.buckets));
}

/* --- URLs --------------------------------------------------------------- */

struct url {
	CURLU *h;
	char *scheme, *host; /* libcurl's; the host of IPv6 without brackets */
	unsigned port;
	bool has_user;
};

static void url_auto(struct url *u)
{
	curl_url_cleanup(u->h);
	curl_free(u->scheme);
	curl_free(u->host);
}

static char *part(CURLU *h, CURLUPart what, unsigned flags)
{
	char *s = NULL;

	return curl_url_get(h, what, &s, flags) ? NULL : s;
}

static void lower(char *s)
{
	for (; *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

static void strip_brackets(char *s)
{
	size_t n = strlen(s);

	if (n > 2 && s[0] == '[' && s[n - 1] == ']') {
		memmove(s, s + 1, n - 2);
		s[n - 2] = '\0';
	}
}

/* Internationalised names are written as xn--; libcurl would turn them into that
 * on its own, and then ask for a name that the resolver never heard of. */
static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

static int url_fill(CURLU *h, struct url *u)
{
	char *port = part(h, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	char *user = part(h, CURLUPART_USER, 0);

	u->scheme = part(h, CURLUPART_SCHEME, 0);
	u->host = part(h, CURLUPART_HOST, 0);
	u->port = port ? (unsigned)strtoul(port, NULL, 10) : 0;
	u->has_user = user != NULL;
	curl_free(port);
	curl_free(user);
	if (!u->scheme || !u->host || !*u->host || !is_ascii(u->host) ||
	    !u->port)
		return -EINVAL;
	lower(u->scheme);
	lower(u->host);
	strip_brackets(u->host);
	return 0;
}

/* Proxies may be written without a scheme and in other schemes. */
static int url_parse(const char *text, bool proxy, struct url *ret)
{
	CURLU *h = curl_url();
	unsigned flags = proxy ? CURLU_NON_SUPPORT_SCHEME | CURLU_DEFAULT_SCHEME
			       : 0;
	int err = -EINVAL;

	if (!h)
		return -ENOMEM;
	ret->h = h;
	if (!curl_url_set(h, CURLUPART_URL, text, flags))
		err = url_fill(h, ret);
	if (!err && !proxy && strcmp(ret->scheme, "http") &&
	    strcmp(ret->scheme, "https"))
		err = -EINVAL;
	return err;
}

static int server_name(const struct url *u, char **ret)
{
	const char *fmt = strchr(u->host, ':') ? "[%s]:%u" : "%s:%u";
	char *s;

	/* Both forms take the same arguments. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (asprintf(&s, fmt, u->host, u->port) < 0)
		return -ENOMEM;
#pragma GCC diagnostic pop
	*ret = s;
	return 0;
}

int mx_url_server(const char *url, char **ret)
{
	MX_AUTO(url_auto) struct url u = {0};
	int err = url_parse(url, false, &u);

	return err ? err : server_name(&u, ret);
}

static bool is_address(const char *host)
{
	struct in6_addr a;

	return inet_pton(AF_INET, host, &a) == 1 ||
	       inet_pton(AF_INET6, host, &a) == 1;
}

static bool host_is_loopback(const char *host)
{
	struct in_addr a;

	if (inet_pton(AF_INET, host, &a) == 1)
		return ntohl(a.s_addr) >> 24 == 127;
	return !strcmp(host, "::1") || !strcmp(host, "localhost");
}

bool mx_url_is_loopback(const char *url)
{
	MX_AUTO(url_auto) struct url u = {0};

	return !url_parse(url, false, &u) && host_is_loopback(u.host);
}

static int dup_or_null(const char *s, const char **ret)
{
	*ret = s ? strdup(s) : NULL;
	return s && !*ret ? -ENOMEM : 0;
}

static int copy_opts(const struct mx_net_opts *from, struct mx_net_opts *to)
{
	int err;

	*to = from ? *from : MX_NET_OPTS_INIT;
	from = from ? from : to;
	to->ca_file = to->proxy = to->app = NULL;
	to->idle_ms = to->idle_ms ? to->idle_ms : MX_NET_IDLE_MS;
	to->overall_ms = to->overall_ms ? to->overall_ms : MX_NET_OVERALL_MS;
	to->max_body = to->max_body ? to->max_body : MX_MAX_HTTP_BODY;
	to->max_headers = to->max_headers ? to->max_headers
					  : MX_MAX_HTTP_HEADERS;
	err = dup_or_null(from->ca_file, &to->ca_file);
	if (!err)
		err = dup_or_null(from->proxy, &to->proxy);
	if (!err)
		err = dup_or_null(from->app, &to->app);
	return err;
}

static void opts_fini(struct mx_net_opts *o)
{
	free((char *)o->ca_file);
	free((char *)o->proxy);
	free((char *)o->app);
}

/* --- Making ------------------------------------------------------------- */

static void target_free(struct mx_target *t)
{
	if (!t)
		return;
	curl_url_cleanup(t->parsed);
	opts_fini(&t->opts);
	free(t->url);
	free(t->server);
	free(t->host);
	free(t);
}

static void target_auto(struct mx_target **t)
{
	target_free(*t);
}

/* Whose name is to be resolved: the proxy's, or else the server's. */
static int set_peer(struct mx_target *t, const struct url *server)
{
	MX_AUTO(url_auto) struct url proxy = {0};
	const struct url *u = server;

	if (t->opts.proxy && *t->opts.proxy) {
		int err = url_parse(t->opts.proxy, true, &proxy);

		if (err)
			return err;
		u = &proxy;
	}
	t->host = strdup(u->host);
	t->port = u->port;
	t->is_literal = is_address(u->host) || !strcmp(u->host, "localhost");
	return t->host ? 0 : -ENOMEM;
}

static int target_fill(struct mx_target *t, const char *url, const char *user,
		       struct mx_fault *fault)
{
	MX_AUTO(url_auto) struct url u = {0};
	int err = url_parse(url, false, &u);

	if (!err && u.has_user)
		err = -EINVAL;
	if (err)
		return mx_fault_set(fault, MX_LAYER_LOCAL, (unsigned)-err, err,
				    "\"%.160s\" is not an http or https URL "
				    "without a user name",
				    url);
	t->url = strdup(url);
	t->is_loopback = host_is_loopback(u.host);
	t->is_https = !strcmp(u.scheme, "https");
	err = server_name(&u, &t->server);
	if (err || !t->url)
		return -ENOMEM;
	mx_fault_who(fault, user, t->server);
	if (!t->is_https && !t->opts.allow_plain &&
	    (!t->is_loopback || t->opts.proxy))
		return mx_fault_set(fault, MX_LAYER_LOCAL, EPERM, -EPERM,
				    "credentials do not go over http:// to "
				    "another host or a proxy; use https://");
	err = set_peer(t, &u);
	if (err == -EINVAL)
		mx_fault_set(fault, MX_LAYER_LOCAL, EINVAL, err,
			     "\"%.160s\" is not a proxy's URL", t->opts.proxy);
	t->parsed = MX_STEAL(u.h);
	return err;
}

/* --- The table ---------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

bool mx_target_same_options(const struct mx_target *a,
			    const struct mx_target *b)
{
	return a->is_https == b->is_https &&
	       a->opts.tls_no_verify == b->opts.tls_no_verify &&
	       same_text(a->opts.ca_file, b->opts.ca_file) &&
	       same_text(a->opts.proxy, b->opts.proxy);
}

static bool is_same(const struct mx_target *a, const struct mx_target *b)
{
	return mx_target_same_options(a, b) &&
	       a->opts.idle_ms == b->opts.idle_ms &&
	       a->opts.overall_ms == b->opts.overall_ms &&
	       a->opts.allow_plain == b->opts.allow_plain &&
	       a->opts.max_body == b->opts.max_body &&
	       a->opts.max_headers == b->opts.max_headers &&
	       same_text(a->opts.app, b->opts.app) && !strcmp(a->url, b->url);
}

static struct mx_target **bucket_of(const char *url)
{
	uint32_t h = 0;

	for (; *url; url++)
		h = (h ^ (unsigned char)*url) * UINT32_C(0x9e3779b1);
	return &table.buckets[(h >> 16) % N_BUCKETS];
}

/* *mine goes into the table, or is one that is there. */
static const struct mx_target *enter(struct mx_target **mine)
{
	struct mx_target **head = bucket_of((*mine)->url), *t;

	mx_mutex_lock(&table.lock);
	for (t = *head; t && !is_same(t, *mine); t = t->next)
		;
	if (!t) {
		t = MX_STEAL(*mine);
		t->next = *head;
		*head = t;
	}
	t->refs++;
	mx_mutex_unlock(&table.lock);
	return t;
}

int mx_target_get(const char *url, const struct mx_net_opts *opts,
		  const char *user, const struct mx_target **ret,
		  struct mx_fault *fault)
{
	MX_AUTO(target_auto) struct mx_target *t = NULL;
	int err = mx_net_setup();

	if (err)
		return err;
	mx_net_on_fork(after_fork);
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	err = copy_opts(opts, &t->opts);
	if (!err)
		err = target_fill(t, url, user, fault);
	if (!err)
		*ret = enter(&t);
	return err;
}

const struct mx_target *mx_target_ref(const struct mx_target *t)
{
	mx_mutex_lock(&table.lock);
	((struct mx_target *)t)->refs++;
	mx_mutex_unlock(&table.lock);
	return t;
}

void mx_target_unref(const struct mx_target *t)
{
	struct mx_target *old = NULL;

	if (!t)
		return;
	mx_mutex_lock(&table.lock);
	if (!--((struct mx_target *)t)->refs) {
		struct mx_target **at = bucket_of(t->url);

		while (*at != t)
			at = &(*at)->next;
		old = *at;
		*at = old->next;
	}
	mx_mutex_unlock(&table.lock);
	target_free(old);
}
