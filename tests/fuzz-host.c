/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is read of this host's own files: the first parts of the input are their contents, split at
 * bytes of 0xff, in the order of the table; the rest is laid over a file of marks.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/guard.h"
#include "daemon/ledger/marks.h"
#include "daemon/virt/kvm-guest.h"
#include "daemon/virt/outbound.h"
#include "hook/settings.h"
#include "tests/fuzz-files.h"

#define ID    "11111111-0000-4000-8000-000000000000"
#define MARKS "marks"
#define MARKS_SIZE 65536

static const char *const files[] = {
	"run/libvirtd.pid", "proc/100/stat", "proc/100/environ", "proc/100/net/tcp", "proc/100/net/tcp6", "hook",
};
static const char *const folders[] = { "run", "proc", "proc/100", "proc/100/net", "proc/100/fd" };
static const char *const links[][2] = {
	{ "proc/100/fd/3", "socket:[31]" }, { "proc/100/fd/4", "socket:[41]" }, { "proc/100/fd/5", "pipe:[51]" }, { "link", "hook" },
};

static void read_connections(void)
{
	const struct counter_roots roots = { "", in("proc"), in("run") };
	static struct cf_outbound list[OUTBOUND_MAX];
	unsigned char address[16];
	struct cf_error err;
	size_t n = 0;

	must(outbound_list(&roots, 100, list, &n, &err) == 0 && n <= OUTBOUND_MAX);
	for (size_t i = 0; i < n; i++)
		must((inet_pton(AF_INET, list[i].address, address) == 1 || inet_pton(AF_INET6, list[i].address, address) == 1) &&
		     list[i].port >= 0 && list[i].port <= 65535);
}

static void read_daemon(void)
{
	const struct guard_roots guard = { in("link"), in("run"), in("proc"), in("loaded"), in("hook") };
	static struct settings settings = { .guard = { .deadline = { CF_S } } };
	struct cf_hook_evidence hook;

	guard_look(&guard, &settings, (struct cf_instant){ 0 }, &hook);
	must(!hook.has_began || (hook.installed && strcmp(hook.daemon, "libvirtd") == 0));
}

static void read_environment(void)
{
	const struct kvm_host_roots roots = { in("proc"), in("run"), in("run") };
	const struct cf_passthrough none = { 0 };
	struct cf_kvm_offer offer;

	kvm_host_look(&roots, &none, &offer);
	must(memchr(offer.why, '\0', sizeof(offer.why)) && offer.handed_on == !offer.why[0]);
}

static void read_hook(void)
{
	struct hook_settings settings;

	hook_settings_read(in("hook"), &settings);
	must(settings.deadline.ns > 0 && settings.deadline.ns <= 60 * CF_S);
}

static void count(void *userdata, const char *id)
{
	must(memchr(id, '\0', CF_UUID_ROOM));
	++*(size_t *)userdata;
}

/* Whatever is there: a word is one that was written, and what is mended is no longer in anybody's way. */
static void read_marks(void)
{
	struct marks_options options = { .durable = false };
	struct marks *marks = NULL;
	struct cf_error err = { 0 };
	mark_word word = 77;
	size_t n = 0;
	int r;

	snprintf(options.path, sizeof(options.path), "%s", in(MARKS));
	if (marks_new(&marks, &options, &err) < 0) {
		must(!marks && err.text[0]);
		return;
	}
	r = mark_get(marks, ID, &word, &err);
	must(r == 0 || word == 77);
	marks_each(marks, count, &n);
	if (mark_set(marks, ID, 5, &err) == 0)
		must(mark_get(marks, ID, &word, &err) == 0 && word == 5);
	marks_mend(marks);
	must(mark_set(marks, ID, 6, &err) == 0 || n == 128);
	mark_forget(marks, ID);
	must(mark_get(marks, ID, &word, &err) == 0);
	marks_free(marks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!top_fd) {
		furnish(folders, CF_COUNT(folders));
		for (size_t i = 0; i < CF_COUNT(links); i++)
			must(symlinkat(links[i][1], top_fd, links[i][0]) == 0);
	}
	put_parts(files, CF_COUNT(files), &data, &size);
	put(MARKS, data, size < MARKS_SIZE ? size : MARKS_SIZE);
	must(!data || truncate(in(MARKS), MARKS_SIZE) == 0);
	read_connections();
	read_daemon();
	read_environment();
	read_hook();
	read_marks();
	return 0;
}
