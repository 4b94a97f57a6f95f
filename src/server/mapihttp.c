/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mailbox endpoint's request types, on a worker's thread.
 * [MS-OXCMAPIHTTP] 2.2.4, 3.2.5.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/log.h"
#include "server/exec.h"
#include "server/http.h"
#include "server/rop.h"
#include "server/wait.h"
#include "store/dir.h"
#include "store/store.h"
#include "wire/bodies.h"

/* What Connect tells about polling and retrying; milliseconds, times. */
#define POLLS_MAX_MS 60000
#define RETRY_COUNT 6
#define RETRY_DELAY_MS 10000
/* [MS-OXCRPC] R571, R1367: auxiliary buffers. */
#define MAX_AUX 0x1008u
#define MIN_AUX 8u

/* Returns true when the request is answered; false: it will be, later. */
typedef bool type_fn(struct mx_req *req);

static void decode_begin(struct mx_req *req, struct mx_rd *rd)
{
	mx_rd_init(rd, req->body.p, req->body.len, &req->arena);
}

static bool bad_body(struct mx_req *req)
{
	mx_req_fail(req, MX_CODE_INVALID_BODY,
		    "The %s request's body cannot be decoded", req->type);
	return true;
}

/* The two passes of an encoder into the reply. */
#define ENCODE(req, fn, res)                                                   \
	do {                                                                   \
		struct mx_wr wr_ = {0};                                        \
		uint8_t *p_;                                                   \
		fn(&wr_, res);                                                 \
		p_ = mx_buf_room(&(req)->reply.body, wr_.len);                 \
		if (p_) {                                                      \
			mx_wr_init(&wr_, p_, wr_.len);                         \
			fn(&wr_, res);                                         \
			(req)->reply.body.len += wr_.len;                      \
		}                                                              \
	} while (0)

/* ---- Connect ---- */

static bool aux_is_bad(struct mx_bin aux)
{
	return (aux.n && aux.n < MIN_AUX) || aux.n > MAX_AUX;
}

/* Whether the authenticated user may connect as `dn`: only as himself. */
static uint32_t check_dn(struct mx_req *req, const char *dn)
{
	struct mx_user u;
	int r;

	if (!*dn)
		return MX_EC_ACCESS_DENIED;
	if (!strcasecmp(dn, req->who->dn))
		return MX_EC_OK;
	r = mx_dir_by_dn(req->srv->store, dn, &req->arena, &u);
	if (r == MX_ANS_UNKNOWN_USER)
		return MX_EC_UNKNOWN_USER;
	if (r)
		return MX_EC_LOGIN_FAILURE;
	return u.id == req->who->id ? MX_EC_OK : MX_EC_ACCESS_DENIED;
}

/* "/o=Org/ou=Group/cn=Recipients/cn=": all but the last name. */
static char *prefix_of(const char *dn)
{
	const char *last = strrchr(dn, '=');

	return strndup(dn, last ? (size_t)(last - dn) + 1 : 0);
}

static uint32_t make_context(struct mx_req *req, const struct mx_connect_req *q)
{
	struct mx_ctx *ctx;
	int r = mx_ctx_new(req->srv, req->who, &ctx);

	if (r == -EDQUOT) {
		mx_log(MX_LOG_WARN, "server",
		       "%s has %u session contexts: no more are given",
		       req->who->name, req->srv->p.max_contexts);
		return MX_EC_SESSION_LIMIT;
	}
	if (r < 0)
		return r == -ENOMEM ? MX_EC_NO_MEMORY : MX_EC_LOGIN_FAILURE;
	ctx->codepage = q->default_code_page;
	ctx->lcid = q->lcid_string;
	ctx->dn_prefix = prefix_of(req->who->dn);
	if (!ctx->dn_prefix) {
		mx_ctx_kill(ctx, MX_CODE_CONTEXT_NOT_FOUND);
		mx_ctx_unref(ctx);
		return MX_EC_NO_MEMORY;
	}
	req->ctx = ctx;
	req->entered = true;
	return MX_EC_OK;
}

/* Connect with the cookies of an older context ends that.  R1277 */
static void end_previous(struct mx_req *req)
{
	struct mx_ctx *old;

	if (!req->context_cookie ||
	    mx_ctx_find(req->srv, req->context_cookie, req->who, &old) < 0)
		return;
	mx_ctx_kill(old, MX_CODE_CONTEXT_NOT_FOUND);
	mx_ctx_unref(old);
}

static bool do_connect(struct mx_req *req)
{
	struct mx_connect_res res = {.polls_max = POLLS_MAX_MS,
				     .retry_count = RETRY_COUNT,
				     .retry_delay = RETRY_DELAY_MS,
				     .dn_prefix = "",
				     .display_name = ""};
	struct mx_connect_req q;
	struct mx_rd rd;

	decode_begin(req, &rd);
	mx_connect_req_decode(&rd, &q);
	if (mx_rd_end(&rd) < 0)
		return bad_body(req);
	end_previous(req);
	res.error_code = aux_is_bad(q.auxiliary_buffer)
				 ? MX_EC_RPC_FAILED
				 : check_dn(req, q.user_dn);
	if (!res.error_code)
		res.error_code = make_context(req, &q);
	if (!res.error_code) {
		res.dn_prefix = req->ctx->dn_prefix;
		res.display_name = req->who->display;
	}
	req->reply.error = res.error_code;
	ENCODE(req, mx_connect_res_encode, &res);
	return true;
}

/* ---- In a session context ---- */

static bool do_execute(struct mx_req *req)
{
	MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
	struct mx_execute_res res;
	struct mx_execute_req q;
	struct mx_rd rd;

	decode_begin(req, &rd);
	mx_execute_req_decode(&rd, &q);
	if (mx_rd_end(&rd) < 0)
		return bad_body(req);
	mx_execute(req->ctx, &q, req->backoff_ms, &req->arena, &out, &res);
	req->reply.error = res.error_code;
	ENCODE(req, mx_execute_res_encode, &res);
	return true;
}

static bool do_disconnect(struct mx_req *req)
{
	struct mx_disconnect_res res = {0};
	struct mx_disconnect_req q;
	struct mx_rd rd;

	decode_begin(req, &rd);
	/* 3.1.5.4 says that there is no body, 2.2.4.3.1 shows one: both. */
	if (req->body.len) {
		mx_disconnect_req_decode(&rd, &q);
		if (mx_rd_end(&rd) < 0)
			return bad_body(req);
	}
	mx_ctx_kill(req->ctx, MX_CODE_CONTEXT_NOT_FOUND);
	ENCODE(req, mx_disconnect_res_encode, &res);
	return true;
}

static bool do_wait(struct mx_req *req)
{
	struct mx_notification_wait_req q;
	struct mx_rd rd;

	decode_begin(req, &rd);
	mx_notification_wait_req_decode(&rd, &q);
	if (mx_rd_end(&rd) < 0)
		return bad_body(req);
	mx_buf_fini(&req->body);
	if (mx_wait_park(req->ctx, req) == 0)
		return false;
	mx_req_fail(req, MX_CODE_INVALID_SEQUENCE,
		    "A NotificationWait is held open in this context already");
	return true;
}

static bool do_ping(struct mx_req *req)
{
	if (req->ctx)
		mx_ctx_touch(req->ctx);
	return true;
}

static const struct type {
	const char *name;
	type_fn *fn;
	bool needs_context, alone, has_body;
} types[] = {
	{"Connect", do_connect, false, false, true},
	{"Execute", do_execute, true, true, true},
	{"Disconnect", do_disconnect, true, true, false},
	{"NotificationWait", do_wait, true, false, true},
	{"PING", do_ping, false, false, false},
};

/* ---- What is asked of every request ---- */

static const struct type *type_of(const char *name)
{
	for (size_t i = 0; i < MX_ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	return NULL;
}

/* "{GUID}:counter", the braces optional.  2.2.3.3.2 */
static bool is_request_id(const char *s)
{
	struct mx_guid g;
	char text[MX_GUID_STRLEN + 3];
	const char *colon = strrchr(s, ':');
	size_t n = colon ? (size_t)(colon - s) : 0;

	if (!n || n >= sizeof(text) || !colon[1])
		return false;
	memcpy(text, s, n);
	text[n] = '\0';
	for (const char *p = colon + 1; *p; p++)
		if (!isdigit((unsigned char)*p))
			return false;
	return mx_guid_parse(text, &g) == 0;
}

static bool is_mapi_content(const char *type)
{
	static const char want[] = "application/mapi-http";
	size_t n = sizeof(want) - 1;

	return !strncasecmp(type, want, n) &&
	       (!type[n] || type[n] == ';' || type[n] == ' ');
}

static const struct type *check_headers(struct mx_req *req)
{
	const struct type *t;

	if (req->path == MX_PATH_NSPI) {
		mx_req_fail(req, MX_CODE_DISABLED,
			    "The address book endpoint is not offered");
	} else if (req->path != MX_PATH_EMSMDB) {
		mx_req_fail(req, MX_CODE_INVALID_PATH, "No endpoint here");
	} else if (!req->is_post) {
		mx_req_fail(req, MX_CODE_INVALID_VERB, "Only POST is allowed");
	} else if (!req->type) {
		mx_req_fail(req, MX_CODE_MISSING_HEADER,
			    "The header X-RequestType is missing");
	} else if (!req->request_id) {
		mx_req_fail(req, MX_CODE_MISSING_HEADER,
			    "The header X-RequestId is missing");
	} else if (!is_request_id(req->request_id)) {
		mx_req_fail(req, MX_CODE_INVALID_HEADER,
			    "X-RequestId is not {GUID}:counter");
	} else if (!(t = type_of(req->type))) {
		mx_req_fail(req, MX_CODE_INVALID_REQUEST_TYPE,
			    "'%.40s' is no request type of this endpoint",
			    req->type);
	} else if (t->has_body && !req->content_type) {
		mx_req_fail(req, MX_CODE_MISSING_HEADER,
			    "The header Content-Type is missing");
	} else if (req->content_type && !is_mapi_content(req->content_type)) {
		mx_req_fail(req, MX_CODE_INVALID_HEADER,
			    "Content-Type is not application/mapi-http");
	} else if (req->too_large) {
		mx_req_fail(req, MX_CODE_TOO_LARGE,
			    "The request is longer than %zu bytes",
			    req->srv->p.max_body);
	} else {
		return t;
	}
	return NULL;
}

static bool is_cookie(const char *s)
{
	return strlen(s) == MX_COOKIE_STRLEN &&
	       strspn(s, "0123456789abcdef") == MX_COOKIE_STRLEN;
}

/* Decimal digits, at least one and no more than fit. */
static bool take_number(const char **s, uint64_t *ret)
{
	const char *p = *s;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9' && p - *s < 19; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	if (p == *s)
		return false;
	*s = p;
	*ret = v;
	return true;
}

/* A sequence cookie is "context-number": one that we gave in this context.
 * Older ones are let pass: their holder may have lost an answer. */
static bool is_sequence(const char *s, const struct mx_ctx *ctx)
{
	uint64_t serial, n;

	return take_number(&s, &serial) && *s++ == '-' && take_number(&s, &n) &&
	       !*s && serial == ctx->serial && n <= atomic_load(&ctx->sequence);
}

/* Finds and enters the context.  False: answered. */
static bool find_context(struct mx_req *req, const struct type *t)
{
	int r;

	if (!req->context_cookie) {
		if (t->needs_context)
			mx_req_fail(req, MX_CODE_MISSING_COOKIE,
				    "The session context cookie is missing");
		return !t->needs_context;
	}
	if (!is_cookie(req->context_cookie)) {
		mx_req_fail(req, MX_CODE_INVALID_COOKIE,
			    "This is no session context cookie");
		return false;
	}
	r = mx_ctx_find(req->srv, req->context_cookie, req->who, &req->ctx);
	if (!r && req->sequence_cookie &&
	    !is_sequence(req->sequence_cookie, req->ctx)) {
		mx_req_fail(req, MX_CODE_INVALID_SEQUENCE,
			    "The sequence cookie is not of this context");
		return false;
	}
	if (!r && t->alone)
		r = mx_ctx_enter(req->ctx);
	if (r == -EBUSY)
		mx_req_fail(req, MX_CODE_INVALID_SEQUENCE,
			    "Another request runs in this session context");
	else if (r)
		mx_req_fail(req, MX_CODE_CONTEXT_NOT_FOUND,
			    "There is no such session context of this user");
	req->entered = !r && t->alone;
	return !r;
}

/* The reply as it leaves; the context is free again. */
static void settle(struct mx_req *req)
{
	struct mx_ctx *ctx = req->ctx;

	if (req->reply.body.err && req->reply.code == 0) {
		req->reply.status = 500;
		mx_req_fail(req, MX_CODE_UNKNOWN_FAILURE, "Out of memory");
	}
	if (ctx) {
		req->reply.cookies = true;
		req->reply.sequence =
			req->entered ? atomic_fetch_add(&ctx->sequence, 1) + 1
				     : atomic_load(&ctx->sequence);
	}
	/* Before the answer leaves: it may bring the next request. */
	if (req->entered)
		mx_ctx_leave(ctx);
	req->entered = false;
}

static void finish(struct mx_req *req)
{
	settle(req);
	mx_req_finish(req);
}

bool mx_mapihttp_light(struct mx_req *req)
{
	MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
	struct mx_execute_res res;
	struct mx_execute_req q;
	const struct type *t;
	struct mx_rd rd;

	if (req->path != MX_PATH_EMSMDB || !req->type || req->backoff_ms ||
	    strcmp(req->type, "Execute") ||
	    !mx_execute_looks_light(req->body.p, req->body.len))
		return false;
	t = check_headers(req);
	if (!t || !find_context(req, t)) {
		settle(req);
		return true;
	}
	decode_begin(req, &rd);
	mx_execute_req_decode(&rd, &q);
	if (mx_rd_end(&rd) < 0 ||
	    !mx_execute_light(req->ctx, &q, &req->arena, &out, &res))
		return false;
	req->reply.error = res.error_code;
	ENCODE(req, mx_execute_res_encode, &res);
	settle(req);
	return true;
}

void mx_mapihttp_run(struct mx_req *req)
{
	const struct type *t = check_headers(req);

	if (!t) {
		finish(req);
		return;
	}
	/* Connect reads the old cookie itself; mx_mapihttp_light may have been
	 * here already. */
	if (t->fn != do_connect && !req->entered && !find_context(req, t)) {
		finish(req);
		return;
	}
	if (t->fn == do_wait) {
		req->reply.cookies = true;
		req->reply.sequence = atomic_load(&req->ctx->sequence);
	}
	if (t->fn(req))
		finish(req);
}
