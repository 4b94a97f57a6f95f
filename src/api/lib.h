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
#define MX_LIB_SHUTDOWN_MS 10000

/* The client, with a reference; NULL when not initialised. */
struct mx_client *mx_lib_client(void);

/* Whether calls may go on: on a session's own client, or (NULL) at all. */
bool mx_lib_alive(struct mx_session *s);

/* The total deadline of calls on this object's session, milliseconds. */
int64_t mx_lib_total_ms(struct mx_obj *o);

/* The defaults for new sessions. */
int64_t mx_lib_default_total_ms(void);
int64_t mx_lib_default_idle_ms(void);

/* ---- threads inside the library ---- */

/* The calling thread enters; calls nest.  NULL without memory: then it cannot
 * be cancelled; leave and cancel take NULL. */
struct mx_thread *mx_thread_enter(void);
void mx_thread_leave(struct mx_thread *t);
struct mx_cancel *mx_thread_cancel(struct mx_thread *t);

/* One line for each thread that is inside a call. */
struct mx_buf;
void mx_thread_describe(struct mx_buf *out);

#endif
