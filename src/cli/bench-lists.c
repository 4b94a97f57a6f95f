/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a connection list costs, and what looking at lists costs.  A process of
 * its own holds 16,384 lists in a scratch segment, with a connection each; this
 * one joins and leaves lists drawn at random, so that each time the shared slot
 * is really taken and given back, against a bare robust process-shared mutex.
 *
 * Blocks are timed in CPU time of the thread: the work does not wait, and other
 * programs on the machine do not count.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/bench-lists.h"
#include "cli/cli.h"
#include "connlist/clist.h"
#include "connlist/conn.h"

/* --- The process that holds the lists ----------------------------------- */

static void sid_of(uint32_t i, struct mx_sid *ret)
{
	*ret = (struct mx_sid){.authority = 5,
			       .n_subs = 5,
			       .sub = {21, 1393525836, 3104307492, 324768891,
				       1000 + i}};
}

struct mx_clist *bench_lists_join(struct mx_reg *reg, uint32_t i)
{
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_clist *cl = NULL;
	struct mx_sid sid;
	char name[24];

	sid_of(i, &sid);
	snprintf(name, sizeof(name), "user%u", i);
	if (mx_clist_join(reg, &sid, name, &cl, &f))
		mx_cli_fail("bench", "join list %u: %s", i, f.text);
	return cl;
}

static bool hold_all(struct mx_reg *reg)
{
	struct mx_conn_params p = {.server = "mail.example:443"};
	struct mx_fault f = MX_FAULT_INIT;

	for (uint32_t i = 0; i < BENCH_LISTS; i++) {
		struct mx_clist *cl = bench_lists_join(reg, i);
		struct mx_conn *k = NULL;

		if (!cl)
			return false;
		if (mx_conn_open(cl, &p, &k, &f)) {
			mx_cli_fail("bench", "connection %u: %s", i, f.text);
			return false;
		}
		mx_conn_op_begin(k, MX_OP_PARKED, "NotificationWait", "PENDING",
				 MX_MONO_NEVER);
	}
	return true;
}

/* Says that it is ready, then waits for the end of its parent's pipe. */
static void holder(const char *path, int ready, int end)
{
	const struct mx_reg_params p = {
		.path = path, .name = "bench-holder", .n_lists = BENCH_LISTS};
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_reg *reg = NULL;
	char c = 'r';

	if (mx_reg_open(&p, &reg, &f)) {
		mx_cli_fail("bench", "%s", f.text);
		_exit(1);
	}
	if (!hold_all(reg) || write(ready, &c, 1) != 1)
		_exit(1);
	while (read(end, &c, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

static int start_holder(struct bench_lists *l)
{
	pid_t parent = getpid();
	int ready[2], end[2];
	char c;
	ssize_t n;

	if (pipe(ready) || pipe(end))
		return -errno;
	l->holder = fork();
	if (l->holder == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		close(ready[0]);
		close(end[1]);
		holder(l->path, ready[1], end[0]);
	}
	close(ready[1]);
	close(end[0]);
	l->end = end[1];
	n = l->holder < 0 ? -1 : read(ready[0], &c, 1);
	close(ready[0]);
	return n == 1 ? 0 : -ECHILD;
}

/* --- Joining and leaving against a mutex -------------------------------- */

static pthread_mutex_t *robust_mutex(void)
{
	pthread_mutexattr_t a;
	pthread_mutex_t *m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return NULL;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(m, &a);
	pthread_mutexattr_destroy(&a);
	return m;
}

double bench_lists_pairs(void *arg)
{
	struct bench_lists *l = arg;
	double begin = bench_cpu_s();

	for (uint32_t i = 0; i < BENCH_PAIRS; i++) {
		struct mx_clist *cl = NULL;
		struct mx_sid sid;

		l->seed = l->seed * 1664525u + 1013904223u;
		sid_of(l->seed >> 18, &sid);
		if (mx_clist_join(l->reg, &sid, "bench", &cl, NULL)) {
			mx_cli_fail("bench", "cannot join a list");
			return -1;
		}
		mx_clist_leave(cl);
	}
	return bench_cpu_s() - begin;
}

static double mutex_pairs(void *arg)
{
	struct bench_lists *l = arg;
	double begin = bench_cpu_s();

	for (uint32_t i = 0; i < BENCH_PAIRS; i++) {
		pthread_mutex_lock(l->mutex);
		pthread_mutex_unlock(l->mutex);
	}
	return bench_cpu_s() - begin;
}

/* --- The parts together ------------------------------------------------- */

int bench_lists_open(struct bench_lists *l)
{
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_reg_params p = {.path = l->path, .name = "bench"};
	int err;

	_Static_assert(BENCH_LISTS == 1u << 14, "bench_lists_pairs() draws");
	*l = (struct bench_lists){.end = -1, .seed = 1};
	snprintf(l->path, sizeof(l->path), "/dev/shm/mapiary-bench-%d",
		 (int)getpid());
	l->mutex = robust_mutex();
	if (!l->mutex)
		return -1;
	err = start_holder(l);
	if (!err)
		err = mx_reg_open(&p, &l->reg, &f);
	if (err)
		mx_cli_fail("bench", "%s",
			    f.text[0] ? f.text : "no process holds lists");
	return err ? -1 : 0;
}

void bench_lists_close(struct bench_lists *l)
{
	mx_reg_close(l->reg);
	if (l->end >= 0)
		close(l->end);
	if (l->holder > 0)
		waitpid(l->holder, NULL, 0);
	unlink(l->path);
	if (l->mutex)
		munmap(l->mutex, sizeof(*l->mutex));
}

int bench_lists(struct bench *b)
{
	struct bench_line line = {
		.name = "lists",
		.what = "joining and leaving one of 16,384 lists / a bare "
			"robust mutex",
		.unit = "ns a pair",
		.limit = 10,
	};
	struct bench_lists l;
	int r = bench_lists_open(&l);

	if (!r)
		r = bench_compare(bench_lists_pairs, mutex_pairs, &l,
				  BENCH_PAIRS / 1e9, &line);
	bench_lists_close(&l);
	if (!r)
		bench_add(b, &line);
	return r;
}
