/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results of the store as ROP return values and as words: one table.
 */
#include "store/store.h"

#include <errno.h>

#include "base/auto.h"

static const struct answer {
	uint32_t ec;
	const char *text;
} answers[] = {
	[0] = {0, "success"},
	[MX_ANS_NOT_FOUND] = {0x8004010f, "not found"},
	[MX_ANS_NOT_SUPPORTED] = {0x80040102, "not supported"},
	[MX_ANS_ACCESS_DENIED] = {0x80070005, "access denied"},
	[MX_ANS_INVALID_PARAM] = {0x80070057, "invalid parameter"},
	[MX_ANS_DUPLICATE_NAME] = {0x80040604, "a folder of that name exists"},
	[MX_ANS_OBJECT_MODIFIED] = {0x80040109,
				    "changed through another handle"},
	[MX_ANS_OBJECT_DELETED] = {0x8004010a, "deleted meanwhile"},
	[MX_ANS_READ_ONLY] = {0x80004005, "opened read-only"},
	[MX_ANS_NULL_OBJECT] = {0x000004b9, "not that kind of object"},
	[MX_ANS_TOO_BIG] = {0x80040305, "too big"},
	[MX_ANS_TOO_COMPLEX] = {0x80040117, "too complex"},
	[MX_ANS_BAD_VALUE] = {0x80040301, "bad value"},
	[MX_ANS_MAX_ATTACH] = {0x000004db, "too many attachments"},
	[MX_ANS_NO_RECIPIENTS] = {0x80040607, "no recipients"},
	[MX_ANS_SUBMITTED] = {0x80040608, "already submitted"},
	[MX_ANS_UNABLE_TO_ABORT] = {0x80040114, "already on its way"},
	[MX_ANS_NOT_IN_QUEUE] = {0x80040601, "not in the send queue"},
	[MX_ANS_UNKNOWN_CODEPAGE] = {0x000003ef, "unknown code page"},
	[MX_ANS_BAD_COLUMN] = {0x80040102, "not a column here"},
	[MX_ANS_NO_COLUMNS] = {0x000004b9, "no columns set"},
	[MX_ANS_INVALID_BOOKMARK] = {0x80040405, "invalid bookmark"},
	[MX_ANS_STREAM_SEEK] = {0x80030019, "seek outside of the stream"},
	[MX_ANS_STREAM_FULL] = {0x80040305, "stream too big"},
	[MX_ANS_FOLDER_CYCLE] = {0x8004060b, "folder into itself"},
	[MX_ANS_UNKNOWN_USER] = {0x000003eb, "unknown user"},
	[MX_ANS_BAD_PASSWORD] = {0x000003f2, "wrong user or password"},
	[MX_ANS_EXISTS] = {0x80040604, "exists already"},
	[MX_ANS_QUOTA] = {0x000004d9, "quota exceeded"},
	[MX_ANS_UNCONFIGURED] = {0x8004011c, "not configured"},
};

uint32_t mx_store_ec(int result)
{
	if (result >= 0)
		return (size_t)result < MX_ARRAY_SIZE(answers)
			       ? answers[result].ec
			       : 0x80004005;
	switch (-result) {
	case ENOMEM:
		return 0x8007000e; /* ecMAPIOOM */
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return 0x8004010d; /* OutOfDisk */
	case EUCLEAN:
	case EIO:
		return 0x80040116; /* DiskError */
	case EBUSY:
	case ENFILE:
	case EMFILE:
		return 0x8004010b; /* ServerBusy */
	case ETIMEDOUT:
		return 0x80040401; /* Timeout */
	default:
		return 0x80004005; /* ecError */
	}
}

const char *mx_store_strerror(int result)
{
	if (result >= 0)
		return (size_t)result < MX_ARRAY_SIZE(answers)
			       ? answers[result].text
			       : "unknown answer";
	switch (-result) {
	case ENOMEM:
		return "out of memory";
	case ENOSPC:
	case EDQUOT:
		return "disk full";
	case EUCLEAN:
		return "database damaged";
	case EIO:
		return "disk error";
	case EBUSY:
		return "in use by another process";
	case ENFILE:
		return "too many mailboxes in use";
	case EROFS:
	case EACCES:
		return "no permission to write the database";
	case EINVAL:
		return "internal error: invalid argument";
	default:
		return "operating system error";
	}
}
