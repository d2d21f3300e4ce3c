/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * daemon/virt against libvirt's own test driver, which lives in this process:
 * a second connection of ours does to the domains what somebody else would.
 */

#include <errno.h>
#include <libvirt/libvirt.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/events.h"
#include "daemon/virt/guest.h"
#include "daemon/virt/job.h"
#include "daemon/virt/private.h"
#include "tests/tap.h"

#define URI  "test:///default"
#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"	/* of the domain "test" there */
#define PATIENCE ((cf_span){ 60 * CF_S })

static struct virt *virt;
static virConnectPtr other;
static virDomainPtr test;
static struct cf_error err;

static cf_mono soon(void)
{
	return cf_mono_add(kernel_raw(), PATIENCE);
}

static void test_connecting(void)
{
	struct virt *second = NULL;
	struct virt_host host;

	ok(virt_new(&virt, URI, &err) == 0, "connecting begins");
	ok(virt_new(&second, URI, &err) == -EBUSY && !second, "once in a process");
	ok(virt_wait(virt, PATIENCE, &err) == 0 && virt_connected(virt, NULL), "the connection stands");
	ok(virt_host(virt, &host) && strcmp(host.libvirt, "0.0.0") > 0 && host.libvirt_version > 9000000 - 1,
	   "libvirt's version is %s", host.libvirt);
	ok(strncmp(host.emulator, "TEST ", 5) == 0 && host.arch[0],
	   "so are hypervisor and architecture known");
	ok(!host.has_counter_hz && !host.has_counter_scaling,
	   "a counter of which nothing is said has no frequency");
}

static void test_lookup(void)
{
	static struct cf_domains list;
	struct domain_standing standing;

	ok(domain_list(virt, "", SIZE_MAX, &list, &err) == 0 && list.n_list == 1 && !list.has_next, "the list has the one domain");
	ok(strcmp(list.list[0].name, "test") == 0 && strcmp(list.list[0].uuid, UUID) == 0 &&
	   list.list[0].state == CF_DOMAIN_RUNNING && strcmp(list.list[0].type, "test") == 0, "as it is");
	ok(domain_look(virt, "test", &standing, &err) == 0 && standing.known &&
	   strcmp(standing.uuid, UUID) == 0,
	   "found by its name");
	ok(domain_look(virt, UUID, &standing, &err) == 0 && standing.known &&
	   strcmp(standing.name, "test") == 0,
	   "and by its uuid");
	ok(standing.active && standing.persistent && !standing.job_active && !standing.migrating,
	   "it is not busy");
	ok(domain_look(virt, "nobody", &standing, &err) == 0 && !standing.known, "there is nobody else");
	ok(domain_look(virt, "6695eb01-f6a4-8304-79aa-97f2502e193e", &standing, &err) == 0 && !standing.known,
	   "nor by a uuid");
	ok(domain_look(virt, "", &standing, &err) == 0 && !standing.known, "nor without a name");
}

/* Each page begins where the one before ended, whatever came and went meanwhile. */
static void test_pages(void)
{
	static const char *const names[] = { "a", "m", "z", "zz" };
	static struct cf_domains page;
	virDomainPtr domains[CF_COUNT(names)];
	char xml[256];

	for (size_t i = 0; i < CF_COUNT(names); i++) {
		snprintf(xml, sizeof(xml), "<domain type='test'><name>%s</name><memory>1024</memory><vcpu>1</vcpu>"
			 "<os><type>hvm</type></os></domain>", names[i]);
		domains[i] = virDomainDefineXML(other, xml);
	}
	ok(domain_list(virt, "", 2, &page, &err) == 0 && page.n_list == 2 && strcmp(page.list[0].name, "a") == 0 &&
	   strcmp(page.list[1].name, "m") == 0 && page.has_next, "a page of two");
	virDomainUndefine(domains[1]);
	ok(domain_list(virt, page.next, 2, &page, &err) == 0 && page.n_list == 2 &&
	   strcmp(page.list[0].name, "test") == 0 && strcmp(page.list[1].name, "z") == 0 && page.has_next,
	   "the next one, though where it begins is gone");
	ok(domain_list(virt, page.next, 2, &page, &err) == 0 && page.n_list == 1 &&
	   strcmp(page.list[0].name, "zz") == 0 && !page.has_next, "and the last");
	ok(domain_list(virt, "zz", 2, &page, &err) == 0 && page.n_list == 0 && !page.has_next, "nothing behind the end");
	for (size_t i = 0; i < CF_COUNT(names); i++) {
		if (i != 1)
			virDomainUndefine(domains[i]);
		virDomainFree(domains[i]);
	}
}

static void test_autostart(void)
{
	struct domain_standing standing;
	struct virt_link *link = NULL;
	int seen = 0;

	ok(virt_link_open(virt, PATIENCE, &link, &err) == 0 &&
	   job_set_autostart(link, UUID, true, soon(), &err) == 0 && virDomainGetAutostart(test, &seen) == 0 && seen,
	   "it is made to start with its host");
	ok(domain_look(virt, UUID, &standing, &err) == 0 && standing.autostart, "and is seen to");
	ok(job_set_autostart(link, UUID, false, soon(), &err) == 0 &&
	   domain_look(virt, UUID, &standing, &err) == 0 && !standing.autostart, "and no longer");
	ok(job_set_autostart(link, "6695eb01-f6a4-8304-79aa-97f2502e193e", true, soon(), &err) == -ENOENT,
	   "nobody else can");
	ok(job_start(link, UUID, soon(), &err) == 0, "what runs need not be started");
	ok(virDomainDestroy(test) == 0 && job_start(link, UUID, soon(), &err) == 0 && virDomainIsActive(test) == 1,
	   "and what is off is");
	virt_link_close(link);
}

static const char managed[] =
	"<domain type='test'><name>managed</name><uuid>11111111-2222-4333-8444-555555555555</uuid>"
	"<metadata><nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'/></metadata>"
	"<memory>1024</memory><vcpu>1</vcpu><os><type>hvm</type></os><clock offset='variable'/></domain>";

static void test_evidence(void)
{
	static struct cf_domain_evidence evidence;
	static struct cf_guest_clock guest;
	virDomainPtr domain = virDomainDefineXML(other, managed);

	ok(domain_evidence(virt, "test", &evidence, &guest, &err) == 0 && evidence.known &&
	   evidence.state == CF_DOMAIN_RUNNING && evidence.guest == &guest, "evidence of a domain that runs");
	ok(strcmp(guest.domain, "test") == 0 && strcmp(guest.uuid, UUID) == 0 && !guest.n_vcpus &&
	   !guest.has_guest_offset && guest.lever == CF_LEVER_NONE,
	   "its guest, of which nothing was measured");
	ok(strcmp(evidence.domain, "test") == 0 && !evidence.manager[0] && !evidence.n_blockers, "nobody's");

	ok(domain_evidence(virt, "managed", &evidence, &guest, &err) == 0 && evidence.known &&
	   evidence.state == CF_DOMAIN_SHUTOFF && !evidence.guest, "one that does not run has no guest");
	ok(strcmp(evidence.manager, "nova") == 0, "but an owner");
	ok(domain_evidence(virt, "nobody", &evidence, &guest, &err) == 0 && !evidence.known &&
	   !evidence.guest,
	   "no domain, no evidence");
	virDomainUndefine(domain);
	virDomainFree(domain);
}

/* What was heard, in order. */
static struct {
	pthread_mutex_t lock;
	char text[512];
} heard = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void on_news(const struct virt_news *news, void *userdata)
{
	size_t used;

	if (news->what == VIRT_CONNECTED)
		return;	/* told by the keeper when it gets to it, which may be now */
	pthread_mutex_lock(&heard.lock);
	used = strlen(heard.text);
	snprintf(heard.text + used, sizeof(heard.text) - used, "%s %s%s;", virt_what_name(news->what),
		 news->name,
		 userdata == &heard && (!*news->name || strlen(news->uuid) == 36) ? "" : "?");
	pthread_mutex_unlock(&heard.lock);
}

static bool has_heard(const char *text, bool at_last)
{
	size_t size = strlen(text), used;
	bool same;

	pthread_mutex_lock(&heard.lock);
	used = strlen(heard.text);
	same = at_last ? used >= size && strcmp(heard.text + used - size, text) == 0 : strcmp(heard.text, text) == 0;
	pthread_mutex_unlock(&heard.lock);
	return same;
}

static bool wait_to_hear(const char *text, bool at_last)
{
	bool same = false;

	for (int i = 0; i < 6000 && !same; i++) {
		same = has_heard(text, at_last);
		if (!same)
			usleep(10000);
	}
	return same;
}

/* This, and nothing else. */
static bool hears(const char *text)
{
	return wait_to_hear(text, false);
}

/* libvirt tells of things in their order, and later: what the tests before this one did is over when this is heard. */
static bool hears_the_last(void)
{
	virDomainPtr domain;

	virt_set_listener(virt, on_news, &heard);
	domain = virDomainDefineXML(other, "<domain type='test'><name>last</name><memory>1024</memory><vcpu>1</vcpu>"
				    "<os><type>hvm</type></os></domain>");
	if (!domain || virDomainUndefine(domain) < 0 || !wait_to_hear("undefined last;", true))
		return false;
	virDomainFree(domain);
	virt_set_listener(virt, NULL, NULL);
	heard.text[0] = '\0';
	return true;
}

static void test_events(void)
{
	struct guest_watch *watch = NULL, *source = NULL, *stranger = NULL;
	struct guest_events events;
	int64_t revision;

	ok(hears_the_last(), "what was done before is heard of");
	ok(guest_watch_new(virt, UUID, CF_DESTINATION, &watch, &err) == 0 &&
	   guest_watch_new(virt, UUID, CF_SOURCE, &source, &err) == 0 &&
	   guest_watch_new(virt, "11111111-2222-4333-8444-555555555555", CF_SOURCE, &stranger, &err) == 0,
	   "several watch");
	guest_watch_read(watch, &events);
	ok(events.revision == 0 && !events.gap && !events.landed, "nothing has happened yet");
	ok(!guest_watch_wait(watch, 0, (cf_span){ CF_MS }, &events) && events.revision == 0,
	   "nor does it soon");

	virt_set_listener(virt, on_news, &heard);
	virDomainSuspend(test);
	ok(hears("suspended test;"), "somebody suspends it, and that is heard");
	virDomainResume(test);
	ok(hears("suspended test;resumed test;"), "and resumed");
	ok(guest_watch_wait(watch, 1, PATIENCE, &events) && events.has_resume_known && events.landed &&
	   !events.has_resume,
	   "the watch knows that it runs, and when it heard so, but not QEMU's own stamp");
	revision = events.revision;
	virDomainDestroy(test);
	ok(guest_watch_wait(watch, revision, PATIENCE, &events) && events.gone == GUEST_DESTROYED,
	   "it is destroyed");
	guest_watch_read(source, &events);
	ok(events.gone == GUEST_DESTROYED && !events.undone && !events.switchover,
	   "the source's watch saw no switchover");
	guest_watch_read(stranger, &events);
	ok(events.revision == 0, "who watches another domain heard nothing");

	virt_set_listener(virt, NULL, NULL);
	virDomainCreate(test);
	ok(strstr(heard.text, "started") == NULL, "nobody listens any more");
	guest_watch_free(stranger);
	guest_watch_free(watch);
	guest_watch_free(source);
}

static void test_questions(void)
{
	struct virt_link *link = NULL;
	struct cf_guest_offset offset;
	struct cf_progress progress;
	cf_span took = { -1 };
	int r;

	ok(virt_link_open(virt, PATIENCE, &link, &err) == 0 && virt_link_alive(link),
	   "a connection of one's own");
	r = guest_offset_read(link, UUID, 4, soon(), &offset, &err);
	ok(r == -ENOTCONN, "no guest agent, no offset: %s", err.text);
	r = guest_time_set(link, UUID, kernel_instant().real, kernel_raw(), soon(), &took, &err);
	ok(r == -ENOTCONN && took.ns >= 0, "nor can it be set");
	r = guest_time_set(link, UUID, (cf_real){ -5 }, kernel_raw(), soon(), &took, &err);
	ok(r == -ERANGE && took.ns == 0, "and never to what is no time");
	r = guest_offset_read(link, "11111111-2222-4333-8444-555555555555", 4, soon(), &offset, &err);
	ok(r == -ENOENT && err.code == CF_NOT_FOUND, "nobody's guest: %s", err.text);
	ok(job_progress(link, UUID, soon(), &progress, &err) < 0, "no job: %s", err.text);
	ok(virt_hung_calls() == 0, "nothing hangs");
	virt_link_close(link);
}

static int start(const char *uuid, const char *host, const char *uri, struct drive **ret)
{
	struct drive_options options = { 0 };

	strcpy(options.uuid, uuid);
	strcpy(options.destination, host);
	strcpy(options.destination_uri, uri);
	err = (struct cf_error){ 0 };
	return drive_libvirt.start(virt, &options, ret, &err);
}

static void test_driver(void)
{
	static const char *const no_hosts[] = { "", "h B", "hB/system", "hB?x=1", "h%42", "h@B", "hB\n" };
	static const char *const no_templates[] = { "qemu:///system", "qemu://%s/%s", "qemu://%d/", "%s%",
		"%%s" };
	const char *const strange = "11111111-2222-4333-8444-555555555555";
	struct drive *drive = NULL;
	struct drive_end end = { 0 };

	ok(!drive_libvirt.has_gate && !drive_libvirt.can_cut && drive_libvirt.outlives_agent,
	   "what the driver says of itself");
	for (size_t i = 0; i < CF_COUNT(no_hosts); i++)
		ok(start(UUID, no_hosts[i], "qemu+tcp://%s/system", &drive) == -EINVAL &&
		   err.code == CF_BAD_REQUEST,
		   "\"%s\" is no destination", i == CF_COUNT(no_hosts) - 1 ? "hB\\n" : no_hosts[i]);
	for (size_t i = 0; i < CF_COUNT(no_templates); i++)
		ok(start(UUID, "hB", no_templates[i], &drive) == -EINVAL && err.code == CF_HOST,
		   "\"%s\" is no template", no_templates[i]);
	ok(start(strange, "hB", "test://%s/", &drive) == -ENOENT && err.code == CF_NOT_FOUND && !drive,
	   "an unknown domain is not begun with");

	ok(start(UUID, "2001:db8::1", "qemu+tcp://%s/system", &drive) == 0 && drive->ops == &drive_libvirt,
	   "what libvirt will refuse is begun");
	ok(drive_wait(drive, PATIENCE, &end) == 0 && end.state == DRIVE_FAILED && end.code &&
	   end.error.text[0],
	   "and ends: %s", end.error.text);
	ok(drive_wait(drive, (cf_span){ 0 }, &end) == 0 && end.state == DRIVE_FAILED,
	   "the same when asked again");
	ok(drive_abort(drive, soon(), &err) < 0, "it is too late for an end");
	drive_free(drive);
}

static int no_peer(void *userdata, const struct drive_offer *offer, struct drive_answer *ret, struct cf_error *why)
{
	(void)offer;
	(void)ret;
	*(bool *)userdata = true;
	return cf_fail(why, ENOTCONN, CF_UNREACHABLE, "nobody");
}

static void test_gated(void)
{
	struct drive_options options = { .migrate_uri = "tcp://%s", .destination = "hB", .prepare = no_peer };
	struct drive *drive = NULL;
	bool asked = false;

	ok(drive_gated.has_gate && drive_gated.can_cut && !drive_gated.outlives_agent && !drive_gated.post_copy &&
	   drive_gated.settle, "what the driver with a gate says of itself");
	ok(phases_available(virt, &err), "this libvirt can be driven phase by phase");

	options.userdata = &asked;
	strcpy(options.uuid, UUID);
	ok(drive_gated.start(virt, &options, &drive, &err) == -EOPNOTSUPP && !drive && !asked,
	   "libvirt's test driver cannot, and nobody was asked: %s", err.text);
	options.options.post_copy = true;
	ok(drive_gated.start(virt, &options, &drive, &err) == -EOPNOTSUPP && err.code == CF_BAD_REQUEST && !asked,
	   "post-copy has no gate");
	strcpy(options.destination, "h B");
	ok(drive_gated.start(virt, &options, &drive, &err) == -EINVAL && !asked, "nor is everything a destination");
	ok(virt_hung_calls() == 0, "nothing hangs");
}

static void test_no_libvirt(void)
{
	struct cf_error why = { 0 };
	struct cf_domains *none = NULL;
	struct guest_watch *watch = NULL;
	struct guest_events events;
	struct virt_host host;

	ok(virt_new(&virt, "test:///nonexistent/file", &err) == 0,
	   "a libvirt that is not there is waited for");
	ok(virt_wait(virt, (cf_span){ 500 * CF_MS }, &why) == -ETIMEDOUT && why.code == CF_HOST,
	   "not for ever: %s",
	   why.text);
	ok(!virt_connected(virt, &why) && why.text[0] && !virt_host(virt, &host), "and nothing is known");
	ok(domain_list(virt, "", SIZE_MAX, none, &err) < 0, "no list");
	ok(guest_watch_new(virt, UUID, CF_SOURCE, &watch, &err) == 0, "one can watch already");
	guest_watch_read(watch, &events);
	ok(events.gap, "but is told of the gap");
	guest_watch_free(watch);
	virt_free(virt);
}

/* On one connection is one call at a time, also where one never returns. */
static void test_lines(void)
{
	cf_mono deadline = cf_mono_add(kernel_raw(), PATIENCE);
	struct virt_link *link = NULL, *next = NULL;
	struct virt_line *first = NULL, *second = NULL, *hung;
	virConnectPtr kept;

	ok(virt_link_open(virt, PATIENCE, &link, &err) == 0 && virt_line_take(link, deadline, &first, &err) == 0,
	   "a call has a connection: %s", err.text);
	hung = virt_line_hold(first);
	first = virt_line_drop(first);
	ok(virt_line_take(link, deadline, &second, &err) == 0 && second->connection != hung->connection,
	   "while it hangs the next call has another one");
	ok(virConnectIsAlive(hung->connection) == 1, "and its own stays open");
	hung = virt_line_drop(hung);
	kept = second->connection;
	second = virt_line_drop(second);
	ok(virt_line_take(link, deadline, &second, &err) == 0 && second->connection == kept,
	   "one that has returned leaves it to the next");
	link = virt_link_close(link);
	ok(virConnectIsAlive(kept) == 1, "a link can go before its call");
	second = virt_line_drop(second);

	ok(virt_link_open(virt, PATIENCE, &link, &err) == 0, "one more");
	kept = link->line->connection;
	virt_link_close(link);
	ok(virt_link_open(virt, PATIENCE, &link, &err) == 0 && link->line->connection == kept,
	   "what is free when its link is closed serves the next link");
	ok(virt_link_open(virt, PATIENCE, &next, &err) == 0 && next->line->connection != kept,
	   "which does not share it");
	virt_link_close(next);
	virt_link_close(link);
}

/* While the last call hangs, nobody takes another connection up. */
static void test_no_other_line(void)
{
	struct virt_link *link = NULL;
	struct virt_line *hung = NULL, *none = NULL;

	ok(virt_link_open(virt, PATIENCE, &link, &err) == 0 && virt_line_take(link, soon(), &hung, &err) == 0,
	   "a call has the connection");
	strcpy(virt->uri, "test:///nowhere");
	ok(virt_line_take(link, soon(), &none, &err) < 0 && !none, "where there is no other the next call has none: %s", err.text);
	link->line = virt_line_hold(hung);
	ok(job_answers(link, UUID, soon(), &err) < 0 && !link->line, "nor a question: %s", err.text);
	strcpy(virt->uri, URI);
	ok(hung->users == 1, "the call that hangs keeps its own");
	virt_line_drop(hung);
	virt_link_close(link);
}

int main(void)
{
	test_connecting();
	other = virConnectOpen(URI);
	test = virDomainLookupByName(other, "test");
	test_lookup();
	test_pages();
	test_autostart();
	test_evidence();
	test_events();
	test_questions();
	test_driver();
	test_gated();
	test_lines();
	test_no_other_line();
	virDomainFree(test);
	virConnectClose(other);
	virt_free(virt);
	test_no_libvirt();
	return done();
}
