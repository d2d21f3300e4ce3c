/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kvm/vm.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "kvm/machine.h"
#include "kvm/page.h"

static struct vm *the_vm;

/*
 * Made, and without a vCPU yet.  More than one: on arm64 QEMU first makes the VM that it will run, then
 * one with a vCPU to see what this host can do.
 */
#define MADE 8
static struct {
	int fd;			/* plus 1; 0: free */
	unsigned long type;
} made[MADE];

/* Descriptors are used again, and so are places: one that got no vCPU among as many others gets none. */
void vm_created(int fd, unsigned long type)
{
	static unsigned turn;
	size_t at = MADE;

	for (size_t i = 0; i < MADE; i++) {
		int held = __atomic_load_n(&made[i].fd, __ATOMIC_RELAXED);

		if (held == fd + 1 || (!held && at == MADE))
			at = i;
		if (held == fd + 1)
			break;
	}
	if (at == MADE)
		at = __atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED) % MADE;
	made[at].type = type;
	__atomic_store_n(&made[at].fd, fd + 1, __ATOMIC_RELEASE);
}

/* Was that VM made, and is this its first vCPU? */
static bool take_made(int fd, unsigned long *type)
{
	for (size_t i = 0; i < MADE; i++) {
		int held = __atomic_load_n(&made[i].fd, __ATOMIC_ACQUIRE);

		if (held != fd + 1)
			continue;
		*type = made[i].type;
		return __atomic_compare_exchange_n(&made[i].fd, &held, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	}
	return false;
}

struct vm *vm_any(void)
{
	return __atomic_load_n(&the_vm, __ATOMIC_ACQUIRE);
}

struct vm *vm_known(void)
{
	struct vm *vm = vm_any();

	return vm && __atomic_load_n(&vm->page, __ATOMIC_ACQUIRE) ? vm : NULL;
}

static struct vm *make(void)
{
	struct vm *vm = machine_memory(sizeof(*vm)), *other = NULL;

	if (!vm || __atomic_compare_exchange_n(&the_vm, &other, vm, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return vm;
	munmap(vm, sizeof(*vm));
	return other;
}

/* Another VM than the one known: what was known is of no use. */
static void adopt(struct vm *vm, int fd, unsigned long type)
{
	for (uint32_t i = 0; i < vm->n; i++)
		vm->slots[vm->vcpus[i].fd] = 0;
	memset(vm->vcpus, 0, vm->n * sizeof(vm->vcpus[0]));
	vm->n = 0;
	vm->fd = fd;
	vm->whole = true;
	vm->flags = type >> 31 & 1 ? CF_KVM_VM_PROTECTED : 0;
	vm->virt = vm->phys = (struct counter){ 0 };
	vm->carried = false;
	memset(&vm->capture, 0, sizeof(vm->capture));
}

/* Once in the life of a vCPU, and it must not be forgotten. */
static void enter(struct vm *vm)
{
	while (!vm_enter(vm))
		sched_yield();
}

static void add(struct vm *vm, int fd, uint32_t id)
{
	struct vcpu *vcpu = &vm->vcpus[vm->n];

	if (vm->n == CF_KVM_VCPUS || fd >= VM_DESCRIPTORS) {
		vm->whole = false;
		return;
	}
	*vcpu = (struct vcpu){ .fd = fd, .id = id };
	vm->slots[fd] = (uint16_t)++vm->n;
}

void vm_vcpu_created(int vm_fd, int fd, unsigned long id)
{
	struct vm *vm = vm_any();
	unsigned long type;

	if (!vm)
		vm = make();
	if (!vm)
		return;
	enter(vm);
	if (take_made(vm_fd, &type))
		adopt(vm, vm_fd, type);
	if (vm->fd == vm_fd)
		add(vm, fd, (uint32_t)id);
	vm_leave(vm);
}

void vm_furnished(struct vm *vm)
{
	enter(vm);
	page_make(vm);
	vm_leave(vm);
}

bool vm_running(const struct vm *vm)
{
	for (uint32_t i = 0; i < vm->n; i++)
		if (__atomic_load_n(&vm->vcpus[i].running, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* "anon_inode:kvm-vcpu:12": is the end of it this number? */
static bool is_vcpu(const char *name, uint32_t id)
{
	static const char kind[] = "anon_inode:kvm-vcpu:";
	uint64_t number = 0;

	if (strncmp(name, kind, sizeof(kind) - 1) != 0)
		return false;
	name += sizeof(kind) - 1;
	if (!*name)
		return false;
	for (; *name >= '0' && *name <= '9' && number <= UINT32_MAX; name++)
		number = number * 10 + (uint64_t)(*name - '0');
	return !*name && number == id;
}

bool vm_descriptors(const struct vm *vm)
{
	char name[64];

	if (!machine_descriptor(vm->fd, name, sizeof(name)) || strcmp(name, "anon_inode:kvm-vm") != 0)
		return false;
	for (uint32_t i = 0; i < vm->n; i++)
		if (!machine_descriptor(vm->vcpus[i].fd, name, sizeof(name)) ||
		    !is_vcpu(name, vm->vcpus[i].id))
			return false;
	return vm->whole && vm->n > 0;
}

bool vm_enter(struct vm *vm)
{
	return !__atomic_exchange_n(&vm->busy, 1, __ATOMIC_ACQUIRE);
}

bool vm_enter_soon(struct vm *vm)
{
	cf_mono until = cf_mono_add(machine_raw(), (cf_span){ CF_MS });

	do
		if (vm_enter(vm))
			return true;
	while (cf_mono_cmp(machine_raw(), until) < 0);
	return false;
}

void vm_leave(struct vm *vm)
{
	__atomic_store_n(&vm->busy, 0, __ATOMIC_RELEASE);
}

int vm_ioctl(struct vm *vm, int fd, unsigned long request, void *arg)
{
	cf_mono before = machine_raw();
	int r = machine_ioctl(fd, request, arg);

	vm->bare = cf_span_add(vm->bare, cf_mono_since(machine_raw(), before));
	return r;
}
