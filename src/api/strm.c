/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IStream on a property.
 *
 * Bytes (PT_BINARY and kin) are read ahead and written behind in pieces of a
 * request.  Text is different on the two sides: a PT_UNICODE stream carries
 * wchar_t and a PT_STRING8 stream UTF-8, the server UTF-16LE.  It is held
 * whole and converted whole, so no character ever meets a border (B69), and
 * every position and size counts the caller's bytes.
 *
 * Bytes held back are sent by Commit, by a Read or Seek that needs it, when
 * there are many, and before the owner's properties are read or saved.  Release
 * never sends: a stream released with bytes held back is left to its owner,
 * whose SaveChanges sends them.
 *
 *	owner->unsent ── streams with bytes held back, under owner->lock
 *	orphan        ── no reference left; the owner frees it
 */
#include <errno.h>
#include <stdlib.h>

#include "api/stream.h"
#include "api/strm.h"
#include "base/buf.h"
#include "base/utf.h"
#include "wire/prop.h"

#define WRITE_MAX 30000          /* in one WriteStream */
#define HOLD_MAX (4 * WRITE_MAX) /* held back at most */
#define READ_ONE 30000           /* in one buffer */
#define READ_MAX 240000          /* in one chained answer */
#define TEXT_MAX (UINT32_C(1) << 30)

struct strm {
	struct mx_obj obj; /* so: the stream; parent: its owner */
	bool writable;
	ULONG text; /* PT_UNICODE, PT_STRING8; 0: bytes */
	uint64_t pos, size;
	uint64_t wire; /* where the server's stream stands */
	uint64_t ahead_at;
	struct mx_buf ahead; /* read, at ahead_at */
	uint64_t held_at;
	struct mx_buf held; /* written, not sent */
	struct mx_buf all;  /* text: the whole of it */
	bool loaded, changed;
	/* Under the owner's lock. */
	struct mx_list unsent;
	bool linked, orphan;
};

static struct strm *strm_of(IStream *s)
{
	return (struct strm *)(void *)s;
}

uint8_t *mx_strm_utf16(struct mx_arena *a, const char *s, size_t *ret_n)
{
	size_t len = strlen(s);
	size_t n = mx_utf16le_from_utf8(s, len, NULL, 0);
	uint8_t *p = mx_arena_alloc(a, n);

	if (!p)
		return NULL;
	mx_utf16le_from_utf8(s, len, p, n);
	*ret_n = n;
	return p;
}

/* ---- holding back ---- */

static void mark_unsent(struct strm *s)
{
	struct mx_obj *o = s->obj.parent;

	mx_mutex_lock(&o->lock);
	if (!s->linked)
		mx_list_push_tail(&o->unsent, &s->unsent);
	s->linked = true;
	mx_mutex_unlock(&o->lock);
}

static void mark_sent(struct strm *s)
{
	struct mx_obj *o = s->obj.parent;

	mx_mutex_lock(&o->lock);
	mx_list_unlink(&s->unsent);
	s->linked = false;
	mx_mutex_unlock(&o->lock);
}

static void strm_fini(struct mx_obj *o)
{
	struct strm *s = (struct strm *)(void *)o;

	mx_buf_fini(&s->ahead);
	mx_buf_fini(&s->held);
	mx_buf_fini(&s->all);
}

static const IID *const strm_iids[] = {&IID_IStream, &IID_ISequentialStream};
static const struct mx_class strm_class = {
	.name = "IStream",
	.iids = strm_iids,
	.n_iids = MX_ARRAY_SIZE(strm_iids),
	.fini = strm_fini,
};

/* The last reference: with bytes held back the owner keeps the stream, which
 * from then on does not keep the owner. */
static ULONG strm_release(IStream *p)
{
	struct strm *s = strm_of(p);
	struct mx_obj *owner = s->obj.parent;
	bool keep = false;
	unsigned n;

	if (mx_obj_inherited(s))
		return mx_obj_release(&s->obj);
	mx_mutex_lock(&owner->lock);
	n = atomic_fetch_sub(&s->obj.refs, 1) - 1;
	if (!n && s->linked)
		keep = s->orphan = true;
	mx_mutex_unlock(&owner->lock);
	if (keep) {
		mx_obj_release(owner);
	} else if (!n) {
		atomic_store(&s->obj.refs, 1);
		mx_obj_release(&s->obj);
	}
	return n;
}

/* Frees an orphan; its owner is alive or on its way out, never released. */
static void orphan_free(struct strm *s)
{
	s->obj.parent = NULL;
	atomic_store(&s->obj.refs, 1);
	mx_obj_release(&s->obj);
}

void mx_strm_drop_all(struct mx_obj *o)
{
	struct mx_list *l;

	/* Only orphans: a stream in use would keep its owner. */
	while ((l = mx_list_pop(&o->unsent)))
		orphan_free(MX_CONTAINER_OF(l, struct strm, unsent));
}

/* ---- sending ---- */

static void add_writes(struct mx_batch *b, struct strm *s, const uint8_t *p,
		       size_t n)
{
	for (size_t at = 0; at < n; at += WRITE_MAX) {
		struct mx_rop_req req = {.id = MX_ROP_WRITE_STREAM};

		req.write_stream.data.p = p + at;
		req.write_stream.data.n =
			(uint32_t)(n - at < WRITE_MAX ? n - at : WRITE_MAX);
		mx_batch_add(b, s->obj.so, &req);
	}
}

static void add_seek(struct mx_batch *b, struct strm *s, uint64_t at)
{
	struct mx_rop_req req = {.id = MX_ROP_SEEK_STREAM};

	req.seek_stream.offset = (int64_t)at;
	if (s->wire != at)
		mx_batch_add(b, s->obj.so, &req);
}

static int run(struct mx_do *d, struct mx_batch *b)
{
	int err = mx_batch_run(b, &d->call);
	struct mx_op *bad = err ? NULL : mx_batch_failed(b);

	return bad ? mx_op_fault(bad, &d->fault) : err;
}

static uint8_t *text_wire(struct mx_arena *a, struct strm *s, size_t *ret_n)
{
	const char *u8 = (const char *)s->all.p;
	size_t n = s->all.len, n16;
	uint8_t *p;

	if (s->text == PT_UNICODE) {
		const WCHAR *w = (const WCHAR *)(void *)s->all.p;
		size_t len = n / sizeof(WCHAR);
		char *narrow;

		/* A terminator is not part of the value. */
		while (len && !w[len - 1])
			len--;
		n = mx_utf8_from_wchar(w, len, NULL, 0);
		narrow = mx_arena_alloc(a, n);
		if (!narrow)
			return NULL;
		mx_utf8_from_wchar(w, len, narrow, n);
		u8 = narrow;
	} else {
		while (n && !u8[n - 1])
			n--;
	}
	n16 = mx_utf16le_from_utf8(u8, n, NULL, 0);
	p = mx_arena_alloc(a, n16);
	if (p)
		mx_utf16le_from_utf8(u8, n, p, n16);
	*ret_n = n16;
	return p;
}

/* Sends what is held back; with commit a CommitStream behind it.  The turn is
 * the caller's. */
static int flush(struct mx_do *d, struct strm *s, bool commit)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_COMMIT_STREAM};
	uint64_t end = s->wire;
	uint8_t *p;
	size_t n;
	int err;

	mx_batch_init(&b);
	if (s->text && s->changed) {
		p = text_wire(&b.arena, s, &n);
		if (!p)
			return -ENOMEM;
		add_seek(&b, s, 0);
		add_writes(&b, s, p, n);
		req.id = MX_ROP_SET_STREAM_SIZE;
		req.set_stream_size.stream_size = n;
		mx_batch_add(&b, s->obj.so, &req);
		req = (struct mx_rop_req){.id = MX_ROP_COMMIT_STREAM};
		commit = true;
		end = n;
	} else if (s->held.len) {
		add_seek(&b, s, s->held_at);
		add_writes(&b, s, s->held.p, s->held.len);
		end = s->held_at + s->held.len;
	} else if (!commit) {
		return 0;
	}
	if (commit)
		mx_batch_add(&b, s->obj.so, &req);
	err = run(d, &b);
	if (err)
		return err;
	s->wire = end;
	s->changed = false;
	mx_buf_reset(&s->held);
	mark_sent(s);
	return 0;
}

/* Takes the next stream with bytes held back, with a reference. */
static struct strm *next_unsent(struct mx_obj *o)
{
	struct strm *s = NULL;

	mx_mutex_lock(&o->lock);
	if (!mx_list_empty(&o->unsent)) {
		s = MX_CONTAINER_OF(o->unsent.next, struct strm, unsent);
		if (!s->orphan)
			atomic_fetch_add(&s->obj.refs, 1);
	}
	mx_mutex_unlock(&o->lock);
	return s;
}

int mx_strm_flush_all(struct mx_do *d, struct mx_obj *o)
{
	struct strm *s;

	while ((s = next_unsent(o))) {
		bool orphan;
		int err = mx_turn_begin(d, &s->obj);

		if (!err) {
			err = flush(d, s, true);
			/* Sent by someone else before our turn came. */
			if (!err)
				mark_sent(s);
			mx_turn_end(&s->obj);
		}
		mx_mutex_lock(&o->lock);
		orphan = s->orphan;
		mx_mutex_unlock(&o->lock);
		if (!orphan)
			strm_release((IStream *)(void *)s);
		else if (!err)
			orphan_free(s);
		if (err)
			return err;
	}
	return 0;
}

/* ---- reading ---- */

/* Reads from the server at `at` into out; fewer bytes only at the end. */
static int fetch(struct mx_do *d, struct strm *s, uint64_t at, size_t want,
		 struct mx_buf *out)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_READ_STREAM};
	struct mx_op *op;
	size_t had = out->len;
	int err;

	mx_batch_init(&b);
	add_seek(&b, s, at);
	if (want <= READ_ONE) {
		req.read_stream.byte_count = (uint16_t)want;
	} else {
		req.read_stream.byte_count = 0xbabe;
		req.read_stream.maximum_byte_count =
			(uint32_t)(want < READ_MAX ? want : READ_MAX);
		b.chain = true;
	}
	op = mx_batch_add(&b, s->obj.so, &req);
	err = run(d, &b);
	if (err)
		return err;
	mx_buf_put(out, op->res->read_stream.data.p,
		   op->res->read_stream.data.n);
	for (uint32_t i = 0; i < op->n_more; i++)
		mx_buf_put(out, op->more[i]->read_stream.data.p,
			   op->more[i]->read_stream.data.n);
	s->wire = at + (out->len - had);
	return out->err;
}

size_t mx_strm_text_len(const uint8_t *p, size_t n)
{
	while (n >= 2 && !p[n - 1] && !p[n - 2])
		n -= 2;
	return n;
}

static int text_load(struct mx_do *d, struct strm *s)
{
	MX_AUTO(mx_buf_auto) struct mx_buf raw = MX_BUF_INIT;
	MX_AUTO(mx_free_auto) char *u8 = NULL;
	size_t n, had, nw;
	WCHAR *w;
	int err;

	if (s->loaded)
		return 0;
	raw.max = TEXT_MAX;
	do {
		had = raw.len;
		err = fetch(d, s, had, READ_MAX, &raw);
		if (err)
			return err;
	} while (raw.len > had);
	raw.len = mx_strm_text_len(raw.p, raw.len);
	n = mx_utf8_from_utf16le(raw.p, raw.len, NULL, 0);
	u8 = malloc(n + 1);
	if (!u8)
		return -ENOMEM;
	mx_utf8_from_utf16le(raw.p, raw.len, u8, n);
	if (s->text == PT_STRING8) {
		mx_buf_put(&s->all, u8, n);
	} else {
		nw = mx_wchar_from_utf8(u8, n, NULL, 0);
		w = (WCHAR *)(void *)mx_buf_room(&s->all, nw * sizeof(*w) + 1);
		if (w) {
			mx_wchar_from_utf8(u8, n, w, nw);
			s->all.len += nw * sizeof(*w);
		}
	}
	s->size = s->all.len;
	s->loaded = !s->all.err;
	return s->all.err;
}

static int read_text(struct mx_do *d, struct strm *s, char *out, ULONG *n)
{
	int err = text_load(d, s);
	size_t left;

	if (err)
		return err;
	left = s->pos < s->all.len ? s->all.len - (size_t)s->pos : 0;
	if (*n > left)
		*n = (ULONG)left;
	if (*n)
		memcpy(out, s->all.p + s->pos, *n);
	return 0;
}

/* What is read ahead at the position; 0 when there is nothing. */
static ULONG from_ahead(struct strm *s, uint64_t at, char *out, ULONG n)
{
	size_t off, left;

	if (at < s->ahead_at || at >= s->ahead_at + s->ahead.len)
		return 0;
	off = (size_t)(at - s->ahead_at);
	left = s->ahead.len - off;
	n = n < left ? n : (ULONG)left;
	memcpy(out, s->ahead.p + off, n);
	return n;
}

static int read_bytes(struct mx_do *d, struct strm *s, char *out, ULONG *n)
{
	ULONG done = 0, k;
	int err = s->held.len ? flush(d, s, false) : 0;

	while (!err && done < *n) {
		k = from_ahead(s, s->pos + done, out + done, *n - done);
		if (!k) {
			mx_buf_reset(&s->ahead);
			s->ahead_at = s->pos + done;
			err = fetch(d, s, s->ahead_at,
				    *n - done > READ_ONE ? *n - done : READ_ONE,
				    &s->ahead);
			if (err || !s->ahead.len)
				break;
		}
		done += k;
	}
	*n = done;
	return err;
}

static HRESULT strm_read(IStream *p, void *out, ULONG n, ULONG *ret)
{
	struct strm *s = strm_of(p);
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);
	int err;

	if (FAILED(hr))
		return hr;
	if (!out && n)
		return mx_do_end_hr(&d, STG_E_INVALIDPOINTER, "Read");
	err = mx_turn_begin(&d, &s->obj);
	if (err)
		return mx_do_end(&d, err);
	err = s->text ? read_text(&d, s, out, &n) : read_bytes(&d, s, out, &n);
	if (!err) {
		s->pos += n;
		if (ret)
			*ret = n;
	}
	mx_turn_end(&s->obj);
	return mx_do_end(&d, err);
}

/* ---- writing ---- */

static int text_resize(struct strm *s, uint64_t size)
{
	size_t had = s->all.len;
	uint8_t *p;

	if (size > TEXT_MAX)
		return -EFBIG;
	if (size > had) {
		p = mx_buf_room(&s->all, (size_t)size - had);
		if (!p)
			return s->all.err;
		memset(p, 0, (size_t)size - had);
	}
	s->all.len = (size_t)size;
	s->size = size;
	return 0;
}

static int write_text(struct mx_do *d, struct strm *s, const char *p, ULONG n)
{
	int err = text_load(d, s);

	if (!err && s->pos + n > s->all.len)
		err = text_resize(s, s->pos + n);
	if (err)
		return err;
	if (n)
		memcpy(s->all.p + s->pos, p, n);
	s->changed = true;
	return 0;
}

static int write_bytes(struct mx_do *d, struct strm *s, const char *p, ULONG n)
{
	int err = 0;

	mx_buf_reset(&s->ahead);
	if (s->held.len && s->held_at + s->held.len != s->pos)
		err = flush(d, s, false);
	if (err)
		return err;
	if (!s->held.len)
		s->held_at = s->pos;
	if (mx_buf_put(&s->held, p, n))
		return -ENOMEM;
	if (s->pos + n > s->size)
		s->size = s->pos + n;
	return s->held.len >= HOLD_MAX ? flush(d, s, false) : 0;
}

static HRESULT strm_write(IStream *p, const void *data, ULONG n, ULONG *ret)
{
	struct strm *s = strm_of(p);
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);
	int err;

	if (FAILED(hr))
		return hr;
	if (ret)
		*ret = 0;
	if (!data && n)
		return mx_do_end_hr(&d, STG_E_INVALIDPOINTER, "Write");
	if (!s->writable)
		return mx_do_end_hr(&d, STG_E_ACCESSDENIED,
				    "the stream was opened for reading");
	err = mx_turn_begin(&d, &s->obj);
	if (err)
		return mx_do_end(&d, err);
	mark_unsent(s);
	err = s->text ? write_text(&d, s, data, n)
		      : write_bytes(&d, s, data, n);
	if (!err) {
		s->pos += n;
		if (ret)
			*ret = n;
	}
	mx_turn_end(&s->obj);
	return mx_do_end(&d, err);
}

static int set_size(struct mx_do *d, struct strm *s, uint64_t size)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_SET_STREAM_SIZE};
	int err;

	mx_batch_init(&b);
	if (s->text) {
		err = text_load(d, s);
		if (!err)
			err = text_resize(s, size);
		if (!err)
			s->changed = true;
		return err;
	}
	err = flush(d, s, false);
	if (err)
		return err;
	req.set_stream_size.stream_size = size;
	mx_buf_reset(&s->ahead);
	err = mx_rop_call(&b, s->obj.so, &req, &d->call, NULL);
	if (!err) {
		s->size = size;
		s->wire = UINT64_MAX; /* where it stands now is not said */
	}
	return err;
}

static HRESULT strm_set_size(IStream *p, ULARGE_INTEGER size)
{
	struct strm *s = strm_of(p);
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);
	int err;

	if (FAILED(hr))
		return hr;
	if (!s->writable)
		return mx_do_end_hr(&d, STG_E_ACCESSDENIED,
				    "the stream was opened for reading");
	err = mx_turn_begin(&d, &s->obj);
	if (err)
		return mx_do_end(&d, err);
	if (s->text)
		mark_unsent(s);
	err = set_size(&d, s, size.QuadPart);
	mx_turn_end(&s->obj);
	return mx_do_end(&d, err);
}

/* ---- positions ---- */

static HRESULT strm_seek(IStream *p, LARGE_INTEGER move, DWORD origin,
			 ULARGE_INTEGER *ret)
{
	struct strm *s = strm_of(p);
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);
	int err;

	if (FAILED(hr))
		return hr;
	err = mx_turn_begin(&d, &s->obj);
	if (err)
		return mx_do_end(&d, err);
	if (s->text && origin == STREAM_SEEK_END)
		err = text_load(&d, s);
	hr = err ? S_OK
		 : mx_stream_target(s->pos, s->size, move, origin, &s->pos);
	if (ret && !err && SUCCEEDED(hr))
		ret->QuadPart = s->pos;
	mx_turn_end(&s->obj);
	return err ? mx_do_end(&d, err) : mx_do_end_hr(&d, hr, "Seek");
}

static HRESULT strm_commit(IStream *p, DWORD flags)
{
	struct strm *s = strm_of(p);
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);
	int err;

	if (FAILED(hr) || !s->writable)
		return FAILED(hr) ? hr : mx_do_end(&d, 0);
	err = mx_turn_begin(&d, &s->obj);
	if (err)
		return mx_do_end(&d, err);
	err = flush(&d, s, true);
	mx_turn_end(&s->obj);
	return mx_do_end(&d, err);
}

static HRESULT strm_revert(IStream *p)
{
	return mx_obj_unsupported(strm_of(p), "IStream::Revert");
}

static HRESULT strm_stat(IStream *p, STATSTG *ret, DWORD flag)
{
	struct strm *s = strm_of(p);
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);
	int err;

	if (FAILED(hr))
		return hr;
	if (!ret)
		return mx_do_end_hr(&d, STG_E_INVALIDPOINTER, "Stat");
	err = mx_turn_begin(&d, &s->obj);
	if (err)
		return mx_do_end(&d, err);
	if (s->text)
		err = text_load(&d, s);
	*ret = (STATSTG){.type = STGTY_STREAM,
			 .grfMode = s->writable ? STGM_READWRITE : STGM_READ};
	ret->cbSize.QuadPart = s->size;
	mx_turn_end(&s->obj);
	return mx_do_end(&d, err);
}

static HRESULT strm_clone(IStream *p, IStream **ret)
{
	return mx_obj_unsupported(strm_of(p), "IStream::Clone");
}

/* ---- opening ---- */

static const IStreamVtbl strm_vtbl = {
	(HRESULT(*)(IStream *, REFIID, void **))mx_obj_query,
	(ULONG(*)(IStream *))mx_obj_add,
	strm_release,
	strm_read,
	strm_write,
	strm_seek,
	strm_set_size,
	mx_stream_copy_to,
	strm_commit,
	strm_revert,
	mx_stream_no_lock,
	mx_stream_no_lock,
	strm_stat,
	strm_clone,
};

static int strm_new(struct mx_do *d, struct mx_obj *o, ULONG tag, ULONG flags,
		    struct strm **ret)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	MX_AUTO(mx_sobj_auto) struct mx_sobj *so = NULL;
	struct mx_rop_req req = {.id = MX_ROP_OPEN_STREAM};
	bool create = flags & MAPI_CREATE;
	struct mx_op *op;
	struct strm *s;
	ULONG text = PROP_TYPE(tag);
	int err;

	mx_batch_init(&b);
	req.open_stream.property_tag =
		text == PT_STRING8 ? CHANGE_PROP_TYPE(tag, PT_UNICODE) : tag;
	req.open_stream.open_mode_flags = create                ? MX_STRM_CREATE
					  : flags & MAPI_MODIFY ? MX_STRM_WRITE
								: MX_STRM_READ;
	err = mx_sobj_new(o->so, &req, &so);
	if (err)
		return err;
	op = mx_batch_open(&b, so);
	err = run(d, &b);
	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	mx_obj_init(&s->obj, &strm_vtbl, &strm_class, o, o->session,
		    MX_STEAL(so));
	mx_list_init(&s->unsent);
	s->text = text == PT_STRING8 || text == PT_UNICODE ? text : 0;
	s->writable = flags & (MAPI_MODIFY | MAPI_CREATE);
	s->size = op->res ? op->res->open_stream.stream_size : 0;
	if (create) {
		s->size = 0;
		s->loaded = true;
		s->changed = s->text != 0;
	}
	*ret = s;
	return 0;
}

HRESULT mx_api_strm_open(struct mx_obj *o, ULONG tag, ULONG flags,
			 LPSTREAM *ret)
{
	struct strm *s = NULL;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, o);
	int err;

	if (FAILED(hr))
		return hr;
	if (flags &
	    ~(MAPI_MODIFY | MAPI_CREATE | STREAM_APPEND | MAPI_DEFERRED_ERRORS))
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "OpenProperty");
	if ((flags & MAPI_CREATE) && !(flags & MAPI_MODIFY))
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "MAPI_CREATE without MAPI_MODIFY");
	if (!o->so)
		return mx_do_end_unsupported(&d, "a stream on this object");
	err = mx_strm_flush_all(&d, o);
	if (!err)
		err = strm_new(&d, o, tag, flags, &s);
	if (err)
		return mx_do_end(&d, err);
	if (s->changed)
		mark_unsent(s);
	if (flags & STREAM_APPEND) {
		err = s->text ? text_load(&d, s) : 0;
		s->pos = s->size;
	}
	if (err) {
		strm_release((IStream *)(void *)s);
		return mx_do_end(&d, err);
	}
	*ret = (LPSTREAM)(void *)s;
	return mx_do_end(&d, 0);
}
