/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of a host's policies apply to a migration, and what of an override. */
#include "daemon/act/terms.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/digest.h"
#include "tests/tap.h"

static struct settings *settings;

static struct own_terms own(const char *chosen, const char *requested)
{
	struct own_terms terms;

	terms_own(settings, chosen, requested, &terms);
	return terms;
}

static void test_own(void)
{
	struct own_terms plain = own(NULL, NULL), chosen = own("strict", NULL), asked = own(NULL, "strict"),
			 lax = own("relaxed", NULL), both = own("relaxed", "strict"), less = own(NULL, "relaxed");

	ok(strcmp(plain.policy, "default") == 0 && !plain.domains_choice && plain.limits.max_skew.ns == 25 * CF_MS,
	   "without a word it is the policy in use");
	ok(strcmp(chosen.policy, "strict") == 0 && chosen.domains_choice && chosen.limits.max_skew.ns == 500 * CF_US,
	   "the domain chooses another one");
	ok(lax.limits.max_skew.ns == 250 * CF_MS, "... a more lenient one too");
	ok(strcmp(asked.policy, "default") == 0 && !asked.domains_choice && asked.limits.max_skew.ns == 500 * CF_US &&
	   asked.limits.require_lever == CF_LEVER_KVM, "a request adds one");
	ok(less.limits.max_skew.ns == 25 * CF_MS && less.limits.max_blackout.ns == CF_S, "... which loosens nothing");
	ok(both.limits.max_skew.ns == 500 * CF_US && both.limits.correction == CF_CORRECTION_REPORT,
	   "of both it is the stricter of each");
	ok(!plain.missing[0] && !chosen.missing[0] && !both.missing[1], "nothing is missing");
}

static void test_missing(void)
{
	struct own_terms nobodys = own("gold", "silver"), nameless = own("", NULL);
	struct cf_findings findings = { 0 };
	struct cf_both_limits limits;

	ok(nobodys.missing[0] && strcmp(nobodys.missing[0], "gold") == 0 && strcmp(nobodys.missing[1], "silver") == 0 &&
	   !nobodys.domains_choice && strcmp(nobodys.policy, "default") == 0,
	   "policies that are not there are missed, and that in use stands in");
	ok(nameless.missing[0], "... also one without a name");
	cf_limits_both(&nobodys.limits, "hA", &nobodys.limits, "hA", &limits);
	terms_object(&nobodys, "hA", &limits, &findings);
	ok(findings.n_list == 2 && findings.list[0].code == CF_FINDING_POLICY_UNKNOWN &&
	   strcmp(findings.list[0].subject, "hA") == 0 && strstr(findings.list[0].detail, "'gold'") &&
	   strstr(findings.list[1].detail, "'silver'"), "each is a finding that names it");
}

static void test_honour(void)
{
	struct cf_reservation r = { .has_override = true, .has_requester = true, .requester = { .role = "admin" } };

	ok(terms_honour(settings, &r), "an administrator's override is honoured");
	settings->accept_override = false;
	ok(!terms_honour(settings, &r), "... unless the settings say no");
	settings->accept_override = true;
	strcpy(r.requester.role, "operator");
	ok(!terms_honour(settings, &r), "... or it is somebody else's");
	r.has_requester = false;
	ok(!terms_honour(settings, &r), "... or nobody's");
}

static void test_digest(void)
{
	struct cf_limits limits = settings_policy(settings, "")->limits;
	char one[CF_DIGEST_ROOM], same[CF_DIGEST_ROOM], other[CF_DIGEST_ROOM];

	digest_limits(&limits, one);
	digest_limits(&limits, same);
	limits.max_skew.ns++;
	digest_limits(&limits, other);
	ok(strlen(one) == 64 && strspn(one, "0123456789abcdef") == 64, "a digest is a SHA-256");
	ok(strcmp(one, same) == 0 && strcmp(one, other) != 0, "... of the limits");
}

int main(void)
{
	struct cf_error err;

	if (settings_read("/dev/null", &settings, &err) < 0) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	test_own();
	test_missing();
	test_honour();
	test_digest();

	settings_free(settings);
	return done();
}
