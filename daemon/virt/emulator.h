/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a QEMU binary can do, asked of a QEMU that runs no machine: asking a
 * domain's own over its monitor would taint the domain.
 */

#include <stdbool.h>

#include "proto/error.h"
#include "proto/time.h"

/*
 * Does this binary account for the blackout itself (property
 * x-account-downtime of its kvmclock device, as Oracle's QEMU has it)?  Asked
 * once per binary and its modification time, by at most `timeout`.
 */
int emulator_self_corrects(const char *binary, cf_span timeout, bool *ret, struct cf_error *err);

/*
 * The same of all that a QEMU answered to our questions, a line each; text is taken
 * apart.  -EPROTO when the answer is not among them.  Pure.
 */
int emulator_read(char *text, bool *ret, struct cf_error *err);
