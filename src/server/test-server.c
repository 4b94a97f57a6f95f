/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, stopping, TLS, bad peers, many waits, a damaged database. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/testlib.h"

static int start(const struct mx_server_params *p, struct mx_fault *f)
{
	struct mx_server *srv = NULL;
	int r;

	*f = MX_FAULT_INIT;
	r = mx_server_start(p, f, &srv);
	mx_server_stop(srv);
	return r;
}

static void test_start_says_what_is_wrong(void **state)
{
	struct ts *ts = ts_start(NULL);
	struct mx_server_params p = {.dir = mx_test_dir()};
	struct mx_fault f;

	p.port = mx_server_port(ts->srv);
	assert_int_equal(start(&p, &f), -EADDRINUSE);
	assert_non_null(strstr(f.text, "another program has the port"));
	p.port = 0;
	p.address = "0.0.0.0";
	assert_int_equal(start(&p, &f), -EACCES);
	assert_non_null(strstr(f.text, "certificate"));
	p.address = "192.0.2.300";
	assert_int_equal(start(&p, &f), -EINVAL);
	assert_non_null(strstr(f.text, "192.0.2.300"));
	p.address = NULL;
	p.tls_cert = "/nonexistent.pem";
	assert_int_equal(start(&p, &f), -EINVAL);
	p.tls_key = "/nonexistent.pem";
	assert_int_equal(start(&p, &f), -ENOENT);
	p.tls_cert = p.tls_key = NULL;
	p.access_log = "/nonexistent/log";
	assert_int_equal(start(&p, &f), -ENOENT);
	p.access_log = NULL;
	p.dir = ts->p.dir;
	assert_int_equal(start(&p, &f), -EBUSY);
	assert_non_null(strstr(f.text, "another server"));
	p.dir = NULL;
	assert_int_equal(start(&p, &f), -EINVAL);
	ts_stop(ts);
}

/* A key and a certificate of its own, as PEM files. */
static void make_cert(const char *cert, const char *key)
{
	EVP_PKEY *pk = EVP_RSA_gen(2048);
	X509 *x = X509_new();
	FILE *f;

	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, pk);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const void *)"localhost", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	assert_true(X509_sign(x, pk, EVP_sha256()) > 0);
	f = fopen(cert, "w");
	PEM_write_X509(f, x);
	fclose(f);
	f = fopen(key, "w");
	PEM_write_PrivateKey(f, pk, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(pk);
}

static void test_tls_serves_as_plain_does(void **state)
{
	char cert[512], key[512];
	struct ts *ts;
	struct tw w;
	struct tc c;

	snprintf(cert, sizeof(cert), "%s/cert.pem", mx_test_dir());
	snprintf(key, sizeof(key), "%s/key.pem", mx_test_dir());
	make_cert(cert, key);
	ts = ts_start(
		&(struct mx_server_params){.tls_cert = cert, .tls_key = key});
	assert_memory_equal(mx_server_url(ts->srv), "https://", 8);
	tc_init(&c, ts, "ann");
	tc_logon(&c, NULL);
	tw_start(&w, &c);
	ts_await_parked(ts, 1);
	tc_disconnect(&c);
	tw_join(&w);
	assert_int_equal(w.r.late_code, 10);
	tw_fini(&w);
	tc_fini(&c);
	ts_stop(ts);
}

static void test_restart_keeps_mail(void **state)
{
	struct mx_server_params p = {0};
	char dir[512];
	struct ts *ts;
	struct tc c;
	uint64_t mid;

	snprintf(dir, sizeof(dir), "%s/kept", mx_test_dir());
	p.dir = dir;
	ts = ts_start(&p);
	tc_init(&c, ts, "ann");
	tc_logon(&c, NULL);
	mid = tc_make_message(&c, c.fid[F_INBOX], "kept");
	tc_fini(&c);
	ts_stop(ts);
	ts = ts_start(&p);
	tc_init(&c, ts, "ann");
	tc_logon(&c, NULL);
	assert_string_equal(tc_get(&c, tc_open_message(&c, c.fid[F_INBOX], mid),
				   0x0037001f)
				    .v.str,
			    "kept");
	tc_fini(&c);
	ts_stop(ts);
}

/* Clients that stop in the middle, talk nonsense, or leave. */
static void test_bad_peers_harm_nobody(void **state)
{
	static const char head[] =
		"POST /mapi/emsmdb HTTP/1.1\r\nHost: x\r\n"
		"Authorization: Basic YW5uOnB3LWFubg==\r\n"
		"X-RequestType: Connect\r\nContent-Length: 100\r\n\r\n";
	static const char *const others[] = {
		"\r\n\r\n\r\n",
		"GET\r\n\r\n",
		"POST / HTTP/9.9\r\n\r\n",
		"POST /mapi/emsmdb HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"POST /mapi/emsmdb HTTP/1.1\r\nAuthorization: Basic "
		"!!!\r\nContent-Length: 1\r\n\r\nx",
		"POST /mapi/emsmdb HTTP/1.1\r\nAuthorization: Basic "
		"YW5u\r\n\r\n",
		"\x16\x03\x01\x02",
	};
	struct ts *ts = ts_start(&(struct mx_server_params){.slow_ms = 1000});
	struct tc c;
	int fd;

	for (size_t n = 1; n < sizeof(head); n += 9) {
		fd = ts_raw(ts);
		ts_raw_send(fd, head, n);
		close(fd);
	}
	fd = ts_raw(ts);
	ts_raw_send(fd, head, sizeof(head) - 1);
	ts_raw_send(fd, "half a body", 11);
	close(fd);
	for (size_t i = 0; i < MX_ARRAY_SIZE(others); i++) {
		char buf[512];

		fd = ts_raw(ts);
		ts_raw_send(fd, others[i], strlen(others[i]));
		shutdown(fd, SHUT_WR);
		/* Answered and closed; what is no request, after slow_ms. */
		while (recv(fd, buf, sizeof(buf), 0) > 0)
			;
		close(fd);
	}
	tc_init(&c, ts, "ann");
	tc_logon(&c, NULL);
	tc_fini(&c);
	ts_stop(ts);
}

/* The client goes away while its waits are parked: nothing stays behind. */
static void test_vanished_waits_are_cleaned_up(void **state)
{
	struct ts *ts = ts_start(&(struct mx_server_params){.pending_ms = 20});
	struct tc c;
	int fd;

	tc_init(&c, ts, "ann");
	assert_int_equal(tc_connect(&c), 0);
	fd = ts_raw_wait(ts, c.context);
	ts_await_parked(ts, 1);
	close(fd);
	ts_await_parked(ts, 0); /* by the next PENDING at the latest */
	tc_fini(&c);
	ts_stop(ts);
}

static unsigned n_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Parked waits cost a connection each, no thread. */
static void test_many_parked_waits_need_no_threads(void **state)
{
	enum { N = 1500 };
	static int fds[N];
	struct ts *ts = ts_start(&(struct mx_server_params){
		.max_contexts = N + 2, .max_connections = N + 100});
	unsigned before;
	struct tc c;

	tc_init(&c, ts, "ann");
	assert_int_equal(tc_connect(&c), 0);
	before = n_threads();
	for (int i = 0; i < N; i++) {
		*c.context = '\0';
		assert_int_equal(tc_connect(&c), 0);
		fds[i] = ts_raw_wait(ts, c.context);
	}
	ts_await_parked(ts, N);
	assert_int_equal(n_threads(), before);
	/* Others are served meanwhile. */
	*c.context = '\0';
	tc_logon(&c, NULL);
	mx_server_stop(MX_STEAL(ts->srv));
	for (int i = 0; i < N; i++)
		close(fds[i]);
	tc_fini(&c);
	ts_stop(ts);
}

/* Overwrites the middle of a mailbox's file. */
static void damage(const struct ts *ts, const struct mx_user *u)
{
	static const char junk[8192] = {'x'};
	char guid[MX_GUID_STRLEN + 1], path[1024];
	struct mx_guid g;
	int fd;

	memcpy(g.b, u->mailbox, 16);
	mx_guid_format(&g, guid);
	snprintf(path, sizeof(path), "%s/mailboxes/%s.db", ts->p.dir, guid);
	fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
	close(fd);
}

static void test_damaged_mailbox_is_its_owners_alone(void **state)
{
	struct mx_server_params p = {0};
	struct mx_rop_req q = {.id = MX_ROP_LOGON};
	char dir[512];
	struct ts *ts;
	struct tc a, b;
	uint32_t h;

	snprintf(dir, sizeof(dir), "%s/damaged", mx_test_dir());
	p.dir = dir;
	ts = ts_start(&p);
	damage(ts, &ts->ann);
	ts_stop(ts);
	ts = ts_start(&p);
	tc_init(&a, ts, "ann");
	tc_init(&b, ts, "bob");
	assert_int_equal(tc_connect(&a), 0);
	q.logon.logon_flags = 1;
	q.logon.essdn.p = (const uint8_t *)ts->ann.dn;
	q.logon.essdn.n = (uint32_t)strlen(ts->ann.dn) + 1;
	assert_int_equal(tc_rop(&a, &q, MX_NO_HANDLE, &h, NULL), 0x80040116);
	tc_logon(&b, NULL);
	tc_make_message(&b, b.fid[F_INBOX], "fine");
	tc_fini(&a);
	tc_fini(&b);
	ts_stop(ts);
}

static _Thread_local bool gives_way;

/* libmicrohttpd's, too: who stops a server and takes a socket out of a set lets
 * others run first, who may be about to do the same. */
__attribute__((visibility("default"))) int epoll_ctl(int set, int op, int fd,
						     struct epoll_event *event)
{
	for (int i = 0; gives_way && op == EPOLL_CTL_DEL && i < 10000; i++)
		sched_yield();
	return (int)syscall(SYS_epoll_ctl, set, op, fd, event);
}

struct caller {
	pthread_t thread;
	struct sockaddr_in to;
	_Atomic bool *enough;
};

/* A connection, a request, its answer; and so on, also while nobody listens.
 * NULL, or itself when there was no socket to be had. */
static void *call_and_call(void *arg)
{
	static const char get[] = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
	struct caller *me = arg;
	char buf[512];

	while (!*me->enough) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			return me;
		if (connect(fd, (void *)&me->to, sizeof(me->to)) == 0 &&
		    send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL) > 0)
			recv(fd, buf, sizeof(buf), 0);
		close(fd);
	}
	return NULL;
}

/* Stopping while the threads of the listening socket take connections: they
 * and the one who stops must not both end the listening. */
static void test_stops_amid_new_connections(void **state)
{
	enum { ROUNDS = 20, CALLERS = 3 };
	struct mx_server_params p = {0};
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/busy", mx_test_dir());
	p.dir = dir;
	gives_way = true;
	for (int i = 0; i < ROUNDS; i++) {
		struct ts *ts = ts_start(&p);
		struct caller callers[CALLERS] = {0};
		_Atomic bool enough = false;

		for (int k = 0; k < CALLERS; k++) {
			struct caller *c = &callers[k];

			c->to.sin_family = AF_INET;
			c->to.sin_port = htons(mx_server_port(ts->srv));
			c->to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
			c->enough = &enough;
			assert_int_equal(pthread_create(&c->thread, NULL,
							call_and_call, c),
					 0);
		}
		ts_await_log(ts, 20);
		mx_server_stop(MX_STEAL(ts->srv));
		enough = true;
		for (int k = 0; k < CALLERS; k++) {
			void *failed;

			pthread_join(callers[k].thread, &failed);
			assert_null(failed);
		}
		ts_stop(ts);
	}
}

MX_TEST_MAIN(MX_TEST(test_start_says_what_is_wrong),
	     MX_TEST(test_tls_serves_as_plain_does),
	     MX_TEST(test_restart_keeps_mail),
	     MX_TEST(test_bad_peers_harm_nobody),
	     MX_TEST(test_vanished_waits_are_cleaned_up),
	     MX_TEST(test_many_parked_waits_need_no_threads),
	     MX_TEST(test_damaged_mailbox_is_its_owners_alone),
	     MX_TEST(test_stops_amid_new_connections))
