/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks alternate: all eight servers well, and four of them wrong.  The users
 * of the four others do the same all the time; compared are their latencies in
 * the two kinds of blocks, and the number of threads.  All of it happens in a
 * child, in a network of its own.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "cli/cli.h"
#include "cli/gate.h"
#include "cli/isolation.h"
#include "cli/netns.h"

/* What the child found. */
struct found {
	double p50[2][ISO_N_KINDS], p99[2][ISO_N_KINDS]; /* us */
	unsigned threads[2];
};

static const char *const ways[ISO_SERVERS - ISO_GOOD] = {
	"silent", "refusing", "slow", "never answering"};

static unsigned count_threads(void)
{
	char line[128];
	unsigned n = 0;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Threads: %u", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* ---- One block ---- */

static int set_gates(struct iso *iso, bool wrong)
{
	static const enum gate_mode modes[ISO_SERVERS - ISO_GOOD] = {
		GATE_SILENT, GATE_REFUSE, GATE_SLOW, GATE_SILENT};
	int r = 0;

	for (unsigned i = 0; !r && i < ISO_SERVERS - ISO_GOOD; i++)
		r = gate_set(iso->gates, i, wrong ? modes[i] : GATE_PASS);
	if (r)
		mx_cli_fail("bench", "the gates are gone");
	iso->wrong = wrong;
	return r;
}

/* The others start from a session that works, in either kind of block. */
static int renew_others(struct iso *iso)
{
	for (unsigned i = ISO_GOOD; i < ISO_SERVERS; i++) {
		iso_user_close(&iso->users[i]);
		if (!iso_user_open(&iso->users[i]))
			return -1;
		atomic_store(&iso->users[i].done, 0);
		atomic_store(&iso->users[i].failed, 0);
	}
	return 0;
}

static int start(struct iso *iso, unsigned from, unsigned to,
		 void *(*fn)(void *))
{
	for (unsigned i = from; i < to; i++)
		if (pthread_create(&iso->users[i].thread, NULL, fn,
				   &iso->users[i])) {
			/* Those that run would never be joined. */
			mx_cli_fail("bench", "no thread");
			_exit(MX_EXIT_FAILED);
		}
	return 0;
}

static bool join(struct iso *iso, unsigned from, unsigned to)
{
	bool ok = true;

	for (unsigned i = from; i < to; i++) {
		void *bad;

		pthread_join(iso->users[i].thread, &bad);
		ok = ok && !bad;
	}
	return ok;
}

/* A measured figure is one of this fault only if it was met. */
static int check_others(const struct iso *iso)
{
	for (unsigned i = ISO_GOOD; i < ISO_SERVERS; i++) {
		const struct iso_user *u = &iso->users[i];
		unsigned failed = atomic_load(&u->failed);
		bool slow = i - ISO_GOOD == 2;
		bool fails = iso->wrong && !slow;

		if (fails == (failed > 0))
			continue;
		mx_cli_fail("bench", "the %s server: %u failed, %u done, %s",
			    iso->wrong ? ways[i - ISO_GOOD] : "well", failed,
			    atomic_load(&u->done),
			    iso->wrong ? "while it was so"
				       : "while nothing was wrong");
		return -1;
	}
	return 0;
}

static int block(struct iso *iso, bool wrong, struct found *found)
{
	const struct timespec pause = {.tv_nsec = MX_NS_PER_MS};
	unsigned threads;
	bool ok;

	if (set_gates(iso, false) || renew_others(iso) || set_gates(iso, wrong))
		return -1;
	atomic_store(&iso->stop, false);
	start(iso, ISO_GOOD, ISO_SERVERS, iso_other);
	start(iso, 0, ISO_GOOD, iso_measured);
	ok = join(iso, 0, ISO_GOOD);
	/* Long enough for each of the others to have met what there is. */
	for (unsigned i = ISO_GOOD; ok && i < ISO_SERVERS; i++)
		while (!atomic_load(&iso->users[i].failed) &&
		       atomic_load(&iso->users[i].done) < (wrong ? 8 : 1))
			nanosleep(&pause, NULL);
	threads = count_threads();
	if (threads > found->threads[wrong])
		found->threads[wrong] = threads;
	atomic_store(&iso->stop, true);
	for (unsigned i = ISO_GOOD; i < ISO_SERVERS; i++)
		MapiaryCancelThread(atomic_load(&iso->users[i].token));
	join(iso, ISO_GOOD, ISO_SERVERS);
	return ok ? check_others(iso) : -1;
}

/* ---- All of them ---- */

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Percentiles over all measured users. */
static int percentiles(const struct iso *iso, bool wrong, enum iso_kind kind,
		       struct found *found)
{
	MX_AUTO(mx_free_auto) int64_t *all = NULL;
	size_t n = 0;

	for (unsigned i = 0; i < ISO_GOOD; i++)
		n += iso->users[i].times[wrong][kind].n;
	all = malloc(n ? n * sizeof(*all) : 1);
	if (!all || !n)
		return -1;
	n = 0;
	for (unsigned i = 0; i < ISO_GOOD; i++) {
		const struct iso_times *t = &iso->users[i].times[wrong][kind];

		memcpy(all + n, t->v, t->n * sizeof(*all));
		n += t->n;
	}
	qsort(all, n, sizeof(*all), by_value);
	found->p50[wrong][kind] = (double)all[n / 2] / 1e3;
	found->p99[wrong][kind] = (double)all[n * 99 / 100] / 1e3;
	return 0;
}

static int measure(struct iso *iso, struct found *found)
{
	struct found warm = {0};
	int r = 0;

	for (unsigned i = 0; !r && i < ISO_GOOD; i++)
		r = iso_user_open(&iso->users[i]) ? 0 : -1;
	if (r || block(iso, false, &warm) || block(iso, true, &warm))
		return -1;
	for (unsigned i = 0; i < ISO_GOOD; i++)
		for (unsigned k = 0; k < ISO_N_KINDS; k++)
			iso->users[i].times[0][k].n =
				iso->users[i].times[1][k].n = 0;
	for (unsigned i = 0; !r && i < bench_blocks; i++) {
		iso->never = i % ISO_N_NEVER;
		r = block(iso, false, found);
		if (!r)
			r = block(iso, true, found);
	}
	for (unsigned wrong = 0; !r && wrong < 2; wrong++)
		for (unsigned k = 0; !r && k < ISO_N_KINDS; k++)
			r = percentiles(iso, wrong, k, found);
	return r;
}

/* ---- Servers and users ---- */

static int open_user(struct iso *iso, unsigned i, struct demo *d,
		     const char *url)
{
	struct iso_user *u = &iso->users[i];
	MAPIARY_USER_PARAMS who = {
		.cbSize = sizeof(who),
		.lpszSid = d->users[0].sid,
		.lpszLogin = d->users[0].name,
		.lpszPassword = d->users[0].password,
	};

	u->iso = iso;
	u->no = i;
	u->who = &d->users[0];
	u->url = url;
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->changed, NULL);
	return bench_ok("make a user", MapiaryCreateUser(&who, &u->ctx)) ? 0
									 : -1;
}

static int start_servers(struct demo *d)
{
	for (unsigned i = 0; i < ISO_SERVERS; i++) {
		mx_arena_init(&d[i].arena);
		d[i].opt.users = 1;
		if (demo_users_make(&d[i]) || demo_server_prepare(&d[i]) ||
		    demo_server_start(&d[i]))
			return -1;
	}
	return 0;
}

static uint16_t port_of(const char *url)
{
	const char *colon = strrchr(url, ':');

	return (uint16_t)strtoul(colon ? colon + 1 : "", NULL, 10);
}

static int with_gates(struct iso *iso, struct demo *d, struct found *found)
{
	static char urls[ISO_SERVERS - ISO_GOOD][64];
	MAPIINIT_0 init = {0, MAPI_MULTITHREAD_NOTIFICATIONS | MAPI_NT_SERVICE};
	int r = 0;

	if (!bench_ok("MAPIInitialize", MAPIInitialize(&init)))
		return -1;
	for (unsigned i = 0; i < ISO_SERVERS - ISO_GOOD; i++)
		snprintf(urls[i], sizeof(urls[i]), "http://127.0.0.1:%u",
			 gate_port(iso->gates, i));
	iso->silent_port = gate_port(iso->gates, ISO_SERVERS - ISO_GOOD - 1);
	iso->unanswered_port = gate_unanswered(iso->gates);
	for (unsigned i = 0; !r && i < ISO_SERVERS; i++)
		r = open_user(iso, i, &d[i],
			      i < ISO_GOOD ? d[i].url : urls[i - ISO_GOOD]);
	if (!r)
		r = measure(iso, found);
	for (unsigned i = 0; i < ISO_SERVERS; i++) {
		iso_user_close(&iso->users[i]);
		if (iso->users[i].ctx)
			MapiaryUserRelease(iso->users[i].ctx);
		for (unsigned k = 0; k < 2 * ISO_N_KINDS; k++)
			free(iso->users[i]
				     .times[k / ISO_N_KINDS][k % ISO_N_KINDS]
				     .v);
	}
	MAPIUninitialize();
	return r;
}

static int run(unsigned ops, struct found *found)
{
	static struct demo d[ISO_SERVERS];
	static struct iso iso;
	uint16_t behind[ISO_SERVERS - ISO_GOOD];
	int r;

	iso.ops = ops;
	r = start_servers(d);
	for (unsigned i = 0; !r && i < ISO_SERVERS - ISO_GOOD; i++)
		behind[i] = port_of(d[ISO_GOOD + i].url);
	if (!r) {
		iso.gates = gates_start(ISO_SERVERS - ISO_GOOD, behind);
		r = iso.gates ? with_gates(&iso, d, found) : -1;
	}
	gates_stop(iso.gates);
	for (unsigned i = 0; i < ISO_SERVERS; i++) {
		demo_server_stop(&d[i]);
		demo_server_clean(&d[i]);
		mx_arena_fini(&d[i].arena);
	}
	return r;
}

/* ---- The figures ---- */

static void add(struct bench *b, const char *name, const char *what,
		double wrong, double well, double limit)
{
	struct bench_line line = {
		.name = name,
		.what = what,
		.unit = "us",
		.ours = wrong,
		.floor = well,
		.limit = limit,
		.low = wrong,
		.high = wrong,
	};

	bench_add(b, &line);
}

static void add_all(struct bench *b, const struct found *f)
{
	add(b, "calls-p50", "call to a well server, 4 of 8 wrong / none wrong",
	    f->p50[1][ISO_CALL], f->p50[0][ISO_CALL], 1.1);
	add(b, "calls-p99", "the same, the slowest of a hundred",
	    f->p99[1][ISO_CALL], f->p99[0][ISO_CALL], 1.5);
	add(b, "news-p50", "change to notification, 4 of 8 wrong / none wrong",
	    f->p50[1][ISO_NEWS], f->p50[0][ISO_NEWS], 1.1);
	add(b, "news-p99", "the same, the slowest of a hundred",
	    f->p99[1][ISO_NEWS], f->p99[0][ISO_NEWS], 1.5);
	add(b, "isolation-threads",
	    "threads of the process, 4 of 8 wrong / none wrong", f->threads[1],
	    f->threads[0], 1.0);
	b->lines[b->n_lines - 1].unit = "threads";
}

int bench_isolation(struct bench *b)
{
	struct found found = {0};
	int fds[2], status = 0;
	ssize_t n = 0;
	pid_t pid;

	fflush(NULL);
	if (pipe(fds))
		return -1;
	pid = fork();
	if (pid == 0) {
		int r = mx_netns_enter();

		close(fds[0]);
		if (r)
			mx_cli_fail("bench", "no network of its own: %s",
				    strerror(-r));
		else
			r = run(b->ops, &found);
		if (!r)
			n = write(fds[1], &found, sizeof(found));
		exit(r || n != sizeof(found) ? MX_EXIT_FAILED : MX_EXIT_OK);
	}
	close(fds[1]);
	if (pid > 0) {
		n = read(fds[0], &found, sizeof(found));
		waitpid(pid, &status, 0);
	}
	close(fds[0]);
	if (pid < 0 || n != sizeof(found) || status)
		return -1;
	add_all(b, &found);
	return 0;
}
