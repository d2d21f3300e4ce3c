/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The agent's log: journald with fields, or lines on stderr where standard
 * error does not lead to journald.
 *
 * Only who owns an event logs it, once.  What operators have to act on has a
 * message id, which systemd/clockferry.catalog explains in a paragraph
 * (journalctl -x) and a monitoring rule can match.  Any thread may call.
 */

#include <stddef.h>
#include <syslog.h>

/* One more field for the journal; without a value, or with "", it is left out. */
struct log_field {
	const char *name;
	const char *value;
};

/* What a line is about; any member may be NULL or "". */
struct log_about {
	const char *id;			/* MESSAGE_ID, one of LOG_ID_... */
	const char *migration;		/* CLOCKFERRY_MIGRATION, its uuid */
	const char *domain;		/* CLOCKFERRY_DOMAIN, its name */
	const char *peer;		/* CLOCKFERRY_PEER, a host's name */
	const struct log_field *fields;	/* for the journal alone */
	size_t n_fields;
};

#define LOG_ID_STARTED			"654a74f2eae24398ba37dd339567b4aa"
#define LOG_ID_SETTINGS_INVALID		"8892cc925ac5455fa41020380fcf7207"
#define LOG_ID_CLOCK_CHANGED		"6995d2eb2021420e96776ecca27dbff8"
#define LOG_ID_GATE_CLOSED		"e0d2bb96f33c40fb9bbab31f8af4a948"
#define LOG_ID_GATE_OPENED		"574bcb9aa87043228ce9d84c31987990"
#define LOG_ID_MIGRATION_REFUSED	"a15c6aaf24494e3585449ba4f8983ac5"
#define LOG_ID_MIGRATION_ABORTED	"f92cc385d2df4c3c8b0e275b05306869"
#define LOG_ID_MIGRATION_CLEAN		"702a64e3ce04474b966747c0f652bea2"
#define LOG_ID_MIGRATION_BREACHED	"93cf5c14332c48c684f37c4ac9f18877"
#define LOG_ID_MIGRATION_UNVERIFIED	"3daca73e253c4ad78bb7f924882c8af3"
#define LOG_ID_MIGRATION_STRAY		"5b0fd6f4c1d14e0c8f0a4d8a1c9f7e36"
#define LOG_ID_PEER_LOST		"743ec8d5476f4d12a9faafa856c4ac04"
#define LOG_ID_PEER_BACK		"00fc3c77240a4998a40414f9b0164ffd"
#define LOG_ID_LIBVIRT_LOST		"c7ef27e91a94441d902d90a274372bca"
#define LOG_ID_LIBVIRT_BACK		"5674aff3714b476fbab5f0093373c227"
#define LOG_ID_TWO_COPIES		"5a2d5cf6119e43f0841cfb098715e375"
#define LOG_ID_IN_DOUBT			"8f3f6c1be6bd43a7a3cf1d4b5d1a1c55"
#define LOG_ID_LEFTOVER			"c9a1a8c5a4b14d3b8f6fc8a9e3a7f0d2"
#define LOG_ID_GUEST_DOWN		"f720b17849494c749743082daec9f6b7"
#define LOG_ID_TORN			"ff04e06017a14f2788784df545f81d7a"
#define LOG_ID_LEDGER_FAILED		"0dbcbee7f1614a01b454345d6e73e063"
#define LOG_ID_LEDGER_BACK		"eec3411bb42b4de6a79b6ce5f7d9c4e9"
#define LOG_ID_LEDGER_LOST		"aa1b0606a6fa487c846986796f413373"
#define LOG_ID_GUARD_REFUSED		"fdd124b4affd473e99fe373730ba5672"
#define LOG_ID_GUARD_OBSERVED		"909797e184a9497ba2282bcb3dcdaa3d"
#define LOG_ID_TLS_OFF			"fc2f46d97aad4c0cb0e86296e367a8bb"

/*
 * One line.  Control characters in it become '?': names of domains and peers
 * come from outside.  On stderr it looks like
 * "<5>peer hB is back (peer=hB)", whose prefix systemd reads as the priority.
 * Longer than LINE_MAX is cut.
 */
void log_write(int priority, const struct log_about *about, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* log_notice_about(LOG_ABOUT(.id = LOG_ID_PEER_BACK, .peer = name), "peer %s is back", name) */
#define LOG_ABOUT(...) (&(const struct log_about){ __VA_ARGS__ })

#define log_error(...)	 log_write(LOG_ERR, NULL, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, NULL, __VA_ARGS__)
#define log_notice(...)	 log_write(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_debug(...)	 log_write(LOG_DEBUG, NULL, __VA_ARGS__)

#define log_error_about(about, ...)   log_write(LOG_ERR, (about), __VA_ARGS__)
#define log_warning_about(about, ...) log_write(LOG_WARNING, (about), __VA_ARGS__)
#define log_notice_about(about, ...)  log_write(LOG_NOTICE, (about), __VA_ARGS__)
#define log_info_about(about, ...)    log_write(LOG_INFO, (about), __VA_ARGS__)
