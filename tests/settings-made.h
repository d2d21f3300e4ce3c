/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Settings from text, for tests of them: a file in a folder of the test's own, which it is in. */

#include "daemon/settings.h"

#define BAD_SPAN "not a duration: write a number and ns, us, ms, s, min, h or d, as in \"25 ms\""

extern const char settings_made_path[];

/* srcdir and builddir of the environment hold from there too. */
void settings_made_begin(void);
void settings_made_end(void);

int settings_made_try(const char *text, struct settings **ret, struct cf_error *err);

/* The same where that cannot fail. */
struct settings *settings_made(const char *text);
