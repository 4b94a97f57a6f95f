/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One bit a descriptor.  The locks are held over fork, so the child finds the
 * bits whole, and no descriptor that is open and not yet entered.  Only fstat()
 * and close() are called there, which are safe between fork and whatever comes
 * next.
 *
 * A bit may outlive its descriptor: libcurl (7.88) closes a socket that is still
 * connecting by itself.  The number may be the program's by then, so what was
 * entered is known by its inode too.
 */
#include "net/fork.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <libxml/parser.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_HOOKS 16
#define BITS 64u

struct inode {
	dev_t dev;
	ino_t ino;
};

static struct {
	pthread_mutex_t window; /* before lock: opening what is entered later */
	pthread_mutex_t lock;
	uint64_t *bits;
	struct inode *inodes; /* BITS for each word */
	size_t n_words;
	unsigned n_fds;
	void (*hooks[MAX_HOOKS])(void);
	unsigned n_hooks;
} reg = {
	.window = PTHREAD_MUTEX_INITIALIZER,
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

static atomic_uint generation;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int setup_err;

static struct inode inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? (struct inode){0}
			      : (struct inode){st.st_dev, st.st_ino};
}

static bool is_entered(size_t fd)
{
	return reg.bits[fd / BITS] >> fd % BITS & 1;
}

static bool is_still_ours(size_t fd)
{
	struct inode now = inode_of((int)fd);

	return now.ino && now.ino == reg.inodes[fd].ino &&
	       now.dev == reg.inodes[fd].dev;
}

static void before_fork(void)
{
	pthread_mutex_lock(&reg.window);
	pthread_mutex_lock(&reg.lock);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&reg.lock);
	pthread_mutex_unlock(&reg.window);
}

static void after_fork_child(void)
{
	for (size_t fd = 0; fd < reg.n_words * BITS; fd++)
		if (is_entered(fd) && is_still_ours(fd))
			close((int)fd);
	if (reg.n_words)
		memset(reg.bits, 0, reg.n_words * sizeof(*reg.bits));
	reg.n_fds = 0;
	atomic_fetch_add(&generation, 1);
	for (unsigned i = 0; i < reg.n_hooks; i++)
		reg.hooks[i]();
	pthread_mutex_unlock(&reg.lock);
	pthread_mutex_unlock(&reg.window);
}

static void setup(void)
{
	/* libxml2 is not safe to set itself up in two threads' first parse. */
	xmlInitParser();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) ||
	    pthread_atfork(before_fork, after_fork_parent, after_fork_child))
		setup_err = -ENOMEM;
}

int mx_net_setup(void)
{
	pthread_once(&once, setup);
	return setup_err;
}

unsigned mx_net_generation(void)
{
	return atomic_load_explicit(&generation, memory_order_relaxed);
}

void mx_net_on_fork(void (*fn)(void))
{
	pthread_mutex_lock(&reg.lock);
	for (unsigned i = 0; i < reg.n_hooks; i++)
		if (reg.hooks[i] == fn)
			fn = NULL;
	/* A part of ours each: one too many is a mistake of the build. */
	assert(!fn || reg.n_hooks < MAX_HOOKS);
	if (fn)
		reg.hooks[reg.n_hooks++] = fn;
	pthread_mutex_unlock(&reg.lock);
}

static int grow(size_t words)
{
	struct inode *inodes;
	uint64_t *p;

	if (words <= reg.n_words)
		return 0;
	words = words < 16 ? 16 : words * 2;
	inodes = realloc(reg.inodes, words * BITS * sizeof(*inodes));
	if (!inodes)
		return -ENOMEM;
	reg.inodes = inodes;
	p = realloc(reg.bits, words * sizeof(*p));
	if (!p)
		return -ENOMEM;
	memset(p + reg.n_words, 0, (words - reg.n_words) * sizeof(*p));
	reg.bits = p;
	reg.n_words = words;
	return 0;
}

static int add_locked(int fd)
{
	size_t w = (size_t)fd / BITS;
	int err = grow(w + 1);

	if (err)
		return err;
	reg.n_fds += !is_entered((size_t)fd);
	reg.bits[w] |= UINT64_C(1) << ((unsigned)fd % BITS);
	reg.inodes[fd] = inode_of(fd);
	return 0;
}

int mx_net_fd_add(int fd)
{
	int err;

	pthread_mutex_lock(&reg.lock);
	err = add_locked(fd);
	pthread_mutex_unlock(&reg.lock);
	return err;
}

int mx_net_socket(int af, int type, int proto)
{
	int fd;

	pthread_mutex_lock(&reg.lock);
	fd = socket(af, type | SOCK_CLOEXEC, proto);
	if (fd >= 0 && add_locked(fd)) {
		close(fd);
		errno = ENOMEM;
		fd = -1;
	}
	pthread_mutex_unlock(&reg.lock);
	return fd;
}

void mx_net_hold_forks(void)
{
	pthread_mutex_lock(&reg.window);
}

void mx_net_allow_forks(void)
{
	pthread_mutex_unlock(&reg.window);
}

static void forget_locked(int fd)
{
	size_t w = (size_t)fd / BITS;
	uint64_t bit = UINT64_C(1) << ((unsigned)fd % BITS);

	if (w < reg.n_words && (reg.bits[w] & bit)) {
		reg.bits[w] &= ~bit;
		reg.n_fds--;
	}
}

void mx_net_fd_forget(int fd)
{
	pthread_mutex_lock(&reg.lock);
	forget_locked(fd);
	pthread_mutex_unlock(&reg.lock);
}

/* close() of a socket without SO_LINGER does not wait; done under the lock so
 * that a fork in between neither misses the bit nor closes a newer fd. */
void mx_net_fd_close(int fd)
{
	pthread_mutex_lock(&reg.lock);
	forget_locked(fd);
	close(fd);
	pthread_mutex_unlock(&reg.lock);
}

unsigned mx_net_fd_count(void)
{
	unsigned n;

	pthread_mutex_lock(&reg.lock);
	for (size_t fd = 0; fd < reg.n_words * BITS; fd++)
		if (is_entered(fd) && !is_still_ours(fd))
			forget_locked((int)fd);
	n = reg.n_fds;
	pthread_mutex_unlock(&reg.lock);
	return n;
}
