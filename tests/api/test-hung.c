/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That `mapiary repro` would say so if our lists hung: its own cycles and its
 * own last line (src/cli/repro-held.c, repro-report.c), against a server that a
 * front makes forget one thing.  What ends by its deadline while the server
 * answers a fresh logon counts as hung and fails the run; with a server that
 * does not answer it is an error; with a server that forgets nothing it is
 * neither.
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/repro.h"
#include "front.h"
#include "world.h"

/* --- What the front does ------------------------------------------------- */

struct faults {
	bool deaf;    /* the registration asks for something else */
	bool swallow; /* the request that carries the message's subject */
	bool refuse;  /* every request after that one */
	atomic_uint done;
};

/* RopRegisterNotification (0x29; logon, input, output) of the whole store for
 * what is created (4): the server is asked for what is deleted (8), and so never
 * tells. [MS-OXCNOTIF] 2.2.1.2.1. */
static bool make_deaf(struct front_request *rq)
{
	for (size_t i = 0; i + 7 <= rq->n_body; i++) {
		unsigned char *p = rq->body + i;

		if (p[0] == 0x29 && p[4] == 4 && !p[5] && p[6] == 1) {
			p[4] = 8;
			return true;
		}
	}
	return false;
}

static bool carries_the_message(const struct front_request *rq)
{
	static const char subject[] = "r\0e\0p\0r\0o";

	return memmem(rq->body, rq->n_body, subject, sizeof(subject)) != NULL;
}

static enum front_way take(void *arg, struct front_request *rq)
{
	struct faults *f = arg;

	if (f->deaf && make_deaf(rq))
		atomic_fetch_add(&f->done, 1);
	if (f->refuse && atomic_load(&f->done))
		return FRONT_REFUSE;
	if (!f->swallow || !carries_the_message(rq) ||
	    atomic_fetch_add(&f->done, 1))
		return FRONT_PASS;
	return FRONT_SWALLOW;
}

/* --- One run ------------------------------------------------------------- */

static int reported(struct repro *r, char *line, size_t n)
{
	char path[300];
	int was = dup(STDOUT_FILENO), status, fd;
	ssize_t got;

	snprintf(path, sizeof(path), "%s/report", mx_test_dir());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(was >= 0 && fd >= 0);
	fflush(stdout);
	assert_true(dup2(fd, STDOUT_FILENO) >= 0);
	status = repro_report(r);
	assert_true(dup2(was, STDOUT_FILENO) >= 0);
	got = pread(fd, line, n - 1, 0);
	assert_true(got > 0);
	line[got] = '\0';
	close(was);
	close(fd);
	return status;
}

/* One cycle of one user with these deadlines; its status and what it counted
 * must be as given. */
static void run(struct faults *f, struct demo_opt opt, unsigned hung,
		unsigned errors, int status)
{
	struct world *w = world_new(1);
	struct front *front =
		front_new(mx_server_port(world_server(w)), take, f);
	static struct repro r;
	char line[200], want[200];

	r = (struct repro){
		.n_users = 1, .threads = 1, .cycles = 1, .talk = stdout};
	r.d.opt = opt;
	r.d.opt.users = r.d.opt.threads = r.d.opt.rounds = 1;
	r.d.url = front_url(front);
	mx_arena_init(&r.d.arena);
	r.d.workers = mx_arena_newv(&r.d.arena, struct demo_worker, 1);
	r.d.users = mx_arena_newv(&r.d.arena, struct demo_user, 1);
	assert_non_null(r.d.workers);
	assert_non_null(r.d.users);
	pthread_mutex_init(&r.d.users[0].lock, NULL);
	r.d.users[0].name = r.d.users[0].display = "u0";
	r.d.users[0].password = "secret-0";
	r.d.users[0].smtp = "u0@mapiary.test";
	r.d.users[0].dn = world_dn(w, 0);
	/* as demo.c has it; 0 would leave it as it is */
	ok(MapiarySetDeadlines(NULL, (opt.idle_s ? opt.idle_s : 60) * 1000, 0));

	assert_int_equal(demo_users_open(&r.d), 0);
	assert_int_equal(repro_held(&r), 0);
	demo_users_close(&r.d);
	world_uninitialize(w);
	repro_held_end(&r);
	assert_int_equal(atomic_load(&r.d.errors), errors);
	assert_int_equal(reported(&r, line, sizeof(line)), status);
	snprintf(want, sizeof(want),
		 "repro: policy held, 1 users, 1 threads, 1 cycles, %u hung\n",
		 hung);
	assert_string_equal(line, want);
	mx_arena_fini(&r.d.arena);
	front_free(front);
	world_free(w);
}

/* --- Cases --------------------------------------------------------------- */

static void test_a_cycle_that_is_told_does_not_count(void **state)
{
	struct faults none = {0};

	run(&none, (struct demo_opt){.wait_s = 60, .hang_s = 60}, 0, 0,
	    MX_EXIT_OK);
}

static void test_a_notification_that_never_comes_counts_as_hung(void **state)
{
	struct faults f = {.deaf = true};

	run(&f, (struct demo_opt){.wait_s = 5, .hang_s = 60}, 1, 0,
	    MX_EXIT_FAILED);
	assert_int_equal(atomic_load(&f.done), 1);
}

static void test_a_call_that_ends_by_its_deadline_counts_as_hung(void **state)
{
	struct faults f = {.swallow = true};

	run(&f, (struct demo_opt){.wait_s = 60, .hang_s = 60, .idle_s = 5}, 1,
	    0, MX_EXIT_FAILED);
	assert_true(atomic_load(&f.done) > 0);
}

static void test_a_call_that_does_not_end_is_found_by_the_watch(void **state)
{
	struct faults f = {.swallow = true};

	run(&f, (struct demo_opt){.wait_s = 60, .hang_s = 5}, 1, 0,
	    MX_EXIT_FAILED);
	assert_true(atomic_load(&f.done) > 0);
}

static void test_a_server_that_takes_no_logon_is_an_error(void **state)
{
	struct faults f = {.swallow = true, .refuse = true};

	run(&f, (struct demo_opt){.wait_s = 60, .hang_s = 60, .idle_s = 5}, 0,
	    1, MX_EXIT_FAILED);
	assert_true(atomic_load(&f.done) > 0);
}

MX_TEST_MAIN(MX_TEST(test_a_cycle_that_is_told_does_not_count),
	     MX_TEST(test_a_notification_that_never_comes_counts_as_hung),
	     MX_TEST(test_a_call_that_ends_by_its_deadline_counts_as_hung),
	     MX_TEST(test_a_call_that_does_not_end_is_found_by_the_watch),
	     MX_TEST(test_a_server_that_takes_no_logon_is_an_error))
