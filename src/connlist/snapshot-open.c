/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a segment for looking: read-only, nobody attached, nothing locked. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "connlist/admin.h"
#include "connlist/snapshot-private.h"

void mx_snap_close(struct mx_snap_src *src)
{
	if (!src)
		return;
	segment_unmap(&src->map);
	if (src->fd >= 0)
		close(src->fd);
	free(src);
}

static void snap_close_auto(struct mx_snap_src **src)
{
	mx_snap_close(*src);
}

/* In /dev/shm anybody may take a name; somebody else's would mislead.  Root
 * looks at anybody's, a member at the group's. */
static int check_owner(const struct stat *st, const char *path,
		       struct mx_fault *f)
{
	struct mx_admin_conf c;
	uid_t uid = geteuid();
	int err;

	if (!S_ISREG(st->st_mode))
		return reg_fault(f, -EPERM, "%s is not a regular file", path);
	if (uid == 0 || st->st_uid == uid)
		return 0;
	err = mx_admin_conf_read(&c, f);
	if (err)
		return err;
	if (c.share && st->st_gid == c.group && (st->st_mode & 07777) == 0660)
		return 0;
	return reg_fault(f, -EPERM, "%s belongs to user %u", path,
			 (unsigned)st->st_uid);
}

static int open_and_map(struct mx_snap_src *src, struct mx_fault *f)
{
	struct mx_fault why = MX_FAULT_INIT;
	struct stat st;
	void *p;
	int err;

	src->fd =
		open(src->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (src->fd < 0)
		return reg_fault(f, -errno, "cannot open %s: %s", src->path,
				 strerror(errno));
	if (fstat(src->fd, &st))
		return -errno;
	err = check_owner(&st, src->path, f);
	if (err)
		return err;
	if (st.st_size < (off_t)SHM_PAGE)
		return reg_fault(f, -EBADMSG, "%s is no segment", src->path);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, src->fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	err = segment_check_header(p, (uint64_t)st.st_size, &src->map, &why);
	if (err) {
		munmap(p, (size_t)st.st_size);
		reg_fault(f, err, "%s: %s", src->path, why.text);
	}
	return err;
}

int mx_snap_open(const char *path, struct mx_snap_src **ret,
		 struct mx_fault *fault)
{
	static uint64_t sources;
	MX_AUTO(snap_close_auto) struct mx_snap_src *src = NULL;
	struct segment_place place;
	int err;

	src = calloc(1, sizeof(*src));
	if (!src)
		return -ENOMEM;
	src->fd = -1;
	err = segment_locate(path, &place, fault);
	if (!err && strlen(place.path) >= sizeof(src->path))
		err = -ENAMETOOLONG;
	if (err)
		return err;
	strcpy(src->path, place.path);
	err = open_and_map(src, fault);
	if (err)
		return err;
	src->source = __atomic_add_fetch(&sources, 1, __ATOMIC_RELAXED);
	*ret = MX_STEAL(src);
	return 0;
}

int snap_still_there(const struct mx_snap_src *src)
{
	struct stat a, b;

	if (fstat(src->fd, &a))
		return -errno;
	if ((uint64_t)a.st_size < src->map.bytes)
		return -EBADMSG;
	if (stat(src->path, &b) || a.st_dev != b.st_dev || a.st_ino != b.st_ino)
		return -ENOENT;
	return 0;
}
