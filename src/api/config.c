/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/config.h"
#include "api/hresult.h"
#include "base/fork.h"
#include "base/list.h"
#include "base/lock.h"

/* One profile a user: there may be ten thousand. */
#define N_BUCKETS 1024

struct named {
	struct mx_list link, same; /* in all, in its bucket */
	struct mx_config *config;
	char name[];
};

static struct mx_mutex lock = MX_MUTEX_INIT;
static struct mx_list all MX_GUARDED(&lock) = {&all, &all};
static struct mx_list buckets[N_BUCKETS] MX_GUARDED(&lock);

/* Profiles are there in forked children too. */
__attribute__((__constructor__)) static void on_load(void)
{
	mx_fork_hold(&lock);
	for (size_t i = 0; i < N_BUCKETS; i++)
		mx_list_init(&buckets[i]);
}

/* FNV-1a. */
static struct mx_list *bucket_of(const char *name) MX_HOLDS(&lock)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return &buckets[h % N_BUCKETS];
}

/* Copies the string members in place. */
static int copy_strings(struct mx_config *c)
{
	LPCSTR *const members[] = {
		&c->c.lpszUrl,       &c->c.lpszAddressBookUrl,
		&c->c.lpszAddress,   &c->c.lpszAutodiscoverUrl,
		&c->c.lpszMailboxDn, &c->c.lpszUserDn,
		&c->c.lpszCaFile,    &c->c.lpszProxy,
	};

	size_t n = 0;
	char *p;

	for (size_t i = 0; i < MX_ARRAY_SIZE(members); i++)
		n += *members[i] ? strlen(*members[i]) + 1 : 0;
	p = c->text = malloc(n ? n : 1);
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < MX_ARRAY_SIZE(members); i++) {
		/* "" is nothing, as the empty field of a form */
		if (!*members[i] || !**members[i]) {
			*members[i] = NULL;
			continue;
		}
		n = strlen(*members[i]) + 1;
		*members[i] = memcpy(p, *members[i], n);
		p += n;
	}
	return 0;
}

int mx_config_new(const MAPIARY_CONFIG *in, struct mx_config **ret)
{
	struct mx_config *c;
	int err;

	if (!in || in->cbSize < sizeof(*in) ||
	    (!in->lpszUrl && !in->lpszAddress))
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->refs = 1;
	c->c = *in;
	err = copy_strings(c);
	if (err) {
		mx_config_unref(c);
		return err;
	}
	*ret = c;
	return 0;
}

struct mx_config *mx_config_ref(struct mx_config *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

void mx_config_unref(struct mx_config *c)
{
	if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	free(c->text);
	free(c);
}

static struct named *find_locked(const char *name) MX_HOLDS(&lock)
{
	MX_LIST_FOR_EACH(l, bucket_of(name)) {
		struct named *n = MX_CONTAINER_OF(l, struct named, same);

		if (!strcmp(n->name, name))
			return n;
	}
	return NULL;
}

struct mx_config *mx_config_find(const char *name)
{
	struct mx_config *c = NULL;
	struct named *n = NULL;

	mx_mutex_lock(&lock);
	if (name && *name)
		n = find_locked(name);
	else if (all.next != &all && all.next->next == &all)
		n = MX_CONTAINER_OF(all.next, struct named, link);
	if (n)
		c = mx_config_ref(n->config);
	mx_mutex_unlock(&lock);
	return c;
}

HRESULT MapiaryDefineProfile(LPCSTR name, const MAPIARY_CONFIG *config)
{
	struct mx_config *c = NULL;
	struct named *n = NULL, *old;
	int err;

	if (!name || !*name)
		return MAPI_E_INVALID_PARAMETER;
	if (config) {
		err = mx_config_new(config, &c);
		if (err)
			return mx_hr_from_err(err, NULL, true);
		n = calloc(1, sizeof(*n) + strlen(name) + 1);
		if (!n) {
			mx_config_unref(c);
			return MAPI_E_NOT_ENOUGH_MEMORY;
		}
		strcpy(n->name, name);
		n->config = c;
	}
	mx_mutex_lock(&lock);
	old = find_locked(name);
	if (old) {
		mx_list_unlink(&old->link);
		mx_list_unlink(&old->same);
	}
	if (n) {
		mx_list_push_tail(&all, &n->link);
		mx_list_push_tail(bucket_of(name), &n->same);
	}
	mx_mutex_unlock(&lock);
	if (old)
		mx_config_unref(old->config);
	free(old);
	return S_OK;
}
