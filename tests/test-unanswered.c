/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Questions that libvirt does not answer: nothing is made of that which
 * only an answer can tell.  Over its test driver, in front of which stand a few calls of this file's.
 */

#include <dlfcn.h>
#include <errno.h>
#include <libvirt/libvirt.h>
#include <string.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/leftover.h"
#include "daemon/virt/private.h"
#include "tests/tap.h"

#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"	/* of the domain "test" there */
#define PATIENCE ((cf_span){ 60 * CF_S })

static struct virt *virt;
static struct cf_error err;

static const char *unanswered = "";	/* as where libvirt's daemon goes away in the middle of that question */

static int ask(const char *question, virDomainPtr domain)
{
	int (*really)(virDomainPtr) = NULL;
	void *symbol = dlsym(RTLD_NEXT, question);

	memcpy(&really, &symbol, sizeof(symbol));
	return strcmp(question, unanswered) == 0 ? -1 : really(domain);
}

int virDomainIsActive(virDomainPtr domain)
{
	return ask(__func__, domain);
}

int virDomainIsPersistent(virDomainPtr domain)
{
	return ask(__func__, domain);
}

static cf_mono soon(void)
{
	return cf_mono_add(kernel_raw(), PATIENCE);
}

static void test_unanswered(void)
{
	static const char *const questions[] = { "virDomainIsActive", "virDomainIsPersistent" };
	struct domain_standing standing;

	for (size_t i = 0; i < CF_COUNT(questions); i++) {
		unanswered = questions[i];
		ok(domain_look(virt, UUID, &standing, &err) == -EIO && err.code == CF_HOST, "%s without an answer is no \"no\": %s",
		   unanswered, err.text);
	}
	unanswered = "virDomainIsActive";
	ok(leftover_undefine(virt, UUID, soon(), &err) == -EIO && err.code == CF_HOST, "nor a \"yes\": %s", err.text);
	unanswered = "";
	ok(domain_look(virt, UUID, &standing, &err) == 0 && standing.active && standing.persistent, "asked again, it is there");
}

int main(void)
{
	if (virt_new(&virt, "test:///default", &err) < 0 || virt_wait(virt, PATIENCE, &err) < 0)
		return 1;
	test_unanswered();
	virt_free(virt);
	return done();
}
