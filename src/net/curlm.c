/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/curlm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/fork.h"

/* An unusual number: pairs of other threads hold another. */
#define WAKES 7
/* New descriptors are the lowest free ones, so the pair is near. */
#define NEAR 64

/* Bytes that can be read from it; a pipe says so at both ends. */
static int readable(int fd)
{
	int n = -1;

	return ioctl(fd, FIONREAD, &n) ? -1 : n;
}

/* Bytes that its other end has not read: sockets only. */
static int unread(int fd)
{
	int n = -1;

	return ioctl(fd, SIOCOUTQ, &n) ? -1 : n;
}

/* A pipe, or a socket that leads to this machine only. */
static bool is_local(int fd)
{
	int family = AF_UNIX;
	socklen_t n = sizeof(family);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &n);
	return family == AF_UNIX;
}

static bool is_source(int fd)
{
	return readable(fd) == WAKES && is_local(fd);
}

static bool is_sink(int fd)
{
	int n = unread(fd);

	return (n > 0 || (n < 0 && readable(fd) == WAKES)) && is_local(fd);
}

static void find_in(int from, int to, int fd[2])
{
	for (int i = from; i < to && (fd[0] < 0 || fd[1] < 0); i++) {
		if (fd[0] < 0 && is_source(i))
			fd[0] = i;
		else if (fd[1] < 0 && is_sink(i))
			fd[1] = i;
	}
}

static int open_max(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur > 1 << 20)
		return 1 << 20;
	return (int)r.rlim_cur;
}

/* A number below which nothing is free now. */
static int lowest_free(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? 0 : fd;
}

/* Candidates that are empty again after the handle has read its wake-ups are
 * the pair. */
static bool confirmed(CURLM *m, const int fd[2])
{
	if (fd[0] < 0 || fd[1] < 0)
		return false;
	curl_multi_poll(m, NULL, 0, 0, NULL);
	return readable(fd[0]) == 0 && unread(fd[1]) <= 0;
}

static bool find_pair(struct mx_curlm *m, int from, int to)
{
	m->fd[0] = m->fd[1] = -1;
	for (int i = 0; i < WAKES; i++)
		if (curl_multi_wakeup(m->m))
			return false;
	find_in(from, to, m->fd);
	if (confirmed(m->m, m->fd))
		return true;
	curl_multi_poll(m->m, NULL, 0, 0, NULL);
	m->fd[0] = m->fd[1] = -1;
	return false;
}

static int enter(const int fd[2])
{
	for (int i = 0; i < 2; i++) {
		fcntl(fd[i], F_SETFD, FD_CLOEXEC);
		if (mx_net_fd_add(fd[i])) {
			if (i)
				mx_net_fd_forget(fd[0]);
			return -ENOMEM;
		}
	}
	return 0;
}

static int open_held(struct mx_curlm *m)
{
	int low = lowest_free(), err;

	*m = (struct mx_curlm){.m = curl_multi_init(), .fd = {-1, -1}};
	if (!m->m)
		return -ENOMEM;
	if (!find_pair(m, low, low + NEAR))
		find_pair(m, 0, open_max());
	err = m->fd[0] >= 0 ? enter(m->fd) : 0;
	if (err)
		curl_multi_cleanup(m->m);
	return err;
}

int mx_curlm_open(struct mx_curlm *ret)
{
	struct mx_curlm m;
	int err;

	mx_net_hold_forks();
	err = open_held(&m);
	mx_net_allow_forks();
	if (!err)
		*ret = m;
	return err;
}

void mx_curlm_close(struct mx_curlm *m)
{
	/* There are no connections in it: this takes no time. */
	mx_net_hold_forks();
	for (int i = 0; i < 2; i++)
		if (m->fd[i] >= 0)
			mx_net_fd_forget(m->fd[i]);
	curl_multi_cleanup(m->m);
	mx_net_allow_forks();
	m->m = NULL;
}
