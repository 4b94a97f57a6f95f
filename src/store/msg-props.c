/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is computed of messages and attachments.
 */
#include <errno.h>
#include <string.h>

#include "store/entry.h"
#include "store/give.h"
#include "store/obj-private.h"
#include "store/tags.h"

const uint32_t mx_msg_computed_tags[] = {
	T_ENTRYID,
	T_RECORD_KEY,
	T_INSTANCE_KEY,
	T_STORE_ENTRYID,
	T_STORE_RECORD_KEY,
	T_MAPPING_SIGNATURE,
	T_PARENT_ENTRYID,
	T_OBJECT_TYPE,
	T_ACCESS,
	T_ACCESS_LEVEL,
	T_MESSAGE_SIZE,
	T_MESSAGE_SIZE_EX,
	T_HASATTACH,
	T_READ,
	T_ASSOCIATED,
	T_HAS_NAMED_PROPERTIES,
	T_SUBJECT_PREFIX,
	T_NORMALIZED_SUBJECT,
	T_SOURCE_KEY,
	T_PARENT_SOURCE_KEY,
	T_CHANGE_KEY,
	T_PREDECESSOR_CHANGE_LIST,
	T_CN,
	T_FID,
	T_PARENT_FID,
	T_MID,
	T_INST_ID,
	T_INSTANCE_NUM,
	T_DELETED_ON,
	T_DISPLAY_TO,
	T_DISPLAY_CC,
	T_DISPLAY_BCC,
	T_BODY,
	T_HTML,
	T_NATIVE_BODY_INFO,
	0,
};

const uint32_t mx_att_computed_tags[] = {
	T_ATTACH_NUM,        T_ATTACH_SIZE,
	T_OBJECT_TYPE,       T_ACCESS,
	T_ACCESS_LEVEL,      T_RECORD_KEY,
	T_STORE_ENTRYID,     T_STORE_RECORD_KEY,
	T_MAPPING_SIGNATURE, 0,
};

static int give_guid(const struct mx_guid *g, uint32_t tag, struct mx_arena *a,
		     struct mx_propval *ret)
{
	const uint8_t *p = mx_arena_dup(a, g->b, 16);

	return give_bin((struct mx_bin){16, p}, tag, ret);
}

static int of_store(struct mx_obj *o, uint32_t tag, struct mx_arena *a,
		    struct mx_propval *ret)
{
	switch (MX_PROP_ID(tag)) {
	case MX_PROP_ID(T_STORE_ENTRYID):
		return give_bin(mx_eid_store(o->mb->owner_dn, a),
				T_STORE_ENTRYID, ret);
	case MX_PROP_ID(T_STORE_RECORD_KEY):
		return give_guid(&o->db->guid, T_STORE_RECORD_KEY, a, ret);
	case MX_PROP_ID(T_MAPPING_SIGNATURE):
		return give_guid(&o->db->guid, T_MAPPING_SIGNATURE, a, ret);
	default:
		return 0;
	}
}

/* Names of a message; one that is not on disk has none yet. */
static int keys(struct mx_obj *o, uint32_t tag, struct mx_arena *a,
		struct mx_propval *ret)
{
	const struct mx_msg *m = o->msg;
	struct mx_mdb *db = o->db;

	if (!o->parent && MX_PROP_ID(tag) == MX_PROP_ID(T_PARENT_ENTRYID))
		return give_bin(mx_eid_folder(db, m->fid, a), T_PARENT_ENTRYID,
				ret);
	if (!o->parent && MX_PROP_ID(tag) == MX_PROP_ID(T_PARENT_SOURCE_KEY))
		return give_bin(mx_xid(db, m->fid, a), T_PARENT_SOURCE_KEY,
				ret);
	if (!m->id)
		return 0;
	switch (MX_PROP_ID(tag)) {
	case MX_PROP_ID(T_ENTRYID):
		return give_bin(mx_eid_message(db, m->fid, m->id, a), T_ENTRYID,
				ret);
	case MX_PROP_ID(T_RECORD_KEY):
		return give_bin(mx_eid_message(db, m->fid, m->id, a),
				T_RECORD_KEY, ret);
	case MX_PROP_ID(T_INSTANCE_KEY):
		return give_bin(mx_instance_key(m->fid, m->id, 0, a),
				T_INSTANCE_KEY, ret);
	case MX_PROP_ID(T_SOURCE_KEY):
		return give_bin(mx_xid(db, m->id, a), T_SOURCE_KEY, ret);
	case MX_PROP_ID(T_CHANGE_KEY):
		return give_bin(mx_xid(db, m->cn, a), T_CHANGE_KEY, ret);
	case MX_PROP_ID(T_PREDECESSOR_CHANGE_LIST):
		return give_bin(mx_pcl(db, m->cn, a), T_PREDECESSOR_CHANGE_LIST,
				ret);
	case MX_PROP_ID(T_CN):
		return give_i8((int64_t)mx_mdb_id(m->cn), T_CN, ret);
	case MX_PROP_ID(T_FID):
		return give_i8((int64_t)mx_mdb_id(m->fid), T_FID, ret);
	case MX_PROP_ID(T_PARENT_FID):
		return give_i8((int64_t)mx_mdb_id(m->fid), T_PARENT_FID, ret);
	case MX_PROP_ID(T_MID):
		return give_i8((int64_t)mx_mdb_id(m->id), T_MID, ret);
	case MX_PROP_ID(T_INST_ID):
		return give_i8((int64_t)mx_mdb_id(m->id), T_INST_ID, ret);
	case MX_PROP_ID(T_INSTANCE_NUM):
		return give_i4(0, T_INSTANCE_NUM, ret);
	case MX_PROP_ID(T_DELETED_ON):
		return m->deleted ? give_i8(m->deleted, T_DELETED_ON, ret) : 0;
	default:
		return 0;
	}
}

static int subject_part(const struct mx_msg *m, uint32_t tag,
			struct mx_arena *a, struct mx_propval *ret)
{
	const struct mx_ent *e = mx_bag_find(&m->bag, MX_PROP_ID(T_SUBJECT));
	const char *s = mx_bag_str(&m->bag, T_SUBJECT, NULL);

	if (!e)
		return 0;
	if (MX_PROP_ID(tag) == MX_PROP_ID(T_SUBJECT_PREFIX))
		return give_str(mx_bag_str(&m->bag, T_SUBJECT_PREFIX, ""),
				T_SUBJECT_PREFIX, a, ret);
	if (s)
		return give_str(s + mx_msg_prefix_len(m), T_NORMALIZED_SUBJECT,
				a, ret);
	/* A large one has no prefix. */
	if (mx_ent_value(e, T_SUBJECT, 0, 65001, true, a, ret))
		return -ENOMEM;
	ret->tag = T_NORMALIZED_SUBJECT;
	return 1;
}

/* [MS-OXCMSG] 2.2.1.58: 1 plain, 2 RTF, 3 HTML, 0 undefined. */
static int native_body(const struct mx_bag *b)
{
	if (mx_bag_find(b, MX_PROP_ID(T_HTML)))
		return 3;
	if (mx_bag_find(b, MX_PROP_ID(T_RTF_COMPRESSED)))
		return 2;
	return mx_bag_find(b, MX_PROP_ID(T_BODY)) ? 1 : 0;
}

int mx_msg_computed(struct mx_obj *o, uint32_t tag, struct mx_arena *a,
		    struct mx_propval *ret)
{
	const struct mx_msg *m = o->msg;
	const struct mx_bag *b = &m->bag;
	int32_t flags = mx_bag_i4(b, T_MESSAGE_FLAGS, 0);
	int r;

	switch (MX_PROP_ID(tag)) {
	case MX_PROP_ID(T_OBJECT_TYPE):
		return give_i4(5, T_OBJECT_TYPE, ret); /* MAPI_MESSAGE */
	case MX_PROP_ID(T_ACCESS): /* modify, read, delete */
		return give_i4(!o->mb->may_write ? 2
			       : m->id           ? 7
						 : 3,
			       T_ACCESS, ret);
	case MX_PROP_ID(T_ACCESS_LEVEL):
		return give_i4(!o->read_only, T_ACCESS_LEVEL, ret);
	case MX_PROP_ID(T_MESSAGE_SIZE):
		if (MX_PROP_TYPE(tag) == MX_PT_I8)
			return give_i8((int64_t)mx_msg_size(m),
				       T_MESSAGE_SIZE_EX, ret);
		return give_i4((int64_t)mx_msg_size(m), T_MESSAGE_SIZE, ret);
	case MX_PROP_ID(T_HASATTACH):
		return give_bool(flags & MF_HASATTACH, T_HASATTACH, ret);
	case MX_PROP_ID(T_READ):
		return give_bool(flags & MF_READ, T_READ, ret);
	case MX_PROP_ID(T_ASSOCIATED):
		return give_bool(m->assoc, T_ASSOCIATED, ret);
	case MX_PROP_ID(T_HAS_NAMED_PROPERTIES):
		return give_bool(b->n && MX_PROP_ID(b->e[b->n - 1].tag) >=
						 0x8000,
				 T_HAS_NAMED_PROPERTIES, ret);
	case MX_PROP_ID(T_SUBJECT_PREFIX):
	case MX_PROP_ID(T_NORMALIZED_SUBJECT):
		return subject_part(m, tag, a, ret);
	case MX_PROP_ID(T_BODY):
	case MX_PROP_ID(T_HTML):
		return mx_bag_find(b, MX_PROP_ID(tag))
			       ? 0
			       : mx_body_convert(b, tag, a, ret);
	case MX_PROP_ID(T_NATIVE_BODY_INFO):
		r = native_body(b);
		return r ? give_i4(r, T_NATIVE_BODY_INFO, ret) : 0;
	default:
		break;
	}
	r = keys(o, tag, a, ret);
	return r ? r : of_store(o, tag, a, ret);
}

int mx_att_computed(struct mx_obj *o, uint32_t tag, struct mx_arena *a,
		    struct mx_propval *ret)
{
	const struct mx_att *att = o->att;
	uint64_t size;

	switch (MX_PROP_ID(tag)) {
	case MX_PROP_ID(T_ATTACH_NUM):
		return give_i4(att->num, T_ATTACH_NUM, ret);
	case MX_PROP_ID(T_ATTACH_SIZE):
		size = mx_bag_size(&att->bag);
		size += att->child ? mx_msg_size(att->child) : 0;
		return give_i4((int64_t)size, T_ATTACH_SIZE, ret);
	case MX_PROP_ID(T_OBJECT_TYPE):
		return give_i4(7, T_OBJECT_TYPE, ret); /* MAPI_ATTACH */
	case MX_PROP_ID(T_ACCESS):
		return give_i4(o->mb->may_write ? 7 : 2, T_ACCESS, ret);
	case MX_PROP_ID(T_ACCESS_LEVEL):
		return give_i4(!o->read_only, T_ACCESS_LEVEL, ret);
	case MX_PROP_ID(T_RECORD_KEY):
		return give_bin((struct mx_bin){4,
						mx_arena_dup(a, &att->num, 4)},
				T_RECORD_KEY, ret);
	default:
		return of_store(o, tag, a, ret);
	}
}
