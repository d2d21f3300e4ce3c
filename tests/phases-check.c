/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The two ends of a migration with a gate, each a process of its own, for tests that
 * bring two real libvirtds; tests/phases-talk.h stands for REST.  Prints "name=value" a
 * line; times are CLOCK_MONOTONIC_RAW in us.
 *
 *	phases-check URI destination SOCKET [WORD=VALUE]...
 *	phases-check URI source SOCKET UUID HOST [WORD=VALUE]...
 *	phases-check URI remove|resume|undefine UUID
 *	phases-check URI observe SECONDS		until a guest runs, at most
 */

#include <errno.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/events.h"
#include "daemon/virt/incoming.h"
#include "daemon/virt/leftover.h"
#include "tests/gaps.h"
#include "tests/phases-talk.h"
#include "tests/virt-commands.h"

static struct gaps *gaps;	/* of the time since the decision */

/* The value of a word; the default where it was not said. */
static const char *word(const char *name, const char *otherwise)
{
	size_t n = strlen(name);

	for (char **at = words; *at; at++)
		if (strncmp(*at, name, n) == 0 && (*at)[n] == '=')
			return *at + n + 1;
	return otherwise;
}

static double number(const char *name)
{
	return atof(word(name, "0"));
}

static void mark(const char *what)
{
	printf("%s_us=%lld\n", what, (long long)(kernel_raw().ns / 1000));
}

/* die=WHERE: this process is killed there; late=WHERE: some time after; hold=WHERE: it stands still there until=FILE is there. */
static void point(const char *where)
{
	double seconds = atof(word("seconds", "0.4"));
	struct itimerval timer = { .it_value = { (time_t)seconds, (suseconds_t)((seconds - (time_t)seconds) * 1e6) } };

	mark(where);
	if (strcmp(word("late", ""), where) == 0)
		setitimer(ITIMER_REAL, &timer, NULL);
	if (strcmp(word("die", ""), where) == 0)
		kill(getpid(), SIGKILL);
	while (strcmp(word("hold", ""), where) == 0 && access(word("until", "/"), F_OK) != 0)
		usleep(10000);
}

/* What QEMU itself says, and when, by the host's wall clock. */

static atomic_bool resumed;

static void on_monitor(virConnectPtr connection, virDomainPtr domain, const char *event, long long seconds,
		       unsigned int micros, const char *details, void *userdata)
{
	(void)connection;
	(void)domain;
	(void)userdata;
	if (strcmp(event, "MIGRATION") != 0 && strcmp(event, "RESUME") != 0 && strcmp(event, "STOP") != 0)
		return;
	if (strcmp(event, "RESUME") == 0)
		atomic_store(&resumed, true);
	if (!details || !strstr(details, "status"))
		printf("qemu_%s_us=%lld\n", event, seconds * 1000000 + micros);
	else if (strstr(details, "completed"))
		printf("qemu_completed_us=%lld\n", seconds * 1000000 + micros);
	else if (strstr(details, "\"active"))
		printf("qemu_active_us=%lld\n", seconds * 1000000 + micros);
}

static virConnectPtr listen_to_qemu(void)
{
	virConnectPtr connection = virConnectOpen(uri);

	if (connection)
		virConnectDomainQemuMonitorEventRegister(connection, NULL, NULL, on_monitor, NULL, NULL, 0);
	return connection;
}

/* Destination */

static int take_in(int fd, struct incoming **ret)
{
	struct incoming_options options = { .timeout = SECONDS(60) };
	struct drive_answer answer = { 0 };
	CF_AUTO(cf_free) char *xml = NULL;
	CF_AUTO(cf_free) void *cookie = NULL;
	struct talk_message message = { 0 };
	struct drive_offer offer = { 0 };
	int r;

	if (!talk_hear(fd, &message, &xml, &cookie))
		return -EPIPE;
	point("offered");
	offer = (struct drive_offer){ .xml = xml, .cookie = cookie, .cookie_size = message.cookie_size,
		.options = message.options, .persistent = message.persistent, .paused = message.paused };
	strcpy(offer.uuid, message.uuid);
	strcpy(offer.name, message.name);
	strcpy(offer.migrate_uri, message.uri);
	snprintf(options.migrate_uri, sizeof(options.migrate_uri), "%s", word("uri", ""));
	snprintf(options.listen, sizeof(options.listen), "%s", word("listen", ""));
	r = incoming_prepare(virt, &offer, &options, ret, &answer, &err);
	point("prepared");
	message = (struct talk_message){ .kind = r < 0 ? TALK_NO : TALK_ANSWER, .result = r };
	strcpy(message.uri, answer.uri);
	talk_say(fd, &message, NULL, answer.cookie, answer.cookie_size);
	if (r == 0)
		printf("uri=%s\nanswer_cookie=%zu\nwas_defined=%d\n", answer.uri, answer.cookie_size,
		       incoming_was_defined(*ret));
	drive_answer_clear(&answer);
	return r;
}

static void print_end(const struct incoming_end *end)
{
	printf("runs=%d\nend_cookie=%zu\nend_code=%d\nend_text=%s\nfinish_asked_us=%lld\nfinish_answered_us=%lld\n",
	       end->runs, end->cookie_size, end->code, end->error.text, (long long)(end->asked.ns / 1000),
	       (long long)(end->answered.ns / 1000));
}

/* Commit or close; the end of the source's connection drops what is incoming. */
static int decide(int fd, struct incoming *incoming)
{
	CF_AUTO(cf_free) char *xml = NULL;
	CF_AUTO(cf_free) void *cookie = NULL;
	struct incoming_end end = { 0 };
	struct talk_message message = { 0 };
	int r;

	if (!talk_hear(fd, &message, &xml, &cookie)) {
		mark("peer_gone");
		printf("alive=%d\n", incoming_alive(incoming));
		return 0;
	}
	point("told");
	r = incoming_finish(incoming, message.kind == TALK_COMMIT, cookie, message.cookie_size,
			    in(atof(word("finish", "60"))), &end, &err);
	point("finished");
	message = (struct talk_message){ .kind = TALK_END, .result = r, .runs = end.runs };
	talk_say(fd, &message, NULL, end.cookie, end.cookie_size);
	if (r < 0)
		return r;
	print_end(&end);
	return 0;
}

static int destination(char **args)
{
	CF_AUTO(guest_watch_free) struct guest_watch *watch = NULL;
	CF_AUTO(incoming_free) struct incoming *incoming = NULL;
	virConnectPtr listening = listen_to_qemu();
	struct guest_events events;
	int fd, r;

	fd = talk_wait(args[0]);
	r = take_in(fd, &incoming);
	if (r == 0)
		r = guest_watch_new(virt, word("uuid", "00000000-0000-4000-8000-000000000000"), CF_DESTINATION,
				    &watch, &err);
	if (r == 0)
		r = decide(fd, incoming);
	if (r < 0)
		failed(r);
	incoming = incoming_free(incoming);
	mark("closed");
	usleep((useconds_t)(atof(word("after", "0.6")) * 1e6));
	if (watch) {
		guest_watch_read(watch, &events);
		printf("landed=%d\ngone=%s\n", events.landed, guest_gone_name(events.gone));
		if (events.has_resume)
			printf("resume_us=%lld\n", (long long)(events.resume.raw.ns / 1000));
	}
	printf("hung=%lld\n", (long long)virt_hung_calls());
	virConnectClose(listening);
	close(fd);
	return r < 0;
}

/* Source */

struct peer {
	int fd;
};

static int bring(void *userdata, const struct drive_offer *offer, struct drive_answer *ret, struct cf_error *why)
{
	struct peer *peer = userdata;
	CF_AUTO(cf_free) char *xml = NULL;
	CF_AUTO(cf_free) void *cookie = NULL;
	struct talk_message message = { .kind = TALK_OFFER, .persistent = offer->persistent, .paused = offer->paused,
		.options = offer->options };
	int64_t port;

	point("begun");
	strcpy(message.uuid, offer->uuid);
	strcpy(message.name, offer->name);
	strcpy(message.uri, offer->migrate_uri);
	talk_say(peer->fd, &message, offer->xml, offer->cookie, offer->cookie_size);
	if (!talk_hear(peer->fd, &message, &xml, &cookie))
		return cf_fail(why, EPIPE, CF_UNREACHABLE, "the peer is gone");
	if (message.kind != TALK_ANSWER)
		return cf_fail(why, -message.result, CF_PEER, "the peer said no");
	strcpy(ret->uri, message.uri);
	ret->cookie_size = message.cookie_size;
	ret->cookie = CF_TAKE(cookie);
	if (drive_answer_storage_port(ret, &port))
		printf("storage_port=%lld\n", (long long)port);
	point("answered");
	return 0;
}

static int one_of(const char *name, const char *const words_of[], int n, int otherwise)
{
	for (int i = 0; i < n; i++)
		if (strcmp(word(name, ""), words_of[i]) == 0)
			return i;
	return otherwise;
}

static void set_options(struct drive_options *options, struct cf_options *o, char **args)
{
	snprintf(options->uuid, sizeof(options->uuid), "%s", args[1]);
	snprintf(options->destination, sizeof(options->destination), "%s", args[2]);
	snprintf(options->migrate_uri, sizeof(options->migrate_uri), "%s", word("migrate_uri", "tcp://%s"));
	options->has_max_downtime = true;
	options->max_downtime = SECONDS(atof(word("downtime", "0.3")));
	o->tls = number("tls") > 0;
	snprintf(o->tls_name, sizeof(o->tls_name), "%s", word("tls_name", ""));
	o->parallel = (int64_t)number("parallel");
	o->bandwidth_mib_per_second = (int64_t)number("bandwidth");
	o->auto_converge = number("auto_converge") > 0;
	o->unsafe = number("unsafe") > 0;
	o->post_copy = number("post_copy") > 0;
	o->compression = (enum cf_compression)one_of("compression", cf_compression_words, CF_N_COMPRESSIONS,
						     CF_COMPRESSION_NONE);
	o->storage = (enum cf_storage)one_of("storage", cf_storage_words, CF_N_STORAGES, CF_STORAGE_SHARED);
}

static void print_drive(const struct drive_end *end)
{
	static const char *const states[] = { "running", "succeeded", "failed", "aborted", "loaded", "lost" };

	printf("state=%s\ndrive_code=%d\ndrive_text=%s\n", states[end->state], end->code, end->error.text);
}

/* To the gate, or to the end before it. */
static void travel(struct drive *drive, struct drive_end *end)
{
	const char *file = word("abort", NULL);
	bool aborted = false;

	do {
		drive_wait(drive, SECONDS(0.1), end);
		if (file && !aborted && access(file, F_OK) == 0) {
			aborted = true;
			printf("abort=%d\n", -drive_abort(drive, in(5), &err));
		}
	} while (end->state == DRIVE_RUNNING);
}

static int settle(struct drive *drive, bool ran, const void *cookie, size_t size)
{
	int r;

	mark("settle");
	r = drive_settle(drive, ran, cookie, size, in(30), &err);
	mark("settled");
	printf("settle=%d\n", -r);
	if (r < 0)
		failed(r);
	return r;
}

/* Confirm first: the source runs again before the destination has been taken down. */
static void roll_back(struct drive *drive, int fd, bool finish_first)
{
	struct talk_message message = { .kind = TALK_CLOSE };
	CF_AUTO(cf_free) char *xml = NULL;
	CF_AUTO(cf_free) void *cookie = NULL;

	gaps_take(gaps);
	mark("decided");
	if (!finish_first)
		settle(drive, false, NULL, 0);
	talk_say(fd, &message, NULL, NULL, 0);
	talk_hear(fd, &message, &xml, &cookie);
	if (finish_first)
		settle(drive, false, NULL, 0);
}

static void commit(struct drive *drive, int fd, const struct drive_end *end)
{
	struct talk_message message = { .kind = TALK_COMMIT };
	CF_AUTO(cf_free) char *xml = NULL;
	CF_AUTO(cf_free) void *cookie = NULL;

	gaps_take(gaps);
	mark("decided");
	talk_say(fd, &message, NULL, end->cookie, end->cookie_size);
	point("committed");
	if (!talk_hear(fd, &message, &xml, &cookie)) {
		mark("peer_gone");
		return;
	}
	point("obeyed");
	if (message.result == 0)
		settle(drive, message.runs, cookie, message.cookie_size);
}

static int source(char **args)
{
	CF_AUTO(guest_watch_free) struct guest_watch *watch = NULL;
	CF_AUTO(drive_free) struct drive *drive = NULL;
	virConnectPtr listening = listen_to_qemu();
	struct peer peer = { talk_to(args[0]) };
	struct drive_options options = { .prepare = bring, .userdata = &peer };
	const char *what = word("do", "run");
	struct guest_events events;
	struct drive_end end;
	int r;

	set_options(&options, &options.options, args);
	gaps = gaps_start(false);
	r = guest_watch_new(virt, args[1], CF_SOURCE, &watch, &err);
	if (r == 0)
		r = drive_gated.start(virt, &options, &drive, &err);
	if (r < 0)
		return failed(r);
	point("performing");
	travel(drive, &end);
	print_drive(&end);
	if (end.state == DRIVE_LOADED) {
		printf("gate_cookie=%zu\n", end.cookie_size);
		point("loaded");
		drive_wait(drive, SECONDS(0), &end);
		if (strcmp(what, "run") == 0)
			commit(drive, peer.fd, &end);
		else
			roll_back(drive, peer.fd, strcmp(what, "finish-first") == 0);
		printf("gap_us=%lld\n", (long long)(gaps_take(gaps).ns / 1000));
		drive_wait(drive, SECONDS(0), &end);
		print_drive(&end);
	}
	gaps_stop(gaps);
	usleep(500000);
	guest_watch_read(watch, &events);
	printf("stopped=%d\nswitchover=%d\nundone=%d\ngone=%s\n", events.stopped, events.switchover, events.undone,
	       guest_gone_name(events.gone));
	if (events.has_stop)
		printf("stop_us=%lld\n", (long long)(events.stop.raw.ns / 1000));
	if (events.has_resume)
		printf("resume_us=%lld\n", (long long)(events.resume.raw.ns / 1000));
	close(peer.fd);
	virConnectClose(listening);
	return 0;
}

/* Leftovers */

static int leftover(char **args)
{
	int r;

	if (strcmp(args[-1], "remove") == 0)
		r = leftover_remove(virt, args[0], number("transient") == 0, in(40), &err);
	else if (strcmp(args[-1], "resume") == 0)
		r = leftover_resume(virt, args[0], in(40), &err);
	else
		r = leftover_undefine(virt, args[0], in(40), &err);
	printf("done=%d\n", -r);
	return r < 0 ? failed(r) : 0;
}

static int observe(char **args)
{
	virConnectPtr listening = listen_to_qemu();

	printf("ready=1\navailable=%d\n", phases_available(virt, &err));
	for (cf_mono until = in(atof(args[0])); !atomic_load(&resumed) && cf_mono_cmp(kernel_raw(), until) < 0;)
		usleep(10000);
	virConnectClose(listening);
	return 0;
}

static const struct virt_command commands[] = {
	{ "destination", 1, destination }, { "source", 3, source }, { "remove", 1, leftover },
	{ "resume", 1, leftover }, { "undefine", 1, leftover }, { "observe", 1, observe },
};

int main(int argc, char **argv)
{
	return run_command("phases-check", commands, CF_COUNT(commands), argc, argv);
}
