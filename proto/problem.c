/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/problem.h"

#include <stdio.h>

#define T struct cf_problem
static const struct cf_field problem_fields[] = {
	CF_TEXT(T, type),
	CF_TEXT(T, title),
	CF_INT(T, status, 100, 599),
	CF_TEXT(T, detail),
	CF_TEXT(T, code),
	CF_LIST(T, findings, &cf_finding_shape),
};
#undef T
const struct cf_shape cf_problem_shape = CF_SHAPE(cf_problem, problem_fields);

void cf_problem_from(const struct cf_error *err, struct cf_problem *ret)
{
	*ret = (struct cf_problem){ .status = cf_code_http(err->code) };
	snprintf(ret->type, sizeof(ret->type), "urn:clockferry:error:%s", cf_code_name(err->code));
	snprintf(ret->title, sizeof(ret->title), "%s", cf_code_name(err->code));
	snprintf(ret->code, sizeof(ret->code), "%s", cf_code_name(err->code));
	snprintf(ret->detail, sizeof(ret->detail), "%s", err->text);
}
