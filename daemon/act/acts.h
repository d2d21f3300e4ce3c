/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One function per act; which one does what on which side is a table in work.c. */

#include "daemon/act/work.h"

/* Put the reason of an end into words; too long a one is cut. */
void act_say(char why[static CF_DETAIL_ROOM], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Somebody has asked the destination for the end of it, in its words. */
void act_say_asked(char why[static CF_DETAIL_ROOM], const char *asked, const char *destination);

/* The first of the findings that refuses, behind the words given, and how many more do. */
void act_say_refusal(char why[static CF_DETAIL_ROOM], const char *words, const struct cf_finding *findings, size_t n);

typedef enum cf_event act_fn(struct work *work, char why[static CF_DETAIL_ROOM]);

/* source */
act_fn act_check;
act_fn act_reserve;
act_fn act_capture;
act_fn act_copy;
act_fn act_ask;
act_fn act_gate;
act_fn act_decide;
act_fn act_commit;
act_fn act_resolve;
act_fn act_take_back;
act_fn act_land;
act_fn act_follow_correction;
act_fn act_follow_verification;
act_fn act_undo;
act_fn act_close;

/* source, of a migration that somebody else drives */
act_fn act_attend;
act_fn act_attend_end;
act_fn act_attend_landing;
act_fn act_attend_correction;
act_fn act_attend_verification;

/* destination */
act_fn act_await;
act_fn act_prepare;
act_fn act_stand_by;
act_fn act_obey;
act_fn act_correct;
act_fn act_verify;
act_fn act_close_incoming;
