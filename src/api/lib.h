/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The library's state: how often it is initialised, its client, its defaults;
 * and the threads that are inside it, so that they can be cancelled.
 */
#ifndef MX_API_LIB_H
#define MX_API_LIB_H

#include "api/obj.h"

#define MX_LIB_TOTAL_MS (10 * 60 * 1000)
#define MX_LIB_SHUTDOWN_MS 5000
/* What exit() without MAPIUninitialize waits at most for servers to be told. */
#define MX_LIB_EXIT_MS 500

/* The client, with a reference; NULL when not initialised. */
struct mx_client *mx_lib_client(void);

/* Whether calls may go on: on a session's own client, or (NULL) at all. */
bool mx_lib_alive(struct mx_session *s);

/* Ends all there is, as the last MAPIUninitialize does, with this deadline, and
 * refuses MAPIInitialize from then on: the process is about to end. */
void mx_lib_quit(int64_t ms);

/* The defaults for new sessions. */
int64_t mx_lib_default_total_ms(void);
int64_t mx_lib_default_idle_ms(void);

/* ---- threads inside the library ---- */

/* The calling thread enters a call on obj (NULL: of the library); calls nest,
 * and the outermost is what is told of.  NULL without memory: then it cannot be
 * cancelled; leave and cancel take NULL. */
struct mx_thread *mx_thread_enter(struct mx_obj *obj);
void mx_thread_leave(struct mx_thread *t);
struct mx_cancel *mx_thread_cancel(struct mx_thread *t);

/* One thread that is inside a call. */
struct mx_thread_call {
	pid_t tid;
	const char *what; /* the interface, "IMsgStore"; static */
	int64_t since_ms;
	char user[128], sid[MX_SID_MAX_STR], server[256]; /* "": not known */
};
/* Those that are, with room for n in v; returns how many there are.  Without
 * the calling thread when `others`. */
size_t mx_thread_calls(struct mx_thread_call *v, size_t n, bool others);

/* Cancels the calls of all other threads. */
void mx_thread_cancel_others(void);
/* Waits until no other thread is inside a call; 0 or -ETIMEDOUT. */
int mx_thread_wait_others(mx_mono deadline);

#endif
