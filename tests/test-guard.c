/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Migrations that others drive: which come in, what the hook is told, and whether libvirt runs it. */

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "daemon/guard.h"
#include "daemon/loop.h"
#include "daemon/teller.h"
#include "hook/settings.h"
#include "policy/guard.h"
#include "tests/tap.h"

#define BAD { .code = CF_FINDING_CLOCK_UNSYNCHRONISED, .severity = CF_SEVERITY_REFUSE, \
		.subject = "hB", .detail = "no source" }
#define WORSE { .code = CF_FINDING_ERROR_BOUND, .severity = CF_SEVERITY_REFUSE, .subject = "hB" }
#define WARNED { .code = CF_FINDING_TAI_UNKNOWN, .severity = CF_SEVERITY_WARN, .subject = "hB" }
#define WAIVED { .code = CF_FINDING_SKEW, .severity = CF_SEVERITY_REFUSE, .has_waived = true, \
		.waived = CF_WAIVED_BY_OBSERVING, .subject = "hB" }

static const struct {
	const char *sentence;
	struct cf_findings own;
	size_t n_peers;
	bool some_open;
	struct cf_peer closed;
	bool good;
	const char *text;
} rows[] = {
	{ .sentence = "a good clock, and no peers", .good = true },
	{ .sentence = "a good clock, and a peer with an open gate", .n_peers = 2, .some_open = true, .good = true },
	{ .sentence = "a warning", .own = { 1, { WARNED } }, .n_peers = 1, .some_open = true, .good = true },
	{ .sentence = "what policy only observes", .own = { 1, { WAIVED } }, .n_peers = 1, .some_open = true, .good = true },
	{ .sentence = "a bad clock", .own = { 1, { BAD } }, .n_peers = 1, .some_open = true,
	  .text = "hB: the host's clock follows no source it can be trusted for: no source" },
	{ .sentence = "a bad clock on a host without peers", .own = { 3, { WARNED, BAD, WORSE } },
	  .text = "hB: the host's clock follows no source it can be trusted for: no source; and 1 more" },
	{ .sentence = "no gate that is open", .own = { 1, { WARNED } }, .n_peers = 1,
	  .closed = { .host = "hA", .reachable = true, .n_findings = 2, .findings = { WARNED, WORSE } },
	  .text = "no gate is open: hB: the host's clock may be further from UTC than policy allows" },
};

static void test_rows(void)
{
	struct cf_guard_answer a;

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		struct cf_guard_evidence e = { CF_GUARD_ENFORCE, false, &rows[i].own, rows[i].n_peers, rows[i].some_open,
					       *rows[i].closed.host ? &rows[i].closed : NULL };
		const char *text = rows[i].text ? rows[i].text : "";

		cf_guard(&e, &a);
		ok(a.let_in == rows[i].good && strcmp(a.text, text) == 0 && !a.expected && a.mode == CF_GUARD_ENFORCE,
		   "enforce, %s: %s%s", rows[i].sentence, a.let_in ? "in" : "out: ", a.text);
		ok((a.n_findings > 0) == !rows[i].good, "... and findings say so, and no warnings: %zu", a.n_findings);
		e.mode = CF_GUARD_OBSERVE;
		cf_guard(&e, &a);
		ok(a.let_in && strcmp(a.text, text) == 0, "observe: in, with the same words");
		e.mode = CF_GUARD_OFF;
		cf_guard(&e, &a);
		ok(a.let_in && !*a.text && a.n_findings == 0, "off: in, without a word");
		e.mode = CF_GUARD_ENFORCE;
		e.expected = true;
		cf_guard(&e, &a);
		ok(a.let_in && !*a.text && a.expected, "by a lease: in, whatever the clocks are now");
	}
}

/* More than there is room for is no reason to let it in. */
static void test_many(void)
{
	struct cf_findings own = { .n_list = CF_FINDINGS_MAX };
	struct cf_guard_evidence e = { .mode = CF_GUARD_ENFORCE, .own = &own };
	struct cf_guard_answer a;

	for (size_t i = 0; i < own.n_list; i++) {
		own.list[i] = (struct cf_finding)BAD;
		memset(own.list[i].detail, 'x', sizeof(own.list[i].detail) - 1);
		memset(own.list[i].subject, 'y', sizeof(own.list[i].subject) - 1);
	}
	cf_guard(&e, &a);
	ok(!a.let_in && a.n_findings == CF_COUNT(a.findings) && strstr(a.text, "; and 47 more"), "many findings, with room for some");
}

static char dir[] = "/tmp/test-guard.XXXXXX";

static const char *in(const char *name)
{
	static char paths[32][64];
	static size_t n;
	char *path = paths[n++ % 32];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(in(name), "w");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		abort();
}

/* What the agent writes is what the hook reads. */
static void test_telling(void)
{
	CF_AUTO(settings_free) struct settings *settings = NULL;
	struct hook_settings heard;
	struct cf_error err = { 0 };
	struct stat first, second;

	if (settings_fallback("", &settings, NULL) < 0)
		abort();
	settings->guard.closed = true;
	settings->guard.deadline = (cf_span){ 250 * CF_MS };
	ok(guard_tell(in("hook"), settings, &err) == 0, "the hook is told");
	hook_settings_read(in("hook"), &heard);
	ok(heard.closed && heard.deadline.ns == 250 * CF_MS, "and hears what it was told");
	stat(in("hook"), &first);
	ok(guard_tell(in("hook"), settings, &err) == 0 && stat(in("hook"), &second) == 0 && first.st_ino == second.st_ino,
	   "what it knows already is not written again");
	settings->guard.mode = CF_GUARD_OBSERVE;
	guard_tell(in("hook"), settings, &err);
	hook_settings_read(in("hook"), &heard);
	ok(!heard.closed, "who only observes keeps nothing out, without an agent neither");
	settings->guard.mode = CF_GUARD_ENFORCE;
	strcpy(settings->fault, "x");
	guard_tell(in("hook"), settings, &err);
	hook_settings_read(in("hook"), &heard);
	ok(!heard.closed, "settings with a fault tell it nothing");
	*settings->fault = '\0';
	ok(guard_tell(in("nowhere/hook"), settings, &err) < 0 && strstr(err.text, "No such file"), "where it cannot be told: %s",
	   err.text);
}

static pthread_t home;
static atomic_int waited, waited_at_home;	/* for the disk */

int fsync(int fd)
{
	waited++;
	waited_at_home += pthread_equal(pthread_self(), home);
	return fdatasync(fd);
}

/* A host whose disk is slow is still one whose loop is not. */
static void test_telling_later(void)
{
	CF_AUTO(settings_free) struct settings *first = NULL, *last = NULL;
	struct teller teller = { .path = in("hook") };
	struct hook_settings heard;

	if (loop_new(&teller.loop, NULL) < 0 || settings_fallback("", &first, NULL) < 0 || settings_fallback("", &last, NULL) < 0)
		abort();
	home = pthread_self();
	waited = 0;
	first->guard.deadline = (cf_span){ 300 * CF_MS };
	last->guard.deadline = (cf_span){ 400 * CF_MS };
	teller_tell(&teller, first);
	teller_tell(&teller, first);
	teller_tell(&teller, last);
	while (teller.telling)
		sd_event_run(loop_sd(teller.loop), UINT64_MAX);
	hook_settings_read(in("hook"), &heard);
	ok(heard.deadline.ns == 400 * CF_MS, "of what it is told in quick succession it knows the last");
	ok(waited == 2 && waited_at_home == 0, "the loop has not waited for the disk");
	teller_clear(&teller);
	loop_free(teller.loop);
}

static void test_looking(void)
{
	CF_AUTO(settings_free) struct settings *settings = NULL;
	const struct guard_roots roots = { in("link"), dir, "/proc", in("loaded"), in("hook") };
	const struct cf_instant never = { 0 }, later = { .real = { INT64_MAX } };
	struct cf_hook_evidence e;
	char pid[32];

	if (settings_fallback("", &settings, NULL) < 0)
		abort();
	unlink(in("hook"));
	guard_look(&roots, settings, never, &e);
	ok(!e.installed && e.mode == CF_GUARD_ENFORCE, "no hook is installed");
	if (symlink("/nowhere", roots.link) < 0)
		abort();
	guard_look(&roots, settings, later, &e);
	ok(e.installed && strstr(e.broken, "No such file") && strcmp(e.untold, roots.file) == 0 && e.asked.ns == INT64_MAX,
	   "one that leads nowhere: %s", e.broken);
	unlink(roots.link);
	if (symlink("/bin/sh", roots.link) < 0)
		abort();
	guard_tell(roots.file, settings, NULL);
	guard_look(&roots, settings, never, &e);
	ok(e.installed && !*e.broken && !*e.untold && !e.has_began && e.since.ns > 0 && e.loaded.ns == 0,
	   "one that can be run, and no libvirtd that would");
	snprintf(pid, sizeof(pid), "%d\n", getpid());
	put("libvirtd.pid", pid);
	guard_look(&roots, settings, never, &e);
	ok(!e.has_began, "a process that is none of libvirt's is not taken for it");
	put("libvirtd.pid", "not a number");
	guard_look(&roots, settings, never, &e);
	ok(!e.has_began, "nor is what is no pid");
	put("loaded", "");
	guard_look(&roots, settings, never, &e);
	ok(e.loaded.ns >= e.since.ns, "a reload is seen");
}

/* A process that is called libvirtd: when it began, by the clock of the files. */
static void test_daemon(void)
{
	CF_AUTO(settings_free) struct settings *settings = NULL;
	const struct guard_roots roots = { in("link"), dir, in("proc"), in("loaded"), in("hook") };
	const struct cf_instant never = { 0 };
	struct cf_hook_evidence real = { 0 }, e;
	char line[1024] = "", stat_line[1200], pid[32], *name;
	FILE *file = fopen("/proc/self/stat", "r");

	if (settings_fallback("", &settings, NULL) < 0 || !file || !fgets(line, sizeof(line), file))
		abort();
	fclose(file);
	name = strchr(line, ')');
	snprintf(stat_line, sizeof(stat_line), "7 (libvirtd%s", name ? name : "");
	snprintf(pid, sizeof(pid), "%d\n", 7);
	put("libvirtd.pid", pid);
	mkdir(in("proc"), 0755);
	mkdir(in("proc/7"), 0755);
	put("proc/7/stat", stat_line);
	unlink(roots.link);
	if (symlink("/bin/sh", roots.link) < 0)
		abort();
	guard_look(&roots, settings, never, &e);
	real.since = e.since;
	ok(e.has_began && strcmp(e.daemon, "libvirtd") == 0 && cf_real_since(real.since, e.began).ns > -CF_S &&
	   cf_real_since(real.since, e.began).ns < 3600 * CF_S, "when libvirtd began is known: before the link was made");
	put("proc/7/stat", "7 (libvirtd) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0");
	guard_look(&roots, settings, never, &real);
	put("proc/7/stat", "7 (libvirtd) S 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 30000000000");
	guard_look(&roots, settings, never, &e);
	ok(cf_real_since(e.began, real.began).ns / CF_S > INT64_C(30000000000) / sysconf(_SC_CLK_TCK) - 60,
	   "also where the host had been up for years by then");
	put("proc/7/stat", "7 (libvirtd) S");
	guard_look(&roots, settings, never, &e);
	ok(!e.has_began, "a line that is cut off tells nothing");
	unlink(in("proc/7/stat"));
	guard_look(&roots, settings, never, &e);
	ok(!e.has_began, "a pid that is gone neither");
}

int main(void)
{
	char command[64];

	test_rows();
	test_many();
	if (!mkdtemp(dir))
		return 1;
	test_telling();
	test_telling_later();
	test_looking();
	test_daemon();
	snprintf(command, sizeof(command), "rm -r %s", dir);
	ok(system(command) == 0, "cleaned up");
	return done();
}
