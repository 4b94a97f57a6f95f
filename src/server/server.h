/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded MAPI over HTTP server: a real server on a real socket, used by
 * `mapiary serve`, by tests and benches inside their own process, and in labs
 * and small archives.
 *
 *	struct mx_server_params p = {.dir = "/var/lib/mapiary"};
 *	struct mx_server *srv;
 *	struct mx_fault f = MX_FAULT_INIT;
 *
 *	if (mx_server_start(&p, &f, &srv) < 0)
 *		… f.text says why
 *	mx_dir_add(mx_server_store(srv), &(struct mx_user){.name = "ann"},
 *		   "secret", &arena, NULL);
 *	… POST to mx_server_url(srv), e.g. http://127.0.0.1:34567, paths
 *	  /mapi/emsmdb and /autodiscover/autodiscover.xml, Basic ann:secret
 *	mx_server_stop(srv);
 *
 *      sockets            workers               timers
 *   MHD threads, epoll ─► pool: auth, ROPs ─►  PENDING, idle contexts
 *        ▲    park/resume      │ SQL               │
 *        └─────────────────────┴───────────────────┘
 *
 * Nothing here blocks: start returns when the port listens, everything then
 * happens on the server's own threads, whose number does not grow with users.
 * Starting, stopping and the questions below: any thread, one at a time.
 */
#ifndef MX_SERVER_SERVER_H
#define MX_SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fault.h"

struct mx_server;
struct mx_store;

/* One finished HTTP request, for logs and tests.  Strings are borrowed for the
 * call and never NULL ("-" stands for what is not known). */
struct mx_access {
	const char *peer;       /* the client's IP address */
	uint16_t peer_port;     /* with it: the TCP connection */
	const char *user;       /* the authenticated login name */
	const char *type;       /* X-RequestType, or the path of other URLs */
	const char *request_id; /* X-RequestId */
	unsigned status;        /* HTTP status */
	int code;            /* X-ResponseCode, the last one sent; -1: none */
	uint32_t error;      /* ErrorCode of the body, 0 when none */
	uint64_t context;    /* number of the session context, 0: none */
	uint64_t owner;      /* directory id of that context's owner */
	uint64_t connection; /* number of the TCP connection, from 1 */
	size_t n_in, n_out;  /* bytes of the bodies */
	unsigned backoff_ms; /* answered with RopBackoff; 0: not */
	int64_t us;          /* from request to answer */
	bool complete;       /* the answer was sent to its end */
};

/* Called when a request ends; any server thread, several at once. */
typedef void mx_access_fn(void *arg, const struct mx_access *a);

/* Zero or NULL means the default. */
struct mx_server_params {
	const char *dir;     /* of the store; made when missing.  Needed */
	const char *address; /* IP to listen on; default 127.0.0.1.  Others than
			      * loopback need TLS */
	uint16_t port;       /* 0: a free one */
	const char *tls_cert, *tls_key; /* PEM files, both or none */
	const char *public_url; /* what Autodiscover tells; default: as asked */
	const char *access_log; /* file to append lines to
				 * (doc/formats/access-log.md) */
	mx_access_fn *on_access;
	void *access_arg;

	unsigned n_workers;       /* threads for requests; default cores + 4 */
	unsigned max_connections; /* TCP; default what the file limit allows */
	unsigned max_contexts;    /* session contexts per user; 32 */
	unsigned max_logons;      /* logons per context; 255 */
	/* Server objects per context: all together, with logons and
	 * subscriptions, and of a kind. */
	unsigned max_objects;     /* 2000 */
	unsigned max_folders;     /* 500 */
	unsigned max_messages;    /* 250; embedded ones too */
	unsigned max_attachments; /* 500 */
	unsigned max_tables;      /* 500 */
	unsigned max_streams;     /* 250 */
	/* Connects and Executes (server/throttle.h); default no limit. */
	unsigned max_rate;    /* of a user a second: then 429 */
	unsigned max_active;  /* of a user at once: then RopBackoff */
	unsigned max_running; /* of all users at once: then 503 */
	size_t max_body;      /* bytes of one request; 1 MiB */
	unsigned max_open;    /* open mailboxes; the store's default */
	unsigned hash_cost;   /* of new passwords; as the store has it */

	unsigned idle_ms;    /* a context's life without requests; 900000 */
	unsigned pending_ms; /* X-PendingPeriod; 30000 */
	unsigned wait_ms;    /* longest NotificationWait; 300000 */
	unsigned grace_ms;   /* an answer that takes longer starts with a chunk
			      * "PROCESSING"; 500 */
	unsigned auth_ms;    /* a verified Authorization header is kept, unless
			    * the password changes; 900000 */
	unsigned slow_ms;    /* a client that stops sending; 60000 */
	unsigned retry_ms;   /* until what could not be delivered is offered
			    * again, then twice that …; 20000 */

	const char *vfs; /* tests: SQLite VFS of the store */
};

/*
 * Opens the store and listens.  p is copied.  On failure *f (may be NULL) says
 * in a sentence what is wrong: -EADDRINUSE the port is taken; -EACCES a
 * non-loopback address without TLS, or a port below 1024; -EINVAL parameters;
 * -EBUSY another process has the store; -EUCLEAN its users.db is damaged;
 * -ENOSPC; -EKEYREJECTED certificate or key; -ENOMEM.
 * 0 with *ret to be stopped.
 */
int mx_server_start(const struct mx_server_params *p, struct mx_fault *f,
		    struct mx_server **ret);

/*
 * Stops: no new requests (X-ResponseCode 18), parked waits end at once, running
 * requests finish, connections and store are closed.  Returns when all threads
 * are gone; NULL is fine.
 */
void mx_server_stop(struct mx_server *srv);
void mx_server_stop_auto(struct mx_server **srv);

/* The port that it listens on, host order. */
uint16_t mx_server_port(const struct mx_server *srv);

/* "http://127.0.0.1:34567", without a path; lives as long as srv. */
const char *mx_server_url(const struct mx_server *srv);

/* The store under it, for users and grants (store/dir.h); borrowed. */
struct mx_store *mx_server_store(struct mx_server *srv);

/* How a request is refused for now. */
enum mx_refusal {
	MX_REFUSE_429,     /* HTTP, with Retry-After */
	MX_REFUSE_503,     /* likewise */
	MX_REFUSE_BACKOFF, /* RopBackoff: Executes only */
};

/* Refuses what the user (mx_user.id) asks for, Connect and Execute, for so long;
 * 0 ends it.  Any thread. */
void mx_server_throttle(struct mx_server *srv, uint32_t user,
			enum mx_refusal how, unsigned ms);

struct mx_server_stats {
	uint64_t requests;    /* HTTP requests answered so far */
	uint64_t connections; /* TCP connections so far */
	uint64_t hashes;      /* passwords hashed so far */
	unsigned contexts;    /* session contexts now */
	unsigned parked;      /* NotificationWaits held open now */
	unsigned objects;     /* server objects now, of all contexts */
};
void mx_server_stats(struct mx_server *srv, struct mx_server_stats *ret);

#endif
