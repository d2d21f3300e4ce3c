/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a peer may not make this host start: libvirt runs as root, and starts
 * whatever stands in a domain's XML.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/virt/incoming-check.h"
#include "daemon/virt/passthrough.h"
#include "daemon/virt/private.h"
#include "daemon/virt/task.h"
#include "daemon/virt/xml.h"
#include "proto/wipe.h"

static bool text_is(struct xml element, const char *text, bool by_case)
{
	char value[CF_NAME_ROOM];

	return xml_text(element, value, sizeof(value)) && (by_case ? strcmp : strcasecmp)(value, text) == 0;
}

/* Of several libvirt takes the first, wherever that stands: there is to be one at most, and it is what is looked at. */
static bool has_two(struct xml element, const char *name)
{
	return xml_next(element, name).node;
}

static int check_domain(struct xml domain, const struct incoming_claim *claim, char *emulator, size_t size,
			struct cf_error *err)
{
	struct xml uuid = xml_child(domain, "uuid"), name = xml_child(domain, "name");
	struct xml devices = xml_child(domain, "devices"), named = xml_child(devices, "emulator");
	struct cf_passthrough passthrough;

	if (has_two(uuid, "uuid") || has_two(name, "name") || has_two(devices, "devices") || has_two(named, "emulator"))
		return cf_fail(err, EINVAL, CF_PEER, "domain XML: it has twice what is to be there once");
	if (!text_is(uuid, claim->uuid, false) || !text_is(name, claim->name, true))
		return cf_fail(err, EINVAL, CF_PEER, "domain XML: it is that of another domain");
	passthrough_read(domain, &passthrough);
	if (!claim->allow_passthrough && !passthrough_is_harmless(&passthrough))
		return cf_fail(err, EINVAL, CF_PEER, "domain XML: it has arguments for QEMU's command line");
	if (named.node && !xml_text(named, emulator, size))
		return cf_fail(err, EINVAL, CF_PEER, "domain XML: no path of an emulator");
	if (!named.node)
		*emulator = '\0';
	return 0;
}

int incoming_check_xml(const char *xml, const struct incoming_claim *claim, char *emulator, size_t size,
		       struct cf_error *err)
{
	CF_AUTO(xml_free) struct xml_document *document = NULL;

	if (!xml || xml_parse(xml, "domain XML", &document, err) < 0)
		return cf_fail(err, EINVAL, CF_PEER, "the offer has no domain XML");
	return check_domain(xml_root(document, "domain"), claim, emulator, size, err);
}

/* <qemu-migration> ... <domain>, qemu_migration_cookie.c in libvirt up to 11.3. */
int incoming_check_cookie(const void *cookie, size_t cookie_size, const struct incoming_claim *claim, char *emulator,
			  size_t size, struct cf_error *err)
{
	CF_AUTO(xml_free) struct xml_document *document = NULL;
	struct xml domain = { 0 };
	char *text;
	int r;

	*emulator = '\0';
	if (cookie_size == 0)
		return 0;
	text = calloc(1, cookie_size + 1);
	if (!text)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	memcpy(text, cookie, cookie_size);
	r = xml_parse(text, "cookie", &document, NULL);
	cf_wipe(text, cookie_size);
	if (r < 0)
		return cf_fail(err, EINVAL, CF_PEER, "cookie: not well-formed");

	domain = xml_child(xml_root(document, NULL), "domain");
	if (has_two(domain, "domain"))
		return cf_fail(err, EINVAL, CF_PEER, "cookie: it has two domains");
	return domain.node ? check_domain(domain, claim, emulator, size, err) : 0;
}

/* An <arch> and each <domain> in it may name one. */
static bool arch_has(struct xml arch, const char *emulator)
{
	struct xml domain;

	if (text_is(xml_child(arch, "emulator"), emulator, true))
		return true;
	for (domain = xml_child(arch, "domain"); domain.node; domain = xml_next(domain, "domain"))
		if (text_is(xml_child(domain, "emulator"), emulator, true))
			return true;
	return false;
}

int incoming_check_emulator(const char *capabilities, const char *emulator, struct cf_error *err)
{
	CF_AUTO(xml_free) struct xml_document *document = NULL;
	struct xml guest;
	int r;

	r = xml_parse(capabilities, "capabilities", &document, err);
	if (r < 0)
		return r;
	guest = xml_child(xml_root(document, "capabilities"), "guest");
	for (; guest.node; guest = xml_next(guest, "guest"))
		if (arch_has(xml_child(guest, "arch"), emulator))
			return 0;
	return cf_fail(err, EINVAL, CF_PEER, "domain XML: this host's libvirt does not know its emulator");
}

/* Capabilities take libvirtd a moment, and may take it for ever. */
struct ask {
	struct task task;
	virConnectPtr connection;
	char emulator[INCOMING_EMULATOR_ROOM];
};

static int ask_run(struct task *task, struct cf_error *err)
{
	struct ask *ask = (struct ask *)task;
	CF_AUTO(cf_free) char *text = virConnectGetCapabilities(ask->connection);

	return text ? incoming_check_emulator(text, ask->emulator, err) : virt_fail(err, "capabilities");
}

static void ask_clear(struct task *task)
{
	virConnectClose(((struct ask *)task)->connection);
}

int virt_knows_emulator(virConnectPtr connection, const char *emulator, cf_mono deadline, struct cf_error *err)
{
	CF_AUTO(task_drop) struct task *task = NULL;
	struct ask *ask;

	if (!*emulator)
		return 0;
	task = task_new(sizeof(struct ask), ask_run, ask_clear);
	if (!task)
		return cf_fail(err, ENOMEM, CF_HOST, "out of memory");
	ask = (struct ask *)task;
	ask->connection = connection;
	virConnectRef(connection);
	snprintf(ask->emulator, sizeof(ask->emulator), "%s", emulator);
	return task_by(task, NULL, NULL, deadline, err);
}
