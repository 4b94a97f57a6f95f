/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/testvfs.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rand.h"

#define SECTOR 512
#define MAX_FILES 64

/* A file by its path; it outlives its handles. */
struct disk {
	char path[600], image[610];
	bool *dirty; /* by sector, since the last sync */
	size_t n_dirty;
};

struct file {
	sqlite3_file base;
	struct disk *disk; /* NULL: not watched (temporary) */
	sqlite3_file *real;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct disk disks[MAX_FILES];
static int n_disks, syncs, cut_at = -1;
static int64_t space = -1;
static bool cut;
static struct mx_prng prng;
static sqlite3_vfs vfs, *under;
static sqlite3_io_methods methods;

static sqlite3_file *real(sqlite3_file *f)
{
	return ((struct file *)f)->real;
}

static struct disk *disk_of(const char *path)
{
	for (int i = 0; i < n_disks; i++)
		if (!strcmp(disks[i].path, path))
			return &disks[i];
	assert(n_disks < MAX_FILES);
	snprintf(disks[n_disks].path, sizeof(disks[0].path), "%s", path);
	snprintf(disks[n_disks].image, sizeof(disks[0].image), "%s.disk", path);
	return &disks[n_disks++];
}

static void mark(struct disk *d, int64_t off, int64_t n)
{
	size_t last = (size_t)(off + n + SECTOR - 1) / SECTOR;

	if (last > d->n_dirty) {
		d->dirty = realloc(d->dirty, last);
		assert(d->dirty);
		memset(d->dirty + d->n_dirty, 0, last - d->n_dirty);
		d->n_dirty = last;
	}
	for (size_t i = (size_t)off / SECTOR; i < last; i++)
		d->dirty[i] = true;
}

/* Dirty sectors of the file into its image: all, or by chance. */
static void flush(struct disk *d, bool all)
{
	int from = open(d->path, O_RDONLY | O_CLOEXEC);
	int to = open(d->image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char buf[SECTOR];
	struct stat st;

	assert(to >= 0);
	for (size_t i = 0; from >= 0 && i < d->n_dirty; i++) {
		ssize_t n;

		if (!d->dirty[i] || (!all && mx_prng_below(&prng, 2)))
			continue;
		n = pread(from, buf, SECTOR, (off_t)(i * SECTOR));
		if (n > 0 &&
		    pwrite(to, buf, (size_t)n, (off_t)(i * SECTOR)) != n)
			abort();
		d->dirty[i] = false;
	}
	if (all && from >= 0 && !fstat(from, &st) && ftruncate(to, st.st_size))
		abort();
	if (from >= 0)
		close(from);
	close(to);
}

static void do_cut(void)
{
	if (cut)
		return;
	cut = true;
	for (int i = 0; i < n_disks; i++)
		flush(&disks[i], false);
}

/* ---- File methods ---- */

static int f_close(sqlite3_file *f)
{
	int rc = real(f)->pMethods->xClose(real(f));

	return rc;
}

static int f_read(sqlite3_file *f, void *p, int n, sqlite3_int64 off)
{
	return real(f)->pMethods->xRead(real(f), p, n, off);
}

static int f_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 off)
{
	struct disk *d = ((struct file *)f)->disk;
	bool full;

	pthread_mutex_lock(&lock);
	full = space >= 0 && space < n;
	if (space >= n)
		space -= n;
	if (d && !full)
		mark(d, off, n);
	pthread_mutex_unlock(&lock);
	return full ? SQLITE_FULL
		    : real(f)->pMethods->xWrite(real(f), p, n, off);
}

static int f_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	return real(f)->pMethods->xTruncate(real(f), size);
}

static int f_sync(sqlite3_file *f, int flags)
{
	struct disk *d = ((struct file *)f)->disk;

	pthread_mutex_lock(&lock);
	syncs++;
	if (cut_at >= 0 && syncs > cut_at)
		do_cut();
	if (d && !cut)
		flush(d, true);
	pthread_mutex_unlock(&lock);
	return SQLITE_OK; /* nothing here needs the real one */
}

static int f_size(sqlite3_file *f, sqlite3_int64 *ret)
{
	return real(f)->pMethods->xFileSize(real(f), ret);
}

static int f_lock(sqlite3_file *f, int l)
{
	return real(f)->pMethods->xLock(real(f), l);
}

static int f_unlock(sqlite3_file *f, int l)
{
	return real(f)->pMethods->xUnlock(real(f), l);
}

static int f_check(sqlite3_file *f, int *ret)
{
	return real(f)->pMethods->xCheckReservedLock(real(f), ret);
}

static int f_control(sqlite3_file *f, int op, void *arg)
{
	return real(f)->pMethods->xFileControl(real(f), op, arg);
}

static int f_sector(sqlite3_file *f)
{
	return SECTOR;
}

/* No promise about power failures. */
static int f_traits(sqlite3_file *f)
{
	return 0;
}

static int f_shm_map(sqlite3_file *f, int pg, int size, int grow,
		     void volatile **p)
{
	return real(f)->pMethods->xShmMap(real(f), pg, size, grow, p);
}

static int f_shm_lock(sqlite3_file *f, int off, int n, int flags)
{
	return real(f)->pMethods->xShmLock(real(f), off, n, flags);
}

static void f_shm_barrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int f_shm_unmap(sqlite3_file *f, int del)
{
	return real(f)->pMethods->xShmUnmap(real(f), del);
}

/* ---- The VFS ---- */

static int v_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags,
		  int *out)
{
	struct file *mine = (struct file *)(void *)f;
	int rc;

	memset(mine, 0, sizeof(*mine));
	mine->real = (sqlite3_file *)(void *)(mine + 1);
	rc = under->xOpen(under, name, mine->real, flags, out);
	if (mine->real->pMethods)
		mine->base.pMethods = &methods;
	if (rc == SQLITE_OK && name) {
		pthread_mutex_lock(&lock);
		mine->disk = disk_of(name);
		pthread_mutex_unlock(&lock);
	}
	return rc;
}

/* A deletion is on disk at once: SQLite only deletes what it can do without. */
static int v_delete(sqlite3_vfs *v, const char *name, int sync)
{
	struct disk *d;

	pthread_mutex_lock(&lock);
	d = disk_of(name);
	if (!cut) {
		unlink(d->image);
		d->n_dirty = 0;
	}
	pthread_mutex_unlock(&lock);
	return under->xDelete(under, name, sync);
}

void tv_register(void)
{
	if (under)
		return;
	under = sqlite3_vfs_find(NULL);
	vfs = *under;
	vfs.zName = TV_NAME;
	vfs.pNext = NULL;
	vfs.szOsFile = (int)sizeof(struct file) + under->szOsFile;
	vfs.xOpen = v_open;
	vfs.xDelete = v_delete;
	methods = (sqlite3_io_methods){
		.iVersion = 2,
		.xClose = f_close,
		.xRead = f_read,
		.xWrite = f_write,
		.xTruncate = f_truncate,
		.xSync = f_sync,
		.xFileSize = f_size,
		.xLock = f_lock,
		.xUnlock = f_unlock,
		.xCheckReservedLock = f_check,
		.xFileControl = f_control,
		.xSectorSize = f_sector,
		.xDeviceCharacteristics = f_traits,
		.xShmMap = f_shm_map,
		.xShmLock = f_shm_lock,
		.xShmBarrier = f_shm_barrier,
		.xShmUnmap = f_shm_unmap,
	};
	sqlite3_vfs_register(&vfs, 0);
}

void tv_reset(uint64_t seed)
{
	for (int i = 0; i < n_disks; i++)
		free(disks[i].dirty);
	memset(disks, 0, sizeof(disks));
	n_disks = 0;
	syncs = 0;
	cut = false;
	cut_at = -1;
	space = -1;
	prng = (struct mx_prng){seed};
}

void tv_cut_at(int n)
{
	pthread_mutex_lock(&lock);
	cut_at = n < 0 ? -1 : syncs + n;
	if (!n)
		do_cut();
	pthread_mutex_unlock(&lock);
}

bool tv_is_cut(void)
{
	bool is;

	pthread_mutex_lock(&lock);
	is = cut;
	pthread_mutex_unlock(&lock);
	return is;
}

int tv_syncs(void)
{
	return syncs;
}

void tv_space(int64_t bytes)
{
	pthread_mutex_lock(&lock);
	space = bytes;
	pthread_mutex_unlock(&lock);
}

void tv_restore(void)
{
	char shm[700];

	do_cut();
	for (int i = 0; i < n_disks; i++) {
		unlink(disks[i].path);
		if (access(disks[i].image, F_OK) == 0 &&
		    rename(disks[i].image, disks[i].path))
			abort();
		snprintf(shm, sizeof(shm), "%.600s-shm", disks[i].path);
		unlink(shm);
	}
}
