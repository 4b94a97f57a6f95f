/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "server/auth.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/core_names.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/lock.h"
#include "base/rand.h"
#include "store/dir.h"
#include "store/store.h"

#define MAC_SIZE 32u
#define SETS 2048u
#define WAYS 8u
/* Copies of the keyed HMAC that are kept: to make one costs more than to use
 * it. */
#define SPARES 8u
/* Longest header looked at: name and password of a few hundred bytes each. */
#define MAX_HEADER 4096u

struct entry {
	uint8_t mac[MAC_SIZE];
	struct mx_ident *who; /* NULL: free */
	uint64_t pw_gen;
	uint64_t epoch; /* of the directory when pw_gen was looked at */
	mx_mono until;
};

struct mx_auth {
	struct mx_store *store;
	unsigned keep_ms;
	EVP_MAC_CTX *mac; /* keyed; only ever copied */
	_Atomic uint64_t hashes;
	struct mx_mutex lock; /* for what follows; nothing is called under it */
	EVP_MAC_CTX *spare[SPARES];
	unsigned n_spare;
	struct entry sets[SETS][WAYS];
};

struct mx_ident *mx_ident_ref(struct mx_ident *id)
{
	atomic_fetch_add_explicit(&id->refs, 1, memory_order_relaxed);
	return id;
}

void mx_ident_unref(struct mx_ident *id)
{
	if (!id || atomic_fetch_sub(&id->refs, 1) != 1)
		return;
	free(id->name);
	free(id->dn);
	free(id->display);
	free(id->smtp);
	free(id);
}

/* The HMAC under a random key of this process. */
static int make_mac(struct mx_auth *a)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
						 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	uint8_t key[MAC_SIZE];
	int r = mx_random(key, sizeof(key));

	if (!r) {
		a->mac = EVP_MAC_CTX_new(hmac);
		if (!a->mac || !EVP_MAC_init(a->mac, key, sizeof(key), params))
			r = -ENOMEM;
	}
	OPENSSL_cleanse(key, sizeof(key));
	EVP_MAC_free(hmac);
	return r;
}

int mx_auth_new(struct mx_store *st, unsigned keep_ms, struct mx_auth **ret)
{
	struct mx_auth *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->store = st;
	a->keep_ms = keep_ms;
	mx_mutex_init(&a->lock);
	r = make_mac(a);
	if (r < 0) {
		mx_auth_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void mx_auth_free(struct mx_auth *a)
{
	if (!a)
		return;
	for (size_t s = 0; s < SETS; s++)
		for (size_t w = 0; w < WAYS; w++)
			mx_ident_unref(a->sets[s][w].who);
	while (a->n_spare)
		EVP_MAC_CTX_free(a->spare[--a->n_spare]);
	EVP_MAC_CTX_free(a->mac);
	mx_mutex_fini(&a->lock);
	free(a);
}

uint64_t mx_auth_hashes(struct mx_auth *a)
{
	return atomic_load(&a->hashes);
}

static EVP_MAC_CTX *take_mac(struct mx_auth *a)
{
	EVP_MAC_CTX *m = NULL;

	mx_mutex_lock(&a->lock);
	if (a->n_spare)
		m = a->spare[--a->n_spare];
	mx_mutex_unlock(&a->lock);
	return m ? m : EVP_MAC_CTX_dup(a->mac);
}

static void give_mac(struct mx_auth *a, EVP_MAC_CTX *m)
{
	mx_mutex_lock(&a->lock);
	if (a->n_spare < SPARES) {
		a->spare[a->n_spare++] = m;
		m = NULL;
	}
	mx_mutex_unlock(&a->lock);
	EVP_MAC_CTX_free(m);
}

static bool mac_of(struct mx_auth *a, const char *header, uint8_t ret[MAC_SIZE])
{
	size_t len = strlen(header), n;
	EVP_MAC_CTX *m;
	bool ok;

	if (len > MAX_HEADER)
		return false;
	m = take_mac(a);
	if (!m)
		return false;
	/* Without a key: from the start, with the one it has. */
	ok = EVP_MAC_init(m, NULL, 0, NULL) &&
	     EVP_MAC_update(m, (const void *)header, len) &&
	     EVP_MAC_final(m, ret, &n, MAC_SIZE) && n == MAC_SIZE;
	give_mac(a, m);
	return ok;
}

static struct entry *set_of(struct mx_auth *a, const uint8_t mac[MAC_SIZE])
{
	return a->sets[(mac[0] | mac[1] << 8) % SETS];
}

static void drop(struct entry *e)
{
	mx_ident_unref(e->who);
	memset(e, 0, sizeof(*e));
}

static struct entry *find(struct mx_auth *a, const uint8_t mac[MAC_SIZE])
{
	struct entry *set = set_of(a, mac);

	for (size_t w = 0; w < WAYS; w++)
		if (set[w].who && !CRYPTO_memcmp(set[w].mac, mac, MAC_SIZE))
			return &set[w];
	return NULL;
}

/* The directory has changed since the entry was looked at: asks it. */
static bool still_valid(struct mx_auth *a, const uint8_t mac[MAC_SIZE],
			const struct mx_ident *who, uint64_t gen,
			uint64_t epoch)
{
	bool ok = mx_dir_pw_gen(a->store, who->name) == gen;
	struct entry *e;

	mx_mutex_lock(&a->lock);
	e = find(a, mac);
	if (e && e->pw_gen == gen) {
		if (ok)
			e->epoch = epoch;
		else
			drop(e);
	}
	mx_mutex_unlock(&a->lock);
	return ok;
}

struct mx_ident *mx_auth_cached(struct mx_auth *a, const char *header)
{
	uint64_t epoch = mx_dir_epoch(a->store), seen = 0, gen = 0;
	struct mx_ident *who = NULL;
	uint8_t mac[MAC_SIZE];
	struct entry *e;

	if (!mac_of(a, header, mac))
		return NULL;
	mx_mutex_lock(&a->lock);
	e = find(a, mac);
	if (e && mx_mono_passed(e->until))
		drop(e);
	else if (e) {
		who = mx_ident_ref(e->who);
		gen = e->pw_gen;
		seen = e->epoch;
	}
	mx_mutex_unlock(&a->lock);
	if (!who || seen == epoch || still_valid(a, mac, who, gen, epoch))
		return who;
	mx_ident_unref(who);
	return NULL;
}

static void remember(struct mx_auth *a, const char *header,
		     struct mx_ident *who, uint64_t pw_gen, uint64_t epoch)
{
	uint8_t mac[MAC_SIZE];
	struct entry *set, *e;

	if (!a->keep_ms || !mac_of(a, header, mac))
		return;
	mx_mutex_lock(&a->lock);
	set = set_of(a, mac);
	e = find(a, mac);
	for (size_t w = 0; w < WAYS && !e; w++)
		if (!set[w].who)
			e = &set[w];
	if (!e) { /* the one that ends first */
		e = set;
		for (size_t w = 1; w < WAYS; w++)
			if (set[w].until.ns < e->until.ns)
				e = &set[w];
	}
	drop(e);
	memcpy(e->mac, mac, MAC_SIZE);
	e->who = mx_ident_ref(who);
	e->pw_gen = pw_gen;
	e->epoch = epoch;
	e->until = mx_mono_in_ms(a->keep_ms);
	mx_mutex_unlock(&a->lock);
}

/* "Basic dXNlcjpwYXNz" into name and password, both in buf. */
static int split(const char *header, char buf[MAX_HEADER], char **ret_name,
		 char **ret_password)
{
	const char *p = header;
	size_t n;
	int len;
	char *colon;

	if (strncasecmp(p, "Basic", 5) || (p[5] != ' ' && p[5] != '\t'))
		return -EBADMSG;
	for (p += 5; *p == ' ' || *p == '\t';)
		p++;
	n = strlen(p);
	while (n && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	if (!n || n % 4 || n / 4 * 3 >= MAX_HEADER)
		return -EBADMSG;
	len = EVP_DecodeBlock((uint8_t *)buf, (const uint8_t *)p, (int)n);
	if (len < 0)
		return -EBADMSG;
	for (size_t i = n; i-- && p[i] == '=';)
		len--; /* EVP_DecodeBlock counts the padding */
	if (len < 0)
		return -EBADMSG;
	buf[len] = '\0';
	colon = strchr(buf, ':');
	if (!colon || strlen(buf) != (size_t)len)
		return -EBADMSG;
	*colon = '\0';
	*ret_name = buf;
	*ret_password = colon + 1;
	return 0;
}

/* The login name behind what was typed: DOMAIN\name and name@domain too. */
static const char *login_name(struct mx_auth *a, const char *typed,
			      struct mx_arena *arena)
{
	const char *slash = strchr(typed, '\\');
	struct mx_user u;

	if (slash && slash[1])
		typed = slash + 1;
	if (strchr(typed, '@') &&
	    mx_dir_by_name(a->store, typed, arena, &u) != 0 &&
	    mx_dir_by_smtp(a->store, typed, arena, &u) == 0)
		return u.name;
	return typed;
}

static struct mx_ident *ident_new(const struct mx_user *u)
{
	struct mx_ident *id = calloc(1, sizeof(*id));

	if (!id)
		return NULL;
	atomic_init(&id->refs, 1);
	id->id = u->id;
	memcpy(id->mailbox, u->mailbox, sizeof(id->mailbox));
	id->name = strdup(u->name);
	id->dn = strdup(u->dn);
	id->display = strdup(u->display);
	id->smtp = strdup(u->smtp);
	if (id->name && id->dn && id->display && id->smtp)
		return id;
	mx_ident_unref(id);
	return NULL;
}

static int verify(struct mx_auth *a, const char *header, char *buf,
		  struct mx_ident **ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena arena = MX_ARENA_INIT;
	uint64_t epoch = mx_dir_epoch(a->store), gen = 0;
	struct mx_ident *who;
	struct mx_user u;
	char *typed, *password;
	const char *name;
	int r;

	r = split(header, buf, &typed, &password);
	if (r < 0)
		return r;
	name = login_name(a, typed, &arena);
	atomic_fetch_add(&a->hashes, 1);
	r = mx_dir_check(a->store, name, password, &gen);
	if (r == 0)
		r = mx_dir_by_name(a->store, name, &arena, &u);
	if (r != 0)
		return r < 0 ? r : -EACCES;
	who = ident_new(&u);
	if (!who)
		return -ENOMEM;
	remember(a, header, who, gen, epoch);
	*ret = who;
	return 0;
}

int mx_auth_verify(struct mx_auth *a, const char *header, struct mx_ident **ret)
{
	char buf[MAX_HEADER];
	int r;

	if (strlen(header) > MAX_HEADER)
		return -EBADMSG;
	r = verify(a, header, buf, ret);
	OPENSSL_cleanse(buf, sizeof(buf));
	return r;
}
