/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints both tables for the manual: phase-dot | dot -Tsvg */
#include <stdio.h>

#include "policy/phase.h"

int main(void)
{
	puts("digraph migration {");
	for (int side = CF_SOURCE; side <= CF_DESTINATION; side++) {
		printf("\tsubgraph cluster_%d { label=\"%s\"\n", side, cf_side_words[side]);
		for (int from = 1; from < CF_N_PHASES; from++)
			for (int on = 0; on < CF_N_EVENTS; on++) {
				const struct cf_edge *e = cf_phase_next(side, from, on);

				if (!e)
					continue;
				printf("\t\t\"%d %s\" -> \"%d %s\" ", side, cf_phase_words[from], side,
				       cf_phase_words[e->to]);
				printf("[label=\"%s / %s\"]\n", cf_event_name(on), cf_act_name(e->act));
			}
		puts("\t}");
	}
	puts("}");

	return 0;
}
