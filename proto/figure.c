/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/figure.h"

#include <string.h>

/* How a migration can have ended, for what is to be expected of its receipt. */
enum {
	REFUSED = 1 << 0,
	STAYED  = 1 << 1,	/* aborted while the guest ran */
	STOPPED = 1 << 2,	/* aborted after the guest had been stopped */
	MOVED   = 1 << 3,
	ALWAYS  = REFUSED | STAYED | STOPPED | MOVED,
};

const char *const cf_figure_words[CF_N_FIGURES] = {
	[CF_FIGURE_OTHER]             = "",
	[CF_FIGURE_SOURCE_CLOCK]      = "clock report of the source",
	[CF_FIGURE_DESTINATION_CLOCK] = "clock report of the destination",
	[CF_FIGURE_OFFSET_BEFORE]     = "host offset before",
	[CF_FIGURE_OFFSET_DURING]     = "host offset at STOP",
	[CF_FIGURE_OFFSET_AFTER]      = "host offset after",
	[CF_FIGURE_BYTES]             = "bytes copied",
	[CF_FIGURE_BLACKOUT]          = "blackout",
	[CF_FIGURE_LIBVIRT_DOWNTIME]  = "libvirt's downtime",
	[CF_FIGURE_SOURCE_LOST]       = "time lost at the source",
	[CF_FIGURE_GUEST_BEFORE]      = "guest clock before",
	[CF_FIGURE_PREDICTED_LAG]     = "predicted lag",
	[CF_FIGURE_LAG]               = "lag",
	[CF_FIGURE_RESIDUAL]          = "residual",
	[CF_FIGURE_DISRUPTION]        = "disruption marker of vmclock",
};

static const unsigned char due[CF_N_FIGURES] = {
	[CF_FIGURE_SOURCE_CLOCK]      = ALWAYS,
	[CF_FIGURE_DESTINATION_CLOCK] = ALWAYS,
	[CF_FIGURE_OFFSET_BEFORE]     = ALWAYS,
	[CF_FIGURE_OFFSET_DURING]     = STOPPED | MOVED,
	[CF_FIGURE_OFFSET_AFTER]      = MOVED,
	[CF_FIGURE_BYTES]             = STOPPED | MOVED,
	[CF_FIGURE_BLACKOUT]          = MOVED,
	[CF_FIGURE_LIBVIRT_DOWNTIME]  = MOVED,
	[CF_FIGURE_SOURCE_LOST]       = STOPPED,
	[CF_FIGURE_GUEST_BEFORE]      = STOPPED | MOVED,
	[CF_FIGURE_PREDICTED_LAG]     = MOVED,
	[CF_FIGURE_LAG]               = STOPPED | MOVED,
	[CF_FIGURE_RESIDUAL]          = STOPPED | MOVED,
	[CF_FIGURE_DISRUPTION]        = MOVED,
};

bool cf_figure_there(const struct cf_receipt *receipt, enum cf_figure figure)
{
	const struct cf_landing *ran_on = cf_receipt_ran_on(receipt);

	switch (figure) {
	case CF_FIGURE_SOURCE_CLOCK:      return receipt->has_source_report;
	case CF_FIGURE_DESTINATION_CLOCK: return receipt->has_destination_report;
	case CF_FIGURE_OFFSET_BEFORE:     return receipt->has_offset_before;
	case CF_FIGURE_OFFSET_DURING:     return receipt->has_offset_during;
	case CF_FIGURE_OFFSET_AFTER:      return receipt->has_offset_after;
	case CF_FIGURE_BYTES:             return receipt->has_bytes;
	case CF_FIGURE_BLACKOUT:          return receipt->has_blackout;
	case CF_FIGURE_LIBVIRT_DOWNTIME:  return receipt->has_libvirt_downtime;
	case CF_FIGURE_SOURCE_LOST:       return receipt->has_source_lost;
	case CF_FIGURE_GUEST_BEFORE:      return receipt->has_guest_offset_before;
	case CF_FIGURE_PREDICTED_LAG:     return receipt->has_predicted_lag;
	case CF_FIGURE_LAG:               return ran_on && ran_on->has_lag;
	case CF_FIGURE_RESIDUAL:          return ran_on && cf_landing_residual(ran_on);
	case CF_FIGURE_DISRUPTION:        return receipt->has_landing && receipt->landing.has_disruption;
	default:                          return true;
	}
}

static unsigned ending(const struct cf_receipt *receipt)
{
	switch (receipt->migration.outcome) {
	case CF_OUTCOME_REFUSED: return REFUSED;
	case CF_OUTCOME_ABORTED: return receipt->has_stop ? STOPPED : STAYED;
	default:                 return MOVED;
	}
}

bool cf_figure_due(const struct cf_receipt *receipt, enum cf_figure figure)
{
	if (figure == CF_FIGURE_DISRUPTION && !(receipt->has_vmclock && receipt->vmclock))
		return false;
	return due[figure] & ending(receipt);
}

/* What follows the figure's name and ": ", or NULL. */
static const char *said_of(const char *line, enum cf_figure figure)
{
	size_t n = strlen(cf_figure_words[figure]);

	return strncmp(line, cf_figure_words[figure], n) == 0 && strncmp(line + n, ": ", 2) == 0 ? line + n + 2
												  : NULL;
}

const char *cf_figure_why(const struct cf_receipt *receipt, enum cf_figure figure)
{
	const struct cf_landing *there = &receipt->landing;
	const char *why = NULL;

	for (size_t i = 0; !why && receipt->has_landing && i < there->n_unmeasured; i++)
		why = said_of(there->unmeasured[i], figure);
	for (size_t i = 0; !why && i < receipt->n_unmeasured; i++)
		why = said_of(receipt->unmeasured[i], figure);

	return why ? why : "";
}

enum cf_figure cf_figure_of(const char *line)
{
	for (int figure = CF_FIGURE_OTHER + 1; figure < CF_N_FIGURES; figure++)
		if (said_of(line, figure))
			return figure;

	return CF_FIGURE_OTHER;
}
