/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "daemon/act/hand.h"

#include "daemon/loop.h"
#include "daemon/worker.h"

static enum cf_act next_act(struct hand *hand)
{
	enum cf_act act;

	pthread_mutex_lock(&hand->lock);
	while (hand->act == CF_ACT_NONE && !hand->leave)
		pthread_cond_wait(&hand->wake, &hand->lock);
	act = hand->act;
	hand->act = CF_ACT_NONE;
	pthread_mutex_unlock(&hand->lock);

	return act;
}

static void *thread_main(void *userdata)
{
	struct hand *hand = userdata;

	for (;;) {
		enum cf_act act = next_act(hand);

		if (act == CF_ACT_NONE)
			return NULL;
		hand->why[0] = '\0';
		hand->event = work_act(hand->work, act, hand->why);
		loop_post(hand->work->context->loop, hand->done, hand->userdata);
	}
}

void hand_begin(struct hand *hand, void (*done)(void *userdata), void *userdata)
{
	hand->done = done;
	hand->userdata = userdata;
	pthread_mutex_init(&hand->lock, NULL);
	pthread_cond_init(&hand->wake, NULL);
}

void hand_end(struct hand *hand)
{
	pthread_cond_destroy(&hand->wake);
	pthread_mutex_destroy(&hand->lock);
}

int hand_hire(struct hand *hand, struct cf_error *err)
{
	int r = hand->has_thread ? 0 : worker_thread(&hand->thread, thread_main, hand, err);

	hand->has_thread = r == 0;
	return r;
}

void hand_give(struct hand *hand, enum cf_act act)
{
	pthread_mutex_lock(&hand->lock);
	hand->act = act;
	pthread_cond_signal(&hand->wake);
	pthread_mutex_unlock(&hand->lock);
}

void hand_dismiss(struct hand *hand)
{
	if (!hand->has_thread)
		return;

	pthread_mutex_lock(&hand->lock);
	hand->leave = true;
	pthread_cond_signal(&hand->wake);
	pthread_mutex_unlock(&hand->lock);
	pthread_join(hand->thread, NULL);
	hand->has_thread = false;
}
