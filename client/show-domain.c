/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>
#include <string.h>

#include "client/say.h"
#include "client/show.h"
#include "client/table.h"

#define VCPUS_SHOWN 16	/* --json has all of them */

int show_domains(FILE *to, const struct cf_domain *list, size_t n, struct cf_error *err)
{
	static const struct table_column columns[] = {
		{ "DOMAIN" }, { "UUID" }, { "STATE" }, { "TYPE" }, { "GUEST AGENT" }, { "MANAGER" },
	};
	CF_AUTO(table_free) struct table *table = NULL;
	int r;

	if (n == 0) {
		say(to, "no domains");
		return 0;
	}
	r = table_new(&table, columns, CF_COUNT(columns), err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const struct cf_domain *d = &list[i];
		const char *const cells[] = {
			d->name, d->uuid, cf_domain_state_words[d->state], d->type,
			d->agent_connected ? "connected" : "not connected", *d->manager ? d->manager : "-",
		};

		r = table_add(table, cells, err);
	}
	return r < 0 ? r : table_print(table, to, err);
}

static void show_guest_offset(FILE *to, const struct cf_guest_clock *g)
{
	const struct cf_guest_offset *o = &g->guest_offset;
	char offset[CF_INTERVAL_TEXT_ROOM];

	if (!g->has_guest_offset) {
		say_row(to, "guest offset", SAY_ABSENT "%s%s", *g->guest_offset_why ? ": " : "",
			g->guest_offset_why);
		return;
	}
	say_row(to, "guest offset", "%s: its clock minus its host's, best of %" PRId64 " readings",
		cf_interval_text(o->offset, offset), o->rounds);
	if (o->has_rate)
		say_row(to, "", "gaining %+.3f ppm +- %.3f ppm", o->rate.ppm, o->rate.bound_ppm);
}

/* A <timer> as its XML has it, what is not set left out. */
static void show_timer(FILE *to, const char *label, const struct cf_timer *t)
{
	const struct { const char *name, *value; } settings[] = {
		{ "present", t->has_present ? t->present ? "yes" : "no" : "" },
		{ "tickpolicy", t->tickpolicy },
		{ "mode", t->mode },
		{ "track", t->track },
	};
	char line[256], hertz[HERTZ_TEXT_ROOM];

	snprintf(line, sizeof(line), "%s", t->name);
	for (size_t i = 0; i < CF_COUNT(settings); i++)
		if (*settings[i].value)
			snprintf(line + strlen(line), sizeof(line) - strlen(line), ", %s %s",
				 settings[i].name, settings[i].value);
	say_row(to, label, "%s%s%s", line, t->has_frequency ? ", " : "",
		t->has_frequency ? hertz_text(t->frequency, hertz) : "");
}

static void show_vcpu(FILE *to, const char *label, const struct cf_vcpu_counter *v)
{
	char offset[64] = "offset not known", scaling[64] = "";

	if (v->has_offset)
		snprintf(offset, sizeof(offset), "offset %+" PRId64 " ticks", v->offset);
	if (v->has_scaling)
		snprintf(scaling, sizeof(scaling), ", scaled by %" PRIu64 " / 2^%" PRId64,
			 (uint64_t)v->scaling.ratio, v->scaling.frac_bits);
	say_row(to, label, "%" PRId64 ": %s%s%s", v->vcpu, offset, scaling,
		v->has_guest_mode && v->guest_mode ? ", of a nested guest" : "");
}

static void show_counters(FILE *to, const struct cf_guest_clock *g)
{
	char hertz[HERTZ_TEXT_ROOM];

	say_row(to, "counter", "%s%s",
		g->has_counter_hz ? hertz_text(g->counter_hz, hertz) : "frequency not known",
		g->counter_promised ? ", promised to the guest" : "");
	if (g->n_vcpus == 0)
		say_row(to, "vCPU counters", "not known");
	for (size_t i = 0; i < g->n_vcpus && i < VCPUS_SHOWN; i++)
		show_vcpu(to, i == 0 ? "vCPU counters" : "", &g->vcpus[i]);
	if (g->n_vcpus > VCPUS_SHOWN)
		say_row(to, "", "and %zu more: --json", g->n_vcpus - VCPUS_SHOWN);
}

static void show_settings(FILE *to, const struct cf_guest_clock *g)
{
	say_row(to, "machine", "%s, %s, %s, %s", g->type, g->arch, g->machine, g->emulator);
	say_row(to, "<clock>", "offset %s", *g->clock_offset ? g->clock_offset : "not set");
	for (size_t i = 0; i < g->n_timers; i++)
		show_timer(to, i == 0 ? "<timer>" : "", &g->timers[i]);
	say_row(to, "kvmclock", "%s%s", g->kvmclock ? "yes" : "no",
		g->self_correcting ? ", and QEMU corrects it by itself (x-account-downtime)" : "");
	if (g->has_vmclock && g->vmclock)
		say_row(to, "vmclock", "yes");
	say_row(to, "clocksource", "%s", g->has_clocksource ? g->clocksource : "not known");
}

static const char *agent_text(const struct cf_guest_clock *g)
{
	if (!g->agent_configured)
		return "has no channel";
	return g->agent_connected ? "connected" : "not connected";
}

void show_guest(FILE *to, const struct cf_guest_clock *g)
{
	bool blocked = false;

	for (size_t i = 0; i < g->n_findings; i++)
		blocked = blocked || cf_finding_refuses(&g->findings[i]);

	say(to, "%s: %s", g->domain,
	    blocked ? "would not be migrated" : "nothing of its own speaks against migrating it");
	say_row(to, "uuid", "%s", g->uuid);
	show_guest_offset(to, g);
	say_row(to, "guest agent", "%s", agent_text(g));
	say_row(to, "lever", "%s", cf_lever_words[g->lever]);
	if (g->has_kvm_version || g->has_kvm_why)
		say_row(to, "KVM library", "%s%s%s", g->has_kvm_version ? "in its QEMU" : "", g->has_kvm_version && g->has_kvm_why ? ", but " : "",
			g->has_kvm_why ? g->kvm_why : "");
	show_settings(to, g);
	show_counters(to, g);
	show_findings(to, "  ", g->findings, g->n_findings);
}
