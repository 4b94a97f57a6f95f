/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place that waits at the end, and what it says.
 *
 *   alive ──► down: every session off, contexts disconnect
 *              ├─ all gone in time ──► done
 *              └─ the deadline is near: the reaper's requests are cut, what is
 *                 left is LEFT in the registry, and told one by one
 *
 * The last quarter of the time, a second at most, is kept for the cutting, so
 * that the whole ends by the deadline.  What is told is noted under the locks
 * and handed out without any.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "session/session-private.h"

#define CUT_MS 1000
/* Notes kept; what is beyond is counted in the last one. */
#define MAX_NOTES 100000

/* --- Notes -------------------------------------------------------------- */

struct note {
	enum mx_left_kind kind;
	unsigned objects;
	int64_t since_ms;
	char user[128], server[256], what[256];
	char sid[MX_SID_MAX_STR];
};

struct notes {
	struct note *v;
	size_t n, cap, lost;
};

/* One more, about this session's user and server; NULL: no room. */
static struct note *add_note(struct notes *ns, enum mx_left_kind kind,
			     const struct mx_session *s, mx_mono since)
{
	size_t cap = ns->cap ? 2 * ns->cap : 16;
	struct note *n = ns->v;

	if (ns->n == ns->cap) {
		n = ns->n < MAX_NOTES ? realloc(n, cap * sizeof(*n)) : NULL;
		if (!n) {
			ns->lost++;
			return NULL;
		}
		ns->v = n;
		ns->cap = cap;
	}
	n = &ns->v[ns->n++];
	*n = (struct note){
		.kind = kind,
		.since_ms = (mx_mono_now().ns - since.ns) / MX_NS_PER_MS,
	};
	snprintf(n->user, sizeof(n->user), "%s", mx_userctx_display(s->user));
	snprintf(n->sid, sizeof(n->sid), "%s", mx_userctx_sid_text(s->user));
	snprintf(n->server, sizeof(n->server), "%s", s->server);
	return n;
}

static void put_count(char *buf, size_t size, unsigned n, const char *name)
{
	size_t at = strlen(buf);

	if (n)
		snprintf(buf + at, size - at, "%s%u %s%s", at ? ", " : "", n,
			 name, n == 1 ? "" : "s");
}

/* "1 store, 2 messages" */
static void count_objects(struct mx_session *s, struct note *n)
{
	unsigned all = s->n_logons;

	put_count(n->what, sizeof(n->what), s->n_logons, "store");
	for (unsigned k = 0; k < MX_SOBJ_KINDS; k++) {
		unsigned m = atomic_load(&s->n_kind[k]);

		all += m;
		/* Each logon is a store of the count before. */
		if (k != MX_SOBJ_LOGON)
			put_count(n->what, sizeof(n->what), m,
				  mx_sobj_kind_name(k));
	}
	if (!all)
		snprintf(n->what, sizeof(n->what), "the session alone");
	n->objects = all;
}

static void note_sessions(struct mx_client *c, struct notes *ns)
{
	mx_mutex_lock(&c->lock);
	MX_LIST_FOR_EACH(it, &c->sessions) {
		struct mx_session *s =
			MX_CONTAINER_OF(it, struct mx_session, link);
		struct note *n;

		if (!atomic_load(&s->refs))
			continue;
		n = add_note(ns, MX_LEFT_SESSION, s, s->since);
		mx_mutex_lock_inner(&s->lock);
		if (n)
			count_objects(s, n);
		mx_mutex_unlock_inner(&s->lock);
	}
	mx_mutex_unlock(&c->lock);
}

static void note_context(struct mx_ctx *ctx, struct notes *ns)
{
	struct note *n = add_note(ns, MX_LEFT_CONTEXT, ctx->s, ctx->ending);

	if (!n)
		return;
	snprintf(n->what, sizeof(n->what), "%s",
		 !mx_list_empty(&ctx->waiting)
			 ? "Disconnect waits behind a call that does not end"
			 : "Disconnect was not answered");
}

static void note_contexts(struct mx_client *c, struct notes *ns)
{
	mx_mutex_lock(&c->lock);
	MX_LIST_FOR_EACH(it, &c->sessions) {
		struct mx_session *s =
			MX_CONTAINER_OF(it, struct mx_session, link);

		mx_mutex_lock_inner(&s->lock);
		MX_LIST_FOR_EACH(e, &s->ending)
			note_context(MX_CONTAINER_OF(e, struct mx_ctx, link),
				     ns);
		mx_mutex_unlock_inner(&s->lock);
	}
	mx_mutex_unlock(&c->lock);
}

static void note_callbacks(struct mx_client *c, struct notes *ns)
{
	mx_mutex_lock(&c->lock);
	MX_LIST_FOR_EACH(it, &c->callbacks) {
		struct mx_callback *cb =
			MX_CONTAINER_OF(it, struct mx_callback, link);
		struct note *n =
			add_note(ns, MX_LEFT_CALLBACK, cb->s, cb->since);

		if (n)
			snprintf(n->what, sizeof(n->what),
				 "a notification callback in thread %d",
				 (int)cb->tid);
	}
	mx_mutex_unlock(&c->lock);
}

static void tell_one(const struct mx_left_one *one, mx_left_fn *fn, void *arg)
{
	static const char *const kinds[] = {
		[MX_LEFT_SESSION] = "still held",
		[MX_LEFT_CONTEXT] = "not disconnected",
		[MX_LEFT_CALLBACK] = "still running",
	};

	mx_log(MX_LOG_WARN, "session",
	       "left behind for %s at %s, since %lld ms: %s: %s", one->user,
	       one->server, (long long)one->since_ms, kinds[one->kind],
	       one->what);
	if (fn)
		fn(arg, one);
}

static void tell(struct notes *ns, mx_left_fn *fn, void *arg)
{
	for (size_t i = 0; i < ns->n; i++) {
		const struct note *n = &ns->v[i];
		const struct mx_left_one one = {
			.kind = n->kind,
			.user = n->user,
			.sid = n->sid,
			.server = n->server,
			.what = n->what,
			.since_ms = n->since_ms,
			.objects = n->objects,
		};

		tell_one(&one, fn, arg);
	}
	if (ns->lost)
		mx_log(MX_LOG_WARN, "session", "%zu more were left behind",
		       ns->lost);
	free(ns->v);
}

/* --- The end ------------------------------------------------------------ */

/* One more hold on the memory, unless the last is being given up. */
static bool core_get(struct mx_session *s)
{
	unsigned n = atomic_load(&s->core);

	while (n)
		if (atomic_compare_exchange_weak(&s->core, &n, n + 1))
			return true;
	return false;
}

/* One session after the other is taken off the list, and put on another, so
 * that the lock is not held while it ends. */
static void end_sessions(struct mx_client *c)
{
	struct mx_list seen;

	mx_list_init(&seen);
	for (;;) {
		struct mx_session *s = NULL;
		struct mx_list *it;

		mx_mutex_lock(&c->lock);
		it = mx_list_pop(&c->sessions);
		if (it) {
			s = MX_CONTAINER_OF(it, struct mx_session, link);
			mx_list_push_tail(&seen, it);
			if (!core_get(s)) { /* ends by itself right now */
				mx_mutex_unlock(&c->lock);
				continue;
			}
		}
		mx_mutex_unlock(&c->lock);
		if (!s)
			break;
		mx_session_logoff(s);
		mx_session_core_put(s);
	}
	mx_mutex_lock(&c->lock);
	while (!mx_list_empty(&seen))
		mx_list_push_tail(&c->sessions, mx_list_pop(&seen));
	mx_mutex_unlock(&c->lock);
}

/* Until no context is left, and no beat; true when so. */
static bool wait_idle(struct mx_client *c, mx_mono deadline)
{
	bool idle;
	int err = 0;

	mx_mutex_lock(&c->lock);
	while ((c->n_ctx || c->n_beats) && !err && !c->hurry)
		err = mx_cond_wait(&c->idle, &c->lock, deadline);
	idle = !c->n_ctx && !c->n_beats;
	mx_mutex_unlock(&c->lock);
	return idle;
}

static unsigned contexts_left(struct mx_client *c)
{
	unsigned n;

	mx_mutex_lock(&c->lock);
	n = c->n_ctx;
	/* From here on the cut ones are waited for. */
	c->hurry = false;
	mx_mutex_unlock(&c->lock);
	return n;
}

static unsigned sessions_held(struct mx_client *c)
{
	unsigned n = 0;

	mx_mutex_lock(&c->lock);
	MX_LIST_FOR_EACH(it, &c->sessions) {
		struct mx_session *s =
			MX_CONTAINER_OF(it, struct mx_session, link);

		n += atomic_load(&s->refs) > 0;
	}
	mx_mutex_unlock(&c->lock);
	return n;
}

static bool begin_shutdown(struct mx_client *c)
{
	bool first;

	mx_mutex_lock(&c->lock);
	first = !c->down;
	c->down = true;
	mx_mutex_unlock(&c->lock);
	mx_client_refuse(c);
	return first;
}

void mx_client_refuse(struct mx_client *c)
{
	atomic_store(&c->is_down, true);
}

void mx_client_hurry(struct mx_client *c)
{
	if (mx_client_forked(c))
		return;
	mx_mutex_lock(&c->lock);
	c->hurry = true;
	mx_cond_broadcast(&c->idle);
	mx_mutex_unlock(&c->lock);
}

/* Waits for what is on its way; cuts it when the time is nearly over. */
static unsigned end_contexts(struct mx_client *c, mx_mono deadline,
			     struct notes *ns)
{
	int64_t left = mx_mono_left_ms(deadline);
	int64_t cut = left / 4 < CUT_MS ? left / 4 : CUT_MS;
	unsigned n;

	if (wait_idle(c, mx_mono_in_ms(left - cut)))
		return 0;
	note_contexts(c, ns);
	n = contexts_left(c);
	mx_cancel_fire(&c->reaper);
	wait_idle(c, left ? deadline : mx_mono_in_ms(CUT_MS));
	return n;
}

int mx_client_end(struct mx_client *c, mx_mono deadline, mx_left_fn *fn,
		  void *arg, struct mx_left *ret)
{
	struct mx_engine_left engine = {0};
	struct mx_left left = {0};
	struct notes notes = {0};

	if (mx_client_forked(c))
		return -ESTALE;
	if (!begin_shutdown(c))
		return 0;
	mx_cancel_fire(&c->beat);
	end_sessions(c);
	left.contexts = end_contexts(c, deadline, &notes);
	/* A callback's thread would wait for itself. */
	mx_engine_drop(mx_notify_on_callback() ? mx_mono_now() : deadline,
		       &engine);
	left.callbacks = engine.callbacks;
	note_callbacks(c, &notes);
	/* Counted last: until here the engine may hold some for a moment. */
	note_sessions(c, &notes);
	left.sessions = sessions_held(c);
	left.objects = atomic_load(&c->n_objects);
	mx_reg_close(c->reg);
	c->reg = NULL;
	tell(&notes, fn, arg);
	if (ret)
		*ret = left;
	return left.contexts || left.callbacks ? -ETIMEDOUT : 0;
}

int mx_client_shutdown(struct mx_client *c, mx_mono deadline,
		       struct mx_left *ret)
{
	if (!mx_client_forked(c) && mx_notify_on_callback())
		return -EDEADLK;
	return mx_client_end(c, deadline, NULL, NULL, ret);
}
