/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The context of a Unix user, made from what the system knows of him: for
 * threads that took on his kernel credentials (per-thread setresuid) when the
 * program has told us nothing about him.
 */
#ifndef MX_NET_UNIX_USER_H
#define MX_NET_UNIX_USER_H

#include <sys/types.h>

#include "identity/userctx.h"

/* S-1-22-1-uid, named as the password database does.  He proves himself with
 * the Kerberos tickets in his own cache, FILE:/tmp/krb5cc_UID, if that is there
 * and his; never with the process's (KRB5CCNAME).  Without tickets the context
 * knows who, and cannot prove it.  To be called on his thread: the cache is
 * opened under its kernel credentials.  0 with a reference in *ret; -ENOMEM. */
int mx_unix_userctx_new(uid_t uid, struct mx_userctx **ret);

#endif
