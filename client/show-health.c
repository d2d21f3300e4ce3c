/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "client/say.h"
#include "client/show.h"

void show_health(FILE *to, const struct cf_health *h, const struct cf_report *report)
{
	char clock[REPORT_TEXT_ROOM], queued[40] = "";

	say(to, "%s: %s", h->host, h->healthy ? "as it should be" : "not as it should be");
	say_row(to, "clock", "%s", report_text(report, clock));
	if (*report->why)
		say_row(to, "", "%s", report->why);
	say_row(to, "libvirt", "%s%s%s", h->libvirt_connected ? h->libvirt : "not connected",
		*h->libvirt_why ? ": " : "", h->libvirt_why);
	if (h->hung_calls > 0)
		say_row(to, "", "%" PRId64 " %s not returned", h->hung_calls,
			h->hung_calls == 1 ? "call to it has" : "calls to it have");
	say_row(to, "settings", "%s", *h->settings ? h->settings : "read without a fault");
	say_row(to, "for peers", "%s%s%s", h->tls_listening ? "listening" : "not listening",
		*h->tls_why ? ": " : "", h->tls_why);
	if (h->has_ledger)
		say_row(to, "ledger", "%s%s", *h->ledger ? "cannot be written: " : "written", h->ledger);
	if (h->has_ledger_note)
		say_row(to, "", "%s", h->ledger_note);
	if (h->has_quiescing && h->quiescing)
		say_row(to, "quiescing", "takes no new migrations");
	if (h->has_queued && h->queued > 0)
		snprintf(queued, sizeof(queued), ", %" PRId64 " queued", h->queued);
	say_row(to, "migrations", "%" PRId64 " under way%s", h->migrations, queued);
}
