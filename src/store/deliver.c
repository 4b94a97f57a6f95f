/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New mail: what a message becomes in its recipient's mailbox.  [MS-OXOMSG]
 * 3.2.5, 2.2.1.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "store/dir.h"
#include "store/entry.h"
#include "store/folder-private.h"
#include "store/submit.h"
#include "store/tags.h"

/* Blind copies are nobody else's business. */
static void drop_bcc(struct mx_msg *m)
{
	size_t out = 0;

	for (size_t i = 0; i < m->n_rcps; i++) {
		if ((m->rcps[i].type & 0x0f) == 3)
			mx_bag_fini(&m->rcps[i].bag);
		else
			m->rcps[out++] = m->rcps[i];
	}
	m->n_rcps = out;
}

static int received_by(struct mx_bag *b, const struct mx_user *to)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_bin eid = mx_eid_user(to->dn, &a);
	struct mx_bin key = mx_search_key("EX", to->dn, &a);
	int r = 0;

	if (!eid.p || !key.p)
		return -ENOMEM;
	r |= mx_bag_set_bin(b, T_RECEIVED_BY_ENTRYID, eid.p, eid.n);
	r |= mx_bag_set_bin(b, T_RECEIVED_BY_SEARCH_KEY, key.p, key.n);
	r |= mx_bag_set_str(b, T_RECEIVED_BY_NAME, to->display);
	r |= mx_bag_set_str(b, T_RECEIVED_BY_ADDRTYPE, "EX");
	r |= mx_bag_set_str(b, T_RECEIVED_BY_EMAIL, to->dn);
	r |= mx_bag_set_bin(b, T_RCVD_REPRESENTING_ENTRYID, eid.p, eid.n);
	r |= mx_bag_set_bin(b, T_RCVD_REPRESENTING_SEARCH_KEY, key.p, key.n);
	r |= mx_bag_set_str(b, T_RCVD_REPRESENTING_NAME, to->display);
	r |= mx_bag_set_str(b, T_RCVD_REPRESENTING_ADDRTYPE, "EX");
	r |= mx_bag_set_str(b, T_RCVD_REPRESENTING_EMAIL, to->dn);
	return r ? -ENOMEM : 0;
}

static int dress(struct mx_msg *m, const struct mx_user *to, unsigned type)
{
	struct mx_bag *b = &m->bag;
	const char *from = mx_bag_str(b, T_SENDER_EMAIL, "");
	int32_t flags = mx_bag_i4(b, T_MESSAGE_FLAGS, 0);
	int64_t now = (int64_t)mx_filetime_now().t;
	int r;

	flags &= ~(MF_READ | MF_EVERREAD | MF_UNSENT | MF_SUBMITTED |
		   MF_FROMME | MF_NOTIFYREAD | MF_NOTIFYUNREAD);
	flags |= MF_UNMODIFIED;
	if (!strcasecmp(from, to->dn) || !strcasecmp(from, to->smtp))
		flags |= MF_FROMME;
	if (mx_bag_bool(b, T_READ_RECEIPT_REQUESTED))
		flags |= MF_NOTIFYREAD | MF_NOTIFYUNREAD;
	r = received_by(b, to);
	if (r)
		return r;
	r |= mx_bag_set_i4(b, T_MESSAGE_FLAGS, flags);
	r |= mx_bag_set_i8(b, T_MESSAGE_DELIVERY_TIME, now);
	r |= mx_bag_set_i8(b, T_CREATION_TIME, now);
	r |= mx_bag_set_i8(b, T_LAST_MODIFICATION_TIME, now);
	r |= mx_bag_set_bool(b, T_MESSAGE_TO_ME, type == 1);
	r |= mx_bag_set_bool(b, T_MESSAGE_CC_ME, type == 2);
	r |= mx_bag_set_bool(b, T_MESSAGE_RECIP_ME, type == 1 || type == 2);
	if (r)
		return -ENOMEM;
	drop_bcc(m);
	return mx_msg_refresh(m);
}

static int raise_new_mail(struct mx_mdb *db, const struct mx_msg *m)
{
	struct mx_event ev = {
		.type = MX_EV_CREATED,
		.fid = mx_mdb_id(m->fid),
		.mid = mx_mdb_id(m->id),
		.parent_fid = mx_mdb_id(m->fid),
		.flags = (uint32_t)mx_bag_i4(&m->bag, T_MESSAGE_FLAGS, 0),
	};
	int r = mx_mdb_raise(db, &ev);

	ev.type = MX_EV_NEW_MAIL;
	ev.unicode_class = true;
	ev.message_class = mx_bag_str(&m->bag, T_MESSAGE_CLASS, "IPM");
	mx_mdb_touch(db, m->fid, m->id, false);
	return r ? r : mx_mdb_raise(db, &ev);
}

int mx_deliver(struct mx_mdb *db, struct mx_msg *m, const struct mx_user *to,
	       int64_t recip)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	unsigned type = recip >= 0 && (size_t)recip < m->n_rcps
				? m->rcps[recip].type & 0x0f
				: 0;
	const char *class;
	int64_t fid;
	int r = dress(m, to, type);

	if (!r)
		r = mx_receive_folder(db,
				      mx_bag_str(&m->bag, T_MESSAGE_CLASS, ""),
				      &a, &fid, &class);
	if (!r)
		r = mx_msg_insert_copy(db, m, fid);
	if (!r)
		r = raise_new_mail(db, m);
	return r ? r : mx_mdb_raise_counts(db, fid);
}
