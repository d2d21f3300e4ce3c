/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A finding is one reason that speaks against a migration, as data.
 *
 * Policy decides in findings and nothing else; programs and people read the
 * same ones.  The sentence and the advice that belong to a code are rows of a
 * table here, so that the daemon, the command and the manual cannot disagree.
 */

#include "proto/field.h"
#include "proto/version.h"

enum cf_finding_code {
	CF_FINDING_UNKNOWN,		/* a newer peer's */

	/* a host's clock */
	CF_FINDING_CLOCK_UNSYNCHRONISED,
	CF_FINDING_CLOCK_UNTRUSTED,
	CF_FINDING_CLOCK_HOLDOVER,
	CF_FINDING_ERROR_BOUND,
	CF_FINDING_CLOCK_STEPPED,
	CF_FINDING_KERNEL_UNSYNC,
	CF_FINDING_LEAP_SECOND,

	/* the pair */
	CF_FINDING_SKEW,
	CF_FINDING_OFFSET_UNKNOWN,
	CF_FINDING_CLOCK_CONTRADICTION,
	CF_FINDING_TAI_DIFFERS,
	CF_FINDING_TAI_UNKNOWN,
	CF_FINDING_COUNTER_DIFFERS,
	CF_FINDING_COUNTER_UNKNOWN,

	/* the peer */
	CF_FINDING_PEER_UNREACHABLE,
	CF_FINDING_PEER_CERTIFICATE_TIME,
	CF_FINDING_PEER_DENIED,
	CF_FINDING_PEER_VERSION,
	CF_FINDING_PEER_BUSY,
	CF_FINDING_QUIESCING,
	CF_FINDING_SAME_HOST,

	/* the domain */
	CF_FINDING_DOMAIN_UNKNOWN,
	CF_FINDING_DOMAIN_NOT_RUNNING,
	CF_FINDING_DOMAIN_NOT_MIGRATABLE,
	CF_FINDING_DOMAIN_MIGRATING,
	CF_FINDING_DOMAIN_EXISTS_THERE,
	CF_FINDING_MANAGED_ELSEWHERE,
	CF_FINDING_RTC_CLOCK,
	CF_FINDING_LEVER_MISSING,
	CF_FINDING_KVM_UNUSABLE,
	CF_FINDING_GUEST_AGENT_SILENT,
	CF_FINDING_GUEST_CLOCK_UNKNOWN,
	CF_FINDING_SELF_CORRECTING,
	CF_FINDING_BLACKOUT_PREDICTED,
	CF_FINDING_BLACKOUT_NOT_PREDICTED,
	CF_FINDING_ROLLED_BACK_RECENTLY,

	/* at the commit gate, with the guest standing still */
	CF_FINDING_BLACKOUT_REACHED,
	CF_FINDING_RECORD_MISSING,

	/* the terms on which it is asked for */
	CF_FINDING_POLICY_UNKNOWN,
	CF_FINDING_OVERRIDE_DENIED,

	/* how it is to be carried */
	CF_FINDING_NOT_GATED,
	CF_FINDING_POST_COPY,
	CF_FINDING_OPTIONS_UNUSABLE,

	/* this host's services */
	CF_FINDING_LIBVIRT_UNAVAILABLE,
	CF_FINDING_LEDGER_UNWRITABLE,
	CF_FINDING_SETTINGS_INVALID,

	CF_N_FINDING_CODES,
};

/* What policy makes of a finding. */
enum cf_severity { CF_SEVERITY_UNKNOWN, CF_SEVERITY_OFF, CF_SEVERITY_WARN, CF_SEVERITY_REFUSE, CF_N_SEVERITIES };

/* Why a finding of severity `refuse` does not refuse all the same. */
enum cf_waiver { CF_WAIVER_UNKNOWN, CF_WAIVED_BY_OVERRIDE, CF_WAIVED_BY_OBSERVING, CF_N_WAIVERS };

struct cf_finding {
	enum cf_finding_code code;
	enum cf_severity severity;
	bool has_waived;
	enum cf_waiver waived;
	char subject[CF_HOST_ROOM];	/* the host, the pair "a -> b", or the domain it is about */
	bool has_measured;
	struct cf_interval measured;	/* what was found, where it is a time */
	bool has_limit;
	cf_span limit;			/* what it was held against */
	char limit_of[CF_HOST_ROOM];	/* whose limit that is: a host's name; "" without one */
	char detail[CF_DETAIL_ROOM];	/* what the sentence cannot know; may be "" */
};

/* What there is to know of a code. */
struct cf_finding_kind {
	enum cf_finding_code code;
	enum cf_severity severity;	/* unless settings say otherwise */
	bool overridable;		/* policy or an override can take its refusal back */
	char sentence[256];
	char advice[256];
};

struct cf_finding_kinds {
	size_t n_list;
	struct cf_finding_kind list[CF_N_FINDING_CODES];
};

#define CF_FINDINGS_MAX 48

/* Findings as they are gathered: the caller brings the room, a full list keeps the first ones. */
struct cf_findings {
	size_t n_list;
	struct cf_finding list[CF_FINDINGS_MAX];
};

extern const char *const cf_finding_words[CF_N_FINDING_CODES];	/* "clock-unsynchronised" */
extern const int cf_finding_words_since[CF_N_FINDING_CODES];
extern const char *const cf_severity_words[CF_N_SEVERITIES];	/* "refuse" */
extern const char *const cf_waiver_words[CF_N_WAIVERS];		/* "override" */
extern const struct cf_shape cf_finding_shape;
extern const struct cf_shape cf_finding_kind_shape;
extern const struct cf_shape cf_finding_kinds_shape;

/* A row for a code: what came after the first ones is kept from who does not know it. */
#define CF_FINDING_CODE(T, m) CF_ENUM(T, m, cf_finding_words, CF_N_FINDING_CODES, CF_WORDS_SINCE(cf_finding_words_since))

/* Of one code; of all but the one that stands for those of newer versions. */
void cf_finding_kind(enum cf_finding_code code, struct cf_finding_kind *ret);
void cf_finding_kinds(struct cf_finding_kinds *ret);

/* What the code means, in one sentence without figures; and what an operator does about it. */
const char *cf_finding_sentence(enum cf_finding_code code);
const char *cf_finding_advice(enum cf_finding_code code);

/* How policy treats the code unless settings say otherwise. */
enum cf_severity cf_finding_default(enum cf_finding_code code);

/*
 * What no policy and no override can take back, because without it there is no
 * migration to allow: the domain is not there, the other host does not answer.
 */
bool cf_finding_always_refuses(enum cf_finding_code code);

/*
 * Does it close the gate?  Leave is only what says so: a severity or a waiver that
 * a newer version has invented opens nothing.
 */
bool cf_finding_refuses(const struct cf_finding *finding);

/* The code with this name, or CF_FINDING_UNKNOWN. */
enum cf_finding_code cf_finding_from_name(const char *name);

/*
 * The whole finding as one line for a person, figures with unit and bound:
 * "hA -> hB: the hosts' clocks disagree: 1.998 s .. 2.002 s, limit 25 ms (hA)".
 * Returns text.
 */
#define CF_FINDING_TEXT_ROOM 1024
const char *cf_finding_text(const struct cf_finding *finding, char text[static CF_FINDING_TEXT_ROOM]);
