/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "kid.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

#define KID_FD 3

extern char **environ;

/* ---- In the kid ---- */

#define MAX_HELD 8

struct held {
	LPMAPISESSION s;
	LPMDB mdb;
};

struct life {
	FILE *in, *out;
	const char *url;
	struct held held[MAX_HELD];
	unsigned n;
};

static HRESULT log_on(struct life *l, unsigned user, unsigned ms,
		      struct held *h)
{
	char name[16], password[32], dn[200], sid[64];
	MAPIARY_USER_PARAMS who = {.cbSize = sizeof(who)};
	MAPIARY_CONFIG where = {.cbSize = sizeof(where)};
	LPMAPIARYUSER u = NULL;
	HRESULT hr;

	snprintf(name, sizeof(name), "u%u", user);
	snprintf(password, sizeof(password), "secret-%u", user);
	snprintf(dn, sizeof(dn),
		 "/o=Mapiary/ou=Exchange Administrative Group "
		 "(FYDIBOHF23SPDLT)/cn=Recipients/cn=%s",
		 name);
	snprintf(sid, sizeof(sid), "S-1-5-21-1-2-3-%u", 1000 + user);
	who.lpszLogin = name;
	who.lpszPassword = password;
	who.lpszSid = sid; /* who he is in all processes */
	where.lpszUrl = l->url;
	where.lpszMailboxDn = dn;
	where.ulTotalDeadline = ms;
	hr = MapiaryCreateUser(&who, &u);
	if (SUCCEEDED(hr))
		hr = MapiaryLogon(u, &where, 0, &h->s);
	MapiaryUserRelease(u);
	if (SUCCEEDED(hr))
		hr = IMAPISession_OpenMsgStore(h->s, 0, 0, NULL, NULL,
					       MDB_WRITE, &h->mdb);
	return hr;
}

static LONG ignore(void *arg, ULONG n, LPNOTIFICATION notifs)
{
	return S_OK;
}

/* With a NotificationWait held open. */
static HRESULT park(struct held *h)
{
	LPMAPIADVISESINK sink = NULL;
	ULONG_PTR conn = 0;
	HRESULT hr = HrAllocAdviseSink(ignore, NULL, &sink);

	if (SUCCEEDED(hr))
		hr = IMsgStore_Advise(h->mdb, 0, NULL, fnevObjectCreated, sink,
				      &conn);
	UlRelease(sink);
	return hr;
}

/* Asks the server something. */
static HRESULT ask(struct held *h, unsigned ms)
{
	LPSPropValue v = NULL;
	HRESULT hr = MapiarySetDeadlines(h->s, 0, ms);

	if (SUCCEEDED(hr))
		hr = HrGetOneProp((LPMAPIPROP)h->mdb, PR_MAILBOX_OWNER_NAME,
				  &v);
	MAPIFreeBuffer(v);
	return hr;
}

static void let_go(struct held *h)
{
	UlRelease(h->mdb);
	UlRelease(h->s);
	*h = (struct held){0};
}

static HRESULT obey(struct life *l, const char *line)
{
	struct held *top = &l->held[l->n ? l->n - 1 : 0];
	unsigned a = 0, b = 0;
	HRESULT hr;

	if (sscanf(line, "budget %u %u", &a, &b) == 2)
		return MapiarySetBudgets(a, b);
	if (!strcmp(line, "init\n"))
		return MAPIInitialize(NULL);
	if (sscanf(line, "open %u %u", &a, &b) == 2 && l->n < MAX_HELD) {
		hr = log_on(l, a, b, &l->held[l->n]);
		if (SUCCEEDED(hr))
			l->n++;
		else
			let_go(&l->held[l->n]);
		return hr;
	}
	if (!strcmp(line, "park\n"))
		return park(top);
	if (sscanf(line, "ask %u", &a) == 1)
		return ask(top, a);
	if (!strcmp(line, "close\n") && l->n) {
		let_go(&l->held[--l->n]);
		return S_OK;
	}
	return MAPI_E_CALL_FAILED;
}

static int kid_main(const char *url)
{
	struct life l = {.url = url};
	char line[100];

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when a case fails */
	l.in = fdopen(KID_FD, "r");
	l.out = fdopen(dup(KID_FD), "w");
	if (!l.in || !l.out)
		return 1;
	while (fgets(line, sizeof(line), l.in)) {
		HRESULT hr = obey(&l, line);

		fprintf(l.out, "%08x %s\n", (unsigned)hr,
			FAILED(hr) ? MapiaryLastErrorText() : "");
		fflush(l.out);
	}
	while (l.n)
		let_go(&l.held[--l.n]);
	MAPIUninitialize();
	fclose(l.in);
	fclose(l.out);
	return 0;
}

/* ---- In the case ---- */

static struct kid kid_start(struct site *t)
{
	char *argv[] = {(char *)"/proc/self/exe", (char *)"--kid",
			(char *)mx_server_url(t->srv), NULL};
	posix_spawn_file_actions_t fa;
	struct kid k = {0};
	int sv[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv),
			 0);
	posix_spawn_file_actions_init(&fa);
	/* Its own number would keep O_CLOEXEC. */
	if (sv[1] == KID_FD)
		fcntl(KID_FD, F_SETFD, 0);
	posix_spawn_file_actions_adddup2(&fa, sv[1], KID_FD);
	assert_int_equal(posix_spawn(&k.pid, argv[0], &fa, NULL, argv, environ),
			 0);
	posix_spawn_file_actions_destroy(&fa);
	close(sv[1]);
	k.fd = sv[0];
	k.in = fdopen(k.fd, "r");
	return k;
}

void kid_tell(struct kid *k, const char *line)
{
	size_t n = strlen(line);

	assert_int_equal(write(k->fd, line, n), n);
}

HRESULT kid_hear(struct kid *k)
{
	unsigned hr = 0;
	char line[700];

	if (!fgets(line, sizeof(line), k->in))
		fail_msg("kid %d is gone", (int)k->pid);
	assert_int_equal(sscanf(line, "%08x", &hr), 1);
	snprintf(k->text, sizeof(k->text), "%.*s", (int)strcspn(line + 9, "\n"),
		 line + 9);
	return (HRESULT)hr;
}

HRESULT kid_does(struct kid *k, const char *line)
{
	kid_tell(k, line);
	return kid_hear(k);
}

bool kid_has_answered(struct kid *k)
{
	struct pollfd p = {.fd = k->fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

struct kid kid_ready(struct site *t, const char *budget)
{
	struct kid k = kid_start(t);

	if (budget)
		kid_ok(&k, budget);
	kid_ok(&k, "init\n");
	return k;
}

void kid_end(struct kid *k)
{
	int st = -1;

	shutdown(k->fd, SHUT_WR);
	assert_int_equal(waitpid(k->pid, &st, 0), k->pid);
	assert_int_equal(st, 0);
	fclose(k->in);
}

void kid_kill(struct kid *k)
{
	assert_int_equal(kill(k->pid, SIGKILL), 0);
	assert_int_equal(waitpid(k->pid, NULL, 0), k->pid);
	fclose(k->in);
}

void kid_says(const struct kid *k, const char *part)
{
	if (!strstr(k->text, part))
		fail_msg("'%s' is not in: %s", part, k->text);
}

int kid_or_tests(const struct mx_test *tests, size_t n, int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "--kid"))
		return kid_main(argv[2]);
	mx_test_off_disk();
	return mx_test_run(tests, n, argc, argv);
}
