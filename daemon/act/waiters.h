/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Those who want to know when something has moved on: a long poll, a request
 * that answers later.  On the loop's thread alone.
 */

#include "daemon/loop.h"
#include "proto/base.h"
#include "proto/error.h"
#include "proto/time.h"

struct waiters;

int waiters_new(struct waiters **ret, struct loop *loop, struct cf_error *err);

/* Calls all that still wait. */
void waiters_free(struct waiters *waiters);
CF_DEFINE_AUTO(struct waiters *, waiters_free)

/*
 * Call fn(arg) once, at the first waiters_wake() with a mark beyond `after`, or
 * when `wait` has passed.
 */
int waiters_add(struct waiters *waiters, int64_t after, cf_span wait, void (*fn)(void *arg), void *arg,
		struct cf_error *err);

void waiters_wake(struct waiters *waiters, int64_t mark);
