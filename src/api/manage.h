/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IExchangeManageStore: entry ids of other mailboxes, and of objects known by
 * their source keys.  Got from an IMsgStore by QueryInterface.
 */
#ifndef MX_API_MANAGE_H
#define MX_API_MANAGE_H

#include "api/api.h"

struct mx_store;

/* A second table of methods on a store: it shares the store's identity and
 * references, and lives in it. */
struct mx_manage {
	const void *vtbl;
	struct mx_store *store;
};

void mx_manage_init(struct mx_manage *m, struct mx_store *store);

/* True when iid is one that the table answers to: versions 1 to 4. */
bool mx_manage_answers(REFIID iid);

#endif
