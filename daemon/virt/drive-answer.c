/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "daemon/virt/drive.h"
#include "daemon/virt/xml.h"
#include "proto/wipe.h"

#define PORT_MAX 65535

void drive_answer_clear(struct drive_answer *answer)
{
	cf_wipe(answer->cookie, answer->cookie_size);
	*answer = (struct drive_answer){ 0 };
}

/* <qemu-migration> ... <nbd port='49153'/>, qemu_migration_cookie.c in libvirt 1.0.3 to 11.3. */
bool drive_answer_storage_port(const struct drive_answer *answer, int64_t *ret)
{
	CF_AUTO(xml_free) struct xml_document *document = NULL;
	char *text = calloc(1, answer->cookie_size + 1);
	int64_t port = 0;

	if (!text)
		return false;
	if (answer->cookie_size)
		memcpy(text, answer->cookie, answer->cookie_size);
	if (xml_parse(text, "cookie", &document, NULL) == 0)
		xml_attribute_int(xml_child(xml_root(document, "qemu-migration"), "nbd"), "port", &port);
	cf_wipe(text, answer->cookie_size);
	if (port < 1 || port > PORT_MAX)
		return false;
	*ret = port;
	return true;
}
