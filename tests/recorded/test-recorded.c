/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of gromox 3.10, a server that we did not write, through our client:
 * HTTP, meta-tags, bodies, buffers, ROPs.  What is odd about each is told in
 * doc/interop.md.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/test.h"
#include "net/autodiscover.h"
#include "recording.h"

#define PLAY(rec, name, type)                                                  \
	MX_AUTO(recording_auto) struct recording rec;                          \
	recording_play(&(rec), name, type)

#define ROPS(rec, name, ...)                                                   \
	MX_AUTO(recording_auto) struct recording rec;                          \
	const struct want want_##rec[] = {__VA_ARGS__};                        \
	recording_rops(&(rec), name, want_##rec, MX_ARRAY_SIZE(want_##rec))

static uint32_t i4_at(const struct mx_proprow *row, uint32_t tag)
{
	const struct mx_propval *v = mx_propval_find(row->vals, row->n, tag);

	assert_non_null(v);
	assert_int_equal(v->tag, tag);
	return (uint32_t)v->v.i4;
}

static const char *text_at(const struct mx_proprow *row, uint32_t tag)
{
	const struct mx_propval *v = mx_propval_find(row->vals, row->n, tag);

	assert_non_null(v);
	assert_int_equal(v->tag, tag);
	return v->v.str;
}

/* An error in place of a value: its code. */
static uint32_t error_at(const struct mx_proprow *row, uint16_t id)
{
	const struct mx_propval *v = mx_propval_find(
		row->vals, row->n, MX_PROP_TAG(MX_PT_ERROR, id));

	assert_non_null(v);
	return v->v.err;
}

static uint64_t u64(const char *bytes)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | (uint8_t)bytes[i];
	return v;
}

/* Id with this counter in the mailbox's own replica, as it stands in the
 * protocol: REPLID 1, then the counter, most significant byte first. */
static uint64_t id(uint8_t high, uint8_t low)
{
	const char b[8] = {1, 0, 0, 0, 0, (char)high, 0, (char)low};

	return u64(b);
}

/* --- HTTP, Connect, Autodiscover ---------------------------------------- */

static void test_autodiscover_finds_the_mapi_http_protocol_block(void **state)
{
	MX_AUTO(mx_autodiscover_auto)
	struct mx_autodiscover a = MX_AUTODISCOVER_INIT;
	MX_AUTO(recording_auto) struct recording rec;
	struct mx_fault fault = MX_FAULT_INIT;
	char *redirect = NULL;
	struct mx_bin doc;

	recording_plain(&rec, "autodiscover", &doc);
	assert_int_equal(mx_autodiscover_parse(doc.p, doc.n, &a, &redirect,
					       &fault),
			 MX_AUTODISCOVER_FOUND);
	assert_null(redirect);
	assert_string_equal(a.emsmdb_url, "https://localhost:8443/mapi/emsmdb/"
					  "?MailboxId=75736572-3033-4069-6e74-"
					  "657203000000@interop.test");
	assert_string_equal(a.nspi_url, "https://localhost:8443/mapi/nspi/"
					"?MailboxId=75736572-3033-4069-6e74-"
					"657203000000@interop.test");
	assert_string_equal(a.smtp, "user03@interop.test");
	assert_string_equal(a.display, "User 3 Interop");
	assert_string_equal(a.user_dn,
			    "/o=Gromox default/ou=Exchange Administrative "
			    "Group (FYDIBOHF23SPDLT)/cn=Recipients/"
			    "cn=0100000003000000-user03");
}

static void test_connect_is_taken_with_its_cookies(void **state)
{
	struct mx_connect_res res;
	struct mx_rd rd;

	PLAY(rec, "connect", "Connect");
	assert_int_equal(rec.err, 0);
	assert_int_equal(rec.resp.set_cookies.n, 2);
	assert_non_null(mx_cookies_get(&rec.resp.set_cookies, "sid"));
	assert_non_null(mx_cookies_get(&rec.resp.set_cookies, "sequence"));
	assert_int_equal(rec.resp.expiration_ms, 900000);
	assert_int_equal(rec.resp.pending_period_ms, 30000);
	mx_rd_init(&rd, rec.resp.body.p, rec.resp.body.len, &rec.arena);
	mx_connect_res_decode(&rd, &res);
	assert_int_equal(mx_rd_end(&rd), 0);
	assert_int_equal(res.error_code, 0);
	assert_int_equal(res.polls_max, 60000);
	assert_string_equal(res.dn_prefix, "");
	assert_string_equal(res.display_name, "User 3 Interop");
	assert_int_equal(res.auxiliary_buffer.n, 36);
}

/* Another user's DN: an ErrorCode, but no cookie. */
static void test_a_refused_connect_sets_no_cookie(void **state)
{
	struct mx_connect_res res;
	struct mx_rd rd;

	PLAY(rec, "connect-refused", "Connect");
	assert_int_equal(rec.err, 0);
	assert_int_equal(rec.resp.set_cookies.n, 0);
	mx_rd_init(&rd, rec.resp.body.p, rec.resp.body.len, &rec.arena);
	mx_connect_res_decode(&rd, &res);
	assert_int_equal(mx_rd_end(&rd), 0);
	assert_int_equal(res.status_code, 0);
	assert_int_equal(res.error_code, 0x80070005);
}

/* Error pages have their own X-ResponseCode numbers and none of the headers
 * that repeat the request's. */
static void test_error_pages_give_their_response_code(void **state)
{
	static const struct {
		const char *name;
		uint32_t code;
	} pages[] = {
		{"error-no-cookie", 6},
		{"error-sequence", 7},
		{"error-after-disconnect", 2},
	};

	for (size_t i = 0; i < MX_ARRAY_SIZE(pages); i++) {
		PLAY(rec, pages[i].name, "Execute");
		assert_true(rec.err < 0);
		assert_int_equal(rec.resp.why, MX_XWHY_CODE);
		assert_int_equal(rec.resp.response_code, pages[i].code);
		assert_int_equal(rec.fault.code, pages[i].code);
		assert_int_equal(rec.fault.layer, MX_LAYER_MAPIHTTP);
	}
}

static void test_plain_http_errors_are_told_as_such(void **state)
{
	PLAY(rec, "error-not-found", "Connect");
	PLAY(denied, "autodiscover-unauthorized", "Connect");
	assert_int_equal(rec.resp.why, MX_XWHY_HTTP);
	assert_int_equal(rec.resp.http_status, 404);
	assert_int_equal(denied.err, -EACCES);
	assert_int_equal(denied.resp.http_status, 401);
}

static void test_ping_has_a_body_of_meta_tags_only(void **state)
{
	PLAY(rec, "ping", "PING");
	assert_int_equal(rec.err, 0);
	assert_int_equal(rec.resp.body.len, 0);
	assert_int_equal(rec.resp.expiration_ms, 900000);
	/* Not the sequence cookie: the jar keeps the one it has. */
	assert_int_equal(rec.resp.set_cookies.n, 1);
	assert_non_null(mx_cookies_get(&rec.resp.set_cookies, "sid"));
}

static struct mx_notification_wait_res wait_res(struct recording *rec)
{
	struct mx_notification_wait_res res;
	struct mx_rd rd;

	assert_int_equal(rec->err, 0);
	mx_rd_init(&rd, rec->resp.body.p, rec->resp.body.len, &rec->arena);
	mx_notification_wait_res_decode(&rd, &res);
	assert_int_equal(mx_rd_end(&rd), 0);
	return res;
}

/* PENDING twice without CRLF, PROCESSING a second time, all in one chunk with
 * the body; [MS-OXCMAPIHTTP] R1130-R1136 say otherwise. */
static void test_notification_wait_with_bare_pendings(void **state)
{
	struct mx_notification_wait_res res;

	PLAY(rec, "notification-wait", "NotificationWait");
	res = wait_res(&rec);
	assert_int_equal(rec.resp.n_pending, 2);
	assert_int_equal(res.error_code, 0);
	assert_int_equal(res.event_pending, 1);
	assert_int_equal(rec.resp.set_cookies.n, 1);
}

static void test_a_second_notification_wait_is_refused_at_once(void **state)
{
	PLAY(rec, "notification-wait-second", "NotificationWait");
	assert_int_equal(wait_res(&rec).error_code, 0x7ee);
}

static void test_disconnect_is_answered(void **state)
{
	struct mx_disconnect_res res;
	struct mx_rd rd;

	PLAY(rec, "disconnect", "Disconnect");
	assert_int_equal(rec.err, 0);
	mx_rd_init(&rd, rec.resp.body.p, rec.resp.body.len, &rec.arena);
	mx_disconnect_res_decode(&rd, &res);
	assert_int_equal(mx_rd_end(&rd), 0);
	assert_int_equal(res.error_code, 0);
}

/* --- Execute ------------------------------------------------------------ */

static void test_logon_of_a_private_mailbox_has_handle_zero(void **state)
{
	const struct mx_logon_res *res;

	ROPS(rec, "execute-logon", {MX_ROP_LOGON, 0});
	res = &rec.res[0].logon;
	assert_int_equal(rec.res[0].return_value, 0);
	assert_int_equal(res->logon_flags, 1);
	assert_int_equal(res->folder_ids[0], id(0, 1));
	assert_int_equal(res->folder_ids[4], id(0, 0x0d));
	assert_int_equal(res->response_flags, 7);
	assert_int_equal(res->repl_id, 5);
	assert_int_equal(res->logon_time.year, 2026);
	assert_int_equal(rec.n_handles, 1);
	assert_int_equal(rec.handles[0], 0);
}

static void test_a_refused_logon_leaves_its_slot_as_sent(void **state)
{
	ROPS(rec, "execute-logon-refused", {MX_ROP_LOGON, 0});
	assert_int_equal(rec.res[0].return_value, 0x80070057);
	assert_int_equal(rec.n_handles, 1);
	assert_int_equal(rec.handles[0], MX_NO_HANDLE);
}

/* Whole Executes that fail: ErrorCode, and no buffer at all. */
static void test_a_failed_execute_has_no_rop_buffer(void **state)
{
	static const struct {
		const char *name;
		uint32_t code;
	} all[] = {
		{"execute-rpc-format", 0x4b6},
		{"execute-handle-index", 0x80040108},
		{"execute-buffer-too-small", 0x47d},
	};

	for (size_t i = 0; i < MX_ARRAY_SIZE(all); i++) {
		MX_AUTO(recording_auto) struct recording rec;

		recording_rops(&rec, all[i].name, NULL, 0);
		assert_int_equal(rec.exec.status_code, 0);
		assert_int_equal(rec.exec.error_code, all[i].code);
		assert_int_equal(rec.exec.rop_buffer.n, 0);
	}
}

static void test_a_message_is_made_in_one_execute(void **state)
{
	ROPS(rec, "execute-create-message", {MX_ROP_CREATE_MESSAGE, 1},
	     {MX_ROP_SET_PROPERTIES, 1}, {MX_ROP_MODIFY_RECIPIENTS, 1},
	     {MX_ROP_CREATE_ATTACHMENT, 2}, {MX_ROP_SET_PROPERTIES, 2},
	     {MX_ROP_SAVE_CHANGES_ATTACHMENT, 1},
	     {MX_ROP_SAVE_CHANGES_MESSAGE, 0});
	const struct mx_set_properties_res *set = &rec.res[1].set_properties;

	for (unsigned i = 0; i < rec.n_res; i++)
		assert_int_equal(rec.res[i].return_value, 0);
	assert_true(rec.res[0].create_message.has_message_id);
	assert_int_equal(set->n_property_problems, 1);
	assert_int_equal(set->property_problems[0].index, 4);
	assert_int_equal(set->property_problems[0].tag, 0x0ff40003);
	assert_int_equal(set->property_problems[0].code, 0x80070005);
	assert_int_equal(rec.res[3].create_attachment.attachment_id, 0);
	assert_int_equal(rec.res[6].save_changes_message.input_handle_index, 1);
	assert_int_equal(rec.res[6].save_changes_message.message_id, id(3, 1));
	assert_int_equal(rec.n_handles, 3);
	assert_int_equal(rec.handles[2], 3);
}

static void check_header(const struct mx_message_header *h)
{
	const struct mx_recipient_row *r;

	assert_false(h->has_named_properties);
	assert_int_equal(h->subject_prefix.kind, MX_TYPEDSTR_UNICODE);
	assert_string_equal(h->subject_prefix.s, "Re: ");
	assert_string_equal(h->normalized_subject.s, "Ordering the tea \u2615");
	assert_int_equal(h->recipient_count, 2);
	assert_int_equal(h->recipient_columns.n, 0);
	assert_int_equal(h->n_recipient_rows, 2);
	assert_int_equal(h->recipient_rows[1].code_page_id, 65001);
	r = h->recipient_rows[1].recipient_row;
	assert_int_equal(r->recipient_flags, 0x021b);
	assert_string_equal(r->email_address, "zoe@interop.test");
	assert_string_equal(r->display_name, "Zo\u00eb \u00c5ngstr\u00f6m");
}

static void test_open_message_brings_its_recipients(void **state)
{
	ROPS(rec, "execute-open-message", {MX_ROP_OPEN_MESSAGE, 1});
	assert_int_equal(rec.res[0].return_value, 0);
	check_header(&rec.res[0].open_message.header);
	assert_int_equal(rec.handles[0], 0);
	assert_int_equal(rec.handles[1], 4);
}

static const uint32_t message_cols[] = {
	0x0037001f, 0x10000000, 0x0e070003, 0x0e080003, 0x0ff90102,
	0x65e20102, 0x3fde0003, 0x0e060040, 0x67480014,
};
static const uint32_t attach_cols[] = {0x0e210003, 0x37050003, 0x3704001f};

static void check_message_row(const struct mx_proprow *row)
{
	const struct mx_propval *key;

	assert_int_equal(row->n, 9);
	assert_string_equal(text_at(row, 0x0037001f),
			    "Re: Ordering the tea \u2615");
	/* Asked for without a type. */
	assert_string_equal(text_at(row, 0x1000001f), "Two boxes, please.");
	assert_int_equal(i4_at(row, 0x0e070003), 0x11);
	key = mx_propval_find(row->vals, row->n, 0x65e20102);
	assert_non_null(key);
	assert_int_equal(key->v.bin.n, 22);
	assert_int_equal(i4_at(row, 0x3fde0003), 65001);
	assert_int_equal(error_at(row, 0x0e06), 0x8004010f);
}

static void check_attachments(const struct recording *rec)
{
	const struct mx_query_rows_res *rows = &rec->res[6].query_rows;

	assert_int_equal(rows->origin, 2);
	assert_int_equal(rows->n_row_data, 1);
	assert_int_equal(i4_at(&rows->row_data[0], 0x0e210003), 0);
	assert_string_equal(text_at(&rows->row_data[0], 0x3704001f), "tea.txt");
	assert_int_equal(rec->res[7].return_value, 0x8004010f);
}

/* The stream of a string ends with the NUL that terminates the string. */
static void check_stream(const struct recording *rec)
{
	assert_int_equal(rec->res[8].open_stream.stream_size, 38);
	assert_int_equal(rec->res[9].get_stream_size.stream_size, 38);
	assert_int_equal(rec->res[10].read_stream.data.n, 10);
	assert_memory_equal(rec->res[10].read_stream.data.p, "T\0w\0o\0 \0b",
			    10);
	assert_int_equal(rec->res[11].return_value, 0);
	assert_int_equal(rec->res[11].seek_stream.new_position, 0);
}

static void test_a_message_is_read_in_one_execute(void **state)
{
	ROPS(rec, "execute-read-message", {MX_ROP_READ_RECIPIENTS, 0},
	     {MX_ROP_READ_RECIPIENTS, 0}, {MX_ROP_RELOAD_CACHED_INFORMATION, 0},
	     {MX_ROP_GET_PROPERTIES_SPECIFIC, 0, message_cols, 9},
	     {MX_ROP_GET_ATTACHMENT_TABLE, 1}, {MX_ROP_SET_COLUMNS, 1},
	     {MX_ROP_QUERY_ROWS, 1, attach_cols, 3},
	     {MX_ROP_OPEN_ATTACHMENT, 2}, {MX_ROP_OPEN_STREAM, 3},
	     {MX_ROP_GET_STREAM_SIZE, 3}, {MX_ROP_READ_STREAM, 3},
	     {MX_ROP_SEEK_STREAM, 3});
	const struct mx_read_recipients_res *to = &rec.res[0].read_recipients;

	assert_int_equal(to->n_recipient_rows, 2);
	assert_int_equal(to->recipient_rows[1].row_id, 1);
	assert_string_equal(to->recipient_rows[0].recipient_row->email_address,
			    "user05@interop.test");
	assert_int_equal(rec.res[1].return_value, 0x8004010f);
	check_header(&rec.res[2].reload_cached_information.header);
	check_message_row(&rec.res[3].get_properties_specific.row_data);
	check_attachments(&rec);
	check_stream(&rec);
	assert_int_equal(rec.n_handles, 4);
	assert_int_equal(rec.handles[2], MX_NO_HANDLE);
}

/* MoveCopyMessages, DeleteFolder and DeleteMessages keep PartialCompletion when
 * they fail.  [MS-OXCROPS] 2.2.4.6.2, 2.2.4.3.2, 2.2.4.11.2 */
static void test_failures_with_partial_completion(void **state)
{
	ROPS(moved, "execute-move-copy-refused",
	     {MX_ROP_MOVE_COPY_MESSAGES, 0});
	ROPS(part, "execute-move-copy-partial", {MX_ROP_MOVE_COPY_MESSAGES, 0});
	ROPS(del, "execute-delete-refused", {MX_ROP_DELETE_FOLDER, 0},
	     {MX_ROP_DELETE_MESSAGES, 0});

	assert_int_equal(moved.res[0].return_value, 0x4b9);
	assert_true(moved.res[0].move_copy_messages.partial_completion);
	assert_int_equal(part.res[0].return_value, 0);
	assert_true(part.res[0].move_copy_messages.partial_completion);
	assert_int_equal(del.res[1].return_value, 0x80040102);
	assert_true(del.res[1].delete_messages.partial_completion);
}

/* SetReadFlags, ReadStream and WriteStream do not keep their fields, against
 * 2.2.6.10.2, 2.2.9.2.2 and 2.2.9.3.2: also in the middle of a buffer. */
static void test_failures_without_their_fields(void **state)
{
	ROPS(flags, "execute-set-read-flags-refused",
	     {MX_ROP_SET_READ_FLAGS, 0});
	ROPS(streams, "execute-stream-refused", {MX_ROP_READ_STREAM, 0},
	     {MX_ROP_WRITE_STREAM, 0});
	ROPS(released, "execute-released-handle",
	     {MX_ROP_GET_PROPERTIES_LIST, 0});

	assert_int_equal(flags.res[0].return_value, 0x80040102);
	assert_int_equal(streams.res[0].return_value, 0x80040102);
	assert_int_equal(streams.res[1].return_value, 0x80040102);
	assert_int_equal(released.res[0].return_value, 0x4b9);
}

static void test_names_and_long_term_ids(void **state)
{
	static const struct mx_guid none;
	const struct mx_get_property_ids_from_names_res *names;

	ROPS(rec, "execute-names", {MX_ROP_GET_PROPERTY_IDS_FROM_NAMES, 0},
	     {MX_ROP_LONG_TERM_ID_FROM_ID, 0},
	     {MX_ROP_LONG_TERM_ID_FROM_ID, 0});
	names = &rec.res[0].get_property_ids_from_names;
	assert_int_equal(names->n_property_ids, 2);
	assert_int_equal(names->property_ids[0], 0x80e0);
	assert_int_equal(names->property_ids[1], 0); /* not known */
	assert_int_equal(
		rec.res[1].long_term_id_from_id.long_term_id.globcnt[5], 1);
	/* A REPLID that stands for nothing is a success without a GUID. */
	assert_int_equal(rec.res[2].return_value, 0);
	assert_true(mx_guid_equal(
		&rec.res[2].long_term_id_from_id.long_term_id.replica, &none));
}

static const uint32_t inbox_cols[] = {0x674a0014, 0x0037001f, 0x0e070003,
				      0x0e060040, 0x1000001f};

static void test_an_empty_table_with_everything_in_one_execute(void **state)
{
	ROPS(rec, "execute-open-table", {MX_ROP_OPEN_FOLDER, 1},
	     {MX_ROP_GET_CONTENTS_TABLE, 2}, {MX_ROP_SET_COLUMNS, 2},
	     {MX_ROP_SORT_TABLE, 2}, {MX_ROP_QUERY_ROWS, 2, inbox_cols, 5},
	     {MX_ROP_QUERY_POSITION, 2}, {MX_ROP_SEEK_ROW, 2},
	     {MX_ROP_REGISTER_NOTIFICATION, 3});

	for (unsigned i = 0; i < rec.n_res; i++)
		assert_int_equal(rec.res[i].return_value, 0);
	assert_int_equal(rec.res[4].query_rows.origin, 2);
	assert_int_equal(rec.res[4].query_rows.n_row_data, 0);
	assert_true(rec.res[6].seek_row.has_sought_less);
	assert_int_equal(rec.handles[3], 3);
}

static void test_rows_are_read(void **state)
{
	const struct mx_proprow *row;

	ROPS(rec, "execute-query-rows", {MX_ROP_SEEK_ROW, 0},
	     {MX_ROP_QUERY_ROWS, 0, inbox_cols, 5});
	assert_int_equal(rec.res[1].query_rows.n_row_data, 1);
	row = &rec.res[1].query_rows.row_data[0];
	assert_string_equal(text_at(row, 0x0037001f), "First notice");
	assert_string_equal(text_at(row, 0x1000001f), "Hello");
	assert_int_equal(i4_at(row, 0x0e070003), 2);
}

/* What stood in the queue comes with an Execute that asks for nothing:
 * ObjectCreated, the new row of the table, NewMail. */
static void test_notifications_of_a_new_mail(void **state)
{
	const struct mx_notification_data *d;

	ROPS(rec, "execute-notify", {MX_ROP_NOTIFY, 0xff},
	     {MX_ROP_NOTIFY, 0xff}, {MX_ROP_NOTIFY, 0xff});
	ROPS(none, "execute-notify-none");
	assert_int_equal(none.n_buffers, 1);
	d = &rec.res[0].notify.notification_data;
	assert_int_equal(rec.res[0].notify.notification_handle, 3);
	assert_int_equal(d->notification_flags, 0x8004);
	assert_int_equal(d->folder_id, id(0, 0x0d));
	assert_int_equal(d->message_id, id(3, 0));
	assert_int_equal(d->tag_count, 0);
	d = &rec.res[1].notify.notification_data;
	assert_int_equal(rec.res[1].notify.notification_handle, 2);
	assert_int_equal(d->notification_flags, 0x8100);
	assert_int_equal(d->table_event_type, 3);
	assert_int_equal(d->table_row_message_id, id(3, 0));
	assert_int_equal(d->insert_after_table_row_id, 0);
	assert_int_equal(d->table_row_data.n, 59);
	d = &rec.res[2].notify.notification_data;
	assert_int_equal(d->notification_flags, 0x8002);
	assert_int_equal(d->message_flags, 2);
	assert_false(d->unicode_flag);
	assert_string_equal(d->message_class, "IPM.Note");
}

static void test_submit_and_what_a_refused_recipient_gives(void **state)
{
	ROPS(sent, "execute-submit", {MX_ROP_OPEN_FOLDER, 1},
	     {MX_ROP_CREATE_MESSAGE, 2}, {MX_ROP_SET_PROPERTIES, 2},
	     {MX_ROP_MODIFY_RECIPIENTS, 2}, {MX_ROP_SAVE_CHANGES_MESSAGE, 1},
	     {MX_ROP_SUBMIT_MESSAGE, 2});
	ROPS(not, "execute-submit-refused", {MX_ROP_OPEN_FOLDER, 1},
	     {MX_ROP_CREATE_MESSAGE, 2}, {MX_ROP_SET_PROPERTIES, 2},
	     {MX_ROP_MODIFY_RECIPIENTS, 2}, {MX_ROP_SAVE_CHANGES_MESSAGE, 1},
	     {MX_ROP_SUBMIT_MESSAGE, 2});

	assert_int_equal(sent.res[5].return_value, 0);
	assert_int_equal(not .res[5].return_value, 0x00040580);
}

/* Row numbers go on; all have the same body. */
static unsigned check_rows(const struct mx_query_rows_res *res, unsigned rows)
{
	for (uint32_t i = 0; i < res->n_row_data; i++, rows++) {
		char want[16];

		snprintf(want, sizeof(want), "row %02u ", rows);
		assert_memory_equal(text_at(&res->row_data[i], 0x0037001f),
				    want, 7);
		assert_int_equal(strlen(text_at(&res->row_data[i], 0x1000001f)),
				 250);
	}
	return rows;
}

/* Flags bit Chain: QueryRows goes on in buffers of its own, and after the last
 * row come seven more of them without rows.  [MS-OXCRPC] 3.1.4.2.1.2.2 */
static void test_rows_come_in_chained_buffers(void **state)
{
	static const uint32_t cols[] = {0x674a0014, 0x0037001f, 0x1000001f};
	static const struct want more = {MX_ROP_QUERY_ROWS, 1, cols, 3};
	MX_AUTO(recording_auto) struct recording rec;
	struct want want[12] = {{MX_ROP_GET_CONTENTS_TABLE, 1},
				{MX_ROP_SET_COLUMNS, 1}};
	unsigned rows = 0;

	for (unsigned i = 2; i < MX_ARRAY_SIZE(want); i++)
		want[i] = more;
	recording_rops(&rec, "execute-chained", want, MX_ARRAY_SIZE(want));
	assert_int_equal(rec.n_buffers, 10);
	for (unsigned i = 2; i < rec.n_res; i++) {
		const struct mx_query_rows_res *res = &rec.res[i].query_rows;

		rows = check_rows(res, rows);
		assert_int_equal(res->origin, i < 4 ? 1 : 2);
		assert_int_equal(res->n_row_data > 0, i < 5);
	}
	assert_int_equal(rows, 70);
}

MX_TEST_MAIN(MX_TEST(test_autodiscover_finds_the_mapi_http_protocol_block),
	     MX_TEST(test_connect_is_taken_with_its_cookies),
	     MX_TEST(test_a_refused_connect_sets_no_cookie),
	     MX_TEST(test_error_pages_give_their_response_code),
	     MX_TEST(test_plain_http_errors_are_told_as_such),
	     MX_TEST(test_ping_has_a_body_of_meta_tags_only),
	     MX_TEST(test_notification_wait_with_bare_pendings),
	     MX_TEST(test_a_second_notification_wait_is_refused_at_once),
	     MX_TEST(test_disconnect_is_answered),
	     MX_TEST(test_logon_of_a_private_mailbox_has_handle_zero),
	     MX_TEST(test_a_refused_logon_leaves_its_slot_as_sent),
	     MX_TEST(test_a_failed_execute_has_no_rop_buffer),
	     MX_TEST(test_a_message_is_made_in_one_execute),
	     MX_TEST(test_open_message_brings_its_recipients),
	     MX_TEST(test_a_message_is_read_in_one_execute),
	     MX_TEST(test_failures_with_partial_completion),
	     MX_TEST(test_failures_without_their_fields),
	     MX_TEST(test_names_and_long_term_ids),
	     MX_TEST(test_an_empty_table_with_everything_in_one_execute),
	     MX_TEST(test_rows_are_read),
	     MX_TEST(test_notifications_of_a_new_mail),
	     MX_TEST(test_submit_and_what_a_refused_recipient_gives),
	     MX_TEST(test_rows_come_in_chained_buffers))
