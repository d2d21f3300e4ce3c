/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One migration with a watchdog, for tests and benches that bring two hosts and
 * their faults: prints what happens as it happens, then what came of it, a
 * "name=value" a line.
 *
 *	cut-check URI NAME UUID HOST [port=49400] [parallel=0] [limit=MS] [spare=MS] [heartbeat=MS]
 *		[max-downtime=MS] [by=watchdog|asked|virsh] [after=MS]
 *
 * spare: what the watchdog is told that the limit is shorter by, for a machine on which the way back takes longer.
 * by: who ends it.  watchdog: its own deadlines.  asked: the cut, and virsh: "virsh
 * domjobabort", both `after` so long of the copy, or, without `after`, when the
 * watchdog would have done it.
 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/cutter.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/job.h"
#include "tests/gaps.h"

#define MS(n) ((cf_span){ (n) * CF_MS })
#define NEVER MS(1000000)
#define TURN  MS(5)

static const struct {
	const char *name, *otherwise;
} words[] = {
	{ "port", "49400" }, { "parallel", "0" }, { "limit", "1000" }, { "spare", "0" },
	{ "heartbeat", "0" }, { "max-downtime", "300" }, { "by", "watchdog" }, { "after", "-1" },
};

struct run {
	char **words;
	const char *uri, *name, *uuid, *host;
	struct virt_link *link;
	struct watchdog *dog;
	struct guest_watch *watch;
	struct cutter *cutter;
	struct drive *drive;
	struct gaps *gaps, *ordinary;
	struct guest_events events;
	struct sockets_seen seen, best;
	struct drive_end end;
	bool copying, stopped, cut, back, decided;
	cf_mono copying_at, next_answer, next_progress, decided_at, ended_at;
	pthread_t virsh;
};

static struct cf_error err;

static const char *word(const struct run *run, const char *name)
{
	size_t n = strlen(name), i;

	for (char **at = run->words; *at; at++)
		if (strncmp(*at, name, n) == 0 && (*at)[n] == '=')
			return *at + n + 1;
	for (i = 0; strcmp(words[i].name, name) != 0; i++)
		;
	return words[i].otherwise;
}

static int64_t number(const struct run *run, const char *name)
{
	return atoll(word(run, name));
}

static int failed(int r)
{
	printf("error=%d\ntext=%s\n", -r, err.text);
	return r;
}

static struct cutter_terms terms_of(const struct run *run)
{
	bool ours = strcmp(word(run, "by"), "watchdog") == 0;
	cf_span limit = MS(number(run, "limit"));
	struct cutter_terms terms = {
		.limit = ours ? cf_span_sub(limit, MS(number(run, "spare"))) : NEVER,
		.max_downtime = MS(number(run, "max-downtime")),
		.parallel = number(run, "parallel") > 0,
		.heartbeat = cf_heartbeat(MS(number(run, "heartbeat")), limit),
	};

	if (!ours)
		terms.heartbeat = NEVER;
	snprintf(terms.name, sizeof(terms.name), "%s", run->name);
	snprintf(terms.uuid, sizeof(terms.uuid), "%s", run->uuid);
	return terms;
}

static int begin(struct virt *virt, struct run *run)
{
	struct cutter_terms terms = terms_of(run);
	struct drive_options options = { .has_max_downtime = true, .max_downtime = MS(number(run, "max-downtime")) };
	int64_t parallel = number(run, "parallel");
	char uri[512];
	int r;

	snprintf(options.uuid, sizeof(options.uuid), "%s", run->uuid);
	snprintf(options.destination, sizeof(options.destination), "%s", run->host);
	strcpy(options.destination_uri, "qemu+tcp://%s/system");
	snprintf(options.migrate_uri, sizeof(options.migrate_uri), "tcp://%%s:%s", word(run, "port"));
	options.options.parallel = parallel;
	snprintf(uri, sizeof(uri), "tcp://%s:%s", run->host, word(run, "port"));

	r = virt_link_open(virt, MS(5000), &run->link, &err);
	if (r == 0)
		r = watchdog_start(&run->dog, &err);
	if (r == 0)
		r = guest_watch_new(virt, run->uuid, CF_SOURCE, &run->watch, &err);
	if (r == 0)
		r = cutter_new(run->dog, run->watch, &terms, &run->cutter, &err);
	if (r == 0)
		r = cutter_want(run->cutter, SOCKET_MEMORY, uri, parallel ? 1 + (size_t)parallel : 1, &err);
	if (r == 0)
		r = drive_libvirt.start(virt, &options, &run->drive, &err);
	return r;
}

static void *call_virsh(void *userdata)
{
	struct run *run = userdata;
	char command[512];

	snprintf(command, sizeof(command), "virsh -q -c %s domjobabort %s >&2", run->uri, run->name);
	printf("virsh=%d\n", system(command));
	return NULL;
}

/* When is it to end?  Not known before it stands still, unless `after` says. */
static bool is_due(const struct run *run)
{
	int64_t after = number(run, "after");
	cf_span limit = MS(number(run, "limit")), way_back = cutter_way_back(run->cutter);

	if (after >= 0)
		return run->copying && cf_mono_since(kernel_raw(), run->copying_at).ns >= after * CF_MS;
	return run->stopped && run->events.has_stop &&
	       cf_mono_cmp(kernel_raw(), cf_blackout_deadline(run->events.stop, MS(0), limit, way_back)) >= 0;
}

static void decide(struct run *run)
{
	const char *by = word(run, "by");

	if (run->decided || strcmp(by, "watchdog") == 0 || !is_due(run))
		return;
	run->decided = true;
	run->decided_at = kernel_raw();
	if (strcmp(by, "asked") == 0)
		cutter_cut(run->cutter);
	else
		pthread_create(&run->virsh, NULL, call_virsh, run);
}

/* Say it once, when it is. */
static void tell(bool is, bool *told, const char *what)
{
	if (!is || *told)
		return;
	*told = true;
	printf("%s\n", what);
}

static bool is_time(cf_mono *at, cf_span every)
{
	if (cf_mono_cmp(kernel_raw(), *at) < 0)
		return false;
	*at = cf_mono_add(kernel_raw(), every);
	return true;
}

/* From STOP on libvirtd is not asked any more, only listened to. */
static void ask(struct run *run)
{
	struct cf_progress progress = { 0 };

	if (is_time(&run->next_answer, MS(20)) &&
	    job_answers(run->link, run->uuid, cf_mono_add(kernel_raw(), MS(50)), NULL) == 0)
		cutter_heard(run->cutter);
	if (is_time(&run->next_progress, MS(100)) &&
	    job_progress(run->link, run->uuid, cf_mono_add(kernel_raw(), MS(50)), &progress, NULL) == 0)
		cutter_copied(run->cutter, &progress);
}

static void turn(struct run *run)
{
	bool was_copying = run->copying;
	struct guard_end guard;

	guest_watch_wait(run->watch, run->events.revision, TURN, &run->events);
	decide(run);
	cutter_look(run->cutter, &run->seen);
	if (run->seen.n[SOCKET_MEMORY] >= run->best.n[SOCKET_MEMORY])
		run->best = run->seen;
	cutter_read(run->cutter, &guard);
	tell(run->events.status == MIGRATION_ACTIVE, &run->copying, "copying");
	if (run->copying && !was_copying) {
		run->copying_at = kernel_raw();
		gaps_take(run->gaps);
		gaps_take(run->ordinary);
	}
	tell(run->events.switchover, &run->stopped, "stopped");
	tell(guard.cut, &run->cut, "cut");
	tell(run->events.undone, &run->back, "back");
	if (!run->events.stopped)
		ask(run);
}

static void print_us(const char *name, cf_span span)
{
	printf("%s=%lld\n", name, (long long)(span.ns / CF_US));
}

static void report(struct run *run)
{
	const struct guest_events *e = &run->events;
	struct watchdog_standing standing;
	struct guard_end guard;
	cf_mono from;

	watchdog_standing(run->dog, &standing);
	cutter_read(run->cutter, &guard);
	printf("realtime=%d\nlocked=%d\n", standing.realtime, standing.locked);
	printf("sockets=%zu\ncan_cut=%d\nwhy=%s\n", run->best.n[SOCKET_MEMORY], run->best.can_cut, run->best.why);
	printf("cut=%d\nloaded=%d\nreason=%s\nn=%zu\nerrno=%d\n", guard.cut, guard.loaded,
	       guard_reason_name(guard.reason), guard.n, guard.error);
	print_us("late_us", guard.late);
	print_us("way_back_us", cf_span_add(cutter_way_back(run->cutter), MS(number(run, "spare"))));
	printf("end=%d\nend_text=%s\nstatus=%s\n", run->end.state, run->end.error.text,
	       migration_status_name(e->status));
	printf("switchover=%d\nundone=%d\npaused=%d\n", e->switchover, e->undone, e->paused);
	from = run->decided ? run->decided_at : guard.at;
	if (e->has_stop && e->has_resume && e->switchover)
		print_us("stood_us", cf_mono_since(e->resume.raw, e->stop.raw));
	if (e->has_resume && e->switchover && (run->decided || guard.cut))
		print_us("back_us", cf_mono_since(e->resume.raw, from));
	if (run->decided || guard.cut)
		print_us("ended_us", cf_mono_since(run->ended_at, from));
	print_us("gap_us", gaps_take(run->gaps));
	print_us("ordinary_gap_us", gaps_take(run->ordinary));
}

static int migrate(struct virt *virt, struct run *run)
{
	int r = begin(virt, run);

	if (r < 0)
		return failed(r);
	do {
		turn(run);
		drive_wait(run->drive, MS(0), &run->end);
	} while (run->end.state == DRIVE_RUNNING);
	run->ended_at = kernel_raw();
	if (run->virsh)
		pthread_join(run->virsh, NULL);
	usleep(300000);		/* what belongs to it, and comes after it */
	guest_watch_read(run->watch, &run->events);
	report(run);
	return 0;
}

int main(int argc, char **argv)
{
	struct run run = { 0 };
	struct virt *virt;
	int r;

	if (argc < 5) {
		fprintf(stderr, "usage: cut-check URI NAME UUID HOST [WORD=VALUE...]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	run.uri = argv[1];
	run.name = argv[2];
	run.uuid = argv[3];
	run.host = argv[4];
	run.words = argv + 5;
	r = virt_new(&virt, run.uri, &err);
	if (r == 0)
		r = virt_wait(virt, MS(10000), &err);
	if (r < 0)
		return failed(r) != 0;
	run.gaps = gaps_start(true);
	run.ordinary = gaps_start(false);
	r = migrate(virt, &run);
	cutter_free(run.cutter);
	guest_watch_free(run.watch);
	drive_free(run.drive);
	virt_link_close(run.link);
	watchdog_stop(run.dog);
	virt_free(virt);
	gaps_stop(run.gaps);
	gaps_stop(run.ordinary);
	return r != 0;
}
