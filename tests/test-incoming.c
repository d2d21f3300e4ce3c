/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The destination's part of the driver with a gate: what is let in, and what comes of it. */

#include <errno.h>
#include <string.h>

#include "daemon/virt/incoming-check.h"
#include "daemon/virt/incoming.h"
#include "tests/fake-phases.h"
#include "tests/tap.h"

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

/* libvirt looks for elements in no namespace, takes the first of several in all of the XML, and all text in one. */
static const char *const two_ways[] = {
	"<domain><x:name xmlns:x='x'>come</x:name><name>gone</name><uuid>" COME "</uuid></domain>",
	"<domain><name>come</name><uuid xmlns='x'>" COME "</uuid><uuid>" UUID "</uuid></domain>",
	"<domain><name>come</name><name>gone</name><uuid>" COME "</uuid></domain>",
	"<domain><name>come<x>, or gone</x></name><uuid>" COME "</uuid></domain>",
	"<domain><name>Come</name><uuid>" COME "</uuid></domain>",
	"<domain><name>come</name><uuid>" COME "</uuid><devices/><devices><emulator>/bin/sh</emulator></devices></domain>",
	"<domain><name>come</name><uuid>" COME "</uuid><x:devices xmlns:x='x'/><devices><emulator>/bin/sh</emulator></devices></domain>",
	"<domain><name>come</name><uuid>" COME "</uuid><devices><x:emulator xmlns:x='x'/><emulator>/bin/sh</emulator></devices></domain>",
	"<domain><name>come</name><uuid>" COME "</uuid><devices><emulator>/bin/sh</emulator><emulator/></devices></domain>",
};

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
	for (size_t i = 0; i < CF_COUNT(two_ways); i++) {
		offer.xml = two_ways[i];
		ok(prepare(&offer, &incoming, &back) == -EINVAL && err.code == CF_PEER && told(""),
		   "what libvirt could read in another way than we do: %s", err.text);
	}
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

#define COOKIE(x) "<qemu-migration><name>come</name><uuid>" COME "</uuid>" x "</qemu-migration>"

static int check(struct incoming *incoming, const char *cookie)
{
	err = (struct cf_error){ 0 };
	return incoming_check(incoming, cookie, strlen(cookie) + 1, soon(), &err);
}

/* What the source's libvirt says last brings the XML of the next start here. */
static void test_cookies(void)
{
	static const char *const bad[] = {
		COOKIE(LINE("<q:arg value='-secret'/>")),
		COOKIE(LINE("<q:env name='LD_PRELOAD' value='/tmp/libclockferry-kvm.so'/>")),
		COOKIE("<domain><name>come</name><uuid>" UUID "</uuid></domain>"),
		COOKIE("<domain><name>test</name><uuid>" COME "</uuid></domain>"),
		COOKIE("<domain><name>come</name><uuid>" COME "</uuid><devices><emulator>/bin/sh</emulator></devices></domain>"),
		COOKIE("<domain><name>come</name><uuid>" COME "</uuid></domain><domain/>"),
		"<qemu-migration><secret",
	};
	struct incoming *incoming = prepared();

	ok(incoming_check(incoming, NULL, 0, soon(), &err) == 0, "no cookie");
	ok(check(incoming, COOKIE("")) == 0, "one without a domain: it is none the next time");
	ok(check(incoming, COOKIE("<domain><name>come</name><uuid>" COME "</uuid></domain>")) == 0, "one with that which comes");
	for (size_t i = 0; i < CF_COUNT(bad); i++)
		ok(check(incoming, bad[i]) == -EINVAL && err.code == CF_PEER && !strstr(err.text, "secret"), "no: %s", err.text);
	incoming_free(incoming);
	accept_passthrough = true;
	incoming = prepared();
	ok(check(incoming, bad[0]) == 0, "arguments for QEMU, where that is allowed");
	accept_passthrough = false;
	incoming_free(incoming);
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

int main(void)
{
	if (!fake_begins())
		return 1;
	test_offers();
	test_cookies();
	test_passthrough();
	test_emulators();
	test_finish();
	ok(fake_ends(), "nothing hangs");
	return done();
}
