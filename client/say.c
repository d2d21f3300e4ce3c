/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "proto/version.h"

#define LINE_ROOM 4096
#define WRAP      84	/* columns of a list behind its label */
#define LEAST     20	/* columns of text worth folding for */

/* ASCII's controls, and the C1 ones as UTF-8 spells them, made harmless in place. */
static void defuse(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			p[0] = p[1] = '?';
	}
}

static struct winsize size_of(FILE *to)
{
	struct winsize size, none = { 0 };

	return isatty(fileno(to)) && ioctl(fileno(to), TIOCGWINSZ, &size) == 0 ? size : none;
}

size_t say_columns(FILE *to)
{
	return size_of(to).ws_col;
}

size_t say_rows(FILE *to)
{
	return size_of(to).ws_row;
}

/* How much of the text, in bytes, fits into so many columns; a word that does not is not broken. */
static size_t fitting(const char *text, size_t columns)
{
	size_t fits = 0, used = 0, i;

	for (i = 0; text[i] && used <= columns; i++) {
		if (text[i] == ' ')
			fits = i;
		used += (text[i] & 0xc0) != 0x80;
	}
	if (!text[i] && used <= columns)
		return i;
	return fits > 0 ? fits : strcspn(text, " ");
}

void say_folded(FILE *to, size_t columns, size_t at, size_t hang, const char *text)
{
	size_t n;

	while (columns >= hang + LEAST && text[n = fitting(text, columns > at ? columns - at : 0)]) {
		fprintf(to, "%.*s\n%*s", (int)n, text, (int)hang, "");
		text += n + strspn(text + n, " ");
		at = hang;
	}
	fprintf(to, "%s\n", text);
}

static void put_line(FILE *to, size_t at, size_t hang, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));
static void put_line(FILE *to, size_t at, size_t hang, const char *fmt, va_list ap)
{
	char line[LINE_ROOM];

	vsnprintf(line, sizeof(line), fmt, ap);
	defuse(line);
	say_folded(to, say_columns(to), at, hang, line);
}

void say(FILE *to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(to, 0, 2, fmt, ap);
	va_end(ap);
}

void say_heading(FILE *to, const char *fmt, ...)
{
	va_list ap;

	fputc('\n', to);
	va_start(ap, fmt);
	put_line(to, 0, 2, fmt, ap);
	va_end(ap);
}

void say_hanging(FILE *to, size_t hang, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_line(to, 0, hang, fmt, ap);
	va_end(ap);
}

void say_row(FILE *to, const char *label, const char *fmt, ...)
{
	char shown[CF_NAME_ROOM];
	va_list ap;

	snprintf(shown, sizeof(shown), "%s", label);
	defuse(shown);
	if (strlen(shown) >= SAY_LABEL)
		fprintf(to, "  %s\n  %*s", shown, SAY_LABEL, "");
	else
		fprintf(to, "  %-*s", SAY_LABEL, shown);
	va_start(ap, fmt);
	put_line(to, 2 + SAY_LABEL, 2 + SAY_LABEL, fmt, ap);
	va_end(ap);
}

/* A line is said once it is known that another follows, and so ends in a comma. */
void say_part(struct say_parts *p, const char *fmt, ...)
{
	char part[sizeof(p->line)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(part, sizeof(part), fmt, ap);
	va_end(ap);

	if (*p->line && strlen(p->line) + strlen(part) + 3 > WRAP) {
		say_row(p->to, p->label, "%s,", p->line);
		p->label = "";
		*p->line = '\0';
	}
	snprintf(p->line + strlen(p->line), sizeof(p->line) - strlen(p->line), "%s%s", *p->line ? ", " : "", part);
	p->any = true;
}

void say_parts_end(struct say_parts *p, const char *none)
{
	say_row(p->to, p->label, "%s", p->any ? p->line : none);
}

void say_over(FILE *to, size_t columns, const char *text)
{
	char line[LINE_ROOM];

	snprintf(line, columns < sizeof(line) ? columns : sizeof(line), "%s", text);
	defuse(line);
	fprintf(to, "\r%s\033[K", line);
}

const char *interval_or_absent(bool has, struct cf_interval i, char ret[static CF_INTERVAL_TEXT_ROOM])
{
	return has ? cf_interval_text(i, ret) : SAY_ABSENT;
}

const char *bytes_text(int64_t bytes, char ret[static BYTES_TEXT_ROOM])
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double scaled = bytes;
	size_t unit = 0;
	int digits = 0;

	while (scaled >= 999.5 && unit + 1 < CF_COUNT(units)) {
		scaled /= 1024;
		unit++;
	}
	if (unit > 0)
		digits = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
	snprintf(ret, BYTES_TEXT_ROOM, "%.*f %s", digits, scaled, units[unit]);
	return ret;
}

const char *hertz_text(int64_t hertz, char ret[static HERTZ_TEXT_ROOM])
{
	static const char *const units[] = { "Hz", "kHz", "MHz", "GHz", "THz" };
	size_t unit = 0;

	/* Frequencies are compared, 250 ppm decide: all digits that are there. */
	while (unit + 1 < CF_COUNT(units) && hertz >= 1000 && hertz % 1000 == 0) {
		hertz /= 1000;
		unit++;
	}
	snprintf(ret, HERTZ_TEXT_ROOM, "%" PRId64 " %s", hertz, units[unit]);
	return ret;
}

const char *moment_text(cf_real t, char ret[static CF_REAL_TEXT_ROOM])
{
	char *dot;

	cf_real_text(t, ret);
	dot = strchr(ret, '.');
	if (dot)
		strcpy(dot + 4, "Z");
	return ret;
}
