/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Can the migration be carried out as it is wished?  What libvirt and QEMU would
 * refuse halfway, or do without a word, is said before anything has begun.
 */

#include "policy/gate-inside.h"
#include "policy/words.h"
#include "proto/base.h"
#include "proto/options.h"

/* As libvirt counts: major * 1000000 + minor * 1000 + release. */
#define LIBVIRT_MULTIFD_COMPRESSION 9004000	/* it knows zlib and zstd since */
#define EMULATOR_WITHOUT_MT         9001000	/* QEMU has dropped `mt` there */

/* The first "a.b.c" in a text such as "QEMU 7.2.22"; 0 when there is none. */
static int64_t version(const char *text)
{
	int64_t parts[3] = { 0 };
	size_t n = 0;

	while (*text && (*text < '0' || *text > '9'))
		text++;
	for (; n < CF_COUNT(parts) && *text >= '0' && *text <= '9'; n++) {
		for (; *text >= '0' && *text <= '9' && parts[n] < 1000; text++)
			parts[n] = parts[n] * 10 + (*text - '0');
		text += *text == '.';
	}
	return parts[0] * 1000000 + parts[1] * 1000 + parts[2];
}

static bool of_parallel(enum cf_compression compression)
{
	return compression == CF_COMPRESSION_ZLIB || compression == CF_COMPRESSION_ZSTD;
}

static bool of_one(enum cf_compression compression)
{
	return compression == CF_COMPRESSION_XBZRLE || compression == CF_COMPRESSION_MT;
}

static bool copies(enum cf_storage storage)
{
	return storage == CF_STORAGE_COPY || storage == CF_STORAGE_COPY_INCREMENTAL;
}

static void alone(const struct cf_judge *judge, const struct cf_options *o, const char *domain)
{
	const struct {
		bool is;
		const char *why;
	} rules[] = {
		{ o->compression == CF_COMPRESSION_UNKNOWN, "this version does not know the compression" },
		{ o->storage == CF_STORAGE_UNKNOWN, "this version does not know what is to happen to the disks" },
		{ o->parallel > 0 && o->post_copy, "QEMU has no post-copy over parallel connections" },
		{ o->parallel > 0 && of_one(o->compression),
		  "parallel connections are compressed with zlib or zstd, or not at all" },
		{ o->parallel == 0 && of_parallel(o->compression),
		  "zlib and zstd compress parallel connections and nothing else" },
		{ o->auto_converge_initial_percent > 0 && !o->auto_converge,
		  "auto-converge-initial means nothing without auto-converge" },
		{ o->auto_converge_increment_percent > 0 && !o->auto_converge,
		  "auto-converge-increment means nothing without auto-converge" },
		{ *o->tls_name && !o->tls, "tls-name means nothing without tls" },
		{ o->n_disks > 0 && !copies(o->storage), "disks are named, and storage is not to be copied" },
	};

	for (size_t i = 0; i < CF_COUNT(rules); i++)
		if (rules[i].is)
			cf_judge_say(judge, CF_FINDING_OPTIONS_UNUSABLE, domain, rules[i].why);
}

static void on_host(const struct cf_judge *judge, const struct cf_options *o, const char *name,
		    const struct cf_software *software)
{
	int64_t libvirt = version(software->libvirt), emulator = version(software->emulator);

	if (of_parallel(o->compression) && libvirt > 0 && libvirt < LIBVIRT_MULTIFD_COMPRESSION)
		cf_judge_say(judge, CF_FINDING_OPTIONS_UNUSABLE, name,
			     "its libvirt knows neither zlib nor zstd: they came with 9.4.0");
	if (o->compression == CF_COMPRESSION_MT && emulator >= EMULATOR_WITHOUT_MT)
		cf_judge_say(judge, CF_FINDING_OPTIONS_UNUSABLE, name,
			     "its QEMU no longer knows the compression mt: it went with 9.1");
}

static bool is_named(const struct cf_options *o, const char *target)
{
	for (size_t i = 0; i < o->n_disks; i++)
		if (strcmp(o->disks[i], target) == 0)
			return true;

	return false;
}

static bool is_disk(const struct cf_domain_evidence *domain, const char *target)
{
	for (size_t i = 0; i < domain->n_disks; i++)
		if (strcmp(domain->disks[i].target, target) == 0)
			return true;

	return false;
}

static void about_disk(const struct cf_judge *judge, const char *domain, const char *before, const char *target,
		       const char *after)
{
	char text[CF_DETAIL_ROOM];

	words_set(text, sizeof(text), before);
	words_add(text, sizeof(text), target);
	words_add(text, sizeof(text), after);
	cf_judge_say(judge, CF_FINDING_OPTIONS_UNUSABLE, domain, text);
}

/* libvirt copies what it is not told, but for what is empty, read only or shared: nothing of that is unsafe. */
static void with_disks(const struct cf_judge *judge, const struct cf_options *o, const struct cf_domain_evidence *domain)
{
	bool copied = copies(o->storage);

	for (size_t i = 0; copied && i < o->n_disks; i++)
		if (!is_disk(domain, o->disks[i]))
			about_disk(judge, domain->domain, "it has no disk '", o->disks[i], "'");
	for (size_t i = 0; !o->unsafe && i < domain->n_disks; i++)
		if (domain->disks[i].unsafe && !(copied && (o->n_disks == 0 || is_named(o, domain->disks[i].target))))
			about_disk(judge, domain->domain, "its disk '", domain->disks[i].target,
				   "' would be shared with a cache mode that is neither none nor directsync");
}

void cf_judge_options(const struct cf_judge *judge, const struct cf_domain_evidence *domain)
{
	const struct cf_options *options = domain->options;

	if (!options)
		return;
	if (options->post_copy)
		cf_judge_say(judge, CF_FINDING_POST_COPY, domain->domain, "");
	if (*domain->xml_fault)
		cf_judge_say(judge, CF_FINDING_OPTIONS_UNUSABLE, domain->domain, domain->xml_fault);
	alone(judge, options, domain->domain);
	if (domain->has_disks)
		with_disks(judge, options, domain);
	on_host(judge, options, judge->hosts[0].name, &judge->pair->source_software);
	on_host(judge, options, judge->hosts[1].name, &judge->pair->destination_software);
}
