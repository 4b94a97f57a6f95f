/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Whose the segment is, and who may see it. */
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "connlist/test-kids.h"

static void *open_as_user(void *arg)
{
	struct mx_fault f = MX_FAULT_INIT;

	if (syscall(SYS_setresuid, -1, 54321, -1))
		return NULL;
	if (mx_reg_open(&(struct mx_reg_params){.path = tu_path()}, arg, &f))
		print_error("%s\n", f.text);
	return NULL;
}

/* The segment belongs to the process's user also when the first call comes from
 * a thread that acts for another. */
static void test_first_call_from_an_impersonating_thread(void **state)
{
	struct mx_reg *reg = NULL;
	struct stat st;
	pthread_t id;

	if (geteuid() != 0)
		mx_test_skip("needs root to change a thread's user id");
	unlink(tu_path());
	assert_int_equal(pthread_create(&id, NULL, open_as_user, &reg), 0);
	assert_int_equal(pthread_join(id, NULL), 0);
	assert_non_null(reg);
	assert_int_equal(stat(tu_path(), &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	mx_reg_close(reg);
}

MX_TEST_MAIN(MX_TEST(test_first_call_from_an_impersonating_thread))
