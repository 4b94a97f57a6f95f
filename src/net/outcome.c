/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What came of a transfer: one answer from what the loop did, what the callbacks
 * found and what libcurl says, in this order:
 *
 *	given up by the loop (cancel, deadlines)
 *	an HTTP status other than 200, an X-ResponseCode other than 0: the server
 *	   has spoken, how its answer ended does not matter
 *	what a callback found (garbage, oversized, no memory)
 *	libcurl's error
 *	an answer that ends without being whole
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "net/resolve.h"
#include "net/xfer.h"

/* Of a thrifty channel: it keeps its connection for the next one. */
#define QUICK_MS 10000

static const char *const why_names[] = {
	[MX_XWHY_OK] = "ok",
	[MX_XWHY_LOCAL] = "local",
	[MX_XWHY_CREDS] = "credentials",
	[MX_XWHY_CANCELED] = "cancelled",
	[MX_XWHY_RESOLVE] = "resolve",
	[MX_XWHY_CONNECT] = "connect",
	[MX_XWHY_TLS] = "TLS",
	[MX_XWHY_IDLE] = "idle",
	[MX_XWHY_OVERALL] = "overall",
	[MX_XWHY_CUT] = "cut",
	[MX_XWHY_GARBAGE] = "garbage",
	[MX_XWHY_OVERSIZE] = "oversize",
	[MX_XWHY_HTTP] = "HTTP status",
	[MX_XWHY_CODE] = "X-ResponseCode",
};

static const char *const phase_names[] = {
	[MX_XPHASE_QUEUED] = "queued",   [MX_XPHASE_RESOLVE] = "resolve",
	[MX_XPHASE_CONNECT] = "connect", [MX_XPHASE_ANSWER] = "answer",
	[MX_XPHASE_PENDING] = "PENDING", [MX_XPHASE_BODY] = "body",
};

/* [MS-OXCMAPIHTTP] 2.2.3.3.3. */
static const char *const code_texts[] = {
	[1] = "the server says: unknown failure",
	[2] = "the server says: invalid verb",
	[3] = "the server says: invalid path; is the URL the endpoint's?",
	[4] = "the server says: invalid header",
	[5] = "the server does not know this request type",
	[6] = "the server says: invalid session context cookie",
	[7] = "the server says: a header is missing",
	[8] = "the server does not take anonymous requests",
	[9] = "the server says: the request is too large",
	[10] = "the session context is gone, or belongs to another user",
	[11] = "the user has no privileges to this session context",
	[12] = "the server says: invalid request body",
	[13] = "the server says: a cookie is missing",
	[15] = "another request is in flight on this session context",
	[16] = "the endpoint is disabled for this user or server",
	[17] = "the server says: invalid response",
	[18] = "the endpoint is shutting down; try again later",
};

const char *mx_xwhy_name(enum mx_xwhy why)
{
	return (unsigned)why < MX_ARRAY_SIZE(why_names) ? why_names[why] : "?";
}

const char *mx_xphase_name(enum mx_xphase p)
{
	return (unsigned)p < MX_ARRAY_SIZE(phase_names) ? phase_names[p] : "?";
}

void mx_xresp_fini(struct mx_xresp *r)
{
	mx_buf_fini(&r->body);
	mx_cookies_fini(&r->set_cookies);
	*r = MX_XRESP_INIT;
}

/* --- Pieces of the decision --------------------------------------------- */

static int transport(struct mx_xfer *x, enum mx_xwhy why, CURLcode rc, int err,
		     const char *text)
{
	x->resp->why = why;
	return mx_fault_set(x->fault, MX_LAYER_TRANSPORT, rc, err, "%s", text);
}

static int protocol(struct mx_xfer *x, enum mx_xwhy why, int err,
		    const char *text)
{
	x->resp->why = why;
	return mx_fault_set(x->fault, MX_LAYER_MAPIHTTP, x->resp->response_code,
			    err, "%s%s%s", text,
			    x->snippet[0] ? "; it says: " : "", x->snippet);
}

static const char *waited_for(const struct mx_xfer *x)
{
	switch (x->phase) {
	case MX_XPHASE_RESOLVE:
		return "the name servers";
	case MX_XPHASE_CONNECT:
		return x->ch->to->is_https
			       ? "the connection or its TLS handshake"
			       : "the connection";
	case MX_XPHASE_ANSWER:
		return "an answer";
	case MX_XPHASE_PENDING:
		return "the next PENDING or DONE";
	default:
		return "the rest of the answer";
	}
}

static int gave_up(struct mx_xfer *x, enum mx_xwhy why)
{
	const CURLcode rc = CURLE_OPERATION_TIMEDOUT;
	bool idle = why == MX_XWHY_IDLE;

	if (why == MX_XWHY_CANCELED)
		return mx_xfer_fail(x, why, -ECANCELED,
				    "cancelled by the program");
	x->resp->why = why;
	return mx_fault_set(x->fault, MX_LAYER_TRANSPORT, rc, -ETIMEDOUT,
			    "%s %lld ms while waiting for %s",
			    idle ? "nothing came for" : "not done within",
			    (long long)(idle ? x->idle_ms : x->overall_ms),
			    waited_for(x));
}

static int bad_status(struct mx_xfer *x)
{
	int status = x->resp->http_status, err = -EREMOTEIO;
	const char *text = "the server refuses the request";

	if (status == 401) {
		err = -EACCES;
		text = "the server does not accept this user's credentials";
	} else if (status == 403) {
		err = -EACCES;
		text = "the server denies this user the endpoint";
	} else if (status == 404) {
		text = "there is no MAPI/HTTP endpoint at this URL";
	} else if (status == 429 || status == 503) {
		err = -EAGAIN;
		text = "the server asks to try again later";
	} else if (status >= 500) {
		text = "the server failed";
	} else if (status >= 300 && status < 400) {
		text = "the server redirects, which MAPI/HTTP does not follow";
	}
	x->resp->why = MX_XWHY_HTTP;
	return mx_fault_set(x->fault, MX_LAYER_HTTP, (uint32_t)status, err,
			    "%s%s%s", text, x->snippet[0] ? "; it says: " : "",
			    x->snippet);
}

static int bad_code(struct mx_xfer *x)
{
	uint32_t code = x->resp->response_code;
	const char *text = "the server gives a code that is not known here";
	int err = -EREMOTEIO;

	if (code == 6 || code == 10 || code == 13)
		err = -ESTALE;
	else if (code == 8 || code == 11)
		err = -EACCES;
	else if (code == 15)
		err = -EBUSY;
	if (code < MX_ARRAY_SIZE(code_texts) && code_texts[code])
		text = code_texts[code];
	return protocol(x, MX_XWHY_CODE, err, text);
}

static int os_errno(struct mx_xfer *x, int fallback)
{
	long e = 0;

	curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &e);
	return e > 0 ? -(int)e : fallback;
}

static int connect_failed(struct mx_xfer *x, CURLcode rc)
{
	int err = os_errno(x, -ECONNREFUSED);

	/* The address may be an old one: ask for the name again next time. */
	if (!x->ch->to->is_literal) {
		free(x->ch->resolved);
		x->ch->resolved = NULL;
		mx_resolve_forget(x->ch->to->host);
	}
	x->resp->why = MX_XWHY_CONNECT;
	/* Out of descriptors or ports is our own trouble. */
	if (err == -EMFILE || err == -ENFILE || err == -EADDRNOTAVAIL)
		return mx_xfer_fail(x, MX_XWHY_LOCAL, err,
				    "no descriptor or port for a connection");
	return mx_fault_set(x->fault, MX_LAYER_TRANSPORT, rc, err,
			    "cannot connect: %s",
			    err == -ECONNREFUSED ? "nothing listens there"
						 : strerror(-err));
}

static bool is_tls_error(CURLcode rc)
{
	switch (rc) {
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CRL_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_ENGINE_INITFAILED:
	case CURLE_USE_SSL_FAILED:
		return true;
	default:
		return false;
	}
}

static const char *curl_words(struct mx_xfer *x, CURLcode rc)
{
	return x->errbuf[0] ? x->errbuf : curl_easy_strerror(rc);
}

static int cut(struct mx_xfer *x, CURLcode rc)
{
	const char *text = "the connection ended in the middle of the answer";

	if (!x->resp->http_status && !x->n_head)
		text = "the connection ended without an answer";
	return transport(x, MX_XWHY_CUT, rc, -ECONNRESET, text);
}

static int curl_failed(struct mx_xfer *x, CURLcode rc)
{
	switch (rc) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return transport(x, MX_XWHY_RESOLVE, rc, -EHOSTUNREACH,
				 curl_words(x, rc));
	case CURLE_COULDNT_CONNECT:
		return connect_failed(x, rc);
	case CURLE_OUT_OF_MEMORY:
		/* libcurl says this too of a header line over 100 kB, which
		 * never reaches a callback. */
		if (x->attempts && !x->head_done)
			return protocol(x, MX_XWHY_OVERSIZE, -EMSGSIZE,
					"a header line of the answer is too "
					"long");
		return mx_xfer_fail(x, MX_XWHY_LOCAL, -ENOMEM, "out of memory");
	case CURLE_RECV_ERROR:
		/* libcurl has one code for a reset and for bad chunks. */
		if (strstr(x->errbuf, "chunked-encoding"))
			break;
		return cut(x, rc);
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_ABORTED_BY_CALLBACK:
		return cut(x, rc);
	case CURLE_OPERATION_TIMEDOUT:
		return gave_up(x, MX_XWHY_IDLE);
	default:
		break;
	}
	if (is_tls_error(rc))
		return transport(x, MX_XWHY_TLS, rc, -EKEYREJECTED,
				 curl_words(x, rc));
	return transport(x, MX_XWHY_GARBAGE, rc, -EPROTO, curl_words(x, rc));
}

static int by_callback(struct mx_xfer *x)
{
	if (x->why == MX_XWHY_LOCAL)
		return mx_xfer_fail(x, x->why, x->err, x->what);
	return protocol(x, x->why, x->err, x->what);
}

/* libcurl is content; is the answer whole? */
static int check_whole(struct mx_xfer *x)
{
	if (!x->head_done)
		return cut(x, CURLE_PARTIAL_FILE);
	if (x->plain)
		return 0;
	if (!x->resp->have_response_code)
		return protocol(x, MX_XWHY_GARBAGE, -EPROTO,
				"no X-ResponseCode: not a MAPI/HTTP endpoint?");
	if (!x->has_length)
		return protocol(x, MX_XWHY_GARBAGE, -EPROTO,
				"the answer does not say where it ends");
	if (!mx_metatag_complete(&x->tag))
		return protocol(x, MX_XWHY_CUT, -ECONNRESET,
				"the answer ends before DONE and its headers");
	if (!x->right_type)
		return protocol(x, MX_XWHY_GARBAGE, -EPROTO,
				"Content-Type is not application/mapi-http");
	return 0;
}

static int decide(struct mx_xfer *x, enum mx_xwhy aborted, CURLcode rc)
{
	const struct mx_xresp *r = x->resp;

	if (aborted != MX_XWHY_OK)
		return gave_up(x, aborted);
	if (x->head_done && !x->plain && r->http_status != 200)
		return bad_status(x);
	if (x->head_done && !x->plain && r->have_response_code &&
	    r->response_code)
		return bad_code(x);
	if (x->why != MX_XWHY_OK)
		return by_callback(x);
	if (rc)
		return curl_failed(x, rc);
	return check_whole(x);
}

/* --- The numbers -------------------------------------------------------- */

static void account(struct mx_xfer *x)
{
	struct mx_xresp *r = x->resp;
	long sent = 0, head = 0, connects = 0;
	curl_off_t up = 0, down = 0;

	curl_easy_getinfo(x->easy, CURLINFO_REQUEST_SIZE, &sent);
	curl_easy_getinfo(x->easy, CURLINFO_HEADER_SIZE, &head);
	curl_easy_getinfo(x->easy, CURLINFO_NUM_CONNECTS, &connects);
	curl_easy_getinfo(x->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	curl_easy_getinfo(x->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	/* A small body leaves with the headers and is counted there. */
	r->bytes_out = r->head_out = (uint64_t)sent;
	if (sent > 0 && (curl_off_t)sent < up)
		r->bytes_out += (uint64_t)up;
	else if (sent > 0)
		r->head_out -= (uint64_t)up;
	r->head_in = (uint64_t)head;
	r->bytes_in = (uint64_t)head + (uint64_t)down;
	r->new_connection = connects > 0;
	/* Sent whole: the headers and every byte of the body. */
	r->maybe_sent = x->resend_refused ||
			(sent > 0 && (uint64_t)up >= x->req->body_len);
}

void mx_xfer_blame(struct mx_xfer *x)
{
	/* One that was given up before it began has no channel. */
	if (x->ch)
		mx_fault_who(x->fault, mx_userctx_display(x->ch->user),
			     x->ch->to->server);
}

int mx_xfer_fail(struct mx_xfer *x, enum mx_xwhy why, int err, const char *text)
{
	mx_xfer_blame(x);
	x->resp->why = why;
	if (x->start.ns)
		x->resp->took_ns = mx_mono_now().ns - x->start.ns;
	if (text)
		mx_fault_set(x->fault, MX_LAYER_LOCAL, (uint32_t)-err, err,
			     "%s", text);
	return err;
}

int mx_xfer_finish(struct mx_xfer *x, enum mx_xwhy aborted, CURLcode rc)
{
	int err;

	account(x);
	err = decide(x, aborted, rc);
	if (err) {
		mx_xfer_blame(x);
		mx_buf_reset(&x->resp->body);
	}
	x->resp->took_ns = mx_mono_now().ns - x->start.ns;
	x->ch->was_quick = !err && x->resp->took_ns < QUICK_MS * MX_NS_PER_MS;
	return err;
}
