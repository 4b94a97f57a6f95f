/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* The listening socket, and certificate and key for TLS. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/buf.h"
#include "server/server-private.h"

struct address {
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
	socklen_t len;
	bool loopback;
};

static int parse(const char *text, uint16_t port, struct address *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, text, &ret->in.sin_addr) == 1) {
		ret->in.sin_family = AF_INET;
		ret->in.sin_port = htons(port);
		ret->len = sizeof(ret->in);
		ret->loopback = ntohl(ret->in.sin_addr.s_addr) >> 24 == 127;
		return 0;
	}
	if (inet_pton(AF_INET6, text, &ret->in6.sin6_addr) == 1) {
		ret->in6.sin6_family = AF_INET6;
		ret->in6.sin6_port = htons(port);
		ret->len = sizeof(ret->in6);
		ret->loopback = IN6_IS_ADDR_LOOPBACK(&ret->in6.sin6_addr);
		return 0;
	}
	return -EINVAL;
}

static int bound_port(int fd, uint16_t *ret)
{
	struct address a = {.len = sizeof(a.in6)};

	if (getsockname(fd, &a.sa, &a.len) < 0)
		return -errno;
	*ret = ntohs(a.sa.sa_family == AF_INET ? a.in.sin_port
					       : a.in6.sin6_port);
	return 0;
}

static int fail(struct mx_fault *f, int err, const char *what,
		const struct mx_server *srv)
{
	return mx_fault_set(f, MX_LAYER_LOCAL, 0, -err,
			    "cannot %s %s port %u: %s", what, srv->p.address,
			    srv->p.port,
			    err == EADDRINUSE ? "another program has the port"
					      : strerror(err));
}

int mx_listen(struct mx_server *srv, struct mx_fault *f, int *ret_fd)
{
	MX_AUTO(mx_close_auto) int fd = -1;
	struct address a;
	int on = 1, r;

	if (parse(srv->p.address, srv->p.port, &a) < 0)
		return mx_fault_set(f, MX_LAYER_LOCAL, 0, -EINVAL,
				    "'%s' is no IP address", srv->p.address);
	if (!a.loopback && !srv->cert)
		return mx_fault_set(
			f, MX_LAYER_LOCAL, 0, -EACCES,
			"%s is not a loopback address: passwords would cross "
			"the network in clear; give a certificate and a key",
			srv->p.address);
	fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	if (fd < 0)
		return fail(f, errno, "make a socket for", srv);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &a.sa, a.len) < 0)
		return fail(f, errno, "bind to", srv);
	if (listen(fd, 1024) < 0)
		return fail(f, errno, "listen on", srv);
	r = bound_port(fd, &srv->port);
	if (r < 0)
		return fail(f, -r, "ask the port of", srv);
	snprintf(srv->url, sizeof(srv->url),
		 a.sa.sa_family == AF_INET ? "%s://%s:%u" : "%s://[%s]:%u",
		 srv->cert ? "https" : "http", srv->p.address, srv->port);
	*ret_fd = MX_STEAL_FD(fd);
	return 0;
}

/* A whole small file as a string. */
static int slurp(const char *path, char **ret)
{
	MX_AUTO(mx_buf_auto) struct mx_buf b = {.max = 1u << 20};
	FILE *in = fopen(path, "re");
	char buf[4096];
	size_t n;
	int err = 0;

	if (!in)
		return -errno;
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		mx_buf_put(&b, buf, n);
	if (ferror(in))
		err = -EIO;
	fclose(in);
	if (!err && b.err)
		err = b.err;
	if (!err) {
		*ret = strdup(mx_buf_str(&b));
		err = *ret ? 0 : -ENOMEM;
	}
	return err;
}

int mx_tls_load(struct mx_server *srv, struct mx_fault *f)
{
	const char *cert = srv->p.tls_cert, *key = srv->p.tls_key;
	int r;

	if (!cert && !key)
		return 0;
	if (!cert || !key)
		return mx_fault_set(f, MX_LAYER_LOCAL, 0, -EINVAL,
				    "TLS needs a certificate and a key");
	r = slurp(cert, &srv->cert);
	if (r < 0)
		return mx_fault_set(f, MX_LAYER_LOCAL, 0, r,
				    "cannot read the certificate %s: %s", cert,
				    strerror(-r));
	r = slurp(key, &srv->key);
	if (r < 0)
		return mx_fault_set(f, MX_LAYER_LOCAL, 0, r,
				    "cannot read the key %s: %s", key,
				    strerror(-r));
	return 0;
}
