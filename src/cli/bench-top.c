/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What looking costs.  `top`: one refresh of 16,384 lists with a connection
 * each, from the picture to the screen as text, against a memcpy of those list
 * and connection slots; between two refreshes one connection in 16 does
 * something.  `top-load`: what a process that joins and leaves notices of a top
 * that looks ten times a second.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/bench-lists.h"
#include "cli/cli.h"
#include "connlist/clist.h"
#include "connlist/conn.h"
#include "connlist/snapshot.h"
#include "tui/model.h"

/* Sizes of the records, doc/formats/shared-memory.md. */
#define LIST_BYTES 256u
#define CONN_BYTES 576u
#define SLOT_BYTES ((size_t)BENCH_LISTS * (LIST_BYTES + CONN_BYTES))
#define N_REFRESH 5
#define N_CHANGED (BENCH_LISTS / 16)

struct viewer {
	struct mx_snap_src *src;
	struct mx_snap snap;
	struct mx_top top;
	struct mx_screen screen;
};

struct bench_top {
	struct bench_lists l;
	struct viewer v;
	char *from, *to;
	struct mx_conn **conns; /* those that change */
};

/* --- One refresh -------------------------------------------------------- */

static bool refresh(struct viewer *v)
{
	return !mx_snap_take(v->src, &v->snap) &&
	       !mx_top_take(&v->top, &v->snap) &&
	       !mx_top_draw(&v->top, &v->screen, 50, 132, "12:00:00", false);
}

static bool viewer_open(struct viewer *v, const char *path)
{
	struct mx_fault f = MX_FAULT_INIT;

	*v = (struct viewer){.snap = MX_SNAP_INIT, .screen = MX_SCREEN_INIT};
	mx_top_init(&v->top);
	if (mx_snap_open(path, &v->src, &f)) {
		mx_cli_fail("bench", "%s", f.text);
		return false;
	}
	return true;
}

static void viewer_close(struct viewer *v)
{
	mx_top_fini(&v->top);
	mx_screen_fini(&v->screen);
	mx_snap_fini(&v->snap);
	mx_snap_close(v->src);
}

static void change_some(struct bench_top *t)
{
	const struct mx_op_result r = {
		.round_trips = 1, .bytes_out = 500, .bytes_in = 800};

	for (uint32_t i = 0; i < N_CHANGED; i++) {
		mx_conn_op_begin(t->conns[i], MX_OP_CALL, "Execute", "answer",
				 MX_MONO_NEVER);
		if (i % 2)
			mx_conn_op_end(t->conns[i], MX_OP_CALL, &r);
	}
}

static double refreshes(void *arg)
{
	struct bench_top *t = arg;
	double sum = 0;

	for (int i = 0; i < N_REFRESH; i++) {
		double begin;

		change_some(t);
		begin = bench_cpu_s();
		if (!refresh(&t->v)) {
			mx_cli_fail("bench", "a refresh failed");
			return -1;
		}
		sum += bench_cpu_s() - begin;
	}
	return sum;
}

static double copies(void *arg)
{
	struct bench_top *t = arg;
	double begin = bench_cpu_s();

	for (int i = 0; i < N_REFRESH; i++) {
		memcpy(t->to, t->from, SLOT_BYTES);
		__asm__ volatile("" : : "r"(t->to) : "memory");
	}
	return bench_cpu_s() - begin;
}

/* Connections of this process on lists of the other's. */
static int open_conns(struct bench_top *t)
{
	struct mx_conn_params p = {.server = "mail.example:443"};
	struct mx_fault f = MX_FAULT_INIT;

	for (uint32_t i = 0; i < N_CHANGED; i++) {
		struct mx_clist *cl = bench_lists_join(t->l.reg, i * 16);
		int err = cl ? mx_conn_open(cl, &p, &t->conns[i], &f) : -ENOENT;

		mx_clist_leave(cl);
		if (err)
			return mx_cli_fail("bench", "connection: %s", f.text);
	}
	return 0;
}

int bench_top(struct bench *b)
{
	struct bench_line line = {
		.name = "top",
		.what = "one refresh of top with 16,384 lists / memcpy of "
			"their slots",
		.unit = "ms",
		.limit = 10,
	};
	struct bench_top t = {0};
	int r = bench_lists_open(&t.l);

	t.from = malloc(SLOT_BYTES);
	t.to = malloc(SLOT_BYTES);
	t.conns = calloc(N_CHANGED, sizeof(struct mx_conn *));
	if (!t.from || !t.to || !t.conns)
		r = -1;
	if (!r && !viewer_open(&t.v, t.l.path))
		r = -1;
	if (!r)
		r = open_conns(&t);
	if (!r) {
		memset(t.from, 1, SLOT_BYTES);
		memset(t.to, 2, SLOT_BYTES);
		r = bench_compare(refreshes, copies, &t, N_REFRESH / 1e3,
				  &line);
	}
	for (uint32_t i = 0; t.conns && i < N_CHANGED; i++)
		mx_conn_close(t.conns[i], MX_CONN_ENDED);
	viewer_close(&t.v);
	free(t.from);
	free(t.to);
	free(t.conns);
	bench_lists_close(&t.l);
	if (!r)
		bench_add(b, &line);
	return r ? -1 : 0;
}

/* --- What the others notice --------------------------------------------- */

/* A process that looks ten times a second while `on` is shared as true. */
static void look_on(const char *path, int go)
{
	struct timespec step = {.tv_nsec = 100 * MX_NS_PER_MS};
	struct viewer v;
	char on = 0;

	if (!viewer_open(&v, path))
		_exit(1);
	/* One byte for each change: 1 look, 0 rest; the end of the pipe. */
	for (;;) {
		struct timeval none = {0};
		fd_set set;

		FD_ZERO(&set);
		FD_SET(go, &set);
		if (select(go + 1, &set, NULL, NULL, on ? &none : NULL) > 0 &&
		    read(go, &on, 1) != 1)
			_exit(0);
		if (!on)
			continue;
		if (!refresh(&v))
			_exit(1);
		nanosleep(&step, NULL);
	}
}

struct load {
	struct bench_lists l;
	pid_t pid;
	int go;
};

static bool set_looking(struct load *o, char on)
{
	return write(o->go, &on, 1) == 1;
}

/* Half a second and more, so that it is looked at some times. */
#define LOAD_PAIRS 10

static double pairs(struct load *o, char on)
{
	double sum = 0;

	if (!set_looking(o, on))
		return -1;
	for (int i = 0; i < LOAD_PAIRS && sum >= 0; i++) {
		double s = bench_lists_pairs(&o->l);

		sum = s < 0 ? -1 : sum + s;
	}
	return set_looking(o, 0) ? sum : -1;
}

static double looked_at(void *arg)
{
	return pairs(arg, 1);
}

static double left_alone(void *arg)
{
	return pairs(arg, 0);
}

static int start_looker(struct load *o)
{
	pid_t parent = getpid();
	int fds[2];

	if (pipe(fds))
		return -errno;
	o->pid = fork();
	if (o->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		close(fds[1]);
		look_on(o->l.path, fds[0]);
	}
	close(fds[0]);
	o->go = fds[1];
	return o->pid < 0 ? -errno : 0;
}

int bench_top_load(struct bench *b)
{
	struct bench_line line = {
		.name = "top-load",
		.what = "joining and leaving while top looks ten times a "
			"second / alone",
		.unit = "ns a pair",
		.limit = 1.1, /* what a busy machine blurs */
	};
	struct load o = {.go = -1};
	int r = bench_lists_open(&o.l);

	if (!r)
		r = start_looker(&o);
	if (!r)
		r = bench_compare(looked_at, left_alone, &o,
				  LOAD_PAIRS * BENCH_PAIRS / 1e9, &line);
	if (o.go >= 0)
		close(o.go);
	if (o.pid > 0)
		waitpid(o.pid, NULL, 0);
	bench_lists_close(&o.l);
	if (!r)
		bench_add(b, &line);
	return r ? -1 : 0;
}
