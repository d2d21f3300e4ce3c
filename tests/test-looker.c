/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The thread that asks while memory is copied, over libvirt's test driver: it may outlive who has it ask, not the agent. */

#include <unistd.h>

#include "daemon/act/looker.h"
#include "daemon/virt/connect.h"
#include "daemon/worker.h"
#include "tests/tap.h"

#define UUID "6695eb01-f6a4-8304-79aa-97f2502e193f"	/* of the domain "test" there */
#define PATIENCE ((cf_span){ 60 * CF_S })

int main(void)
{
	struct looker_options options = { .uuid = UUID, .progress_every = { CF_MS }, .ask_guest = true, .rounds = 4 };
	static struct act_context context;
	struct looker_news news = { 0 };
	struct looker *looker = NULL;
	struct cf_error err = { 0 };

	ok(virt_new(&context.virt, "test:///default", &err) == 0 && virt_wait(context.virt, PATIENCE, &err) == 0 &&
	   guest_watch_new(context.virt, UUID, CF_SOURCE, &options.watch, &err) == 0, "libvirt is there: %s", err.text);
	ok(looker_new(&looker, &context, &options, &err) == 0, "it begins to look: %s", err.text);
	for (int i = 0; i < 6000 && news.readings == 0; i++) {
		usleep(10000);
		looker_read(looker, &news);
	}
	ok(news.readings > 0 && !news.read && *news.guest_why, "a guest without an agent was asked: %s", news.guest_why);
	ok(news.looks == 0, "and of a copy there is nothing to be seen");
	ok(worker_wait((cf_span){ 0 }) == 1, "who is to free what it uses finds it at work");
	looker_free(looker);
	guest_watch_free(options.watch);
	ok(worker_wait(PATIENCE) == 0, "and can wait for it to end by itself");
	virt_free(context.virt);
	return done();
}
