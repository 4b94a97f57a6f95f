/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: MAPIInitialize, MAPILogonEx, IMAPISession, profiles, buffers.
 * How a user context and a server are given is in mapiary.h.
 */
#ifndef MAPIX_H
#define MAPIX_H

#include "mapidefs.h"
#include "mapicode.h"
#include "mapiguid.h"
#include "mapitags.h"

DECLARE_MAPI_INTERFACE_PTR(IProfAdmin, LPPROFADMIN);
DECLARE_MAPI_INTERFACE_PTR(IMsgServiceAdmin, LPSERVICEADMIN);
DECLARE_MAPI_INTERFACE_PTR(IMsgServiceAdmin2, LPSERVICEADMIN2);
DECLARE_MAPI_INTERFACE_PTR(IMAPISession, LPMAPISESSION);

MAPI_BEGIN_DECLS

typedef ULONG FLAGS;

/* MAPILogonEx. Those that ask for dialogs do nothing: a server program has
 * nobody to ask. Every session is a new one. */
#define MAPI_LOGON_UI 0x00000001
#define MAPI_NEW_SESSION 0x00000002
#define MAPI_APP_PROFILE 0x00000004
#define MAPI_ALLOW_OTHERS 0x00000008
#define MAPI_EXPLICIT_PROFILE 0x00000010
#define MAPI_EXTENDED 0x00000020
#define MAPI_FORCE_DOWNLOAD 0x00001000
#define MAPI_SERVICE_UI_ALWAYS 0x00002000
#define MAPI_NO_MAIL 0x00008000
#define MAPI_PASSWORD_UI 0x00020000
#define MAPI_TIMEOUT_SHORT 0x00100000
#define MAPI_SIMPLE_DEFAULT                                                    \
	(MAPI_LOGON_UI | MAPI_FORCE_DOWNLOAD | MAPI_ALLOW_OTHERS)
#define MAPI_SIMPLE_EXPLICIT                                                   \
	(MAPI_NEW_SESSION | MAPI_FORCE_DOWNLOAD | MAPI_EXPLICIT_PROFILE)
#define MAPI_BG_SESSION 0x00200000

typedef struct {
	ULONG ulVersion;
	ULONG ulFlags;
} MAPIINIT_0, *LPMAPIINIT_0;
typedef MAPIINIT_0 MAPIINIT, *LPMAPIINIT;

#define MAPI_INIT_VERSION 0
#define MAPI_MULTITHREAD_NOTIFICATIONS 0x00000001
#define MAPI_NO_COINIT 0x00000008

typedef HRESULT(STDAPICALLTYPE MAPIINITIALIZE)(LPVOID lpMapiInit);
typedef MAPIINITIALIZE *LPMAPIINITIALIZE;
typedef void(STDAPICALLTYPE MAPIUNINITIALIZE)(void);
typedef MAPIUNINITIALIZE *LPMAPIUNINITIALIZE;
typedef HRESULT(STDMETHODCALLTYPE MAPILOGONEX)(ULONG_PTR ulUIParam,
					       LPTSTR lpszProfileName,
					       LPTSTR lpszPassword,
					       ULONG ulFlags,
					       LPMAPISESSION *lppSession);
typedef MAPILOGONEX *LPMAPILOGONEX;
typedef SCODE(STDMETHODCALLTYPE MAPIALLOCATEBUFFER)(ULONG cbSize,
						    LPVOID *lppBuffer);
typedef MAPIALLOCATEBUFFER *LPMAPIALLOCATEBUFFER;
typedef SCODE(STDMETHODCALLTYPE MAPIALLOCATEMORE)(ULONG cbSize, LPVOID lpObject,
						  LPVOID *lppBuffer);
typedef MAPIALLOCATEMORE *LPMAPIALLOCATEMORE;
typedef ULONG(STDAPICALLTYPE MAPIFREEBUFFER)(LPVOID lpBuffer);
typedef MAPIFREEBUFFER *LPMAPIFREEBUFFER;
typedef HRESULT(STDMETHODCALLTYPE MAPIADMINPROFILES)(ULONG ulFlags,
						     LPPROFADMIN *lppProfAdmin);
typedef MAPIADMINPROFILES *LPMAPIADMINPROFILES;

/* Counted: the library works from the first call to the matching last
 * MAPIUninitialize. lpMapiInit is NULL or a MAPIINIT_0. Notifications are
 * called on the library's own threads whatever the flags say (there is no
 * message loop to wait for); HrThisThreadAdviseSink changes that per sink.
 * Any thread may call it. Returns S_OK, MAPI_E_UNKNOWN_FLAGS,
 * MAPI_E_INVALID_PARAMETER, MAPI_E_VERSION, MAPI_E_NOT_ENOUGH_MEMORY. */
STDAPI MAPIInitialize(LPVOID lpMapiInit);

/* The last one ends all sessions: objects that are still held afterwards
 * answer MAPI_E_NOT_INITIALIZED and must still be released. Waits for no
 * server longer than the shutdown deadline (mapiary.h). */
STDAPI_(void) MAPIUninitialize(void);

/* Logs on as the calling thread's user context (mapiary.h; else the thread's
 * kernel credentials, else the process's). lpszProfileName names a profile,
 * or is NULL when the program configured the context itself.
 * Errors: MAPI_E_NOT_INITIALIZED, MAPI_E_UNCONFIGURED (nothing says which
 * server), MAPI_E_LOGON_FAILED (the server refused the user),
 * MAPI_E_NETWORK_ERROR (also when a deadline passed), MAPI_E_USER_CANCEL, ...;
 * MapiaryLastErrorText says more. */
STDAPI MAPILogonEx(ULONG_PTR ulUIParam, LPTSTR lpszProfileName,
		   LPTSTR lpszPassword, ULONG ulFlags,
		   LPMAPISESSION *lppSession);

/* Memory: a buffer, memory that dies with a buffer, and the end of both.
 * Blocks are aligned for every type; any thread may free. MAPIFreeBuffer of
 * NULL does nothing. These work before MAPIInitialize too. */
STDAPI_(SCODE) MAPIAllocateBuffer(ULONG cbSize, LPVOID *lppBuffer);
STDAPI_(SCODE)
MAPIAllocateMore(ULONG cbSize, LPVOID lpObject, LPVOID *lppBuffer);
STDAPI_(ULONG) MAPIFreeBuffer(LPVOID lpBuffer);

MAPI_END_DECLS

/* ---- sessions ---- */

/* Logoff, SetDefaultStore, ShowForm */
#define MAPI_LOGOFF_SHARED 0x00000001
#define MAPI_LOGOFF_UI 0x00000002
#define MAPI_DEFAULT_STORE 0x00000001
#define MAPI_SIMPLE_STORE_TEMPORARY 0x00000002
#define MAPI_SIMPLE_STORE_PERMANENT 0x00000003
#define MAPI_PRIMARY_STORE 0x00000004
#define MAPI_SECONDARY_STORE 0x00000005
#define MAPI_POST_MESSAGE 0x00000001
#define MAPI_NEW_MESSAGE 0x00000002

/* clang-format off */
#define MAPI_IMAPISESSION_METHODS(IPURE) \
	MAPIMETHOD(GetLastError)(THIS_ HRESULT hResult, ULONG ulFlags, \
		LPMAPIERROR *lppMAPIError) IPURE; \
	MAPIMETHOD(GetMsgStoresTable)(THIS_ ULONG ulFlags, \
		LPMAPITABLE *lppTable) IPURE; \
	MAPIMETHOD(OpenMsgStore)(THIS_ ULONG_PTR ulUIParam, \
		ULONG cbEntryID, LPENTRYID lpEntryID, \
		LPCIID lpInterface, ULONG ulFlags, LPMDB *lppMDB) IPURE; \
	MAPIMETHOD(OpenAddressBook)(THIS_ ULONG_PTR ulUIParam, \
		LPCIID lpInterface, ULONG ulFlags, \
		LPADRBOOK *lppAdrBook) IPURE; \
	MAPIMETHOD(OpenProfileSection)(THIS_ LPMAPIUID lpUID, \
		LPCIID lpInterface, ULONG ulFlags, \
		LPPROFSECT *lppProfSect) IPURE; \
	MAPIMETHOD(GetStatusTable)(THIS_ ULONG ulFlags, \
		LPMAPITABLE *lppTable) IPURE; \
	MAPIMETHOD(OpenEntry)(THIS_ ULONG cbEntryID, \
		LPENTRYID lpEntryID, LPCIID lpInterface, ULONG ulFlags, \
		ULONG *lpulObjType, LPUNKNOWN *lppUnk) IPURE; \
	MAPIMETHOD(CompareEntryIDs)(THIS_ ULONG cbEntryID1, \
		LPENTRYID lpEntryID1, ULONG cbEntryID2, \
		LPENTRYID lpEntryID2, ULONG ulFlags, \
		ULONG *lpulResult) IPURE; \
	MAPIMETHOD(Advise)(THIS_ ULONG cbEntryID, LPENTRYID lpEntryID, \
		ULONG ulEventMask, LPMAPIADVISESINK lpAdviseSink, \
		ULONG_PTR *lpulConnection) IPURE; \
	MAPIMETHOD(Unadvise)(THIS_ ULONG_PTR ulConnection) IPURE; \
	MAPIMETHOD(MessageOptions)(THIS_ ULONG_PTR ulUIParam, \
		ULONG ulFlags, LPTSTR lpszAdrType, \
		LPMESSAGE lpMessage) IPURE; \
	MAPIMETHOD(QueryDefaultMessageOpt)(THIS_ LPTSTR lpszAdrType, \
		ULONG ulFlags, ULONG *lpcValues, \
		LPSPropValue *lppOptions) IPURE; \
	MAPIMETHOD(EnumAdrTypes)(THIS_ ULONG ulFlags, \
		ULONG *lpcAdrTypes, LPTSTR **lpppszAdrTypes) IPURE; \
	MAPIMETHOD(QueryIdentity)(THIS_ ULONG *lpcbEntryID, \
		LPENTRYID *lppEntryID) IPURE; \
	MAPIMETHOD(Logoff)(THIS_ ULONG_PTR ulUIParam, ULONG ulFlags, \
		ULONG ulReserved) IPURE; \
	MAPIMETHOD(SetDefaultStore)(THIS_ ULONG ulFlags, \
		ULONG cbEntryID, LPENTRYID lpEntryID) IPURE; \
	MAPIMETHOD(AdminServices)(THIS_ ULONG ulFlags, \
		LPSERVICEADMIN *lppServiceAdmin) IPURE; \
	MAPIMETHOD(ShowForm)(THIS_ ULONG_PTR ulUIParam, \
		LPMDB lpMsgStore, LPMAPIFOLDER lpParentFolder, \
		LPCIID lpInterface, ULONG_PTR ulMessageToken, \
		LPMESSAGE lpMessageSent, ULONG ulFlags, \
		ULONG ulMessageStatus, ULONG ulMessageFlags, \
		ULONG ulAccess, LPSTR lpszMessageClass) IPURE; \
	MAPIMETHOD(PrepareForm)(THIS_ LPCIID lpInterface, \
		LPMESSAGE lpMessage, ULONG_PTR *lpulMessageToken) IPURE;
#undef INTERFACE
#define INTERFACE IMAPISession
DECLARE_MAPI_INTERFACE_(IMAPISession, IUnknown)
{
	BEGIN_INTERFACE
	MAPI_IUNKNOWN_METHODS(PURE)
	MAPI_IMAPISESSION_METHODS(PURE)
	END_INTERFACE(IMAPISession)
};
/* clang-format on */

/* ---- the address book ---- */

/* clang-format off */
#define MAPI_IADDRBOOK_METHODS(IPURE) \
	MAPIMETHOD(OpenEntry)(THIS_ ULONG cbEntryID, \
		LPENTRYID lpEntryID, LPCIID lpInterface, ULONG ulFlags, \
		ULONG *lpulObjType, LPUNKNOWN *lppUnk) IPURE; \
	MAPIMETHOD(CompareEntryIDs)(THIS_ ULONG cbEntryID1, \
		LPENTRYID lpEntryID1, ULONG cbEntryID2, \
		LPENTRYID lpEntryID2, ULONG ulFlags, \
		ULONG *lpulResult) IPURE; \
	MAPIMETHOD(Advise)(THIS_ ULONG cbEntryID, LPENTRYID lpEntryID, \
		ULONG ulEventMask, LPMAPIADVISESINK lpAdviseSink, \
		ULONG_PTR *lpulConnection) IPURE; \
	MAPIMETHOD(Unadvise)(THIS_ ULONG_PTR ulConnection) IPURE; \
	MAPIMETHOD(CreateOneOff)(THIS_ LPTSTR lpszName, \
		LPTSTR lpszAdrType, LPTSTR lpszAddress, ULONG ulFlags, \
		ULONG *lpcbEntryID, LPENTRYID *lppEntryID) IPURE; \
	MAPIMETHOD(NewEntry)(THIS_ ULONG_PTR ulUIParam, ULONG ulFlags, \
		ULONG cbEIDContainer, LPENTRYID lpEIDContainer, \
		ULONG cbEIDNewEntryTpl, LPENTRYID lpEIDNewEntryTpl, \
		ULONG *lpcbEIDNewEntry, \
		LPENTRYID *lppEIDNewEntry) IPURE; \
	MAPIMETHOD(ResolveName)(THIS_ ULONG_PTR ulUIParam, \
		ULONG ulFlags, LPTSTR lpszNewEntryTitle, \
		LPADRLIST lpAdrList) IPURE; \
	MAPIMETHOD(Address)(THIS_ ULONG_PTR *lpulUIParam, \
		LPADRPARM lpAdrParms, LPADRLIST *lppAdrList) IPURE; \
	MAPIMETHOD(Details)(THIS_ ULONG_PTR *lpulUIParam, \
		LPFNDISMISS lpfnDismiss, LPVOID lpvDismissContext, \
		ULONG cbEntryID, LPENTRYID lpEntryID, \
		LPFNBUTTON lpfButtonCallback, LPVOID lpvButtonContext, \
		LPTSTR lpszButtonText, ULONG ulFlags) IPURE; \
	MAPIMETHOD(RecipOptions)(THIS_ ULONG_PTR ulUIParam, \
		ULONG ulFlags, LPADRENTRY lpRecip) IPURE; \
	MAPIMETHOD(QueryDefaultRecipOpt)(THIS_ LPTSTR lpszAdrType, \
		ULONG ulFlags, ULONG *lpcValues, \
		LPSPropValue *lppOptions) IPURE; \
	MAPIMETHOD(GetPAB)(THIS_ ULONG *lpcbEntryID, \
		LPENTRYID *lppEntryID) IPURE; \
	MAPIMETHOD(SetPAB)(THIS_ ULONG cbEntryID, \
		LPENTRYID lpEntryID) IPURE; \
	MAPIMETHOD(GetDefaultDir)(THIS_ ULONG *lpcbEntryID, \
		LPENTRYID *lppEntryID) IPURE; \
	MAPIMETHOD(SetDefaultDir)(THIS_ ULONG cbEntryID, \
		LPENTRYID lpEntryID) IPURE; \
	MAPIMETHOD(GetSearchPath)(THIS_ ULONG ulFlags, \
		LPSRowSet *lppSearchPath) IPURE; \
	MAPIMETHOD(SetSearchPath)(THIS_ ULONG ulFlags, \
		LPSRowSet lpSearchPath) IPURE; \
	MAPIMETHOD(PrepareRecips)(THIS_ ULONG ulFlags, \
		LPSPropTagArray lpPropTagArray, \
		LPADRLIST lpRecipList) IPURE;
#undef INTERFACE
#define INTERFACE IAddrBook
DECLARE_MAPI_INTERFACE_(IAddrBook, IMAPIProp)
{
	BEGIN_INTERFACE
	MAPI_IUNKNOWN_METHODS(PURE)
	MAPI_IMAPIPROP_METHODS(PURE)
	MAPI_IADDRBOOK_METHODS(PURE)
	END_INTERFACE(IAddrBook)
};
/* clang-format on */

/* ---- profiles and services ---- */

#define MAPI_DEFAULT_SERVICES 0x00000001

/* clang-format off */
#define MAPI_IPROFADMIN_METHODS(IPURE) \
	MAPIMETHOD(GetLastError)(THIS_ HRESULT hResult, ULONG ulFlags, \
		LPMAPIERROR *lppMAPIError) IPURE; \
	MAPIMETHOD(GetProfileTable)(THIS_ ULONG ulFlags, \
		LPMAPITABLE *lppTable) IPURE; \
	MAPIMETHOD(CreateProfile)(THIS_ LPTSTR lpszProfileName, \
		LPTSTR lpszPassword, ULONG_PTR ulUIParam, \
		ULONG ulFlags) IPURE; \
	MAPIMETHOD(DeleteProfile)(THIS_ LPTSTR lpszProfileName, \
		ULONG ulFlags) IPURE; \
	MAPIMETHOD(ChangeProfilePassword)(THIS_ LPTSTR lpszProfileName, \
		LPTSTR lpszOldPassword, LPTSTR lpszNewPassword, \
		ULONG ulFlags) IPURE; \
	MAPIMETHOD(CopyProfile)(THIS_ LPTSTR lpszOldProfileName, \
		LPTSTR lpszOldPassword, LPTSTR lpszNewProfileName, \
		ULONG_PTR ulUIParam, ULONG ulFlags) IPURE; \
	MAPIMETHOD(RenameProfile)(THIS_ LPTSTR lpszOldProfileName, \
		LPTSTR lpszOldPassword, LPTSTR lpszNewProfileName, \
		ULONG_PTR ulUIParam, ULONG ulFlags) IPURE; \
	MAPIMETHOD(SetDefaultProfile)(THIS_ LPTSTR lpszProfileName, \
		ULONG ulFlags) IPURE; \
	MAPIMETHOD(AdminServices)(THIS_ LPTSTR lpszProfileName, \
		LPTSTR lpszPassword, ULONG_PTR ulUIParam, ULONG ulFlags, \
		LPSERVICEADMIN *lppServiceAdmin) IPURE;
#undef INTERFACE
#define INTERFACE IProfAdmin
DECLARE_MAPI_INTERFACE_(IProfAdmin, IUnknown)
{
	BEGIN_INTERFACE
	MAPI_IUNKNOWN_METHODS(PURE)
	MAPI_IPROFADMIN_METHODS(PURE)
	END_INTERFACE(IProfAdmin)
};
/* clang-format on */

/* PR_RESOURCE_FLAGS of a service */
#define SERVICE_DEFAULT_STORE 0x00000001
#define SERVICE_SINGLE_COPY 0x00000002
#define SERVICE_CREATE_WITH_STORE 0x00000004
#define SERVICE_PRIMARY_IDENTITY 0x00000008
#define SERVICE_NO_PRIMARY_IDENTITY 0x00000020

/* clang-format off */
#define MAPI_IMSGSERVICEADMIN_METHODS(IPURE) \
	MAPIMETHOD(GetLastError)(THIS_ HRESULT hResult, ULONG ulFlags, \
		LPMAPIERROR *lppMAPIError) IPURE; \
	MAPIMETHOD(GetMsgServiceTable)(THIS_ ULONG ulFlags, \
		LPMAPITABLE *lppTable) IPURE; \
	MAPIMETHOD(CreateMsgService)(THIS_ LPTSTR lpszService, \
		LPTSTR lpszDisplayName, ULONG_PTR ulUIParam, \
		ULONG ulFlags) IPURE; \
	MAPIMETHOD(DeleteMsgService)(THIS_ LPMAPIUID lpUID) IPURE; \
	MAPIMETHOD(CopyMsgService)(THIS_ LPMAPIUID lpUID, \
		LPTSTR lpszDisplayName, LPCIID lpInterfaceToCopy, \
		LPCIID lpInterfaceDst, LPVOID lpObjectDst, \
		ULONG_PTR ulUIParam, ULONG ulFlags) IPURE; \
	MAPIMETHOD(RenameMsgService)(THIS_ LPMAPIUID lpUID, \
		ULONG ulFlags, LPTSTR lpszDisplayName) IPURE; \
	MAPIMETHOD(ConfigureMsgService)(THIS_ LPMAPIUID lpUID, \
		ULONG_PTR ulUIParam, ULONG ulFlags, ULONG cValues, \
		LPSPropValue lpProps) IPURE; \
	MAPIMETHOD(OpenProfileSection)(THIS_ LPMAPIUID lpUID, \
		LPCIID lpInterface, ULONG ulFlags, \
		LPPROFSECT *lppProfSect) IPURE; \
	MAPIMETHOD(MsgServiceTransportOrder)(THIS_ ULONG cUID, \
		LPMAPIUID lpUIDList, ULONG ulFlags) IPURE; \
	MAPIMETHOD(AdminProviders)(THIS_ LPMAPIUID lpUID, ULONG ulFlags, \
		LPPROVIDERADMIN *lppProviderAdmin) IPURE; \
	MAPIMETHOD(SetPrimaryIdentity)(THIS_ LPMAPIUID lpUID, \
		ULONG ulFlags) IPURE; \
	MAPIMETHOD(GetProviderTable)(THIS_ ULONG ulFlags, \
		LPMAPITABLE *lppTable) IPURE;
#undef INTERFACE
#define INTERFACE IMsgServiceAdmin
DECLARE_MAPI_INTERFACE_(IMsgServiceAdmin, IUnknown)
{
	BEGIN_INTERFACE
	MAPI_IUNKNOWN_METHODS(PURE)
	MAPI_IMSGSERVICEADMIN_METHODS(PURE)
	END_INTERFACE(IMsgServiceAdmin)
};
/* clang-format on */

/* clang-format off */
#define MAPI_IMSGSERVICEADMIN2_METHODS(IPURE) \
	MAPIMETHOD(CreateMsgServiceEx)(THIS_ LPTSTR lpszService, \
		LPTSTR lpszDisplayName, ULONG_PTR ulUIParam, ULONG ulFlags, \
		MAPIUID *lpuidService) IPURE;
#undef INTERFACE
#define INTERFACE IMsgServiceAdmin2
DECLARE_MAPI_INTERFACE_(IMsgServiceAdmin2, IUnknown)
{
	BEGIN_INTERFACE
	MAPI_IUNKNOWN_METHODS(PURE)
	MAPI_IMSGSERVICEADMIN_METHODS(PURE)
	MAPI_IMSGSERVICEADMIN2_METHODS(PURE)
	END_INTERFACE(IMsgServiceAdmin2)
};
/* clang-format on */

#include "mapimacros.h"

#endif /* MAPIX_H */
