/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main job, shared by its parts.
 *
 *   demo.c          options, phases: set up, load, rounds, sweep, report
 *   demo-server.c   the embedded server as a process of its own
 *   demo-users.c    users: random, or from a credentials file
 *   demo-mail.c     real mail into the mailboxes
 *   demo-side.c     one logon: impersonate, store, folders, sink
 *   demo-round.c    one round of one user
 *   demo-read.c     reads messages, compares with what went in
 *   demo-send.c     what is sent, and the proof that it arrived
 *   demo-work.c     threads, the watch over them, errors
 *   demo-report.c   table, JSON, last line
 *
 * Everything MAPI goes through the public headers.  A worker thread never
 * shares MAPI objects with another; what is shared is counters (atomic) and
 * each user's table of messages (under his lock, held for look-ups only).
 */
#ifndef MX_CLI_DEMO_H
#define MX_CLI_DEMO_H

#include <mapiary.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/rand.h"
#include "mime/mail.h"

struct demo_opt {
	unsigned users, threads, rounds; /* 0 rounds: ten a user */
	const char *url;                 /* NULL: embedded server */
	const char *autodiscover, *credentials, *ca_file;
	const char *mail_dir, *data_dir;
	bool json, keep;
	uint64_t seed;
	unsigned wait_s;    /* deadline of a wait for a notification */
	unsigned hang_s;    /* a MAPI call longer than this has hung */
	unsigned mailboxes; /* the server keeps open; 0: its default */
	unsigned sessions;  /* of a user on the server; 0: its default */
	bool account; /* the first user may do all in the others' mailboxes */
	unsigned idle_s; /* how long a server may be silent; 0: the library's */
};

/* A message the demo put into a mailbox: nobody changes it while it is read
 * (readers), and only one round ever moves or deletes it (taken). */
struct demo_loaded {
	const struct demo_mail *mail;
	ULONG cb;
	BYTE *id; /* entry id, in the demo's arena */
	unsigned readers;
	bool taken;
	bool moved, deleted; /* what the taker did with it */
};

struct demo_user {
	const char *name, *password, *smtp, *dn, *display;
	const char *sid;     /* text; NULL: chosen by MapiaryCreateUser */
	const char *user_dn; /* whose logon it is; NULL: as dn */
	const char *profile; /* NULL: demo_users_open finds a name */
	LPMAPIARYUSER ctx;

	pthread_mutex_t lock; /* of loaded[] */
	struct demo_loaded *loaded;
	size_t n_loaded;
	ULONG had_inbox, had_waste; /* messages before the demo */

	atomic_uint list, has_list; /* slot of his connection list */
	atomic_uint logged_on, most_logged_on;
	atomic_ullong logons, connections, round_trips;
	atomic_ullong read, sent, notified;
};

/* One mail file. */
struct demo_mail {
	const char *file; /* base name */
	struct mx_mail *mail;
};

/* One message of a round, from the moment it is submitted. */
struct demo_sent {
	unsigned from, to;
	bool sent, notified, verified, swept;
};

/* What a worker is doing; read by the watch. */
struct demo_worker {
	struct demo *d;
	unsigned no;
	pthread_t thread;
	ULONG_PTR token;
	_Atomic(const char *) step; /* NULL: between steps */
	_Atomic(const char *) user;
	_Atomic int64_t since_ns;
	atomic_bool cancelled;
};

enum demo_phase {
	DEMO_SETUP,
	DEMO_LOAD,
	DEMO_ROUNDS,
	DEMO_SWEEP,
	DEMO_N_PHASES,
};

struct demo {
	struct demo_opt opt;
	struct mx_arena arena; /* main thread, before and after the workers */
	const char *url;
	char run_id[17]; /* marks what this run sends */
	char data_dir[256];
	pid_t server;
	bool made_data_dir;

	struct demo_user *users;
	struct demo_mail *mails;
	size_t n_mails, n_files, n_noted;
	const char **unreadable; /* names of files that are no mail */
	size_t n_unreadable;
	struct demo_sent *sent;

	struct demo_worker *workers;
	enum demo_phase phase;
	atomic_uint next, done, todo; /* tasks of this phase */
	atomic_uint logged_on, most_logged_on, twice;
	atomic_uint hung, errors;
	atomic_bool stop;
	mx_mono started;
	int64_t phase_ns[DEMO_N_PHASES];
};

/* --- demo-work.c --- */

/* Runs fn(worker, 0 … n-1) on the demo's threads; returns when all are done
 * or the run was stopped. */
void demo_run(struct demo *d, enum demo_phase phase, unsigned n,
	      void (*fn)(struct demo_worker *w, unsigned no));

/* Says what this worker does now; `step` must be a literal. */
void demo_step(struct demo_worker *w, const char *step);

/* False and an error line (user, step, code, MAPI's own words) on failure. */
bool demo_ok(struct demo_worker *w, const struct demo_user *u, HRESULT hr);

/* An error line of the demo's own finding. */
void demo_error(struct demo *d, const struct demo_user *u, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* Something that is no error but not to be passed over in silence. */
void demo_say(struct demo *d, const char *fmt, ...)
	__attribute__((__format__(__printf__, 2, 3)));

const char *demo_code_name(HRESULT hr);

/* After a wait that ended by its deadline: does the server answer a fresh
 * logon of this user? */
bool demo_server_answers(const struct demo_user *u);

/* --- demo-server.c --- */

/* Makes the data directory and the users in it.  0, or -1 with a message. */
int demo_server_prepare(struct demo *d);
/* Starts `mapiary serve`; d->url is set.  0, or -1 with a message. */
int demo_server_start(struct demo *d);
/* Ends it; an error when it had died by itself. */
void demo_server_stop(struct demo *d);
/* Removes the data directory unless it is to be kept. */
void demo_server_clean(struct demo *d);

/* --- demo-users.c --- */

/* Makes up users, or reads the credentials file.  0, or -1 with a message. */
int demo_users_make(struct demo *d);
/* User contexts and profiles for d->url.  0, or -1 with a message. */
int demo_users_open(struct demo *d);
void demo_users_close(struct demo *d);

/* --- demo-mail.c --- */

/* Reads and parses the mail files.  0, or -1 with a message. */
int demo_mail_read(struct demo *d);
/* Task: all mail into user no's inbox. */
void demo_mail_load(struct demo_worker *w, unsigned no);

/* --- demo-side.c --- */

#define DEMO_MAX_HELD 96

struct demo_sink;

/* One logon of one user on the worker's thread, with what it has open. */
struct demo_side {
	struct demo_worker *w;
	struct demo_user *u;
	LPMAPISESSION ses;
	LPMDB store;
	LPMAPIFOLDER inbox;
	struct demo_sink *sink;
	ULONG_PTR conn; /* of Advise */
	bool advised, counted;
	LPUNKNOWN held[DEMO_MAX_HELD]; /* released in random order */
	size_t n_held;
};

/* Logs on and opens the default store.  True on success; in any case
 * demo_side_close() must follow. */
bool demo_side_open(struct demo_side *s, struct demo_worker *w,
		    struct demo_user *u);
/* Ends Advise, adds the session's numbers to the user's, releases everything
 * in random order, the session logging off when its turn comes. */
void demo_side_close(struct demo_side *s, struct mx_prng *rnd);

/* Keeps a reference until the end of the side. */
void demo_hold(struct demo_side *s, void *obj);

/* A folder named by an entry id property of the store; held. */
bool demo_open_folder(struct demo_side *s, ULONG tag, LPMAPIFOLDER *ret);
bool demo_open_inbox(struct demo_side *s);

/* Registers for new mail.  demo_wait_mail returns true with the message that
 * has this subject, opened and held; else false, and the reason is counted. */
bool demo_advise(struct demo_side *s);
bool demo_wait_mail(struct demo_side *s, const char *subject, LPMESSAGE *ret);

/* --- demo-read.c --- */

/* A whole property as bytes in the arena: by value, or by stream when it is
 * large.  PT_UNICODE comes as UTF-8.  S_OK; MAPI_E_NOT_FOUND; … */
HRESULT demo_get_bytes(LPMAPIPROP obj, ULONG tag, struct mx_arena *a,
		       const void **ret, size_t *ret_len);
/* Reads a loaded message in full and compares it with its mail. */
bool demo_read_loaded(struct demo_side *s, const struct demo_loaded *l);

/* --- demo-send.c --- */

/* Sends round no's message as s to the user; from then on it must arrive. */
bool demo_send(struct demo_side *s, unsigned no, struct demo_user *to);
/* Compares a message with what round no sent, byte for byte. */
bool demo_verify(struct demo_side *s, unsigned no, LPMESSAGE msg);
void demo_subject(const struct demo *d, unsigned no, char buf[96]);
/* Task: everything sent to user no is there and right; folders count right. */
void demo_sweep(struct demo_worker *w, unsigned no);

/* --- demo-round.c --- */

void demo_round(struct demo_worker *w, unsigned no);

/* --- demo-report.c --- */

/* Table or JSON, and the last line.  The exit status. */
int demo_report(struct demo *d);

#endif
