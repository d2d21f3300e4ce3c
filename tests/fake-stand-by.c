/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fake-stand-by.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/act/arrive.h"
#include "daemon/act/carried.h"
#include "daemon/act/gather.h"
#include "daemon/log.h"
#include "daemon/virt/leftover.h"
#include "tests/fake-host.h"

struct fake_stand_by sim;

/* In place of QEMU's events and of libvirt.  After a day the domain is gone: a wait without an end is none here. */

void guest_watch_read(struct guest_watch *watch, struct guest_events *ret)
{
	(void)watch;
	*ret = (struct guest_events){ .gone = cf_span_cmp(fake_took(), (cf_span){ CF_DAY }) > 0 ? GUEST_DESTROYED : GUEST_HERE };
	if (cf_mono_cmp(fake.now, sim.loaded) >= 0)
		ret->status = MIGRATION_COMPLETED;
}

bool guest_watch_wait(struct guest_watch *watch, int64_t seen, cf_span timeout, struct guest_events *ret)
{
	(void)seen;
	fake.now = cf_mono_add(fake.now, timeout);
	guest_watch_read(watch, ret);
	return false;
}

bool incoming_alive(struct incoming *incoming)
{
	(void)incoming;
	return cf_mono_cmp(fake.now, sim.lost) < 0;
}

int incoming_check(struct incoming *incoming, const void *cookie, size_t size, cf_mono deadline, struct cf_error *err)
{
	(void)incoming, (void)cookie, (void)size, (void)err;
	sim.patience = cf_mono_since(deadline, fake.now);
	return sim.unfit ? -EINVAL : 0;
}

struct incoming *incoming_free(struct incoming *incoming)
{
	(void)incoming;
	sim.held--;
	return NULL;
}

/* In place of what its agent keeps of it */

struct cf_commit *work_take_commit(struct work *of)
{
	(void)of;
	return CF_TAKE(sim.commit);
}

struct cf_commit *work_commit_free(struct cf_commit *commit)
{
	free(commit);
	return NULL;
}

struct cf_answer *work_answer_begin(struct work *of)
{
	(void)of;
	return &sim.answer;
}

void work_wait(struct work *of, cf_span patience)
{
	(void)of;
	fake.now = cf_mono_add(fake.now, sim.full ? (cf_span){ CF_MS } : patience);
}

enum cf_here where_here(const struct work *of, const char *uuid)
{
	(void)of, (void)uuid;
	sim.looks++;
	return cf_mono_cmp(fake.now, sim.known) < 0 ? CF_HERE_UNKNOWN : sim.here;
}

cf_span work_silence(struct work *of)
{
	(void)of;
	return sim.silence;
}

enum cf_mark gated_mark(const struct act_context *context, const char *id)
{
	(void)context, (void)id;
	return sim.mark;
}

int gated_promise(struct work *of, enum cf_mark mark, struct cf_error *err)
{
	(void)of, (void)err;
	if (sim.unnoted && mark == CF_MARK_OBEYED)
		return -EIO;
	sim.mark = mark;
	return 0;
}

enum cf_decision gated_decision(const struct act_context *context, const char *id)
{
	(void)context, (void)id;
	return sim.told;
}

void log_write(int priority, const struct log_about *about, const char *fmt, ...)
{
	va_list ap;

	(void)priority, (void)about;
	va_start(ap, fmt);
	vsnprintf(sim.logged, sizeof(sim.logged), fmt, ap);
	va_end(ap);
}

void gather_report(const struct act_context *context, struct cf_report *ret)
{
	(void)context;
	memset(ret, 0, sizeof(*ret));
	ret->state = sim.clock;
}

bool carried_arm(struct work *of, const struct cf_commit *commit, char why[static CF_DETAIL_ROOM])
{
	(void)of, (void)commit, (void)why;
	return true;
}

/* Nothing of the following is news here */

bool work_newest_record(struct work *of) { (void)of; return false; }
bool work_aborted(struct work *of, char why[static CF_DETAIL_ROOM]) { (void)of, (void)why; return false; }
bool arrive_source_gave_up(struct work *of, char why[static CF_DETAIL_ROOM]) { (void)of, (void)why; return false; }
void carried_look(struct work *of) { (void)of; }
void work_answer_end(struct work *of) { (void)of; }

/* And of the other acts of this side nothing is done */

struct cf_offer *work_take_offer(struct work *of) { (void)of; return NULL; }
struct cf_offer *work_offer_free(struct cf_offer *offer) { (void)offer; return NULL; }
struct cf_prepared *work_prepared_begin(struct work *of) { (void)of; return NULL; }
void arrive_note_resume(struct work *of) { (void)of; }
void carried_arm_again(struct work *of, const struct cf_commit *commit) { (void)of, (void)commit; }
int carried_prepare(struct work *of, struct cf_error *err) { (void)of, (void)err; return -1; }
void incoming_pause(struct incoming *incoming, bool paused) { (void)incoming, (void)paused; }
bool incoming_was_defined(struct incoming *incoming) { (void)incoming; return false; }

int gated_decide(struct work *of, enum cf_decision decision, struct cf_error *err)
{
	(void)of, (void)err;
	sim.told = decision;
	return 0;
}

int incoming_prepare(struct virt *virt, const struct drive_offer *offer, const struct incoming_options *options,
		     struct incoming **ret, struct drive_answer *answer, struct cf_error *err)
{
	(void)virt, (void)offer, (void)options, (void)ret, (void)answer, (void)err;
	return -1;
}

int incoming_finish(struct incoming *incoming, bool run, const void *cookie, size_t size, cf_mono deadline,
		    struct incoming_end *ret, struct cf_error *err)
{
	(void)incoming, (void)run, (void)cookie, (void)size, (void)deadline, (void)err;
	if (!sim.runs)
		return -1;
	fake.now = cf_mono_add(fake.now, (cf_span){ 2 * CF_MS });	/* a thread has to begin */
	*ret = (struct incoming_end){ .runs = true, .asked = fake.now, .answered = cf_mono_add(fake.now, (cf_span){ CF_MS }) };
	return 0;
}

bool incoming_is_told(const struct incoming *incoming)
{
	(void)incoming;
	return sim.taken;
}

int leftover_undefine(struct virt *virt, const char *uuid, cf_mono deadline, struct cf_error *err)
{
	(void)virt, (void)uuid, (void)deadline, (void)err;
	return -1;
}
