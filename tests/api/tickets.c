/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "tickets.h"

#include <gssapi/gssapi_krb5.h>
#include <krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/test.h"
#include "net/test-kdc.h"

#define MAX_SECRETS 4096
#define SCHEME "\r\nAuthorization: Negotiate "

struct tickets {
	char basic[400]; /* the header that replaces Negotiate's */
	struct mx_mutex lock;
	bool pass_on;
	char peer[128]; /* whom the last accepted request proved */
	unsigned n_taken, n_refused, n_others;
	struct ticket_secret list[MAX_SECRETS];
	size_t n;
};

static void base64(const char *s, char *out)
{
	static const char c[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
				"uvwxyz0123456789+/";
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)(unsigned char)s[i] << 16;

		if (i + 1 < n)
			v |= (unsigned)(unsigned char)s[i + 1] << 8;
		if (i + 2 < n)
			v |= (unsigned)(unsigned char)s[i + 2];
		*out++ = c[v >> 18];
		*out++ = c[v >> 12 & 63];
		*out++ = i + 1 < n ? c[v >> 6 & 63] : '=';
		*out++ = i + 2 < n ? c[v & 63] : '=';
	}
	*out = '\0';
}

struct tickets *tickets_new(const char *login, const char *password)
{
	struct tickets *t = calloc(1, sizeof(*t));
	char both[200], encoded[300];

	assert_non_null(t);
	snprintf(both, sizeof(both), "%s:%s", login, password);
	base64(both, encoded);
	snprintf(t->basic, sizeof(t->basic), "\r\nAuthorization: Basic %s",
		 encoded);
	mx_mutex_init(&t->lock);
	return t;
}

void tickets_free(struct tickets *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->list[i].p);
	mx_mutex_fini(&t->lock);
	free(t);
}

/* No list is whole without it: when there is no room, the program ends. */
static void add_locked(struct tickets *t, const char *what, const void *p,
		       size_t n)
{
	struct ticket_secret *s = &t->list[t->n];

	if (t->n == MAX_SECRETS || !n)
		abort();
	*s = (struct ticket_secret){.what = what, .p = malloc(n), .n = n};
	if (!s->p)
		abort();
	memcpy(s->p, p, n);
	t->n++;
}

/* Puts the Basic header where the Negotiate header is. */
static void replace(const struct tickets *t, char *head, char *begin, char *end)
{
	size_t rest = strlen(end) + 1;

	if ((size_t)(begin - head) + strlen(t->basic) + rest > FRONT_HEAD_MAX)
		abort();
	memmove(begin + strlen(t->basic), end, rest);
	memcpy(begin, t->basic, strlen(t->basic));
}

static enum front_way refuse(struct tickets *t)
{
	mx_mutex_lock(&t->lock);
	t->n_refused++;
	mx_mutex_unlock(&t->lock);
	return FRONT_REFUSE;
}

enum front_way tickets_take(void *arg, struct front_request *rq)
{
	unsigned char raw[FRONT_HEAD_MAX];
	struct tickets *t = arg;
	struct test_kdc_peer peer;
	char *begin = strstr(rq->head, SCHEME), *text, *end;
	size_t n;

	if (!begin)
		return refuse(t);
	text = begin + strlen(SCHEME);
	end = strstr(text, "\r\n");
	n = test_kdc_unbase64(text, raw);
	if (!end || test_kdc_accept(raw, n, &peer))
		return refuse(t);
	mx_mutex_lock(&t->lock);
	add_locked(t, TICKET_HEADER, text, (size_t)(end - text));
	add_locked(t, TICKET_TOKEN, raw, n);
	add_locked(t, TICKET_CONTEXT_KEY, peer.key, peer.n_key);
	if (t->n_taken++ && strcmp(t->peer, peer.name))
		t->n_others++;
	memcpy(t->peer, peer.name, sizeof(t->peer));
	if (!t->pass_on)
		replace(t, rq->head, begin, end);
	mx_mutex_unlock(&t->lock);
	return FRONT_PASS;
}

void tickets_pass_on(struct tickets *t, bool on)
{
	mx_mutex_lock(&t->lock);
	t->pass_on = on;
	mx_mutex_unlock(&t->lock);
}

void tickets_count(struct tickets *t, const char *who, unsigned *ret_taken,
		   unsigned *ret_refused)
{
	mx_mutex_lock(&t->lock);
	*ret_taken = t->n_others || strcmp(t->peer, who) ? 0 : t->n_taken;
	*ret_refused = t->n_refused;
	mx_mutex_unlock(&t->lock);
}

static void add_creds(struct tickets *t, krb5_context k, const krb5_creds *c)
{
	const krb5_data *first = krb5_princ_component(k, c->server, 0);
	bool tgt = first->length == strlen(KRB5_TGS_NAME) &&
		   !memcmp(first->data, KRB5_TGS_NAME, first->length);

	mx_mutex_lock(&t->lock);
	add_locked(t, tgt ? TICKET_GRANTING : TICKET_SERVICE, c->ticket.data,
		   c->ticket.length);
	add_locked(t, tgt ? TICKET_TGS_KEY : TICKET_SERVICE_KEY,
		   c->keyblock.contents, c->keyblock.length);
	mx_mutex_unlock(&t->lock);
}

void tickets_of(struct tickets *t, gss_cred_id_t cred)
{
	krb5_context k;
	krb5_ccache cache;
	krb5_cc_cursor at;
	krb5_principal me;
	krb5_creds c;
	OM_uint32 minor;

	assert_int_equal(krb5_init_context(&k), 0);
	assert_int_equal(krb5_cc_new_unique(k, "MEMORY", NULL, &cache), 0);
	assert_int_equal(krb5_parse_name(k, "copy", &me), 0);
	assert_int_equal(krb5_cc_initialize(k, cache, me), 0);
	assert_int_equal(gss_krb5_copy_ccache(&minor, cred, cache), 0);
	assert_int_equal(krb5_cc_start_seq_get(k, cache, &at), 0);
	while (!krb5_cc_next_cred(k, cache, &at, &c)) {
		if (!krb5_is_config_principal(k, c.server))
			add_creds(t, k, &c);
		krb5_free_cred_contents(k, &c);
	}
	krb5_cc_end_seq_get(k, cache, &at);
	krb5_free_principal(k, me);
	krb5_cc_destroy(k, cache);
	krb5_free_context(k);
}

struct ticket_secret *tickets_list(struct tickets *t, size_t *ret_n)
{
	struct ticket_secret *copy;

	mx_mutex_lock(&t->lock);
	copy = malloc((t->n + 1) * sizeof(*copy));
	if (!copy)
		abort();
	memcpy(copy, t->list, t->n * sizeof(*copy));
	*ret_n = t->n;
	mx_mutex_unlock(&t->lock);
	return copy;
}
