/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions on the real server, over real sockets: what src/session's own tests
 * prove with a scripted peer, seen from the server's log.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/test.h"
#include "server/server.h"
#include "session/batch.h"
#include "session/notify.h"
#include "store/dir.h"
#include "wire/ids.h"

#define MAX_LOG 8192

struct line {
	char user[32], type[24];
	uint64_t context, owner, connection;
	int code;
	unsigned status;
};

struct world {
	struct mx_server *srv;
	struct mx_server_params params;
	char dir[300], url[200], segment[300];
	struct mx_client *c;
	struct mx_fault fault;
	struct mx_call call;
	struct mx_mutex lock;
	struct mx_cond cond;
	struct line *log;
	size_t n_log;
};

static void on_access(void *arg, const struct mx_access *a)
{
	struct world *w = arg;
	struct line *l;

	mx_mutex_lock(&w->lock);
	if (w->n_log < MAX_LOG) {
		l = &w->log[w->n_log++];
		snprintf(l->user, sizeof(l->user), "%s", a->user);
		snprintf(l->type, sizeof(l->type), "%s", a->type);
		l->context = a->context;
		l->owner = a->owner;
		l->connection = a->connection;
		l->code = a->code;
		l->status = a->status;
		mx_cond_broadcast(&w->cond);
	}
	mx_mutex_unlock(&w->lock);
}

static void start_server(struct world *w)
{
	if (mx_server_start(&w->params, &w->fault, &w->srv)) {
		print_error("mx_server_start: %s\n", w->fault.text);
		fail();
	}
	w->params.port = mx_server_port(w->srv);
	snprintf(w->url, sizeof(w->url), "%s/mapi/emsmdb",
		 mx_server_url(w->srv));
}

static struct world *begin(const struct mx_server_params *p)
{
	struct mx_client_params cp = {.release_ms = 20};
	struct world *w = calloc(1, sizeof(*w));
	static unsigned n;

	assert_non_null(w);
	mx_mutex_init(&w->lock);
	mx_cond_init(&w->cond);
	w->log = calloc(MAX_LOG, sizeof(*w->log));
	assert_non_null(w->log);
	w->fault = MX_FAULT_INIT;
	w->call.fault = &w->fault;
	if (p)
		w->params = *p;
	snprintf(w->dir, sizeof(w->dir), "%s/store%u", mx_test_dir(), ++n);
	snprintf(w->segment, sizeof(w->segment), "%s/segment%u", mx_test_dir(),
		 n);
	w->params.dir = w->dir;
	w->params.on_access = on_access;
	w->params.access_arg = w;
	start_server(w);
	cp.registry.path = w->segment;
	cp.registry.n_lists = 512;
	cp.registry.n_conns = 2048;
	assert_int_equal(mx_client_new(&cp, &w->c, &w->fault), 0);
	return w;
}

static void end(struct world *w)
{
	struct mx_left left = {0};

	assert_int_equal(mx_client_shutdown(w->c, mx_mono_in_ms(30000), &left),
			 0);
	mx_client_unref(w->c);
	mx_server_stop(w->srv);
	mx_cond_fini(&w->cond);
	mx_mutex_fini(&w->lock);
	free(w->log);
	free(w);
}

static void add_user(struct world *w, const char *name)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;

	assert_int_equal(mx_dir_add(mx_server_store(w->srv),
				    &(struct mx_user){.name = name}, "secret",
				    &a, NULL),
			 0);
}

static int try_session(struct world *w, const char *name, const char *password,
		       struct mx_session **ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	struct mx_userctx_params p = {
		.login = name,
		.auth = MX_AUTH_PASSWORD,
		.password = password,
	};
	struct mx_session_params sp = {.url = w->url};
	struct mx_user user = {.dn = "/o=nobody"};
	struct mx_userctx *u;
	int err;

	mx_dir_by_name(mx_server_store(w->srv), name, &a, &user);
	if (!user.sid || mx_sid_unpack(user.sid, user.sid_len, &p.sid))
		p.sid = mx_sid_unix(1);
	assert_int_equal(mx_userctx_new(&p, &u), 0);
	sp.user = u;
	sp.user_dn = user.dn;
	err = mx_session_open(w->c, &sp, &w->call, ret);
	mx_userctx_unref(u);
	return err;
}

static struct mx_session *session(struct world *w, const char *name)
{
	struct mx_session *s = NULL;

	if (try_session(w, name, "secret", &s)) {
		print_error("session of %s: %s\n", name, w->fault.text);
		fail();
	}
	return s;
}

static struct mx_logon *logon(struct mx_session *s)
{
	struct mx_logon_params p = {0};
	struct mx_logon *l = NULL;

	assert_int_equal(mx_logon_new(s, &p, &l), 0);
	return l;
}

static struct mx_sobj *make(struct mx_sobj *parent, struct mx_rop_req q)
{
	struct mx_sobj *o = NULL;

	assert_int_equal(mx_sobj_new(parent, &q, &o), 0);
	return o;
}

static struct mx_sobj *inbox(struct world *w, struct mx_logon *l)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_FOLDER};

	assert_int_equal(mx_logon_open(l, &w->call), 0);
	q.open_folder.folder_id = mx_logon_info(l)->folder_ids[MX_FOLDER_INBOX];
	return make(mx_logon_sobj(l), q);
}

/* Saves one message with this subject in the folder. */
static void save_message(struct world *w, struct mx_sobj *folder,
			 const char *subject)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_propval v = {.tag = 0x0037001f, .v.str = subject};
	struct mx_rop_req q = {.id = MX_ROP_CREATE_MESSAGE};
	struct mx_sobj *msg;

	q.create_message.code_page_id = 0x0fff;
	q.create_message.folder_id = mx_sobj_fid(folder);
	msg = make(folder, q);
	mx_batch_init(&b);
	q = (struct mx_rop_req){.id = MX_ROP_SET_PROPERTIES};
	q.set_properties.n_property_values = 1;
	q.set_properties.property_values = &v;
	mx_batch_add(&b, msg, &q);
	q = (struct mx_rop_req){.id = MX_ROP_SAVE_CHANGES_MESSAGE};
	mx_batch_add(&b, msg, &q);
	if (mx_batch_run(&b, &w->call) || mx_batch_failed(&b)) {
		mx_op_fault(mx_batch_failed(&b), &w->fault);
		print_error("save: %s %s 0x%x\n", w->fault.op, w->fault.text,
			    w->fault.code);
		fail();
	}
	assert_false(mx_sobj_dirty(msg));
	assert_true(mx_sobj_mid(msg) != 0);
	mx_batch_reset(&b);
	mx_sobj_unref(msg);
}

static const uint32_t tags[2] = {0x0037001f, 0x674a0014}; /* subject, MID */

static struct mx_sobj *contents(struct mx_sobj *folder)
{
	struct mx_rop_req q = {.id = MX_ROP_GET_CONTENTS_TABLE};
	struct mx_rop_req cols = {.id = MX_ROP_SET_COLUMNS};
	struct mx_rop_req sort = {.id = MX_ROP_SORT_TABLE};
	struct mx_sortorder order = {.tag = tags[0]};
	struct mx_sobj *t = make(folder, q);

	cols.set_columns.property_tags = (struct mx_tags){2, tags};
	sort.sort_table.n_sort_orders = 1;
	sort.sort_table.sort_orders = &order;
	assert_int_equal(mx_sobj_defer(t, &cols), 0);
	assert_int_equal(mx_sobj_defer(t, &sort), 0);
	return t;
}

/* Reads up to n rows; the subject of each must be "subject NNNN" from `from`. */
static uint32_t read_rows(struct world *w, struct mx_sobj *table, uint16_t n,
			  unsigned from, bool chain)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req q = {.id = MX_ROP_QUERY_ROWS};
	const struct mx_rop_res *res = NULL;
	struct mx_op *op;
	uint32_t total = 0;

	mx_batch_init(&b);
	b.chain = chain;
	q.query_rows.forward_read = true;
	q.query_rows.row_count = n;
	op = mx_batch_add(&b, table, &q);
	assert_int_equal(mx_batch_run(&b, &w->call), 0);
	assert_int_equal(op->code, 0);
	for (uint32_t k = 0; k <= op->n_more; k++) {
		res = k ? op->more[k - 1] : op->res;
		for (uint32_t i = 0; i < res->query_rows.n_row_data; i++) {
			char want[40];

			snprintf(want, sizeof(want), "subject %04u",
				 from + total++);
			assert_string_equal(
				res->query_rows.row_data[i].vals[0].v.str,
				want);
		}
	}
	return total;
}

static void test_first_rows_take_three_round_trips(void **state)
{
	struct world *w = begin(NULL);
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder, *table;
	struct mx_session_stats st;

	add_user(w, "ann");
	s = session(w, "ann");
	l = logon(s);
	folder = inbox(w, l);
	table = contents(folder);
	read_rows(w, table, 50, 0, false);
	mx_session_stats(s, &st);
	assert_int_equal(st.round_trips, 3);
	assert_int_equal(st.contexts, 1);
	mx_sobj_unref(table);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	end(w);
}

/* [MS-OXCRPC] 3.1.4.2.1.2.2: many rows in one round trip. */
static void test_packed_rows_come_whole_and_in_order(void **state)
{
	enum { N = 1500 };
	struct world *w = begin(NULL);
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder, *table;
	unsigned got = 0, calls = 0;

	add_user(w, "ann");
	s = session(w, "ann");
	l = logon(s);
	folder = inbox(w, l);
	for (unsigned i = 0; i < N; i++) {
		char subject[40];

		snprintf(subject, sizeof(subject), "subject %04u", i);
		save_message(w, folder, subject);
	}
	table = contents(folder);
	for (uint32_t n; (n = read_rows(w, table, 5000, got, true)); calls++)
		got += n;
	assert_int_equal(got, N);
	assert_true(calls < 4);
	mx_sobj_unref(table);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	end(w);
}

/* The server restarts under a table half read and a message half written. */
static void test_a_restarted_server_loses_nothing_that_was_saved(void **state)
{
	struct world *w = begin(NULL);
	struct mx_session *s;
	struct mx_logon *l;
	struct mx_sobj *folder, *table, *draft;
	struct mx_rop_req q = {.id = MX_ROP_CREATE_MESSAGE};
	struct mx_propval v = {.tag = 0x0037001f, .v.str = "draft"};
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_session_stats st;

	add_user(w, "ann");
	s = session(w, "ann");
	l = logon(s);
	folder = inbox(w, l);
	for (unsigned i = 0; i < 20; i++) {
		char subject[40];

		snprintf(subject, sizeof(subject), "subject %04u", i);
		save_message(w, folder, subject);
	}
	table = contents(folder);
	assert_int_equal(read_rows(w, table, 7, 0, false), 7);
	q.create_message.code_page_id = 0x0fff;
	q.create_message.folder_id = mx_sobj_fid(folder);
	draft = make(folder, q);
	q = (struct mx_rop_req){.id = MX_ROP_SET_PROPERTIES};
	q.set_properties.n_property_values = 1;
	q.set_properties.property_values = &v;
	mx_batch_init(&b);
	assert_int_equal(mx_rop_call(&b, draft, &q, &w->call, NULL), 0);
	mx_batch_reset(&b);
	mx_server_stop(w->srv);
	start_server(w);
	assert_int_equal(read_rows(w, table, 7, 7, false), 7);
	assert_int_equal(read_rows(w, table, 50, 14, false), 6);
	q = (struct mx_rop_req){.id = MX_ROP_SAVE_CHANGES_MESSAGE};
	assert_int_equal(mx_rop_call(&b, draft, &q, &w->call, NULL), -ESTALE);
	assert_non_null(strstr(w->fault.text, "unsaved"));
	mx_session_stats(s, &st);
	assert_int_equal(st.reconnects, 1);
	mx_batch_reset(&b);
	mx_sobj_unref(draft);
	mx_sobj_unref(table);
	mx_sobj_unref(folder);
	mx_logon_unref(l);
	mx_session_unref(s);
	end(w);
}

static void test_wrong_password_and_unknown_user_are_named(void **state)
{
	struct world *w = begin(NULL);
	struct mx_session *s = NULL;

	add_user(w, "ann");
	assert_int_equal(try_session(w, "ann", "wrong", &s), -EACCES);
	assert_string_equal(w->fault.user, "ann");
	assert_string_equal(w->fault.op, "Connect");
	assert_int_equal(w->fault.layer, MX_LAYER_HTTP);
	assert_int_equal(w->fault.code, 401);
	assert_true(try_session(w, "zoe", "secret", &s) < 0);
	assert_string_equal(w->fault.user, "zoe");
	assert_null(s);
	mx_session_unref(session(w, "ann"));
	end(w);
}

struct heard {
	struct mx_mutex lock;
	struct mx_cond cond;
	unsigned n;
};

static void on_event(void *arg, const struct mx_event *ev)
{
	struct heard *h = arg;

	mx_mutex_lock(&h->lock);
	h->n += ev->kind == MX_EVENT_NOTIFY;
	mx_cond_broadcast(&h->cond);
	mx_mutex_unlock(&h->lock);
}

/* B15: NotificationWait of a session context comes from the user who connected
 * it, for 100 users on one engine, and no TCP connection has two users. */
static void
test_B15_wait_user_is_connect_user_and_no_connection_is_shared(void **state)
{
	enum { N = 100 };
	struct world *w = begin(NULL);
	static struct heard h[N];
	struct mx_session *s[N];
	struct mx_logon *l[N];
	struct mx_sobj *folder[N];
	struct mx_sub *sub[N];
	unsigned n_waits = 0;

	for (int i = 0; i < N; i++) {
		struct mx_sub_params p = {
			.types = 0x0004, /* created */
			.whole_store = true,
			.fn = on_event,
			.arg = &h[i],
		};
		char name[20];

		snprintf(name, sizeof(name), "user%d", i);
		add_user(w, name);
		mx_mutex_init(&h[i].lock);
		mx_cond_init(&h[i].cond);
		s[i] = session(w, name);
		l[i] = logon(s[i]);
		folder[i] = inbox(w, l[i]);
		p.logon = l[i];
		assert_int_equal(mx_sub_new(&p, &w->call, &sub[i]), 0);
	}
	for (int i = 0; i < N; i++)
		save_message(w, folder[i], "hello");
	for (int i = 0; i < N; i++) {
		mx_mutex_lock(&h[i].lock);
		while (!h[i].n)
			mx_cond_wait(&h[i].cond, &h[i].lock, MX_MONO_NEVER);
		mx_mutex_unlock(&h[i].lock);
		mx_sub_cancel(sub[i]);
		mx_sobj_unref(folder[i]);
		mx_logon_unref(l[i]);
		mx_session_unref(s[i]);
	}
	assert_int_equal(mx_client_shutdown(w->c, mx_mono_in_ms(60000), NULL),
			 0);
	mx_server_stop(w->srv);
	w->srv = NULL;
	assert_true(w->n_log < MAX_LOG);
	for (size_t i = 0; i < w->n_log; i++) {
		const struct line *a = &w->log[i];

		n_waits += !strcmp(a->type, "NotificationWait");
		for (size_t k = 0; k < i; k++) {
			const struct line *b = &w->log[k];

			if (a->connection == b->connection ||
			    (a->context && a->context == b->context))
				assert_string_equal(a->user, b->user);
		}
		/* A wait that was parked when its context was disconnected is
		 * told so; nothing else may be refused. */
		if (strcmp(a->type, "NotificationWait"))
			assert_true(a->code <= 0 || a->status != 200);
	}
	assert_true(n_waits >= N);
	end(w);
}

/* B17: nothing of a session is left on the server, in whatever order. */
static void test_the_server_ends_with_no_contexts_and_no_objects(void **state)
{
	struct world *w = begin(NULL);
	struct mx_server_stats st;

	add_user(w, "ann");
	for (int i = 0; i < 60; i++) {
		struct mx_session *s = session(w, "ann");
		struct mx_logon *l = logon(s);
		struct mx_sobj *folder = inbox(w, l);
		struct mx_sobj *table = contents(folder);

		read_rows(w, table, 5, 0, false);
		mx_session_unref(s);
		mx_logon_unref(l);
		mx_sobj_unref(folder);
		mx_sobj_unref(table);
	}
	assert_int_equal(mx_client_shutdown(w->c, mx_mono_in_ms(60000), NULL),
			 0);
	mx_server_stats(w->srv, &st);
	assert_int_equal(st.contexts, 0);
	assert_int_equal(st.objects, 0);
	assert_int_equal(st.parked, 0);
	end(w);
}

MX_TEST_MAIN(
	MX_TEST(test_first_rows_take_three_round_trips),
	MX_TEST_IN(test_packed_rows_come_whole_and_in_order, 120),
	MX_TEST(test_a_restarted_server_loses_nothing_that_was_saved),
	MX_TEST(test_wrong_password_and_unknown_user_are_named),
	MX_TEST_IN(
		test_B15_wait_user_is_connect_user_and_no_connection_is_shared,
		120),
	MX_TEST(test_the_server_ends_with_no_contexts_and_no_objects))
