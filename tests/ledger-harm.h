/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is done to a ledger's file from outside, and what is there of it afterwards. */

#include <sys/types.h>

#include "tests/ledger-made.h"

#define PATIENCE ((cf_span){ 30 * CF_S })
#define ROWS     60

extern struct ledger_made made;
extern struct cf_error err;	/* of the last write, for one */
extern struct ledger_state state;

int write_one(int n);

/* A closed ledger with so many rows. */
void fill(int rows);

/* How many of these rows can be read, and are whole. */
int readable(int from, int to);

/* By the next agent: state is what that one is told. */
void reopen(void);

/* Garbage in its place; 8192 bytes of it at most. */
void scribble(const char *path, off_t at, size_t n);

/* -1: there is no such file. */
off_t size_of(const char *path);

/* How many files were set aside, the name of the last. */
size_t aside(char name[static PATH_MAX]);

/* The shell's, in the ledger's folder. */
void command(const char *what);
