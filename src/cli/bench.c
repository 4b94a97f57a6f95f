/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench.h"

#include <edkmdb.h>
#include <getopt.h>
#include <mapiutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/auto.h"
#include "cli/cli.h"
#include "cli/json.h"

unsigned bench_blocks = BENCH_BLOCKS;

bool bench_ok(const char *step, HRESULT hr)
{
	if (!FAILED(hr))
		return true;
	mx_cli_fail("bench", "%s: %s (0x%08x) %s", step, demo_code_name(hr),
		    (unsigned)hr, MapiaryLastErrorText());
	return false;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Alternates n blocks of each. */
static int alternate(bench_block_fn *ours, bench_block_fn *floor_fn, void *arg,
		     unsigned n, double *a, double *b)
{
	for (unsigned i = 0; i < n; i++) {
		a[i] = ours(arg);
		b[i] = floor_fn(arg);
		if (a[i] < 0 || b[i] < 0)
			return -1;
	}
	qsort(a, n, sizeof(*a), by_value);
	qsort(b, n, sizeof(*b), by_value);
	return 0;
}

int bench_compare(bench_block_fn *ours, bench_block_fn *floor_fn, void *arg,
		  double n, struct bench_line *line)
{
	const unsigned blocks = bench_blocks;
	double *a = calloc(blocks, sizeof(*a)), *b = calloc(blocks, sizeof(*b));
	int r = -1;

	if (!a || !b)
		mx_cli_fail("bench", "out of memory");
	else if (ours(arg) >= 0 && floor_fn(arg) >= 0)
		r = alternate(ours, floor_fn, arg, blocks, a, b);
	if (!r) {
		line->ours = a[blocks / 2] / n;
		line->low = a[blocks / 4] / n;
		line->high = a[3 * blocks / 4] / n;
		line->floor = b[blocks / 2] / n;
	}
	free(a);
	free(b);
	return r;
}

void bench_add(struct bench *b, const struct bench_line *line)
{
	if (b->n_lines < MX_ARRAY_SIZE(b->lines))
		b->lines[b->n_lines++] = *line;
}

bool bench_info(LPMAPISESSION ses, MAPIARY_SESSION_INFO *ret)
{
	ret->cbSize = sizeof(*ret);
	return bench_ok("session numbers", MapiaryGetSessionInfo(ses, ret));
}

static bool log_on(const struct demo_user *u, LPMAPIARYUSER who,
		   LPMAPISESSION *ret)
{
	HRESULT hr = MapiaryImpersonate(who ? who : u->ctx);

	if (!bench_ok("impersonate", hr))
		return false;
	hr = MAPILogonEx(0, (LPTSTR)u->profile, NULL,
			 MAPI_EXTENDED | MAPI_NEW_SESSION |
				 MAPI_EXPLICIT_PROFILE | MAPI_NO_MAIL,
			 ret);
	MapiaryRevert();
	return bench_ok("log on", hr);
}

HRESULT bench_default_store(LPMAPISESSION ses, ULONG flags, LPMDB *ret)
{
	static SizedSPropTagArray(2, columns) = {
		2, {PR_ENTRYID, PR_DEFAULT_STORE}};
	LPMAPITABLE table = NULL;
	LPSRowSet rows = NULL;
	HRESULT hr = IMAPISession_GetMsgStoresTable(ses, 0, &table);

	if (!FAILED(hr))
		hr = HrQueryAllRows(table, (LPSPropTagArray)&columns, NULL,
				    NULL, 0, &rows);
	for (ULONG i = 0; !FAILED(hr) && i < rows->cRows && !*ret; i++) {
		const SPropValue *v = rows->aRow[i].lpProps;

		if (v[1].ulPropTag == PR_DEFAULT_STORE && v[1].Value.b)
			hr = IMAPISession_OpenMsgStore(
				ses, 0, v[0].Value.bin.cb,
				(LPENTRYID)v[0].Value.bin.lpb, NULL,
				MDB_WRITE | flags, ret);
	}
	FreeProws(rows);
	UlRelease(table);
	return *ret || FAILED(hr) ? hr : MAPI_E_NOT_FOUND;
}

bool bench_side_open(const struct demo_user *user, LPMAPIARYUSER who,
		     ULONG flags, struct bench_side *ret)
{
	ULONG cb = 0, type = 0;
	LPENTRYID id = NULL;
	HRESULT hr;

	memset(ret, 0, sizeof(*ret));
	if (!log_on(user, who, &ret->ses) ||
	    !bench_ok("open the default store",
		      bench_default_store(ret->ses, flags, &ret->store)))
		return false;
	hr = IMsgStore_GetReceiveFolder(ret->store, NULL, 0, &cb, &id, NULL);
	if (!FAILED(hr))
		hr = IMsgStore_OpenEntry(ret->store, cb, id, NULL,
					 MAPI_MODIFY | flags, &type,
					 (LPUNKNOWN *)&ret->inbox);
	MAPIFreeBuffer(id);
	return bench_ok("open the inbox", hr);
}

void bench_side_close(struct bench_side *s)
{
	UlRelease(s->inbox);
	UlRelease(s->store);
	if (s->ses)
		IMAPISession_Logoff(s->ses, 0, 0, 0);
	UlRelease(s->ses);
	memset(s, 0, sizeof(*s));
}

static double ratio(const struct bench_line *l)
{
	return l->floor > 0 ? l->ours / l->floor : 0;
}

static bool met(const struct bench_line *l)
{
	double v = l->floor > 0 ? ratio(l) : l->ours;

	return l->limit <= 0 || v <= l->limit;
}

static void print_table(const struct bench *b)
{
	printf("%-13s %12s %12s %7s %7s  %s\n", "bench", "ours", "floor",
	       "ratio", "limit", "what");
	for (size_t i = 0; i < b->n_lines; i++) {
		const struct bench_line *l = &b->lines[i];
		char r[16] = "-", f[24] = "-", m[16] = "-";

		if (l->floor > 0) {
			snprintf(r, sizeof(r), "%.2f", ratio(l));
			snprintf(f, sizeof(f), "%.1f", l->floor);
		}
		if (l->limit > 0)
			snprintf(m, sizeof(m), "%.2f", l->limit);
		printf("%-13s %12.1f %12s %7s %7s  %s (%s)%s\n", l->name,
		       l->ours, f, r, m, l->what, l->unit,
		       met(l) ? "" : "  MISSED");
	}
}

static void print_json(const struct bench *b)
{
	struct mx_json j = {.to = stdout};

	mx_json_open(&j, NULL, '{');
	mx_json_uint(&j, "version", 1);
	mx_json_open(&j, "benches", '[');
	for (size_t i = 0; i < b->n_lines; i++) {
		const struct bench_line *l = &b->lines[i];

		mx_json_open(&j, NULL, '{');
		mx_json_text(&j, "name", l->name);
		mx_json_text(&j, "what", l->what);
		mx_json_text(&j, "unit", l->unit);
		mx_json_real(&j, "ours", l->ours);
		if (l->floor > 0) {
			mx_json_real(&j, "lower_quartile", l->low);
			mx_json_real(&j, "upper_quartile", l->high);
			mx_json_real(&j, "floor", l->floor);
			mx_json_real(&j, "ratio", ratio(l));
		}
		if (l->limit > 0)
			mx_json_real(&j, "limit", l->limit);
		mx_json_bool(&j, "met", met(l));
		mx_json_close(&j, '}');
	}
	mx_json_close(&j, ']');
	mx_json_close(&j, '}');
	putchar('\n');
}

static int usage(void)
{
	fputs("usage: mapiary bench [--json] [--blocks N] [--rows N] [--ops N] "
	      "[--idle-users N] [NAME...]\n\n"
	      "Measures against a floor in the same run: medians of "
	      "alternating blocks.\n"
	      "  execute  one Execute (GetProps) / a bare HTTP POST of the "
	      "same sizes\n"
	      "  rows     a contents table read to its end / bare SQLite\n"
	      "  logon    round trips from logon to the first 50 rows\n"
	      "  users    calls and turns by n user contexts (--idle-users) / "
	      "by one\n"
	      "           with as many sessions\n"
	      "  logons   logging on and releasing n users / bare exchanges\n"
	      "  memory   n idle users: memory, threads, what they cost "
	      "others\n"
	      "  isolation  calls and news of 4 servers' users, the 4 other "
	      "servers wrong / well\n"
	      "  lists    joining and leaving a connection list / a bare "
	      "robust mutex\n"
	      "  top      a refresh of top with 16,384 lists / memcpy of "
	      "their slots\n"
	      "  top-load joining and leaving while top looks / alone\n"
	      "Exit status 1 when a figure is missed.\n",
	      stderr);
	return MX_EXIT_USAGE;
}

static const struct {
	const char *name;
	int (*run)(struct bench *b);
	bool alone; /* needs no server, or has its own */
} benches[] = {
	{"execute", bench_execute, false},
	{"rows", bench_rows, false},
	{"logon", bench_logon, false},
	/* First of those with many users: what they leave would be reused. */
	{"memory", bench_memory, false},
	{"logons", bench_logons, false},
	{"users", bench_users, true},
	{"lists", bench_lists, true},
	{"top", bench_top, true},
	{"top-load", bench_top_load, true},
	{"isolation", bench_isolation, true},
};

static bool wanted(const char *name, char **names, int n)
{
	bool any = n == 0;

	for (int i = 0; i < n; i++)
		any = any || !strcmp(name, names[i]);
	return any;
}

static int run_all(struct bench *b, char **names, int n, bool alone)
{
	for (size_t i = 0; i < MX_ARRAY_SIZE(benches); i++)
		if (benches[i].alone == alone &&
		    wanted(benches[i].name, names, n) && benches[i].run(b))
			return -1;
	return 0;
}

static bool any_needs_server(char **names, int n)
{
	bool any = false;

	for (size_t i = 0; i < MX_ARRAY_SIZE(benches); i++)
		any = any ||
		      (!benches[i].alone && wanted(benches[i].name, names, n));
	return any;
}

/* Users and server as the demo makes them; MAPI until the end of run. */
static int with_server(struct bench *b, char **names, int n)
{
	MAPIINIT_0 init = {0, MAPI_MULTITHREAD_NOTIFICATIONS | MAPI_NT_SERVICE};
	int r = -1;

	mx_arena_init(&b->d.arena);
	if (!demo_users_make(&b->d) && !demo_server_prepare(&b->d) &&
	    !demo_server_start(&b->d) &&
	    bench_ok("MAPIInitialize", MAPIInitialize(&init))) {
		if (!demo_users_open(&b->d))
			r = run_all(b, names, n, false);
		demo_users_close(&b->d);
		MAPIUninitialize();
	}
	demo_server_stop(&b->d);
	demo_server_clean(&b->d);
	mx_arena_fini(&b->d.arena);
	return r;
}

/* For ten thousand users; the server inherits it. */
static void raise_files(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) || rl.rlim_cur == rl.rlim_max)
		return;
	rl.rlim_cur = rl.rlim_max;
	setrlimit(RLIMIT_NOFILE, &rl);
}

/* The client is measured: its server does not open and close mailboxes
 * meanwhile, as far as its descriptors go, two for a user's connections and
 * three for a mailbox.  0: not for so many users. */
static unsigned mailboxes_kept(unsigned users)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur / 5 < users + 100)
		return 0;
	return users;
}

int mx_cmd_bench(int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"rows", required_argument, NULL, 'r'},
		{"ops", required_argument, NULL, 'o'},
		{"blocks", required_argument, NULL, 'b'},
		{"idle-users", required_argument, NULL, 'i'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	static struct bench b = {.rows = 10000, .ops = 500, .idle_users = 500};
	bool json = false, missed = false;
	uint64_t n;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'j')
			json = true;
		else if (c == '?' || c == 'h' ||
			 mx_cli_number("bench", "the option", optarg, 1, 100000,
				       &n))
			return usage();
		else if (c == 'b')
			bench_blocks = n < BENCH_BLOCKS ? (unsigned)n
							: BENCH_BLOCKS;
		else if (c == 'r')
			b.rows = (unsigned)n;
		else if (c == 'o')
			b.ops = (unsigned)n;
		else
			b.idle_users = (unsigned)n;
	}
	b.d.opt.users = b.idle_users + 1;
	b.d.opt.mailboxes = mailboxes_kept(b.d.opt.users);
	raise_files();
	argv += optind;
	argc -= optind;
	if (run_all(&b, argv, argc, true) ||
	    (any_needs_server(argv, argc) && with_server(&b, argv, argc)))
		return MX_EXIT_FAILED;
	if (json)
		print_json(&b);
	else
		print_table(&b);
	for (size_t i = 0; i < b.n_lines; i++)
		missed = missed || !met(&b.lines[i]);
	return missed ? MX_EXIT_FAILED : MX_EXIT_OK;
}
