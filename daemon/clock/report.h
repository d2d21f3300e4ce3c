/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The reporter: knows at any moment how good this host's clock is.
 *
 * It asks chronyd again and again on a thread of its own, which may hang in
 * chronyd's place; whoever wants a report gets it from memory, aged to now, and
 * is never made to wait.  It logs nothing.
 */

#include "daemon/clock/chrony.h"
#include "policy/clock.h"
#include "proto/error.h"
#include "proto/report.h"

struct reporter_options {
	const char *host;		/* the report's; copied */
	struct chrony_how how;		/* its socket is copied too */
	struct cf_clock_limits limits;	/* fresh: at least three intervals */
	cf_span interval;		/* between readings; 0: 1 s */
};

struct reporter;

/* Starts asking.  Until the first answer the report says that there was none. */
int reporter_new(const struct reporter_options *options, struct reporter **ret, struct cf_error *err);

/* Waits for its thread: at most as long as one reading of chronyd may take. */
void reporter_free(struct reporter *reporter);
CF_DEFINE_AUTO(struct reporter *, reporter_free)

/* New options, from the next reading on; what is known of the clock stays. */
void reporter_set(struct reporter *reporter, const struct reporter_options *options);

/* The report as of now.  From any thread; takes microseconds. */
void reporter_report(struct reporter *reporter, struct cf_report *ret);

/* For how long an answer of chronyd counts as news. */
cf_span reporter_fresh(struct reporter *reporter);

/* Was the clock stepped since?  As of now, and whatever became of it afterwards. */
bool reporter_stepped(struct reporter *reporter, cf_mono since);

/*
 * A descriptor that becomes readable when the state changed or a step was seen,
 * and stays so until reporter_changed() is called.
 */
int reporter_fd(const struct reporter *reporter);
void reporter_changed(struct reporter *reporter);
