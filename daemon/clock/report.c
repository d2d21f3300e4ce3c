/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/clock/report.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/worker.h"

#ifdef __aarch64__
#define COUNTER CF_COUNTER_CNTVCT
#elif defined(__x86_64__)
#define COUNTER CF_COUNTER_TSC
#else
#define COUNTER CF_COUNTER_UNKNOWN
#endif

#define INTERVAL (1 * CF_S)
#define NEWS_INTERVALS 3

struct options {
	char host[CF_HOST_ROOM];
	char socket[108];		/* as long as the kernel takes; empty: chronyd's usual one */
	struct chrony_how how;		/* its socket is not used */
	struct cf_clock_limits limits;
	cf_span interval;
};

struct reporter {
	/* thread */
	pthread_t thread;
	bool running;
	int stop_fd;
	int steps_fd;
	int changed_fd;

	/* under the lock */
	pthread_mutex_t lock;
	struct options options;
	struct cf_clock_memory memory;
	struct cf_error failure;	/* of the last attempt to ask chronyd; no text: it answered */
	enum cf_clock_state state;	/* as last told */
	char clocksource[32];
};

static void notify(int fd)
{
	/* Can only fail when the counter is full, and then it is readable. */
	(void)!write(fd, &(uint64_t){ 1 }, sizeof(uint64_t));
}

/* Look at the clock, and tell whoever waits when that changes something.  Under the lock. */
static struct cf_clock_view look(struct reporter *reporter, struct cf_instant now)
{
	bool stepped = cf_clock_look(&reporter->memory, now, kernel_steps_seen(reporter->steps_fd));
	struct cf_clock_view view = cf_clock_at(&reporter->memory, &reporter->options.limits, now);

	if (stepped || view.state != reporter->state)
		notify(reporter->changed_fd);
	reporter->state = view.state;
	return view;
}

/* One reading of chronyd.  The lock is not held while it may hang. */
static void read_once(struct reporter *reporter)
{
	struct cf_tracking_reading reading;
	struct cf_error failure = { 0 };
	struct options options;
	char clocksource[sizeof(reporter->clocksource)] = "";
	int r;

	pthread_mutex_lock(&reporter->lock);
	options = reporter->options;
	pthread_mutex_unlock(&reporter->lock);

	options.how.socket = *options.socket ? options.socket : NULL;
	r = chrony_read(&options.how, &reading, &failure);
	/* A kernel that does not tell is no reason to say nothing of the clock. */
	kernel_clocksource(clocksource, sizeof(clocksource), NULL);

	pthread_mutex_lock(&reporter->lock);
	look(reporter, kernel_instant());
	if (r == 0)
		cf_clock_read(&reporter->memory, &reporter->options.limits, &reading);
	look(reporter, kernel_instant());
	reporter->failure = failure;
	strcpy(reporter->clocksource, clocksource);
	pthread_mutex_unlock(&reporter->lock);
}

/* Until the next reading is due, the clock is set, or the reporter is to stop: true. */
static bool wait_until(struct reporter *reporter, cf_mono due)
{
	struct pollfd fds[] = {
		{ .fd = reporter->stop_fd, .events = POLLIN },
		{ .fd = reporter->steps_fd, .events = POLLIN },
	};
	cf_span left;

	while (left = cf_mono_since(due, kernel_raw()), left.ns > 0) {
		struct timespec wait = { left.ns / CF_S, left.ns % CF_S };

		ppoll(fds, CF_COUNT(fds), &wait, NULL);
		if (fds[0].revents)
			return true;
		if (fds[1].revents) {
			pthread_mutex_lock(&reporter->lock);
			look(reporter, kernel_instant());
			pthread_mutex_unlock(&reporter->lock);
		}
	}
	return false;
}

static void *run(void *userdata)
{
	struct reporter *reporter = userdata;
	cf_mono due;

	do {
		due = kernel_raw();
		read_once(reporter);
		pthread_mutex_lock(&reporter->lock);
		due = cf_mono_add(due, reporter->options.interval);
		pthread_mutex_unlock(&reporter->lock);
	} while (!wait_until(reporter, due));

	return NULL;
}

static struct options copy_options(const struct reporter_options *options)
{
	struct options copy = { .how = options->how, .limits = options->limits, .interval = options->interval };
	cf_span fresh = { 0 };

	snprintf(copy.host, sizeof(copy.host), "%s", options->host);
	snprintf(copy.socket, sizeof(copy.socket), "%s", options->how.socket ? options->how.socket : "");
	if (copy.interval.ns <= 0)
		copy.interval.ns = INTERVAL;
	/* Whoever asks seldom must not take the pause for silence. */
	for (int i = 0; i < NEWS_INTERVALS; i++)
		fresh = cf_span_add(fresh, copy.interval);
	copy.limits.fresh = cf_span_max(copy.limits.fresh, fresh);
	return copy;
}

static int start(struct reporter *reporter, struct cf_error *err)
{
	int r = worker_thread(&reporter->thread, run, reporter, err);

	if (r < 0)
		return r;
	pthread_setname_np(reporter->thread, "clock");
	reporter->running = true;
	return 0;
}

int reporter_new(const struct reporter_options *options, struct reporter **ret, struct cf_error *err)
{
	CF_AUTO(reporter_free) struct reporter *reporter = calloc(1, sizeof(*reporter));
	int r;

	if (!reporter)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	pthread_mutex_init(&reporter->lock, NULL);
	reporter->options = copy_options(options);
	reporter->state = CF_CLOCK_UNSYNCHRONISED;
	reporter->steps_fd = -1;
	reporter->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	reporter->changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (reporter->stop_fd < 0 || reporter->changed_fd < 0)
		return cf_fail(err, errno, CF_HOST, "eventfd: %s", strerror(errno));
	r = kernel_steps_open(&reporter->steps_fd, err);
	if (r < 0)
		return r;
	r = start(reporter, err);
	if (r < 0)
		return r;

	*ret = CF_TAKE(reporter);
	return 0;
}

void reporter_free(struct reporter *reporter)
{
	if (!reporter)
		return;

	if (reporter->running) {
		notify(reporter->stop_fd);
		pthread_join(reporter->thread, NULL);
	}
	if (reporter->stop_fd >= 0)
		close(reporter->stop_fd);
	if (reporter->changed_fd >= 0)
		close(reporter->changed_fd);
	if (reporter->steps_fd >= 0)
		close(reporter->steps_fd);
	pthread_mutex_destroy(&reporter->lock);
	free(reporter);
}

void reporter_set(struct reporter *reporter, const struct reporter_options *options)
{
	pthread_mutex_lock(&reporter->lock);
	reporter->options = copy_options(options);
	pthread_mutex_unlock(&reporter->lock);
}

int reporter_fd(const struct reporter *reporter)
{
	return reporter->changed_fd;
}

void reporter_changed(struct reporter *reporter)
{
	uint64_t count;

	(void)!read(reporter->changed_fd, &count, sizeof(count));
}

/* The sentence of the fault, and the fact that makes it so. */
static void explain(const struct reporter *reporter, const struct cf_clock_view *view, char *why, size_t room)
{
	const struct cf_tracking *t = &reporter->memory.last.tracking;
	const char *text = cf_clock_fault_text(view->fault);

	switch (view->fault) {
	case CF_FAULT_NEVER:
	case CF_FAULT_SILENT:
		snprintf(why, room, "%s%s%.160s", text, *reporter->failure.text ? ": " : "", reporter->failure.text);
		break;
	case CF_FAULT_REFID_LOCAL:
		snprintf(why, room, "%s: reference %s", text, t->refid);
		break;
	case CF_FAULT_STRATUM:
		snprintf(why, room, "%s: %lld, at most %lld", text, (long long)t->stratum,
			 (long long)reporter->options.limits.max_stratum);
		break;
	default:
		snprintf(why, room, "%s", text);
	}
}

static void report_chronyd(const struct cf_clock_memory *memory, cf_mono now, struct cf_report *report)
{
	if (!memory->has_last)
		return;

	report->has_reading_age = report->has_via = report->has_tracking = true;
	report->reading_age = cf_mono_since(now, memory->last.at.raw);
	report->via = memory->last.via;
	report->tracking = memory->last.tracking;

	report->has_good_age = memory->has_good;
	report->good_age = cf_mono_since(now, memory->good.at.raw);
}

static void report_kernel(const struct cf_clock_memory *memory, cf_real now, struct cf_report *report)
{
	enum cf_leap leap = memory->last.tracking.leap;
	cf_real leap_at = kernel_midnight(memory->last.at.real);
	struct kernel_clock clock;

	/* Nothing is known then: what is not known to be steered is not. */
	if (kernel_clock_read(&clock, NULL) < 0)
		clock = (struct kernel_clock){ .unsync = true };
	else
		report->has_kernel_max_error = true;

	report->kernel_unsync = clock.unsync;
	report->kernel_max_error = clock.max_error;
	report->has_tai_s = clock.has_tai_s;
	report->tai_s = clock.tai_s;

	/* chronyd under -x, or with leapsecmode, keeps a leap second to itself. */
	report->has_leap = clock.has_leap;
	report->leap = clock.leap;
	if (!clock.has_leap && (leap == CF_LEAP_INSERT || leap == CF_LEAP_DELETE) && now.ns < leap_at.ns) {
		report->has_leap = true;
		report->leap = (struct cf_leap_pending){ leap, leap_at };
	}
}

void reporter_report(struct reporter *reporter, struct cf_report *ret)
{
	struct cf_report report = { .counter = COUNTER };
	const struct cf_clock_memory *memory = &reporter->memory;
	struct cf_clock_view view;
	struct cf_instant now;

	pthread_mutex_lock(&reporter->lock);
	now = kernel_instant();
	view = look(reporter, now);

	strcpy(report.host, reporter->options.host);
	report.at = now.real;
	report.state = view.state;
	explain(reporter, &view, report.why, sizeof(report.why));
	report.has_bound = report.has_growth_ppm = view.has_bound;
	report.bound = cf_span_min(view.bound, (cf_span){ CF_CLOCK_BOUND_MAX });
	report.growth_ppm = view.growth_ppm;
	report_chronyd(memory, now.raw, &report);
	report_kernel(memory, now.real, &report);
	report.stepped = report.has_stepped_ago = view.stepped;
	report.stepped_ago = cf_mono_since(now.raw, memory->step.at.raw);
	strcpy(report.clocksource, reporter->clocksource);
	pthread_mutex_unlock(&reporter->lock);

	*ret = report;
}

cf_span reporter_fresh(struct reporter *reporter)
{
	cf_span fresh;

	pthread_mutex_lock(&reporter->lock);
	fresh = reporter->options.limits.fresh;
	pthread_mutex_unlock(&reporter->lock);
	return fresh;
}

bool reporter_stepped(struct reporter *reporter, cf_mono since)
{
	bool stepped;

	pthread_mutex_lock(&reporter->lock);
	look(reporter, kernel_instant());
	stepped = cf_clock_stepped_since(&reporter->memory, since);
	pthread_mutex_unlock(&reporter->lock);
	return stepped;
}
