/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/ramp.h"

#define FIRST          ((cf_span){ 10 * CF_MS })
#define FIRST_EMULATED ((cf_span){ 300 * CF_MS })
#define IN_VAIN        2	/* passes without a shorter one: one is no rule */
#define SHORTER        16	/* a pass is, by so much of a part: less than that is chance */
#define LATELY         ((cf_span){ 3600 * CF_S })

cf_span cf_ramp_first(cf_span set, bool emulated)
{
	return set.ns > 0 ? set : emulated ? FIRST_EMULATED : FIRST;
}

struct cf_ramp_rules cf_ramp_rules(cf_span first, cf_span limit, bool has_above, cf_span above)
{
	cf_span half = cf_span_max((cf_span){ limit.ns / 2 }, (cf_span){ CF_MS });
	cf_span most = has_above ? cf_span_sub(limit, above) : half;

	first = cf_span_min(first, half);
	most = cf_span_max(most, cf_span_min(first, FIRST));
	return (struct cf_ramp_rules){ .first = cf_span_min(first, most), .most = most };
}

void cf_ramp_begin(struct cf_ramp *ramp, const struct cf_ramp_rules *rules)
{
	*ramp = (struct cf_ramp){ .target = rules->first };
}

static bool raise_it(struct cf_ramp *ramp, const struct cf_ramp_rules *rules)
{
	cf_span next = cf_span_max(ramp->least, cf_span_add(ramp->target, (cf_span){ ramp->target.ns / 4 + 1 }));

	ramp->has_least = false;
	ramp->in_vain = 0;
	next = cf_span_min(next, rules->most);
	if (cf_span_cmp(next, ramp->target) <= 0)
		return false;
	ramp->target = next;
	ramp->raises++;
	return true;
}

bool cf_ramp_pass(struct cf_ramp *ramp, const struct cf_ramp_rules *rules, int64_t pass, cf_mono at)
{
	int64_t passes = ramp->begun ? pass - ramp->pass : 0;
	bool measured = passes > 0 && ramp->pass >= 2;	/* the first sends all there is: it is no measure */
	cf_span took;

	if (ramp->begun && passes <= 0)
		return false;
	took = (cf_span){ cf_mono_since(at, ramp->pass_at).ns / (passes > 0 ? passes : 1) };
	ramp->begun = true;
	ramp->pass = pass;
	ramp->pass_at = at;
	if (!measured)
		return false;

	if (!ramp->has_least || took.ns < ramp->least.ns - ramp->least.ns / SHORTER) {
		ramp->has_least = true;
		ramp->least = took;
		ramp->in_vain = 0;
		return false;
	}
	ramp->least = cf_span_min(ramp->least, took);
	ramp->in_vain += passes;
	return ramp->in_vain >= IN_VAIN && raise_it(ramp, rules);
}

void cf_ramp_skip(struct cf_ramp *ramp)
{
	ramp->begun = false;
}

/* Before QEMU has estimated anything it repeats what it was told to aim at, in whole ms. */
static cf_span estimate(const struct cf_ramp *ramp, const struct cf_ramp_rules *rules, const struct cf_ramp_end *end)
{
	if (!end->has_expected || end->expected.ns / CF_MS == rules->first.ns / CF_MS)
		return (cf_span){ 0 };
	return cf_span_min(end->expected, ramp->target);
}

cf_span cf_ramp_above(const struct cf_ramp *ramp, const struct cf_ramp_rules *rules, const struct cf_ramp_end *end)
{
	cf_span above = cf_span_sub(end->blackout, estimate(ramp, rules, end));

	if (end->has_so_far)
		above = cf_span_max(above, cf_span_sub(end->blackout, end->so_far));
	return cf_span_max(above, (cf_span){ 0 });
}

bool cf_ramp_expect(const struct cf_ramp_past *last, size_t n, cf_real now, cf_span *ret)
{
	cf_span most[] = { [false] = { 0 }, [true] = { 0 } };
	size_t known[] = { [false] = 0, [true] = 0 };
	bool lately = false;

	for (size_t i = 0; i < n; i++) {
		bool mishap = last[i].mishap;

		most[mishap] = cf_span_max(most[mishap], last[i].above);
		known[mishap]++;
		lately |= mishap && cf_span_cmp(cf_span_abs(cf_real_since(now, last[i].at)), LATELY) <= 0;
	}
	if (known[false] == 0 && (known[true] < 2 || !lately))
		return false;
	*ret = most[known[false] == 0];
	return true;
}
