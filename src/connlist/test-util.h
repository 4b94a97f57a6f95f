/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of connlist share: small segments in a private directory. */
#ifndef MX_CONNLIST_TEST_UTIL_H
#define MX_CONNLIST_TEST_UTIL_H

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/test.h"
#include "connlist/clist.h"
#include "connlist/diag.h"
#include "connlist/registry-private.h"

/* One path a test program; every case begins by removing what is there. */
static char tu_path_[300];

static inline const char *tu_path(void)
{
	if (!tu_path_[0])
		snprintf(tu_path_, sizeof(tu_path_), "%s/segment",
			 mx_test_dir());
	return tu_path_;
}

/* In a child: another segment from here on. */
static inline void tu_path_own(const char *name, unsigned n)
{
	char path[sizeof(tu_path_)];

	snprintf(path, sizeof(path), "%s/%s-%u", mx_test_dir(), name, n);
	memcpy(tu_path_, path, sizeof(path));
}

/* fork() for tests: the child goes when its parent does, and a crash is a crash
 * there, not a jump into the parent's next case. */
static inline pid_t tu_fork(void)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (unsigned i = 0; i < MX_ARRAY_SIZE(crashes); i++)
			signal(crashes[i], SIG_DFL);
	}
	return pid;
}

static inline int tu_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	return !f || fputs(text, f) < 0 || fclose(f) ? -1 : 0;
}

/* A namespace of its own, in a user namespace with our own numbers when that is
 * what it takes.  0, or -1 where the system allows neither. */
static inline int tu_unshare(int flags)
{
	unsigned uid = (unsigned)geteuid(), gid = (unsigned)getegid();
	char u[40], g[40];

	if (!unshare(flags))
		return 0;
	snprintf(u, sizeof(u), "%u %u 1\n", uid, uid);
	snprintf(g, sizeof(g), "%u %u 1\n", gid, gid);
	return unshare(flags | CLONE_NEWUSER) ||
			       tu_write("/proc/self/uid_map", u) ||
			       tu_write("/proc/self/setgroups", "deny") ||
			       tu_write("/proc/self/gid_map", g)
		       ? -1
		       : 0;
}

static inline void tu_diagnose(void *arg)
{
	mx_diag_print(1, arg);
}

static inline struct mx_reg *tu_open_with(const struct mx_reg_params *p)
{
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_reg *reg = NULL;

	mx_test_diagnosis(tu_diagnose, (void *)(uintptr_t)tu_path());
	if (mx_reg_open(p, &reg, &f)) {
		print_error("mx_reg_open: %s\n", f.text);
		fail();
	}
	return reg;
}

/* Attaches to what is there. */
static inline struct mx_reg *tu_attach(void)
{
	return tu_open_with(&(struct mx_reg_params){.path = tu_path()});
}

/* A new segment. */
static inline struct mx_reg *tu_open(uint32_t lists, uint32_t conns,
				     uint32_t buckets)
{
	unlink(tu_path());
	return tu_open_with(&(struct mx_reg_params){.path = tu_path(),
						    .n_lists = lists,
						    .n_conns = conns,
						    .n_buckets = buckets});
}

/* The list of the Unix user `user`. */
static inline struct mx_clist *tu_join(struct mx_reg *reg, uint32_t user)
{
	struct mx_sid sid = mx_sid_unix(user);
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_clist *cl = NULL;
	char name[16];

	snprintf(name, sizeof(name), "user%u", user);
	if (mx_clist_join(reg, &sid, name, &cl, &f)) {
		print_error("mx_clist_join: %s\n", f.text);
		fail();
	}
	return cl;
}

/* The n-th SID of a family with one CRC.  CRC-32 is linear: the last four bytes
 * of the binary form can be chosen so that any CRC comes out.  Here they undo
 * what the sub-authority n before them did. */
static inline void tu_colliding_sid(uint32_t n, struct mx_sid *ret)
{
	struct mx_sid base = {.authority = 5, .n_subs = 3, .sub = {21, 0, 500}};
	uint32_t want = mx_sid_crc(&base), zero, bit_crc[32], x = 0;
	struct mx_sid sid = base;

	sid.sub[1] = n;
	sid.sub[2] = 0;
	zero = mx_sid_crc(&sid);
	want ^= zero;
	/* What each bit of the last word does to the CRC; the 32 are
	 * independent, so Gauss finds the word that does `want`. */
	uint32_t word[32];
	for (int i = 0; i < 32; i++) {
		sid.sub[2] = 1u << i;
		bit_crc[i] = mx_sid_crc(&sid) ^ zero;
		word[i] = 1u << i;
	}
	for (int bit = 0; bit < 32; bit++) {
		int p = bit;

		while (!(bit_crc[p] >> bit & 1))
			p++;
		uint32_t c = bit_crc[p], w = word[p];
		bit_crc[p] = bit_crc[bit], word[p] = word[bit];
		bit_crc[bit] = c, word[bit] = w;
		for (int i = 0; i < 32; i++)
			if (i != bit && (bit_crc[i] >> bit & 1))
				bit_crc[i] ^= c, word[i] ^= w;
	}
	for (int bit = 0; bit < 32; bit++)
		if (want >> bit & 1)
			x ^= word[bit];
	sid.sub[2] = x;
	*ret = sid;
}

static inline uint32_t tu_claims(const uint64_t *claims, uint32_t n)
{
	uint32_t used = 0;

	for (uint32_t i = 0; i < n; i++)
		used += shm_get64(&claims[i]) != 0;
	return used;
}

/* No slot, record or lock is in use but our own process's. */
static inline void tu_assert_empty(struct mx_reg *reg)
{
	const struct shm_map *m = &reg->map;
	struct mx_fault f = MX_FAULT_INIT;

	assert_int_equal(tu_claims(m->list_claims, m->n_lists), 0);
	assert_int_equal(tu_claims(m->peer_claims, m->n_peers), 0);
	assert_int_equal(tu_claims(m->conn_claims, m->n_conns), 0);
	if (segment_verify(reg, &f)) {
		print_error("%s\n", f.text);
		fail();
	}
}

#endif
