/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What holds for every message: it comes back as it was, in its order, for its reader's version. */

#include <errno.h>
#include <locale.h>
#include <string.h>

#include "proto/base.h"
#include "proto/codec.h"
#include "tests/any.h"
#include "tests/kinds-json.h"
#include "tests/kinds.h"
#include "tests/tap.h"

static bool decode(const char *text, enum cf_mode mode, struct kinds *k)
{
	struct cf_error err;

	if (cf_decode(&kinds_shape, mode, text, strlen(text), k, &err) == 0)
		return true;
	printf("# %s\n", err.text);
	return false;
}

static void try_members(void)
{
	struct kinds k;

	ok(decode(GOOD, CF_STRICT, &k), "the good message");
	ok(k.flag && k.count == 12 && k.drift_ppm == 0.25, "... bool, int, real");
	ok(k.blackout.ns == 1500000 && k.stopped.ns == 77, "... span, mono");
	ok(k.at.ns == INT64_C(1769860800) * CF_S + 1, "... time");
	ok(strcmp(k.text, "a\"b") == 0 && k.sky == SKY_RAIN, "... text, enum");
	ok(k.offset.low.ns == -10 && k.offset.high.ns == 20, "... interval");
	ok(strcmp(k.main.name, "bow") == 0 && k.main.side == SIDE_RIGHT && k.main.skin.size == 3,
	   "... shape");
	ok(k.n_parts == 1 && strcmp(k.parts[0].name, "bow") == 0, "... list of shapes");
	ok(k.n_tags == 2 && strcmp(k.tags[1], "b") == 0, "... list of texts");
	ok(k.record.size == 2 && k.record.data[0] == 0xff && k.record.data[1] == 0xef, "... blob");
	ok(!k.has_anything && !k.main.has_weight && !k.has_spare, "... and nothing that was not sent");
	cf_message_clear(&kinds_shape, &k);
	ok(!k.flag && !k.record.data && k.n_parts == 0, "cleared to zero");

	ok(decode(TEXT_IS("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00fc\\u20AC\\ud83d\\ude00\""), CF_STRICT, &k),
	   "escapes");
	ok(strcmp(k.text, "\"\\/\b\f\n\r\t\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80") == 0,
	   "... become what they stand for");
	cf_message_clear(&kinds_shape, &k);

	ok(decode(WITH("\"late_ns\":-5,\"anything\":0"), CF_STRICT, &k), "optional members");
	ok(k.has_late && k.late.ns == -5 && k.has_anything && k.anything == 0, "... say that they are there");
	cf_message_clear(&kinds_shape, &k);

	ok(decode(SKY_IS("\"snow\""), CF_TOLERANT, &k) && k.sky == SKY_UNKNOWN,
	   "a newer peer's word is unknown");
	cf_message_clear(&kinds_shape, &k);
}

static void try_order(void)
{
	static const char turned[] =
		"{" RECORD "," TAGS PARTS MAIN OFFSET SKY TEXT WHEN STOP BLACK DRIFT COUNT "\"flag\":true}";
	struct kinds k;
	char *text;

	ok(decode(turned, CF_STRICT, &k), "the order of keys does not matter");
	text = cf_encode(&kinds_shape, &k, KINDS_MINOR);
	ok(text && strcmp(text, GOOD) == 0, "and is always the table's when we write");
	free(text);
	cf_message_clear(&kinds_shape, &k);
}

static void try_since(void)
{
	struct kinds k;
	char *text;

	decode(WITH("\"late_ns\":5,\"spare\":" PART ",\"news\":[\"x\"]"), CF_STRICT, &k);
	text = cf_encode(&kinds_shape, &k, 3);
	ok(text && strstr(text, "\"late_ns\":5") && strstr(text, "\"news\":[\"x\"]"),
	   "1.3 is told all of it");
	free(text);
	text = cf_encode(&kinds_shape, &k, 2);
	ok(text && strstr(text, "\"late_ns\":5") && !strstr(text, "news"),
	   "1.2 is not told what came with 1.3");
	free(text);
	text = cf_encode(&kinds_shape, &k, 1);
	ok(text && !strstr(text, "late_ns") && strstr(text, "spare"), "1.1 is not told what came with 1.2");
	free(text);
	cf_message_clear(&kinds_shape, &k);
}

/* What somebody asked for must not get lost on its way to an older agent without a word. */
static void try_untold(void)
{
	struct kinds k = { .n_parts = 1 };

	ok(!cf_untold(&kinds_shape, &k, 0), "an old agent is told all of an old message");
	k.has_late = true;
	ok(cf_untold(&kinds_shape, &k, 1) && strcmp(cf_untold(&kinds_shape, &k, 1), "late") == 0 &&
	   !cf_untold(&kinds_shape, &k, 2), "but not what came later");
	k.n_news = 1;
	ok(cf_untold(&kinds_shape, &k, 2) && strcmp(cf_untold(&kinds_shape, &k, 2), "news") == 0, "nor a list with something in it");
}

static void try_bad_texts(void)
{
	struct kinds k = { .text = "a\xff" "b\xe2\x82", .count = 10 };
	char *text = cf_encode(&kinds_shape, &k, 0);

	ok(text && strstr(text, "\"text\":\"a?b??\""), "bytes that are no text leave as question marks");
	ok(text && decode(text, CF_STRICT, &k), "... so that a peer takes the message");
	free(text);
	cf_message_clear(&kinds_shape, &k);

	k = (struct kinds){ .count = 10 };
	memset(k.text, 'x', sizeof(k.text));
	text = cf_encode(&kinds_shape, &k, 0);
	ok(text && strstr(text, "\"text\":\"xxxxxxxxxxxxxxxxxxxxxxx\""),
	   "a text without its NUL ends with its room");
	free(text);

	k = (struct kinds){ .text = "\x01\x1f\x7f\b\f\n\r\t\"\\/" };
	text = cf_encode(&kinds_shape, &k, 0);
	ok(text && strstr(text, "\"text\":\"\\u0001\\u001f\x7f\\b\\f\\n\\r\\t\\\"\\\\/\""),
	   "control characters are escaped");
	free(text);
}

static const struct {
	double d;
	const char *text;
} reals[] = {
	{ 0, "0.0" }, { -0.0, "-0.0" }, { 1, "1.0" }, { 0.1, "0.1" }, { 0.1 + 0.2, "0.30000000000000004" },
	{ 1e22, "1e+22" }, { -2.5e-7, "-2.5e-07" }, { 1.0 / 3, "0.3333333333333333" },
	{ 123456789012345680.0, "1.2345678901234568e+17" }, { 5e-324, "4.94065645841247e-324" },
	{ 1.7976931348623157e308, "1.7976931348623157e+308" },
};

static void try_reals(const char *where)
{
	for (size_t i = 0; i < CF_COUNT(reals); i++) {
		struct kinds k = { .drift_ppm = reals[i].d };
		char *text = cf_encode(&kinds_shape, &k, 0), *at = text ? strstr(text, "drift_ppm\":") : NULL;

		ok(at && strncmp(at + 11, reals[i].text, strlen(reals[i].text)) == 0 && at[11 +
		   strlen(reals[i].text)] == ',',
		   "a real as %s%s", reals[i].text, where);
		free(text);
	}
}

/* Debian's C.UTF-8 is always there; a locale with a comma may not be, and is then left out. */
static void try_locales(void)
{
	static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8", "C.UTF-8" };
	struct kinds k;

	for (size_t i = 0; i < CF_COUNT(names); i++) {
		if (!setlocale(LC_ALL, names[i]))
			continue;
		try_reals(", whatever the locale");
		ok(decode(DRIFT_IS("1.5"), CF_STRICT, &k) && k.drift_ppm == 1.5,
		   "reals are read the same in %s", names[i]);
		cf_message_clear(&kinds_shape, &k);
		setlocale(LC_ALL, "C");
	}
}

static void try_limits(void)
{
	size_t n = 131073 * 2 + 16;
	char *text = malloc(n), *at = text;
	struct cf_error err = { 0 };
	struct kinds k;

	at = stpcpy(at, "{\"x\":[0");
	for (int i = 3; i < 131072; i++)
		at = stpcpy(at, ",0");
	strcpy(at, "]}");
	ok(cf_decode(&kinds_shape, CF_STRICT, text, strlen(text), &k, &err) == -EINVAL &&
	   strcmp(err.text, "x: unknown field") == 0, "131072 values are read");
	strcpy(at, ",0]}");
	ok(cf_decode(&kinds_shape, CF_STRICT, text, strlen(text), &k, &err) == -E2BIG &&
	   strcmp(err.text, "kinds: more than 131072 values") == 0, "one more is not");
	free(text);

	ok(cf_decode(&kinds_shape, CF_STRICT, "{}\0", 3, &k, &err) == -EINVAL &&
	   strcmp(err.text, "kinds: not JSON at byte 2: something follows the value") == 0,
	   	"a NUL at the end is not ours");
	ok(cf_decode(&kinds_shape, CF_STRICT, GOOD, strlen(GOOD), &k, NULL) == 0,
	   "nobody has to want the error");
	cf_message_clear(&kinds_shape, &k);
	ok(cf_decode(&kinds_shape, CF_STRICT, GOOD, strlen(GOOD) - 1, &k, NULL) == -EINVAL,
	   "... also when there is one");
}

static bool round_trip(enum cf_mode mode)
{
	struct kinds k = { 0 }, back = { 0 };
	struct cf_error err = { 0 };
	char *text, *again;
	bool good;

	any_message(&kinds_shape, false, &k);
	text = cf_encode(&kinds_shape, &k, KINDS_MINOR);
	good = text && cf_decode(&kinds_shape, mode, text, strlen(text), &back, &err) == 0 &&
		any_same(&kinds_shape, &k, &back);
	again = good ? cf_encode(&kinds_shape, &back, KINDS_MINOR) : NULL;
	good = good && again && strcmp(text, again) == 0;
	if (!good)
		printf("# %s\n# %s\n", err.text, text);

	free(again);
	free(text);
	cf_message_clear(&kinds_shape, &back);
	cf_message_clear(&kinds_shape, &k);
	return good;
}

static void try_round_trips(void)
{
	int good = 0;

	for (int i = 0; i < 5000; i++)
		good += round_trip(i % 2 ? CF_STRICT : CF_TOLERANT);
	ok(good == 5000, "%d of 5000 random messages came back as they were", good);
}

/* A message cut at every byte is an error, and never the error of a part that was not sent. */
static void try_cuts(void)
{
	static const char text[] = GOOD;
	struct kinds k;
	size_t refused = 0;

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		char *copy = malloc(n + 1);

		memcpy(copy, text, n);
		refused += cf_decode(&kinds_shape, CF_TOLERANT, copy, n, &k, NULL) == -EINVAL;
		free(copy);
	}
	ok(refused == sizeof(text) - 1, "no beginning of a message is a message");
}

int main(void)
{
	try_members();
	try_order();
	try_since();
	try_untold();
	try_bad_texts();
	try_reals("");
	try_locales();
	try_limits();
	try_cuts();
	try_round_trips();

	return done();
}
