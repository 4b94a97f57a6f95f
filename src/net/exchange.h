/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exchange with a MAPI/HTTP endpoint: POST with its headers, the chunked
 * answer, and exactly one outcome.  [MS-OXCMAPIHTTP] 2.2.2, 2.2.3, 2.2.7.
 */
#ifndef MX_NET_EXCHANGE_H
#define MX_NET_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/lock.h"
#include "base/buf.h"
#include "base/fault.h"
#include "net/cancel.h"
#include "net/channel.h"
#include "net/cookies.h"

/* What an exchange waits for; for the diagnosis records. */
enum mx_xphase {
	MX_XPHASE_QUEUED,  /* its not-before time, a thread */
	MX_XPHASE_RESOLVE, /* the server's name */
	MX_XPHASE_CONNECT, /* TCP and TLS */
	MX_XPHASE_ANSWER,  /* sent, or being sent; nothing back yet */
	MX_XPHASE_PENDING, /* PROCESSING or PENDING has come */
	MX_XPHASE_BODY,    /* DONE has come */
};

const char *mx_xphase_name(enum mx_xphase p); /* "resolve", "PENDING" … */

struct mx_xreq {
	const char *type; /* X-RequestType: "Connect", "Execute" … */
	const void *body; /* may be NULL when body_len is 0 */
	size_t body_len;
	const char *request_id;   /* X-RequestId: "{GUID}:counter" */
	const char *client_info;  /* X-ClientInfo, or NULL */
	const char *cookies;      /* Cookie, as mx_cookies_text; NULL or "" */
	int64_t idle_ms;          /* 0: the channel's */
	int64_t overall_ms;       /* 0: the channel's */
	struct mx_cancel *cancel; /* or NULL */
	/* Called at every change of what is waited for, and again at each
	 * PENDING, on the thread that runs the exchange; must not block.  Never
	 * after the exchange completed.  May be NULL. */
	void (*phase)(void *arg, enum mx_xphase phase);
	void *phase_arg;
};

/* Why an exchange failed; beside it stands the errno that mx_exchange returns:
 * name, errno, fault.layer, what it means. */
enum mx_xwhy {
	MX_XWHY_OK,
	MX_XWHY_LOCAL, /* -ENOMEM, -EINVAL, -EBUSY, -ECHILD, -EMFILE … LOCAL */
	MX_XWHY_CREDS,    /* as mx_auth_header; LOCAL */
	MX_XWHY_CANCELED, /* -ECANCELED; LOCAL */
	MX_XWHY_RESOLVE, /* -EHOSTUNREACH; TRANSPORT: no such name, or no answer */
	MX_XWHY_CONNECT, /* -ECONNREFUSED, -EHOSTUNREACH, -ENETUNREACH …;
			   * TRANSPORT */
	MX_XWHY_TLS,  /* -EKEYREJECTED; TRANSPORT: handshake or certificate */
	MX_XWHY_IDLE, /* -ETIMEDOUT; TRANSPORT: no byte for idle_ms */
	MX_XWHY_OVERALL,  /* -ETIMEDOUT; TRANSPORT: no end within overall_ms */
	MX_XWHY_CUT,      /* -ECONNRESET; TRANSPORT: ended before its end */
	MX_XWHY_GARBAGE,  /* -EPROTO; MAPIHTTP or TRANSPORT: not the protocol */
	MX_XWHY_OVERSIZE, /* -EMSGSIZE; MAPIHTTP: larger than opts allow */
	MX_XWHY_HTTP,     /* status is not 200: 401 and 403 -EACCES, 429 and 503
			   * -EAGAIN, others -EREMOTEIO; HTTP, code = status */
	MX_XWHY_CODE,     /* X-ResponseCode is not 0: 6, 10, 13 (no such session
			   * context) -ESTALE, 8 and 11 -EACCES, 15 -EBUSY,
			   * others -EREMOTEIO; MAPIHTTP, code = X-ResponseCode */
};

const char *mx_xwhy_name(enum mx_xwhy why);

struct mx_xresp {
	enum mx_xwhy why;
	/* The request may have reached the server: false only when it is
	 * certain that it was never sent whole.  After a failure with false it
	 * may be sent again whatever it is. */
	bool maybe_sent;
	int http_status;        /* 0: no status line came */
	uint32_t response_code; /* X-ResponseCode; the one after DONE counts */
	bool have_response_code;
	struct mx_buf body; /* behind DONE and the additional headers */
	struct mx_cookies set_cookies; /* also of a failure that had headers */
	int64_t expiration_ms;         /* X-ExpirationInfo, -1: none */
	int64_t pending_period_ms;     /* X-PendingPeriod, -1: none */
	int64_t elapsed_ms;            /* X-ElapsedTime, -1: none */
	int64_t retry_after_ms;       /* Retry-After of 429 and 503, -1: none */
	unsigned n_pending;           /* PENDING tags seen */
	char server_app[64];          /* X-ServerApplication */
	uint64_t bytes_out, bytes_in; /* HTTP, headers included */
	uint64_t head_out, head_in;   /* of them, headers */
	int64_t took_ns;
	uint16_t local_port; /* 0: never connected */
	bool new_connection;
};

#define MX_XRESP_INIT                                                          \
	((struct mx_xresp){.expiration_ms = -1,                                \
			   .pending_period_ms = -1,                            \
			   .elapsed_ms = -1,                                   \
			   .retry_after_ms = -1})

void mx_xresp_fini(struct mx_xresp *r);
static inline void mx_xresp_auto(struct mx_xresp *r)
{
	mx_xresp_fini(r);
}

/* Runs one exchange on the calling thread.  0: status 200, X-ResponseCode 0 and
 * a whole body in ret->body.  Else a negative errno as in enum mx_xwhy, ret says
 * what is known all the same, and the fault has user, server, operation, code
 * and a sentence.  Ret must be MX_XRESP_INIT (or fini'd); the caller finis it in
 * every case.  Ends within the deadlines, or soon after the token fires.
 *
 * Never sends a request twice on its own: a kept connection that the server had
 * closed gives MX_XWHY_CUT with maybe_sent, and the caller decides.  (libcurl
 * checks a kept connection before it uses it; what remains is the race.)
 * -EBUSY when another exchange is in flight on this channel. */
int mx_exchange(struct mx_channel *ch, const struct mx_xreq *req,
		struct mx_xresp *ret, struct mx_fault *fault) MX_UNLOCKED;

#endif
