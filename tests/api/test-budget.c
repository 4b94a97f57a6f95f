/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Budgets over processes, against a server that really refuses.  The case runs
 * the server; its kids are this program again, each a process that does what it
 * is told over a socket, line by line, and says how it went.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/lock.h"
#include "base/test.h"
#include "connlist/snapshot.h"
#include "server/server.h"
#include "store/dir.h"

/* Users "u0" … */
#define N_USERS 4
#define KID_FD 3
/* A wait that nobody is meant to sit out. */
#define LONG_MS 100000

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define N_KILLS 20
#define SHORT "4000\n"
#else
#define N_KILLS 100
#define SHORT "1500\n"
#endif
/* SHORT: a deadline that is meant to be over before what is waited for, but not
 * before the wait begins. */

extern char **environ;

/* ---- A kid ------------------------------------------------------------- */

#define MAX_HELD 8

struct held {
	LPMAPISESSION s;
	LPMDB mdb;
};

struct life {
	FILE *in, *out;
	const char *url;
	struct held held[MAX_HELD];
	unsigned n;
};

static HRESULT log_on(struct life *l, unsigned user, unsigned ms,
		      struct held *h)
{
	char name[16], password[32], dn[200], sid[64];
	MAPIARY_USER_PARAMS who = {.cbSize = sizeof(who)};
	MAPIARY_CONFIG where = {.cbSize = sizeof(where)};
	LPMAPIARYUSER u = NULL;
	HRESULT hr;

	snprintf(name, sizeof(name), "u%u", user);
	snprintf(password, sizeof(password), "secret-%u", user);
	snprintf(dn, sizeof(dn),
		 "/o=Mapiary/ou=Exchange Administrative Group "
		 "(FYDIBOHF23SPDLT)/cn=Recipients/cn=%s",
		 name);
	snprintf(sid, sizeof(sid), "S-1-5-21-1-2-3-%u", 1000 + user);
	who.lpszLogin = name;
	who.lpszPassword = password;
	who.lpszSid = sid; /* who he is in all processes */
	where.lpszUrl = l->url;
	where.lpszMailboxDn = dn;
	where.ulTotalDeadline = ms;
	hr = MapiaryCreateUser(&who, &u);
	if (SUCCEEDED(hr))
		hr = MapiaryLogon(u, &where, 0, &h->s);
	MapiaryUserRelease(u);
	if (SUCCEEDED(hr))
		hr = IMAPISession_OpenMsgStore(h->s, 0, 0, NULL, NULL,
					       MDB_WRITE, &h->mdb);
	return hr;
}

static LONG ignore(void *arg, ULONG n, LPNOTIFICATION notifs)
{
	return S_OK;
}

/* With a NotificationWait held open. */
static HRESULT park(struct held *h)
{
	LPMAPIADVISESINK sink = NULL;
	ULONG_PTR conn = 0;
	HRESULT hr = HrAllocAdviseSink(ignore, NULL, &sink);

	if (SUCCEEDED(hr))
		hr = IMsgStore_Advise(h->mdb, 0, NULL, fnevObjectCreated, sink,
				      &conn);
	UlRelease(sink);
	return hr;
}

/* Asks the server something. */
static HRESULT ask(struct held *h, unsigned ms)
{
	LPSPropValue v = NULL;
	HRESULT hr = MapiarySetDeadlines(h->s, 0, ms);

	if (SUCCEEDED(hr))
		hr = HrGetOneProp((LPMAPIPROP)h->mdb, PR_MAILBOX_OWNER_NAME,
				  &v);
	MAPIFreeBuffer(v);
	return hr;
}

static void let_go(struct held *h)
{
	UlRelease(h->mdb);
	UlRelease(h->s);
	*h = (struct held){0};
}

static HRESULT obey(struct life *l, const char *line)
{
	struct held *top = &l->held[l->n ? l->n - 1 : 0];
	unsigned a = 0, b = 0;
	HRESULT hr;

	if (sscanf(line, "budget %u %u", &a, &b) == 2)
		return MapiarySetBudgets(a, b);
	if (!strcmp(line, "init\n"))
		return MAPIInitialize(NULL);
	if (sscanf(line, "open %u %u", &a, &b) == 2 && l->n < MAX_HELD) {
		hr = log_on(l, a, b, &l->held[l->n]);
		if (SUCCEEDED(hr))
			l->n++;
		else
			let_go(&l->held[l->n]);
		return hr;
	}
	if (!strcmp(line, "park\n"))
		return park(top);
	if (sscanf(line, "ask %u", &a) == 1)
		return ask(top, a);
	if (!strcmp(line, "close\n") && l->n) {
		let_go(&l->held[--l->n]);
		return S_OK;
	}
	return MAPI_E_CALL_FAILED;
}

static int kid_main(const char *url)
{
	struct life l = {.url = url};
	char line[100];

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when a case fails */
	l.in = fdopen(KID_FD, "r");
	l.out = fdopen(dup(KID_FD), "w");
	if (!l.in || !l.out)
		return 1;
	while (fgets(line, sizeof(line), l.in)) {
		HRESULT hr = obey(&l, line);

		fprintf(l.out, "%08x %s\n", (unsigned)hr,
			FAILED(hr) ? MapiaryLastErrorText() : "");
		fflush(l.out);
	}
	while (l.n)
		let_go(&l.held[--l.n]);
	MAPIUninitialize();
	fclose(l.in);
	fclose(l.out);
	return 0;
}

/* ---- The case's side --------------------------------------------------- */

struct kid {
	pid_t pid;
	int fd;
	FILE *in;
	char text[600]; /* the last answer's */
};

/* One finished Connect or Execute. */
struct entry {
	char user[8];
	bool refused;
};

struct site {
	struct mx_server *srv;
	char segment[300];
	struct mx_mutex lock;
	struct entry log[4096];
	unsigned n;
};

static void on_access(void *arg, const struct mx_access *a)
{
	struct site *t = arg;
	struct entry *e;

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

/* Requests of user "uN" that the server refused; all of them when it has been
 * stopped: a line is written after its answer has left. */
static unsigned refused(struct site *t, unsigned user)
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

static unsigned contexts(struct site *t)
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

static struct site *site_new(const struct mx_server_params *limits)
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

static void site_stop(struct site *t)
{
	mx_server_stop(t->srv);
	t->srv = NULL;
}

static void site_free(struct site *t)
{
	mx_server_stop(t->srv);
	mx_mutex_fini(&t->lock);
	free(t);
}

/* What the segment says of the first list's sessions in that state. */
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

static void until_waiting(struct site *t, unsigned n)
{
	while (in_state(t, MX_SNAP_WAITING) != n)
		sched_yield();
}

static struct kid kid_start(struct site *t)
{
	char *argv[] = {(char *)"/proc/self/exe", (char *)"--kid",
			(char *)mx_server_url(t->srv), NULL};
	posix_spawn_file_actions_t fa;
	struct kid k = {0};
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv),
			 0);
	posix_spawn_file_actions_init(&fa);
	/* Its own number would keep O_CLOEXEC. */
	if (sv[1] == KID_FD)
		fcntl(KID_FD, F_SETFD, 0);
	posix_spawn_file_actions_adddup2(&fa, sv[1], KID_FD);
	assert_int_equal(posix_spawn(&k.pid, argv[0], &fa, NULL, argv, environ),
			 0);
	posix_spawn_file_actions_destroy(&fa);
	close(sv[1]);
	k.fd = sv[0];
	k.in = fdopen(k.fd, "r");
	return k;
}

static void tell(struct kid *k, const char *line)
{
	size_t n = strlen(line);

	assert_int_equal(write(k->fd, line, n), n);
}

/* Its next answer; the text is in k->text. */
static HRESULT hear(struct kid *k)
{
	unsigned hr = 0;
	char line[700];

	if (!fgets(line, sizeof(line), k->in))
		fail_msg("kid %d is gone", (int)k->pid);
	assert_int_equal(sscanf(line, "%08x", &hr), 1);
	snprintf(k->text, sizeof(k->text), "%.*s", (int)strcspn(line + 9, "\n"),
		 line + 9);
	return (HRESULT)hr;
}

static HRESULT does(struct kid *k, const char *line)
{
	tell(k, line);
	return hear(k);
}

#define kid_ok(k, line)                                                        \
	do {                                                                   \
		HRESULT hr_ = does(k, line);                                   \
		if (hr_ != S_OK)                                               \
			fail_msg("%s: %08x %s", line, (unsigned)hr_,           \
				 (k)->text);                                   \
	} while (0)

static bool has_answered(struct kid *k)
{
	struct pollfd p = {.fd = k->fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static struct kid kid_ready(struct site *t, const char *budget)
{
	struct kid k = kid_start(t);

	if (budget)
		kid_ok(&k, budget);
	kid_ok(&k, "init\n");
	return k;
}

static void kid_end(struct kid *k)
{
	int st = -1;

	shutdown(k->fd, SHUT_WR);
	assert_int_equal(waitpid(k->pid, &st, 0), k->pid);
	assert_int_equal(st, 0);
	fclose(k->in);
}

static void kid_kill(struct kid *k)
{
	assert_int_equal(kill(k->pid, SIGKILL), 0);
	assert_int_equal(waitpid(k->pid, NULL, 0), k->pid);
	fclose(k->in);
}

static void assert_says(const struct kid *k, const char *part)
{
	if (!strstr(k->text, part))
		fail_msg("'%s' is not in: %s", part, k->text);
}

/* ---- Sessions ---------------------------------------------------------- */

/* Which of the first n kids' answers comes first; none has been heard yet. */
static int first_to_answer(struct kid *k, int n)
{
	struct pollfd p[4];

	for (int i = 0; i < n; i++)
		p[i] = (struct pollfd){.fd = k[i].fd, .events = POLLIN};
	assert_true(poll(p, (nfds_t)n, -1) > 0);
	for (int i = 0; i < n; i++)
		if (p[i].revents)
			return i;
	return -1;
}

/* A place comes free: k[0] is the first of n in line.  False: it was passed by,
 * as a process is that does not move for a second; on a machine that makes it
 * stand still that says nothing. */
static bool first_gets_it(struct kid *k, int n, mx_mono since)
{
	if (first_to_answer(k, n) == 0) {
		assert_int_equal(hear(&k[0]), S_OK);
		return true;
	}
	if ((mx_mono_now().ns - since.ns) / MX_NS_PER_MS < 900)
		fail_msg("a place went out of order");
	return false;
}

/* a has two places, k[0] to k[2] want one each. */
static bool take_turns(struct site *t, struct kid *a, struct kid k[3])
{
	mx_mono since;

	for (unsigned i = 0; i < 3; i++) {
		tell(&k[i], "open 0 100000\n");
		until_waiting(t, i + 1);
	}
	assert_int_equal(contexts(t), 2);
	since = mx_mono_now();
	kid_ok(a, "close\n");
	if (!first_gets_it(k, 3, since))
		return false;
	until_waiting(t, 2);
	assert_false(has_answered(&k[1]));
	since = mx_mono_now();
	kid_ok(&k[0], "close\n");
	if (!first_gets_it(k + 1, 2, since))
		return false;
	until_waiting(t, 1);
	assert_false(has_answered(&k[2]));
	kid_kill(a); /* its place goes on, too */
	assert_int_equal(hear(&k[2]), S_OK);
	return true;
}

static bool places_go_in_order(void)
{
	struct site *t = site_new(&(struct mx_server_params){0});
	struct kid a = kid_ready(t, "budget 2 0\n"), k[3];
	bool done;

	kid_ok(&a, "open 0 100000\n");
	kid_ok(&a, "open 0 100000\n");
	for (int i = 0; i < 3; i++)
		k[i] = kid_ready(t, "budget 2 0\n");
	done = take_turns(t, &a, k);
	if (!done)
		kid_kill(&a);
	for (int i = 0; i < 3; i++)
		if (done)
			kid_end(&k[i]);
		else
			kid_kill(&k[i]);
	site_stop(t);
	assert_int_equal(refused(t, 0), 0); /* never too many */
	site_free(t);
	return done;
}

/* The budget of the account holds over processes; places go in the order of
 * arrival, whoever gives one back. */
static void test_places_go_in_order_over_processes(void **state)
{
	while (!places_go_in_order())
		;
}

static void test_over_budget_is_an_error_that_names_the_holders(void **state)
{
	struct site *t = site_new(&(struct mx_server_params){0});
	struct kid a = kid_ready(t, "budget 2 0\n");
	struct kid b = kid_ready(t, "budget 2 0\n");
	char want[64];

	kid_ok(&a, "open 0 100000\n");
	kid_ok(&a, "open 0 100000\n");
	assert_int_equal(does(&b, "open 0 " SHORT), MAPI_E_SESSION_LIMIT);
	snprintf(want, sizeof(want), "held by process %d (2)", (int)a.pid);
	assert_says(&b, want);
	assert_says(&b, "u0");
	assert_says(&b, "2 of 2 sessions");
	assert_says(&b, "127.0.0.1:");
	/* Another user, and this one once there is room */
	kid_ok(&b, "open 1 100000\n");
	kid_ok(&a, "close\n");
	kid_ok(&b, "open 0 100000\n");
	kid_end(&a);
	kid_end(&b);
	site_free(t);
}

/* B17, B19: the server's own limit, met in another process, is believed; only
 * that user waits, and a place that it gives back is taken up. */
static void test_a_refusal_slows_only_that_user(void **state)
{
	struct site *t =
		site_new(&(struct mx_server_params){.max_contexts = 2});
	struct kid a = kid_ready(t, NULL), b = kid_ready(t, NULL);
	struct kid c = kid_ready(t, NULL);
	mx_mono begin = mx_mono_now();
	int64_t s;

	kid_ok(&a, "open 0 100000\n");
	kid_ok(&a, "open 0 100000\n");
	tell(&b, "open 0 100000\n");
	until_waiting(t, 1);
	/* A third process knows without asking. */
	assert_int_equal(does(&c, "open 0 " SHORT), MAPI_E_SESSION_LIMIT);
	assert_says(&c, "wait ahead");
	kid_ok(&c, "open 1 100000\n");
	kid_ok(&c, "ask 100000\n");
	assert_false(has_answered(&b));
	kid_ok(&a, "close\n");
	assert_int_equal(hear(&b), S_OK);
	kid_ok(&b, "ask 100000\n");
	assert_int_equal(contexts(t), 3);
	kid_end(&a);
	kid_end(&b);
	kid_end(&c);
	site_stop(t);
	/* The first in line asked once, and again every five seconds. */
	s = (mx_mono_now().ns - begin.ns) / MX_NS_PER_S;
	assert_in_range(refused(t, 0), 1, 1 + (unsigned)s / 5);
	assert_int_equal(refused(t, 1), 0);
	site_free(t);
}

/* Somebody else has all of this user's sessions: none of ours could be given
 * back, so the server is asked again after a while. */
static void test_a_server_full_of_strangers_is_asked_again(void **state)
{
	struct site *t =
		site_new(&(struct mx_server_params){.max_contexts = 1});
	struct kid a = kid_ready(t, NULL), b;
	char other[320];

	kid_ok(&a, "open 0 100000\n");
	snprintf(other, sizeof(other), "%s-other", t->segment);
	setenv("MAPIARY_SEGMENT", other, 1);
	b = kid_ready(t, NULL);
	assert_int_equal(does(&b, "open 0 " SHORT), MAPI_E_SESSION_LIMIT);
	tell(&b, "open 0 100000\n");
	kid_ok(&a, "close\n");
	assert_int_equal(hear(&b), S_OK);
	kid_end(&a);
	kid_end(&b);
	site_free(t);
}

/* ---- Pauses ------------------------------------------------------------ */

/* B19.  One process is told, all processes of the account keep to it, for that
 * user; the others, and he on the other side of it, go on. */
static void pause_case(enum mx_refusal how)
{
	struct site *t = site_new(&(struct mx_server_params){0});
	struct kid a = kid_ready(t, NULL), b = kid_ready(t, NULL);

	kid_ok(&a, "open 0 100000\n");
	kid_ok(&b, "open 0 100000\n");
	kid_ok(&b, "open 1 100000\n");
	mx_server_throttle(t->srv, 1, how, 10 * LONG_MS); /* u0 has id 1 */
	assert_int_equal(does(&a, "ask 100000\n"), MAPI_E_BUSY);
	/* In the other process nothing is even sent */
	kid_ok(&b, "ask 100000\n"); /* u1 */
	kid_ok(&b, "close\n");
	assert_int_equal(does(&b, "ask 100000\n"), MAPI_E_BUSY); /* u0 */
	assert_says(&b, "pause");
	assert_int_equal(does(&b, "open 0 100000\n"), MAPI_E_BUSY);
	assert_says(&b, "asked this user to wait");
	kid_ok(&b, "open 1 100000\n");
	kid_end(&a);
	kid_end(&b);
	site_stop(t);
	assert_int_equal(refused(t, 0), 1);
	assert_int_equal(refused(t, 1), 0);
	site_free(t);
}

static void test_429_pauses_that_user_in_all_processes(void **state)
{
	pause_case(MX_REFUSE_429);
}

static void test_503_pauses_that_user_in_all_processes(void **state)
{
	pause_case(MX_REFUSE_503);
}

/* MS-OXCROPS R4512, R4514, R4515, R4541. */
static void test_rop_backoff_pauses_that_user_in_all_processes(void **state)
{
	pause_case(MX_REFUSE_BACKOFF);
}

/* A user for each kind.  False when a pause was over before it was met. */
static bool pauses_end(void)
{
	static const enum mx_refusal how[] = {MX_REFUSE_429, MX_REFUSE_503,
					      MX_REFUSE_BACKOFF};
	static const char *const open[] = {"open 0 100000\n", "open 1 100000\n",
					   "open 2 100000\n"};
	struct site *t = site_new(&(struct mx_server_params){0});
	struct kid k[3];
	bool met = true;

	for (unsigned i = 0; i < 3; i++) {
		k[i] = kid_ready(t, NULL);
		kid_ok(&k[i], open[i]);
	}
	for (unsigned i = 0; i < 3; i++) {
		mx_server_throttle(t->srv, i + 1, how[i], 1000);
		tell(&k[i], "ask 100000\n");
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(hear(&k[i]), S_OK);
		kid_ok(&k[i], open[i]);
		kid_end(&k[i]);
	}
	site_stop(t);
	for (unsigned i = 0; i < 3; i++)
		met = met && refused(t, i) > 0;
	site_free(t);
	return met;
}

/* When the pause is over, what waited goes through; nothing is lost. */
static void test_what_a_pause_holds_up_goes_on_after_it(void **state)
{
	while (!pauses_end())
		;
}

/* Natural ones: more than so many a second, and one at a time for all. */
static void test_a_rate_is_kept_to(void **state)
{
	struct site *t = site_new(&(struct mx_server_params){.max_rate = 4});
	struct kid a = kid_ready(t, NULL);

	kid_ok(&a, "open 0 100000\n");
	for (int i = 0; i < 6; i++)
		kid_ok(&a, "ask 100000\n");
	kid_end(&a);
	site_stop(t);
	assert_true(refused(t, 0) > 0);
	site_free(t);
}

/* ---- B17 --------------------------------------------------------------- */

/* A client killed while connected leaves its session context on the server; the
 * next one sends the old cookies with Connect, and the server drops it.
 * MS-OXCMAPIHTTP R1195, R1277. */
static void test_a_killed_client_does_not_use_up_the_server(void **state)
{
	struct site *t =
		site_new(&(struct mx_server_params){.max_contexts = 4});

	for (int i = 0; i < N_KILLS; i++) {
		struct kid k = kid_ready(t, NULL);

		kid_ok(&k, "open 0 100000\n");
		if (i % 2)
			kid_ok(&k, "park\n");
		if (i % 3 == 2)
			kid_ok(&k, "open 0 100000\n");
		kid_kill(&k);
		assert_in_range(contexts(t), 1, 4);
	}
	site_stop(t);
	assert_int_equal(refused(t, 0), 0);
	site_free(t);
}

/* … all of them at once, and more than the server takes. */
static void test_many_killed_at_once_leave_room(void **state)
{
	struct site *t =
		site_new(&(struct mx_server_params){.max_contexts = 4});
	struct kid k[4];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 4; i++)
			k[i] = kid_ready(t, NULL);
		for (int i = 0; i < 4; i++)
			kid_ok(&k[i], "open 0 100000\n");
		for (int i = 0; i < 4; i++)
			kid_kill(&k[i]);
	}
	assert_int_equal(contexts(t), 4);
	site_stop(t);
	assert_int_equal(refused(t, 0), 0);
	site_free(t);
}

/* What waits for the disk says nothing here. */
static void stay_off_the_disk(void)
{
	struct statvfs fs;

	if (!getenv("TMPDIR") && !statvfs("/dev/shm", &fs) &&
	    (uint64_t)fs.f_bavail * fs.f_frsize > UINT64_C(1) << 30)
		setenv("TMPDIR", "/dev/shm", 1);
}

int main(int argc, char **argv)
{
	static const struct mx_test tests[] = {
		MX_TEST(test_places_go_in_order_over_processes),
		MX_TEST(test_over_budget_is_an_error_that_names_the_holders),
		MX_TEST(test_a_refusal_slows_only_that_user),
		MX_TEST(test_a_server_full_of_strangers_is_asked_again),
		MX_TEST(test_429_pauses_that_user_in_all_processes),
		MX_TEST(test_503_pauses_that_user_in_all_processes),
		MX_TEST(test_rop_backoff_pauses_that_user_in_all_processes),
		MX_TEST(test_what_a_pause_holds_up_goes_on_after_it),
		MX_TEST(test_a_rate_is_kept_to),
		MX_TEST_IN(test_a_killed_client_does_not_use_up_the_server,
			   120),
		MX_TEST(test_many_killed_at_once_leave_room),
	};

	if (argc > 2 && !strcmp(argv[1], "--kid"))
		return kid_main(argv[2]);
	stay_off_the_disk();
	return mx_test_run(tests, MX_ARRAY_SIZE(tests), argc, argv);
}
