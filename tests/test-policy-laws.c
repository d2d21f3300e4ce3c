/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Laws of policies: of two the stricter, a request that tightens, an override, a policy that observes. */
#include "proto/codec.h"
#include "tests/gate-random.h"
#include "tests/tap.h"

#define SCENES 3000

/* Everything that may differ between two policies. */
static struct cf_limits any_limits(void)
{
	struct cf_limits l = scene_limits();

	odds = PICK(3, 10);
	random_limits(&l);
	l.max_residual.ns = PICK(CF_MS, 20 * CF_MS);
	l.gate_grace.ns = PICK(0, 30 * CF_S);
	l.correction = PICK(CF_CORRECTION_UNKNOWN, CF_CORRECTION_STEP, CF_CORRECTION_STEP_FORWARD,
			    CF_CORRECTION_REPORT);
	l.correction_floor.ns = PICK(0, 2 * CF_MS);
	return l;
}

static struct cf_limits stricter(const struct cf_limits *a, const struct cf_limits *b)
{
	struct cf_both_limits both;

	cf_limits_both(a, "hA", b, "hB", &both);
	return both.limits;
}

static bool same(const struct cf_limits *a, const struct cf_limits *b)
{
	CF_AUTO(cf_free) char *x = cf_encode(&cf_limits_shape, a, CF_MINOR);
	CF_AUTO(cf_free) char *y = cf_encode(&cf_limits_shape, b, CF_MINOR);

	return x && y && strcmp(x, y) == 0;
}

static void of_two(void)
{
	int64_t order = 0, grouping = 0, again = 0, looser = 0;

	for (int i = 0; i < SCENES; i++) {
		struct cf_limits a = any_limits(), b = any_limits(), c = any_limits();
		struct cf_limits ab = stricter(&a, &b), ba = stricter(&b, &a), bc = stricter(&b, &c);
		struct cf_limits left = stricter(&ab, &c), right = stricter(&a, &bc), self = stricter(&ab, &ab);

		order += !same(&ab, &ba);
		grouping += !same(&left, &right);
		again += !same(&ab, &self);
		for (int code = 1; code < CF_N_FINDING_CODES; code++)
			looser += cf_limits_severity(&ab, code) < cf_limits_severity(&a, code);
		looser += cf_span_cmp(ab.max_skew, a.max_skew) > 0 || cf_span_cmp(ab.gate_grace, a.gate_grace) > 0 ||
			  ab.max_stratum > a.max_stratum || (ab.mode == CF_OBSERVE && a.mode != CF_OBSERVE);
	}
	ok(order == 0, "of two policies the stricter is the same in either order");
	ok(grouping == 0, "... and of three in either grouping");
	ok(again == 0, "... and of one and itself it is that one");
	ok(looser == 0, "... and no looser than either");
}

static struct cf_tighten any_tightening(void)
{
	return (struct cf_tighten){
		.has_max_error_bound = likely(), .max_error_bound = { PICK(0, CF_MS, CF_DAY) },
		.has_max_skew = likely(), .max_skew = { PICK(0, CF_MS, CF_DAY) },
		.has_max_blackout = likely(), .max_blackout = { PICK(0, CF_MS, CF_DAY) },
		.has_max_residual = likely(), .max_residual = { PICK(0, CF_MS, CF_DAY) },
		.has_require_lever = likely(),
		.require_lever = PICK(CF_LEVER_UNKNOWN, CF_LEVER_NONE, CF_LEVER_GUEST_AGENT, CF_LEVER_KVM),
	};
}

static void judge(const struct scene *s, const struct cf_both_limits *both, struct cf_findings *ret)
{
	ret->n_list = 0;
	cf_gate_pair(&s->pair, both, ret);
	cf_gate_domain(&s->pair, &s->domain, both, ret);
}

static void tightening(void)
{
	static struct scene s;
	static struct cf_findings before, after;
	struct cf_both_limits loose, tight, again;
	int64_t lost = 0, opened = 0, closed = 0, unsteady = 0;

	for (int i = 0; i < SCENES; i++) {
		struct cf_tighten t = any_tightening();

		random_scene(&s);
		scene_both(&s, &loose);
		tight = loose;
		cf_limits_tighten(&tight, &t, "request");
		again = tight;
		cf_limits_tighten(&again, &t, "nobody");
		unsteady += !same(&tight.limits, &again.limits) || strcmp(again.owner_max_skew, "nobody") == 0;
		judge(&s, &loose, &before);
		judge(&s, &tight, &after);
		lost += !all_in(&before, &after);
		opened += cf_gate_open(&after) && !cf_gate_open(&before);
		closed += cf_gate_open(&before) && !cf_gate_open(&after);
	}
	ok(lost == 0 && opened == 0 && closed > 0, "tightening loosens nothing (%lld times it closed the gate)",
	   (long long)closed);
	ok(unsteady == 0, "... twice the same does nothing more");

	cf_limits_tighten(&loose, &(struct cf_tighten){ .has_max_skew = true }, "request");
	ok(loose.limits.max_skew.ns == 0 && strcmp(loose.owner_max_skew, "request") == 0,
	   "... and what it did is its own");
}

/* The same findings, but for who waives them. */
static bool same_found(const struct cf_findings *a, const struct cf_findings *b)
{
	bool equal = a->n_list == b->n_list;

	for (size_t i = 0; equal && i < a->n_list; i++) {
		struct cf_finding x = a->list[i], y = b->list[i];

		x.has_waived = y.has_waived = false;
		x.waived = y.waived = CF_WAIVER_UNKNOWN;
		equal = memcmp(&x, &y, sizeof(x)) == 0;
	}
	return equal;
}

static void observing(void)
{
	static struct scene s;
	static struct cf_findings enforced, observed;
	struct cf_both_limits both;
	int64_t differ = 0, wrong = 0, would = 0, told = 0, unasked = 0;

	for (int i = 0; i < SCENES; i++) {
		bool possible = true;

		random_scene(&s);
		scene_both(&s, &both);
		both.limits.mode = CF_ENFORCE;
		judge(&s, &both, &enforced);
		both.limits.mode = CF_OBSERVE;
		judge(&s, &both, &observed);
		differ += !same_found(&enforced, &observed);
		for (size_t k = 0; k < observed.n_list; k++)
			possible &= !cf_finding_always_refuses(observed.list[k].code);
		wrong += cf_gate_open(&observed) != possible;
		would += cf_gate_would_refuse(&observed, true) != (possible && !cf_gate_open(&enforced));
		told += cf_gate_would_refuse(&observed, true);
		wrong += cf_gate_would_refuse(&enforced, true);
		unasked += cf_gate_would_refuse(&observed, false) == cf_gate_open(&enforced);
		unasked += cf_gate_would_refuse(&enforced, false) == cf_gate_open(&enforced);
	}
	ok(differ == 0, "observing finds what enforcing finds");
	ok(wrong == 0, "... and refuses only where there is nothing to allow");
	ok(would == 0 && told > 0, "... and says when it would have refused (%lld times)", (long long)told);
	ok(unasked == 0, "who did not ask would have been refused wherever who asks is refused, or is only observed");
}

/* Some codes by name, known and unknown, of which any may always refuse. */
static struct cf_override any_override(void)
{
	struct cf_override o = { .n_findings = sim_between(&sim, 1, CF_OVERRIDES_MAX) };

	for (size_t i = 0; i < o.n_findings; i++)
		strcpy(o.findings[i], likely() ? cf_finding_words[sim_between(&sim, 0, CF_N_FINDING_CODES - 1)] : "moon");
	return o;
}

static bool names(const struct cf_override *o, enum cf_finding_code code)
{
	for (size_t i = 0; i < o->n_findings; i++)
		if (strcmp(o->findings[i], cf_finding_words[code]) == 0)
			return true;
	return false;
}

static void overriding(void)
{
	static struct scene s;
	static struct cf_findings before, after;
	struct cf_both_limits plain, overridden;
	int64_t differ = 0, wrong = 0, waived = 0, opened = 0;

	for (int i = 0; i < SCENES; i++) {
		struct cf_override o = any_override();

		random_scene(&s);
		scene_both(&s, &plain);
		plain.limits.mode = CF_ENFORCE;
		overridden = plain;
		cf_limits_override(&overridden, &o);
		judge(&s, &plain, &before);
		judge(&s, &overridden, &after);
		differ += !same_found(&before, &after);
		for (size_t k = 0; k < after.n_list; k++) {
			const struct cf_finding *f = &after.list[k];
			bool may = f->severity == CF_SEVERITY_REFUSE && names(&o, f->code) &&
				   !cf_finding_always_refuses(f->code);

			wrong += f->has_waived != may || cf_finding_refuses(f) != (f->severity == CF_SEVERITY_REFUSE && !may);
			waived += may;
		}
		opened += cf_gate_open(&after) && !cf_gate_open(&before);
	}
	ok(differ == 0, "an override hides no finding");
	ok(wrong == 0 && waived > 0 && opened > 0, "... and takes the refusal of those it names, and no other (%lld times)",
	   (long long)waived);
}

static void always(void)
{
	struct cf_limits l = scene_limits();
	int wrong = 0, n = 0;

	for (int code = 0; code < CF_N_FINDING_CODES; code++) {
		l.n_severities = 0;
		set_severity(&l, code, CF_SEVERITY_OFF);
		wrong += (cf_limits_severity(&l, code) == CF_SEVERITY_REFUSE) != cf_finding_always_refuses(code);
		wrong += cf_finding_always_refuses(code) && cf_finding_default(code) != CF_SEVERITY_REFUSE;
		n += cf_finding_always_refuses(code);
	}
	ok(wrong == 0 && n > 10, "no policy turns off what always refuses (%d findings)", n);
	ok(cf_finding_always_refuses(CF_FINDING_DOMAIN_UNKNOWN) && !cf_finding_always_refuses(CF_FINDING_SKEW) &&
	   !cf_finding_always_refuses(CF_FINDING_MANAGED_ELSEWHERE), "... and skew is not among them");
}

static void new_waiver(void)
{
	struct cf_finding f = { .severity = CF_SEVERITY_REFUSE, .has_waived = true, .waived = CF_WAIVER_UNKNOWN };

	ok(cf_finding_refuses(&f), "a waiver of a newer version is no leave");
}

int main(void)
{
	of_two();
	tightening();
	observing();
	overriding();
	always();
	new_waiver();

	return done();
}
