/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What becomes of an arming, from the first look to what the agent hears. */

#include "kvm/vm.h"

/* QEMU is about to set `clock`, and it is the one that is meant. */
void outcome_begin(struct vm *vm, uint64_t clock);

/* The step that it ends with; returns false, so that a failing step can end with it. */
bool outcome_fail(struct vm *vm, enum cf_kvm_step step, int error);

/* Tells it; true when QEMU's own call must not be made any more. */
bool outcome_end(struct vm *vm, enum cf_kvm_result result);

/* What is asked of the vCPU in this place of the table; NULL when the record has none of its id. */
const struct cf_kvm_asked_vcpu *outcome_asked(const struct vm *vm, uint32_t place);
