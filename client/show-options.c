/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <inttypes.h>

#include "client/say.h"
#include "client/show-receipt.h"

static void show_storage(struct say_parts *parts, const struct cf_options *o)
{
	if (o->storage != CF_STORAGE_COPY && o->storage != CF_STORAGE_COPY_INCREMENTAL)
		return;
	say_part(parts, "disks copied%s%s%s",
		 o->storage == CF_STORAGE_COPY_INCREMENTAL ? " above their backing files" : "",
		 o->n_disks ? ": " : "", o->n_disks ? o->disks[0] : "");
	for (size_t i = 1; i < o->n_disks; i++)
		say_part(parts, "%s", o->disks[i]);
}

void show_options(FILE *to, const struct cf_receipt *r)
{
	struct say_parts parts = { .to = to, .label = "carried" };
	const struct cf_options *o = &r->options;

	if (!r->has_options)
		return;
	if (o->tls)
		say_part(&parts, "encrypted%s%s", *o->tls_name ? " for " : "", o->tls_name);
	if (o->parallel > 0)
		say_part(&parts, "by %" PRId64 " connections", o->parallel);
	if (o->bandwidth_mib_per_second > 0)
		say_part(&parts, "at most %" PRId64 " MiB/s", o->bandwidth_mib_per_second);
	if (o->auto_converge)
		say_part(&parts, "auto-converge");
	if (o->compression > CF_COMPRESSION_NONE)
		say_part(&parts, "compressed by %s", cf_compression_words[o->compression]);
	if (o->unsafe)
		say_part(&parts, "whether disks are safe to share not looked at");
	if (o->post_copy)
		say_part(&parts, "post-copy");
	show_storage(&parts, o);
	say_parts_end(&parts, "as libvirt does by itself");
}
