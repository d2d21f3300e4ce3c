/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "kvm/outcome.h"

#include <string.h>

#include "kvm/machine.h"
#include "kvm/page.h"

void outcome_begin(struct vm *vm, uint64_t clock)
{
	vm->bare = (cf_span){ 0 };
	vm->outcome = (struct cf_kvm_outcome){
		.serial = vm->asked.serial,
		.direction = vm->asked.direction,
		.n_vcpus = vm->n,
		.clock = clock,
		.at = machine_raw(),
	};
	memcpy(vm->outcome.migration, vm->asked.migration, sizeof(vm->outcome.migration));
}

bool outcome_fail(struct vm *vm, enum cf_kvm_step step, int error)
{
	vm->outcome.step = step;
	vm->outcome.error = error;
	return false;
}

bool outcome_end(struct vm *vm, enum cf_kvm_result result)
{
	cf_mono now = machine_raw();

	vm->outcome.result = result;
	vm->outcome.took = cf_mono_since(now, vm->outcome.at);
	vm->outcome.bare = vm->bare;
	vm->outcome.at = now;
	page_tell_outcome(vm);
	return result != CF_KVM_LEFT;
}

const struct cf_kvm_asked_vcpu *outcome_asked(const struct vm *vm, uint32_t place)
{
	const struct cf_kvm_asked *asked = &vm->asked;
	uint32_t id = vm->vcpus[place].id;

	/* As a rule both sides have made the same vCPUs in the same order. */
	if (place < asked->n_vcpus && asked->vcpus[place].id == id)
		return &asked->vcpus[place];
	for (uint32_t i = 0; i < asked->n_vcpus; i++)
		if (asked->vcpus[i].id == id)
			return &asked->vcpus[i];
	return NULL;
}
