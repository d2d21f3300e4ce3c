/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/mend.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "daemon/act/acts.h"
#include "daemon/act/hang.h"
#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "daemon/virt/guest.h"
#include "policy/clock.h"
#include "policy/guest.h"
#include "proto/text.h"

#define STEPS_MAX 4
#define VAIN_MAX  2	/* steps in a row that changed nothing: the agent only says that it sets the clock */
#define AGAIN_MAX 3	/* readings in a row for a quicker one */
#define TRY_AGAIN ((struct timespec){ .tv_nsec = 5 * CF_MS })

struct mending {
	struct work *work;
	const struct mend_guest *of;
	struct cf_guest_offset offset;	/* the last reading */
	struct cf_interval error;	/* and how far off the guest's clock was by it */
	cf_span slowest;		/* of all rounds since RESUME or the last step */
	bool late;			/* libvirtd hung: it could not be stepped sooner */
	bool has_lag;			/* the first reading has told it */
	bool silent;			/* its agent let the last question go by, or has an earlier one yet */
	struct cf_error err;		/* why the last reading could not be had; no text when it could */
};

static cf_span since_resume(const struct aim *aim)
{
	return cf_span_max(cf_mono_since(kernel_raw(), aim->resume.raw), (cf_span){ 0 });
}

/* By the reporter, which sees small steps; or, where the agent was restarted since, by what no slew explains. */
static bool was_stepped(const struct mending *m)
{
	const struct cf_instant resume = m->of->aim->resume;
	struct cf_clock_memory since = { .has_sample = true, .sample = resume };

	return reporter_stepped(m->work->context->reporter, resume.raw) || cf_clock_look(&since, m->offset.at, false);
}

/* How far off it is by this host's clocks, as they were or, since a step, by the one that cannot be stepped. */
static void judge(struct mending *m)
{
	bool stepped = was_stepped(m);

	m->error = cf_guest_error(m->offset.offset, aim_at(m->of->aim, m->offset.at, stepped));
	if (!stepped)
		return;
	pthread_mutex_lock(&m->work->lock);
	m->of->at->has_stepped = m->of->at->stepped = true;
	pthread_mutex_unlock(&m->work->lock);
}

/* Not connected yet; or a call is still out that hung with libvirtd, and comes back with it. */
static bool is_soon(int r)
{
	return r == -ENOTCONN || r == -EALREADY;
}

/* The guest's offset and its error now.  A channel that is not there yet is waited for. */
static int read_error(struct mending *m, struct cf_error *err)
{
	const struct settings *settings = m->work->settings;
	cf_mono deadline = cf_mono_add(kernel_raw(), settings->guest.timeout);
	struct virt_link *link;
	int r;

	do {
		link = work_link(m->work, err);
		r = link ? guest_offset_read(link, m->of->uuid, settings->guest.rounds, deadline, &m->offset, err) : -ENOTCONN;
		if (r == 0) {
			if (m->of->refresh)
				m->of->refresh(m->work);
			judge(m);
			return 0;
		}
		nanosleep(&TRY_AGAIN, NULL);
	} while (is_soon(r) && cf_mono_cmp(kernel_raw(), deadline) < 0);

	return r;
}

static void note_residual(struct mending *m)
{
	struct cf_landing *at = m->of->at;

	pthread_mutex_lock(&m->work->lock);
	if (at->n_residuals == CF_COUNT(at->residuals))
		at->n_residuals--;	/* the last one is what counts */
	at->residuals[at->n_residuals++] = (struct cf_residual){ since_resume(m->of->aim), m->error };
	pthread_mutex_unlock(&m->work->lock);
}

/* Where it is in the receipt now. */
static struct cf_step *note_step(struct mending *m, const struct cf_step *step)
{
	struct cf_landing *at = m->of->at;
	struct cf_step *noted;

	pthread_mutex_lock(&m->work->lock);
	at->lever = CF_LEVER_GUEST_AGENT;
	if (at->n_steps == CF_COUNT(at->steps))
		at->n_steps--;	/* what was read before the last one counts no more */
	noted = &at->steps[at->n_steps++];
	*noted = *step;
	pthread_mutex_unlock(&m->work->lock);
	return noted;
}

bool mend_read(struct work *work, const struct mend_guest *of, struct cf_error *err)
{
	struct mending m = { .work = work, .of = of };

	if (read_error(&m, err) < 0)
		return false;

	note_residual(&m);
	return true;
}

static bool within(const struct mending *m)
{
	return cf_span_cmp(cf_interval_far(m->error), m->work->limits.limits.max_residual) <= 0;
}

/* Within policy for the first time: how long the guest ran with a wrong clock. */
static void note_corrected(struct mending *m)
{
	if (m->of->at->has_corrected_after || !within(m))
		return;

	pthread_mutex_lock(&m->work->lock);
	m->of->at->has_corrected_after = true;
	m->of->at->corrected_after = since_resume(m->of->aim);
	pthread_mutex_unlock(&m->work->lock);
}

/* One reading, noted; false when it could not be had. */
static bool look(struct mending *m)
{
	struct cf_error err = { 0 };
	int r = read_error(m, &err);

	m->silent = r == -ETIMEDOUT || r == -EALREADY;
	if (r == 0)
		m->err = (struct cf_error){ 0 };	/* whatever it was that was waited for */
	else if (r != -EALREADY || !*m->err.text)
		m->err = err;
	if (r < 0)
		return false;
	m->slowest = cf_span_max(m->slowest, m->offset.slowest);
	note_residual(m);
	note_corrected(m);
	return true;
}

/* What the first reading tells; once the guest has been set, another one would not. */
static void note_lag(struct mending *m)
{
	if (m->has_lag)
		return;
	m->has_lag = true;
	if (m->work->again == CF_PHASE_CORRECTING || m->work->again == CF_PHASE_ABORTED) {	/* a step may have been made of which nobody knows */
		work_unmeasured(m->work, CF_FIGURE_LAG, "the agent was restarted while it corrected the clock");
		return;
	}
	pthread_mutex_lock(&m->work->lock);
	m->of->at->has_lag = true;
	m->of->at->lag = cf_interval_neg(m->error);
	pthread_mutex_unlock(&m->work->lock);
}

/*
 * A step forward that did the opposite of what it was to do; or may have, where its call took longer than
 * the step and what is read before and after does not show that the clock went on.  The receipt says so.
 */
static void note_set_back(struct mending *m, struct cf_step *done, struct cf_interval before)
{
	bool surely = cf_span_cmp(m->error.high, before.low) < 0;
	bool maybe = done->accepted && cf_span_cmp(done->took, done->by) > 0 && cf_span_cmp(m->error.low, before.high) < 0;

	if (done->by.ns < 0 || !(surely || maybe))
		return;
	pthread_mutex_lock(&m->work->lock);
	act_say(done->why, "it came late%s set the guest's clock back", surely ? " and" : ", and may have");
	pthread_mutex_unlock(&m->work->lock);
}

/*
 * The end of where the clock may be from which `by` leads to the aim; for a step back as much further on as the
 * reading took, which is its width, since the value is as old when it gets there.  One of a clock that is told by
 * ticks is wider than that.
 */
static cf_span end_for(const struct cf_guest_offset *offset, cf_span by)
{
	cf_span took = cf_span_min(cf_interval_width(offset->offset), cf_span_add(offset->slowest, offset->slowest));

	return by.ns > 0 ? offset->offset.high : cf_span_add(offset->offset.low, took);
}

/*
 * Move the guest's clock by `by` from what it was last read to be, whatever this host's
 * own has done since.  A step forward does not overshoot.  Returns as note_step().
 */
static struct cf_step *step(struct mending *m, cf_span by)
{
	struct cf_step done = { .after = since_resume(m->of->aim), .by = by };
	struct cf_error err = { 0 };
	struct cf_instant at = m->offset.at;
	cf_mono deadline = cf_mono_add(kernel_raw(), m->work->settings->guest.timeout);
	cf_real to = cf_real_add(cf_real_add(at.real, end_for(&m->offset, by)), by);

	done.accepted = guest_time_set(m->work->link, m->of->uuid, to, at.raw, deadline, &done.took, &err) == 0;
	if (!done.accepted)
		snprintf(done.why, sizeof(done.why), "%s", err.text);
	m->slowest = (cf_span){ 0 };
	return note_step(m, &done);
}

static bool in_time(const struct mending *m)
{
	return m->of->whenever || m->late ||
	       cf_span_cmp(since_resume(m->of->aim), m->work->settings->guest.correct_within) <= 0;
}

/*
 * What to do now.  An agent that was slow a moment ago (the first time it is asked
 * after RESUME it always is) does not put a clock at risk that is within policy;
 * one that is not is read again for a better moment.
 */
static enum cf_correct next(struct mending *m, cf_span *by, char why[static CF_DETAIL_ROOM])
{
	const struct cf_limits *limits = &m->work->limits.limits;
	enum cf_correct what;

	for (int again = 0;; again++) {
		what = cf_correct_next(m->error, limits->correction, limits->correction_floor,
				       within(m) ? m->slowest : m->offset.slowest, by, why);
		if (what != CF_CORRECT_SLOW || within(m) || again == AGAIN_MAX || !in_time(m) ||
		    !look(m))
			return what;
	}
}

static void leave(struct mending *m, const char *why)
{
	pthread_mutex_lock(&m->work->lock);
	act_say(m->of->at->left, "%s", why);
	pthread_mutex_unlock(&m->work->lock);
}

static void leave_late(struct mending *m)
{
	char error[CF_INTERVAL_TEXT_ROOM], limit[CF_SPAN_TEXT_ROOM], why[CF_DETAIL_ROOM];

	cf_span_text(m->work->settings->guest.correct_within, limit);
	act_say(why, "its clock is off by %s, and it is later than %s after RESUME",
		cf_interval_text(m->error, error), limit);
	leave(m, why);
}

static void leave_in_vain(struct mending *m)
{
	char error[CF_INTERVAL_TEXT_ROOM], why[CF_DETAIL_ROOM];

	act_say(why, "its clock is off by %s, and setting it does not help", cf_interval_text(m->error, error));
	leave(m, why);
}

/* Did the step move it at all?  One that came late moves it too: on a busy host one call in many does. */
static bool has_moved(const struct mending *m, struct cf_interval before)
{
	struct cf_interval both;

	return !cf_interval_meet(before, m->error, &both);
}

static void put_right(struct mending *m)
{
	char why[CF_DETAIL_ROOM] = "";
	struct cf_interval before;
	struct cf_step *done;
	cf_span by;

	if (m->of->carried)
		return leave(m, "its clocks were carried, and are not touched again");
	for (int i = 0, vain = 0; i < STEPS_MAX && vain < VAIN_MAX; i++) {
		if (next(m, &by, why) != CF_CORRECT_SET)
			return leave(m, why);
		if (!in_time(m))
			return leave_late(m);
		before = m->error;
		done = step(m, by);
		if (!look(m))
			return;
		note_set_back(m, done, before);
		vain = has_moved(m, before) ? 0 : vain + 1;
	}
	leave_in_vain(m);
}

static void attempt(struct mending *m)
{
	if (!look(m))
		return;
	note_lag(m);
	put_right(m);
}

/* Its QEMU may stand still, or the guest have too much to do: it will answer once that is over. */
static bool is_asked_again(const struct mending *m, cf_mono until)
{
	return m->silent && !work_stopping(m->work) && cf_mono_cmp(kernel_raw(), until) < 0;
}

/* Not the guest's matter, should libvirtd hang: then it is done once that is over. */
static void attempt_until_done(struct mending *m)
{
	cf_mono until = cf_mono_add(kernel_raw(), cf_span_add(m->work->settings->guest.timeout, m->of->patience));
	bool hung;

	attempt(m);
	while (*m->err.text && ((hung = hang_wait(m->work)) || (m->of->patience.ns > 0 && is_asked_again(m, until)))) {
		m->late |= hung;
		attempt(m);
	}
	if (*m->err.text)
		work_unmeasured(m->work, m->of->at->has_lag ? CF_FIGURE_RESIDUAL : CF_FIGURE_LAG, "%s", m->err.text);
}

void mend(struct work *work, const struct mend_guest *of)
{
	struct mending m = { .work = work, .of = of };

	attempt_until_done(&m);
}

void mend_again(struct work *work, const struct mend_guest *of)
{
	struct mending m = { .work = work, .of = of, .has_lag = true };

	attempt_until_done(&m);
}

void mend_look(struct work *work, const char *uuid, struct cf_landing *at)
{
	const struct settings *settings = work->settings;
	struct cf_guest_offset reading = { 0 };
	char offset[CF_INTERVAL_TEXT_ROOM], why[CF_DETAIL_ROOM];
	struct cf_error err = { 0 };

	if (guest_offset_read(work->link, uuid, settings->guest.rounds,
			      cf_mono_add(kernel_raw(), settings->guest.timeout), &reading, &err) < 0) {
		work_unmeasured(work, CF_FIGURE_RESIDUAL, "%s", err.text);
		return;
	}
	act_say(why, "its clock is %s against this host's, and what it was before nobody here knows",
		cf_interval_text(reading.offset, offset));
	pthread_mutex_lock(&work->lock);
	act_say(at->left, "%s", why);
	pthread_mutex_unlock(&work->lock);
}
