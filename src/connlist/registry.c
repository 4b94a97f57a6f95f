/* SPDX-FileCopyrightText: 2026 The Mapiary authors */
/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching to the segment and letting go of it.
 *
 * Attached means: the byte lock of a process slot, on a descriptor that exec
 * and fork close; the slot's generation raised, so that every word an earlier
 * owner left is known to be a dead one's; then what it left is swept.
 * Detaching is the same from within: raise the generation, and our own traces
 * are a dead one's.
 */
#include "connlist/registry-private.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/log.h"
#include "connlist/admin.h"
#include "identity/creds.h"

#define DETACH_PATIENCE_NS (2 * MX_NS_PER_S)

/* --- Faults ------------------------------------------------------------- */

int reg_fault(struct mx_fault *f, int err, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (!f)
		return err;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return mx_fault_set(f, MX_LAYER_REGISTRY, (uint32_t)-err, err, "%s",
			    text);
}

int reg_damaged(struct mx_fault *f, const char *what)
{
	return reg_fault(f, -EBADMSG,
			 "the segment is damaged: %s; it is made anew when all "
			 "its processes have ended",
			 what);
}

/* --- Life --------------------------------------------------------------- */

#define USE_CALL UINT64_C(1)
#define USE_REF (UINT64_C(1) << 32)

int reg_enter(struct mx_reg *reg)
{
	if (__atomic_load_n(&reg->gone, __ATOMIC_ACQUIRE))
		return -ESTALE;
	__atomic_add_fetch(&reg->uses, USE_CALL, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&reg->gone, __ATOMIC_SEQ_CST))
		return 0;
	reg_leave(reg);
	return -ESTALE;
}

void reg_leave(struct mx_reg *reg)
{
	__atomic_sub_fetch(&reg->uses, USE_CALL, __ATOMIC_SEQ_CST);
}

void reg_leave_with_ref(struct mx_reg *reg)
{
	__atomic_add_fetch(&reg->uses, USE_REF - USE_CALL, __ATOMIC_SEQ_CST);
}

void reg_ref(struct mx_reg *reg)
{
	__atomic_add_fetch(&reg->uses, USE_REF, __ATOMIC_RELAXED);
}

void reg_unref(struct mx_reg *reg)
{
	if (__atomic_sub_fetch(&reg->uses, USE_REF, __ATOMIC_ACQ_REL) >=
	    USE_REF)
		return;
	free(reg->holds);
	free(reg->path);
	free(reg);
}

/* --- Fork --------------------------------------------------------------- */

static struct {
	pthread_mutex_t lock;
	pthread_once_t once;
	struct mx_list regs;
} forks = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.once = PTHREAD_ONCE_INIT,
	.regs = {&forks.regs, &forks.regs},
};

static void before_fork(void)
{
	pthread_mutex_lock(&forks.lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&forks.lock);
}

/* The descriptor keeps the parent's byte lock alive: it has to go.  The mapping
 * is not here (MADV_DONTFORK).  Nothing else is touched: other locks may have
 * been held by threads that do not exist in the child. */
static void in_child(void)
{
	MX_LIST_FOR_EACH_SAFE(it, &forks.regs) {
		struct mx_reg *reg = MX_CONTAINER_OF(it, struct mx_reg, regs);

		reg->gone = true;
		close(reg->fd);
		reg->fd = -1;
		reg->map = (struct shm_map){0};
		mx_list_unlink(it);
	}
	pthread_mutex_unlock(&forks.lock);
}

static void install_fork_handlers(void)
{
	pthread_atfork(before_fork, in_parent, in_child);
}

/* As long as a descriptor is open that the child handler would not find, no
 * child may come to be: a fork meanwhile waits. */
static void hold_forks(void)
{
	pthread_once(&forks.once, install_fork_handlers);
	pthread_mutex_lock(&forks.lock);
}

static void allow_forks(void)
{
	pthread_mutex_unlock(&forks.lock);
}

/* --- Attaching ---------------------------------------------------------- */

static uint64_t pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) ? 0 : (uint64_t)st.st_ino;
}

/* Before anything is done under its name. */
static void fill_slot(struct mx_reg *reg)
{
	const struct shm_proc *p = &reg->map.procs[reg->slot];

	shm_put_bytes(p->name, 4, reg->name, strlen(reg->name));
	shm_put32(&p->pid, (uint32_t)getpid());
	shm_put64(&p->pidns, pid_namespace());
	shm_put32(&p->uid, reg->uid);
	shm_put32(&p->max_sessions, reg->max_sessions);
	shm_put64(&p->attached_ns, now_ns());
	shm_put64(&p->beat_ns, 0);
	for (unsigned i = 0; i < SHM_CALLBACKS; i++)
		shm_put32(&p->callbacks[i].since, 0);
	shm_put32(&p->state, SHM_PROC_LIVE);
}

/* A generation of our own; everything else that names the slot is dead. */
static void raise_generation(struct mx_reg *reg, uint32_t slot)
{
	const uint64_t *gen = &reg->map.procs[slot].gen;
	uint64_t g = shm_get64(gen) + 1;

	shm_put64(gen, g);
	reg->slot = slot;
	reg->tag = SHM_TAG(slot, g);
}

/* While we are its sweeper.  0: the slot is ours; -EAGAIN: it is not to be had;
 * -EBADMSG. */
static int take_slot_alone(struct mx_reg *reg, uint32_t slot)
{
	const struct shm_proc *p = &reg->map.procs[slot];
	bool used;
	int err;

	if (segment_lock_slot(reg->fd, slot))
		return -EAGAIN;
	used = shm_get32(&p->state) != SHM_PROC_FREE;
	raise_generation(reg, slot);
	fill_slot(reg);
	if (!used)
		return 0;
	err = sweep_slot(reg, slot, reg->tag, LOCK_PATIENCE_NS);
	if (err)
		segment_unlock_slot(reg->fd, slot);
	return err == -EBADMSG ? err : err ? -EAGAIN : 0;
}

static int take_slot(struct mx_reg *reg, uint32_t slot, bool used)
{
	const struct shm_proc *p = &reg->map.procs[slot];
	int err;

	if ((shm_get32(&p->state) != SHM_PROC_FREE) != used ||
	    segment_lock_sweep(reg->fd, slot))
		return -EAGAIN;
	err = take_slot_alone(reg, slot);
	segment_unlock_sweep(reg->fd, slot);
	return err;
}

/* Slots left by the dead only when no other is free. */
static int find_slot(struct mx_reg *reg, struct mx_fault *f)
{
	for (int used = 0; used < 2; used++)
		for (uint32_t i = 0; i < reg->map.n_procs; i++) {
			int err = take_slot(reg, i, used);

			if (!err)
				return 0;
			if (err != -EAGAIN)
				return reg_damaged(f, "what a dead process "
						      "left cannot be undone");
		}
	return reg_fault(f, -EUSERS, "all %u process slots of %s are taken",
			 reg->map.n_procs, reg->path);
}

struct open_job {
	struct mx_reg *reg;
	struct segment_want want;
	struct mx_fault *f;
};

static bool nothing_in_it(const struct shm_map *m)
{
	for (uint32_t i = 0; i < m->n_lists; i++)
		if (shm_get64(&m->list_claims[i]))
			return false;
	return true;
}

/* Alone: what the dead left is undone, and all of it is looked at.  1: it has
 * to be replaced. */
static int check_alone(struct open_job *job)
{
	struct mx_reg *reg = job->reg;
	struct mx_fault why = MX_FAULT_INIT;
	int err = find_slot(reg, &why);

	if (!err)
		err = sweep_dead(reg);
	if (!err)
		err = segment_verify(reg, &why);
	if (err == -EBADMSG) {
		mx_log(MX_LOG_WARN, "connlist", "%s is made anew: %s",
		       reg->path, why.text);
		return 1;
	}
	if (err)
		return reg_fault(job->f, err, "%s", why.text);
	/* Another capacity was asked for, and there is nothing to lose.  The file
	 * of another member of the group stays: we could not remove it. */
	return nothing_in_it(&reg->map) && segment_owner(reg->fd) == reg->uid &&
	       (reg->map.n_lists != job->want.n_lists ||
		reg->map.n_conns != job->want.n_conns ||
		reg->map.n_buckets != job->want.n_buckets);
}

static int attach(struct open_job *job)
{
	struct mx_reg *reg = job->reg;
	bool alone = false;
	int err = segment_open(&job->want, &reg->fd, &reg->map, &alone, job->f);

	if (err)
		return err;
	if (alone) {
		err = check_alone(job);
		if (err > 0) {
			err = segment_replace(&job->want, &reg->fd, &reg->map,
					      job->f);
			if (!err)
				err = find_slot(reg, job->f);
		}
	} else {
		err = find_slot(reg, job->f);
	}
	segment_open_gate(reg->fd);
	return err;
}

static int attach_job(void *arg)
{
	struct open_job *job = arg;
	int err;

	/* Replaced by somebody who saw it without us: once more. */
	do {
		segment_unmap(&job->reg->map);
		if (job->reg->fd >= 0)
			close(job->reg->fd);
		job->reg->fd = -1;
		err = attach(job);
	} while (err == -EEXIST);
	return err;
}

static uint32_t or_default(uint32_t v, uint32_t def)
{
	return v ? v : def;
}

static uint32_t power_of_two(uint32_t n)
{
	uint32_t p = 1;

	while (p < n && p < SHM_MAX_BUCKETS)
		p *= 2;
	return p;
}

static struct mx_reg *reg_new(const struct mx_reg_params *p, const char *path)
{
	struct mx_reg *reg = calloc(1, sizeof(*reg));

	if (!reg)
		return NULL;
	reg->uses = USE_REF;
	reg->fd = -1;
	if (p->name)
		snprintf(reg->name, sizeof(reg->name), "%s", p->name);
	else
		prctl(PR_GET_NAME, reg->name);
	mx_list_init(&reg->regs);
	reg->max_sessions = or_default(p->max_sessions, MX_REG_DEF_SESSIONS);
	reg->max_logons = or_default(p->max_logons, MX_REG_DEF_LOGONS);
	reg->orphan_ns = (p->orphan_ms ? p->orphan_ms : MX_REG_DEF_ORPHAN_MS) *
			 MX_NS_PER_MS;
	reg->path = strdup(path);
	return reg;
}

static int attach_and_remember(struct open_job *job)
{
	struct mx_reg *reg = job->reg;
	int err;

	hold_forks();
	err = mx_creds_call(attach_job, job);
	if (!err) {
		reg->holds = calloc(reg->map.n_lists, sizeof(*reg->holds));
		err = reg->holds ? 0 : -ENOMEM;
	}
	if (!err) {
		mx_list_push_tail(&forks.regs, &reg->regs);
	} else {
		segment_unmap(&reg->map);
		if (reg->fd >= 0)
			close(reg->fd);
	}
	allow_forks();
	return err;
}

int mx_reg_open(const struct mx_reg_params *params, struct mx_reg **ret,
		struct mx_fault *fault)
{
	static const struct mx_reg_params defaults;
	const struct mx_reg_params *p = params ? params : &defaults;
	struct mx_reg *reg;
	struct open_job job = {.f = fault};
	struct segment_place place;
	int err;

	err = mx_creds_process_uid(&job.want.uid);
	if (err)
		return reg_fault(fault, err,
				 "cannot find out the process's "
				 "user: is /proc mounted?");
	err = segment_locate(p->path, &place, fault);
	if (err)
		return err;
	reg = reg_new(p, place.path);
	if (!reg || !reg->path) {
		if (reg)
			reg_unref(reg);
		return -ENOMEM;
	}
	job.reg = reg;
	reg->uid = job.want.uid;
	job.want.path = reg->path;
	job.want.n_lists = or_default(p->n_lists, or_default(place.n_lists,
							     MX_REG_DEF_LISTS));
	job.want.n_conns = or_default(p->n_conns, or_default(place.n_conns,
							     MX_REG_DEF_CONNS));
	job.want.n_buckets = power_of_two(or_default(
		p->n_buckets, SHM_BUCKETS_A_LIST * job.want.n_lists));
	job.want.share = place.share;
	job.want.group = place.group;
	err = attach_and_remember(&job);
	if (err) {
		reg_unref(reg);
		return err;
	}
	(void)sweep_dead(reg);
	*ret = reg;
	return 0;
}

/* --- Detaching ---------------------------------------------------------- */

static bool wait_for_calls(struct mx_reg *reg)
{
	const struct timespec step = {.tv_nsec = MX_NS_PER_MS};
	uint64_t end = now_ns() + (uint64_t)DETACH_PATIENCE_NS;

	while (__atomic_load_n(&reg->uses, __ATOMIC_SEQ_CST) % USE_REF ||
	       !holds_end_all(reg)) {
		if (now_ns() >= end)
			return false;
		nanosleep(&step, NULL);
	}
	return true;
}

static void detach(struct mx_reg *reg)
{
	uint32_t slot = reg->slot;

	raise_generation(reg, slot);
	if (!sweep_slot(reg, slot, reg->tag, LOCK_PATIENCE_NS))
		shm_put32(&reg->map.procs[slot].state, SHM_PROC_FREE);
	/* Else the next who looks finds a dead process's slot. */
	hold_forks();
	mx_list_unlink(&reg->regs);
	close(reg->fd);
	reg->fd = -1;
	allow_forks();
	segment_unmap(&reg->map);
}

void mx_reg_close(struct mx_reg *reg)
{
	if (!reg)
		return;
	if (!__atomic_exchange_n(&reg->gone, true, __ATOMIC_SEQ_CST)) {
		if (wait_for_calls(reg)) {
			detach(reg);
		} else {
			/* A call is stuck inside; what it uses stays until the
			 * process ends, and so does its attachment. */
			mx_log(MX_LOG_ERROR, "connlist",
			       "a call did not end; still attached to %s",
			       reg->path);
			return;
		}
	}
	reg_unref(reg);
}

/* --- The heart ----------------------------------------------------------- */

/* Whoever is about to hold something lives: a process that is stopped before
 * its first tick is seen, too. */
void reg_first_beat(struct mx_reg *reg)
{
	const uint64_t *beat = &reg->map.procs[reg->slot].beat_ns;

	if (!shm_get64(beat))
		shm_put64(beat, now_ns());
}

void mx_reg_tick(struct mx_reg *reg)
{
	uint64_t now = now_ns(), next;

	if (reg_enter(reg))
		return;
	shm_put64(&reg->map.procs[reg->slot].beat_ns, now);
	(void)sweep_dead(reg);
	next = __atomic_load_n(&reg->next_sweep_ns, __ATOMIC_RELAXED);
	if (now >= next &&
	    __atomic_compare_exchange_n(&reg->next_sweep_ns, &next,
					now + (uint64_t)SWEEP_EVERY_NS, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		sweep_all(reg);
	reg_leave(reg);
}

/* --- The rest ----------------------------------------------------------- */

void mx_reg_info(const struct mx_reg *reg, struct mx_reg_info *ret)
{
	*ret = (struct mx_reg_info){
		.path = reg->path,
		.bytes = reg->map.bytes,
		.n_procs = reg->map.n_procs,
		.n_lists = reg->map.n_lists,
		.n_conns = reg->map.n_conns,
		.n_peers = reg->map.n_peers,
		.n_buckets = reg->map.n_buckets,
		.proc_slot = reg->slot,
	};
}

int mx_reg_path(const char *path, char *buf, size_t n)
{
	struct segment_place place;
	int err = segment_locate(path, &place, NULL);

	if (err)
		return err;
	if (strlen(place.path) >= n)
		return -ENAMETOOLONG;
	strcpy(buf, place.path);
	return 0;
}
