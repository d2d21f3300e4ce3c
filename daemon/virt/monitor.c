/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/monitor.h"

#include <string.h>

#include "policy/blackout.h"
#include "policy/offset.h"
#include "proto/codec.h"

/* The members of their details that are looked at. */
struct details {
	bool has_status, has_pass, has_action;
	char status[32];
	int64_t pass;
	char action[32];
};

static const struct cf_field fields[] = {
	CF_TEXT(struct details, status, CF_MAYBE(struct details, has_status)),
	CF_INT(struct details, pass, 0, INT64_MAX, CF_MAYBE(struct details, has_pass)),
	CF_TEXT(struct details, action, CF_MAYBE(struct details, has_action)),
};

static const struct cf_shape details_shape = CF_SHAPE(details, fields);

static void stamped(struct guest_event *event, enum guest_event_kind kind, cf_real stamp)
{
	struct cf_instant handled = event->at;

	event->kind = kind;
	event->placed = cf_stamp_raw(stamp, handled, CF_SLEW_PPM, &event->at);
}

/* Fill in what the event was; false when it is nothing to a watch. */
static bool monitor_event(const char *name, cf_real stamp, const struct details *details,
			  struct guest_event *event)
{
	static const struct { const char *name; enum guest_event_kind kind; } plain[] = {
		{ "GUEST_PANICKED", GUEST_EV_PANICKED }, { "SHUTDOWN", GUEST_EV_SHUTDOWN },
		{ "RESET", GUEST_EV_RESET },
	};

	if (strcmp(name, "STOP") == 0 || strcmp(name, "RESUME") == 0) {
		stamped(event, *name == 'S' ? GUEST_EV_STOP : GUEST_EV_RESUME, stamp);
		return true;
	}
	if (strcmp(name, "MIGRATION") == 0) {
		event->kind = GUEST_EV_MIGRATION;
		event->status = migration_status_from(details->status);
		return details->has_status;
	}
	if (strcmp(name, "MIGRATION_PASS") == 0) {
		event->kind = GUEST_EV_PASS;
		event->pass = details->pass;
		return details->has_pass;
	}
	if (strcmp(name, "BLOCK_IO_ERROR") == 0) {
		event->kind = GUEST_EV_IO_ERROR;
		return details->has_action && strcmp(details->action, "stop") == 0;
	}
	for (size_t i = 0; i < CF_COUNT(plain); i++)
		if (strcmp(plain[i].name, name) == 0) {
			event->kind = plain[i].kind;
			return true;
		}
	return false;
}

bool monitor_read(const struct monitor_said *said, struct guest_event *ret)
{
	struct guest_event event = { .at = said->heard };
	struct details details = { 0 };

	/* What cannot be read is an event without details. */
	if (said->details)
		cf_decode(&details_shape, CF_TOLERANT, said->details, strlen(said->details), &details, NULL);
	if (!monitor_event(said->name, said->stamp, &details, &event))
		return false;

	*ret = event;
	return true;
}
