/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real KDC on loopback for tests: Debian's krb5-kdc, with the realm LAB.TEST
 * in mx_test_dir().  The process's Kerberos settings lead to it and to nothing
 * else.  One thread.
 *
 *	if (test_kdc_start()) {
 *		test_kdc_add_user("ann", "annpw");
 *		test_kdc_add_service("HTTP/mail.lab.test");
 *	}
 *	cred = test_kdc_acquire("ann", "annpw");
 */
#ifndef MX_NET_TEST_KDC_H
#define MX_NET_TEST_KDC_H

#include <gssapi/gssapi.h>
#include <stdbool.h>
#include <stddef.h>

/* Starts it, once a program; it ends with the program.  True: this call has
 * started it, and it knows nobody yet.  Skips the case where Debian's krb5-kdc
 * and krb5-admin-server are not installed. */
bool test_kdc_start(void);

void test_kdc_add_user(const char *name, const char *password);
/* With a random key, which the process's keytab has, too. */
void test_kdc_add_service(const char *principal);

/* The user's credential, for initiating; waits until the KDC listens.  Released
 * by the caller. */
gss_cred_id_t test_kdc_acquire(const char *name, const char *password);

/* What an acceptor learns of one token. */
struct test_kdc_peer {
	char name[128];
	unsigned char key[64]; /* of the security context */
	size_t n_key;
};

/* Accepts a client's first token as any service of the keytab.  0, or -EACCES
 * when it is not a valid one that completes the context: what mx_auth_header
 * counts on.  Any thread. */
int test_kdc_accept(const void *token, size_t n, struct test_kdc_peer *ret);

/* Bytes written to out, which has room for 3 / 4 of s; ends at the first
 * character that is none of base64's. */
size_t test_kdc_unbase64(const char *s, unsigned char *out);

/* A shell command that must succeed. */
void test_kdc_run(const char *cmd);

#endif
