/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `mapiary serve`: the embedded server until SIGINT or SIGTERM.  The one line
 * on stdout says where it listens; everything else is talk on stderr.
 */
#include "cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/auto.h"
#include "base/log.h"
#include "server/server.h"

/* Limits that can be set, each an unsigned member of the parameters; beyond
 * them the server refuses, as a large one would. */
static const struct limit {
	const char *name, *help;
	size_t at;
	unsigned max;
	unsigned def; /* 0: none */
} limits[] = {
#define LIMIT(member) offsetof(struct mx_server_params, member)
	{"max-sessions", "session contexts of a user", LIMIT(max_contexts),
	 100000, 32},
	{"max-logons", "mailboxes open in a session context", LIMIT(max_logons),
	 255, 255},
	{"max-objects", "objects open in a session context", LIMIT(max_objects),
	 1000000, 2000},
	{"max-folders", "… of them folders", LIMIT(max_folders), 1000000, 500},
	{"max-messages", "… messages, also embedded ones", LIMIT(max_messages),
	 1000000, 250},
	{"max-attachments", "… attachments", LIMIT(max_attachments), 1000000,
	 500},
	{"max-tables", "… tables", LIMIT(max_tables), 1000000, 500},
	{"max-streams", "… streams", LIMIT(max_streams), 1000000, 250},
	{"max-rate",
	 "Connects and Executes of a user in a second: "
	 "then 429",
	 LIMIT(max_rate), 1000000, 0},
	{"max-active", "… of a user at once: then RopBackoff",
	 LIMIT(max_active), 1000000, 0},
	{"max-running", "… of everybody at once: then 503", LIMIT(max_running),
	 1000000, 0},
	{"max-mailboxes", "mailboxes open at once, of all users",
	 LIMIT(max_open), 100000, 0},
#undef LIMIT
};

static void limits_usage(FILE *to)
{
	fputs("\nLimits:\n\n", to);
	for (size_t i = 0; i < MX_ARRAY_SIZE(limits); i++) {
		const struct limit *l = &limits[i];

		fprintf(to, "  --%-15s N  %s", l->name, l->help);
		if (l->def)
			fprintf(to, " (%u)", l->def);
		fputc('\n', to);
	}
}

static int usage(FILE *to, int status)
{
	fputs("usage: mapiary serve --data DIR [OPTION...]\n"
	      "\n"
	      "Serves the mailboxes in DIR (made when missing; users: mapiary "
	      "user) until\ninterrupted, and says on stdout where it listens.\n"
	      "\n"
	      "  --data DIR          where the mailboxes are\n"
	      "  --listen ADDR:PORT  default 127.0.0.1:0, a free port; "
	      "[::1]:PORT for IPv6;\n"
	      "                      other than loopback only with TLS\n"
	      "  --tls-cert FILE     certificate chain, PEM\n"
	      "  --tls-key FILE      its key, PEM\n"
	      "  --public-url URL    what Autodiscover tells clients\n"
	      "  --access-log FILE   a line for every request\n"
	      "  --workers N         threads for requests (cores + 4)\n"
	      "  --verbose           more talk\n",
	      to);
	limits_usage(to);
	return status;
}

enum {
	OPT_DATA = 256,
	OPT_LISTEN,
	OPT_CERT,
	OPT_KEY,
	OPT_PUBLIC_URL,
	OPT_ACCESS_LOG,
	OPT_WORKERS,
	OPT_VERBOSE,
	OPT_HELP,
	OPT_LIMIT, /* the first of `limits`; the others follow */
};

#define N_LIMITS MX_ARRAY_SIZE(limits)

static const struct option plain_options[] = {
	{"data", required_argument, NULL, OPT_DATA},
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"tls-cert", required_argument, NULL, OPT_CERT},
	{"tls-key", required_argument, NULL, OPT_KEY},
	{"public-url", required_argument, NULL, OPT_PUBLIC_URL},
	{"access-log", required_argument, NULL, OPT_ACCESS_LOG},
	{"workers", required_argument, NULL, OPT_WORKERS},
	{"verbose", no_argument, NULL, OPT_VERBOSE},
	{"help", no_argument, NULL, OPT_HELP},
};

#define N_PLAIN MX_ARRAY_SIZE(plain_options)

static void all_options(struct option ret[N_PLAIN + N_LIMITS + 1])
{
	memcpy(ret, plain_options, sizeof(plain_options));
	for (size_t i = 0; i < N_LIMITS; i++)
		ret[N_PLAIN + i] = (struct option){limits[i].name,
						   required_argument, NULL,
						   OPT_LIMIT + (int)i};
	ret[N_PLAIN + N_LIMITS] = (struct option){0};
}

static int take_limit(struct mx_server_params *p, const struct limit *l,
		      const char *text)
{
	char option[32];
	uint64_t n;

	snprintf(option, sizeof(option), "--%s", l->name);
	if (mx_cli_number("serve", option, text, 1, l->max, &n))
		return -1;
	*(unsigned *)(void *)((char *)p + l->at) = (unsigned)n;
	return 0;
}

/* "127.0.0.1:80", "[::1]:80", "127.0.0.1"; cuts the text in place. */
static int split_address(char *text, struct mx_server_params *p)
{
	char *port = strrchr(text, ':');
	uint64_t n;

	if (*text == '[') {
		char *end = strchr(text, ']');

		if (!end || (end[1] && end[1] != ':'))
			return mx_cli_fail("serve",
					   "--listen takes ADDR:PORT, not %s",
					   text);
		*end = '\0';
		port = end[1] ? end + 1 : NULL;
		text++;
	}
	if (port) {
		if (mx_cli_number("serve", "the port of --listen", port + 1, 0,
				  65535, &n))
			return MX_EXIT_FAILED;
		*port = '\0';
		p->port = (uint16_t)n;
	}
	p->address = text;
	return 0;
}

static int take_option(struct mx_server_params *p, int c, bool *verbose)
{
	uint64_t n;

	if (c >= OPT_LIMIT && c < OPT_LIMIT + (int)N_LIMITS)
		return take_limit(p, &limits[c - OPT_LIMIT], optarg);
	switch (c) {
	case OPT_DATA:
		p->dir = optarg;
		return 0;
	case OPT_LISTEN:
		return split_address(optarg, p);
	case OPT_CERT:
		p->tls_cert = optarg;
		return 0;
	case OPT_KEY:
		p->tls_key = optarg;
		return 0;
	case OPT_PUBLIC_URL:
		p->public_url = optarg;
		return 0;
	case OPT_ACCESS_LOG:
		p->access_log = optarg;
		return 0;
	case OPT_WORKERS:
		if (mx_cli_number("serve", "--workers", optarg, 1, 1024, &n))
			return -1;
		p->n_workers = (unsigned)n;
		return 0;
	case OPT_VERBOSE:
		*verbose = true;
		return 0;
	default:
		usage(stderr, MX_EXIT_USAGE);
		return -1;
	}
}

/* A mailbox that is open takes three descriptors, a client one: as many as the
 * system gives us, and a quarter of them for mailboxes. */
static void use_descriptors(struct mx_server_params *p)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl))
		return;
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
	if (!getrlimit(RLIMIT_NOFILE, &rl) && !p->max_open &&
	    rl.rlim_cur / 12 > 256)
		p->max_open = rl.rlim_cur > 120000
				      ? 10000
				      : (unsigned)(rl.rlim_cur / 12);
}

int mx_cmd_serve(int argc, char **argv)
{
	MX_AUTO(mx_server_stop_auto) struct mx_server *srv = NULL;
	struct mx_server_params p = {.address = "127.0.0.1"};
	struct mx_fault fault = MX_FAULT_INIT;
	struct option options[N_PLAIN + N_LIMITS + 1];
	bool verbose = false;
	sigset_t set;
	int c, r, sig;

	all_options(options);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == OPT_HELP)
			return usage(stdout, MX_EXIT_OK);
		if (take_option(&p, c, &verbose))
			return MX_EXIT_USAGE;
	}
	if (!p.dir || optind < argc)
		return usage(stderr, MX_EXIT_USAGE);
	use_descriptors(&p);
	mx_log_sink(mx_log_stderr, NULL, verbose ? MX_LOG_DEBUG : MX_LOG_INFO);
	/* Blocked before there are threads: only this one takes them. */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r = mx_server_start(&p, &fault, &srv);
	if (r < 0)
		return mx_cli_fail("serve", "%s",
				   fault.text[0] ? fault.text : strerror(-r));
	printf("mapiary serve: %s\n", mx_server_url(srv));
	fflush(stdout);
	sigwait(&set, &sig);
	return MX_EXIT_OK;
}
