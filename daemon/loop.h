/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The event loop that owns all state, and the one way into it from other
 * threads.  A thread that did something blocking posts its result; the function
 * it posts runs on the loop's thread and may touch whatever the loop owns.
 */

#include "proto/base.h"
#include "proto/error.h"

struct loop;
struct sd_event;

/* A loop for the calling thread, to be run with sd_event_loop(loop_sd(loop)). */
int loop_new(struct loop **ret, struct cf_error *err);

/*
 * The threads that post have to be gone by then: what was posted and has not
 * run is dropped, and its arg with it.
 */
void loop_free(struct loop *loop);
CF_DEFINE_AUTO(struct loop *, loop_free)

/* For sources of its own; on the loop's thread only. */
struct sd_event *loop_sd(struct loop *loop);

/*
 * Have fn(arg) run on the loop's thread, from any thread, the loop's own
 * included.  Posts run in the order in which they were made and are never
 * lost: without memory for one the process aborts, because the thread that
 * posts has nobody else to tell.  One that is made by a post runs after the
 * loop has looked at its other sources.
 */
void loop_post(struct loop *loop, void (*fn)(void *arg), void *arg);
