/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * clockferry, the operator's command: reads the command line, asks an agent,
 * and says what it answered.  It has no opinion of its own.
 */

#include <errno.h>
#include <locale.h>
#include <string.h>

#include "client/json.h"
#include "client/options.h"
#include "client/say.h"
#include "client/show.h"

/* Why it did not work; with --json, what the agent itself said of it. */
static int report(struct ask *ask, const struct cf_error *err)
{
	const struct cf_problem *problem = ask->reply.problem;

	say(stderr, "clockferry: %s", err->text);
	if (problem && ask->json)
		json_print(ask->to, ask->reply.text, ask->reply.size);
	else if (problem)
		show_findings(stderr, "", problem->findings, problem->n_findings);
	return cf_code_exit(err->code);
}

static int run(struct ask *ask)
{
	struct cf_error err = { 0 };
	int r;

	r = call_new(&ask->call, &ask->whom, &err);
	if (r == 0)
		r = ask->command->run(ask, &err);
	if (r < 0)
		r = report(ask, &err);

	reply_clear(&ask->reply);
	call_free(ask->call);
	return r;
}

/* A full disk or a closed pipe must not look like success. */
static int finish(FILE *to, int status)
{
	bool failed = ferror(to);

	errno = 0;
	if (fclose(to) != 0 || failed) {
		say(stderr, "clockferry: not all could be written%s%s", errno ? ": " : "",
		    errno ? strerror(errno) : "");
		return status == EXIT_CLEAN ? EXIT_FAILED : status;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct cf_error err = { 0 };
	struct ask ask = { 0 };
	int what;

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);

	what = options_read(argc, argv, &ask, &err);
	if (what < 0) {
		say(stderr, "clockferry: %s", err.text);
		return EXIT_USAGE;
	}
	if (what == OPTIONS_RUN)
		return finish(ask.to, run(&ask));
	if (what == OPTIONS_HELP)
		options_help(ask.to, ask.command);
	else
		say(ask.to, "clockferry %s", VERSION_TEXT);
	return finish(ask.to, EXIT_CLEAN);
}
