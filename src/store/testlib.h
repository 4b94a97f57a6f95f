/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the store share: a store with users, messages by a line. */
#ifndef MX_STORE_TESTLIB_H
#define MX_STORE_TESTLIB_H

#include "base/arena.h"
#include "base/test.h"
#include "store/dir.h"
#include "store/folder.h"
#include "store/mbox.h"
#include "store/message.h"
#include "store/obj.h"
#include "store/store.h"
#include "store/table.h"
#include "store/tags.h"
#include "wire/prop.h"
#include "wire/restrict.h"

#define ok(call) assert_int_equal((call), 0)

struct tl_event {
	struct mx_event ev;
	char class[64];
};

/* A store of its own in a fresh directory, with users "anna" and "bert". */
struct tl {
	char dir[512];
	struct mx_store *st;
	struct mx_arena a;
	struct mx_user anna, bert;
	struct mx_mbox *ma, *mb; /* their mailboxes */
	struct tl_event events[256];
	size_t n_events;
};

struct tl *tl_open(void);
struct tl *tl_open_vfs(const char *vfs);
/* Closes mailboxes and store, and opens them anew from disk. */
void tl_reopen(struct tl *t);
/* Opens on a directory where anna and bert are already. */
void tl_open_store(struct tl *t, const char *vfs);
void tl_close_store(struct tl *t);
void tl_close(struct tl *t);

struct mx_mbox *tl_mbox(struct tl *t, const struct mx_user *owner,
			const struct mx_user *who);
struct mx_obj *tl_folder(struct mx_mbox *mb, enum mx_special which);

/* A saved message with that subject; its id. */
uint64_t tl_message(struct mx_mbox *mb, enum mx_special folder,
		    const char *subject);
/* A new message, not saved, to one address. */
struct mx_obj *tl_draft(struct mx_mbox *mb, const char *subject,
			const char *to);
void tl_add_recip(struct mx_obj *msg, uint32_t row, uint8_t type,
		  const char *address);
void tl_set_str(struct mx_obj *o, uint32_t tag, const char *s);
void tl_set_i4(struct mx_obj *o, uint32_t tag, int32_t v);
/* One property as it is; from t's arena. */
struct mx_propval tl_get(struct tl *t, struct mx_obj *o, uint32_t tag);
const char *tl_str(struct tl *t, struct mx_obj *o, uint32_t tag);
int32_t tl_i4(struct tl *t, struct mx_obj *o, uint32_t tag);
/* Messages in a folder. */
uint32_t tl_count(struct mx_mbox *mb, enum mx_special folder);
/* The first message of a folder, in table order; 0 none. */
uint64_t tl_first(struct tl *t, struct mx_mbox *mb, enum mx_special folder);
/* The contents table of anna's inbox, which tells of changes; both to be closed. */
struct mx_tbl *tl_contents(struct tl *t, struct mx_obj **ret_folder);
/* A condition on subjects: FuzzyLevelLow and -High. */
struct mx_restrict tl_content(const char *s, uint16_t low, uint16_t high);
/* Subjects of a table's rows from the cursor on, joined by ','. */
const char *tl_subjects(struct tl *t, struct mx_tbl *tbl);
const struct mx_event *tl_event_of(struct tl *t, enum mx_event_type type,
				   uint64_t mid);

#endif
