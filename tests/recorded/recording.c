/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/test.h"
#include "net/opts.h"
#include "net/test-peer.h"
#include "net/test-user.h"

struct file {
	char *p;
	size_t n;
};

static struct file read_file(const char *name)
{
	char path[256];
	struct file f = {0};
	FILE *in;
	long n;

	snprintf(path, sizeof(path), "tests/recorded/gromox/%s.http", name);
	in = fopen(path, "rb");
	if (!in)
		fail_msg("%s is missing", path);
	assert_int_equal(fseek(in, 0, SEEK_END), 0);
	n = ftell(in);
	assert_true(n > 0);
	rewind(in);
	f.n = (size_t)n;
	f.p = calloc(1, f.n + 1);
	assert_non_null(f.p);
	assert_int_equal(fread(f.p, 1, f.n, in), f.n);
	fclose(in);
	return f;
}

static void serve(struct peer_conn *c, void *arg)
{
	const struct file *f = arg;
	struct peer_request r;

	if (peer_read(c, &r) && peer_send(c, f->p, f->n))
		peer_wait_close(c);
}

/* The X-RequestId of the recording, which the client compares. */
static void request_id(const struct file *f, char *buf, size_t size)
{
	const char *p = strstr(f->p, "X-RequestId: ");
	size_t n = p ? strcspn(p += 13, "\r") : 0;

	snprintf(buf, size, "%.*s", (int)n, n ? p : "");
	if (!n)
		snprintf(buf, size, "{%036d}:1", 0);
}

void recording_play(struct recording *rec, const char *name, const char *type)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	MX_AUTO(mx_channel_auto) struct mx_channel *ch = NULL;
	struct file f = read_file(name);
	char id[96];
	const struct mx_xreq q = {.type = type,
				  .request_id = id,
				  .client_info = "{client}:1",
				  .body = "x",
				  .body_len = 1};
	struct peer *p = peer_start(serve, &f);

	memset(rec, 0, sizeof(*rec));
	rec->resp = MX_XRESP_INIT;
	rec->fault = MX_FAULT_INIT;
	rec->arena = MX_ARENA_INIT;
	request_id(&f, id, sizeof(id));
	assert_int_equal(mx_channel_new(peer_url(p), u, NULL, &ch, &rec->fault),
			 0);
	rec->err = mx_exchange(ch, &q, &rec->resp, &rec->fault);
	peer_stop(p);
	free(f.p);
}

void recording_fini(struct recording *rec)
{
	mx_xresp_fini(&rec->resp);
	mx_arena_fini(&rec->arena);
}

static void decode_one(struct recording *rec, struct mx_rd *rd,
		       const struct want *want, const struct want *next,
		       const char *name)
{
	struct mx_rop_res *res;

	if (rec->n_res == MX_RECORDED_MAX)
		fail_msg("%s: more responses than the test can hold", name);
	res = &rec->res[rec->n_res++];
	rd->cols = want->cols;
	rd->n_cols = want->n_cols;
	rd->lax = true;
	rd->next_rop = next ? next->rop : 0;
	rd->next_hindex = next ? next->hindex : 0;
	mx_rop_res_decode(rd, res);
	if (rd->err)
		fail_msg("%s: response %u does not decode: %d", name,
			 rec->n_res - 1, rd->err);
	if (res->id != want->rop ||
	    (want->hindex != 0xff && res->hindex != want->hindex))
		fail_msg("%s: response %u is %s at %u", name, rec->n_res - 1,
			 mx_rop_name(res->id), res->hindex);
}

void recording_rops(struct recording *rec, const char *name,
		    const struct want *want, size_t n)
{
	struct mx_rd body, chain;
	bool last = false;
	size_t at = 0;

	recording_play(rec, name, "Execute");
	if (rec->err)
		fail_msg("%s: %s", name, rec->fault.text);
	mx_rd_init(&body, rec->resp.body.p, rec->resp.body.len, &rec->arena);
	mx_execute_res_decode(&body, &rec->exec);
	assert_int_equal(mx_rd_end(&body), 0);
	mx_rd_init(&chain, rec->exec.rop_buffer.p, rec->exec.rop_buffer.n,
		   &rec->arena);
	while (!last && mx_rd_left(&chain)) {
		struct mx_ropbuf buf;
		struct mx_rd rd;

		mx_rpcext_next(&chain, &buf, &last);
		assert_int_equal(chain.err, 0);
		rec->n_buffers++;
		rec->n_handles = buf.n_handles;
		rec->handles = buf.handles;
		mx_rd_init(&rd, buf.rops.p, buf.rops.n, &rec->arena);
		while (mx_rd_left(&rd)) {
			if (at == n)
				fail_msg("%s: more responses than wanted",
					 name);
			decode_one(rec, &rd, &want[at],
				   at + 1 < n ? &want[at + 1] : NULL, name);
			at++;
		}
	}
	assert_int_equal(mx_rd_end(&chain), 0);
	assert_int_equal(at, n);
}

void recording_plain(struct recording *rec, const char *name,
		     struct mx_bin *ret)
{
	struct file f = read_file(name);
	const char *body = strstr(f.p, "\r\n\r\n");

	memset(rec, 0, sizeof(*rec));
	rec->resp = MX_XRESP_INIT;
	rec->arena = MX_ARENA_INIT;
	assert_non_null(body);
	body += 4;
	ret->n = (uint32_t)(f.n - (size_t)(body - f.p));
	ret->p = mx_arena_dup(&rec->arena, body, ret->n);
	assert_non_null(ret->p);
	free(f.p);
}
