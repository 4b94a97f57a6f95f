/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The directory, opening mailboxes, standard folders, ids and names. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/obj-private.h"
#include "store/testlib.h"

static void test_directory_knows_users_by_every_name(void **state)
{
	struct tl *t = tl_open();
	struct mx_user u;

	ok(mx_dir_by_name(t->st, "ANNA", &t->a, &u));
	assert_int_equal(u.id, t->anna.id);
	ok(mx_dir_by_dn(t->st, t->anna.dn, &t->a, &u));
	ok(mx_dir_by_smtp(t->st, "anna@mapiary.test", &t->a, &u));
	ok(mx_dir_by_sid(t->st, t->anna.sid, t->anna.sid_len, &t->a, &u));
	ok(mx_dir_by_mailbox(t->st, t->anna.mailbox, &t->a, &u));
	ok(mx_dir_any(t->st, "SMTP:Anna@mapiary.test", &t->a, &u));
	assert_string_equal(u.display, "Anna A");
	assert_memory_not_equal(t->anna.sid, t->bert.sid, 28);
	assert_int_equal(mx_dir_by_name(t->st, "carl", &t->a, &u),
			 MX_ANS_UNKNOWN_USER);
	tl_close(t);
}

static void test_second_user_of_a_name_is_refused(void **state)
{
	struct tl *t = tl_open();
	struct mx_user u = {.name = "Anna"};

	assert_int_equal(mx_dir_add(t->st, &u, "x", &t->a, NULL),
			 MX_ANS_EXISTS);
	u = (struct mx_user){.name = "other", .smtp = "ANNA@mapiary.test"};
	assert_int_equal(mx_dir_add(t->st, &u, "x", &t->a, NULL),
			 MX_ANS_EXISTS);
	u.name = "";
	assert_int_equal(mx_dir_add(t->st, &u, "x", &t->a, NULL),
			 MX_ANS_INVALID_PARAM);
	tl_close(t);
}

static void test_password_is_checked_and_its_change_ends_the_old(void **state)
{
	struct tl *t = tl_open();
	uint64_t gen = 0;

	ok(mx_dir_check(t->st, "anna", "secret", &gen));
	assert_int_equal(gen, mx_dir_pw_gen(t->st, "anna"));
	assert_int_equal(mx_dir_check(t->st, "anna", "Secret", NULL),
			 MX_ANS_BAD_PASSWORD);
	assert_int_equal(mx_dir_check(t->st, "nobody", "secret", NULL),
			 MX_ANS_BAD_PASSWORD);
	ok(mx_dir_set_password(t->st, "anna", "new"));
	assert_int_not_equal(gen, mx_dir_pw_gen(t->st, "anna"));
	assert_int_equal(mx_dir_check(t->st, "anna", "secret", NULL),
			 MX_ANS_BAD_PASSWORD);
	ok(mx_dir_check(t->st, "anna", "new", NULL));
	ok(mx_dir_set_disabled(t->st, "anna", true));
	assert_int_equal(mx_dir_check(t->st, "anna", "new", NULL),
			 MX_ANS_BAD_PASSWORD);
	assert_int_equal(mx_dir_pw_gen(t->st, "anna"), 0);
	tl_close(t);
}

static void test_only_the_granted_open_anothers_mailbox(void **state)
{
	struct tl *t = tl_open();
	struct mx_mbox_conf conf = {.user = t->bert.id};
	struct mx_mbox *mb = NULL;
	struct mx_obj *m = NULL;

	memcpy(conf.mailbox, t->anna.mailbox, 16);
	assert_int_equal(mx_mbox_open(t->st, &conf, &mb), MX_ANS_ACCESS_DENIED);
	ok(mx_dir_grant(t->st, "anna", "bert", MX_GRANT_READ));
	ok(mx_mbox_open(t->st, &conf, &mb));
	assert_false(mx_mbox_info(mb)->is_owner);
	/* MS-OXCMSG_R369: no permission to create */
	assert_int_equal(mx_msg_create(mb, mx_mbox_info(mb)->fid[MX_FLD_INBOX],
				       false, 0x0fff, &m),
			 MX_ANS_ACCESS_DENIED);
	mx_mbox_close(mb);
	tl_close(t);
}

static void test_removed_user_takes_his_mailbox_along(void **state)
{
	struct tl *t = tl_open();
	struct mx_mbox_conf conf = {.user = t->anna.id};
	struct mx_mbox *mb = NULL;

	memcpy(conf.mailbox, t->bert.mailbox, 16);
	ok(mx_dir_grant(t->st, "bert", "anna", MX_GRANT_FULL));
	ok(mx_dir_remove(t->st, "bert"));
	assert_int_equal(mx_mbox_open(t->st, &conf, &mb), MX_ANS_UNKNOWN_USER);
	/* who has it open goes on to his end */
	assert_int_equal(tl_count(t->mb, MX_FLD_INBOX), 0);
	tl_close(t);
}

static void test_new_mailbox_has_the_standard_folders(void **state)
{
	static const struct {
		enum mx_special f;
		const char *name, *class;
	} want[] = {
		{MX_FLD_IPM, "Top of Information Store", "(none)"},
		{MX_FLD_INBOX, "Inbox", "IPF.Note"},
		{MX_FLD_CALENDAR, "Calendar", "IPF.Appointment"},
		{MX_FLD_CONTACTS, "Contacts", "IPF.Contact"},
		{MX_FLD_NOTES, "Notes", "IPF.StickyNote"},
		{MX_FLD_TASKS, "Tasks", "IPF.Task"},
		{MX_FLD_JOURNAL, "Journal", "IPF.Journal"},
	};
	struct tl *t = tl_open();

	for (size_t i = 0; i < MX_ARRAY_SIZE(want); i++) {
		struct mx_obj *f = tl_folder(t->ma, want[i].f);

		assert_string_equal(tl_str(t, f, T_DISPLAY_NAME), want[i].name);
		assert_string_equal(tl_str(t, f, T_CONTAINER_CLASS),
				    want[i].class);
		mx_obj_close(f);
	}
	tl_close(t);
}

static void link_leads_to(struct tl *t, struct mx_obj *o, uint32_t tag,
			  enum mx_special which)
{
	struct mx_propval v = tl_get(t, o, tag);
	uint64_t fid = 0, mid = 1;

	assert_int_equal(v.tag, tag);
	ok(mx_mbox_id_from_entryid(t->ma, v.v.bin.p, v.v.bin.n, &fid, &mid));
	assert_int_equal(fid, mx_mbox_info(t->ma)->fid[which]);
	assert_int_equal(mid, 0);
}

static void test_special_folders_are_found_by_property(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *o = tl_folder(t->ma, MX_FLD_INBOX);

	link_leads_to(t, o, T_IPM_APPOINTMENT_ENTRYID, MX_FLD_CALENDAR);
	link_leads_to(t, o, T_IPM_DRAFTS_ENTRYID, MX_FLD_DRAFTS);
	mx_obj_close(o);
	ok(mx_mbox_obj(t->ma, &o));
	link_leads_to(t, o, T_IPM_SUBTREE_ENTRYID, MX_FLD_IPM);
	link_leads_to(t, o, T_IPM_SENTMAIL_ENTRYID, MX_FLD_SENT);
	link_leads_to(t, o, T_IPM_WASTEBASKET_ENTRYID, MX_FLD_DELETED);
	assert_string_equal(tl_str(t, o, T_MAILBOX_OWNER_NAME), "Anna A");
	mx_obj_close(o);
	tl_close(t);
}

static void test_long_ids_convert_both_ways(void **state)
{
	struct tl *t = tl_open();
	uint64_t fid = mx_mbox_info(t->ma)->fid[MX_FLD_INBOX], id = 0;
	uint8_t guid[16], cnt[6], foreign[16] = {1, 2, 3};

	ok(mx_mbox_long_from_id(t->ma, fid, guid, cnt));
	ok(mx_mbox_id_from_long(t->ma, guid, cnt, &id));
	assert_int_equal(id, fid);
	/* a replica we do not know yet gets an id that stays */
	ok(mx_mbox_id_from_long(t->ma, foreign, cnt, &id));
	assert_int_not_equal(id & 0xffff, MX_STORE_REPLID);
	tl_reopen(t);
	ok(mx_mbox_long_from_id(t->ma, id, guid, cnt));
	assert_memory_equal(guid, foreign, 16);
	assert_int_equal(mx_mbox_long_from_id(t->ma, 0x7777, guid, cnt),
			 MX_ANS_NOT_FOUND);
	tl_close(t);
}

static void test_receive_folder_is_the_longest_prefix(void **state)
{
	struct tl *t = tl_open();
	const char *class = NULL;
	uint64_t fid = 0;

	ok(mx_mbox_receive_folder(t->ma, "IPM.Note.Foo", &t->a, &fid, &class));
	assert_string_equal(class, "IPM");
	ok(mx_mbox_receive_folder(t->ma, "ipm", &t->a, &fid, &class));
	assert_string_equal(class, "IPM");
	ok(mx_mbox_receive_folder(t->ma, "IPMX", &t->a, &fid, &class));
	assert_string_equal(class, "");
	assert_int_equal(fid, mx_mbox_info(t->ma)->fid[MX_FLD_INBOX]);
	assert_int_equal(mx_mbox_receive_folder(t->ma, "IPM..x", &t->a, &fid,
						&class),
			 MX_ANS_INVALID_PARAM);
	tl_close(t);
}

static void test_named_properties_keep_their_ids(void **state)
{
	struct tl *t = tl_open();
	struct mx_propname n[3] = {
		{.kind = MX_KIND_LID, .guid = {{9}}, .lid = 0x8005},
		{.kind = MX_KIND_NAME, .guid = {{9}}, .name = "Farbe"},
		{.kind = MX_KIND_LID,
		 .guid = {{0x28, 0x03, 0x02, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0,
			   0, 0x46}},
		 .lid = 0x37},
	};
	struct mx_propname *back;
	uint16_t ids[3], again[3];
	size_t missing = 0;

	ok(mx_mbox_ids_from_names(t->ma, n, 3, false, ids, &missing));
	assert_int_equal(missing, 2);
	assert_int_equal(ids[2], 0x37); /* PS_MAPI names are ids */
	ok(mx_mbox_ids_from_names(t->ma, n, 3, true, ids, &missing));
	assert_int_equal(missing, 0);
	assert_true(ids[0] >= 0x8000 && ids[1] >= 0x8000 && ids[0] != ids[1]);
	tl_reopen(t);
	ok(mx_mbox_ids_from_names(t->ma, n, 3, false, again, &missing));
	assert_memory_equal(ids, again, sizeof(ids));
	ok(mx_mbox_names_from_ids(t->ma, ids, 3, &t->a, &back));
	assert_string_equal(back[1].name, "Farbe");
	assert_int_equal(back[0].lid, 0x8005);
	tl_close(t);
}

static int32_t content_count(struct tl *t, struct mx_obj *o)
{
	return tl_i4(t, o, T_CONTENT_COUNT);
}

/* folder-cache.c: what is kept is what the database says, always. */
static void test_an_open_folder_shows_every_change_at_once(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *inbox = tl_folder(t->ma, MX_FLD_INBOX);
	struct mx_obj *others[6];

	assert_int_equal(content_count(t, inbox), 0);
	for (int i = 1; i < 4; i++) {
		tl_message(t->ma, MX_FLD_INBOX, "one more");
		assert_int_equal(content_count(t, inbox), i);
		assert_int_equal(content_count(t, inbox), i);
	}
	tl_set_str(inbox, T_COMMENT, "first");
	assert_string_equal(tl_str(t, inbox, T_COMMENT), "first");
	tl_set_str(inbox, T_COMMENT, "second");
	assert_string_equal(tl_str(t, inbox, T_COMMENT), "second");
	/* More folders than rows are kept for, by turns. */
	for (int i = 0; i < 6; i++)
		others[i] = tl_folder(t->ma, MX_FLD_OUTBOX + i);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 6; i++)
			assert_int_equal(content_count(t, others[i]), 0);
	assert_int_equal(content_count(t, inbox), 3);
	for (int i = 0; i < 6; i++)
		mx_obj_close(others[i]);
	mx_obj_close(inbox);
	tl_close(t);
}

/* What was read in a transaction that is rolled back is not kept. */
static void test_a_rolled_back_change_is_not_remembered(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *inbox = tl_folder(t->ma, MX_FLD_INBOX);
	struct mx_mdb *db = inbox->db;
	const struct mx_frow *row;

	tl_set_str(inbox, T_COMMENT, "kept");
	mx_mdb_lock(db);
	{
		MX_AUTO(mx_frow_auto) struct mx_frow own = {0}, again = {0};
		MX_MTXN(txn);

		ok(mx_mtxn_begin(&txn, db));
		ok(mx_folder_load(db, inbox->fid, &own));
		ok(mx_bag_set_str(&own.bag, T_COMMENT, "taken back"));
		ok(mx_folder_write(db, &own));
		ok(mx_folder_peek(db, inbox->fid, &again, &row));
		assert_string_equal(mx_bag_str(&row->bag, T_COMMENT, ""),
				    "taken back");
	}
	mx_mdb_unlock(db);
	assert_string_equal(tl_str(t, inbox, T_COMMENT), "kept");
	mx_obj_close(inbox);
	tl_close(t);
}

static void test_cache_of_open_mailboxes_is_bounded(void **state)
{
	struct mx_store_conf conf = {.max_open = 2};
	struct tl *t = tl_open();
	struct mx_user u[3];
	struct mx_mbox *mb = NULL;
	char name[16];

	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		ok(mx_dir_add(
			t->st,
			&(struct mx_user){.name = mx_arena_strdup(&t->a, name)},
			NULL, &t->a, &u[i]));
	}
	tl_close_store(t);
	ok(mx_store_open(t->dir, &conf, &t->st));
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 3; i++) {
			mb = tl_mbox(t, &u[i], &u[i]);
			assert_int_equal(tl_count(mb, MX_FLD_INBOX), 0);
			mx_mbox_close(mb);
		}
	mx_store_close(t->st);
	t->st = NULL;
	tl_close(t);
}

/* Who is logged on and does nothing holds no connection against others, and
 * finds everything as it was: objects, what is not saved, tables. */
static void test_more_mailboxes_in_use_than_connections(void **state)
{
	enum { N = 6 };
	struct mx_store_conf conf = {.max_open = 3};
	struct tl *t = tl_open();
	struct mx_mbox *mb[N];
	struct mx_obj *inbox[N], *draft[N];
	struct mx_user u[N];
	char name[16];

	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		ok(mx_dir_add(
			t->st,
			&(struct mx_user){.name = mx_arena_strdup(&t->a, name)},
			NULL, &t->a, &u[i]));
	}
	tl_close_store(t);
	ok(mx_store_open(t->dir, &conf, &t->st));
	for (int i = 0; i < N; i++) {
		mb[i] = tl_mbox(t, &u[i], &u[i]);
		inbox[i] = tl_folder(mb[i], MX_FLD_INBOX);
		draft[i] = tl_draft(mb[i], "not saved", "user0");
	}
	for (int round = 1; round < 4; round++)
		for (int i = 0; i < N; i++) {
			tl_message(mb[i], MX_FLD_INBOX, "saved");
			assert_int_equal(content_count(t, inbox[i]), round);
			assert_string_equal(tl_str(t, draft[i], T_SUBJECT),
					    "not saved");
		}
	for (int i = 0; i < N; i++) {
		mx_obj_close(draft[i]);
		mx_obj_close(inbox[i]);
		mx_mbox_close(mb[i]);
	}
	mx_store_close(t->st);
	t->st = NULL;
	tl_close(t);
}

static void test_second_process_is_kept_out(void **state)
{
	struct tl *t = tl_open();
	struct mx_store *other = NULL;

	assert_int_equal(mx_store_open(t->dir, NULL, &other), -EBUSY);
	tl_close(t);
}

static void test_orphaned_database_is_swept(void **state)
{
	struct tl *t = tl_open();
	char path[640];
	struct stat st;
	FILE *f;

	snprintf(path, sizeof(path),
		 "%s/mailboxes/00000000-0000-0000-0000-000000000001.db",
		 t->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	tl_reopen(t);
	assert_int_equal(stat(path, &st), -1);
	tl_close(t);
}

MX_TEST_MAIN(MX_TEST(test_directory_knows_users_by_every_name),
	     MX_TEST(test_second_user_of_a_name_is_refused),
	     MX_TEST(test_password_is_checked_and_its_change_ends_the_old),
	     MX_TEST(test_only_the_granted_open_anothers_mailbox),
	     MX_TEST(test_removed_user_takes_his_mailbox_along),
	     MX_TEST(test_new_mailbox_has_the_standard_folders),
	     MX_TEST(test_special_folders_are_found_by_property),
	     MX_TEST(test_long_ids_convert_both_ways),
	     MX_TEST(test_receive_folder_is_the_longest_prefix),
	     MX_TEST(test_named_properties_keep_their_ids),
	     MX_TEST(test_an_open_folder_shows_every_change_at_once),
	     MX_TEST(test_a_rolled_back_change_is_not_remembered),
	     MX_TEST(test_cache_of_open_mailboxes_is_bounded),
	     MX_TEST(test_more_mailboxes_in_use_than_connections),
	     MX_TEST(test_second_process_is_kept_out),
	     MX_TEST(test_orphaned_database_is_swept))
