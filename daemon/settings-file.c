/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/settings.h"

#include <confuse.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/settings-table.h"
#include "daemon/settings-text.h"
#include "proto/meant.h"
#include "proto/peer.h"

/*
 * libconfuse builds a tree of texts, each with its line; what they mean is
 * found out afterwards, with our own tables.
 */
struct entry {
	int line;
	char text[];
};

CF_DEFINE_AUTO(cfg_t *, cfg_free)

/* The whole of the settings, or policies and nothing else. */
enum file_kind { FILE_SETTINGS, FILE_POLICIES };

static bool has_group(enum file_kind kind, size_t i)
{
	return kind == FILE_SETTINGS || setting_groups[i].kind == GROUP_POLICIES;
}

/* libconfuse calls back without an argument of ours, for one file at a time. */
static struct {
	const char *path;
	struct cf_error *err;
	bool told;
} now;

/* What is to be done about a key that does not exist there: the one that is meant, or where all of them are. */
static const char *remedy(const cfg_t *cfg, const char *text, char ret[static 64])
{
	const char *meant;
	char said[64];
	size_t n = 0;

	if (sscanf(text, "no such option '%63[^']'", said) != 1)
		return "";
	while (cfg->opts[n].name)
		n++;
	meant = cf_meant(said, &cfg->opts[0].name, n, sizeof(cfg->opts[0]));
	if (!meant)
		return "; clockferryd.conf(5) has all that there are";
	snprintf(ret, 64, ": is it '%s'?", meant);
	return ret;
}

/* The first fault is the one to tell. */
__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	bool in_group = strcmp(cfg->name, "root") != 0;
	char text[160], add[64];

	if (now.told)
		return;
	now.told = true;
	vsnprintf(text, sizeof(text), fmt, ap);
	cf_fail(now.err, EINVAL, CF_BAD_REQUEST, "%s:%d: %s%s%s%s", now.path, cfg->line,
		in_group ? cfg->name : "", in_group ? ": " : "", text, remedy(cfg, text, add));
}

/*
 * One value of an option; where it fails, libconfuse keeps NULL in its place.
 *
 * A second "key = ..." replaces the first without a word: def.number, which has
 * no use here otherwise, remembers the line of the first.  A value that is the
 * option's only one begins an assignment.
 */
static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	struct entry *entry;

	if (opt->def.number && opt->nvalues == 1) {
		cfg_error(cfg, "%s is set in line %ld already", opt->name, opt->def.number);
		return -1;
	}

	entry = malloc(sizeof(*entry) + strlen(value) + 1);
	if (!entry)
		return -1;
	entry->line = cfg->line;
	strcpy(entry->text, value);
	opt->def.number = cfg->line;
	*(struct entry **)result = entry;
	return 0;
}

static void declare(const struct setting_group *group, cfg_opt_t *opts)
{
	size_t n = 0;

	for (; n < group->n_rows; n++) {
		const char *key = group->rows[n].key;

		if (setting_is_list(&group->rows[n]))
			opts[n] = (cfg_opt_t)CFG_PTR_LIST_CB(key, NULL, CFGF_NONE, on_value, free);
		else
			opts[n] = (cfg_opt_t)CFG_PTR_CB(key, NULL, CFGF_NONE, on_value, free);
	}
	opts[n] = (cfg_opt_t)CFG_END();
}

/* A tree that knows all keys of such a file; NULL without memory. */
static cfg_t *new_tree(enum file_kind kind)
{
	cfg_opt_t opts[SETTING_GROUPS][SETTING_ROWS_MAX + 1], root[SETTING_ROWS_MAX + SETTING_GROUPS + 1];
	size_t n = 0;
	cfg_t *tree;

	for (size_t i = 0; i < SETTING_GROUPS; i++) {
		const struct setting_group *group = &setting_groups[i];
		int flags = group->title ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE;

		if (!has_group(kind, i))
			continue;
		if (!group->name) {
			declare(group, root);
			n = group->n_rows;
			continue;
		}
		declare(group, opts[i]);
		root[n++] = (cfg_opt_t)CFG_SEC(group->name, opts[i], flags);
	}
	root[n] = (cfg_opt_t)CFG_END();

	tree = cfg_init(root, CFGF_NONE);
	if (tree)
		cfg_set_error_function(tree, on_error);
	return tree;
}

static int take_row(const struct setting_group *group, const struct setting *row, cfg_t *section, void *base,
		    struct cf_error *err)
{
	cfg_opt_t *opt = cfg_getopt(section, row->key);
	struct cf_error why;

	for (unsigned i = 0; i < cfg_opt_size(opt); i++) {
		const struct entry *entry = cfg_opt_getnptr(opt, i);
		int r = entry ? setting_parse(row, entry->text, base, &why) : 0;

		if (r < 0)
			return cf_fail(err, -r, CF_BAD_REQUEST, "%s:%d: %s%s%s: %s", now.path,
				       entry->line, group->name ? group->name : "",
				       group->name ? "." : "", row->key, why.text);
	}

	return 0;
}

static int take_rows(const struct setting_group *group, cfg_t *section, void *base, struct cf_error *err)
{
	for (size_t i = 0; i < group->n_rows; i++) {
		int r = take_row(group, &group->rows[i], section, base, err);

		if (r < 0)
			return r;
	}

	return 0;
}

/* A section's line is that of its closing brace: libconfuse has no other. */
static int bad_title(const struct setting_group *group, const cfg_t *section, const char *why,
		     struct cf_error *err)
{
	return cf_fail(err, EINVAL, CF_BAD_REQUEST, "%s:%d: %s \"%s\", which ends here: %s", now.path,
		       section->line, group->name, section->title, why);
}

static int take_peers(const struct setting_group *group, cfg_t *tree, struct settings *settings,
		      struct cf_error *err)
{
	unsigned n = cfg_size(tree, group->name);
	struct cf_error why;
	int r;

	if (n > CF_PEERS_KNOWN_MAX)
		return cf_fail(err, E2BIG, CF_BAD_REQUEST, "%s: more than %d peers", now.path,
			       CF_PEERS_KNOWN_MAX);
	settings->peers = calloc(n + 1, sizeof(*settings->peers));
	if (!settings->peers)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	for (; settings->n_peers < n; settings->n_peers++) {
		cfg_t *section = cfg_getnsec(tree, group->name, settings->n_peers);
		struct settings_peer *peer = &settings->peers[settings->n_peers];

		r = settings_peer_default(peer, cfg_title(section), &why);
		if (r < 0)
			return bad_title(group, section, why.text, err);
		r = take_rows(group, section, peer, err);
		if (r < 0)
			return r;
	}

	return 0;
}

static int take_policies(const struct setting_group *group, cfg_t *tree, struct settings *settings,
			 struct cf_error *err)
{
	struct settings_policy policy;
	struct cf_error why;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < cfg_size(tree, group->name); i++) {
		cfg_t *section = cfg_getnsec(tree, group->name, i);

		if (settings_policy_begin(settings, cfg_title(section), &policy, &why) < 0)
			return bad_title(group, section, why.text, err);
		snprintf(policy.origin, sizeof(policy.origin), "%s", now.path);
		r = take_rows(group, section, &policy, err);
		if (r == 0)
			r = settings_policy_take(settings, &policy, err);
	}

	return r;
}

static int take_group(const struct setting_group *group, cfg_t *tree, struct settings *settings,
		      struct cf_error *err)
{
	int r = 0;

	if (group->kind == GROUP_PEERS)
		return take_peers(group, tree, settings, err);
	if (group->kind == GROUP_POLICIES)
		return take_policies(group, tree, settings, err);
	if (!group->name)
		return take_rows(group, tree, settings, err);

	for (unsigned i = 0; r == 0 && i < cfg_size(tree, group->name); i++)
		r = take_rows(group, cfg_getnsec(tree, group->name, i), settings, err);
	return r;
}

/* How far the parser came. */
static int last_line(cfg_t *tree, enum file_kind kind)
{
	int line = tree->line;

	for (size_t i = 0; i < SETTING_GROUPS; i++) {
		const char *name = setting_groups[i].name;

		for (unsigned j = 0; name && has_group(kind, i) && j < cfg_size(tree, name); j++)
			if (cfg_getnsec(tree, name, j)->line > line)
				line = cfg_getnsec(tree, name, j)->line;
	}

	return line;
}

/* The tree is left in *ret, for whoever asks it for a line. */
static int parse(char *text, enum file_kind kind, struct settings *settings, cfg_t **ret, struct cf_error *err)
{
	CF_AUTO(cfg_free) cfg_t *tree = NULL;
	struct cf_error why;
	bool bad;
	int line, r;

	r = settings_blank_comments(text, &line, &why);
	if (r < 0)
		return cf_fail(err, -r, CF_BAD_REQUEST, "%s:%d: %s", now.path, line, why.text);

	tree = new_tree(kind);
	if (!tree)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");

	/*
	 * What was read before a fault is looked at first: "lease = 30 s" is not an
	 * unknown option s, but a value without quotes.
	 */
	now.err = &why;
	now.told = false;
	bad = cfg_parse_buf(tree, text) != CFG_SUCCESS;
	for (size_t i = 0; i < SETTING_GROUPS; i++) {
		r = has_group(kind, i) ? take_group(&setting_groups[i], tree, settings, err) : 0;
		if (r < 0)
			return r;
	}
	if (bad && now.told)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "%s", why.text);
	if (bad)
		return cf_fail(err, EINVAL, CF_BAD_REQUEST, "%s:%d: cannot be understood", now.path,
			       last_line(tree, kind));

	*ret = CF_TAKE(tree);
	return 0;
}

static int read_file(const char *path, enum file_kind kind, struct settings *settings, cfg_t **ret,
		     struct cf_error *err)
{
	CF_AUTO(cf_free) char *text = NULL;
	int r;

	r = settings_load(path, &text, err);
	if (r < 0)
		return r;
	now.path = path;
	return parse(text, kind, settings, ret, err);
}

static int is_conf(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name), end = strlen(".conf");

	return *entry->d_name != '.' && n > end && strcmp(entry->d_name + n - end, ".conf") == 0;
}

/* The files policy.d/NAME.conf beside path, in the order of their names. */
static int read_policies_beside(const char *path, struct settings *settings, struct cf_error *err)
{
	const char *slash = strrchr(path, '/');
	CF_AUTO(cf_free) char *folder = NULL;
	struct dirent **entries = NULL;
	int n, r = 0;

	if (asprintf(&folder, "%.*spolicy.d", slash ? (int)(slash + 1 - path) : 0, path) < 0)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	n = scandir(folder, &entries, is_conf, alphasort);
	if (n < 0)
		return errno == ENOENT ? 0 : cf_fail(err, errno, CF_HOST, "%s: %s", folder, strerror(errno));

	for (int i = 0; i < n; i++) {
		CF_AUTO(cf_free) char *file = NULL;
		CF_AUTO(cfg_free) cfg_t *tree = NULL;

		if (r == 0 && asprintf(&file, "%s/%s", folder, entries[i]->d_name) < 0)
			r = cf_fail(err, ENOMEM, CF_HOST, "out of memory");
		if (r == 0)
			r = read_file(file, FILE_POLICIES, settings, &tree, err);
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* Whichever file says what it is: a policy that is named has to be there. */
static int check_named(cfg_t *tree, const char *path, const struct setting_group *group,
		       const struct settings *settings, struct cf_error *err)
{
	char name[SETTING_VALUE_ROOM];

	for (size_t i = 0; i < group->n_rows; i++) {
		const struct setting *row = &group->rows[i];
		cfg_opt_t *opt = cfg_getopt(tree, row->key);
		const struct entry *entry = row->kind == SETTING_POLICY ? cfg_opt_getnptr(opt, 0) : NULL;

		if (!entry)
			continue;
		setting_text(row, settings, 0, name);
		if (!settings_policy(settings, name))
			return cf_fail(err, ENOENT, CF_BAD_REQUEST, "%s:%d: %s: there is no policy '%s'", path,
				       entry->line, row->key, name);
	}
	return 0;
}

int settings_try(const char *path, const char *text, struct settings **ret, struct cf_error *err)
{
	CF_AUTO(settings_free) struct settings *settings = NULL;
	CF_AUTO(cfg_free) cfg_t *tree = NULL;
	CF_AUTO(cf_free) char *copy = strdup(text);
	int r;

	if (!copy)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	r = settings_begin(&settings, err);
	now.path = path;
	if (r == 0)
		r = parse(copy, FILE_POLICIES, settings, &tree, err);
	if (r < 0)
		return r;

	*ret = CF_TAKE(settings);
	return 0;
}

int settings_read(const char *path, struct settings **ret, struct cf_error *err)
{
	CF_AUTO(settings_free) struct settings *settings = NULL;
	CF_AUTO(cfg_free) cfg_t *tree = NULL;
	int r;

	r = settings_begin(&settings, err);
	if (r < 0)
		return r;
	r = read_file(path, FILE_SETTINGS, settings, &tree, err);
	if (r < 0 && r != -ENOENT)
		return r;
	r = read_policies_beside(path, settings, err);
	if (r == 0 && tree)
		r = check_named(tree, path, &setting_groups[0], settings, err);
	if (r == 0)
		r = settings_complete(settings, err);
	if (r < 0)
		return r;

	*ret = CF_TAKE(settings);
	return 0;
}
