/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Restrictions of tables: each kind, in SQL and in C alike. */
#include <stdio.h>

#include "base/rand.h"
#include "store/testlib.h"

static struct mx_restrict property(uint32_t tag, uint8_t op, int32_t v)
{
	return (struct mx_restrict){.type = MX_RES_PROPERTY,
				    .prop = {.relop = op,
					     .tag = tag,
					     .val = {.tag = tag, .v.i4 = v}}};
}

static const char *restricted(struct tl *t, struct mx_tbl *tbl,
			      struct mx_restrict r)
{
	ok(mx_tbl_restrict(tbl, &r));
	return tl_subjects(t, tbl);
}

static void set_up_five(struct tl *t)
{
	static const char *const subjects[] = {"Alpha one", "beta ONE", "gamma",
					       "Delta", "\xc3\x89ta"};

	for (int i = 0; i < 5; i++) {
		struct mx_obj *m = NULL, *att = NULL;
		uint32_t num;

		ok(mx_msg_create(t->ma, mx_mbox_info(t->ma)->fid[MX_FLD_INBOX],
				 false, 0x0fff, &m));
		tl_set_str(m, T_SUBJECT, subjects[i]);
		tl_set_i4(m, T_IMPORTANCE, i % 3);
		tl_set_i4(m, 0x66660003, i);
		if (i == 2)
			tl_set_str(m, T_INTERNET_MESSAGE_ID, "<x>");
		if (i == 3) {
			tl_add_recip(m, 0, 1, "dora@x.test");
			ok(mx_att_create(m, &num, &att));
			tl_set_str(att, 0x3707001f, "pic.png");
			ok(mx_att_save(att, 0));
			mx_obj_close(att);
		}
		ok(mx_msg_save(m, 0, NULL));
		mx_obj_close(m);
	}
}

/* MS-OXCTABL_R452, MS-OXCDATA 2.12: every kind of condition. */
static void test_every_kind_of_restriction_selects_its_rows(void **state)
{
	struct tl *t = tl_open();
	struct mx_restrict two[2], not_, r, sub;
	struct mx_obj *f;
	struct mx_tbl *tbl;

	set_up_five(t);
	tbl = tl_contents(t, &f);
	assert_string_equal(restricted(t, tbl, tl_content("one", 1, 0)),
			    "Alpha one");
	assert_string_equal(restricted(t, tbl, tl_content("ONE", 1, 1)),
			    "Alpha one,beta ONE");
	assert_string_equal(restricted(t, tbl, tl_content("DEL", 2, 1)),
			    "Delta");
	assert_string_equal(restricted(t, tbl, tl_content("GAMMA", 0, 1)),
			    "gamma");
	assert_string_equal(restricted(t, tbl, tl_content("eta", 2, 4)),
			    "\xc3\x89ta");
	assert_string_equal(restricted(t, tbl,
				       property(T_IMPORTANCE, MX_RELOP_EQ, 0)),
			    "Alpha one,Delta");
	assert_string_equal(restricted(t, tbl,
				       property(0x66660003, MX_RELOP_GE, 3)),
			    "Delta,\xc3\x89ta");
	two[0] = property(T_IMPORTANCE, MX_RELOP_NE, 1);
	two[1] = property(0x66660003, MX_RELOP_LT, 3);
	r = (struct mx_restrict){.type = MX_RES_AND, .list = {2, two}};
	assert_string_equal(restricted(t, tbl, r), "Alpha one,gamma");
	r.type = MX_RES_OR;
	assert_string_equal(restricted(t, tbl, r),
			    "Alpha one,beta ONE,gamma,Delta");
	not_ = r;
	r = (struct mx_restrict){.type = MX_RES_NOT, .sub.res = &not_};
	assert_string_equal(restricted(t, tbl, r), "\xc3\x89ta");
	r = (struct mx_restrict){.type = MX_RES_EXIST,
				 .exist.tag = T_INTERNET_MESSAGE_ID};
	assert_string_equal(restricted(t, tbl, r), "gamma");
	not_ = r;
	r = (struct mx_restrict){.type = MX_RES_COMMENT,
				 .comment = {.res = &not_}};
	assert_string_equal(restricted(t, tbl, r), "gamma");
	r = (struct mx_restrict){.type = MX_RES_BITMASK,
				 .bitmask = {MX_BMR_NEZ, T_MESSAGE_FLAGS,
					     MF_HASATTACH}};
	assert_string_equal(restricted(t, tbl, r), "Delta");
	r = (struct mx_restrict){.type = MX_RES_BITMASK,
				 .bitmask = {MX_BMR_EQZ, 0x66660003, 1}};
	assert_string_equal(restricted(t, tbl, r),
			    "Alpha one,gamma,\xc3\x89ta");
	r = (struct mx_restrict){.type = MX_RES_COMPAREPROPS,
				 .compare = {MX_RELOP_EQ, T_IMPORTANCE,
					     0x66660003}};
	assert_string_equal(restricted(t, tbl, r), "Alpha one,beta ONE,gamma");
	r = (struct mx_restrict){.type = MX_RES_SIZE,
				 .size = {MX_RELOP_LE, T_SUBJECT, 12}};
	assert_string_equal(restricted(t, tbl, r), "gamma,Delta,\xc3\x89ta");
	sub = tl_content("dora", 2, 1);
	sub.content.tag = sub.content.val.tag = T_EMAIL_ADDRESS;
	r = (struct mx_restrict){.type = MX_RES_SUBRESTRICTION,
				 .subobj = {T_MESSAGE_RECIPIENTS, &sub}};
	assert_string_equal(restricted(t, tbl, r), "Delta");
	sub = tl_content(".png", 1, 0);
	sub.content.tag = sub.content.val.tag = 0x3707001f;
	r.subobj.subobject = T_MESSAGE_ATTACHMENTS;
	assert_string_equal(restricted(t, tbl, r), "Delta");
	not_ = property(T_IMPORTANCE, MX_RELOP_LE, 2);
	r = (struct mx_restrict){.type = MX_RES_COUNT, .count = {2, &not_}};
	assert_string_equal(restricted(t, tbl, r), "Alpha one,beta ONE");
	ok(mx_tbl_restrict(tbl, NULL));
	assert_string_equal(tl_subjects(t, tbl),
			    "Alpha one,beta ONE,gamma,Delta,\xc3\x89ta");
	mx_tbl_close(tbl);
	mx_obj_close(f);
	tl_close(t);
}

static void test_impossible_restrictions_are_answered(void **state)
{
	struct mx_restrict deep[70], r;
	struct tl *t = tl_open();
	struct mx_obj *f;
	struct mx_tbl *tbl = tl_contents(t, &f);

	deep[69] = property(T_IMPORTANCE, MX_RELOP_EQ, 0);
	for (int i = 68; i >= 0; i--)
		deep[i] = (struct mx_restrict){.type = MX_RES_NOT,
					       .sub.res = &deep[i + 1]};
	assert_int_equal(mx_tbl_restrict(tbl, deep), MX_ANS_TOO_COMPLEX);
	r = property(T_IMPORTANCE, MX_RELOP_RE, 0);
	assert_int_equal(mx_tbl_restrict(tbl, &r), MX_ANS_TOO_COMPLEX);
	r = (struct mx_restrict){.type = 0x77};
	assert_int_equal(mx_tbl_restrict(tbl, &r), MX_ANS_INVALID_PARAM);
	mx_tbl_close(tbl);
	mx_obj_close(f);
	tl_close(t);
}

/*
 * SQL and C must agree: random trees over a column (importance) and its copy
 * that is no column (0x6667) select the same rows.
 */
static struct mx_restrict *random_tree(struct tl *t, struct mx_prng *p,
				       int depth, uint32_t tag)
{
	struct mx_restrict *r = mx_arena_new(&t->a, struct mx_restrict);
	uint32_t kind = mx_prng_below(p, depth ? 6 : 3);

	assert_non_null(r);
	switch (kind) {
	case 0:
		*r = property(tag, (uint8_t)mx_prng_below(p, 6),
			      (int32_t)mx_prng_below(p, 4));
		break;
	case 1:
		r->type = MX_RES_EXIST;
		r->exist.tag = tag;
		break;
	case 2:
		r->type = MX_RES_BITMASK;
		r->bitmask.relop = (uint8_t)mx_prng_below(p, 2);
		r->bitmask.tag = tag;
		r->bitmask.mask = mx_prng_below(p, 4);
		break;
	case 3:
		r->type = MX_RES_NOT;
		r->sub.res = random_tree(t, p, depth - 1, tag);
		break;
	default:
		r->type = kind == 4 ? MX_RES_AND : MX_RES_OR;
		r->list.n = 1 + mx_prng_below(p, 3);
		r->list.p = mx_arena_newv(&t->a, struct mx_restrict, r->list.n);
		for (uint32_t i = 0; i < r->list.n; i++)
			r->list.p[i] = *random_tree(t, p, depth - 1, tag);
	}
	return r;
}

static void test_sql_and_c_agree_on_random_restrictions(void **state)
{
	struct tl *t = tl_open();
	struct mx_obj *f, *m;
	struct mx_tbl *tbl;
	char subject[16];

	for (int i = 0; i < 12; i++) {
		m = NULL;
		snprintf(subject, sizeof(subject), "m%d", i);
		ok(mx_msg_create(t->ma, mx_mbox_info(t->ma)->fid[MX_FLD_INBOX],
				 false, 0x0fff, &m));
		tl_set_str(m, T_SUBJECT, subject);
		if (i % 4) {
			tl_set_i4(m, T_ICON_INDEX, i % 4 - 1);
			tl_set_i4(m, 0x66670003, i % 4 - 1);
		}
		ok(mx_msg_save(m, 0, NULL));
		mx_obj_close(m);
	}
	tbl = tl_contents(t, &f);
	for (uint64_t seed = 1; seed <= 150; seed++) {
		struct mx_prng p1 = {seed}, p2 = {seed};
		const char *in_sql, *in_c;

		in_sql = restricted(t, tbl,
				    *random_tree(t, &p1, 4, T_ICON_INDEX));
		in_c = restricted(t, tbl, *random_tree(t, &p2, 4, 0x66670003));
		assert_string_equal(in_sql, in_c);
	}
	mx_tbl_close(tbl);
	mx_obj_close(f);
	tl_close(t);
}

MX_TEST_MAIN(MX_TEST(test_every_kind_of_restriction_selects_its_rows),
	     MX_TEST(test_impossible_restrictions_are_answered),
	     MX_TEST(test_sql_and_c_agree_on_random_restrictions))
