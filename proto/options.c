/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "proto/options.h"

#include <string.h>

const char *const cf_compression_words[CF_N_COMPRESSIONS] = {
	[CF_COMPRESSION_UNKNOWN] = "unknown",
	[CF_COMPRESSION_NONE]    = "none",
	[CF_COMPRESSION_XBZRLE]  = "xbzrle",
	[CF_COMPRESSION_MT]      = "mt",
	[CF_COMPRESSION_ZLIB]    = "zlib",
	[CF_COMPRESSION_ZSTD]    = "zstd",
};

const char *const cf_driver_words[CF_N_DRIVERS] = {
	[CF_DRIVER_UNKNOWN] = "unknown",
	[CF_DRIVER_AUTO]    = "auto",
	[CF_DRIVER_LIBVIRT] = "libvirt",
};

const char *const cf_storage_words[CF_N_STORAGES] = {
	[CF_STORAGE_UNKNOWN]          = "unknown",
	[CF_STORAGE_SHARED]           = "shared",
	[CF_STORAGE_COPY]             = "copy",
	[CF_STORAGE_COPY_INCREMENTAL] = "copy-incremental",
};

#define T struct cf_options
static const struct cf_field options_fields[] = {
	CF_BOOL(T, tls, CF_MAYBE(T, has_tls)),
	CF_TEXT(T, tls_name, CF_MAYBE(T, has_tls_name)),
	CF_INT(T, parallel, 0, 255, CF_MAYBE(T, has_parallel)),
	CF_INT(T, bandwidth_mib_per_second, 0, 1 << 20, CF_MAYBE(T, has_bandwidth_mib_per_second)),
	CF_BOOL(T, auto_converge, CF_MAYBE(T, has_auto_converge)),
	CF_INT(T, auto_converge_initial_percent, 0, 99, CF_MAYBE(T, has_auto_converge_initial_percent)),
	CF_INT(T, auto_converge_increment_percent, 0, 99, CF_MAYBE(T, has_auto_converge_increment_percent)),
	CF_ENUM(T, compression, cf_compression_words, CF_N_COMPRESSIONS, CF_MAYBE(T, has_compression)),
	CF_ENUM(T, storage, cf_storage_words, CF_N_STORAGES, CF_MAYBE(T, has_storage)),
	CF_LIST(T, disks, NULL),
	CF_BOOL(T, unsafe, CF_MAYBE(T, has_unsafe)),
	CF_BOOL(T, post_copy, CF_MAYBE(T, has_post_copy)),
};
#undef T
const struct cf_shape cf_options_shape = CF_SHAPE(cf_options, options_fields);

static bool *presence(const struct cf_field *field, struct cf_options *options)
{
	return (bool *)((char *)options + field->present);
}

static void take(const struct cf_field *field, const struct cf_options *from, struct cf_options *to)
{
	size_t size = field->kind == CF_KIND_LIST ? field->size * (size_t)field->max : field->size;

	memcpy((char *)to + field->offset, (const char *)from + field->offset, size);
	if (field->kind == CF_KIND_LIST)
		memcpy((char *)to + field->count, (const char *)from + field->count, sizeof(size_t));
}

static bool is_there(const struct cf_field *field, const struct cf_options *options)
{
	const char *base = (const char *)options;

	return field->kind == CF_KIND_LIST ? *(const size_t *)(base + field->count)
					   : *(const bool *)(base + field->present);
}

void cf_options_take(const struct cf_options *settings, const struct cf_options *wish, struct cf_options *ret)
{
	*ret = *settings;
	for (size_t i = 0; i < cf_options_shape.n_fields; i++) {
		const struct cf_field *field = &cf_options_shape.fields[i];

		if (wish && is_there(field, wish))
			take(field, wish, ret);
		if (field->optional)
			*presence(field, ret) = true;
	}
}
