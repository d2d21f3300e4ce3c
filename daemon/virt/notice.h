/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Telling a guest something, by a file or a program in it, through its guest agent.
 *
 * libvirt has no call of its own for that: it passes our commands on, and calls the
 * domain tainted from then on (custom-ga-command).
 */

#include "daemon/virt/connect.h"

/*
 * The text, with a newline, as the whole content of the file.  Who reads it while it is
 * written may find it empty, or without its newline.
 */
int notice_file(struct virt_link *link, const char *uuid, const char *path, const char *text, cf_mono deadline,
		struct cf_error *err);

/* Run the program with the text as its only argument; that it was started is all that is known. */
int notice_exec(struct virt_link *link, const char *uuid, const char *path, const char *text, cf_mono deadline,
		struct cf_error *err);

/* Inside: the commands, to be freed by the caller, NULL without memory; and what one returned, -1 for nothing. */
char *notice_open_command(const char *path, const char *mode);
char *notice_write_command(int64_t handle, const char *text);
char *notice_read_command(int64_t handle, int64_t bytes);
char *notice_close_command(int64_t handle);
char *notice_exec_command(const char *path, const char *text);
int64_t notice_returned(const char *reply);
