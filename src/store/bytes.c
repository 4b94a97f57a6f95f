/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "store/mdb.h"
#include "store/sql.h"

/* How many objects hold a blob row of a mailbox. */
struct mx_pin {
	struct mx_pin *next;
	int64_t id;
	unsigned n;
	bool doomed; /* somebody wanted to delete the row meanwhile */
};

struct mx_bytes {
	atomic_uint refs;
	enum { MEM, SPOOL, BLOB } kind;
	uint64_t size;
	void *mem;
	int fd;
	struct mx_mdb *db;
	int64_t id;
};

static struct mx_bytes *bytes_new(int kind, uint64_t size)
{
	struct mx_bytes *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	atomic_init(&b->refs, 1);
	b->kind = kind;
	b->size = size;
	b->fd = -1;
	return b;
}

int mx_bytes_take_mem(void *p, size_t n, struct mx_bytes **ret)
{
	struct mx_bytes *b = bytes_new(MEM, n);

	if (!b)
		return -ENOMEM;
	b->mem = p;
	*ret = b;
	return 0;
}

int mx_bytes_from_mem(const void *p, size_t n, struct mx_bytes **ret)
{
	void *mem = malloc(n ? n : 1);
	int r;

	if (!mem)
		return -ENOMEM;
	if (n)
		memcpy(mem, p, n);
	r = mx_bytes_take_mem(mem, n, ret);
	if (r)
		free(mem);
	return r;
}

int mx_bytes_take_fd(int fd, uint64_t size, struct mx_bytes **ret)
{
	struct mx_bytes *b = bytes_new(SPOOL, size);

	if (!b)
		return -ENOMEM;
	b->fd = fd;
	*ret = b;
	return 0;
}

/* ---- Pins ---- */

static struct mx_pin **pin_at(struct mx_mdb *db, int64_t id)
{
	struct mx_pin **p = &db->pins[(uint64_t)id % MX_PIN_BUCKETS];

	while (*p && (*p)->id != id)
		p = &(*p)->next;
	return p;
}

int mx_bytes_from_blob(struct mx_mdb *db, int64_t id, uint64_t size,
		       struct mx_bytes **ret)
{
	struct mx_bytes *b = bytes_new(BLOB, size);
	struct mx_pin **p = pin_at(db, id);

	if (b && !*p) {
		*p = calloc(1, sizeof(**p));
		if (*p)
			(*p)->id = id;
	}
	if (!b || !*p) {
		free(b);
		return -ENOMEM;
	}
	(*p)->n++;
	b->db = db;
	b->id = id;
	*ret = b;
	return 0;
}

static void unpin(struct mx_mdb *db, int64_t id)
{
	struct mx_pin **p = pin_at(db, id), *pin = *p;

	if (--pin->n)
		return;
	/* A failure leaves the row for the next opening of the mailbox. */
	if (pin->doomed)
		mx_db_do(&db->db, SQL_BLOB_DELETE_UNUSED, "i", id);
	*p = pin->next;
	free(pin);
}

struct mx_bytes *mx_bytes_ref(struct mx_bytes *b)
{
	atomic_fetch_add(&b->refs, 1);
	return b;
}

void mx_bytes_unref(struct mx_bytes *b)
{
	if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
		return;
	if (b->kind == BLOB)
		unpin(b->db, b->id);
	if (b->fd >= 0)
		close(b->fd);
	free(b->mem);
	free(b);
}

void mx_bytes_auto(struct mx_bytes **b)
{
	mx_bytes_unref(*b);
}

uint64_t mx_bytes_size(const struct mx_bytes *b)
{
	return b->size;
}

/* ---- Reading ---- */

static void blob_close_auto(sqlite3_blob **b)
{
	sqlite3_blob_close(*b);
}

static int read_blob(struct mx_bytes *b, uint64_t off, void *buf, size_t n)
{
	MX_AUTO(blob_close_auto) sqlite3_blob *h = NULL;
	int rc;

	if (!b->db->db.h)
		return b->db->db.why;
	rc = sqlite3_blob_open(b->db->db.h, "main", "blobs", "data", b->id, 0,
			       &h);
	if (rc == SQLITE_OK)
		rc = sqlite3_blob_read(h, buf, (int)n, (int)off);
	if (rc == SQLITE_ERROR)
		return -EUCLEAN; /* the row is gone, or shorter than we know */
	return mx_db_err(&b->db->db, rc);
}

static int read_fd(int fd, uint64_t off, uint8_t *buf, size_t n)
{
	while (n) {
		ssize_t got = pread(fd, buf, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -EIO;
		buf += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

int mx_bytes_read(struct mx_bytes *b, uint64_t off, void *buf, size_t n)
{
	if (off > b->size || n > b->size - off)
		return -EINVAL;
	if (!n)
		return 0;
	switch (b->kind) {
	case MEM:
		memcpy(buf, (uint8_t *)b->mem + off, n);
		return 0;
	case SPOOL:
		return read_fd(b->fd, off, buf, n);
	default:
		return read_blob(b, off, buf, n);
	}
}

/* ---- Writing into a mailbox ---- */

static int copy_into(struct mx_bytes *b, struct mx_mdb *db, int64_t id)
{
	MX_AUTO(blob_close_auto) sqlite3_blob *h = NULL;
	MX_AUTO(mx_free_auto) uint8_t *buf = malloc(MX_SPOOL_MEMORY);
	uint64_t off = 0;
	int r, rc;

	if (!buf)
		return -ENOMEM;
	rc = sqlite3_blob_open(db->db.h, "main", "blobs", "data", id, 1, &h);
	while (rc == SQLITE_OK && off < b->size) {
		size_t n = b->size - off < MX_SPOOL_MEMORY
				   ? (size_t)(b->size - off)
				   : MX_SPOOL_MEMORY;

		r = mx_bytes_read(b, off, buf, n);
		if (r)
			return r;
		rc = sqlite3_blob_write(h, buf, (int)n, (int)off);
		off += n;
	}
	return mx_db_err(&db->db, rc);
}

int mx_bytes_store(struct mx_bytes *b, struct mx_mdb *db, int64_t *ret_id)
{
	MX_STMT st = NULL;
	int64_t id;
	int r = 0;

	if (b->kind == BLOB && b->db == db) {
		r = mx_db_do(&db->db, SQL_BLOB_REF, "i", b->id);
		if (!r && !sqlite3_changes(db->db.h))
			return -EUCLEAN;
		*ret_id = b->id;
		return r;
	}
	st = mx_db_stmt(&db->db, SQL_BLOB_INSERT, &r);
	if (!st)
		return r;
	if (b->kind == MEM)
		sqlite3_bind_blob64(st, 1, b->mem, b->size, SQLITE_STATIC);
	else
		sqlite3_bind_zeroblob64(st, 1, b->size);
	r = mx_db_run(&db->db, st);
	if (r)
		return r;
	id = sqlite3_last_insert_rowid(db->db.h);
	r = b->kind == MEM ? 0 : copy_into(b, db, id);
	if (!r)
		*ret_id = id;
	return r;
}

int mx_blob_release(struct mx_mdb *db, int64_t id)
{
	struct mx_pin *pin = *pin_at(db, id);
	int r = mx_db_do(&db->db, SQL_BLOB_UNREF, "i", id);

	if (r)
		return r;
	if (pin) {
		pin->doomed = true;
		return 0;
	}
	return mx_db_do(&db->db, SQL_BLOB_DELETE_UNUSED, "i", id);
}

/* ---- Away from a mailbox ---- */

int mx_spool_file(const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[4096];

	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd >= 0 ? fd : -errno;
	if (snprintf(path, sizeof(path), "%s/.spool-XXXXXX", dir) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

static int spool_copy(struct mx_bytes *b, int fd)
{
	MX_AUTO(mx_free_auto) uint8_t *buf = malloc(MX_SPOOL_MEMORY);
	uint64_t off = 0;

	if (!buf)
		return -ENOMEM;
	while (off < b->size) {
		size_t n = b->size - off < MX_SPOOL_MEMORY
				   ? (size_t)(b->size - off)
				   : MX_SPOOL_MEMORY;
		ssize_t put;
		int r = mx_bytes_read(b, off, buf, n);

		if (r)
			return r;
		put = pwrite(fd, buf, n, (off_t)off);
		if (put < 0 && errno != EINTR)
			return -errno;
		off += put > 0 ? (uint64_t)put : 0;
	}
	return 0;
}

int mx_bytes_detach(struct mx_bytes *b, const char *dir, struct mx_bytes **ret)
{
	MX_AUTO(mx_close_auto) int fd = -1;
	MX_AUTO(mx_free_auto) void *mem = NULL;
	int r;

	if (b->kind != BLOB) {
		*ret = mx_bytes_ref(b);
		return 0;
	}
	if (b->size <= MX_SPOOL_MEMORY) {
		mem = malloc(b->size ? b->size : 1);
		if (!mem)
			return -ENOMEM;
		r = mx_bytes_read(b, 0, mem, b->size);
		if (!r)
			r = mx_bytes_take_mem(mem, b->size, ret);
		if (!r)
			mem = NULL;
		return r;
	}
	fd = mx_spool_file(dir);
	if (fd < 0)
		return fd;
	r = spool_copy(b, fd);
	if (!r)
		r = mx_bytes_take_fd(fd, b->size, ret);
	if (!r)
		fd = -1;
	return r;
}
