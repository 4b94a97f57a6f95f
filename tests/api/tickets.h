/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A front that takes Negotiate, for a server that takes passwords; and all that
 * Kerberos gave to client and server meanwhile and nobody else may see: tickets
 * and session keys out of the client's credential, each request's header and
 * token as they came, the keys they establish.
 */
#ifndef MX_TESTS_API_TICKETS_H
#define MX_TESTS_API_TICKETS_H

#include <gssapi/gssapi.h>
#include <stdbool.h>

#include "front.h"

struct tickets;

struct ticket_secret {
	const char *what; /* a literal: "service ticket", "header" … */
	unsigned char *p;
	size_t n;
};

/* The login and password that the server knows the client by: of accepted
 * requests the front makes Basic ones. */
struct tickets *tickets_new(const char *login, const char *password);
void tickets_free(struct tickets *t);

/* For front_new, with the struct tickets. */
enum front_way tickets_take(void *arg, struct front_request *rq);
/* Whether what was accepted goes on to the server unchanged. */
void tickets_pass_on(struct tickets *t, bool on);
/* Requests that proved to be `who`'s, and those that proved nothing. */
void tickets_count(struct tickets *t, const char *who, unsigned *ret_taken,
		   unsigned *ret_refused);

/* Adds what the credential's cache holds now. */
void tickets_of(struct tickets *t, gss_cred_id_t cred);

/* A copy of the list; the secrets' bytes stay until the end. */
struct ticket_secret *tickets_list(struct tickets *t, size_t *ret_n);

/* ticket_secret.what */
#define TICKET_GRANTING "ticket-granting ticket"
#define TICKET_SERVICE "service ticket"
#define TICKET_TGS_KEY "session key with the KDC"
#define TICKET_SERVICE_KEY "session key with the service"
#define TICKET_HEADER "Negotiate header"
#define TICKET_TOKEN "Negotiate token"
#define TICKET_CONTEXT_KEY "key of the security context"

#endif
