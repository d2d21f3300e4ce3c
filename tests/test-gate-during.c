/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The gate during the copy, second by second: gate-grace is 30 s, the skew limit 25 ms. */
#include "tests/gate.h"
#include "tests/tap.h"

static struct scene s;
static struct cf_gate_memory memory;
static struct cf_findings findings;
static int64_t second;

static void begin(void)
{
	scene_begin(&s);
	s.a.bound.ns = s.b.bound.ns = 50 * CF_MS;
	memory = (struct cf_gate_memory){ 0 };
	second = 1000;
}

static enum cf_gate_state judge(void)
{
	struct cf_both_limits both;

	scene_both(&s, &both);
	return cf_gate_during(&s.pair, &both, (cf_mono){ second * CF_S }, &memory, &findings);
}

/* Judge once a second for a while; true when the answer was the same each time. */
static bool stays(enum cf_gate_state state, int64_t seconds)
{
	for (int64_t i = 0; i < seconds; i++, second++)
		if (judge() != state)
			return false;
	return true;
}

static bool only(enum cf_finding_code code)
{
	return findings.n_list == 1 && findings.list[0].code == code;
}

static void offset(int64_t low_ms, int64_t high_ms)
{
	s.pair.has_host_offset = true;
	s.pair.host_offset = (struct cf_interval){ { low_ms * CF_MS }, { high_ms * CF_MS } };
}

static void skews(void)
{
	begin();
	ok(stays(CF_GATE_OPEN, 100) && findings.n_list == 0, "two good clocks keep it open");
	offset(-20, 80);
	ok(stays(CF_GATE_OPEN, 30) && findings.n_list == 0, "an offset known less well is no news for 30 s");
	offset(-1, 1);
	ok(stays(CF_GATE_OPEN, 1), "... and forgotten once it is known again");
	offset(-20, 80);
	ok(stays(CF_GATE_OPEN, 30), "... for 30 s more");
	ok(stays(CF_GATE_CLOSED, 30) && only(CF_FINDING_SKEW), "after that it closes");
	ok(stays(CF_GATE_ABORT, 1), "... and after 30 s more it gives up");

	begin();
	offset(26, 80);
	ok(stays(CF_GATE_CLOSED, 30) && only(CF_FINDING_SKEW) && findings.list[0].detail[0] == '\0',
	   "a proven skew closes it at once");
	offset(20, 24);
	ok(stays(CF_GATE_OPEN, 5), "... it opens again when that has passed");
	offset(-80, -26);
	ok(stays(CF_GATE_CLOSED, 30), "... and closes again, for as long as the first time");
	ok(stays(CF_GATE_ABORT, 1), "... before it gives up");

	begin();
	offset(25, 25);
	ok(stays(CF_GATE_OPEN, 100) && findings.n_list == 0, "just the limit is within it");

	begin();
	s.pair.has_host_offset = false;
	ok(stays(CF_GATE_OPEN, 30) && stays(CF_GATE_CLOSED, 30) && only(CF_FINDING_OFFSET_UNKNOWN) &&
	   stays(CF_GATE_ABORT, 1),
	   "an offset not known at all is one less well known");

	begin();
	set_severity(&s.a_limits, CF_FINDING_SKEW, CF_SEVERITY_WARN);
	set_severity(&s.b_limits, CF_FINDING_SKEW, CF_SEVERITY_WARN);
	offset(40, 80);
	ok(stays(CF_GATE_OPEN, 100) && only(CF_FINDING_SKEW),
	   "what is only warned of closes nothing, but is said");
}

static void clocks(void)
{
	begin();
	s.b.stepped = true;
	ok(stays(CF_GATE_ABORT, 1) && only(CF_FINDING_CLOCK_STEPPED), "a stepped clock ends it at once");
	begin();
	offset(200, 201);
	ok(stays(CF_GATE_ABORT, 1) && find(&findings, CF_FINDING_CLOCK_CONTRADICTION, NULL),
	   "so does a contradiction");
	begin();
	s.b.stepped = true;
	set_severity(&s.a_limits, CF_FINDING_CLOCK_STEPPED, CF_SEVERITY_WARN);
	set_severity(&s.b_limits, CF_FINDING_CLOCK_STEPPED, CF_SEVERITY_WARN);
	ok(stays(CF_GATE_OPEN, 50), "... unless both policies only warn of it");

	begin();
	s.a.state = CF_CLOCK_UNSYNCHRONISED;
	ok(stays(CF_GATE_CLOSED, 30) && only(CF_FINDING_CLOCK_UNSYNCHRONISED) && stays(CF_GATE_ABORT, 1),
	   "a host that lost its source closes it, and may find it again");
	begin();
	s.a.state = CF_CLOCK_HOLDOVER;
	ok(stays(CF_GATE_OPEN, 50) && only(CF_FINDING_CLOCK_HOLDOVER), "holdover is only said");
	s.a.good_age.ns = CF_DAY;
	ok(stays(CF_GATE_CLOSED, 30), "... until it is too old");
	begin();
	s.pair.destination_report = NULL;
	ok(stays(CF_GATE_CLOSED, 30), "a host without a report is one that lost its source");

	begin();
	s.a.bound.ns = CF_S;
	s.b.tai_s = 1;
	s.a.kernel_unsync = true;
	ok(stays(CF_GATE_OPEN, 50) && findings.n_list == 0,
	   "what can wait for the full rule before the switchover is left to it");

	begin();
	s.b_limits.gate_grace.ns = 0;
	offset(26, 80);
	ok(stays(CF_GATE_ABORT, 1), "without grace a closed gate is the end");
	begin();
	s.a_limits.gate_grace.ns = 5 * CF_S;
	offset(26, 80);
	ok(stays(CF_GATE_CLOSED, 5) && stays(CF_GATE_ABORT, 1), "the shorter grace applies");
	findings.n_list = CF_FINDINGS_MAX;
	offset(0, 1);
	ok(judge() == CF_GATE_OPEN && findings.n_list == 0, "findings are of this moment only");
}

int main(void)
{
	skews();
	clocks();

	return done();
}
