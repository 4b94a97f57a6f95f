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

#endif
