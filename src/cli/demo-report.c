/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the demo prints at its end: a table for people or a JSON document for
 * programs (doc/formats/demo-json.md), and the last line.
 */
#include "cli/demo.h"

#include <stdio.h>

#include "cli/cli.h"
#include "cli/json.h"

struct totals {
	unsigned long long read, sent, notified, verified;
};

static struct totals add_up(const struct demo *d)
{
	struct totals t = {0};

	for (unsigned i = 0; i < d->opt.users; i++)
		t.read += atomic_load(&d->users[i].read);
	for (unsigned i = 0; d->sent && i < d->opt.rounds; i++) {
		t.sent += d->sent[i].sent;
		t.notified += d->sent[i].notified;
		t.verified += d->sent[i].sent && d->sent[i].verified &&
			      d->sent[i].swept;
	}
	return t;
}

static void table(const struct demo *d)
{
	int name = 4, sid = 3;

	for (unsigned i = 0; i < d->opt.users; i++) {
		const struct demo_user *u = &d->users[i];
		int n = snprintf(NULL, 0, "%s", u->name);
		int s = u->ctx ? snprintf(NULL, 0, "%s", MapiaryUserSid(u->ctx))
			       : 0;

		name = n > name ? n : name;
		sid = s > sid ? s : sid;
	}
	printf("%-*s  %-*s  %-8s  %5s  %5s  %6s  %6s  %5s  %4s  %8s\n", name,
	       "user", sid, "SID", "CRC", "list", "conns", "logons", "trips",
	       "read", "sent", "notified");
	for (unsigned i = 0; i < d->opt.users; i++) {
		const struct demo_user *u = &d->users[i];
		char list[16] = "-";

		if (atomic_load(&u->has_list))
			snprintf(list, sizeof(list), "%u",
				 atomic_load(&u->list));
		printf("%-*s  %-*s  %08x  %5s  %5llu  %6llu  %6llu  %5llu  "
		       "%4llu  %8llu\n",
		       name, u->name, sid, u->ctx ? MapiaryUserSid(u->ctx) : "",
		       u->ctx ? MapiaryUserSidCrc(u->ctx) : 0, list,
		       atomic_load(&u->connections), atomic_load(&u->logons),
		       atomic_load(&u->round_trips), atomic_load(&u->read),
		       atomic_load(&u->sent), atomic_load(&u->notified));
	}
	printf("\nmail: %zu files, %zu parsed, %zu not, %zu notes; "
	       "at most %u logons at once, %u times a user was logged on "
	       "twice\n",
	       d->n_files, d->n_mails, d->n_unreadable, d->n_noted,
	       atomic_load(&d->most_logged_on), atomic_load(&d->twice));
	printf("time: %.1f s loading, %.1f s rounds, %.1f s checking\n",
	       (double)d->phase_ns[DEMO_LOAD] / 1e9,
	       (double)d->phase_ns[DEMO_ROUNDS] / 1e9,
	       (double)d->phase_ns[DEMO_SWEEP] / 1e9);
}

static void json_users(const struct demo *d, struct mx_json *j)
{
	mx_json_open(j, "users", '[');
	for (unsigned i = 0; i < d->opt.users; i++) {
		const struct demo_user *u = &d->users[i];

		mx_json_open(j, NULL, '{');
		mx_json_text(j, "name", u->name);
		mx_json_text(j, "sid", u->ctx ? MapiaryUserSid(u->ctx) : NULL);
		mx_json_uint(j, "sid_crc",
			     u->ctx ? MapiaryUserSidCrc(u->ctx) : 0);
		if (atomic_load(&u->has_list))
			mx_json_uint(j, "list", atomic_load(&u->list));
		else
			mx_json_text(j, "list", NULL);
		mx_json_uint(j, "connections", atomic_load(&u->connections));
		mx_json_uint(j, "logons", atomic_load(&u->logons));
		mx_json_uint(j, "most_logons_at_once",
			     atomic_load(&u->most_logged_on));
		mx_json_uint(j, "round_trips", atomic_load(&u->round_trips));
		mx_json_uint(j, "loaded", u->n_loaded);
		mx_json_uint(j, "read", atomic_load(&u->read));
		mx_json_uint(j, "sent", atomic_load(&u->sent));
		mx_json_uint(j, "notified", atomic_load(&u->notified));
		mx_json_close(j, '}');
	}
	mx_json_close(j, ']');
}

static void json(const struct demo *d, const struct totals *t, bool ok)
{
	struct mx_json j = {.to = stdout};

	mx_json_open(&j, NULL, '{');
	mx_json_text(&j, "format", "mapiary-demo");
	mx_json_uint(&j, "version", 1);
	mx_json_text(&j, "mapiary", MX_VERSION);
	mx_json_text(&j, "url", d->url);
	mx_json_bool(&j, "embedded", !d->opt.url);
	mx_json_text(&j, "run", d->run_id);
	mx_json_uint(&j, "seed", d->opt.seed);
	mx_json_uint(&j, "threads", d->opt.threads);
	mx_json_uint(&j, "rounds", d->opt.rounds);
	mx_json_uint(&j, "messages_read", t->read);
	mx_json_uint(&j, "sent", t->sent);
	mx_json_uint(&j, "notified", t->notified);
	mx_json_uint(&j, "verified", t->verified);
	mx_json_uint(&j, "hung", atomic_load(&d->hung));
	mx_json_uint(&j, "errors", atomic_load(&d->errors));
	mx_json_bool(&j, "ok", ok);
	mx_json_uint(&j, "most_logons_at_once",
		     atomic_load(&d->most_logged_on));
	mx_json_uint(&j, "times_a_user_logged_on_twice",
		     atomic_load(&d->twice));
	mx_json_open(&j, "mail", '{');
	mx_json_uint(&j, "files", d->n_files);
	mx_json_uint(&j, "parsed", d->n_mails);
	mx_json_uint(&j, "notes", d->n_noted);
	mx_json_open(&j, "unreadable", '[');
	for (size_t i = 0; i < d->n_unreadable; i++)
		mx_json_text(&j, NULL, d->unreadable[i]);
	mx_json_close(&j, ']');
	mx_json_close(&j, '}');
	mx_json_open(&j, "seconds", '{');
	mx_json_seconds(&j, "load", d->phase_ns[DEMO_LOAD]);
	mx_json_seconds(&j, "rounds", d->phase_ns[DEMO_ROUNDS]);
	mx_json_seconds(&j, "sweep", d->phase_ns[DEMO_SWEEP]);
	mx_json_close(&j, '}');
	json_users(d, &j);
	mx_json_close(&j, '}');
}

int demo_report(struct demo *d)
{
	const struct totals t = add_up(d);
	const unsigned hung = atomic_load(&d->hung);
	const unsigned errors = atomic_load(&d->errors);
	const bool ok = !hung && !errors && t.sent == d->opt.rounds &&
			t.notified == t.sent && t.verified == t.sent;

	if (d->opt.json)
		json(d, &t, ok);
	else
		table(d);
	fflush(stdout);
	fprintf(d->opt.json ? stderr : stdout,
		"demo: %u users, %u threads, %u rounds, %llu messages read, "
		"%llu sent, %llu notified, %u hung, %u errors\n",
		d->opt.users, d->opt.threads, d->opt.rounds, t.read, t.sent,
		t.notified, hung, errors);
	fflush(NULL);
	return ok ? MX_EXIT_OK : MX_EXIT_FAILED;
}
