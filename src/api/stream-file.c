/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream on a file.  The position is ours (pread, pwrite), so a clone has
 * its own; the file is closed, and removed if so wished, with the last one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/stream.h"
#include "base/lock.h"
#include "base/utf.h"

struct file {
	atomic_uint refs;
	int fd;
	ULONG flags;
	char *path;
};

struct fstream {
	IStream s;
	atomic_uint refs;
	struct file *f;
	struct mx_mutex lock; /* pos; no I/O under it */
	uint64_t pos;
};

static struct fstream *fs_of(IStream *s)
{
	return (struct fstream *)(void *)s;
}

static HRESULT from_errno(int e, HRESULT other)
{
	switch (e) {
	case ENOENT:
		return STG_E_FILENOTFOUND;
	case ENOTDIR:
		return STG_E_PATHNOTFOUND;
	case EACCES:
	case EPERM:
	case EROFS:
	case EBADF:
		return STG_E_ACCESSDENIED;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return STG_E_MEDIUMFULL;
	case EEXIST:
		return STG_E_FILEALREADYEXISTS;
	case ENOMEM:
		return E_OUTOFMEMORY;
	default:
		return other;
	}
}

static void file_unref(struct file *f)
{
	if (atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	close(f->fd);
	if (f->flags & STGM_DELETEONRELEASE)
		unlink(f->path);
	free(f->path);
	free(f);
}

static ULONG fs_add(IStream *s)
{
	return atomic_fetch_add(&fs_of(s)->refs, 1) + 1;
}

static ULONG fs_release(IStream *s)
{
	struct fstream *fs = fs_of(s);
	ULONG n = atomic_fetch_sub(&fs->refs, 1) - 1;

	if (!n) {
		file_unref(fs->f);
		mx_mutex_fini(&fs->lock);
		free(fs);
	}
	return n;
}

static uint64_t fs_pos(struct fstream *fs)
{
	uint64_t pos;

	mx_mutex_lock(&fs->lock);
	pos = fs->pos;
	mx_mutex_unlock(&fs->lock);
	return pos;
}

static void fs_set_pos(struct fstream *fs, uint64_t pos)
{
	mx_mutex_lock(&fs->lock);
	fs->pos = pos;
	mx_mutex_unlock(&fs->lock);
}

static HRESULT fs_read(IStream *s, void *out, ULONG n, ULONG *ret)
{
	struct fstream *fs = fs_of(s);
	uint64_t pos = fs_pos(fs);
	ULONG done = 0;

	while (done < n) {
		ssize_t k = pread(fs->f->fd, (char *)out + done, n - done,
				  (off_t)(pos + done));

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return from_errno(errno, STG_E_READFAULT);
		if (!k)
			break;
		done += (ULONG)k;
	}
	fs_set_pos(fs, pos + done);
	if (ret)
		*ret = done;
	return S_OK;
}

static HRESULT fs_write(IStream *s, const void *p, ULONG n, ULONG *ret)
{
	struct fstream *fs = fs_of(s);
	uint64_t pos = fs_pos(fs);
	HRESULT hr = S_OK;
	ULONG done = 0;

	while (done < n) {
		ssize_t k = pwrite(fs->f->fd, (const char *)p + done, n - done,
				   (off_t)(pos + done));

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0) {
			hr = from_errno(errno, STG_E_WRITEFAULT);
			break;
		}
		done += (ULONG)k;
	}
	fs_set_pos(fs, pos + done);
	if (ret)
		*ret = done;
	return hr;
}

static HRESULT fs_seek(IStream *s, LARGE_INTEGER move, DWORD origin,
		       ULARGE_INTEGER *ret)
{
	struct fstream *fs = fs_of(s);
	uint64_t pos = fs_pos(fs);
	struct stat st;
	HRESULT hr;

	if (fstat(fs->f->fd, &st))
		return from_errno(errno, STG_E_SEEKERROR);
	hr = mx_stream_target(pos, (uint64_t)st.st_size, move, origin, &pos);
	if (FAILED(hr))
		return hr;
	fs_set_pos(fs, pos);
	if (ret)
		ret->QuadPart = pos;
	return S_OK;
}

static HRESULT fs_size(IStream *s, ULARGE_INTEGER size)
{
	if (size.QuadPart > INT64_MAX)
		return STG_E_MEDIUMFULL;
	if (ftruncate(fs_of(s)->f->fd, (off_t)size.QuadPart))
		return from_errno(errno, STG_E_WRITEFAULT);
	return S_OK;
}

static HRESULT fs_commit(IStream *s, DWORD flags)
{
	if (fs_of(s)->f->flags & (STGM_WRITE | STGM_READWRITE) &&
	    !(flags & STGC_DANGEROUSLYCOMMITMERELYTODISKCACHE) &&
	    fsync(fs_of(s)->f->fd) && errno != EINVAL)
		return from_errno(errno, STG_E_WRITEFAULT);
	return S_OK;
}

static HRESULT fs_revert(IStream *s)
{
	return STG_E_INVALIDFUNCTION;
}

static FILETIME filetime_of(struct timespec ts)
{
	uint64_t t = ((uint64_t)ts.tv_sec + UINT64_C(11644473600)) * 10000000 +
		     (uint64_t)ts.tv_nsec / 100;

	return (FILETIME){(DWORD)t, (DWORD)(t >> 32)};
}

static HRESULT fs_stat(IStream *s, STATSTG *ret, DWORD flag)
{
	struct file *f = fs_of(s)->f;
	struct stat st;
	size_t n;

	if (!ret)
		return STG_E_INVALIDPOINTER;
	if (fstat(f->fd, &st))
		return from_errno(errno, STG_E_READFAULT);
	*ret = (STATSTG){.type = STGTY_STREAM, .grfMode = f->flags & 3};
	ret->cbSize.QuadPart = (uint64_t)st.st_size;
	ret->mtime = filetime_of(st.st_mtim);
	ret->ctime = filetime_of(st.st_ctim);
	ret->atime = filetime_of(st.st_atim);
	if (flag & STATFLAG_NONAME)
		return S_OK;
	n = mx_wchar_from_utf8(f->path, strlen(f->path), NULL, 0);
	ret->pwcsName = mx_api_alloc((n + 1) * sizeof(WCHAR));
	if (!ret->pwcsName)
		return E_OUTOFMEMORY;
	mx_wchar_from_utf8(f->path, strlen(f->path), ret->pwcsName, n);
	return S_OK;
}

static HRESULT fs_clone(IStream *s, IStream **ret);

static const IStreamVtbl fs_vtbl = {
	mx_stream_query, fs_add,    fs_release,        fs_read,
	fs_write,        fs_seek,   fs_size,           mx_stream_copy_to,
	fs_commit,       fs_revert, mx_stream_no_lock, mx_stream_no_lock,
	fs_stat,         fs_clone,
};

/* Takes over the caller's reference to f on success. */
static HRESULT fs_new(struct file *f, uint64_t pos, IStream **ret)
{
	struct fstream *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return E_OUTOFMEMORY;
	fs->s.lpVtbl = &fs_vtbl;
	fs->refs = 1;
	fs->f = f;
	fs->pos = pos;
	mx_mutex_init(&fs->lock);
	*ret = &fs->s;
	return S_OK;
}

static HRESULT fs_clone(IStream *s, IStream **ret)
{
	struct file *f = fs_of(s)->f;
	HRESULT hr;

	if (!ret)
		return STG_E_INVALIDPOINTER;
	atomic_fetch_add(&f->refs, 1);
	hr = fs_new(f, fs_pos(fs_of(s)), ret);
	if (FAILED(hr))
		file_unref(f);
	return hr;
}

static int open_flags(ULONG flags)
{
	int o = O_CLOEXEC | (flags & STGM_READWRITE ? O_RDWR
			     : flags & STGM_WRITE   ? O_WRONLY
						    : O_RDONLY);

	if (flags & STGM_CREATE)
		o = (o & ~O_ACCMODE) | O_RDWR | O_CREAT | O_TRUNC;
	return o;
}

/* A new file of its own in `dir`; sets *path. */
static int open_unique(const char *dir, const char *prefix, char **path)
{
	if (!dir || !*dir)
		dir = secure_getenv("TMPDIR");
	if (!dir || !*dir)
		dir = "/tmp";
	if (asprintf(path, "%s/%s-XXXXXX", dir, prefix ? prefix : "mapi") < 0) {
		*path = NULL;
		errno = ENOMEM;
		return -1;
	}
	return mkostemp(*path, O_CLOEXEC);
}

static HRESULT open_file(ULONG flags, const char *name, const char *prefix,
			 LPSTREAM *ret)
{
	struct file *f = calloc(1, sizeof(*f));
	HRESULT hr;

	if (!f)
		return E_OUTOFMEMORY;
	f->refs = 1;
	f->flags = flags;
	if (flags & SOF_UNIQUEFILENAME) {
		f->fd = open_unique(name, prefix, &f->path);
	} else {
		f->path = strdup(name);
		f->fd = f->path ? open(name, open_flags(flags), 0666) : -1;
	}
	if (f->fd < 0) {
		hr = from_errno(errno, MAPI_E_DISK_ERROR);
		free(f->path);
		free(f);
		return hr;
	}
	hr = fs_new(f, 0, ret);
	if (FAILED(hr))
		file_unref(f);
	return hr;
}

HRESULT OpenStreamOnFile(LPALLOCATEBUFFER alloc, LPFREEBUFFER dealloc,
			 ULONG flags, LPCTSTR name, LPCTSTR prefix,
			 LPSTREAM *ret)
{
	if (!ret || (!name && !(flags & SOF_UNIQUEFILENAME)))
		return MAPI_E_INVALID_PARAMETER;
	return open_file(flags, name, prefix, ret);
}

static char *narrow(LPCWSTR w)
{
	size_t n = mx_utf8_from_wchar(w, wcslen(w), NULL, 0);
	char *s = calloc(1, n + 1);

	if (s)
		mx_utf8_from_wchar(w, wcslen(w), s, n);
	return s;
}

HRESULT OpenStreamOnFileW(LPALLOCATEBUFFER alloc, LPFREEBUFFER dealloc,
			  ULONG flags, LPCWSTR name, LPCWSTR prefix,
			  LPSTREAM *ret)
{
	MX_AUTO(mx_free_auto) char *n = name ? narrow(name) : NULL;
	MX_AUTO(mx_free_auto) char *p = prefix ? narrow(prefix) : NULL;

	if ((name && !n) || (prefix && !p))
		return E_OUTOFMEMORY;
	return OpenStreamOnFile(alloc, dealloc, flags, n, p, ret);
}
