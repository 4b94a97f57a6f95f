/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor under a round trip: the same two libraries and nothing of ours.  A
 * libmicrohttpd server in a process of its own (epoll, one thread) answers any
 * POST with a fixed body; one libcurl handle keeps its connection.  Where
 * headers are to have a size, one line "X-Filler" makes up what is missing:
 * their number is not part of it.
 */
#include <curl/curl.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/bench.h"
#include "cli/cli.h"

#define FILLER "X-Filler"
/* Its line without the value: colon, blank, line end. */
#define FILLER_SIZE (sizeof(FILLER) - 1 + 4)

#define BENCH_FLOOR_CONNS 20000u

struct bench_floor {
	pid_t pid;
	uint16_t port;
	CURL *curl;
	struct curl_slist *headers;
	char *body;
	size_t n_req, got;
	size_t out, in;
};

static enum MHD_Result answer(void *cls, struct MHD_Connection *conn,
			      const char *url, const char *method,
			      const char *version, const char *data, size_t *n,
			      void **state)
{
	struct MHD_Response *res;
	enum MHD_Result r;

	(void)url, (void)method, (void)version, (void)data;
	if (!*state) {
		*state = cls;
		return MHD_YES;
	}
	if (*n) {
		*n = 0;
		return MHD_YES;
	}
	res = cls;
	r = MHD_queue_response(conn, MHD_HTTP_OK, res);
	return r;
}

/* A header's value of n bytes; NULL for none.  Leaked where it is used. */
static char *filler(size_t n)
{
	char *s = n ? malloc(n + 1) : NULL;

	if (s) {
		memset(s, 'x', n);
		s[n] = '\0';
	}
	return s;
}

static void serve(int out, size_t n_res, size_t n_filler)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_addr = {htonl(INADDR_LOOPBACK)}};
	char *body = calloc(1, n_res ? n_res : 1);
	struct MHD_Response *res = MHD_create_response_from_buffer(
		n_res, body, MHD_RESPMEM_PERSISTENT);
	const union MHD_DaemonInfo *info;
	struct MHD_Daemon *daemon;

	MHD_add_response_header(res, "Content-Type", "application/mapi-http");
	if (n_filler)
		MHD_add_response_header(res, FILLER, filler(n_filler));
	daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL,
				  answer, res, MHD_OPTION_SOCK_ADDR, &at,
				  MHD_OPTION_CONNECTION_LIMIT,
				  BENCH_FLOOR_CONNS, MHD_OPTION_END);
	info = daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)
		      : NULL;
	if (!info || write(out, &info->port, sizeof(info->port)) !=
			     (ssize_t)sizeof(info->port))
		_exit(1);
	for (;;)
		pause();
}

static int start(struct bench_floor *f, size_t n_res, size_t n_filler,
		 uint16_t *ret_port)
{
	pid_t parent = getpid();
	ssize_t n;
	int fds[2];

	if (pipe(fds))
		return -errno;
	f->pid = fork();
	if (f->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		close(fds[0]);
		serve(fds[1], n_res, n_filler);
	}
	close(fds[1]);
	n = f->pid < 0 ? -1 : read(fds[0], ret_port, sizeof(*ret_port));
	close(fds[0]);
	return n == sizeof(*ret_port) ? 0 : -ECHILD;
}

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	struct bench_floor *f = arg;

	(void)p;
	f->got += size * n;
	return size * n;
}

static bool add_filler(struct bench_floor *f, size_t n)
{
	char *value = filler(n), *line = NULL;
	struct curl_slist *l = NULL;

	if (!n)
		return true;
	if (value && asprintf(&line, FILLER ": %s", value) > 0)
		l = curl_slist_append(f->headers, line);
	f->headers = l ? l : f->headers;
	free(line);
	free(value);
	return l != NULL;
}

static bool open_client(struct bench_floor *f, uint16_t port, size_t n_filler)
{
	char url[64];

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	f->body = calloc(1, f->n_req ? f->n_req : 1);
	f->curl = curl_easy_init();
	f->headers =
		curl_slist_append(NULL, "Content-Type: application/mapi-http");
	if (!f->body || !f->curl || !f->headers || !add_filler(f, n_filler))
		return false;
	curl_easy_setopt(f->curl, CURLOPT_URL, url);
	curl_easy_setopt(f->curl, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(f->curl, CURLOPT_POSTFIELDS, f->body);
	curl_easy_setopt(f->curl, CURLOPT_POSTFIELDSIZE, (long)f->n_req);
	curl_easy_setopt(f->curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(f->curl, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(f->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(f->curl, CURLOPT_NOSIGNAL, 1L);
	return true;
}

static struct bench_floor *open_filled(size_t n_req, size_t n_res,
				       size_t fill_out, size_t fill_in)
{
	struct bench_floor *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->n_req = n_req;
	if (!start(f, n_res, fill_in, &f->port) &&
	    open_client(f, f->port, fill_out))
		return f;
	mx_cli_fail("bench", "the bare HTTP server did not start");
	bench_floor_close(f);
	return NULL;
}

struct bench_floor *bench_floor_open(size_t n_req, size_t n_res)
{
	return open_filled(n_req, n_res, 0, 0);
}

/* What fills n bytes of headers up to want. */
static size_t missing(size_t n, size_t want)
{
	return want > n + FILLER_SIZE ? want - n - FILLER_SIZE : 0;
}

struct bench_floor *bench_floor_open_as(const struct bench_sizes *s)
{
	struct bench_floor *f = bench_floor_open(s->body_out, s->body_in);
	size_t out, in;

	/* Its own headers are known after an exchange. */
	if (!f || bench_floor_exchange(f)) {
		bench_floor_close(f);
		return NULL;
	}
	bench_floor_bytes(f, &out, &in);
	bench_floor_close(f);
	return open_filled(s->body_out, s->body_in,
			   missing(out - s->body_out, s->head_out),
			   missing(in - s->body_in, s->head_in));
}

void bench_floor_close(struct bench_floor *f)
{
	if (!f)
		return;
	if (f->pid > 0) {
		kill(f->pid, SIGKILL);
		waitpid(f->pid, NULL, 0);
	}
	curl_easy_cleanup(f->curl);
	curl_slist_free_all(f->headers);
	free(f->body);
	free(f);
}

int bench_floor_exchange(struct bench_floor *f)
{
	long head_out = 0, head_in = 0;
	CURLcode r = curl_easy_perform(f->curl);

	if (r != CURLE_OK) {
		mx_cli_fail("bench", "bare exchange: %s",
			    curl_easy_strerror(r));
		return -1;
	}
	curl_easy_getinfo(f->curl, CURLINFO_REQUEST_SIZE, &head_out);
	curl_easy_getinfo(f->curl, CURLINFO_HEADER_SIZE, &head_in);
	/* libcurl counts a small body with the headers it left with. */
	f->out = (size_t)head_out;
	if (f->out < f->n_req)
		f->out += f->n_req;
	f->in = (size_t)head_in + f->got;
	f->got = 0;
	return 0;
}

int bench_floor_user(struct bench_floor *f, unsigned n)
{
	CURL *e = curl_easy_duphandle(f->curl);
	CURLcode r = e ? CURLE_OK : CURLE_OUT_OF_MEMORY;

	for (unsigned i = 0; r == CURLE_OK && i < n; i++)
		r = curl_easy_perform(e);
	curl_easy_cleanup(e);
	f->got = 0;
	if (r == CURLE_OK)
		return 0;
	mx_cli_fail("bench", "bare exchange: %s", curl_easy_strerror(r));
	return -1;
}

void bench_floor_bytes(const struct bench_floor *f, size_t *ret_out,
		       size_t *ret_in)
{
	*ret_out = f->out;
	*ret_in = f->in;
}

void *bench_floor_handle(struct bench_floor *f)
{
	return curl_easy_duphandle(f->curl);
}

uint16_t bench_floor_port(const struct bench_floor *f)
{
	return f->port;
}
