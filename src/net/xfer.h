/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to net: one HTTP request and its answer as a libcurl easy handle,
 * without a loop around it.  exchange.c turns it on the caller's thread,
 * the engine on its own; both get the same errors.
 *
 *	init ──► prepare(auth) ──► [easy in some multi] ──► finish ──► fini
 *
 * finish is where the outcome is decided, once.  The channel must be taken
 * from prepare to fini.  One thread at a time.
 */
#ifndef MX_NET_XFER_H
#define MX_NET_XFER_H

#include <curl/curl.h>

#include "base/clock.h"
#include "identity/secret.h"
#include "net/channel-private.h"
#include "net/exchange.h"
#include "net/metatag.h"

/* A POST that is not MAPI/HTTP (Autodiscover): no meta-tags, any status. */
struct mx_xfer_plain {
	const char *url; /* instead of the channel's, same server */
	const char *content_type;
	const char *const *headers; /* "Name: value" …, NULL ends */
	size_t max_body;
	/* Out. */
	char *location;
};

struct mx_xfer {
	struct mx_channel *ch;
	const struct mx_xreq *req;
	struct mx_xfer_plain *plain; /* NULL: MAPI/HTTP */
	struct mx_xresp *resp;
	struct mx_fault *fault; /* may be NULL */
	CURL *easy;
	const struct mx_target *easy_of; /* NULL: easy is not for others */
	struct curl_slist *headers, *resolve;

	/* Deadlines. */
	mx_mono start, last, end;
	int64_t idle_ms, overall_ms;

	/* The answer so far. */
	enum mx_xphase phase;
	struct mx_metatag tag;
	size_t n_head;       /* header bytes */
	size_t n_error;      /* bytes of an error page */
	bool head_done;      /* the empty line of the final header block */
	bool has_length;     /* Content-Length or chunked */
	bool right_type;     /* application/mapi-http */
	bool enough;         /* of an error page: stopped reading it */
	unsigned attempts;   /* requests that libcurl set out to send */
	bool resend_refused; /* libcurl wanted to send it a second time */
	curl_off_t n_upload; /* for idle: bytes of the request sent */
	enum mx_xwhy why;    /* what a callback found */
	int err;
	const char *what;  /* a literal */
	char snippet[100]; /* of an error page */
	char errbuf[CURL_ERROR_SIZE];
};

/* Starts the clocks.  plain may be NULL. */
void mx_xfer_init(struct mx_xfer *x, struct mx_channel *ch,
		  const struct mx_xreq *req, struct mx_xfer_plain *plain,
		  struct mx_xresp *resp, struct mx_fault *fault);

/* Says what is waited for. */
void mx_xfer_set_phase(struct mx_xfer *x, enum mx_xphase phase);

/* True when the channel needs its host's addresses before prepare; then the
 * cache is asked and perhaps settles it.  -ENOMEM, 0, 1: ask the resolver. */
int mx_xfer_needs_resolve(struct mx_xfer *x);
int mx_xfer_set_addrs(struct mx_xfer *x, const char *addrs);

/* Makes x->easy; auth is an "Authorization: …" line or NULL, and is copied.
 * 0, -ENOMEM. */
int mx_xfer_prepare(struct mx_xfer *x, const char *auth);

/* xfer-socket.c: the callbacks that open and close sockets, of a new or reset
 * easy handle; and whether this exchange's connection is kept. */
void mx_xfer_socket_fixed(CURL *e);
void mx_xfer_socket_set(struct mx_xfer *x);

/* xfer-headers.c: fills x->headers; wipes and frees them.  -EINVAL, -ENOMEM. */
int mx_xfer_headers(struct mx_xfer *x, const char *auth);
void mx_xfer_headers_fini(struct mx_xfer *x);

/* When the next deadline is, as things stand now. */
mx_mono mx_xfer_due(const struct mx_xfer *x);
/* MX_XWHY_OK, or the deadline that is over. */
enum mx_xwhy mx_xfer_overdue(const struct mx_xfer *x);

/* When libcurl has said that the transfer is over, and before its handle leaves
 * a multi that nobody else is in. */
void mx_xfer_unshare(struct mx_xfer *x);

/* Writes user and server into the fault.  The others here that fail do it. */
void mx_xfer_blame(struct mx_xfer *x);

/* The outcome: `aborted` (not OK) when the loop gave up, else libcurl's rc.
 * The easy handle must be out of its multi.  Fills resp and fault, returns as
 * mx_exchange. */
int mx_xfer_finish(struct mx_xfer *x, enum mx_xwhy aborted, CURLcode rc);
/* The same for what failed before libcurl had it: why and err with a fault that
 * is filled already, or a sentence of its own. */
int mx_xfer_fail(struct mx_xfer *x, enum mx_xwhy why, int err,
		 const char *text);

/* After an exchange that ended well: leaves the easy handle to the next one.
 * Before fini. */
void mx_xfer_keep(struct mx_xfer *x);

/* Frees the easy handle and wipes the credentials; harmless twice. */
void mx_xfer_fini(struct mx_xfer *x);

#endif
