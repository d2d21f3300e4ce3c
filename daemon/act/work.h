/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One migration, as its own thread has it.
 *
 * An act is a straight line of code on that thread: it may block, and returns
 * exactly one event.  Between acts nobody touches what is the thread's own;
 * what others may look at or leave here is under the lock, and reached through
 * the functions below alone.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "daemon/act/aim.h"
#include "daemon/act/carrier.h"
#include "daemon/act/context.h"
#include "daemon/act/looker.h"
#include "daemon/act/lookout.h"
#include "daemon/peer/call.h"
#include "daemon/settings.h"
#include "daemon/virt/connect.h"
#include "daemon/virt/drive.h"
#include "daemon/virt/events.h"
#include "daemon/virt/incoming.h"
#include "policy/gate.h"
#include "policy/offset.h"
#include "policy/phase.h"
#include "policy/ramp.h"
#include "policy/watch.h"
#include "proto/figure.h"
#include "proto/incoming.h"

/* Both connections to the other agent: orders on one, so that probes never wait behind them, on the other. */
struct work_peer {
	struct call *call;
	struct call *probes;
	struct cf_offset offset;	/* RAW destination - RAW source */
	char boot[CF_BOOT_ROOM];
	bool has_at_stop;
	struct cf_interval at_stop;	/* the same at the instant of STOP */
	bool refined;			/* from rounds before and after the migration's own traffic */
};

struct work {
	const struct act_context *context;
	struct settings *settings;		/* as they were when its turn came */
	enum cf_side side;
	char id[CF_UUID_ROOM];
	char boot[CF_UUID_ROOM];		/* of this host */
	cf_mono began;
	const struct drive_ops *_Atomic driver;	/* a check chooses it, on the thread; the loop asks for its facts */
	enum cf_phase again;			/* in which it was taken up by an agent that was restarted */
	bool to_open;				/* then, before the first act */
	bool booted;				/* ... and the host had booted anew */

	/* what was asked for */
	struct cf_options wish;
	char *xml, *persistent_xml;		/* may hold secrets */

	/* the thread's own */
	struct virt_link *link;
	struct work_peer peer;
	struct guest_watch *watch;
	struct drive *drive;
	struct cf_terms terms;			/* source: on which it was asked for */
	struct cf_reservation draft;		/* source: as it will be sent */
	struct cf_reservation reservation;	/* source: as sent; destination: as received */
	struct cf_lease lease;
	struct cf_both_limits limits;		/* of names in settings and reservation */
	struct cf_record *record;		/* source: as captured; destination: the newest that came in */
	bool has_record;
	bool has_first_guest_offset;		/* source: to get the guest's rate from */
	struct cf_guest_offset first_guest_offset;
	bool has_expected_downtime;		/* source: QEMU's last word before STOP */
	cf_span expected_downtime;
	struct cf_receipt *receipt;		/* as it grows */
	bool by_post_copy;			/* source: it was told to run there before its memory was */
	bool by_driver;				/* source: why it ended is the driver's word, and nobody else's yet */
	bool torn;				/* of that the driver saw no good end */
	bool hung;				/* destination: libvirtd had, since RESUME: what was to be soon is late */
	bool has_aim;				/* destination */
	struct aim aim;
	struct cf_ramp_rules ramp_rules;	/* source */
	struct cf_ramp ramp;
	struct cf_copy copied;			/* source: whether it gets anywhere */
	struct cf_gate_memory gate;		/* source */
	bool held_back;
	bool autostart_held;			/* source: the domain no longer starts with this host */
	bool owed;				/* source: the destination has not had the receipt */
	char alone[CF_DETAIL_ROOM];		/* somebody else's: why no agent of the other host has a part in it */
	struct lookout *lookout;		/* source: from the copy on, until the receipt */
	struct looker *looker;			/* source: while memory is copied */
	struct carrier *carrier;		/* source: lever kvm, from the copy on */
	struct carried *carried;		/* destination: lever kvm, once there is a QEMU with the library */
	struct cf_counters *counters;		/* destination: the newest that came in; or NULL */

	/* drivers with a gate; the thread's own, too */
	struct ward *ward;			/* source: while there is something to cut */
	struct pulse *pulse;			/* ... and what asked libvirtd meanwhile, as it ends */
	char uri[CF_URI_ROOM];			/* source: where the memory is sent */
	char storage_uri[CF_URI_ROOM];		/* and copied storage; "" when there is none */
	bool record_there;			/* source: the destination has the record of STOP */
	cf_mono decided;			/* source: when it was let go or called back */
	cf_mono valid_until;			/* source: of the commit, by the destination's RAW clock */
	struct cf_blob finish_cookie;		/* source: the destination's, for Confirm; a secret */
	struct incoming *incoming;		/* destination: the domain that waits */
	bool has_was_defined;
	bool was_defined;			/* destination: libvirt had a definition of it before */
	cf_mono loaded_at;			/* destination: when it was first seen to have everything */
	struct cf_commit *obeyed;		/* destination: the one that is */

	/* anyone's, under the lock */
	pthread_mutex_t lock;
	struct cf_migration shown;
	struct cf_landing landing;
	bool has_last_word;			/* destination: it is over, and its mark is gone */
	enum cf_word last_word;
	struct cf_record *inbox;		/* destination: the newest record that came in */
	struct cf_receipt *closing;		/* destination: the source's receipt */
	struct cf_counters *brought;		/* destination: the newest counters that came in */
	cf_mono heard;				/* destination: the source's last word */
	pthread_cond_t news;			/* destination: of the three below, and of a closing */
	struct cf_offer *offer;
	struct cf_commit *commit;
	struct cf_prepared prepared;		/* destination: what is answered, as often as it is asked */
	struct cf_answer answer;
	enum cf_resolution resolution;		/* source: the operator's */
	char resolved_why[CF_DETAIL_ROOM];
	char abort_reason[CF_DETAIL_ROOM];
	atomic_bool abort;
	atomic_bool stopping;
	void (*changed)(void *userdata);	/* called, from any thread, when `shown` moved on */
	void *userdata;
};

int work_new(struct work **ret, const struct act_context *context, enum cf_side side, const char *id,
	     struct cf_error *err);
void work_free(struct work *work);
CF_DEFINE_AUTO(struct work *, work_free)

/* The thread's connection to libvirtd, made anew when it is lost; NULL when that fails. */
struct virt_link *work_link(struct work *work, struct cf_error *err);

/* Source: both connections to the destination's agent, or none; err says why.  On the thread. */
int work_calls(struct work *work, struct cf_error *err);

/* Source: what the destination says of the landing, within two seconds.  On the thread. */
int work_ask_landing(struct work *work, struct cf_landing *ret, struct cf_error *err);

/* Has the other host's agent a part in it?  In a migration of somebody else's it need not have. */
static inline bool work_has_peer(const struct work *work)
{
	return !work->driver->foreign || *(work->side == CF_SOURCE ? work->lease.host : work->reservation.source);
}

/* On the loop, before the first act: its turn has come. */
void work_set_out(struct work *work);

/*
 * One act of the table, on the migration's thread.  *why is filled with the reason of a
 * failure or refusal.  The last one closes every connection, and so does one that has
 * it wait again.
 */
enum cf_event work_act(struct work *work, enum cf_act act, char why[static CF_DETAIL_ROOM]);

/* Change what is shown: between begin and end the caller holds the lock; end counts the revision up. */
struct cf_migration *work_show_begin(struct work *work);
void work_show_end(struct work *work);

/*
 * On the loop, after the last act: what is shown then, with its end as the receipt has
 * it; and have that shown.
 */
void work_concluded(struct work *work, struct cf_migration *ret);
void work_conclude(struct work *work);

/* Copies for a reader on any thread. */
void work_shown(struct work *work, struct cf_migration *ret);
void work_landing(struct work *work, struct cf_landing *ret);

/* The destination's part of the receipt, to be changed by the thread between begin and end. */
struct cf_landing *work_landing_begin(struct work *work);
void work_landing_end(struct work *work);

/* Ask the thread to stop what can still be stopped; and, on the thread, whether somebody did. */
void work_abort(struct work *work, const char *reason);
bool work_aborted(struct work *work, char why[static CF_DETAIL_ROOM]);

/* The agent ends: waits that have no end of their own end.  And, on the thread, whether it does. */
void work_stop(struct work *work);
bool work_stopping(const struct work *work);

/* On the loop, between two acts: the phase that was entered at `at` has ended. */
void work_note_phase(struct work *work, enum cf_phase phase, struct cf_instant entered);

/* From the loop: what the source's agent said.  Both are taken over. */
void work_take_record(struct work *work, struct cf_record *record);
void work_take_closing(struct work *work, struct cf_receipt *receipt);
void work_take_counters(struct work *work, struct cf_counters *counters);

/* On the thread: move the newest record that came in to work->record; false when there is no news. */
bool work_newest_record(struct work *work);

/* The same for the guest's counters, which become work->counters. */
bool work_newest_counters(struct work *work);

/* The same for the source's receipt, which becomes work->receipt; on the loop once the thread has left. */
bool work_newest_closing(struct work *work);

/*
 * Drivers with a gate.  From the loop: what the source's agent brought, taken over; a repeat
 * of what was taken before is dropped.  On the thread: take it; NULL when there is none.
 */
void work_give_offer(struct work *work, struct cf_offer *offer);
void work_give_commit(struct work *work, struct cf_commit *commit);
struct cf_offer *work_take_offer(struct work *work);
struct cf_commit *work_take_commit(struct work *work);

/* On the thread: until there is news, or for so long. */
void work_wait(struct work *work, cf_span patience);

/* What was answered, between begin and end under the lock. */
struct cf_prepared *work_prepared_begin(struct work *work);
struct cf_answer *work_answer_begin(struct work *work);
void work_answer_end(struct work *work);

/* From the loop: the operator's word; and, on the thread, whether there is one. */
void work_resolve(struct work *work, enum cf_resolution resolution, const char *reason);
enum cf_resolution work_resolution(struct work *work, char why[static CF_DETAIL_ROOM]);

/* Wipes and frees; NULL is fine. */
struct cf_offer *work_offer_free(struct cf_offer *offer);
struct cf_commit *work_commit_free(struct cf_commit *commit);
CF_DEFINE_AUTO(struct cf_offer *, work_offer_free)
CF_DEFINE_AUTO(struct cf_commit *, work_commit_free)

/* The driver of that name; libvirt's own for one that nobody knows. */
const struct drive_ops *work_driver(const char *name);

/* How long the source's agent has said nothing. */
cf_span work_silence(struct work *work);

/*
 * A line for the receipt: why that figure was not measured; CF_FIGURE_OTHER for what is
 * none of the receipt's.
 */
void work_unmeasured(struct work *work, enum cf_figure figure, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
