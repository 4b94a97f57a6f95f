/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the machine's administrator says about segments, and where that puts a
 * process's: /etc/mapiary/mapiary.conf.
 *
 *	# Members of this group share one segment.
 *	segment-group = mailworkers
 *	# Capacity of segments when they are made.
 *	lists = 16384
 *	connections = 65536
 *
 * The file has to be root's and writable by nobody else; another is an error and
 * not left out, since whoever wrote it meant something.  No environment variable
 * and no parameter of a program shares a segment: a user is no administrator.
 */
#ifndef MX_CONNLIST_ADMIN_H
#define MX_CONNLIST_ADMIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/fault.h"

struct mx_admin_conf {
	bool share; /* group is set */
	gid_t group;
	uint32_t n_lists, n_conns; /* 0: the defaults */
};

/* The file's name; other than /etc/mapiary/mapiary.conf in tests only. */
extern const char *mx_admin_conf_path;

/* Reads it; no file is no setting.  0 with *ret filled, or with a sentence that
 * names file and line in the fault: -EPERM (not root's, or others may write),
 * -EINVAL (what is in it), -errno. */
int mx_admin_conf_read(struct mx_admin_conf *ret, struct mx_fault *fault);

/* Where a process's segment is. */
struct segment_place {
	char path[4096];
	bool share; /* mode 0660 and this group, by the administrator's word */
	gid_t group;
	uint32_t n_lists, n_conns; /* the administrator's, or 0 */
};

/* `path` if not NULL; else what MAPIARY_SEGMENT names (not in set-user-id
 * programs); else /dev/shm/mapiary-group-GID when the administrator names a
 * group and the process is in it; else /dev/shm/mapiary-UID.  The process's
 * credentials count, whoever the thread acts for.  0, -ENAMETOOLONG, as
 * mx_admin_conf_read() and mx_creds_process(). */
int segment_locate(const char *path, struct segment_place *ret,
		   struct mx_fault *fault);

#endif
