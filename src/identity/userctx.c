/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three places a thread's user context can come from.  The stack is the
 * thread's own (a pthread key, so that a thread that ends drops it); the
 * registered contexts and the process's are under `table.lock`, which is held
 * for pointer work only.
 */
#include "identity/userctx.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/fork.h"
#include "base/lines.h"
#include "base/lock.h"
#include "identity/creds.h"

#define MAX_LEVELS 1000

/* Every request of a user needs his login and his password: they stand in the
 * lines behind. */
struct mx_userctx {
	unsigned refs;
	enum mx_auth auth;
	const char *login; /* in texts, as the others */
	char *password;    /* NULL: ask secret(); wiped at the end */
	size_t password_len;
	mx_secret_fn *secret;
	void *arg;
	const char *display;
	void (*free_arg)(void *);

	struct mx_sid sid;
	char sid_text[MX_SID_MAX_STR];
	char texts[] __attribute__((aligned(MX_LINE)));
} __attribute__((aligned(MX_LINE)));

static_assert(offsetof(struct mx_userctx, sid) <= MX_LINE, "one line");

static size_t size_of(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

/* The login and the password first. */
static void put_texts(struct mx_userctx *ctx, const struct mx_userctx_params *p,
		      const char *shown)
{
	char *to = ctx->texts;

	if (p->login) {
		ctx->login = to;
		to = mempcpy(to, p->login, size_of(p->login));
	}
	if (p->auth == MX_AUTH_PASSWORD && p->password) {
		ctx->password = to;
		ctx->password_len = strlen(p->password);
		to = mempcpy(to, p->password, size_of(p->password));
	}
	ctx->display = to;
	memcpy(to, shown, size_of(shown));
}

static bool has_means(const struct mx_userctx_params *p)
{
	switch (p->auth) {
	case MX_AUTH_NONE:
		return true;
	case MX_AUTH_PASSWORD:
		return p->password || p->secret;
	case MX_AUTH_GSS:
		return p->arg;
	case MX_AUTH_BEARER:
		return p->secret;
	}
	return false;
}

int mx_userctx_new(const struct mx_userctx_params *p, struct mx_userctx **ret)
{
	char sid[MX_SID_MAX_STR] = "";
	struct mx_userctx *ctx;
	const char *shown;
	size_t n;

	if (!mx_sid_valid(&p->sid) || !has_means(p))
		return -EINVAL;
	mx_sid_format(&p->sid, sid);
	shown = p->display ? p->display : p->login ? p->login : sid;
	n = size_of(p->login) + size_of(p->password) + size_of(shown);
	ctx = mx_lines_calloc(sizeof(*ctx) + n);
	if (!ctx)
		return -ENOMEM;
	ctx->refs = 1;
	ctx->sid = p->sid;
	ctx->auth = p->auth;
	memcpy(ctx->sid_text, sid, sizeof(sid));
	put_texts(ctx, p, shown);
	ctx->secret = p->secret;
	ctx->arg = p->arg;
	ctx->free_arg = p->free_arg;
	*ret = ctx;
	return 0;
}

struct mx_userctx *mx_userctx_ref(struct mx_userctx *ctx)
{
	if (ctx)
		__atomic_add_fetch(&ctx->refs, 1, __ATOMIC_RELAXED);
	return ctx;
}

void mx_userctx_unref(struct mx_userctx *ctx)
{
	if (!ctx || __atomic_sub_fetch(&ctx->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (ctx->free_arg)
		ctx->free_arg(ctx->arg);
	if (ctx->password)
		explicit_bzero(ctx->password, ctx->password_len);
	free(ctx);
}

void mx_userctx_prefetch(const struct mx_userctx *ctx)
{
	mx_lines_prefetch(ctx, MX_LINE);
	mx_lines_prefetch(ctx->texts, MX_LINE);
}

const struct mx_sid *mx_userctx_sid(const struct mx_userctx *ctx)
{
	return &ctx->sid;
}

const char *mx_userctx_display(const struct mx_userctx *ctx)
{
	return ctx->display;
}

const char *mx_userctx_login(const struct mx_userctx *ctx)
{
	return ctx->login;
}

const char *mx_userctx_sid_text(const struct mx_userctx *ctx)
{
	return ctx->sid_text;
}

enum mx_auth mx_userctx_auth(const struct mx_userctx *ctx)
{
	return ctx->auth;
}

void *mx_userctx_gss(const struct mx_userctx *ctx)
{
	return ctx->auth == MX_AUTH_GSS ? ctx->arg : NULL;
}

int mx_userctx_secret(const struct mx_userctx *ctx, const char *server,
		      struct mx_secret *ret)
{
	MX_AUTO(mx_secret_auto) struct mx_secret s = MX_SECRET_INIT;
	int err;

	if (ctx->auth != MX_AUTH_PASSWORD && ctx->auth != MX_AUTH_BEARER)
		return -ENOTSUP;
	mx_assert_unlocked();
	if (ctx->password)
		err = mx_secret_set_n(&s, ctx->password, ctx->password_len);
	else
		err = ctx->secret(ctx->arg, server, &s);
	if (err)
		return err < 0 ? err : -EIO;
	if (!s.p)
		return -ENOKEY;
	mx_secret_fini(ret);
	*ret = s;
	s = MX_SECRET_INIT;
	return 0;
}

bool mx_userctx_secret_at_hand(const struct mx_userctx *ctx)
{
	return ctx->auth == MX_AUTH_PASSWORD && ctx->password;
}

/* --- The thread's stack ------------------------------------------------- */

struct stack {
	unsigned n, cap;
	struct mx_userctx **ctx; /* each one a reference */
};

static pthread_key_t stack_key;
static pthread_once_t stack_once = PTHREAD_ONCE_INIT;
static bool stack_key_made;

static void stack_free(void *p)
{
	struct stack *s = p;

	while (s->n)
		mx_userctx_unref(s->ctx[--s->n]);
	free(s->ctx);
	free(s);
}

static void stack_key_make(void)
{
	stack_key_made = !pthread_key_create(&stack_key, stack_free);
}

static struct stack *stack_get(void)
{
	pthread_once(&stack_once, stack_key_make);
	return stack_key_made ? pthread_getspecific(stack_key) : NULL;
}

static struct stack *stack_make(void)
{
	struct stack *s = stack_get();

	if (s || !stack_key_made)
		return s;
	s = calloc(1, sizeof(*s));
	if (s && pthread_setspecific(stack_key, s)) {
		free(s);
		s = NULL;
	}
	return s;
}

static int stack_grow(struct stack *s)
{
	unsigned cap = s->cap ? 2 * s->cap : 4;
	struct mx_userctx **p =
		realloc(s->ctx, cap * sizeof(struct mx_userctx *));

	if (!p)
		return -ENOMEM;
	s->ctx = p;
	s->cap = cap;
	return 0;
}

int mx_userctx_push(struct mx_userctx *ctx)
{
	struct stack *s = stack_make();

	if (!s)
		return -ENOMEM;
	if (s->n == MAX_LEVELS)
		return -E2BIG;
	if (s->n == s->cap && stack_grow(s))
		return -ENOMEM;
	s->ctx[s->n++] = mx_userctx_ref(ctx);
	return 0;
}

int mx_userctx_pop(void)
{
	struct stack *s = stack_get();

	if (!s || !s->n)
		return -ENOENT;
	mx_userctx_unref(s->ctx[--s->n]);
	if (!s->n) { /* a thread that went back to itself holds nothing */
		pthread_setspecific(stack_key, NULL);
		stack_free(s);
	}
	return 0;
}

struct mx_userctx *mx_userctx_top(void)
{
	struct stack *s = stack_get();

	return s && s->n ? s->ctx[s->n - 1] : NULL;
}

/* --- Registered contexts ------------------------------------------------ */

struct entry {
	uid_t uid;
	struct mx_userctx *ctx;
};

/* Sorted by uid; logons of threads with other kernel credentials search it. */
static struct {
	struct mx_mutex lock;
	size_t n, cap;
	struct entry *v;
	struct mx_userctx *process;
} table = {.lock = MX_MUTEX_INIT};

/* Registered contexts are there in forked children too. */
__attribute__((__constructor__)) static void on_load(void)
{
	mx_fork_hold(&table.lock);
}

/* The first entry whose uid is not below. */
static size_t table_find_locked(uid_t uid) MX_LOCKED
{
	size_t lo = 0, hi = table.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (table.v[mid].uid < uid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int table_insert_locked(size_t at, uid_t uid,
			       struct mx_userctx *ctx) MX_LOCKED
{
	if (table.n == table.cap) {
		size_t cap = table.cap ? 2 * table.cap : 16;
		struct entry *v = realloc(table.v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		table.v = v;
		table.cap = cap;
	}
	memmove(table.v + at + 1, table.v + at,
		(table.n - at) * sizeof(*table.v));
	table.v[at] = (struct entry){uid, ctx};
	table.n++;
	return 0;
}

static void table_remove_locked(size_t at) MX_LOCKED
{
	table.n--;
	memmove(table.v + at, table.v + at + 1,
		(table.n - at) * sizeof(*table.v));
	if (!table.n) {
		free(table.v);
		table.v = NULL;
		table.cap = 0;
	}
}

int mx_userctx_register(uid_t uid, struct mx_userctx *ctx)
{
	struct mx_userctx *old = NULL;
	size_t at;
	bool there;
	int err = 0;

	mx_userctx_ref(ctx);
	mx_mutex_lock(&table.lock);
	at = table_find_locked(uid);
	there = at < table.n && table.v[at].uid == uid;
	if (there) {
		old = table.v[at].ctx;
		if (ctx)
			table.v[at].ctx = ctx;
		else
			table_remove_locked(at);
	} else if (ctx) {
		err = table_insert_locked(at, uid, ctx);
	}
	mx_mutex_unlock(&table.lock);
	mx_userctx_unref(err ? ctx : old);
	return err;
}

void mx_userctx_set_process(struct mx_userctx *ctx)
{
	struct mx_userctx *old;

	mx_userctx_ref(ctx);
	mx_mutex_lock(&table.lock);
	old = table.process;
	table.process = ctx;
	mx_mutex_unlock(&table.lock);
	mx_userctx_unref(old);
}

/* --- Capture ------------------------------------------------------------ */

static struct mx_userctx *registered(uid_t uid)
{
	struct mx_userctx *ctx = NULL;
	size_t at;

	mx_mutex_lock(&table.lock);
	at = table_find_locked(uid);
	if (at < table.n && table.v[at].uid == uid)
		ctx = mx_userctx_ref(table.v[at].ctx);
	mx_mutex_unlock(&table.lock);
	return ctx;
}

static struct mx_userctx *process_context(void)
{
	struct mx_userctx *ctx;

	mx_mutex_lock(&table.lock);
	ctx = mx_userctx_ref(table.process);
	mx_mutex_unlock(&table.lock);
	return ctx;
}

int mx_userctx_capture(enum mx_capture policy, struct mx_userctx **ret)
{
	struct mx_userctx *ctx = mx_userctx_ref(mx_userctx_top());
	uid_t process, thread;
	int err;

	if (ctx) {
		*ret = ctx;
		return 0;
	}
	err = mx_creds_process_uid(&process);
	if (err)
		return err;
	thread = mx_creds_thread_uid(process);
	if (thread != process) {
		ctx = registered(thread);
		err = -EACCES;
	} else {
		if (policy == MX_CAPTURE_PROCESS)
			ctx = process_context();
		err = -ENOENT;
	}
	if (!ctx)
		return err;
	*ret = ctx;
	return 0;
}
