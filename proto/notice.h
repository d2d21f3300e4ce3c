/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a guest is told that was moved: whatever bound its programs kept of its clock's
 * error was void for a while, and by how much it has to be wider now.
 */

#include "proto/field.h"
#include "proto/version.h"

struct cf_notice_message {
	char migration[CF_UUID_ROOM];
	bool has_void_from;
	cf_real void_from;		/* it was stopped, by the clock of the host it left */
	cf_real void_until;		/* and its clock was looked at the last time, by that of the host it is on */
	bool has_residual;
	struct cf_interval residual;	/* its clock against where it would be had it not been moved; absent: not known */
};

extern const struct cf_shape cf_notice_message_shape;
