/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Asks libvirtd again and again whether it is there, on a thread and a connection of its own: what
 * else is asked of it may take its time, and says nothing of whether it would tell of a STOP.
 */

#include "daemon/act/context.h"
#include "proto/error.h"
#include "proto/time.h"

struct pulse;

/* heard(userdata) on the pulse's thread after each answer; several of them in every heartbeat. */
int pulse_new(struct pulse **ret, const struct act_context *context, const char *uuid, cf_span heartbeat,
	      void (*heard)(void *userdata), void *userdata, struct cf_error *err);

/* It asks no more, and calls heard() no more.  Waits for no answer: the guest may stand still. */
void pulse_end(struct pulse *pulse);

/* Waits for a question that is under way: for a heartbeat at most. */
struct pulse *pulse_free(struct pulse *pulse);
