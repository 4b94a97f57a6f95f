/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/channel.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/lock.h"
#include "net/channel-private.h"
#include "net/fork.h"
#include "net/serial.h"

struct url {
	char *scheme, *host; /* libcurl's; the host of IPv6 without brackets */
	unsigned port;
	bool has_user;
};

static void url_auto(struct url *u)
{
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
	if (!curl_url_set(h, CURLUPART_URL, text, flags))
		err = url_fill(h, ret);
	curl_url_cleanup(h);
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

static void channel_free(struct mx_channel *ch)
{
	if (ch->generation == mx_net_generation()) {
		mx_assert_unlocked();
		mx_spare_drop(ch);
		mx_idle_end(ch);
		curl_url_cleanup(ch->parsed);
		if (ch->share)
			curl_share_cleanup(ch->share);
		mx_serial_unref(ch->auth_queue);
	}
	mx_userctx_unref(ch->user);
	opts_fini(&ch->opts);
	free(ch->resolved);
	free(ch->url);
	free(ch->server);
	free(ch->host);
	free(ch);
}

struct mx_channel *mx_channel_ref(struct mx_channel *ch)
{
	atomic_fetch_add_explicit(&ch->refs, 1, memory_order_relaxed);
	return ch;
}

void mx_channel_unref(struct mx_channel *ch)
{
	if (ch &&
	    atomic_fetch_sub_explicit(&ch->refs, 1, memory_order_acq_rel) == 1)
		channel_free(ch);
}

/* Whose name is to be resolved: the proxy's, or else the server's. */
static int set_peer(struct mx_channel *ch, const struct url *server)
{
	MX_AUTO(url_auto) struct url proxy = {0};
	const struct url *u = server;

	if (ch->opts.proxy && *ch->opts.proxy) {
		int err = url_parse(ch->opts.proxy, true, &proxy);

		if (err)
			return err;
		u = &proxy;
	}
	ch->host = strdup(u->host);
	ch->port = u->port;
	ch->is_literal = is_address(u->host) || !strcmp(u->host, "localhost");
	return ch->host ? 0 : -ENOMEM;
}

static int channel_fill(struct mx_channel *ch, const char *url,
			struct mx_userctx *user, const struct mx_net_opts *opts,
			struct mx_fault *fault)
{
	MX_AUTO(url_auto) struct url u = {0};
	int err = copy_opts(opts, &ch->opts);

	if (err)
		return err;
	err = url_parse(url, false, &u);
	if (!err && u.has_user)
		err = -EINVAL;
	if (err)
		return mx_fault_set(fault, MX_LAYER_LOCAL, (unsigned)-err, err,
				    "\"%.160s\" is not an http or https URL "
				    "without a user name",
				    url);
	ch->url = strdup(url);
	ch->is_loopback = host_is_loopback(u.host);
	ch->is_https = !strcmp(u.scheme, "https");
	err = server_name(&u, &ch->server);
	if (err || !ch->url)
		return -ENOMEM;
	mx_fault_who(fault, mx_userctx_display(user), ch->server);
	if (!ch->is_https && !ch->opts.allow_plain &&
	    (!ch->is_loopback || ch->opts.proxy))
		return mx_fault_set(fault, MX_LAYER_LOCAL, EPERM, -EPERM,
				    "credentials do not go over http:// to "
				    "another host or a proxy; use https://");
	ch->user = mx_userctx_ref(user);
	err = set_peer(ch, &u);
	if (err == -EINVAL)
		mx_fault_set(fault, MX_LAYER_LOCAL, EINVAL, err,
			     "\"%.160s\" is not a proxy's URL", ch->opts.proxy);
	return err;
}

int mx_channel_new(const char *url, struct mx_userctx *user,
		   const struct mx_net_opts *opts, struct mx_channel **ret,
		   struct mx_fault *fault)
{
	MX_AUTO(mx_channel_auto) struct mx_channel *ch = NULL;
	int err = mx_net_setup();

	if (!err) {
		mx_spare_setup();
		ch = calloc(1, sizeof(*ch));
		err = ch ? 0 : -ENOMEM;
	}
	if (!err) {
		atomic_init(&ch->refs, 1);
		ch->generation = mx_net_generation();
		atomic_flag_clear(&ch->busy);
		err = channel_fill(ch, url, user, opts, fault);
	}
	if (err == -ENOMEM)
		mx_fault_set(fault, MX_LAYER_LOCAL, ENOMEM, err,
			     "out of memory");
	if (err)
		return err;
	*ret = MX_STEAL(ch);
	return 0;
}

static CURLSH *share_new(bool tls)
{
	CURLSH *s = curl_share_init();

	/* No lock functions: whoever has the channel is alone. */
	if (s &&
	    (curl_share_setopt(s, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) ||
	     (tls && curl_share_setopt(s, CURLSHOPT_SHARE,
				       CURL_LOCK_DATA_SSL_SESSION)))) {
		curl_share_cleanup(s);
		s = NULL;
	}
	return s;
}

int mx_channel_take(struct mx_channel *ch)
{
	if (ch->generation != mx_net_generation())
		return -ECHILD;
	if (atomic_flag_test_and_set_explicit(&ch->busy, memory_order_acquire))
		return -EBUSY;
	mx_idle_end(ch);
	ch->lone = ch->thrifty && !ch->was_quick;
	if (ch->lone) {
		mx_spare_drop(ch);
		if (ch->share)
			curl_share_cleanup(ch->share);
		ch->share = NULL;
		return 0;
	}
	if (!ch->share)
		ch->share = share_new(ch->is_https);
	if (ch->share)
		return 0;
	mx_channel_give(ch);
	return -ENOMEM;
}

void mx_channel_give(struct mx_channel *ch)
{
	mx_idle_begin(ch);
	atomic_flag_clear_explicit(&ch->busy, memory_order_release);
}

void mx_channel_set_thrifty(struct mx_channel *ch)
{
	ch->thrifty = !ch->is_https && !(ch->opts.proxy && *ch->opts.proxy);
}

int mx_channel_close_idle(struct mx_channel *ch)
{
	if (ch->generation != mx_net_generation())
		return -ECHILD;
	if (mx_idle_close(ch))
		return 0;
	if (atomic_flag_test_and_set_explicit(&ch->busy, memory_order_acquire))
		return -EBUSY;
	mx_idle_end(ch);
	mx_spare_drop(ch);
	if (ch->share)
		curl_share_cleanup(ch->share);
	ch->share = NULL;
	mx_channel_give(ch);
	return 0;
}

const char *mx_channel_server(const struct mx_channel *ch)
{
	return ch->server;
}

const char *mx_channel_url(const struct mx_channel *ch)
{
	return ch->url;
}

struct mx_userctx *mx_channel_user(const struct mx_channel *ch)
{
	return ch->user;
}
