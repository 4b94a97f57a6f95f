/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/addrbook.h"
#include "api/eid.h"
#include "api/lib.h"
#include "api/memtable.h"
#include "api/session.h"
#include "api/store.h"
#include "api/text.h"
#include "base/buf.h"
#include "base/fork.h"

static struct mx_mutex all_lock = MX_MUTEX_INIT;
static struct mx_list all MX_GUARDED(&all_lock) = {&all, &all};

/* The parent's sessions are nobody's in a child. */
static void in_child(void)
{
	mx_list_init(&all);
}

__attribute__((__constructor__)) static void on_load(void)
{
	mx_fork_hold(&all_lock);
	mx_fork_child(in_child);
}

static struct mx_ses *ses_of(IMAPISession *p)
{
	return (struct mx_ses *)(void *)p;
}

static void ses_fini(struct mx_obj *o)
{
	struct mx_ses *s = (struct mx_ses *)(void *)o;

	mx_mutex_lock(&all_lock);
	mx_list_unlink(&s->link);
	mx_mutex_unlock(&all_lock);
	mx_config_unref(s->config);
	free(s->mailbox_dn);
	free(s->eid);
}

/* ---- stores ---- */

#define STORE_COLS                                                             \
	PR_ENTRYID, PR_RECORD_KEY, PR_INSTANCE_KEY, PR_DISPLAY_NAME_W,         \
		PR_DEFAULT_STORE, PR_OBJECT_TYPE, PR_RESOURCE_TYPE,            \
		PR_RESOURCE_FLAGS, PR_MDB_PROVIDER, PR_PROVIDER_DISPLAY_W

static HRESULT stores_row(struct mx_ses *s, const WCHAR *name, SRow *ret)
{
	SBinary eid = {(ULONG)s->eid_n, s->eid};
	SPropValue v[] = {
		{PR_ENTRYID, 0, {.bin = eid}},
		{PR_RECORD_KEY, 0, {.bin = eid}},
		{PR_INSTANCE_KEY, 0, {.bin = eid}},
		{PR_DISPLAY_NAME_W, 0, {.lpszW = (LPWSTR)name}},
		{PR_DEFAULT_STORE, 0, {.b = TRUE}},
		{PR_OBJECT_TYPE, 0, {.ul = MAPI_STORE}},
		{PR_RESOURCE_TYPE, 0, {.ul = MAPI_STORE_PROVIDER}},
		{PR_RESOURCE_FLAGS, 0, {.ul = STATUS_DEFAULT_STORE}},
		{PR_MDB_PROVIDER,
		 0,
		 {.bin = {16, (LPBYTE)pbExchangeProviderPrimaryUserGuid}}},
		{PR_PROVIDER_DISPLAY_W,
		 0,
		 {.lpszW = (LPWSTR)L"Mapiary message store"}},
	};

	ret->cValues = MX_ARRAY_SIZE(v);
	return ScDupPropset(MX_ARRAY_SIZE(v), v, MAPIAllocateBuffer,
			    &ret->lpProps);
}

static HRESULT ses_stores_table(IMAPISession *p, ULONG flags, LPMAPITABLE *ret)
{
	static const ULONG cols[] = {STORE_COLS};
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	struct mx_ses *s = ses_of(p);
	const char *name;
	SRowSet *rows;
	WCHAR *wide;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);

	if (FAILED(hr))
		return hr;
	if (!ret || (flags & ~MAPI_UNICODE))
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "GetMsgStoresTable");
	name = mx_session_display_name(s->obj.session);
	wide = mx_text_widen(&a, name && *name ? name : s->mailbox_dn);
	rows = mx_api_alloc(CbNewSRowSet(1));
	if (!wide || !rows) {
		MAPIFreeBuffer(rows);
		return mx_do_end(&d, -ENOMEM);
	}
	rows->cRows = 1;
	hr = stores_row(s, wide, &rows->aRow[0]);
	if (FAILED(hr)) {
		MAPIFreeBuffer(rows);
		return mx_do_end(&d, -ENOMEM);
	}
	hr = mx_memtable_new(rows, cols, MX_ARRAY_SIZE(cols), flags,
			     (LPUNKNOWN)(void *)p, ret);
	return mx_do_end_hr(&d, hr, "out of memory");
}

struct mx_store *mx_ses_find_store(struct mx_ses *s, const struct mx_guid *g)
{
	struct mx_store *found = NULL;

	mx_mutex_lock(&s->obj.lock);
	MX_LIST_FOR_EACH(l, &s->stores) {
		struct mx_store *st = MX_CONTAINER_OF(l, struct mx_store, link);
		const struct mx_logon_info *info = mx_logon_info(st->logon);
		unsigned n = atomic_load(&st->obj.refs);

		if (!info || !mx_guid_equal(&info->mailbox_guid, g))
			continue;
		/* From 0 it must not rise again: it is on its way out. */
		while (n &&
		       !atomic_compare_exchange_weak(&st->obj.refs, &n, n + 1))
			;
		if (n) {
			found = st;
			break;
		}
	}
	mx_mutex_unlock(&s->obj.lock);
	return found;
}

#define OPEN_STORE_FLAGS                                                       \
	(MDB_NO_DIALOG | MDB_WRITE | MAPI_DEFERRED_ERRORS | MAPI_BEST_ACCESS | \
	 MDB_TEMPORARY | MDB_NO_MAIL | MDB_ONLINE | MAPI_NO_CACHE)

static HRESULT ses_open_store(IMAPISession *p, ULONG_PTR ui, ULONG n,
			      LPENTRYID eid, LPCIID iid, ULONG flags,
			      LPMDB *ret)
{
	struct mx_ses *s = ses_of(p);
	struct mx_store *st;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);
	int err;

	if (FAILED(hr))
		return hr;
	if (!ret)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "OpenMsgStore without a result");
	*ret = NULL;
	if (flags & ~OPEN_STORE_FLAGS)
		return mx_do_end_hr(&d, MAPI_E_UNKNOWN_FLAGS, "OpenMsgStore");
	if (iid && !IsEqualGUID(iid, &IID_IMsgStore) &&
	    !IsEqualGUID(iid, &IID_IMAPIProp) &&
	    !IsEqualGUID(iid, &IID_IUnknown))
		return mx_do_end_hr(&d, MAPI_E_INTERFACE_NOT_SUPPORTED,
				    "a store is an IMsgStore");
	err = mx_store_new(&d, &s->obj, n ? (void *)eid : s->eid,
			   n ? n : s->eid_n, flags & MAPI_DEFERRED_ERRORS, 0,
			   &st);
	if (err == -EINVAL)
		return mx_do_end_hr(&d, MAPI_E_INVALID_ENTRYID,
				    "not the entry id of a store");
	if (!err)
		*ret = (LPMDB)(void *)st;
	return mx_do_end(&d, err);
}

/* A store entry id opens the store; any other the store it is of. */
static HRESULT ses_open_entry(IMAPISession *p, ULONG n, LPENTRYID eid,
			      LPCIID iid, ULONG flags, ULONG *ret_type,
			      LPUNKNOWN *ret)
{
	struct mx_ses *s = ses_of(p);
	struct mx_objid id;
	struct mx_store *st;
	LPMDB mdb = NULL;
	HRESULT hr = mx_obj_check(s);

	if (FAILED(hr))
		return hr;
	if (!ret || !ret_type)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	if (n && eid && mx_objid_decode((struct mx_bin){n, (void *)eid}, &id)) {
		hr = ses_open_store(p, 0, n, eid, iid,
				    flags & MAPI_DEFERRED_ERRORS, &mdb);
		*ret_type = MAPI_STORE;
		*ret = (LPUNKNOWN)(void *)mdb;
		return hr;
	}
	st = n && eid ? mx_ses_find_store(s, &id.provider) : NULL;
	if (!st) {
		hr = ses_open_store(p, 0, 0, NULL, NULL, MAPI_DEFERRED_ERRORS,
				    &mdb);
		if (FAILED(hr))
			return hr;
		st = (struct mx_store *)(void *)mdb;
	}
	hr = mx_store_open_entry(st, &s->obj, n, eid, iid, flags, ret_type,
				 ret);
	mx_obj_release(&st->obj);
	return hr;
}

static HRESULT ses_compare(IMAPISession *p, ULONG n1, LPENTRYID e1, ULONG n2,
			   LPENTRYID e2, ULONG flags, ULONG *ret)
{
	return mx_eid_compare(p, n1, e1, n2, e2, ret);
}

static HRESULT ses_identity(IMAPISession *p, ULONG *ret_n, LPENTRYID *ret)
{
	MX_AUTO(mx_buf_auto) struct mx_buf buf = MX_BUF_INIT;
	struct mx_ses *s = ses_of(p);
	struct mx_abid id = {0, mx_session_user_dn(s->obj.session)};
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);
	int err;

	if (FAILED(hr))
		return hr;
	if (!ret || !ret_n)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "QueryIdentity");
	err = mx_abid_encode(&buf, &id);
	if (!err)
		err = mx_eid_give(buf.p, buf.len, ret_n, ret);
	return mx_do_end(&d, err);
}

static HRESULT ses_address_book(IMAPISession *p, ULONG_PTR ui, LPCIID iid,
				ULONG flags, LPADRBOOK *ret)
{
	return mx_addrbook_open(MX_OBJ(p), iid, ret);
}

/* MAPI_LOGOFF_SHARED never reaches other sessions (B13). */
static HRESULT ses_logoff(IMAPISession *p, ULONG_PTR ui, ULONG flags,
			  ULONG reserved)
{
	struct mx_ses *s = ses_of(p);
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);

	if (FAILED(hr))
		return hr;
	mx_session_logoff(s->obj.session);
	return mx_do_end(&d, 0);
}

/* ---- not offered ---- */

static HRESULT ses_profile_section(IMAPISession *p, LPMAPIUID uid, LPCIID iid,
				   ULONG flags, LPPROFSECT *ret)
{
	return mx_obj_unsupported(p, "OpenProfileSection");
}

static HRESULT ses_status_table(IMAPISession *p, ULONG flags, LPMAPITABLE *ret)
{
	return mx_obj_unsupported(p, "GetStatusTable");
}

static HRESULT ses_advise(IMAPISession *p, ULONG n, LPENTRYID eid, ULONG mask,
			  LPMAPIADVISESINK sink, ULONG_PTR *ret)
{
	return mx_obj_unsupported(p, "Advise on a session");
}

static HRESULT ses_unadvise(IMAPISession *p, ULONG_PTR conn)
{
	return mx_obj_unsupported(p, "Unadvise on a session");
}

static HRESULT ses_message_options(IMAPISession *p, ULONG_PTR ui, ULONG flags,
				   LPTSTR type, LPMESSAGE msg)
{
	return mx_obj_unsupported(p, "MessageOptions");
}

static HRESULT ses_default_options(IMAPISession *p, LPTSTR type, ULONG flags,
				   ULONG *n, LPSPropValue *ret)
{
	return mx_obj_unsupported(p, "QueryDefaultMessageOpt");
}

static HRESULT ses_adr_types(IMAPISession *p, ULONG flags, ULONG *n,
			     LPTSTR **ret)
{
	return mx_obj_unsupported(p, "EnumAdrTypes");
}

static HRESULT ses_set_default(IMAPISession *p, ULONG flags, ULONG n,
			       LPENTRYID eid)
{
	return mx_obj_unsupported(p, "SetDefaultStore");
}

static HRESULT ses_admin(IMAPISession *p, ULONG flags, LPSERVICEADMIN *ret)
{
	return mx_obj_unsupported(p, "AdminServices");
}

static HRESULT ses_show_form(IMAPISession *p, ULONG_PTR ui, LPMDB mdb,
			     LPMAPIFOLDER folder, LPCIID iid, ULONG_PTR token,
			     LPMESSAGE sent, ULONG flags, ULONG status,
			     ULONG msg_flags, ULONG access, LPSTR cls)
{
	return mx_obj_unsupported(p, "ShowForm");
}

static HRESULT ses_prepare_form(IMAPISession *p, LPCIID iid, LPMESSAGE msg,
				ULONG_PTR *token)
{
	return mx_obj_unsupported(p, "PrepareForm");
}

static const IMAPISessionVtbl ses_vtbl = {
	MX_UNKNOWN_ROWS(IMAPISession),
	MX_LAST_ERROR_ROW(IMAPISession),
	ses_stores_table,
	ses_open_store,
	ses_address_book,
	ses_profile_section,
	ses_status_table,
	ses_open_entry,
	ses_compare,
	ses_advise,
	ses_unadvise,
	ses_message_options,
	ses_default_options,
	ses_adr_types,
	ses_identity,
	ses_logoff,
	ses_set_default,
	ses_admin,
	ses_show_form,
	ses_prepare_form,
};

static void *ses_query(struct mx_obj *o, REFIID iid)
{
	struct mx_ses *s = (struct mx_ses *)(void *)o;

	return IsEqualGUID(iid, &IID_IMAPIClientShutdown) ? &s->fast : NULL;
}

static const IID *const ses_iids[] = {&IID_IMAPISession};
static const struct mx_class ses_class = {
	.name = "IMAPISession",
	.type = MAPI_SESSION,
	.iids = ses_iids,
	.n_iids = MX_ARRAY_SIZE(ses_iids),
	.fini = ses_fini,
	.query = ses_query,
};

static int default_eid(struct mx_ses *s)
{
	MX_AUTO(mx_buf_auto) struct mx_buf buf = MX_BUF_INIT;
	struct mx_storeid id = {mx_session_server(s->obj.session),
				s->mailbox_dn};
	int err = mx_storeid_encode(&buf, &id);

	if (!err)
		s->eid = mx_buf_steal(&buf, &s->eid_n);
	return err;
}

int mx_ses_new(struct mx_session *session, struct mx_config *config,
	       const char *mailbox_dn, struct mx_ses **ret)
{
	struct mx_ses *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	mx_obj_init(&s->obj, &ses_vtbl, &ses_class, NULL, session, NULL);
	mx_list_init(&s->stores);
	mx_fast_shutdown_init(&s->fast, s);
	s->config = mx_config_ref(config);
	mx_session_set_total(session, config->c.ulTotalDeadline
					      ? config->c.ulTotalDeadline
					      : mx_lib_default_total_ms());
	s->mailbox_dn = strdup(mailbox_dn);
	mx_mutex_lock(&all_lock);
	mx_list_push_tail(&all, &s->link);
	mx_mutex_unlock(&all_lock);
	err = s->mailbox_dn ? default_eid(s) : -ENOMEM;
	if (err) {
		mx_obj_release(&s->obj);
		return err;
	}
	*ret = s;
	return 0;
}

/* ---- diagnosis ---- */

HRESULT MapiaryGetSessionInfo(LPMAPISESSION p, LPMAPIARY_SESSION_INFO ret)
{
	MAPIARY_SESSION_INFO info = {0};
	struct mx_session_stats st;
	struct mx_session *s;

	if (!p || !ret || ret->cbSize < sizeof(ULONG))
		return MAPI_E_INVALID_PARAMETER;
	s = ses_of(p)->obj.session;
	mx_session_stats(s, &st);
	info.cbSize = ret->cbSize;
	info.ulSidCrc = st.sid_crc;
	info.ulListSlot = st.list_slot;
	info.cConnections = st.contexts;
	info.cLogons = st.logons;
	info.cReconnects = (ULONG)st.reconnects;
	info.cRoundTrips = st.round_trips;
	info.cbSent = st.bytes_out;
	info.cbReceived = st.bytes_in;
	info.cNotifications = st.notified;
	info.cbHeadersSent = st.head_out;
	info.cbHeadersReceived = st.head_in;
	snprintf(info.szSid, sizeof(info.szSid), "%s",
		 mx_userctx_sid_text(mx_session_user(s)));
	snprintf(info.szServer, sizeof(info.szServer), "%s",
		 mx_session_server(s));
	memcpy(ret, &info,
	       ret->cbSize < sizeof(info) ? ret->cbSize : sizeof(info));
	return S_OK;
}

static void describe(struct mx_buf *out, struct mx_session *s)
{
	struct mx_session_stats st;
	struct mx_userctx *u = mx_session_user(s);

	mx_session_stats(s, &st);
	mx_buf_printf(out,
		      "session of %s (%s) at %s: %u contexts, %u logons, "
		      "%u objects, %u releases queued, %llu round trips, "
		      "%llu reconnects, %llu notifications\n",
		      mx_userctx_display(u), mx_userctx_sid_text(u),
		      mx_session_server(s), st.contexts, st.logons, st.objects,
		      st.pending_releases, (unsigned long long)st.round_trips,
		      (unsigned long long)st.reconnects,
		      (unsigned long long)st.notified);
}

static void describe_calls(struct mx_buf *out)
{
	struct mx_thread_call *v;
	size_t n = mx_thread_calls(NULL, 0, false) + 16, got;

	v = calloc(n, sizeof(*v));
	if (!v)
		return;
	got = mx_thread_calls(v, n, false);
	for (size_t i = 0; i < got && i < n; i++)
		mx_buf_printf(out,
			      "thread %d in a call of %s%s%s%s%s for %lld "
			      "ms\n",
			      (int)v[i].tid, v[i].what,
			      v[i].user[0] ? ", " : "", v[i].user,
			      v[i].user[0] ? " at " : "", v[i].server,
			      (long long)v[i].since_ms);
	free(v);
}

HRESULT MapiaryDiagnose(LPSTR *ret)
{
	MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
	struct mx_session **list = NULL;
	size_t n = 0, i = 0;
	char *text;

	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	/* References first: describing asks the session layer. */
	mx_mutex_lock(&all_lock);
	MX_LIST_FOR_EACH(l, &all)
		n++;
	list = calloc(n + 1, sizeof(*list));
	if (list)
		MX_LIST_FOR_EACH(m, &all)
			list[i++] = mx_session_ref(
				MX_CONTAINER_OF(m, struct mx_ses, link)
					->obj.session);
	mx_mutex_unlock(&all_lock);
	if (!list)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	for (i = 0; i < n; i++) {
		describe(&out, list[i]);
		mx_session_unref(list[i]);
	}
	free(list);
	describe_calls(&out);
	text = out.err ? NULL : mx_api_alloc(out.len + 1);
	if (!text)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	memcpy(text, mx_buf_str(&out), out.len);
	*ret = text;
	return S_OK;
}
