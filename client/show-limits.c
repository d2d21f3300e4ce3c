/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "client/say.h"
#include "client/show-receipt.h"

#define LIMIT_ROOM 96

/* "max-skew 25 ms": the name as the settings have it. */
static const char *limit_of(const struct cf_field *f, const struct cf_limits *limits, char ret[static LIMIT_ROOM])
{
	const void *value = (const char *)limits + f->offset;
	char span[CF_SPAN_TEXT_ROOM];
	int n;

	n = snprintf(ret, LIMIT_ROOM, "%s ", f->name);
	for (char *c = ret; *c; c++)
		if (*c == '_')
			*c = '-';
	if (f->kind == CF_KIND_SPAN)
		snprintf(ret + n, LIMIT_ROOM - n, "%s", cf_span_text(*(const cf_span *)value, span));
	else if (f->kind == CF_KIND_ENUM)
		snprintf(ret + n, LIMIT_ROOM - n, "%s", f->words[*(const unsigned *)value]);
	else
		snprintf(ret + n, LIMIT_ROOM - n, "%" PRId64, *(const int64_t *)value);
	return ret;
}

/* Whose the i-th limit is; NULL for what is none: the mode, and what is shown by itself. */
static const char *owner_of(const struct cf_receipt *r, size_t i)
{
	const struct cf_field *f = &cf_limits_shape.fields[i];

	return f->kind == CF_KIND_LIST || f->kind == CF_KIND_SHAPE || f->offset == offsetof(struct cf_limits, mode)
		       ? NULL
		       : cf_limit_owner(&r->limit_owners, f->name);
}

/* All that belong to whom the i-th does, unless they were shown with one before it. */
static void show_limits_of(FILE *to, const struct cf_receipt *r, size_t i)
{
	const char *owner = owner_of(r, i), *other;
	struct say_parts parts = { .to = to, .label = owner && *owner ? owner : "whose unknown" };
	char text[LIMIT_ROOM];

	for (size_t k = 0; owner && k < i; k++) {
		other = owner_of(r, k);
		if (other && strcmp(other, owner) == 0)
			return;
	}
	for (size_t k = i; owner && k < cf_limits_shape.n_fields; k++) {
		other = owner_of(r, k);
		if (other && strcmp(other, owner) == 0)
			say_part(&parts, "%s", limit_of(&cf_limits_shape.fields[k], &r->limits, text));
	}
	if (owner)
		say_parts_end(&parts, "");
}

static void show_severities(FILE *to, const struct cf_receipt *r)
{
	struct say_parts parts = { .to = to, .label = "severities" };

	for (size_t i = 0; i < r->limits.n_severities; i++)
		say_part(&parts, "%s %s", cf_finding_words[r->limits.severities[i].code],
			 cf_severity_words[r->limits.severities[i].severity]);
	if (parts.any)
		say_parts_end(&parts, "");
}

static void show_aftercare(FILE *to, const struct cf_aftercare *care)
{
	char until[CF_SPAN_TEXT_ROOM];

	say_row(to, "afterwards", "verify-until %s, correct-again %s, notice %s", cf_span_text(care->verify_until, until),
		care->correct_again ? "yes" : "no", cf_notice_words[care->notice]);
}

static void show_policies(FILE *to, const struct cf_receipt *r)
{
	const struct cf_policy_used *p = &r->policy;
	struct say_parts parts = { .to = to, .label = "policy" };

	if (*p->source)
		say_part(&parts, "%s of %s%s", p->source, r->migration.source,
			 p->domains_choice ? ", by the domain's choice" : "");
	if (*p->destination)
		say_part(&parts, "%s of %s", p->destination, r->migration.destination);
	if (*p->requested)
		say_part(&parts, "%s, as was asked for", p->requested);
	say_parts_end(&parts, "not known");
	if (r->limits.has_mode)
		say_row(to, "mode", "%s", cf_policy_mode_words[r->limits.mode]);
	if (*p->digest)
		say_row(to, "digest", "%s", p->digest);
}

static void show_override(FILE *to, const struct cf_receipt *r)
{
	const struct cf_requester *who = &r->migration.requester;
	struct say_parts parts = { .to = to, .label = "overridden" };

	for (size_t i = 0; i < r->override.n_findings; i++)
		say_part(&parts, "%s", r->override.findings[i]);
	say_parts_end(&parts, "nothing");
	say_row(to, "", "because %s", r->override.reason);
	if (r->migration.has_requester)
		say_row(to, "", "says %s, for whom %s vouches", who->name, who->host);
}

void show_policy(FILE *to, const struct cf_receipt *r)
{
	say_heading(to, "Policy: of each limit the stricter of both hosts'");
	if (r->has_policy)
		show_policies(to, r);
	for (size_t i = 0; i < cf_limits_shape.n_fields; i++)
		show_limits_of(to, r, i);
	if (r->limits.has_aftercare)
		show_aftercare(to, &r->limits.aftercare);
	show_severities(to, r);
	if (r->has_override)
		show_override(to, r);
	if (r->has_would_refuse && r->would_refuse)
		say_row(to, "would refuse", is_foreign(r) ? "it went because another manager drives it"
							  : "it went only because policy does no more than observe");
}
