/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Another process of the account is stopped (SIGSTOP) in the middle of a change:
 * what a program sees of that.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connlist/registry-private.h"
#include "world.h"

/* Holds the bucket of this user's list and stops. */
static int stop_inside(const char *sid_text)
{
	struct mx_reg *reg = NULL;
	struct mx_sid sid;
	uint32_t bucket;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mx_sid_parse(sid_text, &sid) || mx_reg_open(NULL, &reg, NULL))
		return 1;
	bucket = bucket_of(&reg->map, mx_sid_crc(&sid));
	if (bucket_lock(reg, bucket, NULL))
		return 2;
	raise(SIGSTOP);
	bucket_unlock(reg, bucket);
	mx_reg_close(reg);
	return 0;
}

/* Releasing does not wait for it, logging on says who it is, other users do not
 * notice, and when it goes on all is as before. */
static void test_a_stopped_process_is_named_to_the_program(void **state)
{
	struct world *w = world_new(2);
	LPMAPISESSION s = world_logon(w, 0), other = NULL;
	MAPIARY_CONFIG c;
	char name[32];
	pid_t pid;
	int st;

	pid = fork();
	if (pid == 0)
		_exit(stop_inside(MapiaryUserSid(world_user(w, 0))));
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &st, WUNTRACED), pid);
	assert_true(WIFSTOPPED(st));

	world_config(w, 0, &c);
	assert_int_equal(MapiaryLogon(world_user(w, 0), &c, 0, &other),
			 MAPI_E_BUSY);
	snprintf(name, sizeof(name), "process %d ", (int)pid);
	if (!strstr(MapiaryLastErrorText(), name))
		fail_msg("%s", MapiaryLastErrorText());
	other = world_logon(w, 1);
	IMAPISession_Release(other);
	IMAPISession_Release(s);

	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_int_equal(st, 0);
	other = world_logon(w, 0);
	IMAPISession_Release(other);
	world_free(w);
}

MX_TEST_MAIN(MX_TEST(test_a_stopped_process_is_named_to_the_program))
