/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process: registry, engine, the beat.
 *
 *   new ──► alive ──shutdown (shutdown.c)──► down
 *             └─fork──► a child's copy: nothing works, nothing is sent
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "session/session-private.h"

#define DEF_CALL_MS 600000
#define DEF_RELEASE_MS 200
#define DEF_REAPER_MS 15000
#define BEAT_MS 400

static atomic_uint forks;

static void in_child(void)
{
	atomic_fetch_add(&forks, 1);
}

static void arm(void)
{
	pthread_atfork(NULL, NULL, in_child);
}

static void watch_forks(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, arm);
}

bool mx_client_forked(const struct mx_client *c)
{
	return atomic_load_explicit(&forks, memory_order_relaxed) !=
	       c->fork_gen;
}

static int exchange_http(void *arg, struct mx_channel *ch,
			 const struct mx_xreq *req, struct mx_xresp *ret,
			 struct mx_fault *fault)
{
	return mx_exchange(ch, req, ret, fault);
}

static int submit_http(void *arg, const struct mx_engine_req *req)
{
	return mx_engine_submit(req);
}

static const struct mx_transport_ops http = {exchange_http, submit_http};

/* --- The registry's beat ------------------------------------------------ */

static void beat(void *arg, int err);

static void next_beat(struct mx_client *c)
{
	int err;

	mx_mutex_lock(&c->lock);
	c->n_beats++;
	mx_mutex_unlock(&c->lock);
	err = mx_engine_call(beat, c, mx_mono_in_ms(BEAT_MS), &c->beat, 0);
	if (!err)
		return;
	mx_mutex_lock(&c->lock);
	c->n_beats--;
	mx_cond_broadcast(&c->idle);
	mx_mutex_unlock(&c->lock);
}

static void beat(void *arg, int err)
{
	struct mx_client *c = arg;

	if (!err) {
		mx_reg_tick(c->reg);
		mx_net_close_idle(mx_mono_now());
		next_beat(c);
	}
	mx_mutex_lock(&c->lock);
	c->n_beats--;
	mx_cond_broadcast(&c->idle);
	mx_mutex_unlock(&c->lock);
}

/* --- New ---------------------------------------------------------------- */

static int64_t or_default(int64_t v, int64_t def)
{
	return v > 0 ? v : def;
}

static int make_guid(struct mx_client *c)
{
	struct mx_guid guid;
	int err = mx_guid_random(&guid);

	if (!err)
		mx_guid_format(&guid, c->guid);
	return err;
}

static int set_params(struct mx_client *c, const struct mx_client_params *p)
{
	unsigned max = p->registry.max_logons;

	c->call_ms = or_default(p->call_ms, DEF_CALL_MS);
	c->release_ms = or_default(p->release_ms, DEF_RELEASE_MS);
	c->reaper_ms = or_default(p->reaper_ms, DEF_REAPER_MS);
	c->max_logons = max && max < MX_MAX_LOGON_IDS ? max : MX_MAX_LOGON_IDS;
	c->t = p->transport ? p->transport : &http;
	c->t_arg = p->transport_arg;
	c->opts = MX_NET_OPTS_INIT;
	c->opts.idle_ms = or_default(p->idle_ms, c->opts.idle_ms);
	c->opts.overall_ms = c->call_ms;
	c->opts.tls_no_verify = p->tls_no_verify;
	c->opts.allow_plain = p->allow_plain;
	if (p->ca_file) {
		c->opts.ca_file = c->ca_file = strdup(p->ca_file);
		if (!c->ca_file)
			return -ENOMEM;
	}
	if (p->application) {
		c->opts.app = c->app = strdup(p->application);
		if (!c->app)
			return -ENOMEM;
	}
	return 0;
}

static void client_free(struct mx_client *c)
{
	mx_cancel_fini(&c->reaper);
	mx_cancel_fini(&c->beat);
	mx_cond_fini(&c->idle);
	mx_mutex_fini(&c->lock);
	free(c->ca_file);
	free(c->app);
	free(c);
}

int mx_client_new(const struct mx_client_params *params, struct mx_client **ret,
		  struct mx_fault *fault)
{
	static const struct mx_client_params defaults;
	struct mx_client *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	params = params ? params : &defaults;
	watch_forks();
	atomic_init(&c->refs, 1);
	atomic_init(&c->core, 1);
	c->fork_gen = atomic_load(&forks);
	mx_mutex_init(&c->lock);
	mx_cond_init(&c->idle);
	mx_list_init(&c->sessions);
	mx_list_init(&c->callbacks);
	mx_cancel_init(&c->reaper);
	mx_cancel_init(&c->beat);
	err = set_params(c, params);
	if (!err)
		err = make_guid(c);
	if (!err)
		err = mx_reg_open(&params->registry, &c->reg, fault);
	if (!err) {
		err = mx_engine_hold();
		if (err)
			mx_reg_close(c->reg);
	}
	if (err) {
		client_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

struct mx_client *mx_client_ref(struct mx_client *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

void mx_client_core_get(struct mx_client *c)
{
	atomic_fetch_add(&c->core, 1);
}

void mx_client_core_put(struct mx_client *c)
{
	if (atomic_fetch_sub(&c->core, 1) == 1)
		client_free(c);
}

void mx_client_unref(struct mx_client *c)
{
	if (!c || mx_client_forked(c))
		return;
	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	mx_client_shutdown(c, mx_mono_now(), NULL);
	mx_client_core_put(c);
}

void mx_client_start_beat(struct mx_client *c)
{
	bool first;

	mx_mutex_lock(&c->lock);
	first = !c->beating && !c->down;
	c->beating = true;
	mx_mutex_unlock(&c->lock);
	if (first)
		next_beat(c);
}

void mx_client_count_ctx(struct mx_client *c, int by)
{
	mx_mutex_lock(&c->lock);
	c->n_ctx += (unsigned)by;
	if (!c->n_ctx)
		mx_cond_broadcast(&c->idle);
	mx_mutex_unlock(&c->lock);
}

struct mx_reg *mx_client_registry(struct mx_client *c)
{
	return mx_client_alive(c) ? c->reg : NULL;
}

bool mx_client_alive(const struct mx_client *c)
{
	return !mx_client_forked(c) && !atomic_load(&c->is_down);
}
