/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The gate: may a migration start, and may it go on?
 *
 * Pure: the answer depends on the arguments and on nothing else.  All reasons
 * are listed, not the first one only.  Both hosts' limits apply, and of each
 * the stricter.
 */

#include "proto/domain.h"
#include "proto/finding.h"
#include "proto/limits.h"
#include "proto/options.h"
#include "proto/record.h"
#include "proto/report.h"
#include "proto/terms.h"

/* The limits in force for a pair, and whose each is. */
struct cf_both_limits {
	struct cf_limits limits;		/* of each the stricter; severities: the higher */
	const char *owner_max_error_bound;	/* one of the two names given */
	const char *owner_max_skew;
	const char *owner_max_blackout;
	const char *owner_max_residual;
	const char *owner_gate_grace;
	const char *owner_holdover_max;
	const char *owner_max_stratum;
	const char *owner_require_lever;
	const char *owner_correction;
	const char *owner_correction_floor;
	bool overridden[CF_N_FINDING_CODES];	/* an administrator has taken these upon himself */
};

/*
 * Of each limit the stricter; where both are the same, the source's.  A lever this
 * version does not know is the strictest; of two corrections the one that may do
 * less.  The names must outlive ret.
 */
void cf_limits_both(const struct cf_limits *source, const char *source_host, const struct cf_limits *destination,
		    const char *destination_host, struct cf_both_limits *ret);

/*
 * The limits of a request's own, where they are stricter than what stands in both:
 * these are the owner's from then on, who must outlive it.  Nothing gets looser.
 */
void cf_limits_tighten(struct cf_both_limits *both, const struct cf_tighten *tighten, const char *owner);

/*
 * Let the override's findings refuse nothing, and nothing else.  What always refuses
 * does so all the same, and a code that is not known here does nothing.
 */
void cf_limits_override(struct cf_both_limits *both, const struct cf_override *override);

/* What runs on a host, as it says itself ("9.0.0", "QEMU 7.2.22"); "" is not known. */
struct cf_software {
	char libvirt[32];
	char emulator[128];
};

/* How long a migration may take before a leap second counts: a guess on the safe side. */
#define CF_EXPECTED_DURATION ((cf_span){ 900 * CF_S })

/* What is known of one pair of hosts. */
struct cf_pair_evidence {
	const char *source;			/* host names */
	const char *destination;
	const struct cf_report *source_report;		/* NULL: none */
	const struct cf_report *destination_report;	/* NULL: none */
	struct cf_software source_software;
	struct cf_software destination_software;
	bool has_host_offset;
	struct cf_interval host_offset;		/* REALTIME destination - source, now */
	char offset_why[CF_DETAIL_ROOM];	/* why there is none */
	bool has_destination_kvm;
	struct cf_kvm_offer destination_kvm;	/* what a guest's QEMU gets there */
	bool passthrough_denied;		/* its agent lets in nothing that the domain's XML has past libvirt */
	cf_real now;				/* the source's clock */
	cf_span expected_duration;		/* how long the migration may take: a leap second within it counts */
};

/* What is known of the domain, as the source's libvirt and the destination's lease have it. */
struct cf_domain_evidence {
	const char *domain;			/* as it was asked for */
	bool known;				/* false: nothing below means anything */
	enum cf_domain_state state;
	bool persistent;
	bool autostart;				/* it starts with its host */
	bool job_active;			/* a migration or another job holds it */
	char job[32];				/* which */
	char manager[32];			/* whose metadata it carries, "" for none */
	bool only_asked;			/* it is a check: nobody here is to move it */
	bool has_policy;
	char policy[CF_POLICY_ROOM];		/* that its metadata chooses */
	size_t n_blockers;
	char blockers[8][CF_DETAIL_ROOM];	/* why libvirt cannot migrate it as it is */
	bool has_disks;				/* all of them are below */
	size_t n_disks;
	struct cf_disk disks[CF_DISKS_MAX];
	const struct cf_guest_clock *guest;	/* NULL: not running */
	const struct cf_options *options;	/* as they would be used; NULL: not asked about */
	char xml_fault[CF_DETAIL_ROOM];		/* what is wrong with the XML that was given; "" nothing */
	struct cf_passthrough passthrough;	/* of the XML that it would have at the destination */
	bool has_predicted_blackout;
	cf_span predicted_blackout;
	char rolled_back[CF_DETAIL_ROOM];	/* why its last attempt was, within the last hour; "" it was not */
};

/*
 * Append what speaks against a migration between the two hosts, from the source
 * alone (where nothing is known of the destination), or of the domain, to
 * findings; severities are those of limits, `off` ones are left out.
 */
void cf_gate_pair(const struct cf_pair_evidence *pair, const struct cf_both_limits *limits,
		  struct cf_findings *findings);
void cf_gate_source(const struct cf_pair_evidence *pair, const struct cf_both_limits *limits,
		    struct cf_findings *findings);
void cf_gate_domain(const struct cf_pair_evidence *pair, const struct cf_domain_evidence *domain,
		    const struct cf_both_limits *limits, struct cf_findings *findings);

/*
 * Append one finding with its severity from limits, and who waives it if somebody
 * does; a helper for what only the daemon can see (peer, libvirt).  Returns it, for
 * measured, limit and detail to be filled in, or NULL when policy says `off` or the
 * list is full.  In a full list a refusal takes the place of the last warning, so
 * that no amount of warnings opens the gate.
 */
struct cf_finding *cf_findings_add(struct cf_findings *findings, const struct cf_both_limits *limits,
				   enum cf_finding_code code, const char *subject);

/* Open: no finding refuses (cf_finding_refuses()). */
bool cf_gate_open(const struct cf_findings *findings);

/* It goes, but only because policy does no more than observe, or because the gate was not asked. */
bool cf_gate_would_refuse(const struct cf_findings *findings, bool asked);

/* Does this refuse, and nothing else?  One that will be refused anyway need not wait for it to pass. */
bool cf_gate_only(const struct cf_finding *findings, size_t n, enum cf_finding_code code);

/*
 * The gate during the copy.  The copy's own traffic slows the probes, so an
 * offset that merely got wider is no news: the gate closes on a proven
 * violation (the interval's nearest end is beyond the limit), on a
 * contradiction, on a stepped clock, on a host that lost its synchronisation,
 * or when the interval has been wider than the limit, or not known at all, for
 * gate_grace.  What policy only warns of closes nothing.  Before the guest is
 * stopped the full rule, cf_gate_pair(), applies again.
 */
enum cf_gate_state { CF_GATE_OPEN, CF_GATE_CLOSED, CF_GATE_ABORT };

struct cf_gate_memory {
	bool closed;
	cf_mono closed_since;
	bool wide;
	cf_mono wide_since;
};

/*
 * Judge once more, at least once a second.  CF_GATE_ABORT after gate_grace of
 * a closed gate, at once on a step or a contradiction; findings (emptied
 * first) say why it is not open, and what is only warned of.  Zero *memory to begin.
 */
enum cf_gate_state cf_gate_during(const struct cf_pair_evidence *pair, const struct cf_both_limits *limits,
				  cf_mono now, struct cf_gate_memory *memory, struct cf_findings *findings);
