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

static sem_t held;	/* calls that hang wait for it */

static int hang(struct task *task, struct cf_error *why)
{
	(void)task;
	(void)why;
	return sem_wait(&held);
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

int main(void)
{
	if (virt_new(&virt, "test:///default", &err) < 0 || virt_wait(virt, PATIENCE, &err) < 0)
		return 1;
	test_unanswered();
	test_all_hang();
	test_lost();
	virt_free(virt);
	return done();
}
