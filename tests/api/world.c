/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "gate.h"
#include "store/dir.h"
#include "world.h"

#define MAX_USERS 1024

struct world {
	struct mx_server *srv;
	unsigned n;
	LPMAPIARYUSER users[MAX_USERS];
	char dn[MAX_USERS][200];
	bool initialized;
	struct gate *gate;
	struct mx_server_params params;
	char dir[300], cert[320], key[320];
};

const char *world_smtp(unsigned i, char buf[64])
{
	snprintf(buf, 64, "u%u@mapiary.test", i);
	return buf;
}

static void add_user(struct world *w, unsigned i)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	char name[16], password[32];
	struct mx_user row = {.name = name}, got;
	MAPIARY_USER_PARAMS who = {.cbSize = sizeof(who)};

	snprintf(name, sizeof(name), "u%u", i);
	snprintf(password, sizeof(password), "secret-%u", i);
	assert_int_equal(mx_dir_add(mx_server_store(w->srv), &row, password, &a,
				    &got),
			 0);
	snprintf(w->dn[i], sizeof(w->dn[i]), "%s", got.dn);
	who.lpszLogin = name;
	who.lpszPassword = password;
	ok(MapiaryCreateUser(&who, &w->users[i]));
}

static void start(struct world *w)
{
	struct mx_fault f = MX_FAULT_INIT;

	if (mx_server_start(&w->params, &f, &w->srv))
		fail_msg("server: %s", f.text);
}

static void make_cert(struct world *w)
{
	char cmd[1024];

	snprintf(w->cert, sizeof(w->cert), "%s.crt", w->dir);
	snprintf(w->key, sizeof(w->key), "%s.key", w->dir);
	snprintf(cmd, sizeof(cmd),
		 "openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
		 "-subj /CN=world -addext subjectAltName=IP:127.0.0.1 "
		 "-keyout '%s' -out '%s' 2>/dev/null",
		 w->key, w->cert);
	assert_int_equal(system(cmd), 0);
	w->params.tls_cert = w->cert;
	w->params.tls_key = w->key;
}

struct world *world_new_with(const struct world_opts *opts)
{
	static int count;
	struct world *w = calloc(1, sizeof(*w));
	char segment[300];

	snprintf(segment, sizeof(segment), "%s/segment", mx_test_dir());
	setenv("MAPIARY_SEGMENT", segment, 1);
	snprintf(w->dir, sizeof(w->dir), "%s/data-%d", mx_test_dir(), count++);
	w->params = opts->server;
	w->params.dir = w->dir;
	w->params.on_access = opts->on_access;
	w->params.access_arg = opts->arg;
	if (opts->tls)
		make_cert(w);
	start(w);
	if (opts->gate)
		w->gate = gate_new(mx_server_port(w->srv));
	w->n = opts->n_users;
	for (unsigned i = 0; i < w->n; i++)
		add_user(w, i);
	ok(MAPIInitialize(NULL));
	w->initialized = true;
	return w;
}

struct world *world_new(unsigned n)
{
	return world_new_with(&(struct world_opts){.n_users = n});
}

struct gate *world_gate(struct world *w)
{
	return w->gate;
}

void world_restart(struct world *w)
{
	gate_set(w->gate, GATE_CUT);
	mx_server_stop(w->srv);
	start(w);
	gate_move(w->gate, mx_server_port(w->srv));
}

struct mx_server *world_server(struct world *w)
{
	return w->srv;
}

const char *world_dn(struct world *w, unsigned i)
{
	return w->dn[i];
}

const char *world_ca(struct world *w)
{
	return w->cert;
}

void world_uninitialize(struct world *w)
{
	if (w->initialized)
		MAPIUninitialize();
	w->initialized = false;
}

void world_free(struct world *w)
{
	world_uninitialize(w);
	for (unsigned i = 0; i < w->n; i++)
		if (w->users[i])
			MapiaryUserRelease(w->users[i]);
	gate_free(w->gate);
	mx_server_stop(w->srv);
	free(w);
}

void world_forget_user(struct world *w, unsigned i)
{
	w->users[i] = NULL;
}

LPMAPIARYUSER world_user(struct world *w, unsigned i)
{
	return w->users[i];
}

void world_config(struct world *w, unsigned i, MAPIARY_CONFIG *ret)
{
	*ret = (MAPIARY_CONFIG){.cbSize = sizeof(*ret)};
	ret->lpszUrl = w->gate ? gate_url(w->gate) : mx_server_url(w->srv);
	ret->lpszMailboxDn = w->dn[i];
}

LPMAPISESSION world_logon(struct world *w, unsigned i)
{
	MAPIARY_CONFIG c;
	LPMAPISESSION s = NULL;

	world_config(w, i, &c);
	ok(MapiaryLogon(w->users[i], &c, 0, &s));
	return s;
}

LPMDB world_store(LPMAPISESSION s, ULONG flags)
{
	LPMDB mdb = NULL;

	ok(IMAPISession_OpenMsgStore(s, 0, 0, NULL, NULL,
				     MDB_WRITE | MAPI_BEST_ACCESS | flags,
				     &mdb));
	return mdb;
}

LPMAPIFOLDER world_inbox(LPMDB mdb, ULONG flags)
{
	LPMAPIFOLDER f = NULL;
	LPENTRYID eid = NULL;
	ULONG n = 0, type = 0;

	ok(IMsgStore_GetReceiveFolder(mdb, (LPTSTR) "IPM.Note", 0, &n, &eid,
				      NULL));
	ok(IMsgStore_OpenEntry(mdb, n, eid, NULL, MAPI_MODIFY | flags, &type,
			       (LPUNKNOWN *)(void *)&f));
	assert_int_equal(type, MAPI_FOLDER);
	MAPIFreeBuffer(eid);
	return f;
}

void world_grant(struct world *w, const char *owner, const char *who,
		 unsigned rights)
{
	assert_int_equal(mx_dir_grant(mx_server_store(world_server(w)), owner,
				      who, rights),
			 0);
}

LPEXCHANGEMANAGESTORE world_manage(LPMDB mdb)
{
	LPEXCHANGEMANAGESTORE m = NULL;

	ok(IMsgStore_QueryInterface(mdb, &IID_IExchangeManageStore,
				    (LPVOID *)(void *)&m));
	return m;
}

HRESULT world_open_other(LPMAPISESSION s, LPMDB own, const char *dn,
			 ULONG flags, LPMDB *ret)
{
	LPEXCHANGEMANAGESTORE m = world_manage(own);
	LPENTRYID eid = NULL;
	ULONG n = 0;
	HRESULT hr;

	ok(IExchangeManageStore_CreateStoreEntryID(
		m, NULL, dn,
		OPENSTORE_USE_ADMIN_PRIVILEGE | OPENSTORE_TAKE_OWNERSHIP, &n,
		&eid));
	IExchangeManageStore_Release(m);
	hr = IMAPISession_OpenMsgStore(s, 0, n, eid, NULL,
				       MDB_WRITE | MDB_NO_DIALOG | flags, ret);
	MAPIFreeBuffer(eid);
	return hr;
}

ULONG world_trips(LPMAPISESSION s)
{
	MAPIARY_SESSION_INFO info = {.cbSize = sizeof(info)};

	ok(MapiaryGetSessionInfo(s, &info));
	return (ULONG)info.cRoundTrips;
}

char *get_text(LPMAPIPROP p, ULONG tag)
{
	LPSPropValue v = NULL;
	char *s = NULL;

	ok(HrGetOneProp(p, CHANGE_PROP_TYPE(tag, PT_STRING8), &v));
	MAPIAllocateBuffer((ULONG)strlen(v->Value.lpszA) + 1, (void **)&s);
	strcpy(s, v->Value.lpszA);
	MAPIFreeBuffer(v);
	return s;
}

LONG get_long(LPMAPIPROP p, ULONG tag)
{
	LPSPropValue v = NULL;
	LONG l;

	ok(HrGetOneProp(p, tag, &v));
	l = v->Value.l;
	MAPIFreeBuffer(v);
	return l;
}

void set_text(LPMAPIPROP p, ULONG tag, const char *s)
{
	SPropValue v = {
		CHANGE_PROP_TYPE(tag, PT_STRING8), 0, {.lpszA = (LPSTR)s}};

	ok(HrSetOneProp(p, &v));
}

void set_long(LPMAPIPROP p, ULONG tag, LONG l)
{
	SPropValue v = {tag, 0, {.l = l}};

	ok(HrSetOneProp(p, &v));
}

ULONG row_count(LPMAPIFOLDER f)
{
	LPMAPITABLE t = NULL;
	ULONG n = 0;

	ok(IMAPIFolder_GetContentsTable(f, 0, &t));
	ok(IMAPITable_GetRowCount(t, 0, &n));
	IMAPITable_Release(t);
	return n;
}

LPMESSAGE put_message(LPMAPIFOLDER f, const char *subject, const char *body)
{
	LPMESSAGE m = NULL;

	ok(IMAPIFolder_CreateMessage(f, NULL, 0, &m));
	set_text((LPMAPIPROP)m, PR_MESSAGE_CLASS, "IPM.Note");
	set_text((LPMAPIPROP)m, PR_SUBJECT, subject);
	set_text((LPMAPIPROP)m, PR_BODY, body);
	ok(IMessage_SaveChanges(m, KEEP_OPEN_READWRITE));
	return m;
}
