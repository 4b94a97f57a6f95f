/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server/testlib.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/log.h"

/* ---- The server ---- */

static void on_access(void *arg, const struct mx_access *a)
{
	struct ts *ts = arg;
	struct ts_access *e;

	pthread_mutex_lock(&ts->lock);
	if (ts->n_log < MX_ARRAY_SIZE(ts->log)) {
		e = &ts->log[ts->n_log++];
		snprintf(e->user, sizeof(e->user), "%s", a->user);
		snprintf(e->type, sizeof(e->type), "%s", a->type);
		snprintf(e->id, sizeof(e->id), "%s", a->request_id);
		e->port = a->peer_port;
		e->status = a->status;
		e->code = a->code;
		e->context = a->context;
		e->owner = a->owner;
		e->connection = a->connection;
	}
	pthread_cond_broadcast(&ts->changed);
	pthread_mutex_unlock(&ts->lock);
}

void ts_await_log(struct ts *ts, size_t n)
{
	pthread_mutex_lock(&ts->lock);
	while (ts->n_log < n)
		pthread_cond_wait(&ts->changed, &ts->lock);
	pthread_mutex_unlock(&ts->lock);
}

void ts_await_parked(struct ts *ts, unsigned n)
{
	struct mx_server_stats st;

	do {
		mx_server_stats(ts->srv, &st);
		sched_yield();
	} while (st.parked != n);
}

struct ts *ts_start(const struct mx_server_params *p)
{
	static unsigned n;
	struct ts *ts = calloc(1, sizeof(*ts));
	struct mx_fault f = MX_FAULT_INIT;
	char dir[512];
	int r;

	assert_non_null(ts);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (getenv("MX_TEST_LOG"))
		mx_log_sink(mx_log_stderr, NULL, MX_LOG_DEBUG);
	pthread_mutex_init(&ts->lock, NULL);
	pthread_cond_init(&ts->changed, NULL);
	if (p)
		ts->p = *p;
	snprintf(dir, sizeof(dir), "%s/store-%u", mx_test_dir(), ++n);
	if (!ts->p.dir)
		ts->p.dir = mx_arena_strdup(&ts->a, dir);
	ts->p.on_access = on_access;
	ts->p.access_arg = ts;
	r = mx_server_start(&ts->p, &f, &ts->srv);
	if (r)
		fail_msg("no server: %s", f.text);
	r = mx_dir_by_name(mx_server_store(ts->srv), "ann", &ts->a, &ts->ann);
	if (!r)
		r = mx_dir_by_name(mx_server_store(ts->srv), "bob", &ts->a,
				   &ts->bob);
	if (!r)
		return ts;
	r = mx_dir_add(mx_server_store(ts->srv),
		       &(struct mx_user){.name = "ann"}, "pw-ann", &ts->a,
		       &ts->ann);
	assert_int_equal(r, 0);
	r = mx_dir_add(mx_server_store(ts->srv),
		       &(struct mx_user){.name = "bob"}, "pw-bob", &ts->a,
		       &ts->bob);
	assert_int_equal(r, 0);
	return ts;
}

void ts_stop(struct ts *ts)
{
	mx_server_stop(ts->srv);
	mx_arena_fini(&ts->a);
	pthread_cond_destroy(&ts->changed);
	pthread_mutex_destroy(&ts->lock);
	free(ts);
}

/* ---- Raw sockets ---- */

int ts_raw(struct ts *ts)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	in.sin_port = htons(mx_server_port(ts->srv));
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (void *)&in, sizeof(in)), 0);
	return fd;
}

void ts_raw_send(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), (ssize_t)n);
}

int ts_raw_wait(struct ts *ts, const char *context)
{
	char buf[640];
	int fd = ts_raw(ts);
	int n = snprintf(buf, sizeof(buf),
			 "POST /mapi/emsmdb HTTP/1.1\r\nHost: x\r\n"
			 "Authorization: Basic YW5uOnB3LWFubg==\r\n"
			 "X-RequestType: NotificationWait\r\n"
			 "X-RequestId: {E2EA6C1C-E61B-49E9-9CFB-38184F907552}"
			 ":1\r\nContent-Type: application/mapi-http\r\n"
			 "Cookie: MapiContext=%s\r\n"
			 "Content-Length: 8\r\n\r\n",
			 context);

	memset(buf + n, 0, 8);
	ts_raw_send(fd, buf, (size_t)n + 8);
	return fd;
}

/* ---- HTTP ---- */

void tr_fini(struct tr *r)
{
	mx_buf_fini(&r->head);
	mx_buf_fini(&r->raw);
}

const char *tr_header(const struct tr *r, const char *name)
{
	static _Thread_local char value[512];
	size_t n = strlen(name);
	struct mx_buf *head = (struct mx_buf *)(uintptr_t)&r->head;
	const char *p = mx_buf_str(head);

	for (; *p; p = strchr(p, '\n') + 1) {
		if (!strncasecmp(p, name, n) && p[n] == ':') {
			snprintf(value, sizeof(value), "%.*s",
				 (int)strcspn(p + n + 2, "\r\n"), p + n + 2);
			return value;
		}
		if (!strchr(p, '\n'))
			break;
	}
	return "";
}

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	return mx_buf_put(arg, p, size * n) ? 0 : size * n;
}

static void take_cookie(struct tr *r, const char *name, char *ret, size_t max)
{
	char want[96];
	const char *p;

	snprintf(want, sizeof(want), "Set-Cookie: %s=", name);
	p = strcasestr(mx_buf_str(&r->head), want);
	if (p)
		snprintf(ret, max, "%.*s",
			 (int)strcspn(p + strlen(want), ";\r\n"),
			 p + strlen(want));
}

/* PROCESSING, PENDING …, DONE, additional headers, empty line, body. */
static void split_answer(struct tr *r)
{
	const char *begin = mx_buf_str(&r->raw), *p = begin, *end;
	const char *code;

	while (!r->done && (end = strstr(p, "\r\n"))) {
		size_t n = (size_t)(end - p);

		if (n == 10 && !memcmp(p, "PROCESSING", n))
			r->processing = true;
		else if (n == 7 && !memcmp(p, "PENDING", n))
			r->n_pending++;
		else if (n == 4 && !memcmp(p, "DONE", n))
			r->done = true;
		else
			return;
		p = end + 2;
	}
	end = r->done ? strstr(p, "\r\n\r\n") : NULL;
	if (!end)
		return;
	snprintf(r->extra, sizeof(r->extra), "%.*s", (int)(end + 2 - p), p);
	code = strstr(r->extra, "X-ResponseCode: ");
	if (code)
		r->late_code = atoi(code + 16);
	end += 4;
	r->body.p = (const uint8_t *)end;
	r->body.n = (uint32_t)(r->raw.len - (size_t)(end - begin));
}

void tc_init(struct tc *c, struct ts *ts, const char *user)
{
	memset(c, 0, sizeof(*c));
	c->ts = ts;
	c->curl = curl_easy_init();
	snprintf(c->user, sizeof(c->user), "%s", user);
	snprintf(c->password, sizeof(c->password), "pw-%s", user);
	c->logon = MX_NO_HANDLE;
}

void tc_fini(struct tc *c)
{
	curl_easy_cleanup(c->curl);
	mx_arena_fini(&c->a);
}

const struct mx_user *tc_user(const struct tc *c)
{
	return !strcmp(c->user, "bob") ? &c->ts->bob : &c->ts->ann;
}

static struct curl_slist *add(struct curl_slist *l, const char *name,
			      const char *v)
{
	char buf[640];

	snprintf(buf, sizeof(buf), "%s:%s%s", name, *v ? " " : "", v);
	return curl_slist_append(l, buf);
}

static struct curl_slist *headers(struct tc *c, const char *type)
{
	struct curl_slist *l = NULL;
	char id[80], cookie[256];

	snprintf(id, sizeof(id), "{E2EA6C1C-E61B-49E9-9CFB-38184F907552}:%u",
		 ++c->counter);
	if (!c->no_type)
		l = add(l, "X-RequestType", type);
	if (!c->no_request_id)
		l = add(l, "X-RequestId", c->request_id ? c->request_id : id);
	if (c->no_content_type)
		l = add(l, "Content-Type", "");
	else
		l = add(l, "Content-Type",
			c->content_type ? c->content_type
					: "application/mapi-http");
	l = add(l, "X-ClientInfo",
		"{2EF33C39-49C8-421C-B876-CDF7F2AC3AA0}:123");
	l = add(l, "X-ClientApplication", "Mapiary/0.1.0");
	l = add(l, "Expect", "");
	if (c->extra)
		l = curl_slist_append(l, c->extra);
	if (c->cookie) {
		l = add(l, "Cookie", c->cookie);
	} else if (*c->context) {
		snprintf(cookie, sizeof(cookie), "MapiContext=%s%s%s",
			 c->context, *c->sequence ? "; MapiSequence=" : "",
			 c->sequence);
		l = add(l, "Cookie", cookie);
	}
	return l;
}

void tc_post(struct tc *c, const char *type, const void *body, size_t n,
	     struct tr *r)
{
	struct curl_slist *l = headers(c, type);
	char url[256], login[160];
	const char *code;

	memset(r, 0, sizeof(*r));
	r->code = r->late_code = -1;
	snprintf(url, sizeof(url), "%s%s", mx_server_url(c->ts->srv),
		 c->path ? c->path : "/mapi/emsmdb?MailboxId=x@y");
	snprintf(login, sizeof(login), "%s:%s", c->user, c->password);
	curl_easy_reset(c->curl);
	curl_easy_setopt(c->curl, CURLOPT_URL, url);
	curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->curl, CURLOPT_TIMEOUT, 100L);
	curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, l);
	if (!c->anonymous) {
		curl_easy_setopt(c->curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(c->curl, CURLOPT_USERPWD, login);
	}
	curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body ? body : "");
	curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
	if (c->method)
		curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, c->method);
	curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, take);
	curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, &r->head);
	curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &r->raw);
	r->curl = curl_easy_perform(c->curl);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &r->status);
	curl_slist_free_all(l);
	code = tr_header(r, "X-ResponseCode");
	if (*code)
		r->code = atoi(code);
	split_answer(r);
	take_cookie(r, "MapiContext", c->context, sizeof(c->context));
	take_cookie(r, "MapiSequence", c->sequence, sizeof(c->sequence));
}

/* ---- Request types ---- */

#define ENCODE(buf, fn, v)                                                     \
	do {                                                                   \
		struct mx_wr wr_ = {0};                                        \
		fn(&wr_, v);                                                   \
		mx_wr_init(&wr_, mx_buf_room(buf, wr_.len), wr_.len);          \
		fn(&wr_, v);                                                   \
		(buf)->len += wr_.len;                                         \
	} while (0)

uint32_t tc_connect(struct tc *c)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = MX_BUF_INIT;
	struct mx_connect_req q = {.user_dn = tc_user(c)->dn,
				   .default_code_page = 65001,
				   .lcid_sort = 0x409,
				   .lcid_string = 0x409};
	struct mx_connect_res res;
	struct mx_rd rd;
	struct tr r;

	ENCODE(&b, mx_connect_req_encode, &q);
	tc_post(c, "Connect", b.p, b.len, &r);
	assert_int_equal(r.curl, CURLE_OK);
	assert_int_equal(r.code, 0);
	mx_rd_init(&rd, r.body.p, r.body.n, &c->a);
	mx_connect_res_decode(&rd, &res);
	assert_int_equal(mx_rd_end(&rd), 0);
	tr_fini(&r);
	return res.error_code;
}

void tc_disconnect(struct tc *c)
{
	struct mx_disconnect_req q = {0};
	MX_AUTO(mx_buf_auto) struct mx_buf b = MX_BUF_INIT;
	struct tr r;

	ENCODE(&b, mx_disconnect_req_encode, &q);
	tc_post(c, "Disconnect", b.p, b.len, &r);
	assert_int_equal(r.code, 0);
	tr_fini(&r);
}

void tx_init(struct tx *x, struct tc *c)
{
	memset(x, 0, sizeof(*x));
	x->c = c;
	x->flags = MX_EXECUTE_NO_COMPRESSION | MX_EXECUTE_NO_XORMAGIC;
	x->max_out = 0x10008;
}

void tx_fini(struct tx *x)
{
	tr_fini(&x->r);
}

struct tx *tx_new(struct tc *c)
{
	struct tx *x = malloc(sizeof(*x));

	assert_non_null(x);
	tx_init(x, c);
	return x;
}

void tx_free(struct tx *x)
{
	tx_fini(x);
	free(x);
}

struct mx_rop_req *tx_add(struct tx *x, uint8_t id, uint8_t hindex)
{
	struct mx_rop_req *q = &x->reqs[x->n_reqs++];

	q->id = id;
	q->hindex = hindex;
	return q;
}

static void read_buffer(struct tx *x, const struct mx_ropbuf *b)
{
	size_t first = x->n_res, i_req = 0;
	struct mx_rd rd;

	mx_rd_init(&rd, b->rops.p, b->rops.n, &x->c->a);
	while (mx_rd_left(&rd) && x->n_res < MX_ARRAY_SIZE(x->res)) {
		while (i_req < x->n_reqs && x->reqs[i_req].id == MX_ROP_RELEASE)
			i_req++;
		rd.cols = x->c->cols;
		rd.n_cols = x->c->n_cols;
		if (i_req < x->n_reqs &&
		    x->reqs[i_req].id == MX_ROP_GET_PROPERTIES_SPECIFIC) {
			const struct mx_tags *t =
				&x->reqs[i_req]
					 .get_properties_specific.property_tags;

			rd.cols = t->p;
			rd.n_cols = t->n;
		}
		i_req++;
		mx_rop_res_decode(&rd, &x->res[x->n_res]);
		if (rd.err) {
			x->undecodable = true;
			break;
		}
		x->n_res++;
	}
	if (x->n_buffers < MX_ARRAY_SIZE(x->buffer_res))
		x->buffer_res[x->n_buffers] = x->n_res - first;
	if (!x->n_buffers++) {
		x->n_out = b->n_handles;
		memcpy(x->out, b->handles, 4 * b->n_handles);
	}
}

void tx_run_raw(struct tx *x, const void *p, size_t n)
{
	MX_AUTO(mx_buf_auto) struct mx_buf body = MX_BUF_INIT;
	struct mx_execute_req q = {.flags = x->flags,
				   .rop_buffer = {(uint32_t)n, p},
				   .max_rop_out = x->max_out};
	struct mx_execute_res res;
	struct mx_ropbuf b;
	struct mx_rd rd;
	bool last = false;

	ENCODE(&body, mx_execute_req_encode, &q);
	tc_post(x->c, "Execute", body.p, body.len, &x->r);
	if (x->r.code || x->r.late_code > 0)
		return;
	/* Values point into the bytes, which must live as long as they. */
	mx_rd_init(&rd, mx_arena_dup(&x->c->a, x->r.body.p, x->r.body.n),
		   x->r.body.n, &x->c->a);
	mx_execute_res_decode(&rd, &res);
	assert_int_equal(mx_rd_end(&rd), 0);
	x->ec = res.error_code;
	mx_rd_init(&rd, res.rop_buffer.p, res.rop_buffer.n, &x->c->a);
	while (!last && mx_rd_left(&rd)) {
		mx_rpcext_next(&rd, &b, &last);
		assert_int_equal(rd.err, 0);
		read_buffer(x, &b);
	}
	assert_int_equal(mx_rd_end(&rd), 0);
}

void tx_run(struct tx *x)
{
	MX_AUTO(mx_buf_auto) struct mx_buf rops = MX_BUF_INIT;
	MX_AUTO(mx_buf_auto) struct mx_buf b = MX_BUF_INIT;

	for (size_t i = 0; i < x->n_reqs; i++)
		ENCODE(&rops, mx_rop_req_encode, &x->reqs[i]);
	assert_int_equal(mx_rpcext_pack(&b, MX_RPCEXT_LAST, rops.p, rops.len,
					x->handles, x->n_handles),
			 0);
	tx_run_raw(x, b.p, b.len);
}

/* ---- NotificationWait ---- */

static void *run_wait(void *arg)
{
	struct tw *w = arg;
	struct mx_notification_wait_req q = {0};
	MX_AUTO(mx_buf_auto) struct mx_buf b = MX_BUF_INIT;
	struct mx_rd rd;

	ENCODE(&b, mx_notification_wait_req_encode, &q);
	tc_post(&w->c, "NotificationWait", b.p, b.len, &w->r);
	mx_rd_init(&rd, w->r.body.p, w->r.body.n, &w->c.a);
	if (!w->r.code && w->r.late_code < 1 && w->r.done)
		mx_notification_wait_res_decode(&rd, &w->res);
	return NULL;
}

void tw_start(struct tw *w, struct tc *c)
{
	memset(w, 0, sizeof(*w));
	tc_init(&w->c, c->ts, c->user);
	memcpy(w->c.context, c->context, sizeof(c->context));
	assert_int_equal(pthread_create(&w->thread, NULL, run_wait, w), 0);
}

void tw_join(struct tw *w)
{
	pthread_join(w->thread, NULL);
}

void tw_fini(struct tw *w)
{
	tr_fini(&w->r);
	tc_fini(&w->c);
}
