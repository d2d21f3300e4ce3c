/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The figures a receipt is made for, and why one of them is missing.
 *
 * A receipt lists what was not measured as texts for a person.  Those that are
 * about a figure begin with its name and ": ", so that the reason can stand
 * where the figure would.
 */

#include "proto/receipt.h"

enum cf_figure {
	CF_FIGURE_OTHER,		/* no figure: the text stands for itself */
	CF_FIGURE_SOURCE_CLOCK,
	CF_FIGURE_DESTINATION_CLOCK,
	CF_FIGURE_OFFSET_BEFORE,
	CF_FIGURE_OFFSET_DURING,
	CF_FIGURE_OFFSET_AFTER,
	CF_FIGURE_BYTES,
	CF_FIGURE_BLACKOUT,
	CF_FIGURE_LIBVIRT_DOWNTIME,
	CF_FIGURE_SOURCE_LOST,
	CF_FIGURE_GUEST_BEFORE,
	CF_FIGURE_PREDICTED_LAG,
	CF_FIGURE_LAG,
	CF_FIGURE_RESIDUAL,
	CF_FIGURE_DISRUPTION,		/* of a vmclock, where the guest has one */
	CF_N_FIGURES,
};

extern const char *const cf_figure_words[CF_N_FIGURES];	/* "host offset at STOP" */

bool cf_figure_there(const struct cf_receipt *receipt, enum cf_figure figure);

/* Would a migration that ended like this one have it, had all gone well? */
bool cf_figure_due(const struct cf_receipt *receipt, enum cf_figure figure);

/* Why it was not measured, by either host; "" when nobody says so. */
const char *cf_figure_why(const struct cf_receipt *receipt, enum cf_figure figure);

/* "blackout: STOP was not seen": what a line of the receipt is about, CF_FIGURE_OTHER when none of these. */
enum cf_figure cf_figure_of(const char *line);
