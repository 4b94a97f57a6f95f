/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "api/hresult.h"

/* The store's own codes that have a meaning in MAPI.  [MS-OXCDATA] 2.4.1 */
static const struct {
	uint16_t code;
	HRESULT hr;
} store_codes[] = {
	{0x3eb, MAPI_E_LOGON_FAILED},         /* UnknownUser */
	{0x3ed, MAPI_E_END_OF_SESSION},       /* Exiting */
	{0x3ef, MAPI_E_UNKNOWN_CPID},         /* UnknownCodePage */
	{0x3f0, MAPI_E_NOT_ENOUGH_RESOURCES}, /* ServerMemory */
	{0x3f2, MAPI_E_NO_ACCESS},            /* LoginPermission */
	{0x451, MAPI_E_VERSION},              /* BadVersion */
	{0x452, MAPI_E_TOO_COMPLEX},          /* TooManyColumns */
	{0x454, MAPI_E_CORRUPT_STORE},        /* DatabaseError */
	{0x456, MAPI_E_NO_SUPPORT},           /* UnsupportedProperty */
	{0x45c, MAPI_E_INVALID_PARAMETER},    /* BadFolderName */
	{0x460, MAPI_E_NO_SUPPORT},           /* SearchFolder */
	{0x461, MAPI_E_NO_SUPPORT},           /* NotSearchFolder */
	{0x462, MAPI_E_NO_ACCESS},            /* FolderSetReceive */
	{0x463, MAPI_E_NOT_FOUND},            /* NoReceiveFolder */
	{0x465, MAPI_E_SUBMITTED},            /* DeleteSubmittedMessage */
	{0x467, MAPI_E_NO_RECIPIENTS},        /* InvalidRecipients */
	{0x46c, MAPI_E_NOT_FOUND},            /* RecordNotFound */
	{0x474, MAPI_E_TIMEOUT},              /* TimeExpired */
	{0x478, MAPI_E_UNKNOWN_ENTRYID},      /* WrongServer */
	{0x47d, MAPI_E_TOO_BIG},              /* BufferTooSmall */
	{0x47f, MAPI_E_BUSY},                 /* ServerPaused */
	{0x480, MAPI_E_BUSY},                 /* ServerBusy */
	{0x481, MAPI_E_INVALID_OBJECT},       /* NoSuchLogon */
	{0x4b9, MAPI_E_INVALID_OBJECT},       /* NullObject */
	{0x4d4, MAPI_E_TOO_BIG},              /* MessageTooBig */
	{0x4d6, MAPI_E_NO_ACCESS},            /* NotAuthorized */
	{0x4d9, MAPI_E_STORE_FULL},           /* QuotaExceeded */
	{0x4da, MAPI_E_TOO_BIG},              /* MaxSubmissionExceeded */
	{0x4db, MAPI_E_TOO_BIG},              /* MaxAttachmentExceeded */
	{0x4dc, MAPI_E_NO_ACCESS},            /* SendAsDenied */
	{0x4dd, MAPI_E_STORE_FULL},           /* ShutoffQuotaExceeded */
	{0x4de, MAPI_E_NOT_ENOUGH_RESOURCES}, /* TooManyOpenObjects */
	{0x4df, MAPI_E_VERSION},              /* ClientVersionBlocked */
	{0x4fa, MAPI_E_NOT_FOUND},            /* UnregisteredNameProp */
	{0x4fb, MAPI_E_NO_ACCESS},            /* FolderDisabled */
};

HRESULT mx_hr_from_code(uint32_t code)
{
	if (!code || code >> 31)
		return (HRESULT)code;
	/* Warnings are MAPI's too: facility ITF. */
	if (code >> 16 == FACILITY_ITF)
		return (HRESULT)code;
	for (size_t i = 0; i < MX_ARRAY_SIZE(store_codes); i++)
		if (store_codes[i].code == code)
			return store_codes[i].hr;
	return MAPI_E_CALL_FAILED;
}

static HRESULT from_errno(int err, bool alive)
{
	switch (err) {
	case -ENOMEM:
		return MAPI_E_NOT_ENOUGH_MEMORY;
	case -EINVAL:
		return MAPI_E_INVALID_PARAMETER;
	case -ECANCELED: /* MAPIUninitialize cancels too */
		return alive ? MAPI_E_USER_CANCEL : MAPI_E_NOT_INITIALIZED;
	case -ESHUTDOWN:
		return alive ? MAPI_E_END_OF_SESSION : MAPI_E_NOT_INITIALIZED;
	case -ECHILD:
		return MAPI_E_NOT_INITIALIZED;
	case -ESTALE:
		return MAPI_E_INVALID_OBJECT;
	case -EACCES:
	case -EPERM:
		return MAPI_E_NO_ACCESS;
	case -EDQUOT:
		return MAPI_E_SESSION_LIMIT;
	case -EAGAIN:
	case -EBUSY: /* a stopped process: the fault names it */
		return MAPI_E_BUSY;
	case -ENOENT:
		return MAPI_E_NOT_FOUND;
	case -ENOSPC:
		return MAPI_E_NOT_ENOUGH_DISK;
	case -EMFILE:
	case -ENFILE:
	case -EUSERS: /* process slots of the segment */
		return MAPI_E_NOT_ENOUGH_RESOURCES;
	case -ETIMEDOUT:
	case -ENETRESET:
	case -EPROTO:
	case -EBADMSG:
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -ENETDOWN:
	case -EPIPE:
	case -ENOTCONN:
		return MAPI_E_NETWORK_ERROR;
	default:
		return MAPI_E_CALL_FAILED;
	}
}

HRESULT mx_hr_from_err(int err, const struct mx_fault *f, bool alive)
{
	HRESULT hr;

	if (!err)
		return S_OK;
	if (err == -EREMOTEIO && f && f->code &&
	    (f->layer == MX_LAYER_ROP || f->layer == MX_LAYER_EMSMDB)) {
		hr = mx_hr_from_code(f->code);
		/* An error stays one, whatever its code looks like. */
		return FAILED(hr) ? hr : MAPI_E_CALL_FAILED;
	}
	hr = from_errno(err, alive);
	/* What failed on the way is the network's, if nothing else is known. */
	if (hr == MAPI_E_CALL_FAILED && f &&
	    (f->layer == MX_LAYER_TRANSPORT || f->layer == MX_LAYER_HTTP ||
	     f->layer == MX_LAYER_MAPIHTTP))
		hr = MAPI_E_NETWORK_ERROR;
	return hr;
}

#define NAME(code)                                                             \
	{                                                                      \
		code, #code                                                    \
	}

const char *mx_hr_name(HRESULT hr)
{
	static const struct {
		HRESULT hr;
		const char *name;
	} names[] = {
		NAME(S_OK),
		NAME(MAPI_E_CALL_FAILED),
		NAME(MAPI_E_NOT_ENOUGH_MEMORY),
		NAME(MAPI_E_INVALID_PARAMETER),
		NAME(MAPI_E_INTERFACE_NOT_SUPPORTED),
		NAME(MAPI_E_NO_ACCESS),
		NAME(MAPI_E_NO_SUPPORT),
		NAME(MAPI_E_BAD_CHARWIDTH),
		NAME(MAPI_E_STRING_TOO_LONG),
		NAME(MAPI_E_UNKNOWN_FLAGS),
		NAME(MAPI_E_INVALID_ENTRYID),
		NAME(MAPI_E_INVALID_OBJECT),
		NAME(MAPI_E_OBJECT_CHANGED),
		NAME(MAPI_E_OBJECT_DELETED),
		NAME(MAPI_E_BUSY),
		NAME(MAPI_E_NOT_ENOUGH_DISK),
		NAME(MAPI_E_NOT_ENOUGH_RESOURCES),
		NAME(MAPI_E_NOT_FOUND),
		NAME(MAPI_E_VERSION),
		NAME(MAPI_E_LOGON_FAILED),
		NAME(MAPI_E_SESSION_LIMIT),
		NAME(MAPI_E_USER_CANCEL),
		NAME(MAPI_E_NETWORK_ERROR),
		NAME(MAPI_E_DISK_ERROR),
		NAME(MAPI_E_TOO_COMPLEX),
		NAME(MAPI_E_BAD_COLUMN),
		NAME(MAPI_E_COMPUTED),
		NAME(MAPI_E_CORRUPT_DATA),
		NAME(MAPI_E_UNCONFIGURED),
		NAME(MAPI_E_FAILONEPROVIDER),
		NAME(MAPI_E_UNKNOWN_CPID),
		NAME(MAPI_E_END_OF_SESSION),
		NAME(MAPI_E_UNKNOWN_ENTRYID),
		NAME(MAPI_E_INVALID_TYPE),
		NAME(MAPI_E_TYPE_NO_SUPPORT),
		NAME(MAPI_E_UNEXPECTED_TYPE),
		NAME(MAPI_E_TOO_BIG),
		NAME(MAPI_E_UNABLE_TO_COMPLETE),
		NAME(MAPI_E_TIMEOUT),
		NAME(MAPI_E_TABLE_TOO_BIG),
		NAME(MAPI_E_INVALID_BOOKMARK),
		NAME(MAPI_E_CORRUPT_STORE),
		NAME(MAPI_E_NOT_IN_QUEUE),
		NAME(MAPI_E_COLLISION),
		NAME(MAPI_E_NOT_INITIALIZED),
		NAME(MAPI_E_NO_RECIPIENTS),
		NAME(MAPI_E_SUBMITTED),
		NAME(MAPI_E_HAS_FOLDERS),
		NAME(MAPI_E_HAS_MESSAGES),
		NAME(MAPI_E_FOLDER_CYCLE),
		NAME(MAPI_E_STORE_FULL),
		NAME(MAPI_E_AMBIGUOUS_RECIP),
		NAME(MAPI_W_ERRORS_RETURNED),
		NAME(MAPI_W_PARTIAL_COMPLETION),
	};

	for (size_t i = 0; i < MX_ARRAY_SIZE(names); i++)
		if (names[i].hr == hr)
			return names[i].name;
	return NULL;
}
