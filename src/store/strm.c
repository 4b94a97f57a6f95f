/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams on single properties.  A reader of a binary value reads it where it
 * is.  Text is turned into what the tag asks for (UTF-16LE, a code page) when
 * the stream opens and back when it commits.  A writer works on its own copy:
 * in memory, from MX_SPOOL_MEMORY on in an unlinked file.
 *
 * PT_OBJECT on PR_ATTACH_DATA_OBJ is the bytes of PR_ATTACH_DATA_BIN.
 */
#include "store/obj.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf.h"
#include "store/obj-private.h"
#include "store/tags.h"
#include "store/text.h"

#define MAX_POS INT64_C(0x7fffffff)

struct mx_strm {
	struct mx_obj *o;
	uint32_t tag; /* as asked for */
	bool writing, dirty;
	uint64_t pos, size;
	struct mx_bytes *bytes; /* reading */
	/* Writing: mem, until it is too long; then fd. */
	uint8_t *mem;
	size_t cap;
	int fd;
};

static uint16_t type_of(const struct mx_strm *s)
{
	return MX_PROP_TYPE(s->tag);
}

static bool is_text(uint16_t type)
{
	return type == MX_PT_UNICODE || type == MX_PT_STRING8;
}

/* The tag under which the value is kept. */
static uint32_t kept_tag(uint32_t tag)
{
	uint16_t type = MX_PROP_TYPE(tag);

	if (type == MX_PT_OBJECT)
		return MX_PROP_RETYPE(tag, MX_PT_BINARY);
	return is_text(type) ? MX_PROP_RETYPE(tag, MX_PT_UNICODE) : tag;
}

/* ---- Writing into the copy ---- */

static int pwrite_all(int fd, const uint8_t *p, size_t n, uint64_t at)
{
	while (n) {
		ssize_t put = pwrite(fd, p, n, (off_t)at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		p += put;
		at += (uint64_t)put;
		n -= (size_t)put;
	}
	return 0;
}

static int to_file(struct mx_strm *s)
{
	int fd = mx_spool_file(mx_store_dir(s->o->db->st));
	int r;

	if (fd < 0)
		return fd;
	r = pwrite_all(fd, s->mem, s->size, 0);
	if (r) {
		close(fd);
		return r;
	}
	free(s->mem);
	s->mem = NULL;
	s->cap = 0;
	s->fd = fd;
	return 0;
}

/* Room for `size` bytes, in memory or by going to a file; not yet longer. */
static int room(struct mx_strm *s, uint64_t size)
{
	uint8_t *mem;
	size_t cap;

	if (s->fd >= 0 || size <= s->cap)
		return 0;
	if (size > MX_SPOOL_MEMORY)
		return to_file(s);
	cap = s->cap ? s->cap : 4096;
	while (cap < size)
		cap *= 2;
	mem = realloc(s->mem, cap);
	if (!mem)
		return -ENOMEM;
	s->mem = mem;
	s->cap = cap;
	return 0;
}

static int put(struct mx_strm *s, uint64_t at, const void *p, size_t n)
{
	int r = room(s, at + n);

	if (r)
		return r;
	if (s->fd >= 0) {
		r = pwrite_all(s->fd, p, n, at);
		if (r)
			return r;
	} else {
		if (at > s->size)
			memset(s->mem + s->size, 0, at - s->size);
		memcpy(s->mem + at, p, n);
	}
	if (at + n > s->size)
		s->size = at + n;
	return 0;
}

static int get(struct mx_strm *s, uint64_t at, void *p, size_t n)
{
	if (s->bytes)
		return mx_bytes_read(s->bytes, at, p, n);
	if (s->fd < 0) {
		memcpy(p, s->mem + at, n);
		return 0;
	}
	while (n) {
		ssize_t got = pread(s->fd, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got) { /* a hole at the end, after a growing set_size */
			memset(p, 0, n);
			return 0;
		}
		p = (uint8_t *)p + got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* ---- Opening ---- */

static int text_bytes(struct mx_strm *s, const char *text, size_t n,
		      struct mx_bytes **ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	uint8_t *p;
	size_t len;
	int r;

	if (type_of(s) == MX_PT_STRING8) {
		text = mx_text_to_cp(s->o->cp, text, n, &a, &len);
		return text ? mx_bytes_from_mem(text, len, ret) : -ENOMEM;
	}
	len = mx_utf16le_from_utf8(text, n, NULL, 0);
	p = malloc(len ? len : 1);
	if (!p)
		return -ENOMEM;
	mx_utf16le_from_utf8(text, n, p, len);
	r = mx_bytes_take_mem(p, len, ret);
	if (r)
		free(p);
	return r;
}

/* The value as bytes of the stream. */
static int value_bytes(struct mx_strm *s, struct mx_bytes **ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_bag *bag = mx_obj_bag(s->o);
	const struct mx_ent *e = bag ? mx_bag_find(bag, MX_PROP_ID(s->tag))
				     : NULL;
	uint32_t kept = kept_tag(s->tag);
	struct mx_propval v;
	int r;

	if (e && e->tag == kept && e->big && !is_text(type_of(s))) {
		*ret = mx_bytes_ref(e->big);
		return 0;
	}
	r = mx_obj_value(s->o, kept, 0, true, &a, &v);
	if (r)
		return r;
	if (MX_PROP_TYPE(v.tag) == MX_PT_ERROR)
		return MX_ANS_NOT_FOUND;
	if (is_text(type_of(s)))
		return text_bytes(s, v.v.str, strlen(v.v.str), ret);
	return mx_bytes_from_mem(v.v.bin.p, v.v.bin.n, ret);
}

static int copy_in(struct mx_strm *s, struct mx_bytes *b)
{
	MX_AUTO(mx_free_auto) uint8_t *buf = malloc(MX_SPOOL_MEMORY);
	uint64_t size = mx_bytes_size(b);

	if (!buf)
		return -ENOMEM;
	while (s->size < size) {
		uint64_t left = size - s->size;
		size_t n = left < MX_SPOOL_MEMORY ? (size_t)left
						  : MX_SPOOL_MEMORY;
		int r = mx_bytes_read(b, s->size, buf, n);

		if (!r)
			r = put(s, s->size, buf, n);
		if (r)
			return r;
	}
	return 0;
}

/* Whether the property could be set at all, found out before bytes travel. */
static int may_write(struct mx_obj *o, uint32_t tag)
{
	const uint32_t *t = o->kind == MX_OBJ_STORE    ? mx_store_computed_tags
			    : o->kind == MX_OBJ_FOLDER ? mx_folder_computed_tags
			    : o->kind == MX_OBJ_ATTACH ? mx_att_computed_tags
						       : mx_msg_computed_tags;

	if (!o->mb->may_write || o->read_only)
		return MX_ANS_ACCESS_DENIED;
	for (; *t; t++)
		if (MX_PROP_ID(*t) == MX_PROP_ID(tag) && *t != T_BODY &&
		    *t != T_HTML && *t != T_DISPLAY_NAME)
			return MX_ANS_ACCESS_DENIED;
	return 0;
}

static int open_locked(struct mx_strm *s, enum mx_strm_mode mode)
{
	struct mx_bytes *b = NULL;
	int r = s->writing ? may_write(s->o, s->tag) : 0;

	if (!r && mode != MX_STRM_CREATE)
		r = value_bytes(s, &b);
	if (!r && s->writing && b)
		r = copy_in(s, b);
	if (r || s->writing) {
		mx_bytes_unref(b);
		/* Created and never written it still becomes an empty value. */
		s->dirty = mode == MX_STRM_CREATE;
		return r;
	}
	s->bytes = b;
	s->size = mx_bytes_size(b);
	return 0;
}

static void free_locked(struct mx_strm *s)
{
	mx_bytes_unref(s->bytes);
	mx_obj_unref(s->o);
	if (s->fd >= 0)
		close(s->fd);
	free(s->mem);
	free(s);
}

int mx_strm_open(struct mx_obj *o, uint32_t tag, enum mx_strm_mode mode,
		 struct mx_strm **ret, uint64_t *ret_size)
{
	struct mx_mdb *db = o->db;
	struct mx_strm *s;
	uint16_t type = MX_PROP_TYPE(tag);
	int r;

	if (!is_text(type) && type != MX_PT_BINARY && type != MX_PT_OBJECT)
		return MX_ANS_NOT_SUPPORTED;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->o = mx_obj_ref(o);
	s->tag = tag;
	s->fd = -1;
	s->writing = mode != MX_STRM_READ;
	mx_mdb_lock(db);
	r = open_locked(s, mode);
	if (r)
		free_locked(s);
	mx_mdb_unlock(db);
	if (r)
		return r;
	*ret = s;
	if (ret_size)
		*ret_size = s->size;
	return 0;
}

/* ---- Using ---- */

int mx_strm_read(struct mx_strm *s, void *buf, size_t n, size_t *ret_n)
{
	int r;

	if (s->pos >= s->size) {
		*ret_n = 0;
		return 0;
	}
	if (n > s->size - s->pos)
		n = (size_t)(s->size - s->pos);
	mx_mdb_lock(s->o->db);
	r = get(s, s->pos, buf, n);
	mx_mdb_unlock(s->o->db);
	if (r)
		return r;
	s->pos += n;
	*ret_n = n;
	return 0;
}

int mx_strm_write(struct mx_strm *s, const void *p, size_t n)
{
	int r;

	if (!s->writing)
		return MX_ANS_ACCESS_DENIED;
	if (n > MX_STORE_MAX_VALUE || s->pos > MX_STORE_MAX_VALUE - n)
		return MX_ANS_STREAM_FULL;
	if (!n)
		return 0;
	r = put(s, s->pos, p, n);
	if (r)
		return r;
	s->pos += n;
	s->dirty = true;
	return 0;
}

int mx_strm_seek(struct mx_strm *s, int origin, int64_t offset,
		 uint64_t *ret_pos)
{
	int64_t base = origin == 0   ? 0
		       : origin == 1 ? (int64_t)s->pos
				     : (int64_t)s->size;

	if (origin < 0 || origin > 2)
		return MX_ANS_INVALID_PARAM;
	if (offset < -base || offset > MAX_POS - base)
		return MX_ANS_STREAM_SEEK;
	s->pos = (uint64_t)(base + offset);
	if (ret_pos)
		*ret_pos = s->pos;
	return 0;
}

int mx_strm_set_size(struct mx_strm *s, uint64_t size)
{
	int r;

	if (!s->writing)
		return MX_ANS_ACCESS_DENIED;
	if (size > MX_STORE_MAX_VALUE)
		return MX_ANS_STREAM_FULL;
	r = room(s, size);
	if (r)
		return r;
	if (s->fd >= 0) {
		if (ftruncate(s->fd, (off_t)size))
			return -errno;
	} else if (size > s->size) {
		memset(s->mem + s->size, 0, size - s->size);
	}
	s->size = size;
	s->dirty = true;
	return 0;
}

uint64_t mx_strm_size(const struct mx_strm *s)
{
	return s->size;
}

/* ---- Committing ---- */

/* The copy as bytes of its own: the stream may be written on. */
static int snapshot(struct mx_strm *s, struct mx_bytes **ret)
{
	MX_AUTO(mx_free_auto) uint8_t *buf = NULL;
	uint64_t at = 0;
	int fd, r = 0;

	if (s->fd < 0)
		return mx_bytes_from_mem(s->mem, s->size, ret);
	buf = malloc(MX_SPOOL_MEMORY);
	fd = buf ? mx_spool_file(mx_store_dir(s->o->db->st)) : -ENOMEM;
	if (fd < 0)
		return fd;
	while (!r && at < s->size) {
		size_t n = s->size - at < MX_SPOOL_MEMORY
				   ? (size_t)(s->size - at)
				   : MX_SPOOL_MEMORY;

		r = get(s, at, buf, n);
		if (!r)
			r = pwrite_all(fd, buf, n, at);
		at += n;
	}
	if (!r)
		r = mx_bytes_take_fd(fd, s->size, ret);
	if (r)
		close(fd);
	return r;
}

/* The whole copy as UTF-8 text. */
static int as_text(struct mx_strm *s, struct mx_bytes **ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	MX_AUTO(mx_free_auto) char *raw = malloc(s->size ? s->size : 1);
	char *text;
	size_t n;
	int r = raw ? get(s, 0, raw, s->size) : -ENOMEM;

	if (r)
		return r;
	if (type_of(s) == MX_PT_STRING8) {
		text = mx_text_from_cp(s->o->cp, raw, s->size, &a, &n);
		return text ? mx_bytes_from_mem(text, n, ret) : -ENOMEM;
	}
	n = mx_utf8_from_utf16le(raw, s->size, NULL, 0);
	text = malloc(n ? n : 1);
	if (!text)
		return -ENOMEM;
	mx_utf8_from_utf16le(raw, s->size, text, n);
	r = mx_bytes_take_mem(text, n, ret);
	if (r)
		free(text);
	return r;
}

static int commit_locked(struct mx_strm *s)
{
	struct mx_bytes *b;
	int r = is_text(type_of(s)) ? as_text(s, &b) : snapshot(s, &b);

	if (r)
		return r;
	r = mx_obj_put_bytes(s->o, kept_tag(s->tag), b);
	mx_bytes_unref(b);
	if (!r)
		s->dirty = false;
	return r;
}

int mx_strm_commit(struct mx_strm *s)
{
	int r = 0;

	if (!s->writing || !s->dirty)
		return 0;
	mx_mdb_lock(s->o->db);
	r = commit_locked(s);
	mx_mdb_unlock(s->o->db);
	return r;
}

int mx_strm_close(struct mx_strm *s, bool commit_on_close)
{
	struct mx_mdb *db;
	int r = 0;

	if (!s)
		return 0;
	if (commit_on_close &&
	    (s->o->kind == MX_OBJ_MESSAGE || s->o->kind == MX_OBJ_ATTACH))
		r = mx_strm_commit(s);
	db = s->o->db;
	mx_mdb_lock(db);
	free_locked(s);
	mx_mdb_unlock(db);
	return r;
}
