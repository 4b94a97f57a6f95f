/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The file: damaged, foreign, somebody else's, no room for it. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "connlist/conn.h"
#include "connlist/test-util.h"

static const struct mx_reg_params small = {
	.n_lists = 4, .n_conns = 4, .n_buckets = 2};

static int try_attach(struct mx_reg **ret, struct mx_fault *f)
{
	struct mx_reg_params p = small;

	p.path = tu_path();
	return mx_reg_open(&p, ret, f);
}

/* A segment with two lists in it, one with a session left behind, and nobody
 * attached; the file's inode number. */
static ino_t make_used_segment(void)
{
	struct mx_conn_params p = {.server = "s:1"};
	struct mx_conn *k = NULL;
	struct mx_reg *reg;
	struct mx_clist *a, *b;
	struct stat st;

	unlink(tu_path());
	assert_int_equal(try_attach(&reg, NULL), 0);
	a = tu_join(reg, 1);
	b = tu_join(reg, 2);
	assert_int_equal(mx_conn_open(a, &p, &k, NULL), 0);
	assert_int_equal(mx_conn_set_cookies(k, "MapiContext=1"), 0);
	mx_conn_close(k, MX_CONN_LEFT);
	mx_clist_leave(a);
	mx_clist_leave(b);
	mx_reg_close(reg);
	assert_int_equal(stat(tu_path(), &st), 0);
	return st.st_ino;
}

static ino_t inode(void)
{
	struct stat st;

	assert_int_equal(stat(tu_path(), &st), 0);
	return st.st_ino;
}

static void poke(off_t at, uint8_t v)
{
	MX_AUTO(mx_close_auto) int fd = open(tu_path(), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &v, 1, at), 1);
}

static uint8_t peek(off_t at)
{
	MX_AUTO(mx_close_auto) int fd = open(tu_path(), O_RDONLY | O_CLOEXEC);
	uint8_t v = 0;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &v, 1, at), 1);
	return v;
}

/* Attaches, uses it, detaches: it works whatever was there before. */
static void must_work(void)
{
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_reg *reg = NULL;
	struct mx_clist *cl;
	int err = try_attach(&reg, &f);

	if (err) {
		print_error("%d %s\n", err, f.text);
		fail();
	}
	cl = tu_join(reg, 1);
	assert_true(mx_clist_valid(cl));
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

static void test_a_good_segment_is_kept(void **state)
{
	ino_t was = make_used_segment();
	struct mx_reg *reg = NULL;

	assert_int_equal(try_attach(&reg, NULL), 0);
	assert_int_equal(inode(), was);
	assert_int_equal(tu_claims(reg->map.conn_claims, 4), 1);
	mx_reg_close(reg);
}

/* Every byte of the header's constant part, every bit. */
static void test_any_flip_in_the_header_is_noticed(void **state)
{
	for (off_t at = 0; at < 60; at++)
		for (int bit = 0; bit < 8; bit++) {
			ino_t was = make_used_segment();

			poke(at, peek(at) ^ (uint8_t)(1 << bit));
			must_work();
			assert_int_not_equal(inode(), was);
		}
}

static void test_damage_is_refused_while_others_are_attached(void **state)
{
	struct mx_reg *reg = NULL, *no = NULL;
	struct mx_fault f = MX_FAULT_INIT;
	ino_t was;

	make_used_segment();
	assert_int_equal(try_attach(&reg, NULL), 0);
	was = inode();
	poke(20, 99);
	assert_int_equal(try_attach(&no, &f), -EBADMSG);
	assert_non_null(strstr(f.text, "damaged"));
	poke(8, 1); /* another version */
	assert_int_equal(try_attach(&no, &f), -EPROTO);
	assert_non_null(strstr(f.text, "version 1"));
	assert_int_equal(inode(), was);
	mx_reg_close(reg);
	must_work();
	assert_int_not_equal(inode(), was);
}

static void test_every_truncation_is_noticed(void **state)
{
	struct stat st;

	make_used_segment();
	assert_int_equal(stat(tu_path(), &st), 0);
	for (off_t n = 0; n < st.st_size; n += n < 4096 ? 512 : 1500) {
		ino_t was = make_used_segment();

		assert_int_equal(truncate(tu_path(), n), 0);
		must_work();
		assert_int_not_equal(inode(), was);
	}
	make_used_segment();
	assert_int_equal(truncate(tu_path(), st.st_size + 4096), 0);
	must_work();
}

static void test_another_mode_is_refused(void **state)
{
	struct mx_reg *reg = NULL, *no = NULL;
	struct mx_fault f = MX_FAULT_INIT;
	ino_t was = make_used_segment();

	assert_int_equal(try_attach(&reg, NULL), 0);
	assert_int_equal(chmod(tu_path(), 0644), 0);
	assert_int_equal(try_attach(&no, &f), -EPERM);
	assert_non_null(strstr(f.text, "mode 0644"));
	mx_reg_close(reg);
	must_work();
	assert_int_not_equal(inode(), was);
}

static void test_another_owner_is_refused(void **state)
{
	struct mx_reg *reg = NULL, *no = NULL;
	struct mx_fault f = MX_FAULT_INIT;
	ino_t was = make_used_segment();

	if (geteuid() != 0)
		mx_test_skip("needs root to give a file away");
	assert_int_equal(try_attach(&reg, NULL), 0);
	assert_int_equal(chown(tu_path(), 4711, (gid_t)-1), 0);
	assert_int_equal(try_attach(&no, &f), -EPERM);
	assert_non_null(strstr(f.text, "belongs to user 4711"));
	mx_reg_close(reg);
	must_work();
	assert_int_not_equal(inode(), was);
}

static void refused_as_no_file(void)
{
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_reg *no = NULL;
	struct stat st;

	assert_int_equal(try_attach(&no, &f), -EPERM);
	assert_true(f.text[0]);
	assert_int_equal(lstat(tu_path(), &st), 0); /* still there */
}

static void test_what_is_no_file_is_never_followed(void **state)
{
	unlink(tu_path());
	assert_int_equal(symlink("/dev/null", tu_path()), 0);
	refused_as_no_file();
	assert_int_equal(unlink(tu_path()), 0);
	assert_int_equal(mkfifo(tu_path(), 0600), 0);
	refused_as_no_file();
	assert_int_equal(unlink(tu_path()), 0);
	assert_int_equal(mkdir(tu_path(), 0700), 0);
	refused_as_no_file();
	assert_int_equal(rmdir(tu_path()), 0);
}

static void test_a_missing_folder_is_a_clear_error(void **state)
{
	struct mx_reg_params p = {.path = "/nonexistent/segment"};
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_reg *no = NULL;

	assert_int_equal(mx_reg_open(&p, &no, &f), -ENOENT);
	assert_non_null(strstr(f.text, "/nonexistent/segment"));
}

static void test_impossible_capacities_are_refused(void **state)
{
	struct mx_reg_params p = {.path = tu_path(), .n_lists = 1u << 30};
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_reg *no = NULL;

	unlink(tu_path());
	assert_int_equal(mx_reg_open(&p, &no, &f), -EINVAL);
	assert_int_equal(access(tu_path(), F_OK), -1);
}

static void test_an_empty_segment_takes_another_capacity(void **state)
{
	struct mx_reg_params p = {.path = tu_path(), .n_lists = 9};
	struct mx_reg *reg;
	struct mx_reg_info info;

	unlink(tu_path());
	assert_int_equal(try_attach(&reg, NULL), 0);
	mx_reg_close(reg);
	assert_int_equal(mx_reg_open(&p, &reg, NULL), 0);
	mx_reg_info(reg, &info);
	assert_int_equal(info.n_lists, 9);
	mx_reg_close(reg);
}

static void test_the_environment_names_the_file(void **state)
{
	char path[300];

	assert_int_equal(setenv("MAPIARY_SEGMENT", "/x/y", 1), 0);
	assert_int_equal(mx_reg_path(NULL, path, sizeof(path)), 0);
	assert_string_equal(path, "/x/y");
	assert_int_equal(mx_reg_path("/z", path, sizeof(path)), 0);
	assert_string_equal(path, "/z");
	assert_int_equal(mx_reg_path("/zzzz", path, 4), -ENAMETOOLONG);
	assert_int_equal(unsetenv("MAPIARY_SEGMENT"), 0);
	assert_int_equal(mx_reg_path(NULL, path, sizeof(path)), 0);
	assert_ptr_equal(strstr(path, "/dev/shm/mapiary-"), path);
}

/* A list whose SID was changed into another user's is damage, and not that
 * user's list. */
static void test_a_changed_sid_is_not_believed(void **state)
{
	struct mx_reg_params p = {.path = tu_path(), .n_buckets = 1};
	struct mx_sid other = mx_sid_unix(2);
	struct mx_clist *a, *no = NULL;
	struct mx_fault f = MX_FAULT_INIT;
	const struct shm_list *l;
	struct mx_reg *reg;
	uint64_t raw[SHM_SID_WORDS] = {0};

	unlink(tu_path());
	assert_int_equal(mx_reg_open(&p, &reg, NULL), 0);
	a = tu_join(reg, 1);
	l = &reg->map.lists[mx_clist_slot(a)];
	mx_sid_pack(&other, (uint8_t *)raw);
	shm_put_bytes(l->sid, SHM_SID_WORDS, raw, sizeof(raw));
	shm_put32(&l->crc, mx_sid_crc(&other));
	assert_int_equal(mx_clist_join(reg, &other, "", &no, &f), -EBADMSG);
	assert_non_null(strstr(f.text, "damaged"));
	mx_clist_leave(a);
	mx_reg_close(reg);
	must_work();
}

/* A bit that flips in what a list is found by is seen, whichever it is. */
static void test_every_bit_of_a_lists_identity_counts(void **state)
{
	struct mx_reg *reg = tu_open(8, 8, 0);
	struct mx_clist *cl = tu_join(reg, 1);
	uint32_t i = mx_clist_slot(cl);
	const struct shm_list *l = &reg->map.lists[i];
	const struct {
		const void *at;
		unsigned n;
	} parts[] = {
		{&l->gen, 2},     {&l->crc, 1}, {&l->sum, 1},
		{&l->sid_len, 1}, {l->sid, 4}, /* S-1-22-1-1: 16 bytes */
	};

	for (size_t p = 0; p < MX_ARRAY_SIZE(parts); p++)
		for (unsigned bit = 0; bit < 32 * parts[p].n; bit++) {
			const uint32_t *w = parts[p].at;
			uint32_t was = shm_get32(w += bit / 32);

			shm_put32(w, was ^ 1u << bit % 32);
			assert_false(list_right(&reg->map, i));
			shm_put32(w, was);
		}
	assert_true(list_right(&reg->map, i));
	mx_clist_leave(cl);
	mx_reg_close(reg);
}

/* --- No room ------------------------------------------------------------ */

/* In its own mount namespace: a tmpfs of 1 MiB. */
static int open_in_small_tmpfs(void)
{
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_reg_params p = {.path = "/mnt/segment"};
	struct mx_reg *reg = NULL;
	int err;

	if (tu_unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/mnt", "tmpfs", 0, "size=1m"))
		return 77;
	err = mx_reg_open(&p, &reg, &f);
	if (err != -ENOSPC || !strstr(f.text, "no room for the segment") ||
	    !access(p.path, F_OK))
		return 1;
	p.n_lists = 100;
	p.n_conns = 100;
	return mx_reg_open(&p, &reg, &f) ? 2 : 0;
}

static void test_a_full_dev_shm_is_a_clear_error(void **state)
{
	pid_t pid = tu_fork();
	int st;

	if (pid == 0)
		_exit(open_in_small_tmpfs());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &st, 0), pid);
	assert_true(WIFEXITED(st));
	if (WEXITSTATUS(st) == 77)
		mx_test_skip("needs the right to mount");
	assert_int_equal(WEXITSTATUS(st), 0);
}

MX_TEST_MAIN(MX_TEST(test_every_bit_of_a_lists_identity_counts),
	     MX_TEST(test_a_good_segment_is_kept),
	     MX_TEST(test_any_flip_in_the_header_is_noticed),
	     MX_TEST(test_damage_is_refused_while_others_are_attached),
	     MX_TEST(test_every_truncation_is_noticed),
	     MX_TEST(test_another_mode_is_refused),
	     MX_TEST(test_another_owner_is_refused),
	     MX_TEST(test_what_is_no_file_is_never_followed),
	     MX_TEST(test_a_missing_folder_is_a_clear_error),
	     MX_TEST(test_impossible_capacities_are_refused),
	     MX_TEST(test_an_empty_segment_takes_another_capacity),
	     MX_TEST(test_the_environment_names_the_file),
	     MX_TEST(test_a_changed_sid_is_not_believed),
	     MX_TEST(test_a_full_dev_shm_is_a_clear_error))
