/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * That the checks of locks find what they are for: I/O under a lock, in debug
 * builds; and two locks in two orders, under ThreadSanitizer, on which the tests
 * of deadlocks rely (B4, B21).
 */
#include "base/lock.h"

#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

#define FOUND_BY_TSAN 66 /* tools/dev: exitcode */

extern char **environ;

static struct mx_mutex a = MX_MUTEX_INIT, b = MX_MUTEX_INIT;

/* How a child that runs fn ends. */
static int status_of(void (*fn)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (!pid) {
		const struct rlimit no_core = {0, 0};

		setrlimit(RLIMIT_CORE, &no_core);
		signal(SIGABRT, SIG_DFL);
		fn();
		exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void under_no_lock(void)
{
	mx_mutex_lock(&a);
	mx_mutex_lock_inner(&b);
	mx_mutex_unlock_inner(&b);
	mx_mutex_unlock(&a);
	if (mx_mutex_try(&a))
		mx_mutex_unlock(&a);
	mx_assert_unlocked();
}

static void under_a_lock(void)
{
	mx_mutex_lock(&a);
	mx_assert_unlocked();
}

static void under_a_lock_of_two(void)
{
	mx_mutex_lock(&a);
	mx_mutex_lock(&b);
	mx_mutex_unlock(&a);
	mx_assert_unlocked();
}

static void under_a_lock_waited_with(void)
{
	struct mx_cond c;

	mx_cond_init(&c);
	mx_mutex_lock(&a);
	mx_cond_wait(&c, &a, mx_mono_now());
	mx_assert_unlocked();
}

/* Promise 5, at run time. */
static void test_io_under_a_lock_stops_a_debug_build(void **state)
{
#ifdef MX_DEBUG_LOCKS
	static void (*const bad[])(void) = {under_a_lock, under_a_lock_of_two,
					    under_a_lock_waited_with};

	assert_int_equal(status_of(under_no_lock), 0);
	for (size_t i = 0; i < MX_ARRAY_SIZE(bad); i++) {
		int status = status_of(bad[i]);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
	}
#else
	(void)under_a_lock, (void)under_a_lock_of_two;
	(void)under_a_lock_waited_with;
	assert_int_equal(status_of(under_no_lock), 0);
	mx_test_skip("debug builds check it, as the sanitizers' are");
#endif
}

static void both(struct mx_mutex *first, struct mx_mutex *second)
{
	mx_mutex_lock(first);
	mx_mutex_lock_inner(second);
	mx_mutex_unlock_inner(second);
	mx_mutex_unlock(first);
}

/* A program of its own: in a forked child ThreadSanitizer looks away. */
static int orders(bool both_of_them)
{
	both(&a, &b);
	both(both_of_them ? &b : &a, both_of_them ? &a : &b);
	return 0;
}

#ifdef __SANITIZE_THREAD__
static int status_of_program(const char *arg)
{
	char *argv[] = {(char *)"/proc/self/exe", (char *)(uintptr_t)arg, NULL};
	int status = -1;
	pid_t pid;

	assert_int_equal(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ),
			 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}
#endif

/* Nobody has to meet anybody: the order is enough. */
static void test_two_orders_of_locks_are_found(void **state)
{
#ifdef __SANITIZE_THREAD__
	int status = status_of_program("both-orders");

	assert_int_equal(status_of_program("one-order"), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), FOUND_BY_TSAN);
#else
	mx_test_skip("ThreadSanitizer finds them");
#endif
}

int main(int argc, char **argv)
{
	static const struct mx_test tests[] = {
		MX_TEST(test_io_under_a_lock_stops_a_debug_build),
		MX_TEST(test_two_orders_of_locks_are_found),
	};

	if (argc == 2 && strstr(argv[1], "-order"))
		return orders(!strcmp(argv[1], "both-orders"));
	return mx_test_run(tests, MX_ARRAY_SIZE(tests), argc, argv);
}
