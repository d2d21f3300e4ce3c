/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is taken, what is refused, and in which words: the tables are the specification. */

#include <string.h>

#include "proto/base.h"
#include "proto/codec.h"
#include "tests/kinds-json.h"
#include "tests/kinds.h"
#include "tests/tap.h"

struct test {
	const char *why;
	const char *text;
	const char *strict;	/* what it says in this mode; "" when it is taken */
	const char *tolerant;	/* NULL: the same */
};

static const struct test structure[] = {
	{ "as sent by an agent", GOOD, "" },
	{ "with white space all over", " \t\r\n" GOOD " \n", "" },
	{ "nothing", "", "kinds: not JSON at byte 0: a value is due" },
	{ "blanks", "  ", "kinds: not JSON at byte 2: a value is due" },
	{ "cut short", "{\"flag\":", "kinds: not JSON at byte 8: a value is due" },
	{ "cut shorter", "{", "kinds: not JSON at byte 1: a key is due" },
	{ "cut in a key", "{\"fl", "kinds: not JSON at byte 4: a text without its end" },
	{ "cut after a key", "{\"flag\"", "kinds: not JSON at byte 7: a colon is due" },
	{ "cut after a member", "{\"flag\":true", "kinds: not JSON at byte 12: a comma or } is due" },
	{ "cut in a list", "{\"tags\":[\"a\"", "kinds: not JSON at byte 12: a comma or ] is due" },
	{ "a list", "[]", "kinds: not an object" },
	{ "a number", "12", "kinds: not an object" },
	{ "a text", "\"x\"", "kinds: not an object" },
	{ "null", "null", "kinds: not an object" },
	{ "a word of no language", "{\"flag\":yes}", "kinds: not JSON at byte 8: a value is due" },
	{ "a word in capitals", "{\"flag\":TRUE}", "kinds: not JSON at byte 8: a value is due" },
	{ "a word run on", "{\"flag\":truest}", "kinds: not JSON at byte 12: a comma or } is due" },
	{ "a comma too many in an object", "{\"flag\":true,}", "kinds: not JSON at byte 13: a key is due" },
	{ "a comma too many in a list", "{\"tags\":[\"a\",]}", "kinds: not JSON at byte 13: a value is due" },
	{ "a comma alone", "{,}", "kinds: not JSON at byte 1: a key is due" },
	{ "single quotes", "{'flag':true}", "kinds: not JSON at byte 1: a key is due" },
	{ "a bare key", "{flag:true}", "kinds: not JSON at byte 1: a key is due" },
	{ "a comment", "{/* */}", "kinds: not JSON at byte 1: a key is due" },
	{ "a form feed for a blank", "{\f}", "kinds: not JSON at byte 1: a key is due" },
	{ "a byte order mark", "\xef\xbb\xbf{}", "kinds: not JSON at byte 0: a value is due" },
	{ "something after it", "{} x", "kinds: not JSON at byte 3: something follows the value" },
	{ "another message after it", "{}{}", "kinds: not JSON at byte 2: something follows the value" },
	{ "brackets that do not match", "{\"tags\":[}", "kinds: not JSON at byte 9: a value is due" },

	{ "a member gone",
	  "{" FLAG DRIFT BLACK STOP WHEN TEXT SKY OFFSET MAIN PARTS TAGS RECORD "}", "count: missing" },
	{ "all members gone", "{}", "flag: missing" },
	{ "lists gone", "{" FLAG COUNT DRIFT BLACK STOP WHEN TEXT SKY OFFSET MAIN RECORD "}", "" },
	{ "a member of a member gone", MAIN_IS("{\"name\":\"x\",\"side\":\"left\"}"), "main.skin: missing" },
	{ "a member of an element gone", PARTS_ARE("[" PART ",{\"name\":\"x\"}]"), "parts[1].side: missing" },
	{ "a field we never heard of", WITH("\"x\":1"), "x: unknown field", "" },
	{ "one deep inside", PARTS_ARE("[{\"name\":\"\",\"side\":\"left\",\"skin\":\"\",\"x\":{}}]"),
	  "parts[0].x: unknown field", "" },
	{ "one in an interval",
	  OFFSET_IS("{\"low_ns\":0,\"high_ns\":0,\"mid_ns\":0}"), "offset.mid_ns: unknown field", "" },
	{ "a key without its unit", BLACK_IS("1,\"blackout\":1"), "blackout: unknown field", "" },
	{ "an unknown key that moves the cursor", WITH("\"\x7f\xc2\x9bm\":1"), "??m: unknown field", "" },
	{ "the empty key", WITH("\"\":1"), ": unknown field", "" },

	{ "a key given twice", WITH("\"flag\":true"), "flag: given twice" },
	{ "an unknown key given twice", WITH("\"x\":1,\"x\":2"), "x: given twice" },
	{ "one given twice inside", MAIN_IS("{\"name\":\"a\",\"name\":\"a\"}"), "main.name: given twice" },
	{ "one given twice far inside", WITH("\"x\":[[],[{},{\"y\":1,\"y\":1}]]"), "x[1][1].y: given twice" },
	{ "a key given twice, once in disguise", WITH("\"fl\\u0061g\":true"), "fl\\u0061g: given twice" },
	{ "a key in disguise, once", "{\"fl\\u0061g\":1}", "flag: not true or false" },
	{ "a key with a NUL", WITH("\"flag\\u0000\":true"), "kinds: holds a NUL" },
	{ "a key as long as may be", WITH("\"" KEY_63 "\":1"), KEY_63 ": unknown field", "" },
	{ "a longer one", WITH("\"" KEY_63 "k\":1"), KEY_63 "k: a key longer than 63 bytes" },

	{ "nested 16 deep", WITH("\"x\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]"), "x: unknown field", "" },
	{ "nested 17 deep", WITH("\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]"),
	  "x[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: nested deeper than 16" },
	{ "objects 17 deep",
	  "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
	  "{\"a\":{\"a\":{}", "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a: nested deeper than 16" },
};

static const struct test numbers[] = {
	{ "false", FLAG_IS("false"), "" },
	{ "a number for a bool", FLAG_IS("1"), "flag: not true or false" },
	{ "a text for a bool", FLAG_IS("\"true\""), "flag: not true or false" },
	{ "null for a bool", FLAG_IS("null"), "flag: not true or false" },

	{ "the least integer", COUNT_IS("10"), "" },
	{ "the largest integer", COUNT_IS("1000"), "" },
	{ "one below", COUNT_IS("9"), "count: 9 is below 10" },
	{ "one above", COUNT_IS("1001"), "count: 1001 is above 1000" },
	{ "a text for an integer", COUNT_IS("\"12\""), "count: not an integer" },
	{ "null for an integer", COUNT_IS("null"), "count: not an integer" },
	{ "a list for an integer", COUNT_IS("[12]"), "count: not an integer" },
	{ "an integer with a point", COUNT_IS("12.0"), "count: not an integer" },
	{ "an integer with an exponent", COUNT_IS("1e2"), "count: not an integer" },
	{ "an integer with a plus", COUNT_IS("+12"), "kinds: not JSON at byte 21: a value is due" },
	{ "an integer with a leading zero",
	  COUNT_IS("012"), "kinds: not JSON at byte 22: a number that begins with 0" },
	{ "a hexadecimal integer", COUNT_IS("0x12"), "kinds: not JSON at byte 22: a comma or } is due" },
	{ "a minus alone", COUNT_IS("-"), "kinds: not JSON at byte 22: a number without digits" },
	{ "2^63", COUNT_IS("9223372036854775808"), "count: beyond 64 bits" },
	{ "-2^63 - 1", COUNT_IS("-9223372036854775809"), "count: beyond 64 bits" },
	{ "2^64", COUNT_IS("18446744073709551616"), "count: beyond 64 bits" },
	{ "2^64 + 12, which wraps to 12", COUNT_IS("18446744073709551628"), "count: beyond 64 bits" },
	{ "100 digits", COUNT_IS(TEN("1234567890")), "count: beyond 64 bits" },
	{ "2^63 - 1 where it fits", WITH("\"anything\":9223372036854775807"), "" },
	{ "-2^63 where it fits", WITH("\"anything\":-9223372036854775808"), "" },

	{ "a real without a point", DRIFT_IS("3"), "" },
	{ "a real with an exponent", DRIFT_IS("-12.5E-3"), "" },
	{ "a real at its limit", DRIFT_IS("500.5"), "" },
	{ "a real above it", DRIFT_IS("500.50000000000006"), "drift_ppm: 500.50000000000006 is above 500.5" },
	{ "a real below", DRIFT_IS("-2e300"), "drift_ppm: -2e+300 is below -1e+300" },
	{ "a real that overflows", DRIFT_IS("-1e999"), "drift_ppm: beyond a double" },
	{ "a real that underflows", DRIFT_IS("1e-999"), "" },
	{ "a text for a real", DRIFT_IS("\"1\""), "drift_ppm: not a number" },
	{ "NaN", DRIFT_IS("NaN"), "kinds: not JSON at byte 36: a value is due" },
	{ "Infinity", DRIFT_IS("Infinity"), "kinds: not JSON at byte 36: a value is due" },
	{ "-Infinity", DRIFT_IS("-Infinity"), "kinds: not JSON at byte 37: a number without digits" },
	{ "NaN where nobody looks", WITH("\"x\":NaN"), "kinds: not JSON at byte 327: a value is due" },
	{ "a point without digits after it",
	  DRIFT_IS("1."), "kinds: not JSON at byte 38: no digit after the point" },
	{ "a point without digits before it", DRIFT_IS(".5"), "kinds: not JSON at byte 36: a value is due" },
	{ "a real of 63 characters", DRIFT_IS("0." TEN("000000") "1"), "" },
	{ "a real of 64 characters",
	  DRIFT_IS("0." TEN("000000") "01"), "drift_ppm: a number longer than 63 characters" },
	{ "an exponent without digits",
	  DRIFT_IS("1e+"), "kinds: not JSON at byte 39: no digit in the exponent" },

	{ "a span below", BLACK_IS("-1"), "blackout_ns: -1 is below 0" },
	{ "a span above", BLACK_IS("86400000000001"), "blackout_ns: 86400000000001 is above 86400000000000" },
	{ "a span with a point", BLACK_IS("0.0"), "blackout_ns: not an integer" },
	{ "a span in words", BLACK_IS("\"1 s\""), "blackout_ns: not an integer" },
	{ "the end of a monotonic clock", STOP_IS("9223372036854775807"), "" },
	{ "a monotonic clock before its boot", STOP_IS("-1"), "stopped_raw_ns: -1 is below 0" },

	{ "an interval of one value", OFFSET_IS("{\"low_ns\":5,\"high_ns\":5}"), "" },
	{ "an interval, high end first", OFFSET_IS("{\"high_ns\":6,\"low_ns\":5}"), "" },
	{ "an interval upside down",
	  OFFSET_IS("{\"low_ns\":5,\"high_ns\":4}"), "offset: low_ns is above high_ns" },
	{ "half an interval", OFFSET_IS("{\"low_ns\":5}"), "offset.high_ns: missing" },
	{ "an interval beyond", OFFSET_IS("{\"low_ns\":-31622400000000001,\"high_ns\":0}"),
	  "offset.low_ns: -31622400000000001 is below -31622400000000000" },
	{ "a number for an interval", OFFSET_IS("5"), "offset: not an object" },
	{ "an interval over everything",
	  WITH("\"wide\":{\"low_ns\":-9223372036854775808,\"high_ns\":9223372036854775807}"), "" },
};

static const struct test texts[] = {
	{ "an empty text", TEXT_IS("\"\""), "" },
	{ "a text that just fits", TEXT_IS("\"12345678901234567890123\""), "" },
	{ "one byte more", TEXT_IS("\"123456789012345678901234\""), "text: longer than 23 bytes" },
	{ "bytes count, not characters",
	  TEXT_IS("\"" TEN("\xe2\x82\xac") "\""),
	  "text: longer than 23 bytes" },
	{ "every escape", TEXT_IS("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00fc\\u20AC\\ud83d\\ude00\""), "" },
	{ "DEL", TEXT_IS("\"\x7f\""), "" },
	{ "a number for a text", TEXT_IS("1"), "text: not a text" },
	{ "null for a text", TEXT_IS("null"), "text: not a text" },
	{ "a NUL in disguise", TEXT_IS("\"a\\u0000b\""), "text: holds a NUL" },
	{ "a NUL in an unknown text", WITH("\"x\":[0,\"\\u0000\"]"), "x[1]: holds a NUL" },
	{ "a backslash and u0000", TEXT_IS("\"\\\\u0000\""), "" },
	{ "a newline as it is",
	  X_IS("\"a\nb\""), "kinds: not JSON at byte 7: a control character in a text" },
	{ "an escape of no language",
	  X_IS("\"\\x41\""), "kinds: not JSON at byte 7: an escape that does not exist" },
	{ "an escape cut short",
	  X_IS("\"\\u12\""), "kinds: not JSON at byte 10: \\u without four hexadecimal digits" },
	{ "the first half of a pair",
	  X_IS("\"\\ud83d\""), "kinds: not JSON at byte 12: half a surrogate pair" },
	{ "the second half of a pair",
	  X_IS("\"\\ude00\""), "kinds: not JSON at byte 12: half a surrogate pair" },
	{ "two first halves",
	  X_IS("\"\\ud83d\\ud83d\""), "kinds: not JSON at byte 18: half a surrogate pair" },
	{ "half a pair and another escape",
	  X_IS("\"\\ud83d\\n\""), "kinds: not JSON at byte 13: half a surrogate pair" },
	{ "Latin-1", X_IS("\"\xfc\""), "kinds: not JSON at byte 6: not UTF-8" },
	{ "an overlong NUL", X_IS("\"\xc0\x80\""), "kinds: not JSON at byte 6: not UTF-8" },
	{ "an overlong slash", X_IS("\"\xe0\x80\xaf\""), "kinds: not JSON at byte 6: not UTF-8" },
	{ "a surrogate in UTF-8", X_IS("\"\xed\xa0\x80\""), "kinds: not JSON at byte 6: not UTF-8" },
	{ "beyond Unicode", X_IS("\"\xf4\x90\x80\x80\""), "kinds: not JSON at byte 6: not UTF-8" },
	{ "a character cut short", X_IS("\"\xe2\x82\""), "kinds: not JSON at byte 6: not UTF-8" },
	{ "a byte that begins nothing", X_IS("\"\x80\""), "kinds: not JSON at byte 6: not UTF-8" },

	{ "an unknown word with a way out", SKY_IS("\"sun\""), "sky: unknown word 'sun'", "" },
	{ "an unknown word without one", MAIN_IS("{\"name\":\"\",\"side\":\"top\",\"skin\":\"\"}"),
	  "main.side: unknown word 'top'" },
	{ "an unknown word in a list",
	  PARTS_ARE("[" PART "," PART ",{\"name\":\"\",\"side\":\"\\u001b[2J\",\"skin\":\"\"}]"),
	  "parts[2].side: unknown word '?[2J'" },
	{ "a word in capitals", SKY_IS("\"Rain\""), "sky: unknown word 'Rain'", "" },
	{ "a number for a word", SKY_IS("2"), "sky: not a text" },
	{ "a long unknown word", MAIN_IS("{\"name\":\"\",\"side\":\"" TEN("1234567890") "\",\"skin\":\"\"}"),
	  "main.side: unknown word '12345678901234567890123456789012345678901234567'" },

	{ "1970", AT_IS("\"1970-01-01T00:00:00.000000000Z\""), "" },
	{ "the last nanosecond there is", AT_IS("\"2262-04-11T23:47:16.854775807Z\""), "" },
	{ "one more",
	  AT_IS("\"2262-04-11T23:47:16.854775808Z\""), "at: after 2262-04-11T23:47:16.854775807Z" },
	{ "1969", AT_IS("\"1969-12-31T23:59:59.999999999Z\""), "at: before 1970" },
	{ "a number for a time", AT_IS("0"), "at: not a text" },
	{ "eight digits",
	  AT_IS("\"2026-01-31T12:00:00.00000000Z\""), "at: not a time like 2026-01-31T12:00:00.000000000Z" },
	{ "an offset", AT_IS("\"2026-01-31T12:00:00.000000000+00:00\""),
	  "at: not a time like 2026-01-31T12:00:00.000000000Z" },
	{ "no leap day", AT_IS("\"2026-02-29T12:00:00.000000000Z\""), "at: no such date" },
	{ "a leap second",
	  AT_IS("\"2016-12-31T23:59:60.000000000Z\""), "at: second 60, a leap second, has no POSIX time" },
	{ "24 o'clock", AT_IS("\"2026-01-31T24:00:00.000000000Z\""), "at: no such time of day" },
};

static const struct test nested[] = {
	{ "a text for a shape", MAIN_IS("\"x\""), "main: not an object" },
	{ "null for a shape", MAIN_IS("null"), "main: not an object" },
	{ "a weight", MAIN_IS("{\"name\":\"x\",\"side\":\"left\",\"weight\":5,\"skin\":\"\"}"), "" },
	{ "null for an optional weight",
	  MAIN_IS("{\"name\":\"x\",\"side\":\"left\",\"weight\":null,\"skin\":\"\"}"),
	  "main.weight: not an integer" },
	{ "an optional weight out of range",
	  WITH("\"spare\":{\"name\":\"\",\"side\":\"left\",\"weight\":-6,\"skin\":\"\"}"),
	  "spare.weight: -6 is below -5" },
	{ "an object for a list", PARTS_ARE("{}"), "parts: not a list" },
	{ "null for a list", PARTS_ARE("null"), "parts: not a list" },
	{ "a full list", PARTS_ARE("[" PART "," PART "," PART "]"), "" },
	{ "one more", PARTS_ARE("[" PART "," PART "," PART "," PART "]"), "parts: more than 3 elements" },
	{ "an element of the wrong kind", PARTS_ARE("[" PART ",1]"), "parts[1]: not an object" },
	{ "an empty list", TAGS_ARE("[]"), "" },
	{ "a full list of texts", TAGS_ARE("[\"1234567\",\"\",\"\",\"\"]"), "" },
	{ "a long text in a list", TAGS_ARE("[\"\",\"12345678\"]"), "tags[1]: longer than 7 bytes" },
	{ "a number in a list of texts", TAGS_ARE("[\"\",\"\",7]"), "tags[2]: not a text" },

	{ "no bytes", RECORD_IS("\"\""), "" },
	{ "one byte", RECORD_IS("\"/w==\""), "" },
	{ "64 bytes", RECORD_IS("\"" TEN("AAAAAAAA") "AAAAAA==\""), "" },
	{ "65 bytes", RECORD_IS("\"" TEN("AAAAAAAA") "AAAAAAA=\""), "record: more than 64 bytes" },
	{ "far more", RECORD_IS("\"" TEN("AAAAAAAAAAAAAAAA") "\""), "record: more than 64 bytes" },
	{ "a number for bytes", RECORD_IS("7"), "record: not a text" },
	{ "bytes not padded", RECORD_IS("\"/w\""), "record: not base64" },
	{ "bytes padded too much", RECORD_IS("\"/===\""), "record: not base64" },
	{ "padding alone", RECORD_IS("\"====\""), "record: not base64" },
	{ "padding half way", RECORD_IS("\"/w==AAAA\""), "record: not base64" },
	{ "unused bits of two characters", RECORD_IS("\"/x==\""), "record: not base64" },
	{ "unused bits of three characters", RECORD_IS("\"//9=\""), "record: not base64" },
	{ "the alphabet for file names", RECORD_IS("\"-_8=\""), "record: not base64" },
	{ "bytes over two lines", RECORD_IS("\"AAAA\\nAAA\""), "record: not base64" },
	{ "a list that fails after a blob",
	  PARTS_ARE("[" PART "," PART ",{\"name\":\"x\",\"side\":\"left\",\"skin\":\"?\"}]"),
	  "parts[2].skin: not base64" },
	{ "a message that fails after all blobs",
	  WITH("\"news\":[\"\",\"\",\"\"]"), "news: more than 2 elements" },

	{ "a member of a later version", WITH("\"late_ns\":5"), "" },
	{ "a list of a later version", WITH("\"news\":[\"x\"]"), "" },
	{ "a member of a later version out of range",
	  WITH("\"late_ns\":1000000001"), "late_ns: 1000000001 is above 1000000000" },
};

static void try_mode(const struct test *t, enum cf_mode mode, const char *says)
{
	struct kinds before, k;
	struct cf_error err = { 0 };
	int r;

	memset(&before, 0x5a, sizeof(before));
	k = before;
	r = cf_decode(&kinds_shape, mode, t->text, strlen(t->text), &k, &err);

	ok(r == 0 ? !*says : *says != '\0', "%s, %s", t->why, mode == CF_STRICT ? "strictly" : "tolerantly");
	if (strcmp(err.text, says) != 0)
		printf("# says: %s\n", err.text);
	ok(strcmp(err.text, says) == 0, "... says \"%s\"", says);
	if (r == 0) {
		cf_message_clear(&kinds_shape, &k);
		return;
	}
	ok(memcmp(&k, &before, sizeof(k)) == 0, "... and writes nothing");
	ok(err.code == (mode == CF_STRICT ? CF_BAD_REQUEST : CF_PEER), "... and says whose fault it is");
}

static void try_all(const struct test *tests, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		try_mode(&tests[i], CF_STRICT, tests[i].strict);
		try_mode(&tests[i], CF_TOLERANT, tests[i].tolerant ? tests[i].tolerant : tests[i].strict);
	}
}

int main(void)
{
	try_all(structure, CF_COUNT(structure));
	try_all(numbers, CF_COUNT(numbers));
	try_all(texts, CF_COUNT(texts));
	try_all(nested, CF_COUNT(nested));

	return done();
}
