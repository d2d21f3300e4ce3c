/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The whole API as a text, for whoever writes a client: each route with who may use
 * it, the limit of its body, and the shapes of query, request and reply.
 */

/* To be freed by the caller; NULL when out of memory.  Pure, any thread. */
char *cf_api(void);
