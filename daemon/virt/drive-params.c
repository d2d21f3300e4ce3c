/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a guest is to be carried, in libvirt's words. */

#include <errno.h>
#include <string.h>

#include "daemon/virt/drive.h"
#include "daemon/virt/private.h"

/* Params that grow, until one of them fails. */
struct params {
	virTypedParameterPtr list;
	int n, room;
	bool failed;
};

static void add_text(struct params *p, const char *name, const char *value)
{
	if (value && *value && virTypedParamsAddString(&p->list, &p->n, &p->room, name, value) < 0)
		p->failed = true;
}

static void add_int(struct params *p, const char *name, int64_t value)
{
	if (value > 0 && virTypedParamsAddInt(&p->list, &p->n, &p->room, name, (int)value) < 0)
		p->failed = true;
}

static void add_large(struct params *p, const char *name, int64_t value)
{
	if (value > 0 && virTypedParamsAddULLong(&p->list, &p->n, &p->room, name, (unsigned long long)value) < 0)
		p->failed = true;
}

static void add_compression(struct params *p, enum cf_compression compression)
{
	if (compression > CF_COMPRESSION_NONE)
		add_text(p, VIR_MIGRATE_PARAM_COMPRESSION, cf_compression_words[compression]);
}

static void add_options(struct params *p, const struct cf_options *o)
{
	add_large(p, VIR_MIGRATE_PARAM_BANDWIDTH, o->bandwidth_mib_per_second);
	if (o->post_copy)
		add_large(p, VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, o->bandwidth_mib_per_second);
	add_int(p, VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, o->parallel);
	add_int(p, VIR_MIGRATE_PARAM_AUTO_CONVERGE_INITIAL, o->auto_converge_initial_percent);
	add_int(p, VIR_MIGRATE_PARAM_AUTO_CONVERGE_INCREMENT, o->auto_converge_increment_percent);
	add_compression(p, o->compression);
	add_text(p, VIR_MIGRATE_PARAM_TLS_DESTINATION, o->tls_name);
	for (size_t i = 0; i < o->n_disks; i++)
		add_text(p, VIR_MIGRATE_PARAM_MIGRATE_DISKS, o->disks[i]);
}

static int give(struct params *p, virTypedParameterPtr *ret, int *n, struct cf_error *err)
{
	if (p->failed) {
		virTypedParamsFree(p->list, p->n);
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	}

	*ret = p->list;
	*n = p->n;
	return 0;
}

int virt_migrate_params(const struct drive_options *drive, const char *migrate_uri, virTypedParameterPtr *ret,
			int *n, struct cf_error *err)
{
	struct params p = { 0 };

	add_text(&p, VIR_MIGRATE_PARAM_URI, migrate_uri);
	add_text(&p, VIR_MIGRATE_PARAM_DEST_XML, drive->xml);
	add_text(&p, VIR_MIGRATE_PARAM_PERSIST_XML, drive->persistent_xml ? drive->persistent_xml : drive->xml);
	add_options(&p, &drive->options);
	return give(&p, ret, n, err);
}

int virt_incoming_params(const struct drive_offer *offer, const char *migrate_uri, const char *listen,
			 virTypedParameterPtr *ret, int *n, struct cf_error *err)
{
	struct params p = { 0 };

	add_text(&p, VIR_MIGRATE_PARAM_URI, migrate_uri);
	add_text(&p, VIR_MIGRATE_PARAM_LISTEN_ADDRESS, listen);
	add_text(&p, VIR_MIGRATE_PARAM_DEST_XML, offer->xml);
	add_text(&p, VIR_MIGRATE_PARAM_DEST_NAME, offer->name);
	add_options(&p, &offer->options);
	return give(&p, ret, n, err);
}

unsigned int virt_migrate_flags(const struct cf_options *o, bool persistent)
{
	unsigned int flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_ABORT_ON_ERROR;

	/* A transient domain stays transient. */
	if (persistent)
		flags |= VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE;
	if (o->tls)
		flags |= VIR_MIGRATE_TLS;
	if (o->parallel > 0)
		flags |= VIR_MIGRATE_PARALLEL;
	if (o->auto_converge)
		flags |= VIR_MIGRATE_AUTO_CONVERGE;
	if (o->compression > CF_COMPRESSION_NONE)
		flags |= VIR_MIGRATE_COMPRESSED;
	if (o->storage == CF_STORAGE_COPY)
		flags |= VIR_MIGRATE_NON_SHARED_DISK;
	if (o->storage == CF_STORAGE_COPY_INCREMENTAL)
		flags |= VIR_MIGRATE_NON_SHARED_INC;
	if (o->unsafe)
		flags |= VIR_MIGRATE_UNSAFE;
	if (o->post_copy)
		flags |= VIR_MIGRATE_POSTCOPY;
	return flags;
}
