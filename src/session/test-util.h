/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of session share: a client on the scripted server. */
#ifndef MX_SESSION_TEST_UTIL_H
#define MX_SESSION_TEST_UTIL_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/test.h"
#include "connlist/diag.h"
#include "session/fake.h"
#include "session/session-private.h"
#include "wire/ids.h"

#define TU_URL "http://127.0.0.1:9/mapi/emsmdb/"

struct tu {
	struct fake f;
	struct mx_client *c;
	struct mx_client_params params;
	struct mx_fault fault;
	struct mx_call call; /* no deadline of its own; fault is above */
};

static inline const char *tu_path(void)
{
	static char path[300];

	if (!path[0])
		snprintf(path, sizeof(path), "%s/segment", mx_test_dir());
	return path;
}

static inline void tu_diagnose(void *arg)
{
	mx_diag_print(1, arg);
}

static inline void tu_start_with(struct tu *t, const struct mx_client_params *p)
{
	memset(t, 0, sizeof(*t));
	fake_start(&t->f);
	unlink(tu_path());
	mx_test_diagnosis(tu_diagnose, (void *)(uintptr_t)tu_path());
	t->params = *p;
	t->params.registry.path = tu_path();
	t->params.registry.n_lists = 256;
	t->params.registry.n_conns = 1024;
	t->params.transport = &fake_ops;
	t->params.transport_arg = &t->f;
	t->fault = MX_FAULT_INIT;
	t->call.fault = &t->fault;
	if (mx_client_new(&t->params, &t->c, &t->fault)) {
		print_error("mx_client_new: %s\n", t->fault.text);
		fail();
	}
}

/* Nothing goes out by itself in the time a test takes, unless asked for. */
static inline void tu_start(struct tu *t)
{
	tu_start_with(t, &(struct mx_client_params){.release_ms = 3600000});
}

/* Everything must be gone, on both sides. */
static inline void tu_stop(struct tu *t)
{
	struct mx_left left = {0};

	assert_int_equal(mx_client_shutdown(t->c, mx_mono_in_ms(30000), &left),
			 0);
	assert_int_equal(left.sessions, 0);
	assert_int_equal(left.objects, 0);
	mx_client_unref(t->c);
	fake_stop(&t->f);
}

static inline struct mx_userctx *tu_user(const char *name)
{
	struct mx_userctx_params p = {
		.login = name,
		.auth = MX_AUTH_PASSWORD,
		.password = "secret",
	};
	struct mx_userctx *u = NULL;
	uint32_t h = 2166136261u;

	for (const char *s = name; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	p.sid = mx_sid_unix(h);
	assert_int_equal(mx_userctx_new(&p, &u), 0);
	return u;
}

static inline int tu_try_session(struct tu *t, const char *name,
				 const struct mx_call *call,
				 struct mx_session **ret)
{
	struct mx_userctx *u = tu_user(name);
	struct mx_session_params p = {
		.user = u,
		.url = TU_URL,
		.user_dn = "/o=Fake/cn=user",
	};
	int err = mx_session_open(t->c, &p, call, ret);

	mx_userctx_unref(u);
	return err;
}

static inline struct mx_session *tu_session(struct tu *t, const char *name)
{
	struct mx_session *s = NULL;
	int err = tu_try_session(t, name, &t->call, &s);

	if (err) {
		print_error("mx_session_open: %d %s\n", err, t->fault.text);
		fail();
	}
	return s;
}

static inline struct mx_logon *tu_logon(struct mx_session *s)
{
	struct mx_logon_params p = {0};
	struct mx_logon *l = NULL;

	assert_int_equal(mx_logon_new(s, &p, &l), 0);
	return l;
}

static inline struct mx_sobj *tu_new(struct mx_sobj *parent,
				     const struct mx_rop_req *req)
{
	struct mx_sobj *o = NULL;

	assert_int_equal(mx_sobj_new(parent, req, &o), 0);
	return o;
}

static inline struct mx_sobj *tu_folder(struct mx_logon *l)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_FOLDER};

	q.open_folder.folder_id = mx_id_make(1, 104);
	return tu_new(mx_logon_sobj(l), &q);
}

static inline struct mx_sobj *tu_message(struct mx_logon *l)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_MESSAGE};

	q.open_message.folder_id = mx_id_make(1, 104);
	q.open_message.message_id = mx_id_make(1, 77);
	return tu_new(mx_logon_sobj(l), &q);
}

static inline struct mx_sobj *tu_create(struct mx_logon *l)
{
	struct mx_rop_req q = {.id = MX_ROP_CREATE_MESSAGE};

	q.create_message.folder_id = mx_id_make(1, 104);
	return tu_new(mx_logon_sobj(l), &q);
}

static inline struct mx_sobj *tu_contents(struct mx_sobj *folder)
{
	struct mx_rop_req q = {.id = MX_ROP_GET_CONTENTS_TABLE};

	return tu_new(folder, &q);
}

static inline struct mx_sobj *tu_stream(struct mx_sobj *message)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_STREAM};

	q.open_stream.property_tag = 0x1000001f;
	return tu_new(message, &q);
}

static const uint32_t tu_tags[2] = {0x67480003, 0x674a0003};

static inline struct mx_rop_req tu_set_columns(void)
{
	struct mx_rop_req q = {.id = MX_ROP_SET_COLUMNS};

	q.set_columns.property_tags = (struct mx_tags){2, tu_tags};
	return q;
}

static inline struct mx_rop_req tu_sort(void)
{
	static struct mx_sortorder order = {.tag = 0x67480003};
	struct mx_rop_req q = {.id = MX_ROP_SORT_TABLE};

	q.sort_table.n_sort_orders = 1;
	q.sort_table.sort_orders = &order;
	return q;
}

static inline struct mx_rop_req tu_query(uint16_t n)
{
	struct mx_rop_req q = {.id = MX_ROP_QUERY_ROWS};

	q.query_rows.forward_read = true;
	q.query_rows.row_count = n;
	return q;
}

static inline struct mx_rop_req tu_get_props(void)
{
	struct mx_rop_req q = {.id = MX_ROP_GET_PROPERTIES_SPECIFIC};

	q.get_properties_specific.property_tags = (struct mx_tags){2, tu_tags};
	return q;
}

static inline struct mx_rop_req tu_set_props(void)
{
	static struct mx_propval v = {.tag = 0x00170003, .v.i4 = 1};
	struct mx_rop_req q = {.id = MX_ROP_SET_PROPERTIES};

	q.set_properties.n_property_values = 1;
	q.set_properties.property_values = &v;
	return q;
}

/* One ROP on one object, at once; the errno, with the code in *ret_code. */
static inline int tu_rop(struct tu *t, struct mx_sobj *o,
			 const struct mx_rop_req *q, uint32_t *ret_code)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_op *op;
	int err;

	mx_batch_init(&b);
	op = mx_batch_add(&b, o, q);
	err = mx_batch_run(&b, &t->call);
	if (ret_code)
		*ret_code = op->code;
	return err;
}

static inline int tu_open(struct tu *t, struct mx_sobj *o)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_op *op;
	int err;

	mx_batch_init(&b);
	op = mx_batch_open(&b, o);
	err = mx_batch_run(&b, &t->call);
	return err ? err : mx_op_fault(op, &t->fault);
}

/* First row read by QueryRows(n), which must succeed. */
static inline int32_t tu_first_row(struct tu *t, struct mx_sobj *table,
				   uint16_t n)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req q = tu_query(n);
	const struct mx_rop_res *res = NULL;

	mx_batch_init(&b);
	if (mx_rop_call(&b, table, &q, &t->call, &res)) {
		print_error("QueryRows: %s\n", t->fault.text);
		fail();
	}
	return res->query_rows.n_row_data
		       ? res->query_rows.row_data[0].vals[0].v.i4
		       : -1;
}

/* The ROPs of an Execute, as text, "Logon OpenFolder …". */
static inline const char *tu_rops(const struct fake_entry *e)
{
	static char text[4096];
	size_t n = 0;

	text[0] = 0;
	for (unsigned i = 0; i < e->n_rops && n < sizeof(text) - 40; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s",
				      i ? " " : "", mx_rop_name(e->rops[i]));
	return text;
}

#endif
