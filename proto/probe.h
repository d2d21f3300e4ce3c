/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One round of measuring the offset between two hosts, as NTP does it
 * (RFC 5905, section 8), but with CLOCK_MONOTONIC_RAW:
 *
 *	asking host      t1 -------.                    .------> t4
 *	answering host              '------> t2 ... t3 -'
 *
 * Both one-way delays are >= 0, so raw_answering - raw_asking lies within
 * [t3 - t4, t2 - t1], whatever they are.  policy/offset.h does the rest.
 */

#include "proto/field.h"
#include "proto/version.h"

#define CF_BOOT_ROOM 40

struct cf_round_reply {
	cf_mono t2;			/* the request was received */
	cf_mono t3;			/* the reply is handed to the socket */
	struct cf_instant at;		/* the answering host's clocks, read together between t2 and t3 */
	char boot[CF_BOOT_ROOM];	/* its boot id: RAW starts anew with each boot */
};

extern const struct cf_shape cf_round_request_shape;	/* has no fields; decode into a char */
extern const struct cf_shape cf_round_reply_shape;
extern const struct cf_shape cf_instant_shape;		/* for other messages that carry one */
