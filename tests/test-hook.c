/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What libvirt's hook reads: the domain's XML, the agent's answer, and its own settings. */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hook/answer.h"
#include "hook/settings.h"
#include "hook/uuid.h"
#include "proto/base.h"
#include "proto/codec.h"
#include "proto/guard.h"
#include "tests/tap.h"

#define U "8e1bd050-10c5-4610-90c4-bc7ee5f42728"
#define V "11111111-2222-4333-8444-555555555555"

static const struct {
	const char *sentence, *xml, *uuid;	/* NULL: there is none */
} domains[] = {
	{ "a domain's uuid", "<domain type='kvm' id='3'><name>g</name><uuid>" U "</uuid></domain>", U },
	{ "one in capitals", "<domain><uuid>8E1BD050-10C5-4610-90C4-BC7EE5F42728</uuid>", U },
	{ "one with white space", "<?xml version='1.0'?>\n<domain>\n <uuid >\n " U "\n</uuid>", U },
	{ "one behind metadata with others", "<domain><metadata><n:i xmlns:n='u'><uuid>" V "</uuid></n:i></metadata><uuid>" U
		"</uuid></domain>", U },
	{ "one behind a comment", "<!-- <domain><uuid>" V "</uuid> --><domain><!-- > <uuid>" V "</uuid>--><uuid>" U "</uuid>", U },
	{ "one behind a title in CDATA", "<domain><title><![CDATA[<uuid>" V "</uuid>]]></title><uuid>" U "</uuid>", U },
	{ "one behind quotes with tags in them", "<domain a='><uuid>" V "</uuid>' b=\">\"><x y='/>'/><uuid>" U "</uuid>", U },
	{ "one behind an empty element", "<domain><x/><y /><uuid>" U "</uuid>", U },
	{ "the first of two", "<domain><uuid>" U "</uuid><uuid>" V "</uuid>", U },
	{ "nothing", "", NULL },
	{ "no XML", "is this a domain?", NULL },
	{ "no uuid", "<domain><name>g</name></domain>", NULL },
	{ "one that is not whole yet", "<domain><uuid>8e1bd050-10c5-4610-90c4-bc7ee5f4272", NULL },
	{ "one whose end has not come yet", "<domain><uuid>" U, NULL },
	{ "one that is too long", "<domain><uuid>" U "0</uuid>", NULL },
	{ "one without dashes", "<domain><uuid>8e1bd05010c5461090c4bc7ee5f42728</uuid>", NULL },
	{ "words in its place", "<domain><uuid>not one of those, but as long as one</uuid>", NULL },
	{ "a root that is the uuid", "<uuid>" U "</uuid>", NULL },
	{ "one further down", "<domain><os><uuid>" U "</uuid></os></domain>", NULL },
	{ "an element whose name only begins so", "<domain><uuids>" U "</uuids></domain>", NULL },
	{ "a comment without end", "<domain><!-- <uuid>" U "</uuid>", NULL },
	{ "a tag without end", "<domain><uuid", NULL },
	{ "a closing tag too many", "</x></x><domain><uuid>" U "</uuid>", U },
};

static void test_uuid(void)
{
	for (size_t i = 0; i < CF_COUNT(domains); i++) {
		char uuid[UUID_ROOM] = "untouched";
		bool found = uuid_find(domains[i].xml, strlen(domains[i].xml), uuid);

		ok(found == !!domains[i].uuid && strcmp(uuid, found ? domains[i].uuid : "untouched") == 0, "%s: %s",
		   domains[i].sentence, domains[i].uuid ? "found" : "none");
	}
}

/* Byte by byte, as a pipe may deliver it: found late or never, but never another one. */
static void test_pieces(void)
{
	const char *xml = domains[3].xml;
	size_t found_at = 0;
	bool wrong = false;

	for (size_t n = 0; n <= strlen(xml); n++) {
		char *part = malloc(n ? n : 1), uuid[UUID_ROOM];

		memcpy(part, xml, n);
		if (uuid_find(part, n, uuid)) {
			found_at = found_at ? found_at : n;
			wrong |= strcmp(uuid, U) != 0;
		} else {
			wrong |= found_at > 0;
		}
		free(part);
	}
	ok(found_at > 0 && !wrong, "of a domain in pieces the uuid is found when it is there, and no other before");
}

static const struct {
	const char *sentence, *body;
	bool is_answer, let_in;
	const char *text;
} answers[] = {
	{ "yes", "{\"let_in\":true,\"text\":\"\"}", true, true, "" },
	{ "no, and why", "{\"let_in\":false,\"text\":\"hB: no\"}", true, false, "hB: no" },
	{ "in another order, with white space", " { \"text\" : \"why\" ,\n\"let_in\" : false } ", true, false, "why" },
	{ "among others", "{\"a\":[1,{\"let_in\":true}],\"b\":{\"text\":\"x}\"},\"let_in\":false,\"c\":null}", true, false, "" },
	{ "escapes", "{\"let_in\":false,\"text\":\"\\\"a\\\\b\\/ \\n\\u00e4.\"}", true, false, "\"a\\b/ ??." },
	{ "neither", "{\"let_in\":null,\"text\":\"\"}", false, false, "" },
	{ "a word that is none", "{\"let_in\":truely}", false, false, "" },
	{ "a yes in quotes", "{\"let_in\":\"true\"}", false, false, "" },
	{ "nothing of it", "{}", false, false, "" },
	{ "a list", "[{\"let_in\":true}]", false, false, "" },
	{ "half of it", "{\"let_in\":true", false, false, "" },
	{ "half a string", "{\"let_in\":true,\"text\":\"", false, false, "" },
	{ "a string that ends in a backslash", "{\"let_in\":true,\"text\":\"\\", false, false, "" },
	{ "no body", "", false, false, "" },
};

static bool read_body(const char *head, const char *body, bool *let_in, char text[static ANSWER_TEXT_ROOM])
{
	size_t n = strlen(head) + strlen(body);
	char *all = malloc(n + 1);
	bool r;

	sprintf(all, "%s%s", head, body);
	r = answer_read(all, n, let_in, text);
	free(all);
	return r;
}

static void test_answers(void)
{
	for (size_t i = 0; i < CF_COUNT(answers); i++) {
		char text[ANSWER_TEXT_ROOM] = "";
		bool let_in = false;
		bool r = read_body("HTTP/1.1 200 OK\r\nX: y\r\n\r\n", answers[i].body, &let_in, text);

		ok(r == answers[i].is_answer && let_in == answers[i].let_in && strcmp(text, answers[i].text) == 0,
		   "an answer of %s is %s", answers[i].sentence, answers[i].is_answer ? "read" : "none");
	}
}

/* What is no plain yes or no opens nothing by itself. */
static void test_other_answers(void)
{
	static const char *const heads[] = {
		"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP/1.1 500 No\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "220 ready\r\n\r\n",
		"HTTP/1.1 200 OK\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "",
	};
	char text[ANSWER_TEXT_ROOM];
	bool let_in;

	for (size_t i = 0; i < CF_COUNT(heads); i++)
		ok(!read_body(heads[i], "{\"let_in\":true}", &let_in, text), "a yes behind head %zu is none", i);
}

/* What the agent's own encoder makes of one is read, long texts and findings included. */
static void test_real_answer(void)
{
	struct cf_guard_answer *reply = calloc(1, sizeof(*reply)), *same = calloc(1, sizeof(*same));
	char text[ANSWER_TEXT_ROOM], *body;
	bool let_in = true;

	reply->mode = CF_GUARD_ENFORCE;
	memset(reply->text, 'x', sizeof(reply->text) - 1);
	memcpy(reply->text, "\"\\\n", 3);
	reply->n_findings = 2;
	for (size_t i = 0; i < 2; i++) {
		reply->findings[i] = (struct cf_finding){ .code = CF_FINDING_SKEW, .severity = CF_SEVERITY_REFUSE };
		strcpy(reply->findings[i].detail, "{\"let_in\":true,\"text\":\"}]\"}");
	}
	body = cf_encode(&cf_guard_answer_shape, reply, CF_MINOR);
	ok(body && read_body("HTTP/1.1 200 OK\r\n\r\n", body, &let_in, text) && !let_in &&
	   strlen(text) == sizeof(reply->text) - 1 && strncmp(text, "\"\\?xx", 5) == 0,
	   "an answer as the agent writes it is read whole");
	ok(body && cf_decode(&cf_guard_answer_shape, CF_STRICT, body, strlen(body), same, NULL) == 0 && !same->let_in,
	   "and is one of the API");
	free(body);
	free(reply);
	free(same);
}

static void test_whole(void)
{
	static const char response[] = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 3\r\n\r\nabc";
	size_t n = 0;

	while (n < sizeof(response) && !answer_whole(response, n))
		n++;
	ok(n == sizeof(response) - 1, "an answer is whole when as much came as it says");
	ok(!answer_whole("HTTP/1.1 200 OK\r\n\r\nabc", 22), "of one that does not say, the end tells");
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
}

static void test_settings(void)
{
	static const struct {
		const char *sentence, *text;
		cf_span deadline;
		bool closed;
	} rows[] = {
		{ "as the agent writes them", "deadline-ms 250\nwithout-agent closed\n", { 250 * CF_MS }, true },
		{ "open", "deadline-ms 250\nwithout-agent open\n", { 250 * CF_MS }, false },
		{ "an empty file", "", { CF_S }, false },
		{ "lines of a newer agent", "colour red\n\nwithout-agent closed\n", { CF_S }, true },
		{ "a word that is not known", "without-agent ajar\n", { CF_S }, true },
		{ "a deadline of nothing", "deadline-ms 0\n", { CF_S }, false },
		{ "a deadline beyond all", "deadline-ms 99999999999999999999\n", { 60 * CF_S }, false },
		{ "a line that does not end", "without-agent closed", { CF_S }, false },
	};
	char folder[] = "/tmp/test-hook.XXXXXX", path[64];
	struct hook_settings s;

	if (!mkdtemp(folder))
		exit(1);
	snprintf(path, sizeof(path), "%s/hook", folder);
	hook_settings_read(path, &s);
	ok(!s.closed && s.deadline.ns == CF_S, "without a file an agent has never run: open");
	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		put(path, rows[i].text);
		hook_settings_read(path, &s);
		ok(s.closed == rows[i].closed && s.deadline.ns == rows[i].deadline.ns, "settings: %s", rows[i].sentence);
	}
	unlink(path);
	hook_settings_read(folder, &s);
	ok(s.closed, "settings that cannot be read: closed");
	rmdir(folder);
}

int main(void)
{
	test_uuid();
	test_pieces();
	test_answers();
	test_other_answers();
	test_real_answer();
	test_whole();
	test_settings();
	return done();
}
