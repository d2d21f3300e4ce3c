/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hook/answer.h"

#include <string.h>
#include <strings.h>

/*
 * The members of one object are walked over, and two of them read.  The agent's own
 * decoder is not used: it takes a library, and without it this program could not even
 * say yes where it has nothing to say.
 */

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
		at++;
	return at;
}

/* Behind the string that begins at `at`; NULL when it does not end. */
static const char *skip_string(const char *at, const char *end)
{
	for (at++; at < end; at++) {
		if (*at == '"')
			return at + 1;
		at += *at == '\\';
	}
	return NULL;
}

/* Behind the value at `at`, whatever it is; NULL when it does not end. */
static const char *skip_value(const char *at, const char *end)
{
	size_t depth = 0;

	while (at && at < end) {
		if (*at == '"') {
			at = skip_string(at, end);
		} else if (*at == '{' || *at == '[') {
			depth++;
			at++;
		} else if (*at == '}' || *at == ']') {
			if (depth == 0)
				return at;
			depth--;
			at++;
		} else if (depth == 0 && (*at == ',' || skip_space(at, end) > at)) {
			return at;
		} else {
			at++;
		}
		if (at && depth == 0 && (at[-1] == '"' || at[-1] == '}' || at[-1] == ']'))
			return at;
	}
	return NULL;
}

/* A string as one line; of its escapes those that the agent writes. */
static void copy(const char *at, const char *end, char ret[static ANSWER_TEXT_ROOM])
{
	size_t n = 0;

	for (at++; at < end - 1 && n < ANSWER_TEXT_ROOM - 1; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '\\') {
			c = (unsigned char)*++at;
			if (c == 'u')
				at += end - 1 - at > 4 ? 4 : end - 2 - at;
			if (c != '"' && c != '\\' && c != '/')
				c = '?';
		}
		ret[n++] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
	}
	ret[n] = '\0';
}

static bool is(const char *at, const char *end, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(end - at) == n && memcmp(at, word, n) == 0;
}

static bool read_object(const char *at, const char *end, bool *let_in, char text[static ANSWER_TEXT_ROOM])
{
	const char *key, *key_end, *value;
	char line[ANSWER_TEXT_ROOM] = "";
	bool answered = false, yes = false;

	at = skip_space(at, end);
	if (at == end || *at++ != '{')
		return false;
	do {
		key = skip_space(at, end);
		key_end = key < end && *key == '"' ? skip_string(key, end) : NULL;
		at = key_end ? skip_space(key_end, end) : end;
		if (at == end || *at++ != ':')
			return false;
		value = skip_space(at, end);
		at = skip_value(value, end);
		if (!at || at == value)
			return false;
		if (is(key, key_end, "\"text\"") && *value == '"')
			copy(value, at, line);
		if (is(key, key_end, "\"let_in\"")) {
			yes = is(value, at, "true");
			answered = yes || is(value, at, "false");
		}
		at = skip_space(at, end);
	} while (at < end && *at++ == ',');
	if (!answered || at[-1] != '}')
		return false;

	*let_in = yes;
	memcpy(text, line, sizeof(line));
	return true;
}

/* Where the body begins; NULL: not yet. */
static const char *body_of(const char *response, size_t size)
{
	const char *blank = memmem(response, size, "\r\n\r\n", 4);

	return blank ? blank + 4 : NULL;
}

/* The number behind the header's name, in lines that end where the body begins. */
static bool content_length(const char *at, const char *body, size_t *ret)
{
	static const char name[] = "\r\nContent-Length:";
	size_t n = 0;

	for (; (size_t)(body - at) >= sizeof(name); at++)
		if (strncasecmp(at, name, sizeof(name) - 1) == 0)
			break;
	if ((size_t)(body - at) < sizeof(name))
		return false;
	for (at = skip_space(at + sizeof(name) - 1, body); at < body && *at >= '0' && *at <= '9' && n < 1u << 24; at++)
		n = n * 10 + (size_t)(*at - '0');
	*ret = n;
	return true;
}

bool answer_whole(const char *response, size_t size)
{
	const char *body = body_of(response, size);
	size_t length;

	return body && content_length(response, body, &length) && (size_t)(response + size - body) >= length;
}

bool answer_read(const char *response, size_t size, bool *let_in, char text[static ANSWER_TEXT_ROOM])
{
	const char *body = body_of(response, size);
	static const char ok[] = "HTTP/1.1 200 ";

	if (!body || size < sizeof(ok) || memcmp(response, ok, sizeof(ok) - 1) != 0)
		return false;
	return read_object(body, response + size, let_in, text);
}
