/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose the segment is, and who may see it.  Users are made of numbers that no
 * system gives: processes that change to them, which needs root, as CI has.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "connlist/admin.h"
#include "connlist/test-kids.h"

#define ANNA 2147400001u
#define BERT 2147400002u
#define CARL 2147400003u /* not in the group */
#define GROUP 2147400009u

static void need_root(void)
{
	if (geteuid() != 0)
		mx_test_skip("needs root to act as other users");
}

/* --- The first call ----------------------------------------------------- */

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

	need_root();
	unlink(tu_path());
	assert_int_equal(pthread_create(&id, NULL, open_as_user, &reg), 0);
	assert_int_equal(pthread_join(id, NULL), 0);
	assert_non_null(reg);
	assert_int_equal(stat(tu_path(), &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	mx_reg_close(reg);
}

static void *locate_as_user(void *arg)
{
	if (syscall(SYS_setresuid, -1, 54321, -1) ||
	    segment_locate(NULL, arg, NULL))
		return NULL;
	return arg;
}

/* Nor does it change which segment that is. */
static void test_the_place_is_the_process_s(void **state)
{
	struct segment_place place;
	pthread_t id;
	void *done;

	need_root();
	unsetenv("MAPIARY_SEGMENT");
	assert_int_equal(pthread_create(&id, NULL, locate_as_user, &place), 0);
	assert_int_equal(pthread_join(id, &done), 0);
	assert_non_null(done);
	assert_string_equal(place.path, "/dev/shm/mapiary-0");
}

/* --- The administrator's file ------------------------------------------- */

static const char *conf(const char *text)
{
	static char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/mapiary.conf", mx_test_dir());
	mx_admin_conf_path = path;
	unlink(path);
	f = text ? fopen(path, "w") : NULL;
	if (f) {
		assert_true(fputs(text, f) >= 0);
		assert_int_equal(fclose(f), 0);
		assert_int_equal(chmod(path, 0644), 0);
	}
	return path;
}

/* Everybody may come as far as the file. */
static void conf_for_all(const char *text)
{
	conf(text);
	assert_int_equal(chmod(mx_test_dir(), 0755), 0);
}

static void test_the_administrators_words_are_read(void **state)
{
	struct mx_admin_conf c = {.share = true};
	struct mx_reg *reg = NULL;
	struct mx_reg_info info;

	need_root();
	conf(NULL);
	assert_int_equal(mx_admin_conf_read(&c, NULL), 0);
	assert_false(c.share);
	conf("# comment\n\n  lists = 77\r\n\tconnections=99 \n"
	     "segment-group = 2147400009");
	assert_int_equal(mx_admin_conf_read(&c, NULL), 0);
	assert_true(c.share);
	assert_int_equal(c.group, GROUP);
	conf("segment-group = root\n");
	assert_int_equal(mx_admin_conf_read(&c, NULL), 0);
	assert_int_equal(c.group, 0);
	/* A capacity holds for segments that are made from now on. */
	conf("lists = 77\nconnections = 99\n");
	unlink(tu_path());
	reg = tu_attach();
	mx_reg_info(reg, &info);
	assert_int_equal(info.n_lists, 77);
	assert_int_equal(info.n_conns, 99);
	mx_reg_close(reg);
}

static void refused_conf(const char *text, int want, const char *says)
{
	struct mx_reg_params p = {.path = tu_path()};
	struct mx_admin_conf c;
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_reg *no = NULL;

	if (text)
		conf(text);
	assert_int_equal(mx_admin_conf_read(&c, &f), want);
	assert_non_null(strstr(f.text, mx_admin_conf_path));
	if (!strstr(f.text, says))
		fail_msg("%s", f.text);
	/* Nothing is attached to until it is put right. */
	assert_int_equal(mx_reg_open(&p, &no, &f), want);
}

static void test_wrong_words_are_named_by_line(void **state)
{
	need_root();
	refused_conf("lists = 5\nsegment_group = x\n", -EINVAL, "line 2");
	refused_conf("segment-group = no-such-group-here\n", -EINVAL,
		     "no-such-group-here");
	refused_conf("lists = many\n", -EINVAL, "many");
	refused_conf("lists = 0\n", -EINVAL, "line 1");
	refused_conf("lists = 99999999999\n", -EINVAL, "line 1");
	refused_conf("connections = -1\n", -EINVAL, "line 1");
	refused_conf("segment-group\n", -EINVAL, "line 1");
}

/* What a user wrote, or could have written, shares nothing. */
static void test_only_roots_file_is_an_administrators(void **state)
{
	const char *path;

	need_root();
	path = conf("segment-group = 2147400009\n");
	assert_int_equal(chown(path, ANNA, (gid_t)-1), 0);
	refused_conf(NULL, -EPERM, "root");
	assert_int_equal(chown(path, 0, GROUP), 0);
	assert_int_equal(chmod(path, 0664), 0);
	refused_conf(NULL, -EPERM, "others than root may write");
	assert_int_equal(chmod(path, 0646), 0);
	refused_conf(NULL, -EPERM, "others than root may write");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	refused_conf(NULL, -EPERM, "regular file");
	assert_int_equal(rmdir(path), 0);
}

/* --- Two users ---------------------------------------------------------- */

static int become(uid_t uid, bool member)
{
	gid_t group = GROUP;

	/* The last: changing user takes the parent's hold back. */
	return setgroups(member ? 1 : 0, &group) || setresgid(uid, uid, uid) ||
	       setresuid(uid, uid, uid) || prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* As `holder`, in the place that is this user's. */
static int holds_as(uid_t uid, bool member, int fd)
{
	struct mx_reg_params p = {.max_sessions = 2};
	struct mx_sid sid = mx_sid_unix(1);
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_clist *cl = NULL;
	struct mx_conn *k = NULL;
	struct mx_reg *reg = NULL;

	unsetenv("MAPIARY_SEGMENT");
	if (become(uid, member))
		return 1;
	if (mx_reg_open(&p, &reg, &f)) {
		print_error("%s\n", f.text);
		says(fd, 'f');
		return 2;
	}
	if (mx_clist_join(reg, &sid, "kid", &cl, NULL) ||
	    open_conn(cl, (mx_mono){0}, &k) ||
	    mx_conn_set_cookies(k, "MapiContext=kid"))
		return 3;
	says(fd, 'r');
	if (!hears(fd, 'q'))
		return 4;
	mx_conn_close(k, MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_reg_close(reg);
	return 0;
}

static int anna_holds(int fd)
{
	return holds_as(ANNA, true, fd);
}

static int carl_holds(int fd)
{
	return holds_as(CARL, false, fd);
}

/* Bert meets Anna: her session counts in the budget, and after her death her
 * place and her session's cookies are his to take over. */
static int bert_shares(int fd)
{
	struct mx_reg_params p = {.max_sessions = 2};
	struct mx_sid sid = mx_sid_unix(1);
	struct mx_clist *cl = NULL;
	struct mx_conn *k[2] = {NULL}, *no = NULL;
	struct mx_reg *reg = NULL;
	char cookies[32] = "";

	if (become(BERT, true) || mx_reg_open(&p, &reg, NULL))
		return 1;
	if (procs_in_use(reg) != 2 ||
	    mx_clist_join(reg, &sid, "kid", &cl, NULL) ||
	    open_conn(cl, (mx_mono){0}, &k[0]) ||
	    open_conn(cl, (mx_mono){0}, &no) != -EDQUOT)
		return 2;
	says(fd, 'k'); /* kill her */
	if (open_conn(cl, MX_MONO_NEVER, &k[1]) ||
	    mx_conn_cookies(k[1], cookies, sizeof(cookies)) != 15 ||
	    strcmp(cookies, "MapiContext=kid"))
		return 3;
	mx_reg_tick(reg);
	if (procs_in_use(reg) != 1)
		return 4;
	mx_conn_close(k[0], MX_CONN_ENDED);
	mx_conn_close(k[1], MX_CONN_ENDED);
	mx_clist_leave(cl);
	mx_reg_close(reg);
	return 0;
}

static const char *place_of(const char *kind, unsigned id)
{
	static char path[64];

	snprintf(path, sizeof(path), "/dev/shm/mapiary-%s%u", kind, id);
	return path;
}

static void assert_file(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(st.st_uid, uid);
	assert_int_equal(st.st_gid, gid);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void remove_all(void)
{
	unlink(place_of("", ANNA));
	unlink(place_of("", BERT));
	unlink(place_of("", CARL));
	unlink(place_of("group-", GROUP));
}

static void test_the_administrators_group_shares_a_segment(void **state)
{
	struct kid anna, bert;

	need_root();
	remove_all();
	conf_for_all("segment-group = 2147400009\nlists = 64\n");
	anna = kid_start(anna_holds);
	assert_true(hears(anna.fd, 'r'));
	assert_file(place_of("group-", GROUP), ANNA, GROUP, 0660);
	bert = kid_start(bert_shares);
	assert_true(hears(bert.fd, 'k'));
	kid_kill(&anna);
	assert_int_equal(kid_wait(&bert), 0);
	assert_int_equal(access(place_of("", ANNA), F_OK), -1);
	remove_all();
}

static int carl_tries(int fd)
{
	struct mx_snap_src *src = NULL;
	struct mx_reg *reg = NULL;
	struct mx_reg_params p = {0};
	struct mx_fault f = MX_FAULT_INIT;
	char group[64], anna[64];

	snprintf(group, sizeof(group), "%s", place_of("group-", GROUP));
	snprintf(anna, sizeof(anna), "%s", place_of("", ANNA));
	if (become(CARL, false))
		return 1;
	for (int i = 0; i < 2; i++) {
		p.path = i ? group : anna;
		if (access(p.path, F_OK))
			continue;
		if (mx_reg_open(&p, &reg, &f) != -EPERM || !f.text[0])
			return 2;
		/* By the environment neither, and no look from outside. */
		setenv("MAPIARY_SEGMENT", p.path, 1);
		if (mx_reg_open(NULL, &reg, &f) != -EPERM ||
		    !mx_snap_open(p.path, &src, &f) ||
		    !mx_snap_open(NULL, &src, &f))
			return 3;
		unsetenv("MAPIARY_SEGMENT");
	}
	return 0;
}

/* Who is not in the group has his own, and cannot so much as look at theirs. */
static void test_others_have_their_own(void **state)
{
	struct kid anna, carl, tries;

	need_root();
	remove_all();
	conf_for_all("segment-group = 2147400009\nlists = 64\n");
	anna = kid_start(anna_holds);
	carl = kid_start(carl_holds);
	assert_true(hears(anna.fd, 'r'));
	assert_true(hears(carl.fd, 'r'));
	assert_file(place_of("", CARL), CARL, CARL, 0600);
	tries = kid_start(carl_tries);
	assert_int_equal(kid_wait(&tries), 0);
	kid_kill(&anna);
	kid_kill(&carl);
	remove_all();
}

/* Without an administrator's word nobody sees another's, member or not. */
static void test_without_a_group_every_user_is_alone(void **state)
{
	struct kid anna, tries;

	need_root();
	remove_all();
	conf_for_all(NULL);
	anna = kid_start(anna_holds);
	assert_true(hears(anna.fd, 'r'));
	assert_file(place_of("", ANNA), ANNA, ANNA, 0600);
	assert_int_equal(access(place_of("group-", GROUP), F_OK), -1);
	tries = kid_start(carl_tries);
	assert_int_equal(kid_wait(&tries), 0);
	kid_kill(&anna);
	remove_all();
}

/* The environment is the user's and shares nothing: not even a member gets at
 * the group's segment by its name. */
static int anna_names_it(int fd)
{
	struct mx_reg *reg = NULL;
	struct mx_fault f = MX_FAULT_INIT;

	setenv("MAPIARY_SEGMENT", place_of("group-", GROUP), 1);
	if (become(BERT, true))
		return 1;
	return mx_reg_open(NULL, &reg, &f) == -EPERM &&
			       strstr(f.text, "belongs to user")
		       ? 0
		       : 2;
}

static void test_the_environment_shares_nothing(void **state)
{
	struct kid anna, names;

	need_root();
	remove_all();
	conf_for_all("segment-group = 2147400009\nlists = 64\n");
	anna = kid_start(anna_holds);
	assert_true(hears(anna.fd, 'r'));
	names = kid_start(anna_names_it);
	assert_int_equal(kid_wait(&names), 0);
	kid_kill(&anna);
	remove_all();
}

static void squat(const char *path, uid_t uid, gid_t gid, mode_t mode)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 65536), 0);
	assert_int_equal(fchown(fd, uid, gid), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int anna_is_refused(int fd)
{
	struct mx_reg *reg = NULL;
	struct mx_fault f = MX_FAULT_INIT;

	unsetenv("MAPIARY_SEGMENT");
	if (become(ANNA, true))
		return 1;
	return mx_reg_open(NULL, &reg, &f) == -EPERM && f.text[0] ? 0 : 2;
}

/* Who takes the name of somebody's segment is not joined: he cannot give his
 * file to the group, and not to another user. */
static void test_a_file_in_the_way_is_never_joined(void **state)
{
	struct kid anna;

	need_root();
	for (int i = 0; i < 4; i++) {
		remove_all();
		conf_for_all(i < 2 ? "segment-group = 2147400009\n" : NULL);
		squat(i < 2 ? place_of("group-", GROUP) : place_of("", ANNA),
		      CARL, i % 2 ? CARL : ANNA, i % 2 ? 0660 : 0666);
		anna = kid_start(anna_is_refused);
		assert_int_equal(kid_wait(&anna), 0);
	}
	remove_all();
}

MX_TEST_MAIN(MX_TEST(test_first_call_from_an_impersonating_thread),
	     MX_TEST(test_the_place_is_the_process_s),
	     MX_TEST(test_the_administrators_words_are_read),
	     MX_TEST(test_wrong_words_are_named_by_line),
	     MX_TEST(test_only_roots_file_is_an_administrators),
	     MX_TEST(test_the_administrators_group_shares_a_segment),
	     MX_TEST(test_others_have_their_own),
	     MX_TEST(test_without_a_group_every_user_is_alone),
	     MX_TEST(test_the_environment_shares_nothing),
	     MX_TEST(test_a_file_in_the_way_is_never_joined))
