/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The library in QEMU, for all domains of this host: libvirt hands its own
 * LD_PRELOAD on to every QEMU it starts, so a drop-in of libvirt's service turns
 * it on.  A guest has it from its next start, or arrival, on.
 */

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/command.h"
#include "client/drop-in.h"
#include "client/pages.h"
#include "client/say.h"
#include "client/table.h"
#include "proto/domain.h"

#define LIBRARY  PKGLIBDIR "/libclockferry-kvm.so"
#define UNITS    "/etc/systemd/system"
#define DROP_IN  "zz-clockferry-kvm.conf"	/* after override.conf, which `systemctl edit` makes */
#define APPARMOR "/etc/apparmor.d/local/abstractions/libvirt-qemu"
#define RULE_MARK "# clockferry kvm"

/* Whichever of the two this host runs, now or later. */
static const char *const services[] = { "libvirtd", "virtqemud" };

static const char *library(const struct ask *ask)
{
	return ask->program ? ask->program : LIBRARY;
}

/* Every user's QEMU has to be able to load it, and nobody but root to change what all of them load. */
static int check_library(const char *path, struct cf_error *err)
{
	struct stat st;

	if (strlen(path) >= DROP_IN_LIBRARY_ROOM)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "the library's path is longer than %d", DROP_IN_LIBRARY_ROOM - 1);
	if (path[0] != '/' || strpbrk(path, " \t\n\"'\\%:,"))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%s' is no absolute path that can be preloaded", path);
	if (stat(path, &st) < 0)
		return fail_here(path, err);
	if (!S_ISREG(st.st_mode) || (st.st_mode & 0444) != 0444)
		return cf_fail(err, EACCES, CF_HOST, "%s: not a file that every user may read", path);
	if (st.st_uid != 0 || st.st_mode & 0022)
		return cf_fail(err, EPERM, CF_HOST, "%s: others than root may write it", path);
	return 0;
}

static void folder_of(char path[128], const char *service)
{
	snprintf(path, 128, UNITS "/%s.service.d", service);
}

static void drop_in_of(char path[128], const char *service)
{
	snprintf(path, 128, UNITS "/%s.service.d/" DROP_IN, service);
}

/* Whole or not at all: a unit is read whenever somebody reloads. */
static int write_file(const char *path, const char *text, struct cf_error *err)
{
	char fresh[160];
	FILE *file;
	bool good;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	file = fopen(fresh, "we");
	if (!file)
		return fail_here(fresh, err);
	good = fputs(text, file) >= 0 && fchmod(fileno(file), 0644) == 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
	good = fclose(file) == 0 && good;
	if (good && rename(fresh, path) == 0)
		return 0;
	fail_here(path, err);
	unlink(fresh);
	return -EIO;
}

static int write_drop_in(const char *service, const char *path_of_library, struct cf_error *err)
{
	char path[128], text[512];

	folder_of(path, service);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return fail_here(path, err);
	snprintf(text, sizeof(text),
		 "# By \"clockferry kvm on\"; \"clockferry kvm off\" removes it.  Every QEMU started by this service gets the library.\n"
		 "[Service]\nEnvironment=LD_PRELOAD=%s\n", path_of_library);
	drop_in_of(path, service);
	return write_file(path, text, err);
}

/* systemd reads its files again; what it says goes to who called us.  false: there is none that does. */
static bool reload_systemd(void)
{
	char *const argv[] = { (char *)"systemctl", (char *)"daemon-reload", NULL };
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		return false;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Debian's profile of a domain lets its QEMU map what is in /usr/lib, and nothing anywhere else. */
static bool needs_rule(const char *path)
{
	return strncmp(path, "/usr/lib/", 9) != 0 && strncmp(path, "/lib/", 5) != 0 && access(APPARMOR, F_OK) == 0;
}

/* What stands there but for our rule, each line whole; false, and errno, when not all of it could be read. */
static bool copy_others(FILE *from, FILE *to)
{
	CF_AUTO(cf_free) char *line = NULL;
	size_t room = 0;
	ssize_t n;

	errno = 0;
	while ((n = getline(&line, &room, from)) >= 0)
		if (!strstr(line, RULE_MARK))
			fprintf(to, "%s%s", line, line[n - 1] == '\n' ? "" : "\n");
	return !ferror(from) && feof(from);
}

/* Without our rule, and with it where `path` is given. */
static int write_rule(const char *path, struct cf_error *err)
{
	CF_AUTO(cf_free) char *text = NULL;
	size_t size;
	FILE *from = fopen(APPARMOR, "re"), *to = from ? open_memstream(&text, &size) : NULL;
	int r = to && copy_others(from, to) ? 0 : fail_here(APPARMOR, err);

	if (r == 0 && path)
		fprintf(to, "  %s mr,  " RULE_MARK "\n", path);
	if (from)
		fclose(from);
	if (to && (fclose(to) != 0 || !text) && r == 0)
		r = cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	return r < 0 ? r : write_file(APPARMOR, text, err);
}

static int turn_on(struct ask *ask, struct cf_error *err)
{
	const char *path = library(ask);
	char drop_in[128];
	int r = check_library(path, err);

	if (r == 0 && needs_rule(path))
		r = write_rule(path, err);
	for (size_t i = 0; r == 0 && i < CF_COUNT(services); i++)
		r = write_drop_in(services[i], path, err);
	if (r < 0)
		return r;

	say(ask->to, "every QEMU that libvirt starts on this host will have the KVM library");
	say_row(ask->to, "library", "%s", path);
	for (size_t i = 0; i < CF_COUNT(services); i++) {
		drop_in_of(drop_in, services[i]);
		say_row(ask->to, i == 0 ? "by" : "", "%s", drop_in);
	}
	if (needs_rule(path))
		say_row(ask->to, "", "%s, for AppArmor", APPARMOR);
	say_row(ask->to, "next", "%s`systemctl restart libvirtd` (or virtqemud), which no guest notices; a guest has it from its "
		"next start or arrival on", reload_systemd() ? "" : "`systemctl daemon-reload`, which could not be done; then ");
	return EXIT_CLEAN;
}

static int turn_off(struct ask *ask, struct cf_error *err)
{
	char drop_in[128], folder[128];
	bool some = false;

	for (size_t i = 0; i < CF_COUNT(services); i++) {
		drop_in_of(drop_in, services[i]);
		folder_of(folder, services[i]);
		if (unlink(drop_in) == 0)
			some = true;
		else if (errno != ENOENT)
			return fail_here(drop_in, err);
		/* If nothing else is in it. */
		rmdir(folder);
	}
	if (access(APPARMOR, F_OK) == 0 && write_rule(NULL, err) < 0)
		return -EIO;
	if (!some) {
		say(ask->to, "the KVM library was not on for this host");
		return EXIT_CLEAN;
	}
	say(ask->to, "no QEMU that libvirt starts will have the KVM library any more");
	say_row(ask->to, "next", "%s`systemctl restart libvirtd` (or virtqemud); guests that run keep it until they stop or leave",
		reload_systemd() ? "" : "`systemctl daemon-reload`, which could not be done; then ");
	return EXIT_CLEAN;
}

static void show_host(struct ask *ask)
{
	char drop_in[128], path[DROP_IN_LIBRARY_ROOM];

	for (size_t i = 0; i < CF_COUNT(services); i++) {
		drop_in_of(drop_in, services[i]);
		drop_in_read(drop_in, path);
		if (!*path)
			say_row(ask->to, services[i], "without the KVM library");
		else
			say_row(ask->to, services[i], "hands on %s%s", path, access(path, R_OK) < 0 ? ", WHICH IS NOT THERE" : "");
	}
}

static int show_domains_of(struct ask *ask, const struct cf_domain *list, size_t n, struct cf_error *err)
{
	static const struct table_column columns[] = { { "DOMAIN" }, { "UUID" }, { "KVM LIBRARY" } };
	CF_AUTO(table_free) struct table *table = NULL;
	bool any = false;
	int r = table_new(&table, columns, CF_COUNT(columns), err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct cf_domain *d = &list[i];
		const char *const cells[] = { d->name, d->uuid, d->kvm_library ? "loaded" : "not loaded" };

		if (!d->has_kvm_library)
			continue;
		any = true;
		r = table_add(table, cells, err);
	}
	if (r < 0)
		return r;
	if (!any) {
		say(ask->to, "no domain runs with KVM");
		return EXIT_CLEAN;
	}
	return table_print(table, ask->to, err);
}

static int show(struct ask *ask, struct cf_error *err)
{
	const struct question question = { .route = CF_ROUTE_DOMAINS };
	__attribute__((cleanup(pages_clearp))) struct pages domains = { 0 };
	int r = pages_fetch(ask, &question, &domains, err);

	if (r != 0)
		return r < 0 ? r : EXIT_CLEAN;
	if (!ask->whom.host)
		show_host(ask);
	return show_domains_of(ask, domains.rows, domains.n, err);
}

static const struct verb verbs[] = {
	{ "on", turn_on, true },
	{ "off", turn_off, true },
	{ "status", show, false },
};

int run_kvm(struct ask *ask, struct cf_error *err)
{
	return run_verb(ask, verbs, CF_COUNT(verbs), err);
}
