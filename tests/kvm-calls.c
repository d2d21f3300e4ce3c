/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * kvm-calls KIND N: N calls of ioctl(), for bench/kvm to count what they cost
 * with the KVM library in front of them.  All of them fail at once in the
 * kernel, or do next to nothing.  Not a test by itself.
 */

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* What makes the library take it for a vCPU that is to run. */
static int furnish(int vcpu)
{
#if defined(__x86_64__)
	return ioctl(vcpu, KVM_SET_CPUID2, &(struct kvm_cpuid2){ 0 });
#else
	return ioctl(vcpu, KVM_ARM_VCPU_INIT, &(struct kvm_vcpu_init){ 0 });
#endif
}

int main(int argc, char **argv)
{
	const char *kind = argc == 3 ? argv[1] : "";
	long n = argc == 3 ? atol(argv[2]) : 0;
	int kvm, fd = -1;
	unsigned long request = TIOCGWINSZ;
	void *arg = NULL;

	if (strcmp(kind, "early") == 0)
		request = KVM_CHECK_EXTENSION;
	if (strcmp(kind, "vm") == 0 || strcmp(kind, "run") == 0) {
		kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
		fd = ioctl(kvm, KVM_CREATE_VM, 0);
		if (fd < 0)
			return 77;
		request = strcmp(kind, "vm") == 0 ? KVM_CHECK_EXTENSION : KVM_RUN;
		kvm = ioctl(fd, KVM_CREATE_VCPU, 0);
		if (kvm < 0 || furnish(kvm) < 0)
			return 77;
		/* An argument that KVM_RUN refuses, before it enters anything. */
		arg = request == KVM_RUN ? (void *)1 : NULL;
		fd = request == KVM_RUN ? kvm : fd;
	}
	for (long i = 0; i < n; i++)
		ioctl(fd, (unsigned long)(int)request, arg);
	return 0;
}
