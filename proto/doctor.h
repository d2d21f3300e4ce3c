/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The vital signs of a host: how each thing stands that it needs for its work,
 * what to do about what does not stand well, each in one line.
 *
 * The sentences are rows of a table here.  They travel with the code, so that
 * who asks an agent of a newer version reads what that one says.
 */

#include "proto/field.h"
#include "proto/peer.h"
#include "proto/version.h"

enum cf_vital_code {
	CF_VITAL_UNKNOWN,		/* a newer agent's */

	CF_VITAL_AGENT,			/* said by who asks: an agent that does not answer says nothing */
	CF_VITAL_SETTINGS,
	CF_VITAL_HUNG_CALLS,
	CF_VITAL_SOCKET,
	CF_VITAL_RUNTIME,
	CF_VITAL_LEDGER,
	CF_VITAL_LEDGER_LOST,

	CF_VITAL_CHRONYD,
	CF_VITAL_CLOCK,
	CF_VITAL_KERNEL,
	CF_VITAL_TAI,
	CF_VITAL_RIVAL,

	CF_VITAL_LIBVIRT,
	CF_VITAL_VERSIONS,
	CF_VITAL_DRIVER,
	CF_VITAL_CUT,
	CF_VITAL_HOOK,
	CF_VITAL_COUNTERS,
	CF_VITAL_GUEST_AGENTS,

	CF_VITAL_LISTENING,
	CF_VITAL_CERTIFICATE,
	CF_VITAL_CA,
	CF_VITAL_CRL,
	CF_VITAL_KEY,
	CF_VITAL_PEER_ROLE,

	CF_VITAL_PEERS,
	CF_VITAL_PEER,
	CF_VITAL_GATE,

	CF_N_VITALS,
};

enum cf_vital_state { CF_VITAL_STATE_UNKNOWN, CF_VITAL_OK, CF_VITAL_WARN, CF_VITAL_FAIL, CF_N_VITAL_STATES };

struct cf_vital {
	enum cf_vital_code code;
	enum cf_vital_state state;
	char area[16];			/* "chrony" */
	char subject[CF_HOST_ROOM];	/* which one it is, of those there can be several of: a peer; else "" */
	char text[CF_DETAIL_ROOM];	/* one sentence without figures */
	char detail[CF_DETAIL_ROOM];	/* what the sentence cannot know; may be "" */
	char remedy[CF_DETAIL_ROOM];	/* what to do; "" when it is ok */
};

#define CF_VITALS_MAX 291	/* the version before this one reads no longer list */

struct cf_vitals {
	char host[CF_HOST_ROOM];
	size_t n_list;
	struct cf_vital list[CF_VITALS_MAX];
};

extern const char *const cf_vital_words[CF_N_VITALS];		/* "chronyd" */
extern const char *const cf_vital_state_words[CF_N_VITAL_STATES];	/* "ok" */
extern const struct cf_shape cf_vital_shape;
extern const struct cf_shape cf_vitals_shape;

/*
 * A vital sign with what the table says of it in this state; subject and detail are "".
 * CF_VITAL_GATE is never said of a gate that is open: CF_VITAL_PEER has it.
 */
void cf_vital_set(struct cf_vital *ret, enum cf_vital_code code, enum cf_vital_state state);

/* The worst state among them; CF_VITAL_OK of none. */
enum cf_vital_state cf_vitals_worst(const struct cf_vitals *vitals);
