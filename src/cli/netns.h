/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network of one's own: loopback only, with a name server that hears every
 * question and never answers.
 */
#ifndef MX_CLI_NETNS_H
#define MX_CLI_NETNS_H

/* Moves the calling process, which has no threads yet, into new namespaces of
 * network and mounts (and of users, when that takes it); its children are there
 * too.  0; -EPERM: the machine does not allow it; -errno. */
int mx_netns_enter(void);

#endif
