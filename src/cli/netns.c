/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#define NAME_SERVER "127.0.0.53"

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	close(fd);
	return n == (ssize_t)strlen(text) ? 0 : -EIO;
}

static int become_root_of_users(uid_t uid, gid_t gid)
{
	char map[64];
	int r;

	snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
	r = put("/proc/self/uid_map", map);
	if (!r)
		r = put("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
	return r ? r : put("/proc/self/gid_map", map);
}

static int raise_loopback(void)
{
	struct ifreq req = {.ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	strcpy(req.ifr_name, "lo");
	r = ioctl(fd, SIOCSIFFLAGS, &req) ? -errno : 0;
	close(fd);
	return r;
}

/* Its socket stays open, and unread, as long as the process lives. */
static int open_name_server(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(53)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, NAME_SERVER, &a.sin_addr);
	if (fd < 0 || bind(fd, (void *)&a, sizeof(a)))
		return -errno;
	return 0;
}

static int use_name_server(void)
{
	char path[] = "/tmp/mapiary-resolv-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, "nameserver " NAME_SERVER "\n") < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL))
		r = -errno;
	close(fd);
	unlink(path); /* the mount keeps it */
	return r;
}

int mx_netns_enter(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int r = 0;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET)) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET))
			return -EPERM;
		r = become_root_of_users(uid, gid);
	}
	if (!r)
		r = raise_loopback();
	if (!r)
		r = open_name_server();
	return r ? r : use_name_server();
}
