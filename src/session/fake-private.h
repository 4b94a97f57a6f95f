/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the scripted server share; fake's lock is held. */
#ifndef MX_SESSION_FAKE_PRIVATE_H
#define MX_SESSION_FAKE_PRIVATE_H

#include "session/fake.h"

/* The session is gone, with its handles. */
void fake_drop_session(struct fake *f, unsigned session);

/* Carries out an Execute's body for e->session, which gets its RopIds, and puts
 * the answer's into out. */
void fake_execute(struct fake *f, struct fake_entry *e, const void *body,
		  size_t n, struct mx_buf *out);

#endif
