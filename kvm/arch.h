/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What x86 and arm64 do differently: which calls matter, and what is done then. */

#include "kvm/vm.h"

/*
 * A call that may matter, on its way to the kernel: makes it, or does better, and
 * leaves the result, with errno, that QEMU gets.  false: it does not matter, and was not made.
 */
bool arch_call(struct vm *vm, int fd, unsigned long request, void *arg, int *ret);

/* Is this how a vCPU becomes one that is to run?  Notes what the call says of it. */
bool arch_furnishes(struct vm *vm, unsigned long request, const void *arg);

/* A point of the map of a guest that may run; blocks on nothing.  false where there is none. */
bool arch_sample(struct vm *vm, struct cf_kvm_capture *ret);
