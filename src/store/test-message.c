/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Messages: transactions, properties, recipients, attachments, streams. */
#include <stdlib.h>
#include <string.h>

#include "store/testlib.h"

#define INBOX(mb) mx_mbox_info(mb)->fid[MX_FLD_INBOX]

static struct mx_obj *open_msg(struct mx_mbox *mb, uint64_t mid)
{
	struct mx_obj *m = NULL;

	ok(mx_msg_open(mb, 0, mid, MX_MSG_READ_WRITE, 0x0fff, &m));
	return m;
}

static struct mx_obj *new_msg(struct mx_mbox *mb)
{
	struct mx_obj *m = NULL;

	ok(mx_msg_create(mb, INBOX(mb), false, 0x0fff, &m));
	return m;
}

/* MS-OXCMSG_R340 to R365: initial properties. */
static void test_new_message_has_its_initial_properties(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma);

	assert_int_equal(tl_i4(t, m, T_IMPORTANCE), 1); /* R341 */
	assert_string_equal(tl_str(t, m, T_MESSAGE_CLASS), "IPM.Note");
	assert_int_equal(tl_i4(t, m, T_SENSITIVITY), 0);       /* R343 */
	assert_string_equal(tl_str(t, m, T_DISPLAY_TO), "");   /* R346 */
	assert_int_equal(tl_i4(t, m, T_MESSAGE_FLAGS), 0x409); /* R1480 */
	assert_false(tl_get(t, m, T_HASATTACH).v.b);           /* R349 */
	assert_int_equal(tl_i4(t, m, T_ACCESS), 3);            /* R353 */
	assert_int_equal(tl_i4(t, m, T_ACCESS_LEVEL), 1);      /* R354 */
	assert_int_equal(tl_get(t, m, T_SEARCH_KEY).v.bin.n, 16);
	assert_string_equal(tl_str(t, m, T_CREATOR_NAME), "Anna A");
	assert_false(tl_get(t, m, T_HAS_NAMED_PROPERTIES).v.b);
	mx_obj_close(m);
	tl_close(t);
}

/* MS-OXCMSG_R339: nothing is committed before SaveChanges; R704. */
static void test_unsaved_changes_are_seen_by_nobody_else(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma), *other;
	uint64_t mid = 0;

	tl_set_str(m, T_SUBJECT, "one");
	assert_int_equal(tl_count(t->ma, MX_FLD_INBOX), 0);
	ok(mx_msg_save(m, MX_SAVE_READ_WRITE, &mid));
	assert_int_equal(tl_count(t->ma, MX_FLD_INBOX), 1);
	tl_set_str(m, T_SUBJECT, "two");
	other = open_msg(t->ma, mid);
	assert_string_equal(tl_str(t, other, T_SUBJECT), "one");
	assert_string_equal(tl_str(t, m, T_SUBJECT), "two");
	mx_obj_close(m);
	mx_obj_close(other);
	tl_close(t);
}

/* MS-OXCMSG_R705, R1053: the second saver is told, unless he forces. */
static void test_second_saver_gets_object_modified(void **state)
{
	struct tl *t = tl_open();
	uint64_t mid = tl_message(t->ma, MX_FLD_INBOX, "s");
	struct mx_obj *a = open_msg(t->ma, mid), *b = open_msg(t->ma, mid);

	tl_set_str(a, T_SUBJECT, "a");
	tl_set_str(b, T_SUBJECT, "b");
	ok(mx_msg_save(a, MX_SAVE_READ_WRITE, NULL));
	assert_int_equal(mx_msg_save(b, MX_SAVE_READ_WRITE, NULL),
			 MX_ANS_OBJECT_MODIFIED);
	assert_string_equal(tl_str(t, b, T_SUBJECT), "b");
	ok(mx_msg_save(b, MX_SAVE_FORCE, NULL)); /* MS-OXCMSG_R724 */
	mx_obj_close(a);
	a = open_msg(t->ma, mid);
	assert_string_equal(tl_str(t, a, T_SUBJECT), "b");
	mx_obj_close(a);
	mx_obj_close(b);
	tl_close(t);
}

static void test_deleted_message_cannot_be_saved(void **state)
{
	struct tl *t = tl_open();
	uint64_t mid = tl_message(t->ma, MX_FLD_INBOX, "s");
	struct mx_obj *m = open_msg(t->ma, mid);
	struct mx_obj *f = tl_folder(t->ma, MX_FLD_INBOX);
	bool partial;

	ok(mx_folder_delete_msgs(f, &mid, 1, true, false, &partial));
	tl_set_str(m, T_SUBJECT, "x");
	assert_int_equal(mx_msg_save(m, 0, NULL), MX_ANS_OBJECT_DELETED);
	mx_obj_close(m);
	mx_obj_close(f);
	tl_close(t);
}

/* MS-OXCMSG_R1671, R1699: a message saved read-only takes no more. */
static void test_save_without_keep_open_closes_for_writing(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma);
	struct mx_propval v = {.tag = T_SUBJECT, .v.str = "x"};
	struct mx_propproblem *p;
	size_t n;

	ok(mx_msg_save(m, MX_SAVE_READ_ONLY, NULL));
	assert_int_equal(mx_obj_set(m, &v, 1, &t->a, &p, &n),
			 MX_ANS_ACCESS_DENIED);
	assert_int_equal(mx_msg_save(m, 0, NULL), MX_ANS_READ_ONLY);
	mx_obj_close(m);
	tl_close(t);
}

/* MS-OXCMSG_R1239, R1801, R1802 */
static void test_subject_is_prefix_and_normalized_subject(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma);

	tl_set_str(m, T_SUBJECT, "RE: news");
	assert_string_equal(tl_str(t, m, T_SUBJECT_PREFIX), "RE: ");
	assert_string_equal(tl_str(t, m, T_NORMALIZED_SUBJECT), "news");
	tl_set_str(m, T_SUBJECT_PREFIX, "FW: ");
	assert_string_equal(tl_str(t, m, T_SUBJECT), "FW: news");
	tl_set_str(m, T_NORMALIZED_SUBJECT, "olds");
	assert_string_equal(tl_str(t, m, T_SUBJECT), "FW: olds");
	tl_set_str(m, T_SUBJECT, "plain");
	assert_string_equal(tl_str(t, m, T_SUBJECT_PREFIX), "");
	assert_string_equal(tl_str(t, m, T_NORMALIZED_SUBJECT), "plain");
	tl_set_str(m, T_SUBJECT, "12: no prefix");
	assert_string_equal(tl_str(t, m, T_SUBJECT_PREFIX), "");
	mx_obj_close(m);
	tl_close(t);
}

/* MS-OXCPRPT_R457 to R460: the type that is asked for. */
static void test_text_comes_in_either_width(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = NULL;
	struct mx_propval v = {.tag = 0x0037001e,
			       .v.str = "Gr\xfc\xdf"
					"e"};
	struct mx_propproblem *p;
	uint32_t tag = 0x0037001e;
	size_t n;

	ok(mx_msg_create(t->ma, INBOX(t->ma), false, 1252, &m));
	ok(mx_obj_set(m, &v, 1, &t->a, &p, &n));
	assert_int_equal(n, 0);
	assert_string_equal(tl_str(t, m, T_SUBJECT), "Gr\xc3\xbc\xc3\x9f"
						     "e");
	ok(mx_obj_get(m, &tag, 1, 0, true, &t->a, &v, NULL));
	assert_int_equal(v.tag, tag);
	assert_string_equal(v.v.str, "Gr\xfc\xdf"
				     "e");
	tag = 0x00370000; /* unspecified */
	ok(mx_obj_get(m, &tag, 1, 0, false, &t->a, &v, NULL));
	assert_int_equal(v.tag, 0x0037001e);
	ok(mx_obj_get(m, &tag, 1, 0, true, &t->a, &v, NULL));
	assert_int_equal(v.tag, T_SUBJECT);
	tag = 0x00370003; /* another type: not found */
	ok(mx_obj_get(m, &tag, 1, 0, true, &t->a, &v, NULL));
	assert_int_equal(v.tag & 0xffff, MX_PT_ERROR);
	assert_int_equal(v.v.err, 0x8004010f);
	mx_obj_close(m);
	assert_int_equal(mx_msg_create(t->ma, INBOX(t->ma), false, 4711, &m),
			 MX_ANS_UNKNOWN_CODEPAGE);
	tl_close(t);
}

static void test_every_type_survives_the_disk(void **state)
{
	static const int32_t longs[] = {1, -2};
	static const char *const strs[] = {"a", "", "\xe2\x82\xac"};
	static const struct mx_bin bins[] = {{2, (const uint8_t *)"\0x"},
					     {0, (const uint8_t *)""}};
	struct mx_restrict res = {.type = MX_RES_EXIST, .exist.tag = T_SUBJECT};
	struct mx_propval vals[] = {
		{.tag = 0x80100002, .v.i2 = -7},
		{.tag = 0x80110003, .v.i4 = -70000},
		{.tag = 0x80120004, .v.r4 = 1.5f},
		{.tag = 0x80130005, .v.r8 = -2.25},
		{.tag = 0x80140006, .v.i8 = 12345678901},
		{.tag = 0x80150007, .v.r8 = 40000.5},
		{.tag = 0x8016000b, .v.b = true},
		{.tag = 0x80170014, .v.i8 = -1},
		{.tag = 0x8018001f, .v.str = "\xed\xa0\x80 lone"},
		{.tag = 0x80190040, .v.ft = 132000000000000000},
		{.tag = 0x801a0048, .v.guid = {{1, 2, 3}}},
		{.tag = 0x801b0102, .v.bin = {3, (const uint8_t *)"\0\1\2"}},
		{.tag = 0x801c1003, .v.mv = {2, {.i4 = longs}}},
		{.tag = 0x801d101f, .v.mv = {3, {.str = strs}}},
		{.tag = 0x801e1102, .v.mv = {2, {.bin = bins}}},
		{.tag = 0x801f00fd, .v.res = &res},
	};
	size_t n = MX_ARRAY_SIZE(vals), np;
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma);
	struct mx_propproblem *p;
	uint64_t mid = 0;

	ok(mx_obj_set(m, vals, n, &t->a, &p, &np));
	assert_int_equal(np, 0);
	ok(mx_msg_save(m, 0, &mid));
	mx_obj_close(m);
	tl_reopen(t);
	m = open_msg(t->ma, mid);
	for (size_t i = 0; i < n; i++) {
		struct mx_propval v = tl_get(t, m, vals[i].tag);

		assert_true(mx_propval_equal(&v, &vals[i]));
	}
	assert_true(tl_get(t, m, T_HAS_NAMED_PROPERTIES).v.b);
	mx_obj_close(m);
	tl_close(t);
}

/* MS-OXCPRPT_R47506 */
static void test_read_only_properties_become_problems(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma);
	struct mx_propval vals[] = {
		{.tag = T_ENTRYID, .v.bin = {1, (const uint8_t *)"x"}},
		{.tag = T_SUBJECT, .v.str = "taken"},
		{.tag = T_MESSAGE_SIZE, .v.i4 = 1},
		{.tag = 0x12340001},
	};
	struct mx_propproblem *p;
	size_t n;

	ok(mx_obj_set(m, vals, 4, &t->a, &p, &n));
	assert_int_equal(n, 3);
	assert_int_equal(p[0].index, 0);
	assert_int_equal(p[0].code, 0x80070005);
	assert_int_equal(p[2].code, 0x80070057);
	assert_string_equal(tl_str(t, m, T_SUBJECT), "taken");
	mx_obj_close(m);
	tl_close(t);
}

/* MS-OXCPRPT_R486, R489, R874 */
static void test_deleted_property_is_not_found(void **state)
{
	struct tl *t = tl_open();
	uint64_t mid = tl_message(t->ma, MX_FLD_INBOX, "s");
	struct mx_obj *m = open_msg(t->ma, mid), *o;
	uint32_t tags[] = {T_SUBJECT, 0x6666001f};
	struct mx_propproblem *p;
	size_t n;

	ok(mx_obj_delete(m, tags, 2, &t->a, &p, &n));
	assert_int_equal(n, 0);
	assert_string_equal(tl_str(t, m, T_SUBJECT), "(none)");
	o = open_msg(t->ma, mid);
	assert_string_equal(tl_str(t, o, T_SUBJECT), "s");
	mx_obj_close(o);
	ok(mx_msg_save(m, 0, NULL));
	mx_obj_close(m);
	m = open_msg(t->ma, mid);
	assert_string_equal(tl_str(t, m, T_SUBJECT), "(none)");
	mx_obj_close(m);
	tl_close(t);
}

/* MS-OXCMSG_R389 to R395, R1491 */
static void test_recipients_are_kept_by_row(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma), *o;
	struct mx_recip *r, gone = {.row_id = 0};
	uint64_t mid = 0;
	size_t n;

	ok(mx_msg_recips_clear(m));
	tl_add_recip(m, 7, 2, "c@x.test");
	tl_add_recip(m, 0, 1, "a@x.test");
	tl_add_recip(m, 3, 1, "b@x.test");
	assert_string_equal(tl_str(t, m, T_DISPLAY_TO), "a@x.test; b@x.test");
	assert_string_equal(tl_str(t, m, T_DISPLAY_CC), "c@x.test");
	ok(mx_msg_save(m, MX_SAVE_READ_WRITE, &mid));
	ok(mx_msg_recips_modify(m, &gone, 1));
	ok(mx_msg_recips(m, 0, 0, &t->a, &r, &n));
	assert_int_equal(n, 2);
	o = open_msg(t->ma, mid);
	ok(mx_msg_recips(o, 1, 0, &t->a, &r, &n));
	assert_int_equal(n, 2);
	assert_int_equal(r[0].row_id, 3);
	assert_int_equal(r[1].row_id, 7);
	assert_int_equal(r[1].type, 2);
	ok(mx_msg_recips(o, 0, 1, &t->a, &r, &n));
	assert_int_equal(n, 1);
	assert_int_equal(r[0].row_id, 0);
	mx_obj_close(o);
	mx_obj_close(m);
	tl_close(t);
}

/* MS-OXCMSG_R446, R447, R1062: attachments are committed with the message. */
static void test_attachment_is_on_disk_with_its_message(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma), *att = NULL;
	uint64_t mid = 0;
	uint32_t num = 99;

	ok(mx_att_create(m, &num, &att));
	assert_int_equal(num, 0);
	assert_int_equal(tl_i4(t, att, T_RENDERING_POSITION), -1); /* R451 */
	assert_int_equal(tl_i4(t, att, T_ATTACH_NUM), 0);          /* R448 */
	tl_set_str(att, 0x3707001f, "name.txt");
	assert_false(tl_get(t, m, T_HASATTACH).v.b);
	ok(mx_att_save(att, MX_SAVE_READ_WRITE));
	assert_true(tl_get(t, m, T_HASATTACH).v.b);
	mx_obj_close(att);
	ok(mx_msg_save(m, 0, &mid));
	mx_obj_close(m);
	tl_reopen(t);
	m = open_msg(t->ma, mid);
	ok(mx_att_open(m, 0, MX_MSG_READ_WRITE, &att));
	assert_string_equal(tl_str(t, att, 0x3707001f), "name.txt");
	mx_obj_close(att);
	/* MS-OXCMSG_R1063, R469, R1523 */
	assert_int_equal(mx_att_delete(m, 5), MX_ANS_NOT_FOUND);
	ok(mx_att_delete(m, 0));
	assert_false(tl_get(t, m, T_HASATTACH).v.b);
	mx_obj_close(m);
	m = open_msg(t->ma, mid);
	assert_true(tl_get(t, m, T_HASATTACH).v.b);
	mx_obj_close(m);
	tl_close(t);
}

/* MS-OXCMSG_R481: an embedded message is saved into its attachment. */
static void test_messages_nest_and_are_saved_from_inside_out(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma), *att = NULL, *in = NULL;
	uint64_t mid = 0;
	uint32_t num;

	ok(mx_att_create(m, &num, &att));
	tl_set_i4(att, T_ATTACH_METHOD, 5);
	assert_int_equal(mx_msg_open_embedded(att, MX_MSG_READ_ONLY, 0x0fff,
					      &in, NULL),
			 MX_ANS_NOT_FOUND);
	ok(mx_msg_open_embedded(att, MX_MSG_CREATE, 0x0fff, &in, NULL));
	tl_set_str(in, T_SUBJECT, "inner");
	tl_add_recip(in, 0, 1, "a@x.test");
	ok(mx_msg_save(in, MX_SAVE_READ_WRITE, NULL));
	mx_obj_close(in);
	ok(mx_att_save(att, 0));
	mx_obj_close(att);
	ok(mx_msg_save(m, 0, &mid));
	mx_obj_close(m);
	tl_reopen(t);
	m = open_msg(t->ma, mid);
	ok(mx_att_open(m, num, MX_MSG_READ_ONLY, &att));
	ok(mx_msg_open_embedded(att, MX_MSG_READ_ONLY, 0x0fff, &in, NULL));
	assert_string_equal(tl_str(t, in, T_SUBJECT), "inner");
	assert_string_equal(tl_str(t, in, T_DISPLAY_TO), "a@x.test");
	/* any order of closing is right */
	mx_obj_close(m);
	mx_obj_close(att);
	assert_string_equal(tl_str(t, in, T_SUBJECT), "inner");
	mx_obj_close(in);
	tl_close(t);
}

static void test_nesting_has_a_bound(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *chain[2 * MX_STORE_MAX_EMBED + 4];
	int n = 0, r = 0;
	uint32_t num;

	chain[n++] = new_msg(t->ma);
	while (!r && n < (int)MX_ARRAY_SIZE(chain) - 2) {
		ok(mx_att_create(chain[n - 1], &num, &chain[n]));
		n++;
		r = mx_msg_open_embedded(chain[n - 1], MX_MSG_CREATE, 0x0fff,
					 &chain[n], NULL);
		n += r == 0;
	}
	assert_int_equal(r, MX_ANS_TOO_COMPLEX);
	assert_int_equal(n, 2 * MX_STORE_MAX_EMBED + 2);
	while (n)
		mx_obj_close(chain[--n]);
	tl_close(t);
}

static void write_all(struct mx_strm *s, size_t n)
{
	uint8_t buf[4096];

	for (size_t at = 0; at < n; at += sizeof(buf)) {
		memset(buf, (int)(at / sizeof(buf)), sizeof(buf));
		ok(mx_strm_write(s, buf,
				 n - at < sizeof(buf) ? n - at : sizeof(buf)));
	}
}

/* MS-OXCPRPT streams, sections 3.2.5.12 and following */
static void test_large_stream_reads_back_from_any_offset(void **state)
{
	enum { SIZE = 1000000 };
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma), *att = NULL;
	struct mx_strm *s = NULL;
	uint64_t mid = 0, size = 1, pos = 0;
	uint8_t byte[2];
	uint32_t num;
	size_t n;

	ok(mx_att_create(m, &num, &att));
	assert_int_equal(mx_strm_open(att, T_ATTACH_DATA_BIN, MX_STRM_READ, &s,
				      &size),
			 MX_ANS_NOT_FOUND);
	ok(mx_strm_open(att, T_ATTACH_DATA_BIN, MX_STRM_CREATE, &s, &size));
	assert_int_equal(size, 0);
	write_all(s, SIZE);
	ok(mx_strm_commit(s));
	ok(mx_strm_close(s, false));
	ok(mx_att_save(att, 0));
	mx_obj_close(att);
	ok(mx_msg_save(m, 0, &mid));
	mx_obj_close(m);
	tl_reopen(t);
	m = open_msg(t->ma, mid);
	ok(mx_att_open(m, num, MX_MSG_READ_ONLY, &att));
	ok(mx_strm_open(att, T_ATTACH_DATA_BIN, MX_STRM_READ, &s, &size));
	assert_int_equal(size, SIZE);
	ok(mx_strm_seek(s, 0, 4096 * 100 - 1, &pos));
	ok(mx_strm_read(s, byte, 2, &n));
	assert_int_equal(n, 2);
	assert_int_equal(byte[0], 99);
	assert_int_equal(byte[1], 100);
	ok(mx_strm_seek(s, 2, -1, &pos));
	ok(mx_strm_read(s, byte, 2, &n));
	assert_int_equal(n, 1);
	ok(mx_strm_read(s, byte, 2, &n));
	assert_int_equal(n, 0);
	assert_int_equal(mx_strm_seek(s, 0, -1, &pos), MX_ANS_STREAM_SEEK);
	assert_int_equal(mx_strm_seek(s, 3, 0, &pos), MX_ANS_INVALID_PARAM);
	assert_int_equal(mx_strm_write(s, byte, 1), MX_ANS_ACCESS_DENIED);
	ok(mx_strm_close(s, false));
	mx_obj_close(att);
	mx_obj_close(m);
	tl_close(t);
}

static void test_text_stream_is_utf16_on_the_wire(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma);
	struct mx_strm *s = NULL;
	uint64_t size = 0;
	uint8_t buf[16];
	size_t n;

	tl_set_str(m, T_BODY, "h\xc3\xbc");
	ok(mx_strm_open(m, T_BODY, MX_STRM_WRITE, &s, &size));
	assert_int_equal(size, 4);
	ok(mx_strm_read(s, buf, sizeof(buf), &n));
	assert_memory_equal(buf, "h\0\xfc\0", 4);
	ok(mx_strm_write(s, "!\0", 2));
	assert_string_equal(tl_str(t, m, T_BODY), "h\xc3\xbc");
	ok(mx_strm_close(s, true));
	assert_string_equal(tl_str(t, m, T_BODY), "h\xc3\xbc!");
	ok(mx_strm_open(m, T_BODY, MX_STRM_WRITE, &s, &size));
	ok(mx_strm_set_size(s, 2));
	ok(mx_strm_commit(s));
	assert_string_equal(tl_str(t, m, T_BODY), "h");
	ok(mx_strm_set_size(s, MX_STORE_MAX_VALUE));
	assert_int_equal(mx_strm_set_size(s, MX_STORE_MAX_VALUE + 1ull),
			 MX_ANS_STREAM_FULL);
	ok(mx_strm_close(s, false));
	mx_obj_close(m);
	tl_close(t);
}

/* What another session deletes is read to its end: a snapshot. */
static void test_open_message_outlives_its_replacement(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma), *o;
	char *big = malloc(100001);
	const char *s;
	uint64_t mid = 0;

	assert_non_null(big);
	memset(big, 'x', 100000);
	big[100000] = '\0';
	tl_set_str(m, T_BODY, big);
	ok(mx_msg_save(m, MX_SAVE_READ_WRITE, &mid));
	o = open_msg(t->ma, mid);
	tl_set_str(m, T_BODY, "short");
	ok(mx_msg_save(m, MX_SAVE_READ_WRITE, NULL));
	s = tl_str(t, o, T_BODY);
	assert_string_equal(s, big);
	mx_obj_close(o);
	mx_obj_close(m);
	ok(mx_mbox_check(t->ma, &t->a, &s));
	free(big);
	tl_close(t);
}

static void test_missing_body_is_made_of_the_other(void **state)
{
	static const char html[] = "<html><head><title>T</title></head><body>"
				   "<p>a &amp; b</p><p>c&#33;</p></body>";
	struct tl *t = tl_open();
	struct mx_obj *m = new_msg(t->ma);
	struct mx_propval v = {.tag = T_HTML,
			       .v.bin = {sizeof(html) - 1,
					 (const uint8_t *)html}};
	struct mx_propproblem *p;
	size_t n;

	ok(mx_obj_set(m, &v, 1, &t->a, &p, &n));
	assert_string_equal(tl_str(t, m, T_BODY), "a & b\r\nc!\r\n");
	assert_int_equal(tl_i4(t, m, T_NATIVE_BODY_INFO), 3);
	mx_obj_close(m);
	m = new_msg(t->ma);
	assert_string_equal(tl_str(t, m, T_BODY), "(none)");
	tl_set_str(m, T_BODY, "1 < 2");
	v = tl_get(t, m, T_HTML);
	assert_non_null(memmem(v.v.bin.p, v.v.bin.n, "1 &lt; 2", 8));
	mx_obj_close(m);
	tl_close(t);
}

/* MS-OXCMSG_R805 to R829, R1710: flags change, the change key does not. */
static void test_read_flag_is_set_at_once_and_keeps_the_change_key(void **state)
{
	struct tl *t = tl_open();
	uint64_t mid = tl_message(t->ma, MX_FLD_INBOX, "s");
	struct mx_obj *m = open_msg(t->ma, mid), *o;
	struct mx_propval before = tl_get(t, m, T_CHANGE_KEY), after;
	bool changed = false;

	ok(mx_msg_set_read(m, MX_RF_CLEAR_READ, &changed));
	assert_true(changed);
	o = open_msg(t->ma, mid);
	assert_false(tl_i4(t, o, T_MESSAGE_FLAGS) & (MF_READ | MF_EVERREAD));
	after = tl_get(t, o, T_CHANGE_KEY);
	assert_true(mx_propval_equal(&before, &after));
	ok(mx_msg_set_read(o, MX_RF_SUPPRESS_RECEIPT, &changed));
	assert_true(changed);
	ok(mx_msg_set_read(o, 0, &changed));
	assert_false(changed);
	/* a pending edit is not disturbed */
	tl_set_str(m, T_SUBJECT, "edited");
	ok(mx_msg_save(m, MX_SAVE_READ_WRITE, NULL));
	assert_true(tl_i4(t, m, T_MESSAGE_FLAGS) & MF_READ);
	assert_int_equal(mx_msg_set_read(m, 0x80, &changed),
			 MX_ANS_INVALID_PARAM);
	mx_obj_close(o);
	mx_obj_close(m);
	tl_close(t);
}

MX_TEST_MAIN(MX_TEST(test_new_message_has_its_initial_properties),
	     MX_TEST(test_unsaved_changes_are_seen_by_nobody_else),
	     MX_TEST(test_second_saver_gets_object_modified),
	     MX_TEST(test_deleted_message_cannot_be_saved),
	     MX_TEST(test_save_without_keep_open_closes_for_writing),
	     MX_TEST(test_subject_is_prefix_and_normalized_subject),
	     MX_TEST(test_text_comes_in_either_width),
	     MX_TEST(test_every_type_survives_the_disk),
	     MX_TEST(test_read_only_properties_become_problems),
	     MX_TEST(test_deleted_property_is_not_found),
	     MX_TEST(test_recipients_are_kept_by_row),
	     MX_TEST(test_attachment_is_on_disk_with_its_message),
	     MX_TEST(test_messages_nest_and_are_saved_from_inside_out),
	     MX_TEST(test_nesting_has_a_bound),
	     MX_TEST(test_large_stream_reads_back_from_any_offset),
	     MX_TEST(test_text_stream_is_utf16_on_the_wire),
	     MX_TEST(test_open_message_outlives_its_replacement),
	     MX_TEST(test_missing_body_is_made_of_the_other),
	     MX_TEST(test_read_flag_is_set_at_once_and_keeps_the_change_key))
