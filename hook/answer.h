/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the agent answered: an HTTP response with a cf_guard_answer in it. */

#include <stdbool.h>
#include <stddef.h>

#define ANSWER_TEXT_ROOM 1536

/* Has all of it come, as far as Content-Length tells? */
bool answer_whole(const char *response, size_t size);

/*
 * May the domain come in, and why not: one line, in which what is no printable
 * character became '?'.  False when this is no such answer; then nothing is filled in.
 */
bool answer_read(const char *response, size_t size, bool *let_in, char text[static ANSWER_TEXT_ROOM]);
