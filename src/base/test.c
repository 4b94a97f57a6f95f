/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test.h"

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLOWER 4u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLOWER 4u
#endif
#endif
#ifndef SLOWER
#define SLOWER 1u
#endif

static struct {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	const char *name; /* of the running case, NULL between cases */
	struct timespec end;
	bool watches; /* its thread runs */
	bool quit;
	void (*diag)(void *);
	void *diag_arg;
} dog = {.lock = PTHREAD_MUTEX_INITIALIZER};

static char skip_why[256];
static char tmp_dir[256];
static pid_t tmp_owner;

void mx_test_diagnosis(void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&dog.lock);
	dog.diag = fn;
	dog.diag_arg = arg;
	pthread_mutex_unlock(&dog.lock);
}

static void bark(void)
{
	printf("not ok %s # no end within its deadline\n", dog.name);
	fflush(stdout);
	if (dog.diag)
		dog.diag(dog.diag_arg);
	fflush(NULL);
	_exit(1);
}

static void *watch(void *arg)
{
	struct timespec now;

	pthread_mutex_lock(&dog.lock);
	dog.watches = true;
	pthread_cond_signal(&dog.cond);
	while (!dog.quit) {
		if (!dog.name) {
			pthread_cond_wait(&dog.cond, &dog.lock);
			continue;
		}
		pthread_cond_timedwait(&dog.cond, &dog.lock, &dog.end);
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (dog.name && now.tv_sec >= dog.end.tv_sec)
			bark();
	}
	pthread_mutex_unlock(&dog.lock);
	return arg;
}

static void dog_set(const char *name, unsigned seconds)
{
	pthread_mutex_lock(&dog.lock);
	clock_gettime(CLOCK_MONOTONIC, &dog.end);
	dog.end.tv_sec += seconds * SLOWER;
	dog.name = name;
	pthread_cond_signal(&dog.cond);
	pthread_mutex_unlock(&dog.lock);
}

void mx_test_skip(const char *why)
{
	snprintf(skip_why, sizeof(skip_why), "%s", why);
	skip();
	abort(); /* skip() does not return */
}

static int remove_one(const char *path, const struct stat *st, int flag,
		      struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	remove(path);
	return 0;
}

static void remove_dir(void)
{
	if (tmp_dir[0] && getpid() == tmp_owner)
		nftw(tmp_dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void mx_test_off_disk(void)
{
	struct statvfs fs;

	if (!getenv("TMPDIR") && !statvfs("/dev/shm", &fs) &&
	    (uint64_t)fs.f_bavail * fs.f_frsize > UINT64_C(1) << 30)
		setenv("TMPDIR", "/dev/shm", 1);
}

const char *mx_test_dir(void)
{
	const char *base = getenv("TMPDIR");

	if (tmp_dir[0])
		return tmp_dir;
	snprintf(tmp_dir, sizeof(tmp_dir), "%s/mapiary-test-XXXXXX",
		 base && *base ? base : "/tmp");
	if (!mkdtemp(tmp_dir)) {
		fprintf(stderr, "mkdtemp %s: %s\n", tmp_dir, strerror(errno));
		exit(1);
	}
	tmp_owner = getpid();
	atexit(remove_dir);
	return tmp_dir;
}

static bool selected(const char *name, int argc, char **argv)
{
	bool any = argc <= 1;

	for (int i = 1; i < argc; i++)
		any = any || strstr(name, argv[i]);
	return any;
}

static int run_one(const struct mx_test *t)
{
	const struct CMUnitTest one[] = {{t->name, t->fn, NULL, NULL, NULL}};
	int failed;

	skip_why[0] = '\0';
	dog_set(t->name, t->deadline_s);
	failed = _cmocka_run_group_tests(t->name, one, 1, NULL, NULL);
	dog_set(NULL, 0);
	if (skip_why[0])
		printf("skip %s: %s\n", t->name, skip_why);
	else
		printf("%s %s\n", failed ? "not ok" : "ok", t->name);
	fflush(stdout);
	return failed;
}

int mx_test_run(const struct mx_test *tests, size_t n, int argc, char **argv)
{
	pthread_condattr_t a;
	pthread_t id;
	int failed = 0;

	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&dog.cond, &a);
	pthread_condattr_destroy(&a);
	if (pthread_create(&id, NULL, watch, NULL))
		return 1;
	/* A sanitizer's allocator must not be in use elsewhere when a test
	 * forks: a new thread does use it. */
	pthread_mutex_lock(&dog.lock);
	while (!dog.watches)
		pthread_cond_wait(&dog.cond, &dog.lock);
	pthread_mutex_unlock(&dog.lock);
	for (size_t i = 0; i < n; i++)
		if (selected(tests[i].name, argc, argv))
			failed += !!run_one(&tests[i]);
	pthread_mutex_lock(&dog.lock);
	dog.quit = true;
	pthread_cond_signal(&dog.cond);
	pthread_mutex_unlock(&dog.lock);
	pthread_join(id, NULL);
	return failed ? 1 : 0;
}
