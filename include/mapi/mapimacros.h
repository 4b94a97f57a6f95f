/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IFoo_Method(p, ...): every method as a macro that reads the same in C and
 * in C++. Generated from the interface declarations; in C the object is
 * evaluated twice.
 */
#ifndef MAPIMACROS_H
#define MAPIMACROS_H

#include "mapicom.h"

/* IMAPIAdviseSink */
#define IMAPIAdviseSink_QueryInterface(p, ...)                                 \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMAPIAdviseSink_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMAPIAdviseSink_Release(p) MAPI_CALL0(p, Release)
#define IMAPIAdviseSink_OnNotify(p, ...) MAPI_CALL(p, OnNotify, __VA_ARGS__)

/* IMAPIProgress */
#define IMAPIProgress_QueryInterface(p, ...)                                   \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMAPIProgress_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMAPIProgress_Release(p) MAPI_CALL0(p, Release)
#define IMAPIProgress_Progress(p, ...) MAPI_CALL(p, Progress, __VA_ARGS__)
#define IMAPIProgress_GetFlags(p, ...) MAPI_CALL(p, GetFlags, __VA_ARGS__)
#define IMAPIProgress_GetMax(p, ...) MAPI_CALL(p, GetMax, __VA_ARGS__)
#define IMAPIProgress_GetMin(p, ...) MAPI_CALL(p, GetMin, __VA_ARGS__)
#define IMAPIProgress_SetLimits(p, ...) MAPI_CALL(p, SetLimits, __VA_ARGS__)

/* IMAPIProp */
#define IMAPIProp_QueryInterface(p, ...)                                       \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMAPIProp_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMAPIProp_Release(p) MAPI_CALL0(p, Release)
#define IMAPIProp_GetLastError(p, ...) MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IMAPIProp_SaveChanges(p, ...) MAPI_CALL(p, SaveChanges, __VA_ARGS__)
#define IMAPIProp_GetProps(p, ...) MAPI_CALL(p, GetProps, __VA_ARGS__)
#define IMAPIProp_GetPropList(p, ...) MAPI_CALL(p, GetPropList, __VA_ARGS__)
#define IMAPIProp_OpenProperty(p, ...) MAPI_CALL(p, OpenProperty, __VA_ARGS__)
#define IMAPIProp_SetProps(p, ...) MAPI_CALL(p, SetProps, __VA_ARGS__)
#define IMAPIProp_DeleteProps(p, ...) MAPI_CALL(p, DeleteProps, __VA_ARGS__)
#define IMAPIProp_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IMAPIProp_CopyProps(p, ...) MAPI_CALL(p, CopyProps, __VA_ARGS__)
#define IMAPIProp_GetNamesFromIDs(p, ...)                                      \
	MAPI_CALL(p, GetNamesFromIDs, __VA_ARGS__)
#define IMAPIProp_GetIDsFromNames(p, ...)                                      \
	MAPI_CALL(p, GetIDsFromNames, __VA_ARGS__)

/* IMAPITable */
#define IMAPITable_QueryInterface(p, ...)                                      \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMAPITable_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMAPITable_Release(p) MAPI_CALL0(p, Release)
#define IMAPITable_GetLastError(p, ...) MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IMAPITable_Advise(p, ...) MAPI_CALL(p, Advise, __VA_ARGS__)
#define IMAPITable_Unadvise(p, ...) MAPI_CALL(p, Unadvise, __VA_ARGS__)
#define IMAPITable_GetStatus(p, ...) MAPI_CALL(p, GetStatus, __VA_ARGS__)
#define IMAPITable_SetColumns(p, ...) MAPI_CALL(p, SetColumns, __VA_ARGS__)
#define IMAPITable_QueryColumns(p, ...) MAPI_CALL(p, QueryColumns, __VA_ARGS__)
#define IMAPITable_GetRowCount(p, ...) MAPI_CALL(p, GetRowCount, __VA_ARGS__)
#define IMAPITable_SeekRow(p, ...) MAPI_CALL(p, SeekRow, __VA_ARGS__)
#define IMAPITable_SeekRowApprox(p, ...)                                       \
	MAPI_CALL(p, SeekRowApprox, __VA_ARGS__)
#define IMAPITable_QueryPosition(p, ...)                                       \
	MAPI_CALL(p, QueryPosition, __VA_ARGS__)
#define IMAPITable_FindRow(p, ...) MAPI_CALL(p, FindRow, __VA_ARGS__)
#define IMAPITable_Restrict(p, ...) MAPI_CALL(p, Restrict, __VA_ARGS__)
#define IMAPITable_CreateBookmark(p, ...)                                      \
	MAPI_CALL(p, CreateBookmark, __VA_ARGS__)
#define IMAPITable_FreeBookmark(p, ...) MAPI_CALL(p, FreeBookmark, __VA_ARGS__)
#define IMAPITable_SortTable(p, ...) MAPI_CALL(p, SortTable, __VA_ARGS__)
#define IMAPITable_QuerySortOrder(p, ...)                                      \
	MAPI_CALL(p, QuerySortOrder, __VA_ARGS__)
#define IMAPITable_QueryRows(p, ...) MAPI_CALL(p, QueryRows, __VA_ARGS__)
#define IMAPITable_Abort(p) MAPI_CALL0(p, Abort)
#define IMAPITable_ExpandRow(p, ...) MAPI_CALL(p, ExpandRow, __VA_ARGS__)
#define IMAPITable_CollapseRow(p, ...) MAPI_CALL(p, CollapseRow, __VA_ARGS__)
#define IMAPITable_WaitForCompletion(p, ...)                                   \
	MAPI_CALL(p, WaitForCompletion, __VA_ARGS__)
#define IMAPITable_GetCollapseState(p, ...)                                    \
	MAPI_CALL(p, GetCollapseState, __VA_ARGS__)
#define IMAPITable_SetCollapseState(p, ...)                                    \
	MAPI_CALL(p, SetCollapseState, __VA_ARGS__)

/* IProfSect */
#define IProfSect_QueryInterface(p, ...)                                       \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IProfSect_AddRef(p) MAPI_CALL0(p, AddRef)
#define IProfSect_Release(p) MAPI_CALL0(p, Release)
#define IProfSect_GetLastError(p, ...) MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IProfSect_SaveChanges(p, ...) MAPI_CALL(p, SaveChanges, __VA_ARGS__)
#define IProfSect_GetProps(p, ...) MAPI_CALL(p, GetProps, __VA_ARGS__)
#define IProfSect_GetPropList(p, ...) MAPI_CALL(p, GetPropList, __VA_ARGS__)
#define IProfSect_OpenProperty(p, ...) MAPI_CALL(p, OpenProperty, __VA_ARGS__)
#define IProfSect_SetProps(p, ...) MAPI_CALL(p, SetProps, __VA_ARGS__)
#define IProfSect_DeleteProps(p, ...) MAPI_CALL(p, DeleteProps, __VA_ARGS__)
#define IProfSect_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IProfSect_CopyProps(p, ...) MAPI_CALL(p, CopyProps, __VA_ARGS__)
#define IProfSect_GetNamesFromIDs(p, ...)                                      \
	MAPI_CALL(p, GetNamesFromIDs, __VA_ARGS__)
#define IProfSect_GetIDsFromNames(p, ...)                                      \
	MAPI_CALL(p, GetIDsFromNames, __VA_ARGS__)

/* IMAPIStatus */
#define IMAPIStatus_QueryInterface(p, ...)                                     \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMAPIStatus_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMAPIStatus_Release(p) MAPI_CALL0(p, Release)
#define IMAPIStatus_GetLastError(p, ...) MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IMAPIStatus_SaveChanges(p, ...) MAPI_CALL(p, SaveChanges, __VA_ARGS__)
#define IMAPIStatus_GetProps(p, ...) MAPI_CALL(p, GetProps, __VA_ARGS__)
#define IMAPIStatus_GetPropList(p, ...) MAPI_CALL(p, GetPropList, __VA_ARGS__)
#define IMAPIStatus_OpenProperty(p, ...) MAPI_CALL(p, OpenProperty, __VA_ARGS__)
#define IMAPIStatus_SetProps(p, ...) MAPI_CALL(p, SetProps, __VA_ARGS__)
#define IMAPIStatus_DeleteProps(p, ...) MAPI_CALL(p, DeleteProps, __VA_ARGS__)
#define IMAPIStatus_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IMAPIStatus_CopyProps(p, ...) MAPI_CALL(p, CopyProps, __VA_ARGS__)
#define IMAPIStatus_GetNamesFromIDs(p, ...)                                    \
	MAPI_CALL(p, GetNamesFromIDs, __VA_ARGS__)
#define IMAPIStatus_GetIDsFromNames(p, ...)                                    \
	MAPI_CALL(p, GetIDsFromNames, __VA_ARGS__)
#define IMAPIStatus_ValidateState(p, ...)                                      \
	MAPI_CALL(p, ValidateState, __VA_ARGS__)
#define IMAPIStatus_SettingsDialog(p, ...)                                     \
	MAPI_CALL(p, SettingsDialog, __VA_ARGS__)
#define IMAPIStatus_ChangePassword(p, ...)                                     \
	MAPI_CALL(p, ChangePassword, __VA_ARGS__)
#define IMAPIStatus_FlushQueues(p, ...) MAPI_CALL(p, FlushQueues, __VA_ARGS__)

/* IMAPIContainer */
#define IMAPIContainer_QueryInterface(p, ...)                                  \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMAPIContainer_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMAPIContainer_Release(p) MAPI_CALL0(p, Release)
#define IMAPIContainer_GetLastError(p, ...)                                    \
	MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IMAPIContainer_SaveChanges(p, ...)                                     \
	MAPI_CALL(p, SaveChanges, __VA_ARGS__)
#define IMAPIContainer_GetProps(p, ...) MAPI_CALL(p, GetProps, __VA_ARGS__)
#define IMAPIContainer_GetPropList(p, ...)                                     \
	MAPI_CALL(p, GetPropList, __VA_ARGS__)
#define IMAPIContainer_OpenProperty(p, ...)                                    \
	MAPI_CALL(p, OpenProperty, __VA_ARGS__)
#define IMAPIContainer_SetProps(p, ...) MAPI_CALL(p, SetProps, __VA_ARGS__)
#define IMAPIContainer_DeleteProps(p, ...)                                     \
	MAPI_CALL(p, DeleteProps, __VA_ARGS__)
#define IMAPIContainer_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IMAPIContainer_CopyProps(p, ...) MAPI_CALL(p, CopyProps, __VA_ARGS__)
#define IMAPIContainer_GetNamesFromIDs(p, ...)                                 \
	MAPI_CALL(p, GetNamesFromIDs, __VA_ARGS__)
#define IMAPIContainer_GetIDsFromNames(p, ...)                                 \
	MAPI_CALL(p, GetIDsFromNames, __VA_ARGS__)
#define IMAPIContainer_GetContentsTable(p, ...)                                \
	MAPI_CALL(p, GetContentsTable, __VA_ARGS__)
#define IMAPIContainer_GetHierarchyTable(p, ...)                               \
	MAPI_CALL(p, GetHierarchyTable, __VA_ARGS__)
#define IMAPIContainer_OpenEntry(p, ...) MAPI_CALL(p, OpenEntry, __VA_ARGS__)
#define IMAPIContainer_SetSearchCriteria(p, ...)                               \
	MAPI_CALL(p, SetSearchCriteria, __VA_ARGS__)
#define IMAPIContainer_GetSearchCriteria(p, ...)                               \
	MAPI_CALL(p, GetSearchCriteria, __VA_ARGS__)

/* IABContainer */
#define IABContainer_QueryInterface(p, ...)                                    \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IABContainer_AddRef(p) MAPI_CALL0(p, AddRef)
#define IABContainer_Release(p) MAPI_CALL0(p, Release)
#define IABContainer_GetLastError(p, ...)                                      \
	MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IABContainer_SaveChanges(p, ...) MAPI_CALL(p, SaveChanges, __VA_ARGS__)
#define IABContainer_GetProps(p, ...) MAPI_CALL(p, GetProps, __VA_ARGS__)
#define IABContainer_GetPropList(p, ...) MAPI_CALL(p, GetPropList, __VA_ARGS__)
#define IABContainer_OpenProperty(p, ...)                                      \
	MAPI_CALL(p, OpenProperty, __VA_ARGS__)
#define IABContainer_SetProps(p, ...) MAPI_CALL(p, SetProps, __VA_ARGS__)
#define IABContainer_DeleteProps(p, ...) MAPI_CALL(p, DeleteProps, __VA_ARGS__)
#define IABContainer_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IABContainer_CopyProps(p, ...) MAPI_CALL(p, CopyProps, __VA_ARGS__)
#define IABContainer_GetNamesFromIDs(p, ...)                                   \
	MAPI_CALL(p, GetNamesFromIDs, __VA_ARGS__)
#define IABContainer_GetIDsFromNames(p, ...)                                   \
	MAPI_CALL(p, GetIDsFromNames, __VA_ARGS__)
#define IABContainer_GetContentsTable(p, ...)                                  \
	MAPI_CALL(p, GetContentsTable, __VA_ARGS__)
#define IABContainer_GetHierarchyTable(p, ...)                                 \
	MAPI_CALL(p, GetHierarchyTable, __VA_ARGS__)
#define IABContainer_OpenEntry(p, ...) MAPI_CALL(p, OpenEntry, __VA_ARGS__)
#define IABContainer_SetSearchCriteria(p, ...)                                 \
	MAPI_CALL(p, SetSearchCriteria, __VA_ARGS__)
#define IABContainer_GetSearchCriteria(p, ...)                                 \
	MAPI_CALL(p, GetSearchCriteria, __VA_ARGS__)
#define IABContainer_CreateEntry(p, ...) MAPI_CALL(p, CreateEntry, __VA_ARGS__)
#define IABContainer_CopyEntries(p, ...) MAPI_CALL(p, CopyEntries, __VA_ARGS__)
#define IABContainer_DeleteEntries(p, ...)                                     \
	MAPI_CALL(p, DeleteEntries, __VA_ARGS__)
#define IABContainer_ResolveNames(p, ...)                                      \
	MAPI_CALL(p, ResolveNames, __VA_ARGS__)

/* IMailUser */
#define IMailUser_QueryInterface(p, ...)                                       \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMailUser_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMailUser_Release(p) MAPI_CALL0(p, Release)
#define IMailUser_GetLastError(p, ...) MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IMailUser_SaveChanges(p, ...) MAPI_CALL(p, SaveChanges, __VA_ARGS__)
#define IMailUser_GetProps(p, ...) MAPI_CALL(p, GetProps, __VA_ARGS__)
#define IMailUser_GetPropList(p, ...) MAPI_CALL(p, GetPropList, __VA_ARGS__)
#define IMailUser_OpenProperty(p, ...) MAPI_CALL(p, OpenProperty, __VA_ARGS__)
#define IMailUser_SetProps(p, ...) MAPI_CALL(p, SetProps, __VA_ARGS__)
#define IMailUser_DeleteProps(p, ...) MAPI_CALL(p, DeleteProps, __VA_ARGS__)
#define IMailUser_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IMailUser_CopyProps(p, ...) MAPI_CALL(p, CopyProps, __VA_ARGS__)
#define IMailUser_GetNamesFromIDs(p, ...)                                      \
	MAPI_CALL(p, GetNamesFromIDs, __VA_ARGS__)
#define IMailUser_GetIDsFromNames(p, ...)                                      \
	MAPI_CALL(p, GetIDsFromNames, __VA_ARGS__)

/* IDistList */
#define IDistList_QueryInterface(p, ...)                                       \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IDistList_AddRef(p) MAPI_CALL0(p, AddRef)
#define IDistList_Release(p) MAPI_CALL0(p, Release)
#define IDistList_GetLastError(p, ...) MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IDistList_SaveChanges(p, ...) MAPI_CALL(p, SaveChanges, __VA_ARGS__)
#define IDistList_GetProps(p, ...) MAPI_CALL(p, GetProps, __VA_ARGS__)
#define IDistList_GetPropList(p, ...) MAPI_CALL(p, GetPropList, __VA_ARGS__)
#define IDistList_OpenProperty(p, ...) MAPI_CALL(p, OpenProperty, __VA_ARGS__)
#define IDistList_SetProps(p, ...) MAPI_CALL(p, SetProps, __VA_ARGS__)
#define IDistList_DeleteProps(p, ...) MAPI_CALL(p, DeleteProps, __VA_ARGS__)
#define IDistList_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IDistList_CopyProps(p, ...) MAPI_CALL(p, CopyProps, __VA_ARGS__)
#define IDistList_GetNamesFromIDs(p, ...)                                      \
	MAPI_CALL(p, GetNamesFromIDs, __VA_ARGS__)
#define IDistList_GetIDsFromNames(p, ...)                                      \
	MAPI_CALL(p, GetIDsFromNames, __VA_ARGS__)
#define IDistList_GetContentsTable(p, ...)                                     \
	MAPI_CALL(p, GetContentsTable, __VA_ARGS__)
#define IDistList_GetHierarchyTable(p, ...)                                    \
	MAPI_CALL(p, GetHierarchyTable, __VA_ARGS__)
#define IDistList_OpenEntry(p, ...) MAPI_CALL(p, OpenEntry, __VA_ARGS__)
#define IDistList_SetSearchCriteria(p, ...)                                    \
	MAPI_CALL(p, SetSearchCriteria, __VA_ARGS__)
#define IDistList_GetSearchCriteria(p, ...)                                    \
	MAPI_CALL(p, GetSearchCriteria, __VA_ARGS__)
#define IDistList_CreateEntry(p, ...) MAPI_CALL(p, CreateEntry, __VA_ARGS__)
#define IDistList_CopyEntries(p, ...) MAPI_CALL(p, CopyEntries, __VA_ARGS__)
#define IDistList_DeleteEntries(p, ...) MAPI_CALL(p, DeleteEntries, __VA_ARGS__)
#define IDistList_ResolveNames(p, ...) MAPI_CALL(p, ResolveNames, __VA_ARGS__)

/* IMAPIFolder */
#define IMAPIFolder_QueryInterface(p, ...)                                     \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMAPIFolder_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMAPIFolder_Release(p) MAPI_CALL0(p, Release)
#define IMAPIFolder_GetLastError(p, ...) MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IMAPIFolder_SaveChanges(p, ...) MAPI_CALL(p, SaveChanges, __VA_ARGS__)
#define IMAPIFolder_GetProps(p, ...) MAPI_CALL(p, GetProps, __VA_ARGS__)
#define IMAPIFolder_GetPropList(p, ...) MAPI_CALL(p, GetPropList, __VA_ARGS__)
#define IMAPIFolder_OpenProperty(p, ...) MAPI_CALL(p, OpenProperty, __VA_ARGS__)
#define IMAPIFolder_SetProps(p, ...) MAPI_CALL(p, SetProps, __VA_ARGS__)
#define IMAPIFolder_DeleteProps(p, ...) MAPI_CALL(p, DeleteProps, __VA_ARGS__)
#define IMAPIFolder_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IMAPIFolder_CopyProps(p, ...) MAPI_CALL(p, CopyProps, __VA_ARGS__)
#define IMAPIFolder_GetNamesFromIDs(p, ...)                                    \
	MAPI_CALL(p, GetNamesFromIDs, __VA_ARGS__)
#define IMAPIFolder_GetIDsFromNames(p, ...)                                    \
	MAPI_CALL(p, GetIDsFromNames, __VA_ARGS__)
#define IMAPIFolder_GetContentsTable(p, ...)                                   \
	MAPI_CALL(p, GetContentsTable, __VA_ARGS__)
#define IMAPIFolder_GetHierarchyTable(p, ...)                                  \
	MAPI_CALL(p, GetHierarchyTable, __VA_ARGS__)
#define IMAPIFolder_OpenEntry(p, ...) MAPI_CALL(p, OpenEntry, __VA_ARGS__)
#define IMAPIFolder_SetSearchCriteria(p, ...)                                  \
	MAPI_CALL(p, SetSearchCriteria, __VA_ARGS__)
#define IMAPIFolder_GetSearchCriteria(p, ...)                                  \
	MAPI_CALL(p, GetSearchCriteria, __VA_ARGS__)
#define IMAPIFolder_CreateMessage(p, ...)                                      \
	MAPI_CALL(p, CreateMessage, __VA_ARGS__)
#define IMAPIFolder_CopyMessages(p, ...) MAPI_CALL(p, CopyMessages, __VA_ARGS__)
#define IMAPIFolder_DeleteMessages(p, ...)                                     \
	MAPI_CALL(p, DeleteMessages, __VA_ARGS__)
#define IMAPIFolder_CreateFolder(p, ...) MAPI_CALL(p, CreateFolder, __VA_ARGS__)
#define IMAPIFolder_CopyFolder(p, ...) MAPI_CALL(p, CopyFolder, __VA_ARGS__)
#define IMAPIFolder_DeleteFolder(p, ...) MAPI_CALL(p, DeleteFolder, __VA_ARGS__)
#define IMAPIFolder_SetReadFlags(p, ...) MAPI_CALL(p, SetReadFlags, __VA_ARGS__)
#define IMAPIFolder_GetMessageStatus(p, ...)                                   \
	MAPI_CALL(p, GetMessageStatus, __VA_ARGS__)
#define IMAPIFolder_SetMessageStatus(p, ...)                                   \
	MAPI_CALL(p, SetMessageStatus, __VA_ARGS__)
#define IMAPIFolder_SaveContentsSort(p, ...)                                   \
	MAPI_CALL(p, SaveContentsSort, __VA_ARGS__)
#define IMAPIFolder_EmptyFolder(p, ...) MAPI_CALL(p, EmptyFolder, __VA_ARGS__)

/* IMsgStore */
#define IMsgStore_QueryInterface(p, ...)                                       \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMsgStore_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMsgStore_Release(p) MAPI_CALL0(p, Release)
#define IMsgStore_GetLastError(p, ...) MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IMsgStore_SaveChanges(p, ...) MAPI_CALL(p, SaveChanges, __VA_ARGS__)
#define IMsgStore_GetProps(p, ...) MAPI_CALL(p, GetProps, __VA_ARGS__)
#define IMsgStore_GetPropList(p, ...) MAPI_CALL(p, GetPropList, __VA_ARGS__)
#define IMsgStore_OpenProperty(p, ...) MAPI_CALL(p, OpenProperty, __VA_ARGS__)
#define IMsgStore_SetProps(p, ...) MAPI_CALL(p, SetProps, __VA_ARGS__)
#define IMsgStore_DeleteProps(p, ...) MAPI_CALL(p, DeleteProps, __VA_ARGS__)
#define IMsgStore_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IMsgStore_CopyProps(p, ...) MAPI_CALL(p, CopyProps, __VA_ARGS__)
#define IMsgStore_GetNamesFromIDs(p, ...)                                      \
	MAPI_CALL(p, GetNamesFromIDs, __VA_ARGS__)
#define IMsgStore_GetIDsFromNames(p, ...)                                      \
	MAPI_CALL(p, GetIDsFromNames, __VA_ARGS__)
#define IMsgStore_Advise(p, ...) MAPI_CALL(p, Advise, __VA_ARGS__)
#define IMsgStore_Unadvise(p, ...) MAPI_CALL(p, Unadvise, __VA_ARGS__)
#define IMsgStore_CompareEntryIDs(p, ...)                                      \
	MAPI_CALL(p, CompareEntryIDs, __VA_ARGS__)
#define IMsgStore_OpenEntry(p, ...) MAPI_CALL(p, OpenEntry, __VA_ARGS__)
#define IMsgStore_SetReceiveFolder(p, ...)                                     \
	MAPI_CALL(p, SetReceiveFolder, __VA_ARGS__)
#define IMsgStore_GetReceiveFolder(p, ...)                                     \
	MAPI_CALL(p, GetReceiveFolder, __VA_ARGS__)
#define IMsgStore_GetReceiveFolderTable(p, ...)                                \
	MAPI_CALL(p, GetReceiveFolderTable, __VA_ARGS__)
#define IMsgStore_StoreLogoff(p, ...) MAPI_CALL(p, StoreLogoff, __VA_ARGS__)
#define IMsgStore_AbortSubmit(p, ...) MAPI_CALL(p, AbortSubmit, __VA_ARGS__)
#define IMsgStore_GetOutgoingQueue(p, ...)                                     \
	MAPI_CALL(p, GetOutgoingQueue, __VA_ARGS__)
#define IMsgStore_SetLockState(p, ...) MAPI_CALL(p, SetLockState, __VA_ARGS__)
#define IMsgStore_FinishedMsg(p, ...) MAPI_CALL(p, FinishedMsg, __VA_ARGS__)
#define IMsgStore_NotifyNewMail(p, ...) MAPI_CALL(p, NotifyNewMail, __VA_ARGS__)

/* IMessage */
#define IMessage_QueryInterface(p, ...)                                        \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMessage_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMessage_Release(p) MAPI_CALL0(p, Release)
#define IMessage_GetLastError(p, ...) MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IMessage_SaveChanges(p, ...) MAPI_CALL(p, SaveChanges, __VA_ARGS__)
#define IMessage_GetProps(p, ...) MAPI_CALL(p, GetProps, __VA_ARGS__)
#define IMessage_GetPropList(p, ...) MAPI_CALL(p, GetPropList, __VA_ARGS__)
#define IMessage_OpenProperty(p, ...) MAPI_CALL(p, OpenProperty, __VA_ARGS__)
#define IMessage_SetProps(p, ...) MAPI_CALL(p, SetProps, __VA_ARGS__)
#define IMessage_DeleteProps(p, ...) MAPI_CALL(p, DeleteProps, __VA_ARGS__)
#define IMessage_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IMessage_CopyProps(p, ...) MAPI_CALL(p, CopyProps, __VA_ARGS__)
#define IMessage_GetNamesFromIDs(p, ...)                                       \
	MAPI_CALL(p, GetNamesFromIDs, __VA_ARGS__)
#define IMessage_GetIDsFromNames(p, ...)                                       \
	MAPI_CALL(p, GetIDsFromNames, __VA_ARGS__)
#define IMessage_GetAttachmentTable(p, ...)                                    \
	MAPI_CALL(p, GetAttachmentTable, __VA_ARGS__)
#define IMessage_OpenAttach(p, ...) MAPI_CALL(p, OpenAttach, __VA_ARGS__)
#define IMessage_CreateAttach(p, ...) MAPI_CALL(p, CreateAttach, __VA_ARGS__)
#define IMessage_DeleteAttach(p, ...) MAPI_CALL(p, DeleteAttach, __VA_ARGS__)
#define IMessage_GetRecipientTable(p, ...)                                     \
	MAPI_CALL(p, GetRecipientTable, __VA_ARGS__)
#define IMessage_ModifyRecipients(p, ...)                                      \
	MAPI_CALL(p, ModifyRecipients, __VA_ARGS__)
#define IMessage_SubmitMessage(p, ...) MAPI_CALL(p, SubmitMessage, __VA_ARGS__)
#define IMessage_SetReadFlag(p, ...) MAPI_CALL(p, SetReadFlag, __VA_ARGS__)

/* IAttach */
#define IAttach_QueryInterface(p, ...) MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IAttach_AddRef(p) MAPI_CALL0(p, AddRef)
#define IAttach_Release(p) MAPI_CALL0(p, Release)
#define IAttach_GetLastError(p, ...) MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IAttach_SaveChanges(p, ...) MAPI_CALL(p, SaveChanges, __VA_ARGS__)
#define IAttach_GetProps(p, ...) MAPI_CALL(p, GetProps, __VA_ARGS__)
#define IAttach_GetPropList(p, ...) MAPI_CALL(p, GetPropList, __VA_ARGS__)
#define IAttach_OpenProperty(p, ...) MAPI_CALL(p, OpenProperty, __VA_ARGS__)
#define IAttach_SetProps(p, ...) MAPI_CALL(p, SetProps, __VA_ARGS__)
#define IAttach_DeleteProps(p, ...) MAPI_CALL(p, DeleteProps, __VA_ARGS__)
#define IAttach_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IAttach_CopyProps(p, ...) MAPI_CALL(p, CopyProps, __VA_ARGS__)
#define IAttach_GetNamesFromIDs(p, ...)                                        \
	MAPI_CALL(p, GetNamesFromIDs, __VA_ARGS__)
#define IAttach_GetIDsFromNames(p, ...)                                        \
	MAPI_CALL(p, GetIDsFromNames, __VA_ARGS__)

/* IMAPIControl */
#define IMAPIControl_QueryInterface(p, ...)                                    \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMAPIControl_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMAPIControl_Release(p) MAPI_CALL0(p, Release)
#define IMAPIControl_GetLastError(p, ...)                                      \
	MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IMAPIControl_Activate(p, ...) MAPI_CALL(p, Activate, __VA_ARGS__)
#define IMAPIControl_GetState(p, ...) MAPI_CALL(p, GetState, __VA_ARGS__)

/* IProviderAdmin */
#define IProviderAdmin_QueryInterface(p, ...)                                  \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IProviderAdmin_AddRef(p) MAPI_CALL0(p, AddRef)
#define IProviderAdmin_Release(p) MAPI_CALL0(p, Release)
#define IProviderAdmin_GetLastError(p, ...)                                    \
	MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IProviderAdmin_GetProviderTable(p, ...)                                \
	MAPI_CALL(p, GetProviderTable, __VA_ARGS__)
#define IProviderAdmin_CreateProvider(p, ...)                                  \
	MAPI_CALL(p, CreateProvider, __VA_ARGS__)
#define IProviderAdmin_DeleteProvider(p, ...)                                  \
	MAPI_CALL(p, DeleteProvider, __VA_ARGS__)
#define IProviderAdmin_OpenProfileSection(p, ...)                              \
	MAPI_CALL(p, OpenProfileSection, __VA_ARGS__)

/* IMAPIClientShutdown */
#define IMAPIClientShutdown_QueryInterface(p, ...)                             \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMAPIClientShutdown_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMAPIClientShutdown_Release(p) MAPI_CALL0(p, Release)
#define IMAPIClientShutdown_QueryFastShutdown(p)                               \
	MAPI_CALL0(p, QueryFastShutdown)
#define IMAPIClientShutdown_NotifyProcessShutdown(p)                           \
	MAPI_CALL0(p, NotifyProcessShutdown)
#define IMAPIClientShutdown_DoFastShutdown(p) MAPI_CALL0(p, DoFastShutdown)

/* IMAPIProviderShutdown */
#define IMAPIProviderShutdown_QueryInterface(p, ...)                           \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMAPIProviderShutdown_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMAPIProviderShutdown_Release(p) MAPI_CALL0(p, Release)
#define IMAPIProviderShutdown_QueryFastShutdown(p)                             \
	MAPI_CALL0(p, QueryFastShutdown)
#define IMAPIProviderShutdown_NotifyProcessShutdown(p)                         \
	MAPI_CALL0(p, NotifyProcessShutdown)
#define IMAPIProviderShutdown_DoFastShutdown(p) MAPI_CALL0(p, DoFastShutdown)

/* IMAPISession */
#define IMAPISession_QueryInterface(p, ...)                                    \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMAPISession_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMAPISession_Release(p) MAPI_CALL0(p, Release)
#define IMAPISession_GetLastError(p, ...)                                      \
	MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IMAPISession_GetMsgStoresTable(p, ...)                                 \
	MAPI_CALL(p, GetMsgStoresTable, __VA_ARGS__)
#define IMAPISession_OpenMsgStore(p, ...)                                      \
	MAPI_CALL(p, OpenMsgStore, __VA_ARGS__)
#define IMAPISession_OpenAddressBook(p, ...)                                   \
	MAPI_CALL(p, OpenAddressBook, __VA_ARGS__)
#define IMAPISession_OpenProfileSection(p, ...)                                \
	MAPI_CALL(p, OpenProfileSection, __VA_ARGS__)
#define IMAPISession_GetStatusTable(p, ...)                                    \
	MAPI_CALL(p, GetStatusTable, __VA_ARGS__)
#define IMAPISession_OpenEntry(p, ...) MAPI_CALL(p, OpenEntry, __VA_ARGS__)
#define IMAPISession_CompareEntryIDs(p, ...)                                   \
	MAPI_CALL(p, CompareEntryIDs, __VA_ARGS__)
#define IMAPISession_Advise(p, ...) MAPI_CALL(p, Advise, __VA_ARGS__)
#define IMAPISession_Unadvise(p, ...) MAPI_CALL(p, Unadvise, __VA_ARGS__)
#define IMAPISession_MessageOptions(p, ...)                                    \
	MAPI_CALL(p, MessageOptions, __VA_ARGS__)
#define IMAPISession_QueryDefaultMessageOpt(p, ...)                            \
	MAPI_CALL(p, QueryDefaultMessageOpt, __VA_ARGS__)
#define IMAPISession_EnumAdrTypes(p, ...)                                      \
	MAPI_CALL(p, EnumAdrTypes, __VA_ARGS__)
#define IMAPISession_QueryIdentity(p, ...)                                     \
	MAPI_CALL(p, QueryIdentity, __VA_ARGS__)
#define IMAPISession_Logoff(p, ...) MAPI_CALL(p, Logoff, __VA_ARGS__)
#define IMAPISession_SetDefaultStore(p, ...)                                   \
	MAPI_CALL(p, SetDefaultStore, __VA_ARGS__)
#define IMAPISession_AdminServices(p, ...)                                     \
	MAPI_CALL(p, AdminServices, __VA_ARGS__)
#define IMAPISession_ShowForm(p, ...) MAPI_CALL(p, ShowForm, __VA_ARGS__)
#define IMAPISession_PrepareForm(p, ...) MAPI_CALL(p, PrepareForm, __VA_ARGS__)

/* IAddrBook */
#define IAddrBook_QueryInterface(p, ...)                                       \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IAddrBook_AddRef(p) MAPI_CALL0(p, AddRef)
#define IAddrBook_Release(p) MAPI_CALL0(p, Release)
#define IAddrBook_GetLastError(p, ...) MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IAddrBook_SaveChanges(p, ...) MAPI_CALL(p, SaveChanges, __VA_ARGS__)
#define IAddrBook_GetProps(p, ...) MAPI_CALL(p, GetProps, __VA_ARGS__)
#define IAddrBook_GetPropList(p, ...) MAPI_CALL(p, GetPropList, __VA_ARGS__)
#define IAddrBook_OpenProperty(p, ...) MAPI_CALL(p, OpenProperty, __VA_ARGS__)
#define IAddrBook_SetProps(p, ...) MAPI_CALL(p, SetProps, __VA_ARGS__)
#define IAddrBook_DeleteProps(p, ...) MAPI_CALL(p, DeleteProps, __VA_ARGS__)
#define IAddrBook_CopyTo(p, ...) MAPI_CALL(p, CopyTo, __VA_ARGS__)
#define IAddrBook_CopyProps(p, ...) MAPI_CALL(p, CopyProps, __VA_ARGS__)
#define IAddrBook_GetNamesFromIDs(p, ...)                                      \
	MAPI_CALL(p, GetNamesFromIDs, __VA_ARGS__)
#define IAddrBook_GetIDsFromNames(p, ...)                                      \
	MAPI_CALL(p, GetIDsFromNames, __VA_ARGS__)
#define IAddrBook_OpenEntry(p, ...) MAPI_CALL(p, OpenEntry, __VA_ARGS__)
#define IAddrBook_CompareEntryIDs(p, ...)                                      \
	MAPI_CALL(p, CompareEntryIDs, __VA_ARGS__)
#define IAddrBook_Advise(p, ...) MAPI_CALL(p, Advise, __VA_ARGS__)
#define IAddrBook_Unadvise(p, ...) MAPI_CALL(p, Unadvise, __VA_ARGS__)
#define IAddrBook_CreateOneOff(p, ...) MAPI_CALL(p, CreateOneOff, __VA_ARGS__)
#define IAddrBook_NewEntry(p, ...) MAPI_CALL(p, NewEntry, __VA_ARGS__)
#define IAddrBook_ResolveName(p, ...) MAPI_CALL(p, ResolveName, __VA_ARGS__)
#define IAddrBook_Address(p, ...) MAPI_CALL(p, Address, __VA_ARGS__)
#define IAddrBook_Details(p, ...) MAPI_CALL(p, Details, __VA_ARGS__)
#define IAddrBook_RecipOptions(p, ...) MAPI_CALL(p, RecipOptions, __VA_ARGS__)
#define IAddrBook_QueryDefaultRecipOpt(p, ...)                                 \
	MAPI_CALL(p, QueryDefaultRecipOpt, __VA_ARGS__)
#define IAddrBook_GetPAB(p, ...) MAPI_CALL(p, GetPAB, __VA_ARGS__)
#define IAddrBook_SetPAB(p, ...) MAPI_CALL(p, SetPAB, __VA_ARGS__)
#define IAddrBook_GetDefaultDir(p, ...) MAPI_CALL(p, GetDefaultDir, __VA_ARGS__)
#define IAddrBook_SetDefaultDir(p, ...) MAPI_CALL(p, SetDefaultDir, __VA_ARGS__)
#define IAddrBook_GetSearchPath(p, ...) MAPI_CALL(p, GetSearchPath, __VA_ARGS__)
#define IAddrBook_SetSearchPath(p, ...) MAPI_CALL(p, SetSearchPath, __VA_ARGS__)
#define IAddrBook_PrepareRecips(p, ...) MAPI_CALL(p, PrepareRecips, __VA_ARGS__)

/* IProfAdmin */
#define IProfAdmin_QueryInterface(p, ...)                                      \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IProfAdmin_AddRef(p) MAPI_CALL0(p, AddRef)
#define IProfAdmin_Release(p) MAPI_CALL0(p, Release)
#define IProfAdmin_GetLastError(p, ...) MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IProfAdmin_GetProfileTable(p, ...)                                     \
	MAPI_CALL(p, GetProfileTable, __VA_ARGS__)
#define IProfAdmin_CreateProfile(p, ...)                                       \
	MAPI_CALL(p, CreateProfile, __VA_ARGS__)
#define IProfAdmin_DeleteProfile(p, ...)                                       \
	MAPI_CALL(p, DeleteProfile, __VA_ARGS__)
#define IProfAdmin_ChangeProfilePassword(p, ...)                               \
	MAPI_CALL(p, ChangeProfilePassword, __VA_ARGS__)
#define IProfAdmin_CopyProfile(p, ...) MAPI_CALL(p, CopyProfile, __VA_ARGS__)
#define IProfAdmin_RenameProfile(p, ...)                                       \
	MAPI_CALL(p, RenameProfile, __VA_ARGS__)
#define IProfAdmin_SetDefaultProfile(p, ...)                                   \
	MAPI_CALL(p, SetDefaultProfile, __VA_ARGS__)
#define IProfAdmin_AdminServices(p, ...)                                       \
	MAPI_CALL(p, AdminServices, __VA_ARGS__)

/* IMsgServiceAdmin */
#define IMsgServiceAdmin_QueryInterface(p, ...)                                \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IMsgServiceAdmin_AddRef(p) MAPI_CALL0(p, AddRef)
#define IMsgServiceAdmin_Release(p) MAPI_CALL0(p, Release)
#define IMsgServiceAdmin_GetLastError(p, ...)                                  \
	MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IMsgServiceAdmin_GetMsgServiceTable(p, ...)                            \
	MAPI_CALL(p, GetMsgServiceTable, __VA_ARGS__)
#define IMsgServiceAdmin_CreateMsgService(p, ...)                              \
	MAPI_CALL(p, CreateMsgService, __VA_ARGS__)
#define IMsgServiceAdmin_DeleteMsgService(p, ...)                              \
	MAPI_CALL(p, DeleteMsgService, __VA_ARGS__)
#define IMsgServiceAdmin_CopyMsgService(p, ...)                                \
	MAPI_CALL(p, CopyMsgService, __VA_ARGS__)
#define IMsgServiceAdmin_RenameMsgService(p, ...)                              \
	MAPI_CALL(p, RenameMsgService, __VA_ARGS__)
#define IMsgServiceAdmin_ConfigureMsgService(p, ...)                           \
	MAPI_CALL(p, ConfigureMsgService, __VA_ARGS__)
#define IMsgServiceAdmin_OpenProfileSection(p, ...)                            \
	MAPI_CALL(p, OpenProfileSection, __VA_ARGS__)
#define IMsgServiceAdmin_MsgServiceTransportOrder(p, ...)                      \
	MAPI_CALL(p, MsgServiceTransportOrder, __VA_ARGS__)
#define IMsgServiceAdmin_AdminProviders(p, ...)                                \
	MAPI_CALL(p, AdminProviders, __VA_ARGS__)
#define IMsgServiceAdmin_SetPrimaryIdentity(p, ...)                            \
	MAPI_CALL(p, SetPrimaryIdentity, __VA_ARGS__)
#define IMsgServiceAdmin_GetProviderTable(p, ...)                              \
	MAPI_CALL(p, GetProviderTable, __VA_ARGS__)

/* ITableData */
#define ITableData_QueryInterface(p, ...)                                      \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define ITableData_AddRef(p) MAPI_CALL0(p, AddRef)
#define ITableData_Release(p) MAPI_CALL0(p, Release)
#define ITableData_HrGetView(p, ...) MAPI_CALL(p, HrGetView, __VA_ARGS__)
#define ITableData_HrModifyRow(p, ...) MAPI_CALL(p, HrModifyRow, __VA_ARGS__)
#define ITableData_HrDeleteRow(p, ...) MAPI_CALL(p, HrDeleteRow, __VA_ARGS__)
#define ITableData_HrQueryRow(p, ...) MAPI_CALL(p, HrQueryRow, __VA_ARGS__)
#define ITableData_HrEnumRow(p, ...) MAPI_CALL(p, HrEnumRow, __VA_ARGS__)
#define ITableData_HrNotify(p, ...) MAPI_CALL(p, HrNotify, __VA_ARGS__)
#define ITableData_HrInsertRow(p, ...) MAPI_CALL(p, HrInsertRow, __VA_ARGS__)
#define ITableData_HrModifyRows(p, ...) MAPI_CALL(p, HrModifyRows, __VA_ARGS__)
#define ITableData_HrDeleteRows(p, ...) MAPI_CALL(p, HrDeleteRows, __VA_ARGS__)

/* IExchangeModifyTable */
#define IExchangeModifyTable_QueryInterface(p, ...)                            \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IExchangeModifyTable_AddRef(p) MAPI_CALL0(p, AddRef)
#define IExchangeModifyTable_Release(p) MAPI_CALL0(p, Release)
#define IExchangeModifyTable_GetLastError(p, ...)                              \
	MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IExchangeModifyTable_GetTable(p, ...)                                  \
	MAPI_CALL(p, GetTable, __VA_ARGS__)
#define IExchangeModifyTable_ModifyTable(p, ...)                               \
	MAPI_CALL(p, ModifyTable, __VA_ARGS__)

/* IExchangeManageStore */
#define IExchangeManageStore_QueryInterface(p, ...)                            \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IExchangeManageStore_AddRef(p) MAPI_CALL0(p, AddRef)
#define IExchangeManageStore_Release(p) MAPI_CALL0(p, Release)
#define IExchangeManageStore_CreateStoreEntryID(p, ...)                        \
	MAPI_CALL(p, CreateStoreEntryID, __VA_ARGS__)
#define IExchangeManageStore_EntryIDFromSourceKey(p, ...)                      \
	MAPI_CALL(p, EntryIDFromSourceKey, __VA_ARGS__)
#define IExchangeManageStore_GetRights(p, ...)                                 \
	MAPI_CALL(p, GetRights, __VA_ARGS__)
#define IExchangeManageStore_GetMailboxTable(p, ...)                           \
	MAPI_CALL(p, GetMailboxTable, __VA_ARGS__)
#define IExchangeManageStore_GetPublicFolderTable(p, ...)                      \
	MAPI_CALL(p, GetPublicFolderTable, __VA_ARGS__)

/* IExchangeManageStore2 */
#define IExchangeManageStore2_QueryInterface(p, ...)                           \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IExchangeManageStore2_AddRef(p) MAPI_CALL0(p, AddRef)
#define IExchangeManageStore2_Release(p) MAPI_CALL0(p, Release)
#define IExchangeManageStore2_CreateStoreEntryID(p, ...)                       \
	MAPI_CALL(p, CreateStoreEntryID, __VA_ARGS__)
#define IExchangeManageStore2_EntryIDFromSourceKey(p, ...)                     \
	MAPI_CALL(p, EntryIDFromSourceKey, __VA_ARGS__)
#define IExchangeManageStore2_GetRights(p, ...)                                \
	MAPI_CALL(p, GetRights, __VA_ARGS__)
#define IExchangeManageStore2_GetMailboxTable(p, ...)                          \
	MAPI_CALL(p, GetMailboxTable, __VA_ARGS__)
#define IExchangeManageStore2_GetPublicFolderTable(p, ...)                     \
	MAPI_CALL(p, GetPublicFolderTable, __VA_ARGS__)
#define IExchangeManageStore2_CreateNewsgroupNameEntryID(p, ...)               \
	MAPI_CALL(p, CreateNewsgroupNameEntryID, __VA_ARGS__)

/* IExchangeManageStore3 */
#define IExchangeManageStore3_QueryInterface(p, ...)                           \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IExchangeManageStore3_AddRef(p) MAPI_CALL0(p, AddRef)
#define IExchangeManageStore3_Release(p) MAPI_CALL0(p, Release)
#define IExchangeManageStore3_CreateStoreEntryID(p, ...)                       \
	MAPI_CALL(p, CreateStoreEntryID, __VA_ARGS__)
#define IExchangeManageStore3_EntryIDFromSourceKey(p, ...)                     \
	MAPI_CALL(p, EntryIDFromSourceKey, __VA_ARGS__)
#define IExchangeManageStore3_GetRights(p, ...)                                \
	MAPI_CALL(p, GetRights, __VA_ARGS__)
#define IExchangeManageStore3_GetMailboxTable(p, ...)                          \
	MAPI_CALL(p, GetMailboxTable, __VA_ARGS__)
#define IExchangeManageStore3_GetPublicFolderTable(p, ...)                     \
	MAPI_CALL(p, GetPublicFolderTable, __VA_ARGS__)
#define IExchangeManageStore3_CreateNewsgroupNameEntryID(p, ...)               \
	MAPI_CALL(p, CreateNewsgroupNameEntryID, __VA_ARGS__)
#define IExchangeManageStore3_GetMailboxTableOffset(p, ...)                    \
	MAPI_CALL(p, GetMailboxTableOffset, __VA_ARGS__)

/* IExchangeManageStore4 */
#define IExchangeManageStore4_QueryInterface(p, ...)                           \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IExchangeManageStore4_AddRef(p) MAPI_CALL0(p, AddRef)
#define IExchangeManageStore4_Release(p) MAPI_CALL0(p, Release)
#define IExchangeManageStore4_CreateStoreEntryID(p, ...)                       \
	MAPI_CALL(p, CreateStoreEntryID, __VA_ARGS__)
#define IExchangeManageStore4_EntryIDFromSourceKey(p, ...)                     \
	MAPI_CALL(p, EntryIDFromSourceKey, __VA_ARGS__)
#define IExchangeManageStore4_GetRights(p, ...)                                \
	MAPI_CALL(p, GetRights, __VA_ARGS__)
#define IExchangeManageStore4_GetMailboxTable(p, ...)                          \
	MAPI_CALL(p, GetMailboxTable, __VA_ARGS__)
#define IExchangeManageStore4_GetPublicFolderTable(p, ...)                     \
	MAPI_CALL(p, GetPublicFolderTable, __VA_ARGS__)
#define IExchangeManageStore4_CreateNewsgroupNameEntryID(p, ...)               \
	MAPI_CALL(p, CreateNewsgroupNameEntryID, __VA_ARGS__)
#define IExchangeManageStore4_GetMailboxTableOffset(p, ...)                    \
	MAPI_CALL(p, GetMailboxTableOffset, __VA_ARGS__)
#define IExchangeManageStore4_GetPublicFolderTableOffset(p, ...)               \
	MAPI_CALL(p, GetPublicFolderTableOffset, __VA_ARGS__)

/* IExchangeExportChanges */
#define IExchangeExportChanges_QueryInterface(p, ...)                          \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IExchangeExportChanges_AddRef(p) MAPI_CALL0(p, AddRef)
#define IExchangeExportChanges_Release(p) MAPI_CALL0(p, Release)
#define IExchangeExportChanges_GetLastError(p, ...)                            \
	MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IExchangeExportChanges_Config(p, ...) MAPI_CALL(p, Config, __VA_ARGS__)
#define IExchangeExportChanges_Synchronize(p, ...)                             \
	MAPI_CALL(p, Synchronize, __VA_ARGS__)
#define IExchangeExportChanges_UpdateState(p, ...)                             \
	MAPI_CALL(p, UpdateState, __VA_ARGS__)

/* IExchangeImportContentsChanges */
#define IExchangeImportContentsChanges_QueryInterface(p, ...)                  \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IExchangeImportContentsChanges_AddRef(p) MAPI_CALL0(p, AddRef)
#define IExchangeImportContentsChanges_Release(p) MAPI_CALL0(p, Release)
#define IExchangeImportContentsChanges_GetLastError(p, ...)                    \
	MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IExchangeImportContentsChanges_Config(p, ...)                          \
	MAPI_CALL(p, Config, __VA_ARGS__)
#define IExchangeImportContentsChanges_UpdateState(p, ...)                     \
	MAPI_CALL(p, UpdateState, __VA_ARGS__)
#define IExchangeImportContentsChanges_ImportMessageChange(p, ...)             \
	MAPI_CALL(p, ImportMessageChange, __VA_ARGS__)
#define IExchangeImportContentsChanges_ImportMessageDeletion(p, ...)           \
	MAPI_CALL(p, ImportMessageDeletion, __VA_ARGS__)
#define IExchangeImportContentsChanges_ImportPerUserReadStateChange(p, ...)    \
	MAPI_CALL(p, ImportPerUserReadStateChange, __VA_ARGS__)
#define IExchangeImportContentsChanges_ImportMessageMove(p, ...)               \
	MAPI_CALL(p, ImportMessageMove, __VA_ARGS__)

/* IExchangeImportHierarchyChanges */
#define IExchangeImportHierarchyChanges_QueryInterface(p, ...)                 \
	MAPI_CALL(p, QueryInterface, __VA_ARGS__)
#define IExchangeImportHierarchyChanges_AddRef(p) MAPI_CALL0(p, AddRef)
#define IExchangeImportHierarchyChanges_Release(p) MAPI_CALL0(p, Release)
#define IExchangeImportHierarchyChanges_GetLastError(p, ...)                   \
	MAPI_CALL(p, GetLastError, __VA_ARGS__)
#define IExchangeImportHierarchyChanges_Config(p, ...)                         \
	MAPI_CALL(p, Config, __VA_ARGS__)
#define IExchangeImportHierarchyChanges_UpdateState(p, ...)                    \
	MAPI_CALL(p, UpdateState, __VA_ARGS__)
#define IExchangeImportHierarchyChanges_ImportFolderChange(p, ...)             \
	MAPI_CALL(p, ImportFolderChange, __VA_ARGS__)
#define IExchangeImportHierarchyChanges_ImportFolderDeletion(p, ...)           \
	MAPI_CALL(p, ImportFolderDeletion, __VA_ARGS__)

#endif /* MAPIMACROS_H */
