/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files that show a receipt share, one of them for each of its parts. */

#include <stdio.h>

#include "proto/figure.h"
#include "proto/text.h"

/* "limit 25 ms (hA)": and whose it is. */
#define LIMIT_TEXT_ROOM (CF_SPAN_TEXT_ROOM + CF_HOST_ROOM + 16)
char *limit_text(cf_span limit, const char *owner, char ret[static LIMIT_TEXT_ROOM]);

/* "within the limit", or "beyond the limit": which it is stands above. */
const char *verdict(cf_span measured, cf_span limit);

/* Whose agent wrote it; the source's, unless that fell silent. */
const char *author(const struct cf_receipt *receipt);

/* Did somebody else drive it? */
bool is_foreign(const struct cf_receipt *receipt);

/* "not measured: STOP was not seen", as far as somebody says why. */
#define ABSENT_TEXT_ROOM (CF_DETAIL_ROOM + 16)
const char *absent_text(const struct cf_receipt *receipt, enum cf_figure figure, char ret[static ABSENT_TEXT_ROOM]);

/* The same for a figure that is an interval, when it is not there. */
#define FIGURE_TEXT_ROOM ABSENT_TEXT_ROOM
const char *figure_text(const struct cf_receipt *receipt, enum cf_figure figure, struct cf_interval measured,
			char ret[static FIGURE_TEXT_ROOM]);

/* How long the guest stood still: because it moved, or because an attempt failed. */
void show_blackout(FILE *to, const struct cf_receipt *receipt);
void show_standstill(FILE *to, const struct cf_receipt *receipt);

/* What was decided at the commit gate, and by what; nothing where there was none. */
void show_gate(FILE *to, const struct cf_receipt *receipt);

/* How it was told to be carried, where that is not as libvirt does it by itself. */
void show_options(FILE *to, const struct cf_receipt *r);

/* The guest's clock, before the migration, through it and after it. */
/* What became of its counters, where the lever kvm was there. */
void show_counters(FILE *to, const struct cf_receipt *r, const struct cf_landing *l);

void show_guest_carried(FILE *to, const struct cf_receipt *receipt, bool moved);

/* The hosts' clocks: one against the other, and what each says of itself. */
void show_host_offset(FILE *to, const struct cf_receipt *receipt);
void show_host_clocks(FILE *to, const struct cf_receipt *receipt);

/* By what it was judged: policies, an override, each limit and whose it was. */
void show_policy(FILE *to, const struct cf_receipt *receipt);
