/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "session/fake-private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "net/net.h"
#include "wire/bodies.h"

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

	fake_drop_session(f, e->session);
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
		fake_drop_session(f, e->session);
	} else if (!strcmp(x->type, "PING")) {
		return 0;
	}
	if (!strcmp(x->type, "Execute"))
		fake_execute(f, e, x->body, x->body_len, &r->body);
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
		fake_drop_session(f, e->session);
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
		fake_drop_session(f, e->session);
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
