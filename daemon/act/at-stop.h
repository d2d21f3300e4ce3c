/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the source does about STOP: note it, bound the hosts' offset at that instant, and tell the destination. */

#include "daemon/act/work.h"

#define AT_STOP_PATIENCE ((cf_span){ 10 * CF_S })

/* STOP into receipt and record; or why it is not known. */
void at_stop_note(struct work *work);

/* A few rounds, while the last of the memory may still be on its way. */
void at_stop_narrow(struct work *work);

/* The record that names STOP; work->record_there when it was taken. */
void at_stop_send(struct work *work, cf_span patience);

/* Once: rounds when the copy's own traffic is over, and the record again with what they say. */
void at_stop_refine(struct work *work);
