/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * MAPILogonEx: the one place where a thread is asked who it acts for.  The
 * answer, a user context, is carried from here on.
 *
 *	profile name ─► configuration ─► (Autodiscover) ─► URL, DNs
 *	thread ─► user context ─┐
 *	                        └─► mx_session_open ─► IMAPISession
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/lib.h"
#include "api/session.h"
#include "api/text.h"
#include "api/user.h"
#include "identity/creds.h"
#include "net/autodiscover.h"
#include "net/opts.h"

struct target {
	const char *url, *user_dn, *mailbox_dn; /* in the arena */
};

/* "http://host:port", with or without a slash, gets the usual path. */
static const char *full_url(struct mx_arena *a, const char *url)
{
	const char *host = strstr(url, "://");
	const char *path = host ? strchr(host + 3, '/') : NULL;

	if (!path)
		return mx_arena_printf(a, "%s/mapi/emsmdb/", url);
	if (!path[1])
		return mx_arena_printf(a, "%smapi/emsmdb/", url);
	return mx_arena_strdup(a, url);
}

static int64_t idle_of(const MAPIARY_CONFIG *c)
{
	return c->ulIdleDeadline ? c->ulIdleDeadline : mx_lib_default_idle_ms();
}

static int discover(struct mx_do *d, const MAPIARY_CONFIG *c,
		    struct mx_userctx *user, struct mx_arena *a,
		    struct target *t)
{
	MX_AUTO(mx_autodiscover_auto)
	struct mx_autodiscover found = MX_AUTODISCOVER_INIT;
	struct mx_net_opts opts = MX_NET_OPTS_INIT;
	int err;

	opts.overall_ms = mx_mono_left_ms(d->call.deadline);
	opts.idle_ms = idle_of(c);
	opts.ca_file = c->lpszCaFile;
	opts.proxy = c->lpszProxy;
	err = mx_autodiscover(c->lpszAddress, c->lpszAutodiscoverUrl, user,
			      &opts, d->call.cancel, &found, &d->fault);
	if (err)
		return err;
	if (!t->url)
		t->url = mx_arena_strdup(a, found.emsmdb_url);
	if (!t->user_dn)
		t->user_dn = mx_arena_strdup(a, found.user_dn);
	return t->url && t->user_dn ? 0 : -ENOMEM;
}

/* Where to, as whom; asks Autodiscover only for what is missing. */
static int find_target(struct mx_do *d, const MAPIARY_CONFIG *c,
		       struct mx_userctx *user, struct mx_arena *a,
		       struct target *t)
{
	int err = 0;

	t->mailbox_dn = c->lpszMailboxDn;
	t->user_dn = c->lpszUserDn ? c->lpszUserDn : c->lpszMailboxDn;
	if (c->lpszUrl) {
		t->url = full_url(a, c->lpszUrl);
		if (!t->url)
			return -ENOMEM;
	}
	if (!t->url || !t->user_dn) {
		if (!c->lpszAddress)
			return mx_fault_set(
				&d->fault, MX_LAYER_LOCAL, 0, -EDESTADDRREQ,
				"the configuration has neither a mailbox DN "
				"nor an address for Autodiscover");
		err = discover(d, c, user, a, t);
	}
	if (!err && !t->mailbox_dn)
		t->mailbox_dn = t->user_dn;
	return err;
}

static int open_session(struct mx_do *d, struct mx_config *config,
			struct mx_userctx *user, const struct target *t,
			struct mx_ses **ret)
{
	MX_AUTO(mx_client_auto) struct mx_client *client = mx_lib_client();
	MX_AUTO(mx_session_auto) struct mx_session *session = NULL;
	struct mx_session_params params = {
		.user = user,
		.url = t->url,
		.user_dn = t->user_dn,
		.code_page = config->c.ulCodePage,
		.lcid_sort = config->c.ulLocale,
		.lcid_string = config->c.ulLocale,
		.ca_file = config->c.lpszCaFile,
		.proxy = config->c.lpszProxy,
		.idle_ms = idle_of(&config->c),
	};
	int err;

	if (!client)
		return -ESHUTDOWN;
	err = mx_session_open(client, &params, &d->call, &session);
	if (err)
		return err;
	return mx_ses_new(session, config, t->mailbox_dn, ret);
}

static HRESULT end_refused(struct mx_do *d, int err)
{
	char text[512];

	mx_fault_format(&d->fault, text, sizeof(text));
	return mx_do_end_hr(d,
			    err == -EDESTADDRREQ ? MAPI_E_UNCONFIGURED
						 : MAPI_E_LOGON_FAILED,
			    "%s", text);
}

static HRESULT logon(struct mx_config *config, struct mx_userctx *user,
		     LPMAPISESSION *ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	struct target t = {0};
	struct mx_ses *s = NULL;
	struct mx_do d;
	HRESULT hr = mx_do_begin_free(&d);
	int err;

	if (FAILED(hr))
		return hr;
	if (config->c.ulTotalDeadline)
		d.call.deadline = mx_mono_in_ms(config->c.ulTotalDeadline);
	mx_fault_who(&d.fault, mx_userctx_display(user), NULL);
	err = find_target(&d, &config->c, user, &a, &t);
	if (!err)
		err = open_session(&d, config, user, &t, &s);
	if (err == -EACCES || err == -EPERM || err == -ENOKEY ||
	    err == -EDESTADDRREQ)
		return end_refused(&d, err);
	if (!err)
		*ret = (LPMAPISESSION)(void *)s;
	return mx_do_end(&d, err);
}

/* The thread has another kernel user id than the process: it is that user,
 * without being asked. */
static HRESULT capture_unix_user(struct mx_do *d, struct mx_userctx **ret)
{
	uid_t process, uid;
	int err = mx_creds_process_uid(&process);
	HRESULT hr;

	if (err)
		return mx_do_end(d, err);
	uid = mx_creds_thread_uid(process);
	hr = mx_unix_user(uid, ret);
	if (FAILED(hr))
		return mx_do_end_hr(d, hr,
				    "this thread acts for Unix user %u, for "
				    "whom the program has no user context",
				    (unsigned)uid);
	return mx_do_end_hr(d, S_OK, NULL);
}

/* Who this thread acts for; ends with why there is nobody. */
static HRESULT capture(const struct mx_config *config, struct mx_userctx **ret)
{
	struct mx_do d;
	HRESULT hr = mx_do_begin_free(&d);
	int err;

	if (FAILED(hr))
		return hr;
	err = mx_userctx_capture(config->c.ulFlags & MAPIARY_EXPLICIT_USER
					 ? MX_CAPTURE_EXPLICIT
					 : MX_CAPTURE_PROCESS,
				 ret);
	if (err == -ENOENT)
		return mx_do_end_hr(&d, MAPI_E_UNCONFIGURED,
				    "this thread acts for nobody: use "
				    "MapiaryImpersonate or "
				    "MapiarySetProcessUser");
	if (err == -EACCES)
		return capture_unix_user(&d, ret);
	return mx_do_end(&d, err);
}

static HRESULT unconfigured(const char *name)
{
	struct mx_do d;
	HRESULT hr = mx_do_begin_free(&d);

	if (FAILED(hr))
		return hr;
	return mx_do_end_hr(&d, name ? MAPI_E_NOT_FOUND : MAPI_E_UNCONFIGURED,
			    "no profile %s%s%s", name ? "'" : "is defined",
			    name ? name : "", name ? "'" : "");
}

HRESULT MAPILogonEx(ULONG_PTR ui, LPTSTR name, LPTSTR password, ULONG flags,
		    LPMAPISESSION *ret)
{
	MX_AUTO(mx_arena_auto) struct mx_arena a = MX_ARENA_INIT;
	MX_AUTO(mx_config_auto) struct mx_config *config = NULL;
	MX_AUTO(mx_userctx_auto) struct mx_userctx *user = NULL;
	const char *profile;
	int err = 0;
	HRESULT hr;

	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	profile = mx_text_in(&a, name, flags, &err);
	if (err)
		return MAPI_E_NOT_ENOUGH_MEMORY;
	if (profile && !*profile)
		profile = NULL;
	config = mx_config_find(profile);
	if (!config)
		return unconfigured(profile);
	hr = capture(config, &user);
	return FAILED(hr) ? hr : logon(config, user, ret);
}

HRESULT MapiaryLogon(LPMAPIARYUSER who, const MAPIARY_CONFIG *where,
		     ULONG flags, LPMAPISESSION *ret)
{
	MX_AUTO(mx_config_auto) struct mx_config *config = NULL;
	MX_AUTO(mx_userctx_auto) struct mx_userctx *user = NULL;
	HRESULT hr = S_OK;
	int err;

	if (!ret)
		return MAPI_E_INVALID_PARAMETER;
	*ret = NULL;
	err = mx_config_new(where, &config);
	if (err)
		return mx_hr_from_err(err, NULL, true);
	if (who)
		user = mx_userctx_ref(mx_user_ctx(who));
	else
		hr = capture(config, &user);
	return FAILED(hr) ? hr : logon(config, user, ret);
}
