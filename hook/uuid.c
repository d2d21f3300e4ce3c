/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "hook/uuid.h"

#include <string.h>

static bool begins(const char *at, const char *end, const char *with)
{
	size_t n = strlen(with);

	return (size_t)(end - at) >= n && memcmp(at, with, n) == 0;
}

/* Behind the next `what`; NULL when there is none. */
static const char *behind(const char *at, const char *end, const char *what)
{
	const char *found = memmem(at, (size_t)(end - at), what, strlen(what));

	return found ? found + strlen(what) : NULL;
}

/* The '>' that ends a tag, which none in quotes does. */
static const char *tag_end(const char *at, const char *end)
{
	char quote = '\0';

	for (; at < end; at++) {
		if (quote) {
			quote = *at == quote ? '\0' : quote;
		} else if (*at == '"' || *at == '\'') {
			quote = *at;
		} else if (*at == '>') {
			return at;
		}
	}
	return NULL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_named(const char *at, const char *end, const char *name)
{
	if (!begins(at, end, name) || (size_t)(end - at) == strlen(name))
		return false;
	at += strlen(name);
	return is_space(*at) || *at == '>';
}

/* 8-4-4-4-12 and nothing else but white space around it, up to the next tag. */
static bool take(const char *at, const char *end, char ret[static UUID_ROOM])
{
	char uuid[UUID_ROOM] = "";

	while (at < end && is_space(*at))
		at++;
	for (size_t i = 0; i < UUID_ROOM - 1; i++, at++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (at == end || (dash ? *at != '-' : !strchr("0123456789abcdefABCDEF", *at)) || !*at)
			return false;
		uuid[i] = (char)(*at >= 'A' && *at <= 'F' ? *at - 'A' + 'a' : *at);
	}
	while (at < end && is_space(*at))
		at++;
	if (at == end || *at != '<')
		return false;

	memcpy(ret, uuid, sizeof(uuid));
	return true;
}

bool uuid_find(const char *xml, size_t size, char ret[static UUID_ROOM])
{
	const char *at = xml, *end = xml + size, *last;
	size_t depth = 0;

	while (at && (at = memchr(at, '<', (size_t)(end - at)))) {
		if (begins(at, end, "<!--")) {
			at = behind(at + 4, end, "-->");
		} else if (begins(at, end, "<![CDATA[")) {
			at = behind(at, end, "]]>");
		} else if (begins(at, end, "<?")) {
			at = behind(at, end, "?>");
		} else {
			last = tag_end(at, end);
			if (!last)
				return false;
			if (at[1] == '/')
				depth -= depth > 0;
			else if (at[1] != '!' && last[-1] != '/' && ++depth == 2 && is_named(at, end, "<uuid"))
				return take(last + 1, end, ret);
			at = last + 1;
		}
	}
	return false;
}
