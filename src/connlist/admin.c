/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "connlist/admin.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "connlist/registry-private.h"
#include "identity/creds.h"

#define CONF_MAX 65536

const char *mx_admin_conf_path = "/etc/mapiary/mapiary.conf";

/* --- Values ------------------------------------------------------------- */

static int bad_line(struct mx_fault *f, unsigned line, const char *why,
		    const char *what)
{
	return reg_fault(f, -EINVAL, "%s, line %u: %s '%s'", mx_admin_conf_path,
			 line, why, what);
}

static bool number(const char *s, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long v;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (*end || errno || v > max)
		return false;
	*ret = v;
	return true;
}

/* By name or number.  -ENOENT: there is none. */
static int find_group(const char *name, gid_t *ret)
{
	MX_AUTO(mx_free_auto) char *buf = NULL;
	struct group g, *found = NULL;
	size_t n = 1024;
	uint64_t v;
	int err;

	if (number(name, UINT32_MAX - 1, &v)) {
		*ret = (gid_t)v;
		return 0;
	}
	do {
		free(buf);
		n *= 4;
		buf = malloc(n);
		if (!buf)
			return -ENOMEM;
		err = getgrnam_r(name, &g, buf, n, &found);
	} while (err == ERANGE && n < (1u << 24));
	if (err || !found)
		return err == ENOMEM ? -ENOMEM : -ENOENT;
	*ret = g.gr_gid;
	return 0;
}

static int set(struct mx_admin_conf *c, const char *key, const char *value,
	       unsigned line, struct mx_fault *f)
{
	uint64_t v;
	int err;

	if (!strcmp(key, "segment-group")) {
		err = find_group(value, &c->group);
		if (err == -ENOENT)
			return bad_line(f, line, "there is no group", value);
		c->share = !err;
		return err;
	}
	if (!strcmp(key, "lists")) {
		if (!number(value, SHM_MAX_LISTS, &v) || !v)
			return bad_line(f, line, "no number of lists:", value);
		c->n_lists = (uint32_t)v;
		return 0;
	}
	if (!strcmp(key, "connections")) {
		if (!number(value, SHM_MAX_CONNS, &v) || !v)
			return bad_line(f, line,
					"no number of connections:", value);
		c->n_conns = (uint32_t)v;
		return 0;
	}
	return bad_line(f, line, "unknown setting", key);
}

/* --- The file ----------------------------------------------------------- */

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (*s == ' ' || *s == '\t')
		s++;
	while (end > s &&
	       (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		*--end = '\0';
	return s;
}

static int parse(char *text, struct mx_admin_conf *c, struct mx_fault *f)
{
	unsigned n = 0;
	char *line;
	int err = 0;

	while (!err && (line = strsep(&text, "\n"))) {
		char *eq;

		n++;
		line = trim(line);
		if (!*line || *line == '#')
			continue;
		eq = strchr(line, '=');
		if (!eq)
			return bad_line(f, n, "no 'KEY = VALUE':", line);
		*eq = '\0';
		err = set(c, trim(line), trim(eq + 1), n, f);
	}
	return err;
}

/* What others could have written is not the administrator's word. */
static int check_file(int fd, struct mx_fault *f)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != 0)
		return reg_fault(f, -EPERM,
				 "%s is not a regular file of root's: it is "
				 "not obeyed, and nothing is attached to",
				 mx_admin_conf_path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return reg_fault(f, -EPERM,
				 "others than root may write %s: it is not "
				 "obeyed, and nothing is attached to",
				 mx_admin_conf_path);
	if (st.st_size > CONF_MAX)
		return reg_fault(f, -EINVAL, "%s is too long",
				 mx_admin_conf_path);
	return 0;
}

static int read_text(int fd, char *buf)
{
	size_t n = 0;

	for (;;) {
		ssize_t got = read(fd, buf + n, CONF_MAX - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0 || n + (size_t)got == CONF_MAX)
			return got ? -EINVAL : (buf[n] = '\0', 0);
		n += (size_t)got;
	}
}

struct conf_job {
	struct mx_admin_conf *ret;
	struct mx_fault *f;
};

static int read_job(void *arg)
{
	struct conf_job *job = arg;
	MX_AUTO(mx_free_auto) char *text = NULL;
	MX_AUTO(mx_close_auto)
	int fd = open(mx_admin_conf_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct mx_admin_conf c = {0};
	int err;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		*job->ret = c;
		return 0;
	}
	if (fd < 0)
		return reg_fault(job->f, -errno, "cannot read %s: %s",
				 mx_admin_conf_path, strerror(errno));
	err = check_file(fd, job->f);
	if (err)
		return err;
	text = malloc(CONF_MAX + 1);
	if (!text)
		return -ENOMEM;
	err = read_text(fd, text);
	if (!err)
		err = parse(text, &c, job->f);
	if (!err)
		*job->ret = c;
	return err;
}

int mx_admin_conf_read(struct mx_admin_conf *ret, struct mx_fault *fault)
{
	struct conf_job job = {ret, fault};

	return mx_creds_call(read_job, &job);
}

/* --- Where the segment is ----------------------------------------------- */

static int in_group(gid_t group, bool *ret)
{
	MX_AUTO(mx_creds_auto) struct mx_creds c = MX_CREDS_INIT;
	int err = mx_creds_process(&c);

	if (err)
		return err;
	*ret = c.egid == group;
	for (size_t i = 0; i < c.n_groups; i++)
		*ret |= c.groups[i] == group;
	return 0;
}

static int locate_default(struct segment_place *p)
{
	bool member = false;
	uid_t uid;
	int err = 0;

	if (p->share)
		err = in_group(p->group, &member);
	if (err)
		return err;
	p->share = member;
	if (member) {
		snprintf(p->path, sizeof(p->path), "/dev/shm/mapiary-group-%u",
			 (unsigned)p->group);
		return 0;
	}
	err = mx_creds_process_uid(&uid);
	snprintf(p->path, sizeof(p->path), "/dev/shm/mapiary-%u",
		 (unsigned)uid);
	return err;
}

int segment_locate(const char *path, struct segment_place *ret,
		   struct mx_fault *fault)
{
	struct mx_admin_conf c;
	int err;

	*ret = (struct segment_place){0};
	if (!path) {
		path = secure_getenv("MAPIARY_SEGMENT");
		if (path && !*path)
			path = NULL;
	}
	if (path && strlen(path) >= sizeof(ret->path))
		return -ENAMETOOLONG;
	err = mx_admin_conf_read(&c, fault);
	if (err)
		return err;
	ret->n_lists = c.n_lists;
	ret->n_conns = c.n_conns;
	if (path) {
		snprintf(ret->path, sizeof(ret->path), "%s", path);
		return 0;
	}
	ret->share = c.share;
	ret->group = c.group;
	return locate_default(ret);
}
