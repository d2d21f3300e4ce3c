/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The drop-in of libvirt's service that `clockferry kvm on` writes, read again: which library
 * libvirt hands on to every QEMU it starts.  Others may have edited it.
 */

#define DROP_IN_LIBRARY_ROOM 256	/* of its path, with the 0 at its end */

/* "" when there is no such file, or it names none; of several the last; at most so much of it as there is room for. */
void drop_in_read(const char *path, char ret[static DROP_IN_LIBRARY_ROOM]);
