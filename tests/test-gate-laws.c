/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Laws of the gate, each held against thousands of scenes that nobody made up. */
#include "tests/gate-random.h"
#include "tests/tap.h"

#define SCENES 5000

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
			refused |= first.list[k].severity == CF_SEVERITY_REFUSE && !first.list[k].has_waived;
			off += first.list[k].severity < CF_SEVERITY_WARN;
		}
		wrong += cf_gate_open(&first) == refused;
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
	case 11:
		s->guest.lever = CF_LEVER_NONE;
		s->guest.has_kvm_why = true;
		strcpy(s->guest.kvm_why, "something is in the way");
		break;
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
