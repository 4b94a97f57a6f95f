/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to net: sockets that a forked child must not hold, and how the rest
 * of net notices that it is in one.
 *
 * Every socket and epoll descriptor of net is entered here.  After fork the
 * child closes them all and its generation grows; what carries an older
 * generation is inert there: it is never used and its libcurl parts are leaked,
 * for closing them would close descriptors that are somebody else's by then.
 */
#ifndef MX_NET_FORK_H
#define MX_NET_FORK_H

#include <stdbool.h>

/* Installs the fork handlers and initialises libcurl; first of all, any number
 * of times.  0, -ENOMEM. */
int mx_net_setup(void);

/* Grows by one in each forked child. */
unsigned mx_net_generation(void);

/* fd is open on a peer or a wait: closed in a child.  0; -ENOMEM (then it is
 * not entered, and the caller closes it). */
int mx_net_fd_add(int fd);
/* A socket that is entered already, and closed by exec; else -1 and errno. */
int mx_net_socket(int af, int type, int proto);
/* In between no child comes to be: for opening what others open, until it is
 * entered.  Do nothing in it that takes long. */
void mx_net_hold_forks(void);
void mx_net_allow_forks(void);
/* Takes fd out and closes it. */
void mx_net_fd_close(int fd);
/* Takes fd out without closing. */
void mx_net_fd_forget(int fd);
/* How many are entered and open; for tests and statistics, not quick. */
unsigned mx_net_fd_count(void);

/* Called in the child after the descriptors are closed, with no other thread
 * alive: makes a module's static state fresh.  At most eight; call before
 * threads. */
void mx_net_on_fork(void (*fn)(void));

#endif
