/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One HTTP request on its way through the server.
 *
 *   headers ─► (password to verify: suspended) ─► body ─┬► worker: suspended
 *                      light ROPs: answered at once ◄────┘   │
 *                                                            │ finish
 *      short answer: one response with Content-Length  ◄─────┤
 *      grace passed, or NotificationWait:                    │
 *      chunks PROCESSING, PENDING … DONE + body  ◄───────────┘
 *
 * The MHD thread owns the connection; a worker owns everything that is not said
 * otherwise from mx_req_submit until mx_req_finish.  Two references: MHD's,
 * until the connection is done with the request, and the worker's.
 */
#ifndef MX_SERVER_HTTP_H
#define MX_SERVER_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "server/server-private.h"

struct mx_ctx;

enum mx_path {
	MX_PATH_EMSMDB,
	MX_PATH_NSPI,
	MX_PATH_AUTODISCOVER,
	MX_PATH_OTHER_MAPI, /* below /mapi/ */
	MX_PATH_OTHER,
};

/* X-ResponseCode.  [MS-OXCMAPIHTTP] 2.2.3.3.3 */
enum mx_code {
	MX_CODE_SUCCESS = 0,
	MX_CODE_UNKNOWN_FAILURE = 1,
	MX_CODE_INVALID_VERB = 2,
	MX_CODE_INVALID_PATH = 3,
	MX_CODE_INVALID_HEADER = 4,
	MX_CODE_INVALID_REQUEST_TYPE = 5,
	MX_CODE_INVALID_COOKIE = 6,
	MX_CODE_MISSING_HEADER = 7,
	MX_CODE_ANONYMOUS = 8,
	MX_CODE_TOO_LARGE = 9,
	MX_CODE_CONTEXT_NOT_FOUND = 10,
	MX_CODE_NO_PRIVILEGE = 11,
	MX_CODE_INVALID_BODY = 12,
	MX_CODE_MISSING_COOKIE = 13,
	MX_CODE_INVALID_SEQUENCE = 15,
	MX_CODE_DISABLED = 16,
	MX_CODE_INVALID_RESPONSE = 17,
	MX_CODE_SHUTTING_DOWN = 18,
};

/* What the worker decided; written before mx_req_finish, read after it. */
struct mx_reply {
	unsigned status;        /* HTTP */
	int code;               /* X-ResponseCode; -1: not a MAPI answer */
	char text[160];         /* for people, when code is not 0 */
	struct mx_buf body;     /* when it is */
	uint32_t error;         /* ErrorCode in it, for the log */
	const char *mime;       /* of a body that is not MAPI; static */
	bool cookies;           /* show those of ctx */
	uint64_t sequence;      /* the value of the sequence cookie */
	int64_t retry_after_ms; /* Retry-After, when not 0 */
};

struct mx_req {
	struct mx_server *srv;
	struct MHD_Connection *conn;
	_Atomic unsigned refs;
	struct mx_arena arena;
	struct mx_job job;
	struct mx_timer timer; /* grace, PENDING, end of the wait */
	mx_mono start;
	int64_t start_unix;
	uint64_t connection; /* number of the TCP connection */
	int fd;              /* of it */

	/* Of the MHD thread until submitted. */
	enum mx_path path;
	bool is_post, has_body, verifying, submitted;
	struct mx_buf body;
	bool too_large;

	/* Headers, in the arena; NULL when missing. */
	const char *url, *authorization, *type, *request_id, *client_info;
	const char *content_type, *host, *context_cookie, *sequence_cookie;

	struct mx_ident *who; /* NULL: nobody yet */
	struct mx_ctx *ctx;   /* a reference */
	bool entered;         /* it is the one request in ctx */
	bool admitted;        /* counted by throttle.c */
	unsigned backoff_ms;  /* to be answered with RopBackoff; 0: not */
	mx_mono wait_until;   /* of a parked NotificationWait */
	struct mx_reply reply;

	struct mx_mutex lock;
	bool suspended, gone;
	bool finished;     /* reply is there */
	bool streaming;    /* the answer goes out in chunks */
	bool is_wait;      /* mx_wait_expire when wait_until passes */
	unsigned pendings; /* to be sent */

	/* The chunks, of the MHD thread. */
	struct mx_buf chunk;
	size_t chunk_pos;
	bool began, ended;
	size_t n_in, n_out;
};

/* ---- req.c ---- */

/* For a connection's next request, before its headers are read; NULL: no memory.
 * The reference is MHD's. */
struct mx_req *mx_req_new(struct mx_server *srv, struct MHD_Connection *conn);
struct mx_req *mx_req_ref(struct mx_req *req);
void mx_req_unref(struct mx_req *req);

/* Sets an X-ResponseCode other than 0 with a sentence for people. */
void mx_req_fail(struct mx_req *req, enum mx_code code, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* MHD's thread: suspends the connection and has a worker run fn, which ends in
 * mx_req_go_on or, as work, in mx_req_finish.  False when the server stops. */
bool mx_req_submit(struct mx_req *req, enum mx_job_kind kind,
		   void (*fn)(struct mx_job *));
/* The worker's: MHD goes on with the request, whose answer it does not bring. */
void mx_req_go_on(struct mx_req *req);
/* MHD's thread: is there something to answer?  Suspends the connection if not. */
bool mx_req_ready(struct mx_req *req);
/* MHD's thread: the connection is done with the request; complete: its answer was
 * sent to the end.  False when it is still a worker's. */
bool mx_req_gone(struct mx_req *req, bool complete);

/* The reply is complete; hands the request back to its connection, and the
 * worker's reference with it.  Exactly once a request; any thread. */
void mx_req_finish(struct mx_req *req);

/* The answer will take long: starts it in chunks.  Any thread that has a
 * reference, before mx_req_finish. */
void mx_req_stream(struct mx_req *req);

/* True when the client closed the connection (a look, not a promise). */
bool mx_req_is_dead(struct mx_req *req);

/* Reads the chunks of a streaming request, as MHD's content reader. */
ssize_t mx_req_read(void *arg, uint64_t pos, char *buf, size_t max);

/* ---- mapihttp.c, autodiscover.c, reply.c, http.c ---- */

/* The worker's side: authenticated and with its whole body.  mapihttp.c,
 * autodiscover.c.  Ends in mx_req_finish, now or later. */
void mx_mapihttp_run(struct mx_req *req);
/* The same on the HTTP thread, for what is answered in microseconds and without
 * waiting for anyone (mx_execute_light).  True: the reply is there; false: it is
 * for a worker, who goes on where this stopped. */
bool mx_mapihttp_light(struct mx_req *req);
void mx_autodiscover_run(struct mx_req *req);

/* reply.c: queues the response of a finished or streaming request. */
enum MHD_Result mx_reply_queue(struct mx_req *req);
/* The same for what is refused before a worker saw it. */
enum MHD_Result mx_reply_unauthorized(struct mx_req *req, bool tried);
/* Appends the end of a chunked answer: DONE, additional headers, body. */
void mx_reply_tail(struct mx_req *req, struct mx_buf *out);
const char *mx_code_name(int code);

/* The daemon on a listening socket, which it takes over. */
int mx_http_start(struct mx_server *srv, int fd, struct mx_fault *f);

#endif
