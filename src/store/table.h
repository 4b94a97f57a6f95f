/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables: rows over columns, with a restriction and a sort order.  [MS-OXCTABL].
 *
 * A table is a list of row ids in order, made when it is first looked at, and a
 * cursor between rows.  Values are read when rows are asked for.  While others
 * change the folder the list stays as it was within one call; the next call on
 * the table brings it up to date first: new rows appear in their place, gone
 * rows leave, and the cursor stays before the row it stood before (when that row
 * is gone: before the row that followed it).  Rows that were skipped or read
 * are therefore never repeated or lost because of others' changes, unless a
 * change of their own sort key moves them across the cursor.
 *
 * Default order: by arrival (contents: PR_MESSAGE_DELIVERY_TIME descending is
 * NOT implied; it is by MID), hierarchy by parent first then display name,
 * attachments by number.
 * Strings sort and compare without regard to case (Unicode root collation,
 * accents count); NULL (missing) comes before everything.
 *
 * One thread at a time per table.
 */
#ifndef MX_STORE_TABLE_H
#define MX_STORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mx_arena;
struct mx_obj;
struct mx_propval;
struct mx_restrict;
struct mx_tbl;

/* Flags to open. */
#define MX_TBL_ASSOC 0x02 /* contents: FAI messages */
#define MX_TBL_DEPTH 0x04 /* hierarchy: all levels below */
#define MX_TBL_SOFT_DELETED 0x20
#define MX_TBL_CHANGES 0x10000 /* keep what mx_tbl_changes needs */

/* Each gives *ret to be closed; *ret_rows (may be NULL) as RowCount of the ROP.
 * The table keeps folder or message alive. */
int mx_tbl_hierarchy(struct mx_obj *folder, unsigned flags, struct mx_tbl **ret,
		     uint32_t *ret_rows);
int mx_tbl_contents(struct mx_obj *folder, unsigned flags, struct mx_tbl **ret,
		    uint32_t *ret_rows);
/* The attachments as this message handle sees them, unsaved changes too. */
int mx_tbl_attachments(struct mx_obj *msg, unsigned flags, struct mx_tbl **ret,
		       uint32_t *ret_rows);
void mx_tbl_close(struct mx_tbl *t);
void mx_tbl_close_auto(struct mx_tbl **t);

/* The columns of later rows; replaces.  A column may carry the MultivalueInstance
 * bit (0x3000 in the type): rows are then repeated per value.  MX_ANS_INVALID_PARAM
 * for none or a tag of an impossible type; the columns are then none. */
int mx_tbl_columns(struct mx_tbl *t, const uint32_t *tags, size_t n);

/* The tags of everything that can be a column, as far as known.  Arena. */
int mx_tbl_all_columns(struct mx_tbl *t, struct mx_arena *a,
		       uint32_t **ret_tags, size_t *ret_n);

struct mx_sort {
	uint32_t tag;
	bool descending;
};

/* Sorts; n == 0: default order.  Cursor to the beginning, bookmarks invalid.
 * MX_ANS_NOT_SUPPORTED for hierarchy and attachment tables ([MS-OXCTABL] 3.2.5.3)
 * and categories; MX_ANS_TOO_COMPLEX over 16 keys. */
int mx_tbl_sort(struct mx_tbl *t, const struct mx_sort *keys, size_t n);

/* Restricts; NULL: all rows.  Copied.  Cursor to the beginning, bookmarks
 * invalid.  MX_ANS_TOO_COMPLEX; MX_ANS_INVALID_PARAM; the table then has none. */
int mx_tbl_restrict(struct mx_tbl *t, const struct mx_restrict *r);

/*
 * Takes one row: vals[i] belongs to column i, with type PT_ERROR where there is
 * no value.  Borrowed for the call.  A mailbox lock is held: encode, copy, do
 * not call the store.  Returns 0 to go on; 1: this row did not fit, leave it
 * for next time and stop; negative: stop with that error.
 */
typedef int mx_row_fn(void *arg, const struct mx_propval *vals, size_t n);

/* Position for a QueryRows answer. */
enum mx_origin {
	MX_ORIGIN_BEGIN = 0,
	MX_ORIGIN_CURRENT = 1,
	MX_ORIGIN_END = 2,
};

struct mx_query {
	uint32_t max_rows;
	bool backward; /* ForwardRead false: rows before the cursor, in
			    * table order, cursor to before the first of them */
	bool no_advance;
	size_t max_value; /* longer values are cut to this many bytes (text at
			    * a character); 0: 510, as tables do */
};

/* Gives rows to fn.  *ret_n rows were taken, the cursor moved past them;
 * *ret_origin as RopQueryRows wants it.  0; MX_ANS_NO_COLUMNS; fn's error;
 * *ret_n == 0 with origin CURRENT: not even one row fitted. */
int mx_tbl_query(struct mx_tbl *t, const struct mx_query *q, mx_row_fn *fn,
		 void *arg, uint32_t *ret_n, enum mx_origin *ret_origin);

/* Cursor and number of rows. */
int mx_tbl_position(struct mx_tbl *t, uint32_t *ret_pos, uint32_t *ret_rows);

/* Moves the cursor `count` rows (signed) from origin; *ret_moved is what it
 * moved, *ret_less: it met an end before. */
int mx_tbl_seek(struct mx_tbl *t, enum mx_origin origin, int32_t count,
		int32_t *ret_moved, bool *ret_less);

/* Moves to numerator/denominator of the table.  MX_ANS_INVALID_PARAM (0 below). */
int mx_tbl_seek_fraction(struct mx_tbl *t, uint32_t num, uint32_t den);

/* Custom bookmarks, up to 256 a table.  *ret_gone: the row is not there any more (the
 * cursor is at the next one).  MX_ANS_INVALID_BOOKMARK. */
int mx_tbl_bookmark(struct mx_tbl *t, uint32_t *ret_mark);
int mx_tbl_free_bookmark(struct mx_tbl *t, uint32_t mark);

struct mx_find {
	const struct mx_restrict *restriction;
	enum mx_origin origin;
	bool use_bookmark; /* start at `bookmark` in place of origin */
	uint32_t bookmark;
	bool backward;
	size_t max_value; /* as mx_query */
};

/* Finds the first matching row from there on, puts the cursor on it and gives
 * it to fn (once; its result 1 is ignored).  MX_ANS_NOT_FOUND (cursor stays);
 * MX_ANS_NO_COLUMNS; MX_ANS_INVALID_BOOKMARK.  [MS-OXCTABL] 3.2.5.14. */
int mx_tbl_find(struct mx_tbl *t, const struct mx_find *f, mx_row_fn *fn,
		void *arg, bool *ret_bookmark_gone);
int mx_tbl_seek_bookmark(struct mx_tbl *t, uint32_t mark, int32_t count,
			 int32_t *ret_moved, bool *ret_less, bool *ret_gone);

/* Columns default, no sort, no restriction, cursor at the beginning. */
int mx_tbl_reset(struct mx_tbl *t);

/* ---- Changes, for TableModified notifications.  [MS-OXCNOTIF] 2.2.1.1.1. ---- */

enum mx_row_event {
	MX_ROW_CHANGED = 1, /* too much: read the table again (TableChanged) */
	MX_ROW_ADDED = 3,
	MX_ROW_DELETED = 4,
	MX_ROW_MODIFIED = 5,
};

/* A row's identity: fid and mid (0 for folder rows) and multivalue instance. */
struct mx_row_key {
	uint64_t fid, mid;
	uint32_t instance;
};

struct mx_row_change {
	enum mx_row_event what;
	struct mx_row_key row;
	struct mx_row_key prior; /* added, modified: the row before; zero: it
				  * is the first.  Of this change's moment. */
	const struct mx_propval *vals; /* added, modified: the columns */
	size_t n_vals;
};

/*
 * What became of the table's rows since the last call (or since it was first
 * read): at most `max` changes in an order that can be replayed; more become one
 * MX_ROW_CHANGED.  From the arena.  Only on tables opened with MX_TBL_CHANGES
 * and with columns set; others give none.
 */
int mx_tbl_changes(struct mx_tbl *t, size_t max, struct mx_arena *a,
		   struct mx_row_change **ret, size_t *ret_n);

/* Whether an event (its fid, parent_fid, old_fid) can touch this table; cheap, no
 * lock, any thread while the table exists. */
bool mx_tbl_watches(const struct mx_tbl *t, uint64_t fid);

#endif
