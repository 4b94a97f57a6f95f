/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Parsed mail onto a MAPI message. */
#ifndef MX_MIME_WRITE_H
#define MX_MIME_WRITE_H

#include <mapix.h>

#include "mime/mail.h"

/*
 * Writes everything of m to a new message: properties, recipients, bodies,
 * attachments, nested messages (those are saved; the message itself is not,
 * the caller does that).  It comes out as received and unread.  On failure the
 * object that said no tells more by GetLastError: *ret_what names the step.
 * Any thread.  The HRESULT of the first call that failed.
 */
HRESULT mx_mail_write(LPMESSAGE msg, const struct mx_mail *m,
		      const char **ret_what);

/* Writes a stream property of len bytes, made anew, in pieces.  For PT_UNICODE
 * the bytes are wchar_t without a terminator. */
HRESULT mx_mapi_stream_out(LPMAPIPROP obj, ULONG tag, const void *data,
			   size_t len);

#endif
