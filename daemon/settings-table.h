/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What can be set: one row per key, one table per group of the file.
 *
 * A value is spelled in its row's default as it is in the file, so that
 * defaults pass through the same reader.  Lists begin empty.
 */

#include "daemon/settings.h"

enum setting_kind {
	SETTING_TEXT,		/* char[N] */
	SETTING_HOST,		/* char[N], a DNS name; "": this host's own */
	SETTING_ADDRESS,	/* char[N], IP address or DNS name, or "" */
	SETTING_PATH,		/* char[N], begins with '/', or "" */
	SETTING_TEMPLATE,	/* char[N] with one %s in it, or "" */
	SETTING_INT,		/* int64_t; the row's unit may follow the number */
	SETTING_SPAN,		/* cf_span */
	SETTING_WORD,		/* enum: words[min..max] */
	SETTING_SWITCH,		/* bool: words[0] is false, words[1] true */
	SETTING_POLICY,		/* char[N], a policy that there is */
	SETTING_LISTEN,		/* list: settings->listen */
	SETTING_RULES,		/* list: those of settings->access that have the row's role */
	SETTING_FINDINGS,	/* list: those of a policy's severities that have the row's severity */
};

struct setting {
	const char *key;
	enum setting_kind kind;
	size_t offset, size;	/* of the member; of a policy's limits in a list of findings, unused in others */
	const char *otherwise;	/* the default */
	int64_t min, max;
	int64_t least;		/* of a span that may be 0, which stands for something else: the least that it is otherwise */
	const char *const *words;
	const char *unit;
	bool at_start;		/* a reload does not take it over */
	unsigned what;		/* rules: role; findings: severity; texts: 1 when "" is no value */
	const char *meaning;	/* sentences for the manual and the example */
};

/* Of which struct the rows of a group are members. */
enum setting_group_kind {
	GROUP_ONE,		/* struct settings: there is one such group */
	GROUP_PEERS,		/* struct settings_peer, one group for each */
	GROUP_POLICIES,		/* struct settings_policy, one group for each */
};

struct setting_group {
	const char *name;	/* NULL: keys outside of all braces */
	const char *title;	/* of the example, where there is one group for each; else NULL */
	enum setting_group_kind kind;
	const struct setting *rows;
	size_t n_rows;
	const char *meaning;
};

#define SETTING_GROUPS 12
#define SETTING_ROWS_MAX 20
extern const struct setting_group setting_groups[SETTING_GROUPS];

/* The same value again, as a text in quotes, with its NUL. */
#define SETTING_VALUE_ROOM (2 * SETTINGS_TEXT_ROOM + 16)

/* The policies that ship: what they set other than its default. */
struct shipped_policy {
	const char *name;
	struct {
		const char *key, *value;
	} sets[12];
};

#define SHIPPED_POLICIES 4
extern const struct shipped_policy shipped_policies[SHIPPED_POLICIES];

/*
 * Take one value of the row, or one more element of its list, into base: the
 * struct of its group.  EINVAL or ERANGE, and the text
 * says what would have been right; base is not touched then.
 */
int setting_parse(const struct setting *row, const char *text, void *base, struct cf_error *err);

/* Elements of a list; 1 for everything else. */
size_t setting_count(const struct setting *row, const void *base);
bool setting_is_list(const struct setting *row);

/* The value, or the i-th element, as setting_parse() takes it and to the nanosecond; without quotes.  "" behind the last. */
void setting_text(const struct setting *row, const void *base, size_t i,
		  char text[static SETTING_VALUE_ROOM]);

/* "1 to 128", "1 us to 1 d", "one of a, b, c"; "" where anything goes. */
void setting_range(const struct setting *row, char text[static SETTING_VALUE_ROOM]);

/* The rows of all groups of that kind into their defaults; lists are left as they are. */
int setting_defaults(enum setting_group_kind kind, void *base, struct cf_error *err);

/* Settings that have one holder, all of them as by default, and the policies that ship. */
int settings_begin(struct settings **ret, struct cf_error *err);

/* The defaults of a peer's rows, and its name, which is refused unless it is a host's. */
int settings_peer_default(struct settings_peer *peer, const char *name, struct cf_error *err);

/*
 * The policy as it ships, or one of another name, which begins as the default does
 * that ships; its name is refused unless it is one.
 */
int settings_policy_default(struct settings_policy *policy, const char *name, struct cf_error *err);

/*
 * One policy as a file has it, read into *fresh from settings_policy_begin(), takes
 * the place of the one it began as; fresh->origin is the file.  EEXIST when a file
 * has said what it is already.
 */
int settings_policy_begin(const struct settings *settings, const char *name, struct settings_policy *fresh,
			  struct cf_error *err);
int settings_policy_take(struct settings *settings, struct settings_policy *fresh, struct cf_error *err);

/*
 * What follows from the rows together, once all of them have been read: the
 * host's own name where none was given, and the addresses of peers.
 */
int settings_complete(struct settings *settings, struct cf_error *err);
