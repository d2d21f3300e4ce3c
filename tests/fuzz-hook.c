/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What libvirt's hook reads: a domain's XML, and an agent's answer. */

#include <string.h>

#include "hook/answer.h"
#include "hook/uuid.h"
#include "tests/fuzz.h"

static void take_xml(const char *text, size_t size)
{
	char uuid[UUID_ROOM];

	if (!uuid_find(text, size, uuid))
		return;
	must(strlen(uuid) == UUID_ROOM - 1 && strspn(uuid, "0123456789abcdef-") == UUID_ROOM - 1);
}

static void take_answer(const char *text, size_t size)
{
	char line[ANSWER_TEXT_ROOM];
	bool let_in;

	answer_whole(text, size);
	if (!answer_read(text, size, &let_in, line))
		return;
	must(strnlen(line, sizeof(line)) < sizeof(line) && !strpbrk(line, "\n\r\t\033"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
	char *text = malloc(size + sizeof(head));

	must(text);
	memcpy(text, data, size);
	take_xml(text, size);
	take_answer(text, size);
	memcpy(text, head, sizeof(head) - 1);
	memcpy(text + sizeof(head) - 1, data, size);
	take_answer(text, size + sizeof(head) - 1);
	free(text);
	return 0;
}
