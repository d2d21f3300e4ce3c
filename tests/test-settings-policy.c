/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Policies: those that ship, those of the settings, and those of policy.d. */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/settings-made.h"
#include "tests/tap.h"

/* Those that ship: DESIGN 11. */
static const struct {
	const char *name;
	int64_t max_error_bound, max_skew, max_blackout, max_residual, gate_grace;
	enum cf_lever lever;
	enum cf_correction correction;
	enum cf_severity unsynchronised;	/* and error-bound and skew */
} shipped[] = {
	{ "default", 100 * CF_MS, 25 * CF_MS, CF_S, 20 * CF_MS, 30 * CF_S, CF_LEVER_NONE, CF_CORRECTION_STEP_FORWARD,
	  CF_SEVERITY_REFUSE },
	{ "strict", CF_MS, 500 * CF_US, 100 * CF_MS, CF_MS, 5 * CF_S, CF_LEVER_KVM, CF_CORRECTION_STEP_FORWARD,
	  CF_SEVERITY_REFUSE },
	{ "relaxed", 500 * CF_MS, 250 * CF_MS, 5 * CF_S, 100 * CF_MS, 300 * CF_S, CF_LEVER_NONE,
	  CF_CORRECTION_REPORT, CF_SEVERITY_REFUSE },
	{ "emergency", 100 * CF_MS, 25 * CF_MS, CF_S, 20 * CF_MS, 30 * CF_S, CF_LEVER_NONE, CF_CORRECTION_STEP_FORWARD,
	  CF_SEVERITY_WARN },
};

static void test_shipped(void)
{
	CF_AUTO(settings_free) struct settings *s = settings_made("");

	ok(s->n_policies == CF_COUNT(shipped), "four policies ship");
	for (size_t i = 0; i < CF_COUNT(shipped); i++) {
		const struct settings_policy *policy = settings_policy(s, shipped[i].name);
		const struct cf_limits *l = &policy->limits;

		ok(l->max_error_bound.ns == shipped[i].max_error_bound && l->max_skew.ns == shipped[i].max_skew &&
		   l->max_blackout.ns == shipped[i].max_blackout && l->max_residual.ns == shipped[i].max_residual &&
		   l->gate_grace.ns == shipped[i].gate_grace && l->require_lever == shipped[i].lever &&
		   l->correction == shipped[i].correction && l->correction_floor.ns == 2 * CF_MS,
		   "%s has its limits", shipped[i].name);
		ok(cf_limits_severity(l, CF_FINDING_SKEW) == shipped[i].unsynchronised &&
		   cf_limits_severity(l, CF_FINDING_ERROR_BOUND) == shipped[i].unsynchronised &&
		   cf_limits_severity(l, CF_FINDING_CLOCK_UNSYNCHRONISED) == shipped[i].unsynchronised &&
		   cf_limits_severity(l, CF_FINDING_CLOCK_STEPPED) == CF_SEVERITY_REFUSE, "... and severities");
		ok(*policy->description && !*policy->origin && l->mode == CF_ENFORCE, "... and says what it is for");
	}
	ok(settings_policy(s, "") == settings_policy(s, "default") && !settings_policy(s, "gold"),
	   "the first is in use, and there is no other");
}

/* What a file says, and what stays as it ships. */
static void test_policies(void)
{
	CF_AUTO(settings_free) struct settings *s = settings_made(
		"use-policy = gold\n"
		"policy gold { max-skew = \"1 ms\" mode = observe }\n"
		"policy emergency { off = {\"skew\", \"kernel-unsync\"} max-blackout = \"2 s\" }\n"
		"policy default { max-skew = \"7 ms\" }\n");
	const struct cf_limits *gold = &settings_policy(s, "")->limits, *night = &settings_policy(s, "emergency")->limits;

	ok(s->n_policies == 5 && strcmp(settings_policy(s, "")->name, "gold") == 0, "a policy of our own, in use");
	ok(gold->max_skew.ns == CF_MS && gold->mode == CF_OBSERVE, "... with what it says");
	ok(gold->max_blackout.ns == CF_S && gold->n_severities == 0 && !*settings_policy(s, "")->description,
	   "... and the rest as default ships");
	ok(settings_policy(s, "default")->limits.max_skew.ns == 7 * CF_MS, "default can be changed");
	ok(night->max_blackout.ns == 2 * CF_S && night->max_skew.ns == 25 * CF_MS && night->holdover_max.ns == 7 * CF_DAY,
	   "one that ships keeps what the file does not say");
	ok(cf_limits_severity(night, CF_FINDING_SKEW) == CF_SEVERITY_OFF &&
	   cf_limits_severity(night, CF_FINDING_KERNEL_UNSYNC) == CF_SEVERITY_OFF &&
	   cf_limits_severity(night, CF_FINDING_ERROR_BOUND) == CF_SEVERITY_WARN, "... finding by finding");
	ok(strcmp(settings_policy(s, "gold")->origin, settings_made_path) == 0 && !*settings_policy(s, "strict")->origin,
	   "and each says which file it is from");
}

/* A file in policy.d; NULL removes it. */
static void put_policy(const char *name, const char *text)
{
	char file[64];
	FILE *to;

	snprintf(file, sizeof(file), "policy.d/%s", name);
	if (!text) {
		unlink(file);
		return;
	}
	to = fopen(file, "w");
	if (!to || fputs(text, to) < 0 || fclose(to) != 0)
		abort();
}

static void fails(const char *name, const char *settings_text, const char *fault)
{
	struct settings *settings = NULL;
	struct cf_error err = { 0 };

	ok(settings_made_try(settings_text, &settings, &err) < 0 && strcmp(err.text, fault) == 0, "%s", name);
	if (strcmp(err.text, fault) != 0)
		printf("# said: %s\n# want: %s\n", err.text, fault);
	settings_free(settings);
}

static void test_folder(void)
{
	CF_AUTO(settings_free) struct settings *s = NULL;
	struct cf_error err = { 0 };

	mkdir("policy.d", 0700);
	put_policy("10-gold.conf", "# ours\npolicy gold { max-skew = \"3 ms\" }\n");
	put_policy("20-night.conf", "policy strict { require-lever = none }\npolicy night { mode = observe }\n");
	put_policy("30-no.txt", "this is no policy");
	put_policy(".hidden.conf", "nor is this");
	s = settings_made("use-policy = night\npolicy default { max-skew = \"4 ms\" }\n");
	ok(s->n_policies == 6 && settings_policy(s, "gold")->limits.max_skew.ns == 3 * CF_MS, "policies from policy.d");
	ok(settings_policy(s, "")->limits.mode == CF_OBSERVE && strcmp(settings_policy(s, "")->name, "night") == 0,
	   "... which the settings can use");
	ok(settings_policy(s, "strict")->limits.require_lever == CF_LEVER_NONE &&
	   settings_policy(s, "strict")->limits.max_skew.ns == 500 * CF_US, "... and which change those that ship");
	ok(strcmp(settings_policy(s, "strict")->origin, "policy.d/20-night.conf") == 0, "... and say where");

	s = settings_free(s);
	unlink(settings_made_path);
	ok(settings_read(settings_made_path, &s, &err) == 0 && s->n_policies == 6, "... also without a file of settings");

	fails("a policy in two files", "policy gold {\n}\n",
	      "policy.d/10-gold.conf:2: policy \"gold\", which ends here: test-settings.conf says what it is already");
	put_policy("15.conf", "policy silver {\n\tmax-skew = 5\n}\n");
	fails("a fault there has its file and line", "", "policy.d/15.conf:2: policy.max-skew: '5': " BAD_SPAN);
	put_policy("15.conf", "policy silver { }\nport = 1\n");
	fails("nothing else may stand there", "", "policy.d/15.conf:2: no such option 'port'; clockferryd.conf(5) has all that there are");
	put_policy("15.conf", "policy silver {\n");
	fails("... nor half of it", "", "policy.d/15.conf:1: the brace that opens here is not closed");

	put_policy("10-gold.conf", NULL);
	put_policy("15.conf", NULL);
	put_policy("20-night.conf", NULL);
	put_policy("30-no.txt", NULL);
	put_policy(".hidden.conf", NULL);
	rmdir("policy.d");
}

int main(void)
{
	settings_made_begin();
	test_shipped();
	test_policies();
	test_folder();
	settings_made_end();
	return done();
}
