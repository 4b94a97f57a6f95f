/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "session/fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "net/net.h"
#include "session/rop-info.h"
#include "wire/bodies.h"
#include "wire/ids.h"
#include "wire/rpcext.h"

struct pending {
	struct mx_list link;
	struct fake *f;
	struct mx_engine_req req;
	struct mx_waker waker;
	bool cancelled, logged;
	enum fake_act act;
	mx_mono until;
	struct fake_entry e;
};

/* --- Objects ------------------------------------------------------------ */

static struct fake_handle *find(struct fake *f, unsigned session, uint32_t h)
{
	for (size_t i = 0; i < f->n_handles; i++)
		if (f->handles[i].handle == h &&
		    f->handles[i].session == session)
			return &f->handles[i];
	return NULL;
}

static struct fake_handle *add(struct fake *f, unsigned session, uint8_t rop,
			       uint8_t logon_id)
{
	struct fake_handle *h;

	if (f->n_handles == f->cap_handles) {
		f->cap_handles = f->cap_handles ? 2 * f->cap_handles : 64;
		f->handles = realloc(f->handles,
				     f->cap_handles * sizeof(*f->handles));
		assert_non_null(f->handles);
	}
	h = &f->handles[f->n_handles++];
	*h = (struct fake_handle){.handle = ++f->next_handle,
				  .session = session,
				  .rop = rop,
				  .logon_id = logon_id};
	return h;
}

static void drop(struct fake *f, struct fake_handle *h)
{
	*h = f->handles[--f->n_handles];
}

static void drop_session(struct fake *f, unsigned session)
{
	for (size_t i = f->n_handles; i-- > 0;)
		if (f->handles[i].session == session)
			drop(f, &f->handles[i]);
	if (session < MX_ARRAY_SIZE(f->live) && f->live[session]) {
		f->live[session] = false;
		f->n_sessions--;
	}
}

/* --- ROPs --------------------------------------------------------------- */

struct answer {
	struct fake *f;
	struct fake_entry *e;
	struct mx_arena arena;
	uint32_t handles[256];
	unsigned n_handles;
	struct mx_wr wr;
	size_t max;
	uint8_t bytes[MX_MAX_ROP_PAYLOAD];
};

static struct fake_handle *in(struct answer *a, uint8_t index)
{
	if (index >= a->n_handles)
		return NULL;
	return find(a->f, a->e->session, a->handles[index]);
}

static unsigned logons_of(struct fake *f, unsigned session)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->n_handles; i++)
		n += f->handles[i].session == session &&
		     f->handles[i].rop == MX_ROP_LOGON;
	return n;
}

static void do_logon(struct answer *a, const struct mx_rop_req *q,
		     struct mx_rop_res *r)
{
	struct fake *f = a->f;

	if (f->max_logons && logons_of(f, a->e->session) >= f->max_logons) {
		r->return_value = 0x4de;
		return;
	}
	r->logon.logon_flags = q->logon.logon_flags;
	for (unsigned i = 0; i < 13; i++)
		r->logon.folder_ids[i] = mx_id_make(1, 100 + i);
	r->logon.repl_id = 1;
	r->logon.repl_guid.b[0] = 7;
	a->handles[q->hindex] =
		add(f, a->e->session, q->id, q->logon_id)->handle;
}

static void do_rows(struct answer *a, struct fake_handle *h,
		    const struct mx_rop_req *q, struct mx_rop_res *r)
{
	uint32_t left = a->f->n_rows - h->pos;
	uint32_t n = q->query_rows.row_count < left ? q->query_rows.row_count
						    : left;

	r->query_rows.row_data =
		mx_arena_newv(&a->arena, struct mx_proprow, n + 1);
	r->query_rows.n_row_data = n;
	for (uint32_t i = 0; i < n; i++) {
		struct mx_proprow *row = &r->query_rows.row_data[i];

		row->n = h->n_cols;
		row->vals = mx_arena_newv(&a->arena, struct mx_propval,
					  h->n_cols + 1);
		for (uint32_t c = 0; c < h->n_cols; c++) {
			row->vals[c].tag = h->cols[c];
			row->vals[c].v.i4 = (int32_t)(h->pos + i);
		}
	}
	if (!(q->query_rows.query_rows_flags & 1))
		h->pos += n;
	a->wr.cols = h->cols;
}

static void do_seek(struct answer *a, struct fake_handle *h,
		    const struct mx_rop_req *q, struct mx_rop_res *r)
{
	int64_t from = q->seek_row.origin == 0   ? 0
		       : q->seek_row.origin == 1 ? h->pos
						 : a->f->n_rows;
	int64_t to = from + q->seek_row.row_count;

	to = to < 0 ? 0 : to > a->f->n_rows ? a->f->n_rows : to;
	r->seek_row.rows_sought = (int32_t)(to - from);
	h->pos = (uint32_t)to;
}

static void do_props(struct answer *a, const struct mx_rop_req *q,
		     struct mx_rop_res *r)
{
	struct mx_tags t = q->get_properties_specific.property_tags;
	struct mx_proprow *row = &r->get_properties_specific.row_data;

	row->n = t.n;
	row->vals = mx_arena_newv(&a->arena, struct mx_propval, t.n + 1);
	for (uint32_t i = 0; i < t.n; i++) {
		row->vals[i].tag = t.p[i];
		row->vals[i].v.i4 = (int32_t)MX_PROP_ID(t.p[i]);
	}
	a->wr.cols = t.p;
}

static void do_stream(struct fake_handle *h, const struct mx_rop_req *q,
		      struct mx_rop_res *r)
{
	static const uint8_t bytes[0x8000];
	uint32_t n = q->read_stream.byte_count;

	if (q->id == MX_ROP_READ_STREAM) {
		n = n < 100 - h->pos ? n : 100 - h->pos;
		r->read_stream.data = (struct mx_bin){.n = n, .p = bytes};
		h->pos += n;
	} else if (q->id == MX_ROP_SEEK_STREAM) {
		h->pos = (uint32_t)q->seek_stream.offset;
		r->seek_stream.new_position = h->pos;
	} else {
		r->write_stream.written_size = (uint16_t)q->write_stream.data.n;
		h->pos += q->write_stream.data.n;
	}
}

static bool is_message(const struct fake_handle *h)
{
	return h->rop == MX_ROP_OPEN_MESSAGE ||
	       h->rop == MX_ROP_CREATE_MESSAGE ||
	       h->rop == MX_ROP_OPEN_EMBEDDED_MESSAGE;
}

static void serve_on(struct answer *a, struct fake_handle *h,
		     const struct mx_rop_req *q, struct mx_rop_res *r)
{
	switch (q->id) {
	case MX_ROP_SET_COLUMNS:
		h->n_cols = q->set_columns.property_tags.n;
		memcpy(h->cols, q->set_columns.property_tags.p,
		       h->n_cols * sizeof(*h->cols));
		break;
	case MX_ROP_SORT_TABLE:
	case MX_ROP_RESTRICT:
		h->pos = 0;
		break;
	case MX_ROP_QUERY_ROWS:
		do_rows(a, h, q, r);
		break;
	case MX_ROP_SEEK_ROW:
		do_seek(a, h, q, r);
		break;
	case MX_ROP_QUERY_POSITION:
		r->query_position.numerator = h->pos;
		r->query_position.denominator = a->f->n_rows;
		break;
	case MX_ROP_FIND_ROW:
		h->pos = 5;
		break;
	case MX_ROP_GET_PROPERTIES_SPECIFIC:
		do_props(a, q, r);
		break;
	case MX_ROP_SAVE_CHANGES_MESSAGE:
		r->save_changes_message.message_id = mx_id_make(1, 5000);
		break;
	case MX_ROP_SAVE_CHANGES_ATTACHMENT:
		h = in(a, q->hindex);
		if (!h || !is_message(h)) /* MS-OXCMSG_R876 */
			r->return_value = 0x80040102;
		break;
	case MX_ROP_READ_STREAM:
	case MX_ROP_SEEK_STREAM:
	case MX_ROP_WRITE_STREAM:
		do_stream(h, q, r);
		break;
	case MX_ROP_LONG_TERM_ID_FROM_ID:
		r->long_term_id_from_id.long_term_id.replica.b[0] = 99;
		break;
	default:
		break;
	}
}

static void do_open(struct answer *a, const struct mx_rop_req *q,
		    struct mx_rop_res *r, uint8_t out)
{
	struct fake_handle *h = add(a->f, a->e->session, q->id, q->logon_id);

	r->hindex = out;
	a->handles[out] = h->handle;
	if (q->id == MX_ROP_GET_CONTENTS_TABLE)
		r->get_contents_table.row_count = a->f->n_rows;
	if (q->id == MX_ROP_CREATE_FOLDER)
		r->create_folder.folder_id = mx_id_make(1, 900);
	if (q->id == MX_ROP_CREATE_ATTACHMENT)
		r->create_attachment.attachment_id = 3;
}

static void serve_rop(struct answer *a, const struct mx_rop_req *q,
		      const uint8_t *raw, struct mx_rop_res *r)
{
	unsigned flags = mx_rop_flags(q->id);
	uint8_t index = flags & MX_ROPF_RESPONSE ? raw[3] : q->hindex;
	struct fake_handle *h = in(a, index);

	r->id = q->id;
	r->hindex = q->hindex;
	a->wr.cols = NULL;
	if (a->f->fail_rop == q->id) {
		r->return_value = a->f->fail_code;
		if (flags & MX_ROPF_OPENS && q->id != MX_ROP_LOGON)
			r->hindex = raw[3];
	} else if (q->id == MX_ROP_LOGON) {
		do_logon(a, q, r);
	} else if (!h) {
		r->return_value = 0x4b9;
	} else if (flags & MX_ROPF_OPENS) {
		do_open(a, q, r, raw[3]);
	} else {
		serve_on(a, h, q, r);
	}
}

static bool put(struct answer *a, const struct mx_rop_res *r)
{
	size_t at = a->wr.len;

	mx_rop_res_encode(&a->wr, r);
	if (r->return_value && a->f->bare_failures)
		a->wr.len = at + 6;
	if (!a->wr.err && a->wr.len + 200 < a->max)
		return true;
	if (a->wr.err)
		print_error("fake: Rop%s cannot be encoded\n",
			    mx_rop_name(r->id));
	a->wr.len = at;
	return false;
}

static void put_extra(struct answer *a, const struct mx_rop_req *q,
		      const uint8_t *rest, size_t n)
{
	struct mx_rop_res r = {0};

	if (!q) {
		r.id = MX_ROP_BUFFER_TOO_SMALL;
		r.buffer_too_small.size_needed = 0x8000;
		r.buffer_too_small.request_buffers =
			(struct mx_bin){.n = (uint32_t)n, .p = rest};
		if (a->wr.len + n + 3 > a->wr.cap)
			r.buffer_too_small.request_buffers.n = 0;
	} else {
		r.id = MX_ROP_BACKOFF;
		r.backoff.logon_id = q->logon_id;
		r.backoff.duration = a->f->backoff_ms;
	}
	mx_rop_res_encode(&a->wr, &r);
}

/* Notifications of the session that fit. */
static void put_events(struct answer *a)
{
	struct fake *f = a->f;

	for (size_t i = 0; i < f->n_events;) {
		struct mx_rop_res r = {.id = MX_ROP_NOTIFY};
		struct mx_notification_data *d = &r.notify.notification_data;

		if (f->events[i].session != a->e->session) {
			i++;
			continue;
		}
		r.notify.notification_handle = f->events[i].handle;
		r.notify.logon_id = f->events[i].logon_id;
		d->notification_flags = 0x8002; /* new mail, a message */
		d->folder_id = mx_id_make(1, 104);
		d->message_id = f->events[i].mid;
		d->message_class = "IPM.Note";
		if (!put(a, &r))
			break;
		memmove(&f->events[i], &f->events[i + 1],
			(--f->n_events - i) * sizeof(f->events[0]));
	}
}

static void release(struct answer *a, const struct mx_rop_req *q)
{
	struct fake_handle *h = in(a, q->hindex);

	assert_non_null(h); /* a release of something not there is a bug */
	if (h->rop == MX_ROP_LOGON) {
		uint8_t id = h->logon_id;

		for (size_t i = a->f->n_handles; i-- > 0;)
			if (a->f->handles[i].session == a->e->session &&
			    a->f->handles[i].logon_id == id)
				drop(a->f, &a->f->handles[i]);
		return;
	}
	drop(a->f, h);
}

static void serve_rops(struct answer *a, struct mx_rd *rd)
{
	while (mx_rd_left(rd) && mx_rd_ok(rd)) {
		const uint8_t *raw = rd->p;
		size_t left = mx_rd_left(rd);
		struct mx_rop_res r = {0};
		struct mx_rop_req q = {0};

		mx_rop_req_decode(rd, &q);
		if (!mx_rd_ok(rd))
			break;
		if (a->e->n_rops < FAKE_MAX_ROPS)
			a->e->rops[a->e->n_rops++] = q.id;
		if (q.id == MX_ROP_RELEASE) {
			release(a, &q);
			continue;
		}
		if (a->f->backoff_rop == q.id) {
			a->f->backoff_rop = 0;
			put_extra(a, &q, NULL, 0);
			return;
		}
		/* Room first: a ROP that cannot be answered is not done. */
		if (a->wr.len + 400 > a->max) {
			put_extra(a, NULL, raw, left);
			return;
		}
		serve_rop(a, &q, raw, &r);
		if (!put(a, &r)) {
			put_extra(a, NULL, raw, left);
			return;
		}
	}
	assert_int_equal(rd->err, 0);
	put_events(a);
}

static void execute(struct fake *f, struct fake_entry *e, const void *body,
		    size_t n, struct mx_buf *out)
{
	struct answer *a = calloc(1, sizeof(*a));
	struct mx_execute_req req = {0};
	struct mx_execute_res res = {0};
	MX_AUTO(mx_buf_auto) struct mx_buf rops = MX_BUF_INIT;
	struct mx_ropbuf buf;
	struct mx_rd rd;
	bool last;

	assert_non_null(a);
	a->f = f;
	a->e = e;
	a->max = f->max_payload ? f->max_payload : MX_MAX_ROP_PAYLOAD - 1100;
	mx_rd_init(&rd, body, n, &a->arena);
	mx_execute_req_decode(&rd, &req);
	assert_int_equal(mx_rd_end(&rd), 0);
	mx_rd_init(&rd, req.rop_buffer.p, req.rop_buffer.n, &a->arena);
	mx_rpcext_next(&rd, &buf, &last);
	assert_int_equal(mx_rd_end(&rd), 0);
	assert_true(last);
	a->n_handles = buf.n_handles;
	memcpy(a->handles, buf.handles, buf.n_handles * 4);
	mx_wr_init(&a->wr, a->bytes, sizeof(a->bytes));
	mx_rd_init(&rd, buf.rops.p, buf.rops.n, &a->arena);
	serve_rops(a, &rd);
	mx_rpcext_pack(&rops, MX_RPCEXT_LAST, a->bytes, a->wr.len, a->handles,
		       a->n_handles);
	res.rop_buffer = (struct mx_bin){.n = (uint32_t)rops.len, .p = rops.p};
	a->wr = (struct mx_wr){0};
	mx_execute_res_encode(&a->wr, &res);
	n = a->wr.len;
	mx_wr_init(&a->wr, mx_buf_room(out, n), n);
	mx_execute_res_encode(&a->wr, &res);
	out->len = n;
	mx_arena_fini(&a->arena);
	free(a);
}

/* --- Requests ----------------------------------------------------------- */

static unsigned session_of(const struct mx_xreq *x)
{
	const char *p = x->cookies ? strstr(x->cookies, "sid=") : NULL;

	return p ? (unsigned)atoi(p + 4) : 0;
}

static void put_struct(struct mx_buf *out, const char *type, bool event,
		       uint32_t code)
{
	struct mx_connect_res c = {.error_code = code,
				   .dn_prefix = "/o=Fake",
				   .display_name = "Fake User"};
	struct mx_notification_wait_res w = {.event_pending = event};
	struct mx_disconnect_res d = {0};
	struct mx_wr size = {0}, wr;
	bool connect = !strcmp(type, "Connect"), wait = *type == 'N';

	connect ? mx_connect_res_encode(&size, &c)
	: wait  ? mx_notification_wait_res_encode(&size, &w)
		: mx_disconnect_res_encode(&size, &d);
	mx_wr_init(&wr, mx_buf_room(out, size.len), size.len);
	connect ? mx_connect_res_encode(&wr, &c)
	: wait  ? mx_notification_wait_res_encode(&wr, &w)
		: mx_disconnect_res_encode(&wr, &d);
	out->len = size.len;
}

static int code(struct mx_xresp *r, uint32_t n, int err, struct mx_fault *f)
{
	r->why = MX_XWHY_CODE;
	r->maybe_sent = true;
	r->http_status = 200;
	r->response_code = n;
	r->have_response_code = true;
	return mx_fault_set(f, MX_LAYER_MAPIHTTP, n, err, "scripted");
}

static void connect_session(struct fake *f, struct fake_entry *e,
			    struct mx_xresp *r)
{
	char cookie[40];

	drop_session(f, e->session);
	e->session = ++f->next_session;
	assert_true(e->session < MX_ARRAY_SIZE(f->live));
	f->live[e->session] = true;
	f->n_sessions++;
	snprintf(cookie, sizeof(cookie), "sid=%u", e->session);
	mx_cookies_parse(&r->set_cookies, cookie);
}

/* The lock is held. */
static int serve(struct fake *f, struct fake_entry *e, const struct mx_xreq *x,
		 struct mx_xresp *r, struct mx_fault *fault)
{
	r->http_status = 200;
	r->maybe_sent = true;
	r->have_response_code = true;
	if (f->expiration_ms)
		r->expiration_ms = f->expiration_ms;
	if (!strcmp(x->type, "Connect")) {
		connect_session(f, e, r);
	} else if (e->session >= MX_ARRAY_SIZE(f->live) ||
		   !f->live[e->session]) {
		return code(r, 10, -ESTALE, fault);
	} else if (!strcmp(x->type, "Disconnect")) {
		drop_session(f, e->session);
	} else if (!strcmp(x->type, "PING")) {
		return 0;
	}
	if (!strcmp(x->type, "Execute"))
		execute(f, e, x->body, x->body_len, &r->body);
	else
		put_struct(&r->body, x->type, true, 0);
	return 0;
}

static int cut(struct mx_xresp *r, bool sent, struct mx_fault *fault)
{
	mx_xresp_fini(r);
	*r = MX_XRESP_INIT;
	r->why = MX_XWHY_CUT;
	r->maybe_sent = sent;
	return mx_fault_set(fault, MX_LAYER_TRANSPORT, 56, -ECONNRESET,
			    "scripted");
}

/* The body of an Execute that failed as a whole. */
static void put_error_code(struct mx_buf *body, uint32_t error_code)
{
	const struct mx_execute_res res = {.error_code = error_code};
	struct mx_wr size = {0}, wr;

	mx_execute_res_encode(&size, &res);
	mx_buf_reset(body);
	mx_wr_init(&wr, mx_buf_room(body, size.len), size.len);
	mx_execute_res_encode(&wr, &res);
	body->len = size.len;
}

static int act(struct fake *f, enum fake_act what, struct fake_entry *e,
	       const struct mx_xreq *x, struct mx_xresp *r,
	       struct mx_fault *fault)
{
	switch (what) {
	case FAKE_UNSENT:
		return cut(r, false, fault);
	case FAKE_LOSE:
		serve(f, e, x, r, fault);
		return cut(r, true, fault);
	case FAKE_FORGET:
		drop_session(f, e->session);
		return code(r, 10, -ESTALE, fault);
	case FAKE_BUSY:
		return code(r, 15, -EBUSY, fault);
	case FAKE_THROTTLE:
		r->why = MX_XWHY_HTTP;
		r->http_status = 503;
		r->maybe_sent = true;
		r->retry_after_ms = f->retry_ms;
		return mx_fault_set(fault, MX_LAYER_HTTP, 503, -EAGAIN,
				    "scripted");
	case FAKE_FULL:
		r->http_status = 200;
		put_struct(&r->body, "Connect", false, 0x80040112);
		return 0;
	case FAKE_CODE:
		drop_session(f, e->session);
		return code(r, f->code, -EREMOTEIO, fault);
	case FAKE_OVERALL:
		r->why = MX_XWHY_OVERALL;
		r->maybe_sent = true;
		r->n_pending = f->silent ? 0 : 12;
		return mx_fault_set(fault, MX_LAYER_TRANSPORT, 28, -ETIMEDOUT,
				    "scripted");
	case FAKE_TOO_LARGE:
		serve(f, e, x, r, fault);
		if (e->n_rops > f->max_rops)
			put_error_code(&r->body, 0x47d);
		return 0;
	case FAKE_GARBAGE:
		serve(f, e, x, r, fault);
		r->body.len = r->body.len / 2;
		return 0;
	default:
		return serve(f, e, x, r, fault);
	}
}

static void describe(struct fake_entry *e, struct mx_channel *ch,
		     const struct mx_xreq *x, bool background)
{
	*e = (struct fake_entry){.session = session_of(x),
				 .background = background};
	snprintf(e->type, sizeof(e->type), "%s", x->type);
	assert_non_null(x->client_info); /* MS-OXCMAPIHTTP_R2045 */
	snprintf(e->client_info, sizeof(e->client_info), "%s", x->client_info);
	snprintf(e->user, sizeof(e->user), "%s",
		 mx_userctx_display(mx_channel_user(ch)));
}

static size_t log_add(struct fake *f, const struct fake_entry *e)
{
	assert_true(f->n_log < FAKE_MAX_LOG);
	f->log[f->n_log] = *e;
	mx_cond_broadcast(&f->cond);
	return f->n_log++;
}

static int ended(struct mx_xresp *r, bool cancelled, struct mx_fault *fault)
{
	r->why = cancelled ? MX_XWHY_CANCELED : MX_XWHY_IDLE;
	r->maybe_sent = true;
	return mx_fault_set(fault, MX_LAYER_TRANSPORT, 28,
			    cancelled ? -ECANCELED : -ETIMEDOUT, "scripted");
}

/* A thread's wait, woken by a token. */
struct held {
	struct fake *f;
	bool cancelled;
};

static void wake_held(void *arg)
{
	struct held *h = arg;

	mx_mutex_lock(&h->f->lock);
	h->cancelled = true;
	mx_cond_broadcast(&h->f->cond);
	mx_mutex_unlock(&h->f->lock);
}

/* True when it may go on; the lock is held. */
static bool hold(struct fake *f, struct held *h, enum fake_act *what,
		 mx_mono until) MX_HOLDS(&f->lock)
{
	f->n_held++;
	mx_cond_broadcast(&f->cond);
	while (!h->cancelled && !(*what == FAKE_HOLD && f->let_go))
		if (mx_cond_wait(&f->cond, &f->lock, until))
			break;
	f->n_held--;
	if (*what == FAKE_HOLD && f->let_go) {
		*what = FAKE_SERVE;
		return true;
	}
	return false;
}

static int fake_exchange(void *arg, struct mx_channel *ch,
			 const struct mx_xreq *x, struct mx_xresp *r,
			 struct mx_fault *fault)
{
	struct held h = {.f = arg};
	struct mx_waker w = {.wake = wake_held, .arg = &h};
	mx_mono until = mx_mono_in_ms(x->overall_ms);
	enum fake_act what = FAKE_SERVE;
	struct fake *f = arg;
	struct fake_entry e;
	size_t at;
	int err;

	mx_assert_unlocked();
	describe(&e, ch, x, false);
	if (mx_cancel_attach(x->cancel, &w)) {
		r->why = MX_XWHY_CANCELED;
		return -ECANCELED;
	}
	mx_mutex_lock(&f->lock);
	if (f->script)
		what = f->script(f, &e);
	at = log_add(f, &e);
	if ((what == FAKE_DEAD || what == FAKE_HOLD) &&
	    !hold(f, &h, &what, until))
		err = ended(r, h.cancelled, fault);
	else
		err = act(f, what, &e, x, r, fault);
	if (at < f->n_log)
		f->log[at] = e;
	mx_mutex_unlock(&f->lock);
	mx_cancel_detach(x->cancel, &w);
	return err;
}

/* --- The background ----------------------------------------------------- */

static void wake_pending(void *arg)
{
	struct pending *p = arg;

	mx_mutex_lock(&p->f->lock);
	p->cancelled = true;
	mx_cond_broadcast(&p->f->cond);
	mx_mutex_unlock(&p->f->lock);
}

static bool has_event(struct fake *f, unsigned session)
{
	for (size_t i = 0; i < f->n_events; i++)
		if (f->events[i].session == session)
			return true;
	return false;
}

static bool is_ready(struct fake *f, struct pending *p)
{
	bool wait = !strcmp(p->e.type, "NotificationWait");

	if (p->cancelled || mx_mono_passed(p->until))
		return true;
	if (p->act == FAKE_DEAD || (p->act == FAKE_HOLD && !f->let_go))
		return false;
	return p->act != FAKE_SERVE || !wait || has_event(f, p->e.session) ||
	       p->e.session >= MX_ARRAY_SIZE(f->live) || !f->live[p->e.session];
}

static struct pending *next_ready(struct fake *f)
{
	MX_LIST_FOR_EACH(it, &f->pending) {
		struct pending *p = MX_CONTAINER_OF(it, struct pending, link);

		if (!p->logged) {
			if (f->script)
				p->act = f->script(f, &p->e);
			log_add(f, &p->e);
			p->logged = true;
		}
		if (is_ready(f, p)) {
			mx_list_unlink(&p->link);
			return p;
		}
	}
	return NULL;
}

/* The lock is held, and let go for the call. */
static void complete(struct fake *f, struct pending *p) MX_NO_LOCK_ANALYSIS
{
	struct mx_xresp r = MX_XRESP_INIT;
	struct mx_fault fault = MX_FAULT_INIT;
	int err;

	if (p->cancelled || p->act == FAKE_DEAD)
		err = ended(&r, p->cancelled, &fault);
	else
		err = act(f, p->act == FAKE_HOLD ? FAKE_SERVE : p->act, &p->e,
			  &p->req.x, &r, &fault);
	/* The ROPs are known now. */
	for (size_t i = f->n_log; i-- > 0;)
		if (!strcmp(f->log[i].type, p->e.type) &&
		    f->log[i].background && !f->log[i].n_rops &&
		    f->log[i].session == p->e.session) {
			f->log[i] = p->e;
			break;
		}
	mx_mutex_unlock(&f->lock);
	mx_cancel_detach(p->req.x.cancel, &p->waker);
	p->req.done(p->req.arg, err, &r, &fault);
	mx_xresp_fini(&r);
	mx_channel_unref(p->req.ch);
	free(p);
	mx_mutex_lock(&f->lock);
}

static mx_mono soonest(struct fake *f)
{
	mx_mono t = MX_MONO_NEVER;

	MX_LIST_FOR_EACH(it, &f->pending)
		t = mx_mono_min(
			t, MX_CONTAINER_OF(it, struct pending, link)->until);
	return t;
}

static void *serve_background(void *arg)
{
	struct fake *f = arg;
	struct pending *p;

	mx_mutex_lock(&f->lock);
	while (!f->stop || !mx_list_empty(&f->pending)) {
		p = next_ready(f);
		if (p)
			complete(f, p);
		else
			mx_cond_wait(&f->cond, &f->lock, soonest(f));
	}
	mx_mutex_unlock(&f->lock);
	return NULL;
}

static int fake_submit(void *arg, const struct mx_engine_req *req)
{
	struct fake *f = arg;
	struct pending *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->f = f;
	p->req = *req;
	mx_channel_ref(req->ch);
	p->waker = (struct mx_waker){.wake = wake_pending, .arg = p};
	p->until = mx_mono_in_ms(req->x.overall_ms);
	describe(&p->e, req->ch, &req->x, true);
	if (mx_cancel_attach(req->x.cancel, &p->waker))
		p->cancelled = true;
	mx_mutex_lock(&f->lock);
	mx_list_push_tail(&f->pending, &p->link);
	mx_cond_broadcast(&f->cond);
	mx_mutex_unlock(&f->lock);
	return 0;
}

const struct mx_transport_ops fake_ops = {fake_exchange, fake_submit};

/* --- For the tests ------------------------------------------------------ */

void fake_start(struct fake *f)
{
	memset(f, 0, sizeof(*f));
	mx_mutex_init(&f->lock);
	mx_cond_init(&f->cond);
	mx_list_init(&f->pending);
	f->n_rows = 100;
	f->log = calloc(FAKE_MAX_LOG, sizeof(*f->log));
	assert_non_null(f->log);
	assert_int_equal(pthread_create(&f->thread, NULL, serve_background, f),
			 0);
}

void fake_stop(struct fake *f)
{
	mx_mutex_lock(&f->lock);
	f->stop = true;
	mx_cond_broadcast(&f->cond);
	mx_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	mx_cond_fini(&f->cond);
	mx_mutex_fini(&f->lock);
	free(f->handles);
	free(f->log);
}

void fake_let_go(struct fake *f)
{
	mx_mutex_lock(&f->lock);
	f->let_go = true;
	mx_cond_broadcast(&f->cond);
	mx_mutex_unlock(&f->lock);
}

static size_t count_locked(struct fake *f, const char *type) MX_LOCKED
{
	size_t n = 0;

	for (size_t i = 0; i < f->n_log; i++)
		n += !type || !strcmp(f->log[i].type, type);
	return n;
}

size_t fake_count(struct fake *f, const char *type)
{
	size_t n;

	mx_mutex_lock(&f->lock);
	n = count_locked(f, type);
	mx_mutex_unlock(&f->lock);
	return n;
}

void fake_wait_log(struct fake *f, const char *type, size_t n)
{
	mx_mutex_lock(&f->lock);
	while (count_locked(f, type) < n)
		mx_cond_wait(&f->cond, &f->lock, MX_MONO_NEVER);
	mx_mutex_unlock(&f->lock);
}

struct fake_entry fake_get(struct fake *f, const char *type, size_t i)
{
	struct fake_entry e = {0};

	mx_mutex_lock(&f->lock);
	for (size_t k = 0; k < f->n_log; k++) {
		if (type && strcmp(f->log[k].type, type))
			continue;
		if (!i--) {
			e = f->log[k];
			break;
		}
	}
	mx_mutex_unlock(&f->lock);
	return e;
}

void fake_clear_log(struct fake *f)
{
	mx_mutex_lock(&f->lock);
	f->n_log = 0;
	mx_mutex_unlock(&f->lock);
}

unsigned fake_live_handles(struct fake *f)
{
	unsigned n;

	mx_mutex_lock(&f->lock);
	n = (unsigned)f->n_handles;
	mx_mutex_unlock(&f->lock);
	return n;
}

unsigned fake_new_mail(struct fake *f, uint64_t mid)
{
	unsigned n = 0;

	mx_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n_handles; i++) {
		const struct fake_handle *h = &f->handles[i];

		if (h->rop != MX_ROP_REGISTER_NOTIFICATION)
			continue;
		assert_true(f->n_events < MX_ARRAY_SIZE(f->events));
		f->events[f->n_events++] = (struct fake_event){
			h->session, h->handle, h->logon_id, mid};
		n++;
	}
	mx_cond_broadcast(&f->cond);
	mx_mutex_unlock(&f->lock);
	return n;
}

void fake_restart(struct fake *f)
{
	mx_mutex_lock(&f->lock);
	memset(f->live, 0, sizeof(f->live));
	f->n_sessions = 0;
	f->n_handles = 0;
	f->n_events = 0;
	mx_cond_broadcast(&f->cond);
	mx_mutex_unlock(&f->lock);
}
