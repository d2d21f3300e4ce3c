/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a guest is told through its agent: the commands as they are sent, and what comes back. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/virt/notice.h"
#include "daemon/virt/vmclock.h"
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
	is(notice_open_command("/run/x", "w"), "{\"execute\":\"guest-file-open\",\"arguments\":{\"mode\":\"w\",\"path\":\"/run/x\"}}",
	   "a file is opened");
	is(notice_write_command(1000, "{\"a\":1}\n"),
	   "{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":1000,\"buf-b64\":\"eyJhIjoxfQo=\"}}", "and written");
	is(notice_close_command(1000), "{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":1000}}", "and closed");
	is(notice_open_command("/dev/vmclock0", "r"),
	   "{\"execute\":\"guest-file-open\",\"arguments\":{\"mode\":\"r\",\"path\":\"/dev/vmclock0\"}}", "one is opened to be read");
	is(notice_read_command(1000, 24), "{\"execute\":\"guest-file-read\",\"arguments\":{\"handle\":1000,\"count\":24}}", "and read");
	is(notice_exec_command("/bin/x", "{\"a\":\"b\\c\"}"),
	   "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/bin/x\",\"arg\":[\"{\\u0022a\\u0022:\\u0022b\\u005cc\\u0022}\"]}}",
	   "a program is run, with quotes in what it is told");
	is(notice_open_command("/x\"},\n", "w"), "{\"execute\":\"guest-file-open\",\"arguments\":{\"mode\":\"w\",\"path\":\"/x\\u0022},\\u000a\"}}",
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

/*
 * What the agent reads from /dev/vmclock0: magic, size 4096, version 1, counter and time type, sequence, marker.
 * VCLK 00100000 0100 01 01 SEQUENCE MARKER
 */
static void test_marker(void)
{
	static const struct {
		const char *sentence, *base64;
		int r;
		uint64_t marker;
	} rows[] = {
		{ "a marker", "VkNMSwAQAAABAAEBAgAAAAUAAAAAAAAA", 0, 5 },
		{ "one of 64 bits", "VkNMSwAQAAABAAEBAgAAAP7///////+/", 0, UINT64_C(0xbffffffffffffffe) },
		{ "one that is being written", "VkNMSwAQAAABAAEBAwAAAAUAAAAAAAAA", -EAGAIN, 0 },
		{ "a page of something else", "VkNMTAAQAAABAAEBAgAAAAUAAAAAAAAA", -EPROTO, 0 },
		{ "less than its head", "VkNMSwAQAAABAAEBAgAAAAUAAAAAAAA=", -EPROTO, 0 },
		{ "more than was asked for", "VkNMSwAQAAABAAEBAgAAAAUAAAAAAAAAAAAA", -EPROTO, 0 },
		{ "an empty file", "", -EPROTO, 0 },
		{ "what is no base64", "VkNMSwAQAAABAAEBAgAAAAUAAAAAAA*=", -EPROTO, 0 },
	};
	static const char *const none[] = { "{\"return\":{}}", "{\"return\":{\"buf-b64\"", "{\"return\":{\"buf-b64\":", "" };
	struct cf_error err;

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		char reply[128];
		int64_t marker = -7;
		int r;

		snprintf(reply, sizeof(reply), "{\"return\":{\"count\":24,\"buf-b64\": \"%s\",\"eof\":false}}\n", rows[i].base64);
		r = vmclock_marker(reply, &marker, &err);
		ok(r == rows[i].r && marker == (r == 0 ? (int64_t)rows[i].marker : -7), "vmclock: %s: %d", rows[i].sentence, r);
	}
	for (size_t i = 0; i < CF_COUNT(none); i++) {
		int64_t marker = -7;

		ok(vmclock_marker(none[i], &marker, &err) == -EPROTO && marker == -7, "vmclock: a reply of %s", none[i]);
	}
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
	test_marker();
	test_message();
	return done();
}
