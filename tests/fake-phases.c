/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/fake-phases.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

struct virt *virt;
virConnectPtr other;
virDomainPtr test;
struct cf_error err;
struct fake_phases fake;

/* libvirt's own way to set an error, not exported for others either. */
static int answer(int error)
{
	int (*set_error)(virErrorPtr) = NULL;
	void *symbol = dlsym(RTLD_DEFAULT, "virSetError");
	virError said = { .code = error, .domain = VIR_FROM_QEMU, .level = VIR_ERR_ERROR,
		.message = (char *)"libvirt says so" };

	memcpy(&set_error, &symbol, sizeof(symbol));
	if (error)
		set_error(&said);
	return error ? -1 : 0;
}

static void note(const char *call, const char *cookie, int size, unsigned int flags)
{
	snprintf(fake.cookie, sizeof(fake.cookie), "%.*s", size, cookie ? cookie : "");
	strncat(fake.told, call, sizeof(fake.told) - strlen(fake.told) - 1);
	fake.flags = flags;
}

static void give(char **cookie, int *size, const char *text)
{
	*cookie = strdup(text);
	*size = (int)strlen(text);
}

static void wait_held(void)
{
	if (fake.hold)
		sem_wait(fake.hold);
}

static char *fake_begin(virDomainPtr domain, virTypedParameterPtr params, int nparams, char **cookieout,
			int *cookieoutlen, unsigned int flags)
{
	(void)domain;
	(void)params;
	(void)nparams;
	note("begin ", NULL, 0, flags);
	wait_held();
	if (answer(fake.begin) < 0)
		return NULL;
	give(cookieout, cookieoutlen, "begun");
	return strdup("<domain/>");
}

static void note_uri(virTypedParameterPtr params, int nparams)
{
	const char *uri = NULL;

	virTypedParamsGetString(params, nparams, VIR_MIGRATE_PARAM_URI, &uri);
	snprintf(fake.asked_uri, sizeof(fake.asked_uri), "%s", uri ? uri : "");
}

static int fake_prepare(virConnectPtr dconn, virTypedParameterPtr params, int nparams, const char *cookiein,
			int cookieinlen, char **cookieout, int *cookieoutlen, char **uri_out, unsigned int flags)
{
	(void)dconn;
	note("prepare ", cookiein, cookieinlen, flags);
	note_uri(params, nparams);
	if (answer(fake.prepare) < 0)
		return -1;
	give(cookieout, cookieoutlen, "prepared");
	*uri_out = fake.uri ? strdup(fake.uri) : NULL;
	return 0;
}

static int fake_perform(virDomainPtr domain, const char *dconnuri, virTypedParameterPtr params, int nparams,
			const char *cookiein, int cookieinlen, char **cookieout, int *cookieoutlen,
			unsigned int flags)
{
	(void)domain;
	note(dconnuri ? "perform? " : "perform ", cookiein, cookieinlen, flags);
	note_uri(params, nparams);
	if (answer(fake.perform) < 0)
		return -1;
	give(cookieout, cookieoutlen, "performed");
	return 0;
}

static virDomainPtr fake_finish(virConnectPtr dconn, virTypedParameterPtr params, int nparams,
				const char *cookiein, int cookieinlen, char **cookieout, int *cookieoutlen,
				unsigned int flags, int cancelled)
{
	const char *name = NULL;

	note(cancelled ? "end " : "finish ", cookiein, cookieinlen, flags);
	wait_held();
	virTypedParamsGetString(params, nparams, VIR_MIGRATE_PARAM_DEST_NAME, &name);
	if (answer(cancelled ? VIR_ERR_MIGRATE_FINISH_OK : fake.finish) < 0 || !name)
		return NULL;
	give(cookieout, cookieoutlen, "finished");
	return virDomainLookupByName(dconn, "test");
}

static int fake_confirm(virDomainPtr domain, virTypedParameterPtr params, int nparams, const char *cookiein,
			int cookieinlen, unsigned int flags, int cancelled)
{
	(void)domain;
	(void)params;
	(void)nparams;
	note(cancelled ? "undo " : "confirm ", cookiein, cookieinlen, flags);
	wait_held();
	return answer(fake.confirm);
}

static const struct phase_calls fakes = { fake_begin, fake_prepare, fake_perform, fake_finish, fake_confirm };

const struct phase_calls *phase_calls(struct cf_error *why)
{
	(void)why;
	return &fakes;
}

cf_mono soon(void)
{
	return cf_mono_add(kernel_raw(), PATIENCE);
}

cf_mono now(void)
{
	return cf_mono_add(kernel_raw(), (cf_span){ 5 * CF_MS });
}

void forget(void)
{
	memset(&fake, 0, sizeof(fake));
	err = (struct cf_error){ 0 };
}

bool told(const char *calls)
{
	if (strcmp(fake.told, calls) != 0)
		printf("# told: %s\n", fake.told);
	return strcmp(fake.told, calls) == 0;
}

bool fake_begins(void)
{
	if (virt_new(&virt, URI, &err) < 0 || virt_wait(virt, PATIENCE, &err) < 0)
		return false;
	other = virConnectOpen(URI);
	test = virDomainLookupByName(other, "test");
	return test;
}

bool fake_ends(void)
{
	bool good = virt_hung_calls() == 0;

	virDomainFree(test);
	virConnectClose(other);
	virt_free(virt);
	return good;
}
