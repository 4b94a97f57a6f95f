/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets: made close-on-exec and known to fork.c.  The callbacks take no
 * argument of ours: they live on in the connection when the easy handle is gone.
 *
 * libcurl has a way to take a socket that is connected already, with which
 * thrifty channels could do without a share and keep their connection; 7.88
 * calls connect() on it all the same, which succeeds only the first time.
 */
#include <errno.h>
#include <sys/socket.h>

#include "net/fork.h"
#include "net/xfer.h"

static curl_socket_t open_cb(void *arg, curlsocktype what,
			     struct curl_sockaddr *a)
{
	int fd = mx_net_socket(a->family, a->socktype, a->protocol);

	(void)arg, (void)what;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && mx_idle_need())
		fd = mx_net_socket(a->family, a->socktype, a->protocol);
	return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static int close_cb(void *arg, curl_socket_t fd)
{
	(void)arg;
	mx_net_fd_close(fd);
	return 0;
}

void mx_xfer_socket_fixed(CURL *e)
{
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_cb);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, close_cb);
}

/* A multi handle keeps connections too, and finds them again for anybody. */
void mx_xfer_socket_set(struct mx_xfer *x)
{
	curl_easy_setopt(x->easy, CURLOPT_FRESH_CONNECT, x->ch->lone ? 1L : 0L);
	curl_easy_setopt(x->easy, CURLOPT_FORBID_REUSE, x->ch->lone ? 1L : 0L);
}
