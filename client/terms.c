/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "client/terms.h"

#include <errno.h>
#include <string.h>

#include "proto/text.h"

static int take_text(const char *option, const char *text, char *ret, size_t room, struct cf_error *err)
{
	if (!*text || strlen(text) >= room)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--%s: %s", option, *text ? "that is too long" : "is empty");

	strcpy(ret, text);
	return 0;
}

int terms_policy(struct cf_terms *terms, const char *name, struct cf_error *err)
{
	terms->has_policy = true;
	return take_text("policy", name, terms->policy, sizeof(terms->policy), err);
}

int terms_limit(struct cf_terms *terms, const char *option, const char *text, bool *has, cf_span *limit,
		struct cf_error *err)
{
	struct cf_error why;

	if (cf_span_parse(text, (cf_span){ 0 }, (cf_span){ CF_DAY }, limit, &why) < 0)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--%s: %s", option, why.text);
	*has = terms->has_tighten = true;
	return 0;
}

int terms_lever(struct cf_terms *terms, const char *word, struct cf_error *err)
{
	for (int lever = CF_LEVER_NONE; lever < CF_N_LEVERS; lever++)
		if (strcmp(cf_lever_words[lever], word) == 0) {
			terms->has_tighten = terms->tighten.has_require_lever = true;
			terms->tighten.require_lever = lever;
			return 0;
		}
	return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--require-lever: '%.64s' is none of none, guest-agent, kvm", word);
}

int terms_override(struct cf_terms *terms, const char *code, struct cf_error *err)
{
	struct cf_override *override = &terms->override;

	if (override->n_findings == CF_COUNT(override->findings))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--override: more than %zu", CF_COUNT(override->findings));
	terms->has_override = true;
	return take_text("override", code, override->findings[override->n_findings++], CF_CODE_ROOM, err);
}

int terms_reason(struct cf_terms *terms, const char *text, struct cf_error *err)
{
	terms->has_override = true;
	return take_text("reason", text, terms->override.reason, sizeof(terms->override.reason), err);
}

int terms_check(const struct cf_terms *terms, struct cf_error *err)
{
	if (!terms->has_override)
		return 0;
	if (!*terms->override.reason)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--override needs a --reason");
	if (terms->override.n_findings == 0)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "--reason is of use with --override only");
	return 0;
}
