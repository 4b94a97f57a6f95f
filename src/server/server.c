/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server/server.h"

#include <errno.h>
#include <libxml/parser.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "server/ctx.h"
#include "server/deliver.h"
#include "server/event.h"
#include "server/http.h"
#include "server/throttle.h"
#include "store/store.h"

static int copy(const char *s, const char **ret)
{
	*ret = NULL;
	if (!s)
		return 0;
	*ret = strdup(s);
	return *ret ? 0 : -ENOMEM;
}

static unsigned or_default(unsigned v, unsigned d)
{
	return v ? v : d;
}

static int take_params(struct mx_server *srv, const struct mx_server_params *p)
{
	struct mx_server_params *q = &srv->p;
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int r = 0;

	*q = *p;
	q->n_workers =
		or_default(p->n_workers, (cores > 0 ? (unsigned)cores : 1) + 4);
	q->max_contexts = or_default(p->max_contexts, 32);
	q->max_logons = or_default(p->max_logons, 255);
	q->max_objects = or_default(p->max_objects, 2000);
	q->max_folders = or_default(p->max_folders, 500);
	q->max_messages = or_default(p->max_messages, 250);
	q->max_attachments = or_default(p->max_attachments, 500);
	q->max_tables = or_default(p->max_tables, 500);
	q->max_streams = or_default(p->max_streams, 250);
	q->max_body = p->max_body ? p->max_body : 1u << 20;
	q->idle_ms = or_default(p->idle_ms, 900000);
	q->pending_ms = or_default(p->pending_ms, 30000);
	q->wait_ms = or_default(p->wait_ms, 300000);
	q->grace_ms = or_default(p->grace_ms, 500);
	q->auth_ms = or_default(p->auth_ms, 900000);
	q->slow_ms = or_default(p->slow_ms, 60000);
	q->retry_ms = or_default(p->retry_ms, 20000);
	r |= copy(p->dir, &q->dir);
	r |= copy(p->address ? p->address : "127.0.0.1", &q->address);
	r |= copy(p->tls_cert, &q->tls_cert);
	r |= copy(p->tls_key, &q->tls_key);
	r |= copy(p->public_url, &q->public_url);
	r |= copy(p->access_log, &q->access_log);
	r |= copy(p->vfs, &q->vfs);
	return r;
}

static void free_params(struct mx_server *srv)
{
	free((void *)(uintptr_t)srv->p.dir);
	free((void *)(uintptr_t)srv->p.address);
	free((void *)(uintptr_t)srv->p.tls_cert);
	free((void *)(uintptr_t)srv->p.tls_key);
	free((void *)(uintptr_t)srv->p.public_url);
	free((void *)(uintptr_t)srv->p.access_log);
	free((void *)(uintptr_t)srv->p.vfs);
}

static int open_store(struct mx_server *srv, struct mx_fault *f)
{
	struct mx_store_conf conf = {
		.max_open = srv->p.max_open,
		.hash_cost = srv->p.hash_cost,
		.on_event = mx_events_take,
		.event_arg = srv->events,
		.vfs = srv->p.vfs,
		.retry_ms = srv->p.retry_ms,
	};
	int r = mx_store_open(srv->p.dir, &conf, &srv->store);

	if (r == 0)
		return 0;
	return mx_fault_set(f, MX_LAYER_LOCAL, 0, r < 0 ? r : -EIO,
			    r == -EBUSY ? "cannot open the store in %s: "
					  "another server has it (%s)"
					: "cannot open the store in %s: %s",
			    srv->p.dir, mx_store_strerror(r));
}

static int start(struct mx_server *srv, struct mx_fault *f)
{
	int fd, r;

	r = mx_tls_load(srv, f);
	if (!r)
		r = mx_listen(srv, f, &fd);
	if (r < 0)
		return r;
	/* The daemon is last, so that no request meets half a server. */
	r = mx_access_open(srv, f);
	if (!r)
		r = mx_events_new(&srv->events);
	if (!r)
		r = open_store(srv, f);
	if (!r)
		r = mx_auth_new(srv->store, srv->p.auth_ms, &srv->auth);
	if (!r)
		r = mx_timers_new(&srv->timers);
	if (!r)
		r = mx_pool_new(srv->p.n_workers, &srv->pool);
	if (!r)
		r = mx_deliveries_new(srv, &srv->deliveries);
	if (!r)
		r = mx_ctxs_new(srv, &srv->ctxs);
	if (!r)
		r = mx_throttles_new(srv, &srv->throttles);
	if (!r)
		r = mx_http_start(srv, fd, f);
	if (r < 0)
		close(fd);
	return r;
}

static void free_all(struct mx_server *srv)
{
	mx_deliveries_free(srv->deliveries);
	mx_throttles_free(srv->throttles);
	mx_ctxs_free(srv->ctxs);
	mx_pool_free(srv->pool);
	mx_timers_free(srv->timers);
	mx_auth_free(srv->auth);
	mx_store_close(srv->store);
	mx_events_free(srv->events);
	mx_access_close(srv);
	if (srv->key)
		OPENSSL_cleanse(srv->key, strlen(srv->key));
	free(srv->key);
	free(srv->cert);
	free_params(srv);
	mx_mutex_fini(&srv->reqs_lock);
	mx_mutex_fini(&srv->log_lock);
	mx_cond_fini(&srv->reqs_idle);
	free(srv);
}

int mx_server_start(const struct mx_server_params *p, struct mx_fault *f,
		    struct mx_server **ret)
{
	struct mx_server *srv;
	int r;

	if (!p->dir)
		return mx_fault_set(f, MX_LAYER_LOCAL, 0, -EINVAL,
				    "no data directory given");
	srv = calloc(1, sizeof(*srv));
	if (!srv)
		return mx_fault_set(f, MX_LAYER_LOCAL, 0, -ENOMEM,
				    "out of memory");
	mx_mutex_init(&srv->reqs_lock);
	mx_mutex_init(&srv->log_lock);
	mx_cond_init(&srv->reqs_idle);
	/* libxml2 is not safe to set itself up in two threads' first parse. */
	xmlInitParser();
	r = take_params(srv, p);
	if (r < 0)
		mx_fault_set(f, MX_LAYER_LOCAL, 0, r, "out of memory");
	else
		r = start(srv, f);
	if (r < 0) {
		if (f && f->layer == MX_LAYER_NONE)
			mx_fault_set(f, MX_LAYER_LOCAL, 0, r,
				     "cannot start the server: %s",
				     strerror(-r));
		free_all(srv);
		return r;
	}
	*ret = srv;
	return 0;
}

/* Waits until *count is 0, at most that long. */
static void await_zero(struct mx_server *srv, const unsigned *count,
		       mx_mono deadline)
{
	mx_mutex_lock(&srv->reqs_lock);
	while (*count &&
	       mx_cond_wait(&srv->reqs_idle, &srv->reqs_lock, deadline) == 0)
		;
	mx_mutex_unlock(&srv->reqs_lock);
}

void mx_server_stop(struct mx_server *srv)
{
	if (!srv)
		return;
	mx_mutex_lock(&srv->reqs_lock);
	srv->stopping = true; /* no connection is taken any more */
	mx_mutex_unlock(&srv->reqs_lock);
	mx_ctxs_kill(srv->ctxs, MX_CODE_SHUTTING_DOWN);
	/* What runs is let finish; then the answers get a second to leave. */
	await_zero(srv, &srv->n_working, MX_MONO_NEVER);
	await_zero(srv, &srv->n_reqs, mx_mono_in_ms(1000));
	MHD_stop_daemon(srv->mhd);
	free_all(srv);
}

void mx_server_stop_auto(struct mx_server **srv)
{
	mx_server_stop(*srv);
}

uint16_t mx_server_port(const struct mx_server *srv)
{
	return srv->port;
}

const char *mx_server_url(const struct mx_server *srv)
{
	return srv->url;
}

struct mx_store *mx_server_store(struct mx_server *srv)
{
	return srv->store;
}

void mx_server_stats(struct mx_server *srv, struct mx_server_stats *ret)
{
	*ret = (struct mx_server_stats){
		.requests = atomic_load(&srv->n_requests),
		.connections = atomic_load(&srv->n_connections),
		.hashes = mx_auth_hashes(srv->auth),
		.contexts = mx_ctxs_count(srv->ctxs),
		.parked = atomic_load(&srv->n_parked),
		.objects = atomic_load(&srv->n_objects),
	};
}
