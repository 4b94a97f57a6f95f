/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMsgStore.  The ids of its special folders come with RopLogon, so their
 * entry ids cost nothing; other properties are the server's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/eid.h"
#include "api/folder.h"
#include "api/memtable.h"
#include "api/message.h"
#include "api/prop.h"
#include "api/session.h"
#include "api/store.h"
#include "api/strm.h"
#include "api/text.h"

static struct mx_store *store_of(IMsgStore *p)
{
	return (struct mx_store *)(void *)p;
}

static void store_fini(struct mx_obj *o)
{
	struct mx_store *s = (struct mx_store *)(void *)o;

	mx_mutex_lock(&o->parent->lock);
	mx_list_unlink(&s->link);
	mx_mutex_unlock(&o->parent->lock);
	mx_advises_fini(&s->advises);
	free(s->eid);
	mx_logon_unref(s->logon);
}

/* ---- what the store knows itself ---- */

static const struct {
	uint32_t tag;
	enum mx_special_folder folder;
} special[] = {
	{PR_IPM_SUBTREE_ENTRYID, MX_FOLDER_IPM_SUBTREE},
	{PR_IPM_OUTBOX_ENTRYID, MX_FOLDER_OUTBOX},
	{PR_IPM_WASTEBASKET_ENTRYID, MX_FOLDER_DELETED_ITEMS},
	{PR_IPM_SENTMAIL_ENTRYID, MX_FOLDER_SENT_ITEMS},
	{PR_VIEWS_ENTRYID, MX_FOLDER_VIEWS},
	{PR_COMMON_VIEWS_ENTRYID, MX_FOLDER_COMMON_VIEWS},
	{PR_FINDER_ENTRYID, MX_FOLDER_SEARCH},
	{PR_SCHEDULE_FOLDER_ENTRYID, MX_FOLDER_SCHEDULE},
	{PR_IPM_DAF_ENTRYID, MX_FOLDER_DEFERRED_ACTION},
};

static const uint32_t store_own[] = {
	PR_ENTRYID,
	PR_RECORD_KEY,
	PR_STORE_ENTRYID,
	PR_STORE_RECORD_KEY,
	PR_OBJECT_TYPE,
	PR_STORE_SUPPORT_MASK,
	PR_MDB_PROVIDER,
	PR_MAPPING_SIGNATURE,
	PR_DEFAULT_STORE,
	PR_VALID_FOLDER_MASK,
	PR_IPM_SUBTREE_ENTRYID,
	PR_IPM_OUTBOX_ENTRYID,
	PR_IPM_WASTEBASKET_ENTRYID,
	PR_IPM_SENTMAIL_ENTRYID,
	PR_VIEWS_ENTRYID,
	PR_COMMON_VIEWS_ENTRYID,
	PR_FINDER_ENTRYID,
	PR_SCHEDULE_FOLDER_ENTRYID,
	PR_IPM_DAF_ENTRYID,
};

#define VALID_FOLDERS                                                          \
	((int32_t)(FOLDER_IPM_SUBTREE_VALID | FOLDER_IPM_INBOX_VALID |         \
		   FOLDER_IPM_OUTBOX_VALID | FOLDER_IPM_WASTEBASKET_VALID |    \
		   FOLDER_IPM_SENTMAIL_VALID | FOLDER_VIEWS_VALID |            \
		   FOLDER_COMMON_VIEWS_VALID | FOLDER_FINDER_VALID))

static int store_get_own(struct mx_do *d, struct mx_obj *o, struct mx_arena *a,
			 uint32_t tag, struct mx_propval *ret)
{
	struct mx_store *s = (struct mx_store *)(void *)o;
	int err;

	switch (tag) {
	case PR_ENTRYID:
		return mx_prop_own_bin(a, tag, s->eid, s->eid_n, ret);
	case PR_RECORD_KEY:
		err = mx_prop_own_common(d, o, a, PR_STORE_RECORD_KEY, ret);
		ret->tag = tag;
		return err;
	case PR_DEFAULT_STORE:
		*ret = (struct mx_propval){.tag = tag, .v.b = s->is_default};
		return 1;
	case PR_VALID_FOLDER_MASK:
		*ret = (struct mx_propval){.tag = tag, .v.i4 = VALID_FOLDERS};
		return 1;
	default:
		break;
	}
	for (size_t i = 0; i < MX_ARRAY_SIZE(special); i++) {
		if (special[i].tag != tag)
			continue;
		err = mx_logon_open(s->logon, &d->call);
		return err ? err
			   : mx_prop_own_eid(
				     d, o, a, tag,
				     mx_logon_info(s->logon)
					     ->folder_ids[special[i].folder],
				     0, ret);
	}
	return mx_prop_own_common(d, o, a, tag, ret);
}

/* ---- entries ---- */

static HRESULT store_compare(IMsgStore *p, ULONG n1, LPENTRYID e1, ULONG n2,
			     LPENTRYID e2, ULONG flags, ULONG *ret)
{
	return mx_eid_compare(p, n1, e1, n2, e2, ret);
}

/* No entry id means the root. */
static int read_eid(struct mx_do *d, struct mx_store *s, ULONG n, LPENTRYID eid,
		    uint64_t *fid, uint64_t *mid)
{
	int err;

	if (n && eid)
		return mx_eid_read(s->logon, eid, n, &d->call, fid, mid);
	err = mx_logon_open(s->logon, &d->call);
	if (err)
		return err;
	*fid = mx_logon_info(s->logon)->folder_ids[MX_FOLDER_ROOT];
	*mid = 0;
	return 0;
}

#define OPEN_FLAGS                                                             \
	(MAPI_MODIFY | MAPI_DEFERRED_ERRORS | MAPI_BEST_ACCESS |               \
	 MAPI_NO_CACHE | SHOW_SOFT_DELETES)

HRESULT mx_store_open_entry(struct mx_store *s, struct mx_obj *caller, ULONG n,
			    LPENTRYID eid, LPCIID iid, ULONG flags,
			    ULONG *ret_type, LPUNKNOWN *ret)
{
	uint64_t fid = 0, mid = 0;
	struct mx_obj *o = NULL;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, caller);
	int err;

	if (FAILED(hr))
		return hr;
	if (!ret)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER, "OpenEntry");
	*ret = NULL;
	if (flags & ~OPEN_FLAGS)
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "OpenEntry");
	err = read_eid(&d, s, n, eid, &fid, &mid);
	if (err == -EINVAL)
		return mx_do_end_hr(&d, MAPI_E_INVALID_ENTRYID,
				    "not an entry id of this store");
	if (!err)
		err = mid ? mx_message_open(&d, &s->obj, fid, mid, flags, &o)
			  : mx_api_folder_open(&d, &s->obj, fid, flags, &o);
	if (err)
		return mx_do_end(&d, err);
	if (!mx_obj_answers(o->cls, iid)) {
		mx_obj_release(o);
		return mx_do_end_hr(&d, MAPI_E_INTERFACE_NOT_SUPPORTED,
				    "the entry is an %s", o->cls->name);
	}
	if (ret_type)
		*ret_type = o->cls->type;
	*ret = (LPUNKNOWN)(void *)o;
	return mx_do_end(&d, 0);
}

static HRESULT store_open_entry(IMsgStore *p, ULONG n, LPENTRYID eid,
				LPCIID iid, ULONG flags, ULONG *ret_type,
				LPUNKNOWN *ret)
{
	return mx_store_open_entry(store_of(p), MX_OBJ(p), n, eid, iid, flags,
				   ret_type, ret);
}

/* ---- receive folders ---- */

/* Nearly every program asks for one of these first, and asking with RopLogon
 * costs no round trip.  Other classes are asked for when they are wanted: what
 * holds for IPM need not hold for IPM.Whatever. */
static const char *const receive_classes[MX_STORE_N_RECEIVE] = {"", "IPM",
								"IPM.Note"};

static void keep_receive(const struct mx_op *op, struct mx_receive *r)
{
	const struct mx_get_receive_folder_res *res;

	/* A server that refuses says so again to whoever asks. */
	if (!op->answered || op->code || !op->res)
		return;
	res = &op->res->get_receive_folder;
	if (!res->explicit_message_class ||
	    strlen(res->explicit_message_class) >= sizeof(r->explicit_class))
		return;
	strcpy(r->explicit_class, res->explicit_message_class);
	r->fid = res->folder_id;
	r->known = true;
}

/* RopLogon, and in the same request where mail arrives. */
static int open_logon(struct mx_do *d, struct mx_logon *l,
		      struct mx_receive *receive)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_op *open, *ask[MX_STORE_N_RECEIVE];
	int err;

	mx_batch_init(&b);
	open = mx_batch_open(&b, mx_logon_sobj(l));
	for (size_t i = 0; i < MX_STORE_N_RECEIVE; i++) {
		struct mx_rop_req req = {.id = MX_ROP_GET_RECEIVE_FOLDER};

		req.get_receive_folder.message_class = receive_classes[i];
		ask[i] = mx_batch_add(&b, mx_logon_sobj(l), &req);
	}
	err = mx_batch_run(&b, &d->call);
	if (!err)
		err = mx_op_fault(open, d->call.fault);
	for (size_t i = 0; !err && i < MX_STORE_N_RECEIVE; i++)
		keep_receive(ask[i], &receive[i]);
	return err;
}

/* NULL: the server has to be asked. */
static const struct mx_receive *known_receive(const struct mx_store *s,
					      const char *cls)
{
	for (size_t i = 0; i < MX_STORE_N_RECEIVE; i++)
		if (s->receive[i].known &&
		    !strcasecmp(cls ? cls : "", receive_classes[i]))
			return &s->receive[i];
	return NULL;
}

static int ask_receive(struct mx_do *d, struct mx_store *s, const char *cls,
		       struct mx_receive *ret)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_GET_RECEIVE_FOLDER};
	struct mx_op *op;
	int err;

	mx_batch_init(&b);
	req.get_receive_folder.message_class = cls ? cls : "";
	op = mx_batch_add(&b, s->obj.so, &req);
	err = mx_batch_run(&b, &d->call);
	if (!err)
		err = mx_op_fault(op, d->call.fault);
	if (err)
		return err;
	keep_receive(op, ret);
	return ret->known ? 0 : -EBADMSG;
}

static HRESULT store_receive_folder(IMsgStore *p, LPTSTR cls, ULONG flags,
				    ULONG *ret_n, LPENTRYID *ret,
				    LPTSTR *ret_class)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	const struct mx_receive *known;
	struct mx_receive asked = {0};
	struct mx_store *s = store_of(p);
	LPTSTR explicit_class = NULL;
	const char *name;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);
	int err = 0;

	if (FAILED(hr))
		return hr;
	if (!ret || !ret_n || (flags & ~MAPI_UNICODE))
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "GetReceiveFolder");
	name = mx_text_in(&a, cls, flags, &err);
	known = err ? NULL : known_receive(s, name);
	if (!err && !known) {
		err = ask_receive(&d, s, name, &asked);
		known = &asked;
	}
	if (err)
		return mx_do_end(&d, err);
	if (ret_class) {
		hr = mx_text_out(known->explicit_class, flags, NULL,
				 &explicit_class);
		if (FAILED(hr))
			return mx_do_end(&d, -ENOMEM);
	}
	err = mx_eid_alloc(s->logon, known->fid, 0, &d.call, ret_n, ret);
	if (err)
		MAPIFreeBuffer(explicit_class);
	else if (ret_class)
		*ret_class = explicit_class;
	return mx_do_end(&d, err);
}

static HRESULT store_set_receive_folder(IMsgStore *p, LPTSTR cls, ULONG flags,
					ULONG n, LPENTRYID eid)
{
	return mx_obj_unsupported(p, "SetReceiveFolder");
}

static HRESULT store_receive_table(IMsgStore *p, ULONG flags, LPMAPITABLE *ret)
{
	return mx_obj_unsupported(p, "GetReceiveFolderTable");
}

/* ---- notifications ---- */

static HRESULT store_advise(IMsgStore *p, ULONG n, LPENTRYID eid, ULONG mask,
			    LPMAPIADVISESINK sink, ULONG_PTR *ret)
{
	return mx_advise_store(MX_OBJ(p), &store_of(p)->advises, n, eid, mask,
			       sink, ret);
}

static HRESULT store_unadvise(IMsgStore *p, ULONG_PTR conn)
{
	return mx_unadvise(MX_OBJ(p), &store_of(p)->advises, conn);
}

/* ---- the queue ---- */

/* Nothing is queued on our side: what was submitted is the server's. */
static HRESULT store_logoff(IMsgStore *p, ULONG *flags)
{
	HRESULT hr = mx_obj_check(p);

	if (FAILED(hr))
		return hr;
	if (!flags)
		return MAPI_E_INVALID_PARAMETER;
	*flags = LOGOFF_COMPLETE;
	return S_OK;
}

static HRESULT store_abort_submit(IMsgStore *p, ULONG n, LPENTRYID eid,
				  ULONG flags)
{
	MX_AUTO(mx_batch_auto) struct mx_batch b;
	struct mx_rop_req req = {.id = MX_ROP_ABORT_SUBMIT};
	struct mx_store *s = store_of(p);
	struct mx_do d;
	HRESULT hr;
	int err;

	mx_batch_init(&b);
	hr = mx_do_begin(&d, s);
	if (FAILED(hr))
		return hr;
	err = mx_eid_read(s->logon, eid, n, &d.call,
			  &req.abort_submit.folder_id,
			  &req.abort_submit.message_id);
	if (err == -EINVAL)
		return mx_do_end_hr(&d, MAPI_E_INVALID_ENTRYID,
				    "not a message of this store");
	if (!err)
		err = mx_rop_call(&b, s->obj.so, &req, &d.call, NULL);
	return mx_do_end(&d, err);
}

static HRESULT store_outgoing(IMsgStore *p, ULONG flags, LPMAPITABLE *ret)
{
	return mx_obj_unsupported(p, "GetOutgoingQueue");
}

static HRESULT store_lock_state(IMsgStore *p, LPMESSAGE msg, ULONG state)
{
	return mx_obj_unsupported(p, "SetLockState");
}

static HRESULT store_finished(IMsgStore *p, ULONG flags, ULONG n, LPENTRYID eid)
{
	return mx_obj_unsupported(p, "FinishedMsg");
}

static HRESULT store_notify(IMsgStore *p, LPNOTIFICATION notif)
{
	return mx_obj_unsupported(p, "NotifyNewMail");
}

static const IMsgStoreVtbl store_vtbl = {
	MX_PROP_ROWS(IMsgStore, mx_prop_save_nothing),
	store_advise,
	store_unadvise,
	store_compare,
	store_open_entry,
	store_set_receive_folder,
	store_receive_folder,
	store_receive_table,
	store_logoff,
	store_abort_submit,
	store_outgoing,
	store_lock_state,
	store_finished,
	store_notify,
};

const void *mx_store_provider(const struct mx_store *s)
{
	return s->is_default ? pbExchangeProviderPrimaryUserGuid
			     : pbExchangeProviderDelegateGuid;
}

/* Interfaces with a table of their own. */
static void *store_query(struct mx_obj *o, REFIID iid)
{
	struct mx_store *s = (struct mx_store *)(void *)o;

	return mx_manage_answers(iid) ? &s->manage : NULL;
}

static const IID *const store_iids[] = {&IID_IMsgStore, &IID_IMAPIProp};
static const struct mx_class store_class = {
	.name = "IMsgStore",
	.type = MAPI_STORE,
	.iids = store_iids,
	.n_iids = MX_ARRAY_SIZE(store_iids),
	.fini = store_fini,
	.query = store_query,
	.own_tags = store_own,
	.n_own_tags = MX_ARRAY_SIZE(store_own),
	.own = store_get_own,
};

int mx_store_new(struct mx_do *d, struct mx_obj *parent, const void *eid,
		 size_t eid_n, bool deferred, uint32_t open_flags,
		 struct mx_store **ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(mx_logon_auto) struct mx_logon *l = NULL;
	struct mx_receive receive[MX_STORE_N_RECEIVE] = {0};
	struct mx_ses *ses = (struct mx_ses *)(void *)parent;
	struct mx_logon_params params = {.open_flags = open_flags};
	struct mx_storeid id;
	struct mx_store *s;
	int err;

	err = mx_storeid_decode((struct mx_bin){(uint32_t)eid_n, eid}, &a, &id);
	if (err)
		return err == -ENOMEM ? err : -EINVAL;
	params.mailbox_dn = id.mailbox_dn;
	err = mx_logon_new(parent->session, &params, &l);
	if (!err && !deferred)
		err = open_logon(d, l, receive);
	if (err)
		return err;
	s = calloc(1, sizeof(*s));
	if (s)
		s->eid = malloc(eid_n);
	if (!s || !s->eid) {
		free(s);
		return -ENOMEM;
	}
	memcpy(s->eid, eid, eid_n);
	s->eid_n = eid_n;
	memcpy(s->receive, receive, sizeof(receive));
	s->is_default = !strcasecmp(id.mailbox_dn, ses->mailbox_dn);
	mx_manage_init(&s->manage, s);
	mx_advises_init(&s->advises);
	mx_obj_init(&s->obj, &store_vtbl, &store_class, parent, parent->session,
		    mx_sobj_ref(mx_logon_sobj(l)));
	s->logon = MX_STEAL(l);
	mx_mutex_lock(&parent->lock);
	mx_list_push_tail(&ses->stores, &s->link);
	mx_mutex_unlock(&parent->lock);
	*ret = s;
	return 0;
}
