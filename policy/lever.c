/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "policy/lever.h"

#include "policy/words.h"

/* x86: a record that is taken while the guest runs needs each offset from outside; and only there a scaling shows. */
static bool offsets_known(const struct cf_guest_clock *guest)
{
	for (size_t i = 0; i < guest->n_vcpus; i++)
		if (!guest->vcpus[i].has_offset)
			return false;
	return guest->n_vcpus > 0;
}

static const char *in_the_way(const struct cf_guest_clock *guest, enum cf_kvm_arch arch, uint32_t vm_flags)
{
	if (guest->self_correcting || (vm_flags & CF_KVM_VM_ITSELF))
		return "its QEMU moves the clocks by itself";
	if (vm_flags & CF_KVM_VM_PROTECTED)
		return "a protected guest's counters cannot be set from outside";
	if (vm_flags & CF_KVM_VM_NESTED)
		return "the guest may be a hypervisor, which owns a counter offset of its own";
	if (vm_flags & CF_KVM_VM_NO_OFFSETS)
		return "this kernel has no TSC offsets to set (Linux before 5.16)";
	if (arch != CF_KVM_ARCH_X86)
		return "";
	if (!guest->kvmclock)
		return "the domain has no kvmclock device, and the library acts when that is set";
	if (!offsets_known(guest))
		return "the offsets of its vCPUs' counters cannot be read (debugfs)";
	return "";
}

bool cf_kvm_usable(const struct cf_guest_clock *guest, enum cf_kvm_arch arch, uint32_t vm_flags,
		   char why[static CF_DETAIL_ROOM])
{
	words_set(why, CF_DETAIL_ROOM, in_the_way(guest, arch, vm_flags));
	return !*why;
}

bool cf_lever_enforced(const struct cf_both_limits *limits, enum cf_lever lever)
{
	bool observed = limits->limits.has_mode && limits->limits.mode == CF_OBSERVE;

	return limits->limits.require_lever == lever && !observed && !limits->overridden[CF_FINDING_LEVER_MISSING] &&
	       cf_limits_severity(&limits->limits, CF_FINDING_LEVER_MISSING) == CF_SEVERITY_REFUSE;
}

/* What keeps the destination from it; "" nothing. */
static void there(const struct cf_guest_clock *guest, const struct cf_pair_evidence *pair,
		  char why[static CF_DETAIL_ROOM])
{
	const struct cf_kvm_offer *offer = &pair->destination_kvm;

	words_set(why, CF_DETAIL_ROOM, pair->destination);
	words_add(why, CF_DETAIL_ROOM, ": ");
	if (!pair->has_destination_kvm) {
		words_add(why, CF_DETAIL_ROOM, "its agent is too old for it, or has not answered");
	} else if (!offer->handed_on) {
		words_add(why, CF_DETAIL_ROOM, offer->why);
	} else if (!guest->has_kvm_version || guest->kvm_version != offer->version) {
		words_add(why, CF_DETAIL_ROOM, "the library's page has version ");
		words_add_int(why, CF_DETAIL_ROOM, offer->version);
		words_add(why, CF_DETAIL_ROOM, " there, and another one here");
	} else {
		*why = '\0';
	}
}

enum cf_lever cf_lever_best(const struct cf_guest_clock *guest, const struct cf_pair_evidence *pair,
			    char why[static CF_DETAIL_ROOM])
{
	enum cf_lever next = guest->has_guest_offset ? CF_LEVER_GUEST_AGENT : CF_LEVER_NONE;

	if (guest->lever != CF_LEVER_KVM) {
		words_set(why, CF_DETAIL_ROOM, guest->has_kvm_why ? guest->kvm_why : "");
		return guest->lever == CF_LEVER_UNKNOWN ? CF_LEVER_NONE : guest->lever;
	}
	there(guest, pair, why);
	return *why ? next : CF_LEVER_KVM;
}
