/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A build with --enable-faults fails where it is asked to, once, and says where it has been.  Without,
 * this has nothing to try.  --points lists what there is.
 */

#include "daemon/fault.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/ledger/marks.h"
#include "tests/tap.h"

#ifdef CF_FAULTS

#define ID "7c0e58e1-6d4f-4d0e-9a53-2f6a0c1b7e11"

static char folder[] = "/tmp/test-fault-XXXXXX";
static char control[64], fired[64], reached[64];

static void ask(const char *line)
{
	FILE *file = fopen(control, "w");

	fprintf(file, "%s\n", line);
	fclose(file);
	unlink(fired);
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Was it reached, by whoever has run since the last time? */
static bool was_reached(const char *name)
{
	char line[128];
	FILE *file = fopen(reached, "r");
	bool found = false;

	while (file && fgets(line, sizeof(line), file))
		found = found || (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == '\n');
	if (file)
		fclose(file);
	return found;
}

/* The status of a child that sets a mark. */
static int set_mark(mark_word word, bool stops)
{
	struct marks_options options = { .durable = true };
	struct marks *marks;
	struct cf_error err;
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		snprintf(options.path, sizeof(options.path), "%s/marks", folder);
		if (marks_new(&marks, &options, &err) < 0)
			_exit(100);
		_exit(mark_set(marks, ID, word, &err) < 0 ? 1 : 0);
	}
	waitpid(child, &status, stops ? WUNTRACED : 0);
	if (stops) {
		kill(child, SIGCONT);
		waitpid(child, NULL, 0);
	}
	return status;
}

static mark_word mark(void)
{
	struct marks_options options = { .durable = true };
	mark_word word = 99;
	struct marks *marks;
	struct cf_error err;

	snprintf(options.path, sizeof(options.path), "%s/marks", folder);
	if (marks_new(&marks, &options, &err) == 0)
		mark_get(marks, ID, &word, &err);
	marks_free(marks);
	return word;
}

static void test_actions(void)
{
	struct timespec before, after;
	int status;

	ok(set_mark(1, false) == 0 && mark() == 1 && was_reached("mark-before") && was_reached("mark-durable"),
	   "without being asked it fails nowhere, and says where it has been");
	ask("mark-before kill");
	status = set_mark(2, false);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && mark() == 1, "killed before a mark is set: it is the old one");
	ok(!is_there(control) && is_there(fired), "what was done is not asked for any more");
	ok(set_mark(3, false) == 0 && mark() == 3, "... nor done again");
	ask("mark-stored kill");
	ok(WIFSIGNALED(set_mark(4, false)) && mark() == 4, "killed when it is stored: the agent's death does not take it back");
	ask("mark-durable kill");
	ok(WIFSIGNALED(set_mark(5, false)) && mark() == 5, "killed when it is durable");
	ask("mark-stored fail ENOSPC");
	status = set_mark(6, false);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 1 && is_there(fired), "it fails as it would by itself");
	ask("mark-before stop");
	ok(WIFSTOPPED(set_mark(7, true)) && mark() == 7, "it stops, and goes on when it may");
	ask("mark-before sleep 200");
	clock_gettime(CLOCK_MONOTONIC, &before);
	set_mark(8, false);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ok((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >= 200, "it sleeps");
	ask("source-armed-noted kill");
	ok(set_mark(9, false) == 0 && is_there(control), "what is asked of another point waits for that");
	fault_reach_phase(CF_SOURCE, CF_PHASE_ARMED, FAULT_TAKEN);
	ok(is_there(control) && was_reached("source-armed-taken"), "... and for its moment");
}

struct seen {
	char names[512][64];
	int n, twice;
};

static void see(void *userdata, const char *name)
{
	struct seen *seen = userdata;

	for (int i = 0; i < seen->n; i++)
		seen->twice += strcmp(seen->names[i], name) == 0;
	snprintf(seen->names[seen->n++], sizeof(seen->names[0]), "%s", name);
}

static void print(void *userdata, const char *name)
{
	(void)userdata;
	puts(name);
}

static void test_list(void)
{
	static struct seen seen;

	fault_list(see, &seen);
	ok(seen.n > 100 && seen.twice == 0, "%d points have a name each", seen.n);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--points") == 0) {
		fault_list(print, NULL);
		return 0;
	}
	if (!mkdtemp(folder))
		return 99;
	snprintf(control, sizeof(control), "%s/faults", folder);
	snprintf(fired, sizeof(fired), "%s/faults.fired", folder);
	snprintf(reached, sizeof(reached), "%s/faults.reached", folder);
	setenv("CLOCKFERRY_FAULTS", control, 1);

	test_list();
	test_actions();

	unlink(control);
	unlink(fired);
	unlink(reached);
	snprintf(control, sizeof(control), "%s/marks", folder);
	unlink(control);
	ok(rmdir(folder) == 0, "nothing is left behind");
	return done();
}

#else

/* An errno that nothing set: the macros are of no effect, in an expression too. */
int main(void)
{
	int failed = FAULT_FAILS(MARK_STORED);

	FAULT(MARK_BEFORE);
	FAULT_PHASE(CF_SOURCE, CF_PHASE_ARMED, TAKEN);
	ok(failed == 0, "in a build that ships no point ever fails");
	return done();
}

#endif
