/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/test-ask.h"

#include <string.h>

#include "net/test-user.h"

struct mx_xreq ask_request(const char *body)
{
	return (struct mx_xreq){.type = "Execute",
				.body = body,
				.body_len = strlen(body),
				.request_id = ID,
				.client_info = "{client}:1"};
}

int ask_url(const char *url, const struct mx_net_opts *opts,
	    const struct mx_xreq *q, struct mx_xresp *r, struct mx_fault *f)
{
	MX_AUTO(mx_userctx_auto) struct mx_userctx *u = test_user("ann", "pw");
	MX_AUTO(mx_channel_auto) struct mx_channel *ch = NULL;
	unsigned fds = test_open_fds();
	int err;

	*r = MX_XRESP_INIT;
	*f = MX_FAULT_INIT;
	err = mx_channel_new(url, u, opts, &ch, f);
	if (err)
		return err;
	err = mx_exchange(ch, q, r, f);
	mx_channel_unref(MX_STEAL(ch));
	assert_int_equal(test_open_fds(), fds);
	return err;
}

int ask_peer(peer_fn *fn, void *arg, const struct mx_net_opts *opts,
	     struct mx_xresp *r, struct mx_fault *f)
{
	const struct mx_xreq q = ask_request("hello");
	struct peer *p = peer_start(fn, arg);
	int err = ask_url(peer_url(p), opts, &q, r, f);

	peer_stop(p);
	return err;
}

void ask_fault(const struct mx_fault *f, enum mx_layer layer, int err)
{
	char line[600];

	mx_fault_format(f, line, sizeof(line));
	assert_int_equal(f->layer, layer);
	assert_int_equal(f->err, err);
	assert_string_equal(f->user, "ann");
	assert_true(strlen(f->server) > 0);
	assert_string_equal(f->op, "Execute");
	assert_true(strlen(f->text) > 0);
	assert_null(strstr(line, "pw"));
	assert_null(strstr(line, "YW5u"));
}

void ask_silent(struct peer_conn *c, void *arg)
{
	const char *const *say = arg;
	struct peer_request r;

	if (say[0] && !peer_read(c, &r))
		return;
	if (say[0])
		peer_puts(c, say[0]);
	peer_wait_close(c);
}
