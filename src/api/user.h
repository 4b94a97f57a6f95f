/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* LPMAPIARYUSER is a struct mx_userctx under another name. */
#ifndef MX_API_USER_H
#define MX_API_USER_H

#include "api/api.h"
#include "identity/userctx.h"

static inline struct mx_userctx *mx_user_ctx(LPMAPIARYUSER u)
{
	return (struct mx_userctx *)(void *)u;
}

/* The context of the calling thread, whose kernel user id is uid and for which
 * none is registered: the program's source's, else mx_unix_userctx_new()'s.
 * S_OK with a reference in *ret. */
HRESULT mx_unix_user(ULONG uid, struct mx_userctx **ret);

#endif
