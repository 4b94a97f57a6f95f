/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What static locks need around fork().  A child has one thread, the one that
 * forked; a lock that another held then stays locked there for ever, and what
 * it guards is half done.  So the locks named here are taken before each fork
 * and given back on both sides, in the order in which they were named.
 *
 * Call both from a constructor, so that they stand before there are threads:
 *
 *	__attribute__((__constructor__)) static void on_load(void)
 *	{
 *		mx_fork_hold(&lock);
 *	}
 *
 * Locks of objects are not held: after fork nobody may take one of an inherited
 * object, which is why calls on such objects end before they lock anything.
 */
#ifndef MX_BASE_FORK_H
#define MX_BASE_FORK_H

#include "base/lock.h"

/* A static lock under which no other one of these is taken, nor anything waited
 * for. At most sixteen. */
void mx_fork_hold(struct mx_mutex *lock);

/* fn makes a module's static state a child's: it runs there with none of the
 * locks held and no other thread alive, and may only do memory work.  At most
 * sixteen; in the order of these calls. */
void mx_fork_child(void (*fn)(void));

#endif
