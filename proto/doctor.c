/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/doctor.h"

#include <assert.h>
#include <stdio.h>

static const struct {
	const char *area;
	const char *good;	/* NULL: it is said only when it is not */
	const char *bad;
	const char *remedy;
} vitals[CF_N_VITALS] = {
	[CF_VITAL_UNKNOWN] = { "unknown", "a newer agent looked at it", "a newer agent says so",
		"Update the command." },

	[CF_VITAL_AGENT] = { "agent", "the agent answers", "the agent does not answer",
		"`systemctl status clockferryd`, then `journalctl -u clockferryd -x`." },
	[CF_VITAL_SETTINGS] = { "agent", "the settings are in force as the file has them",
		"the settings have a fault: those before them stay in force",
		"Find it with `clockferryd --check-config`, then `systemctl reload clockferryd`." },
	[CF_VITAL_HUNG_CALLS] = { "agent", "no call into libvirt hangs", "calls into libvirt were given up and have not returned",
		"Does `virsh list` answer?  A restart of libvirtd leaves the guests running." },
	[CF_VITAL_SOCKET] = { "agent", "operators may use the agent's socket", "nobody but root may use the agent's socket",
		"Create the group with `systemd-sysusers`, then restart the agent; members of it are operators." },
	[CF_VITAL_RUNTIME] = { "agent", "the runtime folder can be written", "the runtime folder cannot be written",
		"It is the unit's, which makes it for the agent's user: restart the agent." },
	[CF_VITAL_LEDGER] = { "agent", "the ledger can be written", "the ledger cannot be written: no migration is let in",
		"Is there room, and does the folder belong to the agent's user?  One of your own needs `ReadWritePaths=` in the unit.  It is tried again by itself." },
	[CF_VITAL_LEDGER_LOST] = { "agent", "the ledger is whole", "the ledger was damaged or gone: older receipts may be missing",
		"Keep the file that was set aside; look for failing disks (`journalctl -k`)." },

	[CF_VITAL_CHRONYD] = { "chrony", "chronyd answers", "chronyd does not answer",
		"`systemctl status chrony`; it answers on 127.0.0.1 port 323 unless chrony.conf says `cmdport 0`." },
	[CF_VITAL_CLOCK] = { "chrony", "this host's clock is synchronised", "this host's clock is not synchronised",
		"`chronyc -n sources` shows what chronyd follows, `clockferry clock` what speaks against it." },
	[CF_VITAL_KERNEL] = { "chrony", "the kernel knows that its clock is synchronised",
		"the kernel calls its clock unsynchronised (STA_UNSYNC)",
		"Add `rtcsync` to chrony.conf; without it the kernel is never told." },
	[CF_VITAL_TAI] = { "chrony", "the kernel knows TAI - UTC", "the kernel was not told TAI - UTC",
		"Add `leapsectz right/UTC` (or `leapseclist`) to chrony.conf." },
	[CF_VITAL_RIVAL] = { "chrony", "nobody else steers the clock", "another program steers the clock too",
		"Keep one of them: `systemctl disable --now` the other." },

	[CF_VITAL_LIBVIRT] = { "libvirt", "libvirt answers", "libvirt does not answer",
		"`systemctl status libvirtd virtqemud`; the agent's user has to be in the group libvirt." },
	[CF_VITAL_VERSIONS] = { "libvirt", "libvirt and QEMU are recent enough", "libvirt or QEMU is older than clockferry knows",
		"Use libvirt 9.0 and QEMU 7.2, or newer ones." },
	[CF_VITAL_DRIVER] = { "libvirt", "what drives migrations has what it needs", "what drives migrations lacks a file",
		"Where libvirt moves guests by itself (`driver = libvirt`, post-copy), libvirtd asks the other's over TLS and needs certificates: see README." },
	[CF_VITAL_CUT] = { "libvirt", "a migration that takes too long can be cut",
		"a migration that takes too long cannot be cut, or perhaps not in time",
		"Leave its capabilities, LimitRTPRIO and LimitMEMLOCK in the agent's unit; kernel.yama.ptrace_scope at most 2." },
	[CF_VITAL_HOOK] = { "libvirt", "libvirt's hook is as it should be", "libvirt's hook guards nothing yet",
		"`clockferry hook install` puts it there and has libvirtd load it; `clockferry hook remove` takes it away." },
	[CF_VITAL_COUNTERS] = { "libvirt", "the guests' counters can be read", "the guests' counters cannot be read",
		"Mount debugfs (`systemctl start sys-kernel-debug.mount`); leave CAP_DAC_READ_SEARCH in the agent's unit." },
	[CF_VITAL_GUEST_AGENTS] = { "libvirt", "every running guest has its guest agent connected",
		"guests without a guest agent: their clocks are neither measured nor corrected",
		"Install qemu-guest-agent in the guest and give the domain the channel org.qemu.guest_agent.0." },

	[CF_VITAL_LISTENING] = { "tls", "peers can reach this agent", "peers cannot reach this agent",
		"`clockferryd --print-settings` names the files and addresses; then `systemctl reload clockferryd`." },
	[CF_VITAL_CERTIFICATE] = { "tls", "this host's certificate is valid", "this host's certificate ends soon, or is not valid now",
		"Have it renewed, then `systemctl reload clockferryd`; if it should be valid, is this host's clock right?" },
	[CF_VITAL_CA] = { "tls", "the CA's certificate is valid", "the CA's certificate ends soon, or is not valid now",
		"Give every host the new CA beside the old one, in one file, before certificates are renewed." },
	[CF_VITAL_CRL] = { "tls", "the revocation list is up to date", "the revocation list is out of date",
		"Install the CA's newest; an old one still revokes what it lists." },
	[CF_VITAL_KEY] = { "tls", "nobody else may read the private key", "others may read the private key",
		"`chown clockferry FILE; chmod 400 FILE`, and have the certificate replaced if it was so for long." },
	[CF_VITAL_PEER_ROLE] = { "tls", "certificates may have the role of a peer", "no certificate may have the role of a peer",
		"Name the other hosts' certificates in the settings: access { peer = { \"dns:...\" } }." },

	[CF_VITAL_PEERS] = { "peers", "other hosts are named in the settings", "no other host is named in the settings",
		"Add peer \"NAME\" { } for each host that guests may go to, so that its clock is watched." },
	[CF_VITAL_PEER] = { "peers", "it answers, and the gate to it is open", "it does not answer",
		"Is clockferryd running there, is its port open, do its name and its certificate match?" },
	[CF_VITAL_GATE] = { "peers", NULL, "it answers, but the gate to it is closed",
		"`clockferry peers` has every reason with its figures and what to do." },
};

const char *const cf_vital_words[CF_N_VITALS] = {
	[CF_VITAL_UNKNOWN]      = "unknown",
	[CF_VITAL_AGENT]        = "agent",
	[CF_VITAL_SETTINGS]     = "settings",
	[CF_VITAL_HUNG_CALLS]   = "hung-calls",
	[CF_VITAL_SOCKET]       = "socket",
	[CF_VITAL_RUNTIME]      = "runtime-folder",
	[CF_VITAL_LEDGER]       = "ledger",
	[CF_VITAL_LEDGER_LOST]  = "ledger-lost",
	[CF_VITAL_CHRONYD]      = "chronyd",
	[CF_VITAL_CLOCK]        = "clock",
	[CF_VITAL_KERNEL]       = "kernel-clock",
	[CF_VITAL_TAI]          = "tai",
	[CF_VITAL_RIVAL]        = "time-services",
	[CF_VITAL_LIBVIRT]      = "libvirt",
	[CF_VITAL_VERSIONS]     = "versions",
	[CF_VITAL_DRIVER]       = "driver",
	[CF_VITAL_CUT]          = "cut",
	[CF_VITAL_HOOK]         = "hook",
	[CF_VITAL_COUNTERS]     = "counters",
	[CF_VITAL_GUEST_AGENTS] = "guest-agents",
	[CF_VITAL_LISTENING]    = "listening",
	[CF_VITAL_CERTIFICATE]  = "certificate",
	[CF_VITAL_CA]           = "ca",
	[CF_VITAL_CRL]          = "crl",
	[CF_VITAL_KEY]          = "key",
	[CF_VITAL_PEER_ROLE]    = "peer-role",
	[CF_VITAL_PEERS]        = "peers",
	[CF_VITAL_PEER]         = "peer",
	[CF_VITAL_GATE]         = "gate",
};

const char *const cf_vital_state_words[CF_N_VITAL_STATES] = {
	[CF_VITAL_STATE_UNKNOWN] = "unknown",
	[CF_VITAL_OK]            = "ok",
	[CF_VITAL_WARN]          = "warn",
	[CF_VITAL_FAIL]          = "fail",
};

#define T struct cf_vital
static const struct cf_field vital_fields[] = {
	CF_ENUM(T, code, cf_vital_words, CF_N_VITALS),
	CF_ENUM(T, state, cf_vital_state_words, CF_N_VITAL_STATES),
	CF_TEXT(T, area),
	CF_TEXT(T, subject),
	CF_TEXT(T, text),
	CF_TEXT(T, detail),
	CF_TEXT(T, remedy),
};
#undef T
const struct cf_shape cf_vital_shape = CF_SHAPE(cf_vital, vital_fields);

#define T struct cf_vitals
static const struct cf_field vitals_fields[] = {
	CF_TEXT(T, host),
	CF_LIST(T, list, &cf_vital_shape),
};
#undef T
const struct cf_shape cf_vitals_shape = CF_SHAPE(cf_vitals, vitals_fields);

void cf_vital_set(struct cf_vital *ret, enum cf_vital_code code, enum cf_vital_state state)
{
	bool ok = state == CF_VITAL_OK;

	assert(!ok || vitals[code].good);
	*ret = (struct cf_vital){ .code = code, .state = state };
	snprintf(ret->area, sizeof(ret->area), "%s", vitals[code].area);
	snprintf(ret->text, sizeof(ret->text), "%s", ok ? vitals[code].good : vitals[code].bad);
	snprintf(ret->remedy, sizeof(ret->remedy), "%s", ok ? "" : vitals[code].remedy);
}

enum cf_vital_state cf_vitals_worst(const struct cf_vitals *list)
{
	enum cf_vital_state worst = CF_VITAL_OK;

	for (size_t i = 0; i < list->n_list; i++)
		if (list->list[i].state > worst)
			worst = list->list[i].state;
	return worst;
}
