/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/agent.h"
#include "daemon/settings.h"
#include "proto/api.h"

/* A file of settings that is not there, which the unit does not try again by itself; or a fault in one that is only looked at. */
#define NOT_CONFIGURED 6

/*
 * Memory of at least so much is mapped by itself and gone when it is freed.  The allocator would
 * raise this at the first such piece that is freed, and from then on keep all of them in its heaps,
 * among what stays: twice the memory of an agent at rest (bench/rest).
 */
#define MAPPED_ALONE (128 * 1024)

enum { OPTION_CHECK = 256, OPTION_PRINT, OPTION_DEFAULTS, OPTION_API };

static const struct option options[] = {
	{ "config",         required_argument, NULL, 'c' },
	{ "check-config",   no_argument,       NULL, OPTION_CHECK },
	{ "print-settings", no_argument,       NULL, OPTION_PRINT },
	{ "print-defaults", no_argument,       NULL, OPTION_DEFAULTS },
	{ "print-api",      no_argument,       NULL, OPTION_API },
	{ "help",           no_argument,       NULL, 'h' },
	{ "version",        no_argument,       NULL, 'V' },
	{ NULL },
};

static const char help[] =
	"clockferryd [OPTION...]\n"
	"The agent of clockferry on this host; systemd starts it.\n\n"
	"  -c, --config PATH     read settings from PATH, not " SETTINGS_PATH "\n"
	"      --check-config    say what is wrong with the settings, and leave\n"
	"      --print-settings  print the settings in force, and leave\n"
	"      --print-defaults  print an example with every setting, and leave\n"
	"      --print-api       print the HTTP API with every message, and leave\n"
	"  -h, --help            print this, and leave\n"
	"  -V, --version         print the version, and leave\n\n"
	"See clockferryd(8) and clockferryd.conf(5).\n";

static int fail(const struct cf_error *err)
{
	fprintf(stderr, "clockferryd: %s\n", err->text);
	return err->code == CF_BAD_REQUEST ? NOT_CONFIGURED : EXIT_FAILURE;
}

/* There is no need for a file of settings, but for one that somebody named. */
static int missing(const char *path)
{
	fprintf(stderr, "clockferryd: %s: %s\n", path, strerror(errno));
	return NOT_CONFIGURED;
}

/* Leaves as --check-config and --print-settings do: the second is the first, aloud. */
static int look(const char *path, bool print)
{
	CF_AUTO(settings_free) struct settings *settings = NULL;
	struct cf_error err;

	if (settings_read(path, &settings, &err) < 0)
		return fail(&err);
	if (print)
		settings_print(settings, stdout);
	return EXIT_SUCCESS;
}

static int print_api(void)
{
	CF_AUTO(cf_free) char *text = cf_api();

	return text && fputs(text, stdout) >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const char *path)
{
	const struct agent_options agent_options = { .settings_path = path };
	CF_AUTO(agent_free) struct agent *agent = NULL;
	struct cf_error err;

	mallopt(M_MMAP_THRESHOLD, MAPPED_ALONE);
	if (agent_new(&agent, &agent_options, &err) < 0 || agent_run(agent, &err) < 0)
		return fail(&err);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	static const char default_path[] = SETTINGS_PATH;
	const char *path = default_path;
	int option, what = 0;

	while ((option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		if (option == '?')
			return 2;
		if (option == 'c')
			path = optarg;
		else
			what = option;
	}
	if (path != default_path && access(path, F_OK) < 0)
		return missing(path);
	if (optind < argc) {
		fprintf(stderr, "clockferryd: what is '%s'? see --help\n", argv[optind]);
		return 2;
	}

	switch (what) {
	case 'h':
		fputs(help, stdout);
		return EXIT_SUCCESS;
	case 'V':
		puts("clockferryd " VERSION_TEXT);
		return EXIT_SUCCESS;
	case OPTION_DEFAULTS:
		settings_print(NULL, stdout);
		return EXIT_SUCCESS;
	case OPTION_API:
		return print_api();
	case OPTION_CHECK:
	case OPTION_PRINT:
		return look(path, what == OPTION_PRINT);
	default:
		return run(path);
	}
}
