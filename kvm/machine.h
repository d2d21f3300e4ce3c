/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All that the library asks of the machine it runs on, so that a test can be
 * another one.  None of these calls malloc(), locks, or changes errno when it succeeds.
 */

#include <stddef.h>

#include "proto/time.h"

/*
 * The system call itself.  Not the next ioctl() in the process: looking for that
 * allocates, and this has to work in a signal handler and after a fork.
 */
int machine_ioctl(int fd, unsigned long request, void *arg);

/* The counter guests' counters are derived from (TSC, CNTVCT), and arm64's frequency of it (else 0). */
uint64_t machine_counter(void);
uint64_t machine_counter_hz(void);

cf_real machine_realtime(void);
cf_mono machine_raw(void);
int32_t machine_tai_s(void);		/* CLOCK_TAI - CLOCK_REALTIME */

/* Zeroed memory, which a child finds zeroed; NULL when there is none of the kind. */
void *machine_memory(size_t size);

/* memfd_create() of the page, with these flags. */
int machine_memfd(unsigned flags);

/* What /proc says a descriptor is; false where it cannot tell. */
bool machine_descriptor(int fd, char *ret, unsigned size);
