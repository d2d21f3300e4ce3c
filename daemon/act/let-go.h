/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Source, with a gate: the guest runs at the destination.  What is left of it here goes, once, with libvirt's
 * Confirm while that job lives, else by hand; its images are the other host's now.
 */

#include "daemon/act/work.h"

void let_go_of_source(struct work *work);
