/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How a guest's memory and disks are carried: what libvirt and QEMU can be told of
 * one migration.  In a request, what is there takes the place of this host's setting
 * of that name; in a receipt everything is there, as it was used.
 *
 * Pure.
 */

#include "proto/field.h"
#include "proto/version.h"

#define CF_DISKS_MAX 32
#define CF_DISK_ROOM 32

enum cf_compression {
	CF_COMPRESSION_UNKNOWN,
	CF_COMPRESSION_NONE,
	CF_COMPRESSION_XBZRLE,		/* what changed of a page that was sent before */
	CF_COMPRESSION_MT,		/* every page, by threads; gone from QEMU 9.1 */
	CF_COMPRESSION_ZLIB,		/* of parallel connections */
	CF_COMPRESSION_ZSTD,
	CF_N_COMPRESSIONS,
};

/* Who says when the guest runs at the destination. */
enum cf_driver {
	CF_DRIVER_UNKNOWN,
	CF_DRIVER_AUTO,			/* we do where both hosts can, else libvirt alone */
	CF_DRIVER_LIBVIRT,
	CF_N_DRIVERS,
};

enum cf_storage {
	CF_STORAGE_UNKNOWN,
	CF_STORAGE_SHARED,		/* both hosts see the same disks */
	CF_STORAGE_COPY,		/* whole disks are copied */
	CF_STORAGE_COPY_INCREMENTAL,	/* what lies above a backing file that the destination has */
	CF_N_STORAGES,
};

/* A disk of a domain, as far as it matters for what is to happen to it. */
struct cf_disk {
	char target[CF_DISK_ROOM];
	bool unsafe;			/* certain: not to be used from two hosts, by its cache mode */
};

struct cf_options {
	bool has_tls;
	bool tls;			/* of QEMU's own connections */
	bool has_tls_name;
	char tls_name[CF_HOST_ROOM];	/* whom their certificate names; "": the host that QEMU calls */
	bool has_parallel;
	int64_t parallel;		/* connections for the memory; 0: one, in the old way */
	bool has_bandwidth_mib_per_second;
	int64_t bandwidth_mib_per_second;	/* 0: no limit */
	bool has_auto_converge;
	bool auto_converge;		/* slow the guest down when it writes faster than can be copied */
	bool has_auto_converge_initial_percent;
	int64_t auto_converge_initial_percent;	/* at first; 0: as QEMU has it */
	bool has_auto_converge_increment_percent;
	int64_t auto_converge_increment_percent;	/* more each time; 0: as QEMU has it */
	bool has_compression;
	enum cf_compression compression;
	bool has_storage;
	enum cf_storage storage;
	size_t n_disks;			/* to be copied, by target ("vda"); none: all that libvirt would */
	char disks[CF_DISKS_MAX][CF_DISK_ROOM];
	bool has_unsafe;
	bool unsafe;			/* libvirt need not see that shared disks are safe to share */
	bool has_post_copy;
	bool post_copy;			/* let the guest run there before its memory is */
};

extern const char *const cf_compression_words[CF_N_COMPRESSIONS];
extern const char *const cf_driver_words[CF_N_DRIVERS];
extern const char *const cf_storage_words[CF_N_STORAGES];
extern const struct cf_shape cf_options_shape;

/* What is used: everything is there in *ret, what is there in wish as wish has it.  wish may be NULL. */
void cf_options_take(const struct cf_options *settings, const struct cf_options *wish, struct cf_options *ret);
