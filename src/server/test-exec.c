/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Execute: buffers, handle tables, chaining, limits; and RopLogon.
 * [MS-OXCROPS] 3.2, [MS-OXCRPC] 3.1.4.2, [MS-OXCSTOR] 3.2.5.1 */
#include <stdlib.h>
#include <string.h>

#include "server/testlib.h"

static struct ts *ts;
static struct tc c;

static void begin(const struct mx_server_params *p)
{
	ts = ts_start(p);
	tc_init(&c, ts, "ann");
	tc_logon(&c, NULL);
}

static void end(void)
{
	tc_fini(&c);
	ts_stop(ts);
}

static void add_open(struct tx *x, uint8_t in, uint8_t out, uint64_t fid)
{
	struct mx_rop_req *q = tx_add(x, MX_ROP_OPEN_FOLDER, in);

	q->open_folder.output_handle_index = out;
	q->open_folder.folder_id = fid;
}

/* MS-OXCSTOR_R118, R1062, R119, R122, R123, R125, R127, R131, R132, R788, R174;
 * MS-OXCROPS_R45, R50, R51, R53, R55, R57, R59, R61, R63, R65, R74, R77, R79,
 * R81, R83, R85, R87, R89 */
static void test_logon_answers_for_a_private_mailbox(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_LOGON};
	struct mx_rop_res res;
	uint32_t h;

	begin(NULL);
	q.logon.logon_flags = 0x01 | 0x02 | 0x04;
	q.logon.open_flags = 0x01000000;
	q.logon.essdn = (struct mx_bin){(uint32_t)strlen(ts->ann.dn) + 1,
					(const uint8_t *)ts->ann.dn};
	q.logon_id = 7;
	assert_int_equal(tc_rop(&c, &q, MX_NO_HANDLE, &h, &res), 0);
	assert_int_equal(res.hindex, 1);
	assert_int_equal(res.logon.logon_flags, 0x07);
	assert_int_equal(res.logon.response_flags, 0x07);
	assert_memory_equal(res.logon.mailbox_guid.b, ts->ann.mailbox, 16);
	assert_int_equal(res.logon.repl_id, 1);
	for (int i = 0; i < 13; i++) {
		assert_int_equal(mx_id_replid(res.logon.folder_ids[i]), 1);
		for (int k = 0; k < i; k++)
			assert_true(res.logon.folder_ids[i] !=
				    res.logon.folder_ids[k]);
	}
	assert_in_range(res.logon.logon_time.month, 1, 12);
	assert_in_range(res.logon.logon_time.day, 1, 31);
	assert_in_range(res.logon.logon_time.day_of_week, 0, 6);
	assert_true(res.logon.logon_time.year >= 2024);
	assert_int_equal(res.logon.store_state, 0);
	end();
}

static uint32_t logon_as(uint8_t flags, uint32_t open, const char *dn)
{
	struct mx_rop_req q = {.id = MX_ROP_LOGON, .logon_id = 9};
	uint32_t h;

	q.logon.logon_flags = flags;
	q.logon.open_flags = open;
	q.logon.essdn =
		(struct mx_bin){(uint32_t)strlen(dn) + 1, (const uint8_t *)dn};
	return tc_rop(&c, &q, MX_NO_HANDLE, &h, NULL);
}

/* MS-OXCSTOR_R788, R173, R174, R189, R1202, R786; MS-OXCROPS_R128, R130, R135 */
static void test_logon_is_refused_with_the_right_code(void **state)
{
	struct mx_store *st;

	begin(NULL);
	st = mx_server_store(ts->srv);
	assert_int_equal(logon_as(1, 0, "/o=No/cn=body"), 0x3eb);
	/* Another's mailbox: only with a grant. */
	assert_int_equal(logon_as(1, 0, ts->bob.dn), 0x3f2);
	assert_int_equal(mx_dir_grant(st, "bob", "ann", MX_GRANT_READ), 0);
	assert_int_equal(logon_as(1, 0, ts->bob.dn), 0);
	assert_int_equal(mx_dir_grant(st, "bob", "ann", 0), 0);
	assert_int_equal(logon_as(1, 0, ts->bob.dn), 0x3f2);
	/* No public folders, no undefined flags. */
	assert_int_equal(logon_as(0, 2, ts->ann.dn), 0x80040111);
	assert_int_equal(logon_as(1, 0x80000000, ts->ann.dn), 0x80004005);
	assert_int_equal(mx_dir_set_disabled(st, "bob", true), 0);
	assert_int_equal(logon_as(1, 0, ts->bob.dn), 0x3eb);
	end();
}

/* MS-OXCROPS_R4548, R4550, R4707: answers in the order of the requests;
 * MS-OXCROPS_R4556, R4558, R4559: a handle just made works in the same buffer;
 * MS-OXCROPS_R4565, R4560 */
static void test_rops_of_one_buffer_work_together(void **state)
{
	struct tx *x;
	static const uint32_t tag = 0x3001001f;
	struct mx_rop_req *q;

	begin(NULL);
	x = tx_new(&c);
	add_open(x, 0, 1, c.fid[F_INBOX]);
	q = tx_add(x, MX_ROP_GET_PROPERTIES_SPECIFIC, 1);
	q->get_properties_specific.want_unicode = true;
	q->get_properties_specific.property_tags = (struct mx_tags){1, &tag};
	tx_add(x, MX_ROP_RELEASE, 1);
	add_open(x, 0, 2, c.fid[F_OUTBOX]);
	x->handles[0] = c.logon;
	x->handles[1] = x->handles[2] = MX_NO_HANDLE;
	x->n_handles = 3;
	tx_run(x);
	assert_int_equal(x->ec, 0);
	/* MS-OXCROPS_R4572, MS-OXCROPS_R4581: RopRelease has no answer. */
	assert_int_equal(x->n_res, 3);
	assert_int_equal(x->res[0].id, MX_ROP_OPEN_FOLDER);
	assert_int_equal(x->res[1].id, MX_ROP_GET_PROPERTIES_SPECIFIC);
	assert_int_equal(x->res[2].id, MX_ROP_OPEN_FOLDER);
	assert_string_equal(
		x->res[1].get_properties_specific.row_data.vals[0].v.str,
		"Inbox");
	assert_int_equal(x->out[0], c.logon);
	assert_true(x->out[1] != MX_NO_HANDLE && x->out[2] != MX_NO_HANDLE);
	tx_free(x);
	end();
}

/* MS-OXCROPS_R4712, R4568, R4580, R4555: bad handles, released handles, other
 * logons' handles, indexes beyond the table: 0x4B9. */
static void test_wrong_handles_are_null_objects(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_GET_PROPERTIES_LIST};
	uint32_t h;
	struct tx *x;

	begin(NULL);
	h = tc_open_folder(&c, c.fid[F_INBOX]);
	assert_int_equal(tc_rop(&c, &q, h, NULL, NULL), 0);
	q.logon_id = 3;
	assert_int_equal(tc_rop(&c, &q, h, NULL, NULL), NULL_OBJECT);
	q.logon_id = 0;
	tc_release(&c, h);
	assert_int_equal(tc_rop(&c, &q, h, NULL, NULL), NULL_OBJECT);
	assert_int_equal(tc_rop(&c, &q, MX_NO_HANDLE, NULL, NULL), NULL_OBJECT);
	assert_int_equal(tc_rop(&c, &q, 0, NULL, NULL), NULL_OBJECT);
	x = tx_new(&c);
	tx_add(x, MX_ROP_GET_PROPERTIES_LIST, 200);
	add_open(x, 0, 200, c.fid[F_INBOX]);
	tx_add(x, MX_ROP_RELEASE, 201);
	x->handles[0] = c.logon;
	x->n_handles = 1;
	tx_run(x);
	assert_int_equal(x->res[0].return_value, NULL_OBJECT);
	assert_int_equal(x->res[1].return_value, NULL_OBJECT);
	tx_free(x);
	end();
}

/* MS-OXCROPS_R4570: releasing a logon releases what was opened on it. */
static void test_released_logon_takes_its_objects(void **state)
{
	struct mx_server_stats st;
	struct mx_rop_req q = {.id = MX_ROP_GET_PROPERTIES_LIST};
	uint32_t h;

	begin(NULL);
	h = tc_open_folder(&c, c.fid[F_INBOX]);
	tc_contents(&c, h, 0, NULL);
	tc_release(&c, c.logon);
	mx_server_stats(ts->srv, &st);
	assert_int_equal(st.objects, 0);
	assert_int_equal(tc_rop(&c, &q, h, NULL, NULL), NULL_OBJECT);
	tc_logon(&c, NULL);
	tc_release(&c, tc_open_folder(&c, c.fid[F_INBOX]));
	end();
}

static void test_any_order_of_releases_is_right(void **state)
{
	uint32_t folder, msg, table;
	uint64_t mid;

	begin(NULL);
	mid = tc_make_message(&c, c.fid[F_INBOX], "kept");
	folder = tc_open_folder(&c, c.fid[F_INBOX]);
	table = tc_contents(&c, folder, 0, NULL);
	msg = tc_open_message(&c, c.fid[F_INBOX], mid);
	tc_release(&c, folder);
	tc_set_columns(&c, table, (const uint32_t[]){0x0037001f}, 1);
	tc_release(&c, table);
	assert_string_equal(tc_get(&c, msg, 0x0037001f).v.str, "kept");
	tc_release(&c, msg);
	end();
}

static void test_objects_per_context_are_limited(void **state)
{
	struct mx_rop_req q = {.id = MX_ROP_OPEN_FOLDER};
	uint32_t h[10], h2;

	begin(&(struct mx_server_params){.max_objects = 4});
	for (int i = 0; i < 3; i++)
		h[i] = tc_open_folder(&c, c.fid[F_INBOX]);
	q.open_folder.folder_id = c.fid[F_INBOX];
	assert_int_equal(tc_rop(&c, &q, c.logon, &h2, NULL), 0x4de);
	tc_release(&c, h[1]);
	assert_int_equal(tc_rop(&c, &q, c.logon, &h2, NULL), 0);
	end();
}

/* MS-OXCROPS_R4551: what cannot be parsed is ErrorCode 0x4B6, nothing of it is
 * done, and the context goes on. */
static void test_garbage_rops_do_not_harm_the_context(void **state)
{
	static const uint8_t junk[] = {0, 0, 4, 0, 6, 0, 6,
				       0, 6, 0, 1, 2, 3, 4};
	static const uint8_t reserved[] = {0, 0,    4,    0,    9,    0,
					   9, 0,    5,    0,    0x28, 0,
					   0, 0xff, 0xff, 0xff, 0xff};
	struct tx *x;

	begin(NULL);
	x = tx_new(&c);
	tx_run_raw(x, junk, sizeof(junk));
	assert_int_equal(x->r.code, 0);
	assert_int_equal(x->ec, 0x4b6);
	tx_free(x);
	x = tx_new(&c);
	tx_run_raw(x, reserved, sizeof(reserved));
	assert_int_equal(x->ec, 0x4b6);
	tx_free(x);
	x = tx_new(&c);
	tx_run_raw(x, "", 0);
	assert_int_equal(x->ec, 0x4b6);
	tx_free(x);
	/* MS-OXCRPC_R663 */
	x = tx_new(&c);
	x->max_out = 7;
	tx_run(x);
	assert_int_equal(x->ec, 0x80040115);
	tx_free(x);
	tc_release(&c, tc_open_folder(&c, c.fid[F_INBOX]));
	end();
}

/* A ROP of the specification that is not offered: ecNotSupported. */
static void test_rop_not_offered_is_not_supported(void **state)
{
	/* RopOpenFolder's place in the buffer, then RopGetStoreState 0x7B. */
	static const uint8_t rops[] = {0, 0,    4, 0, 9, 0, 9, 0, 5,
				       0, 0x7b, 0, 0, 1, 2, 3, 4};
	struct tx *x;
	const uint8_t *p;

	begin(NULL);
	x = tx_new(&c);
	tx_run_raw(x, rops, sizeof(rops));
	assert_int_equal(x->ec, 0);
	assert_true(x->undecodable); /* not in our schema either */
	p = x->r.body.p + 16 + 8 + 2;
	assert_int_equal(p[0], 0x7b);
	assert_int_equal(p[2] | p[3] << 8 | p[4] << 16 | (uint32_t)p[5] << 24,
			 NOT_SUPPORTED);
	tx_free(x);
	end();
}

/* MS-OXCROPS_R4545, R454502, R4517, R4518, MS-OXCROPS_R4653, MS-OXCROPS_R4655,
 * MS-OXCROPS_R4443, MS-OXCROPS_R4445, R4447 */
static void test_too_small_buffer_gives_back_the_rest(void **state)
{
	struct tx *x;
	struct mx_rop_res *last;

	begin(NULL);
	x = tx_new(&c);
	for (uint8_t i = 1; i <= 20; i++)
		add_open(x, 0, i, c.fid[F_INBOX]);
	x->handles[0] = c.logon;
	for (int i = 1; i <= 20; i++)
		x->handles[i] = MX_NO_HANDLE;
	x->n_handles = 21;
	x->max_out = 8 + 2 + 84 + 130;
	tx_run(x);
	assert_int_equal(x->ec, 0);
	assert_true(x->n_res > 1 && x->n_res < 20);
	last = &x->res[x->n_res - 1];
	assert_int_equal(last->id, MX_ROP_BUFFER_TOO_SMALL);
	assert_true(last->buffer_too_small.size_needed > 130);
	/* The rest begins with the first ROP that has no answer … */
	assert_int_equal(last->buffer_too_small.request_buffers.p[0],
			 MX_ROP_OPEN_FOLDER);
	assert_int_equal(last->buffer_too_small.request_buffers.p[3], x->n_res);
	/* … which was not done. */
	assert_int_equal(x->out[x->n_res], MX_NO_HANDLE);
	assert_int_not_equal(x->out[x->n_res - 1], MX_NO_HANDLE);
	tx_free(x);
	end();
}

static uint32_t big_table(uint32_t n, size_t len)
{
	static const uint32_t tags[] = {0x0037001f, 0x674a0014};
	char *s = malloc(len + 16);
	uint32_t folder = tc_open_folder(&c, c.fid[F_INBOX]), table, rows;

	memset(s, 'x', len);
	for (uint32_t i = 0; i < n; i++) {
		snprintf(s + len, 16, "%04u", i);
		tc_make_message(&c, c.fid[F_INBOX], s);
	}
	free(s);
	table = tc_contents(&c, folder, 0x10, &rows);
	assert_int_equal(rows, n);
	tc_set_columns(&c, table, tags, 2);
	return table;
}

/* MS-OXCRPC_R962, R963, R965, R971, R972, R973, R778, R779, R961: QueryRows fills
 * further buffers; without Chain it does not.  MS-OXCTABL_R464, R465 */
static void test_rows_fill_chained_buffers(void **state)
{
	struct tx *x;
	struct mx_rop_req *q;
	uint32_t table, rows = 0;

	begin(NULL);
	table = big_table(180, 200);
	for (int chain = 0; chain < 2; chain++) {
		x = tx_new(&c);
		x->flags |= chain ? MX_EXECUTE_CHAIN : 0;
		x->max_out = 0x40000;
		q = tx_add(x, MX_ROP_SEEK_ROW, 0);
		q = tx_add(x, MX_ROP_QUERY_ROWS, 0);
		q->query_rows.forward_read = true;
		q->query_rows.row_count = 170;
		x->handles[x->n_handles++] = table;
		tx_run(x);
		assert_int_equal(x->ec, 0);
		rows = 0;
		for (size_t i = 1; i < x->n_res; i++)
			rows += x->res[i].query_rows.n_row_data;
		if (chain) {
			assert_true(x->n_buffers > 2);
			assert_int_equal(rows, 170);
			for (unsigned b = 1; b < x->n_buffers; b++)
				assert_int_equal(x->buffer_res[b], 1);
		} else {
			assert_int_equal(x->n_buffers, 1);
			assert_in_range(rows, 60, 100);
		}
		tx_free(x);
	}
	end();
}

/* MS-OXCRPC_R632 ff.: compression and XOR as the client allows. */
static void test_answers_are_packed_as_allowed(void **state)
{
	struct tx *x;
	struct mx_rop_req *q;
	uint32_t table;

	begin(NULL);
	table = big_table(40, 200);
	for (uint32_t flags = 0; flags < 4; flags++) {
		uint16_t got;

		x = tx_new(&c);
		x->flags = flags;
		tx_add(x, MX_ROP_SEEK_ROW, 0);
		q = tx_add(x, MX_ROP_QUERY_ROWS, 0);
		q->query_rows.forward_read = true;
		q->query_rows.row_count = 40;
		x->handles[x->n_handles++] = table;
		tx_run(x);
		assert_int_equal(x->ec, 0);
		assert_int_equal(x->res[1].query_rows.n_row_data, 40);
		got = (uint16_t)(x->r.body.p[16 + 2] | x->r.body.p[16 + 3]
							       << 8);
		assert_int_equal(got & 1, !(flags & 1));
		assert_int_equal(!!(got & 2), !(flags & 2));
		tx_free(x);
	}
	end();
}

MX_TEST_MAIN(MX_TEST(test_logon_answers_for_a_private_mailbox),
	     MX_TEST(test_logon_is_refused_with_the_right_code),
	     MX_TEST(test_rops_of_one_buffer_work_together),
	     MX_TEST(test_wrong_handles_are_null_objects),
	     MX_TEST(test_released_logon_takes_its_objects),
	     MX_TEST(test_any_order_of_releases_is_right),
	     MX_TEST(test_objects_per_context_are_limited),
	     MX_TEST(test_garbage_rops_do_not_harm_the_context),
	     MX_TEST(test_rop_not_offered_is_not_supported),
	     MX_TEST(test_too_small_buffer_gives_back_the_rest),
	     MX_TEST(test_rows_fill_chained_buffers),
	     MX_TEST(test_answers_are_packed_as_allowed))
