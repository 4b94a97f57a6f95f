/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes that are stopped (SIGSTOP): they hold others up for a second at
 * most, and are named.
 */
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "base/clock.h"
#include "connlist/test-kids.h"
#include "connlist/test-story.h"

static void stop_here(void)
{
	raise(SIGSTOP);
}

/* Stops inside the lock of user 1's bucket. */
static int stops_inside(int fd)
{
	struct mx_reg *reg = NULL;
	struct mx_sid sid = mx_sid_unix(1);
	uint32_t bucket;

	if (attach(&reg))
		return 1;
	bucket = bucket_of(&reg->map, mx_sid_crc(&sid));
	if (bucket_lock(reg, bucket, NULL))
		return 2;
	mx_shm_step = stop_here;
	shm_put32(&reg->map.header->list_hint, 0);
	mx_shm_step = NULL;
	bucket_unlock(reg, bucket);
	says(fd, 'u');
	hears(fd, 'q');
	mx_reg_close(reg);
	return 0;
}

/* Others get a clear error that names it; who releases does not even wait; when
 * it goes on, so does everybody. */
static void test_a_stopped_process_is_named(void **state)
{
	struct mx_reg *reg = fresh();
	struct mx_clist *held = tu_join(reg, 1), *no = NULL;
	struct mx_sid sid = mx_sid_unix(1);
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_conn *k = NULL;
	char pid[32];
	struct kid kid;
	int st;

	assert_int_equal(open_conn(held, (mx_mono){0}, &k), 0);
	kid = kid_start(stops_inside);
	assert_int_equal(waitpid(kid.pid, &st, WUNTRACED), kid.pid);
	assert_true(WIFSTOPPED(st));
	assert_int_equal(mx_clist_join(reg, &sid, "", &no, &f), -EBUSY);
	snprintf(pid, sizeof(pid), "process %d", (int)kid.pid);
	assert_non_null(strstr(f.text, pid));
	mx_conn_close(k, MX_CONN_ENDED); /* leaves the work to the holder */
	mx_clist_leave(held);
	assert_int_equal(tu_claims(reg->map.list_claims, 64), 1);
	assert_int_equal(kill(kid.pid, SIGCONT), 0);
	assert_true(hears(kid.fd, 'u'));
	assert_int_equal(tu_claims(reg->map.conn_claims, 256), 0);
	assert_int_equal(tu_claims(reg->map.list_claims, 64), 0); /* done */
	says(kid.fd, 'q');
	assert_int_equal(kid_wait(&kid), 0);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* Waits in line for a place; says when it has it. */
static int in_line(int fd)
{
	struct mx_sid sid = mx_sid_unix(1);
	struct mx_clist *cl = NULL;
	struct mx_conn *k = NULL;
	struct mx_reg *reg = NULL;

	if (attach(&reg) || mx_clist_join(reg, &sid, "kid", &cl, NULL) ||
	    open_conn(cl, MX_MONO_NEVER, &k))
		return 1;
	says(fd, 'p');
	hears(fd, 'q');
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_reg_close(reg);
	return 0;
}

static bool somebody_waits(struct mx_reg *reg)
{
	for (uint32_t i = 0; i < reg->map.n_conns; i++)
		if (SHM_CLAIM_STATE(shm_get64(&reg->map.conn_claims[i])) ==
		    SHM_WAITING)
			return true;
	return false;
}

/* Nobody goes before who waits, not even when there is a place, unless it was
 * called and does not move; when it moves again it is not lost. */
static void test_a_stopped_waiter_is_passed_by(void **state)
{
	struct mx_reg *reg = fresh();
	struct mx_clist *cl = tu_join(reg, 1);
	struct mx_conn *k[2] = {NULL}, *no = NULL;
	struct kid kid;
	int st;

	assert_int_equal(open_conn(cl, (mx_mono){0}, &k[0]), 0);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &k[1]), 0);
	kid = kid_start(in_line);
	while (!somebody_waits(reg))
		sched_yield();
	assert_int_equal(kill(kid.pid, SIGSTOP), 0);
	assert_int_equal(waitpid(kid.pid, &st, WUNTRACED), kid.pid);
	mx_conn_close(k[0], MX_CONN_ENDED);
	assert_int_equal(open_conn(cl, (mx_mono){0}, &no), -EDQUOT);
	assert_int_equal(open_conn(cl, MX_MONO_NEVER, &k[0]), 0);
	assert_int_equal(kill(kid.pid, SIGCONT), 0);
	mx_conn_close(k[0], MX_CONN_ENDED);
	assert_true(hears(kid.fd, 'p'));
	says(kid.fd, 'q');
	assert_int_equal(kid_wait(&kid), 0);
	mx_conn_close(k[1], MX_CONN_ENDED);
	mx_clist_leave(cl);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* --- While attaching ---------------------------------------------------- */

static bool names(const struct mx_fault *f, pid_t pid)
{
	char text[32];

	snprintf(text, sizeof(text), "process %d ", (int)pid);
	return strstr(f->text, text) != NULL;
}

static int stops_attaching(int fd)
{
	struct mx_reg *reg = NULL;

	mx_shm_step = stop_here;
	if (attach(&reg))
		return 1;
	says(fd, 'a');
	hears(fd, 'q');
	mx_reg_close(reg);
	return 0;
}

static void never_again(void)
{
}

static void must_stop(struct kid *k)
{
	int st;

	assert_int_equal(waitpid(k->pid, &st, WUNTRACED), k->pid);
	assert_true(WIFSTOPPED(st));
}

/* The gate is a lock of the kernel's that has no owner one could ask for: its
 * length says who. */
static void test_who_stops_while_attaching_is_named(void **state)
{
	struct mx_reg *reg = fresh(), *no = NULL;
	struct mx_reg_params p = {.path = tu_path()};
	struct mx_fault f = MX_FAULT_INIT;
	struct kid kid = kid_start(stops_attaching);
	struct mx_clist *cl;
	int st;

	must_stop(&kid);
	assert_int_equal(mx_reg_open(&p, &no, &f), -EBUSY);
	assert_true(names(&f, kid.pid));
	assert_non_null(strstr(f.text, " for "));
	/* Who is attached is not held up. */
	cl = tu_join(reg, 1);
	mx_clist_leave(cl);
	/* It stops at every further store: killed, it lets go of the gate. */
	assert_int_equal(kill(kid.pid, SIGKILL), 0);
	assert_int_equal(waitpid(kid.pid, &st, 0), kid.pid);
	close(kid.fd);
	assert_int_equal(mx_reg_open(&p, &no, &f), 0);
	mx_reg_close(no);
	mx_reg_tick(reg);
	assert_int_equal(procs_in_use(reg), 1);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* --- While sweeping ----------------------------------------------------- */

static int dies_inside(int fd)
{
	struct mx_sid sid = mx_sid_unix(1);
	struct mx_reg *reg = NULL;

	if (attach(&reg) ||
	    bucket_lock(reg, bucket_of(&reg->map, mx_sid_crc(&sid)), NULL))
		return 1;
	says(fd, 'l');
	hears(fd, 'q');
	return 2;
}

static int stops_sweeping(int fd)
{
	struct mx_reg *reg = NULL;

	if (attach(&reg))
		return 1;
	says(fd, 'a');
	if (!hears(fd, 's'))
		return 2;
	mx_shm_step = stop_here;
	(void)sweep_dead(reg);
	mx_shm_step = never_again;
	says(fd, 'd');
	hears(fd, 'q');
	mx_reg_close(reg);
	return 0;
}

/* A stopped sweeper does not look like the dead process it sweeps: others take
 * the dead one's lock over, and nobody is told to wait for a dead one. */
static void test_a_stopped_sweeper_holds_nobody_up(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid dead = kid_start(dies_inside);
	struct kid kid = kid_start(stops_sweeping);
	struct mx_clist *cl = NULL;
	struct mx_sid sid = mx_sid_unix(1);
	struct mx_fault f = MX_FAULT_INIT;

	assert_true(hears(dead.fd, 'l'));
	assert_true(hears(kid.fd, 'a'));
	kid_kill(&dead);
	says(kid.fd, 's');
	must_stop(&kid);
	assert_int_equal(procs_in_use(reg), 3); /* not yet swept */
	if (mx_clist_join(reg, &sid, "", &cl, &f)) {
		print_error("%s\n", f.text);
		fail();
	}
	mx_clist_leave(cl);
	kid_kill(&kid);
	mx_reg_tick(reg);
	assert_int_equal(procs_in_use(reg), 1);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* Housekeeping runs on a thread that serves everybody: it does not wait a second
 * for each bucket a stopped process holds, and does the rest meanwhile. */
static int dies_with_two_sessions(int fd)
{
	struct mx_reg *reg = NULL;

	if (attach(&reg))
		return 1;
	for (uint32_t user = 1; user <= 2; user++) {
		struct mx_sid sid = mx_sid_unix(user);
		struct mx_clist *cl = NULL;
		struct mx_conn *k = NULL;

		if (mx_clist_join(reg, &sid, "kid", &cl, NULL) ||
		    open_conn(cl, (mx_mono){0}, &k))
			return 2;
	}
	says(fd, 'r');
	hears(fd, 'q');
	return 3;
}

/* How often this thread has gone to sleep of itself. */
static long sleeps(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_THREAD, &u), 0);
	return u.ru_nvcsw;
}

static void test_sweeping_goes_on_past_a_stopped_holder(void **state)
{
	struct mx_reg *reg = fresh();
	struct kid dead = kid_start(dies_with_two_sessions);
	struct mx_sid one = mx_sid_unix(1), two = mx_sid_unix(2);
	struct kid kid;
	long before;

	assert_int_not_equal(bucket_of(&reg->map, mx_sid_crc(&one)),
			     bucket_of(&reg->map, mx_sid_crc(&two)));
	assert_true(hears(dead.fd, 'r'));
	kid = kid_start(stops_inside); /* of user 1's bucket */
	must_stop(&kid);
	kid_kill(&dead);
	assert_int_equal(tu_claims(reg->map.conn_claims, 256), 2);
	before = sleeps();
	mx_reg_tick(reg);
	/* A second is ten sleeps. */
	assert_true(sleeps() - before < 6);
	assert_int_equal(tu_claims(reg->map.conn_claims, 256), 1);
	assert_int_equal(kill(kid.pid, SIGCONT), 0);
	assert_true(hears(kid.fd, 'u'));
	mx_reg_tick(reg);
	assert_int_equal(tu_claims(reg->map.conn_claims, 256), 0);
	says(kid.fd, 'q');
	assert_int_equal(kid_wait(&kid), 0);
	assert_int_equal(procs_in_use(reg), 1);
	tu_assert_empty(reg);
	mx_reg_close(reg);
}

/* --- Signals ------------------------------------------------------------ */

static volatile sig_atomic_t n_signals;

static void count_signal(int sig)
{
	n_signals++;
}

static void test_signals_do_not_prolong_the_wait(void **state)
{
	struct mx_reg *reg = fresh();
	struct sigaction sa = {.sa_handler = count_signal}, old;
	struct itimerval often = {{0, 20000}, {0, 20000}}, off = {0};
	struct kid kid = kid_start(stops_inside);
	struct mx_sid sid = mx_sid_unix(1);
	struct mx_clist *no = NULL;
	struct mx_fault f = MX_FAULT_INIT;

	must_stop(&kid);
	assert_int_equal(sigaction(SIGALRM, &sa, &old), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	assert_int_equal(mx_clist_join(reg, &sid, "", &no, &f), -EBUSY);
	assert_int_equal(setitimer(ITIMER_REAL, &off, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
	assert_true(n_signals > 5);
	assert_true(names(&f, kid.pid));
	kid_kill(&kid);
	mx_reg_close(reg);
}

/* --- At every store ----------------------------------------------------- */

#define STOP_PROMISE_NS ((uint64_t)(10 * MX_NS_PER_S)) /* 1 s, times 10 */

static uint32_t stop_at, stores;

static void maybe_stop(void)
{
	if (++stores == stop_at)
		raise(SIGSTOP);
}

/* In time, and well or with an error that names the stopped process. */
static bool fair(int err, const struct mx_fault *f, pid_t pid, uint64_t before)
{
	if (now_ns() - before > STOP_PROMISE_NS)
		return false;
	return !err || (err == -EBUSY && names(f, pid));
}

#define FAIR(call)                                                             \
	do {                                                                   \
		uint64_t before_ = now_ns();                                   \
		int err_ = (call);                                             \
		if (!fair(err_, &f, pid, before_)) {                           \
			print_error("stopped at store %u: %s: %d %s\n",        \
				    stop_at, #call, err_, f.text);             \
			return 1;                                              \
		}                                                              \
	} while (0)

/* What others do meanwhile, in the one bucket there is. */
static int others_go_on(struct mx_reg *reg, struct mx_clist *held, pid_t pid)
{
	struct mx_reg_params rp = {.path = tu_path()};
	struct mx_sid sid = mx_sid_unix(4);
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_snap_src *src = NULL;
	struct mx_snap snap = MX_SNAP_INIT;
	struct mx_clist *cl = NULL;
	struct mx_reg *more = NULL;

	FAIR(mx_clist_join(reg, &sid, "other", &cl, &f));
	FAIR((mx_clist_leave(cl), 0));
	FAIR(mx_reg_open(&rp, &more, &f));
	FAIR((mx_reg_close(more), 0));
	FAIR((mx_reg_tick(reg), 0));
	FAIR(mx_clist_wait_done(held, MX_SCOPE_PROCESS, MX_MONO_NEVER, NULL,
				NULL, &f));
	/* Readers take no lock: they always get through. */
	if (mx_snap_open(tu_path(), &src, &f) || mx_snap_take(src, &snap))
		return 2;
	mx_snap_fini(&snap);
	mx_snap_close(src);
	return 0;
}

/* Stops a process before its n-th store while others work, lets it go on, and
 * finds everything in order.  0; 77: it has fewer stores; else what is wrong. */
static int stop_and_look(uint32_t n)
{
	struct mx_reg *reg;
	struct mx_clist *cl;
	struct mx_conn *k = NULL;
	pid_t pid;
	int st, r;

	tu_path_own("stop", n);
	reg = story_attach(0);
	cl = reg ? story_join(reg, 1) : NULL;
	if (!cl || story_open(cl, SERVER, 0, &k))
		return 3;
	stop_at = n;
	pid = tu_fork();
	if (pid == 0) {
		mx_shm_step = maybe_stop;
		_exit(story_everything());
	}
	if (pid < 0 || waitpid(pid, &st, WUNTRACED) != pid)
		return 4;
	if (WIFEXITED(st))
		return WEXITSTATUS(st) ? 5 : 77;
	r = others_go_on(reg, cl, pid);
	kill(pid, SIGCONT);
	if (waitpid(pid, &st, 0) != pid || st) {
		print_error("stopped at store %u: it ended with %x\n", n, st);
		return 6;
	}
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	while (tu_claims(reg->map.list_claims, reg->map.n_lists) ||
	       tu_claims(reg->map.conn_claims, reg->map.n_conns))
		sweep_all(reg); /* until its back-off is over */
	tu_assert_empty(reg);
	mx_reg_close(reg);
	unlink(tu_path());
	return r;
}

#define AT_ONCE 30

/* Each in a process of its own: most of it is waiting. */
static void stop_everywhere(uint32_t stride)
{
	uint32_t n = 1, done = 0, running = 0;
	bool more = true;

	while (more || running) {
		int st;

		if (more && running < AT_ONCE) {
			pid_t pid = tu_fork();

			if (pid == 0) {
				_exit(stop_and_look(n));
			}
			assert_true(pid > 0);
			n += stride;
			running++;
			continue;
		}
		assert_true(waitpid(-1, &st, 0) > 0);
		running--;
		assert_true(WIFEXITED(st));
		if (WEXITSTATUS(st) == 77) {
			more = false;
			continue;
		}
		assert_int_equal(WEXITSTATUS(st), 0);
		done++;
	}
	print_message("stopped before %u stores\n", done);
	assert_true(done * stride > 400);
}

static uint32_t stop_stride = 9;

static void test_stopped_anywhere_delays_nobody_for_long(void **state)
{
	stop_everywhere(stop_stride);
}

static const struct mx_test tests[] = {
	MX_TEST(test_a_stopped_process_is_named),
	MX_TEST(test_a_stopped_waiter_is_passed_by),
	MX_TEST(test_who_stops_while_attaching_is_named),
	MX_TEST(test_a_stopped_sweeper_holds_nobody_up),
	MX_TEST(test_sweeping_goes_on_past_a_stopped_holder),
	MX_TEST(test_signals_do_not_prolong_the_wait),
	MX_TEST_IN(test_stopped_anywhere_delays_nobody_for_long, 900),
};

/* With the argument "every": at every store, not at every ninth. */
int main(int argc, char **argv)
{
	static char *only[] = {(char *)"", (char *)"stopped_anywhere", NULL};

	if (argc == 2 && !strcmp(argv[1], "every")) {
		stop_stride = 1;
		return mx_test_run(tests, MX_ARRAY_SIZE(tests), 2, only);
	}
	return mx_test_run(tests, MX_ARRAY_SIZE(tests), argc, argv);
}
