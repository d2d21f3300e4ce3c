/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ioctl(), in front of libc's.  What is not KVM's goes on after one comparison,
 * and nothing is opened before a vCPU is furnished: libvirtd, which makes a VM
 * with a vCPU to learn the frequency of the TSC, its other children and a QEMU
 * that only looks around never get there.
 */

#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "kvm/arch.h"
#include "kvm/machine.h"
#include "kvm/page.h"

/* QEMU's own result stands, and so does its errno. */
static void answer(struct vm *vm)
{
	int kept = errno;
	struct cf_kvm_capture sample = { 0 };

	if (!vm_enter(vm))
		return;
	vm->answered = __atomic_load_n(&vm->page->wanted, __ATOMIC_RELAXED);
	if (arch_sample(vm, &sample))
		page_tell_sample(vm, &sample);
	vm_leave(vm);
	errno = kept;
}

static int run(struct vm *vm, int fd, unsigned long request, void *arg)
{
	struct vcpu *vcpu = vm_vcpu(vm, fd);
	int r;

	if (!vcpu)
		return machine_ioctl(fd, request, arg);
	vcpu->ran = true;
	__atomic_store_n(&vcpu->running, true, __ATOMIC_RELAXED);
	r = machine_ioctl(fd, request, arg);
	__atomic_store_n(&vcpu->running, false, __ATOMIC_RELEASE);
	return r;
}

static int create(int fd, unsigned long request, void *arg)
{
	int kept = errno, r = machine_ioctl(fd, request, arg);

	if (r < 0)
		return r;
	if ((uint32_t)request == KVM_CREATE_VM)
		vm_created(r, (unsigned long)arg);
	else
		vm_vcpu_created(fd, r, (unsigned long)arg);
	errno = kept;
	return r;
}

/* Of a process that has no page so far. */
static int early(int fd, unsigned long request, void *arg)
{
	int r = machine_ioctl(fd, request, arg), kept = errno;
	struct vm *vm = vm_any();

	if (r >= 0 && vm && vm_vcpu(vm, fd) && arch_furnishes(vm, request, arg)) {
		vm_furnished(vm);
		errno = kept;
	}
	return r;
}

static int kvm_call(int fd, unsigned long request, void *arg)
{
	struct vm *vm = vm_known();
	int r;

	/* QEMU passes requests as int, so that they arrive sign-extended. */
	if ((uint32_t)request == KVM_CREATE_VM || (uint32_t)request == KVM_CREATE_VCPU)
		return create(fd, request, arg);
	if (!vm)
		return early(fd, request, arg);
	if ((uint32_t)request == KVM_RUN)
		r = run(vm, fd, request, arg);
	else if (!arch_call(vm, fd, request, arg, &r))
		r = machine_ioctl(fd, request, arg);
	if (page_wants_sample(vm))
		answer(vm);
	return r;
}

__attribute__((visibility("default"))) int ioctl(int fd, unsigned long request, ...)
{
	va_list list;
	void *arg;

	va_start(list, request);
	arg = va_arg(list, void *);
	va_end(list);
	if ((request >> 8 & 0xff) == KVMIO)
		return kvm_call(fd, request, arg);
	return machine_ioctl(fd, request, arg);
}
