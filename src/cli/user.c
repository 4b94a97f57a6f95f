/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mapiary user`: the users of a data directory.  Works on the store itself,
 * so no server may have it at the same time.
 */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
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
	      "       mapiary user list --data DIR [--json]\n"
	      "\n"
	      "A password comes from the first line of stdin with "
	      "--password-stdin; otherwise a\nrandom one is made and printed.  "
	      "`del` removes the mailbox with all mail.\n",
	      to);
	return status;
}

struct args {
	const char *verb, *name, *data;
	struct mx_user user;
	const char *sid;
	bool password_stdin, json;
};

enum {
	OPT_DATA = 256,
	OPT_DISPLAY,
	OPT_SMTP,
	OPT_DN,
	OPT_SID,
	OPT_PASSWORD_STDIN,
	OPT_JSON,
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

static const char *sid_text(const struct mx_user *u, char buf[MX_SID_MAX_STR])
{
	struct mx_sid sid;

	if (mx_sid_unpack(u->sid, u->sid_len, &sid))
		return "-";
	return mx_sid_format(&sid, buf);
}

static void list_json(const struct mx_user *users, size_t n)
{
	struct mx_json j = {.to = stdout};
	char sid[MX_SID_MAX_STR];

	mx_json_open(&j, NULL, '{');
	mx_json_text(&j, "format", "mapiary-users");
	mx_json_uint(&j, "version", 1);
	mx_json_open(&j, "users", '[');
	for (size_t i = 0; i < n; i++) {
		mx_json_open(&j, NULL, '{');
		mx_json_text(&j, "name", users[i].name);
		mx_json_text(&j, "display", users[i].display);
		mx_json_text(&j, "smtp", users[i].smtp);
		mx_json_text(&j, "dn", users[i].dn);
		mx_json_text(&j, "sid", sid_text(&users[i], sid));
		mx_json_bool(&j, "disabled", users[i].disabled);
		mx_json_close(&j, '}');
	}
	mx_json_close(&j, ']');
	mx_json_close(&j, '}');
}

static int list(struct mx_store *st, struct args *g)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	struct mx_user *users;
	char sid[MX_SID_MAX_STR];
	size_t n;
	int r = mx_dir_list(st, &a, &users, &n);

	if (r)
		return mx_cli_fail("user", "list: %s", mx_store_strerror(r));
	if (g->json) {
		list_json(users, n);
		return MX_EXIT_OK;
	}
	for (size_t i = 0; i < n; i++)
		printf("%s\t%s\t%s\t%s%s\n", users[i].name, users[i].smtp,
		       sid_text(&users[i], sid), users[i].dn,
		       users[i].disabled ? "\tdisabled" : "");
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
	default:
		return -1;
	}
}

int mx_cmd_user(int argc, char **argv)
{
	static const struct {
		const char *verb;
		bool named;
		int (*run)(struct mx_store *st, struct args *g);
	} verbs[] = {{"add", true, add},
		     {"passwd", true, passwd},
		     {"del", true, del},
		     {"list", false, list}};
	MX_AUTO(mx_store_close_auto) struct mx_store *st = NULL;
	struct args g = {0};
	size_t v = 0;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == OPT_HELP)
			return usage(stdout, MX_EXIT_OK);
		if (take_option(&g, c))
			return usage(stderr, MX_EXIT_USAGE);
	}
	g.verb = optind < argc ? argv[optind++] : "";
	while (v < MX_ARRAY_SIZE(verbs) && strcmp(g.verb, verbs[v].verb))
		v++;
	if (v < MX_ARRAY_SIZE(verbs) && verbs[v].named && optind < argc)
		g.name = argv[optind++];
	if (v == MX_ARRAY_SIZE(verbs) || optind < argc || !g.data ||
	    !g.name != !verbs[v].named)
		return usage(stderr, MX_EXIT_USAGE);
	/* Only `add` makes a store where there is none. */
	if (verbs[v].run != add && access(g.data, F_OK))
		return mx_cli_fail("user", "data directory %s: %s", g.data,
				   strerror(errno));
	r = mx_store_open(g.data, NULL, &st);
	if (r == -EBUSY)
		return mx_cli_fail("user",
				   "%s is in use by a running server: stop it "
				   "first",
				   g.data);
	if (r)
		return mx_cli_fail("user", "data directory %s: %s", g.data,
				   mx_store_strerror(r));
	return verbs[v].run(st, &g);
}
