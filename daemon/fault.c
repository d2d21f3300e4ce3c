/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/phase.h"
#include "proto/base.h"

#define NAME_ROOM 64

static const char *const names[FAULT_N_POINTS] = {
#define X(point, name, where) [FAULT_##point] = name,
	FAULT_POINTS(X)
#undef X
};

static const char *const moments[FAULT_N_MOMENTS] = {
	[FAULT_TAKEN] = "taken", [FAULT_NOTED] = "noted", [FAULT_ACT] = "act", [FAULT_DONE] = "done",
};

static const struct { const char *name; int number; } errnos[] = {
	{ "EIO", EIO }, { "ENOSPC", ENOSPC }, { "EROFS", EROFS }, { "ENOMEM", ENOMEM },
};

static void name_of(enum cf_side side, enum cf_phase phase, enum fault_moment moment, char ret[static NAME_ROOM])
{
	snprintf(ret, NAME_ROOM, "%s-%s-%s", cf_side_words[side], cf_phase_words[phase], moments[moment]);
}

static void note_reached(const char *path, const char *name)
{
	char reached[PATH_MAX], line[NAME_ROOM + 1];
	int fd;

	snprintf(reached, sizeof(reached), "%s.reached", path);
	fd = open(reached, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	snprintf(line, sizeof(line), "%s\n", name);
	if (write(fd, line, strlen(line)) < 0)
		perror(reached);
	close(fd);
}

/* What the file says of this point; false when it says nothing, or another thread was faster. */
static bool is_asked(const char *path, const char *name, char action[static 16], char what[static 16])
{
	char line[128] = "", point[NAME_ROOM] = "", fired[PATH_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, line, sizeof(line) - 1) < 0)
		line[0] = '\0';
	close(fd);
	if (sscanf(line, "%63s %15s %15s", point, action, what) < 2 || strcmp(point, name) != 0)
		return false;
	snprintf(fired, sizeof(fired), "%s.fired", path);
	return rename(path, fired) == 0;
}

static int errno_of(const char *what)
{
	for (size_t i = 0; i < CF_COUNT(errnos); i++)
		if (strcmp(errnos[i].name, what) == 0)
			return errnos[i].number;

	return EIO;
}

/* Such a signal is for the whole process, and may find another thread first: this one goes no further meanwhile. */
static void end_by(int signal)
{
	kill(getpid(), signal);
	nanosleep(&(struct timespec){ .tv_nsec = 100 * 1000000 }, NULL);
}

static int act(const char *action, const char *what)
{
	if (strcmp(action, "kill") == 0)
		end_by(SIGKILL);
	if (strcmp(action, "stop") == 0)
		end_by(SIGSTOP);
	if (strcmp(action, "sleep") == 0) {
		long ms = strtol(what, NULL, 10);

		nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
	}
	return strcmp(action, "fail") == 0 ? errno_of(what) : 0;
}

static int reach(const char *name)
{
	const char *path = secure_getenv("CLOCKFERRY_FAULTS");
	char action[16] = "", what[16] = "";

	if (!path)
		return 0;
	note_reached(path, name);
	return is_asked(path, name, action, what) ? act(action, what) : 0;
}

void fault_reach(enum fault_point point)
{
	reach(names[point]);
}

int fault_fails(enum fault_point point)
{
	return reach(names[point]);
}

void fault_reach_phase(enum cf_side side, enum cf_phase phase, enum fault_moment moment)
{
	char name[NAME_ROOM];

	name_of(side, phase, moment, name);
	reach(name);
}

/* Is there an edge into it, and an act of that? */
static bool is_lived(enum cf_side side, enum cf_phase phase)
{
	for (int from = 0; from < CF_N_PHASES; from++)
		for (int on = 0; on < CF_N_EVENTS; on++) {
			const struct cf_edge *edge = cf_phase_next(side, from, on);

			if (edge && edge->to == phase)
				return true;
		}
	return false;
}

void fault_list(void (*fn)(void *userdata, const char *name), void *userdata)
{
	char name[NAME_ROOM];

	for (int point = 0; point < FAULT_N_POINTS; point++)
		fn(userdata, names[point]);
	for (int side = CF_SOURCE; side <= CF_DESTINATION; side++)
		for (int phase = 1; phase < CF_N_PHASES; phase++)
			for (int moment = 0; is_lived(side, phase) && moment < FAULT_N_MOMENTS; moment++) {
				name_of(side, phase, moment, name);
				fn(userdata, name);
			}
}
