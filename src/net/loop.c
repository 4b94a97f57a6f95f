/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One epoll, some libcurl multi handles, one resolver, one heap of times, one
 * thread.
 *
 * A multi handle searches its connections linearly.  Ours have only those of
 * requests in flight, since what is kept is in the channels, and never more than
 * MULTI_MAX of them: what is parked then costs the same for any number of users.
 */
#include "net/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "identity/creds.h"
#include "net/fork.h"

#define EVENTS 128
#define SOON_MS 250
#define MULTI_MAX 250

/* What stands beside the descriptor in an epoll event. */
enum source {
	SRC_WAKE,
	SRC_CURL,
	SRC_ARES,
};

/* no: of the multi handle. */
static uint64_t tag(enum source s, unsigned no, int fd)
{
	return (uint64_t)no << 40 | (uint64_t)s << 32 | (uint32_t)fd;
}

/* Watches fd for these events; 0: not any more. */
static void watch(struct mx_loop *l, uint64_t what, uint32_t events, bool known)
{
	struct epoll_event e = {.events = events, .data.u64 = what};
	int fd = (int)(uint32_t)what;

	if (!events)
		epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
	else if (!known || epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &e))
		if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) &&
		    errno == EEXIST)
			epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &e);
}

static int curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
		       void *known)
{
	struct mx_bunch *m = arg;
	uint32_t events = 0;

	(void)easy;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EPOLLOUT;
	watch(m->loop, tag(SRC_CURL, m->no, fd), events, known != NULL);
	if (events && !known)
		curl_multi_assign(m->h, fd, m);
	return 0;
}

static int curl_timer(CURLM *h, long ms, void *arg)
{
	struct mx_bunch *m = arg;

	(void)h;
	m->due = ms < 0 ? MX_MONO_NEVER : mx_mono_in_ms(ms);
	return 0;
}

static void ares_watch(void *arg, int fd, bool rd, bool wr)
{
	watch(arg, tag(SRC_ARES, 0, fd),
	      (rd ? EPOLLIN : 0u) | (wr ? EPOLLOUT : 0u), true);
}

void mx_loop_wake(struct mx_loop *l)
{
	const uint64_t one = 1;
	ssize_t n = write(l->wake, &one, sizeof(one));

	(void)n; /* a full counter is readable already */
}

/* --- Turning ------------------------------------------------------------ */

static void act(struct mx_bunch *m, curl_socket_t fd, int what)
{
	CURLMsg *msg;
	int left;

	mx_assert_unlocked();
	curl_multi_socket_action(m->h, fd, what, &left);
	while ((msg = curl_multi_info_read(m->h, &left)))
		if (msg->msg == CURLMSG_DONE)
			mx_job_transferred(msg->easy_handle, msg->data.result);
}

static void on_event(struct mx_loop *l, const struct epoll_event *e)
{
	int fd = (int)(uint32_t)e->data.u64, what = 0;
	uint64_t sink;
	ssize_t n;

	switch ((enum source)(e->data.u64 >> 32 & 0xff)) {
	case SRC_WAKE:
		n = read(fd, &sink, sizeof(sink));
		(void)n;
		return;
	case SRC_CURL:
		what |= e->events & EPOLLIN ? CURL_CSELECT_IN : 0;
		what |= e->events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
		what |= e->events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR
							  : 0;
		act(l->bunches[e->data.u64 >> 40], fd, what);
		return;
	case SRC_ARES:
		mx_resolver_event(l->resolver, fd, e->events & ~EPOLLOUT,
				  e->events & EPOLLOUT);
		return;
	}
}

static void run_timers(struct mx_loop *l)
{
	mx_mono now = mx_mono_now();
	struct mx_timer *t;

	/* Only what is due now: a closure may ask for "at once" again. */
	while ((t = mx_timers_first(&l->timers)) && t->due.ns <= now.ns) {
		mx_timers_remove(&l->timers, t);
		mx_job_timer(t);
	}
	for (unsigned i = 0; i < l->n_bunches; i++)
		if (l->bunches[i]->due.ns <= now.ns) {
			l->bunches[i]->due = MX_MONO_NEVER;
			act(l->bunches[i], CURL_SOCKET_TIMEOUT, 0);
		}
	if (mx_resolver_due(l->resolver).ns != INT64_MAX)
		mx_resolver_tick(l->resolver);
}

static void move_all(struct mx_list *from, struct mx_list *to)
{
	struct mx_list *it;

	while ((it = mx_list_pop(from)))
		mx_list_push_tail(to, it);
}

/* The attention list stays in the loop, under its lock: a job on it may be
 * completed, and taken off it, by what is done for another. */
static struct mx_list *next_attention(struct mx_loop *l)
{
	struct mx_list *it;

	mx_mutex_lock(&l->lock);
	it = mx_list_pop(&l->attention);
	mx_mutex_unlock(&l->lock);
	return it;
}

/* What other threads pushed.  Returns the phase. */
static enum mx_loop_phase take_posts(struct mx_loop *l,
				     enum mx_loop_phase before)
{
	struct mx_list inbox, authed, *it;
	enum mx_loop_phase phase;

	mx_list_init(&inbox);
	mx_list_init(&authed);
	mx_mutex_lock(&l->lock);
	l->asleep_until_ns = 0;
	phase = l->phase;
	move_all(&l->inbox, &inbox);
	move_all(&l->authed, &authed);
	mx_mutex_unlock(&l->lock);
	if (phase != before)
		mx_job_phase(l, phase);
	while ((it = mx_list_pop(&authed)))
		mx_job_authed(l, it);
	while ((it = mx_list_pop(&inbox)))
		mx_job_accept(l, it, phase);
	while ((it = next_attention(l)))
		mx_job_attend(it);
	return phase;
}

static int wait_ms(struct mx_loop *l)
{
	struct mx_timer *t = mx_timers_first(&l->timers);
	mx_mono due = mx_resolver_due(l->resolver);
	int64_t ms;

	for (unsigned i = 0; i < l->n_bunches; i++)
		due = mx_mono_min(due, l->bunches[i]->due);
	if (t)
		due = mx_mono_min(due, t->due);
	ms = mx_mono_left_ms(due);
	return due.ns == INT64_MAX ? -1 : ms > 60000 ? 60000 : (int)ms;
}

/* What is posted from here on finds the loop asleep and wakes it; what came while
 * it was awake is in the inbox already. */
static int fall_asleep(struct mx_loop *l)
{
	int ms = wait_ms(l);
	mx_mono until = ms < 0 ? MX_MONO_NEVER : mx_mono_in_ms(ms);

	mx_mutex_lock(&l->lock);
	if (mx_list_empty(&l->inbox))
		l->asleep_until_ns = until.ns;
	else
		ms = 0;
	mx_mutex_unlock(&l->lock);
	return ms;
}

/* True when the thread may end: from then on posts are refused by `closed`. */
static bool close_if_empty(struct mx_loop *l)
{
	bool empty;

	mx_mutex_lock(&l->lock);
	empty = mx_list_empty(&l->jobs) && mx_list_empty(&l->inbox) &&
		mx_list_empty(&l->authed);
	l->closed = empty;
	mx_mutex_unlock(&l->lock);
	return empty;
}

static void *loop_main(void *arg)
{
	struct mx_loop *l = arg;
	enum mx_loop_phase phase = MX_LOOP_RUN;
	struct epoll_event events[EVENTS];
	int n;

	for (;;) {
		phase = take_posts(l, phase);
		if (phase == MX_LOOP_END && close_if_empty(l))
			return NULL;
		run_timers(l);
		mx_assert_unlocked();
		n = epoll_wait(l->epoll, events, EVENTS, fall_asleep(l));
		for (int i = 0; i < n; i++)
			on_event(l, &events[i]);
	}
}

/* --- Multi handles ------------------------------------------------------ */

static int bunch_new(struct mx_loop *l, struct mx_bunch **ret)
{
	unsigned n = l->n_bunches;
	struct mx_bunch **v = realloc(l->bunches, (n + 1) * sizeof(*v)), *m;
	int err;

	if (!v)
		return -ENOMEM;
	l->bunches = v;
	m = calloc(1, sizeof(*m));
	err = m ? mx_curlm_open(&m->own) : -ENOMEM;
	if (err) {
		free(m);
		return err;
	}
	m->h = m->own.m;
	m->loop = l;
	m->no = n;
	m->due = MX_MONO_NEVER;
	curl_multi_setopt(m->h, CURLMOPT_SOCKETFUNCTION, curl_socket);
	curl_multi_setopt(m->h, CURLMOPT_SOCKETDATA, m);
	curl_multi_setopt(m->h, CURLMOPT_TIMERFUNCTION, curl_timer);
	curl_multi_setopt(m->h, CURLMOPT_TIMERDATA, m);
	v[n] = m;
	l->n_bunches = n + 1;
	*ret = m;
	return 0;
}

int mx_loop_add(struct mx_loop *l, CURL *easy, struct mx_bunch **ret)
{
	struct mx_bunch *m = NULL;
	int err = 0;

	for (unsigned i = 0; !m && i < l->n_bunches; i++)
		if (l->bunches[i]->n < MULTI_MAX)
			m = l->bunches[i];
	if (!m)
		err = bunch_new(l, &m);
	if (!err && curl_multi_add_handle(m->h, easy))
		err = -ENOMEM;
	if (err)
		return err;
	m->n++;
	*ret = m;
	return 0;
}

void mx_loop_remove(struct mx_bunch *m, CURL *easy)
{
	curl_multi_remove_handle(m->h, easy);
	m->n--;
}

/* --- Start and end ------------------------------------------------------ */

static void loop_free(struct mx_loop *l)
{
	mx_resolver_free(l->resolver);
	for (unsigned i = 0; i < l->n_bunches; i++) {
		mx_curlm_close(&l->bunches[i]->own);
		free(l->bunches[i]);
	}
	free(l->bunches);
	if (l->epoll >= 0)
		mx_net_fd_close(l->epoll);
	if (l->wake >= 0)
		mx_net_fd_close(l->wake);
	mx_timers_fini(&l->timers);
	mx_mutex_fini(&l->lock);
	free(l);
}

static int open_fds(struct mx_loop *l)
{
	struct epoll_event e = {.events = EPOLLIN};

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		return -errno;
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->wake < 0)
		return -errno;
	if (mx_net_fd_add(l->epoll) || mx_net_fd_add(l->wake))
		return -ENOMEM;
	e.data.u64 = tag(SRC_WAKE, 0, l->wake);
	return epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->wake, &e) ? -errno : 0;
}

static int loop_open(struct mx_loop *l)
{
	int err = open_fds(l);

	if (err)
		return err;
	err = mx_resolver_new(ares_watch, l, &l->resolver);
	if (err)
		return err;
	return mx_thread_start("mx-engine", loop_main, l, &l->id);
}

int mx_loop_start(void (*on_done)(void), void (*on_left)(const char *name),
		  struct mx_loop **ret)
{
	struct mx_loop *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	l->refs = 1;
	l->epoll = l->wake = -1;
	l->on_done = on_done;
	l->on_left = on_left;
	mx_list_init(&l->jobs);
	mx_list_init(&l->inbox);
	mx_list_init(&l->attention);
	mx_list_init(&l->authed);
	mx_mutex_init(&l->lock);
	err = loop_open(l);
	if (err) {
		loop_free(l);
		return err;
	}
	*ret = l;
	return 0;
}

/* It is awake, or was woken, and looks before it sleeps again; or wakes soon,
 * before the job is due.  Soon, because a job's token is heard only once the loop
 * has taken it. */
static bool looks_in_time_locked(const struct mx_loop *l, mx_mono due)
	MX_HOLDS(&l->lock)
{
	return !l->asleep_until_ns ||
	       (l->phase == MX_LOOP_RUN && l->asleep_until_ns <= due.ns &&
		l->asleep_until_ns <= mx_mono_in_ms(SOON_MS).ns);
}

void mx_loop_post(struct mx_loop *l, struct mx_job *j)
{
	/* The first member: see struct mx_job. */
	struct mx_list *post = (struct mx_list *)j;
	bool wake;

	mx_mutex_lock(&l->lock);
	mx_list_push_tail(&l->inbox, post);
	wake = !looks_in_time_locked(l, mx_job_due(j));
	if (wake)
		l->asleep_until_ns = 0;
	mx_mutex_unlock(&l->lock);
	if (wake)
		mx_loop_wake(l);
}

void mx_loop_set_phase(struct mx_loop *l, enum mx_loop_phase phase)
{
	mx_mutex_lock(&l->lock);
	l->phase = phase;
	mx_mutex_unlock(&l->lock);
	mx_loop_wake(l);
}

void mx_loop_unref(struct mx_loop *l)
{
	bool last;

	mx_mutex_lock(&l->lock);
	last = --l->refs == 0;
	mx_mutex_unlock(&l->lock);
	if (last)
		loop_free(l);
}

void mx_loop_join(struct mx_loop *l)
{
	pthread_join(l->id, NULL);
	mx_loop_unref(l);
}
