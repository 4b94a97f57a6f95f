/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The demo's users: made up with random passwords for the embedded server, or
 * read from a credentials file for another one.
 *
 * The file has one user a line, fields by tabs: login, password, SMTP address,
 * legacyExchangeDN, SID.  The last two may be missing or "-": the DN is then
 * asked of Autodiscover, the SID made up.  Lines with # in front are skipped.
 */
#include "cli/demo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "cli/cli.h"
#include "identity/sid.h"

#define MAX_LINE 4096

static int out_of_memory(void)
{
	mx_cli_fail("demo", "out of memory");
	return -1;
}

/* First names: a table that people can read. */
static const char *const first[] = {
	"anna",   "bela",   "chloe",  "dmitri", "elif",  "farid",
	"greta",  "hana",   "ivan",   "jonas",  "kemal", "lucia",
	"mateo",  "nadia",  "oskar",  "paula",  "quinn", "rosa",
	"stefan", "tamara", "ulrike", "victor", "wanda", "yusuf",
};

static int make_one(struct demo *d, unsigned i, const struct mx_sid *domain)
{
	const unsigned n = MX_ARRAY_SIZE(first);
	struct demo_user *u = &d->users[i];
	char password[32], sid[MX_SID_MAX_STR];
	struct mx_sid s;
	char *display;

	if (mx_cli_random_password(password) ||
	    mx_sid_with_rid(domain, 1000 + i, &s))
		return mx_cli_fail("demo", "no random numbers") * -1;
	u->name = i < n ? first[i]
			: mx_arena_printf(&d->arena, "%s%u", first[i % n],
					  i / n + 1);
	u->password = mx_arena_strdup(&d->arena, password);
	u->sid = mx_arena_strdup(&d->arena, mx_sid_format(&s, sid));
	u->smtp = mx_arena_printf(&d->arena, "%s@mapiary.test", u->name);
	u->dn = mx_arena_printf(&d->arena,
				"/o=Mapiary/ou=Exchange Administrative Group "
				"(FYDIBOHF23SPDLT)/cn=Recipients/cn=%s",
				u->name);
	display = mx_arena_strdup(&d->arena, u->name);
	if (!u->name || !u->password || !u->sid || !u->smtp || !u->dn ||
	    !display)
		return out_of_memory();
	display[0] = (char)(display[0] - 'a' + 'A');
	u->display = display;
	return 0;
}

/* The i-th field; NULL when missing or "-". */
static const char *field(struct demo *d, char **rest)
{
	char *f = strsep(rest, "\t");

	if (!f || !*f || !strcmp(f, "-"))
		return NULL;
	return mx_arena_strdup(&d->arena, f);
}

static int take_line(struct demo *d, unsigned i, unsigned no, char *line)
{
	struct demo_user *u = &d->users[i];

	line[strcspn(line, "\r\n")] = '\0';
	u->name = field(d, &line);
	u->password = field(d, &line);
	u->smtp = field(d, &line);
	u->dn = field(d, &line);
	u->sid = field(d, &line);
	u->display = u->name;
	if (!u->name || !u->password || !u->smtp) {
		mx_cli_fail("demo",
			    "%s, line %u: login, password and SMTP address "
			    "are needed, with tabs between",
			    d->opt.credentials, no);
		return -1;
	}
	return 0;
}

static int read_file(struct demo *d)
{
	FILE *f = fopen(d->opt.credentials, "re");
	char line[MAX_LINE];
	unsigned n = 0, no = 0;
	int r = 0;

	if (!f) {
		mx_cli_fail("demo", "credentials file %s: %s",
			    d->opt.credentials, strerror(errno));
		return -1;
	}
	while (!r && n < d->opt.users && fgets(line, sizeof(line), f)) {
		no++;
		if (line[0] != '#' && line[strspn(line, " \t\r\n")])
			r = take_line(d, n++, no, line);
	}
	explicit_bzero(line, sizeof(line));
	fclose(f);
	if (!r && n < 2) {
		mx_cli_fail("demo", "%s: the demo needs two users or more",
			    d->opt.credentials);
		r = -1;
	}
	d->opt.users = n;
	return r;
}

int demo_users_make(struct demo *d)
{
	struct mx_sid domain;
	int r = 0;

	d->users = mx_arena_newv(&d->arena, struct demo_user, d->opt.users);
	if (!d->users)
		return out_of_memory();
	if (d->opt.credentials)
		r = read_file(d);
	else if (mx_sid_random(500, &domain))
		r = -1;
	for (unsigned i = 0; !r && i < d->opt.users; i++) {
		pthread_mutex_init(&d->users[i].lock, NULL);
		if (!d->opt.credentials)
			r = make_one(d, i, &domain);
	}
	return r;
}

static int open_one(struct demo *d, struct demo_user *u)
{
	MAPIARY_USER_PARAMS who = {
		.cbSize = sizeof(who),
		.lpszSid = u->sid,
		.lpszDisplayName = u->display,
		.lpszLogin = u->name,
		.lpszPassword = u->password,
	};
	MAPIARY_CONFIG where = {
		.cbSize = sizeof(where),
		.ulFlags = MAPIARY_EXPLICIT_USER,
		.lpszUrl = d->url,
		.lpszAddress = u->smtp,
		.lpszAutodiscoverUrl = d->opt.autodiscover,
		.lpszMailboxDn = u->dn,
		.lpszUserDn = u->user_dn,
		.lpszCaFile = d->opt.ca_file,
	};
	HRESULT hr = MapiaryCreateUser(&who, &u->ctx);

	if (!u->profile)
		u->profile = mx_arena_printf(&d->arena, "demo-%s", u->name);
	if (!u->profile)
		return out_of_memory();
	if (!FAILED(hr))
		hr = MapiaryDefineProfile(u->profile, &where);
	if (!FAILED(hr))
		return 0;
	mx_cli_fail("demo", "user %s: %s (0x%08x)%s%s", u->name,
		    demo_code_name(hr), (unsigned)hr,
		    *MapiaryLastErrorText() ? ": " : "",
		    MapiaryLastErrorText());
	return -1;
}

int demo_users_open(struct demo *d)
{
	int r = 0;

	for (unsigned i = 0; !r && i < d->opt.users; i++)
		r = open_one(d, &d->users[i]);
	return r;
}

void demo_users_close(struct demo *d)
{
	for (unsigned i = 0; d->users && i < d->opt.users; i++) {
		struct demo_user *u = &d->users[i];

		if (u->profile)
			MapiaryDefineProfile(u->profile, NULL);
		if (u->ctx)
			MapiaryUserRelease(u->ctx);
		for (size_t k = 0; k < u->n_loaded; k++)
			free(u->loaded[k].id);
		free(u->loaded);
		pthread_mutex_destroy(&u->lock);
	}
}
