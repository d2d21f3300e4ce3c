/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the two ends of tests/phases-check say to each other, over a socket of this machine:
 * the offer and its answer, the commit with its cookie and what came of it.
 */

#include "daemon/virt/drive.h"

enum talk { TALK_OFFER, TALK_ANSWER, TALK_NO, TALK_COMMIT, TALK_CLOSE, TALK_END };

struct talk_message {
	enum talk kind;
	int result;			/* TALK_NO, TALK_END */
	bool runs, persistent, paused;
	char uuid[CF_UUID_ROOM];
	char name[CF_NAME_ROOM];
	char uri[DRIVE_URI_ROOM];
	struct cf_options options;
	size_t xml_size, cookie_size;	/* both follow */
};

/* A connection at that path: the first that comes, after "ready=1" was printed; or one to who waits there.  -1: none. */
int talk_wait(const char *path);
int talk_to(const char *path);

/* false: the other end is gone. */
bool talk_say(int fd, struct talk_message *message, const char *xml, const void *cookie, size_t cookie_size);

/* The same; xml and cookie, which end with a 0 beyond their size, are the caller's. */
bool talk_hear(int fd, struct talk_message *message, char **xml, void **cookie);
