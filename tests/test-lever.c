/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which lever there is: what the library can do for a guest, and what of that two hosts have in common. */

#include "policy/lever.h"

#include <string.h>

#include "tests/tap.h"

static struct cf_guest_clock guest;
static char why[CF_DETAIL_ROOM];

static void begin(void)
{
	guest = (struct cf_guest_clock){
		.type = "kvm", .kvmclock = true, .has_guest_offset = true, .lever = CF_LEVER_KVM, .has_kvm_version = true,
		.kvm_version = 1, .n_vcpus = 2, .vcpus = { { .has_offset = true }, { .vcpu = 1, .has_offset = true } },
	};
}

static bool can(uint32_t vm_flags)
{
	return cf_kvm_usable(&guest, CF_KVM_ARCH_X86, vm_flags, why);
}

static void test_guest(void)
{
	static const struct {
		const char *what;
		uint32_t flag;
	} flags[] = {
		{ "whose QEMU was seen to correct by itself", CF_KVM_VM_ITSELF },
		{ "that is protected", CF_KVM_VM_PROTECTED },
		{ "that may be a hypervisor", CF_KVM_VM_NESTED },
		{ "on a kernel without TSC offsets", CF_KVM_VM_NO_OFFSETS },
	};

	begin();
	ok(can(0) && !*why, "a guest's counters can be carried");
	ok(can(CF_KVM_VM_COUNTERS | CF_KVM_VM_PHYS), "... whatever else the library knows");
	for (size_t i = 0; i < CF_COUNT(flags); i++)
		ok(!can(flags[i].flag) && *why, "not those of one %s: %s", flags[i].what, why);

	guest.self_correcting = true;
	ok(!can(0) && *why, "nor of one whose QEMU can correct by itself");
	begin();
	guest.kvmclock = false;
	ok(!can(0) && *why, "nor without kvmclock, at which the library acts");
	ok(cf_kvm_usable(&guest, CF_KVM_ARCH_ARM64, 0, why) && !*why, "... but on arm64, which has none");
	begin();
	guest.vcpus[1].has_offset = false;
	ok(!can(0) && *why, "nor with a vCPU whose offset nobody can read");
	guest.n_vcpus = 0;
	ok(!can(0) && *why, "nor where no vCPU shows at all");
}

static enum cf_lever best(struct cf_pair_evidence pair)
{
	pair.destination = "hB";
	return cf_lever_best(&guest, &pair, why);
}

static void test_pair(void)
{
	const struct cf_pair_evidence good = { .has_destination_kvm = true,
					       .destination_kvm = { .handed_on = true, .version = 1 } };
	struct cf_pair_evidence pair = good;

	begin();
	ok(best(good) == CF_LEVER_KVM && !*why, "the lever kvm is there where both hosts have it");
	ok(best((struct cf_pair_evidence){ 0 }) == CF_LEVER_GUEST_AGENT && strstr(why, "hB"),
	   "with an agent that says nothing of it there is the guest's agent: %s", why);
	pair.destination_kvm = (struct cf_kvm_offer){ .version = 1, .why = "it is off" };
	ok(best(pair) == CF_LEVER_GUEST_AGENT && strstr(why, "it is off"), "likewise where a QEMU does not get the library: %s", why);
	pair = good;
	pair.destination_kvm.version = 2;
	ok(best(pair) == CF_LEVER_GUEST_AGENT && *why, "or another version: %s", why);
	guest.has_guest_offset = false;
	ok(best(pair) == CF_LEVER_NONE, "... and none where the guest's clock cannot be read either");

	begin();
	guest.lever = CF_LEVER_GUEST_AGENT;
	guest.has_kvm_why = true;
	strcpy(guest.kvm_why, "no library");
	ok(best(good) == CF_LEVER_GUEST_AGENT && strcmp(why, "no library") == 0, "what the source lacks the destination does not make good");
	guest.lever = CF_LEVER_UNKNOWN;
	ok(best(good) == CF_LEVER_NONE, "a lever of a newer version is none");
}

int main(void)
{
	test_guest();
	test_pair();
	return done();
}
