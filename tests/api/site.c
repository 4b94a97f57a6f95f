/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "site.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/test.h"
#include "connlist/snapshot.h"
#include "store/dir.h"

/* Users "u0" … */
#define N_USERS 4

static void on_access(void *arg, const struct mx_access *a)
{
	struct site *t = arg;
	struct site_entry *e;

	if (strcmp(a->type, "Connect") && strcmp(a->type, "Execute"))
		return;
	mx_mutex_lock(&t->lock);
	if (t->n < MX_ARRAY_SIZE(t->log)) {
		e = &t->log[t->n++];
		snprintf(e->user, sizeof(e->user), "%s", a->user);
		e->refused = a->status != 200 || a->backoff_ms ||
			     (!strcmp(a->type, "Connect") && a->error);
	}
	mx_mutex_unlock(&t->lock);
}

unsigned site_refused(struct site *t, unsigned user)
{
	char name[8];
	unsigned n = 0;

	snprintf(name, sizeof(name), "u%u", user);
	mx_mutex_lock(&t->lock);
	for (unsigned i = 0; i < t->n; i++)
		n += !strcmp(t->log[i].user, name) && t->log[i].refused;
	mx_mutex_unlock(&t->lock);
	return n;
}

unsigned site_contexts(struct site *t)
{
	struct mx_server_stats st;

	mx_server_stats(t->srv, &st);
	return st.contexts;
}

static void add_user(struct site *t, unsigned i)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	char name[16], password[32];

	snprintf(name, sizeof(name), "u%u", i);
	snprintf(password, sizeof(password), "secret-%u", i);
	assert_int_equal(mx_dir_add(mx_server_store(t->srv),
				    &(struct mx_user){.name = name}, password,
				    &a, NULL),
			 0);
}

struct site *site_new(const struct mx_server_params *limits)
{
	static int count;
	struct site *t = calloc(1, sizeof(*t));
	struct mx_server_params p = *limits;
	struct mx_fault f = MX_FAULT_INIT;
	char dir[300];

	mx_mutex_init(&t->lock);
	snprintf(dir, sizeof(dir), "%s/data-%d", mx_test_dir(), count);
	snprintf(t->segment, sizeof(t->segment), "%s/segment-%d", mx_test_dir(),
		 count++);
	setenv("MAPIARY_SEGMENT", t->segment, 1);
	p.dir = dir;
	p.on_access = on_access;
	p.access_arg = t;
	if (mx_server_start(&p, &f, &t->srv))
		fail_msg("server: %s", f.text);
	for (unsigned i = 0; i < N_USERS; i++)
		add_user(t, i);
	return t;
}

void site_stop(struct site *t)
{
	mx_server_stop(t->srv);
	t->srv = NULL;
}

void site_free(struct site *t)
{
	mx_server_stop(t->srv);
	mx_mutex_fini(&t->lock);
	free(t);
}

/* How many sessions the segment says are in that state. */
static unsigned in_state(struct site *t, enum mx_snap_state state)
{
	struct mx_snap snap = MX_SNAP_INIT;
	struct mx_snap_src *src = NULL;
	unsigned n = 0;

	if (mx_snap_open(t->segment, &src, NULL))
		return 0;
	if (!mx_snap_take(src, &snap))
		for (size_t i = 0; i < snap.n_conns; i++)
			n += !snap.conns[i].torn &&
			     snap.conns[i].state == state;
	mx_snap_fini(&snap);
	mx_snap_close(src);
	return n;
}

void site_await_waiting(struct site *t, unsigned n)
{
	while (in_state(t, MX_SNAP_WAITING) != n)
		sched_yield();
}
