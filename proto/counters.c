/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/counters.h"

const char *const cf_counter_result_words[CF_N_COUNTER_RESULTS] = {
	[CF_COUNTERS_UNKNOWN] = "unknown",
	[CF_COUNTERS_CARRIED] = "carried",
	[CF_COUNTERS_KEPT]    = "kept",
	[CF_COUNTERS_LEFT]    = "left",
};

#define T struct cf_counter_point
static const struct cf_field counter_point_fields[] = {
	CF_INT(T, clock, INT64_MIN, INT64_MAX),
	CF_INT(T, host, INT64_MIN, INT64_MAX),
	CF_STRUCT(T, at, cf_instant_shape),
	CF_SPAN(T, width, 0, CF_S),
	CF_INTERVAL(T, raw_offset, INT64_MIN, INT64_MAX),
	CF_BOOL(T, master_clock, CF_MAYBE(T, has_master_clock), CF_SINCE(2)),
};
#undef T
const struct cf_shape cf_counter_point_shape = CF_SHAPE(cf_counter_point, counter_point_fields);

#define T struct cf_counter_range
static const struct cf_field counter_range_fields[] = {
	CF_INT(T, low, INT64_MIN, INT64_MAX),
	CF_INT(T, high, INT64_MIN, INT64_MAX),
};
#undef T
static const struct cf_shape counter_range_shape = CF_SHAPE(cf_counter_range, counter_range_fields);

#define T struct cf_counter_values
static const struct cf_field counter_values_fields[] = {
	CF_INT(T, first, INT64_MIN, INT64_MAX),
	CF_INT(T, last, INT64_MIN, INT64_MAX),
	CF_INT(T, physical, INT64_MIN, INT64_MAX),
};
#undef T
static const struct cf_shape counter_values_shape = CF_SHAPE(cf_counter_values, counter_values_fields);

#define T struct cf_counter_vcpu
static const struct cf_field counter_vcpu_fields[] = {
	CF_INT(T, vcpu, 0, UINT32_MAX),
	CF_INT(T, offset, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_offset)),
	CF_STRUCT(T, scaling, cf_scaling_shape, CF_MAYBE(T, has_scaling)),
	CF_STRUCT(T, cnt, counter_values_shape, CF_MAYBE(T, has_cnt)),
};
#undef T
static const struct cf_shape counter_vcpu_shape = CF_SHAPE(cf_counter_vcpu, counter_vcpu_fields);

#define T struct cf_counters
static const struct cf_field counters_fields[] = {
	CF_INT(T, version, 1, UINT32_MAX),
	CF_BOOL(T, stopped),
	CF_STRUCT(T, point, cf_counter_point_shape),
	CF_TEXT(T, destination_boot),
	CF_INT(T, hz, 1, INT64_MAX, CF_MAYBE(T, has_hz)),
	CF_STRUCT(T, virt, counter_range_shape, CF_MAYBE(T, has_virt)),
	CF_STRUCT(T, phys, counter_range_shape, CF_MAYBE(T, has_phys)),
	CF_LIST(T, vcpus, &counter_vcpu_shape),
};
#undef T
const struct cf_shape cf_counters_shape = CF_SHAPE(cf_counters, counters_fields);

#define T struct cf_counter_run
static const struct cf_field counter_run_fields[] = {
	CF_INT(T, first, 0, UINT32_MAX),
	CF_INT(T, count, 1, CF_VCPUS_MAX),
	CF_INT(T, before, INT64_MIN, INT64_MAX),
	CF_INT(T, after, INT64_MIN, INT64_MAX),
	CF_BOOL(T, agrees, CF_MAYBE(T, has_agrees)),
};
#undef T
static const struct cf_shape counter_run_shape = CF_SHAPE(cf_counter_run, counter_run_fields);

#define T struct cf_counter_report
static const struct cf_field counter_report_fields[] = {
	CF_ENUM(T, result, cf_counter_result_words, CF_N_COUNTER_RESULTS),
	CF_TEXT(T, why),
	CF_SPAN(T, elapsed, 0, INT64_MAX, CF_MAYBE(T, has_elapsed)),
	CF_INTERVAL(T, residual, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_residual)),
	CF_BOOL(T, clamped),
	CF_BOOL(T, master_clock),
	CF_BOOL(T, master_clock_before, CF_MAYBE(T, has_master_clock_before), CF_SINCE(2)),
	CF_BOOL(T, own_instant_before, CF_MAYBE(T, has_own_instant_before), CF_SINCE(2)),
	CF_BOOL(T, own_instant, CF_MAYBE(T, has_own_instant), CF_SINCE(2)),
	CF_BOOL(T, by_value, CF_MAYBE(T, has_by_value), CF_SINCE(2)),
	CF_BOOL(T, physical_set, CF_MAYBE(T, has_physical_set), CF_SINCE(2)),
	CF_INTERVAL(T, physical, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_physical), CF_SINCE(2)),
	CF_BOOL(T, vm_wide, CF_MAYBE(T, has_vm_wide), CF_SINCE(2)),
	CF_SPAN(T, routes, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_routes)),
	CF_SPAN(T, took, 0, INT64_MAX),
	CF_SPAN(T, bare, 0, INT64_MAX),
	CF_INT(T, vcpus, 0, CF_VCPUS_MAX),
	CF_LIST(T, runs, &counter_run_shape),
};
#undef T
const struct cf_shape cf_counter_report_shape = CF_SHAPE(cf_counter_report, counter_report_fields);
