/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to net: libcurl's multi handles, whose wake-up pair must not be
 * inherited.
 *
 * libcurl opens a pair of connected descriptors in each and tells nobody their
 * numbers; some versions leave them open in programs that are executed.  A new
 * handle is woken a few times: its pair are the two descriptors that then hold
 * just so many bytes.
 */
#ifndef MX_NET_CURLM_H
#define MX_NET_CURLM_H

#include <curl/curl.h>

struct mx_curlm {
	CURLM *m;
	int fd[2]; /* -1: not found, or none (eventfd) */
};

/* A new handle; its pair is closed by exec and in forked children.  0; -ENOMEM,
 * -EMFILE. */
int mx_curlm_open(struct mx_curlm *ret);
/* Frees it.  In a forked child it is to be forgotten instead. */
void mx_curlm_close(struct mx_curlm *m);

#endif
