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
#include "api/strm-private.h"

static void strm_fini(struct mx_obj *o)
{
	struct mx_strm *s = (struct mx_strm *)(void *)o;

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

/* ---- reading ---- */

int mx_strm_fetch(struct mx_do *d, struct mx_strm *s, uint64_t at, size_t want,
		  struct mx_buf *out)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_READ_STREAM};
	struct mx_op *op;
	size_t had = out->len;
	int err;

	mx_batch_init(&b);
	mx_strm_add_seek(&b, s, at);
	if (want <= MX_STRM_READ_ONE) {
		req.read_stream.byte_count = (uint16_t)want;
	} else {
		req.read_stream.byte_count = 0xbabe;
		req.read_stream.maximum_byte_count =
			(uint32_t)(want < MX_STRM_READ_MAX ? want
							   : MX_STRM_READ_MAX);
		b.chain = true;
	}
	op = mx_batch_add(&b, s->obj.so, &req);
	err = mx_strm_run(d, &b);
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

/* What is read ahead at the position; 0 when there is nothing. */
static ULONG from_ahead(struct mx_strm *s, uint64_t at, char *out, ULONG n)
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

static int read_bytes(struct mx_do *d, struct mx_strm *s, char *out, ULONG *n)
{
	ULONG done = 0, k;
	int err = s->held.len ? mx_strm_flush(d, s, false) : 0;

	while (!err && done < *n) {
		k = from_ahead(s, s->pos + done, out + done, *n - done);
		if (!k) {
			mx_buf_reset(&s->ahead);
			s->ahead_at = s->pos + done;
			err = mx_strm_fetch(d, s, s->ahead_at,
					    *n - done > MX_STRM_READ_ONE
						    ? *n - done
						    : MX_STRM_READ_ONE,
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
	struct mx_strm *s = mx_strm_of(p);
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
	err = s->text ? mx_strm_text_read(&d, s, out, &n)
		      : read_bytes(&d, s, out, &n);
	if (!err) {
		s->pos += n;
		if (ret)
			*ret = n;
	}
	mx_turn_end(&s->obj);
	return mx_do_end(&d, err);
}

/* ---- writing ---- */

static int write_bytes(struct mx_do *d, struct mx_strm *s, const char *p,
		       ULONG n)
{
	int err = 0;

	mx_buf_reset(&s->ahead);
	if (s->held.len && s->held_at + s->held.len != s->pos)
		err = mx_strm_flush(d, s, false);
	if (err)
		return err;
	if (!s->held.len)
		s->held_at = s->pos;
	if (mx_buf_put(&s->held, p, n))
		return -ENOMEM;
	if (s->pos + n > s->size)
		s->size = s->pos + n;
	return s->held.len >= MX_STRM_HOLD_MAX ? mx_strm_flush(d, s, false) : 0;
}

static HRESULT strm_write(IStream *p, const void *data, ULONG n, ULONG *ret)
{
	struct mx_strm *s = mx_strm_of(p);
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
	mx_strm_hold(s);
	err = s->text ? mx_strm_text_write(&d, s, data, n)
		      : write_bytes(&d, s, data, n);
	if (!err) {
		s->pos += n;
		if (ret)
			*ret = n;
	}
	mx_turn_end(&s->obj);
	return mx_do_end(&d, err);
}

static int set_size(struct mx_do *d, struct mx_strm *s, uint64_t size)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_SET_STREAM_SIZE};
	int err;

	mx_batch_init(&b);
	if (s->text) {
		err = mx_strm_text_load(d, s);
		if (!err)
			err = mx_strm_text_resize(s, size);
		if (!err)
			s->changed = true;
		return err;
	}
	err = mx_strm_flush(d, s, false);
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
	struct mx_strm *s = mx_strm_of(p);
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
		mx_strm_hold(s);
	err = set_size(&d, s, size.QuadPart);
	mx_turn_end(&s->obj);
	return mx_do_end(&d, err);
}

/* ---- positions ---- */

static HRESULT strm_seek(IStream *p, LARGE_INTEGER move, DWORD origin,
			 ULARGE_INTEGER *ret)
{
	struct mx_strm *s = mx_strm_of(p);
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);
	int err;

	if (FAILED(hr))
		return hr;
	err = mx_turn_begin(&d, &s->obj);
	if (err)
		return mx_do_end(&d, err);
	if (s->text && origin == STREAM_SEEK_END)
		err = mx_strm_text_load(&d, s);
	hr = err ? S_OK
		 : mx_stream_target(s->pos, s->size, move, origin, &s->pos);
	if (ret && !err && SUCCEEDED(hr))
		ret->QuadPart = s->pos;
	mx_turn_end(&s->obj);
	return err ? mx_do_end(&d, err) : mx_do_end_hr(&d, hr, "Seek");
}

static HRESULT strm_commit(IStream *p, DWORD flags)
{
	struct mx_strm *s = mx_strm_of(p);
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);
	int err;

	if (FAILED(hr) || !s->writable)
		return FAILED(hr) ? hr : mx_do_end(&d, 0);
	err = mx_turn_begin(&d, &s->obj);
	if (err)
		return mx_do_end(&d, err);
	err = mx_strm_flush(&d, s, true);
	mx_turn_end(&s->obj);
	return mx_do_end(&d, err);
}

static HRESULT strm_revert(IStream *p)
{
	return mx_obj_unsupported(mx_strm_of(p), "IStream::Revert");
}

static HRESULT strm_stat(IStream *p, STATSTG *ret, DWORD flag)
{
	struct mx_strm *s = mx_strm_of(p);
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
		err = mx_strm_text_load(&d, s);
	*ret = (STATSTG){.type = STGTY_STREAM,
			 .grfMode = s->writable ? STGM_READWRITE : STGM_READ};
	ret->cbSize.QuadPart = s->size;
	mx_turn_end(&s->obj);
	return mx_do_end(&d, err);
}

static HRESULT strm_clone(IStream *p, IStream **ret)
{
	return mx_obj_unsupported(mx_strm_of(p), "IStream::Clone");
}

/* ---- opening ---- */

static const IStreamVtbl strm_vtbl = {
	(HRESULT(*)(IStream *, REFIID, void **))mx_obj_query,
	(ULONG(*)(IStream *))mx_obj_add,
	mx_strm_release,
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
		    struct mx_strm **ret)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	MX_AUTO(mx_sobj_auto) struct mx_sobj *so = NULL;
	struct mx_rop_req req = {.id = MX_ROP_OPEN_STREAM};
	bool create = flags & MAPI_CREATE;
	struct mx_op *op;
	struct mx_strm *s;
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
	err = mx_strm_run(d, &b);
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
	struct mx_strm *s = NULL;
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
		mx_strm_hold(s);
	if (flags & STREAM_APPEND) {
		err = s->text ? mx_strm_text_load(&d, s) : 0;
		s->pos = s->size;
	}
	if (err) {
		mx_strm_release((IStream *)(void *)s);
		return mx_do_end(&d, err);
	}
	*ret = (LPSTREAM)(void *)s;
	return mx_do_end(&d, 0);
}
