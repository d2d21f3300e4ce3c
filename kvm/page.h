/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The page that library and agent share, from the library's side. */

#include "kvm/vm.h"

/* Made, if there is none yet.  errno is not kept. */
void page_make(struct vm *vm);

/* vm->capture, which is new, with what there is of the vCPUs; numbers it, and the agent hears of it. */
void page_tell_capture(struct vm *vm);

/* vm->outcome, with the vCPUs' offsets before and after; likewise. */
void page_tell_outcome(struct vm *vm);

/*
 * What is new of a vCPU; nobody hears of it.  An arming that page_asked() does not find after that is one of an agent
 * that sees it.
 */
void page_tell_vcpu(struct vm *vm, const struct vcpu *vcpu);

/* Is a sample asked for that was not given? */
static inline bool page_wants_sample(const struct vm *vm)
{
	return __atomic_load_n(&vm->page->wanted, __ATOMIC_RELAXED) != vm->answered;
}

void page_tell_sample(struct vm *vm, const struct cf_kvm_capture *sample);

/* Nothing is armed: a look, no more. */
static inline bool page_unarmed(const struct vm *vm)
{
	return __atomic_load_n(&vm->page->asked.direction, __ATOMIC_RELAXED) == CF_KVM_UNARMED;
}

/*
 * What the agent asks, into vm->asked; false when nothing is armed, it has
 * expired, or the agent has been writing it for a millisecond (and may have died of it).
 */
bool page_asked(struct vm *vm);
