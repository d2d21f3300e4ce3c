/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/carry.h"

#include "policy/counter.h"
#include "policy/offset.h"
#include "policy/words.h"

#define RAW_SLACK  ((cf_span){ CF_US })		/* of RAW beside an instant that the kernel gave, at either end */
#define RUN_WINDOW ((cf_span){ 600 * CF_S })	/* so long a copy may go on after the last sample that came */

/* --- what travels --- */

struct cf_counter_point cf_carry_point(const struct cf_kvm_capture *capture, enum cf_kvm_arch arch, struct cf_interval raw_offset)
{
	return (struct cf_counter_point){
		.clock = (int64_t)capture->clock,
		.host = (int64_t)capture->host,
		.at = { .raw = capture->raw, .real = capture->realtime },
		.width = capture->width,
		.raw_offset = raw_offset,
		.has_master_clock = arch == CF_KVM_ARCH_X86,
		.master_clock = arch == CF_KVM_ARCH_X86 && capture->flags & CF_KVM_CLOCK_STABLE,
	};
}

static const struct cf_vcpu_counter *of_vcpu(const struct cf_vcpu_counter *vcpus, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (vcpus[i].vcpu == (int64_t)id)
			return &vcpus[i];
	return NULL;
}

/* debugfs has offset and scaling of a nested guest while that runs, and of L1 else. */
static bool is_nested(const struct cf_vcpu_counter *outside)
{
	return outside && outside->has_guest_mode && outside->guest_mode;
}

void cf_carry_keep(struct cf_vcpu_counter *vcpus, size_t n, const struct cf_vcpu_counter *before, size_t n_before)
{
	for (size_t i = 0; i < n; i++) {
		const struct cf_vcpu_counter *was = of_vcpu(before, n_before, (uint32_t)vcpus[i].vcpu);

		if (is_nested(&vcpus[i]) && was)
			vcpus[i] = *was;
	}
}

static void tell_vcpu(const struct cf_kvm_vcpu *vcpu, const struct cf_vcpu_counter *outside, bool stopped,
		      struct cf_counter_vcpu *ret)
{
	bool nested = is_nested(outside);

	*ret = (struct cf_counter_vcpu){ .vcpu = vcpu->id };
	if (stopped && (vcpu->flags & CF_KVM_VCPU_OFFSET)) {
		ret->has_offset = !(nested && outside->has_scaling);	/* which its scaling belongs to */
		ret->offset = vcpu->offset;
	} else if (outside && outside->has_offset && !nested) {
		ret->has_offset = true;
		ret->offset = outside->offset;
	}
	if (outside && outside->has_scaling && !nested) {
		ret->has_scaling = true;
		ret->scaling = outside->scaling;
	}
	ret->has_cnt = vcpu->flags & CF_KVM_VCPU_CNT;
	ret->cnt = (struct cf_counter_values){ (int64_t)vcpu->cnt, (int64_t)vcpu->cnt_last, (int64_t)vcpu->pcnt };
}

void cf_carry_tell(const struct cf_kvm_said *said, const struct cf_counter_point *point, bool stopped,
		   const struct cf_guest_clock *guest, struct cf_counters *ret)
{
	uint64_t hz = said->hz ? said->hz : said->n_vcpus > 0 ? said->vcpus[0].khz * 1000 : 0;

	*ret = (struct cf_counters){
		.version = guest->kvm_version,
		.stopped = stopped,
		.point = *point,
		.has_hz = hz > 0 && hz <= INT64_MAX,
		.hz = (int64_t)hz,
		.has_virt = said->vm_flags & CF_KVM_VM_COUNTERS,
		.virt = { (int64_t)said->virt.low, (int64_t)said->virt.high },
		.has_phys = said->vm_flags & CF_KVM_VM_PHYS,
		.phys = { (int64_t)said->phys.low, (int64_t)said->phys.high },
		.n_vcpus = said->n_vcpus,
	};
	for (uint32_t i = 0; i < said->n_vcpus; i++)
		tell_vcpu(&said->vcpus[i], of_vcpu(guest->vcpus, guest->n_vcpus, said->vcpus[i].id), stopped,
			  &ret->vcpus[i]);
}

/*
 * x86: a vCPU that was unplugged on the source is still there for KVM, and QEMU, which keeps it for the next one,
 * does not make it at the destination.
 */
static bool is_to_be_there(enum cf_kvm_arch arch, const struct cf_vcpu_counter *shown)
{
	return arch != CF_KVM_ARCH_X86 || shown;
}

bool cf_carry_is_whole(const struct cf_counters *counters, enum cf_kvm_arch arch, const struct cf_vcpu_counter *vcpus,
		       size_t n_vcpus, char why[static CF_DETAIL_ROOM])
{
	bool x86 = arch == CF_KVM_ARCH_X86, some = false;

	words_set(why, CF_DETAIL_ROOM, counters->n_vcpus == 0 ? "no vCPU's counter came" : "");
	for (size_t i = 0; i < counters->n_vcpus && !*why; i++) {
		const struct cf_counter_vcpu *vcpu = &counters->vcpus[i];

		if (x86 ? vcpu->has_offset : vcpu->has_cnt) {
			some = true;
			continue;
		}
		if (!is_to_be_there(arch, of_vcpu(vcpus, n_vcpus, (uint32_t)vcpu->vcpu)))
			continue;
		words_set(why, CF_DETAIL_ROOM, x86 ? "no offset came of the counter of vCPU "
						   : "no reading came of the counter of vCPU ");
		words_add_int(why, CF_DETAIL_ROOM, vcpu->vcpu);
	}
	if (!some && !*why)	/* of vCPUs that debugfs shows none of, none is to be there */
		words_set(why, CF_DETAIL_ROOM, "no offset came of any vCPU's counter");
	return !*why;
}

/* --- what is asked --- */

static struct cf_kvm_scale scale_of(bool has, const struct cf_scaling *scaling)
{
	if (!has)
		return (struct cf_kvm_scale){ 0 };
	return (struct cf_kvm_scale){ .ratio = (uint64_t)scaling->ratio, .frac_bits = (uint32_t)scaling->frac_bits & 63 };
}

static bool is_same(struct cf_kvm_scale a, struct cf_kvm_scale b)
{
	return a.ratio == b.ratio && a.frac_bits == b.frac_bits;
}

/* Was that vCPU scaled on the source as this one was? */
static bool is_scaled_like(const struct cf_kvm_asked *asked, const struct cf_kvm_asked_vcpu *vcpu, int64_t other)
{
	for (uint32_t i = 0; i < asked->n_vcpus; i++)
		if ((int64_t)asked->vcpus[i].id == other)
			return is_same(asked->vcpus[i].source, vcpu->source);
	return false;
}

/*
 * While a nested guest is on it, debugfs may show another scaling: the guest's own is then that of a vCPU which
 * was scaled like it.  Where none shows that, what is shown has to do: it is right unless the guest scales for its
 * own guests, and the library looks at what it is told.
 */
static struct cf_kvm_scale scale_here(const struct cf_kvm_asked *asked, const struct cf_kvm_asked_vcpu *vcpu,
				      const struct cf_vcpu_counter *vcpus, size_t n_vcpus)
{
	const struct cf_vcpu_counter *here = of_vcpu(vcpus, n_vcpus, vcpu->id);

	for (size_t i = 0; i < n_vcpus && is_nested(here); i++)
		if (!is_nested(&vcpus[i]) && is_scaled_like(asked, vcpu, vcpus[i].vcpu))
			here = &vcpus[i];
	return scale_of(here && here->has_scaling, here ? &here->scaling : NULL);
}

bool cf_carry_is_scaled(const struct cf_kvm_asked *asked, const struct cf_vcpu_counter *vcpus, size_t n_vcpus)
{
	for (uint32_t i = 0; i < asked->n_vcpus; i++)
		if (!is_same(scale_here(asked, &asked->vcpus[i], vcpus, n_vcpus), asked->vcpus[i].destination))
			return false;
	return true;
}

static void ask_vcpu(const struct cf_counter_vcpu *vcpu, struct cf_kvm_asked_vcpu *ret)
{
	*ret = (struct cf_kvm_asked_vcpu){
		.id = (uint32_t)vcpu->vcpu,
		.offset = vcpu->offset,
		.source = scale_of(vcpu->has_scaling, &vcpu->scaling),
		.cnt = (uint64_t)vcpu->cnt.first,
		.cnt_last = (uint64_t)vcpu->cnt.last,
		.pcnt = (uint64_t)vcpu->cnt.physical,
	};
}

/* Those that are here, too.  One that only this host has the library finds. */
static bool ask_vcpus(const struct cf_carry *carry, struct cf_kvm_asked *ret, char why[static CF_DETAIL_ROOM])
{
	const struct cf_counters *counters = carry->counters;

	if (!cf_carry_is_whole(counters, carry->arch, carry->vcpus, carry->n_vcpus, why))
		return false;
	for (size_t i = 0; i < counters->n_vcpus; i++) {
		const struct cf_counter_vcpu *vcpu = &counters->vcpus[i];
		const struct cf_vcpu_counter *here = of_vcpu(carry->vcpus, carry->n_vcpus, (uint32_t)vcpu->vcpu);

		if (is_to_be_there(carry->arch, here))
			ask_vcpu(vcpu, &ret->vcpus[ret->n_vcpus++]);
	}
	for (uint32_t i = 0; i < ret->n_vcpus; i++)
		ret->vcpus[i].destination = scale_here(ret, &ret->vcpus[i], carry->vcpus, carry->n_vcpus);
	if (ret->n_vcpus == 0)
		words_set(why, CF_DETAIL_ROOM, "debugfs shows here none of the vCPUs whose counters came");
	return ret->n_vcpus > 0;
}

/* Destination's CLOCK_REALTIME now, minus source's of the point's instant as that would be now. */
static cf_span offset_of(const struct cf_counter_point *point, struct cf_instant now)
{
	return cf_span_add(cf_span_sub(cf_instant_difference(now), cf_instant_difference(point->at)),
			   cf_interval_middle(point->raw_offset));
}

/* What may travel: the value itself, once it is known; else what QEMU may still read. */
static void ask_window(const struct cf_carry *carry, struct cf_kvm_asked *ret)
{
	cf_span window = carry->point ? (cf_span){ 0 } : carry->counters->stopped ? carry->limit : RUN_WINDOW;

	ret->clock_low = ret->record.clock;
	if (carry->arch == CF_KVM_ARCH_X86 && __builtin_add_overflow(ret->clock_low, (uint64_t)window.ns, &ret->clock_high))
		ret->clock_high = UINT64_MAX;
	else if (carry->arch != CF_KVM_ARCH_X86)
		ret->clock_high = ret->clock_low;
}

bool cf_carry_ask(const struct cf_carry *carry, struct cf_kvm_asked *ret, char why[static CF_DETAIL_ROOM])
{
	const struct cf_counters *counters = carry->counters;
	/* arm64: the values that travel are those of the counters' own point. */
	const struct cf_counter_point *point = carry->point && carry->arch == CF_KVM_ARCH_X86 ? carry->point : &counters->point;

	*ret = (struct cf_kvm_asked){
		.expires = cf_mono_add(carry->now.raw, carry->expires),
		.flags = (counters->has_virt ? CF_KVM_ASKED_VIRT : 0) | (counters->has_phys ? CF_KVM_ASKED_PHYS : 0),
		.host_hz = (uint64_t)carry->host_hz,
		.guest_hz = counters->has_hz ? (uint64_t)counters->hz : 0,
		/* A leap second between the two instants is in their difference to RAW already. */
		.record = { .number = 1, .clock = (uint64_t)point->clock, .host = (uint64_t)point->host,
			    .realtime = point->at.real, .raw = point->at.raw, .width = point->width },
		.offset = offset_of(point, carry->now),
		.limit = carry->limit,
		.virt = { (uint64_t)counters->virt.low, (uint64_t)counters->virt.high },
		.phys = { (uint64_t)counters->phys.low, (uint64_t)counters->phys.high },
	};
	ask_window(carry, ret);
	return ask_vcpus(carry, ret, why);
}

static const struct cf_kvm_asked_vcpu *asked_of(const struct cf_kvm_asked *asked, uint32_t id)
{
	for (uint32_t i = 0; i < asked->n_vcpus; i++)
		if (asked->vcpus[i].id == id)
			return &asked->vcpus[i];
	return NULL;
}

bool cf_carry_is_late(const struct cf_kvm_said *said, const struct cf_kvm_asked *asked, bool loaded)
{
	bool some = false;

	for (uint32_t i = 0; i < said->n_vcpus; i++) {
		const struct cf_kvm_vcpu *vcpu = &said->vcpus[i];
		const struct cf_kvm_asked_vcpu *its = asked_of(asked, vcpu->id);
		uint64_t written = (uint64_t)vcpu->offset;

		if (!its)
			continue;
		if (!(vcpu->flags & CF_KVM_VCPU_WRITTEN) || (written == its->cnt && written != its->cnt_last))
			return false;
		some = some || loaded || written == its->cnt_last;
	}
	return some;
}

/* --- what came of it --- */

static const char *const steps[CF_N_KVM_STEPS] = {
	[CF_KVM_STEP_NONE]        = "no reason was given",
	[CF_KVM_STEP_DESCRIPTORS] = "KVM's descriptors in QEMU were not what they had been",
	[CF_KVM_STEP_RUNNING]     = "a vCPU was in the guest",
	[CF_KVM_STEP_RECORD]      = "what came of the source's counters lacked a vCPU, or made no sense",
	[CF_KVM_STEP_LIMIT]       = "more time seemed to have passed than can have",
	[CF_KVM_STEP_FREQUENCY]   = "the counter's frequency differs, or is not known",
	[CF_KVM_STEP_PROTECTED]   = "it is a protected guest",
	[CF_KVM_STEP_NESTED]      = "the guest may be a hypervisor, which owns a counter offset of its own",
	[CF_KVM_STEP_ITSELF]      = "this QEMU moves the clocks by itself",
	[CF_KVM_STEP_ANCHOR]      = "the host's counter and clock could not be read together",
	[CF_KVM_STEP_OFFSETS]     = "a vCPU's counter could not be set",
	[CF_KVM_STEP_DEADLINES]   = "a vCPU's timer could not be armed again",
	[CF_KVM_STEP_CLOCK]       = "kvmclock could not be set",
};

static void say_left(const struct cf_kvm_outcome *outcome, char why[static CF_DETAIL_ROOM])
{
	words_set(why, CF_DETAIL_ROOM, steps[outcome->step]);
	if (outcome->error) {
		words_add(why, CF_DETAIL_ROOM, " (errno ");
		words_add_int(why, CF_DETAIL_ROOM, outcome->error);
		words_add(why, CF_DETAIL_ROOM, ")");
	}
	if (outcome->flags & CF_KVM_OUTCOME_STUCK)
		words_add(why, CF_DETAIL_ROOM, "; what had been set could not all be put back");
}

static bool is_like(const struct cf_counter_run *a, const struct cf_counter_run *b)
{
	return a->first + a->count == b->first && a->before == b->before && a->after == b->after &&
	       a->has_agrees == b->has_agrees && a->agrees == b->agrees;
}

static void report_vcpus(const struct cf_carried *carried, struct cf_counter_report *ret)
{
	const struct cf_kvm_said *said = carried->said;

	ret->vcpus = said->n_vcpus;
	for (uint32_t i = 0; i < said->n_vcpus; i++) {
		const struct cf_kvm_vcpu *vcpu = &said->vcpus[i];
		const struct cf_vcpu_counter *outside = of_vcpu(carried->vcpus, carried->n_vcpus, vcpu->id);
		struct cf_counter_run run = { .first = vcpu->id, .count = 1, .before = vcpu->before, .after = vcpu->after };

		if (!(vcpu->flags & CF_KVM_VCPU_SET))
			continue;
		run.has_agrees = outside && outside->has_offset && !is_nested(outside);
		run.agrees = run.has_agrees && outside->offset == vcpu->after;
		if (ret->n_runs > 0 && is_like(&ret->runs[ret->n_runs - 1], &run))
			ret->runs[ret->n_runs - 1].count++;
		else if (ret->n_runs < CF_COUNT(ret->runs))
			ret->runs[ret->n_runs++] = run;
	}
}

/* What was added, and what the read-back differs by, against what has passed by RAW. */
static struct cf_interval residual_of(const struct cf_carried *carried, cf_span residual, cf_span width)
{
	const struct cf_kvm_outcome *outcome = &carried->said->outcome;
	const struct cf_kvm_capture *record = &carried->asked->record;
	cf_span mapped = { 0 }, raw, slack;
	struct cf_interval passed;

	if (outcome->flags & CF_KVM_OUTCOME_MAPPED)	/* x86: the clock is ns, and was read that much after the record */
		mapped.ns = (int64_t)(outcome->clock - record->clock);
	raw = cf_span_sub(cf_mono_since(outcome->anchor.raw, record->raw), mapped);
	passed = cf_interval_sub((struct cf_interval){ raw, raw }, carried->point->raw_offset);
	slack = cf_span_add((cf_span){ record->width.ns / 2 + 1 }, (cf_span){ width.ns / 2 + 1 });
	slack = cf_span_add(slack, cf_span_add(RAW_SLACK, RAW_SLACK));
	/* The offset is the one of the record's instant; since then the hosts' oscillators may differ. */
	slack = cf_span_add(slack, cf_span_ppm(cf_span_abs(cf_span_add(cf_interval_middle(passed), mapped)), CF_RAW_DRIFT_PPM / 2));
	return cf_interval_widen(cf_interval_neg(cf_interval_shift(passed, cf_span_neg(cf_span_add(outcome->elapsed, residual)))), slack);
}

/* arm64: what became of CNTPCT.  A page may say any frequency. */
static void report_physical(const struct cf_carried *carried, struct cf_counter_report *ret)
{
	const struct cf_kvm_said *said = carried->said;
	const struct cf_kvm_outcome *outcome = &said->outcome;
	bool set = outcome->flags & CF_KVM_OUTCOME_PHYS, asked = carried->asked && carried->asked->flags & CF_KVM_ASKED_PHYS;

	if (carried->arch != CF_KVM_ARCH_ARM64 || ret->result != CF_COUNTERS_CARRIED)
		return;
	ret->has_vm_wide = true;
	ret->vm_wide = outcome->flags & CF_KVM_OUTCOME_VM_WIDE;
	ret->has_physical_set = set || asked;
	ret->physical_set = set;
	ret->has_physical = set && asked && carried->point && outcome->flags & CF_KVM_OUTCOME_READ && said->hz > 0;
	if (ret->has_physical)
		ret->physical = residual_of(carried, outcome->residual_phys, cf_counter_time(said->phys.high - said->phys.low, said->hz));
}

/* Where the guest was stopped: at the source, or here. */
static void report_before(const struct cf_carried *carried, struct cf_counter_report *ret)
{
	const struct cf_kvm_capture *capture = &carried->said->capture;

	if (carried->arch != CF_KVM_ARCH_X86)
		return;
	if (ret->result == CF_COUNTERS_KEPT) {
		ret->has_master_clock_before = true;
		ret->master_clock_before = capture->flags & CF_KVM_CLOCK_STABLE;
	} else if (carried->point) {
		ret->has_master_clock_before = carried->point->has_master_clock;
		ret->master_clock_before = carried->point->master_clock;
	}
}

/* x86: KVM's own instants are exact, and the others as wide as it took to read them; arm64 has none. */
static void report_instants(const struct cf_carried *carried, struct cf_counter_report *ret)
{
	const struct cf_kvm_outcome *outcome = &carried->said->outcome;
	bool kept = ret->result == CF_COUNTERS_KEPT;

	if (carried->arch != CF_KVM_ARCH_X86)
		return;
	ret->has_own_instant_before = kept || carried->point;
	ret->own_instant_before = ret->has_own_instant_before && (kept ? carried->said->capture.width : carried->point->width).ns == 0;
	ret->has_own_instant = ret->has_by_value = true;
	ret->own_instant = !(outcome->anchor.flags & CF_KVM_CLOCK_BRACKETED);
	ret->by_value = outcome->flags & CF_KVM_OUTCOME_BY_VALUE;
}

void cf_carry_report(const struct cf_carried *carried, struct cf_counter_report *ret)
{
	static const enum cf_counter_result results[CF_N_KVM_RESULTS] = {
		[CF_KVM_CARRIED] = CF_COUNTERS_CARRIED, [CF_KVM_KEPT] = CF_COUNTERS_KEPT, [CF_KVM_LEFT] = CF_COUNTERS_LEFT,
	};
	const struct cf_kvm_outcome *outcome = &carried->said->outcome;

	*ret = (struct cf_counter_report){ .result = results[outcome->result], .took = outcome->took, .bare = outcome->bare };
	if (ret->result == CF_COUNTERS_LEFT)
		say_left(outcome, ret->why);
	if (ret->result != CF_COUNTERS_CARRIED && ret->result != CF_COUNTERS_KEPT)
		return;
	ret->has_elapsed = true;
	ret->elapsed = outcome->elapsed;
	ret->clamped = outcome->flags & CF_KVM_OUTCOME_CLAMPED;
	ret->master_clock = outcome->flags & CF_KVM_OUTCOME_STABLE;
	report_before(carried, ret);
	report_instants(carried, ret);
	report_physical(carried, ret);
	ret->has_routes = outcome->flags & CF_KVM_OUTCOME_READ && ret->result == CF_COUNTERS_CARRIED;
	ret->routes = outcome->routes;
	report_vcpus(carried, ret);
	if (!(outcome->flags & CF_KVM_OUTCOME_READ))
		return;
	if (ret->result == CF_COUNTERS_KEPT) {
		ret->has_residual = true;
		ret->residual = cf_interval_around(outcome->residual, (cf_span){ outcome->residual_width.ns / 2 + 1 });
	} else if (carried->asked && carried->point) {
		ret->has_residual = true;
		ret->residual = residual_of(carried, outcome->residual, outcome->residual_width);
	}
}
