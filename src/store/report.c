/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reports: non-delivery into the sender's Inbox, read and non-read receipts on
 * their way to who asked.  [MS-OXOMSG] 2.2.2, 3.2.5.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/rand.h"
#include "store/dir.h"
#include "store/entry.h"
#include "store/folder-private.h"
#include "store/submit.h"
#include "store/tags.h"

/* A report of class REPORT.<class>.<what> with its subject and body. */
static int report_new(const struct mx_msg *about, const char *what,
		      const char *subject, const char *text,
		      struct mx_msg **ret)
{
	MX_AUTO(mx_msg_auto) struct mx_msg *m = mx_msg_new();
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	const char *s = mx_bag_str(&about->bag, T_SUBJECT, "");
	int64_t now = (int64_t)mx_filetime_now().t;
	struct mx_bag *b = m ? &m->bag : NULL;
	char *class, *title;
	uint8_t key[16];
	int r;

	if (!m || mx_random(key, sizeof(key)))
		return -ENOMEM;
	class = mx_arena_printf(
		&a, "REPORT.%s.%s",
		mx_bag_str(&about->bag, T_MESSAGE_CLASS, "IPM.Note"), what);
	title = mx_arena_printf(&a, "%s: %s", subject, s);
	if (!class || !title)
		return -ENOMEM;
	r = mx_bag_set_str(b, T_MESSAGE_CLASS, class);
	r |= mx_bag_set_str(b, T_SUBJECT, title);
	r |= mx_bag_set_str(b, T_SUBJECT_PREFIX, "");
	r |= mx_bag_set_str(b, T_BODY, text);
	r |= mx_bag_set_str(b, T_REPORT_TEXT, text);
	r |= mx_bag_set_i8(b, T_REPORT_TIME, now);
	r |= mx_bag_set_i8(b, T_CREATION_TIME, now);
	r |= mx_bag_set_i8(b, T_LAST_MODIFICATION_TIME, now);
	r |= mx_bag_set_i8(b, T_CLIENT_SUBMIT_TIME, now);
	r |= mx_bag_set_i4(b, T_IMPORTANCE, 1);
	r |= mx_bag_set_i4(b, T_SENSITIVITY, 0);
	r |= mx_bag_set_bin(b, T_SEARCH_KEY, key, sizeof(key));
	r |= mx_bag_set_str(b, T_ORIGINAL_SUBJECT, s);
	r |= mx_bag_set_i8(b, T_ORIGINAL_SUBMIT_TIME,
			   mx_bag_i8(&about->bag, T_CLIENT_SUBMIT_TIME, now));
	if (r)
		return -ENOMEM;
	*ret = MX_STEAL(m);
	return 0;
}

static int copy_prop(const struct mx_bag *from, uint32_t tag, struct mx_bag *to,
		     uint32_t to_tag)
{
	const struct mx_ent *e = mx_bag_find(from, MX_PROP_ID(tag));

	if (!e || e->tag != tag || e->big)
		return 0;
	return mx_bag_set_raw(to, to_tag, e->p, e->len);
}

static int add_rcp(struct mx_msg *m, const struct mx_bag *bag)
{
	m->rcps = calloc(1, sizeof(*m->rcps));
	if (!m->rcps)
		return -ENOMEM;
	m->n_rcps = 1;
	m->rcps[0].type = 1;
	return bag ? mx_bag_clone(bag, &m->rcps[0].bag) : 0;
}

/* ---- Non-delivery ---- */

int mx_report_ndr(struct mx_mdb *db, const struct mx_msg *m, int64_t recip,
		  const char *address, const char *reason)
{
	MX_AUTO(mx_msg_auto) struct mx_msg *rep = NULL;
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	const struct mx_bag *who = recip >= 0 && (size_t)recip < m->n_rcps
					   ? &m->rcps[recip].bag
					   : NULL;
	const char *name = who ? mx_bag_str(who, T_DISPLAY_NAME, address)
			       : address;
	MX_AUTO(mx_arena_auto) struct mx_arena tmp = {0};
	struct mx_user sender;
	const char *text;
	int r;

	/* A report about a report would go round for ever. */
	if (!strncasecmp(mx_bag_str(&m->bag, T_MESSAGE_CLASS, ""), "REPORT.",
			 7))
		return 0;
	text = mx_arena_printf(&a,
			       "Your message did not reach:\r\n\r\n"
			       "    %s <%s>\r\n\r\n%s\r\n",
			       name, address, reason);
	r = text ? report_new(m, "NDR", "Undeliverable", text, &rep) : -ENOMEM;
	if (!r)
		r = add_rcp(rep, who);
	if (!r)
		r = mx_bag_set_str(&rep->rcps[0].bag, T_REPORT_TEXT, reason);
	if (!r) /* unable to transfer, unrecognised name: X.400's codes */
		r = mx_bag_set_i4(&rep->rcps[0].bag, T_NDR_REASON_CODE, 1);
	if (!r)
		r = mx_bag_set_i4(&rep->rcps[0].bag, T_NDR_DIAG_CODE, 1);
	if (!r)
		r = mx_bag_set_i4(&rep->rcps[0].bag, T_NDR_STATUS_CODE, 550);
	if (!r)
		r = mx_bag_set_str(&rep->bag, T_SENDER_NAME, "Mail delivery");
	if (!r)
		r = mx_bag_set_str(&rep->bag, T_SENT_REPRESENTING_NAME,
				   "Mail delivery");
	if (!r)
		r = copy_prop(&m->bag, T_SEARCH_KEY, &rep->bag,
			      T_REPORT_SEARCH_KEY);
	if (!r)
		r = mx_dir_by_mailbox(db->st, db->guid.b, &tmp, &sender);
	return r ? r : mx_deliver(db, rep, &sender, -1);
}

/* ---- Receipts ---- */

static int report_party(struct mx_mbox *mb, struct mx_bag *b)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	struct mx_bin eid = mx_eid_user(mb->owner_dn, &a);
	int r = eid.p ? 0 : -ENOMEM;

	if (r)
		return r;
	r |= mx_bag_set_bin(b, T_SENDER_ENTRYID, eid.p, eid.n);
	r |= mx_bag_set_str(b, T_SENDER_NAME, mb->owner_display);
	r |= mx_bag_set_str(b, T_SENDER_ADDRTYPE, "EX");
	r |= mx_bag_set_str(b, T_SENDER_EMAIL, mb->owner_dn);
	r |= mx_bag_set_bin(b, T_SENT_REPRESENTING_ENTRYID, eid.p, eid.n);
	r |= mx_bag_set_str(b, T_SENT_REPRESENTING_NAME, mb->owner_display);
	r |= mx_bag_set_str(b, T_SENT_REPRESENTING_ADDRTYPE, "EX");
	r |= mx_bag_set_str(b, T_SENT_REPRESENTING_EMAIL, mb->owner_dn);
	return r ? -ENOMEM : 0;
}

int mx_report_read(struct mx_mbox *mb, int64_t mid, bool read)
{
	MX_AUTO(mx_msg_auto) struct mx_msg *m = NULL;
	MX_AUTO(mx_msg_auto) struct mx_msg *rep = NULL;
	MX_AUTO(mx_arena_auto) struct mx_arena a = {0};
	const char *to, *text;
	int64_t msg_id = 0;
	int r = mx_msg_load(mb->db, mid, &m);

	if (r)
		return r;
	to = mx_eid_user_dn(mx_bag_bin(&m->bag, T_READ_RECEIPT_ENTRYID));
	if (!to)
		to = mx_bag_str(&m->bag, T_SENT_REPRESENTING_EMAIL, "");
	if (!*to)
		to = mx_bag_str(&m->bag, T_SENDER_EMAIL, "");
	if (!*to)
		return 0; /* nobody to tell */
	text = mx_arena_printf(
		&a, "Your message\r\n\r\n    %s\r\n\r\n%s %s.\r\n",
		mx_bag_str(&m->bag, T_SUBJECT, ""),
		read ? "was read by" : "was deleted without being read by",
		mb->owner_display);
	r = text ? report_new(m, read ? "IPNRN" : "IPNNRN",
			      read ? "Read" : "Not read", text, &rep)
		 : -ENOMEM;
	if (!r)
		r = add_rcp(rep, NULL);
	if (!r)
		r = mx_bag_set_str(&rep->rcps[0].bag, T_ADDRTYPE,
				   *to == '/' ? "EX" : "SMTP");
	if (!r)
		r = mx_bag_set_str(&rep->rcps[0].bag, T_EMAIL_ADDRESS, to);
	if (!r)
		r = mx_bag_set_str(&rep->rcps[0].bag, T_DISPLAY_NAME,
				   mx_bag_str(&m->bag, T_SENT_REPRESENTING_NAME,
					      to));
	if (!r)
		r = report_party(mb, &rep->bag);
	if (!r)
		r = copy_prop(&m->bag, T_SEARCH_KEY, &rep->bag,
			      T_REPORT_SEARCH_KEY);
	if (!r)
		r = mx_submit_mark(mb->db);
	return r ? r : mx_submit_queue(mb->db, rep, &msg_id, 0, to, 0);
}

void mx_reports_send(struct mx_mbox *mb)
{
	if (mb->db->send_marked)
		mx_submit_pump(mb->db);
}
