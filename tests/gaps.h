/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The control of everything that is to happen in time: a thread that sleeps a
 * millisecond at a time and notes by how much it was late at worst.  What this machine
 * did to it, it may have done to any other thread of its kind.
 */

#include "proto/time.h"

struct gaps;

/* realtime: like the watchdog's thread; else, and where that is not permitted, like any. */
struct gaps *gaps_start(bool realtime);

/* The worst so far, and from now on anew. */
cf_span gaps_take(struct gaps *gaps);

struct gaps *gaps_stop(struct gaps *gaps);
