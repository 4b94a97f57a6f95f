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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "server/server.h"

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
};

static const struct option options[] = {
	{"data", required_argument, NULL, OPT_DATA},
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"tls-cert", required_argument, NULL, OPT_CERT},
	{"tls-key", required_argument, NULL, OPT_KEY},
	{"public-url", required_argument, NULL, OPT_PUBLIC_URL},
	{"access-log", required_argument, NULL, OPT_ACCESS_LOG},
	{"workers", required_argument, NULL, OPT_WORKERS},
	{"verbose", no_argument, NULL, OPT_VERBOSE},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

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

int mx_cmd_serve(int argc, char **argv)
{
	MX_AUTO(mx_server_stop_auto) struct mx_server *srv = NULL;
	struct mx_server_params p = {.address = "127.0.0.1"};
	struct mx_fault fault = MX_FAULT_INIT;
	bool verbose = false;
	sigset_t set;
	int c, r, sig;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == OPT_HELP)
			return usage(stdout, MX_EXIT_OK);
		if (take_option(&p, c, &verbose))
			return MX_EXIT_USAGE;
	}
	if (!p.dir || optind < argc)
		return usage(stderr, MX_EXIT_USAGE);
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
