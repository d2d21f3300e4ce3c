/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The terms of a request, as options spell them. */

#include "proto/error.h"
#include "proto/terms.h"

/* One option's value into *terms; errors name the option. */
int terms_policy(struct cf_terms *terms, const char *name, struct cf_error *err);
int terms_lever(struct cf_terms *terms, const char *word, struct cf_error *err);
int terms_override(struct cf_terms *terms, const char *code, struct cf_error *err);
int terms_reason(struct cf_terms *terms, const char *text, struct cf_error *err);

/* A limit, which is a member of terms->tighten, as is its has_. */
int terms_limit(struct cf_terms *terms, const char *option, const char *text, bool *has, cf_span *limit,
		struct cf_error *err);

/* All of them were taken: does one lack what another one needs? */
int terms_check(const struct cf_terms *terms, struct cf_error *err);

static inline bool terms_any(const struct cf_terms *terms)
{
	return terms->has_policy || terms->has_tighten || terms->has_override;
}
