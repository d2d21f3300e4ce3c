/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/record.h"

#define T struct cf_scaling
static const struct cf_field scaling_fields[] = {
	CF_INT(T, ratio, INT64_MIN, INT64_MAX),
	CF_INT(T, frac_bits, 0, 63),
};
#undef T
const struct cf_shape cf_scaling_shape = CF_SHAPE(cf_scaling, scaling_fields);

#define T struct cf_vcpu_counter
static const struct cf_field vcpu_counter_fields[] = {
	CF_INT(T, vcpu, 0, UINT32_MAX),
	CF_INT(T, offset, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_offset)),
	CF_STRUCT(T, scaling, cf_scaling_shape, CF_MAYBE(T, has_scaling)),
	CF_BOOL(T, guest_mode, CF_MAYBE(T, has_guest_mode)),
};
#undef T
static const struct cf_shape vcpu_counter_shape = CF_SHAPE(cf_vcpu_counter, vcpu_counter_fields);

#define T struct cf_timer
static const struct cf_field timer_fields[] = {
	CF_TEXT(T, name),
	CF_BOOL(T, present, CF_MAYBE(T, has_present)),
	CF_INT(T, frequency, 0, INT64_MAX, CF_MAYBE(T, has_frequency)),
	CF_TEXT(T, tickpolicy),
	CF_TEXT(T, mode),
	CF_TEXT(T, track),
};
#undef T
static const struct cf_shape timer_shape = CF_SHAPE(cf_timer, timer_fields);

#define T struct cf_rate
static const struct cf_field rate_fields[] = {
	CF_REAL(T, ppm, -1e6, 1e6),
	CF_REAL(T, bound_ppm, 0, 1e6),
};
#undef T
const struct cf_shape cf_rate_shape = CF_SHAPE(cf_rate, rate_fields);

#define T struct cf_guest_offset
static const struct cf_field guest_offset_fields[] = {
	CF_INTERVAL(T, offset, INT64_MIN, INT64_MAX),
	CF_STRUCT(T, at, cf_instant_shape),
	CF_INT(T, rounds, 1, 1000000),
	CF_SPAN(T, slowest, 0, CF_YEAR),
	CF_STRUCT(T, rate, cf_rate_shape, CF_MAYBE(T, has_rate)),
	CF_SPAN(T, rate_over, 0, CF_YEAR, CF_MAYBE(T, has_rate_over), CF_SINCE(2)),
};
#undef T
const struct cf_shape cf_guest_offset_shape = CF_SHAPE(cf_guest_offset, guest_offset_fields);

#define T struct cf_passthrough
static const struct cf_field passthrough_fields[] = {
	CF_BOOL(T, preloads),
	CF_TEXT(T, library),
	CF_BOOL(T, more),
};
#undef T
const struct cf_shape cf_passthrough_shape = CF_SHAPE(cf_passthrough, passthrough_fields);

#define T struct cf_kvm_offer
static const struct cf_field kvm_offer_fields[] = {
	CF_BOOL(T, handed_on),
	CF_INT(T, version, 1, UINT32_MAX),
	CF_TEXT(T, why),
};
#undef T
const struct cf_shape cf_kvm_offer_shape = CF_SHAPE(cf_kvm_offer, kvm_offer_fields);

#define T struct cf_guest_clock
static const struct cf_field guest_clock_fields[] = {
	CF_TEXT(T, domain),
	CF_TEXT(T, uuid),
	CF_TEXT(T, type),
	CF_TEXT(T, arch),
	CF_TEXT(T, machine),
	CF_TEXT(T, emulator),
	CF_TEXT(T, clock_offset),
	CF_LIST(T, timers, &timer_shape),
	CF_BOOL(T, kvmclock),
	CF_BOOL(T, vmclock, CF_MAYBE(T, has_vmclock), CF_SINCE(2)),
	CF_BOOL(T, self_correcting),
	CF_TEXT(T, clocksource, CF_MAYBE(T, has_clocksource)),
	CF_INT(T, counter_hz, 1, INT64_MAX, CF_MAYBE(T, has_counter_hz)),
	CF_BOOL(T, counter_promised),
	CF_BOOL(T, agent_configured),
	CF_BOOL(T, agent_connected),
	CF_STRUCT(T, guest_offset, cf_guest_offset_shape, CF_MAYBE(T, has_guest_offset)),
	CF_TEXT(T, guest_offset_why),
	CF_LIST(T, vcpus, &vcpu_counter_shape),
	CF_ENUM(T, lever, cf_lever_words, CF_N_LEVERS),
	CF_INT(T, kvm_version, 1, UINT32_MAX, CF_MAYBE(T, has_kvm_version), CF_SINCE(2)),
	CF_TEXT(T, kvm_why, CF_MAYBE(T, has_kvm_why), CF_SINCE(2)),
	CF_LIST(T, findings, &cf_finding_shape),
};
#undef T
const struct cf_shape cf_guest_clock_shape = CF_SHAPE(cf_guest_clock, guest_clock_fields);

#define T struct cf_record
static const struct cf_field record_fields[] = {
	CF_STRUCT(T, guest, cf_guest_clock_shape),
	CF_STRUCT(T, host_at, cf_instant_shape),
	CF_INT(T, tai_s, 0, 1000, CF_MAYBE(T, has_tai)),
	CF_INT(T, host_counter, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_host_counter)),
	CF_INT(T, host_counter_hz, 1, INT64_MAX, CF_MAYBE(T, has_host_counter_hz)),
	CF_STRUCT(T, stop, cf_instant_shape, CF_MAYBE(T, has_stop)),
	CF_INT(T, disruption, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_disruption), CF_SINCE(2)),
	CF_BOOL(T, paused),
	CF_INTERVAL(T, raw_offset, INT64_MIN, INT64_MAX, CF_MAYBE(T, has_raw_offset)),
	CF_TEXT(T, destination_boot),
};
#undef T
const struct cf_shape cf_record_shape = CF_SHAPE(cf_record, record_fields);
