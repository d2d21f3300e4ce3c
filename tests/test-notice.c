/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a guest is told through its agent: the commands as they are sent, and what comes back. */

#include <stdlib.h>
#include <string.h>

#include "daemon/virt/notice.h"
#include "proto/base.h"
#include "proto/codec.h"
#include "proto/notice.h"
#include "tests/tap.h"

static void is(char *command, const char *wanted, const char *sentence)
{
	ok(command && strcmp(command, wanted) == 0, "%s: %s", sentence, command ? command : "nothing");
	free(command);
}

static void test_commands(void)
{
	is(notice_open_command("/run/x"), "{\"execute\":\"guest-file-open\",\"arguments\":{\"mode\":\"w\",\"path\":\"/run/x\"}}",
	   "a file is opened");
	is(notice_write_command(1000, "{\"a\":1}\n"),
	   "{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":1000,\"buf-b64\":\"eyJhIjoxfQo=\"}}", "and written");
	is(notice_close_command(1000), "{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":1000}}", "and closed");
	is(notice_exec_command("/bin/x", "{\"a\":\"b\\c\"}"),
	   "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/bin/x\",\"arg\":[\"{\\u0022a\\u0022:\\u0022b\\u005cc\\u0022}\"]}}",
	   "a program is run, with quotes in what it is told");
	is(notice_open_command("/x\"},\n"), "{\"execute\":\"guest-file-open\",\"arguments\":{\"mode\":\"w\",\"path\":\"/x\\u0022},\\u000a\"}}",
	   "a path cannot get out of its quotes");
}

static void test_replies(void)
{
	static const struct {
		const char *reply;
		int64_t returned;
	} rows[] = {
		{ "{\"return\":1000}", 1000 }, { "{\"return\" : 7}\n", 7 }, { "{\"return\":{}}", -1 }, { "{\"return\":-3}", -1 },
		{ "{\"error\":{\"class\":\"x\"}}", -1 }, { "", -1 }, { "{\"return\"", -1 }, { "{\"return\":", -1 },
		{ "{\"return\":99999999999999999999999}", INT64_MAX },
	};

	for (size_t i = 0; i < CF_COUNT(rows); i++)
		ok(notice_returned(rows[i].reply) == rows[i].returned, "a reply of %s", rows[i].reply);
}

/* As the guest reads it. */
static void test_message(void)
{
	const struct cf_notice_message message = {
		.migration = "7c0e58e1-6d4f-4d0e-9a53-2f6a0c1b7e11", .has_void_from = true, .void_from = { 1700000000 * CF_S },
		.void_until = { 1700000001 * CF_S }, .has_residual = true, .residual = { { -5 }, { 7 } },
	};
	char *text = cf_encode(&cf_notice_message_shape, &message, CF_MINOR);

	ok(text && strcmp(text, "{\"migration\":\"7c0e58e1-6d4f-4d0e-9a53-2f6a0c1b7e11\",\"void_from\":\"2023-11-14T22:13:20.000000000Z\","
			  "\"void_until\":\"2023-11-14T22:13:21.000000000Z\",\"residual\":{\"low_ns\":-5,\"high_ns\":7}}") == 0,
	   "a notice: %s", text ? text : "nothing");
	free(text);
}

int main(void)
{
	test_commands();
	test_replies();
	test_message();
	return done();
}
