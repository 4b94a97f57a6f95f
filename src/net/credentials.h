/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a user context proves itself to a server: the value of the Authorization
 * header, made afresh for each request from the context that the request
 * carries, on whatever thread that runs, and wiped after it.  libcurl's own
 * authentication is never used: it knows one identity per process (Negotiate)
 * and remembers it per connection.
 *
 *	MX_AUTH_PASSWORD  Basic           RFC 7617, UTF-8
 *	MX_AUTH_BEARER    Bearer          RFC 6750
 *	MX_AUTH_GSS       Negotiate       RFC 4559, the first token only: enough
 *	                                  for Kerberos, not for NTLM in SPNEGO
 */
#ifndef MX_NET_CREDENTIALS_H
#define MX_NET_CREDENTIALS_H

#include "base/lock.h"
#include "base/fault.h"
#include "identity/secret.h"
#include "identity/userctx.h"

/* The whole header line, "Authorization: Basic …".  server is "host:port"; host
 * without the port is the GSS service HTTP@host.  Calls the program's callback
 * or the KDC: never with a lock held, may block as long as they do.  0 with
 * *ret filled (the caller finis it), or with the fault saying why
 *   -ENOKEY   the context cannot authenticate (MX_AUTH_NONE, no login name)
 *   -EINVAL   a login name with ':' or control bytes, a token with blanks
 *   -EACCES   GSSAPI has no ticket for this server; text has its words
 *   -ENOMEM, or what the callback said. */
int mx_auth_header(const struct mx_userctx *user, const char *server,
		   struct mx_secret *ret, struct mx_fault *fault) MX_UNLOCKED;

#endif
