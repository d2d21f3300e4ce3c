/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the agent sees of the KVM library: in a QEMU that this process plays, and in libvirt's environment. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/virt/kvm-guest.h"
#include "daemon/virt/passthrough.h"
#include "proto/kvm.h"
#include "tests/kvm-made.h"
#include "tests/tap.h"

#define UUID "b3f9a6d4-0c57-4a43-8f5e-1f2f5c7a9d20"

static char folder[] = "/tmp/test-kvm-guest-XXXXXX";

static void put(const char *name, const void *bytes, size_t size)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
		printf("Bail out! %s: %s\n", path, strerror(errno));
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

static void drop(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	remove(path);
}

static void make_folder(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (mkdir(path, 0755) < 0)
		printf("Bail out! %s: %s\n", path, strerror(errno));
}

/* --- libvirt --- */

static struct cf_kvm_offer offer;
static const struct cf_passthrough nothing;

static bool handed_on(const char *environment, size_t size)
{
	const struct kvm_host_roots roots = { .proc = folder, .run = folder, .debugfs = folder };

	put("7/environ", environment, size);
	kvm_host_look(&roots, &nothing, &offer);
	return offer.handed_on && !*offer.why;
}

/* By its own XML, whatever libvirt hands on. */
static bool loaded(const char *library)
{
	const struct kvm_host_roots roots = { .proc = folder, .run = folder, .debugfs = folder };
	struct cf_passthrough own = { .preloads = true };

	snprintf(own.library, sizeof(own.library), "%s", library);
	kvm_host_look(&roots, &own, &offer);
	return offer.handed_on && !*offer.why && offer.version == CF_KVM_VERSION;
}

#define HANDED_ON(text) handed_on(text, sizeof(text))

static void test_host(void)
{
	const struct kvm_host_roots roots = { .proc = folder, .run = folder, .debugfs = folder };
	const struct kvm_host_roots blind = { .proc = folder, .run = folder, .debugfs = "/nowhere" };
	static const char *const told[] = { "", "libclockferry-kvm.so", "/a/libclockferry-kvm.so", "/etc/shadow",
					    "/a/libclockferry-kvm.so.1", "/etc/shadow:/a/libclockferry-kvm.so" };
	char with_path[512];
	int n;

	kvm_host_look(&roots, &nothing, &offer);
	ok(!offer.handed_on && *offer.why && offer.version == CF_KVM_VERSION, "without libvirt nothing is handed on: %s", offer.why);
	make_folder("7");
	put_text("libvirtd.pid", "7\n");
	kvm_host_look(&roots, &nothing, &offer);
	ok(!offer.handed_on && *offer.why, "nor by one that is no more: %s", offer.why);

	ok(!HANDED_ON("HOME=/\0PATH=/bin") && *offer.why, "nor by one that has it not in its environment: %s", offer.why);
	ok(HANDED_ON("HOME=/\0LD_PRELOAD=libclockferry-kvm.so\0PATH=/bin"), "by one that has");
	ok(HANDED_ON("LD_PRELOAD=/nowhere/other.so libclockferry-kvm.so:third.so"), "... also among others");
	ok(!HANDED_ON("XLD_PRELOAD=libclockferry-kvm.so\0LD_PRELOAD=/usr/lib/other.so"), "... and only there");
	ok(!HANDED_ON("LD_PRELOAD=/nowhere/libclockferry-kvm.so") && strstr(offer.why, "/nowhere"), "a file that is not there is not loaded: %s", offer.why);
	put_text("libclockferry-kvm.so", "");
	n = snprintf(with_path, sizeof(with_path), "LD_PRELOAD=%s/libclockferry-kvm.so", folder);
	ok(handed_on(with_path, (size_t)n + 1), "one that is there is");
#if defined(__x86_64__)
	kvm_host_look(&blind, &nothing, &offer);
	ok(!offer.handed_on && strstr(offer.why, "/nowhere"), "but it is of no use where no counter can be looked at: %s", offer.why);
#endif
	ok(!HANDED_ON("LD_PRELOAD=not-libclockferry-kvm.so"), "one of another name is another one");

	for (size_t i = 0; i < CF_COUNT(told); i++) {
		struct cf_passthrough other = { .preloads = true };

		snprintf(other.library, sizeof(other.library), "%s", told[i]);
		ok(passthrough_is_sound(&other) == (i < 3), "another host may %stell of \"%s\"", i < 3 ? "" : "not ", told[i]);
	}
	ok(loaded(with_path + strlen("LD_PRELOAD=")), "one that the domain's own XML has loaded is, whatever libvirt hands on");
	ok(!loaded("/nowhere/libclockferry-kvm.so") && strstr(offer.why, "/nowhere"), "... if it is there: %s", offer.why);
	ok(HANDED_ON("LD_PRELOAD=libclockferry-kvm.so") && !loaded("") && *offer.why,
	   "what libvirt hands on a domain that sets LD_PRELOAD itself does not get: %s", offer.why);
}

/* --- a QEMU --- */

static struct cf_kvm_page *at;

/* This process gets a page, as the library makes it. */
static void make_page(void)
{
	at = kvm_page_made();
	at->magic = CF_KVM_MAGIC;
}

static struct cf_guest_clock look_at(const struct cf_passthrough *passthrough)
{
	const struct counter_roots roots = { .debugfs = folder, .proc = "/proc", .run = folder };
	struct cf_guest_clock guest = { .domain = "web1", .uuid = UUID, .type = "kvm", .kvmclock = true, .n_vcpus = 1,
					.vcpus = { { .has_offset = true } }, .lever = CF_LEVER_GUEST_AGENT };

	kvm_guest_look(&roots, passthrough, &guest);
	return guest;
}

static struct cf_guest_clock look(void)
{
	return look_at(&nothing);
}

static void test_guest(void)
{
	const struct cf_passthrough without = { .preloads = true, .more = true },
				    with = { .preloads = true, .library = "/usr/lib/libclockferry-kvm.so" };
	struct cf_guest_clock guest = look();
	char pid[32];

	ok(guest.lever == CF_LEVER_GUEST_AGENT && !guest.has_kvm_version && guest.has_kvm_why,
	   "a QEMU that cannot be found has no library: %s", guest.kvm_why);
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	put_text("web1.pid", pid);
	guest = look();
	ok(guest.lever == CF_LEVER_GUEST_AGENT && !guest.has_kvm_version && strstr(guest.kvm_why, "not in its QEMU"),
	   "nor one without its page: %s", guest.kvm_why);
	guest = look_at(&with);
	ok(guest.lever == CF_LEVER_GUEST_AGENT && strstr(guest.kvm_why, "/usr/lib/libclockferry-kvm.so"),
	   "... though its XML has it loaded: %s", guest.kvm_why);
	guest = look_at(&without);
	ok(guest.lever == CF_LEVER_GUEST_AGENT && strstr(guest.kvm_why, "LD_PRELOAD"), "... because its XML has another one loaded: %s",
	   guest.kvm_why);

	make_page();
	guest = look();
	ok(guest.lever == CF_LEVER_KVM && guest.has_kvm_version && guest.kvm_version == CF_KVM_VERSION && !guest.has_kvm_why,
	   "one with the page has the lever kvm");
	guest = look_at(&without);
	ok(guest.lever == CF_LEVER_KVM && !guest.has_kvm_why, "... whatever its XML says: what is there is there");
	at->said.vm_flags = CF_KVM_VM_ITSELF;
	guest = look();
	ok(guest.lever == CF_LEVER_GUEST_AGENT && guest.has_kvm_version && guest.has_kvm_why,
	   "... unless it corrects by itself: %s", guest.kvm_why);
	at->said.vm_flags = 0;
	at->said.n_vcpus = CF_KVM_VCPUS + 1;
	guest = look();
	ok(guest.lever == CF_LEVER_GUEST_AGENT && guest.has_kvm_why, "... or says what cannot be: %s", guest.kvm_why);
	at->version = CF_KVM_VERSION + 1;
	guest = look();
	ok(guest.lever == CF_LEVER_GUEST_AGENT && !guest.has_kvm_version && guest.has_kvm_why, "... or is younger than this agent: %s",
	   guest.kvm_why);
}

int main(int argc, char **argv)
{
	(void)argc;
	/* A domain's QEMU has its uuid on its command line. */
	if (!argv[1])
		execv("/proc/self/exe", (char *[]){ argv[0], (char *)"-uuid", (char *)UUID, NULL });
	if (!mkdtemp(folder))
		return 1;
	test_host();
	test_guest();
	for (size_t i = 0; i < 6; i++)
		drop((const char *[]){ "7/environ", "7", "libvirtd.pid", "libclockferry-kvm.so", "web1.pid", "." }[i]);
	rmdir(folder);
	return done();
}
