/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the scripted server answers to ROPs, and the objects they open. */
#include "session/fake-private.h"

#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "session/rop-info.h"
#include "wire/bodies.h"
#include "wire/ids.h"
#include "wire/rpcext.h"

/* --- Objects ------------------------------------------------------------ */

static struct fake_handle *find(struct fake *f, unsigned session, uint32_t h)
{
	for (size_t i = 0; i < f->n_handles; i++)
		if (f->handles[i].handle == h &&
		    f->handles[i].session == session)
			return &f->handles[i];
	return NULL;
}

static struct fake_handle *add(struct fake *f, unsigned session, uint8_t rop,
			       uint8_t logon_id)
{
	struct fake_handle *h;

	if (f->n_handles == f->cap_handles) {
		f->cap_handles = f->cap_handles ? 2 * f->cap_handles : 64;
		f->handles = realloc(f->handles,
				     f->cap_handles * sizeof(*f->handles));
		assert_non_null(f->handles);
	}
	h = &f->handles[f->n_handles++];
	*h = (struct fake_handle){.handle = ++f->next_handle,
				  .session = session,
				  .rop = rop,
				  .logon_id = logon_id};
	return h;
}

static void drop(struct fake *f, struct fake_handle *h)
{
	*h = f->handles[--f->n_handles];
}

void fake_drop_session(struct fake *f, unsigned session)
{
	for (size_t i = f->n_handles; i-- > 0;)
		if (f->handles[i].session == session)
			drop(f, &f->handles[i]);
	if (session < MX_ARRAY_SIZE(f->live) && f->live[session]) {
		f->live[session] = false;
		f->n_sessions--;
	}
}

/* --- ROPs --------------------------------------------------------------- */

struct answer {
	struct fake *f;
	struct fake_entry *e;
	struct mx_arena arena;
	uint32_t handles[256];
	unsigned n_handles;
	struct mx_wr wr;
	size_t max;
	uint8_t bytes[MX_MAX_ROP_PAYLOAD];
};

static struct fake_handle *in(struct answer *a, uint8_t index)
{
	if (index >= a->n_handles)
		return NULL;
	return find(a->f, a->e->session, a->handles[index]);
}

static unsigned logons_of(struct fake *f, unsigned session)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->n_handles; i++)
		n += f->handles[i].session == session &&
		     f->handles[i].rop == MX_ROP_LOGON;
	return n;
}

static void do_logon(struct answer *a, const struct mx_rop_req *q,
		     struct mx_rop_res *r)
{
	struct fake *f = a->f;

	if (f->max_logons && logons_of(f, a->e->session) >= f->max_logons) {
		r->return_value = 0x4de;
		return;
	}
	r->logon.logon_flags = q->logon.logon_flags;
	for (unsigned i = 0; i < 13; i++)
		r->logon.folder_ids[i] = mx_id_make(1, 100 + i);
	r->logon.repl_id = 1;
	r->logon.repl_guid.b[0] = 7;
	a->handles[q->hindex] =
		add(f, a->e->session, q->id, q->logon_id)->handle;
}

static void do_rows(struct answer *a, struct fake_handle *h,
		    const struct mx_rop_req *q, struct mx_rop_res *r)
{
	uint32_t left = a->f->n_rows - h->pos;
	uint32_t n = q->query_rows.row_count < left ? q->query_rows.row_count
						    : left;

	r->query_rows.row_data =
		mx_arena_newv(&a->arena, struct mx_proprow, n + 1);
	r->query_rows.n_row_data = n;
	for (uint32_t i = 0; i < n; i++) {
		struct mx_proprow *row = &r->query_rows.row_data[i];

		row->n = h->n_cols;
		row->vals = mx_arena_newv(&a->arena, struct mx_propval,
					  h->n_cols + 1);
		for (uint32_t c = 0; c < h->n_cols; c++) {
			row->vals[c].tag = h->cols[c];
			row->vals[c].v.i4 = (int32_t)(h->pos + i);
		}
	}
	if (!(q->query_rows.query_rows_flags & 1))
		h->pos += n;
	a->wr.cols = h->cols;
}

static void do_seek(struct answer *a, struct fake_handle *h,
		    const struct mx_rop_req *q, struct mx_rop_res *r)
{
	int64_t from = q->seek_row.origin == 0   ? 0
		       : q->seek_row.origin == 1 ? h->pos
						 : a->f->n_rows;
	int64_t to = from + q->seek_row.row_count;

	to = to < 0 ? 0 : to > a->f->n_rows ? a->f->n_rows : to;
	r->seek_row.rows_sought = (int32_t)(to - from);
	h->pos = (uint32_t)to;
}

static void do_props(struct answer *a, const struct mx_rop_req *q,
		     struct mx_rop_res *r)
{
	struct mx_tags t = q->get_properties_specific.property_tags;
	struct mx_proprow *row = &r->get_properties_specific.row_data;

	row->n = t.n;
	row->vals = mx_arena_newv(&a->arena, struct mx_propval, t.n + 1);
	for (uint32_t i = 0; i < t.n; i++) {
		row->vals[i].tag = t.p[i];
		row->vals[i].v.i4 = (int32_t)MX_PROP_ID(t.p[i]);
	}
	a->wr.cols = t.p;
}

static void do_stream(struct fake_handle *h, const struct mx_rop_req *q,
		      struct mx_rop_res *r)
{
	static const uint8_t bytes[0x8000];
	uint32_t n = q->read_stream.byte_count;

	if (q->id == MX_ROP_READ_STREAM) {
		n = n < 100 - h->pos ? n : 100 - h->pos;
		r->read_stream.data = (struct mx_bin){.n = n, .p = bytes};
		h->pos += n;
	} else if (q->id == MX_ROP_SEEK_STREAM) {
		h->pos = (uint32_t)q->seek_stream.offset;
		r->seek_stream.new_position = h->pos;
	} else {
		r->write_stream.written_size = (uint16_t)q->write_stream.data.n;
		h->pos += q->write_stream.data.n;
	}
}

static bool is_message(const struct fake_handle *h)
{
	return h->rop == MX_ROP_OPEN_MESSAGE ||
	       h->rop == MX_ROP_CREATE_MESSAGE ||
	       h->rop == MX_ROP_OPEN_EMBEDDED_MESSAGE;
}

static void serve_on(struct answer *a, struct fake_handle *h,
		     const struct mx_rop_req *q, struct mx_rop_res *r)
{
	switch (q->id) {
	case MX_ROP_SET_COLUMNS:
		h->n_cols = q->set_columns.property_tags.n;
		memcpy(h->cols, q->set_columns.property_tags.p,
		       h->n_cols * sizeof(*h->cols));
		break;
	case MX_ROP_SORT_TABLE:
	case MX_ROP_RESTRICT:
		h->pos = 0;
		break;
	case MX_ROP_QUERY_ROWS:
		do_rows(a, h, q, r);
		break;
	case MX_ROP_SEEK_ROW:
		do_seek(a, h, q, r);
		break;
	case MX_ROP_QUERY_POSITION:
		r->query_position.numerator = h->pos;
		r->query_position.denominator = a->f->n_rows;
		break;
	case MX_ROP_FIND_ROW:
		h->pos = 5;
		break;
	case MX_ROP_GET_PROPERTIES_SPECIFIC:
		do_props(a, q, r);
		break;
	case MX_ROP_SAVE_CHANGES_MESSAGE:
		r->save_changes_message.message_id = mx_id_make(1, 5000);
		break;
	case MX_ROP_SAVE_CHANGES_ATTACHMENT:
		h = in(a, q->hindex);
		if (!h || !is_message(h)) /* MS-OXCMSG_R876 */
			r->return_value = 0x80040102;
		break;
	case MX_ROP_READ_STREAM:
	case MX_ROP_SEEK_STREAM:
	case MX_ROP_WRITE_STREAM:
		do_stream(h, q, r);
		break;
	case MX_ROP_LONG_TERM_ID_FROM_ID:
		r->long_term_id_from_id.long_term_id.replica.b[0] = 99;
		break;
	default:
		break;
	}
}

static void do_open(struct answer *a, const struct mx_rop_req *q,
		    struct mx_rop_res *r, uint8_t out)
{
	struct fake_handle *h = add(a->f, a->e->session, q->id, q->logon_id);

	r->hindex = out;
	a->handles[out] = h->handle;
	if (q->id == MX_ROP_GET_CONTENTS_TABLE)
		r->get_contents_table.row_count = a->f->n_rows;
	if (q->id == MX_ROP_CREATE_FOLDER)
		r->create_folder.folder_id = mx_id_make(1, 900);
	if (q->id == MX_ROP_CREATE_ATTACHMENT)
		r->create_attachment.attachment_id = 3;
}

static void serve_rop(struct answer *a, const struct mx_rop_req *q,
		      const uint8_t *raw, struct mx_rop_res *r)
{
	unsigned flags = mx_rop_flags(q->id);
	uint8_t index = flags & MX_ROPF_RESPONSE ? raw[3] : q->hindex;
	struct fake_handle *h = in(a, index);

	r->id = q->id;
	r->hindex = q->hindex;
	a->wr.cols = NULL;
	if (a->f->fail_rop == q->id) {
		r->return_value = a->f->fail_code;
		if (flags & MX_ROPF_OPENS && q->id != MX_ROP_LOGON)
			r->hindex = raw[3];
	} else if (q->id == MX_ROP_LOGON) {
		do_logon(a, q, r);
	} else if (!h) {
		r->return_value = 0x4b9;
	} else if (flags & MX_ROPF_OPENS) {
		do_open(a, q, r, raw[3]);
	} else {
		serve_on(a, h, q, r);
	}
}

static bool put(struct answer *a, const struct mx_rop_res *r)
{
	size_t at = a->wr.len;

	mx_rop_res_encode(&a->wr, r);
	if (r->return_value && a->f->bare_failures)
		a->wr.len = at + 6;
	if (!a->wr.err && a->wr.len + 200 < a->max)
		return true;
	if (a->wr.err)
		print_error("fake: Rop%s cannot be encoded\n",
			    mx_rop_name(r->id));
	a->wr.len = at;
	return false;
}

static void put_extra(struct answer *a, const struct mx_rop_req *q,
		      const uint8_t *rest, size_t n)
{
	struct mx_rop_res r = {0};

	if (!q) {
		r.id = MX_ROP_BUFFER_TOO_SMALL;
		r.buffer_too_small.size_needed = 0x8000;
		r.buffer_too_small.request_buffers =
			(struct mx_bin){.n = (uint32_t)n, .p = rest};
		if (a->wr.len + n + 3 > a->wr.cap)
			r.buffer_too_small.request_buffers.n = 0;
	} else {
		r.id = MX_ROP_BACKOFF;
		r.backoff.logon_id = q->logon_id;
		r.backoff.duration = a->f->backoff_ms;
	}
	mx_rop_res_encode(&a->wr, &r);
}

/* Notifications of the session that fit. */
static void put_events(struct answer *a)
{
	struct fake *f = a->f;

	for (size_t i = 0; i < f->n_events;) {
		struct mx_rop_res r = {.id = MX_ROP_NOTIFY};
		struct mx_notification_data *d = &r.notify.notification_data;

		if (f->events[i].session != a->e->session) {
			i++;
			continue;
		}
		r.notify.notification_handle = f->events[i].handle;
		r.notify.logon_id = f->events[i].logon_id;
		d->notification_flags = 0x8002; /* new mail, a message */
		d->folder_id = mx_id_make(1, 104);
		d->message_id = f->events[i].mid;
		d->message_class = "IPM.Note";
		if (!put(a, &r))
			break;
		memmove(&f->events[i], &f->events[i + 1],
			(--f->n_events - i) * sizeof(f->events[0]));
	}
}

static void release(struct answer *a, const struct mx_rop_req *q)
{
	struct fake_handle *h = in(a, q->hindex);

	assert_non_null(h); /* a release of something not there is a bug */
	if (h->rop == MX_ROP_LOGON) {
		uint8_t id = h->logon_id;

		for (size_t i = a->f->n_handles; i-- > 0;)
			if (a->f->handles[i].session == a->e->session &&
			    a->f->handles[i].logon_id == id)
				drop(a->f, &a->f->handles[i]);
		return;
	}
	drop(a->f, h);
}

static void serve_rops(struct answer *a, struct mx_rd *rd)
{
	while (mx_rd_left(rd) && mx_rd_ok(rd)) {
		const uint8_t *raw = rd->p;
		size_t left = mx_rd_left(rd);
		struct mx_rop_res r = {0};
		struct mx_rop_req q = {0};

		mx_rop_req_decode(rd, &q);
		if (!mx_rd_ok(rd))
			break;
		if (a->e->n_rops < FAKE_MAX_ROPS)
			a->e->rops[a->e->n_rops++] = q.id;
		if (q.id == MX_ROP_RELEASE) {
			release(a, &q);
			continue;
		}
		if (a->f->backoff_rop == q.id) {
			a->f->backoff_rop = 0;
			put_extra(a, &q, NULL, 0);
			return;
		}
		/* Room first: a ROP that cannot be answered is not done. */
		if (a->wr.len + 400 > a->max) {
			put_extra(a, NULL, raw, left);
			return;
		}
		serve_rop(a, &q, raw, &r);
		if (!put(a, &r)) {
			put_extra(a, NULL, raw, left);
			return;
		}
	}
	assert_int_equal(rd->err, 0);
	put_events(a);
}

void fake_execute(struct fake *f, struct fake_entry *e, const void *body,
		  size_t n, struct mx_buf *out)
{
	struct answer *a = calloc(1, sizeof(*a));
	struct mx_execute_req req = {0};
	struct mx_execute_res res = {0};
	MX_AUTO(mx_buf_auto) struct mx_buf rops = MX_BUF_INIT;
	struct mx_ropbuf buf;
	struct mx_rd rd;
	bool last;

	assert_non_null(a);
	a->f = f;
	a->e = e;
	a->max = f->max_payload ? f->max_payload : MX_MAX_ROP_PAYLOAD - 1100;
	mx_rd_init(&rd, body, n, &a->arena);
	mx_execute_req_decode(&rd, &req);
	assert_int_equal(mx_rd_end(&rd), 0);
	mx_rd_init(&rd, req.rop_buffer.p, req.rop_buffer.n, &a->arena);
	mx_rpcext_next(&rd, &buf, &last);
	assert_int_equal(mx_rd_end(&rd), 0);
	assert_true(last);
	a->n_handles = buf.n_handles;
	memcpy(a->handles, buf.handles, buf.n_handles * 4);
	mx_wr_init(&a->wr, a->bytes, sizeof(a->bytes));
	mx_rd_init(&rd, buf.rops.p, buf.rops.n, &a->arena);
	serve_rops(a, &rd);
	mx_rpcext_pack(&rops, MX_RPCEXT_LAST, a->bytes, a->wr.len, a->handles,
		       a->n_handles);
	res.rop_buffer = (struct mx_bin){.n = (uint32_t)rops.len, .p = rops.p};
	a->wr = (struct mx_wr){0};
	mx_execute_res_encode(&a->wr, &res);
	n = a->wr.len;
	mx_wr_init(&a->wr, mx_buf_room(out, n), n);
	mx_execute_res_encode(&a->wr, &res);
	out->len = n;
	mx_arena_fini(&a->arena);
	free(a);
}
