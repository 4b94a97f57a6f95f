/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The segment's file.  It appears complete or not at all: it is made without a
 * name (O_TMPFILE), its space taken, its header written, then linked.  It is
 * never truncated or rewritten, only unlinked and replaced by a new one, so a
 * mapping stays good whatever happens to the name.
 *
 * The gate is a byte lock on the file.  Whoever attaches or replaces holds it,
 * and after getting it looks whether the name still leads to the same file.
 * All byte locks are of the open file description kind: the kernel drops them
 * when the last descriptor goes, in every PID namespace.
 */
#include "connlist/registry-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "identity/crc.h"

/* How often the name may change under us before we give up. */
#define MAX_TRIES 50
#define GATE_STEP_NS (2 * MX_NS_PER_MS)
/* However many stand before the gate. */
#define GATE_CROWD_NS (30 * MX_NS_PER_S)

/* --- Byte locks --------------------------------------------------------- */

static int byte_lock(int fd, int cmd, short type, int64_t at, int64_t len,
		     struct flock *ret)
{
	struct flock l = {.l_type = type,
			  .l_whence = SEEK_SET,
			  .l_start = at,
			  .l_len = len};

	if (fcntl(fd, cmd, &l))
		return errno == EACCES ? -EAGAIN : -errno;
	if (ret)
		*ret = l;
	return 0;
}

int segment_lock_slot(int fd, uint32_t slot)
{
	return byte_lock(fd, F_OFD_SETLK, F_WRLCK, SHM_LOCK_PROC(slot), 1,
			 NULL);
}

void segment_unlock_slot(int fd, uint32_t slot)
{
	byte_lock(fd, F_OFD_SETLK, F_UNLCK, SHM_LOCK_PROC(slot), 1, NULL);
}

int segment_lock_sweep(int fd, uint32_t slot)
{
	return byte_lock(fd, F_OFD_SETLK, F_WRLCK, SHM_LOCK_SWEEP(slot), 1,
			 NULL);
}

void segment_unlock_sweep(int fd, uint32_t slot)
{
	byte_lock(fd, F_OFD_SETLK, F_UNLCK, SHM_LOCK_SWEEP(slot), 1, NULL);
}

/* Asks for a read lock, which a read-only descriptor may. */
static bool range_locked(int fd, int64_t at, int64_t len)
{
	struct flock l = {.l_type = F_WRLCK};

	return byte_lock(fd, F_OFD_GETLK, F_RDLCK, at, len, &l) ||
	       l.l_type != F_UNLCK;
}

bool segment_slot_locked(int fd, uint32_t slot)
{
	return range_locked(fd, SHM_LOCK_PROC(slot), 1);
}

/* Also slots that another version may have behind ours. */
static bool anybody_attached(int fd)
{
	return range_locked(fd, SHM_LOCK_PROC(0),
			    SHM_LOCK_SWEEP(0) - SHM_LOCK_PROC(0));
}

void segment_open_gate(int fd)
{
	byte_lock(fd, F_OFD_SETLK, F_UNLCK, SHM_LOCK_GATE, 0, NULL);
}

static int64_t now_s(void)
{
	return (int64_t)(now_ns() / (uint64_t)MX_NS_PER_S);
}

/* Who holds the gate is in the length of his lock; 0: nobody. */
static int64_t gate_holder(int fd)
{
	struct flock l = {.l_type = F_UNLCK};

	if (byte_lock(fd, F_OFD_GETLK, F_WRLCK, SHM_LOCK_GATE, 1, &l) ||
	    l.l_type == F_UNLCK || l.l_start != SHM_LOCK_GATE)
		return 0;
	return l.l_len;
}

static int try_gate(int fd)
{
	return byte_lock(fd, F_OFD_SETLK, F_WRLCK, SHM_LOCK_GATE,
			 SHM_GATE_LEN(getpid(), now_s()), NULL);
}

/* A second for each that holds it: a crowd that attaches one after another is
 * not stopped.  Counted in sleeps, as with bucket locks. */
static int close_gate(int fd, const char *path, struct mx_fault *f)
{
	const struct timespec step = {.tv_nsec = GATE_STEP_NS};
	int64_t holder = 0, seen, slept = 0, all = 0;
	int err;

	while ((err = try_gate(fd)) == -EAGAIN) {
		seen = gate_holder(fd);
		if (seen != holder)
			slept = 0;
		holder = seen;
		if (slept >= LOCK_PATIENCE_NS || all >= GATE_CROWD_NS)
			return reg_fault(
				f, -EBUSY,
				"process %u has been attaching to %s for %lld "
				"s; is it stopped?",
				SHM_GATE_PID(holder), path,
				(long long)(now_s() -
					    SHM_GATE_SINCE_S(holder)));
		nanosleep(&step, NULL);
		slept += GATE_STEP_NS;
		all += GATE_STEP_NS;
	}
	return err ? reg_fault(f, err, "cannot lock %s: %s", path,
			       strerror(-err))
		   : 0;
}

/* --- Geometry ----------------------------------------------------------- */

static uint64_t pages(uint64_t n)
{
	return (n + SHM_PAGE - 1) / SHM_PAGE * SHM_PAGE;
}

/* A quarter more servers than users, and some for small segments. */
static uint32_t peers_for(uint32_t n_lists)
{
	return n_lists + n_lists / 4 + 16;
}

/* Addresses of the tables; base may be NULL to learn the size only. */
static void lay_out(struct shm_map *m, const char *base)
{
	uint64_t at = SHM_PAGE;

	m->base = base;
	m->header = (const void *)base;
#define TABLE(field, n)                                                        \
	do {                                                                   \
		m->field = (const void *)((uintptr_t)base + at);               \
		at += pages((uint64_t)(n) * sizeof(*m->field));                \
	} while (0)
	TABLE(procs, m->n_procs);
	TABLE(buckets, m->n_buckets);
	TABLE(list_claims, m->n_lists);
	TABLE(conn_claims, m->n_conns);
	TABLE(peer_claims, m->n_peers);
	TABLE(lists, m->n_lists);
	TABLE(peers, m->n_peers);
	TABLE(conns, m->n_conns);
#undef TABLE
	m->bytes = at;
}

static bool capacities_sane(const struct shm_map *m)
{
	return m->n_procs == SHM_PROCS && m->n_lists >= 1 &&
	       m->n_lists <= SHM_MAX_LISTS && m->n_conns >= 1 &&
	       m->n_conns <= SHM_MAX_CONNS &&
	       m->n_peers == peers_for(m->n_lists) && m->n_buckets >= 1 &&
	       m->n_buckets <= SHM_MAX_BUCKETS &&
	       !(m->n_buckets & (m->n_buckets - 1));
}

static uint32_t header_sum(const struct shm_header *h)
{
	uint64_t copy[offsetof(struct shm_header, sum) / 8];

	shm_get_bytes(copy, (const uint64_t *)(const void *)h,
		      sizeof(copy) / 8);
	return mx_crc32(0, copy, sizeof(copy));
}

int segment_check_header(const void *base, uint64_t bytes, struct shm_map *ret,
			 struct mx_fault *f)
{
	const struct shm_header *h = base;
	struct shm_map m = {0};

	if (bytes < SHM_PAGE || shm_get64(&h->magic) != SHM_MAGIC ||
	    shm_get32(&h->order) != SHM_ORDER)
		return reg_fault(f, -EBADMSG, "not a Mapiary segment");
	if (shm_get32(&h->version) != SHM_VERSION)
		return reg_fault(f, -EPROTO,
				 "a segment of version %u, this program has %u",
				 shm_get32(&h->version), SHM_VERSION);
	m.n_procs = shm_get32(&h->n_procs);
	m.n_lists = shm_get32(&h->n_lists);
	m.n_conns = shm_get32(&h->n_conns);
	m.n_peers = shm_get32(&h->n_peers);
	m.n_buckets = shm_get32(&h->n_buckets);
	if (shm_get32(&h->sum) != header_sum(h) || !capacities_sane(&m))
		return reg_fault(f, -EBADMSG,
				 "the segment's header is damaged");
	lay_out(&m, base);
	if (m.bytes != bytes || shm_get64(&h->bytes) != bytes)
		return reg_fault(f, -EBADMSG,
				 "the segment has %llu bytes, not %llu",
				 (unsigned long long)bytes,
				 (unsigned long long)m.bytes);
	*ret = m;
	return 0;
}

/* Magic last: an incomplete header is no segment. */
static void write_header(const struct shm_map *m, uid_t uid)
{
	const struct shm_header *h = m->header;

	shm_put32(&h->version, SHM_VERSION);
	shm_put32(&h->order, SHM_ORDER);
	shm_put32(&h->n_procs, m->n_procs);
	shm_put32(&h->n_lists, m->n_lists);
	shm_put32(&h->n_conns, m->n_conns);
	shm_put32(&h->n_peers, m->n_peers);
	shm_put32(&h->n_buckets, m->n_buckets);
	shm_put32(&h->uid, uid);
	shm_put64(&h->bytes, m->bytes);
	shm_put64(&h->created_ns, now_ns());
	shm_put64(&h->magic, SHM_MAGIC);
	shm_put32(&h->sum, header_sum(h));
}

/* --- Mapping ------------------------------------------------------------ */

/* Not in a child after fork: it must not write as its parent. */
static int map_file(int fd, uint64_t bytes, const char **ret)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	if (madvise(p, bytes, MADV_DONTFORK)) {
		int err = -errno;

		munmap(p, bytes);
		return err;
	}
	*ret = p;
	return 0;
}

void segment_unmap(struct shm_map *map)
{
	if (map->base)
		munmap((void *)(uintptr_t)map->base, map->bytes);
	*map = (struct shm_map){0};
}

uid_t segment_owner(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? (uid_t)-1 : st.st_uid;
}

/* A file's group says who made it, since only a member or root can give a file
 * to a group; except in a folder that hands its own group down. */
static int check_folder(const char *path, struct mx_fault *f)
{
	MX_AUTO(mx_free_auto) char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	struct stat st;

	if (!dir)
		return -ENOMEM;
	if (slash)
		slash[slash == dir] = '\0';
	if (stat(slash ? dir : ".", &st))
		return reg_fault(f, -errno, "%s: %s", dir, strerror(errno));
	if (st.st_uid == 0 && !(st.st_mode & S_ISGID) &&
	    (!(st.st_mode & (S_IWGRP | S_IWOTH)) || (st.st_mode & S_ISVTX)))
		return 0;
	return reg_fault(f, -EPERM,
			 "%s is no place for a shared segment: its folder is "
			 "not root's, hands its group down, or lets others "
			 "remove files",
			 path);
}

/* Whose it has to be: ours; or, shared, of a member of the group. */
static int check_whose(const struct stat *st, const struct segment_want *want,
		       struct mx_fault *f)
{
	if (!want->share && st->st_uid != want->uid)
		return reg_fault(f, -EPERM, "%s belongs to user %u, not to %u",
				 want->path, (unsigned)st->st_uid,
				 (unsigned)want->uid);
	if (want->share && st->st_gid != want->group)
		return reg_fault(f, -EPERM, "%s belongs to group %u, not to %u",
				 want->path, (unsigned)st->st_gid,
				 (unsigned)want->group);
	return want->share ? check_folder(want->path, f) : 0;
}

int segment_check_file(int fd, const struct segment_want *want,
		       uint64_t *ret_bytes, struct mx_fault *f)
{
	const mode_t mode = want->share ? 0660 : 0600;
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return reg_fault(f, -EPERM, "%s is not a regular file",
				 want->path);
	err = check_whose(&st, want, f);
	if (err)
		return err;
	if ((st.st_mode & 07777) != mode)
		return reg_fault(f, -EPERM, "%s has mode %04o, not %04o",
				 want->path, (unsigned)st.st_mode & 07777u,
				 (unsigned)mode);
	if (st.st_nlink > 1)
		return reg_fault(f, -EPERM, "%s has other names", want->path);
	if (st.st_size < (off_t)SHM_PAGE || st.st_size > (off_t)1 << 34)
		return reg_fault(f, -EBADMSG, "%s has an odd size: %lld bytes",
				 want->path, (long long)st.st_size);
	*ret_bytes = (uint64_t)st.st_size;
	return 0;
}

/* --- Creating ----------------------------------------------------------- */

/* 0, -EEXIST when another process was faster. */
static int link_name(int fd, const char *path)
{
	char proc[40];

	/* Needs a kernel of 2024 or a capability, else /proc. */
	if (!linkat(fd, "", AT_FDCWD, path, AT_EMPTY_PATH))
		return 0;
	if (errno == EEXIST)
		return -EEXIST;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (!linkat(AT_FDCWD, proc, AT_FDCWD, path, AT_SYMLINK_FOLLOW))
		return 0;
	return -errno;
}

static int open_nameless(const char *path)
{
	MX_AUTO(mx_free_auto) char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int fd;

	if (!dir)
		return -ENOMEM;
	if (slash == dir)
		slash[1] = '\0';
	else if (slash)
		*slash = '\0';
	fd = open(slash ? dir : ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int take_space(int fd, uint64_t bytes)
{
	int err;

	do
		err = posix_fallocate(fd, 0, (off_t)bytes);
	while (err == EINTR);
	return -err;
}

static int prepare(int fd, const struct segment_want *want, struct shm_map *map,
		   struct mx_fault *f)
{
	const char *base = NULL;
	int err;

	if (want->share && fchown(fd, (uid_t)-1, want->group))
		return reg_fault(f, -errno, "cannot give %s to group %u: %s",
				 want->path, (unsigned)want->group,
				 strerror(errno));
	if (fchmod(fd, want->share ? 0660 : 0600))
		return -errno;
	err = take_space(fd, map->bytes);
	if (err)
		return reg_fault(f, err,
				 "no room for the segment %s of %llu bytes: %s",
				 want->path, (unsigned long long)map->bytes,
				 strerror(-err));
	err = map_file(fd, map->bytes, &base);
	if (err)
		return reg_fault(f, err, "cannot map %s: %s", want->path,
				 strerror(-err));
	lay_out(map, base);
	write_header(map, want->uid);
	return 0;
}

/* The gate of the new file is closed before anybody can see it. */
static int create(const struct segment_want *want, int *ret_fd,
		  struct shm_map *ret_map, struct mx_fault *f)
{
	struct shm_map map = {
		.n_procs = SHM_PROCS,
		.n_lists = want->n_lists,
		.n_conns = want->n_conns,
		.n_peers = peers_for(want->n_lists),
		.n_buckets = want->n_buckets,
	};
	MX_AUTO(mx_close_auto) int fd = open_nameless(want->path);
	int err;

	if (fd < 0)
		return reg_fault(f, fd, "cannot create %s: %s", want->path,
				 strerror(-fd));
	if (!capacities_sane(&map))
		return reg_fault(f, -EINVAL,
				 "a segment cannot have %u lists, %u "
				 "connections and %u buckets",
				 map.n_lists, map.n_conns, map.n_buckets);
	lay_out(&map, NULL);
	err = prepare(fd, want, &map, f);
	if (!err)
		err = close_gate(fd, want->path, f);
	if (!err) {
		err = link_name(fd, want->path);
		if (err && err != -EEXIST)
			reg_fault(f, err, "cannot create %s: %s", want->path,
				  strerror(-err));
	}
	if (err) {
		segment_unmap(&map);
		return err;
	}
	*ret_fd = MX_STEAL_FD(fd);
	*ret_map = map;
	return 0;
}

int segment_replace(const struct segment_want *want, int *fd,
		    struct shm_map *map, struct mx_fault *f)
{
	int new_fd = -1;
	struct shm_map new_map;
	int err;

	if (unlink(want->path))
		return reg_fault(f, -errno, "cannot remove the unusable %s: %s",
				 want->path, strerror(errno));
	err = create(want, &new_fd, &new_map, f);
	if (err)
		return err;
	segment_unmap(map);
	close(*fd);
	*fd = new_fd;
	*map = new_map;
	return 0;
}

/* --- Opening ------------------------------------------------------------ */

static bool same_file(int fd, const char *path)
{
	struct stat a, b;

	return !fstat(fd, &a) && !lstat(path, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static int open_name(const char *path, struct mx_fault *f)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int err = errno;

	if (fd >= 0 || err == ENOENT)
		return fd >= 0 ? fd : -ENOENT;
	if (err == ELOOP)
		return reg_fault(f, -EPERM, "%s is a symbolic link", path);
	if (err == EISDIR)
		return reg_fault(f, -EPERM, "%s is not a regular file", path);
	if (err == EACCES)
		return reg_fault(f, -EPERM,
				 "%s belongs to somebody else: no access",
				 path);
	return reg_fault(f, -err, "cannot open %s: %s", path, strerror(err));
}

static int check_and_map(int fd, const struct segment_want *want,
			 struct shm_map *ret, struct mx_fault *f)
{
	const char *base = NULL;
	uint64_t bytes = 0;
	int err = segment_check_file(fd, want, &bytes, f);

	if (!err)
		err = map_file(fd, bytes, &base);
	if (err)
		return err;
	err = segment_check_header(base, bytes, ret, f);
	if (err)
		munmap((void *)(uintptr_t)base, bytes);
	return err;
}

/* -EAGAIN: the name leads elsewhere now, once more. */
static int open_existing(const struct segment_want *want, int *ret_fd,
			 struct shm_map *ret_map, bool *ret_alone,
			 struct mx_fault *f)
{
	MX_AUTO(mx_close_auto) int fd = open_name(want->path, f);
	struct mx_fault why = MX_FAULT_INIT;
	struct shm_map map = {0};
	struct stat st;
	bool alone;
	int err;

	if (fd < 0)
		return fd;
	/* Locking and removing is for files of ours only. */
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return reg_fault(f, -EPERM, "%s is not a regular file",
				 want->path);
	err = close_gate(fd, want->path, f);
	if (err)
		return err;
	if (!same_file(fd, want->path))
		return -EAGAIN;
	alone = !anybody_attached(fd);
	err = check_and_map(fd, want, &map, &why);
	if (err && alone) {
		err = segment_replace(want, &fd, &map, f);
		if (err == -EEXIST)
			return -EAGAIN;
	}
	if (err)
		return reg_fault(f, err, "%s%s", why.text,
				 alone ? "; it could not be replaced"
				       : "; stop the processes that are "
					 "attached to it");
	*ret_fd = MX_STEAL_FD(fd);
	*ret_map = map;
	*ret_alone = alone;
	return 0;
}

int segment_open(const struct segment_want *want, int *ret_fd,
		 struct shm_map *ret_map, bool *ret_alone, struct mx_fault *f)
{
	for (int i = 0; i < MAX_TRIES; i++) {
		int err = open_existing(want, ret_fd, ret_map, ret_alone, f);

		if (err == -ENOENT) {
			err = create(want, ret_fd, ret_map, f);
			if (!err)
				*ret_alone = true;
		}
		if (err != -EAGAIN && err != -EEXIST)
			return err;
	}
	return reg_fault(f, -EBUSY, "%s keeps being replaced", want->path);
}
