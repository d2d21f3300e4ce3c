/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/json.h"

#include <errno.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/version.h"

static void new_line(FILE *to, int depth)
{
	fprintf(to, "\n%*s", 2 * depth, "");
}

/* The string that begins at text[0], quotes included; returns its length. */
static size_t put_string(FILE *to, const char *text, size_t size)
{
	size_t n = 1;

	while (n < size && text[n] != '"')
		n += text[n] == '\\' ? 2 : 1;
	n = n < size ? n + 1 : size;

	/* JSON lets DEL and C1 stand as they are; a terminal does not. */
	for (size_t i = 0; i < n; i++) {
		unsigned char c = text[i], next = i + 1 < n ? text[i + 1] : 0;

		if (c == 0x7f) {
			fputs("\\u007f", to);
		} else if (c == 0xc2 && next >= 0x80 && next < 0xa0) {
			fprintf(to, "\\u%04x", next);
			i++;
		} else {
			fputc(c, to);
		}
	}
	return n;
}

static size_t skip_blanks(const char *text, size_t size)
{
	size_t n = 0;

	while (n < size && strchr(" \t\r\n", text[n]))
		n++;
	return n;
}

void json_put(FILE *to, const char *text, size_t size, int depth)
{
	for (size_t i = 0; i < size; i++) {
		char c = text[i];
		size_t next = i + 1 + skip_blanks(text + i + 1, size - i - 1);

		if (c == '"') {
			i += put_string(to, text + i, size - i) - 1;
		} else if ((c == '{' || c == '[') && next < size && strchr("]}", text[next])) {
			fprintf(to, "%c%c", c, text[next]);
			i = next;
		} else if (c == '{' || c == '[') {
			fputc(c, to);
			new_line(to, ++depth);
		} else if (c == '}' || c == ']') {
			new_line(to, --depth);
			fputc(c, to);
		} else if (c == ',') {
			fputc(c, to);
			new_line(to, depth);
		} else if (c == ':') {
			fputs(": ", to);
		} else if (!strchr(" \t\r\n", c)) {
			fputc(c, to);
		}
	}
}

void json_print(FILE *to, const char *text, size_t size)
{
	json_put(to, text, size, 0);
	fputc('\n', to);
}

int json_print_message(FILE *to, const struct cf_shape *shape, const void *message, struct cf_error *err)
{
	CF_AUTO(cf_free) char *json = cf_encode(shape, message, CF_MINOR);

	if (!json)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	json_print(to, json, strlen(json));
	return 0;
}
