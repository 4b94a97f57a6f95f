/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Folders' messages, and sending: delivery, reports, receipts, events. */
#include <string.h>

#include "store/testlib.h"

static struct mx_obj *open_first(struct tl *t, struct mx_mbox *mb,
				 enum mx_special folder)
{
	struct mx_obj *m = NULL;
	uint64_t mid = tl_first(t, mb, folder);

	assert_int_not_equal(mid, 0);
	ok(mx_msg_open(mb, mx_mbox_info(mb)->fid[folder], mid,
		       MX_MSG_READ_WRITE, 0x0fff, &m));
	return m;
}

static void test_submit_delivers_one_copy_and_keeps_one(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = tl_draft(t->ma, "hello", t->bert.dn), *in;
	const struct mx_event *ev;

	tl_add_recip(m, 1, 2, "bert@mapiary.test"); /* the same man again */
	t->n_events = 0;
	ok(mx_msg_submit(m, 0));
	assert_int_equal(mx_msg_submit(m, 0), MX_ANS_SUBMITTED);
	mx_obj_close(m);
	assert_int_equal(tl_count(t->mb, MX_FLD_INBOX), 1);
	assert_int_equal(tl_count(t->ma, MX_FLD_SENT), 1);
	assert_int_equal(tl_count(t->ma, MX_FLD_OUTBOX), 0);
	in = open_first(t, t->mb, MX_FLD_INBOX);
	assert_string_equal(tl_str(t, in, T_SUBJECT), "hello");
	assert_string_equal(tl_str(t, in, T_SENDER_NAME), "Anna A");
	assert_string_equal(tl_str(t, in, T_RECEIVED_BY_NAME), "Bert B");
	/* MS-OXCMSG_R513: no longer unsent; and not read */
	assert_int_equal(tl_i4(t, in, T_MESSAGE_FLAGS) &
				 (MF_UNSENT | MF_READ | MF_SUBMITTED),
			 0);
	ev = tl_event_of(t, MX_EV_NEW_MAIL, mx_obj_mid(in));
	assert_non_null(ev);
	assert_string_equal(ev->message_class, "IPM.Note");
	assert_memory_equal(ev->mailbox, mx_mbox_info(t->mb)->mailbox, 16);
	mx_obj_close(in);
	m = open_first(t, t->ma, MX_FLD_SENT);
	assert_true(tl_i4(t, m, T_MESSAGE_FLAGS) & MF_READ);
	mx_obj_close(m);
	tl_close(t);
}

static void test_blind_copies_are_not_shown_to_others(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = tl_draft(t->ma, "s", t->anna.dn);
	struct mx_recip *r;
	size_t n;

	tl_add_recip(m, 1, 3, t->bert.dn);
	ok(mx_msg_submit(m, 0));
	mx_obj_close(m);
	m = open_first(t, t->mb, MX_FLD_INBOX);
	ok(mx_msg_recips(m, 0, 0, &t->a, &r, &n));
	assert_int_equal(n, 1);
	assert_string_equal(tl_str(t, m, T_DISPLAY_BCC), "");
	mx_obj_close(m);
	m = open_first(t, t->ma, MX_FLD_SENT);
	ok(mx_msg_recips(m, 0, 0, &t->a, &r, &n));
	assert_int_equal(n, 2);
	mx_obj_close(m);
	tl_close(t);
}

static void test_submit_needs_recipients(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = tl_draft(t->ma, "s", t->bert.dn);

	ok(mx_msg_recips_clear(m));
	assert_int_equal(mx_msg_submit(m, 0), MX_ANS_NO_RECIPIENTS);
	tl_add_recip(m, 0, 1, t->bert.dn);
	ok(mx_msg_submit(m, 0)); /* it could be tried again */
	mx_obj_close(m);
	tl_close(t);
}

static void test_unknown_recipient_gives_a_report(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = tl_draft(t->ma, "lost", "carl@nowhere.test");

	tl_add_recip(m, 1, 1, t->bert.dn);
	ok(mx_msg_submit(m, 0));
	mx_obj_close(m);
	assert_int_equal(tl_count(t->mb, MX_FLD_INBOX), 1);
	assert_int_equal(tl_count(t->ma, MX_FLD_INBOX), 1);
	m = open_first(t, t->ma, MX_FLD_INBOX);
	assert_string_equal(tl_str(t, m, T_MESSAGE_CLASS),
			    "REPORT.IPM.Note.NDR");
	assert_string_equal(tl_str(t, m, T_SUBJECT), "Undeliverable: lost");
	assert_non_null(strstr(tl_str(t, m, T_BODY), "carl@nowhere.test"));
	mx_obj_close(m);
	tl_close(t);
}

static void test_sent_copy_goes_where_it_is_told(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = tl_draft(t->ma, "a", t->bert.dn),
		      *drafts = tl_folder(t->ma, MX_FLD_DRAFTS);
	struct mx_propval v = tl_get(t, drafts, T_ENTRYID);
	struct mx_propval del = {.tag = T_DELETE_AFTER_SUBMIT, .v.b = true};
	struct mx_propproblem *p;
	size_t n;

	v.tag = T_SENTMAIL_ENTRYID;
	ok(mx_obj_set(m, &v, 1, &t->a, &p, &n));
	ok(mx_msg_submit(m, 0));
	mx_obj_close(m);
	assert_int_equal(tl_count(t->ma, MX_FLD_DRAFTS), 1);
	m = tl_draft(t->ma, "b", t->bert.dn);
	ok(mx_obj_set(m, &del, 1, &t->a, &p, &n));
	ok(mx_msg_submit(m, 0));
	mx_obj_close(m);
	assert_int_equal(tl_count(t->ma, MX_FLD_SENT), 0);
	assert_int_equal(tl_count(t->mb, MX_FLD_INBOX), 2);
	mx_obj_close(drafts);
	tl_close(t);
}

static void test_content_arrives_byte_for_byte(void **state)
{
	struct tl *t = tl_open();
	struct mx_propname name = {
		.kind = MX_KIND_NAME, .guid = {{5}}, .name = "colour"};
	struct mx_obj *m = tl_draft(t->ma, "s", t->bert.dn), *att, *in;
	struct mx_strm *s;
	uint8_t buf[3000], back[3000];
	uint16_t id_a, id_b, filler;
	uint64_t size;
	uint32_t num;
	size_t n;

	/* ids differ between the two mailboxes */
	ok(mx_mbox_ids_from_names(t->mb,
				  &(struct mx_propname){.kind = MX_KIND_LID,
							.guid = {{6}},
							.lid = 1},
				  1, true, &filler, NULL));
	ok(mx_mbox_ids_from_names(t->ma, &name, 1, true, &id_a, NULL));
	tl_set_str(m, MX_PROP_TAG(MX_PT_UNICODE, id_a), "green");
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i * 31);
	ok(mx_att_create(m, &num, &att));
	ok(mx_strm_open(att, T_ATTACH_DATA_BIN, MX_STRM_CREATE, &s, &size));
	for (int i = 0; i < 200; i++)
		ok(mx_strm_write(s, buf, sizeof(buf)));
	ok(mx_strm_close(s, true));
	ok(mx_att_save(att, 0));
	mx_obj_close(att);
	ok(mx_msg_submit(m, 0));
	mx_obj_close(m);
	tl_reopen(t);
	in = open_first(t, t->mb, MX_FLD_INBOX);
	ok(mx_mbox_ids_from_names(t->mb, &name, 1, false, &id_b, NULL));
	assert_int_not_equal(id_a, id_b);
	assert_string_equal(tl_str(t, in, MX_PROP_TAG(MX_PT_UNICODE, id_b)),
			    "green");
	ok(mx_att_open(in, num, MX_MSG_READ_ONLY, &att));
	ok(mx_strm_open(att, T_ATTACH_DATA_BIN, MX_STRM_READ, &s, &size));
	assert_int_equal(size, 200 * sizeof(buf));
	for (int i = 0; i < 200; i++) {
		ok(mx_strm_read(s, back, sizeof(back), &n));
		assert_int_equal(n, sizeof(back));
		assert_memory_equal(buf, back, sizeof(buf));
	}
	ok(mx_strm_close(s, false));
	mx_obj_close(att);
	mx_obj_close(in);
	tl_close(t);
}

static void test_read_receipt_comes_once(void **state)
{
	struct mx_propval want = {.tag = T_READ_RECEIPT_REQUESTED, .v.b = true};
	struct tl *t = tl_open();
	struct mx_obj *m = tl_draft(t->ma, "please", t->bert.dn), *in;
	struct mx_propproblem *p;
	bool changed;
	size_t n;

	ok(mx_obj_set(m, &want, 1, &t->a, &p, &n));
	ok(mx_msg_submit(m, 0));
	mx_obj_close(m);
	in = open_first(t, t->mb, MX_FLD_INBOX);
	/* MS-OXCMSG_R529 */
	assert_true(tl_i4(t, in, T_MESSAGE_FLAGS) & MF_NOTIFYREAD);
	ok(mx_msg_set_read(in, 0, &changed)); /* MS-OXCMSG_R815 */
	ok(mx_msg_set_read(in, MX_RF_CLEAR_READ, &changed));
	ok(mx_msg_set_read(in, 0, &changed));
	mx_obj_close(in);
	assert_int_equal(tl_count(t->ma, MX_FLD_INBOX), 1);
	m = open_first(t, t->ma, MX_FLD_INBOX);
	assert_string_equal(tl_str(t, m, T_MESSAGE_CLASS),
			    "REPORT.IPM.Note.IPNRN");
	assert_string_equal(tl_str(t, m, T_SENDER_NAME), "Bert B");
	mx_obj_close(m);
	tl_close(t);
}

/* MS-OXCMSG_R817, R829: receipts taken back; a non-read one on deletion. */
static void test_unread_deletion_is_reported_unless_taken_back(void **state)
{
	struct mx_propval want = {.tag = T_READ_RECEIPT_REQUESTED, .v.b = true};
	struct tl *t = tl_open();
	struct mx_obj *f = tl_folder(t->mb, MX_FLD_INBOX), *m;
	struct mx_propproblem *p;
	bool partial;
	uint64_t mid;
	size_t n;

	for (int i = 0; i < 2; i++) {
		m = tl_draft(t->ma, "please", t->bert.dn);
		ok(mx_obj_set(m, &want, 1, &t->a, &p, &n));
		ok(mx_msg_submit(m, 0));
		mx_obj_close(m);
		mid = tl_first(t, t->mb, MX_FLD_INBOX);
		if (i)
			ok(mx_folder_set_read(f, &mid, 1,
					      MX_RF_CLEAR_NOTIFY_UNREAD,
					      &partial));
		ok(mx_folder_delete_msgs(f, &mid, 1, false, true, &partial));
		assert_int_equal(tl_count(t->ma, MX_FLD_INBOX), 1);
	}
	m = open_first(t, t->ma, MX_FLD_INBOX);
	assert_string_equal(tl_str(t, m, T_MESSAGE_CLASS),
			    "REPORT.IPM.Note.IPNNRN");
	mx_obj_close(m);
	mx_obj_close(f);
	tl_close(t);
}

static void test_only_the_granted_send_as_another(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *m = tl_draft(t->ma, "s", t->bert.dn);

	tl_set_str(m, T_SENT_REPRESENTING_EMAIL, t->bert.dn);
	assert_int_equal(mx_msg_submit(m, 0), MX_ANS_ACCESS_DENIED);
	ok(mx_dir_grant(t->st, "bert", "anna", MX_GRANT_SEND_BEHALF));
	ok(mx_msg_submit(m, 0));
	mx_obj_close(m);
	m = open_first(t, t->mb, MX_FLD_INBOX);
	assert_string_equal(tl_str(t, m, T_SENDER_NAME), "Anna A");
	assert_string_equal(tl_str(t, m, T_SENT_REPRESENTING_NAME), "Bert B");
	mx_obj_close(m);
	tl_close(t);
}

/* ---- Folders ---- */

/* MS-OXCFOLD_R1065, R481, R482, R483, R487, R495, R49601 */
static void test_folder_names_are_unique_among_siblings(void **state)
{
	struct mx_folder_new how = {.type = MX_FOLDER_GENERIC, .name = "Sub"};
	struct tl *t = tl_open();
	struct mx_obj *inbox = tl_folder(t->ma, MX_FLD_INBOX), *a, *b, *store;
	struct mx_propval v = {.tag = T_DISPLAY_NAME, .v.str = "SUB"};
	struct mx_propproblem *p;
	bool existed;
	size_t n;

	ok(mx_folder_create(inbox, &how, &a, &existed));
	assert_false(existed);
	how.name = "sub";
	assert_int_equal(mx_folder_create(inbox, &how, &b, &existed),
			 MX_ANS_DUPLICATE_NAME);
	how.open_existing = true;
	ok(mx_folder_create(inbox, &how, &b, &existed));
	assert_true(existed);
	assert_int_equal(mx_obj_fid(a), mx_obj_fid(b));
	mx_obj_close(b);
	how.name = "other";
	ok(mx_folder_create(inbox, &how, &b, &existed));
	assert_int_equal(mx_obj_set(b, &v, 1, &t->a, &p, &n),
			 MX_ANS_DUPLICATE_NAME);
	assert_string_equal(tl_str(t, b, T_DISPLAY_NAME), "other");
	mx_obj_close(b);
	how.type = 9;
	assert_int_equal(mx_folder_create(inbox, &how, &b, &existed),
			 MX_ANS_INVALID_PARAM);
	how.type = MX_FOLDER_GENERIC;
	how.name = "";
	assert_int_equal(mx_folder_create(inbox, &how, &b, &existed),
			 MX_ANS_INVALID_PARAM);
	ok(mx_mbox_obj(t->ma, &store));
	how.name = "x";
	assert_int_equal(mx_folder_create(store, &how, &b, &existed),
			 MX_ANS_NOT_SUPPORTED);
	mx_obj_close(store);
	mx_obj_close(a);
	mx_obj_close(inbox);
	tl_close(t);
}

/* MS-OXCFOLD_R371, R816, R817, R1079, R497, R498, R471, R1234, R503 */
static void test_folder_is_deleted_as_the_flags_say(void **state)
{
	struct mx_folder_new how = {.type = MX_FOLDER_GENERIC, .name = "sub"};
	struct tl *t = tl_open();
	struct mx_obj *inbox = tl_folder(t->ma, MX_FLD_INBOX), *a, *m = NULL,
		      *ipm = tl_folder(t->ma, MX_FLD_IPM), *gone;
	bool existed, partial;
	const char *text;
	uint64_t fid;

	ok(mx_folder_create(inbox, &how, &a, &existed));
	fid = mx_obj_fid(a);
	ok(mx_msg_create(t->ma, fid, false, 0x0fff, &m));
	ok(mx_msg_save(m, 0, NULL));
	mx_obj_close(m);
	mx_obj_close(a);
	ok(mx_folder_delete(inbox, fid, MX_DEL_FOLDERS, &partial));
	assert_true(partial);
	assert_int_equal(mx_folder_delete(inbox, fid, 0x40, &partial),
			 MX_ANS_INVALID_PARAM);
	ok(mx_folder_delete(inbox, fid, MX_DEL_MESSAGES, &partial));
	assert_false(partial);
	assert_int_equal(mx_folder_open(t->ma, fid, 0, &gone),
			 MX_ANS_NOT_FOUND);
	ok(mx_folder_open(t->ma, fid, MX_OPEN_SOFT_DELETED, &gone));
	mx_obj_close(gone);
	/* its name is free again */
	ok(mx_folder_create(inbox, &how, &a, &existed));
	assert_false(existed);
	fid = mx_obj_fid(a);
	mx_obj_close(a);
	ok(mx_folder_delete(inbox, fid, MX_DEL_HARD, &partial));
	assert_int_equal(mx_folder_open(t->ma, fid, MX_OPEN_SOFT_DELETED,
					&gone),
			 MX_ANS_NOT_FOUND);
	assert_int_equal(mx_folder_delete(ipm, mx_obj_fid(inbox), 0, &partial),
			 MX_ANS_ACCESS_DENIED);
	ok(mx_mbox_check(t->ma, &t->a, &text));
	mx_obj_close(inbox);
	mx_obj_close(ipm);
	tl_close(t);
}

static void test_soft_deleted_message_needs_its_flag(void **state)
{
	struct tl *t = tl_open();
	uint64_t mid = tl_message(t->ma, MX_FLD_INBOX, "s"),
		 fid = mx_mbox_info(t->ma)->fid[MX_FLD_INBOX];
	struct mx_obj *f = tl_folder(t->ma, MX_FLD_INBOX), *m = NULL;
	bool partial;

	ok(mx_folder_delete_msgs(f, &mid, 1, false, false, &partial));
	assert_int_equal(tl_count(t->ma, MX_FLD_INBOX), 0);
	/* MS-OXCMSG_R325, R326, R335 */
	assert_int_equal(mx_msg_open(t->ma, fid, mid, 0, 0x0fff, &m),
			 MX_ANS_NOT_FOUND);
	ok(mx_msg_open(t->ma, fid, mid, MX_MSG_SOFT_DELETED, 0x0fff, &m));
	mx_obj_close(m);
	ok(mx_folder_delete_msgs(f, &mid, 1, true, false, &partial));
	assert_false(partial);
	assert_int_equal(mx_msg_open(t->ma, fid, mid, MX_MSG_SOFT_DELETED,
				     0x0fff, &m),
			 MX_ANS_NOT_FOUND);
	ok(mx_folder_delete_msgs(f, &mid, 1, true, false, &partial));
	assert_true(partial);
	mx_obj_close(f);
	tl_close(t);
}

/* MS-OXCFOLD_R586 and events of moves and copies */
static void test_messages_move_and_copy_also_across_mailboxes(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *inbox = tl_folder(t->ma, MX_FLD_INBOX),
		      *notes = tl_folder(t->ma, MX_FLD_NOTES), *there, *m;
	uint64_t mids[2] = {tl_message(t->ma, MX_FLD_INBOX, "a"), 0x770001};
	const struct mx_event *ev;
	struct mx_mbox *other;
	const char *text;
	bool partial;

	t->n_events = 0;
	ok(mx_folder_move_copy(inbox, notes, mids, 2, true, &partial));
	assert_true(partial);
	assert_int_equal(tl_count(t->ma, MX_FLD_INBOX), 1);
	assert_int_equal(tl_count(t->ma, MX_FLD_NOTES), 1);
	ev = tl_event_of(t, MX_EV_COPIED, tl_first(t, t->ma, MX_FLD_NOTES));
	assert_non_null(ev);
	assert_int_equal(ev->old_mid, mids[0]);
	ok(mx_folder_move_copy(inbox, notes, mids, 1, false, &partial));
	assert_false(partial);
	assert_int_equal(tl_count(t->ma, MX_FLD_INBOX), 0);
	assert_int_equal(tl_count(t->ma, MX_FLD_NOTES), 2);
	ok(mx_dir_grant(t->st, "bert", "anna", MX_GRANT_FULL));
	other = tl_mbox(t, &t->bert, &t->anna);
	there = tl_folder(other, MX_FLD_INBOX);
	mids[0] = tl_first(t, t->ma, MX_FLD_NOTES);
	ok(mx_folder_move_copy(notes, there, mids, 1, false, &partial));
	assert_false(partial);
	assert_int_equal(tl_count(t->ma, MX_FLD_NOTES), 1);
	m = open_first(t, other, MX_FLD_INBOX);
	assert_string_equal(tl_str(t, m, T_SUBJECT), "a");
	mx_obj_close(m);
	mx_obj_close(there);
	mx_mbox_close(other);
	ok(mx_mbox_check(t->ma, &t->a, &text));
	mx_obj_close(inbox);
	mx_obj_close(notes);
	tl_close(t);
}

static void test_counts_follow_what_is_done(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *f = tl_folder(t->ma, MX_FLD_INBOX);
	struct mx_folder_counts c;
	const char *text;
	bool partial;

	for (int i = 0; i < 4; i++)
		tl_message(t->ma, MX_FLD_INBOX, "x");
	ok(mx_folder_set_read(f, NULL, 0, MX_RF_CLEAR_READ, &partial));
	ok(mx_folder_counts(f, &c));
	assert_int_equal(c.total, 4);
	assert_int_equal(c.unread, 4);
	assert_int_equal(tl_i4(t, f, T_CONTENT_COUNT), 4);
	assert_int_equal(tl_i4(t, f, T_CONTENT_UNREAD), 4);
	assert_true(tl_i4(t, f, T_MESSAGE_SIZE) > 0);
	ok(mx_mbox_check(t->ma, &t->a, &text));
	mx_obj_close(f);
	tl_close(t);
}

MX_TEST_MAIN(MX_TEST(test_submit_delivers_one_copy_and_keeps_one),
	     MX_TEST(test_blind_copies_are_not_shown_to_others),
	     MX_TEST(test_submit_needs_recipients),
	     MX_TEST(test_unknown_recipient_gives_a_report),
	     MX_TEST(test_sent_copy_goes_where_it_is_told),
	     MX_TEST(test_content_arrives_byte_for_byte),
	     MX_TEST(test_read_receipt_comes_once),
	     MX_TEST(test_unread_deletion_is_reported_unless_taken_back),
	     MX_TEST(test_only_the_granted_send_as_another),
	     MX_TEST(test_folder_names_are_unique_among_siblings),
	     MX_TEST(test_folder_is_deleted_as_the_flags_say),
	     MX_TEST(test_soft_deleted_message_needs_its_flag),
	     MX_TEST(test_messages_move_and_copy_also_across_mailboxes),
	     MX_TEST(test_counts_follow_what_is_done))
