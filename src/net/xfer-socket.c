/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets: made close-on-exec and known to fork.c.
 *
 * A channel with a socket of its own gives it to libcurl as "connected already"
 * and takes it back when libcurl, which is told to keep nothing, closes it.  It
 * is good for another exchange only after a whole answer of a server that keeps
 * its side open, and is looked at before: one that is readable while nobody
 * asked anything is closed, or worse.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/fork.h"
#include "net/xfer.h"

static bool is_alive(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

/* The channel's; -1 when it has none that can be used. */
static int take_kept(struct mx_xfer *x)
{
	int fd = x->ch->fd;

	x->ch->fd = -1;
	if (fd < 0 || is_alive(fd))
		return fd;
	mx_net_fd_close(fd);
	return -1;
}

static curl_socket_t open_cb(void *arg, curlsocktype what,
			     struct curl_sockaddr *a)
{
	struct mx_xfer *x = arg; /* NULL: nothing is kept */
	int fd = x ? take_kept(x) : -1;

	(void)what;
	if (fd >= 0) {
		x->fd_is_kept = true;
		return fd;
	}
	fd = mx_net_socket(a->family, a->socktype, a->protocol);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && mx_idle_need())
		fd = mx_net_socket(a->family, a->socktype, a->protocol);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int sockopt_cb(void *arg, curl_socket_t fd, curlsocktype what)
{
	const struct mx_xfer *x = arg;

	(void)fd, (void)what;
	return x && x->fd_is_kept ? CURL_SOCKOPT_ALREADY_CONNECTED
				  : CURL_SOCKOPT_OK;
}

/* Without an argument it lives on in the connection when the easy handle is
 * gone.  With one, libcurl closes before the easy handle goes. */
static int close_cb(void *arg, curl_socket_t fd)
{
	struct mx_xfer *x = arg;

	/* Before a request was sent: an address that did not answer. */
	if (x && x->attempts && x->fd < 0)
		x->fd = fd;
	else
		mx_net_fd_close(fd);
	return 0;
}

void mx_xfer_socket_fixed(CURL *e)
{
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_cb);
	curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, sockopt_cb);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, close_cb);
}

void mx_xfer_socket_set(struct mx_xfer *x)
{
	struct mx_xfer *arg = x->ch->own_socket ? x : NULL;

	curl_easy_setopt(x->easy, CURLOPT_OPENSOCKETDATA, arg);
	curl_easy_setopt(x->easy, CURLOPT_SOCKOPTDATA, arg);
	curl_easy_setopt(x->easy, CURLOPT_CLOSESOCKETDATA, arg);
	curl_easy_setopt(x->easy, CURLOPT_FRESH_CONNECT, arg ? 1L : 0L);
	curl_easy_setopt(x->easy, CURLOPT_FORBID_REUSE, arg ? 1L : 0L);
}

void mx_xfer_socket_fini(struct mx_xfer *x)
{
	if (x->fd < 0)
		return;
	if (x->fd_is_good && x->ch->own_socket && x->ch->fd < 0)
		x->ch->fd = x->fd;
	else
		mx_net_fd_close(x->fd);
	x->fd = -1;
}
