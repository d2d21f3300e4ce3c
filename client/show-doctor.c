/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "client/say.h"
#include "client/show.h"

#define REMEDY_AT 20	/* columns before a sentence: "  ok      libvirt   " */

static size_t count(const struct cf_vitals *vitals, enum cf_vital_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < vitals->n_list; i++)
		n += vitals->list[i].state == state;
	return n;
}

static void show_head(FILE *to, const struct cf_vitals *v)
{
	size_t fail = count(v, CF_VITAL_FAIL), warn = count(v, CF_VITAL_WARN);

	if (fail > 0)
		say(to, "%s: %zu of %zu %s, %zu to look at", v->host, fail, v->n_list, fail == 1 ? "fails" : "fail", warn);
	else if (warn > 0)
		say(to, "%s: nothing fails, %zu of %zu to look at", v->host, warn, v->n_list);
	else if (v->n_list == 1)
		say(to, "%s: all is well", v->host);
	else
		say(to, "%s: all %zu are well", v->host, v->n_list);
}

static void show_vital(FILE *to, const struct cf_vital *v)
{
	say_hanging(to, REMEDY_AT, "  %-7s %-9s %s%s%s%s%s%s", cf_vital_state_words[v->state], v->area, v->subject,
		    *v->subject ? ": " : "", v->text, *v->detail ? " (" : "", v->detail, *v->detail ? ")" : "");
	if (*v->remedy)
		say_hanging(to, REMEDY_AT, "%*s%s", REMEDY_AT, "", v->remedy);
}

void show_vitals(FILE *to, const struct cf_vitals *v)
{
	show_head(to, v);
	for (size_t i = 0; i < v->n_list; i++)
		show_vital(to, &v->list[i]);
}
