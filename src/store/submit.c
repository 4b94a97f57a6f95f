/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Submitting a message; the picture of the whole is in submit.h. */
#include "store/submit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/rand.h"
#include "store/dir-private.h"
#include "store/entry.h"
#include "store/folder-private.h"
#include "store/message.h"
#include "store/sql.h"
#include "store/tags.h"

#define T_SENTMAIL_SVREID 0x674000fb
#define TOKEN_LEN 16

int mx_submit_mark(struct mx_mdb *db)
{
	int r = db->send_marked ? 0
				: mx_dir_mark_sending(db->st, &db->guid, true);

	db->send_marked = db->send_marked || !r;
	return r;
}

void mx_submit_unmark(struct mx_mdb *db)
{
	int64_t n;

	mx_mdb_lock(db);
	/* A mark too many costs an opening at the next start, no more. */
	if (db->send_marked &&
	    mx_db_get_int(&db->db, &n, SQL_OUTQ_COUNT, "") == 1 && !n &&
	    !mx_dir_mark_sending(db->st, &db->guid, false))
		db->send_marked = false;
	mx_mdb_unlock(db);
}

/* The mailbox of an address: 1 with *ret; 0 nobody's. */
static int resolve(struct mx_store *st, const char *address,
		   struct mx_guid *ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_user u;
	int r = *address ? mx_dir_any(st, address, &a, &u)
			 : MX_ANS_UNKNOWN_USER;

	if (r)
		return r == MX_ANS_UNKNOWN_USER ? 0 : r;
	memcpy(ret->b, u.mailbox, 16);
	return 1;
}

static int write_transit(struct mx_mdb *db, const struct mx_msg *m,
			 int64_t *ret_id)
{
	int r;

	if (*ret_id)
		return 0;
	r = mx_mdb_new_id(db, ret_id);
	return r ? r : mx_msg_write_parts(db, m, *ret_id, 0);
}

int mx_submit_queue(struct mx_mdb *db, const struct mx_msg *m, int64_t *msg_id,
		    int64_t sent, const char *address, int64_t recip)
{
	uint8_t token[TOKEN_LEN];
	struct mx_guid mailbox;
	int known = resolve(db->st, address, &mailbox);
	int r = known < 0 ? known : mx_random(token, sizeof(token));

	if (!r)
		r = write_transit(db, m, msg_id);
	if (!r)
		r = mx_db_do(&db->db, SQL_OUTQ_INSERT, "iibtibt", *msg_id, sent,
			     token, TOKEN_LEN, address, recip,
			     known ? mailbox.b : NULL, known ? 16 : 0,
			     known ? NULL : "There is no such recipient.");
	return r;
}

/* ---- What a sent message says of its sender ---- */

static int set_party(struct mx_bag *b, const uint32_t tags[5], const char *dn,
		     const char *display)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_bin eid = mx_eid_user(dn, &a);
	struct mx_bin key = mx_search_key("EX", dn, &a);
	int r = 0;

	if (!eid.p || !key.p)
		return -ENOMEM;
	r |= mx_bag_set_bin(b, tags[0], eid.p, eid.n);
	r |= mx_bag_set_str(b, tags[1], display);
	r |= mx_bag_set_str(b, tags[2], "EX");
	r |= mx_bag_set_str(b, tags[3], dn);
	r |= mx_bag_set_bin(b, tags[4], key.p, key.n);
	return r ? -ENOMEM : 0;
}

static const uint32_t sender_tags[5] = {T_SENDER_ENTRYID, T_SENDER_NAME,
					T_SENDER_ADDRTYPE, T_SENDER_EMAIL,
					T_SENDER_SEARCH_KEY};
static const uint32_t repr_tags[5] = {T_SENT_REPRESENTING_ENTRYID,
				      T_SENT_REPRESENTING_NAME,
				      T_SENT_REPRESENTING_ADDRTYPE,
				      T_SENT_REPRESENTING_EMAIL,
				      T_SENT_REPRESENTING_SEARCH_KEY};

/* Whether who acts may send as the represented sender. */
static int check_represented(struct mx_mbox *mb, const struct mx_bag *b,
			     struct mx_arena *a, struct mx_user *ret)
{
	const char *who = mx_eid_user_dn(mx_bag_bin(b, repr_tags[0]));
	unsigned rights = 0;
	int r;

	if (!who)
		who = mx_bag_str(b, repr_tags[3], NULL);
	if (!who || !*who)
		who = mb->owner_dn;
	r = mx_dir_any(mb->db->st, who, a, ret);
	if (r)
		return r == MX_ANS_UNKNOWN_USER ? MX_ANS_ACCESS_DENIED : r;
	r = mx_dir_rights(mb->db->st, ret->mailbox, mb->user, &rights);
	if (r)
		return r;
	return rights & (MX_GRANT_SEND_AS | MX_GRANT_SEND_BEHALF |
			 MX_GRANT_FULL)
		       ? 0
		       : MX_ANS_ACCESS_DENIED;
}

static int set_sender(struct mx_obj *o)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_bag *b = &o->msg->bag;
	struct mx_mbox *mb = o->mb;
	struct mx_user u;
	unsigned rights = 0;
	int r = check_represented(mb, b, &a, &u);

	if (!r)
		r = mx_dir_rights(mb->db->st, u.mailbox, mb->user, &rights);
	if (r)
		return r;
	/* Send-as: the represented one is the sender.  [MS-OXOMSG] 3.2.5.1 */
	r = rights & MX_GRANT_SEND_AS
		    ? set_party(b, sender_tags, u.dn, u.display)
		    : set_party(b, sender_tags, mb->user_dn, mb->user_display);
	return r ? r : set_party(b, repr_tags, u.dn, u.display);
}

static int set_submitted(struct mx_obj *o)
{
	struct mx_bag *b = &o->msg->bag;
	int64_t now = (int64_t)mx_filetime_now().t;
	int32_t flags = mx_bag_i4(b, T_MESSAGE_FLAGS, 0);
	char id[80];
	uint64_t rnd[2];
	int r = set_sender(o);

	flags &= ~(MF_UNSENT | MF_SUBMITTED);
	flags |= MF_READ | MF_EVERREAD | MF_FROMME;
	if (!r)
		r = mx_bag_set_i4(b, T_MESSAGE_FLAGS, flags);
	if (!r && !mx_bag_find(b, MX_PROP_ID(T_CLIENT_SUBMIT_TIME)))
		r = mx_bag_set_i8(b, T_CLIENT_SUBMIT_TIME, now);
	if (!r)
		r = mx_bag_set_i8(b, T_MESSAGE_DELIVERY_TIME, now);
	if (r || mx_bag_find(b, MX_PROP_ID(T_INTERNET_MESSAGE_ID)))
		return r;
	r = mx_random(rnd, sizeof(rnd));
	snprintf(id, sizeof(id), "<%016llx%016llx@mapiary>",
		 (unsigned long long)rnd[0], (unsigned long long)rnd[1]);
	return r ? r : mx_bag_set_str(b, T_INTERNET_MESSAGE_ID, id);
}

/* ---- Queueing the recipients ---- */

/* What to find a recipient by; "" when nothing says it. */
static const char *address_of(const struct mx_bag *b)
{
	const char *s = mx_bag_str(b, T_EMAIL_ADDRESS, "");

	if (!*s)
		s = mx_bag_str(b, T_SMTP_ADDRESS, "");
	if (!*s) {
		s = mx_eid_user_dn(mx_bag_bin(b, T_ENTRYID));
		s = s ? s : "";
	}
	return s;
}

/* One copy each, also for somebody who is addressed twice. */
static int queue_all(struct mx_mdb *db, struct mx_msg *m, int64_t sent)
{
	MX_AUTO(mx_buf_auto) struct mx_buf seen = {0};
	int64_t msg_id = 0;
	int r = 0;

	for (size_t i = 0; !r && i < m->n_rcps; i++) {
		const char *address = address_of(&m->rcps[i].bag);
		struct mx_guid g;
		int known = resolve(db->st, address, &g);
		bool twice = false;

		if (known < 0)
			return known;
		for (size_t k = 0; known && k < seen.len; k += 16)
			twice = twice || !memcmp(seen.p + k, g.b, 16);
		if (twice)
			continue;
		if (known)
			r = mx_buf_put(&seen, g.b, 16);
		if (!r)
			r = mx_submit_queue(db, m, &msg_id, sent, address,
					    (int64_t)i);
	}
	return r;
}

/* ---- The sender's copy ---- */

/* Where it goes; 0: nowhere. */
static int64_t sent_folder(struct mx_mdb *db, const struct mx_bag *b)
{
	struct mx_bin eid = mx_bag_bin(b, T_SENTMAIL_ENTRYID);
	struct mx_bin sv = mx_bag_bin(b, T_SENTMAIL_SVREID);
	int64_t fid = 0, mid;
	uint64_t id;

	if (mx_bag_bool(b, T_DELETE_AFTER_SUBMIT))
		return 0;
	if (eid.n && !mx_eid_parse(db, eid.p, eid.n, &fid, &mid))
		fid = 0;
	if (!fid && sv.n >= 9 && sv.p[0] == 1) {
		memcpy(&id, sv.p + 1, 8);
		fid = mx_mdb_counter(id);
	}
	if (!fid || mx_folder_live(db, fid))
		fid = db->fid[MX_FLD_SENT];
	return fid;
}

static int raise_sent(struct mx_obj *o, int64_t old_fid, int64_t old_id)
{
	const struct mx_msg *m = o->msg;
	struct mx_event ev = {
		.type = !m->id   ? MX_EV_DELETED
			: old_id ? MX_EV_MOVED
				 : MX_EV_CREATED,
		.fid = mx_mdb_id(m->id ? m->fid : old_fid),
		.mid = mx_mdb_id(m->id ? m->id : old_id),
		.old_fid = m->id && old_id ? mx_mdb_id(old_fid) : 0,
		.old_mid = m->id ? mx_mdb_id(old_id) : 0,
	};
	int r = 0;

	ev.parent_fid = ev.fid;
	ev.old_parent_fid = ev.old_fid;
	if (!m->id && !old_id)
		return 0;
	if (m->id)
		mx_mdb_touch(o->db, m->fid, m->id, false);
	if (old_id) {
		mx_mdb_touch(o->db, old_fid, old_id, false);
		r = mx_mdb_raise_counts(o->db, old_fid);
	}
	if (!r && m->id)
		r = mx_mdb_raise_counts(o->db, m->fid);
	return r ? r : mx_mdb_raise(o->db, &ev);
}

/* The message leaves its folder for the one of sent mail, with a new MID. */
static int keep_copy(struct mx_obj *o)
{
	struct mx_msg *m = o->msg;
	int64_t old_id = m->id, old_fid = m->fid;
	int64_t fid = sent_folder(o->db, &m->bag);
	int r = 0;

	m->id = 0;
	if (fid) {
		int32_t size = (int32_t)mx_msg_size(m);

		r = mx_bag_set_i4(&m->bag, T_MESSAGE_SIZE, size);
		if (!r)
			r = mx_msg_insert_copy(o->db, m, fid);
	}
	if (!r && old_id)
		r = mx_msg_erase(o->db, old_id);
	return r ? r : raise_sent(o, old_fid, old_id);
}

static int check_unchanged(struct mx_obj *o)
{
	struct mx_msg_where w;
	int r;

	if (!o->msg->id)
		return 0;
	r = mx_msg_where(o->db, o->msg->id, &w);
	if (r || w.deleted)
		return r && r != MX_ANS_NOT_FOUND ? r : MX_ANS_OBJECT_DELETED;
	o->msg->fid = w.fid;
	return w.cn == o->msg->cn ? 0 : MX_ANS_OBJECT_MODIFIED;
}

static int submit_txn(struct mx_obj *o)
{
	MX_MTXN(txn);
	int r = mx_mtxn_begin(&txn, o->db);

	if (!r)
		r = check_unchanged(o);
	if (!r)
		r = set_submitted(o);
	if (!r)
		r = mx_msg_refresh(o->msg);
	if (!r)
		r = keep_copy(o);
	if (!r)
		r = queue_all(o->db, o->msg, o->msg->id);
	return r ? r : mx_mtxn_commit(&txn);
}

/* On a failure the handle is as it was. */
static int submit_locked(struct mx_obj *o)
{
	struct mx_msg *before;
	int r;

	if (!o->msg->n_rcps)
		return MX_ANS_NO_RECIPIENTS;
	if (mx_bag_i4(&o->msg->bag, T_MESSAGE_FLAGS, 0) & MF_SUBMITTED)
		return MX_ANS_SUBMITTED;
	r = mx_msg_clone(o->msg, &before);
	if (!r)
		r = mx_submit_mark(o->db);
	else
		return r;
	if (!r)
		r = submit_txn(o);
	if (r) {
		mx_msg_free(o->msg);
		o->msg = before;
		return r;
	}
	mx_msg_free(before);
	o->dirty = false;
	o->read_only = true;
	o->fid = o->msg->fid;
	return 0;
}

int mx_msg_submit(struct mx_obj *msg, unsigned flags)
{
	int r;

	if (msg->kind != MX_OBJ_MESSAGE || msg->parent)
		return MX_ANS_NOT_SUPPORTED;
	if (!msg->mb->may_write)
		return MX_ANS_ACCESS_DENIED;
	if (!(mx_bag_i4(&msg->msg->bag, T_MESSAGE_FLAGS, 0) & MF_UNSENT))
		return MX_ANS_SUBMITTED;
	mx_mdb_lock(msg->db);
	r = submit_locked(msg);
	mx_mdb_unlock(msg->db);
	if (!r)
		mx_submit_pump(msg->db); /* what fails stays queued */
	return r;
}

int mx_msg_abort_submit(struct mx_mbox *mb, uint64_t fid, uint64_t mid)
{
	struct mx_msg_where w;
	int64_t n = 0;
	int r;

	mx_mdb_lock(mb->db);
	r = mx_msg_where(mb->db, mx_mdb_counter(mid), &w);
	if (!r && w.fid != mx_mdb_counter(fid))
		r = MX_ANS_NOT_FOUND;
	if (!r) {
		r = mx_db_get_int(&mb->db->db, &n, SQL_OUTQ_OF_SENT, "i", w.id);
		r = r < 0 ? r
		    : n   ? MX_ANS_UNABLE_TO_ABORT
			  : MX_ANS_NOT_IN_QUEUE;
	}
	mx_mdb_unlock(mb->db);
	return r;
}
