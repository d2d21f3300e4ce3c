/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The receipt: the final record of one migration, the same on both hosts.
 *
 * The destination measures what happens there (struct cf_landing) and the
 * source completes the receipt with it and hands the whole back.  What was not
 * measured is absent, and `unmeasured` says why.
 */

#include "proto/commit.h"
#include "proto/migration.h"

/* One reading of the guest's clock error after the landing: guest clock minus where it should be. */
struct cf_residual {
	cf_span after;			/* since RESUME */
	struct cf_interval residual;
};

/* One attempt to set the guest's clock. */
struct cf_step {
	cf_span after;			/* since RESUME, when the call was made */
	cf_span by;			/* what the clock was to move by */
	cf_span took;			/* the call, from request to answer */
	bool accepted;			/* what the call said; the reading after it is what counts */
	char why[CF_DETAIL_ROOM];	/* what the call said when not; or what it did to the clock when that was wrong */
};

struct cf_phase_time {
	enum cf_phase phase;
	cf_real at;			/* on the clock of the host whose phase it is */
	cf_span took;
};

/* What the host saw on which the guest ran on. */
struct cf_landing {
	enum cf_phase phase;
	bool has_reason;
	char reason[CF_DETAIL_ROOM];	/* why it is that one, where it was not to be expected */
	bool has_abort_asked;
	char abort_asked[CF_DETAIL_ROOM];	/* at the destination, and by whom: the source is to call its copy off if it still can */
	bool has_word;
	enum cf_word word;		/* did the guest ever run there: the destination's word */
	bool has_resume;
	struct cf_instant resume;	/* QEMU's RESUME, on the destination's clocks */
	cf_span resume_slack;		/* how much later the guest's first instruction may have been */
	bool has_torn;
	bool torn;			/* its post-copy failed: it lacks memory that was still at the source */
	bool has_stepped;
	bool stepped;			/* its host's clock was, since RESUME: what follows is by RAW alone */
	bool has_stop;
	struct cf_instant stop;		/* should the domain stop again before the end: when */
	bool has_lag;
	struct cf_interval lag;		/* of the guest's clock, measured after RESUME and before any correction */
	enum cf_lever lever;		/* that was used */
	bool has_counters;
	struct cf_counter_report counters;	/* lever kvm: what the library in its QEMU did */
	bool has_corrected_after;
	cf_span corrected_after;	/* RESUME to the first reading within policy */
	size_t n_steps;
	struct cf_step steps[8];
	size_t n_residuals;
	struct cf_residual residuals[16];
	char left[CF_DETAIL_ROOM];	/* why nothing more was done about its clock */
	bool has_drift;
	struct cf_rate drift;		/* of its clock against where it should be, since the last step */
	bool has_notice;
	struct cf_notice_given {	/* to the guest, of its clock's error bound */
		enum cf_notice how;
		cf_span after;		/* since RESUME, when it was given */
		char why[CF_DETAIL_ROOM];	/* what went wrong; "" nothing */
	} notice;
	bool has_disruption;
	struct cf_disruption {		/* the marker of the guest's vmclock, by which QEMU tells it that its clock is void */
		int64_t before, after;	/* 64 bits each; not moved when they are the same */
	} disruption;
	size_t n_phases;
	struct cf_phase_time phases[16];	/* those of this host that are over */
	bool has_persistence;
	struct cf_persistence persistence;	/* of the domain on that host, afterwards */
	char agent[32];			/* the destination agent's version */
	char libvirt[32];
	char emulator[128];
	char kernel[128];
	size_t n_unmeasured;
	char unmeasured[16][CF_DETAIL_ROOM];	/* "lag: the guest agent did not answer within 5 s" */
};

/*
 * The decision at the commit gate, and what it was made of.  The host offset and the two
 * clocks are those that were in hand: nobody was asked while the guest stood still.  Of what was
 * taken back before there was anything to decide, the limit is all that there is of it.
 */
struct cf_gated {
	bool committed;			/* let run there; else rolled back, for the migration's reason */
	bool has_so_far;
	cf_span so_far;			/* from the guest's last instruction to the decision, at the most */
	bool has_expected;
	cf_span expected;		/* what the blackout would have come to */
	cf_span limit;
	bool has_host_offset;
	struct cf_interval host_offset;	/* REALTIME destination - source, as of the decision */
	bool has_source_clock, has_destination_clock;
	enum cf_clock_state source_clock;
	enum cf_clock_state destination_clock;
	bool has_record_there;
	bool record_there;		/* the destination had the record of STOP */
	bool has_answer_took;
	cf_span answer_took;		/* from the commit's first byte to the destination's answer */
	bool has_obeyed_took;
	cf_span obeyed_took;		/* of that, the one durable write */
	bool has_finish_took;
	cf_span finish_took;		/* of that, libvirt's Finish */
	bool has_spare;
	cf_span spare;			/* how much longer the commit was valid when libvirt was told to let it run */
	bool has_taken_back_took;
	cf_span taken_back_took;	/* rolled back: from the decision until the source had its guest again */
	bool has_word;
	enum cf_word word;		/* the destination's */
};

/* The programs that had a hand in it, on one host; "" where one did not tell. */
struct cf_versions {
	char agent[32];
	char libvirt[32];
	char emulator[128];
	char kernel[128];
};

/* What QEMU was told to aim at as the blackout, and what became of that. */
struct cf_ramp_used {
	cf_span first, most;		/* where it began, and beyond which it would not have gone */
	cf_span last;			/* in force at STOP */
	int64_t raises;
	bool has_above;
	cf_span above;			/* what the blackout was, at most, beyond QEMU's last estimate */
	bool has_error;
	struct cf_interval error;	/* the blackout minus what was predicted last */
};

struct cf_receipt {
	struct cf_migration migration;	/* as it ended */
	bool has_author;
	char author[CF_HOST_ROOM];	/* whose agent wrote it, and whose clock gave its times */
	char driver[32];		/* "libvirt": the commit was not gated; "foreign": somebody else drove it */
	bool has_persistence;
	struct cf_persistence persistence;	/* of the domain, as it was on the source */
	bool has_policy;
	struct cf_policy_used policy;
	bool has_override;
	struct cf_override override;	/* that was in force */
	bool has_would_refuse;
	bool would_refuse;		/* it went only because policy does no more than observe, or was not asked */
	bool has_options;
	struct cf_options options;	/* as they were used */
	struct cf_limits limits;	/* in force: of each the stricter of both hosts' */
	struct cf_limit_owners {	/* whose each was */
		char max_error_bound[CF_HOST_ROOM];
		char max_skew[CF_HOST_ROOM];
		char max_blackout[CF_HOST_ROOM];
		char max_residual[CF_HOST_ROOM];
		bool has_others;
		struct cf_other_owners {
			char gate_grace[CF_HOST_ROOM];
			char holdover_max[CF_HOST_ROOM];
			char max_stratum[CF_HOST_ROOM];
			char require_lever[CF_HOST_ROOM];
			char correction[CF_HOST_ROOM];
			char correction_floor[CF_HOST_ROOM];
		} others;
	} limit_owners;
	bool has_source_report;
	struct cf_report source_report;
	bool has_destination_report;
	struct cf_report destination_report;
	bool has_offset_before;
	struct cf_interval offset_before;	/* host offset at the start, REALTIME destination - source */
	bool has_offset_during;
	struct cf_interval offset_during;	/* at STOP */
	bool has_offset_after;
	struct cf_interval offset_after;
	int64_t probe_rounds;
	size_t n_phases;
	struct cf_phase_time phases[16];	/* the source's */
	bool has_gated;
	struct cf_gated gated;
	bool has_cut_late;
	cf_span cut_late;		/* the watchdog cut the copy's connection: how long after that was due */
	bool has_bytes;
	int64_t bytes;
	bool has_stop;
	struct cf_instant stop;		/* QEMU's STOP, on the source's clocks */
	cf_span stop_slack;		/* an assumption: how long before STOP the guest may have stood still */
	bool has_blackout;
	struct cf_interval blackout;
	bool has_ramp;
	struct cf_ramp_used ramp;
	bool has_libvirt_downtime;
	cf_span libvirt_downtime;	/* libvirt's own "total downtime", in its 1 ms steps */
	bool has_libvirt_downtime_offset;
	struct cf_interval libvirt_downtime_offset;	/* what the hosts' clock difference put into it */
	bool has_source_lost;
	struct cf_interval source_lost;	/* an aborted attempt: how long the guest stood still on the source */
	bool has_guest_offset_before;
	struct cf_guest_offset guest_offset_before;	/* what was restored: the last before STOP */
	bool has_predicted_lag;
	struct cf_interval predicted_lag;
	char predicted_lag_why[CF_DETAIL_ROOM];	/* from which clock of the guest it follows */
	bool lag_surprising;		/* predicted and measured do not meet */
	bool has_vmclock;
	bool vmclock;			/* the guest has a vmclock, which tells it that it was moved */
	bool has_frequency_step;
	struct cf_rate frequency_step;	/* what the guest's clock gains there less what it gained here, on one and the same clock */
	bool has_landing;
	struct cf_landing landing;
	bool has_kept;
	struct cf_landing kept;		/* an aborted attempt: the same, of the guest that ran on at the source */
	char agent[32];			/* the source agent's version */
	char libvirt[32];
	char emulator[128];
	char machine[64];
	char kernel[128];
	bool has_destination_versions;
	struct cf_versions destination_versions;	/* as its lease had them, whether the guest landed or not */
	size_t n_unmeasured;
	char unmeasured[16][CF_DETAIL_ROOM];
};

/*
 * What was seen of the guest where it ran on: at the destination, or at the source after an
 * attempt that had stopped it.  NULL: it was not seen.
 */
const struct cf_landing *cf_receipt_ran_on(const struct cf_receipt *receipt);

/* Since when, after RESUME, that guest's clock was not stepped any more: the end of the last step, or 0. */
cf_span cf_landing_untouched(const struct cf_landing *landing);

/*
 * What remains wrong with that guest's clock, as far as anybody knows: the last reading, if it was made
 * after the last step; of one that was neither read nor stepped, what the counters that it is made of are
 * off by.  NULL: it is not known.  Points into the landing.
 */
const struct cf_interval *cf_landing_residual(const struct cf_landing *landing);

/* Whose limit that is, by the name of its member in struct cf_limits; "" when that is not known. */
const char *cf_limit_owner(const struct cf_limit_owners *owners, const char *limit);

extern const struct cf_shape cf_landing_shape;
extern const struct cf_shape cf_receipt_shape;
