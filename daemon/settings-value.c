/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/settings-table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "proto/text.h"

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._"

const char *const access_words[ACCESS_N_KINDS] = { "dns", "uri", "cn" };

static void *member(const struct setting *row, void *base)
{
	return (char *)base + row->offset;
}

static const void *member_of(const struct setting *row, const void *base)
{
	return (const char *)base + row->offset;
}

static bool is_ip(const char *text)
{
	struct in6_addr address;

	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

static bool is_name(const char *text)
{
	return *text && *text != '-' && *text != '.' && text[strspn(text, NAME_CHARS)] == '\0';
}

static bool is_template(const char *text)
{
	const char *hole = strchr(text, '%');

	return hole && hole[1] == 's' && !strchr(hole + 1, '%');
}

static int check_text(const struct setting *row, const char *text, struct cf_error *err)
{
	if (strlen(text) >= row->size)
		return cf_fail(err, ERANGE, CF_BAD_REQUEST, "longer than %zu characters", row->size - 1);
	if (!*text)
		return row->what ? cf_fail(err, EINVAL, CF_BAD_REQUEST, "is empty") : 0;

	switch (row->kind) {
	case SETTING_POLICY:
		return is_name(text) ? 0 : cf_fail(err, EINVAL, CF_BAD_REQUEST,
			"'%s' is not a policy's name", text);
	case SETTING_HOST:
		return is_name(text) ? 0 : cf_fail(err, EINVAL, CF_BAD_REQUEST,
			"'%s' is not a host name", text);
	case SETTING_ADDRESS:
		return is_name(text) || is_ip(text) ? 0 : cf_fail(err, EINVAL, CF_BAD_REQUEST,
			"'%s' is neither an IP address nor a DNS name", text);
	case SETTING_PATH:
		return *text == '/' ? 0 : cf_fail(err, EINVAL, CF_BAD_REQUEST,
			"'%s' does not begin with '/'", text);
	case SETTING_TEMPLATE:
		return is_template(text) ? 0 : cf_fail(err, EINVAL, CF_BAD_REQUEST,
			"'%s' needs exactly one %%s, which stands for the address, and no other %%", text);
	default:
		return 0;
	}
}

static int parse_text(const struct setting *row, const char *text, void *base, struct cf_error *err)
{
	int r;

	r = check_text(row, text, err);
	if (r < 0)
		return r;

	memcpy(member(row, base), text, strlen(text) + 1);
	return 0;
}

static int parse_int(const struct setting *row, const char *text, void *base, struct cf_error *err)
{
	char *end;
	int64_t n;

	if (!strchr("0123456789-", *text) || !*text)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%s' is not a whole number", text);

	errno = 0;
	n = strtoll(text, &end, 10);
	while (*end == ' ')
		end++;
	if (*end && !(row->unit && strcmp(end, row->unit) == 0))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%s' is not a whole number%s%s", text,
			       row->unit ? " of " : "", row->unit ? row->unit : "");
	if (errno || n < row->min || n > row->max)
		return cf_fail(err, ERANGE, CF_BAD_REQUEST, "%s is not within %" PRId64 " to %" PRId64, text,
			       row->min, row->max);

	*(int64_t *)member(row, base) = n;
	return 0;
}

static int parse_span(const struct setting *row, const char *text, void *base, struct cf_error *err)
{
	char least[SETTING_VALUE_ROOM];
	struct cf_error why;
	cf_span span;
	int r;

	r = cf_span_parse(text, (cf_span){ row->min }, (cf_span){ row->max }, &span, &why);
	if (r < 0)
		return cf_fail(err, -r, CF_BAD_REQUEST, "'%s': %s", text, why.text);
	if (span.ns && span.ns < row->least)
		return cf_fail(err, ERANGE, CF_BAD_REQUEST, "'%s': neither 0 nor at least %s", text,
			       cf_span_exact_text((cf_span){ row->least }, least));

	*(cf_span *)member(row, base) = span;
	return 0;
}

static int parse_word(const struct setting *row, const char *text, void *base, struct cf_error *err)
{
	char range[SETTING_VALUE_ROOM];

	for (int64_t i = row->min; i <= row->max; i++)
		if (strcmp(row->words[i], text) == 0) {
			if (row->kind == SETTING_SWITCH)
				*(bool *)member(row, base) = i;
			else
				*(unsigned *)member(row, base) = i;
			return 0;
		}

	setting_range(row, range);
	return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%s' is not %s", text, range);
}

static int add_listen(const char *text, struct settings *settings, struct cf_error *err)
{
	if (!is_ip(text))
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%s' is not an IP address", text);
	if (settings->n_listen == SETTINGS_LISTEN_MAX)
		return cf_fail(err, E2BIG, CF_BAD_REQUEST, "more than %d addresses", SETTINGS_LISTEN_MAX);

	strcpy(settings->listen[settings->n_listen++], text);
	return 0;
}

static int add_rule(unsigned role, const char *text, struct settings *settings, struct cf_error *err)
{
	struct access_rule *rule = &settings->access[settings->n_access];
	size_t kind = 0, n = strcspn(text, ":");
	const char *pattern = text[n] ? text + n + 1 : "";

	while (kind < ACCESS_N_KINDS &&
	       (strlen(access_words[kind]) != n || strncmp(access_words[kind], text, n) != 0))
		kind++;
	if (kind == ACCESS_N_KINDS || !*pattern)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%s' is none of dns:..., uri:..., cn:...", text);
	if (strlen(pattern) >= sizeof(rule->pattern))
		return cf_fail(err, ERANGE, CF_BAD_REQUEST, "longer than %zu characters",
			       sizeof(rule->pattern) - 1);
	if (settings->n_access == SETTINGS_RULES_MAX)
		return cf_fail(err, E2BIG, CF_BAD_REQUEST, "more than %d patterns", SETTINGS_RULES_MAX);

	rule->role = role;
	rule->kind = kind;
	strcpy(rule->pattern, pattern);
	settings->n_access++;
	return 0;
}

static int add_severity(unsigned severity, const char *text, struct cf_limits *limits, struct cf_error *err)
{
	enum cf_finding_code code = cf_finding_from_name(text);

	if (code == CF_FINDING_UNKNOWN)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "there is no finding '%s'", text);
	if (cf_finding_always_refuses(code) && severity != CF_SEVERITY_REFUSE)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%s' always refuses", text);
	for (size_t i = 0; i < limits->n_severities; i++)
		if (limits->severities[i].code == code)
			return cf_fail(err, EINVAL, CF_BAD_REQUEST, "'%s' is in `%s` already", text,
				       cf_severity_words[limits->severities[i].severity]);

	limits->severities[limits->n_severities++] = (struct cf_severity_of){ code, severity };
	return 0;
}

int setting_parse(const struct setting *row, const char *text, void *base, struct cf_error *err)
{
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			return cf_fail(err, EINVAL, CF_BAD_REQUEST, "has a control character in it");

	switch (row->kind) {
	case SETTING_INT:
		return parse_int(row, text, base, err);
	case SETTING_SPAN:
		return parse_span(row, text, base, err);
	case SETTING_WORD:
	case SETTING_SWITCH:
		return parse_word(row, text, base, err);
	case SETTING_LISTEN:
		return add_listen(text, base, err);
	case SETTING_RULES:
		return add_rule(row->what, text, base, err);
	case SETTING_FINDINGS:
		return add_severity(row->what, text, member(row, base), err);
	default:
		return parse_text(row, text, base, err);
	}
}

bool setting_is_list(const struct setting *row)
{
	return row->kind >= SETTING_LISTEN;
}

/* The i-th element that belongs to the row; NULL behind the last. */
static const void *element(const struct setting *row, const void *base, size_t i)
{
	if (row->kind == SETTING_RULES) {
		const struct settings *settings = base;

		for (size_t j = 0; j < settings->n_access; j++)
			if (settings->access[j].role == row->what && i-- == 0)
				return &settings->access[j];
	} else if (row->kind == SETTING_FINDINGS) {
		const struct cf_limits *limits = member_of(row, base);

		for (size_t j = 0; j < limits->n_severities; j++)
			if (limits->severities[j].severity == row->what && i-- == 0)
				return &limits->severities[j];
	} else if (i < ((const struct settings *)base)->n_listen) {
		return ((const struct settings *)base)->listen[i];
	}
	return NULL;
}

size_t setting_count(const struct setting *row, const void *base)
{
	size_t n = 0;

	if (!setting_is_list(row))
		return 1;
	while (element(row, base, n))
		n++;
	return n;
}

/* To the nanosecond, which cf_span_text() is not. */
static void exact_span(int64_t ns, char text[static SETTING_VALUE_ROOM])
{
	cf_span_exact_text((cf_span){ ns }, text);
}

static void exact_int(const struct setting *row, int64_t n, char text[static SETTING_VALUE_ROOM])
{
	snprintf(text, SETTING_VALUE_ROOM, "%" PRId64 "%s%s", n, row->unit ? " " : "",
		 row->unit ? row->unit : "");
}

static void element_text(const struct setting *row, const void *at, char text[static SETTING_VALUE_ROOM])
{
	const struct access_rule *rule = at;
	const struct cf_severity_of *of = at;

	if (row->kind == SETTING_RULES)
		snprintf(text, SETTING_VALUE_ROOM, "%s:%s", access_words[rule->kind], rule->pattern);
	else
		strcpy(text, row->kind == SETTING_FINDINGS ? cf_finding_words[of->code] : at);
}

void setting_text(const struct setting *row, const void *base, size_t i, char text[static SETTING_VALUE_ROOM])
{
	const void *at = setting_is_list(row) ? element(row, base, i) : NULL;

	*text = '\0';
	if (setting_is_list(row)) {
		if (at)
			element_text(row, at, text);
		return;
	}
	switch (row->kind) {
	case SETTING_INT:
		exact_int(row, *(const int64_t *)member_of(row, base), text);
		break;
	case SETTING_SPAN:
		exact_span(((const cf_span *)member_of(row, base))->ns, text);
		break;
	case SETTING_WORD:
		strcpy(text, row->words[*(const unsigned *)member_of(row, base)]);
		break;
	case SETTING_SWITCH:
		strcpy(text, row->words[*(const bool *)member_of(row, base)]);
		break;
	default:
		strcpy(text, member_of(row, base));
	}
}

void setting_range(const struct setting *row, char text[static SETTING_VALUE_ROOM])
{
	char low[SETTING_VALUE_ROOM], high[SETTING_VALUE_ROOM];
	size_t n = 0;

	*text = '\0';
	if (row->kind == SETTING_SPAN) {
		exact_span(row->least ? row->least : row->min, low);
		exact_span(row->max, high);
		snprintf(text, SETTING_VALUE_ROOM, "%s%.100s to %.100s", row->least ? "0 s, " : "", low, high);
	} else if (row->kind == SETTING_INT) {
		snprintf(low, sizeof(low), "%" PRId64, row->min);
		exact_int(row, row->max, high);
		snprintf(text, SETTING_VALUE_ROOM, "%.100s to %.100s", low, high);
	} else if (row->kind == SETTING_WORD || row->kind == SETTING_SWITCH) {
		for (int64_t i = row->min; i <= row->max; i++)
			n += snprintf(text + n, SETTING_VALUE_ROOM - n, "%s%s", n ? ", " : "one of ",
				      row->words[i]);
	}
}
