/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/kvm-guest.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/lever.h"

#define LIBRARY "libclockferry-kvm.so"

const struct kvm_host_roots kvm_host_roots = { .proc = "/proc", .run = "/run" };

/* A guest's QEMU */

int kvm_guest_open(const struct counter_roots *roots, const char *domain, const char *uuid, struct kvm_page **page,
		   pid_t *pid, struct cf_error *err)
{
	int r = counters_pid(roots, domain, uuid, pid, err);

	if (r == 0)
		r = kvm_page_open(roots->proc, *pid, page, err);
	if (r == -ENOENT)
		return cf_fail(err, ENOENT, CF_NOT_FOUND,
			       LIBRARY " is not in its QEMU; after `clockferry kvm on` it is, from its next start or arrival on");
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

void kvm_guest_look(const struct counter_roots *roots, struct cf_guest_clock *guest)
{
	struct cf_error err = { 0 };

	*guest->kvm_why = '\0';
	if (look(roots, guest, &err) < 0)
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

/* The library's path among those that are loaded before anything else; "" when it is not there. */
static void find_library(char *preload, char ret[static PATH_MAX])
{
	char *save = NULL;

	*ret = '\0';
	for (char *one = strtok_r(preload, " :", &save); one; one = strtok_r(NULL, " :", &save)) {
		const char *name = strrchr(one, '/');

		if (strcmp(name ? name + 1 : one, LIBRARY) == 0)
			snprintf(ret, PATH_MAX, "%s", one);
	}
}

static int read_environment(const struct kvm_host_roots *roots, pid_t pid, char ret[static PATH_MAX], struct cf_error *err)
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
			find_library(entry + 11, ret);
	fclose(file);
	return 0;
}

void kvm_host_look(const struct kvm_host_roots *roots, struct cf_kvm_offer *ret)
{
	pid_t pid = daemon_pid(roots);
	char library[PATH_MAX] = "";
	struct cf_error err = { 0 };

	*ret = (struct cf_kvm_offer){ .version = CF_KVM_VERSION };
	if (pid <= 0)
		snprintf(ret->why, sizeof(ret->why), "no libvirt daemon runs there whose environment could be read");
	else if (read_environment(roots, pid, library, &err) < 0)
		snprintf(ret->why, sizeof(ret->why), "%s", err.text);
	else if (!*library)
		snprintf(ret->why, sizeof(ret->why), "its libvirt hands no " LIBRARY " on (`clockferry kvm on`)");
	else if (*library == '/' && access(library, R_OK) < 0)
		snprintf(ret->why, sizeof(ret->why), "%.120s: %.60s", library, strerror(errno));
	ret->handed_on = !*ret->why;
}
