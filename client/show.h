/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What an agent said, for a person.
 *
 * Every figure has its unit and, where there is one, its bound.  What is absent
 * was not measured and is called that, or is left out; it is never shown as 0.
 */

#include <stdio.h>

#include "proto/check.h"
#include "proto/doctor.h"
#include "proto/domain.h"
#include "proto/health.h"
#include "proto/peer.h"
#include "proto/policy.h"
#include "proto/receipt.h"
#include "proto/trial.h"

/* A host's clock: in full, or as a few words, "synchronised, within 1.2 ms of UTC". */
void show_report(FILE *to, const struct cf_report *report);
#define REPORT_TEXT_ROOM 128
const char *report_text(const struct cf_report *report, char ret[static REPORT_TEXT_ROOM]);

/* "10.0.0.3, stratum 3": what chronyd follows. */
#define SOURCE_TEXT_ROOM 96
const char *source_text(const struct cf_tracking *tracking, char ret[static SOURCE_TEXT_ROOM]);

/*
 * A line for each finding that policy does not ignore, those that refuse first,
 * and what to do about it under the first of its kind, all behind the margin.
 */
void show_findings(FILE *to, const char *margin, const struct cf_finding *findings, size_t n);

/* A line for each of them, with what to do under those that are not well. */
void show_vitals(FILE *to, const struct cf_vitals *vitals);

void show_health(FILE *to, const struct cf_health *health, const struct cf_report *report);
void show_peer(FILE *to, const struct cf_peer *peer);
void show_guest(FILE *to, const struct cf_guest_clock *guest);
/* What a policy would have done to the receipts of so long a time. */
void show_trial(FILE *to, const struct cf_trial *trial, cf_span since);
void show_policy_rows(FILE *to, const struct cf_policy *policy);
void show_receipt(FILE *to, const struct cf_receipt *receipt);

/* A host of a migration by its name: that somebody else drives may have one that nobody here knows. */
const char *host_text(const char *host);

/* The end of a migration in one line: "clean: web1 moved from hA to hB". */
void show_end(FILE *to, const struct cf_migration *migration);

/* One that is under way, in one line; and how it stands alone, without the line's end and cut to the room. */
void show_migration(FILE *to, const struct cf_migration *migration);
#define PROGRESS_TEXT_ROOM 256
const char *progress_text(const struct cf_migration *migration, char ret[static PROGRESS_TEXT_ROOM]);

/* Tables; these fail where a table cannot be built. */
int show_peers(FILE *to, const struct cf_peer *list, size_t n, struct cf_error *err);
int show_domains(FILE *to, const struct cf_domain *list, size_t n, struct cf_error *err);
int show_checks(FILE *to, const char *domain, const struct cf_check *list, size_t n, struct cf_error *err);
int show_policy_table(FILE *to, const struct cf_policies *policies, struct cf_error *err);
int show_migrations(FILE *to, const struct cf_migration *list, size_t n, struct cf_error *err);

/* What is under way and in nobody's hands; nothing for none. */
void show_strays(FILE *to, const struct cf_stray *list, size_t n);
