/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/progress.h"

#include <time.h>
#include <unistd.h>

#include "client/say.h"
#include "client/show.h"

#define COLUMNS 80	/* of a terminal that does not tell */

static cf_mono now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (cf_mono){ t.tv_sec * CF_S + t.tv_nsec };
}

void progress_begin(struct progress *p, FILE *to)
{
	*p = (struct progress){ .to = to, .live = to && isatty(fileno(to)) };
}

void progress_show(struct progress *p, const struct cf_migration *m)
{
	char text[PROGRESS_TEXT_ROOM];
	size_t columns;
	bool moved = m->phase == CF_PHASE_QUEUED ? m->revision != p->revision
						 : cf_mono_since(now(), p->told).ns >= CF_S;
	bool news = m->phase != p->phase || moved;

	if (!p->to || (!p->live && !news))
		return;

	progress_text(m, text);
	columns = say_columns(p->to);
	if (p->live)
		say_over(p->to, columns > 0 ? columns : COLUMNS, text);
	else
		say(p->to, "%s", text);
	fflush(p->to);
	p->open = p->live;
	p->phase = m->phase;
	p->revision = m->revision;
	p->told = now();
}

void progress_end(struct progress *p)
{
	if (!p->open)
		return;

	fputc('\n', p->to);
	fflush(p->to);
	p->open = false;
}
