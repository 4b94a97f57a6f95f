/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library loaded and unloaded by a program that was not linked with it, and
 * twice in one process.  (B26, B37)
 *
 * The test is linked with libmapiary, for the hive; what it loads are copies of
 * that file under other names, which are libraries of their own.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hive.h"

#ifdef __SANITIZE_ADDRESS__
#define N_LOADS 100
#define SANITIZED true
#else
#define N_LOADS 1000
#define SANITIZED false
#endif
#define FLAT_BYTES (64 * 1024)

/* Two libraries have the same names, and mean it. */
__attribute__((__visibility__("default"))) const char *
__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_odr_violation=0";
}

struct copy {
	void *dl;
	HRESULT (*init)(LPVOID);
	void (*uninit)(void);
	HRESULT(*logon)
	(LPMAPIARYUSER, const MAPIARY_CONFIG *, ULONG, LPMAPISESSION *);
	HRESULT (*user)(const MAPIARY_USER_PARAMS *, LPMAPIARYUSER *);
	void (*user_release)(LPMAPIARYUSER);
	HRESULT (*impersonate)(LPMAPIARYUSER);
	ULONG (*free_buffer)(LPVOID);
};

static const char *copy_file(const char *name, char path[300])
{
	struct stat st;
	Dl_info info;
	int in, out;

	snprintf(path, 300, "%s/%s", mx_test_dir(), name);
	assert_true(dladdr((void *)MAPIInitialize, &info));
	in = open(info.dli_fname, O_RDONLY | O_CLOEXEC);
	assert_true(in >= 0 && !fstat(in, &st));
	out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	assert_true(out >= 0);
	for (off_t at = 0; at < st.st_size;)
		assert_true(sendfile(out, in, &at, (size_t)st.st_size) > 0);
	close(in);
	close(out);
	return path;
}

static void find(struct copy *c, const char *name, void *fn)
{
	void *p = dlsym(c->dl, name);

	must(p);
	memcpy(fn, &p, sizeof(p));
}

static void load(const char *path, struct copy *c)
{
	c->dl = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!c->dl)
		fail_msg("%s", dlerror());
	find(c, "MAPIInitialize", &c->init);
	find(c, "MAPIUninitialize", &c->uninit);
	find(c, "MapiaryLogon", &c->logon);
	find(c, "MapiaryCreateUser", &c->user);
	find(c, "MapiaryUserRelease", &c->user_release);
	find(c, "MapiaryImpersonate", &c->impersonate);
	find(c, "MAPIFreeBuffer", &c->free_buffer);
	assert_ptr_not_equal(c->init, MAPIInitialize);
}

static LPMAPIARYUSER user_of(struct copy *c, unsigned i)
{
	char name[16], password[32];
	MAPIARY_USER_PARAMS who = {.cbSize = sizeof(who)};
	LPMAPIARYUSER u = NULL;

	snprintf(name, sizeof(name), "u%u", i);
	snprintf(password, sizeof(password), "secret-%u", i);
	who.lpszLogin = name;
	who.lpszPassword = password;
	must_ok(c->user(&who, &u));
	return u;
}

static HRESULT logon_with(struct hive *h, struct copy *c, unsigned i,
			  LPMAPISESSION *ret)
{
	LPMAPIARYUSER u = user_of(c, i);
	MAPIARY_CONFIG cfg;
	HRESULT hr;

	hive_config(h, i, &cfg);
	hr = c->logon(u, &cfg, 0, ret);
	c->user_release(u);
	return hr;
}

/* Work in the mailbox with what this copy gave out. */
static void work(struct copy *c, LPMAPISESSION s, unsigned user)
{
	LPMDB mdb = hive_store(s);
	LPSPropValue v = NULL;
	SizedSPropTagArray(1, tags) = {1, {PR_DISPLAY_NAME_A}};
	char name[16];
	ULONG n = 0;

	must_ok(IMsgStore_GetProps(mdb, (LPSPropTagArray)&tags, 0, &n, &v));
	snprintf(name, sizeof(name), "u%u", user);
	must(strstr(v->Value.lpszA, name));
	c->free_buffer(v);
	IMsgStore_Release(mdb);
}

/* ---- loading and unloading ---- */

static void load_and_unload(struct hive *h, const char *path, unsigned i)
{
	LPMAPISESSION s = NULL;
	struct copy c;

	load(path, &c);
	if (i % 2)
		must_ok(c.init(NULL));
	if (i % 20 == 1) {
		must_ok(logon_with(h, &c, 0, &s));
		work(&c, s, 0);
		IMAPISession_Release(s);
	}
	if (i % 2)
		c.uninit();
	must(!dlclose(c.dl));
}

static void test_B26_loading_a_thousand_times_leaves_nothing(void **state)
{
	struct hive *h = hive_new(1);
	unsigned fds = 0, threads = 0, mappings = 0, i;
	char path[300];
	size_t heap = 0;

	copy_file("loaded.so", path);
	for (i = 0; i < N_LOADS; i++) {
		load_and_unload(h, path, i);
		if (i != 60)
			continue;
		hive_wait_contexts(h, 0);
		fds = hive_fds(NULL);
		threads = hive_threads();
		mappings = hive_mappings();
		heap = mallinfo2().uordblks;
	}
	hive_wait_contexts(h, 0);
	assert_int_equal(hive_fds(NULL), fds);
	assert_int_equal(hive_threads(), threads);
	if (!SANITIZED) {
		assert_in_range(hive_mappings(), 0, mappings + 8);
		assert_in_range(mallinfo2().uordblks, 0, heap + FLAT_BYTES);
	}
	hive_free(h);
}

/* The program forgot MAPIUninitialize: everything goes on, as if it had not
 * called dlclose, and can be ended by whoever loads it again. */
static void test_unloading_while_logged_on_ends_nothing(void **state)
{
	struct hive *h = hive_new(1);
	LPMAPISESSION s = NULL;
	struct copy c, again;
	char path[300];

	load(copy_file("forgotten.so", path), &c);
	must_ok(c.init(NULL));
	must_ok(logon_with(h, &c, 0, &s));
	assert_int_equal(dlclose(c.dl), 0);
	work(&c, s, 0);
	load(path, &again);
	assert_ptr_equal(again.init, c.init);
	IMAPISession_Release(s);
	again.uninit();
	assert_int_equal(dlclose(again.dl), 0);
	hive_wait_contexts(h, 0);
	hive_free(h);
}

struct late {
	struct hive *h;
	struct copy *c;
	sem_t used, unloaded;
};

/* A thread that has things of the library's own, and ends after it was
 * unloaded. */
static void *end_late(void *arg)
{
	struct late *l = arg;
	LPMAPIARYUSER u = user_of(l->c, 0);
	LPMAPISESSION s = NULL;

	must_ok(l->c->impersonate(u));
	l->c->user_release(u);
	must_ok(logon_with(l->h, l->c, 0, &s));
	IMAPISession_Release(s);
	sem_post(&l->used);
	while (sem_wait(&l->unloaded))
		;
	return NULL;
}

static void test_threads_may_end_after_unloading(void **state)
{
	struct hive *h = hive_new(1);
	struct copy c;
	struct late l = {h, &c};
	char path[300];
	pthread_t id;

	load(copy_file("late.so", path), &c);
	sem_init(&l.used, 0, 0);
	sem_init(&l.unloaded, 0, 0);
	must_ok(c.init(NULL));
	assert_int_equal(pthread_create(&id, NULL, end_late, &l), 0);
	while (sem_wait(&l.used))
		;
	c.uninit();
	assert_int_equal(dlclose(c.dl), 0);
	sem_post(&l.unloaded);
	pthread_join(id, NULL);
	hive_free(h);
}

/* ---- two in one process ---- */

static void test_B37_two_copies_two_users_one_process(void **state)
{
	struct hive *h = hive_new(3);
	LPMAPISESSION s[3] = {NULL, NULL, NULL};
	unsigned live, conns;
	char path[2][300];
	struct copy c[2];

	load(copy_file("one.so", path[0]), &c[0]);
	load(copy_file("two.so", path[1]), &c[1]);
	assert_ptr_not_equal(c[0].init, c[1].init);
	/* What one does is not done for the other. */
	must_ok(c[0].init(NULL));
	assert_int_equal(logon_with(h, &c[1], 1, &s[1]),
			 MAPI_E_NOT_INITIALIZED);
	must_ok(c[1].init(NULL));
	must_ok(MAPIInitialize(NULL)); /* and the one that is linked */
	must_ok(logon_with(h, &c[0], 0, &s[0]));
	must_ok(logon_with(h, &c[1], 1, &s[1]));
	s[2] = hive_logon(h, 2);
	hive_registry(&live, &conns);
	assert_int_equal(live, 3);
	assert_int_equal(conns, 3);
	for (unsigned i = 0; i < 20; i++)
		work(&c[i % 2], s[i % 2], i % 2);
	/* One ends, the others go on. */
	c[0].uninit();
	work(&c[1], s[1], 1);
	IMAPISession_Release(s[0]);
	IMAPISession_Release(s[1]);
	IMAPISession_Release(s[2]);
	MAPIUninitialize();
	c[1].uninit();
	dlclose(c[0].dl);
	dlclose(c[1].dl);
	hive_registry(&live, &conns);
	assert_int_equal(live + conns, 0);
	assert_int_equal(hive_stats(h).contexts, 0);
	hive_free(h);
}

static struct copy kept[2];
static LPMAPISESSION kept_sessions[2];

/* Two copies with sessions, and fork and exit() on top. */
static int exit_with_two(struct hive *h, void *arg)
{
	char(*path)[300] = arg;
	pid_t pid;

	for (unsigned i = 0; i < 2; i++) {
		load(path[i], &kept[i]);
		must_ok(kept[i].init(NULL));
		must_ok(logon_with(h, &kept[i], i, &kept_sessions[i]));
	}
	pid = fork();
	if (pid == 0) {
		LPMAPISESSION s = NULL;
		LPMDB mdb = NULL;

		must(IMAPISession_OpenMsgStore(kept_sessions[0], 0, 0, NULL,
					       NULL, 0,
					       &mdb) == MAPI_E_NOT_INITIALIZED);
		must_ok(kept[1].init(NULL));
		must_ok(logon_with(h, &kept[1], 1, &s));
		work(&kept[1], s, 1);
		kept[1].uninit();
		if (SANITIZED) /* the parent's memory is nobody's here */
			_exit(0);
		exit(0);
	}
	must(hive_join(pid) == 0);
	work(&kept[0], kept_sessions[0], 0);
	work(&kept[1], kept_sessions[1], 1);
	exit(7);
}

static void test_exit_and_fork_with_two_copies(void **state)
{
	struct hive *h = hive_new(2);
	char path[2][300];

	copy_file("three.so", path[0]);
	copy_file("four.so", path[1]);
	assert_int_equal(hive_join(hive_child(h, exit_with_two, path)),
			 W_EXITCODE(7, 0));
	assert_int_equal(hive_stats(h).contexts, 0);
	hive_free(h);
}

MX_TEST_MAIN(MX_TEST_IN(test_B26_loading_a_thousand_times_leaves_nothing, 200),
	     MX_TEST(test_unloading_while_logged_on_ends_nothing),
	     MX_TEST(test_threads_may_end_after_unloading),
	     MX_TEST(test_B37_two_copies_two_users_one_process),
	     MX_TEST(test_exit_and_fork_with_two_copies))
