/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* What libmicrohttpd calls: a request's headers, body and end; and its daemon. */
#include "server/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/log.h"
#include "server/ctx.h"
#include "server/throttle.h"

/* MHD's memory of one connection: headers and a piece of the body. */
#define CONNECTION_MEMORY (24u << 10)
#define MAX_CONNECTIONS 60000u
/* A connection without a request is kept this long.  It is the daemon's own
 * timeout: libmicrohttpd walks all connections that have another each time it
 * waits, so only new and busy ones do. */
#define KEEP_ALIVE_S 1200u

/* ---- From headers to a worker ---- */

static const char *header(struct mx_req *req, const char *name)
{
	const char *v =
		MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND, name);

	return v ? mx_arena_strdup(&req->arena, v) : NULL;
}

static const char *cookie(struct mx_req *req, const char *name)
{
	const char *v =
		MHD_lookup_connection_value(req->conn, MHD_COOKIE_KIND, name);

	return v ? mx_arena_strdup(&req->arena, v) : NULL;
}

static enum mx_path path_of(const char *url)
{
	static const char auto_path[] = "/autodiscover/autodiscover.xml";
	size_t n = strlen(url);

	while (n > 1 && url[n - 1] == '/')
		n--;
	if (n == 12 && !strncasecmp(url, "/mapi/emsmdb", n))
		return MX_PATH_EMSMDB;
	if (n == 10 && !strncasecmp(url, "/mapi/nspi", n))
		return MX_PATH_NSPI;
	if (n == sizeof(auto_path) - 1 && !strncasecmp(url, auto_path, n))
		return MX_PATH_AUTODISCOVER;
	return !strncasecmp(url, "/mapi/", 6) ? MX_PATH_OTHER_MAPI
					      : MX_PATH_OTHER;
}

static void read_connection(struct mx_req *req)
{
	const union MHD_ConnectionInfo *i;

	i = MHD_get_connection_info(req->conn,
				    MHD_CONNECTION_INFO_CONNECTION_FD);
	req->fd = i ? i->connect_fd : -1;
	i = MHD_get_connection_info(req->conn,
				    MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	req->connection = i ? (uint64_t)(uintptr_t)i->socket_context : 0;
}

static struct mx_req *req_new(struct mx_server *srv,
			      struct MHD_Connection *conn, const char *url,
			      const char *method)
{
	struct mx_req *req = mx_req_new(srv, conn);

	if (!req)
		return NULL;
	req->path = path_of(url);
	req->is_post = !strcmp(method, "POST");
	read_connection(req);
	req->url = mx_arena_strdup(&req->arena, url);
	req->authorization = header(req, "Authorization");
	req->type = header(req, "X-RequestType");
	req->request_id = header(req, "X-RequestId");
	req->client_info = header(req, "X-ClientInfo");
	req->content_type = header(req, "Content-Type");
	req->host = header(req, "Host");
	req->context_cookie = cookie(req, "MapiContext");
	req->sequence_cookie = cookie(req, "MapiSequence");
	return req;
}

static void run_verify(struct mx_job *job)
{
	struct mx_req *req = MX_CONTAINER_OF(job, struct mx_req, job);
	int r = mx_auth_verify(req->srv->auth, req->authorization, &req->who);

	if (r < 0 && r != -EACCES && r != -EBADMSG)
		mx_log(MX_LOG_ERROR, "server", "cannot verify a password: %s",
		       strerror(-r));
	mx_req_go_on(req);
}

static void run_work(struct mx_job *job)
{
	struct mx_req *req = MX_CONTAINER_OF(job, struct mx_req, job);

	if (req->path == MX_PATH_AUTODISCOVER)
		mx_autodiscover_run(req);
	else
		mx_mapihttp_run(req);
}

static enum MHD_Result shutting_down(struct mx_req *req)
{
	if (req->entered)
		mx_ctx_leave(req->ctx);
	req->entered = false;
	mx_throttle_leave(req);
	mx_req_fail(req, MX_CODE_SHUTTING_DOWN, "The server is stopping");
	return mx_reply_queue(req);
}

static void expect_more(struct MHD_Connection *conn,
			const struct mx_server *srv)
{
	MHD_set_connection_option(conn, MHD_CONNECTION_OPTION_TIMEOUT,
				  (srv->p.slow_ms + 999) / 1000);
}

/* With the headers: whom do we serve?  Suspends while a password is verified;
 * without one the body is not kept. */
static enum MHD_Result on_headers(struct mx_req *req)
{
	struct mx_auth *auth = req->srv->auth;
	const char *v = MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND,
						    "Content-Length");

	expect_more(req->conn, req->srv);
	if (v && strtoull(v, NULL, 10) > req->srv->p.max_body)
		req->too_large = true;
	req->has_body = (v && strcmp(v, "0")) ||
			MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND,
						    "Transfer-Encoding");
	if (!req->authorization)
		return MHD_YES;
	req->who = mx_auth_cached(auth, req->authorization);
	if (req->who)
		return MHD_YES;
	/* MHD calls once more for the headers when it goes on. */
	req->verifying = req->has_body;
	if (!mx_req_submit(req, MX_JOB_AUTH, run_verify))
		return shutting_down(req);
	return MHD_YES;
}

static void on_body(struct mx_req *req, const char *data, size_t n)
{
	req->n_in += n;
	if (!req->who || req->too_large)
		return;
	if (req->body.len + n > req->srv->p.max_body) {
		req->too_large = true;
		mx_buf_fini(&req->body);
		return;
	}
	mx_buf_put(&req->body, data, n);
}

/* The whole request is here. */
static enum MHD_Result on_request(struct mx_req *req)
{
	if (req->srv->stopping)
		return shutting_down(req);
	if (req->path == MX_PATH_OTHER) {
		req->reply.status = 404;
		mx_req_fail(req, MX_CODE_INVALID_PATH, "No such path");
		return mx_reply_queue(req);
	}
	if (!req->who)
		return mx_reply_unauthorized(req, req->authorization != NULL);
	if (req->body.err) {
		req->reply.status = 500;
		mx_req_fail(req, MX_CODE_UNKNOWN_FAILURE, "Out of memory");
		return mx_reply_queue(req);
	}
	if (!mx_throttle_admit(req))
		return mx_reply_queue(req);
	req->submitted = true;
	if (mx_mapihttp_light(req)) {
		mx_throttle_leave(req);
		req->finished = true; /* nobody else knows it yet */
		return mx_reply_queue(req);
	}
	if (mx_req_submit(req, MX_JOB_WORK, run_work))
		return MHD_YES;
	return shutting_down(req);
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *conn,
				 const char *url, const char *method,
				 const char *version, const char *data,
				 size_t *n_data, void **state)
{
	struct mx_req *req = *state;

	if (!req) {
		req = req_new(arg, conn, url, method);
		if (!req)
			return MHD_NO;
		*state = req;
		mx_mutex_lock(&req->srv->reqs_lock);
		req->srv->n_reqs++;
		mx_mutex_unlock(&req->srv->reqs_lock);
		return on_headers(req);
	}
	if (*n_data) {
		on_body(req, data, *n_data);
		*n_data = 0;
		return MHD_YES;
	}
	if (req->verifying) {
		req->verifying = false;
		return MHD_YES;
	}
	if (!req->submitted)
		return on_request(req);
	return mx_req_ready(req) ? mx_reply_queue(req) : MHD_YES;
}

/* ---- The end ---- */

static void read_peer(struct MHD_Connection *conn, char text[INET6_ADDRSTRLEN],
		      uint16_t *ret_port)
{
	const union MHD_ConnectionInfo *i = MHD_get_connection_info(
		conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (i && i->client_addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)i->client_addr;

		inet_ntop(AF_INET, &in->sin_addr, text, INET6_ADDRSTRLEN);
		*ret_port = ntohs(in->sin_port);
	} else if (i && i->client_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)i->client_addr;

		inet_ntop(AF_INET6, &in->sin6_addr, text, INET6_ADDRSTRLEN);
		*ret_port = ntohs(in->sin6_port);
	}
}

/* A request that its client left is still a worker's: its answer and context
 * are not ours to look at. */
static void report(struct mx_req *req, struct MHD_Connection *conn,
		   bool settled, bool complete)
{
	struct mx_ctx *ctx = settled ? req->ctx : NULL;
	char peer[INET6_ADDRSTRLEN] = "-";
	struct mx_access a = {
		.peer = peer,
		.user = req->who ? req->who->name : "-",
		.type = req->type  ? req->type
			: req->url ? req->url
				   : "-",
		.request_id = req->request_id ? req->request_id : "-",
		.status = settled ? req->reply.status : 200,
		.code = settled ? req->reply.code : -1,
		.error = settled ? req->reply.error : 0,
		.context = ctx ? ctx->serial : 0,
		.owner = ctx ? ctx->owner->id : 0,
		.connection = req->connection,
		.n_in = req->n_in,
		.n_out = req->n_out,
		.backoff_ms = req->backoff_ms,
		.us = (mx_mono_now().ns - req->start.ns) / 1000,
		.complete = complete,
	};

	read_peer(conn, peer, &a.peer_port);
	mx_access_write(req->srv, &a);
}

static void on_completed(void *arg, struct MHD_Connection *conn, void **state,
			 enum MHD_RequestTerminationCode code)
{
	struct mx_req *req = *state;
	struct mx_server *srv = arg;
	bool complete = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
	bool settled;

	if (!req)
		return;
	*state = NULL;
	settled = mx_req_gone(req, complete);
	MHD_set_connection_option(conn, MHD_CONNECTION_OPTION_TIMEOUT,
				  KEEP_ALIVE_S);
	atomic_fetch_add(&srv->n_requests, 1);
	if (mx_access_wanted(srv))
		report(req, conn, settled, complete);
	mx_req_unref(req);
	mx_mutex_lock(&srv->reqs_lock);
	if (--srv->n_reqs == 0)
		mx_cond_broadcast(&srv->reqs_idle);
	mx_mutex_unlock(&srv->reqs_lock);
}

/* Who comes while we stop is let go at once.  MHD_quiesce_daemon() is not used:
 * it and its threads take the listening socket out of their sets both, and the
 * second to do so ends the process (0.9.75). */
static enum MHD_Result may_connect(void *arg, const struct sockaddr *from,
				   socklen_t len)
{
	struct mx_server *srv = arg;

	(void)from, (void)len;
	return srv->stopping ? MHD_NO : MHD_YES;
}

static void on_connection(void *arg, struct MHD_Connection *conn,
			  void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct mx_server *srv = arg;

	if (code != MHD_CONNECTION_NOTIFY_STARTED)
		return;
	expect_more(conn, srv);
	*socket_context =
		(void *)(uintptr_t)(atomic_fetch_add(&srv->n_connections, 1) +
				    1);
}

static void on_log(void *arg, const char *fmt, va_list ap)
{
	char line[512];
	size_t n;

	vsnprintf(line, sizeof(line), fmt, ap);
	for (n = strlen(line); n && line[n - 1] == '\n';)
		line[--n] = '\0';
	mx_log(MX_LOG_WARN, "http", "%s", line);
}

/* What the file limit leaves after mailboxes and ourselves. */
static unsigned connection_limit(const struct mx_server *srv)
{
	struct rlimit rl;
	rlim_t n = 1024;

	if (srv->p.max_connections)
		return srv->p.max_connections;
	if (getrlimit(RLIMIT_NOFILE, &rl) == 0)
		n = rl.rlim_cur;
	n = n > 400 ? n - n / 4 : n / 2 + 16;
	return n > MAX_CONNECTIONS ? MAX_CONNECTIONS : (unsigned)n;
}

int mx_http_start(struct mx_server *srv, int fd, struct mx_fault *f)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD |
			 MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
	struct MHD_OptionItem tls[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, srv->cert},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, srv->key},
		{MHD_OPTION_END, 0, NULL},
	};

	if (srv->cert)
		flags |= MHD_USE_TLS;
	else
		tls[0].option = MHD_OPTION_END;
	srv->mhd = MHD_start_daemon(
		flags, 0, may_connect, srv, on_access, srv,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, srv,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, srv, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
		srv, MHD_OPTION_THREAD_POOL_SIZE, 2u,
		MHD_OPTION_CONNECTION_LIMIT, connection_limit(srv),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_CONNECTION_TIMEOUT, KEEP_ALIVE_S, MHD_OPTION_ARRAY,
		tls, MHD_OPTION_END);
	if (srv->mhd)
		return 0;
	return mx_fault_set(f, MX_LAYER_LOCAL, 0,
			    srv->cert ? -EKEYREJECTED : -ENOMEM,
			    srv->cert ? "cannot start the HTTPS server: "
					"certificate or key refused"
				      : "cannot start the HTTP server");
}
