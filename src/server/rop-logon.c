/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* ROPs on the mailbox: logon, receive folder, ids.  [MS-OXCSTOR] */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "server/exec.h"
#include "server/rop.h"
#include "store/dir.h"
#include "store/mbox.h"

/* LogonFlags.  2.2.1.1.1 */
#define LOGON_PRIVATE 0x01
#define LOGON_ECHOED 0x07 /* Private, Undercover, Ghosted */
#define LOGON_KNOWN 0x0f
/* OpenFlags we know of; the rest is undefined. */

#define OPEN_PUBLIC 0x00000002
#define OPEN_KNOWN 0x2100070f
/* ResponseFlags.  2.2.1.1.3 */
#define RESPONSE_RESERVED 0x01
#define RESPONSE_OWNER 0x02
#define RESPONSE_SEND_AS 0x04

static uint32_t mailbox_of(struct mx_rop *r, struct mx_user *ret)
{
	const struct mx_logon_req *q = &r->req->logon;
	struct mx_store *st = r->ctx->srv->store;
	const char *dn;
	int err;

	dn = mx_arena_strndup(r->arena, (const char *)q->essdn.p, q->essdn.n);
	if (!dn)
		return MX_EC_NO_MEMORY;
	err = mx_dir_by_dn(st, dn, r->arena, ret);
	if (err == MX_ANS_UNKNOWN_USER)
		return MX_EC_UNKNOWN_USER;
	if (err)
		return MX_EC_LOGIN_FAILURE;
	return ret->disabled ? MX_EC_UNKNOWN_USER : MX_EC_OK;
}

static uint32_t check_flags(const struct mx_logon_req *q)
{
	if ((q->logon_flags & ~LOGON_KNOWN) || (q->open_flags & ~OPEN_KNOWN))
		return MX_EC_ERROR;
	/* There are no public folders here. */
	if (!(q->logon_flags & LOGON_PRIVATE) || (q->open_flags & OPEN_PUBLIC))
		return MX_EC_LOGIN_FAILURE;
	return MX_EC_OK;
}

static uint32_t open_mailbox(struct mx_rop *r, const struct mx_user *whose,
			     struct mx_mbox **ret)
{
	struct mx_mbox_conf conf = {.user = r->ctx->owner->id,
				    .codepage = r->ctx->codepage,
				    .lcid = r->ctx->lcid};
	int err;

	memcpy(conf.mailbox, whose->mailbox, sizeof(conf.mailbox));
	err = mx_mbox_open(r->ctx->srv->store, &conf, ret);
	if (err < 0)
		mx_log(MX_LOG_ERROR, "server",
		       "%s cannot log on to the mailbox of %s: %s",
		       r->ctx->owner->name, whose->name,
		       mx_store_strerror(err));
	/* Without a grant on it: not ecAccessDenied, which is for objects. */
	if (err == MX_ANS_ACCESS_DENIED)
		return MX_EC_LOGIN_PERM;
	return mx_store_ec(err);
}

static void now(struct mx_logon_time *ret)
{
	time_t t = time(NULL);
	struct tm tm;

	gmtime_r(&t, &tm);
	*ret = (struct mx_logon_time){
		.seconds = (uint8_t)tm.tm_sec,
		.minutes = (uint8_t)tm.tm_min,
		.hour = (uint8_t)tm.tm_hour,
		.day_of_week = (uint8_t)tm.tm_wday,
		.day = (uint8_t)tm.tm_mday,
		.month = (uint8_t)(tm.tm_mon + 1),
		.year = (uint16_t)(tm.tm_year + 1900),
	};
}

static void answer(struct mx_rop *r, const struct mx_mbox_info *info)
{
	struct mx_logon_res *a = &r->res.logon;

	a->logon_flags = r->req->logon.logon_flags & LOGON_ECHOED;
	for (int i = 0; i < MX_FLD_LOGON_COUNT; i++)
		a->folder_ids[i] = info->fid[i];
	a->response_flags = RESPONSE_RESERVED;
	if (info->is_owner || (info->rights & MX_GRANT_FULL))
		a->response_flags |= RESPONSE_OWNER;
	if (info->is_owner || (info->rights & MX_GRANT_SEND_AS))
		a->response_flags |= RESPONSE_SEND_AS;
	memcpy(a->mailbox_guid.b, info->mailbox, 16);
	a->repl_id = MX_STORE_REPLID;
	memcpy(a->repl_guid.b, info->replguid, 16);
	now(&a->logon_time);
	a->gwart_time = info->gwart_time;
	a->store_state = 0;
}

uint32_t mx_do_logon(struct mx_rop *r)
{
	const struct mx_logon_req *q = &r->req->logon;
	struct mx_objects *os = &r->ctx->objects;
	struct mx_mbox *mb;
	struct mx_user whose;
	struct mx_sobj *old;
	uint32_t ec;

	ec = check_flags(q);
	if (!ec && r->req->hindex >= r->exec->n_handles)
		ec = MX_EC_NULL_OBJECT;
	if (!ec)
		ec = mailbox_of(r, &whose);
	if (!ec)
		ec = open_mailbox(r, &whose, &mb);
	if (ec)
		return ec;
	/* A logon id that is in use is taken over, with all its objects. */
	old = mx_objects_logon(os, r->req->logon_id);
	if (old)
		mx_objects_release(os, old);
	ec = mx_rop_output(r, r->req->hindex, MX_S_LOGON);
	if (ec) {
		mx_mbox_close(mb);
		return ec;
	}
	r->made->mbox = mb;
	ec = mx_store_ec(mx_mbox_obj(mb, &r->made->obj));
	if (!ec)
		answer(r, mx_mbox_info(mb));
	return ec;
}

uint32_t mx_do_get_receive_folder(struct mx_rop *r)
{
	return mx_store_ec(mx_mbox_receive_folder(
		r->in->mbox, r->req->get_receive_folder.message_class, r->arena,
		&r->res.get_receive_folder.folder_id,
		&r->res.get_receive_folder.explicit_message_class));
}

uint32_t mx_do_long_from_id(struct mx_rop *r)
{
	struct mx_ltid *l = &r->res.long_term_id_from_id.long_term_id;

	return mx_store_ec(mx_mbox_long_from_id(
		r->in->mbox, r->req->long_term_id_from_id.object_id,
		l->replica.b, l->globcnt));
}

uint32_t mx_do_id_from_long(struct mx_rop *r)
{
	const struct mx_ltid *l = &r->req->id_from_long_term_id.long_term_id;
	static const struct mx_guid none;

	if (mx_guid_equal(&l->replica, &none))
		return MX_EC_INVALID_PARAM;
	return mx_store_ec(
		mx_mbox_id_from_long(r->in->mbox, l->replica.b, l->globcnt,
				     &r->res.id_from_long_term_id.object_id));
}
