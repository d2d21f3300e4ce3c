/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/receipt.h"

#include <string.h>

#define T struct cf_residual
static const struct cf_field residual_fields[] = {
	CF_SPAN(T, after, 0, CF_YEAR),
	CF_INTERVAL(T, residual, INT64_MIN, INT64_MAX),
};
#undef T
static const struct cf_shape residual_shape = CF_SHAPE(cf_residual, residual_fields);

#define T struct cf_step
static const struct cf_field step_fields[] = {
	CF_SPAN(T, after, 0, CF_YEAR),
	CF_SPAN(T, by, INT64_MIN, INT64_MAX),
	CF_SPAN(T, took, 0, CF_YEAR),
	CF_BOOL(T, accepted),
	CF_TEXT(T, why),
};
#undef T
static const struct cf_shape step_shape = CF_SHAPE(cf_step, step_fields);

#define T struct cf_phase_time
static const struct cf_field phase_time_fields[] = {
	CF_ENUM(T, phase, cf_phase_words, CF_N_PHASES),
	CF_TIME(T, at),
	CF_SPAN(T, took, 0, CF_YEAR),
};
#undef T
static const struct cf_shape phase_time_shape = CF_SHAPE(cf_phase_time, phase_time_fields);

#define T struct cf_notice_given
static const struct cf_field notice_given_fields[] = {
	CF_ENUM(T, how, cf_notice_words, CF_N_NOTICES),
	CF_SPAN(T, after, INT64_MIN, INT64_MAX),
	CF_TEXT(T, why),
};
#undef T
static const struct cf_shape notice_given_shape = CF_SHAPE(cf_notice_given, notice_given_fields);

#define T struct cf_disruption
static const struct cf_field disruption_fields[] = {
	CF_INT(T, before, INT64_MIN, INT64_MAX),
	CF_INT(T, after, INT64_MIN, INT64_MAX),
};
#undef T
static const struct cf_shape disruption_shape = CF_SHAPE(cf_disruption, disruption_fields);

#define T struct cf_landing
static const struct cf_field landing_fields[] = {
	CF_ENUM(T, phase, cf_phase_words, CF_N_PHASES),
	CF_TEXT(T, reason, CF_MAYBE(T, has_reason), CF_SINCE(1)),
	CF_TEXT(T, abort_asked, CF_MAYBE(T, has_abort_asked), CF_SINCE(2)),
	CF_ENUM(T, word, cf_word_words, CF_N_WORDS, CF_MAYBE(T, has_word), CF_SINCE(2)),
	CF_STRUCT(T, resume, cf_instant_shape, CF_MAYBE(T, has_resume)),
	CF_SPAN(T, resume_slack, 0, CF_YEAR),
	CF_BOOL(T, torn, CF_MAYBE(T, has_torn), CF_SINCE(2)),
	CF_BOOL(T, stepped, CF_MAYBE(T, has_stepped), CF_SINCE(2)),
	CF_STRUCT(T, stop, cf_instant_shape, CF_MAYBE(T, has_stop)),
	CF_INTERVAL(T, lag, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_lag)),
	CF_ENUM(T, lever, cf_lever_words, CF_N_LEVERS),
	CF_STRUCT(T, counters, cf_counter_report_shape, CF_MAYBE(T, has_counters), CF_SINCE(2)),
	CF_SPAN(T, corrected_after, 0, CF_YEAR, CF_MAYBE(T, has_corrected_after)),
	CF_LIST(T, steps, &step_shape),
	CF_LIST(T, residuals, &residual_shape),
	CF_TEXT(T, left),
	CF_STRUCT(T, drift, cf_rate_shape, CF_MAYBE(T, has_drift), CF_SINCE(2)),
	CF_STRUCT(T, notice, notice_given_shape, CF_MAYBE(T, has_notice), CF_SINCE(2)),
	CF_STRUCT(T, disruption, disruption_shape, CF_MAYBE(T, has_disruption), CF_SINCE(2)),
	CF_LIST(T, phases, &phase_time_shape, CF_SINCE(1)),
	CF_STRUCT(T, persistence, cf_persistence_shape, CF_MAYBE(T, has_persistence), CF_SINCE(1)),
	CF_TEXT(T, agent),
	CF_TEXT(T, libvirt),
	CF_TEXT(T, emulator),
	CF_TEXT(T, kernel),
	CF_LIST(T, unmeasured, NULL),
};
#undef T
const struct cf_shape cf_landing_shape = CF_SHAPE(cf_landing, landing_fields);

#define T struct cf_other_owners
static const struct cf_field other_owners_fields[] = {
	CF_TEXT(T, gate_grace),
	CF_TEXT(T, holdover_max),
	CF_TEXT(T, max_stratum),
	CF_TEXT(T, require_lever),
	CF_TEXT(T, correction),
	CF_TEXT(T, correction_floor),
};
#undef T
static const struct cf_shape other_owners_shape = CF_SHAPE(cf_other_owners, other_owners_fields);

#define T struct cf_limit_owners
static const struct cf_field limit_owners_fields[] = {
	CF_TEXT(T, max_error_bound),
	CF_TEXT(T, max_skew),
	CF_TEXT(T, max_blackout),
	CF_TEXT(T, max_residual),
	CF_STRUCT(T, others, other_owners_shape, CF_MAYBE(T, has_others), CF_SINCE(1)),
};
#undef T
static const struct cf_shape limit_owners_shape = CF_SHAPE(cf_limit_owners, limit_owners_fields);

#define T struct cf_gated
static const struct cf_field gated_fields[] = {
	CF_BOOL(T, committed),
	CF_SPAN(T, so_far, 0, CF_YEAR, CF_MAYBE(T, has_so_far)),
	CF_SPAN(T, expected, 0, CF_YEAR, CF_MAYBE(T, has_expected)),
	CF_SPAN(T, limit, 0, CF_YEAR),
	CF_INTERVAL(T, host_offset, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_host_offset)),
	CF_ENUM(T, source_clock, cf_clock_states, CF_N_CLOCK_STATES, CF_MAYBE(T, has_source_clock)),
	CF_ENUM(T, destination_clock, cf_clock_states, CF_N_CLOCK_STATES, CF_MAYBE(T, has_destination_clock)),
	CF_BOOL(T, record_there, CF_MAYBE(T, has_record_there)),
	CF_SPAN(T, answer_took, 0, CF_YEAR, CF_MAYBE(T, has_answer_took)),
	CF_SPAN(T, obeyed_took, 0, CF_YEAR, CF_MAYBE(T, has_obeyed_took)),
	CF_SPAN(T, finish_took, 0, CF_YEAR, CF_MAYBE(T, has_finish_took)),
	CF_SPAN(T, spare, -CF_DAY, CF_DAY, CF_MAYBE(T, has_spare), CF_SINCE(2)),
	CF_SPAN(T, taken_back_took, 0, CF_YEAR, CF_MAYBE(T, has_taken_back_took)),
	CF_ENUM(T, word, cf_word_words, CF_N_WORDS, CF_MAYBE(T, has_word)),
};
#undef T
static const struct cf_shape gated_shape = CF_SHAPE(cf_gated, gated_fields);

#define T struct cf_versions
static const struct cf_field versions_fields[] = {
	CF_TEXT(T, agent),
	CF_TEXT(T, libvirt),
	CF_TEXT(T, emulator),
	CF_TEXT(T, kernel),
};
#undef T
static const struct cf_shape versions_shape = CF_SHAPE(cf_versions, versions_fields);

#define T struct cf_ramp_used
static const struct cf_field ramp_used_fields[] = {
	CF_SPAN(T, first, 0, CF_YEAR),
	CF_SPAN(T, most, 0, CF_YEAR),
	CF_SPAN(T, last, 0, CF_YEAR),
	CF_INT(T, raises, 0, INT64_MAX),
	CF_SPAN(T, above, 0, CF_YEAR, CF_MAYBE(T, has_above)),
	CF_INTERVAL(T, error, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_error)),
};
#undef T
static const struct cf_shape ramp_used_shape = CF_SHAPE(cf_ramp_used, ramp_used_fields);

#define T struct cf_receipt
static const struct cf_field receipt_fields[] = {
	CF_STRUCT(T, migration, cf_migration_shape),
	CF_TEXT(T, author, CF_MAYBE(T, has_author), CF_SINCE(1)),
	CF_TEXT(T, driver),
	CF_STRUCT(T, persistence, cf_persistence_shape, CF_MAYBE(T, has_persistence), CF_SINCE(1)),
	CF_STRUCT(T, policy, cf_policy_used_shape, CF_MAYBE(T, has_policy), CF_SINCE(1)),
	CF_STRUCT(T, override, cf_override_shape, CF_MAYBE(T, has_override), CF_SINCE(1)),
	CF_BOOL(T, would_refuse, CF_MAYBE(T, has_would_refuse), CF_SINCE(1)),
	CF_STRUCT(T, options, cf_options_shape, CF_MAYBE(T, has_options), CF_SINCE(1)),
	CF_STRUCT(T, limits, cf_limits_shape),
	CF_STRUCT(T, limit_owners, limit_owners_shape),
	CF_STRUCT(T, source_report, cf_report_shape, CF_MAYBE(T, has_source_report)),
	CF_STRUCT(T, destination_report, cf_report_shape, CF_MAYBE(T, has_destination_report)),
	CF_INTERVAL(T, offset_before, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_offset_before)),
	CF_INTERVAL(T, offset_during, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_offset_during)),
	CF_INTERVAL(T, offset_after, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_offset_after)),
	CF_INT(T, probe_rounds, 0, INT64_MAX),
	CF_LIST(T, phases, &phase_time_shape),
	CF_STRUCT(T, gated, gated_shape, CF_MAYBE(T, has_gated), CF_SINCE(2)),
	CF_SPAN(T, cut_late, 0, CF_YEAR, CF_MAYBE(T, has_cut_late), CF_SINCE(2)),
	CF_INT(T, bytes, 0, INT64_MAX, CF_MAYBE(T, has_bytes)),
	CF_STRUCT(T, stop, cf_instant_shape, CF_MAYBE(T, has_stop)),
	CF_SPAN(T, stop_slack, 0, CF_DAY),
	CF_INTERVAL(T, blackout, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_blackout)),
	CF_STRUCT(T, ramp, ramp_used_shape, CF_MAYBE(T, has_ramp), CF_SINCE(2)),
	CF_SPAN(T, libvirt_downtime, 0, INT64_MAX, CF_MAYBE(T, has_libvirt_downtime)),
	CF_INTERVAL(T, libvirt_downtime_offset, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_libvirt_downtime_offset)),
	CF_INTERVAL(T, source_lost, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_source_lost)),
	CF_STRUCT(T, guest_offset_before, cf_guest_offset_shape, CF_MAYBE(T, has_guest_offset_before)),
	CF_INTERVAL(T, predicted_lag, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_predicted_lag)),
	CF_TEXT(T, predicted_lag_why),
	CF_BOOL(T, lag_surprising),
	CF_BOOL(T, vmclock, CF_MAYBE(T, has_vmclock), CF_SINCE(2)),
	CF_STRUCT(T, frequency_step, cf_rate_shape, CF_MAYBE(T, has_frequency_step), CF_SINCE(2)),
	CF_STRUCT(T, landing, cf_landing_shape, CF_MAYBE(T, has_landing)),
	CF_STRUCT(T, kept, cf_landing_shape, CF_MAYBE(T, has_kept)),
	CF_TEXT(T, agent),
	CF_TEXT(T, libvirt),
	CF_TEXT(T, emulator),
	CF_TEXT(T, machine),
	CF_TEXT(T, kernel),
	CF_STRUCT(T, destination_versions, versions_shape, CF_MAYBE(T, has_destination_versions), CF_SINCE(1)),
	CF_LIST(T, unmeasured, NULL),
};
#undef T
const struct cf_shape cf_receipt_shape = CF_SHAPE(cf_receipt, receipt_fields);

const struct cf_landing *cf_receipt_ran_on(const struct cf_receipt *receipt)
{
	return receipt->has_kept ? &receipt->kept : receipt->has_landing ? &receipt->landing : NULL;
}

cf_span cf_landing_untouched(const struct cf_landing *landing)
{
	const struct cf_step *last = landing->n_steps > 0 ? &landing->steps[landing->n_steps - 1] : NULL;

	return last ? cf_span_add(last->after, last->took) : (cf_span){ 0 };
}

const struct cf_interval *cf_landing_residual(const struct cf_landing *landing)
{
	const struct cf_residual *last = landing->n_residuals > 0 ? &landing->residuals[landing->n_residuals - 1] : NULL;

	if (last)
		return cf_span_cmp(last->after, cf_landing_untouched(landing)) >= 0 ? &last->residual : NULL;
	return landing->n_steps == 0 && landing->has_counters && landing->counters.has_residual
		       ? &landing->counters.residual : NULL;
}

static const char *text_of(const struct cf_shape *shape, const void *message, const char *name)
{
	for (size_t i = 0; i < shape->n_fields; i++)
		if (shape->fields[i].kind == CF_KIND_TEXT && strcmp(shape->fields[i].name, name) == 0)
			return (const char *)message + shape->fields[i].offset;

	return NULL;
}

const char *cf_limit_owner(const struct cf_limit_owners *owners, const char *limit)
{
	const char *owner = text_of(&limit_owners_shape, owners, limit);

	if (!owner && owners->has_others)
		owner = text_of(&other_owners_shape, &owners->others, limit);
	return owner ? owner : "";
}
