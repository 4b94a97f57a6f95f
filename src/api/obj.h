/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every object of a session is made of, and what every call on one does.
 *
 *	IFoo *  ==  struct mx_obj *   (lpVtbl first)
 *	  so      the server object it stands for
 *	  parent  the COM object above, kept alive: any release order is right
 *	  last    why the last call on it failed, for GetLastError
 *
 * A call:  mx_do_begin (is the library initialised? deadline, cancel token),
 * work with &d.call, mx_do_end (HRESULT, GetLastError).  Nothing is locked
 * while a server is asked.  Release of the last reference hands the server
 * object to the session's reaper and returns.  In a forked child calls end in
 * mx_do_begin or mx_obj_check, before any lock, and Release counts down and does
 * no more.
 */
#ifndef MX_API_OBJ_H
#define MX_API_OBJ_H

#include <stdatomic.h>

#include "api/hresult.h"
#include "base/list.h"
#include "base/lock.h"
#include "session/batch.h"
#include "session/session.h"
#include "session/sobj.h"

struct mx_obj;
struct mx_do;

struct mx_class {
	const char *name;       /* "IMessage": component in GetLastError */
	ULONG type;             /* MAPI_MESSAGE …; 0: none */
	const IID *const *iids; /* what QueryInterface answers to, */
	size_t n_iids;          /* besides IUnknown */
	void (*fini)(struct mx_obj *o); /* of the class's own members */
	/* Interfaces with a table of their own that share the object's
	 * references: the pointer to give out, or NULL.  NULL: none. */
	void *(*query)(struct mx_obj *o, REFIID iid);

	/* Objects with properties: what this side knows better than the server
	 * (entry ids, types).  own_tags lists them; own() gives one: 1 with
	 * *ret in the arena, 0: ask the server, or an error. */
	const uint32_t *own_tags;
	size_t n_own_tags;
	int (*own)(struct mx_do *d, struct mx_obj *o, struct mx_arena *a,
		   uint32_t tag, struct mx_propval *ret);
	/* OpenProperty for anything but streams; NULL: nothing. */
	HRESULT(*open_property)
	(struct mx_obj *o, ULONG tag, LPCIID iid, ULONG options, ULONG flags,
	 LPUNKNOWN *ret);
};

struct mx_lasterr {
	HRESULT hr;
	ULONG low;     /* the protocol's code */
	ULONG context; /* its layer, enum mx_layer */
	char text[512];
};

/* What every call reads stands first. */
struct mx_obj {
	const void *vtbl;
	struct mx_session *session; /* a reference */
	struct mx_sobj *so;         /* owned; NULL when there is none */
	const struct mx_class *cls;
	atomic_uint n_unsent; /* in unsent; written under the lock */
	atomic_uint refs;
	struct mx_obj *parent; /* a reference; NULL for the session */
	struct mx_mutex lock;  /* what follows, and small state of the class */
	struct mx_lasterr *last;
	struct mx_list unsent; /* streams with bytes held back; strm-hold.c */
	struct mx_cond idle;   /* busy went false */
	bool busy;             /* a call has the turn */
};

/* Cast between a COM interface and its object. */
#define MX_OBJ(p) ((struct mx_obj *)(void *)(p))

/* Initialises the common part: one reference; takes its own of parent and
 * session; takes over so. */
void mx_obj_init(struct mx_obj *o, const void *vtbl, const struct mx_class *cls,
		 struct mx_obj *parent, struct mx_session *session,
		 struct mx_sobj *so);

/* IUnknown. */
HRESULT mx_obj_query(struct mx_obj *o, REFIID iid, LPVOID *ret);
ULONG mx_obj_add(struct mx_obj *o);
ULONG mx_obj_release(struct mx_obj *o);
/* GetLastError of every interface. */
HRESULT mx_obj_last_error(struct mx_obj *o, HRESULT hr, ULONG flags,
			  LPMAPIERROR *ret);

/* True when iid is NULL or one that the object answers to. */
bool mx_obj_answers(const struct mx_class *cls, LPCIID iid);

/* The store an object belongs to: itself, or the first above it. */
struct mx_store;
struct mx_store *mx_obj_store(struct mx_obj *o);

/* ---- one call ---- */

struct mx_thread;

struct mx_do {
	struct mx_obj *obj;
	struct mx_call call;
	struct mx_fault fault;
	struct mx_thread *thread;
};

/* S_OK, or MAPI_E_NOT_INITIALIZED when the library is not (then no end). */
HRESULT mx_do_begin(struct mx_do *d, void *obj);
/* A call without an object (MAPILogonEx). */
HRESULT mx_do_begin_free(struct mx_do *d);

/* What mx_do_begin begins with, for calls that do nothing a server is asked for:
 * S_OK or MAPI_E_NOT_INITIALIZED. */
HRESULT mx_obj_check(void *obj);
/* A forked child's view of its parent's object: it must not be locked. */
bool mx_obj_inherited(void *obj);

/* For objects with a state that a call reads, changes on the server and writes
 * back (tables, streams): calls take turns.  Waiting has the call's deadline
 * and token; no lock is held by who has the turn.  0, -ETIMEDOUT, -ECANCELED;
 * after 0 mx_turn_end is due. */
int mx_turn_begin(struct mx_do *d, struct mx_obj *o);
void mx_turn_end(struct mx_obj *o);

/* Opens a server object that has not been opened yet: 0, or the errors of
 * session.h. */
int mx_do_open(struct mx_do *d, struct mx_sobj *so);
/* A new server object under `from`, opened by `open`: now, or if deferred with its
 * first use.  0 with *ret owned by the caller. */
int mx_do_sobj(struct mx_do *d, struct mx_sobj *from,
	       const struct mx_rop_req *open, bool deferred,
	       struct mx_sobj **ret);

/* Ends the call: the HRESULT of err; remembers why it failed. */
HRESULT mx_do_end(struct mx_do *d, int err);
/* Ends the call with an HRESULT of ours; fmt says why, if it failed. */
HRESULT mx_do_end_hr(struct mx_do *d, HRESULT hr, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* Ends a call that found a method or flag we do not have. */
#define mx_do_end_unsupported(d, what)                                         \
	mx_do_end_hr((d), MAPI_E_NO_SUPPORT, "%s is not supported", (what))

/* Body of a method that is not offered. */
HRESULT mx_obj_unsupported(void *obj, const char *what);

/* ---- vtable rows ---- */

#define MX_UNKNOWN_ROWS(T)                                                     \
	(HRESULT(*)(T *, REFIID, LPVOID *)) mx_obj_query,                      \
		(ULONG(*)(T *))mx_obj_add, (ULONG(*)(T *))mx_obj_release

#define MX_LAST_ERROR_ROW(T)                                                   \
	(HRESULT(*)(T *, HRESULT, ULONG, LPMAPIERROR *)) mx_obj_last_error

#endif
