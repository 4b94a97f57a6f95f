/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Negotiate against a real KDC on loopback, if Debian's krb5-kdc and
 * krb5-admin-server are installed: each user's header carries that user's
 * ticket, whatever the process or the thread has.
 */
#include "net/credentials.h"

#include <errno.h>
#include <gssapi/gssapi.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/test.h"
#include "net/test-kdc.h"
#include "net/test-user.h"
#include "net/unix-user.h"

#define SERVER "mail.lab.test:443"
#define SERVICE "HTTP/mail.lab.test"

/* The KDC, those it knows, and our service's keytab. */
static void lab(void)
{
	if (!test_kdc_start())
		return;
	test_kdc_add_user("ann", "annpw");
	test_kdc_add_user("bob", "bobpw");
	test_kdc_add_user("proc", "procpw");
	test_kdc_add_service(SERVICE);
}

static struct mx_userctx *gss_user(const char *name, gss_cred_id_t cred)
{
	struct mx_userctx_params p = {
		.login = name, .auth = MX_AUTH_GSS, .arg = cred};
	struct mx_userctx *u = NULL;

	assert_int_equal(mx_sid_parse("S-1-5-21-1-2-3-1001", &p.sid), 0);
	assert_int_equal(mx_userctx_new(&p, &u), 0);
	return u;
}

/* Who the service believes sent this header. */
static void check_accepted(const char *header, const char *who)
{
	static const char head[] = "Authorization: Negotiate ";
	static unsigned char raw[16384];
	struct test_kdc_peer peer;
	size_t n;

	assert_int_equal(strncmp(header, head, sizeof(head) - 1), 0);
	n = test_kdc_unbase64(header + sizeof(head) - 1, raw);
	assert_int_equal(test_kdc_accept(raw, n, &peer), 0);
	assert_string_equal(peer.name, who);
}

/* The process has a ticket of its own, for another user: it must not be taken
 * for anybody. */
static void give_process_a_ticket(void)
{
	char cmd[600];

	snprintf(cmd, sizeof(cmd), "echo procpw | kinit proc");
	if (!access("/usr/bin/kinit", X_OK))
		test_kdc_run(cmd);
}

static void test_each_user_sends_their_own_ticket(void **state)
{
	struct mx_userctx *ua, *ub;
	gss_cred_id_t ann, bob;
	OM_uint32 minor;

	lab();
	ann = test_kdc_acquire("ann", "annpw");
	bob = test_kdc_acquire("bob", "bobpw");
	give_process_a_ticket();
	ua = gss_user("ann", ann);
	ub = gss_user("bob", bob);
	for (int i = 0; i < 3; i++) {
		MX_AUTO(mx_secret_auto) struct mx_secret a = MX_SECRET_INIT;
		MX_AUTO(mx_secret_auto) struct mx_secret b = MX_SECRET_INIT;

		assert_int_equal(mx_auth_header(ua, SERVER, &a, NULL), 0);
		assert_int_equal(mx_auth_header(ub, SERVER, &b, NULL), 0);
		check_accepted(a.p, "ann@LAB.TEST");
		check_accepted(b.p, "bob@LAB.TEST");
	}
	mx_userctx_unref(ua);
	mx_userctx_unref(ub);
	gss_release_cred(&minor, &ann);
	gss_release_cred(&minor, &bob);
}

static void test_no_ticket_for_an_unknown_server_is_a_clear_error(void **state)
{
	MX_AUTO(mx_secret_auto) struct mx_secret s = MX_SECRET_INIT;
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_userctx *u;
	gss_cred_id_t ann;
	OM_uint32 minor;

	lab();
	ann = test_kdc_acquire("ann", "annpw");
	u = gss_user("ann", ann);
	assert_int_equal(mx_auth_header(u, "other.lab.test:443", &s, &f),
			 -EACCES);
	assert_int_equal(f.layer, MX_LAYER_LOCAL);
	assert_non_null(strstr(f.text, "no Kerberos ticket: "));
	assert_non_null(strstr(f.text, "Server"));
	mx_userctx_unref(u);
	gss_release_cred(&minor, &ann);
}

#define UNIX_USER 2147400011u

static void remove_cache(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/tmp/krb5cc_%u", UNIX_USER);
	unlink(path);
}

/* Ann's tickets, in the cache of a Unix user. */
static void cache_tickets(uid_t owner)
{
	char cmd[300], path[64];

	snprintf(path, sizeof(path), "/tmp/krb5cc_%u", UNIX_USER);
	snprintf(cmd, sizeof(cmd), "echo annpw | kinit -c FILE:%s ann", path);
	test_kdc_run(cmd);
	assert_int_equal(chown(path, owner, (gid_t)-1), 0);
}

struct unix_job {
	struct mx_userctx *user;
	int err;
};

static void *user_of_this_thread(void *arg)
{
	struct unix_job *job = arg;

	if (syscall(SYS_setresuid, -1, UNIX_USER, -1))
		abort();
	job->err = mx_unix_userctx_new(UNIX_USER, &job->user);
	return NULL;
}

static struct mx_userctx *unix_user(void)
{
	struct unix_job job = {0};
	pthread_t id;

	assert_int_equal(pthread_create(&id, NULL, user_of_this_thread, &job),
			 0);
	assert_int_equal(pthread_join(id, NULL), 0);
	assert_int_equal(job.err, 0);
	assert_string_equal(mx_userctx_sid_text(job.user),
			    "S-1-22-1-2147400011");
	return job.user;
}

/* A thread with other kernel credentials proves itself with that user's own
 * tickets: not with the process's, and not with those that somebody else put
 * under his name. */
static void test_a_unix_user_sends_his_own_ticket(void **state)
{
	MX_AUTO(mx_secret_auto) struct mx_secret s = MX_SECRET_INIT;
	struct mx_userctx *u;

	if (geteuid() != 0 || access("/usr/bin/kinit", X_OK))
		mx_test_skip("needs root and kinit");
	lab();
	/* krb5.conf is everybody's. */
	assert_int_equal(chmod(mx_test_dir(), 0755), 0);
	give_process_a_ticket();
	remove_cache();
	atexit(remove_cache);
	u = unix_user();
	assert_int_equal(mx_userctx_auth(u), MX_AUTH_NONE);
	mx_userctx_unref(u);

	cache_tickets(UNIX_USER + 1);
	u = unix_user();
	assert_int_equal(mx_userctx_auth(u), MX_AUTH_NONE);
	mx_userctx_unref(u);

	remove_cache();
	cache_tickets(UNIX_USER);
	u = unix_user();
	assert_int_equal(mx_userctx_auth(u), MX_AUTH_GSS);
	assert_int_equal(mx_auth_header(u, SERVER, &s, NULL), 0);
	check_accepted(s.p, "ann@LAB.TEST");
	mx_userctx_unref(u);
}

MX_TEST_MAIN(MX_TEST(test_each_user_sends_their_own_ticket),
	     MX_TEST(test_no_ticket_for_an_unknown_server_is_a_clear_error),
	     MX_TEST(test_a_unix_user_sends_his_own_ticket))
