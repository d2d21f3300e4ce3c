/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * In place of what acts ask of their host and their agent: kernel_raw() and nanosleep() in a time
 * of the test's own, and work_stopping().
 */

#include "proto/time.h"

struct fake_host {
	cf_mono now;	/* goes on where somebody sleeps, and as the test likes */
	cf_mono stops;	/* when the agent is to stop; 0: never */
};
extern struct fake_host fake;

/* The test begins anew: it is then that moment, and the agent is to stop after so long, or never. */
#define FAKE_BEGIN (1000 * CF_S)
void fake_begin(cf_span stop);

/* How long it has taken since. */
cf_span fake_took(void);
