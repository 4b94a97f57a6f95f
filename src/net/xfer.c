/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building the request, and libcurl's callbacks while it runs.  What came of it
 * is decided in outcome.c.
 */
#include "net/xfer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "net/resolve.h"

#define AGENT "Mapiary/" MX_VERSION
/* Bytes of an error page that are read at all. */
#define ERROR_PAGE_MAX 65536
/* libcurl's receive buffer; it costs this much for each parked request. */
#define BUFFER_BYTES 16384L
#define BUFFER_PARKED_BYTES 1024L

void mx_xfer_init(struct mx_xfer *x, struct mx_channel *ch,
		  const struct mx_xreq *req, struct mx_xfer_plain *plain,
		  struct mx_xresp *resp, struct mx_fault *fault)
{
	memset(x, 0, sizeof(*x));
	x->ch = ch;
	x->req = req;
	x->plain = plain;
	x->resp = resp;
	x->fault = fault;
	x->idle_ms = req->idle_ms ? req->idle_ms : ch->to->opts.idle_ms;
	x->overall_ms = req->overall_ms ? req->overall_ms
					: ch->to->opts.overall_ms;
	x->start = x->last = mx_mono_now();
	x->end = mx_mono_in_ms(x->overall_ms);
	mx_metatag_init(&x->tag);
	mx_buf_init(&resp->body);
	resp->body.max = plain ? plain->max_body : ch->to->opts.max_body;
	mx_fault_op(fault, req->type);
}

void mx_xfer_set_phase(struct mx_xfer *x, enum mx_xphase phase)
{
	if (x->phase == phase && phase != MX_XPHASE_PENDING)
		return;
	x->phase = phase;
	if (x->req->phase)
		x->req->phase(x->req->phase_arg, phase);
}

/* --- Names -------------------------------------------------------------- */

int mx_xfer_set_addrs(struct mx_xfer *x, const char *addrs)
{
	struct mx_channel *ch = x->ch;
	char *line;

	if (asprintf(&line, "%s:%u:%s", ch->to->host, ch->to->port, addrs) < 0)
		return -ENOMEM;
	free(ch->resolved);
	ch->resolved = line;
	return 0;
}

int mx_xfer_needs_resolve(struct mx_xfer *x)
{
	MX_AUTO(mx_free_auto) char *addrs = NULL;

	if (x->ch->to->is_literal || x->ch->resolved)
		return 0;
	addrs = mx_resolve_cached(x->ch->to->host);
	return addrs ? mx_xfer_set_addrs(x, addrs) : 1;
}

/* --- Deadlines ---------------------------------------------------------- */

static mx_mono idle_end(const struct mx_xfer *x)
{
	if (x->idle_ms < 0 || x->idle_ms > INT64_MAX / MX_NS_PER_MS - 1)
		return MX_MONO_NEVER;
	if (x->last.ns > INT64_MAX - x->idle_ms * MX_NS_PER_MS)
		return MX_MONO_NEVER;
	return (mx_mono){x->last.ns + x->idle_ms * MX_NS_PER_MS};
}

mx_mono mx_xfer_due(const struct mx_xfer *x)
{
	return mx_mono_min(idle_end(x), x->end);
}

enum mx_xwhy mx_xfer_overdue(const struct mx_xfer *x)
{
	if (mx_mono_passed(x->end))
		return MX_XWHY_OVERALL;
	if (mx_mono_passed(idle_end(x)))
		return MX_XWHY_IDLE;
	return MX_XWHY_OK;
}

static void touch(struct mx_xfer *x)
{
	x->last = mx_mono_now();
}

/* --- The answer --------------------------------------------------------- */

/* The first finding counts; what libcurl says after it is a consequence. */
static void found(struct mx_xfer *x, enum mx_xwhy why, int err,
		  const char *what)
{
	if (x->why != MX_XWHY_OK)
		return;
	x->why = why;
	x->err = err;
	x->what = what;
}

/* Strictly decimal, at most 18 digits; -1 when it is not. */
static int64_t number(const char *s)
{
	int64_t v = 0;
	size_t n = strspn(s, "0123456789");

	if (!n || n > 18 || s[n])
		return -1;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (s[i] - '0');
	return v;
}

static void on_response_code(struct mx_xfer *x, const char *value)
{
	int64_t code = number(value);

	if (code < 0 || code > UINT32_MAX) {
		found(x, MX_XWHY_GARBAGE, -EPROTO,
		      "X-ResponseCode is not a number");
		return;
	}
	x->resp->response_code = (uint32_t)code;
	x->resp->have_response_code = true;
}

static void on_type(struct mx_xfer *x, const char *value)
{
	static const char want[] = "application/mapi-http";
	size_t n = sizeof(want) - 1;

	x->right_type = !strncasecmp(value, want, n) &&
			(!value[n] || strchr("; \t", value[n]));
}

static void on_cookie(struct mx_xfer *x, const char *value)
{
	int err = mx_cookies_set_header(&x->resp->set_cookies, value,
					strlen(value));

	if (err == -E2BIG)
		found(x, MX_XWHY_OVERSIZE, -EMSGSIZE,
		      "more or larger cookies than a session can have");
	else if (err == -ENOMEM)
		found(x, MX_XWHY_LOCAL, err, "out of memory");
}

static void on_retry_after(struct mx_xfer *x, const char *value)
{
	int64_t s = number(value);
	time_t at;

	if (s < 0) {
		at = curl_getdate(value, NULL);
		s = at == -1 ? -1 : at - time(NULL);
		s = at != -1 && s < 0 ? 0 : s;
	}
	x->resp->retry_after_ms = s < 0 ? -1 : s > 86400 ? 86400000 : s * 1000;
}

/* The request's own id comes back (R1330); another one's answer is not ours. */
static void on_request_id(struct mx_xfer *x, const char *value)
{
	if (x->req->request_id && strcasecmp(value, x->req->request_id))
		found(x, MX_XWHY_GARBAGE, -EPROTO,
		      "the answer belongs to another request (X-RequestId)");
}

/* Lengths first: most names differ in them. */
static inline bool is(const char *name, size_t n, const char *want)
{
	return n == strlen(want) && !strcasecmp(name, want);
}

static void on_mapi_header(struct mx_xfer *x, const char *name, size_t n,
			   const char *value)
{
	struct mx_xresp *r = x->resp;

	if (is(name, n, "X-ResponseCode"))
		on_response_code(x, value);
	else if (is(name, n, "Content-Type"))
		on_type(x, value);
	else if (is(name, n, "X-ExpirationInfo"))
		r->expiration_ms = number(value);
	else if (is(name, n, "X-PendingPeriod"))
		r->pending_period_ms = number(value);
	else if (is(name, n, "X-ElapsedTime"))
		r->elapsed_ms = number(value);
	else if (is(name, n, "X-RequestId"))
		on_request_id(x, value);
	else if (is(name, n, "X-ServerApplication"))
		snprintf(r->server_app, sizeof(r->server_app), "%s", value);
	else if (is(name, n, "Set-Cookie"))
		on_cookie(x, value);
}

static void on_header(struct mx_xfer *x, const char *name, size_t n,
		      const char *value)
{
	if (is(name, n, "Content-Length"))
		x->has_length = true;
	else if (is(name, n, "Transfer-Encoding"))
		x->has_length = x->has_length || strcasestr(value, "chunked");
	else if (is(name, n, "Retry-After"))
		on_retry_after(x, value);
	else if (x->plain && is(name, n, "Location")) {
		free(x->plain->location);
		x->plain->location = strdup(value);
	} else if (!x->plain) {
		on_mapi_header(x, name, n, value);
	}
}

/* A new status line: what an interim answer (1xx) said is void. */
static void on_status_line(struct mx_xfer *x)
{
	long status = 0;

	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	x->resp->http_status = (int)status;
	x->resp->have_response_code = false;
	x->resp->response_code = 0;
	x->has_length = x->right_type = x->head_done = false;
	mx_cookies_clear(&x->resp->set_cookies);
}

static void on_header_end(struct mx_xfer *x)
{
	long status = 0;

	/* After a status line libcurl knows the number only now. */
	curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
	x->resp->http_status = (int)status;
	x->head_done = status >= 200;
}

static size_t header_cb(char *p, size_t size, size_t n, void *arg)
{
	MX_AUTO(mx_free_auto) char *heap = NULL;
	struct mx_xfer *x = arg;
	char *value, *line, near[256];
	size_t len = n;

	(void)size; /* always 1 */
	touch(x);
	x->n_head += n;
	if (x->n_head > x->ch->to->opts.max_headers) {
		found(x, MX_XWHY_OVERSIZE, -EMSGSIZE,
		      "the answer's headers are too large");
		return 0;
	}
	while (len && (p[len - 1] == '\n' || p[len - 1] == '\r'))
		len--;
	line = len < sizeof(near) ? near : (heap = malloc(len + 1));
	if (!line) {
		found(x, MX_XWHY_LOCAL, -ENOMEM, "out of memory");
		return 0;
	}
	memcpy(line, p, len);
	line[len] = '\0';
	if (!len) {
		on_header_end(x);
	} else if (!strncasecmp(line, "HTTP/", 5)) {
		on_status_line(x);
	} else if ((value = strchr(line, ':'))) {
		*value++ = '\0';
		while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
			line[--len] = '\0';
		on_header(x, line, (size_t)(value - line) - 1,
			  value + strspn(value, " \t"));
	}
	return x->why == MX_XWHY_OK ? n : 0;
}

static int on_event(void *arg, enum mx_metatag_event ev, const char *name,
		    const char *value, const uint8_t *data, size_t n)
{
	struct mx_xfer *x = arg;

	switch (ev) {
	case MX_METATAG_EV_PROCESSING:
		mx_xfer_set_phase(x, MX_XPHASE_PENDING);
		return 0;
	case MX_METATAG_EV_PENDING:
		x->resp->n_pending++;
		mx_xfer_set_phase(x, MX_XPHASE_PENDING);
		return 0;
	case MX_METATAG_EV_DONE:
		mx_xfer_set_phase(x, MX_XPHASE_BODY);
		return 0;
	case MX_METATAG_EV_HEADER:
		on_mapi_header(x, name, strlen(name), value);
		return x->err;
	case MX_METATAG_EV_BODY:
		return mx_buf_put(&x->resp->body, data, n);
	}
	return -EPROTO;
}

static void keep_snippet(struct mx_xfer *x, const char *p, size_t n)
{
	size_t at = strlen(x->snippet);

	for (size_t i = 0; i < n && at + 1 < sizeof(x->snippet); i++) {
		unsigned char c = (unsigned char)p[i];
		bool blank = c <= ' ' || c >= 0x7f;

		if (blank && (!at || x->snippet[at - 1] == ' '))
			continue;
		x->snippet[at++] = blank ? ' ' : (char)c;
		x->snippet[at] = '\0';
	}
}

/* Part of an error page; 0 when that is enough of it. */
static size_t on_error_page(struct mx_xfer *x, const char *p, size_t n)
{
	keep_snippet(x, p, n);
	x->n_error += n;
	if (x->n_error <= ERROR_PAGE_MAX)
		return n;
	x->enough = true;
	return 0;
}

static bool body_failed(struct mx_xfer *x, int err)
{
	if (!err)
		return false;
	if (err == -EMSGSIZE)
		found(x, MX_XWHY_OVERSIZE, err, "the answer is too large");
	else if (err == -ENOMEM)
		found(x, MX_XWHY_LOCAL, err, "out of memory");
	else
		found(x, MX_XWHY_GARBAGE, -EPROTO,
		      "the answer's body is not PROCESSING, PENDING, DONE");
	return true;
}

static size_t write_cb(char *p, size_t size, size_t n, void *arg)
{
	const struct mx_metatag_ops ops = {on_event, arg};
	struct mx_xfer *x = arg;
	struct mx_xresp *r = x->resp;
	int err;

	(void)size;
	touch(x);
	if (x->plain)
		return body_failed(x, mx_buf_put(&r->body, p, n)) ? 0 : n;
	if (r->http_status != 200 ||
	    (r->have_response_code && r->response_code &&
	     x->tag.state == MX_METATAG_TAGS))
		return on_error_page(x, p, n);
	err = mx_metatag_feed(&x->tag, p, n, &ops);
	return body_failed(x, err) ? 0 : n;
}

/* --- The request -------------------------------------------------------- */

/* Right before the request goes out.  libcurl sends it once more by itself when
 * a kept connection turns out to be closed, whatever the request does.  That is
 * allowed only while not one byte of it has left. */
static int prereq_cb(void *arg, char *ip, char *local_ip, int port,
		     int local_port)
{
	struct mx_xfer *x = arg;
	long sent = 0;

	(void)ip, (void)local_ip, (void)port;
	curl_easy_getinfo(x->easy, CURLINFO_REQUEST_SIZE, &sent);
	if (x->attempts++ && sent > 0) {
		x->resend_refused = true;
		return CURL_PREREQFUNC_ABORT;
	}
	x->resp->local_port = (uint16_t)local_port;
	touch(x);
	mx_xfer_set_phase(x, MX_XPHASE_ANSWER);
	return CURL_PREREQFUNC_OK;
}

static int progress_cb(void *arg, curl_off_t dl_total, curl_off_t dl,
		       curl_off_t ul_total, curl_off_t ul)
{
	struct mx_xfer *x = arg;

	(void)dl_total, (void)dl, (void)ul_total;
	if (ul != x->n_upload) {
		x->n_upload = ul;
		touch(x);
	}
	return 0;
}

/* libcurl is about to start a thread for a name that was not handed to it. */
static int resolver_cb(void *resolver, void *reserved, void *arg)
{
	(void)resolver, (void)reserved, (void)arg;
	return 1;
}

static CURLcode set_tls(struct mx_xfer *x)
{
	const struct mx_net_opts *o = &x->ch->to->opts;
	CURL *e = x->easy;
	CURLcode rc = CURLE_OK;

	if (o->ca_file)
		rc = curl_easy_setopt(e, CURLOPT_CAINFO, o->ca_file);
	if (!rc && o->tls_no_verify) {
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (!rc)
		rc = curl_easy_setopt(e, CURLOPT_SSLVERSION,
				      (long)CURL_SSLVERSION_TLSv1_2);
	return rc;
}

/* A target's URL is taken apart once, not with each request. */
static CURLcode set_url(struct mx_xfer *x)
{
	if (x->plain)
		return curl_easy_setopt(x->easy, CURLOPT_URL, x->plain->url);
	return curl_easy_setopt(x->easy, CURLOPT_CURLU, x->ch->to->parsed);
}

/* Of a handle that has another one; libcurl keeps a copy of that as text. */
static CURLcode change_url(struct mx_xfer *x)
{
	curl_easy_setopt(x->easy, CURLOPT_URL, NULL);
	return set_url(x);
}

static CURLcode set_strings(struct mx_xfer *x)
{
	const char *proxy = x->ch->to->opts.proxy;
	CURL *e = x->easy;
	CURLcode rc = set_url(x);

	if (!rc)
		rc = curl_easy_setopt(e, CURLOPT_PROXY, proxy ? proxy : "");
	/* Nor the environment's, which is searched for it each time. */
	if (!rc)
		rc = curl_easy_setopt(e, CURLOPT_NOPROXY, "");
	if (!rc)
		rc = curl_easy_setopt(e, CURLOPT_USERAGENT, AGENT);
	if (!rc)
		rc = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	return rc ? rc : set_tls(x);
}

/* None of these can fail: numbers and functions, the same for every request. */
static void set_fixed(CURL *e)
{
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, header_cb);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, write_cb);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, prereq_cb);
	curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, progress_cb);
	mx_xfer_socket_fixed(e);
	curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
	/* Ours are the deadlines; libcurl's own would be five minutes. */
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, 86400L);
}

/* Nor these: what is of this request. */
static void set_request(struct mx_xfer *x)
{
	bool parked = x->req->type && !strcmp(x->req->type, "NotificationWait");
	CURL *e = x->easy;

	curl_easy_setopt(e, CURLOPT_SHARE, x->ch->share);
	mx_xfer_socket_set(x);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS,
			 x->req->body ? x->req->body : "");
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE,
			 (curl_off_t)x->req->body_len);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->headers);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE,
			 parked ? BUFFER_PARKED_BYTES : BUFFER_BYTES);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->errbuf);
	curl_easy_setopt(e, CURLOPT_PRIVATE, x);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, x);
	curl_easy_setopt(e, CURLOPT_XFERINFODATA, x);
	curl_easy_setopt(e, CURLOPT_NOPROGRESS,
			 x->req->body_len > (size_t)BUFFER_BYTES ? 0L : 1L);
}

/* The last one that was used, or a new one. */
static int get_easy(struct mx_xfer *x)
{
	/* What is not MAPI goes to another URL; what is parked gives it back
	 * much later, if at all. */
	const bool mine = x->plain || x->ch->lone;
	struct mx_spare s = {NULL, NULL};

	if (!mine)
		s = mx_spare_take(x->ch->to);
	x->easy = s.easy;
	x->easy_of = s.of;
	if (x->easy && x->easy_of == x->ch->to)
		return 0;
	mx_target_unref(x->easy_of);
	x->easy_of = mine ? NULL : mx_target_ref(x->ch->to);
	if (x->easy)
		return change_url(x) ? -ENOMEM : 0;
	x->easy = curl_easy_init();
	if (!x->easy || set_strings(x))
		return -ENOMEM;
	set_fixed(x->easy);
	return 0;
}

int mx_xfer_prepare(struct mx_xfer *x, const char *auth)
{
	int err = mx_xfer_headers(x, auth);

	if (err)
		return err;
	if (x->ch->resolved && !x->ch->to->is_literal) {
		x->resolve = curl_slist_append(NULL, x->ch->resolved);
		if (!x->resolve)
			return -ENOMEM;
	}
	err = get_easy(x);
	if (err)
		return err;
	set_request(x);
	curl_easy_setopt(x->easy, CURLOPT_RESOLVE, x->resolve);
	curl_easy_setopt(x->easy, CURLOPT_RESOLVER_START_FUNCTION,
			 x->resolve ? resolver_cb : NULL);
	mx_xfer_set_phase(x, MX_XPHASE_CONNECT);
	return 0;
}

/* A handle that leaves its multi has libcurl (7.88) look through the table of
 * the cache its connection is in, for those that it would have to close: with a
 * share of the channel's own, 52 cache lines that nobody has touched since the
 * user's last call.  Without one it looks into the multi's, which is empty, and
 * is done when it has been asked for its connection and has not found it. */
void mx_xfer_unshare(struct mx_xfer *x)
{
	curl_socket_t none;

	if (!x->ch->share)
		return;
	curl_easy_setopt(x->easy, CURLOPT_SHARE, NULL);
	curl_easy_getinfo(x->easy, CURLINFO_ACTIVESOCKET, &none);
}

void mx_xfer_keep(struct mx_xfer *x)
{
	CURL *e = x->easy;

	if (!e || !x->easy_of)
		return;
	/* Nothing of this request, its user's secrets least of all. */
	curl_easy_setopt(e, CURLOPT_SHARE, NULL);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(e, CURLOPT_RESOLVE, NULL);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, NULL);
	mx_spare_put((struct mx_spare){e, x->easy_of});
	x->easy = NULL;
	x->easy_of = NULL;
}

void mx_xfer_fini(struct mx_xfer *x)
{
	if (x->easy)
		curl_easy_cleanup(x->easy);
	x->easy = NULL;
	mx_target_unref(x->easy_of);
	x->easy_of = NULL;
	mx_xfer_headers_fini(x);
	curl_slist_free_all(x->resolve);
	x->resolve = NULL;
}
