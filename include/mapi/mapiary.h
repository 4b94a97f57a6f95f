/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Mapiary adds to MAPI: on whose behalf a thread works, which server a
 * logon goes to, deadlines, cancelling, diagnosis.
 *
 * Strings here are UTF-8 whatever UNICODE says. Structures start with
 * cbSize, which the caller sets to sizeof; zero every other member that is
 * not used (a designated initialiser does), later versions may add some.
 *
 *	MAPIARY_USER_PARAMS who = { .cbSize = sizeof(who),
 *		.lpszLogin = "anna", .lpszPassword = password };
 *	MAPIARY_CONFIG where = { .cbSize = sizeof(where),
 *		.lpszAddress = "anna@mail.example" };
 *
 *	MapiaryCreateUser(&who, &user);
 *	MapiaryDefineProfile("anna", &where);
 *	MapiaryImpersonate(user);
 *	MAPILogonEx(0, "anna", NULL, MAPI_EXTENDED | MAPI_NEW_SESSION, &ses);
 *	MapiaryRevert();
 */
#ifndef MAPIARY_H
#define MAPIARY_H

#include "mapix.h"

MAPI_BEGIN_DECLS

/* ---- user contexts ---- */

/* Who, and how it is proved to servers: a value that never changes, counted
 * by references, usable on any thread. */
typedef struct MapiaryUser *LPMAPIARYUSER;

/* MAPIARY_USER_PARAMS.ulAuth */
#define MAPIARY_AUTH_PASSWORD ((ULONG)0) /* lpszPassword or lpfnSecret */
#define MAPIARY_AUTH_BEARER ((ULONG)1)   /* a token from lpfnSecret */
#define MAPIARY_AUTH_GSS ((ULONG)2)      /* lpvContext: a gss_cred_id_t */
#define MAPIARY_AUTH_NONE ((ULONG)3)     /* cannot prove it */

/* Gives the password or token for a server ("host:port") as a UTF-8 string
 * with its NUL in lpszBuffer (cbBuffer bytes, at least 16384). Called on any
 * thread, several at once, whenever a request needs it; must not call MAPI.
 * S_OK, or what the logon shall fail with. */
typedef HRESULT(STDAPICALLTYPE MAPIARYSECRET)(LPVOID lpvContext,
					      LPCSTR lpszServer,
					      LPSTR lpszBuffer, ULONG cbBuffer);
typedef MAPIARYSECRET *LPMAPIARYSECRET;
typedef void(STDAPICALLTYPE MAPIARYFREE)(LPVOID lpvContext);
typedef MAPIARYFREE *LPMAPIARYFREE;

typedef struct {
	ULONG cbSize;
	ULONG ulAuth;
	LPCSTR lpszSid;         /* "S-1-5-21-..."; NULL: a fresh random one */
	LPCSTR lpszDisplayName; /* NULL: the login name */
	LPCSTR lpszLogin;       /* user name or UPN sent to servers */
	LPCSTR lpszPassword;    /* copied, wiped at the end */
	LPMAPIARYSECRET lpfnSecret; /* instead of lpszPassword */
	LPVOID lpvContext;          /* for lpfnSecret, or the GSS credential */
	LPMAPIARYFREE lpfnFree;     /* called with lpvContext at the end */
} MAPIARY_USER_PARAMS, *LPMAPIARY_USER_PARAMS;

/* A new context with one reference, which MapiaryUserRelease gives up. Works
 * before MAPIInitialize. MAPI_E_INVALID_PARAMETER, MAPI_E_NOT_ENOUGH_MEMORY;
 * then lpfnFree is not called. */
STDAPI MapiaryCreateUser(const MAPIARY_USER_PARAMS *lpParams,
			 LPMAPIARYUSER *lppUser);
STDAPI_(void) MapiaryUserAddRef(LPMAPIARYUSER lpUser);
STDAPI_(void) MapiaryUserRelease(LPMAPIARYUSER lpUser);

/* Borrowed from the context. */
STDAPI_(LPCSTR) MapiaryUserSid(LPMAPIARYUSER lpUser);
STDAPI_(LPCSTR) MapiaryUserDisplayName(LPMAPIARYUSER lpUser);
/* CRC-32 of the SID's binary form: an index, never an identity. */
STDAPI_(ULONG) MapiaryUserSidCrc(LPMAPIARYUSER lpUser);

/* From here to the matching MapiaryRevert this thread logs on as lpUser.
 * Sessions keep the user they were logged on as, whichever thread uses them
 * and whatever that thread impersonates. Calls nest. */
STDAPI MapiaryImpersonate(LPMAPIARYUSER lpUser);
/* MAPI_E_NOT_FOUND when the thread impersonates nobody. */
STDAPI MapiaryRevert(void);

/* The context of threads that say nothing: those that impersonate nobody and
 * have the process's kernel user id. NULL removes it; without one they cannot
 * log on, nor where the configuration says MAPIARY_EXPLICIT_USER. */
STDAPI MapiarySetProcessUser(LPMAPIARYUSER lpUser);

/* The context of threads whose kernel user id is ulUid while the process has
 * another (per-thread setresuid). NULL removes it. Without one such a thread
 * acts for the Unix user that it is: S-1-22-1-UID, with the name the system has
 * for him and the Kerberos tickets in his own cache (/tmp/krb5cc_UID), never
 * with anything of the process's. The process's user is its first thread's
 * when MAPIInitialize is first called: a daemon drops privileges before. */
STDAPI MapiaryRegisterUnixUser(ULONG ulUid, LPMAPIARYUSER lpUser);

/* Finds that context when it is needed, in *lppUser with a reference that
 * passes to the library. Called on the thread that logs on, under its kernel
 * credentials, for users that none is registered for; of MAPI it may call what
 * stands above. What it fails with, the logon fails with. */
typedef HRESULT(STDAPICALLTYPE MAPIARYUNIXUSER)(LPVOID lpvContext, ULONG ulUid,
						LPMAPIARYUSER *lppUser);
typedef MAPIARYUNIXUSER *LPMAPIARYUNIXUSER;
/* One for the process; NULL removes it. lpvContext has to stay valid until
 * then, and until calls that are under way have returned. */
STDAPI MapiarySetUnixUserSource(LPMAPIARYUNIXUSER lpfnSource,
				LPVOID lpvContext);

/* ---- which server ---- */

/* MAPIARY_CONFIG.ulFlags */
#define MAPIARY_NO_NOTIFICATIONS ((ULONG)0x00000001)
#define MAPIARY_EXPLICIT_USER ((ULONG)0x00000002) /* never the process's */

typedef struct {
	ULONG cbSize;
	ULONG ulFlags;
	/* The mailbox endpoint; "http://host:port" alone gets the usual path.
	 * NULL: ask Autodiscover for lpszAddress. */
	LPCSTR lpszUrl;
	LPCSTR lpszAddressBookUrl;  /* NULL: derived or discovered */
	LPCSTR lpszAddress;         /* SMTP address, for Autodiscover */
	LPCSTR lpszAutodiscoverUrl; /* NULL: the well-known places */
	/* Legacy DNs: of the mailbox to open as default store, and of the
	 * user. NULL: discovered; lpszUserDn NULL: as lpszMailboxDn. */
	LPCSTR lpszMailboxDn;
	LPCSTR lpszUserDn;
	LPCSTR lpszCaFile; /* PEM file of trusted roots; NULL: the system's */
	/* URL of an HTTP proxy; NULL: none, whatever the environment says. */
	LPCSTR lpszProxy;
	/* As MapiarySetDeadlines has it, for this logon and its session; 0: what
	 * was set there for all. */
	ULONG ulIdleDeadline;
	ULONG ulTotalDeadline;
	ULONG ulCodePage; /* of 8-bit strings on the server; 0: 65001 */
	ULONG ulLocale;   /* LCID for sorting; 0: 1033 */
} MAPIARY_CONFIG, *LPMAPIARY_CONFIG;

/* Gives a configuration a profile name for MAPILogonEx, in this process only.
 * It hides a stored profile of that name; NULL takes it away. Works before
 * MAPIInitialize. */
STDAPI MapiaryDefineProfile(LPCSTR lpszName, const MAPIARY_CONFIG *lpConfig);

/* Logs lpUser on (NULL: as MAPILogonEx finds it) by this configuration,
 * without a name. ulFlags and errors as MAPILogonEx. */
STDAPI MapiaryLogon(LPMAPIARYUSER lpUser, const MAPIARY_CONFIG *lpConfig,
		    ULONG ulFlags, LPMAPISESSION *lppSession);

/* ---- deadlines ---- */

/* Milliseconds; 0 leaves a value as it is. ulIdleDeadline is how long a server
 * may be silent (60 s at first; its "still working" is not silence),
 * ulTotalDeadline the most that one call may take (10 minutes at first): of
 * this session from its next call on, or with NULL of sessions to come. */
STDAPI MapiarySetDeadlines(LPMAPISESSION lpSession, ULONG ulIdleDeadline,
			   ULONG ulTotalDeadline);
/* What MAPIUninitialize waits at most, milliseconds; 5 s at first. */
STDAPI MapiarySetShutdownDeadline(ULONG ulMilliseconds);

/* MAPIARY_LEFT.ulKind: what MAPIUninitialize could not end. */
#define MAPIARY_LEFT_SESSION ((ULONG)1)    /* not released by the program */
#define MAPIARY_LEFT_CONNECTION ((ULONG)2) /* the server was not told */
#define MAPIARY_LEFT_CALLBACK ((ULONG)3)   /* a sink or callback still runs */
#define MAPIARY_LEFT_CALL ((ULONG)4)       /* a thread is still in a call */

typedef struct {
	ULONG cbSize;
	ULONG ulKind;
	ULONG cObjects;     /* of a session: stores, folders, messages ... */
	ULONGLONG ullSince; /* open, ending, running: milliseconds so far */
	/* For whom and where; "" when nobody can say. */
	LPCSTR lpszUser;
	LPCSTR lpszSid;
	LPCSTR lpszServer;
	LPCSTR lpszWhat; /* "1 store, 2 messages" */
	LPCSTR lpszText; /* all of it in one line */
} MAPIARY_LEFT, *LPMAPIARY_LEFT;

/* One thing that was left behind; what lpLeft points to lives during the call.
 * It must not call MAPI. */
typedef void(STDAPICALLTYPE MAPIARYLEFTBEHIND)(LPVOID lpvContext,
					       const MAPIARY_LEFT *lpLeft);
typedef MAPIARYLEFTBEHIND *LPMAPIARYLEFTBEHIND;

/* From now on the last MAPIUninitialize calls lpfnLeft, on its own thread before
 * it returns, once for each thing it left behind: nothing, when all was released
 * and the servers answered in time. NULL: nobody is told. */
STDAPI MapiarySetShutdownReport(LPMAPIARYLEFTBEHIND lpfnLeft,
				LPVOID lpvContext);

/* ---- budgets ---- */

/* How much of a server this process uses, from the next first MAPIInitialize on.
 * cSessions: session contexts that a user has on a server in all processes of
 * this account together (32 at first, the usual limit of servers); whoever needs
 * one more waits in order of arrival, until the call's deadline, which then
 * returns MAPI_E_SESSION_LIMIT with the limit and the holders in GetLastError.
 * cLogons: mailboxes in one session context (255 at first and at most); more
 * spread over further ones. A server that takes fewer is believed. 0 leaves a
 * value as it is. */
STDAPI MapiarySetBudgets(ULONG cSessions, ULONG cLogons);

/* ---- cancelling ---- */

/* Names the calling thread for MapiaryCancelThread; valid until it ends. */
STDAPI_(ULONG_PTR) MapiaryThreadToken(void);
/* Ends the MAPI call that thread is in: it returns MAPI_E_USER_CANCEL as soon
 * as possible, its outcome on the server unknown. S_OK; MAPI_E_NOT_FOUND when
 * no such thread is in a call. */
STDAPI MapiaryCancelThread(ULONG_PTR ulToken);

/* ---- notifications ---- */

/* A file descriptor that polls readable while HrDispatchNotifications has
 * something for the calling thread; owned by the library. -1 on failure. */
STDAPI_(int) MapiaryNotificationFd(void);

/* ---- diagnosis ---- */

/* Why the last MAPI call of this thread failed, in one line naming user,
 * server, operation and code; "" when it did not. Borrowed until the thread's
 * next call. For calls without an object, such as MAPILogonEx. */
STDAPI_(LPCSTR) MapiaryLastErrorText(void);

/* What is going on in this process: one line for each session and operation
 * in flight. Free *lppszText with MAPIFreeBuffer. */
STDAPI MapiaryDiagnose(LPSTR *lppszText);

/* Numbers of one session. */
typedef struct {
	ULONG cbSize;
	ULONG ulSidCrc;
	ULONG ulListSlot;   /* of its user in the shared list */
	ULONG cConnections; /* session contexts on the server */
	ULONG cLogons;      /* open stores */
	ULONG cReconnects;
	ULONGLONG cRoundTrips;
	ULONGLONG cbSent;
	ULONGLONG cbReceived;
	ULONGLONG cNotifications;
	char szSid[184];
	char szServer[256];
	ULONGLONG cbHeadersSent; /* of cbSent: HTTP headers */
	ULONGLONG cbHeadersReceived;
} MAPIARY_SESSION_INFO, *LPMAPIARY_SESSION_INFO;

/* Fills *lpInfo up to its cbSize. */
STDAPI MapiaryGetSessionInfo(LPMAPISESSION lpSession,
			     LPMAPIARY_SESSION_INFO lpInfo);

/* The version, "0.1.0". */
STDAPI_(LPCSTR) MapiaryVersion(void);

MAPI_END_DECLS

#endif /* MAPIARY_H */
