/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Questions that libvirt does not answer, or that cannot be asked any more: nothing is made of that which
 * only an answer can tell.  Over its test driver, in front of which stand a few calls of this file's.
 */

#include <dlfcn.h>
#include <errno.h>
#include <libvirt/libvirt.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "daemon/clock/kernel.h"
#include "daemon/virt/domain.h"
#include "daemon/virt/leftover.h"
#include "daemon/virt/private.h"
#include "daemon/virt/task.h"
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

static const char *gone = "";	/* the same of the question of that domain's XML; "-": it has gone */
static bool and_libvirtd;	/* or only the domain */

char *virDomainGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
	char *(*really)(virDomainPtr, unsigned int) = NULL;
	void *symbol = dlsym(RTLD_NEXT, __func__);

	memcpy(&really, &symbol, sizeof(symbol));
	if (strcmp(virDomainGetName(domain), gone) != 0)
		return really(domain, flags);
	gone = "-";
	return NULL;
}

int virConnectIsAlive(virConnectPtr connection)
{
	int (*really)(virConnectPtr) = NULL;
	void *symbol = dlsym(RTLD_NEXT, __func__);

	memcpy(&really, &symbol, sizeof(symbol));
	return *gone == '-' && and_libvirtd ? 0 : really(connection);
}

static sem_t held;	/* calls that hang wait for it */
static atomic_bool state_hangs;
static int paused_for = -1;	/* the reason, if it is */

int virDomainGetState(virDomainPtr domain, int *state, int *reason, unsigned int flags)
{
	int (*really)(virDomainPtr, int *, int *, unsigned int) = NULL;
	void *symbol = dlsym(RTLD_NEXT, __func__);

	memcpy(&really, &symbol, sizeof(symbol));
	if (atomic_load(&state_hangs))
		sem_wait(&held);
	if (paused_for < 0)
		return really(domain, state, reason, flags);
	*state = VIR_DOMAIN_PAUSED;
	if (reason)
		*reason = paused_for;
	return 0;
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

/* Why libvirt has it paused tells whether somebody wants that. */
static void test_paused(void)
{
	static const struct {
		const char *sentence;
		int reason;
		bool migrating, moving, stranded;
	} rows[] = {
		{ "paused by somebody", VIR_DOMAIN_PAUSED_USER, false, false, false },
		{ "paused to go", VIR_DOMAIN_PAUSED_MIGRATION, true, true, false },
		{ "paused while its QEMU is started", VIR_DOMAIN_PAUSED_STARTING_UP, false, true, false },
		{ "paused because libvirt could not let it run", 14, false, false, true },
	};
	struct domain_standing standing;

	for (size_t i = 0; i < CF_COUNT(rows); i++) {
		paused_for = rows[i].reason;
		ok(domain_look(virt, UUID, &standing, &err) == 0 && standing.state == CF_DOMAIN_PAUSED &&
		   standing.migrating == rows[i].migrating && standing.moving == rows[i].moving &&
		   standing.stranded == rows[i].stranded, "%s, that is what is told of it", rows[i].sentence);
	}
	paused_for = -1;
}

/* A page from which somebody is missing is one of those who are there, or none at all. */
static void test_list(void)
{
	static struct cf_domains list;
	virConnectPtr other = virConnectOpen("test:///default");
	virDomainPtr one = virDomainDefineXML(other, "<domain type='test'><name>one</name><memory>1024</memory><vcpu>1</vcpu>"
						     "<os><type>hvm</type></os></domain>");

	ok(domain_list(virt, "", 9, &list, &err) == 0 && list.n_list == 2, "a list of two domains");
	gone = "one";
	ok(domain_list(virt, "", 9, &list, &err) == 0 && list.n_list == 1 && strcmp(list.list[0].name, "test") == 0,
	   "when one has gone in the middle of it, of the other");
	gone = "one";
	and_libvirtd = true;
	ok(domain_list(virt, "", 9, &list, &err) < 0 && err.code == CF_HOST, "when libvirtd has, it is none: %s", err.text);
	gone = "";
	ok(domain_list(virt, "", 9, &list, &err) == 0 && list.n_list == 2, "asked again, both are there");
	virDomainUndefine(one);
	virDomainFree(one);
	virConnectClose(other);
}

static int hang(struct task *task, struct cf_error *why)
{
	(void)task;
	(void)why;
	return sem_wait(&held);
}

/* A libvirtd that says that it is there, and nothing else: who asks has an end all the same, and asks by no second thread. */
static void test_hangs(void)
{
	struct cf_domain_evidence evidence;
	struct domain_standing standing;
	struct cf_guest_clock guest;

	sem_init(&held, 0, 0);
	atomic_store(&state_hangs, true);
	ok(domain_look(virt, UUID, &standing, &err) == -ETIMEDOUT && virt_hung_calls() == 1, "how a domain stands is given up: %s",
	   err.text);
	ok(domain_evidence(virt, UUID, &evidence, &guest, &err) == -EALREADY && virt_hung_calls() == 1, "and not asked again: %s",
	   err.text);
	ok(domain_look(virt, "nobody", &standing, &err) == 0 && !standing.known, "of another domain it is");
	atomic_store(&state_hangs, false);
	sem_post(&held);
	while (virt_hung_calls() > 0)
		usleep(1000);
	ok(domain_look(virt, UUID, &standing, &err) == 0 && standing.active, "until the first question is answered");
	sem_destroy(&held);
}

/* Where so much hangs that no more is asked, that is not taken for libvirt's "it has no job". */
static void test_all_hang(void)
{
	struct domain_standing standing;
	struct virt_link *link = NULL;
	int n = 0, r = 0;

	sem_init(&held, 0, 0);
	ok(virt_link_open(virt, PATIENCE, &link, &err) == 0, "there is a connection to ask by");
	virt_link_close(link);
	while (n < 1000 && r == 0) {
		CF_AUTO(task_drop) struct task *task = task_new(sizeof(*task), hang, NULL);

		r = task_start(task, NULL, NULL, &err);
		n += r == 0;
	}
	ok(r == -EAGAIN && domain_look(virt, UUID, &standing, &err) == -EAGAIN, "how a domain stands is not known: %s", err.text);
	for (int i = 0; i < n; i++)
		sem_post(&held);
	while (virt_hung_calls() > 0)
		usleep(1000);
	ok(domain_look(virt, UUID, &standing, &err) == 0 && !standing.moving, "until they have come back");
	sem_destroy(&held);
}

static atomic_int waiting = -1;	/* connections, when it was told that the agent's own is lost */

static void on_news(const struct virt_news *news, void *userdata)
{
	(void)userdata;
	if (news->what == VIRT_DISCONNECTED)
		waiting = (int)virt->n_idle;
}

/* What waits for its next use may take its time to close; who watches a guest hears of the gap before that. */
static void test_lost(void)
{
	struct virt_link *link = NULL;

	ok(virt_link_open(virt, PATIENCE, &link, &err) == 0, "a connection that will wait");
	virt_link_close(link);
	virt_set_listener(virt, on_news, NULL);
	pthread_mutex_lock(&virt->lock);
	ok(virt->n_idle > 0, "waits");
	virt->lost = true;
	pthread_cond_broadcast(&virt->changed);
	pthread_mutex_unlock(&virt->lock);
	for (int i = 0; i < 6000 && waiting < 0; i++)
		usleep(10000);
	ok(waiting > 0, "when libvirtd is lost that is told first");
	virt_set_listener(virt, NULL, NULL);
}

/* Libvirtd hangs in the last calls of a connection: nobody has the agent wait for that. */
static atomic_bool last_calls_hang;

int virConnectUnregisterCloseCallback(virConnectPtr connection, virConnectCloseFunc fn)
{
	int (*really)(virConnectPtr, virConnectCloseFunc) = NULL;
	void *symbol = dlsym(RTLD_NEXT, __func__);

	memcpy(&really, &symbol, sizeof(symbol));
	if (atomic_load(&last_calls_hang))
		sem_wait(&held);
	return really(connection, fn);
}

static bool is_over(void)
{
	bool over;

	pthread_mutex_lock(&virt->lock);
	over = virt->over;
	pthread_mutex_unlock(&virt->lock);
	return over;
}

static void test_end(void)
{
	cf_mono began;

	sem_init(&held, 0, 0);
	ok(virt_wait(virt, PATIENCE, &err) == 0, "a connection stands");
	atomic_store(&last_calls_hang, true);
	began = kernel_raw();
	virt_free(virt);
	ok(cf_mono_since(kernel_raw(), began).ns < PATIENCE.ns / 2 && !is_over(), "and is left where its end hangs");
	sem_post(&held);
	for (int i = 0; i < 6000 && !is_over(); i++)
		usleep(10000);
	ok(is_over(), "which comes when it can");
	pthread_join(virt->keeper, NULL);
}

int main(void)
{
	if (virt_new(&virt, "test:///default", &err) < 0 || virt_wait(virt, PATIENCE, &err) < 0)
		return 1;
	test_unanswered();
	test_paused();
	test_list();
	test_hangs();
	test_all_hang();
	test_lost();
	test_end();
	return done();
}
