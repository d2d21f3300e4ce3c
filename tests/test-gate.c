/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the gate refuses, warns of and lets pass, one sentence a row.  Each row
 * spoils a scene that nothing speaks against, so whatever is found comes from it.
 * The laws that hold for any scene are in test-gate-laws.c.
 */
#include "tests/gate.h"
#include "tests/tap.h"

#define row(name, sentence, code, severity, ...) static void spoil_##name(struct scene *s) { __VA_ARGS__; }
#include "tests/gate-rows.h"
#undef row

static const struct {
	const char *sentence;
	enum cf_finding_code code;
	enum cf_severity severity;
	void (*spoil)(struct scene *s);
} rows[] = {
#define row(name, sentence, code, severity, ...) \
	{ sentence, CF_FINDING_##code, CF_SEVERITY_##severity, spoil_##name },
#include "tests/gate-rows.h"
#undef row
};

/* What only the daemon can see: whether the peer answers, what its lease says, whether libvirt and the ledger are there. */
static const enum cf_finding_code daemons[] = {
	CF_FINDING_UNKNOWN, CF_FINDING_PEER_UNREACHABLE, CF_FINDING_PEER_CERTIFICATE_TIME,
	CF_FINDING_PEER_DENIED, CF_FINDING_PEER_VERSION, CF_FINDING_PEER_BUSY, CF_FINDING_QUIESCING,
	CF_FINDING_DOMAIN_EXISTS_THERE, CF_FINDING_LIBVIRT_UNAVAILABLE, CF_FINDING_LEDGER_UNWRITABLE,
	CF_FINDING_SETTINGS_INVALID, CF_FINDING_POLICY_UNKNOWN, CF_FINDING_OVERRIDE_DENIED,
	CF_FINDING_NOT_GATED,
	CF_FINDING_BLACKOUT_REACHED, CF_FINDING_RECORD_MISSING,	/* at the commit gate: tests/test-commit.c */
};

static bool found[CF_N_FINDING_CODES];

static void row_case(size_t i)
{
	static struct scene scene;
	struct cf_findings findings;
	const struct cf_finding *finding;
	char text[CF_FINDING_TEXT_ROOM] = "nothing";

	scene_begin(&scene);
	rows[i].spoil(&scene);
	scene_judge(&scene, &findings);
	finding = find(&findings, rows[i].code, NULL);
	if (findings.n_list > 0)
		cf_finding_text(&findings.list[0], text);
	for (size_t k = 0; k < findings.n_list; k++)
		found[findings.list[k].code] = true;

	if (rows[i].severity == CF_SEVERITY_OFF)
		ok(findings.n_list == 0, "%s: %s", rows[i].sentence, text);
	else
		ok(findings.n_list == 1 && finding && finding->severity == rows[i].severity, "%s: %s",
		   rows[i].sentence, text);
	ok(cf_gate_open(&findings) == (rows[i].severity != CF_SEVERITY_REFUSE), "... so the gate is %s", cf_gate_open(&findings) ? "open" : "closed");
}

static void every_code(void)
{
	for (int code = 0; code < CF_N_FINDING_CODES; code++) {
		bool foreign = false;

		for (size_t i = 0; i < CF_COUNT(daemons); i++)
			foreign |= daemons[i] == (enum cf_finding_code)code;
		ok(found[code] != foreign, "%s is found by a row above or by the daemon",
		   cf_finding_words[code]);
	}
}

/* The finding itself: figures, limit, whose. */
static void figures(void)
{
	static struct scene s;
	struct cf_findings findings;
	const struct cf_finding *f;

	scene_begin(&s);
	s.pair.host_offset = (struct cf_interval){ { 1998 * CF_MS }, { 2002 * CF_MS } };
	s.b_limits.max_skew.ns = 10 * CF_MS;
	s.a.bound.ns = 150 * CF_MS;
	s.b.state = CF_CLOCK_UNTRUSTED;
	strcpy(s.b.why, "chronyd and the kernel disagree");
	scene_judge(&s, &findings);
	f = find(&findings, CF_FINDING_SKEW, "hA -> hB");
	ok(f && f->has_measured && f->measured.low.ns == 1998 * CF_MS &&
	   f->measured.high.ns == 2002 * CF_MS &&
	   f->has_limit && f->limit.ns == 10 * CF_MS && strcmp(f->limit_of, "hB") == 0,
	   "a skew carries its interval, the stricter limit and whose it is");
	f = find(&findings, CF_FINDING_ERROR_BOUND, "hA");
	ok(f && f->measured.low.ns == 0 && f->measured.high.ns == 150 * CF_MS &&
	   strcmp(f->limit_of, "hA") == 0,
	   "a bound is an interval from 0, and where both limits are the same it is the source's");
	f = find(&findings, CF_FINDING_CLOCK_CONTRADICTION, "hA -> hB");
	ok(f && f->has_limit && f->limit.ns > 150 * CF_MS && f->limit_of[0] == '\0',
	   "a contradiction is held against both bounds, which is nobody's limit");
	f = find(&findings, CF_FINDING_CLOCK_UNTRUSTED, "hB");
	ok(f && strcmp(f->detail, s.b.why) == 0, "what the host says of itself is passed on");
	ok(findings.n_list == 4, "all reasons are listed, not the first one");
}

/* What the sentence of the code cannot know. */
static void details(void)
{
	static struct scene s;
	struct cf_findings findings;

	scene_begin(&s);
	s.a.stepped = s.b.stepped = s.a.has_stepped_ago = true;
	s.a.stepped_ago.ns = 3 * CF_S;
	s.a.has_leap = s.b.has_leap = true;
	s.a.leap = (struct cf_leap_pending){ CF_LEAP_DELETE, { NOW + CF_S } };
	s.b.leap = (struct cf_leap_pending){ CF_LEAP_INSERT, { NOW + CF_S } };
	s.b.tai_s = -36;
	s.b.counter = CF_COUNTER_CNTVCT;
	scene_judge(&s, &findings);
	ok(strcmp(find(&findings, CF_FINDING_CLOCK_STEPPED, "hA")->detail, "3 s ago") == 0 &&
	   strcmp(find(&findings, CF_FINDING_CLOCK_STEPPED, "hB")->detail,
		  "") == 0, "when a clock was set, if known");
	ok(strcmp(find(&findings, CF_FINDING_LEAP_SECOND, "hA")->detail, "one is deleted") == 0 &&
	   strcmp(find(&findings, CF_FINDING_LEAP_SECOND, "hB")->detail,
		  "one is inserted") == 0, "which leap second");
	ok(strcmp(find(&findings, CF_FINDING_TAI_DIFFERS, NULL)->detail, "37 s and -36 s") == 0,
	   "both TAI offsets");
	ok(strcmp(find(&findings, CF_FINDING_COUNTER_DIFFERS, NULL)->detail,
		  "they are not even of one kind") == 0,
	   "what is wrong with the counters");
	s.b.counter = CF_COUNTER_TSC;
	s.b.counter_hz = 1;
	scene_judge(&s, &findings);
	ok(strcmp(find(&findings, CF_FINDING_COUNTER_DIFFERS, NULL)->detail, "2400000000 Hz and 1 Hz") == 0,
	   "... or how fast");
}

/* Who asks before he moves it himself is told the rest, and not that he may not. */
static void managed(void)
{
	static const struct {
		enum cf_severity policy, moved, asked;
	} severities[] = {
		{ CF_SEVERITY_UNKNOWN, CF_SEVERITY_REFUSE,  CF_SEVERITY_WARN },
		{ CF_SEVERITY_WARN,    CF_SEVERITY_WARN,    CF_SEVERITY_WARN },
		{ CF_SEVERITY_OFF,     CF_SEVERITY_UNKNOWN, CF_SEVERITY_UNKNOWN },
	};
	static struct scene s;
	struct cf_findings findings;
	const struct cf_finding *f;

	for (size_t i = 0; i < CF_COUNT(severities) * 2; i++) {
		enum cf_severity severity = i % 2 ? severities[i / 2].asked : severities[i / 2].moved;

		scene_begin(&s);
		strcpy(s.domain.manager, "nova");
		s.domain.only_asked = i % 2;
		if (severities[i / 2].policy != CF_SEVERITY_UNKNOWN) {
			set_severity(&s.a_limits, CF_FINDING_MANAGED_ELSEWHERE, severities[i / 2].policy);
			set_severity(&s.b_limits, CF_FINDING_MANAGED_ELSEWHERE, severities[i / 2].policy);
		}
		scene_judge(&s, &findings);
		f = find(&findings, CF_FINDING_MANAGED_ELSEWHERE, "vm1");
		ok((f ? f->severity : CF_SEVERITY_UNKNOWN) == severity && cf_gate_open(&findings) == (severity != CF_SEVERITY_REFUSE),
		   "another manager's, which is %s: %s", i % 2 ? "only asked about" : "to be moved",
		   f ? cf_severity_words[f->severity] : "nothing");
	}

	s.domain.only_asked = true;
	s.a_limits = s.b_limits = scene_limits();
	s.a_limits.has_mode = s.b_limits.has_mode = true;
	s.a_limits.mode = s.b_limits.mode = CF_OBSERVE;
	scene_judge(&s, &findings);
	ok(findings.n_list == 1 && !findings.list[0].has_waived && !cf_gate_would_refuse(&findings, true),
	   "... and a policy that only looks on would not refuse that either");
}

static void full_list(void)
{
	static struct scene s;
	struct cf_findings findings = { 0 };
	struct cf_both_limits both;

	scene_begin(&s);
	scene_both(&s, &both);
	for (int i = 0; i < CF_FINDINGS_MAX; i++)
		cf_findings_add(&findings, &both, CF_FINDING_KERNEL_UNSYNC, "hA");
	ok(findings.n_list == CF_FINDINGS_MAX && cf_gate_open(&findings), "a list full of warnings");
	ok(!cf_findings_add(&findings, &both, CF_FINDING_TAI_UNKNOWN, "hA"),
	   "... has no room for another");
	ok(cf_findings_add(&findings, &both, CF_FINDING_SKEW, "hA") &&
	   findings.n_list == CF_FINDINGS_MAX &&
	   !cf_gate_open(&findings) && find(&findings, CF_FINDING_SKEW, NULL), "... but for a refusal");
	for (int i = 0; i < CF_FINDINGS_MAX; i++)
		cf_findings_add(&findings, &both, CF_FINDING_ERROR_BOUND, "hA");
	ok(findings.n_list == CF_FINDINGS_MAX && find(&findings, CF_FINDING_SKEW, NULL),
	   "refusals do not displace each other");
	findings = (struct cf_findings){ .n_list = 1, .list = { { .severity = CF_SEVERITY_UNKNOWN } } };
	ok(!cf_gate_open(&findings), "a severity of a newer version is no leave");
	for (int i = 0; i < CF_FINDINGS_MAX; i++)
		findings.list[i].severity = i == 0 ? CF_SEVERITY_WARN : CF_SEVERITY_REFUSE;
	findings.n_list = CF_FINDINGS_MAX;
	ok(cf_findings_add(&findings, &both, CF_FINDING_SKEW, "hA") == findings.list,
	   "the last warning left makes room");
}

static void limits_both(void)
{
	static struct scene s;
	struct cf_both_limits both;

	scene_begin(&s);
	scene_both(&s, &both);
	ok(both.owner_max_stratum == s.pair.source && both.owner_require_lever == s.pair.source &&
	   both.owner_max_skew == s.pair.source && both.owner_correction == s.pair.source &&
	   both.owner_correction_floor == s.pair.source && both.owner_gate_grace == s.pair.source,
	   "where both limits are the same, they are the source's");
	s.b_limits.max_blackout.ns--;
	s.b_limits.max_residual.ns++;
	s.b_limits.gate_grace.ns--;
	s.b_limits.correction_floor.ns--;
	s.b_limits.correction = CF_CORRECTION_REPORT;
	s.a_limits.max_stratum = 2;
	s.b_limits.require_lever = CF_LEVER_GUEST_AGENT;
	scene_both(&s, &both);
	ok(both.limits.max_blackout.ns == s.b_limits.max_blackout.ns &&
	   strcmp(both.owner_max_blackout, "hB") == 0 &&
	   both.limits.max_residual.ns == s.a_limits.max_residual.ns && strcmp(both.owner_max_residual,
									       "hA") == 0 &&
	   both.limits.gate_grace.ns == s.b_limits.gate_grace.ns && strcmp(both.owner_gate_grace, "hB") == 0 &&
	   both.limits.correction_floor.ns == s.b_limits.correction_floor.ns &&
	   strcmp(both.owner_correction_floor, "hB") == 0 &&
	   both.limits.max_stratum == 2 && strcmp(both.owner_max_stratum, "hA") == 0 &&
	   both.limits.require_lever == CF_LEVER_GUEST_AGENT && strcmp(both.owner_require_lever, "hB") == 0,
	   "of each limit the stricter, and whose");
	ok(both.limits.has_aftercare && both.limits.aftercare.verify_until.ns == 10 * CF_S &&
	   !both.limits.aftercare.correct_again && both.limits.aftercare.notice == CF_NOTICE_NONE,
	   "where neither says so, a guest is looked at for 10 s and left alone");
	s.a_limits.has_aftercare = s.b_limits.has_aftercare = true;
	s.a_limits.aftercare = (struct cf_aftercare){ { 60 * CF_S }, true, CF_NOTICE_EXEC };
	s.b_limits.aftercare = (struct cf_aftercare){ { CF_S }, true, CF_NOTICE_FILE };
	scene_both(&s, &both);
	ok(both.limits.aftercare.verify_until.ns == 60 * CF_S && both.limits.aftercare.correct_again &&
	   both.limits.aftercare.notice == CF_NOTICE_FILE, "it is looked at for longer, and done what both do");
	s.b_limits.aftercare.correct_again = false;
	s.b_limits.aftercare.notice = CF_NOTICE_UNKNOWN;
	scene_both(&s, &both);
	ok(!both.limits.aftercare.correct_again && both.limits.aftercare.notice == CF_NOTICE_NONE,
	   "what one does not, or a newer version has invented, is not done");
	ok(both.limits.correction == CF_CORRECTION_REPORT && strcmp(both.owner_correction, "hB") == 0,
	   "a guest is corrected only as far as both allow");
	s.b_limits.correction = CF_CORRECTION_UNKNOWN;
	s.a_limits.correction = CF_CORRECTION_STEP;
	scene_both(&s, &both);
	ok(both.limits.correction == CF_CORRECTION_REPORT,
	   "... and not at all in a way that one does not know");
	s.b_limits.correction = CF_CORRECTION_STEP_FORWARD;
	scene_both(&s, &both);
	ok(both.limits.correction == CF_CORRECTION_STEP_FORWARD, "... never back unless both say so");
	ok(both.limits.n_severities == 0, "two policies without opinions leave the usual severities");
}

int main(void)
{
	for (size_t i = 0; i < CF_COUNT(rows); i++)
		row_case(i);
	every_code();
	figures();
	details();
	managed();
	full_list();
	limits_both();

	return done();
}
