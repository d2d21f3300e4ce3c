/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A message with a member of every kind, for whoever tries the codec out.
 */

#include <string.h>

#include "proto/codec.h"

enum sky { SKY_UNKNOWN, SKY_CLEAR, SKY_RAIN, N_SKIES };
enum side { SIDE_LEFT, SIDE_RIGHT, N_SIDES };

struct part {
	char name[16];
	enum side side;
	bool has_weight;
	int64_t weight;
	struct cf_blob skin;
};

#define N_PARTS 3
#define N_TAGS 4

struct kinds {
	bool flag;
	int64_t count;
	double drift_ppm;
	cf_span blackout;
	cf_mono stopped;
	cf_real at;
	char text[24];
	enum sky sky;
	struct cf_interval offset;
	struct part main;
	struct part parts[N_PARTS];
	size_t n_parts;
	char tags[N_TAGS][8];
	size_t n_tags;
	struct cf_blob record;
	bool has_anything, has_wide, has_late, has_spare, has_when;
	int64_t anything;
	struct cf_interval wide;
	cf_span late;			/* brought by 1.2 */
	struct part spare;
	cf_real when;
	char news[2][8];		/* brought by 1.3 */
	size_t n_news;
};

static const char *const sky_words[N_SKIES] = { "unknown", "clear", "rain" };
static const char *const side_words[N_SIDES] = { "left", "right" };

static const struct cf_field part_fields[] = {
	CF_TEXT(struct part, name),
	CF_ENUM(struct part, side, side_words, N_SIDES),
	CF_INT(struct part, weight, -5, 1000, CF_MAYBE(struct part, has_weight)),
	CF_BLOB(struct part, skin, 5),
};
static const struct cf_shape part_shape = CF_SHAPE(part, part_fields);

static const struct cf_field kinds_fields[] = {
	CF_BOOL(struct kinds, flag),
	CF_INT(struct kinds, count, 10, 1000),
	CF_REAL(struct kinds, drift_ppm, -1e300, 500.5),
	CF_SPAN(struct kinds, blackout, 0, CF_DAY),
	CF_MONO(struct kinds, stopped),
	CF_TIME(struct kinds, at),
	CF_TEXT(struct kinds, text),
	CF_ENUM(struct kinds, sky, sky_words, N_SKIES),
	CF_INTERVAL(struct kinds, offset, -CF_YEAR, CF_YEAR),
	CF_STRUCT(struct kinds, main, part_shape),
	CF_LIST(struct kinds, parts, &part_shape),
	CF_LIST(struct kinds, tags, NULL),
	CF_BLOB(struct kinds, record, 64),
	CF_INT(struct kinds, anything, INT64_MIN, INT64_MAX, CF_MAYBE(struct kinds, has_anything)),
	CF_INTERVAL(struct kinds, wide, INT64_MIN, INT64_MAX, CF_MAYBE(struct kinds, has_wide)),
	CF_SPAN(struct kinds, late, -CF_S, CF_S, CF_MAYBE(struct kinds, has_late), CF_SINCE(2)),
	CF_STRUCT(struct kinds, spare, part_shape, CF_MAYBE(struct kinds, has_spare)),
	CF_TIME(struct kinds, when, CF_MAYBE(struct kinds, has_when)),
	CF_LIST(struct kinds, news, NULL, CF_SINCE(3)),
};
static const struct cf_shape kinds_shape = CF_SHAPE(kinds, kinds_fields);

/* The newest minor version in the rows above. */
#define KINDS_MINOR 3

static inline bool blob_equal(const struct cf_blob *a, const struct cf_blob *b)
{
	return a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

/* Equal but for where their bytes are kept.  Both were zeroed first, so that padding is equal too. */
static inline bool part_equal(const struct part *a, const struct part *b)
{
	struct part copy;

	memcpy(&copy, a, sizeof(copy));
	copy.skin.data = b->skin.data;
	return blob_equal(&a->skin, &b->skin) && memcmp(&copy, b, sizeof(copy)) == 0;
}

static inline bool kinds_equal(const struct kinds *a, const struct kinds *b)
{
	struct kinds copy;
	bool parts = part_equal(&a->main, &b->main) && part_equal(&a->spare, &b->spare);

	memcpy(&copy, a, sizeof(copy));
	memcpy(&copy.main, &b->main, sizeof(copy.main));
	memcpy(&copy.spare, &b->spare, sizeof(copy.spare));
	copy.record.data = b->record.data;
	for (size_t i = 0; i < N_PARTS; i++) {
		parts = parts && part_equal(&a->parts[i], &b->parts[i]);
		memcpy(&copy.parts[i], &b->parts[i], sizeof(copy.parts[i]));
	}
	return parts && blob_equal(&a->record, &b->record) && memcmp(&copy, b, sizeof(copy)) == 0;
}
