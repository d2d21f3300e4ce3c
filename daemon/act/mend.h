/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Making a guest's clock right again after it stood still, wherever it runs on:
 * at the destination after a landing, at the source after an aborted attempt.
 * On the migration's thread.
 */

#include "daemon/act/aim.h"
#include "daemon/act/work.h"

/* Whose clock, where it should be, and what is filled with what comes of it (under the work's lock). */
struct mend_guest {
	const char *uuid;
	const struct aim *aim;
	struct cf_landing *at;
	bool carried;		/* its counters were: its clock is read, and not touched */
	bool whenever;		/* it may be stepped at any time, not only soon after RESUME */
	cf_span patience;	/* an agent in it that lets the first question go by is asked again for so long */
	void (*refresh)(struct work *work);	/* called when the clock was read: more may be known of *aim now; or NULL */
};

/*
 * Measure the guest's clock error and correct it by policy until it is within
 * or no longer improves; later than settings' correct-within after RESUME it
 * is only measured.  Should libvirtd hang meanwhile this waits until it answers, and
 * goes on then, however late: an error that is still there nobody else has mended.
 */
void mend(struct work *work, const struct mend_guest *of);

/* The same later on: what was lost in the migration is known already, and is not what is looked for. */
void mend_again(struct work *work, const struct mend_guest *of);

/*
 * One reading of a guest's clock of which nobody knows where it should be: put into words, as
 * why nothing is done about it.
 */
void mend_look(struct work *work, const char *uuid, struct cf_landing *at);

/* One reading of the guest's clock error, noted as a residual; false when it could not be had. */
bool mend_read(struct work *work, const struct mend_guest *of, struct cf_error *err);
