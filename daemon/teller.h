/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Has libvirt's hook told of the settings, on a thread: what it knows has to be on the disk
 * before it counts, and the loop waits for no disk.
 */

struct loop;
struct settings;
struct telling;

struct teller {
	struct loop *loop;
	const char *path;		/* GUARD_FILE; a test brings its own */
	struct telling *telling;	/* what it is being told; or NULL */
	struct settings *next;		/* to be told after that; or NULL */
};

/* Tell it of these, which are held meanwhile; the last ones are what it knows in the end.  On the loop's thread. */
void teller_tell(struct teller *teller, struct settings *settings);

/* After the loop, and all threads, have ended. */
void teller_clear(struct teller *teller);
