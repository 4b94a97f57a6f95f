/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/cookies.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"

static char *bytes_of(const struct mx_cookies *c)
{
	return c->far ? c->far : (char *)c->near;
}

static size_t room_of(const struct mx_cookies *c)
{
	return c->far ? c->cap : sizeof(c->near);
}

void mx_cookies_clear(struct mx_cookies *c)
{
	c->n = c->len = 0;
}

void mx_cookies_fini(struct mx_cookies *c)
{
	free(c->far);
	c->far = NULL;
	mx_cookies_clear(c);
}

/* The first, then from one to the next; NULL behind the last. */
static char *first(const struct mx_cookies *c)
{
	return c->n ? bytes_of(c) : NULL;
}

static char *next(const struct mx_cookies *c, const char *k)
{
	char *p = bytes_of(c) + (k - bytes_of(c)) + strlen(k) + 1;

	return p < bytes_of(c) + c->len ? p : NULL;
}

static char *value_of(const char *k)
{
	return strchr(k, '=') + 1;
}

static char *find(const struct mx_cookies *c, const char *name, size_t n)
{
	for (char *k = first(c); k; k = next(c, k))
		if (!strncmp(k, name, n) && k[n] == '=')
			return k;
	return NULL;
}

const char *mx_cookies_get(const struct mx_cookies *c, const char *name)
{
	const char *k = find(c, name, strlen(name));

	return k && *value_of(k) ? value_of(k) : NULL;
}

static int grow(struct mx_cookies *c, size_t need)
{
	size_t cap = 2 * need;
	char *p;

	if (need <= room_of(c))
		return 0;
	p = realloc(c->far, cap);
	if (!p)
		return -ENOMEM;
	if (!c->far)
		memcpy(p, c->near, c->len);
	c->far = p;
	c->cap = (unsigned)cap;
	return 0;
}

/* Makes the n_old bytes at `at` n_new ones.  -ENOMEM: nothing has changed. */
static int resize(struct mx_cookies *c, size_t at, size_t n_old, size_t n_new)
{
	char *p;

	if (grow(c, c->len - n_old + n_new))
		return -ENOMEM;
	p = bytes_of(c) + at;
	memmove(p + n_new, p + n_old, c->len - at - n_old);
	c->len = (unsigned)(c->len - n_old + n_new);
	return 0;
}

/* An empty value records a removal. */
static int put(struct mx_cookies *c, const char *name, size_t n_name,
	       const char *value, size_t n_value)
{
	const char *k = find(c, name, n_name);
	size_t n = n_name + 1 + n_value + 1;
	size_t at = k ? (size_t)(k - bytes_of(c)) : c->len;
	char *p;

	if (!k && c->n == MX_MAX_COOKIES)
		return -E2BIG;
	if (resize(c, at, k ? strlen(k) + 1 : 0, n))
		return -ENOMEM;
	p = bytes_of(c) + at;
	memcpy(p, name, n_name);
	p[n_name] = '=';
	memcpy(p + n_name + 1, value, n_value);
	p[n - 1] = '\0';
	c->n += !k;
	return 0;
}

static void trim(const char **p, size_t *n)
{
	while (*n && (**p == ' ' || **p == '\t'))
		(*p)++, (*n)--;
	while (*n && ((*p)[*n - 1] == ' ' || (*p)[*n - 1] == '\t'))
		(*n)--;
}

static bool clean(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < ' ' || p[i] == 0x7f)
			return false;
	return true;
}

/* One "name=value", blanks around both ignored. */
static int put_pair(struct mx_cookies *c, const char *p, size_t n, bool gone)
{
	const char *eq = memchr(p, '=', n), *value;
	size_t n_name, n_value;

	if (!eq)
		return -EBADMSG;
	n_name = (size_t)(eq - p);
	value = eq + 1;
	n_value = n - n_name - 1;
	trim(&p, &n_name);
	trim(&value, &n_value);
	if (!n_name || !clean(p, n_name) || !clean(value, n_value))
		return -EBADMSG;
	if (n_name + n_value > MX_MAX_COOKIE_BYTES)
		return -E2BIG;
	return put(c, p, n_name, value, gone ? 0 : n_value);
}

/* True for an attribute that says the cookie is over: "Max-Age=0" or less. */
static bool says_gone(const char *p, size_t n)
{
	static const char key[] = "max-age=";
	size_t k = sizeof(key) - 1;

	trim(&p, &n);
	return n > k && !strncasecmp(p, key, k) && (p[k] == '0' || p[k] == '-');
}

int mx_cookies_set_header(struct mx_cookies *c, const char *p, size_t n)
{
	const char *semi = memchr(p, ';', n);
	size_t n_pair = semi ? (size_t)(semi - p) : n;
	size_t at = n_pair, end;
	bool gone = false;

	for (; at < n; at = end) {
		semi = memchr(p + at + 1, ';', n - at - 1);
		end = semi ? (size_t)(semi - p) : n;
		gone = gone || says_gone(p + at + 1, end - at - 1);
	}
	return put_pair(c, p, n_pair, gone);
}

int mx_cookies_parse(struct mx_cookies *c, const char *text)
{
	struct mx_cookies got = MX_COOKIES_INIT;
	size_t n;
	int err = 0;

	for (; !err && *text; text += n + (text[n] == ';')) {
		n = strcspn(text, ";");
		if (n > strspn(text, " \t"))
			err = put_pair(&got, text, n, false);
	}
	if (!err)
		err = mx_cookies_merge(c, &got);
	mx_cookies_fini(&got);
	return err;
}

static void drop(struct mx_cookies *c, const char *name, size_t n)
{
	const char *k = find(c, name, n);

	if (!k)
		return;
	resize(c, (size_t)(k - bytes_of(c)), strlen(k) + 1, 0);
	c->n--;
}

int mx_cookies_merge(struct mx_cookies *into, const struct mx_cookies *from)
{
	int err = 0;

	for (const char *k = first(from); k && !err; k = next(from, k)) {
		const char *value = value_of(k);
		size_t n_name = (size_t)(value - k) - 1;

		if (*value)
			err = put(into, k, n_name, value, strlen(value));
		else
			drop(into, k, n_name);
	}
	return err;
}

char *mx_cookies_text(const struct mx_cookies *c)
{
	/* A NUL each, for which there are two bytes between them. */
	char *text = malloc(c->len + c->n + 1), *to = text;

	if (!text)
		return NULL;
	for (const char *k = first(c); k; k = next(c, k)) {
		if (!*value_of(k))
			continue;
		if (to > text)
			to = mempcpy(to, "; ", 2);
		to = mempcpy(to, k, strlen(k));
	}
	*to = '\0';
	return text;
}
