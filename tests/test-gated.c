/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The driver with a gate, the destination's part, and leftovers, over libvirt's test driver,
 * which has no phases: those are this file's.
 */

#include <dlfcn.h>
#include <errno.h>
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/incoming-check.h"
#include "daemon/virt/incoming.h"
#include "daemon/virt/leftover.h"
#include "daemon/virt/phases.h"
#include "tests/tap.h"

#define URI  "test:///default"
#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"	/* of the domain "test" there */
#define COME "11111111-2222-4333-8444-555555555555"	/* of one that comes */
#define PATIENCE ((cf_span){ 60 * CF_S })

static struct virt *virt;
static virConnectPtr other;
static virDomainPtr test;
static struct cf_error err;

/* What libvirt is asked, and what it says: 0 or the number of an error. */
static struct {
	int begin, prepare, perform, finish, confirm;	/* answers */
	const char *uri;		/* Prepare's */
	sem_t *hold;			/* Finish and Confirm wait for it */
	char told[256];			/* the calls, in order */
	char cookie[16];		/* the last one that came in */
	char asked_uri[64];
	unsigned int flags;		/* of the last call */
} fake;

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

static cf_mono soon(void)
{
	return cf_mono_add(kernel_raw(), PATIENCE);
}

static cf_mono now(void)
{
	return cf_mono_add(kernel_raw(), (cf_span){ 5 * CF_MS });
}

static void forget(void)
{
	memset(&fake, 0, sizeof(fake));
	err = (struct cf_error){ 0 };
}

static bool told(const char *calls)
{
	if (strcmp(fake.told, calls) != 0)
		printf("# told: %s\n", fake.told);
	return strcmp(fake.told, calls) == 0;
}

/* Source */

static struct {
	int result;
	const char *uri;
	struct drive_offer offer;	/* its pointers are gone by then */
	char xml[32], cookie[32];
} peer;

static int ask(void *userdata, const struct drive_offer *offer, struct drive_answer *ret, struct cf_error *why)
{
	(void)userdata;
	peer.offer = *offer;
	snprintf(peer.xml, sizeof(peer.xml), "%s", offer->xml);
	snprintf(peer.cookie, sizeof(peer.cookie), "%.*s", (int)offer->cookie_size, (const char *)offer->cookie);
	if (peer.result < 0)
		return cf_fail(why, -peer.result, CF_UNREACHABLE, "nobody");
	snprintf(ret->uri, sizeof(ret->uri), "%s", peer.uri);
	ret->cookie = strdup("answer");
	ret->cookie_size = 6;
	return 0;
}

static int start(struct drive **ret)
{
	struct drive_options options = { .uuid = UUID, .destination = "hB", .migrate_uri = "tcp://%s",
		.prepare = ask };

	return drive_gated.start(virt, &options, ret, &err);
}

static bool storage_at(const char *cookie, int64_t port)
{
	struct drive_answer with = { .cookie = (void *)(uintptr_t)cookie, .cookie_size = strlen(cookie) };
	int64_t found = 0;

	return drive_answer_storage_port(&with, &found) == (port > 0) && found == port;
}

static void test_storage(void)
{
	ok(storage_at("<qemu-migration><name>g</name><nbd port='49153'><disk/></nbd></qemu-migration>", 49153),
	   "where storage goes to");
	ok(storage_at("<qemu-migration><nbd/></qemu-migration>", 0) && storage_at("<qemu-migration/>", 0) &&
	   storage_at("", 0) && storage_at("<qemu-migration><nbd port='65536'/></qemu-migration>", 0) &&
	   storage_at("<qemu-migration><nbd port='-1'/></qemu-migration>", 0) && storage_at("<x", 0), "or nowhere");
}

/* One that stands at its gate. */
static struct drive *loaded(void)
{
	struct drive *drive = NULL;
	struct drive_end end = { 0 };

	forget();
	if (start(&drive) < 0 || drive_wait(drive, PATIENCE, &end) < 0 || end.state != DRIVE_LOADED)
		printf("# not loaded: %d %s\n", end.state, err.text);
	return drive;
}

static void test_begin(void)
{
	struct drive *drive = NULL;
	struct drive_end end;

	peer.uri = "tcp:hB:49152";
	forget();
	fake.begin = VIR_ERR_OPERATION_INVALID;
	ok(start(&drive) == -EBUSY && !drive && told("begin "), "libvirt refuses to begin: %s", err.text);

	forget();
	peer.result = -ENOTCONN;
	ok(start(&drive) == -ENOTCONN && !drive && err.code == CF_UNREACHABLE && told("begin undo "),
	   "the destination says no: what was begun is undone");
	ok(strcmp(peer.offer.uuid, UUID) == 0 && strcmp(peer.offer.name, "test") == 0 && peer.offer.persistent &&
	   !peer.offer.paused && strcmp(peer.offer.migrate_uri, "tcp://hB") == 0 &&
	   strcmp(peer.xml, "<domain/>") == 0 && strcmp(peer.cookie, "begun") == 0, "it had been offered all of it");
	ok(fake.flags & VIR_MIGRATE_CHANGE_PROTECTION && fake.flags & VIR_MIGRATE_UNDEFINE_SOURCE, "flags of the source");

	forget();
	memset(&peer, 0, sizeof(peer));
	peer.uri = "unix:///run/x";
	ok(start(&drive) == -EPROTO && err.code == CF_PEER && told("begin undo "), "QEMU calls no path of a peer's");

	peer.uri = "tcp:hB:49152";
	virDomainSuspend(test);
	drive = loaded();
	ok(peer.offer.paused && fake.flags & VIR_MIGRATE_PAUSED, "a paused domain is offered as one");
	virDomainResume(test);
	drive_free(drive);

	forget();
	fake.perform = VIR_ERR_OPERATION_FAILED;
	ok(start(&drive) == 0 && drive_wait(drive, PATIENCE, &end) == 0 && end.state == DRIVE_FAILED &&
	   end.code == VIR_ERR_OPERATION_FAILED && told("begin perform "), "it fails on its way: %s", end.error.text);
	ok(drive_settle(drive, false, NULL, 0, soon(), &err) == -EBUSY && told("begin perform "),
	   "what is not at the gate is not settled");
	drive_free(drive);
	forget();
	fake.perform = VIR_ERR_OPERATION_ABORTED;
	ok(start(&drive) == 0 && drive_wait(drive, PATIENCE, &end) == 0 && end.state == DRIVE_ABORTED, "it is aborted");
	drive_free(drive);
}

static void test_settle(void)
{
	struct drive *drive = loaded();
	struct drive_end end;
	sem_t hold;

	ok(told("begin perform ") && strcmp(fake.cookie, "answer") == 0 && strcmp(fake.asked_uri, "tcp:hB:49152") == 0,
	   "it went where the answer says, with its cookie");
	drive_wait(drive, (cf_span){ 0 }, &end);
	ok(end.state == DRIVE_LOADED && end.cookie_size == 9 && memcmp(end.cookie, "performed", 9) == 0,
	   "it stands at its gate");
	ok(drive_settle(drive, true, "finished", 8, soon(), &err) == 0 && told("begin perform confirm ") &&
	   strcmp(fake.cookie, "finished") == 0, "it ran there");
	drive_wait(drive, (cf_span){ 0 }, &end);
	ok(end.state == DRIVE_SUCCEEDED && !end.cookie, "and has succeeded");
	ok(drive_settle(drive, true, "finished", 8, soon(), &err) == 0 && told("begin perform confirm "),
	   "libvirt is asked once");
	ok(drive_settle(drive, false, NULL, 0, soon(), &err) == -EALREADY && told("begin perform confirm "),
	   "and never for the contrary");
	drive_free(drive);

	drive = loaded();
	ok(drive_settle(drive, false, NULL, 0, soon(), &err) == 0 && told("begin perform undo "), "it runs on here");
	drive_wait(drive, (cf_span){ 0 }, &end);
	ok(end.state == DRIVE_ABORTED && end.error.text[0], "and was aborted: %s", end.error.text);
	drive_free(drive);

	drive = loaded();
	fake.confirm = VIR_ERR_OPERATION_INVALID;
	ok(drive_settle(drive, true, NULL, 0, soon(), &err) == -ENOTCONN, "libvirt knows of no such job: %s", err.text);
	drive_wait(drive, (cf_span){ 0 }, &end);
	ok(end.state == DRIVE_LOST, "it is lost");
	drive_free(drive);

	drive = loaded();
	sem_init(&hold, 0, 0);
	fake.hold = &hold;
	ok(drive_settle(drive, true, NULL, 0, now(), &err) == -ETIMEDOUT, "libvirt hangs: it is not waited for");
	drive_wait(drive, (cf_span){ 0 }, &end);
	ok(end.state == DRIVE_LOADED, "how it stands then nobody knows better");
	sem_post(&hold);
	ok(drive_settle(drive, true, NULL, 0, soon(), &err) == 0 && told("begin perform confirm "), "it comes back");
	drive_free(drive);
	sem_destroy(&hold);
}

/* Destination */

static const char xml[] = "<domain type='test'><name>come</name><uuid>" COME "</uuid></domain>";

static struct drive_offer offer_of(const char *uuid, const char *name)
{
	struct drive_offer offer = { .xml = xml, .cookie = "begun", .cookie_size = 5, .persistent = true,
		.migrate_uri = "tcp://hB", .options.auto_converge = true };

	snprintf(offer.uuid, sizeof(offer.uuid), "%s", uuid);
	snprintf(offer.name, sizeof(offer.name), "%s", name);
	return offer;
}

static bool accept_passthrough;

static int prepare(const struct drive_offer *offer, struct incoming **ret, struct drive_answer *ask_back)
{
	const struct incoming_options options = { .allow_passthrough = accept_passthrough, .timeout = PATIENCE };

	return incoming_prepare(virt, offer, &options, ret, ask_back, &err);
}

static struct incoming *prepared(void)
{
	struct drive_offer offer = offer_of(COME, "come");
	struct drive_answer back = { 0 };
	struct incoming *incoming = NULL;

	forget();
	if (prepare(&offer, &incoming, &back) < 0)
		printf("# not prepared: %s\n", err.text);
	drive_answer_clear(&back);
	return incoming;
}

#define LINE(x) "<domain xmlns:q='http://libvirt.org/schemas/domain/qemu/1.0'><name>come</name><uuid>" COME "</uuid>" \
	"<q:commandline>" x "</q:commandline></domain>"

/* What this host accepts for its QEMU past libvirt: its own library from anybody, all else where its settings say so. */
static void test_passthrough(void)
{
	static const char *const lines[] = {
		LINE("<q:env name='LD_PRELOAD' value='" PKGLIBDIR "/libclockferry-kvm.so'/>"), LINE("<q:arg value='-no-hpet'/>"),
	};
	struct drive_offer offer = offer_of(COME, "come");

	for (size_t i = 0; i < CF_COUNT(lines); i++) {
		struct drive_answer back = { 0 };
		struct incoming *incoming = NULL;

		forget();
		fake.uri = "tcp:here:49153";
		offer.xml = lines[i];
		accept_passthrough = i == 1;
		ok(prepare(&offer, &incoming, &back) == 0, "%s", i == 1 ? "arguments for QEMU, where that is allowed"
									  : "the library of this host may be loaded into it");
		drive_answer_clear(&back);
		incoming_free(incoming);
	}
	accept_passthrough = false;
}

static void test_offers(void)
{
	struct drive_answer back = { 0 };
	struct incoming *incoming = NULL;
	struct drive_offer offer;

	forget();
	offer = offer_of(UUID, "come");
	ok(prepare(&offer, &incoming, &back) == -EINVAL && err.code == CF_PEER && told(""), "another domain's XML: %s", err.text);
	offer = offer_of(COME, "gone");
	ok(prepare(&offer, &incoming, &back) == -EINVAL && told(""), "or another name's: %s", err.text);
	offer = offer_of(COME, "come");
	offer.xml = NULL;
	ok(prepare(&offer, &incoming, &back) == -EINVAL && told(""), "or none");
	offer.xml = xml;
	offer.xml = LINE("<q:arg value='-secret'/>");
	ok(prepare(&offer, &incoming, &back) == -EINVAL && told("") && !strstr(err.text, "secret"), "arguments for QEMU: %s", err.text);
	offer.xml = LINE("<q:env name='LD_PRELOAD' value='/tmp/libclockferry-kvm.so'/>");
	ok(prepare(&offer, &incoming, &back) == -EINVAL && told(""), "a library to be loaded into it");
	offer.xml = "<domain><name>come</name><uuid>" COME "</uuid><devices><emulator>/bin/sh</emulator></devices></domain>";
	ok(prepare(&offer, &incoming, &back) == -EINVAL && told(""), "any program as its emulator: %s", err.text);
	offer.xml = "<domain><name>come</name><uuid>" COME "</uuid><devices><emulator/></devices></domain>";
	ok(prepare(&offer, &incoming, &back) == -EINVAL && told(""), "or none of a name: %s", err.text);
	offer.xml = "<domain";
	ok(prepare(&offer, &incoming, &back) == -EINVAL && told(""), "or no XML: %s", err.text);
	offer.xml = xml;
	strcpy(offer.migrate_uri, "unix:///run/x");
	ok(prepare(&offer, &incoming, &back) == -EINVAL && told(""), "a path to listen on");
	strcpy(offer.migrate_uri, "");
	offer.options.post_copy = true;
	ok(prepare(&offer, &incoming, &back) == -EINVAL && told(""), "post-copy");
	offer.options.post_copy = false;
	ok(prepare(&offer, &incoming, &back) == -EPROTO && !incoming && !back.cookie, "libvirt has to say where QEMU listens");
	forget();
	fake.prepare = VIR_ERR_OPERATION_FAILED;
	ok(prepare(&offer, &incoming, &back) == -EIO && !incoming && told("prepare "), "libvirt refuses: %s", err.text);

	forget();
	fake.uri = "tcp:here:49153";
	ok(prepare(&offer, &incoming, &back) == 0 && strcmp(back.uri, "tcp:here:49153") == 0 && !*fake.asked_uri &&
	   back.cookie_size == 8 && strcmp(fake.cookie, "begun") == 0, "libvirt chooses where");
	ok(!(fake.flags & (VIR_MIGRATE_ABORT_ON_ERROR | VIR_MIGRATE_AUTO_CONVERGE | VIR_MIGRATE_CHANGE_PROTECTION)) &&
	   fake.flags & VIR_MIGRATE_PERSIST_DEST, "flags of the destination");
	ok(incoming_alive(incoming) && !incoming_was_defined(incoming), "it is on its way");
	drive_answer_clear(&back);
	incoming_free(incoming);

	virDomainDestroy(test);
	offer = offer_of(UUID, "test");
	offer.xml = "<domain type='test'><name>test</name><uuid>" UUID "</uuid></domain>";
	ok(prepare(&offer, &incoming, &back) == 0 && incoming_was_defined(incoming), "a domain that is defined here already");
	drive_answer_clear(&back);
	incoming_free(incoming);
	virDomainCreate(test);
	forget();
	ok(prepare(&offer, &incoming, &back) == -EBUSY && told(""), "but does not run: %s", err.text);
}

static const char capabilities[] =
	"<capabilities><host/><guest><os_type>hvm</os_type><arch name='i686'><emulator>/usr/bin/qemu-system-i386</emulator>"
	"</arch></guest><guest><os_type>hvm</os_type><arch name='x86_64'><emulator>/usr/bin/qemu-system-x86_64</emulator>"
	"<domain type='qemu'/><domain type='kvm'><emulator>/usr/bin/kvm</emulator></domain></arch></guest></capabilities>";

static void test_emulators(void)
{
	static const char *const known[] = { "/usr/bin/qemu-system-i386", "/usr/bin/qemu-system-x86_64", "/usr/bin/kvm" };
	static const char *const unknown[] = { "/usr/bin/qemu-system-x86", "qemu-system-x86_64", "/bin/sh", "hvm" };

	for (size_t i = 0; i < CF_COUNT(known); i++)
		ok(incoming_check_emulator(capabilities, known[i], &err) == 0, "%s is libvirt's", known[i]);
	for (size_t i = 0; i < CF_COUNT(unknown); i++)
		ok(incoming_check_emulator(capabilities, unknown[i], &err) == -EINVAL && err.code == CF_PEER,
		   "%s is not", unknown[i]);
}

static void test_finish(void)
{
	struct incoming *incoming = prepared();
	struct incoming_end end = { 0 };
	sem_t hold;

	ok(incoming_finish(incoming, true, "performed", 9, soon(), &end, &err) == 0 && end.runs && !end.code &&
	   end.cookie_size == 8 && memcmp(end.cookie, "finished", 8) == 0 && told("prepare finish ") &&
	   strcmp(fake.cookie, "performed") == 0, "it is let run");
	ok(cf_mono_cmp(end.asked, end.answered) <= 0 && end.asked.ns, "and when that was");
	ok(incoming_finish(incoming, true, "performed", 9, soon(), &end, &err) == 0 && end.runs &&
	   told("prepare finish "), "libvirt is told once");
	ok(incoming_finish(incoming, false, NULL, 0, soon(), &end, &err) == -EALREADY && err.code == CF_TOO_LATE &&
	   told("prepare finish "), "and never the contrary");
	incoming_free(incoming);

	incoming = prepared();
	fake.finish = VIR_ERR_OPERATION_FAILED;
	ok(incoming_finish(incoming, true, NULL, 0, soon(), &end, &err) == 0 && !end.runs &&
	   end.code == VIR_ERR_OPERATION_FAILED && end.error.text[0], "it cannot run: %s", end.error.text);
	incoming_free(incoming);

	incoming = prepared();
	ok(incoming_finish(incoming, false, NULL, 0, soon(), &end, &err) == 0 && !end.runs && !end.code &&
	   !end.error.text[0] && told("prepare end "), "it is ended, and that is no error");
	incoming_free(incoming);

	incoming = prepared();
	incoming_pause(incoming, true);
	incoming_finish(incoming, true, NULL, 0, soon(), &end, &err);
	ok(fake.flags & VIR_MIGRATE_PAUSED, "one that somebody paused meanwhile stays paused");
	incoming_free(incoming);

	incoming = prepared();
	sem_init(&hold, 0, 0);
	fake.hold = &hold;
	end.runs = false;
	ok(incoming_finish(incoming, true, NULL, 0, now(), &end, &err) == -ETIMEDOUT && !end.runs,
	   "libvirt hangs: it is not waited for");
	sem_post(&hold);
	ok(incoming_finish(incoming, true, NULL, 0, soon(), &end, &err) == 0 && end.runs && told("prepare finish "),
	   "it comes back, and had been told once");
	incoming_free(incoming);
	sem_destroy(&hold);
}

/* Leftovers */

static int state(void)
{
	int now_is = VIR_DOMAIN_NOSTATE;

	virDomainGetState(test, &now_is, NULL, 0);
	return now_is;
}

static void test_leftovers(void)
{
	forget();
	ok(leftover_remove(virt, UUID, true, soon(), &err) == -EBUSY && told("") && err.code == CF_CONFLICT,
	   "a domain that runs is no leftover: %s", err.text);
	ok(leftover_undefine(virt, UUID, soon(), &err) == -EBUSY && virDomainIsPersistent(test) == 1,
	   "nor is its definition");
	ok(leftover_resume(virt, UUID, soon(), &err) == 0, "nor has it to be resumed");
	virDomainSuspend(test);
	ok(leftover_remove(virt, UUID, false, soon(), &err) == 0 && told("begin confirm ") &&
	   !(fake.flags & VIR_MIGRATE_UNDEFINE_SOURCE), "a paused copy ends as a migration ends");
	ok(leftover_remove(virt, UUID, true, soon(), &err) == 0 && fake.flags & VIR_MIGRATE_UNDEFINE_SOURCE,
	   "one that is persistent elsewhere is no longer here");
	fake.confirm = VIR_ERR_OPERATION_INVALID;
	ok(leftover_remove(virt, UUID, true, soon(), &err) < 0, "libvirt may refuse: %s", err.text);
	ok(leftover_resume(virt, UUID, soon(), &err) == 0 && state() == VIR_DOMAIN_RUNNING, "a paused copy runs on");

	virDomainDestroy(test);
	ok(leftover_resume(virt, UUID, soon(), &err) == -EBUSY && state() == VIR_DOMAIN_SHUTOFF,
	   "what has ended is not started");
	ok(leftover_remove(virt, UUID, false, soon(), &err) == 0 && state() == VIR_DOMAIN_SHUTOFF,
	   "its definition stays where it is wanted");
	ok(leftover_remove(virt, UUID, true, soon(), &err) == 0 && state() == VIR_DOMAIN_NOSTATE, "and goes where not");
	ok(leftover_remove(virt, UUID, true, soon(), &err) == 0 && leftover_undefine(virt, UUID, soon(), &err) == 0,
	   "what is gone is gone");
	ok(leftover_resume(virt, UUID, soon(), &err) == -ENOENT && err.code == CF_NOT_FOUND, "and does not run again");
}

int main(void)
{
	if (virt_new(&virt, URI, &err) < 0 || virt_wait(virt, PATIENCE, &err) < 0)
		return 1;
	other = virConnectOpen(URI);
	test = virDomainLookupByName(other, "test");
	test_begin();
	test_storage();
	test_settle();
	test_offers();
	test_passthrough();
	test_emulators();
	test_finish();
	test_leftovers();
	ok(virt_hung_calls() == 0, "nothing hangs");
	virDomainFree(test);
	virConnectClose(other);
	virt_free(virt);
	return done();
}
