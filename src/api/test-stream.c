/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Streams in memory and on files behave alike. */
#include <stdio.h>
#include <unistd.h>

#include "api/stream.h"
#include "api/strm.h"
#include "base/test.h"

static LARGE_INTEGER li(LONGLONG v)
{
	return (LARGE_INTEGER){.QuadPart = v};
}

static ULARGE_INTEGER uli(ULONGLONG v)
{
	return (ULARGE_INTEGER){.QuadPart = v};
}

static IStream *mem(void)
{
	IStream *s = NULL;

	assert_int_equal(CreateStreamOnHGlobal(NULL, TRUE, &s), S_OK);
	return s;
}

static IStream *file(ULONG more)
{
	IStream *s = NULL;

	assert_int_equal(OpenStreamOnFile(MAPIAllocateBuffer, MAPIFreeBuffer,
					  SOF_UNIQUEFILENAME | STGM_CREATE |
						  STGM_READWRITE | more,
					  mx_test_dir(), "SOF", &s),
			 S_OK);
	return s;
}

static void behave(IStream *s)
{
	ULARGE_INTEGER pos;
	STATSTG st;
	IStream *c;
	char b[16] = "";
	ULONG n;

	assert_int_equal(IStream_Write(s, "hello", 5, &n), S_OK);
	assert_int_equal(n, 5);
	/* past the end: zeros between */
	assert_int_equal(IStream_Seek(s, li(3), STREAM_SEEK_END, &pos), S_OK);
	assert_int_equal(pos.QuadPart, 8);
	assert_int_equal(IStream_Write(s, "x", 1, NULL), S_OK);
	assert_int_equal(IStream_Seek(s, li(-100), STREAM_SEEK_CUR, NULL),
			 STG_E_INVALIDFUNCTION);
	assert_int_equal(IStream_Seek(s, li(0), 7, NULL),
			 STG_E_INVALIDFUNCTION);
	IStream_Seek(s, li(0), STREAM_SEEK_SET, NULL);
	assert_int_equal(IStream_Read(s, b, 16, &n), S_OK);
	assert_int_equal(n, 9);
	assert_memory_equal(b, "hello\0\0\0x", 9);
	assert_int_equal(IStream_Read(s, b, 16, &n), S_OK);
	assert_int_equal(n, 0);
	/* a clone starts here and goes its own way */
	assert_int_equal(IStream_Clone(s, &c), S_OK);
	IStream_Seek(c, li(1), STREAM_SEEK_SET, NULL);
	IStream_Read(c, b, 2, &n);
	assert_memory_equal(b, "el", 2);
	IStream_Seek(s, li(0), STREAM_SEEK_CUR, &pos);
	assert_int_equal(pos.QuadPart, 9);
	IStream_SetSize(s, uli(2));
	assert_int_equal(IStream_Stat(c, &st, STATFLAG_NONAME), S_OK);
	assert_int_equal(st.cbSize.QuadPart, 2);
	IStream_Release(c);
}

static void test_memory_stream(void **state)
{
	IStream *s = mem();

	behave(s);
	assert_int_equal(IStream_Release(s), 0);
}

static void test_file_stream(void **state)
{
	IStream *s = file(0);

	behave(s);
	assert_int_equal(IStream_Commit(s, 0), S_OK);
	assert_int_equal(IStream_Release(s), 0);
}

static void test_delete_on_release_removes_the_file(void **state)
{
	IStream *s = file(STGM_DELETEONRELEASE);
	char path[256];
	STATSTG st;

	assert_int_equal(IStream_Stat(s, &st, 0), S_OK);
	snprintf(path, sizeof(path), "%ls", st.pwcsName);
	MAPIFreeBuffer(st.pwcsName);
	assert_int_equal(access(path, F_OK), 0);
	IStream_Release(s);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void test_copy_to_crosses_pieces(void **state)
{
	IStream *a = mem(), *b = file(STGM_DELETEONRELEASE);
	enum { SIZE = 200001 };
	static char data[SIZE];
	ULARGE_INTEGER rd, wr;
	void *back;
	ULONG n;

	for (int i = 0; i < SIZE; i++)
		data[i] = (char)(i * 31 + i / 251);
	IStream_Write(a, data, SIZE, NULL);
	IStream_Seek(a, li(0), STREAM_SEEK_SET, NULL);
	assert_int_equal(IStream_CopyTo(a, b, uli(UINT64_MAX), &rd, &wr), S_OK);
	assert_int_equal(rd.QuadPart, SIZE);
	assert_int_equal(wr.QuadPart, SIZE);
	assert_int_equal(mx_stream_slurp(b, SIZE, &back, &n), S_OK);
	assert_int_equal(n, SIZE);
	assert_memory_equal(back, data, SIZE);
	MAPIFreeBuffer(back);
	assert_int_equal(mx_stream_slurp(b, SIZE - 1, &back, &n),
			 MAPI_E_TOO_BIG);
	IStream_Release(a);
	IStream_Release(b);
}

static void test_missing_file_says_so(void **state)
{
	IStream *s = NULL;

	assert_int_equal(OpenStreamOnFile(NULL, NULL, STGM_READ,
					  "/nonexistent/file", NULL, &s),
			 STG_E_FILENOTFOUND);
	assert_int_equal(OpenStreamOnFileW(NULL, NULL, STGM_READ,
					   L"/nonexistent/file", NULL, &s),
			 STG_E_FILENOTFOUND);
	assert_null(s);
}

static void test_query_interface_counts(void **state)
{
	IStream *s = mem();
	void *p;

	assert_int_equal(IStream_QueryInterface(s, &IID_ISequentialStream, &p),
			 S_OK);
	assert_ptr_equal(p, s);
	assert_int_equal(IStream_Release(s), 1);
	assert_int_equal(IStream_QueryInterface(s, &IID_IMessage, &p),
			 MAPI_E_INTERFACE_NOT_SUPPORTED);
	assert_null(p);
	assert_int_equal(IStream_Release(s), 0);
}

/* gromox counts the string's terminator into its stream. */
static void test_terminators_are_no_part_of_a_text(void **state)
{
	static const uint8_t text[] = {'a', 0, 0, 1, 'b', 0, 0, 0, 0, 0};

	assert_int_equal(mx_strm_text_len(text, 10), 6);
	assert_int_equal(mx_strm_text_len(text, 8), 6);
	assert_int_equal(mx_strm_text_len(text, 6), 6);
	assert_int_equal(mx_strm_text_len(text, 4), 4); /* U+0100 */
	assert_int_equal(mx_strm_text_len(text + 6, 4), 0);
	assert_int_equal(mx_strm_text_len(text + 6, 1), 1);
	assert_int_equal(mx_strm_text_len(text, 0), 0);
}

MX_TEST_MAIN(MX_TEST(test_memory_stream), MX_TEST(test_file_stream),
	     MX_TEST(test_delete_on_release_removes_the_file),
	     MX_TEST(test_copy_to_crosses_pieces),
	     MX_TEST(test_missing_file_says_so),
	     MX_TEST(test_query_interface_counts),
	     MX_TEST(test_terminators_are_no_part_of_a_text))
