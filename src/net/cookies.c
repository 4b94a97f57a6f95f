/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
#include "net/cookies.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"

static void cookie_fini(struct mx_cookie *c)
{
	free(c->name);
	free(c->value);
}

void mx_cookies_clear(struct mx_cookies *c)
{
	for (size_t i = 0; i < c->n; i++)
		cookie_fini(&c->v[i]);
	c->n = 0;
}

void mx_cookies_fini(struct mx_cookies *c)
{
	mx_cookies_clear(c);
}

static struct mx_cookie *find(const struct mx_cookies *c, const char *name,
			      size_t n)
{
	for (size_t i = 0; i < c->n; i++)
		if (strlen(c->v[i].name) == n && !memcmp(c->v[i].name, name, n))
			return (struct mx_cookie *)&c->v[i];
	return NULL;
}

const char *mx_cookies_get(const struct mx_cookies *c, const char *name)
{
	struct mx_cookie *k = find(c, name, strlen(name));

	return k ? k->value : NULL;
}

/* value NULL records a removal. */
static int put(struct mx_cookies *c, const char *name, size_t n_name,
	       const char *value, size_t n_value)
{
	MX_AUTO(mx_free_auto) char *v = value ? strndup(value, n_value) : NULL;
	struct mx_cookie *k = find(c, name, n_name);
	char *copy;

	if (value && !v)
		return -ENOMEM;
	if (k) {
		free(k->value);
		k->value = MX_STEAL(v);
		return 0;
	}
	if (c->n == MX_MAX_COOKIES)
		return -E2BIG;
	copy = strndup(name, n_name);
	if (!copy)
		return -ENOMEM;
	c->v[c->n++] = (struct mx_cookie){copy, MX_STEAL(v)};
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
	gone = gone || !n_value;
	return put(c, p, n_name, gone ? NULL : value, gone ? 0 : n_value);
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

static void drop(struct mx_cookies *c, const char *name)
{
	struct mx_cookie *k = find(c, name, strlen(name));

	if (!k)
		return;
	cookie_fini(k);
	*k = c->v[--c->n];
}

int mx_cookies_merge(struct mx_cookies *into, const struct mx_cookies *from)
{
	const struct mx_cookie *k;
	int err = 0;

	for (size_t i = 0; !err && i < from->n; i++) {
		k = &from->v[i];
		if (k->value)
			err = put(into, k->name, strlen(k->name), k->value,
				  strlen(k->value));
		else
			drop(into, k->name);
	}
	return err;
}

/* Writes unless to is NULL; how many bytes. */
static size_t put_text(const char *s, size_t n, char *to)
{
	if (to)
		memcpy(to, s, n);
	return n;
}

static size_t write_all(const struct mx_cookies *c, char *to)
{
	size_t at = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct mx_cookie *k = &c->v[i];

		if (!k->value)
			continue;
		if (at)
			at += put_text("; ", 2, to ? to + at : NULL);
		at += put_text(k->name, strlen(k->name), to ? to + at : NULL);
		at += put_text("=", 1, to ? to + at : NULL);
		at += put_text(k->value, strlen(k->value), to ? to + at : NULL);
	}
	return at;
}

char *mx_cookies_text(const struct mx_cookies *c)
{
	size_t n = write_all(c, NULL);
	char *text = malloc(n + 1);

	if (!text)
		return NULL;
	write_all(c, text);
	text[n] = '\0';
	return text;
}
