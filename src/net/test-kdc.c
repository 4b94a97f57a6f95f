/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/test-kdc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gssapi/gssapi_ext.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

#define KDC "/usr/sbin/krb5kdc"
#define KDB "/usr/sbin/kdb5_util"
#define KADMIN "/usr/sbin/kadmin.local"

static pid_t kdc_pid;

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

static void point(const char *variable, const char *kind, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s%s/%s", kind, mx_test_dir(), name);
	setenv(variable, path, 1);
}

static void configure(void)
{
	const char *dir = mx_test_dir();
	unsigned port = free_port();
	char text[2000];

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
	point("KRB5_CONFIG", "", "krb5.conf");
	point("KRB5_KDC_PROFILE", "", "kdc.conf");
	point("KRB5_KTNAME", "FILE:", "keytab");
	point("KRB5CCNAME", "FILE:", "process-ccache");
	point("KRB5RCACHENAME", "file2:", "replays");
}

void test_kdc_run(const char *cmd)
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

bool test_kdc_start(void)
{
	char pid_file[300];

	if (kdc_pid)
		return false;
	if (access(KDC, X_OK) || access(KDB, X_OK) || access(KADMIN, X_OK))
		mx_test_skip("krb5-kdc and krb5-admin-server are not there");
	configure();
	test_kdc_run(KDB " create -s -P master -r LAB.TEST");
	snprintf(pid_file, sizeof(pid_file), "%s/kdc.pid", mx_test_dir());
	kdc_pid = fork();
	if (!kdc_pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		execl(KDC, KDC, "-n", "-P", pid_file, (char *)NULL);
		_exit(127);
	}
	assert_true(kdc_pid > 0);
	atexit(kdc_stop);
	return true;
}

void test_kdc_add_user(const char *name, const char *password)
{
	char cmd[300];

	snprintf(cmd, sizeof(cmd), KADMIN " -q 'addprinc -pw %s %s'", password,
		 name);
	test_kdc_run(cmd);
}

void test_kdc_add_service(const char *principal)
{
	char cmd[300];

	snprintf(cmd, sizeof(cmd), KADMIN " -q 'addprinc -randkey %s'",
		 principal);
	test_kdc_run(cmd);
	snprintf(cmd, sizeof(cmd), KADMIN " -q 'ktadd %s'", principal);
	test_kdc_run(cmd);
}

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

gss_cred_id_t test_kdc_acquire(const char *name, const char *password)
{
	gss_cred_id_t cred = GSS_C_NO_CREDENTIAL;

	/* Just started, it refuses tickets until it listens. */
	while (acquire(name, password, &cred))
		assert_int_equal(waitpid(kdc_pid, NULL, WNOHANG), 0);
	return cred;
}

static int digit(char c)
{
	static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
				  "stuvwxyz0123456789+/";
	const char *at = strchr(b64, c);

	return at && c ? (int)(at - b64) : -1;
}

size_t test_kdc_unbase64(const char *s, unsigned char *out)
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

/* The context's key and its name, -EACCES when GSSAPI will not tell. */
static int describe(gss_ctx_id_t ctx, gss_name_t src, struct test_kdc_peer *ret)
{
	gss_buffer_desc name = GSS_C_EMPTY_BUFFER;
	gss_buffer_set_t keys = GSS_C_NO_BUFFER_SET;
	struct test_kdc_peer p = {0};
	OM_uint32 minor;
	int err = -EACCES;

	if (!gss_display_name(&minor, src, &name, NULL) &&
	    !gss_inquire_sec_context_by_oid(
		    &minor, ctx, GSS_C_INQ_SSPI_SESSION_KEY, &keys) &&
	    keys->count && keys->elements[0].length <= sizeof(p.key)) {
		snprintf(p.name, sizeof(p.name), "%.*s", (int)name.length,
			 (const char *)name.value);
		p.n_key = keys->elements[0].length;
		memcpy(p.key, keys->elements[0].value, p.n_key);
		*ret = p;
		err = 0;
	}
	gss_release_buffer(&minor, &name);
	gss_release_buffer_set(&minor, &keys);
	return err;
}

int test_kdc_accept(const void *token, size_t n, struct test_kdc_peer *ret)
{
	gss_buffer_desc tok = {n, (void *)token}, out = GSS_C_EMPTY_BUFFER;
	gss_ctx_id_t ctx = GSS_C_NO_CONTEXT;
	gss_name_t src = GSS_C_NO_NAME;
	OM_uint32 major, minor;
	int err = -EACCES;

	major = gss_accept_sec_context(&minor, &ctx, GSS_C_NO_CREDENTIAL, &tok,
				       GSS_C_NO_CHANNEL_BINDINGS, &src, NULL,
				       &out, NULL, NULL, NULL);
	if (major == GSS_S_COMPLETE)
		err = describe(ctx, src, ret);
	gss_release_buffer(&minor, &out);
	gss_release_name(&minor, &src);
	gss_delete_sec_context(&minor, &ctx, GSS_C_NO_BUFFER);
	return err;
}
