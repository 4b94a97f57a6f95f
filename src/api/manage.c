/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IExchangeManageStore 1 to 4: each version only adds methods behind the ones
 * of the last, so one table serves all.  What it is for is CreateStoreEntryID,
 * which IMAPISession::OpenMsgStore takes to the mailbox of somebody else; the
 * tables of mailboxes and public folders are an administrator's, and their
 * request is not in the published protocol.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "api/manage.h"
#include "api/eid.h"
#include "api/store.h"
#include "base/arena.h"
#include "base/buf.h"
#include "wire/entryid.h"

/* Flags that say how a private mailbox is opened.  Only who may is the server's
 * business: we never ask for an administrator's privilege. */
#define PRIVATE_FLAGS                                                          \
	(OPENSTORE_USE_ADMIN_PRIVILEGE | OPENSTORE_HOME_LOGON |                \
	 OPENSTORE_TAKE_OWNERSHIP | OPENSTORE_OVERRIDE_HOME_MDB |              \
	 OPENSTORE_IGNORE_HOME_MDB | OPENSTORE_NO_MAIL |                       \
	 OPENSTORE_FAIL_IF_NO_MAILBOX | OPENSTORE_CLI_WITH_NAMEDPROP_FIX |     \
	 OPENSTORE_CLI_WITH_REPLID_GUID_MAPPING_FIX |                          \
	 OPENSTORE_NO_LOCALIZATION | OPENSTORE_USE_PER_MDB_REPLID_MAPPING)
#define OTHER_FLAGS                                                            \
	(OPENSTORE_PUBLIC | OPENSTORE_TRANSPORT | OPENSTORE_REMOTE_TRANSPORT | \
	 OPENSTORE_INTERNET_ANONYMOUS | OPENSTORE_ALTERNATE_SERVER |           \
	 OPENSTORE_OVERRIDE_LAST_MODIFIER | OPENSTORE_CALLBACK_LOGON |         \
	 OPENSTORE_LOCAL | OPENSTORE_CACHE_EXCHANGE |                          \
	 OPENSTORE_ENABLE_LAZY_LOGGING | OPENSTORE_RESTORE_DATABASE |          \
	 OPENSTORE_XFOREST_MOVE)

/* GUID, then the counter.  [MS-OXCFXICS] 2.2.1.2.7 */
#define SOURCE_KEY_SIZE 22

static struct mx_store *store_of(IExchangeManageStore4 *p)
{
	return ((struct mx_manage *)(void *)p)->store;
}

/* ---- IUnknown: the store's ---- */

static HRESULT manage_query(IExchangeManageStore4 *p, REFIID iid, LPVOID *ret)
{
	return mx_obj_query(&store_of(p)->obj, iid, ret);
}

static ULONG manage_add(IExchangeManageStore4 *p)
{
	return mx_obj_add(&store_of(p)->obj);
}

static ULONG manage_release(IExchangeManageStore4 *p)
{
	return mx_obj_release(&store_of(p)->obj);
}

static HRESULT unsupported(IExchangeManageStore4 *p, const char *what)
{
	return mx_obj_unsupported(store_of(p), what);
}

/* ---- CreateStoreEntryID ---- */

static bool is_ascii(const char *s)
{
	while (*s && !(*s & 0x80))
		s++;
	return !*s;
}

/* The server in "…/cn=Servers/cn=NAME/cn=Microsoft Private MDB"; a name without
 * slashes is the server's; NULL: this session's. */
static const char *server_of(struct mx_arena *a, const char *dn,
			     const char *session_server)
{
	static const char marks[] = "/cn=Servers/cn=";
	const char *at;

	if (!dn || !*dn)
		return session_server;
	if (!strchr(dn, '/'))
		return dn;
	for (at = dn; *at && strncasecmp(at, marks, sizeof(marks) - 1); at++)
		;
	if (!*at)
		return session_server;
	at += sizeof(marks) - 1;
	return mx_arena_strndup(a, at, strcspn(at, "/"));
}

/* A DN as it is; the last name of one behind the prefix that Connect told. */
static const char *mailbox_of(struct mx_arena *a, struct mx_obj *o,
			      const char *name)
{
	const char *prefix = mx_session_dn_prefix(o->session);

	if (*name == '/')
		return mx_arena_strdup(a, name);
	return mx_arena_printf(a, "%s%s", prefix ? prefix : "", name);
}

static HRESULT check_create(struct mx_do *d, const char *mailbox, ULONG flags)
{
	if (flags & ~(ULONG)(PRIVATE_FLAGS | OTHER_FLAGS))
		return mx_do_end_hr(d, MAPI_E_UNKNOWN_FLAGS,
				    "CreateStoreEntryID");
	if (flags & OTHER_FLAGS)
		return mx_do_end_unsupported(
			d, "CreateStoreEntryID of anything but a mailbox");
	if (!mailbox || !*mailbox || !is_ascii(mailbox))
		return mx_do_end_hr(d, MAPI_E_INVALID_PARAMETER,
				    "CreateStoreEntryID needs a mailbox's "
				    "legacyExchangeDN");
	return S_OK;
}

static HRESULT manage_create(IExchangeManageStore4 *p, LPCSTR store_dn,
			     LPCSTR mailbox_dn, ULONG flags, ULONG *ret_n,
			     LPENTRYID *ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(mx_buf_auto) struct mx_buf out = MX_BUF_INIT;
	struct mx_obj *o = &store_of(p)->obj;
	struct mx_storeid id;
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, o);

	if (FAILED(hr))
		return hr;
	if (!ret_n || !ret)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "CreateStoreEntryID without a result");
	hr = check_create(&d, mailbox_dn, flags);
	if (FAILED(hr))
		return hr;
	id.server = server_of(&a, store_dn, mx_session_server(o->session));
	id.mailbox_dn = mailbox_of(&a, o, mailbox_dn);
	if (!id.server || !id.mailbox_dn || mx_storeid_encode(&out, &id))
		return mx_do_end(&d, -ENOMEM);
	return mx_do_end(&d, mx_eid_give(out.p, out.len, ret_n, ret));
}

/* ---- EntryIDFromSourceKey ---- */

static void read_key(const BYTE *key, struct mx_ltid *ret)
{
	*ret = (struct mx_ltid){0};
	memcpy(ret->replica.b, key, 16);
	memcpy(ret->globcnt, key + 16, 6);
}

static HRESULT manage_from_key(IExchangeManageStore4 *p, ULONG n_folder,
			       BYTE *folder, ULONG n_msg, BYTE *msg,
			       ULONG *ret_n, LPENTRYID *ret)
{
	uint8_t eid[MX_MESSAGE_ENTRYID_SIZE];
	struct mx_store *s = store_of(p);
	struct mx_objid id = {0};
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);
	int err;

	if (FAILED(hr))
		return hr;
	if (!ret_n || !ret || !folder || n_folder != SOURCE_KEY_SIZE ||
	    (n_msg && (!msg || n_msg != SOURCE_KEY_SIZE)))
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER,
				    "a source key has %d bytes",
				    SOURCE_KEY_SIZE);
	err = mx_logon_open(s->logon, &d.call);
	if (err)
		return mx_do_end(&d, err);
	id.provider = mx_logon_info(s->logon)->mailbox_guid;
	id.type = n_msg ? MX_SO_PRIVATE_MESSAGE : MX_SO_PRIVATE_FOLDER;
	read_key(folder, &id.folder);
	if (n_msg)
		read_key(msg, &id.message);
	return mx_do_end(&d, mx_eid_give(eid, mx_objid_encode(&id, eid), ret_n,
					 ret));
}

/* ---- GetRights ---- */

/* NULL is whoever is logged on; so is his own entry id. */
static bool is_self(struct mx_obj *o, ULONG n, const void *eid)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	struct mx_abid id;

	if (!n || !eid)
		return true;
	return !mx_abid_decode((struct mx_bin){n, eid}, &a, &id) &&
	       !strcasecmp(id.dn, mx_session_user_dn(o->session));
}

static HRESULT rights_of(struct mx_store *s, ULONG n, LPENTRYID eid, ULONG *ret)
{
	LPSPropValue v = NULL;
	LPMAPIPROP folder = NULL;
	ULONG type = 0;
	HRESULT hr;

	hr = mx_store_open_entry(s, &s->obj, n, eid, &IID_IMAPIFolder, 0, &type,
				 (LPUNKNOWN *)(void *)&folder);
	if (FAILED(hr))
		return hr;
	hr = HrGetOneProp(folder, PR_RIGHTS, &v);
	if (SUCCEEDED(hr))
		*ret = v->Value.ul;
	MAPIFreeBuffer(v);
	IMAPIProp_Release(folder);
	return hr;
}

static HRESULT manage_rights(IExchangeManageStore4 *p, ULONG n_user,
			     LPENTRYID user, ULONG n, LPENTRYID eid, ULONG *ret)
{
	struct mx_store *s = store_of(p);
	struct mx_do d;
	HRESULT hr = mx_do_begin(&d, s);

	if (FAILED(hr))
		return hr;
	if (!ret)
		return mx_do_end_hr(&d, MAPI_E_INVALID_PARAMETER, "GetRights");
	if (!is_self(&s->obj, n_user, user))
		return mx_do_end_unsupported(
			&d, "GetRights of anyone but the session's user");
	mx_do_end(&d, 0);
	/* Without an entry id, or with the store's own: the root's. */
	if (mx_eid_same(n, eid, (ULONG)s->eid_n, s->eid))
		n = 0;
	return rights_of(s, n, eid, ret);
}

/* ---- what is not offered ---- */

static HRESULT manage_mailboxes(IExchangeManageStore4 *p, LPSTR server,
				LPMAPITABLE *ret, ULONG flags)
{
	return unsupported(p, "GetMailboxTable");
}

static HRESULT manage_public(IExchangeManageStore4 *p, LPSTR server,
			     LPMAPITABLE *ret, ULONG flags)
{
	return unsupported(p, "GetPublicFolderTable");
}

static HRESULT manage_newsgroup(IExchangeManageStore4 *p, LPSTR name,
				ULONG *ret_n, LPENTRYID *ret)
{
	return unsupported(p, "CreateNewsgroupNameEntryID");
}

static HRESULT manage_mailboxes_from(IExchangeManageStore4 *p, LPSTR server,
				     LPMAPITABLE *ret, ULONG flags, UINT offset)
{
	return unsupported(p, "GetMailboxTableOffset");
}

static HRESULT manage_public_from(IExchangeManageStore4 *p, LPSTR server,
				  LPMAPITABLE *ret, ULONG flags, UINT offset)
{
	return unsupported(p, "GetPublicFolderTableOffset");
}

static const IExchangeManageStore4Vtbl manage_vtbl = {
	manage_query,          manage_add,         manage_release,
	manage_create,         manage_from_key,    manage_rights,
	manage_mailboxes,      manage_public,      manage_newsgroup,
	manage_mailboxes_from, manage_public_from,
};

void mx_manage_init(struct mx_manage *m, struct mx_store *store)
{
	m->vtbl = &manage_vtbl;
	m->store = store;
}

bool mx_manage_answers(REFIID iid)
{
	return IsEqualGUID(iid, &IID_IExchangeManageStore) ||
	       IsEqualGUID(iid, &IID_IExchangeManageStore2) ||
	       IsEqualGUID(iid, &IID_IExchangeManageStore3) ||
	       IsEqualGUID(iid, &IID_IExchangeManageStore4);
}
