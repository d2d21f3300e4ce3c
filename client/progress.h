/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Progress of a migration: on a terminal one line that is written over, else a
 * line when the phase or the place in the queue changes, and at most one a second
 * in between.
 */

#include <stdio.h>

#include "proto/migration.h"

struct progress {
	FILE *to;		/* NULL: say nothing */
	bool live;
	bool open;		/* a live line stands without its end */
	enum cf_phase phase;
	int64_t revision;
	cf_mono told;
};

void progress_begin(struct progress *progress, FILE *to);
void progress_show(struct progress *progress, const struct cf_migration *migration);

/* End the live line, if there is one, so that something else may be said. */
void progress_end(struct progress *progress);
