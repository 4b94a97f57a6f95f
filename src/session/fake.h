/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted mailbox server for tests, in memory, at the seam of transport.h.
 * It keeps sessions by cookie and handles by number, answers the ROPs the tests
 * use, logs every request with the user it came from, and does to each request
 * what the test's script says.  Objects have no content: rows count up, values
 * are the property's id.
 */
#ifndef MX_SESSION_FAKE_H
#define MX_SESSION_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/lock.h"
#include "session/notify.h"
#include "session/session.h"
#include "session/session-private.h"
#include "session/transport.h"
#include "session/batch.h"

enum fake_act {
	FAKE_SERVE,
	FAKE_UNSENT,   /* the connection breaks before the request is out */
	FAKE_LOSE,     /* served, but the answer is lost */
	FAKE_FORGET,   /* X-ResponseCode 10: the session is gone */
	FAKE_BUSY,     /* X-ResponseCode 15 */
	FAKE_THROTTLE, /* 503, Retry-After fake->retry_ms */
	FAKE_FULL,     /* Connect: too many sessions */
	FAKE_GARBAGE,  /* an answer that cannot be read */
	FAKE_DEAD,     /* no answer, until cancelled or out of time */
	FAKE_HOLD,     /* no answer until fake_let_go() */
	FAKE_CODE,     /* X-ResponseCode fake->code: the session is gone */
	FAKE_OVERALL,  /* PENDING until the overall deadline, at once */
	/* Served, then ErrorCode 0x47D when more than fake->max_rops came. */
	FAKE_TOO_LARGE,
};

#define FAKE_MAX_ROPS 600
#define FAKE_MAX_LOG 4096

struct fake_entry {
	char type[20];
	char user[64]; /* who sent it */
	char client_info[MX_REQUEST_ID_SIZE];
	unsigned session; /* by its cookie, 0 none */
	bool background;  /* came over submit */
	unsigned n_rops;
	uint8_t rops[FAKE_MAX_ROPS];
};

struct fake_handle {
	uint32_t handle;
	unsigned session;
	uint8_t rop, logon_id;
	uint32_t pos;
	uint32_t n_cols, cols[16];
	uint32_t size; /* of a stream */
};

struct fake {
	struct mx_mutex lock;
	struct mx_cond cond;
	/* Says what happens to a request; NULL: served.  Under the lock. */
	enum fake_act (*script)(struct fake *f, const struct fake_entry *e);
	int script_state; /* the script's own */
	bool silent;      /* FAKE_OVERALL: no PENDING came before it */
	int64_t retry_ms, expiration_ms;
	unsigned max_logons;          /* per session; 0: no limit */
	unsigned n_rows;              /* of every table */
	uint32_t fail_rop, fail_code; /* this RopId is refused with this code */
	uint32_t backoff_rop; /* answered once with RopBackoff instead */
	uint32_t backoff_ms;
	size_t max_payload; /* of one answer; 0: 32 KiB */
	uint32_t code;
	unsigned max_rops;
	bool bare_failures; /* nothing behind a ReturnValue that is not 0 */

	/* What is there. */
	unsigned n_sessions; /* connected and not disconnected */
	unsigned next_session;
	bool live[4096];
	uint32_t next_handle;
	struct fake_handle *handles;
	size_t n_handles, cap_handles;

	/* What happened. */
	struct fake_entry *log;
	size_t n_log;
	unsigned n_held;
	bool let_go;

	/* Events: RopNotify to be sent. */
	struct fake_event {
		unsigned session;
		uint32_t handle;
		uint8_t logon_id;
		uint64_t mid;
	} events[256];
	size_t n_events;

	struct mx_list pending; /* submitted */
	bool stop;
	pthread_t thread;
};

extern const struct mx_transport_ops fake_ops;

void fake_start(struct fake *f);
/* Every request must have ended. */
void fake_stop(struct fake *f);
void fake_let_go(struct fake *f);
/* Waits until n requests (of a type, or NULL) are in the log. */
void fake_wait_log(struct fake *f, const char *type, size_t n);
size_t fake_count(struct fake *f, const char *type);
/* The i-th request of a type (or of any: NULL), from 0. */
struct fake_entry fake_get(struct fake *f, const char *type, size_t i);
void fake_clear_log(struct fake *f);
unsigned fake_live_handles(struct fake *f);
/* New mail for everyone who has registered in this session. */
unsigned fake_new_mail(struct fake *f, uint64_t mid);
/* The server restarts: every session and handle is gone. */
void fake_restart(struct fake *f);

#endif
