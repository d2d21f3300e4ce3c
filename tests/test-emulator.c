/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Emulators that answer well, badly, late and not at all: shell scripts, which
 * also count how often they are asked.
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/emulator.h"
#include "proto/base.h"
#include "tests/tap.h"

#define GREETING "echo '{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}}}}'\n"
#define WAIT     "while read -r line; do case $line in *quit*) break ;; esac; done\n"
#define PLAIN    "{\"name\": \"x-mach-use-reliable-get-clock\", \"type\": \"bool\"}"
#define PROPERTY "{\"name\": \"x-account-downtime\", \"type\": \"bool\"}"
#define REPLY(x) "printf '{\"return\": {}}\\r\\n" x "\\r\\n{\"return\": {}, \"id\": \"q\"}\\r\\n'\n"

static const struct {
	const char *sentence;
	const char *script;
	int r;			/* 0: it answers */
	bool answer;
} cases[] = {
	{ "one that corrects itself",
	  GREETING WAIT REPLY("{\"return\": [" PLAIN ", " PROPERTY "], \"id\": \"properties\"}"),
	  0, true },
	{ "one that does not", GREETING WAIT REPLY("{\"return\": [" PLAIN "], \"id\": \"properties\"}"), 0,
	  false },
	{ "one that knows no such device",
	  GREETING WAIT REPLY("{\"error\": {\"class\": \"DeviceNotFound\"}, \"id\": \"properties\"}"),
	  0, false },
	{ "the word in another answer is none",
	  GREETING WAIT REPLY("{\"return\": \"x-account-downtime\", \"id\": \"z\"}\\r\\n"
			      "{\"return\": [], \"id\": \"properties\"}"),
	  0, false },
	{ "one that does not answer that", GREETING WAIT REPLY(""), -EPROTO, false },
	{ "one that ends at once", "exit 1\n", -EPROTO, false },
	{ "one that talks too much", "yes '{\"id\": \"x\"}'\n", -EPROTO, false },
	{ "one that never answers", GREETING "exec sleep 600\n", -ETIMEDOUT, false },
};

static char top[] = "/tmp/test-emulator.XXXXXX";
static char binary[128], log_file[128];

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static void drop_all(void)
{
	nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Each is a newer file than the one before it: that is what makes it another binary. */
static void write_script(const char *script, int when)
{
	struct timespec times[2] = { { .tv_sec = 1700000000 + when }, { .tv_sec = 1700000000 + when } };
	FILE *file = fopen(binary, "w");

	fprintf(file, "#!/bin/sh\necho \"$*\" >>%s\n%s", log_file, script);
	fchmod(fileno(file), 0700);
	fclose(file);
	utimensat(AT_FDCWD, binary, times, 0);
}

static int count_lines(void)
{
	FILE *file = fopen(log_file, "r");
	int lines = 0;
	int c;

	while (file && (c = getc(file)) != EOF)
		lines += c == '\n';
	if (file)
		fclose(file);
	return lines;
}

static int ask(bool *answer)
{
	/* What an overloaded machine needs for a shell, and what a test waits for one that never answers. */
	return emulator_self_corrects(binary, (cf_span){ 20 * CF_S }, answer, NULL);
}

static void test_cache(int when)
{
	bool answer;
	int asked;

	write_script(cases[0].script, when);
	asked = count_lines();
	ok(ask(&answer) == 0 && answer && count_lines() == asked + 1, "it is asked");
	ok(ask(&answer) == 0 && answer && count_lines() == asked + 1, "once");
	write_script(cases[1].script, when + 1);
	ok(ask(&answer) == 0 && !answer && count_lines() == asked + 2, "and again when it is another");
	write_script(cases[5].script, when + 2);
	ask(&answer);
	ok(ask(&answer) < 0 && count_lines() == asked + 4, "no answer is not remembered");
}

int main(void)
{
	struct cf_error err;
	bool answer = true;

	if (!mkdtemp(top)) {
		printf("Bail out! no folder\n");
		return 1;
	}
	atexit(drop_all);
	snprintf(binary, sizeof(binary), "%s/qemu", top);
	snprintf(log_file, sizeof(log_file), "%s/log", top);

	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		cf_span patience = { cases[i].r == -ETIMEDOUT ? 300 * CF_MS : 60 * CF_S };
		int r;

		write_script(cases[i].script, (int)i);
		answer = !cases[i].answer;
		r = emulator_self_corrects(binary, patience, &answer, &err);
		ok(r == cases[i].r && (r < 0 || answer == cases[i].answer), "%s", cases[i].sentence);
		ok(r == 0 || answer == !cases[i].answer, "... and nothing is said without an answer");
	}
	ok(emulator_self_corrects("/nonexistent/qemu", (cf_span){ CF_S }, &answer, &err) == -ENOENT,
	   "one that is not there");
	ok(emulator_self_corrects("qemu", (cf_span){ CF_S }, &answer, &err) == -EINVAL,
	   "one that stands nowhere");
	test_cache(100);
	return done();
}
