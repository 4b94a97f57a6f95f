/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "api/columns.h"
#include "api/eid.h"
#include "api/store.h"

/* What rows have on the wire.  [MS-OXCFOLD] 2.2.2, [MS-OXCTABL] 2.2.1 */
#define TAG_FID 0x67480014u
#define TAG_PARENT_FID 0x67490014u
#define TAG_MID 0x674a0014u
#define TAG_INST 0x674d0014u
#define TAG_NUM 0x674e0003u

static const ULONG contents_cols[] = {
	PR_ENTRYID,       PR_INSTANCE_KEY,
	PR_OBJECT_TYPE,   PR_MESSAGE_CLASS,
	PR_SUBJECT,       PR_SENDER_NAME,
	PR_DISPLAY_TO,    PR_MESSAGE_DELIVERY_TIME,
	PR_MESSAGE_FLAGS, PR_MESSAGE_SIZE,
	PR_HASATTACH,     PR_IMPORTANCE,
};
static const ULONG hierarchy_cols[] = {
	PR_ENTRYID,     PR_INSTANCE_KEY, PR_OBJECT_TYPE,    PR_DISPLAY_NAME,
	PR_FOLDER_TYPE, PR_SUBFOLDERS,   PR_CONTENT_COUNT,  PR_CONTENT_UNREAD,
	PR_DEPTH,       PR_COMMENT,      PR_PARENT_ENTRYID, PR_CONTAINER_CLASS,
};
static const ULONG attachment_cols[] = {
	PR_ATTACH_NUM,      PR_OBJECT_TYPE,          PR_ATTACH_METHOD,
	PR_ATTACH_FILENAME, PR_ATTACH_LONG_FILENAME, PR_ATTACH_SIZE,
	PR_DISPLAY_NAME,    PR_RENDERING_POSITION,   PR_ATTACH_MIME_TAG,
};

const ULONG *mx_columns_default(enum mx_table_kind kind, ULONG *ret_n)
{
	switch (kind) {
	case MX_TABLE_CONTENTS:
		*ret_n = MX_ARRAY_SIZE(contents_cols);
		return contents_cols;
	case MX_TABLE_HIERARCHY:
		*ret_n = MX_ARRAY_SIZE(hierarchy_cols);
		return hierarchy_cols;
	default:
		*ret_n = MX_ARRAY_SIZE(attachment_cols);
		return attachment_cols;
	}
}

/* A column made here, whatever type it is asked with. */
static bool is_own(enum mx_table_kind kind, ULONG tag)
{
	switch (PROP_ID(tag)) {
	case PROP_ID(PR_OBJECT_TYPE):
	case PROP_ID(PR_STORE_ENTRYID):
	case PROP_ID(PR_STORE_RECORD_KEY):
	case PROP_ID(PR_MAPPING_SIGNATURE):
	case PROP_ID(PR_MDB_PROVIDER):
	case PROP_ID(PR_STORE_SUPPORT_MASK):
		return true;
	case PROP_ID(PR_ENTRYID):
	case PROP_ID(PR_RECORD_KEY):
	case PROP_ID(PR_LONGTERM_ENTRYID_FROM_TABLE):
	case PROP_ID(PR_PARENT_ENTRYID):
	case PROP_ID(PR_INSTANCE_KEY):
		return kind != MX_TABLE_ATTACHMENTS;
	default:
		return false;
	}
}

static int32_t need_wire(struct mx_columns *c, uint32_t tag)
{
	for (ULONG i = 0; i < c->n_wire; i++)
		if (c->wire[i] == tag)
			return (int32_t)i;
	c->wire[c->n_wire] = tag;
	return (int32_t)c->n_wire++;
}

/* The ids that an own column is made of. */
static void need_ids(struct mx_columns *c, enum mx_table_kind kind, ULONG tag)
{
	switch (PROP_ID(tag)) {
	case PROP_ID(PR_ENTRYID):
	case PROP_ID(PR_RECORD_KEY):
	case PROP_ID(PR_LONGTERM_ENTRYID_FROM_TABLE):
		c->fid = need_wire(c, TAG_FID);
		if (kind == MX_TABLE_CONTENTS)
			c->mid = need_wire(c, TAG_MID);
		break;
	case PROP_ID(PR_PARENT_ENTRYID):
		if (kind == MX_TABLE_CONTENTS)
			c->fid = need_wire(c, TAG_FID);
		else
			c->parent_fid = need_wire(c, TAG_PARENT_FID);
		break;
	case PROP_ID(PR_INSTANCE_KEY):
		c->fid = need_wire(c, TAG_FID);
		if (kind == MX_TABLE_CONTENTS) {
			c->inst = need_wire(c, TAG_INST);
			c->num = need_wire(c, TAG_NUM);
		}
		break;
	default:
		break;
	}
}

int mx_columns_new(enum mx_table_kind kind, const ULONG *tags, ULONG n,
		   struct mx_columns **ret)
{
	/* Five ids at most besides the program's own. */
	size_t room = (size_t)n + 5;
	struct mx_columns *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->want = calloc(room, sizeof(*c->want));
	c->from = calloc(room, sizeof(*c->from));
	c->wire = calloc(room, sizeof(*c->wire));
	if (!c->want || !c->from || !c->wire) {
		mx_columns_free(c);
		return -ENOMEM;
	}
	c->n = n;
	c->fid = c->mid = c->parent_fid = c->inst = c->num = -1;
	for (ULONG i = 0; i < n; i++) {
		c->want[i] = tags[i];
		if (PROP_ID(tags[i]) == PROP_ID_NULL || is_own(kind, tags[i])) {
			c->from[i] = -1;
			need_ids(c, kind, tags[i]);
		} else {
			c->from[i] = need_wire(c, mx_conv_tag(tags[i]));
		}
	}
	/* The server wants at least one. */
	if (!c->n_wire)
		need_wire(c, kind == MX_TABLE_ATTACHMENTS ? PR_ATTACH_NUM
							  : TAG_FID);
	*ret = c;
	return 0;
}

void mx_columns_free(struct mx_columns *c)
{
	if (!c)
		return;
	free(c->want);
	free(c->from);
	free(c->wire);
	free(c);
}

/* ---- rows ---- */

void mx_table_instance_key(uint64_t fid, uint64_t inst_id, uint32_t num,
			   uint8_t ret[MX_INSTANCE_KEY_SIZE])
{
	for (int i = 0; i < 8; i++) {
		ret[i] = (uint8_t)(fid >> (8 * i));
		ret[8 + i] = (uint8_t)(inst_id >> (8 * i));
	}
	for (int i = 0; i < 4; i++)
		ret[16 + i] = (uint8_t)(num >> (8 * i));
}

struct maker {
	const struct mx_columns *c;
	struct mx_store *st;
	enum mx_table_kind kind;
	struct mx_arena *a;
	const struct mx_propval *vals;
	const struct mx_call *call;
	struct mx_eid_base *base;
};

static bool wire_id(const struct maker *m, int32_t at, uint64_t *ret)
{
	if (at < 0 || MX_PROP_TYPE(m->vals[at].tag) != MX_PT_I8)
		return false;
	*ret = (uint64_t)m->vals[at].v.i8;
	return true;
}

static int own_bin(const struct maker *m, ULONG tag, const void *p, size_t n,
		   struct mx_propval *ret)
{
	void *copy = mx_arena_dup(m->a, p, n);

	if (!copy)
		return -ENOMEM;
	*ret = (struct mx_propval){.tag = tag, .v.bin = {(uint32_t)n, copy}};
	return 0;
}

static int own_eid(const struct maker *m, ULONG tag, uint64_t fid, uint64_t mid,
		   struct mx_propval *ret)
{
	uint8_t eid[MX_MESSAGE_ENTRYID_SIZE];
	size_t n;
	int err =
		mx_eid_make(m->st->logon, m->base, fid, mid, m->call, eid, &n);

	return err ? err : own_bin(m, tag, eid, n, ret);
}

static int32_t object_type(enum mx_table_kind kind)
{
	return kind == MX_TABLE_CONTENTS    ? (int32_t)MAPI_MESSAGE
	       : kind == MX_TABLE_HIERARCHY ? (int32_t)MAPI_FOLDER
					    : (int32_t)MAPI_ATTACH;
}

static int own_key(const struct maker *m, ULONG tag, struct mx_propval *ret)
{
	uint8_t key[MX_INSTANCE_KEY_SIZE];
	uint64_t fid = 0, inst = 0;
	uint32_t num = 0;

	wire_id(m, m->c->fid, &fid);
	wire_id(m, m->c->inst, &inst);
	if (m->c->num >= 0 &&
	    MX_PROP_TYPE(m->vals[m->c->num].tag) == MX_PT_LONG)
		num = (uint32_t)m->vals[m->c->num].v.i4;
	mx_table_instance_key(fid, inst, num, key);
	return own_bin(m, tag, key, sizeof(key), ret);
}

static int make_own(const struct maker *m, ULONG tag, struct mx_propval *ret)
{
	const struct mx_logon_info *info = mx_logon_info(m->st->logon);
	uint64_t fid, mid = 0;

	switch (PROP_ID(tag)) {
	case PROP_ID(PR_OBJECT_TYPE):
		*ret = (struct mx_propval){.tag = PR_OBJECT_TYPE,
					   .v.i4 = object_type(m->kind)};
		return 0;
	case PROP_ID(PR_STORE_SUPPORT_MASK):
		*ret = (struct mx_propval){.tag = PR_STORE_SUPPORT_MASK,
					   .v.i4 = MX_STORE_SUPPORT};
		return 0;
	case PROP_ID(PR_STORE_ENTRYID):
		return own_bin(m, PR_STORE_ENTRYID, m->st->eid, m->st->eid_n,
			       ret);
	case PROP_ID(PR_STORE_RECORD_KEY):
	case PROP_ID(PR_MAPPING_SIGNATURE):
		if (!info)
			break;
		return own_bin(m, CHANGE_PROP_TYPE(tag, PT_BINARY),
			       &info->mailbox_guid, 16, ret);
	case PROP_ID(PR_MDB_PROVIDER):
		return own_bin(m, PR_MDB_PROVIDER, mx_store_provider(m->st), 16,
			       ret);
	case PROP_ID(PR_INSTANCE_KEY):
		return own_key(m, PR_INSTANCE_KEY, ret);
	case PROP_ID(PR_PARENT_ENTRYID):
		if (!wire_id(m,
			     m->kind == MX_TABLE_CONTENTS ? m->c->fid
							  : m->c->parent_fid,
			     &fid))
			break;
		return own_eid(m, PR_PARENT_ENTRYID, fid, 0, ret);
	case PROP_ID(PR_ENTRYID):
	case PROP_ID(PR_RECORD_KEY):
	case PROP_ID(PR_LONGTERM_ENTRYID_FROM_TABLE):
		if (!wire_id(m, m->c->fid, &fid) ||
		    (m->kind == MX_TABLE_CONTENTS &&
		     !wire_id(m, m->c->mid, &mid)))
			break;
		return own_eid(m, CHANGE_PROP_TYPE(tag, PT_BINARY), fid, mid,
			       ret);
	default:
		break;
	}
	*ret = (struct mx_propval){.tag = CHANGE_PROP_TYPE(tag, PT_ERROR),
				   .v.err = (uint32_t)MAPI_E_NOT_FOUND};
	return 0;
}

int mx_columns_row(const struct mx_columns *c, struct mx_store *st,
		   enum mx_table_kind kind, struct mx_arena *scratch,
		   const struct mx_propval *vals, const struct mx_call *call,
		   struct mx_eid_base *base, SRow *ret)
{
	struct maker m = {c, st, kind, scratch, vals, call, base};
	struct mx_propval *row =
		mx_arena_newv(scratch, struct mx_propval, c->n + 1);
	HRESULT hr;

	if (!row)
		return -ENOMEM;
	for (ULONG i = 0; i < c->n; i++) {
		int err = 0;

		if (c->from[i] >= 0)
			row[i] = vals[c->from[i]];
		else
			err = make_own(&m, c->want[i], &row[i]);
		if (err)
			return err;
	}
	*ret = (SRow){0};
	hr = mx_conv_props(row, c->n, c->want, 0, &ret->lpProps);
	if (FAILED(hr))
		return -ENOMEM;
	ret->cValues = c->n;
	return 0;
}
