/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/virt/passthrough.h"

#include <stdio.h>
#include <string.h>

#define QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"

static const char between[] = " :";	/* paths in LD_PRELOAD */

static bool is_library(const char *path, size_t size)
{
	const size_t n = strlen(KVM_LIBRARY);

	return size >= n && strncmp(path + size - n, KVM_LIBRARY, n) == 0 && (size == n || path[size - n - 1] == '/');
}

bool preload_read(const char *value, char library[static CF_LIBRARY_ROOM])
{
	bool more = false;

	*library = '\0';
	for (value += strspn(value, between); *value; value += strspn(value, between)) {
		size_t size = strcspn(value, between);

		if (is_library(value, size) && size < CF_LIBRARY_ROOM && !*library)
			snprintf(library, CF_LIBRARY_ROOM, "%.*s", (int)size, value);
		else
			more = true;
		value += size;
	}
	return more;
}

static struct xml first_of_qemu(struct xml parent, const char *name)
{
	return xml_child_in(parent, QEMU_NAMESPACE, name);
}

static struct xml next_of_qemu(struct xml element, const char *name)
{
	return xml_next_in(element, QEMU_NAMESPACE, name);
}

/* Of several of one name libvirt takes the last; and that in place of what it would hand on. */
static void read_environment(struct xml variable, struct cf_passthrough *ret)
{
	char value[1024];

	if (!xml_attribute_is(variable, "name", "LD_PRELOAD")) {
		ret->more = true;
		return;
	}
	if (!xml_attribute(variable, "value", value, sizeof(value)) || ret->preloads)
		ret->more = true;
	if (preload_read(value, ret->library))
		ret->more = true;
	ret->preloads = true;
}

void passthrough_read(struct xml domain, struct cf_passthrough *ret)
{
	struct xml commandline = first_of_qemu(domain, "commandline");

	*ret = (struct cf_passthrough){ .more = first_of_qemu(domain, "override").node };
	for (; commandline.node; commandline = next_of_qemu(commandline, "commandline")) {
		struct xml variable = first_of_qemu(commandline, "env");

		for (; variable.node; variable = next_of_qemu(variable, "env"))
			read_environment(variable, ret);
		if (first_of_qemu(commandline, "arg").node)
			ret->more = true;
	}
}

/* "vmclock,id=x", "id=x,driver=vmclock" or JSON, as QEMU takes it. */
static bool is_device(const char *value, const char *model)
{
	static const char driver[] = "driver=";
	const size_t n = strlen(model), key = strlen(driver);
	char quoted[64];

	snprintf(quoted, sizeof(quoted), "\"%s\"", model);
	if (*value == '{')
		return strstr(value, quoted);
	for (const char *at = value; *at; at += strspn(at, ",")) {
		size_t size = strcspn(at, ",");

		if (size == n && at == value && strncmp(at, model, n) == 0)
			return true;
		if (size == key + n && strncmp(at, driver, key) == 0 && strncmp(at + key, model, n) == 0)
			return true;
		at += size;
	}
	return false;
}

bool passthrough_has_device(struct xml domain, const char *model)
{
	struct xml commandline = first_of_qemu(domain, "commandline");
	char value[1024];
	bool device = false;

	for (; commandline.node; commandline = next_of_qemu(commandline, "commandline")) {
		struct xml argument = first_of_qemu(commandline, "arg");

		for (; argument.node; argument = next_of_qemu(argument, "arg")) {
			xml_attribute(argument, "value", value, sizeof(value));
			if (device && is_device(value, model))
				return true;
			device = strcmp(value, "-device") == 0 || strcmp(value, "--device") == 0;
		}
	}
	return false;
}

bool passthrough_is_any(const struct cf_passthrough *passthrough)
{
	return passthrough->preloads || passthrough->more;
}

bool passthrough_is_harmless(const struct cf_passthrough *passthrough)
{
	return !passthrough->more &&
	       (!passthrough->preloads || strcmp(passthrough->library, PKGLIBDIR "/" KVM_LIBRARY) == 0);
}

bool passthrough_is_sound(const struct cf_passthrough *passthrough)
{
	const char *library = passthrough->library;

	return !*library || (is_library(library, strlen(library)) && !strpbrk(library, between));
}
