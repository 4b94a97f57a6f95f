/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connection records: closing without waiting, and what the owner writes in
 * between.  The owner's threads take turns by the handle's own lock; readers in
 * other processes take none and look at the sequence number.
 */
#include "connlist/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/fork.h"
#include "connlist/registry-private.h"

/* --- Closing ------------------------------------------------------------ */

bool conn_owned(const struct mx_conn *conn)
{
	struct mx_reg *reg = conn->list.reg;
	const struct shm_map *m = &reg->map;

	return shm_get64(&m->conn_claims[conn->slot]) ==
		       SHM_CLAIM(SHM_OPEN, reg->tag) &&
	       shm_get64(&m->conns[conn->slot].gen) == conn->gen;
}

/* The claim is given up last: after it the record is not ours to write. */
static void give_up(struct mx_conn *conn, enum mx_conn_end how)
{
	struct mx_reg *reg = conn->list.reg;
	const struct shm_conn *k = &reg->map.conns[conn->slot];
	const uint64_t *claim = &reg->map.conn_claims[conn->slot];

	conn_settle(reg, conn->slot);
	if (how == MX_CONN_LEFT && reg->orphan_ns >= 0 &&
	    shm_get32(&k->cookie_len)) {
		shm_put64(&k->orphan_ns, now_ns());
		shm_put64(claim, SHM_CLAIM(SHM_ORPHAN, 0));
		list_done_event(reg, conn->list.slot);
		/* Who waits may take it over: the sweep wakes him. */
		bucket_sweep_soon(reg, conn->list.bucket);
		return;
	}
	shm_put64(claim, SHM_CLAIM(SHM_CLOSING, reg->tag));
	list_done_event(reg, conn->list.slot);
	bucket_sweep_soon(reg, conn->list.bucket);
}

void mx_conn_close(struct mx_conn *conn, enum mx_conn_end how)
{
	struct mx_reg *reg;

	if (!conn)
		return;
	reg = conn->list.reg;
	if (!reg_enter(reg)) {
		if (conn_owned(conn))
			give_up(conn, how);
		list_unhold(&conn->list);
		reg_leave(reg);
	}
	mx_mutex_fini(&conn->lock);
	reg_unref(reg);
	free(conn);
}

bool mx_conn_valid(const struct mx_conn *conn)
{
	bool ok;

	if (reg_enter(conn->list.reg))
		return false;
	ok = conn_owned(conn);
	reg_leave(conn->list.reg);
	return ok;
}

uint32_t mx_conn_slot(const struct mx_conn *conn)
{
	return conn->slot;
}

/* --- Writing ------------------------------------------------------------ */

/* NULL when the record is not ours any more; else the sequence is odd, and
 * write_end makes it even.  The lock analysis cannot follow the condition. */
MX_NO_LOCK_ANALYSIS static const struct shm_conn *
write_begin(struct mx_conn *conn)
{
	struct mx_reg *reg = conn->list.reg;
	const struct shm_conn *k;

	if (reg_enter(reg))
		return NULL;
	mx_mutex_lock(&conn->lock);
	if (!conn_owned(conn)) {
		mx_mutex_unlock(&conn->lock);
		reg_leave(reg);
		return NULL;
	}
	k = &reg->map.conns[conn->slot];
	shm_put32(&k->seq, shm_get32(&k->seq) | 1);
	return k;
}

MX_NO_LOCK_ANALYSIS static void write_end(struct mx_conn *conn,
					  const struct shm_conn *k)
{
	shm_put32(&k->seq, shm_get32(&k->seq) + 1);
	mx_mutex_unlock(&conn->lock);
	reg_leave(conn->list.reg);
}

/* Cookies are read and written by one process only, so the text is whole
 * exactly when its length is not zero: that is set last. */
MX_NO_LOCK_ANALYSIS size_t mx_conn_cookies(struct mx_conn *conn, char *buf,
					   size_t n)
{
	char text[8 * SHM_COOKIE_WORDS];
	const struct shm_conn *k = write_begin(conn);
	uint32_t len;

	if (!k)
		return 0;
	len = shm_get32(&k->cookie_len);
	shm_get_text(text, k->cookies, SHM_COOKIE_WORDS);
	write_end(conn, k);
	if (len > MX_CONN_COOKIES_MAX || len >= n || strlen(text) != len)
		return 0;
	memcpy(buf, text, len + 1);
	return len;
}

/* Of 1 to n words: those that the text fills, its end among them. */
static size_t words_of(size_t n)
{
	return n / 8 + 1;
}

/* True when the record has these words already. */
static bool same_words(const uint64_t *have, const uint64_t *want, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (shm_get64(&have[i]) != want[i])
			return false;
	return true;
}

/* A cookie changes with every answer: no more of the record is touched than it
 * takes. */
static void put_cookies(const struct shm_conn *k, const char *cookies, size_t n)
{
	uint64_t want[SHM_COOKIE_WORDS] = {0};

	memcpy(want, cookies, n);
	if (shm_get32(&k->cookie_len) == n &&
	    same_words(k->cookies, want, words_of(n)))
		return;
	shm_put32(&k->cookie_len, 0);
	for (size_t i = 0; i < words_of(n); i++)
		shm_put64(&k->cookies[i], want[i]);
	shm_put32(&k->cookie_len, (uint32_t)n);
}

int mx_conn_set_cookies(struct mx_conn *conn, const char *cookies)
{
	size_t n = strlen(cookies);
	bool fit = n <= MX_CONN_COOKIES_MAX;
	const struct shm_conn *k = write_begin(conn);

	if (!k)
		return -ESTALE;
	put_cookies(k, cookies, fit ? n : 0);
	write_end(conn, k);
	return fit ? 0 : -E2BIG;
}

/* --- Logons ------------------------------------------------------------- */

int mx_conn_logon_acquire(struct mx_conn *conn)
{
	const struct shm_conn *k = write_begin(conn);
	uint32_t n;
	int err = 0;

	if (!k)
		return -ESTALE;
	n = shm_get32(&k->n_logons);
	if (n < conn->list.reg->max_logons)
		shm_put32(&k->n_logons, n + 1);
	else
		err = -EDQUOT;
	write_end(conn, k);
	return err;
}

void mx_conn_logon_release(struct mx_conn *conn)
{
	const struct shm_conn *k = write_begin(conn);
	uint32_t n;

	if (!k)
		return;
	n = shm_get32(&k->n_logons);
	if (n)
		shm_put32(&k->n_logons, n - 1);
	write_end(conn, k);
}

unsigned mx_conn_logons(struct mx_conn *conn)
{
	unsigned n;

	if (reg_enter(conn->list.reg))
		return 0;
	n = conn_owned(conn)
		    ? shm_get32(&conn->list.reg->map.conns[conn->slot].n_logons)
		    : 0;
	reg_leave(conn->list.reg);
	return n;
}

/* --- Operations --------------------------------------------------------- */

/* A system call for each request less. */
static _Thread_local uint32_t tid_here;

static uint32_t my_tid(void)
{
	if (!tid_here)
		tid_here = (uint32_t)gettid();
	return tid_here;
}

static void in_child(void)
{
	tid_here = 0;
}

__attribute__((__constructor__)) static void on_load(void)
{
	mx_fork_child(in_child);
}

static void put_word_text(const uint64_t *dst, const char *text)
{
	size_t n = text ? strnlen(text, 8 * SHM_OP_WORDS - 1) : 0;

	shm_put_bytes(dst, SHM_OP_WORDS, text, n);
}

void mx_conn_op_begin(struct mx_conn *conn, enum mx_conn_op op,
		      const char *name, const char *waiting_on,
		      mx_mono deadline)
{
	const struct shm_conn *k = write_begin(conn);

	if (!k)
		return;
	put_word_text(k->op[op].name, name);
	put_word_text(k->op[op].waiting_on, waiting_on);
	shm_put64(&k->op[op].deadline_ns,
		  deadline.ns == INT64_MAX ? 0 : (uint64_t)deadline.ns);
	shm_put32(&k->op[op].tid, my_tid());
	shm_put64(&k->op[op].since_ns, now_ns());
	write_end(conn, k);
}

void mx_conn_op_waiting(struct mx_conn *conn, enum mx_conn_op op,
			const char *waiting_on)
{
	const struct shm_conn *k = write_begin(conn);

	if (!k)
		return;
	put_word_text(k->op[op].waiting_on, waiting_on);
	write_end(conn, k);
}

void mx_conn_op_end(struct mx_conn *conn, enum mx_conn_op op,
		    const struct mx_op_result *r)
{
	const struct shm_conn *k = write_begin(conn);

	if (!k)
		return;
	shm_put64(&k->op[op].since_ns, 0);
	shm_put64(&k->round_trips, shm_get64(&k->round_trips) + r->round_trips);
	shm_put64(&k->bytes_out, shm_get64(&k->bytes_out) + r->bytes_out);
	shm_put64(&k->bytes_in, shm_get64(&k->bytes_in) + r->bytes_in);
	if (r->err || r->code) {
		shm_put32(&k->last_err, (uint32_t)-r->err);
		shm_put32(&k->last_code, r->code);
		shm_put64(&k->last_err_ns, now_ns());
	}
	write_end(conn, k);
}

/* Nobody has touched it since the user's last call: what is waited for together
 * costs as one.  Most cookies fill two lines. */
void mx_conn_prefetch(const struct mx_conn *conn)
{
	const struct shm_map *m = &conn->list.reg->map;
	const struct shm_conn *k = &m->conns[conn->slot];

	/* An address: it need not be there any more. */
	__builtin_prefetch(&m->conn_claims[conn->slot]);
	__builtin_prefetch(&m->peers[conn->peer]);
	__builtin_prefetch(k);
	__builtin_prefetch(&k->cookie_len);
	__builtin_prefetch(&k->op[MX_OP_CALL]);
	__builtin_prefetch(&k->op[MX_OP_CALL].waiting_on[1]);
	__builtin_prefetch(&k->cookies[0]);
	__builtin_prefetch(&k->cookies[8]);
}

/* --- The poller --------------------------------------------------------- */

static bool may_move(enum mx_poller from, enum mx_poller to)
{
	static const bool legal[5][5] = {
		[MX_POLLER_IDLE] =
			{[MX_POLLER_STARTING] = true, [MX_POLLER_DONE] = true},
		[MX_POLLER_STARTING] = {[MX_POLLER_PARKED] = true,
					[MX_POLLER_STOPPING] = true,
					[MX_POLLER_DONE] = true},
		[MX_POLLER_PARKED] =
			{[MX_POLLER_STOPPING] = true, [MX_POLLER_DONE] = true},
		[MX_POLLER_STOPPING] = {[MX_POLLER_DONE] = true},
		[MX_POLLER_DONE] =
			{[MX_POLLER_STARTING] = true, [MX_POLLER_DONE] = true},
	};

	return (unsigned)from < 5 && (unsigned)to < 5 && legal[from][to];
}

int mx_conn_set_poller(struct mx_conn *conn, enum mx_poller to)
{
	const struct shm_conn *k = write_begin(conn);
	bool ok;

	if (!k)
		return -ESTALE;
	ok = may_move((enum mx_poller)shm_get32(&k->poller), to);
	if (ok) {
		shm_put64(&k->poller_since_ns, now_ns());
		shm_put32(&k->poller, to);
		if (to == MX_POLLER_DONE)
			list_done_event(conn->list.reg, conn->list.slot);
	}
	write_end(conn, k);
	return ok ? 0 : -EINVAL;
}

enum mx_poller mx_conn_poller(struct mx_conn *conn)
{
	uint32_t p = MX_POLLER_DONE;

	if (reg_enter(conn->list.reg))
		return MX_POLLER_DONE;
	if (conn_owned(conn))
		p = shm_get32(&conn->list.reg->map.conns[conn->slot].poller);
	reg_leave(conn->list.reg);
	return p <= MX_POLLER_DONE ? (enum mx_poller)p : MX_POLLER_DONE;
}

const char *mx_poller_name(enum mx_poller p)
{
	static const char *const names[] = {"idle", "starting", "parked",
					    "stopping", "done"};

	return (unsigned)p < MX_ARRAY_SIZE(names) ? names[p] : "?";
}
