/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a policy would have said to a migration, by its receipt. */
#include "policy/past.h"

#include "policy/outcome.h"
#include "tests/gate-random.h"
#include "tests/tap.h"

#define SCENES 3000

/* The receipt of the scene, as an agent keeps it that judged by these limits. */
static void receipt_of(struct scene *s, const struct cf_limits *limits, struct cf_receipt *ret)
{
	struct cf_migration *m = &ret->migration;
	struct cf_both_limits both;
	struct cf_findings findings = { 0 };

	s->pair.expected_duration = CF_EXPECTED_DURATION;
	*ret = (struct cf_receipt){ .limits = *limits };
	strcpy(ret->limit_owners.max_skew, "hA");
	strcpy(m->source, s->pair.source);
	strcpy(m->destination, s->pair.destination);
	strcpy(m->domain, s->domain.domain);
	m->started = s->pair.now;
	ret->has_source_report = s->pair.source_report;
	ret->source_report = s->a;
	ret->has_destination_report = s->pair.destination_report;
	ret->destination_report = s->b;
	ret->has_offset_before = s->pair.has_host_offset;
	ret->offset_before = s->pair.host_offset;
	ret->has_guest_offset_before = s->guest.has_guest_offset;

	cf_limits_both(limits, "hA", limits, "hA", &both);
	cf_gate_pair(&s->pair, &both, &findings);
	cf_gate_domain(&s->pair, &s->domain, &both, &findings);
	m->n_findings = findings.n_list;
	memcpy(m->findings, findings.list, findings.n_list * sizeof(*findings.list));
	m->has_outcome = true;
	m->outcome = cf_gate_open(&findings) ? CF_OUTCOME_UNVERIFIED : CF_OUTCOME_REFUSED;
}

static struct cf_trial_entry judge(const struct cf_receipt *receipt, const struct cf_limits *limits)
{
	struct cf_trial_entry entry = { .was = receipt->migration.outcome };

	cf_past_judge(receipt, limits, "new", &entry);
	return entry;
}

static bool has(const struct cf_trial_entry *entry, enum cf_finding_code code)
{
	for (size_t i = 0; i < entry->n_findings; i++)
		if (entry->findings[i].code == code)
			return true;
	return false;
}

/* --- cases --- */

static struct scene scene;
static struct cf_receipt receipt;
static struct cf_limits limits;

static void good(void)
{
	scene_begin(&scene);
	limits = scene_limits();
	receipt_of(&scene, &limits, &receipt);
}

static void figures(void)
{
	struct cf_trial_entry entry;

	good();
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_ALLOWED && entry.n_findings == 0 && entry.n_unmeasured == 0 &&
	   !cf_past_differs(&entry), "what was right is right");
	limits.max_skew.ns = CF_MS / 2;
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_REFUSED && has(&entry, CF_FINDING_SKEW) && entry.n_findings == 1 &&
	   strcmp(entry.findings[0].limit_of, "new") == 0 && cf_past_differs(&entry),
	   "a stricter limit refuses by what was measured");
	limits.mode = CF_OBSERVE;
	limits.has_mode = true;
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_ALLOWED && has(&entry, CF_FINDING_SKEW), "... unless it only observes");

	good();
	scene.b.bound.ns = 200 * CF_MS;
	receipt_of(&scene, &limits, &receipt);
	limits.max_error_bound.ns = 300 * CF_MS;
	entry = judge(&receipt, &limits);
	ok(receipt.migration.outcome == CF_OUTCOME_REFUSED && entry.verdict == CF_VERDICT_ALLOWED &&
	   cf_past_differs(&entry), "a more lenient one allows what was refused");
	limits.max_error_bound.ns = 150 * CF_MS;
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_REFUSED && !cf_past_differs(&entry), "... if it is lenient enough");
}

static void severities(void)
{
	struct cf_trial_entry entry;

	good();
	strcpy(scene.domain.manager, "nova");
	receipt_of(&scene, &limits, &receipt);
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_REFUSED && has(&entry, CF_FINDING_MANAGED_ELSEWHERE), "what was found holds");
	set_severity(&limits, CF_FINDING_MANAGED_ELSEWHERE, CF_SEVERITY_WARN);
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_ALLOWED && has(&entry, CF_FINDING_MANAGED_ELSEWHERE), "... as severe as it is now");

	good();
	set_severity(&limits, CF_FINDING_RTC_CLOCK, CF_SEVERITY_OFF);
	receipt_of(&scene, &limits, &receipt);
	limits.n_severities = 0;
	set_severity(&limits, CF_FINDING_RTC_CLOCK, CF_SEVERITY_REFUSE);
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_UNCLEAR && entry.n_unmeasured == 1 && strstr(entry.unmeasured[0], "rtc-clock-vm"),
	   "what was off then is not known now: %s", entry.unmeasured[0]);
	limits.severities[0].severity = CF_SEVERITY_WARN;
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_ALLOWED, "... which matters only where it would refuse");
}

static void absent(void)
{
	struct cf_trial_entry entry;

	good();
	receipt.has_destination_report = false;
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_UNCLEAR && entry.n_unmeasured > 0 && strstr(entry.unmeasured[0], "hB"),
	   "without a report of a clock nobody knows: %s", entry.unmeasured[0]);
	good();
	receipt.has_offset_before = false;
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_UNCLEAR && strstr(entry.unmeasured[0], "skew"),
	   "nor without an offset: %s", entry.unmeasured[0]);
	set_severity(&limits, CF_FINDING_SKEW, CF_SEVERITY_WARN);
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_UNCLEAR && strstr(entry.unmeasured[0], "error-bound of hB"),
	   "... for neither is it known how old the other's report was: %s", entry.unmeasured[0]);
	set_severity(&limits, CF_FINDING_ERROR_BOUND, CF_SEVERITY_WARN);
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_ALLOWED, "... unless a skew and a bound would only be warned of");
	good();
	memset(&receipt.limit_owners, 0, sizeof(receipt.limit_owners));
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_UNCLEAR && entry.n_unmeasured == 1, "nor of one that ended before it was checked");
}

static void lever(void)
{
	struct cf_trial_entry entry;

	good();
	limits.require_lever = CF_LEVER_GUEST_AGENT;
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_ALLOWED, "a guest whose clock was read had its agent");
	limits.require_lever = CF_LEVER_KVM;
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_UNCLEAR, "whether there was a better lever is not known: %s", entry.unmeasured[0]);
	receipt.has_landing = receipt.landing.has_resume = true;
	receipt.landing.lever = CF_LEVER_GUEST_AGENT;
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_REFUSED && has(&entry, CF_FINDING_LEVER_MISSING), "... but by what was used: %s",
	   entry.findings[0].detail);
	receipt.landing.lever = CF_LEVER_KVM;
	ok(judge(&receipt, &limits).verdict == CF_VERDICT_ALLOWED, "... either way");
	good();
	scene.guest.has_guest_offset = false;
	receipt_of(&scene, &limits, &receipt);
	limits.require_lever = CF_LEVER_GUEST_AGENT;
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_UNCLEAR, "a guest whose clock could not be read may have had the other");
	receipt.has_landing = receipt.landing.has_resume = true;
	ok(judge(&receipt, &limits).verdict == CF_VERDICT_REFUSED, "... or none, if it landed without");
}

static void blackouts(void)
{
	struct cf_trial_entry entry;

	good();
	receipt.has_blackout = receipt.has_landing = true;
	receipt.blackout = (struct cf_interval){ { 80 * CF_MS }, { 90 * CF_MS } };
	receipt.landing.n_residuals = 1;
	receipt.migration.outcome = CF_OUTCOME_CLEAN;
	entry = judge(&receipt, &limits);
	ok(entry.has_outcome && entry.outcome == CF_OUTCOME_CLEAN && !cf_past_differs(&entry), "clean stays clean");
	limits.max_blackout.ns = 85 * CF_MS;
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_ALLOWED && entry.outcome == CF_OUTCOME_BREACHED && *entry.because &&
	   cf_past_differs(&entry), "a blackout beyond the limit is a breach: %s", entry.because);

	good();
	scene.domain.predicted_blackout.ns = 2 * CF_S;
	receipt_of(&scene, &limits, &receipt);
	ok(judge(&receipt, &limits).verdict == CF_VERDICT_REFUSED, "one that was predicted too long is too long");
	limits.max_blackout.ns = 3 * CF_S;
	ok(judge(&receipt, &limits).verdict == CF_VERDICT_ALLOWED, "... unless it may last longer now");
	good();
	limits.max_blackout.ns = CF_MS;
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_UNCLEAR, "what was predicted within the limit is not known: %s", entry.unmeasured[0]);
}

/* What closed the gate while the guest was copied is not to be seen in the reports of the start. */
static void in_copy(void)
{
	struct cf_trial_entry entry;
	struct cf_finding *found;

	good();
	found = &receipt.migration.findings[receipt.migration.n_findings++];
	*found = (struct cf_finding){ .code = CF_FINDING_CLOCK_STEPPED, .severity = CF_SEVERITY_REFUSE, .subject = "hB" };
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_REFUSED && has(&entry, CF_FINDING_CLOCK_STEPPED), "a step during the copy holds");
	*found = (struct cf_finding){ .code = CF_FINDING_SKEW, .severity = CF_SEVERITY_REFUSE, .subject = "hA -> hB",
				      .has_measured = true, .measured = { { 40 * CF_MS }, { 60 * CF_MS } } };
	entry = judge(&receipt, &limits);
	ok(entry.verdict == CF_VERDICT_REFUSED && has(&entry, CF_FINDING_SKEW), "so does a skew that was proven");
	limits.max_skew.ns = 50 * CF_MS;
	ok(judge(&receipt, &limits).verdict == CF_VERDICT_ALLOWED, "... beyond the limit of now");
	*found = (struct cf_finding){ .code = CF_FINDING_CLOCK_HOLDOVER, .severity = CF_SEVERITY_REFUSE, .subject = "hB",
				      .has_measured = true, .measured = { { 7200 * CF_S }, { 7200 * CF_S } } };
	ok(judge(&receipt, &limits).verdict == CF_VERDICT_REFUSED, "a source that was lost too long is lost too long");
	limits.holdover_max.ns = CF_DAY;
	ok(judge(&receipt, &limits).verdict == CF_VERDICT_ALLOWED, "... unless it may be lost longer now");
}

static void overridden(void)
{
	good();
	scene.b.stepped = true;
	receipt_of(&scene, &limits, &receipt);
	ok(judge(&receipt, &limits).verdict == CF_VERDICT_REFUSED, "a stepped clock refuses");
	receipt.has_override = true;
	receipt.override.n_findings = 1;
	strcpy(receipt.override.findings[0], "clock-stepped");
	ok(judge(&receipt, &limits).verdict == CF_VERDICT_ALLOWED, "... not what an administrator has overridden");
}

/* --- laws --- */

/* By its own limits a migration comes out as it did, or nobody knows. */
static void by_its_own(void)
{
	static struct scene s;
	int64_t wrong = 0, allowed = 0, refused = 0;

	for (int i = 0; i < SCENES; i++) {
		struct cf_trial_entry entry;
		struct cf_limits own = scene_limits();

		random_scene(&s);
		if (i % 2)
			random_limits(&own);
		receipt_of(&s, &own, &receipt);
		entry = judge(&receipt, &own);
		if (entry.verdict == CF_VERDICT_UNCLEAR)
			continue;
		if ((entry.verdict == CF_VERDICT_REFUSED) != (receipt.migration.outcome == CF_OUTCOME_REFUSED)) {
			wrong++;
			printf("# was %s, is %s:", cf_outcome_words[receipt.migration.outcome],
			       cf_verdict_words[entry.verdict]);
			for (size_t k = 0; k < receipt.migration.n_findings; k++)
				printf(" %s", cf_finding_words[receipt.migration.findings[k].code]);
			printf(" /");
			for (size_t k = 0; k < entry.n_findings; k++)
				printf(" %s", cf_finding_words[entry.findings[k].code]);
			printf("\n");
		}
		allowed += entry.verdict == CF_VERDICT_ALLOWED;
		refused += entry.verdict == CF_VERDICT_REFUSED;
	}
	ok(wrong == 0 && allowed > SCENES / 50 && refused > SCENES / 10,
	   "by its own limits a migration comes out as it did (%lld allowed, %lld refused)", (long long)allowed,
	   (long long)refused);
}

/* A stricter policy allows nothing that another one refuses. */
static void stricter(void)
{
	static struct scene s;
	int64_t wrong = 0, tighter = 0;

	for (int i = 0; i < SCENES; i++) {
		struct cf_limits was = scene_limits(), loose = scene_limits(), other = scene_limits();
		struct cf_trial_entry before, after;
		struct cf_both_limits both;

		random_scene(&s);
		random_limits(&was);
		random_limits(&loose);
		random_limits(&other);
		receipt_of(&s, &was, &receipt);
		cf_limits_both(&loose, "a", &other, "b", &both);
		before = judge(&receipt, &loose);
		after = judge(&receipt, &both.limits);
		wrong += before.verdict == CF_VERDICT_REFUSED && after.verdict != CF_VERDICT_REFUSED;
		wrong += before.verdict == CF_VERDICT_UNCLEAR && after.verdict == CF_VERDICT_ALLOWED;
		tighter += before.verdict == CF_VERDICT_ALLOWED && after.verdict != CF_VERDICT_ALLOWED;
	}
	ok(wrong == 0 && tighter > 0, "a stricter policy allows nothing more (%lld times less)", (long long)tighter);
}

/* Whatever is taken out of a receipt, nobody knows better for it. */
static void less_evidence(void)
{
	static struct scene s;
	static struct cf_receipt less;
	int64_t wrong = 0, unclear = 0;

	for (int i = 0; i < SCENES; i++) {
		struct cf_limits was = scene_limits(), now = scene_limits();
		struct cf_trial_entry before, after;

		random_scene(&s);
		if (i % 2)
			random_limits(&now);
		receipt_of(&s, &was, &receipt);
		less = receipt;
		less.has_source_report &= likely();
		less.has_destination_report = less.has_destination_report && sim_chance(&sim, 2);
		less.has_offset_before = less.has_offset_before && sim_chance(&sim, 2);
		before = judge(&receipt, &now);
		after = judge(&less, &now);
		wrong += after.verdict == CF_VERDICT_ALLOWED && before.verdict != CF_VERDICT_ALLOWED;
		unclear += after.verdict == CF_VERDICT_UNCLEAR && before.verdict != CF_VERDICT_UNCLEAR;
	}
	ok(wrong == 0 && unclear > 0, "what is taken out of a receipt allows nothing (%lld times nobody knew)",
	   (long long)unclear);
}

int main(void)
{
	figures();
	severities();
	absent();
	lever();
	blackouts();
	in_copy();
	overridden();
	by_its_own();
	stricter();
	less_evidence();

	return done();
}
