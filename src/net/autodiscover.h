/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * POX Autodiscover: from a mail address to the endpoints that serve it.
 * [MS-OXDSCLI] 2.2, 3.1; asked with X-MapiHttpCapability: 1.
 */
#ifndef MX_NET_AUTODISCOVER_H
#define MX_NET_AUTODISCOVER_H

#include "base/lock.h"
#include "base/fault.h"
#include "identity/userctx.h"
#include "net/cancel.h"

struct mx_net_opts;

struct mx_autodiscover {
	char *emsmdb_url; /* mailbox endpoint; never NULL on success */
	char *nspi_url;   /* address book endpoint, or NULL */
	char *user_dn;    /* LegacyDN; never NULL on success */
	char *display;    /* or NULL */
	char *smtp;       /* AutoDiscoverSMTPAddress, or NULL */
};

#define MX_AUTODISCOVER_INIT ((struct mx_autodiscover){0})
void mx_autodiscover_fini(struct mx_autodiscover *a);
static inline void mx_autodiscover_auto(struct mx_autodiscover *a)
{
	mx_autodiscover_fini(a);
}

#define MX_AUTODISCOVER_REDIRECTS 5

/* Asks, on the calling thread.  base: the URL of a server, of which
 * /autodiscover/autodiscover.xml is asked (a base that ends in .xml is asked as
 * it is); NULL: https://DOMAIN/…, then https://autodiscover.DOMAIN/….  HTTP
 * redirects and RedirectUrl/RedirectAddr answers are followed, five in all; each
 * host asked gets the user's credentials, so from https they lead to https only,
 * whose certificate is verified.  http is allowed to loopback, or with
 * opts->allow_plain.
 * ExternalUrl is taken before InternalUrl.  The deadline of opts->overall_ms is
 * for the whole search.  0 with *ret the caller's, or with the fault saying why
 *   -EINVAL     not a mail address
 *   -ENOENT     the server answers, but knows no such user or no MAPI/HTTP
 *   -ELOOP      too many redirects
 *   -EBADMSG    not an Autodiscover document
 *   -EMSGSIZE   larger than MX_MAX_AUTODISCOVER
 *   or as mx_exchange(); of several candidates the first that got furthest. */
int mx_autodiscover(const char *address, const char *base,
		    struct mx_userctx *user, const struct mx_net_opts *opts,
		    struct mx_cancel *cancel, struct mx_autodiscover *ret,
		    struct mx_fault *fault) MX_UNLOCKED;

/* The request and answer documents, without I/O.  request: heap, the address
 * escaped; NULL: out of memory. */
char *mx_autodiscover_request(const char *address);

enum mx_autodiscover_answer {
	MX_AUTODISCOVER_FOUND = 1,
	MX_AUTODISCOVER_REDIRECT_URL,  /* *redirect: heap */
	MX_AUTODISCOVER_REDIRECT_ADDR, /* *redirect: heap */
};

/* Parses an answer of n bytes: no DTD, no entities, no network, bounded depth.
 * An outcome, -ENOENT (an Error element, or no mapiHttp), -EBADMSG, -ENOMEM.  */
int mx_autodiscover_parse(const void *p, size_t n, struct mx_autodiscover *ret,
			  char **redirect, struct mx_fault *fault);

#endif
