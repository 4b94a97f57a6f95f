/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROPs on streams.  [MS-OXCPRPT] 2.2.14 to 2.2.22, 3.2.5.11 to 3.2.5.18 */
#include "base/limits.h"
#include "server/exec.h"
#include "server/rop.h"
#include "store/obj.h"

/* ByteCount that says MaximumByteCount follows. */
#define COUNT_IS_LONG 0xbabe
#define STREAM_ACCESS_DENIED 0x80030005u
#define STREAM_INVALID_PARAM 0x80030057u

/* OpenModeFlags */
enum {
	OPEN_READ,
	OPEN_WRITE,
	OPEN_CREATE,
	OPEN_BEST, /* write if that may be, else read */
};

static uint32_t open_best(struct mx_rop *r, uint32_t tag, uint64_t *ret_size)
{
	int err = mx_strm_open(r->in->obj, tag, MX_STRM_WRITE, &r->made->strm,
			       ret_size);

	if (err == MX_ANS_ACCESS_DENIED || err == MX_ANS_READ_ONLY)
		err = mx_strm_open(r->in->obj, tag, MX_STRM_READ,
				   &r->made->strm, ret_size);
	return mx_store_ec(err);
}

uint32_t mx_do_open_stream(struct mx_rop *r)
{
	const struct mx_open_stream_req *q = &r->req->open_stream;
	uint64_t size = 0;
	uint32_t ec;

	if (q->open_mode_flags > OPEN_BEST)
		return MX_EC_INVALID_PARAM;
	ec = mx_rop_output(r, q->output_handle_index, MX_S_STREAM);
	if (ec)
		return ec;
	if (q->open_mode_flags == OPEN_BEST) {
		ec = open_best(r, q->property_tag, &size);
	} else {
		ec = mx_store_ec(
			mx_strm_open(r->in->obj, q->property_tag,
				     (enum mx_strm_mode)q->open_mode_flags,
				     &r->made->strm, &size));
	}
	r->res.open_stream.stream_size = size < UINT32_MAX ? (uint32_t)size
							   : UINT32_MAX;
	return ec;
}

uint32_t mx_do_read_stream(struct mx_rop *r)
{
	const struct mx_read_stream_req *q = &r->req->read_stream;
	size_t room = mx_rop_room(r), n = 0;
	uint32_t want = q->byte_count == COUNT_IS_LONG ? q->maximum_byte_count
						       : q->byte_count;
	uint8_t *p;
	uint32_t ec;

	if (r->chain)
		want = r->left;
	room = room > 8 ? room - 8 : 0;
	if (want && !room) {
		r->too_small = true;
		return MX_EC_OK;
	}
	if (room > want)
		room = want;
	p = mx_arena_alloc(r->arena, room);
	if (!p)
		return MX_EC_NO_MEMORY;
	ec = mx_store_ec(mx_strm_read(r->in->strm, p, room, &n));
	if (ec)
		return ec;
	r->res.read_stream.data = (struct mx_bin){(uint32_t)n, p};
	r->left = want - (uint32_t)n;
	r->again = n && n == room && r->left;
	return MX_EC_OK;
}

uint32_t mx_do_write_stream(struct mx_rop *r)
{
	const struct mx_write_stream_req *q = &r->req->write_stream;
	int err = mx_strm_write(r->in->strm, q->data.p, q->data.n);

	if (err == MX_ANS_ACCESS_DENIED)
		return STREAM_ACCESS_DENIED;
	if (!err)
		r->res.write_stream.written_size = (uint16_t)q->data.n;
	/* RopRelease commits what was written; R56405. */
	r->in->commit |= !err;
	return mx_store_ec(err);
}

uint32_t mx_do_seek_stream(struct mx_rop *r)
{
	const struct mx_seek_stream_req *q = &r->req->seek_stream;

	if (q->origin > 2)
		return STREAM_INVALID_PARAM;
	return mx_store_ec(mx_strm_seek(r->in->strm, q->origin, q->offset,
					&r->res.seek_stream.new_position));
}

uint32_t mx_do_set_stream_size(struct mx_rop *r)
{
	int err = mx_strm_set_size(r->in->strm,
				   r->req->set_stream_size.stream_size);

	r->in->commit |= !err;
	return err == MX_ANS_ACCESS_DENIED ? STREAM_ACCESS_DENIED
					   : mx_store_ec(err);
}

uint32_t mx_do_commit_stream(struct mx_rop *r)
{
	int err = mx_strm_commit(r->in->strm);

	if (!err)
		r->in->commit = false;
	return mx_store_ec(err);
}

uint32_t mx_do_stream_size(struct mx_rop *r)
{
	uint64_t size = mx_strm_size(r->in->strm);

	r->res.get_stream_size.stream_size = size < UINT32_MAX ? (uint32_t)size
							       : UINT32_MAX;
	return MX_EC_OK;
}
