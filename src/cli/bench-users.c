/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What many user contexts cost (B77): the same operations in the same mailboxes,
 * on the same number of threads, by n users' sessions and by as many of one
 * service account, which may do everything in all of them.
 *
 *	users  calls, and turns of six calls as server programs do their work,
 *	       each in another session than the last: what differs is whose the
 *	       sessions are
 *	cold   the same by n user contexts and by one session a thread, which
 *	       never leaves the caches: what n connections cost, whoever's
 *	       they are.  Beside it that of bare connections (bench-crowd.c)
 *
 * Each side is a process of its own, so that each can have as many connections
 * as a process may; compared is their CPU time.  There are as many servers as
 * their descriptors make necessary; the account is one user on all.  A block is
 * --ops operations, in the sessions that come next: there are more of them where
 * there are more sessions, so that each has its turn --blocks times.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/bench.h"
#include "cli/cli.h"

#define THREADS 4
#define MAX_SERVERS 16
/* Of a server, for a user: his mailbox has three, his connections two, and one
 * is for a session of the account. */
#define FILES_A_USER 6
#define SPARE_FILES 1000

enum command { OPEN, CALLS, TURNS, SIZES, ENOUGH };

struct answer {
	double us; /* < 0: failed, a message was printed */
	struct bench_sizes sizes;
};

struct side {
	struct world *w;
	bool account; /* one user context */
	unsigned sessions;
	pid_t pid;
	int to, from;
	/* In its process: the sessions, and whose turn it is. */
	struct bench_side *s;
	unsigned open, next;
	bool (*op)(struct bench_side *s);
};

struct world {
	struct demo d[MAX_SERVERS];
	unsigned n_servers, n, ops;
	unsigned sessions; /* of a user on a server: the account's */
	struct side many, one, hot;
	enum command what;
};

/* ---- a side, in its own process ---- */

/* From here on the account logs on to everybody's mailbox. */
static void become_account(struct demo *d)
{
	const struct demo_user *account = &d->users[0];

	for (unsigned i = 1; i < d->opt.users; i++) {
		struct demo_user *u = &d->users[i];

		u->sid = account->sid;
		u->name = account->name;
		u->password = account->password;
		u->user_dn = account->dn;
	}
}

/* User 0 of every server is the account. */
static bool open_session(struct side *s)
{
	struct world *w = s->w;
	const unsigned i = s->open++;
	const struct demo_user *u =
		&w->d[i % w->n_servers].users[1 + i / w->n_servers];

	return bench_side_open(u, s->account ? w->d[0].users[0].ctx : NULL, 0,
			       &s->s[i]);
}

static bool open_users(struct side *s)
{
	struct world *w = s->w;
	bool ok = true;

	for (unsigned i = 0; ok && i < w->n_servers; i++) {
		if (s->account)
			become_account(&w->d[i]);
		ok = !demo_users_open(&w->d[i]);
	}
	s->s = calloc(s->sessions, sizeof(*s->s));
	return s->s && ok;
}

/* A session stays with its thread: all numbers are multiples of theirs. */
static bool operate(void *arg, unsigned t, unsigned i)
{
	struct side *s = arg;

	(void)t;
	return s->op(&s->s[(s->next + i) % s->sessions]);
}

static struct answer obey(struct side *s, enum command what)
{
	struct answer a = {.us = -1};

	if (what == OPEN) {
		a.us = open_session(s) ? 0 : -1;
		return a;
	}
	if (what == SIZES) {
		a.us = bench_sizes_of(&s->s[0], &a.sizes) ? 0 : -1;
		return a;
	}
	s->op = what == CALLS ? bench_get_props : bench_turn;
	a.us = bench_threads(THREADS, s->w->ops, operate, s);
	s->next = (s->next + s->w->ops) % s->sessions;
	return a;
}

static void close_sessions(struct side *s)
{
	for (unsigned i = 0; i < s->open; i++)
		bench_side_close(&s->s[i]);
	free(s->s);
	for (unsigned i = 0; i < s->w->n_servers; i++)
		demo_users_close(&s->w->d[i]);
}

static bool say(int to, const struct answer *a)
{
	return write(to, a, sizeof(*a)) == sizeof(*a);
}

static int be_side(struct side *s, int in, int out)
{
	MAPIINIT_0 init = {0, MAPI_MULTITHREAD_NOTIFICATIONS | MAPI_NT_SERVICE};
	struct answer a = {.us = -1};
	enum command what;

	if (!bench_ok("budgets", MapiarySetBudgets(s->w->sessions, 0)) ||
	    !bench_ok("MAPIInitialize", MAPIInitialize(&init)))
		return MX_EXIT_FAILED;
	a.us = open_users(s) ? 0 : -1;
	while (say(out, &a) && read(in, &what, sizeof(what)) == sizeof(what) &&
	       what != ENOUGH)
		a = obey(s, what);
	close_sessions(s);
	MAPIUninitialize();
	return MX_EXIT_OK;
}

/* ---- a side, seen by the one who compares ---- */

static struct answer ask(struct side *s, enum command what)
{
	struct answer a = {.us = -1};

	if (write(s->to, &what, sizeof(what)) != sizeof(what) ||
	    read(s->from, &a, sizeof(a)) != sizeof(a))
		mx_cli_fail("bench", "a process with users has ended");
	return a;
}

static bool start(struct side *s, struct world *w, bool account,
		  unsigned sessions)
{
	struct answer a = {.us = -1};
	const pid_t parent = getpid();
	int to[2], from[2];

	*s = (struct side){.w = w,
			   .account = account,
			   .sessions = sessions,
			   /* Half a round from the other side: what that one
			    * has just used is warm in the servers. */
			   .next = account ? sessions / 2 / THREADS * THREADS
					   : 0,
			   .to = -1,
			   .from = -1};
	if (pipe2(to, O_CLOEXEC))
		return !mx_cli_fail("bench", "pipe: %m");
	if (pipe2(from, O_CLOEXEC)) {
		close(to[0]), close(to[1]);
		return !mx_cli_fail("bench", "pipe: %m");
	}
	s->pid = fork();
	if (!s->pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		_exit(getppid() == parent ? be_side(s, to[0], from[1])
					  : MX_EXIT_FAILED);
	}
	close(to[0]), close(from[1]);
	s->to = to[1];
	s->from = from[0];
	if (s->pid < 0)
		return !mx_cli_fail("bench", "fork: %m");
	return read(s->from, &a, sizeof(a)) == sizeof(a) && a.us >= 0;
}

static bool open_next(struct side *s)
{
	return ask(s, OPEN).us >= 0;
}

/* In turns, first this side's and then the other's: the side that was opened
 * first came out up to a tenth dearer. */
static bool open_sessions(struct world *w)
{
	bool ok = true;

	for (unsigned i = 0; ok && i < w->n; i++)
		ok = open_next(i % 2 ? &w->one : &w->many) &&
		     open_next(i % 2 ? &w->many : &w->one);
	for (unsigned i = 0; ok && i < THREADS; i++)
		ok = open_next(&w->hot);
	return ok;
}

static void stop(struct side *s)
{
	const enum command what = ENOUGH;

	if (!s->w)
		return;
	/* One that has ended already does not take it. */
	if (s->pid > 0 && write(s->to, &what, sizeof(what)) <= 0)
		mx_cli_fail("bench", "a process with users has ended");
	if (s->pid > 0)
		waitpid(s->pid, NULL, 0);
	if (s->to >= 0)
		close(s->to), close(s->from);
}

static double by_many(void *arg)
{
	struct world *w = arg;

	return ask(&w->many, w->what).us;
}

static double by_one(void *arg)
{
	struct world *w = arg;

	return ask(&w->one, w->what).us;
}

static double by_hot(void *arg)
{
	struct world *w = arg;

	return ask(&w->hot, w->what).us;
}

/* ---- the servers ---- */

/* The account is one user context wherever it logs on. */
static void make_first_the_same(struct demo *d, const struct demo *first)
{
	d->users[0].sid = first->users[0].sid;
	d->users[0].password = first->users[0].password;
}

/* A profile is known to the process by its name. */
static int name_profiles(struct demo *d, unsigned no)
{
	for (unsigned i = 0; i < d->opt.users; i++) {
		d->users[i].profile = mx_arena_printf(&d->arena, "bench-%u-%s",
						      no, d->users[i].name);
		if (!d->users[i].profile)
			return mx_cli_fail("bench", "out of memory") * -1;
	}
	return 0;
}

static int start_servers(struct world *w)
{
	int r = 0;

	for (unsigned i = 0; !r && i < w->n_servers; i++) {
		struct demo *d = &w->d[i];

		d->opt.users = w->n / w->n_servers + 2;
		d->opt.mailboxes = d->opt.users;
		d->opt.account = true;
		d->opt.sessions = w->sessions;
		r = demo_users_make(d);
		if (!r)
			r = name_profiles(d, i);
		if (!r)
			make_first_the_same(d, &w->d[0]);
		if (!r)
			r = demo_server_prepare(d);
		if (!r)
			r = demo_server_start(d);
	}
	return r;
}

static unsigned servers_for(unsigned users)
{
	struct rlimit r;
	unsigned each, n;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur <= 2 * SPARE_FILES)
		return 1;
	each = (unsigned)(r.rlim_cur - SPARE_FILES) / FILES_A_USER;
	n = (users + each - 1) / each;
	return n < MAX_SERVERS ? n : MAX_SERVERS;
}

/* ---- the lines ---- */

static const struct comparison {
	enum command what;
	bench_block_fn *with;
	struct bench_line line;
} comparisons[] = {
	{CALLS,
	 by_one,
	 {.name = "users",
	  .what = "CPU of a call, as many user contexts as --idle-users / as "
		  "many sessions of one",
	  .unit = "us",
	  .limit = 1.05}},
	{TURNS,
	 by_one,
	 {.name = "users-turn",
	  .what = "the same, a turn of six calls",
	  .unit = "us",
	  .limit = 1.05}},
	{CALLS,
	 by_hot,
	 {.name = "cold",
	  .what = "CPU of a call, by one of so many sessions / by the one that "
		  "made the call before",
	  .unit = "us"}},
	{TURNS,
	 by_hot,
	 {.name = "cold-turn",
	  .what = "the same, a turn of six calls",
	  .unit = "us"}},
};

/* Everyone has had his turn once before anything counts. */
static int warm_up(struct world *w, const struct comparison *c)
{
	for (unsigned i = 0; i < w->n; i += w->ops)
		if (by_many(w) < 0 || c->with(w) < 0)
			return -1;
	return 0;
}

static int measure(struct bench *b, struct world *w)
{
	int r = 0;

	for (size_t i = 0; !r && i < MX_ARRAY_SIZE(comparisons); i++) {
		const struct comparison *c = &comparisons[i];
		struct bench_line line = c->line;

		w->what = c->what;
		r = warm_up(w, c);
		if (!r)
			r = bench_compare(by_many, c->with, w, w->ops, &line);
		if (!r)
			bench_add(b, &line);
	}
	return r;
}

int bench_users(struct bench *b)
{
	static struct world w;
	struct answer a = {.us = -1};
	const unsigned blocks = bench_blocks;
	int r = -1;

	memset(&w, 0, sizeof(w));
	w.n = (b->idle_users + THREADS - 1) / THREADS * THREADS;
	w.ops = (b->ops + THREADS - 1) / THREADS * THREADS;
	bench_blocks *= (w.n + w.ops - 1) / w.ops;
	w.n_servers = servers_for(w.n);
	w.sessions = w.n + THREADS;
	for (unsigned i = 0; i < w.n_servers; i++)
		mx_arena_init(&w.d[i].arena);
	if (!start_servers(&w) && start(&w.many, &w, false, w.n) &&
	    start(&w.one, &w, true, w.n) && start(&w.hot, &w, true, THREADS) &&
	    open_sessions(&w)) {
		r = measure(b, &w);
		a = ask(&w.hot, SIZES);
	}
	bench_blocks = blocks;
	stop(&w.many);
	stop(&w.one);
	stop(&w.hot);
	for (unsigned i = 0; i < w.n_servers; i++) {
		demo_server_stop(&w.d[i]);
		demo_server_clean(&w.d[i]);
		mx_arena_fini(&w.d[i].arena);
	}
	return r || a.us < 0 ? -1
			     : bench_crowd(b, &a.sizes, w.n, THREADS,
					   w.n > w.ops ? w.n : w.ops);
}
