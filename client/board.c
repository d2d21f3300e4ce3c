/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/board.h"

#include <time.h>

#include "client/say.h"
#include "client/show.h"

#define COLUMNS   80	/* of a terminal that does not tell */
#define LINE_ROOM (CF_NAME_ROOM + PROGRESS_TEXT_ROOM)

static cf_mono now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (cf_mono){ t.tv_sec * CF_S + t.tv_nsec };
}

void board_begin(struct board *b, FILE *to, struct board_line *lines, size_t n)
{
	*b = (struct board){ .to = to, .live = to && n < say_rows(to), .n = n, .lines = lines };
}

/* One that is over stands still; it is said once. */
static bool is_news(const struct board_line *line, const struct cf_migration *m)
{
	return m->phase != line->phase || m->has_outcome != line->over ||
	       (!m->has_outcome && cf_mono_since(now(), line->told).ns >= CF_S);
}

static void show(struct board *b, const struct cf_migration *m, size_t columns)
{
	char progress[PROGRESS_TEXT_ROOM], line[LINE_ROOM];

	snprintf(line, sizeof(line), "%s: %s", m->domain,
		 m->has_outcome ? cf_outcome_words[m->outcome] : progress_text(m, progress));
	if (!b->live) {
		say(b->to, "%s", line);
		return;
	}
	say_over(b->to, columns, line);
	fputc('\n', b->to);
}

void board_show(struct board *b, const struct cf_migration *const *list)
{
	size_t columns = b->to ? say_columns(b->to) : 0;

	if (!b->to)
		return;
	if (b->open > 0)
		fprintf(b->to, "\033[%zuA", b->open);
	for (size_t i = 0; i < b->n; i++) {
		if (!b->live && !is_news(&b->lines[i], list[i]))
			continue;
		show(b, list[i], columns > 0 ? columns : COLUMNS);
		b->lines[i] = (struct board_line){ list[i]->phase, list[i]->has_outcome, now() };
	}
	fflush(b->to);
	b->open = b->live ? b->n : 0;
}

void board_end(struct board *b)
{
	b->open = 0;
}
