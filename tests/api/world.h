/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server in this process, users in it, and sessions to it: what the tests of
 * whole objects start from.  Client and server meet only on the socket.
 */
#ifndef MX_TESTS_API_WORLD_H
#define MX_TESTS_API_WORLD_H

#include "api/api.h"
#include "base/test.h"
#include "server/server.h"

struct world;
struct gate;
struct mx_server;

/* Zeros: nothing of the kind. */
struct world_opts {
	unsigned n_users;
	bool gate; /* sessions go through world_gate() */
	bool tls;  /* https, with a certificate that nobody knows */
	mx_access_fn *on_access; /* of the server, with arg */
	void *arg;
	struct mx_server_params server; /* limits; the rest is set here */
};

/* Starts the server with users "u0", "u1" …, and MAPI. */
struct world *world_new(unsigned n_users);
struct world *world_new_with(const struct world_opts *opts);
struct gate *world_gate(struct world *w);
/* The server ends and starts again with what it had stored: it has forgotten
 * every session context.  Needs the gate. */
void world_restart(struct world *w);
struct mx_server *world_server(struct world *w);
/* The legacyExchangeDN of user i. */
const char *world_dn(struct world *w, unsigned i);
/* The certificate's file, with tls. */
const char *world_ca(struct world *w);
/* MAPIUninitialize unless it was called, then the server's end. */
void world_free(struct world *w);

/* A session of user i. */
LPMAPISESSION world_logon(struct world *w, unsigned i);
/* His default store. */
LPMDB world_store(LPMAPISESSION s, ULONG flags);
/* His inbox, opened with flags. */
LPMAPIFOLDER world_inbox(LPMDB mdb, ULONG flags);

const char *world_smtp(unsigned i, char buf[64]);
LPMAPIARYUSER world_user(struct world *w, unsigned i);
/* The test has released that one itself. */
void world_forget_user(struct world *w, unsigned i);
void world_config(struct world *w, unsigned i, MAPIARY_CONFIG *ret);
void world_uninitialize(struct world *w);

/* User `who` gets exactly these rights (enum mx_grant) on owner's mailbox. */
void world_grant(struct world *w, const char *owner, const char *who,
		 unsigned rights);
LPEXCHANGEMANAGESTORE world_manage(LPMDB mdb);
/* OpenMsgStore of the mailbox with that DN, as a program does it: the user's own
 * store makes the entry id. */
HRESULT world_open_other(LPMAPISESSION s, LPMDB own, const char *dn,
			 ULONG flags, LPMDB *ret);

/* Requests the session has sent so far. */
ULONG world_trips(LPMAPISESSION s);

/* S_OK, or the case fails with the library's own words. */
#define ok(call)                                                               \
	do {                                                                   \
		HRESULT ok_hr_ = (call);                                       \
		if (ok_hr_ != S_OK)                                            \
			fail_msg("%s: 0x%08x %s", #call, (unsigned)ok_hr_,     \
				 MapiaryLastErrorText());                      \
	} while (0)

/* A string property as UTF-8, in a MAPI buffer of its own. */
char *get_text(LPMAPIPROP p, ULONG tag);
LONG get_long(LPMAPIPROP p, ULONG tag);
void set_text(LPMAPIPROP p, ULONG tag, const char *s);
void set_long(LPMAPIPROP p, ULONG tag, LONG v);

/* Rows of the folder's contents table. */
ULONG row_count(LPMAPIFOLDER f);

/* A saved message in the folder: subject, body; its entry id in *ret. */
LPMESSAGE put_message(LPMAPIFOLDER f, const char *subject, const char *body);

#endif
