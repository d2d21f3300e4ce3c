/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a guest's clock should be once it runs on, on whichever host. */

#include "proto/time.h"

/* Where the guest's clock should be, as an offset against this host's REALTIME. */
struct aim {
	struct cf_interval offset;	/* guest - source REALTIME, when it was stopped */
	struct cf_interval raw;		/* this host's RAW - the source's, when it was stopped */
	struct cf_instant from;		/* the source's clocks then */
	struct cf_instant resume;	/* this host's clocks at RESUME */
	bool ran_on;			/* it was stopped later than that; when is not known */
};

/*
 * The aim at `now`.  Time has passed since RESUME between what this host's
 * REALTIME and its RAW say: chronyd may have slewed the one to make it right,
 * and the other runs at its oscillator's rate.  Both ends are taken.  Until RESUME
 * there is RAW alone, which an undisciplined oscillator of 250 ppm drives; and since
 * then, too, where REALTIME was stepped: by how much is no news of the guest's clock.
 */
struct cf_interval aim_at(const struct aim *aim, struct cf_instant now, bool stepped);
