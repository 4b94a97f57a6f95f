/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Negotiate against a real KDC on loopback, if Debian's krb5-kdc and
 * krb5-admin-server are installed: each user's header carries that user's
 * ticket, whatever the process or the thread has.
 */
#include "net/credentials.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "net/test-user.h"
#include "net/unix-user.h"

#define KDC "/usr/sbin/krb5kdc"
#define KDB "/usr/sbin/kdb5_util"
#define KADMIN "/usr/sbin/kadmin.local"
#define SERVER "mail.lab.test:443"
#define SERVICE "HTTP/mail.lab.test"

static pid_t kdc_pid;

/* --- The KDC ------------------------------------------------------------ */

static void write_file(const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", mx_test_dir(), name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static unsigned free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	getsockname(fd, (struct sockaddr *)&a, &n);
	close(fd);
	return ntohs(a.sin_port);
}

static void configure(void)
{
	const char *dir = mx_test_dir();
	unsigned port = free_port();
	char text[2000], path[300];

	snprintf(text, sizeof(text),
		 "[libdefaults]\ndefault_realm = LAB.TEST\nrdns = false\n"
		 "dns_canonicalize_hostname = false\ndns_lookup_kdc = false\n"
		 "udp_preference_limit = 1\n"
		 "[realms]\nLAB.TEST = {\nkdc = 127.0.0.1:%u\n}\n"
		 "[domain_realm]\n.lab.test = LAB.TEST\n",
		 port);
	write_file("krb5.conf", text);
	snprintf(text, sizeof(text),
		 "[realms]\nLAB.TEST = {\ndatabase_name = %s/db\n"
		 "key_stash_file = %s/stash\nacl_file = %s/acl\n"
		 "kdc_listen = \"\"\nkdc_tcp_listen = 127.0.0.1:%u\n"
		 "max_life = 1h\n}\n",
		 dir, dir, dir, port);
	write_file("kdc.conf", text);
	snprintf(path, sizeof(path), "%s/krb5.conf", dir);
	setenv("KRB5_CONFIG", path, 1);
	snprintf(path, sizeof(path), "%s/kdc.conf", dir);
	setenv("KRB5_KDC_PROFILE", path, 1);
	snprintf(path, sizeof(path), "FILE:%s/keytab", dir);
	setenv("KRB5_KTNAME", path, 1);
	snprintf(path, sizeof(path), "FILE:%s/process-ccache", dir);
	setenv("KRB5CCNAME", path, 1);
}

static void run(const char *cmd)
{
	char line[600];

	snprintf(line, sizeof(line), "%s >%s/log 2>&1", cmd, mx_test_dir());
	if (system(line))
		fail_msg("%s failed", cmd);
}

static void kdc_stop(void)
{
	if (kdc_pid > 0) {
		kill(kdc_pid, SIGTERM);
		waitpid(kdc_pid, NULL, 0);
	}
	kdc_pid = 0;
}

static void kdc_start(void)
{
	char pid_file[300];

	if (kdc_pid)
		return;
	if (access(KDC, X_OK) || access(KDB, X_OK) || access(KADMIN, X_OK))
		mx_test_skip("krb5-kdc and krb5-admin-server are not there");
	configure();
	run(KDB " create -s -P master -r LAB.TEST");
	run(KADMIN " -q 'addprinc -pw annpw ann'");
	run(KADMIN " -q 'addprinc -pw bobpw bob'");
	run(KADMIN " -q 'addprinc -pw procpw proc'");
	run(KADMIN " -q 'addprinc -randkey " SERVICE "'");
	run(KADMIN " -q 'ktadd " SERVICE "'");
	snprintf(pid_file, sizeof(pid_file), "%s/kdc.pid", mx_test_dir());
	kdc_pid = fork();
	if (!kdc_pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execl(KDC, KDC, "-n", "-P", pid_file, (char *)NULL);
		_exit(127);
	}
	atexit(kdc_stop);
}

/* --- Users -------------------------------------------------------------- */

static OM_uint32 acquire(const char *name, const char *password,
			 gss_cred_id_t *ret)
{
	gss_buffer_desc n = {strlen(name), (void *)name};
	gss_buffer_desc p = {strlen(password), (void *)password};
	gss_name_t who;
	OM_uint32 major, minor;

	major = gss_import_name(&minor, &n, GSS_C_NT_USER_NAME, &who);
	assert_int_equal(major, 0);
	major = gss_acquire_cred_with_password(&minor, who, &p, 0,
					       GSS_C_NO_OID_SET, GSS_C_INITIATE,
					       ret, NULL, NULL);
	gss_release_name(&minor, &who);
	return major;
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

static int digit(char c)
{
	static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
				  "stuvwxyz0123456789+/";
	const char *at = strchr(b64, c);

	return at && c ? (int)(at - b64) : -1;
}

static size_t unbase64(const char *s, unsigned char *out)
{
	unsigned acc = 0, bits = 0;
	size_t n = 0;

	for (; digit(*s) >= 0; s++) {
		acc = acc << 6 | (unsigned)digit(*s);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (unsigned char)(acc >> bits);
		}
	}
	return n;
}

/* Who the service believes sent this header. */
static void check_accepted(const char *header, const char *who)
{
	static const char head[] = "Authorization: Negotiate ";
	static unsigned char raw[16384];
	gss_buffer_desc tok = {0, raw}, out = GSS_C_EMPTY_BUFFER, name;
	gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
	gss_name_t src = GSS_C_NO_NAME;
	OM_uint32 major, minor;

	assert_int_equal(strncmp(header, head, sizeof(head) - 1), 0);
	tok.length = unbase64(header + sizeof(head) - 1, raw);
	major = gss_accept_sec_context(&minor, &ctx, GSS_C_NO_CREDENTIAL, &tok,
				       GSS_C_NO_CHANNEL_BINDINGS, &src, NULL,
				       &out, NULL, NULL, NULL);
	/* Complete after the first token: what mx_auth_header counts on. */
	assert_int_equal(major, GSS_S_COMPLETE);
	assert_int_equal(gss_display_name(&minor, src, &name, NULL), 0);
	assert_int_equal(name.length, strlen(who));
	assert_memory_equal(name.value, who, name.length);
	gss_release_buffer(&minor, &name);
	gss_release_buffer(&minor, &out);
	gss_release_name(&minor, &src);
	gss_delete_sec_context(&minor, &ctx, GSS_C_NO_BUFFER);
}

/* The process has a ticket of its own, for another user: it must not be taken
 * for anybody. */
static void give_process_a_ticket(void)
{
	char cmd[600];

	snprintf(cmd, sizeof(cmd), "echo procpw | kinit proc");
	if (!access("/usr/bin/kinit", X_OK))
		run(cmd);
}

/* The KDC has just been started: until it listens, tickets are refused. */
static void acquire_patiently(const char *name, const char *password,
			      gss_cred_id_t *ret)
{
	while (acquire(name, password, ret))
		assert_int_equal(waitpid(kdc_pid, NULL, WNOHANG), 0);
}

static void test_each_user_sends_their_own_ticket(void **state)
{
	gss_cred_id_t ann = GSS_C_NO_CREDENTIAL, bob = GSS_C_NO_CREDENTIAL;
	struct mx_userctx *ua, *ub;
	OM_uint32 minor;

	kdc_start();
	acquire_patiently("ann", "annpw", &ann);
	acquire_patiently("bob", "bobpw", &bob);
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
	gss_cred_id_t ann = GSS_C_NO_CREDENTIAL;
	struct mx_fault f = MX_FAULT_INIT;
	struct mx_userctx *u;
	OM_uint32 minor;

	kdc_start();
	acquire_patiently("ann", "annpw", &ann);
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
	run(cmd);
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
	kdc_start();
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
