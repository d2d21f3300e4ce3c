/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* x86: a guest's clocks, carried to the destination or kept on the source. */

#include <linux/kvm.h>

#include "kvm/vm.h"

/*
 * Both are called for an armed KVM_SET_CLOCK, with what the agent asks in
 * vm->asked.  true: the guest's clocks are as they should be, and QEMU's own call
 * must not be made any more.  false: it is to be made, because this is not the
 * one that is meant or because something failed; then nothing has changed.  What
 * became of one that is meant stands in the page.
 */
bool x86_carry(struct vm *vm, const struct kvm_clock_data *data);
bool x86_keep(struct vm *vm, const struct kvm_clock_data *data);

/* KVM_GET_CLOCK into *data, and the instant that it is of; negative, with errno, when KVM refuses. */
int x86_get_clock(struct vm *vm, unsigned long request, struct kvm_clock_data *data, struct cf_kvm_capture *ret);

/* A vCPU's TSC offset: KVM_GET_DEVICE_ATTR or KVM_SET_DEVICE_ATTR. */
int x86_offset(struct vm *vm, const struct vcpu *vcpu, unsigned long request, int64_t *offset);
