/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Helpers over the interfaces: properties, rows, notifications, streams on
 * files and in memory, tables in memory, times, hexadecimal text.
 *
 * Only what the library has is declared. All functions may be called on any
 * thread and, unless they take an object, before MAPIInitialize.
 */
#ifndef _MAPIUTIL_H_
#define _MAPIUTIL_H_

#include "mapix.h"

DECLARE_MAPI_INTERFACE_PTR(ITableData, LPTABLEDATA);

MAPI_BEGIN_DECLS

/* ---- reference counts ---- */

/* NULL is allowed; the new count is returned. */
STDAPI_(ULONG) UlAddRef(LPVOID lpunk);
STDAPI_(ULONG) UlRelease(LPVOID lpunk);

/* ---- one property, all rows ---- */

/* MAPI_E_NOT_FOUND when the object has no such property; the value's own
 * error otherwise. Free *lppProp with MAPIFreeBuffer. */
STDAPI HrGetOneProp(LPMAPIPROP lpMapiProp, ULONG ulPropTag,
		    LPSPropValue *lppProp);
STDAPI HrSetOneProp(LPMAPIPROP lpMapiProp, LPSPropValue lpProp);
STDAPI_(BOOL) FPropExists(LPMAPIPROP lpMapiProp, ULONG ulPropTag);

/* The first value with this tag, or NULL; a tag of type PT_UNSPECIFIED
 * matches any type of its id (but not PT_ERROR). */
STDAPI_(LPSPropValue)
PpropFindProp(LPSPropValue lpPropArray, ULONG cValues, ULONG ulPropTag);
STDAPI_(LPSPropValue)
LpValFindProp(ULONG ulPropTag, ULONG cValues, LPSPropValue lpPropArray);

STDAPI_(void) FreePadrlist(LPADRLIST lpAdrlist);
STDAPI_(void) FreeProws(LPSRowSet lpRows);

/* Sets columns, restriction and order where given, goes to the first row and
 * returns all rows; with crowsMax > 0 at most so many, and
 * MAPI_E_TABLE_TOO_BIG if there are more. Free with FreeProws. */
STDAPI HrQueryAllRows(LPMAPITABLE lpTable, LPSPropTagArray lpPropTags,
		      LPSRestriction lpRestriction,
		      LPSSortOrderSet lpSortOrderSet, LONG crowsMax,
		      LPSRowSet *lppRows);

/* Puts columns before those the table has. */
STDAPI HrAddColumns(LPMAPITABLE lptbl, LPSPropTagArray lpproptagColumnsNew,
		    LPALLOCATEBUFFER lpAllocateBuffer,
		    LPFREEBUFFER lpFreeBuffer);
STDAPI HrAddColumnsEx(LPMAPITABLE lptbl, LPSPropTagArray lpproptagColumnsNew,
		      LPALLOCATEBUFFER lpAllocateBuffer,
		      LPFREEBUFFER lpFreeBuffer,
		      void (*lpfnFilterColumns)(LPSPropTagArray ptaga));

/* ---- values ---- */

/* Copies a value; what it points to is allocated with lpfAllocMore on
 * lpvObject. */
STDAPI_(SCODE)
PropCopyMore(LPSPropValue lpSPropValueDest, LPSPropValue lpSPropValueSrc,
	     ALLOCATEMORE *lpfAllocMore, LPVOID lpvObject);

/* Bytes of the value itself, without SPropValue; 0 for types unknown. */
STDAPI_(ULONG) UlPropSize(LPSPropValue lpSPropValue);
STDAPI_(BOOL) FEqualNames(LPMAPINAMEID lpName1, LPMAPINAMEID lpName2);

/* Makes Sv the uliInst-th value of the multi-valued Mv; borrows from it. */
STDAPI_(void)
GetInstance(LPSPropValue lpPropMv, LPSPropValue lpPropSv, ULONG uliInst);
STDAPI_(BOOL)
FPropContainsProp(LPSPropValue lpSPropValueDst, LPSPropValue lpSPropValueSrc,
		  ULONG ulFuzzyLevel);
STDAPI_(BOOL)
FPropCompareProp(LPSPropValue lpSPropValue1, ULONG ulRelOp,
		 LPSPropValue lpSPropValue2);
STDAPI_(LONG)
LPropCompareProp(LPSPropValue lpSPropValueA, LPSPropValue lpSPropValueB);

/* Value arrays in one flat block: its size, a copy into it, its pointers
 * after it moved, and a copy in a buffer of its own. */
STDAPI_(SCODE) ScCountProps(int cValues, LPSPropValue lpPropArray, ULONG *lpcb);
STDAPI_(SCODE)
ScCopyProps(int cValues, LPSPropValue lpPropArray, LPVOID lpvDst, ULONG *lpcb);
STDAPI_(SCODE)
ScRelocProps(int cValues, LPSPropValue lpPropArray, LPVOID lpvBaseOld,
	     LPVOID lpvBaseNew, ULONG *lpcb);
STDAPI_(SCODE)
ScDupPropset(int cValues, LPSPropValue lpPropArray,
	     LPALLOCATEBUFFER lpAllocateBuffer, LPSPropValue *lppPropArray);

/* ---- notifications ---- */

/* A sink that calls lpfnCallback; S_OK or MAPI_E_NOT_ENOUGH_MEMORY. */
STDAPI HrAllocAdviseSink(LPNOTIFCALLBACK lpfnCallback, LPVOID lpvContext,
			 LPMAPIADVISESINK *lppAdviseSink);

/* A sink that queues for the thread that calls this; it is called in that
 * thread's HrDispatchNotifications. MapiaryNotificationFd (mapiary.h) tells
 * an event loop when. */
STDAPI HrThisThreadAdviseSink(LPMAPIADVISESINK lpAdviseSink,
			      LPMAPIADVISESINK *lppAdviseSink);

/* Calls what is queued for this thread now. ulFlags is 0. */
STDAPI HrDispatchNotifications(ULONG ulFlags);

typedef HRESULT(STDAPICALLTYPE DISPATCHNOTIFICATIONS)(ULONG ulFlags);
typedef DISPATCHNOTIFICATIONS *LPDISPATCHNOTIFICATIONS;
#define szHrDispatchNotifications "HrDispatchNotifications"

STDAPI_(SCODE)
ScCountNotifications(int cNotifications, LPNOTIFICATION lpNotifications,
		     ULONG *lpcb);
STDAPI_(SCODE)
ScCopyNotifications(int cNotification, LPNOTIFICATION lpNotifications,
		    LPVOID lpvDst, ULONG *lpcb);
STDAPI_(SCODE)
ScRelocNotifications(int cNotification, LPNOTIFICATION lpNotifications,
		     LPVOID lpvBaseOld, LPVOID lpvBaseNew, ULONG *lpcb);

/* ---- streams ---- */

/* The name is made by the call: a new file in the directory lpszFileName (or
 * $TMPDIR, /tmp), its name starting with lpszPrefix. */
#define SOF_UNIQUEFILENAME ((ULONG)0x80000000)

/* A stream on a file. ulFlags: STGM_READ, STGM_WRITE or STGM_READWRITE with
 * STGM_CREATE (an existing file is emptied), STGM_DELETEONRELEASE,
 * SOF_UNIQUEFILENAME. */
STDAPI OpenStreamOnFile(LPALLOCATEBUFFER lpAllocateBuffer,
			LPFREEBUFFER lpFreeBuffer, ULONG ulFlags,
			LPCTSTR lpszFileName, LPCTSTR lpszPrefix,
			LPSTREAM *lppStream);
STDAPI OpenStreamOnFileW(LPALLOCATEBUFFER lpAllocateBuffer,
			 LPFREEBUFFER lpFreeBuffer, ULONG ulFlags,
			 LPCWSTR lpszFileName, LPCWSTR lpszPrefix,
			 LPSTREAM *lppStream);
typedef HRESULT(STDMETHODCALLTYPE *LPOPENSTREAMONFILE)(
	LPALLOCATEBUFFER lpAllocateBuffer, LPFREEBUFFER lpFreeBuffer,
	ULONG ulFlags, LPCTSTR lpszFileName, LPCTSTR lpszPrefix,
	LPSTREAM *lppStream);
#define OPENSTREAMONFILE "OpenStreamOnFile"

/* An IMalloc over the C library's heap; it need not be released. */
STDAPI_(LPMALLOC) MAPIGetDefaultMalloc(void);

/* ---- text of bytes and entry ids: upper-case hexadecimal ---- */

STDAPI_(BOOL) FBinFromHex(LPTSTR lpsz, LPBYTE lpb);
STDAPI_(SCODE) ScBinFromHexBounded(LPTSTR lpsz, LPBYTE lpb, ULONG cb);
STDAPI_(void) HexFromBin(LPBYTE lpb, int cb, LPTSTR lpsz);
STDAPI_(ULONG) UlFromSzHex(LPCTSTR lpsz);
STDAPI HrEntryIDFromSz(LPTSTR lpsz, ULONG *lpcb, LPENTRYID *lppEntryID);
STDAPI HrSzFromEntryID(ULONG cb, LPENTRYID lpEntryID, LPTSTR *lpsz);

STDAPI_(LPTSTR) SzFindCh(LPCTSTR lpsz, USHORT ch);
STDAPI_(LPTSTR) SzFindLastCh(LPCTSTR lpsz, USHORT ch);
STDAPI_(LPTSTR) SzFindSz(LPCTSTR lpsz, LPCTSTR lpszKey);
STDAPI_(unsigned int) UFromSz(LPCTSTR lpsz);

/* ---- times as 64-bit numbers, modulo 2^64 ---- */

STDAPI_(FILETIME) FtAddFt(FILETIME ftAddend1, FILETIME ftAddend2);
STDAPI_(FILETIME) FtMulDwDw(DWORD ftMultiplicand, DWORD ftMultiplier);
STDAPI_(FILETIME) FtMulDw(DWORD ftMultiplier, FILETIME ftMultiplicand);
STDAPI_(FILETIME) FtSubFt(FILETIME ftMinuend, FILETIME ftSubtrahend);
STDAPI_(FILETIME) FtNegFt(FILETIME ft);

/* ---- messages ---- */

/* PR_CONVERSATION_INDEX of a new message, or of a reply to lpbParent. */
STDAPI_(SCODE)
ScCreateConversationIndex(ULONG cbParent, LPBYTE lpbParent,
			  ULONG *lpcbConvIndex, LPBYTE *lppbConvIndex);
#define szScCreateConversationIndex "ScCreateConversationIndex"

/* Nothing to set up; kept for programs that call them. */
STDAPI_(SCODE) ScInitMapiUtil(ULONG ulFlags);
STDAPI_(void) DeinitMapiUtil(void);

/* ---- tables in memory ---- */

typedef void(STDAPICALLTYPE CALLERRELEASE)(ULONG_PTR ulCallerData,
					   LPTABLEDATA lpTblData,
					   LPMAPITABLE lpVue);

#define TAD_ALL_ROWS 1

MAPI_END_DECLS

/* clang-format off */
#define MAPI_ITABLEDATA_METHODS(IPURE) \
	MAPIMETHOD(HrGetView)(THIS_ LPSSortOrderSet lpSSortOrderSet, \
		CALLERRELEASE *lpfCallerRelease, ULONG_PTR ulCallerData, \
		LPMAPITABLE *lppMAPITable) IPURE; \
	MAPIMETHOD(HrModifyRow)(THIS_ LPSRow) IPURE; \
	MAPIMETHOD(HrDeleteRow)(THIS_ LPSPropValue lpSPropValue) IPURE; \
	MAPIMETHOD(HrQueryRow)(THIS_ LPSPropValue lpsPropValue, \
		LPSRow *lppSRow, ULONG *lpuliRow) IPURE; \
	MAPIMETHOD(HrEnumRow)(THIS_ ULONG ulRowNumber, \
		LPSRow *lppSRow) IPURE; \
	MAPIMETHOD(HrNotify)(THIS_ ULONG ulFlags, ULONG cValues, \
		LPSPropValue lpSPropValue) IPURE; \
	MAPIMETHOD(HrInsertRow)(THIS_ ULONG uliRow, \
		LPSRow lpSRow) IPURE; \
	MAPIMETHOD(HrModifyRows)(THIS_ ULONG ulFlags, \
		LPSRowSet lpSRowSet) IPURE; \
	MAPIMETHOD(HrDeleteRows)(THIS_ ULONG ulFlags, \
		LPSRowSet lprowsetToDelete, ULONG *cRowsDeleted) IPURE;
#undef INTERFACE
#define INTERFACE ITableData
DECLARE_MAPI_INTERFACE_(ITableData, IUnknown)
{
	BEGIN_INTERFACE
	MAPI_IUNKNOWN_METHODS(PURE)
	MAPI_ITABLEDATA_METHODS(PURE)
	END_INTERFACE(ITableData)
};
/* clang-format on */

/* Makes an empty table whose rows are known by the value of the column
 * ulPropTagIndexColumn. The allocators may be NULL (the library's own).
 * Views do not change when rows do; take a new one. */
STDAPI_(SCODE)
CreateTable(LPCIID lpInterface, ALLOCATEBUFFER *lpAllocateBuffer,
	    ALLOCATEMORE *lpAllocateMore, FREEBUFFER *lpFreeBuffer,
	    LPVOID lpvReserved, ULONG ulTableType, ULONG ulPropTagIndexColumn,
	    LPSPropTagArray lpSPropTagArrayColumns, LPTABLEDATA *lppTableData);

#endif /* _MAPIUTIL_H_ */
