/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * kvm-took source|destination N VCPUS: the library between this program and the
 * KVM of this machine.  N times it is armed and acts, and what that took beyond
 * the calls of KVM made in there is a line, in us.  The first line is what
 * became of it.  For bench/kvm; not a test by itself.
 */

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/kvm-page.h"

static const char *const results[] = { "nothing", "carried", "kept", "left to QEMU" };
static struct cf_kvm_said said;
static struct cf_kvm_asked asked;

static int die(const char *why)
{
	fprintf(stderr, "kvm-took: %s\n", why);
	exit(77);
}

/* What the agents do: the newest capture is the record, of this host and for it. */
static void arm(struct kvm_page *page, enum cf_kvm_direction direction)
{
	struct cf_error err;

	if (kvm_page_read(page, &said, &err) < 0)
		die(err.text);
	asked = (struct cf_kvm_asked){
		.direction = direction, .record = said.capture, .clock_low = said.capture.clock,
		.clock_high = said.capture.clock, .limit = { 60 * CF_S }, .n_vcpus = said.n_vcpus,
		.expires = cf_mono_add(kernel_raw(), (cf_span){ 60 * CF_S }),
	};
	for (uint32_t i = 0; i < said.n_vcpus; i++)
		asked.vcpus[i] = (struct cf_kvm_asked_vcpu){ .id = said.vcpus[i].id, .offset = said.vcpus[i].offset };
	if (kvm_page_arm(page, &asked, &err) < 0)
		die(err.text);
}

int main(int argc, char **argv)
{
	CF_AUTO(kvm_page_free) struct kvm_page *page = NULL;
	enum cf_kvm_direction direction;
	struct cf_error err;
	int n, vcpus, vm;

	if (argc != 4)
		return 2;
	direction = strcmp(argv[1], "source") == 0 ? CF_KVM_SOURCE : CF_KVM_DESTINATION;
	n = atoi(argv[2]);
	vcpus = atoi(argv[3]);
	vm = ioctl(open("/dev/kvm", O_RDWR | O_CLOEXEC), KVM_CREATE_VM, 0);
	if (vm < 0)
		die("no KVM");
	for (int i = 0; i < vcpus; i++)
		if (ioctl(ioctl(vm, KVM_CREATE_VCPU, (unsigned long)i), KVM_SET_CPUID2, &(struct kvm_cpuid2){ 0 }) < 0)
			die("no vCPU");
	if (kvm_page_open("/proc", getpid(), &page, &err) < 0)
		die(err.text);
	for (int i = 0; i < n; i++) {
		struct kvm_clock_data data = { 0 }, set = { 0 };

		ioctl(vm, KVM_GET_CLOCK, &data);
		arm(page, direction);
		set.clock = data.clock;
		ioctl(vm, KVM_SET_CLOCK, &set);
		if (kvm_page_read(page, &said, &err) < 0 || said.outcome.serial != asked.serial)
			die("the library did not act");
		if (i == 0)
			printf("%s\n", results[said.outcome.result]);
		printf("%.3f\n", (double)(said.outcome.took.ns - said.outcome.bare.ns) / 1000);
	}
	return 0;
}
