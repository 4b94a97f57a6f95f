/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mapiary user`: the users of a data directory.  Works on the store itself.
 * list, grant and revoke do so beside a running server; for the others none may
 * have it at the same time.
 */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "cli/json.h"
#include "identity/sid.h"
#include "store/dir.h"
#include "store/store.h"

static int usage(FILE *to, int status)
{
	fputs("usage: mapiary user add NAME --data DIR [--display NAME] "
	      "[--smtp ADDRESS]\n"
	      "                        [--dn DN] [--sid SID] "
	      "[--password-stdin]\n"
	      "       mapiary user passwd NAME --data DIR [--password-stdin]\n"
	      "       mapiary user del NAME --data DIR\n"
	      "       mapiary user grant OWNER WHO --data DIR "
	      "[--rights RIGHT,...]\n"
	      "       mapiary user revoke OWNER WHO --data DIR\n"
	      "       mapiary user list --data DIR [--json]\n"
	      "\n"
	      "A password comes from the first line of stdin with "
	      "--password-stdin; otherwise a\nrandom one is made and printed.  "
	      "`del` removes the mailbox with all mail.\n"
	      "\n"
	      "`grant` lets WHO work in OWNER's mailbox, with these rights and "
	      "no others:\n"
	      "  full            as the owner (what is given without "
	      "--rights)\n"
	      "  read            open everything, change nothing\n"
	      "  send-as         send with OWNER as the sender\n"
	      "  send-on-behalf  send with OWNER as the one represented; part "
	      "of full\n"
	      "It and `revoke` hold from WHO's next logon on, also beside a "
	      "running server.\n",
	      to);
	return status;
}

struct args {
	const char *verb, *name, *who, *data;
	struct mx_user user;
	const char *sid;
	unsigned rights; /* MX_GRANT_… */
	bool password_stdin, json, has_rights;
};

enum {
	OPT_DATA = 256,
	OPT_DISPLAY,
	OPT_SMTP,
	OPT_DN,
	OPT_SID,
	OPT_PASSWORD_STDIN,
	OPT_JSON,
	OPT_RIGHTS,
	OPT_HELP,
};

static const struct option options[] = {
	{"data", required_argument, NULL, OPT_DATA},
	{"display", required_argument, NULL, OPT_DISPLAY},
	{"smtp", required_argument, NULL, OPT_SMTP},
	{"dn", required_argument, NULL, OPT_DN},
	{"sid", required_argument, NULL, OPT_SID},
	{"password-stdin", no_argument, NULL, OPT_PASSWORD_STDIN},
	{"json", no_argument, NULL, OPT_JSON},
	{"rights", required_argument, NULL, OPT_RIGHTS},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

/* The first line of stdin, or a random password which is printed by
 * show_password once it is in force. */
static int get_password(const struct args *g, char *buf, size_t n)
{
	if (!g->password_stdin)
		return mx_cli_random_password(buf)
			       ? mx_cli_fail("user", "no random numbers")
			       : 0;
	if (!fgets(buf, (int)n, stdin) || !*buf || *buf == '\n')
		return mx_cli_fail("user", "no password on stdin");
	if (strlen(buf) == n - 1 && buf[n - 2] != '\n')
		return mx_cli_fail("user", "the password is too long");
	buf[strcspn(buf, "\r\n")] = '\0';
	return 0;
}

static void show_password(const struct args *g, const char *password)
{
	if (!g->password_stdin)
		printf("%s\t%s\n", g->name, password);
}

static int said(const struct args *g, int r)
{
	return mx_cli_fail("user", "%s %s: %s", g->verb, g->name,
			   mx_store_strerror(r));
}

static int add(struct mx_store *st, struct args *g)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	uint8_t bytes[MX_SID_MAX_BYTES];
	char password[512];
	struct mx_sid sid;
	int r;

	if (g->sid && mx_sid_parse(g->sid, &sid))
		return mx_cli_fail("user", "\"%s\" is no SID", g->sid);
	if (g->sid) {
		g->user.sid_len = mx_sid_pack(&sid, bytes);
		g->user.sid = bytes;
	}
	if (get_password(g, password, sizeof(password)))
		return MX_EXIT_FAILED;
	g->user.name = g->name;
	r = mx_dir_add(st, &g->user, password, &a, NULL);
	if (!r)
		show_password(g, password);
	explicit_bzero(password, sizeof(password));
	return r ? said(g, r) : MX_EXIT_OK;
}

static int passwd(struct mx_store *st, struct args *g)
{
	char password[512];
	int r;

	if (get_password(g, password, sizeof(password)))
		return MX_EXIT_FAILED;
	r = mx_dir_set_password(st, g->name, password);
	if (!r)
		show_password(g, password);
	explicit_bzero(password, sizeof(password));
	return r ? said(g, r) : MX_EXIT_OK;
}

static int del(struct mx_store *st, struct args *g)
{
	int r = mx_dir_remove(st, g->name);

	return r ? said(g, r) : MX_EXIT_OK;
}

/* ---- Grants ---- */

static const struct {
	const char *name;
	unsigned right;
} rights[] = {
	{"full", MX_GRANT_FULL},
	{"read", MX_GRANT_READ},
	{"send-as", MX_GRANT_SEND_AS},
	{"send-on-behalf", MX_GRANT_SEND_BEHALF},
};

/* "read,send-as"; 0 with a message when it is none. */
static unsigned parse_rights(const char *text)
{
	unsigned all = 0;

	for (;;) {
		size_t n = strcspn(text, ","), i = 0;

		while (i < MX_ARRAY_SIZE(rights) &&
		       (strlen(rights[i].name) != n ||
			strncmp(rights[i].name, text, n)))
			i++;
		if (i == MX_ARRAY_SIZE(rights)) {
			mx_cli_fail("user", "\"%.*s\" is no right", (int)n,
				    text);
			return 0;
		}
		all |= rights[i].right;
		if (!text[n])
			return all;
		text += n + 1;
	}
}

static int set_grant(struct mx_store *st, struct args *g, unsigned to)
{
	int r = strcasecmp(g->name, g->who)
			? mx_dir_grant(st, g->name, g->who, to)
			: MX_ANS_INVALID_PARAM;

	if (!r)
		return MX_EXIT_OK;
	return mx_cli_fail("user", "%s %s %s: %s", g->verb, g->name, g->who,
			   mx_store_strerror(r));
}

static int give(struct mx_store *st, struct args *g)
{
	return set_grant(st, g, g->has_rights ? g->rights : MX_GRANT_FULL);
}

static int take_back(struct mx_store *st, struct args *g)
{
	return set_grant(st, g, 0);
}

/* ---- Listing ---- */

struct listing {
	struct mx_user *users;
	struct mx_dir_grant *grants; /* in the order of the users */
	size_t n_users, n_grants;
};

static const char *sid_text(const struct mx_user *u, char buf[MX_SID_MAX_STR])
{
	struct mx_sid sid;

	if (mx_sid_unpack(u->sid, u->sid_len, &sid))
		return "-";
	return mx_sid_format(&sid, buf);
}

static void grant_json(struct mx_json *j, const struct mx_dir_grant *g)
{
	mx_json_open(j, NULL, '{');
	mx_json_text(j, "to", g->name);
	mx_json_open(j, "rights", '[');
	for (size_t i = 0; i < MX_ARRAY_SIZE(rights); i++)
		if (g->rights & rights[i].right)
			mx_json_text(j, NULL, rights[i].name);
	mx_json_close(j, ']');
	mx_json_close(j, '}');
}

static void user_json(struct mx_json *j, const struct mx_user *u,
		      const struct listing *l)
{
	char sid[MX_SID_MAX_STR];

	mx_json_open(j, NULL, '{');
	mx_json_text(j, "name", u->name);
	mx_json_text(j, "display", u->display);
	mx_json_text(j, "smtp", u->smtp);
	mx_json_text(j, "dn", u->dn);
	mx_json_text(j, "sid", sid_text(u, sid));
	mx_json_bool(j, "disabled", u->disabled);
	mx_json_open(j, "grants", '[');
	for (size_t i = 0; i < l->n_grants; i++)
		if (l->grants[i].owner == u->id)
			grant_json(j, &l->grants[i]);
	mx_json_close(j, ']');
	mx_json_close(j, '}');
}

static void list_json(const struct listing *l)
{
	struct mx_json j = {.to = stdout};

	mx_json_open(&j, NULL, '{');
	mx_json_text(&j, "format", "mapiary-users");
	mx_json_uint(&j, "version", 1);
	mx_json_open(&j, "users", '[');
	for (size_t i = 0; i < l->n_users; i++)
		user_json(&j, &l->users[i], l);
	mx_json_close(&j, ']');
	mx_json_close(&j, '}');
}

/* "\tgrants bob:full bert:read,send-as" */
static void grants_text(const struct mx_user *u, const struct listing *l)
{
	const char *before = "\tgrants";

	for (size_t i = 0; i < l->n_grants; i++) {
		const struct mx_dir_grant *g = &l->grants[i];
		char sep = ':';

		if (g->owner != u->id)
			continue;
		printf("%s %s", before, g->name);
		before = "";
		for (size_t k = 0; k < MX_ARRAY_SIZE(rights); k++)
			if (g->rights & rights[k].right) {
				printf("%c%s", sep, rights[k].name);
				sep = ',';
			}
	}
}

static void list_text(const struct listing *l)
{
	char sid[MX_SID_MAX_STR];

	for (size_t i = 0; i < l->n_users; i++) {
		const struct mx_user *u = &l->users[i];

		printf("%s\t%s\t%s\t%s%s", u->name, u->smtp, sid_text(u, sid),
		       u->dn, u->disabled ? "\tdisabled" : "");
		grants_text(u, l);
		putchar('\n');
	}
}

static int list(struct mx_store *st, struct args *g)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	struct listing l = {0};
	int r = mx_dir_list(st, &a, &l.users, &l.n_users);

	if (!r)
		r = mx_dir_list_grants(st, &a, &l.grants, &l.n_grants);
	if (r)
		return mx_cli_fail("user", "list: %s", mx_store_strerror(r));
	if (g->json)
		list_json(&l);
	else
		list_text(&l);
	return MX_EXIT_OK;
}

static int take_option(struct args *g, int c)
{
	switch (c) {
	case OPT_DATA:
		g->data = optarg;
		return 0;
	case OPT_DISPLAY:
		g->user.display = optarg;
		return 0;
	case OPT_SMTP:
		g->user.smtp = optarg;
		return 0;
	case OPT_DN:
		g->user.dn = optarg;
		return 0;
	case OPT_SID:
		g->sid = optarg;
		return 0;
	case OPT_PASSWORD_STDIN:
		g->password_stdin = true;
		return 0;
	case OPT_JSON:
		g->json = true;
		return 0;
	case OPT_RIGHTS:
		g->has_rights = true;
		g->rights = parse_rights(optarg);
		return g->rights ? 0 : -1;
	default:
		return -1;
	}
}

static const struct verb {
	const char *name;
	unsigned n_names; /* words after it */
	bool beside;      /* a running server */
	int (*run)(struct mx_store *st, struct args *g);
} verbs[] = {
	{"add", 1, false, add},         {"passwd", 1, false, passwd},
	{"del", 1, false, del},         {"grant", 2, true, give},
	{"revoke", 2, true, take_back}, {"list", 0, true, list},
};

static const struct verb *take_words(struct args *g, char **word, int n)
{
	g->verb = n ? *word : "";
	for (size_t v = 0; v < MX_ARRAY_SIZE(verbs); v++) {
		if (strcmp(g->verb, verbs[v].name))
			continue;
		if (n != 1 + (int)verbs[v].n_names)
			return NULL;
		g->name = n > 1 ? word[1] : NULL;
		g->who = n > 2 ? word[2] : NULL;
		return &verbs[v];
	}
	return NULL;
}

int mx_cmd_user(int argc, char **argv)
{
	MX_AUTO(mx_store_close_auto) struct mx_store *st = NULL;
	struct mx_store_conf conf = {0};
	const struct verb *v;
	struct args g = {0};
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == OPT_HELP)
			return usage(stdout, MX_EXIT_OK);
		if (take_option(&g, c))
			return usage(stderr, MX_EXIT_USAGE);
	}
	v = take_words(&g, argv + optind, argc - optind);
	if (!v || !g.data || (g.has_rights && v->run != give))
		return usage(stderr, MX_EXIT_USAGE);
	/* Only `add` makes a store where there is none. */
	if (v->run != add && access(g.data, F_OK))
		return mx_cli_fail("user", "data directory %s: %s", g.data,
				   strerror(errno));
	conf.users_only = v->beside;
	r = mx_store_open(g.data, &conf, &st);
	if (r == -EBUSY)
		return mx_cli_fail("user",
				   "%s is in use by a running server: stop it "
				   "first",
				   g.data);
	if (r)
		return mx_cli_fail("user", "data directory %s: %s", g.data,
				   mx_store_strerror(r));
	return v->run(st, &g);
}
