/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * glibc's getters are plain system calls about the calling thread, and its
 * setters (used elsewhere) change every thread; here only the getters are
 * used.  /proc/self is the process, so its status shows the leader's
 * credentials; a thread may always read it for its own process, whatever its
 * user id and the hidepid option.
 */
#include "identity/creds.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"

/* NGROUPS_MAX groups of ten digits, and the rest. */
#define STATUS_MAX (1u << 20)

void mx_creds_fini(struct mx_creds *c)
{
	free(c->groups);
	*c = MX_CREDS_INIT;
}

/* An id that no setfsuid accepts: nothing changes, the answer is the current
 * one. */
static uid_t thread_fsuid(void)
{
	return (uid_t)syscall(SYS_setfsuid, (uid_t)-1);
}

static gid_t thread_fsgid(void)
{
	return (gid_t)syscall(SYS_setfsgid, (gid_t)-1);
}

int mx_creds_thread(struct mx_creds *ret)
{
	MX_AUTO(mx_creds_auto) struct mx_creds c = MX_CREDS_INIT;
	int n;

	if (getresuid(&c.ruid, &c.euid, &c.suid) ||
	    getresgid(&c.rgid, &c.egid, &c.sgid))
		return -errno;
	c.fsuid = thread_fsuid();
	c.fsgid = thread_fsgid();
	n = getgroups(0, NULL);
	if (n < 0)
		return -errno;
	c.groups = malloc(((size_t)n + 1) * sizeof(*c.groups));
	if (!c.groups)
		return -ENOMEM;
	n = getgroups(n, c.groups);
	if (n < 0)
		return -errno;
	c.n_groups = (size_t)n;
	*ret = c;
	c.groups = NULL;
	return 0;
}

static int read_all(const char *path, struct mx_buf *b)
{
	MX_AUTO(mx_close_auto) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	for (;;) {
		uint8_t *p = mx_buf_room(b, 4096);

		if (!p)
			return b->err ? b->err : -ENOMEM;
		n = read(fd, p, 4096);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		b->len += (size_t)n;
	}
}

/* Reads up to max numbers behind "\nkey:" and returns how many there are. */
static size_t status_numbers(const char *text, const char *key, uint32_t *v,
			     size_t max)
{
	const char *p = strstr(text, key);
	size_t n = 0;

	if (!p)
		return 0;
	for (p += strlen(key);;) {
		char *end;
		unsigned long x;

		while (*p == ' ' || *p == '\t')
			p++;
		if (*p < '0' || *p > '9')
			return n;
		x = strtoul(p, &end, 10);
		if (n < max)
			v[n] = (uint32_t)x;
		n++;
		p = end;
	}
}

static int parse_status(const char *text, struct mx_creds *ret)
{
	MX_AUTO(mx_creds_auto) struct mx_creds c = MX_CREDS_INIT;
	uint32_t u[4], g[4];

	if (status_numbers(text, "\nUid:", u, 4) != 4 ||
	    status_numbers(text, "\nGid:", g, 4) != 4)
		return -EBADMSG;
	c.n_groups = status_numbers(text, "\nGroups:", NULL, 0);
	c.groups = malloc((c.n_groups + 1) * sizeof(*c.groups));
	if (!c.groups)
		return -ENOMEM;
	status_numbers(text, "\nGroups:", c.groups, c.n_groups);
	c.ruid = u[0], c.euid = u[1], c.suid = u[2], c.fsuid = u[3];
	c.rgid = g[0], c.egid = g[1], c.sgid = g[2], c.fsgid = g[3];
	*ret = c;
	c.groups = NULL;
	return 0;
}

int mx_creds_process(struct mx_creds *ret)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = {.max = STATUS_MAX};
	int err;

	if (getpid() == gettid())
		return mx_creds_thread(ret);
	err = read_all("/proc/self/status", &b);
	if (err)
		return err;
	return parse_status(mx_buf_str(&b), ret);
}

bool mx_creds_equal(const struct mx_creds *a, const struct mx_creds *b)
{
	return a->ruid == b->ruid && a->euid == b->euid && a->suid == b->suid &&
	       a->fsuid == b->fsuid && a->rgid == b->rgid &&
	       a->egid == b->egid && a->sgid == b->sgid &&
	       a->fsgid == b->fsgid && a->n_groups == b->n_groups &&
	       (!a->n_groups ||
		!memcmp(a->groups, b->groups, a->n_groups * sizeof(gid_t)));
}

/* What the process `cached_pid` found; written before, read after it. */
static uid_t cached_uid;
static int cached_pid;

int mx_creds_process_uid(uid_t *ret)
{
	MX_AUTO(mx_creds_auto) struct mx_creds c = MX_CREDS_INIT;
	int pid = getpid();
	int err;

	if (__atomic_load_n(&cached_pid, __ATOMIC_ACQUIRE) == pid) {
		*ret = __atomic_load_n(&cached_uid, __ATOMIC_RELAXED);
		return 0;
	}
	err = mx_creds_process(&c);
	if (err)
		return err;
	__atomic_store_n(&cached_uid, c.euid, __ATOMIC_RELAXED);
	__atomic_store_n(&cached_pid, pid, __ATOMIC_RELEASE);
	*ret = c.euid;
	return 0;
}

uid_t mx_creds_thread_uid(uid_t process_uid)
{
	uid_t euid = geteuid();

	return euid != process_uid ? euid : thread_fsuid();
}
