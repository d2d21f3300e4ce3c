/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * chronyd's monitoring protocol, version 6: requests into bytes, replies out of
 * bytes, and no I/O.  Source: candm.h of chrony, and chronyd 4.3 itself.
 *
 * A datagram each way, big-endian.  A request is padded to the length of its
 * reply, so that chronyd cannot be used to amplify traffic; a shorter one is
 * refused.  Replies are read strictly: every field of the header is checked,
 * the reserved ones too, and every value for its range.  An error names the
 * field.
 */

#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"
#include "proto/report.h"

/* Larger than any request or reply used here; a longer reply is none of ours. */
#define CANDM_ROOM 128

enum candm_command {
	CANDM_N_SOURCES   = 14,
	CANDM_SOURCE_DATA = 15,
	CANDM_TRACKING    = 33,
};

struct candm_request {
	enum candm_command command;
	uint32_t sequence;		/* random: the reply has to repeat it */
	uint16_t attempt;		/* counts from 0 when the same request is sent again */
	uint32_t index;			/* CANDM_SOURCE_DATA: which source */
};

enum candm_source_state {
	CANDM_SELECTED,
	CANDM_NOT_SELECTABLE,
	CANDM_FALSETICKER,
	CANDM_JITTERY,
	CANDM_UNSELECTED,
	CANDM_SELECTABLE,
	CANDM_N_SOURCE_STATES,
};

struct candm_source {
	enum candm_source_state state;
	cf_span poll_interval;
	int64_t reachability;		/* the last eight polls, newest in bit 0 */
};

/* The bytes of a request; returns how many. */
size_t candm_request(const struct candm_request *request, unsigned char ret[static CANDM_ROOM]);

/*
 * Does this datagram claim to answer the request?  One that does not is late or
 * stray and is to be passed over; one that does has to decode.
 */
bool candm_answers(const struct candm_request *request, const void *packet, size_t size);

/*
 * The reply to a request of the command in the name.  -EPROTO: not a reply as
 * the protocol has it; -EREMOTEIO: chronyd refused the request; both CF_HOST.
 * The tracking reply knows nothing of the selected source: those members are
 * left absent.
 */
int candm_tracking(const struct candm_request *request, const void *packet, size_t size, struct cf_tracking *ret,
		   struct cf_error *err);
int candm_n_sources(const struct candm_request *request, const void *packet, size_t size, uint32_t *ret,
		    struct cf_error *err);
int candm_source(const struct candm_request *request, const void *packet, size_t size, struct candm_source *ret,
		 struct cf_error *err);

/*
 * chrony's Float: 7 bits of signed exponent, 25 bits of signed coefficient, worth
 * 2^(exponent - 25) x coefficient.  Every bit pattern is a finite number, and a
 * double holds it exactly.
 */
double candm_float(uint32_t bits);
