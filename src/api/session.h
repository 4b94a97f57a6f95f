/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IMAPISession.  Made by MAPILogonEx (logon.c).
 */
#ifndef MX_API_SESSION_H
#define MX_API_SESSION_H

#include "api/client-shutdown.h"
#include "api/config.h"
#include "api/obj.h"

struct mx_store;

struct mx_ses {
	struct mx_obj obj; /* so is NULL */
	struct mx_config *config;
	char *mailbox_dn; /* of the default store */
	uint8_t *eid;     /* the default store's entry id */
	size_t eid_n;
	struct mx_list stores; /* mx_store.link: open ones, under obj.lock */
	struct mx_list link;   /* all sessions of the process, for diagnosis */
	struct mx_fast_shutdown fast; /* IMAPIClientShutdown */
};

/* The COM object around a session; takes over session.  0, -ENOMEM. */
int mx_ses_new(struct mx_session *session, struct mx_config *config,
	       const char *mailbox_dn, struct mx_ses **ret);

/* An open store of this mailbox GUID, or NULL; with a reference. */
struct mx_store *mx_ses_find_store(struct mx_ses *s, const struct mx_guid *g);

#endif
