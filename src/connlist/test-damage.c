/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes flipped in a segment: before it is mapped, and under those who
 * are attached.  Whatever the bytes: no crash, no endless loop, nobody gets
 * another user's list or session, and when nobody is attached the segment is
 * usable afterwards.  With the arguments "fuzz N" N times before mapping and a
 * tenth of that while attached, instead of a few thousand.
 *
 * Thousands of rounds run in one child, which says in shared memory where it is;
 * a crash or a loop is that child's, and the seed to repeat it is known.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"
#include "connlist/conn.h"
#include "connlist/test-util.h"

#define USERS 3
#define ROUNDS_A_CHILD 2000
/* A round takes milliseconds at most, and a second for each lock whose word was
 * changed into a living process's. */
#define ROUND_DEADLINE_S 60

static const struct mx_reg_params small = {
	.n_lists = 4, .n_conns = 4, .n_buckets = 2, .max_sessions = 2};

static struct {
	struct shm_map map; /* addresses in `bytes` */
	uint8_t *bytes;
	size_t n;
} model;

static int attach(struct mx_reg **ret)
{
	struct mx_reg_params p = small;

	p.path = tu_path();
	return mx_reg_open(&p, ret, NULL);
}

static void cookie_of(uint32_t user, char buf[32])
{
	snprintf(buf, 32, "MapiContext=user%u", user);
}

static int open_session(struct mx_clist *cl, struct mx_conn **ret)
{
	struct mx_conn_params p = {.server = "s:1"};

	return mx_conn_open(cl, &p, ret, NULL);
}

/* A segment with a list and a session left behind for users 1 and 2. */
static void make_model(void)
{
	struct mx_reg *reg = NULL;
	struct stat st;
	char cookie[32];
	int fd;

	unlink(tu_path());
	assert_int_equal(attach(&reg), 0);
	for (uint32_t user = 1; user < USERS; user++) {
		struct mx_clist *cl = tu_join(reg, user);
		struct mx_conn *k = NULL;

		cookie_of(user, cookie);
		assert_int_equal(open_session(cl, &k), 0);
		assert_int_equal(mx_conn_set_cookies(k, cookie), 0);
		mx_conn_close(k, MX_CONN_LEFT);
		mx_clist_leave(cl);
	}
	mx_reg_close(reg);
	fd = open(tu_path(), O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	model.n = (size_t)st.st_size;
	model.bytes = aligned_alloc(4096, model.n);
	assert_non_null(model.bytes);
	assert_int_equal(pread(fd, model.bytes, model.n, 0), model.n);
	close(fd);
	assert_int_equal(segment_check_header(model.bytes, model.n, &model.map,
					      NULL),
			 0);
}

/* --- Where -------------------------------------------------------------- */

/* Where there is something: most flips hit what is in use. */
static size_t somewhere(struct mx_prng *r)
{
	const struct shm_map *m = &model.map;
	size_t base = 0, n = 0;

#define IN(field, count)                                                       \
	do {                                                                   \
		base = (size_t)((const uint8_t *)m->field - model.bytes);      \
		n = (count) * sizeof(*m->field);                               \
	} while (0)
	switch (mx_prng_below(r, 12)) {
	case 0:
		IN(procs, 2);
		break;
	case 1:
	case 2:
		IN(buckets, m->n_buckets);
		break;
	case 3:
		IN(list_claims, m->n_lists);
		break;
	case 4:
		IN(conn_claims, m->n_conns);
		break;
	case 5:
		IN(peer_claims, 3);
		break;
	case 6:
	case 7:
		IN(lists, 3);
		break;
	case 8:
		IN(peers, 3);
		break;
	case 9:
	case 10:
		IN(conns, 3);
		break;
	default:
		n = model.n;
	}
#undef IN
	return base + mx_prng_below(r, (uint32_t)n);
}

/* Random values, and those that mean something. */
static uint8_t some_byte(struct mx_prng *r, uint8_t was)
{
	switch (mx_prng_below(r, 4)) {
	case 0:
		return (uint8_t)mx_prng_below(r, 10);
	case 1:
		return was ^ (uint8_t)(1u << mx_prng_below(r, 8));
	default:
		return (uint8_t)mx_prng_next(r);
	}
}

/* --- Use ---------------------------------------------------------------- */

static bool own_sid(struct mx_reg *reg, const struct mx_clist *cl,
		    const struct mx_sid *sid)
{
	const struct shm_list *l = &reg->map.lists[cl->slot];
	uint64_t raw[SHM_SID_WORDS];
	struct mx_sid got;

	shm_get_bytes(raw, l->sid, SHM_SID_WORDS);
	return !mx_sid_unpack(raw, shm_get32(&l->sid_len), &got) &&
	       mx_sid_equal(sid, &got);
}

/* No session of another user's: cookies are his own, damaged maybe, or none. */
static bool own_cookies(struct mx_conn *k, uint32_t user)
{
	char got[MX_CONN_COOKIES_MAX + 1], other[32];

	if (!mx_conn_cookies(k, got, sizeof(got)))
		return true;
	for (uint32_t i = 1; i < USERS; i++) {
		cookie_of(i, other);
		if (i != user && !strcmp(got, other))
			return false;
	}
	return true;
}

/* Users 1 to 3 each join, open and give back.  0, or what is wrong. */
static int use(struct mx_reg *reg)
{
	for (uint32_t user = 1; user <= USERS; user++) {
		struct mx_sid sid = mx_sid_unix(user);
		struct mx_clist *cl = NULL;
		struct mx_conn *k = NULL;

		if (mx_clist_join(reg, &sid, "", &cl, NULL))
			continue;
		if (!own_sid(reg, cl, &sid))
			return 3;
		if (!open_session(cl, &k)) {
			if (!own_cookies(k, user))
				return 4;
			mx_conn_report(k, MX_HEALTH_FULL, 1, 9);
			mx_conn_close(k, MX_CONN_ENDED);
		}
		mx_clist_wait_done(cl, MX_SCOPE_EVERYONE, (mx_mono){0}, NULL,
				   NULL, NULL);
		mx_clist_leave(cl);
	}
	mx_reg_tick(reg);
	sweep_all(reg);
	return 0;
}

/* Readers take no lock and believe nothing. */
static void look(void)
{
	struct mx_snap_src *src = NULL;
	struct mx_snap snap = MX_SNAP_INIT;
	struct mx_diag *v = NULL;
	size_t n;

	if (mx_snap_open(tu_path(), &src, NULL))
		return;
	if (!mx_snap_take(src, &snap) && !mx_diag_run(&snap, NULL, &v, &n))
		free(v);
	mx_snap_fini(&snap);
	mx_snap_close(src);
}

static int write_file(const uint8_t *bytes)
{
	int fd = open(tu_path(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int bad;

	if (fd < 0)
		return 10;
	bad = pwrite(fd, bytes, model.n, 0) != (ssize_t)model.n;
	close(fd);
	return bad ? 11 : 0;
}

/* Flipped while nobody is there: never refused, made anew if need be. */
static int round_alone(struct mx_prng *r, uint8_t *scratch)
{
	unsigned n = 1 + mx_prng_below(r, 6);
	struct mx_reg *reg = NULL;
	int bad;

	memcpy(scratch, model.bytes, model.n);
	while (n--) {
		size_t at = somewhere(r);

		scratch[at] = some_byte(r, scratch[at]);
	}
	bad = write_file(scratch);
	if (bad)
		return bad;
	look();
	if (attach(&reg))
		return 2;
	bad = use(reg);
	mx_reg_close(reg);
	return bad;
}

/* Flipped under one who is attached and has a session, while another comes. */
static int round_attached(struct mx_prng *r)
{
	unsigned n = 1 + mx_prng_below(r, 6);
	struct mx_reg *reg = NULL, *more = NULL;
	struct mx_clist *cl = NULL;
	struct mx_conn *k = NULL;
	struct mx_sid sid = mx_sid_unix(1);
	int fd, bad;

	bad = write_file(model.bytes);
	if (bad)
		return bad;
	if (attach(&reg) || mx_clist_join(reg, &sid, "", &cl, NULL) ||
	    open_session(cl, &k))
		return 5;
	fd = open(tu_path(), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return 12;
	while (n--) {
		size_t at = somewhere(r);
		uint8_t v = 0;

		if (pread(fd, &v, 1, (off_t)at) != 1)
			bad = 13;
		v = some_byte(r, v);
		if (pwrite(fd, &v, 1, (off_t)at) != 1)
			bad = 14;
	}
	close(fd);
	look();
	if (!bad && !attach(&more)) {
		bad = use(more);
		mx_reg_close(more);
	}
	if (!bad && !own_cookies(k, 1))
		bad = 6;
	if (!bad)
		bad = use(reg);
	mx_conn_close(k, MX_CONN_LEFT);
	mx_clist_leave(cl);
	mx_reg_close(reg);
	/* All have gone: usable again, whatever was in it. */
	if (!bad && attach(&reg))
		bad = 7;
	else if (!bad)
		mx_reg_close(reg);
	return bad;
}

/* --- Many --------------------------------------------------------------- */

static unsigned long n_alone = 1500, n_attached = 600;

static int rounds(unsigned long from, unsigned long to, bool attached,
		  unsigned long *at)
{
	uint8_t *scratch = malloc(model.n);
	int bad = scratch ? 0 : 20;

	for (unsigned long i = from; i < to && !bad; i++) {
		struct mx_prng r = {(i + 1) * 2654435761u};

		__atomic_store_n(at, i, __ATOMIC_RELAXED);
		alarm(ROUND_DEADLINE_S);
		mx_prng_next(&r);
		bad = attached ? round_attached(&r) : round_alone(&r, scratch);
	}
	free(scratch);
	return bad;
}

static void damage(unsigned long n, bool attached)
{
	unsigned long *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	make_model();
	for (unsigned long i = 0; i < n; i += ROUNDS_A_CHILD) {
		unsigned long end = i + ROUNDS_A_CHILD < n ? i + ROUNDS_A_CHILD
							   : n;
		pid_t pid = tu_fork();
		int st;

		if (pid == 0)
			_exit(rounds(i, end, attached, at));
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, &st, 0), pid);
		if (st) {
			print_error("round %lu: status %x\n", *at, st);
			fail();
		}
	}
	print_message("%lu rounds\n", n);
	munmap(at, 4096);
	free(model.bytes);
}

static void test_random_damage_with_nobody_attached(void **state)
{
	damage(n_alone, false);
}

static void test_random_damage_under_those_attached(void **state)
{
	damage(n_attached, true);
}

static const struct mx_test tests[] = {
	MX_TEST_IN(test_random_damage_with_nobody_attached, 7200),
	MX_TEST_IN(test_random_damage_under_those_attached, 7200),
};

int main(int argc, char **argv)
{
	/* Thousands of files a second: where real segments are. */
	if (!access("/dev/shm", W_OK))
		setenv("TMPDIR", "/dev/shm", 1);
	if (argc == 3 && !strcmp(argv[1], "fuzz")) {
		n_alone = strtoul(argv[2], NULL, 10);
		n_attached = n_alone / 10;
		argc = 1;
	}
	return mx_test_run(tests, MX_ARRAY_SIZE(tests), argc, argv);
}
