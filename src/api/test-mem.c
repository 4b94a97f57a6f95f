/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* MAPI buffers: ownership as MAPI has it, from any number of threads. */
#include <pthread.h>

#include "api/api.h"
#include "base/test.h"

static void test_more_dies_with_its_buffer(void **state)
{
	char *root, *a, *b;

	assert_int_equal(MAPIAllocateBuffer(10, (void **)&root), S_OK);
	assert_int_equal(MAPIAllocateMore(100000, root, (void **)&a), S_OK);
	/* any block of the family will do */
	assert_int_equal(MAPIAllocateMore(7, a, (void **)&b), S_OK);
	memset(root, 1, 10);
	memset(a, 2, 100000);
	memset(b, 3, 7);
	assert_int_equal((uintptr_t)b % _Alignof(max_align_t), 0);
	/* LeakSanitizer sees it if one of the three stays */
	assert_int_equal(MAPIFreeBuffer(root), S_OK);
}

static void test_free_of_null_and_of_more(void **state)
{
	void *root, *more;

	assert_int_equal(MAPIFreeBuffer(NULL), S_OK);
	MAPIAllocateBuffer(0, &root);
	MAPIAllocateMore(0, root, &more);
	assert_true(FAILED(MAPIFreeBuffer(more)));
	assert_int_equal(MAPIFreeBuffer(root), S_OK);
	assert_int_equal(MAPIAllocateBuffer(1, NULL), MAPI_E_INVALID_PARAMETER);
	assert_int_equal(MAPIAllocateMore(1, NULL, &more),
			 MAPI_E_INVALID_PARAMETER);
}

static void *grow(void *root)
{
	for (int i = 0; i < 5000; i++) {
		char *p;

		if (MAPIAllocateMore(16, root, (void **)&p))
			return NULL;
		memset(p, i, 16);
	}
	return root;
}

static void test_threads_grow_one_buffer(void **state)
{
	pthread_t t[4];
	void *root, *ok;

	MAPIAllocateBuffer(1, &root);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, grow, root), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &ok);
		assert_ptr_equal(ok, root);
	}
	MAPIFreeBuffer(root);
}

static void test_default_malloc_keeps_contents(void **state)
{
	IMalloc *m = MAPIGetDefaultMalloc();
	char *p = MAPI_CALL(m, Alloc, 5);

	memcpy(p, "abcd", 5);
	assert_int_equal(MAPI_CALL(m, GetSize, p), 5);
	p = MAPI_CALL(m, Realloc, p, 5000);
	assert_string_equal(p, "abcd");
	assert_int_equal(MAPI_CALL(m, GetSize, p), 5000);
	MAPI_CALL(m, Free, p);
	assert_int_equal(IUnknown_Release((LPUNKNOWN)(void *)m), 1);
}

MX_TEST_MAIN(MX_TEST(test_more_dies_with_its_buffer),
	     MX_TEST(test_free_of_null_and_of_more),
	     MX_TEST(test_threads_grow_one_buffer),
	     MX_TEST(test_default_malloc_keeps_contents))
