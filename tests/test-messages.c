/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every message there is comes back as it was sent, also where one of the two
 * agents is older: what an agent of 1.m has for a table is ours without the rows
 * that came later.  --shapes lists the messages that were tried (tests/shapes.sh).
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base.h"
#include "proto/codec.h"
#include "proto/finding.h"
#include "proto/grow.h"
#include "proto/query.h"
#include "proto/route.h"
#include "tests/any.h"
#include "tests/messages.h"
#include "tests/tap.h"

#define TIMES 100

/* --- what an older agent has for a table --- */

/* What lives as long as the test: a leak checker sees that somebody has it. */
static struct kept {
	struct kept *next;
	struct cf_shape shape;
	struct cf_field *fields;
	const char *words[CF_N_FINDING_CODES];
} *kept;

static void forget_words(struct kept *keep, struct cf_field *f, int minor)
{
	assert((size_t)f->max < CF_COUNT(keep->words));
	for (int64_t i = 0; i <= f->max; i++)
		keep->words[i] = f->words_since[i] > minor ? NULL : f->words[i];
	f->words = keep->words;
}

static const struct cf_shape *older(const struct cf_shape *shape, int minor)
{
	struct cf_field *fields = calloc(shape->n_fields + 1, sizeof(*fields));
	struct kept *keep = calloc(1, sizeof(*keep));
	struct cf_shape *copy = &keep->shape;

	keep->next = kept;
	keep->fields = fields;
	kept = keep;
	*copy = *shape;
	copy->fields = fields;
	copy->n_fields = 0;
	for (size_t i = 0; i < shape->n_fields; i++) {
		struct cf_field *f = &fields[copy->n_fields];

		if (shape->fields[i].since > minor)
			continue;
		*f = shape->fields[i];
		if (f->shape)
			f->shape = older(f->shape, minor);
		if (f->words_since)
			forget_words(keep, f, minor);
		copy->n_fields++;
	}
	return copy;
}

static bool has_newer_words(const struct cf_field *f, int minor)
{
	for (int64_t i = 0; f->words_since && i <= f->max; i++)
		if (f->words_since[i] > minor)
			return true;

	return false;
}

static bool differs(const struct cf_shape *shape, int minor)
{
	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];

		if (f->since > minor || has_newer_words(f, minor) || (f->shape && differs(f->shape, minor)))
			return true;
	}
	return false;
}

/* --- there and back --- */

/* Does what one sends as `from` and the other reads as `to` say the same, as far as `common` has rows for it? */
static bool arrives(const struct cf_shape *from, int minor, enum cf_mode mode, const struct cf_shape *to,
		    const struct cf_shape *common, const void *message)
{
	CF_AUTO(cf_free) char *text = cf_encode(from, message, minor);
	CF_AUTO(cf_free) void *back = calloc(1, to->size + 1);
	struct cf_error err = { 0 };
	bool same;

	if (!text || cf_decode(to, mode, text, strlen(text), back, &err) < 0) {
		printf("# %s\n", err.text);
		return false;
	}
	same = any_same(common, message, back);
	cf_message_clear(to, back);
	return same;
}

static void *any(const struct cf_shape *shape, bool full)
{
	void *message = calloc(1, shape->size + 1);

	any_message(shape, full, message);
	return message;
}

static void drop(const struct cf_shape *shape, void *message)
{
	cf_message_clear(shape, message);
	free(message);
}

static void try_message(const struct cf_shape *shape)
{
	int strict = 0, tolerant = 0;

	for (int i = 0; i <= TIMES; i++) {
		void *message = any(shape, i == TIMES);

		strict += arrives(shape, CF_MINOR, CF_STRICT, shape, shape, message);
		tolerant += arrives(shape, CF_MINOR, CF_TOLERANT, shape, shape, message);
		drop(shape, message);
	}
	ok(strict == TIMES + 1 && tolerant == TIMES + 1, "%s comes back as it was, full ones too", shape->name);
}

static void try_older(const struct cf_shape *shape, int minor)
{
	const struct cf_shape *old = older(shape, minor);
	int asked = 0, heard = 0, answered = 0;

	for (int i = 0; i < TIMES; i++) {
		void *message = any(shape, i == 0);

		asked += arrives(shape, minor, CF_STRICT, old, old, message);
		heard += arrives(old, minor, CF_STRICT, shape, old, message);
		answered += arrives(shape, CF_MINOR, CF_TOLERANT, old, old, message);
		drop(shape, message);
	}
	ok(asked == TIMES, "%s: an agent of 1.%d takes it as a request", shape->name, minor);
	ok(heard == TIMES, "... and we take its own");
	ok(answered == TIMES, "... and it reads ours as an answer, whatever is new in it");
}

/* Since when there are these words, by whichever row says so. */
static const int *since_of(const char *const *words)
{
	for (const struct cf_shape *const *shape = messages(); *shape; shape++)
		for (size_t i = 0; i < (*shape)->n_fields; i++)
			if ((*shape)->fields[i].words == words && (*shape)->fields[i].words_since)
				return (*shape)->fields[i].words_since;

	return NULL;
}

/* A word that came later is new in every row that has it. */
static void try_since(const struct cf_shape *shape)
{
	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];

		if (f->kind == CF_KIND_ENUM && since_of(f->words))
			ok(f->words_since == since_of(f->words), "%s.%s keeps new words from who does not know them", shape->name, f->name);
	}
}

/* What a newer agent says by a word that we do not know is no reason not to read the rest. */
static void try_words(const struct cf_shape *shape)
{
	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];

		if (f->kind == CF_KIND_ENUM)
			ok(strcmp(f->words[0], "unknown") == 0 || strcmp(f->words[0], "none") == 0, "%s.%s has a word for what is unknown", shape->name, f->name);
	}
}

static void mark(bool *covered, size_t offset, size_t size)
{
	memset(covered + offset, true, size);
}

/* A member without a row is one that is never sent.  What the compiler fills in is shorter than any of ours. */
static void try_members(const struct cf_shape *shape)
{
	bool *covered = calloc(1, shape->size + 1);
	size_t gap = 0, widest = 0, at = 0;

	for (size_t i = 0; i < shape->n_fields; i++) {
		const struct cf_field *f = &shape->fields[i];

		mark(covered, f->offset, f->kind == CF_KIND_LIST ? f->size * (size_t)f->max : f->size);
		if (f->kind == CF_KIND_LIST)
			mark(covered, f->count, sizeof(size_t));
		if (f->optional)
			mark(covered, f->present, sizeof(bool));
	}
	for (size_t i = 0; shape->n_fields > 0 && i < shape->size; i++) {
		gap = covered[i] ? 0 : gap + 1;
		if (gap > widest) {
			widest = gap;
			at = i + 1 - gap;
		}
	}
	ok(widest < sizeof(int64_t), "%s: each member has its row", shape->name);
	if (widest >= sizeof(int64_t))
		printf("# %zu bytes at offset %zu have none\n", widest, at);
	free(covered);
}

static void try_query(const struct cf_shape *shape)
{
	int good = 0;

	for (int i = 0; i <= TIMES; i++) {
		void *message = any(shape, i == TIMES), *back = calloc(1, shape->size);
		struct cf_grow grow = { 0 };
		struct cf_error err = { 0 };
		char *text;

		cf_query_encode(shape, message, CF_MINOR, &grow);
		text = cf_grow_take(&grow);
		if (cf_query_decode(shape, *text ? text + 1 : text, back, &err) == 0)
			good += any_same(shape, message, back);
		else
			printf("# %s: %s\n", text, err.text);
		free(text);
		free(back);
		free(message);
	}
	ok(good == TIMES + 1, "%s comes back as it was, in a query", shape->name);
}

static void list_shapes(void)
{
	for (const struct cf_shape *const *shape = messages(); *shape; shape++)
		printf("%s\n", (*shape)->name);
	for (size_t i = 0; i < CF_N_ROUTES; i++)
		if (cf_routes[i].query)
			printf("%s\n", cf_routes[i].query->name);
}

int main(int argc, char **argv)
{
	size_t n_older = 0;

	if (argc > 1 && strcmp(argv[1], "--shapes") == 0) {
		list_shapes();
		return 0;
	}

	for (const struct cf_shape *const *shape = messages(); *shape; shape++) {
		try_members(*shape);
		try_words(*shape);
		try_since(*shape);
		try_message(*shape);
		for (int minor = 0; minor < CF_MINOR; minor++)
			if (differs(*shape, minor)) {
				try_older(*shape, minor);
				n_older++;
			}
	}
	for (size_t i = 0; i < CF_N_ROUTES; i++)
		if (cf_routes[i].query)
			try_query(cf_routes[i].query);
	ok(CF_MINOR == 0 || n_older > 0, "what is new since 1.0 was tried on older agents: %zu messages", n_older);
	return done();
}
