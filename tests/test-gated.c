/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The driver with a gate, at the source, and leftovers. */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "daemon/virt/drive.h"
#include "daemon/virt/job.h"
#include "daemon/virt/leftover.h"
#include "tests/fake-phases.h"
#include "tests/tap.h"

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

/* QEMU's target is set before Begin, by the same task, and is to be what it was where nothing comes of that. */
static atomic_ullong target_ms;
static sem_t *target_hold;	/* who sets one waits for it */

int virDomainMigrateGetMaxDowntime(virDomainPtr domain, unsigned long long *downtime, unsigned int flags)
{
	(void)domain;
	(void)flags;
	*downtime = atomic_load(&target_ms);
	return 0;
}

int virDomainMigrateSetMaxDowntime(virDomainPtr domain, unsigned long long downtime, unsigned int flags)
{
	(void)domain;
	(void)flags;
	if (target_hold)
		sem_wait(target_hold);
	atomic_store(&target_ms, downtime);
	return 0;
}

/* What a Begin leaves behind that was waited for, and one that was not. */
static unsigned long long target_after(int answer, bool waited_for, sem_t **where)
{
	struct phase *phase = phase_new(phase_set_out, virDomainGetConnect(test), NULL, 0);
	sem_t hold;

	forget();
	sem_init(&hold, 0, waited_for);
	fake.begin = answer;
	*where = &hold;
	memcpy(phase->uuid, UUID, sizeof(phase->uuid));
	phase->aims = true;
	phase->aim_ms = 77;
	atomic_store(&target_ms, 300);
	task_by(&phase->task, NULL, NULL, waited_for ? soon() : now(), &err);
	phase_drop(phase);
	if (!waited_for) {
		sem_post(&hold);
		sem_post(&hold);
	}
	while (virt_hung_calls() > 0)
		usleep(1000);
	*where = NULL;
	sem_destroy(&hold);
	return atomic_load(&target_ms);
}

static void test_target(void)
{
	ok(target_after(0, true, &fake.hold) == 77, "a migration that has begun keeps its target");
	ok(target_after(VIR_ERR_OPERATION_FAILED, true, &fake.hold) == 300, "a guest of which none has gets back its own");
	ok(target_after(VIR_ERR_OPERATION_FAILED, false, &fake.hold) == 300, "also when that was no longer waited for");
	ok(target_after(0, false, &fake.hold) == 300, "and when it had begun, but too late");
	ok(target_after(0, false, &target_hold) == 300, "and when libvirtd had hung before that");
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

/* Leftovers */

static int state(void)
{
	int now_is = VIR_DOMAIN_NOSTATE;

	virDomainGetState(test, &now_is, NULL, 0);
	return now_is;
}

/* By itself this libvirt lets nothing run on. */
static void test_unblock(void)
{
	CF_AUTO(virt_link_close) struct virt_link *link = NULL;
	int now_is, why;

	virDomainDestroy(test);
	virDomainCreate(test);
	ok(virt_link_open(virt, PATIENCE, &link, &err) == 0 && virDomainGetState(test, &now_is, &why, 0) == 0 &&
	   now_is == VIR_DOMAIN_RUNNING && why != VIR_DOMAIN_RUNNING_UNPAUSED, "a guest that nobody has paused yet");
	ok(job_unblock(link, UUID, soon(), &err) == 0 && virDomainGetState(test, &now_is, &why, 0) == 0 &&
	   now_is == VIR_DOMAIN_RUNNING && why == VIR_DOMAIN_RUNNING_UNPAUSED, "is paused for a moment, and runs on");
	virDomainSuspend(test);
	ok(job_unblock(link, UUID, soon(), &err) == 0 && state() == VIR_DOMAIN_PAUSED, "one that is paused stays so");
	virDomainResume(test);
	ok(job_unblock(link, COME, soon(), &err) == -ENOENT, "one that is not there: %s", err.text);
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
	if (!fake_begins())
		return 1;
	test_begin();
	test_storage();
	test_target();
	test_settle();
	test_unblock();
	test_leftovers();
	ok(fake_ends(), "nothing hangs");
	return done();
}
