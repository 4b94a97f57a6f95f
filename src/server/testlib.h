/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server's tests share: a server in this process with users ann and
 * bob, and a raw client of libcurl and src/wire that sees every header and byte.
 */
#ifndef MX_SERVER_TESTLIB_H
#define MX_SERVER_TESTLIB_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/test.h"
#include "server/server.h"
#include "store/dir.h"
#include "store/store.h"
#include "wire/bodies.h"
#include "wire/ids.h"
#include "wire/rops.h"
#include "wire/rpcext.h"

#define NOT_SUPPORTED 0x80040102u
#define NOT_FOUND 0x8004010fu
#define INVALID_PARAM 0x80070057u
#define NULL_OBJECT 0x4b9u

/* Order of RopLogon's FolderIds. */
enum {
	F_ROOT,
	F_DEFERRED,
	F_SPOOLER,
	F_IPM,
	F_INBOX,
	F_OUTBOX,
	F_SENT,
	F_DELETED,
};

struct ts_access {
	char user[32], type[32], id[64];
	uint16_t port;
	unsigned status;
	int code;
	uint64_t context, owner, connection;
};

struct ts {
	struct mx_server *srv;
	struct mx_server_params p;
	struct mx_arena a;
	struct mx_user ann, bob;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct ts_access log[4096];
	size_t n_log;
};

/* p may be NULL; dir is made up when missing. */
struct ts *ts_start(const struct mx_server_params *p);
void ts_stop(struct ts *ts);
/* Waits until the access log has n lines. */
void ts_await_log(struct ts *ts, size_t n);
/* Waits until the server holds that many parked waits. */
void ts_await_parked(struct ts *ts, unsigned n);

/* A TCP connection to the server; and one with a NotificationWait of ann's sent
 * on it.  To be closed. */
int ts_raw(struct ts *ts);
int ts_raw_wait(struct ts *ts, const char *context);
void ts_raw_send(int fd, const void *p, size_t n);

/* One answer. */
struct tr {
	CURLcode curl;
	long status;
	int code;      /* X-ResponseCode of the head; -1: none */
	int late_code; /* of the additional headers; -1: none */
	bool processing, done;
	unsigned n_pending;
	struct mx_buf head; /* all header lines */
	struct mx_buf raw;  /* the whole HTTP body */
	struct mx_bin body; /* what follows the additional headers */
	char extra[512];    /* the additional headers */
};
void tr_fini(struct tr *r);
/* A header's value, "" when missing; in a static buffer. */
const char *tr_header(const struct tr *r, const char *name);

/* A client: one user, one TCP connection at a time, one cookie jar. */
struct tc {
	struct ts *ts;
	CURL *curl;
	char user[48], password[64];
	char context[64], sequence[48]; /* cookie values, "" when none */
	unsigned counter;
	/* To send something else than a good client would. */
	const char *path, *method, *content_type, *request_id, *cookie;
	const char *extra;
	bool anonymous, no_type, no_content_type, no_request_id;
	uint32_t logon; /* handle */
	uint64_t fid[13];
	struct mx_arena a;    /* what answers point to */
	const uint32_t *cols; /* of rows in answers */
	size_t n_cols;
};
void tc_init(struct tc *c, struct ts *ts, const char *user);
void tc_fini(struct tc *c);
/* Who that is in the server's directory. */
const struct mx_user *tc_user(const struct tc *c);

void tc_post(struct tc *c, const char *type, const void *body, size_t n,
	     struct tr *ret);
/* Connect; the ErrorCode.  Asserts X-ResponseCode 0. */
uint32_t tc_connect(struct tc *c);
/* Connect and RopLogon to the mailbox of `whose` (NULL: own). */
void tc_logon(struct tc *c, const struct mx_user *whose);
void tc_disconnect(struct tc *c);

/* An Execute: requests, then answers. */
struct tx {
	struct tc *c;
	struct mx_rop_req reqs[64];
	size_t n_reqs;
	uint32_t handles[64];
	size_t n_handles;
	uint32_t flags, max_out;
	/* Then: */
	struct tr r;
	uint32_t ec; /* ErrorCode */
	struct mx_rop_res res[512];
	size_t n_res;
	unsigned n_buffers;
	size_t buffer_res[128]; /* answers in each buffer */
	uint32_t out[64];       /* handle table of the first buffer */
	size_t n_out;
	bool undecodable; /* the answers could not be read to their end */
};
void tx_init(struct tx *x, struct tc *c);
/* Adds a request; the place to fill in. */
struct mx_rop_req *tx_add(struct tx *x, uint8_t id, uint8_t hindex);
void tx_run(struct tx *x);
/* Sends ready-made bytes of a RopBuffer instead. */
void tx_run_raw(struct tx *x, const void *p, size_t n);
void tx_fini(struct tx *x);
/* The same on the heap. */
struct tx *tx_new(struct tc *c);
void tx_free(struct tx *x);

/* One ROP on `in`; `out` (may be NULL) gets the handle it made.  ReturnValue. */
uint32_t tc_rop(struct tc *c, struct mx_rop_req *req, uint32_t in,
		uint32_t *out, struct mx_rop_res *ret);
void tc_release(struct tc *c, uint32_t handle);

/* Short forms. */
uint32_t tc_open_folder(struct tc *c, uint64_t fid);
uint64_t tc_make_message(struct tc *c, uint64_t fid, const char *subject);
uint32_t tc_open_message(struct tc *c, uint64_t fid, uint64_t mid);
uint32_t tc_create_message(struct tc *c, uint64_t fid);
uint64_t tc_save(struct tc *c, uint32_t msg);
void tc_set_str(struct tc *c, uint32_t h, uint32_t tag, const char *s);
/* A value of a property, arena's; type PT_ERROR when missing. */
struct mx_propval tc_get(struct tc *c, uint32_t h, uint32_t tag);
uint32_t tc_contents(struct tc *c, uint32_t folder, uint8_t flags,
		     uint32_t *ret_rows);
void tc_set_columns(struct tc *c, uint32_t tbl, const uint32_t *tags, size_t n);
void tc_add_recip(struct tc *c, uint32_t msg, const char *smtp);
/* Sends a message with that subject from c to an address. */
void tc_send(struct tc *c, const char *to, const char *subject);

/* A NotificationWait on a thread of its own. */
struct tw {
	struct tc c;
	struct tr r;
	struct mx_notification_wait_res res;
	pthread_t thread;
};
/* With c's cookies on a connection of its own. */
void tw_start(struct tw *w, struct tc *c);
void tw_join(struct tw *w);
void tw_fini(struct tw *w);

/* The lock of a mailbox, held by a thread of its own. */
struct th {
	struct tc *c;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool held, let_go;
};
/* Returns when the mailbox of c's user is held; its inbox must have a message. */
void th_begin(struct th *h, struct tc *c);
void th_end(struct th *h);

#endif
