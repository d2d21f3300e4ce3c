/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Errors
 *
 * Every function that can fail returns 0 or a negative errno, and says why in
 * the cf_error its caller passed.  Success outputs are not touched on failure.
 * Nobody below an event handler logs; nobody above one re-words.  A refusal by
 * policy is not an error: it is an answer, and travels as findings.
 */

enum cf_code {
	CF_OK,
	CF_BAD_REQUEST,		/* the caller's message or arguments are malformed */
	CF_FORBIDDEN,		/* not authenticated, or the role does not allow it */
	CF_NOT_FOUND,		/* no such route, domain, migration, peer */
	CF_CONFLICT,		/* the state of the thing does not allow it */
	CF_TOO_LATE,		/* it can no longer be stopped or undone */
	CF_TOO_LARGE,		/* a body over its route's limit */
	CF_BUSY,		/* the agent has too much to do: try again */
	CF_QUIESCING,		/* it takes no new migrations, because it is to stop or was told so */
	CF_REFUSED,		/* policy said no; the findings say why */
	CF_ABORTED,		/* a migration was ended before the guest moved */
	CF_HOST,		/* libvirt, chronyd, the kernel or the disk failed here */
	CF_PEER,		/* the other agent answered, but not as it should */
	CF_UNREACHABLE,		/* the other agent did not answer at all */
	CF_CERTIFICATE_TIME,	/* TLS failed because of a certificate's validity time and nothing else */
	CF_N_CODES,
};

struct cf_error {
	enum cf_code code;
	char text[240];
};

/* Fill *err and return -error, so a failing function can end with it.  A NULL err is allowed. */
int cf_fail(struct cf_error *err, int error, enum cf_code code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

const char *cf_code_name(enum cf_code code);	/* "bad-request", on the wire */
int cf_code_http(enum cf_code code);		/* 400 */
int cf_code_exit(enum cf_code code);		/* exit status of the command */

/* The code that carries this name; CF_PEER when it is none of ours. */
enum cf_code cf_code_from_name(const char *name);
