/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * JSON text into json-c's tree, without json-c's parser: that one keeps the last
 * of two equal keys, cuts a key at a NUL, takes NaN, "1." and overlong UTF-8,
 * turns half a surrogate pair into another character and an integer beyond 64
 * bits into the largest one, and calls strlen(NULL) when memory runs out (0.16).
 */

#include "proto/codec-inside.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "proto/codec-token.h"
#include "proto/wipe.h"

CF_DEFINE_AUTO(json_object *, json_object_put)

static int parse_value(struct cf_tokens *in, const struct cf_path *path, int depth, json_object **ret);

static int no_memory(const struct cf_tokens *in)
{
	return cf_fail(in->blame->err, ENOMEM, CF_HOST, "out of memory");
}

/* Hands over a value that json-c has just made, if it has. */
static int made(const struct cf_tokens *in, json_object *o, json_object **ret)
{
	if (!o)
		return no_memory(in);
	*ret = o;
	return 0;
}

static int parse_number(struct cf_tokens *in, const struct cf_path *path, json_object **ret)
{
	struct cf_number number;
	int r;

	r = cf_token_number(in, path, &number);
	if (r < 0)
		return r;

	return made(in, number.whole ? json_object_new_int64(number.n) : json_object_new_double(number.d),
		    ret);
}

static int parse_text(struct cf_tokens *in, const struct cf_path *path, json_object **ret)
{
	size_t n;
	int r;

	r = cf_token_text(in, path, &n);
	if (r < 0)
		return r;

	return made(in, json_object_new_string_len(in->spare, n), ret);
}

/* A key, as it is spelled into *path, as it is meant into key. */
static int take_key(struct cf_tokens *in, struct cf_path *path, char key[static CF_KEY_ROOM])
{
	size_t n;
	int r;

	if (cf_token_peek(in) != '"')
		return cf_token_fail(in, "a key is due");
	path->key = in->at + 1;
	r = cf_token_text(in, path->up, &n);
	if (r < 0)
		return r;
	path->length = in->at - 1 - path->key;
	if (n >= CF_KEY_ROOM)
		return cf_path_fail(in->blame, path, EINVAL, "a key longer than %d bytes", CF_KEY_ROOM - 1);

	memcpy(key, in->spare, n);
	key[n] = '\0';
	return 0;
}

static int parse_member(struct cf_tokens *in, const struct cf_path *up, int depth, json_object *o)
{
	CF_AUTO(json_object_put) json_object *v = NULL;
	struct cf_path path = { .up = up };
	char key[CF_KEY_ROOM];
	int r;

	cf_token_skip_space(in);
	r = take_key(in, &path, key);
	if (r < 0)
		return r;
	if (json_object_object_get_ex(o, key, NULL))
		return cf_path_fail(in->blame, &path, EINVAL, "given twice");
	cf_token_skip_space(in);
	if (!cf_token_take(in, ':'))
		return cf_token_fail(in, "a colon is due");
	r = parse_value(in, &path, depth, &v);
	if (r < 0)
		return r;
	if (json_object_object_add_ex(o, key, v, JSON_C_OBJECT_ADD_KEY_IS_NEW) < 0)
		return no_memory(in);

	CF_TAKE(v);
	return 0;
}

static int parse_object(struct cf_tokens *in, const struct cf_path *path, int depth, json_object **ret)
{
	CF_AUTO(json_object_put) json_object *o = json_object_new_object();
	int r;

	if (!o)
		return no_memory(in);

	in->at++;
	cf_token_skip_space(in);
	if (!cf_token_take(in, '}')) {
		do {
			r = parse_member(in, path, depth, o);
			if (r < 0)
				return r;
			cf_token_skip_space(in);
		} while (cf_token_take(in, ','));
		if (!cf_token_take(in, '}'))
			return cf_token_fail(in, "a comma or } is due");
	}

	*ret = CF_TAKE(o);
	return 0;
}

static int parse_element(struct cf_tokens *in, const struct cf_path *path, int depth, json_object *list)
{
	CF_AUTO(json_object_put) json_object *v = NULL;
	int r;

	r = parse_value(in, path, depth, &v);
	if (r < 0)
		return r;
	if (json_object_array_add(list, v) < 0)
		return no_memory(in);

	CF_TAKE(v);
	return 0;
}

static int parse_list(struct cf_tokens *in, const struct cf_path *up, int depth, json_object **ret)
{
	CF_AUTO(json_object_put) json_object *list = json_object_new_array();
	struct cf_path path = { .up = up };
	int r;

	if (!list)
		return no_memory(in);

	in->at++;
	cf_token_skip_space(in);
	if (!cf_token_take(in, ']')) {
		do {
			r = parse_element(in, &path, depth, list);
			if (r < 0)
				return r;
			path.index++;
			cf_token_skip_space(in);
		} while (cf_token_take(in, ','));
		if (!cf_token_take(in, ']'))
			return cf_token_fail(in, "a comma or ] is due");
	}

	*ret = CF_TAKE(list);
	return 0;
}

static int parse_word(struct cf_tokens *in, json_object **ret)
{
	if (cf_token_word(in, "null")) {
		*ret = NULL;	/* as json-c has it */
		return 0;
	}
	if (cf_token_word(in, "true"))
		return made(in, json_object_new_boolean(true), ret);
	if (cf_token_word(in, "false"))
		return made(in, json_object_new_boolean(false), ret);

	return cf_token_fail(in, "a value is due");
}

static int parse_value(struct cf_tokens *in, const struct cf_path *path, int depth, json_object **ret)
{
	cf_token_skip_space(in);
	if (++in->n_values > CF_VALUES)
		return cf_path_fail(in->blame, in->root, E2BIG, "more than %d values", CF_VALUES);
	if ((cf_token_peek(in) == '{' || cf_token_peek(in) == '[') && ++depth > CF_DEPTH)
		return cf_path_fail(in->blame, path, E2BIG, "nested deeper than %d", CF_DEPTH);

	switch (cf_token_peek(in)) {
	case '{':
		return parse_object(in, path, depth, ret);
	case '[':
		return parse_list(in, path, depth, ret);
	case '"':
		return parse_text(in, path, ret);
	case '-': case '0': case '1': case '2': case '3': case '4':
	case '5': case '6': case '7': case '8': case '9':
		return parse_number(in, path, ret);
	default:
		return parse_word(in, ret);
	}
}

int cf_parse(const struct cf_blame *blame, const struct cf_path *root, const char *text, size_t size,
	     json_object **ret)
{
	CF_AUTO(json_object_put) json_object *o = NULL;
	struct cf_tokens in = {
		.blame = blame, .root = root, .text = text, .at = text, .end = text + size, .spare = malloc(size + 1),
	};
	int r;

	if (!in.spare)
		return no_memory(&in);

	r = parse_value(&in, root, 0, &o);
	cf_wipe(CF_TAKE(in.spare), size);
	if (r < 0)
		return r;
	cf_token_skip_space(&in);
	if (in.at < in.end)
		return cf_token_fail(&in, "something follows the value");

	*ret = CF_TAKE(o);
	return 0;
}
