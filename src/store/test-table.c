/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Tables: order, cursor, changes while others write.  Restrictions:
 * test-restrict.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/rand.h"
#include "store/testlib.h"

static const char *sorted(struct tl *t, struct mx_tbl *tbl, uint32_t tag,
			  bool desc)
{
	struct mx_sort key = {.tag = tag, .descending = desc};

	ok(mx_tbl_sort(tbl, &key, 1));
	return tl_subjects(t, tbl);
}

/* MS-OXCTABL_R437 */
static void test_rows_sort_without_regard_to_case(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *f;
	struct mx_tbl *tbl;

	tl_message(t->ma, MX_FLD_INBOX, "banana");
	tl_message(t->ma, MX_FLD_INBOX, "Apple");
	tl_message(t->ma, MX_FLD_INBOX, "\xc3\xa4pfel"); /* ä */
	tl_message(t->ma, MX_FLD_INBOX, "RE: cherry");
	tbl = tl_contents(t, &f);
	assert_string_equal(sorted(t, tbl, T_SUBJECT, false),
			    "\xc3\xa4pfel,Apple,banana,RE: cherry");
	assert_string_equal(sorted(t, tbl, T_SUBJECT, true),
			    "RE: cherry,banana,Apple,\xc3\xa4pfel");
	assert_string_equal(sorted(t, tbl, T_NORMALIZED_SUBJECT, false),
			    "\xc3\xa4pfel,Apple,banana,RE: cherry");
	/* MS-OXCTABL_R440: no order given, the order of arrival */
	ok(mx_tbl_sort(tbl, NULL, 0));
	assert_string_equal(tl_subjects(t, tbl),
			    "banana,Apple,\xc3\xa4pfel,RE: cherry");
	mx_tbl_close(tbl);
	mx_obj_close(f);
	tl_close(t);
}

/* A property without a column of its own sorts and restricts as well. */
static void test_any_property_can_be_a_key(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *f, *m;
	struct mx_tbl *tbl;
	char subject[8];

	for (int i = 0; i < 5; i++) {
		m = NULL;
		snprintf(subject, sizeof(subject), "m%d", i);
		ok(mx_msg_create(t->ma, mx_mbox_info(t->ma)->fid[MX_FLD_INBOX],
				 false, 0x0fff, &m));
		tl_set_str(m, T_SUBJECT, subject);
		if (i != 3)
			tl_set_i4(m, 0x66660003, (i * 7) % 5);
		ok(mx_msg_save(m, 0, NULL));
		mx_obj_close(m);
	}
	tbl = tl_contents(t, &f);
	/* values 0 2 4 - 3: the missing one first */
	assert_string_equal(sorted(t, tbl, 0x66660003, false),
			    "m3,m0,m1,m4,m2");
	assert_string_equal(sorted(t, tbl, 0x66660003, true), "m2,m4,m1,m0,m3");
	mx_tbl_close(tbl);
	mx_obj_close(f);
	tl_close(t);
}

static int count_rows(void *arg, const struct mx_propval *vals, size_t n)
{
	uint32_t *left = arg;

	return *left ? (*left)--, 0 : 1;
}

static uint32_t query(struct mx_tbl *tbl, struct mx_query q, uint32_t fits,
		      enum mx_origin *origin)
{
	uint32_t n = 99;

	ok(mx_tbl_query(tbl, &q, count_rows, &fits, &n, origin));
	return n;
}

static void at(struct mx_tbl *tbl, uint32_t pos, uint32_t rows)
{
	uint32_t p, n;

	ok(mx_tbl_position(tbl, &p, &n));
	assert_int_equal(p, pos);
	assert_int_equal(n, rows);
}

/* MS-OXCTABL_R462 to R470, R725, R726, R784, R491, R496, R497 */
static void test_cursor_goes_where_it_is_sent(void **state)
{
	struct tl *t = tl_open();
	enum mx_origin o;
	struct mx_obj *f;
	struct mx_tbl *tbl;
	uint32_t tag = T_SUBJECT, n;
	int32_t moved;
	bool less;

	for (int i = 0; i < 10; i++)
		tl_message(t->ma, MX_FLD_INBOX, "x");
	tbl = tl_contents(t, &f);
	assert_int_equal(mx_tbl_query(tbl, &(struct mx_query){.max_rows = 1},
				      count_rows, &n, &n, &o),
			 MX_ANS_NO_COLUMNS); /* MS-OXCTABL_R428 */
	ok(mx_tbl_columns(tbl, &tag, 1));
	assert_int_equal(query(tbl, (struct mx_query){.max_rows = 4}, 99, &o),
			 4);
	assert_int_equal(o, MX_ORIGIN_CURRENT);
	at(tbl, 4, 10);
	/* the buffer is full after 2: the third is not lost */
	assert_int_equal(query(tbl, (struct mx_query){.max_rows = 4}, 2, &o),
			 2);
	at(tbl, 6, 10);
	assert_int_equal(
		query(tbl, (struct mx_query){.max_rows = 3, .no_advance = true},
		      99, &o),
		3);
	at(tbl, 6, 10); /* MS-OXCTABL_R470 */
	assert_int_equal(
		query(tbl, (struct mx_query){.max_rows = 2, .backward = true},
		      99, &o),
		2);
	at(tbl, 4, 10);
	assert_int_equal(
		query(tbl, (struct mx_query){.max_rows = 9, .backward = true},
		      99, &o),
		4);
	assert_int_equal(o, MX_ORIGIN_BEGIN); /* R784 */
	assert_int_equal(query(tbl, (struct mx_query){.max_rows = 99}, 99, &o),
			 10);
	assert_int_equal(o, MX_ORIGIN_END); /* R725 */
	ok(mx_tbl_seek(tbl, MX_ORIGIN_END, -3, &moved, &less));
	assert_int_equal(moved, -3);
	assert_false(less);
	at(tbl, 7, 10);
	ok(mx_tbl_seek(tbl, MX_ORIGIN_CURRENT, 5, &moved, &less));
	assert_int_equal(moved, 3);
	assert_true(less); /* R497 */
	ok(mx_tbl_seek_fraction(tbl, 1, 2));
	at(tbl, 5, 10);
	assert_int_equal(mx_tbl_seek_fraction(tbl, 1, 0), MX_ANS_INVALID_PARAM);
	mx_tbl_close(tbl);
	mx_obj_close(f);
	tl_close(t);
}

/* MS-OXCTABL_R534, R535 */
static void test_find_row_moves_the_cursor_to_it(void **state)
{
	struct tl *t = tl_open();
	struct mx_restrict r = tl_content("e", 2, 1);
	struct mx_find f = {.restriction = &r};
	uint32_t tag = T_SUBJECT, left = 1;
	struct mx_obj *folder;
	struct mx_tbl *tbl;
	bool gone;

	tl_message(t->ma, MX_FLD_INBOX, "a");
	tl_message(t->ma, MX_FLD_INBOX, "eins");
	tl_message(t->ma, MX_FLD_INBOX, "b");
	tl_message(t->ma, MX_FLD_INBOX, "erde");
	tbl = tl_contents(t, &folder);
	ok(mx_tbl_columns(tbl, &tag, 1));
	ok(mx_tbl_find(tbl, &f, count_rows, &left, &gone));
	assert_int_equal(left, 0);
	at(tbl, 1, 4);
	f.origin = MX_ORIGIN_END;
	f.backward = true;
	ok(mx_tbl_find(tbl, &f, count_rows, &left, &gone));
	at(tbl, 3, 4);
	r = tl_content("zz", 2, 1);
	assert_int_equal(mx_tbl_find(tbl, &f, count_rows, &left, &gone),
			 MX_ANS_NOT_FOUND);
	at(tbl, 3, 4);
	mx_tbl_close(tbl);
	mx_obj_close(folder);
	tl_close(t);
}

static void delete_msg(struct tl *t, uint64_t mid)
{
	struct mx_obj *f = tl_folder(t->ma, MX_FLD_INBOX);
	bool partial = true;

	ok(mx_folder_delete_msgs(f, &mid, 1, false, false, &partial));
	assert_false(partial);
	mx_obj_close(f);
}

static void test_cursor_keeps_its_row_while_others_write(void **state)
{
	struct tl *t = tl_open();
	uint64_t mids[6];
	struct mx_obj *f;
	struct mx_tbl *tbl;
	uint32_t mark;
	int32_t moved;
	bool less, gone;
	char s[2] = "b";

	for (int i = 0; i < 6; i++, s[0] += 2)
		mids[i] = tl_message(t->ma, MX_FLD_INBOX, s); /* b d f h j l */
	tbl = tl_contents(t, &f);
	sorted(t, tbl, T_SUBJECT, false);
	ok(mx_tbl_seek(tbl, MX_ORIGIN_BEGIN, 3, &moved, &less)); /* on h */
	ok(mx_tbl_bookmark(tbl, &mark));
	tl_message(t->ma, MX_FLD_INBOX, "a");
	delete_msg(t, mids[1]);
	at(tbl, 3, 6);
	assert_string_equal(tl_subjects(t, tbl), "h,j,l");
	ok(mx_tbl_seek_bookmark(tbl, mark, 0, &moved, &less, &gone));
	assert_false(gone);
	/* the row itself goes: the next one takes its place */
	delete_msg(t, mids[3]);
	assert_string_equal(tl_subjects(t, tbl), "j,l");
	ok(mx_tbl_seek_bookmark(tbl, mark, 0, &moved, &less, &gone));
	assert_true(gone); /* MS-OXCTABL_R506 */
	ok(mx_tbl_free_bookmark(tbl, mark));
	assert_int_equal(mx_tbl_seek_bookmark(tbl, mark, 0, &moved, &less,
					      &gone),
			 MX_ANS_INVALID_BOOKMARK);
	mx_tbl_close(tbl);
	mx_obj_close(f);
	tl_close(t);
}

/* Replays changes over a list of MIDs. */
struct replay {
	uint64_t mid[64];
	size_t n;
};

static void replay(struct replay *p, const struct mx_row_change *c, size_t n)
{
	for (size_t i = 0; i < n; i++, c++) {
		size_t at = p->n;

		assert_int_not_equal(c->what, MX_ROW_CHANGED);
		for (size_t k = 0; k < p->n; k++)
			if (p->mid[k] == c->row.mid)
				at = k;
		if (c->what != MX_ROW_ADDED) {
			assert_true(at < p->n);
			p->n--;
			memmove(&p->mid[at], &p->mid[at + 1],
				(p->n - at) * sizeof(p->mid[0]));
		}
		if (c->what == MX_ROW_DELETED)
			continue;
		at = 0;
		for (size_t k = 0; k < p->n; k++)
			if (c->prior.mid && p->mid[k] == c->prior.mid)
				at = k + 1;
		memmove(&p->mid[at + 1], &p->mid[at],
			(p->n - at) * sizeof(p->mid[0]));
		p->mid[at] = c->row.mid;
		p->n++;
	}
}

static int take_mid(void *arg, const struct mx_propval *vals, size_t n)
{
	struct replay *p = arg;

	p->mid[p->n++] = (uint64_t)vals[0].v.i8;
	return 0;
}

static void snapshot(struct mx_tbl *tbl, struct replay *p)
{
	struct mx_query q = {.max_rows = 64, .no_advance = true};
	enum mx_origin o;
	uint32_t n;
	int32_t moved;
	bool less;

	p->n = 0;
	ok(mx_tbl_seek(tbl, MX_ORIGIN_BEGIN, 0, &moved, &less));
	ok(mx_tbl_query(tbl, &q, take_mid, p, &n, &o));
}

/* MS-OXCNOTIF_R23 and following: row events, in an order to replay. */
static void test_changes_replayed_give_the_table_as_it_is(void **state)
{
	struct tl *t = tl_open();
	struct mx_sort key = {.tag = T_SUBJECT};
	struct replay mine = {.n = 0}, now;
	struct mx_prng p = {7};
	struct mx_row_change *c;
	uint32_t tag = T_MID;
	struct mx_obj *f;
	struct mx_tbl *tbl;
	size_t n;
	char s[8];

	tbl = tl_contents(t, &f);
	ok(mx_tbl_sort(tbl, &key, 1));
	ok(mx_tbl_columns(tbl, &tag, 1));
	snapshot(tbl, &mine);
	for (int round = 0; round < 60; round++) {
		for (uint32_t k = mx_prng_below(&p, 4); k; k--) {
			uint32_t what = mx_prng_below(&p, 3);

			snprintf(s, sizeof(s), "%u", mx_prng_below(&p, 100));
			snapshot(tbl, &now);
			if (what == 0 || !now.n) {
				tl_message(t->ma, MX_FLD_INBOX, s);
			} else if (what == 1) {
				delete_msg(t, now.mid[mx_prng_below(
						      &p, (uint32_t)now.n)]);
			} else {
				struct mx_obj *m = NULL;

				ok(mx_msg_open(t->ma, 0,
					       now.mid[mx_prng_below(
						       &p, (uint32_t)now.n)],
					       MX_MSG_READ_WRITE, 0x0fff, &m));
				tl_set_str(m, T_SUBJECT, s);
				ok(mx_msg_save(m, 0, NULL));
				mx_obj_close(m);
			}
		}
		ok(mx_tbl_changes(tbl, 50, &t->a, &c, &n));
		replay(&mine, c, n);
		snapshot(tbl, &now);
		assert_int_equal(mine.n, now.n);
		assert_memory_equal(mine.mid, now.mid,
				    now.n * sizeof(now.mid[0]));
	}
	ok(mx_tbl_changes(tbl, 50, &t->a, &c, &n));
	assert_int_equal(n, 0);
	for (int i = 0; i < 5; i++)
		tl_message(t->ma, MX_FLD_INBOX, "more");
	ok(mx_tbl_changes(tbl, 4, &t->a, &c, &n));
	assert_int_equal(n, 1);
	assert_int_equal(c[0].what, MX_ROW_CHANGED);
	mx_tbl_close(tbl);
	mx_obj_close(f);
	tl_close(t);
}

/* MS-OXCTABL_R433, R448 */
static void test_multivalue_instances_are_rows_of_their_own(void **state)
{
	static const char *const strs[] = {"red", "blue"};
	struct mx_propval mv = {.tag = 0x6668101f, .v.mv = {2, {.str = strs}}};
	struct tl *t = tl_open();
	struct mx_sort key = {.tag = 0x6668301f};
	struct mx_query q = {.max_rows = 9};
	uint32_t tags[] = {T_SUBJECT, 0x6668301f}, n, left = 99;
	struct mx_propproblem *p;
	struct mx_obj *f, *m = NULL;
	enum mx_origin o;
	struct mx_tbl *tbl;
	size_t np;

	tl_message(t->ma, MX_FLD_INBOX, "none");
	ok(mx_msg_create(t->ma, mx_mbox_info(t->ma)->fid[MX_FLD_INBOX], false,
			 0x0fff, &m));
	tl_set_str(m, T_SUBJECT, "two");
	ok(mx_obj_set(m, &mv, 1, &t->a, &p, &np));
	ok(mx_msg_save(m, 0, NULL));
	mx_obj_close(m);
	tbl = tl_contents(t, &f);
	ok(mx_tbl_sort(tbl, &key, 1));
	ok(mx_tbl_columns(tbl, tags, 2));
	ok(mx_tbl_query(tbl, &q, count_rows, &left, &n, &o));
	assert_int_equal(n, 3);
	mx_tbl_close(tbl);
	mx_obj_close(f);
	tl_close(t);
}

static void test_hierarchy_shows_levels_and_counts(void **state)
{
	struct tl *t = tl_open();
	struct mx_folder_new how = {.type = MX_FOLDER_GENERIC, .name = "sub"};
	struct mx_obj *inbox = tl_folder(t->ma, MX_FLD_INBOX), *sub = NULL,
		      *root = tl_folder(t->ma, MX_FLD_ROOT);
	struct mx_tbl *tbl;
	uint32_t rows;
	bool existed;

	ok(mx_folder_create(inbox, &how, &sub, &existed));
	ok(mx_tbl_hierarchy(inbox, 0, &tbl, &rows));
	assert_int_equal(rows, 1);
	mx_tbl_close(tbl);
	ok(mx_tbl_hierarchy(root, MX_TBL_DEPTH, &tbl, &rows));
	assert_int_equal(rows, MX_FLD_COUNT); /* all but the root, and sub */
	mx_tbl_close(tbl);
	mx_obj_close(sub);
	mx_obj_close(inbox);
	mx_obj_close(root);
	tl_close(t);
}

static int take_body(void *arg, const struct mx_propval *vals, size_t n)
{
	assert_int_equal(vals[0].tag, T_BODY);
	*(size_t *)arg = strlen(vals[0].v.str);
	return 0;
}

static void test_long_values_are_cut_in_rows(void **state)
{
	struct tl *t = tl_open();
	struct mx_query q = {.max_rows = 1};
	char *big = calloc(1, 60001);
	uint32_t tag = T_BODY, n;
	struct mx_obj *f, *m = NULL;
	enum mx_origin o;
	struct mx_tbl *tbl;
	size_t len = 0;

	assert_non_null(big);
	memset(big, 'y', 60000);
	ok(mx_msg_create(t->ma, mx_mbox_info(t->ma)->fid[MX_FLD_INBOX], false,
			 0x0fff, &m));
	tl_set_str(m, T_BODY, big);
	ok(mx_msg_save(m, 0, NULL));
	mx_obj_close(m);
	tbl = tl_contents(t, &f);
	ok(mx_tbl_columns(tbl, &tag, 1));
	ok(mx_tbl_query(tbl, &q, take_body, &len, &n, &o));
	assert_int_equal(len, 254);
	mx_tbl_close(tbl);
	mx_obj_close(f);
	free(big);
	tl_close(t);
}

MX_TEST_MAIN(MX_TEST(test_rows_sort_without_regard_to_case),
	     MX_TEST(test_any_property_can_be_a_key),
	     MX_TEST(test_cursor_goes_where_it_is_sent),
	     MX_TEST(test_find_row_moves_the_cursor_to_it),
	     MX_TEST(test_cursor_keeps_its_row_while_others_write),
	     MX_TEST(test_changes_replayed_give_the_table_as_it_is),
	     MX_TEST(test_multivalue_instances_are_rows_of_their_own),
	     MX_TEST(test_hierarchy_shows_levels_and_counts),
	     MX_TEST(test_long_values_are_cut_in_rows))
