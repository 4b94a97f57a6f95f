/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to net: host names to addresses, on the thread that asks.
 *
 * Debian's libcurl starts a thread for every name it resolves, and waits for
 * that thread when the transfer is given up: a name server that does not answer
 * would hang a cancelled call and add a thread a name.  So libcurl never sees a
 * name it does not know: names are resolved here, by c-ares, and handed over
 * with CURLOPT_RESOLVE.  c-ares reads /etc/hosts, /etc/resolv.conf and the order
 * in /etc/nsswitch.conf; other NSS modules (mdns, sss) are not asked.
 *
 * A process-wide cache of 64 names keeps answers for their TTL, within 5 s and
 * 5 minutes.
 */
#ifndef MX_NET_RESOLVE_H
#define MX_NET_RESOLVE_H

#include <stdbool.h>

#include "base/lock.h"
#include "base/clock.h"
#include "base/list.h"
#include "net/cancel.h"

/* From the cache: "192.0.2.1,[2001:db8::1]", heap; NULL when not there. */
char *mx_resolve_cached(const char *host);
void mx_resolve_forget(const char *host);

/* Asks and waits, on this thread.  0 with *ret on the heap; -EHOSTUNREACH no
 * such name, or the name servers do not answer (*why says which, a literal);
 * -ETIMEDOUT the deadline; -ECANCELED; -ENOMEM. */
int mx_resolve_wait(const char *host, mx_mono deadline,
		    struct mx_cancel *cancel, char **ret,
		    const char **why) MX_UNLOCKED;

/* Questions on an event loop of the caller's; one thread.  watch() says what to
 * wait for on fd; neither: nothing any more. */
struct mx_resolver;
typedef void mx_resolver_watch_fn(void *arg, int fd, bool rd, bool wr);
int mx_resolver_new(mx_resolver_watch_fn *watch, void *arg,
		    struct mx_resolver **ret);
/* Every question still open is answered with -ECANCELED. */
void mx_resolver_free(struct mx_resolver *r);

/* Someone who waits for a name; its memory is the caller's until done is called
 * or it is dropped. */
struct mx_resolver_ask {
	struct mx_list node;
	/* err as mx_resolve_wait; addrs and why borrowed. */
	void (*done)(void *arg, int err, const char *addrs, const char *why);
	void *arg;
};

/* Several asks for one name are one question.  0: done will be called, perhaps
 * before this returns; -ENOMEM: it will not. */
int mx_resolver_ask(struct mx_resolver *r, const char *host,
		    struct mx_resolver_ask *ask) MX_UNLOCKED;
void mx_resolver_drop(struct mx_resolver_ask *ask);

void mx_resolver_event(struct mx_resolver *r, int fd, bool rd,
		       bool wr) MX_UNLOCKED;
/* When to call tick at the latest; never if nothing is asked. */
mx_mono mx_resolver_due(struct mx_resolver *r);
void mx_resolver_tick(struct mx_resolver *r) MX_UNLOCKED;

/* For tests: name servers instead of the system's, "127.0.0.1:5353"; NULL: the
 * system's.  Not while anybody asks. */
int mx_resolve_set_servers(const char *csv);

#endif
