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

struct world;

/* Starts the server with users "u0", "u1" …, and MAPI. */
struct world *world_new(unsigned n_users);
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
void world_config(struct world *w, unsigned i, MAPIARY_CONFIG *ret);
void world_uninitialize(struct world *w);

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

/* A saved message in the folder: subject, body; its entry id in *ret. */
LPMESSAGE put_message(LPMAPIFOLDER f, const char *subject, const char *body);

#endif
