/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers as bytes.  [MS-OXCMAPIHTTP] 2.2.2.2, 2.2.3, 2.2.7.
 *
 *	PROCESSING, PENDING …   only what is sent in chunks says PENDING
 *	DONE
 *	X-ElapsedTime, X-StartTime, and X-ResponseCode when it changed
 *	(empty line)
 *	body
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "server/ctx.h"
#include "server/http.h"

/* Required form "Exchange/15.xx.xxxx.xxx" (R165); the protocol level we have. */
#define SERVER_APPLICATION "Exchange/15.00.1497.002"

/* Of what stands before the body of an answer that is whole. */
#define HEAD_ROOM 128u

const char *mx_code_name(int code)
{
	static const char *const names[] = {
		"Success",
		"Unknown Failure",
		"Invalid Verb",
		"Invalid Path",
		"Invalid Header",
		"Invalid Request Type",
		"Invalid Context Cookie",
		"Missing Header",
		"Anonymous Not Allowed",
		"Too Large",
		"Context Not Found",
		"No Privilege",
		"Invalid Request Body",
		"Missing Cookie",
		"Reserved",
		"Invalid Sequence",
		"Endpoint Disabled",
		"Invalid Response",
		"Endpoint Shutting Down",
	};

	return code >= 0 && (size_t)code < sizeof(names) / sizeof(names[0])
		       ? names[code]
		       : "Unknown";
}

static void add(struct MHD_Response *r, const char *name, const char *value)
{
	if (value)
		MHD_add_response_header(r, name, value);
}

/* printf is what costs most of an answer's headers; these are too few and too
 * simple for it. */
struct line {
	char text[160];
	size_t n;
};

static void put_text(struct line *l, const char *s)
{
	size_t n = strlen(s), left = sizeof(l->text) - 1 - l->n;

	n = n < left ? n : left;
	memcpy(l->text + l->n, s, n);
	l->n += n;
	l->text[l->n] = '\0';
}

static void put_number(struct line *l, uint64_t v)
{
	char digits[24], *p = digits + sizeof(digits) - 1;

	*p = '\0';
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	put_text(l, p);
}

static void add_number(struct MHD_Response *r, const char *name, uint64_t v)
{
	struct line l = {.n = 0};

	put_number(&l, v);
	add(r, name, l.text);
}

static void add_cookie(struct mx_req *req, struct MHD_Response *r,
		       struct line *l)
{
	put_text(l, "; path=/mapi; HttpOnly");
	if (req->srv->cert)
		put_text(l, "; Secure");
	add(r, "Set-Cookie", l->text);
}

static void add_cookies(struct mx_req *req, struct MHD_Response *r)
{
	struct line id = {.n = 0}, sequence = {.n = 0};

	if (!req->reply.cookies || !req->ctx)
		return;
	put_text(&id, "MapiContext=");
	put_text(&id, req->ctx->cookie);
	add_cookie(req, r, &id);
	put_text(&sequence, "MapiSequence=");
	put_number(&sequence, req->ctx->serial);
	put_text(&sequence, "-");
	put_number(&sequence, req->reply.sequence);
	add_cookie(req, r, &sequence);
}

/* The headers of every MAPI answer; code is what is known so far.  A streamed
 * answer's leave before the outcome is known, so they carry no cookies: those
 * that the client has stay good.  There is no Cache-Control: nobody may keep
 * the answer to a POST that does not ask for it (RFC 9110, 9.3.3), and each
 * header costs both sides. */
static void add_headers(struct mx_req *req, struct MHD_Response *r, int code)
{
	const int64_t retry_ms = req->reply.retry_after_ms;

	add(r, "Content-Type",
	    code ? "text/html; charset=utf-8" : "application/mapi-http");
	add(r, "X-RequestType", req->type);
	add(r, "X-RequestId", req->request_id);
	add(r, "X-ClientInfo", req->client_info);
	add_number(r, "X-ResponseCode", (uint64_t)code);
	add_number(r, "X-PendingPeriod", req->srv->p.pending_ms);
	add_number(r, "X-ExpirationInfo", req->srv->p.idle_ms);
	if (retry_ms > 0)
		add_number(r, "Retry-After", (uint64_t)(retry_ms + 999) / 1000);
	add(r, "X-ServerApplication", SERVER_APPLICATION);
}

static void put_html(struct mx_req *req, struct mx_buf *out)
{
	struct mx_reply *p = &req->reply;

	mx_buf_printf(out,
		      "<html><head><title>Mapiary</title></head><body>"
		      "<p>X-ResponseCode %d: %s. ",
		      p->code, mx_code_name(p->code));
	for (const char *s = p->text; *s; s++) {
		if (*s == '<' || *s == '>' || *s == '&')
			mx_buf_printf(out, "&#%d;", *s);
		else
			mx_buf_put(out, s, 1);
	}
	mx_buf_puts(out, "</p></body></html>\r\n");
}

/* RFC 9110, 5.6.7; made anew each second and thread. */
static const char *http_date(int64_t unix_s)
{
	static _Thread_local int64_t when = -1;
	static _Thread_local char text[40];
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (when == unix_s)
		return text;
	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	when = unix_s;
	return text;
}

static void put_time(struct mx_req *req, struct mx_buf *out)
{
	int64_t ms = (mx_mono_now().ns - req->start.ns) / MX_NS_PER_MS;
	struct line l = {.n = 0};

	put_text(&l, "X-ElapsedTime: ");
	put_number(&l, ms > 0 ? (uint64_t)ms : 0);
	put_text(&l, "\r\nX-StartTime: ");
	put_text(&l, http_date(req->start_unix));
	put_text(&l, "\r\n");
	mx_buf_put(out, l.text, l.n);
}

void mx_reply_tail(struct mx_req *req, struct mx_buf *out)
{
	struct mx_reply *p = &req->reply;

	mx_buf_puts(out, "DONE\r\n");
	put_time(req, out);
	if (p->code > 0)
		mx_buf_printf(out,
			      "X-ResponseCode: %d\r\n"
			      "Content-Type: text/html; charset=utf-8\r\n",
			      p->code);
	mx_buf_puts(out, "\r\n");
	if (p->code > 0)
		put_html(req, out);
	else
		mx_buf_put(out, p->body.p, p->body.len);
}

static enum MHD_Result queue(struct mx_req *req, unsigned status,
			     struct MHD_Response *r)
{
	enum MHD_Result ok = MHD_queue_response(req->conn, status, r);

	MHD_destroy_response(r);
	return ok;
}

/* Takes the bytes of b. */
static struct MHD_Response *response_of(struct mx_req *req, struct mx_buf *b)
{
	struct MHD_Response *r;
	size_t n = 0;
	uint8_t *p;

	if (b->err) {
		mx_buf_fini(b);
		return NULL;
	}
	p = mx_buf_steal(b, &n);
	r = MHD_create_response_from_buffer_with_free_callback(n, p, free);
	if (!r)
		free(p);
	else
		req->n_out = n;
	return r;
}

static enum MHD_Result queue_stream(struct mx_req *req)
{
	struct MHD_Response *r;

	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16u << 10,
					      mx_req_read, req, NULL);
	if (!r)
		return MHD_NO;
	add_headers(req, r, 0);
	return queue(req, 200, r);
}

static enum MHD_Result queue_plain(struct mx_req *req)
{
	struct mx_reply *p = &req->reply;
	struct MHD_Response *r = response_of(req, &p->body);

	if (!r)
		return MHD_NO;
	add(r, "Content-Type", p->mime);
	return queue(req, p->status, r);
}

enum MHD_Result mx_reply_queue(struct mx_req *req)
{
	struct mx_reply *p = &req->reply;
	MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
	struct MHD_Response *r;
	bool streaming;

	mx_mutex_lock(&req->lock);
	streaming = req->streaming;
	mx_mutex_unlock(&req->lock);
	if (streaming) /* a worker may be writing *p just now */
		return queue_stream(req);
	if (p->code < 0 && p->mime)
		return queue_plain(req);
	if (p->code > 0) {
		put_html(req, &out);
	} else {
		mx_buf_room(&out, p->body.len + HEAD_ROOM);
		mx_buf_puts(&out, "PROCESSING\r\n");
		mx_reply_tail(req, &out);
	}
	r = response_of(req, &out);
	if (!r)
		return MHD_NO;
	add_headers(req, r, p->code);
	add_cookies(req, r);
	return queue(req, p->status, r);
}

enum MHD_Result mx_reply_unauthorized(struct mx_req *req, bool tried)
{
	MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
	struct MHD_Response *r;

	req->reply.status = 401;
	mx_req_fail(req, tried ? MX_CODE_NO_PRIVILEGE : MX_CODE_ANONYMOUS,
		    tried ? "Unknown user or wrong password"
			  : "Please authenticate");
	put_html(req, &out);
	r = response_of(req, &out);
	if (!r)
		return MHD_NO;
	add_headers(req, r, req->reply.code);
	add(r, "WWW-Authenticate",
	    "Basic realm=\"Mapiary\", charset=\"UTF-8\"");
	return queue(req, 401, r);
}
