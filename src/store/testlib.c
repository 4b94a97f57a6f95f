/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "store/testlib.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static unsigned serial;

static void on_event(void *arg, const struct mx_event *ev)
{
	struct tl *t = arg;
	struct tl_event *e;

	if (t->n_events == MX_ARRAY_SIZE(t->events))
		t->n_events = 0;
	e = &t->events[t->n_events++];
	e->ev = *ev;
	if (ev->message_class)
		snprintf(e->class, sizeof(e->class), "%s", ev->message_class);
	e->ev.message_class = e->class;
	e->ev.tags = NULL;
}

struct mx_mbox *tl_mbox(struct tl *t, const struct mx_user *owner,
			const struct mx_user *who)
{
	struct mx_mbox_conf conf = {.user = who->id};
	struct mx_mbox *mb = NULL;

	memcpy(conf.mailbox, owner->mailbox, 16);
	ok(mx_mbox_open(t->st, &conf, &mb));
	return mb;
}

void tl_open_store(struct tl *t, const char *vfs)
{
	struct mx_store_conf conf = {
		.on_event = on_event, .event_arg = t, .vfs = vfs};

	ok(mx_store_open(t->dir, &conf, &t->st));
}

static void open_mailboxes(struct tl *t)
{
	ok(mx_dir_by_name(t->st, "anna", &t->a, &t->anna));
	ok(mx_dir_by_name(t->st, "bert", &t->a, &t->bert));
	t->ma = tl_mbox(t, &t->anna, &t->anna);
	t->mb = tl_mbox(t, &t->bert, &t->bert);
}

struct tl *tl_open_vfs(const char *vfs)
{
	struct tl *t = calloc(1, sizeof(*t));
	struct mx_user u = {.name = "anna", .display = "Anna A"};

	assert_non_null(t);
	snprintf(t->dir, sizeof(t->dir), "%s/store-%u", mx_test_dir(),
		 serial++);
	tl_open_store(t, vfs);
	ok(mx_dir_add(t->st, &u, "secret", &t->a, &t->anna));
	u = (struct mx_user){.name = "bert", .display = "Bert B"};
	ok(mx_dir_add(t->st, &u, "geheim", &t->a, &t->bert));
	open_mailboxes(t);
	return t;
}

struct tl *tl_open(void)
{
	return tl_open_vfs(NULL);
}

void tl_close_store(struct tl *t)
{
	mx_mbox_close(t->ma);
	mx_mbox_close(t->mb);
	mx_store_close(t->st);
	t->ma = t->mb = NULL;
	t->st = NULL;
}

void tl_reopen(struct tl *t)
{
	tl_close_store(t);
	tl_open_store(t, NULL);
	open_mailboxes(t);
}

void tl_close(struct tl *t)
{
	tl_close_store(t);
	mx_arena_fini(&t->a);
	free(t);
}

struct mx_obj *tl_folder(struct mx_mbox *mb, enum mx_special which)
{
	struct mx_obj *o = NULL;

	ok(mx_folder_open(mb, mx_mbox_info(mb)->fid[which], 0, &o));
	return o;
}

static void set(struct mx_obj *o, const struct mx_propval *v)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_propproblem *p;
	size_t n;

	ok(mx_obj_set(o, v, 1, &a, &p, &n));
	assert_int_equal(n, 0);
}

void tl_set_str(struct mx_obj *o, uint32_t tag, const char *s)
{
	struct mx_propval v = {.tag = tag, .v.str = s};

	set(o, &v);
}

void tl_set_i4(struct mx_obj *o, uint32_t tag, int32_t n)
{
	struct mx_propval v = {.tag = tag, .v.i4 = n};

	set(o, &v);
}

uint64_t tl_message(struct mx_mbox *mb, enum mx_special folder,
		    const char *subject)
{
	struct mx_obj *m = NULL;
	uint64_t mid = 0;

	ok(mx_msg_create(mb, mx_mbox_info(mb)->fid[folder], false, 0x0fff, &m));
	tl_set_str(m, T_SUBJECT, subject);
	ok(mx_msg_save(m, MX_SAVE_READ_WRITE, &mid));
	mx_obj_close(m);
	return mid;
}

void tl_add_recip(struct mx_obj *msg, uint32_t row, uint8_t type,
		  const char *address)
{
	struct mx_propval vals[] = {
		{.tag = T_DISPLAY_NAME, .v.str = address},
		{.tag = T_ADDRTYPE, .v.str = address[0] == '/' ? "EX" : "SMTP"},
		{.tag = T_EMAIL_ADDRESS, .v.str = address},
	};
	struct mx_recip r = {
		.row_id = row, .type = type, .vals = vals, .n_vals = 3};

	ok(mx_msg_recips_modify(msg, &r, 1));
}

struct mx_obj *tl_draft(struct mx_mbox *mb, const char *subject, const char *to)
{
	struct mx_obj *m = NULL;

	ok(mx_msg_create(mb, mx_mbox_info(mb)->fid[MX_FLD_OUTBOX], false,
			 0x0fff, &m));
	tl_set_str(m, T_SUBJECT, subject);
	tl_add_recip(m, 0, 1, to);
	return m;
}

struct mx_propval tl_get(struct tl *t, struct mx_obj *o, uint32_t tag)
{
	struct mx_propval v = {0};

	ok(mx_obj_get(o, &tag, 1, 0, true, &t->a, &v, NULL));
	return v;
}

const char *tl_str(struct tl *t, struct mx_obj *o, uint32_t tag)
{
	struct mx_propval v = tl_get(t, o, tag);

	return v.tag == tag ? v.v.str : "(none)";
}

int32_t tl_i4(struct tl *t, struct mx_obj *o, uint32_t tag)
{
	struct mx_propval v = tl_get(t, o, tag);

	assert_int_equal(v.tag, tag);
	return v.v.i4;
}

uint32_t tl_count(struct mx_mbox *mb, enum mx_special folder)
{
	struct mx_folder_counts c;
	struct mx_obj *f = tl_folder(mb, folder);

	ok(mx_folder_counts(f, &c));
	mx_obj_close(f);
	return c.total;
}

static int take_id(void *arg, const struct mx_propval *vals, size_t n)
{
	*(uint64_t *)arg = (uint64_t)vals[0].v.i8;
	return 0;
}

uint64_t tl_first(struct tl *t, struct mx_mbox *mb, enum mx_special folder)
{
	struct mx_obj *f = tl_folder(mb, folder);
	struct mx_query q = {.max_rows = 1};
	uint32_t tag = T_MID, n = 0;
	enum mx_origin origin;
	struct mx_tbl *tbl;
	uint64_t id = 0;

	ok(mx_tbl_contents(f, 0, &tbl, NULL));
	ok(mx_tbl_columns(tbl, &tag, 1));
	ok(mx_tbl_query(tbl, &q, take_id, &id, &n, &origin));
	mx_tbl_close(tbl);
	mx_obj_close(f);
	return id;
}

static int take_subject(void *arg, const struct mx_propval *vals, size_t n)
{
	struct mx_buf *b = arg;

	if (b->len)
		mx_buf_puts(b, ",");
	mx_buf_puts(b, MX_PROP_TYPE(vals[0].tag) == MX_PT_UNICODE
			       ? vals[0].v.str
			       : "-");
	return 0;
}

const char *tl_subjects(struct tl *t, struct mx_tbl *tbl)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = {0};
	struct mx_query q = {.max_rows = 10000};
	uint32_t tag = T_SUBJECT, n;
	enum mx_origin origin;

	ok(mx_tbl_columns(tbl, &tag, 1));
	ok(mx_tbl_query(tbl, &q, take_subject, &b, &n, &origin));
	return mx_arena_strdup(&t->a, mx_buf_str(&b));
}

const struct mx_event *tl_event_of(struct tl *t, enum mx_event_type type,
				   uint64_t mid)
{
	for (size_t i = 0; i < t->n_events; i++)
		if (t->events[i].ev.type == type && t->events[i].ev.mid == mid)
			return &t->events[i].ev;
	return NULL;
}

struct mx_tbl *tl_contents(struct tl *t, struct mx_obj **ret_folder)
{
	struct mx_tbl *tbl = NULL;

	*ret_folder = tl_folder(t->ma, MX_FLD_INBOX);
	ok(mx_tbl_contents(*ret_folder, MX_TBL_CHANGES, &tbl, NULL));
	return tbl;
}

struct mx_restrict tl_content(const char *s, uint16_t low, uint16_t high)
{
	return (struct mx_restrict){
		.type = MX_RES_CONTENT,
		.content = {.fuzzy_low = low,
			    .fuzzy_high = high,
			    .tag = T_SUBJECT,
			    .val = {.tag = T_SUBJECT, .v.str = s}}};
}
