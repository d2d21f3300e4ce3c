/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/error.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Exit statuses: 1 failure, 2 usage, 3 refused, 4 aborted, 6 agent or peer unreachable. */
static const struct {
	const char *name;
	int http;
	int exit;
} codes[CF_N_CODES] = {
	[CF_OK]               = { "ok",               200, 0 },
	[CF_BAD_REQUEST]      = { "bad-request",      400, 2 },
	[CF_FORBIDDEN]        = { "forbidden",        403, 1 },
	[CF_NOT_FOUND]        = { "not-found",        404, 1 },
	[CF_CONFLICT]         = { "conflict",         409, 1 },
	[CF_TOO_LATE]         = { "too-late",         409, 1 },
	[CF_TOO_LARGE]        = { "too-large",        413, 1 },
	[CF_BUSY]             = { "busy",             503, 1 },
	[CF_QUIESCING]        = { "quiescing",        503, 1 },
	[CF_REFUSED]          = { "refused",          409, 3 },
	[CF_ABORTED]          = { "aborted",          409, 4 },
	[CF_HOST]             = { "host",             500, 1 },
	[CF_PEER]             = { "peer",             502, 6 },
	[CF_UNREACHABLE]      = { "unreachable",      504, 6 },
	[CF_CERTIFICATE_TIME] = { "certificate-time", 502, 6 },
};

int cf_fail(struct cf_error *err, int error, enum cf_code code, const char *fmt, ...)
{
	va_list ap;

	assert(error > 0 && code > CF_OK && code < CF_N_CODES);

	if (err) {
		err->code = code;
		va_start(ap, fmt);
		vsnprintf(err->text, sizeof(err->text), fmt, ap);
		va_end(ap);
	}
	return -error;
}

const char *cf_code_name(enum cf_code code)
{
	return codes[code].name;
}

int cf_code_http(enum cf_code code)
{
	return codes[code].http;
}

int cf_code_exit(enum cf_code code)
{
	return codes[code].exit;
}

enum cf_code cf_code_from_name(const char *name)
{
	for (int code = 0; code < CF_N_CODES; code++)
		if (strcmp(codes[code].name, name) == 0)
			return code;

	return CF_PEER;
}
