/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Out of memory.  A program logs on, reads, writes, listens and releases, and
 * the n-th allocation that the library makes on that thread fails, for every n;
 * or on the library's own threads.  Each call ends in success or in
 * MAPI_E_NOT_ENOUGH_MEMORY, nothing crashes, nothing hangs, and nothing is left
 * on the server.
 *
 * malloc and its kin are defined here, so they come before libc's; only callers
 * in libmapiary are refused.  The server is another process.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "hive.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static struct {
	uintptr_t from, to;    /* the library's code */
	atomic_long left;      /* the one that fails; 0: none */
	atomic_bool elsewhere; /* on other threads than the one that says so */
	atomic_bool failed;
} M;

static _Thread_local bool here;

#if !SANITIZED
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

__attribute__((__visibility__("default"))) void *malloc(size_t n);
__attribute__((__visibility__("default"))) void *calloc(size_t n, size_t size);
__attribute__((__visibility__("default"))) void *realloc(void *p, size_t n);

static bool refuse(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;

	if (at < M.from || at >= M.to ||
	    here == atomic_load_explicit(&M.elsewhere, memory_order_relaxed))
		return false;
	if (atomic_load_explicit(&M.left, memory_order_relaxed) <= 0 ||
	    atomic_fetch_sub(&M.left, 1) != 1)
		return false;
	atomic_store(&M.failed, true);
	return true;
}

void *malloc(size_t n)
{
	return refuse(__builtin_return_address(0)) ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return refuse(__builtin_return_address(0)) ? NULL
						   : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return refuse(__builtin_return_address(0)) ? NULL
						   : __libc_realloc(p, n);
}
#endif

/* The mapping that MAPIInitialize is in. */
static void find_code(void)
{
	const uintptr_t in = (uintptr_t)(void *)MAPIInitialize;
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long from, to;
	char line[1024];

	assert_non_null(f);
	while (!M.to && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && in >= from &&
		    in < to) {
			M.from = from;
			M.to = to;
		}
	fclose(f);
	assert_true(M.to > M.from);
}

static void arm(long n, bool elsewhere)
{
	atomic_store(&M.failed, false);
	atomic_store(&M.elsewhere, elsewhere);
	here = true;
	atomic_store(&M.left, n);
}

static void disarm(void)
{
	atomic_store(&M.left, 0);
	here = false;
}

/* ---- the program ---- */

static LONG STDAPICALLTYPE ignore(LPVOID arg, ULONG n, LPNOTIFICATION v)
{
	return 0;
}

#define DROP(p)                                                                \
	do {                                                                   \
		if (p)                                                         \
			(p)->lpVtbl->Release(p);                               \
	} while (0)

/* The first failure ends the rest; what there is then is released. */
#define STEP(call)                                                             \
	do {                                                                   \
		if (hr == S_OK) {                                              \
			hr = (call);                                           \
			step = #call;                                          \
		}                                                              \
	} while (0)

struct things {
	LPMAPISESSION s;
	LPMDB mdb;
	LPMAPIFOLDER f;
	LPMAPITABLE t;
	LPMESSAGE m;
	LPATTACH a;
	LPSTREAM st;
	LPMAPIADVISESINK sink;
	LPENTRYID eid;
	LPSRowSet rows;
	LPSPropValue v;
	LPADRLIST to;
};

static void drop_things(struct things *x)
{
	DROP(x->st);
	DROP(x->a);
	DROP(x->m);
	DROP(x->t);
	DROP(x->f);
	DROP(x->mdb);
	DROP(x->s);
	DROP(x->sink);
	MAPIFreeBuffer(x->eid);
	MAPIFreeBuffer(x->v);
	FreeProws(x->rows);
}

static const char *step;

static HRESULT write_things(struct things *x, HRESULT hr)
{
	SPropValue v[2] = {
		{PR_MESSAGE_CLASS_A, 0, {.lpszA = (LPSTR) "IPM.Note"}},
		{PR_SUBJECT_A, 0, {.lpszA = (LPSTR) "out of memory"}},
	};
	ULONG n = 0;

	STEP(IMAPIFolder_CreateMessage(x->f, NULL, 0, &x->m));
	STEP(IMessage_SetProps(x->m, 2, v, NULL));
	STEP(IMessage_CreateAttach(x->m, NULL, 0, &n, &x->a));
	STEP(IAttach_OpenProperty(x->a, PR_ATTACH_DATA_BIN, &IID_IStream,
				  STGM_WRITE, MAPI_CREATE | MAPI_MODIFY,
				  (LPUNKNOWN *)(void *)&x->st));
	STEP(IStream_Write(x->st, "bytes", 5, NULL));
	STEP(IStream_Commit(x->st, 0));
	STEP(IAttach_SaveChanges(x->a, KEEP_OPEN_READWRITE));
	STEP(IMessage_SaveChanges(x->m, KEEP_OPEN_READWRITE));
	return hr;
}

static HRESULT use_mailbox(struct things *x, HRESULT hr)
{
	SizedSPropTagArray(2, cols) = {2, {PR_ENTRYID, PR_SUBJECT}};
	ULONG n = 0, type = 0;
	ULONG_PTR conn = 0;

	STEP(IMAPISession_OpenMsgStore(x->s, 0, 0, NULL, NULL, MDB_WRITE,
				       &x->mdb));
	STEP(IMsgStore_GetReceiveFolder(x->mdb, (LPTSTR) "IPM.Note", 0, &n,
					&x->eid, NULL));
	STEP(IMsgStore_OpenEntry(x->mdb, n, x->eid, NULL, MAPI_MODIFY, &type,
				 (LPUNKNOWN *)(void *)&x->f));
	STEP(HrAllocAdviseSink(ignore, NULL, &x->sink));
	STEP(IMsgStore_Advise(x->mdb, 0, NULL, fnevObjectCreated, x->sink,
			      &conn));
	hr = write_things(x, hr);
	STEP(IMAPIFolder_GetContentsTable(x->f, 0, &x->t));
	STEP(IMAPITable_SetColumns(x->t, (LPSPropTagArray)&cols, 0));
	STEP(IMAPITable_QueryRows(x->t, 5, 0, &x->rows));
	STEP(HrGetOneProp((LPMAPIPROP)x->m, PR_SUBJECT_A, &x->v));
	return hr;
}

static HRESULT run_program(LPMAPIARYUSER user, const MAPIARY_CONFIG *cfg)
{
	struct things x = {NULL};
	HRESULT hr = S_OK;

	STEP(MapiaryLogon(user, cfg, 0, &x.s));
	hr = use_mailbox(&x, hr);
	drop_things(&x);
	return hr;
}

/* ---- cases ---- */

static long stride(bool elsewhere)
{
	return getenv("MX_SOAK") ? 1 : elsewhere ? 3 : 11;
}

static void fail_each(bool elsewhere, long most)
{
	struct hive *h = hive_new(1);
	LPMAPIARYUSER user;
	unsigned n_failed = 0, n_bad = 0;
	MAPIARY_CONFIG cfg;

	find_code();
	must_ok(MAPIInitialize(NULL));
	user = hive_user(h, 0);
	hive_config(h, 0, &cfg);
	must_ok(run_program(user, &cfg));
	for (long n = 1; n <= most; n += stride(elsewhere)) {
		bool failed;
		HRESULT hr;

		arm(n, elsewhere);
		hr = run_program(user, &cfg);
		disarm();
		failed = atomic_load(&M.failed);
		n_failed += failed;
		if (hr != S_OK && hr != MAPI_E_NOT_ENOUGH_MEMORY) {
			n_bad++;
			printf("# allocation %ld: 0x%08x of %s: %s\n", n,
			       (unsigned)hr, step, MapiaryLastErrorText());
		}
		if (!failed && !elsewhere)
			break; /* fewer are made */
	}
	assert_true(n_failed >= 5);
	printf("# %u allocations failed\n", n_failed);
	assert_int_equal(n_bad, 0);
	/* With memory again all is well, and all was given back. */
	must_ok(run_program(user, &cfg));
	MapiaryUserRelease(user);
	MAPIUninitialize();
	hive_wait_contexts(h, 0);
	hive_free(h);
}

static void test_every_allocation_of_a_call_may_fail(void **state)
{
	if (SANITIZED)
		mx_test_skip("the sanitizer has a malloc of its own");
	fail_each(false, 100000);
}

static void test_allocations_of_the_librarys_threads_may_fail(void **state)
{
	if (SANITIZED)
		mx_test_skip("the sanitizer has a malloc of its own");
	fail_each(true, getenv("MX_SOAK") ? 400 : 60);
}

MX_TEST_MAIN(MX_TEST_IN(test_every_allocation_of_a_call_may_fail, 600),
	     MX_TEST_IN(test_allocations_of_the_librarys_threads_may_fail, 300))
