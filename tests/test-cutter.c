/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What the events of a guest do to its guard: fed by hand, in the place of QEMU's, with
 * a process of ours in the place of QEMU.
 */
#include "daemon/virt/cutter.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/private.h"
#include "tests/tap.h"

#define URI  "test:///default"
#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"	/* of the domain "test" there */
#define LONG MS(3600 * INT64_C(1000))
#define MS(n) ((cf_span){ (n) * CF_MS })

static char folder[] = "/tmp/cutter.XXXXXX";
static struct counter_roots roots = { .proc = "/proc", .run = folder };
static struct virt *virt;
static virDomainPtr domain;
static struct watchdog *dog;
static struct guest_watch *watch;
static struct cutter *cutter;
static int here, there;		/* the connection: QEMU's end, ours too, and its peer's */
static char uri[64];
static struct cf_error err;

static void rest(int64_t ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * CF_MS }, NULL);
}

static void make_connection(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	here = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(server, (struct sockaddr *)&address, size) < 0 || listen(server, 1) < 0 ||
	    getsockname(server, (struct sockaddr *)&address, &size) < 0 ||
	    connect(here, (struct sockaddr *)&address, size) < 0)
		abort();
	there = accept4(server, NULL, NULL, SOCK_CLOEXEC);
	close(server);
	snprintf(uri, sizeof(uri), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
}

/* It has the connection, and waits for the end of its input. */
static pid_t make_process(int input[2])
{
	char path[64];
	pid_t found = 0, pid;
	FILE *file;

	if (pipe(input) < 0)
		abort();
	pid = fork();
	if (pid == 0) {
		close(input[1]);
		dup2(input[0], 0);
		execl("/bin/sh", "sh", "-c", "read word", "qemu", "-uuid", UUID, NULL);
		_exit(127);
	}
	close(input[0]);
	close(here);
	snprintf(path, sizeof(path), "%s/test.pid", folder);
	file = fopen(path, "w");
	fprintf(file, "%d\n", (int)pid);
	fclose(file);
	for (int i = 0; i < 2000 && counters_pid(&roots, "test", UUID, &found, NULL) < 0; i++)
		rest(5);
	return pid;
}

static int n_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void begin(cf_span limit, cf_span heartbeat, bool parallel)
{
	struct cutter_terms terms = {
		.name = "test", .uuid = UUID, .roots = &roots, .limit = limit, .heartbeat = heartbeat,
		.max_downtime = MS(300), .parallel = parallel,
	};
	struct sockets_seen seen;

	if (guest_watch_new(virt, UUID, CF_SOURCE, &watch, &err) < 0 ||
	    cutter_new(dog, watch, &terms, &cutter, &err) < 0 ||
	    cutter_want(cutter, SOCKET_MEMORY, uri, 1, &err) < 0)
		ok(false, "a cutter: %s", err.text);
	cutter_look(cutter, &seen);
	if (!seen.can_cut)
		printf("# %s\n", seen.why);
}

static void end(void)
{
	cutter = cutter_free(cutter);
	watch = guest_watch_free(watch);
}

static void feed(enum guest_event_kind kind, enum migration_status status, cf_span ago)
{
	struct guest_event event = { .kind = kind, .status = status, .placed = true, .at = kernel_instant() };

	event.at.raw = cf_mono_add(event.at.raw, cf_span_neg(ago));
	virt_watches_feed(virt, domain, &event);
}

static void status(enum migration_status now)
{
	feed(GUEST_EV_MIGRATION, now, MS(0));
}

/* How it ended within some time; a cut that is to come comes at once. */
static struct guard_end ended(int64_t ms)
{
	cf_mono until = cf_mono_add(kernel_raw(), MS(ms));
	struct guard_end how;

	do {
		rest(2);
		cutter_read(cutter, &how);
	} while (!how.cut && !how.loaded && cf_mono_cmp(kernel_raw(), until) < 0);
	return how;
}

static void test_heartbeat(void)
{
	begin(LONG, MS(1), false);
	cutter_heard(cutter);
	ok(!ended(100).cut, "before a migration nobody has to be heard of");
	status(MIGRATION_FAILED);
	cutter_heard(cutter);
	ok(!ended(100).cut, "nor once it has failed");
	end();

	begin(LONG, LONG, false);
	status(MIGRATION_ACTIVE);
	cutter_heard(cutter);
	ok(!ended(100).cut && cutter_read(cutter, &(struct guard_end){ 0 }) == CF_WATCH_RUNS,
	   "who is heard of often enough is left alone");
	end();
}

static void test_pause(void)
{
	begin(MS(1), MS(3000), false);
	status(MIGRATION_ACTIVE);
	feed(GUEST_EV_STOP, 0, MS(60000));
	ok(!ended(200).cut, "STOP alone is not the switchover, however long it lasts");
	ok(cutter_read(cutter, &(struct guard_end){ 0 }) == CF_WATCH_STANDS, "it is not known whose it is");
	feed(GUEST_EV_PASS, 0, MS(0));
	cutter_heard(cutter);
	ok(!ended(3200).cut && cutter_read(cutter, &(struct guard_end){ 0 }) == CF_WATCH_PAUSED,
	   "and one that somebody paused is not cut, whoever is silent");
	end();
}

static void test_loaded(void)
{
	struct guard_end how;
	int before = n_files();

	begin(LONG, LONG, false);
	status(MIGRATION_ACTIVE);
	feed(GUEST_EV_STOP, 0, MS(0));
	status(MIGRATION_PRE_SWITCHOVER);
	ok(cutter_read(cutter, &how) == CF_WATCH_HELD && !how.cut, "in pre-switchover it is held");
	status(MIGRATION_DEVICE);
	ok(cutter_read(cutter, &how) == CF_WATCH_LEAVES && !how.cut, "then it leaves");
	status(MIGRATION_COMPLETED);
	ok(cutter_read(cutter, &how) == CF_WATCH_LOADED && how.loaded && !how.cut, "completed: it is loaded there");
	ok(!cutter_cut(cutter), "and not cut any more");
	end();
	ok(n_files() == before, "nothing stays open");
}

static void test_undone(void)
{
	struct guard_end how;

	begin(LONG, LONG, false);
	status(MIGRATION_ACTIVE);
	feed(GUEST_EV_STOP, 0, MS(0));
	status(MIGRATION_DEVICE);
	feed(GUEST_EV_RESUME, 0, MS(0));
	ok(cutter_read(cutter, &how) == CF_WATCH_BACK && !how.cut, "when it runs here again there is nothing to cut");
	end();
}

static void test_way_back(void)
{
	struct cf_progress progress = { .bytes_left = 2 * CF_S, .bytes_per_second = 100 * CF_S };
	cf_span usual, longer;

	begin(LONG, LONG, false);
	usual = cutter_way_back(cutter);
	cutter_copied(cutter, &progress);
	longer = cutter_way_back(cutter);
	ok(usual.ns == CF_WAY_BACK_USUAL.ns && longer.ns == usual.ns + CF_S,
	   "what is left of the memory makes the way back longer");
	cutter_aims(cutter, MS(10));
	ok(cutter_way_back(cutter).ns == usual.ns + CF_S / 2, "... no more than QEMU is to send while the guest stands still");
	end();
	begin(LONG, LONG, true);
	cutter_copied(cutter, &progress);
	ok(cutter_way_back(cutter).ns == usual.ns, "but not with parallel connections");
	end();
}

/* The last ones: these cut the connection. */
static void test_blackout(void)
{
	struct sockets_seen seen;
	struct guard_end how;
	int before = n_files();
	char byte;

	begin(MS(1000), LONG, false);
	status(MIGRATION_ACTIVE);
	feed(GUEST_EV_STOP, 0, MS(3000));
	ok(!ended(100).cut, "a STOP that is over the limit is not cut before it is the switchover's");
	status(MIGRATION_DEVICE);
	how = ended(20000);
	ok(how.cut && how.reason == GUARD_BLACKOUT && how.n == 1 && how.error == 0, "and at once when it is");
	ok(cf_span_cmp(how.late, MS(1900)) > 0, "it counts from STOP on: %lld ms late", (long long)(how.late.ns / CF_MS));
	ok(recv(there, &byte, 1, 0) == 0, "its peer sees the end");
	cutter_look(cutter, &seen);
	ok(n_files() == before + 1, "after the cut nothing is held any more but its process");
	end();
}

/* What comes when the connection to libvirtd is lost is no sign of life. */
static void test_gap(void)
{
	cf_mono until = cf_mono_add(kernel_raw(), MS(20000));
	struct guard_end how = { 0 };

	begin(LONG, MS(200), false);
	status(MIGRATION_ACTIVE);
	while (!how.cut && cf_mono_cmp(kernel_raw(), until) < 0) {
		feed(GUEST_EV_GAP, 0, MS(0));
		rest(1);
		cutter_read(cutter, &how);
	}
	ok(how.cut && how.reason == GUARD_HEARTBEAT, "a lost connection is no sign of life");
	end();
}

static void test_ended(pid_t pid, int input)
{
	struct guard_end how;

	begin(LONG, LONG, false);
	status(MIGRATION_ACTIVE);
	close(input);
	waitpid(pid, NULL, 0);
	how = ended(20000);
	ok(how.cut && how.reason == GUARD_ENDED, "when QEMU ends its connections do");
	end();
}

int main(void)
{
	virConnectPtr other;
	char path[64];
	int input[2];
	pid_t pid;

	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(folder) || virt_new(&virt, URI, &err) < 0 || virt_wait(virt, MS(60000), &err) < 0 ||
	    watchdog_start(&dog, &err) < 0) {
		ok(false, "libvirt's test driver, and a watchdog: %s", err.text);
		return done();
	}
	other = virConnectOpen(URI);
	domain = virDomainLookupByUUIDString(other, UUID);
	make_connection();
	pid = make_process(input);

	test_heartbeat();
	test_pause();
	test_loaded();
	test_undone();
	test_way_back();
	test_blackout();
	test_gap();
	test_ended(pid, input[1]);

	virDomainFree(domain);
	virConnectClose(other);
	watchdog_stop(dog);
	virt_free(virt);
	close(there);
	snprintf(path, sizeof(path), "%s/test.pid", folder);
	unlink(path);
	rmdir(folder);
	return done();
}
