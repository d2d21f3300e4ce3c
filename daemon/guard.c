/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"

#define FILE_ROOM 128

const struct guard_roots guard_roots = {
	.link = CF_HOOK_LINK,
	.run = "/run",
	.proc = "/proc",
	.loaded = CF_HOOK_LOADED,
	.file = GUARD_FILE,
};

static void spell(const struct settings *settings, char ret[static FILE_ROOM])
{
	bool closed = settings->guard.closed && settings->guard.mode == CF_GUARD_ENFORCE;

	snprintf(ret, FILE_ROOM, "deadline-ms %" PRId64 "\nwithout-agent %s\n", settings->guard.deadline.ns / CF_MS,
		 closed ? "closed" : "open");
}

static bool is_told(const char *path, const char *text)
{
	char now[FILE_ROOM] = "";
	FILE *file = fopen(path, "re");
	size_t n;

	if (!file)
		return false;
	n = fread(now, 1, sizeof(now) - 1, file);
	fclose(file);
	return n == strlen(text) && memcmp(now, text, n) == 0;
}

/* All of it, and it is on the disk: what counts is the start after a power cut. */
static int write_out(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fsync(fd) < 0)
		r = errno ? -errno : -EIO;
	close(fd);
	return r;
}

int guard_tell(const char *path, const struct settings *settings, struct cf_error *err)
{
	char text[FILE_ROOM], fresh[SETTINGS_TEXT_ROOM];
	int r;

	spell(settings, text);
	if (*settings->fault || is_told(path, text))
		return 0;
	snprintf(fresh, sizeof(fresh), "%.240s.new", path);
	errno = 0;
	r = write_out(fresh, text);
	if (r == 0 && rename(fresh, path) < 0)
		r = -errno;
	return r < 0 ? cf_fail(err, -r, CF_HOST, "%.160s: %s", path, strerror(-r)) : 0;
}

static cf_real real_of(struct timespec t)
{
	return cf_real_from(t.tv_sec, t.tv_nsec);
}

/* When the process began, by this host's clock of now. */
static bool began(const char *proc, long pid, const char *program, cf_real now, cf_real *ret)
{
	char path[SETTINGS_TEXT_ROOM], line[1024] = "", *name, *at;
	int64_t ticks, a_second = sysconf(_SC_CLK_TCK);
	struct timespec up;
	FILE *file;

	snprintf(path, sizeof(path), "%.200s/%ld/stat", proc, pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	at = fgets(line, sizeof(line), file);
	fclose(file);
	at = at ? strrchr(line, ')') : NULL;
	name = strchr(line, '(');
	if (!at || !name || strncmp(name, program, strlen(program)) != 0)
		return false;
	if (sscanf(at + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %" SCNd64, &ticks) != 1)
		return false;
	clock_gettime(CLOCK_BOOTTIME, &up);
	*ret = cf_real_add(now, cf_real_since(cf_real_from(ticks / a_second, ticks % a_second * CF_S / a_second), real_of(up)));
	return true;
}

static long pid_in(const char *run, const char *file)
{
	char path[SETTINGS_TEXT_ROOM];
	long pid = 0;
	FILE *stream;

	snprintf(path, sizeof(path), "%.200s/%s", run, file);
	stream = fopen(path, "re");
	if (!stream)
		return 0;
	if (fscanf(stream, "%ld", &pid) != 1)
		pid = 0;
	fclose(stream);
	return pid;
}

/* The daemon that runs hooks, if one of them does here. */
static void look_at_daemon(const struct guard_roots *roots, cf_real now, struct cf_hook_evidence *ret)
{
	static const struct {
		const char *name, *pid, *process;
	} daemons[] = {
		{ "libvirtd",  "libvirtd.pid",  "(libvirtd)" },
		{ "virtqemud", "virtqemud.pid", "(virtqemud)" },
	};

	for (size_t i = 0; i < CF_COUNT(daemons) && !ret->has_began; i++) {
		long pid = pid_in(roots->run, daemons[i].pid);

		ret->has_began = pid > 0 && began(roots->proc, pid, daemons[i].process, now, &ret->began);
		if (ret->has_began)
			snprintf(ret->daemon, sizeof(ret->daemon), "%s", daemons[i].name);
	}
}

void guard_look(const struct guard_roots *roots, const struct settings *settings, struct cf_instant asked,
		struct cf_hook_evidence *ret)
{
	char text[FILE_ROOM];
	struct stat st;

	*ret = (struct cf_hook_evidence){ .mode = settings->guard.mode, .asked = asked.real };
	if (lstat(roots->link, &st) < 0)
		return;
	ret->installed = true;
	ret->since = real_of(st.st_ctim);
	if (access(roots->link, X_OK) < 0)
		snprintf(ret->broken, sizeof(ret->broken), "%.180s: %.50s", roots->link, strerror(errno));
	if (stat(roots->loaded, &st) == 0)
		ret->loaded = real_of(st.st_mtim);
	spell(settings, text);
	if (!is_told(roots->file, text))
		snprintf(ret->untold, sizeof(ret->untold), "%.180s", roots->file);
	look_at_daemon(roots, kernel_instant().real, ret);
}
