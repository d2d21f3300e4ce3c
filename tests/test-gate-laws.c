/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Laws of the gate, each held against thousands of scenes that nobody made up. */
#include "tests/gate.h"
#include "tests/sim.h"
#include "tests/tap.h"

#define SCENES 5000

static struct sim sim = { .random = 20261120 };

static int64_t pick(const int64_t *from, size_t n)
{
	return from[sim_between(&sim, 0, n - 1)];
}
#define PICK(...) pick((const int64_t[]){ __VA_ARGS__ }, CF_COUNT(((const int64_t[]){ __VA_ARGS__ })))

/* From scenes in which much is wrong to those in which hardly anything is. */
static int64_t odds;

static bool likely(void)
{
	return !sim_chance(&sim, odds);
}

static void random_report(struct cf_report *r)
{
	r->state = PICK(CF_CLOCK_SYNCHRONISED, CF_CLOCK_SYNCHRONISED, CF_CLOCK_HOLDOVER,
			CF_CLOCK_UNSYNCHRONISED,
			CF_CLOCK_UNTRUSTED, CF_CLOCK_UNKNOWN);
	r->has_bound = likely();
	r->bound.ns = PICK(0, CF_US, CF_MS, 20 * CF_MS, 99 * CF_MS, 100 * CF_MS, CF_S, INT64_MAX);
	r->at.ns = NOW - PICK(-CF_S, 0, CF_S, 3600 * CF_S);
	r->has_growth_ppm = likely();
	r->growth_ppm = (double)PICK(0, 1, 50, 100000);
	r->has_good_age = likely();
	r->good_age.ns = PICK(0, 60 * CF_S, 3600 * CF_S, CF_DAY);
	r->has_tracking = likely();
	r->tracking.stratum = PICK(1, 3, 9, 10, 15);
	r->stepped = !likely();
	r->kernel_unsync = !likely();
	r->has_tai_s = likely();
	r->tai_s = PICK(0, 36, 37, 37, 37);
	r->has_leap = !likely();
	r->leap.at.ns = NOW + PICK(-3600 * CF_S, 10 * CF_S, 30 * CF_S, 36000 * CF_S);
	r->counter = PICK(CF_COUNTER_NONE, CF_COUNTER_TSC, CF_COUNTER_TSC, CF_COUNTER_TSC, CF_COUNTER_CNTVCT);
	r->has_counter_hz = likely();
	r->counter_hz = PICK(0, 1000000000, 2400000000, 2400000000, INT64_MAX);
	r->has_counter_scaling = likely();
	r->counter_scaling = !likely();
}

static void random_limits(struct cf_limits *l)
{
	l->max_error_bound.ns = PICK(CF_MS, 100 * CF_MS, CF_S);
	l->max_skew.ns = PICK(CF_MS / 2, 25 * CF_MS, 250 * CF_MS);
	l->max_blackout.ns = PICK(CF_MS, CF_S, 5 * CF_S);
	l->holdover_max.ns = PICK(0, 60 * CF_S, 3600 * CF_S);
	l->max_stratum = PICK(2, 9, 15);
	l->require_lever = PICK(CF_LEVER_NONE, CF_LEVER_NONE, CF_LEVER_GUEST_AGENT, CF_LEVER_KVM,
				CF_LEVER_UNKNOWN);
	for (int i = 0; i < 4; i++)
		set_severity(l, sim_between(&sim, 1, CF_N_FINDING_CODES - 1),
			     sim_between(&sim, 0, CF_N_SEVERITIES - 1));
}

static void random_offset(struct cf_interval *offset)
{
	cf_span middle = { PICK(-CF_S, -20 * CF_MS, 0, CF_MS, 3 * CF_S, -CF_YEAR) };

	*offset = cf_interval_around(middle, (cf_span){ PICK(0, CF_US, 5 * CF_MS, 30 * CF_MS, CF_S / 2) });
}

static void random_scene(struct scene *s)
{
	scene_begin(s);
	odds = PICK(3, 10, 30, 300);
	if (sim_chance(&sim, odds / 10 + 1))
		random_report(&s->a);
	if (sim_chance(&sim, odds / 10 + 1))
		random_report(&s->b);
	if (sim_chance(&sim, odds / 10 + 1))
		random_limits(&s->a_limits);
	if (sim_chance(&sim, odds / 10 + 1))
		random_limits(&s->b_limits);
	s->pair.has_host_offset = likely();
	if (sim_chance(&sim, odds / 10 + 1))
		random_offset(&s->pair.host_offset);
	if (!likely())
		s->pair.source_report = NULL;
	if (!likely())
		s->pair.destination_report = NULL;
	s->domain.known = likely();
	s->domain.state = likely() ? CF_DOMAIN_RUNNING : sim_between(&sim, 0, CF_N_DOMAIN_STATES - 1);
	s->domain.job_active = !likely();
	s->domain.n_blockers = likely() ? 0 : PICK(1, 8);
	s->domain.has_predicted_blackout = likely();
	s->domain.predicted_blackout.ns = likely() ? CF_MS : PICK(0, CF_S, CF_S + 1, INT64_MAX);
	if (!likely())
		s->domain.guest = NULL;
	strcpy(s->guest.type, likely() ? "kvm" : "qemu");
	s->guest.has_counter_hz = !likely();
	s->guest.counter_hz = PICK(1000000000, 2400000000);
	s->guest.counter_promised = !likely();
	s->guest.agent_configured = likely();
	s->guest.agent_connected = likely();
	s->guest.has_guest_offset = likely();
	s->guest.lever = likely() ? CF_LEVER_KVM : sim_between(&sim, 0, CF_N_LEVERS - 1);
	s->guest.self_correcting = !likely();
}

/* Does every finding of `less` stand in `more` too, as severe or more? */
static bool all_in(const struct cf_findings *less, const struct cf_findings *more)
{
	for (size_t i = 0; i < less->n_list; i++) {
		const struct cf_finding *f = find(more, less->list[i].code, less->list[i].subject);

		if (!f || f->severity < less->list[i].severity) {
			printf("# lost: %s of %s\n", cf_finding_words[less->list[i].code],
			       less->list[i].subject);
			return false;
		}
	}
	return true;
}

static void same_answer(void)
{
	static struct scene s, copy;
	static struct cf_findings first, second;
	int64_t differ = 0, wrong = 0, off = 0, closed = 0;
	bool refused;

	for (int i = 0; i < SCENES; i++) {
		random_scene(&s);
		copy = s;
		scene_judge(&s, &first);
		scene_judge(&s, &second);
		differ += first.n_list != second.n_list || !all_in(&first, &second) || !all_in(&second,
											       &first);
		differ += memcmp(&s, &copy, sizeof(s)) != 0;
		refused = false;
		for (size_t k = 0; k < first.n_list; k++) {
			refused |= first.list[k].severity == CF_SEVERITY_REFUSE;
			off += first.list[k].severity < CF_SEVERITY_WARN;
		}
		wrong += cf_gate_open(&first) == refused;
		wrong += (cf_gate_reason(&first) == CF_FINDING_UNKNOWN) == refused;
		closed += refused;
	}
	ok(differ == 0, "the same evidence gives the same findings, and stays as it was");
	ok(wrong == 0 && closed > SCENES / 10 && closed < SCENES,
	   "the gate is open unless something refuses (%lld of %d refused)",
	   (long long)closed, SCENES);
	ok(off == 0, "what policy does not care for is never listed");
}

/* Seen from the other host: clocks, offset and limits change places. */
static void swap(struct scene *s)
{
	struct cf_report report = s->a;
	struct cf_limits limits = s->a_limits;
	bool has_a = s->pair.source_report, has_b = s->pair.destination_report;

	s->a = s->b;
	s->b = report;
	s->a_limits = s->b_limits;
	s->b_limits = limits;
	s->pair.source_report = has_b ? &s->a : NULL;
	s->pair.destination_report = has_a ? &s->b : NULL;
	s->pair.host_offset = cf_interval_neg(s->pair.host_offset);
	s->pair.source = "hB";
	s->pair.destination = "hA";
}

static void either_way(void)
{
	static struct scene s;
	static struct cf_findings there, back;
	struct cf_both_limits both;
	int64_t differ = 0;

	for (int i = 0; i < SCENES; i++) {
		int count[CF_N_FINDING_CODES][CF_N_SEVERITIES] = { 0 };

		random_scene(&s);
		s.a.at = s.b.at = (cf_real){ NOW + CF_YEAR + CF_DAY };	/* nothing grows */
		if (s.pair.host_offset.low.ns < -CF_DAY)
			s.pair.has_host_offset = false;	/* or leap seconds would be judged a year apart */
		there.n_list = back.n_list = 0;
		scene_both(&s, &both);
		cf_gate_pair(&s.pair, &both, &there);
		swap(&s);
		scene_both(&s, &both);
		cf_gate_pair(&s.pair, &both, &back);
		for (size_t k = 0; k < there.n_list; k++)
			count[there.list[k].code][there.list[k].severity]++;
		for (size_t k = 0; k < back.n_list; k++)
			count[back.list[k].code][back.list[k].severity]--;
		for (int code = 0; code < CF_N_FINDING_CODES; code++)
			for (int severity = 0; severity < CF_N_SEVERITIES; severity++)
				differ += count[code][severity] != 0;
	}
	ok(differ == 0, "two clocks are judged alike in both directions");
}

static void wider(void)
{
	static struct scene s;
	static struct cf_findings before, after;
	int64_t lost = 0, gained = 0;

	for (int i = 0; i < SCENES; i++) {
		random_scene(&s);
		scene_judge(&s, &before);
		s.pair.host_offset = cf_interval_widen(s.pair.host_offset,
						       (cf_span){ sim_between(&sim, 0, 40 * CF_MS) });
		scene_judge(&s, &after);
		lost += find(&before, CF_FINDING_SKEW, NULL) && !find(&after, CF_FINDING_SKEW, NULL);
		gained += !find(&before, CF_FINDING_SKEW, NULL) && find(&after, CF_FINDING_SKEW, NULL);
	}
	ok(lost == 0 && gained > 0, "an offset less well known only adds skew (%lld times)",
	   (long long)gained);
}

/* Evidence against: one thing more that speaks against the migration. */
static void worsen(struct scene *s)
{
	struct cf_report *r = sim_chance(&sim, 2) ? &s->a : &s->b;

	switch (sim_between(&sim, 0, 17)) {
	case 0: r->stepped = true; break;
	case 1: r->kernel_unsync = true; break;
	case 2: r->has_leap = true; r->leap.at.ns = NOW + 20 * CF_S; break;
	case 3: r->good_age = cf_span_add(r->good_age, (cf_span){ CF_DAY }); break;
	case 4: r->has_bound = false; s->pair.has_host_offset = false; break;
	case 5: r->tracking.stratum++; break;
	case 6: s->domain.state = CF_DOMAIN_PAUSED; break;
	case 7: s->domain.job_active = true; break;
	case 8: strcpy(s->domain.manager, "ovirt"); break;
	case 9: s->domain.n_blockers = s->domain.n_blockers < 8 ? s->domain.n_blockers + 1 : 8; break;
	case 10: s->guest.has_guest_offset = false; break;
	case 11: s->guest.lever = CF_LEVER_NONE; break;
	case 12: s->guest.counter_promised = true; break;
	case 13: s->guest.self_correcting = true; break;
	case 14: s->domain.predicted_blackout = cf_span_add(s->domain.predicted_blackout,
							    (cf_span){ CF_S }); break;
	case 15: s->guest.agent_connected = false; break;
	case 16: s->b.counter_scaling = false; break;
	case 17: s->pair.host_offset = s->pair.host_offset.low.ns + s->pair.host_offset.high.ns >= 0 ?
			cf_interval_shift(s->pair.host_offset, (cf_span){ CF_S }) :
			cf_interval_shift(s->pair.host_offset, (cf_span){ -CF_S });
		break;
	}
}

static void never_less(void)
{
	static struct scene s;
	static struct cf_findings before, after;
	int64_t lost = 0, gained = 0;

	for (int i = 0; i < 4 * SCENES; i++) {
		random_scene(&s);
		/* A shifted offset is not to make a report younger. */
		s.a.at = s.b.at = (cf_real){ NOW + CF_YEAR + CF_DAY };
		if (s.pair.host_offset.low.ns < -CF_DAY)
			s.pair.has_host_offset = false;
		scene_judge(&s, &before);
		worsen(&s);
		scene_judge(&s, &after);
		/* Without an offset there is neither skew nor contradiction, but the offset is unknown. */
		if (find(&after, CF_FINDING_OFFSET_UNKNOWN, NULL) &&
		    !find(&before, CF_FINDING_OFFSET_UNKNOWN, NULL))
			continue;
		lost += !all_in(&before, &after);
		gained += after.n_list > before.n_list;
	}
	ok(lost == 0 && gained > SCENES / 10,
	   "evidence against never takes a finding away (%lld times it added one)",
	   (long long)gained);
}

/* Both hosts' limits apply: whatever either alone would find, both find. */
static void both_apply(void)
{
	static struct scene s;
	static struct cf_findings alone, together;
	struct cf_limits a, b;
	int64_t lost = 0;

	for (int i = 0; i < SCENES; i++) {
		random_scene(&s);
		a = s.a_limits;
		b = s.b_limits;
		scene_judge(&s, &together);
		s.b_limits = a;
		scene_judge(&s, &alone);
		lost += !all_in(&alone, &together);
		s.a_limits = s.b_limits = b;
		scene_judge(&s, &alone);
		lost += !all_in(&alone, &together);
	}
	ok(lost == 0, "what either host's limits find, both together find, no less severe");
}

/* During the copy nothing is found that the full rule would let pass. */
static void during_is_milder(void)
{
	static struct scene s;
	static struct cf_findings full, during;
	struct cf_both_limits both;
	int64_t more = 0, milder = 0, abort = 0;

	for (int i = 0; i < SCENES; i++) {
		struct cf_gate_memory memory = { 0 };
		enum cf_gate_state state;

		random_scene(&s);
		scene_both(&s, &both);
		full.n_list = 0;
		cf_gate_pair(&s.pair, &both, &full);
		state = cf_gate_during(&s.pair, &both, (cf_mono){ CF_S }, &memory, &during);
		more += !all_in(&during, &full) || (state == CF_GATE_OPEN) != cf_gate_open(&during);
		milder += state == CF_GATE_OPEN && !cf_gate_open(&full);
		abort += state == CF_GATE_ABORT;
	}
	ok(more == 0 && milder > 0 && abort > 0,
	   "during the copy the gate finds nothing that it would not before");
}

/* Where nothing is known of the destination the source is judged all the same. */
static void source_alone(void)
{
	static struct scene s;
	static struct cf_findings pair, source;
	struct cf_both_limits both;
	int64_t lost = 0, more = 0, found = 0;

	for (int i = 0; i < SCENES; i++) {
		random_scene(&s);
		scene_both(&s, &both);
		pair.n_list = source.n_list = 0;
		cf_gate_pair(&s.pair, &both, &pair);
		cf_gate_source(&s.pair, &both, &source);
		for (size_t k = 0; k < pair.n_list; k++)
			lost += strcmp(pair.list[k].subject, s.pair.source) == 0 &&
				!find(&source, pair.list[k].code, s.pair.source);
		more += !all_in(&source, &pair);
		found += source.n_list;
	}
	ok(lost == 0 && more == 0 && found > 0, "alone, the source is found to be what it is beside the destination");
}

int main(void)
{
	same_answer();
	either_way();
	wider();
	never_less();
	both_apply();
	during_is_milder();
	source_alone();

	return done();
}
