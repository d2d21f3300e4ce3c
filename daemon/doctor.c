/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/act/gather.h"
#include "daemon/clock/kernel.h"
#include "daemon/clock/report.h"
#include "daemon/ledger/ledger.h"
#include "daemon/settings.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/sockets.h"
#include "daemon/watchdog.h"
#include "proto/domain.h"

const struct doctor_roots doctor_roots = {
	.proc = "/proc",
	.runtime = RUNDIR "/clockferry",
	.libvirt_pki = "/etc/pki",
	.debugfs = "/sys/kernel/debug/kvm",
	.kvm = "/sys/class/misc/kvm",
};

static inline void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* "" when it can be done, else "PATH: No such file or directory". */
static void try_path(const char *path, int mode, char why[static CF_DETAIL_ROOM])
{
	*why = '\0';
	if (faccessat(AT_FDCWD, path, mode, AT_EACCESS) < 0)
		snprintf(why, CF_DETAIL_ROOM, "%.180s: %.50s", path, strerror(errno));
}

/* The kernel keeps 15 characters of a program's name. */
static bool steers_clocks(const char *program)
{
	static const char *const names[] = { "systemd-timesyn", "ntpd", "openntpd" };

	for (size_t i = 0; i < CF_COUNT(names); i++)
		if (strcmp(program, names[i]) == 0)
			return true;
	return false;
}

static void look_at_process(const char *proc, const char *pid, struct cf_host_evidence *ret)
{
	char path[CF_DETAIL_ROOM], program[32] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%.180s/%.16s/comm", proc, pid);
	file = fopen(path, "re");
	if (!file)
		return;		/* it has ended */
	if (fgets(program, sizeof(program), file))
		program[strcspn(program, "\n")] = '\0';
	fclose(file);
	if (steers_clocks(program) && ret->n_rivals < CF_COUNT(ret->rivals))
		snprintf(ret->rivals[ret->n_rivals++], sizeof(ret->rivals[0]), "%s, pid %.16s", program, pid);
}

void doctor_rivals(const char *proc, struct cf_host_evidence *ret)
{
	__attribute__((cleanup(closedirp))) DIR *dir = opendir(proc);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			look_at_process(proc, entry->d_name, ret);
}

/* libvirtd that moves a guest by itself asks the other host's, and over TLS wants to be known there. */
void doctor_driver(const char *pki, const struct settings *settings, struct cf_host_evidence *ret)
{
	static const char *const files[] = { "CA/cacert.pem", "libvirt/clientcert.pem" };
	char path[CF_DETAIL_ROOM];

	snprintf(ret->driver, sizeof(ret->driver), "%s", drive_libvirt.name);
	ret->driver_lacks[0] = '\0';
	ret->driver_spare = settings->libvirt.driver != CF_DRIVER_LIBVIRT;
	if (!strstr(settings->libvirt.destination_uri, "+tls:"))
		return;
	for (size_t i = 0; i < CF_COUNT(files) && !*ret->driver_lacks; i++) {
		snprintf(path, sizeof(path), "%.160s/%s", pki, files[i]);
		try_path(path, F_OK, ret->driver_lacks);
	}
}

static void look_at_libvirt(struct virt *virt, struct cf_host_evidence *ret)
{
	struct cf_error err = { 0 };
	struct virt_host host;

	ret->libvirt = virt_connected(virt, &err);
	snprintf(ret->libvirt_why, sizeof(ret->libvirt_why), "%s", err.text);
	ret->hung_calls = virt_hung_calls();
	if (!virt_host(virt, &host))
		return;
	ret->libvirt_version = (int64_t)host.libvirt_version;
	ret->emulator_version = (int64_t)host.emulator_version;
	snprintf(ret->versions, sizeof(ret->versions), "libvirt %s, %s", host.libvirt,
		 *host.emulator ? host.emulator : "no QEMU");
}

static void look_at_watchdog(const struct watchdog *dog, struct cf_host_evidence *ret)
{
	struct watchdog_standing standing;

	sockets_permitted(ret->cut_why);
	if (!dog) {
		snprintf(ret->cut_why, sizeof(ret->cut_why), "there is no watchdog");
		return;
	}
	watchdog_standing(dog, &standing);
	snprintf(ret->late_why, sizeof(ret->late_why), "%s", standing.why);
}

/* Their names, until the room is full. */
static void add_name(char list[static CF_DETAIL_ROOM], const char *name)
{
	size_t n = strlen(list), more = strlen(name);

	if (n + more + sizeof(", ...") < CF_DETAIL_ROOM)
		snprintf(list + n, CF_DETAIL_ROOM - n, "%s%s", n ? ", " : "", name);
	else if (n > 3 && strcmp(list + n - 3, "...") != 0)
		snprintf(list + n, CF_DETAIL_ROOM - n, ", ...");
}

/* Before there is a guest, too: one that is to come in is refused for them. */
void doctor_counters(const struct doctor_roots *roots, struct cf_host_evidence *ret)
{
	ret->has_kvm = access(roots->kvm, F_OK) == 0;
	try_path(roots->debugfs, R_OK | X_OK, ret->counters_why);
}

static void look_at_guests(struct virt *virt, struct cf_host_evidence *ret)
{
	CF_AUTO(cf_free) struct cf_domains *domains = calloc(1, sizeof(*domains));
	struct cf_error err = { 0 };

	ret->guests_known = domains && domain_list(virt, "", CF_DOMAINS_MAX, domains, &err) == 0;
	for (size_t i = 0; ret->guests_known && i < domains->n_list; i++) {
		const struct cf_domain *domain = &domains->list[i];

		if (domain->state != CF_DOMAIN_RUNNING)
			continue;
		ret->n_guests++;
		if (domain->agent_connected)
			continue;
		ret->n_agentless++;
		add_name(ret->agentless, domain->name);
	}
}

static void look_at_ledger(struct ledger *ledger, struct cf_host_evidence *ret)
{
	struct ledger_state state;

	ledger_state(ledger, &state);
	snprintf(ret->ledger, sizeof(ret->ledger), "%.230s", ledger_path(ledger));
	snprintf(ret->ledger_why, sizeof(ret->ledger_why), "%s", state.writable ? "" : state.fault);
	snprintf(ret->ledger_lost, sizeof(ret->ledger_lost), "%s", state.lost ? state.note : "");
}

static bool has_peer_role(const struct settings *settings)
{
	for (size_t i = 0; i < settings->n_access; i++)
		if (settings->access[i].role == CF_ROLE_PEER)
			return true;
	return false;
}

void doctor_look(const struct doctor_roots *roots, const struct act_context *context, const struct settings *settings,
		 struct cf_host_evidence *ret)
{
	ret->now = kernel_instant().real;
	snprintf(ret->agent, sizeof(ret->agent), "clockferryd %s", VERSION_TEXT);
	snprintf(ret->runtime, sizeof(ret->runtime), "%s", roots->runtime);
	try_path(roots->runtime, W_OK | X_OK, ret->runtime_why);
	look_at_ledger(context->ledger, ret);
	gather_report(context, &ret->report);
	ret->fresh = reporter_fresh(context->reporter);
	doctor_rivals(roots->proc, ret);
	look_at_libvirt(context->virt, ret);
	look_at_watchdog(context->dog, ret);
	doctor_driver(roots->libvirt_pki, settings, ret);
	doctor_counters(roots, ret);
	look_at_guests(context->virt, ret);
	ret->has_peer_role = has_peer_role(settings);
}
