/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/kvm-guest.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/virt/passthrough.h"
#include "policy/lever.h"

const struct kvm_host_roots kvm_host_roots = { .proc = "/proc", .run = "/run", .debugfs = "/sys/kernel/debug/kvm" };

/* A guest's QEMU */

int kvm_guest_open(const struct counter_roots *roots, const char *domain, const char *uuid, struct kvm_page **page,
		   pid_t *pid, struct cf_error *err)
{
	int r = counters_pid(roots, domain, uuid, pid, err);

	if (r == 0)
		r = kvm_page_open(roots->proc, *pid, page, err);
	if (r == -ENOENT)
		return cf_fail(err, ENOENT, CF_NOT_FOUND,
			       KVM_LIBRARY " is not in its QEMU; after `clockferry kvm on` it is, from its next start or arrival on");
	return r;
}

static int look(const struct counter_roots *roots, struct cf_guest_clock *guest, struct cf_error *err)
{
	CF_AUTO(cf_free) struct cf_kvm_said *said = calloc(1, sizeof(*said));
	CF_AUTO(kvm_page_free) struct kvm_page *page = NULL;
	pid_t pid;
	int r;

	if (!said)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = kvm_guest_open(roots, guest->domain, guest->uuid, &page, &pid, err);
	if (r < 0)
		return r;
	guest->has_kvm_version = true;
	guest->kvm_version = kvm_page_version(page);
	r = kvm_page_read(page, said, err);
	if (r == 0 && cf_kvm_usable(guest, kvm_page_arch(page), said->vm_flags, guest->kvm_why))
		guest->lever = CF_LEVER_KVM;
	return r;
}

/* Its own XML has the last word on what is loaded, whatever libvirt hands on. */
static void say_missing(const struct cf_passthrough *passthrough, struct cf_guest_clock *guest)
{
	if (*passthrough->library)
		snprintf(guest->kvm_why, sizeof(guest->kvm_why),
			 KVM_LIBRARY " is not in its QEMU, though its XML has %.100s loaded: its log on this host may say why",
			 passthrough->library);
	else
		snprintf(guest->kvm_why, sizeof(guest->kvm_why), "its XML sets LD_PRELOAD itself, and to something else than " KVM_LIBRARY);
}

void kvm_guest_look(const struct counter_roots *roots, const struct cf_passthrough *passthrough,
		    struct cf_guest_clock *guest)
{
	struct cf_error err = { 0 };
	int r;

	*guest->kvm_why = '\0';
	r = look(roots, guest, &err);
	if (r == -ENOENT && err.code == CF_NOT_FOUND && passthrough->preloads)
		say_missing(passthrough, guest);
	else if (r < 0)
		snprintf(guest->kvm_why, sizeof(guest->kvm_why), "%s", err.text);
	guest->has_kvm_why = *guest->kvm_why;
}

void kvm_guest_id(const char *uuid, unsigned char ret[static 16])
{
	unsigned byte;

	for (size_t i = 0; i < 16; i++) {
		uuid += *uuid == '-';
		ret[i] = sscanf(uuid, "%2x", &byte) == 1 ? (unsigned char)byte : 0;
		uuid += strnlen(uuid, 2);
	}
}

/* libvirt */

static pid_t daemon_pid(const struct kvm_host_roots *roots)
{
	static const char *const files[] = { "virtqemud.pid", "libvirtd.pid" };
	char path[PATH_MAX];
	int pid = 0;

	for (size_t i = 0; i < CF_COUNT(files) && pid <= 0; i++) {
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", roots->run, files[i]);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fscanf(file, "%d", &pid) != 1)
			pid = 0;
		fclose(file);
		snprintf(path, sizeof(path), "%s/%d/environ", roots->proc, pid);
		if (pid > 0 && access(path, F_OK) < 0)	/* it ended, and its file stayed */
			pid = 0;
	}
	return pid;
}

static int read_environment(const struct kvm_host_roots *roots, pid_t pid, char ret[static CF_LIBRARY_ROOM],
			    struct cf_error *err)
{
	CF_AUTO(cf_free) char *entry = NULL;
	char path[PATH_MAX];
	size_t room = 0;
	FILE *file;

	*ret = '\0';
	snprintf(path, sizeof(path), "%s/%d/environ", roots->proc, (int)pid);
	file = fopen(path, "re");
	if (!file)
		return cf_fail(err, errno, CF_HOST, "what its libvirt hands on cannot be read: %s", strerror(errno));
	while (!*ret && getdelim(&entry, &room, '\0', file) > 0)
		if (strncmp(entry, "LD_PRELOAD=", 11) == 0)
			preload_read(entry + 11, ret);
	fclose(file);
	return 0;
}

/* What libvirt's daemon hands on, by its own environment; else why nothing. */
static void look_at_daemon(const struct kvm_host_roots *roots, char library[static CF_LIBRARY_ROOM],
			   char why[static CF_DETAIL_ROOM])
{
	pid_t pid = daemon_pid(roots);
	struct cf_error err = { 0 };

	*library = '\0';
	if (pid <= 0)
		snprintf(why, CF_DETAIL_ROOM, "no libvirt daemon runs there whose environment could be read");
	else if (read_environment(roots, pid, library, &err) < 0)
		snprintf(why, CF_DETAIL_ROOM, "%s", err.text);
	else if (!*library)
		snprintf(why, CF_DETAIL_ROOM, "its libvirt hands no " KVM_LIBRARY " on (`clockferry kvm on`)");
}

#if defined(__x86_64__)
static void look_at_debugfs(const struct kvm_host_roots *roots, char why[static CF_DETAIL_ROOM])
{
	DIR *dir = opendir(roots->debugfs);

	if (dir)
		closedir(dir);
	else
		snprintf(why, CF_DETAIL_ROOM, "its agent cannot see how a QEMU's counters are scaled: %.120s: %.60s", roots->debugfs,
			 strerror(errno));
}
#else
static void look_at_debugfs(const struct kvm_host_roots *roots, char why[static CF_DETAIL_ROOM])
{
	(void)roots;
	(void)why;
}
#endif

void kvm_host_look(const struct kvm_host_roots *roots, const struct cf_passthrough *passthrough,
		   struct cf_kvm_offer *ret)
{
	char library[CF_LIBRARY_ROOM];

	*ret = (struct cf_kvm_offer){ .version = CF_KVM_VERSION };
	if (!passthrough->preloads)
		look_at_daemon(roots, library, ret->why);
	else if (*passthrough->library)
		memcpy(library, passthrough->library, sizeof(library));
	else
		snprintf(ret->why, sizeof(ret->why), "the domain's XML sets LD_PRELOAD itself, and to something else than " KVM_LIBRARY);
	if (!*ret->why && *library == '/' && access(library, R_OK) < 0)
		snprintf(ret->why, sizeof(ret->why), "%.120s: %.60s", library, strerror(errno));
	if (!*ret->why)
		look_at_debugfs(roots, ret->why);
	ret->handed_on = !*ret->why;
}
