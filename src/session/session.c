/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session's life.  Two counts: refs are the program's (and logons'); core
 * keeps the memory while contexts still say good-bye in the background.
 */
#include "session/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/run.h"
#include "session/session-private.h"

#define DEF_LCID 0x0409
#define DEF_CODE_PAGE 65001

int mx_session_usable(struct mx_session *s, struct mx_fault *fault)
{
	if (mx_client_forked(s->c))
		return mx_fault_set(fault, MX_LAYER_LOCAL, ESTALE, -ESTALE,
				    "a forked child has none of its parent's "
				    "sessions");
	if (atomic_load(&s->off))
		return mx_fault_set(fault, MX_LAYER_LOCAL, ESHUTDOWN,
				    -ESHUTDOWN, "the session was logged off");
	return 0;
}

static void session_free(struct mx_session *s)
{
	free(s->url);
	free(s->user_dn);
	free(s->server);
	free(s->ca_file);
	free(s->proxy);
	free(s->dn_prefix);
	free(s->display_name);
	free(s);
}

void mx_session_core_put(struct mx_session *s)
{
	struct mx_client *c = s->c;

	if (atomic_fetch_sub(&s->core, 1) != 1)
		return;
	mx_mutex_lock(&c->lock);
	mx_list_unlink(&s->link);
	c->n_sessions--;
	mx_mutex_unlock(&c->lock);
	mx_clist_leave(s->list);
	mx_userctx_unref(s->user);
	mx_cancel_fini(&s->off_token);
	mx_mutex_fini(&s->lock);
	session_free(s);
	mx_client_core_put(c);
}

static int dup_own(const char *own, char **keep, const char **opt)
{
	if (!own)
		return 0;
	*opt = *keep = strdup(own);
	return *keep ? 0 : -ENOMEM;
}

/* The client's way to speak to servers, but for what is the session's own. */
static int set_opts(struct mx_session *s, struct mx_client *c,
		    const struct mx_session_params *p)
{
	int err;

	s->opts = c->opts;
	if (p->idle_ms > 0)
		s->opts.idle_ms = p->idle_ms;
	atomic_init(&s->idle_ms, s->opts.idle_ms);
	err = dup_own(p->ca_file, &s->ca_file, &s->opts.ca_file);
	return err ? err : dup_own(p->proxy, &s->proxy, &s->opts.proxy);
}

static int set_target(struct mx_session *s, struct mx_client *c,
		      const struct mx_session_params *p)
{
	s->url = strdup(p->url);
	s->user_dn = strdup(p->user_dn);
	if (!s->url || !s->user_dn || set_opts(s, c, p))
		return -ENOMEM;
	return mx_url_server(p->url, &s->server);
}

static int session_alloc(struct mx_client *c, const struct mx_session_params *p,
			 struct mx_session **ret)
{
	struct mx_session *s = mx_lines_calloc(sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	err = set_target(s, c, p);
	if (err) {
		session_free(s);
		return err;
	}
	atomic_init(&s->refs, 1);
	atomic_init(&s->core, 1);
	mx_client_core_get(c);
	s->c = c;
	s->user = mx_userctx_ref(p->user);
	s->code_page = p->code_page ? p->code_page : DEF_CODE_PAGE;
	s->lcid_sort = p->lcid_sort ? p->lcid_sort : DEF_LCID;
	s->lcid_string = p->lcid_string ? p->lcid_string : DEF_LCID;
	s->admin = p->admin;
	s->loopback = mx_url_is_loopback(p->url);
	mx_cancel_init(&s->off_token);
	mx_mutex_init(&s->lock);
	mx_list_init(&s->ctxs);
	mx_list_init(&s->ending);
	s->since = mx_mono_now();
	mx_list_init(&s->link);
	*ret = s;
	return 0;
}

/* From now on shutdown sees it. */
static int publish(struct mx_session *s, struct mx_fault *fault)
{
	struct mx_client *c = s->c;
	int err = 0;

	mx_mutex_lock(&c->lock);
	c->n_sessions++;
	mx_list_push_tail(&c->sessions, &s->link);
	if (c->down)
		err = -ESHUTDOWN;
	mx_mutex_unlock(&c->lock);
	if (err)
		return mx_fault_set(fault, MX_LAYER_LOCAL, ESHUTDOWN, err,
				    "the client is shutting down");
	mx_client_start_beat(c);
	return mx_clist_join(c->reg, mx_userctx_sid(s->user),
			     mx_userctx_display(s->user), &s->list, fault);
}

static int connect_first(struct mx_session *s, const struct mx_call *call)
{
	struct mx_ctx *ctx;
	int err = mx_sctx_new(s, &ctx, call ? call->fault : NULL);

	if (err)
		return err;
	ctx->primary = true;
	atomic_store(&s->near_ctx, ctx);
	mx_mutex_lock(&s->lock);
	mx_list_push_tail(&s->ctxs, &ctx->link);
	s->n_ctxs++;
	mx_sctx_ref(ctx);
	mx_mutex_unlock(&s->lock);
	err = mx_run_connect(ctx, call);
	mx_sctx_unref(ctx);
	return err;
}

int mx_session_open(struct mx_client *c, const struct mx_session_params *params,
		    const struct mx_call *call, struct mx_session **ret)
{
	struct mx_fault *fault = call ? call->fault : NULL;
	struct mx_session *s;
	int err;

	if (!mx_client_alive(c))
		return mx_client_forked(c) ? -ESTALE : -ESHUTDOWN;
	if (!params->user || !params->url || !params->user_dn)
		return mx_fault_set(fault, MX_LAYER_LOCAL, EINVAL, -EINVAL,
				    "a session needs a user, a URL and a DN");
	err = session_alloc(c, params, &s);
	if (err)
		return mx_fault_set(fault, MX_LAYER_LOCAL, (uint32_t)-err, err,
				    "the session cannot be made of %s",
				    params->url);
	mx_fault_who(fault, mx_userctx_display(s->user), s->server);
	err = publish(s, fault);
	if (!err)
		err = connect_first(s, call);
	if (err) {
		mx_session_unref(s);
		return err;
	}
	*ret = s;
	return 0;
}

struct mx_session *mx_session_ref(struct mx_session *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

/* Every context begins to end; nothing is waited for. */
static void end_contexts(struct mx_session *s)
{
	for (;;) {
		struct mx_ctx *ctx = NULL;

		mx_mutex_lock(&s->lock);
		if (!mx_list_empty(&s->ctxs)) {
			ctx = MX_CONTAINER_OF(s->ctxs.next, struct mx_ctx,
					      link);
			mx_sctx_ref(ctx);
		}
		mx_mutex_unlock(&s->lock);
		if (!ctx)
			return;
		mx_sctx_end(ctx, false);
		mx_sctx_unref(ctx);
	}
}

static void turn_off(struct mx_session *s)
{
	mx_mutex_lock(&s->lock);
	atomic_store(&s->off, true);
	mx_mutex_unlock(&s->lock);
	mx_cancel_fire(&s->off_token);
	end_contexts(s);
}

void mx_session_unref(struct mx_session *s)
{
	if (!s || mx_client_forked(s->c))
		return;
	if (atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	turn_off(s);
	mx_session_core_put(s);
}

void mx_session_logoff(struct mx_session *s)
{
	if (mx_client_forked(s->c))
		return;
	turn_off(s);
}

struct mx_client *mx_session_client(struct mx_session *s)
{
	return s->c;
}

struct mx_userctx *mx_session_user(struct mx_session *s)
{
	return s->user;
}

void mx_session_set_idle(struct mx_session *s, int64_t ms)
{
	if (ms > 0)
		atomic_store(&s->idle_ms, ms);
}

void mx_session_set_total(struct mx_session *s, int64_t ms)
{
	if (ms > 0)
		atomic_store(&s->total_ms, ms);
}

int64_t mx_session_total(struct mx_session *s)
{
	return atomic_load(&s->total_ms);
}

/* Two rounds of waiting for memory, and not one for each line: the session and
 * the object, then what they lead to; mx_run_init() has a third.
 * With 500 users in turn, 2 cores and 32 MiB of L3 that was 1.3 us of 6 that a
 * call of another user than the last one costs more in user mode. */
void mx_session_prefetch(struct mx_session *s, const struct mx_sobj *o)
{
	mx_lines_prefetch(s, MX_SESSION_HOT);
	mx_lines_prefetch(o, MX_LINE);
	mx_lines_prefetch(atomic_load_explicit(&s->near_ctx,
					       memory_order_relaxed),
			  MX_CTX_HOT);
	mx_lines_prefetch(atomic_load_explicit(&s->near_conn,
					       memory_order_relaxed),
			  2 * MX_LINE);
	if (o)
		mx_lines_prefetch(&o->logon->s, MX_LINE);
}

const char *mx_session_server(const struct mx_session *s)
{
	return s->server;
}

const char *mx_session_url(const struct mx_session *s)
{
	return s->url;
}

const char *mx_session_user_dn(const struct mx_session *s)
{
	return s->user_dn;
}

/* Set by the first Connect and never changed, so borrowing is safe. */
const char *mx_session_dn_prefix(struct mx_session *s)
{
	const char *p;

	mx_mutex_lock(&s->lock);
	p = s->dn_prefix;
	mx_mutex_unlock(&s->lock);
	return p ? p : "";
}

const char *mx_session_display_name(struct mx_session *s)
{
	const char *p;

	mx_mutex_lock(&s->lock);
	p = s->display_name;
	mx_mutex_unlock(&s->lock);
	return p ? p : "";
}

void mx_session_stats(struct mx_session *s, struct mx_session_stats *ret)
{
	struct mx_session_stats st = {
		.round_trips = atomic_load(&s->round_trips),
		.bytes_out = atomic_load(&s->bytes_out),
		.bytes_in = atomic_load(&s->bytes_in),
		.head_out = atomic_load(&s->head_out),
		.head_in = atomic_load(&s->head_in),
		.reconnects = atomic_load(&s->reconnects),
		.notified = atomic_load(&s->notified),
		.objects = atomic_load(&s->n_objects),
		.sid_crc = mx_sid_crc(mx_userctx_sid(s->user)),
	};

	if (s->list) {
		st.list_slot = mx_clist_slot(s->list);
		st.list_generation = mx_clist_generation(s->list);
	}
	mx_mutex_lock(&s->lock);
	st.contexts = s->n_ctxs;
	st.logons = s->n_logons;
	MX_LIST_FOR_EACH(it, &s->ctxs) {
		struct mx_ctx *ctx = MX_CONTAINER_OF(it, struct mx_ctx, link);

		st.pending_releases += (unsigned)ctx->n_releases;
	}
	mx_mutex_unlock(&s->lock);
	*ret = st;
}
