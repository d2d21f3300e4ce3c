/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * daemon/virt from a command line, for tests that bring a real libvirtd: runs
 * one command and prints what came of it, a "name=value" a line.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/counters.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/emulator.h"
#include "daemon/virt/events.h"
#include "daemon/virt/guest.h"
#include "daemon/virt/job.h"
#include "tests/virt-commands.h"


static int cmd_host(char **args)
{
	struct virt_host host;

	(void)args;
	virt_host(virt, &host);
	printf("libvirt=%s\nemulator=%s\narch=%s\nversions=%lu %lu\ncounter=%d\n", host.libvirt,
	       host.emulator,
	       host.arch, host.libvirt_version, host.emulator_version, host.counter);
	if (host.has_counter_hz)
		printf("counter_hz=%lld\n", (long long)host.counter_hz);
	if (host.has_counter_scaling)
		printf("counter_scaling=%d\n", host.counter_scaling);
	return 0;
}

static int cmd_list(char **args)
{
	struct cf_domains *list = calloc(1, sizeof(*list));
	int r = domain_list(virt, "", SIZE_MAX, list, &err);

	(void)args;
	if (r < 0)
		return failed(r);
	for (size_t i = 0; i < list->n_list; i++)
		printf("domain=%s %s %s %s agent=%d manager=%s\n", list->list[i].name, list->list[i].uuid,
		       cf_domain_state_words[list->list[i].state], list->list[i].type,
		       list->list[i].agent_connected, list->list[i].manager);
	free(list);
	return 0;
}

static int cmd_look(char **args)
{
	struct domain_standing standing;
	int r = domain_look(virt, args[0], &standing, &err);

	if (r < 0)
		return failed(r);
	printf("known=%d\n", standing.known);
	if (standing.known)
		printf("name=%s\nuuid=%s\nstate=%s\nactive=%d\nmigrating=%d\npersistent=%d\njob=%s\n",
		       standing.name, standing.uuid, cf_domain_state_words[standing.state], standing.active,
		       standing.migrating,
		       standing.persistent, standing.job_active ? standing.job : "-");
	return 0;
}

static int cmd_evidence(char **args)
{
	struct cf_domain_evidence evidence;
	struct cf_guest_clock *guest = calloc(1, sizeof(*guest));
	int r = domain_evidence(virt, args[0], &evidence, guest, &err);

	if (r < 0)
		return failed(r);
	printf("known=%d\nstate=%s\njob=%s\nmanager=%s\n", evidence.known,
	       cf_domain_state_words[evidence.state],
	       evidence.job, evidence.manager);
	for (size_t i = 0; i < evidence.n_blockers; i++)
		printf("blocker=%s\n", evidence.blockers[i]);
	printf("guest=%d\n", evidence.guest == guest);
	if (evidence.guest)
		printf("type=%s\narch=%s\nmachine=%s\nemulator=%s\nclock=%s\n"
		       "agent=%d %d\nkvmclock=%d\nlever=%d\n",
		       guest->type, guest->arch, guest->machine, guest->emulator, guest->clock_offset,
		       guest->agent_configured, guest->agent_connected, guest->kvmclock, guest->lever);
	free(guest);
	return 0;
}

static int cmd_emulator(char **args)
{
	bool answer;
	int r = emulator_self_corrects(args[0], SECONDS(20), &answer, &err);

	if (r < 0)
		return failed(r);
	printf("self_corrects=%d\n", answer);
	return 0;
}

/* offset UUID ROUNDS SECONDS */
static int cmd_offset(char **args)
{
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	struct cf_guest_offset offset;
	cf_mono begun;
	int r;

	r = virt_link_open(virt, SECONDS(5), &link, &err);
	if (r < 0)
		return failed(r);
	begun = kernel_raw();
	r = guest_offset_read(link, args[0], atoi(args[1]), in(atof(args[2])), &offset, &err);
	printf("took_ms=%.3f\nhung=%lld\n", cf_mono_since(kernel_raw(), begun).ns / 1e6,
	       (long long)virt_hung_calls());
	if (r < 0) {
		failed(r);
		/* Asked again while the first call hangs. */
		r = guest_offset_read(link, args[0], 1, in(atof(args[2])), &offset, &err);
		printf("again=%d\n", -r);
		return 1;
	}
	printf("rounds=%lld\nlow_us=%lld\nhigh_us=%lld\n", (long long)offset.rounds,
	       (long long)(offset.offset.low.ns / 1000), (long long)(offset.offset.high.ns / 1000));
	return 0;
}

/* set UUID AHEAD-SECONDS: the guest's clock to ours and so much. */
static int cmd_set(char **args)
{
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	struct cf_instant now;
	cf_span took;
	int r;

	r = virt_link_open(virt, SECONDS(5), &link, &err);
	if (r < 0)
		return failed(r);
	now = kernel_instant();
	r = guest_time_set(link, args[0], cf_real_add(now.real, SECONDS(atof(args[1]))), now.raw, in(5),
			   &took, &err);
	printf("took_ms=%.3f\n", took.ns / 1e6);
	return r < 0 ? failed(r) : 0;
}

static void print_events(const struct guest_events *events)
{
	printf("status=%s\ngone=%s\n", migration_status_name(events->status), guest_gone_name(events->gone));
	printf("stopped=%d\nswitchover=%d\npaused=%d\nundone=%d\narriving=%d\nlanded=%d\ngap=%d\n",
	       events->stopped, events->switchover, events->paused, events->undone, events->arriving,
	       events->landed, events->gap);
	printf("has_stop=%d\nhas_resume=%d\nhas_resume_known=%d\n", events->has_stop, events->has_resume,
	       events->has_resume_known);
	if (events->has_stop)
		printf("stop_raw=%lld\n", (long long)events->stop.raw.ns);
	if (events->has_resume)
		printf("resume_raw=%lld\n", (long long)events->resume.raw.ns);
	if (events->has_resume && events->has_resume_known)
		printf("resume_known_after_us=%lld\n",
		       (long long)(cf_mono_since(events->resume_known, events->resume.raw).ns / 1000));
	printf("pass=%lld\n", (long long)events->pass);
	if (events->has_job && events->job.has_bytes)
		printf("bytes=%lld\n", (long long)events->job.bytes);
	if (events->has_job && events->job.has_downtime)
		printf("libvirt_downtime_ms=%lld\n", (long long)(events->job.downtime.ns / CF_MS));
}

/* Is there a file that says so? */
static bool enough(const char *file)
{
	return file && access(file, F_OK) == 0;
}

/* watch UUID source|destination SECONDS [FILE]: until it has landed or ended, time is up, or the file is there; "ready" when it listens. */
static int cmd_watch(char **args)
{
	CF_AUTO(guest_watch_free) struct guest_watch *watch = NULL;
	enum cf_side side = strcmp(args[1], "source") == 0 ? CF_SOURCE : CF_DESTINATION;
	cf_mono deadline = in(atof(args[2]));
	struct guest_events events = { 0 };
	int r;

	r = guest_watch_new(virt, args[0], side, &watch, &err);
	if (r < 0)
		return failed(r);
	printf("ready\n");
	while (cf_mono_cmp(kernel_raw(), deadline) < 0 && !events.has_resume_known && !events.gone && !enough(args[3]))
		guest_watch_wait(watch, events.revision, SECONDS(0.2), &events);
	/* What belongs to the same moment. */
	usleep(500000);
	guest_watch_read(watch, &events);
	print_events(&events);
	return 0;
}

static void print_progress(struct virt_link *link, const char *uuid)
{
	struct cf_progress progress;

	if (job_progress(link, uuid, in(1), &progress, NULL) == 0)
		printf("progress=%lld/%lld left=%lld rate=%lld iteration=%lld\n",
		       (long long)progress.bytes_sent,
		       (long long)progress.bytes_total, (long long)progress.bytes_left,
		       (long long)progress.bytes_per_second, (long long)progress.iteration);
}

static void set_options(struct drive_options *options, char **args)
{
	snprintf(options->uuid, sizeof(options->uuid), "%s", args[0]);
	snprintf(options->destination, sizeof(options->destination), "%s", args[1]);
	strcpy(options->destination_uri, "qemu+tcp://%s/system");
	strcpy(options->migrate_uri, "tcp://%s");
	options->has_max_downtime = true;
	options->max_downtime = SECONDS(0.3);
	if (args[2] && args[3])
		options->options.bandwidth_mib_per_second = atoi(args[3]);
}

/* migrate UUID HOST [ABORT-FILE [MIB-PER-SECOND]]: aborted when the file is there. */
static int cmd_migrate(char **args)
{
	CF_AUTO(guest_watch_free) struct guest_watch *watch = NULL;
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	CF_AUTO(drive_free) struct drive *drive = NULL;
	struct drive_options options = { 0 };
	struct guest_events events;
	struct drive_end end;
	bool aborted = false;
	int r;

	set_options(&options, args);
	r = virt_link_open(virt, SECONDS(5), &link, &err);
	if (r == 0)
		r = guest_watch_new(virt, args[0], CF_SOURCE, &watch, &err);
	if (r == 0)
		r = drive_libvirt.start(virt, &options, &drive, &err);
	if (r < 0)
		return failed(r);

	do {
		drive_wait(drive, SECONDS(0.1), &end);
		if (end.state == DRIVE_RUNNING)
			print_progress(link, args[0]);
		if (!aborted && enough(args[2])) {
			aborted = true;
			printf("abort=%d\n", -drive_abort(drive, in(5), &err));
		}
	} while (end.state == DRIVE_RUNNING);
	usleep(500000);
	guest_watch_read(watch, &events);
	printf("end=%d\ncode=%d\ntext=%s\n", end.state, end.code, end.error.text);
	print_events(&events);
	return end.state != DRIVE_SUCCEEDED;
}

static void on_news(const struct virt_news *news, void *userdata)
{
	(void)userdata;
	printf("news=%s %s\n", virt_what_name(news->what), news->name);
}

/* listen SECONDS [FILE]: what happens to anybody, until time is up or the file is there. */
static int cmd_listen(char **args)
{
	cf_mono deadline = in(atof(args[0]));

	virt_set_listener(virt, on_news, NULL);
	printf("ready\n");
	while (cf_mono_cmp(kernel_raw(), deadline) < 0 && !enough(args[1]))
		usleep(50000);
	virt_set_listener(virt, NULL, NULL);
	printf("connected=%d\n", virt_connected(virt, NULL));
	return 0;
}

/* pid NAME UUID */
static int cmd_pid(char **args)
{
	pid_t pid;
	int r = counters_pid(&counter_roots, args[0], args[1], &pid, &err);

	if (r < 0)
		return failed(r);
	printf("pid=%d\n", (int)pid);
	return 0;
}

static const struct virt_command commands[] = {
	{ "host", 0, cmd_host }, { "list", 0, cmd_list }, { "look", 1, cmd_look },
	{ "evidence", 1, cmd_evidence },
	{ "emulator", 1, cmd_emulator }, { "offset", 3, cmd_offset }, { "set", 2, cmd_set },
	{ "watch", 3, cmd_watch }, { "migrate", 2, cmd_migrate },
	{ "listen", 1, cmd_listen }, { "pid", 2, cmd_pid },
};

int main(int argc, char **argv)
{
	return run_command("virt-check", commands, CF_COUNT(commands), argc, argv);
}
