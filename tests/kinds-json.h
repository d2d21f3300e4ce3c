/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The message of tests/kinds.h as text: GOOD, and GOOD with one member as a
 * case would have it.
 */

#define AT "2026-01-31T12:00:00.000000001Z"
#define PART "{\"name\":\"bow\",\"side\":\"right\",\"skin\":\"AAEC\"}"

/* The message up to a member, and from the next one on, so that a case can put its own there. */
#define FLAG	"\"flag\":true,"
#define COUNT	"\"count\":12,"
#define DRIFT	"\"drift_ppm\":0.25,"
#define BLACK	"\"blackout_ns\":1500000,"
#define STOP	"\"stopped_raw_ns\":77,"
#define WHEN	"\"at\":\"" AT "\","
#define TEXT	"\"text\":\"a\\\"b\","
#define SKY	"\"sky\":\"rain\","
#define OFFSET	"\"offset\":{\"low_ns\":-10,\"high_ns\":20},"
#define MAIN	"\"main\":" PART ","
#define PARTS	"\"parts\":[" PART "],"
#define TAGS	"\"tags\":[\"a\",\"b\"],"
#define RECORD	"\"record\":\"/+8=\""
#define NEWS	",\"news\":[]"

#define GOOD	"{" FLAG COUNT DRIFT BLACK STOP WHEN TEXT SKY OFFSET MAIN PARTS TAGS RECORD NEWS "}"

#define WITH(x)		"{" FLAG COUNT DRIFT BLACK STOP WHEN TEXT SKY OFFSET MAIN PARTS TAGS RECORD "," x "}"
#define FLAG_IS(x) \
	"{\"flag\":" x "," COUNT DRIFT BLACK STOP WHEN TEXT SKY OFFSET MAIN PARTS TAGS RECORD "}"
#define COUNT_IS(x) \
	"{" FLAG "\"count\":" x "," DRIFT BLACK STOP WHEN TEXT SKY OFFSET MAIN PARTS TAGS RECORD "}"
#define DRIFT_IS(x) \
	"{" FLAG COUNT "\"drift_ppm\":" x "," BLACK STOP WHEN TEXT SKY OFFSET MAIN PARTS TAGS RECORD "}"
#define BLACK_IS(x) \
	"{" FLAG COUNT DRIFT "\"blackout_ns\":" x "," STOP WHEN TEXT SKY OFFSET MAIN PARTS TAGS RECORD "}"
#define STOP_IS(x) \
	"{" FLAG COUNT DRIFT BLACK "\"stopped_raw_ns\":" x "," WHEN TEXT SKY OFFSET MAIN PARTS TAGS RECORD "}"
#define AT_IS(x) \
	"{" FLAG COUNT DRIFT BLACK STOP "\"at\":" x "," TEXT SKY OFFSET MAIN PARTS TAGS RECORD "}"
#define TEXT_IS(x) \
	"{" FLAG COUNT DRIFT BLACK STOP WHEN "\"text\":" x "," SKY OFFSET MAIN PARTS TAGS RECORD "}"
#define SKY_IS(x) \
	"{" FLAG COUNT DRIFT BLACK STOP WHEN TEXT "\"sky\":" x "," OFFSET MAIN PARTS TAGS RECORD "}"
#define OFFSET_IS(x) \
	"{" FLAG COUNT DRIFT BLACK STOP WHEN TEXT SKY "\"offset\":" x "," MAIN PARTS TAGS RECORD "}"
#define MAIN_IS(x) \
	"{" FLAG COUNT DRIFT BLACK STOP WHEN TEXT SKY OFFSET "\"main\":" x "," PARTS TAGS RECORD "}"
#define PARTS_ARE(x) \
	"{" FLAG COUNT DRIFT BLACK STOP WHEN TEXT SKY OFFSET MAIN "\"parts\":" x "," TAGS RECORD "}"
#define TAGS_ARE(x) \
	"{" FLAG COUNT DRIFT BLACK STOP WHEN TEXT SKY OFFSET MAIN PARTS "\"tags\":" x "," RECORD "}"
#define RECORD_IS(x) \
	"{" FLAG COUNT DRIFT BLACK STOP WHEN TEXT SKY OFFSET MAIN PARTS TAGS "\"record\":" x "}"
#define X_IS(x)		"{\"x\":" x "}"

#define TEN(x)	x x x x x x x x x x
#define KEY_63	"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"
