/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One bit a descriptor.  The locks are held over fork, so the child finds the
 * bits whole, and no descriptor that is open and not yet entered.  Only close()
 * is called there, which is safe between fork and whatever comes next.
 */
#include "net/fork.h"

#include <curl/curl.h>
#include <errno.h>
#include <libxml/parser.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_HOOKS 8
#define BITS 64u

static struct {
	pthread_mutex_t window; /* before lock: opening what is entered later */
	pthread_mutex_t lock;
	uint64_t *bits;
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
	for (size_t w = 0; w < reg.n_words; w++)
		for (unsigned b = 0; b < BITS; b++)
			if (reg.bits[w] >> b & 1)
				close((int)(w * BITS + b));
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
	if (fn && reg.n_hooks < MAX_HOOKS)
		reg.hooks[reg.n_hooks++] = fn;
	pthread_mutex_unlock(&reg.lock);
}

static int grow(size_t words)
{
	uint64_t *p;

	if (words <= reg.n_words)
		return 0;
	words = words < 16 ? 16 : words * 2;
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
	reg.bits[w] |= UINT64_C(1) << ((unsigned)fd % BITS);
	reg.n_fds++;
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
	n = reg.n_fds;
	pthread_mutex_unlock(&reg.lock);
	return n;
}
