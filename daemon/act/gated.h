/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the acts of a driver with a gate share. */

#include "daemon/act/work.h"
#include "policy/recover.h"

/* Source: what it has decided; CF_DECISION_LOST when that is not known. */
enum cf_decision gated_decision(const struct act_context *context, const char *id);

/* Has it that migration as one of which nothing has come yet?  Only of one that is over here may anybody say so. */
bool gated_unsettled(const struct act_context *context, const char *id);

/* Note it: it survives this agent.  On failure nothing may be sent. */
int gated_decide(struct work *work, enum cf_decision decision, struct cf_error *err);

/* Whatever became of its guest is carried out here, and only words are left: CF_DECISION_KEPT, or _LEFT. */
void gated_settle(struct work *work, enum cf_decision how);

/* Destination: what was promised; CF_MARK_LOST when that is not known. */
enum cf_mark gated_mark(const struct act_context *context, const char *id);

/* Note it for good. */
int gated_promise(struct work *work, enum cf_mark mark, struct cf_error *err);

/* Destination: its word, by its phase and its mark. */
enum cf_word gated_word(const struct work *work, enum cf_phase phase);

/* Over, and in the ledger: both marks may go.  Its word stays what it was. */
void gated_forget(struct work *work, enum cf_phase phase);

/*
 * Source: drive_options.prepare, with the work as userdata: brings libvirt's offer to the
 * destination's agent.
 */
int gated_bring(void *userdata, const struct drive_offer *offer, struct drive_answer *ret, struct cf_error *err);
