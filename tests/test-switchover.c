/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Sequences of events as QEMU and libvirt were seen to send them, and what has
 * to be made of each.  The n-th word happens at instant n; "?" behind it is a
 * stamp that could not be placed.
 */

#include <stdlib.h>
#include <string.h>

#include "daemon/virt/switchover.h"
#include "proto/base.h"
#include "tests/tap.h"

#define TEXT_ROOM 256

static const struct {
	const char *word;
	struct guest_event event;
} words[] = {
	{ "STOP", { .kind = GUEST_EV_STOP, .placed = true } },
	{ "STOP?", { .kind = GUEST_EV_STOP } },
	{ "RESUME", { .kind = GUEST_EV_RESUME, .placed = true } },
	{ "RESUME?", { .kind = GUEST_EV_RESUME } },
	{ "active", { .kind = GUEST_EV_MIGRATION, .status = MIGRATION_ACTIVE } },
	{ "pre-switchover", { .kind = GUEST_EV_MIGRATION, .status = MIGRATION_PRE_SWITCHOVER } },
	{ "device", { .kind = GUEST_EV_MIGRATION, .status = MIGRATION_DEVICE } },
	{ "completed", { .kind = GUEST_EV_MIGRATION, .status = MIGRATION_COMPLETED } },
	{ "cancelling", { .kind = GUEST_EV_MIGRATION, .status = MIGRATION_CANCELLING } },
	{ "cancelled", { .kind = GUEST_EV_MIGRATION, .status = MIGRATION_CANCELLED } },
	{ "failed", { .kind = GUEST_EV_MIGRATION, .status = MIGRATION_FAILED } },
	{ "pass", { .kind = GUEST_EV_PASS, .pass = 3 } },
	{ "running", { .kind = GUEST_EV_RUNNING } },
	{ "paused", { .kind = GUEST_EV_PAUSED } },
	{ "arriving", { .kind = GUEST_EV_ARRIVING } },
	{ "io-error", { .kind = GUEST_EV_IO_ERROR } },
	{ "panicked", { .kind = GUEST_EV_PANICKED } },
	{ "shutdown", { .kind = GUEST_EV_SHUTDOWN } },
	{ "reset", { .kind = GUEST_EV_RESET } },
	{ "left", { .kind = GUEST_EV_GONE, .gone = GUEST_MIGRATED } },
	{ "destroyed", { .kind = GUEST_EV_GONE, .gone = GUEST_DESTROYED } },
	{ "crashed", { .kind = GUEST_EV_GONE, .gone = GUEST_CRASHED } },
	{ "job", { .kind = GUEST_EV_JOB, .job = { .has_bytes = true, .bytes = 5 } } },
	{ "gap", { .kind = GUEST_EV_GAP } },
};

static const struct {
	const char *sentence;
	enum cf_side side;
	const char *events;
	const char *meaning;
} cases[] = {
	{ "nothing happened", CF_SOURCE, "", "" },
	{ "the copy goes on", CF_SOURCE, "active pass pass", "" },
	{ "STOP alone may be anything yet", CF_SOURCE, "active pass STOP", "stop=3 stopped" },
	{ "the switchover", CF_SOURCE, "active pass STOP pre-switchover", "stop=3 stopped switchover" },
	{ "the switchover without pre-switchover", CF_SOURCE, "active STOP device",
	  "stop=2 stopped switchover" },
	{ "a pass in the last part is part of it", CF_SOURCE, "active STOP pre-switchover device pass",
	  "stop=2 stopped switchover" },
	{ "moved", CF_SOURCE, "active pass STOP pre-switchover device completed shutdown left job",
	  "stop=3 stopped switchover gone=migrated job" },
	{ "QEMU undid it", CF_SOURCE, "active STOP pre-switchover device failed RESUME running",
	  "stop=2 resume=6 known=7 switchover undone" },
	{ "cancelled before its last part", CF_SOURCE, "active STOP pre-switchover cancelling cancelled RESUME",
	  "stop=2 resume=6 switchover undone" },
	{ "cancelled in it", CF_SOURCE, "active STOP pre-switchover device cancelling RESUME cancelled",
	  "stop=2 resume=6 switchover undone late" },
	{ "it was undone, and somebody paused it later", CF_SOURCE,
	  "active STOP pre-switchover cancelled RESUME running STOP",
	  "stop=2 resume=5 known=6 stopped switchover paused undone" },
	{ "a later pause and resume change nothing", CF_SOURCE,
	  "active STOP pre-switchover cancelled RESUME running STOP RESUME running",
	  "stop=2 resume=5 known=6 switchover undone" },
	{ "paused by somebody during the copy: the next pass says so", CF_SOURCE, "active pass STOP pass",
	  "stop=3 stopped paused" },
	{ "a paused guest whose copy converges is no switchover", CF_SOURCE,
	  "active pass STOP pass pre-switchover device completed left",
	  "stop=3 stopped paused gone=migrated" },
	{ "paused and resumed by somebody, then the switchover", CF_SOURCE,
	  "active STOP pass RESUME running pass STOP pre-switchover", "stop=7 stopped switchover" },
	{ "late news of that resume undoes nothing", CF_SOURCE,
	  "active STOP pass RESUME pass STOP pre-switchover running", "stop=6 stopped switchover" },
	{ "libvirt's own reason for a pause", CF_SOURCE, "active STOP paused", "stop=2 stopped paused" },
	{ "a failing disk", CF_SOURCE, "active io-error STOP", "stop=3 stopped paused io-error" },
	{ "a disk that failed and was mended", CF_SOURCE, "active io-error STOP RESUME STOP pre-switchover",
	  "stop=5 stopped switchover" },
	{ "a panic", CF_SOURCE, "active panicked STOP", "stop=3 stopped paused panicked" },
	{ "it powers off", CF_SOURCE, "active shutdown STOP destroyed",
	  "stop=3 stopped paused shutting-down gone=destroyed" },
	{ "it reboots", CF_SOURCE, "active reset pass", "reset" },
	{ "it crashes", CF_SOURCE, "active crashed", "gone=crashed" },
	{ "it had been paused before all this", CF_SOURCE, "active pass pre-switchover device",
	  "stopped paused" },
	{ "STOP may have been missed", CF_SOURCE, "active gap pre-switchover", "stopped switchover gap" },
	{ "RESUME may have been missed", CF_SOURCE, "active STOP pre-switchover gap running",
	  "stop=2 known=5 switchover undone gap" },
	{ "a STOP that cannot be placed", CF_SOURCE, "active STOP? pre-switchover",
	  "stop-unplaced stopped switchover" },
	{ "a placed STOP after one that was not", CF_SOURCE, "STOP? pass RESUME? STOP pre-switchover",
	  "stop=4 stopped switchover" },
	{ "the destination takes it in", CF_DESTINATION, "arriving active", "stopped arriving" },
	{ "the destination loads it", CF_DESTINATION, "arriving active completed", "stopped arriving" },
	{ "landed", CF_DESTINATION, "arriving active completed RESUME running", "resume=4 known=5 landed" },
	{ "landed, RESUME missed", CF_DESTINATION, "arriving gap running", "known=3 landed gap" },
	{ "landed, RESUME cannot be placed", CF_DESTINATION, "arriving RESUME? running",
	  "resume-unplaced known=3 landed" },
	{ "given up before it ran", CF_DESTINATION, "arriving active destroyed", "stopped gone=destroyed" },
	{ "given up, and a second attempt", CF_DESTINATION, "arriving destroyed arriving RESUME",
	  "resume=4 landed" },
	{ "paused after the landing", CF_DESTINATION, "arriving RESUME running STOP paused",
	  "stop=4 resume=2 known=3 stopped paused landed" },
	{ "the landing is the first RESUME, the stop after it the first STOP", CF_DESTINATION,
	  "arriving RESUME running STOP RESUME running STOP",
	  "stop=4 resume=2 known=3 stopped paused landed" },
	{ "a word of QEMU's last part means nothing there", CF_DESTINATION, "arriving device RESUME",
	  "resume=3 landed" },
	{ "it died after the landing", CF_DESTINATION, "arriving RESUME running crashed",
	  "resume=2 known=3 landed gone=crashed" },
};

static void feed(struct guest_events *events, const char *word, size_t size, int64_t n)
{
	for (size_t i = 0; i < CF_COUNT(words); i++)
		if (strlen(words[i].word) == size && strncmp(words[i].word, word, size) == 0) {
			struct guest_event event = words[i].event;

			event.at.raw.ns = n;
			guest_events_add(events, &event);
			return;
		}
	printf("Bail out! no word %.*s\n", (int)size, word);
	exit(1);
}

static int64_t feed_all(struct guest_events *events, const char *text)
{
	int64_t n = 0;

	while (*text) {
		size_t size = strcspn(text, " ");

		feed(events, text, size, ++n);
		text += size + (text[size] == ' ');
	}
	return n;
}

static void say(char *text, bool when, const char *word)
{
	if (!when)
		return;
	if (*text)
		strcat(text, " ");
	strcat(text, word);
}

static void say_at(char *text, bool when, const char *word, cf_mono at)
{
	char buffer[40];

	snprintf(buffer, sizeof(buffer), "%s=%lld", word, (long long)at.ns);
	say(text, when, buffer);
}

static void meaning(const struct guest_events *events, char text[TEXT_ROOM])
{
	char gone[40];

	text[0] = '\0';
	snprintf(gone, sizeof(gone), "gone=%s", guest_gone_name(events->gone));
	say_at(text, events->has_stop, "stop", events->stop.raw);
	say_at(text, events->has_resume, "resume", events->resume.raw);
	say(text, events->stop_unplaced, "stop-unplaced");
	say(text, events->resume_unplaced, "resume-unplaced");
	say_at(text, events->has_resume_known, "known", events->resume_known);
	say(text, events->stopped, "stopped");
	say(text, events->switchover, "switchover");
	say(text, events->paused, "paused");
	say(text, events->undone, "undone");
	say(text, events->arriving, "arriving");
	say(text, events->landed, "landed");
	say(text, events->io_error, "io-error");
	say(text, events->panicked, "panicked");
	say(text, events->shutting_down, "shutting-down");
	say(text, events->reset, "reset");
	say(text, events->gone != GUEST_HERE, gone);
	say(text, events->has_job, "job");
	say(text, events->gap, "gap");
	say(text, events->cancelled_late, "late");
}

int main(void)
{
	for (size_t i = 0; i < CF_COUNT(cases); i++) {
		struct guest_events events;
		char text[TEXT_ROOM];
		int64_t n;

		guest_events_begin(&events, cases[i].side);
		n = feed_all(&events, cases[i].events);
		meaning(&events, text);
		ok(strcmp(text, cases[i].meaning) == 0, "%s", cases[i].sentence);
		if (strcmp(text, cases[i].meaning) != 0)
			printf("# \"%s\": wanted \"%s\", got \"%s\"\n", cases[i].events,
			       cases[i].meaning, text);
		ok(events.revision == n, "every event is news: %s", cases[i].sentence);
	}

	ok(migration_status_from("pre-switchover") == MIGRATION_PRE_SWITCHOVER, "QEMU's word is known");
	ok(migration_status_from("wait-unplug") == MIGRATION_OTHER, "another one is `other`");
	for (int status = 1; status < MIGRATION_OTHER; status++)
		ok(migration_status_from(migration_status_name(status)) == (enum migration_status)status,
		   "%s reads back", migration_status_name(status));
	return done();
}
