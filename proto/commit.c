/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/commit.h"

#include "proto/wipe.h"

const char *const cf_word_words[CF_N_WORDS] = {
	[CF_WORD_UNKNOWN]   = "unknown",
	[CF_WORD_WAITING]   = "waiting",
	[CF_WORD_NEVER_RAN] = "never-ran",
	[CF_WORD_RAN]       = "ran",
};

const char *const cf_resolution_words[CF_N_RESOLUTIONS] = {
	[CF_RESOLUTION_UNKNOWN] = "unknown",
	[CF_RUNS_HERE]          = "runs-here",
	[CF_RUNS_THERE]         = "runs-there",
};

#define T struct cf_offer
static const struct cf_field offer_fields[] = {
	CF_STRUCT(T, options, cf_options_shape),
	CF_BOOL(T, persistent),
	CF_BOOL(T, paused),
	CF_TEXT(T, migrate_uri),
	CF_BLOB(T, xml, CF_OFFER_XML_MAX),
	CF_BLOB(T, cookie, CF_OFFER_COOKIE_MAX, CF_MAYBE(T, has_cookie)),
};
#undef T
const struct cf_shape cf_offer_shape = CF_SHAPE(cf_offer, offer_fields);

#define T struct cf_prepared
static const struct cf_field prepared_fields[] = {
	CF_TEXT(T, uri),
	CF_BLOB(T, cookie, CF_COOKIE_MAX, CF_MAYBE(T, has_cookie)),
};
#undef T
const struct cf_shape cf_prepared_shape = CF_SHAPE(cf_prepared, prepared_fields);

#define T struct cf_commit
static const struct cf_field commit_fields[] = {
	CF_INT(T, attempt, 1, INT64_MAX),
	CF_MONO(T, valid_until),
	CF_TEXT(T, boot),
	CF_BOOL(T, paused),
	CF_BLOB(T, cookie, CF_COMMIT_COOKIE_MAX, CF_MAYBE(T, has_cookie)),
	CF_STRUCT(T, point, cf_counter_point_shape, CF_MAYBE(T, has_point), CF_SINCE(2)),
};
#undef T
const struct cf_shape cf_commit_shape = CF_SHAPE(cf_commit, commit_fields);

#define T struct cf_answer
static const struct cf_field answer_fields[] = {
	CF_ENUM(T, word, cf_word_words, CF_N_WORDS),
	CF_TEXT(T, reason),
	CF_SPAN(T, obeyed_took, 0, CF_DAY, CF_MAYBE(T, has_obeyed_took)),
	CF_SPAN(T, finish_took, 0, CF_DAY, CF_MAYBE(T, has_finish_took)),
	CF_SPAN(T, spare, -CF_DAY, CF_DAY, CF_MAYBE(T, has_spare), CF_SINCE(2)),
	CF_BLOB(T, cookie, CF_COOKIE_MAX, CF_MAYBE(T, has_cookie)),
};
#undef T
const struct cf_shape cf_answer_shape = CF_SHAPE(cf_answer, answer_fields);

#define T struct cf_resolve
static const struct cf_field resolve_fields[] = {
	CF_ENUM(T, resolution, cf_resolution_words, CF_N_RESOLUTIONS),
	CF_TEXT(T, reason),
};
#undef T
const struct cf_shape cf_resolve_shape = CF_SHAPE(cf_resolve, resolve_fields);

void cf_blob_wipe(struct cf_blob *blob)
{
	cf_wipe(blob->data, blob->size);
	*blob = (struct cf_blob){ 0 };
}
