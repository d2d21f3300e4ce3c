/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commit gate, and the destination's last word: laws over evidence that nobody made up, then stories. */
#include "policy/commit.h"

#include "tests/gate-random.h"
#include "tests/tap.h"

#define TRIES 20000

struct gate {
	struct scene s;
	struct cf_both_limits both;
	struct cf_commit_evidence e;
	struct cf_commit_decision d;
	struct cf_findings findings;
};

static struct gate g;

static void judge(struct gate *gate)
{
	gate->e.pair = &gate->s.pair;
	scene_both(&gate->s, &gate->both);
	cf_commit_judge(&gate->e, &gate->both, &gate->d, &gate->findings);
}

/* Two good clocks, a guest that stopped 100 ms ago, 4 ms to go, a limit of a second. */
static void begin(struct gate *gate)
{
	scene_begin(&gate->s);
	gate->e = (struct cf_commit_evidence){
		.has_stop = true, .stop = { .raw = { 500 * CF_S } }, .stop_slack = { 3 * CF_MS },
		.now = { 500 * CF_S + 100 * CF_MS }, .resume_takes = { 4 * CF_MS },
		.raw_offset = { { -77 * CF_S - CF_MS },
			       { -77 * CF_S + CF_MS } },
		.needs_record = true, .record_there = true,
	};
}

static void at_random(struct gate *gate)
{
	random_scene(&gate->s);
	if (sim_chance(&sim, 3))
		set_severity(&gate->s.a_limits, CF_FINDING_BLACKOUT_REACHED, sim_between(&sim, 0, CF_N_SEVERITIES - 1));
	if (sim_chance(&sim, 3))
		set_severity(&gate->s.b_limits, CF_FINDING_BLACKOUT_REACHED, sim_between(&sim, 0, CF_N_SEVERITIES - 1));
	gate->e = (struct cf_commit_evidence){
		.has_stop = !sim_chance(&sim, 10), .stop = { .raw = { sim_between(&sim, 0, CF_DAY) }, .width = { sim_between(&sim, 0, 20 * CF_MS) } },
		.stop_slack = { sim_between(&sim, 0, 10 * CF_MS) }, .resume_takes = { sim_between(&sim, 0, 100 * CF_MS) },
		.needs_record = likely(), .record_there = likely(),
	};
	gate->e.now = cf_mono_add(gate->e.stop.raw, (cf_span){ sim_between(&sim, 0, PICK(CF_MS, CF_S, 6 * CF_S)) });
	gate->e.raw_offset = cf_interval_around((cf_span){ sim_between(&sim, -CF_DAY, CF_DAY) },
						(cf_span){ sim_between(&sim, 0, 10 * CF_MS) });
}

/* Would going over the limit refuse, were it all there is? */
static bool refuses(const struct gate *gate)
{
	static struct cf_findings one;

	one.n_list = 0;
	cf_findings_add(&one, &gate->both, CF_FINDING_BLACKOUT_REACHED, "");
	return !cf_gate_open(&one);
}

static cf_mono earliest_stop(const struct gate *gate)
{
	return cf_mono_add(gate->e.stop.raw, (cf_span){ -gate->e.stop.width.ns / 2 });
}

/* From the guest's last instruction to its first there, if it is let run at the very last moment that is allowed. */
static cf_span at_the_latest(const struct gate *gate, cf_span offset)
{
	cf_mono there = cf_mono_add(gate->d.valid_until, cf_span_neg(offset));

	return cf_span_add(cf_span_add(cf_mono_since(there, earliest_stop(gate)), gate->e.stop_slack), gate->e.resume_takes);
}

static void limits_hold(void)
{
	int64_t commits = 0, held = 0, over = 0, late = 0, silent = 0, blind = 0, early = 0;

	for (int i = 0; i < TRIES; i++) {
		bool is_over;

		at_random(&g);
		judge(&g);
		is_over = cf_span_cmp(g.d.expected, g.d.limit) > 0;
		silent += !g.d.commit && g.e.has_stop && cf_gate_open(&g.findings);
		blind += !g.e.has_stop && g.d.commit;
		if (!g.d.commit)
			continue;
		commits++;
		early += cf_mono_cmp(cf_mono_add(g.e.now, g.e.raw_offset.low), g.d.valid_until) > 0;
		if (!refuses(&g))
			continue;
		held++;
		over += is_over;
		for (int k = 0; k <= 10; k++) {
			struct cf_interval o = g.e.raw_offset;
			cf_span offset = { o.low.ns + cf_interval_width(o).ns / 10 * k };

			late += cf_span_cmp(at_the_latest(&g, offset), g.d.limit) > 0;
		}
	}
	ok(commits > TRIES / 50 && commits < TRIES && held > 100, "some are committed, some are not (%lld of %d, %lld below a limit)",
	   (long long)commits, TRIES, (long long)held);
	ok(over == 0, "nothing is committed past a limit that refuses");
	ok(late == 0, "obeyed at the last moment allowed it is within the limit, wherever the offset lies within its interval");
	ok(silent == 0, "what is rolled back has a finding that says why");
	ok(blind == 0, "without STOP nothing is committed, whatever policy says");
	ok(early == 0, "what is committed can still be obeyed");
}

static void monotone(void)
{
	static struct gate more;
	int64_t time = 0, limit = 0, offset = 0, resume = 0, slack = 0, n = 0;

	for (int i = 0; i < TRIES; i++) {
		cf_span by = { sim_between(&sim, 0, CF_S) };

		at_random(&g);
		judge(&g);

		more = g;
		more.e.now = cf_mono_add(g.e.now, by);
		judge(&more);
		time += more.d.commit && !g.d.commit;
		if (more.d.commit && g.d.commit && refuses(&g))
			time += cf_mono_cmp(more.d.valid_until, g.d.valid_until) > 0;

		more = g;
		more.s.a_limits.max_blackout = cf_span_add(g.s.a_limits.max_blackout, by);
		more.s.b_limits.max_blackout = cf_span_add(g.s.b_limits.max_blackout, by);
		judge(&more);
		limit += g.d.commit && !more.d.commit;
		if (g.d.commit && more.d.commit)
			limit += cf_mono_cmp(more.d.valid_until, g.d.valid_until) < 0;

		more = g;
		more.e.raw_offset.low.ns -= by.ns;
		judge(&more);
		offset += more.d.commit != g.d.commit;
		if (g.d.commit && more.d.commit)
			offset += cf_mono_cmp(more.d.valid_until, g.d.valid_until) > 0;

		more = g;
		more.e.resume_takes = cf_span_add(g.e.resume_takes, by);
		judge(&more);
		resume += more.d.commit && !g.d.commit;
		if (g.d.commit && more.d.commit)
			resume += cf_mono_cmp(more.d.valid_until, g.d.valid_until) > 0;

		more = g;
		more.e.stop_slack = cf_span_add(g.e.stop_slack, by);
		judge(&more);
		slack += more.d.commit && !g.d.commit;
		n += g.d.commit;
	}
	ok(n > TRIES / 50, "of evidence with and without a commit:");
	ok(time == 0, "time never turns a roll-back into a commit, nor makes it valid for longer");
	ok(limit == 0, "a wider limit never turns a commit into a roll-back, nor makes it valid for less");
	ok(offset == 0, "an offset known less well changes nothing but how long it is valid, and never makes that longer");
	ok(resume == 0, "the more is still to come, the less is committed, and the shorter it is valid");
	ok(slack == 0, "what STOP hides counts against it");
}

/* What policy only warns of, or looks on at, must not be held back by the way it is told. */
static void only_warned(void)
{
	int64_t back = 0, short_of = 0, n = 0;

	for (int i = 0; i < TRIES; i++) {
		begin(&g);
		if (sim_chance(&sim, 2)) {
			g.s.a_limits.has_mode = true;
			g.s.a_limits.mode = CF_OBSERVE;
			g.s.b_limits.has_mode = true;
			g.s.b_limits.mode = CF_OBSERVE;
		} else {
			enum cf_severity severity = PICK(CF_SEVERITY_WARN, CF_SEVERITY_OFF);

			set_severity(&g.s.a_limits, CF_FINDING_BLACKOUT_REACHED, severity);
			set_severity(&g.s.b_limits, CF_FINDING_BLACKOUT_REACHED, severity);
		}
		g.e.now = cf_mono_add(g.e.stop.raw, (cf_span){ sim_between(&sim, 0, 2 * CF_S) });
		judge(&g);
		back += !g.d.commit;
		short_of += cf_mono_since(g.d.valid_until, cf_mono_add(g.e.now, g.e.raw_offset.low)).ns < g.d.limit.ns;
		n += g.findings.n_list > 0;
	}
	ok(back == 0 && n > 0, "a limit that policy only warns of holds nothing back");
	ok(short_of == 0, "... nor does the time until which the commit is valid, on either side of the limit");
}

static bool only(enum cf_finding_code code)
{
	return g.findings.n_list == 1 && g.findings.list[0].code == code;
}

static void stories(void)
{
	begin(&g);
	g.e.stop.width = (cf_span){ 68 * CF_MS };
	judge(&g);
	ok(g.d.so_far.ns == 137 * CF_MS, "a STOP that was handled late counts from when it may have been at the earliest");

	begin(&g);
	judge(&g);
	ok(g.d.commit && g.findings.n_list == 0, "two good clocks and a short blackout are committed");
	ok(g.d.so_far.ns == 103 * CF_MS && g.d.expected.ns == 107 * CF_MS && g.d.limit.ns == CF_S, "... with the figures it was made of");
	ok(g.d.valid_until.ns == g.e.now.ns - 77 * CF_S - CF_MS + 893 * CF_MS, "... valid for what is left, at the earliest end of the offset");

	g.e.now.ns = g.e.stop.raw.ns + CF_S - 7 * CF_MS;
	judge(&g);
	ok(g.d.commit && g.d.valid_until.ns == g.e.now.ns + g.e.raw_offset.low.ns, "just the limit is committed, and valid for no longer than now");
	g.e.now.ns++;
	judge(&g);
	ok(!g.d.commit && only(CF_FINDING_BLACKOUT_REACHED), "a nanosecond more is rolled back");
	ok(g.findings.list[0].has_measured && g.findings.list[0].has_limit && g.findings.list[0].limit.ns == CF_S &&
	   g.findings.list[0].measured.high.ns == CF_S + 1, "... and says what was measured, and the limit");

	begin(&g);
	g.e.has_stop = false;
	judge(&g);
	ok(!g.d.commit && only(CF_FINDING_BLACKOUT_REACHED) && strstr(g.findings.list[0].detail, "STOP"), "without STOP it is rolled back, and says so");
	g.s.a_limits.has_mode = g.s.b_limits.has_mode = true;
	g.s.a_limits.mode = g.s.b_limits.mode = CF_OBSERVE;
	judge(&g);
	ok(!g.d.commit, "... also where policy only looks on");

	begin(&g);
	g.e.record_there = false;
	judge(&g);
	ok(!g.d.commit && only(CF_FINDING_RECORD_MISSING), "a lever without its record is rolled back");
	set_severity(&g.s.a_limits, CF_FINDING_RECORD_MISSING, CF_SEVERITY_WARN);
	set_severity(&g.s.b_limits, CF_FINDING_RECORD_MISSING, CF_SEVERITY_WARN);
	judge(&g);
	ok(g.d.commit && only(CF_FINDING_RECORD_MISSING), "... unless policy only warns of it");
	g.e.needs_record = false;
	judge(&g);
	ok(g.d.commit && g.findings.n_list == 0, "... and nobody misses it where nothing needs it");

	begin(&g);
	g.s.pair.host_offset.high.ns = 26 * CF_MS;
	g.s.a.bound.ns = g.s.b.bound.ns = 50 * CF_MS;
	judge(&g);
	ok(!g.d.commit && find(&g.findings, CF_FINDING_SKEW, NULL), "the full rule for the two clocks holds: the offset's far end counts");
	begin(&g);
	g.s.b.stepped = true;
	judge(&g);
	ok(!g.d.commit && find(&g.findings, CF_FINDING_CLOCK_STEPPED, NULL), "a clock that was set at the last moment is rolled back");
	begin(&g);
	g.s.pair.destination_report = NULL;
	judge(&g);
	ok(!g.d.commit, "so is a destination of whose clock nothing is known");
}

static const struct cf_obey_evidence willing = {
	.now = { 10 * CF_S }, .valid_until = { 10 * CF_S }, .same_boot = true, .loaded = true,
	.incoming_alive = true, .clock = &g.s.b,
};

static void obey(const char *sentence, enum cf_obey expected, struct cf_obey_evidence e)
{
	enum cf_obey is = cf_obey_judge(&e, &g.both);

	ok(is == expected, "%s: %s", sentence, cf_obey_words[is]);
}

#define BUT(member, value) \
	({ struct cf_obey_evidence e_ = willing; e_.member = value; e_; })

/* The clock at the destination, when the limits are as they are now. */
static void obey_in(const char *sentence, enum cf_obey expected, enum cf_clock_state state)
{
	g.s.b.state = state;
	scene_both(&g.s, &g.both);
	obey(sentence, expected, willing);
}

/* Whatever lets it by at the source's gate lets it by here. */
static void last_word_of_clock(void)
{
	const struct cf_override unsynchronised = { 1, { "clock-unsynchronised" }, "" };

	begin(&g);
	obey_in("in holdover the clock is still good", CF_OBEY, CF_CLOCK_HOLDOVER);
	obey_in("with a clock that follows nothing", CF_OBEY_CLOCK, CF_CLOCK_UNSYNCHRONISED);
	obey_in("with one that contradicts itself", CF_OBEY_CLOCK, CF_CLOCK_UNTRUSTED);
	obey_in("with one of which nothing is known", CF_OBEY_CLOCK, CF_CLOCK_UNKNOWN);

	cf_limits_override(&g.both, &unsynchronised);
	g.s.b.state = CF_CLOCK_UNSYNCHRONISED;
	obey("with one that follows nothing, which an administrator has overridden", CF_OBEY, willing);
	g.s.b.state = CF_CLOCK_UNTRUSTED;
	obey("... with one that contradicts itself, which he has not", CF_OBEY_CLOCK, willing);

	set_severity(&g.s.a_limits, CF_FINDING_CLOCK_UNSYNCHRONISED, CF_SEVERITY_WARN);
	obey_in("with one that follows nothing, of which one host's policy only warns", CF_OBEY_CLOCK, CF_CLOCK_UNSYNCHRONISED);
	set_severity(&g.s.b_limits, CF_FINDING_CLOCK_UNSYNCHRONISED, CF_SEVERITY_WARN);
	obey_in("... of which both do", CF_OBEY, CF_CLOCK_UNSYNCHRONISED);
	obey_in("... with one that contradicts itself", CF_OBEY_CLOCK, CF_CLOCK_UNTRUSTED);
	g.s.a_limits.has_mode = g.s.b_limits.has_mode = true;
	g.s.a_limits.mode = g.s.b_limits.mode = CF_OBSERVE;
	obey_in("... where they only look on", CF_OBEY, CF_CLOCK_UNTRUSTED);
}

static void last_word(void)
{
	int64_t wrong = 0, as_there = 0, bad = 0;

	begin(&g);
	scene_both(&g.s, &g.both);
	obey("just in time is in time", CF_OBEY, willing);
	obey("a nanosecond late", CF_OBEY_LATE, BUT(now.ns, 10 * CF_S + 1));
	obey("one that was taken back", CF_OBEY_WITHDRAWN, BUT(valid_until.ns, 0));
	obey("of an earlier boot", CF_OBEY_BOOTED, BUT(same_boot, false));
	obey("before the memory is there", CF_OBEY_NOT_LOADED, BUT(loaded, false));
	obey("after libvirt gave it up", CF_OBEY_LOST, BUT(incoming_alive, false));
	for (int i = 0; i < CF_N_OBEYS; i++)
		ok(cf_obey_words[i] && *cf_obey_words[i], "reason %d has its words", i);

	for (int i = 0; i < TRIES; i++) {
		struct cf_obey_evidence e = {
			.now = { sim_absurd(&sim) }, .valid_until = { sim_absurd(&sim) }, .same_boot = sim_chance(&sim, 2),
			.loaded = sim_chance(&sim, 2), .incoming_alive = sim_chance(&sim, 2), .clock = &g.s.b,
		};
		bool good, may;

		at_random(&g);
		judge(&g);
		good = cf_obey_judge(&willing, &g.both) == CF_OBEY;
		may = e.same_boot && e.loaded && e.incoming_alive && good && e.now.ns <= e.valid_until.ns && e.valid_until.ns != 0;
		wrong += (cf_obey_judge(&e, &g.both) == CF_OBEY) != may;
		as_there += g.d.commit && !good && g.s.pair.destination_report;
		bad += g.d.commit && g.s.b.state != CF_CLOCK_SYNCHRONISED && g.s.b.state != CF_CLOCK_HOLDOVER;
	}
	ok(wrong == 0, "it is obeyed exactly when nothing at all speaks against it");
	ok(as_there == 0 && bad > 0, "what the source commits is not refused for a clock as it was there (%lld times bad)", (long long)bad);
}

/* A destination that waits for the commit of this gate, with the true offset anywhere within its bounds. */
static struct cf_wait_evidence waits(const struct gate *gate, bool loaded, bool has_stop)
{
	cf_span offset = { sim_between(&sim, gate->e.raw_offset.low.ns, gate->e.raw_offset.high.ns) };
	cf_span since = { sim_between(&sim, 0, cf_mono_since(gate->e.now, gate->e.stop.raw).ns) };

	return (struct cf_wait_evidence){
		.loaded = loaded, .loaded_at = cf_mono_add(cf_mono_add(gate->e.stop.raw, since), offset),
		.has_stop = has_stop, .stop = gate->e.stop.raw, .raw_offset = gate->e.raw_offset,
	};
}

static bool is_over_at(struct cf_wait_evidence e, cf_mono now)
{
	e.now = now;
	return cf_wait_over(&e, &g.both);
}

/* A commit is sent once, and may be lost: whoever waits for it does so while it may be obeyed, and no longer than that takes. */
static void wait_ends(void)
{
	const cf_span minute = { 60 * CF_S };
	int64_t early = 0, held = 0, ever = 0, free_of_it = 0, blind = 0;
	struct cf_wait_evidence e;

	for (int i = 0; i < TRIES; i++) {
		bool enforced, has_stop = likely();

		at_random(&g);
		judge(&g);
		enforced = cf_blackout_enforced(&g.both);
		e = waits(&g, likely(), has_stop);
		if (g.d.commit && enforced) {
			held++;
			early += is_over_at(e, g.d.valid_until);
		}
		free_of_it += !enforced;
		blind += !enforced && is_over_at(waits(&g, false, has_stop), cf_mono_add(e.loaded_at, (cf_span){ CF_DAY }));
		blind += !enforced && is_over_at(waits(&g, true, has_stop), cf_mono_add(e.loaded_at, (cf_span){ 40 * CF_S }));
		if (enforced && g.both.limits.max_blackout.ns > CF_DAY)
			continue;
		e = waits(&g, true, has_stop);
		ever += !is_over_at(e, cf_mono_add(e.loaded_at, enforced ? (cf_span){ 2 * g.both.limits.max_blackout.ns + 1 }
									 : (cf_span){ minute.ns + 1 }));
	}
	ok(early == 0 && held > 100, "while a commit would still be obeyed, it is waited for (%lld times)", (long long)held);
	ok(ever == 0, "a guest that is loaded does not stand still for ever, whether its record came or not");
	ok(blind == 0 && free_of_it > 100, "a limit that holds nothing back does not end it within the minute, nor before it is loaded");

	begin(&g);
	scene_both(&g.s, &g.both);
	e = waits(&g, false, true);
	ok(!is_over_at(e, (cf_mono){ 424 * CF_S + CF_MS }), "since STOP, taken at its latest, it waits for the limit");
	ok(is_over_at(e, (cf_mono){ 424 * CF_S + CF_MS + 1 }), "... and not a nanosecond more");
	e.has_stop = false;
	ok(!is_over_at(e, (cf_mono){ 424 * CF_S + CF_DAY }), "without either it waits on");
}

/* What the record of STOP may take is of what the guest may stand still, and leaves most of it. */
static void record_patience(void)
{
	static const struct { int64_t limit, patience; } rows[] = {
		{ CF_MS, CF_MS / 2 }, { 100 * CF_MS, 50 * CF_MS }, { CF_S, 200 * CF_MS }, { 1600 * CF_MS, 200 * CF_MS }, { 1608 * CF_MS, 201 * CF_MS },
		{ 60 * CF_S, 7500 * CF_MS }, { 80 * CF_S, 10 * CF_S }, { CF_DAY, 10 * CF_S },
	};
	struct cf_both_limits limits = { 0 };
	int64_t wrong = 0;

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		limits.limits.max_blackout.ns = rows[i].limit;
		ok(cf_record_patience(&limits).ns == rows[i].patience, "a limit of %lld ms leaves the record of STOP %lld ms",
		   (long long)(rows[i].limit / CF_MS), (long long)(rows[i].patience / CF_MS));
	}
	for (int i = 0; i < TRIES; i++) {
		limits.limits.max_blackout.ns = sim_between(&sim, CF_S, CF_DAY);
		wrong += cf_record_patience(&limits).ns > limits.limits.max_blackout.ns / 4;
	}
	ok(wrong == 0, "from a second on it is never more than a quarter of the limit");
}

int main(void)
{
	limits_hold();
	monotone();
	only_warned();
	stories();
	last_word();
	last_word_of_clock();
	wait_ends();
	record_patience();
	return done();
}
