/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * arm64: a guest's counter as an offset from the host's (host - guest), read and
 * set.  `id` is KVM_REG_ARM_TIMER_CNT or KVM_REG_ARM_PTIMER_CNT; the vCPU must
 * not be in the guest.
 */

#include "kvm/vm.h"

/* What is known of an offset, narrowed by one more reading; replaced by it where they cannot both be true. */
void cnt_narrow(struct counter *counter, struct cf_kvm_counter seen);

/* Read until it is narrow, once after it was set.  0, or negative with errno. */
int cnt_settle(struct vm *vm, const struct vcpu *vcpu, uint64_t id, struct counter *counter);

/*
 * A counter by value, so that its offset becomes `target`.  The kernel subtracts
 * the value from the host's counter as it is a little later, which is what the next
 * attempt leads by.  false, with errno: it cannot be set.
 */
bool cnt_set(struct vm *vm, const struct vcpu *vcpu, uint64_t id, struct counter *counter, uint64_t target);

uint64_t cnt_width(const struct counter *counter);
uint64_t cnt_middle(struct cf_kvm_counter offset);
