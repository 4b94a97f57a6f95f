/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User contexts across the API.  A program's callback gives a password as an
 * HRESULT and a buffer; inside it is an errno and a secret.
 */
#include <errno.h>
#include <stdlib.h>

#include "api/hresult.h"
#include "api/user.h"
#include "base/fork.h"
#include "base/lock.h"
#include "net/unix-user.h"

#define SECRET_MAX 65536

struct callback {
	LPMAPIARYSECRET fn;
	void *context;
	LPMAPIARYFREE free_fn;
};

static int ask_secret(void *arg, const char *server, struct mx_secret *ret)
{
	struct callback *cb = arg;
	char *buf = calloc(1, SECRET_MAX);
	HRESULT hr;
	int err;

	if (!buf)
		return -ENOMEM;
	hr = cb->fn(cb->context, server, buf, SECRET_MAX);
	if (FAILED(hr))
		err = hr == MAPI_E_USER_CANCEL ? -ECANCELED : -EACCES;
	else
		err = mx_secret_set_n(ret, buf, strnlen(buf, SECRET_MAX));
	explicit_bzero(buf, SECRET_MAX);
	free(buf);
	return err;
}

static void callback_free(void *arg)
{
	struct callback *cb = arg;

	if (cb->free_fn)
		cb->free_fn(cb->context);
	free(cb);
}

static int fill_auth(const MAPIARY_USER_PARAMS *in,
		     struct mx_userctx_params *out)
{
	struct callback *cb;

	switch (in->ulAuth) {
	case MAPIARY_AUTH_NONE:
		out->auth = MX_AUTH_NONE;
		return 0;
	case MAPIARY_AUTH_GSS:
		out->auth = MX_AUTH_GSS;
		out->arg = in->lpvContext;
		out->free_arg = in->lpfnFree;
		return in->lpvContext ? 0 : -EINVAL;
	case MAPIARY_AUTH_PASSWORD:
		out->auth = MX_AUTH_PASSWORD;
		out->password = in->lpszPassword;
		if (in->lpszPassword)
			return 0;
		break;
	case MAPIARY_AUTH_BEARER:
		out->auth = MX_AUTH_BEARER;
		break;
	default:
		return -EINVAL;
	}
	if (!in->lpfnSecret)
		return -EINVAL;
	cb = calloc(1, sizeof(*cb));
	if (!cb)
		return -ENOMEM;
	*cb = (struct callback){in->lpfnSecret, in->lpvContext, in->lpfnFree};
	out->secret = ask_secret;
	out->arg = cb;
	out->free_arg = callback_free;
	return 0;
}

HRESULT MapiaryCreateUser(const MAPIARY_USER_PARAMS *in, LPMAPIARYUSER *ret)
{
	struct mx_userctx_params params = {0};
	struct mx_userctx *ctx = NULL;
	int err;

	if (!in || !ret || in->cbSize < sizeof(*in))
		return MAPI_E_INVALID_PARAMETER;
	/* A random RID too: two users of one name are not one user. */
	err = in->lpszSid ? mx_sid_parse(in->lpszSid, &params.sid)
			  : mx_sid_random(1000, &params.sid);
	if (!err)
		err = fill_auth(in, &params);
	if (err)
		return mx_hr_from_err(err, NULL, true);
	params.display = in->lpszDisplayName;
	params.login = in->lpszLogin;
	err = mx_userctx_new(&params, &ctx);
	if (err) {
		if (params.secret)
			free(params.arg);
		return mx_hr_from_err(err, NULL, true);
	}
	*ret = (LPMAPIARYUSER)(void *)ctx;
	return S_OK;
}

void MapiaryUserAddRef(LPMAPIARYUSER u)
{
	mx_userctx_ref(mx_user_ctx(u));
}

void MapiaryUserRelease(LPMAPIARYUSER u)
{
	mx_userctx_unref(mx_user_ctx(u));
}

LPCSTR MapiaryUserSid(LPMAPIARYUSER u)
{
	return u ? mx_userctx_sid_text(mx_user_ctx(u)) : "";
}

LPCSTR MapiaryUserDisplayName(LPMAPIARYUSER u)
{
	return u ? mx_userctx_display(mx_user_ctx(u)) : "";
}

ULONG MapiaryUserSidCrc(LPMAPIARYUSER u)
{
	return u ? mx_sid_crc(mx_userctx_sid(mx_user_ctx(u))) : 0;
}

HRESULT MapiaryImpersonate(LPMAPIARYUSER u)
{
	if (!u)
		return MAPI_E_INVALID_PARAMETER;
	return mx_hr_from_err(mx_userctx_push(mx_user_ctx(u)), NULL, true);
}

HRESULT MapiaryRevert(void)
{
	return mx_hr_from_err(mx_userctx_pop(), NULL, true);
}

HRESULT MapiaryRegisterUnixUser(ULONG uid, LPMAPIARYUSER u)
{
	return mx_hr_from_err(mx_userctx_register(uid, mx_user_ctx(u)), NULL,
			      true);
}

HRESULT MapiarySetProcessUser(LPMAPIARYUSER u)
{
	mx_userctx_set_process(mx_user_ctx(u));
	return S_OK;
}

/* --- Kernel users ------------------------------------------------------- */

static struct {
	struct mx_mutex lock;
	LPMAPIARYUNIXUSER fn;
	LPVOID context;
} source = {.lock = MX_MUTEX_INIT};

/* It is there in forked children too. */
__attribute__((__constructor__)) static void on_load(void)
{
	mx_fork_hold(&source.lock);
}

HRESULT MapiarySetUnixUserSource(LPMAPIARYUNIXUSER fn, LPVOID context)
{
	mx_mutex_lock(&source.lock);
	source.fn = fn;
	source.context = context;
	mx_mutex_unlock(&source.lock);
	return S_OK;
}

HRESULT mx_unix_user(ULONG uid, struct mx_userctx **ret)
{
	LPMAPIARYUNIXUSER fn;
	LPMAPIARYUSER user = NULL;
	LPVOID context;
	HRESULT hr;

	mx_mutex_lock(&source.lock);
	fn = source.fn;
	context = source.context;
	mx_mutex_unlock(&source.lock);
	if (!fn)
		return mx_hr_from_err(mx_unix_userctx_new(uid, ret), NULL,
				      true);
	hr = fn(context, uid, &user);
	if (FAILED(hr))
		return hr;
	if (!user)
		return MAPI_E_NOT_FOUND;
	*ret = mx_user_ctx(user);
	return S_OK;
}
