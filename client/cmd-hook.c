/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* libvirt's hook on this host: put there, taken away, and looked at. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command.h"
#include "client/say.h"
#include "client/show.h"
#include "proto/guard.h"

#define PROGRAM SBINDIR "/clockferry-hook"

/* As with mkdir -p, for as much of it as libvirt leaves to us. */
static int make_folder(struct cf_error *err)
{
	static const char *const folders[] = { "/etc/libvirt", "/etc/libvirt/hooks", CF_HOOK_FOLDER };

	for (size_t i = 0; i < CF_COUNT(folders); i++)
		if (mkdir(folders[i], 0755) < 0 && errno != EEXIST)
			return fail_here(folders[i], err);
	return 0;
}

/* In one step: a libvirtd that looks for hooks just now finds it whole, or the one before it. */
static int make_link(const char *program, struct cf_error *err)
{
	static const char fresh[] = CF_HOOK_FOLDER "/.50-clockferry.new";

	if (program[0] != '/')
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--program: '%s' is no absolute path", program);
	if (access(program, X_OK) < 0)
		return fail_here(program, err);
	if (unlink(fresh) < 0 && errno != ENOENT)
		return fail_here(fresh, err);
	if (symlink(program, fresh) < 0)
		return fail_here(fresh, err);
	return rename(fresh, CF_HOOK_LINK) < 0 ? fail_here(CF_HOOK_LINK, err) : 0;
}

/* Does that process run that program?  A file with a pid in it outlives whom it names. */
static bool runs(long pid, const char *program)
{
	char path[64], name[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	fclose(file);
	return strcmp(name, program) == 0;
}

/* Has the daemon look for hooks again, if it runs: of a libvirt daemon SIGHUP asks no more than that. */
static bool reload(const char *program)
{
	char path[64];
	long pid = 0;
	FILE *file;

	snprintf(path, sizeof(path), RUNDIR "/%s.pid", program);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fscanf(file, "%ld", &pid) != 1)
		pid = 0;
	fclose(file);
	return pid > 1 && runs(pid, program) && kill((pid_t)pid, SIGHUP) == 0;
}

/* For `doctor`: a reload leaves no trace of its own. */
static void note_reload(void)
{
	int fd;

	unlink(CF_HOOK_LOADED);
	fd = open(CF_HOOK_LOADED, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd >= 0)
		close(fd);
}

static int install(struct ask *ask, struct cf_error *err)
{
	static const char *const daemons[] = { "libvirtd", "virtqemud" };
	const char *program = ask->program ? ask->program : PROGRAM;
	bool some = false;
	int r;

	r = make_folder(err);
	if (r == 0)
		r = make_link(program, err);
	if (r < 0)
		return r;

	say(ask->to, "libvirt's hook is installed: %s", CF_HOOK_LINK);
	say_row(ask->to, "leads to", "%s", program);
	for (size_t i = 0; i < CF_COUNT(daemons); i++) {
		if (!reload(daemons[i]))
			continue;
		some = true;
		say_row(ask->to, "loaded by", "%s, which was told to look for hooks again", daemons[i]);
	}
	if (some)
		note_reload();
	else
		say_row(ask->to, "loaded by", "nobody yet: neither libvirtd nor virtqemud runs here");
	return EXIT_CLEAN;
}

static int take_away(struct ask *ask, struct cf_error *err)
{
	if (unlink(CF_HOOK_LINK) < 0) {
		if (errno != ENOENT)
			return fail_here(CF_HOOK_LINK, err);
		say(ask->to, "libvirt's hook is not installed");
		return EXIT_CLEAN;
	}
	unlink(CF_HOOK_LOADED);
	say(ask->to, "libvirt's hook was removed: whatever others migrate to this host comes in");
	return EXIT_CLEAN;
}

/* Of all that the agent looks at for `doctor`, this. */
static int look(struct ask *ask, struct cf_error *err)
{
	const struct cf_vitals *all;
	CF_AUTO(cf_free) struct cf_vitals *some = calloc(1, sizeof(*some));
	int r;

	if (!some)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = fetch(ask, CF_ROUTE_DOCTOR, NULL, err);
	if (r < 0)
		return r;
	all = ask->reply.message;
	snprintf(some->host, sizeof(some->host), "%s", all->host);
	for (size_t i = 0; i < all->n_list; i++)
		if (all->list[i].code == CF_VITAL_HOOK)
			some->list[some->n_list++] = all->list[i];
	if (r == 0)
		show_vitals(ask->to, some);
	return cf_vitals_worst(some) == CF_VITAL_OK ? EXIT_CLEAN : EXIT_FAILED;
}

static const struct verb verbs[] = {
	{ "install", install, true },
	{ "remove", take_away, true },
	{ "status", look, false },
};

int run_hook(struct ask *ask, struct cf_error *err)
{
	return run_verb(ask, verbs, CF_COUNT(verbs), err);
}
